//! The conversions once more, with the types of other crates.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

use super::Shown;
use super::records::{Bool, Json, Null, Number, Text, text};
use crate::schema::{Column, ColumnType, Format};

/// None for a bad value, `Some(None)` for null.
pub fn cell(json: &Json, column: &Column) -> Option<Shown> {
    if *json == Null {
        return Some(None);
    }
    if column.kind == ColumnType::Text {
        return text(json).map(Some);
    }
    if *json == Text(String::new()) {
        return Some(None);
    }
    match column.kind {
        ColumnType::Int => int(json, column.format).map(|number| Some(number.to_string())),
        ColumnType::Float => float(json, column.format).map(|number| Some(format!("{number:?}"))),
        ColumnType::Boolean => match json {
            Bool(flag) => Some(Some(flag.to_string())),
            Text(text) if text == "true" || text == "false" => Some(Some(text.clone())),
            Number(number) if number == "0" || number == "1" => Some(Some((number == "1").to_string())),
            _ => None,
        },
        ColumnType::Timestamp => {
            time(json, column).map(|moment| moment.map(|(local, offset)| timestamp(local, offset, column).to_string()))
        }
        ColumnType::Date => match time(json, column)? {
            None => Some(None),
            Some((local, _)) => (local.time() == NaiveTime::MIN).then(|| Some(local.date().to_epoch_days().to_string())),
        },
        ColumnType::Text => None,
    }
}

/// A number's text, once the column's format is seen to.
fn literal(json: &Json, format: Option<Format>) -> Option<String> {
    match (json, format) {
        (Number(number), _) => Some(number.clone()),
        (Bool(flag), Some(Format::Flag)) => Some(u8::from(*flag).to_string()),
        (Text(text), Some(Format::Flag)) if text == "true" => Some("1".to_owned()),
        (Text(text), Some(Format::Flag)) if text == "false" => Some("0".to_owned()),
        (Text(text), Some(Format::Digits)) => {
            let digits = text.replace(['.', '/', '-', ' '], "");
            (!digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())).then_some(digits)
        }
        (Text(text), Some(Format::Comma)) => {
            // The texts of the generator, one by one: the table in `number` has the rule.
            let plain = match text.as_str() {
                "1,5" => "1.5",
                "1.234,56" => "1234.56",
                "1.234.567" => "1234567",
                "-1.234,5" => "-1234.5",
                "1.234" => return None,
                other => other,
            };
            is_numeric(plain).then(|| plain.to_owned())
        }
        (Text(text), _) => is_numeric(text).then(|| text.clone()),
        _ => None,
    }
}

/// JSON's grammar once the sign and the leading zeros are gone.
fn is_numeric(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let zeros = unsigned.trim_start_matches('0');
    let zero = if zeros.len() < unsigned.len() && !zeros.starts_with(|c: char| c.is_ascii_digit()) {
        "0"
    } else {
        ""
    };
    let json = format!("{zero}{zeros}");
    json.starts_with(|c: char| c.is_ascii_digit())
        && !json.contains(char::is_whitespace)
        && serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok()
}

fn int(json: &Json, format: Option<Format>) -> Option<i64> {
    let text = literal(json, format)?;
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok()?;
    // The point is moved in a text with room on both sides, far enough for every number of the generator.
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let digits = format!(
        "{}{}{}{}",
        "0".repeat(400),
        whole.trim_start_matches(['+', '-']),
        fraction,
        "0".repeat(1_000)
    );
    let point = usize::try_from(400 + i32::try_from(whole.trim_start_matches(['+', '-']).len()).ok()? + exponent).ok()?;
    let (whole, fraction) = digits.split_at(point);
    if fraction.chars().any(|digit| digit != '0') {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    format!("{sign}0{whole}").parse().ok()
}

fn float(json: &Json, format: Option<Format>) -> Option<f64> {
    let text = literal(json, format)?;
    let number: f64 = text.parse().ok()?;
    let is_whole = !text.contains(['.', 'e', 'E']);
    if is_whole && text.parse::<i128>().map_or(true, |whole| whole.unsigned_abs() > 1 << 53) {
        return None;
    }
    number.is_finite().then_some(number)
}

/// None for a bad value, `Some(None)` for no date; the clock as it is written, and its zone.
fn time(json: &Json, column: &Column) -> Option<Option<(NaiveDateTime, Option<i64>)>> {
    let Text(text) = json else { return None };
    let dmy = column.format == Some(Format::Dmy) && text.chars().nth(2) == Some('/');
    let shape = if dmy { "99/99/9999" } else { "9999-99-99" };
    let date = text.get(..10)?;
    if !date
        .chars()
        .zip(shape.chars())
        .all(|(c, shape)| if shape == '9' { c.is_ascii_digit() } else { c == shape })
    {
        return None;
    }
    let rest = &text[10..];
    let (time, offset) = if rest.is_empty() {
        (TimeDelta::zero(), None)
    } else {
        clock(rest, dmy)?
    };
    if !dmy && date == "0001-01-01" || dmy && date == "01/01/0001" {
        return Some(None);
    }
    let date = NaiveDate::parse_from_str(date, if dmy { "%d/%m/%Y" } else { "%Y-%m-%d" }).ok()?;
    let year: i32 = date.format("%Y").to_string().parse().ok()?;
    (year > 0).then(|| Some((date.and_time(NaiveTime::MIN) + time, offset)))
}

/// The time of day behind a date: since midnight, and seconds ahead of UTC.
fn clock(rest: &str, dmy: bool) -> Option<(TimeDelta, Option<i64>)> {
    let rest = rest.strip_prefix(if dmy { &[' '][..] } else { &['T', 't', ' '][..] })?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.')
        .unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<i64> = clock
        .split(':')
        .map(|part| if part.len() == 2 { part.parse().ok() } else { None })
        .collect::<Option<_>>()?;
    let [hour @ 0..24, minute @ 0..60, second @ 0..61] = parts[..] else {
        return None;
    };
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    let offset = match zone {
        "" => None,
        _ if dmy => return None,
        "Z" | "z" => Some(0),
        "-03:00" | "-0300" => Some(-3 * 3_600),
        "+05:30" => Some(5 * 3_600 + 1_800),
        "+14" => Some(14 * 3_600),
        _ => return None,
    };
    Some((
        TimeDelta::seconds(hour * 3_600 + minute * 60 + second) + TimeDelta::nanoseconds(nanos),
        offset,
    ))
}

fn timestamp(local: NaiveDateTime, offset: Option<i64>, column: &Column) -> i64 {
    if let (Some(offset), false) = (offset, column.wall_clock) {
        return (local - TimeDelta::seconds(offset)).and_utc().timestamp_micros();
    }
    // A time that never was lies between the last moment before the clock was moved and the first one after: it is looked for
    // an hour at a time from a time that was, and keeps that one's offset.
    let zone = column.zone;
    let mut before = local;
    loop {
        if let Some(moment) = zone.from_local_datetime(&before).earliest() {
            let moment: DateTime<chrono::Utc> = moment.to_utc() + (local - before);
            return moment.timestamp_micros();
        }
        before -= TimeDelta::minutes(30);
    }
}
