//! Finds members in the JSON text of a row without building a tree. It reads only what the sandbox wrote itself: compact,
//! valid, object at the root.

/// The members of an object's text: raw name and raw value.
pub(super) fn members(object: &[u8]) -> Members<'_> {
    Members { text: object, at: 1 }
}

/// The value of a member; `any_case` also takes a name that differs in the case of ASCII letters.
pub(super) fn member<'a>(object: &'a [u8], name: &str, any_case: bool) -> Option<(&'a str, &'a [u8])> {
    if object.first() != Some(&b'{') {
        return None;
    }
    members(object).find(|(found, _)| *found == name || any_case && found.eq_ignore_ascii_case(name))
}

pub(super) struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.text.get(self.at) == Some(&b',') {
            self.at += 1;
        }
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        let end = string_end(self.text, self.at);
        let name = std::str::from_utf8(self.text.get(self.at + 1..end - 1)?).ok()?;
        let from = end + 1;
        self.at = value_end(self.text, from);
        Some((name, self.text.get(from..self.at)?))
    }
}

/// The text of a raw JSON string, unescaped.
pub(super) fn unquoted(raw: &[u8]) -> Option<String> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'\\') {
        return serde_json::from_slice(raw).ok();
    }
    String::from_utf8(inner.to_vec()).ok()
}

/// Just past the closing quote of the string that opens at `at`.
fn string_end(text: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Just past the value that begins at `at`.
fn value_end(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found() {
        let text = r#"{"a":1,"b":{"c":"x,}\"]","d":[1,{"e":2}]},"f":"tab\t","g":null}"#.as_bytes();
        let names: Vec<&str> = members(text).map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "f", "g"]);
        let (_, b) = member(text, "b", false).unwrap();
        assert_eq!(member(b, "d", false).unwrap().1, br#"[1,{"e":2}]"#);
        assert_eq!(unquoted(member(b, "c", false).unwrap().1).unwrap(), "x,}\"]");
        assert_eq!(unquoted(member(text, "F", true).unwrap().1).unwrap(), "tab\t");
        assert!(member(text, "F", false).is_none());
        assert!(member(b"null", "a", false).is_none());
        assert_eq!(members(b"{}").count(), 0);
    }
}
