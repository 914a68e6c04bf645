use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{AllocateError, DmaBuf};

/// Who holds how much memory from which allocator.
///
/// The kernel dropped its own per-buffer statistics (`CONFIG_DMABUF_SYSFS_STATS`) and charges heap memory to nobody by
/// default. So the books are kept here, by [`Registry`](crate::Registry): each dma-buf carries its entry and
/// settles it when it is closed, whoever held it last and whether or not the allocator is still registered.
#[derive(Debug, Default)]
pub struct Ledger {
    books: Mutex<Books>,
}

/// What one allocator gave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Name of the allocator.
    pub allocator: String,
    /// dma-bufs that are open.
    pub live_buffers: u64,
    /// Bytes in them.
    pub live_bytes: u64,
    /// The most dma-bufs that were open at once.
    pub peak_buffers: u64,
    /// The most bytes that were open at once.
    pub peak_bytes: u64,
    /// Calls that made memory.
    pub allocations: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Time that the calls which made memory took, together. Zeroing is most of it.
    pub allocation_time: Duration,
    /// The longest of them.
    pub longest_allocation: Duration,
}

#[derive(Debug, Default)]
struct Books {
    accounts: BTreeMap<String, Account>,
    total: Account,
}

impl Ledger {
    /// Every allocator that was ever asked, by name.
    pub fn snapshot(&self) -> Vec<Account> {
        self.books().accounts.values().cloned().collect()
    }

    /// The accounts with memory that is held now, the largest first.
    pub fn holders(&self) -> Vec<Account> {
        let mut holders = self.snapshot();
        holders.retain(|account| account.live_buffers > 0);
        holders.sort_by_key(|account| std::cmp::Reverse(account.live_bytes));
        holders
    }

    /// The account of one allocator; None if it was never asked.
    pub fn account(&self, allocator: &str) -> Option<Account> {
        self.books().accounts.get(allocator).cloned()
    }

    /// All accounts as one, named `total`. Its peaks are those of the sum, not the sum of the peaks.
    pub fn total(&self) -> Account {
        Account {
            allocator: "total".to_owned(),
            ..self.books().total.clone()
        }
    }

    /// Enters what an allocator answered after `elapsed`. The dma-bufs carry their entries from now on.
    pub(super) fn enter<'a, T>(
        self: &Arc<Self>,
        allocator: &str,
        elapsed: Duration,
        answer: &'a Result<T, AllocateError>,
        dmabufs: impl FnOnce(&'a T) -> Vec<&'a DmaBuf>,
    ) {
        let Ok(made) = answer else {
            self.update(allocator, |account| account.failures += 1);
            return;
        };
        self.update(allocator, |account| {
            account.allocations += 1;
            account.allocation_time += elapsed;
            account.longest_allocation = account.longest_allocation.max(elapsed);
        });
        for dmabuf in dmabufs(made) {
            self.update(allocator, |account| account.open(dmabuf.len()));
            dmabuf.keep(Entry {
                ledger: self.clone(),
                allocator: allocator.to_owned(),
                len: dmabuf.len(),
            });
        }
    }

    fn update(&self, allocator: &str, change: impl Fn(&mut Account)) {
        let mut books = self.books();
        change(&mut books.total);
        if let Some(account) = books.accounts.get_mut(allocator) {
            change(account);
            return;
        }
        let mut account = Account {
            allocator: allocator.to_owned(),
            ..Account::default()
        };
        change(&mut account);
        books.accounts.insert(allocator.to_owned(), account);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn open(&mut self, len: u64) {
        self.live_buffers += 1;
        self.live_bytes += len;
        self.peak_buffers = self.peak_buffers.max(self.live_buffers);
        self.peak_bytes = self.peak_bytes.max(self.live_bytes);
    }

    fn close(&mut self, len: u64) {
        self.live_buffers = self.live_buffers.saturating_sub(1);
        self.live_bytes = self.live_bytes.saturating_sub(len);
    }
}

/// One open dma-buf in the books.
struct Entry {
    ledger: Arc<Ledger>,
    allocator: String,
    len: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.ledger
            .update(&self.allocator, |account| account.close(self.len));
    }
}
