//! The command line as a user meets it: exit code, stdout and stderr, recorded in `tests/snapshots/`.

use crate::support::{assert_recorded, run};

/// Runs in an empty folder with an empty environment and compares with the recorded snapshot.
fn snapshot(name: &str, environment: &[(&str, &str)], args: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), environment, args);
    let text = outcome.text().replace(&folder.path().display().to_string(), "FOLDER");
    assert_recorded(&format!("snapshots/{name}.txt"), &format!("$ afluente {}\n{text}", args.join(" ")));
}

#[test]
fn help() {
    snapshot("help", &[], &["--help"]);
    snapshot("help-export", &[], &["export", "--help"]);
    snapshot("help-status", &[], &["status", "--help"]);
    snapshot("help-verify", &[], &["verify", "--help"]);
    snapshot("help-views", &[], &["views", "--help"]);
    snapshot("help-compact", &[], &["compact", "--help"]);
    snapshot("help-sandbox", &[], &["sandbox", "--help"]);
    snapshot("help-vacuum", &[], &["vacuum", "--help"]);
    snapshot("nothing", &[], &[]);
}

#[test]
fn mistakes_are_told_with_a_hint() {
    let token = [("PLOOMES_USER_KEY", "k")];
    snapshot("unknown-command", &[], &["exprt"]);
    snapshot("unknown-flag", &[], &["export", "--tabels", "deals"]);
    snapshot("unknown-connection", &[], &["export", "plomes"]);
    snapshot("unknown-table", &token, &["export", "ploomes", "--tables", "dels"]);
    snapshot("nothing-to-export", &[], &["export"]);
    snapshot("no-token", &[], &["export", "ploomes"]);
    snapshot("no-config", &token, &["export", "--config", "absent.toml"]);
    snapshot("bad-limit", &token, &["export", "ploomes", "--max-rejected", "many"]);
    snapshot("bad-memory", &token, &["export", "ploomes", "--memory", "1MiB"]);
    snapshot("plain-http", &token, &["export", "ploomes", "--base-url", "http://example.com"]);
    snapshot(
        "address-with-password",
        &token,
        &["export", "ploomes", "--base-url", "https://me:pw@example.com"],
    );
    snapshot("bad-age", &[], &["vacuum", "--older-than", "1 day"]);
    snapshot("no-lake", &[], &["status"]);
    snapshot("athena-on-disk", &[], &["views", "--engine", "athena", "--to", "."]);
    snapshot("unknown-engine", &[], &["views", "--engine", "trino"]);
    snapshot("metrics-nowhere", &token, &["export", "ploomes", "--metrics", "absent/x.prom"]);
    snapshot("public-sandbox", &[], &["sandbox", "--listen", "0.0.0.0:0"]);
}

#[test]
fn the_catalogue_in_each_format() {
    snapshot("tables", &[], &["tables"]);
    snapshot("tables-one", &[], &["tables", "ploomes.deals"]);
    snapshot("tables-one-json", &[], &["tables", "exactsales.tasks__contacts", "-o", "json"]);
    snapshot("tables-one-markdown", &[], &["tables", "exactsales.losts", "-o", "markdown"]);
    snapshot("tables-mermaid", &[], &["tables", "sensedata", "-o", "mermaid"]);
    snapshot("tables-unknown", &[], &["tables", "ploomes.dels"]);
    snapshot("tables-personal", &[], &["tables", "--personal", "ploomes"]);
    snapshot(
        "tables-personal-json",
        &[],
        &["tables", "--personal", "exactsales.tasks__contacts", "-o", "json"],
    );
    snapshot("help-forget", &[], &["forget", "--help"]);
    snapshot("forget-no-lake", &[], &["forget", "ploomes", "--table", "contacts", "--key", "1"]);
}

