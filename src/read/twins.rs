//! Records of one page that share a key. A page is of one moment, so that they are records of their own to the vendor, and its count counts them; the same key on another
//! page is the same record, read again. Few tables have any: those whose records have no id, and are told apart by what they hold.

use std::collections::HashMap;

use super::envelope::Record;
use super::identity::Identity;

/// How often the keys of a walk stand on one page, where that is more than once.
#[derive(Debug, Default)]
pub(super) struct Twins {
    most: HashMap<Identity, usize>,
}

impl Twins {
    /// Another walk begins.
    pub fn begin_walk(&mut self) {
        self.most.clear();
    }

    /// A record whose key was met in this walk, and those before it on its page: the first of them with its key, if no page has shown the key as often yet.
    pub fn meet<'p>(&mut self, before: &'p [Record], record: &Record) -> Option<&'p Record> {
        let mut same = before.iter().filter(|other| other.identity == record.identity);
        let first = same.next()?;
        let times = 2 + same.count();
        let most = self.most.entry(record.identity).or_insert(1);
        (times > std::mem::replace(most, times.max(*most))).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::super::identity::Namer;
    use super::*;

    #[test]
    fn a_key_is_as_many_records_as_one_page_shows() {
        let namer = Namer::default();
        let page = |texts: &[&str]| -> Vec<Record> {
            let record = |(at, text): (usize, &&str)| Record {
                range: at..at + 1,
                identity: namer.whole(text),
                named: true,
                mark: None,
                state: 0,
            };
            texts.iter().enumerate().map(record).collect()
        };
        let mut twins = Twins::default();
        let mut met = |texts: &[&str], at: usize| {
            let page = page(texts);
            twins.meet(&page[..at], &page[at]).map(|first| first.range.start)
        };
        assert_eq!(met(&["a", "b", "a"], 2), Some(0));
        assert_eq!(met(&["a", "b", "a"], 2), None, "the page was read again");
        assert_eq!(met(&["c", "a", "a", "a"], 2), None);
        assert_eq!(met(&["c", "a", "a", "a"], 3), Some(1), "a third one");
        assert_eq!(met(&["b", "c"], 0), None, "it stands alone here");
    }
}
