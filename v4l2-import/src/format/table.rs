use dmabuf_heap::Fourcc;

use super::V4l2Fourcc;

/// One row of the table of pixel formats that both V4L2 and DRM have.
pub(super) struct Entry {
    pub(super) code: V4l2Fourcc,
    pub(super) drm: Fourcc,
    /// A second DRM format with the same pixels.
    pub(super) also: Option<Fourcc>,
    /// Every plane in a buffer of its own.
    pub(super) is_split: bool,
}

const fn one(code: [u8; 4], drm: Fourcc) -> Entry {
    Entry {
        code: V4l2Fourcc::from_bytes(&code),
        drm,
        also: None,
        is_split: false,
    }
}

const fn alias(code: [u8; 4], drm: Fourcc, also: Fourcc) -> Entry {
    Entry {
        also: Some(also),
        ..one(code, drm)
    }
}

const fn split(code: [u8; 4], drm: Fourcc) -> Entry {
    Entry {
        is_split: true,
        ..one(code, drm)
    }
}

/// From `include/uapi/linux/videodev2.h` and the byte tables of `Documentation/userspace-api/media/v4l/pixfmt-*.rst`.
///
/// A format in one buffer stands before its multi-planar variant, and the current name before deprecated ones.
pub(super) static TABLE: &[Entry] = &[
    one(*b"RGB1", Fourcc::RGB332),
    one(*b"XR12", Fourcc::XRGB4444),
    one(*b"AR12", Fourcc::ARGB4444),
    one(*b"RX12", Fourcc::RGBX4444),
    one(*b"RA12", Fourcc::RGBA4444),
    one(*b"XB12", Fourcc::XBGR4444),
    one(*b"AB12", Fourcc::ABGR4444),
    one(*b"BX12", Fourcc::BGRX4444),
    one(*b"GA12", Fourcc::BGRA4444),
    one(*b"R444", Fourcc::XRGB4444),
    one(*b"XR15", Fourcc::XRGB1555),
    one(*b"AR15", Fourcc::ARGB1555),
    one(*b"RX15", Fourcc::RGBX5551),
    one(*b"RA15", Fourcc::RGBA5551),
    one(*b"XB15", Fourcc::XBGR1555),
    one(*b"AB15", Fourcc::ABGR1555),
    one(*b"BX15", Fourcc::BGRX5551),
    one(*b"BA15", Fourcc::BGRA5551),
    one(*b"RGBO", Fourcc::XRGB1555),
    one(*b"RGBP", Fourcc::RGB565),
    // V4L2 names these by their bytes in memory, DRM by the little-endian word.
    one(*b"BGR3", Fourcc::RGB888),
    one(*b"RGB3", Fourcc::BGR888),
    one(*b"XR24", Fourcc::XRGB8888),
    one(*b"AR24", Fourcc::ARGB8888),
    one(*b"RX24", Fourcc::RGBX8888),
    one(*b"RA24", Fourcc::RGBA8888),
    one(*b"XB24", Fourcc::XBGR8888),
    one(*b"AB24", Fourcc::ABGR8888),
    one(*b"BX24", Fourcc::BGRX8888),
    one(*b"BA24", Fourcc::BGRA8888),
    one(*b"BGR4", Fourcc::XRGB8888),
    one(*b"RGB4", Fourcc::BGRX8888),
    one(*b"RX30", Fourcc::RGBX1010102),
    one(*b"RA30", Fourcc::RGBA1010102),
    one(*b"AR30", Fourcc::ARGB2101010),
    one(*b"RGB6", Fourcc::BGR161616),
    one(*b"BGR6", Fourcc::RGB161616),
    alias(*b"GREY", Fourcc::R8, Fourcc::Y8),
    one(*b"Y10 ", Fourcc::R10),
    one(*b"Y12 ", Fourcc::R12),
    one(*b"Y16 ", Fourcc::R16),
    one(*b"YUYV", Fourcc::YUYV),
    one(*b"YVYU", Fourcc::YVYU),
    one(*b"UYVY", Fourcc::UYVY),
    one(*b"VYUY", Fourcc::VYUY),
    one(*b"Y210", Fourcc::Y210),
    one(*b"Y212", Fourcc::Y212),
    one(*b"Y216", Fourcc::Y216),
    one(*b"YUV3", Fourcc::VUY888),
    one(*b"VUYA", Fourcc::AYUV),
    one(*b"VUYX", Fourcc::XYUV8888),
    one(*b"YUVA", Fourcc::AVUY8888),
    one(*b"YUVX", Fourcc::XVUY8888),
    one(*b"NV12", Fourcc::NV12),
    split(*b"NM12", Fourcc::NV12),
    one(*b"NV21", Fourcc::NV21),
    split(*b"NM21", Fourcc::NV21),
    one(*b"NV16", Fourcc::NV16),
    split(*b"NM16", Fourcc::NV16),
    one(*b"NV61", Fourcc::NV61),
    split(*b"NM61", Fourcc::NV61),
    one(*b"NV24", Fourcc::NV24),
    one(*b"NV42", Fourcc::NV42),
    one(*b"P010", Fourcc::P010),
    one(*b"P012", Fourcc::P012),
    split(*b"PM12", Fourcc::P012),
    one(*b"NV15", Fourcc::NV15),
    one(*b"NV20", Fourcc::NV20),
    one(*b"YUV9", Fourcc::YUV410),
    one(*b"YVU9", Fourcc::YVU410),
    one(*b"411P", Fourcc::YUV411),
    one(*b"YU12", Fourcc::YUV420),
    split(*b"YM12", Fourcc::YUV420),
    one(*b"YV12", Fourcc::YVU420),
    split(*b"YM21", Fourcc::YVU420),
    one(*b"422P", Fourcc::YUV422),
    split(*b"YM16", Fourcc::YUV422),
    split(*b"YM61", Fourcc::YVU422),
    split(*b"YM24", Fourcc::YUV444),
    split(*b"YM42", Fourcc::YVU444),
];
