//! What the lake would lose by a read, counted before anything of it is committed: for each table, the rows that it holds where the read looked, and how many
//! fewer there would be.
//!
//! | table | where the read looked |
//! |---|---|
//! | the one that is read | inside the range of the read; nowhere if rows that are not read stay |
//! | one exploded from it | the rows exploded from rows that were read. Those of a row that vanished go with it, and are not counted |
//!
//! Counted is what is less: a vendor that issues its items anew takes as many as it brings. Where keys alone are read nothing is brought, and each row that was
//! not met counts.

use arrow_array::RecordBatch;

use super::key::{Key, KeySet};
use super::{Member, Merge, Missing};

/// What one table would lose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loss {
    /// Rows that the lake holds where the read looked.
    pub held: u64,
    /// How many fewer there would be.
    pub gone: u64,
    /// In an exploded table: the most rows that one row of the parent may account for.
    pub of_one: u64,
}

/// The counts that a merge keeps for it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Rows of the lake inside the range.
    pub held: u64,
    /// Rows that were read whose keys the lake does not hold inside the range.
    pub strange: u64,
    /// Rows that were not read and stay.
    pub stay: u64,
    /// Rows that vanished.
    vanished: u64,
    vanished_keys: KeySet,
    /// For each exploded table.
    exploded: Vec<Exploded>,
    losses: Vec<Loss>,
}

#[derive(Debug, Default)]
struct Exploded {
    read: u64,
    written: u64,
    removed: Removed,
}

/// Rows that leave an exploded table, because the rows that they were exploded from were read anew.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Removed {
    rows: u64,
    /// Those of one row stand together.
    of_last: Option<(Key, u64)>,
    of_one: u64,
}

impl Tally {
    pub fn new(tables: usize) -> Self {
        Self {
            exploded: (1..tables).map(|_| Exploded::default()).collect(),
            losses: vec![Loss::default(); tables],
            ..Self::default()
        }
    }

    /// Takes note of the exploded rows of a set, and of those of them that are to be written.
    pub fn explode(&mut self, read: &[Vec<RecordBatch>], written: &[Vec<RecordBatch>]) {
        let rows = |batches: &Vec<RecordBatch>| batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
        for ((exploded, read), written) in self.exploded.iter_mut().zip(read).zip(written) {
            exploded.read += rows(read);
            exploded.written += rows(written);
        }
    }

    /// A row of the table that is read was not.
    pub fn vanish(&mut self, key: Key) {
        self.vanished += 1;
        if !self.exploded.is_empty() {
            self.vanished_keys.insert(key);
        }
    }

    /// These keys are those of no row of the table that is read: what was exploded from them is a leftover.
    pub fn vanish_all(&mut self, keys: &KeySet) {
        self.vanished_keys = keys.clone();
    }

    /// The count of the rows that leave the table of this number.
    pub fn removed_from(&self, at: usize) -> Removed {
        at.checked_sub(1)
            .and_then(|at| self.exploded.get(at))
            .map_or_else(Removed::default, |exploded| exploded.removed)
    }

    pub fn add_removed(&mut self, at: usize, removed: Removed) {
        if let Some(exploded) = at.checked_sub(1).and_then(|at| self.exploded.get_mut(at)) {
            exploded.removed = removed;
        }
    }
}

impl Removed {
    pub fn add(&mut self, tally: &Tally, key: Key) {
        if tally.vanished_keys.contains(key) {
            return;
        }
        self.rows += 1;
        let count = match self.of_last {
            Some((last, count)) if last == key => count + 1,
            _ => 1,
        };
        self.of_last = Some((key, count));
        self.of_one = self.of_one.max(count);
    }
}

impl Merge {
    /// What each table would lose, as far as is known: of the table that is read, once [`Merge::is_unchanged`] was asked, or where the index did not fit, after
    /// [`Merge::rewrite`]; of an exploded one after [`Merge::rewrite`].
    pub fn losses(&self) -> &[Loss] {
        &self.tally.losses
    }

    /// Rows of the lake that a read which brings nothing would take from the table, at most.
    pub fn at_stake(&self) -> u64 {
        match (self.options.missing, &self.index) {
            (Missing::Stay, _) => 0,
            (Missing::Go, Some(index)) => index.len(),
            (Missing::Go, None) => self.members[0].rows(),
        }
    }

    /// Counts again, with what is known by now.
    pub(super) fn sum_up(&mut self) {
        let mut losses = vec![self.loss()];
        for at in 1..self.members.len() {
            losses.push(self.loss_of_exploded(at));
        }
        self.tally.losses = losses;
    }

    fn loss(&self) -> Loss {
        let tally = &self.tally;
        let (held, gone) = match self.options.missing {
            Missing::Stay => (0, 0),
            Missing::Go if self.options.keys_only => (tally.held, tally.vanished),
            Missing::Go if self.replaces_all => {
                let held = self.members[0].rows();
                (held, held.saturating_sub(self.rows_read))
            }
            Missing::Go if self.had_index => (tally.held, tally.vanished.saturating_sub(tally.strange)),
            Missing::Go => (tally.held, tally.held.saturating_sub(self.rows_read + tally.stay)),
        };
        Loss { held, gone, of_one: 0 }
    }

    fn loss_of_exploded(&self, at: usize) -> Loss {
        let (member, exploded) = (&self.members[at], &self.tally.exploded[at - 1]);
        if self.options.keys_only {
            return Loss::default();
        }
        if self.replaces_all {
            let held = member.rows();
            let gone = held.saturating_sub(exploded.written);
            // Asked only where it matters: the table's keys have to be read for it.
            let of_one = if gone * 2 > held { self.most_of_one(member) } else { 0 };
            return Loss { held, gone, of_one };
        }
        let unchanged = exploded.read.saturating_sub(exploded.written);
        Loss {
            held: exploded.removed.rows + unchanged,
            gone: exploded.removed.rows.saturating_sub(exploded.written),
            of_one: exploded.removed.of_one,
        }
    }

    /// The most rows that were exploded from one row. Files whose key is another tell nothing of it.
    fn most_of_one(&self, member: &Member) -> u64 {
        let mut removed = Removed::default();
        let none = Tally::default();
        match self.each_key(member, |key| removed.add(&none, key)) {
            Ok(()) => removed.of_one,
            Err(_) => 0,
        }
    }
}

impl Member {
    /// Rows of the base.
    fn rows(&self) -> u64 {
        self.base.as_ref().map_or(0, |base| base.rows)
    }
}
