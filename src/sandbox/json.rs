//! Writes JSON straight into a byte buffer. Pages of a simulated account are megabytes long and made per request, so no
//! tree is built: an [`Object`] or [`Array`] appends its members to the buffer as they are given and closes itself.

use super::stamp;

/// A value that knows its JSON text.
pub(crate) trait Json {
    fn push_to(&self, out: &mut Vec<u8>);
}

/// An amount of money in hundredths: `Cents(123_450)` is `1234.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cents(pub i64);

/// A moment with its fraction digits and the zone suffix to print (`Z`, `-03:00`, nothing); see [`stamp::push`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At(pub i64, pub u8, pub &'static str);

/// An object being written. Members come out in the order they are set.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    /// Appends `{...}` with the members `fill` sets.
    pub(crate) fn push(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        let mut object = Object { out, empty: true };
        fill(&mut object);
        object.out.push(b'}');
    }

    /// Sets a member. `None` is written as `null`.
    pub(crate) fn set(&mut self, name: &str, value: impl Json) -> &mut Self {
        self.name(name);
        value.push_to(self.out);
        self
    }

    /// Sets a member to `null`.
    pub(crate) fn null(&mut self, name: &str) -> &mut Self {
        self.name(name);
        self.out.extend_from_slice(b"null");
        self
    }

    /// Sets a member to an object.
    pub(crate) fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        self.name(name);
        Object::push(self.out, fill);
        self
    }

    /// Sets a member to an array.
    pub(crate) fn array(&mut self, name: &str, fill: impl FnOnce(&mut Array<'_>)) -> &mut Self {
        self.name(name);
        Array::push(self.out, fill);
        self
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        // Member names are literals of this program and need no escape.
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// An array being written.
pub(crate) struct Array<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Array<'_> {
    /// Appends `[...]` with the items `fill` adds.
    pub(crate) fn push(out: &mut Vec<u8>, fill: impl FnOnce(&mut Array<'_>)) {
        out.push(b'[');
        let mut array = Array { out, empty: true };
        fill(&mut array);
        array.out.push(b']');
    }

    /// Adds a value.
    pub(crate) fn item(&mut self, value: impl Json) -> &mut Self {
        self.comma();
        value.push_to(self.out);
        self
    }

    /// Adds an object.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        self.comma();
        Object::push(self.out, fill);
        self
    }

    fn comma(&mut self) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
    }
}

/// Appends a string with its quotes and escapes. Accents and emoji stay as UTF-8, as the vendors send them.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

impl Json for &str {
    fn push_to(&self, out: &mut Vec<u8>) {
        push_text(out, self);
    }
}

impl Json for String {
    fn push_to(&self, out: &mut Vec<u8>) {
        push_text(out, self);
    }
}

impl Json for &String {
    fn push_to(&self, out: &mut Vec<u8>) {
        push_text(out, self);
    }
}

impl Json for bool {
    fn push_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Json for u64 {
    fn push_to(&self, out: &mut Vec<u8>) {
        let mut text = [0_u8; 20];
        let mut at = text.len();
        let mut rest = *self;
        loop {
            at -= 1;
            text[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        out.extend_from_slice(&text[at..]);
    }
}

impl Json for i64 {
    fn push_to(&self, out: &mut Vec<u8>) {
        if *self < 0 {
            out.push(b'-');
        }
        self.unsigned_abs().push_to(out);
    }
}

impl Json for f64 {
    /// Rust's shortest text of the number; what is not finite has no JSON and becomes `null`.
    fn push_to(&self, out: &mut Vec<u8>) {
        if self.is_finite() {
            out.extend_from_slice(self.to_string().as_bytes());
        } else {
            out.extend_from_slice(b"null");
        }
    }
}

impl Json for Cents {
    fn push_to(&self, out: &mut Vec<u8>) {
        if self.0 < 0 {
            out.push(b'-');
        }
        let cents = self.0.unsigned_abs();
        (cents / 100).push_to(out);
        let rest = cents % 100;
        if rest > 0 {
            out.push(b'.');
            out.push(b'0' + u8::try_from(rest / 10).unwrap_or(0));
            if !rest.is_multiple_of(10) {
                out.push(b'0' + u8::try_from(rest % 10).unwrap_or(0));
            }
        }
    }
}

impl Json for At {
    fn push_to(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        stamp::push(out, self.0, self.1);
        out.extend_from_slice(self.2.as_bytes());
        out.push(b'"');
    }
}

impl<T: Json> Json for Option<T> {
    fn push_to(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.push_to(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Vec::new();
        let odd = "linha 1\nlinha 2\t\"aspas\" \\ barra \u{1} ação 🚀\r";
        Object::push(&mut out, |o| {
            o.set("text", odd)
                .set("int", -12_i64)
                .set("big", u64::MAX)
                .set("float", 0.25)
                .set("nan", f64::NAN)
                .set("yes", true)
                .null("nothing")
                .set("none", None::<&str>)
                .set("at", At(0, 3, "-03:00"))
                .object("inner", |o| {
                    o.set("a", Some("b"));
                })
                .array("list", |a| {
                    a.item(1_u64).item("x").object(|_| {});
                });
        });
        let read: Value = serde_json::from_slice(&out).unwrap();
        let expected = json!({"text": odd, "int": -12, "big": u64::MAX, "float": 0.25, "nan": null, "yes": true, "nothing": null,
            "none": null, "at": "1970-01-01T00:00:00.000-03:00", "inner": {"a": "b"}, "list": [1, "x", {}]});
        assert_eq!(read, expected);
    }

    #[test]
    fn cents_are_decimal_text() {
        for (cents, expected) in [(0, "0"), (5, "0.05"), (50, "0.5"), (123_450, "1234.5"), (-99, "-0.99"), (100, "1")] {
            let mut out = Vec::new();
            Cents(cents).push_to(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
