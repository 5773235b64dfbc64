//! Rows that stay although a read of the whole did not bring them: those of a row of another table for which the vendor gave nothing this once.

use std::collections::{BTreeMap, HashSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

use super::Merge;
use super::key::{Key, whole};
use super::rewrite::places;
use crate::error::{Error, Result};

/// Rows of the lake.
#[derive(Debug, Default)]
pub struct Rows(Vec<Key>);

impl Merge {
    /// Some rows may have to stay: to be said before anything is sifted.
    pub fn may_keep(&mut self) {
        // The keys that are read are noted then: a row that stays must not come twice.
        self.replaces_all &= self.members.iter().all(|member| member.base.is_none());
    }

    /// The rows that were not read, by their value in this column where it is one of these, once the read is over.
    ///
    /// # Errors
    /// `Store` when a file of the base cannot be read.
    pub fn unread_rows(&self, column: &str, values: &HashSet<&str>) -> Result<BTreeMap<String, Rows>> {
        let mut found = BTreeMap::<String, Rows>::new();
        let member = &self.members[0];
        let mut names = member.key_names();
        if !names.contains(&column) {
            names.push(column);
        }
        for entry in member.entries() {
            for batch in self.open(member, entry)?.batches(Some(&names)) {
                let batch = batch?;
                let keys = self.hashing.keys(&batch, &places(&batch, &member.key_names()))?;
                for (key, value) in keys.into_iter().zip(texts(&batch, column)?) {
                    let is_unread = match &self.index {
                        Some(index) => index.is_unmet(key),
                        None => !self.touched.contains(key),
                    };
                    if let Some(value) = value.filter(|value| is_unread && values.contains(value.as_str())) {
                        found.entry(value).or_default().0.push(key);
                    }
                }
            }
        }
        Ok(found)
    }

    /// These rows stay.
    pub fn keep(&mut self, rows: &Rows) {
        for key in &rows.0 {
            self.stays.insert(*key);
        }
        self.tally.stay += rows.0.len() as u64;
    }
}

/// The values of a column as an address holds them.
fn texts(batch: &RecordBatch, column: &str) -> Result<Vec<Option<String>>> {
    let array = batch
        .column_by_name(column)
        .ok_or_else(|| Error::defect(format!("a data file without the column `{column}`")))?;
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect(),
        DataType::Int64 => array
            .as_primitive::<Int64Type>()
            .iter()
            .map(|number| number.map(|number| number.to_string()))
            .collect(),
        DataType::Float64 => array
            .as_primitive::<Float64Type>()
            .iter()
            .map(|number| number.and_then(whole).map(|whole| whole.to_string()))
            .collect(),
        _ => vec![None; batch.num_rows()],
    })
}
