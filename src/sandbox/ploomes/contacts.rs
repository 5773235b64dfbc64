//! Contacts (companies and people) and users.

use super::cities::CITIES;
use super::custom::custom;
use super::deals::CURRENCIES;
use super::fields::CONTACT;
use super::lookups::{CLASSES, DEPARTMENTS, LINES, ORIGINS, PROFILES, RELATIONSHIPS, ROLES, STATUS, SUSPENSIONS, TYPES};
use super::row::{UPDATED, any, draw, flag, id, ids, maybe_any, tail};
use crate::sandbox::json::Object;
use crate::sandbox::odata::{Rows, Set};
use crate::sandbox::people::{cnpj_dotted, cpf_dotted, phone_dotted};
use crate::sandbox::world::World;

pub(super) static SETS: [Set; 2] = [
    Set {
        table: "ploomes.contacts",
        path: "Contacts",
        rows: |world| world.large,
        id: ids("ploomes.contacts", 400_010_000, 7),
        time: UPDATED,
        names: &[],
        write: contact,
    },
    Set {
        table: "ploomes.users",
        path: "Users",
        rows: |world| (world.large / 40).clamp(5, 400),
        id: ids("ploomes.users", 9_001, 13),
        time: UPDATED,
        names: &[],
        write: user,
    },
];

pub(super) static CONTACTS: &Set = &SETS[0];
pub(super) static USERS: &Set = &SETS[1];

/// What a contact is called by the seed.
pub(super) fn contact_name(world: &World, row: u64) -> String {
    let mut d = world.draw(CONTACTS.table, row);
    let (company, person, _) = (d.company(), d.person(), d.city());
    if row == 0 || d.chance(60) { company.name } else { person.full() }
}

/// What a user is called by the seed.
pub(super) fn user_name(world: &World, row: u64) -> String {
    world.draw(USERS.table, row).person().full()
}

fn contact(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let (company, person, city) = (d.company(), d.person(), d.city());
    let is_company = row == 0 || d.chance(60);
    let (cnpj, cpf) = (d.cnpj(), d.cpf());
    let owner = maybe_any(world, USERS, &mut d, 90);
    id(rows, row, o);
    o.set("TypeId", TYPES.any_id(world, u64::from(!is_company)))
        .set("ClassId", maybe_any(world, &CLASSES, &mut d, 30))
        .set("Name", if is_company { company.name.clone() } else { person.full() })
        .set("LegalName", d.maybe(50, |_| company.legal.clone()))
        .set(
            "Register",
            d.maybe(60, |_| if is_company { cnpj_dotted(&cnpj) } else { cpf_dotted(&cpf) }),
        )
        .set("CNPJ", is_company.then_some(&cnpj))
        .set("CPF", (row == 0 || !is_company).then_some(&cpf))
        .set("StatusId", maybe_any(world, &STATUS, &mut d, 80))
        .set("CompanyId", maybe_any(world, CONTACTS, &mut d, 40))
        .set("RelationshipId", maybe_any(world, &RELATIONSHIPS, &mut d, 40))
        .set("LineOfBusinessId", maybe_any(world, &LINES, &mut d, 50))
        .set("OriginId", maybe_any(world, &ORIGINS, &mut d, 60))
        .set("OwnerId", owner)
        .set("Note", d.maybe(30, |d| d.note(8000)))
        .set("Email", d.maybe(70, |_| person.email(&company.domain)))
        .set("Website", d.maybe(40, |_| format!("https://www.{}", company.domain)))
        .set("RoleId", maybe_any(world, &ROLES, &mut d, 40))
        .set("DepartmentId", maybe_any(world, &DEPARTMENTS, &mut d, 40))
        .set("Skype", d.maybe(5, |_| format!("live:{}", person.login())))
        .set("Facebook", d.maybe(8, |_| format!("https://facebook.example/{}", person.login())))
        .set("StreetAddress", d.maybe(60, |d| d.street()))
        .set("StreetAddressNumber", d.maybe(60, |d| street_number(d.below(3000))))
        .set("StreetAddressLine2", d.maybe(20, |d| format!("Sala {}", 1 + d.below(1200))))
        .set("Neighborhood", d.maybe(55, |d| d.district()))
        .set("ZipCode", d.maybe(60, |d| d.cep(city)))
        .set("ForeignZipCode", d.maybe(3, |d| format!("{}-{}", d.digits(5), d.digits(4))))
        .set("CityId", maybe_any(world, CITIES, &mut d, 65))
        .set("CurrencyId", maybe_any(world, CURRENCIES, &mut d, 60))
        .set("EmailMarketing", flag(&mut d, 70))
        .set(
            "CNAECode",
            d.maybe(30, |d| format!("{}-{}/{}", d.digits(4), d.digits(1), d.digits(2))),
        )
        .set("CNAEName", d.maybe(30, |_| "Comércio varejista não especificado"))
        .set("Latitude", d.maybe(25, |d| degrees(city.latitude, d.below(400))))
        .set("Longitude", d.maybe(25, |d| degrees(city.longitude, d.below(400))))
        .set("Key", d.guid())
        .set(
            "AvatarUrl",
            d.maybe(20, |d| format!("https://files.example/avatar/{}.png", d.hex(16))),
        )
        .set(
            "IdentityDocument",
            d.maybe(15, |d| format!("{} SSP/{}", d.digits(9), city.state_short())),
        )
        .array("Phones", |a| {
            for _ in 0..d.below(3) {
                a.object(|o| {
                    o.set("PhoneNumber", phone_dotted(&d.phone(city)))
                        .set("TypeId", d.below(3))
                        .set("CountryId", 76_u64);
                });
            }
        });
    tail(rows, row, &mut d, o);
    custom(rows, row, &CONTACT, o);
}

