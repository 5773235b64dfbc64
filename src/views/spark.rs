//! Spark: a temporary view over a pattern that names each file, and a count that fails if one is gone.

use std::fmt::Write as _;

use super::{Column, Engine, hive_type};
use crate::commit::Manifest;
use crate::store::Lake;

pub(super) fn view(text: &mut String, columns: &[Column<'_>], manifest: &Manifest, lake: &Lake) {
    let name = format!("{}.{}", manifest.connection, manifest.table);
    // Both parts can be names, so both together can.
    let Some(view) = Engine::Spark.name(&name) else {
        return;
    };
    if manifest.entries.is_empty() {
        let nulls: Vec<String> = columns
            .iter()
            .map(|column| format!("CAST(NULL AS {}) AS {}", hive_type(&column.of.kind).to_uppercase(), column.name))
            .collect();
        let _ = writeln!(
            text,
            "CREATE OR REPLACE TEMPORARY VIEW {view} AS SELECT {} WHERE false;",
            nulls.join(", ")
        );
        return;
    }
    let columns: Vec<String> = columns
        .iter()
        .map(|column| {
            format!(
                "  {} {} COMMENT {}",
                column.name,
                hive_type(&column.of.kind).to_uppercase(),
                Engine::Spark.description(&column.of.description)
            )
        })
        .collect();
    // Plain SQL names one path, and a path may be a pattern: the only one that the name of each file, with its random part, fits.
    let folder = lake.url(&manifest.folder());
    let folder = match folder.strip_prefix("s3://") {
        Some(rest) => format!("s3a://{rest}"),
        None => folder,
    };
    let files: Vec<String> = manifest.entries.iter().map(|entry| pattern(&entry.path)).collect();
    let pattern = match files.as_slice() {
        [file] => format!("{}/{file}", pattern(&folder)),
        files => format!("{}/{{{}}}", pattern(&folder), files.join(",")),
    };
    // Spark 3 refuses moments before 1900 of files that no Spark wrote, unless it is told that their days are those of today's calendar.
    let _ = writeln!(
        text,
        "CREATE OR REPLACE TEMPORARY VIEW {view} (\n{}\n) USING parquet OPTIONS (path {}, datetimeRebaseMode 'CORRECTED');",
        columns.join(",\n"),
        Engine::Spark.text(&pattern)
    );
    let _ = writeln!(
        text,
        "SELECT assert_true(count(*) = {}, {}) FROM {view};",
        manifest.rows,
        Engine::Spark.text(&format!("{name} is no longer what it was at version {}", manifest.version))
    );
}

/// A path among alternatives of a Hadoop pattern. `?` stands for what means something there: the random part of the name keeps it the only one that fits.
fn pattern(path: &str) -> String {
    path.replace(['{', '}', ',', '[', ']', '*', '\\'], "?")
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_follow_their_table() {
        assert_eq!(super::pattern("v=a,b}/p.parquet"), "v=a?b?/p.parquet");
    }
}
