//! How the files of a table are laid out: Parquet properties, by table and by the first batch of each file.

use std::collections::HashSet;
use std::hash::Hash;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{BloomFilterProperties, EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::WriteOptions;
use super::partition::Splitter;
use crate::error::{Error, Result};
use crate::schema::{Origin, Table, arrow_schema};

/// Rows of a batch that are looked at to judge a dictionary.
const SAMPLE_ROWS: usize = 4_096;

/// Values below which a sample says nothing. Then there is a dictionary: the encoder leaves it when it grows too large.
const MIN_SAMPLE: usize = 32;

/// Of a hundred keys that a row group does not hold, its bloom filter lets three through. That costs one byte a row; filters come in powers of two, so the
/// next better one would cost two.
const BLOOM_FALSE_POSITIVES: f64 = 0.03;

/// What is the same for every file of a table.
pub(super) struct Layout {
    pub schema: SchemaRef,
    /// Splits rows into folders, if the table has partitions.
    pub splitter: Option<Splitter>,
    /// The key's columns, those of the parent's, and the cursor: their bounds go into the manifest.
    pub bounded: Vec<usize>,
    /// The single numeric column of the key, in whose order the rows may come.
    pub ordered_by: Option<usize>,
    keys: Vec<usize>,
    /// Columns by which readers skip pages: the bounded ones and the partition's.
    indexed: Vec<usize>,
    compression: Compression,
    row_group_rows: usize,
    metadata: Vec<KeyValue>,
}

impl Layout {
    /// The layout of this table's files at this version.
    pub(super) fn new(connection: &str, table: &Table, version: u64, options: &WriteOptions) -> Result<Self> {
        let schema = arrow_schema(table);
        let place = |name: &str| {
            schema
                .index_of(name)
                .map_err(|_| Error::defect(format!("table `{}` has no column `{name}`", table.id)))
        };
        let keys: Vec<usize> = table.primary_key.iter().map(|name| place(name)).collect::<Result<_>>()?;
        let mut bounded = keys.clone();
        // Rows exploded from one row are found by its key.
        for (at, column) in table.columns.iter().enumerate() {
            if matches!(column.origin, Origin::Parent(_)) {
                add(&mut bounded, at);
            }
        }
        if let Some(cursor) = &table.replication.cursor {
            add(&mut bounded, place(cursor)?);
        }
        let mut indexed = bounded.clone();
        let mut splitter = None;
        if let Some(partition) = &table.partition {
            let column = place(&partition.column)?;
            add(&mut indexed, column);
            splitter = Some(Splitter::new(partition, column));
        }
        let numeric = |column: &usize| matches!(schema.field(*column).data_type(), DataType::Int64 | DataType::Float64);
        let ordered_by = match keys.as_slice() {
            [key] if numeric(key) => Some(*key),
            _ => None,
        };
        let level = ZstdLevel::try_new(options.zstd_level)
            .map_err(|_| Error::config(format!("zstd has no level {}, expected 1 to 22", options.zstd_level)))?;
        let note = |key: &str, value: &str| KeyValue::new(format!("afluente.{key}"), value.to_owned());
        Ok(Self {
            splitter,
            bounded,
            ordered_by,
            keys,
            indexed,
            compression: Compression::ZSTD(level),
            row_group_rows: options.row_group_rows,
            metadata: vec![
                note("connection", connection),
                note("table", &table.id),
                note("version", &version.to_string()),
                note("run_id", &options.run_id),
            ],
            schema,
        })
    }

    /// The properties of a file that begins with this batch; `ordered`: its rows will stand in the key's order.
    ///
    /// | column | dictionary | statistics | bloom filter |
    /// |---|---|---|---|
    /// | boolean | no: one bit a value already | chunk | |
    /// | the key, alone or numeric | no: its values differ | chunk and page | yes |
    /// | text of a composed key | as measured | chunk and page | yes |
    /// | cursor, partition | as measured | chunk and page | |
    /// | other | as measured | chunk | |
    ///
    /// As measured: where the sample has fewer than 32 values, or at most half of them differ. A dictionary that does not pay costs a quarter of
    /// the speed.
    pub(super) fn properties(&self, first: &RecordBatch, ordered: bool) -> Result<WriterProperties> {
        // Data pages of version 1, plain where there is no dictionary: every reader takes them, and zstd does the rest.
        let mut builder = WriterProperties::builder()
            // "<application> version <version>": parquet-java distrusts the statistics of texts in files by an author it cannot parse.
            .set_created_by(format!("afluente version {}", env!("CARGO_PKG_VERSION")))
            .set_compression(self.compression)
            .set_max_row_group_row_count(Some(self.row_group_rows))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_key_value_metadata(Some(self.metadata.clone()));
        for (at, field) in self.schema.fields().iter().enumerate() {
            let path = ColumnPath::new(vec![field.name().clone()]);
            builder = builder.set_column_dictionary_enabled(path.clone(), self.has_dictionary(at, first));
            if self.indexed.contains(&at) {
                builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::Page);
            }
            if self.keys.contains(&at) {
                // The filter is folded to the values there are when its row group ends; until then it has a byte for each row there may be.
                let bloom = BloomFilterProperties::builder()
                    .with_fpp(BLOOM_FALSE_POSITIVES)
                    .with_max_ndv(self.row_group_rows as u64)
                    .try_build()
                    .map_err(|error| Error::defect(format!("bloom filter: {error}")))?;
                builder = builder.set_column_bloom_filter_properties(path, bloom);
            }
        }
        if let (Some(column), true) = (self.ordered_by, ordered) {
            builder = builder.set_sorting_columns(Some(vec![SortingColumn {
                // Tables have some dozens of columns.
                column_idx: column as i32,
                descending: false,
                nulls_first: false,
            }]));
        }
        Ok(builder.build())
    }

    fn has_dictionary(&self, column: usize, first: &RecordBatch) -> bool {
        let text = *self.schema.field(column).data_type() == DataType::Utf8;
        if self.keys.contains(&column) && (self.keys.len() == 1 || !text) {
            return false;
        }
        let sample = first.column(column).slice(0, first.num_rows().min(SAMPLE_ROWS));
        match sample.data_type() {
            DataType::Utf8 => repeats(sample.as_string::<i32>().iter()),
            DataType::Int64 => repeats(sample.as_primitive::<Int64Type>().iter()),
            DataType::Date32 => repeats(sample.as_primitive::<Date32Type>().iter()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => repeats(sample.as_primitive::<TimestampMicrosecondType>().iter()),
            DataType::Float64 => repeats(sample.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::to_bits))),
            _ => false,
        }
    }
}

fn add(columns: &mut Vec<usize>, column: usize) {
    if !columns.contains(&column) {
        columns.push(column);
    }
}

fn repeats<T: Hash + Eq>(values: impl Iterator<Item = Option<T>>) -> bool {
    let (mut seen, mut count) = (HashSet::new(), 0);
    for value in values.flatten() {
        seen.insert(value);
        count += 1;
    }
    count < MIN_SAMPLE || seen.len() * 2 <= count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_needs_values_that_repeat() {
        assert!(repeats((0..1_000).map(|n| Some(n % 500))));
        assert!(!repeats((0..1_000).map(|n| Some(n % 501))));
        assert!(!repeats((0..1_000).map(Some)));
        assert!(repeats((0..31).map(Some)), "too few to tell");
        assert!(repeats((0..1_000).map(|_| None::<i64>)), "nulls cost a dictionary nothing");
    }
}
