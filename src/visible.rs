//! Texts from outside, fit to be shown: what a terminal would obey, or nobody would see, is written out.
//!
//! | text | shown |
//! |---|---|
//! | `é`, `名前`, `R$ 1` | as it is |
//! | ESC, CR, LF, NUL | `\u{1b}`, `\r`, `\n`, `\u{0}` |
//! | U+009B (C1), U+202E (bidirectional), U+200B (zero width) | `\u{9b}`, `\u{202e}`, `\u{200b}` |
//! | U+00A0, U+2028, unassigned, private use | `\u{a0}`, `\u{2028}`, `\u{e000}` |
//! | two accents on a letter, a third | the letter with two, `\u{301}` |
//!
//! What is written out is shown as it is when it passes here again, so it does no harm to pass twice. A backslash is not written out for that reason.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The longest message, in characters: more is no message but a body.
pub const LONGEST_MESSAGE: usize = 4_000;

/// The longest name from outside within a message, in characters.
pub const LONGEST_NAME: usize = 80;

/// Accents that one letter may carry.
const ACCENTS: usize = 2;

/// The text with everything written out that is not seen as itself; lines' ends too.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut accents = ACCENTS;
    for c in text.chars() {
        let is_accent = is_accent(c);
        if is_accent && accents < ACCENTS || !is_accent && is_seen(c) {
            shown.push(c);
        } else {
            match c {
                '\t' => shown.push_str("\\t"),
                '\r' => shown.push_str("\\r"),
                '\n' => shown.push_str("\\n"),
                // Write cannot fail on a String.
                c => drop(write!(shown, "\\u{{{:x}}}", u32::from(c))),
            }
        }
        // An accent is drawn on what stands before it.
        accents = if is_accent { accents + 1 } else { 0 };
    }
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// The same of several lines: their ends stay.
pub fn shown_lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// The beginning of a text, at most so many characters of it, with `…` in the place of the rest.
pub fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// A name from outside as it stands in a message: shown, and not too long.
pub fn name(text: &str) -> String {
    cut(&shown(&cut(text, LONGEST_NAME)), 2 * LONGEST_NAME).into_owned()
}

/// A message as it is told and reported: shown, on one line, not too long.
pub fn message(text: &str) -> String {
    cut(&shown(&cut(text, LONGEST_MESSAGE)), LONGEST_MESSAGE).into_owned()
}

/// Columns of a terminal that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A text in so many columns of a terminal: shown, cut with `…`, and filled with blanks on the side where it does not stand.
pub fn padded(text: &str, columns: usize, left: bool) -> String {
    let text = fit(&shown(text), columns).into_owned();
    let blank = " ".repeat(columns.saturating_sub(width(&text)));
    if left { text + &blank } else { blank + &text }
}

/// As much of a text as has room in so many columns, with `…` in the place of the rest.
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut left = columns.saturating_sub(1);
    let mut beginning = String::new();
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else {
            break;
        };
        left = rest;
        beginning.push(c);
    }
    Cow::Owned(beginning + "…")
}

/// Data as JSON: every text is what it was, but what is not seen stands there as `\u202e`, which JSON reads as the same.
///
/// # Errors
/// When the value cannot be JSON: a defect.
pub fn json(value: &impl Serialize, pretty: bool) -> serde_json::Result<String> {
    let text = match pretty {
        true => serde_json::to_string_pretty(value)?,
        false => serde_json::to_string(value)?,
    };
    if text.chars().all(|c| c == '\n' || is_seen(c)) {
        return Ok(text);
    }
    let mut seen = String::with_capacity(text.len());
    for c in text.chars() {
        // What is not ASCII stands within quotes; so does the one control character that JSON takes as it is.
        if c == '\n' || is_seen(c) && !is_accent(c) {
            seen.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(seen, "\\u{unit:04x}");
            }
        }
    }
    Ok(seen)
}

