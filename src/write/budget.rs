//! What the writers of the process may hold in memory, together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Staged files of the whole process beyond which a writer publishes its earliest. Each holds a file descriptor on local disk, and a process
/// usually has 1,024, which sockets and files being read need too.
const MAX_STAGED_FILES: usize = 512;

/// The memory of every [`TableWriter`](super::TableWriter) of the process: rows that wait, encoders, upload buffers and parts under way.
///
/// Nobody waits for memory. A writer that finds more used than the limit gives up what it holds itself, down to its fair share (the limit divided by
/// the writers there are). So `used` stays below the limit, but for one batch per writer, and but for what a writer that has been idle since holds
/// from the time when its share was larger.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: usize,
    used: AtomicUsize,
    peak: AtomicUsize,
    writers: AtomicUsize,
    staged: AtomicUsize,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit_bytes,
            used: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            writers: AtomicUsize::new(0),
            staged: AtomicUsize::new(0),
        })
    }

    /// The limit, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes held now, as far as the writers can tell: encoders estimate theirs.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The most that was ever held, in bytes.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.used() > self.limit
    }

    pub(super) fn fair_share(&self) -> usize {
        self.limit / self.writers.load(Ordering::Relaxed).max(1)
    }

    pub(super) fn has_too_many_staged(&self) -> bool {
        self.staged.load(Ordering::Relaxed) > MAX_STAGED_FILES
    }

    /// Counts a writer until the count is dropped.
    pub(super) fn writer(self: &Arc<Self>) -> Count {
        Count::new(self, |budget| &budget.writers)
    }

    /// Counts a staged file until the count is dropped.
    pub(super) fn staged(self: &Arc<Self>) -> Count {
        Count::new(self, |budget| &budget.staged)
    }
}

/// Bytes accounted to one holder, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<MemoryBudget>,
    bytes: usize,
}

impl Share {
    pub(super) fn of(budget: &Arc<MemoryBudget>, bytes: usize) -> Self {
        let mut share = Self {
            budget: Arc::clone(budget),
            bytes: 0,
        };
        share.set(bytes);
        share
    }

    pub(super) fn set(&mut self, bytes: usize) {
        if bytes >= self.bytes {
            let more = bytes - self.bytes;
            let used = self.budget.used.fetch_add(more, Ordering::Relaxed) + more;
            self.budget.peak.fetch_max(used, Ordering::Relaxed);
        } else {
            self.budget.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// One in a counter, until it is dropped.
#[derive(Debug)]
pub(super) struct Count {
    budget: Arc<MemoryBudget>,
    counter: fn(&MemoryBudget) -> &AtomicUsize,
}

impl Count {
    fn new(budget: &Arc<MemoryBudget>, counter: fn(&MemoryBudget) -> &AtomicUsize) -> Self {
        counter(budget).fetch_add(1, Ordering::Relaxed);
        Self {
            budget: Arc::clone(budget),
            counter,
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        (self.counter)(&self.budget).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_back() {
        let budget = MemoryBudget::new(100);
        let mut a = Share::of(&budget, 60);
        let b = Share::of(&budget, 50);
        assert!(budget.is_exceeded());
        a.set(10);
        assert_eq!(budget.used(), 60);
        drop((a, b));
        assert_eq!((budget.used(), budget.peak()), (0, 110));
    }

    #[test]
    fn the_limit_is_divided_by_the_writers_there_are() {
        let budget = MemoryBudget::new(100);
        assert_eq!(budget.fair_share(), 100);
        let (a, b) = (budget.writer(), budget.writer());
        assert_eq!(budget.fair_share(), 50);
        drop((a, b));
        assert_eq!(budget.fair_share(), 100);
    }
}
