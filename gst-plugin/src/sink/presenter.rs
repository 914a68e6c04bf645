//! What a sink draws on.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{Frame, FrameKey, FrameLayout, Importer, Orientation, Placement, Rect};

use crate::caps::VideoCaps;

/// What is known of a card or a compositor between READY and NULL, also while nothing is shown on it.
pub(crate) trait Display: Clone + Debug + Send + Sync + 'static {
    /// The caps of everything that it can show.
    fn caps(&self) -> &gst::Caps;

    /// How a person knows it, such as `vkms (/dev/dri/card0)`.
    fn name(&self) -> String;

    /// Whether fixed caps can be shown, where the caps of the display cannot say it all; `None` where they do.
    fn accepts(&self, _caps: &gst::Caps) -> Option<bool> {
        None
    }

    /// Why caps are not taken although format and size would do, and what helps.
    fn objection(&self, _caps: &gst::CapsRef) -> Option<String> {
        None
    }

    /// Adds to the `stats` property what is known of it whether or not anything is shown.
    fn describe(&self, fields: &mut gst::Structure);
}

/// Takes frames and shows them: a KMS output, a Wayland surface. It lives from READY or PAUSED until PAUSED is left.
pub(crate) trait Presenter: Debug + Send + Sync + 'static {
    /// Where it came from.
    type Display: Display;

    /// Frames held at most: shown, on their way, waiting.
    const HELD_FRAMES: u32;

    /// For the log of the element.
    fn category() -> gst::DebugCategory;

    /// Sends events to `listener` from now on. It is called without a lock, from any thread.
    fn on_event(&self, listener: Box<dyn Fn(Event) + Send + Sync>);

    /// The device as a party to negotiations about memory. It holds nothing open.
    fn importer(&self) -> Arc<dyn Importer>;

    /// Prepares for frames of these caps.
    ///
    /// # Errors
    ///
    /// They cannot be shown: the error as the user reads it.
    fn configure(&self, video: &VideoCaps) -> Result<(), gst::ErrorMessage>;

    /// All that it can show frames on, in pixels.
    fn area(&self) -> Rect;

    /// Whether a frame could be shown so; `None` is one in memory of the display's own. Nothing changes on screen.
    fn test(&self, frame: Option<&Frame>, placement: &Placement) -> bool;

    /// Hands a frame over. `keep` is dropped as soon as the device has read it for the last time.
    ///
    /// # Errors
    ///
    /// The frame was not taken.
    fn show(
        &self,
        frame: &Frame,
        placement: &Placement,
        keep: Box<dyn Any + Send>,
    ) -> Result<Ticket, ShowError>;

    /// Why no memory can be imported at all, if so: every frame has to be copied.
    fn imports_nothing(&self) -> Option<String> {
        None
    }

    /// Whether the display has memory of its own for copies of such frames.
    fn copies(&self, _video: &VideoCaps) -> bool {
        false
    }

    /// Shows a copy that the CPU makes now, in memory of the display's own; `None` where it has no such memory.
    fn show_copy(
        &self,
        _pixels: Pixels<'_>,
        _placement: &Placement,
    ) -> Option<Result<OwnCopy, ShowError>> {
        None
    }

    /// Places what is shown anew; `None` where only showing the frame again does that.
    fn rearrange(&self, _placement: &Placement) -> Option<Result<(), ShowError>> {
        None
    }

    /// Hears where the application wants the picture, in the application's own thread. What takes effect with something
    /// that the application does next has to be done before this returns.
    fn take_rectangle(&self, _rectangle: Option<Rect>) {}

    /// Turns or mirrors what is shown from now on, where it can.
    fn turn(&self, _orientation: Orientation) {}

    /// Whether [`area`](Self::area) itself is where the application wants the picture; else frames have to be placed there.
    fn is_the_rectangle(&self) -> bool {
        false
    }

    /// While true, no frame is taken, and who waits in [`show`](Self::show) returns.
    fn set_flushing(&self, is_flushing: bool);

    /// Waits until the last frame taken is seen and all before it are given back; false after `timeout`.
    fn wait_idle(&self, timeout: Duration) -> bool;

    /// Shows nothing, and gives every frame back.
    ///
    /// # Errors
    ///
    /// The device's words; frames may stay in use.
    fn blank(&self) -> Result<(), String>;

    /// Adds to the `stats` property what is known of it while frames are shown.
    fn describe(&self, fields: &mut gst::Structure);
}

/// By which events name a frame: a number, or `None` where frames are seen in the order in which they were handed over.
pub(crate) type Ticket = Option<u64>;

/// A picture for a copy.
pub(crate) enum Pixels<'a> {
    /// In dma-bufs.
    Frame(&'a Frame),
    /// In other memory that the CPU can read. The function fills the bytes of a row, given its plane and its number from the
    /// top.
    Rows(&'a FrameLayout, &'a mut dyn FnMut(usize, u32, &mut [u8])),
}

/// What a copy took that a presenter made itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnCopy {
    pub(crate) ticket: Ticket,
    pub(crate) bytes: u64,
    pub(crate) sync_ioctls: u64,
}

/// What a presenter tells.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A frame is seen, since this time on `CLOCK_MONOTONIC`.
    Shown(Ticket, Duration),
    /// A frame that had been taken was never seen.
    Unshown(Ticket),
    /// The device cannot read a frame that had been taken on trust, and why.
    Refused(FrameKey, String),
    /// [`Presenter::area`] is another one.
    Resized,
    /// The user closes the window.
    Closed,
    /// It takes no more frames, and why, in words for the user.
    Lost(String),
}

/// Why a frame was not taken.
#[derive(Debug)]
pub(crate) enum ShowError {
    /// [`Presenter::set_flushing`]; no failure.
    Flushing,
    /// The device cannot read this memory. It may well read other memory.
    Import(String),
    /// The presenter is lost; the event that came with it has told so.
    Lost,
    /// No memory would help, and why, in words for the user.
    Failed(String),
}

impl ShowError {
    /// For messages.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Flushing => "the sink is flushing",
            Self::Lost => "the display is lost",
            Self::Import(text) | Self::Failed(text) => text,
        }
    }
}
