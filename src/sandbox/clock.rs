//! The time column of a simulated table, and the ids of its rows, as invertible arithmetic: row to moment and back, row to
//! id and back. That is what lets a filter or an order by them be answered from any size of table without a scan.

use super::changes::{Changes, Moved};
use super::splice::Spot;
use super::stamp::SECOND;
use super::world::World;

/// How the moments of a table are spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Moments lie in `from..to`, in ticks; see [`super::stamp`].
    pub from: i64,
    pub to: i64,
    /// Moments are rounded down to this many ticks; below a second they get a random fraction of a second.
    pub grain: i64,
    /// How many fraction digits are printed; one of these per moment. The moment has no more digits than are printed.
    pub digits: &'static [u8],
    /// Whether several rows may share a moment, as after a bulk change: a few runs of 8 rows, and in large tables runs of
    /// [`BULK`] rows, longer than any page.
    pub ties: bool,
}

impl Pace {
    /// The moment, at most `ticks`, that a change at `ticks` leaves in this column.
    pub(crate) fn at(&self, ticks: i64) -> Moment {
        let digits = self.digits(super::world::mix(ticks.unsigned_abs()));
        let grain = self.grain.max(10_i64.pow(u32::from(7 - digits)));
        Moment {
            ticks: ticks - ticks.rem_euclid(grain),
            digits,
        }
    }

    fn digits(&self, noise: u64) -> u8 {
        let list = self.digits;
        list.get(noise as usize % list.len().max(1)).copied().unwrap_or(0).min(7)
    }
}

/// Rows of one bulk change.
pub(crate) const BULK: u64 = 1024;

/// A moment and its printed fraction digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub ticks: i64,
    pub digits: u8,
}

/// The moment of rows that have none: later than any.
pub(crate) const NEVER: Moment = Moment {
    ticks: i64::MAX,
    digits: 0,
};

/// The moments of one table of one account. A row's *rank* is its place when rows are ordered by moment.
#[derive(Debug)]
pub(crate) struct Clock<'w> {
    world: &'w World,
    table: &'static str,
    pace: Pace,
    rows: u64,
    /// Ranks of the seed that have a moment.
    dated: u64,
    /// 1 for an empty table: row 0 of it is asked for too, as the sample of its members.
    modulus: u64,
    factor: u64,
    inverse: u64,
    offset: u64,
    changes: Option<&'w Changes>,
}

