//! SQL that defines a view of every table over exactly its live files, for engines that know nothing of manifests.
//!
//! | engine | what a table becomes | its name |
//! |---|---|---|
//! | DuckDB | a view over a list of files | `"connection"."table"` |
//! | Spark | a temporary view over a pattern that names each file, and a count that fails if one is gone | `` `connection.table` `` |
//! | Athena | an external table over a list of files in the lake, which every run rewrites | `` `connection`.`table` `` |
//!
//! Columns are those of the manifest, in its order; a file that is older than a column has nulls there.

use std::fmt::Write as _;

use chrono::SecondsFormat;

use crate::commit::Manifest;
use crate::error::Result;
use crate::store::Lake;

/// Where the views of a lake stand.
const FOLDER: &str = "_views";

/// Glue refuses a longer comment, in characters.
const MAX_GLUE_COMMENT: usize = 255;

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
        if connection != Some(&manifest.connection) {
            connection = Some(&manifest.connection);
            text.push_str(&schema(engine, &manifest.connection));
        }
        // Write cannot fail on a String.
        let _ = writeln!(
            text,
            "-- {}: {} rows in {} files, version {} of {}",
            line(&format!("{}.{}", manifest.connection, manifest.table)),
            manifest.rows,
            manifest.entries.len(),
            manifest.version,
            manifest.committed_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        );
        match engine {
            Engine::DuckDb => duckdb(&mut text, manifest, lake),
            Engine::Spark => spark(&mut text, manifest, lake),
            Engine::Athena => athena(&mut text, manifest, lake),
        }
    }
    text
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
        line(&lake.url(""))
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

fn schema(engine: Engine, connection: &str) -> String {
    match engine {
        Engine::DuckDb => format!("CREATE SCHEMA IF NOT EXISTS {};\n\n", double_quoted(connection)),
        // A temporary view has no schema.
        Engine::Spark => String::new(),
        Engine::Athena => format!("CREATE DATABASE IF NOT EXISTS {};\n\n", back_quoted(connection)),
    }
}

fn duckdb(text: &mut String, manifest: &Manifest, lake: &Lake) {
    let view = format!("{}.{}", double_quoted(&manifest.connection), double_quoted(&manifest.table));
    let names: Vec<String> = manifest.schema.columns.iter().map(|column| double_quoted(&column.name)).collect();
    let nulls: Vec<String> = manifest
        .schema
        .columns
        .iter()
        .map(|column| format!("NULL::{} AS {}", duckdb_type(&column.kind), double_quoted(&column.name)))
        .collect();
    // The row that is never there gives every column its type: no file at all may have one that is new.
    let _ = write!(
        text,
        "CREATE OR REPLACE VIEW {view} AS\nSELECT {}\nFROM (\n  SELECT {}\n  WHERE false",
        names.join(", "),
        nulls.join(", ")
    );
    if !manifest.entries.is_empty() {
        let files: Vec<String> = paths(manifest, lake)
            .map(|path| format!("    {}", sql_text(&duckdb_pattern(path.strip_prefix("file://").unwrap_or(&path)))))
            .collect();
        let _ = write!(
            text,
            "\n  UNION ALL BY NAME\n  SELECT * FROM read_parquet([\n{}\n  ], union_by_name = true, hive_partitioning = false)",
            files.join(",\n")
        );
    }
    text.push_str("\n);\n");
    for column in manifest.schema.columns.iter().filter(|column| !column.description.is_empty()) {
        let _ = writeln!(
            text,
            "COMMENT ON COLUMN {view}.{} IS {};",
            double_quoted(&column.name),
            sql_text(&column.description)
        );
    }
}

