//! Lakes that are right, and every way in which one is not.

use super::*;
use crate::bench::Bench;

impl Bench {
    /// The only finding.
    async fn finding(&self) -> Finding {
        let mut verified = self.verify().await;
        assert_eq!(verified.findings.len(), 1, "{:#?}", verified.findings);
        verified.findings.remove(0)
    }

    async fn fault(&self, file: &str, words: &[&str]) {
        let finding = self.finding().await;
        assert_eq!((finding.level, finding.file.as_str()), (Level::Fault, file), "{finding:?}");
        for word in words {
            assert!(finding.what.contains(word), "{word}: {finding:?}");
        }
    }

    /// Commits what differs from a right lake, as a writer with a defect would.
    async fn bent(&self, bend: impl FnOnce(&mut Manifest, &mut Manifest)) {
        let ids: Vec<f64> = (1..=20).map(f64::from).collect();
        let (orders, items) = (self.orders(1, &[&ids]).await, self.items(1, &[&ids]).await);
        let [mut orders, mut items] = self.manifests(1, orders, items);
        bend(&mut orders, &mut items);
        for manifest in [&items, &orders] {
            let path = format!("{}/_manifest/{:020}.json", manifest.folder(), manifest.version);
            self.lake.put(&path, serde_json::to_vec(manifest).unwrap()).await.unwrap();
        }
    }
}

