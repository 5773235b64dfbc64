//! Where things are: paths of the configuration, addresses of lakes, and what a run that cannot start leaves behind.

use std::path::Path;

use afluente::sandbox::{Options, Sandbox};

use crate::support::{Outcome, Setup, World, files_below, pairs, run};

const CONNECTION: &str = "[schemas]\ndir = \"../schemas\"\n[connections.ploomes]\nsource = \"ploomes\"\n";

fn setup() -> Setup {
    Setup::new(Options {
        rows: 5,
        ..Options::default()
    })
}

/// With the sandbox's addresses in the environment, and no token.
fn without_tokens(setup: &Setup, args: &[&str]) -> Outcome {
    let mut environment = setup.environment.clone();
    environment.retain(|(name, _)| name.ends_with("_BASE_URL"));
    run(setup.folder(), &pairs(&environment), args)
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn paths_of_the_configuration_are_relative_to_its_file() {
    let setup = setup();
    let folder = setup.folder();
    let config = format!(
        "[lake]\nurl = \"./data/lake\"\n{CONNECTION}token = {{ file = \"secrets/ploomes\" }}\n\
         [personal]\nkey = {{ file = \"secrets/key\" }}\n[personal.kinds]\nname = \"hash\"\n"
    );
    write(folder, "conf/afluente.toml", &config);
    write(folder, "conf/secrets/ploomes", Sandbox::token("ploomes"));
    write(folder, "conf/secrets/key", "0123456789abcdef0123456789abcdef");
    let export = ["export", "--config", "conf/afluente.toml", "--tables", "deals_stages"];
    let outcome = without_tokens(&setup, &export);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    assert!(folder.join("conf/data/lake/ploomes/deals_stages").is_dir(), "{}", outcome.text());
    assert!(!folder.join("data").exists(), "beside the file, not beside the caller");
    let status = run(folder, &[], &["status", "--config", "conf/afluente.toml"]);
    assert!(
        status.code == 0 && status.stdout.contains("ploomes.deals_stages"),
        "{}",
        status.text()
    );

    // From where the file is, nothing differs from what it was.
    let beside = run(&folder.join("conf"), &[], &["status"]);
    assert!(
        beside.code == 0 && beside.stdout.contains("ploomes.deals_stages"),
        "{}",
        beside.text()
    );

    // A flag is the caller's word.
    let outcome = without_tokens(&setup, &[&export[..], &["--to", "./elsewhere"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    assert!(folder.join("elsewhere/ploomes").is_dir() && !folder.join("conf/elsewhere").exists());
}

#[test]
fn a_file_that_is_looked_for_at_another_place_than_before_is_told() {
    let setup = setup();
    write(
        setup.folder(),
        "conf/afluente.toml",
        &format!("{CONNECTION}token = {{ file = \"secrets/ploomes\" }}\n"),
    );
    write(setup.folder(), "secrets/ploomes", Sandbox::token("ploomes"));
    let outcome = without_tokens(&setup, &["export", "--config", "conf/afluente.toml"]);
    assert_eq!(outcome.code, 2, "{}", outcome.text());
    assert!(
        outcome.stderr.contains("`conf/secrets/ploomes`") && outcome.stderr.contains("`secrets/ploomes`"),
        "{}",
        outcome.text()
    );
}

#[test]
fn a_lake_beside_the_caller_is_not_left_for_an_empty_one_beside_the_file() {
    let setup = setup();
    let folder = setup.folder();
    write(folder, "conf/afluente.toml", &format!("[lake]\nurl = \"./lake\"\n{CONNECTION}"));
    let args = ["--config", "conf/afluente.toml"];
    let outcome = setup.export(&["ploomes", "--tables", "deals_stages"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    for command in ["export", "check", "status", "vacuum"] {
        let outcome = run(folder, &pairs(&setup.environment), &[&[command], &args[..]].concat());
        assert_eq!(outcome.code, 2, "{command}: {}", outcome.text());
        for told in ["`lake`", "`conf/lake`", "url = \"../lake\""] {
            assert!(outcome.stderr.contains(told), "{command} lacks {told}: {}", outcome.text());
        }
        assert!(!folder.join("conf/lake").exists(), "{command}");
    }
    // Said where it is, or moved there, it is gone on with.
    let outcome = setup.export(&[&args[..], &["--to", "lake", "--tables", "deals_stages"]].concat());
    assert!(outcome.code == 0 && outcome.stderr.contains("unchanged"), "{}", outcome.text());
    std::fs::rename(folder.join("lake"), folder.join("conf/lake")).unwrap();
    let outcome = setup.export(&[&args[..], &["--tables", "deals_stages"]].concat());
    assert!(outcome.code == 0 && outcome.stderr.contains("unchanged"), "{}", outcome.text());
}

#[test]
fn the_catalogue_is_that_of_the_configuration() {
    let setup = setup();
    let folder = setup.folder();
    write(folder, "conf/afluente.toml", CONNECTION);
    write(folder, "afluente.toml", "[schemas]\ndir = \"schemas\"\n");
    let stages = folder.join("schemas/ploomes/deals_stages.toml");
    let text = std::fs::read_to_string(&stages).unwrap();
    std::fs::write(folder.join("schemas/ploomes/my_stages.toml"), text).unwrap();
    for args in [&[][..], &["--config", "conf/afluente.toml"], &["--personal"]] {
        let outcome = run(folder, &[], &[&["tables", "ploomes.my_stages"], args].concat());
        assert_eq!(outcome.code, 0, "{args:?}: {}", outcome.text());
    }
    // A flag rules over the file.
    let outcome = run(folder, &[], &["tables", "acme.clients", "--schemas", "absent"]);
    assert_eq!(outcome.code, 2, "{}", outcome.text());
}

#[test]
fn a_misspelled_address_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("PLOOMES_USER_KEY", "k"), ("HOME", "/home/ana")];
    for (address, meant) in [
        ("s3:/acme/crm", "s3://acme/crm"),
        ("s3:acme/crm", "s3://acme/crm"),
        ("s3//acme/crm", "s3://acme/crm"),
        ("S3:/acme", "s3://acme"),
        ("s3a:/acme/crm", "s3://acme/crm"),
        ("gs:acme", "gs://acme"),
        ("gs:/acme", "gs://acme"),
        ("az:/acme", "az://acme"),
        ("file:lake", "./lake"),
        ("file:/data/lake", "file:///data/lake"),
        ("file//data/lake", "file:///data/lake"),
        ("https:/acme.s3.amazonaws.com/crm", "s3://"),
        ("~", "/home/ana"),
        ("~/lake", "/home/ana/lake"),
        ("~bob/lake", "in full"),
    ] {
        let config = format!("[lake]\nurl = \"{address}\"\n[connections.ploomes]\nsource = \"ploomes\"\n");
        write(folder.path(), "conf/afluente.toml", &config);
        for args in [
            &["export", "ploomes", "--base-url", "http://127.0.0.1:1", "--to", address][..],
            &["export", "--base-url", "http://127.0.0.1:1", "--config", "conf/afluente.toml"],
            &[
                "export",
                "ploomes",
                "--dry-run",
                "--base-url",
                "http://127.0.0.1:1",
                "--to",
                address,
            ],
            &["status", "--to", address],
            &["demo", "--to", address],
        ] {
            let outcome = run(folder.path(), &environment, args);
            assert_eq!(outcome.code, 2, "{args:?}: {}", outcome.text());
            let told = outcome.stderr.contains(&format!("`{address}`")) && outcome.stderr.contains(meant);
            assert!(told, "{args:?} does not tell of {meant}: {}", outcome.text());
        }
    }
    assert_eq!(files_below(folder.path()), [folder.path().join("conf/afluente.toml")]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "not even empty folders");

    // Said to be a path, it is one.
    let setup = setup();
    let outcome = setup.export(&["ploomes", "--tables", "deals_stages", "--to", "./s3:"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    assert!(setup.folder().join("s3:/ploomes").is_dir());
}

#[test]
fn what_cannot_start_leaves_no_lake() {
    let world = World::start(Options {
        rows: 1,
        ..Options::default()
    });
    let environment = world.environment();
    let token = ("ACME_TOKEN".to_owned(), Sandbox::token("ploomes").to_owned());
    let mistakes: [(&str, &[&str]); 9] = [
        ("", &["--tables", "typo"]),
        ("", &["--tables", "deals", "--exclude", "typo"]),
        ("", &["--tables", "deals", "--exclude", "deals"]),
        ("", &["typo"]),
        ("", &["--typo"]),
        ("", &["ploomes", "--base-url", "http://example.com"]),
        ("include = [\"typo\"]\n", &[]),
        ("token = { env = \"ABSENT\" }\n", &[]),
        ("[connections.acme.tables.deals_stages]\nmode = \"incremental\"\n", &[]),
    ];
    for (config, args) in mistakes {
        for command in ["export", "check"] {
            let folder = tempfile::tempdir().unwrap();
            let config = format!("[connections.acme]\nsource = \"ploomes\"\n{config}");
            write(folder.path(), "afluente.toml", &config);
            let mut environment = environment.clone();
            environment.push(token.clone());
            let outcome = run(folder.path(), &pairs(&environment), &[&[command], args].concat());
            assert_eq!(outcome.code, 2, "{command} {args:?}: {}", outcome.text());
            let left: Vec<_> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            assert_eq!(left, ["afluente.toml"], "{command} {args:?}: {}", outcome.text());
        }
    }
}

#[test]
fn the_metrics_tell_that_a_run_could_not_start() {
    let setup = setup();
    let folder = setup.folder();
    write(folder, "wrong.toml", "[lake]\nurll = \"x\"\n");
    write(
        folder,
        "no-token.toml",
        "[connections.acme]\nsource = \"ploomes\"\ntoken = { env = \"ABSENT\" }\n",
    );
    write(folder, "a-file", "x");
    for args in [
        &["--config", "wrong.toml"][..],
        &["--config", "absent.toml"],
        &["--config", "no-token.toml"],
        &["ploomes", "--to", "a-file"],
        &["ploomes", "--to", "s3:/x"],
        &["ploomes", "--tables", "typo"],
        &["ploomes", "--typo"],
    ] {
        // What an earlier run told is not what is told now.
        write(folder, "afluente.prom", "afluente_run_success 1\n");
        let outcome = setup.export(&[args, &["--metrics", "afluente.prom"]].concat());
        assert_eq!(outcome.code, 2, "{args:?}: {}", outcome.text());
        let text = std::fs::read_to_string(folder.join("afluente.prom")).unwrap();
        let has = |line: &str| text.lines().any(|found| found == line);
        assert!(has("afluente_run_success 0") && has("afluente_run_exit_code 2"), "{args:?}: {text}");
        let finished = text
            .lines()
            .find_map(|line| line.strip_prefix("afluente_run_finished_timestamp_seconds "));
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        assert!(now - finished.unwrap().parse::<f64>().unwrap() < 60.0, "{args:?}: {text}");
        assert!(!text.contains("afluente_table_"), "{args:?}: nothing was read: {text}");
    }
    let beside: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !beside.iter().any(|name| name.to_string_lossy().starts_with(".afluente.prom")),
        "{beside:?}"
    );

    // Whoever only asks for a plan asks for no metrics.
    std::fs::remove_file(folder.join("afluente.prom")).unwrap();
    let outcome = setup.export(&["ploomes", "--dry-run", "--tables", "typo", "--metrics", "afluente.prom"]);
    assert!(outcome.code == 2 && !folder.join("afluente.prom").exists(), "{}", outcome.text());
    let outcome = setup.export(&["ploomes", "--tables", "deals_stages", "--metrics", "afluente.prom"]);
    let text = std::fs::read_to_string(folder.join("afluente.prom")).unwrap();
    assert!(outcome.code == 0 && text.contains("afluente_run_exit_code 0\n"), "{text}");
}
