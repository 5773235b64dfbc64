//! Whose rows a connection's tables hold: found out once in a run, and held against each table's manifest. What is kept is told in [`crate::account`].

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use super::step::Step;
use super::{Export, Family, Run};
use crate::account::{self, Asked, Claim, Settled, VendorId};
use crate::commit::Manifest;
use crate::config::Connection;
use crate::error::{Error, Kind, Result};
use crate::http::{Meter, Request};
use crate::store::Lake;

/// Times that a record is written again because another run was faster.
const ATTEMPTS: usize = 5;

/// The account of a connection, as far as a run knows it.
#[derive(Default)]
pub(super) struct Identity {
    /// What the vendor says, once it was asked.
    id: OnceCell<Result<Option<VendorId>>>,
    settled: Mutex<Option<Result<Settled>>>,
}

impl Export {
    /// The account that a connection asks, in words, held against the lake.
    ///
    /// # Errors
    /// Those for which the next export of each of its tables would fail: it is another account than that of the lake's rows, or the vendor refuses the token.
    pub async fn check_account(&self, connection: &Connection) -> Result<String> {
        let Some(family) = self.families.iter().find(|family| family.connection.name == connection.name) else {
            return Ok("none of its tables is asked for".to_owned());
        };
        let settled = family.known_account(&self.run, false).await?;
        let account = settled.record().describe(Some(settled.account()));
        Ok(match settled.is_recorded() {
            true => format!("{account}, as in the lake"),
            false => format!("{account}; the next export records it"),
        })
    }
}

impl Family {
    /// # Errors
    /// `Config` when the table's rows in the lake, or those of the connection, are of another account and the run is not to replace them.
    pub(super) async fn check_account(&self, run: &Run, parent: Option<&Manifest>) -> Result<()> {
        if self.table.is_derived() {
            return Ok(());
        }
        match self.other_account(run, parent).await?.filter(|_| !run.options.full_refresh) {
            Some(was) => Err(self.is_of_another(run, &was).await?),
            None => Ok(()),
        }
    }

    /// Whether what the manifests list is of another account or host, so that nothing of it may stay beside what this step brings.
    ///
    /// # Errors
    /// `Config` when it is, and the step does not replace all of it.
    pub(super) async fn replaces_others(&self, run: &Run, base: &[Option<Manifest>], step: &Step) -> Result<bool> {
        let parent = base.first().and_then(Option::as_ref);
        let other = match self.other_host(parent) {
            Some(host) => Some(format!("`{host}`")),
            None => self.other_account(run, parent).await?,
        };
        match other {
            None => Ok(false),
            Some(_) if self.derivation.is_some() || (run.options.full_refresh && step.reads_all()) => Ok(true),
            Some(was) => Err(self.is_of_another(run, &was).await?),
        }
    }

    /// The name of the account that the next manifest is to bear; the lake knows it from here on. To be called once the vendor has answered: a token that it refuses is nobody's.
    ///
    /// # Errors
    /// `Config` when another run has recorded another account meanwhile; `Store` when the lake cannot be read or written.
    pub(super) async fn account_to_name(&self, run: &Run, parent: Option<&Manifest>, replaced: bool) -> Result<Option<String>> {
        if let Some(sources) = &self.derivation {
            return Ok(sources.account.clone());
        }
        let settled = self.record_account(run).await?;
        if !replaced && !is_of(&settled, parent) {
            let was = settled
                .record()
                .describe(parent.and_then(|parent| settled.record().account_of(parent)));
            return Err(self.is_of_another(run, &was).await?);
        }
        Ok(Some(settled.account().to_owned()))
    }

    /// The account whose rows the manifest lists, in words, if it is another than the one that is asked, or was derived from.
    async fn other_account(&self, run: &Run, parent: Option<&Manifest>) -> Result<Option<String>> {
        if let Some(sources) = &self.derivation {
            let record = account::read(&run.lake, &self.connection.name).await?;
            let was = parent.and_then(|parent| match &record {
                Some(record) => record.account_of(parent),
                None => parent.account.as_deref(),
            });
            let is_other = parent.is_some() && was != sources.account.as_deref();
            return Ok(is_other.then(|| "the tables that it was made of".to_owned()));
        }
        if is_of(&self.known_account(run, false).await?, parent) {
            return Ok(None);
        }
        // Another run may have recorded it since.
        let settled = self.known_account(run, true).await?;
        let was = parent.and_then(|parent| settled.record().account_of(parent));
        Ok((!is_of(&settled, parent)).then(|| settled.record().describe(was)))
    }

    async fn is_of_another(&self, run: &Run, was: &str) -> Result<Error> {
        let settled = self.known_account(run, false).await?;
        let asks = settled.record().describe(Some(settled.account()));
        Ok(Error::config(format!(
            "its rows in the lake are of {was}, and connection `{}` asks {asks}",
            self.connection.name
        ))
        .hint("two accounts in one table would be neither: `--full-refresh` of the table replaces what is there"))
    }

    /// The account that is asked, by the vendor's word or by the token. `again`: the lake is looked into anew.
    async fn known_account(&self, run: &Run, again: bool) -> Result<Settled> {
        let mut held = self.identity.settled.lock().await;
        match &*held {
            Some(settled) if !again => settled.clone(),
            _ => {
                let settled = self.settle(run).await;
                // A lake that could not be read may be read by the next table.
                *held = match &settled {
                    Err(error) if error.kind() != Kind::Config => None,
                    settled => Some(settled.clone()),
                };
                settled
            }
        }
    }

