//! An output: frames in, flips out.

mod backdrop;
mod builder;
mod commit;
mod contain;
mod error;
mod flip;
mod pipeline;
mod queue;
mod route;
mod solve;
mod state;
mod stats;

use std::any::Any;
use std::sync::{Arc, Weak};
use std::time::Duration;

use dmabuf_heap::{Allocator, Format, FormatSet, Frame};

pub use builder::OutputBuilder;
pub(crate) use error::describe;
pub use error::{CommitError, ConfigureError, OutputError, ShowError};
pub(crate) use flip::FlipLoop;
pub(crate) use pipeline::Pipeline;
pub use stats::OutputStats;

use crate::atomic::Placement;
use crate::connector::Mode;
use crate::device::Device;
use crate::events::Route;
use crate::writeback::{SnapshotError, Writeback};

/// How long the last flip may take when an output is dropped.
const LAST_FLIP: Duration = Duration::from_secs(3);

/// What an output tells its listener.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OutputEvent {
    /// A frame is on screen.
    Shown {
        /// Count of the refresh.
        sequence: u32,
        /// Time of the refresh on `CLOCK_MONOTONIC`.
        time: Duration,
    },
    /// A frame that had been taken cannot be shown, or the device is lost. The next
    /// [`Output::show`] returns the same error.
    Lost(Arc<CommitError>),
}

/// A connector, its CRTC and the planes that can show video on it.
///
/// Frames are committed without blocking. One is on screen and at most one is on its way there; who brings
/// another one waits on a condition variable, without any system call of KMS.
///
/// A CRTC that is lit already keeps its mode; else the first frame lights it in the same commit, with the
/// mode that the display prefers. Drop puts back what was found: mode, planes and all, or darkness.
///
/// ```no_run
/// use dmabuf_heap::{Fourcc, LayoutRequest, Registry};
/// use drm_import::{Device, Output, Placement, Rect};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let output = Output::builder(&Device::open_first_connected()?).build()?;
/// let request = LayoutRequest::new(Fourcc::XRGB8888, 640, 480);
/// let (_heap, frame, _why) = Registry::discover().first_working(&request)?;
/// let screen = Rect::new(0, 0, output.mode().width, output.mode().height);
/// let placement = Placement::centered(Rect::new(0, 0, 640, 480), screen);
/// output.show(&frame, &placement, Box::new(frame.clone()))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Output {
    flips: Arc<FlipLoop>,
    device: Arc<Device>,
}

impl Output {
    /// An output on `device`, with everything else open.
    pub fn builder(device: &Arc<Device>) -> OutputBuilder {
        OutputBuilder::new(device)
    }

    /// The card.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// What the planes of the CRTC take between them, or the named plane.
    pub fn formats(&self) -> &FormatSet {
        &self.flips.pipeline.formats
    }

    /// The mode that the CRTC has or will have.
    pub fn mode(&self) -> Mode {
        self.flips.pipeline.mode
    }

    /// Width and height in pixels of the smallest frame that the card takes.
    pub fn min_size(&self) -> (u32, u32) {
        self.flips.pipeline.min_size
    }

    /// Width and height in pixels of the largest frame that the card takes.
    pub fn max_size(&self) -> (u32, u32) {
        self.flips.pipeline.max_size
    }

    /// Object id of the connector.
    pub fn connector_id(&self) -> u32 {
        self.flips.pipeline.connector_id()
    }

    /// Name of the connector, such as `HDMI-A-1`.
    pub fn connector_name(&self) -> &str {
        &self.flips.pipeline.connector_name
    }

    /// Object id of the CRTC.
    pub fn crtc_id(&self) -> u32 {
        self.flips.pipeline.crtc_id()
    }

    /// Object id of the plane in use, or of the one that was named; `None` before one was chosen.
    pub fn plane_id(&self) -> Option<u32> {
        let pipeline = &self.flips.pipeline;
        self.flips
            .plane()
            .map(|index| pipeline.planes[index].id)
            .or(pipeline.wanted_plane)
    }

    /// Chooses a plane for frames of this format and size, the one in use if it can.
    ///
    /// # Errors
    ///
    /// No plane lists the format, or the size is out of bounds.
    pub fn configure(&self, format: Format, width: u32, height: u32) -> Result<(), ConfigureError> {
        self.flips.configure(format, width, height)
    }

