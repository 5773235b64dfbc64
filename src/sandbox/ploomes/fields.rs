//! The custom fields of the account: which there are, how they change while it lives, and `/Fields`, which lists them. No documented
//! table, so not counted; it is there for a client that discovers the fields before it reads `OtherProperties`.

use std::collections::BTreeMap;

use super::kinds::{FieldChange, FieldKind, FieldRef, TURN};
use super::names::{LISTED, NATIVE, OPTIONS};
use super::row::{expanded, ids};
use crate::sandbox::json::Object;
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::world::{World, mix};

pub(super) static FIELDS: Set = Set {
    table: "ploomes.fields",
    path: "Fields",
    rows: |world| world.fields.seeded,
    id: ids("ploomes.fields", FIRST_ID, 1),
    time: None,
    names: &[],
    write: field,
};

const FIRST_ID: u64 = 77_000;

/// An entity that has custom fields.
#[derive(Debug)]
pub(super) struct Entity {
    id: u64,
    /// The member in which its items name their owner.
    pub owner: &'static str,
    /// How the keys of its fields begin.
    prefix: &'static str,
    table: &'static str,
}

const fn entity(id: u64, owner: &'static str, prefix: &'static str, table: &'static str) -> Entity {
    Entity { id, owner, prefix, table }
}

pub(super) static CONTACT: Entity = entity(1, "ContactId", "contact", "ploomes.contacts");
pub(super) static DEAL: Entity = entity(2, "DealId", "deal", "ploomes.deals");
pub(super) static ORDER: Entity = entity(4, "OrderId", "order", "ploomes.orders");
pub(super) static QUOTE: Entity = entity(7, "QuoteId", "quote", "ploomes.quotes");
pub(super) static PRODUCT: Entity = entity(10, "ProductId", "product", "ploomes.products");
pub(super) static QUOTE_PRODUCT: Entity = entity(14, "QuoteProductId", "quote_product", "ploomes.quotes_products");
pub(super) static ORDER_PRODUCT: Entity = entity(20, "OrderProductId", "order_product", "ploomes.orders_products");

impl Entity {
    /// The key of a field of it.
    pub(super) fn key(&self, end: &str) -> String {
        format!("{}_{end}", self.prefix)
    }
}

static ENTITIES: [&Entity; 7] = [&CONTACT, &DEAL, &ORDER, &QUOTE, &PRODUCT, &QUOTE_PRODUCT, &ORDER_PRODUCT];

/// All fields of the account, and what the vendor refuses to tell of them.
#[derive(Debug)]
pub(crate) struct Fields {
    /// Fields of the seed; their rows come first.
    seeded: u64,
    /// By row of `/Fields`; a field that was removed keeps its place.
    all: Vec<Field>,
    /// The status of the refusal, by table.
    refused: BTreeMap<&'static str, u16>,
}

/// One field.
#[derive(Debug)]
pub(super) struct Field {
    pub row: u64,
    pub entity: &'static Entity,
    pub key: String,
    pub kind: FieldKind,
    name: String,
    /// The member of the record, of a field that is not custom.
    property: Option<&'static str>,
    options: Vec<String>,
    removed: bool,
}

impl Fields {
    /// So many custom fields of every entity.
    pub(crate) fn of(each: u64) -> Fields {
        let mut fields = Fields {
            seeded: 0,
            all: Vec::new(),
            refused: BTreeMap::new(),
        };
        for entity in ENTITIES {
            for place in 0..each {
                let listed = usize::try_from(place).ok().and_then(|place| LISTED.get(place)).copied();
                let at = usize::try_from(place).unwrap_or(0) % TURN.len();
                let (name, kind) = listed.map_or_else(
                    || (format!("Campo {}", place + 1), TURN[at]),
                    |(name, kind)| (name.to_owned(), kind),
                );
                fields.put(entity, name, kind, None);
            }
        }
        for (id, key, name, property, kind) in NATIVE {
            if let Some(entity) = ENTITIES.into_iter().find(|entity| entity.id == id) {
                fields.put(entity, name.to_owned(), kind, Some((key, property)));
            }
        }
        fields.seeded = fields.all.len() as u64;
        fields
    }

