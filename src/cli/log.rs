//! `-v`: what this program tells of each request, on stderr; `-vv`: what the libraries under it tell, too.

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::Global;
use super::printer::Printer;
use super::screen::Screen;
use crate::visible;

/// Starts the log; nothing is logged without `-v`.
pub fn start(global: &Global, printer: &Printer) {
    let told = match global.verbose {
        0 => return,
        1 => Targets::new().with_target("afluente", LevelFilter::DEBUG),
        2 => Targets::new().with_default(LevelFilter::DEBUG),
        _ => Targets::new().with_default(LevelFilter::TRACE),
    };
    let (screen, json) = (printer.screen().clone(), printer.is_json());
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || Above {
        screen: screen.clone(),
        json,
    });
    let lines = if printer.is_json() {
        lines.json().flatten_event(true).boxed()
    } else {
        lines.boxed()
    };
    if let Err(error) = tracing_subscriber::registry().with(lines.with_filter(told)).try_init() {
        printer.warning(&format!("the log cannot be started: {error}"), None);
    }
}

/// Writes above what is drawn on the terminal. What libraries log comes from outside as much as what we do, so an event is made fit to be shown here.
struct Above {
    screen: Screen,
    json: bool,
}

impl std::io::Write for Above {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // An event comes whole, in one call.
        self.screen.above(&(event(&String::from_utf8_lossy(bytes), self.json) + "\n"));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An event on one line.
fn event(text: &str, json: bool) -> String {
    let object = json.then(|| serde_json::from_str::<serde_json::Value>(text).ok()).flatten();
    match object.and_then(|object| visible::report(&object, false).ok()) {
        Some(line) => line,
        None => visible::message(text.strip_suffix('\n').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_event_is_one_line_of_what_is_seen(text in any::<String>(), name in "[a-z]{1,3}") {
            let line = event(&format!("DEBUG afluente: {text}\n"), false);
            prop_assert!(line.starts_with("DEBUG afluente: ") && line.chars().all(visible::is_seen), "{line:?}");
            let line = event(&format!("{}\n", serde_json::json!({ name.as_str(): text })), true);
            prop_assert!(line.chars().all(visible::is_seen), "{line:?}");
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert!(object[&name].as_str().unwrap().chars().all(visible::is_seen), "{line:?}");
            prop_assert!(event(&text.repeat(1 << 15), false).len() < 1 << 15);
        }
    }
}
