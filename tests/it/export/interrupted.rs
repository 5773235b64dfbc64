//! Runs that end early: killed, asked to stop, or beside another one.
#![cfg(unix)]

use std::path::Path;
use std::time::{Duration, Instant};

use afluente::sandbox::Options;

use crate::support::{Bucket, Outcome, Running, Setup, World, lake};

/// Longest time from a signal to the end.
const PROMPT: Duration = Duration::from_secs(2);

/// Tables with partitions, children and several pages.
const TABLES: &str = "exactsales.leads*,exactsales.tasks,exactsales.qualifications,ploomes.deals*,ploomes.orders*,nectarcrm.contatos";

fn setup() -> Setup {
    Setup::new(Options {
        rows: 900,
        page_delay: Duration::from_millis(15),
        ..Options::default()
    })
}

/// Whether a lake shows that a moment has come.
type Reached = fn(&Path) -> bool;

fn committed(lake: &Path) -> usize {
    lake::manifests(lake).len()
}

/// Whatever the moment, the tables that are committed are whole, and the next run leaves nothing of the dead one behind.
#[test]
fn a_killed_run_is_healed_by_the_next() {
    let setup = setup();
    let expected = setup.world.rows();
    let moments: [(&str, Reached); 5] = [
        ("the first bytes", |lake| !lake::staged_files(lake).is_empty()),
        ("the first file", |lake| !lake::data_files(lake).is_empty()),
        ("the first commit", |lake| committed(lake) >= 1),
        ("the fifth commit", |lake| committed(lake) >= 5),
        ("most commits", |lake| committed(lake) >= 12),
    ];
    for (at, (moment, reached)) in moments.into_iter().enumerate() {
        let name = format!("killed {at}");
        let lake = setup.folder().join(&name);
        let args = ["--to", &name, "--tables", TABLES, "--progress", "none"];
        // A first load, then a refresh: both are killed.
        for _ in 0..2 {
            let mut running = setup.start(&args);
            running.until(moment, || reached(&lake));
            running.signal("KILL");
            assert_eq!(running.wait().code, -1, "{moment}");
            for (table, rows) in lake::check_committed(&lake) {
                assert_eq!(rows, expected[&table], "{moment}: {table}");
            }
        }
        let outcome = setup.export(&args);
        assert_eq!(outcome.code, 0, "{moment}: {}", outcome.text());
        let healed = lake::check(&lake);
        assert!(healed.len() >= 18, "{moment}: {healed:?}");
        for (table, rows) in healed {
            assert_eq!(rows, expected[&table], "{moment}: {table}");
        }
    }
}

/// Killed after the children were committed and before their parent was.
#[test]
fn children_without_their_parent_are_healed() {
    let setup = setup();
    let args = ["exactsales", "--tables", "tasks", "--progress", "none"];
    assert_eq!(setup.export(&args).code, 0);
    std::fs::remove_file(setup.lake().join("exactsales/tasks/_manifest/00000000000000000001.json")).unwrap();
    let outcome = setup.export(&args);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let manifests = lake::manifests(&setup.lake());
    assert_eq!(manifests["exactsales.tasks"]["children"]["tasks__contacts"], 2);
    let (found, expected) = (lake::check(&setup.lake()), setup.world.rows());
    for table in ["exactsales.tasks", "exactsales.tasks__contacts"] {
        assert_eq!(found[table], expected[table], "{table}");
    }
}

/// One vendor is done, the other takes an hour for each answer; the signal does not wait for it.
#[test]
fn a_signal_ends_the_run_promptly() {
    for signal in ["INT", "TERM"] {
        let mut setup = setup();
        let slow = World::start(Options {
            page_delay: Duration::from_secs(3_600),
            ..Options::default()
        });
        for (name, value) in &mut setup.environment {
            if name == "SENSEDATA_BASE_URL" {
                *value = slow.sandbox().base_url("sensedata");
            }
        }
        // A table of an earlier run stays as it was.
        let before = setup.export(&[
            "sensedata",
            "--tables",
            "users",
            "--base-url",
            &setup.world.sandbox().base_url("sensedata"),
        ]);
        assert_eq!(before.code, 0, "{}", before.text());
        let lake = setup.lake();
        let mut running = setup.start(&[
            "--tables",
            "exactsales.leads*,sensedata.users,sensedata.customers",
            "--report",
            "report.json",
        ]);
        running.until("the quick vendor is done and the slow one asked", || {
            committed(&lake) == 7 && slow.counted("sensedata", "requests") > 0
        });
        let began = Instant::now();
        running.signal(signal);
        let outcome = running.wait();
        let took = began.elapsed();
        assert!(took < PROMPT, "{signal}: took {took:?}");
        assert_eq!(outcome.code, 1, "{signal}: {}", outcome.text());
        assert!(outcome.stderr.contains("stopping"), "{signal}: {}", outcome.text());
        let (found, expected) = (lake::check(&lake), setup.world.rows());
        assert_eq!(found.len(), 7, "{signal}: {found:?}");
        for (table, rows) in found {
            assert_eq!(rows, expected[&table], "{signal}: {table}");
        }
        let report: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(setup.folder().join("report.json")).unwrap()).unwrap();
        let left = report["tables"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|table| !["committed", "unchanged"].contains(&table["status"].as_str().unwrap()));
        assert_eq!(left.count(), 3, "{signal}: {report:#}");
    }
}

