//! The command line: one file per command. Data goes to stdout, talk to stderr.
//!
//! Exit codes: 0 all done · 1 at least one table failed (the others are committed) · 2 could not start.

mod args;
mod bars;
mod check;
mod columns;
mod compact;
mod demo;
mod export;
mod fields;
mod forecast;
mod forget;
mod init;
mod inventory;
mod lake;
mod log;
mod printer;
mod progress;
mod rename;
mod sandbox;
mod screen;
mod status;
mod summary;
mod tables;
mod vacuum;
mod verify;
mod views;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser};

use crate::error::{Error, Result};
use crate::http::{Stop, Stopper};
use crate::permissions;
use args::{Cli, Command};
use printer::Printer;

/// How a command ended.
enum Done {
    /// Everything was done.
    All,
    /// At least one table failed.
    Partly,
}

/// Parses the arguments, runs the command and tells how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data; clap chooses the stream.
            let _ = error.print();
            if error.use_stderr() {
                export::tell_misspelled(std::env::args_os());
            }
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    // The configuration that `init` writes may be for a service that runs as another user; it holds no token.
    if !matches!(cli.command, Command::Init(_)) {
        permissions::narrow();
    }
    let printer = Printer::new(&cli.global);
    match run(cli, &printer) {
        Ok(Done::All) => ExitCode::SUCCESS,
        Ok(Done::Partly) => ExitCode::from(1),
        Err(error) => {
            printer.failure(&error);
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli, printer: &Printer) -> Result<Done> {
    log::start(&cli.global, printer);
    match cli.command {
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "afluente", &mut text);
            printer.data(&String::from_utf8_lossy(&text)).map(|()| Done::All)
        }
        Command::Man => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut text)
                .map_err(|error| Error::defect(format!("the manual page cannot be written: {error}")))?;
            printer.data(&String::from_utf8_lossy(&text)).map(|()| Done::All)
        }
        Command::Tables(args) => tables::run(&args, printer),
        Command::Init(args) => init::run(&args, printer),
        Command::Export(args) => wait(export::run(&args, printer)),
        Command::Vacuum(args) => wait(vacuum::run(&args, printer)),
        Command::Status(args) => wait(status::run(&args, printer)),
        Command::Verify(args) => wait(verify::run(&args, printer)),
        Command::Views(args) => wait(views::run(&args, printer)),
        Command::Rename(args) => wait(rename::run(&args, printer)),
        Command::Forget(args) => wait(forget::run(&args, printer)),
        Command::Compact(args) => wait(compact::run(&args, printer)),
        Command::Check(args) => wait(check::run(&args, printer)),
        Command::Fields(args) => wait(fields::run(&args, printer)),
        Command::Sandbox(args) => wait(sandbox::run(&args, printer)),
        Command::Demo(args) => wait(demo::run(&args, printer)),
    }
}

fn wait(command: impl Future<Output = Result<Done>>) -> Result<Done> {
    // Said here, because tokio panics over a `TOKIO_WORKER_THREADS` that is no number of threads.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| Error::config(format!("cannot start the threads of the program: {error}")))?;
    let done = runtime.block_on(command);
    // A name that is still being resolved must not hold the exit.
    runtime.shutdown_background();
    done
}

/// What becomes of an export that is stopped.
const ABANDONED: &str = "stopping: tables under way are abandoned, those committed stay; a second Ctrl-C ends at once";

/// A stop that SIGINT and SIGTERM set, told in these words. The second signal ends the process at once, as every shell user expects.
fn stop_on_signals(printer: &Printer, words: Option<&'static str>) -> (Arc<Stopper>, Stop) {
    let (stopper, stop) = Stopper::new();
    let stopper = Arc::new(stopper);
    let (given, printer) = (stopper.clone(), printer.clone());
    // Listened to without a break: a second signal that follows at once must not be lost.
    let mut signals = Signals::new();
    tokio::spawn(async move {
        signals.next().await;
        given.stop();
        if let Some(words) = words {
            printer.warning(words, None);
        }
        signals.next().await;
        printer.screen().draw(Vec::new());
        std::process::exit(130);
    });
    (stopper, stop)
}

/// SIGINT and, where there is one, SIGTERM.
struct Signals {
    #[cfg(unix)]
    streams: Vec<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // One that cannot be listened to ends the process, as it does without a listener.
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Self {
            streams: kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect(),
        }
    }

    async fn next(&mut self) {
        if self.streams.is_empty() {
            return std::future::pending().await;
        }
        let received = self.streams.iter_mut().map(|stream| Box::pin(stream.recv()));
        futures::future::select_all(received).await;
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self {}
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
