//! What a lake holds, table by table, and how old it is.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::commit::Manifest;
use crate::error::Result;
use crate::store::Lake;

/// Run reports that are looked into for a table's last success, from the newest on.
const RUNS: usize = 50;
/// Run reports read at a time.
const READ_AT_A_TIME: usize = 8;

/// One table of a lake.
#[derive(Debug, Clone, Serialize)]
pub struct TableStatus {
    /// The connection.
    pub connection: String,
    /// Its source.
    pub source: String,
    /// The table.
    pub table: String,
    /// The table it is exploded from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploded_from: Option<String>,
    /// How it is refreshed.
    pub mode: &'static str,
    /// Version of its manifest.
    pub version: u64,
    /// Rows.
    pub rows: u64,
    /// Data files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Data files that an earlier version wrote, which older readers may refuse: `compact` writes them anew. The manifest tells, no file is opened.
    pub older_files: u64,
    /// How far its cursor has been read.
    pub savepoint: Option<DateTime<Utc>>,
    /// Whether its first load has not come to its end: the next run goes on with it.
    pub unfinished: bool,
    /// When a run last brought it to the vendor's state, or found it there.
    pub last_success: DateTime<Utc>,
}

/// Tells of these tables, in their order. The last success is that of the newest of 50 run reports that tells of one; if none does, the last commit.
///
/// # Errors
/// `Store` when the run reports cannot be listed. One that cannot be read or understood is passed over.
pub async fn status(lake: &Lake, manifests: &[Manifest]) -> Result<Vec<TableStatus>> {
    let mut tables = Vec::with_capacity(manifests.len());
    let mut parent: Option<&Manifest> = None;
    for manifest in manifests {
        let exploded_from =
            parent.filter(|parent| parent.connection == manifest.connection && parent.children.contains_key(&manifest.table));
        if exploded_from.is_none() {
            parent = Some(manifest);
        }
        tables.push(TableStatus {
            connection: manifest.connection.clone(),
            source: manifest.source.clone(),
            table: manifest.table.clone(),
            exploded_from: exploded_from.map(|parent| parent.table.clone()),
            mode: manifest.mode.name(),
            version: manifest.version,
            rows: manifest.rows,
            files: manifest.entries.len() as u64,
            bytes: manifest.bytes,
            older_files: manifest.entries.iter().filter(|entry| entry.meta.may_be_refused()).count() as u64,
            savepoint: manifest.savepoint,
            unfinished: manifest.resume.is_some(),
            last_success: manifest.committed_at,
        });
    }
    let mut open: HashMap<(String, String), usize> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| ((table.connection.clone(), table.table.clone()), at))
        .collect();
    // Run ids begin with the time, and so does the order of their names.
    let mut runs = lake.list("_runs").await?;
    runs.reverse();
    let mut runs = futures::stream::iter(runs.iter().take(RUNS))
        .map(|run| lake.get(&run.path))
        .buffered(READ_AT_A_TIME);
    while !open.is_empty()
        && let Some(run) = runs.next().await
    {
        let Some(run) = run.ok().flatten().and_then(|bytes| serde_json::from_slice::<Run>(&bytes).ok()) else {
            continue;
        };
        for table in run.tables {
            if matches!(table.status.as_str(), "committed" | "unchanged")
                && let Some(at) = open.remove(&(table.connection, table.table))
            {
                tables[at].last_success = tables[at].last_success.max(run.finished_at);
            }
        }
    }
    Ok(tables)
}

/// What is read of a run report.
#[derive(Deserialize)]
struct Run {
    finished_at: DateTime<Utc>,
    tables: Vec<Ended>,
}

#[derive(Deserialize)]
struct Ended {
    connection: String,
    table: String,
    status: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(table: &str, children: serde_json::Value, resume: Option<&str>) -> Manifest {
        serde_json::from_value(json!({
            "format_version": 1, "source": "ploomes", "connection": "acme", "table": table, "version": 7, "run_id": "r",
            "committed_at": "2026-03-01T00:00:00Z", "mode": "full", "primary_key": ["id"], "partition": null, "savepoint": null,
            "children": children, "resume": resume,
            "schema": {"fingerprint": "", "columns": []}, "rows": 2, "bytes": 4, "entries": [],
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn the_last_success_is_that_of_the_newest_run_that_tells_of_one() {
        let lake = Lake::memory();
        let run = |finished_at: &str, tables: &[(&str, &str)]| {
            let tables: Vec<_> = tables
                .iter()
                .map(|(table, status)| json!({"connection": "acme", "table": table, "status": status}))
                .collect();
            json!({"finished_at": finished_at, "tables": tables}).to_string()
        };
        let runs = [
            (
                "0197-1",
                run("2026-03-02T00:00:00Z", &[("deals", "committed"), ("tasks", "committed")]),
            ),
            (
                "0197-2",
                run("2026-03-03T00:00:00Z", &[("deals", "unchanged"), ("tasks", "failed")]),
            ),
            ("0197-3", "{ torn".to_owned()),
            ("0197-4", run("2026-03-04T00:00:00Z", &[("deals", "skipped")])),
        ];
        for (id, text) in runs {
            lake.put(&format!("_runs/{id}.json"), text).await.unwrap();
        }
        let manifests = [
            manifest("deals", json!({"deals__items": 7}), None),
            manifest("deals__items", json!({}), None),
            manifest("tasks", json!({}), Some("page 9")),
        ];
        let tables = status(&lake, &manifests).await.unwrap();
        let days: Vec<String> = tables.iter().map(|table| table.last_success.date_naive().to_string()).collect();
        assert_eq!(days, ["2026-03-03", "2026-03-01", "2026-03-02"], "a table of no report: its commit");
        let parents: Vec<Option<&str>> = tables.iter().map(|table| table.exploded_from.as_deref()).collect();
        assert_eq!(parents, [None, Some("deals"), None]);
        assert!(tables[2].unfinished && !tables[0].unfinished);
    }
}
