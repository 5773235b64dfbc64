//! A second implementation of the rules, over a tree and with the date and number types of other crates, slow and plain. Random
//! records must come out of both alike: rows, rejects and counts.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use proptest::prelude::*;

use super::super::reject::Reject;
use super::{Counts, Shown, Source, decode, source};
use crate::schema::{Access, Column, ColumnPath, ColumnType, Format, Origin, Step, Table};

/// A value as a generator makes it: numbers as they are written, and strings that may be no text.
#[derive(Debug, Clone, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    /// `"\ud800"`
    Broken,
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

use Json::{Array, Bool, Broken, Null, Number, Object, Text};

/// A value before its conversion.
#[derive(Debug, Clone)]
enum Hit {
    Json(Json),
    Joined(String),
    Unjoinable,
}

const BROKEN: &str = r"\ud800";

/// The columns of a table that is not exploded have one more than these tables show between them: every type and format, paths
/// that share names, that lie below each other and that pass through arrays.
const TABLES: &[(&str, &str)] = &[
    (
        "deals",
        r#"
        endpoint = "/Deals"
        primary_key = ["id", "key"]
        [columns]
        id     = { type = "int", path = "Id", description = "." }
        key    = { type = "text", path = ["Key", "a.Key"], description = "." }
        text   = { type = "text", path = "a.b", description = "." }
        float  = { type = "float", path = ["a.b.c", "a.d", "d"], description = "." }
        comma  = { type = "float", path = "a.d", format = "comma", description = "." }
        digits = { type = "int", path = "d", format = "digits", description = "." }
        flag   = { type = "float", path = "c", format = "flag", description = "." }
        truth  = { type = "boolean", path = "a.c", description = "." }
        at     = { type = "timestamp", path = "b", description = "." }
        wall   = { type = "timestamp", path = ["b", "e"], wall_clock = true, zone = "Europe/Lisbon", description = "." }
        dmy    = { type = "timestamp", path = "e", format = "dmy", description = "." }
        day    = { type = "date", path = "e", description = "." }
        list   = { type = "text", path = ["l[].b", "l"], description = "." }
        sum    = { type = "float", path = "a.l[]", description = "." }
        "#,
    ),
    (
        "deals__members",
        r#"
        explode = { table = "deals", path = "a" }
        primary_key = ["deal", "name"]
        [columns]
        deal  = { type = "int", parent = "id", description = "." }
        at    = { type = "timestamp", parent = "at", description = "." }
        name  = { type = "text", member = true, description = "." }
        value = { type = "text", path = ["b", "."], description = "." }
        "#,
    ),
    (
        "deals__lines",
        r#"
        explode = { table = "deals", path = "l" }
        [columns]
        key   = { type = "text", parent = "key", description = "." }
        b     = { type = "int", path = "b", description = "." }
        c     = { type = "text", path = "a.c", description = "." }
        "#,
    ),
    (
        "pains",
        r#"
        endpoint = "/PainPoints"
        unnest = "l"
        primary_key = ["id"]
        [columns]
        id    = { type = "text", path = ["Key", "Id"], description = "." }
        b     = { type = "date", path = "b", description = "." }
        c     = { type = "boolean", path = ["a.c", "c"], description = "." }
        "#,
    ),
    (
        "pains__members",
        r#"
        explode = { table = "pains", path = "a" }
        [columns]
        id    = { type = "text", parent = "id", description = "." }
        value = { type = "float", path = ".", description = "." }
        "#,
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn records_come_out_as_the_rules_say(records in prop::collection::vec(record(), 1..6), seed in any::<u64>()) {
        let source = source(TABLES);
        let mut random = fastrand::Rng::with_seed(seed);
        let texts: Vec<String> = records.iter().map(|record| written(record, &mut random)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for table in ["deals", "pains"] {
            let decoded = decode(&source, table, &[&texts]);
            let mut expected = Reference::new(&source, &source.tables[table]);
            records.iter().for_each(|record| expected.record(record));
            prop_assert_eq!(&decoded.rows, &expected.rows);
            let rejects: Vec<_> = decoded.rejects.iter().map(told).collect();
            prop_assert_eq!(rejects, expected.rejects);
            prop_assert_eq!(decoded.counts, expected.counts);
        }
    }
}

/// A reject without its reason: table, key, column, raw.
type Told = (String, Option<String>, Option<String>, String);

fn told(reject: &Reject) -> Told {
    (reject.table.clone(), reject.key.clone(), reject.column.clone(), reject.raw.clone())
}

fn record() -> impl Strategy<Value = Json> {
    let with_key = (
        prop::option::weighted(0.9, 1..9_i32),
        prop::option::weighted(0.9, 0..9_i32),
        members(),
    )
        .prop_map(|(id, key, mut members)| {
            members.extend(id.map(|id| ("iD".to_owned(), Number(id.to_string()))));
            members.extend(key.map(|key| ("key".to_owned(), Text(key.to_string()))));
            Object(members)
        });
    prop_oneof![20 => with_key, 1 => value()]
}

fn members() -> impl Strategy<Value = Vec<(String, Json)>> {
    prop::collection::vec((name(), value()), 0..9)
}

fn value() -> impl Strategy<Value = Json> {
    leaf().prop_recursive(3, 32, 6, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Array),
            4 => prop::collection::vec((name(), inner), 0..6).prop_map(Object),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(&["a", "A", "b", "B", "c", "C", "d", "e", "l", "L", "Id", "KEY", "UserKey", "ç\"\n"][..]).prop_map(str::to_owned)
}

fn leaf() -> impl Strategy<Value = Json> {
    let numbers = [
        "0",
        "-0",
        "1",
        "12",
        "1.0",
        "1e3",
        "1E-2",
        "1.5",
        "-7.250",
        "100e-2",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1e999",
        "12345678901234567890.5",
    ];
    let texts = [
        "",
        "a",
        "é\n\"\\/",
        "12",
        "+7",
        "007",
        "1.5",
        "1e2",
        "1,5",
        "1.234",
        "1.234,56",
        "1.234.567",
        "-1.234,5",
        "true",
        "false",
        "null",
        "00.000.000/0001-91",
        "123.456.789-09",
        "..-/",
        " 1",
        "0x1",
        "inf",
        "9007199254740993",
    ];
    prop_oneof![
        2 => Just(Null),
        1 => any::<bool>().prop_map(Bool),
        3 => prop::sample::select(numbers.to_vec()).prop_map(|number| Number(number.to_owned())),
        1 => any::<i64>().prop_map(|number| Number(number.to_string())),
        1 => any::<f64>().prop_map(|number| Number(serde_json::to_string(&number).unwrap_or_else(|_| "0".to_owned()))).prop_filter("a number", |number| *number != Number("null".to_owned())),
        4 => prop::sample::select(texts.to_vec()).prop_map(|text| Text(text.to_owned())),
        1 => any::<String>().prop_map(Text),
        4 => time().prop_map(Text),
        1 => Just(Broken),
    ]
}

/// Times and dates, most of them right, in all the ways they are written.
fn time() -> impl Strategy<Value = String> {
    let date = prop_oneof![
        (1..=9_999_u32, 1..=12_u32, 1..=31_u32).prop_map(|(year, month, day)| (year, month, day)),
        (2017..=2019_u32, prop::sample::select(vec![2_u32, 3, 10, 11]), 1..=31_u32).prop_map(|(year, month, day)| (year, month, day)),
        Just((1, 1, 1)),
        Just((0, 1, 1)),
    ];
    let clock = prop_oneof![
        3 => (0..=24_u32, 0..=60_u32, 0..=60_u32).prop_map(|(hour, minute, second)| format!("{hour:02}:{minute:02}:{second:02}")),
        2 => Just("00:00:00".to_owned()),
        1 => Just("00:30:00".to_owned()),
        1 => Just("12:30".to_owned()),
    ];
    let fraction = prop::sample::select(vec!["", "", ".0", ".5", ".123456789", ".0000001", ".", ".1234567890"]);
    let zone = prop::sample::select(vec!["", "", "Z", "z", "-03:00", "-0300", "+05:30", "+14", "-3", "+2400", "x"]);
    (
        date,
        any::<bool>(),
        prop::option::of((prop::sample::select(vec!['T', 't', ' ', '_']), clock, fraction, zone)),
    )
        .prop_map(|((year, month, day), dmy, time)| {
            let date = if dmy {
                format!("{day:02}/{month:02}/{year:04}")
            } else {
                format!("{year:04}-{month:02}-{day:02}")
            };
            let time = time.map(|(separator, clock, fraction, zone)| format!("{separator}{clock}{fraction}{zone}"));
            date + time.as_deref().unwrap_or_default()
        })
}

/// As a vendor might write it: white space here and there, characters escaped or not.
fn written(json: &Json, random: &mut fastrand::Rng) -> String {
    let mut space = || ["", "", "", " ", "\n\t"][random.usize(0..5)];
    let (before, after) = (space(), space());
    let text = match json {
        Null => "null".to_owned(),
        Bool(flag) => flag.to_string(),
        Number(number) => number.clone(),
        Broken => format!("\"{BROKEN}\""),
        Text(text) => written_text(text, random),
        Array(elements) => {
            let elements: Vec<_> = elements.iter().map(|element| written(element, random)).collect();
            format!("[{}{}]", elements.join(","), if elements.is_empty() { after } else { "" })
        }
        Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{before}{}{after}:{}", written_text(name, random), written(value, random)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    };
    format!("{before}{text}{after}")
}

fn written_text(text: &str, random: &mut fastrand::Rng) -> String {
    let escape_all = random.u8(0..4) == 0;
    let written: String = text
        .chars()
        .map(|c| match c {
            '/' if escape_all => "\\/".to_owned(),
            _ if escape_all || c < ' ' || c == '"' || c == '\\' => {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }
            _ => c.to_string(),
        })
        .collect();
    format!("\"{written}\"")
}

struct Reference<'a> {
    source: &'a Source,
    table: &'a Table,
    rows: Vec<Vec<Vec<Shown>>>,
    rejects: Vec<Told>,
    counts: Vec<Counts>,
}

/// What a row is made of.
struct Row<'a> {
    table: &'a Table,
    element: &'a Json,
    around: Option<&'a Json>,
    parent: Option<&'a Row<'a>>,
    member: Option<&'a str>,
}

impl<'a> Reference<'a> {
    fn new(source: &'a Source, table: &'a Table) -> Self {
        let tables = table.children.len() + 1;
        Self {
            source,
            table,
            rows: vec![Vec::new(); tables],
            rejects: Vec::new(),
            counts: vec![Counts::default(); tables],
        }
    }

    fn record(&mut self, record: &Json) {
        let row = |element, around| Row {
            table: self.table,
            element,
            around,
            parent: None,
            member: None,
        };
        let unnest = self
            .table
            .fetch()
            .and_then(|fetch| fetch.unnest.clone())
            .and_then(|path| there(record, &path));
        match (record, unnest) {
            (Object(_), None) => self.row(0, &row(record, None)),
            (Object(_), Some(Array(elements))) => {
                for element in elements.iter().filter(|element| **element != Null) {
                    match element {
                        Object(_) => self.row(0, &row(element, Some(record))),
                        _ => self.reject(0, &row(element, Some(record))),
                    }
                }
            }
            _ => self.reject(0, &row(record, None)),
        }
    }

    fn row(&mut self, at: usize, row: &Row) {
        let is_key = |column: &&Column| row.table.primary_key.contains(&column.name);
        if row
            .table
            .columns
            .iter()
            .filter(is_key)
            .any(|column| row.cell(column).is_none_or(|cell| cell.is_none()))
        {
            return self.reject(at, row);
        }
        self.counts[at].records += 1;
        let mut cells = Vec::new();
        for column in &row.table.columns {
            let cell = row.cell(column);
            if let (None, Some(hit), false) = (&cell, row.hit(column), matches!(column.origin, Origin::Parent(_))) {
                self.counts[at].bad_cells += 1;
                let raw = raw(&hit, column.kind);
                self.rejects.push((row.table.id.clone(), row.key(), Some(column.name.clone()), raw));
            }
            cells.push(cell.flatten());
        }
        self.rows[at].push(cells);
        for (position, child) in row.table.children.iter().enumerate() {
            self.explode(position + 1, &self.source.tables[child], row);
        }
    }

    fn explode(&mut self, at: usize, child: &Table, parent: &Row) {
        let Access::Explode(explode) = &child.access else {
            panic!("{} is not exploded", child.id)
        };
        let found = there(parent.element, &explode.path).or_else(|| parent.around.and_then(|around| there(around, &explode.path)));
        let row = |element, member| Row {
            table: child,
            element,
            around: None,
            parent: Some(parent),
            member,
        };
        let itself = child
            .columns
            .iter()
            .any(|column| matches!(&column.origin, Origin::Path(paths) if paths.contains(&ColumnPath(Vec::new()))));
        let mut element = |element: &Json, member| match element {
            Null | Object(_) => self.row(at, &row(element, member)),
            _ if itself => self.row(at, &row(element, member)),
            _ => self.reject(at, &row(element, member)),
        };
        match found {
            None => {}
            Some(Array(elements)) => elements
                .iter()
                .filter(|element| **element != Null)
                .for_each(|value| element(value, None)),
            Some(Object(members)) => {
                let mut last: Vec<(&str, &Json)> = Vec::new();
                for (name, value) in members {
                    match last.iter_mut().find(|(seen, _)| seen == name) {
                        Some((_, seen)) => *seen = value,
                        None => last.push((name, value)),
                    }
                }
                last.into_iter().for_each(|(name, value)| element(value, Some(name)));
            }
            Some(other) => {
                self.counts[0].bad_cells += 1;
                let raw = raw(&Hit::Json(other.clone()), ColumnType::Text);
                self.rejects
                    .push((parent.table.id.clone(), parent.key(), Some(explode.path.to_string()), raw));
            }
        }
    }

    fn reject(&mut self, at: usize, row: &Row) {
        self.counts[at].records += 1;
        self.counts[at].rejected_records += 1;
        let members: Vec<String> = row
            .table
            .columns
            .iter()
            .filter_map(|column| {
                Some(format!(
                    "{}:{}",
                    compact(&Text(column.name.clone())),
                    shown(&row.hit(column)?, column.kind)
                ))
            })
            .collect();
        self.rejects
            .push((row.table.id.clone(), row.key(), None, cut(&format!("{{{}}}", members.join(",")))));
    }
}

impl Row<'_> {
    fn hit(&self, column: &Column) -> Option<Hit> {
        match &column.origin {
            Origin::Member => self.member.map(|member| Hit::Joined(member.to_owned())),
            Origin::Parent(name) => self.parent.and_then(|parent| parent.hit(parent.table.column(name)?)),
            Origin::Path(paths) => {
                let text = column.kind == ColumnType::Text;
                let mut null = None;
                for (json, is_element) in [(Some(self.element), true), (self.around, false)] {
                    for path in paths {
                        if path.0.is_empty() && (!is_element || null.is_some()) {
                            continue;
                        }
                        match json.and_then(|json| hit(json, path)) {
                            Some(Hit::Json(Null)) => null = null.or(Some(Hit::Json(Null))),
                            Some(Hit::Json(Text(empty))) if empty.is_empty() && !text => null = null.or(Some(Hit::Json(Text(empty)))),
                            Some(Hit::Joined(empty)) if empty.is_empty() && !text => null = null.or(Some(Hit::Joined(empty))),
                            Some(hit) => return Some(hit),
                            None => {}
                        }
                    }
                }
                null
            }
        }
    }

    /// None for a bad value, `Some(None)` for null.
    fn cell(&self, column: &Column) -> Option<Shown> {
        if let Origin::Parent(name) = &column.origin {
            let parent = self.parent?;
            return parent.cell(parent.table.column(name)?);
        }
        match self.hit(column) {
            None => Some(None),
            Some(Hit::Json(json)) => cell(&json, column),
            Some(Hit::Joined(text)) => cell(&Text(text), column),
            Some(Hit::Unjoinable) => None,
        }
    }

    fn key(&self) -> Option<String> {
        if self.table.primary_key.is_empty() {
            return self.parent?.key();
        }
        let values: Option<Vec<String>> = self
            .table
            .primary_key
            .iter()
            .map(|name| {
                let column = self.table.column(name)?;
                self.cell(column)??;
                match self.hit(column)? {
                    Hit::Json(json) => text(&json),
                    Hit::Joined(text) => Some(text),
                    Hit::Unjoinable => None,
                }
            })
            .collect();
        values.map(|values| cut(&values.join(",")))
    }
}

