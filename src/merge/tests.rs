//! Random tables, random changes, random reads: after each merge the lake holds what the rule of the read says, and no more was rewritten than need be.

mod bench;

use fastrand::Rng;

use super::*;
use bench::{Bench, Deal, Deals, FAR, KEYS, drawn, instant, rows, since, whole};

/// `compare: false` makes the same lake as `compare: true`, with more written.
#[test]
fn a_lake_follows_any_history() {
    for seed in 0..800 {
        let mut rng = Rng::with_seed(seed);
        let mut bench = Bench::new(rng.usize(..KEYS.len()), rng.bool());
        let (mut vendor, mut lake) = (Deals::new(), Deals::new());
        let mut now = 0;
        for step in 0..rng.usize(2..7) {
            for _ in 0..rng.usize(..30) {
                now += rng.i64(0..3);
                let id = rng.u32(..60);
                match rng.u8(..10) {
                    0 | 1 => drop(vendor.remove(&id)),
                    // Only the items change; the cursor moves all the same.
                    2 if vendor.contains_key(&id) => {
                        let deal = vendor.get_mut(&id).unwrap();
                        (deal.at, deal.items) = (Some(now), (0..rng.usize(..3)).map(|_| rng.u8(..).to_string()).collect());
                    }
                    3 => drop(vendor.insert(id, drawn(&mut rng, None))),
                    4 => drop(vendor.insert(id, drawn(&mut rng, Some(FAR + now % 20)))),
                    _ => drop(vendor.insert(id, drawn(&mut rng, Some(now)))),
                }
            }
            let micros = |hours: i64| instant(hours).timestamp_micros();
            let (from, until) = (rng.i64(-5..now + 5), rng.i64(-5..now + 10));
            let range = |until| Range {
                from: Some(micros(from)),
                until,
            };
            let (range, missing) = match rng.u8(..4) {
                _ if step == 0 => (Range::default(), Missing::Go),
                0 => (Range::default(), Missing::Go),
                1 => (range(Some(micros(until))), Missing::Go),
                2 => (range(Some(micros(until))), Missing::Stay),
                _ => (range(None), Missing::Stay),
            };
            let inside = |deal: &Deal| deal.at.is_none_or(|at| range.contains(micros(at)));
            // The vendor's filter is coarse: some rows outside come along, and rows without a cursor or not, as it likes.
            let sends_nulls = range == Range::default() || rng.bool();
            let read: Vec<(u32, Deal)> = vendor
                .iter()
                .filter(|(_, deal)| inside(deal) && (deal.at.is_some() || sends_nulls) || !inside(deal) && rng.bool())
                .map(|(id, deal)| (*id, deal.clone()))
                .collect();
            if missing == Missing::Go {
                let gone = |deal: &Deal| {
                    if range == Range::default() {
                        true
                    } else {
                        deal.at.is_some_and(|at| range.contains(micros(at)))
                    }
                };
                lake.retain(|_, deal| !gone(deal));
            }
            for (id, deal) in read.iter().filter(|(_, deal)| inside(deal)) {
                lake.insert(*id, deal.clone());
            }
            let options = MergeOptions {
                range,
                missing,
                keys_only: false,
                compare: rng.u8(..4) > 0,
                memory: if rng.u8(..4) > 0 { 1 << 20 } else { 0 },
                target_file_bytes: 1 << 20,
            };
            let before = bench.content();
            let outcome = bench.merge(&read, options, &mut rng);
            assert_eq!(bench.content(), bench.expected(&lake), "seed {seed}, step {step}, {options:?}");
            if outcome.is_none() {
                assert_eq!(before, bench.content());
            }
            if options.compare && options.memory > 0 && before == bench.expected(&lake) {
                // Also of a table that is empty, which has a file to show its columns.
                let is_first = outcome.is_some() && step == 0;
                assert!(
                    outcome.is_none() || is_first,
                    "seed {seed}, step {step}: written although nothing changed, {options:?}"
                );
            }
        }
    }
}

#[test]
fn keys_alone_find_what_is_gone() {
    // In the second case the index does not fit, the keys that were read do.
    for (key, memory) in (0..KEYS.len()).flat_map(|key| [(key, 1 << 20), (key, 20_000)]) {
        let mut rng = Rng::with_seed(7);
        let mut bench = Bench::new(key, true);
        let mut vendor: Deals = (0..100).map(|id| (id, drawn(&mut rng, Some(1)))).collect();
        let all = whole(false, memory);
        bench.merge(&rows(&vendor), all, &mut rng);
        let ids = MergeOptions { keys_only: true, ..all };
        // The vendor sends nothing but ids, and rows that the lake does not have yet.
        let blank = |vendor: &Deals| {
            let blank = |id: &u32| {
                (
                    *id,
                    Deal {
                        name: "null".to_owned(),
                        kind: None,
                        at: None,
                        items: Vec::new(),
                    },
                )
            };
            vendor.keys().chain([&777]).map(blank).collect::<Vec<_>>()
        };
        let unchanged = bench.merge(&blank(&vendor), ids, &mut rng);
        assert!(matches!(unchanged, None | Some((0, 0))), "{key} {memory}: {unchanged:?}");
        assert_eq!(bench.content(), bench.expected(&vendor), "{key} {memory}");
        vendor.retain(|id, _| id % 10 != 3);
        assert!(bench.merge(&blank(&vendor), ids, &mut rng).is_some());
        assert_eq!(bench.content(), bench.expected(&vendor), "{key} {memory}");
    }
}

