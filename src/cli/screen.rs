//! The last lines of a terminal, drawn over each other; whatever else is told goes above them.
//!
//! A frame is one write, so nothing flickers, and lines are cleared from where the cursor is: at the end of the last one, behind what the terminal
//! may have echoed there.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::visible;

/// Lines on stderr. Clones draw on the same terminal.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    /// Those that are drawn now.
    shown: Arc<Mutex<Vec<String>>>,
}

impl Screen {
    /// Whether stderr is a terminal on which lines can be drawn over each other.
    pub fn is_possible() -> bool {
        std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Draws these lines in place of those before; none clears them. The last ones are drawn where not all have room.
    pub fn draw(&self, mut lines: Vec<String>) {
        let (width, height) = size().unwrap_or(USUAL);
        lines.drain(..lines.len().saturating_sub(height.saturating_sub(1).max(1)));
        let mut shown = self.shown();
        if shown.is_empty() && lines.is_empty() {
            return;
        }
        write(&format!("{}{}", clear(&shown, width), lines.join("\n")));
        *shown = lines;
    }

    /// Writes a text, which ends with a line feed, above the lines.
    pub fn above(&self, text: &str) {
        let shown = self.shown();
        write(&format!("{}{text}{}", clear(&shown, size().unwrap_or(USUAL).0), shown.join("\n")));
    }

    fn shown(&self) -> MutexGuard<'_, Vec<String>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Columns and lines that are reckoned with where there is no terminal.
pub const USUAL: (usize, usize) = (80, 24);

/// Columns of the terminal on stderr, if that is one.
pub fn width() -> Option<usize> {
    size().map(|(width, _)| width)
}

/// Columns and lines.
fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(std::io::stderr())?;
    Some((usize::from(width.0), usize::from(height.0)))
}

fn write(text: &str) {
    // Talk that cannot be written has nowhere else to go.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// From the end of these lines back to their beginning, and all of them away. A terminal that was made narrower has folded them.
///
/// Line by line: a screen that is cleared from its first line on, tmux keeps in its history, frame by frame.
fn clear(lines: &[String], width: usize) -> String {
    let rows: usize = lines.iter().map(|line| visible(line).div_ceil(width.max(1)).max(1)).sum();
    match rows {
        0 => String::new(),
        rows => format!("\r\x1b[2K{}", "\x1b[1A\x1b[2K".repeat(rows - 1)),
    }
}

/// Columns of a line, without what colours it.
fn visible(line: &str) -> usize {
    line.split('\x1b')
        .enumerate()
        .map(|(at, part)| match part.split_once('m') {
            Some((_, text)) if at > 0 => visible::width(text),
            _ => visible::width(part),
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cleared_whole() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(clear(&[], 80), "");
        assert_eq!(clear(&lines(&["one"]), 80), "\r\x1b[2K");
        let three = "\r\x1b[2K\x1b[1A\x1b[2K\x1b[1A\x1b[2K";
        assert_eq!(clear(&lines(&["one", "two", ""]), 80), three);
        let folded = lines(&["0123456789", "\x1b[32m0123456789\x1b[0m"]);
        assert_eq!(clear(&folded, 4).matches("\x1b[2K").count(), 6);
    }

    #[test]
    fn colours_have_no_width() {
        for (line, width) in [("", 0), ("abc", 3), ("\x1b[1;32m━━╸\x1b[0m m", 5), ("a\x1b[0mb", 2)] {
            assert_eq!(visible(line), width, "{line:?}");
        }
    }
}
