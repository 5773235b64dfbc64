//! SQL that defines a view of every table over exactly its live files, for engines that know nothing of manifests.
//!
//! | engine | what a table becomes | its name |
//! |---|---|---|
//! | DuckDB | a view over a list of files | `"connection"."table"` |
//! | Spark | a temporary view over a pattern that names each file, and a count that fails if one is gone | `` `connection.table` `` |
//! | Athena | an external table over a list of files in the lake, which every run rewrites | `` `connection`.`table` `` |
//!
//! Columns are those of the manifest, in its order; a file that is older than a column has nulls there. Names and descriptions come from the vendor: they
//! pass `quote`, and a column whose name the engine cannot write safely is left out, with a comment that says so.

mod athena;
mod duckdb;
mod quote;
mod spark;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use chrono::SecondsFormat;

use crate::commit::{Manifest, ManifestColumn};
use crate::error::Result;
use crate::store::Lake;
use quote::comment;

/// Where the views of a lake stand.
const FOLDER: &str = "_views";

/// Who is to read the SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// DuckDB 1.1 or later.
    DuckDb,
    /// Spark SQL 3.5 or later.
    Spark,
    /// Amazon Athena (engine version 3).
    Athena,
}

/// The SQL that defines a view of each of these tables.
pub fn sql(engine: Engine, manifests: &[Manifest], lake: &Lake) -> String {
    let mut text = head(engine, lake);
    let mut connection = None;
    for manifest in manifests {
        text.push('\n');
        let names = engine.name(&manifest.connection).zip(engine.name(&manifest.table));
        let Some((schema, table)) = names else {
            // Write cannot fail on a String.
            let _ = writeln!(text, "-- {} is left out: its name cannot stand in SQL", full_name(manifest));
            continue;
        };
        if connection != Some(&manifest.connection) {
            connection = Some(&manifest.connection);
            match engine {
                Engine::DuckDb => drop(writeln!(text, "CREATE SCHEMA IF NOT EXISTS {schema};\n")),
                // A temporary view has no schema.
                Engine::Spark => {}
                Engine::Athena => drop(writeln!(text, "CREATE DATABASE IF NOT EXISTS {schema};\n")),
            }
        }
        let _ = writeln!(
            text,
            "-- {}: {} rows in {} files, version {} of {}",
            full_name(manifest),
            manifest.rows,
            manifest.entries.len(),
            manifest.version,
            manifest.committed_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        );
        let columns = columns(engine, manifest, &mut text);
        match engine {
            Engine::DuckDb => duckdb::view(&mut text, &format!("{schema}.{table}"), &columns, manifest, lake),
            Engine::Spark => spark::view(&mut text, &columns, manifest, lake),
            Engine::Athena => athena::table(&mut text, &format!("{schema}.{table}"), &columns, manifest, lake),
        }
    }
    text
}

/// A column, and its name as the engine writes it.
struct Column<'a> {
    name: String,
    of: &'a ManifestColumn,
}

/// The columns of a table; those that the engine has no name for are told in a comment.
fn columns<'a>(engine: Engine, manifest: &'a Manifest, text: &mut String) -> Vec<Column<'a>> {
    let mut columns = Vec::with_capacity(manifest.schema.columns.len());
    for column in &manifest.schema.columns {
        match engine.name(&column.name) {
            Some(name) => columns.push(Column { name, of: column }),
            None => {
                let _ = writeln!(
                    text,
                    "-- the column \"{}\" is left out: its name cannot stand in SQL; it is in the files",
                    comment(&crate::visible::name(&column.name))
                );
            }
        }
    }
    columns
}

/// `connection.table`, for a comment.
fn full_name(manifest: &Manifest) -> String {
    comment(&crate::visible::name(&format!("{}.{}", manifest.connection, manifest.table)))
}

/// Writes `_views/duckdb.sql` and `_views/spark.sql`; in a bucket also `_views/athena.sql` and the lists of files that it names. To be called with the content
/// of the whole lake ([`content`](crate::commit::content)) after every commit.
///
/// # Errors
/// `Store` when one cannot be written.
pub async fn write(lake: &Lake, manifests: &[Manifest]) -> Result<()> {
    if in_bucket(lake) {
        for manifest in manifests {
            let files: String = paths(manifest, lake).map(|url| url + "\n").collect();
            lake.put(&symlink(manifest), files).await?;
        }
        lake.put(&format!("{FOLDER}/athena.sql"), sql(Engine::Athena, manifests, lake))
            .await?;
    }
    lake.put(&format!("{FOLDER}/duckdb.sql"), sql(Engine::DuckDb, manifests, lake))
        .await?;
    lake.put(&format!("{FOLDER}/spark.sql"), sql(Engine::Spark, manifests, lake)).await
}

/// Whether the lake is in a bucket.
pub fn in_bucket(lake: &Lake) -> bool {
    lake.url("").starts_with("s3://")
}

fn head(engine: Engine, lake: &Lake) -> String {
    let mut text = format!(
        "-- The tables of {}, as they were when this was written; each run writes it anew to {FOLDER}/.\n",
        comment(&lake.url(""))
    );
    text.push_str(match engine {
        Engine::DuckDb if in_bucket(lake) => {
            "-- DuckDB needs credentials for the bucket:\n\
             --   INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain);\n\
             -- and for an endpoint that is not Amazon's, in the same brackets: ENDPOINT 'host:port', URL_STYLE 'path'.\n"
        }
        Engine::DuckDb => "",
        Engine::Spark if in_bucket(lake) => {
            "-- Spark needs hadoop-aws and credentials for the bucket (spark.hadoop.fs.s3a.*).\n\
             -- Each SELECT fails if files were superseded since: run it again from the newest text.\n"
        }
        Engine::Spark => "-- Each SELECT fails if files were superseded since: run it again from the newest text.\n",
        Engine::Athena => {
            "-- To be run once, and again after a table gets other columns. What the tables hold is listed in the lake, in\n\
             -- _views/athena/<connection>/<table>/symlink.txt, which each run rewrites.\n"
        }
    });
    text
}

/// Where the lists of a connection's files stand, which Athena reads.
pub(crate) fn lists_folder(connection: &str) -> String {
    format!("{FOLDER}/athena/{connection}")
}

/// Where Athena finds the list of a table's files.
fn symlink(manifest: &Manifest) -> String {
    format!("{}/{}/symlink.txt", lists_folder(&manifest.connection), manifest.table)
}

/// The addresses of the live files, where the lake is now.
fn paths<'a>(manifest: &'a Manifest, lake: &'a Lake) -> impl Iterator<Item = String> + 'a {
    let folder = lake.url(&manifest.folder());
    manifest.entries.iter().map(move |entry| format!("{folder}/{}", entry.path))
}

fn hive_type(kind: &str) -> &'static str {
    match kind {
        "int" => "bigint",
        "float" => "double",
        "boolean" => "boolean",
        "timestamp" => "timestamp",
        "date" => "date",
        _ => "string",
    }
}