impl<'w> Clock<'w> {
    /// The clock of a table that has `rows` rows by its seed.
    pub(crate) fn new(world: &'w World, table: &'static str, pace: Pace, rows: u64) -> Clock<'w> {
        let modulus = rows.max(1);
        let mut factor = (modulus as f64 * 0.618) as u64 | 1;
        while common_divisor(factor, modulus) != 1 {
            factor += 1;
        }
        Clock {
            world,
            table,
            pace,
            rows,
            dated: rows,
            modulus,
            factor: factor % modulus,
            inverse: inverse(factor % modulus, modulus),
            offset: world.noise(table, u64::MAX) % modulus,
            changes: None,
        }
    }

    /// The same clock after changes.
    pub(crate) fn with(mut self, changes: Option<&'w Changes>) -> Clock<'w> {
        self.changes = changes;
        self
    }

    /// Gives the last `undated` ranks no moment, and row 0 the first rank, so that it always has one.
    pub(crate) fn without_last(mut self, undated: u64) -> Clock<'w> {
        self.dated = self.rows.saturating_sub(undated);
        self.offset = 0;
        self
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> u64 {
        self.changes.map_or(self.rows, Changes::live)
    }

    /// The place of a row in the order of moments. A deleted row has none; what it gets means nothing.
    pub(crate) fn rank(&self, row: u64) -> u64 {
        let Some(changes) = self.changes else {
            return self.seed_rank(row);
        };
        match changes.moved_row(row) {
            Some(moved) => changes.ranks().place_of_put(changes.place(moved.moment.ticks, row)),
            None => changes.ranks().place_of_base(self.seed_rank(row)),
        }
    }

    /// The row at a place in the order of moments.
    pub(crate) fn row(&self, rank: u64) -> u64 {
        match self.spot(rank) {
            Ok(moved) => moved.row,
            Err(rank) => self.seed_row(rank),
        }
    }

    /// The moment at a place in the order; never falls as the rank grows.
    pub(crate) fn at(&self, rank: u64) -> Moment {
        match self.spot(rank) {
            Ok(moved) => moved.moment,
            Err(rank) => self.seed_at(rank),
        }
    }

    /// The moment of a row.
    pub(crate) fn of(&self, row: u64) -> Moment {
        let moved = self.changes.and_then(|changes| changes.moved_row(row));
        moved.map_or_else(|| self.seed_at(self.seed_rank(row)), |moved| moved.moment)
    }

    /// The first rank for which `before` is false; `before` must be true up to some moment and false from there.
    pub(crate) fn partition(&self, before: impl Fn(Moment) -> bool) -> u64 {
        let rank = self.seed_partition(&before);
        self.changes.map_or(rank, |changes| {
            let moved = changes.moved().partition_point(|moved| before(moved.moment));
            changes.ranks().kept_before(rank) + moved as u64
        })
    }

    /// The same among the ranks that the seed gives.
    pub(crate) fn seed_partition(&self, before: impl Fn(Moment) -> bool) -> u64 {
        partition(self.rows, |rank| before(self.seed_at(rank)))
    }

    /// The rank that the seed gives a row. Rows beyond the table wrap around.
    pub(crate) fn seed_rank(&self, row: u64) -> u64 {
        (times(row % self.modulus, self.factor, self.modulus) + self.offset) % self.modulus
    }

    /// The row to which the seed gives a rank.
    pub(crate) fn seed_row(&self, rank: u64) -> u64 {
        let turned = (rank % self.modulus + self.modulus - self.offset) % self.modulus;
        times(turned, self.inverse, self.modulus)
    }

    /// What has a rank: a row that moved, or a rank of the seed.
    fn spot(&self, rank: u64) -> Result<Moved, u64> {
        match self.changes.map(|changes| (changes, changes.ranks().at(rank))) {
            None => Err(rank),
            Some((_, Spot::Base(rank))) => Err(rank),
            Some((changes, Spot::Put(moved))) => Ok(changes.moved()[moved]),
        }
    }

    fn seed_at(&self, rank: u64) -> Moment {
        if rank >= self.dated && self.dated < self.rows {
            return NEVER;
        }
        let first = self.first_of_tie(rank);
        let noise = self.world.noise(self.table, !first);
        let span_secs = u64::try_from((self.pace.to - self.pace.from) / SECOND).unwrap_or(1).max(1);
        let secs = u128::from(first) * u128::from(span_secs) / u128::from(self.modulus);
        let mut ticks = self.pace.from + i64::try_from(secs).unwrap_or(0) * SECOND;
        let digits = self.pace.digits(noise);
        if self.pace.grain > SECOND {
            ticks -= ticks.rem_euclid(self.pace.grain);
        } else if span_secs >= self.modulus {
            // With a second or more from rank to rank a fraction cannot overtake the next one.
            let unit = 10_i64.pow(u32::from(7 - digits));
            let fraction = i64::try_from((noise >> 16) % 10_000_000).unwrap_or(0);
            ticks += fraction - fraction % unit;
        }
        Moment { ticks, digits }
    }

    fn first_of_tie(&self, rank: u64) -> u64 {
        if !self.pace.ties {
            return rank;
        }
        let bulk = rank / BULK;
        let whole = (bulk + 1) * BULK <= self.modulus;
        // The second run always is a bulk change, so that every table large enough has one.
        if whole && (bulk == 1 || self.world.noise(self.table, !(bulk << 40)).is_multiple_of(16)) {
            return bulk * BULK;
        }
        let few = rank / 8;
        let tied = few % 5 == self.world.seed % 5;
        if tied { few * 8 } else { rank }
    }
}

/// How the ids of a table grow with its rows: from `first`, by `step` on average, with gaps when `step` is above 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    pub table: &'static str,
    pub first: u64,
    pub step: u64,
}

impl Ids {
    pub(crate) const fn new(table: &'static str, first: u64, step: u64) -> Ids {
        Ids { table, first, step }
    }