fn member<'j>(json: &'j Json, name: &str) -> Option<&'j Json> {
    let Object(members) = json else { return None };
    members
        .iter()
        .rev()
        .find(|(member, _)| member.to_lowercase() == name.to_lowercase())
        .map(|(_, value)| value)
}

fn hit(json: &Json, path: &ColumnPath) -> Option<Hit> {
    let mut json = json;
    for (at, step) in path.0.iter().enumerate() {
        match step {
            Step::Member(name) => json = member(json, name)?,
            Step::Elements => {
                let Array(elements) = json else { return None };
                let rest = ColumnPath(path.0[at + 1..].to_vec());
                let values = elements.iter().filter_map(|element| match hit(element, &rest) {
                    Some(Hit::Json(value)) if value != Null => Some(text(&value)),
                    _ => None,
                });
                return match values.collect::<Option<Vec<_>>>() {
                    None => Some(Hit::Unjoinable),
                    Some(texts) if texts.is_empty() => None,
                    Some(texts) => Some(Hit::Joined(texts.join(","))),
                };
            }
        }
    }
    Some(Hit::Json(json.clone()))
}

/// Where an array or object should be; null and `""` are nothing.
fn there(json: &Json, path: &ColumnPath) -> Option<Json> {
    match hit(json, path) {
        Some(Hit::Json(found)) if found != Null && found != Text(String::new()) => Some(found),
        _ => None,
    }
}

