//! What a history leaves: the lake as the source is, and nothing beside it.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::plan::{Plan, must_succeed, run};
use super::{Fate, History, Process, text, vacuum_options};
use crate::commit;
use crate::config::Connection;
use crate::export::Options;
use crate::export::tests::content::{Content, content, difference};
use crate::store::{Lake, data_file_version};
use crate::vacuum::vacuum;
use crate::verify::verify;

impl History {
    /// Nothing changes any more: what does the lake hold in the end?
    pub(super) async fn end(&mut self) -> Result<(), String> {
        self.steps.push("the end: run".to_owned());
        self.expect_free(true).await?;
        let lake = Process::new(&self.fake, Fate::Lives).lake();
        // What an unfinished load had read before may have changed or gone since.
        let plain = |connections: &[Connection]| Plan {
            connections: connections.to_vec(),
            options: Options::default(),
            small_index: false,
            leased: true,
        };
        self.run_well(plain(&self.account.connections), &lake).await?;
        let mut last = plain(&self.account.connections);
        if self.deletes && self.rng.u8(..8) == 0 {
            last.options.full_refresh = true;
            self.steps.push("the end: run --full-refresh".to_owned());
        } else if self.deletes {
            last.connections = self.account.reconciling();
            self.steps.push("the end: run reconcile".to_owned());
        } else {
            self.steps.push("the end: run".to_owned());
        }
        self.run_well(last, &lake).await?;
        let expected = self.oracle().await?;
        let found = content(&lake).await?;
        if let Some(difference) = difference(&expected, &found) {
            return Err(format!("the lake is not what the source is:\n{difference}"));
        }
        let before = objects(&lake).await?;
        must_succeed(run(plain(&self.account.connections), &lake).await?)?;
        let after = objects(&lake).await?;
        if before != after {
            let new: Vec<&String> = after.iter().filter(|path| !before.contains(path)).collect();
            return Err(format!("nothing changed at the source, yet a run wrote {new:?}"));
        }
        self.is_clean(&lake).await?;
        self.savepoints_grow(&lake).await
    }

    /// What a first export of the account as it is now brings.
    async fn oracle(&self) -> Result<Content, String> {
        let lake = Lake::memory();
        let mut connections = self.account.connections.clone();
        for connection in &mut connections {
            connection.checkpoint = Duration::from_secs(300);
            connection.tables.clear();
        }
        let plan = Plan {
            connections,
            options: Options::default(),
            small_index: false,
            leased: false,
        };
        must_succeed(run(plan, &lake).await?)?;
        content(&lake).await
    }

    /// After a vacuum there is nothing beside the live files, and nothing wrong with them.
    async fn is_clean(&self, lake: &Lake) -> Result<(), String> {
        let outcome = vacuum(lake, &Uuid::now_v7().to_string(), &vacuum_options(Duration::ZERO)).await;
        let outcome = outcome.map_err(|error| format!("vacuum: {error:?}"))?;
        if !outcome.failed.is_empty() || !outcome.busy.is_empty() {
            return Err(format!("vacuum: {outcome:?}"));
        }
        let listing = lake.list("").await.map_err(text)?;
        let manifests = commit::content(lake).await.map_err(text)?;
        let listed = manifests.iter().flat_map(|manifest| {
            let folder = manifest.folder();
            manifest.entries.iter().map(move |entry| format!("{folder}/{}", entry.path))
        });
        let mut listed: Vec<String> = listed.collect();
        listed.sort();
        let there = listing.iter().filter(|object| data_file_version(&object.path).is_some());
        let there: Vec<String> = there.map(|object| object.path.clone()).collect();
        if there != listed {
            return Err(format!(
                "after a vacuum the data files are {there:?}, the manifests list {listed:?}"
            ));
        }
        let verified = verify(lake, &listing, &manifests).await.map_err(text)?;
        match verified.findings.is_empty() {
            true => Ok(()),
            false => Err(format!("verify: {:?}", verified.findings)),
        }
    }

    async fn savepoints_grow(&self, lake: &Lake) -> Result<(), String> {
        for manifest in commit::content(lake).await.map_err(text)? {
            let (connection, table) = (&manifest.connection, &manifest.table);
            let (mut last, mut account) = (None, None);
            for version in commit::versions(lake, connection, table).await.map_err(text)? {
                let one = commit::read(lake, connection, table, version).await.map_err(text)?;
                let savepoint = one.as_ref().and_then(|one| one.savepoint);
                let of = one.and_then(|one| one.account);
                if of != account {
                    // Another account's time is another one.
                    (last, account) = (None, of);
                }
                if savepoint < last {
                    return Err(format!(
                        "{connection}.{table}: savepoint {savepoint:?} at version {version} after {last:?}"
                    ));
                }
                last = savepoint;
            }
        }
        Ok(())
    }

    /// All manifests, a line for each.
    pub async fn manifests(&self) -> Result<Vec<String>, String> {
        let lake = Lake::over(Arc::new(self.fake.clone()));
        let mut lines = Vec::new();
        for newest in commit::content(&lake).await.map_err(text)? {
            for version in commit::versions(&lake, &newest.connection, &newest.table).await.map_err(text)? {
                let Some(one) = commit::read(&lake, &newest.connection, &newest.table, version)
                    .await
                    .map_err(text)?
                else {
                    continue;
                };
                let files = one.entries.iter().map(|entry| {
                    let version = data_file_version(&entry.path).unwrap_or_default();
                    format!("{} of {version}", entry.meta.record_count)
                });
                lines.push(format!(
                    "{} {version} by {}: {:?}, savepoint {:?}, resume {:?}, children {:?}, rows {}",
                    one.folder(),
                    &one.run_id[30..],
                    one.mode,
                    one.savepoint,
                    one.resume,
                    one.children,
                    files.collect::<Vec<_>>().join(" + ")
                ));
            }
        }
        Ok(lines)
    }
}

/// Data files and manifests.
async fn objects(lake: &Lake) -> Result<Vec<String>, String> {
    let listing = lake.list("").await.map_err(text)?;
    let is_table = |path: &str| data_file_version(path).is_some() || path.contains("/_manifest/");
    Ok(listing
        .into_iter()
        .map(|object| object.path)
        .filter(|path| is_table(path))
        .collect())
}
