//! What has been read of a table so far, for whoever shows progress.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counters of one table, raised while it is read and sampled from elsewhere.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
    waits: Mutex<Waits>,
    pages: AtomicU64,
    rows: AtomicU64,
    total_rows: AtomicU64,
    trouble: Mutex<Option<String>>,
}

/// Time in which at least one request of the table waits. Those that wait together wait once.
#[derive(Debug, Default)]
struct Waits {
    over: Duration,
    waiting: u32,
    since: Option<Instant>,
}

impl Waits {
    fn passed(&self) -> Duration {
        self.over + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// A wait under way, which ends when it is dropped: also where what waits is broken off.
#[derive(Debug)]
pub(super) struct Wait<'m>(&'m Meter);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut waits = self.0.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.waiting = waits.waiting.saturating_sub(1);
        if waits.waiting == 0 {
            (waits.over, waits.since) = (waits.passed(), None);
        }
    }
}

/// A sample of a [`Meter`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests sent, repeated and redirected ones included.
    pub requests: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// Bytes of bodies, decompressed.
    pub bytes: u64,
    /// Time that has passed in waiting for the rate limit and for pauses the vendor asked for.
    pub waited_ms: u64,
    /// Pages understood.
    pub pages: u64,
    /// Records handed on.
    pub rows: u64,
    /// The API's own count of the records; 0 while it is not known.
    pub total_rows: u64,
}

impl Meter {
    /// All counters at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counters now.
    pub fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            waited_ms: u64::try_from(self.waits.lock().unwrap_or_else(PoisonError::into_inner).passed().as_millis()).unwrap_or(u64::MAX),
            pages: self.pages.load(Relaxed),
            rows: self.rows.load(Relaxed),
            total_rows: self.total_rows.load(Relaxed),
        }
    }

    /// Why the request under way is being sent again, while it is; one line, without the token.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn trouble_with(&self, trouble: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }

    pub(super) fn trouble_over(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(super) fn bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// A request begins to wait.
    pub(super) fn wait(&self) -> Wait<'_> {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.waiting += 1;
        waits.since = waits.since.or_else(|| Some(Instant::now()));
        Wait(self)
    }

    pub(crate) fn page(&self) {
        self.pages.fetch_add(1, Relaxed);
    }

    pub(crate) fn rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Relaxed);
    }

    /// A table read in parts has a count for each.
    pub(crate) fn expect_rows(&self, rows: u64) {
        self.total_rows.fetch_add(rows, Relaxed);
    }
}
