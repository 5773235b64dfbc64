//! Random records: what is in them, and how a vendor might write it.

use proptest::prelude::*;

/// A value as a generator makes it: numbers as they are written, and strings that may be no text.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    /// `"\ud800"`
    Broken,
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

pub use Json::{Array, Bool, Broken, Null, Number, Object, Text};

/// What stands between the quotes of [`Json::Broken`].
pub const BROKEN: &str = r"\ud800";

pub fn record() -> impl Strategy<Value = Json> {
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
    prop_oneof![20 => with_key, 1 => value(3)]
}

fn members() -> impl Strategy<Value = Vec<(String, Json)>> {
    let member = prop_oneof![
        9 => (name(), value(3)),
        1 => chosen_from().prop_map(|elements| ("l".to_owned(), elements)),
        1 => chosen_from().prop_map(|elements| ("a".to_owned(), Object(vec![("l".to_owned(), elements)]))),
    ];
    prop::collection::vec(member, 3..20)
}

/// An array whose elements have members that columns choose by.
fn chosen_from() -> impl Strategy<Value = Json> {
    let keys = [
        Number("1".to_owned()),
        Number("12".to_owned()),
        Text("12".to_owned()),
        Bool(true),
        Text("a".to_owned()),
        Null,
    ];
    let element = (prop::sample::select(keys.to_vec()), value(2), value(2)).prop_map(|(key, b, c)| {
        Object(vec![
            ("a".to_owned(), key.clone()),
            ("b".to_owned(), b),
            ("B".to_owned(), key),
            ("c".to_owned(), c),
        ])
    });
    let plain =
        (prop::sample::select(keys.to_vec()), value(2)).prop_map(|(key, b)| Object(vec![("b".to_owned(), b), ("a".to_owned(), key)]));
    prop::collection::vec(prop_oneof![element, plain], 0..5).prop_map(Array)
}

fn value(depth: u32) -> BoxedStrategy<Json> {
    if depth == 0 {
        return leaf().boxed();
    }
    prop_oneof![
        9 => leaf(),
        1 => prop::collection::vec(value(depth - 1), 0..4).prop_map(Array),
        3 => prop::collection::vec((name(), value(depth - 1)), 0..8).prop_map(Object),
    ]
    .boxed()
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
        4 => time_text().prop_map(Text),
        1 => Just(Broken),
    ]
}

/// Times and dates, most of them right, in all the ways they are written.
fn time_text() -> impl Strategy<Value = String> {
    let date = prop_oneof![
        5 => (1..=9_999_u32, 1..=12_u32, 1..=28_u32),
        1 => (1..=9_999_u32, 0..=13_u32, 0..=32_u32),
        // The clock was moved on these days, or at their end: in São Paulo, and in Lisbon.
        5 => prop::sample::select(vec![(2018, 11, 4), (2017, 10, 15), (2019, 2, 16), (2018, 2, 17), (2018, 3, 25), (2018, 10, 28)]),
        1 => Just((1, 1, 1)),
        1 => Just((0, 1, 1)),
    ];
    let clock = prop_oneof![
        4 => (0..=23_u32, 0..=59_u32, 0..=60_u32),
        1 => (0..=24_u32, 0..=60_u32, 0..=61_u32),
        4 => Just((0, 0, 0)),
        4 => prop::sample::select(vec![(0, 30, 0), (1, 30, 0), (2, 30, 0), (23, 30, 0)]),
    ];
    let clock = (clock, 0..30).prop_map(|((hour, minute, second), odd)| match odd {
        0 => format!("{hour:02}:{minute:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    });
    let fraction = prop_oneof![
        9 => prop::sample::select(vec!["", "", "", ".0", ".5", ".123456789", ".0000001"]),
        1 => prop::sample::select(vec![".", ".1234567890"]),
    ];
    let zone = prop_oneof![
        9 => prop::sample::select(vec!["", "", "", "Z", "z", "-03:00", "-0300", "+05:30", "+14"]),
        1 => prop::sample::select(vec!["-3", "+2400", "x"]),
    ];
    let separator = prop_oneof![9 => prop::sample::select(vec!['T', 't', ' ', ' ']), 1 => Just('_')];
    (date, any::<bool>(), prop::option::of((separator, clock, fraction, zone))).prop_map(|((year, month, day), dmy, time)| {
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
pub fn written(json: &Json, random: &mut fastrand::Rng) -> String {
    let mut space = || ["", "", "", " ", "\n\t"][random.usize(0..5)];
    let (before, after) = (space(), space());
    let text = match json {
        Null => "null".to_owned(),
        Bool(flag) => flag.to_string(),
        Number(number) => number.clone(),
        Broken => format!("\"{BROKEN}\""),
        Text(text) => written_text(text, random),
        // A flat array may come out as it is written, which the tree does not know.
        Array(elements) if is_flat(elements) => compact(json),
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
            '\n' if !escape_all => "\\n".to_owned(),
            _ if escape_all || c < ' ' || c == '"' || c == '\\' => {
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }
            _ => c.to_string(),
        })
        .collect();
    format!("\"{written}\"")
}

pub fn is_flat(elements: &[Json]) -> bool {
    !elements.iter().any(|element| matches!(element, Array(_) | Object(_)))
}

pub fn text(json: &Json) -> Option<String> {
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

pub fn compact(json: &Json) -> String {
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
