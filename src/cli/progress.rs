//! Progress while a run goes on: bars on a terminal, a line per table elsewhere, or a JSON object per table.
//!
//! The display samples what the export counts; the export knows nothing of it.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::args::ProgressMode;
use super::printer::{Printer, number, size};
use crate::export::{Progress, State, Status, TableProgress, TableReport};

/// How often the counts are sampled.
const SAMPLE: Duration = Duration::from_millis(100);
/// How often plain lines tell of a table that is still read.
const STILL_READING: Duration = Duration::from_secs(30);

/// Shows how far a run is.
pub struct Display<'a> {
    printer: &'a Printer,
    progress: Arc<Progress>,
    mode: ProgressMode,
    began: Instant,
    told: Vec<bool>,
    bars: HashMap<usize, ProgressBar>,
    total: Option<ProgressBar>,
    last_line: Instant,
}

impl<'a> Display<'a> {
    /// A display of this run.
    pub fn new(printer: &'a Printer, progress: Arc<Progress>, mode: ProgressMode) -> Self {
        let mode = match mode {
            _ if printer.is_quiet() => ProgressMode::None,
            ProgressMode::Auto if printer.is_json() => ProgressMode::Json,
            ProgressMode::Auto if std::io::stderr().is_terminal() => ProgressMode::Bar,
            ProgressMode::Auto => ProgressMode::Plain,
            mode => mode,
        };
        let total = (mode == ProgressMode::Bar).then(|| {
            let bar = printer.bars().add(ProgressBar::new(progress.tables.len() as u64));
            bar.set_style(style("{prefix} {wide_bar} {msg}"));
            bar.set_prefix(fixed("total"));
            bar
        });
        Self {
            printer,
            told: vec![false; progress.tables.len()],
            progress,
            mode,
            began: Instant::now(),
            bars: HashMap::new(),
            total,
            last_line: Instant::now(),
        }
    }

    /// Shows progress while the run goes on, and what has ended since the last sample when it is over.
    pub async fn during<T>(mut self, run: impl Future<Output = T>) -> T {
        let mut run = std::pin::pin!(run);
        loop {
            tokio::select! {
                outcome = &mut run => {
                    self.finish();
                    return outcome;
                }
                () = tokio::time::sleep(SAMPLE) => self.sample(),
            }
        }
    }

    /// Shows what the counts are now.
    fn sample(&mut self) {
        if self.mode == ProgressMode::None {
            return;
        }
        let progress = self.progress.clone();
        for (at, table) in progress.tables.iter().enumerate() {
            match table.state() {
                State::Waiting => {}
                State::Reading if self.mode == ProgressMode::Bar && table.exploded_from.is_none() => self.draw(at, table),
                State::Reading => {}
                State::Ended(report) if !self.told[at] => {
                    self.told[at] = true;
                    if let Some(bar) = self.bars.remove(&at) {
                        bar.finish_and_clear();
                    }
                    self.tell(&report);
                }
                State::Ended(_) => {}
            }
        }
        self.draw_total();
        if self.mode == ProgressMode::Plain && self.last_line.elapsed() >= STILL_READING {
            self.last_line = Instant::now();
            for table in progress
                .tables
                .iter()
                .filter(|table| table.exploded_from.is_none() && matches!(table.state(), State::Reading))
            {
                self.printer.line(&format!(
                    "{}.{}: reading, {}",
                    table.connection,
                    table.table,
                    counts(table, self.began)
                ));
            }
        }
    }

    fn finish(mut self) {
        self.sample();
        for bar in self.bars.values() {
            bar.finish_and_clear();
        }
        if let Some(total) = &self.total {
            total.finish_and_clear();
        }
    }

    fn draw(&mut self, at: usize, table: &TableProgress) {
        let printer = self.printer;
        let began = self.began;
        let bar = self.bars.entry(at).or_insert_with(|| {
            let bar = match &self.total {
                Some(total) => printer.bars().insert_before(total, ProgressBar::no_length()),
                None => printer.bars().add(ProgressBar::no_length()),
            };
            bar.set_style(style("{prefix} {spinner} {wide_msg}"));
            bar.set_prefix(fixed(&format!("{}.{}", table.connection, table.table)));
            bar.enable_steady_tick(SAMPLE);
            bar
        });
        let meter = table.meter.counts();
        if meter.total_rows > 0 && bar.length() != Some(meter.total_rows) {
            bar.set_style(style("{prefix} {wide_bar} {msg}"));
            bar.set_length(meter.total_rows);
        }
        bar.set_position(meter.rows);
        bar.set_message(counts(table, began));
    }

    fn draw_total(&self) {
        let Some(bar) = &self.total else { return };
        let ended = self.told.iter().filter(|told| **told).count();
        let rows: u64 = self.progress.tables.iter().map(TableProgress::rows).sum();
        let requests: u64 = self.progress.tables.iter().map(|table| table.meter.counts().requests).sum();
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        bar.set_position(ended as u64);
        bar.set_message(format!(
            "{ended}/{} tables  {} rows  {}/s  {} requests",
            self.told.len(),
            number(rows),
            number((rows as f64 / seconds) as u64),
            number(requests)
        ));
    }

    fn tell(&self, report: &TableReport) {
        match self.mode {
            ProgressMode::Json => self.printer.line(&serde_json::to_string(report).unwrap_or_default()),
            ProgressMode::Plain => self.printer.line(&ended(report)),
            // The bars go and the summary tells.
            ProgressMode::Bar | ProgressMode::Auto | ProgressMode::None => {}
        }
    }
}

/// Columns of the terminal on stderr; 80 where there is none.
pub fn terminal_width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

fn counts(table: &TableProgress, began: Instant) -> String {
    let meter = table.meter.counts();
    let seconds = began.elapsed().as_secs_f64().max(0.001);
    let mut text = format!("{} rows  {}/s", number(meter.rows), number((meter.rows as f64 / seconds) as u64));
    text.push_str(&format!("  page {}", number(meter.pages)));
    // By the rows of a page so far: the vendors' pages are not always as long as asked.
    if let Some(pages) = (meter.total_rows * meter.pages)
        .checked_div(meter.rows)
        .filter(|_| meter.total_rows > 0)
    {
        text.push_str(&format!(" of {}", number(pages.max(meter.pages))));
    }
    if meter.waited_ms >= 1_000 {
        text.push_str(&format!("  waited {} s", meter.waited_ms / 1_000));
    }
    text
}

fn ended(report: &TableReport) -> String {
    let name = format!("{}.{}", report.connection, report.table);
    match (report.status, &report.error) {
        (Status::Committed, _) => format!(
            "{name}: {} rows, {} files, {}, {} requests, {:.1} s",
            number(report.rows),
            number(report.files),
            size(report.bytes),
            number(report.requests),
            report.seconds
        ),
        (Status::Failed, Some(error)) => format!("{name}: failed: {}", error.message),
        (status, _) => format!("{name}: {}", status.name()),
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template that does not parse would be a defect seen at the first run; the default bar still works.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸ ")
}

/// A name in a column of its own, so that the bars stand under each other.
fn fixed(name: &str) -> String {
    let width = if terminal_width() >= 120 { 44 } else { 26 };
    let length = name.chars().count();
    if length <= width {
        return format!("{name}{}", " ".repeat(width - length));
    }
    let tail: String = name.chars().skip(length - (width - 1)).collect();
    format!("…{tail}")
}
