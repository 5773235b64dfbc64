//! A token, and where it is. It can be sent in a header and nowhere else: it cannot be printed, compared or serialised.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};
use crate::hash_key::HashKey;

/// A token whose text never reaches a log, an error, a report or a manifest.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it came from the environment or a file; surrounding white space goes.
    ///
    /// # Errors
    /// When nothing is left, or the text cannot stand in an HTTP header. The message never holds the text.
    pub fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::config("the token is empty").hint("put the token there, whole and nothing else"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(Error::config("the token holds characters that cannot be sent in an HTTP header")
                .hint("a token is plain ASCII on one line: copy it again from the vendor"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The header's value, marked so that the HTTP library does not print it either.
    pub(crate) fn header(&self, prefix: &str) -> Result<reqwest::header::HeaderValue> {
        let mut value = reqwest::header::HeaderValue::try_from(format!("{prefix}{}", self.0))
            .map_err(|_| Error::config("the token cannot be sent in an HTTP header"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// What tells this token from another one without telling it: an HMAC.
    pub(crate) fn fingerprint(&self, key: &HashKey) -> String {
        key.hash(self.0.as_bytes())
    }

    /// Replaces the token in a text that came from outside: a vendor may echo it in an error body, in JSON, in an address or in a page of HTML, and each of them
    /// writes some characters in its own way.
    ///
    /// | the token `a/b"&` as | text |
    /// |---|---|
    /// | itself | `a/b"&` |
    /// | JSON | `a\/b\"&`, `\u0061\u002Fb\u0022&` |
    /// | a part of an address | `a%2Fb%22%26`, `%61%2fb%22%26`; `+` for a blank |
    /// | HTML | `a/b&quot;&amp;`, `a&#47;b&#x22;&#38;` |
    ///
    /// Its Base64 is not looked for: no request sends it so, and no vendor makes it.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut redacted = String::new();
        let (mut kept, mut at) = (0, 0);
        while at < text.len() {
            match self.end_at(text.as_bytes(), at) {
                Some(end) => {
                    redacted.push_str(text.get(kept..at).unwrap_or_default());
                    redacted.push_str("REDACTED");
                    (kept, at) = (end, end);
                }
                None => at += 1,
            }
        }
        redacted.push_str(text.get(kept..).unwrap_or_default());
        redacted
    }

    /// Where the token that begins here ends; the furthest, where it may end at several places.
    fn end_at(&self, text: &[u8], at: usize) -> Option<usize> {
        let mut ends = vec![at];
        for byte in self.0.bytes() {
            let mut next: Vec<usize> = ends.iter().flat_map(|end| spellings(text, *end, byte)).collect();
            next.sort_unstable();
            next.dedup();
            ends = next;
            if ends.is_empty() {
                return None;
            }
        }
        ends.pop()
    }
}

/// Where this ASCII character ends, if it begins here in one spelling or another.
fn spellings(text: &[u8], at: usize, wanted: u8) -> impl Iterator<Item = usize> {
    let rest = text.get(at..).unwrap_or_default();
    let code = |digits: Option<&[u8]>, radix| {
        let digits = std::str::from_utf8(digits?).ok()?;
        u32::from_str_radix(digits, radix).ok().filter(|code| *code == u32::from(wanted))
    };
    let number = |prefix: usize, radix| {
        let length = rest.iter().position(|byte| *byte == b';').filter(|length| *length <= 10)?;
        code(rest.get(prefix..length), radix).map(|_| length + 1)
    };
    let lengths = match rest {
        [b'\\', b'u', ..] => [code(rest.get(2..6), 16).map(|_| 6), (wanted == b'\\').then_some(1)],
        [b'\\', next, ..] => [(*next == wanted).then_some(2), (wanted == b'\\').then_some(1)],
        [b'%', ..] => [code(rest.get(1..3), 16).map(|_| 3), (wanted == b'%').then_some(1)],
        [b'&', b'#', b'x' | b'X', ..] => [number(3, 16), (wanted == b'&').then_some(1)],
        [b'&', b'#', ..] => [number(2, 10), (wanted == b'&').then_some(1)],
        [b'&', ..] => {
            let names: [(u8, &[u8]); 6] = [
                (b'&', b"&amp;"),
                (b'<', b"&lt;"),
                (b'>', b"&gt;"),
                (b'"', b"&quot;"),
                (b'\'', b"&apos;"),
                (b' ', b"&nbsp;"),
            ];
            let named = names.iter().find(|(byte, name)| *byte == wanted && rest.starts_with(name));
            [named.map(|(_, name)| name.len()), (wanted == b'&').then_some(1)]
        }
        [b'+', ..] => [(wanted == b' ' || wanted == b'+').then_some(1), None],
        [byte, ..] => [(*byte == wanted).then_some(1), None],
        [] => [None, None],
    };
    lengths.into_iter().flatten().map(move |length| at + length)
}

/// Whether a text that stands where a variable or a file is to be named can be shown: a token or a key pasted there by mistake is not. Names are of short words.
fn is_name(text: &str) -> bool {
    let words = |part: &str| {
        let digits = part.chars().filter(char::is_ascii_digit).count();
        let mixed = part.chars().any(|c| c.is_ascii_lowercase()) && part.chars().skip(1).any(|c| c.is_ascii_uppercase());
        part.len() <= 20 && digits * 3 <= part.len().max(9) && !(mixed && digits > 0)
    };
    !text.is_empty()
        && text.len() <= 80
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && text.split(['_', '-', '.']).all(words)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

/// Where a token or a key is: never in the file itself.
#[derive(Debug, Clone)]
pub enum SecretFrom {
    /// An environment variable.
    Env(String),
    /// A file that holds nothing else.
    File(PathBuf),
}

impl SecretFrom {
    /// The text, and its place in words. `what` it is stands in the error.
    ///
    /// # Errors
    /// When the variable is not set, or the file cannot be read.
    pub fn read(&self, what: &str) -> Result<(String, String)> {
        match self {
            // Neither `=` nor NUL can stand in a variable's name; a text that has them is not looked up.
            Self::Env(variable) => match (std::env::var(variable), self.named()) {
                (Ok(text), Some(variable)) => Ok((text, format!("the environment variable {variable}"))),
                (Ok(text), None) => Ok((text, "the environment variable that `env` names".to_owned())),
                (Err(_), Some(variable)) => Err(Error::config(format!("no {what}: the environment variable {variable} is not set"))),
                (Err(_), None) => Err(Error::config(format!(
                    "no {what}: `env` names no environment variable that is set; it is not shown, because it looks like the {what} itself"
                ))
                .hint(format!(
                    "write the name of the variable that holds the {what}: {{ env = \"NAME\" }}"
                ))),
            },
            Self::File(path) => match (std::fs::read_to_string(path), self.named()) {
                (Ok(text), Some(path)) => Ok((text, format!("the file `{path}`"))),
                (Ok(text), None) => Ok((text, "the file that `file` names".to_owned())),
                (Err(error), Some(path)) => Err(Error::config(format!("cannot read the {what} file `{path}`: {error}"))),
                (Err(error), None) => Err(Error::config(format!(
                    "cannot read the {what} file that `file` names, which is not shown, because it looks like the {what} itself: {error}"
                ))
                .hint(format!(
                    "write the path of a file that holds the {what} and nothing else: {{ file = \"PATH\" }}"
                ))),
            },
        }
    }

    /// The variable or the path, if it can be shown.
    pub(crate) fn named(&self) -> Option<String> {
        match self {
            Self::Env(variable) => is_name(variable).then(|| variable.clone()),
            Self::File(path) => {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                // Base64 has slashes as well, but no dots and dashes, and no end that is a name.
                is_name(name.trim_start_matches('.')).then(|| path.display().to_string())
            }
        }
    }
}

/// By hand, because serde's own messages show what they found: a token pasted here by mistake must not be shown.
impl<'de> Deserialize<'de> for SecretFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || {
            serde::de::Error::custom(
                "a token or a key is never written here, only where it is: expected `{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
            )
        };
        let toml::Value::Table(table) = toml::Value::deserialize(deserializer)? else {
            return Err(wrong());
        };
        let mut keys = table.into_iter();
        match (keys.next(), keys.next()) {
            (Some((key, toml::Value::String(name))), None) if key == "env" => Ok(Self::Env(name)),
            (Some((key, toml::Value::String(path))), None) if key == "file" => Ok(Self::File(path.into())),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_redacted_everywhere() {
        let secret = Secret::new(" k3y \n").unwrap();
        assert_eq!(format!("{secret:?}"), "REDACTED");
        let header = secret.header("Bearer ").unwrap();
        assert_eq!(header.as_bytes(), b"Bearer k3y");
        assert!(!format!("{header:?}").contains("k3y"));
        assert_eq!(secret.redact("bad key k3y!"), "bad key REDACTED!");
    }

    #[test]
    fn a_token_is_found_in_every_spelling() {
        let secret = Secret::new("a/b\"&").unwrap();
        for text in [
            "a/b\"&",
            r#"a\/b\"&"#,
            r"\u0061\u002Fb\u0022\u0026",
            "a%2Fb%22%26",
            "%61%2fb%22%26",
            "a/b&quot;&amp;",
            "a&#47;b&#x22;&#38;",
            "a&#x2F;b&#34;&",
        ] {
            assert_eq!(secret.redact(&format!("é{text}é{text}")), "éREDACTEDéREDACTED", "{text}");
        }
        assert_eq!(
            Secret::new("a b\\%").unwrap().redact(r"x a+b\\%25 a%20b\% y"),
            "x REDACTED REDACTED y"
        );
        assert_eq!(secret.redact("a/b&quot"), "a/b&quot");
        assert_eq!(Secret::new("aab").unwrap().redact("aaab"), "aREDACTED");
    }

    #[test]
    fn a_token_in_the_place_of_a_name_is_not_shown() {
        for (name, shown) in [
            ("PLOOMES_USER_KEY", true),
            ("ACME_PLOOMES_KEY_2", true),
            ("token", true),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", false),
            ("0F3A77C1D2B94E58", false),
            ("9f86d081-884c-7d65-9a2f-eaa0c55ad015", false),
            ("QUJDREVGR0hJSktMTU5PUA", false),
            ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", false),
            ("to ken", false),
            ("a=b", false),
            ("", false),
        ] {
            let from = SecretFrom::Env(name.to_owned());
            assert_eq!(from.named().is_some(), shown, "{name}");
            let error = from.read("token").unwrap_err();
            assert!(name.is_empty() || format!("{error:?}").contains(name) == shown, "{error:?}");
            let error = SecretFrom::File(name.into()).read("token").unwrap_err();
            assert!(name.is_empty() || format!("{error:?}").contains(name) == shown, "{error:?}");
        }
        for path in ["/run/secrets/ploomes", "/etc/afluente/ploomes-token.txt", ".token"] {
            assert!(SecretFrom::File(path.into()).named().is_some(), "{path}");
        }
    }

    #[test]
    fn refuses_what_cannot_be_a_header() {
        for text in ["", "  ", "a\nb", "chavé"] {
            assert!(Secret::new(text).is_err(), "{text:?}");
        }
    }
}
