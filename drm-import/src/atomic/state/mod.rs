#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use drm::control::{RawResourceHandle, property};

use super::{Blob, Picture, Placement, Scene, YuvEncoding, YuvRange};
use crate::device::Change;
use crate::framebuffer::Framebuffer;
use crate::output::Pipeline;
use crate::property::Properties;

const ROTATE_0: u64 = 1;
const OPAQUE: u64 = 0xffff;

/// The values that the properties of one pipeline have in the kernel, as far as this process knows.
///
/// A commit names only what differs from them, in the steady state `FB_ID` alone. It also holds what was
/// found, which is what goes back on exit.
#[derive(Debug)]
pub(crate) struct AtomicState {
    applied: HashMap<Key, u64>,
    found: HashMap<Key, u64>,
    touched: HashSet<Key>,
    mode: ModeChoice,
    backdrop: Option<Framebuffer>,
}

type Key = (RawResourceHandle, property::Handle);

/// The mode that the CRTC runs in while it is ours.
#[derive(Debug)]
pub(crate) enum ModeChoice {
    /// The one it was lit with.
    Found(u64),
    /// Ours; and a copy of the one that goes back.
    Set { ours: Blob, found: Option<Blob> },
}

/// What a commit sets.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Values that stay.
    pub(crate) lasting: Vec<Change>,
    /// Values that the kernel takes once and forgets, such as a writeback job.
    pub(crate) once: Vec<Change>,
    /// Whether the commit needs `ALLOW_MODESET`.
    pub(crate) modeset: bool,
}

impl AtomicState {
    /// Starts from what `pipeline` was found with.
    pub(crate) fn new(pipeline: &Pipeline, mode: ModeChoice) -> AtomicState {
        let mut found = HashMap::new();
        for properties in pipeline.all_properties() {
            for (handle, value) in properties.iter() {
                found.insert((properties.object(), handle), value);
            }
        }
        let applied = found.clone();
        if let ModeChoice::Set {
            found: Some(copy), ..
        } = &mode
            && let Some(handle) = pipeline.crtc.handle("MODE_ID")
        {
            found.insert((pipeline.crtc.object(), handle), copy.id());
        }
        AtomicState {
            applied,
            found,
            touched: HashSet::new(),
            mode,
            backdrop: None,
        }
    }

    /// What must change so that `scene` is shown.
    pub(crate) fn changes(&self, pipeline: &Pipeline, scene: &Scene) -> Changes {
        let mut changes = Changes::default();
        match scene {
            Scene::Off => self.darken(pipeline, &mut changes),
            Scene::Picture(_) | Scene::Blank => self.light(pipeline, &mut changes),
        }
        for (index, plane) in pipeline.planes.iter().enumerate() {
            let properties = &plane.properties;
            match scene.picture() {
                Some(picture) if picture.plane == index => {
                    self.set_picture(pipeline, properties, picture, &mut changes);
                }
                Some(picture) if picture.backdrop && Some(index) == pipeline.primary() => {
                    self.set_backdrop(pipeline, properties, &mut changes);
                }
                // The application's own planes stay as they are, until we have used one.
                _ if pipeline.is_exclusive || self.is_touched(properties) => {
                    self.set(properties, "FB_ID", 0, &mut changes);
                    self.set(properties, "CRTC_ID", 0, &mut changes);
                }
                _ => {}
            }
        }
        changes
    }

    /// Everything that was changed and differs from what was found.
    pub(crate) fn restoration(&self) -> Vec<Change> {
        let differs = |key: &Key| {
            let found = *self.found.get(key)?;
            (self.applied.get(key) != Some(&found)).then_some((key.0, key.1, found))
        };
        self.touched.iter().filter_map(differs).collect()
    }

    /// Everything off: what remains where the found state cannot be put back.
    pub(crate) fn darkness(&self, pipeline: &Pipeline) -> Changes {
        let mut changes = self.changes(pipeline, &Scene::Off);
        if let Some(writeback) = &pipeline.writeback {
            self.set(&writeback.properties, "CRTC_ID", 0, &mut changes);
        }
        changes.modeset = true;
        changes
    }

    /// The kernel has taken these values.
    pub(crate) fn applied(&mut self, lasting: &[Change]) {
        for &(object, property, value) in lasting {
            self.applied.insert((object, property), value);
            self.touched.insert((object, property));
        }
    }

    /// Forgets what the kernel was told: another master has been there.
    pub(crate) fn forget(&mut self) {
        self.applied.clear();
    }

    pub(crate) fn has_backdrop(&self) -> bool {
        self.backdrop.is_some()
    }

    pub(crate) fn set_backdrop_framebuffer(&mut self, framebuffer: Framebuffer) {
        self.backdrop = Some(framebuffer);
    }

    /// Adds a change unless the kernel has that value already.
    pub(crate) fn set(
        &self,
        properties: &Properties,
        name: &str,
        value: u64,
        changes: &mut Changes,
    ) -> bool {
        let Some(handle) = properties.handle(name) else {
            return false;
        };
        let differs = self.applied.get(&(properties.object(), handle)) != Some(&value);
        if differs {
            changes.lasting.push((properties.object(), handle, value));
        }
        differs
    }

