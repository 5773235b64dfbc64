//! The suite over the whole program: one binary, so that it is linked once. `tests/README.md` says what stands where.

mod cli;
mod declarations;
mod export;
mod faults;
mod fields;
mod golden;
mod hostile;
mod places;
mod progress;
mod recipes;
mod support;
mod verbs;
