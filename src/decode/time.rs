//! JSON to timestamp and date.

use super::cell::Bad;
use super::zone::Clock;
use crate::error::{Error, Result};
use crate::json::Kind;
use crate::schema::{Column, Format};

const DAY: i64 = 86_400;

/// How a column reads times.
#[derive(Debug)]
pub(super) struct Calendar {
    clock: Clock,
    /// The written zone is decoration.
    wall_clock: bool,
    /// `DD/MM/YYYY` is a date as well.
    dmy: bool,
    no_date: Vec<Day>,
}

/// A day as it is written: it need not exist, as `0000-00-00` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    year: u32,
    month: u32,
    day: u32,
}

impl Day {
    /// A date that stands for "no date".
    pub fn no_date(text: &str) -> Result<Self> {
        match Rest(text.as_bytes()).date() {
            Some((date, Rest([]))) => Ok(date),
            _ => Err(Error::config(format!("`no_date`: `{text}` is not a date, expected YYYY-MM-DD"))),
        }
    }
}

impl Calendar {
    pub fn new(column: &Column, no_date: &[Day]) -> Self {
        Self {
            clock: Clock::new(column.zone),
            wall_clock: column.wall_clock,
            dmy: column.format == Some(Format::Dmy),
            no_date: no_date.to_vec(),
        }
    }

    /// Microseconds since 1970 in UTC; none for a date that stands for no date. In these rows the column's zone is São Paulo.
    ///
    /// | JSON | column | timestamp |
    /// |---|---|---|
    /// | `"2026-01-02T03:04:05Z"`, with `t`, a space, `z`, `+00:00`, `-0000`, `+00` | | 2026-01-02 03:04:05 |
    /// | `"2026-01-02T03:04:05.1234567-03:00"`, `-0300`, `-03` | | 2026-01-02 06:04:05.123456 |
    /// | `"2026-01-02T03:04:05"` | | 2026-01-02 06:04:05 |
    /// | `"2026-01-02"` | | 2026-01-02 03:00:00 |
    /// | `"2026-01-02T03:04:05Z"` | `wall_clock` | 2026-01-02 06:04:05 |
    /// | `"02/01/2026"` | `dmy` | 2026-01-02 03:00:00 |
    /// | `"02/01/2026 03:04:05"` | `dmy` | 2026-01-02 06:04:05 |
    /// | `"2016-12-31T23:59:60Z"` | | 2017-01-01 00:00:00 |
    /// | `"0024-05-01T03:06:28.000Z"` | | 0024-05-01 03:06:28, as it is |
    /// | `"2018-11-04"`, a day that began at one o'clock | | 2018-11-04 03:00:00 |
    /// | `"0001-01-01T00:00:00Z"` | `no_date = ["0001-01-01"]` | null |
    /// | `"2026-02-30"`, `"0000-01-01"`, `"2026-13-01"` | | bad: no such day |
    /// | `"02/01/2026"`, `"2026-01-02T03:04"`, `"2026-01-02T24:00:00Z"`, `" 2026-01-02"`, `1767322445` | | bad: not a time |
    pub fn timestamp(&self, kind: Kind, text: &str) -> Result<Option<i64>, Bad> {
        let Some(written) = self.read(kind, text)? else { return Ok(None) };
        let local = written.days * DAY + written.second;
        let utc = match written.offset {
            Some(offset) if !self.wall_clock => local - offset,
            _ => self.clock.utc(local),
        };
        Ok(Some(utc * 1_000_000 + written.micros))
    }

    /// Days since 1970; none for a date that stands for no date.
    ///
    /// | JSON | column | date |
    /// |---|---|---|
    /// | `"2026-01-02"` | | 2026-01-02 |
    /// | `"2026-01-02T00:00:00"`, with `.000`, `Z`, `-03:00` | | 2026-01-02, whatever the zone |
    /// | `"02/01/2026"`, `"02/01/2026 00:00:00"` | `dmy` | 2026-01-02 |
    /// | `"0001-01-01T00:00:00"` | `no_date = ["0001-01-01"]` | null |
    /// | `"2026-01-02T03:04:05"`, `"2026-01-02T00:00:00.001Z"` | | bad: has a time of day |
    /// | `"2026-02-30"` | | bad: no such day |
    /// | `"02/01/2026"`, `"2026-01"`, `20260102` | | bad: not a date |
    pub fn date(&self, kind: Kind, text: &str) -> Result<Option<i32>, Bad> {
        let Some(written) = self.read(kind, text)? else { return Ok(None) };
        if (written.second, written.nonzero_fraction) != (0, false) {
            return Err(Bad("has a time of day other than midnight"));
        }
        Ok(i32::try_from(written.days).ok())
    }

