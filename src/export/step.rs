//! What the next cycle of a table reads and replaces: from its newest manifest, its declaration and what the user asked for.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Family, Moment, Run};
use crate::commit::{Manifest, ManifestSchema};
use crate::error::{Error, Result};
use crate::merge::{Missing, Range};
use crate::read;
use crate::schema::{Mode, Table};

/// What a cycle reads and replaces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub kind: Kind,
    /// What was done, in the words of the report.
    pub mode: Mode,
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub missing: Missing,
    /// Rows read are compared with the lake's.
    pub compare: bool,
}

/// What a cycle is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A table that is not complete yet: rows are added, and committed as they come.
    Load {
        /// Where an earlier load ended.
        resume: Option<Resume>,
    },
    /// All of it, or what changed since the savepoint, or the window around it.
    Refresh,
    /// A range that the user gave: the savepoint stays.
    Backfill,
    /// The keys of all rows, to find those that are gone.
    Reconcile,
}

/// Where an unfinished load goes on: `<when it began> <the reader's words>`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resume {
    /// By the vendor's clock. What changed since may have been passed.
    pub began: DateTime<Utc>,
    pub mark: String,
}

impl Resume {
    fn parse(text: &str) -> Option<Self> {
        let (began, mark) = text.split_once(' ')?;
        Some(Self {
            began: DateTime::parse_from_rfc3339(began).ok()?.to_utc(),
            mark: mark.to_owned(),
        })
    }
}

impl std::fmt::Display for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {}",
            self.began.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
            self.mark
        )
    }
}

impl Step {
    /// The range of the cursor, for rows.
    pub fn range(&self) -> Range {
        Range {
            from: self.from.map(|at| at.timestamp_micros()),
            until: self.until.map(|at| at.timestamp_micros()),
        }
    }

    /// Whether it reads every row that the table is to hold.
    pub fn reads_all(&self) -> bool {
        self.missing == Missing::Go
            && self.until.is_none()
            && matches!(self.kind, Kind::Load { resume: None } | Kind::Refresh)
            && self.mode == Mode::Full
    }

    /// Where the reader goes on.
    pub fn resume_mark(&self) -> Option<String> {
        match &self.kind {
            Kind::Load { resume } => resume.as_ref().map(|resume| resume.mark.clone()),
            _ => None,
        }
    }

    /// Whether rows that are gone at the vendor are gone from the lake afterwards.
    pub fn finds_deletions(&self) -> bool {
        self.reads_all() || self.kind == Kind::Reconcile
    }

    /// A cycle that follows a long one: what changed since that began.
    pub fn catch_up(since: DateTime<Utc>) -> Self {
        Self {
            kind: Kind::Refresh,
            mode: Mode::Incremental,
            from: Some(since),
            until: None,
            missing: Missing::Stay,
            compare: true,
        }
    }

    /// A cycle that finds rows that are gone.
    fn reconcile() -> Self {
        Self {
            kind: Kind::Reconcile,
            mode: Mode::Full,
            from: None,
            until: None,
            missing: Missing::Go,
            compare: true,
        }
    }
}

impl Family {
    /// A cycle that finds rows that are gone. A row that left a window is read again by its whole table only.
    pub(super) fn reconcile_step(&self, mode: Mode) -> Step {
        match mode {
            Mode::Windowed => self.whole(Kind::Refresh, true),
            Mode::Incremental | Mode::Full => Step::reconcile(),
        }
    }

    /// A cycle that reads all that the table is to hold.
    fn whole(&self, kind: Kind, compare: bool) -> Step {
        Step {
            kind,
            mode: Mode::Full,
            from: self.start(),
            until: None,
            missing: Missing::Go,
            compare,
        }
    }

    /// The first cycle of a run.
    pub(super) fn step(&self, run: &Run, base: &[Option<Manifest>]) -> Step {
        let replication = &self.table.replication;
        let zone = self.connection.source.timezone;
        let (from, until) = run.options.range;
        let (from, until) = (from.map(|from| from.at(zone)), until.map(|until| until.at(zone)));
        // An unfinished load brings the range with all the rest. Rows that a backfill put in ahead of it would be loaded twice, or, were its mark dropped, the
        // rows it has not reached would never be.
        let is_loading = base
            .first()
            .is_some_and(|base| base.as_ref().is_some_and(|base| base.resume.is_some()));
        // Rows of the range would stand beside rows that tell of persons what is not to be told any more, or are not comparable.
        let is_protected_otherwise = self
            .tables()
            .iter()
            .zip(base)
            .any(|(table, base)| base.as_ref().is_some_and(|base| protects_otherwise(base, table).is_some()));
        if (from.is_some() || until.is_some()) && !is_loading && !is_protected_otherwise {
            return Step {
                kind: Kind::Backfill,
                mode: replication.mode,
                from,
                until,
                missing: if replication.mode == Mode::Windowed {
                    Missing::Go
                } else {
                    Missing::Stay
                },
                compare: true,
            };
        }
        let Some(Some(parent)) = base.first() else {
            return self.whole(Kind::Load { resume: None }, false);
        };
        if self.is_other(base).is_some() {
            return self.whole(Kind::Refresh, false);
        }
        if run.options.full_refresh {
            // A history takes what differs only.
            return self.whole(Kind::Refresh, !self.histories().is_empty());
        }
        if let Some(text) = &parent.resume {
            // A mark that cannot be gone on from is one of another program: what is there is replaced.
            let is_good = |resume: &Resume| read::check_resume(&self.table, &resume.mark).is_ok();
            return match Resume::parse(text).filter(is_good) {
                Some(resume) => self.whole(Kind::Load { resume: Some(resume) }, false),
                None => self.whole(Kind::Refresh, false),
            };
        }
        if parent.read_again {
            return self.whole(Kind::Refresh, true);
        }
        let before = |at: DateTime<Utc>, length: Duration| {
            let from = at.checked_sub_signed(chrono::Duration::from_std(length).ok()?)?;
            // A look back does not bring what the table is to be without.
            Some(self.start().map_or(from, |start| start.max(from)))
        };
        match (replication.mode, parent.savepoint) {
            (Mode::Incremental, Some(savepoint)) => Step {
                from: before(savepoint, replication.lookback),
                ..Step::catch_up(savepoint)
            },
            (Mode::Windowed, Some(savepoint)) => Step {
                kind: Kind::Refresh,
                mode: Mode::Windowed,
                from: before(savepoint, replication.past),
                until: chrono::Duration::from_std(replication.ahead)
                    .ok()
                    .and_then(|ahead| run.started_at.checked_add_signed(ahead)),
                missing: Missing::Go,
                compare: true,
            },
            (Mode::Full, _) | (_, None) => self.whole(Kind::Refresh, true),
        }
    }

