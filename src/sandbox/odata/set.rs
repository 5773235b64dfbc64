//! One table of an OData vendor: how many rows, what their ids and moments are, and how one is written.

use crate::sandbox::clock::{Clock, Ids, Moment, Pace};
use crate::sandbox::json::Object;
use crate::sandbox::world::World;

/// The declaration of a set.
pub(crate) struct Set {
    /// `ploomes.deals`.
    pub table: &'static str,
    /// The last part of its address.
    pub path: &'static str,
    /// Rows when the options do not say.
    pub rows: fn(&World) -> u64,
    pub id: Option<Id>,
    pub time: Option<Time>,
    /// What the rows of a small fixed table are called.
    pub names: &'static [&'static str],
    /// Sets the members of a row. It must not look at [`Rows::count`]: row 0 is asked for even of an empty table.
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
    pub count: u64,
    /// The text of `$expand`.
    pub expand: &'w str,
    clock: Option<Clock<'w>>,
}

impl<'w> Rows<'w> {
    pub(crate) fn of(world: &'w World, set: &'static Set) -> Rows<'w> {
        let count = set.count(world);
        // Sets that show the same things share their ids, and so their moments.
        let things = set.id.map_or(set.table, |id| id.ids.table);
        let clock = |time: Time| Clock::new(world, things, time.pace, count);
        Rows {
            world,
            set,
            count,
            expand: "",
            clock: set.time.map(clock),
        }
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
    /// How many rows the set has.
    pub(crate) fn count(&self, world: &World) -> u64 {
        world.rows(self.table, (self.rows)(world))
    }

    /// The id of a random row, or nothing when there is none.
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
