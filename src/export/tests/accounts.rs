//! Whose rows a connection holds: single runs, where the random histories do not look.

use std::sync::Arc;
use std::time::Duration;

use super::content::content;
use super::process::{Fate, Process};
use crate::account;
use crate::commit::{self, Manifest};
use crate::config::{Connection, TableConfig};
use crate::export::{Export, IfBusy, Options, RunReport, Selection};
use crate::http::Stopper;
use crate::sandbox::{self, Sandbox};
use crate::schema::{Access, Catalog, Pagination};
use crate::secret::Secret;
use crate::store::Lake;
use crate::store::fake::Fake;

async fn sandbox(seed: u64) -> Sandbox {
    let options = sandbox::Options {
        seed,
        rows: 60,
        ..sandbox::Options::default()
    };
    Sandbox::start(options).await.unwrap()
}

fn connection(sandbox: &Sandbox, source: &str, tables: &[&str]) -> Connection {
    let mut declared = Catalog::embedded().unwrap().source(source).unwrap().clone();
    declared.decl.retry.backoff = Duration::from_millis(1);
    let mut connection = Connection::to_sandbox(&declared, &sandbox.base_url(source), Sandbox::token(source)).unwrap();
    connection.include = tables.iter().map(|&table| table.to_owned()).collect();
    connection
}

/// The same connection to another account, whose token is another one.
fn stranger(connection: &Connection, sandbox: &Sandbox) -> Connection {
    let mut stranger = connection.clone();
    stranger.base_url = sandbox.base_url(&connection.source.id).parse().unwrap();
    stranger.token = Secret::new(&Sandbox::later_token(&connection.source.id, 9)).unwrap();
    stranger
}

fn full_refresh() -> Options {
    Options {
        full_refresh: true,
        ..Options::default()
    }
}

fn plan(connection: &Connection, lake: &Lake, options: Options) -> Export {
    let (stopper, stop) = Stopper::new();
    let listening = (Arc::new(stopper), stop);
    Export::plan(vec![connection.clone()], &Selection::default(), lake.clone(), options, listening).unwrap()
}

async fn export(connection: &Connection, lake: &Lake, options: Options) -> RunReport {
    plan(connection, lake, options).run().await
}

async fn done(connection: &Connection, lake: &Lake, options: Options) -> RunReport {
    let report = export(connection, lake, options).await;
    assert!(!report.failed(), "{report:?}");
    report
}

/// Every table failed, because of whose rows they are.
fn refused(report: &RunReport) {
    for table in &report.tables {
        let error = table.error.as_ref().unwrap_or_else(|| panic!("{} did not fail", table.table));
        assert!(error.message.contains("rows in the lake are of"), "{error:?}");
    }
}

async fn manifest(lake: &Lake, connection: &Connection, table: &str) -> Manifest {
    commit::latest(lake, &connection.name, table).await.unwrap().unwrap()
}

async fn objects(lake: &Lake) -> Vec<(String, u64)> {
    let objects = lake.list("").await.unwrap().into_iter();
    let objects = objects.filter(|object| !object.path.starts_with('_') && !object.path.contains("/_lease/"));
    objects.map(|object| (object.path, object.bytes)).collect()
}

#[tokio::test]
async fn the_identity_costs_one_request_where_the_vendor_tells_it_and_none_elsewhere() {
    let (sandbox, lake) = (sandbox(1).await, Lake::memory());
    for (source, table, route) in [
        ("ploomes", "cities", true),
        ("ploomes", "cities", false),
        ("nectarcrm", "pipelines", false),
    ] {
        let mut connection = connection(&sandbox, source, &[table]);
        if !route {
            connection.source.decl.account = None;
        }
        for _ in 0..2 {
            let report = done(&connection, &lake, Options::default()).await;
            assert_eq!(report.other_requests, u64::from(route), "{source}, {route}");
        }
    }
}

#[tokio::test]
async fn a_vendor_that_does_not_tell_the_id_is_known_by_the_token() {
    let (sandbox, lake) = (sandbox(1).await, Lake::memory());
    let told = connection(&sandbox, "ploomes", &["cities"]);
    done(&told, &lake, Options::default()).await;
    let mut route = told.source.decl.account.clone().unwrap();
    route.endpoint = "/Nowhere".to_owned();
    let mut silent = told.clone();
    silent.source.decl.account = Some(route);
    let report = done(&silent, &lake, Options::default()).await;
    assert_eq!((report.other_requests, report.tables[0].status.name()), (1, "unchanged"));

    let mut rotated = silent.clone();
    rotated.token = Secret::new(&Sandbox::later_token("ploomes", 1)).unwrap();
    refused(&export(&rotated, &lake, Options::default()).await);
    // The vendor's word is enough where it comes.
    rotated.source.decl.account.clone_from(&told.source.decl.account);
    done(&rotated, &lake, Options::default()).await;
    // By now both tokens are known.
    rotated.source.decl.account.clone_from(&silent.source.decl.account);
    done(&rotated, &lake, Options::default()).await;
    done(&silent, &lake, Options::default()).await;
}

