//! The keys of a family: each once in its table, and the parent of every exploded row there.
//!
//! Whole numbers that lie within 2^30 of each other go into a bitmap, in one pass. Other keys are hashed to 128 bits, and two million hashes are held at a
//! time: a pass takes those that fall into its share.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use roaring::RoaringTreemap;
use serde_json::Value;
use tokio::runtime::Handle;

use super::{Family, Finding, REFRESH, fault};
use crate::commit::{Entry, Manifest};
use crate::error::Result;
use crate::scan::DataFileReader;
use crate::store::Lake;

/// Distance between the least and the greatest key up to which a bitmap of them, 128 MiB at most, is taken.
const MAX_SPAN: i64 = 1 << 30;
/// Hashes held at a time: 72 MiB, with the room that a hash set leaves.
const MAX_HASHES: u64 = 2 << 20;
/// A number beyond which a float is not sure to be a whole one.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// What is wrong with the keys of these files, which were found sound one by one.
pub(super) fn verify(lake: &Lake, handle: &Handle, family: &Family, sound: &[Vec<Entry>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some((of_parent, of_children)) = sound.split_first() else {
        return findings;
    };
    let mut children = Vec::new();
    for (child, entries) in family.children.iter().zip(of_children) {
        findings.extend(Table::new(lake, handle, child, entries).check(&[]));
        // Where a file of the parent cannot be read, its rows would all be missed once more.
        if of_parent.len() == family.parent.entries.len()
            && let Some(columns) = parent_columns(&family.parent, child)
        {
            children.push((Table::new(lake, handle, child, entries), columns));
        }
    }
    findings.extend(Table::new(lake, handle, &family.parent, of_parent).check(&children));
    findings
}

/// The columns of an exploded table that hold its parent's key, in the order of the key. Nothing where it has none, or the parent has no key.
fn parent_columns(parent: &Manifest, child: &Manifest) -> Option<Vec<String>> {
    let of_key = parent.primary_key.iter().map(|key| {
        let target = format!("{}.{key}", parent.table);
        let mut columns = child.schema.columns.iter();
        // The first: columns of the parent stand before those of the element, which may refer to the parent's table, too.
        let column = columns.find(|column| column.references.as_deref() == Some(target.as_str()));
        column.map(|column| column.name.clone())
    });
    of_key.collect::<Option<Vec<String>>>().filter(|columns| !columns.is_empty())
}

/// A table whose keys are looked at.
struct Table<'a> {
    lake: &'a Lake,
    handle: &'a Handle,
    manifest: &'a Manifest,
    entries: &'a [Entry],
}

impl<'a> Table<'a> {
    fn new(lake: &'a Lake, handle: &'a Handle, manifest: &'a Manifest, entries: &'a [Entry]) -> Self {
        Self {
            lake,
            handle,
            manifest,
            entries,
        }
    }

