//! The CustomerX set over an account of the sandbox. Row by row it is held against SQL in `tests/interop/test_customerx_set.py`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_select::concat::concat_batches;
use tokio::runtime::Handle;

use crate::commit::{self, Manifest};
use crate::config::{Connection, TableConfig};
use crate::derive::{Contract, CustomerX, Deals, Derivation, Key, Lookup, Party, inputs};
use crate::export::{Export, Options, RunReport, Selection, Status, Surveyed, TableReport};
use crate::http::Stopper;
use crate::sandbox::{self, Sandbox};
use crate::schema::{Catalog, Source, arrow_schema};
use crate::store::Lake;

const CLIENTS: &str = "customerx_clients";
const CONTACTS: &str = "customerx_contacts";
const CONTRACTS: &str = "customerx_contracts";
const TIMELINE: &str = "customerx_timeline";

fn set(client: Party, contact: Party) -> CustomerX {
    CustomerX {
        client,
        contact,
        contract: Contract::Products,
        key: Key::Document,
        deals: Deals::Won,
        client_fields: Vec::new(),
        contact_fields: Vec::new(),
        contract_fields: Vec::new(),
    }
}

fn source() -> Source {
    Catalog::embedded().unwrap().source("ploomes").unwrap().clone()
}

async fn account() -> Sandbox {
    let options = sandbox::Options {
        rows: 400,
        ..sandbox::Options::default()
    };
    Sandbox::start(options).await.unwrap()
}

fn connection(sandbox: &Sandbox, set: CustomerX) -> Connection {
    let mut connection = Connection::to_sandbox(&source(), &sandbox.base_url("ploomes"), Sandbox::token("ploomes")).unwrap();
    connection.customerx = Some(set);
    connection
}

async fn export(connection: &Connection, lake: &Lake, selection: &Selection) -> RunReport {
    plan(connection, lake, selection).run().await
}

fn plan(connection: &Connection, lake: &Lake, selection: &Selection) -> Export {
    let (stopper, stop) = Stopper::new();
    let listening = (Arc::new(stopper), stop);
    Export::plan(vec![connection.clone()], selection, lake.clone(), Options::default(), listening).unwrap()
}

fn told<'a>(report: &'a RunReport, table: &str) -> &'a TableReport {
    report.tables.iter().find(|told| told.table == table).unwrap()
}

async fn manifests(lake: &Lake, tables: &[String]) -> BTreeMap<String, Manifest> {
    let mut manifests = BTreeMap::new();
    for table in tables {
        let manifest = commit::latest(lake, "ploomes", table).await.unwrap().unwrap();
        manifests.insert(table.clone(), manifest);
    }
    manifests
}

