//! The rules of the module as a whole, one by one. `reference` compares it with a plain second implementation.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bytes::Bytes;

use super::*;
use crate::schema::Catalog;

mod cells;
mod explode;
mod fields;
mod notice;
mod paths;
mod personal;
mod records;
mod reference;
mod rejects;

const EXPORTED_AT: i64 = 1_767_322_445_000_000;

/// A value of a batch, as text: none for null.
pub(super) type Shown = Option<String>;

/// What came out: the rows of each table without `_exported_at`, and the rejects.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub rows: Vec<Vec<Vec<Shown>>>,
    pub rejects: Vec<Reject>,
    pub counts: Vec<Counts>,
}

impl Decoded {
    fn rows(&self, table: usize) -> Vec<Vec<&str>> {
        let rows = self.rows[table].iter();
        rows.map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect())
            .collect()
    }

    /// `table key column: raw (reason)`, with `*` for a record as a whole.
    fn rejects(&self) -> Vec<String> {
        let shown = |reject: &Reject| {
            let column = reject.column.as_deref().unwrap_or("*");
            let key = reject.key.as_deref().unwrap_or("-");
            format!("{} {key} {column}: {} ({})", reject.table, reject.raw, reject.reason)
        };
        self.rejects.iter().map(shown).collect()
    }
}

/// A source of these tables: name and declaration below the line that names them.
pub(super) fn source(tables: &[(&str, &str)]) -> Source {
    let source = r#"
        title = "Test"
        description = "Test."
        base_url = "https://api.example"
        token_env = "TEST_TOKEN"
        auth = { type = "header", name = "Token" }
        timezone = "America/Sao_Paulo"
        no_date = ["0001-01-01"]
        records = ["value"]
        pagination = { type = "single" }
        rate_limit = { requests = 1, per = "1s" }
    "#;
    let files = tables
        .iter()
        .map(|(id, text)| (format!("test/{id}.toml"), format!("title = \"T\"\ndescription = \"T.\"\n{text}")));
    let files = files.chain([("test/source.toml".to_owned(), source.to_owned())]);
    Catalog::from_files(files).unwrap().source("test").unwrap().clone()
}

/// Decodes records that are given as texts, a page for each of the lists.
pub(super) fn decode(source: &Source, table: &str, pages: &[&[&str]]) -> Decoded {
    let mut decoder = Decoder::new(source, &source.tables[table], EXPORTED_AT).unwrap();
    let mut decoded = Decoded::default();
    for records in pages {
        decoder.decode(&page(records)).unwrap();
        decoded.rejects.extend(decoder.take_rejects());
    }
    decoded.rows = vec![Vec::new(); source.tables[table].children.len() + 1];
    for (table, batch) in decoder.finish().unwrap() {
        for row in 0..batch.num_rows() {
            let columns = batch.columns();
            assert_eq!(columns.last().map(|column| shown(column, row)), Some(Some(EXPORTED_AT.to_string())));
            decoded.rows[table].push(columns[..columns.len() - 1].iter().map(|column| shown(column, row)).collect());
        }
    }
    decoded.counts = decoder.counts();
    decoded
}

fn page(records: &[&str]) -> Page {
    let body = format!("[{}]", records.join(","));
    let mut at = 1;
    let records = records
        .iter()
        .map(|record| {
            let range = at..at + record.len();
            at = range.end + 1;
            range
        })
        .collect();
    Page {
        body: Bytes::from(body),
        records,
        twins: Vec::new(),
        resume: None,
        began: chrono::DateTime::UNIX_EPOCH,
        memory: None,
    }
}

fn shown(column: &ArrayRef, row: usize) -> Shown {
    (!column.is_null(row)).then(|| match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:?}", column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        DataType::Date32 => column.as_primitive::<Date32Type>().value(row).to_string(),
        other => panic!("a column of type {other}"),
    })
}

const USERS: &str = r#"
    endpoint = "/Users"
    primary_key = ["id"]
    [columns]
    id    = { type = "int", path = "Id", description = "." }
    name  = { type = "text", path = "Name", description = "." }
    email = { type = "text", path = ["Contact.Email", "Email"], description = "." }
    score = { type = "float", path = "Score", description = "." }
    since = { type = "timestamp", path = "Since", description = "." }
"#;

const CUSTOMERS: &str = r#"
    endpoint = "/Customers"
    primary_key = ["id"]
    [columns]
    id   = { type = "float", path = "id", description = "." }
    seen = { type = "timestamp", path = "seen", description = "." }
"#;
const CUSTOMERS_FIELDS: &str = r#"
    explode = { table = "customers", path = "custom.fields" }
    primary_key = ["customer_id", "name"]
    [columns]
    customer_id = { type = "float", parent = "id", description = "." }
    name        = { type = "text", member = true, description = "." }
    value       = { type = "text", path = ["value", "."], description = "." }
