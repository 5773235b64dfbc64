//! DuckDB: a view over the list of a table's files.

use std::fmt::Write as _;

use super::{Column, Engine, paths};
use crate::commit::Manifest;
use crate::store::Lake;

pub(super) fn view(text: &mut String, view: &str, columns: &[Column<'_>], manifest: &Manifest, lake: &Lake) {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let nulls: Vec<String> = columns
        .iter()
        .map(|column| format!("NULL::{} AS {}", type_of(&column.of.kind), column.name))
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
            .map(|path| {
                format!(
                    "    {}",
                    Engine::DuckDb.text(&pattern(path.strip_prefix("file://").unwrap_or(&path)))
                )
            })
            .collect();
        let _ = write!(
            text,
            "\n  UNION ALL BY NAME\n  SELECT * FROM read_parquet([\n{}\n  ], union_by_name = true, hive_partitioning = false)",
            files.join(",\n")
        );
    }
    text.push_str("\n);\n");
    for column in columns.iter().filter(|column| !column.of.description.is_empty()) {
        let _ = writeln!(
            text,
            "COMMENT ON COLUMN {view}.{} IS {};",
            column.name,
            Engine::DuckDb.description(&column.of.description)
        );
    }
}

fn type_of(kind: &str) -> &'static str {
    match kind {
        "int" => "BIGINT",
        "float" => "DOUBLE",
        "boolean" => "BOOLEAN",
        "timestamp" => "TIMESTAMPTZ",
        "date" => "DATE",
        _ => "VARCHAR",
    }
}

/// A path that DuckDB takes for itself and not for a pattern: `a[1]*` → `a[[]1][*]`.
fn pattern(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '[' | '*' | '?' => pattern.extend(['[', c, ']']),
            c => pattern.push(c),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_follow_their_table() {
        assert_eq!(super::pattern("/l[1]/a*b?/p.parquet"), "/l[[]1]/a[*]b[?]/p.parquet");
    }
}
