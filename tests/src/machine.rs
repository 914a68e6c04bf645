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

    /// Waits until the display is as it was and no more memory is there than was; gives what it is instead.
    ///
    /// Less may be: what the kernel had still to free when `self` was taken is no measure.
    #[track_caller]
    pub fn wait_restored(&self) -> Result<(), Machine> {
        let restored = wait::until(SETTLE, || self.holds(&Machine::now()).then_some(()));
        restored.ok_or_else(Machine::now)
    }

    fn holds(&self, now: &Machine) -> bool {
        let known = |id: &u32| self.framebuffers.contains(id);
        now.dmabufs <= self.dmabufs
            && now.framebuffers.iter().all(known)
            && now.display == self.display
    }

    /// Panics if it does not become `self` again.
    #[track_caller]
    pub fn expect_restored(&self) {
        if let Err(now) = self.wait_restored() {
            panic!("{self:#?} → {now:#?}");
        }
    }
}
