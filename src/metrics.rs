//! A run as Prometheus text, for node_exporter's textfile collector.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::commit::Manifest;
use crate::export::{RunReport, Status, TableReport};
use crate::visible;

/// A number of a table of the run.
type OfTable = fn(&TableReport) -> f64;
/// A number of a table of the lake, if it has one.
type OfManifest<'a> = dyn Fn(&Manifest) -> Option<f64> + 'a;

/// What a scrape is to show of a run and of the tables that it refreshed. `content` is what the lake holds after it: where a table failed, that of an
/// earlier run, so that the age of its savepoint goes on growing. Tables that are not of the run are left out: another run's file has them.
pub fn prometheus(report: &RunReport, content: &[Manifest]) -> String {
    let mut text = run(report.started_at, report.finished_at, u8::from(report.failed()));

    let of_run: [(&str, &str, OfTable); 12] = [
        ("success", "Whether the last run committed the table (1) or not (0)", |table| {
            f64::from(u8::from(!matches!(table.status, Status::Failed | Status::Skipped)))
        }),
        ("requests", "Requests that the last run sent, retries among them", |table| {
            table.requests as f64
        }),
        ("retries", "Requests that the last run sent again", |table| table.retries as f64),
        (
            "waited_seconds",
            "Time that the last run spent waiting for the vendor's limit",
            |table| table.waited_seconds,
        ),
        ("duration_seconds", "From the table's first request to its commit", |table| {
            table.seconds
        }),
        ("received_bytes", "Bytes of the pages that the last run read", |table| {
            table.received_bytes as f64
        }),
        ("rows_read", "Rows that the last run read from the vendor", |table| {
            table.rows_read as f64
        }),
        (
            "bad_cells",
            "Values that could not be read in the last run, null in the table",
            |table| table.bad_cells as f64,
        ),
        (
            "columns_gone",
            "Columns whose member no record of the last run had, though most rows of the lake had a value",
            |table| table.columns_gone.len() as f64,
        ),
        (
            "columns_bad",
            "Columns that had values in the last run, all of them unreadable",
            |table| table.columns_bad.len() as f64,
        ),
        (
            "rejected_records",
            "Records without a usable key that the last run left out",
            |table| table.rejected_records as f64,
        ),
        (
            "repeated_records",
            "Records that the last run met a second time and left out",
            |table| table.repeated_records as f64,
        ),
    ];
    for (name, help, value) in of_run {
        let name = format!("afluente_table_{name}");
        family(&mut text, &name, help);
        for table in &report.tables {
            sample(
                &mut text,
                &name,
                &labels(&table.connection, &table.source, &table.table),
                value(table),
            );
        }
    }

    let now = report.finished_at;
    let of_lake: [(&str, &str, &OfManifest<'_>); 6] = [
        ("rows", "Rows of the table in the lake", &|table| Some(table.rows as f64)),
        ("files", "Data files of the table in the lake", &|table| {
            Some(table.entries.len() as f64)
        }),
        ("bytes", "Bytes of its data files", &|table| Some(table.bytes as f64)),
        ("version", "Version of its manifest", &|table| Some(table.version as f64)),
        ("savepoint_timestamp_seconds", "How far its cursor has been read", &|table| {
            Some(table.savepoint?.timestamp_micros() as f64 / 1e6)
        }),
        ("savepoint_age_seconds", "Age of its savepoint when the last run ended", &|table| {
            Some((now - table.savepoint?).as_seconds_f64())
        }),
    ];
    let kept: Vec<&Manifest> = content.iter().filter(|manifest| is_of(report, manifest)).collect();
    for (name, help, value) in of_lake {
        let name = format!("afluente_table_{name}");
        family(&mut text, &name, help);
        for manifest in &kept {
            if let Some(value) = value(manifest) {
                let labels = labels(&manifest.connection, &manifest.source, &manifest.table);
                sample(&mut text, &name, &labels, value);
            }
        }
    }
    text
}

/// What a scrape is to show of a run that could not start. The tables are left out: nothing was learned of them.
pub fn not_started(began: DateTime<Utc>, ended: DateTime<Utc>) -> String {
    run(began, ended, 2)
}

/// What every run tells.
fn run(began: DateTime<Utc>, ended: DateTime<Utc>, exit_code: u8) -> String {
    let mut text = String::new();
    let numbers = [
        (
            "success",
            "Whether every table of the last run was committed (1) or not (0)",
            f64::from(u8::from(exit_code == 0)),
        ),
        (
            "exit_code",
            "How the last run ended: 0 all done, 1 at least one table failed, 2 it could not start",
            f64::from(exit_code),
        ),
        (
            "finished_timestamp_seconds",
            "When the last run ended",
            ended.timestamp_micros() as f64 / 1e6,
        ),
        ("duration_seconds", "How long the last run took", (ended - began).as_seconds_f64()),
    ];
    for (name, help, value) in numbers {
        let name = format!("afluente_run_{name}");
        family(&mut text, &name, help);
        sample(&mut text, &name, "", value);
    }
    text
}

fn is_of(report: &RunReport, manifest: &Manifest) -> bool {
    let mut tables = report.tables.iter();
    tables.any(|table| table.connection == manifest.connection && table.table == manifest.table)
}

/// All are gauges: a run is an event, and none of these numbers only grows.
fn family(text: &mut String, name: &str, help: &str) {
    // Write cannot fail on a String.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn sample(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = writeln!(text, "{name}{labels} {value}");
}

fn labels(connection: &str, source: &str, table: &str) -> String {
    format!(
        "{{connection=\"{}\",source=\"{}\",table=\"{}\"}}",
        escaped(connection),
        escaped(source),
        escaped(table)
    )
}

/// A label's value: shown, as all talk, and with what the format may not hold as it is, a backslash and a quote, behind a backslash.
fn escaped(value: &str) -> String {
    visible::message(value).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(table: &str, savepoint: Option<&str>) -> Manifest {
        serde_json::from_value(json!({
            "format_version": 1, "source": "ploomes", "connection": "ac\"me\\\n", "table": table, "version": 7, "run_id": "r",
            "committed_at": "2026-03-01T00:00:00Z", "mode": "full", "primary_key": ["id"], "partition": null, "savepoint": savepoint,
            "schema": {"fingerprint": "", "columns": []}, "rows": 2_000, "bytes": 4_096, "entries": [],
        }))
        .unwrap()
    }

    fn table(name: &str, status: Status) -> TableReport {
        TableReport {
            connection: "ac\"me\\\n".to_owned(),
            source: "ploomes".to_owned(),
            table: name.to_owned(),
            exploded_from: None,
            status,
            mode: "full",
            version: None,
            savepoint: None,
            rows_changed: 0,
            rows: 0,
            rows_read: 12,
            files: 0,
            bytes: 0,
            rejected_records: 0,
            bad_cells: 3,
            repeated_records: 0,
            requests: 5,
            retries: 1,
            pages: 4,
            received_bytes: 100,
            waited_seconds: 1.5,
            seconds: 2.25,
            columns_gone: Vec::new(),
            columns_bad: Vec::new(),
            warning: None,
            error: None,
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_table_is_called_a_sample_is_one_line(name in proptest::prelude::any::<String>()) {
            let found = labels(&name, "\u{1b}[2J\r\n", &name);
            proptest::prop_assert!(found.chars().all(visible::is_seen), "{found:?}");
            // Three labels, whatever quotes and backslashes are in the name.
            let plain = found.replace("\\\\", "").replace("\\\"", "");
            proptest::prop_assert_eq!(plain.matches('"').count(), 6, "{}", found);
        }
    }

    #[test]
    fn a_run_is_told_with_the_state_of_its_tables() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let report = RunReport {
            other_requests: 0,
            run_id: "r".to_owned(),
            afluente: "0",
            lake: "file:///lake".to_owned(),
            started_at: at("2026-03-01T00:00:00Z"),
            finished_at: at("2026-03-01T00:01:00.5Z"),
            tables: vec![table("deals", Status::Committed), table("tasks", Status::Failed)],
            warnings: Vec::new(),
            unwritten: None,
        };
        let content = [
            manifest("deals", Some("2026-02-28T23:00:00Z")),
            manifest("tasks", None),
            manifest("of_another_run", None),
        ];
        let text = prometheus(&report, &content);
        let deals = r#"{connection="ac\"me\\\\n",source="ploomes",table="deals"}"#;
        let tasks = r#"{connection="ac\"me\\\\n",source="ploomes",table="tasks"}"#;
        for line in [
            "afluente_run_success 0".to_owned(),
            "afluente_run_exit_code 1".to_owned(),
            "afluente_run_duration_seconds 60.5".to_owned(),
            "afluente_run_finished_timestamp_seconds 1772323260.5".to_owned(),
            format!("afluente_table_success{deals} 1"),
            format!("afluente_table_success{tasks} 0"),
            format!("afluente_table_rows_read{deals} 12"),
            format!("afluente_table_bad_cells{tasks} 3"),
            format!("afluente_table_waited_seconds{deals} 1.5"),
            format!("afluente_table_rows{tasks} 2000"),
            format!("afluente_table_savepoint_age_seconds{deals} 3660.5"),
            "# TYPE afluente_table_rows gauge".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("of_another_run"));
        assert!(
            !text.contains(&format!("afluente_table_savepoint_age_seconds{tasks}")),
            "it has no savepoint"
        );
        assert!(
            text.lines().all(|line| line.starts_with('#') || line.starts_with("afluente_")),
            "{text}"
        );
        assert!(text.ends_with('\n'));
    }
}
