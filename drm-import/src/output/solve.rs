//! Finding out on which plane a driver shows a frame.

use std::io;
use std::sync::{Arc, PoisonError};

use dmabuf_heap::{Format, Frame, FrameLayout};
use drm::control::AtomicCommitFlags;
use rustix::io::Errno;
use tracing::debug;

use super::commit::is_errno;
use super::flip::FlipLoop;
use super::{CommitError, ConfigureError, describe};
use crate::atomic::{Picture, Placement, Scene};
use crate::device::Device;
use crate::framebuffer::Framebuffer;
use crate::plane::PlaneKind;

/// The last frame that a driver agreed to, in all that it looks at but the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Solution {
    format: Format,
    size: (u32, u32),
    placement: Placement,
    plane: usize,
    backdrop: bool,
}

impl FlipLoop {
    pub(super) fn configure(
        &self,
        format: Format,
        width: u32,
        height: u32,
    ) -> Result<(), ConfigureError> {
        self.pipeline.check_size(width, height)?;
        let plane = self.pipeline.planes_for(format, self.plane())?[0];
        self.lock().plane = Some(plane);
        debug!(
            output = self.pipeline.name,
            plane = self.pipeline.planes[plane].id,
            ?format,
            "plane chosen"
        );
        Ok(())
    }

    pub(super) fn import(
        &self,
        device: &Device,
        frame: &Frame,
    ) -> Result<Arc<Framebuffer>, CommitError> {
        device.import(frame).map_err(|error| {
            // ENODEV from PRIME is a refusal on some drivers, so the device itself is asked.
            match error.io_error() {
                Some(source) if is_errno(source, Errno::NODEV) && self.card.is_gone() => {
                    self.gone()
                }
                _ => CommitError::Import(error),
            }
        })
    }

    /// A frame as the driver agreed to show the last one, or as it agrees to now.
    pub(super) fn picture(
        &self,
        framebuffer: Arc<Framebuffer>,
        layout: &FrameLayout,
        placement: &Placement,
    ) -> Result<Picture, CommitError> {
        let last = self.lock().solution;
        let size = (framebuffer.width(), framebuffer.height());
        if let Some(Solution {
            plane, backdrop, ..
        }) = last.filter(|last| {
            last.placement == *placement && last.size == size && last.format == framebuffer.format()
        }) {
            return Ok(Picture {
                framebuffer,
                placement: *placement,
                plane,
                backdrop,
            });
        }
        let picture = self.solve(&framebuffer, layout, placement)?;
        let mut state = self.lock();
        state.plane = Some(picture.plane);
        state.solution = Some(Solution {
            format: picture.framebuffer.format(),
            size,
            placement: *placement,
            plane: picture.plane,
            backdrop: picture.backdrop,
        });
        Ok(picture)
    }

    /// Asks the driver, plane by plane: alone, and on overlays with a black primary plane beneath. Claims the
    /// plane that takes it.
    pub(super) fn solve(
        &self,
        framebuffer: &Arc<Framebuffer>,
        layout: &FrameLayout,
        placement: &Placement,
    ) -> Result<Picture, CommitError> {
        let attempt = |picture: &Picture| self.try_picture(picture);
        self.solve_by(framebuffer, layout, placement, attempt)
    }

    /// Whether the driver would show a frame so. Claims no plane.
    pub(crate) fn would_show(
        &self,
        framebuffer: &Arc<Framebuffer>,
        layout: &FrameLayout,
        placement: &Placement,
    ) -> Result<(), CommitError> {
        let attempt = |picture: &Picture| {
            if !self.is_plane_free(picture.plane) {
                return Err(Errno::ALREADY.into());
            }
            self.check(&Scene::Picture(picture.clone()))
        };
        self.solve_by(framebuffer, layout, placement, attempt)
            .map(drop)
    }

    fn solve_by(
        &self,
        framebuffer: &Arc<Framebuffer>,
        layout: &FrameLayout,
        placement: &Placement,
        attempt: impl Fn(&Picture) -> io::Result<()>,
    ) -> Result<Picture, CommitError> {
        self.check_placement(layout, placement)?;
        let mut tried = Vec::new();
        let mut first = None;
        for plane in self
            .pipeline
            .planes_for(framebuffer.format(), self.plane())?
        {
            for backdrop in [false, true] {
                if backdrop && !self.can_have_backdrop(plane) {
                    break;
                }
                let framebuffer = Arc::clone(framebuffer);
                let picture = Picture {
                    framebuffer,
                    placement: *placement,
                    plane,
                    backdrop,
                };
                match attempt(&picture) {
                    Ok(()) => return Ok(picture),
                    Err(error) if is_refusal(&error) || is_errno(&error, Errno::ALREADY) => {
                        tried.push(self.describe_try(&picture, &error));
                        first.get_or_insert(error);
                    }
                    Err(error) => return Err(self.failure(error)),
                }
            }
        }
        Err(CommitError::Refused {
            output: self.pipeline.name.clone(),
            frame: describe(layout),
            placement: *placement,
            tried: tried.join(", "),
            source: first.unwrap_or_else(|| Errno::INVAL.into()),
        })
    }

