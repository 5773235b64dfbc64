//! Every choice held against the declarations, and the mistakes that are told.

mod document;

use std::collections::BTreeMap;

use super::mapping::{CLIENTS, CONTACTS, CONTRACTS, TIMELINE};
use super::*;
use crate::schema::{Catalog, Source, Table};

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

/// What lakes hold: with other words every table would be derived anew.
#[test]
fn the_choices_of_a_derivation_keep_their_words() {
    let mut deals = set(Party::Deal, Party::Person, Contract::Products, Key::ExternalCode);
    deals.client_fields = vec!["title".to_owned(), "amount".to_owned()];
    let mut all = set(Party::Organization, Party::Deal, Contract::Deal, Key::Email);
    all.deals = Deals::All;
    for (set, by) in [
        (
            deals,
            "rules 2, client deal, contact person, contract products, key externalcode, deals won, fields title amount",
        ),
        (
            all,
            "rules 2, client organization, contact deal, contract deal, key email, deals all, fields ",
        ),
        (
            set(Party::Person, Party::Organization, Contract::Deal, Key::Document),
            "rules 2, client person, contact organization, contract deal, key document, deals won, fields ",
        ),
    ] {
        let derivation = Derivation::new(&source().tables[CLIENTS], &set, &declared(CLIENTS, &set)).unwrap();
        assert_eq!(derivation.by(), by);
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
