//! What a read will take, by the API's own count.

use super::identity::Picks;
use super::memory::Memory;
use super::pagination::Pager;
use super::resume::Resume;
use super::walk::{Reader, Sink};
use super::{ReadOptions, fetch};
use crate::error::Result;
use crate::http::{Client, Meter};
use crate::schema::{Source, Table};

/// What a read will take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Rows in the range, where the API counts them.
    pub rows: Option<u64>,
    /// Rows asked for in one request, where the vendor lets one ask.
    pub page_size: Option<u32>,
    /// Requests, the one that shows that nothing follows among them; none where it is not known how many rows there are.
    pub requests: Option<u64>,
    /// Why there is nothing to read: the account has no such table.
    pub unavailable: Option<String>,
}

/// Estimates a read with these options: with one small request for each slice where the API counts the table's rows, with none where it does not.
///
/// # Errors
/// As [`read`](super::read).
pub async fn estimate(client: &Client, source: &Source, table: &Table, options: &ReadOptions, meter: &Meter) -> Result<Estimate> {
    let fetch = fetch(table)?;
    let mut estimate = Estimate {
        page_size: fetch.pagination.size(),
        ..Estimate::default()
    };
    let slices = fetch.slices.as_ref().map_or(1, |slices| slices.values.len() as u64);
    if fetch.for_each.is_some() {
        return Ok(estimate);
    }
    if fetch.pagination.count().is_none() {
        estimate.requests = fetch.pagination.is_single().then_some(slices);
        return Ok(estimate);
    }
    let work = async {
        let sink = Sink::Ids {
            column: Picks::default(),
            ids: Vec::new(),
        };
        let options = ReadOptions {
            memory: Memory::new(1),
            ..options.clone()
        };
        let resume = options.resume.as_deref().map(|text| Resume::parse(text, table)).transpose()?;
        // An offset's own count is of all rows, whatever the position.
        let before = resume.as_ref().and_then(|resume| resume.at).unwrap_or(0);
        let mut reader = Reader::new(client, source, table, meter, &options, sink)?;
        let pager = Pager::small(&fetch.pagination, resume);
        let (mut rows, mut requests) = (Some(0_u64), Some(0_u64));
        for slice in reader.slices() {
            let counted = match reader.first_page(None, slice, &pager).await {
                Ok(page) => page.and_then(|page| page.count),
                Err(failure) if reader.absent(&failure) => {
                    estimate.unavailable = Some(failure.error.message().to_owned());
                    return Ok(estimate);
                }
                Err(failure) => return Err(failure.error),
            };
            let counted = counted.map(|counted| counted.saturating_sub(before));
            rows = rows.zip(counted).map(|(sum, rows)| sum.saturating_add(rows));
            let needed = counted.and_then(|rows| Pager::requests(&fetch.pagination, rows));
            requests = requests.zip(needed).map(|(sum, needed)| sum.saturating_add(needed));
        }
        (estimate.rows, estimate.requests) = (rows, requests);
        Ok(estimate)
    };
    client.stop().race(work).await
}
