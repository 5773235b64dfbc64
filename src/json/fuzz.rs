//! For tests: how long to fuzz, and what with. `AFLUENTE_FUZZ_ROUNDS=50000000 cargo test fuzz` goes on for a while.

/// Rounds of each fuzzing test: as many as `AFLUENTE_FUZZ_ROUNDS` says, or a second's worth.
pub(crate) fn fuzz_rounds() -> u64 {
    let rounds = std::env::var("AFLUENTE_FUZZ_ROUNDS");
    rounds.ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(200_000)
}

/// The text with a few bytes cut, changed, doubled or put in: often close to JSON, sometimes JSON.
pub(crate) fn mutated(text: &str, random: &mut fastrand::Rng) -> String {
    String::from_utf8_lossy(&damaged(text.as_bytes(), random)).into_owned()
}

/// The same for bytes, which may be no text afterwards.
pub(crate) fn damaged(text: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    const PIECES: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u",
        b"\\ud800",
        b"0",
        b"00",
        b"-",
        b".",
        b"e",
        b"null",
        b"tru",
        b" ",
        b"\n",
        b"\x00",
        b"\x1f",
        b"\x7f",
        b"\xc3\xa7",
        b"\xff",
        b"/*",
        b"[[[[",
        b"\xef\xbb\xbf",
        b"\"a\":",
        b"1e999",
        b"NaN",
        b"\xe9",
        b"\t",
    ];
    let mut bytes = text.to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(0..=bytes.len());
        let until = (at + random.usize(0..4)).min(bytes.len());
        match random.u8(0..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..until)),
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.u8(0..8);
                }
            }
            3 => {
                let piece = bytes[at..until].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => drop(bytes.splice(at..until, PIECES[random.usize(0..PIECES.len())].iter().copied())),
        }
    }
    bytes
}
