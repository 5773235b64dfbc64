//! The vendor's clock, as its replies tell it, so that ours may be wrong.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::header::{AGE, DATE, HeaderMap};

/// A `Date` is a whole second, and a proxy may have stamped it.
const GRAIN: Duration = Duration::from_secs(5);

/// How wrong our own clock is taken to be where the vendor tells none.
const OURS: Duration = Duration::from_secs(5 * 60);

/// When the reply was made: its `Date`, or `now` where it has none.
pub(super) fn clock(headers: &HeaderMap, now: SystemTime) -> SystemTime {
    date(headers).unwrap_or(now)
}

/// A time by the vendor's clock that is not after the request was sent: what the reply shows is as old as this or younger.
///
/// | headers | time |
/// |---|---|
/// | `Date` | it, less the time from request to headers, less 5 s |
/// | `Date` and `Age` | the same, less the age: the reply comes from a cache |
/// | no `Date` that can be read | our own clock when the request was sent, less 5 min |
pub(super) fn asked_at(headers: &HeaderMap, sent: SystemTime, took: Duration) -> DateTime<Utc> {
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
    let age = Duration::from_secs(age.unwrap_or(0));
    let before = match date(headers) {
        Some(date) => [took, age, GRAIN].into_iter().try_fold(date, |time, less| time.checked_sub(less)),
        None => sent.checked_sub(OURS),
    };
    before.unwrap_or(SystemTime::UNIX_EPOCH).into()
}

fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_follow_their_table() {
        let sent = httpdate::parse_http_date("Wed, 21 Oct 2026 12:00:00 GMT").unwrap();
        for (lines, expected) in [
            (&[("date", "Wed, 21 Oct 2026 07:28:00 GMT")][..], "2026-10-21T07:27:53Z"),
            (&[("date", "Wed, 21 Oct 2026 07:28:00 GMT"), ("age", "60")], "2026-10-21T07:26:53Z"),
            (&[("date", "Wed, 21 Oct 2026 07:28:00 GMT"), ("age", "old")], "2026-10-21T07:27:53Z"),
            (
                &[("date", "Wed, 21 Oct 2026 07:28:00 GMT"), ("age", "18446744073709551615")],
                "1970-01-01T00:00:00Z",
            ),
            (&[("date", "yesterday"), ("age", "60")], "2026-10-21T11:55:00Z"),
            (&[], "2026-10-21T11:55:00Z"),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.insert(*name, value.parse().unwrap());
            }
            let expected: DateTime<Utc> = expected.parse().unwrap();
            assert_eq!(asked_at(&headers, sent, Duration::from_secs(2)), expected, "{lines:?}");
        }
    }
}
