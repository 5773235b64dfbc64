//! `OtherProperties`: the values that a row has of the custom fields. A value is drawn from the field's key and the row, so a field that
//! comes, goes or changes leaves all other values alone.

use super::contacts::{CONTACTS, USERS, contact_name, user_name};
use super::fields::{Entity, Field};
use super::kinds::FieldKind;
use super::products::{PRODUCTS, product_name};
use super::row::{OPENED, expanded};
use crate::sandbox::json::{At, Cents, Object};
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::stamp::{DAY, HOUR, MINUTE, NOW};
use crate::sandbox::world::{Draw, World};

/// Sets `OtherProperties` where the request expands it. Only fields that hold a value have an item; a field of several choices has
/// one item for each.
pub(super) fn custom(rows: &Rows, row: u64, entity: &Entity, o: &mut Object) {
    custom_like(rows, row, (row, rows.revision(row)), entity, o);
}

/// The same, for a row with the values of another, after so many revisions.
pub(super) fn custom_like(rows: &Rows, row: u64, like: (u64, u64), entity: &Entity, o: &mut Object) {
    if expanded(rows.expand, "OtherProperties").is_none() {
        return;
    }
    let world = rows.world;
    let owner = rows.id(row);
    o.array("OtherProperties", |a| {
        for field in world.fields.custom(entity) {
            let mut d = world.draw_revised(&field.key, like.0, like.1);
            if !d.filled(field.share()) {
                continue;
            }
            for (choice, value) in values(world, field, &mut d).into_iter().enumerate() {
                a.object(|o| {
                    let id = owner * 100_000 + field.row * 8 + choice as u64;
                    item(entity, owner, id, (field.id(), &field.key), &value, o);
                });
            }
        }
        // A field that the key's profile does not see in `/Fields`. Row 0 shows what is there to be known.
        let noise = world.noise_revised("ploomes.unknown_fields", like.0, like.1);
        if like.0 > 0 && noise.is_multiple_of(20) {
            let key = entity.key("0000FFFF-0000-4000-8000-000000000000");
            a.object(|o| {
                let value = Value::Text("valor de um campo que não se vê".to_owned());
                item(entity, owner, owner * 100_000 + 99_999, (76_999, &key), &value, o);
            });
        }
    });
}

/// What an item holds.
enum Value {
    /// An item may be there and hold nothing.
    Nothing,
    Text(String),
    LongText(String),
    Whole(i64),
    Number(f64),
    Money(Cents),
    Moment(At),
    Yes(bool),
    Link(Link, u64, String),
}

/// What an item leads to by id and name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Option,
    User,
    Contact,
    Product,
    Attachment,
}

fn values(world: &World, field: &Field, d: &mut Draw) -> Vec<Value> {
    if d.row > 0 && d.below(50) == 0 {
        return vec![Value::Nothing];
    }
    let one = match field.kind {
        FieldKind::Options => {
            // Steps of 1 and 5 meet each of the six options once, rising or falling and then around.
            let (first, step) = (d.below(6), d.pick(&[1, 5]));
            let chosen = (0..1 + d.below(4)).map(|nth| field.option(first + nth * step));
            return chosen.map(|(id, text)| Value::Link(Link::Option, id, text.to_owned())).collect();
        }
        FieldKind::Users => {
            let users = USERS.count(world);
            let first = d.below(users);
            let chosen = (0..users.min(1 + d.below(3))).map(|nth| (first + nth) % users.max(1));
            let user = |row| Some(Value::Link(Link::User, USERS.id?.ids.id(world, row), user_name(world, row)));
            return chosen.filter_map(user).collect();
        }
        FieldKind::String => Value::Text(text(d)),
        FieldKind::BigString => Value::LongText(if d.below(30) == 0 { String::new() } else { d.note(8000) }),
        FieldKind::Integer => Value::Whole(match d.below(20) {
            0 => i64::MAX,
            1 => i64::MIN,
            2 => 0,
            3 => 9_007_199_254_740_993,
            _ => d.between(-2000, 900_000),
        }),
        FieldKind::Decimal => Value::Number(match d.below(12) {
            0 => 0.1,
            1 => 0.0,
            2 => 9_007_199_254_740_992.0,
            3 => 1.0 / 3.0,
            _ => d.between(-1_000_000_000, 9_000_000_000) as f64 / 1_000_000.0,
        }),
        FieldKind::Money => Value::Money(Cents(d.between(-10_000, 90_000_000))),
        FieldKind::DateTime => Value::Moment(moment(d)),
        FieldKind::Bool => Value::Yes(d.chance(50)),
        FieldKind::Option => {
            let (id, text) = field.option(d.below(6));
            Value::Link(Link::Option, id, text.to_owned())
        }
        FieldKind::User => link(world, d, USERS, user_name, Link::User),
        FieldKind::Contact => link(world, d, CONTACTS, contact_name, Link::Contact),
        FieldKind::Product => link(world, d, PRODUCTS, product_name, Link::Product),
        FieldKind::Attachment => {
            let number = d.below(1_000_000);
            Value::Link(
                Link::Attachment,
                60_000_000 + number,
                format!("anexo {number} – versão \"final\" (2).pdf"),
            )
        }
    };
    vec![one]
}

