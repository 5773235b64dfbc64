//! What names a row of the lake, and what it holds, as numbers that can be compared.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use roaring::RoaringTreemap;

use crate::error::{Error, Result};

/// What stands for a key: a whole number itself, any other key 128 bits that two keys share less often than a disk returns a wrong byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// Zero for a number; a hash has its lowest bit set.
    high: u64,
    low: u64,
}

impl Key {
    pub fn number(self) -> Option<u64> {
        (self.high == 0).then_some(self.low)
    }
}

/// Makes keys and digests, comparable only with those of the same hashing: its seeds are chance, so that no data can be made to collide.
#[derive(Debug, Clone, Default)]
pub(super) struct Hashing([RandomState; 2]);

impl Hashing {
    /// The key of each row: the values of these columns.
    pub fn keys(&self, batch: &RecordBatch, columns: &[usize]) -> Result<Vec<Key>> {
        if let [column] = columns
            && let Some(numbers) = whole_numbers(batch.column(*column).as_ref())
        {
            let number = |low| Key { high: 0, low };
            let keys = numbers.into_iter().enumerate().map(|(row, value)| match value {
                Some(value) => Ok(number(value)),
                None => self.hashed(batch, columns, row),
            });
            return keys.collect();
        }
        (0..batch.num_rows()).map(|row| self.hashed(batch, columns, row)).collect()
    }

    /// A digest of each row: the values of the first `columns` columns. Rows with other values have other digests, but for one pair in 2^64.
    pub fn digests(&self, batch: &RecordBatch, columns: usize) -> Result<Vec<u64>> {
        let mut hashers: Vec<_> = (0..batch.num_rows()).map(|_| self.0[0].build_hasher()).collect();
        for column in 0..columns.min(batch.num_columns()) {
            let array = batch.column(column).as_ref();
            each(array, |row, value| value.feed(&mut hashers[row]))?;
        }
        Ok(hashers.into_iter().map(|hasher| hasher.finish()).collect())
    }

    fn hashed(&self, batch: &RecordBatch, columns: &[usize], row: usize) -> Result<Key> {
        let [mut high, mut low] = self.0.each_ref().map(BuildHasher::build_hasher);
        let one = batch.slice(row, 1);
        for column in columns {
            each(one.column(*column).as_ref(), |_, value| {
                value.feed(&mut high);
                value.feed(&mut low);
            })?;
        }
        Ok(Key {
            high: high.finish() | 1,
            low: low.finish(),
        })
    }
}

/// Keys, in little memory: whole numbers in compressed bitmaps.
#[derive(Debug, Default, Clone)]
pub(super) struct KeySet {
    numbers: RoaringTreemap,
    others: HashSet<Key>,
}

impl KeySet {
    pub fn insert(&mut self, key: Key) -> bool {
        match key.number() {
            Some(number) => self.numbers.insert(number),
            None => self.others.insert(key),
        }
    }

    pub fn contains(&self, key: Key) -> bool {
        match key.number() {
            Some(number) => self.numbers.contains(number),
            None => self.others.contains(&key),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.others.is_empty()
    }

    /// Bytes of the keys that are no whole numbers.
    pub fn hash_bytes(&self) -> usize {
        self.others.capacity() * (size_of::<Key>() + 1)
    }

    /// Whether all keys are whole numbers.
    pub fn is_numeric(&self) -> bool {
        self.others.is_empty()
    }

    /// The whole numbers of this range, both ends included.
    pub fn numbers_in(&self, least: u64, greatest: u64) -> impl Iterator<Item = u64> {
        let mut numbers = self.numbers.iter();
        numbers.advance_to(least);
        numbers.take_while(move |number| *number <= greatest)
    }
}

/// A value of a cell.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Null,
    Number(u64),
    Text(&'a str),
}

impl Value<'_> {
    fn feed(self, hasher: &mut impl Hasher) {
        match self {
            Self::Null => hasher.write_u8(0),
            Self::Number(bits) => {
                hasher.write_u8(1);
                hasher.write_u64(bits);
            }
            Self::Text(text) => {
                hasher.write_u8(2);
                hasher.write(text.as_bytes());
                // No text in UTF-8 holds this byte: `a`, `bc` and `ab`, `c` differ.
                hasher.write_u8(0xff);
            }
        }
    }
}

