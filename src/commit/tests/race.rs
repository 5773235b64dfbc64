//! One version, one commit, whoever else is at it and whatever becomes of the answer.

use super::*;

#[tokio::test]
async fn the_newest_manifest_is_the_table() {
    let lake = Lake::memory();
    assert_eq!(latest(&lake, "acme", "deals").await.unwrap(), None);
    for version in [1, 2, 9, 10, 11] {
        let manifest = manifest(&lake, version, "r", &[&name(version, 0)]);
        assert_eq!(commit(&lake, &manifest).await.unwrap(), Outcome::Committed);
        assert_eq!(latest(&lake, "acme", "deals").await.unwrap(), Some(manifest));
    }
    // Neither a stranger's file nor another table's manifest is one of its versions.
    lake.put("acme/deals/_manifest/99999999999999999999x.json", "{}").await.unwrap();
    lake.put("acme/deals/_manifest/12.json", "{}").await.unwrap();
    lake.put("acme/deals_stages/_manifest/00000000000000000099.json", "{}")
        .await
        .unwrap();
    assert_eq!(versions(&lake, "acme", "deals").await.unwrap(), [1, 2, 9, 10, 11]);
    assert_eq!(read(&lake, "acme", "deals", 9).await.unwrap().unwrap().version, 9);
    assert_eq!(read(&lake, "acme", "deals", 3).await.unwrap(), None);
    let path = "acme/deals/_manifest/00000000000000000011.json";
    assert!(lake.get(path).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_one_commits_and_the_other_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    for lake in [
        Lake::memory(),
        Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap(),
    ] {
        for version in 1..=20 {
            let race = ["a", "b", "c"].map(|run| {
                let (lake, manifest) = (lake.clone(), manifest(&lake, version, run, &[]));
                tokio::spawn(async move { (run, commit(&lake, &manifest).await.unwrap()) })
            });
            let mut winners = Vec::new();
            for task in race {
                match task.await.unwrap() {
                    (run, Outcome::Committed) => winners.push(run),
                    (_, Outcome::Conflict { version: lost }) => assert_eq!(lost, version),
                }
            }
            assert_eq!(winners.len(), 1);
            assert_eq!(latest(&lake, "acme", "deals").await.unwrap().unwrap().run_id, winners[0]);
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_recognised() {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    fake.lost_answers.store(1, Ordering::SeqCst);
    assert_eq!(commit(&lake, &manifest(&lake, 1, "a", &[])).await.unwrap(), Outcome::Committed);
    // A client that retries by itself is told that its own object exists.
    assert_eq!(commit(&lake, &manifest(&lake, 1, "a", &[])).await.unwrap(), Outcome::Committed);
    assert_eq!(
        commit(&lake, &manifest(&lake, 1, "b", &[])).await.unwrap(),
        Outcome::Conflict { version: 1 }
    );
    fake.refused_puts.store(1, Ordering::SeqCst);
    assert_eq!(
        commit(&lake, &manifest(&lake, 1, "b", &[])).await.unwrap(),
        Outcome::Conflict { version: 1 }
    );
    fake.refused_puts.store(1, Ordering::SeqCst);
    let error = commit(&lake, &manifest(&lake, 2, "b", &[])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.message().contains("_manifest/00000000000000000002.json"), "{error:?}");
    assert_eq!(versions(&lake, "acme", "deals").await.unwrap(), [1]);
}
