//! JSON to int, float and boolean. A number is taken only if the column can hold exactly what is written, or, for a fraction,
//! the float nearest to it.

use super::cell::Bad;
use crate::json::Kind;
use crate::schema::Format;

/// Above this, neighbouring whole numbers share a float.
const EXACT: u64 = 1 << 53;

/// A whole number.
///
/// | JSON | format | int |
/// |---|---|---|
/// | `12`, `"12"`, `"012"`, `"+12"`, `12.0`, `"12.00"`, `1.2e1`, `120e-1` | | 12 |
/// | `-0` | | 0 |
/// | `9223372036854775807` | | 9223372036854775807 |
/// | `9223372036854775808`, `1e19` | | bad: beyond 64 bits |
/// | `1.5`, `"1.5"`, `1e-1` | | bad: not a whole number |
/// | `"1,5"`, `" 1"`, `"1_0"`, `"0x1"`, `"."`, `"1."`, `".5"`, `"inf"` | | bad: not a number |
/// | `true`, `{}`, `[]` | | bad: not a number |
/// | `true`, `"true"` | flag | 1 |
/// | `false`, `"false"` | flag | 0 |
/// | `"00.000.000/0001-91"` | digits | 191 |
pub(super) fn int(kind: Kind, text: &str, format: Option<Format>) -> Result<i64, Bad> {
    match (kind, format) {
        (Kind::Number, _) => whole(text),
        (_, Some(Format::Flag)) if boolean(kind, text).is_ok() => boolean(kind, text).map(i64::from),
        (Kind::String, Some(Format::Digits)) => digits(text).and_then(|digits| i64::try_from(digits).map_err(|_| BEYOND)),
        (Kind::String, _) => whole(text),
        _ => Err(NOT_A_NUMBER),
    }
}

/// A float.
///
/// | JSON | format | float |
/// |---|---|---|
/// | `12`, `"12"`, `"012"`, `"+12"`, `12.0`, `1.2e1` | | 12.0 |
/// | `0.1`, `"0.1"` | | 0.1 |
/// | `9007199254740992` | | 9007199254740992.0 |
/// | `9007199254740993`, `"-9007199254740993"` | | bad: a float cannot hold it exactly |
/// | `9007199254740993.5`, `1e17` | | the nearest float |
/// | `1e999` | | bad: beyond a float |
/// | `"1,5"`, `" 1"`, `"1_0"`, `"0x1"`, `"."`, `"1."`, `".5"`, `"inf"`, `"NaN"` | | bad: not a number |
/// | `true`, `{}`, `[]` | | bad: not a number |
/// | `"1.234,56"`, `"1234,56"`, `"1234.56"`, `1234.56` | comma | 1234.56 |
/// | `"1.234.567"` | comma | 1234567.0 |
/// | `"1.234"` | comma | bad: 1.234 or 1234 |
/// | `"12.34,5"`, `"1,234,5"`, `"1,"`, `",5"` | comma | bad: not a number |
/// | `true`, `"true"` | flag | 1.0 |
/// | `"00.000.000/0001-91"`, `"000 191"` | digits | 191.0 |
/// | `"00.000.000/0001-9x"`, `"--"` | digits | bad: not only digits |
pub(super) fn float(kind: Kind, text: &str, format: Option<Format>) -> Result<f64, Bad> {
    match (kind, format) {
        (Kind::Number, _) => nearest(text),
        (_, Some(Format::Flag)) if boolean(kind, text).is_ok() => boolean(kind, text).map(|flag| f64::from(u8::from(flag))),
        (Kind::String, Some(Format::Digits)) => digits(text).and_then(|digits| exact(digits, false)),
        (Kind::String, Some(Format::Comma)) => match comma(text) {
            Some(Comma::Plain(plain)) => nearest(&plain),
            Some(Comma::Ambiguous) => Err(Bad("ambiguous: the dot may mark thousands or decimals")),
            None => nearest(text),
        },
        (Kind::String, _) => nearest(text),
        _ => Err(NOT_A_NUMBER),
    }
}

