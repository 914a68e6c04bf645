//! Colours of one matrix and range in the numbers of another.

use dmabuf_heap::{YuvColor, YuvEncoding, YuvRange};

/// Bits behind the point.
const FRACTION: u32 = 14;

/// From YUV to YUV: three rows of factors for Y, Cb, Cr and 1.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    rows: [[i32; 4]; 3],
}

/// What a byte becomes when only the range changes.
#[derive(Clone, Debug)]
pub(super) struct Levels(Box<[u8; 256]>);

/// Where zero lies, and how many steps there are from black to white, or from one end of chroma to the other.
struct Scale {
    luma_zero: f64,
    luma_steps: f64,
    chroma_steps: f64,
}

const CHROMA_ZERO: f64 = 128.0;

const fn scale(range: YuvRange) -> Scale {
    match range {
        YuvRange::Limited => Scale {
            luma_zero: 16.0,
            luma_steps: 219.0,
            chroma_steps: 224.0,
        },
        YuvRange::Full => Scale {
            luma_zero: 0.0,
            luma_steps: 255.0,
            chroma_steps: 255.0,
        },
    }
}

/// The shares of red and blue in luma: ITU-R BT.601-7 2.5.1, BT.709-6 item 3.2, BT.2020-2 table 4.
const fn red_and_blue(encoding: YuvEncoding) -> (f64, f64) {
    match encoding {
        YuvEncoding::Bt601 => (0.299, 0.114),
        YuvEncoding::Bt709 => (0.2126, 0.0722),
        YuvEncoding::Bt2020 => (0.2627, 0.0593),
    }
}

impl Matrix {
    pub(super) fn new(from: YuvColor, to: YuvColor) -> Self {
        let (source, target) = (scale(from.range), scale(to.range));
        let to_rgb = to_rgb(from.encoding);
        let to_yuv = to_yuv(to.encoding);
        let in_steps = [source.luma_steps, source.chroma_steps, source.chroma_steps];
        let in_zero = [source.luma_zero, CHROMA_ZERO, CHROMA_ZERO];
        let out_steps = [target.luma_steps, target.chroma_steps, target.chroma_steps];
        let out_zero = [target.luma_zero, CHROMA_ZERO, CHROMA_ZERO];
        let rows = std::array::from_fn(|row| {
            let factors: [f64; 3] = std::array::from_fn(|column| {
                let product: f64 = (0..3).map(|k| to_yuv[row][k] * to_rgb[k][column]).sum();
                product * out_steps[row] / in_steps[column]
            });
            let taken: f64 = (0..3).map(|column| factors[column] * in_zero[column]).sum();
            // Half a step, so that cutting the fraction off rounds.
            let added = fixed(out_zero[row] - taken + 0.5);
            [
                fixed(factors[0]),
                fixed(factors[1]),
                fixed(factors[2]),
                added,
            ]
        });
        Self { rows }
    }

    /// Three rows of samples, in place.
    pub(super) fn apply(&self, luma: &mut [u8], cb: &mut [u8], cr: &mut [u8]) {
        for ((luma, cb), cr) in luma.iter_mut().zip(cb).zip(cr) {
            let sample = [i32::from(*luma), i32::from(*cb), i32::from(*cr)];
            let [y, u, v] = self.rows.map(|[a, b, c, added]| {
                (a * sample[0] + b * sample[1] + c * sample[2] + added) >> FRACTION
            });
            *luma = byte(y);
            *cb = byte(u);
            *cr = byte(v);
        }
    }
}

impl Levels {
    /// Of luma and chroma. None if nothing changes.
    pub(super) fn between(from: YuvRange, to: YuvRange) -> [Option<Self>; 2] {
        if from == to {
            return [None, None];
        }
        let (source, target) = (scale(from), scale(to));
        let luma = |level: f64| {
            (level - source.luma_zero) / source.luma_steps * target.luma_steps + target.luma_zero
        };
        let chroma = |level: f64| {
            (level - CHROMA_ZERO) / source.chroma_steps * target.chroma_steps + CHROMA_ZERO
        };
        [Some(Self::of(luma)), Some(Self::of(chroma))]
    }

    fn of(level: impl Fn(f64) -> f64) -> Self {
        let levels =
            std::array::from_fn(|from| rounded(level(f64::from(u32::try_from(from).unwrap_or(0)))));
        Self(Box::new(levels))
    }

    pub(super) fn apply(&self, from: &[u8], to: &mut [u8]) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = self.0[usize::from(from)];
        }
    }
}

fn to_yuv(encoding: YuvEncoding) -> [[f64; 3]; 3] {
    let (red, blue) = red_and_blue(encoding);
    let green = 1.0 - red - blue;
    let (cb, cr) = (2.0 * (1.0 - blue), 2.0 * (1.0 - red));
    [
        [red, green, blue],
        [-red / cb, -green / cb, 0.5],
        [0.5, -green / cr, -blue / cr],
    ]
}

fn to_rgb(encoding: YuvEncoding) -> [[f64; 3]; 3] {
    let (red, blue) = red_and_blue(encoding);
    let green = 1.0 - red - blue;
    let (cb, cr) = (2.0 * (1.0 - blue), 2.0 * (1.0 - red));
    [
        [1.0, 0.0, cr],
        [1.0, -blue * cb / green, -red * cr / green],
        [1.0, cb, 0.0],
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "factors are below 3, and what is added below 1000"
)]
fn fixed(number: f64) -> i32 {
    (number * f64::from(1 << FRACTION)).round() as i32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a byte"
)]
fn rounded(level: f64) -> u8 {
    level.round().clamp(0.0, 255.0) as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a byte"
)]
const fn byte(level: i32) -> u8 {
    if level < 0 {
        0
    } else if level > 255 {
        255
    } else {
        level as u8
    }
}
