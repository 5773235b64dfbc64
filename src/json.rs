//! A pull scanner over JSON text: it passes what nobody asked for at the speed of a search and hands out the rest as it is
//! written, so nothing is copied or converted here. It takes exactly the texts that `serde_json` takes as a value to be
//! ignored, save that it goes 127 levels deep at most, as `serde_json` does for a value to be kept.
//!
//! What is left to the caller: the characters that escapes stand for ([`unescape`]), the size of numbers, duplicate names.

#[cfg(test)]
pub(crate) mod fuzz;
pub(crate) mod mend;
mod text;
mod token;

use std::fmt;

pub(crate) use text::{LoneSurrogate, key_matches, unescape, unescape_into};

/// Arrays and objects open at once, as many as `serde_json` takes.
const MAX_DEPTH: u32 = 127;

/// A position in a JSON text. Each call moves it forward; after an error it is of no use.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Arrays and objects that were begun and not yet ended.
    depth: u32,
    /// The array or object ahead has just begun, so that no comma is due. One flag is enough: whatever encloses a container
    /// that was ended has an element.
    first: bool,
}

/// Where a text stops being JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Offset in bytes.
    pub at: usize,
    /// What should have been there.
    pub expected: &'static str,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
}

/// A value that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub kind: Kind,
    /// As it is written, quotes included, without white space around it.
    pub raw: &'a str,
    /// It is a string and holds a backslash.
    pub escaped: bool,
}

