//! The document held against the mapping.

use super::super::mapping::{Candidate, Hop, Mapping, Place, Value, mappings};
use super::*;
use crate::schema::EXPORTED_AT;

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