    /// Imports a frame and asks the driver whether it could be shown so. Nothing changes on screen.
    ///
    /// # Errors
    ///
    /// The card refuses the memory, the format, or the placement.
    pub fn test(&self, frame: &Frame, placement: &Placement) -> Result<(), CommitError> {
        let framebuffer = self.flips.import(&self.device, frame)?;
        self.flips
            .solve(&framebuffer, frame.layout(), placement)
            .map(drop)
    }

    /// Shows a frame at the next refresh, after those that were shown before it.
    ///
    /// `keep` is whatever must live as long as the display reads the frame; it is dropped on the card's
    /// event thread as soon as the next frame is on screen, or here if the frame is not taken. A panic
    /// in its drop is logged and goes no further.
    ///
    /// The first frame of a format, size or placement costs a test commit in the caller, one like the
    /// frame before costs none.
    ///
    /// # Errors
    ///
    /// [`ShowError::Flushing`] while flushing; the frame cannot be shown; or an earlier one, already
    /// taken, failed.
    pub fn show(
        &self,
        frame: &Frame,
        placement: &Placement,
        keep: Box<dyn Any + Send>,
    ) -> Result<(), ShowError> {
        self.flips.refuse_if_lost()?;
        let framebuffer = self.flips.import(&self.device, frame)?;
        let picture = self.flips.picture(framebuffer, frame.layout(), placement)?;
        self.flips.submit(picture, keep)
    }

    /// While true, [`Output::show`] takes no frame and does not wait; one that waits returns.
    pub fn set_flushing(&self, is_flushing: bool) {
        self.flips.set_flushing(is_flushing);
    }

    /// Waits until every frame taken is on screen and the one before is given back; false if that takes
    /// longer than `timeout`.
    pub fn wait_idle(&self, timeout: Duration) -> bool {
        self.flips.wait_idle(timeout)
    }

    /// Switches the planes off, waits for that at most one refresh, and drops whatever frames were kept.
    ///
    /// # Errors
    ///
    /// The driver refuses, or the device is lost.
    pub fn blank(&self) -> Result<(), CommitError> {
        self.flips.blank()
    }

    /// Sends events to `listener` from now on, in place of an earlier one. It is called without any lock,
    /// mostly on the card's event thread: it should not block. A panic in it is logged and goes no further.
    pub fn on_event(&self, listener: Box<dyn Fn(OutputEvent) + Send + Sync>) {
        self.flips.set_listener(listener.into());
    }

    /// Reads back what the display shows, all planes together, through a writeback connector.
    ///
    /// The picture on screen stays. The result has the size of the mode and is `XRGB8888` in memory of
    /// `allocator`. May be called from any thread while frames are shown.
    ///
    /// # Errors
    ///
    /// The card has no writeback connector for this CRTC, nothing is lit, or the memory is refused.
    pub fn snapshot(&self, allocator: &dyn Allocator) -> Result<Frame, SnapshotError> {
        crate::writeback::snapshot(&self.device, &self.flips, allocator)
    }

    /// What happened so far.
    pub fn stats(&self) -> OutputStats {
        self.flips.stats()
    }

    pub(crate) fn downgrade(&self) -> Weak<FlipLoop> {
        Arc::downgrade(&self.flips)
    }

    fn register(&self) -> Result<(), OutputError> {
        let route: Arc<dyn Route> = Arc::clone(&self.flips) as Arc<dyn Route>;
        self.device
            .events()
            .register(self.crtc_id(), Arc::downgrade(&route))
            .map_err(OutputError::kernel(
                &self.device,
                "starting the event thread",
            ))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let kept = self.flips.finish(LAST_FLIP);
        self.device.events().unregister(self.crtc_id());
        let pipeline = &self.flips.pipeline;
        let writeback = pipeline.writeback.iter().filter_map(Writeback::claimed_id);
        let ids: Vec<u32> = [self.connector_id(), self.crtc_id()]
            .into_iter()
            .chain(writeback)
            .chain(self.flips.claimed_planes())
            .collect();
        self.device.release(&ids);
        drop(kept);
    }
}
