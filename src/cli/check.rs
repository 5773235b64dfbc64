//! `afluente check`: the configuration, the tokens, one small request per table, the lake; each with a tick or the reason.

use std::time::Duration;

use futures::StreamExt;

use super::args::ConnectionArgs;
use super::export::{connections, selection};
use super::printer::{Printer, count, number};
use super::{Done, lake, stop_on_signals};
use crate::config::Connection;
use crate::derive::{CustomerX, Key};
use crate::error::{Error, Kind, Result};
use crate::export::{Checked, Export, Options, Progress, Selection, Surveyed};
use crate::http::{Meter, Stop};
use crate::schema::Table;
use crate::store::Lake;

/// How long nothing is said while a vendor does not answer.
const SILENCE: Duration = Duration::from_secs(2);

pub(super) async fn run(args: &ConnectionArgs, printer: &Printer) -> Result<Done> {
    let (stopper, stop) = stop_on_signals(printer, None);
    let (config, url) = lake::find(&args.place)?;
    let connections = connections(args, &config)?;
    let selection = selection(args);
    let plan = |connections: Vec<Connection>, selection: &Selection| {
        let listening = (stopper.clone(), stop.clone());
        Export::plan(connections, selection, Lake::memory(), Options::default(), listening)
    };
    // What is wrong with the plan is told before a folder is made for the lake.
    let export = plan(connections.clone(), &selection)?;
    let lake = Lake::open(&url, &config.lake.s3)?;
    let export = export.with_lake(lake.clone());
    let mut tally = Tally {
        printer,
        checks: 0,
        failures: 0,
    };
    let probed = stop.race(lake.probe()).await;
    let is_writable = probed.is_ok();
    tally.tell(
        "",
        &format!("lake {}", lake.url("")),
        0,
        probed.map(|()| "can be written".to_owned()),
    );
    for connection in &connections {
        if !printer.is_json() {
            printer.heading(&format!(
                "{} ({} at {})",
                connection.name, connection.source.title, connection.base_url
            ));
        }
        tally.check(&export, connection, &selection.families(connection), is_writable).await;
        if stop.is_requested() {
            break;
        }
        let derived = selection.derived(connection);
        if let (Some(set), false) = (&connection.customerx, derived.is_empty()) {
            // Whichever tables are chosen: these are made of others.
            let export = plan(vec![connection.clone()], &Selection::default())?.with_lake(lake.clone());
            tally.check_derived(&export, connection, set, &derived, &stop).await;
        }
    }
    let checks = count(tally.checks, "check");
    if tally.failures == 0 {
        printer.info(&format!("{checks}: everything is ready"));
        return Ok(Done::All);
    }
    printer.info(&format!("{} of {checks} failed", tally.failures));
    Ok(Done::Partly)
}

/// What was checked and told so far.
struct Tally<'a> {
    printer: &'a Printer,
    checks: u64,
    failures: u64,
}

