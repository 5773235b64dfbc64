//! afluente exports the CRM and customer-success platforms of Brazilian companies into a data lake: API pages in, partitioned Parquet with a manifest out.
//!
//! The command is a thin layer over this library. A run goes through four stages, which exchange values and never import each other:
//!
//! ```text
//! cli ─▶ export ─▶ read ──Page──▶ decode ──RecordBatch──▶ write ──StagedFile──▶ commit ──Manifest──▶ lake
//!                   │
//!                  http                 schema: what is known of each source and table, as checked values
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`schema`] | the declarations of `schemas/`: sources, tables, columns |
//! | [`config`] | `afluente.toml`, tokens, precedence |
//! | [`http`] | requests of one connection: limit, retries, bounds |
//! | [`read`] | a table as a stream of pages |
//! | [`decode`] | pages to record batches |
//! | [`write`](mod@write) | record batches to Parquet data files |
//! | [`merge`] | what of a read is new to the lake |
//! | [`commit`] | manifests: which files are the table |
//! | [`scan`] | rows of a data file read back |
//! | [`derive`](mod@derive) | the CustomerX set: tables made of tables of the lake |
//! | [`store`] | the lake: local disk or an S3-compatible bucket |
//! | [`limit`] | bounds of a run: a number or a share |
//! | [`lease`] | who is at work on a connection |
//! | [`export`] | one run over many tables |
//! | [`account`] | whose rows a connection holds |
//! | [`vacuum`](mod@vacuum) | drops what no manifest needs |
//! | [`permissions`] | new files are not for others |
//! | [`personal`] | what becomes of personal data |
//! | [`fields`] | custom fields held against those that the vendor tells of |
//! | [`forget`](mod@forget) | the rows of one key taken out of a lake |
//! | [`rename`](mod@rename) | a connection moved to another name |
//! | [`status`], [`verify`], [`compact`], [`views`], [`metrics`] | what is asked of a lake, and of a run, afterwards |
//! | [`visible`] | texts from outside, fit to be shown |
//! | [`sandbox`] | the vendors' APIs, simulated |
//!
//! `examples/export_to_disk.rs` plans and runs an export; `examples/read_manifest.rs` reads what it wrote.

// Outside data never panics: each of these would be a defect here. Tests may.
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::dbg_macro, clippy::print_stdout)]

pub mod account;
#[cfg(test)]
mod bench;
pub mod cli;
pub mod commit;
pub mod compact;
pub mod config;
pub mod decode;
pub mod derive;
pub mod error;
pub mod export;
pub mod fields;
pub mod forget;
mod glob;
pub mod hash_key;
pub mod http;
mod json;
pub mod lease;
pub mod limit;
pub mod merge;
pub mod metrics;
pub mod page;
pub mod permissions;
pub mod personal;
pub mod read;
pub mod rename;
pub mod sandbox;
pub mod scan;
pub mod schema;
pub mod secret;
pub mod status;
pub mod store;
pub mod vacuum;
pub mod verify;
pub mod views;
pub mod visible;
pub mod write;
