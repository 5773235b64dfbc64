//! What is taken of damaged replies, and what of it arrives in rows.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::super::identity::{Namer, Picks};
use super::*;
use crate::decode::{Decoder, Reject};
use crate::json::fuzz::{damaged, fuzz_rounds};
use crate::page::Page;
use crate::schema::{Catalog, Records, Source};

const DEALS: &str = r#"
    title = "T"
    description = "T."
    endpoint = "/Deals"
    primary_key = ["id"]
    [columns]
    id     = { type = "int", path = "Id", description = "." }
    title  = { type = "text", path = "Title", personal = "free_text", description = "." }
    amount = { type = "float", path = "Amount", description = "." }
    at     = { type = "timestamp", path = ["Updated.At", "At"], description = "." }
    owner  = { type = "text", path = "Owner.Name", personal = "name", description = "." }
    tags   = { type = "text", path = "Tags[].Name", description = "." }
    plan   = { type = "text", path = "Fields[Key=plan].Text", description = "." }
    size   = { type = "int", path = "Fields[Key=size].Number", description = "." }
    more   = { type = "text", path = "More", description = "." }
"#;
const PEOPLE: &str = r#"
    title = "T"
    description = "T."
    explode = { table = "deals", path = "People" }
    primary_key = ["deal_id", "n"]
    [columns]
    deal_id = { type = "int", parent = "id", description = "." }
    n       = { type = "int", path = "N", description = "." }
    name    = { type = "text", path = "Name", personal = "name", description = "." }
    title   = { type = "text", parent = "title", personal = "free_text", description = "." }
"#;

fn source() -> Source {
    let source = r#"
        title = "Acme"
        description = "A vendor."
        base_url = "https://acme.example"
        token_env = "ACME_TOKEN"
        auth = { type = "header", name = "User-Key" }
        records = ["value"]
        rate_limit = { requests = 1, per = "1s" }
        pagination = { type = "single" }"#;
    let files = [
        ("acme/source.toml", source),
        ("acme/deals.toml", DEALS),
        ("acme/deals__people.toml", PEOPLE),
    ];
    let catalog = Catalog::from_files(files.map(|(path, text)| (path.to_owned(), text.to_owned()))).unwrap();
    catalog.source("acme").unwrap().clone()
}

/// Opens a body as a reply that came twice. `records`: where its array is.
fn taken_at(body: &[u8], headers: &HeaderMap, again: bool, records: &[&str]) -> Result<Envelope> {
    let records: Vec<Records> = records.iter().map(|name| Records::from((*name).to_owned())).collect();
    let mut picks = Picks::default();
    picks.column([vec!["id".to_owned()]]);
    picks.column([vec!["id".to_owned()]]);
    let shape = Shape {
        records: &records,
        endpoint: "deals",
        picks: &picks,
        key_columns: 1,
        marked: true,
        count: Some("@odata.count"),
        next: None,
        namer: &Namer::default(),
    };
    let reply = Reply {
        status: 200,
        body: Bytes::copy_from_slice(body),
        headers: headers.clone(),
        asked_at: chrono::DateTime::UNIX_EPOCH,
    };
    open(&reply.body, shape).or_else(|reason| second_look(&reply, shape, again, reason))
}

fn taken(body: &[u8]) -> Result<Envelope> {
    taken_at(body, &HeaderMap::new(), true, &["value"])
}

/// Rows by key, of the table and of its child, and the rejects.
#[derive(Debug)]
struct Decoded {
    rows: [BTreeMap<Vec<String>, Vec<Option<String>>>; 2],
    rejects: Vec<Reject>,
}

const COLUMNS: [&[&str]; 2] = [
    &["id", "title", "amount", "at", "owner", "tags", "plan", "size", "more"],
    &["deal_id", "n", "name", "title"],
];

