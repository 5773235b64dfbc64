//! One run of a history, as planned.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::DateTime;

use crate::commit;
use crate::compact::{CompactOptions, compact, families};
use crate::config::Connection;
use crate::export::{Export, IfBusy, Options, RunReport, Selection};
use crate::http::Stopper;
use crate::store::Lake;

/// How one run is made.
pub struct Plan {
    pub connections: Vec<Connection>,
    pub options: Options,
    /// For the index of the rows that are there.
    pub small_index: bool,
    pub leased: bool,
}

/// The port at which each run asked: that of an account.
static ASKED: Mutex<BTreeMap<String, u16>> = Mutex::new(BTreeMap::new());

/// The port at which a run asked.
pub fn asked(run_id: &str) -> Option<u16> {
    ASKED.lock().unwrap().get(run_id).copied()
}

/// One run, to its end. The error is one that a run never has.
pub async fn run(plan: Plan, lake: &Lake) -> Result<RunReport, String> {
    let port = plan.connections.first().and_then(|one| one.base_url.port());
    let has_range = plan.options.range != (None, None);
    let (stopper, stop) = Stopper::new();
    let stop = (Arc::new(stopper), stop);
    let export = Export::plan(plan.connections, &Selection::default(), lake.clone(), plan.options, stop);
    let mut export = match export {
        Ok(export) => export,
        // No table with a cursor.
        Err(error) if has_range && error.message().contains("none of the chosen tables has a cursor") => return Ok(nothing()),
        Err(error) => return Err(format!("plan: {error:?}")),
    };
    if plan.small_index {
        export.run.seen_keys = 20_000;
    }
    if plan.leased {
        export
            .lease(IfBusy::Fail, |_, _| {})
            .await
            .map_err(|error| format!("lease: {error:?}"))?;
    }
    if let Some(port) = port {
        ASKED.lock().unwrap().insert(export.run.id.clone(), port);
    }
    Ok(export.run().await)
}

/// The report of a run that had nothing to do.
fn nothing() -> RunReport {
    RunReport {
        other_requests: 0,
        run_id: String::new(),
        afluente: "",
        lake: String::new(),
        started_at: DateTime::UNIX_EPOCH,
        finished_at: DateTime::UNIX_EPOCH,
        tables: Vec::new(),
        warnings: Vec::new(),
        unwritten: None,
    }
}

pub fn must_succeed(report: RunReport) -> Result<(), String> {
    if !report.failed() {
        return Ok(());
    }
    let failed = report.tables.iter().filter(|table| !table.status.is_done());
    let failed = failed.map(|table| format!("{}.{}: {:?}", table.connection, table.table, table.error));
    Err(format!(
        "a run failed: {} {:?}",
        failed.collect::<Vec<_>>().join("; "),
        report.unwritten
    ))
}

pub async fn compact_all(lake: &Lake) -> crate::error::Result<()> {
    let manifests = commit::content(lake).await?;
    for family in families(&manifests) {
        compact(lake, &family, &CompactOptions::default(), |_| true).await?;
    }
    Ok(())
}
