//! Random histories: whatever happens to an account, to the runs that export it and to their lake, a run that ends leaves the lake as the account is.
//! `derived` and `load` look at single runs.

mod absent;
mod account;
mod accounts;
mod content;
mod derived;
mod history;
mod ledger;
mod load;
pub(crate) mod process;

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;

use history::History;

/// Histories of the suite.
const HISTORIES: u64 = 1_000;

/// A history takes a tenth of a second.
const HUNG: Duration = Duration::from_secs(60);

/// A history that did not end as it should.
struct Broken {
    seed: u64,
    steps: Vec<String>,
    manifests: Vec<String>,
    what: String,
}

fn live(runtime: &tokio::runtime::Runtime, seed: u64) -> Option<Broken> {
    runtime.block_on(async {
        let mut history = History::new(seed).await;
        let lived = AssertUnwindSafe(history.live()).catch_unwind();
        let lived = match tokio::time::timeout(HUNG, lived).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("it panicked: the message is above".to_owned()),
            Err(_) => Err("it hangs".to_owned()),
        };
        match lived {
            Ok(()) => None,
            Err(what) => Some(Broken {
                seed,
                manifests: history.manifests().await.unwrap_or_default(),
                steps: history.steps,
                what,
            }),
        }
    })
}

/// All of these seeds, on as many threads as there are cores; stops at the fifth broken one.
fn live_all(seeds: std::ops::Range<u64>) {
    let (next, broken) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || broken.lock().unwrap().len() >= 5 {
                        break;
                    }
                    if let Some(one) = live(&runtime, seed) {
                        broken.lock().unwrap().push(one);
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    let told = broken.iter().map(|one| {
        format!(
            "history {}: {}\n  {}\n  {}\nAFLUENTE_SEED={} cargo test --lib histories lives it again\n",
            one.seed,
            one.what,
            one.steps.join("\n  "),
            one.manifests.join("\n  "),
            one.seed
        )
    });
    let told: Vec<String> = told.collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

/// `AFLUENTE_SEED=123` lives that one only, `AFLUENTE_SEED=5000..9000` others than those of the suite.
#[test]
fn histories_end_with_the_lake_as_the_source_is() {
    let seeds = seeds(HISTORIES);
    let count = seeds.end - seeds.start;
    live_all(seeds);
    // The guard asks a healthy account nothing, but for the last row of a table that its vendor does not count: few histories have so few rows.
    let emptied = history::silence::EMPTIED.load(Ordering::Relaxed);
    assert!(
        emptied <= 1 + count / 50,
        "{emptied} runs of {count} histories were asked whether a table is empty"
    );
}

/// The first so many, or those that are asked for.
fn seeds(most: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("AFLUENTE_SEED").ok();
    match asked.as_deref().map(|seeds| seeds.split_once("..").unwrap_or((seeds, ""))) {
        None => 0..most,
        Some((first, "")) => first.parse().unwrap()..first.parse::<u64>().unwrap() + 1,
        Some((first, end)) => first.parse().unwrap()..end.parse().unwrap(),
    }
}
