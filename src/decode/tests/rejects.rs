//! Bad values and records without a key: what is told of them, and what is not.

use super::*;

#[test]
fn a_bad_value_is_null_and_told() {
    let decoded = decode(
        &source(&[("users", USERS)]),
        "users",
        &[&[
            r#"{"Id":1,"Name":{"UserKey":"k"},"Score":"a\u00e7\n","Since":[1]}"#,
            r#"{"Id":2,"Name":"\ud800","Score":{"UserKey":"k"},"Since":[{"UserKey":"k"}]}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(0),
        [["1", r#"{"UserKey":"k"}"#, "-", "-", "-"], ["2", "-", "-", "-", "-"]]
    );
    assert_eq!(
        decoded.rejects(),
        [
            "users 1 score: aç\n (not a number)",
            "users 1 since: [1] (not a date or time in text)",
            r"users 2 name: \ud800 (holds half of a UTF-16 surrogate pair, which is no character)",
            "users 2 score: {…} (not a number)",
            "users 2 since: […] (not a date or time in text)",
        ]
    );
    assert_eq!(
        decoded.counts,
        [Counts {
            records: 2,
            rejected_records: 0,
            bad_cells: 5,
            twins: 0
        }]
    );
}

#[test]
fn a_record_without_its_key_is_rejected_with_its_columns_only() {
    let decoded = decode(
        &source(&[("users", USERS)]),
        "users",
        &[&[
            r#"{"Name":"An\u0061","UserKey":"k","Contact":{"Email":null,"UserKey":"k"},"Score":{"UserKey":"k"},"Since":"x"}"#,
            r#"{"Id":null,"Score":1.50}"#,
            r#"{"Id":"","Score": [ 1 , "a" ]}"#,
            r#"{"Id":1.5}"#,
            r#"{"Id":{"UserKey":"k"}}"#,
            r#""k""#,
            "[1]",
            "null",
        ]],
    );
    assert_eq!(decoded.rows(0), [[""; 0]; 0]);
    assert_eq!(
        decoded.rejects(),
        [
            r#"users - *: {"name":"Ana","email":null,"score":"{…}","since":"x"} (the primary key's column `id` is missing)"#,
            r#"users - *: {"id":null,"score":1.50} (the primary key's column `id` is null)"#,
            r#"users - *: {"id":"","score":[1,"a"]} (the primary key's column `id` is null)"#,
            r#"users - *: {"id":1.5} (the primary key's column `id`: not a whole number)"#,
            r#"users - *: {"id":"{…}"} (the primary key's column `id`: not a number)"#,
            "users - *: {} (the record is a string, expected an object)",
            "users - *: {} (the record is an array, expected an object)",
            "users - *: {} (the record is null, expected an object)",
        ]
    );
    assert_eq!(
        decoded.counts,
        [Counts {
            records: 8,
            rejected_records: 8,
            bad_cells: 0,
            twins: 0
        }]
    );
}

#[test]
fn long_texts_are_cut_in_rejects_alone() {
    let long = "é".repeat(3_000);
    let record = format!(r#"{{"Id":1,"Name":"{long}","Score":"{long}"}}"#);
    let keyless = format!(r#"{{"Name":"{long}","Email":"{long}"}}"#);
    let decoded = decode(&source(&[("users", USERS)]), "users", &[&[&record, &keyless]]);
    assert_eq!(decoded.rows(0)[0][1], long);
    assert_eq!(decoded.rejects[0].raw, format!("{}…", "é".repeat(2_048)));
    assert!(decoded.rejects[1].raw.starts_with(r#"{"name":"éé"#) && decoded.rejects[1].raw.ends_with("éé…"));
    assert!(decoded.rejects[1].raw.len() <= 4_096 + "…".len());
}