    fn read(&self, kind: Kind, text: &str) -> Result<Option<Written>, Bad> {
        let read = || {
            let rest = Rest(text.as_bytes());
            let dmy = self.dmy && text.as_bytes().get(2) == Some(&b'/');
            let (date, rest) = if dmy { rest.dmy()? } else { rest.date()? };
            Some((date, Written::time(rest, dmy)?))
        };
        if kind != Kind::String {
            return Err(Bad("not a date or time in text"));
        }
        let Some((date, mut written)) = read() else {
            return Err(if self.dmy {
                Bad("not a date or time, expected such as 2026-01-31, 2026-01-31T23:59:59Z, 31/01/2026 or 31/01/2026 23:59:59")
            } else {
                Bad("not a date or time, expected such as 2026-01-31 or 2026-01-31T23:59:59Z")
            });
        };
        if self.no_date.contains(&date) {
            return Ok(None);
        }
        written.days = date.days().ok_or(Bad("no such day in the calendar"))?;
        Ok(Some(written))
    }
}

/// A time as it is written.
#[derive(Default)]
struct Written {
    days: i64,
    /// Of the day; a leap second is the second after it.
    second: i64,
    micros: i64,
    nonzero_fraction: bool,
    /// Seconds ahead of UTC.
    offset: Option<i64>,
}

impl Written {
    fn time(rest: Rest<'_>, dmy: bool) -> Option<Self> {
        let mut written = Self::default();
        let Some((separator, rest)) = rest.byte() else {
            return Some(written);
        };
        if !matches!((separator, dmy), (b' ', _) | (b'T' | b't', false)) {
            return None;
        }
        let (hour, rest) = rest.below(24)?;
        let (minute, rest) = rest.literal(b':')?.below(60)?;
        let (second, mut rest) = rest.literal(b':')?.below(61)?;
        written.second = i64::from(hour * 3_600 + minute * 60 + second);
        if let Some((b'.', fraction)) = rest.byte() {
            let digits = fraction.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            let (fraction, behind) = fraction.0.split_at_checked(digits)?;
            let micros = fraction
                .iter()
                .chain(b"00000")
                .take(6)
                .fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
            written.micros = micros;
            written.nonzero_fraction = fraction.iter().any(|digit| *digit != b'0');
            rest = Rest(behind);
        }
        written.offset = match rest.byte() {
            None => return Some(written),
            Some(_) if dmy => return None,
            Some((b'Z' | b'z', behind)) => {
                rest = behind;
                Some(0)
            }
            Some((sign @ (b'+' | b'-'), behind)) => {
                let (hours, behind) = behind.below(24)?;
                let (minutes, behind) = match behind.byte() {
                    None => (0, behind),
                    Some((b':', minutes)) => minutes.below(60)?,
                    Some(_) => behind.below(60)?,
                };
                rest = behind;
                let offset = i64::from(hours * 3_600 + minutes * 60);
                Some(if sign == b'-' { -offset } else { offset })
            }
            Some(_) => return None,
        };
        rest.0.is_empty().then_some(written)
    }
}

impl Day {
    /// Days since 1970 in the Gregorian calendar; none if there is no such day in the years 1 to 9999.
    fn days(self) -> Option<i64> {
        let leap = self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let last = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if self.year == 0 || !(1..=last).contains(&self.day) {
            return None;
        }
        // Years begin in March here, so that the leap day is the last; 719,468 days lie between 0000-03-01 and 1970-01-01.
        let (year, month) = if self.month > 2 {
            (self.year, self.month - 3)
        } else {
            (self.year - 1, self.month + 9)
        };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + self.day - 1;
        Some(i64::from(days) - 719_468)
    }
}

