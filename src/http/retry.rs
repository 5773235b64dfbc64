//! How long to wait before another attempt.

use std::time::Duration;

use crate::schema::Retry;

/// Exponential backoff with full jitter: any time up to `backoff · 2^(attempt - 1)`, `max_backoff` at most.
/// All of it is chance, so that programs which failed together do not come back together.
pub(super) fn backoff(retry: &Retry, attempt: u32) -> Duration {
    let longest = longest(retry, attempt);
    Duration::from_millis(fastrand::u64(0..=u64::try_from(longest.as_millis()).unwrap_or(u64::MAX)))
}

fn longest(retry: &Retry, attempt: u32) -> Duration {
    let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
    retry.backoff.saturating_mul(factor).min(retry.max_backoff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_bound() {
        let retry = Retry::default();
        for (attempt, seconds) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)] {
            assert_eq!(longest(&retry, attempt), Duration::from_secs(seconds), "{attempt}");
            assert!((0..50).all(|_| backoff(&retry, attempt) <= Duration::from_secs(seconds)));
        }
    }
}
