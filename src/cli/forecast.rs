//! `afluente export --dry-run`: what a run would read.

use super::columns::aligned;
use super::printer::{Printer, count, json, number};
use crate::error::Result;
use crate::export::Forecast;

/// Writes the plan to stdout, as text or, where the log is JSON, as JSON.
pub(super) fn tell(printer: &Printer, forecasts: &[Forecast]) -> Result<()> {
    if printer.is_json() {
        return printer.data(&json(&forecasts)?);
    }
    printer.lines(&text(forecasts))?;
    for forecast in forecasts {
        if let Some(why) = &forecast.fails {
            printer.error(&format!("{}.{} would fail: {why}", forecast.connection, forecast.table), None);
        }
    }
    let sum = |of: fn(&Forecast) -> Option<u64>| forecasts.iter().filter_map(of).sum::<u64>();
    let unknown = forecasts.iter().filter(|forecast| forecast.requests.is_none()).count() as u64;
    let mut closing = format!(
        "{}: about {}{}; nothing was read or written",
        count(forecasts.len() as u64, "table"),
        count(sum(|forecast| forecast.requests), "request"),
        minutes(forecasts).map_or_else(String::new, |minutes| format!(", {minutes:.1} min at the vendors' limits"))
    );
    if unknown > 0 {
        closing.push_str(&format!(
            "; of {} the API does not say how many rows it has",
            count(unknown, "table")
        ));
    }
    printer.info(&closing);
    Ok(())
}

/// Of the connection that takes longest: they are read side by side, the tables of one share its limit.
fn minutes(forecasts: &[Forecast]) -> Option<f64> {
    let of_each = forecasts.chunk_by(|one, next| one.connection == next.connection);
    let sums = of_each.filter_map(|tables| tables.iter().filter_map(|table| table.minutes).reduce(|sum, minutes| sum + minutes));
    sums.max_by(f64::total_cmp)
}

fn text(forecasts: &[Forecast]) -> String {
    let head = ["table", "reads", "from", "until", "rows", "pages", "requests", "minutes", "then"];
    let mut rows = Vec::new();
    let known = |value: Option<u64>, guessed: bool| match value {
        Some(value) if guessed => format!("~{}", number(value)),
        Some(value) => number(value),
        None => "?".to_owned(),
    };
    let day = |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string());
    for forecast in forecasts {
        rows.push([
            format!("{}.{}", forecast.connection, forecast.table),
            forecast.reads.to_owned(),
            day(forecast.from),
            day(forecast.until),
            known(forecast.rows, false),
            known(forecast.pages, forecast.guessed),
            known(forecast.requests, forecast.guessed),
            forecast.minutes.map_or_else(|| "-".to_owned(), |minutes| format!("{minutes:.1}")),
            match (&forecast.fails, &forecast.unavailable) {
                (Some(_), _) => "fails".to_owned(),
                (None, Some(reason)) => reason.clone(),
                (None, None) => forecast.writes.to_owned(),
            },
        ]);
    }
    aligned(&head, &rows, 4..8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let known = Forecast {
            connection: "acme".to_owned(),
            table: "deals".to_owned(),
            reads: "incremental",
            from: chrono::DateTime::from_timestamp(1_767_225_600, 0),
            until: None,
            rows: Some(1_200),
            pages: Some(4),
            requests: Some(5),
            guessed: false,
            minutes: Some(0.05),
            writes: "merges what changed, by key",
            rows_now: 9,
            unavailable: None,
            fails: None,
        };
        let unknown = Forecast {
            rows: None,
            pages: None,
            requests: None,
            minutes: None,
            unavailable: Some("not in this account".to_owned()),
            ..known.clone()
        };
        let guessed = Forecast {
            rows: None,
            guessed: true,
            ..known.clone()
        };
        let text = text(&[known, unknown, guessed]);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1][..8],
            ["acme.deals", "incremental", "2026-01-01", "00:00", "-", "1,200", "4", "5"]
        );
        assert_eq!(lines[2][5..], ["?", "?", "?", "-", "not", "in", "this", "account"]);
        assert_eq!(lines[3][5..8], ["?", "~4", "~5"]);
    }
}
