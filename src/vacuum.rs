//! Drops from a lake what no manifest needs, from the lake alone: no catalogue, no token.
//!
//! | what | goes when |
//! |---|---|
//! | superseded: data files of a table's newest version or older that it does not list | as with every commit, see [`crate::commit::sweep`] |
//! | old manifests | the same |
//! | orphaned: data files of a version that is not there yet | no run is at work on the connection, or it is older than [`Options::older_than`] |
//! | unfinished: beginnings of objects, on disk or in a bucket | its version is there already; else as orphaned files |
//! | leases below the newest | at once |
//! | reports of runs beyond the newest 500 | at once, unless connections are named |
//! | probes | older than [`Options::older_than`], unless connections are named |
//!
//! Nothing else is touched: files of other names, other folders, the newest manifest, the version of an exploded table that its parent names, `_rejected/`,
//! `_views/`.
//!
//! Whether a run is at work is settled by taking the connection's lease for that time. A run that lost its lease, because it was asleep, looks for that before
//! each commit, so it commits no file that is dropped here.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::commit::{self, Superfluous, object_version, superfluous_reports, version_of};
use crate::error::{Error, Result};
use crate::lease::{self, Acquired, Holder, Lease};
use crate::store::{Lake, Object, PROBE, Unfinished, data_file_version, table_folder};

/// What is dropped, and whether at all.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only these connections; none names all, and what belongs to none.
    pub connections: Vec<String>,
    /// How long superseded files stay for readers.
    pub retention: Duration,
    /// What a run that is at work may be writing goes when it is older.
    pub older_than: Duration,
    /// Nothing is written or deleted. Ages are then by this machine's clock.
    pub dry_run: bool,
}

/// Why something is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A data file that was live, or lost to another one of its version.
    Superseded,
    /// A data file that never became live.
    Orphaned,
    /// The beginning of an object.
    Unfinished,
    /// A manifest that was superseded long ago.
    OldManifest,
    /// A lease below the newest.
    OldLease,
    /// A report of a run of long ago.
    OldReport,
    /// What a test of the lake left.
    Probe,
}

/// What was dropped, or would be, of one table or for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The connection; none for what belongs to the whole lake.
    pub connection: Option<String>,
    /// The table; none for what belongs to none.
    pub table: Option<String>,
    /// Why.
    pub reason: Reason,
    /// Paths relative to the lake, with their bytes; those of an upload to a bucket are not known, and 0.
    pub objects: Vec<(String, u64)>,
}

/// What a vacuum did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was dropped; ordered by connection and table.
    pub dropped: Vec<Dropped>,
    /// Connections on which a run is at work: what it may be writing was left alone.
    pub busy: Vec<(String, Holder)>,
    /// Why unfinished uploads were not looked for.
    pub uploads_unseen: Option<Error>,
    /// Connections and tables that failed; the others were done.
    pub failed: Vec<(String, Error)>,
}

impl Reason {
    /// The word in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Orphaned => "orphaned",
            Self::Unfinished => "unfinished",
            Self::OldManifest => "old manifests",
            Self::OldLease => "old leases",
            Self::OldReport => "old reports",
            Self::Probe => "probes",
        }
    }
}

