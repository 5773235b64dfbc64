//! A source that declares no more than it must, for tests that need tables and no vendor.

use super::{Catalog, Source};

const SOURCE: &str = r#"
title = "Demo"
description = "."
base_url = "https://demo.example"
token_env = "DEMO_TOKEN"
auth = { type = "header", name = "Key" }
records = ["value"]
pagination = { type = "single" }
rate_limit = { requests = 60, per = "1m", in_flight = 1 }
"#;

/// The source `demo` with these tables: id and declaration.
pub(crate) fn source(tables: &[(&str, &str)]) -> Source {
    let all = tables.iter().chain([&("source", SOURCE)]);
    let catalog = Catalog::from_files(all.map(|(id, text)| (format!("demo/{id}.toml"), (*text).to_owned()))).unwrap();
    catalog.source("demo").unwrap().clone()
}
