//! Whether rows that come a second time stand in the order in which they stood.
//!
//! Two rows that one page held, and another page holds again unchanged, stand in the same order on both, wherever rows were inserted, deleted or
//! changed meanwhile: a row that was changed has another state. A vendor that breaks this has no order to page by, and rows are missing
//! between its pages though none was deleted.
//!
//! A state that one page holds twice has no place, so it shows nothing. Pages are compared with each other only, never with what
//! lies between them: a row may have been inserted there.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasherDefault;

use super::seen::Passed;

/// States that are remembered: those of the pages read last.
const MOST_STATES: usize = 16 * 1024;

/// Where the rows of the pages read last stood.
#[derive(Debug, Default)]
pub(super) struct Order {
    pages: VecDeque<Vec<u64>>,
    /// The number of the oldest of these.
    oldest: u64,
    states: usize,
    places: HashMap<u64, Place, BuildHasherDefault<Passed>>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// The page that held the state last.
    page: u64,
    /// None where it held it twice.
    at: Option<usize>,
}

impl Order {
    /// Whether a page with these states keeps the order of those before it.
    pub fn is_kept(&self, states: &[u64]) -> bool {
        if self.grows(states, &HashSet::new()) {
            return true;
        }
        let (mut once, mut twice) = (HashSet::new(), HashSet::new());
        twice.extend(states.iter().filter(|state| !once.insert(**state)));
        self.grows(states, &twice)
    }

    fn grows(&self, states: &[u64], except: &HashSet<u64>) -> bool {
        let mut last: HashMap<u64, usize> = HashMap::new();
        let known = states.iter().filter(|state| !except.contains(state));
        let mut places = known.filter_map(|state| self.places.get(state));
        places.all(|place| {
            place
                .at
                .is_none_or(|at| last.insert(place.page, at).is_none_or(|before| before < at))
        })
    }

    /// Remembers a page.
    pub fn take(&mut self, states: &[u64]) {
        let page = self.oldest + self.pages.len() as u64;
        for (at, state) in states.iter().enumerate() {
            match self.places.entry(*state) {
                Entry::Occupied(mut known) if known.get().page == page => known.get_mut().at = None,
                Entry::Occupied(mut known) => *known.get_mut() = Place { page, at: Some(at) },
                Entry::Vacant(vacant) => drop(vacant.insert(Place { page, at: Some(at) })),
            }
        }
        self.states += states.len();
        self.pages.push_back(states.to_vec());
        while self.states > MOST_STATES && self.pages.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let page = self.oldest;
        for state in self.pages.pop_front().unwrap_or_default() {
            self.states -= 1;
            if let Entry::Occupied(known) = self.places.entry(state)
                && known.get().page == page
            {
                known.remove();
            }
        }
        self.oldest += 1;
    }

    /// Forgets all pages.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_compared_as_the_table_says() {
        for (pages, next, kept) in [
            (&[&[1_u64, 2, 3][..]][..], &[3_u64, 4, 5][..], true),
            (&[&[1, 2, 3]], &[1, 3, 9], true),
            (&[&[1, 2, 3]], &[3, 9, 2], false),
            // Nothing is known of the place of one page's rows among another's.
            (&[&[1, 2], &[3, 4]], &[3, 1, 4, 2], true),
            (&[&[1, 2], &[3, 4]], &[4, 1, 3], false),
            // The last page that held them both counts.
            (&[&[1, 2, 3], &[2, 3]], &[1, 2, 3], true),
            // A state twice on a page, whichever it is, has no place.
            (&[&[1, 2, 1]], &[2, 1], true),
            (&[&[1, 2, 3]], &[2, 1, 2, 3], true),
            (&[&[1, 2, 3]], &[2, 2, 3, 1], false),
            (&[], &[1, 2], true),
        ] {
            let mut order = Order::default();
            pages.iter().for_each(|page| order.take(page));
            assert_eq!(order.is_kept(next), kept, "{pages:?} then {next:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut order = Order::default();
        for page in 0..1_000_u64 {
            order.take(&(page * 500..page * 500 + 525).collect::<Vec<_>>());
            assert!(order.places.len() <= MOST_STATES);
        }
        assert!(order.is_kept(&[499, 0]), "forgotten");
        assert!(!order.is_kept(&[500_000, 499_999]));
        order.clear();
        assert!(order.is_kept(&[500_000, 499_999]));
    }
}
