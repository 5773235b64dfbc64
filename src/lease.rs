//! Who is at work on a connection: a lease, so that a second run does not spend the vendor's budget on what the first is reading.
//!
//! A lease is an object, `<connection>/_lease/<fence, 20 digits>.json`. Who creates number `n + 1` has it; that is allowed once the holder of `n` has released
//! it, is known to be dead, or was not heard of for its TTL. Of two that try at once the store lets one create it. The holder writes its object anew every
//! quarter of the TTL, and has lost the lease when there is a greater number.
//!
//! The greatest number is never deleted, so numbers never come again. The holder deletes those below its own.
//!
//! A lease is **not** what keeps the data right. A holder that slept does not know that it lost until it looks, and between looking and committing there is
//! always a moment. What keeps the data right is that each version of a manifest is created once ([`crate::commit`]): two holders cost requests, not rows.
//!
//! Clocks of different machines are not compared. How long a holder was not heard of is the age of its object by the store's clock, whose "now" is the time of
//! an object that the contender writes at that moment.

mod process;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::commit::numbered;
use crate::error::{Error, Kind, Result};
use crate::store::{Lake, Object, PutIfAbsent};
use process::Process;

/// How long a holder may be silent. Four renewals fit in, so that three may fail.
const TTL_SECONDS: u64 = 120;

/// Times that a contender tries again because another one was at it at the same moment.
const ATTEMPTS: u32 = 5;

/// A lease that is held. One that is dropped without [`Lease::release`] keeps others out until its TTL is over, or until its process is gone.
#[derive(Debug)]
pub struct Lease {
    lake: Lake,
    connection: String,
    fence: u64,
    record: Record,
}

/// What became of an attempt to take a lease.
#[derive(Debug)]
pub enum Acquired {
    /// It is held now.
    Held(Lease),
    /// Somebody else holds it.
    Busy(Holder),
}

/// Who holds a lease: `run 01a2… on host etl-1 since 2026-03-01T12:00:00Z, last heard of 12 s ago`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its run.
    pub run_id: String,
    /// Its machine.
    pub host: String,
    /// Since when, by its own clock.
    pub since: DateTime<Utc>,
    /// Since it was last heard of, by the store's clock.
    pub silent: Duration,
}

/// The content of the object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    run_id: String,
    host: String,
    /// Absent where a process cannot be told from a later one of the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
    acquired_at: DateTime<Utc>,
    ttl_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    released_at: Option<DateTime<Utc>>,
}

impl Lease {
    /// Takes the lease of a connection, or tells who has it. Five requests where nobody has it.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read or written.
    pub async fn acquire(lake: &Lake, connection: &str, run_id: &str) -> Result<Acquired> {
        Self::acquire_for(lake, connection, run_id, TTL_SECONDS).await
    }

    async fn acquire_for(lake: &Lake, connection: &str, run_id: &str, ttl_seconds: u64) -> Result<Acquired> {
        let record = Record {
            run_id: run_id.to_owned(),
            host: process::host(),
            process: Process::this(),
            acquired_at: Utc::now(),
            ttl_seconds,
            released_at: None,
        };
        for _ in 0..ATTEMPTS {
            let newest = newest(lake, connection).await?;
            if let Some((_, object)) = &newest
                && let State::Held(holder) = state(lake, object, Clock::Store).await?
            {
                return Ok(Acquired::Busy(holder));
            }
            let lease = Self {
                lake: lake.clone(),
                connection: connection.to_owned(),
                fence: newest.map_or(0, |(fence, _)| fence) + 1,
                record: record.clone(),
            };
            if !lease.create().await? {
                continue;
            }
            // A contender that slept between looking and creating may have created a number that was used and deleted meanwhile.
            match lease.listing().await? {
                numbers if numbers.iter().any(|(fence, _)| *fence > lease.fence) => lake.delete(&[lease.path()]).await?,
                numbers => {
                    let older = numbers.into_iter().filter(|(fence, _)| *fence < lease.fence);
                    lake.delete(&older.map(|(_, object)| object.path).collect::<Vec<_>>()).await?;
                    return Ok(Acquired::Held(lease));
                }
            }
        }
        Err(Error::store(format!(
            "the lease of `{connection}` is taken and given up again and again by others"
        ))
        .hint("are many exports of this connection started together? one at a time is enough"))
    }

    /// Who holds the lease of a connection, looked at without writing anything: ages are by this machine's clock.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read.
    pub async fn holder(lake: &Lake, connection: &str) -> Result<Option<Holder>> {
        let Some((_, object)) = newest(lake, connection).await? else {
            return Ok(None);
        };
        Ok(match state(lake, &object, Clock::Machine).await? {
            State::Held(holder) => Some(holder),
            State::Free => None,
        })
    }

    /// Renews the lease for as long as it is held, and resolves when it is lost: to be raced with the work. A lake that does not answer for a while is no
    /// loss: whether another run took the lease meanwhile is seen when it answers again.
    pub async fn lost(&self) -> Error {
        loop {
            tokio::time::sleep(Duration::from_secs(self.record.ttl_seconds) / 4).await;
            match self.renew().await {
                Ok(()) => {}
                Err(error) if error.kind() == Kind::Conflict => return error,
                Err(error) => tracing::warn!(connection = self.connection, %error, "the lease could not be renewed"),
            }
        }
    }

