//! Thrift's compact protocol, as far as a footer of `parquet` is walked: values are found and passed over, and single bytes are changed where they stand.
//!
//! | what | bytes |
//! |---|---|
//! | field | `(id − id before) << 4 \| type`; a stop, 0, after the last |
//! | integer | variable length, zigzag |
//! | binary | its length, variable, and its bytes |
//! | list | `length << 4 \| type`, or `0xf0 \| type` and the length, variable, from 15 elements on |

use crate::error::{Error, Result};

/// Types of values.
pub(super) const TRUE: u8 = 1;
pub(super) const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
pub(super) const STRUCT: u8 = 12;

/// How deep structs and lists may lie in each other; a footer has six levels.
const MAX_DEPTH: u8 = 16;

/// A place in bytes of the compact protocol.
pub(super) struct Walk<'a> {
    bytes: &'a mut [u8],
    at: usize,
    depth: u8,
}

/// A field of a struct: its id, its type, and where its header stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub id: i64,
    pub kind: u8,
    pub header: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// Bytes that were walked.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The bytes, to be changed where they stand.
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// A struct: `visit` is told each field and walks over its value, or [`skip`](Self::skip)s it.
    pub(super) fn fields(&mut self, mut visit: impl FnMut(&mut Self, Field) -> Result<()>) -> Result<()> {
        self.deeper()?;
        let mut id = 0_i64;
        loop {
            let header = self.at;
            let byte = self.byte()?;
            let kind = byte & 0x0f;
            if kind == 0 {
                break;
            }
            id = match byte >> 4 {
                0 => self.integer()?,
                step => id + i64::from(step),
            };
            visit(self, Field { id, kind, header })?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// A list: `visit` is told the place and the type of each element and walks over it.
    pub(super) fn list(&mut self, mut visit: impl FnMut(&mut Self, usize, u8) -> Result<()>) -> Result<()> {
        self.deeper()?;
        let byte = self.byte()?;
        let length = match byte >> 4 {
            15 => self.variable()?,
            length => u64::from(length),
        };
        for n in 0..length {
            visit(self, n as usize, byte & 0x0f)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// The place of a binary's bytes.
    pub(super) fn binary(&mut self) -> Result<std::ops::Range<usize>> {
        let length = self.variable()?;
        let start = self.at;
        self.pass(length)?;
        Ok(start..self.at)
    }

    /// An integer of any length.
    pub(super) fn integer(&mut self) -> Result<i64> {
        let zigzag = self.variable()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// An element of a list of booleans.
    pub(super) fn boolean(&mut self) -> Result<bool> {
        Ok(self.byte()? == TRUE)
    }

    /// Passes over the value of a field of this type.
    pub(super) fn skip(&mut self, kind: u8) -> Result<()> {
        match kind {
            // A field of these types has its value in its header.
            TRUE | FALSE => Ok(()),
            BYTE => self.pass(1),
            I16 | I32 | I64 => self.variable().map(drop),
            DOUBLE => self.pass(8),
            BINARY => self.binary().map(drop),
            LIST | SET => self.list(|walk, _, element| match element {
                TRUE | FALSE => walk.pass(1),
                element => walk.skip(element),
            }),
            STRUCT => self.fields(|walk, field| walk.skip(field.kind)),
            _ => Err(self.torn()),
        }
    }

    /// The error that tells that the bytes are not what they should be.
    pub(super) fn torn(&self) -> Error {
        Error::defect(format!("the footer of a Parquet file is not understood at byte {} of it", self.at))
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.torn()) } else { Ok(()) }
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = self.bytes.get(self.at).copied();
        let byte = byte.ok_or_else(|| self.torn())?;
        self.at += 1;
        Ok(byte)
    }

    fn variable(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.torn())
    }

    fn pass(&mut self, length: u64) -> Result<()> {
        let rest = (self.bytes.len() - self.at) as u64;
        if length > rest {
            return Err(self.torn());
        }
        self.at += length as usize;
        Ok(())
    }
}
