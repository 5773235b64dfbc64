//! What names a record: the values of its key, found by their paths while the page is passed once.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::error::{Error, Result};
use crate::json::{Kind, Malformed, Scanner, Value, key_matches};
use crate::schema::{ColumnPath, ColumnType, Origin, Step, Table};

/// What stands for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// A key that is one whole number: itself.
    Number(u64),
    /// Any other: 128 bits that two keys share less often than a disk returns a wrong byte.
    Hash([u32; 4]),
}

/// Makes identities, comparable only with those of the same namer: its seeds are chance, so that no data can be made to collide.
#[derive(Debug, Clone, Default)]
pub(super) struct Namer([RandomState; 2]);

impl Namer {
    /// The identity of a key: the texts of its columns as the vendor writes them.
    pub fn key<'a>(&self, parts: impl Iterator<Item = &'a str> + Clone) -> Identity {
        let mut texts = parts.clone();
        match (texts.next().and_then(whole_number), texts.next()) {
            (Some(number), None) => Identity::Number(number),
            _ => self.hash(b'k', parts),
        }
    }

    /// The identity of a record without a key: its whole text.
    pub fn whole(&self, text: &str) -> Identity {
        self.hash(b'w', std::iter::once(text))
    }

    /// What stands for these texts among the rows read lately.
    pub fn state<'a>(&self, parts: impl Iterator<Item = &'a str>) -> u64 {
        sum(&self.0[0], b's', parts)
    }

    fn hash<'a>(&self, kind: u8, parts: impl Iterator<Item = &'a str> + Clone) -> Identity {
        let [high, low] = self.0.each_ref().map(|state| sum(state, kind, parts.clone()));
        Identity::Hash([(high >> 32) as u32, high as u32, (low >> 32) as u32, low as u32])
    }
}

fn sum<'a>(state: &RandomState, kind: u8, parts: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write_u8(kind);
    for part in parts {
        hasher.write(part.as_bytes());
        // No text in UTF-8 holds this byte: `a, bc` and `ab, c` differ.
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

/// A number as JSON writes it: the same number has one text.
fn whole_number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// The values to pick from a record: columns, each with the paths where it may be.
#[derive(Debug, Clone, Default)]
pub(super) struct Picks {
    wanted: Vec<Wanted>,
    columns: usize,
    /// Whether each column of the key may be null.
    nullable: Vec<bool>,
}

#[derive(Debug, Clone)]
struct Wanted {
    column: usize,
    steps: Vec<String>,
}

impl Picks {
    /// The table's primary key, in its order. No columns where a record has no key of its own: the rows of an `unnest` table are the
    /// elements of its records, and their keys lie in the elements.
    pub fn key(table: &Table) -> Result<Self> {
        let mut picks = Self::default();
        if table.fetch().is_some_and(|fetch| fetch.unnest.is_some()) {
            return Ok(picks);
        }
        for name in &table.primary_key {
            let paths = match table.column(name).map(|column| &column.origin) {
                Some(Origin::Path(paths)) => paths,
                _ => return Err(Error::defect(format!("key column `{name}` of table `{}` has no path", table.id))),
            };
            picks.column(paths.iter().filter_map(members));
            picks.nullable.push(!table.requires(name));
        }
        if picks.wanted.len() > MOST_PATHS {
            return Err(Error::config(format!(
                "the key of table `{}` has {} paths, expected {MOST_PATHS} at most",
                table.id,
                picks.wanted.len()
            )));
        }
        Ok(picks)
    }

    /// Adds the table's times, as many as there is room for: those of a row that was changed differ.
    pub fn times(&mut self, table: &Table) {
        for column in &table.columns {
            let Origin::Path(paths) = &column.origin else { continue };
            let timed = matches!(column.kind, ColumnType::Timestamp | ColumnType::Date) && !table.primary_key.contains(&column.name);
            if timed && self.wanted.len() + paths.len() <= MOST_PATHS {
                self.column(paths.iter().filter_map(members));
            }
        }
    }

    /// Adds a column that lies at one of these paths; its number.
    pub fn column(&mut self, paths: impl IntoIterator<Item = Vec<String>>) -> usize {
        let column = self.columns;
        self.columns += 1;
        self.wanted.extend(paths.into_iter().map(|steps| Wanted { column, steps }));
        column
    }

    /// The parts of a key, as the vendor writes them, with [`NULL`] where one is null that may be; nothing where another is, or all are.
    pub fn parts<'a>(&self, key: &[Option<Value<'a>>]) -> Option<Vec<&'a str>> {
        let may_be_null = |at: usize| self.nullable.get(at).copied().unwrap_or_default();
        let parts: Vec<&str> = key
            .iter()
            .enumerate()
            .map(|(at, value)| value.map(|value| value.raw).or(Some(NULL).filter(|_| may_be_null(at))))
            .collect::<Option<_>>()?;
        key.iter().any(Option::is_some).then_some(parts)
    }

    /// Columns to pick.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Passes the object ahead; each column's value, from the first of its paths that is there and not null.
    pub fn pick<'a>(&self, scanner: &mut Scanner<'a>, picked: &mut Vec<Option<Value<'a>>>) -> Result<(), Malformed> {
        picked.clear();
        picked.resize(self.columns, None);
        let mut found = [None; MOST_PATHS];
        let all = u32::MAX;
        self.object(scanner, all, 0, &mut found)?;
        for (wanted, value) in self.wanted.iter().zip(found) {
            if let Some(column) = picked.get_mut(wanted.column) {
                *column = column.or(value);
            }
        }
        Ok(())
    }

    /// `active` has a bit for each path whose first `depth` steps lead here.
    fn object<'a>(
        &self,
        scanner: &mut Scanner<'a>,
        active: u32,
        depth: usize,
        found: &mut [Option<Value<'a>>; MOST_PATHS],
    ) -> Result<(), Malformed> {
        scanner.begin_object()?;
        while let Some(key) = scanner.next_key()? {
            let (mut ending, mut passing) = (0_u32, 0_u32);
            for (at, wanted) in self.wanted.iter().enumerate().take(MOST_PATHS) {
                if active >> at & 1 == 1 && wanted.steps.get(depth).is_some_and(|step| key_matches(key, step)) {
                    *(if wanted.steps.len() == depth + 1 {
                        &mut ending
                    } else {
                        &mut passing
                    }) |= 1 << at;
                }
            }
            if passing != 0 && scanner.peek()? == Kind::Object {
                self.object(scanner, passing, depth + 1, found)?;
                continue;
            }
            let value = scanner.skip()?;
            if ending == 0 || value.kind == Kind::Null {
                continue;
            }
            for (at, slot) in found.iter_mut().enumerate() {
                if ending >> at & 1 == 1 {
                    *slot = slot.or(Some(value));
                }
            }
        }
        Ok(())
    }
}

