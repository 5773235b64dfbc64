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
//! | `pagination` | what to ask for next and when to stop, without making requests |
//! | `envelope`, `identity` | one pass over a reply: its records, their keys, the API's count |
//! | `seen` | records read before, which are left out |
//! | `walk` | one walk from first page to last: a slice, or the rows of one parent |
//! | `parents` | the keys of another table, for tables asked for row by row |
//! | `probe` | the smallest request that shows that a table can be read |
//! | `memory` | what pages may weigh while they wait |
//!
//! A page is sent on only when it is whole, and a table ends only where the vendor's paging says so and, where the API counts its rows, no
//! fewer than it counts were read.

mod envelope;
mod identity;
mod memory;
mod pagination;
mod parents;
mod probe;
mod query;
mod seen;
#[cfg(test)]
mod tests;
mod walk;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use self::walk::{Reader, Sink};
use crate::error::{Error, Result};
use crate::http::{Client, Meter};
use crate::page::Page;
use crate::schema::{Fetch, Source, Table};

pub use self::memory::Memory;
pub use self::probe::{Probe, probe};

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
    /// Where an unfinished read goes on: what a page of it said.
    pub resume: Option<String>,
    /// Only the keys are wanted.
    pub keys_only: bool,
}

/// What was read of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// When the read began, by the vendor's clock.
    pub began: DateTime<Utc>,
    /// Pages with records.
    pub pages: u64,
    /// Records sent on.
    pub rows: u64,
    /// Records left out because their key had been read.
    pub repeated: u64,
    /// The API's own count, where it gave one for all that was read.
    pub counted: Option<u64>,
    /// Why there was nothing to read: the account has no such table.
    pub unavailable: Option<String>,
}

/// Reads the table and sends its pages.
///
/// # Errors
/// Those of [`Client::get`], and [`Kind::Data`](crate::error::Kind::Data) where an answer is no page, where the paging would lose or double rows,
/// where fewer rows came than the API counts, or where the keys seen outgrow their memory. The pages already sent are good but not the whole.
/// [`Kind::Stopped`](crate::error::Kind::Stopped) when the client's signal came or nobody takes the pages.
pub async fn read(
    client: &Client,
    source: &Source,
    table: &Table,
    options: &ReadOptions,
    meter: &Meter,
    pages: mpsc::Sender<Page>,
) -> Result<ReadSummary> {
    let began = Utc::now() - chrono::Duration::seconds(300);
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
                match parents.unavailable {
                    Some(reason) => reader.unavailable(reason),
                    None => reader.run(&parents.ids).await?,
                }
            }
        }
        Ok(ReadSummary {
            began,
            pages: meter.counts().pages,
            ..reader.summary()
        })
    };
    client.stop().race(work).await
}

fn fetch(table: &Table) -> Result<&Fetch> {
    table.fetch().ok_or_else(|| {
        Error::defect(format!(
            "table `{}` is exploded from another and has no request of its own",
            table.id
        ))
    })
}
