//! The vendor's limit, shared by all tables of a connection: never more than `requests` in any window of `per`.
//!
//! A bucket of `b = max(1, requests / 20)` tokens that refills at `(requests - b) / per`: a window starts with at most `b` tokens and
//! gains at most `requests - b`. With a single token the pace alone keeps the limit, and a twentieth slower than it is enough. A few at once make a short table quick, and the steady pace keeps a long one from running into the wall and
//! waiting there.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Meter;
use crate::schema::RateLimit;

/// Gives one turn after the other, in the order they were asked for.
#[derive(Debug)]
pub(super) struct Limiter {
    queue: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
}

impl Limiter {
    /// Without a limit, turns come at once save for pauses.
    pub(super) fn new(limit: Option<&RateLimit>) -> Self {
        Self {
            queue: tokio::sync::Mutex::new(()),
            bucket: Mutex::new(Bucket::new(limit)),
        }
    }

    /// Waits for a turn and takes it.
    pub(super) async fn turn(&self, meter: &Meter) {
        let _wait = meter.wait();
        // The first in the queue sleeps with the queue held. It asks again when it wakes: a pause may have come meanwhile.
        let _first = self.queue.lock().await;
        loop {
            let wait = self.bucket().next(Instant::now());
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// No turns for this long from now.
    pub(super) fn pause(&self, time: Duration) {
        self.bucket().pause(Instant::now() + time);
    }

    fn bucket(&self) -> std::sync::MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bucket, on a clock that the caller holds.
///
/// The level is kept as the time at which the bucket will be full again, so nothing has to be refilled.
#[derive(Debug)]
struct Bucket {
    /// Time for one token to flow in; zero without a limit.
    interval: Duration,
    /// Time for all tokens but one.
    depth: Duration,
    full_at: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Bucket {
    fn new(limit: Option<&RateLimit>) -> Self {
        let (interval, depth) = limit.map_or((Duration::ZERO, Duration::ZERO), |limit| {
            let burst = (limit.requests / 20).max(1);
            let refill = u128::from(limit.requests.saturating_sub(burst).max(1));
            // Rounded up: a nanosecond too short, summed over a window, would be a request too many.
            let mut nanos = limit.per.as_nanos().div_ceil(refill);
            if burst == 1 {
                // One at a time, a pace a twentieth slower than the limit is enough: with few requests a window, one less would be a quarter.
                nanos = nanos.min((limit.per.as_nanos() * 21).div_ceil(20 * u128::from(limit.requests.max(1))));
            }
            let interval = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            (interval, interval.saturating_mul(burst - 1))
        });
        Self {
            interval,
            depth,
            full_at: None,
            paused_until: None,
        }
    }

    /// Takes a token and returns zero, or returns how long to wait before asking again.
    fn next(&mut self, now: Instant) -> Duration {
        if let Some(until) = self.paused_until {
            if until > now {
                return until - now;
            }
            self.paused_until = None;
        }
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let wait = (full_at - now).saturating_sub(self.depth);
        if wait.is_zero() {
            self.full_at = Some(full_at + self.interval);
        }
        wait
    }

    fn pause(&mut self, until: Instant) {
        self.paused_until = Some(self.paused_until.map_or(until, |at| at.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(requests: u32, per: Duration) -> RateLimit {
        RateLimit {
            requests,
            per,
            in_flight: 1,
        }
    }

    /// Asks as fast as the bucket lets, after each of these pauses of the caller; when the turns came.
    fn turns(bucket: &mut Bucket, start: Instant, pauses: &[Duration]) -> Vec<Instant> {
        let mut now = start;
        pauses
            .iter()
            .map(|pause| {
                now += *pause;
                loop {
                    let wait = bucket.next(now);
                    if wait.is_zero() {
                        return now;
                    }
                    now += wait;
                }
            })
            .collect()
    }

    #[test]
    fn a_burst_then_a_steady_pace() {
        let mut bucket = Bucket::new(Some(&limit(100, Duration::from_secs(60))));
        let start = Instant::now();
        let turns = turns(&mut bucket, start, &[Duration::ZERO; 101]);
        assert_eq!(turns[4], start, "five at once");
        assert_eq!((turns[5] - start).as_millis(), 631, "then 95 a minute");
        assert!(turns[100] - turns[0] > Duration::from_secs(60), "never more than 100 in a minute");
        assert!(turns[98] - turns[0] < Duration::from_secs(60), "and hardly fewer");
    }

    #[test]
    fn one_request_per_window_where_no_more_are_allowed() {
        for requests in [0, 1] {
            let mut bucket = Bucket::new(Some(&limit(requests, Duration::from_secs(3))));
            let start = Instant::now();
            assert_eq!(bucket.next(start), Duration::ZERO);
            assert_eq!(bucket.next(start), Duration::from_secs(3));
        }
    }

    #[test]
    fn a_pause_holds_every_turn_and_the_longest_counts() {
        let start = Instant::now();
        for limit in [None, Some(limit(100, Duration::from_secs(1)))] {
            let mut bucket = Bucket::new(limit.as_ref());
            bucket.pause(start + Duration::from_secs(9));
            bucket.pause(start + Duration::from_secs(2));
            assert_eq!(bucket.next(start), Duration::from_secs(9));
            assert_eq!(bucket.next(start + Duration::from_secs(9)), Duration::ZERO);
        }
    }

    #[test]
    fn without_a_limit_turns_come_at_once() {
        let mut bucket = Bucket::new(None);
        let start = Instant::now();
        assert!((0..1000).all(|_| bucket.next(start).is_zero()));
    }

    #[tokio::test]
    async fn turns_are_given_in_the_order_they_were_asked_for() {
        let limiter = std::sync::Arc::new(Limiter::new(Some(&limit(2, Duration::from_millis(5)))));
        let order = std::sync::Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for number in 0..6 {
            let (limiter, order) = (limiter.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                limiter.turn(&Meter::new()).await;
                order.lock().unwrap().push(number);
            }));
            tokio::task::yield_now().await;
        }
        futures::future::join_all(waiting).await;
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_limit(
            requests in 1_u32..200,
            per_ms in 1_u64..120_000,
            pauses in proptest::collection::vec((0_u64..20_000_000, 0_u32..4), 1..600),
        ) {
            let per = Duration::from_millis(per_ms);
            let mut bucket = Bucket::new(Some(&limit(requests, per)));
            // Mostly as fast as it goes, sometimes idle for a while, so that the bucket fills.
            let pauses: Vec<_> = pauses
                .into_iter()
                .map(|(micros, often)| if often == 0 { Duration::from_micros(micros) } else { Duration::ZERO })
                .collect();
            let turns = turns(&mut bucket, Instant::now(), &pauses);
            for (at, first) in turns.iter().enumerate() {
                let within = turns[at..].iter().take_while(|turn| **turn - *first < per).count();
                prop_assert!(within <= requests as usize, "{within} in a window of {requests}");
            }
        }
    }
}
