//! The same conversions once more, slowly and in real numbers, and pictures to try them on.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "each test binary uses its own part"
)]

mod places;
mod real;

use cpu_convert::{Conversion, Picture, PlaneMut, PlaneRef};
use dmabuf_heap::{Fourcc, PixelFormat, YuvColor, YuvEncoding, YuvRange};

use places::{Place, Places};
pub use real::Real;

/// What lies around the pixels, to see whether it is touched.
pub const GUARD: u8 = 0xa5;

/// A picture in memory, each plane with padding behind its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    pub picture: Picture,
    pub planes: Vec<Vec<u8>>,
    pub strides: Vec<usize>,
}

impl Memory {
    /// Filled with [`GUARD`]; rows are `padding` bytes apart, and the last plane ends with its last pixel.
    pub fn new(picture: Picture, padding: usize) -> Self {
        let format = PixelFormat::find(picture.fourcc).expect("it is known");
        let shapes = format.planes().iter().map(|plane| {
            // Whole pairs of pixels, as layouts have them.
            let bytes = plane.row_bytes(picture.width.next_multiple_of(2));
            (
                usize::try_from(bytes).expect("it is known"),
                plane.rows(picture.height) as usize,
            )
        });
        let (planes, strides) = shapes
            .map(|(bytes, rows)| {
                (
                    vec![GUARD; (bytes + padding) * (rows - 1) + bytes],
                    bytes + padding,
                )
            })
            .unzip();
        Self {
            picture,
            planes,
            strides,
        }
    }

    /// Any number that the range of the picture has, in every byte; from a generator that is the same everywhere.
    pub fn noise(picture: Picture, padding: usize, seed: u32) -> Self {
        let mut memory = Self::new(picture, padding);
        let is_limited = Places::of(picture).is_yuv && picture.color.range == YuvRange::Limited;
        let (least, most) = if is_limited { (16, 235) } else { (0, 255) };
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        for byte in memory.planes.iter_mut().flatten() {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let share = u32::from(state.to_le_bytes()[2]);
            *byte = (least + share * (most - least) / 255) as u8;
        }
        memory
    }

    /// Waves of colour, in the middle of what every format can show.
    pub fn waves(picture: Picture, padding: usize) -> Self {
        let mut memory = Self::new(picture, padding);
        let (width, height) = (picture.width as usize, picture.height as usize);
        let wave = |position: usize, length: usize, phase: f64| {
            (position as f64 / length as f64 * 4.0 + phase).sin() * 0.5
        };
        let mut real = Real::new(width, height);
        for y in 0..height {
            for x in 0..width {
                let across = wave(x, width, 0.3);
                let down = wave(y, height, 1.1);
                let level = |share: f64| 0.5 + 0.25 * (share * across + (1.0 - share) * down);
                real.pixels[y * width + x] = [level(1.0), level(0.4), level(0.0), 1.0];
            }
        }
        let levels = real.levels(&picture);
        for (index, samples) in levels.iter().enumerate() {
            for (position, &level) in samples.iter().enumerate() {
                memory.put(index, position, level.round().clamp(0.0, 255.0) as u8);
            }
        }
        memory
    }

    pub fn convert(&self, conversion: &mut Conversion, padding: usize) -> Self {
        let mut target = Self::new(*conversion.to(), padding);
        let sources: Vec<_> = self
            .planes
            .iter()
            .zip(&self.strides)
            .map(|(data, &stride)| PlaneRef { data, stride })
            .collect();
        let mut targets: Vec<_> = target
            .planes
            .iter_mut()
            .zip(&target.strides)
            .map(|(data, &stride)| PlaneMut { data, stride })
            .collect();
        conversion
            .convert_planes(&sources, &mut targets)
            .expect("the planes fit");
        target
    }

    /// The numbers of each component, in rows without gaps: red, green, blue and alpha, or luma and chroma.
    pub fn levels(&self) -> Vec<Vec<f64>> {
        let places = Places::of(self.picture);
        (0..places.len())
            .map(|component| {
                let (width, height) = places.size(component);
                (0..width * height)
                    .map(|position| self.level(component, position))
                    .collect()
            })
            .collect()
    }

