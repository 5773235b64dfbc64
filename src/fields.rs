//! A table's custom fields held against those that the vendor tells of: what is new, renamed, gone, and the columns that new ones get.
//!
//! A field is known by its key. What was once a column stays one, under its name and with its type, whatever becomes of the field.

use std::collections::HashSet;

use serde::Serialize;

use crate::schema::{CustomFields, EXPORTED_AT, Field, Table, unaccented};

/// Longest name that a field gives its columns, in characters, without what keeps it apart from others.
const LONGEST_NAME: usize = 60;

/// A custom field as the vendor tells of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What names it for ever.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Whose it is: the table's `entity`.
    pub entity: String,
    /// One of the source's field types.
    pub kind: String,
    /// Whether it may hold several values.
    pub multiple: bool,
}

/// How a field of the lake and the vendor's go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has columns.
    Exported,
    /// It has columns, named as it was called then.
    Renamed,
    /// It has columns, of the type that it was then: they are null for what is read now.
    Retyped,
    /// It has no columns.
    New,
    /// It has columns, and is not at the vendor any more: they are null for what is read now.
    Gone,
}

impl State {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::Renamed => "renamed",
            Self::Retyped => "retyped",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

/// Each field of a table, those of the lake first, in the order of their columns; and how it goes together with the vendor's.
pub fn compare(exported: &[Field], listed: &[Listed]) -> Vec<(Field, State)> {
    let mut compared: Vec<(Field, State)> = exported
        .iter()
        .map(|field| (field.clone(), state(field, exported, listed)))
        .collect();
    let is_new = |one: &&Listed| !exported.iter().any(|field| field.key == one.key);
    compared.extend(listed.iter().filter(is_new).map(|one| (one.field(Vec::new()), State::New)));
    compared
}

/// The fields of a table after what is new at the vendor was taken in: columns that are there stay, a field that is new or has another type gets columns behind them.
pub fn synchronise(exported: &[Field], listed: &[Listed], declared: &Table, custom: &CustomFields) -> Vec<Field> {
    let mut taken = taken(declared);
    taken.extend(exported.iter().flat_map(|field| field.columns.iter().cloned()));
    let mut fields = exported.to_vec();
    for one in listed {
        let last = fields.iter_mut().rfind(|field| field.key == one.key);
        match last {
            Some(field) if one.is_of_type(field) => field.name.clone_from(&one.name),
            _ => {
                let columns = columns(&one.name, &custom.suffixes(&one.kind, one.multiple), &taken);
                taken.extend(columns.iter().cloned());
                fields.push(one.field(columns));
            }
        }
    }
    fields
}

/// The fields with columns apart from the documented ones. One is documented under a name that a field's column has when a later version of the declarations brings it.
pub fn apart(exported: &[Field], declared: &Table, custom: &CustomFields) -> Vec<Field> {
    let documented = taken(declared);
    let mut taken = documented.clone();
    taken.extend(exported.iter().flat_map(|field| field.columns.iter().cloned()));
    let mut fields = exported.to_vec();
    for field in &mut fields {
        if field.columns.iter().any(|column| documented.contains(column)) {
            field.columns = columns(&field.name, &custom.suffixes(&field.kind, field.multiple), &taken);
            taken.extend(field.columns.iter().cloned());
        }
    }
    fields
}

/// Names that no field's column may have.
fn taken(declared: &Table) -> HashSet<String> {
    let mut taken: HashSet<String> = declared.columns.iter().map(|column| column.name.to_lowercase()).collect();
    taken.extend(declared.dropped.iter().map(|name| name.to_lowercase()));
    taken.insert(EXPORTED_AT.to_owned());
    // Readers take the folders for a column, and would hide one of that name.
    taken.extend(declared.partition.iter().map(|partition| partition.name().to_lowercase()));
    taken
}

impl Listed {
    fn field(&self, columns: Vec<String>) -> Field {
        Field {
            key: self.key.clone(),
            name: self.name.clone(),
            kind: self.kind.clone(),
            multiple: self.multiple,
            columns,
        }
    }

