//! The guest's `/lib/modules`: the kernel's own modules and those of `tests/kernel-modules`, built against what is kept of its source.
//!
//! Each directory there is a module: a `Kbuild` file and its sources. A change of one builds all of them anew, in seconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::host::progress::Step;
use crate::host::{mounts, packages, process, workspace};
use crate::image::cache::{Cache, Item};
use crate::image::kernel::{self, Kernel};
use crate::image::key::content_key;

/// Changes when the steps below change what they make.
const RECIPE: &str = "1";

/// All modules that the guest can load.
#[derive(Debug)]
pub(crate) struct Modules {
    item: Item,
}

impl Modules {
    /// The modules for `kernel` from the cache, built when their sources or the kernel are new.
    pub(crate) fn obtain(cache: &Cache, kernel: &Kernel) -> Result<Self> {
        let sources = Source::all(&directory())?;
        let name = format!("{}{}", name_prefix(&sources), kernel.name());
        let item = cache.obtain(&name, |partial| build(kernel, &sources, partial))?;
        Ok(Self { item })
    }

    /// The directory to mount at `/lib/modules`.
    pub(crate) fn path(&self) -> PathBuf {
        self.item.path.join("lib/modules")
    }
}

/// What the names of the present modules begin with; the name of the kernel follows.
pub(crate) fn current_prefix() -> Result<String> {
    Ok(name_prefix(&Source::all(&directory())?))
}

fn directory() -> PathBuf {
    workspace::root().join("tests/kernel-modules")
}

fn name_prefix(sources: &[Source]) -> String {
    let files = sources.iter().flat_map(|source| &source.files);
    let parts = files.flat_map(|(name, text)| [name.as_str(), text.as_str()]);
    format!(
        "modules-{}-",
        content_key([RECIPE].into_iter().chain(parts))
    )
}

/// The source of one module.
#[derive(Debug)]
struct Source {
    directory: PathBuf,
    /// Names below the directory of all modules, with the content, in the order of names.
    files: Vec<(String, String)>,
}

impl Source {
    /// The modules in `directory`, by name.
    fn all(directory: &Path) -> Result<Vec<Self>> {
        let modules = listed(directory)?.into_iter().filter(|path| path.is_dir());
        modules
            .map(|module| Self::read(directory, module))
            .collect()
    }

    fn read(parent: &Path, directory: PathBuf) -> Result<Self> {
        let mut files = Vec::new();
        for path in listed(&directory)? {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.strip_prefix(parent).unwrap_or(&path);
            files.push((name.display().to_string(), text));
        }
        if !directory.join("Kbuild").is_file() {
            bail!(
                "{} has no Kbuild file: every directory there is one kernel module",
                directory.display()
            );
        }
        Ok(Self { directory, files })
    }
}

/// What is in `directory`, sorted, without hidden files.
fn listed(directory: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("cannot list {}", directory.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn build(kernel: &Kernel, sources: &[Source], partial: &Path) -> Result<()> {
    let log = workspace::log("modules");
    fs::remove_file(&log).ok();
    let mut step = Step::start("building the test kernel modules");
    mounts::delete_tree(&partial.join("lib"))?;
    let mut copy = Command::new("cp");
    copy.args(["--recursive", "--preserve=timestamps"])
        .arg(kernel.modules().join("lib"))
        .arg(partial);
    process::run(&mut copy, &log, &mut step).context("cannot copy the kernel's modules")?;
    let updates = partial
        .join("lib/modules")
        .join(kernel.release())
        .join("updates");
    fs::create_dir_all(&updates).with_context(|| format!("cannot create {}", updates.display()))?;
    let objects = tempfile::tempdir().context("cannot make a temporary directory")?;
    for source in sources {
        let name = source.directory.file_name().unwrap_or_default();
        let out = objects.path().join(name);
        compile(kernel, &source.directory, &out, &log, &mut step)?;
        check_style(kernel, source, &log, &mut step)?;
        for object in listed(&out)?.iter().filter(|path| is(path, "ko")) {
            let to = updates.join(object.file_name().unwrap_or_default());
            fs::copy(object, &to).with_context(|| format!("cannot write {}", to.display()))?;
        }
    }
    let mut depmod = Command::new("depmod");
    depmod
        .env("PATH", packages::path_with_sbin())
        .arg("--basedir")
        .arg(partial)
        .arg(kernel.release());
    process::run(&mut depmod, &log, &mut step).context("cannot index the modules")?;
    step.done(&format!("{} of them", sources.len()));
    Ok(())
}

/// Builds one module; the compiler's warnings, also those that are off by default, are errors.
fn compile(kernel: &Kernel, source: &Path, out: &Path, log: &Path, step: &mut Step) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let mut make = kernel::make(&kernel.kit());
    make.arg(format!("M={}", source.display()))
        .arg(format!("MO={}", out.display()))
        .args(["W=1e", "modules"]);
    process::run(&mut make, log, step)
        .with_context(|| format!("cannot compile the kernel module {}", source.display()))
}

/// Checks the style with the kernel's own script.
fn check_style(kernel: &Kernel, source: &Source, log: &Path, step: &mut Step) -> Result<()> {
    let mut checkpatch = Command::new("perl");
    checkpatch
        .arg(kernel.kit().join("scripts/checkpatch.pl"))
        .args(["--no-tree", "--strict", "--no-summary", "--file"]);
    let files = source.files.iter().map(|(name, _)| Path::new(name));
    checkpatch.args(files.filter(|path| is(path, "c") || is(path, "h")));
    process::run(checkpatch.current_dir(directory()), log, step).with_context(|| {
        format!(
            "the kernel module {} is not in the kernel's style",
            source.directory.display()
        )
    })
}

/// Whether the name of a file ends so.
fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|it| it == extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_or_renamed_source_file_is_another_set_of_modules() {
        let parent = tempfile::tempdir().unwrap();
        let module = parent.path().join("one");
        fs::create_dir(&module).unwrap();
        fs::write(module.join("Kbuild"), "obj-m := one.o\n").unwrap();
        fs::write(module.join("one.c"), "int one;\n").unwrap();
        let prefix = || name_prefix(&Source::all(parent.path()).unwrap());
        let first = prefix();
        assert_eq!(first, prefix());
        fs::write(module.join("one.c"), "int two;\n").unwrap();
        let second = prefix();
        assert_ne!(first, second);
        fs::rename(module.join("one.c"), module.join("two.c")).unwrap();
        assert_ne!(second, prefix());
    }

    #[test]
    fn a_directory_without_kbuild_is_named() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("empty")).unwrap();
        let error = Source::all(parent.path()).unwrap_err().to_string();
        assert!(
            error.contains("empty") && error.contains("Kbuild"),
            "{error}"
        );
    }

    #[test]
    fn the_modules_of_this_repository_are_well_formed() {
        assert!(current_prefix().unwrap().starts_with("modules-"));
    }
}
