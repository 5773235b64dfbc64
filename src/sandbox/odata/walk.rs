//! Which rows a query gets. Three ways, from cheap to dear: straight to the rows when only the id or the time column bounds
//! and orders them; along the id or the time column, testing each row; over all rows, keeping the best `$skip + $top`.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::eval::{Probe, compares, moment, order};
use super::filter::{Expr, Op, Scalar};
use super::query::{By, Query};
use super::schema::Path;
use super::set::Rows;
use super::text::members;
use crate::sandbox::clock::partition;

/// The rows of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub rows: Vec<u64>,
    /// Whether rows follow after these.
    pub more: bool,
    /// All rows that match, when asked for.
    pub count: Option<u64>,
}

impl Page {
    /// Appends the rows as the items of a JSON array.
    pub(crate) fn push(&self, rows: &Rows, query: &Query, out: &mut Vec<u8>) {
        let mut whole = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if query.select.is_empty() {
                rows.push(*row, out);
                continue;
            }
            whole.clear();
            rows.push(*row, &mut whole);
            out.push(b'{');
            let chosen = members(&whole).filter(|(name, _)| query.select.iter().any(|wanted| wanted == name));
            for (place, (name, value)) in chosen.enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(format!("\"{name}\":").as_bytes());
                out.extend_from_slice(value);
            }
            out.push(b'}');
        }
    }
}

/// Answers a query with at most `top` rows.
pub(crate) fn read(rows: &Rows, query: &Query, top: u64) -> Page {
    let line = Line::of(&query.order);
    let filter = query.filter.as_ref();
    let (low, high, exact) = bounds(rows, filter, matches!(line, Some(Line::Time { .. })));
    let test = filter.filter(|_| !exact);
    let walk = |line| Walk {
        rows,
        line,
        low,
        high,
        tie: (0, Vec::new()),
    };
    let (found, count) = match (line, test) {
        (Some(line), None) => {
            let mut walk = walk(line);
            let to = query.skip.saturating_add(top + 1).min(walk.len());
            let found = (query.skip..to).map(|position| walk.row_at(position)).collect();
            (found, walk.len())
        }
        (Some(line), Some(test)) => tested(&mut walk(line), query, test, top),
        (None, _) => sorted(&mut walk(Line::Id { descending: false }), query, test, top),
    };
    let mut found: Vec<u64> = found;
    let more = found.len() as u64 > top;
    found.truncate(usize::try_from(top).unwrap_or(usize::MAX));
    Page {
        rows: found,
        more,
        count: query.count.then_some(count),
    }
}

/// An order that the arithmetic of ids and moments gives for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Id { descending: bool },
    Time { descending: bool, ties_descending: bool },
}

impl Line {
    fn of(keys: &[(By, bool)]) -> Option<Line> {
        match keys {
            [] => Some(Line::Id { descending: false }),
            [(By::Id, descending), ..] => Some(Line::Id { descending: *descending }),
            [(By::Time, descending)] => Some(Line::Time {
                descending: *descending,
                ties_descending: false,
            }),
            [(By::Time, descending), (By::Id, ties_descending), ..] => Some(Line::Time {
                descending: *descending,
                ties_descending: *ties_descending,
            }),
            _ => None,
        }
    }
}

/// The rows along a line: positions to row numbers.
struct Walk<'a> {
    rows: &'a Rows<'a>,
    line: Line,
    /// Places in the order of ids, or ranks on a line of time.
    low: u64,
    high: u64,
    /// The rows of one moment, sorted, and the first rank of it.
    tie: (u64, Vec<u64>),
}

impl Walk<'_> {
    fn len(&self) -> u64 {
        self.high - self.low
    }

    fn row_at(&mut self, position: u64) -> u64 {
        let forward = self.low + position;
        let backward = self.high - 1 - position;
        match self.line {
            Line::Id { descending: false } => self.rows.row(forward),
            Line::Id { descending: true } => self.rows.row(backward),
            Line::Time {
                descending,
                ties_descending,
            } => {
                self.turn_to(if descending { backward } else { forward });
                let (first, tied) = &self.tie;
                let last = first + tied.len() as u64 - 1;
                let place = if descending { last - backward } else { forward - first };
                let place = if ties_descending { tied.len() as u64 - 1 - place } else { place };
                tied[usize::try_from(place).unwrap_or(0)]
            }
        }
    }

    /// Makes `tie` hold the moment of a rank.
    fn turn_to(&mut self, rank: u64) {
        let Some(clock) = self.rows.clock() else { return };
        let (first, tied) = &self.tie;
        if (*first..*first + tied.len() as u64).contains(&rank) {
            return;
        }
        let here = clock.at(rank).ticks;
        let first = clock.partition(|moment| moment.ticks < here);
        let end = clock.partition(|moment| moment.ticks <= here);
        let mut tied: Vec<u64> = (first..end).map(|rank| clock.row(rank)).collect();
        tied.sort_unstable();
        self.tie = (first, tied);
    }
}