    /// Whether the lease is still held: to be called right before a commit.
    ///
    /// # Errors
    /// `Conflict` when another run has taken it; `Store` when the lake cannot be read.
    pub async fn check(&self) -> Result<()> {
        let Some((fence, object)) = self.listing().await?.pop().filter(|(fence, _)| *fence > self.fence) else {
            return Ok(());
        };
        let by = match self.lake.get(&object.path).await.map(|bytes| bytes.and_then(|bytes| parse(&bytes))) {
            Ok(Some(record)) => format!("run {} on host {}", record.run_id, record.host),
            _ => format!("the holder of lease {fence}"),
        };
        Err(Error::new(
            Kind::Conflict,
            format!(
                "{by} has taken over `{}`: this run was not heard of for {} s",
                self.connection, self.record.ttl_seconds
            ),
        )
        .hint("what this run committed stays; was this machine asleep, or cut off from the lake?"))
    }

    /// Gives the lease up.
    ///
    /// # Errors
    /// `Store` when the lake cannot be written; then it ends with its TTL, or with this process.
    pub async fn release(&self) -> Result<()> {
        if self.listing().await?.iter().any(|(fence, _)| *fence > self.fence) {
            // It is another's by now. A renewal that was slow may have left this one's object.
            return self.lake.delete(&[self.path()]).await;
        }
        let record = Record {
            released_at: Some(Utc::now()),
            ..self.record.clone()
        };
        self.lake.put(&self.path(), document(&self.path(), &record)?).await
    }

    async fn renew(&self) -> Result<()> {
        self.put().await?;
        self.check().await
    }

    /// Creates the object; false if it is another's.
    async fn create(&self) -> Result<bool> {
        let created = self.lake.put_if_absent(&self.path(), self.document()?).await;
        if let Ok(PutIfAbsent::Created) = created {
            return Ok(true);
        }
        // The answer to a request that was retried, or lost, does not tell whose object it is.
        match (self.lake.get(&self.path()).await?.and_then(|bytes| parse(&bytes)), created) {
            (Some(record), _) if record.run_id == self.record.run_id => Ok(true),
            (None, Err(error)) => Err(error),
            _ => Ok(false),
        }
    }

    async fn put(&self) -> Result<()> {
        self.lake.put(&self.path(), self.document()?).await
    }

    fn document(&self) -> Result<Vec<u8>> {
        document(&self.path(), &self.record)
    }

    fn path(&self) -> String {
        format!("{}/{:020}.json", lease_folder(&self.connection), self.fence)
    }

    async fn listing(&self) -> Result<Vec<(u64, Object)>> {
        listing(&self.lake, &self.connection).await
    }
}

fn document(path: &str, record: &Record) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(record).map_err(|error| Error::defect(format!("cannot write `{path}`: {error}")))
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let silent = self.silent.as_secs();
        write!(
            f,
            "run {} on host {} since {since}, last heard of {silent} s ago",
            self.run_id, self.host
        )
    }
}

/// The folder of a connection's leases, relative to the lake.
pub(crate) fn lease_folder(connection: &str) -> String {
    format!("{connection}/_lease")
}

/// The leases of a connection by number, ascending.
pub(crate) async fn listing(lake: &Lake, connection: &str) -> Result<Vec<(u64, Object)>> {
    let objects = lake.list(&lease_folder(connection)).await?.into_iter();
    // Ordered, because the names are of one length.
    Ok(objects
        .filter_map(|object| Some((numbered(object.path.rsplit('/').next()?)?, object)))
        .collect())
}

async fn newest(lake: &Lake, connection: &str) -> Result<Option<(u64, Object)>> {
    Ok(listing(lake, connection).await?.pop())
}

/// What a lease's object says.
enum State {
    Held(Holder),
    Free,
}

/// Whose "now" an age is measured by.
enum Clock {
    /// The store's: an object is written for it.
    Store,
    /// This machine's.
    Machine,
}

async fn state(lake: &Lake, object: &Object, clock: Clock) -> Result<State> {
    let Some(bytes) = lake.get(&object.path).await? else {
        // It was the greatest number and is gone: somebody has taken a greater one. What is created now is looked at again.
        return Ok(State::Free);
    };
    let record = parse(&bytes);
    if let Some(record) = &record
        && (record.released_at.is_some() || record.process.as_ref().is_some_and(Process::is_dead))
    {
        return Ok(State::Free);
    }
    let now = match clock {
        Clock::Store => lake.now().await?,
        Clock::Machine => Utc::now(),
    };
    let silent = (now - object.modified).to_std().unwrap_or_default();
    // What cannot be understood is somebody's all the same, for the usual time.
    let ttl = record.as_ref().map_or(TTL_SECONDS, |record| record.ttl_seconds);
    if silent > Duration::from_secs(ttl) {
        return Ok(State::Free);
    }
    let unknown = || "unknown".to_owned();
    let (run_id, host, since) = record.map_or_else(
        || (unknown(), unknown(), object.modified),
        |record| (record.run_id, record.host, record.acquired_at),
    );
    Ok(State::Held(Holder {
        run_id,
        host,
        since,
        silent,
    }))
}

fn parse(bytes: &[u8]) -> Option<Record> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests;
