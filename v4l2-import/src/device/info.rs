use std::fmt;
use std::path::PathBuf;

use crate::uapi::{self, Caps};

/// What a device is, by the queues it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceKind {
    /// A camera, a grabber: fills frames.
    Capture,
    /// Shows or sends frames.
    Output,
    /// Makes frames of frames: scalers, converters, codecs. Each open file has queues of its own.
    Mem2Mem,
    /// Both queues on one node, but nothing is made of anything: what one program writes is what another one captures, as
    /// from the virtual cameras of `v4l2loopback`.
    Loopback,
    /// No queue of video frames: metadata, radio, touch, sub-devices.
    Other,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Capture => "camera",
            Self::Output => "video output",
            Self::Mem2Mem => "mem2mem",
            Self::Loopback => "virtual camera",
            Self::Other => "video device",
        })
    }
}

/// One of the two directions in which a device takes buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// The device fills its frames.
    Capture,
    /// The device reads its frames.
    Output,
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Capture => "capture queue",
            Self::Output => "output queue",
        })
    }
}

/// Who a device is (`VIDIOC_QUERYCAP`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The node, as `/dev/video0`.
    pub path: PathBuf,
    /// Name of the driver, as `uvcvideo`.
    pub driver: String,
    /// Name of the device, as `HD Pro Webcam C920`.
    pub card: String,
    /// Where it is connected, as `usb-0000:00:14.0-1`.
    pub bus: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Whether its queues speak the multi-planar interface, where a picture may spread over several buffers.
    pub is_multiplanar: bool,
    /// Whether it has queues of buffers at all; without, there is only `read()`.
    pub is_streaming: bool,
}

impl DeviceInfo {
    /// The capabilities of the opened node; those of the whole device where a driver of before 3.4 says no more.
    pub(super) fn new(path: PathBuf, capability: &uapi::Capability) -> Self {
        let all = Caps::from_bits_retain(capability.capabilities);
        let caps = if all.contains(Caps::DEVICE_CAPS) {
            Caps::from_bits_retain(capability.device_caps)
        } else {
            all
        };
        let captures = caps.intersects(Caps::VIDEO_CAPTURE | Caps::VIDEO_CAPTURE_MPLANE);
        let outputs = caps.intersects(Caps::VIDEO_OUTPUT | Caps::VIDEO_OUTPUT_MPLANE);
        let kind = if caps.intersects(Caps::VIDEO_M2M | Caps::VIDEO_M2M_MPLANE) {
            DeviceKind::Mem2Mem
        } else {
            match (captures, outputs) {
                (true, true) => DeviceKind::Loopback,
                (true, false) => DeviceKind::Capture,
                (false, true) => DeviceKind::Output,
                (false, false) => DeviceKind::Other,
            }
        };
        Self {
            path,
            driver: text(&capability.driver),
            card: text(&capability.card),
            bus: text(&capability.bus_info),
            kind,
            is_multiplanar: caps.intersects(
                Caps::VIDEO_CAPTURE_MPLANE | Caps::VIDEO_OUTPUT_MPLANE | Caps::VIDEO_M2M_MPLANE,
            ),
            is_streaming: caps.contains(Caps::STREAMING),
        }
    }

    /// The queues it has.
    pub fn queues(&self) -> &'static [Queue] {
        match self.kind {
            DeviceKind::Capture => &[Queue::Capture],
            DeviceKind::Output => &[Queue::Output],
            DeviceKind::Mem2Mem | DeviceKind::Loopback => &[Queue::Capture, Queue::Output],
            DeviceKind::Other => &[],
        }
    }

    /// Whether it brings frames that are none of this program's own: a camera, real or virtual.
    pub const fn is_camera(&self) -> bool {
        matches!(self.kind, DeviceKind::Capture | DeviceKind::Loopback)
    }

    /// `enum v4l2_buf_type` of a queue.
    pub(crate) fn buffer_type(&self, queue: Queue) -> u32 {
        match (queue, self.is_multiplanar) {
            (Queue::Capture, false) => uapi::BUF_TYPE_VIDEO_CAPTURE,
            (Queue::Capture, true) => uapi::BUF_TYPE_VIDEO_CAPTURE_MPLANE,
            (Queue::Output, false) => uapi::BUF_TYPE_VIDEO_OUTPUT,
            (Queue::Output, true) => uapi::BUF_TYPE_VIDEO_OUTPUT_MPLANE,
        }
    }
}

impl fmt::Display for DeviceInfo {
    /// As in `camera vivid (/dev/video0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.card, self.path.display())
    }
}

/// The text before the first NUL.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(capabilities: Caps, device_caps: Caps) -> DeviceInfo {
        let mut capability = uapi::Capability {
            capabilities: capabilities.bits(),
            device_caps: device_caps.bits(),
            ..uapi::Capability::default()
        };
        capability.card[..5].copy_from_slice(b"vivid");
        DeviceInfo::new("/dev/video0".into(), &capability)
    }

    #[test]
    fn the_node_counts_and_not_the_whole_device() {
        let whole = Caps::VIDEO_CAPTURE | Caps::VIDEO_OUTPUT | Caps::STREAMING | Caps::DEVICE_CAPS;
        let camera = info(whole, Caps::VIDEO_CAPTURE | Caps::STREAMING);
        assert_eq!(camera.kind, DeviceKind::Capture);
        assert_eq!(camera.queues(), [Queue::Capture]);
        assert!(camera.is_streaming && !camera.is_multiplanar);
        assert_eq!(camera.to_string(), "camera vivid (/dev/video0)");
        let metadata = info(whole, Caps::STREAMING);
        assert_eq!(metadata.kind, DeviceKind::Other);
        assert!(metadata.queues().is_empty());
    }

    #[test]
    fn mem2mem_devices_are_known_by_their_bit() {
        for caps in [Caps::VIDEO_M2M, Caps::VIDEO_M2M_MPLANE] {
            let device = info(caps, Caps::empty());
            assert_eq!(device.kind, DeviceKind::Mem2Mem, "{caps:?}");
            assert_eq!(device.queues().len(), 2);
            assert!(!device.is_camera());
        }
        assert!(info(Caps::VIDEO_M2M_MPLANE, Caps::empty()).is_multiplanar);
    }

    /// `v4l2loopback` has no other bits, and once a program writes to it and `exclusive_caps` is set, that of a camera only.
    #[test]
    fn both_queues_without_that_bit_are_a_virtual_camera() {
        let both = Caps::VIDEO_CAPTURE | Caps::VIDEO_OUTPUT;
        let device = info(both | Caps::STREAMING, Caps::empty());
        assert_eq!(device.kind, DeviceKind::Loopback);
        assert_eq!(device.queues(), [Queue::Capture, Queue::Output]);
        assert_eq!(device.to_string(), "virtual camera vivid (/dev/video0)");
        assert!(device.is_camera() && !device.is_multiplanar);
    }

    #[test]
    fn each_queue_has_a_type_in_both_interfaces() {
        let single = info(Caps::VIDEO_M2M, Caps::empty());
        let multi = info(Caps::VIDEO_M2M_MPLANE, Caps::empty());
        let types = |device: &DeviceInfo| {
            [Queue::Capture, Queue::Output].map(|queue| device.buffer_type(queue))
        };
        assert_eq!(types(&single), [1, 2]);
        assert_eq!(types(&multi), [9, 10]);
    }
}
