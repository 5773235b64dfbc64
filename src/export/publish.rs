//! From staged files to the next manifests: exploded tables first, the parent last, naming their versions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::derived::Made;
use super::intake::Staged;
use super::{Family, Run};
use crate::commit::{self, Entry, Load, Manifest};
use crate::error::{Error, Kind, Result};
use crate::schema::{Mode, Table};
use crate::write::publish_all;

/// What the manifest of the table that is read says beside its files.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub mode: Mode,
    pub savepoint: Option<DateTime<Utc>>,
    pub resume: Option<String>,
    /// What an unfinished load has rejected so far.
    pub load: Option<Load>,
    /// Of what a derived table is made, and how.
    pub derived: Option<Made>,
    /// When deletions were looked for, if this cycle did and the next one needs to know.
    pub reconciled_at: Option<DateTime<Utc>>,
    /// Of each table, the columns whose member the vendor sends no more.
    pub columns_gone: Vec<Vec<String>>,
    /// Ids of rows of another table whose rows stay for now, and since when.
    pub absent: BTreeMap<String, String>,
    /// Everything was read, so that what a manifest says of reading again is done.
    pub read_all: bool,
    /// What was there is of another account or host, and nothing of it stays.
    pub replaced: bool,
}

/// What became of a cycle.
pub(super) enum Outcome {
    /// These are the tables now.
    Committed(Vec<Manifest>),
    /// These still are.
    Unchanged(Vec<Manifest>),
    /// Another run committed this version first.
    Lost(u64),
}

impl Family {
    /// Publishes the files and commits. Nothing staged: only what the parent's manifest must say anew, if anything.
    pub(super) async fn publish(
        &self,
        run: &Run,
        tables: &[Table],
        base: &[Option<Manifest>],
        staged: Option<Staged>,
        facts: Facts,
    ) -> Result<Outcome> {
        let parent = base.first().and_then(Option::as_ref);
        let account = self.account_to_name(run, parent, facts.replaced).await?;
        let (kept, files) = match staged {
            Some(staged) => (staged.kept, staged.files),
            None => {
                let kept = base
                    .iter()
                    .map(|base| base.as_ref().map_or_else(Vec::new, |base| base.entries.clone()));
                (kept.collect(), tables.iter().map(|_| Vec::new()).collect())
            }
        };
        let sizes: Vec<usize> = files.iter().map(Vec::len).collect();
        let mut published = publish_all(files.into_iter().flatten().collect()).await?.into_iter();
        let mut manifests: Vec<Manifest> = Vec::with_capacity(tables.len());
        let mut is_new: Vec<bool> = Vec::with_capacity(tables.len());
        for (((table, base), kept), size) in tables.iter().zip(base).zip(kept).zip(sizes) {
            let (source, connection) = (&self.connection.source.id, &self.connection.name);
            let added: Vec<Entry> = published
                .by_ref()
                .take(size)
                .map(|file| Entry::new(&run.lake, connection, &table.id, file))
                .collect();
            match base {
                Some(base)
                    if added.is_empty()
                        && kept
                            .iter()
                            .map(|entry| &entry.path)
                            .eq(base.entries.iter().map(|entry| &entry.path)) =>
                {
                    manifests.push(base.clone());
                    is_new.push(false);
                }
                _ => {
                    let version = base.as_ref().map_or(1, |base| base.version + 1);
                    let entries = kept.into_iter().chain(added).collect();
                    let mut manifest = Manifest::new(source, connection, table, version, &run.id, Utc::now(), entries);
                    manifest.mode = facts.mode;
                    manifest.columns_gone = facts.columns_gone.get(manifests.len()).cloned().unwrap_or_default();
                    manifests.push(manifest);
                    is_new.push(true);
                }
            }
        }
        self.name_children(run, &mut manifests, &mut is_new, parent, account, facts);
        if !is_new.contains(&true) {
            return Ok(Outcome::Unchanged(manifests));
        }
        if let Some(lease) = run.leases.get(&self.connection.name) {
            lease.check().await?;
        }
        let last_first = manifests.iter().zip(&is_new).rev().filter(|(_, is_new)| **is_new);
        let last_first: Vec<&Manifest> = last_first.map(|(manifest, _)| manifest).collect();
        if let Some(lost) = commit::commit_family(&run.lake, &last_first).await? {
            return Ok(Outcome::Lost(lost.version));
        }
        Ok(Outcome::Committed(manifests))
    }

    /// Completes the parent's manifest, and makes it a new one if it says anything that its base does not.
    fn name_children(
        &self,
        run: &Run,
        manifests: &mut [Manifest],
        is_new: &mut [bool],
        base: Option<&Manifest>,
        account: Option<String>,
        facts: Facts,
    ) {
        let named = |of: &dyn Fn(&String) -> bool| {
            let others = manifests.iter().skip(1).filter(|other| of(&other.table));
            others.map(|other| (other.table.clone(), other.version)).collect::<BTreeMap<_, _>>()
        };
        let children = named(&|table| self.table.children.contains(table));
        let histories = named(&|table| !self.table.children.contains(table));
        let (Some(parent), Some(is_new)) = (manifests.first_mut(), is_new.first_mut()) else {
            return;
        };
        if let Some(base) = base.filter(|_| !*is_new) {
            // A savepoint that merely moved on is no news: what lies between is read again, and found unchanged.
            let says_anew = base.children != children
                || base.histories != histories
                || base.resume != facts.resume
                || base.mode != facts.mode
                || base.savepoint.is_some() != facts.savepoint.is_some()
                || facts.reconciled_at.is_some()
                || facts.replaced
                || base.absent != facts.absent
                || (base.read_again && facts.read_all);
            if !says_anew {
                return;
            }
            *is_new = true;
            parent.columns_gone = facts.columns_gone.first().cloned().unwrap_or_default();
            parent.version += 1;
            (parent.run_id, parent.committed_at) = (run.id.clone(), Utc::now());
        }
        (parent.children, parent.histories) = (children, histories);
        (parent.mode, parent.savepoint) = (facts.mode, facts.savepoint);
        (parent.resume, parent.load) = (facts.resume, facts.load);
        if let Some(made) = facts.derived {
            (parent.derived_from, parent.derived_runs, parent.derived_by) = (made.derived_from, made.derived_runs, Some(made.derived_by));
        }
        (parent.host, parent.account) = (self.host().map(str::to_owned), account);
        parent.absent = facts.absent;
        parent.read_again = base.is_some_and(|base| base.read_again) && !facts.read_all;
        parent.reconcile_tried_at = base
            .and_then(|base| base.reconcile_tried_at)
            .filter(|_| facts.reconciled_at.is_none());
        parent.reconciled_at = facts.reconciled_at.or(base.and_then(|base| base.reconciled_at));
    }

    /// The race was lost too often.
    pub(super) fn lost(&self, version: u64) -> Error {
        Error::new(
            Kind::Conflict,
            format!(
                "another run committed version {version} of `{}`, or of a table exploded from it, while this one was reading; its content stands",
                self.table.id
            ),
        )
        .hint("several exports of one connection run at once; nothing is lost, and the next run goes on from what was committed")
    }
}