#[test]
fn what_a_cut_run_left_of_rows_that_are_gone_goes() {
    for (key, memory) in (0..KEYS.len()).flat_map(|key| [(key, 1 << 20), (key, 0)]) {
        let mut rng = Rng::with_seed(8);
        let mut bench = Bench::new(key, false);
        let deals = |ids: std::ops::Range<u32>| -> Deals {
            let deal = |id: u32| Deal {
                name: "deal".to_owned(),
                kind: None,
                at: Some(i64::from(id)),
                items: vec![id.to_string()],
            };
            ids.map(|id| (id, deal(id))).collect()
        };
        let all = whole(true, memory);
        let changes = since(30, all);
        bench.merge(&rows(&deals(0..40)), all, &mut rng);
        let table = bench.base[0].clone();
        bench.merge(&rows(&deals(40..50)), changes, &mut rng);
        // The items were committed, their deals were not, and are gone by the next run, which reads nothing.
        bench.base[0] = table;
        assert!(bench.merge(&[], changes, &mut rng).is_some());
        assert_eq!(bench.content(), bench.expected(&deals(0..40)), "{key} {memory}");
    }
}

/// One row of many files: its file and that of its items are rewritten, and nothing else.
#[test]
fn one_change_rewrites_one_file() {
    one_change(0);
    one_change(1);
}

fn one_change(key: usize) {
    let mut rng = Rng::with_seed(1);
    let mut bench = Bench::new(key, false);
    let mut vendor: Deals = (0..20_000)
        .map(|id| {
            let deal = Deal {
                items: vec!["x".to_owned()],
                ..drawn(&mut rng, Some(i64::from(id)))
            };
            (id, deal)
        })
        .collect();
    let all = MergeOptions {
        // What is small is left alone here.
        target_file_bytes: 1,
        ..whole(true, 8 << 20)
    };
    bench.merge(&rows(&vendor), all, &mut rng).unwrap();
    let files: usize = bench.base.iter().flatten().map(|base| base.entries.len()).sum();
    assert!(files > 100, "{files}");
    vendor.get_mut(&777).unwrap().name = "other".to_owned();
    let (superseded, written) = bench.merge(&rows(&vendor), all, &mut rng).unwrap();
    assert!(superseded <= 2 && written <= 10, "{superseded} superseded, {written} written");
    assert_eq!(bench.content(), bench.expected(&vendor));
    // The same by its cursor: what lies outside the range is not even looked at.
    vendor.get_mut(&888).unwrap().items.clear();
    vendor.get_mut(&888).unwrap().at = Some(30_000);
    let read: Vec<_> = rows(&vendor).into_iter().filter(|(_, deal)| deal.at >= Some(19_990)).collect();
    let since = since(19_990, all);
    let (superseded, written) = bench.merge(&read, since, &mut rng).unwrap();
    assert!(superseded <= 2 && written <= 10, "{superseded} superseded, {written} written");
    assert_eq!(bench.content(), bench.expected(&vendor));
    assert_eq!(bench.merge(&read, since, &mut rng), None);
}

/// Three hundred refreshes of one new row each: the rows stay right, and the files few.
#[test]
fn small_files_do_not_pile_up() {
    let mut rng = Rng::with_seed(3);
    let mut bench = Bench::new(0, false);
    bench.target_file_bytes = 1 << 20;
    let mut vendor = Deals::new();
    let mut most = 0;
    for hour in 0..300 {
        let id = hour as u32;
        vendor.insert(id, drawn(&mut rng, Some(hour)));
        bench
            .merge(&[(id, vendor[&id].clone())], since(hour, whole(true, 1 << 20)), &mut rng)
            .unwrap();
        most = most.max(bench.base[0].as_ref().map_or(0, |base| base.entries.len()));
    }
    assert_eq!(bench.content(), bench.expected(&vendor));
    assert!(most < 60, "{most} files");
    let rewritten: u64 = bench.rows_written;
    assert!(rewritten < 300 * 12, "{rewritten} rows were written for 300 new ones");
}

#[test]
fn an_exploded_table_without_the_key_is_refused() {
    let bench = Bench::new(0, false);
    let mut tables = bench.tables.clone();
    tables[1].columns.remove(0);
    let error = Merge::new(&bench.lake, bench.runtime.handle().clone(), &tables, vec![None; 2], whole(false, 0))
        .err()
        .unwrap();
    assert!(error.message().contains("does not hold the key of `deals` (id)"), "{error:?}");
}
