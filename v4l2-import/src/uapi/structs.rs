//! The structs of `include/uapi/linux/videodev2.h` that the ioctls of this crate take.

use super::MAX_BUFFER_PLANES;

/// Between a leading `u32` and a union that holds pointers.
type PointerPadding = [u32; size_of::<usize>() / 4 - 1];

/// `struct v4l2_capability`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Capability {
    pub(crate) driver: [u8; 16],
    pub(crate) card: [u8; 32],
    pub(crate) bus_info: [u8; 32],
    pub(crate) version: u32,
    pub(crate) capabilities: u32,
    pub(crate) device_caps: u32,
    pub(crate) reserved: [u32; 3],
}

/// `struct v4l2_fmtdesc`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct FormatDescription {
    pub(crate) index: u32,
    pub(crate) buffer_type: u32,
    pub(crate) flags: u32,
    pub(crate) description: [u8; 32],
    pub(crate) pixelformat: u32,
    pub(crate) mbus_code: u32,
    pub(crate) reserved: [u32; 3],
}

/// `struct v4l2_pix_format`
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct PixFormat {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixelformat: u32,
    pub(crate) field: u32,
    pub(crate) bytesperline: u32,
    pub(crate) sizeimage: u32,
    pub(crate) colorspace: u32,
    pub(crate) private: u32,
    pub(crate) flags: u32,
    pub(crate) ycbcr_enc: u32,
    pub(crate) quantization: u32,
    pub(crate) xfer_func: u32,
}

/// `struct v4l2_plane_pix_format`
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct PlanePixFormat {
    pub(crate) sizeimage: u32,
    pub(crate) bytesperline: u32,
    pub(crate) reserved: [u16; 6],
}

/// `struct v4l2_pix_format_mplane`
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct PixFormatMplane {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixelformat: u32,
    pub(crate) field: u32,
    pub(crate) colorspace: u32,
    pub(crate) plane_fmt: [PlanePixFormat; MAX_BUFFER_PLANES],
    pub(crate) num_planes: u8,
    pub(crate) flags: u8,
    pub(crate) ycbcr_enc: u8,
    pub(crate) quantization: u8,
    pub(crate) xfer_func: u8,
    pub(crate) reserved: [u8; 7],
}

/// `struct v4l2_format` whose union is a `v4l2_pix_format`.
#[repr(C)]
#[cfg_attr(target_pointer_width = "64", repr(align(8)))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SingleFormat {
    pub(crate) buffer_type: u32,
    padding: PointerPadding,
    pub(crate) pix: PixFormat,
    rest: [u32; 38],
}

/// `struct v4l2_format` whose union is a `v4l2_pix_format_mplane`.
#[repr(C)]
#[cfg_attr(target_pointer_width = "64", repr(align(8)))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MultiFormat {
    pub(crate) buffer_type: u32,
    padding: PointerPadding,
    pub(crate) pix: PixFormatMplane,
    rest: [u32; 2],
}

impl SingleFormat {
    pub(crate) fn new(buffer_type: u32, pix: PixFormat) -> Self {
        Self {
            buffer_type,
            padding: PointerPadding::default(),
            pix,
            rest: [0; 38],
        }
    }
}

impl MultiFormat {
    pub(crate) fn new(buffer_type: u32, pix: PixFormatMplane) -> Self {
        Self {
            buffer_type,
            padding: PointerPadding::default(),
            pix,
            rest: [0; 2],
        }
    }
}

/// `struct v4l2_requestbuffers`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct RequestBuffers {
    pub(crate) count: u32,
    pub(crate) buffer_type: u32,
    pub(crate) memory: u32,
    pub(crate) capabilities: u32,
    pub(crate) flags: u8,
    pub(crate) reserved: [u8; 3],
}

/// `struct v4l2_streamparm` whose union is a `v4l2_captureparm`; the output variant has the interval in the same place.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StreamParameters {
    pub(crate) buffer_type: u32,
    pub(crate) capability: u32,
    pub(crate) mode: u32,
    /// Seconds as numerator and denominator.
    pub(crate) interval: [u32; 2],
    pub(crate) extended_mode: u32,
    pub(crate) buffers: u32,
    rest: [u32; 44],
}

