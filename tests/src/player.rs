//! Plays a pipeline inside the test, the way an application embeds one.
//!
//! For what `gst-launch-1.0` cannot do: renegotiate, flush, restart, read properties while playing, ask for a snapshot. Elements are
//! found through the registry, so the plugin under test is loaded as any application would load it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

use crate::picture::Picture;
use crate::{threads, wait};

/// What one state change or one frame may take under emulation.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pipeline; set to NULL when dropped.
#[derive(Debug)]
pub struct Player {
    pipeline: gst::Pipeline,
    frames: Arc<Frames>,
    warnings: Mutex<Vec<String>>,
}

/// Frames that have reached the first sink.
#[derive(Debug, Default)]
struct Frames {
    count: Mutex<u64>,
    arrived: Condvar,
}

/// An error as an application sees it on the bus.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The error with its domain and code.
    pub error: glib::Error,
    /// The text for developers.
    pub debug: String,
    /// The element that posted it.
    pub element: String,
    /// From the request to the message.
    pub elapsed: Duration,
}

impl Failure {
    /// Both texts, in which a reader looks for names and numbers.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.error.message(), self.debug)
    }
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
        let frames = Arc::new(Frames::default());
        let sink = pipeline
            .iterate_sinks()
            .into_iter()
            .flatten()
            .next()
            .expect("a pipeline with a sink");
        let pad = sink.static_pad("sink").expect("a sink with a pad");
        let counted = Arc::clone(&frames);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_pad, _info| {
            *counted.count.lock().expect("nobody panics here") += 1;
            counted.arrived.notify_all();
            gst::PadProbeReturn::Ok
        });
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

    /// Waits until `count` more frames have reached the sink; panics with the error on the bus if they never do.
    #[track_caller]
    pub fn wait_frames(&self, count: u64) {
        self.try_wait_frames(count)
            .unwrap_or_else(|failure| panic!("{failure:#?}"));
    }

    /// Waits until `count` more frames have reached the sink.
    #[track_caller]
    pub fn try_wait_frames(&self, count: u64) -> Result<(), Failure> {
        let started = Instant::now();
        let mut seen = self.frames.count.lock().expect("the probe never panics");
        let wanted = *seen + count;
        while *seen < wanted {
            if let Some(failure) = self.pending_failure(started) {
                return Err(failure);
            }
            let left = PATIENCE.saturating_sub(started.elapsed());
            assert!(
                !left.is_zero(),
                "{} of {count} frames did not come in {PATIENCE:?}: {}\n{}",
                wanted - *seen,
                self.states(),
                threads::report()
            );
            let pause = left.min(Duration::from_millis(50));
            seen = self
                .frames
                .arrived
                .wait_timeout(seen, pause)
                .expect("the probe never panics")
                .0;
        }
        Ok(())
    }

    /// Waits until the element of that factory has counted `count` frames; panics with the error on the bus if it never does.
    ///
    /// A sink counts fewer frames than reach it: its base class drops those that come too late, as on a busy machine.
    #[track_caller]
    pub fn wait_counted(&self, factory: &str, count: u64) {
        let started = Instant::now();
        let counted = wait::until(PATIENCE, || {
            if let Some(failure) = self.pending_failure(started) {
                panic!("{failure:#?}");
            }
            (self.stat(factory, "frames") >= count).then_some(())
        });
        assert!(
            counted.is_some(),
            "{factory} has counted only {} of {count} frames",
            self.stat(factory, "frames")
        );
    }

    /// Plays until something fails; panics if nothing does.
    #[track_caller]
    pub fn play_to_failure(&self) -> Failure {
        let started = Instant::now();
        match self.reach(gst::State::Playing) {
            Err(failure) => failure,
            Ok(()) => self.failure(started).expect("this pipeline must fail"),
        }
    }

    /// Waits for an error message; the time in it counts from `started`.
    pub fn failure(&self, started: Instant) -> Option<Failure> {
        self.next_failure(started, PATIENCE)
    }

    pub(crate) fn pending_failure(&self, started: Instant) -> Option<Failure> {
        self.next_failure(started, Duration::ZERO)
    }

    /// Pops messages up to the first error and keeps the warnings before it.
    fn next_failure(&self, started: Instant, patience: Duration) -> Option<Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let wanted = [gst::MessageType::Error, gst::MessageType::Warning];
            // The timed call of the bindings looks at no message at all when there is no time.
            let message = if left.is_zero() {
                self.bus().pop_filtered(&wanted)?
            } else {
                let left = gst::ClockTime::try_from(left).expect("seconds");
                self.bus().timed_pop_filtered(left, &wanted)?
            };
            match message.view() {
                gst::MessageView::Error(_) => return Some(failure_of(&message, started)),
                gst::MessageView::Warning(warning) => self.keep_warning(warning),
                _ => {}
            }
        }
    }

    fn keep_warning(&self, warning: &gst::message::Warning) {
        let text = format!(
            "{} {}",
            warning.error(),
            warning.debug().unwrap_or_default()
        );
        self.warnings.lock().expect("nobody panics here").push(text);
    }

    /// The warnings posted up to now.
    pub fn warnings(&self) -> Vec<String> {
        let _failure = self.pending_failure(Instant::now());
        self.warnings.lock().expect("nobody panics here").clone()
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

    /// The frames that have reached the sink up to now.
    pub fn frames(&self) -> u64 {
        *self.frames.count.lock().expect("the probe never panics")
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

/// What elements write to the debug log.
#[derive(Debug)]
pub struct DebugLog {
    function: Option<gst::log::DebugLogFunction>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl DebugLog {
    /// Collects what `threshold` lets through, as `v4l2*:WARNING`.
    pub fn start(threshold: &str) -> DebugLog {
        gst::init().expect("GStreamer starts");
        gst::log::set_threshold_from_string(threshold, true);
        gst::log::remove_default_log_function();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&lines);
        let function = gst::log::add_log_function(
            move |category, level, _file, _function, _line, _object, message| {
                let text = message
                    .get()
                    .map(|text| text.to_string())
                    .unwrap_or_default();
                collected
                    .lock()
                    .expect("nobody panics here")
                    .push(format!("{} {level:?} {text}", category.name()));
            },
        );
        DebugLog {
            function: Some(function),
            lines,
        }
    }

    /// Stops and returns the lines.
    pub fn finish(mut self) -> Vec<String> {
        self.stop();
        std::mem::take(&mut self.lines.lock().expect("the log function never panics"))
    }

    fn stop(&mut self) {
        if let Some(function) = self.function.take() {
            gst::log::remove_log_function(function);
        }
    }
}

impl Drop for DebugLog {
    fn drop(&mut self) {
        self.stop();
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

fn failure_of(message: &gst::Message, started: Instant) -> Failure {
    let gst::MessageView::Error(error) = message.view() else {
        unreachable!("the bus was asked for errors")
    };
    Failure {
        error: error.error(),
        debug: error.debug().unwrap_or_default().to_string(),
        element: message
            .src()
            .map(|source| source.name().to_string())
            .unwrap_or_default(),
        elapsed: started.elapsed(),
    }
}
