//! What a device tells between frames.

use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::control::ControlId;
use crate::device::{Device, DeviceError};
use crate::uapi::{self, EventSubscription};

const END_OF_STREAM: u32 = 2;
const CONTROL: u32 = 3;
const SOURCE_CHANGE: u32 = 5;
/// `V4L2_EVENT_SRC_CH_RESOLUTION`
const RESOLUTION: u32 = 1;
/// `V4L2_CTRL_TYPE_INTEGER64`
const INTEGER64: u32 = 5;

/// A kind of event to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// The source has another format, or is lost or back: a cable was plugged, a stream begins anew.
    SourceChange,
    /// A decoder has no more pictures.
    EndOfStream,
    /// The value of a control changed.
    Control(ControlId),
}

impl EventKind {
    fn subscription(self) -> EventSubscription {
        let (kind, id) = match self {
            // The id is the input, or the pad; 0 is the current one.
            Self::SourceChange => (SOURCE_CHANGE, 0),
            Self::EndOfStream => (END_OF_STREAM, 0),
            Self::Control(id) => (CONTROL, id.0),
        };
        EventSubscription {
            kind,
            id,
            ..EventSubscription::default()
        }
    }
}

/// What happened (`struct v4l2_event`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The source changed. Where its resolution did, or its signal, frames of the old format may still come; then the capture
    /// queue is to be stopped, released, and given the new format.
    SourceChange {
        /// Width, height, interval, or everything, with the loss of the signal.
        is_resolution: bool,
    },
    /// There are no more pictures.
    EndOfStream,
    /// A control changed.
    Control {
        /// Which.
        id: ControlId,
        /// What it is now.
        value: i64,
    },
    /// Anything else, by the number of its kind.
    Other(u32),
}

impl From<&uapi::Event> for Event {
    fn from(event: &uapi::Event) -> Self {
        match event.kind {
            SOURCE_CHANGE => Self::SourceChange {
                is_resolution: event.word(0) & RESOLUTION != 0,
            },
            END_OF_STREAM => Self::EndOfStream,
            CONTROL => {
                // Changes and type, then the value.
                let value = if event.word(1) == INTEGER64 {
                    i64::from_ne_bytes(event.data[1].to_ne_bytes())
                } else {
                    i64::from(event.word(2).cast_signed())
                };
                Self::Control {
                    id: ControlId(event.id),
                    value,
                }
            }
            other => Self::Other(other),
        }
    }
}

impl Device {
    /// Asks for events of a kind. They are announced by `POLLPRI` on the file, and taken with [`try_event`](Self::try_event).
    ///
    /// # Errors
    ///
    /// The driver has no such events (EINVAL, ENOTTY).
    pub fn set_subscribed(&self, kind: EventKind, is_wanted: bool) -> Result<(), DeviceError> {
        let (operation, result) = if is_wanted {
            let result = uapi::subscribe(self.as_fd(), kind.subscription());
            ("VIDIOC_SUBSCRIBE_EVENT", result)
        } else {
            let result = uapi::unsubscribe(self.as_fd(), kind.subscription());
            ("VIDIOC_UNSUBSCRIBE_EVENT", result)
        };
        result.map_err(|errno| self.error(None, operation, format_args!("{kind:?}"), errno))
    }

    /// The next event, if there is one. Does not wait.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub fn try_event(&self) -> Result<Option<Event>, DeviceError> {
        match uapi::dequeue_event(self.as_fd()) {
            Ok(event) => Ok(Some((&event).into())),
            Err(Errno::NOENT | Errno::AGAIN) => Ok(None),
            Err(errno) => Err(self.error(None, "VIDIOC_DQEVENT", "the next event", errno)),
        }
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    fn event(kind: u32, id: u32, data: [u64; 2]) -> Event {
        let mut event = uapi::Event {
            kind,
            id,
            ..uapi::Event::default()
        };
        event.data[..2].copy_from_slice(&data);
        (&event).into()
    }

    #[test]
    fn events_are_read_by_their_kind() {
        let change = |is_resolution| Event::SourceChange { is_resolution };
        assert_eq!(event(5, 0, [1, 0]), change(true));
        assert_eq!(event(5, 0, [0, 0]), change(false));
        assert_eq!(event(2, 0, [0, 0]), Event::EndOfStream);
        assert_eq!(event(4, 0, [0, 0]), Event::Other(4));
    }

    #[test]
    fn the_value_of_a_control_has_the_width_of_its_type() {
        let value = |data| match event(3, 7, data) {
            Event::Control { id, value } => (id.0, value),
            other => panic!("{other:?}"),
        };
        assert_eq!(value([1 << 32, 0xffff_ffff]), (7, -1));
        assert_eq!(value([5 << 32, u64::MAX]), (7, -1));
        assert_eq!(value([5 << 32, 1 << 40]), (7, 1 << 40));
    }
}