fn of(table: &str, entry: &Entry) -> String {
    format!("acme/{table}/{}", entry.path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_lake_has_no_findings() {
    let bench = Bench::new();
    let ids: Vec<f64> = (1..=500).map(f64::from).collect();
    let orders = bench.orders(1, &[&ids[..250], &ids[250..]]).await;
    let items = bench.items(1, &[&ids]).await;
    bench.commit(1, orders, items).await;
    let verified = bench.verify().await;
    assert_eq!(verified.findings, []);
    assert_eq!((verified.tables, verified.files, verified.rows), (2, 5, 1_500));
    // Keys that are no whole numbers, and those too far from each other for a bitmap, take the other way.
    let orders = bench.orders(2, &[&[0.5, 1.5, -3.0, 9e15]]).await;
    let items = bench.items(2, &[&[9e15, 0.5]]).await;
    let [orders, items] = bench.commit(2, orders, items).await;
    for manifest in [orders, items] {
        commit::sweep(&bench.lake, &manifest, std::time::Duration::ZERO).await.unwrap();
    }
    assert_eq!(bench.verify().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_gone_torn_or_bent_are_faults() {
    let bench = Bench::new();
    let ids: Vec<f64> = (1..=9).map(f64::from).collect();
    let entries = bench.orders(1, &[&ids]).await;
    let items = bench.items(1, &[&ids]).await;
    bench.commit(1, entries.clone(), items).await;
    let path = of("orders", &entries[0]);
    let whole = bench.lake.get(&path).await.unwrap().unwrap();

    bench.lake.put(&path, whole.slice(..whole.len() - 1)).await.unwrap();
    bench.fault(&path, &["bytes, expected"]).await;

    let mut bytes = whole.to_vec();
    bytes[100] ^= 1;
    bench.lake.put(&path, bytes).await.unwrap();
    bench.fault(&path, &["sha256", &entries[0].meta.sha256]).await;

    bench.lake.delete(std::slice::from_ref(&path)).await.unwrap();
    bench.fault(&path, &["is not there"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_tells_wrongly_is_a_fault() {
    type Bend = fn(&mut Manifest);
    let bends: [(&str, Bend); 8] = [
        ("rows, expected", |orders| {
            orders.entries[0].meta.record_count += 1;
        }),
        ("as the least `id`", |orders| {
            orders.entries[0].meta.min["id"] = 2.0.into();
        }),
        ("as the greatest `at`", |orders| {
            orders.entries[0].meta.max["at"] = "2026-01-01T00:00:00Z".into();
        }),
        ("another partition", |orders| {
            let other = std::iter::once(("at_month".to_owned(), Some("2020-01".to_owned())));
            orders.entries[0].meta.partition = Some(other.collect());
        }),
        ("belong into the folder `at_day=", |orders| {
            orders.partition.as_mut().unwrap().by = crate::schema::By::Day;
        }),
        ("of type Float64, expected Int64", |orders| {
            orders.schema.columns[0].kind = "int".to_owned();
        }),
        ("a column `at`, which its table does not have", |orders| {
            orders.schema.columns.remove(1);
            orders.partition = None;
        }),
        ("in another place", |orders| orders.schema.columns.swap(0, 1)),
    ];
    for (word, bend) in bends {
        let bench = Bench::new();
        bench.bent(|orders, _| bend(orders)).await;
        let findings = bench.verify().await.findings;
        assert!(findings.iter().any(|finding| finding.what.contains(word)), "{word}: {findings:#?}");
        assert!(findings.iter().all(|finding| finding.level == Level::Fault), "{findings:#?}");
    }
    let bench = Bench::new();
    bench
        .bent(|orders, _| {
            let mut more = orders.schema.columns[1].clone();
            more.name = "new".to_owned();
            orders.schema.columns.insert(1, more);
        })
        .await;
    let findings = bench.verify().await.findings;
    assert!(findings[0].what.contains("lacks the column `new`"), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_earlier_version_may_lack_a_column() {
    let bench = Bench::new();
    bench
        .bent(|orders, _| {
            let mut more = orders.schema.columns[1].clone();
            more.name = "new".to_owned();
            orders.schema.columns.insert(1, more);
            orders.version = 2;
        })
        .await;
    assert_eq!(bench.verify().await.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_stands_twice_is_a_fault_in_either_way_of_looking() {
    for far in [3.0, 9e15] {
        let bench = Bench::new();
        let orders = bench.orders(1, &[&[1.0, 2.0, far], &[4.0, 2.0, 2.0]]).await;
        let items = bench.items(1, &[&[1.0]]).await;
        bench.commit(1, orders.clone(), items).await;
        bench
            .fault(&of("orders", orders.last().unwrap()), &["2 rows", "`id`", "the first with 2"])
            .await;
    }
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[1.0]]).await;
    let items = bench.items(1, &[&[1.0], &[1.0]]).await;
    bench.commit(1, orders, items.clone()).await;
    bench
        .fault(
            &of("orders__items", &items[1]),
            &["2 rows", "the first with 1, a text of 5 characters"],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exploded_row_without_its_parent_is_a_fault() {
    for far in [3.0, 9e15] {
        let bench = Bench::new();
        let orders = bench.orders(1, &[&[1.0, 2.0, far]]).await;
        let items = bench.items(1, &[&[1.0, 7.0]]).await;
        bench.commit(1, orders, items.clone()).await;
        bench
            .fault(
                &of("orders__items", &items[0]),
                &["2 rows", "`order_id` is not in `orders`", "with 7"],
            )
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_parent_names_must_be_there() {
    let bench = Bench::new();
    bench
        .bent(|orders, _| {
            orders.children.insert("orders__items".to_owned(), 3);
            orders.children.insert("orders__gone".to_owned(), 1);
        })
        .await;
    let findings = bench.verify().await.findings;
    let told: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(findings.len(), 2, "{told:?}");
    assert!(told[0].contains("`orders__gone`, which has no manifest"), "{told:?}");
    assert!(
        told[1].contains("names version 3 of `orders__items`, whose manifest is gone: its newest is 1"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_no_manifest_is_left_over_and_no_fault() {
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[1.0]]).await;
    let items = bench.items(1, &[&[1.0]]).await;
    bench.commit(1, orders, items).await;
    let left = bench.orders(1, &[&[5.0], &[6.0]]).await;
    bench.lake.put("acme/_rejected/orders-run.parquet", "not looked at").await.unwrap();
    let finding = bench.finding().await;
    assert_eq!(finding.level, Level::Warning);
    assert!(left.iter().any(|entry| of("orders", entry) == finding.file), "{finding:?}");
    assert!(finding.what.contains("as is another of the table"), "{finding:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_superseded_meanwhile_is_told_so() {
    let bench = Bench::new();
    let orders = bench.orders(1, &[&[1.0]]).await;
    let items = bench.items(1, &[&[1.0]]).await;
    bench.commit(1, orders, items).await;
    let listing = bench.lake.list("").await.unwrap();
    let manifests = commit::content_of(&bench.lake, &listing).await.unwrap();
    let orders = bench.orders(2, &[&[1.0]]).await;
    let items = bench.items(2, &[&[1.0]]).await;
    for manifest in bench.commit(2, orders, items).await {
        commit::sweep(&bench.lake, &manifest, std::time::Duration::ZERO).await.unwrap();
    }
    let verified = verify(&bench.lake, &listing, &manifests).await.unwrap();
    assert_eq!(verified.findings.len(), 1, "{verified:#?}");
    assert_eq!(verified.faults(), 0);
    assert!(verified.findings[0].what.contains("version 1 was superseded"), "{verified:#?}");
}
