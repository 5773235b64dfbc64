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
}
