use std::fmt;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::accounted::Accounted;
use super::discover::{Discovery, Found, Missing, Roots, UDMABUF_RANK, discover};
use crate::{AllocateError, Allocator, Attempt, CpuUse, Frame, LayoutRequest, Ledger, OpenError};

/// The allocators of this machine, and those that the application adds.
///
/// A value, never a global: two parts of a process may see two different worlds, and tests may make one of their own.
/// Every allocator that comes out of here is accounted in the [`ledger`](Self::ledger).
#[derive(Debug, Default)]
pub struct Registry {
    entries: RwLock<Vec<Entry>>,
    unavailable: Vec<Unavailable>,
    ledger: Arc<Ledger>,
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

    /// Takes an allocator out. Its frames live on and stay accounted.
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub fn unregister(&self, name: &str) -> Result<Arc<dyn Allocator>, FindError> {
        let wanted = self.find(name)?;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| !Arc::ptr_eq(&entry.allocator, &wanted));
        Ok(wanted)
    }

    /// The account of all that was allocated through this registry.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The first allocator, in order of preference, that makes this frame; the frame; and why it was this one.
    ///
    /// Memory that the CPU cannot touch is passed over when the request has a [`CpuUse`].
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

/// An allocator that this machine has and this process cannot use.
#[derive(Clone, Debug)]
pub struct Unavailable {
    /// The name it would have.
    pub name: String,
    /// Its device node.
    pub path: PathBuf,
    /// Why, and what can be done.
    pub error: Arc<OpenError>,
    rank: u8,
}