/// A row of another table with its name of the seed.
fn link(world: &World, d: &mut Draw, set: &Set, name: fn(&World, u64) -> String, to: Link) -> Value {
    let rows = set.count(world);
    let row = d.below(rows);
    match set.id {
        Some(id) if rows > 0 => Value::Link(to, id.ids.id(world, row), name(world, row)),
        _ => Value::Nothing,
    }
}

fn text(d: &mut Draw) -> String {
    match d.below(30) {
        0 => String::new(),
        1 => "  dois espaços  ".to_owned(),
        2 => "null".to_owned(),
        3 => "007,50".to_owned(),
        4 => "açaí 👩🏽‍💻, \"aspas\" e \\barra\\\u{1f}".to_owned(),
        _ => d.title(),
    }
}

/// A moment with 0 to 7 fraction digits, at one of several offsets.
fn moment(d: &mut Draw) -> At {
    let digits = d.pick(&[0, 0, 0, 1, 2, 3, 4, 5, 6, 7]);
    let (ahead, zone) = d.pick(&[
        (-3 * HOUR, "-03:00"),
        (-3 * HOUR, "-03:00"),
        (-3 * HOUR, "-03:00"),
        (-2 * HOUR, "-02:00"),
        (0, "Z"),
        (0, "+00:00"),
        (5 * HOUR + 30 * MINUTE, "+05:30"),
    ]);
    // A birthday may lie before 1970.
    let from = if d.below(10) == 0 { -12_000 * DAY } else { OPENED };
    let ticks = d.between(from, NOW + 400 * DAY);
    At(ticks + ahead, digits, zone)
}

fn item(entity: &Entity, owner: u64, id: u64, field: (u64, &str), value: &Value, o: &mut Object) {
    let linked = |to| match value {
        Value::Link(kind, id, name) if *kind == to => (Some(*id), Some(name.as_str())),
        _ => (None, None),
    };
    let (option, user, product) = (linked(Link::Option), linked(Link::User), linked(Link::Product));
    let (contact, attachment) = (linked(Link::Contact), linked(Link::Attachment));
    let (mut text, mut long, mut whole, mut moment, mut yes) = (None, None, option.0.and_then(|id| i64::try_from(id).ok()), None, None);
    match value {
        Value::Text(value) => text = Some(value),
        Value::LongText(value) => long = Some(value),
        Value::Whole(value) => whole = Some(*value),
        Value::Moment(value) => moment = Some(*value),
        Value::Yes(value) => yes = Some(*value),
        Value::Nothing | Value::Number(_) | Value::Money(_) | Value::Link(..) => {}
    }
    o.set("Id", id)
        .set("FieldId", field.0)
        .set("FieldKey", field.1)
        .set(entity.owner, owner)
        .set("StringValue", text)
        .set("BigStringValue", long)
        .set("IntegerValue", whole);
    match value {
        Value::Number(value) => o.set("DecimalValue", *value),
        Value::Money(value) => o.set("DecimalValue", *value),
        _ => o.null("DecimalValue"),
    };
    o.set("DateTimeValue", moment)
        .set("BoolValue", yes)
        .set("ObjectValueId", option.0)
        .set("ObjectValueName", option.1)
        .set("UserValueId", user.0)
        .set("UserValueName", user.1)
        .null("UserValueAvatarUrl")
        .set("ProductValueId", product.0)
        .set("ProductValueName", product.1)
        .null("AttachmentValueId")
        .null("AttachmentValueName")
        .set("ContactValueId", contact.0)
        .set("ContactValueName", contact.1)
        .set("ContactValueTypeId", contact.0.map(|id| 1 + id % 2))
        .null("ContactValueRegister")
        .set("CurrencyValueId", matches!(value, Value::Money(_)).then_some(1_u64))
        .set("AttachmentItemValueId", attachment.0)
        .set("AttachmentItemValueName", attachment.1);
}
