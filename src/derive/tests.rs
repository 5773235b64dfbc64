//! The set over an account of the sandbox, and the document held against the mapping. Row by row it is held against SQL in `tests/interop/test_customerx_set.py`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_select::concat::concat_batches;
use tokio::runtime::Handle;

use super::mapping::{CLIENTS, CONTACTS, CONTRACTS, Candidate, Hop, Mapping, Place, TIMELINE, Value, mappings};
use super::*;
use crate::commit::{self, Manifest};
use crate::config::Connection;
use crate::export::{Export, Options, RunReport, Selection, Status};
use crate::http::Stopper;
use crate::sandbox::{self, Sandbox};
use crate::schema::{Catalog, EXPORTED_AT, Source, Table, arrow_schema};
use crate::store::Lake;

fn set(client: Party, contact: Party, contract: Contract, key: Key) -> CustomerX {
    CustomerX {
        client,
        contact,
        contract,
        key,
        deals: Deals::Won,
        client_fields: Vec::new(),
        contact_fields: Vec::new(),
        contract_fields: Vec::new(),
    }
}

fn usual() -> CustomerX {
    set(Party::Organization, Party::Person, Contract::Products, Key::Document)
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
    let (stopper, stop) = Stopper::new();
    let listening = (Arc::new(stopper), stop);
    let export = Export::plan(vec![connection.clone()], selection, lake.clone(), Options::default(), listening);
    export.unwrap().run().await
}