/// The path's names; none where it passes through an array.
fn members(path: &ColumnPath) -> Option<Vec<String>> {
    path.0
        .iter()
        .map(|step| match step {
            Step::Member(name) => Some(name.clone()),
            Step::Elements | Step::Where(..) => None,
        })
        .collect::<Option<Vec<_>>>()
        .filter(|steps| !steps.is_empty())
}

/// What no value that is picked is written as.
const NULL: &str = "null";

/// Paths of all columns together: a bit for each.
const MOST_PATHS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(columns: &[&[&str]]) -> Picks {
        let mut picks = Picks::default();
        for paths in columns {
            picks.column(paths.iter().map(|path| path.split('.').map(str::to_owned).collect()));
        }
        picks
    }

    fn pick(picks: &Picks, text: &str) -> Vec<Option<String>> {
        let mut picked = Vec::new();
        let mut scanner = Scanner::new(text);
        picks.pick(&mut scanner, &mut picked).unwrap();
        scanner.end().unwrap();
        picked.into_iter().map(|value| value.map(|value| value.raw.to_owned())).collect()
    }

    #[test]
    fn values_are_found_by_any_path_and_case() {
        let picks = picks(&[&["id", "painPointId"], &["lead.id"], &["a.b.c"]]);
        for (text, expected) in [
            (
                r#"{"ID": 7 ,"lead":{"x":[{}],"Id":"9"},"a":{"b":{"c":1.50}}}"#,
                [Some("7"), Some("\"9\""), Some("1.50")],
            ),
            (r#"{"id":null,"painpointid":8,"lead":null,"a":{"b":5}}"#, [Some("8"), None, None]),
            (r#"{"painPointId":8,"id":7,"lead":[{"id":1}],"a":{}}"#, [Some("7"), None, None]),
            (r#"{"id":7,"Id":8}"#, [Some("7"), None, None]),
            ("{}", [None, None, None]),
        ] {
            assert_eq!(pick(&picks, text), expected.map(|value| value.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn a_key_that_may_be_null_there_names_a_record_all_the_same() {
        let mut picks = picks(&[&["lead"], &["at"], &["stage"]]);
        picks.nullable = vec![false, true, true];
        let parts = |picks: &Picks, text: &str| {
            let mut picked = Vec::new();
            picks.pick(&mut Scanner::new(text), &mut picked).unwrap();
            picks.parts(&picked).map(|parts| parts.join(" "))
        };
        for (text, expected) in [
            (r#"{"lead":1,"at":2,"stage":"null"}"#, Some("1 2 \"null\"")),
            (r#"{"lead":1,"at":2,"stage":null}"#, Some("1 2 null")),
            (r#"{"lead":1}"#, Some("1 null null")),
            (r#"{"lead":null,"at":2,"stage":3}"#, None),
        ] {
            assert_eq!(parts(&picks, text).as_deref(), expected, "{text}");
        }
        picks.nullable = vec![true; 3];
        assert_eq!(parts(&picks, r#"{"stage":3}"#).as_deref(), Some("null null 3"));
        assert_eq!(parts(&picks, r#"{"lead":null}"#), None, "nothing names it");
    }

    #[test]
    fn cut_records_are_malformed() {
        let picks = picks(&[&["id"]]);
        let text = r#"{"id":7,"a":{"b":[1,2]}}"#;
        for end in 0..text.len() {
            assert!(picks.pick(&mut Scanner::new(&text[..end]), &mut Vec::new()).is_err(), "{end}");
        }
    }

    #[test]
    fn identities_tell_keys_apart() {
        let namer = Namer::default();
        let key = |parts: &[&str]| namer.key(parts.iter().copied());
        assert_eq!(key(&["1", "2"]), key(&["1", "2"]));
        assert_ne!(key(&["1", "2"]), key(&["12", ""]));
        assert_ne!(key(&["1"]), key(&["\"1\""]));
        assert_ne!(key(&["1"]), namer.whole("1"));
    }
}
