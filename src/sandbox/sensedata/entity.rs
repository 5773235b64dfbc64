//! What every list of SenseData has in common: the envelope, pages, filters and order by time, and the ways a date is written.
//! Which members a record has is in the file of its noun.

use std::ops::Range;

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::changes::Changes;
use crate::sandbox::churn::{Cursor, Subject, Timed};
use crate::sandbox::clock::{Clock, Ids, NEVER, Pace, partition};
use crate::sandbox::json::{At, Object};
use crate::sandbox::stamp::{self, DAY, NOW};
use crate::sandbox::world::{Draw, World};

/// One list of the API.
pub(super) struct Entity {
    /// Last segment of the path and name of the list in the envelope.
    pub name: &'static str,
    pub ids: Ids,
    /// Rows that the seed gives.
    pub rows: fn(&World) -> u64,
    /// Which of `updated_at` and `created_at` can be filtered by. Other filters are ignored.
    pub filters: &'static [&'static str],
    pub next: Next,
    pub write: fn(&World, u64, &mut Object<'_>),
}

/// What the envelope says of the next page.
#[derive(PartialEq, Eq)]
pub(super) enum Next {
    /// Its number, or `null` on the last page.
    Told,
    /// Nothing: a reader has to go on to the empty page.
    Missing,
    /// Nothing, but the number of all rows is in `status.count`, as in the first version of the API.
    Counted,
}

/// The largest page, whatever is asked.
const MOST: u64 = 1000;

impl Entity {
    pub(super) fn id(&self, world: &World, row: u64) -> u64 {
        self.ids.id(world, row)
    }

    /// When a row was made: later for every later row, by the seed all before any row was updated.
    pub(super) fn created(&self, world: &World, row: u64) -> At {
        At(self.made(world)(row), 6, "")
    }

