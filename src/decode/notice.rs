//! What a read as a whole shows of each column: that no record had its member, or that not one of its values was good. A vendor renames a member in silence,
//! and a column of nulls looks like one that is empty.

use super::table::Target;

/// What a read shows of the columns of a table. Those of custom fields, whose values are there only where there are some, and those that are copied from a
/// parent are never among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noticed {
    /// Records, or elements of an unnested or exploded array, that became rows.
    pub rows: u64,
    /// Columns whose member no record had. One that was null was there; one whose parent was null in every record could not be.
    pub absent: Vec<String>,
    /// Columns that had values, all of them bad.
    pub bad: Vec<String>,
}

impl Noticed {
    /// Of a target whose rows were all made into batches.
    pub(super) fn of(target: &Target) -> Self {
        Self {
            rows: target.counts.records - target.counts.rejected_records,
            absent: target.absent().map(str::to_owned).collect(),
            bad: target.all_bad().map(str::to_owned).collect(),
        }
    }
}
