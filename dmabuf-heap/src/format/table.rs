use super::pixel::ColorModel::{Gray, Rgb, Yuv};
use super::{Fourcc, PixelFormat, PlaneFormat};

/// A plane of whole-sample blocks that is as large as the picture.
const fn full(bytes_per_block: u32) -> PlaneFormat {
    blocks(bytes_per_block, 1)
}

/// A plane as large as the picture, with several samples in each block.
const fn blocks(bytes_per_block: u32, block_width: u32) -> PlaneFormat {
    PlaneFormat {
        bytes_per_block,
        block_width,
        horizontal_subsampling: 1,
        vertical_subsampling: 1,
    }
}

/// The same plane with one sample for every `horizontal` columns and `vertical` rows.
const fn sub(horizontal: u32, vertical: u32, plane: PlaneFormat) -> PlaneFormat {
    PlaneFormat {
        horizontal_subsampling: horizontal,
        vertical_subsampling: vertical,
        ..plane
    }
}

/// Writes the named constants of [`Fourcc`] and the table from one list, so that neither can lack what the other has.
macro_rules! pixel_formats {
    ($($color:ident $planes:tt: $($name:ident $code:literal),+;)+) => {
        impl Fourcc {
            $($(
                #[doc = concat!("`DRM_FORMAT_", stringify!($name), "`")]
                pub const $name: Self = Self::from_bytes($code);
            )+)+
        }

        pub(super) static TABLE: &[PixelFormat] = &[
            $($(PixelFormat {
                fourcc: Fourcc::$name,
                name: stringify!($name),
                color: $color,
                planes: const { &$planes },
            },)+)+
        ];
    };
}

