//! `afluente export`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chrono::Utc;

use super::args::{BusyMode, ConnectionArgs, ExportArgs, ProgressMode};
use super::printer::{Printer, told};
use super::progress::Display;
use super::{ABANDONED, Done, forecast, lake, stop_on_signals, summary};
use crate::commit;
use crate::config::{Config, Connection};
use crate::error::{Error, Result};
use crate::export::{Export, IfBusy, Limit, Options, RunReport, Selection};
use crate::http::Stop;
use crate::lease::Holder;
use crate::metrics;
use crate::permissions;
use crate::store::Lake;

pub(super) async fn run(args: &ExportArgs, printer: &Printer) -> Result<Done> {
    let began = Utc::now();
    let metrics = match &args.metrics {
        Some(file) if !args.dry_run => Some(MetricsFile::create(file)?),
        _ => None,
    };
    match metrics {
        None => start(args, None, printer).await,
        Some(metrics) => {
            let done = start(args, Some(&metrics), printer).await;
            if done.is_err() {
                // What could not start is told first; that this could not be told would be a second mistake.
                let _ = metrics.write(&metrics::not_started(began, Utc::now()));
            }
            done
        }
    }
}

/// Writes the metrics of an export that the command line is too wrong to start.
pub(super) fn tell_misspelled(arguments: impl Iterator<Item = OsString>) {
    let mut arguments = arguments.skip(1).skip_while(|argument| argument != "export");
    let mut file = None;
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        match text.strip_prefix("--metrics") {
            Some("") => file = arguments.next().map(PathBuf::from),
            Some(rest) => file = rest.strip_prefix('=').map(PathBuf::from).or(file),
            None if text == "--" || text == "--dry-run" => return,
            None => {}
        }
    }
    if let Some(metrics) = file.and_then(|file| MetricsFile::create(&file).ok()) {
        let now = Utc::now();
        let _ = metrics.write(&metrics::not_started(now, now));
    }
}

async fn start(args: &ExportArgs, metrics: Option<&MetricsFile>, printer: &Printer) -> Result<Done> {
    let stop = stop_on_signals(printer, Some(ABANDONED));
    let (config, url) = lake::find(&args.from.place)?;
    let connections = connections(&args.from, &config)?;
    let options = Options {
        memory: args.memory,
        max_rejected: args.max_rejected.unwrap_or(Limit::DEFAULT_REJECTED),
        max_bad_cells: args.max_bad_cells,
        max_shrink: args.max_shrink,
        fail_fast: args.fail_fast,
        retention: config.lake.retention,
        full_refresh: args.full_refresh,
        same_account: args.same_account,
        range: (args.since, args.until),
    };
    let listening = stop.1.clone();
    if args.dry_run {
        // Nothing may be written: a folder that is not there stands for an empty lake.
        let lake = lake::look(&url, &config)?.unwrap_or_else(Lake::memory);
        let export = Export::plan(connections, &selection(&args.from), lake, options, stop)?;
        let forecasts = export.forecast().await?;
        forecast::tell(printer, &forecasts)?;
        let fails = forecasts.iter().any(|forecast| forecast.fails.is_some());
        return Ok(if fails { Done::Partly } else { Done::All });
    }
    // What is wrong with the plan is told before a folder is made for the lake.
    let export = Export::plan(connections, &selection(&args.from), Lake::memory(), options, stop)?;
    let lake = Lake::open(&url, &config.lake.s3)?;
    let export = export.with_lake(lake.clone());
    if let Some(file) = &args.report {
        // An hour's work must not end with a report that has nowhere to go. What is there stays until then: another run may have written it.
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
        opened.map_err(|error| unwritable(file, &error))?;
    }
    let if_busy = match args.if_busy {
        BusyMode::Fail => IfBusy::Fail,
        BusyMode::Skip => IfBusy::Skip,
        BusyMode::Wait => IfBusy::Wait,
    };
    let Some(report) = run_shown(export, if_busy, printer, args.progress, &listening).await? else {
        return Ok(Done::All);
    };
    if let Some(file) = &args.report {
        // Byte for byte what stands in the lake.
        std::fs::write(file, told(&report)?).map_err(|error| unwritable(file, &error))?;
    }
    if let Some(file) = metrics {
        // What the run did is told even if the lake cannot be read just now.
        let content = listening.race(commit::content(&lake)).await.unwrap_or_default();
        file.write(&metrics::prometheus(&report, &content))?;
    }
    Ok(if report.failed() { Done::Partly } else { Done::All })
}

/// A file that a monitor reads at any moment: it is replaced whole, under a name that no collector takes until then.
struct MetricsFile {
    file: PathBuf,
    staged: PathBuf,
}

impl MetricsFile {
    /// Proves that it can be written, before an hour's work.
    fn create(file: &Path) -> Result<Self> {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let staged = file.with_file_name(format!(".{name}.{}", std::process::id()));
        let this = Self {
            file: file.to_owned(),
            staged,
        };
        if file.is_dir() {
            return Err(this.unwritable(&std::io::ErrorKind::IsADirectory.into()));
        }
        // Whoever collects it is another user.
        let created = std::fs::File::create(&this.staged).and_then(|_| permissions::widen(&this.staged));
        created.map_err(|error| this.unwritable(&error))?;
        Ok(this)
    }

    fn write(&self, text: &str) -> Result<()> {
        let written = std::fs::write(&self.staged, text).and_then(|()| std::fs::rename(&self.staged, &self.file));
        written.map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &std::io::Error) -> Error {
        Error::config(format!("cannot write the metrics to `{}`: {error}", self.file.display()))
            .hint("--metrics takes a file in a folder that is there and can be written")
    }
}

impl Drop for MetricsFile {
    fn drop(&mut self) {
        // It is not there any more, unless the run ended early.
        let _ = std::fs::remove_file(&self.staged);
    }
}

/// The connections that the arguments, the environment and the configuration name.
pub(super) fn connections(args: &ConnectionArgs, config: &Config) -> Result<Vec<Connection>> {
    let catalog = config.catalog(args.schemas.as_deref())?;
    config.connections(&args.connections, args.base_url.as_deref(), &catalog)
}

pub(super) fn selection(args: &ConnectionArgs) -> Selection {
    Selection {
        tables: args.tables.clone(),
        exclude: args.exclude.clone(),
    }
}

/// Proves that the lake can be written, takes the leases, runs, shows progress and tells the summary. Nothing if every connection was busy and left out.
pub(super) async fn run_shown(
    mut export: Export,
    if_busy: IfBusy,
    printer: &Printer,
    mode: ProgressMode,
    stop: &Stop,
) -> Result<Option<RunReport>> {
    // A bucket that does not answer would hold the first Ctrl-C for minutes.
    stop.race(export.probe_lake()).await?;
    let waits = |connection: &str, holder: &Holder| printer.info(&format!("{connection}: {holder}, is at work on it; waiting"));
    for (connection, holder) in export.lease(if_busy, waits).await? {
        printer.info(&format!("{connection}: left out, {holder}, is at work on it"));
    }
    if export.is_empty() {
        return Ok(None);
    }
    let display = Display::new(printer, export.progress(), mode);
    let failures_told = display.tells_failures();
    let report = display.during(export.run()).await;
    summary::tell(printer, &report, failures_told);
    Ok(Some(report))
}

fn unwritable(file: &Path, error: &std::io::Error) -> Error {
    Error::config(format!("cannot write the report to `{}`: {error}", file.display()))
        .hint("--report takes a file in a folder that is there and can be written")
}
