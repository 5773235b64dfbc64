//! Rows into folders: which partition a row belongs to, and what its folder is called.

use std::collections::HashMap;
use std::hash::Hash;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::take::take_record_batch;

use super::calendar::{civil, day_of, day_text, instant_text, year_text};
use crate::error::{Error, Kind, Result};
use crate::schema::{By, Partition};
use crate::store::PartitionValue;

/// Stands for null in a folder's name, as in Hive.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Longest escaped value, in bytes: file systems end names at 255.
const MAX_VALUE_BYTES: usize = 200;

/// A folder below that of the table, and the partition it stands for; unpartitioned tables have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// `<name>=<escaped value>`.
    pub dir: String,
    /// The same, not escaped.
    pub partition: PartitionValue,
}

/// Splits batches by the value of one column.
///
/// | by | value | folder |
/// |---|---|---|
/// | month | 2026-03-31T23:59:59Z | `d_month=2026-03` |
/// | month | 2026-04-01T00:30:00+02:00 (UTC decides) | `d_month=2026-03` |
/// | day | 2026-03-07 | `d_day=2026-03-07` |
/// | year | 2026-03-07 | `d_year=2026` |
/// | year | 0024-01-01 | `d_year=0024` |
/// | value | `Ganho` | `d_value=Ganho` |
/// | value | `a/b:c` | `d_value=a%2Fb%3Ac` |
/// | value | `100% = x` | `d_value=100%25 %3D x` |
/// | value | `São Paulo` | `d_value=São Paulo` |
/// | value | a line feed | `d_value=%0A` |
/// | value | 12 (int), 12.0 (float) | `d_value=12` |
/// | value | 0.5 | `d_value=0.5` |
/// | value | true | `d_value=true` |
/// | value | 2026-03-07T12:00:00Z | `d_value=2026-03-07T12%3A00%3A00Z` |
/// | any | null | `d_month=__HIVE_DEFAULT_PARTITION__` |
/// | value | empty text | `d_value=__HIVE_DEFAULT_PARTITION__` |
///
/// Spaces and letters beyond ASCII stay: Hive and Spark decode `%C3%A3` to two letters.
#[derive(Debug)]
pub(crate) struct Splitter {
    /// `<column>_<by>`.
    name: String,
    /// The column's place in the batch.
    column: usize,
    by: By,
}

impl Splitter {
    pub(crate) fn new(partition: &Partition, column: usize) -> Self {
        Self {
            name: partition.name(),
            column,
            by: partition.by,
        }
    }

    /// The rows of each partition, in their order; a batch that lies in one partition is not copied.
    pub(crate) fn split(&self, batch: &RecordBatch) -> Result<Vec<(Folder, RecordBatch)>> {
        let groups = self.groups(batch)?;
        let single = groups.len() == 1;
        let mut parts = Vec::with_capacity(groups.len());
        for (value, rows) in groups {
            let part = if single {
                batch.clone()
            } else {
                take_record_batch(batch, &UInt32Array::from(rows))
                    .map_err(|error| Error::defect(format!("cannot split a batch by `{}`: {error}", self.name)))?
            };
            parts.push((self.folder(value)?, part));
        }
        Ok(parts)
    }

    fn folder(&self, value: Option<String>) -> Result<Folder> {
        let escaped = value.as_deref().map_or_else(|| NULL.to_owned(), escape);
        if escaped.len() > MAX_VALUE_BYTES {
            return Err(Error::new(
                Kind::Data,
                format!(
                    "partition `{}`: a value of {} bytes cannot name a folder, expected {MAX_VALUE_BYTES} at most",
                    self.name,
                    escaped.len()
                ),
            )
            .hint("partition the table by another column, or not at all"));
        }
        Ok(Folder {
            dir: format!("{}={escaped}", self.name),
            partition: PartitionValue {
                name: self.name.clone(),
                value,
            },
        })
    }

