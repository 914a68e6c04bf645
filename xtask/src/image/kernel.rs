//! The test kernel: Debian's newest backported source, `tinyconfig` and the lines of `kernel.config`.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::bed::KernelSpec;
use crate::host::progress::Step;
use crate::host::{mounts, packages, process, workspace};
use crate::image::cache::{Cache, Item};
use crate::image::kconfig::Fragment;
use crate::image::key::content_key;
use crate::image::source::{Archive, SourcePackage, compare_versions};

/// Changes when the steps below change what they make.
const RECIPE: &str = "2";
const KIT: &str = "kit";
/// How long a cached kernel is used before the mirror is asked for a newer one.
const LOOK_AGAIN: Duration = Duration::from_hours(7 * 24);

/// A built kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    item: Item,
    release: String,
}

impl Kernel {
    /// The cached kernel; builds the newest one when there is none, or when a newer one may exist.
    pub(crate) fn obtain(cache: &Cache, spec: &KernelSpec) -> Result<Self> {
        let path = fragment_file();
        let fragment =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let prefix = name_prefix(&fragment);
        let cached = newest_cached(cache, &prefix)?;
        if let Some(name) = &cached
            && !look_again(cache)
            && let Some(item) = cache.find(name)?
        {
            return Self::open(item);
        }
        let built = build_newest(cache, spec, &fragment, &prefix);
        fs::write(checked_file(cache), "")
            .with_context(|| format!("cannot write {}", checked_file(cache).display()))?;
        match (built, cached) {
            (Ok(item), _) => Self::open(item),
            (Err(error), None) => Err(error),
            (Err(error), Some(name)) => {
                eprintln!(
                    "warning: no newer kernel: {error:#}\nwarning: the cached {name} is used"
                );
                let item = cache.find(&name)?.with_context(|| {
                    format!("{name} was deleted meanwhile; run the command again")
                })?;
                Self::open(item)
            }
        }
    }

    /// The file to boot.
    pub(crate) fn image(&self) -> PathBuf {
        self.item.path.join("bzImage")
    }

    /// Where the kernel's own modules are installed, as if this were `/`.
    pub(crate) fn modules(&self) -> PathBuf {
        self.item.path.join("modules")
    }

    /// What modules from outside of the kernel's source are built against: headers, makefiles, exported symbols.
    pub(crate) fn kit(&self) -> PathBuf {
        self.item.path.join(KIT)
    }

    /// The name of the kernel in the cache: configuration and version.
    pub(crate) fn name(&self) -> String {
        let name = self.item.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// What `uname -r` says in the guest.
    pub(crate) fn release(&self) -> &str {
        &self.release
    }

    fn open(item: Item) -> Result<Self> {
        let path = item.path.join("release");
        let release =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self {
            item,
            release: release.trim().to_owned(),
        })
    }
}

/// What the names of all cached kernels with the present configuration begin with.
pub(crate) fn current_prefix() -> Result<String> {
    let path = fragment_file();
    let fragment =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(name_prefix(&fragment))
}

fn name_prefix(fragment: &str) -> String {
    format!(
        "kernel-{}-",
        content_key([RECIPE, &Fragment::parse(fragment).canonical()])
    )
}

fn fragment_file() -> PathBuf {
    workspace::root().join("xtask/kernel.config")
}

fn checked_file(cache: &Cache) -> PathBuf {
    cache.root().join("kernel-checked")
}

fn look_again(cache: &Cache) -> bool {
    let age = fs::metadata(checked_file(cache))
        .and_then(|file| file.modified())
        .map(|time| time.elapsed().unwrap_or_default());
    age.map_or(true, |age| age > LOOK_AGAIN)
}

fn newest_cached(cache: &Cache, prefix: &str) -> Result<Option<String>> {
    let entries = cache.entries()?.into_iter();
    let complete = entries.filter(|entry| entry.name.starts_with(prefix) && !entry.is_partial());
    Ok(complete
        .map(|entry| entry.name)
        .max_by(|a, b| compare_versions(&a[prefix.len()..], &b[prefix.len()..])))
}

fn build_newest(cache: &Cache, spec: &KernelSpec, fragment: &str, prefix: &str) -> Result<Item> {
    let log = workspace::log("kernel");
    let mut step = Step::start("looking for the newest kernel source");
    let lists = tempfile::tempdir().context("cannot make a temporary directory")?;
    let archive = Archive::open(lists.path(), &spec.suite, &log, &mut step)?;
    let package = archive.newest(&spec.package_prefix)?;
    step.done(&format!("{} {}", package.name, package.version));
    if compare_versions(&package.version, &spec.oldest) == Ordering::Less {
        bail!(
            "{} of {} is {}, but the tests need {} or newer (xtask/bed.toml says why): refresh the mirror, or set DMAHEAP_MIRROR to a current one",
            package.name,
            spec.suite,
            package.version,
            spec.oldest
        );
    }
    let build = Build {
        archive: &archive,
        package: &package,
        fragment,
        log,
    };
    cache.obtain(&format!("{prefix}{}", package.version), |partial| {
        build.run(partial)
    })
}

