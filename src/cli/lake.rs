//! The lake that a command looks into, and which of its tables: no token and no vendor is asked for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use url::Url;

use super::args::{LakeArgs, PlaceArgs};
use super::printer::Printer;
use crate::commit::Manifest;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{Lake, Object};

/// The configuration, and the address of the lake that the arguments or it name.
pub(super) fn find(args: &PlaceArgs) -> Result<(Config, String)> {
    let config = Config::load(args.config.as_deref())?;
    let url = config.lake_address(args.to.as_deref())?;
    Ok((config, url))
}

/// The lake, to be looked into, and the configuration. A folder that is not there is an error: only an export makes one.
pub(super) fn open(args: &LakeArgs) -> Result<(Lake, Config)> {
    let (config, url) = find(&args.place)?;
    match look(&url, &config)? {
        Some(lake) => Ok((lake, config)),
        None => Err(Error::config(format!("there is no lake at `{url}`"))
            .hint("`afluente export` writes one; --to or `[lake] url` in afluente.toml say where it is")),
    }
}

/// The lake at this address, without making a folder that is not there.
pub(super) fn look(url: &str, config: &Config) -> Result<Option<Lake>> {
    let folder = match url.split_once("://") {
        None => Some(PathBuf::from(url)),
        Some(("file", _)) => Url::parse(url).ok().and_then(|url| url.to_file_path().ok()),
        Some(_) => None,
    };
    match folder {
        Some(folder) if !folder.is_dir() => Ok(None),
        _ => Lake::open(url, &config.lake.s3).map(Some),
    }
}

/// What is in the lake: of these connections, or of all.
pub(super) async fn list(lake: &Lake, connections: &[String]) -> Result<Vec<Object>> {
    if connections.is_empty() {
        return lake.list("").await;
    }
    let mut objects = Vec::new();
    for connection in connections {
        let found = lake.list(connection).await?;
        if found.is_empty() {
            return Err(unknown(lake, connection).await);
        }
        objects.extend(found);
    }
    // Of a connection that was named twice, too.
    objects.sort_by(|a, b| a.path.cmp(&b.path));
    objects.dedup();
    Ok(objects)
}

/// Tells of connections that the lake has tables of, and the configuration does not name: what was renamed in the one and not in the other. Where none is configured, any may be.
pub(super) fn tell_strangers<'a>(config: &Config, args: &LakeArgs, found: impl Iterator<Item = &'a String>, printer: &Printer) {
    if config.connections.is_empty() || !args.connections.is_empty() {
        return;
    }
    let strangers: BTreeSet<&String> = found.filter(|name| !config.connections.contains_key(*name)).collect();
    for name in strangers {
        printer.info(&format!(
            "note: no connection of the configuration is named `{name}`, which the lake has tables of: no export refreshes them. `afluente rename {name} NEW` gives them the name of a connection"
        ));
    }
}

/// What to do about a lake without tables.
pub(super) fn empty(lake: &Lake) -> String {
    format!("{} holds no tables yet: `afluente export` fills it", lake.url(""))
}

/// `connection.table`
pub(super) fn name(manifest: &Manifest) -> String {
    format!("{}.{}", manifest.connection, manifest.table)
}

async fn unknown(lake: &Lake, connection: &str) -> Error {
    let error = Error::config(format!("the lake has no connection `{connection}`"));
    let Ok(all) = lake.list("").await else { return error };
    let mut names: Vec<&str> = all
        .iter()
        .filter_map(|object| object.path.split_once('/'))
        .map(|(connection, _)| connection)
        .filter(|connection| !connection.starts_with('_'))
        .collect();
    names.dedup();
    if names.is_empty() {
        error.hint(empty(lake))
    } else {
        error.hint(format!("it has: {}", names.join(", ")))
    }
}