#[test]
fn the_inventory_tells_what_a_configuration_makes_of_each_column() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"
        [connections.acme]
        source = "exactsales"
        [connections.beta]
        source = "exactsales"
        [personal]
        default = "hash"
        [personal.kinds]
        email = "mask"
        [personal.tables]
        "beta.tasks__contacts" = "null"
        "tasks__contacts.contacts_id" = "hash"
    "#;
    std::fs::write(folder.path().join("personal.toml"), config).unwrap();
    let args = ["tables", "--personal", "exactsales.tasks__contacts", "--config", "personal.toml"];
    let outcome = run(folder.path(), &[], &args);
    // No key is needed to tell what would be hashed.
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let words: Vec<Vec<&str>> = outcome
        .stdout
        .lines()
        .map(|line| line.split_whitespace().take(6).collect())
        .collect();
    assert_eq!(
        words,
        [
            ["connection", "source", "table", "column", "kind", "policy"],
            ["acme", "exactsales", "tasks__contacts", "contacts_email", "email", "mask"],
            ["acme", "exactsales", "tasks__contacts", "contacts_id", "-", "hash"],
            ["beta", "exactsales", "tasks__contacts", "contacts_email", "email", "null"],
            ["beta", "exactsales", "tasks__contacts", "contacts_id", "-", "hash"],
        ]
    );
    std::fs::write(folder.path().join("personal.toml"), "[personal.tables]\n\"people\" = \"drop\"\n").unwrap();
    let outcome = run(folder.path(), &[], &args);
    assert_eq!(outcome.code, 2, "{}", outcome.text());
    assert!(outcome.stderr.contains("`people` matches no table"), "{}", outcome.text());
}

#[test]
fn the_inventory_does_not_say_of_what_is_derived_that_it_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = |config: &str| {
        std::fs::write(folder.path().join("personal.toml"), config).unwrap();
        let args = ["tables", "--personal", "ploomes.customerx_clients", "--config", "personal.toml"];
        run(folder.path(), &[], &args)
    };
    let outcome = inventory("[personal.kinds]\nemail = \"hash\"\n[personal.tables]\n\"contacts.register\" = \"null\"\n");
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let columns = outcome.stdout.lines().skip(1);
    for line in columns.clone() {
        assert!(line.contains("  as its source  "), "{line}");
    }
    for expected in ["identity", "cnpj_cpf", "email"] {
        let told = columns.clone().any(|line| line.split_whitespace().nth(3) == Some(expected));
        assert!(told, "{expected}: {}", outcome.text());
    }
    let outcome = inventory("[personal.tables]\n\"customerx_clients.email\" = \"hash\"\n");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{}", outcome.text());
    assert!(outcome.stderr.contains("choose for `contacts.email`"), "{}", outcome.text());
}

#[test]
fn init_writes_a_file_that_export_reads() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &[], &["init"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    assert_recorded(
        "snapshots/init.toml",
        &std::fs::read_to_string(folder.path().join("afluente.toml")).unwrap(),
    );
    let again = run(folder.path(), &[], &["init"]);
    assert_eq!(again.code, 2, "{}", again.text());
    assert!(again.stderr.contains("--force"), "{}", again.text());
}

#[test]
fn completions_and_manual_name_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &[], &["--help"]);
    let (_, commands) = help.stdout.split_once("Commands:\n").unwrap();
    let commands = commands.lines().map_while(|line| line.split_whitespace().next());
    let commands: Vec<&str> = commands.collect();
    assert!(commands.contains(&"export") && commands.contains(&"man"), "{commands:?}");
    for args in [["completions", "bash"].as_slice(), &["completions", "zsh"], &["man"]] {
        let outcome = run(folder.path(), &[], args);
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        for command in &commands {
            assert!(outcome.stdout.contains(command), "{args:?} lacks {command}");
        }
    }
}

#[test]
fn vacuum_lists_what_it_would_drop_and_drops_it() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    for path in [
        "acme/_lease/notes",
        "acme/deals/part-1-0-0000000a.parquet",
        "acme/deals/part-1-1-0000000b.parquet#1",
    ] {
        std::fs::create_dir_all(lake.join(path).parent().unwrap()).unwrap();
        std::fs::write(lake.join(path), "12345").unwrap();
    }
    let vacuum = |args: &[&str]| {
        let outcome = run(folder.path(), &[], &[&["vacuum"], args].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.text());
        outcome
    };
    let listed = vacuum(&["--dry-run"]);
    assert_recorded("snapshots/vacuum-dry-run.txt", &listed.text());
    assert!(lake.join("acme/deals/part-1-0-0000000a.parquet").exists());
    let json: serde_json::Value = serde_json::from_str(&vacuum(&["acme", "-o", "json"]).stdout).unwrap();
    assert_eq!(json["dry_run"], false);
    assert_eq!(json["dropped"].as_array().unwrap().len(), 2);
    assert_eq!(json["dropped"][0]["objects"][0]["path"], "acme/deals/part-1-0-0000000a.parquet");
    assert!(!lake.join("acme/deals").exists());
    let again = vacuum(&[]);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", "nothing to drop\n"));
    let unknown = run(folder.path(), &[], &["vacuum", "acne"]);
    assert_eq!(unknown.code, 2, "{}", unknown.text());
    assert!(unknown.stderr.contains("it holds: acme"), "{}", unknown.text());
}
