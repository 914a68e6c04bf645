//! The living devices of this process.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use super::{Device, OpenError};

static TABLE: Mutex<Vec<Entry>> = Mutex::new(Vec::new());
static REMOVED: Condvar = Condvar::new();

struct Entry {
    rdev: u64,
    device: Weak<Device>,
}

/// A living device of card `rdev` that `suits`, or the one that `open` makes.
///
/// A device that is being dropped still is DRM master. Opening the card again at that moment would give
/// a file that can never become master without root, so this waits until the old one has let go.
pub(super) fn find_or_insert(
    rdev: u64,
    suits: impl Fn(&Device) -> bool,
    open: impl FnOnce() -> Result<Device, OpenError>,
) -> Result<Arc<Device>, OpenError> {
    // Upgraded devices that do not suit are dropped after the lock: their Drop takes it.
    let mut passed_over = Vec::new();
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let mut dying = false;
        for entry in table.iter().filter(|entry| entry.rdev == rdev) {
            match entry.device.upgrade() {
                Some(device) if suits(&device) => {
                    drop(table);
                    return Ok(device);
                }
                Some(device) => passed_over.push(device),
                None => dying = true,
            }
        }
        if !dying {
            break;
        }
        table = REMOVED.wait(table).unwrap_or_else(PoisonError::into_inner);
    }
    let device = Arc::new(open()?);
    table.push(Entry {
        rdev,
        device: Arc::downgrade(&device),
    });
    drop(table);
    Ok(device)
}

/// Forgets a device that is being dropped, after `last_words`.
pub(super) fn remove(device: &Device, last_words: impl FnOnce()) {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    last_words();
    table.retain(|entry| !std::ptr::eq(entry.device.as_ptr(), device));
    drop(table);
    REMOVED.notify_all();
}
