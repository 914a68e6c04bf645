//! How the element agrees with those downstream: first on what frames show, then on their memory.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::build::Builder;
use super::choice::{self, Choice, NoChoice};
use super::imp::{CAT, V4l2Src};
use super::topology;
use crate::dead_end;
use crate::report::chain;

impl V4l2Src {
    /// Sets the camera to the first thing that downstream takes and it makes. What runs and is still taken stays.
    pub(super) fn agree(&self) -> Result<(), gst::LoggableError> {
        let element = self.obj();
        let peer = element.src_pad().peer_query_caps(None);
        let choice = self.settle(&peer)?;
        gst::debug!(CAT, imp = self, "{} as {}", choice.format, choice.caps);
        let caps = choice.caps.clone();
        self.state().choice = Some(choice);
        element
            .set_caps(&caps)
            .map_err(|error| gst::loggable_error!(CAT, "downstream refuses {caps}: {error}"))
    }

    fn settle(&self, peer: &gst::Caps) -> Result<Choice, gst::LoggableError> {
        let running = self.state().stream.clone();
        if let Some(stream) = running
            && peer.can_intersect(&stream.choice.caps)
        {
            return Ok(stream.choice.clone());
        }
        if peer.is_empty() {
            let text = dead_end::describe(&self.obj().src_pad().clone());
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("there are no frames that all downstream take: {text}. Change the caps of one, or put dmaheapconvert between them")
            );
            return Err(gst::loggable_error!(CAT, "{text}"));
        }
        self.end_stream();
        let camera = self.state().camera.clone();
        let camera = camera.ok_or_else(|| gst::loggable_error!(CAT, "no camera is open"))?;
        if let Err(error) = camera.follow_source() {
            gst::info!(CAT, imp = self, "{error}");
        }
        let mut queue = camera.queue().map_err(|error| {
            let text = chain(&error);
            gst::element_imp_error!(self, gst::ResourceError::Busy, ("{text}"));
            gst::loggable_error!(CAT, "{text}")
        })?;
        choice::choose(&mut queue, peer, camera.pixel_aspect()).map_err(|error| {
            let text = chain(&error);
            match error {
                NoChoice::NothingInCommon(_) => {
                    gst::element_imp_error!(self, gst::StreamError::Format, ("{text}"));
                }
                NoChoice::Device(_) => {
                    gst::element_imp_error!(self, gst::ResourceError::Settings, ("{text}"));
                }
            }
            gst::loggable_error!(CAT, "{text}")
        })
    }

    /// Gets memory that suits all those that have answered `query`. What runs and still suits them stays.
    pub(super) fn prepare(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let (camera, choice, running) = {
            let state = self.state();
            (
                state.camera.clone(),
                state.choice.clone(),
                state.stream.clone(),
            )
        };
        let (Some(camera), Some(choice)) = (camera, choice) else {
            return Err(gst::loggable_error!(CAT, "ALLOCATION before caps"));
        };
        let element = self.obj();
        let builder = Builder {
            element: element.upcast_ref(),
            outlet: &self.outlet,
            camera: &camera,
            choice: &choice,
            query,
        };
        let party = builder.party();
        let is_same = running.is_some_and(|stream| {
            stream.choice.caps == choice.caps && stream.party.is_like(&party)
        });
        if !is_same {
            self.end_stream();
            let in_one = topology::suit(&camera, &choice, &party)
                .map_err(|error| self.refuse(&chain(&*error)))?;
            let builder = Builder {
                choice: in_one.as_ref().unwrap_or(&choice),
                ..builder
            };
            let stream = builder
                .build(self.settings().io)
                .map_err(|obstacles| self.refuse(&obstacles))?;
            self.sequence.restart();
            self.state().stream = Some(Arc::new(stream));
            let latency = gst::message::Latency::builder().src(&*element).build();
            if let Err(error) = element.post_message(latency) {
                gst::debug!(CAT, imp = self, "nobody listens: {error}");
            }
        }
        // The base class is not to take a pool of somebody's: frames come from the camera.
        while query.allocation_pools().next().is_some() {
            query.remove_nth_allocation_pool(0);
        }
        Ok(())
    }

    fn refuse(&self, obstacles: &str) -> gst::LoggableError {
        gst::element_imp_error!(
            self,
            gst::ResourceError::Settings,
            (
                "no way to get frames out of the camera: {obstacles}{}",
                self.advice()
            )
        );
        gst::loggable_error!(CAT, "{obstacles}")
    }

    fn advice(&self) -> String {
        let source = self.outlet.source();
        source.map_or_else(String::new, |source| source.advice())
    }
}
