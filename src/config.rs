//! `afluente.toml`: the lake, the connections and their tokens' whereabouts. Precedence is flag, environment, file, declaration.

mod connection;
mod place;

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::glob::distance;
use crate::personal::PersonalConfig;
use crate::schema::{Catalog, Source, duration};
use crate::store::S3Options;

pub(crate) use connection::check_name;
pub use connection::{Connection, ConnectionConfig, TableConfig};

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
    /// Folder of the file, where its paths begin; none where that is the working directory.
    #[serde(skip)]
    folder: Option<PathBuf>,
}

/// `[lake]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LakeConfig {
    /// A path, `file://` or `s3://bucket/prefix`, as it is written; [`Config::lake_address`] tells where that is.
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

impl Config {
    /// Reads this file, or [`DEFAULT_FILE`] if it is there. Paths in it are relative to it.
    ///
    /// # Errors
    /// When the file cannot be read or holds a mistake; the message has file and line. When a path in it leads nowhere from the file, and somewhere from the
    /// working directory.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let path = match file {
            Some(path) => path,
            None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::config(format!("cannot read the configuration `{}`: {error}", path.display())).hint(match error.kind() {
                std::io::ErrorKind::NotFound => "`afluente init` writes a commented afluente.toml",
                _ => "expected a file of UTF-8 text that the user who runs afluente may read",
            })
        })?;
        Self::parse(&path.display().to_string(), &text)?.found_in(path)
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
            Error::config(format!("{name}:{line}: {}", without_values(error.message()).replace('\n', " ")))
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
        let rules = self.personal.rules(&owners)?;
        chosen
            .iter()
            .map(|name| {
                let config = self.configured(name, catalog)?;
                config.resolve(name, base_url, catalog, &self.personal, &rules)
            })
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

    /// What is configured of this connection, or of the source of this name.
    fn configured(&self, name: &str, catalog: &Catalog) -> Result<ConnectionConfig> {
        match self.connections.get(name) {
            Some(config) => Ok(config.clone()),
            None if catalog.source(name).is_ok() => Ok(ConnectionConfig::of(name)),
            None => {
                let mut known: Vec<&str> = self.connections.keys().map(String::as_str).collect();
                known.extend(
                    catalog
                        .sources()
                        .map(|source| source.id.as_str())
                        .filter(|id| !self.connections.contains_key(*id)),
                );
                let nearest = known.iter().min_by_key(|other| distance(name, other)).copied().unwrap_or_default();
                Err(Error::config(format!("unknown connection `{name}`")).hint(format!(
                    "did you mean `{nearest}`? The connections of the configuration and the sources are {}",
                    known.join(", ")
                )))
            }
        }
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.trim().is_empty())
}

/// A message of the library without the text that it found: a token may have been pasted in its place.
///
/// | message | without |
/// |---|---|
/// | `invalid type: string "eyJ…", expected a map` | `invalid type: a text, expected a map` |
/// | `invalid type: integer 5, expected a map` | itself |
fn without_values(message: &str) -> String {
    let found = message.find("string \"").zip(message.rfind("\", expected "));
    match found {
        Some((start, end)) if message.starts_with("invalid ") && start < end => {
            format!("{}a text{}", &message[..start], &message[end + 1..])
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_wrong_place_is_not_shown() {
        for text in [
            "[connections]\nacme = \"s3cr3t\"",
            "[connections.acme]\nsource = \"ploomes\"\ntoken = \"s3cr3t\"",
            "[connections.acme]\nsource = \"ploomes\"\ntoken = { env = \"X\", key = \"s3cr3t\" }",
            "[connections.acme]\nsource = \"ploomes\"\ntoken = [\"s3cr3t\"]",
            "[connections.acme]\nsource = \"ploomes\"\ntoken = { env = \"s3cr3t\"",
            "[connections.acme]\nsource = \"ploomes\"\nrate_limit = \"s3cr3t\"",
            "[personal]\nkey = \"s3cr3t\"",
            "[personal]\nkey = { value = \"s3cr3t\" }",
            "personal = \"s3cr3t, expected \\\", expected \"",
        ] {
            let error = Config::parse("afluente.toml", text).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cr3t"), "{text}: {error:?}");
        }
    }

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
