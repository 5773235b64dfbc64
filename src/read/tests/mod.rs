//! The read stage against a scripted vendor.

mod answers;
mod broken;
mod change;
mod otherwise;
mod pager;
mod paging;

use tokio::sync::mpsc;

use super::*;
use crate::http::Counts;
use crate::http::scripted::{Answer, Scripted, TOKEN};
use crate::schema::Catalog;

const KEYSET: &str = r#"{ type = "keyset", key = "Id", filter_param = "$filter", filter = "Id gt {key}", order_param = "$orderby", order = "Id", size_param = "$top", size = 2 }"#;
const COUNTED: &str = r#"{ type = "keyset", key = "Id", filter_param = "$filter", filter = "Id gt {key}", order_param = "$orderby", order = "Id", size_param = "$top", size = 2, count = { params = { "$count" = "true" }, member = "@odata.count" } }"#;
const OFFSET: &str = r#"{ type = "offset", offset_param = "$skip", size_param = "$top", size = 2 }"#;
const PAGE: &str = r#"{ type = "page", page_param = "page", next = "next_page" }"#;

/// A source with these tables: name and lines of the declaration.
fn catalog(tables: &[(&str, &str)]) -> Catalog {
    let source = r#"
        title = "Acme"
        description = "A vendor."
        base_url = "https://acme.example"
        token_env = "ACME_TOKEN"
        auth = { type = "header", name = "User-Key" }
        records = ["value", "@root"]
        rate_limit = { requests = 1, per = "1s" }
        pagination = { type = "single" }"#;
    let table = |(name, lines): &(&str, &str)| {
        let text = format!(
            "title = \"T\"\ndescription = \"T.\"\nprimary_key = [\"id\"]\n{lines}\n[columns]\nid = {{ type = \"int\", path = \"Id\", description = \"I.\" }}\nat = {{ type = \"timestamp\", path = \"At\", description = \"A.\" }}\n"
        );
        (format!("acme/{name}.toml"), text)
    };
    let files = std::iter::once(("acme/source.toml".to_owned(), source.to_owned())).chain(tables.iter().map(table));
    Catalog::from_files(files).unwrap()
}

fn options() -> ReadOptions {
    ReadOptions::all(Memory::new(1024), 1 << 20)
}

/// What came of reading a table.
#[derive(Debug)]
struct Outcome {
    result: Result<ReadSummary>,
    records: Vec<String>,
    /// The mark of each page.
    resumes: Vec<Option<String>>,
    targets: Vec<String>,
    counts: Counts,
}

impl Outcome {
    fn summary(&self) -> &ReadSummary {
        self.result
            .as_ref()
            .unwrap_or_else(|error| panic!("{error:?} after {:?}", self.targets))
    }

    fn error(&self) -> &Error {
        let error = self.result.as_ref().unwrap_err();
        assert!(!format!("{error:?}").contains(TOKEN));
        error
    }
}

/// Reads the first of the tables.
async fn run(tables: &[(&str, &str)], answers: impl IntoIterator<Item = Answer>) -> Outcome {
    run_with(tables, answers, options()).await
}

async fn run_with(tables: &[(&str, &str)], answers: impl IntoIterator<Item = Answer>, options: ReadOptions) -> Outcome {
    run_against(tables, Scripted::new(answers), options).await
}

async fn run_against(tables: &[(&str, &str)], server: Scripted, options: ReadOptions) -> Outcome {
    let catalog = catalog(tables);
    let source = catalog.source("acme").unwrap();
    let client = server.client();
    let meter = Meter::new();
    let (sender, mut receiver) = mpsc::channel(1);
    let (result, (records, resumes)) = tokio::join!(
        read(&client, source, &source.tables[tables[0].0], &options, &meter, sender),
        async {
            let (mut records, mut resumes) = (Vec::new(), Vec::new());
            while let Some(page) = receiver.recv().await {
                assert!(page.memory.is_some());
                records.extend(page.texts().map(str::to_owned));
                resumes.push(page.resume);
            }
            (records, resumes)
        }
    );
    Outcome {
        result,
        records,
        resumes,
        targets: server.targets(),
        counts: meter.counts(),
    }
}

/// `{"value":[{"Id":1},...]}`
fn page(ids: &[u32]) -> Answer {
    Answer::ok(format!(r#"{{"value":{}}}"#, array(ids)))
}

fn counted(ids: &[u32], count: u32) -> Answer {
    Answer::ok(format!(r#"{{"@odata.count":{count},"value":{}}}"#, array(ids)))
}

fn array(ids: &[u32]) -> String {
    let records: Vec<String> = ids.iter().map(|id| format!(r#"{{"Id":{id}}}"#)).collect();
    format!("[{}]", records.join(","))
}

fn ids(outcome: &Outcome) -> Vec<u32> {
    let id = |record: &String| record.trim_start_matches(r#"{"Id":"#).trim_end_matches('}').parse().unwrap();
    outcome.records.iter().map(id).collect()
}

fn endpoint(pagination: &str) -> String {
    format!("endpoint = \"/Deals\"\npagination = {pagination}")
}
