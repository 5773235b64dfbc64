//! Changes an account as its users would: rows are inserted, updated and deleted while the simulated clock goes on. Which
//! tables change and what changes with them is the vendors' files' business.
//!
//! What is drawn at random can be found by the way a table is meant to be read: a row that has no time of its last change is
//! updated only while it is recent, and an appointment moves and vanishes only near the present. [`Change`] has no such care.

use std::collections::BTreeMap;

use super::VENDORS;
use super::clock::{Clock, Ids, Moment, Pace};
use super::stamp::{DAY, HOUR, MINUTE, SECOND};
use super::world::{World, mix};

/// One change of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A new row, with an id above all others.
    Insert,
    /// Other values in the row of this id.
    Update(u64),
    /// The row of this id goes.
    Delete(u64),
}

/// How many rows of a table changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that are new.
    pub inserted: u64,
    /// Changes of rows that stay; two of the same row count twice.
    pub updated: u64,
    /// Rows that are no more.
    pub deleted: u64,
}

/// What changed, by `source.table`. Tables that changed along with another have their own entry; exploded tables have none.
pub type Changed = BTreeMap<String, Counts>;

/// What the time column of a table tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// When the row last changed.
    Updated,
    /// When something happened; rows change for this long afterwards only.
    Event { open: i64 },
    /// When something is to happen.
    Appointment,
}

/// A table that changes.
pub(crate) struct Subject {
    pub table: &'static str,
    /// Rows of the seed.
    pub rows: u64,
    pub ids: Ids,
    pub time: Option<Timed>,
    /// What else changes when a row of it did.
    pub after: Option<fn(&mut Churn, Event)>,
    /// Tables that change along with this one and never by themselves.
    pub along: &'static [&'static str],
}

/// The time column of a table that changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timed {
    pub cursor: Cursor,
    pub pace: Pace,
    /// How many rows of the seed have no moment, where row 0 has the first.
    pub undated: Option<u64>,
}

/// What happened to a row, told to [`Subject::after`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Inserted(u64),
    Updated(u64),
    Deleted(u64),
}

/// One series of changes.
pub(crate) struct Churn<'w> {
    pub world: &'w mut World,
    pub rng: fastrand::Rng,
    changed: Changed,
}

/// An event that is younger stays changeable: shorter than any table's lookback.
pub(crate) const RECENT: i64 = 12 * HOUR;

/// Appointments that change lie between so long ago and so far ahead; afterwards they lie a little less far off.
const NEAR: (i64, i64) = (20 * DAY, 200 * DAY);
const NEARER: (i64, i64) = (10 * DAY, 60 * DAY);

/// Rows of one bulk update.
const BULK: u64 = 48;

impl Subject {
    fn clock<'w>(&self, world: &'w World) -> Option<Clock<'w>> {
        let time = self.time?;
        let clock = Clock::new(world, self.ids.table, time.pace, self.rows).with(world.changes(self.table));
        Some(match time.undated {
            Some(undated) => clock.without_last(undated),
            None => clock,
        })
    }

    /// The rank that the seed gives a row; nothing for a row it does not give.
    fn seed_rank(&self, world: &World, row: u64) -> Option<u64> {
        let clock = self.clock(world).filter(|_| row < self.rows)?;
        Some(clock.seed_rank(row))
    }

    fn live(&self, world: &World) -> u64 {
        world.live(self.table, self.rows)
    }

    /// Whether a name of the caller's means this table, or something that changes with it.
    fn is_called(&self, name: &str) -> bool {
        let name = name.split_once("__").map_or(name, |(parent, _)| parent);
        self.table == name || self.along.contains(&name)
    }
}