impl Tally<'_> {
    async fn check(&mut self, export: &Export, connection: &Connection, tables: &[Table], is_writable: bool) {
        let width = tables.iter().map(|table| table.id.chars().count()).max().unwrap_or(0);
        let owner = format!("{}.", connection.name);
        let progress = export.progress();
        let mut troubled = false;
        if is_writable && !tables.is_empty() {
            let mut checking = std::pin::pin!(export.check_account(connection));
            let account = loop {
                match tokio::time::timeout(SILENCE, &mut checking).await {
                    Ok(account) => break account,
                    Err(_) => self.tell_trouble(&progress, &mut troubled),
                }
            };
            let is_other = account.is_err();
            self.tell(&owner, "account", width, account);
            if is_other {
                // Every table would say the same.
                self.printer.info(&format!("  {} not asked", count(tables.len() as u64, "table")));
                return;
            }
        }
        let mut outcomes = futures::stream::iter(tables)
            .map(|table| async move { (table, export.check(connection, &table.id, is_writable).await) })
            .buffered(connection.source.rate_limit.in_flight);
        let mut left = tables.len() as u64;
        loop {
            let (table, outcome) = match tokio::time::timeout(SILENCE, outcomes.next()).await {
                Ok(Some(outcome)) => outcome,
                Ok(None) => break,
                Err(_) => {
                    self.tell_trouble(&progress, &mut troubled);
                    continue;
                }
            };
            left -= 1;
            let refused = matches!(&outcome, Err(error) if matches!(error.kind(), Kind::Auth | Kind::Stopped));
            let told = outcome.map(|Checked { probe, warnings }| {
                let found = match (probe.unavailable, probe.counted) {
                    (Some(reason), _) => format!("not in this account: {reason}"),
                    (None, Some(rows)) => count(rows, "row"),
                    (None, None) if probe.page.is_none_or(|page| page.records.is_empty()) => "answers, no rows".to_owned(),
                    (None, None) => "answers".to_owned(),
                };
                [found].into_iter().chain(warnings).collect::<Vec<_>>().join("; ")
            });
            self.tell(&owner, &table.id, width, told);
            if refused && left > 0 {
                // Every other table would say the same.
                self.printer.info(&format!("  {} not asked", count(left, "other table")));
                break;
            }
        }
    }

    /// A host that does not answer is asked again for a while: says so once.
    fn tell_trouble(&self, progress: &Progress, told: &mut bool) {
        if let Some(trouble) = progress.meters().find_map(Meter::trouble).filter(|_| !*told) {
            self.printer.info(&format!("  asking again: {trouble}"));
            *told = true;
        }
    }

    /// Whether every name in the `customerx` block is there, and what the chosen key is worth in the lake.
    async fn check_derived(&mut self, export: &Export, connection: &Connection, set: &CustomerX, tables: &[Table], stop: &Stop) {
        let width = tables.iter().map(|table| table.id.chars().count()).max().unwrap_or(0);
        let owner = format!("{}.", connection.name);
        for table in tables {
            let outcome = stop.race(export.survey(connection, set, table)).await;
            self.tell(&owner, &table.id, width, outcome.map(|surveyed| words(surveyed, set.key)));
        }
    }

    /// A line with a tick or a cross; where lines stand alone, in a JSON log or among errors only, with the whole name.
    fn tell(&mut self, owner: &str, name: &str, width: usize, outcome: Result<String, Error>) {
        let printer = self.printer;
        let indent = if owner.is_empty() { "" } else { "  " };
        self.checks += 1;
        self.failures += u64::from(outcome.is_err());
        match outcome {
            Ok(found) if printer.is_json() => printer.info(&format!("{owner}{name}: {found}")),
            Err(error) if printer.is_json() || printer.is_quiet() => {
                printer.error(&format!("{owner}{name}: {}", error.message()), error.advice());
            }
            outcome => printer.checked(indent, &format!("{name:width$}"), outcome.as_deref()),
        }
    }
}

/// What a derived table would be, in words.
fn words(surveyed: Surveyed, key: Key) -> String {
    let survey = match surveyed {
        Surveyed::Rows(survey) => survey,
        Surveyed::Without(absent) => {
            return format!("every column is there; rows can be counted once the lake has {}", absent.join(", "));
        }
        Surveyed::Otherwise => {
            return "every column will be there; rows can be counted once the lake has them as they are configured now".to_owned();
        }
    };
    let mut told = format!(
        "{} of what the lake holds: {} without an identity ({}), {} sharing one with another row",
        count(survey.rows, "row"),
        number(survey.without),
        key.name(),
        number(survey.shared)
    );
    if survey.bad > 0 {
        told.push_str(&format!("; {} no CPF or CNPJ", none_of_them(survey.bad)));
    }
    told
}

fn none_of_them(values: u64) -> String {
    match values {
        1 => "1 value is".to_owned(),
        many => format!("{} values are", number(many)),
    }
}
