//! A data file as the stages hand it on, and its name.

use serde_json::{Map, Value};

/// One Parquet file of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Relative to the table's folder.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Rows, at least one unless the table is empty.
    pub rows: u64,
    /// Of the whole file, 64 lower-case hex digits.
    pub sha256: String,
    /// The partition whose rows it holds, if the table has partitions and rows.
    pub partition: Option<PartitionValue>,
    /// Least and greatest values of the primary key's columns and of the cursor.
    pub bounds: Bounds,
}

/// A partition: the `<name>=<value>` of its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionValue {
    /// `<column>_<by>`.
    pub name: String,
    /// Before escaping; nothing where the column is null or an empty text.
    pub value: Option<String>,
}

/// Least and greatest values by column: numbers, texts, `true`/`false`, `2026-01-31`, `2026-01-31T12:00:00.5Z`. A column that is null throughout, or whose
/// value would be a text of more than 256 bytes, is left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bounds {
    /// The least values.
    pub min: Map<String, Value>,
    /// The greatest values.
    pub max: Map<String, Value>,
}

/// `part-<version>-<n>-<id>.parquet`, with a new random id.
pub(crate) fn data_file_name(version: u64, n: u32) -> String {
    format!("part-{version}-{n}-{}.parquet", random_id())
}

/// The version in a data file's name, whatever folder it is in; nothing if the path is not that of a data file.
pub fn data_file_version(path: &str) -> Option<u64> {
    let name = path.rsplit('/').next()?;
    let mut parts = name.strip_prefix("part-")?.strip_suffix(".parquet")?.splitn(3, '-');
    let (version, n, id) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !number(version) || !number(n) || id.len() != 8 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    version.parse().ok()
}

/// Eight random hex digits: two runs that write the same version at once must not write the same file.
pub(crate) fn random_id() -> String {
    format!("{:08x}", fastrand::u32(..))
}

/// Lower-case hex digits. Every hashed cell passes here: one allocation.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    text.extend(halves.map(|half| char::from(DIGITS[usize::from(half)])));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_its_version_back() {
        assert_eq!(data_file_version(&data_file_name(7, 12)), Some(7));
        assert_eq!(
            data_file_version(&format!("d_month=2026-03/{}", data_file_name(u64::MAX, 0))),
            Some(u64::MAX)
        );
        for other in [
            "part-7-0-0123456.parquet",
            "part-7-0-01234567.parquet.tmp",
            "part-7-x-01234567.parquet",
            "part--0-01234567.parquet",
            "part-+7-0-01234567.parquet",
            "part-7-01234567.parquet",
            "part-99999999999999999999999-0-01234567.parquet",
            "_manifest/00000000000000000007.json",
            "notes.txt",
            "",
        ] {
            assert_eq!(data_file_version(other), None, "{other}");
        }
    }
}
