//! What a person reads: data on stdout, talk on stderr. Nothing depends on colour.
//!
//! Names, ids and words of a vendor are in all of it: whatever goes through here is made fit to be shown ([`visible`]), and colours are added after that.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::args::{Global, LogFormat, When};
use super::screen::Screen;
use crate::error::{Error, Result};
use crate::visible;

/// Writes data and talk as the global options ask.
#[derive(Debug, Clone)]
pub struct Printer {
    format: LogFormat,
    quiet: bool,
    color: bool,
    screen: Screen,
}

impl Printer {
    /// A printer for these options and this process's stderr.
    pub fn new(global: &Global) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let color = match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self {
            format: global.log_format,
            quiet: global.quiet,
            color,
            screen: Screen::default(),
        }
    }

    /// The lines that are drawn below what is told.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Whether only errors are told.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether talk is written as JSON objects.
    pub fn is_json(&self) -> bool {
        self.format == LogFormat::Json
    }

    /// Data for people, to stdout: lines, shown.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn lines(&self, text: &str) -> Result<()> {
        self.data(&visible::shown_lines(text))
    }

    /// Data for programs as it is, to stdout: JSON, SQL, a shell's words, each of which knows its own way to write what is not seen. A reader that has gone away
    /// (`| head`) is no error.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn data(&self, text: &str) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::config(format!("cannot write to stdout: {error}"))),
            _ => Ok(()),
        }
    }

    /// A sentence.
    pub fn info(&self, text: &str) {
        if !self.quiet {
            self.talk("info", text, None);
        }
    }

    /// Something to look at, and what to do.
    pub fn warning(&self, text: &str, hint: Option<&str>) {
        if !self.quiet {
            self.talk("warning", text, hint);
        }
    }

    /// A sentence in bold.
    pub fn heading(&self, text: &str) {
        match self.is_json() {
            true => self.info(text),
            false if self.quiet => {}
            false => self.line(&self.strong(text)),
        }
    }

    /// A line of a list with a tick, or with a cross and what to do.
    pub fn checked(&self, indent: &str, name: &str, outcome: Result<&str, &Error>) {
        if outcome.is_err() || !self.quiet {
            self.check(indent, name, outcome).iter().for_each(|line| self.line(line));
        }
    }

    fn check(&self, indent: &str, name: &str, outcome: Result<&str, &Error>) -> Vec<String> {
        let (mark, text, hint) = match outcome {
            Ok(found) => (self.good("✓"), found, None),
            Err(error) => (self.bad("✗"), error.message(), error.advice()),
        };
        let mut lines = vec![format!("{indent}{mark} {}  {}", visible::shown(name), visible::message(text))];
        lines.extend(hint.map(|hint| self.hint(&format!("{indent}  "), hint)));
        lines
    }

    /// What went wrong, and what to do.
    pub fn error(&self, text: &str, hint: Option<&str>) {
        self.talk("error", text, hint);
    }

    /// The error of a command.
    pub fn failure(&self, error: &Error) {
        // Where its lines end it says itself.
        match error.message().split_once('\n') {
            Some((first, rest)) if !self.is_json() => {
                self.error(first, None);
                self.line(&visible::shown_lines(rest));
                error.advice().iter().for_each(|hint| self.line(&self.hint("  ", hint)));
            }
            _ => self.error(error.message(), error.advice()),
        }
    }

    /// An object of a JSON log; its `level` and `message` stand first.
    pub fn object(&self, level: &str, message: &str, members: serde_json::Value) {
        self.line(&json_line(level, message, members));
    }

    /// Text in bold, where colours are used; shown, as all painted text is.
    pub fn strong(&self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Text in green, where colours are used.
    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Text in red, where colours are used.
    pub fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Text in the colour of hints, where colours are used.
    pub fn advice(&self, text: &str) -> String {
        self.paint("1;36", text)
    }

    /// A line of what was shown, painted or written as JSON before.
    fn line(&self, text: &str) {
        self.screen.above(&format!("{text}\n"));
    }

    fn talk(&self, level: &str, text: &str, hint: Option<&str>) {
        self.said(level, text, hint).iter().for_each(|line| self.line(line));
    }

    /// The lines of a sentence.
    fn said(&self, level: &str, text: &str, hint: Option<&str>) -> Vec<String> {
        if self.is_json() {
            let hint = hint.map_or(serde_json::Value::Null, |hint| serde_json::json!({ "hint": hint }));
            return vec![json_line(level, text, hint)];
        }
        let text = visible::message(text);
        let mut lines = vec![match level {
            "info" => text,
            "warning" => format!("{}: {text}", self.paint("1;33", level)),
            _ => format!("{}: {text}", self.paint("1;31", level)),
        }];
        lines.extend(hint.map(|hint| self.hint("  ", hint)));
        lines
    }

    fn hint(&self, indent: &str, hint: &str) -> String {
        format!("{indent}{}: {}", self.advice("hint"), visible::message(hint))
    }

    fn paint(&self, code: &str, text: &str) -> String {
        let text = visible::shown(text);
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.into_owned()
        }
    }
}