/// Signals at any moment leave no file that no manifest names.
#[test]
fn a_signal_at_any_moment_leaves_nothing_half_done() {
    let setup = setup();
    let expected = setup.world.rows();
    for (at, commits) in [0, 2, 6, 11].into_iter().enumerate() {
        let name = format!("stopped {at}");
        let lake = setup.folder().join(&name);
        let mut running = setup.start(&["--to", &name, "--tables", TABLES, "--progress", "none"]);
        running.until("some commits", || {
            committed(&lake) >= commits && !lake::staged_files(&lake).is_empty()
        });
        running.signal("TERM");
        let outcome = running.wait();
        // The last table may have been committed as the signal came.
        assert!([0, 1].contains(&outcome.code), "{}", outcome.text());
        for (table, rows) in lake::check(&lake) {
            assert_eq!(rows, expected[&table], "{commits} commits: {table}");
        }
    }
}

/// A lake that does not answer holds a run; the second signal ends it all the same.
#[test]
fn two_signals_end_a_run_that_hangs() {
    let mut setup = setup();
    let bucket = Bucket::start();
    setup.environment.extend(bucket.environment());
    let mut running = setup.start(&["--to", "s3://bucket/lake", "--tables", "ploomes.deals"]);
    running.until("the run waits for the lake", || bucket.listings() > 0);
    let began = Instant::now();
    running.signal("INT");
    running.signal("TERM");
    let outcome = running.wait();
    let took = began.elapsed();
    assert!(took < PROMPT, "took {took:?}: {}", outcome.text());
    assert!([2, 130].contains(&outcome.code), "{}", outcome.text());
}

/// Two runs of one lake: every table is that of one of them, whole.
#[test]
fn two_runs_at_once_lose_nothing() {
    let setup = setup();
    let args = ["--tables", TABLES, "--progress", "none"];
    for round in 0..2 {
        let runs = [setup.start(&args), setup.start(&args)];
        let outcomes = runs.map(Running::wait);
        assert!(outcomes.iter().any(|outcome| outcome.code == 0), "round {round}: neither ran");
        for outcome in outcomes {
            let busy = outcome.code == 2 && outcome.stderr.contains("is busy: run ") && outcome.stderr.contains("--if-busy skip");
            assert!(outcome.code == 0 || busy, "round {round}: {}", outcome.text());
        }
        let (found, expected) = (lake::check_committed(&setup.lake()), setup.world.rows());
        assert!(found.len() >= 18, "round {round}: {found:?}");
        for (table, rows) in found {
            assert_eq!(rows, expected[&table], "round {round}: {table}");
        }
    }
}

/// The loser of a race leaves no file behind: a plain listing would read its rows a second time until the next run sweeps them.
#[test]
fn two_runs_at_once_leave_nothing_behind() {
    let setup = setup();
    let args = [
        "--tables",
        "ploomes.orders,exactsales.leads,exactsales.leadssold,exactsales.qualifications",
        "--progress",
        "none",
    ];
    for round in 0..6 {
        let outcomes = [setup.start(&args), setup.start(&args)].map(Running::wait);
        let told = outcomes.each_ref().map(Outcome::text).join("\n");
        assert!(outcomes.iter().any(|outcome| outcome.code == 0), "round {round}: {told}");
        let superseded = lake::superseded(&setup.lake());
        assert!(superseded.is_empty(), "round {round}: no manifest lists {superseded:?}\n{told}");
    }
}

/// A lake that does not answer must not hold the first signal either.
#[test]
fn one_signal_ends_a_run_whose_lake_hangs() {
    let mut setup = setup();
    let bucket = Bucket::start();
    setup.environment.extend(bucket.environment());
    let mut running = setup.start(&["--to", "s3://bucket/lake", "--tables", "ploomes.deals"]);
    running.until("the run waits for the lake", || bucket.listings() > 0);
    let began = Instant::now();
    running.signal("TERM");
    let outcome = running.wait();
    assert!(began.elapsed() < PROMPT, "took {:?}: {}", began.elapsed(), outcome.text());
    assert_eq!(outcome.code, 2, "it had not begun: {}", outcome.text());
}