    fn groups(&self, batch: &RecordBatch) -> Result<Vec<(Option<String>, Vec<u32>)>> {
        let array = batch.column(self.column);
        let rows = batch.num_rows();
        match (array.data_type(), self.by) {
            (DataType::Timestamp(TimeUnit::Microsecond, _), By::Value) => {
                let array = array.as_primitive::<TimestampMicrosecondType>();
                Ok(group(
                    rows,
                    |row| array.is_valid(row).then(|| array.value(row)),
                    |micros| instant_text(*micros),
                ))
            }
            (DataType::Timestamp(TimeUnit::Microsecond, _), by) => {
                let array = array.as_primitive::<TimestampMicrosecondType>();
                Ok(group_by_date(rows, |row| array.is_valid(row).then(|| day_of(array.value(row))), by))
            }
            (DataType::Date32, by) => {
                let array = array.as_primitive::<Date32Type>();
                Ok(group_by_date(
                    rows,
                    |row| array.is_valid(row).then(|| i64::from(array.value(row))),
                    by,
                ))
            }
            (DataType::Utf8, By::Value) => {
                let array = array.as_string::<i32>();
                let value = |row| array.is_valid(row).then(|| array.value(row)).filter(|text: &&str| !text.is_empty());
                Ok(group(rows, value, |text| (*text).to_owned()))
            }
            (DataType::Int64, By::Value) => {
                let array = array.as_primitive::<Int64Type>();
                Ok(group(rows, |row| array.is_valid(row).then(|| array.value(row)), i64::to_string))
            }
            (DataType::Float64, By::Value) => {
                let array = array.as_primitive::<Float64Type>();
                // Adding zero makes one of the two zeros, which would have the same folder.
                let bits = |row| array.is_valid(row).then(|| (array.value(row) + 0.0).to_bits());
                Ok(group(rows, bits, |bits| f64::from_bits(*bits).to_string()))
            }
            (DataType::Boolean, By::Value) => {
                let array = array.as_boolean();
                Ok(group(rows, |row| array.is_valid(row).then(|| array.value(row)), bool::to_string))
            }
            (other, by) => Err(Error::defect(format!("cannot partition {other} by {}", by.name()))),
        }
    }
}

/// The groups in the order of their first rows.
fn group<K: Hash + Eq + Copy>(
    rows: usize,
    key: impl Fn(usize) -> Option<K>,
    text: impl Fn(&K) -> String,
) -> Vec<(Option<String>, Vec<u32>)> {
    let mut places: HashMap<Option<K>, usize> = HashMap::new();
    let mut groups: Vec<(Option<String>, Vec<u32>)> = Vec::new();
    let mut last: Option<(Option<K>, usize)> = None;
    for row in 0..rows {
        let key = key(row);
        // Rows of one partition tend to stand together.
        let place = match last {
            Some((last, place)) if last == key => place,
            _ => *places.entry(key).or_insert_with(|| {
                groups.push((key.as_ref().map(&text), Vec::new()));
                groups.len() - 1
            }),
        };
        last = Some((key, place));
        // Arrow's own batches end far below 2^32 rows.
        groups[place].1.push(row as u32);
    }
    groups
}

fn group_by_date(rows: usize, day: impl Fn(usize) -> Option<i64>, by: By) -> Vec<(Option<String>, Vec<u32>)> {
    match by {
        By::Day | By::Value => group(rows, day, |day| day_text(*day)),
        By::Month => {
            let month = |row| {
                day(row).map(|day| {
                    let (year, month, _) = civil(day);
                    (year, month)
                })
            };
            group(rows, month, |(year, month)| format!("{}-{month:02}", year_text(*year)))
        }
        By::Year => group(rows, |row| day(row).map(|day| civil(day).0), |year| year_text(*year)),
    }
}

