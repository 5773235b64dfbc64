//! Pages to record batches: of a table, and of every table exploded from it.
//!
//! | | where |
//! |---|---|
//! | the wanted values of a record, found in one pass | `trie` |
//! | of these, the value of a column | `find`, and `choose` for one among the elements of an array |
//! | its conversion to the column's type | `cell`, and for each type `text`, `number`, `time` (with `zone`) |
//! | what is made of it where it is personal data | `protect`, with `mask` |
//! | the rows of a table, the records and values that are rejected | `table`, `reject` |
//! | the rows of the tables exploded from it | `explode` |
//! | rows to batches | `batch` |
//! | columns that nothing came for | `notice` |
//!
//! A value that does not fit its column is null and told as a [`Reject`]; a record without its whole primary key is told and
//! left out, with what would be exploded from it. Neither is an error: an error of this module is a defect.

mod batch;
mod cell;
mod choose;
mod explode;
mod find;
mod mask;
mod notice;
mod number;
mod protect;
mod reject;
mod table;
mod text;
mod time;
mod trie;
mod zone;

#[cfg(test)]
mod tests;

use arrow_array::RecordBatch;

pub use batch::BATCH_ROWS;
pub use notice::Noticed;
pub use reject::Reject;

use crate::error::{self, Error, Result};
use crate::json::{Kind, Malformed, Scanner};
use crate::page::Page;
use crate::schema::{Access, ColumnPath, Source, Table};
use explode::{Buffers, Child};
use find::{Finds, find_array};
use reject::kind_name;
use table::{Row, Target};

/// Decodes the pages of one table. Tables are counted from 0, the table itself; its children follow in the order of
/// [`Table::children`].
#[derive(Debug)]
pub struct Decoder {
    target: Target,
    /// The member that holds the values of custom fields, where some are columns.
    asked: Option<String>,
    /// Node of the array whose elements are the rows, and its path.
    unnest: Option<(usize, String)>,
    children: Vec<Child>,
    out: Output,
}

/// What was decoded of one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records, or elements of an unnested or exploded array, that were met; all but the rejected ones became rows.
    pub records: u64,
    /// Records rejected whole.
    pub rejected_records: u64,
    /// Values that did not fit their column, or could not be exploded, in rows that stand.
    pub bad_cells: u64,
    /// Records of another content than one with the same key, which is the row; they are told, and neither rows nor rejected for what they are.
    pub twins: u64,
}

/// What awaits the caller, and a buffer.
#[derive(Debug, Default)]
struct Output {
    full: Vec<(usize, RecordBatch)>,
    rejects: Vec<Reject>,
    scratch: String,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.rejected_records += other.rejected_records;
        self.bad_cells += other.bad_cells;
        self.twins += other.twins;
    }
}

impl Output {
    /// Ends a row of this table.
    fn end_row(&mut self, position: usize, target: &mut Target) -> Result<()> {
        if target.rows.end_row() {
            self.full.extend(target.rows.finish()?.map(|batch| (position, batch)));
        }
        Ok(())
    }
}

