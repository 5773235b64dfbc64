//! One line per table in flight and one for the run, drawn over each other on a terminal.
//!
//! ```text
//!                                          rows    rows/s        page  waited
//! exactsales.leads          ━━━━╸───      4,500       788        9/40     5 s
//! nectarcrm.contatos        ⠼               850       148          17     5 s
//! 0:12 3/31 tables          ━───────     60,099    10,525        61 requests
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::printer::{Printer, count, number};
use super::screen;
use crate::export::{Progress, State, Status, TableProgress};
use crate::visible::{padded, shown, width};

/// The lines of a run. They go when this is dropped.
pub struct Bars<'a> {
    printer: &'a Printer,
    progress: Arc<Progress>,
    began: Instant,
    /// Samples drawn so far: what the spinners turn by.
    drawn: usize,
    /// When each table in flight was first seen, by its place.
    seen: HashMap<usize, Instant>,
}

impl<'a> Bars<'a> {
    pub fn new(printer: &'a Printer, progress: Arc<Progress>) -> Self {
        Self {
            printer,
            progress,
            began: Instant::now(),
            drawn: 0,
            seen: HashMap::new(),
        }
    }

    /// Draws what the counts are now.
    pub fn draw(&mut self) {
        self.drawn += 1;
        let tables = &self.progress.tables;
        // The terminal may have been resized.
        let layout = Layout::new(
            screen::width().unwrap_or(screen::USUAL.0),
            tables.iter().map(|table| width(&name(table))),
        );
        let mut lines = vec![layout.heading()];
        let (mut ended, mut failed) = (0, 0);
        for (at, table) in tables.iter().enumerate() {
            match table.state() {
                State::Waiting => {}
                State::Reading if table.exploded_from.is_some() => {}
                State::Reading => {
                    let began = *self.seen.entry(at).or_insert_with(Instant::now);
                    lines.push(self.table(table, began, &layout));
                }
                State::Ended(report) => {
                    ended += 1;
                    failed += usize::from(report.status == Status::Failed);
                }
            }
        }
        lines.push(self.total(ended, failed, &layout));
        self.printer.screen().draw(lines);
    }

    fn table(&self, table: &TableProgress, began: Instant, layout: &Layout) -> String {
        let meter = table.meter.counts();
        let share = (meter.total_rows > 0).then(|| meter.rows as f64 / meter.total_rows as f64);
        // By the rows of a page so far: the vendors' pages are not always as long as asked.
        let pages = (meter.total_rows * meter.pages).checked_div(meter.rows).filter(|pages| *pages > 0);
        let page = match pages {
            Some(pages) => layout.page(meter.pages, pages.max(meter.pages)),
            None => number(meter.pages),
        };
        let waited = match meter.waited_ms / 1_000 {
            0 => String::new(),
            seconds => clock(Duration::from_secs(seconds)),
        };
        format!(
            "{}{}{}",
            layout.name(&name(table)),
            self.printer.good(&layout.bar(share, self.drawn)),
            layout.numbers(meter.rows, began.elapsed(), &page, &waited)
        )
    }

    fn total(&self, ended: usize, failed: usize, layout: &Layout) -> String {
        let tables = &self.progress.tables;
        let rows: u64 = tables.iter().map(|table| table.rows().max(table.meter.counts().rows)).sum();
        let requests: u64 = tables.iter().map(|table| table.meter.counts().requests).sum();
        let retries: u64 = tables.iter().map(|table| table.meter.counts().retries).sum();
        let elapsed = self.began.elapsed();
        let failed = if failed == 0 {
            String::new()
        } else {
            format!(" ({failed} failed)")
        };
        let name = format!("{} {ended}/{} tables{failed}", clock(elapsed), tables.len());
        let share = ended as f64 / tables.len().max(1) as f64;
        format!(
            "{}{}{}",
            self.printer.strong(&layout.name(&name)),
            self.printer.good(&layout.bar(Some(share), self.drawn)),
            self.printer.strong(&layout.total(rows, elapsed, requests, retries))
        )
    }
}

impl Drop for Bars<'_> {
    fn drop(&mut self) {
        self.printer.screen().draw(Vec::new());
    }
}

const ROWS: usize = 12;
const RATE: usize = 10;
const PAGE: usize = 12;
const WAITED: usize = 8;
/// Names are not cut shorter for the sake of other columns.
const NAME: usize = 20;
const BAR: usize = 8;
const LONGEST_BAR: usize = 40;
/// The terminal's own echo, such as `^C`, must not wrap a line: the lines could not be cleared any more.
const MARGIN: usize = 3;

/// The widths of the columns, each with the blank before it; those that have no room are left out.
#[derive(Debug, PartialEq)]
struct Layout {
    name: usize,
    bar: usize,
    rate: usize,
    page: usize,
    waited: usize,
}

impl Layout {
    fn new(columns: usize, names: impl Iterator<Item = usize>) -> Self {
        let longest = names.max().unwrap_or(0).max(NAME);
        let mut left = columns.saturating_sub(MARGIN + ROWS);
        let mut take = |width: usize| {
            if left >= NAME + width {
                left -= width;
                width
            } else {
                0
            }
        };
        let (waited, page, rate) = (take(WAITED), take(PAGE), take(RATE));
        let bar = take(BAR + 1);
        let name = longest.min(left);
        let bar = if bar == 0 { 0 } else { (bar + left - name).min(LONGEST_BAR + 1) };
        Self {
            name,
            bar,
            rate,
            page,
            waited,
        }
    }

    fn heading(&self) -> String {
        let blank = " ".repeat(self.name + self.bar);
        let columns = [("rows", ROWS), ("rows/s", self.rate), ("page", self.page), ("waited", self.waited)];
        columns.iter().fold(blank, |line, (text, width)| line + &right(text, *width))
    }

