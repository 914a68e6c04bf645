//! Source samples, one lane at a time: cropped, mirrored, turned, and without what lies between them.

use std::ops::Range;

use dmabuf_heap::Rect;

use crate::format::{Packing, Samples};
use crate::{Orientation, PlaneRef};

use super::view::{View, room};

/// What a lane takes of the source.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pick {
    /// Whole pixels of red, green and blue. 16-bit ones arrive as four bytes R, G, B, x.
    Pixels(Packing),
    /// One component.
    Samples(Samples),
    /// Luma and chroma of packed YUV, two bytes for a pixel; in whole pairs, and never turned.
    Pairs,
}

/// What is to be fetched.
#[derive(Clone, Debug)]
pub(super) struct Strip {
    /// All samples of the lane in the source.
    pub rect: Rect,
    pub orientation: Orientation,
    /// Rows of the turned lane.
    pub rows: Range<u32>,
    /// Width and height that are wanted; beyond the last column and row, those are repeated.
    pub size: (u32, u32),
}

impl Pick {
    /// Bytes of one sample or pixel in the lane.
    pub(super) const fn size(&self) -> usize {
        match self {
            Self::Samples(_) => 1,
            Self::Pairs => 2,
            Self::Pixels(Packing::Rgb | Packing::Bgr) => 3,
            Self::Pixels(_) => 4,
        }
    }

    const fn plane(&self) -> usize {
        match self {
            Self::Samples(samples) => samples.plane,
            Self::Pixels(_) | Self::Pairs => 0,
        }
    }

    /// Bytes of one sample or pixel in the frame, and of what lies before it.
    const fn step(&self) -> (usize, usize) {
        match self {
            Self::Samples(samples) => (samples.step, samples.offset),
            Self::Pixels(Packing::Rgb565) => (2, 0),
            Self::Pixels(_) | Self::Pairs => (self.size(), 0),
        }
    }

    /// The samples where they are, if nothing lies between them and each row is as long as the stride: the functions that
    /// convert pass over a last row that is cut short.
    pub(super) fn in_place<'a>(&self, from: &[PlaneRef<'a>], rect: Rect) -> Option<View<'a>> {
        let (step, offset) = self.step();
        if step != self.size() {
            return None;
        }
        let plane = from[self.plane()];
        let start = rect.y as usize * plane.stride + rect.x as usize * step + offset;
        Some(View {
            data: plane
                .data
                .get(start..start + plane.stride * rect.height as usize)?,
            stride: plane.stride,
            width: rect.width,
            height: rect.height,
            size: step,
        })
    }

    /// `to.len()` bytes of row `y`, from column `x`.
    fn row(&self, from: &[PlaneRef<'_>], x: u32, y: u32, to: &mut [u8]) {
        let plane = from[self.plane()];
        let (step, offset) = self.step();
        let start = y as usize * plane.stride;
        let end = (start + plane.stride).min(plane.data.len());
        let row = &plane.data[start..end];
        let row = row.get(x as usize * step + offset..).unwrap_or_default();
        match self {
            Self::Pixels(Packing::Rgb565) => expand_565(row, to),
            Self::Samples(Samples { step: 2, .. }) => gather::<2>(row, to),
            Self::Samples(Samples { step: 4, .. }) => gather::<4>(row, to),
            _ => to.copy_from_slice(&row[..to.len()]),
        }
    }
}

/// Rows of a lane that is not turned, or by half a turn.
pub(super) fn straight<'a>(
    pick: &Pick,
    from: &[PlaneRef<'_>],
    strip: &Strip,
    fetched: &'a mut Vec<u8>,
) -> &'a [u8] {
    let Strip {
        rect,
        orientation,
        ref rows,
        size: (width, height),
    } = *strip;
    let size = pick.size();
    let row_bytes = width as usize * size;
    let inside = rect.width as usize * size;
    let fetched = room(fetched, row_bytes * height as usize);
    for (index, to) in (rows.start..).zip(fetched.chunks_exact_mut(row_bytes)) {
        let row = index.min(rows.end - 1);
        let row = if orientation.mirrors_rows() {
            rect.height - 1 - row
        } else {
            row
        };
        let (samples, padding) = to.split_at_mut(inside);
        pick.row(from, rect.x, rect.y + row, samples);
        if orientation.mirrors_columns() {
            mirror(samples, size);
        }
        pad(samples, padding, size);
    }
    fetched
}