pixel_formats! {
    Gray [blocks(1, 8)]: R1 b"R1  ";
    Gray [blocks(1, 4)]: R2 b"R2  ";
    Gray [blocks(1, 2)]: R4 b"R4  ";
    Gray [full(1)]: R8 b"R8  ", Y8 b"GREY";
    Gray [full(2)]: R10 b"R10 ", R12 b"R12 ", R16 b"R16 ";
    Gray [blocks(4, 3)]: XYYY2101010 b"YPA4";

    Rgb [full(1)]: RGB332 b"RGB8", BGR233 b"BGR8";
    Rgb [full(2)]:
        XRGB4444 b"XR12", XBGR4444 b"XB12", RGBX4444 b"RX12", BGRX4444 b"BX12",
        ARGB4444 b"AR12", ABGR4444 b"AB12", RGBA4444 b"RA12", BGRA4444 b"BA12",
        XRGB1555 b"XR15", XBGR1555 b"XB15", RGBX5551 b"RX15", BGRX5551 b"BX15",
        ARGB1555 b"AR15", ABGR1555 b"AB15", RGBA5551 b"RA15", BGRA5551 b"BA15",
        RGB565 b"RG16", BGR565 b"BG16", RG88 b"RG88", GR88 b"GR88";
    Rgb [full(3)]: RGB888 b"RG24", BGR888 b"BG24";
    Rgb [full(4)]:
        XRGB8888 b"XR24", XBGR8888 b"XB24", RGBX8888 b"RX24", BGRX8888 b"BX24",
        ARGB8888 b"AR24", ABGR8888 b"AB24", RGBA8888 b"RA24", BGRA8888 b"BA24",
        XRGB2101010 b"XR30", XBGR2101010 b"XB30", RGBX1010102 b"RX30", BGRX1010102 b"BX30",
        ARGB2101010 b"AR30", ABGR2101010 b"AB30", RGBA1010102 b"RA30", BGRA1010102 b"BA30",
        RG1616 b"RG32", GR1616 b"GR32";
    Rgb [full(6)]: RGB161616 b"RG48", BGR161616 b"BG48";
    Rgb [full(8)]:
        XRGB16161616 b"XR48", XBGR16161616 b"XB48", ARGB16161616 b"AR48", ABGR16161616 b"AB48",
        XRGB16161616F b"XR4H", XBGR16161616F b"XB4H", ARGB16161616F b"AR4H", ABGR16161616F b"AB4H",
        AXBXGXRX106106106106 b"AB10";
    Rgb [full(2), full(1)]: RGB565_A8 b"R5A8", BGR565_A8 b"B5A8";
    Rgb [full(3), full(1)]: RGB888_A8 b"R8A8", BGR888_A8 b"B8A8";
    Rgb [full(4), full(1)]:
        XRGB8888_A8 b"XRA8", XBGR8888_A8 b"XBA8", RGBX8888_A8 b"RXA8", BGRX8888_A8 b"BXA8";

    Yuv [blocks(4, 2)]: YUYV b"YUYV", YVYU b"YVYU", UYVY b"UYVY", VYUY b"VYUY";
    Yuv [blocks(8, 2)]: Y210 b"Y210", Y212 b"Y212", Y216 b"Y216";
    Yuv [full(3)]: VUY888 b"VU24";
    Yuv [full(4)]:
        AYUV b"AYUV", XYUV8888 b"XYUV", AVUY8888 b"AVUY", XVUY8888 b"XVUY",
        Y410 b"Y410", XVYU2101010 b"XV30", XVUY2101010 b"XY30";
    Yuv [full(8)]:
        Y412 b"Y412", Y416 b"Y416", XVYU12_16161616 b"XV36", XVYU16161616 b"XV48";

    Yuv [full(1), sub(2, 2, full(2))]: NV12 b"NV12", NV21 b"NV21";
    Yuv [full(1), sub(2, 1, full(2))]: NV16 b"NV16", NV61 b"NV61";
    Yuv [full(1), full(2)]: NV24 b"NV24", NV42 b"NV42";
    Yuv [full(2), sub(2, 2, full(4))]: P010 b"P010", P012 b"P012", P016 b"P016";
    Yuv [full(2), sub(2, 1, full(4))]: P210 b"P210";
    Yuv [blocks(5, 4), sub(2, 2, blocks(5, 2))]: NV15 b"NV15";
    Yuv [blocks(5, 4), sub(2, 1, blocks(5, 2))]: NV20 b"NV20";
    Yuv [blocks(5, 4), blocks(5, 2)]: NV30 b"NV30";
    Yuv [blocks(4, 3), sub(2, 2, blocks(8, 3))]: P030 b"P030";
    Yuv [blocks(4, 3), sub(2, 1, blocks(8, 3))]: P230 b"P230";

    Yuv [full(1), sub(4, 4, full(1)), sub(4, 4, full(1))]: YUV410 b"YUV9", YVU410 b"YVU9";
    Yuv [full(1), sub(4, 1, full(1)), sub(4, 1, full(1))]: YUV411 b"YU11", YVU411 b"YV11";
    Yuv [full(1), sub(2, 2, full(1)), sub(2, 2, full(1))]: YUV420 b"YU12", YVU420 b"YV12";
    Yuv [full(1), sub(2, 1, full(1)), sub(2, 1, full(1))]: YUV422 b"YU16", YVU422 b"YV16";
    Yuv [full(1), full(1), full(1)]: YUV444 b"YU24", YVU444 b"YV24";
    Yuv [full(2), sub(2, 2, full(2)), sub(2, 2, full(2))]: S010 b"S010", S012 b"S012", S016 b"S016";
    Yuv [full(2), sub(2, 1, full(2)), sub(2, 1, full(2))]: S210 b"S210", S212 b"S212", S216 b"S216";
    Yuv [full(2), full(2), full(2)]:
        Q410 b"Q410", Q401 b"Q401", S410 b"S410", S412 b"S412", S416 b"S416";
    Yuv [blocks(4, 3), blocks(4, 3), blocks(4, 3)]: T430 b"T430";
}
