//! `afluente.toml`: the lake, the connections and their tokens' whereabouts. Precedence is flag, environment, file, declaration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::derive::CustomerX;
use crate::error::{Error, Result};
use crate::personal::{PersonalConfig, Policies};
use crate::schema::{Catalog, Mode, RateLimit, Source, Table, duration};
use crate::secret::{Secret, SecretFrom};
use crate::store::S3Options;

/// File read when no `--config` is given, if it is there.
pub const DEFAULT_FILE: &str = "afluente.toml";
/// Lake when neither a flag nor the file names one.
pub const DEFAULT_LAKE: &str = "./lake";

/// The keys of `afluente.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the tables go.
    pub lake: LakeConfig,
    /// Declarations instead of the embedded ones.
    pub schemas: SchemasConfig,
    /// Accounts, by the name of their folder in the lake.
    pub connections: IndexMap<String, ConnectionConfig>,
    /// What becomes of personal data.
    pub personal: PersonalConfig,
}

/// `[lake]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LakeConfig {
    /// A path, `file://` or `s3://bucket/prefix`.
    pub url: Option<String>,
    /// How long superseded data files stay for readers that are still at them. Longer than zero, a plain glob sees rows twice meanwhile.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
    /// What differs from the usual `AWS_*` variables.
    pub s3: S3Options,
}

/// `[schemas]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemasConfig {
    /// A folder laid out as `schemas/`.
    pub dir: Option<PathBuf>,
}

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

