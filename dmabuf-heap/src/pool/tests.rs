use std::sync::Barrier;
use std::thread;

use super::*;
use crate::test::StandIn;
use crate::{Fourcc, Registry};

fn request() -> LayoutRequest {
    LayoutRequest::new(Fourcc::NV12, 64, 32)
}

fn pool(max: usize) -> Pool {
    Pool::new(Arc::new(StandIn::new("stand-in")), request(), max)
}

#[test]
fn nothing_is_allocated_before_it_is_needed_nor_twice() {
    let registry = Registry::empty();
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    let pool = Pool::new(registry.find("mine").unwrap(), request(), 3);
    assert_eq!(registry.ledger().total().allocations, 0);
    for _ in 0..10 {
        pool.try_acquire("camera").unwrap();
    }
    assert_eq!(registry.ledger().total().allocations, 1);
    assert_eq!((pool.idle(), pool.high_water()), (1, 1));
}

#[test]
fn the_frame_that_came_back_last_goes_out_first() {
    let pool = pool(3);
    let (first, second) = (
        pool.try_acquire("a").unwrap(),
        pool.try_acquire("b").unwrap(),
    );
    let key = *second.key();
    drop(first);
    drop(second);
    assert_eq!(*pool.try_acquire("c").unwrap().key(), key);
}

#[test]
fn a_starved_pool_names_its_holders_in_the_order_they_took() {
    let pool = pool(2);
    let _camera = pool.try_acquire("camera").unwrap();
    let _sink = pool.try_acquire("sink").unwrap();
    let error = pool
        .acquire("converter", Duration::from_millis(1))
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("all 2 frames of NV12 64x32 are held"),
        "{text}"
    );
    let PoolError::Starved {
        holders, waited, ..
    } = error
    else {
        panic!("{error}")
    };
    let names: Vec<_> = holders.iter().map(|holder| holder.name.as_str()).collect();
    assert_eq!(names, ["camera", "sink"]);
    assert!(holders.iter().all(|holder| holder.held_for >= waited));
}

#[test]
fn a_waiting_caller_gets_the_frame_that_comes_back() {
    let pool = pool(1);
    let frame = pool.try_acquire("camera").unwrap();
    let key = *frame.key();
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            start.wait();
            *pool.acquire("sink", Duration::from_mins(1)).unwrap().key()
        });
        start.wait();
        drop(frame);
        assert_eq!(waiter.join().unwrap(), key);
    });
}

#[test]
fn a_frame_whose_clone_lives_is_not_handed_out_again() {
    let pool = pool(1);
    let frame = pool.try_acquire("camera").unwrap();
    let clone = Frame::clone(&frame);
    drop(frame);
    let fresh = pool.try_acquire("camera").unwrap();
    assert_ne!(*fresh, clone);
}

#[test]
fn a_failed_allocation_gives_its_place_back() {
    let registry = Registry::empty();
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    let impossible = LayoutRequest::new(Fourcc::NV12, 0, 0);
    let pool = Pool::new(registry.find("mine").unwrap(), impossible, 1);
    for _ in 0..3 {
        assert!(matches!(
            pool.try_acquire("camera"),
            Err(PoolError::Allocate(_))
        ));
    }
}

#[test]
fn frames_of_a_pool_that_is_gone_are_freed() {
    let registry = Registry::empty();
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    let pool = Pool::new(registry.find("mine").unwrap(), request(), 2);
    let (one, other) = (
        pool.try_acquire("a").unwrap(),
        pool.try_acquire("b").unwrap(),
    );
    drop(pool);
    drop(one);
    drop(other);
    assert_eq!(registry.ledger().total().live_buffers, 0);
}

#[test]
fn many_threads_never_share_a_frame_nor_exceed_the_bound() {
    let pool = pool(3);
    let in_use = Mutex::new(std::collections::HashSet::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let frame = pool.acquire("worker", Duration::from_mins(1)).unwrap();
                    assert!(
                        in_use.lock().unwrap().insert(*frame.key()),
                        "handed out twice"
                    );
                    assert!(in_use.lock().unwrap().remove(frame.key()));
                }
            });
        }
    });
    assert!(pool.high_water() <= 3);
    assert!(pool.idle() <= 3);
}
