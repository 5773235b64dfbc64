//! `afluente check`: the configuration, the tokens, one small request per table, the lake; each with a tick or the reason.

use futures::StreamExt;

use super::args::CheckArgs;
use super::export::{open, selection};
use super::printer::{Printer, number};
use super::{Done, stop_on_signals};
use crate::config::Connection;
use crate::error::{Error, Kind, Result};
use crate::export::client;
use crate::http::{Meter, Stop};
use crate::read;
use crate::schema::Table;

pub(super) async fn run(args: &CheckArgs, printer: &Printer) -> Result<Done> {
    let (_stopper, stop) = stop_on_signals(printer);
    let (connections, lake) = open(&args.from)?;
    let selection = selection(&args.from);
    selection.check(&connections)?;
    let mut failures = 0;
    failures += usize::from(!tell(
        printer,
        &format!("lake {}", lake.url("")),
        lake.probe()
            .await
            .map(|()| "can be written; the second writer of a version is refused".to_owned()),
    ));
    for connection in &connections {
        printer.info(&printer.strong(&format!(
            "{} ({} at {})",
            connection.name, connection.source.title, connection.base_url
        )));
        failures += check_connection(printer, connection, selection.families(connection), &stop).await?;
    }
    if failures == 0 {
        printer.info("everything is ready");
        return Ok(Done::All);
    }
    printer.info(&format!("{failures} of the checks failed"));
    Ok(Done::Partly)
}

async fn check_connection(printer: &Printer, connection: &Connection, tables: Vec<Table>, stop: &Stop) -> Result<usize> {
    let client = client(connection, stop.clone())?;
    let client = &client;
    let mut outcomes = futures::stream::iter(&tables)
        .map(|table| async move {
            let endpoint = connection.tables.get(&table.id).and_then(|table| table.endpoint.as_deref());
            (table, read::probe(client, &connection.source, table, endpoint, &Meter::new()).await)
        })
        .buffered(connection.source.rate_limit.in_flight);
    let mut failures = 0;
    while let Some((table, outcome)) = outcomes.next().await {
        let refused = matches!(&outcome, Err(error) if matches!(error.kind(), Kind::Auth | Kind::Stopped));
        let told = outcome.map(|probe| match (probe.unavailable, probe.counted) {
            (Some(reason), _) => format!("not in this account: {reason}"),
            (None, Some(rows)) => format!("{} rows", number(rows)),
            (None, None) if probe.rows_on_page == 0 => "answers, no rows".to_owned(),
            (None, None) => "answers".to_owned(),
        });
        failures += usize::from(!tell(printer, &table.id, told));
        if refused {
            // Every other table would say the same.
            break;
        }
    }
    Ok(failures)
}

fn tell(printer: &Printer, name: &str, outcome: Result<String, Error>) -> bool {
    match outcome {
        Ok(found) => {
            printer.info(&format!("  {} {name}: {found}", printer.good("✓")));
            true
        }
        Err(error) => {
            printer.error(&format!("{} {name}: {}", printer.bad("✗"), error.message()), error.advice());
            false
        }
    }
}