impl Decoder {
    /// A decoder of the table and the tables exploded from it; `exported_at_micros` (since 1970, UTC) goes into every row.
    ///
    /// # Errors
    /// When the declaration cannot be decoded by: a table that is itself exploded, an `unnest` or a `no_date` that is none.
    pub fn new(source: &Source, table: &Table, exported_at_micros: i64) -> Result<Self> {
        let wrong = |message: &str| Error::config(format!("{}/{}.toml: {message}", source.id, table.id));
        let Access::Fetch(fetch) = &table.access else {
            return Err(Error::defect(format!(
                "table `{}` is decoded with the one it is exploded from",
                table.id
            )));
        };
        let unnest = fetch.unnest.as_ref();
        if unnest.is_some_and(|path| !path.is_plain()) {
            return Err(wrong("`unnest`: expected the dotted names of an array"));
        }
        let mut exploded = Vec::new();
        for id in &table.children {
            match source.tables.get(id).map(|child| (child, &child.access)) {
                Some((child, Access::Explode(explode))) => exploded.push((child, &explode.path)),
                _ => return Err(Error::defect(format!("table `{id}` is not exploded from `{}`", table.id))),
            }
        }
        let further: Vec<&ColumnPath> = unnest.into_iter().chain(exploded.iter().map(|(_, path)| *path)).collect();
        let (target, nodes) = Target::new(source, table, None, &further, exported_at_micros)?;
        let mut nodes = nodes.into_iter();
        let unnest = unnest.and_then(|path| Some((nodes.next()?, path.to_string())));
        let children = exploded
            .into_iter()
            .zip(nodes)
            .map(|((child, path), node)| {
                Ok(Child {
                    node,
                    path: path.to_string(),
                    target: Target::new(source, child, Some(table), &[], exported_at_micros)?.0,
                    listed: false,
                })
            })
            .collect::<Result<_>>()?;
        let asked = source.custom_fields.as_ref().filter(|_| !table.fields.is_empty());
        Ok(Self {
            target,
            asked: asked.map(|custom| custom.items.clone()),
            unnest,
            children,
            out: Output::default(),
        })
    }

    /// Appends the records of a page.
    ///
    /// # Errors
    /// `Data` when no record of the page has the member that holds the values of custom fields, which was asked for: that they have none would be a guess. Else only by
    /// a defect, such as a page that is not well-formed JSON, which the reader should have refused.
    pub fn decode(&mut self, page: &Page) -> Result<()> {
        self.target.begin_page();
        let mut finds = self.target.finds();
        let mut element = self.target.finds();
        let mut buffers: Vec<Buffers<'_>> = self.children.iter().map(Child::buffers).collect();
        for (position, text) in page.texts().enumerate() {
            self.record(text, &mut finds, &mut element, &mut buffers)
                .map_err(|error| error.context(format_args!("table `{}`: record {position} of a page", self.target.id())))?;
        }
        // The rows of an array in a record have their keys there.
        let is_record = self.unnest.is_none();
        for (first, twin) in page.twins.iter().filter(|_| is_record) {
            self.twin(page.text(first), page.text(twin), &mut finds)?;
        }
        match (&self.asked, self.target.objects_without_choices()) {
            (Some(member), Some(objects)) => Err(Error::new(
                error::Kind::Data,
                format!("none of the {objects} records of a page has `{member}`, which was asked for and holds the custom fields"),
            )
            .hint("the table stays as it was: without it, the columns of its custom fields would become null")),
            _ => Ok(()),
        }
    }

    /// Whether a batch is full: of [`BATCH_ROWS`] rows, or about 1 MiB.
    pub fn is_full(&self) -> bool {
        !self.out.full.is_empty()
    }

    /// The batches that are full.
    pub fn take_full(&mut self) -> Vec<(usize, RecordBatch)> {
        std::mem::take(&mut self.out.full)
    }

    /// All batches that are left. The decoder is then as new, but for its counts.
    ///
    /// # Errors
    /// Only by a defect.
    pub fn finish(&mut self) -> Result<Vec<(usize, RecordBatch)>> {
        let mut batches = self.take_full();
        let targets = std::iter::once(&mut self.target).chain(self.children.iter_mut().map(|child| &mut child.target));
        for (position, target) in targets.enumerate() {
            batches.extend(target.rows.finish()?.map(|batch| (position, batch)));
        }
        Ok(batches)
    }