    async fn settle(&self, run: &Run) -> Result<Settled> {
        let id = self.identity.id.get_or_init(|| self.vendor_id(run)).await.clone()?;
        let asked = Asked {
            source: &self.connection.source.id,
            host: self.host(),
            id: id.as_ref(),
            token: &self.connection.token,
            run_id: &run.id,
        };
        let claim = match (run.options.full_refresh, run.options.same_account) {
            (true, _) => Claim::Another,
            (false, true) => Claim::Same,
            (false, false) => Claim::Nothing,
        };
        let settled = account::settle(&run.lake, &self.connection.name, &asked, claim);
        self.client.stop().race(settled).await
    }

    async fn record_account(&self, run: &Run) -> Result<Settled> {
        let mut held = self.identity.settled.lock().await;
        for _ in 0..ATTEMPTS {
            let mut settled = match held.take() {
                Some(Ok(settled)) => settled,
                _ => self.settle(run).await?,
            };
            if !settled.is_recorded()
                && let Some(lease) = run.leases.get(&self.connection.name)
            {
                lease.check().await?;
            }
            if settled.write(&run.lake, &self.connection.name, &run.id).await? {
                *held = Some(Ok(settled.clone()));
                return Ok(settled);
            }
        }
        Err(Error::new(
            Kind::Conflict,
            format!(
                "`{}` is written again and again by others",
                run.lake.url(&account::path(&self.connection.name))
            ),
        )
        .hint("are many exports of this connection running at once? one at a time is enough"))
    }

    /// The vendor's id of the account: one request in a run, where its API is known to tell it. A vendor that does not tell it, in one reply's time, is known by the token; one that
    /// refuses the token refuses it everywhere.
    async fn vendor_id(&self, run: &Run) -> Result<Option<VendorId>> {
        let Some(route) = &self.connection.source.account else {
            return Ok(None);
        };
        let request = Request {
            table: "account".to_owned(),
            path: route.endpoint.clone(),
            query: route.params.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        };
        let is_own = |(connection, _): &&(String, Meter)| *connection == self.connection.name;
        let unseen = Meter::default();
        let meter = run.progress.accounts.iter().find(is_own).map_or(&unseen, |(_, meter)| meter);
        let asking = self.client.get_as(&request, meter, |reply| {
            let reply: Value = serde_json::from_slice(&reply.body)
                .map_err(|error| Error::new(Kind::Data, format!("expected JSON with the account's id: {error}")))?;
            Ok(route.id(&reply))
        });
        let told = match tokio::time::timeout(self.connection.source.timeout, asking).await {
            Ok(Ok(told)) => told,
            Ok(Err(failure)) if matches!(failure.error.kind(), Kind::Auth | Kind::Stopped) => return Err(failure.error),
            Ok(Err(failure)) => {
                tracing::info!(
                    connection = self.connection.name,
                    error = failure.error.message(),
                    "the account's id is not known"
                );
                None
            }
            Err(_) => {
                tracing::info!(connection = self.connection.name, "the account's id did not come in time");
                None
            }
        };
        Ok(told.map(|value| VendorId {
            value,
            read_from: route.read_from(),
        }))
    }
}

fn is_of(settled: &Settled, parent: Option<&Manifest>) -> bool {
    parent.is_none_or(|parent| settled.record().account_of(parent) == Some(settled.account()))
}

/// The manifests with nothing of another account in them: versions go on, files and savepoint do not.
pub(super) fn emptied(mut base: Vec<Option<Manifest>>) -> Vec<Option<Manifest>> {
    for manifest in base.iter_mut().flatten() {
        manifest.entries.clear();
        (manifest.rows, manifest.bytes) = (0, 0);
        (manifest.savepoint, manifest.resume, manifest.reconciled_at) = (None, None, None);
        manifest.reconcile_tried_at = None;
        manifest.absent.clear();
        manifest.columns_gone.clear();
    }
    base
}

/// The account that all of these tables are of; nothing where none was ever recorded.
///
/// # Errors
/// `Config` when they are of several.
pub(super) async fn common_account(lake: &Lake, connection: &str, manifests: &BTreeMap<String, Manifest>) -> Result<Option<String>> {
    let record = account::read(lake, connection).await?;
    let of = |manifest: &Manifest| match &record {
        Some(record) => record.account_of(manifest).map(str::to_owned),
        None => manifest.account.clone(),
    };
    let mut accounts = manifests.iter().map(|(table, manifest)| (table, of(manifest)));
    let Some((first, account)) = accounts.next() else { return Ok(None) };
    match accounts.find(|(_, other)| *other != account) {
        None => Ok(account),
        Some((other, of_other)) => {
            let words = |account: &Option<String>| match &record {
                Some(record) => record.describe(account.as_deref()),
                None => "another account".to_owned(),
            };
            Err(Error::config(format!(
                "it is made of tables of two accounts: `{first}` holds rows of {}, `{other}` of {}",
                words(&account),
                words(&of_other)
            ))
            .hint("`afluente export --full-refresh` of these tables reads all of them from the account that is asked now"))
        }
    }
}
