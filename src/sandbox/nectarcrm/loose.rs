//! How NectarCRM spells values: absent ones as `""`, `{}`, `null` or by leaving the key out; moments in several zones and
//! precisions, sometimes with a year of the first century; dates of custom fields as `dd/MM/yyyy`.

use crate::sandbox::json::{Array, At, Cents, Json, Object};
use crate::sandbox::stamp::{self, DAY, HOUR, NOW};
use crate::sandbox::world::{Draw, World};

use super::noun::Noun;

/// A text member: a value in `percent` of the rows, else `""`, `null` or no member.
pub(super) fn text<V: Json>(o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64, value: impl FnOnce(&mut Draw) -> V) {
    if d.filled(percent) {
        let value = value(d);
        o.set(name, value);
        return;
    }
    match d.below(3) {
        0 => o.set(name, ""),
        1 => o.null(name),
        _ => o,
    };
}

/// A member of any other type: a value in `percent` of the rows, else `null` or no member.
pub(super) fn value<V: Json>(o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64, value: impl FnOnce(&mut Draw) -> V) {
    if d.filled(percent) {
        let value = value(d);
        o.set(name, value);
    } else if d.chance(50) {
        o.null(name);
    }
}

/// An object member: filled in `percent` of the rows, else `{}`, `null` or no member.
pub(super) fn object(o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64, fill: impl FnOnce(&mut Object<'_>, &mut Draw)) {
    if d.filled(percent) {
        o.object(name, |o| fill(o, d));
        return;
    }
    match d.below(3) {
        0 => o.object(name, |_| {}),
        1 => o.null(name),
        _ => o,
    };
}

/// An array of `count` objects; an empty one is `[]`, `null` or no member.
pub(super) fn list(o: &mut Object<'_>, d: &mut Draw, name: &str, count: u64, mut fill: impl FnMut(&mut Object<'_>, u64)) {
    if count > 0 {
        o.array(name, |items: &mut Array<'_>| {
            for item in 0..count {
                items.object(|o| fill(o, item));
            }
        });
        return;
    }
    match d.below(3) {
        0 => o.array(name, |_| {}),
        1 => o.null(name),
        _ => o,
    };
}

/// `camposPersonalizados`: an object with a member per field that the record has filled, by its table and how many there are at most. Values are
/// texts, dates as texts, numbers and lists.
pub(super) fn custom_fields(world: &World, o: &mut Object<'_>, noun: &Noun, child: (&'static str, u64), row: u64, names: &[&str]) {
    let count = noun.children(world, child, row);
    o.object("camposPersonalizados", |fields| {
        for item in 0..count {
            let mut d = noun.draw_part(world, child.0, row, row * 1000 + item);
            let listed = usize::try_from(item).ok().and_then(|at| names.get(at));
            let name = listed.map_or_else(|| format!("Campo {}", 1 + item), |name| (*name).to_owned());
            let day = NOW - d.between(0, 900) * DAY;
            match d.below(6) {
                _ if item == 0 => fields.set(&name, brazilian_date(day)),
                0 => fields.null(&name),
                1 => fields.set(&name, ""),
                2 => fields.set(&name, Cents(d.between(0, 900_000))),
                3 => fields.array(&name, |list| {
                    list.item(d.company().name).item(d.district());
                }),
                _ => fields.set(&name, d.title()),
            };
        }
    });
}

/// A moment in one of the vendor's spellings.
///
/// | spelling | of ten |
/// |---|---|
/// | `2026-03-04T05:06:07.123Z` | 5 |
/// | `2026-03-04T05:06:07.1Z`, `2026-03-04T05:06:07.12Z`, `2026-03-04T05:06:07Z` | 1 each |
/// | `2026-03-04T02:06:07-03:00`, `2026-03-04T02:06:07.123-0300` | 1 each |
pub(super) fn moment(d: &mut Draw, ticks: i64) -> At {
    match d.below(10) {
        0 => At(ticks, 1, "Z"),
        1 => At(ticks, 2, "Z"),
        2 => At(ticks, 0, "Z"),
        3 => At(ticks - 3 * HOUR, 0, "-03:00"),
        4 => At(ticks - 3 * HOUR, 3, "-0300"),
        _ => At(ticks, 3, "Z"),
    }
}

/// The same day and time two thousand years earlier, as corrupt records have it: 2024 becomes 0024.
pub(super) fn corrupted(ticks: i64) -> i64 {
    // Five cycles of 400 years: leap years fall on leap years.
    ticks - 5 * 146_097 * DAY
}

/// `04/03/2026`.
pub(super) fn brazilian_date(ticks: i64) -> String {
    let (year, month, day) = stamp::civil(ticks);
    format!("{day:02}/{month:02}/{year:04}")
}

/// Reads `dd/MM/yyyy`: the first tick of that day in São Paulo.
pub(super) fn read_day(text: &str) -> Option<i64> {
    let mut parts = text.split('/');
    let mut part = |width: usize, low: i64, high: i64| {
        let text = parts.next().filter(|text| text.len() == width)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok())?.filter(|value| (low..=high).contains(value))
    };
    let (day, month, year) = (part(2, 1, 31)?, part(2, 1, 12)?, part(4, 1, 9999)?);
    parts.next().is_none().then(|| stamp::days(year, month, day) * DAY + 3 * HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_one_instant_in_many_spellings() {
        let world = World::new(1, 10, &[]);
        let mut spellings = std::collections::HashSet::new();
        for row in 0..200 {
            let At(ticks, digits, suffix) = moment(&mut world.draw("t", row), NOW);
            spellings.insert((digits, suffix));
            assert_eq!(stamp::read(&stamp::text(ticks, digits, suffix)).unwrap().ticks, NOW);
        }
        assert_eq!(spellings.len(), 6);
    }

    #[test]
    fn days_are_read_and_written_as_in_brazil() {
        assert_eq!(brazilian_date(NOW), "01/11/2026");
        assert_eq!(read_day("01/11/2026"), Some(NOW - 9 * HOUR));
        assert_eq!(stamp::text(corrupted(NOW), 0, "Z"), "0026-11-01T12:00:00Z");
        for wrong in [
            "",
            "2026-11-01",
            "1/11/2026",
            "32/01/2026",
            "01/13/2026",
            "01/11/2026/1",
            "+1/11/2026",
        ] {
            assert_eq!(read_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn absent_values_come_in_every_documented_form() {
        let world = World::new(1, 10, &[]);
        let mut seen = std::collections::BTreeSet::new();
        for row in 1..100 {
            let mut body = Vec::new();
            let mut d = world.draw("t", row);
            Object::push(&mut body, |o| {
                text(o, &mut d, "text", 0, |_| "x");
                value(o, &mut d, "value", 0, |_| 1_u64);
                object(o, &mut d, "object", 0, |_, _| {});
                list(o, &mut d, "list", 0, |_, _| {});
            });
            let read: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&body).unwrap();
            for name in ["text", "value", "object", "list"] {
                seen.insert((name, read.get(name).map(ToString::to_string)));
            }
        }
        let of = |name| {
            seen.iter()
                .filter(|(n, _)| *n == name)
                .map(|(_, v)| v.as_deref())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("text"), [None, Some("\"\""), Some("null")]);
        assert_eq!(of("value"), [None, Some("null")]);
        assert_eq!(of("object"), [None, Some("null"), Some("{}")]);
        assert_eq!(of("list"), [None, Some("[]"), Some("null")]);
    }
}
