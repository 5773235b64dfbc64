//! The types of custom fields, and the words in which a change of one is asked for.

use serde::Deserialize;

/// The type of a custom field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Short text.
    String,
    /// Long text.
    BigString,
    /// A whole number.
    Integer,
    /// A number.
    Decimal,
    /// A number that is money.
    Money,
    /// A moment.
    DateTime,
    /// Yes or no.
    Bool,
    /// One of a list of options.
    Option,
    /// Any number of a list of options.
    Options,
    /// A user of the account.
    User,
    /// Any number of users.
    Users,
    /// A company or person.
    Contact,
    /// A product.
    Product,
    /// A file.
    Attachment,
}

/// What of a type `/Fields` tells.
pub(super) struct Told {
    pub id: u64,
    pub name: &'static str,
    /// The member of an item that holds the value, without its `Value`; links have one of their own beside it.
    pub native: &'static str,
    /// The entity that a link leads to.
    pub leads_to: Option<u64>,
}

/// The types in turn, for fields beyond those with a name of their own.
pub(super) const TURN: [FieldKind; 14] = [
    FieldKind::String,
    FieldKind::BigString,
    FieldKind::Integer,
    FieldKind::Decimal,
    FieldKind::Money,
    FieldKind::DateTime,
    FieldKind::Bool,
    FieldKind::Option,
    FieldKind::Options,
    FieldKind::User,
    FieldKind::Users,
    FieldKind::Contact,
    FieldKind::Product,
    FieldKind::Attachment,
];

impl FieldKind {
    /// Whether a row holds several values, each in an item of its own.
    pub(super) fn is_multiple(self) -> bool {
        matches!(self, FieldKind::Options | FieldKind::Users)
    }

    /// Whether the values are options of a list.
    pub(super) fn has_options(self) -> bool {
        matches!(self, FieldKind::Option | FieldKind::Options)
    }

    /// The type ids are made up but for the 7 of options: the published lists disagree.
    pub(super) fn told(self) -> Told {
        let (id, name, native, leads_to) = match self {
            FieldKind::String => (1, "Texto", "String", None),
            FieldKind::BigString => (2, "Texto longo", "BigString", None),
            FieldKind::Integer => (4, "Número inteiro", "Integer", None),
            FieldKind::Decimal => (5, "Número decimal", "Decimal", None),
            FieldKind::Money => (6, "Moeda", "Decimal", None),
            FieldKind::Option | FieldKind::Options => (7, "Opções", "Integer", None),
            FieldKind::DateTime => (8, "Data e hora", "DateTime", None),
            FieldKind::User | FieldKind::Users => (9, "Usuário", "Integer", Some(24)),
            FieldKind::Bool => (10, "Sim/Não", "Bool", None),
            FieldKind::Contact => (11, "Cliente", "Integer", Some(1)),
            FieldKind::Product => (12, "Produto", "Integer", Some(10)),
            FieldKind::Attachment => (20, "Anexo", "Integer", None),
        };
        Told {
            id,
            name,
            native,
            leads_to,
        }
    }
}

/// Names a custom field of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum FieldRef {
    /// Its place among the custom fields that the entity ever had, from 0.
    Place(u64),
    /// Its key.
    Key(String),
}

/// A change of the account's custom fields. Rows show it at once; no row's time of its last change moves. Entities have the vendor's
/// numbers: 1 contacts, 2 deals, 4 orders, 7 quotes, 10 products, 14 products of quotes, 20 products of orders.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum FieldChange {
    /// A new field, which some rows hold at once.
    Add {
        /// The entity that gets it.
        entity: u64,
        /// What it is called.
        name: String,
        /// Its type.
        #[serde(rename = "type")]
        kind: FieldKind,
    },
    /// Another name; the key stays.
    Rename {
        /// The field's entity.
        entity: u64,
        /// The field.
        field: FieldRef,
        /// What it is called from now on.
        name: String,
    },
    /// The field goes, and its values with it.
    Remove {
        /// The field's entity.
        entity: u64,
        /// The field.
        field: FieldRef,
    },
    /// Another type and other values; key and name stay.
    Retype {
        /// The field's entity.
        entity: u64,
        /// The field.
        field: FieldRef,
        /// Its type from now on.
        #[serde(rename = "type")]
        kind: FieldKind,
    },
    /// Another text of one option of the field's list, in every row that chose it.
    RenameOption {
        /// The field's entity.
        entity: u64,
        /// The field.
        field: FieldRef,
        /// The option's place in the list, from 0.
        #[serde(default)]
        option: usize,
        /// The option's text from now on.
        name: String,
    },
    /// From now on the vendor refuses the custom fields of a table (`ploomes.deals`), or with `ploomes.fields` the list of all.
    Refuse {
        /// The table.
        table: String,
        /// The status of the refusal: 403 or 400.
        #[serde(default = "forbidden")]
        status: u16,
    },
    /// Ends a refusal.
    Allow {
        /// The table.
        table: String,
    },
}

fn forbidden() -> u16 {
    403
}