/// Each value of a column. Zero and minus zero are one number; so are a float and an integer of the same value only within one type, which keys keep.
fn each<'a>(array: &'a dyn Array, mut told: impl FnMut(usize, Value<'a>)) -> Result<()> {
    let number = |bits: Option<u64>| bits.map_or(Value::Null, Value::Number);
    match array.data_type() {
        DataType::Utf8 => {
            for (row, value) in array.as_string::<i32>().iter().enumerate() {
                told(row, value.map_or(Value::Null, Value::Text));
            }
        }
        DataType::Float64 => {
            for (row, value) in array.as_primitive::<Float64Type>().iter().enumerate() {
                told(row, number(value.map(|value| if value == 0.0 { 0 } else { value.to_bits() })));
            }
        }
        DataType::Int64 => {
            for (row, value) in array.as_primitive::<Int64Type>().iter().enumerate() {
                told(row, number(value.map(i64::cast_unsigned)));
            }
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            for (row, value) in array.as_primitive::<TimestampMicrosecondType>().iter().enumerate() {
                told(row, number(value.map(i64::cast_unsigned)));
            }
        }
        DataType::Date32 => {
            for (row, value) in array.as_primitive::<Date32Type>().iter().enumerate() {
                told(row, number(value.map(|day| i64::from(day).cast_unsigned())));
            }
        }
        DataType::Boolean => {
            for (row, value) in array.as_boolean().iter().enumerate() {
                told(row, number(value.map(u64::from)));
            }
        }
        other => return Err(Error::defect(format!("a column of type {other} cannot be compared"))),
    }
    Ok(())
}

/// Values that are whole numbers from 0 on; nothing for a column of another type.
fn whole_numbers(array: &dyn Array) -> Option<Vec<Option<u64>>> {
    match array.data_type() {
        DataType::Int64 => Some(
            array
                .as_primitive::<Int64Type>()
                .iter()
                .map(|value| u64::try_from(value?).ok())
                .collect(),
        ),
        DataType::Float64 => Some(array.as_primitive::<Float64Type>().iter().map(|value| whole(value?)).collect()),
        _ => None,
    }
}

/// A float that is a whole number from 0 on: as such.
pub(super) fn whole(value: f64) -> Option<u64> {
    // Beyond 2^53 floats skip numbers, and the decoder lets none through.
    (value.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&value)).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().enumerate().map(|(at, array)| (format!("c{at}"), array, true)))
            .unwrap()
    }

    #[test]
    fn whole_numbers_are_their_own_keys_in_either_type() {
        let hashing = Hashing::default();
        let batch = batch(vec![
            Arc::new(Float64Array::from(vec![Some(7.0), Some(-0.0), Some(1.5), Some(-7.0), None])),
            Arc::new(Int64Array::from(vec![Some(7), Some(0), Some(1), Some(-7), None])),
        ]);
        let (floats, ints) = (hashing.keys(&batch, &[0]).unwrap(), hashing.keys(&batch, &[1]).unwrap());
        let numbers = |keys: &[Key]| keys.iter().map(|key| key.number()).collect::<Vec<_>>();
        assert_eq!(numbers(&floats), [Some(7), Some(0), None, None, None]);
        assert_eq!(numbers(&ints), [Some(7), Some(0), Some(1), None, None]);
        assert_eq!(floats.iter().collect::<HashSet<_>>().len(), 5);
        let mut set = KeySet::default();
        assert!(floats.iter().all(|key| set.insert(*key)) && floats.iter().all(|key| set.contains(*key) && !set.insert(*key)));
        assert!(!set.is_numeric() && !set.is_empty());
        assert_eq!(set.numbers_in(1, 7).collect::<Vec<_>>(), [7]);
        assert_eq!(set.numbers_in(8, u64::MAX).count(), 0);
    }

    #[test]
    fn keys_and_digests_tell_values_columns_and_nulls_apart() {
        let hashing = Hashing::default();
        let batch = batch(vec![
            Arc::new(StringArray::from(vec![Some("a"), Some("ab"), Some(""), None, Some("a")])),
            Arc::new(StringArray::from(vec![Some("bc"), Some("c"), None, Some(""), Some("bc")])),
            Arc::new(BooleanArray::from(vec![Some(true), Some(true), None, Some(false), Some(false)])),
        ]);
        let keys = hashing.keys(&batch, &[0, 1]).unwrap();
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 4);
        assert_eq!(keys[0], keys[4]);
        let digests = hashing.digests(&batch, 3).unwrap();
        assert_eq!(digests.iter().collect::<HashSet<_>>().len(), 5);
        let without_last = hashing.digests(&batch, 2).unwrap();
        assert_eq!(without_last[0], without_last[4]);
        let other = Hashing::default();
        assert_ne!(
            other.keys(&batch, &[0]).unwrap(),
            hashing.keys(&batch, &[0]).unwrap(),
            "seeds are chance"
        );
    }
}
