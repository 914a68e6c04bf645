//! Who is upstream: for messages, and to be asked what memory it can fill.

use std::sync::Arc;

use dmabuf_heap::Importer;
use gst::glib;
use gst::prelude::*;

use crate::in_place::{self, InPlace, MAX_STEPS};
use crate::v4l2::KnownCapture;

/// How many elements a message names.
const MAX_NAMED: usize = 8;

/// The element that brings the buffers, as a message should name it.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    /// The element's name, such as `v4l2src0`.
    pub name: String,
    /// Its factory, such as `v4l2src`.
    pub factory: String,
    /// Its device node, if it has one.
    pub device: Option<String>,
    /// Whether it imports the dma-bufs of its peer's pool.
    pub imports: bool,
    /// The property that says how frames get out of its device, if it has one.
    io: Option<&'static str>,
    /// The element itself, which may be gone.
    element: glib::WeakRef<gst::Element>,
    /// Whether elements on the way from there change its frames in place, by the CPU.
    pub touched: bool,
    /// The `tee` on the way from there, if there is one: a `tee` hands no pool upstream.
    pub tee: Option<String>,
}

impl Upstream {
    /// The element that made what arrives at `pad`: the first one that does more than hand buffers on.
    pub(crate) fn find(pad: &gst::Pad) -> Option<Self> {
        let mut pad = pad.clone();
        let mut found = None;
        let mut tee = None;
        let mut touched = false;
        for _step in 0..MAX_STEPS {
            let Some(element) = in_place::neighbour(&pad) else {
                break;
            };
            let upstream = Self {
                tee: tee.clone(),
                touched,
                ..Self::of(&element)
            };
            let in_place = InPlace::of(&element);
            touched |= in_place == Some(InPlace::Touches);
            if upstream.factory == "tee" {
                tee.get_or_insert_with(|| upstream.name.clone());
            }
            let input = in_place::input(&element);
            found = Some(upstream);
            match input {
                Some(input) if in_place.is_some() => pad = input,
                _ => break,
            }
        }
        found
    }

    /// How a sentence calls it: `v4l2src0 (/dev/video0)`.
    pub(crate) fn label(&self) -> String {
        match &self.device {
            Some(device) => format!("{} ({device})", self.name),
            None => format!("{} ({})", self.name, self.factory),
        }
    }

    /// The settings with which it fills dma-bufs of its peer's and brings its own, as a message should name them.
    pub(crate) fn remedies(&self) -> Option<[String; 2]> {
        let io = self.io?;
        let values = if io == OWN_IO {
            ["import", "export"]
        } else {
            ["dmabuf-import", "dmabuf"]
        };
        Some(values.map(|value| format!("{} {io}={value}", self.factory)))
    }

    /// The device that it imports with, if it does and that can be asked.
    pub(crate) fn driver(&self, known: &KnownCapture) -> Option<Arc<dyn Importer>> {
        let element = self.element.upgrade().filter(|_| self.imports)?;
        known.of(&element)
    }

    /// Those downstream of `pad` that do more than hand buffers on, for messages; as many as are worth a line.
    pub(crate) fn downstream_of(pad: &gst::Pad) -> String {
        let mut names = Vec::new();
        let mut pad = Some(pad.clone());
        while let Some(peer) = pad.as_ref().and_then(PadExt::peer)
            && names.len() < MAX_NAMED
        {
            let Some(element) = peer.parent_element() else {
                break;
            };
            names.push(element.name().to_string());
            pad = element.src_pads().into_iter().next();
        }
        if names.is_empty() {
            "nobody".to_owned()
        } else {
            names.join(", ")
        }
    }

    fn of(element: &gst::Element) -> Self {
        let io = io_property(element);
        let imports = io.is_some_and(|io| io_mode(element, io).as_deref() == Some("dmabuf-import"));
        let text = |property: &str| {
            let readable = element
                .find_property(property)?
                .flags()
                .contains(glib::ParamFlags::READABLE);
            let value = readable.then(|| element.property_value(property))?;
            value.get::<Option<String>>().ok().flatten()
        };
        Self {
            name: element.name().to_string(),
            factory: element
                .factory()
                .map_or_else(|| "bin".to_owned(), |it| it.name().to_string()),
            device: text("device"),
            imports,
            io,
            element: element.downgrade(),
            touched: false,
            tee: None,
        }
    }
}

/// That of `dmaheapv4l2src`, which makes its own memory and takes no pool.
const OWN_IO: &str = "io";

