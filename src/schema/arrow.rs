//! A table as an Arrow schema. Descriptions, references and documented types travel in the field metadata, so they are inside every Parquet file.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::column::ColumnType;
use super::table::Table;

/// The column that every table has, last: when the run that read the row began.
pub const EXPORTED_AT: &str = "_exported_at";

/// The schema of a table's data files.
///
/// | documented | Arrow |
/// |---|---|
/// | text | Utf8 |
/// | int | Int64 |
/// | float | Float64 |
/// | boolean | Boolean |
/// | timestamp | Timestamp(µs, UTC) |
/// | date | Date32 |
///
/// Columns of custom fields say in their metadata whose they are: `field_key`, `field_name`, `field_type`. Columns of the primary key, unless it may be null there, and
/// `_exported_at` are not null; the others are nullable.
pub fn arrow_schema(table: &Table) -> SchemaRef {
    let mut fields: Vec<Field> = table
        .columns
        .iter()
        .map(|column| {
            let mut metadata = HashMap::from([
                ("description".to_owned(), column.description.clone()),
                ("documented_type".to_owned(), column.kind.name().to_owned()),
            ]);
            if let Some(personal) = column.personal {
                metadata.insert("personal".to_owned(), personal.name().to_owned());
            }
            if let Some(treatment) = &column.treatment {
                metadata.insert("policy".to_owned(), treatment.policy.name().to_owned());
            }
            if let Some(field) = table.fields.iter().find(|field| field.columns.contains(&column.name)) {
                metadata.insert("field_key".to_owned(), field.key.clone());
                metadata.insert("field_name".to_owned(), field.name.clone());
                metadata.insert("field_type".to_owned(), field.kind.clone());
            }
            if let Some(references) = &column.references {
                metadata.insert("references".to_owned(), references.clone());
            }
            Field::new(&column.name, data_type(column.kind), !table.requires(&column.name)).with_metadata(metadata)
        })
        .collect();
    fields.push(
        Field::new(EXPORTED_AT, data_type(ColumnType::Timestamp), false).with_metadata(HashMap::from([(
            "description".to_owned(),
            "Momento em que começou a execução que leu a linha.".to_owned(),
        )])),
    );
    Arc::new(Schema::new(fields))
}

fn data_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Int => DataType::Int64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Date => DataType::Date32,
    }
}
