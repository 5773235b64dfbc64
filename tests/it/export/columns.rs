//! Columns that a vendor ceases to fill: told, and never of a healthy one.

use std::path::Path;

use afluente::sandbox::Options;
use serde_json::{Value, json};

use crate::support::{Answer, Outcome, Scripted, Setup, run};

const SOURCE: &str = include_str!("../../faults/schemas/source.toml");
const THINGS: &str = r#"
title       = "Coisas"
description = "Uma linha por coisa."
endpoint    = "/things"
primary_key = ["id"]
pagination  = { type = "single" }
[columns]
id      = { type = "int",  path = "id",         description = "Identificador." }
name    = { type = "text", path = "Name",       description = "Nome." }
amount  = { type = "float", path = "amount",    description = "Valor." }
owner   = { type = "int",  path = "owner.id",   description = "Dono." }
colour  = { type = "text", path = ["color", "colour"], description = "Cor." }
rare    = { type = "text", path = "rare",       description = "Quase nunca preenchido." }
"#;
const PARTS: &str = r#"
title       = "Partes"
description = "Uma linha por parte de uma coisa."
explode     = { table = "things", path = "parts" }
[columns]
thing = { type = "int",  parent = "id", description = "Coisa." }
sku   = { type = "text", path = "sku", description = "Código." }
"#;
const LEADS: &str = r#"
title       = "Leads"
description = "Uma linha por lead."
endpoint    = "/leads"
primary_key = ["id"]
pagination  = { type = "single" }
[replication]
mode   = "incremental"
cursor = "at"
from   = { param = "since", value = "{from}" }
format = "rfc3339"
[columns]
id   = { type = "int",       path = "id",   description = "Identificador." }
at   = { type = "timestamp", path = "at",   description = "Momento da mudança." }
name = { type = "text",      path = "name", description = "Nome." }
"#;

/// A vendor, and a folder to export it from.
struct Vendor(tempfile::TempDir);

impl Vendor {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("source", SOURCE), ("things", THINGS), ("things__parts", PARTS), ("leads", LEADS)] {
            let file = folder.path().join(format!("schemas/acme/{name}.toml"));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let config = format!("[schemas]\ndir = \"schemas\"\n[connections.acme]\nsource = \"acme\"\n{config}");
        std::fs::write(folder.path().join("afluente.toml"), config).unwrap();
        Self(folder)
    }

    fn run(&self, records: &Value, args: &[&str]) -> Outcome {
        let body = json!({ "items": records }).to_string();
        let answer = |path: &str| Answer {
            path: path.to_owned(),
            status: 200,
            headers: Vec::new(),
            body: body.clone(),
            cut: 0,
        };
        let vendor = Scripted::start(vec![answer("/things"), answer("/leads")], "{\"items\":[]}");
        run(
            self.0.path(),
            &[("ACME_TOKEN", "k3y")],
            &[args, &["--base-url", vendor.url()]].concat(),
        )
    }

    /// The report of the table that these records are exported to, beside the output.
    fn export(&self, table: &str, records: &Value, args: &[&str]) -> (Value, Outcome) {
        let args = [
            &["export", "--tables", table, "--report", "report.json", "--metrics", "m.prom"],
            args,
        ]
        .concat();
        let outcome = self.run(records, &args);
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        let report: Value = serde_json::from_str(&read(self.0.path(), "report.json")).unwrap();
        (report["tables"].clone(), outcome)
    }

    fn metric(&self, name: &str, table: &str) -> f64 {
        let line = format!("afluente_table_{name}{{connection=\"acme\",source=\"acme\",table=\"{table}\"}} ");
        let text = read(self.0.path(), "m.prom");
        let found = text.lines().find_map(|found| found.strip_prefix(&line));
        found.unwrap_or_else(|| panic!("{line}: {text}")).parse().unwrap()
    }
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn things(rows: u64, edit: impl Fn(u64, &mut serde_json::Map<String, Value>)) -> Value {
    let things = (1..=rows).map(|id| {
        let mut thing = json!({
            "id": id, "name": format!("thing {id}"), "amount": id, "owner": {"id": 7}, "colour": "red",
            "rare": (id == 1).then_some("x"), "parts": [{"sku": format!("s{id}")}],
        });
        edit(id, thing.as_object_mut().unwrap());
        thing
    });
    Value::Array(things.collect())
}

/// One day after the other.
fn leads(ids: std::ops::Range<u64>, member: &str) -> Value {
    let leads = ids.map(|id| {
        let at = format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + id / 1440, id / 60 % 24, id % 60);
        json!({ "id": id, "at": at, member: format!("lead {id}") })
    });
    Value::Array(leads.collect())
}

