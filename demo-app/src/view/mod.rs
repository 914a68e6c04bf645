//! `view`: find a camera and a display, play, report.

mod bus;
mod camera;
mod display;
mod mode;
mod pipeline;
pub(crate) mod process;
mod report;
mod snapshot;
pub(crate) mod status;

use std::time::{Duration, Instant};

use crate::cli::ViewOptions;
use anyhow::{Context, Result, anyhow, bail};
use camera::Camera;
use pipeline::Pipeline;
use report::Report;
use status::StatusLine;

const TICK: gst::ClockTime = gst::ClockTime::from_mseconds(250);
const MESSAGES: [gst::MessageType; 4] = [
    gst::MessageType::Error,
    gst::MessageType::Warning,
    gst::MessageType::Eos,
    gst::MessageType::Application,
];
/// How long the camera may take for its first frame before that is called a failure.
const FIRST_FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the command.
pub(crate) fn run(options: &ViewOptions) -> Result<()> {
    let display = display::offered_caps(options, options.process.as_ref());
    let any = gst::Caps::new_any();
    let camera = Camera::find(options, display.as_ref().unwrap_or(&any));
    let camera = match (camera, display) {
        (Ok(camera), Ok(_)) => camera,
        (Err(camera), Ok(_)) => return Err(camera),
        (Ok(_), Err(display)) => return Err(display),
        (Err(camera), Err(display)) => bail!("{display:#}\n{camera:#}"),
    };
    let pipeline = Pipeline::new(&camera, options)?;
    let played = play(&pipeline, &camera, options);
    // Read before the snapshot: a display that composes in software stops for it.
    let report = Report::read(&pipeline, &camera);
    let outcome = played.and_then(|()| save_snapshot(&pipeline, options));
    pipeline.stop();
    let report = report?;
    if outcome.is_ok() || report.frames() > 0 {
        status::print(&report.to_string());
    }
    outcome
}

/// Plays until the time is up, Ctrl-C or an error.
fn play(pipeline: &Pipeline, camera: &Camera, options: &ViewOptions) -> Result<()> {
    pipeline.stop_on_signal()?;
    if pipeline.start().is_err() {
        return Err(first_error(&pipeline.bus()));
    }
    let limit = options
        .seconds
        .map(|seconds| Duration::from_secs(seconds.into()));
    watch(pipeline, camera, limit)
}

fn save_snapshot(pipeline: &Pipeline, options: &ViewOptions) -> Result<()> {
    let Some(path) = &options.snapshot else {
        return Ok(());
    };
    snapshot::save(&pipeline.snapshot()?, path)
        .with_context(|| format!("could not write the snapshot to {}", path.display()))
}

/// Keeps the status line up to date until the pipeline ends or has played for `limit`.
fn watch(pipeline: &Pipeline, camera: &Camera, limit: Option<Duration>) -> Result<()> {
    let mut line = StatusLine::new();
    let started = Instant::now();
    let mut first_frame = None;
    loop {
        let message = pipeline.bus().timed_pop_filtered(TICK, &MESSAGES);
        if let Some(message) = message
            && is_end(&message, &line)?
        {
            return Ok(());
        }
        let report = Report::read(pipeline, camera)?;
        if report.frames() > 0 {
            let first = *first_frame.get_or_insert_with(Instant::now);
            if limit.is_some_and(|limit| first.elapsed() >= limit) {
                return Ok(());
            }
        } else if started.elapsed() > FIRST_FRAME_TIMEOUT {
            bail!(
                "no frame was shown within {} s of starting the camera",
                FIRST_FRAME_TIMEOUT.as_secs()
            );
        }
        line.update(started.elapsed(), &report);
    }
}

/// Whether a message ends the pipeline in good order.
///
/// # Errors
///
/// The message is an error.
fn is_end(message: &gst::Message, line: &StatusLine) -> Result<bool> {
    match message.view() {
        gst::MessageView::Error(_) => bail!("{}", bus::text(message)),
        gst::MessageView::Warning(_) => {
            line.note(&format!("warning: {}", bus::text(message)));
            Ok(false)
        }
        _ => Ok(true),
    }
}

fn first_error(bus: &gst::Bus) -> anyhow::Error {
    match bus.pop_filtered(&[gst::MessageType::Error]) {
        Some(message) => anyhow!("{}", bus::text(&message)),
        None => anyhow!("the pipeline did not start, and no element said why"),
    }
}
