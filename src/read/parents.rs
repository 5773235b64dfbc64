//! The keys of another table, for a table that is asked for row by row.

use chrono::{DateTime, Utc};

use super::identity::Picks;
use super::memory::Memory;
use super::walk::{Reader, Sink};
use super::{ReadOptions, ReadSummary};
use crate::error::{Error, Kind, Result};
use crate::http::{Client, Meter};
use crate::json::{Scanner, Value, unescape};
use crate::page::Page;
use crate::schema::{ForEach, Source, Table};

/// The rows of the other table.
pub(super) struct Parents {
    /// The key of each, as a path holds it, not encoded. Never none; a list of walks takes them as they are.
    pub ids: Vec<Option<String>>,
    /// Why there are none.
    pub unavailable: Option<String>,
    /// As in [`ReadSummary`].
    pub began: DateTime<Utc>,
}

/// Reads all keys first: while the rows of one parent after the other are asked for, paging through the parents would stand still for too long.
pub(super) async fn read(client: &Client, source: &Source, for_each: &ForEach, meter: &Meter, keys_limit: usize) -> Result<Parents> {
    let parent = parent(source, for_each)?;
    let options = ReadOptions::all(Memory::new(1), keys_limit);
    let sink = Sink::Ids {
        column: Picks::key(parent)?,
        ids: Vec::new(),
    };
    let mut reader = Reader::new(client, source, parent, meter, &options, sink)?;
    reader
        .run(&[None])
        .await
        .map_err(|error| error.context(format!("reading `{}` for its rows", parent.id)))?;
    let ReadSummary { unavailable, began, .. } = reader.summary();
    let ids = match reader.sink() {
        Sink::Ids { ids, .. } => ids,
        Sink::Pages { .. } => Vec::new(),
    };
    Ok(Parents { ids, unavailable, began })
}

/// The table whose rows are asked about.
pub(super) fn parent<'a>(source: &'a Source, for_each: &ForEach) -> Result<&'a Table> {
    source
        .tables
        .get(&for_each.table)
        .ok_or_else(|| Error::defect(format!("`for_each` names the unknown table `{}`", for_each.table)))
}

/// Adds the keys of a page; a record without one has nothing to ask about.
pub(super) fn collect(column: &Picks, page: &Page, ids: &mut Vec<Option<String>>) -> Result<()> {
    let mut picked = Vec::new();
    for text in page.texts().filter(|text| text.starts_with('{')) {
        let malformed = |_| Error::defect("a record found in a page is not JSON");
        column.pick(&mut Scanner::new(text), &mut picked).map_err(malformed)?;
        let unreadable = |value: &Value<'_>| page.damage.as_ref().is_some_and(|damage| damage.in_piece(value.raw).is_some());
        if let Some(value) = picked.first().copied().flatten().filter(|value| !unreadable(value)) {
            let id = match value.contents() {
                None => value.raw.to_owned(),
                Some(raw) => unescape(raw)
                    .map_err(|_| Error::new(Kind::Data, format!("expected an id, found the broken text {}", value.raw)))?
                    .into_owned(),
            };
            ids.push(Some(id));
        }
    }
    Ok(())
}
