//! The table at the end of a run, laid out for the terminal's width, and what failed with its hint.

use indexmap::IndexMap;
use serde_json::json;

use super::printer::{Printer, count, number, size};
use super::screen::{USUAL, width};
use crate::export::{RunReport, Status, TableReport};
use crate::visible;

/// Terminals narrower than this get short headings.
const WIDE: usize = 110;
/// Columns of a table's name that are not given up for others.
const NAME: usize = 24;
/// The column that is left out where nobody waited.
const WAITED: usize = 8;
/// Columns that are left out first where there is no room.
const SPARED: [usize; 5] = [7, WAITED, 6, 3, 2];
/// Tables named where many have the same trouble.
const NAMED: usize = 6;

/// Tells what a run did; why tables failed only where it was not told before.
pub fn tell(printer: &Printer, report: &RunReport, failures_told: bool) {
    if !printer.is_quiet() && !printer.is_json() {
        for line in lines(report, width()) {
            printer.info(&line);
        }
    }
    for table in &report.tables {
        if let Some(warning) = &table.warning {
            printer.warning(&format!("{}: {warning}", name(table)), None);
        }
    }
    for warning in &report.warnings {
        printer.warning(warning, None);
    }
    tell_rejected(printer, report);
    if !failures_told {
        for failure in failures(report) {
            printer.error(&failure.text(), failure.hint);
        }
    }
    if let Some(error) = &report.unwritten {
        printer.error(&format!("run report: {}", error.message), error.hint.as_deref());
    }
    let closing = closing(report);
    let run = match report.unwritten {
        None => Some(format!("{}/_runs/{}.json", report.lake.trim_end_matches('/'), report.run_id)),
        Some(_) => None,
    };
    if !printer.is_json() {
        printer.heading(&closing);
        if let Some(run) = run {
            printer.info(&format!("report: {run}"));
        }
    } else if !printer.is_quiet() {
        let members = json!({ "run_id": report.run_id, "lake": report.lake, "report": run });
        printer.object("info", &closing, members);
    }
}

fn tell_rejected(printer: &Printer, report: &RunReport) {
    let sum = |of: fn(&TableReport) -> u64| report.tables.iter().map(of).sum::<u64>();
    let (records, values) = (sum(|table| table.rejected_records), sum(|table| table.bad_cells));
    let tables: Vec<String> = report
        .tables
        .iter()
        .filter(|table| table.rejected_records + table.bad_cells > 0)
        .map(|table| {
            format!(
                "{} ({})",
                name(table),
                rejected(table.rejected_records, "", table.bad_cells, "value")
            )
        })
        .collect();
    if tables.is_empty() {
        return;
    }
    printer.warning(
        &format!(
            "{} kept apart: {}",
            rejected(records, " without a usable key", values, "unreadable value"),
            tables.join(", ")
        ),
        Some(&format!(
            "each has its key, column, raw text and reason in {}/<connection>/_rejected/*.parquet",
            report.lake.trim_end_matches('/')
        )),
    );
}

fn rejected(records: u64, why: &str, values: u64, value: &str) -> String {
    let records = (records > 0).then(|| format!("{}{why}", count(records, "record")));
    let values = (values > 0).then(|| count(values, value));
    let both: Vec<String> = records.into_iter().chain(values).collect();
    both.join(" and ")
}

/// What one or more tables failed by.
struct Failed<'a> {
    message: &'a str,
    hint: Option<&'a str>,
    tables: Vec<String>,
}

impl Failed<'_> {
    /// The first table's message whole; the others only differ in the address that was asked.
    fn text(&self) -> String {
        let mut text = format!("{}: {}", self.tables[0], self.message);
        let others = &self.tables[1..];
        if !others.is_empty() {
            let named = others[..others.len().min(NAMED)].join(", ");
            let rest = others.len().saturating_sub(NAMED);
            let rest = if rest == 0 { String::new() } else { format!(" and {rest} more") };
            text.push_str(&format!("; the same for {named}{rest}"));
        }
        text
    }
}

/// The failures of a run, one for all tables that say the same. What is exploded fails with its parent and is not named.
fn failures(report: &RunReport) -> Vec<Failed<'_>> {
    let mut failures: IndexMap<(String, Option<&str>), Failed<'_>> = IndexMap::new();
    for table in &report.tables {
        let (Some(error), None) = (&table.error, &table.exploded_from) else {
            continue;
        };
        let (message, hint) = (error.message.as_str(), error.hint.as_deref());
        let alike = failures.entry((essence(message, &table.table), hint)).or_insert_with(|| Failed {
            message,
            hint,
            tables: Vec::new(),
        });
        alike.tables.push(name(table));
    }
    failures.into_values().collect()
}