    fn made<'w>(&self, world: &'w World) -> impl Fn(u64) -> i64 + use<'w> {
        let seed = Clock::new(world, self.ids.table, CREATED, (self.rows)(world));
        let changes = self.changes(world);
        move |row| changes.and_then(|changes| changes.born(row)).unwrap_or_else(|| seed.at(row).ticks)
    }

    /// When a row was last updated; nothing for the rows that never were.
    pub(super) fn updated(&self, world: &World, row: u64) -> Option<At> {
        let moment = self.updates(world).of(row);
        (moment != NEVER).then_some(At(moment.ticks, 6, ""))
    }

    /// How many rows there are now.
    pub(super) fn live(&self, world: &World) -> u64 {
        world.live(self.ids.table, (self.rows)(world))
    }

    /// How many items of an exploded table a row has.
    pub(super) fn children(&self, world: &World, child: (&'static str, u64), row: u64) -> u64 {
        world.children(child, (self.ids.table, (self.rows)(world)), row)
    }

    /// The items of all rows.
    pub(super) fn all_children(&self, world: &World, child: (&'static str, u64)) -> u64 {
        world.all_children(child, (self.ids.table, (self.rows)(world)))
    }

    /// The list as churn knows it.
    pub(super) fn subject(&self, world: &World) -> Subject {
        let rows = (self.rows)(world);
        Subject {
            table: self.ids.table,
            rows,
            ids: self.ids,
            time: Some(Timed {
                cursor: Cursor::Updated,
                pace: UPDATED,
                undated: Some(undated(rows)),
            }),
            after: None,
            along: &[],
        }
    }

    /// The page the request asks for.
    pub(super) fn list(&self, world: &World, ask: &Ask) -> Answer {
        let found = match self.find(world, ask) {
            Ok(found) => found,
            Err(answer) => return answer,
        };
        let size = ask.positive("limit").or_else(|| ask.positive("per_page")).unwrap_or(100).min(MOST);
        let page = ask.positive("page").unwrap_or(1);
        let total = found.count();
        let start = (page - 1).saturating_mul(size).min(total);
        let end = start.saturating_add(size).min(total);
        let mut body = Vec::new();
        Object::push(&mut body, |envelope| {
            envelope.array(self.name, |list| {
                found.each(start..end, |row| {
                    list.object(|o| (self.write)(world, row, o));
                });
            });
            envelope.set("count", end - start).set("per_page", size).set("current_page", page);
            match self.next {
                Next::Told => envelope.set("next_page", (end < total).then(|| page + 1)),
                Next::Missing => envelope,
                Next::Counted => envelope.object("status", |o| {
                    o.set("count", total);
                }),
            };
        });
        Answer::json(200, body)
    }

    fn find<'w>(&self, world: &'w World, ask: &Ask) -> Result<Found<'w>, Answer> {
        let changes = self.changes(world);
        let updates = self.updates(world);
        let ever = changes.map_or_else(|| (self.rows)(world), Changes::ever);
        let made = self.made(world);
        let made_before = |moment: i64| {
            let row = partition(ever, |row| made(row) < moment);
            changes.map_or(row, |changes| changes.rows().kept_before(row))
        };
        let updated = self.range(ask, "updated_at", |moment| updates.partition(|at| at.ticks < moment))?;
        let created = self.range(ask, "created_at", made_before)?;
        let dated = updates.partition(|at| at != NEVER);
        let by_update = match ask.param("order_by") {
            Some(field) => field == "updated_at",
            None => updated.is_some(),
        };
        let rows = updates.len();
        Ok(Found {
            rows,
            updated: updated.map(|(low, high)| low..high.unwrap_or(dated)),
            created: created.map(|(low, high)| low..high.unwrap_or(rows)),
            by_update,
            descending: ask.param("sort").is_some_and(|sort| sort.eq_ignore_ascii_case("desc")),
            updates,
            changes,
        })
    }

    /// The places between `field:start` and `field:end`, both days included, by a function from a moment to the first place
    /// not before it. Nothing when neither is sent or the list cannot be filtered so.
    fn range(&self, ask: &Ask, field: &str, first: impl Fn(i64) -> u64) -> Result<Option<(u64, Option<u64>)>, Answer> {
        let bound = |side: &str| {
            let name = format!("{field}:{side}");
            let Some(text) = ask.param(&name) else {
                return Ok(None);
            };
            let read = stamp::read(text).ok_or_else(|| refused(400, &format!("invalid date in {name}")))?;
            Ok(Some(read))
        };
        if !self.filters.contains(&field) {
            return Ok(None);
        }
        let (start, end) = (bound("start")?, bound("end")?);
        if start.is_none() && end.is_none() {
            return Ok(None);
        }
        let low = start.map_or(0, |read| first(read.ticks));
        let high = end.map(|read| first(read.ticks + if read.has_time { 1 } else { DAY }).max(low));
        Ok(Some((low, high)))
    }

    /// The rows in the order of their last update; those without one come last.
    fn updates<'w>(&self, world: &'w World) -> Clock<'w> {
        let rows = (self.rows)(world);
        let clock = Clock::new(world, self.ids.table, UPDATED, rows);
        clock.without_last(undated(rows)).with(self.changes(world))
    }

    fn changes<'w>(&self, world: &'w World) -> Option<&'w Changes> {
        world.changes(self.ids.table)
    }
}

/// How many of so many rows were never updated.
fn undated(rows: u64) -> u64 {
    rows / 16
}

const UPDATED_FROM: i64 = NOW - 600 * DAY;

const CREATED: Pace = Pace {
    from: NOW - 2500 * DAY,
    to: UPDATED_FROM,
    grain: 1,
    digits: &[6],
    ties: false,
};

const UPDATED: Pace = Pace {
    from: UPDATED_FROM,
    to: NOW,
    grain: 1,
    digits: &[6],
    ties: true,
};

