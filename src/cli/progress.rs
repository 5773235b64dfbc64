//! Progress while a run goes on: bars on a terminal, a line per table elsewhere, or a JSON object per table.
//!
//! The display samples what the export counts; the export knows nothing of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::args::ProgressMode;
use super::bars::Bars;
use super::printer::{Printer, count, number, size};
use super::screen::Screen;
use crate::export::{Progress, State, Status, TableProgress, TableReport};

/// How often the counts are sampled.
const SAMPLE: Duration = Duration::from_millis(100);
/// How often lines tell of a table that is still read.
const STILL_READING: Duration = Duration::from_secs(30);

/// Shows how far a run is.
pub struct Display<'a> {
    printer: &'a Printer,
    progress: Arc<Progress>,
    mode: ProgressMode,
    told: Vec<bool>,
    bars: Option<Bars<'a>>,
    last_line: Instant,
}

impl<'a> Display<'a> {
    /// A display of this run.
    pub fn new(printer: &'a Printer, progress: Arc<Progress>, mode: ProgressMode) -> Self {
        let mode = match mode {
            _ if printer.is_quiet() => ProgressMode::None,
            ProgressMode::Auto if printer.is_json() => ProgressMode::Json,
            ProgressMode::Auto | ProgressMode::Bar if Screen::is_possible() => ProgressMode::Bar,
            ProgressMode::Auto | ProgressMode::Bar => ProgressMode::Plain,
            mode => mode,
        };
        Self {
            printer,
            told: vec![false; progress.tables.len()],
            bars: (mode == ProgressMode::Bar).then(|| Bars::new(printer, progress.clone())),
            progress,
            mode,
            last_line: Instant::now(),
        }
    }

    /// Whether each failure is told in full as it happens, as an object of a JSON log; otherwise the summary tells it.
    pub fn tells_failures(&self) -> bool {
        self.mode == ProgressMode::Json && self.printer.is_json()
    }

    /// Shows progress while the run goes on, and what has ended since the last sample when it is over.
    pub async fn during<T>(mut self, run: impl Future<Output = T>) -> T {
        let mut run = std::pin::pin!(run);
        loop {
            tokio::select! {
                outcome = &mut run => {
                    self.sample();
                    return outcome;
                }
                () = tokio::time::sleep(SAMPLE) => self.sample(),
            }
        }
    }

    /// Shows what the counts are now.
    fn sample(&mut self) {
        if let Some(bars) = &mut self.bars {
            return bars.draw();
        }
        let lines = matches!(self.mode, ProgressMode::Plain | ProgressMode::Json);
        if !lines {
            return;
        }
        let still = self.last_line.elapsed() >= STILL_READING;
        if still {
            self.last_line = Instant::now();
        }
        for (told, table) in self.told.iter_mut().zip(&self.progress.tables) {
            if *told {
                continue;
            }
            match table.state() {
                State::Reading if still && table.exploded_from.is_none() => reading(self.printer, self.mode, table),
                State::Waiting | State::Reading => {}
                State::Ended(report) => {
                    *told = true;
                    ended(self.printer, self.mode, &report);
                }
            }
        }
    }
}

fn reading(printer: &Printer, mode: ProgressMode, table: &TableProgress) {
    let meter = table.meter.counts();
    let mut text = format!(
        "{}.{}: reading, {}, {}",
        table.connection,
        table.table,
        count(meter.rows, "row"),
        count(meter.pages, "page")
    );
    if meter.waited_ms >= 1_000 {
        text.push_str(&format!(", waited {} s", meter.waited_ms / 1_000));
    }
    if mode != ProgressMode::Json {
        return printer.info(&text);
    }
    let members = serde_json::json!({
        "connection": table.connection, "source": table.source, "table": table.table, "status": "reading",
        "rows": meter.rows, "pages": meter.pages, "requests": meter.requests, "retries": meter.retries,
        "waited_seconds": meter.waited_ms as f64 / 1_000.0,
    });
    printer.object("info", &text, members);
}

fn ended(printer: &Printer, mode: ProgressMode, report: &TableReport) {
    if mode == ProgressMode::Json {
        let level = if report.status == Status::Failed { "error" } else { "info" };
        let members = serde_json::to_value(report).unwrap_or_default();
        printer.object(level, &outcome(report), members);
    } else if report.status.is_done() || report.status == Status::Failed && report.exploded_from.is_none() {
        // What is exploded fails with its parent, and what was not reached is counted at the end.
        printer.info(&outcome(report));
    }
}

/// A table's outcome in one line. Why it failed is told in the summary, with a hint.
fn outcome(report: &TableReport) -> String {
    let mut parts = Vec::new();
    match report.status {
        Status::Committed => parts.extend([count(report.rows, "row"), count(report.files, "file"), size(report.bytes)]),
        Status::Unchanged => parts.extend([count(report.rows, "row"), report.status.name().to_owned()]),
        other => parts.push(other.name().to_owned()),
    }
    let rejected = report.rejected_records + report.bad_cells;
    if rejected > 0 {
        parts.push(format!("{} rejected", number(rejected)));
    }
    if report.exploded_from.is_none() && report.status != Status::Skipped {
        parts.push(count(report.requests, "request"));
        if report.retries > 0 {
            parts.push(count(report.retries, "retry"));
        }
        if report.waited_seconds >= 1.0 {
            parts.push(format!("waited {:.0} s", report.waited_seconds));
        }
        parts.push(format!("{:.1} s", report.seconds));
    }
    format!("{}.{}: {}", report.connection, report.table, parts.join(", "))
}