fn is_flat(elements: &[Json]) -> bool {
    !elements.iter().any(|element| matches!(element, Array(_) | Object(_)))
}

fn text(json: &Json) -> Option<String> {
    match json {
        Null => Some("null".to_owned()),
        Bool(flag) => Some(flag.to_string()),
        Number(text) | Text(text) => Some(text.clone()),
        Broken => None,
        Array(elements) if is_flat(elements) => {
            let texts: Option<Vec<_>> = elements.iter().filter(|element| **element != Null).map(text).collect();
            texts.map(|texts| texts.join(","))
        }
        Array(_) | Object(_) => Some(compact(json)),
    }
}

fn compact(json: &Json) -> String {
    match json {
        Text(text) => serde_json::to_string(text).unwrap(),
        Broken => format!("\"{BROKEN}\""),
        Array(elements) => format!("[{}]", elements.iter().map(compact).collect::<Vec<_>>().join(",")),
        Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{}:{}", compact(&Text(name.clone())), compact(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        _ => text(json).unwrap(),
    }
}

fn hidden(json: &Json, kind: ColumnType) -> Option<&'static str> {
    match json {
        Object(_) if kind != ColumnType::Text => Some("{…}"),
        Array(elements) if kind != ColumnType::Text && !is_flat(elements) => Some("[…]"),
        _ => None,
    }
}

