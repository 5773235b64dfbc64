//! What happened to one table since the account was made from its seed: rows put in, revised and deleted. Rows keep their
//! numbers for ever, and with them their ids; inserted ones are numbered from the end. Memory grows with the changes, never
//! with the rows.

use std::collections::HashMap;

use super::clock::Moment;
use super::splice::{Splice, Spot};
use super::world::mix;

/// The changes of one table.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Rows that the seed gives.
    base: u64,
    inserted: u64,
    /// Rows that are no more, rising.
    deleted: Vec<u64>,
    states: HashMap<u64, State>,
    /// Ranks that their rows have left, rising; see [`super::clock::Clock`].
    away: Vec<u64>,
    /// Rows whose moment is not the seed's, by moment and row.
    moved: Vec<Moved>,
    /// For each of `moved`, the first rank of the seed that is not before it.
    before: Vec<u64>,
    /// Lists of items that are not the seed's, by the row of the list's owner: rows of this table.
    lists: HashMap<u64, Vec<u64>>,
    /// Items that were put in.
    items: HashMap<u64, Item>,
    /// Grows with every change.
    pub version: u64,
}

/// What is not the seed's of one row.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    revision: u64,
    born: Option<i64>,
    moved: Option<Moved>,
}

/// A row at a moment that is not the seed's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    pub moment: Moment,
    pub row: u64,
    /// Another number with every move, for what the seed deals out by rank.
    pub lot: u64,
}

/// An item that was put in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    /// The row of its owner.
    pub owner: u64,
    /// The row it looks like: its own, or that of the item which it replaces under a new id.
    pub like: u64,
    /// How often that one was revised by then.
    pub revision: u64,
}

impl Changes {
    pub(crate) fn of(base: u64) -> Changes {
        Changes {
            base,
            ..Changes::default()
        }
    }

    /// Rows that ever were: live ones and deleted ones are all below.
    pub(crate) fn ever(&self) -> u64 {
        self.base + self.inserted
    }

    /// The live rows in the order of their numbers.
    pub(crate) fn rows(&self) -> Splice<'_> {
        Splice::new(self.ever(), &self.deleted[..], &[][..])
    }

    pub(crate) fn live(&self) -> u64 {
        self.ever() - self.deleted.len() as u64
    }

    /// The live row at a place in the order of numbers.
    pub(crate) fn row(&self, place: u64) -> u64 {
        match self.rows().at(place) {
            Spot::Base(row) => row,
            Spot::Put(_) => 0,
        }
    }

    pub(crate) fn is_live(&self, row: u64) -> bool {
        row < self.ever() && self.deleted.binary_search(&row).is_err()
    }

    /// How often a row was revised. Its content is drawn from this.
    pub(crate) fn revision(&self, row: u64) -> u64 {
        self.states.get(&row).map_or(0, |state| state.revision)
    }

    /// When an inserted row was made.
    pub(crate) fn born(&self, row: u64) -> Option<i64> {
        self.states.get(&row)?.born
    }

    /// A row's moment, where it is not the seed's.
    pub(crate) fn moved_row(&self, row: u64) -> Option<Moved> {
        self.states.get(&row)?.moved
    }

    pub(crate) fn deleted(&self) -> &[u64] {
        &self.deleted
    }

    pub(crate) fn away(&self) -> &[u64] {
        &self.away
    }

    pub(crate) fn moved(&self) -> &[Moved] {
        &self.moved
    }

    pub(crate) fn before(&self) -> &[u64] {
        &self.before
    }

    /// The rows of the seed's `base` ranks in the order of moments.
    pub(crate) fn ranks(&self) -> Splice<'_> {
        Splice::new(self.base, &self.away[..], &self.before[..])
    }

    /// The rows of a list, where it is not the seed's.
    pub(crate) fn list(&self, owner: u64) -> Option<&[u64]> {
        self.lists.get(&owner).map(Vec::as_slice)
    }

    /// An item that was put in.
    pub(crate) fn item(&self, row: u64) -> Option<Item> {
        self.items.get(&row).copied()
    }

    /// Puts a row in at the end; its number.
    pub(crate) fn insert(&mut self, born: i64) -> u64 {
        self.version += 1;
        let row = self.ever();
        self.inserted += 1;
        self.states.entry(row).or_default().born = Some(born);
        row
    }

    /// Makes the content of a row another.
    pub(crate) fn revise(&mut self, row: u64) {
        self.version += 1;
        self.states.entry(row).or_default().revision += 1;
    }

    /// Gives a row another moment. `rank` is the row's among the seed's, nothing for an inserted row; `before` the first of
    /// the seed's ranks that is not before the moment.
    pub(crate) fn move_to(&mut self, row: u64, rank: Option<u64>, moment: Moment, before: u64) {
        self.leave(row, rank);
        let lot = mix(row ^ mix(moment.ticks.unsigned_abs())) >> 32;
        let moved = Moved { moment, row, lot };
        self.states.entry(row).or_default().moved = Some(moved);
        let at = self.place(moment.ticks, row);
        self.moved.insert(at, moved);
        self.before.insert(at, before);
    }

    /// Takes a row away.
    pub(crate) fn delete(&mut self, row: u64, rank: Option<u64>) {
        self.version += 1;
        self.leave(row, rank);
        self.items.remove(&row);
        if let Err(at) = self.deleted.binary_search(&row) {
            self.deleted.insert(at, row);
        }
    }

    /// Says what a row that was put in is an item of.
    pub(crate) fn set_item(&mut self, row: u64, item: Item) {
        self.items.insert(row, item);
    }

    /// Makes `rows` the list of an owner.
    pub(crate) fn set_list(&mut self, owner: u64, rows: Vec<u64>) {
        self.lists.insert(owner, rows);
    }

    /// The number, among the rows that moved, of a moment and row.
    pub(crate) fn place(&self, ticks: i64, row: u64) -> usize {
        self.moved.partition_point(|moved| (moved.moment.ticks, moved.row) < (ticks, row))
    }

    fn leave(&mut self, row: u64, rank: Option<u64>) {
        let moved = self.states.get_mut(&row).and_then(|state| state.moved.take());
        if let Some(moved) = moved {
            let at = self.place(moved.moment.ticks, row);
            self.moved.remove(at);
            self.before.remove(at);
        } else if let Some(rank) = rank
            && let Err(at) = self.away.binary_search(&rank)
        {
            self.away.insert(at, rank);
        }
    }
}
