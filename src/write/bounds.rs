//! Least and greatest values of a file's key and cursor columns.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_schema::{DataType, Schema, TimeUnit};
use serde_json::Value;

use super::calendar::{day_text, instant_text};
use crate::store::Bounds;

/// Longest text that is given as a bound, in bytes. A longer one is left out, not cut: a cut bound would be wrong.
const MAX_TEXT_BYTES: usize = 256;

/// Follows some columns of the batches written to one file.
#[derive(Debug, Default)]
pub(crate) struct BoundsTracker {
    columns: Vec<(usize, Range)>,
}

/// The least and greatest value seen, if any.
#[derive(Debug)]
enum Range {
    Int(Option<(i64, i64)>),
    Float(Option<(f64, f64)>),
    Instant(Option<(i64, i64)>),
    Day(Option<(i32, i32)>),
    Boolean(Option<(bool, bool)>),
    Text(Option<(String, String)>),
}

impl BoundsTracker {
    /// Follows these columns of batches of this schema.
    pub(crate) fn new(schema: &Schema, columns: &[usize]) -> Self {
        let range = |column: &usize| {
            let range = match schema.fields().get(*column)?.data_type() {
                DataType::Int64 => Range::Int(None),
                DataType::Float64 => Range::Float(None),
                DataType::Timestamp(TimeUnit::Microsecond, _) => Range::Instant(None),
                DataType::Date32 => Range::Day(None),
                DataType::Boolean => Range::Boolean(None),
                DataType::Utf8 => Range::Text(None),
                _ => return None,
            };
            Some((*column, range))
        };
        Self {
            columns: columns.iter().filter_map(range).collect(),
        }
    }

    pub(crate) fn follow(&mut self, batch: &RecordBatch) {
        for (column, range) in &mut self.columns {
            let array = batch.column(*column);
            match range {
                Range::Int(seen) => widen(seen, array.as_primitive::<Int64Type>().iter()),
                Range::Float(seen) => widen(seen, array.as_primitive::<Float64Type>().iter()),
                Range::Instant(seen) => widen(seen, array.as_primitive::<TimestampMicrosecondType>().iter()),
                Range::Day(seen) => widen(seen, array.as_primitive::<Date32Type>().iter()),
                Range::Boolean(seen) => widen(seen, array.as_boolean().iter()),
                Range::Text(seen) => {
                    let mut least_and_greatest = None;
                    widen(&mut least_and_greatest, array.as_string::<i32>().iter());
                    if let Some((least, greatest)) = least_and_greatest {
                        match seen {
                            None => *seen = Some((least.to_owned(), greatest.to_owned())),
                            Some((min, max)) => {
                                if least < min.as_str() {
                                    *min = least.to_owned();
                                }
                                if greatest > max.as_str() {
                                    *max = greatest.to_owned();
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    pub(crate) fn bounds(&self, schema: &Schema) -> Bounds {
        let mut bounds = Bounds::default();
        for (column, range) in &self.columns {
            let (min, max) = match range {
                Range::Int(seen) => both(seen, |value| Some(Value::from(*value))),
                // Not a number has no place in JSON, nor in an order.
                Range::Float(seen) => both(seen, |value| serde_json::Number::from_f64(*value).map(Value::Number)),
                Range::Instant(seen) => both(seen, |value| Some(Value::from(instant_text(*value)))),
                Range::Day(seen) => both(seen, |value| Some(Value::from(day_text(i64::from(*value))))),
                Range::Boolean(seen) => both(seen, |value| Some(Value::from(*value))),
                Range::Text(seen) => both(seen, |value| (value.len() <= MAX_TEXT_BYTES).then(|| Value::from(value.as_str()))),
            };
            let name = schema.field(*column).name();
            if let Some(min) = min {
                bounds.min.insert(name.clone(), min);
            }
            if let Some(max) = max {
                bounds.max.insert(name.clone(), max);
            }
        }
        bounds
    }
}

fn widen<T: PartialOrd + Copy>(seen: &mut Option<(T, T)>, values: impl Iterator<Item = Option<T>>) {
    for value in values.flatten() {
        match seen {
            None => *seen = Some((value, value)),
            Some((min, max)) => {
                if value < *min {
                    *min = value;
                }
                if value > *max {
                    *max = value;
                }
            }
        }
    }
}

fn both<T>(seen: &Option<(T, T)>, json: impl Fn(&T) -> Option<Value>) -> (Option<Value>, Option<Value>) {
    match seen {
        Some((min, max)) => (json(min), json(max)),
        None => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_span_all_batches_and_skip_nulls_and_long_texts() {
        let batch = |ids: Vec<Option<i64>>, names: Vec<Option<&str>>| {
            let rows = ids.len();
            let columns: [(&str, ArrayRef); 6] = [
                ("id", Arc::new(Int64Array::from(ids.clone()))),
                ("name", Arc::new(StringArray::from(names))),
                (
                    "score",
                    Arc::new(Float64Array::from_iter(ids.iter().map(|id| id.map(|id| id as f64 + 0.5)))),
                ),
                (
                    "at",
                    Arc::new(TimestampMicrosecondArray::from_iter(ids.iter().copied()).with_timezone("UTC")),
                ),
                ("day", Arc::new(Date32Array::from_iter(ids.iter().map(|id| id.map(|id| id as i32))))),
                ("none", Arc::new(Int64Array::from(vec![None; rows]))),
            ];
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
        };
        let long = "z".repeat(257);
        let first = batch(vec![Some(3), None, Some(1)], vec![Some("b"), None, Some("é")]);
        let second = batch(vec![Some(-2)], vec![Some(long.as_str())]);
        let mut tracker = BoundsTracker::new(&first.schema(), &[0, 1, 2, 3, 4, 5]);
        tracker.follow(&first);
        tracker.follow(&second);
        let bounds = tracker.bounds(&first.schema());
        assert_eq!(
            Value::Object(bounds.min),
            json!({"id": -2, "name": "b", "score": -1.5, "at": "1969-12-31T23:59:59.999998Z", "day": "1969-12-30"})
        );
        assert_eq!(
            Value::Object(bounds.max),
            json!({"id": 3, "name": "é", "score": 3.5, "at": "1970-01-01T00:00:00.000003Z", "day": "1970-01-04"})
        );
        let mut tracker = BoundsTracker::new(&second.schema(), &[1]);
        tracker.follow(&second);
        assert_eq!(tracker.bounds(&second.schema()), Bounds::default());
    }
}
