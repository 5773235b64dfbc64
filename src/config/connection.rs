//! One account at a source: what the configuration says of it, and the same with everything resolved.

use std::time::Duration;

use chrono::NaiveDate;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::derive::CustomerX;
use crate::error::{Error, Result};
use crate::limit::Limit;
use crate::personal::{PersonalConfig, Policies, Rules};
use crate::schema::{Catalog, Mode, RateLimit, Source, Table, duration};
use crate::secret::{Secret, SecretFrom};

/// `[connections.<name>]`: one account at a source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionConfig {
    /// The vendor.
    pub source: String,
    /// Where the token is; default: the source's usual variable.
    #[serde(default)]
    pub token: Option<SecretFrom>,
    /// Instead of the declared address.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Tables to export, as globs.
    #[serde(default = "everything")]
    pub include: Vec<String>,
    /// Tables to leave out, as globs.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// A share of the vendor's limit, where others use the account too.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// Where tables with a cursor begin: rows before this day are not read.
    #[serde(default, deserialize_with = "day")]
    pub start: Option<NaiveDate>,
    /// How often a long first load commits what it has.
    #[serde(default = "five_minutes", deserialize_with = "duration")]
    pub checkpoint: Duration,
    /// How often deletions are looked for in tables whose refresh cannot see them.
    #[serde(default, deserialize_with = "optional_duration")]
    pub reconcile: Option<Duration>,
    /// What differs for a table.
    #[serde(default)]
    pub tables: IndexMap<String, TableConfig>,
    /// The Ploomes → CustomerX set: tables derived from those of the connection.
    #[serde(default)]
    pub customerx: Option<CustomerX>,
}

/// `[connections.<name>.tables.<table>]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableConfig {
    /// What a refresh reads and replaces, instead of what the declaration says.
    pub mode: Option<Mode>,
    /// How far before the savepoint a refresh reads again, instead of what the declaration says.
    #[serde(deserialize_with = "optional_duration")]
    pub lookback: Option<Duration>,
    /// Windowed: how far before the savepoint.
    #[serde(deserialize_with = "optional_duration")]
    pub past: Option<Duration>,
    /// Windowed: how far ahead of the run.
    #[serde(deserialize_with = "optional_duration")]
    pub ahead: Option<Duration>,
    /// How often deletions are looked for, instead of what the connection says.
    #[serde(deserialize_with = "optional_duration")]
    pub reconcile: Option<Duration>,
    /// Whether every version of a row is also kept, in the table `<table>_history`.
    pub keep_history: bool,
    /// How many of the rows that it has a read may take from it.
    #[serde(deserialize_with = "limit")]
    pub max_shrink: Option<Limit>,
    /// Path below the address, instead of the declared one.
    pub endpoint: Option<String>,
}

/// A connection with everything resolved: ready to be asked.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Name of its folder in the lake.
    pub name: String,
    /// The vendor.
    pub source: Source,
    /// The vendor's address.
    pub base_url: Url,
    /// The token.
    pub token: Secret,
    /// Where the token comes from, for advice: `the environment variable X`.
    pub token_origin: String,
    /// Requests per window; `None` asks without a limit, as the sandbox allows.
    pub rate_limit: Option<RateLimit>,
    /// Tables to export, as globs.
    pub include: Vec<String>,
    /// Tables to leave out, as globs.
    pub exclude: Vec<String>,
    /// Where tables with a cursor begin.
    pub start: Option<NaiveDate>,
    /// How often a long first load commits what it has.
    pub checkpoint: Duration,
    /// How often deletions are looked for.
    pub reconcile: Option<Duration>,
    /// What differs for a table.
    pub tables: IndexMap<String, TableConfig>,
    /// What the derived tables are made of, if they are wanted.
    pub customerx: Option<CustomerX>,
    /// What becomes of personal data: applied to the tables of `source` already.
    pub policies: Policies,
}