/// Members of a report that are addresses: whoever reads it opens them, so they are what they are.
const ADDRESSES: [&str; 2] = ["lake", "report"];

/// Talk as JSON, such as a run's report or a line of a log: every text in it is a [`message`], save addresses.
///
/// # Errors
/// When the value cannot be JSON: a defect.
pub fn report(value: &impl Serialize, pretty: bool) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    as_messages(&mut value);
    json(&value, pretty)
}

fn as_messages(value: &mut Value) {
    match value {
        Value::String(text) => *text = message(text),
        Value::Array(values) => values.iter_mut().for_each(as_messages),
        Value::Object(members) => {
            let others = members.iter_mut().filter(|(name, _)| !ADDRESSES.contains(&name.as_str()));
            others.for_each(|(_, value)| as_messages(value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a character is seen as itself and takes its place, on a line of its own or not.
pub fn is_seen(c: char) -> bool {
    match c {
        ' '..='~' => true,
        c if is_blank(c) => false,
        c if c.width().is_none_or(|width| width == 0) => is_accent(c),
        // Of what is left, only what the language prints: no unassigned, private or blank characters. An accent would be written out too.
        c => c.escape_debug().len() == 1,
    }
}

/// A mark that is drawn on the letter before it.
fn is_accent(c: char) -> bool {
    // `escape_debug` of a text writes out no accent behind a letter, but all that is not printed.
    !is_blank(c) && !c.is_control() && c.width() == Some(0) && format!("a{c}").escape_debug().nth(1) == Some(c)
}

/// Letters, signs and selectors of variants that draw nothing, although they count as printed.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_follow_their_table() {
        for text in ["é", "名前", "R$ 1", "a\\b", "Ação – “x” €", "e\u{301}a\u{303}\u{323}", "🙂"] {
            assert_eq!(shown(text), text);
        }
        for (text, expected) in [
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("a\r\nb\0", "a\\r\\nb\\u{0}"),
            ("\u{9b}\u{202e}\u{200b}\u{7f}", "\\u{9b}\\u{202e}\\u{200b}\\u{7f}"),
            (
                "\u{a0}\u{2028}\u{e000}\u{378}\u{feff}",
                "\\u{a0}\\u{2028}\\u{e000}\\u{378}\\u{feff}",
            ),
            ("\u{301}a\u{301}\u{301}\u{301}", "\\u{301}a\u{301}\u{301}\\u{301}"),
            ("❤\u{fe0f}\u{3164}\u{e0101}", "❤\\u{fe0f}\\u{3164}\\u{e0101}"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(shown_lines("a\n\u{1b}b"), "a\n\\u{1b}b");
        assert_eq!(cut("ação", 3), "açã…");
        assert_eq!(padded("名前", 6, true), "名前  ");
        assert_eq!(padded("名前です", 6, false), " 名前…");
        assert_eq!(padded("\u{7}", 8, false), "   \\u{7}");
        assert_eq!(
            json(&"\u{1b}\u{9b}\u{202e}\u{e0001}é", false).unwrap(),
            r#""\u001b\u009b\u202e\udb40\udc01é""#
        );
        assert_eq!(report(&["\u{1b}", "a\nb"], false).unwrap(), r#"["\\u{1b}","a\\nb"]"#);
        assert_eq!(name(&"\0".repeat(1_000_000)).chars().count(), 2 * LONGEST_NAME + 1);
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_seen_and_stays(text in any::<String>(), more in "[\\p{M}\\p{C}\\p{Z}a]{0,20}") {
            for text in [text, more] {
                let shown = shown(&text);
                prop_assert!(!shown.chars().any(|c| c.is_control() || c.width().is_none()), "{shown:?}");
                prop_assert_eq!(super::shown(&shown), shown.as_ref());
                prop_assert!(width(&padded(&text, 10, true)) == 10);
                let json = json(&text, false).unwrap();
                prop_assert!(json.chars().all(is_seen), "{json:?}");
                prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            }
        }
    }
}