impl World {
    /// So many random changes, spread over the tables named, or over all that change. With `bulk` they are updates, dozens at a
    /// time of rows of one table, which then share a moment. The error is a name that is none of a table that changes.
    pub(crate) fn churn(&mut self, seed: u64, changes: u64, tables: &[&str], bulk: bool) -> Result<Changed, String> {
        let mut subjects = subjects(self);
        if let Some(unknown) = tables.iter().find(|name| !subjects.iter().any(|one| one.is_called(name))) {
            return Err(no_subject(unknown, &subjects));
        }
        subjects.retain(|one| tables.is_empty() || tables.iter().any(|name| one.is_called(name)));
        if bulk {
            subjects.retain(|one| one.time.is_some_and(|time| time.cursor == Cursor::Updated));
            if subjects.is_empty() {
                return Err(format!("{}: no table among these has a time of its last change", tables.join(", ")));
            }
        }
        // Tables with a time column more often, because the others are small.
        let weight = |one: &Subject| if one.time.is_some() { 4 } else { 1 };
        let weighted: Vec<&Subject> = subjects.iter().flat_map(|one| std::iter::repeat_n(one, weight(one))).collect();
        let mut churn = Churn::new(self, seed);
        let mut of_bulk = None;
        for number in 0..changes {
            if bulk && number % BULK == 0 {
                of_bulk = churn.rng.choice(&weighted);
                churn.tick(true);
            }
            match of_bulk {
                Some(subject) => churn.random_update(subject),
                None => {
                    if let Some(subject) = churn.rng.choice(&weighted) {
                        churn.random(subject);
                    }
                }
            }
        }
        Ok(churn.changed)
    }

    /// One change; the id of its row. The error names a table or an id that is not there.
    pub(crate) fn change(&mut self, table: &str, change: Change) -> Result<u64, String> {
        let subjects = subjects(self);
        let Some(subject) = subjects.iter().find(|one| one.table == table) else {
            return Err(no_subject(table, &subjects));
        };
        let row = match change {
            Change::Insert => None,
            Change::Update(id) | Change::Delete(id) => {
                let ever = self.changes(subject.table).map_or(subject.rows, |changes| changes.ever());
                let row = subject.ids.row(self, ever, id);
                let live = |row: &u64| self.changes(subject.table).is_none_or(|changes| changes.is_live(*row));
                Some(row.filter(live).ok_or_else(|| format!("`{table}` has no row with the id {id}"))?)
            }
        };
        let seed = mix(self.now.unsigned_abs() ^ mix(row.unwrap_or(u64::MAX)));
        let mut churn = Churn::new(self, seed);
        churn.tick(true);
        let row = match (change, row) {
            (Change::Update(_), Some(row)) => {
                churn.update(subject, row);
                row
            }
            (Change::Delete(_), Some(row)) => {
                churn.delete(subject, row);
                row
            }
            _ => churn.insert(subject),
        };
        Ok(subject.ids.id(self, row))
    }
}

