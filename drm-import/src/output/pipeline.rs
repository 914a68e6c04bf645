use std::sync::Arc;

use dmabuf_heap::{Format, FormatSet};
use drm::control::{Device as _, RawResourceHandle, crtc};

use super::{ConfigureError, OutputError};
use crate::atomic::{AtomicState, Blob};
use crate::connector::{Mode, Route, route};
use crate::device::{Device, Origin};
use crate::plane::{self, Plane, PlaneKind};
use crate::property::Properties;
use crate::writeback::Writeback;

/// The objects of one output, with their properties as they were found. Never changes.
#[derive(Debug)]
pub(crate) struct Pipeline {
    /// Card and connector, for errors.
    pub(crate) name: String,
    pub(crate) connector_name: String,
    pub(crate) connector: Properties,
    pub(crate) crtc: Properties,
    /// Position of the CRTC among those of the card, which old calls name it by.
    pub(crate) crtc_index: u32,
    pub(crate) planes: Vec<Plane>,
    pub(crate) writeback: Option<Writeback>,
    pub(crate) mode: Mode,
    /// Whether the other planes of the CRTC are ours to switch off.
    pub(crate) is_exclusive: bool,
    /// The plane that the user named.
    pub(crate) wanted_plane: Option<u32>,
    pub(crate) formats: FormatSet,
    pub(crate) min_size: (u32, u32),
    pub(crate) max_size: (u32, u32),
}

impl Pipeline {
    /// Finds connector, CRTC and planes. The ids it will use are claimed on the device; whoever drops the
    /// output releases them.
    pub(super) fn find(
        device: &Arc<Device>,
        wanted_connector: Option<u32>,
        wanted_plane: Option<u32>,
    ) -> Result<(Pipeline, AtomicState), OutputError> {
        let route =
            route(device, wanted_connector).map_err(|error| OutputError::route(device, error))?;
        let ids = [route.connector.into(), route.crtc.into()];
        if !device.claim(&ids) {
            let reason = format!("{} was taken by another output of this process", route.name);
            return Err(OutputError::NoRoute {
                device: device.card().to_string(),
                reason,
            });
        }
        let result = Self::read(device, &route, wanted_plane);
        if result.is_err() {
            device.release(&ids);
        }
        result
    }

    fn read(
        device: &Arc<Device>,
        route: &Route,
        wanted_plane: Option<u32>,
    ) -> Result<(Pipeline, AtomicState), OutputError> {
        let card = device.card();
        let kernel = |what| OutputError::kernel(device, what);
        let connector =
            Properties::read(card, route.connector).map_err(kernel("reading the connector"))?;
        let crtc = Properties::read(card, route.crtc).map_err(kernel("reading the CRTC"))?;
        let planes = plane::of_crtc(card, device.resources(), route.crtc)
            .map_err(kernel("reading the planes"))?;
        check_planes(device, &planes, wanted_plane, crtc.object())?;
        let (mode, choice) = choose_mode(device, route, &connector, &crtc)?;
        let (min_size, max_size) = device.size_bounds();
        let pipeline = Pipeline {
            name: format!("{card} {}", route.name),
            connector_name: route.name.clone(),
            crtc_index: position(device, route.crtc),
            writeback: Writeback::find(device, route.crtc)
                .map_err(kernel("reading the writeback connector"))?,
            formats: usable(&planes, wanted_plane)
                .flat_map(|plane| plane.formats.iter())
                .collect(),
            mode,
            is_exclusive: device.origin() == Origin::Opened,
            wanted_plane,
            min_size,
            max_size,
            connector,
            crtc,
            planes,
        };
        let state = AtomicState::new(&pipeline, choice);
        Ok((pipeline, state))
    }

    /// Indices of the planes to try for `format`, the best one first.
    pub(super) fn planes_for(
        &self,
        format: Format,
        current: Option<usize>,
    ) -> Result<Vec<usize>, ConfigureError> {
        let candidates: Vec<_> = self.planes.iter().map(Plane::candidate).collect();
        let current = current.map(|index| self.planes[index].id);
        let order = plane::order(&candidates, format, self.wanted_plane, current);
        if order.is_empty() {
            let formats = self.formats.clone();
            return Err(ConfigureError::Format {
                output: self.name.clone(),
                format,
                formats,
            });
        }
        Ok(order)
    }

