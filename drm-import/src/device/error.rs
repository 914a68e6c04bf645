use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why no card could be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The node cannot be opened.
    #[error("cannot open {path}: {source}{}", open_remedy(source))]
    Open {
        /// The node.
        path: PathBuf,
        /// What `open` said.
        source: io::Error,
    },
    /// The descriptor is no DRM device, or one without displays.
    #[error(
        "{path} is no KMS device: {what} failed: {source}; name a card such as /dev/dri/card0, not a render node"
    )]
    NotKms {
        /// The node, or the descriptor.
        path: PathBuf,
        /// The first call that failed.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The driver cannot change planes and CRTC in one commit.
    #[error(
        "{path} (driver {driver}) has no atomic modesetting: {source}; \
         this crate needs it, use another card or a sink for legacy KMS"
    )]
    NoAtomic {
        /// The node.
        path: PathBuf,
        /// Its driver.
        driver: String,
        /// What the kernel said to `DRM_CLIENT_CAP_ATOMIC`.
        source: io::Error,
    },
    /// No card has that driver.
    #[error("no DRM card with driver {driver}: {looked}")]
    NoDriver {
        /// The driver that was asked for.
        driver: String,
        /// The cards and what they are.
        looked: Looked,
    },
    /// No card has a display that this process could use.
    #[error("no DRM card with a connected display that is free: {looked}")]
    NoDisplay {
        /// The cards and why not.
        looked: Looked,
    },
}

/// The cards that were looked at, each with the reason why it was not taken.
#[derive(Debug, Default)]
pub struct Looked(pub Vec<(PathBuf, String)>);

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(
                "there is no /dev/dri/card*; load the driver of the display, \
                 or pass the device into the container",
            );
        }
        for (index, (path, reason)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {reason}", path.display())?;
        }
        Ok(())
    }
}

fn open_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; join the group that owns the node (often `video`)",
        io::ErrorKind::NotFound => "; is the driver loaded?",
        _ => "",
    }
}
