//! The provider: a list of the moment, or one that follows what is plugged in and out.

use std::path::Path;
use std::sync::{LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::device::CameraDevice;
use super::watch::{Change, Watch};
use crate::sync::lock;

/// State of the provider.
#[derive(Debug, Default)]
pub(crate) struct CameraProvider {
    /// From start to stop.
    watch: Mutex<Option<Watch>>,
    /// Those that were told of since the start.
    told: Mutex<Vec<CameraDevice>>,
}

#[glib::object_subclass]
impl ObjectSubclass for CameraProvider {
    const NAME: &'static str = "GstDmaheapV4l2DeviceProvider";
    type Type = super::CameraProvider;
    type ParentType = gst::DeviceProvider;
}

impl ObjectImpl for CameraProvider {}

impl GstObjectImpl for CameraProvider {}

impl DeviceProviderImpl for CameraProvider {
    fn metadata() -> Option<&'static gst::subclass::DeviceProviderMetadata> {
        static METADATA: LazyLock<gst::subclass::DeviceProviderMetadata> = LazyLock::new(|| {
            gst::subclass::DeviceProviderMetadata::new(
                "V4L2 cameras on dma-bufs",
                "Source/Video",
                "Lists the cameras that dmaheapv4l2src captures from",
                env!("CARGO_PKG_AUTHORS"),
            )
        });
        Some(&METADATA)
    }

    fn probe(&self) -> Vec<gst::Device> {
        all().into_iter().map(Cast::upcast).collect()
    }

    fn start(&self) -> Result<(), gst::LoggableError> {
        let provider = self.obj().downgrade();
        // Before the list is made: what comes in between is seen twice rather than never.
        let watch = Watch::start(move |change| {
            if let Some(provider) = provider.upgrade() {
                provider.imp().follow(&change);
            }
        });
        let watch = watch.map_err(|error| {
            gst::loggable_error!(crate::CAT, "cannot watch /dev for cameras: {error}")
        })?;
        for device in all() {
            self.add(&device);
        }
        *lock(&self.watch) = Some(watch);
        Ok(())
    }

    fn stop(&self) {
        let watch = lock(&self.watch).take();
        drop(watch);
        let told = std::mem::take(&mut *lock(&self.told));
        drop(told);
    }
}

impl CameraProvider {
    fn follow(&self, change: &Change) {
        match change {
            Change::Came(path) => {
                if let Some(device) = CameraDevice::at(path) {
                    self.add(&device);
                }
            }
            Change::Went(path) => {
                let gone = {
                    let mut told = lock(&self.told);
                    let at = told.iter().position(|it| Path::new(it.node()) == path);
                    at.map(|at| told.remove(at))
                };
                if let Some(device) = gone {
                    self.obj().device_remove(&device);
                }
            }
        }
    }

    fn add(&self, device: &CameraDevice) {
        let is_new = {
            let mut told = lock(&self.told);
            let is_new = told.iter().all(|it| it.node() != device.node());
            if is_new {
                told.push(device.clone());
            }
            is_new
        };
        if is_new {
            self.obj().device_add(device);
        }
    }
}

fn all() -> Vec<CameraDevice> {
    let found = v4l2_import::enumerate();
    found
        .iter()
        .filter_map(|found| CameraDevice::at(&found.path))
        .collect()
}
