//! Athena: an external table over a list of files in the lake, which every run rewrites.

use std::fmt::Write as _;

use super::{Column, Engine, hive_type, symlink};
use crate::commit::Manifest;
use crate::store::Lake;

/// Glue refuses a longer comment, in characters.
const MAX_GLUE_COMMENT: usize = 255;

pub(super) fn table(text: &mut String, table: &str, columns: &[Column<'_>], manifest: &Manifest, lake: &Lake) {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| {
            let comment: String = column.of.description.chars().take(MAX_GLUE_COMMENT).collect();
            format!(
                "  {} {} COMMENT {}",
                column.name,
                hive_type(&column.of.kind),
                Engine::Athena.description(&comment)
            )
        })
        .collect();
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
        Engine::Athena.text(folder)
    );
}
