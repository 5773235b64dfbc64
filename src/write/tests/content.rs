//! What is in a file, and what it says of itself.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;
use parquet::basic::Encoding;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Bench, ids};
use crate::error::Kind;
use crate::schema::arrow_schema;
use crate::store::{DataFile, data_file_version, hex};

#[test]
fn a_file_holds_what_was_written_and_says_what_it_is() {
    let bench = Bench::new("");
    let batches = [bench.batch(0..500), bench.batch(500..501), bench.batch([]), bench.batch(501..2_000)];
    let staged = bench.write(&batches);
    assert!(bench.objects().is_empty(), "staged files are invisible");
    let files = bench.publish(staged);
    assert_eq!(files.len(), 1);
    let file = &files[0];
    assert_eq!(bench.objects(), [format!("acme/deals/{}", file.path)]);
    assert_eq!(data_file_version(&file.path), Some(7));
    assert_eq!(bench.read(file), concat_batches(&arrow_schema(&bench.table), &batches).unwrap());

    let bytes = bench.bytes(file);
    assert_eq!((file.bytes, file.rows), (bytes.len() as u64, 2_000));
    assert_eq!(file.sha256, hex(&Sha256::digest(&bytes)));
    assert_eq!(file.partition, None);
    assert_eq!(json!(file.bounds.min), json!({"id": 0, "updated_at": "2026-01-01T00:00:00Z"}));
    assert_eq!(json!(file.bounds.max), json!({"id": 1_999, "updated_at": "2027-05-15T00:00:00Z"}));

    let reader = bench.open(file);
    assert_eq!(
        reader.schema().fields(),
        arrow_schema(&bench.table).fields(),
        "descriptions travel in the file"
    );
    assert_eq!(reader.schema().field(2).metadata()["references"], "deals.id");
    let about = reader.metadata().file_metadata();
    assert!(about.created_by().unwrap().starts_with("afluente version "));
    let notes = about.key_value_metadata().unwrap();
    for (key, value) in [("connection", "acme"), ("table", "deals"), ("version", "7"), ("run_id", "0197-run")] {
        let key = format!("afluente.{key}");
        let note = notes.iter().find(|note| note.key == key).unwrap();
        assert_eq!(note.value.as_deref(), Some(value));
    }
    assert_eq!(bench.budget.used(), 0);
}

#[test]
fn columns_get_the_statistics_filters_and_dictionaries_of_their_kind() {
    let bench = Bench::new("partition = { column = \"due\", by = \"year\" }");
    let files = bench.publish(bench.write(&[bench.batch((0..3_000).filter(|id| id % 500 < 300 && id % 10 != 9))]));
    assert_eq!(files.len(), 1);
    let reader = bench.open(&files[0]);
    let metadata = Arc::clone(reader.metadata());
    let group = metadata.row_group(0);
    let place = |name: &str| arrow_schema(&bench.table).index_of(name).unwrap();
    let column = |name: &str| group.column(place(name));
    for (name, paged, bloom, dictionary) in [
        ("id", true, true, false),
        ("name", false, false, false),
        ("stage", false, false, true),
        ("amount", false, false, false),
        ("won", false, false, false),
        ("due", true, false, true),
        ("updated_at", true, false, true),
        (EXPORTED, false, false, true),
    ] {
        assert!(column(name).statistics().unwrap().min_bytes_opt().is_some(), "{name}");
        assert_eq!(column(name).bloom_filter_offset().is_some(), bloom, "{name}");
        assert_eq!(
            column(name).encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY),
            dictionary,
            "{name}"
        );
        assert_eq!(column(name).column_index_range().is_some(), paged, "{name}");
        assert!(column(name).offset_index_range().is_some(), "{name}");
    }
    let bloom = reader.get_row_group_column_bloom_filter(0, place("id")).unwrap().unwrap();
    assert!((0..9_i64).all(|id| bloom.check(&id)));
    let passed = (10_000..20_000_i64).filter(|id| bloom.check(id)).count();
    assert!(passed < 600, "{passed} of 10,000 absent keys pass");
}

