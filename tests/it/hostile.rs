//! What a vendor sends and a user pastes by mistake: nothing of it reaches a terminal, a log, a report or the metrics raw, whole or against somebody's will.

use std::fmt::Write as _;
use std::path::Path;

use afluente::visible::is_seen;

use crate::support::{Answer, Outcome, Scripted, files_below, quick_schemas, run};

const TOKEN: &str = "t0k3n-that-must-never-be-seen";

/// Ends lines, moves the cursor, names the window, turns the text round.
const EVIL: &str = "A\\u001b]0;pwn\\u0007\\u001b[31mRED\\r\\nerror: forged line\\u202egnp\\u009b2J\\u200b\\u0000";

/// A person, who is in records only.
const PERSON: &str = "Fulana";

fn answer(path: &str, status: u16, body: &str) -> Answer {
    Answer {
        path: path.to_owned(),
        status,
        headers: Vec::new(),
        body: body.to_owned(),
        cut: 0,
    }
}

/// A folder with quick declarations, in which the program runs against a scripted Ploomes.
struct Case {
    folder: tempfile::TempDir,
    vendor: Scripted,
}

impl Case {
    fn new(answers: Vec<Answer>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        quick_schemas(folder.path());
        Self {
            folder,
            vendor: Scripted::start(answers, r#"{"value":[]}"#),
        }
    }

    fn run(&self, args: &[&str]) -> Outcome {
        let place = ["--to", "lake", "--schemas", "schemas", "--base-url", self.vendor.url()];
        run(self.folder.path(), &[("PLOOMES_USER_KEY", TOKEN)], &[args, &place].concat())
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap()
    }
}

/// Every character is seen, no line is another's, and nothing is as long as what came.
fn assert_fit(text: &str, what: &str) {
    let odd = text.chars().find(|c| *c != '\n' && !is_seen(*c));
    assert_eq!(odd, None, "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{what}: {text}");
    assert!(text.len() < 400_000, "{what}: {} bytes", text.len());
    assert!(!text.contains(TOKEN), "{what}: {text}");
}

#[test]
fn nothing_that_a_vendor_sends_reaches_a_terminal_raw() {
    let field = format!(
        r#"{{"value":[{{"Id":1,"Key":"k{EVIL}","Name":"{EVIL}","EntityId":2,"Dynamic":true,"Multiple":false,"OptionsTableId":null,"Type":{{"NativeType":"String"}}}}]}}"#
    );
    let deal = format!(r#"{{"value":[{{"Id":1,"Title":"{EVIL}","LastUpdateDate":"{EVIL}","OtherProperties":[]}}]}}"#);
    let case = Case::new(vec![
        answer("/Fields", 200, &field),
        answer("/Fields", 200, r#"{"value":[]}"#),
        answer("/Fields", 200, &field),
        answer("/Fields", 200, r#"{"value":[]}"#),
        answer("/Fields", 200, &field),
        answer("/Fields", 200, r#"{"value":[]}"#),
        answer("/Deals", 200, &deal),
        answer("/Deals", 200, r#"{"value":[]}"#),
        answer(
            "/Deals@Stages",
            200,
            &format!(r#"{{"value":[{{"Id":"b{EVIL}"}},{{"Id":"a{EVIL}"}}]}}"#),
        ),
        answer("/Users", 200, &format!(r#"{{"{EVIL}{}":[1]}}"#, "x".repeat(15 << 20))),
        answer(
            "/Tasks",
            400,
            &format!(r#"{{"error":{{"message":"{EVIL}{}"}}}}"#, "y".repeat(1 << 10)),
        ),
        answer("/Products", 500, "<html>\u{1b}[2J\u{202e}\r\nerror: forged line</html>"),
    ]);
    let tables = "deals,deals_stages,users,tasks,products";
    let told = ["--report", "report.json", "--metrics", "afluente.prom"];
    for format in ["text", "json"] {
        for progress in ["plain", "json"] {
            let export = [
                "export",
                "ploomes",
                "--tables",
                tables,
                "--progress",
                progress,
                "--log-format",
                format,
                "-vv",
            ];
            let outcome = case.run(&[&export[..], &told].concat());
            assert_eq!(outcome.code, 1, "{}", outcome.stderr);
            assert_fit(&outcome.stderr, "stderr");
            assert_fit(&outcome.stdout, "stdout");
            if format == "json" {
                for line in outcome.stderr.lines() {
                    let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                    assert!(object["level"].is_string(), "{line}");
                }
            }
            assert_fit(&case.read("afluente.prom"), "the metrics");
            let report = case.read("report.json");
            assert_fit(&report, "the report");
            let report: serde_json::Value = serde_json::from_str(&report).unwrap();
            for table in report["tables"].as_array().unwrap() {
                let message = table["error"]["message"].as_str().unwrap_or_default();
                assert!(message.chars().all(is_seen) && message.len() < 5_000, "{message:?}");
            }
        }
    }
    for args in [
        &["fields", "list", "ploomes"][..],
        &["fields", "list", "ploomes", "-o", "json"],
        &["fields", "diff", "ploomes"],
        &["check", "ploomes", "--tables", "deals_stages,users"],
    ] {
        let outcome = case.run(args);
        assert_fit(&outcome.stdout, &format!("{args:?}"));
        assert_fit(&outcome.stderr, &format!("{args:?}"));
    }
    for args in [["status", "--to", "lake"], ["verify", "--to", "lake"], ["views", "--to", "lake"]] {
        let outcome = run(case.folder.path(), &[], &args);
        assert_fit(&outcome.stdout, args[0]);
        assert_fit(&outcome.stderr, args[0]);
    }
}

#[test]
fn no_message_repeats_the_values_of_records() {
    let record = format!(r#"{{"Id":1,"Title":"{PERSON}","Message":"{PERSON}"}}"#);
    for (status, body) in [
        (200, format!(r#"{{"data":[{record}]}}"#)),
        (200, format!(r#"{{"value":[{record},{{"Id":2,"Ti"#)),
        (200, format!(r#"{{"value":{record}}}"#)),
        (200, record.clone()),
        (200, format!(r#"{{"value":[{{"Id":"{PERSON} b"}},{{"Id":"{PERSON} a"}}]}}"#)),
        (200, format!(r#"{{"value":[{{"Title":"{PERSON}"}}]}}"#)),
        (200, format!(r#"callback({{"value":[{record}]}})"#)),
        (400, format!(r#"{{"value":[{record}]}}"#)),
        (500, format!(r#"{{"error":"no","value":[{record}]}}"#)),
        (403, format!(r#"{{"error":{{"message":"no","record":{record}}}}}"#)),
        (404, format!("[{record}]")),
    ] {
        let case = Case::new(vec![answer("/Users", status, &body)]);
        let outcome = case.run(&[
            "export",
            "ploomes",
            "--tables",
            "users",
            "--progress",
            "none",
            "--report",
            "report.json",
            "-vv",
        ]);
        assert!(!outcome.text().contains(PERSON), "{body}: {}", outcome.text());
        assert!(!case.read("report.json").contains(PERSON), "{body}");
        let check = case.run(&["check", "ploomes", "--tables", "users", "-v"]);
        assert!(!check.text().contains(PERSON), "{body}: {}", check.text());
    }
    // What is no page is still told.
    let case = Case::new(vec![answer("/Users", 400, r#"{"error":{"message":"no such field"}}"#)]);
    let outcome = case.run(&["export", "ploomes", "--tables", "users", "--progress", "none"]);
    assert!(outcome.stderr.contains("`no such field`"), "{}", outcome.stderr);
}

#[test]
fn an_echoed_token_is_redacted_however_it_is_written() {
    let escaped = TOKEN.chars().fold(String::new(), |mut text, c| {
        let _ = write!(text, "\\u{:04x}", u32::from(c));
        text
    });
    let percent = escaped.replace("\\u00", "%");
    let html = TOKEN.replace('-', "&#x2D;");
    for body in [
        format!(r#"{{"error":"bad key {escaped}"}}"#),
        format!("<html>bad key {escaped}</html>"),
        format!("<a href='/?key={percent}'>"),
        format!("<b>{html}</b>"),
    ] {
        let case = Case::new(vec![answer("/Users", 400, &body)]);
        let outcome = case.run(&["export", "ploomes", "--tables", "users", "--progress", "none", "-vv"]);
        assert!(outcome.stderr.contains("REDACTED"), "{}", outcome.stderr);
        for spelling in [TOKEN, &escaped, &percent, &html] {
            assert!(!outcome.text().contains(spelling), "{}", outcome.text());
        }
    }
}

#[test]
fn an_address_with_credentials_is_refused_without_being_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let addresses = [
        "s3://KEYID:S3CR3T@bucket/x",
        "s3:/KEYID:S3CR3T@bucket/x",
        "az://container/x?sig=S3CR3T",
        "https://bucket.example/x?X-Amz-Signature=S3CR3T",
    ];
    for address in addresses {
        std::fs::write(folder.join("afluente.toml"), format!("[lake]\nurl = \"{address}\"\n")).unwrap();
        for command in [
            &["export", "ploomes"][..],
            &["export", "ploomes", "--dry-run"],
            &["check", "ploomes"],
            &["status"],
            &["verify"],
            &["views", "--engine", "duckdb"],
            &["compact"],
            &["vacuum"],
            &["fields", "list", "ploomes"],
            &["fields", "sync", "ploomes"],
            &["forget", "ploomes.contacts", "--key", "1"],
        ] {
            let flagged = [command, &["--to", address, "--config", "none.toml"]].concat();
            std::fs::write(folder.join("none.toml"), "").unwrap();
            for args in [command, &flagged] {
                let outcome = run(folder, &[("PLOOMES_USER_KEY", TOKEN)], args);
                assert_eq!(outcome.code, 2, "{args:?}: {}", outcome.text());
                assert!(
                    !outcome.text().contains("S3CR3T") && !outcome.text().contains("KEYID"),
                    "{args:?}: {}",
                    outcome.text()
                );
            }
        }
    }
    assert!(
        files_below(folder)
            .iter()
            .all(|file| file.extension().is_some_and(|end| end == "toml")),
        "no folder was made"
    );
}

#[test]
fn a_token_in_the_place_of_its_name_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let pasted = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x4Zt";
    for line in [
        format!("token = {{ env = \"{pasted}\" }}"),
        format!("token = {{ file = \"{pasted}\" }}"),
        format!("token = \"{pasted}\""),
        format!("token = {{ env = [\"{pasted}\"] }}"),
        format!("token = {{ {pasted} = \"x\" }}"),
        format!("tables = \"{pasted}\""),
        format!("[personal]\nkey = {{ env = \"{pasted}\" }}\n[personal.kinds]\nname = \"hash\""),
        format!("[personal]\nkey = \"{pasted}\""),
    ] {
        let text = format!("[connections.acme]\nsource = \"ploomes\"\n{line}\n");
        std::fs::write(folder.path().join("afluente.toml"), text).unwrap();
        for command in ["export", "check"] {
            let outcome = run(folder.path(), &[("PLOOMES_USER_KEY", TOKEN)], &[command]);
            assert_eq!(outcome.code, 2, "{line}: {}", outcome.text());
            assert!(!outcome.text().contains("eyJ"), "{line}: {}", outcome.text());
        }
    }
}

/// The permissions of what is below a folder, and of the folder.
#[cfg(unix)]
fn modes(folder: &Path) -> Vec<(std::path::PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = vec![folder.to_owned()];
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        at += 1;
        if path.is_dir() {
            found.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    let mode = |path: &std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    found.into_iter().map(|path| (path.clone(), mode(&path))).collect()
}

#[cfg(unix)]
#[test]
fn new_files_are_not_for_others_and_the_rest_is_as_the_umask_says() {
    use std::os::unix::fs::PermissionsExt;
    for (umask, of_folders, of_files, of_metrics) in [
        ("0022", 0o750, 0o640, 0o644),
        ("0002", 0o770, 0o660, 0o664),
        ("0027", 0o750, 0o640, 0o640),
        ("0077", 0o700, 0o600, 0o600),
    ] {
        let deal = r#"{"value":[{"Id":1,"Title":"a","Amount":"no number","LastUpdateDate":"2026-01-01T00:00:00Z","OtherProperties":[]}]}"#;
        let case = Case::new(vec![answer("/Deals", 200, deal), answer("/Deals", 200, r#"{"value":[]}"#)]);
        let folder = case.folder.path();
        // A folder that is there stays open to those to whom it was.
        let lake = folder.join("lake");
        std::fs::create_dir(&lake).unwrap();
        std::fs::set_permissions(&lake, std::fs::Permissions::from_mode(0o755)).unwrap();
        let script = format!(
            "umask {umask}; exec '{}' export ploomes --tables deals --to lake --schemas schemas --base-url {} --report report.json --metrics afluente.prom",
            env!("CARGO_BIN_EXE_afluente"),
            case.vendor.url()
        );
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &script])
            .current_dir(folder)
            .env_clear()
            .env("PLOOMES_USER_KEY", TOKEN);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = modes(&lake);
        for place in ["_rejected", "_manifest", "_views", "_runs", "_lease"] {
            assert!(found.iter().any(|(path, _)| path.ends_with(place)), "{place}");
        }
        for (path, mode) in &found {
            let expected = match path {
                path if *path == lake => 0o755,
                path if path.is_dir() => of_folders,
                _ => of_files,
            };
            assert_eq!(*mode, expected, "umask {umask}: {} has {mode:o}", path.display());
        }
        let of = |file: &str| modes(&folder.join(file))[0].1;
        assert_eq!(of("report.json"), of_files, "umask {umask}");
        assert_eq!(of("afluente.prom"), of_metrics, "umask {umask}: its collector is another user");
    }
}
