//! How the picture is turned, in the words of GStreamer and of the backends.

use cpu_convert::Orientation;
use gst_video::VideoOrientationMethod;

/// What GStreamer's word means; `tagged` is what the stream says of itself, for `auto`.
pub(super) fn orientation_of(
    method: VideoOrientationMethod,
    tagged: Option<VideoOrientationMethod>,
) -> Orientation {
    match method {
        VideoOrientationMethod::_90r => Orientation::Rotate90,
        VideoOrientationMethod::_180 => Orientation::Rotate180,
        VideoOrientationMethod::_90l => Orientation::Rotate270,
        VideoOrientationMethod::Horiz => Orientation::FlipHorizontal,
        VideoOrientationMethod::Vert => Orientation::FlipVertical,
        VideoOrientationMethod::UlLr => Orientation::Transpose,
        VideoOrientationMethod::UrLl => Orientation::Transverse,
        VideoOrientationMethod::Auto => match tagged {
            Some(VideoOrientationMethod::Auto) | None => Orientation::Identity,
            Some(tagged) => orientation_of(tagged, None),
        },
        _ => Orientation::Identity,
    }
}

/// As the nicks of `video-direction` say it.
pub(super) const fn name(orientation: Orientation) -> &'static str {
    match orientation {
        Orientation::Identity => "as it is",
        Orientation::Rotate90 => "turned by 90 degrees",
        Orientation::Rotate180 => "turned by 180 degrees",
        Orientation::Rotate270 => "turned by 270 degrees",
        Orientation::FlipHorizontal => "flipped horizontally",
        Orientation::FlipVertical => "flipped vertically",
        Orientation::Transpose => "mirrored at the diagonal",
        Orientation::Transverse => "mirrored at the other diagonal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_says_how_it_is_turned_is_believed_in_auto_only() {
        let tagged = Some(VideoOrientationMethod::_90r);
        let auto = VideoOrientationMethod::Auto;
        assert_eq!(orientation_of(auto, tagged), Orientation::Rotate90);
        assert_eq!(orientation_of(auto, None), Orientation::Identity);
        let vertical = VideoOrientationMethod::Vert;
        assert_eq!(orientation_of(vertical, tagged), Orientation::FlipVertical);
    }
}
