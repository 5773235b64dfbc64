//! What the rows of all Ploomes tables have in common: local times, references, and the many members beside the documented
//! ones that a real row carries.

use crate::sandbox::clock::{Ids, Moment, Pace};
use crate::sandbox::json::{At, Object};
use crate::sandbox::odata::{Id, Rows, Set, Time};
use crate::sandbox::stamp::{self, DAY, HOUR, SECOND};
use crate::sandbox::world::{Draw, World};

/// When the simulated account was opened.
pub(super) const OPENED: i64 = stamp::days(2022, 1, 3) * DAY + 11 * HOUR;

/// The cursor of the incremental tables.
pub(super) const UPDATED: Option<Time> = Some(Time {
    property: "LastUpdateDate",
    pace: Pace {
        from: OPENED,
        to: stamp::NOW,
        grain: 1,
        digits: &[0, 2, 3, 3, 3, 7],
        ties: true,
    },
});

/// Ids from `first`, by `step` on average.
pub(super) const fn ids(table: &'static str, first: u64, step: u64) -> Option<Id> {
    Some(Id {
        property: "Id",
        ids: Ids { table, first, step },
    })
}

/// The generator of a row of a set.
pub(super) fn draw(rows: &Rows, row: u64) -> Draw {
    rows.draw(rows.set.table, row)
}

/// The id of a random row of another table.
pub(super) fn any(world: &World, set: &Set, d: &mut Draw) -> Option<u64> {
    let noise = d.bits();
    set.any_id(world, noise)
}

/// The same, but null in some rows.
pub(super) fn maybe_any(world: &World, set: &Set, d: &mut Draw, percent: u64) -> Option<u64> {
    d.maybe(percent, |d| any(world, set, d)).flatten()
}

/// A moment as Ploomes prints it, in the account's zone.
pub(super) fn local(moment: Moment) -> At {
    At(moment.ticks - 3 * HOUR, moment.digits, "-03:00")
}

/// A random time between two moments, with 0, 2, 3 or 7 fraction digits.
pub(super) fn time(d: &mut Draw, from: i64, to: i64) -> At {
    let digits = d.pick(&[0, 2, 3, 3, 7]);
    local(Moment {
        ticks: d.between(from, to),
        digits,
    })
}

/// A day: midnight in the account's zone.
pub(super) fn day(d: &mut Draw, from: i64, to: i64) -> At {
    let ticks = d.between(from, to);
    At(ticks - ticks.rem_euclid(DAY), 0, "-03:00")
}

/// A yes or no that is null in a few rows.
pub(super) fn flag(d: &mut Draw, percent: u64) -> Option<bool> {
    d.maybe(95, |d| d.chance(percent))
}

/// Sets `Id`.
pub(super) fn id(rows: &Rows, row: u64, o: &mut Object) {
    o.set("Id", rows.id(row));
}

/// Sets `LastUpdateDate` and the members around it that no document lists.
pub(super) fn tail(rows: &Rows, row: u64, d: &mut Draw, o: &mut Object) {
    let updated = rows.moment(row);
    let age = d.between(SECOND, 90 * DAY);
    let created = Moment {
        ticks: updated.ticks - age,
        digits: 3,
    };
    o.set("CreateDate", local(created))
        .set("LastUpdateDate", local(updated))
        .set("CreatorId", 900_000 + d.below(50))
        .set("UpdaterId", 900_000 + d.below(50))
        .set("ImportationId", d.maybe(5, |d| d.below(100)))
        .set("Editable", d.chance(97))
        .set("Deletable", d.chance(80))
        .null("WorkflowId")
        .object("Permissions", |o| {
            o.set("Read", true).set("Write", d.chance(90)).array("Teams", |a| {
                a.item(d.below(9)).item(10 + d.below(9));
            });
        });
}

/// What a request's `$expand` says in the parentheses of a member: nothing where it does not expand it, no text where it says no more.
pub(super) fn expanded<'a>(expand: &'a str, name: &str) -> Option<&'a str> {
    let (mut depth, mut from) = (0_usize, 0);
    let ends = expand.char_indices().chain([(expand.len(), ',')]);
    for (at, sign) in ends {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = expand[from..at].trim();
                from = (at + 1).min(expand.len());
                let (found, inner) = part.split_once('(').unwrap_or((part, ""));
                if found.trim() == name {
                    return Some(inner.strip_suffix(')').unwrap_or(inner));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expand_to_what_is_expanded() {
        for (expand, name, inner) in [
            ("OtherProperties", "OtherProperties", Some("")),
            ("Type, OptionsTable($expand=Options)", "Type", Some("")),
            ("Type, OptionsTable($expand=Options)", "OptionsTable", Some("$expand=Options")),
            ("Type, OptionsTable($expand=Options)", "Options", None),
            ("Products($select=Id,Total;$expand=OtherProperties)", "OtherProperties", None),
            (
                "Products($select=Id,Total;$expand=OtherProperties),OtherProperties",
                "OtherProperties",
                Some(""),
            ),
            ("", "OtherProperties", None),
        ] {
            assert_eq!(expanded(expand, name), inner, "{expand}");
        }
    }
}
