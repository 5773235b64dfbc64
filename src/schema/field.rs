//! Custom fields: how a vendor tells of those that an account has made, and the columns that they become.

use chrono_tz::Tz;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::column::{Column, ColumnPath, ColumnType, Origin, Step, one_or_many};
use super::personal::Personal;

/// A custom field as columns of a table. A table's fields are frozen in its manifest: what becomes of them at the vendor changes no column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// What names the field at the vendor for ever.
    pub key: String,
    /// What people call it there. It may change.
    pub name: String,
    /// One of the source's [`FieldType`]s.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it may hold several values.
    pub multiple: bool,
    /// The columns of its values, in the order of the files.
    pub columns: Vec<String>,
}

/// `[custom_fields]` of `source.toml`: how the vendor tells of its custom fields, and how it gives their values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomFields {
    /// The path that lists the fields, paged as the source's tables are.
    pub endpoint: String,
    /// Fixed query parameters of the list.
    #[serde(default)]
    pub params: IndexMap<String, String>,
    /// Member of a listed field: its key.
    pub key: String,
    /// Member: its name.
    pub name: String,
    /// Member: whose field it is. A table names this value as its `entity`.
    pub entity: String,
    /// Member: whether it may hold several values.
    pub multiple: String,
    /// Query parameters by which a table's records come with the values.
    pub expand: IndexMap<String, String>,
    /// Member of a record: the array of the values, an object for each field that has one.
    pub items: String,
    /// Member of such an object: the field's key.
    pub item_key: String,
    /// What a field can be; the first that fits counts.
    pub types: Vec<FieldType>,
}

/// A kind of custom field.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldType {
    /// Word for it, in the manifest and in messages.
    pub name: String,
    /// Path of the member of a listed field that tells the type; without one, every field is of this type.
    #[serde(default)]
    pub member: Option<String>,
    /// Its values for this type; any but null if there are none.
    #[serde(default)]
    pub values: Vec<String>,
    /// The columns of a field with one value.
    pub columns: Vec<FieldColumn>,
    /// Members of a value that stand, joined by commas, in the only column of a field with several.
    #[serde(deserialize_with = "one_or_many")]
    pub joined: Vec<String>,
}

/// A column of a custom field.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldColumn {
    /// Follows the field's name in the column's.
    #[serde(default)]
    pub suffix: String,
    /// The column's type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Members of a value: the first that is there and not null.
    #[serde(deserialize_with = "one_or_many")]
    pub value: Vec<String>,
    /// `table.column` that it is the key of. It is then no personal data of its own, as no key is.
    #[serde(default)]
    pub references: Option<String>,
}

impl CustomFields {
    /// The type of a listed field, of which this gives the members.
    pub fn kind_of<'v>(&self, member: impl Fn(&str) -> Option<&'v str>) -> Option<&FieldType> {
        let fits = |kind: &&FieldType| match &kind.member {
            None => true,
            Some(path) => member(path).is_some_and(|value| kind.values.is_empty() || kind.values.iter().any(|one| one == value)),
        };
        self.types.iter().find(fits)
    }

    /// The endings of the columns' names of a field: one for each column.
    pub fn suffixes(&self, kind: &str, multiple: bool) -> Vec<&str> {
        match self.kind(kind) {
            Some(kind) if !multiple => kind.columns.iter().map(|column| column.suffix.as_str()).collect(),
            _ => vec![""],
        }
    }

    /// Whether there is a type of this name.
    pub fn knows(&self, kind: &str) -> bool {
        self.kind(kind).is_some()
    }

    /// The columns of a field, named as it says; none of a type that is not declared.
    pub fn columns(&self, field: &Field, zone: Tz) -> Vec<Column> {
        let single;
        let columns: &[FieldColumn] = match self.kind(&field.kind) {
            None => &[],
            Some(kind) if field.multiple => {
                single = [FieldColumn {
                    suffix: String::new(),
                    kind: ColumnType::Text,
                    value: kind.joined.clone(),
                    references: None,
                }];
                &single
            }
            Some(kind) => &kind.columns,
        };
        let path = |value: &String| {
            let key = (self.item_key.clone(), field.key.clone());
            ColumnPath(vec![
                Step::Member(self.items.clone()),
                Step::Where(key.0, key.1),
                Step::Member(value.clone()),
            ])
        };
        let column = |(name, column): (&String, &FieldColumn)| Column {
            description: format!("Campo personalizado \u{201c}{}\u{201d}.", field.name),
            references: column.references.clone(),
            zone,
            // What it holds the account alone knows, unless its name says so.
            personal: match column.references {
                Some(_) => None,
                None => Some(Personal::suggested_by(&field.name).unwrap_or(Personal::Custom)),
            },
            ..Column::of(name, column.kind, Origin::Path(column.value.iter().map(path).collect()))
        };
        field.columns.iter().zip(columns).map(column).collect()
    }

    fn kind(&self, name: &str) -> Option<&FieldType> {
        self.types.iter().find(|kind| kind.name == name)
    }
}

/// `custom_fields` of `<table>.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldsOf {
    /// The value of [`CustomFields::entity`] that names the table's fields.
    pub entity: String,
}
