//! One table of a decoder: where its columns' values come from, and the rows so far.

use super::Counts;
use super::batch::Rows;
use super::cell::{Cell, Conversion};
use super::choose::Chooser;
use super::find::{Finds, Found, Path, find, find_one};
use super::protect::HIDDEN;
use super::reject::{Reject, TWIN, cut, kind_name, raw, raw_record, raw_value};
use super::time::Day;
use super::trie::Trie;
use crate::error::{Error, Result};
use crate::json::{Kind, Malformed, Scanner, Value};
use crate::schema::{ColumnPath, ColumnType, NULL_KEY, Origin, Source, Table};

/// A table's columns and rows.
#[derive(Debug)]
pub(super) struct Target {
    id: String,
    trie: Trie,
    chooser: Chooser,
    columns: Vec<Column>,
    /// Positions of the primary key's columns, and whether each may be null.
    key: Vec<(usize, bool)>,
    /// A column reads the element itself, so that an element need not be an object.
    reads_elements: bool,
    /// Objects of the page at hand, and how many of them have the arrays that columns choose from.
    objects: (u64, u64),
    /// What is done to the values of some column is to be done to none of them by showing what they are found in.
    pub protects: bool,
    pub rows: Rows,
    pub counts: Counts,
    /// Values of each column that did not fit.
    bad: Vec<u64>,
}

/// A column and where its value comes from.
#[derive(Debug)]
struct Column {
    name: String,
    conversion: Conversion,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// This node, the only path: what most columns have.
    Node(usize),
    Paths(Vec<Path>),
    /// This column of the parent.
    Parent(usize),
    /// The member's name.
    Member,
}

/// What a row is made of.
#[derive(Debug)]
pub(super) struct Row<'r, 'p> {
    /// Found in the record or element.
    pub finds: &'r Finds<'p>,
    /// Found in the record that the element was unnested from.
    pub around: Option<&'r Finds<'p>>,
    /// The row that the element was exploded from.
    pub parent: Option<Parent<'r, 'p>>,
    /// The name that an exploded member has.
    pub member: Option<Found<'p>>,
}

/// The row that an element was exploded from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent<'r, 'p> {
    pub target: &'r Target,
    pub row: &'r Row<'r, 'p>,
}

