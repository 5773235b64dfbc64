//! A key as it is typed, held against rows.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use chrono::{DateTime, NaiveDate};
use serde_json::{Number, Value as Json};

use crate::commit::{Entry, Manifest};
use crate::error::{Error, Result};
use crate::hash_key::HashKey;
use crate::schema::{ColumnType, NULL_KEY, Policy};
use crate::store::bound;

/// The values by which a row belongs to a key, with the columns that hold them.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted(Vec<(String, Value)>);

/// A value of a key, of its column's type.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Boolean(bool),
    /// Microseconds since 1970, UTC.
    Micros(i64),
    /// Days since 1970.
    Days(i32),
    Null,
}

impl Wanted {
    /// The key of this table, as it is typed.
    ///
    /// | column | key |
    /// |---|---|
    /// | text | as it is |
    /// | int, float | `42`, `42.0` |
    /// | boolean | `true`, `false` |
    /// | timestamp | RFC 3339 |
    /// | date | `2026-01-31` |
    /// | one that may be null | `null` where it is |
    /// | hashed | in clear: it is hashed first |
    ///
    /// # Errors
    /// `Config` when the table has no key, or this is not one, or it is hashed and the key of hashes is not the one of the table.
    pub fn of(manifest: &Manifest, key: &str, hash_key: Option<&HashKey>) -> Result<Self> {
        let name = format!("{}.{}", manifest.connection, manifest.table);
        let columns = &manifest.primary_key;
        if columns.is_empty() {
            return Err(Error::config(format!("table `{name}` has no primary key"))
                .hint("its rows go with the row that they were exploded from: name that table"));
        }
        let parts: Vec<&str> = if columns.len() == 1 { vec![key] } else { key.split(',').collect() };
        let wrong = |what: &str| Error::config(format!("the key of `{name}` is {}: {what}", columns.join(", ")));
        if parts.len() != columns.len() {
            return Err(wrong(&format!(
                "expected {} values joined by commas, found {}",
                columns.len(),
                parts.len()
            )));
        }
        let values = columns.iter().zip(parts).map(|(column, part)| {
            let found = manifest.schema.columns.iter().find(|other| other.name == *column);
            let found = found.ok_or_else(|| wrong(&format!("the manifest has no column `{column}`")))?;
            if part == NULL_KEY && manifest.nullable_key.contains(column) {
                return Ok((column.clone(), Value::Null));
            }
            if found.policy.as_deref() == Some(Policy::Hash.name()) {
                let hash_key = hash_key.ok_or_else(|| {
                    wrong(&format!("`{column}` is hashed, and the configuration names no key for it"))
                        .hint("[personal] key = { env = \"AFLUENTE_PERSONAL_KEY\" }, the one it was exported with")
                })?;
                if found.key_id.as_deref() != Some(&hash_key.id()) {
                    return Err(wrong(&format!(
                        "`{column}` was hashed with another key than the configuration names"
                    )));
                }
                return Ok((column.clone(), Value::Text(hash_key.hash(part.as_bytes()))));
            }
            let value = ColumnType::from_name(&found.kind).and_then(|kind| Value::parse(kind, part));
            let value = value.ok_or_else(|| wrong(&format!("expected a {} for `{column}`", found.kind)))?;
            Ok((column.clone(), value))
        });
        Ok(Self(values.collect::<Result<_>>()?))
    }

    /// Every row.
    pub(super) fn all() -> Self {
        Self(Vec::new())
    }

