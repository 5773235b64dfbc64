//! Moments as the sandbox counts them, and their text. A moment is an `i64` of ticks of 100 nanoseconds since 1970 UTC,
//! which holds the seven fraction digits .NET vendors send. Written by hand because a page of rows holds thousands of them
//! and a format string per value would be most of the cost. Knows no zone but a fixed offset.

/// Ticks of 100 nanoseconds in one second.
pub(crate) const SECOND: i64 = 10_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// The present of every simulated account: 2026-11-01T12:00:00Z. Not the clock, so that output is reproducible.
pub(crate) const NOW: i64 = days(2026, 11, 1) * DAY + 12 * HOUR;

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
pub(crate) const fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let shifted = (month + 9) % 12;
    let doy = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Year, month and day of a moment, in UTC.
pub(crate) fn civil(ticks: i64) -> (i64, i64, i64) {
    let z = ticks.div_euclid(DAY) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let shifted = (5 * doy + 2) / 153;
    let day = doy - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// Appends `YYYY-MM-DD`.
pub(crate) fn push_date(out: &mut Vec<u8>, ticks: i64) {
    let (year, month, day) = civil(ticks);
    digits(out, year, 4);
    out.push(b'-');
    digits(out, month, 2);
    out.push(b'-');
    digits(out, day, 2);
}

/// Appends `YYYY-MM-DDTHH:MM:SS[.f...]`: `fraction` is how many digits follow the point (0 to 7; 0 writes no point).
/// The rest of the second is cut off, not rounded. The zone is the caller's: shift the ticks, append the suffix.
pub(crate) fn push(out: &mut Vec<u8>, ticks: i64, fraction: u8) {
    push_date(out, ticks);
    out.push(b'T');
    let of_day = ticks.rem_euclid(DAY);
    digits(out, of_day / HOUR, 2);
    out.push(b':');
    digits(out, of_day % HOUR / MINUTE, 2);
    out.push(b':');
    digits(out, of_day % MINUTE / SECOND, 2);
    if fraction > 0 {
        let fraction = usize::from(fraction.min(7));
        out.push(b'.');
        let unit = 10_i64.pow(7 - u32::try_from(fraction).unwrap_or(7));
        digits(out, of_day % SECOND / unit, fraction);
    }
}

/// The text of [`push`] with a zone suffix.
pub(crate) fn text(ticks: i64, fraction: u8, suffix: &str) -> String {
    let mut out = Vec::with_capacity(34);
    push(&mut out, ticks, fraction);
    out.extend_from_slice(suffix.as_bytes());
    String::from_utf8(out).unwrap_or_default()
}

/// The text `YYYY-MM-DD`.
pub(crate) fn date_text(ticks: i64) -> String {
    let mut out = Vec::with_capacity(10);
    push_date(&mut out, ticks);
    String::from_utf8(out).unwrap_or_default()
}

/// A date or a date and time read from text: its ticks (in UTC when it has a zone, as written when not).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    pub ticks: i64,
    pub has_time: bool,
    pub has_zone: bool,
}

/// Reads `YYYY-MM-DD`, or `YYYY-MM-DDTHH:MM[:SS[.f...]]` with `Z`, `+HH:MM`, `+HHMM` or no zone. A space may stand for the `T`.
pub(crate) fn read(text: &str) -> Option<Read> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (month, day) = (number(&bytes[5..7])?, number(&bytes[8..10])?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let date = days(number(&bytes[..4])?, month, day) * DAY;
    let rest = &bytes[10..];
    if rest.is_empty() {
        return Some(Read {
            ticks: date,
            has_time: false,
            has_zone: false,
        });
    }
    if !matches!(rest[0], b'T' | b't' | b' ') || rest.len() < 6 || rest[3] != b':' {
        return None;
    }
    let (hour, minute) = (number(&rest[1..3])?, number(&rest[4..6])?);
    let mut rest = &rest[6..];
    let mut ticks = date + hour * HOUR + minute * MINUTE;
    if rest.len() >= 3 && rest[0] == b':' {
        ticks += number(&rest[1..3])? * SECOND;
        rest = &rest[3..];
        if rest.first() == Some(&b'.') {
            let end = 1 + rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if end == 1 {
                return None;
            }
            let mut unit = SECOND / 10;
            for digit in &rest[1..end] {
                ticks += i64::from(digit - b'0') * unit;
                unit /= 10;
            }
            rest = &rest[end..];
        }
    }
    if hour > 23 || minute > 59 {
        return None;
    }
    let offset = match rest {
        [] => None,
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let (hours, minutes) = match zone.len() {
                4 => (&zone[..2], &zone[2..]),
                5 if zone[2] == b':' => (&zone[..2], &zone[3..]),
                _ => return None,
            };
            let shift = number(hours)? * HOUR + number(minutes)? * MINUTE;
            Some(if *sign == b'-' { -shift } else { shift })
        }
        _ => return None,
    };
    Some(Read {
        ticks: ticks - offset.unwrap_or(0),
        has_time: true,
        has_zone: offset.is_some(),
    })
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
    })
}

fn digits(out: &mut Vec<u8>, value: i64, width: usize) {
    let at = out.len();
    out.resize(at + width, b'0');
    let mut value = value.unsigned_abs();
    for place in out[at..].iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_agrees_with_chrono() {
        use chrono::{DateTime, Datelike};
        for day in (-800_000..60_000).step_by(97) {
            let date = DateTime::from_timestamp(day * 86_400, 0).unwrap().date_naive();
            let found = civil(day * DAY);
            let expected = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            assert_eq!(found, expected);
            assert_eq!(days(found.0, found.1, found.2), day);
        }
    }

    #[test]
    fn text_and_back() {
        let ticks = days(2026, 3, 4) * DAY + 5 * HOUR + 6 * MINUTE + 7 * SECOND + 1_234_567;
        for (fraction, expected) in [
            (0, "2026-03-04T05:06:07Z"),
            (2, "2026-03-04T05:06:07.12Z"),
            (7, "2026-03-04T05:06:07.1234567Z"),
        ] {
            let written = text(ticks, fraction, "Z");
            assert_eq!(written, expected);
            let cut = ticks - ticks % 10_i64.pow(7 - u32::from(fraction));
            assert_eq!(read(&written).unwrap().ticks, cut);
        }
        assert_eq!(read("2026-03-04T02:06:07-03:00"), read("2026-03-04T05:06:07Z"));
        assert_eq!(read("2026-03-04T02:06:07-0300"), read("2026-03-04T05:06:07+00:00"));
        assert!(!read("2026-03-04").unwrap().has_time);
        assert!(!read("2026-03-04T10:00").unwrap().has_zone);
        assert_eq!(date_text(0), "1970-01-01");
    }

    #[test]
    fn what_is_no_date() {
        for wrong in [
            "",
            "2026",
            "2026-13-01",
            "2026-03-04T",
            "2026-03-04T10:00:00.Z",
            "04/03/2026",
            "2026-03-04T10:00:00*",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
