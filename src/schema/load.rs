//! Reads the declarations, embedded or from a folder, and resolves them: defaults of the source, parsed paths, children of each table.

use std::collections::BTreeMap;
use std::path::Path;

use chrono_tz::Tz;
use indexmap::IndexMap;

use super::check;
use super::column::{Column, ColumnDecl, ColumnPath, Origin};
use super::source::{Source, SourceDecl};
use super::table::{Access, Explode, Fetch, Table, TableDecl};
use crate::error::{Error, Kind, Result};

// `EMBEDDED: &[(&str, &str)]`: path below `schemas/` → text, written by build.rs.
include!(concat!(env!("OUT_DIR"), "/schemas.rs"));

/// Every source and its tables.
#[derive(Debug, Clone)]
pub struct Catalog {
    sources: IndexMap<String, Source>,
}

impl Catalog {
    /// The declarations embedded in this binary.
    ///
    /// # Errors
    /// Only if a declaration is wrong, which the tests exclude.
    pub fn embedded() -> Result<Self> {
        Self::from_files(EMBEDDED.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    /// The declarations of a folder laid out as `schemas/`.
    ///
    /// # Errors
    /// When the folder cannot be read or a declaration is wrong; the message has file and line.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let unreadable = |path: &Path, error: std::io::Error| {
            Error::config(format!("cannot read the declarations in `{}`: {error}", path.display()))
                .hint("--schemas takes a folder laid out as `schemas/` in the repository: <source>/source.toml and <source>/<table>.toml")
        };
        let mut files = Vec::new();
        for source in sorted_entries(folder).map_err(|error| unreadable(folder, error))? {
            if !source.is_dir() {
                continue;
            }
            for file in sorted_entries(&source).map_err(|error| unreadable(&source, error))? {
                let (Some(folder), Some(name)) = (file_name(&source), file_name(&file)) else {
                    continue;
                };
                if name.ends_with(".toml") {
                    let text = std::fs::read_to_string(&file).map_err(|error| unreadable(&file, error))?;
                    files.push((format!("{folder}/{name}"), text));
                }
            }
        }
        if files.is_empty() {
            return Err(Error::config(format!("no declarations in `{}`", folder.display())).hint(
                "--schemas takes a folder laid out as `schemas/` in the repository: <source>/source.toml and <source>/<table>.toml",
            ));
        }
        Self::from_files(files)
    }

    /// The declarations in these files: path (`<source>/<table>.toml`) and text.
    ///
    /// # Errors
    /// When a declaration is wrong; the message has file and line.
    pub fn from_files(files: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut folders: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (path, text) in files {
            if let Some((folder, id)) = path
                .split_once('/')
                .and_then(|(folder, name)| Some((folder, name.strip_suffix(".toml")?)))
            {
                folders.entry(folder.to_owned()).or_default().insert(id.to_owned(), text);
            }
        }
        let mut sources = IndexMap::new();
        for (id, files) in folders {
            sources.insert(id.clone(), load_source(&id, files)?);
        }
        Ok(Self { sources })
    }

    /// The sources, by name.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// The source of this name.
    ///
    /// # Errors
    /// When there is none; the message lists those there are.
    pub fn source(&self, id: &str) -> Result<&Source> {
        self.sources.get(id).ok_or_else(|| {
            let known: Vec<&str> = self.sources.keys().map(String::as_str).collect();
            Error::config(format!("unknown source `{id}`")).hint(format!("the sources are {}", known.join(", ")))
        })
    }
}

fn load_source(id: &str, mut files: BTreeMap<String, String>) -> Result<Source> {
    let text = files.remove("source").ok_or_else(|| {
        Error::config(format!("{id}/source.toml is missing"))
            .hint("each folder of declarations needs a source.toml: address, auth, pagination, rate limit")
    })?;
    let decl: SourceDecl = parse(&format!("{id}/source.toml"), &text)?;
    let mut tables = IndexMap::new();
    for (table, text) in &files {
        let file = format!("{id}/{table}.toml");
        let table_decl: TableDecl = parse(&file, text)?;
        tables.insert(table.clone(), resolve(&file, text, table, table_decl, &decl)?);
    }
    let exploded: Vec<(String, String)> = tables
        .values()
        .filter_map(|table: &Table| Some((table.exploded_from()?.to_owned(), table.id.clone())))
        .collect();
    for (parent, child) in exploded {
        if let Some(parent) = tables.get_mut(&parent) {
            parent.children.push(child);
        }
    }
    let source = Source {
        id: id.to_owned(),
        decl,
        tables,
    };
    check::source(&source, &files)?;
    Ok(source)
}

