//! Finds the wanted values of a record in one pass: the paths of the columns make a trie of names, and what is not in it is
//! only skipped.

use std::ops::Range;

use crate::json::{Kind, Malformed, Scanner, Value, key_matches};

/// The value found at each node of a [`Trie`]; the record itself is the first.
pub(super) type Slots<'p> = Vec<Option<Value<'p>>>;

/// Names of one object that are kept in mind. An object whose names are data, such as ids, would fill the memory.
const MAX_KNOWN: usize = 256;

/// The names that lead to the wanted values.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

/// A value that is wanted, or that holds one.
#[derive(Debug, Default)]
struct Node {
    /// Wanted members.
    members: Vec<Member>,
    /// This node and all below it: nodes are numbered depth first.
    subtree: Range<usize>,
    /// Members in the order in which they came last time, wanted or not. Vendors write every record in the same order, so
    /// that a comparison with the one expected next is all that a name costs.
    known: Vec<Known>,
}

#[derive(Debug)]
struct Member {
    name: String,
    action: Action,
    /// Whether any object here had it. Set where a name is met that is not known yet, so that it costs nothing where one is.
    met: bool,
}

#[derive(Debug)]
struct Known {
    /// As it is written, with quotes and colon.
    quoted: Box<str>,
    action: Action,
}

/// What is done with a member.
#[derive(Debug, Clone, Copy)]
enum Action {
    Skip,
    /// It is wanted as a whole.
    Keep(usize),
    /// Something in it is wanted.
    Enter(usize),
}

impl Action {
    fn node(self) -> Option<usize> {
        match self {
            Self::Skip => None,
            Self::Keep(node) | Self::Enter(node) => Some(node),
        }
    }
}

impl Trie {
    /// A trie that leads to these names; to the record itself alone if there are none. With the node of each.
    pub fn new<'n>(paths: impl IntoIterator<Item = &'n [String]>) -> (Self, Vec<usize>) {
        let mut root = Branch::default();
        let mut wanted = 0;
        for names in paths {
            let branch = names.iter().fold(&mut root, |branch, name| branch.member(name));
            branch.wanted_by.push(wanted);
            wanted += 1;
        }
        let mut trie = Self { nodes: Vec::new() };
        let mut found_at = vec![0; wanted];
        trie.add(root, &mut found_at);
        (trie, found_at)
    }

    /// Slots for [`Self::read`], all empty.
    pub fn slots<'p>(&self) -> Slots<'p> {
        vec![None; self.nodes.len()]
    }

    /// Passes the value ahead and leaves what is wanted of it in the slots. Where a member is there twice the last one counts,
    /// with all it holds and lacks.
    pub fn read<'p>(&mut self, scanner: &mut Scanner<'p>, slots: &mut Slots<'p>) -> Result<Kind, Malformed> {
        self.enter(0, scanner, slots)
    }

    /// Whether the value of a node was met in what was passed so far, be it null. Unknown where nothing was ever passed in which it could have been: what
    /// should hold it was null, or an object without members, each time.
    pub fn met(&self, wanted: usize) -> Option<bool> {
        let mut at = 0;
        while at != wanted {
            let node = self.nodes.get(at)?;
            if node.known.is_empty() {
                return None;
            }
            let holds = |member: &&Member| {
                let below = member.action.node().and_then(|below| self.nodes.get(below));
                below.is_some_and(|below| below.subtree.contains(&wanted))
            };
            let member = node.members.iter().find(holds)?;
            if !member.met {
                return Some(false);
            }
            at = member.action.node()?;
        }
        Some(true)
    }

    fn enter<'p>(&mut self, at: usize, scanner: &mut Scanner<'p>, slots: &mut Slots<'p>) -> Result<Kind, Malformed> {
        let subtree = self.nodes.get(at).map_or(0..0, |node| node.subtree.clone());
        if let Some(slots) = slots.get_mut(subtree) {
            slots.fill(None);
        }
        let value = if scanner.peek()? == Kind::Object {
            let start = scanner.at();
            self.members(at, scanner, slots)?;
            Value {
                kind: Kind::Object,
                raw: scanner.since(start),
                escaped: false,
            }
        } else {
            scanner.skip()?
        };
        if let Some(slot) = slots.get_mut(at) {
            *slot = Some(value);
        }
        Ok(value.kind)
    }

    fn members<'p>(&mut self, at: usize, scanner: &mut Scanner<'p>, slots: &mut Slots<'p>) -> Result<(), Malformed> {
        scanner.begin_object()?;
        let mut next = 0;
        loop {
            let Some(node) = self.nodes.get_mut(at) else { return Ok(()) };
            let action = match node.known.get(next) {
                Some(known) if scanner.pass_key(&known.quoted) => {
                    next += 1;
                    known.action
                }
                _ => match scanner.next_key()? {
                    Some(name) => node.recall(name, &mut next),
                    None => return Ok(()),
                },
            };
            match action {
                Action::Skip => {
                    scanner.skip()?;
                }
                Action::Keep(member) => {
                    let value = scanner.skip()?;
                    if let Some(slot) = slots.get_mut(member) {
                        *slot = Some(value);
                    }
                }
                Action::Enter(member) => {
                    self.enter(member, scanner, slots)?;
                }
            }
        }
    }

    fn add(&mut self, branch: Branch, found_at: &mut [usize]) -> usize {
        let at = self.nodes.len();
        for wanted in branch.wanted_by {
            if let Some(found_at) = found_at.get_mut(wanted) {
                *found_at = at;
            }
        }
        self.nodes.push(Node::default());
        let members = branch
            .members
            .into_iter()
            .map(|(name, branch)| {
                let leaf = branch.members.is_empty();
                let node = self.add(branch, found_at);
                Member {
                    name,
                    action: if leaf { Action::Keep(node) } else { Action::Enter(node) },
                    met: false,
                }
            })
            .collect();
        self.nodes[at] = Node {
            members,
            subtree: at..self.nodes.len(),
            known: Vec::new(),
        };
        at
    }
}

