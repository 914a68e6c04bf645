//! What a program leaves to the machine when it has ended.

use crate::census::{self, SETTLE};
use crate::scanout::display_state;
use crate::{vkms, wait};

/// All dma-bufs, and what is on the display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Their number and bytes.
    pub dmabufs: (usize, u64),
    /// The ids of the display's framebuffers.
    pub framebuffers: Vec<u32>,
    /// The atomic state.
    pub display: String,
}

impl Machine {
    /// As it is now.
    #[track_caller]
    pub fn now() -> Machine {
        Machine {
            dmabufs: census::dmabufs(),
            framebuffers: vkms::card().framebuffers(),
            display: display_state(),
        }
    }

    /// Waits until it is `self` again; gives what it is instead.
    #[track_caller]
    pub fn wait_restored(&self) -> Result<(), Machine> {
        let restored = wait::until(SETTLE, || (Machine::now() == *self).then_some(()));
        restored.ok_or_else(Machine::now)
    }

    /// Panics if it does not become `self` again.
    #[track_caller]
    pub fn expect_restored(&self) {
        if let Err(now) = self.wait_restored() {
            panic!("{self:#?} → {now:#?}");
        }
    }
}