impl Config {
    /// Reads this file, or [`DEFAULT_FILE`] if it is there.
    ///
    /// # Errors
    /// When the file cannot be read or holds a mistake; the message has file and line.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let path = match file {
            Some(path) => path,
            None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::config(format!("cannot read the configuration `{}`: {error}", path.display()))
                .hint("`afluente init` writes a commented afluente.toml")
        })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads a configuration's text; `name` stands in messages.
    ///
    /// # Errors
    /// When the text holds a mistake.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text[..start].matches('\n').count() + 1;
            // The snippet that toml shows could hold a token pasted by mistake: only its message goes on.
            Error::config(format!("{name}:{line}: {}", error.message().replace('\n', " ")))
                .hint("`afluente init` writes a commented afluente.toml to compare with; a token is never written in it, only `{ env = \"NAME\" }` or `{ file = \"PATH\" }`")
        })
    }

    /// The declarations: `--schemas`, else `[schemas] dir`, else the embedded ones.
    ///
    /// # Errors
    /// When a declaration is wrong.
    pub fn catalog(&self, flag: Option<&Path>) -> Result<Catalog> {
        match flag.or(self.schemas.dir.as_deref()) {
            Some(folder) => Catalog::from_folder(folder),
            None => Catalog::embedded(),
        }
    }

    /// The named connections, or all; a source's name stands for a connection of that name.
    ///
    /// # Errors
    /// When a name is unknown, a token is missing or an address is not one.
    pub fn connections(&self, names: &[String], base_url: Option<&str>, catalog: &Catalog) -> Result<Vec<Connection>> {
        let mut chosen: Vec<String> = names.to_vec();
        chosen.sort();
        chosen.dedup();
        if chosen.is_empty() {
            chosen = self.connections.keys().cloned().collect();
        }
        if chosen.is_empty() {
            // Without a file, a set token says which sources are meant.
            chosen = catalog
                .sources()
                .filter(|source| is_set(&source.token_env))
                .map(|source| source.id.clone())
                .collect();
        }
        if chosen.is_empty() {
            let variables: Vec<&str> = catalog.sources().map(|source| source.token_env.as_str()).collect();
            return Err(
                Error::config("no connection to export: none is named, none is configured and no token is set").hint(format!(
                    "set one of {}, or write a configuration with `afluente init`; `afluente demo` needs neither",
                    variables.join(", ")
                )),
            );
        }
        if base_url.is_some() && chosen.len() > 1 {
            return Err(Error::config(format!(
                "--base-url goes with one connection, found {}: {}",
                chosen.len(),
                chosen.join(", ")
            )));
        }
        let owners = self.owners(&chosen, catalog);
        self.personal.check(&owners)?;
        chosen
            .iter()
            .map(|name| self.connection(name, base_url, catalog, &owners))
            .collect()
    }

    /// What `[personal.tables]` may speak of: the configured connections and these, with their sources.
    pub(crate) fn owners<'c>(&self, names: &[String], catalog: &'c Catalog) -> Vec<(String, &'c Source)> {
        let configured = self.connections.iter().map(|(name, config)| (name, &config.source));
        let named = names
            .iter()
            .filter(|name| !self.connections.contains_key(*name))
            .map(|name| (name, name));
        configured
            .chain(named)
            .filter_map(|(name, source)| Some((name.clone(), catalog.source(source).ok()?)))
            .collect()
    }

    fn connection(&self, name: &str, base_url: Option<&str>, catalog: &Catalog, owners: &[(String, &Source)]) -> Result<Connection> {
        let config = match self.connections.get(name) {
            Some(config) => config.clone(),
            None if catalog.source(name).is_ok() => ConnectionConfig {
                source: name.to_owned(),
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
            },
            None => {
                let mut known: Vec<&str> = self.connections.keys().map(String::as_str).collect();
                known.extend(
                    catalog
                        .sources()
                        .map(|source| source.id.as_str())
                        .filter(|id| !self.connections.contains_key(*id)),
                );
                return Err(Error::config(format!("unknown connection `{name}`")).hint(format!(
                    "expected a connection of the configuration or a source: {}",
                    known.join(", ")
                )));
            }
        };
        if name.is_empty()
            || name.starts_with(['_', '.'])
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        {
            return Err(Error::config(format!(
                "connection `{name}`: the name becomes a folder; expected ASCII letters, digits, `-`, `_` or `.`, not starting with `_` or `.`"
            )));
        }
        let mut source = catalog
            .source(&config.source)
            .map_err(|error| error.context(format!("connection `{name}`")))?
            .clone();
        for table in config.tables.keys() {
            if !source.tables.contains_key(table) {
                return Err(
                    Error::config(format!("connection `{name}`: `tables.{table}` is not a table of {}", source.id))
                        .hint(format!("`afluente tables {}` lists them", source.id)),
                );
            }
        }
        if config.customerx.is_some() && !source.tables.values().any(Table::is_derived) {
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
            .or(config.base_url)
            .unwrap_or_else(|| source.base_url.clone());
        let (token, token_origin) = token(name, config.token.as_ref(), &source)?;
        let wrong = |limit: &RateLimit| limit.requests == 0 || limit.per < Duration::from_millis(1) || limit.in_flight == 0;
        if config.rate_limit.as_ref().is_some_and(wrong) {
            return Err(Error::config(format!(
                "connection `{name}`: rate_limit: expected numbers above zero"
            )));
        }
        let mut policies = self.personal.policies(name, &source.id, owners)?;
        if self.personal.hashes() {
            policies = policies.with_key(self.personal.hash_key()?);
        }
        policies
            .apply_all(&mut source)
            .map_err(|error| error.context(format!("connection `{name}`")))?;
        Ok(Connection {
            name: name.to_owned(),
            base_url: parse_address(name, &address)?,
            token,
            token_origin,
            rate_limit: Some(config.rate_limit.unwrap_or_else(|| source.rate_limit.clone())),
            include: config.include,
            exclude: config.exclude,
            start: config.start,
            checkpoint: config.checkpoint,
            reconcile: config.reconcile,
            tables: config.tables,
            customerx: config.customerx,
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
        Ok(Self {
            name: source.id.clone(),
            base_url: parse_address(&source.id, address)?,
            token: Secret::new(token)?,
            token_origin: "the sandbox".to_owned(),
            rate_limit: None,
            include: everything(),
            exclude: Vec::new(),
            start: None,
            checkpoint: five_minutes(),
            reconcile: None,
            tables: IndexMap::new(),
            customerx: None,
            source: source.clone(),
            policies: Policies::default(),
        })
    }
}

fn parse_address(name: &str, address: &str) -> Result<Url> {
    // What may hold a user, a password or a token is not shown.
    let shown = if address.contains(['@', '?']) { "" } else { address };
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
            SecretFrom::Env(variable) => error.hint(format!(
                "export {variable}=..., or say where the token is: [connections.{name}] token = {{ file = \"PATH\" }}"
            )),
            SecretFrom::File(_) => error,
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

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.trim().is_empty())
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

    fn catalog() -> Catalog {
        Catalog::embedded().unwrap()
    }

    #[test]
    fn a_mistake_shows_file_line_and_the_allowed_names_but_not_the_text() {
        let text = "[connections.acme]\nsource = \"ploomes\"\ntoken = \"s3cr3t-value\"\n";
        let error = Config::parse("afluente.toml", text).unwrap_err();
        assert!(error.message().starts_with("afluente.toml:3: "), "{error}");
        assert!(!format!("{error:?}").contains("s3cr3t-value"), "{error:?}");

        let error = Config::parse("afluente.toml", "[lake]\nurll = \"x\"\n").unwrap_err();
        assert!(
            error.message().contains("afluente.toml:2") && error.message().contains("`url`"),
            "{error}"
        );
    }

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

    #[test]
    fn tokens_come_from_a_file_and_unknown_names_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "abc\n").unwrap();
        let text = format!(
            "[connections.acme]\nsource = \"ploomes\"\ntoken = {{ file = {:?} }}\n",
            file.display().to_string()
        );
        let config = Config::parse("afluente.toml", &text).unwrap();
        let found = config.connections(&[], None, &catalog()).unwrap();
        assert_eq!(
            (found.len(), found[0].name.as_str(), found[0].source.id.as_str()),
            (1, "acme", "ploomes")
        );

        let error = config.connections(&["acne".to_owned()], None, &catalog()).unwrap_err();
        assert!(
            error.message().contains("`acne`") && error.advice().unwrap().contains("acme"),
            "{error:?}"
        );
    }
}
