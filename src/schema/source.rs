//! `source.toml`: how to talk to a vendor.

use std::time::Duration;

use chrono_tz::Tz;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};

use super::account::AccountRoute;
use super::field::CustomFields;
use super::table::Table;

/// A vendor's API and its tables.
#[derive(Debug, Clone)]
pub struct Source {
    /// Folder name under `schemas/`.
    pub id: String,
    /// The vendor's facts.
    pub decl: SourceDecl,
    /// The tables, in the order of their file names.
    pub tables: IndexMap<String, Table>,
}

impl std::ops::Deref for Source {
    type Target = SourceDecl;

    fn deref(&self) -> &SourceDecl {
        &self.decl
    }
}

/// The keys of `source.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDecl {
    /// The vendor's name.
    pub title: String,
    /// One sentence, pt-BR.
    pub description: String,
    /// The vendor's documentation.
    #[serde(default)]
    pub docs: Option<String>,
    /// Address, without a slash at its end.
    pub base_url: String,
    /// Environment variable of the token.
    pub token_env: String,
    /// How the token is sent.
    pub auth: Auth,
    /// Zone of values that carry none.
    #[serde(default, deserialize_with = "zone")]
    pub timezone: Tz,
    /// Date parts (`YYYY-MM-DD`) that stand for "no date".
    #[serde(default)]
    pub no_date: Vec<String>,
    /// Where a page may hold its array of records, tried in order.
    pub records: Vec<Records>,
    /// Replies that end a table although they are no page; default of the tables.
    #[serde(default)]
    pub ends: Vec<End>,
    /// What a request for one row of another table is answered instead of a page; default of the tables.
    #[serde(default)]
    pub look_up: LookUp,
    /// Default of the tables.
    pub pagination: Pagination,
    /// The vendor's limit, shared by all tables of a connection.
    pub rate_limit: RateLimit,
    /// When a request is sent again.
    #[serde(default)]
    pub retry: Retry,
    /// For one reply, from request to last byte.
    #[serde(default = "default_timeout", deserialize_with = "duration")]
    pub timeout: Duration,
    /// Largest body taken, MiB.
    #[serde(default = "default_max_body")]
    pub max_body: usize,
    /// How the vendor tells of the fields that an account has made.
    #[serde(default)]
    pub custom_fields: Option<CustomFields>,
    /// Where the vendor tells the id of the account that a token is of.
    #[serde(default)]
    pub account: Option<AccountRoute>,
}

/// How the token is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// In a header: `name: prefix` + token.
    Header {
        /// Header name.
        name: String,
        /// Put before the token, for example `Bearer `.
        #[serde(default)]
        prefix: String,
    },
}

/// Where a page holds its array of records.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Records {
    /// `@root`: the page itself is the array.
    Root,
    /// `@endpoint`: the member named as the endpoint's last segment.
    Endpoint,
    /// `@only`: the only member that is an array.
    Only,
    /// The member of this name.
    Member(String),
}

impl From<String> for Records {
    fn from(text: String) -> Self {
        match text.as_str() {
            "@root" => Self::Root,
            "@endpoint" => Self::Endpoint,
            "@only" => Self::Only,
            _ => Self::Member(text),
        }
    }
}

/// A reply that is no page and still the end: after pages were read, and with as many rows as the API counted if it did. As the first page, only where the
/// reply itself counts 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// `null` stands where the array of records is expected.
    Null,
    /// The status 204.
    NoContent,
    /// A status of success with an empty body.
    EmptyBody,
}

/// What a request for one row of another table may be answered instead of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LookUp {
    /// Members of which a reply, an object of plain values without the key, has one where nothing was found.
    pub nothing: Vec<String>,
    /// An object with the key is one record.
    pub bare: bool,
}

