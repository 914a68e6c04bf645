use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::FrameKey;

use crate::buffer::ImportError;
use crate::display::{Clock, LostError};

/// What a surface tells its listener.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SurfaceEvent {
    /// A frame has become visible.
    Shown {
        /// The number that [`Surface::show`](super::Surface::show) gave.
        frame: u64,
        /// When, on `clock`.
        time: Duration,
        /// Until the next refresh; `None` if the compositor does not know.
        refresh: Option<Duration>,
        /// Count of the refresh; 0 if the compositor does not count.
        sequence: u64,
        /// The clock that the compositor announced.
        clock: Clock,
        /// How well `time` is known.
        flags: ShownFlags,
    },
    /// A frame that had been taken was never seen.
    Unshown {
        /// The number that [`Surface::show`](super::Surface::show) gave.
        frame: u64,
        /// Why.
        why: Unshown,
    },
    /// The compositor does not take a frame that had been taken on trust, the first of its kind. The next
    /// [`Surface::show`](super::Surface::show) of it returns the same error; an
    /// [`Unshown`](SurfaceEvent::Unshown) follows.
    Refused {
        /// The frame.
        key: FrameKey,
        /// Why.
        error: Arc<ImportError>,
    },
    /// The area of the surface has another size: place what is shown anew, by
    /// [`Surface::rearrange`](super::Surface::rearrange).
    Resized {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The compositor prefers other formats now ([`Surface::formats`](super::Surface::formats)). Frames of the
    /// old ones stay good until a refusal.
    FormatsChanged,
    /// The user wants the window closed. It stays until the surface is dropped.
    Closed,
    /// The user does something in the window.
    Input(Input),
    /// The connection has ended. Everything that was kept has been dropped.
    Lost(Arc<LostError>),
}

/// Why a frame that had been taken was never seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unshown {
    /// A newer frame came before the compositor was ready for this one, or before it showed it.
    Superseded,
    /// [`Surface::set_flushing`](super::Surface::set_flushing), [`Surface::blank`](super::Surface::blank) or the end of the
    /// surface.
    Flushed,
    /// The compositor does not take it.
    Refused,
}

/// What a user does in a window. Positions are in pixels of the area, from its left top corner.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Input {
    /// The pointer is here.
    PointerMoved {
        /// Pixels.
        x: f64,
        /// Pixels.
        y: f64,
    },
    /// The pointer has left.
    PointerLeft,
    /// A button.
    Button {
        /// By its number in `linux/input-event-codes.h`, such as `BTN_LEFT`.
        code: u32,
        /// Whether it went down.
        is_pressed: bool,
        /// Pixels.
        x: f64,
        /// Pixels.
        y: f64,
    },
    /// The wheel.
    Scrolled {
        /// To the right.
        horizontal: f64,
        /// Down.
        vertical: f64,
        /// Pixels.
        x: f64,
        /// Pixels.
        y: f64,
    },
    /// A key.
    Key {
        /// By its number in `linux/input-event-codes.h`; no layout is applied.
        code: u32,
        /// Whether it went down.
        is_pressed: bool,
    },
}

bitflags::bitflags! {
    /// How well the time of a refresh is known: `wp_presentation_feedback.kind`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ShownFlags: u32 {
        /// The frame changed in the vertical blank.
        const VSYNC = 1;
        /// The hardware told the time.
        const HW_CLOCK = 2;
        /// The hardware told that the frame is shown.
        const HW_COMPLETION = 4;
        /// The compositor made no copy: the display reads the very dma-buf.
        const ZERO_COPY = 8;
        /// The compositor tells no times: this is when it asked for the next frame.
        const GUESS = 1 << 31;
    }
}