/// The bytes still to be read.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// `YYYY-MM-DD`
    fn date(self) -> Option<(Day, Self)> {
        let (century, rest) = self.two()?;
        let (year, rest) = rest.two()?;
        let (month, rest) = rest.literal(b'-')?.two()?;
        let (day, rest) = rest.literal(b'-')?.two()?;
        let year = century * 100 + year;
        Some((Day { year, month, day }, rest))
    }

    /// `DD/MM/YYYY`
    fn dmy(self) -> Option<(Day, Self)> {
        let (day, rest) = self.two()?;
        let (month, rest) = rest.literal(b'/')?.two()?;
        let (century, rest) = rest.literal(b'/')?.two()?;
        let (year, rest) = rest.two()?;
        let year = century * 100 + year;
        Some((Day { year, month, day }, rest))
    }

    fn below(self, bound: u32) -> Option<(u32, Self)> {
        self.two().filter(|(number, _)| *number < bound)
    }

    fn two(self) -> Option<(u32, Self)> {
        match self.0 {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] => Some((u32::from(tens - b'0') * 10 + u32::from(ones - b'0'), Rest(rest))),
            _ => None,
        }
    }

    fn literal(self, byte: u8) -> Option<Self> {
        match self.0 {
            [first, rest @ ..] if *first == byte => Some(Rest(rest)),
            _ => None,
        }
    }

    fn byte(self) -> Option<(u8, Self)> {
        self.0.split_first().map(|(byte, rest)| (*byte, Rest(rest)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
    use chrono_tz::Tz;
    use proptest::prelude::*;

    use super::*;

    fn calendar(dmy: bool, wall_clock: bool) -> Calendar {
        Calendar {
            clock: Clock::new(Tz::America__Sao_Paulo),
            wall_clock,
            dmy,
            no_date: vec![Day::no_date("0001-01-01").unwrap(), Day::no_date("0000-00-00").unwrap()],
        }
    }

    fn shown(micros: i64) -> String {
        DateTime::<Utc>::from_timestamp_micros(micros)
            .unwrap()
            .to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    const NO_TIME: &str = "not a date or time, expected such as 2026-01-31 or 2026-01-31T23:59:59Z";
    const NO_DMY: &str = "not a date or time, expected such as 2026-01-31, 2026-01-31T23:59:59Z, 31/01/2026 or 31/01/2026 23:59:59";
    const NO_DAY: &str = "no such day in the calendar";

    #[test]
    fn timestamps_follow_their_table() {
        let plain = calendar(false, false);
        let wall = calendar(false, true);
        let dmy = calendar(true, false);
        for (text, calendar, expected) in [
            ("2026-01-02T03:04:05Z", &plain, "2026-01-02T03:04:05Z"),
            ("2026-01-02t03:04:05z", &plain, "2026-01-02T03:04:05Z"),
            ("2026-01-02 03:04:05+00:00", &plain, "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05-0000", &plain, "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+00", &plain, "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.1234567-03:00", &plain, "2026-01-02T06:04:05.123456Z"),
            ("2026-01-02T03:04:05.123456999-0300", &plain, "2026-01-02T06:04:05.123456Z"),
            ("2026-01-02T03:04:05.5-03", &plain, "2026-01-02T06:04:05.500Z"),
            ("2026-01-02T03:04:05.13+05:30", &plain, "2026-01-01T21:34:05.130Z"),
            ("2026-01-02T03:04:05", &plain, "2026-01-02T06:04:05Z"),
            ("2026-01-02T03:04:05.178210", &plain, "2026-01-02T06:04:05.178210Z"),
            ("2026-01-02", &plain, "2026-01-02T03:00:00Z"),
            ("2026-01-02T03:04:05Z", &wall, "2026-01-02T06:04:05Z"),
            ("2026-01-02T03:04:05", &wall, "2026-01-02T06:04:05Z"),
            ("02/01/2026", &dmy, "2026-01-02T03:00:00Z"),
            ("02/01/2026 03:04:05", &dmy, "2026-01-02T06:04:05Z"),
            ("2026-01-02T03:04:05Z", &dmy, "2026-01-02T03:04:05Z"),
            ("2016-12-31T23:59:60Z", &plain, "2017-01-01T00:00:00Z"),
            ("0024-05-01T03:06:28.000Z", &plain, "0024-05-01T03:06:28Z"),
            ("2018-11-04", &plain, "2018-11-04T03:00:00Z"),
            ("1969-12-31T23:59:59.999999Z", &plain, "1969-12-31T23:59:59.999999Z"),
            ("9999-12-31T23:59:59.999999999Z", &plain, "9999-12-31T23:59:59.999999Z"),
            ("2024-02-29T00:00:00Z", &plain, "2024-02-29T00:00:00Z"),
        ] {
            let micros = calendar.timestamp(Kind::String, text).unwrap();
            assert_eq!(micros.map(shown).as_deref(), Some(expected), "{text}");
        }
        for text in ["0001-01-01T00:00:00Z", "0001-01-01", "0000-00-00 00:00:00"] {
            assert_eq!(plain.timestamp(Kind::String, text), Ok(None), "{text}");
        }
        for (text, calendar, expected) in [
            ("2026-02-30", &plain, NO_DAY),
            ("2023-02-29", &plain, NO_DAY),
            ("0000-01-01", &plain, NO_DAY),
            ("2026-13-01", &plain, NO_DAY),
            ("2026-01-00", &plain, NO_DAY),
            ("31/04/2026", &dmy, NO_DAY),
            ("02/01/2026", &plain, NO_TIME),
            ("2026-01-02T03:04", &plain, NO_TIME),
            ("2026-01-02T24:00:00Z", &plain, NO_TIME),
            ("2026-01-02T23:60:00Z", &plain, NO_TIME),
            ("2026-01-02T23:59:61Z", &plain, NO_TIME),
            ("2026-01-02T03:04:05.Z", &plain, NO_TIME),
            ("2026-01-02T03:04:05.1234567890Z", &plain, NO_TIME),
            ("2026-01-02T03:04:05+3", &plain, NO_TIME),
            ("2026-01-02T03:04:05+24:00", &plain, NO_TIME),
            ("2026-01-02T03:04:05Zx", &plain, NO_TIME),
            ("2026-01-02T", &plain, NO_TIME),
            (" 2026-01-02", &plain, NO_TIME),
            ("2026-1-2", &plain, NO_TIME),
            ("20260102", &plain, NO_TIME),
            ("+026-01-02", &plain, NO_TIME),
            ("2026-01-02é", &plain, NO_TIME),
            ("02/01/2026T03:04:05", &dmy, NO_DMY),
            ("02/01/2026 03:04:05Z", &dmy, NO_DMY),
            ("2/1/2026", &dmy, NO_DMY),
            ("02/01/26", &dmy, NO_DMY),
        ] {
            assert_eq!(calendar.timestamp(Kind::String, text), Err(Bad(expected)), "{text}");
        }
        assert_eq!(plain.timestamp(Kind::Number, "1767322445"), Err(Bad("not a date or time in text")));
    }

    #[test]
    fn dates_follow_their_table() {
        let plain = calendar(false, false);
        let dmy = calendar(true, false);
        for (text, calendar) in [
            ("2026-01-02", &plain),
            ("2026-01-02T00:00:00", &plain),
            ("2026-01-02 00:00:00.000", &plain),
            ("2026-01-02T00:00:00Z", &plain),
            ("2026-01-02T00:00:00.000-03:00", &plain),
            ("02/01/2026", &dmy),
            ("02/01/2026 00:00:00", &dmy),
            ("2026-01-02", &dmy),
        ] {
            assert_eq!(calendar.date(Kind::String, text), Ok(Some(20_455)), "{text}");
        }
        assert_eq!(plain.date(Kind::String, "0001-01-01T00:00:00"), Ok(None));
        let timed = "has a time of day other than midnight";
        for (text, expected) in [
            ("2026-01-02T03:04:05", timed),
            ("2026-01-02T00:00:00.001Z", timed),
            ("2026-01-02T00:00:00.0000001Z", timed),
            ("2026-02-30", NO_DAY),
            ("02/01/2026", NO_TIME),
            ("2026-01", NO_TIME),
        ] {
            assert_eq!(plain.date(Kind::String, text), Err(Bad(expected)), "{text}");
        }
        assert_eq!(plain.date(Kind::Number, "20260102"), Err(Bad("not a date or time in text")));
    }

    #[test]
    fn a_no_date_must_be_a_date() {
        for text in ["", "0001-01-01T00:00:00", "01/01/0001"] {
            assert!(Day::no_date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_day_of_the_calendar_is_as_chrono_counts_it() {
        for days in -719_162..=2_932_896 {
            let date = NaiveDate::from_epoch_days(days).unwrap();
            let day = Day::no_date(&date.to_string()).unwrap();
            assert_eq!(day.days(), Some(days.into()));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9T:+Zz./ -]{0,32}|\\PC{0,16}") {
            for calendar in [calendar(true, false), calendar(false, true)] {
                let _ = calendar.timestamp(Kind::String, &text);
                let _ = calendar.date(Kind::String, &text);
            }
        }

        #[test]
        fn rfc_3339_is_read_as_chrono_reads_it(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000, minutes in -1_439_i32..1_440) {
            let zone = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
            let moment = DateTime::<Utc>::from_timestamp_micros(micros).unwrap().with_timezone(&zone);
            let text = moment.to_rfc3339_opts(SecondsFormat::Nanos, true);
            // At the ends of the calendar the offset leads to a year that is not written with four digits, or to the year 0.
            prop_assume!(text.len() == 35 && !text.starts_with("0000") && !text.starts_with("0001-01-01"));
            prop_assert_eq!(calendar(false, false).timestamp(Kind::String, &text), Ok(Some(micros)));
        }
    }
}
