//! Runs a pipeline that must fail, in a process and an environment of its own.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::Run;

/// How an application may find its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// As it is, as root.
    AsItIs,
    /// No `/dev/dma_heap`.
    WithoutHeaps,
    /// No `/dev/dma_heap` and no `/dev/udmabuf`.
    WithoutSharedMemory,
    /// This heap and no other; whatever else the machine has is there.
    OnlyHeap(&'static str),
    /// A user who may open cards and cameras, but no heap.
    Unprivileged,
}

impl Environment {
    /// The same command in this environment. What is hidden is hidden from the command alone.
    #[must_use]
    pub fn wrap(self, run: Run) -> Run {
        match self {
            Environment::AsItIs => run,
            Environment::WithoutHeaps => with_devices(run, "/dev/null /dev/udmabuf"),
            Environment::WithoutSharedMemory => with_devices(run, "/dev/null"),
            Environment::OnlyHeap(name) => {
                let heap = format!("/dev/dma_heap/{name}");
                with_nodes(run, &heap, "/dev/dma_heap")
            }
            Environment::Unprivileged => run
                .wrapped(
                    "setpriv",
                    &["--reuid=65534", "--regid=65534", "--clear-groups"],
                )
                // The registry belongs to root; scanning all plugins anew takes minutes under emulation.
                .wrapped(
                    "sh",
                    &["-c", "chmod a+r \"$GST_REGISTRY\" && exec \"$@\"", "sh"],
                )
                .env("GST_REGISTRY_UPDATE", "no"),
        }
    }
}

/// Runs in a mount namespace of its own, in which `/dev` has these nodes only.
fn with_devices(run: Run, nodes: &str) -> Run {
    with_nodes(run, nodes, "/dev")
}

/// The same for another directory.
fn with_nodes(run: Run, nodes: &str, directory: &str) -> Run {
    let script =
        format!("d=$(mktemp -d) && cp -a {nodes} $d && mount --bind $d {directory} && exec \"$@\"");
    run.wrapped("unshare", &["--mount", "sh", "-c", &script, "sh"])
}

/// What `play-to-error` writes: the error as an application gets it, and the warnings before it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    /// As `gst-resource-error-quark`.
    pub domain: String,
    /// The number within the domain.
    pub code: i32,
    /// The error's two texts and all warnings, one per line.
    pub text: String,
    /// From the request to play, or from the frame after which something was done, to the error.
    pub milliseconds: u128,
}

/// Plays `description` until it fails, in a process of its own, and reads its account; the error says what came instead of one.
pub fn play_to_error(description: &str, environment: Environment) -> Result<Account, String> {
    let run = Run::new(helper("play-to-error"))
        .arg(description)
        .limit(Duration::from_secs(30));
    let outcome = environment.wrap(run).finish();
    serde_json::from_str(outcome.stdout.trim())
        .map_err(|error| format!("no account ({error}) from {}", outcome.describe()))
}

/// A program of this package: beside the test's directory, where cargo puts it, or on `PATH`.
fn helper(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of this program");
    let beside = test
        .parent()
        .and_then(Path::parent)
        .map(|directory| directory.join(name));
    beside
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from(name))
}
