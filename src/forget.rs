//! The rows of one key taken out of a lake: of a table, of those exploded from it, of their histories, and of what was rejected of them; and all rows of the histories of tables
//! that are derived from it.
//!
//! The family is replaced in one commit: histories and exploded tables first, the parent last, naming their versions, as in an export. Then everything that
//! this supersedes is deleted at once, whatever the retention: readers that are still at the old files fail. Old manifests stay as long as they always do
//! ([`commit::sweep`]); of rows they tell the least and the greatest key and cursor of each file, and nothing else.

mod files;
mod key;
mod rejects;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::commit::{self, Entry, Manifest};
use crate::error::{Error, Kind, Result};
use crate::hash_key::HashKey;
use crate::lease::{Acquired, Lease};
use crate::schema::Source;
use crate::store::{DataFile, Lake, data_file_version};
use crate::write::publish_all;

pub use key::Wanted;

/// For the writer, in bytes.
const MEMORY: usize = 96 << 20;

/// Whose rows are to go.
#[derive(Debug, Clone)]
pub struct Options {
    /// The connection, as its folder in the lake.
    pub connection: String,
    /// The table.
    pub table: String,
    /// Its primary key in clear; the values of several columns joined by commas.
    pub key: String,
    /// What hashes, where the key is hashed.
    pub hash_key: Option<HashKey>,
    /// Nothing is written or deleted.
    pub dry_run: bool,
}

/// What went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Tables with the rows that went, or would go, in the order of the family; those without any are left out. Then the histories of `derived`, whole.
    pub rows: Vec<(String, u64)>,
    /// The same of what was rejected.
    pub rejected: Vec<(String, u64)>,
    /// Columns of other tables that refer to the table, `table.column`: they keep the key.
    pub referred_by: Vec<String>,
    /// Tables that are derived from this one: the next export makes them anew, and until then they hold what they held. Their histories begin anew with it.
    pub derived: Vec<String>,
}

/// A table of the family, and by which values a row of it belongs to the key.
#[derive(Debug, Clone)]
struct Member {
    manifest: Manifest,
    wanted: Wanted,
    /// Files that hold such a row, with the number of these.
    hit: Vec<(Entry, u64)>,
}

/// Takes the rows out.
///
/// # Errors
/// `Config` when the table is not in the lake or the catalogue, the key is not one of it, or nothing has that key; `Conflict` when a run is at work on the
/// connection, or was cut between the commits of the family; `Store` when the lake cannot be read or written.
pub async fn forget(lake: &Lake, source: &Source, content: &[Manifest], run_id: &str, options: &Options) -> Result<Forgotten> {
    let work = Work {
        lake,
        source,
        run_id,
        options,
    };
    if options.dry_run {
        return work.run(content, None).await;
    }
    match Lease::acquire(lake, &options.connection, run_id).await? {
        Acquired::Busy(holder) => Err(
            Error::new(Kind::Conflict, format!("connection `{}` is busy: {holder}", options.connection))
                .hint("forget again when it is done; a run that died gives its lease up within two minutes"),
        ),
        Acquired::Held(lease) => {
            // What was there before the lease was taken may be superseded by now.
            let listing = lake.list(&options.connection).await?;
            let done = tokio::select! {
                biased;
                lost = lease.lost() => return Err(lost),
                done = async { work.run(&commit::content_of(lake, &listing).await?, Some(&lease)).await } => done,
            };
            let released = lease.release().await;
            done.and_then(|forgotten| released.map(|()| forgotten))
        }
    }
}

struct Work<'a> {
    lake: &'a Lake,
    source: &'a Source,
    run_id: &'a str,
    options: &'a Options,
}