/// A value in a reject of its own.
fn raw(hit: &Hit, kind: ColumnType) -> String {
    match hit {
        Hit::Joined(text) => cut(text),
        Hit::Unjoinable => "[…]".to_owned(),
        Hit::Json(json) => match (json, hidden(json, kind)) {
            (_, Some(hidden)) => hidden.to_owned(),
            (Broken, _) => BROKEN.to_owned(),
            (Text(text), _) => cut(text),
            // As it is written, which the tree does not know: told apart by the caller's texts being compact.
            (json, _) => cut(&compact(json)),
        },
    }
}

/// A value in the reject of its record.
fn shown(hit: &Hit, kind: ColumnType) -> String {
    match hit {
        Hit::Joined(text) => compact(&Text(text.clone())),
        Hit::Unjoinable => "\"[…]\"".to_owned(),
        Hit::Json(json) => hidden(json, kind).map_or_else(|| compact(json), |hidden| format!("\"{hidden}\"")),
    }
}

fn cut(text: &str) -> String {
    if text.len() <= 4_096 {
        return text.to_owned();
    }
    let mut end = 4_096;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// None for a bad value, `Some(None)` for null.
fn cell(json: &Json, column: &Column) -> Option<Shown> {
    if *json == Null {
        return Some(None);
    }
    if column.kind == ColumnType::Text {
        return text(json).map(Some);
    }
    if *json == Text(String::new()) {
        return Some(None);
    }
    match column.kind {
        ColumnType::Int => int(json, column.format).map(|number| Some(number.to_string())),
        ColumnType::Float => float(json, column.format).map(|number| Some(format!("{number:?}"))),
        ColumnType::Boolean => match json {
            Bool(flag) => Some(Some(flag.to_string())),
            Text(text) if text == "true" || text == "false" => Some(Some(text.clone())),
            Number(number) if number == "0" || number == "1" => Some(Some((number == "1").to_string())),
            _ => None,
        },
        ColumnType::Timestamp => {
            time(json, column).map(|moment| moment.map(|(local, offset)| timestamp(local, offset, column).to_string()))
        }
        ColumnType::Date => match time(json, column)? {
            None => Some(None),
            Some((local, _)) => (local.time() == NaiveTime::MIN).then(|| Some(local.date().to_epoch_days().to_string())),
        },
        ColumnType::Text => None,
    }
}

/// A number's text, once the column's format is seen to.
fn literal(json: &Json, format: Option<Format>) -> Option<String> {
    match (json, format) {
        (Number(number), _) => Some(number.clone()),
        (Bool(flag), Some(Format::Flag)) => Some(u8::from(*flag).to_string()),
        (Text(text), Some(Format::Flag)) if text == "true" => Some("1".to_owned()),
        (Text(text), Some(Format::Flag)) if text == "false" => Some("0".to_owned()),
        (Text(text), Some(Format::Digits)) => {
            let digits = text.replace(['.', '/', '-', ' '], "");
            (!digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())).then_some(digits)
        }
        (Text(text), Some(Format::Comma)) => {
            // The texts of the generator, one by one: the table in `number` has the rule.
            let plain = match text.as_str() {
                "1,5" => "1.5",
                "1.234,56" => "1234.56",
                "1.234.567" => "1234567",
                "-1.234,5" => "-1234.5",
                "1.234" => return None,
                other => other,
            };
            is_numeric(plain).then(|| plain.to_owned())
        }
        (Text(text), _) => is_numeric(text).then(|| text.clone()),
        _ => None,
    }
}

