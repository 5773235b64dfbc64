//! People and companies that NectarCRM's records mention: the users of the account and the short form of a contact.
//! A contact has the same name wherever it is mentioned: that of the seed, whatever its own record says by now.

use crate::sandbox::json::Object;
use crate::sandbox::people::{cnpj_dotted, cpf_dotted};
use crate::sandbox::world::{Draw, World};

use super::contatos::CONTATOS;
use super::loose::{list, object, text, value};

/// Users of the account. The API has no documented list of them.
pub(super) const USERS: u64 = 12;

/// A user as `{id, login, nome}`, by its number.
pub(super) fn fill_user(world: &World, o: &mut Object<'_>, number: u64) {
    let person = world.draw("nectarcrm.usuarios", number).person();
    o.set("id", 1 + number)
        .set("login", person.email("vendas.example"))
        .set("nome", person.full());
}

/// A member that is a user.
pub(super) fn user(world: &World, o: &mut Object<'_>, d: &mut Draw, name: &str, percent: u64) {
    object(o, d, name, percent, |o, d| {
        let number = d.below(USERS);
        fill_user(world, o, number);
    });
}

/// What is always the same of a contact.
pub(super) struct Contact {
    pub id: u64,
    pub company: bool,
    pub name: String,
    /// Empty for a person.
    pub legal: String,
    /// CNPJ or CPF, digits only.
    pub document: String,
    pub email: String,
    /// With country code: `+5511987654321`.
    pub phone: String,
}

impl Contact {
    /// A contact as others mention it, and the generator of what else they tell of it.
    pub(super) fn of(world: &World, row: u64) -> (Contact, Draw) {
        Contact::drawn(world, row, world.draw(CONTATOS.table(), row))
    }

    /// A contact as it is now, and the generator of what else its record holds.
    pub(super) fn now(world: &World, row: u64) -> (Contact, Draw) {
        Contact::drawn(world, row, world.draw_now(CONTATOS.table(), row))
    }

    fn drawn(world: &World, row: u64, mut d: Draw) -> (Contact, Draw) {
        let company = row == 0 || d.chance(60);
        let (person, business, city) = (d.person(), d.company(), d.city());
        let contact = Contact {
            id: CONTATOS.id(world, row),
            company,
            name: if company { business.name } else { person.full() },
            legal: if company { business.legal } else { String::new() },
            document: if company { d.cnpj() } else { d.cpf() },
            email: person.email(&business.domain),
            phone: format!("+55{}", d.phone(city)),
        };
        (contact, d)
    }

    /// The document with its punctuation.
    pub(super) fn dotted(&self) -> String {
        if self.company {
            cnpj_dotted(&self.document)
        } else {
            cpf_dotted(&self.document)
        }
    }

    /// `isEmpresa` as sent: wrong in some records, as in life.
    pub(super) fn claims_company(&self) -> bool {
        self.company != self.id.is_multiple_of(9)
    }

    /// The array `emails`.
    pub(super) fn emails(&self, o: &mut Object<'_>, d: &mut Draw, count: u64) {
        list(o, d, "emails", count, |o, item| {
            let email = if item == 0 {
                self.email.clone()
            } else {
                format!("{item}.{}", self.email)
            };
            o.set("id", self.id * 10 + item).set("email", email).set("principal", item == 0);
        });
    }

    /// The array `telefones`.
    pub(super) fn phones(&self, o: &mut Object<'_>, d: &mut Draw, count: u64) {
        list(o, d, "telefones", count, |o, item| {
            let kind = if item == 0 { "Celular" } else { "Comercial" };
            o.set("id", self.id * 10 + item)
                .set("telefone", &self.phone)
                .set("tipo", kind)
                .set("principal", item == 0);
        });
    }
}

/// A contact for row `d.row` of another table: the first contact for the first row, any for the others.
pub(super) fn any_contact(world: &World, d: &mut Draw) -> Option<Contact> {
    let contacts = (CONTATOS.rows)(world);
    let row = if d.row == 0 { 0 } else { d.below(contacts) };
    (contacts > 0).then(|| Contact::of(world, row).0)
}

/// The member `cliente`: a contact in short.
pub(super) fn client(world: &World, o: &mut Object<'_>, d: &mut Draw, percent: u64) {
    let Some(contact) = any_contact(world, d) else {
        o.object("cliente", |_| {});
        return;
    };
    object(o, d, "cliente", percent, |o, d| {
        o.set("id", contact.id).set("nome", &contact.name);
        text(o, d, "razaoSocial", 90, |_| &contact.legal);
        text(o, d, "cnpj", 85, |_| contact.dotted());
        text(o, d, "codigo", 40, |d| format!("C{}", d.digits(5)));
        text(o, d, "telefone", 60, |_| &contact.phone);
        text(o, d, "telefonePrincipal", 80, |_| &contact.phone);
        text(o, d, "email", 70, |_| &contact.email);
        text(o, d, "emailPrincipal", 85, |_| &contact.email);
        value(o, d, "empresa", 95, |_| contact.company);
        value(o, d, "isEmpresa", 95, |_| contact.claims_company());
        value(o, d, "ativo", 90, |d| d.chance(90));
        value(o, d, "diasSemInteracao", 75, |d| d.below(400));
    });
}