fn rename(thing: &mut serde_json::Map<String, Value>, from: &str, to: &str) {
    let value = thing.remove(from).unwrap();
    thing.insert(to.to_owned(), value);
}

#[test]
fn members_that_are_renamed_are_told_once_most_of_the_lake_had_values() {
    let vendor = Vendor::new("");
    let (tables, outcome) = vendor.export("things", &things(20, |_, _| {}), &[]);
    assert!(
        tables[0].get("columns_gone").is_none() && !outcome.stderr.contains("warning"),
        "{}",
        outcome.text()
    );
    assert_eq!(
        (vendor.metric("columns_gone", "things"), vendor.metric("columns_bad", "things")),
        (0.0, 0.0)
    );

    let renamed = things(20, |_, thing| {
        for (from, to) in [("name", "title"), ("colour", "tint"), ("rare", "seldom")] {
            rename(thing, from, to);
        }
        thing["owner"] = json!({ "key": 7 });
        thing["parts"] = json!([{ "code": "s" }]);
    });
    let (tables, outcome) = vendor.export("things", &renamed, &[]);
    // What hardly ever had a value is not missed.
    assert_eq!(tables[0]["columns_gone"], json!(["colour", "name", "owner"]), "{tables:#}");
    assert_eq!(tables[1]["columns_gone"], json!(["sku"]), "{tables:#}");
    for told in [
        "acme.things: no record has the member of `colour` (color or colour), `name` (Name), `owner` (owner.id)",
        "schemas/acme/things.toml",
        "acme.things__parts: no record has the member of `sku` (sku)",
        "schemas/acme/things__parts.toml",
    ] {
        assert!(outcome.stderr.contains(told), "{told}: {}", outcome.text());
    }
    assert!(tables[0]["warning"].as_str().unwrap().contains("`name`"), "{tables:#}");
    assert_eq!(
        (
            vendor.metric("columns_gone", "things"),
            vendor.metric("columns_gone", "things__parts")
        ),
        (3.0, 1.0)
    );

    // A run an hour later finds nulls in the lake, and the members no less gone.
    let (tables, _) = vendor.export("things", &renamed, &[]);
    assert_eq!(tables[0]["status"], "unchanged", "{tables:#}");
    assert_eq!(tables[0]["columns_gone"], json!(["colour", "name", "owner"]), "{tables:#}");
    let changed = things(21, |_, thing| rename(thing, "name", "title"));
    let (tables, _) = vendor.export("things", &changed, &[]);
    assert_eq!(tables[0]["columns_gone"], json!(["name"]), "{tables:#}");
    assert!(tables[1].get("columns_gone").is_none(), "{tables:#}");
    let (tables, outcome) = vendor.export("things", &things(21, |_, _| {}), &[]);
    assert!(
        tables[0].get("columns_gone").is_none() && !outcome.stderr.contains("warning"),
        "{}",
        outcome.text()
    );
}

#[test]
fn nulls_are_no_absence() {
    let vendor = Vendor::new("");
    vendor.export("things", &things(200, |_, _| {}), &[]);
    let nulls = things(200, |id, thing| {
        thing["name"] = Value::Null;
        thing["colour"] = json!("");
        thing["parts"] = json!([{ "sku": null }]);
        // One record that has it is enough, and an object that is null each time could not have had it.
        thing["owner"] = Value::Null;
        if id != 150 {
            thing.remove("amount");
        }
    });
    let (tables, outcome) = vendor.export("things", &nulls, &[]);
    assert!(
        tables[0].get("columns_gone").is_none() && tables[1].get("columns_gone").is_none(),
        "{tables:#}"
    );
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.text());
}

#[test]
fn a_column_whose_every_value_is_bad_is_told() {
    let vendor = Vendor::new("");
    let bad = things(20, |id, thing| thing["amount"] = if id > 3 { json!("none") } else { Value::Null });
    let (tables, outcome) = vendor.export("things", &bad, &[]);
    assert_eq!(tables[0]["columns_bad"], json!(["amount"]), "{tables:#}");
    assert!(outcome.stderr.contains("every value of `amount`"), "{}", outcome.text());
    assert_eq!(vendor.metric("columns_bad", "things"), 1.0);
    let good = things(20, |id, thing| thing["amount"] = if id > 3 { json!("none") } else { json!(1) });
    let (tables, _) = vendor.export("things", &good, &[]);
    assert!(tables[0].get("columns_bad").is_none() && tables[0]["bad_cells"] == 17, "{tables:#}");
}

