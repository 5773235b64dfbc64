//! `afluente export` from end to end: the program as a user starts it, simulated vendors, and a lake read back by other means.

mod columns;
mod complete;
mod interrupted;
mod limits;
mod secrets;
mod selection;
mod unreliable;