/// Works on the tables that this one is made of, on a blocking thread; how many batches were read.
async fn with_lookup<T: Send + 'static>(
    lake: &Lake,
    set: &CustomerX,
    table: &str,
    memory: usize,
    work: impl FnOnce(&Derivation, &Lookup<'_>) -> T + Send + 'static,
) -> (T, usize) {
    let manifests = manifests(lake, &inputs(table, set)).await;
    let tables = manifests
        .iter()
        .map(|(name, manifest)| (name.clone(), manifest.as_table().unwrap()))
        .collect();
    let derivation = Derivation::new(&source().tables[table], set, &tables).unwrap();
    let (lake, handle) = (lake.clone(), Handle::current());
    let done = tokio::task::spawn_blocking(move || {
        let read = Cell::new(0);
        let go_on = || {
            read.set(read.get() + 1);
            Ok(())
        };
        let lookup = Lookup {
            lake: &lake,
            handle,
            manifests: &manifests,
            memory,
            go_on: &go_on,
        };
        (work(&derivation, &lookup), read.get())
    });
    done.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn little_memory_gives_the_same_rows_in_more_passes() {
    let (sandbox, lake) = (account().await, Lake::memory());
    let set = set(Party::Deal, Party::Deal);
    assert!(
        !export(&connection(&sandbox, set.clone()), &lake, &Selection::default())
            .await
            .failed()
    );
    for table in [CLIENTS, CONTACTS, CONTRACTS, TIMELINE] {
        let derived = |memory: usize| {
            with_lookup(&lake, &set, table, memory, |derivation, lookup| {
                let (mut batches, mut bad) = (Vec::new(), Vec::new());
                derivation
                    .rows(lookup, 0, |batch, cells| {
                        batches.push(batch);
                        bad.extend(cells);
                        Ok(true)
                    })
                    .unwrap();
                (concat_batches(&arrow_schema(derivation.table()), &batches).unwrap(), bad)
            })
        };
        let ((rows, bad), reads) = derived(64 << 20).await;
        assert!(
            rows.num_rows() > 20 && !bad.is_empty(),
            "{table}: {} rows, {} bad",
            rows.num_rows(),
            bad.len()
        );
        // Not even one contact fits.
        let (little, more) = derived(64).await;
        assert_eq!(little, (rows, bad), "{table}");
        assert!(more > 20 * reads, "{table}: {reads} reads, then {more}");
    }
    let surveyed = |passes| {
        with_lookup(&lake, &set, CONTRACTS, 64 << 20, move |derivation, lookup| {
            derivation.survey_in(lookup, passes)
        })
    };
    let ((once, _), (often, _)) = (surveyed(1).await, surveyed(7).await);
    let (once, often) = (once.unwrap(), often.unwrap());
    assert_eq!(once, often);
    assert!(
        once.shared > 0 && once.without > 0 && once.bad > 0 && once.shared + once.without <= once.rows,
        "{once:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_counted_once_the_lake_has_the_tables() {
    let (sandbox, lake, set) = (account().await, Lake::memory(), set(Party::Organization, Party::Person));
    let connection = connection(&sandbox, set.clone());
    let survey = async || {
        let export = plan(&connection, &lake, &Selection::default());
        export
            .survey(&connection, &set, &connection.source.tables[CONTRACTS])
            .await
            .unwrap()
    };
    let Surveyed::Without(absent) = survey().await else {
        panic!("the lake is empty");
    };
    assert_eq!(absent, inputs(CONTRACTS, &set));
    let report = export(&connection, &lake, &Selection::default()).await;
    let Surveyed::Rows(found) = survey().await else {
        panic!("the lake has every table");
    };
    assert_eq!(found.rows, told(&report, CONTRACTS).rows);
    assert!(found.without > 0 && found.without < found.rows, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_derived_again() {
    let (sandbox, lake) = (account().await, Lake::memory());
    let mut connection = connection(&sandbox, set(Party::Organization, Party::Person));
    let all = Selection::default();
    let first = export(&connection, &lake, &all).await;
    for table in [CLIENTS, CONTACTS, CONTRACTS, TIMELINE] {
        assert_eq!(
            told(&first, table).status,
            Status::Committed,
            "{table}: {:?}",
            told(&first, table).error
        );
    }
    assert!(told(&first, CLIENTS).bad_cells > 0);
    let second = export(&connection, &lake, &all).await;
    for table in [CLIENTS, CONTACTS, CONTRACTS, TIMELINE] {
        assert_eq!(
            (told(&second, table).status, told(&second, table).rows_read),
            (Status::Unchanged, 0),
            "{table}"
        );
        assert_eq!(told(&second, table).rows, told(&first, table).rows, "{table}");
    }
    // Another version of an input with the same rows: nothing is committed, and the run after that need not look again.
    let mut again = commit::latest(&lake, "ploomes", "contacts").await.unwrap().unwrap();
    again.version += 1;
    assert_eq!(commit::commit(&lake, &again).await.unwrap(), commit::Outcome::Committed);
    let third = export(&connection, &lake, &all).await;
    let clients = told(&third, CLIENTS);
    assert_eq!((clients.status, clients.version), (Status::Unchanged, Some(1)));
    assert_eq!(clients.rows_read, clients.rows, "it was looked at");
    let fourth = export(&connection, &lake, &all).await;
    assert_eq!(
        (told(&fourth, CLIENTS).status, told(&fourth, CLIENTS).rows_read),
        (Status::Unchanged, 0)
    );
    // Another choice is another table.
    connection.customerx = Some(set(Party::Person, Party::Person));
    let fifth = export(&connection, &lake, &all).await;
    assert_eq!(
        (told(&fifth, CLIENTS).status, told(&fifth, CLIENTS).version),
        (Status::Committed, Some(2))
    );
    let newest = commit::latest(&lake, "ploomes", CLIENTS).await.unwrap().unwrap();
    assert_eq!(newest.derived_from["contacts"], again.version);
    assert!(newest.derived_by.unwrap().contains("client person"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_its_inputs_says_which() {
    let (sandbox, lake) = (account().await, Lake::memory());
    let mut connection = connection(&sandbox, set(Party::Organization, Party::Person));
    let only = |tables: &[&str]| Selection {
        tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        exclude: Vec::new(),
    };
    // Never exported.
    let report = export(&connection, &lake, &only(&["contacts", CLIENTS])).await;
    let error = told(&report, CLIENTS).error.as_ref().unwrap();
    assert!(
        error.message.contains("`cities`") && error.message.contains("never been exported"),
        "{error:?}"
    );
    assert_eq!(told(&report, "contacts").status, Status::Committed);
    // Left out for good.
    connection.exclude = vec!["cities".to_owned()];
    let report = export(&connection, &lake, &Selection::default()).await;
    let error = told(&report, CLIENTS).error.as_ref().unwrap();
    assert!(
        error.message.contains("`cities`") && error.message.contains("leaves out"),
        "{error:?}"
    );
    assert_eq!(told(&report, CONTACTS).status, Status::Committed, "it needs no city");
    // Failed in this run.
    connection.exclude.clear();
    assert!(!export(&connection, &lake, &Selection::default()).await.failed());
    let endpoint = TableConfig {
        endpoint: Some("/Nowhere".to_owned()),
        ..Default::default()
    };
    connection.tables.insert("roles".to_owned(), endpoint);
    let report = export(&connection, &lake, &Selection::default()).await;
    assert_eq!(told(&report, "roles").status, Status::Failed);
    let contacts = told(&report, CONTACTS);
    assert_eq!(contacts.status, Status::Skipped);
    assert!(
        contacts.warning.as_ref().unwrap().contains("`roles`, which it is made of, failed"),
        "{contacts:?}"
    );
    assert_eq!(told(&report, CLIENTS).status, Status::Unchanged);
}
