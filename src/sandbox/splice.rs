//! The sequence `0..base` with some of its members taken out and others put in between, by binary search: place to member
//! and back, in memory and time that depend on what was changed only.

use std::borrow::Cow;

/// The changed sequence.
#[derive(Debug, Clone)]
pub(crate) struct Splice<'a> {
    base: u64,
    out: Cow<'a, [u64]>,
    before: Cow<'a, [u64]>,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// This member of `0..base`.
    Base(u64),
    /// What was put in, by its number.
    Put(usize),
}

impl<'a> Splice<'a> {
    /// Takes the members `out` (rising) from `0..base`, and puts one in before each member that `before` names (rising, may
    /// repeat, up to `base`).
    pub(crate) fn new(base: u64, out: impl Into<Cow<'a, [u64]>>, before: impl Into<Cow<'a, [u64]>>) -> Splice<'a> {
        Splice {
            base,
            out: out.into(),
            before: before.into(),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.base - self.out.len() as u64 + self.before.len() as u64
    }

    /// What stands at a place, which must be below [`Splice::len`].
    pub(crate) fn at(&self, place: u64) -> Spot {
        let put = first(self.before.len(), |put| self.place_of_put(put) < place);
        if put < self.before.len() && self.place_of_put(put) == place {
            return Spot::Put(put);
        }
        // How many members left before this one: grows with the member, so the last that fits is the answer.
        let kept = place - put as u64;
        let gone = first(self.out.len(), |gone| self.out[gone] - gone as u64 <= kept);
        Spot::Base(kept + gone as u64)
    }

    /// The place of a member, or the place where it was.
    pub(crate) fn place_of_base(&self, member: u64) -> u64 {
        self.kept_before(member) + self.before.partition_point(|before| *before <= member) as u64
    }

    /// The place of what was put in.
    pub(crate) fn place_of_put(&self, put: usize) -> u64 {
        self.kept_before(self.before[put]) + put as u64
    }

    /// How many of the members below this one were not taken out.
    pub(crate) fn kept_before(&self, member: u64) -> u64 {
        member - self.out.partition_point(|out| *out < member) as u64
    }
}

/// The first of `0..count` for which `before` is false.
fn first(count: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_a_list() {
        let mut rng = fastrand::Rng::with_seed(9);
        for _ in 0..300 {
            let base = rng.u64(0..20);
            let out: Vec<u64> = (0..base).filter(|_| rng.u8(0..3) == 0).collect();
            let mut before: Vec<u64> = (0..rng.usize(0..9)).map(|_| rng.u64(0..=base)).collect();
            before.sort_unstable();
            let mut list = Vec::new();
            for member in 0..=base {
                let put = (0..before.len()).filter(|put| before[*put] == member);
                list.extend(put.map(Spot::Put));
                if member < base && !out.contains(&member) {
                    list.push(Spot::Base(member));
                }
            }
            let splice = Splice::new(base, out, before);
            let found: Vec<Spot> = (0..splice.len()).map(|place| splice.at(place)).collect();
            assert_eq!(found, list);
            for (place, spot) in list.iter().enumerate() {
                let back = match spot {
                    Spot::Base(member) => splice.place_of_base(*member),
                    Spot::Put(put) => splice.place_of_put(*put),
                };
                assert_eq!(back, place as u64);
            }
        }
    }
}
