use serde_json::json;

use super::*;
use crate::commit::commit;
use crate::schema::{Access, Column, ColumnPath, Explode, Table};
use crate::schema::{ColumnType, Origin};

const CONNECTION: &str = "acme";

fn id(value: &str) -> Option<VendorId> {
    Some(VendorId {
        value: value.to_owned(),
        read_from: "/Account Id".to_owned(),
    })
}

fn table() -> Table {
    let access = Access::Explode(Explode {
        table: String::new(),
        path: ColumnPath(Vec::new()),
    });
    Table {
        primary_key: vec!["id".to_owned()],
        ..Table::of("deals", access, vec![Column::of("id", ColumnType::Int, Origin::Member)])
    }
}

/// Commits a version of `deals` that bears this name.
async fn commit_one(lake: &Lake, version: u64, account: Option<&str>) {
    let mut manifest = Manifest::new(
        "ploomes",
        CONNECTION,
        &table(),
        version,
        &format!("run-{version}"),
        Utc::now(),
        Vec::new(),
    );
    manifest.account = account.map(str::to_owned);
    assert_eq!(commit(lake, &manifest).await.unwrap(), commit::Outcome::Committed);
}

async fn settle_as(lake: &Lake, id: Option<&VendorId>, token: &str, claim: Claim) -> Result<Settled> {
    let token = Secret::new(token).unwrap();
    let asked = Asked {
        source: "ploomes",
        host: Some("ploomes.example"),
        id,
        token: &token,
        run_id: "a run",
    };
    settle(lake, CONNECTION, &asked, claim).await
}

/// Settles, and records what comes of it.
async fn record(lake: &Lake, id: Option<&VendorId>, token: &str, claim: Claim) -> String {
    let mut settled = settle_as(lake, id, token, claim).await.unwrap();
    assert!(settled.write(lake, CONNECTION, "a run").await.unwrap());
    settled.account().to_owned()
}

/// A lake with a table of the account of this id and token.
async fn lake(id: Option<&VendorId>, token: &str) -> (Lake, String) {
    let lake = Lake::memory();
    let name = record(&lake, id, token, Claim::Nothing).await;
    commit_one(&lake, 1, Some(&name)).await;
    (lake, name)
}

#[tokio::test]
async fn ids_tell_where_there_are_two_and_tokens_where_not() {
    use Claim::{Another, Nothing, Same};
    // What is known; what is asked now; what each claim makes of it: the known account, another one, or an error.
    let cases = [
        (id("1"), "a", id("1"), "b", ["known", "known", "known"]),
        (id("1"), "a", id("2"), "a", ["error", "error", "another"]),
        (id("1"), "a", None, "a", ["known", "known", "known"]),
        (id("1"), "a", None, "b", ["error", "known", "another"]),
        (None, "a", id("1"), "a", ["known", "known", "known"]),
        (None, "a", id("1"), "b", ["error", "known", "another"]),
        (None, "a", None, "a", ["known", "known", "known"]),
        (None, "a", None, "b", ["error", "known", "another"]),
    ];
    for (known, token, asks, with, expected) in cases {
        for (claim, expected) in [Nothing, Same, Another].into_iter().zip(expected) {
            let (lake, name) = lake(known.as_ref(), token).await;
            let found = match settle_as(&lake, asks.as_ref(), with, claim).await {
                Ok(settled) if settled.account() == name => "known",
                Ok(_) => "another",
                Err(_) => "error",
            };
            assert_eq!(found, expected, "{known:?} {token}, then {asks:?} {with} with {claim:?}");
        }
    }
}

#[tokio::test]
async fn an_id_that_was_read_elsewhere_is_no_other_one() {
    let (lake, name) = lake(id("1").as_ref(), "a").await;
    let other = VendorId {
        value: "acct-1".to_owned(),
        read_from: "/Self key".to_owned(),
    };
    assert_eq!(record(&lake, Some(&other), "a", Claim::Nothing).await, name);
    // From here on it is compared.
    assert_eq!(record(&lake, Some(&other), "b", Claim::Nothing).await, name);
    assert!(settle_as(&lake, None, "c", Claim::Nothing).await.is_err());
}

#[tokio::test]
async fn what_does_not_change_is_not_written() {
    let (lake, _) = lake(id("1").as_ref(), "a").await;
    let stands = async || lake.get(&path(CONNECTION)).await.unwrap().unwrap();
    let before = stands().await;
    record(&lake, id("1").as_ref(), "a", Claim::Nothing).await;
    assert_eq!(stands().await, before);
    record(&lake, id("1").as_ref(), "b", Claim::Nothing).await;
    assert_ne!(stands().await, before, "a token that was not known");
    let text = String::from_utf8(stands().await.to_vec()).unwrap();
    assert!(!text.contains("\"a\"") && !text.contains("\"b\""), "{text}");
}

#[tokio::test]
async fn an_account_that_comes_back_is_known_and_needs_a_word() {
    let (lake, a) = lake(None, "a").await;
    let b = record(&lake, None, "b", Claim::Another).await;
    assert_ne!(a, b);
    assert!(settle_as(&lake, None, "a", Claim::Nothing).await.is_err());
    // Whichever word: tables of the other bear its name.
    assert_eq!(record(&lake, None, "a", Claim::Same).await, a);
    assert_eq!(record(&lake, None, "b", Claim::Another).await, b);
}

