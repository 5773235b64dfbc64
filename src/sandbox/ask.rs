//! A request as a vendor module sees it and the answer it gives: plain values, so that vendors are tested without a socket.

/// A GET request below a source's base address.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    /// Percent-decoded, with its leading slash, as sent: a slash at the end stays.
    pub path: &'a str,
    /// Decoded pairs in the order they were sent; `+` is a space.
    pub query: Vec<(String, String)>,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Ask<'_> {
    /// The first value of a query parameter; names are compared as written.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A query parameter that is a whole number above 0.
    pub(crate) fn positive(&self, name: &str) -> Option<u64> {
        self.param(name)?.parse().ok().filter(|number| *number > 0)
    }

    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What a vendor replies. `Content-Length` is the server's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer::typed(status, "application/json; charset=utf-8", body)
    }

    pub(crate) fn text(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer::typed(status, "text/plain; charset=utf-8", body)
    }

    /// An answer of any media type.
    pub(crate) fn typed(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            headers: vec![("Content-Type", media_type.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }
}

/// Query text to decoded pairs.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Undoes percent-encoding in a path. What is no valid escape stays as it is.
pub(crate) fn unescape(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
impl<'a> Ask<'a> {
    /// A request for tests: `target` is path and query, undecoded; header names in lower case.
    pub(crate) fn of(path: &'a str, query: &str, headers: &[(&str, &str)]) -> Ask<'a> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Ask {
            path,
            query: pairs(query),
            headers: headers.iter().map(owned).collect(),
        }
    }
}

#[cfg(test)]
impl Answer {
    /// The body as JSON, for tests.
    pub(crate) fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.body));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_and_path_are_decoded() {
        let ask = Ask::of("/x", "%24top=3&f=a+b%2Bc&f=2&updated_at%3Astart=1", &[("user-key", "k")]);
        assert_eq!(ask.param("$top"), Some("3"));
        assert_eq!(ask.param("f"), Some("a b+c"));
        assert_eq!(ask.param("updated_at:start"), Some("1"));
        assert_eq!(ask.header("user-key"), Some("k"));
        assert_eq!(unescape("/Deals%40Pipelines/%zz%4"), "/Deals@Pipelines/%zz%4");
    }
}
