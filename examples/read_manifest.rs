//! Prints the data files of a table and the rows in each, from the newest manifest. No data file is opened.
//!
//! `cargo run --example read_manifest -- ./lake ploomes orders`: lake, connection, table. These are the defaults; `make demo` makes that lake.

use afluente::commit;
use afluente::store::{Lake, S3Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |default: &str| args.next().unwrap_or_else(|| default.to_owned());
    let (url, connection, table) = (next("./lake"), next("ploomes"), next("orders"));

    let lake = Lake::open(&url, &S3Options::default())?;
    let Some(manifest) = commit::latest(&lake, &connection, &table).await? else {
        return Err(format!("`{connection}/{table}` was never committed in {}", lake.url("")).into());
    };
    println!(
        "{} version {}, committed {} by run {}: {} rows",
        lake.url(&manifest.folder()),
        manifest.version,
        manifest.committed_at,
        manifest.run_id,
        manifest.rows
    );
    for entry in &manifest.entries {
        println!(
            "{:>9} rows {:>11} bytes  {}",
            entry.meta.record_count, entry.meta.content_length, entry.path
        );
    }
    for (child, version) in &manifest.children {
        println!("exploded from it: `{child}` version {version}");
    }
    Ok(())
}
