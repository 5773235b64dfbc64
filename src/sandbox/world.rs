//! The simulated account as arithmetic: how many rows a table has and how one row is drawn. A row is a pure function of
//! (seed, table, row number) and of how often it was revised, so any page of any size of account is made on request, and
//! nothing is kept but the changes.
//!
//! A record that mentions another table's row shows it as the seed made it: a change of one row changes one record, as its
//! cursor says, and not others that nothing points a reader at.

use std::collections::HashMap;

use super::changes::Changes;
use super::odata::Marks;
use super::ploomes::Fields;
use super::stamp;

/// Custom fields of an entity when the options do not say.
pub(crate) const USUAL_FIELDS: u64 = 4;

/// One simulated account.
#[derive(Debug)]
pub(crate) struct World {
    pub seed: u64,
    /// Rows of a large table; vendors take fractions and multiples of it.
    pub large: u64,
    /// Where scans of filtered pages stood, so that the next page does not start over. Speed only: answers do not depend on it.
    pub marks: Marks,
    /// The simulated present; later than every moment of the past.
    pub now: i64,
    /// The custom fields of Ploomes.
    pub fields: Fields,
    table_rows: HashMap<String, u64>,
    changes: HashMap<&'static str, Changes>,
}

impl World {
    pub(crate) fn new(seed: u64, large: u64, table_rows: &[(String, u64)]) -> World {
        World {
            seed,
            large,
            marks: Marks::default(),
            now: stamp::NOW,
            fields: Fields::of(USUAL_FIELDS),
            table_rows: table_rows.iter().cloned().collect(),
            changes: HashMap::new(),
        }
    }

    /// The same account with so many custom fields of each of Ploomes' entities that have them.
    pub(crate) fn with_fields(mut self, each: u64) -> World {
        self.fields = Fields::of(each);
        self
    }

    /// What happened to a table; nothing where nothing did.
    pub(crate) fn changes(&self, table: &str) -> Option<&Changes> {
        if self.changes.is_empty() {
            return None;
        }
        self.changes.get(table)
    }

    /// The same, to be added to; `rows` are those of the seed.
    pub(crate) fn changes_mut(&mut self, table: &'static str, rows: u64) -> &mut Changes {
        self.changes.entry(table).or_insert_with(|| Changes::of(rows))
    }

    /// Whether anything happened.
    pub(crate) fn changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// How often a row was revised.
    pub(crate) fn revision(&self, table: &str, row: u64) -> u64 {
        self.changes(table).map_or(0, |changes| changes.revision(row))
    }

    /// The rows of a table now, of `rows` that the seed gives.
    pub(crate) fn live(&self, table: &str, rows: u64) -> u64 {
        self.changes(table).map_or(rows, Changes::live)
    }

    /// How many rows the seed gives a table (`ploomes.deals`): what the options ask for, else `default`.
    pub(crate) fn rows(&self, table: &str, default: u64) -> u64 {
        self.table_rows.get(table).copied().unwrap_or(default)
    }

    /// A part of the size of a large table: at least one row when that has any.
    pub(crate) fn share(&self, parts: u64, of: u64) -> u64 {
        self.large.min(1).max(self.large.saturating_mul(parts) / of)
    }

    /// The generator of one row: the same for the same seed, table and row.
    pub(crate) fn draw(&self, table: &str, row: u64) -> Draw {
        self.draw_revised(table, row, 0)
    }

    /// The generator of one row after so many revisions of it, or of the record it is part of.
    pub(crate) fn draw_revised(&self, table: &str, row: u64, revision: u64) -> Draw {
        Draw {
            row,
            rng: fastrand::Rng::with_seed(self.noise_revised(table, row, revision)),
        }
    }

    /// The generator of a row of a table as it is now.
    pub(crate) fn draw_now(&self, table: &str, row: u64) -> Draw {
        self.draw_revised(table, row, self.revision(table, row))
    }

    /// [`World::noise`] after so many revisions.
    pub(crate) fn noise_revised(&self, table: &str, row: u64, revision: u64) -> u64 {
        let noise = self.noise(table, row);
        if revision == 0 { noise } else { mix(noise ^ mix(revision)) }
    }

