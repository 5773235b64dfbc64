//! What of a read is new to the lake, and which of the lake's files it touches.
//!
//! | step | in | out |
//! |---|---|---|
//! | [`Merge::new`] | the base: the newest manifests of a table and those exploded from it | an index of the rows inside the range |
//! | [`Merge::sift`] | batches of the table, with all rows exploded from their rows | the rows that are not as the lake holds them |
//! | [`Merge::rewrite`] | the base's files | those that stay as they are; the rows that stay of those that hold a touched key |
//!
//! A *touched* key is that of a row that changed or vanished. Rows exploded from a touched row go together, whatever their own keys are, and whether the
//! vendor re-issued them or not. What `docs/refresh.md` says of a cycle is done here.

mod absorb;
mod index;
mod key;
mod rewrite;
mod shrink;
mod stay;
#[cfg(test)]
mod tests;
mod without_cursor;

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::filter::filter_record_batch;
use tokio::runtime::Handle;

use crate::commit::Manifest;
use crate::error::{Error, Kind, Result};
use crate::schema::{ColumnType, Table, arrow_schema};
use crate::store::{Lake, PartitionValue};
use index::Index;
use key::{Hashing, Key, KeySet};
use shrink::Tally;

pub use shrink::Loss;
pub use stay::Rows;

/// Touched keys that are remembered as texts.
const MOST_TEXTS: usize = 4_096;

const MICROS_OF_A_DAY: i64 = 86_400_000_000;

/// Instants of the cursor, microseconds since 1970 in UTC: from the first on, before the second. Without either, every row is inside. A row without a cursor
/// is outside any other range, so that it does not go because it was not sent; one that was sent is taken all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// The first inside.
    pub from: Option<i64>,
    /// The first beyond.
    pub until: Option<i64>,
}

/// What becomes of rows inside the range that a read does not bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The read brings what changed: they stay.
    Stay,
    /// The read brings all there is: they are gone at the vendor, and go.
    Go,
}

/// How a read is merged.
#[derive(Debug, Clone, Copy)]
pub struct MergeOptions {
    /// What was asked of the vendor. Rows outside are left alone, read or not.
    pub range: Range,
    /// What becomes of rows that are not read.
    pub missing: Missing,
    /// The read is to bring keys only: a row that is met is as it was.
    pub keys_only: bool,
    /// Rows that were read are compared with those of the lake. If not, each counts as changed.
    pub compare: bool,
    /// Bytes for the index; beyond, nothing is compared. Where only keys are read, they take as much at most once more.
    pub memory: usize,
    /// What files aim at.
    pub target_file_bytes: u64,
}

/// Rows that the vendor sent although it was asked for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strays {
    /// Outside of what the vendor's filter promises. It may be coarser than what was asked for.
    promised: Range,
    /// Rows outside of it.
    pub rows: u64,
    /// All rows that were sent.
    pub of: u64,
}

/// What a read does to a table and those exploded from it. Its methods fetch from the lake: call them on a blocking thread.
pub struct Merge {
    lake: Lake,
    handle: Handle,
    options: MergeOptions,
    hashing: Hashing,
    members: Vec<Member>,
    /// The cursor: its place in the table, its name.
    cursor: Option<(usize, String)>,
    index: Option<Index>,
    /// The base's rows without a cursor, once one was sent that a range cannot ask for.
    without_cursor: Option<Index>,
    /// The keys that were read, where only keys are read and the index did not fit.
    read: KeySet,
    touched: KeySet,
    /// Keys that were read and that the index does not have.
    new: KeySet,
    /// The touched keys themselves where they are single texts, and few: files are passed over by them.
    texts: Option<BTreeSet<String>>,
    /// Nothing of the base stays, or there is none: which keys are touched is of no use.
    replaces_all: bool,
    /// Rows that were written, for each table by partition: small files are taken in beside them.
    new_rows: Vec<Vec<(Option<PartitionValue>, u64)>>,
    /// Rows read inside the range, and of these the ones that the lake does not hold; rows that vanished.
    rows_read: u64,
    changed: u64,
    greatest_cursor: Option<i64>,
    /// There is an index, or was until the files are rewritten.
    had_index: bool,
    /// Rows that stay although they are not read.
    stays: KeySet,
    /// What the lake would lose by the read.
    tally: Tally,
    strays: Strays,
}