impl Dropped {
    /// The sum over the objects.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// Drops what no manifest needs, table by table.
///
/// # Errors
/// `Config` when a named connection is not in the lake; `Store` when the lake cannot be looked at. What fails in one table stands in the outcome.
pub async fn vacuum(lake: &Lake, run_id: &str, options: &Options) -> Result<Outcome> {
    let mut work = Vacuum {
        lake,
        options,
        now: if options.dry_run { Utc::now() } else { lake.now().await? },
        uploads: Vec::new(),
        outcome: Outcome::default(),
    };
    match lake.uploads().await {
        Ok(uploads) => work.uploads = uploads,
        Err(error) => work.outcome.uploads_unseen = Some(error),
    }
    let mut connections = connections(lake).await?;
    if let Some(unknown) = options.connections.iter().find(|name| !connections.contains_key(*name)) {
        let known: Vec<&str> = connections.keys().map(String::as_str).collect();
        return Err(
            Error::config(format!("there is no connection `{unknown}` in the lake `{}`", lake.url("")))
                .hint(format!("it holds: {}", known.join(", "))),
        );
    }
    if options.connections.is_empty() {
        work.whole_lake(&connections).await?;
    } else {
        connections.retain(|name, _| options.connections.contains(name));
    }
    for (connection, tables) in connections {
        if let Err(error) = work.connection(&connection, &tables, run_id).await {
            work.outcome.failed.push((connection, error));
        }
    }
    Ok(work.outcome)
}

/// The connections of a lake with their tables: folders that hold a folder of leases, or tables with manifests. A lake's address given by mistake, such as a
/// home folder, has none.
async fn connections(lake: &Lake) -> Result<BTreeMap<String, Vec<String>>> {
    let mut found = BTreeMap::new();
    for connection in lake
        .level("")
        .await?
        .folders
        .into_iter()
        .filter(|name| !name.starts_with(['_', '.']))
    {
        let folders = lake.level(&connection).await?.folders;
        let mut is_connection = folders.iter().any(|name| name == "_lease");
        let tables: Vec<String> = folders.into_iter().filter(|name| !name.starts_with('_')).collect();
        for table in &tables {
            if is_connection {
                break;
            }
            let inside = lake.level(&table_folder(&connection, table)).await?;
            is_connection = inside.folders.iter().any(|name| name == "_manifest");
        }
        if is_connection {
            found.insert(connection, tables);
        }
    }
    Ok(found)
}

/// A vacuum under way.
struct Vacuum<'a> {
    lake: &'a Lake,
    options: &'a Options,
    now: DateTime<Utc>,
    /// Unfinished uploads of the whole lake that are not dealt with yet.
    uploads: Vec<Unfinished>,
    outcome: Outcome,
}