impl Unavailable {
    fn new(missing: Missing) -> Self {
        let Missing { rank, name, error } = missing;
        Self {
            name,
            path: error.path().to_owned(),
            error: Arc::new(error),
            rank,
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// No allocator answers to the name.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Neither a name nor an alias.
    #[error(
        "there is no allocator {name}; there are: {known}{}",
        also(unavailable)
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
        /// What there would be.
        unavailable: Vec<Unavailable>,
    },
    /// It could not be opened.
    #[error("{0}")]
    Unavailable(Unavailable),
}

/// The name is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an allocator named {name} is registered already; names and aliases are unique")]
pub struct RegisterError {
    /// The name.
    pub name: String,
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

fn also<'a>(unavailable: impl IntoIterator<Item = &'a Unavailable>) -> String {
    let mut text = String::new();
    for one in unavailable {
        _ = write!(text, "; not available: {one}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Fourcc;
    use crate::test::StandIn;

    /// A machine with these heaps. Opening them works, allocating from them does not.
    fn machine(heaps: &[&str], udmabuf: bool) -> (tempfile::TempDir, Registry) {
        let root = tempfile::tempdir().unwrap();
        let dev = root.path().join("dev");
        fs::create_dir_all(&dev).unwrap();
        if !heaps.is_empty() {
            fs::create_dir(dev.join("dma_heap")).unwrap();
        }
        for heap in heaps {
            fs::write(dev.join("dma_heap").join(heap), "").unwrap();
        }
        if udmabuf {
            fs::write(dev.join("udmabuf"), "").unwrap();
        }
        let registry = Registry::discover_in(&Roots::below(root.path()));
        (root, registry)
    }

    fn names(registry: &Registry) -> Vec<String> {
        registry
            .allocators()
            .iter()
            .map(|allocator| allocator.name().to_owned())
            .collect()
    }

    fn request() -> LayoutRequest {
        LayoutRequest::new(Fourcc::NV12, 1280, 720)
    }

    #[test]
    fn preference_is_system_contiguous_others_udmabuf_registered_protected() {
        let heaps = [
            "protected,secure-video",
            "mystery",
            "video-contiguous",
            "default_cma_region",
            "system",
        ];
        let (_root, registry) = machine(&heaps, true);
        registry.register(Arc::new(StandIn::new("mine"))).unwrap();
        assert_eq!(
            names(&registry),
            [
                "system",
                "default_cma_region",
                "video-contiguous",
                "mystery",
                "udmabuf",
                "mine",
                "protected,secure-video"
            ]
        );
    }

    #[test]
    fn two_names_of_the_default_area_are_one_allocator() {
        let (_root, registry) = machine(&["default_cma_region", "reserved", "system"], false);
        assert_eq!(names(&registry), ["system", "default_cma_region"]);
        assert_eq!(registry.aliases("default_cma_region"), ["reserved"]);
        let by_alias = registry.find("reserved").unwrap();
        assert!(Arc::ptr_eq(
            &by_alias,
            &registry.find("default_cma_region").unwrap()
        ));
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_exist() {
        let (_root, registry) = machine(&["default_cma_region", "reserved", "system"], false);
        let text = registry.find("sytsem").unwrap_err().to_string();
        assert!(text.contains("no allocator sytsem"), "{text}");
        assert!(
            text.contains("system, default_cma_region (also reserved)"),
            "{text}"
        );
    }

    #[test]
    fn a_machine_without_heaps_says_what_the_kernel_lacks() {
        let (_root, registry) = machine(&[], false);
        let text = registry.first_working(&request()).unwrap_err().to_string();
        assert!(text.contains("CONFIG_DMABUF_HEAPS"), "{text}");
        assert!(text.contains("os error 2"), "{text}");
        assert!(text.contains("udmabuf"), "{text}");
    }

    #[test]
    fn a_node_that_does_not_open_is_found_as_unavailable() {
        let (root, _) = machine(&["system"], false);
        let heaps = root.path().join("dev/dma_heap");
        std::os::unix::fs::symlink("nowhere", heaps.join("reserved")).unwrap();
        let registry = Registry::discover_in(&Roots::below(root.path()));
        let error = registry.find("reserved").unwrap_err();
        assert!(
            matches!(&error, FindError::Unavailable(one) if one.path == heaps.join("reserved"))
        );
        assert!(error.to_string().contains("os error 2"), "{error}");
    }

    #[test]
    fn first_working_passes_over_those_that_fail_and_says_so() {
        let (_root, registry) = machine(&["system"], false);
        registry.register(Arc::new(StandIn::new("mine"))).unwrap();
        let (allocator, frame, why) = registry.first_working(&request()).unwrap();
        assert_eq!(allocator.name(), "mine");
        assert_eq!(frame.layout(), &request().layout().unwrap());
        assert!(why.starts_with("mine: "), "{why}");
        assert!(
            why.contains("passed over: allocator system failed at DMA_HEAP_IOCTL_ALLOC"),
            "{why}"
        );
        assert!(why.contains("not available: cannot open udmabuf"), "{why}");
        let failures = registry.ledger().account("system").unwrap().failures;
        assert_eq!(failures, 1);
    }

    #[test]
    fn the_first_choice_needs_no_excuses() {
        let registry = Registry::empty();
        registry.register(Arc::new(StandIn::new("mine"))).unwrap();
        let (_, _, why) = registry.first_working(&request()).unwrap();
        assert_eq!(
            why,
            "mine: the first in order of preference that makes NV12 1280x720"
        );
    }

    #[test]
    fn an_impossible_picture_is_no_fault_of_the_allocators() {
        let registry = Registry::empty();
        registry.register(Arc::new(StandIn::new("mine"))).unwrap();
        let error = registry
            .first_working(&LayoutRequest::new(Fourcc::NV12, 0, 720))
            .unwrap_err();
        assert!(matches!(error, AllocateError::Layout(_)), "{error}");
        assert!(registry.ledger().snapshot().is_empty());
    }

    #[test]
    fn memory_out_of_reach_of_the_cpu_is_passed_over_when_the_cpu_needs_it() {
        let (_root, registry) = machine(&["protected,secure-video"], false);
        let error = registry
            .first_working(&request().cpu(CpuUse::Read))
            .unwrap_err();
        assert!(error.to_string().contains("the CPU cannot map"), "{error}");
    }

    #[test]
    fn names_are_unique_across_aliases() {
        let (_root, registry) = machine(&["default_cma_region", "reserved"], false);
        let error = registry
            .register(Arc::new(StandIn::new("reserved")))
            .unwrap_err();
        assert_eq!(error.name, "reserved");
        registry.register(Arc::new(StandIn::new("mine"))).unwrap();
        registry.unregister("mine").unwrap();
        assert!(registry.find("mine").is_err());
        registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    }

    #[test]
    fn frames_are_accounted_until_their_last_clone_goes() {
        let registry = Registry::empty();
        registry.register(Arc::new(StandIn::new("mine"))).unwrap();
        let frame = registry.find("mine").unwrap().allocate(&request()).unwrap();
        let clone = frame.clone();
        registry.unregister("mine").unwrap();
        drop(frame);
        let account = registry.ledger().account("mine").unwrap();
        assert_eq!((account.live_buffers, account.live_bytes), (1, 1_382_400));
        drop(clone);
        let account = registry.ledger().account("mine").unwrap();
        assert_eq!((account.live_buffers, account.live_bytes), (0, 0));
        assert_eq!((account.peak_buffers, account.peak_bytes), (1, 1_382_400));
        assert_eq!((account.allocations, account.failures), (1, 0));
        assert!(account.longest_allocation <= account.allocation_time);
    }

    #[test]
    fn bytes_are_accounted_like_frames() {
        let registry = Registry::empty();
        registry.register(Arc::new(StandIn::new("mine"))).unwrap();
        let allocator = registry.find("mine").unwrap();
        let dmabuf = allocator.as_bytes().unwrap().allocate_bytes(4096).unwrap();
        assert_eq!(registry.ledger().total().live_bytes, 4096);
        drop(dmabuf);
        assert_eq!(registry.ledger().total().live_bytes, 0);
    }
}