"#;
const CUSTOMERS_TYPES: &str = r#"
    explode = { table = "customers", path = "types" }
    [columns]
    customer_id = { type = "float", parent = "id", description = "." }
    seen        = { type = "timestamp", parent = "seen", description = "." }
    type_id     = { type = "int", path = "id", description = "." }
    type_name   = { type = "text", path = "type.name", description = "." }
"#;

fn customers() -> Source {
    source(&[
        ("customers", CUSTOMERS),
        ("customers__fields", CUSTOMERS_FIELDS),
        ("customers__types", CUSTOMERS_TYPES),
    ])
}

#[test]
fn a_record_becomes_a_row() {
    let decoded = decode(
        &source(&[("users", USERS)]),
        "users",
        &[&[
            r#"{"Id":1,"Name":"Ana","Contact":{"Email":"a@x"},"Score":1.5,"Since":"2026-01-02T00:00:00Z"}"#,
            r#"{"since":null,"SCORE":"2","contact":{"email":null},"EMAIL":"b@x","name":"","ID":"2","Other":[{"Id":9}]}"#,
            r#"{"Id":3,"Contact":[],"Score":"","Since":"0001-01-01T00:00:00Z"}"#,
        ]],
    );
    let midnight = "1767312000000000";
    assert_eq!(
        decoded.rows(0),
        [
            ["1", "Ana", "a@x", "1.5", midnight],
            ["2", "", "b@x", "2.0", "-"],
            ["3", "-", "-", "-", "-"]
        ]
    );
    assert_eq!(decoded.rejects(), [""; 0]);
    assert_eq!(
        decoded.counts,
        [Counts {
            records: 3,
            rejected_records: 0,
            bad_cells: 0,
            twins: 0
        }]
    );
}

#[test]
fn full_batches_can_be_taken_as_they_fill() {
    let source = customers();
    let mut decoder = Decoder::new(&source, &source.tables["customers"], EXPORTED_AT).unwrap();
    let records: Vec<String> = (0..10_000)
        .map(|id| format!(r#"{{"id":{id},"types":[{{"id":1}},{{"id":2}}]}}"#))
        .collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    decoder.decode(&page(&records)).unwrap();
    let rows = |batches: Vec<(usize, RecordBatch)>| batches.iter().map(|(table, batch)| (*table, batch.num_rows())).collect::<Vec<_>>();
    assert_eq!(rows(decoder.take_full()), [(2, BATCH_ROWS), (0, BATCH_ROWS), (2, BATCH_ROWS)]);
    assert_eq!(rows(decoder.take_full()), []);
    assert_eq!(
        rows(decoder.finish().unwrap()),
        [(0, 10_000 - BATCH_ROWS), (2, 20_000 - 2 * BATCH_ROWS)]
    );
    assert_eq!(rows(decoder.finish().unwrap()), []);

    let source = self::source(&[("users", USERS)]);
    let mut decoder = Decoder::new(&source, &source.tables["users"], EXPORTED_AT).unwrap();
    let record = format!(r#"{{"Id":1,"Name":"{}"}}"#, "a".repeat(1 << 18));
    decoder.decode(&page(&[record.as_str(); 5])).unwrap();
    assert_eq!(rows(decoder.take_full()), [(0, 4)]);
}

#[test]
fn a_malformed_record_is_a_defect_and_not_told() {
    let source = customers();
    let mut decoder = Decoder::new(&source, &source.tables["customers"], EXPORTED_AT).unwrap();
    for record in [
        "",
        "{",
        r#"{"id":1"#,
        r#"{"id":1}}"#,
        r#"{"id":01}"#,
        r#"{"k3y" 1}"#,
        r#"{"id":1,"types":[{]}"#,
    ] {
        let error = decoder.decode(&page(&["{\"id\":0}", record])).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Defect, "{record}");
        assert!(
            error.message().starts_with("table `customers`: record 1 of a page: ") && !error.message().contains("k3y"),
            "{error}"
        );
    }
    let outside = Page {
        body: Bytes::from_static("{}é".as_bytes()),
        records: vec![0..2, 0..9, 3..4],
        twins: Vec::new(),
        resume: None,
        began: chrono::DateTime::UNIX_EPOCH,
        memory: None,
    };
    assert!(decoder.decode(&outside).is_err());
}

#[test]
fn declarations_that_cannot_be_decoded_by_are_refused() {
    let users = USERS.replace("endpoint", "unnest = \"a[].b\"\nendpoint");
    let source = source(&[("users", &users)]);
    let error = Decoder::new(&source, &source.tables["users"], EXPORTED_AT).unwrap_err();
    assert_eq!(error.message(), "test/users.toml: `unnest`: expected the dotted names of an array");
    let source = customers();
    assert!(Decoder::new(&source, &source.tables["customers__types"], EXPORTED_AT).is_err());
}

#[test]
fn every_declared_table_has_a_decoder() {
    for source in Catalog::embedded().unwrap().sources() {
        for table in source.tables.values().filter(|table| table.fetch().is_some()) {
            let mut decoder = Decoder::new(source, table, EXPORTED_AT).unwrap();
            decoder.decode(&page(&["{}"])).unwrap();
        }
    }
}
