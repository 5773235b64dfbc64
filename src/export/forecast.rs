//! What a run would read, without reading or writing it: `--dry-run`.

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::step::{Kind, Step};
use super::{Export, Family, Run, TABLES_AT_ONCE, intake};
use crate::commit::Manifest;
use crate::error::{Kind as ErrorKind, Result};
use crate::http::Meter;
use crate::merge::Missing;
use crate::read::{self, ReadOptions};

/// What the next run of a table would read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// The connection.
    pub connection: String,
    /// The table.
    pub table: String,
    /// `load`, `resume`, `full`, `incremental`, `windowed`, `backfill` or `derived`.
    pub reads: &'static str,
    /// The cursor's range.
    pub from: Option<DateTime<Utc>>,
    /// The cursor's range: before this time.
    pub until: Option<DateTime<Utc>>,
    /// Rows in the range: the API's own count.
    pub rows: Option<u64>,
    /// Pages of so many rows.
    pub pages: Option<u64>,
    /// Requests. Where the API counts nothing, none is known but for what the lake has.
    pub requests: Option<u64>,
    /// Whether `requests` is what the rows of the lake come to, because the API does not count its own.
    pub guessed: bool,
    /// At the vendor's limit, or the configured share of it; none without a limit.
    pub minutes: Option<f64>,
    /// What the commit would do to the rows of the lake.
    pub writes: &'static str,
    /// Rows of the lake now.
    pub rows_now: u64,
    /// Why there is nothing to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// Why the run would fail before it reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fails: Option<String>,
}

impl Export {
    /// What the run would read: for each table one small request where its API counts rows, else none. Nothing is written.
    ///
    /// # Errors
    /// When a vendor refuses, or the lake cannot be read.
    pub async fn forecast(&self) -> Result<Vec<Forecast>> {
        let mut forecasts: Vec<Forecast> = futures::stream::iter(&self.families)
            .map(|family| family.forecast(&self.run))
            .buffered(TABLES_AT_ONCE)
            .try_collect()
            .await?;
        for family in &self.derived {
            forecasts.push(family.forecast_of_derived(&self.run).await?);
        }
        Ok(forecasts)
    }
}

impl Family {
    async fn forecast(&self, run: &Run) -> Result<Forecast> {
        let tables = self.tables();
        let base = intake::base(&run.lake, &self.connection.name, &tables);
        let base = self.client.stop().race(base).await?;
        let fails = match self.check_origin(run, base.first().and_then(Option::as_ref)).await {
            Ok(()) => None,
            // Where more is wrong than whose rows they are, nothing can be told.
            Err(error) if error.kind() != ErrorKind::Config => return Err(error),
            Err(error) => Some(match error.advice() {
                Some(hint) => format!("{}; hint: {hint}", error.message()),
                None => error.message().to_owned(),
            }),
        };
        let exported = base
            .first()
            .and_then(Option::as_ref)
            .map_or(&[][..], |base: &Manifest| &base.schema.fields);
        let family = self.extended_by(exported, &[])?;
        let step = family.step(run, &base);
        let options = ReadOptions {
            from: step.from,
            until: step.until,
            endpoint: self.endpoint(),
            resume: step.resume_mark(),
            ..ReadOptions::all(run.pages.clone(), run.seen_keys)
        };
        let estimate = match &fails {
            None => read::estimate(&self.client, &self.connection.source, &family.table, &options, &Meter::default()).await?,
            Some(_) => read::Estimate {
                requests: Some(0),
                ..read::Estimate::default()
            },
        };
        let rows_now = base.first().and_then(Option::as_ref).map_or(0, |base: &Manifest| base.rows);
        let per_page = estimate.page_size.map(u64::from).filter(|size| *size > 0);
        let pages = |rows: u64| per_page.map(|size| rows.div_ceil(size));
        // A range of unknown size is not guessed at; everything is about what was there.
        let guess = (step.from.is_none() && step.until.is_none() && rows_now > 0)
            .then(|| pages(rows_now))
            .flatten();
        let requests = estimate.requests.or(guess.map(|pages| pages + 1));
        let per_minute = self
            .connection
            .rate_limit
            .as_ref()
            .map(|limit| f64::from(limit.requests) / limit.per.as_secs_f64() * 60.0);
        Ok(Forecast {
            connection: self.connection.name.clone(),
            table: self.table.id.clone(),
            reads: step.word(),
            from: step.from,
            until: step.until,
            rows: estimate.rows,
            pages: estimate.rows.and_then(pages).or(guess),
            guessed: estimate.requests.is_none() && requests.is_some(),
            minutes: requests.zip(per_minute).map(|(requests, rate)| requests as f64 / rate),
            requests,
            writes: step.writes(),
            rows_now,
            unavailable: estimate.unavailable,
            fails,
        })
    }
}

impl Family {
    /// A derived table asks nothing of a vendor. What it will be made of is not there yet.
    async fn forecast_of_derived(&self, run: &Run) -> Result<Forecast> {
        let tables = self.tables();
        let base = intake::base(&run.lake, &self.connection.name, &tables);
        let base = self.client.stop().race(base).await?;
        Ok(Forecast {
            connection: self.connection.name.clone(),
            table: self.table.id.clone(),
            reads: "derived",
            from: None,
            until: None,
            rows: None,
            pages: Some(0),
            requests: Some(0),
            guessed: false,
            minutes: None,
            writes: self.step(run, &base).writes(),
            rows_now: base.first().and_then(Option::as_ref).map_or(0, |base| base.rows),
            unavailable: None,
            fails: None,
        })
    }
}

impl Step {
    fn word(&self) -> &'static str {
        match &self.kind {
            Kind::Load { resume: None } => "load",
            Kind::Load { resume: Some(_) } => "resume",
            Kind::Backfill => "backfill",
            Kind::Reconcile => "reconcile",
            Kind::Refresh => self.mode.name(),
        }
    }

    fn writes(&self) -> &'static str {
        match (&self.kind, self.missing) {
            (Kind::Load { .. }, _) => "adds all rows",
            (_, Missing::Stay) => "merges what changed, by key",
            (_, Missing::Go) if self.from.is_none() && self.until.is_none() => "replaces what changed or is gone",
            (_, Missing::Go) => "replaces the range, where it changed",
        }
    }
}
