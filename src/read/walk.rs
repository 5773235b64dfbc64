//! Walks through a table, each from its first page to its last: one in all, one for each slice, one for each row of another table.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;

use super::ReadOptions;
use super::answer::answer;
use super::envelope::{Envelope, Record, Shape, open};
use super::headers::Told;
use super::identity::{Namer, Picks};
use super::memory::Memory;
use super::pagination::{Held, Pager, Step};
use super::query::Query;
use super::resume::{Place, Resume, key_order};
use super::seen::{Met, Seen};
use super::twins::Twins;
use super::{ReadSummary, fetch};
use crate::error::{Error, Kind, Result};
use crate::http::{Client, Failure, Meter, Reply, Request, path_segment};
use crate::page::Page;
use crate::schema::{Fetch, Pagination, Source, Table};

/// How wrong our own clock is taken to be where nothing was heard of the vendor's.
const NO_CLOCK: TimeDelta = TimeDelta::minutes(5);

/// Reads one table.
pub(super) struct Reader<'a> {
    client: &'a Client,
    source: &'a Source,
    table: &'a Table,
    fetch: &'a Fetch,
    meter: &'a Meter,
    query: Query,
    endpoints: Vec<String>,
    /// The endpoint that has answered.
    settled: Option<usize>,
    picks: Picks,
    key_columns: usize,
    /// After the key's columns, `picks` has the key to page by.
    marked: bool,
    place: Place,
    /// Where to go on from.
    resume: Option<Resume>,
    /// A page has come, and with it the vendor's clock.
    heard: bool,
    namer: Namer,
    /// Replies that nothing was found, to the first request of a walk.
    not_found: u64,
    /// None where the keys grow from page to page and there is one walk only: nothing can repeat.
    seen: Option<Seen>,
    twins: Twins,
    sink: Sink,
    summary: ReadSummary,
    counted: Counted,
}

/// Where the records go.
pub(super) enum Sink {
    /// To the decoder.
    Pages { pages: mpsc::Sender<Page>, memory: Memory },
    /// Only a column of them is wanted.
    Ids { column: Picks, ids: Vec<Option<String>> },
}

/// The API's own count over all walks.
#[derive(Debug, Clone, Copy)]
enum Counted {
    Nothing,
    All(u64),
    /// A walk had none, so there is no total.
    Unknown,
}

impl<'a> Reader<'a> {
    pub fn new(
        client: &'a Client,
        source: &'a Source,
        table: &'a Table,
        meter: &'a Meter,
        options: &ReadOptions,
        sink: Sink,
    ) -> Result<Self> {
        let fetch = fetch(table)?;
        let endpoints = options
            .endpoint
            .as_ref()
            .map_or_else(|| fetch.endpoints.clone(), |endpoint| vec![endpoint.clone()]);
        if let Some(endpoint) = endpoints
            .iter()
            .find(|endpoint| endpoint.contains("{id}") != fetch.for_each.is_some())
        {
            return Err(Error::config(format!(
                "endpoint `{endpoint}` of table `{}`: expected `{{id}}` in it if and only if the table is read for each row of another",
                table.id
            )));
        }
        let mut picks = Picks::key(table)?;
        let key_columns = picks.columns();
        let place = Place::of(table, fetch);
        let resume = options.resume.as_deref().map(|text| Resume::parse(text, table)).transpose()?;
        let (keyset, mark) = match &fetch.pagination {
            Pagination::Keyset { key, .. } => (true, Some(key.as_str())),
            _ => (false, key_order(table, fetch)),
        };
        if let Some(mark) = mark {
            picks.column([vec![mark.to_owned()]]);
        }
        if !keyset {
            // A row that is changed may move, also where an order by the key is asked for: the vendor may have one of its own.
            picks.times(table);
        }
        let one_walk = fetch.slices.is_none() && fetch.for_each.is_none();
        Ok(Self {
            query: Query::new(source, table, fetch, options),
            seen: (!keyset || !one_walk).then(|| Seen::new(options.seen_keys_limit)),
            twins: Twins::default(),
            settled: None,
            namer: Namer::default(),
            not_found: 0,
            summary: ReadSummary {
                began: Utc::now() - NO_CLOCK,
                ..ReadSummary::default()
            },
            place,
            resume,
            marked: mark.is_some(),
            heard: false,
            counted: Counted::Nothing,
            client,
            source,
            table,
            fetch,
            meter,
            endpoints,
            picks,
            key_columns,
            sink,
        })
    }

