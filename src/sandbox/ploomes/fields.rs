//! The custom fields' metadata (`/Fields`). No documented table, so not counted; it is there for a client that discovers
//! the fields before it reads `OtherProperties`.

use super::row::{draw, id, ids};
use crate::sandbox::json::Object;
use crate::sandbox::odata::{Rows, Set};

pub(super) static FIELDS: Set = Set {
    table: "ploomes.fields",
    path: "Fields",
    rows: |_| ENTITIES.len() as u64 * 4,
    id: ids("ploomes.fields", 77_000, 1),
    time: None,
    names: &["Apelido", "Data de aniversário", "Região", "Canais"],
    write: field,
};

/// Entity id and name, of those that have custom fields here.
const ENTITIES: [(u64, &str); 5] = [(1, "Contact"), (2, "Deal"), (4, "Order"), (7, "Quote"), (10, "Product")];

/// The id of one of the four custom fields of an entity.
pub(super) fn field_id(entity: &str, field: u64) -> u64 {
    let at = ENTITIES.iter().position(|(_, name)| *name == entity).unwrap_or(0) as u64;
    77_000 + at * 4 + field
}

/// The key of a custom field: entity and GUID.
pub(super) fn field_key(entity: &str, field: u64) -> String {
    let number = field_id(entity, field);
    format!("{}_{number:08X}-0000-4000-8000-0000{number:08X}", entity.to_ascii_lowercase())
}

fn field(rows: &Rows, row: u64, o: &mut Object) {
    let mut d = draw(rows, row);
    let (entity_id, entity) = ENTITIES[usize::try_from(row / 4).unwrap_or(0) % ENTITIES.len()];
    let field = row % 4;
    let kind = ["String", "DateTime", "Integer", "Integer"][usize::try_from(field).unwrap_or(0)];
    id(rows, row, o);
    o.set("Key", field_key(entity, field))
        .set("Name", rows.set.name(field))
        .set("EntityId", entity_id)
        .set("TypeId", [1_u64, 8, 7, 7][usize::try_from(field).unwrap_or(0)])
        .set("Dynamic", true)
        .set("Multiple", field == 3)
        .set("Required", d.chance(20))
        .set("OptionsTableId", (field >= 2).then_some(30 + field))
        .null("PropertyName");
    if rows.expand.contains("Type") {
        o.object("Type", |o| {
            o.set("Id", 7_u64).set("NativeType", kind);
        });
    }
    if rows.expand.contains("OptionsTable") && field >= 2 {
        o.object("OptionsTable", |o| {
            o.set("Id", 30 + field).set("Name", rows.set.name(field)).array("Options", |a| {
                for choice in 0..2 {
                    a.object(|o| {
                        o.set("Id", 3000 + field * 100 + choice).set("Name", format!("Opção {choice}"));
                    });
                }
            });
        });
    }
}
