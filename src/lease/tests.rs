//! Contenders, expiry, death, takeover, clocks.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::store::S3Options;
use crate::store::fake::Fake;

fn fake() -> (Fake, Lake) {
    let fake = Fake::new();
    let lake = Lake::over(Arc::new(fake.clone()));
    (fake, lake)
}

async fn held(lake: &Lake, run_id: &str) -> Lease {
    match Lease::acquire(lake, "acme", run_id).await.unwrap() {
        Acquired::Held(lease) => lease,
        Acquired::Busy(holder) => panic!("held by {holder}"),
    }
}

async fn busy(lake: &Lake, run_id: &str) -> Holder {
    match Lease::acquire(lake, "acme", run_id).await.unwrap() {
        Acquired::Held(lease) => panic!("{run_id} took lease {}", lease.fence),
        Acquired::Busy(holder) => holder,
    }
}

async fn fences(lake: &Lake) -> Vec<u64> {
    listing(lake, "acme").await.unwrap().into_iter().map(|(fence, _)| fence).collect()
}

/// Leaves a lease as this process does, of another.
async fn left_behind(lake: &Lake, fence: u64, process: Option<Process>) {
    let record = Record {
        run_id: "old".to_owned(),
        host: "etl-1".to_owned(),
        process,
        acquired_at: DateTime::UNIX_EPOCH,
        ttl_seconds: TTL_SECONDS,
        released_at: None,
    };
    let path = format!("acme/_lease/{fence:020}.json");
    lake.put(&path, serde_json::to_vec(&record).unwrap()).await.unwrap();
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn of_many_contenders_one_wins_and_the_others_learn_who() {
    let folder = tempfile::tempdir().unwrap();
    for lake in [
        Lake::memory(),
        Lake::open(folder.path().to_str().unwrap(), &S3Options::default()).unwrap(),
    ] {
        for round in 0..10 {
            let race: Vec<_> = (0..5)
                .map(|n| {
                    let lake = lake.clone();
                    tokio::spawn(async move { Lease::acquire(&lake, "acme", &format!("{round}-{n}")).await.unwrap() })
                })
                .collect();
            let (mut leases, mut holders) = (Vec::new(), Vec::new());
            for contender in race {
                match contender.await.unwrap() {
                    Acquired::Held(lease) => leases.push(lease),
                    Acquired::Busy(holder) => holders.push(holder.run_id),
                }
            }
            assert_eq!((leases.len(), holders.len()), (1, 4));
            let lease = leases.pop().unwrap();
            assert!(holders.iter().all(|run_id| *run_id == lease.record.run_id), "{holders:?}");
            lease.check().await.unwrap();
            lease.release().await.unwrap();
            assert_eq!(fences(&lake).await, [round + 1], "numbers go on, and the old ones are gone");
            assert_eq!(Lease::holder(&lake, "acme").await.unwrap(), None);
        }
        // Another connection is another lease.
        let first = held(&lake, "first").await;
        assert!(matches!(Lease::acquire(&lake, "other", "second").await.unwrap(), Acquired::Held(_)));
        assert_eq!(busy(&lake, "third").await.run_id, first.record.run_id);
        let strays = lake
            .list("")
            .await
            .unwrap()
            .into_iter()
            .filter(|object| object.path.starts_with("_probe-"));
        assert_eq!(strays.count(), 0);
    }
}

#[tokio::test]
async fn a_holder_that_is_silent_for_its_ttl_has_lost() {
    let (fake, lake) = fake();
    let first = held(&lake, "first").await;
    fake.advance((TTL_SECONDS - 1) as u32 * SECOND);
    let holder = busy(&lake, "second").await;
    assert!(holder.silent >= (TTL_SECONDS - 1) as u32 * SECOND, "{holder}");
    first.renew().await.unwrap();
    fake.advance((TTL_SECONDS - 1) as u32 * SECOND);
    busy(&lake, "second").await;
    fake.advance(2 * SECOND);
    let second = held(&lake, "second").await;
    assert_eq!(second.fence, 2);
    for error in [first.check().await.unwrap_err(), first.renew().await.unwrap_err()] {
        assert_eq!(error.kind(), Kind::Conflict);
        assert!(
            error.message().contains("run second") && error.message().contains("`acme`"),
            "{error:?}"
        );
    }
    second.check().await.unwrap();
    // The renewal of one that had lost wrote its object again; its release takes it away and leaves the other's alone.
    assert_eq!(fences(&lake).await, [1, 2]);
    first.release().await.unwrap();
    assert_eq!(fences(&lake).await, [2]);
    assert_eq!(busy(&lake, "third").await.run_id, "second");
}

#[tokio::test]
async fn clocks_of_machines_are_not_compared() {
    for skew in [-1_000_000_000, -3_600, 3_600, 1_000_000_000] {
        let (fake, lake) = fake();
        fake.skew(skew);
        let first = held(&lake, "first").await;
        assert!(busy(&lake, "second").await.silent < (TTL_SECONDS as u32) * SECOND, "{skew}");
        fake.advance((TTL_SECONDS + 1) as u32 * SECOND);
        let second = held(&lake, "second").await;
        assert!(first.check().await.is_err());
        second.release().await.unwrap();
    }
}

#[tokio::test]
async fn a_contender_that_slept_does_not_take_a_number_of_the_past() {
    let (_, lake) = fake();
    for run in ["a", "b"] {
        held(&lake, run).await.release().await.unwrap();
    }
    // One that looked before `a` came creates number 1 now.
    let slow = Lease {
        lake: lake.clone(),
        connection: "acme".to_owned(),
        fence: 1,
        record: held(&lake, "c").await.record,
    };
    assert!(slow.create().await.unwrap());
    assert_eq!(slow.check().await.unwrap_err().kind(), Kind::Conflict);
    slow.release().await.unwrap();
    assert_eq!(fences(&lake).await, [3]);
}

#[tokio::test]
async fn a_lease_whose_answer_was_lost_is_recognised() {
    let (fake, lake) = fake();
    fake.lost_answers.store(1, Ordering::SeqCst);
    let lease = held(&lake, "first").await;
    assert_eq!(lease.fence, 1);
    lease.release().await.unwrap();
    fake.refused_puts.store(1, Ordering::SeqCst);
    let error = Lease::acquire(&lake, "acme", "second").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Store);
    assert!(error.message().contains("acme/_lease/00000000000000000002.json"), "{error:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_lease_of_a_dead_process_is_free_at_once_where_that_is_known() {
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let dead = Process::this().unwrap().with_pid(ended.id());
    for (process, free) in [
        (Some(dead.clone()), true),
        (Process::this(), false),
        (Some(dead.on_another_boot()), false),
        (None, false),
    ] {
        let (_, lake) = fake();
        left_behind(&lake, 7, process.clone()).await;
        match Lease::acquire(&lake, "acme", "next").await.unwrap() {
            Acquired::Held(lease) => assert!(free && lease.fence == 8, "{process:?}"),
            Acquired::Busy(holder) => assert!(!free && holder.host == "etl-1", "{process:?}"),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_held_for_the_usual_time() {
    let (fake, lake) = fake();
    lake.put("acme/_lease/00000000000000000003.json", "{").await.unwrap();
    lake.put("acme/_lease/notes.txt", "not a lease").await.unwrap();
    assert_eq!(busy(&lake, "next").await.run_id, "unknown");
    fake.advance((TTL_SECONDS + 1) as u32 * SECOND);
    assert_eq!(held(&lake, "next").await.fence, 4);
}

#[tokio::test]
async fn the_holder_learns_that_it_lost_and_survives_a_lake_that_fails() {
    let (fake, lake) = fake();
    let Acquired::Held(lease) = Lease::acquire_for(&lake, "acme", "first", 1).await.unwrap() else {
        panic!("nobody has it");
    };
    let path = lease.path();
    let renewing = tokio::spawn(async move { lease.lost().await });
    // Each renewal takes one of these; the last one that fails is not the end.
    fake.refused_puts.store(2, Ordering::SeqCst);
    let acquired = lake.list("acme/_lease").await.unwrap()[0].modified;
    let renewed = || async { lake.list("acme/_lease").await.unwrap()[0].modified > acquired };
    while fake.refused_puts.load(Ordering::SeqCst) > 0 || !renewed().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!renewing.is_finished());
    left_behind(&lake, 2, None).await;
    let error = renewing.await.unwrap();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.message().contains("run old on host etl-1"), "{error:?}");
    assert!(lake.get(&path).await.unwrap().is_some());
}

#[test]
fn a_holder_is_one_clear_sentence() {
    let holder = Holder {
        run_id: "01a203c2".to_owned(),
        host: "etl-1".to_owned(),
        since: DateTime::parse_from_rfc3339("2026-03-01T09:00:00.75-03:00").unwrap().to_utc(),
        silent: Duration::from_millis(12_900),
    };
    assert_eq!(
        holder.to_string(),
        "run 01a203c2 on host etl-1 since 2026-03-01T12:00:00Z, last heard of 12 s ago"
    );
}
