//! Members and elements that become rows.

use super::*;

#[test]
fn members_of_an_object_become_rows() {
    let decoded = decode(
        &customers(),
        "customers",
        &[&[
            r#"{"custom":{"fields":{"a":{"value":"x"},"b\u0062":{"VALUE":["s1","s2"]},"c":{"value":null},"d":null,"e":7,"f":{"other":1},"a":{"value":"y"}}},"id":1}"#,
            r#"{"id":2,"custom":{"fields":{"\ud800":{"value":"z"}}}}"#,
            r#"{"id":3,"custom":{"fields":{}}}"#,
            r#"{"id":4,"custom":{"fields":[]}}"#,
            r#"{"id":5,"custom":{"fields":["v"]}}"#,
            r#"{"id":6,"custom":{"fields":""}}"#,
            r#"{"id":7,"custom":{"fields":"é\n"}}"#,
            r#"{"id":8,"custom":{"fields":{"x":1}},"custom":null}"#,
        ]],
    );
    assert_eq!(decoded.rows(0).len(), 8);
    assert_eq!(
        decoded.rows(1),
        [
            ["1.0", "a", "y"],
            ["1.0", "bb", "s1,s2"],
            ["1.0", "c", "-"],
            ["1.0", "d", "-"],
            ["1.0", "e", "7"],
            ["1.0", "f", r#"{"other":1}"#],
        ]
    );
    assert_eq!(
        decoded.rejects(),
        [
            "customers__fields - *: {\"customer_id\":2,\"name\":\"\\ud800\",\"value\":\"z\"} \
             (the primary key's column `name`: holds half of a UTF-16 surrogate pair, which is no character)",
            r#"customers__fields - *: {"customer_id":5,"value":"v"} (the primary key's column `name` is missing)"#,
            "customers 7 custom.fields: é\n (a string, expected an array or an object)",
        ]
    );
    let counts = |records, rejected_records, bad_cells| Counts {
        records,
        rejected_records,
        bad_cells,
        twins: 0,
    };
    assert_eq!(decoded.counts, [counts(8, 0, 1), counts(8, 2, 0), counts(0, 0, 0)]);
}

#[test]
fn elements_of_an_array_become_rows() {
    let decoded = decode(
        &customers(),
        "customers",
        &[&[
            r#"{"id":1,"types":[{"id":10,"type":{"name":"a"}},null,{"id":"x"},{}],"seen":"1970-01-01T00:00:01Z"}"#,
            r#"{"types":[{"id":11}],"seen":"bad"}"#,
            r#"{"id":3,"types":[7,"k",[{"id":12}],{"id":13}],"seen":"bad"}"#,
            r#"{"id":4,"types":null}"#,
            r#"{"id":5,"types":true}"#,
            r#"{"id":6,"types":[{"id":14}],"types":[{"id":15}]}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(2),
        [
            ["1.0", "1000000", "10", "a"],
            ["1.0", "1000000", "-", "-"],
            ["1.0", "1000000", "-", "-"],
            ["3.0", "-", "13", "-"],
            ["6.0", "-", "15", "-"],
        ]
    );
    assert_eq!(
        decoded.rejects(),
        [
            "customers__types 1 type_id: x (not a number)",
            r#"customers - *: {"seen":"bad"} (the primary key's column `id` is missing)"#,
            "customers 3 seen: bad (not a date or time, expected such as 2026-01-31 or 2026-01-31T23:59:59Z)",
            r#"customers__types 3 *: {"customer_id":3,"seen":"bad"} (the element is a number, expected an object)"#,
            r#"customers__types 3 *: {"customer_id":3,"seen":"bad"} (the element is a string, expected an object)"#,
            r#"customers__types 3 *: {"customer_id":3,"seen":"bad"} (the element is an array, expected an object)"#,
            "customers 5 types: true (a boolean, expected an array or an object)",
        ]
    );
}

#[test]
fn elements_of_the_own_array_become_rows() {
    let pains = r#"
        endpoint = "/PainPoints"
        unnest = "pain.points"
        primary_key = ["lead", "pain"]
        [columns]
        lead  = { type = "int", path = "leadId", description = "." }
        pain  = { type = "int", path = ["painPointId", "id"], description = "." }
        value = { type = "text", path = "value", description = "." }
    "#;
    let decoded = decode(
        &source(&[("pains", pains)]),
        "pains",
        &[&[
            r#"{"leadId":1,"id":7,"value":"flat"}"#,
            r#"{"leadId":2,"painPointId":7,"value":"around","pain":{"points":[{"id":8,"value":"own"},null,{"id":"9"},{"id":10,"value":null}]}}"#,
            r#"{"leadId":3,"id":7,"pain":{"points":[]}}"#,
            r#"{"leadId":4,"id":7,"pain":{"points":null}}"#,
            r#"{"leadId":5,"UserKey":"k","pain":{"points":[{"value":"no id"},3]}}"#,
            r#"{"leadId":6,"id":7,"UserKey":"k","pain":{"points":{"id":8}}}"#,
        ]],
    );
    assert_eq!(
        decoded.rows(0),
        [
            ["1", "7", "flat"],
            ["2", "8", "own"],
            ["2", "9", "around"],
            ["2", "10", "around"],
            ["4", "7", "-"],
        ]
    );
    assert_eq!(
        decoded.rejects(),
        [
            r#"pains - *: {"lead":5,"value":"no id"} (the primary key's column `pain` is missing)"#,
            r#"pains - *: {"lead":5} (the element is a number, expected an object)"#,
            r#"pains 6,7 *: {"lead":6,"pain":7} (`pain.points` is an object, expected an array)"#,
        ]
    );
    assert_eq!(
        decoded.counts,
        [Counts {
            records: 8,
            rejected_records: 3,
            bad_cells: 0,
            twins: 0
        }]
    );
}
