//! Scaling, turning and cropping against the reference, and their laws.

mod reference;

use cpu_convert::{Conversion, Filter, Orientation, Picture};
use dmabuf_heap::{Fourcc, Rect};
use proptest::prelude::*;
use proptest::sample::select;
use reference::{COLORS, Memory, Real, picture, quality};

/// One of each kind of planes and subsampling, and of each size of pixels.
const FORMATS: [Fourcc; 8] = [
    Fourcc::NV12,
    Fourcc::NV16,
    Fourcc::YVU420,
    Fourcc::UYVY,
    Fourcc::Y8,
    Fourcc::ARGB8888,
    Fourcc::BGR888,
    Fourcc::RGB565,
];
const FILTERS: [Filter; 4] = [
    Filter::Nearest,
    Filter::Bilinear,
    Filter::Bicubic,
    Filter::Lanczos,
];

fn sized(fourcc: Fourcc, (width, height): (u32, u32)) -> Picture {
    picture(fourcc, width, height, COLORS[2])
}

fn check(
    from: Picture,
    to: Picture,
    orientation: Orientation,
    crop: Option<Rect>,
    filter: Filter,
) -> Option<String> {
    let memory = Memory::waves(from, 3);
    let mut conversion =
        Conversion::new(from, to, orientation, crop, filter, 1).expect("it is supported");
    let whole = Rect::new(0, 0, from.width, from.height);
    let real = Real::of(&memory)
        .cropped(crop.unwrap_or(whole))
        .turned(orientation)
        .scaled(to.width as usize, to.height as usize, filter);
    let (got, best) = quality(&memory.convert(&mut conversion, 5), &real);
    // Nearest samples of chroma and luma are half a pixel apart, here and there.
    let least = if filter == Filter::Nearest {
        38.0
    } else {
        45.0
    };
    (got < f64::min(least, best - 1.0)).then(|| {
        format!("{from} to {to}, {orientation:?}, {crop:?}, {filter:?}: {got:.1} dB of {best:.1}")
    })
}

fn assert_none(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} of them:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn all_pairs() -> impl Iterator<Item = (Fourcc, Fourcc)> {
    FORMATS
        .into_iter()
        .flat_map(|from| FORMATS.into_iter().map(move |to| (from, to)))
}

#[test]
fn every_orientation_shows_the_picture_as_exif_says() {
    let mut failures = Vec::new();
    for (from, to) in all_pairs() {
        for orientation in Orientation::ALL {
            let turned = if orientation.swaps_sides() {
                (40, 64)
            } else {
                (64, 40)
            };
            let [from, to] = [sized(from, (64, 40)), sized(to, turned)];
            failures.extend(check(from, to, orientation, None, Filter::Bilinear));
        }
    }
    assert_none(&failures);
}

#[test]
fn every_filter_scales_both_ways() {
    let mut failures = Vec::new();
    for (from, to) in all_pairs() {
        for filter in FILTERS {
            for size in [(160, 96), (32, 24), (64, 20), (97, 40), (33, 71)] {
                let [from, to] = [sized(from, (64, 40)), sized(to, size)];
                failures.extend(check(from, to, Orientation::Identity, None, filter));
            }
        }
    }
    assert_none(&failures);
}

#[test]
fn the_crop_is_what_is_turned_and_scaled() {
    let mut failures = Vec::new();
    for (from, to) in all_pairs() {
        for orientation in Orientation::ALL {
            for crop in [Rect::new(10, 6, 48, 32), Rect::new(32, 0, 32, 40)] {
                let [from, to] = [sized(from, (64, 40)), sized(to, (48, 32))];
                failures.extend(check(from, to, orientation, Some(crop), Filter::Bilinear));
            }
        }
    }
    assert_none(&failures);
}

#[test]
fn more_rows_than_a_strip_has_make_no_seams() {
    let mut failures = Vec::new();
    for (from, to) in [
        (Fourcc::NV12, Fourcc::XRGB8888),
        (Fourcc::XRGB8888, Fourcc::NV12),
        (Fourcc::NV12, Fourcc::NV12),
    ] {
        for (source, target) in [
            ((1024, 300), (1024, 300)),
            ((512, 260), (1200, 420)),
            ((1000, 500), (300, 210)),
        ] {
            let [from, to] = [sized(from, source), sized(to, target)];
            failures.extend(check(
                from,
                to,
                Orientation::Rotate180,
                None,
                Filter::Bicubic,
            ));
        }
    }
    assert_none(&failures);
}

