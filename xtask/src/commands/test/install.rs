//! Building and installing through meson, as a distribution does it.

use anyhow::Result;

use crate::commands::cargo;
use crate::commands::test::checks;
use crate::commands::test::tally::Case;
use crate::host::workspace;
use crate::image::sysroot::Sysroot;

/// Installs below a DESTDIR, where plugin and program must be found and work.
///
/// The build directory stays, so that the next run compiles only what has changed.
const SCRIPT: &str = r#"
build=$1/build dest=$1/dest
rm -rf "$dest"
if [ -d "$build/meson-info" ]; then
    meson setup --reconfigure "$build"
else
    meson setup --prefix /usr "$build"
fi
DESTDIR="$dest" meson install -C "$build"
plugins=$(pkg-config --variable=pluginsdir gstreamer-1.0)
test -f "$dest$plugins/libgstdmaheap.so" || {
    echo "no plugin in $plugins of DESTDIR, which has:"
    find "$dest" -type f
    exit 1
}
GST_PLUGIN_PATH=$dest$plugins gst-inspect-1.0 dmaheap
"$dest/usr/bin/dmaheap-demo" --help
"#;

/// Runs `meson setup`, `meson install` and what was installed, in the system root.
pub(crate) fn check(sysroot: &Sysroot) -> Result<Case> {
    cargo::fetch();
    let mut command = sysroot.command("sh", workspace::root(), &[])?;
    command
        .args(["-exc", SCRIPT, "install"])
        .arg(workspace::target().join("meson"));
    Ok(checks::check("meson install", &mut command))
}
