//! A display as somebody to negotiate memory with.

mod misread;
mod stride;
mod verdict;

use std::fmt;
use std::sync::{Arc, Weak};

use dmabuf_heap::{
    Allocator, Constraints, DeviceKey, Format, FormatSet, Frame, FrameSpec, Importer, Modifier,
    Refusal, Role, Suspect, Topology, Verdict, Why,
};
use tracing::debug;

use misread::{misreads, reads_first_buffer_only};
pub(crate) use stride::StrideRules;

use crate::atomic::{Placement, Rect};
use crate::device::Device;
use crate::dumb::{self, DumbAllocator};
use crate::framebuffer::Framebuffer;
use crate::output::{CommitError, FlipLoop, Output};
use crate::plane;

/// One frame is on screen, and one on its way there.
const HELD_FRAMES: u32 = 2;

type Place = Box<dyn Fn(u32, u32) -> Placement + Send + Sync>;

/// The planes of a card, or of one [`Output`], as an [`Importer`].
///
/// Its [constraints](Importer::constraints) are what KMS tells: the formats of the planes (`IN_FORMATS`), the sizes of
/// framebuffers, 32 bits for offsets, and the strides that the driver makes of odd widths. Its
/// [probe](Importer::probe) imports the frame into the cache of the card, where [`Output::show`] finds it again, and
/// on an output asks with a `TEST_ONLY` commit whether a plane shows it. That needs DRM master; without, the import
/// alone counts.
///
/// Card and output are held weakly: who negotiates keeps neither open, nor DRM master.
pub struct PlaneImporter {
    name: String,
    key: Option<DeviceKey>,
    device: Weak<Device>,
    output: Option<Weak<FlipLoop>>,
    place: Option<Place>,
    own_allocator: Option<Arc<DumbAllocator>>,
}

impl PlaneImporter {
    /// The planes of all CRTCs of a card. Asks nothing of a CRTC, so it works beside another master.
    pub fn new(device: &Arc<Device>) -> PlaneImporter {
        let has_dumb_buffers = dumb::has_dumb_buffers(device.card());
        PlaneImporter {
            name: format!("display {} ({})", device.driver(), device.path().display()),
            key: DeviceKey::of(device.card()).ok(),
            device: Arc::downgrade(device),
            output: None,
            place: None,
            own_allocator: has_dumb_buffers.then(|| Arc::new(DumbAllocator::new(device))),
        }
    }

    /// The planes that an output may use.
    pub fn for_output(output: &Output) -> PlaneImporter {
        let importer = PlaneImporter::new(output.device());
        PlaneImporter {
            key: importer.key.map(|key| key.part(output.crtc_id())),
            output: Some(output.downgrade()),
            ..importer
        }
    }

    /// Where on the output a frame of a width and a height, in pixels, will be shown. Without, a frame is accepted
    /// that the driver shows unscaled in the middle, or as large as the screen allows.
    #[must_use]
    pub fn placed(
        mut self,
        place: impl Fn(u32, u32) -> Placement + Send + Sync + 'static,
    ) -> PlaneImporter {
        self.place = Some(Box::new(place));
        self
    }

    /// The formats of the output's planes, or of all; `None` if the kernel does not say.
    fn formats(&self, device: &Device) -> Option<FormatSet> {
        if let Some(flips) = self.output.as_ref().and_then(Weak::upgrade) {
            return Some(flips.pipeline.formats.clone());
        }
        device
            .formats()
            .inspect_err(|error| debug!(importer = self.name, %error, "formats are unknown"))
            .ok()
    }

    fn refusal(&self, operation: &'static str, detail: String) -> Refusal {
        Refusal {
            importer: self.name.clone(),
            operation,
            detail,
            errno: None,
            suspect: None,
        }
    }

    /// Asks the output, if there is one, whether it would show the frame.
    fn test(&self, framebuffer: &Arc<Framebuffer>, frame: &Frame) -> Verdict {
        let Some(output) = &self.output else {
            return Verdict::Accepted;
        };
        let Some(flips) = output.upgrade() else {
            return Verdict::Unknown(Why("the output was closed".into()));
        };
        let layout = frame.layout();
        let ask = |placement: &Placement| flips.would_show(framebuffer, layout, placement);
        let result = if let Some(place) = &self.place {
            ask(&place(layout.width(), layout.height()))
        } else {
            let whole = Rect::new(0, 0, layout.width(), layout.height());
            let mode = flips.pipeline.mode;
            let screen = Rect::new(0, 0, mode.width, mode.height);
            ask(&Placement::centered(whole, screen)).or_else(|error| match error {
                CommitError::Refused { .. } => {
                    // The unscaled one tells more about the memory.
                    ask(&Placement::fitted(whole, (1, 1), screen)).map_err(|_scaled| error)
                }
                other => Err(other),
            })
        };
        result.map_or_else(
            |error| {
                debug!(importer = self.name, %error, "test commit");
                verdict::of_commit(&self.name, &error)
            },
            |()| Verdict::Accepted,
        )
    }
}

