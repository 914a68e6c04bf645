//! `cargo xtask clean`: what the cache of images holds, and deleting it.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::bed::Bed;
use crate::host::progress::Step;
use crate::host::{namespace, process};
use crate::image::cache::{Cache, Entry};
use crate::image::{kernel, modules, sysroot};

/// Arguments of `cargo xtask clean`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Delete without asking
    #[arg(long)]
    yes: bool,
    /// Only what no present recipe uses, and what interrupted builds left
    #[arg(long)]
    old: bool,
}

/// Lists the images with their sizes, asks, deletes.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let current = CurrentNames::load()?;
    let mut entries = cache.entries()?;
    entries.retain(|entry| !(arguments.old && current.contains(&entry.name)));
    if entries.is_empty() {
        println!("nothing to delete in {}", cache.root().display());
        return Ok(ExitCode::SUCCESS);
    }
    println!("in {}:", cache.root().display());
    for entry in &entries {
        println!(
            "{:>9}  {}{}",
            size(entry)?,
            entry.name,
            current.remark(entry)
        );
    }
    if !arguments.yes && !asked("Delete these? [y/N] ")? {
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    for entry in &entries {
        let step = Step::start(format!("deleting {}", entry.name));
        match cache.delete(entry) {
            Ok(()) => step.done(""),
            Err(error) => {
                step.done(&format!("kept: {error:#}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// What the present recipes use.
struct CurrentNames {
    sysroot: String,
    kernel_prefix: String,
    modules_prefix: String,
}

impl CurrentNames {
    fn load() -> Result<Self> {
        let kernel_prefix = kernel::current_prefix()?;
        Ok(Self {
            sysroot: sysroot::name(&Bed::load()?.sysroot),
            modules_prefix: modules::current_prefix()? + &kernel_prefix,
            kernel_prefix,
        })
    }

    fn remark(&self, entry: &Entry) -> &'static str {
        match entry {
            entry if entry.is_partial() => "  (being built, or left by an interrupted build)",
            entry if self.contains(&entry.name) => "",
            _ => "  (old)",
        }
    }

    fn contains(&self, name: &str) -> bool {
        let prefixes = [&self.kernel_prefix, &self.modules_prefix];
        let versioned = prefixes.iter().any(|prefix| name.starts_with(*prefix));
        name == self.sysroot || (versioned && !name.ends_with(".partial"))
    }
}

/// The size of an entry; some of its directories are readable for the namespace's root only.
fn size(entry: &Entry) -> Result<String> {
    let mut du = namespace::private("du");
    du.args(["--summarize", "--human-readable", "--one-file-system", "--"])
        .arg(&entry.path);
    let output = process::output(&mut du)
        .with_context(|| format!("cannot measure {}", entry.path.display()))?;
    Ok(output.split_whitespace().next().unwrap_or("?").to_owned())
}

fn asked(question: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("nothing is deleted: there is no terminal to ask; --yes deletes without asking");
    }
    print!("{question}");
    io::stdout()
        .flush()
        .context("cannot write to the terminal")?;
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted_builds_and_other_recipes_are_old() {
        let current = CurrentNames {
            sysroot: "sysroot-trixie-1".to_owned(),
            kernel_prefix: "kernel-2-".to_owned(),
            modules_prefix: "modules-4-kernel-2-".to_owned(),
        };
        assert!(current.contains("sysroot-trixie-1") && current.contains("kernel-2-7.3.4-1"));
        assert!(!current.contains("kernel-2-7.3.4-1.partial"));
        assert!(current.contains("modules-4-kernel-2-7.3.4-1"));
        assert!(!current.contains("modules-5-kernel-2-7.3.4-1"));
        assert!(!current.contains("sysroot-trixie-9") && !current.contains("kernel-3-7.3.4-1"));
    }
}
