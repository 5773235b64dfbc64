//! Tables for reading: columns as wide as their widest cell.

use std::ops::Range;

/// The head and the rows, the cells of the columns in `right` to the right; nothing at all without rows.
pub(super) fn aligned<C: AsRef<str>>(head: &[&str], rows: &[impl AsRef<[C]>], right: Range<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut lines = vec![head.to_vec()];
    lines.extend(rows.iter().map(|row| row.as_ref().iter().map(AsRef::as_ref).collect()));
    let width = |at: usize| {
        let cells = lines.iter().filter_map(|line| line.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |line: &Vec<&str>| {
        let cells = line.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| match right.contains(&at) {
            true => format!("{cell:>width$}"),
            false => format!("{cell:width$}"),
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["ação", "1", "x"], ["b", "1,200", ""]];
        assert_eq!(
            aligned(&["table", "n", "then"], &rows, 1..2),
            "table      n  then\nação       1  x\nb      1,200\n"
        );
        assert_eq!(aligned::<String>(&["table"], &[] as &[[String; 1]], 0..0), "");
    }
}
