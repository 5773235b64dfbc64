//! The table at the end of a run, laid out for the terminal's width, and what failed with its hint.

use super::printer::{Printer, number, size};
use crate::export::{RunReport, Status, TableReport};

/// Terminals narrower than this get short headings.
const WIDE: usize = 110;

/// Tells what a run did.
pub fn tell(printer: &Printer, report: &RunReport) {
    for line in lines(report, super::progress::terminal_width()) {
        printer.line(&line);
    }
    for table in &report.tables {
        let name = format!("{}.{}", table.connection, table.table);
        if let Some(warning) = &table.warning {
            printer.warning(&format!("{name}: {warning}"), None);
        }
        // The cause stands once, with the table that was read.
        if let (Some(error), None) = (&table.error, &table.exploded_from) {
            printer.error(&format!("{name}: {}", error.message), error.hint.as_deref());
        }
    }
    let rejected: u64 = report.tables.iter().map(|table| table.rejected_records).sum();
    let bad: u64 = report.tables.iter().map(|table| table.bad_cells).sum();
    if rejected + bad > 0 {
        let worst: Vec<String> = report
            .tables
            .iter()
            .filter(|table| table.rejected_records + table.bad_cells > 0)
            .map(|table| {
                format!(
                    "{}.{} ({} records, {} values)",
                    table.connection,
                    table.table,
                    number(table.rejected_records),
                    number(table.bad_cells)
                )
            })
            .collect();
        printer.warning(
            &format!(
                "{} records without a usable key and {} unreadable values were kept apart: {}",
                number(rejected),
                number(bad),
                worst.join(", ")
            ),
            Some(&format!(
                "read them in {}/<connection>/_rejected/*.parquet: table, key, column, raw text, reason",
                report.lake.trim_end_matches('/')
            )),
        );
    }
    if let Some(error) = &report.unwritten {
        printer.error(&format!("run report: {}", error.message), error.hint.as_deref());
    }
    printer.info(&closing(report));
}

fn closing(report: &RunReport) -> String {
    let committed = report.tables.iter().filter(|table| table.status == Status::Committed);
    let (mut tables, mut rows, mut bytes) = (0, 0, 0);
    for table in committed {
        tables += 1;
        rows += table.rows;
        bytes += table.bytes;
    }
    let requests: u64 = report.tables.iter().map(|table| table.requests).sum();
    let seconds = (report.finished_at - report.started_at).as_seconds_f64();
    let left = report.tables.len() - tables;
    let left = if left == 0 { String::new() } else { format!(", {left} not") };
    format!(
        "{tables} tables committed{left}: {} rows, {}, {} requests in {seconds:.1} s → {}",
        number(rows),
        size(bytes),
        number(requests),
        report.lake
    )
}

fn lines(report: &RunReport, width: usize) -> Vec<String> {
    let headings = if width >= WIDE {
        [
            "table", "rows", "files", "size", "rejected", "requests", "retries", "waited s", "seconds",
        ]
    } else {
        ["table", "rows", "files", "size", "rej", "req", "ret", "wait", "s"]
    };
    let mut rows: Vec<[String; 9]> = vec![headings.map(str::to_owned)];
    let mut connection = "";
    for table in &report.tables {
        if table.connection != connection {
            connection = &table.connection;
            rows.push(std::array::from_fn(
                |at| if at == 0 { connection.to_owned() } else { String::new() },
            ));
        }
        rows.push(cells(table));
    }
    let mut widths: [usize; 9] = std::array::from_fn(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
    let others: usize = widths[1..].iter().map(|width| width + 1).sum();
    widths[0] = widths[0].min(width.saturating_sub(others)).max(12);
    rows.iter()
        .map(|row| {
            let mut line = pad(&row[0], widths[0], true);
            for (cell, width) in row.iter().zip(widths).skip(1) {
                line.push(' ');
                line.push_str(&pad(cell, width, false));
            }
            line.trim_end().to_owned()
        })
        .collect()
}

fn cells(table: &TableReport) -> [String; 9] {
    let indent = if table.exploded_from.is_some() { "  └ " } else { "  " };
    let name = format!("{indent}{}", table.table);
    if table.status != Status::Committed {
        let mut row: [String; 9] = std::array::from_fn(|_| "-".to_owned());
        row[0] = name;
        row[1] = table.status.name().to_owned();
        return row;
    }
    let own = |text: String| if table.exploded_from.is_some() { String::new() } else { text };
    [
        name,
        number(table.rows),
        number(table.files),
        size(table.bytes),
        number(table.rejected_records + table.bad_cells),
        own(number(table.requests)),
        own(number(table.retries)),
        own(format!("{:.1}", table.waited_seconds)),
        own(format!("{:.1}", table.seconds)),
    ]
}

fn pad(text: &str, width: usize, left: bool) -> String {
    let length = text.chars().count();
    if length > width {
        let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
        cut.push('…');
        return cut;
    }
    let blank = " ".repeat(width - length);
    if left { format!("{text}{blank}") } else { format!("{blank}{text}") }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::export::Failure;

    fn table(name: &str, status: Status) -> TableReport {
        TableReport {
            connection: "acme".to_owned(),
            source: "exactsales".to_owned(),
            table: name.to_owned(),
            exploded_from: name.contains("__").then(|| "qualifications".to_owned()),
            status,
            mode: "full",
            version: Some(1),
            rows: 1_234_567,
            files: 12,
            bytes: 98_765_432,
            rejected_records: 3,
            bad_cells: 1,
            repeated_records: 0,
            requests: 2_470,
            retries: 2,
            pages: 2_469,
            received_bytes: 0,
            waited_seconds: 12.34,
            seconds: 61.04,
            warning: None,
            error: (status == Status::Failed).then(|| Failure {
                message: "no".to_owned(),
                hint: None,
            }),
        }
    }

    fn report() -> RunReport {
        RunReport {
            run_id: "r".to_owned(),
            afluente: "0",
            lake: "file:///lake".to_owned(),
            started_at: DateTime::UNIX_EPOCH,
            finished_at: DateTime::UNIX_EPOCH,
            unwritten: None,
            tables: vec![
                table("qualifications", Status::Committed),
                table("qualifications__questionanswers", Status::Committed),
                table("leads", Status::Failed),
            ],
        }
    }

    #[test]
    fn the_table_fits_80_and_160_columns() {
        for width in [80, 160] {
            for line in lines(&report(), width) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
        let wide = lines(&report(), 160).join("\n");
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

    #[test]
    fn the_closing_line_counts_what_was_committed() {
        assert_eq!(
            closing(&report()),
            "2 tables committed, 1 not: 2,469,134 rows, 188.4 MiB, 7,410 requests in 0.0 s → file:///lake"
        );
    }
}
