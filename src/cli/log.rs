//! `-v`: what this program tells of each request, on stderr; `-vv`: what the libraries under it tell, too.

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::Global;
use super::printer::Printer;
use super::screen::Screen;

/// Starts the log; nothing is logged without `-v`.
pub fn start(global: &Global, printer: &Printer) {
    let told = match global.verbose {
        0 => return,
        1 => Targets::new().with_target("afluente", LevelFilter::DEBUG),
        2 => Targets::new().with_default(LevelFilter::DEBUG),
        _ => Targets::new().with_default(LevelFilter::TRACE),
    };
    let screen = printer.screen().clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || Above(screen.clone()));
    let lines = if printer.is_json() {
        lines.json().flatten_event(true).boxed()
    } else {
        lines.boxed()
    };
    if let Err(error) = tracing_subscriber::registry().with(lines.with_filter(told)).try_init() {
        printer.warning(&format!("the log cannot be started: {error}"), None);
    }
}

/// Writes above what is drawn on the terminal.
struct Above(Screen);

impl std::io::Write for Above {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // An event comes whole, in one call.
        self.0.above(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
