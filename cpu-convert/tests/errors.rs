//! What is said of conversions that cannot be.

mod reference;

use std::sync::Arc;

use cpu_convert::{Conversion, ConvertError, Filter, Orientation, PlaneMut, PlaneRef, Unsupported};
use dmabuf_heap::{DmaBuf, Fourcc, Frame, FrameLayout, Modifier, Rect};
use reference::{COLORS, picture};

fn conversion(from: Fourcc, to: Fourcc) -> Result<Conversion, Unsupported> {
    let [from, to] = [from, to].map(|fourcc| picture(fourcc, 64, 32, COLORS[0]));
    Conversion::new(from, to, Orientation::Identity, None, Filter::Bilinear, 1)
}

fn frame(fourcc: Fourcc, width: u32) -> Frame {
    let layout = FrameLayout::linear(fourcc, width, 32, 1).expect("it is possible");
    Frame::new(
        layout,
        &[Arc::new(
            DmaBuf::stand_in(layout.size()).expect("there is memory"),
        )],
    )
    .expect("it fits")
}

#[track_caller]
fn assert_says(error: &impl std::error::Error, text: &str) {
    assert_eq!(error.to_string(), text);
}

#[test]
fn unknown_formats_are_named_with_those_that_are_known() {
    assert!(Conversion::supports(Fourcc::NV12, Fourcc::XRGB8888));
    assert!(!Conversion::supports(Fourcc::P010, Fourcc::XRGB8888));
    let known = "NV12, NV21, NV16, YU12, YV12, YUYV, UYVY, GREY, R8, XR24, AR24, XB24, AB24, RG24, BG24, RG16";
    assert_says(
        &conversion(Fourcc::P010, Fourcc::NV12).unwrap_err(),
        &format!("the CPU converts no pixels from P010; it knows {known}"),
    );
    assert_says(
        &conversion(Fourcc::NV12, Fourcc::P010).unwrap_err(),
        &format!("the CPU converts no pixels to P010; it knows {known}"),
    );
}

#[test]
fn crops_and_sizes_that_cannot_be_are_named() {
    let from = picture(Fourcc::NV12, 64, 32, COLORS[0]);
    for crop in [
        Rect::new(0, 0, 65, 32),
        Rect::new(64, 0, 1, 1),
        Rect::new(0, 0, 0, 4),
        Rect::new(u32::MAX, 0, 2, 2),
    ] {
        let result = Conversion::new(
            from,
            from,
            Orientation::Identity,
            Some(crop),
            Filter::Bilinear,
            1,
        );
        assert_says(
            &result.unwrap_err(),
            &format!("the crop {crop} is no part of the 64x32 pixels that are to be read"),
        );
    }
    let none = picture(Fourcc::NV12, 0, 32, COLORS[2]);
    let result = Conversion::new(from, none, Orientation::Identity, None, Filter::Bilinear, 1);
    assert_says(
        &result.unwrap_err(),
        "the CPU converts pictures of 1x1 to 65535x65535 pixels, and not to NV12 0x32 (BT.709 in limited range)",
    );
}

#[test]
fn planes_that_do_not_hold_their_pixels_are_refused() {
    let mut conversion = conversion(Fourcc::NV12, Fourcc::Y8).unwrap();
    let (luma, mut target) = ([0; 64 * 32], [0; 64 * 32]);
    let plane = PlaneRef {
        data: &luma,
        stride: 64,
    };
    let short = PlaneRef {
        data: &luma[..64 * 15 + 63],
        stride: 64,
    };
    let narrow = PlaneRef {
        stride: 63,
        ..plane
    };
    let mut run = |planes: &[PlaneRef<'_>]| {
        conversion.convert_planes(
            planes,
            &mut [PlaneMut {
                data: &mut target,
                stride: 64,
            }],
        )
    };
    assert_says(
        &run(&[plane]).unwrap_err(),
        "NV12 has 2 planes, 1 were given to convert from",
    );
    for (planes, text) in [
        (
            [plane, short],
            "plane 1 from NV12 64x32 (BT.601 in limited range) needs 16 rows of 64 bytes, and has 1023 bytes with stride 64",
        ),
        (
            [narrow, plane],
            "plane 0 from NV12 64x32 (BT.601 in limited range) needs 32 rows of 64 bytes, and has 2048 bytes with stride 63",
        ),
    ] {
        assert_says(&run(&planes).unwrap_err(), text);
    }
    run(&[plane, plane]).unwrap();
}

#[test]
fn frames_are_held_to_the_conversion() {
    let conversion = conversion(Fourcc::XRGB8888, Fourcc::NV12).unwrap();
    let (from, to) = (frame(Fourcc::XRGB8888, 64), frame(Fourcc::NV12, 64));
    conversion.check_frames(&from, &to).unwrap();

    let wide = frame(Fourcc::XRGB8888, 66);
    let error = conversion.check_frames(&wide, &to).unwrap_err();
    assert_says(
        &error,
        &format!("the conversion from XR24 64x32 was given {wide}"),
    );
    let other = frame(Fourcc::NV21, 64);
    assert!(matches!(
        conversion.check_frames(&from, &other),
        Err(ConvertError::Mismatch { .. })
    ));

    let planes = from.layout().planes();
    let tiled =
        FrameLayout::with_planes(Fourcc::XRGB8888, Modifier(1 << 56 | 1), 64, 32, planes).unwrap();
    let tiled = Frame::new(tiled, &[from.dmabuf(0).clone()]).unwrap();
    assert!(matches!(
        conversion.check_frames(&tiled, &to),
        Err(ConvertError::Mismatch { .. })
    ));
}

#[test]
fn source_and_target_may_not_share_memory() {
    let conversion = conversion(Fourcc::XRGB8888, Fourcc::NV12).unwrap();
    let from = frame(Fourcc::XRGB8888, 64);
    let to = Frame::new(
        FrameLayout::linear(Fourcc::NV12, 64, 32, 1).unwrap(),
        &[from.dmabuf(0).clone()],
    )
    .unwrap();
    let error = conversion.check_frames(&from, &to).unwrap_err();
    let inode = from.dmabuf(0).id().inode;
    assert_says(
        &error,
        &format!(
            "cannot convert within the dma-buf with inode {inode}: source and target must lie in different ones"
        ),
    );
}
