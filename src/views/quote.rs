//! Texts from outside as they may stand in SQL: names of columns, descriptions, addresses of files, comments. Nothing else reaches a statement.
//!
//! | text | DuckDB | Spark, Athena |
//! |---|---|---|
//! | the name `a"b`, ``a`b`` | `"a""b"` | ``` `a``b` ``` |
//! | a name with a control character | none | none |
//! | a name with `${` or `;` | as it is | none |
//! | the exact text `it's` | `'it''s'` | `'it\'s'` |
//! | the exact text `a`, line feed, `b` | `'a' \|\| chr(10) \|\| 'b'` | `'a\u000Ab'` |
//! | the exact text `${env:HOME};` | as it is | `'$\u007Benv:HOME}\u003B'` |
//! | the description `it's`, line feed, NUL | `'it''s  '` | `'it\'s  '` |
//! | the comment `a`, line feed, `${b}` | `a $ {b}` | `a $ {b}` |
//!
//! A line that begins with a text from outside would be read as a command by a shell for SQL (`.shell`, `!`), a NUL ends its reading, and Spark replaces `${env:X}`
//! by the variable before it reads anything, in names and in texts. Such shells also part statements at `;` without having understood all quotes.

use super::Engine;
use crate::visible::is_seen;

impl Engine {
    /// A name, if it can be one here; there is no way to write others.
    pub(super) fn name(self, name: &str) -> Option<String> {
        let is_plain = !name.is_empty() && !name.chars().any(is_dangerous);
        match self {
            Self::DuckDb => is_plain.then(|| format!("\"{}\"", name.replace('"', "\"\""))),
            Self::Spark | Self::Athena => {
                (is_plain && !name.contains("${") && !name.contains(';')).then(|| format!("`{}`", name.replace('`', "``")))
            }
        }
    }

    /// A text that is to arrive exactly, such as an address.
    pub(super) fn text(self, text: &str) -> String {
        match self {
            Self::DuckDb => {
                let mut quoted = String::from("'");
                for c in text.chars() {
                    match c {
                        '\'' => quoted.push_str("''"),
                        c if is_dangerous(c) => quoted.push_str(&format!("' || chr({}) || '", u32::from(c))),
                        c => quoted.push(c),
                    }
                }
                quoted + "'"
            }
            Self::Spark | Self::Athena => {
                let mut quoted = String::from("'");
                let mut after_dollar = false;
                for c in text.chars() {
                    match c {
                        '\'' | '\\' => quoted.extend(['\\', c]),
                        // All of them in the first plane, as four digits can say.
                        c if is_dangerous(c) || c == ';' || c == '{' && after_dollar => {
                            quoted.push_str(&format!("\\u{:04X}", u32::from(c)))
                        }
                        c => quoted.push(c),
                    }
                    after_dollar = c == '$';
                }
                quoted + "'"
            }
        }
    }

    /// A description: people read it, so what is not seen is a blank.
    pub(super) fn description(self, text: &str) -> String {
        self.text(&seen(text))
    }
}

/// A text within a comment. To be followed by other words: Spark goes on in the next line behind a backslash.
pub(super) fn comment(text: &str) -> String {
    seen(text).replace("${", "$ {")
}

fn seen(text: &str) -> String {
    text.chars().map(|c| if is_seen(c) { c } else { ' ' }).collect()
}

/// What ends a line or a text for one reader or another.
fn is_dangerous(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_follow_their_table() {
        use Engine::{Athena, DuckDb, Spark};
        for (engine, name, quoted) in [
            (DuckDb, "a\"b", Some(r#""a""b""#)),
            (DuckDb, "${a};", Some(r#""${a};""#)),
            (Spark, "a`b", Some("`a``b`")),
            (Athena, "d'água", Some("`d'água`")),
            (DuckDb, "a\0", None),
            (Spark, "a\n", None),
            (Spark, "${env:HOME}", None),
            (Athena, "a;b", None),
            (DuckDb, "", None),
        ] {
            assert_eq!(engine.name(name).as_deref(), quoted, "{engine:?} {name:?}");
        }
        for (engine, text, quoted) in [
            (DuckDb, "d'água", "'d''água'"),
            (DuckDb, "a\nb", "'a' || chr(10) || 'b'"),
            (Spark, r"d'água \ x", r"'d\'água \\ x'"),
            (Spark, "a\nb\u{85}", r"'a\u000Ab\u0085'"),
            (Athena, "${env:HOME};", r"'$\u007Benv:HOME}\u003B'"),
        ] {
            assert_eq!(engine.text(text), quoted, "{engine:?} {text:?}");
        }
        assert_eq!(DuckDb.description("it's\n\0\u{202e}"), "'it''s   '");
        assert_eq!(comment("a\n${b}"), "a $ {b}");
    }
}
