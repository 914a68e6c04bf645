use dmabuf_heap::{FormatSet, YuvColor};

use super::Clock;

/// What a compositor offers beyond the core protocol, as far as it matters to video.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Offers {
    /// Version of `zwp_linux_dmabuf_v1` in use, 3 to 5; `None` if dma-bufs cannot be imported at all.
    pub dmabuf_version: Option<u32>,
    /// The version that the compositor has, also if it is too old to be of use.
    pub dmabuf_announced: Option<u32>,
    /// Whether surfaces can be cropped and scaled (`wp_viewporter`).
    pub has_viewporter: bool,
    /// The clock of presentation times (`wp_presentation`); `None` if it tells none.
    pub presentation_clock: Option<Clock>,
    /// What `wl_shm` takes; all of it linear.
    pub shm_formats: FormatSet,
    /// How colours of YUV frames are understood.
    pub yuv: YuvSupport,
}

/// How a compositor understands the colours of YUV frames.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum YuvSupport {
    /// It is told with every frame (`wp_color_representation_manager_v1`) and knows these.
    Told(Vec<YuvColor>),
    /// It cannot be told. This is what compositors without that protocol take YUV for: Weston up to 14 and wlroots
    /// decode all of it so.
    Assumed(YuvColor),
}

impl YuvSupport {
    /// Whether frames of this matrix and range are shown in the right colours.
    pub fn knows(&self, color: YuvColor) -> bool {
        let is_same =
            |known: &YuvColor| (known.encoding, known.range) == (color.encoding, color.range);
        match self {
            YuvSupport::Told(known) => known.iter().any(is_same),
            YuvSupport::Assumed(assumed) => is_same(assumed),
        }
    }
}

impl Default for YuvSupport {
    fn default() -> YuvSupport {
        YuvSupport::Assumed(YuvColor::new(
            dmabuf_heap::YuvEncoding::Bt601,
            dmabuf_heap::YuvRange::Limited,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmabuf_heap::{ChromaSiting, YuvEncoding, YuvRange};

    #[test]
    fn colours_are_known_by_matrix_and_range_wherever_chroma_lies() {
        let bt601 = YuvColor::new(YuvEncoding::Bt601, YuvRange::Limited);
        let bt709 = YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited);
        assert!(YuvSupport::default().knows(bt601.sited(ChromaSiting::Left)));
        assert!(!YuvSupport::default().knows(bt709));
        assert!(YuvSupport::Told(vec![bt709]).knows(bt709));
        assert!(!YuvSupport::Told(vec![bt709]).knows(bt601));
    }
}