impl Node {
    /// What is done with a member that is not the one expected next, and what to expect after it.
    fn recall(&mut self, name: &str, next: &mut usize) -> Action {
        let is_name = |known: &Known| known.quoted.len() == name.len() + 3 && known.quoted.get(1..=name.len()) == Some(name);
        let ahead = self.known.iter().enumerate().skip(*next);
        let behind = self.known.iter().enumerate().take(*next);
        if let Some((position, known)) = ahead.chain(behind).find(|(_, known)| is_name(known)) {
            *next = position + 1;
            return known.action;
        }
        let member = self.members.iter_mut().find(|member| key_matches(name, &member.name));
        let action = member.map_or(Action::Skip, |member| {
            member.met = true;
            member.action
        });
        if self.known.len() < MAX_KNOWN {
            let quoted = format!("\"{name}\":").into();
            self.known.insert(*next, Known { quoted, action });
            *next += 1;
        }
        action
    }
}

/// A node while the trie grows.
#[derive(Default)]
struct Branch {
    members: Vec<(String, Branch)>,
    wanted_by: Vec<usize>,
}

impl Branch {
    fn member(&mut self, name: &str) -> &mut Branch {
        let at = match self.members.iter().position(|(member, _)| key_matches(member, name)) {
            Some(at) => at,
            None => {
                self.members.push((name.to_owned(), Branch::default()));
                self.members.len() - 1
            }
        };
        &mut self.members[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Vec<String> {
        path.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn found(paths: &[&str], record: &str) -> Vec<Option<String>> {
        let paths: Vec<_> = paths.iter().map(|path| names(path)).collect();
        let (mut trie, at) = Trie::new(paths.iter().map(Vec::as_slice));
        let mut slots = trie.slots();
        // A record of another shape before, twice, so that what was learned and found there must not show.
        for text in [r#"{"x":{"id":"old"},"id":"old","a":{"b":{"c":"old"}}}"#, record, record] {
            let mut scanner = Scanner::new(text);
            trie.read(&mut scanner, &mut slots).unwrap();
            scanner.end().unwrap();
        }
        at.iter().map(|node| slots[*node].map(|value| value.raw.to_owned())).collect()
    }

    #[test]
    fn finds_what_the_paths_say() {
        for (path, record, expected) in [
            ("id", r#"{"id":1}"#, Some("1")),
            ("id", r#"{"x":[{"id":2}],"ID" : 1 }"#, Some("1")),
            ("id", r#"{"\u0069d":"é"}"#, Some("\"é\"")),
            ("id", r#"{"ids":1}"#, None),
            ("id", r#"{"id":1,"id":null}"#, Some("null")),
            ("id", r#"{"id":1,"Id":2}"#, Some("2")),
            ("a.b.c", r#"{"a":{"b":{"c":1}}}"#, Some("1")),
            ("a.b.c", r#"{"a":{"b":{"c":1}},"A":{"b":{}}}"#, None),
            ("a.b.c", r#"{"a":{"b":{"c":1},"b":7}}"#, None),
            ("a.b.c", r#"{"a":{"b":{"c":1}},"a":null}"#, None),
            ("a.b.c", r#"{"a":[{"b":{"c":1}}]}"#, None),
            ("a.b.c", r#"{"a":"b"}"#, None),
            ("a.b", r#"{"a":{"b":{ "c":1 }}}"#, Some(r#"{ "c":1 }"#)),
            ("", r#" {"id":1} "#, Some(r#"{"id":1}"#)),
            ("", "7", Some("7")),
            ("id", "7", None),
            ("id", "[]", None),
        ] {
            // Alone, and beside paths that share its names or lead past it.
            assert_eq!(found(&[path], record), [expected.map(str::to_owned)], "{path} {record}");
            let among = found(&["a", path, "A.B", "a.b.c.d", "", "x.id"], record);
            assert_eq!(among[1], expected.map(str::to_owned), "{path} {record}");
        }
    }

    #[test]
    fn members_are_met_or_missing_or_could_not_have_been_there() {
        for (records, expected) in [
            (&[r#"{"id":1,"a":{"b":{"c":1}}}"#][..], [Some(true), Some(true), Some(true)]),
            (&[r#"{"ID":null,"A":null}"#], [Some(true), Some(true), None]),
            (&[r#"{"x":1}"#], [Some(false), Some(false), Some(false)]),
            (&[r#"{"a":{}}"#, r#"{"a":[]}"#, r#"{"a":7}"#], [Some(false), Some(true), None]),
            (&[r#"{"a":{"x":1}}"#], [Some(false), Some(true), Some(false)]),
            (&[r#"{"a":{"b":null}}"#], [Some(false), Some(true), None]),
            (
                &[r#"{"a":{"b":{"d":1}}}"#, r#"{"a":{"x":1}}"#],
                [Some(false), Some(true), Some(false)],
            ),
            (
                &[r#"{"x":1}"#, r#"{"x":1}"#, r#"{"x":1,"id":1}"#, r#"{"x":1}"#],
                [Some(true), Some(false), Some(false)],
            ),
            (&["{}", "7", "null"], [None, None, None]),
            (&[], [None, None, None]),
        ] {
            let paths = [names("id"), names("a"), names("a.b.c"), names("")];
            let (mut trie, at) = Trie::new(paths.iter().map(Vec::as_slice));
            let mut slots = trie.slots();
            for record in records {
                trie.read(&mut Scanner::new(record), &mut slots).unwrap();
            }
            let met: Vec<_> = at.iter().map(|node| trie.met(*node)).collect();
            assert_eq!(met[..3], expected, "{records:?}");
            assert_eq!(met[3], Some(true), "the record itself: {records:?}");
        }
    }

    #[test]
    fn a_member_behind_more_names_than_are_kept_in_mind_is_met() {
        let paths = [names("id"), names("gone")];
        let (mut trie, at) = Trie::new(paths.iter().map(Vec::as_slice));
        let others: String = (0..300).map(|other| format!("\"x{other}\":0,")).collect();
        let text = format!("{{{others}\"id\":1}}");
        trie.read(&mut Scanner::new(&text), &mut trie.slots()).unwrap();
        assert_eq!(at.iter().map(|node| trie.met(*node)).collect::<Vec<_>>(), [Some(true), Some(false)]);
    }

    #[test]
    fn names_that_are_data_do_not_fill_the_memory() {
        let paths = [names("id")];
        let (mut trie, at) = Trie::new(paths.iter().map(Vec::as_slice));
        let mut slots = trie.slots();
        let texts: Vec<String> = (0..50)
            .map(|record| {
                let members: Vec<String> = (0..50).map(|member| format!("\"{record}-{member}\":0")).collect();
                format!("{{{},\"id\":{record}}}", members.join(","))
            })
            .collect();
        for (record, text) in texts.iter().enumerate() {
            trie.read(&mut Scanner::new(text), &mut slots).unwrap();
            assert_eq!(slots[at[0]].map(|value| value.raw.to_owned()), Some(record.to_string()));
        }
        assert!(trie.nodes[0].known.len() <= MAX_KNOWN);
    }
}