/// True or false.
///
/// | JSON | boolean |
/// |---|---|
/// | `true`, `"true"`, `1` | true |
/// | `false`, `"false"`, `0` | false |
/// | `2`, `1.0`, `"1"`, `"True"`, `"sim"`, `{}`, `[]` | bad: neither true nor false |
pub(super) fn boolean(kind: Kind, text: &str) -> Result<bool, Bad> {
    match (kind, text) {
        (Kind::True, _) | (Kind::String, "true") | (Kind::Number, "1") => Ok(true),
        (Kind::False, _) | (Kind::String, "false") | (Kind::Number, "0") => Ok(false),
        _ => Err(Bad("neither true nor false")),
    }
}

const NOT_A_NUMBER: Bad = Bad("not a number");
const BEYOND: Bad = Bad("beyond 64 bits");

/// The integer that a number is; decimals are counted, never rounded.
fn whole(text: &str) -> Result<i64, Bad> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let number = Literal::read(text).ok_or(NOT_A_NUMBER)?;
    let after = number.after.trim_end_matches('0');
    let before = if after.is_empty() {
        number.before.trim_end_matches('0')
    } else {
        number.before
    };
    let digits = before.bytes().chain(after.bytes());
    if digits.clone().all(|digit| digit == b'0') {
        return Ok(0);
    }
    // The last digit is not zero here, so this many zeros follow it, or it lies this far behind the point.
    let zeros = number.exponent + (number.before.len() - before.len()) as i64 - after.len() as i64;
    if zeros < 0 {
        return Err(Bad("not a whole number"));
    }
    let append = |number: i64, digit: u8| number.checked_mul(10)?.checked_sub(i64::from(digit - b'0'));
    // Counted below zero, where there is room for one more.
    let negated = digits
        .chain(std::iter::repeat_n(b'0', zeros.min(20) as usize))
        .try_fold(0, append)
        .ok_or(BEYOND)?;
    if number.negative {
        Ok(negated)
    } else {
        negated.checked_neg().ok_or(BEYOND)
    }
}

/// The float nearest to a number; a whole number must be held exactly.
fn nearest(text: &str) -> Result<f64, Bad> {
    let number = Literal::read(text).ok_or(NOT_A_NUMBER)?;
    if !number.fractional {
        return exact(number.before.parse().unwrap_or(u64::MAX), number.negative);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(Bad("beyond the range of a float")),
        Err(_) => Err(NOT_A_NUMBER),
    }
}

fn exact(number: u64, negative: bool) -> Result<f64, Bad> {
    if number > EXACT {
        return Err(Bad("a whole number beyond 2^53, which a float cannot hold exactly"));
    }
    Ok(if negative { -(number as f64) } else { number as f64 })
}

/// The number in a CPF or CNPJ.
fn digits(text: &str) -> Result<u64, Bad> {
    const NOT_DIGITS: Bad = Bad("not only digits and the marks of a CPF or CNPJ");
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(NOT_DIGITS);
    }
    text.bytes().try_fold(0_u64, |number, byte| match byte {
        b'.' | b'/' | b'-' | b' ' => Ok(number),
        b'0'..=b'9' => number
            .checked_mul(10)
            .and_then(|number| number.checked_add(u64::from(byte - b'0')))
            .ok_or(BEYOND),
        _ => Err(NOT_DIGITS),
    })
}

/// A number in its parts: JSON's grammar, and leading zeros, and a plus sign.
struct Literal<'a> {
    negative: bool,
    before: &'a str,
    after: &'a str,
    /// Bounded: beyond a million a number has more zeros than any text.
    exponent: i64,
    /// It is written with a point or an exponent.
    fractional: bool,
}

impl<'a> Literal<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let negative = text.starts_with('-');
        if digits(unsigned) {
            return Some(Self {
                negative,
                before: unsigned,
                after: "",
                exponent: 0,
                fractional: false,
            });
        }
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        if !digits(before) || !digits(after) || !digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)) {
            return None;
        }
        let bound = if exponent.starts_with('-') { -BOUND } else { BOUND };
        Some(Self {
            negative,
            before,
            after,
            exponent: exponent.parse().unwrap_or(bound).clamp(-BOUND, BOUND),
            fractional: true,
        })
    }
}