fn decoded(envelope: &Envelope, source: &Source) -> Decoded {
    let page = Page {
        body: envelope.body.clone(),
        records: envelope.records.iter().map(|record| record.range.clone()).collect(),
        damage: envelope.damage.clone(),
        twins: Vec::new(),
        resume: None,
        began: chrono::DateTime::UNIX_EPOCH,
        memory: None,
    };
    let mut decoder = Decoder::new(source, &source.tables["deals"], 0).unwrap();
    decoder.decode(&page).unwrap();
    let rejects = decoder.take_rejects();
    let mut rows = [BTreeMap::new(), BTreeMap::new()];
    for (table, batch) in decoder.finish().unwrap() {
        for row in 0..batch.num_rows() {
            let cells: Vec<_> = COLUMNS[table]
                .iter()
                .map(|name| cell(batch.column_by_name(name).unwrap(), row))
                .collect();
            let key = cells.iter().take(1 + table).map(|cell| cell.clone().unwrap()).collect();
            // Equal keys are the vendor's; the merge keeps the last.
            rows[table].insert(key, cells);
        }
    }
    Decoded { rows, rejects }
}

fn cell(column: &ArrayRef, row: usize) -> Option<String> {
    (!column.is_null(row)).then(|| match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:?}", column.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        other => panic!("a column of type {other}"),
    })
}

fn headers(content_type: &str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())])
}

/// A record as one may be damaged: raw bytes, members or elements.
#[derive(Debug, Clone)]
enum Json {
    Raw(Vec<u8>),
    Array(Vec<Json>),
    Object(Vec<(Vec<u8>, Json)>),
}

impl Json {
    fn of(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Array(elements) => Self::Array(elements.iter().map(Self::of).collect()),
            serde_json::Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(name, value)| (format!("\"{name}\"").into_bytes(), Self::of(value)))
                    .collect(),
            ),
            scalar => Self::Raw(scalar.to_string().into_bytes()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (open, close) = match self {
            Self::Raw(bytes) => return out.extend(bytes),
            Self::Array(_) => (b'[', b']'),
            Self::Object(_) => (b'{', b'}'),
        };
        out.push(open);
        match self {
            Self::Raw(_) => {}
            Self::Array(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    out.extend((at > 0).then_some(b','));
                    element.write(out);
                }
            }
            Self::Object(members) => {
                for (at, (name, value)) in members.iter().enumerate() {
                    out.extend((at > 0).then_some(b','));
                    out.extend(name);
                    out.push(b':');
                    value.write(out);
                }
            }
        }
        out.push(close);
    }

    /// Spoils one of the values or names below, by chance.
    fn spoil(&mut self, random: &mut fastrand::Rng) {
        let bad: [&[u8]; 7] = [
            b"NaN",
            b"-Infinity",
            b"007",
            b"\"caf\xe9\"",
            b"\"a\tb\"",
            br#""C:\dir""#,
            b"\"\xf0\x9f\x98\"",
        ];
        match self {
            Self::Object(members) if !members.is_empty() && random.u8(0..8) > 0 => {
                let at = random.usize(0..members.len());
                match random.u8(0..12) {
                    0 => members[at].0 = b"\"N\xe3o\"".to_vec(),
                    _ => members[at].1.spoil(random),
                }
            }
            Self::Array(elements) if !elements.is_empty() && random.u8(0..4) > 0 => {
                let at = random.usize(0..elements.len());
                elements[at].spoil(random);
            }
            _ if random.u8(0..8) == 0 => *self = Self::Raw([&b"[".repeat(200)[..], &b"]".repeat(200)].concat()),
            _ => *self = Self::Raw(bad[random.usize(0..bad.len())].to_vec()),
        }
    }
}

fn record(id: u32) -> serde_json::Value {
    serde_json::json!({
        "Id": id, "Title": format!("Renovação {id}"), "Amount": 1.5, "UserKey": "not-for-the-lake",
        "Updated": {"At": null, "By": 7}, "At": "2026-01-02T03:04:05Z", "Owner": {"Name": "Fulana", "Id": 9},
        "Tags": [{"Name": "a"}, {"Name": "b", "Id": 1}],
        "Fields": [{"Key": "plan", "Text": "Ouro"}, {"Key": "size", "Text": null, "Number": 12}, {"Key": "x", "Text": "y"}],
        "More": {"a": [1, {"b": "c"}], "d": "e"},
        "People": [{"N": 1, "Name": "Ana"}, {"N": 2, "Name": "Bia", "x": [1]}],
        "Other": {"a": ["b", {"c": 1}]},
    })
}

