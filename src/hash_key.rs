//! The key that personal values are hashed with: like a token it is read from the environment or a file, and printed nowhere.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::store::hex;

/// Bytes that a key has at least: a shorter one is guessed.
const LEAST_BYTES: usize = 16;

/// Block of SHA-256, in bytes.
const BLOCK: usize = 64;

/// What the key's own id is made of.
const ID_TEXT: &[u8] = b"afluente key id";

/// A key for HMAC-SHA-256 (RFC 2104). Of the key itself only what it has made of the hash's state is kept.
#[derive(Clone)]
pub struct HashKey {
    inner: Sha256,
    outer: Sha256,
}

impl HashKey {
    /// Takes the text as it came from the environment or a file; surrounding white space goes.
    ///
    /// # Errors
    /// When fewer than 16 bytes are left. The message never holds the text.
    pub fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() < LEAST_BYTES {
            return Err(
                Error::config(format!("the key has {} bytes, expected at least {LEAST_BYTES}", text.len())).hint(
                    "`openssl rand -hex 32` makes one; keep it as long as the lake: with another key the same person has another hash",
                ),
            );
        }
        Ok(Self::of(text.as_bytes()))
    }

    fn of(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        let digest = Sha256::digest(key);
        // RFC 2104: a key longer than a block is its hash.
        let key = if key.len() > BLOCK { &digest[..] } else { key };
        for (byte, of_key) in block.iter_mut().zip(key) {
            *byte = *of_key;
        }
        let padded = |pad: u8| Sha256::new_with_prefix(block.map(|byte| byte ^ pad));
        Self {
            inner: padded(0x36),
            outer: padded(0x5c),
        }
    }

    /// The HMAC of these bytes: 64 lower-case hex digits.
    pub fn hash(&self, bytes: &[u8]) -> String {
        let inner = self.inner.clone().chain_update(bytes).finalize();
        hex(&self.outer.clone().chain_update(inner).finalize())
    }

    /// What tells this key from another one without telling it: 16 hex digits.
    pub fn id(&self) -> String {
        let mut id = self.hash(ID_TEXT);
        id.truncate(16);
        id
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases of RFC 4231 with whole digests: 1 to 4, 6 and 7.
    #[test]
    fn hashes_are_those_of_rfc_4231() {
        for (key, data, expected) in [
            (
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 20],
                vec![0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                (1..=25).collect(),
                vec![0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.".to_vec(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(HashKey::of(&key).hash(&data), expected);
        }
    }

    #[test]
    fn a_key_is_long_and_printed_nowhere() {
        let key = HashKey::new(" sixteen bytes... \n").unwrap();
        assert_eq!(format!("{key:?}"), "REDACTED");
        assert_eq!(key.id(), HashKey::new("sixteen bytes...").unwrap().id());
        assert_ne!(key.id(), HashKey::new("sixteen other bytes").unwrap().id());
        assert!(key.id().len() == 16 && !key.hash(b"").starts_with(&key.id()));
        let error = HashKey::new("fifteen bytes..").unwrap_err();
        assert!(!format!("{error:?}").contains("fifteen bytes"), "{error:?}");
    }
}
