//! Pictures of the screen, written by the display hardware itself.
//!
//! A writeback connector stands where a monitor would and writes what its CRTC shows into a framebuffer.
//! The job rides on an ordinary commit (`WRITEBACK_FB_ID`), and a fence tells when the picture is there
//! (`WRITEBACK_OUT_FENCE_PTR`). Here it joins the next flip, so that the streaming thread never waits
//! for it; with nothing on its way, what is shown is committed once more.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dmabuf_heap::{AllocateError, Allocator, Fourcc, Frame, LayoutRequest};
use drm::control::{Device as _, connector, crtc};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use thiserror::Error;

use crate::atomic::{AtomicState, Changes};
use crate::device::Device;
use crate::framebuffer::{Framebuffer, ImportError};
use crate::output::{CommitError, FlipLoop, Pipeline};
use crate::property::Properties;
use crate::uapi;

/// vkms composes in software; on a busy emulated machine that takes seconds.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Satisfies every display controller with a writeback unit that the kernel has.
const STRIDE_ALIGN: u32 = 64;
const NO_FENCE: i32 = -1;

/// Why no snapshot could be taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The card has no writeback connector for this CRTC.
    #[error(
        "{output} has no writeback connector, so its picture cannot be read back; \
         vkms, vc4 and some SoC display drivers have one"
    )]
    NoConnector {
        /// Card and connector.
        output: String,
    },
    /// Another output of this process uses the writeback connector.
    #[error("{output}: the writeback connector {connector} serves another output of this process")]
    Taken {
        /// Card and connector.
        output: String,
        /// Object id of the writeback connector.
        connector: u32,
    },
    /// It cannot write `XRGB8888`.
    #[error("{output}: the writeback connector writes no XRGB8888, only {formats}")]
    Format {
        /// Card and connector.
        output: String,
        /// What it writes.
        formats: String,
    },
    /// No frame has been shown yet, or the CRTC is off.
    #[error("{output} shows nothing yet: show a frame first")]
    NothingShown {
        /// Card and connector.
        output: String,
    },
    /// There is no memory for the picture.
    #[error("no memory for a snapshot: {0}")]
    Allocate(#[from] AllocateError),
    /// The card does not take the memory.
    #[error("the snapshot's memory is refused: {0}")]
    Import(#[from] ImportError),
    /// The commit failed as such.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The driver refused the writeback; what was shown has been shown without it.
    #[error("{output} refuses to write its picture back: {source}")]
    Refused {
        /// Card and connector.
        output: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The picture never came.
    #[error("{output} did not write its picture within {seconds} s")]
    Timeout {
        /// Card and connector.
        output: String,
        /// How long it was waited for.
        seconds: u64,
    },
}

/// A writeback connector that can serve a CRTC.
#[derive(Debug)]
pub(crate) struct Writeback {
    pub(crate) properties: Properties,
    formats: Vec<Fourcc>,
    /// Held while a snapshot is taken; true once the connector is claimed.
    claimed: Mutex<bool>,
}

impl Writeback {
    /// The first writeback connector that `crtc` can feed, if there is one.
    pub(crate) fn find(device: &Device, crtc: crtc::Handle) -> io::Result<Option<Writeback>> {
        let card = device.card();
        for &handle in device.resources().connectors() {
            let info = card.get_connector(handle, false)?;
            if info.interface() != connector::Interface::Writeback {
                continue;
            }
            for &encoder in info.encoders() {
                let possible = card.get_encoder(encoder)?.possible_crtcs();
                if device.resources().filter_crtcs(possible).contains(&crtc) {
                    let properties = Properties::read(card, handle)?;
                    let formats = match properties.found("WRITEBACK_PIXEL_FORMATS") {
                        Some(blob) if blob != 0 => fourccs(&card.get_property_blob(blob)?),
                        _ => Vec::new(),
                    };
                    let claimed = Mutex::default();
                    return Ok(Some(Writeback {
                        properties,
                        formats,
                        claimed,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Object id of the connector, if a snapshot has claimed it.
    pub(crate) fn claimed_id(&self) -> Option<u32> {
        let is_claimed = *self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        is_claimed.then(|| self.id())
    }

    fn id(&self) -> u32 {
        self.properties.object().get()
    }
}

/// One picture to be written.
#[derive(Debug)]
pub(crate) struct Job {
    framebuffer: Arc<Framebuffer>,
    /// The kernel writes the fence's number here while the commit runs.
    fence_slot: AtomicI32,
    outcome: Mutex<Option<io::Result<Option<OwnedFd>>>>,
    done: Condvar,
    is_refused: AtomicBool,
}

impl Job {
    fn new(framebuffer: Arc<Framebuffer>) -> Job {
        Job {
            framebuffer,
            fence_slot: AtomicI32::new(NO_FENCE),
            outcome: Mutex::default(),
            done: Condvar::new(),
            is_refused: AtomicBool::new(false),
        }
    }

    /// Adds the job to a commit. It must outlive that commit: the kernel writes into it.
    pub(crate) fn add_to(&self, pipeline: &Pipeline, atomic: &AtomicState, changes: &mut Changes) {
        let Some(writeback) = &pipeline.writeback else {
            return;
        };
        let crtc = u64::from(pipeline.crtc_id());
        changes.modeset |= atomic.set(&writeback.properties, "CRTC_ID", crtc, changes);
        changes.push_once(
            &writeback.properties,
            "WRITEBACK_FB_ID",
            self.framebuffer.id().into(),
        );
        let slot = self.fence_slot.as_ptr().expose_provenance();
        changes.push_once(
            &writeback.properties,
            "WRITEBACK_OUT_FENCE_PTR",
            slot as u64,
        );
    }

    /// The commit was accepted.
    pub(crate) fn committed(&self) {
        let fence = uapi::take_fence(self.fence_slot.swap(NO_FENCE, Ordering::AcqRel));
        self.finish(Ok(fence));
    }

    /// The commit was refused because of the job.
    pub(crate) fn refused(&self, error: io::Error) {
        self.is_refused.store(true, Ordering::Release);
        self.finish(Err(error));
    }

    /// Whether the job was refused, so that nothing will be written.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Acquire)
    }

    fn finish(&self, outcome: io::Result<Option<OwnedFd>>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.done.notify_all();
    }

    /// Waits until a commit has taken the job.
    fn wait(&self, timeout: Duration) -> Option<io::Result<Option<OwnedFd>>> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .done
            .wait_timeout_while(outcome, timeout, |outcome| outcome.is_none());
        let (mut outcome, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        outcome.take()
    }
}

/// Takes a picture of what `flips` shows. One at a time: whoever comes second waits for the first.
pub(crate) fn snapshot(
    device: &Arc<Device>,
    flips: &FlipLoop,
    allocator: &dyn Allocator,
) -> Result<Frame, SnapshotError> {
    let output = || flips.pipeline.name.clone();
    let Some(writeback) = &flips.pipeline.writeback else {
        return Err(SnapshotError::NoConnector { output: output() });
    };
    if !writeback.formats.contains(&Fourcc::XRGB8888) {
        let formats: Vec<_> = writeback.formats.iter().map(ToString::to_string).collect();
        return Err(SnapshotError::Format {
            output: output(),
            formats: formats.join(", "),
        });
    }
    let mut claimed = writeback
        .claimed
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *claimed = *claimed || device.claim(&[writeback.id()]);
    if !*claimed {
        return Err(SnapshotError::Taken {
            output: output(),
            connector: writeback.id(),
        });
    }
    let mode = flips.pipeline.mode;
    let request =
        LayoutRequest::new(Fourcc::XRGB8888, mode.width, mode.height).stride_align(STRIDE_ALIGN);
    let frame = allocator.allocate(&request)?;
    let job = Arc::new(Job::new(device.import(&frame)?));
    write(flips, &job).map(|()| frame)
}

/// Has the job committed and waits for its fence.
fn write(flips: &FlipLoop, job: &Arc<Job>) -> Result<(), SnapshotError> {
    let output = || flips.pipeline.name.clone();
    let timeout = || SnapshotError::Timeout {
        output: output(),
        seconds: TIMEOUT.as_secs(),
    };
    let deadline = Instant::now() + TIMEOUT;
    if !flips.write_back(job)? {
        return Err(SnapshotError::NothingShown { output: output() });
    }
    let Some(outcome) = job.wait(TIMEOUT) else {
        flips.abandon_job();
        return Err(timeout());
    };
    let fence = outcome.map_err(|source| SnapshotError::Refused {
        output: output(),
        source,
    })?;
    let is_written = fence.is_none_or(|fence| is_signalled(&fence, deadline));
    flips.end_writeback();
    if is_written { Ok(()) } else { Err(timeout()) }
}

fn is_signalled(fence: &OwnedFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or(Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        });
        match poll(&mut [PollFd::new(fence, PollFlags::IN)], Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(ready) => return ready > 0,
            Err(_unpollable) => return false,
        }
    }
}

/// The fourccs in a `WRITEBACK_PIXEL_FORMATS` blob: 32 bit numbers, one after the other.
fn fourccs(blob: &[u8]) -> Vec<Fourcc> {
    blob.as_chunks()
        .0
        .iter()
        .map(|bytes| Fourcc(u32::from_ne_bytes(*bytes)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_a_writeback_connector_are_read_and_a_torn_one_is_not() {
        let mut blob: Vec<u8> = [Fourcc::XRGB8888, Fourcc::RGB565]
            .iter()
            .flat_map(|fourcc| fourcc.0.to_ne_bytes())
            .collect();
        blob.push(0);
        assert_eq!(fourccs(&blob), [Fourcc::XRGB8888, Fourcc::RGB565]);
    }
}
