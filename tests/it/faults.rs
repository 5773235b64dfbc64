//! `tests/faults/*.toml`: what goes wrong, what is done, and what must be seen. A scenario is data; this file only plays it.

use std::path::Path;

use serde::Deserialize;

use crate::support::{Answer, Scripted, files_below, run};

/// A token that no output and no file may ever hold.
const TOKEN: &str = "t0k3n-that-must-never-be-seen";

/// The vendor of the scenarios: small, and quick to give up. Its folder stands in `tests/faults/schemas`.
const SCHEMAS: [(&str, &str); 5] = [
    ("schemas/acme/source.toml", include_str!("../faults/schemas/source.toml")),
    ("schemas/acme/clients.toml", include_str!("../faults/schemas/clients.toml")),
    ("schemas/acme/extras.toml", include_str!("../faults/schemas/extras.toml")),
    ("schemas/acme/visits.toml", include_str!("../faults/schemas/visits.toml")),
    (
        "schemas/acme/visits__people.toml",
        include_str!("../faults/schemas/visits__people.toml"),
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What goes wrong, for whoever reads a failure.
    about: String,
    /// Arguments; `{url}` is the scripted vendor's address.
    args: Vec<String>,
    /// What the vendor answered to the same command before, when all was well.
    #[serde(default)]
    before: Vec<Answer>,
    /// What the vendor answers.
    #[serde(default)]
    answers: Vec<Answer>,
    /// Answered to everything else.
    #[serde(default = "empty_page")]
    otherwise: String,
    /// Files made before the run, by path.
    #[serde(default)]
    files: std::collections::BTreeMap<String, String>,
    /// Variables; the token is there unless this says otherwise.
    #[serde(default)]
    environment: std::collections::BTreeMap<String, String>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: i32,
    /// All of these are on stderr.
    stderr: Vec<String>,
    /// None of these is.
    #[serde(default)]
    absent: Vec<String>,
    /// Tables with a manifest afterwards, all of them.
    #[serde(default)]
    committed: Vec<String>,
    /// Rows of these tables afterwards.
    #[serde(default)]
    rows: std::collections::BTreeMap<String, u64>,
    /// Requests whose path ends so: how many there were.
    #[serde(default)]
    requests: std::collections::BTreeMap<String, usize>,
}

#[test]
fn every_scenario_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let scenarios: Vec<_> = files_below(&folder)
        .into_iter()
        .filter(|path| !path.starts_with(folder.join("schemas")))
        .collect();
    assert!(scenarios.len() >= 20, "{} scenarios found", scenarios.len());
    let failures: Vec<String> = std::thread::scope(|scope| {
        let playing: Vec<_> = scenarios
            .iter()
            .map(|path| {
                scope.spawn(move || {
                    let text = std::fs::read_to_string(path).unwrap();
                    let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    play(&scenario)
                        .err()
                        .map(|failure| format!("{}: {}\n{failure}", path.file_name().unwrap().display(), scenario.about))
                })
            })
            .collect();
        playing.into_iter().filter_map(|scenario| scenario.join().unwrap()).collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {} scenarios failed\n\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n\n")
    );
}

fn play(scenario: &Scenario) -> Result<(), String> {
    let vendor = Scripted::start(scenario.answers.clone(), &scenario.otherwise);
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in SCHEMAS
        .into_iter()
        .chain(scenario.files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("{url}", vendor.url())).unwrap();
    }
    let mut environment = vec![("ACME_TOKEN", TOKEN)];
    environment.extend(scenario.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let args: Vec<String> = scenario.args.iter().map(|arg| arg.replace("{url}", vendor.url())).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut faults = Vec::new();
    if !scenario.before.is_empty() {
        let good = Scripted::start(scenario.before.clone(), &scenario.otherwise);
        let args: Vec<String> = args.iter().map(|arg| arg.replace(vendor.url(), good.url())).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let outcome = run(folder.path(), &environment, &args);
        if outcome.code != 0 {
            faults.push(format!("expected exit code 0 before, found\n{}", outcome.text()));
        }
    }
    let outcome = run(folder.path(), &environment, &args);
    if outcome.code != scenario.expect.code {
        faults.push(format!("expected exit code {}", scenario.expect.code));
    }
    for text in &scenario.expect.stderr {
        if !outcome.stderr.contains(text.as_str()) {
            faults.push(format!("expected on stderr: {text}"));
        }
    }
    for text in &scenario.expect.absent {
        if outcome.stderr.contains(text.as_str()) {
            faults.push(format!("not expected on stderr: {text}"));
        }
    }
    let mut committed: Vec<String> = files_below(&folder.path().join("lake"))
        .iter()
        .filter(|path| path.parent().is_some_and(|parent| parent.ends_with("_manifest")))
        .filter_map(|path| path.ancestors().nth(2)?.file_name()?.to_str().map(str::to_owned))
        .collect();
    committed.sort();
    // A table that was committed before as well has two manifests, at most.
    committed.dedup();
    let mut expected = scenario.expect.committed.clone();
    expected.sort();
    if committed != expected {
        faults.push(format!("expected these tables committed: {expected:?}, found {committed:?}"));
    }
    for (table, expected) in &scenario.expect.rows {
        let manifests = files_below(&folder.path().join("lake"));
        let newest = manifests
            .iter()
            .filter(|path| path.parent().is_some_and(|parent| parent.ends_with(format!("{table}/_manifest"))));
        let manifest = newest.max().map(|path| std::fs::read(path).unwrap());
        let manifest: serde_json::Value = serde_json::from_slice(&manifest.unwrap_or_default()).unwrap_or_default();
        if manifest["rows"] != *expected {
            faults.push(format!("expected {expected} rows of {table}, found {}", manifest["rows"]));
        }
    }
    let lake = folder.path().join("lake");
    if outcome.code == 2 && lake.exists() && !scenario.files.keys().any(|path| path.starts_with("lake")) {
        faults.push("what could not start left a lake".to_owned());
    }
    for (path, count) in &scenario.expect.requests {
        let found = vendor
            .requests()
            .iter()
            .filter(|target| target.split('?').next().is_some_and(|found| found.ends_with(path.as_str())))
            .count();
        if found != *count {
            faults.push(format!("expected {count} requests for {path}, found {found}"));
        }
    }
    if outcome.text().contains(TOKEN) {
        faults.push("the token is in the output".to_owned());
    }
    for file in files_below(folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        if bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()) {
            faults.push(format!("the token is in {}", file.display()));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("{}\n{}", faults.join("\n"), outcome.text()))
    }
}

fn empty_page() -> String {
    r#"{"items":[],"total":0}"#.to_owned()
}
