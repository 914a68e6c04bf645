//! The colours of the frames, told to the compositor.

use dmabuf_heap::{ChromaSiting, YuvColor, YuvEncoding, YuvRange};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::color_representation::v1::client::wp_color_representation_surface_v1::{
    ChromaLocation, Coefficients, Range, WpColorRepresentationSurfaceV1,
};

use super::view::View;
use crate::client::Ignored;
use crate::link::Link;

/// What the compositor knows of the colours of a surface.
#[derive(Debug, Default)]
pub(super) struct ColorState {
    object: Option<WpColorRepresentationSurfaceV1>,
    told: Option<YuvColor>,
}

impl ColorState {
    /// Tells the colours of the frame that is committed next, if they have changed and the compositor can be told.
    ///
    /// What has been told cannot be taken back but by making the object anew, and of a format without such colours it would
    /// end the connection (`pixel_format`).
    pub(super) fn tell(&mut self, link: &Link, surface: &WlSurface, view: &View) {
        let Some(manager) = &link.globals.color else {
            return;
        };
        let known = view.color.filter(|color| link.offers.yuv.knows(*color));
        let wanted = known.map(|color| YuvColor {
            siting: color.siting.filter(|_| view.has_420_chroma),
            ..color
        });
        if wanted == self.told {
            return;
        }
        self.forget();
        let Some(color) = wanted else {
            return;
        };
        let object = manager.get_surface(surface, &link.handle, Ignored);
        object.set_coefficients_and_range(coefficients(color.encoding), range(color.range));
        if let Some(siting) = color.siting {
            object.set_chroma_location(location(siting));
        }
        self.object = Some(object);
        self.told = Some(color);
    }

    /// Leaves colours to the compositor.
    pub(super) fn forget(&mut self) {
        self.told = None;
        if let Some(object) = self.object.take() {
            object.destroy();
        }
    }
}

fn coefficients(encoding: YuvEncoding) -> Coefficients {
    match encoding {
        YuvEncoding::Bt601 => Coefficients::Bt601,
        YuvEncoding::Bt709 => Coefficients::Bt709,
        YuvEncoding::Bt2020 => Coefficients::Bt2020,
    }
}

fn range(range: YuvRange) -> Range {
    match range {
        YuvRange::Limited => Range::Limited,
        YuvRange::Full => Range::Full,
    }
}

fn location(siting: ChromaSiting) -> ChromaLocation {
    match siting {
        ChromaSiting::Left => ChromaLocation::Type0,
        ChromaSiting::Center => ChromaLocation::Type1,
        ChromaSiting::TopLeft => ChromaLocation::Type2,
        ChromaSiting::Top => ChromaLocation::Type3,
        ChromaSiting::BottomLeft => ChromaLocation::Type4,
        ChromaSiting::Bottom => ChromaLocation::Type5,
    }
}
