//! What a sweep deletes, and what it leaves to readers and to other runs.

use super::*;
use crate::store::data_file_version;

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_deletes_what_can_never_be_live_again_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for lake in [
        Lake::memory(),
        Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap(),
    ] {
        let live = [name(6, 0), format!("at_month=2026-03/{}", name(7, 1))];
        let dead = [
            name(1, 2),
            name(7, 3),
            format!("at_month=2026-02/{}", name(6, 4)),
            format!("at_month=São Paulo/{}", name(2, 5)),
        ];
        let others = [
            name(8, 6),
            "notes.parquet".to_owned(),
            "_manifest/00000000000000000007.json".to_owned(),
        ];
        for path in live.iter().chain(&dead).chain(&others) {
            lake.put(&format!("acme/deals/{path}"), "x").await.unwrap();
        }
        lake.put(&format!("acme/deals_stages/{}", name(1, 7)), "x").await.unwrap();
        let manifest = manifest(&lake, 7, "a", &[&live[0], &live[1]]);
        assert_eq!(sweep(&lake, &manifest, Duration::ZERO).await.unwrap(), dead.len());
        let mut left: Vec<String> = lake
            .list("acme/deals")
            .await
            .unwrap()
            .into_iter()
            .map(|object| object.path)
            .collect();
        left.sort();
        let mut expected: Vec<String> = live.iter().chain(&others).map(|path| format!("acme/deals/{path}")).collect();
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(sweep(&lake, &manifest, Duration::ZERO).await.unwrap(), 0);
        assert_eq!(lake.list("acme/deals_stages").await.unwrap().len(), 1);
    }
    assert!(
        !folder.path().join("acme/deals/at_month=2026-02").exists(),
        "no empty partition stays"
    );
}

#[tokio::test]
async fn a_sweep_that_comes_late_cannot_harm_what_was_committed_since() {
    let lake = Lake::memory();
    for version in 1..=3 {
        lake.put(&format!("acme/deals/{}", name(version, 0)), "x").await.unwrap();
    }
    let older = manifest(&lake, 2, "a", &[&name(2, 0)]);
    let newest = manifest(&lake, 3, "b", &[&name(3, 0)]);
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(sweep(&lake, &older, Duration::ZERO).await.unwrap(), 0);
    assert_eq!(lake.list("acme/deals").await.unwrap().len(), 1);
}

const HOUR: Duration = Duration::from_secs(3600);

/// Commits a version of these files, the new ones among them written just before.
async fn commit_version(lake: &Lake, version: u64, paths: &[&str]) -> Manifest {
    for path in paths.iter().filter(|path| data_file_version(path) == Some(version)) {
        lake.put(&format!("acme/deals/{path}"), "x").await.unwrap();
    }
    let manifest = manifest(lake, version, &format!("run-{version}"), paths);
    assert_eq!(commit(lake, &manifest).await.unwrap(), Outcome::Committed);
    manifest
}

async fn left(lake: &Lake) -> Vec<String> {
    let listing = lake.list("acme/deals").await.unwrap();
    let mut names: Vec<String> = listing
        .iter()
        .map(|object| object.path.rsplit('/').next().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn files_superseded_within_the_retention_stay_for_readers() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    let (first, second, third, fourth) = (name(1, 0), name(2, 0), name(3, 0), name(4, 0));
    commit_version(&lake, 1, &[&first]).await;
    fake.advance(HOUR);
    commit_version(&lake, 2, &[&first, &second]).await;
    fake.advance(HOUR);
    // What the loser of a race for version 3 left.
    let orphan = name(3, 9);
    lake.put(&format!("acme/deals/{orphan}"), "x").await.unwrap();
    commit_version(&lake, 3, &[&second, &third]).await;
    fake.advance(HOUR);
    let newest = commit_version(&lake, 4, &[&third, &fourth]).await;
    // Manifest 3 was superseded now, 2 an hour ago, 1 two hours ago.
    assert_eq!(sweep(&lake, &newest, 3 * HOUR).await.unwrap(), 0);
    assert_eq!(
        sweep(&lake, &newest, HOUR + HOUR / 2).await.unwrap(),
        0,
        "manifest 2 still offers file 1"
    );
    assert_eq!(
        sweep(&lake, &newest, HOUR / 2).await.unwrap(),
        2,
        "manifest 3 alone is young: file 1 and the orphan go"
    );
    let data: Vec<String> = left(&lake).await.into_iter().filter(|name| name.starts_with("part-")).collect();
    assert_eq!(data, [&second, &third, &fourth].map(Clone::clone));
    fake.advance(HOUR);
    let newest = commit_version(&lake, 5, &[&fourth]).await;
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 0);
}

