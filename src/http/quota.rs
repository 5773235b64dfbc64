//! How long the vendor asks to be left alone: `Retry-After` and `X-RateLimit-*`.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::clock::clock;

/// The longest pause that is made for a vendor; a longer one fails the table rather than let a run hang for hours.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// `X-RateLimit-Reset` below this is a number of seconds to wait, from it on a time in epoch seconds: vendors disagree.
const FIRST_EPOCH: u64 = 1_000_000;

/// The wait in `Retry-After`.
///
/// | header | wait |
/// |---|---|
/// | `120` | 120 s |
/// | `1.5` | 1.5 s |
/// | `Wed, 21 Oct 2026 07:28:00 GMT` | until then, by the vendor's own clock where the reply carries its `Date` |
/// | a time gone by | none |
/// | anything else, or no header | unknown |
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Some(seconds) = number(text) {
        return Some(seconds);
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(clock(headers, now)).unwrap_or_default())
}

/// The wait in `X-RateLimit-Reset`, where `X-RateLimit-Remaining` is 0. Who answers 429 without telling what remains says that nothing does.
pub(super) fn reset(status: u16, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let remaining = text("x-ratelimit-remaining").or((status == 429).then_some("0"))?;
    if number(remaining)? != Duration::ZERO {
        return None;
    }
    let reset = number(text("x-ratelimit-reset")?)?;
    if reset.as_secs() < FIRST_EPOCH {
        return Some(reset);
    }
    let until = SystemTime::UNIX_EPOCH.checked_add(reset)?;
    Some(until.duration_since(clock(headers, now)).unwrap_or_default())
}

fn number(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_790_000_000);

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn retry_after_follows_its_table() {
        let now = SystemTime::UNIX_EPOCH + NOW;
        let date = |seconds: i64| {
            httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.as_secs().saturating_add_signed(seconds)))
        };
        for (text, wait) in [
            ("120".to_owned(), Some(120_000)),
            (" 0 ".to_owned(), Some(0)),
            ("1.5".to_owned(), Some(1_500)),
            (date(90), Some(90_000)),
            (date(-90), Some(0)),
            ("soon".to_owned(), None),
            ("-5".to_owned(), None),
            ("NaN".to_owned(), None),
        ] {
            let wait = wait.map(Duration::from_millis);
            assert_eq!(retry_after(&headers(&[("retry-after", &text)]), now), wait, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
        let slow_clock = headers(&[("retry-after", &date(30)), ("date", &date(20))]);
        assert_eq!(retry_after(&slow_clock, now), Some(Duration::from_secs(10)));
    }

    #[test]
    fn reset_counts_only_when_nothing_remains_and_takes_both_forms() {
        let now = SystemTime::UNIX_EPOCH + NOW;
        for (remaining, reset_text, wait) in [
            ("0", "30", Some(30)),
            ("0", "1790000012", Some(12)),
            ("0", "1780000000", Some(0)),
            ("1", "30", None),
            ("0", "x", None),
            ("x", "30", None),
        ] {
            let headers = headers(&[("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", reset_text)]);
            for status in [200, 429] {
                assert_eq!(
                    reset(status, &headers, now),
                    wait.map(Duration::from_secs),
                    "{status}: {remaining} {reset_text}"
                );
            }
        }
        assert_eq!(reset(429, &headers(&[("x-ratelimit-remaining", "0")]), now), None);
        let untold = headers(&[("x-ratelimit-reset", "41")]);
        assert_eq!(reset(200, &untold, now), None);
        assert_eq!(
            reset(429, &untold, now),
            Some(Duration::from_secs(41)),
            "a refusal says that nothing remains"
        );
    }
}
