use dmabuf_heap::{DmaBufId, Frame, FrameLayout};

use crate::device::Queue;
use crate::format::QueueFormat;

/// What one buffer plane of V4L2 is to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The frame's plane whose dma-buf it is.
    pub(crate) plane: usize,
    /// Bytes of the dma-buf.
    pub(crate) length: u32,
    /// Bytes up to the end of the pixels.
    pub(crate) used: u32,
    /// Where the pixels start.
    pub(crate) data_offset: u32,
}

/// Why a frame cannot be imported under a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It would suit another format: size, pixels, strides.
    Format(String),
    /// It suits no format with these pixels.
    Layout(String),
}

/// A frame as an importer sees it: where planes lie, and in which dma-bufs of which lengths.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    layout: FrameLayout,
    /// One for each plane.
    dmabufs: Vec<(DmaBufId, u64)>,
}

impl From<&Frame> for Picture {
    fn from(frame: &Frame) -> Self {
        let dmabuf = |plane| {
            let dmabuf = frame.dmabuf(plane);
            (dmabuf.id(), dmabuf.len())
        };
        let layout = *frame.layout();
        Self {
            layout,
            dmabufs: (0..layout.planes().len()).map(dmabuf).collect(),
        }
    }
}

impl Picture {
    /// How many dma-bufs there are.
    fn memories(&self) -> usize {
        let seen = |index: usize| {
            let (id, _len) = self.dmabufs[index];
            self.dmabufs[..index]
                .iter()
                .any(|&(earlier, _len)| earlier == id)
        };
        (0..self.dmabufs.len())
            .filter(|&index| !seen(index))
            .count()
    }
}

/// Puts a frame into the planes of the buffer number `index` of a format.
pub(crate) fn pieces(
    picture: &Picture,
    format: &QueueFormat,
    queue: Queue,
    is_multiplanar: bool,
    index: usize,
) -> Result<Vec<Piece>, Misfit> {
    let layout = &picture.layout;
    let expected = same_picture(layout, format)?;
    check_strides(layout, &expected)?;
    // The producer of a buffer sets data_offset: the driver on capture; and the field exists in one interface only.
    let may_start_late = is_multiplanar && queue == Queue::Output;
    let planes = if format.code.is_split() {
        check_split(picture, format, may_start_late)?;
        0..layout.planes().len()
    } else {
        check_packed(picture, &expected)?;
        0..1
    };
    let piece = |plane: usize| {
        let offset = layout.planes()[plane].offset;
        if offset != 0 && !may_start_late {
            return Err(Misfit::Layout(format!(
                "plane {plane} starts at offset {offset} of its dma-buf, but this queue has no word for an offset, it starts at 0"
            )));
        }
        let wanted = u64::from(
            format
                .buffers
                .get(plane)
                .map_or(0, |buffer| buffer.size_image),
        );
        let (_id, got) = picture.dmabufs[plane];
        if got < wanted {
            return Err(Misfit::Layout(format!(
                "buffer {index}, plane {plane}: the dma-buf has {got} bytes, {format} wants {wanted}"
            )));
        }
        let length = u32::try_from(got).unwrap_or(u32::MAX);
        Ok(Piece {
            plane,
            length,
            used: u32::try_from(offset + wanted)
                .unwrap_or(u32::MAX)
                .min(length),
            data_offset: u32::try_from(offset).map_err(|_beyond| {
                Misfit::Layout(format!(
                    "plane {plane} starts at offset {offset}, beyond 4 GiB"
                ))
            })?,
        })
    };
    planes.map(piece).collect()
}

/// The layout that V4L2's rules give the format, if it is a picture like the frame's.
fn same_picture(layout: &FrameLayout, format: &QueueFormat) -> Result<FrameLayout, Misfit> {
    let is_same = format.code.shows(layout.fourcc())
        && (format.width, format.height) == (layout.width(), layout.height());
    if !is_same {
        return Err(Misfit::Format(format!(
            "its format is {format}, the frame is {} {}x{}",
            layout.fourcc(),
            layout.width(),
            layout.height()
        )));
    }
    let broken = |error| Misfit::Format(format!("its format {format} makes no layout: {error}"));
    format.layout().map_err(broken)
}

