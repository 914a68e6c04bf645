//! Plays a pipeline inside the test, the way an application embeds one.
//!
//! For what `gst-launch-1.0` cannot do: renegotiate, flush, restart, read properties while playing, ask for a snapshot. Elements are
//! found through the registry, so the plugin under test is loaded as any application would load it.

mod debug_log;
mod failure;
mod frames;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

pub use debug_log::DebugLog;
pub use failure::Failure;

use crate::picture::Picture;
use crate::{threads, wait};

/// What one state change or one frame may take under emulation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A pipeline; set to NULL when dropped.
#[derive(Debug)]
pub struct Player {
    pipeline: gst::Pipeline,
    frames: Arc<AtomicU64>,
    warnings: Mutex<Vec<String>>,
}

impl Player {
    /// Makes the pipeline; nothing starts yet.
    #[track_caller]
    pub fn launch(description: &str) -> Player {
        Player::try_launch(description).unwrap_or_else(|error| panic!("`{description}`: {error}"))
    }

    /// Makes the pipeline, or says why its elements cannot be linked.
    pub fn try_launch(description: &str) -> Result<Player, glib::Error> {
        gst::init().expect("GStreamer starts");
        let element = gst::parse::launch(description)?;
        // `parse::launch` returns a bare element for a description of one element.
        let pipeline = element
            .downcast::<gst::Pipeline>()
            .expect("a description of several elements");
        let frames = frames::counted_at(&sink_pad(&pipeline));
        Ok(Player {
            pipeline,
            frames,
            warnings: Mutex::default(),
        })
    }

    /// Goes to `state` and waits until it is reached.
    pub fn reach(&self, state: gst::State) -> Result<(), Failure> {
        let started = Instant::now();
        if self.pipeline.set_state(state).is_err() {
            return Err(self
                .failure(started)
                .expect("an element that fails posts a message"));
        }
        loop {
            // A live source needs no preroll; whatever fails says so on the bus.
            match self.pipeline.state(gst::ClockTime::from_mseconds(20)).0 {
                Ok(gst::StateChangeSuccess::Async) => {}
                Ok(gst::StateChangeSuccess::NoPreroll) => {
                    await_pause();
                    return Ok(());
                }
                Ok(_reached) => return Ok(()),
                Err(_failed) => {
                    return Err(self
                        .failure(started)
                        .expect("an element that fails posts a message"));
                }
            }
            if let Some(failure) = self.pending_failure(started) {
                return Err(failure);
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{state:?} was not reached in {PATIENCE:?}: {}\n{}",
                self.states(),
                threads::report()
            );
        }
    }

    /// Where each element is and where it is going.
    fn states(&self) -> String {
        let elements = self.pipeline.iterate_recurse().into_iter().flatten();
        let state = |element: gst::Element| {
            let (result, now, next) = element.state(gst::ClockTime::ZERO);
            format!("{} {now:?} → {next:?} ({result:?})", element.name())
        };
        elements.map(state).collect::<Vec<_>>().join(", ")
    }

    /// Goes to PLAYING; panics with the error if that fails.
    #[track_caller]
    pub fn play(&self) {
        self.reach(gst::State::Playing)
            .unwrap_or_else(|failure| panic!("{failure:#?}"));
    }

    /// Goes to NULL.
    pub fn stop(&self) {
        self.pipeline
            .set_state(gst::State::Null)
            .expect("NULL can always be reached");
    }

    /// An element by its `name=`.
    #[track_caller]
    pub fn element(&self, name: &str) -> gst::Element {
        self.pipeline
            .by_name(name)
            .unwrap_or_else(|| panic!("no element is called {name}"))
    }

    /// The first element made by this factory.
    #[track_caller]
    pub fn by_factory(&self, factory: &str) -> gst::Element {
        let is_made =
            |element: &gst::Element| element.factory().is_some_and(|made| made.name() == factory);
        let mut elements = self.pipeline.iterate_recurse().into_iter().flatten();
        elements
            .find(is_made)
            .unwrap_or_else(|| panic!("no {factory} in the pipeline"))
    }

    /// One counter of an element's `stats`, whatever its integer type.
    #[track_caller]
    pub fn stat(&self, factory: &str, counter: &str) -> u64 {
        let [value] = self.stats(factory, [counter]);
        value
    }