/// What Hive escapes, and `<`, `>`, `|`, which Windows cannot have in names.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_ascii_control() || "\"#%'*/:=?\\{[]^<>|".contains(c) {
            escaped.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use chrono::{DateTime, NaiveDate};

    use super::*;

    fn split(array: ArrayRef, by: By) -> Vec<(Folder, RecordBatch)> {
        let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(0..array.len() as i64));
        let batch = RecordBatch::try_from_iter_with_nullable([("row", rows, false), ("d", array, true)]).unwrap();
        let partition = Partition {
            column: "d".to_owned(),
            by,
        };
        Splitter::new(&partition, 1).split(&batch).unwrap()
    }

    fn folder(array: impl Array + 'static, by: By) -> String {
        let parts = split(Arc::new(array), by);
        assert_eq!(parts.len(), 1);
        parts[0].0.dir.clone()
    }

    fn instant(text: &str) -> TimestampMicrosecondArray {
        TimestampMicrosecondArray::from(vec![DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()]).with_timezone("UTC")
    }

    fn date(year: i32, month: u32, day: u32) -> Date32Array {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let day = NaiveDate::from_ymd_opt(year, month, day).unwrap();
        Date32Array::from(vec![(day - epoch).num_days() as i32])
    }

    #[test]
    fn folders_follow_their_table() {
        assert_eq!(folder(instant("2026-03-31T23:59:59Z"), By::Month), "d_month=2026-03");
        assert_eq!(folder(instant("2026-04-01T00:30:00+02:00"), By::Month), "d_month=2026-03");
        assert_eq!(folder(instant("1969-12-31T23:59:59.999999Z"), By::Year), "d_year=1969");
        assert_eq!(folder(instant("2026-03-07T12:00:00Z"), By::Day), "d_day=2026-03-07");
        assert_eq!(folder(date(2026, 3, 7), By::Day), "d_day=2026-03-07");
        assert_eq!(folder(date(2026, 3, 7), By::Month), "d_month=2026-03");
        assert_eq!(folder(date(2026, 3, 7), By::Year), "d_year=2026");
        assert_eq!(folder(date(24, 1, 1), By::Year), "d_year=0024");
        assert_eq!(folder(date(2026, 3, 7), By::Value), "d_value=2026-03-07");
        assert_eq!(
            folder(instant("2026-03-07T12:00:00Z"), By::Value),
            "d_value=2026-03-07T12%3A00%3A00Z"
        );
        for (value, expected) in [
            ("Ganho", "d_value=Ganho"),
            ("a/b:c", "d_value=a%2Fb%3Ac"),
            ("100% = x", "d_value=100%25 %3D x"),
            ("São Paulo", "d_value=São Paulo"),
            ("\n", "d_value=%0A"),
            ("\u{7f}\u{0}", "d_value=%7F%00"),
            ("..", "d_value=.."),
            ("", "d_value=__HIVE_DEFAULT_PARTITION__"),
        ] {
            assert_eq!(folder(StringArray::from(vec![value]), By::Value), expected);
        }
        assert_eq!(folder(Int64Array::from(vec![12]), By::Value), "d_value=12");
        assert_eq!(folder(Float64Array::from(vec![12.0]), By::Value), "d_value=12");
        assert_eq!(folder(Float64Array::from(vec![0.0, -0.0]), By::Value), "d_value=0");
        assert_eq!(folder(Float64Array::from(vec![0.5]), By::Value), "d_value=0.5");
        assert_eq!(folder(BooleanArray::from(vec![true]), By::Value), "d_value=true");
        assert_eq!(
            folder(TimestampMicrosecondArray::from(vec![None]).with_timezone("UTC"), By::Month),
            "d_month=__HIVE_DEFAULT_PARTITION__"
        );
        assert_eq!(
            folder(StringArray::from(vec![None::<&str>]), By::Value),
            "d_value=__HIVE_DEFAULT_PARTITION__"
        );
    }

    #[test]
    fn null_and_empty_text_share_a_folder_and_rows_keep_their_order() {
        let parts = split(
            Arc::new(StringArray::from(vec![Some("b"), None, Some("a"), Some(""), Some("b")])),
            By::Value,
        );
        let rows: Vec<(Option<&str>, Vec<i64>)> = parts
            .iter()
            .map(|(folder, batch)| {
                let rows = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
                (folder.partition.value.as_deref(), rows)
            })
            .collect();
        assert_eq!(rows, [(Some("b"), vec![0, 4]), (None, vec![1, 3]), (Some("a"), vec![2])]);
    }

    #[test]
    fn a_batch_within_one_partition_is_not_copied() {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![7; 100]));
        let parts = split(Arc::clone(&array), By::Value);
        assert!(array.to_data().ptr_eq(&parts[0].1.column(1).to_data()));
    }

    #[test]
    fn a_value_too_long_for_a_folder_is_an_error() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(300)]));
        let batch = RecordBatch::try_from_iter([("d", array)]).unwrap();
        let partition = Partition {
            column: "d".to_owned(),
            by: By::Value,
        };
        assert_eq!(Splitter::new(&partition, 0).split(&batch).unwrap_err().kind(), Kind::Data);
    }
}
