//! A second compositor, which is told what a user would do: close a window, change its size.
//!
//! Sway is made of wlroots and takes commands through a socket of its own. Here it draws by pixman, without a GPU and without a screen,
//! and imports no dma-bufs.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::command::{Run, Running};
use crate::{note, wait};

/// The first name that Sway tries.
const DISPLAY: &str = "wayland-1";
const COMMANDS: &str = "commands";

/// The head of a message, before its length and its kind.
const MAGIC: &[u8] = b"i3-ipc";
const RUN_COMMAND: u32 = 0;
const GET_TREE: u32 = 4;

/// What the start may take on an emulated machine.
const START: Duration = Duration::from_mins(1);

/// How long a window may take to appear or to vanish, and an answer to come.
const CHANGE: Duration = Duration::from_secs(30);

/// A running compositor. Dropped, it is killed; if the test fails, its log is shown.
#[derive(Debug)]
pub struct Sway {
    directory: TempDir,
    running: Running,
}

impl Sway {
    /// Starts a compositor with one output of that size in pixels, which a single window covers.
    #[track_caller]
    pub fn start((width, height): (u32, u32)) -> Sway {
        let directory = tempfile::Builder::new()
            // As the directory of sockets has to be.
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .expect("a directory for the sockets");
        let config = directory.path().join("config");
        let text = format!(
            "output HEADLESS-1 resolution {width}x{height}\ndefault_border none\nxwayland disable\n"
        );
        fs::write(&config, text).expect("an own directory");
        let running = Run::new("sway")
            .arg("--config")
            .arg(&config)
            .env("XDG_RUNTIME_DIR", directory.path())
            .env("SWAYSOCK", directory.path().join(COMMANDS))
            .env("WLR_BACKENDS", "headless")
            .env("WLR_RENDERER", "pixman")
            .limit(Duration::from_mins(5))
            .start();
        let sway = Sway { directory, running };
        let is_up = || {
            assert!(
                !sway.running.has_ended(),
                "the compositor ended: {}",
                sway.running.output()
            );
            let answers = |name| UnixStream::connect(sway.path(name)).is_ok();
            (answers(DISPLAY) && answers(COMMANDS)).then_some(())
        };
        let is_up = wait::until(START, is_up).is_some();
        assert!(
            is_up,
            "no sockets after {START:?}: {}",
            sway.running.output()
        );
        sway
    }

    /// Its socket, as an absolute path.
    pub fn display(&self) -> String {
        self.path(DISPLAY).display().to_string()
    }

    /// Makes `run` a client.
    #[must_use]
    pub fn client(&self, run: Run) -> Run {
        run.env("XDG_RUNTIME_DIR", self.directory.path())
            .env("WAYLAND_DISPLAY", self.path(DISPLAY))
    }

    /// Waits until it shows `count` windows.
    #[track_caller]
    pub fn wait_windows(&self, count: usize) {
        let shown = wait::until(CHANGE, || {
            let tree = self.ask(GET_TREE, "");
            // Each window has a process, and nothing else has one.
            (tree.matches("\"pid\":").count() == count).then_some(())
        });
        assert!(shown.is_some(), "no {count} windows after {CHANGE:?}");
    }

    /// Asks the window to close, as the button in its frame does.
    #[track_caller]
    pub fn close_window(&self) {
        let answer = self.ask(RUN_COMMAND, "kill");
        assert!(answer.contains("\"success\": true"), "{answer}");
    }

    /// Sends a message and waits for the answer, as long as a busy machine takes: `swaymsg` gives up after 3 s.
    #[track_caller]
    fn ask(&self, kind: u32, text: &str) -> String {
        self.exchange(kind, text)
            .unwrap_or_else(|error| panic!("message {kind} '{text}': {error}"))
    }

    /// One message of sway-ipc(7).
    fn exchange(&self, kind: u32, text: &str) -> io::Result<String> {
        let mut socket = UnixStream::connect(self.path(COMMANDS))?;
        socket.set_read_timeout(Some(CHANGE))?;
        let len = u32::try_from(text.len()).map_err(io::Error::other)?;
        let numbers = [len.to_ne_bytes(), kind.to_ne_bytes()].concat();
        socket.write_all(&[MAGIC, &numbers, text.as_bytes()].concat())?;
        let mut head = [0; MAGIC.len() + 8];
        socket.read_exact(&mut head)?;
        let [.., a, b, c, d, _, _, _, _] = head;
        let mut answer = String::new();
        let len = u32::from_ne_bytes([a, b, c, d]);
        socket.take(len.into()).read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Sway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            note(format!("--- compositor\n{}", self.running.output()));
        }
    }
}
