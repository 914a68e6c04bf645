//! The V4L2 device of an element of GStreamer's, as a party to a negotiation.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Arc, Mutex};

use dmabuf_heap::{DeviceKey, Importer};
use gst::glib;
use gst::prelude::*;
use v4l2_import::{Queue, QueueImporter};

use crate::CAT;
use crate::ffi::fd::duplicate;
use crate::sync::lock;

/// The property by which `v4l2src` and its kin show their open device.
const PROPERTY: &str = "device-fd";

/// The queue that an element captures from, as it was last looked for.
#[derive(Debug, Default)]
pub(crate) struct KnownCapture(Mutex<Option<Capture>>);

#[derive(Debug, Clone)]
struct Capture {
    element: glib::WeakRef<gst::Element>,
    device: DeviceKey,
    importer: Arc<dyn Importer>,
}

impl KnownCapture {
    /// The queue that `element` captures from; `None` if it has no open V4L2 device that could be asked. The importer is the
    /// one of the last time, if it is about the same element and device.
    ///
    /// The element is held weakly, and its file is duplicated for the length of a question only: mem2mem queues belong to
    /// an open file, so another file would ask other queues. The element sets its format itself before it streams, also
    /// to the strides that it finds in our frames; so the question may be asked about other strides than those of the
    /// moment, and the format is put back.
    pub(crate) fn of(&self, element: &gst::Element) -> Option<Arc<dyn Importer>> {
        let property = element.find_property(PROPERTY)?;
        let is_readable = property.flags().contains(glib::ParamFlags::READABLE);
        if !is_readable || property.value_type() != RawFd::static_type() {
            return None;
        }
        let weak = element.downgrade();
        let device = DeviceKey::of(file_of(&weak).ok()?).ok()?;
        let known = lock(&self.0).clone();
        let is_known = |known: &Capture| known.element == weak && known.device == device;
        if let Some(known) = known.filter(is_known) {
            return Some(known.importer);
        }
        let file = weak.clone();
        let importer = QueueImporter::new(move || file_of(&file), Queue::Capture)
            .inspect_err(|error| gst::debug!(CAT, obj = element, "cannot be asked: {error}"));
        let importer: Arc<dyn Importer> = Arc::new(importer.ok()?.may_set_format(true));
        let before = lock(&self.0).replace(Capture {
            element: weak,
            device,
            importer: Arc::clone(&importer),
        });
        drop(before);
        Some(importer)
    }

    /// Looks anew the next time.
    pub(crate) fn forget(&self) {
        let forgotten = lock(&self.0).take();
        drop(forgotten);
    }
}

fn file_of(element: &glib::WeakRef<gst::Element>) -> io::Result<OwnedFd> {
    let element = element
        .upgrade()
        .ok_or_else(|| io::Error::other("the element is gone"))?;
    match element.property::<RawFd>(PROPERTY) {
        fd if fd < 0 => Err(io::Error::other(format!(
            "{} has no open device",
            element.name()
        ))),
        fd => duplicate(fd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_without_an_open_device_cannot_be_asked() {
        gst::init().expect("GStreamer");
        for factory in ["identity", "v4l2src"] {
            let element = gst::ElementFactory::make(factory).build().expect(factory);
            let known = KnownCapture::default();
            assert!(known.of(&element).is_none(), "{factory}");
        }
    }
}
