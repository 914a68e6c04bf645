use std::sync::atomic::{AtomicUsize, Ordering};

use std::sync::Mutex;

use dmabuf_heap::{Allocator, Constraints, Importer, Registry, Topology};
use gst::prelude::*;
use gst_video::VideoMeta;

use super::users::Writer;
use super::*;
use crate::heap::AUTO;
use crate::testing::{Device, Exhausted, Plentiful};

const NV12: &str = "video/x-raw,format=NV12,width=362,height=242,framerate=30/1";
const NV12_LEN: u32 = 364 * 242 * 3 / 2;

/// A pool on a heap without memory, and how often it said so.
fn pool() -> (HeapPool, Arc<AtomicUsize>) {
    gst::init().expect("GStreamer");
    let registry = Registry::empty();
    registry
        .register(Arc::new(Exhausted("empty")))
        .expect("a free name");
    let source = HeapSource::among(Arc::new(registry), "empty").expect("registered");
    let source = Arc::new(source);
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let listener: PoolListener = Box::new(move |event| {
        assert!(matches!(event, PoolEvent::NothingSuits(_)), "{event:?}");
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let pool = HeapPool::new(source, Users::default(), Arc::default(), listener);
    (pool, told)
}

fn configure(pool: &HeapPool, caps: &str, size: u32, min: u32) -> bool {
    let caps: gst::Caps = caps.parse().expect("caps syntax");
    let mut config = pool.config();
    config.set_params(Some(&caps), size, min, 0);
    pool.set_config(config).is_ok()
}

#[test]
fn v4l2srcs_way_of_configuring_is_accepted() {
    for caps in [
        NV12,
        "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12,width=362,height=242,framerate=30/1",
    ] {
        let (pool, _told) = pool();
        assert!(configure(&pool, caps, NV12_LEN, 4), "{caps}");
        let (_caps, size, min, max) = pool.config().params().expect("complete");
        assert_eq!((size, min, max), (NV12_LEN, 4, 0));
    }
}

#[test]
fn a_size_that_is_too_small_is_refused_once_with_the_right_one() {
    let (pool, _told) = pool();
    assert!(!configure(&pool, NV12, 100, 2));
    let corrected = pool.config();
    let (caps, size, min, _max) = corrected.params().expect("complete");
    assert_eq!((size, min), (NV12_LEN, 2));
    assert!(
        corrected.validate_params(caps.as_ref(), 100, 2, 0).is_ok(),
        "as the user checks it"
    );
    assert!(pool.set_config(corrected).is_ok());
}

#[test]
fn a_size_that_is_larger_stays() {
    let (pool, _told) = pool();
    assert!(configure(&pool, NV12, 200_000, 2));
    assert_eq!(
        pool.config().params().map(|(_caps, size, ..)| size),
        Some(200_000)
    );
}

#[test]
fn the_required_minimum_is_asked_for() {
    let (pool, _told) = pool();
    pool.require(7);
    assert!(!configure(&pool, NV12, NV12_LEN, 2));
    assert_eq!(
        pool.config().params().map(|(_caps, _size, min, _max)| min),
        Some(7)
    );
    assert!(pool.set_config(pool.config()).is_ok());
}

#[test]
fn tiled_formats_are_for_their_driver() {
    let (pool, _told) = pool();
    let tiled = "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12:0x0100000000000002,width=64,height=48,framerate=30/1";
    assert!(!configure(&pool, tiled, 8192, 2));
}

#[test]
fn a_heap_without_memory_is_told_once_and_the_pool_stays_inactive() {
    let (pool, told) = pool();
    assert!(configure(&pool, NV12, NV12_LEN, 2));
    assert!(pool.set_active(true).is_err());
    assert!(pool.set_active(true).is_err());
    assert!(!pool.is_active());
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

/// A pool that chooses among the allocators `first` and `second`, and what it told.
fn choosing_pool(users: Users) -> (HeapPool, Arc<Mutex<Vec<String>>>) {
    gst::init().expect("GStreamer");
    let registry = Registry::empty();
    for name in ["first", "second"] {
        let allocator: Arc<dyn Allocator> = Arc::new(Plentiful(name));
        registry.register(allocator).expect("a free name");
    }
    let source = HeapSource::among(Arc::new(registry), AUTO).expect("two allocators");
    let told = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&told);
    let listener: PoolListener = Box::new(move |event| {
        let note = match event {
            PoolEvent::Chosen(choice) => choice.summary.clone(),
            PoolEvent::GivenBack => "given back".to_owned(),
            failure => format!("{failure:?}"),
        };
        notes.lock().expect("no panic").push(note);
    });
    let pool = HeapPool::new(Arc::new(source), users, Arc::default(), listener);
    (pool, told)
}

fn read_by(reader: Arc<dyn Importer>) -> Users {
    Users::default().for_readers(vec![reader], false)
}

#[test]
fn buffers_come_from_the_first_allocator_that_everybody_takes() {
    let (pool, told) = choosing_pool(read_by(Device::refusing("display", 1)));
    assert!(configure(&pool, NV12, NV12_LEN, 2));
    pool.set_active(true).expect("memory");
    let buffer = pool.acquire_buffer(None).expect("a buffer");
    assert_eq!((buffer.size(), buffer.n_memory()), (NV12_LEN as usize, 1));
    let told = told.lock().expect("no panic");
    let [choice] = told.as_slice() else {
        panic!("one choice: {told:?}");
    };
    assert!(
        choice.starts_with("second: first was refused by display"),
        "{choice}"
    );
}

#[test]
fn nothing_is_asked_before_the_pool_starts() {
    let (pool, told) = choosing_pool(read_by(Device::willing("display")));
    assert!(configure(&pool, NV12, NV12_LEN, 2));
    assert!(told.lock().expect("no panic").is_empty());
}

#[test]
fn a_reader_that_nothing_suits_is_left_to_copy_only_if_it_may() {
    let users = |may_copy| {
        Users::default().for_readers(vec![Device::refusing("display", usize::MAX)], may_copy)
    };
    let (pool, told) = choosing_pool(users(false));
    assert!(configure(&pool, NV12, NV12_LEN, 2));
    assert!(pool.set_active(true).is_err());
    assert!(pool.failure().expect("a reason").contains("display"));
    assert_eq!(told.lock().expect("no panic").len(), 1);

    let (pool, told) = choosing_pool(users(true));
    assert!(configure(&pool, NV12, NV12_LEN, 2));
    pool.set_active(true).expect("memory");
    let told = told.lock().expect("no panic");
    assert!(
        told[0].starts_with("first") && told[0].contains("without display"),
        "{told:?}"
    );
}

#[test]
fn planes_in_dma_bufs_of_their_own_are_memories_of_their_own() {
    let camera = Constraints::of("camera")
        .topology(Topology::PER_PLANE)
        .stride(0, 364)
        .stride(1, 364)
        .min_len(0, 364 * 242 + 100);
    let users = Users {
        writer: Writer::V4l2(Some(Device::needing("camera", camera))),
        ..Users::default()
    };
    let (pool, _told) = choosing_pool(users);
    let size = NV12_LEN + 100;
    assert!(configure(&pool, NV12, size, 2));
    pool.set_active(true).expect("memory");
    let buffer = pool.acquire_buffer(None).expect("a buffer");
    assert_eq!((buffer.size(), buffer.n_memory()), (size as usize, 2));
    let meta = buffer.meta::<VideoMeta>().expect("a meta");
    assert_eq!(meta.offset(), [0, buffer.peek_memory(0).size()]);
    assert!(
        buffer.peek_memory(0).size() >= 364 * 242 + 100,
        "the driver's padding comes first"
    );
}

#[test]
fn only_a_device_that_could_not_be_asked_is_watched_for_a_refusal() {
    for (driver, watched) in [(None, true), (Some(Device::willing("camera")), false)] {
        let users = Users {
            writer: Writer::V4l2(driver.map(|it| it as Arc<dyn Importer>)),
            ..Users::default()
        };
        let (pool, told) = choosing_pool(users);
        assert!(configure(&pool, NV12, NV12_LEN, 2));
        pool.set_active(true).expect("memory");
        for _look_and_try in 0..2 {
            drop(pool.acquire_buffer(None).expect("a buffer"));
        }
        let given_back = told
            .lock()
            .expect("no panic")
            .contains(&"given back".to_owned());
        assert_eq!(given_back, watched);
    }
}
