//! Whether the rows of a file stand in the order of its key.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

/// Rows from which on a batch in order is taken as a sign that the table comes in order. Fewer may be so by chance, and a claim that breaks ends a file.
const MIN_ROWS: usize = 8;

/// The key's last value in a file whose rows have been in order so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ascending {
    column: usize,
    last: Last,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Last {
    None,
    Int(i64),
    Float(f64),
}

impl Ascending {
    /// The order of an empty file.
    pub(super) fn new(column: usize) -> Self {
        Self { column, last: Last::None }
    }

    /// Whether the table's first batch suggests that the table comes in the order of this column.
    pub(super) fn is_likely(column: usize, batch: &RecordBatch) -> bool {
        batch.num_rows() >= MIN_ROWS && Self::new(column).follow(batch)
    }

    /// Whether these rows go on in the order, equal values included. If they do not, nothing is remembered of them.
    pub(super) fn follow(&mut self, batch: &RecordBatch) -> bool {
        let array = batch.column(self.column);
        if array.null_count() > 0 {
            return false;
        }
        let last = match (array.data_type(), self.last) {
            (DataType::Int64, Last::None | Last::Int(_)) => {
                let before = if let Last::Int(value) = self.last { Some(value) } else { None };
                ascend(before, array.as_primitive::<Int64Type>().values()).map(|last| last.map_or(Last::None, Last::Int))
            }
            (DataType::Float64, Last::None | Last::Float(_)) => {
                let before = if let Last::Float(value) = self.last { Some(value) } else { None };
                ascend(before, array.as_primitive::<Float64Type>().values()).map(|last| last.map_or(Last::None, Last::Float))
            }
            _ => None,
        };
        match last {
            Some(last) => {
                self.last = last;
                true
            }
            None => false,
        }
    }
}

/// The last value, if the values ascend; not a number never does.
fn ascend<T: PartialOrd + Copy>(mut last: Option<T>, values: &[T]) -> Option<Option<T>> {
    for value in values {
        match last.unwrap_or(*value).partial_cmp(value) {
            Some(Ordering::Less | Ordering::Equal) => last = Some(*value),
            Some(Ordering::Greater) | None => return None,
        }
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int64Array};

    use super::*;

    fn batch(array: impl Array + 'static) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("id", Arc::new(array) as ArrayRef, true)]).unwrap()
    }

    #[test]
    fn order_holds_across_batches_and_is_kept_where_it_breaks() {
        let mut order = Ascending::new(0);
        assert!(order.follow(&batch(Int64Array::from(vec![1, 2, 2, 5]))));
        assert!(order.follow(&batch(Int64Array::from(Vec::<i64>::new()))));
        let before = order;
        assert!(!order.follow(&batch(Int64Array::from(vec![4, 6]))));
        assert!(!order.follow(&batch(Int64Array::from(vec![6, 8, 7]))));
        assert!(!order.follow(&batch(Int64Array::from(vec![Some(6), None]))));
        assert_eq!(order, before);
        assert!(order.follow(&batch(Int64Array::from(vec![5, 9]))));
    }

    #[test]
    fn not_a_number_is_out_of_order() {
        assert!(Ascending::new(0).follow(&batch(Float64Array::from(vec![1.0, 1.5]))));
        assert!(!Ascending::new(0).follow(&batch(Float64Array::from(vec![1.0, f64::NAN]))));
        assert!(!Ascending::new(0).follow(&batch(Float64Array::from(vec![f64::NAN]))));
    }

    #[test]
    fn a_few_rows_prove_nothing() {
        assert!(!Ascending::is_likely(0, &batch(Int64Array::from_iter_values(0..7))));
        assert!(Ascending::is_likely(0, &batch(Int64Array::from_iter_values(0..8))));
    }
}
