//! What the text of a string stands for: its escapes, and whether it is a given name.

use std::borrow::Cow;

/// An escape such as `\ud800` that stands for no character on its own: JSON's grammar allows it, text cannot hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoneSurrogate;

/// The characters of a string as it is written between its quotes; borrowed where there is no escape.
pub(crate) fn unescape(raw: &str) -> Result<Cow<'_, str>, LoneSurrogate> {
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut text = String::with_capacity(raw.len());
    unescape_into(raw, &mut text)?;
    Ok(Cow::Owned(text))
}

/// Appends the characters of a string as it is written between its quotes. What stands in `text` after an error is of no use.
pub(crate) fn unescape_into(raw: &str, text: &mut String) -> Result<(), LoneSurrogate> {
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        text.push(match chars.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let high = hex(&mut chars)?;
                match high {
                    0xd800..0xdc00 => {
                        let low = match (chars.next(), chars.next()) {
                            (Some('\\'), Some('u')) => hex(&mut chars)?,
                            _ => return Err(LoneSurrogate),
                        };
                        if !(0xdc00..0xe000).contains(&low) {
                            return Err(LoneSurrogate);
                        }
                        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or(LoneSurrogate)?
                    }
                    _ => char::from_u32(high).ok_or(LoneSurrogate)?,
                }
            }
            Some(other) => other,
            None => return Err(LoneSurrogate),
        });
        rest = chars.as_str();
    }
    text.push_str(rest);
    Ok(())
}

/// Whether a member's name, as it is written between its quotes, is this name without regard to case: each character's own
/// lower-case form counts, not the length or language of the text.
pub(crate) fn key_matches(raw_key: &str, name: &str) -> bool {
    if raw_key.eq_ignore_ascii_case(name) {
        return true;
    }
    if raw_key.is_ascii() && name.is_ascii() && !raw_key.contains('\\') {
        return false;
    }
    unescape(raw_key).is_ok_and(|key| {
        key.chars()
            .flat_map(char::to_lowercase)
            .eq(name.chars().flat_map(char::to_lowercase))
    })
}

fn hex(chars: &mut std::str::Chars<'_>) -> Result<u32, LoneSurrogate> {
    (0..4).try_fold(0, |unit, _| {
        let digit = chars.next().and_then(|digit| digit.to_digit(16)).ok_or(LoneSurrogate)?;
        Ok(unit << 4 | digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_unescape_as_in_serde_json(raw in "([a-z\u{e7}\u{1f600}]|\\\\[\"\\\\/bfnrt]|\\\\u(00|d8|dc|20)[0-9a-fA-F]{2}){0,12}") {
            let expected = serde_json::from_str::<String>(&format!("\"{raw}\"")).ok();
            prop_assert_eq!(unescape(&raw).ok().map(Cow::into_owned), expected);
        }
    }

    #[test]
    fn names_match_without_regard_to_case() {
        for (raw, name, expected) in [
            ("LastUpdateDate", "lastupdatedate", true),
            ("id", "Id", true),
            ("id", "ide", false),
            (r"\u0049D", "id", true),
            ("AÇÃO", "ação", true),
            (r"a\u00c7\u00c3o", "ação", true),
            ("acao", "ação", false),
            (r"\ud800", "id", false),
            ("", "", true),
        ] {
            assert_eq!(key_matches(raw, name), expected, "{raw} {name}");
        }
    }
}
