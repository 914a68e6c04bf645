//! Which backend does the job.

use std::path::Path;
use std::sync::Arc;

use super::backend::{Backend, Cost, Cpu, Kind, Mem2Mem};
use super::job::Job;
use super::settings::Settings;

/// The backends of this machine that the user allows, and why others are none.
#[derive(Debug, Default, Clone)]
pub(super) struct Backends {
    pub all: Vec<Arc<dyn Backend>>,
    /// As `what it is: why not`.
    missing: Vec<String>,
}

/// Nobody does it.
#[derive(Debug, thiserror::Error)]
#[error("nothing here converts {job}: {}", objections(.reasons))]
pub(super) struct NobodyDoes {
    job: String,
    reasons: Vec<String>,
}

/// Nobody is there.
#[derive(Debug, thiserror::Error)]
#[error("there is no backend of the kind that was asked for: {}", objections(.0))]
pub(super) struct NoBackend(Vec<String>);

impl Backends {
    /// Looks for them: opens each device for the length of some questions.
    ///
    /// # Errors
    ///
    /// There is none of those that the user allows.
    pub(super) fn open(settings: &Settings) -> Result<Self, NoBackend> {
        let mut found = Self::default();
        if settings.backend != Kind::Cpu {
            found.add_devices(settings);
        }
        // A device by name is an order.
        if settings.backend != Kind::M2m && settings.device.is_none() {
            found
                .all
                .push(Arc::new(Cpu::new(settings.filter(), settings.n_threads)));
        }
        if found.all.is_empty() {
            return Err(NoBackend(found.missing));
        }
        Ok(found)
    }

    /// What might have been a backend and is none, and why.
    pub(super) fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Those that are left once one of them has failed, which is said wherever it is missed.
    pub(super) fn without(&self, failed: &Arc<dyn Backend>, why: &str) -> Self {
        let mut left = self.clone();
        left.all.retain(|it| !Arc::ptr_eq(it, failed));
        left.missing
            .push(format!("has failed: {}", naming(failed.name(), why)));
        left
    }

    fn add_devices(&mut self, settings: &Settings) {
        let controls = settings.extra_controls.as_ref();
        if let Some(device) = &settings.device {
            return self.add_device(Path::new(device), controls);
        }
        let mut found = v4l2_import::enumerate();
        // Cameras are no converters, and no reason either.
        found.retain(|it| {
            let info = it.device.as_ref();
            info.map_or(true, |info| info.kind == v4l2_import::DeviceKind::Mem2Mem)
        });
        if found.is_empty() {
            self.missing
                .push("this machine has no V4L2 mem2mem device".to_owned());
        }
        for device in found {
            self.add_device(&device.path, controls);
        }
    }

    fn add_device(&mut self, path: &Path, controls: Option<&gst::Structure>) {
        match Mem2Mem::open(path, controls.cloned()) {
            Ok(device) => self.all.push(Arc::new(device)),
            Err(why) => self.missing.push(why),
        }
    }

    /// The one that does the job at the least cost, and why the others do not.
    ///
    /// # Errors
    ///
    /// What each of them objects.
    pub(super) fn choose(&self, job: &Job) -> Result<(Arc<dyn Backend>, String), NobodyDoes> {
        let mut best: Option<(Cost, &Arc<dyn Backend>)> = None;
        let mut reasons = self.missing.clone();
        for backend in &self.all {
            let cost = match check(&**backend, job) {
                Ok(cost) => cost,
                Err(objection) => {
                    reasons.push(objection);
                    continue;
                }
            };
            let worse = match best {
                Some((least, _)) if least <= cost => Some((cost, backend)),
                before => {
                    best = Some((cost, backend));
                    before
                }
            };
            if let Some((Cost(cost), backend)) = worse {
                reasons.push(format!(
                    "{} costs more (about {cost} ns a frame)",
                    backend.name()
                ));
            }
        }
        match best {
            Some((_cost, backend)) => Ok((Arc::clone(backend), reasons.join("; "))),
            None => Err(NobodyDoes {
                job: job.to_string(),
                reasons,
            }),
        }
    }
}

/// What a frame costs; or who objects, and what.
fn check(backend: &dyn Backend, job: &Job) -> Result<Cost, String> {
    let name = backend.name();
    let (from, to) = (job.from.format(), job.to.format());
    if !backend.reads().contains(from) {
        return Err(format!("{name} reads no {from}"));
    }
    if !backend.makes().contains(to) {
        return Err(format!("{name} makes no {to}"));
    }
    if job.scales() && !backend.scales() {
        return Err(format!("{name} does not scale"));
    }
    backend.check(job).map_err(|why| naming(name, &why))
}

/// A reason that says whose it is.
fn naming(name: &str, why: &str) -> String {
    if why.contains(name) {
        why.to_owned()
    } else {
        format!("{name}: {why}")
    }
}

fn objections(reasons: &[String]) -> String {
    if reasons.is_empty() {
        "there is no backend at all".to_owned()
    } else {
        reasons.join("; ")
    }
}
