//! Personal data on its way into a column: a value that was read becomes what the column is to hold of it, before anything else sees it.

use chrono::{DateTime, Days, NaiveDate, SecondsFormat};

use super::cell::{Bad, Cell};
use super::mask::mask;
use crate::hash_key::HashKey;
use crate::schema::{Column, Personal, Policy};

/// Stands in a reject for what was found where protected columns are read from.
pub(super) const HIDDEN: &str = "(personal: not shown)";

/// What is made of the values of a column.
#[derive(Debug)]
pub(super) struct Protection {
    policy: Policy,
    key: Option<HashKey>,
    kind: Option<Personal>,
}

impl Protection {
    /// Nothing for a column that is kept as it is.
    pub fn of(column: &Column) -> Option<Self> {
        column.treatment.as_ref().map(|treatment| Self {
            policy: treatment.policy,
            key: treatment.key.clone(),
            kind: column.personal,
        })
    }

    /// What stands in a reject for a value that could not be read.
    pub fn note(&self) -> String {
        format!("(personal: {})", self.policy.name())
    }

    /// The cell to hold. `read` reads the value, into a text of its own, and makes of it what is to be held.
    #[cold]
    pub fn cell<'t>(
        &self,
        read: impl FnOnce(&mut String) -> Result<Option<String>, Bad>,
        scratch: &'t mut String,
    ) -> Result<Cell<'t>, Bad> {
        if self.policy == Policy::Null {
            return Ok(Cell::Null);
        }
        match read(&mut String::new())? {
            None => Ok(Cell::Null),
            Some(made) => {
                *scratch = made;
                Ok(Cell::Text(scratch))
            }
        }
    }

    /// What is made of a value; null stays null, and the empty text empty.
    pub fn made_of(&self, cell: Cell<'_>) -> Option<String> {
        let text = text_of(cell)?;
        if text.is_empty() {
            return Some(text);
        }
        match (self.policy, &self.key) {
            (Policy::Hash, Some(key)) => Some(key.hash(text.as_bytes())),
            (Policy::Mask, _) => Some(mask(self.kind, &text)),
            // Without a key there is no hash: nothing is held rather than the value.
            _ => None,
        }
    }
}

/// The text of a value, of which its hash is made: what a text column would hold of it.
///
/// | type | text |
/// |---|---|
/// | text | itself |
/// | int | `-12`, `12345678000195` |
/// | float | `12345678000195`, `0.5`, `-1.25`: the shortest digits that are this number; a whole number is as the same int |
/// | boolean | `true`, `false` |
/// | timestamp | `2026-01-31T12:00:00Z`, with 3 or 6 digits of a second where it has any |
/// | date | `2026-01-31` |
fn text_of(cell: Cell<'_>) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Text(text) => text.to_owned(),
        Cell::Int(number) => number.to_string(),
        // Zero and minus zero are one number.
        Cell::Float(number) => (number + 0.0).to_string(),
        Cell::Boolean(flag) => flag.to_string(),
        Cell::Micros(micros) => match DateTime::from_timestamp_micros(micros) {
            Some(instant) => instant.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            None => micros.to_string(),
        },
        Cell::Days(days) => {
            let from = NaiveDate::default();
            let length = Days::new(days.unsigned_abs().into());
            let day = if days < 0 {
                from.checked_sub_days(length)
            } else {
                from.checked_add_days(length)
            };
            day.map_or_else(|| days.to_string(), |day| day.to_string())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protection(policy: Policy) -> Protection {
        Protection {
            policy,
            key: (policy == Policy::Hash).then(|| HashKey::new("a key of the tests").unwrap()),
            kind: Some(Personal::Document),
        }
    }

    #[test]
    fn the_texts_that_are_hashed_follow_their_table() {
        for (cell, text) in [
            (Cell::Null, None),
            (Cell::Text(" Ana "), Some(" Ana ")),
            (Cell::Int(-12), Some("-12")),
            (Cell::Int(12_345_678_000_195), Some("12345678000195")),
            (Cell::Float(12_345_678_000_195.0), Some("12345678000195")),
            (Cell::Float(0.5), Some("0.5")),
            (Cell::Float(-1.25), Some("-1.25")),
            (Cell::Float(-0.0), Some("0")),
            (Cell::Boolean(true), Some("true")),
            (Cell::Micros(1_769_860_800_000_000), Some("2026-01-31T12:00:00Z")),
            (Cell::Micros(1_769_860_800_250_000), Some("2026-01-31T12:00:00.250Z")),
            (Cell::Days(20_484), Some("2026-01-31")),
            (Cell::Days(-1), Some("1969-12-31")),
            (Cell::Days(i32::MAX), Some("2147483647")),
            (Cell::Micros(i64::MAX), Some("9223372036854775807")),
        ] {
            assert_eq!(text_of(cell).as_deref(), text, "{cell:?}");
        }
    }

    #[test]
    fn null_stays_null_and_empty_empty_and_equal_values_stay_equal() {
        let hash = protection(Policy::Hash);
        for policy in [Policy::Hash, Policy::Mask] {
            assert_eq!(protection(policy).made_of(Cell::Null), None);
            assert_eq!(protection(policy).made_of(Cell::Text("")).as_deref(), Some(""));
        }
        let made = hash.made_of(Cell::Text("12345678000195")).unwrap();
        assert_eq!(hash.made_of(Cell::Float(12_345_678_000_195.0)).as_ref(), Some(&made));
        assert!(
            made.len() == 64 && made.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{made}"
        );
        assert_ne!(hash.made_of(Cell::Text("12345678000196")), Some(made));
        // A defect elsewhere must not let a value through.
        let keyless = Protection { key: None, ..hash };
        assert_eq!(keyless.made_of(Cell::Text("x")), None);
    }
}
