//! Plans and runs an export with the library: one source of a sandbox, into a temporary folder; prints the run report.
//!
//! `cargo run --example export_to_disk`

use std::sync::Arc;

use afluente::config::Connection;
use afluente::export::{Export, Options, Selection};
use afluente::http::Stopper;
use afluente::sandbox::{self, Sandbox};
use afluente::schema::Catalog;
use afluente::store::{Lake, S3Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Ploomes, simulated on this machine. For a real account build the connection with `Config::connections`.
    let sandbox = Sandbox::start(sandbox::Options::default()).await?;
    let catalog = Catalog::embedded()?;
    let source = catalog.source("ploomes")?;
    let connection = Connection::to_sandbox(source, &sandbox.base_url("ploomes"), Sandbox::token("ploomes"))?;

    let folder = tempfile::tempdir()?;
    let lake = Lake::open(&folder.path().display().to_string(), &S3Options::default())?;
    let selection = Selection {
        tables: vec!["deals*".to_owned(), "orders".to_owned()],
        exclude: Vec::new(),
    };
    // Whoever holds the stopper can end the run early; tables under way are then abandoned.
    let (stopper, stop) = Stopper::new();
    let export = Export::plan(vec![connection], &selection, lake, Options::default(), (Arc::new(stopper), stop))?;
    export.probe_lake().await?;
    let report = export.run().await;

    println!("{}", serde_json::to_string_pretty(&report)?);
    for table in &report.tables {
        println!(
            "{:<20} {:<10} {:>6} rows in {} files",
            table.table,
            table.status.name(),
            table.rows,
            table.files
        );
    }
    sandbox.shutdown().await;
    Ok(())
}
