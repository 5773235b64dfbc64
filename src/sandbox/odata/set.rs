//! One table of an OData vendor: how many rows, what their ids and moments are, and how one is written.

use crate::sandbox::changes::{Changes, Item};
use crate::sandbox::churn::{Cursor, Subject, Timed};
use crate::sandbox::clock::{Clock, Ids, Moment, Pace};
use crate::sandbox::json::Object;
use crate::sandbox::world::{Draw, World};

/// The declaration of a set.
pub(crate) struct Set {
    /// `ploomes.deals`.
    pub table: &'static str,
    /// The last part of its address.
    pub path: &'static str,
    /// Rows of the seed when the options do not say.
    pub rows: fn(&World) -> u64,
    pub id: Option<Id>,
    pub time: Option<Time>,
    /// What the rows of a small fixed table are called.
    pub names: &'static [&'static str],
    /// Sets the members of a row. It must not look at [`Rows::count`]: row 0 is asked for even of an empty table, and a row
    /// must not depend on how many others there are.
    pub write: fn(&Rows, u64, &mut Object),
}

/// The column that grows with the row number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Id {
    pub property: &'static str,
    pub ids: Ids,
}

/// The column a cursor reads by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    pub property: &'static str,
    pub pace: Pace,
}

/// The rows of a set in one account.
pub(crate) struct Rows<'w> {
    pub world: &'w World,
    pub set: &'static Set,
    /// How many there are now.
    pub count: u64,
    /// The text of `$expand`.
    pub expand: &'w str,
    clock: Option<Clock<'w>>,
    changes: Option<&'w Changes>,
}

impl<'w> Rows<'w> {
    pub(crate) fn of(world: &'w World, set: &'static Set) -> Rows<'w> {
        let changes = world.changes(set.table);
        Rows {
            world,
            set,
            count: set.live(world),
            expand: "",
            clock: set.clock(world),
            changes,
        }
    }

    /// The row at a place in the order of ids.
    pub(crate) fn row(&self, place: u64) -> u64 {
        self.changes.map_or(place, |changes| changes.row(place))
    }

    /// How often a row was revised.
    pub(crate) fn revision(&self, row: u64) -> u64 {
        self.changes.map_or(0, |changes| changes.revision(row))
    }

    /// The generator of a row as it is now. `table` is the set's, or names another part of the record.
    pub(crate) fn draw(&self, table: &str, row: u64) -> Draw {
        self.world.draw_revised(table, row, self.revision(row))
    }

    /// How many items of an exploded table, `most` at most, a row has.
    pub(crate) fn children(&self, table: &'static str, row: u64, most: u64) -> u64 {
        self.set.children(self.world, table, row, most)
    }

    /// The rows of a list of items, where it is not the seed's.
    pub(crate) fn list(&self, owner: u64) -> Option<&[u64]> {
        self.changes?.list(owner)
    }

    /// What an item is that the seed does not give.
    pub(crate) fn item(&self, row: u64) -> Option<Item> {
        self.changes?.item(row)
    }

    /// What distinguishes these rows from earlier ones of the same set.
    pub(super) fn version(&self) -> u64 {
        self.changes.map_or(0, |changes| changes.version)
    }

    /// The id of a row: its number where the set has no id.
    pub(crate) fn id(&self, row: u64) -> u64 {
        self.set.id.map_or(row, |id| id.ids.id(self.world, row))
    }

    /// The moment of a row: 1970 where the set has no time column.
    pub(crate) fn moment(&self, row: u64) -> Moment {
        let nothing = Moment { ticks: 0, digits: 0 };
        self.clock.as_ref().map_or(nothing, |clock| clock.of(row))
    }

    /// Appends the JSON of a row.
    pub(crate) fn push(&self, row: u64, out: &mut Vec<u8>) {
        Object::push(out, |object| (self.set.write)(self, row, object));
    }

    pub(super) fn clock(&self) -> Option<&Clock<'w>> {
        self.clock.as_ref()
    }
}

impl Set {
    /// How many rows the seed gives the set.
    pub(crate) fn count(&self, world: &World) -> u64 {
        world.rows(self.table, (self.rows)(world))
    }

    /// How many rows the set has now.
    pub(crate) fn live(&self, world: &World) -> u64 {
        world.live(self.table, self.count(world))
    }

    /// The moments of the rows, where they have a time column.
    pub(crate) fn clock<'w>(&self, world: &'w World) -> Option<Clock<'w>> {
        // Sets that show the same things share their ids, and so their moments.
        let things = self.id.map_or(self.table, |id| id.ids.table);
        let clock = |time: Time| Clock::new(world, things, time.pace, self.count(world)).with(world.changes(self.table));
        self.time.map(clock)
    }

    /// The set as churn knows it; nothing where its rows have no id.
    pub(crate) fn subject(&'static self, world: &World, cursor: Cursor) -> Option<Subject> {
        let timed = |time: Time| Timed {
            cursor,
            pace: time.pace,
            undated: None,
        };
        Some(Subject {
            table: self.table,
            rows: self.count(world),
            ids: self.id?.ids,
            time: self.time.map(timed),
            after: None,
            along: &[],
        })
    }

    /// How many items of an exploded table, `most` at most, a row has.
    pub(crate) fn children(&self, world: &World, table: &'static str, row: u64, most: u64) -> u64 {
        world.children((table, most), (self.table, self.count(world)), row)
    }

    /// The items of all rows.
    pub(crate) fn all_children(&self, world: &World, table: &'static str, most: u64) -> (&'static str, u64) {
        (table, world.all_children((table, most), (self.table, self.count(world))))
    }

    /// The id of a random row of the seed, or nothing when there is none.
    pub(crate) fn any_id(&self, world: &World, noise: u64) -> Option<u64> {
        let ids = self.id?.ids;
        ids.any(world, self.count(world), noise)
    }

    /// The name of a row of a small fixed table; beyond the list, numbered ones.
    pub(crate) fn name(&self, row: u64) -> String {
        let listed = usize::try_from(row).ok().and_then(|row| self.names.get(row));
        listed.map_or_else(|| format!("Opção {}", row + 1), |name| (*name).to_owned())
    }
}