    /// The custom fields that an entity has now.
    pub(super) fn custom(&self, entity: &Entity) -> impl Iterator<Item = &Field> {
        let here = move |field: &&Field| field.entity.id == entity.id && field.property.is_none() && !field.removed;
        self.all.iter().filter(here)
    }

    /// The status with which the vendor refuses the custom fields of a table.
    pub(super) fn refusal(&self, table: &str) -> Option<u16> {
        self.refused.get(table).copied()
    }

    fn put(&mut self, entity: &'static Entity, name: String, kind: FieldKind, native: Option<(&str, &'static str)>) -> u64 {
        let row = self.all.len() as u64;
        let number = FIRST_ID + row;
        let key = match native {
            Some((key, _)) => entity.key(key),
            None => entity.key(&format!("{number:08X}-0000-4000-8000-0000{number:08X}")),
        };
        self.all.push(Field {
            row,
            entity,
            key,
            kind,
            name,
            property: native.map(|(_, property)| property),
            options: OPTIONS.iter().map(|&option| option.to_owned()).collect(),
            removed: false,
        });
        row
    }

    fn find(&mut self, entity: u64, wanted: &FieldRef) -> Result<&mut Field, String> {
        let custom = |field: &&mut Field| field.entity.id == entity && field.property.is_none();
        let mut fields = self.all.iter_mut().filter(custom);
        let found = match wanted {
            FieldRef::Place(place) => usize::try_from(*place).ok().and_then(|place| fields.nth(place)),
            FieldRef::Key(key) => fields.find(|field| field.key == *key),
        };
        let live = found.filter(|field| !field.removed);
        live.ok_or_else(|| format!("entity {entity} has no custom field {wanted:?}"))
    }

    fn refuse(&mut self, table: &str, status: Option<u16>) -> Result<(), String> {
        let tables = || ENTITIES.iter().map(|entity| entity.table).chain([FIELDS.table]);
        let Some(table) = tables().find(|known| *known == table) else {
            let known: Vec<&str> = tables().collect();
            return Err(format!(
                "`{table}` has no custom fields to refuse; expected one of {}",
                known.join(", ")
            ));
        };
        match status {
            None => self.refused.remove(table),
            Some(status @ (400 | 403)) => self.refused.insert(table, status),
            Some(status) => return Err(format!("`{table}` cannot be refused with {status}: expected 403 or 400")),
        };
        Ok(())
    }
}

impl Field {
    /// What `/Fields` calls its id.
    pub(super) fn id(&self) -> u64 {
        FIRST_ID + self.row
    }

    /// In how many of 100 rows it has a value.
    pub(super) fn share(&self) -> u64 {
        15 + mix(self.row) % 35
    }

    /// The list that its options are in.
    fn options_table(&self) -> u64 {
        30 + self.row
    }

    /// Id and text of an option.
    pub(super) fn option(&self, place: u64) -> (u64, &str) {
        let place = place % self.options.len().max(1) as u64;
        let text = usize::try_from(place).ok().and_then(|place| self.options.get(place));
        (self.options_table() * 100 + place, text.map_or("", String::as_str))
    }
}

