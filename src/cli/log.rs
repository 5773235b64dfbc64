//! `-v`: what the HTTP client and the stores tell of each request, on stderr.

use tracing_subscriber::filter::LevelFilter;

use super::args::Global;
use super::printer::Printer;

/// Starts the log; nothing is logged without `-v`.
pub fn start(global: &Global, printer: &Printer) {
    let level = match global.verbose {
        0 => return,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let bars = printer.bars().clone();
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(move || Lifted(bars.clone()));
    let started = if printer.is_json() {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
    if let Err(error) = started {
        printer.warning(&format!("the log cannot be started: {error}"), None);
    }
}

/// Writes to stderr while the bars are lifted.
struct Lifted(indicatif::MultiProgress);

impl std::io::Write for Lifted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.suspend(|| std::io::Write::write(&mut std::io::stderr().lock(), bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::Write::flush(&mut std::io::stderr().lock())
    }
}
