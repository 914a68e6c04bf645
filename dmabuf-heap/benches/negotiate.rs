//! What a negotiation costs beside the kernel's part: at most 50 µs for four importers, at most 2 µs for the constraints
//! of eight. The frames are made beforehand, and importers answer at once.

use std::fs::File;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dmabuf_heap::{
    AllocateError, Allocation, Allocator, Capabilities, Constraints, Contiguity, DeviceKey, DmaBuf,
    Fourcc, Frame, FrameSpec, Importer, LayoutRequest, Negotiation, Reach, Refusal, Registry, Role,
    Topology, Verdict,
};

const SPEC: FrameSpec = FrameSpec::new(Fourcc::NV12, 1280, 720);
/// Character devices that every machine has.
const NODES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"];
/// Few enough for the usual limit of open files.
const BATCH: BatchSize = BatchSize::NumIterations(64);

/// Hands out frames that were made beforehand.
#[derive(Debug)]
struct Premade {
    frames: Mutex<Vec<Frame>>,
}

impl Premade {
    fn new(count: usize, request: &LayoutRequest) -> Self {
        let layout = request.layout().expect("the layout is possible");
        let len = request.len().expect("the layout is possible");
        let frame = || {
            let dmabuf = DmaBuf::stand_in(len).expect("memory is there");
            Frame::new(layout, &[Arc::new(dmabuf)]).expect("the frame fits")
        };
        Self {
            frames: Mutex::new((0..count).map(|_| frame()).collect()),
        }
    }
}

impl Allocator for Premade {
    fn name(&self) -> &'static str {
        "system"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            contiguity: Contiguity::Scattered,
            cacheable: true,
            mappable: true,
            protected: false,
            max_len: None,
        }
    }

    fn allocate(&self, _request: &LayoutRequest) -> Result<Frame, AllocateError> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(frames.pop().expect("they are counted"))
    }

    fn allocate_torn(&self, request: &LayoutRequest) -> Option<Frame> {
        self.allocate(request).ok()
    }
}

#[derive(Debug)]
struct Device {
    name: String,
    role: Role,
    key: DeviceKey,
    constraints: Constraints,
}

impl Importer for Device {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        self.role
    }

    fn device(&self) -> Option<DeviceKey> {
        Some(self.key)
    }

    fn constraints(&self, _spec: &FrameSpec) -> Result<Constraints, Refusal> {
        Ok(self.constraints.clone())
    }

    fn probe(&self, _frame: &Frame) -> Verdict {
        Verdict::Accepted
    }

    fn reach(&self) -> Reach {
        Reach::Everything
    }
}

/// What a camera, a display, an encoder and the like ask for, in turn.
fn constraints(index: usize) -> Constraints {
    let of = Constraints::of(format!("device {index} (/dev/video{index})"));
    match index % 4 {
        0 => of
            .stride(0, 1280)
            .derived_strides()
            .packed_planes()
            .min_len(0, 1_382_400),
        1 => of
            .stride_align(64)
            .stride_max(16_384)
            .offset_align(4)
            .topology(Topology::ONE),
        2 => of.row_align(16).tail(64).min_buffers(4).address_bits(32),
        _ => of.stride_align(128).stride_min(0, 1280).min_buffers(2),
    }
}

fn importers() -> Vec<Arc<Device>> {
    let device = |(index, node): (usize, &&str)| {
        let file = File::open(node).expect("every machine has it");
        Arc::new(Device {
            name: format!("device {index} ({node})"),
            role: if index == 0 {
                Role::Writes
            } else {
                Role::Reads
            },
            key: DeviceKey::of(file).expect("it is a character device"),
            constraints: constraints(index),
        })
    };
    NODES.iter().enumerate().map(device).collect()
}

/// A negotiation that has everything but its result.
fn prepare(registry: &Arc<Registry>, importers: &[Arc<Device>]) -> Negotiation {
    let mut negotiation = Negotiation::new(registry, SPEC);
    for importer in importers {
        negotiation.attach(importer.clone());
    }
    negotiation
}

fn machine(importers: &[Arc<Device>], frames: usize) -> Arc<Registry> {
    let registry = Arc::new(Registry::empty());
    let request = prepare(&registry, importers).request().expect("they agree");
    let premade = Arc::new(Premade::new(frames, &request));
    registry.register(premade).expect("the name is free");
    registry
}

fn allocate(negotiation: Negotiation) -> Allocation {
    negotiation.allocate().expect("they agree")
}

fn negotiate(criterion: &mut Criterion) {
    let importers = importers();
    let mut group = criterion.benchmark_group("negotiation of 4 importers");
    group.bench_function(
        "each asked about two frames, the writer about one in pieces",
        |bencher| {
            let setup = || prepare(&machine(&importers, 3), &importers);
            bencher.iter_batched(setup, allocate, BATCH);
        },
    );
    group.bench_function("all remembered", |bencher| {
        let setup = || {
            let registry = machine(&importers, 4);
            let first = prepare(&registry, &importers).allocate();
            drop(first.expect("they agree"));
            prepare(&registry, &importers)
        };
        bencher.iter_batched(setup, allocate, BATCH);
    });
    group.finish();
}

fn merge(criterion: &mut Criterion) {
    let sets: Vec<_> = (0..8).map(constraints).collect();
    criterion.bench_function("merge of 8 constraint sets", |bencher| {
        bencher.iter(|| {
            let merged = Constraints::merge_all(black_box(&sets));
            merged.expect("they agree")
        });
    });
}

criterion_group!(benches, negotiate, merge);
criterion_main!(benches);
