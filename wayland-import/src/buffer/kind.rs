//! When one buffer's success speaks for another one.

use dmabuf_heap::{Frame, FrameLayout};

/// What frames have in common of which a compositor takes all or none: the whole layout, how it is spread over dma-bufs,
/// and who made the memory.
///
/// `create_immed` ends the connection if the import fails, so it is used only for a kind of which one frame was imported
/// with `create`. Compositors refuse for strides, offsets and sizes, and their GPUs for memory that is scattered or
/// foreign to them, so all of these make a kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    layout: FrameLayout,
    /// For each plane, the first plane in the same dma-buf.
    homes: Vec<usize>,
    exporters: Vec<String>,
}

impl Kind {
    /// The kind of a frame; `None` if the kernel does not tell who made its memory: then it is like no other.
    pub(crate) fn of(frame: &Frame) -> Option<Kind> {
        let planes = 0..frame.layout().planes().len();
        let home = |plane: usize| {
            let id = frame.dmabuf(plane).id();
            planes.clone().find(|&other| frame.dmabuf(other).id() == id)
        };
        Some(Kind {
            layout: *frame.layout(),
            homes: planes.clone().filter_map(home).collect(),
            exporters: frame
                .dmabufs()
                .map(|dmabuf| dmabuf.exporter())
                .collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmabuf_heap::{Fourcc, Modifier, PlaneLayout};

    fn kind(layout: FrameLayout, homes: &[usize], exporter: &str) -> Kind {
        Kind {
            layout,
            homes: homes.to_vec(),
            exporters: vec![exporter.to_owned()],
        }
    }

    #[test]
    fn another_stride_or_offset_or_memory_is_another_kind() {
        let tight = FrameLayout::linear(Fourcc::NV12, 60, 32, 1).unwrap();
        let aligned = FrameLayout::linear(Fourcc::NV12, 60, 32, 64).unwrap();
        let planes = [
            tight.planes()[0],
            PlaneLayout {
                offset: 4096,
                ..tight.planes()[1]
            },
        ];
        let shifted =
            FrameLayout::with_planes(Fourcc::NV12, Modifier::LINEAR, 60, 32, &planes).unwrap();
        let known = kind(tight, &[0, 0], "system");
        assert_eq!(known, kind(tight, &[0, 0], "system"));
        for other in [
            kind(aligned, &[0, 0], "system"),
            kind(shifted, &[0, 0], "system"),
            kind(tight, &[0, 1], "system"),
            kind(tight, &[0, 0], "udmabuf"),
        ] {
            assert_ne!(known, other);
        }
    }
}
