//! What every listed noun of NectarCRM has in common: ids, the time of the last change, which rows a request means and
//! which of them its page holds. A list is walked by *place*: a row's rank by last change where the API can filter by that,
//! else the row itself. Rows that changed stand between the places of those that did not.

use std::ops::Range;

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::changes::{Changes, Moved};
use crate::sandbox::churn::{Cursor, Subject, Timed};
use crate::sandbox::clock::{Clock, Ids, Pace};
use crate::sandbox::json::{Array, Object};
use crate::sandbox::splice::{Splice, Spot};
use crate::sandbox::stamp::{DAY, NOW};
use crate::sandbox::world::{Draw, World};

use super::loose;

/// One noun of the API.
pub(super) struct Noun {
    pub ids: Ids,
    /// Rows that the seed gives.
    pub rows: fn(&World) -> u64,
    pub order: Order,
    pub paging: Paging,
    pub write: fn(&World, u64, &mut Object<'_>),
}

/// What the places of a noun's list stand for. The order of a list is not documented.
pub(super) enum Order {
    /// Ranks by last change.
    Changed,
    /// Rows, which is the order of ids.
    Id,
}

/// How a noun's list is cut into pages.
pub(super) struct Paging {
    /// Rows of a page when `displayLength` is not sent.
    pub default: u64,
    /// Rows of a page at most, whatever is asked.
    pub most: u64,
    /// Rows of the only page of `page=-1`, at most.
    pub at_once: u64,
    pub end: End,
}

/// What is answered to a page after the last.
pub(super) enum End {
    Empty,
    LastAgain,
}

impl Noun {
    pub(super) fn table(&self) -> &'static str {
        self.ids.table
    }

    pub(super) fn id(&self, world: &World, row: u64) -> u64 {
        self.ids.id(world, row)
    }

    /// The live row with an id.
    pub(super) fn row(&self, world: &World, id: u64) -> Option<u64> {
        let changes = self.changes(world);
        let ever = changes.map_or_else(|| (self.rows)(world), Changes::ever);
        let live = |row: &u64| changes.is_none_or(|changes| changes.is_live(*row));
        self.ids.row(world, ever, id).filter(live)
    }

    /// How many rows there are now.
    pub(super) fn live(&self, world: &World) -> u64 {
        world.live(self.table(), (self.rows)(world))
    }

    /// The generator of a row of another of the record's parts, as it is now; `number` counts over all rows.
    pub(super) fn draw_part(&self, world: &World, part: &str, row: u64, number: u64) -> Draw {
        world.draw_revised(part, number, world.revision(self.table(), row))
    }

