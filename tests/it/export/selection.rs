//! Which tables, which connections, and what overrides what.

use std::collections::BTreeSet;

use afluente::sandbox::{Options, Sandbox};

use crate::support::{Setup, World, lake, run};

fn setup(rows: u64) -> Setup {
    Setup::new(Options {
        rows,
        ..Options::default()
    })
}

/// The tables of a lake, by `connection.table`.
fn committed(setup: &Setup, name: &str) -> BTreeSet<String> {
    lake::check(&setup.folder().join(name)).into_keys().collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn globs_choose_tables_with_what_is_exploded_from_them() {
    let setup = setup(20);
    for (lake, args, expected) in [
        (
            "glob",
            ["ploomes", "exactsales", "--tables", "deals*,exactsales.task?"].as_slice(),
            names(&[
                "ploomes.deals",
                "ploomes.deals_loss_reasons",
                "ploomes.deals_pipelines",
                "ploomes.deals_stages",
                "ploomes.deals_status",
                "exactsales.tasks",
                "exactsales.tasks__contacts",
            ]),
        ),
        (
            "child",
            &["exactsales", "--tables", "tasks__contacts"],
            names(&["exactsales.tasks", "exactsales.tasks__contacts"]),
        ),
        (
            "without-child",
            &["exactsales", "--tables", "tasks", "--exclude", "*__contacts"],
            names(&["exactsales.tasks"]),
        ),
        (
            // Experimental tables are named, or left out.
            "experimental-glob",
            &["customerx", "--tables", "t*,customerx.*s"],
            names(&[
                "customerx.clients",
                "customerx.clients__custom_attributes",
                "customerx.clients__phones",
                "customerx.contacts",
                "customerx.contacts__custom_attributes",
                "customerx.contacts__phones",
                "customerx.contract_additives",
                "customerx.contract_plans",
                "customerx.contracts",
                "customerx.financials",
                "customerx.groups",
                "customerx.journeys",
                "customerx.nps",
                "customerx.tasks",
                "customerx.tickets",
            ]),
        ),
        (
            "experimental",
            &[
                "customerx",
                "--tables",
                "timeline,customerx.users,type_contacts,board_csm_steps,segments,services",
            ],
            names(&[
                "customerx.board_csm_steps",
                "customerx.segments",
                "customerx.services",
                "customerx.timeline",
                "customerx.type_contacts",
                "customerx.users",
            ]),
        ),
        (
            "one-source",
            &["sensedata", "--exclude", "t*,contacts,f*,customers"],
            names(&["sensedata.contracts", "sensedata.playbooks", "sensedata.users"]),
        ),
    ] {
        let outcome = setup.export(&[&["--to", lake], args].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        assert_eq!(committed(&setup, lake), expected, "{args:?}");
    }
}

#[test]
fn a_configuration_with_two_accounts_of_one_source() {
    let (setup, other) = (
        setup(20),
        World::start(Options {
            seed: 7,
            rows: 40,
            ..Options::default()
        }),
    );
    let token = Sandbox::token("ploomes");
    setup.write("token", &format!("{token}\n"));
    setup.write(
        "afluente.toml",
        &format!(
            r#"
            [lake]
            url = "lake of the file"
            [schemas]
            dir = "schemas"
            [connections.acme]
            source = "ploomes"
            token = {{ file = "token" }}
            base_url = "{}"
            include = ["deals*"]
            exclude = ["deals_status"]
            [connections.beta]
            source = "ploomes"
            token = {{ env = "BETA_KEY" }}
            base_url = "{}"
            include = ["deals", "users"]
            "#,
            setup.world.sandbox().base_url("ploomes"),
            other.sandbox().base_url("ploomes"),
        ),
    );
    let both = names(&[
        "acme.deals",
        "acme.deals_loss_reasons",
        "acme.deals_pipelines",
        "acme.deals_stages",
        "beta.deals",
        "beta.users",
    ]);
    let outcome = run(setup.folder(), &[("BETA_KEY", token)], &["export"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let found = lake::check(&setup.folder().join("lake of the file"));
    assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), both);
    assert_eq!((found["acme.deals"], found["beta.deals"]), (20, 40));

    // A flag overrides the file; a connection by name is exported alone.
    let outcome = run(
        setup.folder(),
        &[("BETA_KEY", token)],
        &["export", "beta", "--to", "flag", "--tables", "users"],
    );
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    assert_eq!(committed(&setup, "flag"), names(&["beta.users"]));
}

/// Flag, then environment, then the file; the wrong ones lead to a port where nobody listens.
#[test]
fn an_address_comes_from_the_flag_then_the_environment_then_the_file() {
    let setup = setup(10);
    let right = setup.world.sandbox().base_url("ploomes");
    let (nowhere, token) = ("http://127.0.0.1:9/nowhere", Sandbox::token("ploomes"));
    let configuration =
        |address: &str| format!("[schemas]\ndir = \"schemas\"\n[connections.acme]\nsource = \"ploomes\"\nbase_url = \"{address}\"\n");
    let tables = ["--tables", "currencies"];
    for (lake, flag, environment, file) in [
        ("flag", Some(right.as_str()), nowhere, nowhere),
        ("environment", None, right.as_str(), nowhere),
        ("file", None, "", right.as_str()),
    ] {
        setup.write("afluente.toml", &configuration(file));
        let mut args = vec!["export", "--to", lake];
        args.extend(tables);
        args.extend(flag.into_iter().flat_map(|flag| ["--base-url", flag]));
        let outcome = run(
            setup.folder(),
            &[("PLOOMES_USER_KEY", token), ("PLOOMES_BASE_URL", environment)],
            &args,
        );
        assert_eq!(outcome.code, 0, "{lake}: {}", outcome.text());
        assert_eq!(committed(&setup, lake), names(&["acme.currencies"]));
    }
}

#[test]
fn one_failure_stops_the_run_only_with_fail_fast() {
    let setup = setup(10);
    setup.write(
        "afluente.toml",
        "[connections.ploomes]\nsource = \"ploomes\"\n[connections.ploomes.tables.cities]\nendpoint = \"/Nowhere\"\n",
    );
    let status = |report: &serde_json::Value, wanted: &str| {
        let tables = report["tables"].as_array().unwrap();
        tables.iter().filter(|table| table["status"] == wanted).count()
    };
    let report = || serde_json::from_str(&std::fs::read_to_string(setup.folder().join("report.json")).unwrap()).unwrap();

    let outcome = setup.export(&["--report", "report.json", "--fail-fast"]);
    assert_eq!(outcome.code, 1, "{}", outcome.text());
    let stopped = report();
    assert!(status(&stopped, "skipped") >= 25, "{}", outcome.text());
    let found = lake::check(&setup.lake());
    assert_eq!(found.len(), status(&stopped, "committed"));
    assert!(!found.contains_key("ploomes.cities"));

    let outcome = setup.export(&["--report", "report.json"]);
    assert_eq!(outcome.code, 1, "{}", outcome.text());
    let done = status(&report(), "committed") + status(&report(), "unchanged");
    assert_eq!((done, status(&report(), "failed")), (35, 1));
    assert_eq!(lake::check(&setup.lake()).len(), 35);
    assert!(outcome.stderr.contains("404"), "{}", outcome.text());
}

#[test]
fn a_small_memory_is_enough() {
    let setup = setup(6_000);
    let tables = "exactsales.callshistory,exactsales.meetings,ploomes.contacts,ploomes.interaction_records,sensedata.customers";
    let outcome = setup.export(&["--memory", "64MiB", "--tables", tables]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let (found, expected) = (lake::check(&setup.lake()), setup.world.rows());
    assert!(tables.split(',').all(|table| found.contains_key(table)), "{found:?}");
    for (table, rows) in found {
        assert_eq!(rows, expected[&table], "{table}");
    }
}
