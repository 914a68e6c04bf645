//! The same conversions once more, slowly and in real numbers, and pictures to try them on.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "each test binary uses its own part"
)]

use cpu_convert::{Conversion, Filter, Orientation, Picture, PlaneMut, PlaneRef};
use dmabuf_heap::{Fourcc, PixelFormat, Rect, YuvColor, YuvEncoding, YuvRange};

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
        let format = PixelFormat::find(picture.fourcc).unwrap();
        let shapes = format.planes().iter().map(|plane| {
            // Whole pairs of pixels, as layouts have them.
            let bytes = plane.row_bytes(picture.width.next_multiple_of(2));
            (
                usize::try_from(bytes).unwrap(),
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
        let is_limited = Places::of(picture).1 && picture.color.range == YuvRange::Limited;
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
        conversion.convert_planes(&sources, &mut targets).unwrap();
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
        let (plane, offset, step) = places.0[component].0;
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

/// Plane, offset and step of each component, with its subsampling and the picture's size; and whether it is YUV.
struct Places(
    Vec<((usize, usize, usize), (usize, usize))>,
    bool,
    (usize, usize),
);

impl Places {
    fn of(picture: Picture) -> Self {
        let full = |plane, offset, step| ((plane, offset, step), (1, 1));
        let half = |plane, offset, step, down| ((plane, offset, step), (2, down));
        let (places, is_yuv) = match picture.fourcc {
            Fourcc::NV12 => (
                vec![full(0, 0, 1), half(1, 0, 2, 2), half(1, 1, 2, 2)],
                true,
            ),
            Fourcc::NV21 => (
                vec![full(0, 0, 1), half(1, 1, 2, 2), half(1, 0, 2, 2)],
                true,
            ),
            Fourcc::NV16 => (
                vec![full(0, 0, 1), half(1, 0, 2, 1), half(1, 1, 2, 1)],
                true,
            ),
            Fourcc::YUV420 => (
                vec![full(0, 0, 1), half(1, 0, 1, 2), half(2, 0, 1, 2)],
                true,
            ),
            Fourcc::YVU420 => (
                vec![full(0, 0, 1), half(2, 0, 1, 2), half(1, 0, 1, 2)],
                true,
            ),
            Fourcc::YUYV => (
                vec![full(0, 0, 2), half(0, 1, 4, 1), half(0, 3, 4, 1)],
                true,
            ),
            Fourcc::UYVY => (
                vec![full(0, 1, 2), half(0, 0, 4, 1), half(0, 2, 4, 1)],
                true,
            ),
            Fourcc::Y8 | Fourcc::R8 => (vec![full(0, 0, 1)], true),
            Fourcc::XRGB8888 => (vec![full(0, 2, 4), full(0, 1, 4), full(0, 0, 4)], false),
            Fourcc::XBGR8888 => (vec![full(0, 0, 4), full(0, 1, 4), full(0, 2, 4)], false),
            Fourcc::ARGB8888 => (
                vec![full(0, 2, 4), full(0, 1, 4), full(0, 0, 4), full(0, 3, 4)],
                false,
            ),
            Fourcc::ABGR8888 => (
                vec![full(0, 0, 4), full(0, 1, 4), full(0, 2, 4), full(0, 3, 4)],
                false,
            ),
            Fourcc::RGB888 => (vec![full(0, 2, 3), full(0, 1, 3), full(0, 0, 3)], false),
            Fourcc::BGR888 => (vec![full(0, 0, 3), full(0, 1, 3), full(0, 2, 3)], false),
            Fourcc::RGB565 => (vec![full(0, 0, 2); 3], false),
            other => panic!("the reference does not know {other}"),
        };
        Self(
            places,
            is_yuv,
            (picture.width as usize, picture.height as usize),
        )
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    /// Columns and rows of a component.
    fn size(&self, component: usize) -> (usize, usize) {
        let (across, down) = self.0[component].1;
        (self.2.0.div_ceil(across), self.2.1.div_ceil(down))
    }
}

/// Red, green, blue and alpha of every pixel; from 0 to 1, and beyond where YUV says so.
#[derive(Clone, Debug)]
pub struct Real {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<[f64; 4]>,
}

impl Real {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            pixels: vec![[0.0; 4]; width * height],
        }
    }

    /// Chroma is that of the sample which the pixel shares.
    pub fn of(memory: &Memory) -> Self {
        let places = Places::of(memory.picture);
        let levels = memory.levels();
        let mut real = Self::new(places.2.0, places.2.1);
        for y in 0..real.height {
            for x in 0..real.width {
                let at = |component: usize| {
                    let (across, down) = places.0[component].1;
                    levels[component][y / down * places.size(component).0 + x / across]
                };
                let pixel = match (places.1, places.len()) {
                    (true, 1) => to_rgb([at(0), 128.0, 128.0], memory.picture.color),
                    (true, _) => to_rgb([at(0), at(1), at(2)], memory.picture.color),
                    (false, 3) => [at(0) / 255.0, at(1) / 255.0, at(2) / 255.0, 1.0],
                    (false, _) => [0, 1, 2, 3].map(|component| at(component) / 255.0),
                };
                real.pixels[y * real.width + x] = pixel;
            }
        }
        real
    }

    pub fn cropped(&self, crop: Rect) -> Self {
        let mut real = Self::new(crop.width as usize, crop.height as usize);
        for y in 0..real.height {
            for x in 0..real.width {
                let source = (y + crop.y as usize) * self.width + x + crop.x as usize;
                real.pixels[y * real.width + x] = self.pixels[source];
            }
        }
        real
    }

    /// By where each target pixel comes from, as the pictures of EXIF's specification show it.
    pub fn turned(&self, orientation: Orientation) -> Self {
        let (w, h) = (self.width, self.height);
        let (width, height) = if orientation.swaps_sides() {
            (h, w)
        } else {
            (w, h)
        };
        let mut real = Self::new(width, height);
        for y in 0..height {
            for x in 0..width {
                let (column, row) = match orientation {
                    Orientation::Identity => (x, y),
                    Orientation::FlipHorizontal => (w - 1 - x, y),
                    Orientation::FlipVertical => (x, h - 1 - y),
                    Orientation::Rotate180 => (w - 1 - x, h - 1 - y),
                    Orientation::Rotate90 => (y, h - 1 - x),
                    Orientation::Rotate270 => (w - 1 - y, x),
                    Orientation::Transpose => (y, x),
                    Orientation::Transverse => (w - 1 - y, h - 1 - x),
                };
                real.pixels[y * width + x] = self.pixels[row * w + column];
            }
        }
        real
    }

    pub fn scaled(&self, width: usize, height: usize, filter: Filter) -> Self {
        let across = weights(self.width, width, filter);
        let down = weights(self.height, height, filter);
        let mut real = Self::new(width, height);
        for y in 0..height {
            for x in 0..width {
                let mut sum = [0.0; 4];
                for &(row, by_row) in &down[y] {
                    for &(column, by_column) in &across[x] {
                        for (sum, level) in
                            sum.iter_mut().zip(self.pixels[row * self.width + column])
                        {
                            *sum += level * by_row * by_column;
                        }
                    }
                }
                real.pixels[y * width + x] = sum;
            }
        }
        real
    }

    /// The numbers that the components of a picture should have, not rounded.
    pub fn levels(&self, picture: &Picture) -> Vec<Vec<f64>> {
        let places = Places::of(*picture);
        (0..places.len())
            .map(|component| {
                let (across, down) = places.0[component].1;
                let (width, height) = places.size(component);
                let mut levels = Vec::with_capacity(width * height);
                for y in 0..height {
                    for x in 0..width {
                        let mut sum = 0.0;
                        for row in y * down..(y + 1) * down {
                            for column in x * across..(x + 1) * across {
                                let row = row.min(self.height - 1);
                                let column = column.min(self.width - 1);
                                let pixel = self.pixels[row * self.width + column];
                                sum += if places.1 {
                                    to_yuv(pixel, picture.color)[component].clamp(0.0, 255.0)
                                } else {
                                    (pixel[component] * 255.0).clamp(0.0, 255.0)
                                };
                            }
                        }
                        levels.push(sum / (across * down) as f64);
                    }
                }
                levels
            })
            .collect()
    }
}

/// For each target sample, the source samples that count and how much.
fn weights(from: usize, to: usize, filter: Filter) -> Vec<Vec<(usize, f64)>> {
    let scale = from as f64 / to as f64;
    let sinc = |x: f64| {
        if x == 0.0 {
            1.0
        } else {
            (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI)
        }
    };
    let kernel = |x: f64| -> f64 {
        let x = x.abs();
        match filter {
            Filter::Nearest => unreachable!(),
            Filter::Bilinear => (1.0 - x).max(0.0),
            Filter::Bicubic if x < 1.0 => 1.5 * x.powi(3) - 2.5 * x.powi(2) + 1.0,
            Filter::Bicubic if x < 2.0 => -0.5 * x.powi(3) + 2.5 * x.powi(2) - 4.0 * x + 2.0,
            Filter::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            _ => 0.0,
        }
    };
    (0..to)
        .map(|target| {
            let center = (target as f64 + 0.5) * scale;
            if filter == Filter::Nearest || scale == 1.0 {
                return vec![(center as usize, 1.0)];
            }
            let all: Vec<_> = (0..from)
                .map(|source| {
                    (
                        source,
                        kernel((source as f64 + 0.5 - center) / scale.max(1.0)),
                    )
                })
                .filter(|&(_, weight)| weight != 0.0)
                .collect();
            let sum: f64 = all.iter().map(|(_, weight)| weight).sum();
            all.into_iter()
                .map(|(source, weight)| (source, weight / sum))
                .collect()
        })
        .collect()
}

/// ITU-R BT.601-7, BT.709-6 and BT.2020-2: the shares of red and blue in luma.
fn shares(encoding: YuvEncoding) -> (f64, f64) {
    match encoding {
        YuvEncoding::Bt601 => (0.299, 0.114),
        YuvEncoding::Bt709 => (0.2126, 0.0722),
        YuvEncoding::Bt2020 => (0.2627, 0.0593),
    }
}

fn to_rgb([y, cb, cr]: [f64; 3], color: YuvColor) -> [f64; 4] {
    let (y, cb, cr) = match color.range {
        YuvRange::Limited => (
            (y - 16.0) / 219.0,
            (cb - 128.0) / 224.0,
            (cr - 128.0) / 224.0,
        ),
        YuvRange::Full => (y / 255.0, (cb - 128.0) / 255.0, (cr - 128.0) / 255.0),
    };
    let (kr, kb) = shares(color.encoding);
    let red = y + 2.0 * (1.0 - kr) * cr;
    let blue = y + 2.0 * (1.0 - kb) * cb;
    [red, (y - kr * red - kb * blue) / (1.0 - kr - kb), blue, 1.0]
}

fn to_yuv([red, green, blue, _]: [f64; 4], color: YuvColor) -> [f64; 3] {
    let (kr, kb) = shares(color.encoding);
    let y = kr * red + (1.0 - kr - kb) * green + kb * blue;
    let (cb, cr) = (
        (blue - y) / (2.0 * (1.0 - kb)),
        (red - y) / (2.0 * (1.0 - kr)),
    );
    match color.range {
        YuvRange::Limited => [16.0 + 219.0 * y, 128.0 + 224.0 * cb, 128.0 + 224.0 * cr],
        YuvRange::Full => [255.0 * y, 128.0 + 255.0 * cb, 128.0 + 255.0 * cr],
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
