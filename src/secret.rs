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

    /// Replaces the token in a text that came from outside (a vendor may echo it in an error body).
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "REDACTED")
    }
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
            Self::Env(variable) => match std::env::var(variable) {
                Ok(text) => Ok((text, format!("the environment variable {variable}"))),
                Err(_) => Err(Error::config(format!("no {what}: the environment variable {variable} is not set"))),
            },
            Self::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => Ok((text, format!("the file `{}`", path.display()))),
                Err(error) => Err(Error::config(format!("cannot read the {what} file `{}`: {error}", path.display()))),
            },
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
    fn refuses_what_cannot_be_a_header() {
        for text in ["", "  ", "a\nb", "chavé"] {
            assert!(Secret::new(text).is_err(), "{text:?}");
        }
    }
}