    /// Looks for keys that stand twice, and for rows of these exploded tables whose parent's key, in these columns, is not among them.
    fn check(&self, children: &[(Table<'_>, Vec<String>)]) -> Vec<Finding> {
        let key = &self.manifest.primary_key;
        if key.is_empty() {
            return Vec::new();
        }
        let mut twice = vec![Tally::default(); self.entries.len()];
        let mut orphans: Vec<Vec<Tally>> = children
            .iter()
            .map(|(child, _)| vec![Tally::default(); child.entries.len()])
            .collect();
        let span = self.span();
        let passes = match span {
            Some(_) => 1,
            None => self.manifest.rows.div_ceil(MAX_HASHES).max(1),
        };
        let mut findings = Vec::new();
        for pass in 0..passes {
            let mut keys = Keys::new(span, pass, passes);
            let looked = self.each_key(key, |file, key| {
                if keys.insert(key) == Some(false) {
                    twice[file].add(key);
                }
            });
            findings.extend(looked.err());
            for ((child, columns), orphans) in children.iter().zip(&mut orphans) {
                let looked = child.each_key(columns, |file, key| {
                    if keys.contains(key) == Some(false) {
                        orphans[file].add(key);
                    }
                });
                findings.extend(looked.err());
            }
        }
        for (entry, tally) in self.entries.iter().zip(&twice).filter(|(_, tally)| tally.rows > 0) {
            let what = format!(
                "has {} of `{}` whose key stands in the table already, the first with {}",
                rows(tally.rows),
                key.join(", "),
                tally.first
            );
            findings.push(fault(self.manifest, Some(entry), &what, REFRESH));
        }
        for ((child, columns), tallies) in children.iter().zip(&orphans) {
            for (entry, tally) in child.entries.iter().zip(tallies).filter(|(_, tally)| tally.rows > 0) {
                let what = format!(
                    "has {} whose `{}` is not in `{}`, the first with {}",
                    rows(tally.rows),
                    columns.join(", "),
                    self.manifest.table,
                    tally.first
                );
                findings.push(fault(child.manifest, Some(entry), &what, REFRESH));
            }
        }
        findings
    }

    /// The least key, if all are whole numbers and lie near enough to each other, as the manifest's bounds say.
    fn span(&self) -> Option<i64> {
        let [key] = self.manifest.primary_key.as_slice() else { return None };
        let bound = |bounds: &serde_json::Map<String, Value>| {
            let bound = bounds.get(key)?;
            bound.as_i64().or_else(|| bound.as_f64().and_then(whole))
        };
        let (mut least, mut greatest) = (i64::MAX, i64::MIN);
        for entry in self.entries.iter().filter(|entry| entry.meta.record_count > 0) {
            least = least.min(bound(&entry.meta.min)?);
            greatest = greatest.max(bound(&entry.meta.max)?);
        }
        greatest
            .checked_sub(least)
            .filter(|span| (0..=MAX_SPAN).contains(span))
            .map(|_| least)
    }

    /// Every value of these columns, with the place of its file; null is a value, but a row where all are null is left out.
    fn each_key(&self, columns: &[String], mut told: impl FnMut(usize, &Key)) -> Result<(), Finding> {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        for (file, entry) in self.entries.iter().enumerate() {
            self.each_batch(entry, &names, |batch| {
                let columns: Vec<_> = names.iter().filter_map(|name| batch.column_by_name(name)).collect();
                for row in 0..batch.num_rows() {
                    if columns.iter().any(|column| column.is_valid(row)) {
                        let cells = columns.iter().map(|column| cell(column.as_ref(), row));
                        told(file, &Key(cells.collect()));
                    }
                }
            })
            .map_err(|error| fault(self.manifest, Some(entry), error.message(), REFRESH))?;
        }
        Ok(())
    }

    fn each_batch(&self, entry: &Entry, columns: &[&str], mut told: impl FnMut(&RecordBatch)) -> Result<()> {
        let path = self.manifest.path_of(entry);
        let reader = DataFileReader::open(self.lake, &path, entry.meta.content_length, self.handle.clone())?;
        for batch in reader.batches(Some(columns)) {
            told(&batch?);
        }
        Ok(())
    }
}

/// What was found of a file: how many rows, and the first.
#[derive(Debug, Clone, Default)]
struct Tally {
    rows: u64,
    first: String,
}

impl Tally {
    fn add(&mut self, key: &Key) {
        if self.rows == 0 {
            self.first = key.text();
        }
        self.rows += 1;
    }
}

/// The values of a row's key.
struct Key(Vec<Cell>);

enum Cell {
    /// A whole number, however the column holds it.
    Whole(i64),
    Float(f64),
    Text(String),
    Null,
}

impl Key {
    fn text(&self) -> String {
        let cell = |cell: &Cell| match cell {
            Cell::Whole(value) => value.to_string(),
            Cell::Float(value) => value.to_string(),
            // A text may be an e-mail address, and findings are printed and logged.
            Cell::Text(value) => format!("a text of {} characters", value.chars().count()),
            Cell::Null => "null".to_owned(),
        };
        self.0.iter().map(cell).collect::<Vec<_>>().join(", ")
    }

    fn hash(&self) -> u128 {
        // The program's own 64-bit hash, twice over different beginnings: among a billion keys, two of 128 bits are alike once in 10^20 lakes.
        let half = |beginning: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(beginning);
            for cell in &self.0 {
                match cell {
                    Cell::Whole(value) => hasher.write(&[&[0], value.to_le_bytes().as_slice()].concat()),
                    Cell::Float(value) => hasher.write(&[&[1], value.to_bits().to_le_bytes().as_slice()].concat()),
                    Cell::Text(value) => {
                        hasher.write(&[&[2], (value.len() as u64).to_le_bytes().as_slice()].concat());
                        hasher.write(value.as_bytes());
                    }
                    Cell::Null => hasher.write(&[3]),
                }
            }
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }
}

/// The keys of one pass.
enum Keys {
    Whole { least: i64, seen: RoaringTreemap },
    Hashed { pass: u64, passes: u64, seen: HashSet<u128> },
}

impl Keys {
    fn new(least: Option<i64>, pass: u64, passes: u64) -> Self {
        match least {
            Some(least) => Self::Whole {
                least,
                seen: RoaringTreemap::new(),
            },
            None => Self::Hashed {
                pass,
                passes,
                seen: HashSet::new(),
            },
        }
    }

    /// Whether the key is new; nothing if it is of another pass.
    fn insert(&mut self, key: &Key) -> Option<bool> {
        match self {
            // The bounds were found to hold; one that is outside them all the same is no second one.
            Self::Whole { least, seen } => Some(offset(*least, key).is_none_or(|offset| seen.insert(offset))),
            Self::Hashed { pass, passes, seen } => {
                let hash = key.hash();
                is_of(hash, *pass, *passes).then(|| seen.insert(hash))
            }
        }
    }

    /// Whether the key is there; nothing if it is of another pass.
    fn contains(&self, key: &Key) -> Option<bool> {
        match self {
            Self::Whole { least, seen } => Some(offset(*least, key).is_some_and(|offset| seen.contains(offset))),
            Self::Hashed { pass, passes, seen } => {
                let hash = key.hash();
                is_of(hash, *pass, *passes).then(|| seen.contains(&hash))
            }
        }
    }
}

fn offset(least: i64, key: &Key) -> Option<u64> {
    match key.0.as_slice() {
        [Cell::Whole(value)] => u64::try_from(value.checked_sub(least)?).ok(),
        _ => None,
    }
}

fn is_of(hash: u128, pass: u64, passes: u64) -> bool {
    hash % u128::from(passes) == u128::from(pass)
}

fn cell(column: &dyn Array, row: usize) -> Cell {
    if column.is_null(row) {
        return Cell::Null;
    }
    match column.data_type() {
        DataType::Int64 => Cell::Whole(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            whole(value).map_or(Cell::Float(value), Cell::Whole)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => Cell::Whole(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::Date32 => Cell::Whole(i64::from(column.as_primitive::<Date32Type>().value(row))),
        DataType::Boolean => Cell::Whole(i64::from(column.as_boolean().value(row))),
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_owned()),
        // No column of a key is of another type.
        _ => Cell::Null,
    }
}

/// The whole number that a float is.
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= MAX_WHOLE).then_some(value as i64)
}

fn rows(count: u64) -> String {
    match count {
        1 => "1 row".to_owned(),
        several => format!("{several} rows"),
    }
}
