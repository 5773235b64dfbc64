//! The declarations of `schemas/`: what is known of each source and table, as values. `schemas/README.md` describes the format.
//!
//! [`Catalog`] holds every source; a [`Source`] how to talk to the vendor and its [`Table`]s; a table its [`Column`]s. They are checked as a whole
//! when they are loaded: whatever holds a `Catalog` can rely on every reference, cursor, key and path in it.

mod account;
mod arrow;
mod check;
mod column;
#[cfg(test)]
pub(crate) mod demo;
mod field;
mod load;
mod personal;
mod source;
mod table;

pub use account::AccountRoute;
pub use arrow::{EXPORTED_AT, arrow_schema};
pub use column::{Column, ColumnPath, ColumnType, Format, Origin, Step};
pub use field::{CustomFields, Field, FieldColumn, FieldType, FieldsOf};
pub use load::Catalog;
pub(crate) use personal::unaccented;
pub use personal::{Personal, Policy, Treatment};
pub use source::{Auth, Count, End, LookUp, Pagination, Parameter, RateLimit, Records, Retry, Source};
pub(crate) use source::{duration, parse_duration};
pub use table::{Access, By, CursorFormat, Explode, Fetch, ForEach, Mode, NULL_KEY, Partition, Replication, Slices, Table};
