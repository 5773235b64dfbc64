//! Personal data that is not kept: what the cells hold, and that no reject shows what they do not.

use super::*;
use crate::hash_key::HashKey;
use crate::personal::PersonalConfig;

const PEOPLE: &str = r#"
    endpoint = "/people"
    primary_key = ["id"]
    [columns]
    id    = { type = "int", path = "id", description = "." }
    name  = { type = "text", path = "name", personal = "name", description = "." }
    email = { type = "text", path = "emails[].value", personal = "email", description = "." }
    cnpj  = { type = "float", path = "cnpj", format = "digits", personal = "document", description = "." }
    born  = { type = "date", path = "born", personal = "birth", description = "." }
    note  = { type = "text", path = "note", personal = "free_text", description = "." }
"#;

const PHONES: &str = r#"
    explode = { table = "people", path = "phones" }
    [columns]
    person_id = { type = "int", parent = "id", description = "." }
    owner     = { type = "text", parent = "name", personal = "name", description = "." }
    phone     = { type = "text", path = ".", personal = "phone", description = "." }
"#;

fn key() -> HashKey {
    HashKey::new("the key of these tests").unwrap()
}

fn treated(config: &str) -> Source {
    let mut source = source(&[("people", PEOPLE), ("people__phones", PHONES)]);
    let config: PersonalConfig = toml::from_str(config).unwrap();
    let rules = config.rules(&[("test".to_owned(), &source)]).unwrap();
    let policies = config.policies(&rules, "test", "test").with_key(key());
    policies.apply_all(&mut source).unwrap();
    source
}

const RECORD: &str = r#"{"id":7,"name":"Maria da Silva","emails":[{"value":"maria@b.com"},{"value":"m@c.br"}],"cnpj":"12.345.678/0001-95",
    "born":"1980-01-31","note":"ligar p\u0061ra Maria","phones":["+55 11 98888-7766"]}"#;

#[test]
fn an_element_whose_own_column_is_left_out_is_a_row_still() {
    let decoded = decode(&treated("[kinds]\nphone = \"drop\""), "people", &[&[RECORD]]);
    assert_eq!(decoded.rows(1), [["7", "Maria da Silva"]]);
    assert_eq!(decoded.rejects(), [""; 0]);
}

#[test]
fn what_is_hashed_masked_and_null() {
    let hash = |text: &str| key().hash(text.as_bytes());
    let hashed = decode(&treated("default = \"hash\""), "people", &[&[RECORD]]);
    let name = hash("Maria da Silva");
    assert_eq!(
        hashed.rows(0),
        [[
            "7",
            name.as_str(),
            &hash("maria@b.com,m@c.br"),
            &hash("12345678000195"),
            &hash("1980-01-31"),
            &hash("ligar para Maria")
        ]]
    );
    assert_eq!(hashed.rows(1), [["7", name.as_str(), &hash("+55 11 98888-7766")]]);

    // What is copied cannot be masked.
    let masked = decode(&treated("default = \"mask\"\n[kinds]\nname = \"keep\""), "people", &[&[RECORD]]);
    assert_eq!(
        masked.rows(0),
        [["7", "Maria da Silva", "m***@b.com,m***@c.br", "***95", "***", "***"]]
    );
    assert_eq!(masked.rows(1), [["7", "Maria da Silva", "***66"]]);

    let text = "default = \"null\"\n[kinds]\nname = \"hash\"\n[tables]\n\"people.note\" = \"drop\"";
    let nulled = decode(&treated(text), "people", &[&[RECORD]]);
    assert_eq!(nulled.rows(0), [["7", name.as_str(), "-", "-", "-"]]);
    assert_eq!(nulled.rows(1), [["7", name.as_str(), "-"]]);
}

#[test]
fn null_stays_null_and_empty_empty() {
    for policy in ["hash", "mask"] {
        let record = r#"{"id":1,"name":"","emails":[],"cnpj":"","born":null}"#;
        let source = treated(&format!("default = \"{policy}\"\n[kinds]\nname = \"hash\""));
        let decoded = decode(&source, "people", &[&[record]]);
        assert_eq!(decoded.rows(0), [["1", "", "-", "-", "-", "-"]], "{policy}");
        assert!(decoded.rejects.is_empty());
    }
}

/// Everything that a record can hold of a person, where it cannot be taken: as a bad value, in a record without a key, in the place of an array.
const BAD: [&str; 5] = [
    r#"{"id":1,"name":"Secreta","cnpj":"Secreta 12","born":"31 de Secreta"}"#,
    r#"{"name":"Secreta","emails":[{"value":"Secreta@b.com"}],"cnpj":"Secreta","note":"Secreta","phones":["Secreta"]}"#,
    r#"{"id":2,"phones":"Secreta"}"#,
    r#"{"id":3,"name":"Secreta \ud800","phones":["Secreta \ud800",{"Secreta":"Secreta"}]}"#,
    r#"{"id":"Secreto","name":{"a":"Secreta"},"note":["Secreta",{"b":"Secreta"}]}"#,
];

#[test]
fn no_reject_shows_what_no_column_holds() {
    let clear = decode(&treated("default = \"keep\""), "people", &[&BAD]);
    let shown = clear.rejects().join("\n");
    assert!(
        shown.matches("Secreta").count() > 4,
        "the records are not what they are here for:\n{shown}"
    );
    // No key leads to it, so `forget` cannot: it tells nothing of persons, even where their data is kept.
    let keyless: Vec<_> = clear.rejects.iter().filter(|reject| reject.key.is_none()).collect();
    assert_eq!(keyless.len(), 2);
    assert!(keyless.iter().all(|reject| !reject.raw.contains("Secreta")), "{keyless:?}");
    for policy in ["hash", "mask", "null", "drop"] {
        // A column that is copied may not be null, masked or dropped.
        let text = match policy {
            "hash" => "default = \"hash\"".to_owned(),
            _ => format!("default = \"{policy}\"\n[tables]\n\"people.name\" = \"hash\""),
        };
        let decoded = decode(&treated(&text), "people", &[&BAD]);
        let shown = decoded.rejects().join("\n");
        assert!(!shown.contains("Secreta"), "{policy}:\n{shown}");
        let rows = format!("{:?}", decoded.rows);
        assert!(!rows.contains("Secreta"), "{policy}: {rows}");
        assert_eq!(decoded.counts[0].rejected_records, 2, "{policy}");
    }
    let hashed = decode(&treated("default = \"hash\""), "people", &[&BAD]);
    let rejects = hashed.rejects();
    assert!(rejects[0].starts_with("people 1 cnpj: (personal: hash) ("), "{rejects:?}");
    assert!(
        rejects
            .iter()
            .any(|reject| reject.starts_with("people 2 phones: (personal: not shown)")),
        "{rejects:?}"
    );
}

#[test]
fn a_hashed_key_is_told_by_its_hash() {
    let text = "[tables]\n\"people.id\" = \"hash\"";
    let decoded = decode(&treated(text), "people", &[&[r#"{"id":7,"cnpj":"x","phones":[1]}"#]]);
    let id = key().hash(b"7");
    assert_eq!(decoded.rows(0)[0][0], id);
    assert_eq!(decoded.rows(1)[0][0], id);
    assert!(
        decoded.rejects()[0].starts_with(&format!("people {id} cnpj: x (")),
        "{:?}",
        decoded.rejects()
    );
}
