//! Errors and warnings on the bus of a pipeline.

use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

use super::{PATIENCE, Player};

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