fn body_of(records: &[Vec<u8>]) -> Vec<u8> {
    [&b"{\"@odata.count\":5000,\"value\":["[..], &records.join(&b','), b"]}"].concat()
}

fn good(ids: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    ids.map(|id| record(id).to_string().into_bytes()).collect()
}

#[test]
fn each_kind_of_damage_costs_what_cannot_be_read() {
    let source = source();
    for (spoilt, title, rejects) in [
        (
            &b"{\"Id\":1,\"Title\":\"caf\xe9\",\"UserKey\":\"k\"}"[..],
            Some(None),
            &["1 title {\"offset\":46,\"length\":6} the value cannot be read: it is not UTF-8"][..],
        ),
        (
            b"{\"Id\":1,\"Title\":\"T\",\"Amount\":NaN}",
            Some(Some("T")),
            &["1 amount {\"offset\":59,\"length\":3} the value cannot be read: it is a bare word or number that JSON does not know"],
        ),
        (
            b"{\"Id\":1,\"Title\":\"a\tb\"}",
            Some(None),
            &[
                "1 title {\"offset\":46,\"length\":5} the value cannot be read: it holds a control character, which JSON allows as an escape only",
            ],
        ),
        (b"{\"Id\":1,\"Title\":\"T\",\"Other\":\"\xff\",\"x\":[NaN]}", Some(Some("T")), &[]),
        (
            b"null",
            None,
            &["- * {\"offset\":30,\"length\":4} the record is null, expected an object"],
        ),
        (
            b"\"x\xff\"",
            None,
            &["- * {\"offset\":30,\"length\":4} the record cannot be read: it is not UTF-8"],
        ),
        (
            b"[1]",
            None,
            &["- * {\"offset\":30,\"length\":3} the record is an array, expected an object"],
        ),
        (
            b"{\"Id\":\"\xe9\",\"Title\":\"Fulana\",\"Amount\":2,\"UserKey\":\"k\"}",
            None,
            &["- * {\"offset\":30,\"length\":52,\"columns\":{\"amount\":2}} the primary key's column `id` cannot be read: it is not UTF-8"],
        ),
        (
            b"{\"Id\":1,\"T\xedtle\":\"Fulana\",\"Amount\":2}",
            None,
            &["1 * {\"offset\":30,\"length\":36,\"columns\":{\"id\":1,\"amount\":2}} the name of a member cannot be read: it is not UTF-8"],
        ),
        (
            b"{\"Id\":1,\"Owner\":NaN,\"More\":{\"a\":[\"\xff\"]}}",
            Some(None),
            &[
                "1 owner {\"offset\":46,\"length\":3} the value cannot be read: it is a bare word or number that JSON does not know",
                "1 more {\"offset\":63,\"length\":3} the value cannot be read: it is not UTF-8",
            ],
        ),
        (
            b"{\"Id\":1,\"Fields\":[{\"Key\":\"plan\",\"Text\":\"\xff\"},{\"Key\":\"size\",\"Number\":3}]}",
            Some(None),
            &["1 plan {\"offset\":69,\"length\":3} the value cannot be read: it is not UTF-8"],
        ),
        (
            b"{\"Id\":1,\"Fields\":[{\"Key\":\"\xff\",\"Text\":\"x\"}]}",
            Some(None),
            &[
                "1 plan {\"offset\":55,\"length\":3} the value cannot be read: it is not UTF-8",
                "1 size {\"offset\":55,\"length\":3} the value cannot be read: it is not UTF-8",
            ],
        ),
        (
            b"{\"Id\":1,\"People\":\"\xff\"}",
            Some(None),
            &["1 People {\"offset\":47,\"length\":3} the value cannot be read: it is not UTF-8"],
        ),
        (
            b"{\"Id\":1,\"People\":[NaN,{\"N\":1,\"Name\":\"\xff\"}]}",
            Some(None),
            &[
                "- * {\"offset\":30,\"length\":42,\"columns\":{\"deal_id\":1}} the element cannot be read: it is a bare word or number that JSON does not know",
                "1,1 name {\"offset\":66,\"length\":3} the value cannot be read: it is not UTF-8",
            ],
        ),
    ] {
        let shown = String::from_utf8_lossy(spoilt);
        let mut records = vec![spoilt.to_vec()];
        records.extend(good(2..4));
        let body = body_of(&records);
        let page = taken(&body).unwrap_or_else(|error| panic!("{shown}: {error:?}"));
        let found = decoded(&page, &source);
        let row = found.rows[0].get(&vec!["1".to_owned()]).map(|row| row[1].as_deref());
        assert_eq!(row, title, "{shown}: {found:?}");
        assert!(found.rows[0].contains_key(&vec!["2".to_owned()]) && found.rows[0].contains_key(&vec!["3".to_owned()]));
        let told: Vec<String> = found
            .rejects
            .iter()
            .map(|reject| {
                format!(
                    "{} {} {} {}",
                    reject.key.as_deref().unwrap_or("-"),
                    reject.column.as_deref().unwrap_or("*"),
                    reject.raw,
                    reject.reason
                )
            })
            .collect();
        assert_eq!(told, rejects, "{shown}");
        assert!(body[30..].starts_with(spoilt));
    }
}