fn format() -> impl Strategy<Value = Fourcc> {
    select(Conversion::formats())
}

fn orientation() -> impl Strategy<Value = Orientation> {
    select(Orientation::ALL.to_vec())
}

fn one_way(from: Picture, to: Picture, orientation: Orientation, threads: usize) -> Conversion {
    Conversion::new(from, to, orientation, None, Filter::Bilinear, threads)
        .expect("it is supported")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn without_anything_to_do_pixels_are_copied(
        fourcc in format(), size in (1_u32..70, 1_u32..70), paddings in (0_usize..9, 0_usize..9), seed: u32,
    ) {
        let picture = sized(fourcc, size);
        let memory = Memory::noise(picture, paddings.0, seed);
        let copy = memory.convert(&mut one_way(picture, picture, Orientation::Identity, 1), paddings.1);
        prop_assert_eq!(copy.levels(), memory.levels());
    }

    #[test]
    fn what_is_turned_there_and_back_is_the_same(
        fourcc in format(), size in (1_u32..40, 1_u32..40), orientation in orientation(), seed: u32,
    ) {
        let is_subsampled_across = matches!(fourcc, Fourcc::NV16 | Fourcc::YUYV | Fourcc::UYVY);
        prop_assume!(!(orientation.swaps_sides() && is_subsampled_across));
        let there = sized(fourcc, size);
        let turned = if orientation.swaps_sides() { (size.1, size.0) } else { size };
        let turned = sized(fourcc, turned);
        let memory = Memory::noise(there, 1, seed);
        let once = memory.convert(&mut one_way(there, turned, orientation, 1), 2);
        let twice = once.convert(&mut one_way(turned, there, orientation.inverse(), 1), 3);
        prop_assert_eq!(twice.levels(), memory.levels());
    }

    #[test]
    fn nothing_beside_the_pixels_is_touched(
        formats in (format(), format()), source in (1_u32..40, 1_u32..40), target in (1_u32..40, 1_u32..40),
        orientation in orientation(), padding in 0_usize..20, seed: u32,
    ) {
        let [from, to] = [sized(formats.0, source), sized(formats.1, target)];
        let memory = Memory::noise(from, 1, seed);
        let converted = memory.convert(&mut one_way(from, to, orientation, 1), padding);
        prop_assert!(converted.guards().iter().all(|&byte| byte == reference::GUARD));
    }

    #[test]
    fn any_size_and_crop_can_be_converted(
        formats in (format(), format()), source in (1_u32..50, 1_u32..50), target in (1_u32..50, 1_u32..50),
        orientation in orientation(), corner in (0_u32..50, 0_u32..50), filter in select(FILTERS.to_vec()), threads in 1_usize..4,
    ) {
        let [from, to] = [sized(formats.0, source), sized(formats.1, target)];
        let (x, y) = (corner.0 % source.0, corner.1 % source.1);
        let crop = Rect::new(x, y, source.0 - x, source.1 - y);
        let memory = Memory::noise(from, 0, 1);
        let mut conversion = Conversion::new(from, to, orientation, Some(crop), filter, threads).unwrap();
        let first = memory.convert(&mut conversion, 0);
        prop_assert_eq!(memory.convert(&mut conversion, 0), first);
    }

    #[test]
    fn threads_change_no_pixel(
        formats in (format(), format()), source in (8_u32..90, 8_u32..90), target in (8_u32..90, 8_u32..90), seed: u32,
    ) {
        let [from, to] = [sized(formats.0, source), sized(formats.1, target)];
        let memory = Memory::noise(from, 0, seed);
        let alone = memory.convert(&mut one_way(from, to, Orientation::Rotate90, 1), 0);
        let shared = memory.convert(&mut one_way(from, to, Orientation::Rotate90, 3), 0);
        prop_assert_eq!(alone, shared);
    }
}
