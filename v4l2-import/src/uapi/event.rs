//! Events: `struct v4l2_event` and subscriptions.

use std::ffi::c_long;
use std::os::fd::BorrowedFd;

use rustix::io::Result;
use rustix::ioctl::{Opcode, opcode};

use super::update;

const DQEVENT: Opcode = opcode::read::<Event>(b'V', 89);
const SUBSCRIBE_EVENT: Opcode = opcode::write::<EventSubscription>(b'V', 90);
const UNSUBSCRIBE_EVENT: Opcode = opcode::write::<EventSubscription>(b'V', 91);

/// `struct v4l2_event`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Event {
    pub(crate) kind: u32,
    /// The union.
    pub(crate) data: [u64; 8],
    pub(crate) pending: u32,
    pub(crate) sequence: u32,
    /// Seconds and nanoseconds.
    pub(crate) timestamp: [c_long; 2],
    pub(crate) id: u32,
    pub(crate) reserved: [u32; 8],
}

impl Event {
    /// A 32-bit word of the union.
    pub(crate) fn word(&self, index: usize) -> u32 {
        let bytes = self.data[index / 2].to_ne_bytes();
        let half = if index.is_multiple_of(2) {
            [bytes[0], bytes[1], bytes[2], bytes[3]]
        } else {
            [bytes[4], bytes[5], bytes[6], bytes[7]]
        };
        u32::from_ne_bytes(half)
    }
}

/// `struct v4l2_event_subscription`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct EventSubscription {
    pub(crate) kind: u32,
    pub(crate) id: u32,
    pub(crate) flags: u32,
    pub(crate) reserved: [u32; 5],
}

const _: () = {
    assert!(size_of::<EventSubscription>() == 32);
};

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<Event>() == 136);
    assert!(std::mem::offset_of!(Event, data) == 8);
    assert!(std::mem::offset_of!(Event, id) == 96);
};

/// The next event. ENOENT: there is none.
pub(crate) fn dequeue_event(device: BorrowedFd<'_>) -> Result<Event> {
    let mut event = Event::default();
    // SAFETY: the type mirrors struct v4l2_event and holds no pointer.
    unsafe { update::<DQEVENT, Event>(device, &mut event) }?;
    Ok(event)
}

/// Asks for events of a kind.
pub(crate) fn subscribe(device: BorrowedFd<'_>, mut subscription: EventSubscription) -> Result<()> {
    // SAFETY: the type mirrors struct v4l2_event_subscription and holds no pointer.
    unsafe { update::<SUBSCRIBE_EVENT, EventSubscription>(device, &mut subscription) }
}

/// Wants no more of them.
pub(crate) fn unsubscribe(
    device: BorrowedFd<'_>,
    mut subscription: EventSubscription,
) -> Result<()> {
    // SAFETY: as in `subscribe`.
    unsafe { update::<UNSUBSCRIBE_EVENT, EventSubscription>(device, &mut subscription) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn opcodes_are_those_of_the_kernel_headers() {
        assert_eq!(DQEVENT, 0x8088_5659);
        assert_eq!(SUBSCRIBE_EVENT, 0x4020_565a);
        assert_eq!(UNSUBSCRIBE_EVENT, 0x4020_565b);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn words_lie_in_the_order_of_memory() {
        let event = Event {
            data: [0x0000_0002_0000_0001, 3, 0, 0, 0, 0, 0, 0],
            ..Event::default()
        };
        assert_eq!([0, 1, 2, 3].map(|index| event.word(index)), [1, 2, 3, 0]);
    }
}
