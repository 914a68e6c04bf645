use cpu_convert::{Filter, Orientation, Picture};
use dmabuf_heap::{Rect, YuvColor, YuvEncoding, YuvRange};

use super::Memory;
use super::places::{Place, Places};

/// Red, green, blue and alpha of every pixel; from 0 to 1, and beyond where YUV says so.
#[derive(Clone, Debug)]
pub struct Real {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<[f64; 4]>,
}

impl Real {
    pub(super) fn new(width: usize, height: usize) -> Self {
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
        let mut real = Self::new(places.width, places.height);
        for y in 0..real.height {
            for x in 0..real.width {
                let at = |component: usize| {
                    let Place { across, down, .. } = places.components[component];
                    levels[component][y / down * places.size(component).0 + x / across]
                };
                let pixel = match (places.is_yuv, places.len()) {
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
        let places = down
            .iter()
            .flat_map(|row| across.iter().map(move |column| (row, column)));
        for (pixel, (rows, columns)) in real.pixels.iter_mut().zip(places) {
            for &(row, by_row) in rows {
                for &(column, by_column) in columns {
                    for (sum, level) in pixel.iter_mut().zip(self.pixels[row * self.width + column])
                    {
                        *sum += level * by_row * by_column;
                    }
                }
            }
        }
        real
    }

    /// The numbers that the components of a picture should have, not rounded.
    pub fn levels(&self, picture: &Picture) -> Vec<Vec<f64>> {
        let places = Places::of(*picture);
        (0..places.len())
            .map(|component| {
                let Place { across, down, .. } = places.components[component];
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
                                sum += if places.is_yuv {
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
            if filter == Filter::Nearest || from == to {
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
