//! What a body of JSON is made of, without its values: they are those of records, and records are of people.

use crate::json::{Kind, Malformed, Scanner};
use crate::visible;

/// Members that are named.
const NAMED: usize = 10;

/// | body | structure |
/// |---|---|
/// | `{"value":[{"Id":1,"Name":"Ana"},{}],"n":1}` | ``an object with `value` (an array of 2, first an object with `Id`, `Name`), `n` (a number)`` |
/// | `[{"Id":1}]` | ``an array of 1, first an object with `Id` `` |
/// | `{"value":[{"Id":1},{"Na` | ``an object with `value` (an array, first an object with `Id`; at byte 23 it is no JSON any more`` |
/// | `{}` | `an object` |
/// | `<html>`, `no`, `"no"`, `5` | none: it is no page |
pub(super) fn of(body: &[u8]) -> Option<String> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = String::from_utf8_lossy(body);
    let mut scanner = Scanner::new(&text);
    if !matches!(scanner.peek(), Ok(Kind::Object | Kind::Array)) {
        return None;
    }
    let mut told = String::new();
    if let Err(malformed) = value(&mut scanner, &mut told, true) {
        told.push_str(&format!("; at byte {} it is no JSON any more", malformed.at));
    }
    Some(told)
}

/// Tells of a value and passes it; of the members of one that lies deeper, only the names.
fn value(scanner: &mut Scanner<'_>, told: &mut String, is_top: bool) -> Result<(), Malformed> {
    let kind = scanner.peek()?;
    match kind {
        Kind::Object => object(scanner, told, is_top),
        Kind::Array => array(scanner, told),
        kind => {
            told.push_str(name_of(kind));
            scanner.skip().map(drop)
        }
    }
}

fn object(scanner: &mut Scanner<'_>, told: &mut String, is_top: bool) -> Result<(), Malformed> {
    told.push_str("an object");
    scanner.begin_object()?;
    let mut members = 0;
    while let Some(name) = scanner.next_key()? {
        if members < NAMED {
            told.push_str(if members == 0 { " with `" } else { ", `" });
            told.push_str(&visible::name(name));
            told.push('`');
        }
        if members < NAMED && is_top {
            told.push_str(" (");
            value(scanner, told, false)?;
            told.push(')');
        } else {
            scanner.skip()?;
        }
        members += 1;
    }
    if members > NAMED {
        told.push_str(&format!(" and {} more", members - NAMED));
    }
    Ok(())
}

fn array(scanner: &mut Scanner<'_>, told: &mut String) -> Result<(), Malformed> {
    told.push_str("an array");
    let after = told.len();
    scanner.begin_array()?;
    let mut elements = 0;
    while scanner.next_element()? {
        if elements == 0 && scanner.peek()? != Kind::Array {
            told.push_str(", first ");
            value(scanner, told, false)?;
        } else {
            scanner.skip()?;
        }
        elements += 1;
    }
    told.insert_str(after, &format!(" of {elements}"));
    Ok(())
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::True | Kind::False => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a text",
        Kind::Array => "an array",
        Kind::Object => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn structures_follow_their_table() {
        for (body, structure) in [
            (
                r#"{"value":[{"Id":1,"Name":"Ana"},{}],"n":1}"#,
                "an object with `value` (an array of 2, first an object with `Id`, `Name`), `n` (a number)",
            ),
            (r#"[{"Id":1}]"#, "an array of 1, first an object with `Id`"),
            (
                r#"{"value":[{"Id":1},{"Na"#,
                "an object with `value` (an array, first an object with `Id`; at byte 23 it is no JSON any more",
            ),
            ("{}", "an object"),
            ("[[1],[2]]", "an array of 2"),
        ] {
            assert_eq!(of(body.as_bytes()).as_deref(), Some(structure), "{body}");
        }
        for body in ["<html>", "no", "\"no\"", "5", ""] {
            assert_eq!(of(body.as_bytes()), None, "{body}");
        }
        let long = format!("{{\"{}\":1,{}}}", "k".repeat(1 << 20), vec!["\"a\":1"; 30].join(","));
        let told = of(long.as_bytes()).unwrap();
        assert!(told.len() < 400 && told.ends_with(" and 21 more"), "{told}");
    }
}
