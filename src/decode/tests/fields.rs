//! The values of custom fields, chosen from an array by their keys.

use super::*;
use crate::schema::Field;

const TABLE: &str = r#"
    endpoint = "/deals"
    primary_key = ["id"]
    [columns]
    id     = { type = "int", path = "Id", description = "." }
    number = { type = "int", path = "Values[Key=a].Number", description = "." }
    name   = { type = "text", path = ["Values[Key=b].Name", "Values[Key=b].Number"], description = "." }
"#;

fn rows(values: &str) -> Decoded {
    let record = format!(r#"{{"Id":1{values}}}"#);
    decode(&source(&[("deals", TABLE)]), "deals", &[&[&record]])
}

/// | values | number, name |
#[test]
fn elements_are_chosen_by_their_key_and_each_gives_what_it_has() {
    for (values, expected) in [
        ("", ["-", "-"]),
        (r#","Values":null"#, ["-", "-"]),
        (r#","Values":[]"#, ["-", "-"]),
        (r#","Values":[{"Key":"a","Number":7},{"Key":"b","Name":"x"}]"#, ["7", "x"]),
        (r#","Values":[{"Key":"b","Name":null,"Number":3}]"#, ["-", "3"]),
        // Of several values one has a name, the other but a number: neither vanishes.
        (
            r#","Values":[{"Key":"b","Name":"x"},{"Key":"b","Number":3},{"Key":"b"}]"#,
            ["-", "x,3"],
        ),
    ] {
        let decoded = rows(values);
        assert_eq!(decoded.rows(0), [["1", expected[0], expected[1]]], "{values}");
        assert_eq!(decoded.rejects(), [""; 0], "{values}");
    }
}

#[test]
fn what_is_no_array_is_a_bad_cell_of_each_column() {
    let decoded = rows(r#","Values":{"Key":"a","Number":7}"#);
    assert_eq!(decoded.rows(0), [["1", "-", "-"]]);
    assert_eq!(decoded.counts[0].bad_cells, 2);
}

#[test]
fn a_page_without_what_was_asked_for_is_no_page_of_nulls() {
    let catalog = Catalog::embedded().unwrap();
    let source = catalog.source("ploomes").unwrap();
    let custom = source.custom_fields.as_ref().unwrap();
    let field = Field {
        key: "deal_1".to_owned(),
        name: "Cor".to_owned(),
        kind: "text".to_owned(),
        multiple: false,
        columns: vec!["cor".to_owned()],
    };
    let mut table = source.tables["deals"].clone();
    table.columns.extend(custom.columns(&field, source.timezone));
    let page = |table: &Table, records: &[&str]| Decoder::new(source, table, EXPORTED_AT).unwrap().decode(&page(records));
    let without = [r#"{"Id":1}"#, r#"{"Id":2}"#];
    page(&table, &without).unwrap();
    table.fields = vec![field];
    let error = page(&table, &without).unwrap_err();
    assert_eq!(error.kind(), error::Kind::Data);
    assert!(
        error.message().contains("none of the 2 records of a page has `OtherProperties`"),
        "{error}"
    );
    page(&table, &[r#"{"Id":1}"#, r#"{"Id":2,"OtherProperties":[]}"#]).unwrap();
    page(&table, &[]).unwrap();
}
