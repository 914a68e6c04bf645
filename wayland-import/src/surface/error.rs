use std::sync::Arc;

use dmabuf_heap::{AccessError, Format, FormatSet, MapError, Placement, Rect};
use thiserror::Error;

use crate::buffer::ImportError;
use crate::display::LostError;

/// Why there is no surface.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SurfaceError {
    /// The compositor has no windows.
    #[error(
        "{display} has no xdg_wm_base: it makes no windows for applications; use a desktop compositor"
    )]
    NoWindows {
        /// The compositor.
        display: String,
    },
    /// The named output is not there.
    #[error("{display} has no output {name}; its outputs are {known}")]
    NoOutput {
        /// The compositor.
        display: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The compositor did not configure the window.
    #[error(
        "{display} did not say within {seconds} s how large the window is; is it busy or locked?"
    )]
    Unconfigured {
        /// The compositor.
        display: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// There is no memory for what is behind the picture.
    #[error("{display}: no memory of {width}x{height} pixels for the background: {reason}")]
    Background {
        /// The compositor.
        display: String,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// What went wrong.
        reason: String,
    },
    /// The pointer is no `wl_surface` of this connection.
    #[error(
        "the handle is no wl_surface of {display}; hand over a wl_surface of the very connection that was set"
    )]
    NotASurface {
        /// The compositor.
        display: String,
    },
    /// The connection has ended.
    #[error("{0}")]
    Lost(Arc<LostError>),
}

/// Why a frame cannot be put where it should go.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{display}: cannot place {placement}: {reason}; the frame has {}x{} pixels, the area is {area}", size.0, size.1)]
pub struct PlacementError {
    /// The compositor.
    pub display: String,
    /// What was asked for.
    pub placement: Placement,
    /// What is wrong with it.
    pub reason: &'static str,
    /// Size of the frame in pixels.
    pub size: (u32, u32),
    /// The area of the surface.
    pub area: Rect,
}

/// Why [`Surface::show`](super::Surface::show) or [`Surface::show_copy`](super::Surface::show_copy) did not take a frame.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShowError {
    /// [`Surface::set_flushing`](super::Surface::set_flushing) was called; no failure.
    #[error("the surface is flushing")]
    Flushing,
    /// The compositor does not take the frame where it lies. A copy may help.
    #[error("{0}")]
    Import(Arc<ImportError>),
    /// Source or destination make no sense, or the compositor cannot scale.
    #[error(transparent)]
    Placement(Box<PlacementError>),
    /// `wl_shm` does not take this format, so a copy would not help.
    #[error(
        "{display} takes no {format} through wl_shm; it takes {formats}: convert the frames to one of them"
    )]
    ShmFormat {
        /// The compositor.
        display: String,
        /// What was asked for.
        format: Format,
        /// What there is.
        formats: FormatSet,
    },
    /// The chroma planes have no whole rows and columns; compositors then look for them in different places.
    #[error(
        "{display}: a copy through wl_shm in {format} needs whole rows and columns of chroma, which {}x{} pixels have not: \
         use an even size",
        size.0,
        size.1
    )]
    ShmSize {
        /// The compositor.
        display: String,
        /// Of the picture.
        format: Format,
        /// Its width and height in pixels.
        size: (u32, u32),
    },
    /// There is no shared memory for a copy.
    #[error("{display}: no shared memory of {len} bytes for a copy: {reason}")]
    ShmMemory {
        /// The compositor.
        display: String,
        /// Bytes.
        len: u64,
        /// What went wrong.
        reason: String,
    },
    /// The CPU cannot read the frame.
    #[error("a copy through wl_shm could not be made: {0}")]
    Map(#[from] MapError),
    /// The CPU cannot read the frame's rows.
    #[error("a copy through wl_shm could not be made: {0}")]
    Access(#[from] AccessError),
    /// The connection has ended.
    #[error("{0}")]
    Lost(Arc<LostError>),
}

impl From<PlacementError> for ShowError {
    fn from(error: PlacementError) -> ShowError {
        ShowError::Placement(Box::new(error))
    }
}
