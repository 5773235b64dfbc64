//! One column: its type, where its value lies in the vendor's JSON, and what it means.

use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

use super::personal::{Personal, Treatment};

/// One typed column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name in the lake.
    pub name: String,
    /// Type in the lake: the documented one, or text where the values are hashed or masked.
    pub kind: ColumnType,
    /// Where the value comes from.
    pub origin: Origin,
    /// pt-BR.
    pub description: String,
    /// `table.column` of the same source.
    pub references: Option<String>,
    /// Zone of values that carry none: the column's, else the source's.
    pub zone: Tz,
    /// The zone written in the value is decoration.
    pub wall_clock: bool,
    /// A spelling accepted beside the usual ones.
    pub format: Option<Format>,
    /// What it can hold of a person.
    pub personal: Option<Personal>,
    /// What becomes of its values, unless they are kept.
    pub treatment: Option<Treatment>,
}

impl Column {
    /// A column of which nothing else is known: in UTC, its values kept.
    pub fn of(name: &str, kind: ColumnType, origin: Origin) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            origin,
            description: String::new(),
            references: None,
            zone: Tz::UTC,
            wall_clock: false,
            format: None,
            personal: None,
            treatment: None,
        }
    }
}

/// Where a column's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The first of these paths that is there and not null.
    Path(Vec<ColumnPath>),
    /// This column of the parent.
    Parent(String),
    /// The member's name in the exploded object.
    Member,
    /// Columns of other tables of the lake.
    Derived,
}

/// The documented types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Arrow Utf8.
    Text,
    /// Arrow Int64.
    Int,
    /// Arrow Float64.
    Float,
    /// Arrow Boolean.
    Boolean,
    /// Arrow Timestamp(µs, UTC).
    Timestamp,
    /// Arrow Date32.
    Date,
}

impl ColumnType {
    /// The type of a documented word.
    pub fn from_name(word: &str) -> Option<Self> {
        [Self::Text, Self::Int, Self::Float, Self::Boolean, Self::Timestamp, Self::Date]
            .into_iter()
            .find(|kind| kind.name() == word)
    }

    /// The documented word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "int",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
        }
    }
}

/// A spelling accepted beside the usual ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `DD/MM/YYYY`, for timestamps and dates.
    Dmy,
    /// `1.234,56`, for floats.
    Comma,
    /// The digits of a CPF or CNPJ, for ints and floats.
    Digits,
    /// `true` and `false` as 1 and 0, for ints and floats.
    Flag,
}

/// Dotted names; at most one of them passes through an array, or chooses in one.
///
/// | text | steps |
/// |---|---|
/// | `a.b` | `Member(a) Member(b)` |
/// | `a[].b` | `Member(a) Elements Member(b)` |
/// | `a[k=v].b` | `Member(a) Where(k, v) Member(b)` |
/// | `.` | none: the record itself |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPath(pub Vec<Step>);

/// One step of a [`ColumnPath`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The member of this name, without regard to case.
    Member(String),
    /// Each element of the array.
    Elements,
    /// The elements of the array that are objects with this member, whose value is this text or number.
    Where(String, String),
}

impl Step {
    fn is_array(&self) -> bool {
        matches!(self, Self::Elements | Self::Where(..))
    }
}

impl ColumnPath {
    /// Whether it is dotted names and no more: one value, wherever it is.
    pub fn is_plain(&self) -> bool {
        !self.0.is_empty() && !self.0.iter().any(Step::is_array)
    }
}

impl std::str::FromStr for ColumnPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "." {
            return Ok(Self(Vec::new()));
        }
        let mut steps = Vec::new();
        let wrong = || format!("`{text}` is not a path, expected dotted names such as `a.b`, `a[].b` or `a[name=value].b`");
        for name in text.split('.') {
            let (name, array) = match name.strip_suffix(']').map(|name| name.split_once('[').ok_or_else(wrong)) {
                None => (name, None),
                Some(array) => match array? {
                    (name, "") => (name, Some(Step::Elements)),
                    (name, choice) => match choice.split_once('=') {
                        Some((member, value)) if !member.is_empty() && !choice.contains(['[', ']']) => {
                            (name, Some(Step::Where(member.to_owned(), value.to_owned())))
                        }
                        _ => return Err(wrong()),
                    },
                },
            };
            if name.is_empty() || name.contains(['[', ']', '*', ' ']) {
                return Err(wrong());
            }
            if array.is_some() && steps.iter().any(Step::is_array) {
                return Err(format!("path `{text}` passes through two arrays, expected one at most"));
            }
            steps.push(Step::Member(name.to_owned()));
            steps.extend(array);
        }
        if matches!(steps.last(), Some(Step::Where(..))) {
            return Err(wrong());
        }
        Ok(Self(steps))
    }
}

impl std::fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Elements => f.write_str("[]")?,
                Step::Where(member, value) => write!(f, "[{member}={value}]")?,
                Step::Member(name) if at == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

/// The keys of one line under `[columns]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnDecl {
    #[serde(rename = "type")]
    pub kind: ColumnType,
    #[serde(default, deserialize_with = "one_or_many")]
    pub path: Vec<String>,
    #[serde(default)]
    pub parent: Option<String>,
    #[serde(default)]
    pub member: bool,
    pub description: String,
    #[serde(default)]
    pub references: Option<String>,
    #[serde(default)]
    pub zone: Option<String>,
    #[serde(default)]
    pub wall_clock: bool,
    #[serde(default)]
    pub format: Option<Format>,
    #[serde(default, deserialize_with = "mark")]
    pub personal: Option<Personal>,
}

/// A kind of personal data, or `none` for a column whose name alone suggests one.
fn mark<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Personal>, D::Error> {
    let word = String::deserialize(deserializer)?;
    match Personal::from_name(&word) {
        None if word == "none" => Ok(None),
        None => {
            let known = Personal::ALL.map(Personal::name).join("`, `");
            Err(serde::de::Error::custom(format!(
                "unknown kind of personal data `{word}`, expected one of `{known}`, or `none`"
            )))
        }
        kind => Ok(kind),
    }
}

pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_their_table() {
        let member = |name: &str| Step::Member(name.to_owned());
        for (text, steps) in [
            ("a.b", vec![member("a"), member("b")]),
            ("a[].b", vec![member("a"), Step::Elements, member("b")]),
            ("a[]", vec![member("a"), Step::Elements]),
            (
                "a[k=v].b",
                vec![member("a"), Step::Where("k".to_owned(), "v".to_owned()), member("b")],
            ),
            (".", vec![]),
        ] {
            let path: ColumnPath = text.parse().unwrap();
            assert_eq!(path, ColumnPath(steps));
            assert_eq!(path.to_string(), text);
        }
        for text in [
            "",
            "a..b",
            ".a",
            "a[0]",
            "a[].b[].c",
            "$.a b",
            "a[k].b",
            "a[k=v]",
            "a[k=[v].b",
            "a[=v].b",
        ] {
            assert!(text.parse::<ColumnPath>().is_err(), "{text}");
        }
    }
}
