//! A daemon of `PipeWire` for a test, with one camera. Nobody manages its sessions: the test makes the link.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tempfile::TempDir;

use crate::command::{Run, Running};
use crate::wait;

/// The name of the camera's node.
const CAMERA: &str = "camera";
/// The name of the socket.
const CORE: &str = "pipewire-0";
/// What a start, or the appearance of a stream, may take on a busy emulated machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running daemon; killed when dropped.
#[derive(Debug)]
pub struct PipeWire {
    directory: TempDir,
    running: Running,
}

impl PipeWire {
    /// Starts it with the V4L2 camera at `node`, and waits until it listens.
    #[track_caller]
    pub fn start(node: &str) -> PipeWire {
        let directory = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .expect("a directory for the socket");
        let file = directory.path().join("pipewire.conf");
        fs::write(&file, configuration(node)).expect("a file");
        let running = Run::new("pipewire")
            .args(["--config", &file.display().to_string()])
            .env("XDG_RUNTIME_DIR", directory.path())
            .start();
        let daemon = PipeWire { directory, running };
        let listens = wait::until(PATIENCE, || {
            assert!(!daemon.running.has_ended(), "the daemon ended at its start");
            daemon.try_connect()
        });
        assert!(listens.is_some(), "the daemon does not listen");
        daemon
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// A connection, for the property `fd` of `pipewiresrc`.
    #[track_caller]
    pub fn connect(&self) -> OwnedFd {
        let socket = self.try_connect().expect("the daemon listens");
        socket.into()
    }

    /// Links the camera to the stream of that `node.name`, as soon as there is one.
    #[track_caller]
    pub fn link_camera(&self, stream: &str) {
        let linked = wait::until(PATIENCE, || {
            let outcome = Run::new("pw-link")
                .args([CAMERA, stream])
                .env("XDG_RUNTIME_DIR", self.directory.path())
                .finish();
            outcome.status.success().then_some(())
        });
        assert!(linked.is_some(), "no stream is called {stream}");
    }

    fn try_connect(&self) -> Option<UnixStream> {
        UnixStream::connect(self.directory.path().join(CORE)).ok()
    }
}

/// As little as a camera needs.
fn configuration(node: &str) -> String {
    let modules = [
        "protocol-native",
        "spa-node-factory",
        "client-node",
        "adapter",
        "access",
        "metadata",
        "link-factory",
    ];
    let modules = modules.map(|name| format!("{{ name = libpipewire-module-{name} }}\n"));
    format!(
        "context.properties = {{ core.daemon = true  core.name = {CORE}  support.dbus = false }}
         context.spa-libs = {{ api.v4l2.* = v4l2/libspa-v4l2  support.* = support/libspa-support }}
         context.modules = [ {} ]
         context.objects = [ {{ factory = spa-node-factory  args = {{
             factory.name = api.v4l2.source  node.name = {CAMERA}
             media.class = Video/Source  api.v4l2.path = {node}
         }} }} ]",
        modules.concat()
    )
}