    fn light(&self, pipeline: &Pipeline, changes: &mut Changes) {
        let mode = match &self.mode {
            ModeChoice::Found(id) => *id,
            ModeChoice::Set { ours, .. } => ours.id(),
        };
        let crtc = u64::from(pipeline.crtc.object().get());
        self.route(pipeline, crtc, mode, true, changes);
    }

    /// Takes the mode away, too: drivers that want the primary plane want it on whenever there is one, also on a CRTC
    /// that is not active.
    fn darken(&self, pipeline: &Pipeline, changes: &mut Changes) {
        self.route(pipeline, 0, 0, false, changes);
    }

    fn route(
        &self,
        pipeline: &Pipeline,
        crtc: u64,
        mode: u64,
        is_active: bool,
        changes: &mut Changes,
    ) {
        changes.modeset |= self.set(&pipeline.connector, "CRTC_ID", crtc, changes);
        changes.modeset |= self.set(&pipeline.crtc, "MODE_ID", mode, changes);
        changes.modeset |= self.set(&pipeline.crtc, "ACTIVE", is_active.into(), changes);
    }

    fn set_picture(
        &self,
        pipeline: &Pipeline,
        plane: &Properties,
        picture: &Picture,
        changes: &mut Changes,
    ) {
        // The kernel flips a plane that a commit names, so the framebuffer is named even if it is the same.
        push(plane, "FB_ID", picture.framebuffer.id().into(), changes);
        self.set(
            plane,
            "CRTC_ID",
            pipeline.crtc.object().get().into(),
            changes,
        );
        self.set_rectangles(plane, &picture.placement, changes);
        self.set(plane, "rotation", ROTATE_0, changes);
        self.set(plane, "alpha", OPAQUE, changes);
        if let Some(color) = picture.placement.color {
            let encoding = match color.encoding {
                YuvEncoding::Bt601 => "ITU-R BT.601 YCbCr",
                YuvEncoding::Bt709 => "ITU-R BT.709 YCbCr",
                YuvEncoding::Bt2020 => "ITU-R BT.2020 YCbCr",
            };
            let range = match color.range {
                YuvRange::Limited => "YCbCr limited range",
                YuvRange::Full => "YCbCr full range",
            };
            for (name, entry) in [("COLOR_ENCODING", encoding), ("COLOR_RANGE", range)] {
                if let Some(value) = plane.entry(name, entry) {
                    self.set(plane, name, value, changes);
                }
            }
        }
    }

    fn set_backdrop(&self, pipeline: &Pipeline, plane: &Properties, changes: &mut Changes) {
        let Some(framebuffer) = &self.backdrop else {
            return;
        };
        let whole = super::Rect::new(0, 0, pipeline.mode.width, pipeline.mode.height);
        self.set(plane, "FB_ID", framebuffer.id().into(), changes);
        self.set(
            plane,
            "CRTC_ID",
            pipeline.crtc.object().get().into(),
            changes,
        );
        self.set_rectangles(
            plane,
            &Placement {
                source: whole,
                dest: whole,
                color: None,
            },
            changes,
        );
        self.set(plane, "rotation", ROTATE_0, changes);
        self.set(plane, "alpha", OPAQUE, changes);
    }

    fn set_rectangles(&self, plane: &Properties, placement: &Placement, changes: &mut Changes) {
        let Placement { source, dest, .. } = placement;
        let values = [
            // The source is in 16.16 fixed point.
            ("SRC_X", u64::from(source.x) << 16),
            ("SRC_Y", u64::from(source.y) << 16),
            ("SRC_W", u64::from(source.width) << 16),
            ("SRC_H", u64::from(source.height) << 16),
            ("CRTC_X", dest.x.into()),
            ("CRTC_Y", dest.y.into()),
            ("CRTC_W", dest.width.into()),
            ("CRTC_H", dest.height.into()),
        ];
        for (name, value) in values {
            self.set(plane, name, value, changes);
        }
    }

    fn is_touched(&self, plane: &Properties) -> bool {
        plane
            .handle("FB_ID")
            .is_some_and(|handle| self.touched.contains(&(plane.object(), handle)))
    }
}

/// Adds a change whatever the kernel has.
fn push(properties: &Properties, name: &str, value: u64, changes: &mut Changes) {
    if let Some(handle) = properties.handle(name) {
        changes.lasting.push((properties.object(), handle, value));
    }
}

impl Changes {
    /// Adds a value that the kernel takes once.
    pub(crate) fn push_once(&mut self, properties: &Properties, name: &str, value: u64) {
        if let Some(handle) = properties.handle(name) {
            self.once.push((properties.object(), handle, value));
        }
    }

    /// All of them, for one commit.
    pub(crate) fn all(&self) -> Vec<Change> {
        [self.lasting.as_slice(), self.once.as_slice()].concat()
    }
}