#[tokio::test]
async fn manifests_go_a_week_after_they_were_superseded() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    commit_version(&lake, 1, &[]).await;
    fake.advance(24 * HOUR);
    commit_version(&lake, 2, &[]).await;
    fake.advance((7 * 24 - 1) * HOUR);
    let newest = commit_version(&lake, 3, &[]).await;
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 0, "not yet a week");
    fake.advance(2 * HOUR);
    let newest = commit_version(&lake, 4, &[]).await;
    assert_eq!(sweep(&lake, &newest, 30 * 24 * HOUR).await.unwrap(), 0, "readers may still use it");
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 1);
    assert_eq!(versions(&lake, "acme", "deals").await.unwrap(), [2, 3, 4]);
    // However old, the newest stays; one that comes late prunes nothing that is newer than itself.
    fake.advance(365 * 24 * HOUR);
    lake.put(&format!("acme/deals/{}", name(5, 0)), "x").await.unwrap();
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(left(&lake).await, ["00000000000000000004.json".to_owned(), name(5, 0)]);
}

#[tokio::test]
async fn a_sweep_is_one_listing_and_with_a_retention_one_manifest() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    let mut newest = None;
    for version in 1..=9 {
        newest = Some(commit_version(&lake, version, &[&name(version, 0)]).await);
    }
    let newest = newest.unwrap();
    fake.reads.store(0, Ordering::SeqCst);
    fake.listings.store(0, Ordering::SeqCst);
    assert_eq!(sweep(&lake, &newest, HOUR).await.unwrap(), 0);
    assert_eq!((fake.listings.load(Ordering::SeqCst), fake.reads.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(sweep(&lake, &newest, Duration::ZERO).await.unwrap(), 8);
    assert_eq!((fake.listings.load(Ordering::SeqCst), fake.reads.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn the_newest_reports_of_runs_stay() {
    let lake = Lake::memory();
    let mut ids: Vec<String> = (0..503).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    ids.sort();
    for id in &ids {
        lake.put(&format!("_runs/{id}.json"), "{}").await.unwrap();
    }
    lake.put("_runs/notes.json", "mine").await.unwrap();
    assert_eq!(sweep_reports(&lake).await.unwrap(), 3);
    assert_eq!(sweep_reports(&lake).await.unwrap(), 0);
    let left: Vec<String> = lake.list("_runs").await.unwrap().into_iter().map(|object| object.path).collect();
    assert_eq!(left.len(), 501);
    assert_eq!(left[0], format!("_runs/{}.json", ids[3]));
    assert!(left.contains(&"_runs/notes.json".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_what_a_killed_run_left_staged_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap();
    lake.put(&format!("acme/deals/{}", name(7, 0)), "x").await.unwrap();
    let begun = |version: u64| format!("_manifest/{version:020}.json");
    for (staged, stays) in [
        (name(7, 1), false),
        (name(3, 1), false),
        (name(8, 1), true),
        (begun(7), false),
        (begun(8), true),
    ] {
        let path = folder.path().join(format!("acme/deals/{staged}#1"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "half").unwrap();
        sweep(&lake, &manifest(&lake, 7, "a", &[&name(7, 0)]), Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(path.exists(), stays, "{staged}");
    }
}
