//! The rows of a table on their way into a record batch.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::SchemaRef;

use super::cell::Cell;
use crate::error::{Error, Result};
use crate::schema::{ColumnType, Table, arrow_schema};

/// Rows of a full batch.
pub const BATCH_ROWS: usize = 8_192;

/// Bytes of a full batch: it may pass them by one row.
const BATCH_BYTES: usize = 1 << 20;

/// The zone of every timestamp, spelled as in `schema::arrow_schema`.
const UTC: &str = "UTC";

/// Rows in columns.
#[derive(Debug)]
pub(super) struct Rows {
    schema: SchemaRef,
    columns: Vec<Values>,
    /// Which of them had a value other than null in an earlier batch.
    had_values: Vec<bool>,
    exported_at_micros: i64,
    rows: usize,
    /// Of text; the other types are counted by their rows.
    text_bytes: usize,
}

impl Rows {
    pub fn new(table: &Table, exported_at_micros: i64) -> Self {
        Self {
            schema: arrow_schema(table),
            columns: table.columns.iter().map(|column| Values::new(column.kind, 0, 0)).collect(),
            had_values: vec![false; table.columns.len()],
            exported_at_micros,
            rows: 0,
            text_bytes: 0,
        }
    }

    /// Appends to one column; each of them must get one value per row.
    #[inline(always)]
    pub fn append(&mut self, column: usize, cell: Cell<'_>) {
        if let Cell::Text(text) = cell {
            self.text_bytes += text.len();
        }
        if let Some(values) = self.columns.get_mut(column) {
            values.append(cell);
        }
    }

    /// Ends a row; whether the batch is full.
    pub fn end_row(&mut self) -> bool {
        self.rows += 1;
        self.is_full()
    }

    /// The rows so far, if there are any; the next batch starts empty.
    ///
    /// # Errors
    /// Only by a defect: a key that is null, or columns of different lengths.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let full = self.is_full();
        let exported_at = TimestampMicrosecondArray::from_value(self.exported_at_micros, self.rows).with_timezone(UTC);
        let columns = self.columns.iter_mut().zip(&mut self.had_values);
        let arrays = columns
            .map(|(values, had_values)| {
                let array = values.finish(full);
                *had_values |= array.null_count() < array.len();
                array
            })
            .chain([Arc::new(exported_at) as ArrayRef])
            .collect();
        self.rows = 0;
        self.text_bytes = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map(Some)
            .map_err(|error| Error::defect(format!("the decoded columns do not make a batch: {error}")))
    }

    /// Whether a column had a value other than null in the batches so far.
    pub fn has_values(&self, column: usize) -> bool {
        self.had_values.get(column).is_some_and(|had_values| *had_values)
    }

    fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.text_bytes + self.rows * self.columns.len() * size_of::<i64>() >= BATCH_BYTES
    }
}

/// The values of one column.
#[derive(Debug)]
enum Values {
    Text(StringBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
}

impl Values {
    /// No values, and room for so many, with so many bytes of text.
    fn new(kind: ColumnType, rows: usize, text_bytes: usize) -> Self {
        match kind {
            ColumnType::Text => Self::Text(StringBuilder::with_capacity(rows, text_bytes)),
            ColumnType::Int => Self::Int(Int64Builder::with_capacity(rows)),
            ColumnType::Float => Self::Float(Float64Builder::with_capacity(rows)),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows).with_timezone(UTC)),
            ColumnType::Date => Self::Date(Date32Builder::with_capacity(rows)),
        }
    }

    /// A cell of another type cannot come here; it would be null.
    #[inline(always)]
    fn append(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(values), Cell::Text(text)) => values.append_value(text),
            (Self::Text(values), _) => values.append_null(),
            (Self::Int(values), Cell::Int(number)) => values.append_value(number),
            (Self::Int(values), _) => values.append_null(),
            (Self::Float(values), Cell::Float(number)) => values.append_value(number),
            (Self::Float(values), _) => values.append_null(),
            (Self::Boolean(values), Cell::Boolean(flag)) => values.append_value(flag),
            (Self::Boolean(values), _) => values.append_null(),
            (Self::Timestamp(values), Cell::Micros(micros)) => values.append_value(micros),
            (Self::Timestamp(values), _) => values.append_null(),
            (Self::Date(values), Cell::Days(days)) => values.append_value(days),
            (Self::Date(values), _) => values.append_null(),
        }
    }

    /// The values so far. Where a batch was full the next one tends to be as large, and room for it is made at once.
    fn finish(&mut self, full: bool) -> ArrayRef {
        let text_bytes = match self {
            Self::Text(values) if full => values.values_slice().len(),
            _ => 0,
        };
        let (kind, array): (_, ArrayRef) = match self {
            Self::Text(values) => (ColumnType::Text, Arc::new(values.finish())),
            Self::Int(values) => (ColumnType::Int, Arc::new(values.finish())),
            Self::Float(values) => (ColumnType::Float, Arc::new(values.finish())),
            Self::Boolean(values) => (ColumnType::Boolean, Arc::new(values.finish())),
            Self::Timestamp(values) => (ColumnType::Timestamp, Arc::new(values.finish())),
            Self::Date(values) => (ColumnType::Date, Arc::new(values.finish())),
        };
        if full {
            *self = Self::new(kind, array.len(), text_bytes);
        }
        array
    }
}
