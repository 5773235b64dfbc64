//! A text that is JSON save for single values: each value that cannot be read is replaced by a marker, so that the rest can be read as usual.
//!
//! | found | becomes |
//! |---|---|
//! | a string (or a member's name) that is not UTF-8, holds a control character or an unknown escape | a marker |
//! | a bare word that is no value: `NaN`, `-Infinity`, `01`, `None` | a marker |
//! | an array or object below 127 others | a marker for all of it |
//! | anything else that is not JSON: a missing quote, bracket, comma or colon, a text cut short | an error |
//!
//! Only the structure tells where a record begins and ends. Where the structure itself is damaged, a search for the next record could invent one, split
//! one or pass over one, so the whole text is refused.
//!
//! A marker is a string that starts with half of a surrogate pair: no column takes it, and no vendor can write it without knowing the marker's random part.

use std::ops::Range;

use super::{MAX_DEPTH, Malformed, token};

/// A text in which each unreadable value is replaced.
#[derive(Debug)]
pub(crate) struct Mended {
    /// Well-formed JSON.
    pub text: String,
    /// In the order of the text.
    pub flaws: Vec<Flaw>,
}

/// A value that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Where its marker lies in the mended text, quotes included.
    pub at: Range<usize>,
    /// Where it lies in the text as it came.
    pub origin: Range<usize>,
    /// Plain English, to follow "the value".
    pub why: &'static str,
}

/// Replaces the values that cannot be read. `marker` stands behind the quote of each replacement, followed by the flaw's number.
///
/// # Errors
/// Where the structure is not that of JSON.
pub(crate) fn mend(bytes: &[u8], marker: &str) -> Result<Mended, Malformed> {
    Mender {
        bytes,
        marker,
        at: 0,
        copied: 0,
        open: Vec::new(),
        buried: None,
        mended: Mended {
            text: String::with_capacity(bytes.len()),
            flaws: Vec::new(),
        },
    }
    .run()
}

impl Mended {
    /// Where a piece of the mended text lies in the text as it came. Its ends lie in no marker.
    pub fn origin(&self, piece: &Range<usize>) -> Range<usize> {
        self.origin_of(piece.start)..self.origin_of(piece.end)
    }

    fn origin_of(&self, at: usize) -> usize {
        let before = self.flaws.partition_point(|flaw| flaw.at.end <= at);
        match before.checked_sub(1).and_then(|last| self.flaws.get(last)) {
            Some(flaw) => flaw.origin.end + (at - flaw.at.end),
            None => at,
        }
    }
}

const NOT_UTF8: &str = "is not UTF-8";
const CONTROL: &str = "holds a control character, which JSON allows as an escape only";
const ESCAPE: &str = "holds an escape that JSON does not know";
const NO_VALUE: &str = "is a bare word or number that JSON does not know";
const TOO_DEEP: &str = "has more than 127 arrays and objects in each other";

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of the array just begun.
    FirstValue,
    Name,
    /// A name, or the end of the object just begun.
    FirstName,
    /// A comma, or the end of what is open.
    Comma,
}

struct Mender<'a> {
    bytes: &'a [u8],
    marker: &'a str,
    at: usize,
    /// Up to here the bytes stand in the mended text, as they are or replaced.
    copied: usize,
    /// The closing bracket of each array and object that is open.
    open: Vec<u8>,
    /// Where an array or object began that is too deep, and how many were open before it.
    buried: Option<(usize, usize)>,
    mended: Mended,
}