const BOUND: i64 = 1 << 40;

/// A number written the Brazilian way.
enum Comma {
    /// In the plain way.
    Plain(String),
    Ambiguous,
}

/// None: not written the Brazilian way.
fn comma(text: &str) -> Option<Comma> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = match text.split_once(',') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    let mut groups = whole.strip_prefix(['+', '-']).unwrap_or(whole).split('.');
    let first = groups.next()?;
    let thousands = groups.clone().count();
    let grouped = first.len() <= 3 && !first.starts_with('0') && groups.all(|group| group.len() == 3 && digits(group));
    if !digits(first) || (thousands > 0 && !grouped) {
        return None;
    }
    match decimals {
        Some(decimals) if digits(decimals) => Some(Comma::Plain(format!("{}.{decimals}", whole.replace('.', "")))),
        None if thousands > 1 => Some(Comma::Plain(whole.replace('.', ""))),
        None if thousands == 1 => Some(Comma::Ambiguous),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAG: Option<Format> = Some(Format::Flag);
    const DIGITS: Option<Format> = Some(Format::Digits);
    const COMMA: Option<Format> = Some(Format::Comma);

    /// The kind and text of a value as the column sees them.
    fn parts(json: &str) -> (Kind, String) {
        let value = crate::json::Scanner::new(json).skip().unwrap();
        (value.kind, value.contents().unwrap_or(value.raw).to_owned())
    }

    #[test]
    fn ints_follow_their_table() {
        let whole = |json: &str, format| {
            let (kind, text) = parts(json);
            int(kind, &text, format).map_err(|bad| bad.0)
        };
        for (json, format, expected) in [
            ("12", None, 12),
            (r#""12""#, None, 12),
            (r#""012""#, None, 12),
            (r#""+12""#, None, 12),
            ("12.0", None, 12),
            (r#""12.00""#, None, 12),
            ("1.2e1", None, 12),
            ("120e-1", None, 12),
            ("-0", None, 0),
            ("0e999999999999999999999", None, 0),
            ("0.000e-5", None, 0),
            ("10000000000000000000e-1", None, 1_000_000_000_000_000_000),
            ("9223372036854775807", None, i64::MAX),
            ("-9223372036854775808", None, i64::MIN),
            ("-9223372036854775808.0", None, i64::MIN),
            ("true", FLAG, 1),
            (r#""true""#, FLAG, 1),
            ("false", FLAG, 0),
            (r#""false""#, FLAG, 0),
            ("7", FLAG, 7),
            (r#""00.000.000/0001-91""#, DIGITS, 191),
            ("191", DIGITS, 191),
        ] {
            assert_eq!(whole(json, format), Ok(expected), "{json}");
        }
        for (json, expected) in [
            ("9223372036854775808", "beyond 64 bits"),
            ("-9223372036854775809", "beyond 64 bits"),
            ("9223372036854775808.0", "beyond 64 bits"),
            ("1e19", "beyond 64 bits"),
            ("1e999999999999999999999", "beyond 64 bits"),
            ("1.5", "not a whole number"),
            (r#""1.5""#, "not a whole number"),
            ("1e-1", "not a whole number"),
            ("1e-999999999999999999999", "not a whole number"),
            (r#""1,5""#, "not a number"),
            (r#"" 1""#, "not a number"),
            (r#""1_0""#, "not a number"),
            (r#""0x1""#, "not a number"),
            (r#"".""#, "not a number"),
            (r#""-""#, "not a number"),
            (r#""1.""#, "not a number"),
            (r#"".5""#, "not a number"),
            (r#""--1""#, "not a number"),
            (r#""1e""#, "not a number"),
            (r#""inf""#, "not a number"),
            ("true", "not a number"),
            ("{}", "not a number"),
            ("[]", "not a number"),
        ] {
            assert_eq!(whole(json, None), Err(expected), "{json}");
        }
    }

    #[test]
    fn floats_follow_their_table() {
        let nearest = |json: &str, format| {
            let (kind, text) = parts(json);
            float(kind, &text, format).map_err(|bad| bad.0)
        };
        for (json, format, expected) in [
            ("12", None, 12.0),
            (r#""12""#, None, 12.0),
            (r#""012""#, None, 12.0),
            (r#""+12""#, None, 12.0),
            ("12.0", None, 12.0),
            ("1.2e1", None, 12.0),
            ("0.1", None, 0.1),
            (r#""0.1""#, None, 0.1),
            (r#""-007.50""#, None, -7.5),
            ("9007199254740992", None, 9_007_199_254_740_992.0),
            (r#""0000000000000000000000000000012""#, None, 12.0),
            ("9007199254740993.5", None, 9_007_199_254_740_994.0),
            ("1e17", None, 1e17),
            ("1e-999", None, 0.0),
            (r#""1.234,56""#, COMMA, 1234.56),
            (r#""-1234,56""#, COMMA, -1234.56),
            (r#""1234.56""#, COMMA, 1234.56),
            ("1234.56", COMMA, 1234.56),
            ("1.234", COMMA, 1.234),
            (r#""0.123""#, COMMA, 0.123),
            (r#""1234.567""#, COMMA, 1234.567),
            (r#""1.234.567""#, COMMA, 1_234_567.0),
            ("true", FLAG, 1.0),
            (r#""true""#, FLAG, 1.0),
            (r#""00.000.000/0001-91""#, DIGITS, 191.0),
            (r#""000 191""#, DIGITS, 191.0),
            ("1.5", DIGITS, 1.5),
        ] {
            assert_eq!(nearest(json, format), Ok(expected), "{json}");
        }
        assert!(nearest("-0", None).unwrap().is_sign_negative());
        let inexact = "a whole number beyond 2^53, which a float cannot hold exactly";
        for (json, format, expected) in [
            ("9007199254740993", None, inexact),
            (r#""-9007199254740993""#, None, inexact),
            ("99999999999999999999999999", None, inexact),
            (r#""9.007.199.254.740.993""#, COMMA, inexact),
            (r#""9007199254740993""#, DIGITS, inexact),
            (r#""99999999999999999999""#, DIGITS, "beyond 64 bits"),
            ("1e999", None, "beyond the range of a float"),
            (r#""1,5""#, None, "not a number"),
            (r#"" 1""#, None, "not a number"),
            (r#""1_0""#, None, "not a number"),
            (r#""0x1""#, None, "not a number"),
            (r#"".""#, None, "not a number"),
            (r#""1.""#, None, "not a number"),
            (r#"".5""#, None, "not a number"),
            (r#""inf""#, None, "not a number"),
            (r#""NaN""#, None, "not a number"),
            ("true", None, "not a number"),
            ("{}", FLAG, "not a number"),
            ("[]", None, "not a number"),
            (r#""1.234""#, COMMA, "ambiguous: the dot may mark thousands or decimals"),
            (r#""12.34,5""#, COMMA, "not a number"),
            (r#""1,234,5""#, COMMA, "not a number"),
            (r#""1,""#, COMMA, "not a number"),
            (r#"",5""#, COMMA, "not a number"),
            (r#""R$ 1,50""#, COMMA, "not a number"),
            (r#""00.000.000/0001-9x""#, DIGITS, "not only digits and the marks of a CPF or CNPJ"),
            (r#""--""#, DIGITS, "not only digits and the marks of a CPF or CNPJ"),
        ] {
            assert_eq!(nearest(json, format), Err(expected), "{json}");
        }
    }

    #[test]
    fn booleans_follow_their_table() {
        for (json, expected) in [
            ("true", Some(true)),
            (r#""true""#, Some(true)),
            ("1", Some(true)),
            ("false", Some(false)),
            (r#""false""#, Some(false)),
            ("0", Some(false)),
            ("2", None),
            ("1.0", None),
            (r#""1""#, None),
            (r#""True""#, None),
            (r#""sim""#, None),
            ("{}", None),
            ("[]", None),
        ] {
            let (kind, text) = parts(json);
            assert_eq!(boolean(kind, &text).ok(), expected, "{json}");
        }
    }
}