    /// Asks the driver about a picture and claims its plane; `EALREADY` if that serves another output.
    fn try_picture(&self, picture: &Picture) -> io::Result<()> {
        if !self.is_plane_free(picture.plane) {
            return Err(Errno::ALREADY.into());
        }
        self.check(&Scene::Picture(picture.clone()))?;
        if self.claim_plane(picture.plane) {
            Ok(())
        } else {
            Err(Errno::ALREADY.into())
        }
    }

    /// Asks the driver about a whole scene.
    pub(crate) fn check(&self, scene: &Scene) -> io::Result<()> {
        let state = self.atomic.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = state.changes(&self.pipeline, scene);
        let flags = AtomicCommitFlags::TEST_ONLY | modeset_flag(changes.modeset);
        self.card.commit(&changes.all(), flags)
    }

    /// Whether a plane is this output's own, or nobody's.
    fn is_plane_free(&self, plane: usize) -> bool {
        let id = self.pipeline.planes[plane].id;
        let is_own = self.lock().claimed_planes.contains(&id);
        is_own
            || self
                .device
                .upgrade()
                .is_some_and(|device| !device.is_claimed(id))
    }

    /// Whether a plane is this output's own, or becomes it now.
    fn claim_plane(&self, plane: usize) -> bool {
        let id = self.pipeline.planes[plane].id;
        let mut state = self.lock();
        if state.claimed_planes.contains(&id) {
            return true;
        }
        let is_free = self
            .device
            .upgrade()
            .is_some_and(|device| device.claim(&[id]));
        if is_free {
            state.claimed_planes.push(id);
        }
        is_free
    }

    fn can_have_backdrop(&self, plane: usize) -> bool {
        self.pipeline.is_exclusive
            && self.pipeline.planes[plane].kind == PlaneKind::Overlay
            && self.pipeline.primary().is_some()
            && self.ensure_backdrop()
    }

    fn describe_try(&self, picture: &Picture, error: &io::Error) -> String {
        let plane = &self.pipeline.planes[picture.plane];
        let how = if picture.backdrop {
            " over a black primary plane"
        } else {
            ""
        };
        let why = if is_errno(error, Errno::ALREADY) {
            "in use by another output".to_owned()
        } else {
            error.to_string()
        };
        format!("plane {} ({:?}){how}: {why}", plane.id, plane.kind)
    }

    fn check_placement(
        &self,
        layout: &FrameLayout,
        placement: &Placement,
    ) -> Result<(), CommitError> {
        let size = (layout.width(), layout.height());
        let Placement { source, dest, .. } = placement;
        let reason = if source.width == 0 || source.height == 0 {
            "the source is empty"
        } else if !source.fits_in(size.0, size.1) {
            "the source reaches beyond the frame"
        } else if dest.width == 0 || dest.height == 0 {
            "the destination is empty"
        } else if dest.x >= self.pipeline.mode.width || dest.y >= self.pipeline.mode.height {
            "the destination is off the screen"
        } else if !dest.fits_in(i32::MAX.unsigned_abs(), i32::MAX.unsigned_abs()) {
            "the destination is beyond what KMS can count"
        } else if size.0 > u32::from(u16::MAX) || size.1 > u32::from(u16::MAX) {
            "KMS counts source pixels in 16 bits"
        } else {
            return Ok(());
        };
        let output = self.pipeline.name.clone();
        Err(CommitError::Placement {
            output,
            placement: *placement,
            reason,
            size,
        })
    }
}

pub(super) fn modeset_flag(modeset: bool) -> AtomicCommitFlags {
    if modeset {
        AtomicCommitFlags::ALLOW_MODESET
    } else {
        AtomicCommitFlags::empty()
    }
}

/// Whether the kernel says "not like this", as opposed to "not you", "not now" or "not any more".
pub(super) fn is_refusal(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(
            Errno::INVAL
                | Errno::RANGE
                | Errno::NOSPC
                | Errno::OPNOTSUPP
                | Errno::NOENT
                | Errno::TOOBIG
                | Errno::DOM
        )
    )
}