/// A table of the family: the first is the one that is read.
struct Member {
    table: Table,
    /// The columns that hold the key of the table that is read.
    key: Vec<usize>,
    /// Columns that a digest is made of: all but `_exported_at`.
    columns: usize,
    base: Option<Manifest>,
}

impl Merge {
    /// Indexes the base's rows inside the range. `tables`: the one that is read, then those exploded from it; `base`: their newest manifests.
    ///
    /// # Errors
    /// `Store` when a file of the base cannot be read.
    pub fn new(lake: &Lake, handle: Handle, tables: &[Table], base: Vec<Option<Manifest>>, options: MergeOptions) -> Result<Self> {
        let Some(parent) = tables.first() else {
            return Err(Error::defect("a merge of no table"));
        };
        let members = tables
            .iter()
            .zip(base)
            .map(|(table, base)| {
                let key = table.key_in(parent).ok_or_else(|| {
                    Error::config(format!(
                        "table `{}` does not hold the key of `{}` ({}), by which its rows are replaced",
                        table.id,
                        parent.id,
                        parent.primary_key.join(", ")
                    ))
                    .hint("give it a column `{ parent = \"...\" }` for each column of that key")
                })?;
                Ok(Member {
                    key,
                    columns: table.columns.len(),
                    table: table.clone(),
                    base,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let cursor = parent
            .replication
            .cursor
            .as_ref()
            .and_then(|name| Some((arrow_schema(parent).index_of(name).ok()?, name.clone())));
        let mut merge = Self {
            lake: lake.clone(),
            handle,
            options,
            hashing: Hashing::default(),
            members,
            cursor,
            index: None,
            without_cursor: None,
            read: KeySet::default(),
            touched: KeySet::default(),
            new: KeySet::default(),
            texts: None,
            replaces_all: false,
            new_rows: Vec::new(),
            rows_read: 0,
            changed: 0,
            greatest_cursor: None,
            had_index: false,
            stays: KeySet::default(),
            tally: Tally::new(tables.len()),
            strays: Strays::default(),
        };
        if options.compare || options.keys_only {
            merge.index = merge.build_index()?;
            merge.had_index = merge.index.is_some();
        }
        let brings_all = !options.keys_only && options.missing == Missing::Go && options.range == Range::default();
        let all = merge.index.is_none() && brings_all;
        merge.replaces_all = all || merge.members.iter().all(|member| member.base.is_none());
        let is_text = |at: &usize| parent.columns[*at].kind == ColumnType::Text;
        merge.texts = matches!(&merge.members[0].key[..], [key] if is_text(key)).then(BTreeSet::new);
        if !merge.replaces_all {
            merge.touch_orphans()?;
        }
        Ok(merge)
    }

    /// Takes the batches of each table, and gives back those rows inside the range that the lake does not hold, with what was exploded from them. The rows exploded from a
    /// row must come with it.
    ///
    /// # Errors
    /// Only by a defect.
    pub fn sift(&mut self, mut set: Vec<Vec<RecordBatch>>) -> Result<Vec<Vec<RecordBatch>>> {
        let exploded: Vec<Vec<RecordBatch>> = set.drain(1..).collect();
        let (mut inside, mut read, mut kept) = (Vec::new(), 0, 0);
        for batch in set.pop().unwrap_or_default() {
            read += batch.num_rows();
            if let Some(rows) = self.inside(batch)? {
                kept += rows.num_rows();
                inside.push(rows);
            }
        }
        if self.replaces_all && self.index.is_none() && !self.options.keys_only && kept == read {
            // A load: every row is new, and nobody will ask for its key.
            self.changed += kept as u64;
            self.tally.explode(&exploded, &exploded);
            return Ok(std::iter::once(inside).chain(exploded).collect());
        }
        let digested = self.index.is_some() && !self.options.keys_only;
        let exploded_digests = if digested {
            self.exploded_digests(&exploded)?
        } else {
            Exploded::default()
        };
        // The keys of rows that are to be written.
        let mut fresh = KeySet::default();
        let mut fresh_rows = Vec::with_capacity(inside.len());
        for batch in inside {
            let keys = self.hashing.keys(&batch, &self.members[0].key)?;
            let digests = match digested {
                true => self.hashing.digests(&batch, self.members[0].columns)?,
                false => vec![0; keys.len()],
            };
            let lacking = self.lacking_cursor(&batch)?;
            let mut mask = Vec::with_capacity(keys.len());
            for (row, (key, digest)) in keys.into_iter().zip(digests).enumerate() {
                let lacks_cursor = lacking.as_ref().is_some_and(|lacking| lacking.is_null(row));
                let is_fresh = self.meet(key, digest.wrapping_add(exploded_digests.digest(key)), lacks_cursor);
                if is_fresh {
                    fresh.insert(key);
                }
                mask.push(is_fresh);
            }
            if let Some(rows) = filter(&batch, mask)? {
                self.note_texts(&rows);
                fresh_rows.push(rows);
            }
        }
        if self.read.hash_bytes() > self.options.memory {
            return Err(Error::new(
                Kind::Data,
                format!(
                    "the keys of `{}` do not fit in {} bytes of memory, so rows that are gone cannot be told",
                    self.members[0].table.id, self.options.memory
                ),
            )
            .hint("give more with --memory, or read the table with --full-refresh instead of `reconcile`"));
        }
        let mut out = vec![fresh_rows];
        for (at, batches) in exploded.iter().enumerate() {
            let mut rows = Vec::with_capacity(batches.len());
            for batch in batches {
                let keys = self.hashing.keys(batch, &self.members[at + 1].key)?;
                rows.extend(filter(batch, keys.into_iter().map(|key| fresh.contains(key)).collect())?);
            }
            out.push(rows);
        }
        self.tally.explode(&exploded, &out[1..]);
        Ok(out)
    }

    /// Takes note of a row that was read; whether it is to be written.
    fn meet(&mut self, key: Key, digest: u64, lacks_cursor: bool) -> bool {
        let met = self.index.as_mut().and_then(|index| index.meet(key, digest));
        let mut is_known = met == Some(true);
        if lacks_cursor {
            // It is outside the range, and makes up for no row that vanished from there.
            is_known |= self.without_cursor.as_mut().and_then(|index| index.meet(key, digest)) == Some(true);
        } else {
            self.tally.strange += u64::from(met.is_none());
        }
        if self.options.keys_only {
            // Of a row that the lake lacks the key alone says too little.
            if self.index.is_none() {
                self.read.insert(key);
            }
            return false;
        }
        if !is_known && met.is_none() && self.index.is_some() && !self.new.insert(key) {
            // The vendor writes the key in two ways: the first is the row.
            return false;
        }
        if !is_known {
            self.changed += 1;
            if !self.replaces_all {
                self.touched.insert(key);
            }
        }
        !is_known
    }

    /// Remembers the keys of touched rows, unless they are too many.
    fn note_texts(&mut self, rows: &RecordBatch) {
        let ([key], Some(texts)) = (&self.members[0].key[..], &mut self.texts) else {
            return;
        };
        texts.extend(rows.column(*key).as_string::<i32>().iter().flatten().map(str::to_owned));
        if texts.len() > MOST_TEXTS {
            self.texts = None;
        }
    }

    /// Rows that are new, changed or vanished, as far as is known.
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// What the vendor's filter promises: rows outside of it are counted.
    pub fn promised(mut self, promised: Range) -> Self {
        self.strays.promised = promised;
        self
    }

    /// The rows that were sent although others were asked for.
    pub fn strays(&self) -> Strays {
        self.strays
    }

    /// Rows of the table that were read inside the range.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// The greatest cursor of these, microseconds since 1970 in UTC.
    pub fn greatest_cursor(&self) -> Option<i64> {
        self.greatest_cursor
    }

    /// The rows of a batch that are inside the range.
    fn inside(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let range = self.options.range;
        let Some((cursor, _)) = self.cursor else {
            self.rows_read += batch.num_rows() as u64;
            return Ok(Some(batch));
        };
        let instants = instants(batch.column(cursor).as_ref())?;
        let promised = self.strays.promised;
        self.strays.of += instants.len() as u64;
        self.strays.rows += instants.iter().flatten().filter(|at| !promised.contains(**at)).count() as u64;
        // A row without a cursor was sent although it cannot be asked for: it is inside.
        let is_inside = |at: &Option<i64>| at.is_none_or(|at| range.contains(at));
        let greatest = instants.iter().filter(|at| is_inside(at)).flatten().max().copied();
        self.greatest_cursor = self.greatest_cursor.max(greatest);
        let rows = filter(&batch, instants.iter().map(is_inside).collect())?;
        self.rows_read += rows.as_ref().map_or(0, RecordBatch::num_rows) as u64;
        Ok(rows)
    }

    fn exploded_digests(&self, exploded: &[Vec<RecordBatch>]) -> Result<Exploded> {
        let mut digests = Exploded::default();
        for (member, batches) in self.members.iter().skip(1).zip(exploded) {
            for batch in batches {
                digests.0.extend(member.digests(&self.hashing, batch)?);
            }
        }
        digests.0.sort_unstable_by_key(|(key, _)| *key);
        Ok(digests)
    }
}

impl Member {
    /// The parent's key and the digest of each row of an exploded table; the table's name goes in, so that a row cannot move from one to another unseen.
    fn digests(&self, hashing: &Hashing, batch: &RecordBatch) -> Result<impl Iterator<Item = (Key, u64)>> {
        let salt = self
            .table
            .id
            .bytes()
            .fold(0_u64, |salt, byte| salt.wrapping_mul(31).wrapping_add(byte.into()));
        let keys = hashing.keys(batch, &self.key)?;
        let digests = hashing.digests(batch, self.columns)?;
        Ok(keys.into_iter().zip(digests).map(move |(key, digest)| (key, mix(digest ^ salt))))
    }
}

/// The digests of exploded rows, in the order of the key of the row that they were exploded from.
#[derive(Debug, Default)]
struct Exploded(Vec<(Key, u64)>);

impl Exploded {
    /// Their sum: rows exploded from one row have no order among them in the lake.
    fn digest(&self, key: Key) -> u64 {
        let first = self.0.partition_point(|(other, _)| *other < key);
        self.0[first..]
            .iter()
            .take_while(|(other, _)| *other == key)
            .fold(0, |sum: u64, (_, digest)| sum.wrapping_add(*digest))
    }
}

/// The cursor's values, microseconds since 1970 in UTC.
fn instants(array: &dyn Array) -> Result<Vec<Option<i64>>> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(array.as_primitive::<TimestampMicrosecondType>().iter().collect()),
        DataType::Date32 => Ok(array
            .as_primitive::<Date32Type>()
            .iter()
            .map(|day| Some(i64::from(day?) * MICROS_OF_A_DAY))
            .collect()),
        other => Err(Error::config(format!("a cursor of type {other}: expected a timestamp or a date"))),
    }
}

/// The rows whose bit is set; nothing if there is none.
fn filter(batch: &RecordBatch, mask: Vec<bool>) -> Result<Option<RecordBatch>> {
    if mask.iter().all(|bit| *bit) {
        return Ok((batch.num_rows() > 0).then(|| batch.clone()));
    }
    if !mask.contains(&true) {
        return Ok(None);
    }
    let rows = filter_record_batch(batch, &BooleanArray::from(mask));
    rows.map(Some)
        .map_err(|error| Error::defect(format!("cannot filter rows: {error}")))
}

/// Spreads the bits: a sum of digests must not cancel out.
fn mix(digest: u64) -> u64 {
    let digest = (digest ^ (digest >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    digest ^ (digest >> 33)
}