impl StreamParameters {
    pub(crate) fn new(buffer_type: u32) -> Self {
        Self {
            buffer_type,
            capability: 0,
            mode: 0,
            interval: [0; 2],
            extended_mode: 0,
            buffers: 0,
            rest: [0; 44],
        }
    }
}

/// `struct v4l2_frmsizeenum`. `values` is width and height, or minimum, maximum and step of each.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct FrameSizeEnum {
    pub(crate) index: u32,
    pub(crate) pixelformat: u32,
    pub(crate) kind: u32,
    pub(crate) values: [u32; 6],
    pub(crate) reserved: [u32; 2],
}

/// `struct v4l2_frmivalenum`. `values` is one fraction, or minimum, maximum and step.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct FrameIntervalEnum {
    pub(crate) index: u32,
    pub(crate) pixelformat: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) kind: u32,
    pub(crate) values: [u32; 6],
    pub(crate) reserved: [u32; 2],
}

/// `struct v4l2_selection`
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Selection {
    pub(crate) buffer_type: u32,
    pub(crate) target: u32,
    pub(crate) flags: u32,
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) reserved: [u32; 9],
}

/// `struct v4l2_cropcap`. `bounds` and `default` are left, top, width and height.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct CropCapability {
    pub(crate) buffer_type: u32,
    pub(crate) bounds: [u32; 4],
    pub(crate) default: [u32; 4],
    /// Numerator and denominator.
    pub(crate) pixel_aspect: [u32; 2],
}

/// `struct v4l2_create_buffers` around one of the two format structs.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct CreateBuffers<F> {
    pub(crate) index: u32,
    pub(crate) count: u32,
    pub(crate) memory: u32,
    pub(crate) format: F,
    pub(crate) capabilities: u32,
    pub(crate) flags: u32,
    pub(crate) reserved: [u32; 6],
}

impl<F> CreateBuffers<F> {
    pub(crate) const fn new(count: u32, memory: u32, format: F) -> Self {
        Self {
            index: 0,
            count,
            memory,
            format,
            capabilities: 0,
            flags: 0,
            reserved: [0; 6],
        }
    }
}

/// `struct v4l2_dv_timings` whose union is a `v4l2_bt_timings`. Packed in the kernel: the 64-bit pixel clock is two words here.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RawTimings {
    pub(crate) kind: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) interlaced: u32,
    pub(crate) polarities: u32,
    pub(crate) pixel_clock: [u32; 2],
    pub(crate) rest: [u32; 26],
}

/// `struct v4l2_control`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Control {
    pub(crate) id: u32,
    pub(crate) value: i32,
}

const _: () = {
    assert!(size_of::<Capability>() == 104);
    assert!(size_of::<FormatDescription>() == 64);
    assert!(size_of::<PixFormat>() == 48);
    assert!(size_of::<PixFormatMplane>() == 192);
    assert!(size_of::<RequestBuffers>() == 20);
    assert!(size_of::<StreamParameters>() == 204);
    assert!(size_of::<FrameSizeEnum>() == 44);
    assert!(size_of::<FrameIntervalEnum>() == 52);
    assert!(size_of::<Selection>() == 64);
    assert!(size_of::<CropCapability>() == 44);
    assert!(size_of::<Control>() == 8);
    assert!(size_of::<RawTimings>() == 132);
    assert!(size_of::<SingleFormat>() == size_of::<MultiFormat>());
};

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<SingleFormat>() == 208);
    assert!(size_of::<CreateBuffers<SingleFormat>>() == 256);
    assert!(std::mem::offset_of!(CreateBuffers<SingleFormat>, format) == 16);
    assert!(std::mem::offset_of!(CreateBuffers<MultiFormat>, capabilities) == 224);
    assert!(std::mem::offset_of!(SingleFormat, pix) == 8);
    assert!(std::mem::offset_of!(MultiFormat, pix) == 8);
};

#[cfg(target_pointer_width = "32")]
const _: () = {
    assert!(size_of::<SingleFormat>() == 204);
};
