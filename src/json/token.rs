//! Strings, numbers and words: each function is given the offset where one starts, and answers the offset behind it.

use super::Malformed;

/// A string, from quote to quote; and whether it holds a backslash.
#[inline]
pub(super) fn string(bytes: &[u8], start: usize) -> Result<(usize, bool), Malformed> {
    let mut escaped = false;
    let mut at = start + 1;
    loop {
        at = plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at + 1)?;
            }
            Some(_) => return expected(at, "no control character in a string"),
            None => return expected(at, "`\"`"),
        }
    }
}

/// A number; its size does not matter.
#[inline]
pub(super) fn number(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    let mut at = start;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    if bytes.get(at) == Some(&b'0') {
        at += 1;
        if bytes.get(at).is_some_and(u8::is_ascii_digit) {
            return expected(at, "no digit after a leading zero");
        }
    } else {
        at = digits(bytes, at)?;
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(bytes, at)?;
    }
    Ok(at)
}

/// This word.
pub(super) fn word(bytes: &[u8], start: usize, word: &'static str) -> Result<usize, Malformed> {
    match bytes.get(start..) {
        Some(rest) if rest.starts_with(word.as_bytes()) => Ok(start + word.len()),
        _ => expected(start, word),
    }
}

/// As the method of slices, without the call it costs: names are short, so two overlapping words cover most of them.
#[inline]
pub(super) fn starts_with(text: &[u8], start: &[u8]) -> bool {
    let Some(head) = text.get(..start.len()) else { return false };
    match (
        head.first_chunk::<8>(),
        start.first_chunk::<8>(),
        head.last_chunk::<8>(),
        start.last_chunk::<8>(),
    ) {
        (Some(a), Some(b), Some(c), Some(d)) => {
            let same = |a: &[u8; 8], b: &[u8; 8]| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b);
            same(a, b) && same(c, d) && (start.len() <= 16 || head == start)
        }
        _ => head == start,
    }
}

/// What stands behind a backslash.
fn escape(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    match bytes.get(start) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(start + 1),
        Some(b'u') => match (start + 1..start + 5).find(|at| !bytes.get(*at).is_some_and(u8::is_ascii_hexdigit)) {
            Some(at) => expected(at, "a hexadecimal digit"),
            None => Ok(start + 5),
        },
        _ => expected(start, "an escape such as `\\n` or `\\u00e7`"),
    }
}

#[inline]
fn digits(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    let mut at = start;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at == start {
        return expected(at, "a digit");
    }
    Ok(at)
}

#[cold]
fn expected<T>(at: usize, expected: &'static str) -> Result<T, Malformed> {
    Err(Malformed { at, expected })
}

/// The first offset from `at` on that holds a quote, a backslash or a control character; the length where none does.
#[inline]
fn plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

/// The top bit of each byte that is a quote, a backslash or a control character. A borrow can set bits above the first
/// such byte, never below it, and only the first is looked at.
#[inline]
fn marks(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (control | is_zero(word ^ (ONES * 0x22)) | is_zero(word ^ (ONES * 0x5c))) & (ONES * 0x80)
}