fn spark(text: &mut String, manifest: &Manifest, lake: &Lake) {
    let name = format!("{}.{}", manifest.connection, manifest.table);
    let view = back_quoted(&name);
    let columns: Vec<String> = manifest
        .schema
        .columns
        .iter()
        .map(|column| {
            format!(
                "  {} {} COMMENT {}",
                back_quoted(&column.name),
                hive_type(&column.kind).to_uppercase(),
                hive_text(&column.description)
            )
        })
        .collect();
    if manifest.entries.is_empty() {
        let nulls: Vec<String> = manifest
            .schema
            .columns
            .iter()
            .map(|column| {
                format!(
                    "CAST(NULL AS {}) AS {}",
                    hive_type(&column.kind).to_uppercase(),
                    back_quoted(&column.name)
                )
            })
            .collect();
        let _ = writeln!(
            text,
            "CREATE OR REPLACE TEMPORARY VIEW {view} AS SELECT {} WHERE false;",
            nulls.join(", ")
        );
        return;
    }
    // Plain SQL names one path, and a path may be a pattern: the only one that the name of each file, with its random part, fits.
    let folder = lake.url(&manifest.folder());
    let folder = match folder.strip_prefix("s3://") {
        Some(rest) => format!("s3a://{rest}"),
        None => folder,
    };
    let files: Vec<String> = manifest.entries.iter().map(|entry| hadoop_pattern(&entry.path)).collect();
    let pattern = match files.as_slice() {
        [file] => format!("{}/{file}", hadoop_pattern(&folder)),
        files => format!("{}/{{{}}}", hadoop_pattern(&folder), files.join(",")),
    };
    let _ = writeln!(
        text,
        "CREATE OR REPLACE TEMPORARY VIEW {view} (\n{}\n) USING parquet OPTIONS (path {});",
        columns.join(",\n"),
        hive_text(&pattern)
    );
    let _ = writeln!(
        text,
        "SELECT assert_true(count(*) = {}, {}) FROM {view};",
        manifest.rows,
        hive_text(&format!("{name} is no longer what it was at version {}", manifest.version))
    );
}

fn athena(text: &mut String, manifest: &Manifest, lake: &Lake) {
    let columns: Vec<String> = manifest
        .schema
        .columns
        .iter()
        .map(|column| {
            let comment: String = column.description.chars().take(MAX_GLUE_COMMENT).collect();
            format!(
                "  {} {} COMMENT {}",
                back_quoted(&column.name),
                hive_type(&column.kind),
                hive_text(&comment)
            )
        })
        .collect();
    let table = format!("{}.{}", back_quoted(&manifest.connection), back_quoted(&manifest.table));
    let symlink = lake.url(&symlink(manifest));
    let folder = symlink.trim_end_matches("symlink.txt");
    let _ = writeln!(
        text,
        "DROP TABLE IF EXISTS {table};\n\
         CREATE EXTERNAL TABLE {table} (\n{}\n)\n\
         ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe'\n\
         STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat'\n\
         OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'\n\
         LOCATION {};",
        columns.join(",\n"),
        hive_text(folder)
    );
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

fn duckdb_type(kind: &str) -> &'static str {
    match kind {
        "int" => "BIGINT",
        "float" => "DOUBLE",
        "boolean" => "BOOLEAN",
        "timestamp" => "TIMESTAMPTZ",
        "date" => "DATE",
        _ => "VARCHAR",
    }
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

/// A path that DuckDB takes for itself and not for a pattern: `a[1]*` → `a[[]1][*]`.
fn duckdb_pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '[' | '*' | '?' => pattern.extend(['[', c, ']']),
            c => pattern.push(c),
        }
    }
    pattern
}

/// A path among alternatives of a Hadoop pattern. `?` stands for what means something there: the random part of the name keeps it the only one that fits.
fn hadoop_pattern(path: &str) -> String {
    path.replace(['{', '}', ',', '[', ']', '*', '\\'], "?")
}

/// `it's` → `'it''s'`
fn sql_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `it's \ ` → `'it\'s \\ '`, as Hive and Spark read it.
fn hive_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn double_quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn back_quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A name within a comment, which a line feed would end.
fn line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_patterns_follow_their_table() {
        assert_eq!(sql_text("d'água"), "'d''água'");
        assert_eq!(hive_text(r"d'água \ x"), r"'d\'água \\ x'");
        assert_eq!(double_quoted(r#"a"b"#), r#""a""b""#);
        assert_eq!(back_quoted("a`b"), "`a``b`");
        assert_eq!(duckdb_pattern("/l[1]/a*b?/p.parquet"), "/l[[]1]/a[*]b[?]/p.parquet");
        assert_eq!(hadoop_pattern("v=a,b}/p.parquet"), "v=a?b?/p.parquet");
    }
}