fn told<'a>(report: &'a RunReport, table: &str) -> &'a crate::export::TableReport {
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
    let set = set(Party::Deal, Party::Deal, Contract::Products, Key::Document);
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
async fn only_what_changed_is_derived_again() {
    let (sandbox, lake) = (account().await, Lake::memory());
    let mut connection = connection(&sandbox, usual());
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
    connection.customerx = Some(set(Party::Person, Party::Person, Contract::Products, Key::Document));
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
    let mut connection = connection(&sandbox, usual());
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
    let endpoint = crate::config::TableConfig {
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

/// The declared tables that this one is made of.
fn declared(table: &str, set: &CustomerX) -> BTreeMap<String, Table> {
    let source = source();
    inputs(table, set)
        .into_iter()
        .map(|name| (name.clone(), source.tables[&name].clone()))
        .collect()
}

#[test]
fn every_choice_fits_the_declarations() {
    let parties = [Party::Deal, Party::Organization, Party::Person];
    for (client, contact) in parties.iter().flat_map(|client| parties.map(|contact| (*client, contact))) {
        for (contract, key) in [
            (Contract::Deal, Key::Document),
            (Contract::Products, Key::ExternalCode),
            (Contract::Deal, Key::Email),
        ] {
            for table in [CLIENTS, CONTACTS, CONTRACTS, TIMELINE] {
                let set = set(client, contact, contract, key);
                let derivation = Derivation::new(&source().tables[table], &set, &declared(table, &set)).unwrap();
                for part in &derivation.parts {
                    let given = derivation.table.columns.iter().zip(&part.values);
                    let empty: Vec<&str> = given
                        .filter(|(_, value)| value.is_none())
                        .map(|(column, _)| column.name.as_str())
                        .collect();
                    assert!(
                        empty.iter().all(|column| ["date_sale", "user_id", "created_at"].contains(column)),
                        "{table}: {empty:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn further_columns_are_those_of_the_table_the_rows_come_from() {
    let with = |fields: &[&str]| {
        let mut set = set(Party::Deal, Party::Person, Contract::Deal, Key::Email);
        set.client_fields = fields.iter().map(|field| (*field).to_owned()).collect();
        Derivation::new(&source().tables[CLIENTS], &set, &declared(CLIENTS, &set))
    };
    let derivation = with(&["amount", "dealnumber"]).unwrap();
    let last: Vec<_> = derivation
        .table()
        .columns
        .iter()
        .rev()
        .take(2)
        .map(|column| (column.name.as_str(), column.kind.name()))
        .collect();
    assert_eq!(last, [("dealnumber", "int"), ("amount", "float")]);
    assert_ne!(derivation.by(), with(&["amount"]).unwrap().by());
    for (fields, words) in [
        (
            &["amuont"][..],
            "`customerx.client_fields` names `amuont`, which `deals` does not have",
        ),
        (&["legalname"], "`deals` does not have"),
        (&["amount", "amount"], "`amount` twice"),
        (&["email"], "`deals` does not have"),
    ] {
        let error = with(fields).unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn a_column_that_was_dropped_is_null_unless_rows_are_told_by_it() {
    let derived = |key, dropped: &str| {
        let set = set(Party::Organization, Party::Person, Contract::Deal, key);
        let mut inputs = declared(CLIENTS, &set);
        inputs.get_mut("contacts").unwrap().columns.retain(|column| column.name != dropped);
        Derivation::new(&source().tables[CLIENTS], &set, &inputs)
    };
    assert!(derived(Key::Document, "email").is_ok());
    for (key, dropped) in [(Key::Email, "email"), (Key::Document, "register"), (Key::Document, "typeid")] {
        let error = derived(key, dropped).unwrap_err();
        assert!(error.message().contains(&format!("`contacts.{dropped}`")), "{error}");
    }
}

/// The tables of `docs/customerx.md`, as the mapping has them.
#[test]
fn the_document_shows_the_mapping() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/customerx.md")).unwrap();
    let of = |party| set(party, party, Contract::Deal, Key::Document);
    let parties = [
        ("deal", of(Party::Deal)),
        ("organization", of(Party::Organization)),
        ("person", of(Party::Person)),
    ];
    let contracts = [
        ("deal", usual_contract(Contract::Deal)),
        ("products", usual_contract(Contract::Products)),
    ];
    let mut shown = vec![
        shown_choices(CLIENTS, &parties),
        shown_choices(CONTACTS, &parties),
        shown_choices(CONTRACTS, &contracts),
        shown_mappings(TIMELINE, &["notes", "activities", "attachments"], &mappings(TIMELINE, &usual())),
    ];
    for (client, of_client) in &parties {
        let rows = |table: &str, name: &str, set: CustomerX| -> Vec<String> {
            let client_of = |mapping: Mapping| {
                let value = mapping.values.iter().find(|(column, _)| *column == "external_id_client");
                format!("| {client} | {name} of `{}` | {} |\n", mapping.table, words(&value.unwrap().1))
            };
            mappings(table, &set).into_iter().map(client_of).collect()
        };
        let with = |contact, contract| CustomerX {
            contact,
            contract,
            ..of_client.clone()
        };
        let contacts = parties
            .iter()
            .flat_map(|(_, set)| rows(CONTACTS, "contact", with(set.contact, Contract::Deal)));
        let contracts = [Contract::Deal, Contract::Products].map(|contract| rows(CONTRACTS, "contract", with(Party::Deal, contract)));
        let timeline = rows(TIMELINE, "timeline", of_client.clone());
        let mut text: Vec<String> = contacts.chain(contracts.into_iter().flatten()).chain(timeline).collect();
        // A person's row and an organization's are found alike.
        text.dedup();
        shown.push(text.concat());
    }
    let lacking: Vec<String> = shown.into_iter().filter(|text| !document.contains(text.as_str())).collect();
    assert!(lacking.is_empty(), "docs/customerx.md lacks:\n{}", lacking.join("\n"));
}

fn usual_contract(contract: Contract) -> CustomerX {
    CustomerX { contract, ..usual() }
}

fn shown_choices(table: &str, choices: &[(&str, CustomerX)]) -> String {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let mappings: Vec<Mapping> = choices.iter().flat_map(|(_, set)| mappings(table, set)).collect();
    shown_mappings(table, &names, &mappings)
}

fn shown_mappings(table: &str, names: &[&str], mappings: &[Mapping]) -> String {
    let mut text = format!("| `{table}` | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(mappings.len()));
    let row = |name: &str, cells: Vec<String>| format!("| {name} | {} |\n", cells.join(" | "));
    text += &row(
        "rows of",
        mappings
            .iter()
            .map(|mapping| {
                let only = mapping
                    .only
                    .map_or_else(String::new, |(column, value)| format!(" where {column} = {value}"));
                let present = mapping.present.map_or_else(String::new, |column| format!(" with a {column}"));
                let joint = if only.is_empty() || present.is_empty() { "" } else { " and" };
                format!("`{}`{only}{joint}{present}", mapping.table)
            })
            .collect(),
    );
    for column in &source().tables[table].columns {
        let cells = mappings.iter().map(|mapping| {
            let value = mapping.values.iter().find(|(name, _)| *name == column.name);
            match value {
                _ if column.name == "identity" => {
                    let Some((_, Value::Document(pick))) = value else {
                        return String::new();
                    };
                    match &pick.places()[..] {
                        [place] if pick.candidates[0].when.is_none() => shown_path(&place.path, "*key*"),
                        _ => "the client's".to_owned(),
                    }
                }
                Some((_, Value::Client(_))) => "the client".to_owned(),
                Some((_, value)) => words(value),
                None => "null".to_owned(),
            }
        });
        text += &row(&format!("`{}`", column.name), cells.collect());
    }
    assert!(source().tables[table].column(EXPORTED_AT).is_none());
    text
}

fn words(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("`{text}`"),
        Value::Column(place) => shown_place(place),
        Value::Trimmed(pick) => format!("{}, trimmed", shown_place(&pick.places()[0])),
        Value::First(places) => places.iter().map(shown_place).collect::<Vec<_>>().join(", else "),
        Value::Cep(place) => format!("{}, 8 digits", shown_place(place)),
        Value::Document(pick) => format!("{}, verified", shown_place(&pick.places()[0])),
        Value::DocumentType(place) => format!("{}: `cpf` or `cnpj`", shown_place(place)),
        Value::Client(pick) if pick.candidates.is_empty() => "none".to_owned(),
        Value::Client(pick) => {
            let shown = |candidate: &Candidate| {
                let when = candidate
                    .when
                    .map_or_else(String::new, |(column, value)| format!(" if its {column} = {value}"));
                format!("{}{when}", shown_path(&candidate.path, "id"))
            };
            pick.candidates.iter().map(shown).collect::<Vec<_>>().join(", else ")
        }
    }
}

fn shown_place(place: &Place) -> String {
    shown_path(&place.path, &place.column)
}

fn shown_path(path: &[Hop], column: &str) -> String {
    let hops: String = path.iter().map(|(key, table)| format!("{key} → {table}.")).collect();
    format!("{hops}{column}")
}

#[test]
fn mistakes_in_the_block_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "abc\n").unwrap();
    let told = |source: &str, block: &str| {
        let text = format!(
            "[connections.acme]\nsource = \"{source}\"\ntoken = {{ file = {:?} }}\n[connections.acme.customerx]\n{block}\n",
            token.display().to_string()
        );
        let catalog = Catalog::embedded().unwrap();
        let config = crate::config::Config::parse("afluente.toml", &text);
        config
            .and_then(|config| config.connections(&[], None, &catalog))
            .map(|found| found[0].customerx.clone())
    };
    let whole = "client = \"deal\"\ncontact = \"person\"\ncontract = \"products\"\nkey = \"external_code\"";
    let expected = CustomerX {
        deals: Deals::Won,
        ..set(Party::Deal, Party::Person, Contract::Products, Key::ExternalCode)
    };
    assert_eq!(told("ploomes", whole).unwrap(), Some(expected));
    for (source, block, words) in [
        (
            "ploomes",
            whole.replace("\"deal\"", "\"company\""),
            "`deal`, `organization`, `person`",
        ),
        (
            "ploomes",
            whole.replace("external_code", "phone"),
            "`document`, `external_code`, `email`",
        ),
        ("ploomes", whole.replace("client =", "clients ="), "`client`"),
        ("ploomes", whole.replace("client = \"deal\"\n", ""), "missing field `client`"),
        ("nectarcrm", whole.to_owned(), "found the source nectarcrm"),
    ] {
        let error = told(source, &block).unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
}
