mod error;

use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::accounted::Accounted;
use super::discover::{Discovery, Found, Roots, UDMABUF_RANK, discover};
use crate::negotiate::Verdicts;
use crate::{
    AllocateError, Allocator, Attempt, CpuUse, DeviceKey, Frame, LayoutRequest, Ledger, Remembered,
};
use error::also;
pub use error::{FindError, RegisterError, Unavailable};

/// The allocators of this machine, and those that the application adds.
///
/// A value, never a global: two parts of a process may see two different worlds, and tests may make one of their own.
/// Every allocator that comes out of here is accounted in the [`ledger`](Self::ledger).
#[derive(Debug, Default)]
pub struct Registry {
    entries: RwLock<Vec<Entry>>,
    unavailable: Vec<Unavailable>,
    ledger: Arc<Ledger>,
    verdicts: Verdicts,
}

#[derive(Debug)]
struct Entry {
    rank: u8,
    allocator: Arc<dyn Allocator>,
    aliases: Vec<String>,
}

impl Registry {
    /// Looks at what this machine has: `/dev/dma_heap` and `/dev/udmabuf`.
    pub fn discover() -> Self {
        Self::discover_in(&Roots::default())
    }

    /// Looks at what is below `dev`, which is normally `/dev`.
    pub fn discover_at(dev: &Path) -> Self {
        Self::discover_in(&Roots::with_dev(dev))
    }

    /// Nothing but what is registered later.
    pub fn empty() -> Self {
        Self::default()
    }

    fn discover_in(roots: &Roots) -> Self {
        let Discovery { found, unavailable } = discover(roots);
        let ledger = Arc::<Ledger>::default();
        let entry = |found: Found| Entry {
            rank: found.rank,
            allocator: Arc::new(Accounted::new(found.allocator, ledger.clone())),
            aliases: found.aliases,
        };
        let registry = Self {
            entries: RwLock::new(found.into_iter().map(entry).collect()),
            unavailable: unavailable.into_iter().map(Unavailable::new).collect(),
            ledger,
            verdicts: Verdicts::default(),
        };
        tracing::info!(allocators = %registry.names(), "looked for dma-buf allocators");
        registry
    }

    /// All allocators in order of preference: the system heap, contiguous heaps, other heaps, udmabuf, those that were
    /// registered, and protected ones last.
    pub fn allocators(&self) -> Vec<Arc<dyn Allocator>> {
        self.entries()
            .iter()
            .map(|entry| entry.allocator.clone())
            .collect()
    }

    /// The allocator of this name or alias.
    ///
    /// # Errors
    ///
    /// There is none; the error lists those that there are. Or there is one that could not be opened, and why.
    pub fn find(&self, name: &str) -> Result<Arc<dyn Allocator>, FindError> {
        if let Some(entry) = self.entries().iter().find(|entry| entry.answers_to(name)) {
            return Ok(entry.allocator.clone());
        }
        if let Some(unavailable) = self.unavailable.iter().find(|one| one.name == name) {
            return Err(FindError::Unavailable(unavailable.clone()));
        }
        Err(FindError::Unknown {
            name: name.to_owned(),
            known: self.names(),
            unavailable: self.unavailable.clone(),
        })
    }

