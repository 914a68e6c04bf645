//! One camera as an application sees it before it is opened.

use std::path::Path;

use gst::glib;
use gst::subclass::prelude::*;

use crate::v4l2src::camera::Camera;
use crate::v4l2src::settings::Settings;

glib::wrapper! {
    /// A camera that `dmaheapv4l2src` can open.
    pub(crate) struct CameraDevice(ObjectSubclass<imp::CameraDevice>) @extends gst::Device, gst::Object;
}

impl CameraDevice {
    /// The camera at a node; `None` if there is none, or it cannot be opened.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let node = path.to_str()?;
        let settings = Settings {
            device: node.to_owned(),
            ..Settings::default()
        };
        let camera = Camera::open(&settings)
            .inspect_err(|error| gst::debug!(crate::CAT, "{error}"))
            .ok()?;
        let info = camera.device().info();
        let properties = gst::Structure::builder("camera-properties")
            .field("device.api", "v4l2")
            .field("device.path", node)
            .field("object.path", format!("v4l2:{node}"))
            .field("v4l2.device.driver", &info.driver)
            .field("v4l2.device.card", &info.card)
            .field("v4l2.device.bus_info", &info.bus)
            .build();
        let device: Self = glib::Object::builder()
            .property("caps", camera.caps())
            .property("device-class", "Video/Source")
            .property("display-name", format!("{} (dma-bufs)", info.card))
            .property("properties", properties)
            .build();
        device.imp().node.get_or_init(|| node.to_owned());
        Some(device)
    }

    /// As `/dev/video0`.
    pub(super) fn node(&self) -> &str {
        self.imp().node.get().map_or("", String::as_str)
    }
}

mod imp {
    use std::sync::OnceLock;

    use gst::glib;
    use gst::subclass::prelude::*;

    /// State of the device object.
    #[derive(Debug, Default)]
    pub(crate) struct CameraDevice {
        pub(super) node: OnceLock<String>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for CameraDevice {
        const NAME: &'static str = "GstDmaheapV4l2Device";
        type Type = super::CameraDevice;
        type ParentType = gst::Device;
    }

    impl ObjectImpl for CameraDevice {}

    impl GstObjectImpl for CameraDevice {}

    impl DeviceImpl for CameraDevice {
        fn create_element(&self, name: Option<&str>) -> Result<gst::Element, gst::LoggableError> {
            let node = self.node.get().map_or("", String::as_str);
            let element = gst::ElementFactory::make("dmaheapv4l2src").property("device", node);
            let element = match name {
                Some(name) => element.name(name),
                None => element,
            };
            element
                .build()
                .map_err(|error| gst::loggable_error!(crate::CAT, "{node}: {error}"))
        }
    }
}