impl ConnectionConfig {
    /// A connection of which nothing is said but its source.
    pub(super) fn of(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            token: None,
            base_url: None,
            include: everything(),
            exclude: Vec::new(),
            rate_limit: None,
            start: None,
            checkpoint: five_minutes(),
            reconcile: None,
            tables: IndexMap::new(),
            customerx: None,
        }
    }

    /// The connection of this name.
    pub(super) fn resolve(
        self,
        name: &str,
        base_url: Option<&str>,
        catalog: &Catalog,
        personal: &PersonalConfig,
        rules: &Rules,
    ) -> Result<Connection> {
        check_name(name)?;
        let mut source = catalog
            .source(&self.source)
            .map_err(|error| error.context(format!("connection `{name}`")))?
            .clone();
        for table in self.tables.keys() {
            if !source.tables.contains_key(table) {
                return Err(
                    Error::config(format!("connection `{name}`: `tables.{table}` is not a table of {}", source.id))
                        .hint(format!("`afluente tables {}` lists them", source.id)),
                );
            }
        }
        if self.customerx.is_some() && !source.tables.values().any(Table::is_derived) {
            return Err(Error::config(format!(
                "connection `{name}`: `customerx` derives tables from those of Ploomes, found the source {}",
                source.id
            ))
            .hint("move the block to a connection whose source is ploomes"));
        }
        let variable = format!("{}_BASE_URL", source.id.to_uppercase());
        let environment = || std::env::var(&variable).ok().filter(|value| !value.is_empty());
        let address = base_url
            .map(str::to_owned)
            .or_else(environment)
            .or(self.base_url)
            .unwrap_or_else(|| source.base_url.clone());
        let (token, token_origin) = token(name, self.token.as_ref(), &source)?;
        let wrong = |limit: &RateLimit| limit.requests == 0 || limit.per < Duration::from_millis(1) || limit.in_flight == 0;
        if self.rate_limit.as_ref().is_some_and(wrong) {
            return Err(Error::config(format!(
                "connection `{name}`: rate_limit: expected numbers above zero"
            )));
        }
        let mut policies = personal.policies(rules, name, &source.id);
        if personal.hashes() {
            policies = policies.with_key(personal.hash_key()?);
        }
        policies
            .apply_all(&mut source)
            .map_err(|error| error.context(format!("connection `{name}`")))?;
        Ok(Connection {
            name: name.to_owned(),
            base_url: parse_address(name, &address)?,
            token,
            token_origin,
            rate_limit: Some(self.rate_limit.unwrap_or_else(|| source.rate_limit.clone())),
            include: self.include,
            exclude: self.exclude,
            start: self.start,
            checkpoint: self.checkpoint,
            reconcile: self.reconcile,
            tables: self.tables,
            customerx: self.customerx,
            source,
            policies,
        })
    }
}

impl Connection {
    /// A connection named as its source, to a sandbox on this machine: no limit is kept.
    ///
    /// # Errors
    /// When the address or the token is not one.
    pub fn to_sandbox(source: &Source, address: &str, token: &str) -> Result<Self> {
        let config = ConnectionConfig::of(&source.id);
        Ok(Self {
            name: source.id.clone(),
            base_url: parse_address(&source.id, address)?,
            token: Secret::new(token)?,
            token_origin: "the sandbox".to_owned(),
            rate_limit: None,
            include: config.include,
            exclude: config.exclude,
            start: config.start,
            checkpoint: config.checkpoint,
            reconcile: config.reconcile,
            tables: config.tables,
            customerx: config.customerx,
            source: source.clone(),
            policies: Policies::default(),
        })
    }
}

/// # Errors
/// When a connection cannot have that name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.starts_with(['_', '.']) || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err(Error::config(format!(
            "connection `{name}`: the name becomes a folder; expected ASCII letters, digits, `-`, `_` or `.`, not starting with `_` or `.`"
        )));
    }
    Ok(())
}

fn parse_address(name: &str, address: &str) -> Result<Url> {
    // What may hold a user, a password or a token is not shown.
    let shown = if address.contains(['@', '?', '#']) { "" } else { address };
    let wrong = |found: &str| {
        Error::config(format!("connection `{name}`: the address `{shown}` {found}"))
            .hint("expected https://host/path; plain http only to this machine (127.0.0.1 or localhost)")
    };
    let url = Url::parse(address.trim_end_matches('/')).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("is not an https address"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(
            Error::config(format!("connection `{name}`: the address holds a user, a password or a query"))
                .hint("a token goes in an environment variable or a file, never in an address"),
        );
    }
    Ok(url)
}

/// The token, and where it comes from.
fn token(name: &str, from: Option<&SecretFrom>, source: &Source) -> Result<(Secret, String)> {
    let usual = SecretFrom::Env(source.token_env.clone());
    let from = from.unwrap_or(&usual);
    let (text, place) = from.read("token").map_err(|error| {
        let error = error.context(format!("connection `{name}`"));
        match from {
            SecretFrom::Env(variable) if from.named().is_some() => error.hint(format!(
                "export {variable}=..., or say where the token is: [connections.{name}] token = {{ file = \"PATH\" }}"
            )),
            SecretFrom::Env(_) | SecretFrom::File(_) => error,
        }
    })?;
    match Secret::new(&text) {
        Ok(token) => Ok((token, place)),
        Err(error) => Err(error.context(format!("connection `{name}`: {place}"))),
    }
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    let text = String::deserialize(deserializer)?;
    NaiveDate::parse_from_str(&text, "%Y-%m-%d")
        .map(Some)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is not a day, expected one such as `2022-01-31`")))
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Limit>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a number such as 100 or a share such as \"50%\"")]
    enum Written {
        Number(u64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(number) => Ok(Some(Limit::Count(number))),
        Written::Text(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_credentials_are_refused_without_showing_them() {
        for address in ["https://user:pw@host/x", "https://host/x?api_token=t0k"] {
            let error = parse_address("acme", address).unwrap_err();
            assert!(
                !format!("{error:?}").contains("pw") && !format!("{error:?}").contains("t0k"),
                "{error:?}"
            );
        }
        assert_eq!(parse_address("acme", "https://host/x/").unwrap().as_str(), "https://host/x");
    }
}
