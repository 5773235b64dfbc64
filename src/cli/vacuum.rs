//! `afluente vacuum`: drops what no manifest needs.

use super::args::{ListFormat, VacuumArgs};
use super::columns::aligned;
use super::printer::{Printer, count, json, size};
use super::{Done, lake};
use crate::error::Result;
use crate::vacuum::{Dropped, Options, Outcome, vacuum};

pub(super) async fn run(args: &VacuumArgs, printer: &Printer) -> Result<Done> {
    let (lake, config) = lake::open(&args.lake)?;
    let options = Options {
        connections: args.lake.connections.clone(),
        retention: args.retention.unwrap_or(config.lake.retention),
        older_than: args.older_than,
        dry_run: args.dry_run,
    };
    let outcome = vacuum(&lake, &uuid::Uuid::now_v7().to_string(), &options).await?;
    match args.output {
        ListFormat::Json => printer.data(&json(&document(&outcome, options.dry_run))?)?,
        ListFormat::Text if options.dry_run => printer.lines(&objects(&outcome.dropped))?,
        ListFormat::Text => printer.lines(&sums(&outcome.dropped))?,
    }
    tell(&outcome, options.dry_run, printer);
    Ok(if outcome.failed.is_empty() { Done::All } else { Done::Partly })
}

fn tell(outcome: &Outcome, dry_run: bool, printer: &Printer) {
    for (connection, holder) in &outcome.busy {
        printer.info(&format!(
            "{connection}: {holder}, is at work: files younger than --older-than may be its own, and stay"
        ));
    }
    if let Some(error) = &outcome.uploads_unseen {
        printer.warning(
            &format!("unfinished uploads were not looked for: {}", error.message()),
            Some("a lifecycle rule of the bucket that aborts them after a day does the same"),
        );
    }
    for (name, error) in &outcome.failed {
        printer.error(&format!("{name}: {}", error.message()), error.advice());
    }
    let objects: usize = outcome.dropped.iter().map(|dropped| dropped.objects.len()).sum();
    let bytes: u64 = outcome.dropped.iter().map(Dropped::bytes).sum();
    let sum = format!("{}, {}", count(objects as u64, "object"), size(bytes));
    printer.info(&match (objects, dry_run) {
        (0, _) => "nothing to drop".to_owned(),
        (_, true) => format!("would drop {sum}; nothing was deleted"),
        (_, false) => format!("dropped {sum}"),
    });
}

/// `acme.deals`, `acme`, or `-` for what belongs to the whole lake.
fn owner(dropped: &Dropped) -> String {
    match (&dropped.connection, &dropped.table) {
        (Some(connection), Some(table)) => format!("{connection}.{table}"),
        (Some(connection), None) => connection.clone(),
        _ => "-".to_owned(),
    }
}

/// A line per table and reason.
fn sums(all: &[Dropped]) -> String {
    let rows = all.iter().map(|dropped| {
        let number = dropped.objects.len().to_string();
        [
            owner(dropped),
            dropped.reason.name().to_owned(),
            number,
            dropped.bytes().to_string(),
        ]
    });
    aligned(&["table", "what", "objects", "bytes"], &rows.collect::<Vec<_>>(), 2..4)
}

/// A line per object.
fn objects(all: &[Dropped]) -> String {
    let rows = all.iter().flat_map(|dropped| {
        let row = |(path, bytes): &(String, u64)| [owner(dropped), dropped.reason.name().to_owned(), bytes.to_string(), path.clone()];
        dropped.objects.iter().map(row)
    });
    aligned(&["table", "what", "bytes", "object"], &rows.collect::<Vec<_>>(), 2..3)
}

fn document(outcome: &Outcome, dry_run: bool) -> serde_json::Value {
    let dropped = outcome.dropped.iter().map(|dropped| {
        serde_json::json!({
            "connection": dropped.connection,
            "table": dropped.table,
            "what": dropped.reason.name(),
            "bytes": dropped.bytes(),
            "objects": dropped.objects.iter().map(|(path, bytes)| serde_json::json!({ "path": path, "bytes": bytes })).collect::<Vec<_>>(),
        })
    });
    let failed = outcome
        .failed
        .iter()
        .map(|(name, error)| serde_json::json!({ "name": name, "message": error.message(), "hint": error.advice() }));
    serde_json::json!({
        "dry_run": dry_run,
        "dropped": dropped.collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
    })
}