    /// How many items of an exploded table a row has.
    pub(super) fn children(&self, world: &World, child: (&'static str, u64), row: u64) -> u64 {
        world.children(child, (self.table(), (self.rows)(world)), row)
    }

    /// The items of all rows.
    pub(super) fn all_children(&self, world: &World, child: (&'static str, u64)) -> u64 {
        world.all_children(child, (self.table(), (self.rows)(world)))
    }

    /// When a row was last changed: by the seed, within the two years before the sandbox's present.
    pub(super) fn changed(&self, world: &World, row: u64) -> i64 {
        self.clock(world).of(row).ticks
    }

    /// The place of a row in the list of the seed, by which what must be filtered without a scan is dealt out. A row that
    /// changed has any place.
    pub(super) fn place(&self, world: &World, row: u64) -> u64 {
        let moved = self.changes(world).and_then(|changes| changes.moved_row(row));
        match (&self.order, moved) {
            (Order::Id, _) => row,
            (Order::Changed, Some(moved)) => moved.lot,
            (Order::Changed, None) => self.clock(world).seed_rank(row),
        }
    }

    pub(super) fn all(&self, world: &World) -> Picked {
        self.pick(world, &ALWAYS, 1, |_| true)
    }

    /// The rows changed in a time whose place, modulo `period`, is one to `keep`.
    pub(super) fn pick(&self, world: &World, time: &Range<i64>, period: u64, keep: impl Fn(u64) -> bool) -> Picked {
        let changes = self.changes(world);
        if let Order::Id = self.order {
            let ever = changes.map_or_else(|| (self.rows)(world), Changes::ever);
            let gone = changes.map_or(&[][..], Changes::deleted);
            return Picked::new(0..ever, period, keep).without(gone);
        }
        let clock = self.clock(world);
        let first_at = |ticks: i64| clock.seed_partition(|moment| moment.ticks < ticks);
        let low = first_at(time.start);
        let picked = Picked::new(low..first_at(time.end).max(low), period, keep);
        let Some(changes) = changes else {
            return picked;
        };
        let first_moved = |ticks: i64| changes.moved().partition_point(|moved| moved.moment.ticks < ticks);
        let from = first_moved(time.start);
        let range = from..first_moved(time.end).max(from);
        let moved = changes.moved()[range.clone()].iter().zip(&changes.before()[range]);
        picked.without(changes.away()).with(moved)
    }

    /// The time that `dataInicioAtualizacao` and `dataFimAtualizacao` leave: whole days of São Paulo, both included.
    pub(super) fn changed_within(ask: &Ask) -> Result<Range<i64>, Answer> {
        let day = |name: &str| match ask.param(name) {
            None => Ok(None),
            Some(text) => loose::read_day(text).map(Some).ok_or_else(|| wrong(name)),
        };
        let from = day("dataInicioAtualizacao")?.unwrap_or(ALWAYS.start);
        let to = day("dataFimAtualizacao")?.map_or(ALWAYS.end, |day| day + DAY);
        Ok(from..to)
    }

    /// The page of the picked places that the request asks for.
    pub(super) fn list(&self, world: &World, ask: &Ask, picked: &Picked) -> Answer {
        let window = match self.paging.window(ask, picked.count()) {
            Ok(window) => window,
            Err(answer) => return answer,
        };
        let clock = self.clock(world);
        let row = |number| match (picked.nth(number), &self.order) {
            (Pick::Row(row), _) => row,
            (Pick::Place(place), Order::Changed) => clock.seed_row(place),
            (Pick::Place(place), Order::Id) => place,
        };
        let mut body = Vec::new();
        Array::push(&mut body, |page| {
            for number in window {
                page.object(|o| (self.write)(world, row(number), o));
            }
        });
        Answer::json(200, chosen(body, ask))
    }

    /// One record by its id.
    pub(super) fn one(&self, world: &World, id: &str) -> Answer {
        let Some(row) = id.parse().ok().and_then(|id| self.row(world, id)) else {
            return not_found();
        };
        let mut body = Vec::new();
        Object::push(&mut body, |o| (self.write)(world, row, o));
        Answer::json(200, body)
    }

    /// The noun as churn knows it.
    pub(super) fn subject(&self, world: &World) -> Subject {
        Subject {
            table: self.table(),
            rows: (self.rows)(world),
            ids: self.ids,
            time: Some(Timed {
                cursor: Cursor::Updated,
                pace: PACE,
                undated: None,
            }),
            after: None,
            along: &[],
        }
    }

    fn clock<'w>(&self, world: &'w World) -> Clock<'w> {
        Clock::new(world, self.ids.table, PACE, (self.rows)(world)).with(self.changes(world))
    }

    fn changes<'w>(&self, world: &'w World) -> Option<&'w Changes> {
        world.changes(self.table())
    }
}

/// Any time.
pub(super) const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

const PACE: Pace = Pace {
    from: NOW - 730 * DAY,
    to: NOW,
    grain: 1,
    digits: &[3],
    ties: true,
};

impl Paging {
    fn window(&self, ask: &Ask, count: u64) -> Result<Range<u64>, Answer> {
        let number = |name: &str| match ask.param(name) {
            None => Ok(None),
            Some(text) => text.parse::<i64>().map(Some).map_err(|_| wrong(name)),
        };
        let asked = number("displayLength")?
            .and_then(|size| u64::try_from(size).ok())
            .filter(|size| *size > 0);
        let size = asked.unwrap_or(self.default).min(self.most);
        let page = number("page")?.unwrap_or(1);
        if page == -1 {
            return Ok(0..count.min(self.at_once));
        }
        let before = u64::try_from(page).unwrap_or(0).saturating_sub(1);
        let mut start = before.saturating_mul(size);
        if start >= count {
            start = match self.end {
                End::LastAgain if count > 0 => (count - 1) / size * size,
                _ => return Ok(0..0),
            };
        }
        Ok(start..count.min(start + size))
    }
}

/// Some places of a list: those of a range that match a repeating pattern, without the rows that left, with the rows that
/// came. Counted and found by arithmetic.
pub(super) struct Picked {
    range: Range<u64>,
    period: u64,
    matching: Vec<u64>,
    /// Numbers, among the places that match, of those that are left out.
    gone: Vec<u64>,
    /// Rows that came, and the number of the matching place each is before.
    rows: Vec<u64>,
    before: Vec<u64>,
}

