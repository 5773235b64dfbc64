//! A long first load that is killed, and gone on with by another process.

use std::sync::Arc;
use std::time::Duration;

use super::content::{content, difference};
use super::process::{Fate, Process};
use crate::config::Connection;
use crate::export::{Export, IfBusy, Options, RunReport, Selection};
use crate::http::Stopper;
use crate::sandbox::{self, Sandbox};
use crate::schema::{Access, Catalog, Pagination};
use crate::store::Lake;
use crate::store::fake::Fake;

/// Pages that a process may hold between the vendor and a commit.
const UNDER_WAY: u64 = 6;

fn plan(connection: &Connection, lake: Lake) -> Export {
    let (stopper, stop) = Stopper::new();
    Export::plan(
        vec![connection.clone()],
        &Selection::default(),
        lake,
        Options::default(),
        (Arc::new(stopper), stop),
    )
    .unwrap()
}

fn requests(report: &RunReport) -> u64 {
    assert!(!report.failed(), "{report:?}");
    report.tables[0].requests
}

#[tokio::test]
async fn a_load_killed_at_eighty_percent_goes_on_elsewhere_from_its_last_checkpoint() {
    let sandbox = Sandbox::start(sandbox::Options {
        table_rows: vec![("ploomes.products".to_owned(), 2_000)],
        ..sandbox::Options::default()
    });
    let sandbox = sandbox.await.unwrap();
    let mut source = Catalog::embedded().unwrap().source("ploomes").unwrap().clone();
    source.tables.retain(|table, _| table == "products");
    for table in source.tables.values_mut() {
        if let Access::Fetch(fetch) = &mut table.access
            && let Pagination::Keyset { size, .. } = &mut fetch.pagination
        {
            *size = 20;
        }
    }
    let mut connection = Connection::to_sandbox(&source, &sandbox.base_url("ploomes"), Sandbox::token("ploomes")).unwrap();
    let undisturbed = Lake::memory();
    let all = requests(&plan(&connection, undisturbed.clone()).run().await);
    assert!(all > 100, "{all} requests");

    // A checkpoint for every page.
    connection.checkpoint = Duration::ZERO;
    let fake = Fake::new();
    let first = Process::new(&fake, Fate::Lives);
    let mut export = plan(&connection, first.lake());
    assert!(export.lease(IfBusy::Fail, |_, _| {}).await.unwrap().is_empty());
    let progress = export.progress();
    let asked = || progress.tables[0].meter.counts().requests;
    let most = async {
        while asked() < all * 8 / 10 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        report = export.run() => panic!("it ended before: {report:?}"),
        () = most => first.kill(),
    }
    let asked = asked();

    // Another machine, when the first was not heard of for a while.
    fake.advance(Duration::from_secs(121));
    let second = Process::new(&fake, Fate::Lives);
    let mut export = plan(&connection, second.lake());
    assert!(export.lease(IfBusy::Fail, |_, _| {}).await.unwrap().is_empty());
    let rest = requests(&export.run().await);
    assert!(
        asked + rest <= all + 1 + UNDER_WAY,
        "{all} requests undisturbed; {asked}, then {rest}"
    );
    let (expected, found) = (content(&undisturbed).await.unwrap(), content(&second.lake()).await.unwrap());
    assert_eq!(difference(&expected, &found), None);
}
