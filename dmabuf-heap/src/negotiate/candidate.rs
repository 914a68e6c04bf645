use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{
    Allocator, Capabilities, Contiguity, CpuUse, DeviceKey, Importer, LayoutRequest, Needs,
    Registry,
};

use super::step::Unsuitable;
use super::verdicts::{Memory, Wishes};

/// Memory that may serve.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) allocator: Arc<dyn Allocator>,
    pub(super) capabilities: Capabilities,
    /// Under which verdicts are remembered. None: nobody knows whether the name will mean the same memory tomorrow.
    pub(super) memory: Option<Arc<Memory>>,
    /// Indices of the importers that make it themselves.
    makers: Vec<usize>,
}

/// What no importer can say anything about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions<'a> {
    pub(super) request: &'a LayoutRequest,
    pub(super) needs: &'a Needs,
    /// By whoever negotiates; where an importer wants it, its probe decides.
    pub(super) is_contiguous_required: bool,
    /// The user wants this candidate and no other.
    pub(super) is_only: bool,
}

impl Candidate {
    /// The allocators of the registry in its order, then those of the importers by name: nothing here depends on the
    /// order in which importers were attached.
    pub(super) fn all(
        registry: &Registry,
        importers: &[Arc<dyn Importer>],
        request: &LayoutRequest,
    ) -> Vec<Self> {
        let registered = registry.allocators().into_iter();
        let mut all: Vec<_> = registered
            .map(|allocator| Self::new(allocator, None, request))
            .collect();
        let mut own = BTreeMap::new();
        for (index, importer) in importers.iter().enumerate() {
            let Some(allocator) = importer.own_allocator() else {
                continue;
            };
            let owner = importer.device().map(DeviceKey::whole);
            let key = (allocator.name().to_owned(), owner);
            own.entry(key)
                .or_insert((allocator, Vec::new()))
                .1
                .push(index);
        }
        for ((name, owner), (allocator, makers)) in own {
            if all.iter().any(|other| other.name() == name) {
                continue;
            }
            let candidate = Self::new(registry.account_for(allocator), owner, request);
            all.push(Self {
                memory: candidate.memory.filter(|_| owner.is_some()),
                makers,
                ..candidate
            });
        }
        all
    }

    /// The one that the user wants.
    pub(super) fn only(
        registry: &Registry,
        allocator: Arc<dyn Allocator>,
        request: &LayoutRequest,
    ) -> Self {
        let is_registered = registry
            .find(allocator.name())
            .is_ok_and(|registered| Arc::ptr_eq(&registered, &allocator));
        let candidate = Self::new(allocator, None, request);
        Self {
            memory: candidate.memory.filter(|_| is_registered),
            ..candidate
        }
    }

    fn new(
        allocator: Arc<dyn Allocator>,
        owner: Option<DeviceKey>,
        request: &LayoutRequest,
    ) -> Self {
        let memory = Memory {
            allocator: allocator.name().to_owned(),
            owner,
            request: request.clone(),
        };
        Self {
            capabilities: allocator.capabilities(),
            allocator,
            memory: Some(Arc::new(memory)),
            makers: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.allocator.name()
    }

    pub(super) fn is_contiguous(&self) -> bool {
        self.capabilities.contiguity == Contiguity::Contiguous
    }

    /// Takes out the candidate to try next: what a device makes itself, if it refused the memory of others; contiguous
    /// memory, if somebody wants it; and else the first.
    pub(super) fn take_next(
        rest: &mut Vec<Self>,
        wishes: &[Wishes],
        contiguous: bool,
    ) -> Option<Self> {
        let contiguous = contiguous || wishes.iter().any(|wish| wish.contiguous);
        let is_own = |candidate: &Self| {
            let mut makers = candidate.makers.iter();
            makers.any(|&maker| wishes.get(maker).is_some_and(|wish| wish.own))
        };
        let class = |candidate: &Self| match candidate.capabilities.contiguity {
            _ if is_own(candidate) => 0,
            _ if !contiguous => 1,
            Contiguity::Contiguous => 1,
            Contiguity::Unknown => 2,
            Contiguity::Scattered => 3,
        };
        let next = (0..rest.len()).min_by_key(|&index| (class(&rest[index]), index))?;
        Some(rest.remove(next))
    }

    /// Why its memory need not even be made.
    pub(super) fn unsuitable(&self, conditions: &Conditions<'_>) -> Option<Unsuitable> {
        let Conditions {
            request,
            needs,
            is_contiguous_required,
            is_only,
        } = *conditions;
        let capabilities = &self.capabilities;
        let is_touched = request.spec().cpu != CpuUse::None || needs.cpu != CpuUse::None;
        if is_touched && !capabilities.mappable {
            return Some(Unsuitable::NotMappable);
        }
        match (needs.protected, capabilities.protected) {
            (Some(true), false) => return Some(Unsuitable::Unprotected),
            (Some(false), true) => return Some(Unsuitable::Protected),
            (None, true) if !is_only => return Some(Unsuitable::Protected),
            _ => {}
        }
        if is_contiguous_required && capabilities.contiguity == Contiguity::Scattered {
            return Some(Unsuitable::Scattered);
        }
        let max_len = capabilities.max_len?;
        // A picture that cannot be laid out is for the allocator to explain.
        let lens = request.dmabuf_lens().ok()?;
        let len = lens.into_iter().find(|&len| len > max_len)?;
        Some(Unsuitable::TooLarge { len, max_len })
    }
}
