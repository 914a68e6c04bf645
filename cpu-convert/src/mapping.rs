//! From frame to frame: mapping, SYNC, and the pixels in place.
#![expect(unsafe_code, reason = "reads and writes mapped frames in place")]

use dmabuf_heap::{Frame, FrameKey, MAX_PLANES, Mapping};

use crate::{Conversion, ConvertError, Done, End, PlaneMut, PlaneRef};

/// Frames that stay mapped on each side: more than pools have buffers, few enough to fit in any address space.
const KEPT: usize = 32;

/// Mapped frames, the least recently used first.
#[derive(Debug, Default)]
pub(crate) struct Mappings {
    entries: Vec<(FrameKey, Mapping)>,
}

impl Mappings {
    fn of(&mut self, frame: &Frame) -> Result<&mut Mapping, dmabuf_heap::MapError> {
        let known = self.entries.iter().position(|(key, _)| key == frame.key());
        let entry = match known {
            Some(index) => self.entries.remove(index),
            None => (*frame.key(), frame.map()?),
        };
        if self.entries.len() == KEPT {
            drop(self.entries.remove(0));
        }
        self.entries.push(entry);
        let last = self.entries.len() - 1;
        Ok(&mut self.entries[last].1)
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

impl Conversion {
    /// Converts one frame into another, in the memory where they lie.
    ///
    /// Frames are mapped at their first conversion and stay mapped, the last 32 on each side, which keeps their dma-bufs
    /// open; [`forget`](Self::forget) lets go of them. Access is bracketed by `DMA_BUF_IOCTL_SYNC`: reading on one side,
    /// writing on the other, also when the conversion fails.
    ///
    /// # Errors
    ///
    /// Frames that are not the pictures this conversion was made for, that share memory, or that the CPU cannot have.
    ///
    /// # Safety
    ///
    /// Until this returns,
    ///
    /// - nobody writes to the dma-bufs of `from`: no queue that a device fills holds them, no other mapping of them, in this
    ///   process or another, is written through;
    /// - nobody reads or writes those of `to`;
    /// - no memory is in both under two dma-bufs, as when an exporter was asked twice.
    pub unsafe fn run(&mut self, from: &Frame, to: &Frame) -> Result<Done, ConvertError> {
        self.check_frames(from, to)?;
        let mut mappings = std::mem::take(&mut self.mappings);
        // SAFETY: what the caller proves of this function is what that one asks for; `check_frames` saw no common memory.
        let result = unsafe { self.run_mapped(&mut mappings, from, to) };
        self.mappings = mappings;
        result
    }

    /// # Safety
    ///
    /// As [`run`](Self::run); the frames have no dma-buf in common.
    unsafe fn run_mapped(
        &mut self,
        [sources, targets]: &mut [Mappings; 2],
        from: &Frame,
        to: &Frame,
    ) -> Result<Done, ConvertError> {
        let [from_fourcc, to_fourcc] = [from.layout().fourcc(), to.layout().fourcc()];
        let map = |end, fourcc| {
            move |source| ConvertError::Map {
                end,
                fourcc,
                source,
            }
        };
        let access = |end, fourcc| {
            move |source| ConvertError::Access {
                end,
                fourcc,
                source,
            }
        };

        let source = sources.of(from).map_err(map(End::From, from_fourcc))?;
        let target = targets.of(to).map_err(map(End::To, to_fourcc))?;
        let reading = source.read().map_err(map(End::From, from_fourcc))?;
        let mut writing = target.write().map_err(map(End::To, to_fourcc))?;

        let mut inputs = [PlaneRef::default(); MAX_PLANES];
        let planes = from.layout().planes();
        for (index, (input, plane)) in inputs.iter_mut().zip(planes).enumerate() {
            // SAFETY: the caller proves that nobody writes to the source.
            let data = unsafe { reading.plane_slice(index) };
            *input = PlaneRef {
                data: data.map_err(access(End::From, from_fourcc))?,
                stride: plane.stride as usize,
            };
        }
        // SAFETY: the caller proves that nobody else has the target; it is no part of the source.
        let outputs = unsafe { writing.plane_slices_mut() };
        let mut strides = to
            .layout()
            .planes()
            .iter()
            .map(|plane| plane.stride as usize);
        let mut outputs = outputs
            .map_err(access(End::To, to_fourcc))?
            .map(|data| PlaneMut {
                data,
                stride: strides.next().unwrap_or(0),
            });
        let counts = [planes.len(), to.layout().planes().len()];
        self.convert_planes(&inputs[..counts[0]], &mut outputs[..counts[1]])?;

        writing.finish().map_err(map(End::To, to_fourcc))?;
        reading.finish().map_err(map(End::From, from_fourcc))?;
        Ok(Done {
            sync_ioctls: 2 * (from.dmabufs().count() + to.dmabufs().count()) as u64,
            ..self.cost()
        })
    }
}
