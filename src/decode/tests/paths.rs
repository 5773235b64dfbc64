//! Paths through arrays: joined, and chosen by a member.

use super::*;

#[test]
fn arrays_in_a_path_are_joined() {
    let answers = r#"
        endpoint = "/Answers"
        primary_key = ["id"]
        [columns]
        id    = { type = "int", path = "id", description = "." }
        texts = { type = "text", path = ["answers[].text", "answers"], description = "." }
        deep  = { type = "text", path = "a.list[].b.c", description = "." }
        all   = { type = "text", path = "tags[]", description = "." }
        total = { type = "float", path = "totals[].value", description = "." }
    "#;
    let decoded = decode(
        &source(&[("answers", answers)]),
        "answers",
        &[&[
            r#"{"id":1,"answers":[{"TEXT":"a"},{"text":null},{},{"text":"b,\u0063"},{"text":1.0}],"tags":["x",null,["y","z"],{ "k" : 1 }]}"#,
            r#"{"id":2,"answers":["plain","text"],"a":{"list":[{"b":{"c":1}},{"b":7},7,{"b":{"c":2},"b":{"c":3}}]}}"#,
            r#"{"id":3,"answers":"only","a":{"list":{"b":{"c":1}}},"tags":[],"totals":[{"value":"2.5"}]}"#,
            r#"{"id":4,"answers":[],"totals":[{"value":1},{"value":2}]}"#,
            r#"{"id":5,"answers":[{"text":"\ud800","UserKey":"k"}],"totals":[{"value":""}]}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(0),
        [
            ["1", "a,b,c,1.0", "-", r#"x,y,z,{"k":1}"#, "-"],
            ["2", "plain,text", "1,3", "-", "-"],
            ["3", "only", "-", "-", "2.5"],
            ["4", "", "-", "-", "-"],
            ["5", "-", "-", "-", "-"],
        ]
    );
    assert_eq!(
        decoded.rejects(),
        [
            "answers 4 total: 1,2 (not a number)",
            "answers 5 texts: […] (holds half of a UTF-16 surrogate pair, which is no character)",
        ]
    );
}

#[test]
fn elements_are_chosen_by_a_member() {
    let deals = r#"
        endpoint = "/Deals"
        primary_key = ["id"]
        [columns]
        id      = { type = "int", path = "id", description = "." }
        region  = { type = "text", path = ["other[key=r-1].name", "other[key=r-1].id"], description = "." }
        number  = { type = "int", path = "other[key=n].number", description = "." }
        both    = { type = "text", path = "other[key=n].a.b", description = "." }
        other   = { type = "text", path = "other[id=7].name", description = "." }
    "#;
    let decoded = decode(
        &source(&[("deals", deals)]),
        "deals",
        &[&[
            r#"{"id":1,"other":[{"key":"n","number":12},{"key":"r-1","name":"Sul","id":7},{"key":"x","number":1}]}"#,
            r#"{"id":2,"other":[{"Key":"r-1","name":null,"id":7},{"key":"n","number":null},{"key":"n","number":3,"a":{"b":"x"}}]}"#,
            r#"{"id":3,"other":[{"key":"r-1","name":"Sul"},{"key":"r-1","name":"Norte"},{"key":"n","number":1},{"key":"n","number":2}]}"#,
            r#"{"id":4,"other":[{"key":null,"number":1},{"number":2},7,null,{"key":["n"],"number":3},{"key":"N","number":4}]}"#,
            r#"{"id":5,"other":{"key":"n","number":1}}"#,
            r#"{"id":6}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(0),
        [
            ["1", "Sul", "12", "-", "Sul"],
            ["2", "7", "3", "x", "-"],
            ["3", "Sul,Norte", "-", "-", "-"],
            ["4", "-", "-", "-", "-"],
            ["5", "-", "-", "-", "-"],
            ["6", "-", "-", "-", "-"],
        ]
    );
    let mut rejects = vec!["deals 3 number: 1,2 (not a number)".to_owned()];
    rejects.extend(["region", "number", "both", "other"].map(|column| format!("deals 5 {column}: […] (not an array to choose from)")));
    assert_eq!(decoded.rejects(), rejects);
}