    /// The same in a table that copies the key into these columns.
    pub(super) fn in_child<'c>(&self, copies: impl Iterator<Item = &'c str>) -> Self {
        let values = self.0.iter().zip(copies);
        Self(values.map(|((_, value), copy)| (copy.to_owned(), value.clone())).collect())
    }

    /// The columns.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The same, to be read.
    pub(super) fn columns(&self) -> String {
        self.names().join(",")
    }

    /// Where the values stand in a key of these columns.
    pub(super) fn places(&self, key: &[String]) -> Vec<usize> {
        self.0
            .iter()
            .filter_map(|(name, _)| key.iter().position(|column| column == name))
            .collect()
    }

    /// Whether these texts are the values.
    pub(super) fn are(&self, texts: &[&str]) -> bool {
        self.0.len() == texts.len() && self.0.iter().zip(texts).all(|((_, value), text)| value.is(text))
    }

    /// Whether a file may hold such a row, by its bounds.
    pub(super) fn may_be_in(&self, entry: &Entry) -> bool {
        self.0
            .iter()
            .all(|(name, value)| match (value, entry.meta.min.get(name), entry.meta.max.get(name)) {
                (Value::Text(text), Some(Json::String(least)), Some(Json::String(greatest))) => least <= text && text <= greatest,
                (Value::Float(_) | Value::Int(_), Some(Json::Number(least)), Some(Json::Number(greatest))) => {
                    let number = match value {
                        Value::Int(number) => Some(Number::from(*number)),
                        Value::Float(number) => Number::from_f64(*number),
                        _ => None,
                    };
                    number.is_none_or(|number| bound::compare(least, &number).is_le() && bound::compare(&number, greatest).is_le())
                }
                _ => true,
            })
    }

    /// For each row of a batch that has the columns, whether it has the values.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<Vec<bool>> {
        let mut hits = vec![true; batch.num_rows()];
        for (name, value) in &self.0 {
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| Error::store(format!("a data file lacks the key's column `{name}`")))?;
            for (hit, equal) in hits.iter_mut().zip(value.equals(column.as_ref())) {
                *hit &= equal;
            }
        }
        Ok(hits)
    }
}

impl Value {
    fn parse(kind: ColumnType, text: &str) -> Option<Self> {
        Some(match kind {
            ColumnType::Text => Self::Text(text.to_owned()),
            ColumnType::Int => Self::Int(text.trim().parse().ok()?),
            ColumnType::Float => Self::Float(text.trim().parse().ok().filter(|number: &f64| number.is_finite())?),
            ColumnType::Boolean => Self::Boolean(text.trim().parse().ok()?),
            ColumnType::Timestamp => Self::Micros(DateTime::parse_from_rfc3339(text.trim()).ok()?.timestamp_micros()),
            ColumnType::Date => {
                let day: NaiveDate = text.trim().parse().ok()?;
                Self::Days(i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()?)
            }
        })
    }

    /// Whether this text, as a reject tells a key, is the value.
    fn is(&self, text: &str) -> bool {
        let kind = match self {
            Self::Text(own) => return own == text,
            Self::Int(_) => ColumnType::Int,
            Self::Float(_) => ColumnType::Float,
            Self::Boolean(_) => ColumnType::Boolean,
            Self::Micros(_) => ColumnType::Timestamp,
            Self::Days(_) => ColumnType::Date,
            Self::Null => return text == NULL_KEY,
        };
        Self::parse(kind, text).as_ref() == Some(self)
    }

    fn equals(&self, array: &dyn Array) -> Vec<bool> {
        match (self, array.data_type()) {
            (Self::Null, _) => (0..array.len()).map(|row| array.is_null(row)).collect(),
            (Self::Text(text), DataType::Utf8) => array.as_string::<i32>().iter().map(|value| value == Some(text)).collect(),
            (Self::Int(number), DataType::Int64) => array
                .as_primitive::<Int64Type>()
                .iter()
                .map(|value| value == Some(*number))
                .collect(),
            (Self::Float(number), DataType::Float64) => array
                .as_primitive::<Float64Type>()
                .iter()
                .map(|value| value == Some(*number))
                .collect(),
            (Self::Boolean(flag), DataType::Boolean) => array.as_boolean().iter().map(|value| value == Some(*flag)).collect(),
            (Self::Micros(at), DataType::Timestamp(..)) => array
                .as_primitive::<TimestampMicrosecondType>()
                .iter()
                .map(|value| value == Some(*at))
                .collect(),
            (Self::Days(day), DataType::Date32) => array.as_primitive::<Date32Type>().iter().map(|value| value == Some(*day)).collect(),
            _ => vec![false; array.len()],
        }
    }
}
