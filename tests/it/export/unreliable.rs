//! A vendor that misbehaves: the export ends with every row once, or says what to do.

use std::collections::BTreeMap;

use afluente::sandbox::{Faults, Options};

use crate::support::{Setup, World, lake};

/// Tables of every way of paging, with and without a count.
const TABLES: &str =
    "ploomes.deals,ploomes.users_profiles,exactsales.leads,exactsales.tasks,nectarcrm.contatos,sensedata.customers,customerx.journeys";

/// The same without NectarCRM, whose error with status 200 is `Invalid token`: that ends a connection, as a 401 does.
const WITHOUT_NECTAR: &str =
    "ploomes.deals,ploomes.users_profiles,ploomes.contacts,exactsales.leads,exactsales.tasks,sensedata.customers,customerx.journeys";

fn faulty(faults: &str, seed: u64, rows: u64) -> Options {
    Options {
        rows,
        seed,
        faults: faults.parse::<Faults>().unwrap(),
        ..Options::default()
    }
}

/// Each kind of fault at a rate that strikes several times. One that says how long to wait costs a second each time, so it is rarer.
#[test]
fn faults_cost_requests_but_no_row() {
    std::thread::scope(|scope| {
        let undisturbed = [TABLES, WITHOUT_NECTAR].map(|tables| scope.spawn(move || requests_despite("", 1, tables)));
        let [all, without_nectar] = undisturbed.map(|run| run.join().unwrap());
        for (at, faults) in [
            "429=0.1",
            "429-bare=0.2",
            "500=0.2",
            "cut=0.2",
            "slow=0.1",
            "html=0.2",
            "error-200=0.2",
            "429-bare=0.05,500=0.05,cut=0.05,html=0.05",
        ]
        .into_iter()
        .enumerate()
        {
            scope.spawn(move || {
                let (tables, undisturbed) = if faults.starts_with("error-200") {
                    (WITHOUT_NECTAR, without_nectar)
                } else {
                    (TABLES, all)
                };
                let requests = requests_despite(faults, at as u64, tables);
                // A slow answer is no reason to ask again.
                assert_eq!(
                    requests > undisturbed,
                    !faults.starts_with("slow"),
                    "{faults}: {requests} requests, {undisturbed} without any fault"
                );
            });
        }
    });
}

/// An empty page under throttling is not the end, the first page of a table as little as any other.
#[test]
fn an_empty_page_under_throttling_loses_no_row() {
    let setup = Setup::new(faulty("empty=0.2", 1, 700));
    let outcome = setup.export(&["ploomes", "--progress", "none"]);
    assert_eq!(outcome.code, 0, "{}", outcome.text());
    let mut expected = setup.world.rows();
    expected.retain(|table, _| table.starts_with("ploomes."));
    assert_eq!(lake::check(&setup.lake()), expected);
}

/// Exports and compares every row; the requests it took.
fn requests_despite(faults: &str, seed: u64, tables: &str) -> u64 {
    let setup = Setup::new(faulty(faults, seed, 1_100));
    let outcome = setup.export(&["--tables", tables]);
    assert_eq!(outcome.code, 0, "{faults}: {}", outcome.text());
    let found = lake::check(&setup.lake());
    let expected = setup.world.rows();
    for (table, rows) in &found {
        assert_eq!(*rows, expected[table], "{faults}: {table}");
    }
    assert!(found.len() > tables.split(',').count(), "{faults}: {found:?}");
    ["ploomes", "nectarcrm", "sensedata", "exactsales", "customerx"]
        .iter()
        .map(|source| setup.world.counted(source, "requests"))
        .sum()
}

/// One connection's token expires while its tables are read: what was committed stays, the other connections do not notice.
#[test]
fn a_token_that_expires_stops_its_connection_only() {
    let mut setup = Setup::new(Options {
        rows: 400,
        ..Options::default()
    });
    let expiring = World::start(faulty("401=0.04", 3, 400));
    for (name, value) in &mut setup.environment {
        if name == "PLOOMES_BASE_URL" {
            *value = expiring.sandbox().base_url("ploomes");
        }
    }
    let tables = ["--tables", "ploomes.*,sensedata.*,exactsales.leads*", "--progress", "none"];
    let outcome = setup.export(&tables);
    assert_eq!(outcome.code, 1, "{}", outcome.text());
    let found = lake::check(&setup.lake());
    let of = |source: &str| -> BTreeMap<String, u64> {
        let mut rows = setup.world.rows();
        rows.retain(|table, _| table.starts_with(source));
        rows
    };
    let committed: BTreeMap<&String, &u64> = found.iter().filter(|(table, _)| table.starts_with("ploomes.")).collect();
    assert!(
        !committed.is_empty() && committed.len() < 36,
        "{} of 36: choose another seed",
        committed.len()
    );
    for (table, rows) in committed {
        assert_eq!(*rows, of("ploomes.")[table], "{table}");
    }
    for (table, rows) in of("sensedata.").into_iter().chain(of("exactsales.leads")) {
        assert_eq!(found.get(&table), Some(&rows), "{table}");
    }
    for words in ["401", "PLOOMES_USER_KEY", "expired"] {
        assert!(outcome.stderr.contains(words), "expected `{words}`: {}", outcome.text());
    }
    // One cause is told once, not for every table that did not come to its turn.
    assert!(
        outcome.stderr.matches("the vendor refuses the token").count() == 1,
        "{}",
        outcome.text()
    );
    let (asked, needed) = (expiring.counted("ploomes", "requests"), setup.world.rows().len() as u64);
    assert!(asked < needed, "{asked} requests with a token that had expired");
}
