//! A machine of stand-ins: allocators with properties, and importers that mind them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;

use crate::{
    AllocateError, Allocator, Capabilities, Constraints, Contiguity, DeviceKey, DmaBuf, DmaBufId,
    Fourcc, Frame, FrameLayout, FrameSpec, Importer, LayoutRequest, Negotiation, Reach, Refusal,
    Registry, Role, Suspect, Verdict, Why,
};

pub(super) fn spec() -> FrameSpec {
    FrameSpec::new(Fourcc::NV12, 640, 480)
}

/// What importers find out about a frame.
pub(super) type Truth = Arc<Mutex<HashMap<DmaBufId, Kind>>>;

/// Where a frame is from, which the kernel knows and nobody is told.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) allocator: String,
    pub(super) contiguity: Contiguity,
    /// Made so that no luck can put its pages side by side.
    pub(super) is_torn: bool,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) registry: Arc<Registry>,
    truth: Truth,
}

impl World {
    /// The usual: scattered, contiguous, scattered.
    pub(super) fn usual() -> Self {
        let world = Self::default();
        world.add("system", Contiguity::Scattered);
        world.add("cma", Contiguity::Contiguous);
        world.add("udmabuf", Contiguity::Scattered);
        world
    }

    pub(super) fn add(&self, name: &str, contiguity: Contiguity) -> Arc<Memory> {
        self.register(self.memory(name, contiguity))
    }

    pub(super) fn register(&self, memory: Memory) -> Arc<Memory> {
        let memory = Arc::new(memory);
        self.registry.register(memory.clone()).unwrap();
        memory
    }

    pub(super) fn memory(&self, name: &str, contiguity: Contiguity) -> Memory {
        Memory {
            name: name.to_owned(),
            capabilities: Capabilities {
                contiguity,
                cacheable: true,
                mappable: true,
                protected: false,
                max_len: None,
            },
            left: AtomicUsize::new(usize::MAX),
            stride: None,
            tears: name == "udmabuf",
            truth: self.truth.clone(),
        }
    }

    /// A device with a key of its own.
    pub(super) fn device(&self, name: &str, role: Role, number: u64, taste: Taste) -> Device {
        Device {
            name: name.to_owned(),
            role,
            key: Some(DeviceKey::stand_in(number, number)),
            needs: Constraints::of(name),
            taste,
            own: None,
            reach: Reach::Everything,
            is_busy: AtomicBool::new(false),
            probes: AtomicUsize::new(0),
            truth: self.truth.clone(),
        }
    }

    pub(super) fn camera(&self, taste: Taste) -> Device {
        self.device("camera", Role::Writes, 1, taste)
    }

    pub(super) fn display(&self, taste: Taste) -> Device {
        self.device("display", Role::Reads, 2, taste)
    }

    pub(super) fn negotiation<'a>(
        &self,
        importers: impl IntoIterator<Item = &'a Arc<Device>>,
    ) -> Negotiation {
        let mut negotiation = Negotiation::new(&self.registry, spec());
        for importer in importers {
            negotiation.attach(importer.clone());
        }
        negotiation
    }

    /// How often this allocator was asked.
    pub(super) fn asked(&self, allocator: &str) -> u64 {
        let account = self.registry.ledger().account(allocator);
        account.map_or(0, |account| account.allocations + account.failures)
    }
}

/// An allocator.
#[derive(Debug)]
pub(super) struct Memory {
    name: String,
    pub(super) capabilities: Capabilities,
    /// Frames until it runs out.
    pub(super) left: AtomicUsize,
    /// What it makes of every stride.
    pub(super) stride: Option<u32>,
    /// Whether it makes frames whose pages cannot lie side by side.
    pub(super) tears: bool,
    truth: Truth,
}

impl Memory {
    fn make(&self, layout: FrameLayout, is_torn: bool) -> Frame {
        let dmabuf = DmaBuf::stand_in(layout.size()).unwrap();
        let kind = Kind {
            allocator: self.name.clone(),
            contiguity: self.capabilities.contiguity,
            is_torn,
        };
        self.truth.lock().unwrap().insert(dmabuf.id(), kind);
        Frame::new(layout, &[Arc::new(dmabuf)]).unwrap()
    }
}

