//! What a person reads: data on stdout, talk on stderr. Nothing depends on colour.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::args::{Global, LogFormat, When};
use super::screen::Screen;
use crate::error::{Error, Result};

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

    /// Data, to stdout. A reader that has gone away (`| head`) is no error.
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

    /// What went wrong, and what to do.
    pub fn error(&self, text: &str, hint: Option<&str>) {
        self.talk("error", text, hint);
    }

    /// The error of a command.
    pub fn failure(&self, error: &Error) {
        self.error(error.message(), error.advice());
    }

    /// An object of a JSON log; its `level` and `message` stand first.
    pub fn object(&self, level: &str, message: &str, members: serde_json::Value) {
        let mut object = serde_json::json!({ "level": level, "message": message });
        if let (Some(object), serde_json::Value::Object(members)) = (object.as_object_mut(), members) {
            object.extend(members);
        }
        self.line(&object.to_string());
    }

    /// Text in bold, where colours are used.
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

    /// A line of talk as it is, JSON or not.
    pub fn line(&self, text: &str) {
        self.screen.above(&format!("{text}\n"));
    }

    fn talk(&self, level: &str, text: &str, hint: Option<&str>) {
        if self.is_json() {
            let hint = hint.map_or(serde_json::Value::Null, |hint| serde_json::json!({ "hint": hint }));
            return self.object(level, text, hint);
        }
        match level {
            "info" => self.line(text),
            "warning" => self.line(&format!("{}: {text}", self.paint("1;33", level))),
            _ => self.line(&format!("{}: {text}", self.paint("1;31", level))),
        }
        if let Some(hint) = hint {
            self.line(&format!("  {}: {hint}", self.advice("hint")));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// What a program reads: indented, with a line's end.
///
/// # Errors
/// When the value cannot be JSON: a defect.
pub fn json(value: &impl Serialize) -> Result<String> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Error::defect(format!("it cannot be written as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
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
    use super::*;

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
