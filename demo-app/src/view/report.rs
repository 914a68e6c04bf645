//! The table at the end: what path the frames took.

use std::fmt;

use anyhow::Result;

use super::camera::Camera;
use super::pipeline::Pipeline;

/// What the elements counted.
#[derive(Debug)]
pub(super) struct Report {
    camera: String,
    source: gst::Structure,
    convert: Option<gst::Structure>,
    sink: gst::Structure,
}

impl Report {
    pub(super) fn read(pipeline: &Pipeline, camera: &Camera) -> Result<Self> {
        Ok(Self {
            camera: format!("{}  {}", camera.node.display(), mode_text(&camera.caps)),
            source: pipeline.source_stats()?,
            convert: pipeline.convert_stats()?,
            sink: pipeline.sink_stats()?,
        })
    }

    pub(super) fn frames(&self) -> u64 {
        count(&self.sink, "shown")
    }

    /// Frames that came too late, or that newer ones replaced while the display was busy.
    pub(super) fn dropped(&self) -> u64 {
        count(&self.sink, "dropped") + count(&self.sink, "superseded")
    }

    fn dropped_and_why(&self) -> String {
        match (self.dropped(), count(&self.sink, "superseded")) {
            (dropped, 0) => dropped.to_string(),
            (dropped, superseded) => format!(
                "{dropped}  ({superseded} replaced by newer ones while the display was busy)"
            ),
        }
    }

    /// Copies by all elements.
    pub(super) fn copies(&self) -> u64 {
        let elements = [Some(&self.source), self.convert.as_ref(), Some(&self.sink)];
        let counted = elements.into_iter().flatten();
        counted.map(|stats| count(stats, "copies")).sum()
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let sink = |name| count(&self.sink, name);
        let text = |name| self.sink.get::<String>(name).unwrap_or_default();
        let mut rows = vec![("camera", self.camera.clone())];
        rows.extend(self.convert.as_ref().map(|it| ("process", work(it))));
        rows.extend([
            (
                "display",
                format!(
                    "{}  {}",
                    text("device"),
                    join([text("driver"), text("connector"), text("mode")])
                ),
            ),
            ("path", self.path()),
            ("heap", self.heap()),
            ("frames", self.frames().to_string()),
            ("dropped", self.dropped_and_why()),
            ("copies", self.copies().to_string()),
            (
                "frames/s",
                format!("{:.1}", self.sink.get::<f64>("fps").unwrap_or(0.0)),
            ),
            ("latency", self.latency()),
            (
                "imports",
                format!(
                    "{} ({} cache hits)",
                    sink("imports"),
                    sink("import-cache-hits")
                ),
            ),
            ("buffers", self.buffers()),
        ]);
        rows
    }

    /// Whose memory the frames were in, and how the display came to them.
    fn path(&self) -> String {
        let camera = match self.source.get::<&str>("path") {
            Ok("pool") => "camera writes into the heap",
            Ok("export") => "camera brings its own memory",
            Ok("copy") => "the camera's frames are copied into the heap",
            _ => return "no frame came".to_owned(),
        };
        let what = match self.sink.get::<&str>("path") {
            Ok("copy") => "reads copies",
            _ => "reads",
        };
        let import = match self.sink.get::<u32>("dmabuf-version") {
            Ok(_) if count(&self.sink, "shm-copies") > 0 => "wl_shm".to_owned(),
            Ok(version) => format!("linux-dmabuf v{version}"),
            Err(_no_compositor) => "PRIME import".to_owned(),
        };
        format!("{camera}, display {what} by {import}")
    }

    fn heap(&self) -> String {
        let text = |name| self.source.get::<String>(name).unwrap_or_default();
        match (text("heap"), text("heap-reason")) {
            (heap, reason) if reason.is_empty() => heap,
            (heap, reason) => format!("{heap}  ({reason})"),
        }
    }

    fn latency(&self) -> String {
        let milliseconds = |name| {
            let nanoseconds = count(&self.sink, name);
            format!(
                "{}.{} ms",
                nanoseconds / 1_000_000,
                nanoseconds / 100_000 % 10
            )
        };
        format!(
            "50 % {}, 95 % {}, 99 % {}",
            milliseconds("latency-p50"),
            milliseconds("latency-p95"),
            milliseconds("latency-p99"),
        )
    }

