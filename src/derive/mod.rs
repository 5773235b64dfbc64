//! The Ploomes → CustomerX set: four tables made of the lake's Ploomes tables, once these are committed.
//!
//! | step | in | out |
//! |---|---|---|
//! | [`inputs`] | a derived table and the configuration | the tables it is made of |
//! | [`Derivation::new`] | these tables' columns | what each cell is made of, or which name is wrong |
//! | [`Derivation::rows`] | these tables' files | batches of the derived table, and the documents that are none |
//! | [`Derivation::survey`] | the same | how many rows lack an identity or share one |
//!
//! Foreign keys are followed in bounded memory: so many rows are held at a time, and every table they refer to is passed once for them, of which only the rows that are
//! referred to are kept. If these take more than they may, half of the rows is taken at a time. So the answer is the same whatever the memory, and only the passes are more.

mod choice;
mod document;
mod follow;
mod mapping;
mod personal;
mod resolve;
mod rows;
mod survey;
#[cfg(test)]
mod tests;

pub use choice::{Contract, CustomerX, Deals, Key, Party};
pub(crate) use resolve::made_of;
pub use resolve::{Derivation, inputs};
pub use rows::{BadCell, Lookup};
pub use survey::Survey;
