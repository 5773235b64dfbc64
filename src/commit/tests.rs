//! Commits, races, lost answers, sweeps.

mod content;
mod document;
mod race;
mod sweep;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::DateTime;

use super::*;
use crate::error::Kind;
use crate::schema::{Table, demo};
use crate::store::fake::Fake;
use crate::store::{Bounds, DataFile, S3Options};

const DEALS: &str = r#"
title = "Negócios"
description = "Uma linha por negócio."
endpoint = "/Deals"
primary_key = ["id"]
partition = { column = "at", by = "month" }
[replication]
mode = "incremental"
cursor = "at"
from = { param = "from", value = "{from}" }
[columns]
id    = { type = "float", path = "Id", description = "Identificador." }
stage = { type = "text", path = "Stage", references = "deals.id", description = "Estágio." }
at    = { type = "timestamp", path = "At", description = "Alteração." }
"#;

fn table() -> Table {
    demo::source(&[("deals", DEALS)]).tables["deals"].clone()
}

fn file(path: &str) -> DataFile {
    DataFile {
        path: path.to_owned(),
        bytes: 1_000,
        rows: 10,
        sha256: "ab".repeat(32),
        partition: None,
        bounds: Bounds::default(),
    }
}

fn manifest(lake: &Lake, version: u64, run_id: &str, paths: &[&str]) -> Manifest {
    let entries = paths.iter().map(|path| Entry::new(lake, "acme", "deals", file(path))).collect();
    let committed_at = DateTime::parse_from_rfc3339("2026-03-01T12:00:00.25-03:00").unwrap().to_utc();
    Manifest::new("demo", "acme", &table(), version, run_id, committed_at, entries)
}

fn name(version: u64, n: u32) -> String {
    format!("part-{version}-{n}-0000000{n}.parquet")
}