impl World {
    /// Changes the custom fields, or what is refused of them; the field as `/Fields` tells it now, or what it was before it went.
    pub(crate) fn change_field(&mut self, change: &FieldChange) -> Result<Vec<u8>, String> {
        let (now, seeded) = (self.now, self.fields.seeded);
        let row = match change {
            FieldChange::Refuse { table, status } => {
                self.fields.refuse(table, Some(*status))?;
                return Ok(b"{}".to_vec());
            }
            FieldChange::Allow { table } => {
                self.fields.refuse(table, None)?;
                return Ok(b"{}".to_vec());
            }
            FieldChange::Add { entity, name, kind } => {
                let Some(entity) = ENTITIES.into_iter().find(|known| known.id == *entity) else {
                    return Err(format!("entity {entity} has no custom fields"));
                };
                self.changes_mut(FIELDS.table, seeded).insert(now);
                self.fields.put(entity, name.clone(), *kind, None)
            }
            FieldChange::Rename { entity, field, name } => {
                let field = self.fields.find(*entity, field)?;
                name.clone_into(&mut field.name);
                field.row
            }
            FieldChange::Remove { entity, field } => {
                let field = self.fields.find(*entity, field)?;
                field.removed = true;
                field.row
            }
            FieldChange::Retype { entity, field, kind } => {
                let field = self.fields.find(*entity, field)?;
                field.kind = *kind;
                field.row
            }
            FieldChange::RenameOption {
                entity,
                field,
                option,
                name,
            } => {
                let field = self.fields.find(*entity, field)?;
                if !field.kind.has_options() {
                    return Err(format!("`{}` has no options", field.key));
                }
                let Some(text) = field.options.get_mut(*option) else {
                    return Err(format!("`{}` has no option {option}", field.key));
                };
                name.clone_into(text);
                field.row
            }
        };
        let changes = self.changes_mut(FIELDS.table, seeded);
        match change {
            FieldChange::Remove { .. } => changes.delete(row, None),
            _ => changes.revise(row),
        }
        let mut rows = Rows::of(self, &FIELDS);
        rows.expand = "Type,OptionsTable($expand=Options)";
        let mut told = Vec::new();
        rows.push(row, &mut told);
        Ok(told)
    }
}

fn field(rows: &Rows, row: u64, o: &mut Object) {
    let fields = &rows.world.fields.all;
    let Some(field) = usize::try_from(row).ok().and_then(|row| fields.get(row)) else {
        return;
    };
    // What is not of the field itself stays as it is when the field changes.
    let mut d = rows.world.draw(rows.set.table, row);
    let told = field.kind.told();
    let table = field.kind.has_options().then(|| field.options_table());
    o.set("Id", field.id())
        .set("Key", &field.key)
        .set("Name", &field.name)
        .set("EntityId", field.entity.id)
        .set("SecondaryEntityId", told.leads_to)
        .set("TypeId", told.id)
        .set("OptionsTableId", table)
        .set("Dynamic", field.property.is_none())
        .set("Multiple", field.kind.is_multiple())
        .set("Required", d.chance(20))
        .set("Unique", d.chance(3))
        .set("Disabled", false)
        .set("Hidden", d.chance(5))
        .set("FormHidden", d.chance(5))
        .set("Filterable", d.chance(90))
        .set("Permanent", field.property.is_some())
        .set("Integration", false)
        .set("PropertyName", field.property)
        .set("UpdatePropertyName", field.property)
        .null("OriginFieldKey");
    if expanded(rows.expand, "Type").is_some() {
        o.object("Type", |o| {
            o.set("Id", told.id)
                .set("Name", told.name)
                .set("Icon", format!("icon-{}", told.id))
                .set("NativeType", told.native)
                .set("Listable", true)
                .set("Multipliable", field.kind.has_options() || told.leads_to.is_some())
                .null("StandardFormat");
        });
    }
    let Some(options) = expanded(rows.expand, "OptionsTable") else {
        return;
    };
    let Some(table) = table else {
        o.null("OptionsTable");
        return;
    };
    o.object("OptionsTable", |o| {
        o.set("Id", table).set("Name", &field.name);
        if options.contains("Options") {
            o.array("Options", |a| {
                for place in 0..field.options.len() as u64 {
                    let (id, text) = field.option(place);
                    a.object(|o| {
                        o.set("Id", id).set("TableId", table).set("Name", text);
                    });
                }
            });
        }
    });
}

#[cfg(test)]
mod tests;
