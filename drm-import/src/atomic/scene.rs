use std::sync::Arc;

use super::Placement;
use crate::framebuffer::Framebuffer;

/// What one CRTC shall show; the whole of it, so that commits need no history.
#[derive(Clone, Debug)]
pub(crate) enum Scene {
    /// A frame on a plane.
    Picture(Picture),
    /// The CRTC is lit, all its planes are off.
    Blank,
    /// The CRTC is off: the last resort where a driver refuses a lit CRTC without planes.
    Off,
}

/// A frame on a plane.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) framebuffer: Arc<Framebuffer>,
    pub(crate) placement: Placement,
    /// Index of the plane in its pipeline.
    pub(crate) plane: usize,
    /// Whether a black primary plane must lie beneath.
    pub(crate) backdrop: bool,
}

impl Scene {
    pub(crate) fn picture(&self) -> Option<&Picture> {
        match self {
            Scene::Picture(picture) => Some(picture),
            Scene::Blank | Scene::Off => None,
        }
    }
}
