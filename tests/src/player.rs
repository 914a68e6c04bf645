//! Plays a pipeline inside the test, the way an application embeds one.
//!
//! For what `gst-launch-1.0` cannot do: renegotiate, flush, restart, read properties while playing, ask for a snapshot. Elements are
//! found through the registry, so the plugin under test is loaded as any application would load it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_video::prelude::*;

use crate::picture::Picture;

/// What one state change or one frame may take under emulation.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pipeline; set to NULL when dropped.
#[derive(Debug)]
pub struct Player {
    pipeline: gst::Pipeline,
    frames: Arc<Frames>,
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
        gst::init().expect("GStreamer starts");
        let element = match gst::parse::launch(description) {
            Ok(element) => element,
            Err(error) => panic!("`{description}`: {error}"),
        };
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
        Player { pipeline, frames }
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
                "{state:?} was not reached in {PATIENCE:?}"
            );
        }
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
                "{} of {count} frames did not come in {PATIENCE:?}",
                wanted - *seen
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

    /// Plays until something fails; panics if nothing does.
    #[track_caller]
    pub fn play_to_failure(&self) -> Failure {
        let started = Instant::now();
        match self.reach(gst::State::Playing) {
            Err(failure) => failure,
            Ok(()) => self.failure(started).expect("this pipeline must fail"),
        }
    }

    /// Waits for an error message.
    pub fn failure(&self, started: Instant) -> Option<Failure> {
        let timeout = gst::ClockTime::try_from(PATIENCE).expect("seconds");
        let message = self
            .bus()
            .timed_pop_filtered(timeout, &[gst::MessageType::Error])?;
        Some(failure_of(&message, started))
    }

    fn pending_failure(&self, started: Instant) -> Option<Failure> {
        let message = self.bus().pop_filtered(&[gst::MessageType::Error])?;
        Some(failure_of(&message, started))
    }

    /// The warnings posted up to now.
    pub fn warnings(&self) -> Vec<String> {
        let pop = || self.bus().pop_filtered(&[gst::MessageType::Warning]);
        let text = |message: gst::Message| match message.view() {
            gst::MessageView::Warning(warning) => {
                format!("{} {:?}", warning.error(), warning.debug())
            }
            _ => unreachable!("the bus was asked for warnings"),
        };
        std::iter::from_fn(pop).map(text).collect()
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
        let stats = self.by_factory(factory).property::<gst::Structure>("stats");
        let value = stats
            .value(counter)
            .unwrap_or_else(|_missing| panic!("no `{counter}` in {stats}"));
        let value = value
            .transform::<u64>()
            .unwrap_or_else(|_error| panic!("`{counter}` is no number in {stats}"));
        value.get().expect("just transformed")
    }

    /// New caps for the `capsfilter` of that name.
    #[track_caller]
    pub fn set_caps(&self, name: &str, caps: &str) {
        let caps: gst::Caps = caps.parse().expect("caps");
        self.element(name).set_property("caps", caps);
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

    /// What `dmaheapkmssink` reads back from its display.
    #[track_caller]
    pub fn snapshot(&self) -> Picture {
        let sample = self
            .by_factory("dmaheapkmssink")
            .emit_by_name::<Option<gst::Sample>>("snapshot", &[]);
        picture_of(&sample.expect("a display with a writeback connector"))
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

fn picture_of(sample: &gst::Sample) -> Picture {
    let info = gst_video::VideoInfo::from_caps(sample.caps().expect("a sample with caps"))
        .expect("raw video");
    assert_eq!(
        info.format(),
        gst_video::VideoFormat::Bgrx,
        "the display is read back as XRGB8888"
    );
    let buffer = sample.buffer().expect("a sample with a picture");
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)
        .expect("a picture that can be mapped");
    let stride = usize::try_from(frame.plane_stride()[0]).expect("rows from top to bottom");
    let row_len = frame.width() as usize * 4;
    let rows = frame
        .plane_data(0)
        .expect("one plane")
        .chunks(stride)
        .take(frame.height() as usize);
    let pixels = rows
        .flat_map(|row| row[..row_len].chunks_exact(4))
        .flat_map(|bgrx| [bgrx[2], bgrx[1], bgrx[0]]);
    Picture::new(frame.width(), frame.height(), pixels.collect())
}