/// One of the picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    Place(u64),
    Row(u64),
}

impl Picked {
    /// The places of `range` for which `keep` is true of the place modulo `period`.
    pub(super) fn new(range: Range<u64>, period: u64, keep: impl Fn(u64) -> bool) -> Picked {
        let period = period.max(1);
        let matching = (0..period).filter(|place| keep(*place)).collect();
        Picked {
            range,
            period,
            matching,
            gone: Vec::new(),
            rows: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Leaves places out; they must rise.
    fn without(mut self, places: &[u64]) -> Picked {
        let picked = places.iter().filter(|place| self.range.contains(place) && self.matches(**place));
        self.gone = picked.map(|place| self.number(*place)).collect();
        self
    }

    /// Adds those rows that match by their lot, each with the place it is before; these must rise.
    fn with<'a>(mut self, rows: impl Iterator<Item = (&'a Moved, &'a u64)>) -> Picked {
        for (moved, before) in rows {
            if self.matches(moved.lot) {
                let before = self.number((*before).clamp(self.range.start, self.range.end));
                self.before.push(before);
                self.rows.push(moved.row);
            }
        }
        self
    }

    fn matches(&self, place: u64) -> bool {
        self.matching.len() as u64 == self.period || self.matching.binary_search(&(place % self.period)).is_ok()
    }

    pub(super) fn count(&self) -> u64 {
        self.splice().len()
    }

    /// The `number`th of the picked, counted from 0; the number must be below [`Picked::count`].
    pub(super) fn nth(&self, number: u64) -> Pick {
        let number = match self.splice().at(number) {
            Spot::Base(number) => number + self.up_to(self.range.start),
            Spot::Put(put) => return Pick::Row(self.rows[put]),
        };
        let in_period = self.matching.len().max(1) as u64;
        let last = usize::try_from(number % in_period).unwrap_or(0);
        Pick::Place(number / in_period * self.period + self.matching.get(last).copied().unwrap_or(0))
    }

    fn splice(&self) -> Splice<'_> {
        Splice::new(self.number(self.range.end), &self.gone[..], &self.before[..])
    }

    /// How many places of the range below `place` match.
    fn number(&self, place: u64) -> u64 {
        self.up_to(place) - self.up_to(self.range.start)
    }

    /// How many places below `place`, from 0 on, match.
    fn up_to(&self, place: u64) -> u64 {
        let rest = self.matching.partition_point(|matching| *matching < place % self.period);
        place / self.period * self.matching.len() as u64 + rest as u64
    }
}

/// One of a list that repeats for ever; the default of its type when the list is empty.
pub(super) fn cycled<T: Copy + Default>(list: &[T], number: u64) -> T {
    let at = number.checked_rem(list.len() as u64).and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| list.get(at)).copied().unwrap_or_default()
}

/// The vendor answers a wrong parameter as it does wrong credentials.
pub(super) fn wrong(parameter: &str) -> Answer {
    Answer::json(401, format!(r#"{{"message":"Invalid parameter: {parameter}"}}"#))
}

pub(super) fn not_found() -> Answer {
    Answer::json(404, r#"{"message":"Not found"}"#)
}

/// The members that `attribute=nome` parameters choose; all of them when there is none.
fn chosen(body: Vec<u8>, ask: &Ask) -> Vec<u8> {
    let asked = |name: &String| ask.query.iter().any(|(key, value)| key == "attribute" && value == name);
    if ask.param("attribute").is_none() {
        return body;
    }
    let Ok(mut records) = serde_json::from_slice::<Vec<serde_json::Map<String, serde_json::Value>>>(&body) else {
        return body;
    };
    for record in &mut records {
        record.retain(|name, _| asked(name));
    }
    serde_json::to_vec(&records).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_picked_is_what_a_scan_finds() {
        for (low, high) in [(0, 0), (0, 1), (3, 40), (8, 16), (7, 23)] {
            for keep in [&[1_u64, 4, 7][..], &[0], &[], &[0, 1, 2, 3, 4, 5, 6, 7]] {
                let picked = Picked::new(low..high, 8, |place| keep.contains(&place));
                let found: Vec<Pick> = (0..picked.count()).map(|number| picked.nth(number)).collect();
                let scanned: Vec<Pick> = (low..high).filter(|place| keep.contains(&(place % 8))).map(Pick::Place).collect();
                assert_eq!(found, scanned);
            }
        }
    }
}
