//! One request that shows whether a table can be read.

use super::envelope::Envelope;
use super::identity::Picks;
use super::memory::Memory;
use super::pagination::Pager;
use super::walk::{Reader, Sink};
use super::{ReadOptions, fetch, parents};
use crate::error::Result;
use crate::http::{Client, Meter};
use crate::json::{Scanner, key_matches};
use crate::page::Page;
use crate::schema::{Source, Table};

/// What a table answers to one small request.
#[derive(Debug, Default)]
pub struct Probe {
    /// The first page: of as many records as were asked for where a size can be, of what the vendor gives where not.
    pub page: Option<Page>,
    /// The API's own count: of the first slice, or of one parent's rows, where the table is read in parts.
    pub counted: Option<u64>,
    /// Why there is nothing to read: the account has no such table.
    pub unavailable: Option<String>,
    /// The member that holds the values of custom fields, if it was asked for and the record came without it.
    pub without: Option<String>,
}

/// Asks for so many rows of the table (for a table read for each row of another: for one row of that one, and then its own). `endpoint` stands
/// instead of the declaration's.
///
/// # Errors
/// As [`read`](super::read).
pub async fn probe(client: &Client, source: &Source, table: &Table, endpoint: Option<&str>, rows: u32, meter: &Meter) -> Result<Probe> {
    let work = async {
        let id = match &fetch(table)?.for_each {
            None => None,
            Some(for_each) => {
                let parent = parents::parent(source, for_each)?;
                let page = match first_page(client, source, parent, None, None, 1, meter).await? {
                    First::Page(page) => page,
                    First::Unavailable(reason) => return Ok(Probe::unavailable(reason)),
                    First::None => return Ok(Probe::default()),
                };
                let mut ids = Vec::new();
                parents::collect(&Picks::key(parent)?, &decodable(page), &mut ids)?;
                match ids.into_iter().next().flatten() {
                    Some(id) => Some(id),
                    None => return Ok(Probe::default()),
                }
            }
        };
        Ok(
            match first_page(client, source, table, id.as_deref(), endpoint, rows, meter).await? {
                First::Page(page) => Probe {
                    counted: page.count,
                    unavailable: None,
                    without: without(source, table, &page),
                    page: Some(decodable(page)),
                },
                First::Unavailable(reason) => Probe::unavailable(reason),
                First::None => Probe::default(),
            },
        )
    };
    client.stop().race(work).await
}

/// Whether the vendor gives a row of the range, when it is asked for one.
///
/// # Errors
/// As [`read`](super::read).
pub async fn gives_rows(client: &Client, source: &Source, table: &Table, options: &ReadOptions, meter: &Meter) -> Result<bool> {
    let first = first_page_of(client, source, table, None, options, 1, meter);
    let first = client.stop().race(first).await?;
    Ok(matches!(first, First::Page(page) if !page.records.is_empty()))
}

fn decodable(page: Envelope) -> Page {
    Page {
        records: page.records.into_iter().map(|record| record.range).collect(),
        body: page.body,
        twins: Vec::new(),
        resume: None,
        began: chrono::DateTime::UNIX_EPOCH,
        memory: None,
    }
}

impl Probe {
    fn unavailable(reason: String) -> Self {
        Self {
            unavailable: Some(reason),
            ..Self::default()
        }
    }
}

fn without(source: &Source, table: &Table, page: &Envelope) -> Option<String> {
    let custom = source.custom_fields.as_ref().filter(|_| !table.fields.is_empty())?;
    let record = page.body.get(page.records.first()?.range.clone())?;
    let mut scanner = Scanner::new(std::str::from_utf8(record).ok()?);
    scanner.begin_object().ok()?;
    while let Some(name) = scanner.next_key().ok()? {
        if key_matches(name, &custom.items) {
            return None;
        }
        scanner.skip().ok()?;
    }
    Some(custom.items.clone())
}

enum First {
    Page(Envelope),
    /// The account has no such table.
    Unavailable(String),
    /// This parent's row has none.
    None,
}

async fn first_page(
    client: &Client,
    source: &Source,
    table: &Table,
    id: Option<&str>,
    endpoint: Option<&str>,
    rows: u32,
    meter: &Meter,
) -> Result<First> {
    let options = ReadOptions {
        endpoint: endpoint.map(str::to_owned),
        ..ReadOptions::all(Memory::new(1), usize::MAX)
    };
    first_page_of(client, source, table, id, &options, rows, meter).await
}

async fn first_page_of(
    client: &Client,
    source: &Source,
    table: &Table,
    id: Option<&str>,
    options: &ReadOptions,
    rows: u32,
    meter: &Meter,
) -> Result<First> {
    let sink = Sink::Ids {
        column: Picks::default(),
        ids: Vec::new(),
    };
    let mut reader = Reader::new(client, source, table, meter, options, sink)?;
    let pager = Pager::first(&fetch(table)?.pagination, rows);
    let slice = reader.slices().into_iter().next().flatten();
    match reader.first_page(id, slice, &pager).await {
        Ok(Some(page)) => Ok(First::Page(page)),
        Ok(None) => Ok(First::None),
        Err(failure) if reader.absent(&failure) => Ok(First::Unavailable(failure.error.message().to_owned())),
        Err(failure) => Err(failure.error),
    }
}