fn io_property(element: &gst::Element) -> Option<&'static str> {
    if element.type_().name() == "GstDmaheapV4l2Src" {
        return Some(OWN_IO);
    }
    let names = ["io-mode", "capture-io-mode"];
    names.into_iter().find(|it| element.has_property(it))
}

fn io_mode(element: &gst::Element, property: &str) -> Option<String> {
    let value = element.property_value(property);
    glib::EnumValue::from_value(&value).map(|(_class, value)| value.nick().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream_of_last(launch: &str) -> Option<Upstream> {
        gst::init().expect("GStreamer");
        let bin = gst::parse::bin_from_description(launch, false).expect("pipeline");
        let sink = bin.by_name("last").expect("an element called last");
        Upstream::find(&sink.static_pad("sink").expect("sink pad"))
    }

    #[test]
    fn elements_that_hand_on_are_looked_through() {
        let launch = "v4l2src device=/dev/video7 io-mode=dmabuf-import name=cam \
                      ! video/x-raw ! queue ! identity ! identity name=last";
        let upstream = upstream_of_last(launch).expect("upstream");
        assert_eq!(upstream.label(), "cam (/dev/video7)");
        assert!(upstream.imports);
    }

    #[test]
    fn whoever_is_upstream_is_told_of_its_own_settings() {
        gst::init().expect("GStreamer");
        crate::plugin_register_static().expect("the plugin");
        for (source, remedies) in [
            (
                "v4l2src",
                Some(["v4l2src io-mode=dmabuf-import", "v4l2src io-mode=dmabuf"]),
            ),
            (
                "dmaheapv4l2src",
                Some(["dmaheapv4l2src io=import", "dmaheapv4l2src io=export"]),
            ),
            ("videotestsrc", None),
        ] {
            let upstream = upstream_of_last(&format!("{source} ! identity name=last"));
            let told = upstream.expect("upstream").remedies();
            assert_eq!(told, remedies.map(|it| it.map(str::to_owned)));
        }
    }

    #[test]
    fn a_tee_on_the_way_is_named() {
        let launch =
            "v4l2src name=cam ! tee name=fork ! queue ! identity name=last fork. ! fakesink";
        let upstream = upstream_of_last(launch).expect("upstream");
        assert_eq!(
            (upstream.name.as_str(), upstream.tee.as_deref()),
            ("cam", Some("fork"))
        );
    }

    #[test]
    fn a_converter_makes_its_own_frames() {
        let upstream = upstream_of_last("videotestsrc ! videoflip name=near ! identity name=last");
        let upstream = upstream.expect("upstream");
        assert_eq!(upstream.label(), "near (videoflip)");
        assert!(!upstream.imports);
    }

    #[test]
    fn who_changes_frames_in_place_is_not_their_source() {
        for (filter, touched) in [
            ("videobalance saturation=0", true),
            ("videobalance", false),
            ("videoconvert", false),
        ] {
            let launch = format!("videotestsrc name=cam ! {filter} ! queue ! fakesink name=last");
            gst::init().expect("GStreamer");
            let pipeline = gst::parse::launch(&launch).expect("pipeline");
            pipeline.set_state(gst::State::Paused).expect("plays");
            let (reached, _, _) = pipeline.state(gst::ClockTime::from_seconds(20));
            reached.expect("one frame");
            let last = pipeline
                .downcast_ref::<gst::Bin>()
                .and_then(|it| it.by_name("last"));
            let pad = last.and_then(|it| it.static_pad("sink")).expect("a sink");
            let upstream = Upstream::find(&pad).expect("upstream");
            pipeline.set_state(gst::State::Null).expect("stops");
            let found = (upstream.name.as_str(), upstream.touched);
            assert_eq!(found, ("cam", touched), "{filter}");
        }
    }

    #[test]
    fn a_bin_is_no_border() {
        gst::init().expect("GStreamer");
        let pipeline = gst::Pipeline::new();
        let inner =
            gst::parse::bin_from_description("videotestsrc name=inside", true).expect("bin");
        let last = gst::ElementFactory::make("identity")
            .name("last")
            .build()
            .expect("identity");
        pipeline.add(&inner).expect("add");
        pipeline.add(&last).expect("add");
        inner.link(&last).expect("link");
        let upstream = Upstream::find(&last.static_pad("sink").expect("pad")).expect("upstream");
        assert_eq!(upstream.name, "inside");
    }

    #[test]
    fn nobody_is_nobody() {
        assert!(upstream_of_last("identity name=last").is_none());
    }
}
