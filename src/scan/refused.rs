//! Whether the readers of the years before 2026 refuse a file.

use parquet::basic::ColumnOrder;

use super::DataFileReader;
use crate::error::Result;

/// How a page index begins: a list as its first field, then the list's length and, in the lower half of the byte, the type of its elements.
const FIRST_FIELD_IS_A_LIST: u8 = 0x19;

/// The type of booleans in a list that `parquet` before 57 does not know.
const YOUNGER_BOOLEAN: u8 = 2;

impl DataFileReader {
    /// Whether older readers refuse the file, in whole or where a condition makes them look at its pages (docs/readers.md). Its footer tells by the order of its
    /// columns, and otherwise the first two bytes of a page index do, which costs a request.
    ///
    /// | footer | refused |
    /// |---|---|
    /// | a column has an order that is not that of its type | yes |
    /// | none has, and there is no page index | no |
    /// | none has, and a list of booleans in a page index has the younger type | yes |
    ///
    /// # Errors
    /// `Store` when the lake cannot be read.
    pub fn is_refused(&self) -> Result<bool> {
        let orders = self.metadata().file_metadata().column_orders();
        let is_younger = |order: &ColumnOrder| !matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_) | ColumnOrder::UNDEFINED);
        if orders.is_some_and(|orders| orders.iter().any(is_younger)) {
            return Ok(true);
        }
        let mut chunks = self.metadata().row_groups().iter().flat_map(|group| group.columns());
        let index = chunks.find_map(|chunk| Some((chunk.column_index_offset()?, chunk.column_index_length()?)));
        let Some((Ok(start), true)) = index.map(|(start, length)| (u64::try_from(start), length >= 2)) else {
            return Ok(false);
        };
        if start.checked_add(2).is_none_or(|end| end > self.bytes) {
            return Ok(false);
        }
        let begin = self.fetch(start..start + 2)?;
        Ok(begin[0] == FIRST_FIELD_IS_A_LIST && begin[1] & 0x0f == YOUNGER_BOOLEAN)
    }
}
