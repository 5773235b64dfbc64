//! What a vendor's filter promises, so that rows outside of it are known to be a filter that was not honoured.
//!
//! | filter | promise |
//! |---|---|
//! | none, or one that is not sent | nothing |
//! | `rfc3339` | the range, to two seconds: times are sent in whole seconds |
//! | `date`, `dmy` | the range, two days longer at its beginning and three at its end: days are sent, the last may count whole, and their zone may be another than ours |

use chrono::{DateTime, TimeDelta, Utc};

use super::query::is_sent;
use crate::schema::{CursorFormat, Table};

/// The range outside of which a vendor that was asked for rows from `from` on and before `until` sends none.
pub fn promised(
    table: &Table,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let replication = &table.replication;
    let (before, after) = match replication.format {
        CursorFormat::Rfc3339 => (TimeDelta::seconds(2), TimeDelta::seconds(2)),
        CursorFormat::Date | CursorFormat::Dmy => (TimeDelta::days(2), TimeDelta::days(3)),
    };
    let from = from.filter(|_| replication.from.is_some() && is_sent(replication));
    let until = until.filter(|_| replication.until.is_some());
    (
        from.and_then(|from| from.checked_sub_signed(before)),
        until.and_then(|until| until.checked_add_signed(after)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Catalog, Mode};

    #[test]
    fn promises_follow_their_table() {
        let catalog = Catalog::embedded().unwrap();
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (from, until) = (time("2026-03-10T15:00:00Z"), time("2026-03-12T15:00:00Z"));
        for (name, expected) in [
            ("ploomes.deals", (Some("2026-03-10T14:59:58Z"), Some("2026-03-12T15:00:02Z"))),
            ("nectarcrm.contatos", (Some("2026-03-08T15:00:00Z"), Some("2026-03-15T15:00:00Z"))),
            ("exactsales.boxes", (Some("2026-03-08T15:00:00Z"), Some("2026-03-15T15:00:00Z"))),
            // What is made of the filter is not known, so it is not sent; this one has no end.
            ("customerx.clients", (None, None)),
            ("ploomes.deals_stages", (None, None)),
        ] {
            let (source, table) = name.split_once('.').unwrap();
            let table = &catalog.source(source).unwrap().tables[table];
            let expected = (expected.0.map(time), expected.1.map(time));
            assert_eq!(promised(table, Some(from), Some(until)), expected, "{name}");
            assert_eq!(promised(table, None, None), (None, None), "{name}");
        }
        let mut clients = catalog.source("customerx").unwrap().tables["clients"].clone();
        clients.replication.mode = Mode::Incremental;
        assert_eq!(
            promised(&clients, Some(from), Some(until)),
            (Some(time("2026-03-08T15:00:00Z")), None)
        );
    }
}
