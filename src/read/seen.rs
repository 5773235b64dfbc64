//! The keys already read of a table: paging by number or offset over living data returns rows twice, and so do slices between which a row moves.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use roaring::RoaringTreemap;

use super::identity::Identity;
use crate::error::{Error, Kind, Result};

/// The identities read.
///
/// Numbers, which the keys of the long tables are, stand in compressed bitmaps: two bytes each at most where they lie within some thousands of each other,
/// a bit where they are dense. So millions of rows cost a few MiB, and a long table takes hardly more memory than a short one.
#[derive(Debug)]
pub(super) struct Seen {
    /// Numbers met in this walk (a slice, a parent's row), and in those before it.
    here: RoaringTreemap,
    earlier: RoaringTreemap,
    numbers: u64,
    /// Hashes, each with the walk that met it last.
    last_walk: HashMap<Key, u32, BuildHasherDefault<Passed>>,
    walk: u32,
    /// Bytes that each of both may take.
    limit: usize,
}

/// Numbers after which the size of the bitmaps is looked at again: it takes a pass over them.
const NUMBERS_BETWEEN_LOOKS: u64 = 1 << 18;

/// Where an identity was met before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    Never,
    /// In an earlier walk only.
    Elsewhere,
    /// In this walk.
    Here,
}

impl Seen {
    /// A memory of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            here: RoaringTreemap::new(),
            earlier: RoaringTreemap::new(),
            numbers: 0,
            last_walk: HashMap::default(),
            walk: 0,
            limit,
        }
    }

    /// Another slice or parent's row begins.
    pub fn begin_walk(&mut self) {
        self.walk = self.walk.wrapping_add(1);
        self.earlier |= std::mem::take(&mut self.here);
    }

    /// Remembers the identity; where it was met before.
    ///
    /// # Errors
    /// When the memory is full.
    pub fn meet(&mut self, identity: Identity) -> Result<Met> {
        let key = match identity {
            Identity::Number(number) => return self.meet_number(number),
            Identity::Hash(hash) => Key(hash),
        };
        if let Some(last) = self.last_walk.get_mut(&key) {
            let here = std::mem::replace(last, self.walk) == self.walk;
            return Ok(if here { Met::Here } else { Met::Elsewhere });
        }
        if self.last_walk.len() == self.last_walk.capacity() {
            self.check_growth()?;
        }
        self.last_walk.insert(key, self.walk);
        Ok(Met::Never)
    }

    fn meet_number(&mut self, number: u64) -> Result<Met> {
        if !self.here.insert(number) {
            return Ok(Met::Here);
        }
        if self.earlier.contains(number) {
            return Ok(Met::Elsewhere);
        }
        self.numbers += 1;
        if self.numbers.is_multiple_of(NUMBERS_BETWEEN_LOOKS) {
            self.check(self.numbers, self.here.serialized_size() + self.earlier.serialized_size())?;
        }
        Ok(Met::Never)
    }

    /// The map is about to double: an eighth of its places stays free, and each has a byte beside it.
    fn check_growth(&self) -> Result<()> {
        let places = (self.last_walk.capacity() * 8).div_ceil(7).next_power_of_two() * 2;
        self.check(self.last_walk.len() as u64, places * (size_of::<(Key, u32)>() + 1))
    }

    fn check(&self, rows: u64, bytes: usize) -> Result<()> {
        if bytes <= self.limit {
            return Ok(());
        }
        const MIB: usize = 1024 * 1024;
        Err(Error::new(
            Kind::Data,
            format!(
                "after {rows} rows their keys need {} MiB to be remembered, expected {} MiB at most",
                bytes.div_ceil(MIB),
                self.limit / MIB
            ),
        )
        .hint("raise --memory: this vendor's paging repeats rows, so every key read must be kept until the table is done"))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Key([u32; 4]);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, ..] = self.0;
        state.write_u64(u64::from(a) << 32 | u64::from(b));
    }
}

/// An identity is a hash already, and so is a state.
#[derive(Debug, Default)]
pub(super) struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::Namer;
    use super::*;

    #[test]
    fn tells_this_walk_from_earlier_ones() {
        let namer = Namer::default();
        let mut seen = Seen::new(1 << 20);
        for (a, b) in [
            (namer.whole("a"), namer.whole("b")),
            (Identity::Number(7), Identity::Number(u64::MAX)),
        ] {
            seen.begin_walk();
            assert_eq!([seen.meet(a).unwrap(), seen.meet(a).unwrap()], [Met::Never, Met::Here]);
            seen.begin_walk();
            let met = [a, b, a, b].map(|identity| seen.meet(identity).unwrap());
            assert_eq!(met, [Met::Elsewhere, Met::Never, Met::Here, Met::Here]);
        }
    }

    #[test]
    fn a_full_memory_is_an_error_with_a_way_out() {
        let namer = Namer::default();
        let mut seen = Seen::new(1 << 20);
        let error = (0..).find_map(|row: u32| seen.meet(namer.whole(&row.to_string())).err()).unwrap();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.advice().unwrap().contains("--memory"), "{error:?}");
        assert!(seen.last_walk.len() > 20_000, "{}", seen.last_walk.len());
        assert_eq!(size_of::<(Key, u32)>(), 20);
    }

    #[test]
    fn millions_of_numbers_fit_where_thousands_of_hashes_do() {
        let mut seen = Seen::new(4 << 20);
        for number in 0..3_000_000 {
            assert_eq!(seen.meet(Identity::Number(9_000_000 + number * 3)).unwrap(), Met::Never);
        }
        assert_eq!(seen.meet(Identity::Number(9_000_003)).unwrap(), Met::Here);
        let spread = (0..)
            .find_map(|number: u64| seen.meet(Identity::Number(number << 40)).err())
            .unwrap();
        assert_eq!(spread.kind(), Kind::Data);
    }
}