impl Mender<'_> {
    fn run(mut self) -> Result<Mended, Malformed> {
        let mut next = Next::Value;
        loop {
            self.space();
            let Some(byte) = self.bytes.get(self.at).copied() else {
                if next == Next::Comma && self.open.is_empty() {
                    break;
                }
                return Err(self.expected("more of the text"));
            };
            next = match (next, byte) {
                (Next::Comma, b',') if !self.open.is_empty() => {
                    self.at += 1;
                    if self.open.last() == Some(&b'}') { Next::Name } else { Next::Value }
                }
                (Next::Comma, b'}' | b']') | (Next::FirstName, b'}') | (Next::FirstValue, b']') => self.close(byte)?,
                (Next::Comma, _) => return Err(self.expected("`,` or the end of what is open")),
                (Next::Name | Next::FirstName, b'"') => {
                    self.string()?;
                    self.space();
                    if self.bytes.get(self.at) != Some(&b':') {
                        return Err(self.expected("`:`"));
                    }
                    self.at += 1;
                    Next::Value
                }
                (Next::Name | Next::FirstName, _) => return Err(self.expected("a member's name in quotes")),
                (Next::Value | Next::FirstValue, b'{' | b'[') => {
                    if self.buried.is_none() && self.open.len() >= MAX_DEPTH as usize {
                        self.buried = Some((self.at, self.open.len()));
                    }
                    self.open.push(if byte == b'{' { b'}' } else { b']' });
                    self.at += 1;
                    if byte == b'{' { Next::FirstName } else { Next::FirstValue }
                }
                (Next::Value | Next::FirstValue, b'"') => {
                    self.string()?;
                    Next::Comma
                }
                (Next::Value | Next::FirstValue, _) => {
                    self.word()?;
                    Next::Comma
                }
            };
        }
        self.copy(self.bytes.len())?;
        Ok(self.mended)
    }

    fn close(&mut self, bracket: u8) -> Result<Next, Malformed> {
        if self.open.last() != Some(&bracket) {
            return Err(self.expected("the bracket that ends what is open"));
        }
        self.open.pop();
        self.at += 1;
        if let Some((start, open)) = self.buried
            && self.open.len() == open
        {
            self.buried = None;
            self.replace(start, TOO_DEEP)?;
        }
        Ok(Next::Comma)
    }

    /// A string, whatever it holds, to the quote that no backslash stands before.
    fn string(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        let mut why = None;
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(self.expected("`\"`")),
                Some(b'"') => break,
                Some(b'\\') => {
                    let escape = self.bytes.get(self.at + 1);
                    let known = match escape {
                        Some(b'u') => self
                            .bytes
                            .get(self.at + 2..self.at + 6)
                            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
                        Some(escape) => br#""\/bfnrt"#.contains(escape),
                        None => false,
                    };
                    why = why.or((!known).then_some(ESCAPE));
                    self.at += 2;
                }
                Some(byte) => {
                    why = why.or((*byte < b' ').then_some(CONTROL));
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let is_text = self
            .bytes
            .get(start..self.at)
            .is_some_and(|string| std::str::from_utf8(string).is_ok());
        match why.or((!is_text).then_some(NOT_UTF8)) {
            Some(why) => self.replace(start, why),
            None => Ok(()),
        }
    }

    /// A number, `true`, `false`, `null`, or another run of the characters that words and numbers are written with.
    fn word(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.' | b'_') = self.bytes.get(self.at) {
            self.at += 1;
        }
        let word = self.bytes.get(start..self.at).unwrap_or_default();
        if word.is_empty() {
            return Err(self.expected("a value"));
        }
        let is_value = [&b"null"[..], b"true", b"false"].contains(&word) || token::number(word, 0) == Ok(word.len());
        if is_value { Ok(()) } else { self.replace(start, NO_VALUE) }
    }

    /// What was passed since `start` cannot be read.
    fn replace(&mut self, start: usize, why: &'static str) -> Result<(), Malformed> {
        if self.buried.is_some() {
            return Ok(());
        }
        self.copy(start)?;
        let text = &mut self.mended.text;
        let begin = text.len();
        text.push('"');
        text.push_str(self.marker);
        text.push_str(&self.mended.flaws.len().to_string());
        text.push('"');
        self.mended.flaws.push(Flaw {
            at: begin..text.len(),
            origin: start..self.at,
            why,
        });
        self.copied = self.at;
        Ok(())
    }

    fn copy(&mut self, until: usize) -> Result<(), Malformed> {
        let piece = self.bytes.get(self.copied..until).unwrap_or_default();
        let piece = std::str::from_utf8(piece).map_err(|_| self.expected("UTF-8"))?;
        self.mended.text.push_str(piece);
        self.copied = until;
        Ok(())
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> Malformed {
        Malformed { at: self.at, expected }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::json::Scanner;
    use crate::json::fuzz::{damaged, fuzz_rounds};

    const MARKER: &str = r"\ud800=";

    fn mended(bytes: &[u8]) -> Result<Mended, Malformed> {
        mend(bytes, MARKER)
    }

    fn is_json(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.skip().is_ok() && scanner.end().is_ok()
    }

    #[test]
    fn values_that_cannot_be_read_are_replaced_and_nothing_else() {
        for (text, expected, origins) in [
            (&br#" {"a": [1, "x"], "b":null} "#[..], r#" {"a": [1, "x"], "b":null} "#, &[][..]),
            (
                b"{\"a\":\"caf\xe9\",\"b\":\"caf\xc3\xa9\"}",
                r#"{"a":"\ud800=0","b":"café"}"#,
                &["\"caf\u{fffd}\""],
            ),
            (
                b"[\"\xc3\",\"\xff\xfe\"]",
                r#"["\ud800=0","\ud800=1"]"#,
                &["\"\u{fffd}\"", "\"\u{fffd}\u{fffd}\""],
            ),
            (b"[\"a\tb\",\"\x00\"]", r#"["\ud800=0","\ud800=1"]"#, &["\"a\tb\"", "\"\0\""]),
            (
                br#"["\x41","\u12G4","\u00e9","\""]"#,
                r#"["\ud800=0","\ud800=1","\u00e9","\""]"#,
                &[r#""\x41""#, r#""\u12G4""#],
            ),
            (
                b"[NaN, -Infinity ,01,1.,.5,+1,1e,nul,None,1.5e3,-0]",
                r#"["\ud800=0", "\ud800=1" ,"\ud800=2","\ud800=3","\ud800=4","\ud800=5","\ud800=6","\ud800=7","\ud800=8",1.5e3,-0]"#,
                &["NaN", "-Infinity", "01", "1.", ".5", "+1", "1e", "nul", "None"],
            ),
            (b"{\"\xe9\":1}", r#"{"\ud800=0":1}"#, &["\"\u{fffd}\""]),
        ] {
            let found = mended(text).unwrap();
            assert_eq!(found.text, expected);
            let shown = |range: &Range<usize>| String::from_utf8_lossy(&text[range.clone()]).into_owned();
            assert_eq!(found.flaws.iter().map(|flaw| shown(&flaw.origin)).collect::<Vec<_>>(), origins);
            for (at, flaw) in found.flaws.iter().enumerate() {
                assert_eq!(found.text[flaw.at.clone()], format!("\"{MARKER}{at}\""));
            }
        }
    }

    #[test]
    fn what_tells_no_structure_is_refused() {
        for text in [
            &b""[..],
            b" ",
            b"[1",
            b"[\"a",
            b"[\"a\\",
            b"[\"a\\\"]",
            b"{\"a\":1,}",
            b"[1,]",
            b"[1 2]",
            b"{\"a\" 1}",
            b"{\"a\":}",
            b"{\"a\":1,5}",
            b"{\"a\":\"the \"big\" deal\"}",
            b"[{\"a\":\"x},{\"a\":\"y\"}]",
            b"[{\"a\":x\"},{\"a\":\"y\"}]",
            b"{\"a\":1]",
            b"[1}",
            b"[1]]",
            b"[]x",
            b"[\xff]",
            b"[1,\xff2]",
            b"[\x00]",
            b"{'a':1}",
            b"]",
        ] {
            assert!(mended(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    // A string that lost its quote takes the names behind it for bare words: nothing can be swallowed in silence.
    #[test]
    fn a_lost_or_added_quote_is_always_refused() {
        let text = br#"{"value":[{"Id":1,"A":"x, y","B":""},{"Id":2,"A":"},{","B":"[]"},{"Id":3,"A":"\"","B":"\\"}]}"#;
        for at in 0..text.len() {
            let mut one = text.to_vec();
            if at > 0 && text[at - 1] == b'\\' {
                continue;
            }
            if text[at] == b'"' {
                one[at] = b'x';
                assert!(mended(&one).is_err(), "{at}");
                one.remove(at);
                assert!(mended(&one).is_err(), "{at}");
            } else if text[at] != b'\\' {
                one[at] = b'"';
                assert!(mended(&one).is_err(), "{at}: {}", String::from_utf8_lossy(&one));
            }
        }
    }

    #[test]
    fn what_is_too_deep_is_replaced_at_the_last_level_that_is_taken() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for levels in [126, 127, 128, 500, 100_000] {
                let text = format!("{}NaN{}", open.repeat(levels), close.repeat(levels));
                let found = mended(text.as_bytes()).unwrap();
                assert!(is_json(&found.text), "{levels}");
                let [flaw] = &found.flaws[..] else { panic!("{found:?}") };
                let deep = levels > 127;
                assert_eq!(flaw.why == TOO_DEEP, deep);
                let expected = if deep {
                    127 * open.len()..text.len() - 127
                } else {
                    levels * open.len()..text.len() - levels
                };
                assert_eq!(flaw.origin, expected);
            }
        }
        assert!(mended(&b"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_piece_of_the_mended_text_is_found_again_in_the_text_as_it_came() {
        let text = b"[{\"a\":NaN},{\"b\":\"\xff\"},{\"c\":3}]";
        let found = mended(text).unwrap();
        let mut scanner = Scanner::new(&found.text);
        scanner.begin_array().unwrap();
        let mut origins = Vec::new();
        while scanner.next_element().unwrap() {
            let start = scanner.at();
            scanner.skip().unwrap();
            origins.push(found.origin(&(start..scanner.at())));
        }
        assert_eq!(origins, [1..10, 11..20, 21..28]);
        assert_eq!(found.origin(&(0..found.text.len())), 0..text.len());
    }

    #[test]
    fn fuzz_a_mended_text_is_json_and_json_is_not_mended() {
        let sample = br#"{"value":[{"Id":1,"A":"caf\u00e9 \"x\" \ud800","B":-1.5e3},{"Id":2,"A":[[{"x":null}],{}]},{"Id":3}]}"#;
        let mut random = fastrand::Rng::with_seed(11);
        let (mut whole, mut flawed) = (0, 0);
        for _ in 0..fuzz_rounds() {
            let bytes = damaged(sample, &mut random);
            let strict = std::str::from_utf8(&bytes).is_ok_and(is_json);
            match mended(&bytes) {
                Ok(found) => {
                    assert!(is_json(&found.text), "{}", found.text);
                    assert_eq!(found.flaws.is_empty(), strict, "{}", String::from_utf8_lossy(&bytes));
                    if strict {
                        assert_eq!(found.text.as_bytes(), bytes);
                    }
                    whole += u64::from(strict);
                    flawed += u64::from(!strict);
                }
                Err(_) => assert!(!strict, "{}", String::from_utf8_lossy(&bytes)),
            }
        }
        assert!(whole > fuzz_rounds() / 100 && flawed > fuzz_rounds() / 100, "{whole} {flawed}");
    }

    /// Two megabytes take about as long whatever is wrong with them; were the work quadratic, they would take hours.
    #[test]
    fn the_time_grows_with_the_text() {
        let time = |piece: &[u8]| {
            let mut text = b"[".to_vec();
            text.extend(piece.repeat((1 << 21) / piece.len()));
            let times = (0..3).map(|_| {
                let began = Instant::now();
                drop(mended(&text));
                began.elapsed()
            });
            times.min().unwrap()
        };
        let sound = time(b"{\"a\":[1,\"b\"]},");
        for piece in [&b"NaN,"[..], b"\"\xff\",", b"[[[[", b"\"\\x", b"{\"a\":[NaN,", b"\"\xc3\x28"] {
            let spoilt = time(piece);
            assert!(spoilt < sound * 100, "{:?}: {sound:?}, {spoilt:?}", String::from_utf8_lossy(piece));
        }
    }
}
