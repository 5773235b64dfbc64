//! A time as a user gives it.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

/// An instant, or a day whose midnight depends on the source.
///
/// | text | time |
/// |---|---|
/// | `2026-01-31T12:00:00Z`, `2026-01-31T09:00:00-03:00` | that instant |
/// | `2026-01-31` | when that day begins in the source's time zone |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// RFC 3339.
    Instant(DateTime<Utc>),
    /// `YYYY-MM-DD`.
    Day(NaiveDate),
}

impl Moment {
    /// The instant, in this zone.
    pub fn at(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Instant(at) => at,
            Self::Day(day) => {
                let midnight = day.and_time(NaiveTime::MIN);
                // Where summer time skips midnight, the day begins an hour later.
                let begins = midnight
                    .and_local_timezone(zone)
                    .earliest()
                    .or_else(|| (midnight + chrono::Duration::hours(1)).and_local_timezone(zone).earliest());
                begins.map_or_else(|| midnight.and_utc(), |at| at.to_utc())
            }
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Instant(at.to_utc()));
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self::Day)
            .map_err(|_| format!("`{text}` is not a time, expected `2026-01-31` or `2026-01-31T12:00:00Z`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_follow_their_table() {
        for (text, expected) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31T09:00:00-03:00", "2026-01-31T12:00:00Z"),
            ("2026-01-31", "2026-01-31T03:00:00Z"),
            // Midnight was skipped: summer time began.
            ("2018-11-04", "2018-11-04T03:00:00Z"),
        ] {
            let at = text.parse::<Moment>().unwrap().at(Tz::America__Sao_Paulo);
            assert_eq!(at, DateTime::parse_from_rfc3339(expected).unwrap(), "{text}");
        }
        for text in ["", "31/01/2026", "2026-01-31 12:00", "2026-13-01"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
