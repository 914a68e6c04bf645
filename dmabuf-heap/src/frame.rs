//! One picture in dma-bufs: a layout and the memory under it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{DmaBuf, DmaBufId, Fourcc, FrameLayout, MAX_PLANES, MapError, Mapping, Modifier};

/// One picture. Cheap to clone; all clones are the same memory.
///
/// Equal frames have the same [`FrameKey`]: the same planes of the same dma-bufs seen with the same eyes.
#[derive(Clone)]
pub struct Frame {
    inner: Arc<Inner>,
}

struct Inner {
    layout: FrameLayout,
    /// One for each plane.
    planes: Vec<Arc<DmaBuf>>,
    key: FrameKey,
}

impl Frame {
    /// Puts a layout on memory: one dma-buf for all planes, or one for each.
    ///
    /// # Errors
    ///
    /// Another number of dma-bufs, or a plane that reaches beyond the end of its dma-buf.
    pub fn new(layout: FrameLayout, planes: &[Arc<DmaBuf>]) -> Result<Self, FrameError> {
        let count = layout.planes().len();
        let planes = match planes {
            [one] => vec![one.clone(); count],
            several if several.len() == count => several.to_vec(),
            other => {
                return Err(FrameError::DmaBufCount {
                    planes: count,
                    got: other.len(),
                });
            }
        };
        for (plane, (place, dmabuf)) in layout.planes().iter().zip(&planes).enumerate() {
            if place.end() > dmabuf.len() {
                return Err(FrameError::OutOfBounds {
                    fourcc: layout.fourcc(),
                    plane,
                    offset: place.offset,
                    len: place.len,
                    dmabuf_len: dmabuf.len(),
                });
            }
        }
        let key = FrameKey::new(&layout, planes.iter().map(|dmabuf| dmabuf.id()));
        Ok(Self {
            inner: Arc::new(Inner {
                layout,
                planes,
                key,
            }),
        })
    }

    /// Where the planes lie.
    pub fn layout(&self) -> &FrameLayout {
        &self.inner.layout
    }

    /// The memory of one plane.
    ///
    /// # Panics
    ///
    /// There is no such plane.
    pub fn dmabuf(&self, plane: usize) -> &Arc<DmaBuf> {
        &self.inner.planes[plane]
    }

    /// The dma-bufs under the frame, each once, in the order of the planes.
    pub fn dmabufs(&self) -> impl Iterator<Item = &Arc<DmaBuf>> {
        let planes = &self.inner.planes;
        planes.iter().enumerate().filter_map(|(index, dmabuf)| {
            let seen = planes[..index]
                .iter()
                .any(|earlier| earlier.id() == dmabuf.id());
            (!seen).then_some(dmabuf)
        })
    }

    /// The key under which importers remember this frame.
    pub fn key(&self) -> &FrameKey {
        &self.inner.key
    }

    /// Whether a clone of this frame is about.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.inner) > 1
    }

    /// Maps the memory for the CPU, whole dma-bufs, each once.
    ///
    /// # Errors
    ///
    /// The memory cannot be mapped: protected heaps, or no address space.
    pub fn map(&self) -> Result<Mapping, MapError> {
        Mapping::new(self)
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Frame {}

impl Hash for Frame {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// In words, with all the numbers that an importer looks at:
/// `NV12 64x32 linear (plane 0: stride 64, offset 0 of 4096 bytes; plane 1: …)`.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = self.layout();
        let (fourcc, modifier) = (layout.fourcc(), layout.modifier());
        write!(
            f,
            "{fourcc} {}x{} {modifier} (",
            layout.width(),
            layout.height()
        )?;
        for (index, plane) in layout.planes().iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let (stride, offset, len) = (plane.stride, plane.offset, self.dmabuf(index).len());
            write!(
                f,
                "{separator}plane {index}: stride {stride}, offset {offset} of {len} bytes"
            )?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("layout", &self.inner.layout)
            .field("dmabufs", &self.dmabufs().collect::<Vec<_>>())
            .finish()
    }
}

/// What an importer must tell apart: which dma-bufs, seen as which picture. Fd numbers are not in it.
///
/// Unique while the frame's dma-bufs are open. A cache that outlives them is an [`ImportCache`](crate::ImportCache).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameKey {
    width: u32,
    height: u32,
    fourcc: Fourcc,
    modifier: Modifier,
    planes: [PlaneKey; MAX_PLANES],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct PlaneKey {
    dmabuf: DmaBufId,
    offset: u64,
    stride: u32,
}

