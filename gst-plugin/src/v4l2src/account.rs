//! What the element tells of itself.

use std::sync::atomic::Ordering;

use super::imp::V4l2Src;

impl V4l2Src {
    /// The property `stats`.
    pub(super) fn stats(&self) -> gst::Structure {
        let stats = self.outlet.stats();
        let mut account = stats.to_structure("dmaheapv4l2src-stats");
        account.set("lost", self.sequence.lost());
        account.set("damaged", self.damaged.load(Ordering::Relaxed));
        account.set("exported", self.exported.load(Ordering::Relaxed));
        let (camera, stream) = {
            let now = self.state();
            (now.camera.clone(), now.stream.clone())
        };
        if let Some(camera) = camera {
            account.set("device", camera.device().info().to_string());
        }
        if let Some(stream) = stream {
            account.set("io", stream.io.name());
            account.set("io-reason", stream.why.as_str());
            account.set("format", stream.choice.format.to_string());
            account.set("buffers", stream.buffers());
            account.set("queued", stream.queued() as u64);
        }
        account
    }

    /// A frame is there when it has been taken, which takes as long as to the next one; it may lie here for as long as there
    /// are buffers.
    pub(super) fn latency(&self) -> Option<(gst::ClockTime, gst::ClockTime)> {
        let stream = self.state().stream.clone()?;
        let frame = stream.choice.rate.duration()?;
        let min = gst::ClockTime::try_from(frame).ok()?;
        let max = gst::ClockTime::try_from(frame * stream.buffers()).ok()?;
        Some((min, max))
    }
}
