//! Colours in the words of V4L2 (`Documentation/userspace-api/media/v4l/colorspaces-defs.rst`).

use gst_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoTransferFunction,
};
use v4l2_import::Colorimetry;

/// What a driver is told of the pixels.
pub(super) fn to_v4l2(color: &VideoColorimetry) -> Colorimetry {
    Colorimetry {
        colorspace: match color.primaries() {
            VideoColorPrimaries::Smpte170m => 1,
            VideoColorPrimaries::Smpte240m => 2,
            VideoColorPrimaries::Bt709 if color.matrix() == VideoColorMatrix::Rgb => 8,
            VideoColorPrimaries::Bt709 => 3,
            VideoColorPrimaries::Bt470m => 5,
            VideoColorPrimaries::Bt470bg => 6,
            VideoColorPrimaries::Bt2020 => 10,
            _ => 0,
        },
        ycbcr_encoding: match color.matrix() {
            VideoColorMatrix::Bt601 => 1,
            VideoColorMatrix::Bt709 => 2,
            VideoColorMatrix::Bt2020 => 6,
            VideoColorMatrix::Smpte240m => 8,
            _ => 0,
        },
        // RGB is of full range as a matter of course; to say so would make the YUV that some drivers make of it so, too.
        quantization: match (color.matrix(), color.range()) {
            (VideoColorMatrix::Rgb, _) => 0,
            (_, VideoColorRange::Range0_255) => 1,
            (_, VideoColorRange::Range16_235) => 2,
            _ => 0,
        },
        transfer: match color.transfer() {
            VideoTransferFunction::Bt709 | VideoTransferFunction::Bt601 => 1,
            VideoTransferFunction::Srgb => 2,
            VideoTransferFunction::Smpte240m => 4,
            VideoTransferFunction::Gamma10 => 5,
            VideoTransferFunction::Smpte2084 => 7,
            _ => 0,
        },
    }
}

/// The matrix and range of YUV pixels that a driver says so of, with V4L2's defaults (`V4L2_MAP_YCBCR_ENC_DEFAULT`,
/// `V4L2_MAP_QUANTIZATION_DEFAULT`).
pub(super) fn yuv_of(color: &Colorimetry) -> (VideoColorMatrix, VideoColorRange) {
    let by_colorspace = match color.colorspace {
        2 => 8,
        3 | 12 => 2,
        10 => 6,
        _ => 1,
    };
    let encoding = match color.ycbcr_encoding {
        0 => by_colorspace,
        said => said,
    };
    let matrix = match encoding {
        2 | 4 => VideoColorMatrix::Bt709,
        6 | 7 => VideoColorMatrix::Bt2020,
        8 => VideoColorMatrix::Smpte240m,
        _ => VideoColorMatrix::Bt601,
    };
    let is_full = match (color.quantization, color.colorspace) {
        (0, colorspace) => colorspace == 7,
        (said, _) => said == 1,
    };
    let range = if is_full {
        VideoColorRange::Range0_255
    } else {
        VideoColorRange::Range16_235
    };
    (matrix, range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuv_keeps_its_meaning_on_the_way_through_v4l2() {
        let limited = VideoColorRange::Range16_235;
        for (text, matrix, range) in [
            ("bt601", VideoColorMatrix::Bt601, limited),
            ("bt709", VideoColorMatrix::Bt709, limited),
            ("bt2020", VideoColorMatrix::Bt2020, limited),
            (
                "1:4:0:1",
                VideoColorMatrix::Bt601,
                VideoColorRange::Range0_255,
            ),
        ] {
            gst::init().expect("GStreamer");
            let color: VideoColorimetry = text.parse().expect(text);
            assert_eq!(yuv_of(&to_v4l2(&color)), (matrix, range), "{text}");
        }
    }

    #[test]
    fn what_a_driver_does_not_say_is_v4l2s_default() {
        let of = |colorspace| {
            yuv_of(&Colorimetry {
                colorspace,
                ..Colorimetry::default()
            })
        };
        let limited = VideoColorRange::Range16_235;
        assert_eq!(of(8), (VideoColorMatrix::Bt601, limited), "sRGB");
        assert_eq!(of(3), (VideoColorMatrix::Bt709, limited), "Rec. 709");
        let full = VideoColorRange::Range0_255;
        assert_eq!(of(7), (VideoColorMatrix::Bt601, full), "JPEG");
    }
}