    /// Whether frames of this size can be framebuffers at all.
    pub(super) fn check_size(&self, width: u32, height: u32) -> Result<(), ConfigureError> {
        let (min, max) = (self.min_size, self.max_size);
        if (min.0..=max.0).contains(&width) && (min.1..=max.1).contains(&height) {
            return Ok(());
        }
        Err(ConfigureError::Size {
            output: self.name.clone(),
            size: (width, height),
            min,
            max,
        })
    }

    pub(crate) fn primary(&self) -> Option<usize> {
        self.planes
            .iter()
            .position(|plane| plane.kind == PlaneKind::Primary)
    }

    pub(crate) fn connectors(&self) -> impl Iterator<Item = &Properties> {
        let writeback = self.writeback.iter().map(|writeback| &writeback.properties);
        std::iter::once(&self.connector).chain(writeback)
    }

    pub(crate) fn all_properties(&self) -> impl Iterator<Item = &Properties> {
        let planes = self.planes.iter().map(|plane| &plane.properties);
        self.connectors()
            .chain(std::iter::once(&self.crtc))
            .chain(planes)
    }

    pub(crate) fn crtc_id(&self) -> u32 {
        self.crtc.object().get()
    }

    pub(crate) fn connector_id(&self) -> u32 {
        self.connector.object().get()
    }
}

fn usable(planes: &[Plane], wanted: Option<u32>) -> impl Iterator<Item = &Plane> {
    planes.iter().filter(move |plane| match wanted {
        Some(id) => plane.id == id,
        None => plane.kind != PlaneKind::Cursor,
    })
}

fn check_planes(
    device: &Device,
    planes: &[Plane],
    wanted: Option<u32>,
    crtc: RawResourceHandle,
) -> Result<(), OutputError> {
    if usable(planes, wanted).next().is_some() {
        return Ok(());
    }
    let known: Vec<_> = planes
        .iter()
        .map(|plane| format!("{} ({:?})", plane.id, plane.kind))
        .collect();
    Err(OutputError::NoPlane {
        device: device.card().to_string(),
        plane: wanted.unwrap_or(0),
        crtc: crtc.get(),
        known: if known.is_empty() {
            "none".into()
        } else {
            known.join(", ")
        },
    })
}

/// The mode that the CRTC is lit with for this very connector, else the one that the display prefers.
fn choose_mode(
    device: &Arc<Device>,
    route: &Route,
    connector: &Properties,
    crtc: &Properties,
) -> Result<(Mode, crate::atomic::ModeChoice), OutputError> {
    use crate::atomic::ModeChoice;
    let card = device.card();
    let kernel = |what| OutputError::kernel(device, what);
    let found = crtc.found("MODE_ID").filter(|&id| id != 0);
    let drives_us = connector.found("CRTC_ID") == Some(crtc.object().get().into());
    let current = card
        .get_crtc(route.crtc)
        .map_err(kernel("DRM_IOCTL_MODE_GETCRTC"))?
        .mode();
    if let (Some(id), true, Some(mode)) = (found, drives_us, current) {
        return Ok((Mode::from_kernel(&mode), ModeChoice::Found(id)));
    }
    let mode = route.preferred.ok_or_else(|| OutputError::NoMode {
        device: card.to_string(),
        connector: route.name.clone(),
    })?;
    let ours = Blob::mode(card, &mode).map_err(kernel("DRM_IOCTL_MODE_CREATEPROPBLOB"))?;
    let copy = |id| Blob::copy(card, id).map_err(kernel("copying the mode that was found"));
    Ok((
        Mode::from_kernel(&mode),
        ModeChoice::Set {
            ours,
            found: found.map(copy).transpose()?,
        },
    ))
}

fn position(device: &Device, crtc: crtc::Handle) -> u32 {
    let position = device
        .resources()
        .crtcs()
        .iter()
        .position(|&other| other == crtc);
    position
        .and_then(|index| u32::try_from(index).ok())
        .unwrap_or(0)
}