    fn buffers(&self) -> String {
        format!(
            "{} allocated, {} in flight at most",
            count(&self.source, "allocations"),
            count(&self.source, "pool-high-water"),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.rows().iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{name:<9} {value}")?;
        }
        Ok(())
    }
}

/// Who worked on the frames, how many, and in which memory they came.
fn work(convert: &gst::StructureRef) -> String {
    let text = |name| convert.get::<String>(name).unwrap_or_default();
    let memory = match text("path").as_str() {
        "pool" => "reads the camera's memory in the heap",
        "foreign" => "reads memory of others as it is",
        "copy" => "reads copies",
        _ => return "nothing to do, frames pass untouched".to_owned(),
    };
    format!(
        "{} {memory}, writes into {}: {} frames, {} re-attachments",
        text("backend"),
        text("heap"),
        count(convert, "converted"),
        count(convert, "re-attachments")
    )
}

/// What is known, with spaces between.
fn join(parts: [String; 3]) -> String {
    let known = parts.into_iter().filter(|part| !part.is_empty());
    known.collect::<Vec<_>>().join(" ")
}

fn count(stats: &gst::StructureRef, name: &str) -> u64 {
    stats.get::<u64>(name).unwrap_or(0)
}

fn mode_text(caps: &gst::CapsRef) -> String {
    let Some(structure) = caps.structure(0) else {
        return String::new();
    };
    let size = |name| structure.get::<i32>(name).unwrap_or(0);
    let format = structure.get::<&str>("format").unwrap_or("?");
    format!("{format} {}x{}", size("width"), size("height"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        gst::init().unwrap();
        Report {
            camera: "/dev/video0  NV12 1280x720".into(),
            source: gst::Structure::builder("stats")
                .field("heap", "system")
                .field("heap-reason", "first that works")
                .field("copies", 1u64)
                .build(),
            convert: None,
            sink: gst::Structure::builder("stats")
                .field("shown", 300u64)
                .field("copies", 2u64)
                .field("latency-p50", 12_340_000u64)
                .build(),
        }
    }

    #[test]
    fn copies_of_both_elements_are_added_up() {
        assert!(report().to_string().contains("copies    3\n"));
    }

    #[test]
    fn frames_that_a_busy_display_never_showed_are_dropped_ones_with_their_reason() {
        let mut report = report();
        report.sink.set("dropped", 2u64);
        assert!(report.to_string().contains("dropped   2\n"));
        report.sink.set("superseded", 5u64);
        let text = report.to_string();
        assert!(
            text.contains("dropped   7  (5 replaced by newer ones while the display was busy)\n"),
            "{text}"
        );
    }

    #[test]
    fn the_path_is_named() {
        let mut report = report();
        assert_eq!(report.path(), "no frame came");
        report.source.set("path", "pool");
        report.sink.set("path", "foreign");
        let path = |report: &Report| report.path();
        assert_eq!(
            path(&report),
            "camera writes into the heap, display reads by PRIME import"
        );
        report.sink.set("dmabuf-version", 4_u32);
        assert!(path(&report).ends_with("display reads by linux-dmabuf v4"));
        report.sink.set("shm-copies", 9_u64);
        report.sink.set("path", "copy");
        assert!(path(&report).ends_with("display reads copies by wl_shm"));
        report.source.set("path", "copy");
        assert!(path(&report).starts_with("the camera's frames are copied into the heap"));
    }

    #[test]
    fn whoever_worked_on_the_frames_is_named_with_the_path_they_took() {
        let mut report = report();
        let convert = gst::Structure::builder("stats")
            .field("backend", "mem2mem vim2m (/dev/video1)")
            .field("path", "pool")
            .field("heap", "system")
            .field("converted", 7u64)
            .field("copies", 4u64)
            .build();
        report.convert = Some(convert);
        let text = report.to_string();
        assert!(
            text.contains("process   mem2mem vim2m (/dev/video1) reads the camera's memory"),
            "{text}"
        );
        assert!(text.contains("7 frames, 0 re-attachments"), "{text}");
        assert!(text.contains("copies    7\n"), "{text}");
    }

    #[test]
    fn the_heap_comes_with_its_reason() {
        assert!(
            report()
                .to_string()
                .contains("heap      system  (first that works)")
        );
    }

    #[test]
    fn latencies_are_milliseconds() {
        assert!(report().to_string().contains("50 % 12.3 ms"));
    }
}
