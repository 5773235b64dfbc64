//! A lake of orders and their items, for the tests of what is asked of a lake afterwards.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::DateTime;
use tokio::runtime::Handle;

use crate::commit::{self, Entry, Manifest, Outcome, commit};
use crate::schema::{Source, Table, arrow_schema, demo};
use crate::store::Lake;
use crate::verify::{Verified, verify};
use crate::write::{MemoryBudget, TableWriter, WriteOptions, publish_all};

const ORDERS: &str = r#"
title = "Pedidos"
description = "Uma linha por pedido."
endpoint = "/Orders"
primary_key = ["id"]
partition = { column = "at", by = "month" }
[replication]
mode = "incremental"
cursor = "at"
from = { param = "from", value = "{from}" }
[columns]
id = { type = "float", path = "Id", description = "Identificador." }
at = { type = "timestamp", path = "At", description = "Data." }
"#;

const ITEMS: &str = r#"
title = "Produtos"
description = "Uma linha por item."
explode = { table = "orders", path = "Items" }
primary_key = ["order_id", "sku"]
[columns]
order_id = { type = "float", parent = "id", references = "orders.id", description = "Pedido." }
sku      = { type = "text", path = "Sku", description = "Código." }
"#;

/// 2026-01-01T00:00:00Z, and a month of 31 days.
const START: i64 = 20_454 * 86_400_000_000;
const MONTH: i64 = 31 * 86_400_000_000;

/// The source that has them.
pub(crate) fn source() -> Source {
    demo::source(&[("orders", ORDERS), ("orders__items", ITEMS)])
}

/// A lake with the tables `acme.orders` and `acme.orders__items`. Every tenth order is of the next month, and each has two items.
pub(crate) struct Bench {
    pub(crate) lake: Lake,
    orders: Table,
    items: Table,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::over(Lake::memory())
    }

    pub(crate) fn over(lake: Lake) -> Self {
        let tables = source().tables;
        Self {
            lake,
            orders: tables["orders"].clone(),
            items: tables["orders__items"].clone(),
        }
    }

    /// Data files of these orders, a writer for each list.
    pub(crate) async fn orders(&self, version: u64, files: &[&[f64]]) -> Vec<Entry> {
        let batches = files.iter().map(|ids| {
            let at = ids
                .iter()
                .map(|id| START + if *id as i64 % 10 == 0 { MONTH } else { 0 } + *id as i64);
            let columns: Vec<ArrayRef> = vec![
                Arc::new(Float64Array::from(ids.to_vec())),
                Arc::new(TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC")),
                Arc::new(TimestampMicrosecondArray::from_iter_values(ids.iter().map(|_| START)).with_timezone("UTC")),
            ];
            RecordBatch::try_new(arrow_schema(&self.orders), columns).unwrap()
        });
        self.files(&self.orders, version, batches.collect()).await
    }

    /// Data files of the items of these orders.
    pub(crate) async fn items(&self, version: u64, files: &[&[f64]]) -> Vec<Entry> {
        let batches = files.iter().map(|ids| {
            let twice: Vec<f64> = ids.iter().flat_map(|id| [*id, *id]).collect();
            let skus = (0..twice.len()).map(|row| format!("sku {}", row % 2));
            let columns: Vec<ArrayRef> = vec![
                Arc::new(Float64Array::from(twice.clone())),
                Arc::new(StringArray::from_iter_values(skus)),
                Arc::new(TimestampMicrosecondArray::from_iter_values(twice.iter().map(|_| START)).with_timezone("UTC")),
            ];
            RecordBatch::try_new(arrow_schema(&self.items), columns).unwrap()
        });
        self.files(&self.items, version, batches.collect()).await
    }

    async fn files(&self, table: &Table, version: u64, batches: Vec<RecordBatch>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for batch in batches {
            let (lake, of_table, handle) = (self.lake.clone(), table.clone(), Handle::current());
            let work = tokio::task::spawn_blocking(move || {
                let (options, budget) = (Arc::new(WriteOptions::new("run")), MemoryBudget::new(64 << 20));
                let mut writer = TableWriter::new(&lake, "acme", &of_table, version, options, budget, handle).unwrap();
                writer.write(&batch).unwrap();
                writer.ensure_file().unwrap();
                writer.finish().unwrap()
            });
            let files = publish_all(work.await.unwrap()).await.unwrap();
            entries.extend(files.into_iter().map(|file| Entry::new(&self.lake, "acme", &table.id, file)));
        }
        entries
    }

    /// The manifests of both tables at this version.
    pub(crate) fn manifests(&self, version: u64, orders: Vec<Entry>, items: Vec<Entry>) -> [Manifest; 2] {
        let at = DateTime::from_timestamp_micros(START).unwrap();
        let new = |table: &Table, entries| Manifest::new("demo", "acme", table, version, &format!("run-{version}"), at, entries);
        let (mut orders, items) = (new(&self.orders, orders), new(&self.items, items));
        orders.children = std::iter::once((self.items.id.clone(), version)).collect();
        orders.savepoint = Some(at);
        [orders, items]
    }

    /// Commits both tables at this version.
    pub(crate) async fn commit(&self, version: u64, orders: Vec<Entry>, items: Vec<Entry>) -> [Manifest; 2] {
        let manifests = self.manifests(version, orders, items);
        for manifest in manifests.iter().rev() {
            assert_eq!(commit(&self.lake, manifest).await.unwrap(), Outcome::Committed);
        }
        manifests
    }

    pub(crate) async fn verify(&self) -> Verified {
        let listing = self.lake.list("").await.unwrap();
        let manifests = commit::content_of(&self.lake, &listing).await.unwrap();
        verify(&self.lake, &listing, &manifests).await.unwrap()
    }
}