    /// Walks once for each of these ids of parents and each slice.
    pub async fn run(&mut self, ids: &[Option<String>]) -> Result<()> {
        let slices = self.slices();
        for id in ids {
            let (mut there, before) = (0, self.not_found);
            for slice in &slices {
                match self.walk(id.as_deref(), *slice).await {
                    Ok(is_there) => there += usize::from(is_there),
                    Err(failure) => {
                        match self.absent(&failure) {
                            true => self.unavailable(failure.error.message().to_owned()),
                            false => return Err(failure.error),
                        }
                        return Ok(());
                    }
                }
            }
            if there == 0 {
                self.summary.nothing_for.extend(id.clone());
                self.summary.not_found += u64::from(self.not_found > before);
            }
        }
        if self.settled.is_none() && !ids.is_empty() {
            // Every parent's row was answered with 404, which means "none" for one row, but for all of them may mean "no such route".
            self.unavailable(format!(
                "`{}` was answered 404 for each of {} rows",
                self.endpoints.join("`, `"),
                ids.len()
            ));
        }
        Ok(())
    }

    /// What was read so far.
    pub fn summary(&self) -> ReadSummary {
        ReadSummary {
            counted: match self.counted {
                Counted::All(rows) => Some(rows),
                Counted::Nothing | Counted::Unknown => None,
            },
            ..self.summary.clone()
        }
    }

    /// What this read is made of was asked for at this time already.
    pub fn began(&mut self, began: DateTime<Utc>) {
        self.heard = true;
        self.summary.began = began;
    }

    /// The rows of another table that this one is read for.
    pub fn parents(&mut self, ids: &[Option<String>]) {
        self.summary.parents = ids.len() as u64;
    }

    pub fn unavailable(&mut self, reason: String) {
        self.summary.unavailable = Some(reason);
    }

    /// Whether the failure says that the account lacks an optional table, which only its first request can say.
    pub fn absent(&self, failure: &Failure) -> bool {
        self.fetch.optional && self.settled.is_none() && matches!(failure.status, Some(400 | 403 | 404))
    }

    pub fn sink(self) -> Sink {
        self.sink
    }

    /// Parameter and value of each slice; none of both where the table is read as a whole.
    pub fn slices(&self) -> Vec<Option<(&'a str, &'a str)>> {
        match &self.fetch.slices {
            None => vec![None],
            Some(slices) => slices
                .values
                .iter()
                .map(|value| Some((slices.param.as_str(), value.as_str())))
                .collect(),
        }
    }