/// What happened, without what differs from table to table: the request, the attempts, and what is quoted with the table's name in it.
///
/// | message for `deals` | essence |
/// |---|---|
/// | ``GET https://host/Deals: answered 401 Unauthorized: `no` (2 attempts in 0.3 s)`` | ``answered 401 Unauthorized: `no` `` |
/// | ``not asked for: GET https://host/Deals: answered 401 Unauthorized: `no` `` | the same |
/// | ``version 2 of `deals__items` stands`` | ``version 2 of `` stands`` |
fn essence(message: &str, table: &str) -> String {
    let what = match message.split_once("GET ").and_then(|(_, rest)| rest.split_once(": ")) {
        Some((_, what)) => what,
        None => message,
    };
    let what = match what.rsplit_once(" (") {
        Some((what, attempts)) if attempts.contains(" attempts in ") => what,
        _ => what,
    };
    let parts = what.split('`').enumerate();
    let parts: Vec<&str> = parts
        .map(|(at, part)| if at % 2 == 1 && part.contains(table) { "" } else { part })
        .collect();
    parts.join("`")
}

fn name(table: &TableReport) -> String {
    format!("{}.{}", table.connection, table.table)
}

fn closing(report: &RunReport) -> String {
    let of = |status: Status| report.tables.iter().filter(move |table| table.status == status);
    let sum = |of: fn(&TableReport) -> u64| report.tables.iter().map(of).sum::<u64>();
    let (committed, unchanged) = (of(Status::Committed).count() as u64, of(Status::Unchanged).count() as u64);
    let mut text = match report.tables.len() as u64 {
        all if all == committed => format!("{} committed", count(all, "table")),
        all if all == unchanged => format!("{} unchanged", count(all, "table")),
        all => format!("{} of {} committed", number(committed), count(all, "table")),
    };
    for status in [Status::Unchanged, Status::Failed, Status::Skipped] {
        match of(status).count() {
            0 => {}
            _ if text.ends_with(status.name()) => {}
            tables => text.push_str(&format!(", {tables} {}", status.name())),
        }
    }
    let (requests, seconds) = (
        count(sum(|table| table.requests) + report.other_requests, "request"),
        time((report.finished_at - report.started_at).as_seconds_f64()),
    );
    if committed + unchanged == 0 {
        // A sum of no rows would look as if the lake had none.
        return format!("{text}; the lake keeps what it had: {requests}, {seconds}");
    }
    format!(
        "{text}: {}, {} changed, {}, {}, {requests}, {seconds}",
        count(sum(|table| table.rows), "row"),
        number(sum(|table| table.rows_changed)),
        count(sum(|table| table.files), "file"),
        size(sum(|table| table.bytes)),
    )
}