impl Churn<'_> {
    fn new(world: &mut World, seed: u64) -> Churn<'_> {
        Churn {
            rng: fastrand::Rng::with_seed(mix(seed)),
            world,
            changed: Changed::new(),
        }
    }

    /// Adds to what changed in a table.
    pub(crate) fn count(&mut self, table: &str, add: impl FnOnce(&mut Counts)) {
        add(self.changed.entry(table.to_owned()).or_default());
    }

    /// Lets the clock go on, mostly by seconds, sometimes across midnight. `must` rules out that it stands still.
    ///
    /// A moment may be printed without its fraction, so a later one is at least in the next second.
    fn tick(&mut self, must: bool) {
        let now = self.world.now;
        let second = now - now.rem_euclid(SECOND);
        let next = match self.rng.u32(..1000) {
            0..400 if !must => return,
            0..900 => second + self.rng.i64(1..=10) * SECOND,
            // Midnight of UTC or of São Paulo, and seconds around it.
            997.. => {
                let zone = if self.rng.bool() { 3 * HOUR } else { 0 };
                let midnight = (now - zone).div_euclid(DAY) * DAY + DAY + zone;
                (midnight + self.rng.i64(-2..=2) * SECOND).max(second + SECOND)
            }
            _ => second + self.rng.i64(SECOND..10 * MINUTE) / SECOND * SECOND + SECOND,
        };
        self.world.now = next + self.rng.i64(0..SECOND);
    }

    fn random(&mut self, subject: &Subject) {
        // Events are told apart by their moment where they have no id.
        self.tick(subject.time.is_some_and(|time| matches!(time.cursor, Cursor::Event { .. })));
        match self.rng.u32(..100) {
            0..20 => {
                self.insert(subject);
            }
            20..40 => match self.pick(subject, false) {
                Some(row) => self.delete(subject, row),
                None => {
                    self.insert(subject);
                }
            },
            _ => self.random_update(subject),
        }
    }

    fn random_update(&mut self, subject: &Subject) {
        // An appointment may come from anywhere, because it goes near the present.
        let any = self.rng.u32(..10) < 3;
        match self.pick(subject, any) {
            Some(row) => self.update(subject, row),
            None => {
                self.insert(subject);
            }
        }
    }

    /// A random row that may change; of all appointments with `any`.
    fn pick(&mut self, subject: &Subject, any: bool) -> Option<u64> {
        let now = self.world.now;
        let range = match subject.time.map(|time| time.cursor) {
            Some(Cursor::Event { open }) => Some((now - open, i64::MAX)),
            Some(Cursor::Appointment) if !any => Some((now - NEAR.0, now + NEAR.1)),
            _ => None,
        };
        let clock = range.and_then(|range| Some((subject.clock(self.world)?, range)));
        let Some((clock, (from, to))) = clock else {
            let live = subject.live(self.world);
            let place = (live > 0).then(|| self.rng.u64(..live))?;
            return Some(self.world.changes(subject.table).map_or(place, |changes| changes.row(place)));
        };
        let places = clock.partition(|at| at.ticks < from)..clock.partition(|at| at.ticks < to);
        let place = (!places.is_empty()).then(|| self.rng.u64(places))?;
        Some(clock.row(place))
    }

    /// Puts a row in.
    pub(crate) fn insert(&mut self, subject: &Subject) -> u64 {
        let now = self.world.now;
        let row = self.world.changes_mut(subject.table, subject.rows).insert(now);
        if let Some(time) = subject.time {
            let at = if time.cursor == Cursor::Appointment { self.near() } else { now };
            self.move_to(subject, row, time.pace.at(at));
        }
        self.count(subject.table, |counts| counts.inserted += 1);
        self.tell(subject, Event::Inserted(row));
        row
    }

    /// Revises a row.
    pub(crate) fn update(&mut self, subject: &Subject, row: u64) {
        let now = self.world.now;
        self.world.changes_mut(subject.table, subject.rows).revise(row);
        match subject.time {
            Some(time) if time.cursor == Cursor::Updated => self.move_to(subject, row, time.pace.at(now)),
            Some(time) if time.cursor == Cursor::Appointment => {
                let at = subject.clock(self.world).map_or(now, |clock| clock.of(row).ticks);
                if !(now - NEAR.0..now + NEAR.1).contains(&at) || self.rng.bool() {
                    let near = self.near();
                    self.move_to(subject, row, time.pace.at(near));
                }
            }
            _ => {}
        }
        self.count(subject.table, |counts| counts.updated += 1);
        self.tell(subject, Event::Updated(row));
    }

    /// Takes a row away.
    pub(crate) fn delete(&mut self, subject: &Subject, row: u64) {
        let rank = subject.seed_rank(self.world, row);
        self.world.changes_mut(subject.table, subject.rows).delete(row, rank);
        self.count(subject.table, |counts| counts.deleted += 1);
        self.tell(subject, Event::Deleted(row));
    }

    fn near(&mut self) -> i64 {
        self.world.now + self.rng.i64(-NEARER.0..NEARER.1)
    }

    fn move_to(&mut self, subject: &Subject, row: u64, moment: Moment) {
        let before = subject
            .clock(self.world)
            .map_or(0, |clock| clock.seed_partition(|at| at.ticks < moment.ticks));
        let rank = subject.seed_rank(self.world, row);
        let changes = self.world.changes_mut(subject.table, subject.rows);
        changes.move_to(row, rank, moment, before);
    }

    fn tell(&mut self, subject: &Subject, event: Event) {
        if let Some(after) = subject.after {
            after(self, event);
        }
    }
}

fn subjects(world: &World) -> Vec<Subject> {
    VENDORS.iter().flat_map(|vendor| (vendor.churning)(world)).collect()
}

fn no_subject(name: &str, subjects: &[Subject]) -> String {
    if let Some(subject) = subjects.iter().find(|one| one.is_called(name)) {
        return format!("`{name}` changes with `{}` only", subject.table);
    }
    let names: Vec<&str> = subjects.iter().map(|one| one.table).collect();
    format!("`{name}` is no table that changes; those are {}", names.join(", "))
}

#[cfg(test)]
mod tests;
