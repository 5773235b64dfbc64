//! The least and greatest values that a manifest tells of a file, read as what they are: a whole number to its last digit, an instant of any year.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate};
use serde_json::{Number, Value};

const DAY_MICROS: i128 = 86_400_000_000;

/// Two numbers by their value: whole ones are not made floats, which beyond 2^53 stand for several of them.
pub(crate) fn compare(one: &Number, other: &Number) -> Ordering {
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (None, None) => float(one).total_cmp(&float(other)),
        (Some(one), None) => compare_with_float(one, float(other)),
        (None, Some(other)) => compare_with_float(other, float(one)).reverse(),
    }
}

/// The whole numbers from 0 on between two bounds, both ends included: all that may be there, and no more than that. Nothing where a bound is no number.
pub(crate) fn whole_numbers(least: &Value, greatest: &Value) -> Option<(u64, u64)> {
    let (Value::Number(least), Value::Number(greatest)) = (least, greatest) else {
        return None;
    };
    // A cast of a float to an unsigned number ends at its limits.
    let end = |bound: &Number, of_float: f64| match whole(bound) {
        Some(whole) => u64::try_from(whole.max(0)).unwrap_or(u64::MAX),
        None => of_float as u64,
    };
    Some((end(least, float(least).floor()), end(greatest, float(greatest).ceil())))
}

/// An instant or a day, as a manifest writes it, in microseconds since 1970 in UTC; years have four digits or more. Nothing where it is neither, or beyond
/// what 64 bits hold.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (year, rest) = rest.split_once('-')?;
    let year: i64 = number(year).filter(|_| year.len() >= 4)? * sign;
    let (month, rest) = rest.split_once('-')?;
    let (day, time) = match rest.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (rest, None),
    };
    let days = i128::from(days(year, number(month)?, number(day)?)?);
    let micros = match time {
        None => 0,
        Some(time) => match time.strip_suffix('Z') {
            Some(time) => of_day(time)?,
            // None of our own: with an offset.
            None => return Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros()),
        },
    };
    i64::try_from(days * DAY_MICROS + i128::from(micros)).ok()
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default()
}

fn compare_with_float(whole: i128, float: f64) -> Ordering {
    // Every float is the whole number below it and a fraction; a cast ends at the limits, which no 64 bits reach.
    whole
        .cmp(&(float.floor() as i128))
        .then(if float.fract() == 0.0 { Ordering::Equal } else { Ordering::Less })
}

fn number(digits: &str) -> Option<i64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

/// Days since 1970. The calendar repeats itself every 400 years, so that each year has one in chrono's reach.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const ERA_DAYS: i64 = 146_097;
    let era = year.div_euclid(400);
    let of_era = i32::try_from(2_000 + year.rem_euclid(400)).ok()?;
    let date = NaiveDate::from_ymd_opt(of_era, u32::try_from(month).ok()?, u32::try_from(day).ok()?)?;
    let since = date.signed_duration_since(NaiveDate::default()).num_days();
    since.checked_add((era - 5).checked_mul(ERA_DAYS)?)
}

/// `HH:MM:SS` with up to six digits of a fraction, in microseconds.
fn of_day(time: &str) -> Option<i64> {
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = clock.split(':').map(number);
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 6)?;
    let micros = number(fraction)? * 10_i64.pow(6 - digits);
    let is_time = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 60;
    is_time.then_some((hours * 3_600 + minutes * 60 + seconds) * 1_000_000 + micros)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn numbers_are_compared_to_their_last_digit() {
        let ascending = [
            "-1.7e308",
            "-9223372036854775808",
            "-9007199254740993",
            "-9007199254740992.0",
            "-1",
            "-0.5",
            "0",
            "0.5",
            "9007199254740991.0",
            "9007199254740993",
            "9007199254740994.0",
            "9007199254740995",
            "9223372036854775807",
            "18446744073709551615",
            "1e300",
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                assert_eq!(compare(&told(one), &told(other)), at.cmp(&other_at), "{one} and {other}");
            }
        }
        assert_eq!(compare(&told("7"), &told("7.0")), Ordering::Equal);
    }

    #[test]
    fn whole_numbers_span_what_may_be_there() {
        for (least, greatest, expected) in [
            (json!(3), json!(7), Some((3, 7))),
            (json!(-3), json!(-1), Some((0, 0))),
            (
                json!(9_007_199_254_740_995_i64),
                json!(i64::MAX),
                Some((9_007_199_254_740_995, i64::MAX as u64)),
            ),
            (json!(2.5), json!(7.5), Some((2, 8))),
            (
                json!(9_007_199_254_740_991.0),
                json!(1e300),
                Some((9_007_199_254_740_991, u64::MAX)),
            ),
            (json!("3"), json!("7"), None),
            (Value::Null, json!(7), None),
        ] {
            assert_eq!(whole_numbers(&least, &greatest), expected, "{least} {greatest}");
        }
        // As a manifest holds it: a float is read as it was written.
        assert_eq!(serde_json::from_str::<f64>("9007199254740991.0").unwrap(), 9_007_199_254_740_991.0);
    }

    #[test]
    fn instants_are_read_in_every_year() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-12-31T23:59:59.999998Z", Some(-2)),
            ("1970-01-02", Some(86_400_000_000)),
            ("10000-01-01T02:30:00Z", Some(253_402_309_800_000_000)),
            ("0024-02-29", Some(-61_404_739_200_000_000)),
            ("2026-01-01T00:00:00-03:00", Some(1_767_236_400_000_000)),
            ("2026-02-30", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:00.1234567Z", None),
            ("26-01-01", None),
            ("9999999999999999-01-01", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
    }
}
