//! The end of a Parquet file, changed so that the readers of the last years take it.
//!
//! `parquet` 60 writes the order `IEEE_754_TOTAL_ORDER` for every column of FLOAT or DOUBLE, and has no setting for it. That order is younger than most
//! readers in use: what is built on `parquet` before 57 (DataFusion to 50, deltalake 1.0) and Polars to 1.42 refuse the whole file, PyArrow drops the
//! column's statistics. An older `parquet` would write what they take, but would have to stay old. So the footer that `parquet` made is held back, changed in
//! place and sent: no byte is added or removed, so every offset in it stays right.
//!
//! | where | from | to |
//! |---|---|---|
//! | `FileMetaData.column_orders` | `IEEE_754_TOTAL_ORDER` | `TYPE_DEFINED_ORDER` |
//! | least value of a chunk or a page of FLOAT or DOUBLE | `+0.0` | `-0.0` |
//! | greatest value of the same | `-0.0` | `+0.0` |
//! | `ColumnIndex.null_pages`, a list of booleans | type 2 | type 1 |
//!
//! The second and third are what the format asks of writers of that order: it does not tell the two zeros apart, and a reader may. It has no place for NaN either:
//! decoding lets none into a column, and a footer that counts one is a defect here. Of the two types that a list of booleans may have, `parquet` before 57
//! knows the first alone, and fails where a condition makes it look at pages.

use parquet::arrow::ArrowWriter;
use parquet::basic::Type;

use super::file::cannot_encode;
use super::thrift::{FALSE, Field, STRUCT, TRUE, Walk};
use super::upload::{Sent, Sink};
use crate::error::{Error, Result};

/// Length of the footer's length and the magic number behind it.
const END_BYTES: usize = 8;

/// Ends the file: its last row group, and the footer, changed. The sink is finished, too.
///
/// # Errors
/// `Store` when the sink failed; `Defect` when the footer is not what is expected here.
pub(super) fn finish(writer: &mut ArrowWriter<Sink>, path: &str) -> Result<Sent> {
    let written = end(writer);
    written.map_err(|error| {
        let failure = writer.inner_mut().take_failure();
        failure.unwrap_or_else(|| cannot_encode(path, &error))
    })?;
    let sink = writer.inner_mut();
    sink.release(|from, tail| for_every_reader(from, tail).map_err(|error| error.context(format!("cannot end `{path}`"))))?;
    sink.finish()
}

fn end(writer: &mut ArrowWriter<Sink>) -> parquet::errors::Result<()> {
    writer.flush()?;
    // Nothing of the row groups may be left in the encoder's own buffer: what comes now is held back.
    writer.sync()?;
    writer.inner_mut().hold();
    writer.finish().map(drop)
}

/// Changes the end of a file, which begins at byte `from` of it with its page indexes at the latest, as the table above says.
pub(super) fn for_every_reader(from: u64, tail: &mut [u8]) -> Result<()> {
    let cut = || Error::defect("the footer of a Parquet file is cut off");
    let end = tail.len().checked_sub(END_BYTES).ok_or_else(cut)?;
    let length = tail[end..].first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize);
    let start = length.and_then(|length| end.checked_sub(length)).ok_or_else(cut)?;
    let (before, footer) = tail.split_at_mut(start);
    let footer = &mut footer[..end - start];
    let length = footer.len();
    let mut walk = Walk::new(footer);
    let indexes = file_metadata(&mut walk)?;
    if walk.at() != length {
        return Err(walk.torn());
    }
    for index in indexes {
        let start = index.offset.checked_sub(from).and_then(|start| usize::try_from(start).ok());
        let place = start.and_then(|start| Some(start..start.checked_add(index.length)?));
        let bytes = place.and_then(|place| before.get_mut(place)).ok_or_else(cut)?;
        column_index(&mut Walk::new(bytes), index.width)?;
    }
    Ok(())
}

/// Where the page index of a column stands.
struct Index {
    offset: u64,
    length: usize,
    /// Bytes of a value, of FLOAT and DOUBLE.
    width: Option<usize>,
}

/// A leaf of the schema.
struct Leaf {
    name: String,
    /// Bytes of a value, of FLOAT and DOUBLE.
    width: Option<usize>,
}

/// `FileMetaData`: `2: list<SchemaElement> schema`, `4: list<RowGroup> row_groups`, `7: list<ColumnOrder> column_orders`.
fn file_metadata(walk: &mut Walk<'_>) -> Result<Vec<Index>> {
    let (mut leaves, mut indexes, mut orders) = (Vec::new(), Vec::new(), None);
    walk.fields(|walk, field| match field.id {
        2 => walk.list(|walk, _, _| {
            leaves.extend(schema_element(walk)?);
            Ok(())
        }),
        4 => walk.list(|walk, _, _| row_group(walk, &leaves, &mut indexes)),
        7 => {
            let mut count = 0;
            walk.list(|walk, n, _| {
                count = n + 1;
                let leaf = leaves.get(n).ok_or_else(|| walk.torn())?;
                column_order(walk, leaf)
            })?;
            orders = Some(count);
            Ok(())
        }
        _ => walk.skip(field.kind),
    })?;
    // Without an order, readers pass over the statistics.
    if orders != Some(leaves.len()) {
        return Err(walk.torn());
    }
    Ok(indexes)
}