#[tokio::test]
async fn a_token_that_the_vendor_refuses_is_nobodys() {
    let (sandbox, lake) = (sandbox(1).await, Lake::memory());
    let right = connection(&sandbox, "exactsales", &["sources"]);
    let mut wrong = right.clone();
    wrong.token = Secret::new("mistyped").unwrap();
    assert!(export(&wrong, &lake, Options::default()).await.failed());
    assert!(account::read(&lake, &right.name).await.unwrap().is_none());
    done(&right, &lake, Options::default()).await;
    let same = Options {
        same_account: true,
        ..Options::default()
    };
    let stands = account::read(&lake, &right.name).await.unwrap();
    assert!(export(&wrong, &lake, same).await.failed());
    assert_eq!(account::read(&lake, &right.name).await.unwrap(), stands);
}

#[tokio::test]
async fn tables_that_were_not_chosen_stay_the_first_accounts() {
    let (first, second, lake) = (sandbox(1).await, sandbox(2).await, Lake::memory());
    let both = connection(&first, "exactsales", &["sources", "stages"]);
    done(&both, &lake, Options::default()).await;
    let (before, of_first) = (objects(&lake).await, manifest(&lake, &both, "stages").await);
    let other = stranger(&both, &second);
    refused(&export(&other, &lake, Options::default()).await);
    assert_eq!(objects(&lake).await, before);

    let mut one = other.clone();
    one.include = vec!["sources".to_owned()];
    done(&one, &lake, full_refresh()).await;
    let report = export(&other, &lake, Options::default()).await;
    let failed: Vec<&str> = report
        .tables
        .iter()
        .filter(|table| table.error.is_some() && table.exploded_from.is_none())
        .map(|table| table.table.as_str())
        .collect();
    assert_eq!(failed, ["stages"], "{report:?}");
    assert_eq!(manifest(&lake, &both, "stages").await, of_first);
    // The first one is known, and does not come back unasked: neither to its own table nor to a new one.
    let mut first_again = both.clone();
    first_again.include.push("sellers".to_owned());
    refused(&export(&first_again, &lake, Options::default()).await);
    assert!(commit::latest(&lake, &both.name, "sellers").await.unwrap().is_none());

    done(&other, &lake, full_refresh()).await;
    let undisturbed = Lake::memory();
    done(&other, &undisturbed, Options::default()).await;
    assert_eq!(
        super::content::difference(&content(&undisturbed).await.unwrap(), &content(&lake).await.unwrap()),
        None
    );
}

#[tokio::test]
async fn a_lake_that_stands_is_adopted_without_a_new_version() {
    let (sandbox, lake) = (sandbox(1).await, Lake::memory());
    let connection = connection(&sandbox, "exactsales", &["sources"]);
    done(&connection, &lake, Options::default()).await;
    // As the release before left it.
    let path = lake.list(&format!("{}/sources/_manifest", connection.name)).await.unwrap()[0]
        .path
        .clone();
    let mut old: serde_json::Value = serde_json::from_slice(&lake.get(&path).await.unwrap().unwrap()).unwrap();
    old.as_object_mut().unwrap().remove("account").unwrap();
    lake.put(&path, serde_json::to_vec(&old).unwrap()).await.unwrap();
    lake.delete(&[account::path(&connection.name)]).await.unwrap();

    let report = done(&connection, &lake, Options::default()).await;
    assert_eq!((report.tables[0].status.name(), report.tables[0].version), ("unchanged", Some(1)));
    assert!(account::read(&lake, &connection.name).await.unwrap().is_some());
    let other = stranger(&connection, &self::sandbox(2).await);
    refused(&export(&other, &lake, Options::default()).await);
}

#[tokio::test]
async fn an_empty_table_and_a_history_begin_anew_with_the_account() {
    let (first, lake) = (sandbox(1).await, Lake::memory());
    let second = Sandbox::start(sandbox::Options {
        seed: 2,
        rows: 60,
        table_rows: vec![("exactsales.sources".to_owned(), 0)],
        ..sandbox::Options::default()
    });
    let second = second.await.unwrap();
    let mut connection = connection(&first, "exactsales", &["sources", "leads"]);
    for table in ["sources", "leads"] {
        let keeps = TableConfig {
            keep_history: true,
            ..TableConfig::default()
        };
        connection.tables.insert(table.to_owned(), keeps);
    }
    done(&connection, &lake, Options::default()).await;
    assert!(manifest(&lake, &connection, "sources_history").await.rows > 0);
    let other = stranger(&connection, &second);
    done(&other, &lake, full_refresh()).await;
    for (table, rows) in [("sources", 0), ("sources_history", 0)] {
        assert_eq!(manifest(&lake, &connection, table).await.rows, rows, "{table}");
    }
    let leads = manifest(&lake, &connection, "leads").await;
    assert_eq!(manifest(&lake, &connection, "leads_history").await.rows, leads.rows);
    let stands = manifest(&lake, &connection, "sources").await;
    assert_eq!(stands.account, leads.account);
    refused(&export(&connection, &lake, Options::default()).await);
}

