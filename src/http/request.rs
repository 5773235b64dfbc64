//! A request: a path below the connection's address and ordered query parameters.

use std::fmt::Write;

use url::Url;

use crate::error::{Error, Result};

/// What is asked for, on behalf of which table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The table's id, for the advice in errors.
    pub table: String,
    /// Path below the connection's address; starts with a slash; already percent-encoded.
    pub path: String,
    /// Query parameters, in order, not encoded.
    pub query: Vec<(String, String)>,
}

impl Request {
    /// The whole address.
    pub(super) fn url(&self, base: &Url) -> Result<Url> {
        // Without the slash, `https://vendor` and `@elsewhere` would make another host.
        if !self.path.starts_with('/') {
            return Err(Error::config(format!(
                "endpoint `{}` of table `{}`: expected a path that starts with a slash",
                self.path, self.table
            )));
        }
        let mut text = format!("{}{}", base.as_str().trim_end_matches('/'), self.path);
        for (at, (name, value)) in self.query.iter().enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            encode(name, QUERY, &mut text);
            text.push('=');
            encode(value, QUERY, &mut text);
        }
        let url = Url::parse(&text).map_err(|error| {
            Error::config(format!(
                "endpoint `{}` of table `{}` makes no valid address: {error}",
                self.path, self.table
            ))
        })?;
        // A path such as `/../admin` would climb out of the address the user gave.
        if url.host() != base.host() || !url.path().starts_with(base.path().trim_end_matches('/')) {
            return Err(Error::config(format!(
                "endpoint `{}` of table `{}`: expected a path below the connection's address",
                self.path, self.table
            )));
        }
        Ok(url)
    }
}

/// A value as one segment of a path; none where it would not stay one (`.` and `..` climb, an empty one vanishes).
pub(crate) fn path_segment(value: &str) -> Option<String> {
    if matches!(value, "" | "." | "..") {
        return None;
    }
    let mut text = String::new();
    encode(value, "", &mut text);
    Some(text)
}

/// What OData and the other vendors write raw in a query, kept so that addresses can be read.
/// A `+` is a space to some servers and a plus to others: both are encoded.
const QUERY: &str = "$:/@,()*!";

fn encode(value: &str, raw: &str, text: &mut String) {
    for byte in value.bytes() {
        let char = char::from(byte);
        if char.is_ascii_alphanumeric() || "-._~".contains(char) || raw.contains(char) {
            text.push(char);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, path: &str, query: &[(&str, &str)]) -> Result<String> {
        let request = Request {
            table: "deals".to_owned(),
            path: path.to_owned(),
            query: query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        request.url(&Url::parse(base).unwrap()).map(String::from)
    }

    #[test]
    fn addresses_keep_the_base_path_and_encode_values() {
        for (base, path, query, expected) in [
            (
                "https://a.example",
                "/Cities@Countries",
                &[("$filter", "Id gt 7 and D ge 2026-01-01T00:00:00+03:00"), ("$top", "300")][..],
                "https://a.example/Cities@Countries?$filter=Id%20gt%207%20and%20D%20ge%202026-01-01T00:00:00%2B03:00&$top=300",
            ),
            (
                "https://a.example/crm/api/1/",
                "/tarefas/",
                &[("d", "01/02/2026"), ("x", "é&=#'")],
                "https://a.example/crm/api/1/tarefas/?d=01/02/2026&x=%C3%A9%26%3D%23%27",
            ),
            (
                "http://127.0.0.1:9/v2",
                "/users",
                &[("updated_at:start", "2026-01-01")],
                "http://127.0.0.1:9/v2/users?updated_at:start=2026-01-01",
            ),
        ] {
            assert_eq!(url(base, path, query).unwrap(), expected);
        }
    }

    #[test]
    fn paths_cannot_leave_the_address() {
        for (base, path) in [
            ("https://a.example", "@evil.example/x"),
            ("https://a.example", ".evil.example/x"),
            ("https://a.example/v2", "/../v1/x"),
            ("https://a.example/v2", "/%2e%2e/x"),
        ] {
            assert!(url(base, path, &[]).is_err(), "{path}");
        }
    }

    #[test]
    fn a_value_is_one_path_segment_or_none() {
        for (value, expected) in [
            ("700", Some("700")),
            ("a/b?c", Some("a%2Fb%3Fc")),
            ("..", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(path_segment(value).as_deref(), expected);
        }
    }
}
