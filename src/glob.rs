//! Globs over names: `*` stands for any characters, `?` for one.

/// | glob | name | matches |
/// |---|---|---|
/// | `deals` | `deals` | yes |
/// | `deals*` | `deals_stages` | yes |
/// | `*s` | `deals` | yes |
/// | `de?ls` | `deals` | yes |
/// | `deals` | `deals_stages` | no |
pub(crate) fn matches(glob: &str, name: &str) -> bool {
    match glob.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = &glob[1..];
            (0..=name.len()).any(|at| name.is_char_boundary(at) && matches(rest, &name[at..]))
        }
        Some(expected) => {
            let mut name = name.chars();
            name.next().is_some_and(|found| expected == '?' || expected == found) && matches(&glob[expected.len_utf8()..], name.as_str())
        }
    }
}

/// Whether a glob can match more than the name that it is.
pub(crate) fn is_pattern(glob: &str) -> bool {
    glob.contains(['*', '?'])
}

/// Whether `table`, `connection.table` or `source.table` is what a glob names.
pub(crate) fn names(glob: &str, connection: &str, source: &str, table: &str) -> bool {
    match glob.split_once('.') {
        Some((owner, glob)) => (owner == connection || owner == source) && matches(glob, table),
        None => matches(glob, table),
    }
}

/// Edits between two names (Levenshtein).
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_follow_their_table() {
        for (glob, name, expected) in [
            ("deals", "deals", true),
            ("deals*", "deals_stages", true),
            ("*s", "deals", true),
            ("de?ls", "deals", true),
            ("deals", "deals_stages", false),
            ("*", "", true),
            ("", "deals", false),
            ("*a*e*", "deals_stages", true),
        ] {
            assert_eq!(matches(glob, name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn what_stands_before_the_table_is_its_connection_or_source() {
        for (glob, expected) in [
            ("deals", true),
            ("d*", true),
            ("acme.deals", true),
            ("ploomes.d*", true),
            ("beta.deals", false),
            ("acme.tasks", false),
            ("a*.deals", false),
        ] {
            assert_eq!(names(glob, "acme", "ploomes", "deals"), expected, "{glob}");
        }
    }

    #[test]
    fn distances_are_edits() {
        for (a, b, edits) in [
            ("deals", "deals", 0),
            ("dealz", "deals", 1),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), edits);
        }
    }
}