    /// A name in its column; of a long one the end is kept, where names of one connection differ.
    fn name(&self, name: &str) -> String {
        if width(name) <= self.name {
            return padded(name, self.name, true);
        }
        let mut tail = name;
        while width(tail) >= self.name && !tail.is_empty() {
            tail = tail.get(tail.chars().next().map_or(1, char::len_utf8)..).unwrap_or_default();
        }
        padded(&format!("…{tail}"), self.name, true)
    }

    /// A bar, or a spinner where nobody counts the rows.
    fn bar(&self, share: Option<f64>, drawn: usize) -> String {
        let Some(width) = self.bar.checked_sub(1) else {
            return String::new();
        };
        let Some(share) = share else {
            let spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'][drawn % 10];
            return format!(" {spinner}{}", " ".repeat(width - 1));
        };
        let halves = (share.clamp(0.0, 1.0) * 2.0 * width as f64) as usize;
        let (full, half) = (halves / 2, halves % 2);
        format!(" {}{}{}", "━".repeat(full), "╸".repeat(half), "─".repeat(width - full - half))
    }

    /// How many pages of how many; without the latter where it has no room.
    fn page(&self, pages: u64, of: u64) -> String {
        let text = format!("{}/{}", number(pages), number(of));
        if text.len() < self.page { text } else { number(pages) }
    }

    fn numbers(&self, rows: u64, elapsed: Duration, page: &str, waited: &str) -> String {
        let columns = [
            (number(rows), ROWS),
            (rate(rows, elapsed), self.rate),
            (page.to_owned(), self.page),
            (waited.to_owned(), self.waited),
        ];
        columns.iter().map(|(text, width)| right(text, *width)).collect()
    }

    fn total(&self, rows: u64, elapsed: Duration, requests: u64, retries: u64) -> String {
        let width = self.page + self.waited;
        let asked = count(requests, "request");
        let again = count(retries, "retry");
        let mut told = vec![format!("{asked}, {again}"), format!("{} req, {again}", number(requests)), asked];
        told.retain(|text| text.len() < width);
        if retries == 0 {
            told.reverse();
        }
        let asked = right(told.first().map_or("", String::as_str), width);
        format!("{}{}{asked}", right(&number(rows), ROWS), right(&rate(rows, elapsed), self.rate))
    }
}

fn name(table: &TableProgress) -> String {
    shown(&format!("{}.{}", table.connection, table.table)).into_owned()
}

fn rate(rows: u64, elapsed: Duration) -> String {
    number((rows as f64 / elapsed.as_secs_f64().max(0.001)) as u64)
}

/// | time | text |
/// |---|---|
/// | 9 s | `0:09` |
/// | 75 s | `1:15` |
/// | 3,725 s | `1:02:05` |
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A text at the right of its column, which holds at least a blank; nothing where the column is left out or too narrow.
fn right(text: &str, width: usize) -> String {
    match crate::visible::width(text) < width {
        true => padded(text, width, false),
        false => " ".repeat(width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(columns: usize) -> Vec<String> {
        let layout = Layout::new(columns, [16, 34].into_iter());
        let name = layout.name("ploomes.contacts_lines_of_business");
        let numbers = layout.numbers(12_345_678, Duration::from_secs(100), "1,234/5,678", "59:59");
        vec![
            layout.heading(),
            format!("{name}{}{numbers}", layout.bar(Some(0.5), 0)),
            format!("{name}{}{numbers}", layout.bar(None, 3)),
            format!(
                "{name}{}{}",
                layout.bar(Some(1.0), 0),
                layout.total(1, Duration::from_secs(1), 1, 0)
            ),
        ]
    }

    #[test]
    fn lines_are_of_one_width_and_leave_room_for_an_echo() {
        for columns in [20, 40, 60, 80, 100, 160, 300] {
            let widths: Vec<usize> = lines(columns).iter().map(|line| line.chars().count()).collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{columns}: {widths:?}");
            assert!(widths[0] + MARGIN <= columns.max(ROWS + MARGIN), "{columns}: {widths:?}");
        }
    }

    #[test]
    fn columns_appear_as_there_is_room() {
        let line = |columns: usize| lines(columns).swap_remove(1);
        assert_eq!(line(40), "…ntacts_lines_of_business  12,345,678");
        assert_eq!(line(60), "…ntacts_lines_of_business  12,345,678 1,234/5,678   59:59");
        assert_eq!(
            line(80),
            "…ontacts_lines_of_business ━━━━────  12,345,678   123,456 1,234/5,678   59:59"
        );
        assert!(
            line(160).starts_with("ploomes.contacts_lines_of_business ━━━━━━━━━"),
            "{}",
            line(160)
        );
    }

    #[test]
    fn pages_without_room_for_their_number_stand_alone() {
        let layout = Layout::new(80, [20].into_iter());
        assert_eq!(layout.page(1_234, 5_678), "1,234/5,678");
        assert_eq!(layout.page(12_345, 56_789), "12,345");
    }

    #[test]
    fn retries_are_told_as_there_is_room() {
        let layout = Layout::new(80, [20].into_iter());
        for (requests, retries, text) in [
            (1, 0, " 1 request"),
            (128, 0, " 128 requests"),
            (8, 1, " 8 requests, 1 retry"),
            (128, 5, " 128 req, 5 retries"),
            (128_000, 50, " 128,000 requests"),
        ] {
            let line = layout.total(1, Duration::from_secs(1), requests, retries);
            assert!(line.ends_with(text), "{line:?}");
        }
    }

    #[test]
    fn times_follow_their_table() {
        for (seconds, text) in [(9, "0:09"), (75, "1:15"), (3_725, "1:02:05")] {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }
}