    /// Why these manifests cannot be gone on with, so that everything is to be read again.
    pub(super) fn is_other(&self, base: &[Option<Manifest>]) -> Option<String> {
        let parent = base.first()?.as_ref()?;
        if self.is_made_otherwise(base) {
            return Some(format!(
                "what becomes of personal data in the tables that `{}` is made of is not what it was for version {}",
                parent.table, parent.version
            ));
        }
        for (table, manifest) in self.tables().iter().zip(base) {
            // An exploded table that was left out for a while has missed what was read since.
            let is_named = table.id == parent.table || parent.children.contains_key(&table.id);
            match manifest {
                Some(manifest) if is_named => {
                    if let Some(what) = differs(manifest, table) {
                        return Some(format!("`{}` differs from version {}: {what}", table.id, manifest.version));
                    }
                }
                _ => return Some(format!("`{}` was not exported with it before", table.id)),
            }
        }
        let mut histories = self.histories().into_iter().map(|history| history.table.id);
        let new = histories.find(|history| !parent.histories.contains_key(history))?;
        Some(format!("`{new}` is to begin with the rows that there are"))
    }

    /// Whether the table is derived, and was made of tables that told more or less of persons.
    pub(super) fn is_made_otherwise(&self, base: &[Option<Manifest>]) -> bool {
        let (Some(sources), Some(Some(parent))) = (&self.derivation, base.first()) else {
            return false;
        };
        !sources.protects_as(parent)
    }

    /// The host that is asked for the rows; none where they are derived.
    pub(super) fn host(&self) -> Option<&str> {
        self.connection.base_url.host_str().filter(|_| self.derivation.is_none())
    }

    /// The host that the lake's rows were read from, if it is not the one that is asked now.
    pub(super) fn other_host<'m>(&self, parent: Option<&'m Manifest>) -> Option<&'m str> {
        let was = parent?.host.as_deref()?;
        (Some(was) != self.host()).then_some(was)
    }

    /// The path to ask for, where the configuration has one.
    pub(super) fn endpoint(&self) -> Option<String> {
        self.connection.tables.get(&self.table.id).and_then(|table| table.endpoint.clone())
    }

    /// Where the configuration says that tables with a cursor begin.
    fn start(&self) -> Option<DateTime<Utc>> {
        self.table.replication.cursor.as_ref()?;
        Some(Moment::Day(self.connection.start?).at(self.connection.source.timezone))
    }
}

/// The table with what the configuration says of its replication.
///
/// # Errors
/// When a mode is asked for that the table's declaration has no cursor for.
pub(super) fn configured(mut table: Table, connection: &crate::config::Connection) -> Result<Table> {
    let Some(config) = connection.tables.get(&table.id) else {
        return Ok(table);
    };
    let replication = &mut table.replication;
    if let Some(mode) = config.mode {
        if mode != Mode::Full && (replication.cursor.is_none() || replication.from.is_none()) {
            return Err(Error::config(format!(
                "connection `{}`: `tables.{}.mode` is {}, but the vendor's API cannot be asked for this table by time",
                connection.name,
                table.id,
                mode.name()
            ))
            .hint("only `full` is possible; `afluente tables SOURCE.TABLE` shows a table's cursor"));
        }
        replication.mode = mode;
    }
    replication.lookback = config.lookback.unwrap_or(replication.lookback);
    replication.past = config.past.unwrap_or(replication.past);
    replication.ahead = config.ahead.unwrap_or(replication.ahead);
    Ok(table)
}

/// What was done to personal data in the manifest's files that is not to be done now, or the other way round.
pub(super) fn protects_otherwise(manifest: &Manifest, table: &Table) -> Option<String> {
    manifest.schema.protects_otherwise(&ManifestSchema::of(table))
}

/// Why the manifest's files cannot be gone on with, if they cannot: other columns, key or folders, or other personal data in them.
pub(super) fn differs(manifest: &Manifest, table: &Table) -> Option<String> {
    let schema = ManifestSchema::of(table);
    if let Some(what) = manifest.schema.protects_otherwise(&schema) {
        return Some(format!("something else becomes of personal data: {what}"));
    }
    let other = [
        ("other columns", manifest.schema.fingerprint != schema.fingerprint),
        ("another primary key", manifest.primary_key != table.primary_key),
        (
            "a key that may not be null any more",
            manifest.nullable_key.iter().any(|column| !table.nullable_key.contains(column)),
        ),
        ("other partitions", manifest.partition != table.partition),
    ];
    other.iter().find(|(_, is_other)| *is_other).map(|(what, _)| (*what).to_owned())
}
