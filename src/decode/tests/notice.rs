//! What a read as a whole shows of its columns.

use super::*;

const TABLES: &[(&str, &str)] = &[
    (
        "deals",
        r#"
        endpoint = "/deals"
        primary_key = ["id"]
        [columns]
        id     = { type = "int", path = "id", description = "D." }
        name   = { type = "text", path = "Name", description = "D." }
        amount = { type = "float", path = "amount", description = "D." }
        sdr_id = { type = "int", path = "sdr.id", description = "D." }
        either = { type = "text", path = ["a.b", "c"], description = "D." }
        tags   = { type = "text", path = "tags[].name", description = "D." }
        "#,
    ),
    (
        "deals__items",
        r#"
        explode = { table = "deals", path = "items" }
        [columns]
        deal = { type = "int", parent = "id", references = "deals.id", description = "D." }
        deal_name = { type = "text", parent = "name", description = "D." }
        sku  = { type = "text", path = "sku", description = "D." }
        unit = { type = "text", path = "unit.name", description = "D." }
        "#,
    ),
];

fn noticed(pages: &[&[&str]]) -> Vec<Noticed> {
    let source = source(TABLES);
    let mut decoder = Decoder::new(&source, &source.tables["deals"], EXPORTED_AT).unwrap();
    for (at, records) in pages.iter().enumerate() {
        decoder.decode(&page(records)).unwrap();
        // Wherever a batch ends.
        if at % 2 == 1 {
            decoder.finish().unwrap();
        }
    }
    decoder.finish().unwrap();
    decoder.noticed()
}

#[test]
fn a_member_is_absent_where_no_record_has_it_and_one_could() {
    let whole = r#"{"id":1,"name":"x","amount":null,"sdr":{"id":null},"c":null,"tags":[],"items":[{"sku":"s","unit":{"name":"kg"}}]}"#;
    let nested_null = r#"{"id":2,"name":null,"amount":1,"sdr":null,"a":null,"c":"","tags":null,"items":[{"sku":null,"unit":null}]}"#;
    let renamed = r#"{"id":3,"title":"x","value":1,"sdr":{"key":1},"a":{"x":1},"labels":[],"items":[{"code":"s","unit":{"title":"kg"}}]}"#;
    let without_parents = r#"{"id":4,"title":"x","value":1,"sdr":null,"a":null,"labels":[],"items":[{"code":"s","unit":null}]}"#;
    for (pages, deals, items) in [
        (&[&[whole][..]][..], &[][..], &[][..]),
        (&[&[nested_null]], &[], &[]),
        (&[&[renamed]], &["name", "amount", "sdr_id", "either", "tags"], &["sku", "unit"]),
        // What should have held it was null each time, or one of the paths could not be followed.
        (&[&[without_parents]], &["name", "amount", "tags"], &["sku"]),
        // One record is enough, wherever it is.
        (&[&[renamed, renamed], &[renamed], &[whole], &[renamed]], &[], &[]),
        (&[&[renamed], &[nested_null], &[renamed]], &["sdr_id"], &["unit"]),
        // No rows show nothing.
        (&[&[]], &[], &[]),
        // A key that is gone leaves no rows; the rejects tell of it.
        (&[&[r#"{"code":1}"#]], &["id", "name", "amount", "sdr_id", "either", "tags"], &[]),
    ] {
        let noticed = noticed(pages);
        assert_eq!(noticed[0].absent, deals, "{pages:?}");
        assert_eq!(noticed[1].absent, items, "{pages:?}");
    }
    assert_eq!(noticed(&[&[r#"{"code":1}"#]])[0].rows, 0);
    assert_eq!((noticed(&[&[whole], &[renamed]])[0].rows, noticed(&[&[whole]])[1].rows), (2, 1));
}

#[test]
fn a_column_is_bad_where_it_had_values_and_none_was_good() {
    let (good, null) = (r#"{"id":1,"amount":1}"#, r#"{"id":2,"amount":null}"#);
    let (bad, bad_in_two) = (r#"{"id":3,"amount":"x"}"#, r#"{"id":4,"amount":"x","sdr":{"id":1.5}}"#);
    for (pages, expected) in [
        (&[&[good, null][..]][..], &[][..]),
        (&[&[null]], &[]),
        (&[&[bad, null], &[bad]], &["amount"]),
        (&[&[bad_in_two], &[bad]], &["amount", "sdr_id"]),
        (&[&[bad_in_two], &[good]], &["sdr_id"]),
        (&[&[good], &[null], &[bad]], &[]),
    ] {
        assert_eq!(noticed(pages)[0].bad, expected, "{pages:?}");
    }
}

#[test]
fn columns_of_custom_fields_are_never_absent() {
    let source = source(&[(
        "deals",
        r#"
        endpoint = "/deals"
        primary_key = ["id"]
        [columns]
        id   = { type = "int", path = "id", description = "D." }
        size = { type = "text", path = "others[key=size].value", description = "D." }
        "#,
    )]);
    let mut decoder = Decoder::new(&source, &source.tables["deals"], EXPORTED_AT).unwrap();
    decoder
        .decode(&page(&[r#"{"id":1,"others":[{"key":"x","value":1}]}"#, r#"{"id":2}"#]))
        .unwrap();
    decoder.finish().unwrap();
    assert_eq!(
        decoder.noticed()[0],
        Noticed {
            rows: 2,
            ..Noticed::default()
        }
    );
}
