//! A compositor of its own for a test: Weston, without a GPU and without a screen.
//!
//! It draws into memory, by Mesa's llvmpipe or by pixman, and gives its picture to `weston-screenshooter`. The kiosk shell gives every
//! window the whole output, so a picture of the size of the output is shown pixel by pixel.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::command::{Run, Running};
use crate::picture::{Picture, Rect};
use crate::{note, wait};

const SOCKET: &str = "wayland-test";

/// What the start may take: EGL alone takes 4 s in an emulated machine that has nothing else to do.
const START: Duration = Duration::from_mins(1);

/// What one client that asks a question may take.
const CLIENT: Duration = Duration::from_mins(1);

/// How long a window may take to appear on the output, or to vanish from it.
const CHANGE: Duration = Duration::from_secs(30);

/// Who draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    /// OpenGL ES by llvmpipe: takes linear dma-bufs, which it maps.
    Gl,
    /// pixman: takes no dma-bufs.
    Pixman,
}

impl Renderer {
    fn name(self) -> &'static str {
        match self {
            Renderer::Gl => "gl",
            Renderer::Pixman => "pixman",
        }
    }
}

/// A running compositor. Dropped, it is killed; if the test fails, its log is shown.
#[derive(Debug)]
pub struct Weston {
    directory: TempDir,
    running: Running,
    globals: BTreeMap<String, u32>,
}

impl Weston {
    /// Starts a compositor with one output of that size in pixels, and waits until it answers clients.
    #[track_caller]
    pub fn start(renderer: Renderer, (width, height): (u32, u32)) -> Weston {
        let started = Instant::now();
        let directory = tempfile::Builder::new()
            // As the directory of sockets has to be.
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .expect("a directory for the socket");
        let running = Run::new("weston")
            .args([
                "--no-config",
                "--backend=headless",
                "--shell=kiosk-shell.so",
            ])
            .arg(format!("--renderer={}", renderer.name()))
            .arg(format!("--width={width}"))
            .arg(format!("--height={height}"))
            // --debug lets every client take screenshots.
            .args(["--debug", "--idle-time=0", "--socket", SOCKET])
            .env("XDG_RUNTIME_DIR", directory.path())
            // With threads llvmpipe draws behind Weston's back, which asks for frames faster than they are drawn; far enough
            // behind it stands still, with any client.
            .env("LP_NUM_THREADS", "0")
            .start();
        let mut weston = Weston {
            directory,
            running,
            globals: BTreeMap::new(),
        };
        weston.wait_for_socket();
        weston.globals = weston.ask_for_globals();
        note(format!(
            "{renderer:?} compositor after {:.1?}",
            started.elapsed()
        ));
        weston
    }

