//! Values that have a form of their own.

use std::time::Duration;

use crate::schema::parse_duration;

/// | text | bytes |
/// |---|---|
/// | `1048576` | 1,048,576 |
/// | `64KiB`, `256MiB`, `2GiB` | binary units |
/// | `64K`, `256M`, `2G` | the same |
pub fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_end_matches("iB") {
        "" if !unit.ends_with("iB") => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        _ => None,
    };
    let bytes = number
        .parse::<usize>()
        .ok()
        .zip(shift)
        .and_then(|(number, shift)| number.checked_mul(1 << shift));
    match bytes {
        Some(bytes) if bytes >= 64 << 20 => Ok(bytes),
        Some(_) => Err("expected at least 64MiB".to_owned()),
        None => Err("expected a size such as 256MiB or 2GiB".to_owned()),
    }
}

pub fn age(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a number and a unit, such as 20s, 5m, 1h or 2d".to_owned())
}

pub fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.0..=1000.0).contains(rate));
    rate.ok_or_else(|| "expected a number from 0 to 1000".to_owned())
}

pub fn table_rows(text: &str) -> Result<(String, u64), String> {
    text.split_once('=')
        .and_then(|(table, rows)| Some((table.to_owned(), rows.parse().ok()?)))
        .filter(|(table, _)| table.contains('.'))
        .ok_or_else(|| "expected source.table=rows, such as ploomes.contacts=3000000".to_owned())
}

pub fn refusal(text: &str) -> Result<(String, u16), String> {
    let (table, status) = text.split_once('=').unwrap_or((text, "403"));
    status
        .parse()
        .ok()
        .filter(|_| table.contains('.'))
        .map(|status| (table.to_owned(), status))
        .ok_or_else(|| "expected source.table[=status], such as ploomes.deals or ploomes.orders=400".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_their_table() {
        for (text, expected) in [
            ("134217728", 128 << 20),
            ("65536KiB", 64 << 20),
            ("256MiB", 256 << 20),
            ("2G", 2 << 30),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "MiB", "1MiB", "256MB", "256 MiB", "-1", "99999999999G", "100iB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rows_of_a_table_need_its_source() {
        assert_eq!(table_rows("ploomes.contacts=3"), Ok(("ploomes.contacts".to_owned(), 3)));
        for text in ["contacts=3", "ploomes.contacts", "ploomes.contacts=x"] {
            assert!(table_rows(text).is_err(), "{text}");
        }
    }
}
