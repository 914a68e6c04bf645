//! How the picture is turned: what the application says, or where it leaves that to the stream, what that says in its tags.

use dmabuf_heap::Orientation;
use gst_video::VideoOrientationMethod;

/// The property of the interface `GstVideoDirection`.
pub(crate) const VIDEO_DIRECTION: &str = "video-direction";

/// What is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Direction {
    /// The property.
    pub(crate) chosen: VideoOrientationMethod,
    tagged: VideoOrientationMethod,
}

impl Direction {
    /// Follows an event of the stream; false if nothing changes by it.
    pub(crate) fn hear(&mut self, event: &gst::Event) -> bool {
        let before = self.orientation();
        match event.view() {
            gst::EventView::StreamStart(_) => self.forget(),
            gst::EventView::Tag(event) => {
                if let Some(tagged) = VideoOrientationMethod::from_tag(event.tag()) {
                    self.tagged = tagged;
                }
            }
            _ => {}
        }
        self.orientation() != before
    }

    /// Forgets what the stream said.
    pub(crate) fn forget(&mut self) {
        self.tagged = VideoOrientationMethod::Identity;
    }

    /// How frames are turned.
    pub(crate) fn orientation(self) -> Orientation {
        let method = match self.chosen {
            VideoOrientationMethod::Auto => self.tagged,
            chosen => chosen,
        };
        match method {
            VideoOrientationMethod::_90r => Orientation::Rotate90,
            VideoOrientationMethod::_180 => Orientation::Rotate180,
            VideoOrientationMethod::_90l => Orientation::Rotate270,
            VideoOrientationMethod::Horiz => Orientation::FlipHorizontal,
            VideoOrientationMethod::Vert => Orientation::FlipVertical,
            VideoOrientationMethod::UlLr => Orientation::Transpose,
            VideoOrientationMethod::UrLl => Orientation::Transverse,
            // "custom" has its numbers nowhere.
            _ => Orientation::Identity,
        }
    }
}

impl Default for Direction {
    fn default() -> Self {
        Self {
            chosen: VideoOrientationMethod::Identity,
            tagged: VideoOrientationMethod::Identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(orientation: &str) -> gst::Event {
        let mut tags = gst::TagList::new();
        let list = tags.make_mut();
        list.add::<gst::tags::ImageOrientation>(&orientation, gst::TagMergeMode::Append);
        gst::event::Tag::new(tags)
    }

    #[test]
    fn tags_count_where_the_application_leaves_it_to_them() {
        gst::init().expect("GStreamer initialises");
        let mut direction = Direction::default();
        assert!(!direction.hear(&tag("rotate-90")));
        assert_eq!(direction.orientation(), Orientation::Identity);
        direction.chosen = VideoOrientationMethod::Auto;
        assert_eq!(direction.orientation(), Orientation::Rotate90);
        assert!(direction.hear(&tag("flip-rotate-0")));
        assert_eq!(direction.orientation(), Orientation::FlipHorizontal);
        assert!(direction.hear(&gst::event::StreamStart::new("next")));
        assert_eq!(direction.orientation(), Orientation::Identity);
        let other = gst::event::Tag::new(gst::TagList::new());
        assert!(!direction.hear(&other));
    }
}