fn resolve(file: &str, text: &str, id: &str, decl: TableDecl, source: &SourceDecl) -> Result<Table> {
    let path = |key: &str, path: &str| {
        path.parse::<ColumnPath>()
            .map_err(|message| Error::config(format!("{file}:{}: {message}", check::line(text, key))))
    };
    let access = match (decl.explode, decl.endpoint.is_empty(), decl.derived) {
        (Some(explode), true, false) => Access::Explode(Explode {
            path: path("explode", &explode.path)?,
            table: explode.table,
        }),
        (None, false, false) => Access::Fetch(Box::new(Fetch {
            endpoints: decl.endpoint,
            params: decl.params,
            slices: decl.slices,
            for_each: decl.for_each,
            unnest: decl.unnest.as_deref().map(|unnest| path("unnest", unnest)).transpose()?,
            optional: decl.optional,
            records: decl.records.unwrap_or_else(|| source.records.clone()),
            ends: decl.ends.unwrap_or_else(|| source.ends.clone()),
            look_up: decl.look_up.unwrap_or_else(|| source.look_up.clone()),
            pagination: decl.pagination.unwrap_or_else(|| source.pagination.clone()),
        })),
        (None, true, true) => Access::Derived,
        _ => {
            return Err(Error::config(format!(
                "{file}: expected exactly one of `endpoint`, `explode` and `derived = true`"
            )));
        }
    };
    let mut columns = Vec::with_capacity(decl.columns.len());
    for (name, column) in decl.columns {
        let line = || check::line(text, &name);
        columns.push(
            resolve_column(&name, column, source, decl.derived)
                .map_err(|message| Error::config(format!("{file}:{}: column `{name}`: {message}", line())))?,
        );
    }
    Ok(Table {
        title: decl.title,
        description: decl.description,
        experimental: decl.experimental,
        primary_key: decl.primary_key,
        nullable_key: decl.nullable_key,
        partition: decl.partition,
        replication: decl.replication,
        custom_fields: decl.custom_fields,
        ..Table::of(id, access, columns)
    })
}

fn resolve_column(name: &str, decl: ColumnDecl, source: &SourceDecl, derived: bool) -> Result<Column, String> {
    let origin = match (decl.path.is_empty(), decl.parent, decl.member) {
        (true, None, false) if derived => Origin::Derived,
        _ if derived => return Err("`path`, `parent` and `member` are for tables whose records a vendor sends".to_owned()),
        (false, None, false) => Origin::Path(decl.path.iter().map(|path| path.parse()).collect::<Result<_, _>>()?),
        (true, Some(parent), false) => Origin::Parent(parent),
        (true, None, true) => Origin::Member,
        _ => return Err("expected exactly one of `path`, `parent` and `member = true`".to_owned()),
    };
    let zone = match decl.zone {
        None => source.timezone,
        Some(zone) => zone
            .parse::<Tz>()
            .map_err(|_| format!("unknown time zone `{zone}`, expected an IANA name such as `America/Sao_Paulo` or `UTC`"))?,
    };
    Ok(Column {
        name: name.to_owned(),
        kind: decl.kind,
        origin,
        description: decl.description,
        references: decl.references,
        zone,
        wall_clock: decl.wall_clock,
        format: decl.format,
        personal: decl.personal,
        treatment: None,
    })
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        // The library shows the line, and a mark below the mistake.
        let told = format!("{file}:{line}: {}", error.to_string().trim_end());
        Error::of_lines(Kind::Config, &told.split('\n').collect::<Vec<_>>())
    })
}

fn sorted_entries(folder: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    Ok(entries)
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}
