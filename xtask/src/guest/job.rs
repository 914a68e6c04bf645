//! One run in the guest, and the directory that tells the guest's init about it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::guest::machine::Machine;
use crate::host::workspace;

const INIT: &str = include_str!("init.sh");
const PREFIX: &str = "job-";

/// A command to run in a machine.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) machine: &'a Machine,
    /// Whether the machine's modules are loaded and its set-up lines run.
    pub(crate) modules: bool,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(String, String)>,
    /// Where the command starts; the guest sees the work tree at its own path.
    pub(crate) directory: PathBuf,
    /// The longest time for everything, boot included.
    pub(crate) timeout: Duration,
    /// The longest time without output.
    pub(crate) silence: Option<Duration>,
}

/// The directory shared with the guest's init.
#[derive(Debug)]
pub(crate) struct JobDirectory {
    directory: TempDir,
    pub(crate) nonce: String,
}

impl JobDirectory {
    /// Writes down `job` in a new directory below `target/vm`, where others that were left by killed runs are removed.
    pub(crate) fn create(job: &Job<'_>) -> Result<Self> {
        let parent = workspace::vm();
        fs::create_dir_all(workspace::out())
            .with_context(|| format!("cannot create {}", workspace::out().display()))?;
        sweep(&parent);
        let directory = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir_in(&parent)
            .with_context(|| format!("cannot make a directory in {}", parent.display()))?;
        let name = directory
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let this = Self {
            directory,
            nonce: name,
        };
        this.write(job)?;
        Ok(this)
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The file that QEMU writes the serial console to.
    pub(crate) fn console(&self) -> PathBuf {
        self.path().join("console")
    }

    fn write(&self, job: &Job<'_>) -> Result<()> {
        let lines = |list: &[String]| list.join("\n").into_bytes();
        let (modules, setup) = if job.modules {
            (lines(&job.machine.modules), lines(&job.machine.setup))
        } else {
            Default::default()
        };
        let environment: Vec<OsString> = job
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}").into())
            .collect();
        let files = [
            ("init.sh", INIT.as_bytes().to_vec()),
            ("nonce", self.nonce.clone().into_bytes()),
            (
                "workspace",
                workspace::root().as_os_str().as_bytes().to_vec(),
            ),
            ("directory", job.directory.as_os_str().as_bytes().to_vec()),
            ("modules", modules),
            ("setup", setup),
            ("environment", nul_separated(&environment)?),
            ("arguments", nul_separated(&job.arguments)?),
            ("console", Vec::new()),
        ];
        for (name, content) in files {
            let path = self.path().join(name);
            fs::write(&path, content)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// Each word ended by a zero byte, the only byte that no argument contains: no quoting, nothing mangled.
fn nul_separated(words: &[OsString]) -> Result<Vec<u8>> {
    if let Some(word) = words.iter().find(|word| word.as_bytes().contains(&0)) {
        bail!("the argument {} contains a zero byte", word.display());
    }
    Ok(words
        .iter()
        .flat_map(|word| word.as_bytes().iter().copied().chain([0]))
        .collect())
}

/// Removes the directories of runs whose process is gone.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_travel_unmangled() {
        let words = ["sh", "-c", "echo \"a b\" '$HOME' \\n\n", "", "é"].map(OsString::from);
        let bytes = nul_separated(&words).unwrap();
        let back: Vec<&[u8]> = bytes
            .strip_suffix(b"\0")
            .unwrap()
            .split(|&byte| byte == 0)
            .collect();
        assert_eq!(
            back,
            words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>()
        );
        assert!(nul_separated(&[OsString::from("a\0b")]).is_err());
        assert!(nul_separated(&[]).unwrap().is_empty());
    }

    #[test]
    fn only_directories_of_dead_processes_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let alive = parent
            .path()
            .join(format!("{PREFIX}{}-x", std::process::id()));
        let dead = parent.path().join(format!("{PREFIX}4194305-x"));
        for directory in [&alive, &dead] {
            fs::create_dir(directory).unwrap();
        }
        sweep(parent.path());
        assert!(alive.exists() && !dead.exists());
    }
}