/// JSON's grammar once the sign and the leading zeros are gone.
fn is_numeric(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let zeros = unsigned.trim_start_matches('0');
    let zero = if zeros.len() < unsigned.len() && !zeros.starts_with(|c: char| c.is_ascii_digit()) {
        "0"
    } else {
        ""
    };
    let json = format!("{zero}{zeros}");
    json.starts_with(|c: char| c.is_ascii_digit())
        && !json.contains(char::is_whitespace)
        && serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok()
}

fn int(json: &Json, format: Option<Format>) -> Option<i64> {
    let text = literal(json, format)?;
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().ok()?;
    // The point is moved in a text with room on both sides, far enough for every number of the generator.
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let digits = format!(
        "{}{}{}{}",
        "0".repeat(400),
        whole.trim_start_matches(['+', '-']),
        fraction,
        "0".repeat(1_000)
    );
    let point = usize::try_from(400 + i32::try_from(whole.trim_start_matches(['+', '-']).len()).ok()? + exponent).ok()?;
    let (whole, fraction) = digits.split_at(point);
    if fraction.chars().any(|digit| digit != '0') {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    format!("{sign}0{whole}").parse().ok()
}

fn float(json: &Json, format: Option<Format>) -> Option<f64> {
    let text = literal(json, format)?;
    let number: f64 = text.parse().ok()?;
    let is_whole = !text.contains(['.', 'e', 'E']);
    if is_whole && text.parse::<i128>().map_or(true, |whole| whole.unsigned_abs() > 1 << 53) {
        return None;
    }
    number.is_finite().then_some(number)
}

/// None for a bad value, `Some(None)` for no date; the clock as it is written, and its zone.
#[expect(clippy::type_complexity)]
fn time(json: &Json, column: &Column) -> Option<Option<(NaiveDateTime, Option<i64>)>> {
    let Text(text) = json else { return None };
    let dmy = column.format == Some(Format::Dmy) && text.chars().nth(2) == Some('/');
    let shape = if dmy { "99/99/9999" } else { "9999-99-99" };
    let date = text.get(..10)?;
    if !date
        .chars()
        .zip(shape.chars())
        .all(|(c, shape)| if shape == '9' { c.is_ascii_digit() } else { c == shape })
    {
        return None;
    }
    let rest = &text[10..];
    let (time, offset) = if rest.is_empty() {
        (TimeDelta::zero(), None)
    } else {
        clock(rest, dmy)?
    };
    if !dmy && date == "0001-01-01" || dmy && date == "01/01/0001" {
        return Some(None);
    }
    let date = NaiveDate::parse_from_str(date, if dmy { "%d/%m/%Y" } else { "%Y-%m-%d" }).ok()?;
    let year: i32 = date.format("%Y").to_string().parse().ok()?;
    (year > 0).then(|| Some((date.and_time(NaiveTime::MIN) + time, offset)))
}

/// The time of day behind a date: since midnight, and seconds ahead of UTC.
fn clock(rest: &str, dmy: bool) -> Option<(TimeDelta, Option<i64>)> {
    let rest = rest.strip_prefix(if dmy { &[' '][..] } else { &['T', 't', ' '][..] })?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.')
        .unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<i64> = clock
        .split(':')
        .map(|part| if part.len() == 2 { part.parse().ok() } else { None })
        .collect::<Option<_>>()?;
    let [hour @ 0..24, minute @ 0..60, second @ 0..61] = parts[..] else {
        return None;
    };
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    let offset = match zone {
        "" => None,
        _ if dmy => return None,
        "Z" | "z" => Some(0),
        "-03:00" | "-0300" => Some(-3 * 3_600),
        "+05:30" => Some(5 * 3_600 + 1_800),
        "+14" => Some(14 * 3_600),
        _ => return None,
    };
    Some((
        TimeDelta::seconds(hour * 3_600 + minute * 60 + second) + TimeDelta::nanoseconds(nanos),
        offset,
    ))
}

fn timestamp(local: NaiveDateTime, offset: Option<i64>, column: &Column) -> i64 {
    if let (Some(offset), false) = (offset, column.wall_clock) {
        return (local - TimeDelta::seconds(offset)).and_utc().timestamp_micros();
    }
    // A time that never was lies between the last moment before the clock was moved and the first one after: it is looked for
    // an hour at a time from a time that was, and keeps that one's offset.
    let zone = column.zone;
    let mut before = local;
    loop {
        if let Some(moment) = zone.from_local_datetime(&before).earliest() {
            let moment: DateTime<chrono::Utc> = moment.to_utc() + (local - before);
            return moment.timestamp_micros();
        }
        before -= TimeDelta::minutes(30);
    }
}
