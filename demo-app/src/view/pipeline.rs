//! The pipeline: camera, what is done with the picture, display.

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use super::camera::Camera;
use super::process::Process;
use crate::cli::{OutputKind, ViewOptions};

/// `dmaheapv4l2src ! caps ! [dmaheapconvert ! caps !] dmaheapkmssink`, or `dmaheapwaylandsink`
#[derive(Debug)]
pub(super) struct Pipeline {
    whole: gst::Pipeline,
    source: gst::Element,
    convert: Option<gst::Element>,
    sink: gst::Element,
    output: OutputKind,
}

impl Pipeline {
    pub(super) fn new(camera: &Camera, options: &ViewOptions) -> Result<Self> {
        let source = gst::ElementFactory::make("dmaheapv4l2src")
            .property("device", camera.node.to_string_lossy().as_ref())
            .property("heap", &options.heap)
            .build()?;
        let filter = gst::ElementFactory::make("capsfilter")
            .property("caps", &camera.caps)
            .build()?;
        let output = options.output();
        let sink = gst::ElementFactory::make(output.sink())
            .property("heap", &options.heap)
            .build()?;
        let only_convert = camera.is_converted.then(Process::default);
        let process = options.process.as_ref().or(only_convert.as_ref());
        let work = process.map(|it| it.elements(options.backend.name(), camera.size()));
        let work = work.transpose()?.unwrap_or_default();
        let convert = work.first().cloned();
        if let Some(convert) = &convert {
            convert.set_property("heap", &options.heap);
        }
        let mut elements = vec![source.clone(), filter];
        elements.extend(work);
        elements.push(sink.clone());
        let pipeline = gst::Pipeline::with_name("view");
        pipeline.add_many(&elements)?;
        gst::Element::link_many(&elements)?;
        Ok(Self {
            whole: pipeline,
            source,
            convert,
            sink,
            output,
        })
    }

    /// Makes Ctrl-C and SIGTERM end the pipeline as if the time were up.
    pub(super) fn stop_on_signal(&self) -> Result<()> {
        let bus = self.bus();
        ctrlc::set_handler(move || {
            let stop = gst::message::Application::new(gst::Structure::new_empty("stop"));
            // A bus that no longer takes messages belongs to a pipeline that has already ended.
            let _ended = bus.post(stop);
        })
        .context("could not install the Ctrl-C handler")
    }

    pub(super) fn start(&self) -> Result<(), gst::StateChangeError> {
        self.whole.set_state(gst::State::Playing).map(|_| ())
    }

    /// Ends the pipeline; the sink puts the display back as it found it.
    pub(super) fn stop(&self) {
        if self.whole.set_state(gst::State::Null).is_err() {
            super::status::print_error("dmaheap-demo: the pipeline did not stop cleanly");
        }
    }

    pub(super) fn bus(&self) -> gst::Bus {
        self.whole
            .bus()
            .expect("a pipeline has a bus from the start")
    }

    pub(super) fn source_stats(&self) -> Result<gst::Structure> {
        stats(&self.source)
    }

    /// What the converter counted, if there is one.
    pub(super) fn convert_stats(&self) -> Result<Option<gst::Structure>> {
        self.convert.as_ref().map(stats).transpose()
    }

    pub(super) fn sink_stats(&self) -> Result<gst::Structure> {
        stats(&self.sink)
    }

    /// The picture on the display, read back from it.
    ///
    /// # Errors
    ///
    /// The sink's own words.
    pub(super) fn snapshot(&self) -> Result<gst::Sample> {
        if self.output == OutputKind::Wayland {
            bail!(
                "a compositor does not give its picture back to an application; use its own screenshot tool"
            );
        }
        let sample = self
            .sink
            .emit_by_name::<Option<gst::Sample>>("snapshot", &[]);
        sample.with_context(
            || match self.bus().pop_filtered(&[gst::MessageType::Warning]) {
                Some(message) => super::bus::text(&message),
                None => "the display did not give its picture back, and did not say why".into(),
            },
        )
    }
}

fn stats(element: &gst::Element) -> Result<gst::Structure> {
    element
        .property::<Option<gst::Structure>>("stats")
        .with_context(|| format!("{} has no statistics", element.name()))
}