/// Rows of a lane whose rows were columns.
pub(super) fn transposed<'a>(
    pick: &Pick,
    from: &[PlaneRef<'_>],
    strip: &Strip,
    fetched: &mut Vec<u8>,
    turned: &'a mut Vec<u8>,
) -> &'a [u8] {
    let Strip {
        rect,
        orientation,
        ref rows,
        size: (width, height),
    } = *strip;
    let size = pick.size();
    let columns = if orientation.mirrors_columns() {
        rect.width - rows.end..rect.width - rows.start
    } else {
        rows.clone()
    };
    let along = Strip {
        rect: Rect {
            x: rect.x + columns.start,
            width: columns.end - columns.start,
            ..rect
        },
        orientation,
        rows: 0..rect.height,
        size: (columns.end - columns.start, rect.height),
    };
    let source = straight(pick, from, &along, fetched);
    let row_bytes = width as usize * size;
    let turned = room(turned, row_bytes * height as usize);
    let inside = (rows.end - rows.start) as usize * row_bytes;
    match size {
        1 => transpose::<1>(
            source,
            rect.height as usize,
            &mut turned[..inside],
            width as usize,
        ),
        3 => transpose::<3>(
            source,
            rect.height as usize,
            &mut turned[..inside],
            width as usize,
        ),
        _ => transpose::<4>(
            source,
            rect.height as usize,
            &mut turned[..inside],
            width as usize,
        ),
    }
    for row in turned[..inside].chunks_exact_mut(row_bytes) {
        let (samples, padding) = row.split_at_mut(rect.height as usize * size);
        pad(samples, padding, size);
    }
    for row in inside / row_bytes..height as usize {
        turned.copy_within(inside - row_bytes..inside, row * row_bytes);
    }
    turned
}

/// Columns of `from`, which has `height` rows, become rows of `to`, `stride` samples apart. In blocks, so that each cache
/// line is read and written while it is there.
fn transpose<const SIZE: usize>(from: &[u8], height: usize, to: &mut [u8], stride: usize) {
    const BLOCK: usize = 16;
    let (from, _) = from.as_chunks::<SIZE>();
    let (to, _) = to.as_chunks_mut::<SIZE>();
    let width = from.len() / height;
    for left in (0..width).step_by(BLOCK) {
        for top in (0..height).step_by(BLOCK) {
            for x in left..(left + BLOCK).min(width) {
                let column = &mut to[x * stride + top..x * stride + (top + BLOCK).min(height)];
                for (y, sample) in (top..).zip(column) {
                    *sample = from[y * width + x];
                }
            }
        }
    }
}

fn mirror(samples: &mut [u8], size: usize) {
    match size {
        1 => samples.reverse(),
        3 => samples.as_chunks_mut::<3>().0.reverse(),
        _ => samples.as_chunks_mut::<4>().0.reverse(),
    }
}

/// Repeats the last sample.
fn pad(samples: &[u8], padding: &mut [u8], size: usize) {
    let last = &samples[samples.len() - size..];
    for sample in padding.chunks_exact_mut(size) {
        sample.copy_from_slice(last);
    }
}

/// Every `STEP`th byte. The last sample of an odd row may be missing; the one before it stands in.
fn gather<const STEP: usize>(row: &[u8], to: &mut [u8]) {
    let (steps, rest) = row.as_chunks::<STEP>();
    for (sample, step) in to.iter_mut().zip(steps) {
        *sample = step[0];
    }
    if let Some(last) = to.len().checked_sub(1).filter(|&last| last >= steps.len()) {
        let before = last.checked_sub(1).map_or(0x80, |before| to[before]);
        to[last] = rest.first().copied().unwrap_or(before);
    }
}

/// To four bytes R, G, B, x; the low bits repeat the high ones, so that white stays white.
fn expand_565(row: &[u8], to: &mut [u8]) {
    for (pixel, packed) in to
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(row.as_chunks::<2>().0)
    {
        let word = u16::from_le_bytes(*packed);
        let [red, green, blue] = [word >> 11, word >> 5 & 0x3f, word & 0x1f];
        *pixel = [
            byte(red << 3 | red >> 2),
            byte(green << 2 | green >> 4),
            byte(blue << 3 | blue >> 2),
            0xff,
        ];
    }
}

const fn byte(component: u16) -> u8 {
    component.to_le_bytes()[0]
}
