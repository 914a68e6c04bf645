//! What pixels stand for, in V4L2's words and in GStreamer's.

use gst_video::{
    VideoColorMatrix as Matrix, VideoColorPrimaries as Primaries, VideoColorRange as Range,
    VideoColorimetry, VideoTransferFunction as Transfer,
};
use v4l2_import::Colorimetry;

/// `enum v4l2_colorspace`
mod space {
    pub(super) const SMPTE_170M: u32 = 1;
    pub(super) const SMPTE_240M: u32 = 2;
    pub(super) const REC_709: u32 = 3;
    pub(super) const SYSTEM_M: u32 = 5;
    pub(super) const SYSTEM_BG: u32 = 6;
    pub(super) const JPEG: u32 = 7;
    pub(super) const SRGB: u32 = 8;
    pub(super) const OPRGB: u32 = 9;
    pub(super) const BT_2020: u32 = 10;
    pub(super) const RAW: u32 = 11;
    pub(super) const DCI_P3: u32 = 12;
}

/// GStreamer's colorimetry of pictures of a V4L2 queue; `None` if the driver says nothing.
///
/// What is left to the colour space is filled in by the rules of `V4L2_MAP_XFER_FUNC_DEFAULT`, `V4L2_MAP_YCBCR_ENC_DEFAULT` and
/// `V4L2_MAP_QUANTIZATION_DEFAULT` (`include/uapi/linux/videodev2.h`).
pub(crate) fn colorimetry(v4l2: Colorimetry, is_rgb: bool) -> Option<VideoColorimetry> {
    let primaries = primaries(v4l2.colorspace)?;
    Some(VideoColorimetry::new(
        range(v4l2, is_rgb),
        if is_rgb { Matrix::Rgb } else { matrix(v4l2) },
        transfer(v4l2),
        primaries,
    ))
}

/// What a driver is told of pixels.
pub(crate) fn to_v4l2(color: &VideoColorimetry) -> Colorimetry {
    Colorimetry {
        colorspace: match color.primaries() {
            Primaries::Smpte170m => space::SMPTE_170M,
            Primaries::Smpte240m => space::SMPTE_240M,
            Primaries::Bt709 if color.matrix() == Matrix::Rgb => space::SRGB,
            Primaries::Bt709 => space::REC_709,
            Primaries::Bt470m => space::SYSTEM_M,
            Primaries::Bt470bg => space::SYSTEM_BG,
            Primaries::Adobergb => space::OPRGB,
            Primaries::Bt2020 => space::BT_2020,
            Primaries::Smpterp431 => space::DCI_P3,
            _ => 0,
        },
        ycbcr_encoding: match color.matrix() {
            Matrix::Bt601 => 1,
            Matrix::Bt709 => 2,
            Matrix::Bt2020 => 6,
            Matrix::Smpte240m => 8,
            _ => 0,
        },
        // RGB is of full range as a matter of course; to say so would make the YUV that some drivers make of it so, too.
        quantization: match (color.matrix(), color.range()) {
            (Matrix::Rgb, _) => 0,
            (_, Range::Range0_255) => 1,
            (_, Range::Range16_235) => 2,
            _ => 0,
        },
        transfer: match color.transfer() {
            Transfer::Bt709 | Transfer::Bt601 => 1,
            Transfer::Srgb => 2,
            Transfer::Adobergb => 3,
            Transfer::Smpte240m => 4,
            Transfer::Gamma10 => 5,
            Transfer::Smpte2084 => 7,
            _ => 0,
        },
    }
}

fn primaries(colorspace: u32) -> Option<Primaries> {
    Some(match colorspace {
        space::SMPTE_170M => Primaries::Smpte170m,
        space::SMPTE_240M => Primaries::Smpte240m,
        space::REC_709 | space::JPEG | space::SRGB => Primaries::Bt709,
        space::SYSTEM_M => Primaries::Bt470m,
        space::SYSTEM_BG => Primaries::Bt470bg,
        space::OPRGB => Primaries::Adobergb,
        space::BT_2020 => Primaries::Bt2020,
        space::DCI_P3 => Primaries::Smpterp431,
        _ => return None,
    })
}

fn range(v4l2: Colorimetry, is_rgb: bool) -> Range {
    match v4l2.quantization {
        1 => Range::Range0_255,
        2 => Range::Range16_235,
        _ if is_rgb || v4l2.colorspace == space::JPEG => Range::Range0_255,
        _ => Range::Range16_235,
    }
}

fn matrix(v4l2: Colorimetry) -> Matrix {
    match (v4l2.ycbcr_encoding, v4l2.colorspace) {
        (2 | 4, _) | (0, space::REC_709 | space::DCI_P3) => Matrix::Bt709,
        (6 | 7, _) | (0, space::BT_2020) => Matrix::Bt2020,
        (8, _) | (0, space::SMPTE_240M) => Matrix::Smpte240m,
        _ => Matrix::Bt601,
    }
}

fn transfer(v4l2: Colorimetry) -> Transfer {
    match (v4l2.transfer, v4l2.colorspace) {
        (2, _) | (0, space::SRGB | space::JPEG) => Transfer::Srgb,
        (3, _) | (0, space::OPRGB) => Transfer::Adobergb,
        (4, _) | (0, space::SMPTE_240M) => Transfer::Smpte240m,
        (5, _) | (0, space::RAW) => Transfer::Gamma10,
        (7, _) => Transfer::Smpte2084,
        // The same curve, which GStreamer names by the standard it is used with.
        (_, space::SMPTE_170M) => Transfer::Bt601,
        _ => Transfer::Bt709,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(colorspace: u32, is_rgb: bool) -> String {
        gst::init().expect("GStreamer");
        let v4l2 = Colorimetry {
            colorspace,
            ..Colorimetry::default()
        };
        let colorimetry = colorimetry(v4l2, is_rgb);
        colorimetry.map_or_else(|| "none".to_owned(), |it| it.to_string())
    }

    #[test]
    fn usual_colour_spaces_have_their_usual_names() {
        for (colorspace, is_rgb, name) in [
            (space::SMPTE_170M, false, "bt601"),
            (space::REC_709, false, "bt709"),
            (space::BT_2020, false, "2:6:5:7"),
            (space::SRGB, true, "sRGB"),
            (space::SMPTE_240M, false, "smpte240m"),
            (0, false, "none"),
        ] {
            assert_eq!(text(colorspace, is_rgb), name, "{colorspace}");
        }
    }

    #[test]
    fn colours_keep_their_meaning_on_the_way_through_v4l2() {
        gst::init().expect("GStreamer");
        for name in ["bt601", "bt709", "smpte240m", "1:4:16:4", "2:6:5:7"] {
            let color: VideoColorimetry = name.parse().expect(name);
            assert_eq!(colorimetry(to_v4l2(&color), false), Some(color), "{name}");
        }
        let rgb: VideoColorimetry = "sRGB".parse().expect("sRGB");
        assert_eq!(colorimetry(to_v4l2(&rgb), true), Some(rgb));
    }

    #[test]
    fn what_the_driver_says_is_not_the_default_of_the_space() {
        gst::init().expect("GStreamer");
        let v4l2 = Colorimetry {
            colorspace: space::SRGB,
            ycbcr_encoding: 2,
            quantization: 1,
            transfer: 1,
        };
        let colorimetry = colorimetry(v4l2, false).expect("known");
        assert_eq!(colorimetry.matrix(), Matrix::Bt709);
        assert_eq!(colorimetry.range(), Range::Range0_255);
        assert_eq!(colorimetry.transfer(), Transfer::Bt709);
    }
}
