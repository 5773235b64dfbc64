//! `afluente compact`: small data files merged, and those written anew that older readers refuse.

use super::args::CompactArgs;
use super::printer::{Printer, count, size};
use super::{Done, lake, stop_on_signals};
use crate::commit::{self, Manifest};
use crate::compact::{CompactOptions, compact, families};
use crate::error::{Error, Result};
use crate::glob;
use crate::http::Stop;
use crate::store::Lake;
use crate::views;

const ABANDONED: &str = "stopping: the table under way is left as it was, those committed stay; a second Ctrl-C ends at once";

pub(super) async fn run(args: &CompactArgs, printer: &Printer) -> Result<Done> {
    let (_stopper, stop) = stop_on_signals(printer, Some(ABANDONED));
    let (lake, config) = lake::open(&args.lake)?;
    let options = CompactOptions {
        retention: config.lake.retention,
        ..CompactOptions::default()
    };
    let listing = stop.race(lake::list(&lake, &args.lake.connections)).await?;
    let manifests = stop.race(commit::content_of(&lake, &listing)).await?;
    if manifests.is_empty() {
        printer.info(&lake::empty(&lake));
        return Ok(Done::All);
    }
    let names = |glob: &String, manifest: &Manifest| glob::names(glob, &manifest.connection, &manifest.source, &manifest.table);
    let chosen = |manifest: &Manifest| args.tables.is_empty() || args.tables.iter().any(|glob| names(glob, manifest));
    if let Some(glob) = args
        .tables
        .iter()
        .find(|glob| !manifests.iter().any(|manifest| names(glob, manifest)))
    {
        return Err(Error::config(format!("the lake has no table `{glob}`")).hint("`afluente status` lists its tables"));
    }
    let (merged, failed) = compact_all(&lake, &manifests, &options, chosen, &stop, printer).await;
    // One that failed may have been replaced in part before.
    if merged + failed > 0 {
        let content = stop.race(commit::content(&lake)).await?;
        views::write(&lake, &content).await?;
        if !options.retention.is_zero() {
            printer.info("superseded files stay for the retention of the lake: `afluente vacuum` drops them then");
        }
    }
    if failed == 0 && merged == 0 {
        printer.info("nothing to merge: no partition has two files below half of the target size, and older readers refuse no file");
    }
    Ok(if failed == 0 { Done::All } else { Done::Partly })
}

/// Each family in its turn; how many tables were merged, and how many families failed.
async fn compact_all(
    lake: &Lake,
    manifests: &[Manifest],
    options: &CompactOptions,
    chosen: impl Fn(&Manifest) -> bool,
    stop: &Stop,
    printer: &Printer,
) -> (u64, u64) {
    let (mut merged, mut failed) = (0, 0);
    for family in families(manifests) {
        match stop.race(compact(lake, &family, options, &chosen)).await {
            Ok(tables) => {
                for table in tables {
                    merged += 1;
                    printer.info(&format!(
                        "{}.{}: {} to {}, {} to {}, version {}",
                        table.connection,
                        table.table,
                        count(table.files_before, "file"),
                        table.files,
                        size(table.bytes_before),
                        size(table.bytes),
                        table.version
                    ));
                }
            }
            Err(error) => {
                failed += 1;
                printer.error(&format!("{}: {}", lake::name(&family[0]), error.message()), error.advice());
                if stop.is_requested() {
                    break;
                }
            }
        }
    }
    (merged, failed)
}