/// One build of one version, resumable after an interruption.
struct Build<'a> {
    archive: &'a Archive,
    package: &'a SourcePackage,
    fragment: &'a str,
    log: PathBuf,
}

impl Build<'_> {
    fn run(&self, partial: &Path) -> Result<()> {
        let tree = partial.join("source");
        self.unpack(partial, &tree)?;
        self.configure(&tree)?;
        self.compile(&tree, partial)?;
        self.keep_kit(&tree, partial)?;
        for (from, to) in [
            ("arch/x86/boot/bzImage", "bzImage"),
            (".config", "config"),
            ("include/config/kernel.release", "release"),
        ] {
            fs::copy(tree.join(from), partial.join(to))
                .with_context(|| format!("the kernel build left no {from}"))?;
        }
        mounts::delete_tree(&tree)
    }

    fn unpack(&self, partial: &Path, tree: &Path) -> Result<()> {
        let stamp = partial.join("unpacked");
        if stamp.exists() {
            return Ok(());
        }
        mounts::delete_tree(partial)?;
        fs::create_dir_all(tree).with_context(|| format!("cannot create {}", tree.display()))?;
        let mut step = Step::start(format!(
            "fetching and unpacking {} {}",
            self.package.name, self.package.version
        ));
        let deb = self
            .archive
            .download(self.package, partial, &self.log, &mut step)?;
        let script = "dpkg-deb --fsys-tarfile \"$1\" | tar --extract --to-stdout --wildcards './usr/src/linux-source-*.tar.xz' \
                      | tar --extract --xz --strip-components=1 --directory \"$2\"";
        let mut unpack = Command::new("bash");
        unpack
            .args(["-euo", "pipefail", "-c", script, "unpack"])
            .arg(&deb)
            .arg(tree);
        process::run(&mut unpack, &self.log, &mut step)
            .context("cannot unpack the kernel source")?;
        fs::remove_file(&deb).with_context(|| format!("cannot delete {}", deb.display()))?;
        fs::write(&stamp, "").with_context(|| format!("cannot write {}", stamp.display()))?;
        step.done("");
        Ok(())
    }

    fn configure(&self, tree: &Path) -> Result<()> {
        let mut step = Step::start("configuring the kernel");
        let fragment = tree.join("dmaheap.config");
        fs::write(&fragment, self.fragment)
            .with_context(|| format!("cannot write {}", fragment.display()))?;
        process::run(make(tree).arg("tinyconfig"), &self.log, &mut step)?;
        let mut merge = Command::new("scripts/kconfig/merge_config.sh");
        merge
            .args(["-m", ".config", "dmaheap.config"])
            .current_dir(tree);
        process::run(&mut merge, &self.log, &mut step)?;
        process::run(make(tree).arg("olddefconfig"), &self.log, &mut step)?;
        let config = fs::read_to_string(tree.join(".config"))
            .context("the kernel's olddefconfig left no .config")?;
        Fragment::parse(self.fragment).check(&config)?;
        step.done("");
        Ok(())
    }

    fn compile(&self, tree: &Path, partial: &Path) -> Result<()> {
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let mut step = Step::start(format!(
            "compiling the kernel {} ({jobs} jobs, 5 to 15 minutes)",
            self.package.version
        ));
        process::run(
            make(tree)
                .arg(format!("-j{jobs}"))
                .args(["bzImage", "modules"]),
            &self.log,
            &mut step,
        )
        .context("cannot compile the kernel")?;
        let modules = partial.join("modules");
        mounts::delete_tree(&modules)?;
        let install = format!("INSTALL_MOD_PATH={}", modules.display());
        process::run(
            make(tree).arg("modules_install").arg(install),
            &self.log,
            &mut step,
        )
        .context("cannot install the modules")?;
        step.done("");
        Ok(())
    }

    /// Keeps of the source tree what its own packages of headers hold, which is a hundredth of it.
    fn keep_kit(&self, tree: &Path, partial: &Path) -> Result<()> {
        let mut step = Step::start("keeping what modules are built against");
        mounts::delete_tree(&partial.join(KIT))?;
        // Relative to the tree, for the shell that make starts splits paths with spaces.
        let command =
            format!("KBUILD_RUN_COMMAND=$(srctree)/scripts/package/install-extmod-build ../{KIT}");
        process::run(
            make(tree).arg("run-command").arg(command),
            &self.log,
            &mut step,
        )
        .context("cannot collect the headers for modules")?;
        step.done("");
        Ok(())
    }
}

/// A `make` in the kernel's source, or in what is kept of it.
pub(crate) fn make(tree: &Path) -> Command {
    let mut command = Command::new("make");
    command
        .current_dir(tree)
        .env("LC_ALL", "C")
        .env("PATH", packages::path_with_sbin());
    // Make variables of the caller's environment would reach the kernel's makefiles.
    for variable in [
        "MAKEFLAGS",
        "ARCH",
        "CROSS_COMPILE",
        "KCFLAGS",
        "INSTALL_MOD_PATH",
        "O",
    ] {
        command.env_remove(variable);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_configuration_and_version() {
        assert_ne!(name_prefix("CONFIG_A=y\n"), name_prefix("CONFIG_A=m\n"));
        assert!(current_prefix().unwrap().starts_with("kernel-"));
    }
}
