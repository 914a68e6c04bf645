//! `dmaheap-demo probe`: which device of this machine takes which memory, and what is in the way.

mod model;
mod subject;
mod text;
mod trial;

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context, Result};
use dmabuf_heap::{Allocator, Contiguity, OpenError, Registry, Unavailable};
use v4l2_import::Found;

use crate::cli::ProbeOptions;
use model::{AllocatorRow, Cell, Findings, Permission};
use subject::Subject;

/// Looks at everything, and prints what it found.
pub(crate) fn run(options: &ProbeOptions) -> Result<()> {
    let findings = look();
    let page = if options.json {
        serde_json::to_string_pretty(&findings)? + "\n"
    } else {
        text::page(&findings)?
    };
    match anstream::stdout().write_all(page.as_bytes()) {
        // Whoever reads only the beginning has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print what was found"),
    }
}

fn look() -> Findings {
    let registry = Arc::new(Registry::discover());
    let nodes = v4l2_import::enumerate();
    let cards = drm_import::cards();
    let mut subjects: Vec<Subject> = nodes.iter().flat_map(subject::of_node).collect();
    subjects.extend(cards.iter().map(subject::of_card));

    let allocators = allocators(&registry, &subjects);
    let matrix = subjects
        .iter()
        .flat_map(|subject| cells(&registry, subject, &allocators))
        .collect();
    let mut permissions: Vec<_> = registry
        .unavailable()
        .iter()
        .filter_map(heap_permission)
        .collect();
    permissions.extend(nodes.iter().filter_map(node_permission));
    permissions.extend(cards.iter().filter_map(card_permission));
    Findings {
        allocators: allocators
            .iter()
            .map(|allocator| row(&registry, allocator.as_ref()))
            .collect(),
        devices: subjects.into_iter().map(|subject| subject.row).collect(),
        matrix,
        permissions,
    }
}

/// Those of the machine, then those that the devices bring.
fn allocators(registry: &Registry, subjects: &[Subject]) -> Vec<Arc<dyn Allocator>> {
    let mut all = registry.allocators();
    let trials = subjects.iter().filter_map(|subject| subject.trial.as_ref());
    all.extend(trials.filter_map(|trial| trial.importer.own_allocator()));
    let mut names = HashSet::new();
    all.retain(|allocator| names.insert(allocator.name().to_owned()));
    all
}

fn cells(
    registry: &Arc<Registry>,
    subject: &Subject,
    allocators: &[Arc<dyn Allocator>],
) -> Vec<Cell> {
    let cell = |allocator: &Arc<dyn Allocator>| {
        let (verdict, reason) = match &subject.trial {
            Some(trial) => trial::ask(registry, trial, allocator),
            None => (model::Mark::Unknown, None),
        };
        Cell {
            device: subject.row.name.clone(),
            allocator: allocator.name().to_owned(),
            verdict,
            reason,
        }
    };
    allocators.iter().map(cell).collect()
}

fn row(registry: &Registry, allocator: &dyn Allocator) -> AllocatorRow {
    let capabilities = allocator.capabilities();
    AllocatorRow {
        name: allocator.name().to_owned(),
        aliases: registry.aliases(allocator.name()),
        contiguity: match capabilities.contiguity {
            Contiguity::Contiguous => "contiguous",
            Contiguity::Scattered => "scattered",
            Contiguity::Unknown => "unknown",
        },
        mappable: capabilities.mappable,
        max_len: capabilities.max_len,
    }
}

fn heap_permission(missing: &Unavailable) -> Option<Permission> {
    matches!(*missing.error, OpenError::Permission { .. }).then(|| Permission {
        path: missing.path.display().to_string(),
        remedy: missing.to_string(),
    })
}

fn node_permission(found: &Found) -> Option<Permission> {
    match &found.device {
        Err(error @ v4l2_import::OpenError::Permission { path, .. }) => Some(Permission {
            path: path.display().to_string(),
            remedy: error.to_string(),
        }),
        _ => None,
    }
}

fn card_permission(card: &drm_import::CardInfo) -> Option<Permission> {
    match &card.error {
        Some(error @ drm_import::OpenError::Open { path, source })
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            Some(Permission {
                path: path.display().to_string(),
                remedy: error.to_string(),
            })
        }
        _ => None,
    }
}