/// Walks a line and tests each row.
fn tested(walk: &mut Walk, query: &Query, test: &Expr, top: u64) -> (Vec<u64>, u64) {
    let mut probe = Probe::new(walk.rows);
    let marks = &walk.rows.world.marks;
    let (mut matches, mut position) = if query.count {
        (0, 0)
    } else {
        marks.nearest(&query.scan, query.skip)
    };
    let mut found = Vec::new();
    while position < walk.len() && (query.count || found.len() as u64 <= top) {
        let row = walk.row_at(position);
        if probe.takes(row, test) {
            if matches >= query.skip && found.len() as u64 <= top {
                if found.len() as u64 == top {
                    // The next page starts at this row.
                    marks.leave(&query.scan, matches, position);
                }
                found.push(row);
            }
            matches += 1;
        }
        position += 1;
    }
    if position == walk.len() {
        // Or behind the last one: the empty page that ends a read must not cost a scan.
        marks.leave(&query.scan, matches, position);
    }
    (found, matches)
}

/// A row and its sort key.
struct Ranked {
    key: Vec<(Scalar, bool)>,
    row: u64,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        let keys = self.key.iter().zip(&other.key);
        let by_key = keys.map(|((left, descending), (right, _))| {
            let order = sort(left, right);
            if *descending { order.reverse() } else { order }
        });
        by_key.fold(Ordering::Equal, Ordering::then).then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// Tests all rows and keeps the best.
fn sorted(walk: &mut Walk, query: &Query, test: Option<&Expr>, top: u64) -> (Vec<u64>, u64) {
    let kept = usize::try_from(query.skip.saturating_add(top + 1)).unwrap_or(usize::MAX);
    let mut probe = Probe::new(walk.rows);
    let mut best = BinaryHeap::new();
    let mut matches = 0;
    for position in 0..walk.len() {
        let row = walk.row_at(position);
        if test.is_some_and(|test| !probe.takes(row, test)) {
            continue;
        }
        matches += 1;
        let mut value = |(by, descending): &(By, bool)| (key(walk.rows, row, by, &mut probe), *descending);
        let key = query.order.iter().map(&mut value).collect();
        best.push(Ranked { key, row });
        if best.len() > kept {
            best.pop();
        }
    }
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    let sorted = best.into_sorted_vec();
    (sorted.iter().skip(skip).map(|ranked| ranked.row).collect(), matches)
}

fn key(rows: &Rows, row: u64, by: &By, probe: &mut Probe) -> Scalar {
    match by {
        By::Id => Scalar::Number(rows.id(row) as f64),
        By::Time => Scalar::Date(rows.moment(row).ticks),
        By::Property(path) => probe.of(row, path),
    }
}

/// Null first, then values; two types keep the order of the rows.
fn sort(left: &Scalar, right: &Scalar) -> Ordering {
    let value = |scalar: &Scalar| *scalar != Scalar::Null;
    order(left, right).unwrap_or_else(|| value(left).cmp(&value(right)))
}

/// The range of places by id (or ranks, `by_time`) outside which no row can match, and whether every row inside does.
fn bounds(rows: &Rows, filter: Option<&Expr>, by_time: bool) -> (u64, u64, bool) {
    let (mut low, mut high, mut exact) = (0, rows.count, true);
    let mut open = Vec::from_iter(filter);
    while let Some(expr) = open.pop() {
        match expr {
            Expr::And(left, right) => open.extend([left.as_ref(), right.as_ref()]),
            Expr::Compare { path, op, value } if on_line(rows, path, by_time) && *op != Op::Ne && *value != Scalar::Null => {
                // Rows before the literal, and rows up to it.
                let before = edge(rows, path, by_time, Op::Lt, value);
                let up_to = edge(rows, path, by_time, Op::Le, value);
                let (from, to) = match op {
                    Op::Gt => (up_to, high),
                    Op::Ge => (before, high),
                    Op::Lt => (low, before),
                    Op::Le => (low, up_to),
                    _ => (before, up_to),
                };
                low = low.max(from);
                high = high.min(to);
            }
            _ => exact = false,
        }
    }
    (low, high.max(low), exact)
}

fn on_line(rows: &Rows, path: &Path, by_time: bool) -> bool {
    if by_time {
        rows.set.time.is_some_and(|time| path.is(time.property))
    } else {
        rows.set.id.is_some_and(|id| path.is(id.property))
    }
}

fn edge(rows: &Rows, path: &Path, by_time: bool, op: Op, value: &Scalar) -> u64 {
    match rows.clock() {
        Some(clock) if by_time => clock.partition(|at| compares(&moment(at, path.kind), op, value)),
        _ => partition(rows.count, |place| {
            compares(&Scalar::Number(rows.id(rows.row(place)) as f64), op, value)
        }),
    }
}