#[tokio::test]
async fn a_load_that_was_cut_is_not_gone_on_with_by_another_account() {
    let (first, second) = (sandbox(1).await, sandbox(2).await);
    let mut connection = connection(&first, "ploomes", &["products"]);
    connection.source.decl.account = None;
    connection.checkpoint = Duration::ZERO;
    for table in connection.source.tables.values_mut() {
        if let Access::Fetch(fetch) = &mut table.access
            && let Pagination::Keyset { size, .. } = &mut fetch.pagination
        {
            *size = 5;
        }
    }
    let mut at = 0;
    let lake = loop {
        let fake = Fake::new();
        let process = Process::new(&fake, Fate::Killed { at, done: true });
        export(&connection, &process.lake(), Options::default()).await;
        let lake = Process::new(&fake, Fate::Lives).lake();
        if commit::latest(&lake, "ploomes", "products").await.unwrap().is_some() {
            break lake;
        }
        at += 1;
    };
    let before = manifest(&lake, &connection, "products").await;
    assert!(before.resume.is_some(), "{before:?}");
    let other = stranger(&connection, &second);
    refused(&export(&other, &lake, Options::default()).await);
    assert_eq!(manifest(&lake, &connection, "products").await, before);
    done(&other, &lake, full_refresh()).await;
    let undisturbed = Lake::memory();
    done(&other, &undisturbed, Options::default()).await;
    assert_eq!(
        super::content::difference(&content(&undisturbed).await.unwrap(), &content(&lake).await.unwrap()),
        None
    );
}

/// Killed at each of its operations on the lake, a run that replaces the account leaves tables of one account each, and the next run with the same words ends it.
#[tokio::test]
async fn an_account_that_is_replaced_is_replaced_table_by_table() {
    let (first, second) = (sandbox(1).await, sandbox(2).await);
    let connection = connection(&first, "exactsales", &["sources", "stages"]);
    let other = stranger(&connection, &second);
    for at in 0.. {
        let fake = Fake::new();
        let lake = Process::new(&fake, Fate::Lives).lake();
        done(&connection, &lake, Options::default()).await;
        let process = Process::new(&fake, Fate::Killed { at, done: at % 2 == 0 });
        let mut killed = plan(&other, &process.lake(), full_refresh());
        if killed.lease(IfBusy::Fail, |_, _| {}).await.is_ok() {
            killed.run().await;
        }
        let report = export(&other, &lake, Options::default()).await;
        let record = account::read(&lake, &connection.name).await.unwrap().unwrap();
        for told in report.tables.iter().filter(|told| told.exploded_from.is_none()) {
            let manifest = manifest(&lake, &connection, &told.table).await;
            let is_moved = manifest.account != record.unnamed;
            assert_eq!(told.error.is_none(), is_moved, "at {at}: {told:?}");
        }
        done(&other, &lake, full_refresh()).await;
        let undisturbed = Lake::memory();
        done(&other, &undisturbed, Options::default()).await;
        let difference = super::content::difference(&content(&undisturbed).await.unwrap(), &content(&lake).await.unwrap());
        assert_eq!(difference, None, "at {at}");
        if process.operations() <= at {
            assert!(at > 20, "{at}");
            break;
        }
    }
}

#[tokio::test]
async fn a_dry_run_and_a_check_tell_it_and_change_nothing() {
    let (first, second, lake) = (sandbox(1).await, sandbox(2).await, Lake::memory());
    let connection = connection(&first, "exactsales", &["sources"]);
    done(&connection, &lake, Options::default()).await;
    let other = stranger(&connection, &second);
    let before = objects(&lake).await;
    let asks = |connection: &Connection| plan(connection, &lake, Options::default());
    assert!(
        asks(&connection)
            .check_account(&connection)
            .await
            .unwrap()
            .contains("as in the lake")
    );
    assert!(asks(&other).check_account(&other).await.is_err());
    assert_eq!(asks(&connection).forecast().await.unwrap()[0].fails, None);
    let forecast = &asks(&other).forecast().await.unwrap()[0];
    assert!(forecast.fails.as_ref().unwrap().contains("--full-refresh"), "{forecast:?}");
    assert_eq!(plan(&other, &lake, full_refresh()).forecast().await.unwrap()[0].fails, None);
    assert_eq!(objects(&lake).await, before);
}