    /// The first page of a walk: from the first endpoint that does not answer 404. None where all do and it is one parent's row.
    pub async fn first_page(
        &mut self,
        id: Option<&str>,
        slice: Option<(&str, &str)>,
        pager: &Pager<'_>,
    ) -> Result<Option<Envelope>, Failure> {
        let candidates = match self.settled {
            Some(settled) => settled..settled + 1,
            None => 0..self.endpoints.len(),
        };
        let mut missing = None;
        for at in candidates {
            match self.ask(at, id, slice, pager).await {
                Ok(page) => {
                    self.settled = Some(at);
                    self.not_found += u64::from(page.found_nothing);
                    return Ok((!page.found_nothing).then_some(page));
                }
                Err(failure) if failure.status == Some(404) => missing = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        match missing {
            _ if id.is_some() => Ok(None),
            Some(failure) if self.endpoints.len() > 1 && self.settled.is_none() => Err(Failure {
                error: failure
                    .error
                    .context(format!("none of the endpoints `{}` is there", self.endpoints.join("`, `")))
                    .hint(format!(
                        "the account may not have this table, or its route has another name: `endpoint` is one line in schemas/{}/{}.toml, or a key of the table in afluente.toml",
                        self.source.id, self.table.id
                    )),
                status: failure.status,
            }),
            Some(failure) => Err(failure),
            None => Err(Error::defect(format!("table `{}` has no endpoint", self.table.id)).into()),
        }
    }

    /// One walk; whether the row that it is for has any of this table's.
    async fn walk(&mut self, id: Option<&str>, slice: Option<(&str, &str)>) -> Result<bool, Failure> {
        let mut pager = Pager::new(&self.fetch.pagination, self.place, self.resume.clone());
        if let Some(seen) = &mut self.seen {
            seen.begin_walk();
        }
        self.twins.begin_walk();
        let Some(mut page) = self.first_page(id, slice, &pager).await? else {
            return Ok(false);
        };
        let mut uncounted = true;
        loop {
            if follows(&mut pager, &page)? {
                let (mut sent_on, held) = self.sort_out(&page, &mut pager)?;
                let step = pager.advance(&held)?;
                if std::mem::take(&mut uncounted) {
                    self.count(pager.counted());
                }
                self.summary.pages += u64::from(!page.records.is_empty());
                sent_on.resume = pager.resume();
                self.deliver(sent_on).await?;
                match step {
                    Step::End => break,
                    Step::Again => self.client.breathe().await,
                    Step::Next => {}
                }
            }
            page = self.ask(self.settled.unwrap_or(0), id, slice, &pager).await?;
        }
        self.check_count(id, slice, &pager).await?;
        Ok(true)
    }

    async fn ask(
        &mut self,
        endpoint: usize,
        id: Option<&str>,
        slice: Option<(&str, &str)>,
        pager: &Pager<'_>,
    ) -> Result<Envelope, Failure> {
        let endpoint = self.endpoints.get(endpoint).map_or("", String::as_str);
        let path = match id {
            None => endpoint.to_owned(),
            Some(id) => {
                let segment = path_segment(id).ok_or_else(|| {
                    Error::new(
                        Kind::Data,
                        // The empty text, `.` or `..`: no other is refused, so no value of a record is told.
                        format!("expected an id that can stand in an address for `{endpoint}`, found `{id}`"),
                    )
                })?;
                endpoint.replace("{id}", &segment)
            }
        };
        let request = Request {
            table: self.table.id.clone(),
            path,
            query: self.query.page(slice, pager),
        };
        let shape = Shape {
            records: &self.fetch.records,
            endpoint: endpoint.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
            picks: &self.picks,
            key_columns: self.key_columns,
            marked: self.marked,
            count: self.fetch.pagination.count().and_then(|count| count.member.as_deref()),
            next: match &self.fetch.pagination {
                Pagination::Page { next, .. } => next.as_deref(),
                _ => None,
            },
            namer: &self.namer,
        };
        let understood = |reply: &Reply| {
            let told = Told::of(&reply.headers, &self.fetch.pagination);
            let page = open(&reply.body, shape).map(|page| page.with(told));
            let page = page.or_else(|error| answer(reply, told, self.fetch, shape, pager, id.is_some()).ok_or(error))?;
            Ok((page, reply.asked_at))
        };
        let (page, asked_at) = self.client.get_as(&request, self.meter, understood).await?;
        if !std::mem::replace(&mut self.heard, true) {
            self.summary.began = asked_at;
        }
        if matches!(self.sink, Sink::Pages { .. }) {
            self.meter.page();
        }
        Ok(page)
    }

    /// Leaves out the records read before, and tells the pager what the page held.
    fn sort_out<'p>(&mut self, page: &'p Envelope, pager: &mut Pager<'_>) -> Result<(Page, Held<'p>)> {
        let mut records = Vec::with_capacity(page.records.len());
        let (mut unseen, mut again, mut twins) = (0, 0, Vec::new());
        for (at, record) in page.records.iter().enumerate() {
            let met = match &mut self.seen {
                _ if pager.read_before(mark_of(page, record)) => Met::Here,
                Some(seen) => seen.meet(record.identity)?,
                None => Met::Never,
            };
            unseen += usize::from(met != Met::Here);
            let twin = (met == Met::Here).then(|| self.twins.meet(&page.records[..at], record)).flatten();
            if let Some(first) = twin {
                again += 1;
                if record.named {
                    twins.push((first.range.clone(), record.range.clone()));
                }
            }
            // A page that shows two records without a key shows two.
            if met == Met::Never || (twin.is_some() && !record.named) {
                records.push(record.range.clone());
            } else {
                self.summary.repeated += 1;
            }
        }
        let held = Held {
            marks: page.records.iter().map(|record| mark_of(page, record)).collect(),
            states: page.records.iter().map(|record| record.state).collect(),
            unseen,
            next: page.next,
            pages: page.told.pages,
            counted: page.count,
        };
        pager.count_twins(again);
        let page = Page {
            body: page.body.clone(),
            records,
            twins,
            resume: None,
            began: self.summary.began,
            memory: None,
        };
        Ok((page, held))
    }

    async fn deliver(&mut self, mut page: Page) -> Result<()> {
        let rows = page.records.len();
        self.summary.rows += rows as u64;
        if rows == 0 && page.twins.is_empty() {
            return Ok(());
        }
        match &mut self.sink {
            Sink::Pages { pages, memory } => {
                page.memory = memory.take(page.body.len()).await;
                // The decoder went away: it has an error of its own to report, or the run is ending.
                pages
                    .send(page)
                    .await
                    .map_err(|_| Error::new(Kind::Stopped, "nobody takes the pages any more"))?;
                self.meter.rows(rows);
                Ok(())
            }
            Sink::Ids { column, ids, .. } => super::parents::collect(column, &page, ids),
        }
    }

    fn count(&mut self, counted: Option<u64>) {
        if let (Some(rows), Sink::Pages { .. }) = (counted, &self.sink) {
            self.meter.expect_rows(rows);
        }
        self.counted = match (self.counted, counted) {
            (Counted::Unknown, _) | (_, None) => Counted::Unknown,
            (Counted::Nothing, Some(rows)) => Counted::All(rows),
            (Counted::All(sum), Some(rows)) => Counted::All(sum.saturating_add(rows)),
        };
    }

    /// Fewer rows than the API counted at the start may have been deleted meanwhile; fewer than it counts now were lost.
    async fn check_count(&mut self, id: Option<&str>, slice: Option<(&str, &str)>, pager: &Pager<'_>) -> Result<(), Failure> {
        let (rows, Some(counted)) = (pager.rows(), pager.counted()) else {
            return Ok(());
        };
        if rows >= counted {
            return Ok(());
        }
        let again = Pager::small(&self.fetch.pagination, self.resume.clone());
        let now = self.ask(self.settled.unwrap_or(0), id, slice, &again).await?.count;
        match now {
            Some(now) if rows >= now => Ok(()),
            now => Err(Error::new(
                Kind::Data,
                format!("expected the {} rows that the API counts, found {rows}", now.unwrap_or(counted)),
            )
            .hint(format!(
                "rows are missing: the vendor may hide them or answer empty pages while it throttles, so run again later; if it counts rows that this token may not see, take `count` out of the pagination in schemas/{}/{}.toml",
                self.source.id, self.table.id
            ))
            .into()),
        }
    }
}

/// Whether the page may be used; see [`Pager::follows`].
fn follows(pager: &mut Pager<'_>, page: &Envelope) -> Result<bool> {
    let states: Vec<u64> = page.records.iter().map(|record| record.state).collect();
    pager.follows(
        &states,
        page.told.size,
        page.records.first().and_then(|record| mark_of(page, record)),
    )
}

/// The key to page by, as it is written.
fn mark_of<'p>(page: &'p Envelope, record: &Record) -> Option<&'p str> {
    let bytes = page.body.get(record.mark.clone()?)?;
    std::str::from_utf8(bytes).ok()
}
