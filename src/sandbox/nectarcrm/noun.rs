//! What every listed noun of NectarCRM has in common: ids, the time of the last change, which rows a request means and
//! which of them its page holds. A list is walked by *place*: a row's rank by last change where the API can filter by that,
//! else the row itself.

use std::ops::Range;

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::clock::{Clock, Ids, Pace};
use crate::sandbox::json::{Array, Object};
use crate::sandbox::stamp::{DAY, NOW};
use crate::sandbox::world::World;

use super::loose;

/// One noun of the API.
pub(super) struct Noun {
    pub ids: Ids,
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

    pub(super) fn row(&self, world: &World, id: u64) -> Option<u64> {
        let row = id.checked_sub(self.ids.first)? / self.ids.step;
        (row < (self.rows)(world) && self.id(world, row) == id).then_some(row)
    }

    /// When a row was last changed, within the two years before the sandbox's present.
    pub(super) fn changed(&self, world: &World, row: u64) -> i64 {
        self.clock(world).of(row).ticks
    }

    /// The place of a row in the list.
    pub(super) fn place(&self, world: &World, row: u64) -> u64 {
        match self.order {
            Order::Changed => self.clock(world).rank(row),
            Order::Id => row,
        }
    }

    pub(super) fn all(&self, world: &World) -> Picked {
        Picked::new(0..(self.rows)(world), 1, |_| true)
    }

    /// The places that `dataInicioAtualizacao` and `dataFimAtualizacao` leave: whole days of São Paulo, both included.
    pub(super) fn changed_within(&self, world: &World, ask: &Ask) -> Result<Range<u64>, Answer> {
        let rows = (self.rows)(world);
        let day = |name: &str| match ask.param(name) {
            None => Ok(None),
            Some(text) => loose::read_day(text).map(Some).ok_or_else(|| wrong(name)),
        };
        let clock = self.clock(world);
        let first_at = |day: i64| clock.partition(rows, |moment| moment.ticks < day);
        let low = day("dataInicioAtualizacao")?.map_or(0, first_at);
        let high = day("dataFimAtualizacao")?.map_or(rows, |day| first_at(day + DAY));
        Ok(low..high.max(low))
    }

    /// The page of the picked places that the request asks for.
    pub(super) fn list(&self, world: &World, ask: &Ask, picked: &Picked) -> Answer {
        let window = match self.paging.window(ask, picked.count()) {
            Ok(window) => window,
            Err(answer) => return answer,
        };
        let clock = self.clock(world);
        let row = |place| match self.order {
            Order::Changed => clock.row(place),
            Order::Id => place,
        };
        let mut body = Vec::new();
        Array::push(&mut body, |page| {
            for number in window {
                page.object(|o| (self.write)(world, row(picked.nth(number)), o));
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

    fn clock<'w>(&self, world: &'w World) -> Clock<'w> {
        Clock::new(world, self.ids.table, PACE, (self.rows)(world))
    }
}

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

/// Some places of a list: those of a range that match a repeating pattern. Counted and found by arithmetic.
pub(super) struct Picked {
    range: Range<u64>,
    period: u64,
    matching: Vec<u64>,
}

impl Picked {
    /// The places of `range` for which `keep` is true of the place modulo `period`.
    pub(super) fn new(range: Range<u64>, period: u64, keep: impl Fn(u64) -> bool) -> Picked {
        let period = period.max(1);
        let matching = (0..period).filter(|place| keep(*place)).collect();
        Picked { range, period, matching }
    }

    pub(super) fn count(&self) -> u64 {
        self.before(self.range.end) - self.before(self.range.start)
    }

    /// The `number`th of the places, counted from 0; the number must be below [`Picked::count`].
    pub(super) fn nth(&self, number: u64) -> u64 {
        let number = self.before(self.range.start) + number;
        let in_period = self.matching.len().max(1) as u64;
        let last = usize::try_from(number % in_period).unwrap_or(0);
        number / in_period * self.period + self.matching.get(last).copied().unwrap_or(0)
    }

    /// How many places below `place`, from 0 on, match.
    fn before(&self, place: u64) -> u64 {
        let rest = self.matching.partition_point(|matching| *matching < place % self.period);
        place / self.period * self.matching.len() as u64 + rest as u64
    }
}

/// A part of the large table size: at least one row when there are rows at all.
pub(super) fn share(world: &World, parts: u64, of: u64) -> u64 {
    world.large.min(1).max(world.large.saturating_mul(parts) / of)
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
                let found: Vec<u64> = (0..picked.count()).map(|number| picked.nth(number)).collect();
                let scanned: Vec<u64> = (low..high).filter(|place| keep.contains(&(place % 8))).collect();
                assert_eq!(found, scanned);
            }
        }
    }
}
