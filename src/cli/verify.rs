//! `afluente verify`: the lake held against its manifests.

use super::args::{ListArgs, ListFormat};
use super::printer::{Printer, count, json, size};
use super::{Done, lake, stop_on_signals};
use crate::commit;
use crate::error::{Error, Result};
use crate::verify::{Finding, Level, verify};
use crate::visible::message;

pub(super) async fn run(args: &ListArgs, printer: &Printer) -> Result<Done> {
    let (_stopper, stop) = stop_on_signals(printer, None);
    let (lake, config) = lake::open(&args.lake)?;
    let (verified, connections) = stop
        .race(async {
            // In this order: a file that is committed in between is not taken for one of no manifest.
            let listing = lake::list(&lake, &args.lake.connections).await?;
            let manifests = commit::content_of(&lake, &listing).await?;
            let verified = verify(&lake, &listing, &manifests).await?;
            Ok::<_, Error>((
                verified,
                manifests.into_iter().map(|manifest| manifest.connection).collect::<Vec<_>>(),
            ))
        })
        .await?;
    match args.output {
        ListFormat::Json => printer.data(&json(&verified)?)?,
        ListFormat::Text => printer.lines(&verified.findings.iter().map(line).collect::<String>())?,
    }
    if verified.tables == 0 {
        printer.info(&lake::empty(&lake));
        return Ok(Done::All);
    }
    lake::tell_strangers(&config, &args.lake, connections.iter(), printer);
    let faults = verified.faults();
    let summary = format!(
        "{} in {}: {}, {}, {}; {}, {}",
        count(verified.tables, "table"),
        lake.url(""),
        count(verified.files, "file"),
        count(verified.rows, "row"),
        size(verified.bytes),
        count(faults, "fault"),
        count(verified.findings.len() as u64 - faults, "warning"),
    );
    if faults == 0 {
        printer.info(&summary);
        Ok(Done::All)
    } else {
        printer.error(&summary, None);
        Ok(Done::Partly)
    }
}

fn line(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Fault => "fault",
        Level::Warning => "warning",
    };
    let told = message(&format!("{level}: {} {}; {}", finding.file, finding.what, finding.advice));
    told + "\n"
}
