//! The suite over the whole program: one binary, so that it is linked once. `tests/README.md` says what stands where.

mod cli;
mod declarations;

mod faults;
mod golden;
mod recipes;
mod support;
