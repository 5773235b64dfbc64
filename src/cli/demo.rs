//! `afluente demo`: a sandbox, an export of every table, and what to type next.

use std::time::Duration;

use super::args::DemoArgs;
use super::export::run_shown;
use super::printer::{Printer, count};
use super::{ABANDONED, Done, stop_on_signals};
use crate::config::Connection;
use crate::error::{Error, Result};
use crate::export::{Export, IfBusy, Options, RunReport, Selection};
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
        churn: 0.0,
        page_delay: Duration::ZERO,
        ..sandbox::Options::default()
    })
    .await
    .map_err(|error| Error::config(format!("the sandbox cannot listen on this machine: {error}")))?;
    let connections = catalog
        .sources()
        .map(|source| Connection::to_sandbox(source, &sandbox.base_url(&source.id), Sandbox::token(&source.id)))
        .collect::<Result<Vec<_>>>()?;
    let lake = Lake::open(&args.to, &S3Options::default())?;
    printer.info(&format!(
        "Exporting the tables of {}, simulated on this machine, into {}",
        count(connections.len() as u64, "vendor"),
        args.to
    ));
    let listening = stop.1.clone();
    let export = Export::plan(connections, &Selection::default(), lake, Options::default(), stop)?;
    let report = run_shown(export, IfBusy::Fail, printer, args.progress, &listening).await?;
    sandbox.shutdown().await;
    let Some(report) = report else {
        return Ok(Done::All);
    };
    if report.failed() {
        return Ok(Done::Partly);
    }
    if !printer.is_json() {
        printer.info("");
    }
    printer.heading("What to type next");
    next(&report, &args.to).iter().for_each(|line| printer.info(line));
    Ok(Done::All)
}

fn next(report: &RunReport, lake: &str) -> Vec<String> {
    let deals = report
        .tables
        .iter()
        .find(|table| table.table == "deals")
        .map_or(0, |table| table.rows);
    let lake = lake.trim_end_matches('/');
    let lake = lake.strip_prefix("./").unwrap_or(lake);
    // As it was called: built by cargo, it is on no path.
    let afluente = std::env::args().next().unwrap_or_else(|| "afluente".to_owned());
    let lines = [
        (
            format!("ls {lake}/ploomes/orders"),
            "a folder for each year, and the manifests".to_owned(),
        ),
        (
            format!("duckdb -c \"from '{lake}/ploomes/deals/**/part-[1-9]*.parquet' limit 5\""),
            format!("of {}", count(deals, "row")),
        ),
        (
            format!("python -c \"import polars; print(polars.read_parquet('{lake}/ploomes/deals/**/part-[1-9]*.parquet'))\""),
            String::new(),
        ),
        (
            format!("{afluente} tables ploomes.deals"),
            "every column, and what it means".to_owned(),
        ),
        (
            format!("{afluente} tables -o mermaid"),
            "how the tables refer to each other".to_owned(),
        ),
        (format!("{afluente} init"), "then your own account".to_owned()),
    ];
    let shown = |(line, comment): (String, String)| {
        let comment = if comment.is_empty() { comment } else { format!(" # {comment}") };
        format!("  {line:38}{comment}").trim_end().to_owned()
    };
    lines.into_iter().map(shown).collect()
}
