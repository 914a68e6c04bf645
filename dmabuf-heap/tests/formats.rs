//! Whole-table tests of the pixel formats.

use std::collections::HashSet;

use dmabuf_heap::{ColorModel, Fourcc, FrameLayout, PixelFormat};
use drm_fourcc::DrmFourcc;

#[test]
fn every_format_is_there_once_and_found_by_code_and_name() {
    let mut codes = HashSet::new();
    let mut names = HashSet::new();
    for format in PixelFormat::all() {
        assert!(
            codes.insert(format.fourcc),
            "{} is there twice",
            format.fourcc
        );
        assert!(names.insert(format.name), "{} is there twice", format.name);
        assert_eq!(PixelFormat::find(format.fourcc), Some(format));
        assert_eq!(format.name.parse(), Ok(format.fourcc));
        assert_eq!(format.fourcc.to_string().parse(), Ok(format.fourcc));
    }
}

#[test]
fn every_format_has_planes_that_make_sense() {
    for PixelFormat { name, color, .. } in PixelFormat::all() {
        let planes = PixelFormat::find(name.parse().unwrap()).unwrap().planes();
        assert!((1..=3).contains(&planes.len()), "{name}");
        let first = planes[0];
        assert_eq!(
            (first.horizontal_subsampling, first.vertical_subsampling),
            (1, 1),
            "{name}"
        );
        for plane in planes {
            assert!((1..=8).contains(&plane.bytes_per_block), "{name}");
            assert!((1..=8).contains(&plane.block_width), "{name}");
            assert!([1, 2, 4].contains(&plane.horizontal_subsampling), "{name}");
            assert!(
                plane.vertical_subsampling <= plane.horizontal_subsampling,
                "{name}"
            );
        }
        if planes.len() == 3 {
            assert_eq!(planes[1], planes[2], "{name}: both chroma planes are alike");
        }
        let is_subsampled = planes.iter().any(|plane| plane.horizontal_subsampling > 1);
        assert!(!is_subsampled || *color == ColorModel::Yuv, "{name}");
    }
}

#[test]
fn codes_are_those_of_the_drm_fourcc_crate() {
    for (ours, drm) in [
        (Fourcc::R8, DrmFourcc::R8),
        (Fourcc::RGB332, DrmFourcc::Rgb332),
        (Fourcc::BGRA4444, DrmFourcc::Bgra4444),
        (Fourcc::RGBX5551, DrmFourcc::Rgbx5551),
        (Fourcc::BGR565, DrmFourcc::Bgr565),
        (Fourcc::RGB888, DrmFourcc::Rgb888),
        (Fourcc::ABGR8888, DrmFourcc::Abgr8888),
        (Fourcc::ARGB2101010, DrmFourcc::Argb2101010),
        (Fourcc::XBGR16161616F, DrmFourcc::Xbgr16161616f),
        (Fourcc::AYUV, DrmFourcc::Ayuv),
        (Fourcc::VYUY, DrmFourcc::Vyuy),
        (Fourcc::XVYU12_16161616, DrmFourcc::Xvyu12_16161616),
        (Fourcc::Y210, DrmFourcc::Y210),
        (Fourcc::NV61, DrmFourcc::Nv61),
        (Fourcc::P016, DrmFourcc::P016),
        (Fourcc::Q401, DrmFourcc::Q401),
        (Fourcc::YVU411, DrmFourcc::Yvu411),
        (Fourcc::YUV422, DrmFourcc::Yuv422),
        (Fourcc::BGR565_A8, DrmFourcc::Bgr565_a8),
    ] {
        assert_eq!(ours, drm.into());
    }
}

/// `vivid_formats` in the kernel's `drivers/media/test-drivers/vivid/vivid-vid-common.c`: every entry whose pixels have a
/// DRM fourcc, by the comment on byte order in `include/uapi/linux/videodev2.h`. Left out for want of a fourcc: Bayer,
/// HSV, `YUV555`, `YUV565`, `YUV444` (16 bits), `BGR666` and the big-endian formats.
#[test]
fn what_vivid_captures_is_there() {
    for code in [
        "YUYV", "UYVY", "YVYU", "VYUY", "YU16", "YU12", "YV12", "NV12", "NV21", "NV16", "NV61",
        "NV24", "NV42", "AYUV", "XYUV", "AVUY", "XVUY", "R8", "R10", "R12", "R16", "RGB8", "RG16",
        "XR12", "AR12", "RX12", "RA12", "XB12", "AB12", "BX12", "BA12", "XR15", "AR15", "RX15",
        "RA15", "XB15", "AB15", "BX15", "BA15", "RG24", "BG24", "XR24", "AR24", "RX24", "RA24",
        "XB24", "AB24", "BX24", "BA24", "YV16", "YU24", "YV24",
    ] {
        assert!(PixelFormat::find(code.parse().unwrap()).is_some(), "{code}");
    }
}

