//! `afluente demo`: a sandbox, an export of every table, and what to type next.

use std::time::Duration;

use super::args::DemoArgs;
use super::export::run_shown;
use super::printer::{Printer, count, number};
use super::{ABANDONED, Done, stop_on_signals};
use crate::config::Connection;
use crate::error::{Error, Result};
use crate::export::{Export, Options, RunReport, Selection};
use crate::sandbox::{self, Sandbox};
use crate::schema::Catalog;
use crate::store::{Lake, S3Options};

pub(super) async fn run(args: &DemoArgs, printer: &Printer) -> Result<Done> {
    let stop = stop_on_signals(printer, Some(ABANDONED));
    let catalog = Catalog::embedded()?;
    let sandbox = Sandbox::start(sandbox::Options {
        address: ([127, 0, 0, 1], 0).into(),
        seed: args.world.seed,
        rows: args.world.rows,
        table_rows: args.world.table_rows.clone(),
        limits: false,
        faults: sandbox::Faults::default(),
        page_delay: Duration::ZERO,
    })
    .await
    .map_err(|error| Error::config(format!("the sandbox cannot listen on this machine: {error}")))?;
    let connections = catalog
        .sources()
        .map(|source| Connection::to_sandbox(source, &sandbox.base_url(&source.id), Sandbox::token(&source.id)))
        .collect::<Result<Vec<_>>>()?;
    let lake = Lake::open(&args.to, &S3Options::default())?;
    printer.info(&format!(
        "Exporting every table of {}, simulated on this machine, into {}",
        count(connections.len() as u64, "vendor"),
        args.to
    ));
    let export = Export::plan(connections, &Selection::default(), lake, Options::default(), stop)?;
    let report = run_shown(export, printer, args.progress).await?;
    sandbox.shutdown().await;
    if report.failed() {
        return Ok(Done::Partly);
    }
    printer.info(&next(printer, &report, &args.to));
    Ok(Done::All)
}

fn next(printer: &Printer, report: &RunReport, lake: &str) -> String {
    let deals = report
        .tables
        .iter()
        .find(|table| table.table == "deals")
        .map_or(0, |table| table.rows);
    let lake = lake.trim_end_matches('/');
    format!(
        "\n{title}\n  \
         ls {lake}/ploomes/deals {lake}/ploomes/deals/_manifest\n  \
         duckdb -c \"select count(*) from read_parquet('{lake}/ploomes/deals/**/*.parquet')\"      # {deals} rows\n  \
         python -c \"import polars as pl; print(pl.read_parquet('{lake}/exactsales/callshistory/**/*.parquet'))\"\n  \
         afluente tables ploomes.deals                # every column, its type and what it means\n  \
         afluente tables -o mermaid                   # how the tables refer to each other\n  \
         afluente init                                # then your own account\n",
        title = printer.strong("What to type next"),
        deals = number(deals),
    )
}
