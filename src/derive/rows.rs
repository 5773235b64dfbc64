//! The rows of a derived table.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use tokio::runtime::Handle;

use super::document::document;
use super::follow::{Followed, projected, texts};
use super::mapping::{Pick, Place, Value};
use super::resolve::{Derivation, Part};
use crate::commit::Manifest;
use crate::error::{Error, Result};
use crate::scan::{DataFileReader, conform};
use crate::schema::arrow_schema;
use crate::store::Lake;

/// Rows of a batch that is given out.
const BATCH_ROWS: usize = 8_192;
/// What a row that is held takes beside its values: its places in what its foreign keys lead to.
const ROW_BYTES: usize = 128;

/// The tables to derive from, and how. Its methods fetch from the lake: call them on a blocking thread.
pub struct Lookup<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// Of the runtime.
    pub handle: Handle,
    /// What the tables hold, by name.
    pub manifests: &'a BTreeMap<String, Manifest>,
    /// Bytes of rows held at a time.
    pub memory: usize,
    /// Asked before every batch that is read; its error ends the work.
    pub go_on: &'a dyn Fn() -> Result<()>,
}

/// A cell that is null because its value is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCell {
    /// The row's primary key, its values joined by `,`.
    pub key: String,
    /// The column.
    pub column: String,
    /// What the lake holds in its place.
    pub raw: String,
    /// Why it is none.
    pub reason: &'static str,
}

