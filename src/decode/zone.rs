//! A clock on a wall somewhere, read as UTC.

use std::cell::Cell;

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

const DAY: i64 = 86_400;

/// The local time of a zone. It remembers the last day it read, since neighbouring rows tend to share it.
#[derive(Debug)]
pub(super) struct Clock {
    zone: Tz,
    last: Cell<Option<Day>>,
}

/// A day on which the zone keeps one offset from its first moment to its last.
#[derive(Debug, Clone, Copy)]
struct Day {
    number: i64,
    offset: i64,
}

impl Clock {
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            last: Cell::new(None),
        }
    }

    /// Seconds since 1970 in UTC of a local time, itself written as seconds since 1970 of a clock that was never moved.
    ///
    /// | local time | moment |
    /// |---|---|
    /// | shown once | that one |
    /// | shown twice (the clock was put back) | the first |
    /// | never shown (the clock was put forward) | moved forward by as much: 00:30 in a gap from 00:00 to 01:00 is 01:30 |
    pub fn utc(&self, local: i64) -> i64 {
        if self.zone == Tz::UTC {
            return local;
        }
        let number = local.div_euclid(DAY);
        if let Some(day) = self.last.get().filter(|day| day.number == number) {
            return local - day.offset;
        }
        // No zone is as far as a day from UTC, and none has moved its clock and moved it back within three days.
        let before = self.offset_at((number - 1) * DAY);
        if before == self.offset_at((number + 2) * DAY) {
            self.last.set(Some(Day { number, offset: before }));
            return local - before;
        }
        local - self.search(local)
    }

    fn search(&self, local: i64) -> i64 {
        match self.zone.offset_from_local_datetime(&naive(local)) {
            MappedLocalTime::Single(offset) => seconds(&offset),
            MappedLocalTime::Ambiguous(a, b) => seconds(&a).max(seconds(&b)),
            MappedLocalTime::None => self.offset_at(local - DAY),
        }
    }

    fn offset_at(&self, utc: i64) -> i64 {
        seconds(&self.zone.offset_from_utc_datetime(&naive(utc)))
    }
}

fn seconds(offset: &impl Offset) -> i64 {
    offset.fix().local_minus_utc().into()
}

fn naive(seconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().naive_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
            .unwrap()
            .and_utc()
            .timestamp()
    }

    #[test]
    fn clocks_that_were_moved_follow_their_table() {
        for (zone, local, utc) in [
            (Tz::UTC, "2026-01-02 03:04:05", "2026-01-02 03:04:05"),
            (Tz::America__Sao_Paulo, "2026-01-02 03:04:05", "2026-01-02 06:04:05"),
            // Put forward at midnight, so the day began at one o'clock.
            (Tz::America__Sao_Paulo, "2018-11-03 23:59:59", "2018-11-04 02:59:59"),
            (Tz::America__Sao_Paulo, "2018-11-04 00:00:00", "2018-11-04 03:00:00"),
            (Tz::America__Sao_Paulo, "2018-11-04 00:30:00", "2018-11-04 03:30:00"),
            (Tz::America__Sao_Paulo, "2018-11-04 01:00:00", "2018-11-04 03:00:00"),
            // Put back at midnight, so the last hour came twice.
            (Tz::America__Sao_Paulo, "2019-02-16 22:59:59", "2019-02-17 00:59:59"),
            (Tz::America__Sao_Paulo, "2019-02-16 23:30:00", "2019-02-17 01:30:00"),
            (Tz::America__Sao_Paulo, "2019-02-17 00:00:00", "2019-02-17 03:00:00"),
            // Local mean time, before there were zones.
            (Tz::America__Sao_Paulo, "0024-05-01 00:00:00", "0024-05-01 03:06:28"),
            (Tz::Asia__Kolkata, "2026-01-02 00:00:00", "2026-01-01 18:30:00"),
            (Tz::Pacific__Kiritimati, "2026-01-02 00:00:00", "2026-01-01 10:00:00"),
        ] {
            assert_eq!(Clock::new(zone).utc(at(local)), at(utc), "{zone} {local}");
        }
    }

    // Every hour of these zones, with the memory and without it, and back again: an unambiguous time must come out as chrono has it.
    #[test]
    fn the_memory_changes_nothing() {
        for zone in [
            Tz::America__Sao_Paulo,
            Tz::America__Noronha,
            Tz::Africa__Casablanca,
            Tz::Europe__Lisbon,
            Tz::Australia__Lord_Howe,
        ] {
            let clock = Clock::new(zone);
            for hour in (at("1910-01-01 00:00:00")..at("2040-01-01 00:00:00")).step_by(3_600) {
                let utc = clock.utc(hour + 1_799);
                assert_eq!(utc, hour + 1_799 - clock.search(hour + 1_799), "{zone} {hour}");
                if let MappedLocalTime::Single(expected) = zone.from_local_datetime(&naive(hour + 1_799)) {
                    assert_eq!(utc, expected.timestamp(), "{zone} {hour}");
                }
            }
        }
    }
}