    /// 64 well-mixed bits that belong to a row; cheaper than a [`Draw`] where one number is enough.
    pub(crate) fn noise(&self, table: &str, row: u64) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ self.seed;
        for byte in table.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        mix(mix(hash).wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// How many items an exploded table (`exactsales.tasks__contacts`) has in one row of its parent: up to `most`, often
    /// none, but at least one in row 0. When the options fix the rows of the exploded table they are dealt out evenly. A
    /// revised row, or one that the seed does not give, has any number.
    pub(crate) fn children(&self, child: (&'static str, u64), parent: (&'static str, u64), row: u64) -> u64 {
        let ((table, most), (parent, parent_rows)) = (child, parent);
        let revision = self.revision(parent, row);
        if row >= parent_rows || revision > 0 {
            return self.noise_revised(table, row, revision) % (most + 1);
        }
        if let Some(total) = self.table_rows.get(table) {
            let parents = parent_rows.max(1);
            return total / parents + u64::from(row < total % parents);
        }
        let drawn = self.noise(table, row) % (most + 1);
        if row == 0 { drawn.max(1) } else { drawn }
    }

    /// The sum of [`World::children`] over a parent's rows.
    pub(crate) fn all_children(&self, child: (&'static str, u64), parent: (&'static str, u64)) -> u64 {
        let count = |row| self.children(child, parent, row);
        match self.changes(parent.0) {
            None => (0..parent.1).map(count).sum(),
            Some(changes) => (0..changes.ever()).filter(|row| changes.is_live(*row)).map(count).sum(),
        }
    }
}

#[cfg(test)]
impl World {
    /// An account after hundreds of changes, some of them in bulk.
    pub(crate) fn churned(seed: u64, large: u64) -> World {
        let mut world = World::new(seed, large, &[]);
        for (round, bulk) in [false, true, false].into_iter().enumerate() {
            world.churn(seed + round as u64, 300, &[], bulk).unwrap();
        }
        world
    }
}

/// Random choices of one row, the same every time.
#[derive(Debug)]
pub(crate) struct Draw {
    pub row: u64,
    rng: fastrand::Rng,
}

impl Draw {
    /// 0 to `bound` - 1; 0 when the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.rng.u64(..bound) }
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.rng.u64(..)
    }

    /// Both ends included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.rng.i64(low..=high.max(low))
    }

    /// True in `percent` of 100.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Whether a nullable member has a value: always in row 0, never in row 1, else in `percent` of 100. So every member
    /// is seen with a value in any table that has a row, and without one in any table that has two.
    pub(crate) fn filled(&mut self, percent: u64) -> bool {
        let drawn = self.chance(percent);
        match self.row {
            0 => true,
            1 => false,
            _ => drawn,
        }
    }

    /// `value` where [`Draw::filled`], else `None`.
    pub(crate) fn maybe<T>(&mut self, percent: u64, value: impl FnOnce(&mut Draw) -> T) -> Option<T> {
        self.filled(percent).then(|| value(self))
    }

    /// One of a list that must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        let at = usize::try_from(self.below(list.len() as u64)).unwrap_or(0);
        list[at]
    }

    /// `count` random lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(self.pick(b"0123456789abcdef"))).collect()
    }

    /// `count` random decimal digits.
    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(self.pick(b"0123456789"))).collect()
    }

    /// A lower-case GUID.
    pub(crate) fn guid(&mut self) -> String {
        format!("{}-{}-{}-{}-{}", self.hex(8), self.hex(4), self.hex(4), self.hex(4), self.hex(12))
    }
}

/// The finaliser of splitmix64: every input bit reaches every output bit.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_depends_on_seed_table_and_number_alone() {
        let world = World::new(7, 100, &[]);
        let first = |world: &World, table, row| world.draw(table, row).guid();
        assert_eq!(first(&world, "a", 5), first(&World::new(7, 9, &[]), "a", 5));
        assert_ne!(first(&world, "a", 5), first(&world, "a", 6));
        assert_ne!(first(&world, "a", 5), first(&world, "b", 5));
        assert_ne!(first(&world, "a", 5), first(&World::new(8, 100, &[]), "a", 5));
    }

    #[test]
    fn row_0_is_full_and_row_1_empty() {
        let world = World::new(1, 100, &[]);
        assert!((0..50).all(|_| world.draw("t", 0).filled(1)));
        assert!((0..50).all(|_| !world.draw("t", 1).filled(99)));
        let filled = (2..2002).filter(|row| world.draw("t", *row).filled(30)).count();
        assert!((450..750).contains(&filled), "{filled}");
    }

    #[test]
    fn children_obey_the_options() {
        let world = World::new(1, 100, &[("p__c".to_owned(), 7), ("p__none".to_owned(), 0)]);
        let dealt: Vec<u64> = (0..3).map(|row| world.children(("p__c", 9), ("p", 3), row)).collect();
        assert_eq!(dealt, [3, 2, 2]);
        assert_eq!(world.all_children(("p__c", 9), ("p", 3)), 7);
        assert_eq!(world.all_children(("p__none", 9), ("p", 3)), 0);
        assert!(world.children(("p__free", 2), ("p", 3), 0) >= 1);
        assert!((0..100).all(|row| world.children(("p__free", 2), ("p", 100), row) <= 2));
    }
}