fn check_strides(layout: &FrameLayout, expected: &FrameLayout) -> Result<(), Misfit> {
    let planes = layout.planes().iter().zip(expected.planes());
    for (plane, (got, wanted)) in planes.enumerate() {
        if got.stride != wanted.stride {
            return Err(Misfit::Format(format!(
                "its format has a stride of {} for plane {plane}, the frame one of {}",
                wanted.stride, got.stride
            )));
        }
    }
    Ok(())
}

/// Each plane in a dma-buf of its own.
fn check_split(picture: &Picture, format: &QueueFormat, may_share: bool) -> Result<(), Misfit> {
    let planes = picture.dmabufs.len();
    let dmabufs = picture.memories();
    if dmabufs == planes || may_share {
        return Ok(());
    }
    Err(Misfit::Layout(format!(
        "{} spreads over {planes} dma-bufs, the frame has {dmabufs}: on capture the driver says where pixels start in a buffer",
        format.code
    )))
}

/// All planes in one dma-buf, each right behind the one before.
fn check_packed(picture: &Picture, expected: &FrameLayout) -> Result<(), Misfit> {
    let layout = &picture.layout;
    let dmabufs = picture.memories();
    if dmabufs != 1 {
        return Err(Misfit::Layout(format!(
            "its format has all planes in one dma-buf, the frame has {dmabufs}"
        )));
    }
    let start = layout.planes()[0].offset;
    for (plane, (got, wanted)) in layout.planes().iter().zip(expected.planes()).enumerate() {
        let wanted = start + wanted.offset;
        if got.offset != wanted {
            return Err(Misfit::Layout(format!(
                "plane {plane} starts at {} and V4L2 puts it at {wanted}, right behind the rows of the one before",
                got.offset
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use dmabuf_heap::{Fourcc, LayoutRequest, Modifier, PlaneLayout};

    use super::*;
    use crate::format::{BufferFormat, Colorimetry, V4l2Fourcc};

    fn format(code: [u8; 4], buffers: &[(u32, u32)]) -> QueueFormat {
        let buffer = |&(bytes_per_line, size_image)| BufferFormat {
            bytes_per_line,
            size_image,
        };
        QueueFormat {
            width: 64,
            height: 32,
            code: V4l2Fourcc::from_bytes(&code),
            field: 1,
            colorimetry: Colorimetry::default(),
            buffers: buffers.iter().map(buffer).collect(),
        }
    }

    fn nv12() -> QueueFormat {
        format(*b"NV12", &[(64, 64 * 48)])
    }

    fn nv12m() -> QueueFormat {
        format(*b"NM12", &[(64, 64 * 32), (64, 64 * 16)])
    }

    /// All planes in one dma-buf.
    fn packed(request: &LayoutRequest, len: u64) -> Picture {
        let layout = request.layout().unwrap();
        let dmabufs = vec![(DmaBufId::default(), len); layout.planes().len()];
        Picture { layout, dmabufs }
    }

    fn request() -> LayoutRequest {
        LayoutRequest::new(Fourcc::NV12, 64, 32)
    }

    /// Each plane in a dma-buf of its own.
    fn split() -> Picture {
        let plane = |len| PlaneLayout {
            offset: 0,
            stride: 64,
            len,
        };
        let planes = [plane(64 * 32), plane(64 * 16)];
        let layout =
            FrameLayout::with_planes(Fourcc::NV12, Modifier::LINEAR, 64, 32, &planes).unwrap();
        let id = |inode| DmaBufId { device: 1, inode };
        Picture {
            layout,
            dmabufs: vec![(id(1), 4096), (id(2), 4096)],
        }
    }

    fn layout_misfit(result: Result<Vec<Piece>, Misfit>) -> String {
        match result {
            Err(Misfit::Layout(detail)) => detail,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_frame_in_one_dmabuf_is_one_piece_on_both_interfaces() {
        let picture = packed(&request(), 4096);
        for is_multiplanar in [false, true] {
            let pieces = pieces(&picture, &nv12(), Queue::Capture, is_multiplanar, 0).unwrap();
            let expected = Piece {
                plane: 0,
                length: 4096,
                used: 64 * 48,
                data_offset: 0,
            };
            assert_eq!(pieces, [expected]);
        }
    }

    #[test]
    fn a_frame_in_two_dmabufs_is_two_pieces() {
        let pieces = pieces(&split(), &nv12m(), Queue::Capture, true, 0).unwrap();
        let planes: Vec<_> = pieces.iter().map(|piece| piece.plane).collect();
        assert_eq!(planes, [0, 1]);
    }

    #[test]
    fn capture_into_several_buffers_takes_no_frame_in_one_dmabuf_and_output_does() {
        let picture = packed(&request(), 4096);
        let detail = layout_misfit(pieces(&picture, &nv12m(), Queue::Capture, true, 0));
        assert!(
            detail.contains("NM12 spreads over 2 dma-bufs, the frame has 1"),
            "{detail}"
        );
        let pieces = pieces(&picture, &nv12m(), Queue::Output, true, 0).unwrap();
        assert_eq!(pieces[1].data_offset, 64 * 32);
    }

    #[test]
    fn a_format_in_one_buffer_takes_no_frame_in_two_dmabufs() {
        let detail = layout_misfit(pieces(&split(), &nv12(), Queue::Capture, true, 0));
        assert!(detail.contains("the frame has 2"), "{detail}");
    }

    #[test]
    fn a_short_dmabuf_is_named_with_both_sizes() {
        let detail = layout_misfit(pieces(
            &packed(&request(), 4096),
            &format(*b"NV12", &[(64, 8192)]),
            Queue::Capture,
            false,
            0,
        ));
        assert!(
            detail.contains("plane 0: the dma-buf has 4096 bytes"),
            "{detail}"
        );
        assert!(detail.contains("8192 bytes"), "{detail}");
    }

    #[test]
    fn planes_must_lie_where_v4l2_puts_them() {
        let gap = packed(&request().plane_offsets(&[0, 4096]), 8192);
        let detail = layout_misfit(pieces(&gap, &nv12(), Queue::Capture, false, 0));
        assert!(
            detail.contains("plane 1 starts at 4096 and V4L2 puts it at 2048"),
            "{detail}"
        );
    }

    #[test]
    fn only_multi_planar_output_may_start_behind_the_beginning() {
        let late = packed(&request().plane_offsets(&[128, 128 + 2048]), 8192);
        for (queue, is_multiplanar) in [
            (Queue::Capture, false),
            (Queue::Capture, true),
            (Queue::Output, false),
        ] {
            let detail = layout_misfit(pieces(&late, &nv12(), queue, is_multiplanar, 0));
            assert!(detail.contains("offset 128"), "{detail}");
        }
        let pieces = pieces(&late, &nv12(), Queue::Output, true, 0).unwrap();
        assert_eq!(pieces[0].data_offset, 128);
    }

    #[test]
    fn another_size_format_or_stride_is_a_matter_of_the_format() {
        let picture = packed(&request().stride_align(128), 8192);
        for other in [
            nv12(),
            QueueFormat {
                width: 62,
                ..nv12()
            },
            format(*b"NV21", &[(128, 128 * 48)]),
            format(*b"MJPG", &[(0, 4096)]),
        ] {
            let result = pieces(&picture, &other, Queue::Capture, false, 0);
            assert!(
                matches!(result, Err(Misfit::Format(_))),
                "{other}: {result:?}"
            );
        }
    }
}
