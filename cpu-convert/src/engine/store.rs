//! Samples of YUV at their places in the target.

use crate::PlaneMut;
use crate::format::{Samples, Sub, YuvShape};

use super::band::Band;
use super::view::View;

/// Chroma of grey.
const NO_COLOR: u8 = 0x80;

/// Luma and chroma; a target that has chroma is given grey where there is none.
pub(super) fn planes(
    shape: &YuvShape,
    luma: View<'_>,
    chroma: Option<[View<'_>; 2]>,
    band: &mut Band<'_>,
) {
    scatter(shape.luma, luma, band);
    let Some(samples) = shape.chroma else { return };
    match chroma {
        Some([cb, cr]) if samples[0].step == 2 => pairs(samples, [cb, cr], band),
        Some(views) => {
            for (samples, view) in samples.into_iter().zip(views) {
                scatter(samples, view, band);
            }
        }
        None => {
            let size = samples[0].sub.size((luma.width, luma.height));
            for samples in samples {
                fill(samples, size, band);
            }
        }
    }
}

/// Samples of one component.
fn scatter(samples: Samples, view: View<'_>, band: &mut Band<'_>) {
    let rows = rows_of(samples, band);
    for (from, to) in view.rows().zip(rows) {
        match samples.step {
            1 => to[..from.len()].copy_from_slice(from),
            2 => every::<2>(from, to),
            _ => every::<4>(from, to),
        }
    }
}

/// Cb and Cr side by side.
fn pairs(samples: [Samples; 2], views: [View<'_>; 2], band: &mut Band<'_>) {
    let [first, second] = if samples[0].offset < samples[1].offset {
        views
    } else {
        [views[1], views[0]]
    };
    let PlaneMut { data, stride } = &mut band.planes[samples[0].plane];
    for (index, to) in (0..first.height).zip(data.chunks_mut(*stride)) {
        let samples = first.row(index).iter().zip(second.row(index));
        for (pair, (&first, &second)) in to.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
            *pair = [first, second];
        }
    }
}

fn fill(samples: Samples, (width, height): (u32, u32), band: &mut Band<'_>) {
    let rows = rows_of(samples, band).take(height as usize);
    for row in rows {
        for sample in row.iter_mut().step_by(samples.step).take(width as usize) {
            *sample = NO_COLOR;
        }
    }
}

/// The rows of a plane, each from the first sample of a component on.
fn rows_of<'a>(samples: Samples, band: &'a mut Band<'_>) -> impl Iterator<Item = &'a mut [u8]> {
    let PlaneMut { data, stride } = &mut band.planes[samples.plane];
    let rows = data.chunks_mut(*stride);
    rows.map(move |row| row.get_mut(samples.offset..).unwrap_or_default())
}

/// Every `STEP`th byte. The last may have no room, where a row of odd width ends within a pair of pixels.
fn every<const STEP: usize>(from: &[u8], to: &mut [u8]) {
    let (steps, rest) = to.as_chunks_mut::<STEP>();
    for (step, &sample) in steps.iter_mut().zip(from) {
        step[0] = sample;
    }
    if let (Some(&last), Some(place)) = (from.get(steps.len()), rest.first_mut()) {
        *place = last;
    }
}

/// Averages chroma over the pixels that share a sample, at the start of the same memory. Where a picture of odd size ends,
/// the last column or row counts twice.
pub(super) fn average(plane: &mut [u8], (width, height): (u32, u32), sub: Sub) {
    let (width, height) = (width as usize, height as usize);
    let (across, down) = (sub.h as usize, sub.v as usize);
    let mut written = 0;
    for top in (0..height).step_by(down) {
        let bottom = (top + down - 1).min(height - 1);
        for left in (0..width).step_by(across) {
            let right = (left + across - 1).min(width - 1);
            let corners = [(top, left), (top, right), (bottom, left), (bottom, right)];
            let sum: u16 = corners
                .iter()
                .map(|(y, x)| u16::from(plane[y * width + x]))
                .sum();
            let [average, _] = ((sum + 2) / 4).to_le_bytes();
            plane[written] = average;
            written += 1;
        }
    }
}
