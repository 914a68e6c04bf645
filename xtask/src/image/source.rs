//! Kernel sources from Debian, through an apt configuration of our own that changes nothing on this machine.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::host::progress::Step;
use crate::host::{apt, process};

/// A source package as the mirror offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourcePackage {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// A private view of one suite of the mirror.
#[derive(Debug)]
pub(crate) struct Archive {
    directory: PathBuf,
}

impl Archive {
    /// Reads the package lists of `suite` into `directory`.
    pub(crate) fn open(directory: &Path, suite: &str, log: &Path, step: &mut Step) -> Result<Self> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let path = directory.join(part);
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        let mirror = apt::mirror()?;
        let line = format!(
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} {suite} main\n"
        );
        let list = directory.join("sources.list");
        fs::write(&list, line).with_context(|| format!("cannot write {}", list.display()))?;
        let archive = Self {
            directory: directory.to_owned(),
        };
        process::run(archive.apt("apt-get").arg("update"), log, step)
            .with_context(|| format!("cannot read the package lists of {suite} from {mirror}"))?;
        Ok(archive)
    }

    /// The package with the highest version among those named `prefix` and a version.
    pub(crate) fn newest(&self, prefix: &str) -> Result<SourcePackage> {
        let names = process::output(self.apt("apt-cache").args([
            "search",
            "--names-only",
            &format!("^{prefix}[0-9]"),
        ]))?;
        let Some(name) = newest_name(&names, prefix) else {
            bail!("the mirror offers no package named {prefix}<version>; is its suite complete?");
        };
        let record =
            process::output(
                self.apt("apt-cache")
                    .args(["show", "--no-all-versions", &name]),
            )?;
        let version = record
            .lines()
            .find_map(|line| line.strip_prefix("Version: "));
        let version = version.with_context(|| format!("apt-cache shows no version of {name}"))?;
        Ok(SourcePackage {
            name,
            version: version.to_owned(),
        })
    }

    /// Downloads a package into `directory` and returns the file.
    pub(crate) fn download(
        &self,
        package: &SourcePackage,
        directory: &Path,
        log: &Path,
        step: &mut Step,
    ) -> Result<PathBuf> {
        let mut command = self.apt("apt-get");
        command
            .arg("download")
            .arg(format!("{}={}", package.name, package.version))
            .current_dir(directory);
        process::run(&mut command, log, step)
            .with_context(|| format!("cannot download {}", package.name))?;
        let listing = fs::read_dir(directory)
            .with_context(|| format!("cannot list {}", directory.display()))?;
        let deb = listing
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
        deb.with_context(|| {
            format!(
                "apt-get downloaded {} but left no file in {}",
                package.name,
                directory.display()
            )
        })
    }

    fn apt(&self, program: &str) -> Command {
        let path = |name: &str| self.directory.join(name).display().to_string();
        let mut command = Command::new(program);
        command.env("LC_ALL", "C");
        for option in [
            format!("Dir::Etc::sourcelist={}", path("sources.list")),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::lists={}", path("lists")),
            format!("Dir::Cache={}", path("cache")),
            "APT::Sandbox::User=root".to_owned(),
            // Without it apt-get takes an unreachable mirror for a success.
            "APT::Update::Error-Mode=any".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }
}

/// Compares versions by their numbers, the first difference decides: 7.10 is newer than 7.9.
pub(crate) fn compare_versions(a: &str, b: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> {
        version
            .split(|c: char| !c.is_ascii_digit())
            .filter(|run| !run.is_empty())
            .map(|run| run.parse().unwrap_or(u64::MAX))
            .collect()
    };
    numbers(a).cmp(&numbers(b))
}

fn newest_name(search: &str, prefix: &str) -> Option<String> {
    let names = search
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let versioned = names.filter(|name| {
        name.strip_prefix(prefix)
            .is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
    });
    versioned
        .max_by(|a, b| compare_versions(a, b))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_source_package_is_taken() {
        let search = "linux-source-6.16 - Linux kernel source\nlinux-source-7.9 - x\nlinux-source-7.10 - x\nlinux-source-7.11-rt - x\n";
        assert_eq!(
            newest_name(search, "linux-source-").as_deref(),
            Some("linux-source-7.10")
        );
        assert_eq!(newest_name("", "linux-source-"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(
            compare_versions("7.3.4-1~bpo13+1", "6.17"),
            Ordering::Greater
        );
        assert_eq!(compare_versions("6.16.12-1", "6.17"), Ordering::Less);
        assert_eq!(compare_versions("6.17", "6.17"), Ordering::Equal);
    }
}
