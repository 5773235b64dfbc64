//! Steps of a history that change who is asked: tokens that are replaced, and another account behind the same host.

use std::collections::BTreeSet;

use super::plan::{Plan, asked, run};
use super::{Fate, History, Process, text};
use crate::commit;
use crate::config::Connection;
use crate::export::tests::account::Account;
use crate::export::{Failure, Options, RunReport};
use crate::secret::Secret;
use crate::store::{Lake, data_file_version};

impl History {
    /// One of these steps, where every connection has rows to be mixed.
    pub(super) async fn change_accounts(&mut self) -> Result<(), String> {
        let lake = Process::new(&self.fake, Fate::Lives).lake();
        let content = commit::content(&lake).await.map_err(text)?;
        let has_rows = |connection: &Connection| content.iter().any(|manifest| manifest.connection == connection.name);
        if !self.account.connections.iter().all(has_rows) {
            return Ok(());
        }
        match self.rng.u8(..3) {
            0 => self.replace_tokens().await,
            1 => self.ask_a_stranger().await,
            _ => self.move_in().await,
        }
    }

    /// New tokens of the same account: known by the vendor's id, or once `--same-account` says so.
    async fn replace_tokens(&mut self) -> Result<(), String> {
        let mut connections = self.account.connections.clone();
        self.give_tokens(&mut connections);
        self.account.connections = connections.clone();
        self.steps.push("new tokens: run".to_owned());
        self.expect_free(true).await?;
        let lake = Process::new(&self.fake, Fate::Lives).lake();
        let before = self.objects(&lake).await?;
        let report = run(plan(connections.clone(), Options::default()), &lake).await?;
        let after = self.objects(&lake).await?;
        for connection in &connections {
            let by_id = connection.source.account.is_some();
            for table in report.tables.iter().filter(|table| table.connection == connection.name) {
                let is_other = |error: &&Failure| error.message.contains("rows in the lake are of");
                let error = table.error.as_ref().filter(is_other);
                let is_told = error.is_some_and(|error| error.hint.as_deref().is_some_and(|hint| hint.contains("--same-account")));
                if error.is_some() == by_id || is_told == by_id {
                    return Err(format!("{}.{} has a new token: {:?}", table.connection, table.table, table.error));
                }
            }
            let own = |paths: &BTreeSet<String>| {
                paths
                    .iter()
                    .filter(|path| path.starts_with(&format!("{}/", connection.name)))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            if !by_id && own(&before) != own(&after) {
                return Err(format!("`{}` was not to be touched", connection.name));
            }
        }
        self.steps.push("  run --same-account".to_owned());
        let same = Options {
            same_account: true,
            ..Options::default()
        };
        self.run_well(plan(connections, same), &lake).await
    }

    /// Another account, without a word about it: nothing of the lake changes.
    async fn ask_a_stranger(&mut self) -> Result<(), String> {
        let stranger = self.stranger().await?;
        let (mut plan, text) = self.plan();
        plan.connections = stranger.connections.clone();
        plan.options.full_refresh = false;
        plan.options.same_account = stranger.connections.iter().all(|one| one.source.account.is_some()) && self.rng.bool();
        self.steps
            .push(format!("run of another account{text}, same account: {}", plan.options.same_account));
        self.expect_free(plan.leased).await?;
        let lake = Process::new(&self.fake, Fate::Lives).lake();
        let before = self.objects(&lake).await?;
        let report = run(plan, &lake).await?;
        if let Some(done) = report.tables.iter().find(|table| table.status.is_done()) {
            return Err(format!("{}.{} took rows of another account", done.connection, done.table));
        }
        match self.objects(&lake).await? == before {
            true => Ok(()),
            false => Err("a run of another account changed the lake".to_owned()),
        }
    }

    /// Another account takes the place of this one, or not after all: runs of both, of some tables, some of them cut. At the end one of them reads everything.
    async fn move_in(&mut self) -> Result<(), String> {
        let mut stranger = self.stranger().await?;
        for _ in 0..self.rng.usize(1..4) {
            let (mut one, mut two) = (self.of(&stranger), self.of(&stranger));
            let (fate, at_once) = (self.fate(), self.rng.u8(..4) == 0);
            if at_once {
                (one.leased, two.leased) = (false, false);
                two.connections = self.some_of(&self.account.connections.clone());
                self.steps.push(format!("  both accounts at once: {} | {}", told(&one), told(&two)));
                let lake = || Process::new(&self.fake, Fate::Lives).lake();
                let lakes = (lake(), lake());
                let reports = tokio::join!(run(one, &lakes.0), run(two, &lakes.1));
                for report in [reports.0, reports.1] {
                    report?;
                }
            } else {
                self.steps.push(format!("  move: {} {fate:?}", told(&one)));
                self.expect_free(one.leased).await?;
                self.leases_left |= fate != Fate::Lives && one.leased;
                let lake = Process::new(&self.fake, fate).lake();
                let _: Result<RunReport, String> = run(one, &lake).await;
            }
            self.is_pure().await?;
        }
        if self.rng.bool() {
            std::mem::swap(&mut self.account, &mut stranger);
        }
        let connections = self.account.connections.clone();
        let everything = Options {
            full_refresh: true,
            ..Options::default()
        };
        let last = plan(connections, everything);
        self.steps.push(format!("  stays: {}", told(&last)));
        self.expect_free(true).await?;
        let lake = Process::new(&self.fake, Fate::Lives).lake();
        self.run_well(last, &lake).await?;
        self.is_pure().await
    }

    /// A run of the other account, or of this one, of some tables.
    fn of(&mut self, stranger: &Account) -> Plan {
        let whose = if self.rng.u8(..3) > 0 {
            &stranger.connections
        } else {
            &self.account.connections
        };
        let connections = whose.clone();
        Plan {
            connections: self.some_of(&connections),
            options: Options {
                full_refresh: self.rng.u8(..3) > 0,
                ..Options::default()
            },
            small_index: self.rng.u8(..5) == 0,
            leased: self.rng.bool(),
        }
    }

    /// Some tables of these connections, one at least.
    fn some_of(&mut self, connections: &[Connection]) -> Vec<Connection> {
        let mut some = connections.to_vec();
        for connection in &mut some {
            connection.include.retain(|_| self.rng.bool());
        }
        some.retain(|connection| !connection.include.is_empty());
        if some.is_empty() { connections.to_vec() } else { some }
    }

    async fn stranger(&mut self) -> Result<Account, String> {
        let mut stranger = self.account.stranger(&mut self.rng).await;
        self.give_tokens(&mut stranger.connections);
        // Before the first change a vendor tells the time of this machine.
        let names = stranger.changing();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if !names.is_empty() {
            stranger.sandbox.churn(self.rng.u64(..), 1, &names).map_err(text)?;
        }
        Ok(stranger)
    }

    fn give_tokens(&mut self, connections: &mut [Connection]) {
        for connection in connections {
            self.tokens += 1;
            let token = crate::sandbox::Sandbox::later_token(&connection.source.id, self.tokens);
            connection.token = Secret::new(&token).unwrap();
        }
    }

    /// No table lists files of two accounts: each file is of the run that committed its version, and that asked one of them.
    async fn is_pure(&self) -> Result<(), String> {
        let lake = Process::new(&self.fake, Fate::Lives).lake();
        for manifest in commit::content(&lake).await.map_err(text)? {
            let mut accounts = BTreeSet::new();
            for entry in manifest.entries.iter().filter(|entry| entry.meta.record_count > 0) {
                let version = data_file_version(&entry.path).unwrap_or_default();
                let of = commit::read(&lake, &manifest.connection, &manifest.table, version)
                    .await
                    .map_err(text)?;
                accounts.extend(of.and_then(|of| asked(&of.run_id)));
            }
            if accounts.len() > 1 {
                return Err(format!(
                    "`{}` holds rows of the accounts at the ports {accounts:?}",
                    manifest.folder()
                ));
            }
        }
        Ok(())
    }

    /// Data files and manifests, and what is known of accounts.
    async fn objects(&self, lake: &Lake) -> Result<BTreeSet<String>, String> {
        let mut found = BTreeSet::new();
        for object in lake.list("").await.map_err(text)? {
            if object.path.ends_with("_connection.json") {
                found.insert(format!("{} {:?}", object.path, lake.get(&object.path).await.map_err(text)?));
            } else if data_file_version(&object.path).is_some() || object.path.contains("/_manifest/") {
                found.insert(object.path);
            }
        }
        Ok(found)
    }
}

fn plan(connections: Vec<Connection>, options: Options) -> Plan {
    Plan {
        connections,
        options,
        small_index: false,
        leased: true,
    }
}

fn told(plan: &Plan) -> String {
    let tables = plan
        .connections
        .iter()
        .map(|one| format!("{:?} at {:?}", one.include, one.base_url.port()));
    format!(
        "{}{}{}",
        tables.collect::<Vec<_>>().join(", "),
        if plan.options.full_refresh { " --full-refresh" } else { "" },
        if plan.leased { " leased" } else { "" }
    )
}