fn json_line(level: &str, message: &str, members: serde_json::Value) -> String {
    let mut object = serde_json::json!({ "level": level, "message": message });
    if let (Some(object), serde_json::Value::Object(members)) = (object.as_object_mut(), members) {
        object.extend(members);
    }
    // A value that serde_json made is one that it can write.
    visible::report(&object, false).unwrap_or_default()
}

/// What a program reads: indented, with a line's end.
///
/// # Errors
/// When the value cannot be JSON: a defect.
pub fn json(value: &impl Serialize) -> Result<String> {
    let mut text = visible::json(value, true).map_err(|error| Error::defect(format!("it cannot be written as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// A run's report, byte for byte as it stands in the lake.
///
/// # Errors
/// When the value cannot be JSON: a defect.
pub fn told(report: &impl Serialize) -> Result<String> {
    visible::report(report, true).map_err(|error| Error::defect(format!("it cannot be written as JSON: {error}")))
}

/// `1234567` → `1,234,567`
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// | count | text |
/// |---|---|
/// | 1 file | `1 file` |
/// | 0 file | `0 files` |
/// | 1200 retry | `1,200 retries` |
pub fn count(value: u64, noun: &str) -> String {
    match (value, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", number(value)),
        (_, None) => format!("{} {noun}s", number(value)),
    }
}

/// | bytes | text |
/// |---|---|
/// | 999 | `999 B` |
/// | 1,536 | `1.5 KiB` |
/// | 5,242,880 | `5.0 MiB` |
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" {
                format!("{bytes} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printers() -> Vec<Printer> {
        let printer = |format, color| Printer {
            format,
            quiet: false,
            color,
            screen: Screen::default(),
        };
        vec![
            printer(LogFormat::Text, false),
            printer(LogFormat::Text, true),
            printer(LogFormat::Json, false),
        ]
    }

    /// Without the colours that a printer adds.
    fn plain(line: &str) -> String {
        ["1", "32", "31", "1;36", "1;33", "1;31", "0"]
            .iter()
            .fold(line.to_owned(), |line, code| line.replace(&format!("\x1b[{code}m"), ""))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn whatever_is_told_is_seen_and_short(text in any::<String>(), piece in prop::sample::select(&["\x1b[2J", "\r\nerror: forged", "\u{202e}", "\u{9b}31m", "\x1b[0m"][..])) {
            let text = format!("{text}{piece}").repeat(200);
            let error = Error::config(&text).hint(&text).context(&text);
            for printer in printers() {
                let mut lines = printer.said("info", &text, Some(&text));
                lines.extend(printer.said("warning", &text, None));
                lines.extend(printer.said("error", error.message(), error.advice()));
                lines.push(printer.strong(&text));
                if !printer.is_json() {
                    lines.extend(printer.check("  ", &text, Ok(&text)));
                    lines.extend(printer.check("  ", "name", Err(&error)));
                }
                for line in lines {
                    // An escape sequence that came with the text is none any more: what is left is seen, even where it looks like a colour's.
                    let line = if printer.color { plain(&line) } else { line };
                    prop_assert!(line.chars().all(visible::is_seen), "{line:?}");
                }
            }
            prop_assert!(error.message().chars().count() <= visible::LONGEST_MESSAGE + 1);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn one_is_singular() {
        for (value, noun, text) in [(1, "file", "1 file"), (0, "file", "0 files"), (1_200, "retry", "1,200 retries")] {
            assert_eq!(count(value, noun), text);
        }
    }

    #[test]
    fn sizes_follow_their_table() {
        for (bytes, text) in [(999, "999 B"), (1_536, "1.5 KiB"), (5_242_880, "5.0 MiB"), (3 << 40, "3.0 TiB")] {
            assert_eq!(size(bytes), text);
        }
    }
}