/// `vkms_formats` in `drivers/gpu/drm/vkms/vkms_plane.c` and the formats of its writeback connector.
#[test]
fn what_vkms_shows_is_there() {
    for name in [
        "ARGB8888",
        "ABGR8888",
        "BGRA8888",
        "RGBA8888",
        "XRGB8888",
        "XBGR8888",
        "RGB888",
        "BGR888",
        "XRGB16161616",
        "XBGR16161616",
        "ARGB16161616",
        "ABGR16161616",
        "RGB565",
        "BGR565",
        "NV12",
        "NV16",
        "NV24",
        "NV21",
        "NV61",
        "NV42",
        "YUV420",
        "YUV422",
        "YUV444",
        "YVU420",
        "YVU422",
        "YVU444",
        "P010",
        "P012",
        "P016",
        "R1",
        "R2",
        "R4",
        "R8",
    ] {
        assert!(PixelFormat::find(name.parse().unwrap()).is_some(), "{name}");
    }
}

/// Bytes that videotestsrc of GStreamer 1.26 makes at 320x240.
#[test]
fn sizes_are_those_of_gstreamer() {
    for (fourcc, gstreamer, size) in [
        (Fourcc::NV12, "NV12", 115_200),
        (Fourcc::NV16, "NV16", 153_600),
        (Fourcc::NV24, "NV24", 230_400),
        (Fourcc::YUV420, "I420", 115_200),
        (Fourcc::YUV422, "Y42B", 153_600),
        (Fourcc::YUV444, "Y444", 230_400),
        (Fourcc::YUV411, "Y41B", 115_200),
        (Fourcc::YUV410, "YUV9", 86_400),
        (Fourcc::YUYV, "YUY2", 153_600),
        (Fourcc::AYUV, "VUYA", 307_200),
        (Fourcc::VUY888, "v308", 230_400),
        (Fourcc::P010, "P010_10LE", 230_400),
        (Fourcc::P016, "P016_LE", 230_400),
        (Fourcc::NV15, "NV12_10LE40", 144_000),
        (Fourcc::P030, "NV12_10LE32", 154_080),
        (Fourcc::S010, "I420_10LE", 230_400),
        (Fourcc::S210, "I422_10LE", 307_200),
        (Fourcc::S410, "Y444_10LE", 460_800),
        (Fourcc::Y210, "Y210", 307_200),
        (Fourcc::Y410, "Y410", 307_200),
        (Fourcc::Y412, "Y412_LE", 614_400),
        (Fourcc::R8, "GRAY8", 76_800),
        (Fourcc::R16, "GRAY16_LE", 153_600),
        (Fourcc::RGB565, "RGB16", 153_600),
        (Fourcc::XRGB1555, "RGB15", 153_600),
        (Fourcc::RGB888, "BGR", 230_400),
        (Fourcc::XRGB8888, "BGRx", 307_200),
        (Fourcc::ARGB2101010, "BGR10A2_LE", 307_200),
        (Fourcc::ABGR16161616, "RGBA64_LE", 614_400),
    ] {
        let layout = FrameLayout::linear(fourcc, 320, 240, 4).unwrap();
        assert_eq!(layout.size(), size, "{fourcc} is GStreamer's {gstreamer}");
    }
}

/// Where a format has one stride for all planes, padding to 4 bytes gives GStreamer's sizes at any even size.
#[test]
fn sizes_with_padding_are_those_of_gstreamer() {
    for (fourcc, size) in [
        (Fourcc::NV12, 132_132),
        (Fourcc::NV16, 176_176),
        (Fourcc::P010, 262_812),
        (Fourcc::YUYV, 175_208),
        (Fourcc::RGB888, 263_296),
        (Fourcc::R8, 88_088),
    ] {
        let layout = FrameLayout::linear(fourcc, 362, 242, 4).unwrap();
        assert_eq!(layout.size(), size, "{fourcc}");
    }
}
