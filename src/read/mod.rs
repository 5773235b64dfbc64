//! One table, read page by page: requests in, [`Page`]s out through a bounded channel, so the next page is asked for while earlier ones are
//! decoded.
//!
//! ```text
//! Query + Pager → Request → http::Client → envelope → Seen → Page → channel
//!            ↑______________ what the page held ______|
//! ```
//!
//! | file | what |
//! |---|---|
//! | `query` | the parameters that stay the same from page to page: range, order, fixed ones |
//! | `promise` | what the vendor's filter promises of a range |
//! | `pagination` | what to ask for next and when to stop, without making requests |
//! | `window` | paging by position while rows come and go: windows that overlap, and when one must not be used |
//! | `order` | whether rows that come again stand in the order in which they stood |
//! | `resume` | where a read goes on |
//! | `envelope`, `identity` | one pass over a reply: its records, their keys, the API's count |
//! | `salvage` | a reply in another character set, or with single values that cannot be read |
//! | `answer` | replies that are no page and still an answer |
//! | `headers` | what a reply's headers tell of the count and the pages |
//! | `seen` | records read before, which are left out |
//! | `walk` | one walk from first page to last: a slice, or the rows of one parent |
//! | `parents` | the keys of another table, for tables asked for row by row |
//! | `probe` | the smallest request that shows that a table can be read |
//! | `estimate` | what a read will take |
//! | `memory` | what pages may weigh while they wait |
//!
//! A page is sent on only when it is whole, and a table ends only where the vendor's paging says so and, where the API counts its rows, no
//! fewer than it counts were read.

mod answer;
mod envelope;
mod estimate;
mod headers;
mod identity;
mod memory;
mod order;
mod pagination;
mod parents;
mod probe;
mod promise;
mod query;
mod resume;
mod salvage;
mod seen;
#[cfg(test)]
mod tests;
mod twins;
mod walk;
mod window;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use self::resume::Resume;
use self::walk::{Reader, Sink};
use crate::error::{Error, Result};
use crate::http::{Client, Meter};
use crate::page::Page;
use crate::schema::{Fetch, Source, Table};

pub use self::estimate::{Estimate, estimate};
pub use self::memory::Memory;
pub use self::probe::{Probe, gives_rows, probe};
pub use self::promise::promised;

/// What of a table to read, and with how much memory.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Rows whose cursor is at this time or later. What is read may hold earlier ones too: the vendor's filter is coarser, or ignored, or none.
    pub from: Option<DateTime<Utc>>,
    /// Rows whose cursor is before this time; likewise.
    pub until: Option<DateTime<Utc>>,
    /// Shared by all tables of a run.
    pub memory: Memory,
    /// Bytes for the keys seen of this table.
    pub seen_keys_limit: usize,
    /// Instead of the declaration's endpoints.
    pub endpoint: Option<String>,
    /// Goes on from here: the [`Page::resume`] of an earlier read of the same table and range. Only the rows after it are read.
    pub resume: Option<String>,
    /// Only the members of the primary key are asked for, where the vendor can be asked for some members only (see [`gives_keys_only`]); else
    /// records are whole.
    pub keys_only: bool,
}

impl ReadOptions {
    /// Everything, from the beginning, with this memory.
    pub fn all(memory: Memory, seen_keys_limit: usize) -> Self {
        Self {
            from: None,
            until: None,
            memory,
            seen_keys_limit,
            endpoint: None,
            resume: None,
            keys_only: false,
        }
    }
}

/// What was read of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Records sent on.
    pub rows: u64,
    /// Records left out because their key had been read. One that was changed meanwhile, and came again, is among them: what was sent on
    /// is how it was before, and the change lies after `began`.
    pub repeated: u64,
    /// The API's own count, where it gave one for all that was read, and for nothing else.
    pub counted: Option<u64>,
    /// Why there was nothing to read: the account has no such table.
    pub unavailable: Option<String>,
    /// A table read for each row of another: how many rows that one has.
    pub parents: u64,
    /// The keys of those that have none of this table's rows, as a path holds them: their request was answered 404, or that nothing was found.
    pub nothing_for: Vec<String>,
    /// How many of these were answered that nothing was found.
    pub not_found: u64,
    /// When the first page was asked for, by the vendor's clock and some seconds early (by our own clock and 5 minutes early where the vendor tells
    /// none): what was changed before is in what was read, what was changed later may be missing.
    pub began: DateTime<Utc>,
    /// Pages with records.
    pub pages: u64,
}

impl ReadSummary {
    /// What to know of a read that succeeded.
    pub fn warning(&self, table: &Table) -> Option<String> {
        let for_each = table.fetch()?.for_each.as_ref().filter(|_| self.not_found > 0)?;
        Some(format!(
            "for {} of {} rows of `{}` the vendor answered that it found nothing",
            self.not_found, self.parents, for_each.table
        ))
    }
}

/// Reads the table and sends its pages.
///
/// # Errors
/// Those of [`Client::get`], and [`Kind::Data`](crate::error::Kind::Data) where an answer is no page, where the paging would lose or double rows,
/// where fewer rows came than the API counts, where the keys seen outgrow their memory, or where `resume` is not a mark of this table
/// ([`check_resume`] tells before a request is made). The pages already sent are good but not the whole.
/// [`Kind::Stopped`](crate::error::Kind::Stopped) when the client's signal came or nobody takes the pages.
pub async fn read(
    client: &Client,
    source: &Source,
    table: &Table,
    options: &ReadOptions,
    meter: &Meter,
    pages: mpsc::Sender<Page>,
) -> Result<ReadSummary> {
    let work = async {
        let fetch = fetch(table)?;
        let sink = Sink::Pages {
            pages,
            memory: options.memory.clone(),
        };
        let mut reader = Reader::new(client, source, table, meter, options, sink)?;
        match &fetch.for_each {
            None => reader.run(&[None]).await?,
            Some(for_each) => {
                let parents = parents::read(client, source, for_each, meter, options.seen_keys_limit).await?;
                reader.began(parents.began);
                match parents.unavailable {
                    Some(reason) => reader.unavailable(reason),
                    None => {
                        reader.parents(&parents.ids);
                        reader.run(&parents.ids).await?;
                    }
                }
            }
        }
        Ok(reader.summary())
    };
    client.stop().race(work).await
}

/// Whether a read of the table can go on from here.
///
/// # Errors
/// [`Kind::Data`](crate::error::Kind::Data) where it cannot: the table has to be read from its beginning.
pub fn check_resume(table: &Table, resume: &str) -> Result<()> {
    Resume::parse(resume, table).map(drop)
}

/// Whether [`ReadOptions::keys_only`] makes a difference to this table.
pub fn gives_keys_only(table: &Table) -> bool {
    table.fetch().is_some_and(|fetch| query::key_members(table, fetch).is_some())
}

fn fetch(table: &Table) -> Result<&Fetch> {
    table.fetch().ok_or_else(|| {
        Error::defect(format!(
            "table `{}` is exploded from another and has no request of its own",
            table.id
        ))
    })
}