impl Vacuum<'_> {
    /// What belongs to no connection.
    async fn whole_lake(&mut self, connections: &BTreeMap<String, Vec<String>>) -> Result<()> {
        let mut probes = self.lake.level("").await?.objects;
        probes.retain(|object| object.path.starts_with(PROBE) && self.is_old(object.modified));
        self.drop_objects(None, None, Reason::Probe, probes).await?;
        let reports = superfluous_reports(self.lake).await?;
        self.drop_objects(None, None, Reason::OldReport, reports).await?;
        // Of a bucket that holds other things, their uploads are not ours.
        let ours = |path: &str| path.starts_with(PROBE) || path.starts_with("_runs/") || path.starts_with("_views/");
        let mut unfinished = self.lake.staged("").await?;
        unfinished.retain(|one| !one.path.split_once('/').is_some_and(|(folder, _)| connections.contains_key(folder)));
        unfinished.append(&mut self.uploads_where(&ours));
        unfinished.retain(|one| ours(&one.path) && self.is_old(one.since));
        self.drop_unfinished(None, None, unfinished).await
    }

    async fn connection(&mut self, connection: &str, tables: &[String], run_id: &str) -> Result<()> {
        let mut leases = lease::listing(self.lake, connection).await?;
        leases.pop();
        let leases = leases.into_iter().map(|(_, object)| object).collect();
        self.drop_objects(Some(connection), None, Reason::OldLease, leases).await?;
        if self.options.dry_run {
            let holder = Lease::holder(self.lake, connection).await?;
            return self.tables(connection, tables, holder).await;
        }
        match Lease::acquire(self.lake, connection, run_id).await? {
            Acquired::Busy(holder) => self.tables(connection, tables, Some(holder)).await,
            Acquired::Held(lease) => {
                let done = tokio::select! {
                    biased;
                    lost = lease.lost() => return Err(lost),
                    done = self.tables(connection, tables, None) => done,
                };
                done.and(lease.release().await)
            }
        }
    }

    async fn tables(&mut self, connection: &str, tables: &[String], holder: Option<Holder>) -> Result<()> {
        let idle = holder.is_none();
        self.outcome.busy.extend(holder.map(|holder| (connection.to_owned(), holder)));
        let mut named = BTreeMap::new();
        for table in tables {
            // One that cannot be read is told below.
            if let Ok(Some(parent)) = commit::latest(self.lake, connection, table).await {
                named.extend(parent.children.into_iter().chain(parent.histories));
            }
        }
        for table in tables {
            if let Err(error) = self.table(connection, table, named.get(table).copied(), idle).await {
                self.outcome.failed.push((format!("{connection}.{table}"), error));
            }
        }
        // `_rejected/` and `_lease/`; uploads there have no version.
        let folder = format!("{connection}/_");
        let mut unfinished = self.lake.staged(connection).await?;
        unfinished.append(&mut self.uploads_where(&|path| path.starts_with(&folder)));
        unfinished.retain(|one| one.path.starts_with(&folder) && (idle || self.is_old(one.since)));
        self.drop_unfinished(Some(connection), None, unfinished).await
    }

    /// `named`: the version that the table's parent names.
    async fn table(&mut self, connection: &str, table: &str, named: Option<u64>, idle: bool) -> Result<()> {
        let folder = table_folder(connection, table);
        let listing = self.lake.list(&folder).await?;
        let newest = listing.iter().filter_map(|object| version_of(&object.path)).max();
        let mut unfinished = Vec::new();
        if let Some(newest) = newest {
            let Some(manifest) = commit::read(self.lake, connection, table, newest).await? else {
                return Err(Error::store(format!("manifest {newest} of `{folder}` was there and is gone"))
                    .hint("is something else deleting from the lake?"));
            };
            let mut superfluous = Superfluous::find(self.lake, &manifest, &listing, self.now, self.options.retention).await?;
            // A run that died between the commits of a family left this version as the one that is read.
            if let Some(named) = named.filter(|named| *named < newest)
                && let Some(older) = commit::read(self.lake, connection, table, named).await?
            {
                superfluous.spare(&older);
            }
            self.drop_objects(Some(connection), Some(table), Reason::Superseded, superfluous.files)
                .await?;
            self.drop_objects(Some(connection), Some(table), Reason::OldManifest, superfluous.manifests)
                .await?;
        }
        let newest = newest.unwrap_or(0);
        let mut orphaned = listing;
        orphaned.retain(|object| {
            data_file_version(&object.path).is_some_and(|version| version > newest) && (idle || self.is_old(object.modified))
        });
        self.drop_objects(Some(connection), Some(table), Reason::Orphaned, orphaned).await?;
        unfinished.append(&mut self.lake.staged(&folder).await?);
        unfinished.append(&mut self.uploads_where(&|path| path.strip_prefix(&folder).is_some_and(|rest| rest.starts_with('/'))));
        unfinished.retain(|one| object_version(&one.path).is_some_and(|version| version <= newest || idle || self.is_old(one.since)));
        self.drop_unfinished(Some(connection), Some(table), unfinished).await
    }

    fn is_old(&self, since: DateTime<Utc>) -> bool {
        (self.now - since).to_std().is_ok_and(|age| age > self.options.older_than)
    }

    fn uploads_where(&mut self, is: &dyn Fn(&str) -> bool) -> Vec<Unfinished> {
        let (these, others) = std::mem::take(&mut self.uploads).into_iter().partition(|one| is(&one.path));
        self.uploads = others;
        these
    }

    async fn drop_objects(&mut self, connection: Option<&str>, table: Option<&str>, reason: Reason, objects: Vec<Object>) -> Result<()> {
        let objects: Vec<(String, u64)> = objects.into_iter().map(|object| (object.path, object.bytes)).collect();
        if !self.options.dry_run {
            let paths: Vec<String> = objects.iter().map(|(path, _)| path.clone()).collect();
            self.lake.delete(&paths).await?;
        }
        self.note(connection, table, reason, objects);
        Ok(())
    }

    async fn drop_unfinished(&mut self, connection: Option<&str>, table: Option<&str>, unfinished: Vec<Unfinished>) -> Result<()> {
        if !self.options.dry_run {
            self.lake.abort(&unfinished).await?;
        }
        let objects = unfinished.into_iter().map(|one| (one.path, one.bytes)).collect();
        self.note(connection, table, Reason::Unfinished, objects);
        Ok(())
    }

    fn note(&mut self, connection: Option<&str>, table: Option<&str>, reason: Reason, objects: Vec<(String, u64)>) {
        if !objects.is_empty() {
            self.outcome.dropped.push(Dropped {
                connection: connection.map(str::to_owned),
                table: table.map(str::to_owned),
                reason,
                objects,
            });
        }
    }
}

#[cfg(test)]
mod tests;
