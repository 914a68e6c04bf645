use std::sync::atomic::{AtomicUsize, Ordering};

use dmabuf_heap::Registry;
use gst::prelude::*;

use super::*;
use crate::testing::Exhausted;

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
