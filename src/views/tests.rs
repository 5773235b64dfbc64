//! Whatever the vendor writes, the statements are the same ones.

use proptest::prelude::*;

use super::*;
use crate::bench;
use crate::commit::{Entry, EntryMeta};

const ENGINES: [Engine; 3] = [Engine::DuckDb, Engine::Spark, Engine::Athena];

/// What has broken something, or looks as if it might.
const HOSTILE: &[&str] = &[
    "\0",
    "\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{1b}[2J",
    "\u{85}",
    "\u{9b}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "'",
    "\"",
    "`",
    "\\",
    "''",
    "\\'",
    "';",
    "\";",
    "`;",
    ";",
    "--",
    "-- ",
    "/*",
    "*/",
    "${env:HOME}",
    "${",
    "$",
    "{",
    "}",
    "$$",
    "\n.shell touch PWNED\n",
    "\n!touch PWNED;\n",
    "\n/\n",
    "\\u0027",
    "\\u{1b}",
    "%0A",
    "é",
    "名",
    "🙂",
    "\u{301}",
    "x",
    " ",
    "?",
    "*",
    "[",
    "]",
];

/// A text of such pieces and of any others.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => prop::sample::select(HOSTILE).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn manifest(connection: &str, table: &str, columns: &[(String, String)], path: &str) -> Manifest {
    let mut manifest = Manifest::new(
        "acme",
        connection,
        &bench::source().tables["orders"],
        1,
        "run",
        chrono::DateTime::UNIX_EPOCH,
        vec![Entry {
            url: String::new(),
            path: path.to_owned(),
            mandatory: true,
            meta: EntryMeta {
                content_length: 1,
                record_count: 1,
                sha256: String::new(),
                partition: None,
                min: serde_json::Map::new(),
                max: serde_json::Map::new(),
                footer: None,
            },
        }],
    );
    manifest.table = table.to_owned();
    let first = manifest.schema.columns[0].clone();
    manifest
        .schema
        .columns
        .extend(columns.iter().map(|(name, description)| ManifestColumn {
            name: name.clone(),
            description: description.clone(),
            ..first.clone()
        }));
    manifest
}

/// A text in quotes, read as the engine reads it, or what stands between two of them.
#[derive(Debug, PartialEq)]
enum Part {
    Between(String),
    Quoted(char, String),
}

/// Parts a text as its engine does, comments left out.
fn parts(engine: Engine, sql: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut between = String::new();
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '-' && rest.peek() == Some(&'-') {
            rest.by_ref().find(|c| *c == '\n');
            continue;
        }
        if !matches!(c, '\'' | '"' | '`') {
            between.push(c);
            continue;
        }
        let mut quoted = String::new();
        loop {
            let next = rest.next().expect("a quote is not closed");
            if next == c && rest.peek() == Some(&c) {
                quoted.push(c);
                rest.next();
            } else if next == c {
                break;
            } else if next == '\\' && c == '\'' && engine != Engine::DuckDb {
                match rest.next().expect("a backslash ends the text") {
                    'u' => {
                        let digits: String = rest.by_ref().take(4).collect();
                        quoted.extend(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()));
                    }
                    other => quoted.push(other),
                }
            } else {
                quoted.push(next);
            }
        }
        parts.push(Part::Between(std::mem::take(&mut between)));
        parts.push(Part::Quoted(c, quoted));
    }
    parts.push(Part::Between(between));
    parts
}

/// What stands between the texts in quotes. A text that DuckDB joins of several is one.
fn skeleton(engine: Engine, sql: &str) -> Vec<String> {
    let joined = |between: &str| between.starts_with(" || chr(") && between.ends_with(") || ");
    let between = parts(engine, sql).into_iter().filter_map(|part| match part {
        Part::Between(text) => Some(text),
        Part::Quoted(..) => None,
    });
    between.filter(|text| !joined(text)).collect()
}

fn assert_harmless(engine: Engine, text: &str) -> Result<(), TestCaseError> {
    let odd = text
        .chars()
        .find(|c| *c != '\n' && (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')));
    prop_assert_eq!(odd, None, "{}", text);
    if engine != Engine::DuckDb {
        prop_assert!(!text.contains("${"), "{}", text);
    }
    for line in text.lines() {
        prop_assert!(
            line.is_empty() || line.starts_with(|c: char| c.is_ascii_uppercase() || "- )".contains(c)),
            "{}",
            line
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_from_outside_is_a_statement(
        descriptions in prop::collection::vec(hostile(), 1..4),
        name in hostile(),
        table in hostile(),
        path in hostile(),
    ) {
        let lake = Lake::memory();
        let columns: Vec<(String, String)> = descriptions.iter().enumerate().map(|(at, text)| (format!("c{at}"), text.clone())).collect();
        let plain: Vec<(String, String)> = columns.iter().map(|(name, _)| (name.clone(), "x".to_owned())).collect();
        for engine in ENGINES {
            let filled = |columns: &[(String, String)]| -> Vec<(String, String)> {
                // An empty description is no comment in DuckDB.
                columns.iter().map(|(name, text)| (name.clone(), if text.is_empty() { "x".to_owned() } else { text.clone() })).collect()
            };
            let text = sql(engine, &[manifest("acme", "orders", &filled(&columns), &path)], &lake);
            assert_harmless(engine, &text)?;
            let expected = sql(engine, &[manifest("acme", "orders", &plain, "x")], &lake);
            prop_assert_eq!(skeleton(engine, &text), skeleton(engine, &expected), "{}", text);

            // Names arrive exactly, or not at all.
            let odd = sql(engine, &[manifest("acme", "orders", &[(name.clone(), "x".to_owned())], "x")], &lake);
            assert_harmless(engine, &odd)?;
            let quote = if engine == Engine::DuckDb { '"' } else { '`' };
            let is_there = parts(engine, &odd).contains(&Part::Quoted(quote, name.clone()));
            prop_assert_eq!(is_there, engine.name(&name).is_some(), "{}", odd);
            let of = if is_there { manifest("acme", "orders", &[("c".to_owned(), "x".to_owned())], "x") } else { manifest("acme", "orders", &[], "x") };
            prop_assert_eq!(skeleton(engine, &odd), skeleton(engine, &sql(engine, &[of], &lake)), "{}", odd);

            assert_harmless(engine, &sql(engine, &[manifest(&name, &table, &columns, &path)], &lake))?;
        }
    }

    #[test]
    fn addresses_arrive_exactly(path in hostile()) {
        let lake = Lake::memory();
        let text = sql(Engine::DuckDb, &[manifest("acme", "orders", &[], &path)], &lake);
        let from = text.find("read_parquet([").unwrap();
        let mut address = String::new();
        for part in parts(Engine::DuckDb, &text[from..text.find("], union_by_name").unwrap()]) {
            match part {
                Part::Quoted(_, text) => address.push_str(&text),
                Part::Between(text) => address.extend(text.split("chr(").nth(1).and_then(|code| char::from_u32(code.split(')').next()?.parse().ok()?))),
            }
        }
        let written = address.replace("[[]", "[").replace("[*]", "*").replace("[?]", "?");
        prop_assert!(written.ends_with(&format!("/{path}")) || path.contains("[[]") || path.contains("[*]") || path.contains("[?]"), "{} {}", written, path);
    }
}
