//! Foreign keys followed for some rows at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, UInt32Array, new_null_array};
use arrow_schema::{DataType, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take;

use super::mapping::Place;
use super::resolve::{Node, Part};
use super::rows::Lookup;
use crate::error::{Error, Result};
use crate::scan::conform;
use crate::schema::arrow_schema;

/// Some rows and what their foreign keys lead to.
pub(super) struct Followed<'a> {
    part: &'a Part,
    /// For each node: its rows. Those of the first are the rows themselves.
    batches: Vec<RecordBatch>,
    /// For each node: its row for each row of the node it is reached from.
    found: Vec<UInt32Array>,
}

impl<'a> Followed<'a> {
    /// Passes every table that these rows lead to once. Nothing if what is to be held exceeds so many bytes, and there is more than one row.
    pub fn new(part: &'a Part, rows: &RecordBatch, lookup: &Lookup<'_>, most_bytes: usize) -> Result<Option<Self>> {
        let mut followed = Self {
            part,
            batches: vec![rows.clone()],
            found: vec![UInt32Array::from(Vec::<u32>::new())],
        };
        let most = if rows.num_rows() > 1 { most_bytes } else { usize::MAX };
        let mut bytes = 0;
        for node in &part.nodes[1..] {
            let from = &followed.batches[node.from];
            let keys = node.path.last().and_then(|(column, _)| from.column_by_name(column)).cloned();
            let keys: ArrayRef = keys.unwrap_or_else(|| new_null_array(&DataType::Utf8, from.num_rows()));
            let keys = texts(&keys)?;
            let Some(batch) = referred(node, keys, lookup, most - bytes.min(most))? else {
                return Ok(None);
            };
            bytes += batch.get_array_memory_size();
            let ids = batch.column_by_name("id").cloned();
            let ids: ArrayRef = ids.unwrap_or_else(|| new_null_array(&DataType::Utf8, batch.num_rows()));
            let places: HashMap<&str, u32> = texts(&ids)?.iter().zip(0..).filter_map(|(id, at)| Some((id?, at))).collect();
            let found: UInt32Array = keys.iter().map(|key| places.get(key?).copied()).collect();
            followed.batches.push(batch);
            followed.found.push(found);
        }
        Ok(Some(followed))
    }

    /// The values of a column for the rows from one to before another; nothing where its table does not have the column.
    pub fn values(&self, place: &Place, from: usize, until: usize) -> Result<Option<ArrayRef>> {
        let at = self.part.node(&place.path).unwrap_or(0);
        let Some(column) = self.batches[at].column_by_name(&place.column) else {
            return Ok(None);
        };
        if at == 0 {
            return Ok(Some(column.slice(from, until - from)));
        }
        let cannot = |error| Error::defect(format!("the column `{}` cannot be followed: {error}", place.column));
        take(column.as_ref(), &self.places(at, from, until), None).map(Some).map_err(cannot)
    }

    /// The rows of a node for these rows.
    fn places(&self, node: usize, from: usize, until: usize) -> UInt32Array {
        let found = &self.found[node];
        match self.part.nodes[node].from {
            0 => found.slice(from, until - from),
            before => self
                .places(before, from, until)
                .iter()
                .map(|at| at.and_then(|at| at_place(found, at)))
                .collect(),
        }
    }
}

fn at_place(found: &UInt32Array, at: u32) -> Option<u32> {
    let at = at as usize;
    (at < found.len() && found.is_valid(at)).then(|| found.value(at))
}

/// The rows of a node's table that these keys name; nothing if they take more than so many bytes.
fn referred(node: &Node, keys: &StringArray, lookup: &Lookup<'_>, most: usize) -> Result<Option<RecordBatch>> {
    let wanted: HashSet<&str> = keys.iter().flatten().collect();
    let manifest = lookup.manifest(&node.table)?;
    let schema = projected(&arrow_schema(&manifest.as_table()?), &node.columns);
    let (mut pieces, mut bytes, mut found) = (Vec::new(), 0, 0);
    if !wanted.is_empty() {
        let mut each = |batch: RecordBatch| {
            let batch = conform(&batch, &schema)?;
            let ids = batch.column_by_name("id").cloned();
            let Some(ids) = ids else { return Ok(true) };
            let mask: BooleanArray = texts(&ids)?
                .iter()
                .map(|id| Some(id.is_some_and(|id| wanted.contains(id))))
                .collect();
            if mask.true_count() > 0 {
                let piece = filter_record_batch(&batch, &mask).map_err(|error| Error::defect(format!("rows cannot be chosen: {error}")))?;
                bytes += piece.get_array_memory_size();
                found += piece.num_rows();
                pieces.push(piece);
            }
            // An id names one row: there is no need to look on.
            Ok(bytes <= most && found < wanted.len())
        };
        lookup.each_batch(manifest, &node.columns, &mut each)?;
    }
    if bytes > most {
        return Ok(None);
    }
    let cannot = |error| Error::defect(format!("rows of `{}` cannot be joined: {error}", node.table));
    concat_batches(&schema, &pieces).map(Some).map_err(cannot)
}

/// Those of the columns that the table has.
pub(super) fn projected(schema: &SchemaRef, columns: &[String]) -> SchemaRef {
    let fields = schema.fields().iter().filter(|field| columns.contains(field.name()));
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

pub(super) fn texts(array: &ArrayRef) -> Result<&StringArray> {
    let texts = array.as_string_opt::<i32>();
    texts.ok_or_else(|| Error::defect(format!("a column of {}, expected a text", array.data_type())))
}