impl FrameKey {
    fn new(layout: &FrameLayout, dmabufs: impl Iterator<Item = DmaBufId>) -> Self {
        let mut planes = [PlaneKey::default(); MAX_PLANES];
        for ((key, place), dmabuf) in planes.iter_mut().zip(layout.planes()).zip(dmabufs) {
            *key = PlaneKey {
                dmabuf,
                offset: place.offset,
                stride: place.stride,
            };
        }
        Self {
            width: layout.width(),
            height: layout.height(),
            fourcc: layout.fourcc(),
            modifier: layout.modifier(),
            planes,
        }
    }
}

/// A layout and dma-bufs that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Neither one dma-buf nor one for each plane.
    #[error("a frame of {planes} planes takes one dma-buf or {planes}, {got} were given")]
    DmaBufCount {
        /// Planes of the layout.
        planes: usize,
        /// dma-bufs given.
        got: usize,
    },
    /// A plane lies outside its dma-buf.
    #[error(
        "plane {plane} of {fourcc} ({len} bytes at offset {offset}) reaches beyond the {dmabuf_len} bytes of its dma-buf"
    )]
    OutOfBounds {
        /// The format.
        fourcc: Fourcc,
        /// Index of the plane.
        plane: usize,
        /// Bytes.
        offset: u64,
        /// Bytes.
        len: u64,
        /// Bytes.
        dmabuf_len: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlaneLayout;
    use crate::test::StandIn;

    fn layout() -> FrameLayout {
        FrameLayout::linear(Fourcc::NV12, 64, 32, 1).unwrap()
    }

    /// The same two planes, each at the start of a dma-buf of its own.
    fn split_layout() -> FrameLayout {
        let planes = [
            PlaneLayout {
                offset: 0,
                stride: 64,
                len: 64 * 32,
            },
            PlaneLayout {
                offset: 0,
                stride: 64,
                len: 64 * 16,
            },
        ];
        FrameLayout::with_planes(Fourcc::NV12, Modifier::LINEAR, 64, 32, &planes).unwrap()
    }

    #[test]
    fn text_has_the_numbers_that_an_importer_looks_at() {
        let frame = Frame::new(layout(), &[StandIn::dmabuf(64 * 48)]).unwrap();
        assert_eq!(
            frame.to_string(),
            "NV12 64x32 linear (plane 0: stride 64, offset 0 of 3072 bytes; plane 1: stride 64, offset 2048 of 3072 bytes)"
        );
    }

    #[test]
    fn one_dmabuf_serves_all_planes() {
        let dmabuf = StandIn::dmabuf(64 * 48);
        let frame = Frame::new(layout(), std::slice::from_ref(&dmabuf)).unwrap();
        assert_eq!(frame.dmabufs().count(), 1);
        assert!(Arc::ptr_eq(frame.dmabuf(0), frame.dmabuf(1)));
    }

    #[test]
    fn a_dmabuf_given_twice_is_listed_once() {
        let dmabuf = StandIn::dmabuf(64 * 48);
        let frame = Frame::new(layout(), &[dmabuf.clone(), dmabuf]).unwrap();
        assert_eq!(frame.dmabufs().count(), 1);
        let frame = Frame::new(
            split_layout(),
            &[StandIn::dmabuf(2048), StandIn::dmabuf(1024)],
        )
        .unwrap();
        assert_eq!(frame.dmabufs().count(), 2);
    }

    #[test]
    fn a_plane_beyond_its_dmabuf_is_refused_with_both_sizes() {
        let error = Frame::new(layout(), &[StandIn::dmabuf(64 * 48 - 1)]).unwrap_err();
        let expected = FrameError::OutOfBounds {
            fourcc: Fourcc::NV12,
            plane: 1,
            offset: 2048,
            len: 1024,
            dmabuf_len: 3071,
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn any_other_number_of_dmabufs_is_refused() {
        let dmabuf = StandIn::dmabuf(64 * 48);
        for count in [0, 3] {
            let error = Frame::new(layout(), &vec![dmabuf.clone(); count]).unwrap_err();
            assert_eq!(
                error,
                FrameError::DmaBufCount {
                    planes: 2,
                    got: count
                }
            );
        }
    }

    #[test]
    fn the_key_tells_memory_and_layout_apart() {
        let (one, other) = (StandIn::dmabuf(64 * 48), StandIn::dmabuf(64 * 48));
        let frame = |layout, dmabuf: &Arc<DmaBuf>| {
            Frame::new(layout, std::slice::from_ref(dmabuf)).unwrap()
        };
        let nv21 = FrameLayout::linear(Fourcc::NV21, 64, 32, 1).unwrap();
        assert_eq!(frame(layout(), &one), frame(layout(), &one));
        assert_ne!(frame(layout(), &one), frame(layout(), &other));
        assert_ne!(frame(layout(), &one), frame(nv21, &one));
    }
}
