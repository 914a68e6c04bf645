use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{Device, Queue};

/// Which queues of an open device have an owner in this process.
#[derive(Debug, Default)]
pub(crate) struct Claims(AtomicU8);

impl Claims {
    const fn bit(queue: Queue) -> u8 {
        match queue {
            Queue::Capture => 1,
            Queue::Output => 2,
        }
    }
}

/// The right to use a queue, given back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    device: Arc<Device>,
    queue: Queue,
}

impl Claim {
    /// `None`: somebody has it.
    pub(crate) fn new(device: &Arc<Device>, queue: Queue) -> Option<Self> {
        let bit = Claims::bit(queue);
        let before = device.claims().0.fetch_or(bit, Ordering::AcqRel);
        (before & bit == 0).then(|| Self {
            device: device.clone(),
            queue,
        })
    }

    pub(crate) const fn device(&self) -> &Arc<Device> {
        &self.device
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let bit = Claims::bit(self.queue);
        self.device.claims().0.fetch_and(!bit, Ordering::AcqRel);
    }
}
