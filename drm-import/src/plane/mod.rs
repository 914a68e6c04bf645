//! Planes: what each takes, and which one to try first.

mod choice;
mod in_formats;

use std::io;

use dmabuf_heap::{Format, FormatSet, Fourcc, Modifier};
use drm::control::{Device as _, ResourceHandles, plane};
use tracing::warn;

pub use choice::PlaneKind;
pub(crate) use choice::{Candidate, order, takes};

use crate::device::Card;
use crate::property::Properties;

/// A plane of one CRTC with its properties and formats, read once.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) id: u32,
    pub(crate) kind: PlaneKind,
    pub(crate) formats: FormatSet,
    pub(crate) properties: Properties,
}

impl Plane {
    fn read(card: &Card, handle: plane::Handle, fourccs: &[u32]) -> io::Result<Plane> {
        let properties = Properties::read(card, handle)?;
        Ok(Plane {
            id: handle.into(),
            kind: kind(&properties),
            formats: formats(card, handle.into(), &properties, fourccs),
            properties,
        })
    }

    /// What the choice of a plane needs to know.
    pub(crate) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: self.id,
            kind: self.kind,
            formats: &self.formats,
        }
    }
}

/// The planes that can serve `crtc` and serve no other CRTC now.
pub(crate) fn of_crtc(
    card: &Card,
    resources: &ResourceHandles,
    crtc: drm::control::crtc::Handle,
) -> io::Result<Vec<Plane>> {
    let mut planes = Vec::new();
    for handle in card.plane_handles()? {
        let info = card.get_plane(handle)?;
        let possible = resources
            .filter_crtcs(info.possible_crtcs())
            .contains(&crtc);
        if possible && info.crtc().is_none_or(|used_by| used_by == crtc) {
            planes.push(Plane::read(card, handle, info.formats())?);
        }
    }
    Ok(planes)
}

/// What the planes of a card take between them, but for cursors.
pub(crate) fn all_formats(card: &Card) -> io::Result<FormatSet> {
    let mut all = FormatSet::new();
    for handle in card.plane_handles()? {
        let info = card.get_plane(handle)?;
        let plane = Plane::read(card, handle, info.formats())?;
        if plane.kind != PlaneKind::Cursor {
            plane.formats.iter().for_each(|format| {
                all.insert(format);
            });
        }
    }
    Ok(all)
}

fn kind(properties: &Properties) -> PlaneKind {
    let found = properties.found("type");
    let is = |name| found.is_some() && found == properties.entry("type", name);
    if is("Primary") {
        PlaneKind::Primary
    } else if is("Cursor") {
        PlaneKind::Cursor
    } else {
        PlaneKind::Overlay
    }
}

/// Formats with modifiers where the driver lists them; else each fourcc as linear and as implicit.
fn formats(card: &Card, id: u32, properties: &Properties, fourccs: &[u32]) -> FormatSet {
    if let Some(blob) = properties.found("IN_FORMATS").filter(|&blob| blob != 0) {
        match card
            .get_property_blob(blob)
            .map(|bytes| in_formats::parse(&bytes))
        {
            Ok(Ok(formats)) => return formats,
            Ok(Err(error)) => warn!(card = %card, plane = id, %error, "IN_FORMATS is unreadable"),
            Err(error) => warn!(card = %card, plane = id, %error, "IN_FORMATS cannot be fetched"),
        }
    }
    fourccs
        .iter()
        .flat_map(|&fourcc| {
            [Modifier::LINEAR, Modifier::INVALID].map(|modifier| Format {
                fourcc: Fourcc(fourcc),
                modifier,
            })
        })
        .collect()
}