impl Importer for PlaneImporter {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        Role::Reads
    }

    fn device(&self) -> Option<DeviceKey> {
        self.key
    }

    fn constraints(&self, spec: &FrameSpec) -> Result<Constraints, Refusal> {
        let constraints = Constraints::of(self.name.as_str()).min_buffers(HELD_FRAMES);
        let Some(device) = self.device.upgrade() else {
            return Ok(constraints);
        };
        check_size(device.size_bounds(), spec)
            .map_err(|detail| self.refusal("the size of framebuffers", detail))?;
        let constraints = match self.formats(&device) {
            Some(formats) => constraints.modifiers(
                modifiers_for(&formats, spec)
                    .map_err(|detail| self.refusal("the formats of its planes", detail))?,
            ),
            None => constraints,
        };
        let constraints = constraints
            .offset_max(u32::MAX.into())
            .stride_align(device.stride_align(spec.fourcc));
        Ok(if reads_first_buffer_only(&device) {
            constraints.topology(Topology::ONE)
        } else {
            constraints
        })
    }

    fn probe(&self, frame: &Frame) -> Verdict {
        let Some(device) = self.device.upgrade() else {
            return Verdict::Unknown(Why("the card was closed".into()));
        };
        if let Some(detail) = misreads(&device, frame) {
            return Verdict::Refused(Refusal {
                suspect: Some(Suspect::Layout),
                ..self.refusal("what is known of the driver", detail)
            });
        }
        match device.import(frame) {
            Ok(framebuffer) => self.test(&framebuffer, frame),
            Err(_) if device.card().is_gone() => {
                Verdict::Unknown(Why("the card was removed or its driver unbound".into()))
            }
            Err(error) => verdict::of_import(&self.name, &error),
        }
    }

    fn own_allocator(&self) -> Option<Arc<dyn Allocator>> {
        let allocator = self.own_allocator.clone()?;
        Some(allocator)
    }
}

/// Whether a framebuffer can have this size; the error says which it can.
fn check_size((min, max): ((u32, u32), (u32, u32)), spec: &FrameSpec) -> Result<(), String> {
    if (min.0..=max.0).contains(&spec.width) && (min.1..=max.1).contains(&spec.height) {
        return Ok(());
    }
    Err(format!(
        "{}x{}, it takes frames from {}x{} to {}x{}",
        spec.width, spec.height, min.0, min.1, max.0, max.1
    ))
}

/// The modifiers that the planes take this fourcc with; the error says what they take instead.
fn modifiers_for(formats: &FormatSet, spec: &FrameSpec) -> Result<Vec<Modifier>, String> {
    let format = Format {
        fourcc: spec.fourcc,
        modifier: spec.modifier,
    };
    if !plane::takes(formats, format) {
        return Err(format!("no plane takes {format}; they take {formats}"));
    }
    // An implicit layout is taken where a linear one is listed.
    Ok(formats
        .modifiers(spec.fourcc)
        .chain([spec.modifier])
        .collect())
}

impl fmt::Debug for PlaneImporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaneImporter")
            .field("name", &self.name)
            .field("has_output", &self.output.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmabuf_heap::Fourcc;

    const TILED: Modifier = Modifier(0x0300_0000_0000_0001);

    fn formats() -> FormatSet {
        let tiled = Format {
            fourcc: Fourcc::NV12,
            modifier: TILED,
        };
        [
            Format::linear(Fourcc::XRGB8888),
            Format::linear(Fourcc::NV12),
            tiled,
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_format_is_taken_with_every_modifier_that_some_plane_lists() {
        let spec = FrameSpec::new(Fourcc::NV12, 64, 32);
        let mut modifiers = modifiers_for(&formats(), &spec).unwrap();
        modifiers.dedup();
        assert!(modifiers.contains(&Modifier::LINEAR) && modifiers.contains(&TILED));
        let implicit = FrameSpec {
            modifier: Modifier::INVALID,
            ..spec
        };
        let modifiers = modifiers_for(&formats(), &implicit).unwrap();
        assert!(modifiers.contains(&Modifier::INVALID));
    }

    #[test]
    fn a_format_or_a_modifier_that_no_plane_lists_is_refused_with_those_listed() {
        let detail = modifiers_for(&formats(), &FrameSpec::new(Fourcc::YUYV, 64, 32)).unwrap_err();
        for word in ["YUYV", "XR24", "NV12"] {
            assert!(detail.contains(word), "{word} is missing in: {detail}");
        }
        let tiled = FrameSpec {
            modifier: TILED,
            ..FrameSpec::new(Fourcc::XRGB8888, 64, 32)
        };
        assert!(modifiers_for(&formats(), &tiled).is_err());
    }

    #[test]
    fn a_size_out_of_bounds_is_refused_with_the_bounds() {
        let bounds = ((10, 10), (8192, 4096));
        let check =
            |width, height| check_size(bounds, &FrameSpec::new(Fourcc::NV12, width, height));
        assert_eq!(check(8192, 4096), Ok(()));
        for (width, height) in [(8193, 16), (16, 4097), (9, 16)] {
            let detail = check(width, height).unwrap_err();
            assert!(detail.contains("from 10x10 to 8192x4096"), "{detail}");
        }
    }
}
