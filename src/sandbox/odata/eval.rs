//! Whether a row passes a filter. Ids and moments are computed; any other property is read from the row's JSON, which is
//! made at most once per row and only when needed.

use std::cmp::Ordering;

use super::filter::{Expr, Match, Op, Part, Scalar};
use super::schema::{Kind, Path};
use super::set::Rows;
use crate::sandbox::clock::Moment;
use crate::sandbox::stamp;

/// One row under test after another, sharing a buffer.
pub(super) struct Probe<'a> {
    rows: &'a Rows<'a>,
    row: u64,
    text: Vec<u8>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(rows: &'a Rows<'a>) -> Probe<'a> {
        Probe {
            rows,
            row: 0,
            text: Vec::new(),
        }
    }

    /// Whether the filter takes the row.
    pub(super) fn takes(&mut self, row: u64, filter: &Expr) -> bool {
        self.at(row);
        self.holds(filter)
    }

    /// A property of a row.
    pub(super) fn of(&mut self, row: u64, path: &Path) -> Scalar {
        self.at(row);
        self.value(path)
    }

    fn at(&mut self, row: u64) {
        if row != self.row {
            self.row = row;
            self.text.clear();
        }
    }

    fn holds(&mut self, filter: &Expr) -> bool {
        match filter {
            Expr::And(left, right) => self.holds(left) && self.holds(right),
            Expr::Or(left, right) => self.holds(left) || self.holds(right),
            Expr::Not(inner) => !self.holds(inner),
            Expr::Compare { path, op, value } => compares(&self.value(path), *op, value),
            Expr::Part { path, part, op, value } => match self.value(path) {
                Scalar::Date(ticks) => ordered(part_of(ticks, *part).cmp(value), *op),
                _ => false,
            },
            Expr::Match { path, how, text } => match (self.value(path), how) {
                (Scalar::Text(found), Match::Contains) => found.contains(text),
                (Scalar::Text(found), Match::StartsWith) => found.starts_with(text),
                (Scalar::Text(found), Match::EndsWith) => found.ends_with(text),
                _ => false,
            },
        }
    }

    fn value(&mut self, path: &Path) -> Scalar {
        if self.rows.set.id.is_some_and(|id| path.is(id.property)) {
            return Scalar::Number(self.rows.id(self.row) as f64);
        }
        if self.rows.set.time.is_some_and(|time| path.is(time.property)) {
            return moment(self.rows.moment(self.row), path.kind);
        }
        if self.text.is_empty() {
            self.rows.push(self.row, &mut self.text);
        }
        path.value(&self.text)
    }
}

/// A moment as the property shows it: a time with zone, or text as written.
pub(super) fn moment(moment: Moment, kind: Kind) -> Scalar {
    match kind {
        Kind::Text => Scalar::Text(stamp::text(moment.ticks, moment.digits, "")),
        _ => Scalar::Date(moment.ticks),
    }
}

/// A comparison as OData has it: `null` equals only `null`, and has no order.
pub(super) fn compares(value: &Scalar, op: Op, literal: &Scalar) -> bool {
    match (order(value, literal), op) {
        (Some(order), _) if *value != Scalar::Null => ordered(order, op),
        (Some(_), Op::Eq) => true,
        (None, Op::Ne) => true,
        _ => false,
    }
}

/// The order of two values of one type; nothing for two types.
pub(super) fn order(left: &Scalar, right: &Scalar) -> Option<Ordering> {
    match (left, right) {
        (Scalar::Null, Scalar::Null) => Some(Ordering::Equal),
        (Scalar::Bool(left), Scalar::Bool(right)) => Some(left.cmp(right)),
        (Scalar::Number(left), Scalar::Number(right)) => left.partial_cmp(right),
        (Scalar::Date(left), Scalar::Date(right)) => Some(left.cmp(right)),
        (Scalar::Text(left), Scalar::Text(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn ordered(order: Ordering, op: Op) -> bool {
    match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
    }
}

fn part_of(ticks: i64, part: Part) -> i64 {
    let (year, month, day) = stamp::civil(ticks);
    match part {
        Part::Year => year,
        Part::Month => month,
        Part::Day => day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_compares_as_in_odata() {
        let (null, five) = (Scalar::Null, Scalar::Number(5.0));
        assert!(compares(&null, Op::Eq, &null));
        assert!(!compares(&null, Op::Ne, &null));
        assert!(!compares(&null, Op::Eq, &five));
        assert!(compares(&null, Op::Ne, &five));
        assert!(compares(&five, Op::Ne, &null));
        for op in [Op::Gt, Op::Ge, Op::Lt, Op::Le] {
            assert!(!compares(&null, op, &five) && !compares(&five, op, &null) && !compares(&null, op, &null));
        }
        assert!(compares(&five, Op::Ge, &five) && !compares(&five, Op::Gt, &five));
    }
}
