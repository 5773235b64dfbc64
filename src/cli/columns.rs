//! Tables for reading: columns as wide as their widest cell.

use std::ops::Range;

use crate::visible::{fit, padded, shown, width};

/// The widest cell, in columns: names come from the vendor, and one of kilobytes would push all others off the screen.
const WIDEST: usize = 160;

/// The head and the rows, the cells of the columns in `right` to the right; nothing at all without rows.
pub(super) fn aligned<C: AsRef<str>>(head: &[&str], rows: &[impl AsRef<[C]>], right: Range<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let shown = |cell: &str| fit(&shown(cell), WIDEST).into_owned();
    let mut lines: Vec<Vec<String>> = vec![head.iter().copied().map(shown).collect()];
    lines.extend(
        rows.iter()
            .map(|row| row.as_ref().iter().map(|cell| shown(cell.as_ref())).collect()),
    );
    let widest = |at: usize| {
        let cells = lines.iter().filter_map(|line| line.get(at));
        cells.map(|cell| width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(widest).collect();
    let line = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| padded(cell, *width, !right.contains(&at)));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["ação", "1", "x"], ["b", "1,200", ""]];
        assert_eq!(
            aligned(&["table", "n", "then"], &rows, 1..2),
            "table      n  then\nação       1  x\nb      1,200\n"
        );
        let rows = [["名前", "1"], ["a\u{1b}[2J\n", "2"], [&"x".repeat(5_000), "3"]];
        let text = aligned(&["table", "n"], &rows, 0..0);
        assert!(
            text.lines()
                .all(|line| line.chars().all(crate::visible::is_seen) && width(line) == 163),
            "{text}"
        );
        assert_eq!(text.lines().count(), 4);
        assert_eq!(aligned::<String>(&["table"], &[] as &[[String; 1]], 0..0), "");
    }
}
