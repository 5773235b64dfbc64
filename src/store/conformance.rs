//! What any lake must do. Run over memory, local disk and, when asked, a bucket.

use bytes::Bytes;

use super::{Lake, PutIfAbsent};

/// Everything below, in a folder of its own.
pub(crate) async fn suite(lake: &Lake) {
    let before = lake.list("").await.unwrap();
    puts_and_gets(lake).await;
    creates_once(lake).await;
    lists_by_whole_names(lake).await;
    keeps_odd_names(lake).await;
    uploads_are_invisible_until_completed(lake).await;
    tells_the_time(lake).await;
    lake.probe().await.unwrap();
    assert_eq!(lake.list("").await.unwrap(), before, "the suite leaves nothing behind");
}

async fn puts_and_gets(lake: &Lake) {
    assert_eq!(lake.get("c/t/absent").await.unwrap(), None);
    assert_eq!(lake.size("c/t/absent").await.unwrap(), None);
    lake.put("c/t/a", "first").await.unwrap();
    lake.put("c/t/a", "second").await.unwrap();
    assert_eq!(lake.get("c/t/a").await.unwrap(), Some(Bytes::from_static(b"second")));
    assert_eq!(lake.get_range("c/t/a", 1..3).await.unwrap(), Bytes::from_static(b"ec"));
    assert_eq!(lake.size("c/t/a").await.unwrap(), Some(6));
    lake.delete(&["c/t/a".to_owned(), "c/t/never-there".to_owned()]).await.unwrap();
    assert_eq!(lake.get("c/t/a").await.unwrap(), None);
}

async fn creates_once(lake: &Lake) {
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let lake = lake.clone();
            tokio::spawn(async move { (n, lake.put_if_absent("c/once", format!("{n}")).await.unwrap()) })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        let (n, outcome) = task.await.unwrap();
        if outcome == PutIfAbsent::Created {
            winners.push(n);
        }
    }
    assert_eq!(winners.len(), 1, "one of eight creates an object");
    assert_eq!(lake.get("c/once").await.unwrap(), Some(Bytes::from(winners[0].to_string())));
    assert_eq!(lake.put_if_absent("c/once", "late").await.unwrap(), PutIfAbsent::Exists);
    lake.delete(&["c/once".to_owned()]).await.unwrap();
}

async fn lists_by_whole_names(lake: &Lake) {
    // A folder of its own: some servers (SeaweedFS) go on listing folders that have become empty.
    let paths = ["names/deals/b/2", "names/deals/a", "names/deals_stages/1"];
    for path in paths {
        lake.put(path, path).await.unwrap();
    }
    let listing = lake.list("names/deals").await.unwrap();
    let names: Vec<_> = listing.iter().map(|object| (object.path.as_str(), object.bytes)).collect();
    assert_eq!(names, [("names/deals/a", 13), ("names/deals/b/2", 15)]);
    assert!(lake.list("names/none").await.unwrap().is_empty());
    let level = lake.level("names").await.unwrap();
    assert_eq!(
        (level.folders, level.objects),
        (vec!["deals".to_owned(), "deals_stages".to_owned()], Vec::new())
    );
    let level = lake.level("names/deals").await.unwrap();
    assert_eq!((level.folders, level.objects), (vec!["b".to_owned()], vec![listing[0].clone()]));
    assert!(lake.level("").await.unwrap().folders.contains(&"names".to_owned()));
    lake.delete(&paths.map(str::to_owned)).await.unwrap();
}

async fn tells_the_time(lake: &Lake) {
    let before = lake.now().await.unwrap();
    lake.put("c/then", "x").await.unwrap();
    let modified = lake.list("c").await.unwrap()[0].modified;
    let after = lake.now().await.unwrap();
    assert!(before <= modified && modified <= after, "{before} {modified} {after}");
    lake.delete(&["c/then".to_owned()]).await.unwrap();
}

async fn keeps_odd_names(lake: &Lake) {
    for name in ["x_value=a%2Fb c", "x_value=São Paulo", "x_value=100%25", "x_value=a+b&c"] {
        let path = format!("c/t/{name}/part-1-0-00000000.parquet");
        lake.put(&path, "x").await.unwrap();
        assert_eq!(lake.list("c/t").await.unwrap()[0].path, path);
        assert_eq!(lake.get(&path).await.unwrap(), Some(Bytes::from_static(b"x")));
        assert!(lake.url(&path).ends_with(&path));
        lake.delete(&[path]).await.unwrap();
    }
    assert!(lake.get("c/../x").await.is_err());
    assert!(lake.put("c/a\nb", "x").await.is_err());
}

async fn uploads_are_invisible_until_completed(lake: &Lake) {
    let part = Bytes::from(vec![7; lake.part_bytes()]);
    let mut upload = lake.upload("c/t/big").await.unwrap();
    let (first, second) = (
        upload.put_part(part.clone().into()),
        upload.put_part(Bytes::from_static(b"end").into()),
    );
    // Parts go out side by side, in any order.
    second.await.unwrap();
    first.await.unwrap();
    assert!(lake.list("c").await.unwrap().is_empty(), "an upload is invisible");
    upload.complete().await.unwrap();
    assert_eq!(lake.size("c/t/big").await.unwrap(), Some(part.len() as u64 + 3));
    assert_eq!(
        lake.get_range("c/t/big", part.len() as u64 - 1..part.len() as u64 + 3)
            .await
            .unwrap(),
        "\u{7}end"
    );
    lake.delete(&["c/t/big".to_owned()]).await.unwrap();

    let mut upload = lake.upload("c/t/aborted").await.unwrap();
    upload.put_part(part.into()).await.unwrap();
    upload.abort().await.unwrap();
    assert_eq!(lake.get("c/t/aborted").await.unwrap(), None);
}