#[tokio::test]
async fn a_connection_without_tables_is_anybodys() {
    let lake = Lake::memory();
    record(&lake, None, "mistyped", Claim::Nothing).await;
    let name = record(&lake, None, "right", Claim::Nothing).await;
    commit_one(&lake, 1, Some(&name)).await;
    assert!(settle_as(&lake, None, "mistyped", Claim::Nothing).await.is_err());
}

#[tokio::test]
async fn manifests_without_a_name_are_those_of_the_account_that_was_recorded_first() {
    let lake = Lake::memory();
    commit_one(&lake, 1, None).await;
    let manifest = commit::latest(&lake, CONNECTION, "deals").await.unwrap().unwrap();
    let a = record(&lake, None, "a", Claim::Nothing).await;
    let b = record(&lake, None, "b", Claim::Another).await;
    assert_ne!(a, b);
    let record = read(&lake, CONNECTION).await.unwrap().unwrap();
    assert_eq!(record.account_of(&manifest), Some(a.as_str()));
    assert_eq!((record.account.as_str(), record.accounts.len()), (b.as_str(), 2));
}

#[tokio::test]
async fn a_record_that_is_gone_is_not_made_up() {
    let (lake, name) = lake(None, "a").await;
    lake.delete(&[path(CONNECTION)]).await.unwrap();
    let error = settle_as(&lake, None, "a", Claim::Nothing).await.unwrap_err();
    assert!(
        error.message().contains("_connection.json") && error.advice().unwrap().contains("--same-account"),
        "{error:?}"
    );
    assert_eq!(record(&lake, None, "a", Claim::Same).await, name);

    lake.delete(&[path(CONNECTION)]).await.unwrap();
    assert_ne!(record(&lake, None, "a", Claim::Another).await, name);
    let manifest = Manifest {
        account: None,
        ..commit::latest(&lake, CONNECTION, "deals").await.unwrap().unwrap()
    };
    let read = read(&lake, CONNECTION).await.unwrap().unwrap();
    assert_eq!(read.account_of(&manifest), None, "whose it is nobody knows");
}

#[tokio::test]
async fn two_that_adopt_at_once_agree() {
    let lake = Lake::memory();
    let mut one = settle_as(&lake, None, "a", Claim::Nothing).await.unwrap();
    let mut two = settle_as(&lake, None, "a", Claim::Nothing).await.unwrap();
    assert!(one.write(&lake, CONNECTION, "one").await.unwrap());
    assert!(!two.write(&lake, CONNECTION, "two").await.unwrap(), "it must look again");
    assert_eq!(record(&lake, None, "a", Claim::Nothing).await, one.account());
}

#[tokio::test]
async fn what_a_later_program_writes_stays() {
    let (lake, _) = lake(None, "a").await;
    let mut value: Value = serde_json::from_slice(&lake.get(&path(CONNECTION)).await.unwrap().unwrap()).unwrap();
    value["complete"] = json!({"deals": "2026-11-30T00:00:00Z"});
    value["accounts"][0]["plan"] = json!("gold");
    lake.put(&path(CONNECTION), serde_json::to_vec(&value).unwrap()).await.unwrap();
    record(&lake, id("7").as_ref(), "a", Claim::Nothing).await;
    let after: Value = serde_json::from_slice(&lake.get(&path(CONNECTION)).await.unwrap().unwrap()).unwrap();
    assert_eq!(after["complete"], value["complete"]);
    assert_eq!(after["accounts"][0]["plan"], "gold");
    assert_eq!(after["accounts"][0]["id"]["value"], "7");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_names_itself_and_what_to_do() {
    let (lake, _) = lake(None, "a").await;
    let good: Value = serde_json::from_slice(&lake.get(&path(CONNECTION)).await.unwrap().unwrap()).unwrap();
    let with = |member: &str, value: Value| {
        let mut other = good.clone();
        other[member] = value;
        other.to_string()
    };
    for (text, hint) in [
        ("{\"format_version\": 1,".to_owned(), "restore it"),
        ("[]".to_owned(), "restore it"),
        (with("accounts", json!([])), "restore it"),
        (with("salt", json!("short")), "restore it"),
        (with("format_version", json!(2)), "newer afluente"),
    ] {
        lake.put(&path(CONNECTION), text.clone()).await.unwrap();
        let error = settle_as(&lake, None, "a", Claim::Nothing).await.unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Store, "{text}");
        assert!(error.message().contains("acme/_connection.json"), "{error:?}");
        assert!(error.advice().unwrap().contains(hint), "{error:?}");
    }
}

#[tokio::test]
async fn an_error_names_both_and_no_token() {
    let (lake, _) = lake(None, "first-s3cret").await;
    let error = settle_as(&lake, None, "second-s3cret", Claim::Nothing).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(!text.contains("s3cret") && text.matches("fingerprint").count() == 2, "{text}");
    assert!(text.contains("--same-account") && text.contains("--full-refresh"), "{text}");

    let (lake, _) = self::lake(id("4321").as_ref(), "x").await;
    let error = settle_as(&lake, id("77").as_ref(), "x", Claim::Same).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(
        text.contains("account 77") && text.contains("account 4321") && !text.contains("--same-account"),
        "{text}"
    );
}