fn user(rows: &Rows, row: u64, o: &mut Object) {
    let world = rows.world;
    let mut d = draw(rows, row);
    let (person, city) = (d.person(), d.city());
    id(rows, row, o);
    o.set("Name", person.full())
        .set("Email", format!("{}{row}@sandbox.example", person.login()))
        .set("RoleId", maybe_any(world, &ROLES, &mut d, 70))
        .set("ProfileId", any(world, &PROFILES, &mut d))
        .set(
            "AvatarUrl",
            d.maybe(50, |d| format!("https://files.example/avatar/{}.jpg", d.hex(16))),
        )
        .set("Phone", d.maybe(70, |d| phone_dotted(&d.phone(city))))
        .set("Language", d.maybe(80, |d| d.pick(&["pt-BR", "pt-BR", "en-US", "es"])))
        .set("Integration", d.chance(10))
        .set("NativeIntegration", d.chance(5))
        .set("Facebook", d.maybe(10, |_| format!("https://facebook.example/{}", person.login())))
        .set(
            "LinkedIn",
            d.maybe(30, |_| format!("https://linkedin.example/in/{}", person.login())),
        )
        .set("Suspended", d.chance(15))
        // The vendor sends every user's key to whoever may list users. Nothing of it may be kept or shown.
        .set("UserKey", format!("SANDBOX-SECRET-{}", d.hex(64)));
    // Newer accounts have these three; where they are empty they are not sent at all.
    if d.filled(20) {
        o.set("SuspensionReasonId", any(world, &SUSPENSIONS, &mut d))
            .set("SuspensionReasonComments", d.note(200))
            .set("Courtesy", d.chance(20));
    }
    tail(rows, row, &mut d, o);
}

fn street_number(drawn: u64) -> String {
    if drawn < 30 { "s/n".to_owned() } else { drawn.to_string() }
}

fn degrees(ten_thousandths: i64, shift: u64) -> f64 {
    (ten_thousandths + shift as i64 - 200) as f64 / 10_000.0
}