impl Target {
    /// A target without rows, and the nodes of the `further` paths.
    pub fn new(
        source: &Source,
        table: &Table,
        parent: Option<&Table>,
        further: &[&ColumnPath],
        exported_at_micros: i64,
    ) -> Result<(Self, Vec<usize>)> {
        let no_date: Vec<Day> = source.no_date.iter().map(|text| Day::no_date(text)).collect::<Result<_>>()?;
        let unknown = |column: &str| Error::defect(format!("table `{}`: unknown column `{column}`", table.id));
        let mut names = Vec::new();
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let place = match &column.origin {
                Origin::Path(paths) => Place::Paths(
                    paths
                        .iter()
                        .map(|path| {
                            let (before, path) = Path::new(path);
                            names.push(before);
                            path
                        })
                        .collect(),
                ),
                Origin::Parent(name) => Place::Parent(
                    parent
                        .and_then(|parent| parent.columns.iter().position(|column| column.name == *name))
                        .ok_or_else(|| unknown(name))?,
                ),
                Origin::Member => Place::Member,
                Origin::Derived => {
                    return Err(Error::defect(format!(
                        "table `{}` is derived: no record of a vendor is decoded for it",
                        table.id
                    )));
                }
            };
            columns.push(Column {
                name: column.name.clone(),
                conversion: Conversion::new(column, &no_date),
                place,
            });
        }
        names.extend(further.iter().map(|path| Path::new(path).0));
        let (trie, nodes) = Trie::new(names.iter().map(Vec::as_slice));
        let mut nodes = nodes.into_iter();
        let mut chooser = Chooser::default();
        for column in &mut columns {
            if let Place::Paths(paths) = &mut column.place {
                let mut apart: Vec<Path> = Vec::with_capacity(paths.len());
                for (mut path, node) in std::mem::take(paths).into_iter().zip(&mut nodes) {
                    path.node = node;
                    if !apart.iter_mut().any(|before| before.takes(&path)) {
                        apart.push(path);
                    }
                }
                apart.iter_mut().for_each(|path| path.choose(&mut chooser));
                *paths = apart;
                if let [path] = paths.as_slice()
                    && path.is_plain()
                {
                    column.place = Place::Node(path.node);
                }
            }
        }
        chooser.seal();
        let key = table
            .primary_key
            .iter()
            .map(|name| {
                let at = table.columns.iter().position(|column| column.name == *name);
                at.map(|at| (at, !table.requires(name))).ok_or_else(|| unknown(name))
            })
            .collect::<Result<_>>()?;
        let target = Self {
            bad: vec![0; columns.len()],
            id: table.id.clone(),
            trie,
            chooser,
            columns,
            key,
            reads_elements: table.reads_elements,
            objects: (0, 0),
            protects: table.protects(),
            rows: Rows::new(table, exported_at_micros),
            counts: Counts::default(),
        };
        Ok((target, nodes.collect()))
    }

    /// Room for [`Self::read`].
    pub fn finds<'p>(&self) -> Finds<'p> {
        Finds {
            slots: self.trie.slots(),
            chosen: self.chooser.chosen(),
        }
    }

    /// Passes the value ahead, and leaves what the columns want of it.
    pub fn read<'p>(&mut self, scanner: &mut Scanner<'p>, finds: &mut Finds<'p>) -> Result<Kind, Malformed> {
        let kind = self.trie.read(scanner, &mut finds.slots)?;
        self.chooser.read(&finds.slots, &mut finds.chosen)?;
        if kind == Kind::Object {
            self.objects.0 += 1;
            self.objects.1 += u64::from(self.chooser.is_complete(&finds.slots));
        }
        Ok(kind)
    }

    /// The columns whose member was in none of the records, though it could have been.
    pub fn absent(&self) -> impl Iterator<Item = &str> {
        let is_absent = |column: &&Column| match &column.place {
            Place::Node(node) => self.trie.met(*node) == Some(false),
            Place::Paths(paths) => paths.iter().all(|path| path.met(&self.trie) == Some(false)),
            // The parent's row tells of its own, and an object without members has no rows.
            Place::Parent(_) | Place::Member => false,
        };
        self.columns.iter().filter(is_absent).map(|column| column.name.as_str())
    }

    /// The columns that had values in the batches so far, all of them bad.
    pub fn all_bad(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().zip(&self.bad).enumerate();
        let all_bad = columns.filter(|(at, (_, bad))| **bad > 0 && !self.rows.has_values(*at));
        all_bad.map(|(_, (column, _))| column.name.as_str())
    }

    /// A page begins.
    pub fn begin_page(&mut self) {
        self.objects = (0, 0);
    }

    /// The objects of the page so far, if none of them has the arrays that columns choose from.
    pub fn objects_without_choices(&self) -> Option<u64> {
        (self.objects.0 > 0 && self.objects.1 == 0).then_some(self.objects.0)
    }

    /// The table's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Appends an element of this kind; whether it became a row. One that is neither null nor an object is a row only if
    /// a column reads the element itself: otherwise what it says would be lost.
    pub fn append_element(&mut self, kind: Kind, row: &Row<'_, '_>, scratch: &mut String, rejects: &mut Vec<Reject>) -> bool {
        if !self.reads_elements && !matches!(kind, Kind::Object | Kind::Null) {
            self.reject(row, format!("the element is {}, expected an object", kind_name(kind)), rejects);
            return false;
        }
        self.append(row, scratch, rejects)
    }

    /// Appends a row, unless its primary key is not whole; whether it did.
    pub fn append(&mut self, row: &Row<'_, '_>, scratch: &mut String, rejects: &mut Vec<Reject>) -> bool {
        if let Some(reason) = self.no_key(row, scratch) {
            self.reject(row, reason, rejects);
            return false;
        }
        self.counts.records += 1;
        for (at, column) in self.columns.iter().enumerate() {
            if let Place::Node(node) = column.place {
                let value = find_one(node, row.finds, row.around, column.is_text());
                if let Ok(cell) = value.map_or(Ok(Cell::Null), |value| column.conversion.json(value, scratch)) {
                    self.rows.append(at, cell);
                    continue;
                }
            }
            let (owner, found) = column.find(row);
            let cell = match &found {
                None => Ok(Cell::Null),
                Some(found) => owner.conversion.cell(found, scratch),
            };
            match (cell, &found, &column.place) {
                (Ok(cell), _, _) => self.rows.append(at, cell),
                (Err(bad), Some(found), Place::Node(_) | Place::Paths(_) | Place::Member) => {
                    self.rows.append(at, Cell::Null);
                    self.counts.bad_cells += 1;
                    self.bad[at] += 1;
                    rejects.push(Reject {
                        table: self.id.clone(),
                        key: self.key_text(row),
                        column: Some(column.name.clone()),
                        raw: raw(found, &column.conversion),
                        reason: bad.0.to_owned(),
                    });
                }
                // The parent's row has told what is wrong with its value.
                (Err(_), _, _) => self.rows.append(at, Cell::Null),
            }
        }
        true
    }

    /// Why a row has no primary key, if it has none: a column is null that may not be, or all are.
    fn no_key(&self, row: &Row<'_, '_>, scratch: &mut String) -> Option<String> {
        let (mut first, mut nulls) = (None, 0);
        for (at, nullable) in &self.key {
            match self.columns.get(*at)?.no_key(row, scratch) {
                None => {}
                Some((true, reason)) if *nullable => {
                    nulls += 1;
                    first = first.or(Some(reason));
                }
                Some((_, reason)) => return Some(reason),
            }
        }
        first.filter(|_| nulls == self.key.len())
    }

    /// Rejects a record or element as a whole.
    pub fn reject(&mut self, row: &Row<'_, '_>, reason: String, rejects: &mut Vec<Reject>) {
        self.counts.records += 1;
        self.counts.rejected_records += 1;
        rejects.push(Reject {
            table: self.id.clone(),
            key: self.key_text(row),
            column: None,
            raw: raw_record(self.columns.iter().map(|column| {
                let (owner, found) = column.find(row);
                (column.name.as_str(), found, &owner.conversion)
            })),
            reason,
        });
    }

    /// What is told of a record that shares its key with another.
    pub fn twin(&self, row: &Row<'_, '_>) -> Reject {
        Reject {
            table: self.id.clone(),
            key: self.key_text(row),
            column: None,
            raw: raw_record(self.columns.iter().map(|column| {
                let (owner, found) = column.find(row);
                (column.name.as_str(), found, &owner.conversion)
            })),
            reason: TWIN.to_owned(),
        }
    }

    /// Rejects what stands at a path where there should be an array or an object; the row stays.
    /// `hides`: the rows it would have been are not to be shown as they are.
    pub fn reject_explode(&mut self, row: &Row<'_, '_>, path: &str, value: Value<'_>, hides: bool, rejects: &mut Vec<Reject>) {
        self.counts.bad_cells += 1;
        rejects.push(Reject {
            table: self.id.clone(),
            key: self.key_text(row),
            column: Some(path.to_owned()),
            raw: if hides { HIDDEN.to_owned() } else { raw_value(value) },
            reason: format!("{}, expected an array or an object", kind_name(value.kind)),
        });
    }

    /// The primary key as it is written, if it is whole; `null` where it is null and may be.
    fn key_text(&self, row: &Row<'_, '_>) -> Option<String> {
        if self.key.is_empty() {
            return row.parent.and_then(|parent| parent.target.key_text(parent.row));
        }
        let mut key = String::new();
        let mut nulls = 0;
        for (position, (at, nullable)) in self.key.iter().enumerate() {
            if position > 0 {
                key.push(',');
            }
            let (owner, found) = self.columns.get(*at)?.find(row);
            let Some(found) = found else {
                nulls += 1;
                key.push_str(Some(NULL_KEY).filter(|_| *nullable)?);
                continue;
            };
            match owner.conversion.cell(&found, &mut String::new()) {
                Ok(Cell::Null) => {
                    nulls += 1;
                    key.push_str(Some(NULL_KEY).filter(|_| *nullable)?);
                }
                Err(_) => return None,
                Ok(Cell::Text(text)) => key.push_str(text),
                Ok(_) => key.push_str(&raw(&found, &owner.conversion)),
            }
        }
        (nulls < self.key.len()).then(|| cut(&key))
    }
}

