//! Who is asked: the queues of V4L2 devices and the displays of this machine.

use std::sync::Arc;

use dmabuf_heap::{Fourcc, FrameSpec, Importer};
use drm_import::{CardInfo, Device as Card, Output, PlaneImporter};
use v4l2_import::{Device, DeviceInfo, DeviceKind, Found, Queue, QueueImporter};

use super::model::DeviceRow;

/// What displays are tried with, the first that a plane takes.
const DISPLAY_FORMATS: [Fourcc; 4] = [
    Fourcc::XRGB8888,
    Fourcc::ARGB8888,
    Fourcc::RGB565,
    Fourcc::NV12,
];

/// A device on the page, and whom to ask about memory.
pub(super) struct Subject {
    pub(super) row: DeviceRow,
    /// None for a device that cannot be asked.
    pub(super) trial: Option<Trial>,
}

/// Whom to ask, and with which picture.
pub(super) struct Trial {
    pub(super) importer: Arc<dyn Importer>,
    pub(super) spec: FrameSpec,
    /// Importers hold their devices weakly.
    _keep: Option<(Arc<Card>, Option<Output>)>,
}

/// The queues of a V4L2 node; none for radios, metadata and the like.
pub(super) fn of_node(found: &Found) -> Vec<Subject> {
    match &found.device {
        Ok(info) => info
            .queues()
            .iter()
            .map(|&queue| of_queue(info, queue))
            .collect(),
        Err(error) => {
            let path = found.path.display().to_string();
            let row = DeviceRow {
                name: format!("video device ({path})"),
                path,
                kind: "video device".to_owned(),
                role: "writes",
                picture: None,
                problem: Some(error.to_string()),
            };
            vec![Subject { row, trial: None }]
        }
    }
}

fn of_queue(info: &DeviceInfo, queue: Queue) -> Subject {
    let mut row = DeviceRow {
        name: match info.kind {
            DeviceKind::Mem2Mem | DeviceKind::Loopback => format!("{info}, {queue}"),
            _ => info.to_string(),
        },
        path: info.path.display().to_string(),
        kind: info.kind.to_string(),
        role: match queue {
            Queue::Capture => "writes",
            Queue::Output => "reads",
        },
        picture: None,
        problem: None,
    };
    let trial = trial_of(info, queue)
        .inspect(|trial| row.picture = Some(picture(&trial.spec)))
        .inspect_err(|problem| row.problem = Some(problem.clone()))
        .ok();
    Subject { row, trial }
}

/// A device is asked for the picture it is set to now, so that nothing has to be changed.
fn trial_of(info: &DeviceInfo, queue: Queue) -> Result<Trial, String> {
    let device = Device::open(&info.path).map_err(|error| error.to_string())?;
    let format = device.format(queue).map_err(|error| error.to_string())?;
    let offered = device.formats(queue).map_err(|error| error.to_string())?;
    let fourcc = format.code.drm().or_else(|| {
        let mut native = offered.iter().filter(|it| !it.is_emulated);
        native.find_map(|it| it.code.drm())
    });
    let fourcc = fourcc.ok_or_else(|| {
        format!(
            "it offers no pixels that a frame can hold, and is set to {}",
            format.code
        )
    })?;
    let path = info.path.clone();
    let open = move || {
        let node = std::fs::File::options()
            .read(true)
            .write(true)
            .open(&path)?;
        Ok(node.into())
    };
    let importer = QueueImporter::new(open, queue).map_err(|error| error.to_string())?;
    Ok(Trial {
        importer: Arc::new(importer.may_set_format(true)),
        spec: FrameSpec::new(fourcc, format.width, format.height),
        _keep: None,
    })
}

/// A card with its first connected display.
pub(super) fn of_card(card: &CardInfo) -> Subject {
    let mut row = DeviceRow {
        name: match &card.driver {
            Some(driver) => format!("display {driver} ({})", card.path.display()),
            None => format!("display ({})", card.path.display()),
        },
        path: card.path.display().to_string(),
        kind: "display".to_owned(),
        role: "reads",
        picture: None,
        problem: None,
    };
    let trial = display(card)
        .inspect(|trial| row.picture = Some(picture(&trial.spec)))
        .inspect_err(|problem| row.problem = Some(problem.clone()))
        .ok();
    Subject { row, trial }
}

fn display(info: &CardInfo) -> Result<Trial, String> {
    if let Some(error) = &info.error {
        return Err(error.to_string());
    }
    let card = Card::open(&info.path).map_err(|error| error.to_string())?;
    let connected = info
        .connectors
        .iter()
        .find(|it| it.connected && !it.writeback);
    let mode = connected
        .and_then(|connector| connector.modes.first())
        .ok_or("no display with a mode is connected")?;
    // A commit that only tests needs DRM master; beside a compositor the import alone is tried.
    let output = Output::builder(&card).build().ok();
    let importer = match &output {
        Some(output) => PlaneImporter::for_output(output),
        None => PlaneImporter::new(&card),
    };
    let specs = DISPLAY_FORMATS.map(|fourcc| FrameSpec::new(fourcc, mode.width, mode.height));
    let spec = specs
        .into_iter()
        .find(|spec| importer.constraints(spec).is_ok())
        .ok_or_else(|| {
            format!(
                "no plane takes {} at {}x{}",
                DISPLAY_FORMATS.map(|it| it.to_string()).join(", "),
                mode.width,
                mode.height
            )
        })?;
    Ok(Trial {
        importer: Arc::new(importer),
        spec,
        _keep: Some((card, output)),
    })
}

fn picture(spec: &FrameSpec) -> String {
    format!("{} {}x{}", spec.fourcc, spec.width, spec.height)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_node_that_cannot_be_opened_says_why() {
        let path = PathBuf::from("/nowhere/video7");
        let found = Found {
            device: Device::open(&path).map(|device| device.info().clone()),
            path,
        };
        let [subject] = &of_node(&found)[..] else {
            panic!("one row for the node");
        };
        assert!(subject.trial.is_none());
        let problem = subject.row.problem.as_deref().unwrap_or_default();
        assert!(problem.contains("/nowhere/video7"), "{problem}");
    }
}