/// The rows a request means, in its order.
struct Found<'w> {
    rows: u64,
    updated: Option<Range<u64>>,
    created: Option<Range<u64>>,
    by_update: bool,
    descending: bool,
    updates: Clock<'w>,
    changes: Option<&'w Changes>,
}

impl Found<'_> {
    /// A place in the order asked for, as a row.
    fn row(&self, place: u64) -> u64 {
        match self.changes {
            _ if self.by_update => self.updates.row(place),
            None => place,
            Some(changes) => changes.row(place),
        }
    }

    /// The range of places that the filter by the ordering column leaves, and whether the other filter is to be tried on
    /// each of them.
    fn candidates(&self) -> (Range<u64>, bool) {
        let (own, other) = if self.by_update {
            (&self.updated, &self.created)
        } else {
            (&self.created, &self.updated)
        };
        (own.clone().unwrap_or(0..self.rows), other.is_some())
    }

    fn takes(&self, row: u64) -> bool {
        let within = |range: &Option<Range<u64>>, place| range.as_ref().is_none_or(|range| range.contains(&place));
        let made = self.changes.map_or(row, |changes| changes.rows().kept_before(row));
        within(&self.created, made) && within(&self.updated, self.updates.rank(row))
    }

    /// By arithmetic when the only filter is on the ordering column, else by a scan.
    fn count(&self) -> u64 {
        let (range, scan) = self.candidates();
        if scan {
            range.filter(|place| self.takes(self.row(*place))).count() as u64
        } else {
            range.end - range.start
        }
    }

    fn each(&self, wanted: Range<u64>, mut give: impl FnMut(u64)) {
        let (range, scan) = self.candidates();
        let turned = |place: u64| {
            if self.descending {
                range.start + (range.end - 1 - place)
            } else {
                place
            }
        };
        if scan {
            let skip = usize::try_from(wanted.start).unwrap_or(usize::MAX);
            let take = usize::try_from(wanted.end - wanted.start).unwrap_or(0);
            let rows = range.clone().map(|place| self.row(turned(place))).filter(|row| self.takes(*row));
            rows.skip(skip).take(take).for_each(give);
        } else {
            for place in wanted {
                give(self.row(turned(range.start + place)));
            }
        }
    }
}

/// A date in one of its two spellings: `2026-03-04` or `2026-03-04T00:00:00`.
pub(super) fn date(d: &mut Draw, ticks: i64) -> String {
    let date = stamp::date_text(ticks);
    if d.chance(50) { date } else { format!("{date}T00:00:00") }
}

/// `custom_fields`, by its table and how many a row has at most: an object with a member per field, whose `value` is a text, a
/// number or an array.
pub(super) fn custom_fields(world: &World, o: &mut Object<'_>, entity: &Entity, child: (&'static str, u64), row: u64, names: &[&str]) {
    let count = entity.children(world, child, row);
    let revision = world.revision(entity.ids.table, row);
    if count == 0 && row % 2 == 1 {
        o.null("custom_fields");
        return;
    }
    o.object("custom_fields", |fields| {
        for item in 0..count {
            let mut d = world.draw_revised(child.0, row * 1000 + item, revision);
            let listed = usize::try_from(item).ok().and_then(|at| names.get(at));
            let name = listed.map_or_else(|| format!("campo_{item}"), |name| (*name).to_owned());
            fields.object(&name, |field| match d.below(4) {
                _ if !d.filled(95) => {
                    field.null("value");
                }
                0 => {
                    field.set("value", d.below(1000));
                }
                1 => {
                    field.array("value", |list| {
                        list.item(d.company().name).item(d.district());
                    });
                }
                _ => {
                    field.set("value", d.note(120));
                }
            });
        }
    });
}

/// An error as JSON. How the vendor words its errors is not known.
pub(super) fn refused(status: u16, why: &str) -> Answer {
    let mut body = Vec::new();
    Object::push(&mut body, |o| {
        o.set("error", why).set("status_code", u64::from(status));
    });
    Answer::json(status, body)
}
