//! A row of another table for which the vendor gives nothing once, and again a day later.

use std::sync::Arc;

use super::content::{Content, content};
use crate::commit;
use crate::config::Connection;
use crate::export::{Export, Options, Selection};
use crate::http::Stopper;
use crate::sandbox::{self, Sandbox, Silence};
use crate::schema::Catalog;
use crate::store::Lake;

const TABLE: &str = "oportunidades_propostas";

async fn export(sandbox: &Sandbox, lake: &Lake, memory: Option<usize>) -> Content {
    let mut source = Catalog::embedded().unwrap().source("nectarcrm").unwrap().clone();
    source.tables.retain(|table, _| table == TABLE || table == "oportunidades");
    let mut connection = Connection::to_sandbox(&source, &sandbox.base_url("nectarcrm"), Sandbox::token("nectarcrm")).unwrap();
    connection.include = vec![TABLE.to_owned()];
    let (stopper, stop) = Stopper::new();
    let stop = (Arc::new(stopper), stop);
    let mut export = Export::plan(vec![connection], &Selection::default(), lake.clone(), Options::default(), stop).unwrap();
    if let Some(memory) = memory {
        export.run.seen_keys = memory;
    }
    let report = export.run().await;
    assert!(!report.failed(), "{report:?}");
    content(lake).await.unwrap()
}

async fn rows_stay_for_a_day(memory: Option<usize>) {
    let options = sandbox::Options {
        table_rows: vec![("nectarcrm.oportunidades".to_owned(), 30)],
        ..sandbox::Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let lake = Lake::memory();
    let name = format!("nectarcrm.{TABLE}");
    let first = export(&sandbox, &lake, memory).await;
    let id = first[&name]
        .iter()
        .find_map(|row| row.strip_prefix("oportunidade_id=")?.split(' ').next()?.parse().ok());
    let id: u64 = id.unwrap();
    let of_it = format!("oportunidade_id={id} ");
    let others: Vec<&String> = first[&name].iter().filter(|row| !row.starts_with(&of_it)).collect();
    assert!(!others.is_empty() && others.len() < first[&name].len());

    sandbox.fall_silent(Some(Silence::MissingOf(id)));
    assert_eq!(export(&sandbox, &lake, memory).await, first);
    let latest = commit::latest(&lake, "nectarcrm", TABLE).await.unwrap().unwrap();
    assert_eq!(latest.absent.keys().collect::<Vec<_>>(), [&id.to_string()]);
    // The same hour: nothing goes, and where the index fits nothing is written.
    assert_eq!(export(&sandbox, &lake, memory).await, first);

    // It was a blip: nothing is remembered of it.
    sandbox.fall_silent(None);
    assert_eq!(export(&sandbox, &lake, memory).await, first);
    let latest = commit::latest(&lake, "nectarcrm", TABLE).await.unwrap().unwrap();
    assert!(latest.absent.is_empty(), "{:?}", latest.absent);

    // It lasts: as if the first of these answers had come two days ago.
    sandbox.fall_silent(Some(Silence::MissingOf(id)));
    assert_eq!(export(&sandbox, &lake, memory).await, first);
    let mut latest = commit::latest(&lake, "nectarcrm", TABLE).await.unwrap().unwrap();
    latest.version += 1;
    latest
        .absent
        .values_mut()
        .for_each(|since| *since = "2020-01-01T00:00:00Z".to_owned());
    assert_eq!(commit::commit(&lake, &latest).await.unwrap(), commit::Outcome::Committed);
    let after = export(&sandbox, &lake, memory).await;
    assert_eq!(after[&name].iter().collect::<Vec<_>>(), others);
}

#[tokio::test]
async fn rows_of_a_row_that_answers_404_go_when_it_does_so_a_day_later() {
    rows_stay_for_a_day(None).await;
}

#[tokio::test]
async fn rows_that_stay_are_there_once_where_the_index_does_not_fit() {
    rows_stay_for_a_day(Some(20_000)).await;
}
