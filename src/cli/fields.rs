//! `afluente fields`: the custom fields of an account and the columns that they have in the lake.

use super::args::{ConnectionArgs, FieldsArgs, FieldsCommand, ListFormat};
use super::columns::aligned;
use super::export::{connections, selection};
use super::printer::{Printer, count, json};
use super::{Done, lake, stop_on_signals};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::export::{Export, IfBusy, Options, Synchronised, TableField};
use crate::fields::State;
use crate::http::{Stop, Stopper};
use crate::lease::Holder;
use crate::store::Lake;

const ABANDONED: &str = "stopping: the table under way is left as it was; a second Ctrl-C ends at once";

pub(super) async fn run(args: &FieldsArgs, printer: &Printer) -> Result<Done> {
    let stop = stop_on_signals(printer, Some(ABANDONED));
    match &args.command {
        FieldsCommand::List(args) => tell(&args.from, args.output, false, stop, printer).await,
        FieldsCommand::Diff(args) => tell(&args.from, args.output, true, stop, printer).await,
        FieldsCommand::Sync(args) => synchronise(args, stop, printer).await,
    }
}

async fn tell(
    args: &ConnectionArgs,
    output: ListFormat,
    only_other: bool,
    stop: (std::sync::Arc<Stopper>, Stop),
    printer: &Printer,
) -> Result<Done> {
    let (config, url) = lake::find(&args.place)?;
    // A folder that is not there stands for an empty lake.
    let lake = lake::look(&url, &config)?.unwrap_or_else(Lake::memory);
    let mut fields = plan(args, &config, lake, stop)?.fields().await?;
    fields.retain(|field| !only_other || field.state != State::Exported);
    match output {
        ListFormat::Json => printer.data(&json(&fields)?)?,
        ListFormat::Text => printer.lines(&text(&fields))?,
    }
    let number = |state| fields.iter().filter(|field| field.state == state).count();
    let missing = number(State::New) + number(State::Retyped);
    printer.info(&match fields.len() as u64 {
        0 if only_other => "every field is as it was exported".to_owned(),
        fields => count(fields, "field"),
    });
    if missing > 0 {
        printer.info(&format!(
            "{missing} without a column for its values: the first export of a table takes all fields, `afluente fields sync` adds them later"
        ));
    }
    Ok(Done::All)
}

async fn synchronise(args: &ConnectionArgs, stop: (std::sync::Arc<Stopper>, Stop), printer: &Printer) -> Result<Done> {
    let (config, url) = lake::find(&args.place)?;
    let lake = lake::look(&url, &config)?.ok_or_else(|| {
        Error::config(format!("there is no lake at `{url}`")).hint("the first `afluente export` of a table takes all its custom fields")
    })?;
    let mut export = plan(args, &config, lake, stop)?;
    let held = export.lease(IfBusy::Fail, |_, _: &Holder| {}).await;
    held.map_err(|error| match error.kind() {
        Kind::Conflict => error.hint("wait until it is done; a run that died gives its lease up within two minutes"),
        _ => error,
    })?;
    let (mut columns, mut tables, mut failed) = (0, 0, 0);
    for (name, table) in export.synchronise_fields().await? {
        match table {
            Ok(Synchronised::NotExported) => printer.info(&format!("{name}: not exported yet; its first export takes all its fields")),
            Ok(Synchronised::Added(added)) if added.is_empty() => printer.info(&format!("{name}: nothing new")),
            Ok(Synchronised::Added(added)) => {
                (columns, tables) = (columns + added.len() as u64, tables + 1);
                printer.info(&format!(
                    "{name}: {} added: {}",
                    count(added.len() as u64, "column"),
                    added.join(", ")
                ));
            }
            Err(error) => {
                failed += 1;
                printer.failure(&error.context(&name));
            }
        }
    }
    if tables > 0 {
        let (columns, tables) = (count(columns, "column"), count(tables, "table"));
        printer.info(&format!(
            "{columns} added to {tables}; the next export reads them whole, to fill the new columns"
        ));
    }
    Ok(if failed == 0 { Done::All } else { Done::Partly })
}

fn plan(args: &ConnectionArgs, config: &Config, lake: Lake, stop: (std::sync::Arc<Stopper>, Stop)) -> Result<Export> {
    let mut connections = connections(args, config)?;
    connections.retain(|connection| connection.source.custom_fields.is_some());
    if connections.is_empty() {
        return Err(Error::config("no chosen connection has custom fields that become columns")
            .hint("Ploomes has; in other sources they are tables of their own: `afluente tables SOURCE` lists them"));
    }
    Export::plan(connections, &selection(args), lake, Options::default(), stop)
}

fn text(fields: &[TableField]) -> String {
    let mut rows = Vec::new();
    for TableField {
        connection,
        table,
        field,
        state,
    } in fields
    {
        let several = if field.multiple { ", several" } else { "" };
        rows.push([
            format!("{connection}.{table}"),
            field.name.clone(),
            format!("{}{several}", field.kind),
            if field.columns.is_empty() {
                "-".to_owned()
            } else {
                field.columns.join(" ")
            },
            state.name().to_owned(),
            field.key.clone(),
        ]);
    }
    aligned(&["table", "field", "type", "columns", "state", "key"], &rows, 0..0)
}
