//! A second implementation of the rules, over a tree and with the date and number types of other crates, slow and plain. Random
//! records must come out of both alike: rows, rejects and counts.

use proptest::prelude::*;

use super::cells::cell;
use super::records::{Array, BROKEN, Broken, Json, Null, Object, Text, compact, is_flat, record, text, written};
use super::{Counts, Decoder, EXPORTED_AT, Reject, Shown, Source, decode, page, source};
use crate::json::Scanner;
use crate::json::fuzz::{fuzz_rounds, mutated};
use crate::schema::{Access, Column, ColumnPath, ColumnType, Origin, Step, Table};

/// A value before its conversion.
#[derive(Debug, Clone)]
enum Hit {
    Json(Json),
    Joined(String),
    Unjoinable,
}

/// Every type and format, and paths that share names, that lie below each other and that pass through arrays.
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
        one    = { type = "float", path = ["l[a=1].b", "l[a=12].b", "d"], description = "." }
        some   = { type = "text", path = "l[a=true].b.c", description = "." }
        either = { type = "text", path = ["l[a=1].c", "d", "l[a=1].b"], description = "." }
        other  = { type = "text", path = "a.l[b=a].c", description = "." }
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
    // A case costs as much as some hundred of the rounds that `AFLUENTE_FUZZ_ROUNDS` means elsewhere.
    #![proptest_config(ProptestConfig {
        cases: u32::try_from(fuzz_rounds() / 400).unwrap_or(u32::MAX),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn fuzz_records_come_out_as_the_rules_say(records in prop::collection::vec(record(), 1..6), seed in any::<u64>()) {
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

// The reader refuses what is not JSON; should it ever not, the decoder must not fall over it.
#[test]
fn fuzz_no_text_makes_it_panic() {
    let samples = [
        r#"{"Id":1,"Key":"k","a":{"b":{"c":"1.5"},"d":"1.234,5","c":true,"l":[1,"2"]},"d":7,"b":"2026-01-02T03:04:05.1Z","e":"2026-01-02"}"#,
        r#"{"Id":2,"Key":"\u00e7","l":[{"b":1,"a":{"c":[]}},null,"x"],"a":{"m":{"b":"v"},"n":null,"m":[1]},"e":"02/01/2026 03:04:05"}"#,
    ];
    let source = source(TABLES);
    let mut random = fastrand::Rng::with_seed(20_261_122);
    let mut decoders = ["deals", "pains"].map(|table| Decoder::new(&source, &source.tables[table], EXPORTED_AT).unwrap());
    for _ in 0..fuzz_rounds() / 40 {
        let text = mutated(samples[random.usize(0..samples.len())], &mut random);
        let mut scanner = Scanner::new(&text);
        let is_json = scanner.skip().and_then(|_| scanner.end()).is_ok();
        for decoder in &mut decoders {
            assert_eq!(decoder.decode(&page(&[&text])).is_ok(), is_json, "{text}");
            decoder.take_rejects();
            decoder.take_full();
        }
    }
    for decoder in &mut decoders {
        decoder.finish().unwrap();
    }
}

/// A reject without its reason: table, key, column, raw.
type Told = (String, Option<String>, Option<String>, String);

fn told(reject: &Reject) -> Told {
    (reject.table.clone(), reject.key.clone(), reject.column.clone(), reject.raw.clone())
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
        let itself = child
            .columns
            .iter()
            .any(|column| matches!(&column.origin, Origin::Path(paths) if paths.contains(&ColumnPath(Vec::new()))));
        let mut element = |element: &Json, member: Option<&str>| {
            let row = Row {
                table: child,
                element,
                around: None,
                parent: Some(parent),
                member,
            };
            match element {
                Null | Object(_) => self.row(at, &row),
                _ if itself => self.row(at, &row),
                _ => self.reject(at, &row),
            }
        };
        match found {
            None => {}
            Some(Array(elements)) => elements
                .iter()
                .filter(|element| **element != Null)
                .for_each(|value| element(value, None)),
            Some(Object(members)) => {
                let mut last: Vec<(&str, &Json)> = Vec::new();
                for (name, value) in &members {
                    match last.iter_mut().find(|(seen, _)| *seen == name.as_str()) {
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
            Origin::Derived => None,
            Origin::Member => self.member.map(|member| Hit::Joined(member.to_owned())),
            Origin::Parent(name) => self.parent.and_then(|parent| parent.hit(parent.table.column(name)?)),
            Origin::Path(paths) => {
                let text = column.kind == ColumnType::Text;
                let mut null = None;
                for (json, is_element) in [(Some(self.element), true), (self.around, false)] {
                    for (at, path) in paths.iter().enumerate() {
                        let is_same = |other: &&ColumnPath| chosen(path).is_some_and(|head| chosen(other) == Some(head));
                        if path.0.is_empty() && (!is_element || null.is_some()) || paths[..at].iter().any(|other| is_same(&other)) {
                            continue;
                        }
                        let alternatives: Vec<&ColumnPath> = match chosen(path) {
                            None => vec![path],
                            Some(_) => paths.iter().filter(is_same).collect(),
                        };
                        match json.and_then(|json| first_hit(json, &alternatives)) {
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

/// The path up to the elements it chooses.
fn chosen(path: &ColumnPath) -> Option<&[Step]> {
    let at = path.0.iter().position(|step| matches!(step, Step::Where(..)))?;
    Some(&path.0[..=at])
}

fn hit(json: &Json, path: &ColumnPath) -> Option<Hit> {
    first_hit(json, &[path])
}

/// Of paths that choose the same elements, each element gives what is under the first that leads to something.
fn first_hit(json: &Json, paths: &[&ColumnPath]) -> Option<Hit> {
    let path = *paths.first()?;
    let mut json = json;
    for (at, step) in path.0.iter().enumerate() {
        match step {
            Step::Member(name) => json = member(json, name)?,
            Step::Where(key, wanted) => {
                let elements = match json {
                    Array(elements) => elements,
                    Null => return None,
                    _ => return Some(Hit::Unjoinable),
                };
                let rests: Vec<ColumnPath> = paths.iter().map(|path| ColumnPath(path.0[at + 1..].to_vec())).collect();
                let is_chosen = |element: &&Json| {
                    let value = member(element, key).filter(|value| !matches!(value, Null | Array(_) | Object(_)));
                    value.and_then(text).as_ref() == Some(wanted)
                };
                let value = |element: &Json| {
                    let values = rests.iter().filter_map(|rest| match hit(element, rest) {
                        Some(Hit::Json(value)) if value != Null => Some(value),
                        _ => None,
                    });
                    values.into_iter().next()
                };
                let values: Vec<Json> = elements.iter().filter(is_chosen).filter_map(value).collect();
                return match &values[..] {
                    [] => None,
                    [value] => Some(Hit::Json(value.clone())),
                    values => match values.iter().map(text).collect::<Option<Vec<_>>>() {
                        None => Some(Hit::Unjoinable),
                        Some(texts) => Some(Hit::Joined(texts.join(","))),
                    },
                };
            }
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