#[test]
fn of_a_part_of_a_table_a_hundred_records_are_evidence() {
    let vendor = Vendor::new("");
    vendor.export("leads", &leads(0..1000, "name"), &[]);
    let (tables, _) = vendor.export("leads", &leads(1000..1099, "title"), &[]);
    assert!(tables[0].get("columns_gone").is_none(), "{tables:#}");
    let (tables, _) = vendor.export("leads", &leads(1100..1200, "title"), &[]);
    assert_eq!(tables[0]["columns_gone"], json!(["name"]), "{tables:#}");
    // The next runs bring less, and nothing to the contrary.
    let (tables, _) = vendor.export("leads", &leads(1200..1210, "title"), &[]);
    assert_eq!(tables[0]["columns_gone"], json!(["name"]), "{tables:#}");
    let (tables, _) = vendor.export("leads", &leads(1210..1211, "name"), &[]);
    assert!(tables[0].get("columns_gone").is_none(), "{tables:#}");

    // Where hardly a row of the lake has a value, nobody misses one.
    let vendor = Vendor::new("");
    vendor.export("leads", &leads(0..300, "title"), &[]);
    vendor.export("leads", &leads(300..500, "name"), &[]);
    let (tables, _) = vendor.export("leads", &leads(500..700, "title"), &[]);
    assert!(tables[0].get("columns_gone").is_none(), "{tables:#}");
}

#[test]
fn whoever_reads_everything_again_has_taken_note() {
    let vendor = Vendor::new("");
    vendor.export("leads", &leads(0..300, "name"), &[]);
    let (tables, _) = vendor.export("leads", &leads(0..300, "title"), &["--full-refresh"]);
    assert_eq!(tables[0]["columns_gone"], json!(["name"]), "{tables:#}");
    let (tables, _) = vendor.export("leads", &leads(0..300, "title"), &["--full-refresh"]);
    assert!(tables[0].get("columns_gone").is_none(), "{tables:#}");
}

#[test]
fn a_column_that_is_left_out_is_not_missed() {
    let config = "[personal.tables]\n\"things.name\" = \"drop\"\n\"things.colour\" = \"null\"\n";
    let vendor = Vendor::new(config);
    vendor.export("things", &things(20, |_, _| {}), &[]);
    let renamed = things(20, |_, thing| {
        rename(thing, "name", "title");
        rename(thing, "colour", "tint");
    });
    let (tables, _) = vendor.export("things", &renamed, &[]);
    assert!(tables[0].get("columns_gone").is_none(), "{tables:#}");
}

#[test]
fn check_tells_of_columns_that_no_record_of_a_page_has() {
    let vendor = Vendor::new("");
    let renamed = |rows| {
        things(rows, |_, thing| {
            rename(thing, "name", "title");
            thing["parts"] = json!([{ "code": "s" }]);
        })
    };
    let outcome = vendor.run(&renamed(20), &["check", "--tables", "things"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    for told in [
        "none of 20 records has the member of `name` (Name)",
        "`things__parts.sku` (sku)",
        "everything is ready",
    ] {
        assert!(outcome.stderr.contains(told), "{told}: {}", outcome.text());
    }
    // A few records may have what they have by chance.
    let outcome = vendor.run(&renamed(19), &["check", "--tables", "things"]);
    assert!(outcome.code == 0 && !outcome.stderr.contains("none of"), "{}", outcome.text());
}

/// Four vendors and CustomerX's, with what they are known for, whole and again while they change.
#[test]
fn no_healthy_vendor_is_warned_of() {
    let setup = Setup::new(Options {
        rows: 150,
        churn: 0.05,
        custom_fields: 12,
        ..Options::default()
    });
    // A look for deletions, which asks for keys alone, follows every refresh.
    let connections = ["ploomes", "nectarcrm", "sensedata", "exactsales", "customerx"];
    let config = connections.map(|source| format!("[connections.{source}]\nsource = \"{source}\"\nreconcile = \"0s\"\n"));
    setup.write("afluente.toml", &config.concat());
    for round in 0..3 {
        let outcome = setup.export(&["--report", "report.json"]);
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        let report: Value = serde_json::from_str(&read(setup.folder(), "report.json")).unwrap();
        for table in report["tables"].as_array().unwrap() {
            let warned = table.get("columns_gone").or(table.get("columns_bad"));
            assert!(warned.is_none(), "round {round}: {table:#}");
        }
    }
    let check = run(
        setup.folder(),
        &crate::support::pairs(&setup.environment),
        &["check", "--schemas", "schemas"],
    );
    assert!(check.code == 0 && !check.stderr.contains("none of"), "{}", check.text());
}