#[test]
fn a_long_record_that_tells_nothing_leaves_its_sum() {
    let long = format!("\"{}\"", "é".repeat(40)).into_bytes();
    let mut records = good(2..3);
    records.insert(0, long.clone());
    let found = decoded(&taken(&body_of(&records)).unwrap(), &source());
    let sum = hex(&Sha256::digest(&long));
    assert_eq!(
        found.rejects[0].raw,
        format!("{{\"offset\":30,\"length\":{},\"sha256\":\"{sum}\"}}", long.len())
    );
}

#[test]
fn what_is_no_page_stays_none() {
    for (body, records) in [
        (&b"{\"value\":[{\"Id\":1},{\"Id\":2,\"Title\":NaN"[..], &["value"][..]),
        (b"{\"value\":[{\"Id\":1,\"Title\":\"a\"b\"},{\"Id\":2}]}", &["value"]),
        (b"{\"value\":[{\"Id\":1}],\"error\":\"caf\xe9\"}", &["value"]),
        (b"{\"@odata.count\":NaN,\"value\":[{\"Id\":1}]}", &["value"]),
        (b"{\"value\":[{\"Id\":1}],\"n\xe3o\":1}", &["value"]),
        (b"{\"value\":[null]}", &["value"]),
        (b"[\"Token inv\xe1lido\"]", &["@root"]),
        (b"[\"erro\",\"interno\"]", &["@root"]),
        (b"{\"value\":NaN}", &["value"]),
        (b"<html>caf\xe9</html>", &["value"]),
        (b"", &["value"]),
    ] {
        let strict = taken_at(body, &HeaderMap::new(), false, records).unwrap_err();
        let error = taken_at(body, &HeaderMap::new(), true, records).unwrap_err();
        assert_eq!(error.message(), strict.message(), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_page_is_taken_in_part_the_second_time_only() {
    let body = b"{\"value\":[{\"Id\":1,\"Amount\":NaN}]}";
    assert!(taken_at(body, &HeaderMap::new(), false, &["value"]).is_err());
    let page = taken(body).unwrap();
    assert_eq!(page.records.len(), 1);
    assert!(page.records[0].named && page.records[0].mark.is_some());
    let sound = taken(b"{\"value\":[{\"Id\":1}]}").unwrap();
    assert!(sound.damage.is_none());
}

#[test]
fn the_same_damage_is_the_same_record_on_another_page() {
    let body = b"{\"value\":[{\"Id\":\"\xff\"},null,{\"Id\":2,\"At\":NaN},{\"Id\":NaN}]}";
    let [one, other] = [(); 2].map(|()| taken(body).unwrap());
    assert_ne!(one.damage.as_ref().unwrap().marker, other.damage.as_ref().unwrap().marker);
    // Each page has a namer of its own here, so only what is not hashed can be compared: the sums.
    let sums = |page: &Envelope| {
        page.damage
            .as_ref()
            .unwrap()
            .records
            .iter()
            .map(|record| record.sha256.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(sums(&one), sums(&other));
    assert_eq!(
        one.records
            .iter()
            .map(|record| (record.named, record.mark.is_some()))
            .collect::<Vec<_>>(),
        [(false, false), (false, false), (true, true), (false, false)]
    );
}

#[test]
fn latin_1_is_read_where_it_is_declared_and_meant() {
    let title = |page: &Envelope| decoded(page, &source()).rows[0].values().next().unwrap()[1].clone();
    let body = |title: &[u8]| [b"{\"value\":[{\"Id\":1,\"Title\":\"", title, b"\"}]}"].concat();
    for (label, bytes, expected) in [
        ("application/json; charset=ISO-8859-1", &b"A\xe7\xe3o"[..], Some("Ação")),
        ("text/json;odata=x; CharSet=\"latin1\"", b"A\xe7\xe3o", Some("Ação")),
        ("application/json; charset=windows-1252", b"\x80 5", Some("€ 5")),
        // Declared wrongly: it is UTF-8.
        ("application/json; charset=ISO-8859-1", "Ação".as_bytes(), Some("Ação")),
        // Declared wrongly, and damaged: not `AÃ§Ã£o`.
        ("application/json; charset=ISO-8859-1", b"A\xc3\xa7\xc3\xa3o \xc3", None),
    ] {
        let page = taken_at(&body(bytes), &headers(label), true, &["value"]).unwrap();
        assert_eq!(title(&page).as_deref(), expected, "{label}");
    }
    // At once, without asking again.
    assert!(taken_at(&body(b"A\xe7\xe3o"), &headers("x; charset=latin1"), false, &["value"]).is_ok());
    for label in [
        "application/json",
        "x; charset=utf-8",
        "x; charset=us-ascii",
        "x; charset=iso-8859-15",
        "x; charset=",
        "charset=latin1",
    ] {
        assert!(
            taken_at(&body(b"A\xe7\xe3o"), &headers(label), false, &["value"]).is_err(),
            "{label}"
        );
        assert_eq!(
            title(&taken_at(&body(b"A\xe7\xe3o"), &headers(label), true, &["value"]).unwrap()),
            None,
            "{label}"
        );
    }
    // Offsets count in the decoded body: `ç` and `ã` are two bytes each there.
    let page = taken_at(
        b"{\"value\":[{\"Id\":1,\"x\":\"\xe7\xe3\",\"Title\":NaN}]}",
        &headers("x; charset=latin1"),
        true,
        &["value"],
    )
    .unwrap();
    assert_eq!(page.damage.unwrap().flaws[0].origin, 37..40);
    let page = taken(b"\xef\xbb\xbf{\"value\":[{\"Id\":1,\"Title\":NaN}]}").unwrap();
    assert_eq!(page.damage.unwrap().flaws[0].origin, 29..32);
}

/// Values are spoilt by chance: each cell is as it was or null and told, no row is invented, and all other records are as they were.
#[test]
fn fuzz_spoilt_values_cost_their_cells_and_nothing_else() {
    let source = source();
    let sound = decoded(&taken(&body_of(&good(1..5))).unwrap(), &source);
    assert!(
        sound.rejects.is_empty() && sound.rows[0].len() == 4 && sound.rows[1].len() == 8,
        "{sound:?}"
    );
    let mut random = fastrand::Rng::with_seed(1_109);
    let (mut lost_cells, mut lost_rows) = (0, 0);
    for _ in 0..fuzz_rounds() / 100 {
        let id = random.u32(1..5);
        let mut spoilt = Json::of(&record(id));
        for _ in 0..random.usize(1..4) {
            spoilt.spoil(&mut random);
        }
        let mut records = good(1..5);
        records[id as usize - 1].clear();
        spoilt.write(&mut records[id as usize - 1]);
        let body = body_of(&records);
        let shown = String::from_utf8_lossy(&records[id as usize - 1]).into_owned();
        let page = taken(&body).unwrap_or_else(|error| panic!("{shown}: {error:?}"));
        let found = decoded(&page, &source);
        for table in [0, 1] {
            for (key, row) in &found.rows[table] {
                let before = sound.rows[table].get(key).unwrap_or_else(|| panic!("invented {key:?}: {shown}"));
                for (at, (now, before)) in row.iter().zip(before).enumerate() {
                    let column = COLUMNS[table][at];
                    let is_told = |reject: &Reject| {
                        reject.column.as_deref() == Some(column) && reject.key.as_deref() == Some(&*key[..=table].join(","))
                    };
                    let is_told = found.rejects.iter().any(is_told) || table == 1 && column == "title";
                    assert!(now == before || now.is_none() && is_told, "{column} {now:?}: {shown}");
                    assert!(now == before || key[0] == id.to_string());
                    lost_cells += usize::from(now != before);
                }
            }
            let lost = sound.rows[table].len() - found.rows[table].len();
            let told = found
                .rejects
                .iter()
                .filter(|reject| reject.column.is_none() || reject.column.as_deref() == Some("People"))
                .count();
            assert!(lost == 0 || told > 0, "{shown}");
            assert!(table == 1 || lost <= 1, "{shown}");
            lost_rows += lost;
        }
        for reject in &found.rejects {
            let text = format!("{reject:?}");
            assert!(!text.contains("d800") && !text.contains("not-for-the-lake"), "{text}");
            let is_personal = ["Fulana", "Ana", "Renova"].iter().any(|word| reject.raw.contains(word));
            assert!(reject.key.is_some() || !is_personal, "{text}");
        }
    }
    assert!(lost_cells > 100 && lost_rows > 100, "{lost_cells} {lost_rows}");
}

/// Bytes are damaged by chance, the structure with them: the page is refused, or all other records are as they were.
#[test]
fn fuzz_a_damaged_record_spares_all_others_or_the_page_is_refused() {
    let source = source();
    let sound = decoded(&taken(&body_of(&good(1..5))).unwrap(), &source);
    let mut random = fastrand::Rng::with_seed(8_259);
    let (mut salvaged, mut refused) = (0, 0);
    for _ in 0..fuzz_rounds() / 100 {
        let id = random.usize(1..5);
        let mut records = good(1..5);
        records[id - 1] = damaged(&records[id - 1], &mut random);
        let Ok(page) = taken(&body_of(&records)) else {
            refused += 1;
            continue;
        };
        salvaged += usize::from(page.damage.is_some());
        let found = decoded(&page, &source);
        for table in [0, 1] {
            for (key, before) in sound.rows[table].iter().filter(|(key, _)| key[0] != id.to_string()) {
                // The damage may have made the record another's namesake.
                let is_twin =
                    found.rows[table].get(key).is_some_and(|row| row != before) && !found.rows[0].contains_key(&vec![id.to_string()]);
                assert!(
                    found.rows[table].get(key) == Some(before) || is_twin,
                    "{}",
                    String::from_utf8_lossy(&records[id - 1])
                );
            }
        }
    }
    assert!(salvaged > 50 && refused > 50, "{salvaged} {refused}");
}

/// Half a megabyte takes about as long however much of it is damaged; were the work quadratic, it would take minutes.
#[test]
fn the_time_grows_with_the_page() {
    let time = |record: &[u8]| {
        let body = [&b"{\"value\":["[..], &record.repeat((1 << 19) / record.len()), b"{\"Id\":2}]}"].concat();
        let times = (0..3).map(|_| {
            let began = std::time::Instant::now();
            drop(taken(&body).unwrap());
            began.elapsed()
        });
        times.min().unwrap()
    };
    let sound = time(b"{\"Id\":1,\"Title\":\"x\"},");
    for record in [
        &b"{\"Id\":1,\"Title\":\"\xff\"},"[..],
        b"null,",
        b"{\"Id\":NaN,\"More\":[NaN,NaN]},",
    ] {
        let spoilt = time(record);
        assert!(spoilt < sound * 100, "{}: {sound:?}, {spoilt:?}", String::from_utf8_lossy(record));
    }
}
