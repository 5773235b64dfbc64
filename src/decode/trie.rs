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
    /// Wanted members and their nodes.
    members: Vec<(String, Action)>,
    /// This node and all below it: nodes are numbered depth first.
    subtree: Range<usize>,
    /// Members in the order in which they came last time, wanted or not. Vendors write every record in the same order, so
    /// that a comparison with the one expected next is all that a name costs.
    known: Vec<Known>,
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

    /// The nodes below one.
    pub fn below(&self, at: usize) -> Range<usize> {
        self.nodes.get(at).map_or(0..0, |node| node.subtree.start + 1..node.subtree.end)
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
                (name, if leaf { Action::Keep(node) } else { Action::Enter(node) })
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
        let action = self
            .members
            .iter()
            .find(|(member, _)| key_matches(name, member))
            .map_or(Action::Skip, |(_, action)| *action);
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
