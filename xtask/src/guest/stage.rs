//! Our plugin and binaries, laid out for the guest, and the GStreamer registry that knows the plugin.
//!
//! GStreamer searches plugin directories with all that is below them, so the plugin cannot be used where cargo leaves it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::host::{process, workspace};
use crate::image::sysroot::{REGISTRY, Sysroot};

const PLUGIN: &str = "libgstdmaheap.so";
/// Programs, where cargo leaves them.
const BINARIES: [&str; 3] = ["dmaheap-demo", "guest-runner", "examples/embed_wayland"];

/// The environment of commands in the guest. Takes what is built; what is not built is not there.
pub(crate) fn environment(sysroot: &Sysroot) -> Result<Vec<(String, String)>> {
    let stage = workspace::vm().join("stage");
    let (plugins, programs) = (stage.join("plugins"), stage.join("bin"));
    let built = workspace::sysroot_target().join("debug");
    for directory in [&plugins, &programs] {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    for binary in BINARIES {
        let name = Path::new(binary).file_name().unwrap_or_default();
        place(&built.join(binary), &programs.join(name))?;
    }
    let has_plugin = place(&built.join(PLUGIN), &plugins.join(PLUGIN))?;
    let path = format!(
        "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        programs.display()
    );
    let registry = if has_plugin {
        registry(sysroot, &plugins)?
    } else {
        PathBuf::from(REGISTRY)
    };
    let mut environment = vec![
        ("PATH".to_owned(), path),
        ("GST_REGISTRY".to_owned(), registry.display().to_string()),
        ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
    ];
    if has_plugin {
        environment.push(("GST_PLUGIN_PATH".to_owned(), plugins.display().to_string()));
    }
    environment.extend(std::env::vars().filter(|(name, _)| passes(name)));
    Ok(environment)
}

/// Variables of the caller that the guest sees.
fn passes(name: &str) -> bool {
    [
        "GST_DEBUG",
        "GST_DEBUG_NO_COLOR",
        "G_MESSAGES_DEBUG",
        "RUST_LOG",
    ]
    .contains(&name)
        || name.starts_with("DMAHEAP_")
}

/// Links `from` to `to`; false when there is no `from`.
fn place(from: &Path, to: &Path) -> Result<bool> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", to.display()));
        }
        _ => {}
    }
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error)
            .with_context(|| format!("cannot link {} to {}", from.display(), to.display())),
    }
}

/// The system root's registry with our plugin added, made outside of the emulated machine, where it takes a moment.
fn registry(sysroot: &Sysroot, plugins: &Path) -> Result<PathBuf> {
    let path = workspace::vm().join("gst-registry.bin");
    let base = sysroot.root().join(REGISTRY.trim_start_matches('/'));
    fs::copy(&base, &path)
        .with_context(|| format!("cannot copy {} to {}", base.display(), path.display()))?;
    let variables = [
        ("GST_REGISTRY", path.display().to_string()),
        ("GST_PLUGIN_PATH", plugins.display().to_string()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let mut inspect = sysroot.command("gst-inspect-1.0", workspace::root(), &variables)?;
    inspect.arg(plugins.join(PLUGIN));
    if let Err(error) = process::output(&mut inspect) {
        eprintln!("warning: GStreamer does not load our plugin: {error:#}");
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_file_replaces_the_staged_one_and_a_missing_one_leaves_none() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        for text in ["one", "two"] {
            fs::remove_file(&from).ok();
            fs::write(&from, text).unwrap();
            assert!(place(&from, &to).unwrap());
            assert_eq!(fs::read_to_string(&to).unwrap(), text);
        }
        fs::remove_file(&from).unwrap();
        assert!(!place(&from, &to).unwrap() && !to.exists());
    }
}