    /// The socket, as an absolute path: what the property `display` of a sink and `WAYLAND_DISPLAY` take.
    pub fn display(&self) -> String {
        self.socket().display().to_string()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// The version of a global that it offers, as of `zwp_linux_dmabuf_v1`.
    pub fn version(&self, interface: &str) -> Option<u32> {
        self.globals.get(interface).copied()
    }

    /// Makes `run` a client.
    #[must_use]
    pub fn client(&self, run: Run) -> Run {
        run.env("XDG_RUNTIME_DIR", self.directory.path())
            .env("WAYLAND_DISPLAY", self.socket())
    }

    /// What the output shows now.
    #[track_caller]
    pub fn screenshot(&self) -> Picture {
        let pictures = tempfile::tempdir().expect("a directory for the picture");
        self.client(Run::new("weston-screenshooter"))
            .env("XDG_PICTURES_DIR", pictures.path())
            .limit(CLIENT)
            .finish()
            .expect_success();
        let mut files = files(pictures.path());
        assert_eq!(files.len(), 1, "one output, one picture: {files:?}");
        Picture::read_png(&files.remove(0))
    }

    /// What the output shows once a window covers its background, which has one colour.
    #[track_caller]
    pub fn shown(&self) -> Picture {
        self.shown_within(CHANGE)
            .unwrap_or_else(|| panic!("no window in {CHANGE:?}"))
    }

    /// The same, if a window comes in time.
    #[track_caller]
    pub fn shown_within(&self, limit: Duration) -> Option<Picture> {
        wait::until(limit, || {
            let picture = self.screenshot();
            (!picture.is_uniform()).then_some(picture)
        })
    }

    /// Waits until no window covers the background, so that nothing old is taken for what comes next.
    #[track_caller]
    pub fn wait_bare(&self) {
        let bare = wait::until(CHANGE, || self.screenshot().is_uniform().then_some(()));
        assert!(bare.is_some(), "a window is still there after {CHANGE:?}");
    }

    /// Waits until the output shows this pixel as `wanted` says.
    #[track_caller]
    pub fn wait_pixel(&self, (x, y): (u32, u32), wanted: impl Fn([u8; 3]) -> bool) {
        let mut last = [0; 3];
        let shown = wait::until(CHANGE, || {
            last = self.screenshot().pixel(x, y);
            wanted(last).then_some(())
        });
        assert!(shown.is_some(), "{last:?} at {x}, {y} after {CHANGE:?}");
    }

    /// Waits until the output shows something else in `part` than it did `before`.
    #[track_caller]
    pub fn wait_changed(&self, part: Rect, before: &Picture) -> Picture {
        let before = before.crop(part);
        let changed = wait::until(CHANGE, || {
            Some(self.screenshot()).filter(|now| now.crop(part) != before)
        });
        changed.unwrap_or_else(|| panic!("{part:?} stands still for {CHANGE:?}"))
    }

    /// Stops it: it reads nothing and answers nobody until it is [thawed](Weston::thaw).
    pub fn freeze(&self) {
        self.running.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.running.thaw();
    }

    /// Kills it, as a crash would.
    pub fn kill(&self) {
        self.running.kill();
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join(SOCKET)
    }

    #[track_caller]
    fn wait_for_socket(&self) {
        let ready = wait::until(START, || {
            assert!(
                !self.running.has_ended(),
                "the compositor ended at its start"
            );
            UnixStream::connect(self.socket()).ok()
        });
        assert!(
            ready.is_some(),
            "the compositor has no socket after {START:?}"
        );
    }

    /// The answer comes when the compositor's main loop runs, with everything that it offers.
    #[track_caller]
    fn ask_for_globals(&self) -> BTreeMap<String, u32> {
        let asked = self.client(Run::new("wayland-info")).limit(CLIENT).finish();
        let globals = globals(&asked.expect_success().stdout);
        assert!(
            globals.contains_key("xdg_wm_base") && globals.contains_key("wl_output"),
            "a compositor without shell or output: {globals:?}"
        );
        globals
    }
}

impl Drop for Weston {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let end = if self.running.has_ended() {
                "has ended"
            } else {
                "runs"
            };
            note(format!("--- compositor {end}\n{}", self.running.output()));
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("an own directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// Lines like `interface: 'wl_shm',      version:  2, name: 13`.
fn globals(wayland_info: &str) -> BTreeMap<String, u32> {
    let global = |line: &str| {
        let (name, rest) = line.strip_prefix("interface: '")?.split_once('\'')?;
        let (_column, rest) = rest.split_once("version:")?;
        let (version, _name) = rest.split_once(',')?;
        Some((name.to_owned(), version.trim().parse().ok()?))
    };
    wayland_info.lines().filter_map(global).collect()
}

#[cfg(test)]
mod tests {
    use super::globals;

    #[test]
    fn globals_are_read_with_their_versions() {
        let text = "interface: 'wl_shm',           version:  2, name: 13\n\
                    \tformats (fourcc):\n\
                    interface: 'xdg_wm_base',      version: 15, name: 18\n";
        let globals = globals(text);
        assert_eq!(globals.len(), 2);
        assert_eq!((globals["wl_shm"], globals["xdg_wm_base"]), (2, 15));
    }
}