impl Lookup<'_> {
    pub(super) fn manifest(&self, table: &str) -> Result<&Manifest> {
        self.manifests
            .get(table)
            .ok_or_else(|| Error::defect(format!("the derived table was not given `{table}`")))
    }

    /// The rows of a table, these columns of them, until `each` says that it is enough.
    pub(super) fn each_batch(
        &self,
        manifest: &Manifest,
        columns: &[String],
        each: &mut dyn FnMut(RecordBatch) -> Result<bool>,
    ) -> Result<()> {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        for entry in &manifest.entries {
            let path = manifest.path_of(entry);
            let reader = DataFileReader::open(self.lake, &path, entry.meta.content_length, self.handle.clone())?;
            for batch in reader.batches(Some(&columns)) {
                (self.go_on)()?;
                if !each(batch?)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Derivation {
    /// Gives all rows to `take`, in batches, each with its bad cells, until it says that it is enough.
    ///
    /// # Errors
    /// `Store` when a file cannot be read; those of `take` and of [`Lookup::go_on`].
    pub fn rows(
        &self,
        lookup: &Lookup<'_>,
        exported_at_micros: i64,
        mut take: impl FnMut(RecordBatch, Vec<BadCell>) -> Result<bool>,
    ) -> Result<()> {
        for part in &self.parts {
            let manifest = lookup.manifest(part.mapping.table)?;
            let columns = &part.nodes[0].columns;
            let schema = projected(&arrow_schema(&manifest.as_table()?), columns);
            let (mut held, mut weight, mut wanted) = (Vec::new(), 0, true);
            let mut work = Work {
                derivation: self,
                part,
                lookup,
                schema: arrow_schema(&self.table),
                exported_at_micros,
                take: &mut take,
            };
            lookup.each_batch(manifest, columns, &mut |batch| {
                let rows = chosen(part, &conform(&batch, &schema)?)?;
                weight += rows.get_array_memory_size() + rows.num_rows() * ROW_BYTES;
                held.push(rows);
                // A quarter for the rows themselves leaves the most for what they lead to.
                if weight > lookup.memory / 4 {
                    wanted = work.derive(&joined(&schema, &held)?)?;
                    (held, weight) = (Vec::new(), 0);
                }
                Ok(wanted)
            })?;
            if !wanted || !work.derive(&joined(&schema, &held)?)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Rows of one part on their way.
struct Work<'a, T> {
    derivation: &'a Derivation,
    part: &'a Part,
    lookup: &'a Lookup<'a>,
    schema: SchemaRef,
    exported_at_micros: i64,
    take: &'a mut T,
}

impl<T: FnMut(RecordBatch, Vec<BadCell>) -> Result<bool>> Work<'_, T> {
    /// Derives from these rows; by halves, if what they lead to takes too much. False if no more are wanted.
    fn derive(&mut self, rows: &RecordBatch) -> Result<bool> {
        let count = rows.num_rows();
        if count == 0 {
            return Ok(true);
        }
        let Some(followed) = Followed::new(self.part, rows, self.lookup, self.lookup.memory / 2)? else {
            let half = count / 2;
            return Ok(self.derive(&rows.slice(0, half))? && self.derive(&rows.slice(half, count - half))?);
        };
        for from in (0..count).step_by(BATCH_ROWS) {
            let (batch, bad) = self.batch(&followed, from, count.min(from + BATCH_ROWS))?;
            if !(self.take)(batch, bad)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn batch(&self, followed: &Followed<'_>, from: usize, until: usize) -> Result<(RecordBatch, Vec<BadCell>)> {
        let (rows, mut bad) = (until - from, Vec::new());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (at, (field, value)) in self.schema.fields().iter().zip(&self.part.values).enumerate() {
            let kind = field.data_type();
            let column: Option<ArrayRef> = match value {
                None => None,
                Some(Value::Text(text)) => Some(text_array(std::iter::repeat_n(Some(*text), rows))),
                Some(Value::Column(place)) => followed.values(place, from, until)?,
                Some(Value::First(places)) => Some(first(followed, places, from, until)?),
                Some(Value::Client(pick)) => Some(picked(followed, pick, from, until)?),
                Some(Value::Trimmed(pick)) => {
                    let trim = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
                    Some(made(&picked(followed, pick, from, until)?, trim)?)
                }
                Some(Value::Document(pick)) => {
                    let raw = picked(followed, pick, from, until)?;
                    // A value that two columns are made of is told of once.
                    if !self.part.values[at + 1..].contains(value) {
                        self.tell_bad(followed, texts(&raw)?, field.name(), from, &mut bad)?;
                    }
                    Some(made(&raw, |text| document(text).ok().flatten().map(|(digits, _)| digits))?)
                }
                Some(Value::DocumentType(place)) => {
                    let kind = |text: &str| document(text).ok().flatten().map(|(_, kind)| kind.name());
                    let raw = followed.values(place, from, until)?;
                    raw.map(|raw| made(&raw, kind)).transpose()?
                }
                Some(Value::Cep(place)) => followed.values(place, from, until)?.as_ref().map(cep),
            };
            columns.push(column.unwrap_or_else(|| new_null_array(kind, rows)));
        }
        let exported_at = TimestampMicrosecondArray::from_iter_values(std::iter::repeat_n(self.exported_at_micros, rows));
        columns.push(Arc::new(exported_at.with_timezone("UTC")));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| Error::defect(format!("rows of `{}` do not fit it: {error}", self.derivation.table.id)))?;
        Ok((batch, bad))
    }

    fn tell_bad(&self, followed: &Followed<'_>, raw: &StringArray, column: &str, from: usize, bad: &mut Vec<BadCell>) -> Result<()> {
        let own = Place {
            path: Vec::new(),
            column: "id".to_owned(),
        };
        let entity = self.part.values.first().and_then(|value| match value {
            Some(Value::Text(entity)) => Some(*entity),
            _ => None,
        });
        for (at, text) in raw.iter().enumerate() {
            let Some(text) = text else { continue };
            if let Err(reason) = document(text) {
                let id = followed.values(&own, from + at, from + at + 1)?;
                let id = id.as_ref().map(texts).transpose()?.map_or("", |ids| ids.value(0));
                bad.push(BadCell {
                    key: format!("{},{id}", entity.unwrap_or_default()),
                    column: column.to_owned(),
                    raw: text.to_owned(),
                    reason,
                });
            }
        }
        Ok(())
    }
}

/// The rows that the mapping takes.
fn chosen(part: &Part, batch: &RecordBatch) -> Result<RecordBatch> {
    let mut mask = vec![true; batch.num_rows()];
    if let Some((column, value)) = part.mapping.only {
        keep(&mut mask, batch, column, |text| text == Some(value))?;
    }
    if let Some(column) = part.mapping.present {
        keep(&mut mask, batch, column, |text| text.is_some())?;
    }
    filter_record_batch(batch, &BooleanArray::from(mask)).map_err(|error| Error::defect(format!("rows cannot be chosen: {error}")))
}

fn keep(mask: &mut [bool], batch: &RecordBatch, column: &str, is_wanted: impl Fn(Option<&str>) -> bool) -> Result<()> {
    let found = batch.column_by_name(column);
    let found = found.ok_or_else(|| Error::defect(format!("rows without the column `{column}`")))?;
    for (bit, text) in mask.iter_mut().zip(texts(found)?) {
        *bit &= is_wanted(text);
    }
    Ok(())
}

fn first(followed: &Followed<'_>, places: &[Place], from: usize, until: usize) -> Result<ArrayRef> {
    let mut cells: Vec<Option<String>> = vec![None; until - from];
    for place in places {
        if let Some(column) = followed.values(place, from, until)? {
            for (cell, text) in cells.iter_mut().zip(texts(&column)?) {
                if cell.is_none() {
                    *cell = text.filter(|text| !text.trim().is_empty()).map(str::to_owned);
                }
            }
        }
    }
    Ok(text_array(cells))
}

fn picked(followed: &Followed<'_>, pick: &Pick, from: usize, until: usize) -> Result<ArrayRef> {
    let mut cells: Vec<Option<String>> = vec![None; until - from];
    let mut is_open = vec![true; cells.len()];
    for (candidate, source) in pick.candidates.iter().zip(pick.places()) {
        let place = |column: &str| Place {
            path: candidate.path.clone(),
            column: column.to_owned(),
        };
        let Some(ids) = followed.values(&place("id"), from, until)? else {
            continue;
        };
        let mut is_one: Vec<bool> = texts(&ids)?.iter().map(|id| id.is_some()).collect();
        if let Some((column, value)) = candidate.when {
            let found = followed.values(&place(column), from, until)?;
            let found = found.ok_or_else(|| Error::defect(format!("rows without the column `{column}`")))?;
            for (bit, text) in is_one.iter_mut().zip(texts(&found)?) {
                *bit &= text == Some(value);
            }
        }
        let found = followed.values(&source, from, until)?;
        let found = found.as_ref().map(texts).transpose()?;
        for (row, is_open) in is_open.iter_mut().enumerate().filter(|(row, _)| is_one[*row]) {
            if std::mem::take(is_open) {
                let found = found.filter(|found| found.is_valid(row));
                cells[row] = found.map(|found| found.value(row).to_owned());
            }
        }
    }
    Ok(text_array(cells))
}

/// What is made of each text.
fn made<S: AsRef<str>>(raw: &ArrayRef, of: impl Fn(&str) -> Option<S>) -> Result<ArrayRef> {
    Ok(text_array(texts(raw)?.iter().map(|text| text.and_then(&of))))
}

/// | zipcode | cep |
/// |---|---|
/// | 1310100 | `01310100` |
/// | 80010000 | `80010000` |
/// | 0, -1, 123456789 | null |
fn cep(raw: &ArrayRef) -> ArrayRef {
    let text = |number: i64| (1..=99_999_999).contains(&number).then(|| format!("{number:08}"));
    let numbers = raw.as_primitive_opt::<Int64Type>();
    text_array(numbers.into_iter().flatten().map(|number| number.and_then(text)))
}

fn text_array<S: AsRef<str>>(cells: impl IntoIterator<Item = Option<S>>) -> ArrayRef {
    Arc::new(cells.into_iter().collect::<StringArray>())
}

fn joined(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    concat_batches(schema, batches).map_err(|error| Error::defect(format!("rows cannot be joined: {error}")))
}
