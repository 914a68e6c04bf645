//! Scaling of one lane, by convolution.

use std::fmt;
use std::ops::Range;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{InnerPixel, U8, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::Filter;
use crate::format::Sub;

use super::view::View;

/// How one lane gets from the size it has to the size it is to have.
#[derive(Debug)]
pub(super) struct Resample {
    algorithm: ResizeAlg,
    /// Samples of the source for one of the target.
    step: (f64, f64),
    /// Width and height of the source; chroma of odd pictures may end within a sample that must then be repeated.
    source: (u32, u32),
    /// Width and height of the lane in the target.
    pub target: (u32, u32),
    /// Rows of the source above and below that count for a row.
    reach: f64,
}

impl Resample {
    /// From pictures and their subsampling. None where no sample changes.
    pub(super) fn new(
        (from, from_sub): ((u32, u32), Sub),
        (to, to_sub): ((u32, u32), Sub),
        filter: Filter,
    ) -> Option<Self> {
        let step = |from: u32, from_sub: u32, to: u32, to_sub: u32| {
            (f64::from(from) * f64::from(to_sub)) / (f64::from(to) * f64::from(from_sub))
        };
        let step = (
            step(from.0, from_sub.h, to.0, to_sub.h),
            step(from.1, from_sub.v, to.1, to_sub.v),
        );
        if from == to && from_sub == to_sub {
            return None;
        }
        let (algorithm, support) = if from == to {
            // Only chroma becomes denser or sparser: samples are repeated, or averaged.
            (ResizeAlg::Convolution(FilterType::Box), 0.5)
        } else {
            algorithm(filter)
        };
        let target = to_sub.size(to);
        let source = from_sub.size(from);
        Some(Self {
            algorithm,
            step,
            source: (
                source.0.max(ceil(step.0 * f64::from(target.0))),
                source.1.max(ceil(step.1 * f64::from(target.1))),
            ),
            target,
            reach: support * step.1.max(1.0),
        })
    }

    /// Rows of the source that are needed for these rows of the target.
    pub(super) fn source_rows(&self, rows: Range<u32>) -> Range<u32> {
        let first = f64::from(rows.start) * self.step.1 - self.reach;
        let last = f64::from(rows.end) * self.step.1 + self.reach;
        let first = floor(first).min(self.source.1 - 1);
        first..ceil(last).clamp(first + 1, self.source.1)
    }

    /// Samples in a row of the source, with those that are repeated.
    pub(super) const fn source_width(&self) -> u32 {
        self.source.0
    }

    /// Rows of the source for each row of the target, rounded up.
    pub(super) fn ratio(&self) -> u32 {
        ceil(self.step.1)
    }

    /// Makes the rows `rows` of the target from `source`, which begins with row `first`.
    pub(super) fn run(
        &self,
        resampler: &mut Resampler,
        source: View<'_>,
        first: u32,
        rows: Range<u32>,
        target: &mut [u8],
    ) {
        let top = f64::from(rows.start) * self.step.1 - f64::from(first);
        let height = f64::from(rows.end - rows.start) * self.step.1;
        // Rounding may take either beyond the edge by less than any sample counts.
        let height = height.min(f64::from(source.height) - top);
        let width = (f64::from(self.target.0) * self.step.0).min(f64::from(source.width));
        let options = ResizeOptions::new()
            .resize_alg(self.algorithm)
            .crop(0.0, top, width, height)
            .use_alpha(false);
        let size = (self.target.0, rows.end - rows.start);
        match source.size {
            1 => resampler.run::<U8>(source, target, size, &options),
            3 => resampler.run::<U8x3>(source, target, size, &options),
            _ => resampler.run::<U8x4>(source, target, size, &options),
        }
    }
}

/// The resizer with its buffers.
#[derive(Default)]
pub(super) struct Resampler {
    resizer: Resizer,
    /// Rows of a frame without the gaps between them.
    gathered: Vec<u8>,
}

impl Resampler {
    fn run<P: PixelTrait + InnerPixel>(
        &mut self,
        source: View<'_>,
        target: &mut [u8],
        (width, height): (u32, u32),
        options: &ResizeOptions,
    ) {
        let row_bytes = source.row_bytes();
        let data = if source.stride == row_bytes {
            source.data
        } else {
            let gathered =
                super::view::room(&mut self.gathered, row_bytes * source.height as usize);
            for (to, from) in gathered.chunks_exact_mut(row_bytes).zip(source.rows()) {
                to.copy_from_slice(from);
            }
            gathered
        };
        let source = TypedImageRef::<P>::from_buffer(source.width, source.height, data);
        let target = TypedImage::<P>::from_buffer(width, height, target);
        let (Ok(source), Ok(mut target)) = (source, target) else {
            unreachable!("lanes have room for their samples, which have no alignment");
        };
        let result = self.resizer.resize_typed(&source, &mut target, options);
        debug_assert!(result.is_ok(), "{result:?} of {options:?}");
    }
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resampler").finish_non_exhaustive()
    }
}

/// With the samples that count each way, where nothing gets smaller.
const fn algorithm(filter: Filter) -> (ResizeAlg, f64) {
    match filter {
        Filter::Nearest => (ResizeAlg::Nearest, 1.0),
        Filter::Bilinear => (ResizeAlg::Convolution(FilterType::Bilinear), 1.0),
        Filter::Bicubic => (ResizeAlg::Convolution(FilterType::CatmullRom), 2.0),
        Filter::Lanczos => (ResizeAlg::Convolution(FilterType::Lanczos3), 3.0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions in pictures of at most 65535 rows, and 0 for those above"
)]
fn floor(position: f64) -> u32 {
    position.floor().max(0.0) as u32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions in pictures of at most 65535 rows"
)]
fn ceil(position: f64) -> u32 {
    // What rounding added is no sample.
    (position - 1e-6).ceil().max(0.0) as u32
}