const EXPORTED: &str = crate::schema::EXPORTED_AT;

#[test]
fn rows_go_to_their_partitions_in_the_order_they_came() {
    let bench = Bench::new("partition = { column = \"due\", by = \"month\" }");
    let mut random = fastrand::Rng::with_seed(1);
    let mut all: Vec<i64> = (0..60_000).collect();
    random.shuffle(&mut all);
    let batches: Vec<RecordBatch> = all.chunks(1_000).map(|ids| bench.batch(ids.iter().copied())).collect();
    let files = bench.publish(bench.write(&batches));
    assert_eq!(files.len(), 18, "one file for each of 17 months and null");
    let mut seen = Vec::new();
    for file in &files {
        let partition = file.partition.as_ref().unwrap();
        assert_eq!(partition.name, "due_month");
        let expected = partition.value.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__");
        assert!(file.path.starts_with(&format!("due_month={expected}/part-7-")), "{}", file.path);
        let ids = ids(&bench.read(file));
        let of_partition = |id: &i64| bench.batch([*id]).column(5).is_null(0) == partition.value.is_none();
        assert!(ids.iter().all(of_partition));
        let here: HashSet<i64> = ids.iter().copied().collect();
        let order: Vec<i64> = all.iter().copied().filter(|id| here.contains(id)).collect();
        assert_eq!(ids, order, "rows keep their order");
        seen.extend(ids);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..60_000).collect::<Vec<_>>(), "no row is lost or doubled");
}

#[test]
fn an_order_is_claimed_only_where_it_holds() {
    let bench = Bench::new("");
    let sorted = |file: &DataFile| bench.open(file).metadata().row_group(0).sorting_columns().is_some();
    let files = bench.publish(bench.write(&[bench.batch(0..100), bench.batch(100..150)]));
    assert_eq!(files.len(), 1);
    let claim = bench.open(&files[0]).metadata().row_group(0).sorting_columns().unwrap()[0].clone();
    assert_eq!((claim.column_idx, claim.descending), (0, false));

    let files = bench.publish(bench.write(&[
        bench.batch(0..100),
        bench.batch(100..150),
        bench.batch(120..130),
        bench.batch(500..600),
    ]));
    assert_eq!(files.iter().map(&sorted).collect::<Vec<_>>(), [true, false]);
    assert_eq!(ids(&bench.read(&files[0])), (0..150).collect::<Vec<_>>());
    assert_eq!(ids(&bench.read(&files[1])), (120..130).chain(500..600).collect::<Vec<_>>());

    let files = bench.publish(bench.write(&[bench.batch((0..100).rev()), bench.batch(100..200)]));
    assert_eq!(files.iter().map(&sorted).collect::<Vec<_>>(), [false]);
    let files = bench.publish(bench.write(&[bench.batch(0..3), bench.batch(1..2)]));
    assert_eq!(files.len(), 1, "three rows prove no order");
}

#[test]
fn a_table_without_rows_has_one_file_outside_the_partitions() {
    let bench = Bench::new("partition = { column = \"due\", by = \"month\" }");
    assert!(bench.writer().finish().unwrap().is_empty());
    let mut writer = bench.writer();
    writer.write(&bench.batch([])).unwrap();
    writer.ensure_file().unwrap();
    writer.ensure_file().unwrap();
    let files = bench.publish(writer.finish().unwrap());
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].rows, files[0].partition.as_ref()), (0, None));
    assert!(files[0].path.starts_with("part-7-0-"));
    assert_eq!(bench.read(&files[0]).schema(), arrow_schema(&bench.table));

    let mut writer = bench.writer();
    writer.write(&bench.batch(0..1)).unwrap();
    writer.ensure_file().unwrap();
    assert_eq!(writer.rows(), 1);
    assert_eq!(bench.publish(writer.finish().unwrap())[0].rows, 1);
}

#[test]
fn a_batch_of_another_form_is_a_defect() {
    let bench = Bench::new("");
    let other = bench.batch(0..3).project(&[0, 1]).unwrap();
    assert_eq!(bench.writer().write(&other).unwrap_err().kind(), Kind::Defect);
}