    /// Counters of an element's `stats`, all of one moment.
    #[track_caller]
    pub fn stats<const N: usize>(&self, factory: &str, counters: [&str; N]) -> [u64; N] {
        let stats = self.by_factory(factory).property::<gst::Structure>("stats");
        counters.map(|counter| {
            let value = stats
                .value(counter)
                .unwrap_or_else(|_missing| panic!("no `{counter}` in {stats}"));
            let value = value
                .transform::<u64>()
                .unwrap_or_else(|_error| panic!("`{counter}` is no number in {stats}"));
            value.get().expect("just transformed")
        })
    }

    /// New caps for the `capsfilter` of that name.
    #[track_caller]
    pub fn set_caps(&self, name: &str, caps: &str) {
        let caps: gst::Caps = caps.parse().expect("caps");
        self.element(name).set_property("caps", caps);
    }

    /// The size that the sink has been told by caps; (0, 0) before the first.
    pub fn caps_size(&self) -> (u32, u32) {
        let caps = self.sink_pad().current_caps();
        let structure = caps.as_ref().and_then(|caps| caps.structure(0));
        let side = |name| {
            let side = structure.and_then(|it| it.get::<i32>(name).ok());
            side.and_then(|side| u32::try_from(side).ok()).unwrap_or(0)
        };
        (side("width"), side("height"))
    }

    /// Waits until the sink has been told this size.
    #[track_caller]
    pub fn wait_caps(&self, size: (u32, u32)) {
        let told = wait::until(PATIENCE, || (self.caps_size() == size).then_some(()));
        assert!(
            told.is_some(),
            "{size:?} never came, {:?} stayed",
            self.caps_size()
        );
    }

    /// Flushes everything downstream of the live source of that factory.
    pub fn flush(&self, factory: &str) {
        let source = self.by_factory(factory);
        assert!(
            source.send_event(gst::event::FlushStart::new()),
            "{factory} refused FLUSH_START"
        );
        assert!(
            source.send_event(gst::event::FlushStop::new(true)),
            "{factory} refused FLUSH_STOP"
        );
    }

    /// What the only `dmaheapkmssink` of the pipeline reads back from its display.
    #[track_caller]
    pub fn snapshot(&self) -> Picture {
        self.snapshot_by(&self.by_factory("dmaheapkmssink"))
    }

    /// What the `dmaheapkmssink` of that name reads back from its display.
    #[track_caller]
    pub fn snapshot_of(&self, name: &str) -> Picture {
        self.snapshot_by(&self.element(name))
    }

    #[track_caller]
    fn snapshot_by(&self, sink: &gst::Element) -> Picture {
        match sink.emit_by_name::<Option<gst::Sample>>("snapshot", &[]) {
            Some(sample) => Picture::of_sample(&sample),
            None => panic!("no snapshot: {:?}", self.warnings()),
        }
    }

    fn sink_pad(&self) -> gst::Pad {
        sink_pad(&self.pipeline)
    }

    pub(crate) fn pipeline(&self) -> &gst::Pipeline {
        &self.pipeline
    }

    fn bus(&self) -> gst::Bus {
        self.pipeline.bus().expect("a pipeline has a bus")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _result = self.pipeline.set_state(gst::State::Null);
    }
}

fn sink_pad(pipeline: &gst::Pipeline) -> gst::Pad {
    let sink = pipeline
        .iterate_sinks()
        .into_iter()
        .flatten()
        .next()
        .expect("a pipeline with a sink");
    sink.static_pad("sink").expect("a sink with a pad")
}

/// Waits until every `v4l2src` has noticed that it is paused, and waits to be played. Played before that, `GstBaseSrc` stops its
/// task for good: the end of the interrupted capture arrives after the start, and is taken for a flush.
#[track_caller]
fn await_pause() {
    // One look alone may meet a thread that waits for a lock.
    let mut looks = 0;
    let paused = wait::until(PATIENCE, || {
        looks = if threads::rest("v4l2src") {
            looks + 1
        } else {
            0
        };
        (looks == 2).then_some(())
    });
    assert!(
        paused.is_some(),
        "v4l2src does not notice that it is paused:\n{}",
        threads::report()
    );
}
