//! `afluente forget`: the rows of one key taken out of the lake.

use super::args::{ForgetArgs, LakeArgs, ListFormat};
use super::columns::aligned;
use super::printer::{Printer, count, json};
use super::{Done, lake, stop_on_signals};
use crate::commit;
use crate::error::{Error, Result};
use crate::forget::{Forgotten, Options, forget};
use crate::views;

const ABANDONED: &str = "stopping: what is not committed is left as it was; a second Ctrl-C ends at once";

pub(super) async fn run(args: &ForgetArgs, printer: &Printer) -> Result<Done> {
    let (_stopper, stop) = stop_on_signals(printer, Some(ABANDONED));
    let connections = vec![args.connection.clone()];
    let (lake, config) = lake::open(&LakeArgs {
        connections: connections.clone(),
        place: args.place.clone(),
    })?;
    let catalog = config.catalog(args.schemas.as_deref())?;
    let listing = stop.race(lake::list(&lake, &connections)).await?;
    let content = stop.race(commit::content_of(&lake, &listing)).await?;
    let Some(first) = content.first() else {
        return Err(Error::config(format!(
            "connection `{}` has no tables in the lake `{}`",
            args.connection,
            lake.url("")
        )));
    };
    let source = catalog.source(&first.source)?;
    let hashed = content.iter().filter(|manifest| manifest.table == args.table).any(|manifest| {
        manifest
            .schema
            .columns
            .iter()
            .any(|column| manifest.primary_key.contains(&column.name) && column.key_id.is_some())
    });
    let options = Options {
        connection: args.connection.clone(),
        table: args.table.clone(),
        key: args.key.clone(),
        hash_key: if hashed { Some(config.personal.hash_key()?) } else { None },
        dry_run: args.dry_run,
    };
    let run_id = uuid::Uuid::now_v7().to_string();
    let forgotten = stop.race(forget(&lake, source, &content, &run_id, &options)).await?;
    if !args.dry_run {
        views::write(&lake, &commit::content(&lake).await?).await?;
    }
    match args.output {
        ListFormat::Json => printer.data(&json(&document(&forgotten, args))?)?,
        ListFormat::Text => printer.lines(&text(&forgotten))?,
    }
    tell(&forgotten, args, printer);
    Ok(Done::All)
}

fn tell(forgotten: &Forgotten, args: &ForgetArgs, printer: &Printer) {
    let sum: u64 = forgotten.rows.iter().chain(&forgotten.rejected).map(|(_, rows)| rows).sum();
    if args.dry_run {
        printer.info(&format!("would remove {}; nothing was written or deleted", count(sum, "row")));
    } else {
        printer.info(&format!(
            "removed {}; the superseded files are deleted, whatever the retention: readers that are still at them fail",
            count(sum, "row")
        ));
    }
    if !forgotten.referred_by.is_empty() {
        printer.info(&format!(
            "these columns refer to `{}` and keep the key: {}",
            args.table,
            forgotten.referred_by.join(", ")
        ));
    }
    if !forgotten.derived.is_empty() {
        printer.info(&format!(
            "made of `{}`, and as they were until the next export makes them anew (their histories begin anew with it, and hold nothing until then): {}",
            args.table,
            forgotten.derived.join(", ")
        ));
    }
    printer.info("the next export brings the row back if the vendor still has it: delete it there first");
}

fn text(forgotten: &Forgotten) -> String {
    let rows = forgotten.rows.iter().map(|(table, rows)| (table.clone(), *rows));
    let rejected = forgotten
        .rejected
        .iter()
        .map(|(table, rows)| (format!("_rejected of {table}"), *rows));
    let lines: Vec<[String; 2]> = rows.chain(rejected).map(|(table, rows)| [table, rows.to_string()]).collect();
    aligned(&["table", "rows"], &lines, 1..2)
}

fn document(forgotten: &Forgotten, args: &ForgetArgs) -> serde_json::Value {
    let object = |rows: &[(String, u64)]| {
        rows.iter()
            .map(|(table, rows)| (table.clone(), (*rows).into()))
            .collect::<serde_json::Map<_, _>>()
    };
    serde_json::json!({
        "connection": args.connection,
        "dry_run": args.dry_run,
        "rows": object(&forgotten.rows),
        "rejected": object(&forgotten.rejected),
        "referred_by": forgotten.referred_by,
        "derived": forgotten.derived,
    })
}
