//! What every list of CustomerX has in common: pages and what the headers say of them, the filters by day, and the ways a date and an amount
//! are written. Which members a record has is in the file of its noun.

use std::ops::Range;

use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::changes::Changes;
use crate::sandbox::churn::{Cursor, Subject, Timed};
use crate::sandbox::clock::{Clock, Ids, Pace, partition};
use crate::sandbox::json::{Array, At, Object};
use crate::sandbox::stamp::{self, DAY, HOUR, NOW};
use crate::sandbox::world::{Draw, World};

/// One list of the API.
pub(super) struct List {
    /// Path below the base address.
    pub path: &'static str,
    pub ids: Ids,
    /// Rows that the seed gives unless the options say how many.
    pub usual: fn(&World) -> u64,
    /// Whether `created_at` and `updated_at` filter. Other lists ignore them.
    pub filtered: bool,
    /// Whether the array stands in `data`.
    pub wrapped: bool,
    pub write: fn(&World, u64, &mut Object<'_>),
}

/// The largest page, whatever is asked, and the one that is sent where nothing is.
const MOST: u64 = 20;

/// Moments are printed in the time of São Paulo.
const ZONE: i64 = -3 * HOUR;

impl List {
    /// A list that nothing filters, whose array stands alone.
    pub(super) const fn new(path: &'static str, ids: Ids, usual: fn(&World) -> u64, write: fn(&World, u64, &mut Object<'_>)) -> List {
        List {
            path,
            ids,
            usual,
            filtered: false,
            wrapped: false,
            write,
        }
    }

    /// Rows that the seed gives.
    pub(super) fn rows(&self, world: &World) -> u64 {
        world.rows(self.ids.table, (self.usual)(world))
    }

    pub(super) fn id(&self, world: &World, row: u64) -> u64 {
        self.ids.id(world, row)
    }

    /// When a row was made: later for every later row, by the seed all before any row was updated.
    pub(super) fn made(&self, world: &World, row: u64) -> i64 {
        let born = self.changes(world).and_then(|changes| changes.born(row));
        born.unwrap_or_else(|| Clock::new(world, self.ids.table, CREATED, self.rows(world)).at(row).ticks)
    }

    /// The times every record of a list has that has any.
    pub(super) fn times(&self, world: &World, row: u64, o: &mut Object<'_>) {
        o.set("created_at", local(self.made(world, row)))
            .set("updated_at", local(self.updates(world).of(row).ticks));
    }

    /// How many rows there are now.
    pub(super) fn live(&self, world: &World) -> u64 {
        world.live(self.ids.table, self.rows(world))
    }

    /// How many items of an exploded table a row has.
    pub(super) fn children(&self, world: &World, child: (&'static str, u64), row: u64) -> u64 {
        world.children(child, (self.ids.table, self.rows(world)), row)
    }

    /// The items of all rows.
    pub(super) fn all_children(&self, world: &World, child: (&'static str, u64)) -> u64 {
        world.all_children(child, (self.ids.table, self.rows(world)))
    }

    /// The list as churn knows it.
    pub(super) fn subject(&self, world: &World) -> Subject {
        Subject {
            table: self.ids.table,
            rows: self.rows(world),
            ids: self.ids,
            time: Some(Timed {
                cursor: Cursor::Updated,
                pace: UPDATED,
                undated: None,
            }),
            after: None,
            along: &[],
        }
    }

    /// The page the request asks for.
    pub(super) fn page(&self, world: &World, ask: &Ask) -> Answer {
        let rows = match self.found(world, ask) {
            Ok(rows) => rows,
            Err(answer) => return answer,
        };
        let size = ask.positive("per_page").unwrap_or(MOST).min(MOST);
        let page = ask.positive("page").unwrap_or(1);
        let total = rows.end - rows.start;
        let start = (page - 1).saturating_mul(size).min(total);
        let end = start.saturating_add(size).min(total);
        let by_update = self.by_update(ask);
        let updates = self.updates(world);
        let changes = self.changes(world);
        let row = |place| match changes {
            _ if by_update => updates.row(place),
            None => place,
            Some(changes) => changes.row(place),
        };
        let mut body = Vec::new();
        let fill = |list: &mut Array<'_>| {
            for place in rows.start + start..rows.start + end {
                list.object(|o| (self.write)(world, row(place), o));
            }
        };
        let pages = total.div_ceil(size);
        if self.wrapped {
            Object::push(&mut body, |envelope| {
                envelope.array("data", fill).set("last_page", pages);
            });
        } else {
            Array::push(&mut body, fill);
        }
        Answer::json(200, body)
            .with_header("X-Page", page.to_string())
            .with_header("X-Per-Page", size.to_string())
            .with_header("X-Pages", pages.to_string())
            .with_header("X-Total", total.to_string())
    }

    /// The places of the rows asked for: those changed, or else those made, from a day of São Paulo on, in the order of that moment. Whether the vendor's filter
    /// means this is not known.
    fn found(&self, world: &World, ask: &Ask) -> Result<Range<u64>, Answer> {
        let day = |name: &str| match ask.param(name).filter(|_| self.filtered) {
            None => Ok(None),
            Some(text) => match stamp::read(text).filter(|read| !read.has_time) {
                Some(read) => Ok(Some(read.ticks - ZONE)),
                None => Err(refused(422, &format!("{name}: invalid date"))),
            },
        };
        let (updated, created) = (day("updated_at")?, day("created_at")?);
        let live = self.live(world);
        Ok(match (updated, created) {
            (Some(day), _) => self.updates(world).partition(|at| at.ticks < day)..live,
            (None, Some(day)) => {
                let changes = self.changes(world);
                let ever = changes.map_or_else(|| self.rows(world), Changes::ever);
                let row = partition(ever, |row| self.made(world, row) < day);
                changes.map_or(row, |changes| changes.rows().kept_before(row))..live
            }
            (None, None) => 0..live,
        })
    }

    fn by_update(&self, ask: &Ask) -> bool {
        self.filtered && ask.param("updated_at").is_some()
    }

    fn updates<'w>(&self, world: &'w World) -> Clock<'w> {
        Clock::new(world, self.ids.table, UPDATED, self.rows(world)).with(self.changes(world))
    }

    fn changes<'w>(&self, world: &'w World) -> Option<&'w Changes> {
        world.changes(self.ids.table)
    }
}

