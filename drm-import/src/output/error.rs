use std::io;

use dmabuf_heap::{Format, FormatSet, FrameLayout};
use thiserror::Error;

use crate::atomic::Placement;
use crate::connector::RouteError;
use crate::device::Device;
use crate::framebuffer::ImportError;

/// Why an output could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// Another process drives the card.
    #[error(
        "{device} belongs to {holder}: only one process can be DRM master; end it, switch to a free console, or pass a leased descriptor"
    )]
    NotMaster {
        /// The card.
        device: String,
        /// The other process as far as it can be seen.
        holder: String,
    },
    /// No connector and CRTC could be had.
    #[error("{device} has no output for us: {reason}")]
    NoRoute {
        /// The card.
        device: String,
        /// The connectors and what is the matter.
        reason: String,
    },
    /// The display has no mode.
    #[error(
        "{device}: the display at {connector} offers no mode; check the cable, or name another connector"
    )]
    NoMode {
        /// The card.
        device: String,
        /// The connector.
        connector: String,
    },
    /// The named plane cannot serve this CRTC.
    #[error("{device} has no plane {plane} for CRTC {crtc} that is free; its planes are {known}")]
    NoPlane {
        /// The card.
        device: String,
        /// The plane that was asked for; 0 for any.
        plane: u32,
        /// The CRTC.
        crtc: u32,
        /// The planes there are.
        known: String,
    },
    /// A format was asked for that no plane has.
    #[error(transparent)]
    Format(#[from] ConfigureError),
    /// The kernel refused a request that should work.
    #[error("{device}: {what} failed: {source}")]
    Kernel {
        /// The card.
        device: String,
        /// The request.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl OutputError {
    /// For `map_err` after a request to the kernel.
    pub(crate) fn kernel(
        device: &Device,
        what: &'static str,
    ) -> impl FnOnce(io::Error) -> OutputError {
        let device = device.card().to_string();
        move |source| OutputError::Kernel {
            device,
            what,
            source,
        }
    }

    pub(crate) fn route(device: &Device, error: RouteError) -> OutputError {
        let device = device.card().to_string();
        match error {
            RouteError::Kernel { what, source } => OutputError::Kernel {
                device,
                what,
                source,
            },
            other => OutputError::NoRoute {
                device,
                reason: other.to_string(),
            },
        }
    }
}

/// Why no plane can show a format.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// No plane of the CRTC lists the format.
    #[error("no plane of {output} takes {} ({}); they take {formats}", format.fourcc, format.modifier)]
    Format {
        /// Card and connector.
        output: String,
        /// What was asked for.
        format: Format,
        /// What there is.
        formats: FormatSet,
    },
    /// Framebuffers of this size cannot be made.
    #[error("{output} takes frames from {}x{} to {}x{}, not {}x{}", min.0, min.1, max.0, max.1, size.0, size.1)]
    Size {
        /// Card and connector.
        output: String,
        /// What was asked for, in pixels.
        size: (u32, u32),
        /// Smallest framebuffer.
        min: (u32, u32),
        /// Largest framebuffer.
        max: (u32, u32),
    },
}

/// Why a frame cannot be put on screen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The card does not take the memory or the layout.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// No plane takes the format.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    /// Source or destination make no sense.
    #[error("{output}: cannot place {placement}: {reason}; the frame has {}x{} pixels", size.0, size.1)]
    Placement {
        /// Card and connector.
        output: String,
        /// What was asked for.
        placement: Placement,
        /// What is wrong with it.
        reason: &'static str,
        /// Size of the frame in pixels.
        size: (u32, u32),
    },
    /// The driver refuses this combination of format, size and place on every plane.
    #[error(
        "{output} refuses {frame}, {placement}: {tried}; planes without a scaler need source and destination of one size"
    )]
    Refused {
        /// Card and connector.
        output: String,
        /// Format and size of the frame.
        frame: String,
        /// Where it should go.
        placement: Placement,
        /// Each plane and what the kernel said about it.
        tried: String,
        /// What the kernel said first.
        source: io::Error,
    },
    /// Another process has become DRM master.
    #[error(
        "{output} cannot be changed any more, the card belongs to {holder}; end it, or switch back to this console"
    )]
    NotMaster {
        /// Card and connector.
        output: String,
        /// The other process as far as it can be seen.
        holder: String,
    },
    /// Other commits on the card kept the CRTC busy.
    #[error(
        "{output} stayed busy for {attempts} refreshes; does another thread or process reconfigure this card?"
    )]
    Busy {
        /// Card and connector.
        output: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The card was unplugged or unbound.
    #[error("{output} is gone: the device was removed or its driver unbound")]
    Gone {
        /// Card and connector.
        output: String,
    },
    /// A commit was accepted, but never reached the screen.
    #[error(
        "{output} did not flip within {seconds} s: the display pipeline hangs; see the kernel log"
    )]
    FlipTimeout {
        /// Card and connector.
        output: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Anything else that the kernel says.
    #[error("{output}: atomic commit failed: {source}")]
    Failed {
        /// Card and connector.
        output: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Why [`Output::show`](super::Output::show) did not take a frame.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShowError {
    /// [`Output::set_flushing`](super::Output::set_flushing) was called; no failure.
    #[error("the output is flushing")]
    Flushing,
    /// This frame cannot be shown.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// An earlier frame failed after it had been taken, or the device is lost.
    #[error("{0}")]
    Lost(std::sync::Arc<CommitError>),
}

/// A frame in words.
pub(crate) fn describe(layout: &FrameLayout) -> String {
    let (fourcc, modifier) = (layout.fourcc(), layout.modifier());
    format!(
        "{fourcc} ({modifier}) {}x{}",
        layout.width(),
        layout.height()
    )
}
