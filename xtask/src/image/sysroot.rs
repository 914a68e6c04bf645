//! The Debian system root: the guest's file system, and the place where everything that needs a recent GStreamer is built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::bed::SysrootSpec;
use crate::host::progress::Step;
use crate::host::{apt, mounts, namespace, process, workspace};
use crate::image::cache::{Cache, Item};
use crate::image::key::content_key;

/// Changes when the steps below change what they make.
const RECIPE: &str = "1";
const ENTER: &str = include_str!("enter.sh");
/// Where the system root keeps the list of all GStreamer plugins; scanning them in an emulated machine takes half a minute.
pub(crate) const REGISTRY: &str = "/var/lib/dmaheap/gst-registry.bin";

/// Variables of the caller that commands in the system root see.
const PASSED: [&str; 12] = [
    "CARGO_BUILD_JOBS",
    "CARGO_INCREMENTAL",
    "CARGO_TERM_COLOR",
    "CI",
    "COLORTERM",
    "NO_COLOR",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "TERM",
    "GST_DEBUG",
];
const PASSED_PREFIXES: [&str; 3] = ["CARGO_PROFILE_", "DMAHEAP_", "PROPTEST_"];

/// A complete system root.
#[derive(Debug)]
pub(crate) struct Sysroot {
    item: Item,
    mount_point: PathBuf,
    packages: String,
}

impl Sysroot {
    /// The cached system root, built when there is none.
    pub(crate) fn obtain(cache: &Cache, spec: &SysrootSpec) -> Result<Self> {
        let item = cache.obtain(&name(spec), |partial| build(spec, partial))?;
        let list = item.path.join("packages");
        let packages =
            fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
        Ok(Self {
            item,
            mount_point: cache.mount_point(),
            packages,
        })
    }

    /// The directory that becomes `/`.
    pub(crate) fn root(&self) -> PathBuf {
        self.item.path.join("root")
    }

    /// The version of a Debian package in it.
    pub(crate) fn version_of(&self, package: &str) -> &str {
        let mut entries = self
            .packages
            .lines()
            .filter_map(|line| line.split_once(' '));
        entries
            .find(|(name, _)| *name == package)
            .map_or("(none)", |(_, version)| version)
    }

    /// A command that runs `program` in the system root, in directory `cwd`, with this work tree and the machine's Rust at their own
    /// paths. It has no network use for cargo: fetch first.
    pub(crate) fn command(
        &self,
        program: &str,
        cwd: &Path,
        extra_env: &[(&str, &str)],
    ) -> Result<Command> {
        let rust = Toolchain::find()?;
        let mut command = namespace::private("sh");
        command
            .args(["-c", ENTER, "enter.sh"])
            .arg(&self.mount_point)
            .arg(self.root());
        command
            .arg(&rust.cargo_home)
            .arg(workspace::root())
            .arg(&rust.sysroot)
            .arg("--");
        command
            .args(["/usr/bin/env", "--ignore-environment"])
            .arg(format!("--chdir={}", cwd.display()));
        command.arg(format!(
            "PATH={}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            rust.sysroot.display()
        ));
        command.arg(format!("CARGO_HOME={}", rust.cargo_home.display()));
        command.arg(format!(
            "CARGO_TARGET_DIR={}",
            workspace::sysroot_target().display()
        ));
        command.args(["HOME=/tmp", "LANG=C.UTF-8", "CARGO_NET_OFFLINE=true"]);
        command.arg(format!("GST_REGISTRY={REGISTRY}"));
        command.args(passed_variables(env::vars()));
        command.args(
            extra_env
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        command.arg(program);
        Ok(command)
    }
}

/// The name of the system root in the cache.
pub(crate) fn name(spec: &SysrootSpec) -> String {
    let parts = [RECIPE, spec.suite.as_str(), env::consts::ARCH];
    let key = content_key(
        parts
            .into_iter()
            .chain(spec.packages.iter().map(String::as_str)),
    );
    format!("sysroot-{}-{key}", spec.suite)
}

/// The Rust of this machine, as far as the system root needs it.
struct Toolchain {
    sysroot: PathBuf,
    cargo_home: PathBuf,
}

impl Toolchain {
    fn find() -> Result<Self> {
        let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot.trim());
        if sysroot == Path::new("/usr") {
            bail!(
                "this Rust is Debian's own, in /usr, and cannot be lent to the system root: install Rust with rustup"
            );
        }
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
        let Some(cargo_home) = env::var_os("CARGO_HOME").map(PathBuf::from).or(home) else {
            bail!("neither CARGO_HOME nor HOME is set: where are the fetched crates?");
        };
        fs::create_dir_all(&cargo_home)
            .with_context(|| format!("cannot create {}", cargo_home.display()))?;
        Ok(Self {
            sysroot,
            cargo_home,
        })
    }
}

