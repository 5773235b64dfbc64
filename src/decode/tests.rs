//! The rules of the module as a whole, one by one. `reference` compares it with a plain second implementation.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use bytes::Bytes;

use super::*;
use crate::schema::Catalog;

mod cells;
mod fields;
mod personal;
mod records;
mod reference;

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
            bad_cells: 0
        }]
    );
}

#[test]
fn a_bad_value_is_null_and_told() {
    let decoded = decode(
        &source(&[("users", USERS)]),
        "users",
        &[&[
            r#"{"Id":1,"Name":{"UserKey":"k"},"Score":"a\u00e7\n","Since":[1]}"#,
            r#"{"Id":2,"Name":"\ud800","Score":{"UserKey":"k"},"Since":[{"UserKey":"k"}]}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(0),
        [["1", r#"{"UserKey":"k"}"#, "-", "-", "-"], ["2", "-", "-", "-", "-"]]
    );
    assert_eq!(
        decoded.rejects(),
        [
            "users 1 score: aç\n (not a number)",
            "users 1 since: [1] (not a date or time in text)",
            r"users 2 name: \ud800 (holds half of a UTF-16 surrogate pair, which is no character)",
            "users 2 score: {…} (not a number)",
            "users 2 since: […] (not a date or time in text)",
        ]
    );
    assert_eq!(
        decoded.counts,
        [Counts {
            records: 2,
            rejected_records: 0,
            bad_cells: 5
        }]
    );
}

#[test]
fn a_record_without_its_key_is_rejected_with_its_columns_only() {
    let decoded = decode(
        &source(&[("users", USERS)]),
        "users",
        &[&[
            r#"{"Name":"An\u0061","UserKey":"k","Contact":{"Email":null,"UserKey":"k"},"Score":{"UserKey":"k"},"Since":"x"}"#,
            r#"{"Id":null,"Score":1.50}"#,
            r#"{"Id":"","Score": [ 1 , "a" ]}"#,
            r#"{"Id":1.5}"#,
            r#"{"Id":{"UserKey":"k"}}"#,
            r#""k""#,
            "[1]",
            "null",
        ]],
    );
    assert_eq!(decoded.rows(0), [[""; 0]; 0]);
    assert_eq!(
        decoded.rejects(),
        [
            r#"users - *: {"name":"Ana","email":null,"score":"{…}","since":"x"} (the primary key's column `id` is missing)"#,
            r#"users - *: {"id":null,"score":1.50} (the primary key's column `id` is null)"#,
            r#"users - *: {"id":"","score":[1,"a"]} (the primary key's column `id` is null)"#,
            r#"users - *: {"id":1.5} (the primary key's column `id`: not a whole number)"#,
            r#"users - *: {"id":"{…}"} (the primary key's column `id`: not a number)"#,
            "users - *: {} (the record is a string, expected an object)",
            "users - *: {} (the record is an array, expected an object)",
            "users - *: {} (the record is null, expected an object)",
        ]
    );
    assert_eq!(
        decoded.counts,
        [Counts {
            records: 8,
            rejected_records: 8,
            bad_cells: 0
        }]
    );
}

#[test]
fn arrays_in_a_path_are_joined() {
    let answers = r#"
        endpoint = "/Answers"
        primary_key = ["id"]
        [columns]
        id    = { type = "int", path = "id", description = "." }
        texts = { type = "text", path = ["answers[].text", "answers"], description = "." }
        deep  = { type = "text", path = "a.list[].b.c", description = "." }
        all   = { type = "text", path = "tags[]", description = "." }
        total = { type = "float", path = "totals[].value", description = "." }
    "#;
    let decoded = decode(
        &source(&[("answers", answers)]),
        "answers",
        &[&[
            r#"{"id":1,"answers":[{"TEXT":"a"},{"text":null},{},{"text":"b,\u0063"},{"text":1.0}],"tags":["x",null,["y","z"],{ "k" : 1 }]}"#,
            r#"{"id":2,"answers":["plain","text"],"a":{"list":[{"b":{"c":1}},{"b":7},7,{"b":{"c":2},"b":{"c":3}}]}}"#,
            r#"{"id":3,"answers":"only","a":{"list":{"b":{"c":1}}},"tags":[],"totals":[{"value":"2.5"}]}"#,
            r#"{"id":4,"answers":[],"totals":[{"value":1},{"value":2}]}"#,
            r#"{"id":5,"answers":[{"text":"\ud800","UserKey":"k"}],"totals":[{"value":""}]}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(0),
        [
            ["1", "a,b,c,1.0", "-", r#"x,y,z,{"k":1}"#, "-"],
            ["2", "plain,text", "1,3", "-", "-"],
            ["3", "only", "-", "-", "2.5"],
            ["4", "", "-", "-", "-"],
            ["5", "-", "-", "-", "-"],
        ]
    );
    assert_eq!(
        decoded.rejects(),
        [
            "answers 4 total: 1,2 (not a number)",
            "answers 5 texts: […] (holds half of a UTF-16 surrogate pair, which is no character)",
        ]
    );
}

#[test]
fn elements_are_chosen_by_a_member() {
    let deals = r#"
        endpoint = "/Deals"
        primary_key = ["id"]
        [columns]
        id      = { type = "int", path = "id", description = "." }
        region  = { type = "text", path = ["other[key=r-1].name", "other[key=r-1].id"], description = "." }
        number  = { type = "int", path = "other[key=n].number", description = "." }
        both    = { type = "text", path = "other[key=n].a.b", description = "." }
        other   = { type = "text", path = "other[id=7].name", description = "." }
    "#;
    let decoded = decode(
        &source(&[("deals", deals)]),
        "deals",
        &[&[
            r#"{"id":1,"other":[{"key":"n","number":12},{"key":"r-1","name":"Sul","id":7},{"key":"x","number":1}]}"#,
            r#"{"id":2,"other":[{"Key":"r-1","name":null,"id":7},{"key":"n","number":null},{"key":"n","number":3,"a":{"b":"x"}}]}"#,
            r#"{"id":3,"other":[{"key":"r-1","name":"Sul"},{"key":"r-1","name":"Norte"},{"key":"n","number":1},{"key":"n","number":2}]}"#,
            r#"{"id":4,"other":[{"key":null,"number":1},{"number":2},7,null,{"key":["n"],"number":3},{"key":"N","number":4}]}"#,
            r#"{"id":5,"other":{"key":"n","number":1}}"#,
            r#"{"id":6}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(0),
        [
            ["1", "Sul", "12", "-", "Sul"],
            ["2", "7", "3", "x", "-"],
            ["3", "Sul,Norte", "-", "-", "-"],
            ["4", "-", "-", "-", "-"],
            ["5", "-", "-", "-", "-"],
            ["6", "-", "-", "-", "-"],
        ]
    );
    let mut rejects = vec!["deals 3 number: 1,2 (not a number)".to_owned()];
    rejects.extend(["region", "number", "both", "other"].map(|column| format!("deals 5 {column}: […] (not an array to choose from)")));
    assert_eq!(decoded.rejects(), rejects);
}

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
fn members_of_an_object_become_rows() {
    let decoded = decode(
        &customers(),
        "customers",
        &[&[
            r#"{"custom":{"fields":{"a":{"value":"x"},"b\u0062":{"VALUE":["s1","s2"]},"c":{"value":null},"d":null,"e":7,"f":{"other":1},"a":{"value":"y"}}},"id":1}"#,
            r#"{"id":2,"custom":{"fields":{"\ud800":{"value":"z"}}}}"#,
            r#"{"id":3,"custom":{"fields":{}}}"#,
            r#"{"id":4,"custom":{"fields":[]}}"#,
            r#"{"id":5,"custom":{"fields":["v"]}}"#,
            r#"{"id":6,"custom":{"fields":""}}"#,
            r#"{"id":7,"custom":{"fields":"é\n"}}"#,
            r#"{"id":8,"custom":{"fields":{"x":1}},"custom":null}"#,
        ]],
    );
    assert_eq!(decoded.rows(0).len(), 8);
    assert_eq!(
        decoded.rows(1),
        [
            ["1.0", "a", "y"],
            ["1.0", "bb", "s1,s2"],
            ["1.0", "c", "-"],
            ["1.0", "d", "-"],
            ["1.0", "e", "7"],
            ["1.0", "f", r#"{"other":1}"#],
        ]
    );
    assert_eq!(
        decoded.rejects(),
        [
            "customers__fields - *: {\"customer_id\":2,\"name\":\"\\ud800\",\"value\":\"z\"} \
             (the primary key's column `name`: holds half of a UTF-16 surrogate pair, which is no character)",
            r#"customers__fields - *: {"customer_id":5,"value":"v"} (the primary key's column `name` is missing)"#,
            "customers 7 custom.fields: é\n (a string, expected an array or an object)",
        ]
    );
    let counts = |records, rejected_records, bad_cells| Counts {
        records,
        rejected_records,
        bad_cells,
    };
    assert_eq!(decoded.counts, [counts(8, 0, 1), counts(8, 2, 0), counts(0, 0, 0)]);
}

#[test]
fn elements_of_an_array_become_rows() {
    let decoded = decode(
        &customers(),
        "customers",
        &[&[
            r#"{"id":1,"types":[{"id":10,"type":{"name":"a"}},null,{"id":"x"},{}],"seen":"1970-01-01T00:00:01Z"}"#,
            r#"{"types":[{"id":11}],"seen":"bad"}"#,
            r#"{"id":3,"types":[7,"k",[{"id":12}],{"id":13}],"seen":"bad"}"#,
            r#"{"id":4,"types":null}"#,
            r#"{"id":5,"types":true}"#,
            r#"{"id":6,"types":[{"id":14}],"types":[{"id":15}]}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(2),
        [
            ["1.0", "1000000", "10", "a"],
            ["1.0", "1000000", "-", "-"],
            ["1.0", "1000000", "-", "-"],
            ["3.0", "-", "13", "-"],
            ["6.0", "-", "15", "-"],
        ]
    );
    assert_eq!(
        decoded.rejects(),
        [
            "customers__types 1 type_id: x (not a number)",
            r#"customers - *: {"seen":"bad"} (the primary key's column `id` is missing)"#,
            "customers 3 seen: bad (not a date or time, expected such as 2026-01-31 or 2026-01-31T23:59:59Z)",
            r#"customers__types 3 *: {"customer_id":3,"seen":"bad"} (the element is a number, expected an object)"#,
            r#"customers__types 3 *: {"customer_id":3,"seen":"bad"} (the element is a string, expected an object)"#,
            r#"customers__types 3 *: {"customer_id":3,"seen":"bad"} (the element is an array, expected an object)"#,
            "customers 5 types: true (a boolean, expected an array or an object)",
        ]
    );
}

#[test]
fn elements_of_the_own_array_become_rows() {
    let pains = r#"
        endpoint = "/PainPoints"
        unnest = "pain.points"
        primary_key = ["lead", "pain"]
        [columns]
        lead  = { type = "int", path = "leadId", description = "." }
        pain  = { type = "int", path = ["painPointId", "id"], description = "." }
        value = { type = "text", path = "value", description = "." }
    "#;
    let decoded = decode(
        &source(&[("pains", pains)]),
        "pains",
        &[&[
            r#"{"leadId":1,"id":7,"value":"flat"}"#,
            r#"{"leadId":2,"painPointId":7,"value":"around","pain":{"points":[{"id":8,"value":"own"},null,{"id":"9"},{"id":10,"value":null}]}}"#,
            r#"{"leadId":3,"id":7,"pain":{"points":[]}}"#,
            r#"{"leadId":4,"id":7,"pain":{"points":null}}"#,
            r#"{"leadId":5,"UserKey":"k","pain":{"points":[{"value":"no id"},3]}}"#,
            r#"{"leadId":6,"id":7,"UserKey":"k","pain":{"points":{"id":8}}}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(0),
        [
            ["1", "7", "flat"],
            ["2", "8", "own"],
            ["2", "9", "around"],
            ["2", "10", "around"],
            ["4", "7", "-"],
        ]
    );
    assert_eq!(
        decoded.rejects(),
        [
            r#"pains - *: {"lead":5,"value":"no id"} (the primary key's column `pain` is missing)"#,
            r#"pains - *: {"lead":5} (the element is a number, expected an object)"#,
            r#"pains 6,7 *: {"lead":6,"pain":7} (`pain.points` is an object, expected an array)"#,
        ]
    );
    assert_eq!(
        decoded.counts,
        [Counts {
            records: 8,
            rejected_records: 3,
            bad_cells: 0
        }]
    );
}

#[test]
fn long_texts_are_cut_in_rejects_alone() {
    let long = "é".repeat(3_000);
    let record = format!(r#"{{"Id":1,"Name":"{long}","Score":"{long}"}}"#);
    let keyless = format!(r#"{{"Name":"{long}","Email":"{long}"}}"#);
    let decoded = decode(&source(&[("users", USERS)]), "users", &[&[&record, &keyless]]);
    assert_eq!(decoded.rows(0)[0][1], long);
    assert_eq!(decoded.rejects[0].raw, format!("{}…", "é".repeat(2_048)));
    assert!(decoded.rejects[1].raw.starts_with(r#"{"name":"éé"#) && decoded.rejects[1].raw.ends_with("éé…"));
    assert!(decoded.rejects[1].raw.len() <= 4_096 + "…".len());
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