const UPDATED_FROM: i64 = NOW - 600 * DAY;

const CREATED: Pace = Pace {
    from: NOW - 2000 * DAY,
    to: UPDATED_FROM,
    grain: 1,
    digits: &[3],
    ties: false,
};

const UPDATED: Pace = Pace {
    from: UPDATED_FROM,
    to: NOW,
    grain: 1,
    digits: &[3],
    ties: true,
};

/// A moment as the vendor prints it: `2026-01-03T12:00:00.000-03:00`.
pub(super) fn local(ticks: i64) -> At {
    At(ticks + ZONE, 3, "-03:00")
}

/// A day in one of its two spellings: `03/01/2026`, and in some records `2026-01-03`.
pub(super) fn day(d: &mut Draw, ticks: i64) -> String {
    let (year, month, day) = stamp::civil(ticks);
    match d.below(8) {
        0 => stamp::date_text(ticks),
        _ => format!("{day:02}/{month:02}/{year:04}"),
    }
}

/// A moment of a day, to the minute: text that a person typed, `03/01/2026 09:30:00`, or what the program printed.
pub(super) fn moment(d: &mut Draw, ticks: i64) -> String {
    let (year, month, date) = stamp::civil(ticks);
    let minutes = d.below(24 * 60);
    match d.below(3) {
        0 => day(d, ticks),
        1 => format!("{date:02}/{month:02}/{year:04} {:02}:{:02}:00", minutes / 60, minutes % 60),
        _ => stamp::text(ticks, 3, "-03:00"),
    }
}

/// An amount as the vendor writes it: `"1350.0"`.
pub(super) fn amount(d: &mut Draw, most: i64) -> String {
    let cents = d.between(0, most);
    match cents % 100 {
        tenths if tenths % 10 == 0 => format!("{}.{}", cents / 100, tenths / 10),
        rest => format!("{}.{rest:02}", cents / 100),
    }
}

/// A row of another list for row `d.row` of this one: its first for the first, any for the others.
pub(super) fn any(world: &World, d: &mut Draw, list: &List) -> Option<u64> {
    let rows = list.rows(world);
    let row = if d.row == 0 { 0 } else { d.below(rows) };
    (rows > 0).then_some(row)
}

/// The id of such a row, in `percent` of the rows.
pub(super) fn id_of(world: &World, o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64, list: &List) {
    let row = any(world, d, list).filter(|_| d.filled(percent));
    o.set(name, row.map(|row| list.id(world, row)));
}

/// `custom_attributes`: an array of objects, by its table and how many a row has at most.
pub(super) fn attributes(world: &World, o: &mut Object<'_>, list: &List, child: (&'static str, u64), row: u64, names: &[(&str, &str)]) {
    let count = list.children(world, child, row);
    let revision = world.revision(list.ids.table, row);
    o.array("custom_attributes", |items| {
        for item in 0..count {
            let mut d = world.draw_revised(child.0, row * 1000 + item, revision);
            let listed = usize::try_from(item).ok().and_then(|at| names.get(at)).copied();
            let (name, label) = listed.unwrap_or(("outro", "Outro"));
            items.object(|o| {
                o.set("name", name).set("label", label);
                match d.below(5) {
                    _ if row == 0 => o.set("value", d.title()),
                    0 => o.null("value"),
                    1 => o.set("value", d.below(1000)),
                    2 => o.array("value", |list| {
                        list.item(d.district()).item(d.company().name);
                    }),
                    3 => o.set("value", d.chance(50)),
                    _ => o.set("value", d.note(120)),
                };
            });
        }
    });
}

/// `phones`: an array of objects, of bare texts in every third row, by its table and how many a row has at most.
pub(super) fn phones(world: &World, o: &mut Object<'_>, list: &List, child: (&'static str, u64), row: u64) {
    let count = list.children(world, child, row);
    let revision = world.revision(list.ids.table, row);
    if count == 0 && row % 2 == 1 {
        o.null("phones");
        return;
    }
    o.array("phones", |items| {
        for item in 0..count {
            let mut d = world.draw_revised(child.0, row * 1000 + item, revision);
            let city = d.city();
            let number = crate::sandbox::people::phone_dotted(&d.phone(city));
            if row % 3 == 2 {
                items.item(number);
            } else {
                items.object(|o| {
                    o.set("number", number).set("is_default", item == 0).set("ddi", "+55");
                });
            }
        }
    });
}

/// An error as JSON. How the vendor words its errors is not known.
pub(super) fn refused(status: u16, why: &str) -> Answer {
    let mut body = Vec::new();
    Object::push(&mut body, |o| {
        o.set("error", why);
    });
    Answer::json(status, body)
}