/// How a table is read page by page.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Pagination {
    /// Rows above the last key read, in the key's order; ends on an empty page.
    Keyset {
        /// JSON name of the key in a record.
        key: String,
        /// Parameter that takes the filter.
        filter_param: String,
        /// The filter, with `{key}`.
        filter: String,
        /// Parameter that takes the order.
        order_param: String,
        /// The order.
        order: String,
        /// Parameter that takes the page size.
        size_param: String,
        /// Rows asked per page.
        size: u32,
        /// How the total is asked for.
        #[serde(default)]
        count: Option<Count>,
    },
    /// An offset advanced by the rows returned; ends on an empty page.
    Offset {
        /// Parameter that takes the offset.
        offset_param: String,
        /// Parameter that takes the page size.
        size_param: String,
        /// Rows asked per page.
        size: u32,
        /// Parameter that takes the order.
        #[serde(default)]
        order_param: Option<String>,
        /// The order.
        #[serde(default)]
        order: Option<String>,
        /// How the total is asked for.
        #[serde(default)]
        count: Option<Count>,
    },
    /// Numbered pages; ends on an empty page, on one without an unseen key, when `next` is there and null, or on the last page of `pages_header` (unless it is full, and the rows are not as many as were counted).
    Page {
        /// Parameter that takes the page's number.
        page_param: String,
        /// Number of the first page.
        #[serde(default = "one")]
        first: u32,
        /// Parameter that takes the page size.
        #[serde(default)]
        size_param: Option<String>,
        /// Rows asked per page.
        #[serde(default)]
        size: Option<u32>,
        /// Member that is null on the last page.
        #[serde(default)]
        next: Option<String>,
        /// Header of the reply that holds how many pages there are.
        #[serde(default)]
        pages_header: Option<String>,
        /// Header of the reply that holds the size the vendor pages by.
        #[serde(default)]
        size_header: Option<String>,
        /// How the total is asked for.
        #[serde(default)]
        count: Option<Count>,
    },
    /// One page.
    Single {
        /// Query parameters.
        #[serde(default)]
        params: IndexMap<String, String>,
        /// Rows at which the vendor may have cut the page: as many rows or more are an error.
        #[serde(default)]
        cap: Option<usize>,
    },
}

impl Pagination {
    /// How the total is asked for.
    pub fn count(&self) -> Option<&Count> {
        match self {
            Self::Keyset { count, .. } | Self::Offset { count, .. } | Self::Page { count, .. } => count.as_ref(),
            Self::Single { .. } => None,
        }
    }

    /// Whether one request reads it all.
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Single { .. })
    }

    /// Rows asked per page, where the vendor lets one ask.
    pub fn size(&self) -> Option<u32> {
        match self {
            Self::Keyset { size, .. } | Self::Offset { size, .. } => Some(*size),
            Self::Page { size, .. } => *size,
            Self::Single { .. } => None,
        }
    }
}

/// How the total is asked for with the first page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Query parameters that ask for it.
    #[serde(default)]
    pub params: IndexMap<String, String>,
    /// Member of the page that holds it.
    #[serde(default)]
    pub member: Option<String>,
    /// Header of the reply that holds it, where no member does.
    #[serde(default)]
    pub header: Option<String>,
}

/// A query parameter whose value is a template.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub param: String,
    /// Its value.
    pub value: String,
}

/// The vendor's limit: never more than `requests` in any window of `per`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests per window.
    pub requests: u32,
    /// Length of the window.
    #[serde(deserialize_with = "duration")]
    pub per: Duration,
    /// Requests under way at once.
    #[serde(default = "default_in_flight")]
    pub in_flight: usize,
}

/// When a request is sent again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Times a request is sent in all.
    pub attempts: u32,
    /// Statuses that are worth another attempt; timeouts and cut bodies always are.
    pub statuses: Vec<u16>,
    /// First wait; it doubles with each attempt, with jitter.
    #[serde(deserialize_with = "duration")]
    pub backoff: Duration,
    /// Longest wait that is not the vendor's own.
    #[serde(deserialize_with = "duration")]
    pub max_backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 6,
            statuses: vec![408, 429, 500, 502, 503, 504],
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
        }
    }
}

fn default_timeout() -> Duration {
    Duration::from_secs(60)
}

fn default_max_body() -> usize {
    32
}

fn default_in_flight() -> usize {
    4
}

fn one() -> u32 {
    1
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "unknown time zone `{name}`, expected an IANA name such as `America/Sao_Paulo` or `UTC`"
        ))
    })
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is not a duration, expected a number and a unit such as `500ms`, `20s`, `5m`, `1h` or `2d`"
        ))
    })
}

/// | text | duration |
/// |---|---|
/// | `250ms` | 250 milliseconds |
/// | `20s`, `5m`, `1h`, `2d` | seconds, minutes, hours, days |
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_their_table() {
        for (text, millis) in [
            ("250ms", 250),
            ("20s", 20_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "20", "s", "-1s", "1.5h", "1 h", "99999999999999999d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
