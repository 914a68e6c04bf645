//! Why queues do not start, for messages.

use rustix::io::Errno;

use crate::device::{Device, DeviceKind};
use crate::media;

/// What to do about the answer of `VIDIOC_STREAMON`.
pub(super) fn remedy(device: &Device, errno: Errno) -> String {
    match errno {
        Errno::PIPE | Errno::NOLINK => media::remedy(device),
        Errno::IO if device.info().kind == DeviceKind::Loopback => {
            "no program writes to this virtual camera: start the one that does".to_owned()
        }
        // uvcvideo: no setting of the interface leaves room for this stream.
        Errno::NOSPC => {
            "its bus has too little bandwidth left: take smaller pictures, a lower rate or a compressed format, or \
             connect the camera to another bus"
                .to_owned()
        }
        _ => String::new(),
    }
}