impl Column {
    /// The value in this row, and the column that converts it: the parent's own where the value is the parent's.
    fn find<'r, 'p>(&'r self, row: &Row<'r, 'p>) -> (&'r Self, Option<Found<'p>>) {
        match &self.place {
            Place::Node(node) => (self, find_one(*node, row.finds, row.around, self.is_text()).map(Found::Json)),
            Place::Paths(paths) => (self, find(paths, row.finds, row.around, self.is_text())),
            Place::Parent(at) => match row.parent.and_then(|parent| Some((parent.target.columns.get(*at)?, parent.row))) {
                Some((column, row)) => column.find(row),
                None => (self, None),
            },
            Place::Member => (self, row.member.clone()),
        }
    }

    fn is_text(&self) -> bool {
        self.conversion.kind == ColumnType::Text
    }

    /// Why this row has no value in this column of its primary key, and whether it is because there is none.
    fn no_key(&self, row: &Row<'_, '_>, scratch: &mut String) -> Option<(bool, String)> {
        let (owner, found) = self.find(row);
        let because = match &found {
            None => "is missing",
            Some(found) => match owner.conversion.cell(found, scratch) {
                Ok(Cell::Null) => "is null",
                Ok(_) => return None,
                Err(bad) => return Some((false, format!("the primary key's column `{}`: {}", self.name, bad.0))),
            },
        };
        Some((true, format!("the primary key's column `{}` {because}", self.name)))
    }
}