impl Work<'_> {
    async fn run(&self, content: &[Manifest], lease: Option<&Lease>) -> Result<Forgotten> {
        let (parent, mut members) = self.members(content)?;
        self.check_whole(&parent, content).await?;
        for member in &mut members {
            let (lake, handle, of) = (self.lake.clone(), Handle::current(), member.clone());
            member.hit = spawn_blocking(move || files::find(&lake, &of, &handle)).await??;
        }
        let derived: Vec<&Manifest> = content.iter().filter(|other| self.is_derived(other)).collect();
        let histories: Vec<(Manifest, Member)> = derived.iter().filter_map(|derived| whole_history(derived, content)).collect();
        for (derived, _) in &histories {
            self.check_whole(derived, content).await?;
        }
        let mut rows: Vec<(String, u64)> = members
            .iter()
            .map(|member| (member.manifest.table.clone(), member.hit.iter().map(|(_, rows)| rows).sum()))
            .filter(|(_, rows)| *rows > 0)
            .collect();
        let mut rejected = rejects::find(self.lake, &self.options.connection, &self.rejecting(&members)?).await?;
        rejected.retain(|file| file.rows > 0);
        if rows.is_empty() && rejected.is_empty() {
            return Err(Error::config(format!(
                "no row of `{}.{}` has that key, nor has any that was rejected",
                self.options.connection, self.options.table
            ))
            .hint(format!(
                "the key is {}, as the vendor writes it; rows that were replaced lately may lie in superseded files: `afluente vacuum --retention 0s` drops them",
                members.first().map(|member| member.wanted.columns()).unwrap_or_default()
            )));
        }
        rows.extend(
            histories
                .iter()
                .map(|(_, member)| (member.manifest.table.clone(), member.manifest.rows)),
        );
        if let Some(lease) = lease {
            // Before the rows, by which a run that was cut would be known to have something left to do.
            for (derived, member) in &histories {
                let mut parent = derived.clone();
                parent.histories.remove(&member.manifest.table);
                self.replace(&parent, std::slice::from_ref(member), content, lease).await?;
            }
            self.replace(&parent, &members, content, lease).await?;
            rejects::rewrite(self.lake, &self.options.connection, &rejected).await?;
        }
        let mut sums: Vec<(String, u64)> = Vec::new();
        for file in rejected {
            match sums.iter_mut().find(|(table, _)| *table == file.of.table) {
                Some((_, sum)) => *sum += file.rows,
                None => sums.push((file.of.table, file.rows)),
            }
        }
        Ok(Forgotten {
            derived: derived.into_iter().map(|other| other.table.clone()).collect(),
            rows,
            rejected: sums,
            referred_by: self.referred_by(),
        })
    }

    fn is_derived(&self, other: &Manifest) -> bool {
        other.connection == self.options.connection && other.derived_from.contains_key(&self.options.table)
    }

    /// The manifest of the table that is read by itself, and the tables that rows go from: the table first.
    fn members(&self, content: &[Manifest]) -> Result<(Manifest, Vec<Member>)> {
        let Options {
            connection,
            table,
            key,
            hash_key,
            ..
        } = self.options;
        let find = |name: &str| {
            content
                .iter()
                .find(|manifest| manifest.connection == *connection && manifest.table == name)
        };
        let Some(manifest) = find(table) else {
            let known: Vec<&str> = content.iter().map(|manifest| manifest.table.as_str()).collect();
            return Err(
                Error::config(format!("the lake has no table `{connection}.{table}`")).hint(format!("it has: {}", known.join(", ")))
            );
        };
        let declared = self.source.tables.get(table).ok_or_else(|| {
            Error::config(format!("`{table}` is not a table of {}, as it is declared", self.source.id))
                .hint("the declarations say which tables are exploded from it: --schemas DIR if it is one of your own; a history goes with its table")
        })?;
        let parent = content
            .iter()
            .find(|other| other.connection == *connection && other.children.contains_key(table))
            .unwrap_or(manifest);
        let wanted = Wanted::of(manifest, key, hash_key.as_ref())?;
        let mut members = vec![(manifest, wanted.clone())];
        for child in manifest.children.keys() {
            let (Some(of_child), Some(declared_child)) = (find(child), self.source.tables.get(child)) else {
                return Err(
                    Error::config(format!("`{child}`, which is exploded from `{table}`, is not declared"))
                        .hint("the declarations say by which column its rows belong to it: --schemas DIR"),
                );
            };
            let copies = declared_child.key_in(declared).ok_or_else(|| {
                Error::config(format!(
                    "table `{child}` does not hold the key of `{table}` ({})",
                    declared.primary_key.join(", ")
                ))
            })?;
            let copies = copies.into_iter().map(|at| declared_child.columns[at].name.as_str());
            members.push((of_child, wanted.in_child(copies)));
        }
        // Also one that is not kept any more, and that the parent does not name.
        let histories = members
            .clone()
            .into_iter()
            .filter_map(|(of, wanted)| Some((find(&format!("{}_history", of.table))?, wanted)));
        members.extend(histories.collect::<Vec<_>>());
        let members = members.into_iter().map(|(manifest, wanted)| Member {
            manifest: manifest.clone(),
            wanted,
            hit: Vec::new(),
        });
        Ok((parent.clone(), members.collect()))
    }

    /// Whether what stands in the lake is what belongs together, and nobody is about to replace it.
    async fn check_whole(&self, parent: &Manifest, content: &[Manifest]) -> Result<()> {
        let named = parent.children.iter().chain(&parent.histories);
        for (table, version) in std::iter::once((&parent.table, &parent.version)).chain(named) {
            let newest = commit::versions(self.lake, &parent.connection, table).await?;
            let is_there = content
                .iter()
                .any(|manifest| manifest.connection == parent.connection && manifest.table == *table && manifest.version == *version);
            if newest.last() != Some(version) || !is_there {
                return Err(Error::new(
                    Kind::Conflict,
                    format!(
                        "`{}/{table}` is at version {}, expected {version}: nothing was forgotten",
                        parent.connection,
                        newest.last().unwrap_or(&0),
                    ),
                )
                .hint("an export is running, or was cut: let one run to its end, then forget again"));
            }
        }
        Ok(())
    }

    /// Writes the rows that stay, commits, and deletes what is superseded.
    async fn replace(&self, parent: &Manifest, members: &[Member], content: &[Manifest], lease: &Lease) -> Result<()> {
        let mut staged = Vec::with_capacity(members.len());
        for member in members {
            let (lake, handle, of, run_id) = (self.lake.clone(), Handle::current(), member.clone(), self.run_id.to_owned());
            staged.push(spawn_blocking(move || files::rewrite(&lake, &of, &run_id, &handle)).await??);
        }
        let sizes: Vec<usize> = staged.iter().map(Vec::len).collect();
        let mut published = publish_all(staged.into_iter().flatten().collect()).await?.into_iter();
        let mut next = Vec::new();
        for (member, size) in members.iter().zip(sizes) {
            let files: Vec<DataFile> = published.by_ref().take(size).collect();
            if !member.hit.is_empty() {
                let hit: Vec<&str> = member.hit.iter().map(|(entry, _)| entry.path.as_str()).collect();
                next.push(member.manifest.successor(self.lake, self.run_id, &hit, files));
            }
        }
        let own = next
            .iter()
            .position(|manifest| manifest.table == parent.table)
            .map(|at| next.remove(at));
        if !next.is_empty() || own.is_some() {
            let mut parent = own.unwrap_or_else(|| parent.successor(self.lake, self.run_id, &[], Vec::new()));
            for manifest in &next {
                for named in [&mut parent.children, &mut parent.histories] {
                    named
                        .entry(manifest.table.clone())
                        .and_modify(|version| *version = manifest.version);
                }
            }
            next.push(parent);
            lease.check().await?;
        }
        if let Some(lost) = commit::commit_family(self.lake, &next.iter().collect::<Vec<_>>()).await? {
            return Err(Error::new(
                Kind::Conflict,
                format!(
                    "another run committed version {} of `{}` meanwhile; its content stands",
                    lost.version,
                    lost.folder()
                ),
            )
            .hint("forget again when no export is running"));
        }
        let others = members.iter().map(|member| &member.manifest.table);
        let family = std::iter::once(&parent.table)
            .chain(parent.children.keys())
            .chain(parent.histories.keys());
        for table in family.chain(others).collect::<std::collections::BTreeSet<_>>() {
            let newest = next.iter().find(|manifest| manifest.table == *table);
            let newest = newest.or_else(|| {
                content
                    .iter()
                    .find(|manifest| manifest.connection == parent.connection && manifest.table == *table)
            });
            if let Some(newest) = newest {
                commit::sweep(self.lake, newest, Duration::ZERO).await?;
                self.drop_orphans(newest).await?;
            }
        }
        Ok(())
    }

    /// What a run that died left of a version that is not there: the lease says that none is at work.
    async fn drop_orphans(&self, newest: &Manifest) -> Result<()> {
        let listing = self.lake.list(&newest.folder()).await?;
        let is_orphan = |path: &String| data_file_version(path).is_some_and(|version| version > newest.version);
        let orphans: Vec<String> = listing.into_iter().map(|object| object.path).filter(is_orphan).collect();
        self.lake.delete(&orphans).await
    }

    /// The tables that have rejects of the key, and how it stands there.
    fn rejecting(&self, members: &[Member]) -> Result<Vec<rejects::Of>> {
        let Some(first) = members.first() else { return Ok(Vec::new()) };
        let is_history = |member: &&Member| !self.source.tables.contains_key(&member.manifest.table);
        let of = |member: &Member| {
            // A table without a key of its own tells its parent's.
            let of = if member.manifest.primary_key.is_empty() { first } else { member };
            let key = &of.manifest.primary_key;
            rejects::Of {
                table: member.manifest.table.clone(),
                places: of.wanted.places(key),
                parts: key.len(),
                wanted: of.wanted.clone(),
                key: self.options.key.clone(),
            }
        };
        Ok(members.iter().filter(|member| !is_history(member)).map(of).collect())
    }

    /// Columns of other tables that hold the key.
    fn referred_by(&self) -> Vec<String> {
        let of = format!("{}.", self.options.table);
        let own = Some(self.options.table.as_str());
        let tables = self.source.tables.values();
        tables
            .filter(|table| own != Some(&table.id) && own != table.exploded_from())
            .flat_map(|table| {
                let refers = table
                    .columns
                    .iter()
                    .filter(|column| column.references.as_deref().is_some_and(|to| to.starts_with(&of)));
                refers.map(|column| format!("{}.{}", table.id, column.name))
            })
            .collect()
    }
}

/// A derived table with its history, of which every row goes: that it holds something of a person does not show in its key, for it may be made of a deal or a note. Not named
/// by the table any more, it begins anew with the next export.
fn whole_history(derived: &Manifest, content: &[Manifest]) -> Option<(Manifest, Member)> {
    let name = format!("{}_history", derived.table);
    let history = content
        .iter()
        .find(|other| other.connection == derived.connection && other.table == name && other.rows > 0)?;
    let member = Member {
        manifest: history.clone(),
        wanted: Wanted::all(),
        hit: history
            .entries
            .iter()
            .map(|entry| (entry.clone(), entry.meta.record_count))
            .collect(),
    };
    Some((derived.clone(), member))
}
