//! `afluente status`: the tables of a lake and their age.

use chrono::{DateTime, SecondsFormat, Utc};

use super::args::{ListArgs, ListFormat};
use super::columns::aligned;
use super::printer::{Printer, count, json, number, size};
use super::{Done, lake};
use crate::commit;
use crate::error::Result;
use crate::status::{TableStatus, status};

pub(super) async fn run(args: &ListArgs, printer: &Printer) -> Result<Done> {
    let (lake, config) = lake::open(&args.lake)?;
    let listing = lake::list(&lake, &args.lake.connections).await?;
    let tables = status(&lake, &commit::content_of(&lake, &listing).await?).await?;
    match args.output {
        ListFormat::Json => printer.data(&json(&tables)?)?,
        ListFormat::Text => printer.lines(&text(&tables, Utc::now()))?,
    }
    if tables.is_empty() {
        printer.info(&lake::empty(&lake));
        return Ok(Done::All);
    }
    let total = |of: fn(&TableStatus) -> u64| tables.iter().map(of).sum();
    printer.info(&format!(
        "{} in {}: {}, {}, {}",
        count(tables.len() as u64, "table"),
        lake.url(""),
        count(total(|table| table.rows), "row"),
        count(total(|table| table.files), "file"),
        size(total(|table| table.bytes))
    ));
    let older = total(|table| table.older_files);
    if older > 0 {
        printer.warning(
            &format!(
                "{} of an earlier version: older readers may refuse them (docs/readers.md)",
                count(older, "data file")
            ),
            Some("`afluente compact` writes them anew, from the lake alone"),
        );
    }
    lake::tell_strangers(&config, &args.lake, tables.iter().map(|table| &table.connection), printer);
    Ok(Done::All)
}

fn text(tables: &[TableStatus], now: DateTime<Utc>) -> String {
    let row = |table: &TableStatus| {
        let mut last = age(now, table.last_success);
        if table.unfinished {
            last.push_str(", first load unfinished: the next export goes on with it");
        }
        [
            format!("{}.{}", table.connection, table.table),
            number(table.rows),
            number(table.files),
            size(table.bytes),
            table.version.to_string(),
            table
                .savepoint
                .map_or_else(|| "-".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
            last,
        ]
    };
    let rows: Vec<[String; 7]> = tables.iter().map(row).collect();
    aligned(
        &["table", "rows", "files", "bytes", "version", "savepoint", "last success"],
        &rows,
        1..5,
    )
}

/// | seconds | text |
/// |---|---|
/// | 59 | `59s ago` |
/// | 3,599 | `59m ago` |
/// | 7,260 | `2h 1m ago` |
/// | 90,000 | `1d 1h ago` |
fn age(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    // A clock that is behind that of the run makes no age of it.
    let seconds = (now - then).num_seconds().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s ago"),
        (0, 0, _) => format!("{minutes}m ago"),
        (0, _, _) => format!("{hours}h {}m ago", minutes % 60),
        _ => format!("{days}d {}h ago", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn ages_follow_their_table() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        for (seconds, text) in [
            (-5, "0s ago"),
            (59, "59s ago"),
            (3_599, "59m ago"),
            (7_260, "2h 1m ago"),
            (90_000, "1d 1h ago"),
        ] {
            assert_eq!(age(now, now - TimeDelta::seconds(seconds)), text);
        }
    }
}