/// `SchemaElement`: `1: Type type`, `4: string name`, `5: i32 num_children`, which a leaf lacks.
fn schema_element(walk: &mut Walk<'_>) -> Result<Option<Leaf>> {
    let (mut kind, mut name, mut group) = (None, String::new(), false);
    walk.fields(|walk, field| match field.id {
        1 => {
            kind = Some(walk.integer()?);
            Ok(())
        }
        4 => {
            let place = walk.binary()?;
            name = String::from_utf8_lossy(&walk.bytes()[place]).into_owned();
            Ok(())
        }
        5 => {
            group = true;
            walk.skip(field.kind)
        }
        _ => walk.skip(field.kind),
    })?;
    let width = match kind {
        Some(kind) if kind == Type::FLOAT as i64 => Some(4),
        Some(kind) if kind == Type::DOUBLE as i64 => Some(8),
        _ => None,
    };
    Ok((!group).then_some(Leaf { name, width }))
}

/// `ColumnOrder`, a union: `1: TYPE_ORDER`, `2: IEEE_754_TOTAL_ORDER`, both empty structs.
fn column_order(walk: &mut Walk<'_>, leaf: &Leaf) -> Result<()> {
    const TYPE_ORDER: u8 = 1 << 4 | STRUCT;
    const TOTAL_ORDER: u8 = 2 << 4 | STRUCT;
    walk.fields(|walk, Field { kind, header, .. }| {
        match (walk.bytes()[header], leaf.width) {
            (TYPE_ORDER, _) => {}
            (TOTAL_ORDER, Some(_)) => walk.bytes()[header] = TYPE_ORDER,
            _ => return Err(walk.torn()),
        }
        walk.skip(kind)
    })
}

/// `RowGroup`: `1: list<ColumnChunk> columns`.
fn row_group(walk: &mut Walk<'_>, leaves: &[Leaf], indexes: &mut Vec<Index>) -> Result<()> {
    walk.fields(|walk, field| match field.id {
        1 => walk.list(|walk, n, _| {
            let leaf = leaves.get(n).ok_or_else(|| walk.torn())?;
            column_chunk(walk, leaf, indexes)
        }),
        _ => walk.skip(field.kind),
    })
}

/// `ColumnChunk`: `3: ColumnMetaData meta_data`, in it `12: Statistics statistics`; `6: i64 column_index_offset`, `7: i32 column_index_length`.
fn column_chunk(walk: &mut Walk<'_>, leaf: &Leaf, indexes: &mut Vec<Index>) -> Result<()> {
    let (mut offset, mut length) = (None, None);
    walk.fields(|walk, field| match (field.id, leaf.width) {
        (3, Some(width)) => walk.fields(|walk, field| match field.id {
            12 => statistics(walk, leaf, width),
            _ => walk.skip(field.kind),
        }),
        (6, _) => {
            offset = Some(walk.integer()?);
            Ok(())
        }
        (7, _) => {
            length = Some(walk.integer()?);
            Ok(())
        }
        _ => walk.skip(field.kind),
    })?;
    if let (Some(offset), Some(length)) = (offset, length) {
        let (Ok(offset), Ok(length)) = (u64::try_from(offset), usize::try_from(length)) else {
            return Err(walk.torn());
        };
        let width = leaf.width;
        indexes.push(Index { offset, length, width });
    }
    Ok(())
}

/// `Statistics`: `1: max`, `2: min`, `5: max_value`, `6: min_value`, `9: i64 nan_count`.
fn statistics(walk: &mut Walk<'_>, leaf: &Leaf, width: usize) -> Result<()> {
    walk.fields(|walk, field| match field.id {
        1 | 5 => bound(walk, width, Bound::Greatest),
        2 | 6 => bound(walk, width, Bound::Least),
        9 => match walk.integer()? {
            0 => Ok(()),
            count => Err(Error::defect(format!(
                "column `{}` has {count} values that are not a number",
                leaf.name
            ))),
        },
        _ => walk.skip(field.kind),
    })
}

/// `ColumnIndex`: `1: list<bool> null_pages`, `2: list<binary> min_values`, `3: list<binary> max_values`; the bounds of a page of nulls mean nothing.
fn column_index(walk: &mut Walk<'_>, width: Option<usize>) -> Result<()> {
    let mut null_pages = Vec::new();
    walk.fields(|walk, field| match field.id {
        1 => {
            let header = walk.at();
            walk.list(|walk, _, _| {
                null_pages.push(walk.boolean()?);
                Ok(())
            })?;
            let header = &mut walk.bytes()[header];
            if *header & 0x0f == FALSE {
                *header = *header & 0xf0 | TRUE;
            }
            Ok(())
        }
        2 | 3 => walk.list(|walk, n, kind| match (width, null_pages.get(n)) {
            (Some(width), Some(false)) if field.id == 2 => bound(walk, width, Bound::Least),
            (Some(width), Some(false)) => bound(walk, width, Bound::Greatest),
            _ => walk.skip(kind),
        }),
        _ => walk.skip(field.kind),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Least,
    Greatest,
}

/// A bound of this many bytes: of the two zeros, the one that spans both.
fn bound(walk: &mut Walk<'_>, width: usize, bound: Bound) -> Result<()> {
    let place = walk.binary()?;
    if place.len() != width {
        return Err(walk.torn());
    }
    // Little-endian: the sign is the highest bit of the last byte.
    let Some((sign, rest)) = walk.bytes()[place].split_last_mut() else {
        return Ok(());
    };
    if rest.iter().all(|byte| *byte == 0) && *sign & 0x7f == 0 {
        *sign = if bound == Bound::Least { 0x80 } else { 0 };
    }
    Ok(())
}