impl Allocator for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        let one_less = |left: usize| left.checked_sub(1);
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        if left.is_err() {
            return Err(AllocateError::NoMemory {
                allocator: self.name.clone(),
                len: request.len()?,
                hint: " (8 of 65536 KiB are free)".to_owned(),
                errno: Errno::NOMEM.into(),
            });
        }
        let layout = match self.stride {
            Some(stride) => request.clone().plane_strides(&[stride]).layout()?,
            None => request.layout()?,
        };
        Ok(self.make(layout, false))
    }

    fn allocate_torn(&self, request: &LayoutRequest) -> Option<Frame> {
        let layout = request.layout().unwrap();
        self.tears.then(|| self.make(layout, true))
    }
}

/// What a device takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taste {
    /// Everything.
    All,
    /// Contiguous memory.
    Contiguous,
    /// The first frames of scattered memory that it sees, as many as this, and else contiguous memory.
    Lucky(usize),
    /// What it makes itself.
    Own,
    /// Memory of this allocator.
    Only(&'static str),
    /// Nobody knows: it is busy.
    Busy,
    /// It has no memory for its own tables at the moment.
    Short,
}

/// An importer.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) key: Option<DeviceKey>,
    pub(super) needs: Constraints,
    pub(super) taste: Taste,
    pub(super) own: Option<Arc<dyn Allocator>>,
    pub(super) reach: Reach,
    /// Somebody streams from it meanwhile.
    pub(super) is_busy: AtomicBool,
    pub(super) probes: AtomicUsize,
    pub(super) truth: Truth,
}

impl Device {
    pub(super) fn probes(&self) -> usize {
        self.probes.load(Ordering::Relaxed)
    }

    pub(super) fn stream(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
    }

    fn refuse(&self, errno: Errno, suspect: Option<Suspect>) -> Verdict {
        Verdict::Refused(Refusal {
            importer: self.name.clone(),
            operation: "VIDIOC_PREPARE_BUF",
            detail: "460800 bytes".to_owned(),
            errno: Some(errno.raw_os_error()),
            suspect,
        })
    }
}

impl Importer for Device {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        self.role
    }

    fn device(&self) -> Option<DeviceKey> {
        self.key
    }

    fn constraints(&self, _spec: &FrameSpec) -> Result<Constraints, Refusal> {
        Ok(self.needs.clone())
    }

    fn probe(&self, frame: &Frame) -> Verdict {
        let seen = self.probes.fetch_add(1, Ordering::Relaxed);
        if self.is_busy.load(Ordering::Relaxed) {
            return Verdict::Unknown(Why("it is streaming".to_owned()));
        }
        let kind = self.truth.lock().unwrap()[&frame.dmabuf(0).id()].clone();
        let is_contiguous = kind.contiguity == Contiguity::Contiguous;
        let own = self.own.as_ref().map(|own| own.name().to_owned());
        match self.taste {
            Taste::Contiguous if !is_contiguous => {
                self.refuse(Errno::FAULT, Some(Suspect::Scattered))
            }
            Taste::Lucky(frames) if !is_contiguous && (kind.is_torn || seen >= frames) => {
                self.refuse(Errno::FAULT, Some(Suspect::Scattered))
            }
            Taste::Own if own.as_ref() != Some(&kind.allocator) => {
                self.refuse(Errno::NODEV, Some(Suspect::Foreign))
            }
            Taste::Only(name) if kind.allocator != name => self.refuse(Errno::INVAL, None),
            Taste::Busy => Verdict::Unknown(Why("it is streaming".to_owned())),
            Taste::Short => self.refuse(Errno::NOMEM, None),
            _ => Verdict::Accepted,
        }
    }

    fn reach(&self) -> Reach {
        self.reach
    }

    fn own_allocator(&self) -> Option<Arc<dyn Allocator>> {
        self.own.clone()
    }
}
