//! Caps as pipelines write them, in the two ways that name dma-bufs.

/// How caps speak of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `video/x-raw`: dma-bufs are an arrangement between the elements.
    Plain,
    /// `video/x-raw(memory:DMABuf), format=DMA_DRM`.
    DmaDrm,
}

impl Naming {
    /// Both ways.
    pub const ALL: [Naming; 2] = [Naming::Plain, Naming::DmaDrm];
}

/// A format that vivid writes and displays read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The DRM fourcc.
    pub drm: &'static str,
    /// The GStreamer name.
    pub gst: &'static str,
    /// Bits of a pixel over all planes.
    pub bits_per_pixel: u64,
}

/// Two planes, chroma halved both ways.
pub const NV12: Format = Format {
    drm: "NV12",
    gst: "NV12",
    bits_per_pixel: 12,
};
/// Three planes, chroma halved both ways.
pub const YUV420: Format = Format {
    drm: "YU12",
    gst: "I420",
    bits_per_pixel: 12,
};
/// One plane of four bytes per pixel.
pub const XRGB8888: Format = Format {
    drm: "XR24",
    gst: "BGRx",
    bits_per_pixel: 32,
};
/// One plane of two bytes per pixel.
pub const RGB565: Format = Format {
    drm: "RG16",
    gst: "RGB16",
    bits_per_pixel: 16,
};

/// One plane of two bytes per pixel, chroma halved along the row.
pub const YUYV: Format = Format {
    drm: "YUYV",
    gst: "YUY2",
    bits_per_pixel: 16,
};
/// One plane of four bytes per pixel, one of them alpha.
pub const ARGB8888: Format = Format {
    drm: "AR24",
    gst: "BGRA",
    bits_per_pixel: 32,
};

/// What vivid writes and a compositor reads, one of each kind.
pub const WAYLAND_FORMATS: [Format; 6] = [NV12, YUYV, YUV420, XRGB8888, ARGB8888, RGB565];

/// What vivid writes and vkms reads, one of each kind.
pub const FORMATS: [Format; 4] = [NV12, XRGB8888, RGB565, YUV420];

/// The sizes of vivid's webcam input, in pixels.
pub const WEBCAM_SIZES: [(u32, u32); 9] = [
    (320, 180),
    (320, 240),
    (640, 360),
    (640, 480),
    (1280, 720),
    (1280, 960),
    (1600, 1200),
    (1920, 1080),
    (3840, 2160),
];

impl Format {
    /// Caps of this format and size, without a frame rate.
    pub fn caps(&self, naming: Naming, (width, height): (u32, u32)) -> String {
        let size = format!("width={width},height={height}");
        match naming {
            Naming::Plain => format!("video/x-raw,format={},{size}", self.gst),
            Naming::DmaDrm => format!(
                "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format={},{size}",
                self.drm
            ),
        }
    }

    /// Bytes of a frame without padding.
    pub fn frame_len(&self, (width, height): (u32, u32)) -> u64 {
        u64::from(width) * u64::from(height) * self.bits_per_pixel / 8
    }
}
