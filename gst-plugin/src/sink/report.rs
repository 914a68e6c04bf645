//! The `stats` property.

use std::time::Duration;

use gst_base::prelude::*;

use super::presenter::{Display, Presenter};
use super::state::SinkCore;
use super::timing::Percentiles;

impl<P: Presenter> SinkCore<P> {
    /// The base class's fields, the way of the frames, the display, the times.
    pub(crate) fn stats(&self, element: &gst_base::BaseSink, name: &str) -> gst::Structure {
        let mut fields = self.path.to_structure(name);
        for (field, value) in element.stats().iter() {
            fields.set_value(field, value.clone());
        }
        if let Some(display) = self.display() {
            display.describe(&mut fields);
        }
        if let Some(presenter) = self.presenter() {
            presenter.describe(&mut fields);
        }
        self.add_timing(&mut fields);
        fields
    }

    fn add_timing(&self, fields: &mut gst::Structure) {
        let (shown, wait, age, fps) = {
            let timing = self.timing();
            (
                timing.shown(),
                timing.wait(),
                timing.age(),
                timing.frames_per_second(),
            )
        };
        fields.set("shown", shown);
        fields.set("fps", fps);
        set_percentiles(fields, "latency", age);
        set_percentiles(fields, "display-latency", wait);
    }
}

fn set_percentiles(fields: &mut gst::Structure, name: &str, percentiles: Percentiles) {
    let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    fields.set(format!("{name}-p50"), nanoseconds(percentiles.p50));
    fields.set(format!("{name}-p95"), nanoseconds(percentiles.p95));
    fields.set(format!("{name}-p99"), nanoseconds(percentiles.p99));
}