impl<'a> Scanner<'a> {
    /// At the start of the text.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            first: false,
        }
    }

    /// Offset in bytes of what comes next.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What the value ahead is, by its first byte; [`Self::at`] is then that byte.
    #[inline(always)]
    pub fn peek(&mut self) -> Result<Kind, Malformed> {
        self.space();
        match self.byte() {
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'n') => Ok(Kind::Null),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            _ => Err(self.expected("a value")),
        }
    }

    /// Passes one value, whatever it holds.
    #[inline(always)]
    pub fn skip(&mut self) -> Result<Value<'a>, Malformed> {
        let kind = self.peek()?;
        let start = self.at;
        let mut escaped = false;
        match kind {
            Kind::Array | Kind::Object => self.nested()?,
            Kind::String => escaped = self.string()?,
            _ => self.word(kind)?,
        }
        Ok(Value {
            kind,
            raw: self.since(start),
            escaped,
        })
    }

    /// Enters the object ahead.
    pub fn begin_object(&mut self) -> Result<(), Malformed> {
        self.begin(b'{', "`{`")
    }

    /// The next member's name as it is written between its quotes, with its value ahead; none once the object is passed.
    pub fn next_key(&mut self) -> Result<Option<&'a str>, Malformed> {
        if !self.next_item(b'}', "`,` or `}`")? {
            return Ok(None);
        }
        self.name().map(Some)
    }

    /// Passes the next member's name if it is written exactly like this, quotes and colon included. It must be a name as
    /// [`Self::next_key`] handed it out. If it is not there nothing is passed.
    #[inline(always)]
    pub fn pass_key(&mut self, quoted: &str) -> bool {
        let start = self.at;
        self.space();
        if !self.first && self.byte() == Some(b',') {
            self.at += 1;
            self.space();
        } else if !self.first {
            self.at = start;
            return false;
        }
        let there = token::starts_with(self.rest(), quoted.as_bytes());
        if there {
            self.at += quoted.len();
            self.first = false;
        } else {
            self.at = start;
        }
        there
    }

    /// Enters the array ahead.
    pub fn begin_array(&mut self) -> Result<(), Malformed> {
        self.begin(b'[', "`[`")
    }

    /// Whether there is another element, which is then ahead with no white space before it; false once the array is passed.
    pub fn next_element(&mut self) -> Result<bool, Malformed> {
        self.next_item(b']', "`,` or `]`")
    }

    /// Checks that nothing but white space is left.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.space();
        if self.at == self.text.len() && self.depth == 0 {
            Ok(())
        } else {
            Err(self.expected("the end of the text"))
        }
    }

    fn begin(&mut self, bracket: u8, expected: &'static str) -> Result<(), Malformed> {
        self.space();
        if self.byte() != Some(bracket) {
            return Err(self.expected(expected));
        }
        if self.depth >= MAX_DEPTH {
            return Err(self.expected(TOO_DEEP));
        }
        self.at += 1;
        self.depth += 1;
        self.first = true;
        Ok(())
    }

    fn next_item(&mut self, bracket: u8, expected: &'static str) -> Result<bool, Malformed> {
        let first = std::mem::replace(&mut self.first, false);
        self.space();
        match self.byte() {
            Some(byte) if byte == bracket => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                return Ok(false);
            }
            Some(b',') if !first => {
                self.at += 1;
                self.space();
            }
            Some(_) if first => {}
            _ => return Err(self.expected(expected)),
        }
        Ok(true)
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Result<&'a str, Malformed> {
        self.space();
        if self.byte() != Some(b'"') {
            return Err(self.expected("a member's name in quotes"));
        }
        let start = self.at + 1;
        self.string()?;
        let name = self.text.get(start..self.at - 1).unwrap_or_default();
        self.space();
        if self.byte() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(name)
    }

    /// An array or an object with all it holds, without recursion: a bit per level tells objects (1) from arrays (0).
    fn nested(&mut self) -> Result<(), Malformed> {
        let mut objects: u128 = 0;
        let mut level = 0;
        loop {
            match self.peek()? {
                kind @ (Kind::Object | Kind::Array) => {
                    if self.depth + level >= MAX_DEPTH {
                        return Err(self.expected(TOO_DEEP));
                    }
                    let object = kind == Kind::Object;
                    objects = objects << 1 | u128::from(object);
                    level += 1;
                    self.at += 1;
                    self.space();
                    if self.byte() != Some(if object { b'}' } else { b']' }) {
                        if object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                Kind::String => {
                    self.string()?;
                }
                kind => self.word(kind)?,
            }
            // A value is behind, or an empty container's bracket ahead.
            loop {
                self.space();
                let object = objects & 1 == 1;
                match self.byte() {
                    Some(b',') => {
                        self.at += 1;
                        if object {
                            self.name()?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return Err(self.expected(if object { "`,` or `}`" } else { "`,` or `]`" })),
                }
                self.at += 1;
                objects >>= 1;
                level -= 1;
                if level == 0 {
                    return Ok(());
                }
            }
        }
    }

    /// The string ahead; whether it holds a backslash.
    #[inline]
    fn string(&mut self) -> Result<bool, Malformed> {
        let escaped;
        (self.at, escaped) = token::string(self.text.as_bytes(), self.at)?;
        Ok(escaped)
    }

    /// The number or word ahead.
    #[inline]
    fn word(&mut self, kind: Kind) -> Result<(), Malformed> {
        let bytes = self.text.as_bytes();
        self.at = match kind {
            Kind::Null => token::word(bytes, self.at, "null")?,
            Kind::True => token::word(bytes, self.at, "true")?,
            Kind::False => token::word(bytes, self.at, "false")?,
            _ => token::number(bytes, self.at)?,
        };
        Ok(())
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// What was passed since `start`. Both ends lie beside ASCII, so the text can be cut there.
    #[inline]
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> Malformed {
        Malformed { at: self.at, expected }
    }
}

impl<'a> Value<'a> {
    /// A string as it is written between its quotes; none of another kind.
    #[inline]
    pub fn contents(&self) -> Option<&'a str> {
        match self.kind {
            Kind::String => self.raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')),
            _ => None,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: expected {}", self.at, self.expected)
    }
}

const TOO_DEEP: &str = "no more than 127 arrays and objects in each other";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::fuzz::{fuzz_rounds, mutated};
    use super::*;

    /// Texts at the borders of the grammar; the fuzzer starts from them as well.
    const SAMPLES: &[&str] = &[
        r#"{"Id":1,"Title":"Renovação \"Aurora\"","Owner":{"Id":9001,"Name":null},"Tags":["a","b",[]],"Amount":-12.50e+3}"#,
        r#"[{"a":true,"b":false,"c":null},{},[],"",0,-0,1.5,1E9,1e-9]"#,
        " \n\t\r{ \"a\" : [ 1 , 2 ] , \"b\" : { } } ",
        r#"{"\u0049d":"\ud83d\ude00 \/ \b\f\n\r\t \ud800","a":1,"a":2}"#,
        r#""twelve bytes and more, then a quote""#,
        "0",
        "null",
    ];

    fn skips(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.skip().is_ok() && scanner.end().is_ok()
    }

    /// Goes into every array and object instead of passing it whole.
    fn walks(text: &str) -> bool {
        fn value(scanner: &mut Scanner) -> Result<(), Malformed> {
            match scanner.peek()? {
                Kind::Object => {
                    scanner.begin_object()?;
                    while scanner.next_key()?.is_some() {
                        value(scanner)?;
                    }
                }
                Kind::Array => {
                    scanner.begin_array()?;
                    while scanner.next_element()? {
                        value(scanner)?;
                    }
                }
                _ => {
                    scanner.skip()?;
                }
            }
            Ok(())
        }
        let mut scanner = Scanner::new(text);
        value(&mut scanner).is_ok() && scanner.end().is_ok()
    }

    /// The deepest nesting of a well-formed text.
    fn depth(text: &str) -> usize {
        let (mut depth, mut deepest, mut string, mut escape) = (0_usize, 0, false, false);
        for byte in text.bytes() {
            match byte {
                _ if escape => escape = false,
                b'\\' if string => escape = true,
                b'"' => string = !string,
                b'[' | b'{' if !string => depth += 1,
                b']' | b'}' if !string => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
        }
        deepest
    }

    fn agrees_with_serde_json(text: &str) {
        let expected = serde_json::from_str::<IgnoredAny>(text).is_ok() && depth(text) <= MAX_DEPTH as usize;
        assert_eq!(skips(text), expected, "skip: {text:?}");
        assert_eq!(walks(text), expected, "walk: {text:?}");
    }

    fn arbitrary_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..8)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn takes_any_json(value in arbitrary_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert!(skips(&text) && walks(&text));
            let raw = Scanner::new(&text).skip().unwrap();
            prop_assert_eq!(raw.raw, &text);
            if let (serde_json::Value::String(string), Some(contents)) = (&value, raw.contents()) {
                prop_assert_eq!(unescape(contents).unwrap(), string.as_str());
            }
        }

        #[test]
        fn agrees_on_any_text(text in "[\\[\\]{},:\"\\\\ue0-9+.truefalsn \\n\u{0}\u{1f}é]{0,24}") {
            agrees_with_serde_json(&text);
        }
    }

    #[test]
    fn fuzz_agrees_on_mutated_texts() {
        let mut random = fastrand::Rng::with_seed(20_261_122);
        for _ in 0..fuzz_rounds() {
            let sample = SAMPLES[random.usize(0..SAMPLES.len())];
            agrees_with_serde_json(&mutated(sample, &mut random));
        }
    }

    #[test]
    fn agrees_on_every_cut() {
        for sample in SAMPLES {
            agrees_with_serde_json(sample);
            for (at, _) in sample.char_indices() {
                agrees_with_serde_json(&sample[..at]);
                agrees_with_serde_json(&sample[at..]);
            }
        }
    }

    // The difference to `IgnoredAny`, which has no bound: the levels that `Value` takes.
    #[test]
    fn goes_as_deep_as_a_value_of_serde_json() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for levels in [126, 127, 128, 129, 100_000] {
                let text = format!("{}0{}", open.repeat(levels), close.repeat(levels));
                let expected = levels <= 127;
                assert_eq!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), expected, "{levels}");
                assert_eq!(skips(&text), expected, "{levels}");
            }
            for levels in [126, 127, 128] {
                let text = format!("{}0{}", open.repeat(levels), close.repeat(levels));
                assert_eq!(walks(&text), levels <= 127, "{levels}");
            }
        }
        let mixed = format!("{}{}{}", "[".repeat(60), "[".repeat(68), "]".repeat(128));
        let mut scanner = Scanner::new(&mixed);
        for _ in 0..60 {
            scanner.begin_array().unwrap();
            assert!(scanner.next_element().unwrap());
        }
        assert!(scanner.skip().is_err());
    }

    #[test]
    fn hands_out_what_is_written() {
        let text = r#" { "a" : 1.50 , "b\n":[ "x\ty" , null ] } "#;
        let mut scanner = Scanner::new(text);
        assert_eq!(scanner.peek(), Ok(Kind::Object));
        assert_eq!(scanner.at(), 1);
        scanner.begin_object().unwrap();
        assert_eq!(scanner.next_key(), Ok(Some("a")));
        let value = scanner.skip().unwrap();
        assert_eq!((value.kind, value.raw, value.contents()), (Kind::Number, "1.50", None));
        assert!(!scanner.pass_key("\"c\":"));
        assert!(scanner.pass_key("\"b\\n\":"));
        scanner.begin_array().unwrap();
        assert!(scanner.next_element().unwrap());
        assert_eq!(scanner.at(), text.find("\"x").unwrap());
        let value = scanner.skip().unwrap();
        assert_eq!((value.kind, value.contents(), value.escaped), (Kind::String, Some("x\\ty"), true));
        assert!(scanner.next_element().unwrap());
        assert_eq!(scanner.skip().unwrap().kind, Kind::Null);
        assert!(!scanner.next_element().unwrap());
        assert!(!scanner.pass_key("\"b\":"));
        assert_eq!(scanner.next_key(), Ok(None));
        assert_eq!(scanner.end(), Ok(()));
    }

    #[test]
    fn says_where_and_what() {
        for (text, message) in [
            ("", "byte 0: expected a value"),
            (r#"{"a" 1}"#, "byte 5: expected `:`"),
            (r#"{"a":1 "b":2}"#, "byte 7: expected `,` or `}`"),
            (r#"{"a":1,}"#, "byte 7: expected a member's name in quotes"),
            ("[1,]", "byte 3: expected a value"),
            ("[01]", "byte 2: expected no digit after a leading zero"),
            ("\"a\nb\"", "byte 2: expected no control character in a string"),
            ("1 2", "byte 2: expected the end of the text"),
        ] {
            let mut scanner = Scanner::new(text);
            let error = scanner.skip().and_then(|_| scanner.end()).unwrap_err();
            assert_eq!(error.to_string(), message, "{text}");
        }
    }
}