/// | seconds | text |
/// |---|---|
/// | 0.25 | `0.3 s` |
/// | 75 | `1 min 15 s` |
/// | 3,725 | `1 h 2 min` |
fn time(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3_600, whole / 60 % 60, whole % 60) {
        (0, 0, _) => format!("{seconds:.1} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A line of the table, and what it stands for: the heading, a connection with its sums, or a table.
type Row = [String; 10];

/// For a terminal of this width; where there is none, names are whole, to be searched for.
fn lines(report: &RunReport, terminal: Option<usize>) -> Vec<String> {
    let width = terminal.unwrap_or(USUAL.0);
    let headings = if width >= WIDE {
        [
            "table", "rows", "changed", "files", "size", "rejected", "requests", "retries", "waited s", "seconds",
        ]
    } else {
        ["table", "rows", "changed", "files", "size", "reject", "reqs", "retry", "wait", "s"]
    };
    // What was not reached has nothing to tell; the closing line counts it.
    let reached: Vec<&TableReport> = report.tables.iter().filter(|table| table.status != Status::Skipped).collect();
    let mut rows: Vec<Row> = vec![headings.map(str::to_owned)];
    for tables in reached.chunk_by(|one, next| one.connection == next.connection) {
        rows.push(sums(tables));
        rows.extend(tables.iter().map(|table| cells(table)));
    }
    if reached.is_empty() {
        return Vec::new();
    }
    let waited = reached.iter().any(|table| table.waited_seconds >= 0.05);
    let mut shown: Vec<usize> = (0..headings.len()).filter(|column| waited || *column != WAITED).collect();
    let longest = |column: usize| rows.iter().map(|row| visible::width(&row[column])).max().unwrap_or(0);
    let mut widths: [usize; 10] = std::array::from_fn(longest);
    let left = |shown: &[usize]| width.saturating_sub(shown[1..].iter().map(|column| widths[*column] + 1).sum());
    for spared in SPARED {
        if left(&shown) < widths[0].min(NAME) {
            shown.retain(|column| *column != spared);
        }
    }
    if terminal.is_some() {
        widths[0] = widths[0].min(left(&shown)).max(12);
    }
    rows.iter()
        .map(|row| {
            let mut line = visible::padded(&row[0], widths[0], true);
            for column in &shown[1..] {
                line.push(' ');
                line.push_str(&visible::padded(&row[*column], widths[*column], false));
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// A connection and the sums of its tables; tables are read at the same time, so their seconds have no sum.
fn sums(tables: &[&TableReport]) -> Row {
    let sum = |of: fn(&TableReport) -> u64| tables.iter().map(|table| of(table)).sum::<u64>();
    [
        tables[0].connection.clone(),
        number(sum(|table| table.rows)),
        number(sum(|table| table.rows_changed)),
        number(sum(|table| table.files)),
        size(sum(|table| table.bytes)),
        number(sum(|table| table.rejected_records + table.bad_cells)),
        number(sum(|table| table.requests)),
        number(sum(|table| table.retries)),
        String::new(),
        String::new(),
    ]
}

fn cells(table: &TableReport) -> Row {
    let exploded = table.exploded_from.is_some();
    let name = format!("{}{}", if exploded { "  └ " } else { "  " }, table.table);
    let own = |text: String| if exploded { String::new() } else { text };
    let dash = || "-".to_owned();
    let [rows, changed, files, bytes, rejected] = match table.status {
        Status::Committed | Status::Unchanged => [
            number(table.rows),
            own(number(table.rows_changed)),
            number(table.files),
            size(table.bytes),
            number(table.rejected_records + table.bad_cells),
        ],
        other => [other.name().to_owned(), dash(), dash(), dash(), dash()],
    };
    [
        name,
        rows,
        changed,
        files,
        bytes,
        rejected,
        own(number(table.requests)),
        own(number(table.retries)),
        own(seconds(table.waited_seconds)),
        own(seconds(table.seconds)),
    ]
}

/// With a decimal below a hundred.
fn seconds(value: f64) -> String {
    if value < 99.95 {
        format!("{value:.1}")
    } else {
        number(value.round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::export::Failure;

    fn table(name: &str, status: Status) -> TableReport {
        let committed = u64::from(status == Status::Committed);
        TableReport {
            connection: "acme".to_owned(),
            source: "exactsales".to_owned(),
            table: name.to_owned(),
            exploded_from: name.contains("__").then(|| "qualifications".to_owned()),
            status,
            mode: "full",
            version: Some(1),
            savepoint: None,
            rows: committed * 1_234_567,
            rows_read: committed * 1_234_567,
            rows_changed: committed * 4_321,
            files: committed * 12,
            bytes: committed * 98_765_432,
            rejected_records: committed * 3,
            bad_cells: committed,
            repeated_records: 0,
            requests: 2_470,
            retries: 2,
            pages: 2_469,
            received_bytes: 0,
            waited_seconds: 12.34,
            seconds: 61.04,
            columns_gone: Vec::new(),
            columns_bad: Vec::new(),
            warning: None,
            error: (status == Status::Failed).then(|| Failure {
                message: "no".to_owned(),
                hint: None,
            }),
        }
    }

    fn report() -> RunReport {
        RunReport {
            other_requests: 0,
            run_id: "r".to_owned(),
            afluente: "0",
            lake: "file:///lake".to_owned(),
            started_at: DateTime::UNIX_EPOCH,
            finished_at: DateTime::UNIX_EPOCH,
            warnings: Vec::new(),
            unwritten: None,
            tables: vec![
                table("qualifications", Status::Committed),
                table("qualifications__questionanswers", Status::Committed),
                table("leads", Status::Failed),
            ],
        }
    }

    #[test]
    fn the_table_fits_the_terminal() {
        for width in [60, 80, 160] {
            for line in lines(&report(), Some(width)) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
        // What is written to a file is searched for whole names.
        assert!(lines(&report(), None).join("\n").contains("└ qualifications__questionanswers"));
        assert!(!lines(&report(), Some(60)).join("\n").contains("qualifications__questionanswers"));
        let wide = lines(&report(), Some(160)).join("\n");
        for word in [
            "rejected",
            "requests",
            "1,234,567",
            "└ qualifications__questionanswers",
            "failed",
            "94.2 MiB",
        ] {
            assert!(wide.contains(word), "{word} in\n{wide}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_tables_are_called_lines_are_seen_and_fit(name in proptest::prelude::any::<String>(), warning in proptest::prelude::any::<String>()) {
            let mut report = report();
            report.tables[0].table = format!("{name}\u{1b}[2J\r\n名");
            report.tables[1].warning = Some(warning.clone());
            report.warnings = vec![warning];
            for line in lines(&report, Some(80)) {
                proptest::prop_assert!(line.chars().all(visible::is_seen) && visible::width(&line) <= 80, "{line:?}");
            }
            let text = visible::report(&report, true).unwrap();
            proptest::prop_assert!(text.chars().all(|c| c == '\n' || visible::is_seen(c)), "{text:?}");
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            let texts = [&read["warnings"][0], &read["tables"][1]["warning"], &read["tables"][0]["table"]];
            proptest::prop_assert!(texts.iter().all(|text| text.as_str().unwrap().chars().all(visible::is_seen)), "{text}");
        }
    }

    #[test]
    fn the_closing_line_counts_what_was_committed() {
        assert_eq!(
            closing(&report()),
            "2 of 3 tables committed, 1 failed: 2,469,134 rows, 8,642 changed, 24 files, 188.4 MiB, 7,410 requests, 0.0 s"
        );
        let mut report = report();
        report.tables.truncate(1);
        report.tables[0].rows = 1;
        assert_eq!(
            closing(&report),
            "1 table committed: 1 row, 4,321 changed, 12 files, 94.2 MiB, 2,470 requests, 0.0 s"
        );
    }

    #[test]
    fn what_was_not_reached_is_only_counted() {
        let mut report = report();
        report.tables[2].status = Status::Skipped;
        assert!(!lines(&report, Some(160)).join("\n").contains("leads"));
        assert!(
            closing(&report).starts_with("2 of 3 tables committed, 1 skipped:"),
            "{}",
            closing(&report)
        );
    }

    #[test]
    fn nobody_waited_is_told_by_no_column() {
        let mut report = report();
        for table in &mut report.tables {
            table.waited_seconds = 0.0;
        }
        let line = |report: &RunReport| lines(report, Some(90)).swap_remove(0);
        assert!(!line(&report).contains("wait"), "{}", line(&report));
        report.tables[0].waited_seconds = 2.0;
        assert!(line(&report).contains("wait"), "{}", line(&report));
    }

    #[test]
    fn tables_that_fail_alike_are_told_once() {
        let failed = |name: &str, message: &str, hint: Option<&str>| TableReport {
            error: Some(Failure {
                message: message.to_owned(),
                hint: hint.map(str::to_owned),
            }),
            ..table(name, Status::Failed)
        };
        let refused = |path: &str, attempts: &str| format!("GET https://host/{path}?$top=300: answered 401 Unauthorized: `no`{attempts}");
        let mut report = report();
        report.tables = vec![
            failed("deals", &refused("Deals", ""), Some("check it")),
            failed("users", &refused("Users", " (2 attempts in 0.3 s)"), Some("check it")),
            failed("users__roles", &refused("Users", ""), Some("check it")),
            failed("tasks", &format!("not asked for: {}", refused("Deals", "")), Some("check it")),
            failed("leads", "version 2 of `leads__persons` stands", None),
            failed("stages", "version 2 of `stages` stands", None),
        ];
        let told: Vec<(String, Option<&str>)> = failures(&report).iter().map(|failure| (failure.text(), failure.hint)).collect();
        assert_eq!(
            told,
            [
                (
                    format!("acme.deals: {}; the same for acme.users, acme.tasks", refused("Deals", "")),
                    Some("check it")
                ),
                (
                    "acme.leads: version 2 of `leads__persons` stands; the same for acme.stages".to_owned(),
                    None
                ),
            ]
        );
    }

    #[test]
    fn times_follow_their_table() {
        for (seconds, text) in [(0.25, "0.2 s"), (59.4, "59.4 s"), (75.0, "1 min 15 s"), (3_725.0, "1 h 2 min")] {
            assert_eq!(time(seconds), text);
        }
    }

    #[test]
    fn what_was_rejected_is_counted_in_words() {
        let words = |records, values| rejected(records, " without a usable key", values, "unreadable value");
        assert_eq!(words(1, 0), "1 record without a usable key");
        assert_eq!(words(2, 1), "2 records without a usable key and 1 unreadable value");
        assert_eq!(words(0, 1_000), "1,000 unreadable values");
    }
}
