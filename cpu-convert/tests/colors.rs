//! Every pair of formats, matrices and ranges against the reference.

mod reference;

use cpu_convert::{Conversion, Filter, Orientation, Picture};
use dmabuf_heap::{ColorModel, Fourcc, PixelFormat, YuvColor};
use reference::{COLORS, Memory, Real, is_gray, picture, quality};

/// Below this a difference is seen.
const LEAST_DB: f64 = 45.0;

/// All pairs of formats and colours, from pictures made by `source`; odd sizes and strides on the way.
fn check_all(source: impl Fn(Picture) -> Memory, (width, height): (u32, u32)) {
    let mut failures = Vec::new();
    for &from in Conversion::formats() {
        for &to in Conversion::formats() {
            for from_color in COLORS {
                let from = picture(from, width, height, from_color);
                let memory = source(from);
                let real = Real::of(&memory);
                for to_color in COLORS {
                    if is_alike(from, to_color, to) {
                        continue;
                    }
                    let to = picture(to, width, height, to_color);
                    let mut conversion =
                        Conversion::new(from, to, Orientation::Identity, None, Filter::Bilinear, 1)
                            .expect("it is supported");
                    let (got, best) = quality(&memory.convert(&mut conversion, 3), &real);
                    if got < LEAST_DB.min(best - 0.5) {
                        failures.push(format!("{from} to {to}: {got:.1} dB of {best:.1}"));
                    }
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} pairs:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Pairs that an other pair stands for: RGB knows no colours. Grey from YUV keeps the luma of its own matrix.
fn is_alike(from: Picture, to_color: YuvColor, to: Fourcc) -> bool {
    let is_rgb =
        |fourcc| PixelFormat::find(fourcc).is_some_and(|format| format.color == ColorModel::Rgb);
    let gray_of_another =
        is_gray(to) && !is_rgb(from.fourcc) && from.color.encoding != to_color.encoding;
    gray_of_another
        || (is_rgb(from.fourcc) && from.color != COLORS[0])
        || (is_rgb(to) && to_color != COLORS[0])
}

#[test]
fn waves_of_colour_arrive_in_every_format_and_colour() {
    check_all(|picture| Memory::waves(picture, 5), (48, 32));
}

#[test]
fn single_pixels_arrive_in_every_format_and_colour() {
    check_all(|picture| Memory::noise(picture, 0, 7), (37, 23));
}