    fn level(&self, component: usize, position: usize) -> f64 {
        let (plane, byte) = self.place(component, position);
        if self.picture.fourcc == Fourcc::RGB565 {
            let data = &self.planes[plane];
            let word = u16::from_le_bytes([data[byte], data[byte + 1]]);
            return match component {
                0 => f64::from(word >> 11) / 31.0 * 255.0,
                1 => f64::from(word >> 5 & 63) / 63.0 * 255.0,
                _ => f64::from(word & 31) / 31.0 * 255.0,
            };
        }
        f64::from(self.planes[plane][byte])
    }

    fn put(&mut self, component: usize, position: usize, level: u8) {
        let (plane, byte) = self.place(component, position);
        if self.picture.fourcc == Fourcc::RGB565 {
            let data = &mut self.planes[plane][byte..byte + 2];
            let (shift, steps) = [(11, 31), (5, 63), (0, 31)][component];
            let packed = (u16::from(level) * steps + 127) / 255;
            let kept = u16::from_le_bytes([data[0], data[1]]) & !(steps << shift);
            data.copy_from_slice(&(kept | packed << shift).to_le_bytes());
            return;
        }
        self.planes[plane][byte] = level;
    }

    fn place(&self, component: usize, position: usize) -> (usize, usize) {
        let places = Places::of(self.picture);
        let (width, _) = places.size(component);
        let Place {
            plane,
            offset,
            step,
            ..
        } = places.components[component];
        (
            plane,
            position / width * self.strides[plane] + offset + position % width * step,
        )
    }

    /// The bytes that are no pixels.
    pub fn guards(&self) -> Vec<u8> {
        let is_padded = matches!(self.picture.fourcc, Fourcc::XRGB8888 | Fourcc::XBGR8888);
        let mut marked = self.planes.clone();
        for plane in &mut marked {
            plane.fill(0);
        }
        let places = Places::of(self.picture);
        for component in 0..places.len() {
            let (width, height) = places.size(component);
            for position in 0..width * height {
                let (plane, byte) = self.place(component, position);
                marked[plane][byte] = 1;
                if self.picture.fourcc == Fourcc::RGB565 {
                    marked[plane][byte + 1] = 1;
                }
                // The byte that is no alpha may hold anything.
                if is_padded && component == 1 {
                    marked[plane][byte + 2] = 1;
                }
            }
        }
        let bytes = self.planes.iter().flatten().zip(marked.iter().flatten());
        bytes
            .filter(|&(_, &is_pixel)| is_pixel == 0)
            .map(|(&byte, _)| byte)
            .collect()
    }
}

/// Peak signal-to-noise ratio in dB of the worst component.
pub fn psnr(got: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let worst = got.iter().zip(expected).map(|(got, expected)| {
        assert_eq!(got.len(), expected.len());
        let squares: f64 = got.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum();
        10.0 * (255.0_f64.powi(2) / (squares / got.len() as f64).max(1e-9)).log10()
    });
    worst.fold(f64::INFINITY, f64::min)
}

/// How well a picture shows the levels, and how well it could at best: 16-bit pixels have fewer of them.
pub fn quality(got: &Memory, real: &Real) -> (f64, f64) {
    let expected = real.levels(&got.picture);
    let mut best = Memory::new(got.picture, 0);
    for (component, levels) in expected.iter().enumerate() {
        for (position, level) in levels.iter().enumerate() {
            best.put(component, position, level.round() as u8);
        }
    }
    (
        psnr(&got.levels(), &expected),
        psnr(&best.levels(), &expected),
    )
}

pub const COLORS: [YuvColor; 6] = [
    YuvColor::new(YuvEncoding::Bt601, YuvRange::Limited),
    YuvColor::new(YuvEncoding::Bt601, YuvRange::Full),
    YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited),
    YuvColor::new(YuvEncoding::Bt709, YuvRange::Full),
    YuvColor::new(YuvEncoding::Bt2020, YuvRange::Limited),
    YuvColor::new(YuvEncoding::Bt2020, YuvRange::Full),
];

pub fn picture(fourcc: Fourcc, width: u32, height: u32, color: YuvColor) -> Picture {
    Picture {
        fourcc,
        width,
        height,
        color,
    }
}

pub fn is_gray(fourcc: Fourcc) -> bool {
    matches!(fourcc, Fourcc::Y8 | Fourcc::R8)
}
