//! A compositor as somebody to negotiate memory with.

use std::sync::{Arc, Weak};
use std::time::Duration;

use dmabuf_heap::{
    Constraints, Format, FormatSet, Frame, FrameSpec, Importer, Refusal, Role, Suspect, Verdict,
    Why,
};

use crate::buffer::{Buffer, ImportError};
use crate::display::Display;
use crate::surface::{Core, Surface};

/// One frame is on screen, one on its way there, and one waits.
const HELD_FRAMES: u32 = 3;

/// How long a compositor may take to say whether it can import a frame.
pub(crate) const ANSWER: Duration = Duration::from_secs(2);

const BIND: &str = "zwp_linux_dmabuf_v1";
const CREATE: &str = "zwp_linux_buffer_params_v1.create";

/// A compositor, or one [`Surface`] of it, as an [`Importer`].
///
/// Its [constraints](Importer::constraints) are what linux-dmabuf tells: formats with their modifiers, 32 bits for offsets.
/// Its [probe](Importer::probe) imports the frame (`zwp_linux_buffer_params_v1.create`) and waits for the answer; the
/// import stays in the display's cache, where [`Surface::show`] finds it again. Where dma-bufs cannot be imported at all,
/// both refuse.
///
/// The display is held weakly: who negotiates keeps no connection open.
#[derive(Debug)]
pub struct SurfaceImporter {
    name: String,
    display: Weak<Display>,
    surface: Option<Weak<Core>>,
}

impl SurfaceImporter {
    /// Any surface of a display.
    pub fn new(display: &Arc<Display>) -> SurfaceImporter {
        SurfaceImporter {
            name: display.name().to_owned(),
            display: Arc::downgrade(display),
            surface: None,
        }
    }

    /// One surface, which may be shown by another device than others.
    pub fn for_surface(surface: &Surface) -> SurfaceImporter {
        SurfaceImporter {
            surface: Some(Arc::downgrade(surface.core())),
            ..SurfaceImporter::new(surface.display())
        }
    }
}

impl Importer for SurfaceImporter {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        Role::Reads
    }

    fn constraints(&self, spec: &FrameSpec) -> Result<Constraints, Refusal> {
        let constraints = Constraints::of(self.name.as_str()).min_buffers(HELD_FRAMES);
        let Some(display) = self.display.upgrade() else {
            return Ok(constraints);
        };
        if display.lost().is_some() {
            return Ok(constraints);
        }
        if display.offers().dmabuf_version.is_none() {
            let detail = "it imports no dma-bufs; frames reach it through wl_shm, as copies";
            return Err(self.refusal(BIND, detail.to_owned(), Some(Suspect::Foreign)));
        }
        let formats = self.formats(&display);
        let wanted = Format {
            fourcc: spec.fourcc,
            modifier: spec.modifier,
        };
        if !formats.contains(wanted) {
            let detail = format!("no {wanted}; it takes {formats}");
            return Err(self.refusal("the formats of linux-dmabuf", detail, None));
        }
        Ok(constraints
            .modifiers(formats.modifiers(spec.fourcc))
            .offset_max(u32::MAX.into()))
    }

    fn probe(&self, frame: &Frame) -> Verdict {
        let Some(display) = self.display.upgrade() else {
            return Verdict::Unknown(Why("the connection was closed".into()));
        };
        if let Some(error) = display.lost() {
            return Verdict::Unknown(Why(error.to_string()));
        }
        let formats = || self.formats(&display);
        match import(&display, frame, formats, ANSWER) {
            Ok(_) => Verdict::Accepted,
            Err(error) => self.verdict(&error),
        }
    }
}

impl SurfaceImporter {
    /// What the surface takes, or any surface.
    fn formats(&self, display: &Display) -> FormatSet {
        let core = self.surface.as_ref().and_then(Weak::upgrade);
        core.map_or_else(|| display.formats(), |core| core.formats())
    }

    fn verdict(&self, error: &ImportError) -> Verdict {
        let (operation, detail, suspect) = match error {
            ImportError::Silent { .. } => return Verdict::Unknown(Why(error.to_string())),
            ImportError::Refused { frame, .. } => (CREATE, frame.clone(), Some(Suspect::Layout)),
            ImportError::Bounds { frame, what, .. } => {
                (CREATE, format!("{frame}: {what}"), Some(Suspect::Layout))
            }
            ImportError::NoDmabuf { .. } => (BIND, error.to_string(), Some(Suspect::Foreign)),
            ImportError::Format { .. } => (CREATE, error.to_string(), None),
        };
        Verdict::Refused(self.refusal(operation, detail, suspect))
    }

    fn refusal(
        &self,
        operation: &'static str,
        detail: String,
        suspect: Option<Suspect>,
    ) -> Refusal {
        Refusal {
            importer: self.name.clone(),
            operation,
            detail,
            errno: None,
            suspect,
        }
    }
}

/// Imports a frame and waits for the compositor's answer, but not on the thread that would read it.
pub(crate) fn import(
    display: &Display,
    frame: &Frame,
    formats: impl FnOnce() -> FormatSet,
    patience: Duration,
) -> Result<Arc<Buffer>, Arc<ImportError>> {
    let link = display.link();
    let buffer = link.buffers.import(frame, formats)?;
    if buffer.wl_buffer().is_none() && !link.is_event_thread() {
        let _waiter = link.await_events();
        link.flush();
        buffer.wait(patience, || link.lost().is_some());
    }
    match buffer.refusal() {
        Some(error) => Err(error),
        None if buffer.wl_buffer().is_some() => Ok(buffer),
        None => Err(Arc::new(ImportError::Silent {
            display: link.name.clone(),
            frame: frame.to_string(),
            seconds: patience.as_secs(),
        })),
    }
}