    /// What was rejected since the last call. It stays in memory until then: to be called after each page.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.out.rejects)
    }

    /// What was decoded so far: of the table, and of each child.
    pub fn counts(&self) -> Vec<Counts> {
        std::iter::once(&self.target)
            .chain(self.children.iter().map(|child| &child.target))
            .map(|target| target.counts)
            .collect()
    }

    /// For each table: whether a record had what it is made of. Of an exploded one that is its array, be it empty or null: where no record has one, it may have another name
    /// by now.
    pub fn listed(&self) -> Vec<bool> {
        let children = self.children.iter().map(|child| child.listed);
        std::iter::once(self.target.counts.records > 0).chain(children).collect()
    }

    /// What the rows of the batches handed on so far show of the columns: of the table, and of each child. To be asked when the read is over.
    pub fn noticed(&self) -> Vec<Noticed> {
        let children = self.children.iter().map(|child| &child.target);
        std::iter::once(&self.target).chain(children).map(Noticed::of).collect()
    }

    fn record<'p>(&mut self, text: &'p str, finds: &mut Finds<'p>, element: &mut Finds<'p>, buffers: &mut [Buffers<'p>]) -> Result<()> {
        let mut scanner = Scanner::new(text);
        let kind = self.target.read(&mut scanner, finds).map_err(not_json)?;
        scanner.end().map_err(not_json)?;
        let row = Row {
            finds,
            around: None,
            parent: None,
            member: None,
        };
        if kind != Kind::Object {
            let reason = format!("the record is {}, expected an object", kind_name(kind));
            self.target.reject(&row, reason, &mut self.out.rejects);
            return Ok(());
        }
        let unnested = self
            .unnest
            .as_ref()
            .and_then(|(node, path)| Some((find_array(*node, finds, None)?, path)));
        match unnested {
            None => {
                if self.target.append(&row, &mut self.out.scratch, &mut self.out.rejects) {
                    self.stand(&row, buffers)?;
                }
            }
            Some((value, _)) if value.kind == Kind::Array => {
                let mut scanner = Scanner::new(value.raw);
                scanner.begin_array().map_err(not_json)?;
                while scanner.next_element().map_err(not_json)? {
                    let kind = self.target.read(&mut scanner, element).map_err(not_json)?;
                    if kind == Kind::Null {
                        continue;
                    }
                    let row = Row {
                        finds: element,
                        around: Some(finds),
                        parent: None,
                        member: None,
                    };
                    if self.target.append_element(kind, &row, &mut self.out.scratch, &mut self.out.rejects) {
                        self.stand(&row, buffers)?;
                    }
                }
            }
            Some((value, path)) => {
                let reason = format!("`{path}` is {}, expected an array", kind_name(value.kind));
                self.target.reject(&row, reason, &mut self.out.rejects);
            }
        }
        Ok(())
    }

    /// Tells a record that shares its key with another, if what it holds is other.
    fn twin<'p>(&mut self, first: &'p str, twin: &'p str, finds: &mut Finds<'p>) -> Result<()> {
        let raw = |target: &mut Target, text: &'p str, finds: &mut Finds<'p>| -> Result<Reject> {
            target.read(&mut Scanner::new(text), finds).map_err(not_json)?;
            Ok(target.twin(&Row {
                finds,
                around: None,
                parent: None,
                member: None,
            }))
        };
        let of_first = raw(&mut self.target, first, finds)?;
        let of_twin = raw(&mut self.target, twin, finds)?;
        // What is exploded from a record is no column of it.
        if of_first.raw != of_twin.raw || !self.children.is_empty() && first != twin {
            self.target.counts.twins += 1;
            self.out.rejects.push(of_twin);
        }
        Ok(())
    }

    /// Ends a row that was appended, and appends what is exploded from it.
    fn stand<'p>(&mut self, row: &Row<'_, 'p>, buffers: &mut [Buffers<'p>]) -> Result<()> {
        self.out.end_row(0, &mut self.target)?;
        for (position, (child, buffers)) in self.children.iter_mut().zip(buffers).enumerate() {
            child.explode(position + 1, &mut self.target, row, buffers, &mut self.out)?;
        }
        Ok(())
    }
}

/// The reader takes a page only if it is well-formed.
fn not_json(malformed: Malformed) -> Error {
    Error::defect(format!("not the JSON that the page was checked to be: {malformed}"))
}
