//! The ways in which a vendor that leaves no member out writes that there is no value.

use super::json::{Json, Object};
use super::world::Draw;

/// A text member: a value in `percent` of the rows, else `""` or `null`.
pub(super) fn text<V: Json>(o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64, value: impl FnOnce(&mut Draw) -> V) {
    if d.filled(percent) {
        let value = value(d);
        o.set(name, value);
    } else if d.chance(50) {
        o.set(name, "");
    } else {
        o.null(name);
    }
}

/// A member of any other type: a value in `percent` of the rows, else `null`.
pub(super) fn value<V: Json>(o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64, value: impl FnOnce(&mut Draw) -> V) {
    let value = d.maybe(percent, value);
    o.set(name, value);
}

/// An object member: filled in `percent` of the rows, else `null`.
pub(super) fn object(o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64, fill: impl FnOnce(&mut Object<'_>, &mut Draw)) {
    if d.filled(percent) {
        o.object(name, |o| fill(o, d));
    } else {
        o.null(name);
    }
}