fn passed_variables(variables: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let passed = |name: &str| {
        PASSED.contains(&name)
            || PASSED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix))
    };
    variables
        .filter(|(name, _)| passed(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

fn build(spec: &SysrootSpec, partial: &Path) -> Result<()> {
    let root = partial.join("root");
    mounts::delete_tree(&root)?;
    let mirror = apt::mirror()?;
    let log = workspace::log("sysroot");
    let mut step = Step::start(format!("building the Debian {} system root", spec.suite));
    process::run(&mut bootstrap(spec, &root, &mirror), &log, &mut step).with_context(|| {
        format!(
            "cannot build the system root from {mirror}.\nIf a signature was refused, upgrade debian-archive-keyring; \
             if the mirror lacks {}, set DMAHEAP_MIRROR to one that has it",
            spec.suite
        )
    })?;
    step.detail("listing packages and GStreamer plugins");
    process::run(&mut finish(partial, &root), &log, &mut step)
        .context("cannot finish the system root")?;
    step.done("");
    Ok(())
}

fn bootstrap(spec: &SysrootSpec, root: &Path, mirror: &str) -> Command {
    let mut command = namespace::private("mmdebstrap");
    command.env("LC_ALL", "C.UTF-8");
    command.args(["--mode=root", "--variant=apt", "--format=directory"]);
    command.arg("--aptopt=APT::Install-Recommends \"false\"");
    for useless in ["doc", "man", "locale", "info"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{useless}/*"));
    }
    command.arg(format!("--include={}", spec.packages.join(",")));
    command.arg(&spec.suite).arg(root).arg(mirror);
    command
}

fn finish(partial: &Path, root: &Path) -> Command {
    let script = format!(
        "for d in dev proc sys; do mount --rbind /$d \"$2/$d\"; done
        cd \"$1\"; root=$2
        run() {{ chroot \"$root\" /usr/bin/env -i PATH=/usr/sbin:/usr/bin LANG=C.UTF-8 HOME=/root \"$@\"; }}
        run dpkg-query --show --showformat '${{Package}} ${{Version}}\\n' > packages
        run mkdir -p {directory}
        run GST_REGISTRY={REGISTRY} gst-inspect-1.0 > plugins
        test -s \"$root{REGISTRY}\"",
        directory = Path::new(REGISTRY).parent().unwrap_or(Path::new("/")).display(),
    );
    let mut command = namespace::private("sh");
    command
        .args(["-euc", &script, "finish.sh"])
        .arg(partial)
        .arg(root);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_package_list_is_another_system_root() {
        let spec = |packages: &[&str]| SysrootSpec {
            suite: "trixie".to_owned(),
            packages: packages.iter().map(|&package| package.to_owned()).collect(),
        };
        assert_eq!(name(&spec(&["a", "b"])), name(&spec(&["a", "b"])));
        assert_ne!(name(&spec(&["a", "b"])), name(&spec(&["a"])));
        assert!(name(&spec(&["a"])).starts_with("sysroot-trixie-"));
    }

    #[test]
    fn the_caller_lends_only_what_is_listed() {
        let variables = [
            ("GST_PLUGIN_PATH", "/x"),
            ("RUST_LOG", "debug"),
            ("DMAHEAP_SOAK", "1"),
            ("LD_PRELOAD", "e"),
        ];
        let passed = passed_variables(
            variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        assert_eq!(passed, ["RUST_LOG=debug", "DMAHEAP_SOAK=1"]);
    }
}
