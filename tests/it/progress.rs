//! What is told while a run goes on, and at its end.

use afluente::sandbox::Options;
use serde_json::Value;

use crate::support::Setup;

const TABLES: [&str; 2] = ["--tables", "ploomes.deals,exactsales.tasks"];

fn setup() -> Setup {
    Setup::new(Options {
        rows: 40,
        ..Options::default()
    })
}

/// What is on stderr, after a run that went well and printed nothing on stdout.
fn talk(setup: &Setup, args: &[&str]) -> String {
    let outcome = setup.export(&[TABLES.as_slice(), args].concat());
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.text());
    outcome.stderr
}

fn json(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The first word of each line, whichever came first.
fn first_words(lines: &str) -> Vec<&str> {
    let mut words: Vec<&str> = lines.lines().filter_map(|line| line.split(' ').next()).collect();
    words.sort_unstable();
    words
}

#[test]
fn plain_lines_tell_each_table_as_it_ends() {
    let setup = setup();
    let told = talk(&setup, &[]);
    // Away from a terminal, plain is what auto means; only times, sizes and the order differ.
    let plain = talk(&setup, &["--full-refresh", "--progress", "plain"]);
    assert_eq!(first_words(&plain), first_words(&told), "{plain}\n{told}");
    let line = |start: &str| {
        let found: Vec<&str> = told.lines().filter(|line| line.starts_with(start)).collect();
        assert_eq!(found.len(), 1, "{start} in {told}");
        found[0].to_owned()
    };
    assert!(line("ploomes.deals:").contains(": 40 rows, 1 file, "), "{told}");
    assert!(line("ploomes.deals:").contains(" requests, "), "{told}");
    // Exploded tables come from their parent's pages: no requests of their own.
    assert!(!line("exactsales.tasks__contacts:").contains("request"), "{told}");
    assert!(!told.contains('\x1b'), "{told:?}");
}

#[test]
fn json_lines_are_the_report_of_each_table() {
    let setup = setup();
    let told = talk(&setup, &["--progress", "json", "-q"]);
    assert_eq!(told, "", "-q tells only errors");
    let told = talk(&setup, &["--progress", "json"]);
    let objects: Vec<Value> = told
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = objects.iter().map(|object| object["table"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "{told}");
    for name in ["deals", "tasks", "tasks__contacts"] {
        assert!(names.contains(&name), "{told}");
    }
    assert!(objects.iter().all(|object| object["status"] == "unchanged"), "{told}");
}

#[test]
fn none_leaves_the_summary_and_quiet_leaves_nothing() {
    let setup = setup();
    let none = talk(&setup, &["--progress", "none"]);
    assert!(!none.contains("ploomes.deals:") && none.contains("3 tables committed"), "{none}");
    assert_eq!(talk(&setup, &["-q"]), "");
}

/// With --log-format json every line of stderr is an object, whatever the progress and however much is told.
#[test]
fn a_json_log_has_nothing_but_objects() {
    let setup = setup();
    for args in [
        ["--log-format", "json"].as_slice(),
        &["--log-format", "json", "--progress", "none"],
        &["--log-format", "json", "--progress", "plain"],
        &["--log-format", "json", "--progress", "bar"],
        &["--log-format", "json", "-v"],
    ] {
        let objects = json(&talk(&setup, args));
        let closing = objects.last().unwrap();
        assert_eq!(closing["level"], "info", "{args:?}");
        assert!(closing["message"].as_str().unwrap().starts_with("3 tables "), "{args:?}: {closing}");
    }
    // Mistakes too.
    let outcome = setup.export(&["--log-format", "json", "--tables", "nonsense"]);
    assert_eq!((outcome.code, json(&outcome.stderr).len()), (2, 1), "{}", outcome.text());
}

/// A failure is told once with its hint, and children do not repeat it.
#[test]
fn a_failure_is_told_once() {
    let setup = setup();
    setup.write(
        "afluente.toml",
        "[connections.acme]\nsource = \"exactsales\"\n[connections.acme.tables.tasks]\nendpoint = \"/Nowhere\"\n",
    );
    for progress in ["plain", "none", "json"] {
        let outcome = setup.export(&["--tables", "tasks,sellers", "--progress", progress]);
        assert_eq!(outcome.code, 1, "{}", outcome.text());
        let prose: Vec<&str> = outcome.stderr.lines().filter(|line| !line.starts_with('{')).collect();
        let times = |words: &str| prose.iter().filter(|line| line.contains(words)).count();
        assert_eq!(times("answered 404"), 1, "{progress}: {}", outcome.text());
        assert_eq!(times("hint:"), 1, "{progress}: {}", outcome.text());
        assert!(times("failed") >= 1, "{progress}: {}", outcome.text());
    }
    let outcome = setup.export(&["--tables", "tasks", "-q"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(outcome.stderr.lines().count(), 2, "the error and its hint: {}", outcome.text());
}
