//! JSON to text: what a text column holds of a value that is no string.

use super::cell::{Bad, LONE_SURROGATE};
use crate::json::{Kind, Scanner, Value, unescape_into};

/// Appends a value as text. After an error, `text` is of no use.
///
/// | JSON | text |
/// |---|---|
/// | `"a\u00e7\n"` | its characters; `""` is the empty text |
/// | `12`, `1.50`, `-0`, `1E+3` | its own digits |
/// | `true`, `false` | `true`, `false` |
/// | `["a", 1.0, null, "b,c"]` | `a,1.0,b,c` |
/// | `[]`, `[null]` | the empty text |
/// | `{ "b" : 1.0, "a" : [ ] }`, `[ [ 1 ], "x" ]` | compact JSON, order and digits kept: `{"b":1.0,"a":[]}`, `[[1],"x"]` |
/// | `["\ud800"]` | bad: half of a surrogate pair is no character |
pub(super) fn append(value: Value<'_>, text: &mut String) -> Result<(), Bad> {
    match value.kind {
        Kind::Array if is_flat(value.raw) => {
            let mut first = true;
            for element in elements(value.raw).filter(|element| element.kind != Kind::Null) {
                if !std::mem::take(&mut first) {
                    text.push(',');
                }
                append_scalar(element, text)?;
            }
            Ok(())
        }
        Kind::Array | Kind::Object => {
            append_json(value.raw, text);
            Ok(())
        }
        _ => append_scalar(value, text),
    }
}

/// Appends a value as compact JSON: no insignificant white space, strings escaped where they must be and nowhere else.
pub(super) fn append_json(raw: &str, text: &mut String) {
    let mut rest = raw;
    while let Some(quote) = rest.find('"') {
        let (before, from_quote) = rest.split_at(quote);
        append_without_space(before, text);
        let Ok(string) = Scanner::new(from_quote).skip() else { break };
        append_json_string(string, text);
        rest = from_quote.get(string.raw.len()..).unwrap_or_default();
    }
    append_without_space(rest, text);
}

/// Appends a text as a JSON string.
pub(super) fn append_quoted(plain: &str, text: &mut String) {
    text.push('"');
    for c in plain.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            '\0'..' ' => {
                let digit = |nibble: u32| char::from_digit(nibble, 16).unwrap_or('0');
                text.push_str("\\u00");
                text.push(digit(u32::from(c) >> 4));
                text.push(digit(u32::from(c) & 15));
            }
            _ => text.push(c),
        }
    }
    text.push('"');
}

/// The elements of an array that was passed before, and so is well-formed.
pub(super) fn elements(raw: &str) -> impl Iterator<Item = Value<'_>> {
    let mut scanner = Scanner::new(raw);
    let mut more = scanner.begin_array().is_ok();
    std::iter::from_fn(move || {
        more = more && scanner.next_element().unwrap_or(false);
        if more { scanner.skip().ok() } else { None }
    })
}

/// Whether no element of an array is itself an array or an object.
pub(super) fn is_flat(raw: &str) -> bool {
    elements(raw).all(|element| !matches!(element.kind, Kind::Array | Kind::Object))
}

fn append_scalar(value: Value<'_>, text: &mut String) -> Result<(), Bad> {
    match value.contents() {
        Some(contents) if value.escaped => unescape_into(contents, text).map_err(|_| LONE_SURROGATE),
        Some(contents) => {
            text.push_str(contents);
            Ok(())
        }
        None => {
            text.push_str(value.raw);
            Ok(())
        }
    }
}

fn append_json_string(string: Value<'_>, text: &mut String) {
    let mut plain = String::new();
    match string.contents() {
        Some(contents) if string.escaped && unescape_into(contents, &mut plain).is_ok() => append_quoted(&plain, text),
        // Without an escape it is minimal already; half of a surrogate pair can only stand as the escape it is.
        _ => text.push_str(string.raw),
    }
}

fn append_without_space(json: &str, text: &mut String) {
    for piece in json.split([' ', '\n', '\t', '\r']) {
        text.push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(json: &str) -> Option<String> {
        let mut text = String::from("|");
        append(Scanner::new(json).skip().unwrap(), &mut text)
            .ok()
            .map(|()| text.split_off(1))
    }

    #[test]
    fn texts_follow_their_table() {
        for (json, expected) in [
            (r#""a\u00e7\n""#, Some("aç\n")),
            (r#""""#, Some("")),
            ("12", Some("12")),
            ("1.50", Some("1.50")),
            ("-0", Some("-0")),
            ("1E+3", Some("1E+3")),
            ("true", Some("true")),
            ("false", Some("false")),
            (r#"["a", 1.0, null, "b,c"]"#, Some("a,1.0,b,c")),
            (r#"[null,"a",null,"",false]"#, Some("a,,false")),
            ("[]", Some("")),
            ("[ null ]", Some("")),
            (r#"{ "b" : 1.0, "a" : [ ] }"#, Some(r#"{"b":1.0,"a":[]}"#)),
            ("[ [ 1 ], \"x\" ]", Some(r#"[[1],"x"]"#)),
            (r#"[{"a":"\u00e7\/\u001F\n \""}]"#, Some(r#"[{"a":"ç/\u001f\n \""}]"#)),
            (r#"{"a":"\ud800"}"#, Some(r#"{"a":"\ud800"}"#)),
            (r#"["\ud800"]"#, None),
        ] {
            assert_eq!(text(json).as_deref(), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn compact_json_is_what_serde_json_writes(members in prop::collection::vec((any::<String>(), any::<String>()), 1..4)) {
            let value = serde_json::Value::Object(members.into_iter().map(|(name, value)| (name, value.into())).collect());
            let compact = serde_json::to_string(&value).unwrap();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(text(&compact), Some(compact.clone()));
            prop_assert_eq!(text(&pretty), Some(compact.clone()));
            let escaped: String = compact.chars().map(|c| if c.is_ascii() { c.to_string() } else {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect()
            }).collect();
            prop_assert_eq!(text(&escaped), Some(compact));
        }
    }
}