    fn is_of_type(&self, field: &Field) -> bool {
        (&self.kind, self.multiple) == (&field.kind, field.multiple)
    }
}

/// Whether the vendor's values of a field belong into its columns: they are the last that it got, and it has not become of another type since. Without the vendor's list
/// the former alone tells. A value of another type may stand in the same member, as an option's number does where a whole number did.
pub fn is_read(field: &Field, exported: &[Field], listed: &[Listed]) -> bool {
    let same = listed.iter().find(|one| one.key == field.key);
    is_last(field, exported) && same.is_none_or(|one| one.is_of_type(field))
}

fn state(field: &Field, exported: &[Field], listed: &[Listed]) -> State {
    let is_last = is_last(field, exported);
    match listed.iter().find(|one| one.key == field.key) {
        Some(one) if is_last && !one.is_of_type(field) => State::Retyped,
        Some(one) if is_last && one.name != field.name => State::Renamed,
        Some(_) if is_last => State::Exported,
        _ => State::Gone,
    }
}

/// Of the columns that a field has had of several types, the last are its own.
fn is_last(field: &Field, exported: &[Field]) -> bool {
    let last = exported.iter().rfind(|other| other.key == field.key);
    last.is_some_and(|last| last.columns == field.columns)
}

/// Names for the columns of a field, none of which is taken: `<name><suffix>`, or `<name>_2<suffix>` and so on.
fn columns(name: &str, suffixes: &[&str], taken: &HashSet<String>) -> Vec<String> {
    let name = words(name);
    let mut number = 1;
    loop {
        let base = if number == 1 { name.clone() } else { format!("{name}_{number}") };
        let columns: Vec<String> = suffixes.iter().map(|suffix| format!("{base}{suffix}")).collect();
        if !columns.iter().any(|column| taken.contains(column)) {
            return columns;
        }
        number += 1;
    }
}

/// A field's name as lower-case ASCII words joined by `_`.
///
/// | name | words |
/// |---|---|
/// | `Região de Atuação` | `regiao_de_atuacao` |
/// | `E-mail (NF-e)` | `e_mail_nf_e` |
/// | `  Nº  do contrato ` | `n_do_contrato` |
/// | `2º telefone` | `field_2_telefone` |
/// | `!!!`, `🙂`, the empty text | `field` |
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match unaccented(c) {
            "" if c.is_ascii_alphanumeric() => words.push(c),
            // The mark of an accent that was written apart.
            "" if ('\u{300}'..='\u{36f}').contains(&c) => {}
            "" if words.is_empty() || words.ends_with('_') => {}
            "" => words.push('_'),
            letters => words.push_str(letters),
        }
    }
    words.truncate(LONGEST_NAME);
    let words = words.trim_end_matches('_');
    match words.chars().next() {
        None => "field".to_owned(),
        Some('0'..='9') => format!("field_{words}"),
        Some(_) => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Catalog;

    fn listed(key: &str, name: &str, kind: &str, multiple: bool) -> Listed {
        Listed {
            key: key.to_owned(),
            name: name.to_owned(),
            entity: "2".to_owned(),
            kind: kind.to_owned(),
            multiple,
        }
    }

    /// The fields of `deals` after each of these lists, from none on.
    fn synchronised(lists: &[&[Listed]]) -> Vec<Field> {
        let catalog = Catalog::embedded().unwrap();
        let source = catalog.source("ploomes").unwrap();
        let custom = source.custom_fields.as_ref().unwrap();
        let next = |fields: Vec<Field>, listed: &&[Listed]| synchronise(&fields, listed, &source.tables["deals"], custom);
        lists.iter().fold(Vec::new(), next)
    }

    fn columns_of(fields: &[Field]) -> Vec<String> {
        fields
            .iter()
            .map(|field| format!("{}: {}", field.key, field.columns.join(" ")))
            .collect()
    }

    #[test]
    fn a_column_that_is_documented_now_is_a_fields_no_more() {
        let fields = synchronised(&[&[
            listed("a", "Canais", "text", false),
            listed("b", "Região", "option", false),
            listed("c", "Cor", "text", false),
        ]]);
        let catalog = Catalog::embedded().unwrap();
        let source = catalog.source("ploomes").unwrap();
        let custom = source.custom_fields.as_ref().unwrap();
        let mut deals = source.tables["deals"].clone();
        assert_eq!(apart(&fields, &deals, custom), fields);
        for name in ["canais", "regiao_id"] {
            let column = deals.columns[0].clone();
            deals.columns.push(crate::schema::Column {
                name: name.to_owned(),
                ..column
            });
        }
        let apart = apart(&fields, &deals, custom);
        assert_eq!(columns_of(&apart), ["a: canais_2", "b: regiao_2_val regiao_2_id", "c: cor"]);
        assert_eq!(synchronise(&apart, &[], &deals, custom), apart);
    }

    #[test]
    fn words_follow_their_table() {
        for (name, expected) in [
            ("Região de Atuação", "regiao_de_atuacao"),
            ("E-mail (NF-e)", "e_mail_nf_e"),
            ("  Nº  do contrato ", "n_do_contrato"),
            ("2º telefone", "field_2_telefone"),
            ("!!!", "field"),
            ("🙂", "field"),
            ("", "field"),
            ("Ac\u{327}a\u{303}o", "acao"),
            ("ÀÇÃO", "acao"),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
        assert_eq!(words(&"ab ".repeat(40)), format!("{}ab", "ab_".repeat(19)));
    }

    #[test]
    fn columns_are_apart_from_the_documented_ones_and_from_each_other() {
        let fields = synchronised(&[&[
            listed("a", "Região", "option", false),
            listed("b", "Região id", "text", false),
            listed("c", "região", "text", false),
            listed("d", "Título", "text", false),
            listed("e", "Title", "text", false),
            listed("f", "Região", "option", false),
            listed("g", "Canais", "option", true),
            listed("h", " exported at", "boolean", false),
        ]]);
        let expected = [
            "a: regiao_val regiao_id",
            "b: regiao_id_2",
            "c: regiao",
            "d: titulo",
            "e: title_2",
            "f: regiao_2_val regiao_2_id",
            "g: canais",
            "h: exported_at",
        ];
        assert_eq!(columns_of(&fields), expected);
    }

    #[test]
    fn values_of_another_type_belong_into_no_column() {
        let read =
            |fields: &[Field], listed: &[Listed]| -> Vec<bool> { fields.iter().map(|field| is_read(field, fields, listed)).collect() };
        let before = [listed("a", "Um", "int", false), listed("b", "Dois", "option", false)];
        let now = [listed("a", "Um", "option", false), listed("b", "Novo", "option", false)];
        let fields = synchronised(&[&before]);
        assert_eq!(read(&fields, &before), [true, true]);
        assert_eq!(read(&fields, &now), [false, true]);
        // What is gone has no values; the vendor's word for it is not needed.
        assert_eq!(read(&fields, &[]), [true, true]);
        let fields = synchronised(&[&before, &now]);
        assert_eq!(read(&fields, &now), [false, true, true]);
        assert_eq!(read(&fields, &[]), [false, true, true]);
    }

    #[test]
    fn no_column_is_named_as_the_folders_are() {
        let catalog = Catalog::embedded().unwrap();
        let source = catalog.source("ploomes").unwrap();
        let orders = &source.tables["orders"];
        assert_eq!(orders.partition.as_ref().unwrap().name(), "date_year");
        let fields = synchronise(
            &[],
            &[listed("a", "Date year", "int", false)],
            orders,
            source.custom_fields.as_ref().unwrap(),
        );
        assert_eq!(columns_of(&fields), ["a: date_year_2"]);
    }

    #[test]
    fn what_was_once_a_column_stays_one() {
        let before = [
            listed("a", "Um", "text", false),
            listed("b", "Dois", "int", false),
            listed("c", "Três", "text", false),
        ];
        let now = [
            listed("d", "Quatro", "user", false),
            listed("a", "Primeiro", "text", false),
            listed("b", "Dois", "text", false),
        ];
        let fields = synchronised(&[&before]);
        let states = |fields: &[Field]| -> Vec<String> {
            let compared = compare(fields, &now).into_iter();
            compared.map(|(field, state)| format!("{} {}", field.key, state.name())).collect()
        };
        assert_eq!(states(&fields), ["a renamed", "b retyped", "c gone", "d new"]);

        let fields = synchronised(&[&before, &now]);
        assert_eq!(
            columns_of(&fields),
            ["a: um", "b: dois", "c: tres", "d: quatro_id quatro_name", "b: dois_2"]
        );
        assert_eq!(states(&fields), ["a exported", "b gone", "c gone", "d exported", "b exported"]);
        assert_eq!(synchronised(&[&before, &now, &now]), fields);
    }
}
