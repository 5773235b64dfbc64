//! Counts the requests of one source against its vendor's limit: so many in any window of so many seconds. It counts
//! whether or not the limit is enforced, so that a test can ask afterwards if a client kept to it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A vendor's limit: `most` requests in any `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub most: usize,
    pub window: Duration,
}

#[derive(Debug)]
pub(crate) struct Meter {
    pub limit: Limit,
    /// Requests seen, refused ones too.
    pub requests: u64,
    /// Requests answered 429, by the limit or by a fault.
    pub answered_429: u64,
    /// The most requests seen in any window.
    pub max_in_window: usize,
    seen: VecDeque<Instant>,
    admitted: VecDeque<Instant>,
}

impl Meter {
    pub(crate) fn new(limit: Limit) -> Meter {
        Meter {
            limit,
            requests: 0,
            answered_429: 0,
            max_in_window: 0,
            seen: VecDeque::new(),
            admitted: VecDeque::new(),
        }
    }

    /// Counts a request that arrives at `now`. When `enforce` and the limit is reached, the error is how long until the
    /// next would be admitted. A refused request does not use up the limit.
    pub(crate) fn arrive(&mut self, now: Instant, enforce: bool) -> Result<(), Duration> {
        self.requests += 1;
        forget(&mut self.seen, now, self.limit.window);
        self.seen.push_back(now);
        self.max_in_window = self.max_in_window.max(self.seen.len());
        if !enforce {
            return Ok(());
        }
        forget(&mut self.admitted, now, self.limit.window);
        match self.admitted.front() {
            Some(oldest) if self.admitted.len() >= self.limit.most => Err(self.limit.window.saturating_sub(now.duration_since(*oldest))),
            _ => {
                self.admitted.push_back(now);
                Ok(())
            }
        }
    }
}

impl Meter {
    /// How many more requests would be admitted at `now`, and how long until one that was is forgotten. All of them where the limit is not enforced.
    pub(crate) fn left(&self, now: Instant) -> (usize, Duration) {
        let left = self.limit.most.saturating_sub(self.admitted.len());
        let oldest = self.admitted.front().map_or(Duration::ZERO, |oldest| now.duration_since(*oldest));
        (left, self.limit.window.saturating_sub(oldest))
    }
}

fn forget(times: &mut VecDeque<Instant>, now: Instant, window: Duration) {
    while times.front().is_some_and(|at| now.duration_since(*at) >= window) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit {
        most: 3,
        window: Duration::from_secs(10),
    };

    #[test]
    fn the_window_slides() {
        let start = Instant::now();
        let mut meter = Meter::new(LIMIT);
        let mut at = |seconds| meter.arrive(start + Duration::from_secs(seconds), true);
        assert_eq!([at(0), at(4), at(5)], [Ok(()); 3]);
        assert_eq!(meter.left(start + Duration::from_secs(6)), (0, Duration::from_secs(4)));
        let mut at = |seconds| meter.arrive(start + Duration::from_secs(seconds), true);
        assert_eq!(at(9), Err(Duration::from_secs(1)));
        assert_eq!(at(10), Ok(()));
        assert_eq!(at(11), Err(Duration::from_secs(3)));
        assert_eq!((meter.requests, meter.max_in_window), (6, 5));
    }

    #[test]
    fn without_enforcement_it_only_counts() {
        let start = Instant::now();
        let mut meter = Meter::new(LIMIT);
        assert!((0..9).all(|_| meter.arrive(start, false).is_ok()));
        assert_eq!((meter.max_in_window, meter.left(start).0), (9, 3));
    }
}
