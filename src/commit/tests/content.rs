//! Which manifests are the lake.

use super::*;

#[tokio::test]
async fn the_content_of_a_lake_is_what_belongs_together() {
    let lake = Lake::memory();
    assert!(content(&lake).await.unwrap().is_empty());
    let put = async |connection: &str, table: &str, version: u64, children: &[(&str, u64)]| {
        let mut manifest = manifest(&lake, version, "run", &[]);
        (manifest.connection, manifest.table) = (connection.to_owned(), table.to_owned());
        manifest.children = children.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect();
        assert_eq!(commit(&lake, &manifest).await.unwrap(), Outcome::Committed);
    };
    // The table `a__rows` stands before its parent `orders` by name, and is one version ahead of it: a commit that was cut.
    for version in 1..=3 {
        put("acme", "a__rows", version, &[]).await;
    }
    put("acme", "orders", 9, &[("a__rows", 1)]).await;
    put("acme", "orders", 10, &[("a__rows", 2), ("absent", 1)]).await;
    put("acme", "zones", 1, &[("zones__gone", 7)]).await;
    put("acme", "zones__gone", 4, &[]).await;
    put("beta", "a__rows", 5, &[]).await;
    // What is no manifest of a table is passed over.
    for path in [
        "acme/orders/_manifest/11.json",
        "acme/orders/part-1-0-01234567.parquet",
        "_runs/00000000000000000001.json",
        "_manifest/00000000000000000001.json",
        "acme/orders/x_month=1/_manifest/00000000000000000099.json",
    ] {
        lake.put(path, "{}").await.unwrap();
    }
    let found = content(&lake).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|manifest| (manifest.connection.as_str(), manifest.table.as_str(), manifest.version))
        .collect();
    assert_eq!(
        found,
        [
            ("acme", "orders", 10),
            ("acme", "a__rows", 2),
            ("acme", "zones", 1),
            ("acme", "zones__gone", 4),
            ("beta", "a__rows", 5),
        ]
    );
}