    pub(crate) fn id(&self, world: &World, row: u64) -> u64 {
        let gap = if self.step > 1 {
            world.noise(self.table, row ^ 0x1d) % self.step
        } else {
            0
        };
        self.first + row * self.step + gap
    }

    /// The row with an id, among so many.
    pub(crate) fn row(&self, world: &World, rows: u64, id: u64) -> Option<u64> {
        let row = id.checked_sub(self.first)? / self.step;
        (row < rows && self.id(world, row) == id).then_some(row)
    }

    /// The id of a random row of a table, or nothing when it has none.
    pub(crate) fn any(&self, world: &World, rows: u64, noise: u64) -> Option<u64> {
        (rows > 0).then(|| self.id(world, noise % rows))
    }
}

/// The first of `0..count` for which `before` is false.
pub(crate) fn partition(count: u64, before: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// a * b modulo m, without overflow. The narrow way first: a 128-bit remainder is slow and tables are seldom that long.
fn times(a: u64, b: u64, m: u64) -> u64 {
    if m <= u64::from(u32::MAX) {
        a * b % m
    } else {
        u64::try_from(u128::from(a) * u128::from(b) % u128::from(m)).unwrap_or(0)
    }
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// The x with a * x = 1 modulo m, for a and m without a common divisor.
fn inverse(a: u64, m: u64) -> u64 {
    let modulus = i128::from(m);
    let (mut r0, mut r1) = (modulus, i128::from(a));
    let (mut t0, mut t1) = (0_i128, 1_i128);
    while r1 != 0 {
        let quotient = r0 / r1;
        (r0, r1) = (r1, r0 - quotient * r1);
        (t0, t1) = (t1, t0 - quotient * t1);
    }
    u64::try_from(t0.rem_euclid(modulus)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::stamp::{DAY, HOUR};
    use super::*;

    const PACE: Pace = Pace {
        from: 0,
        to: 1500 * DAY,
        grain: 1,
        digits: &[0, 2, 3, 7],
        ties: true,
    };

    #[test]
    fn ranks_are_a_permutation_and_moments_never_fall() {
        let world = World::new(5, 10, &[]);
        for rows in [1, 2, 3, 10, 300, 1000, 4999] {
            let clock = Clock::new(&world, "t", PACE, rows);
            let mut seen = vec![false; rows as usize];
            for row in 0..rows {
                let rank = clock.rank(row);
                assert_eq!(clock.row(rank), row);
                assert!(!std::mem::replace(&mut seen[rank as usize], true));
                assert_eq!(clock.of(row), clock.at(rank));
            }
            assert!((1..rows).all(|rank| clock.at(rank - 1).ticks <= clock.at(rank).ticks));
        }
    }

    #[test]
    fn large_tables_have_bulk_changes_and_strict_ones_have_no_ties() {
        let world = World::new(5, 10, &[]);
        let clock = Clock::new(&world, "t", PACE, 3000);
        assert_eq!(clock.at(BULK), clock.at(2 * BULK - 1));
        let strict = Clock::new(&world, "t", Pace { ties: false, ..PACE }, 3000);
        assert!((1..3000).all(|rank| strict.at(rank - 1).ticks < strict.at(rank).ticks));
        let hourly = Clock::new(&world, "t", Pace { grain: HOUR, ..PACE }, 3000);
        assert!((0..3000).all(|rank| hourly.at(rank).ticks % HOUR == 0));
    }

    #[test]
    fn what_is_printed_is_the_whole_moment() {
        let world = World::new(5, 10, &[]);
        let clock = Clock::new(&world, "t", PACE, 500);
        for rank in 0..500 {
            let Moment { ticks, digits } = clock.at(rank);
            assert_eq!(ticks % 10_i64.pow(7 - u32::from(digits)), 0);
        }
    }

    #[test]
    fn ids_grow_with_gaps() {
        let world = World::new(5, 10, &[]);
        let ids = Ids::new("t", 100, 7);
        let all: Vec<u64> = (0..100).map(|row| ids.id(&world, row)).collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(all.windows(2).any(|pair| pair[1] - pair[0] > 1));
        assert_eq!(ids.any(&world, 0, 5), None);
    }
}