    /// Other names of the same memory.
    pub fn aliases(&self, name: &str) -> Vec<String> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry.answers_to(name));
        entry.map(|entry| entry.aliases.clone()).unwrap_or_default()
    }

    /// What could not be opened.
    pub fn unavailable(&self) -> &[Unavailable] {
        &self.unavailable
    }

    /// Adds an allocator of the application.
    ///
    /// # Errors
    ///
    /// The name is taken, as a name or as an alias.
    pub fn register(&self, allocator: Arc<dyn Allocator>) -> Result<(), RegisterError> {
        const REGISTERED_RANK: u8 = UDMABUF_RANK + 1;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries
            .iter()
            .any(|entry| entry.answers_to(allocator.name()))
        {
            return Err(RegisterError {
                name: allocator.name().to_owned(),
            });
        }
        let at = entries.partition_point(|entry| entry.rank <= REGISTERED_RANK);
        let allocator = Arc::new(Accounted::new(allocator, self.ledger.clone()));
        entries.insert(
            at,
            Entry {
                rank: REGISTERED_RANK,
                allocator,
                aliases: Vec::new(),
            },
        );
        Ok(())
    }

    /// Takes an allocator out. Its frames live on and stay accounted; what importers said of them is forgotten.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub fn unregister(&self, name: &str) -> Result<Arc<dyn Allocator>, FindError> {
        let wanted = self.find(name)?;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| !Arc::ptr_eq(&entry.allocator, &wanted));
        drop(entries);
        self.verdicts.forget_allocator(wanted.name());
        Ok(wanted)
    }

    /// The account of all that was allocated through this registry.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// What importers have said of memory since this registry was made, in no order. A negotiation asks nobody again.
    pub fn verdicts(&self) -> Vec<Remembered> {
        self.verdicts.snapshot()
    }

    /// Forgets what this device said, and what others said of memory that it made. A device that was plugged again has
    /// another key, so this is for one that changed in place: another firmware, another IOMMU domain.
    pub fn forget(&self, device: DeviceKey) {
        self.verdicts.forget(device);
    }

    pub(crate) fn verdict_memory(&self) -> &Verdicts {
        &self.verdicts
    }

    /// A frame for trials whose pages cannot lie side by side.
    pub(crate) fn torn(&self, request: &LayoutRequest) -> Option<Frame> {
        let allocators = self.allocators();
        allocators.iter().find_map(|it| it.allocate_torn(request))
    }

    /// An allocator that is none of the registry's, in the books of its ledger.
    pub(crate) fn account_for(&self, allocator: Arc<dyn Allocator>) -> Arc<dyn Allocator> {
        Arc::new(Accounted::new(allocator, self.ledger.clone()))
    }

    /// What would have been preferred to this allocator, could it be opened.
    pub(crate) fn unavailable_before(&self, allocator: &str) -> Vec<Unavailable> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry.answers_to(allocator));
        let rank = entry.map_or(u8::MAX, |entry| entry.rank);
        let before = self.unavailable.iter().filter(|one| one.rank < rank);
        before.cloned().collect()
    }

    /// The first allocator, in order of preference, that makes this frame; the frame; and why it was this one.
    ///
    /// For frames that no device imports: nobody is asked what it makes of them. Where devices are known, a
    /// [`Negotiation`](crate::Negotiation) asks them. Memory that the CPU cannot touch is passed over when the request has
    /// a [`CpuUse`].
    ///
    /// # Errors
    ///
    /// None could; the error has the answer of each.
    pub fn first_working(
        &self,
        request: &LayoutRequest,
    ) -> Result<(Arc<dyn Allocator>, Frame, String), AllocateError> {
        request.layout()?;
        let mut tried = Vec::new();
        for (rank, allocator) in self.ranked() {
            match try_allocate(allocator.as_ref(), request) {
                Ok(frame) => {
                    let better = self.unavailable.iter().filter(|one| one.rank < rank);
                    let why = explain(allocator.name(), request, &tried, better);
                    tracing::debug!(%why, "chose an allocator");
                    return Ok((allocator, frame, why));
                }
                Err(error) => tried.push(Attempt {
                    allocator: allocator.name().to_owned(),
                    error,
                }),
            }
        }
        let unavailable = self.unavailable.iter().map(ToString::to_string).collect();
        Err(AllocateError::NoneWorked { tried, unavailable })
    }

    fn ranked(&self) -> Vec<(u8, Arc<dyn Allocator>)> {
        self.entries()
            .iter()
            .map(|entry| (entry.rank, entry.allocator.clone()))
            .collect()
    }

    fn names(&self) -> String {
        let entries = self.entries();
        let names = entries.iter().map(|entry| match entry.aliases.as_slice() {
            [] => entry.allocator.name().to_owned(),
            aliases => format!("{} (also {})", entry.allocator.name(), aliases.join(", ")),
        });
        let names: Vec<_> = names.collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }

    fn entries(&self) -> RwLockReadGuard<'_, Vec<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn answers_to(&self, name: &str) -> bool {
        self.allocator.name() == name || self.aliases.iter().any(|alias| alias == name)
    }
}

fn try_allocate(
    allocator: &dyn Allocator,
    request: &LayoutRequest,
) -> Result<Frame, AllocateError> {
    let capabilities = allocator.capabilities();
    if request.spec().cpu != CpuUse::None && !capabilities.mappable {
        return Err(AllocateError::NotMappable {
            allocator: allocator.name().to_owned(),
        });
    }
    allocator.allocate(request)
}

fn explain<'a>(
    chosen: &str,
    request: &LayoutRequest,
    tried: &[Attempt],
    unavailable: impl IntoIterator<Item = &'a Unavailable>,
) -> String {
    let spec = request.spec();
    let mut text = format!(
        "{chosen}: the first in order of preference that makes {} {}x{}",
        request.format(),
        spec.width,
        spec.height
    );
    for attempt in tried {
        _ = write!(text, "; passed over: {}", attempt.error);
    }
    text + &also(unavailable)
}

#[cfg(test)]
mod tests;
