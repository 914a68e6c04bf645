//! The V4L2 device of an element of GStreamer's, as a party to a negotiation.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;

use dmabuf_heap::Importer;
use gst::glib;
use gst::prelude::*;
use v4l2_import::{Queue, QueueImporter};

use crate::CAT;
use crate::ffi::fd::duplicate;

/// The property by which `v4l2src` and its kin show their open device.
const PROPERTY: &str = "device-fd";

/// The queue that `element` captures from; `None` if it has no open V4L2 device that could be asked.
///
/// The element is held weakly, and its file is duplicated for the length of a question only: mem2mem queues belong to an
/// open file, so another file would ask other queues. The element sets its format itself before it streams, also to the
/// strides that it finds in our frames; so the question may be asked about other strides than those of the moment, and
/// the format is put back.
pub(crate) fn capture_of(element: &gst::Element) -> Option<Arc<dyn Importer>> {
    let property = element.find_property(PROPERTY)?;
    let is_readable = property.flags().contains(glib::ParamFlags::READABLE);
    if !is_readable || property.value_type() != RawFd::static_type() {
        return None;
    }
    let weak = element.downgrade();
    let importer = QueueImporter::new(move || file_of(&weak), Queue::Capture);
    match importer {
        Ok(importer) => Some(Arc::new(importer.may_set_format(true))),
        Err(error) => {
            gst::debug!(CAT, obj = element, "cannot be asked: {error}");
            None
        }
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
            assert!(capture_of(&element).is_none(), "{factory}");
        }
    }
}
