//! The debug log of GStreamer, kept.

use std::sync::{Arc, Mutex};

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
