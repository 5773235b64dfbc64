//! What each column of the set is made of, for each choice. `docs/customerx.md` shows it as a table, which a test holds against what is here.

use super::choice::{Contract, CustomerX, Deals, Party};

/// The status of a deal that was won. Ploomes numbers the three statuses alike in every account: 1 open, 2 won, 3 lost.
const WON: &str = "2";
/// The types of a contact.
const COMPANY: &str = "1";
const PERSON: &str = "2";
/// The one operation of CustomerX's timeline that is known.
const NOTE: &str = "client_note";

/// A foreign key, and the table whose `id` it holds.
pub(super) type Hop = (&'static str, &'static str);

/// A column, at the end of a chain of foreign keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub path: Vec<Hop>,
    pub column: String,
}

/// What a cell is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// The same in every row.
    Text(&'static str),
    /// As it is.
    Column(Place),
    /// Without spaces around it; nothing if nothing is left.
    Trimmed(Pick),
    /// The first that holds more than spaces.
    First(Vec<Place>),
    /// A number of up to eight digits, with its leading zeros.
    Cep(Place),
    /// The CPF or CNPJ in it.
    Document(Pick),
    /// Which of both it is.
    DocumentType(Place),
    /// The id of the client.
    Client(Pick),
}

/// A column of the first of some rows that is there and is such a one; or at the end of a chain of foreign keys from that row on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pick {
    pub candidates: Vec<Candidate>,
    pub then: Place,
}

/// A row that may be the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub path: Vec<Hop>,
    /// A column of it and the value that it must have.
    pub when: Option<(&'static str, &'static str)>,
}

/// The rows of one Ploomes table, as rows of a derived one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub table: &'static str,
    /// Rows are left out where this column has another value.
    pub only: Option<(&'static str, &'static str)>,
    /// Rows are left out where this column is null.
    pub present: Option<&'static str>,
    /// By name of the derived column; those that are not here are null.
    pub values: Vec<(&'static str, Value)>,
}

/// The derived tables.
pub(super) const CLIENTS: &str = "customerx_clients";
pub(super) const CONTACTS: &str = "customerx_contacts";
pub(super) const CONTRACTS: &str = "customerx_contracts";
pub(super) const TIMELINE: &str = "customerx_timeline";

/// What a derived table is made of.
pub(super) fn mappings(table: &str, set: &CustomerX) -> Vec<Mapping> {
    match table {
        CLIENTS => vec![client(set)],
        CONTACTS => vec![contact(set)],
        CONTRACTS => vec![contract(set)],
        TIMELINE => timeline(set),
        _ => Vec::new(),
    }
}

/// Further columns that the configuration names.
pub(super) fn fields<'a>(table: &str, set: &'a CustomerX) -> (&'static str, &'a [String]) {
    match table {
        CLIENTS => ("client_fields", &set.client_fields),
        CONTACTS => ("contact_fields", &set.contact_fields),
        CONTRACTS => ("contract_fields", &set.contract_fields),
        _ => ("", &[]),
    }
}

fn client(set: &CustomerX) -> Mapping {
    let (row, data) = (Row::of(set.client), data_of_client(set));
    let address = |hops: &[Hop], column: &str| Value::Column(place(&[data, hops].concat(), column));
    let mut mapping = row.mapping(set, key_at(set, data));
    mapping.values.extend([
        ("external_id_client", own("id")),
        ("company_name", Value::First(vec![place(data, "legalname"), place(data, "name")])),
        ("trading_name", at(data, "name")),
        ("cnpj_cpf", Value::Document(Pick::at(place(data, "register")))),
        ("document_type", Value::DocumentType(place(data, "register"))),
        ("email", at(data, "email")),
        ("site", at(data, "website")),
        ("facebook", at(data, "facebook")),
        ("cep", Value::Cep(place(data, "zipcode"))),
        ("street", at(data, "streetaddress")),
        ("number", at(data, "streetaddressnumber")),
        ("complement", at(data, "streetaddressline2")),
        ("district", at(data, "neighborhood")),
        ("city", address(&[CITY], "name")),
        ("state", address(&[CITY, STATE], "short")),
        ("country", address(&[CITY, COUNTRY], "name")),
        ("updated_at", own("last_update_date")),
    ]);
    mapping
}

fn contact(set: &CustomerX) -> Mapping {
    let row = Row::of(set.contact);
    let (data, id): (&[Hop], _) = match set.contact {
        Party::Deal => (&[PERSON_OF], own("personid")),
        Party::Organization | Party::Person => (&[], own("id")),
    };
    let mut mapping = row.mapping(set, key_at(set, data));
    mapping.present = (set.contact == Party::Deal).then_some("personid");
    mapping.values.extend([
        ("external_id_contact", id),
        ("external_id_client", row.client(set)),
        ("name", at(data, "name")),
        ("email", at(data, "email")),
        ("document", Value::Document(Pick::at(place(data, "register")))),
        ("occupation", at(&[data, &[ROLE]].concat(), "name")),
        ("note", at(data, "note")),
        ("updated_at", own("last_update_date")),
    ]);
    mapping
}

fn contract(set: &CustomerX) -> Mapping {
    match set.contract {
        Contract::Deal => {
            let row = Row::of(Party::Deal);
            let mut mapping = row.mapping(set, row.key_of_client(set));
            mapping.values.extend([
                ("external_id_contract", own("id")),
                ("external_id_client", row.client(set)),
                ("description", own("title")),
                ("status", at(&[("statusid", "deals_status")], "name")),
                ("contract_value", own("amount")),
                ("updated_at", own("last_update_date")),
            ]);
            mapping
        }
        Contract::Products => {
            const ORDER: Hop = ("orderid", "orders");
            let row = Row {
                entity: "order_product",
                table: "orders_products",
                only: None,
                deal: Some(vec![ORDER, DEAL]),
                contact: Some(vec![ORDER, CONTACT]),
                person: Some(vec![ORDER, PERSON_OF]),
            };
            let mut mapping = row.mapping(set, row.key_of_client(set));
            mapping.values.extend([
                ("external_id_contract", own("id")),
                ("external_id_client", row.client(set)),
                ("description", at(&[("productid", "products")], "name")),
                ("status", at(&[ORDER, ("stageid", "orders_stages")], "name")),
                ("date_sale", at(&[ORDER], "date")),
                ("contract_value", own("total")),
                ("updated_at", at(&[ORDER], "last_update_date")),
            ]);
            mapping
        }
    }
}

/// Notes, activities, attachments.
fn timeline(set: &CustomerX) -> Vec<Mapping> {
    let mapping = |entity, table, person: Option<Vec<Hop>>, values: Vec<(&'static str, Value)>| {
        let row = Row {
            entity,
            table,
            only: None,
            deal: Some(vec![DEAL]),
            contact: Some(vec![CONTACT]),
            person,
        };
        let mut mapping = row.mapping(set, row.key_of_client(set));
        mapping.values.extend([
            ("external_id", own("id")),
            ("external_id_client", row.client(set)),
            ("operation", Value::Text(NOTE)),
            ("updated_at", own("last_update_date")),
        ]);
        mapping.values.extend(values);
        mapping
    };
    vec![
        mapping(
            "interaction_record",
            "interaction_records",
            None,
            vec![
                ("title", Value::First(vec![place(&[], "title"), place(&[], "emailsubject")])),
                ("body", own("content")),
                ("created_at", own("date")),
            ],
        ),
        mapping("task", "tasks", None, vec![("title", own("title")), ("body", own("description"))]),
        mapping(
            "document",
            "documents",
            Some(vec![PERSON_OF]),
            vec![
                ("title", own("name")),
                ("body", own("documenturl")),
                ("user_id", own("ownerid")),
                ("created_at", own("date")),
            ],
        ),
    ]
}

const CONTACT: Hop = ("contactid", "contacts");
const PERSON_OF: Hop = ("personid", "contacts");
const COMPANY_OF: Hop = ("companyid", "contacts");
const DEAL: Hop = ("dealid", "deals");
const CITY: Hop = ("cityid", "cities");
const STATE: Hop = ("stateid", "cities_states");
const COUNTRY: Hop = ("countryid", "cities_countries");
const ROLE: Hop = ("roleid", "roles");

/// A kind of row, and how others are found from it.
struct Row {
    entity: &'static str,
    table: &'static str,
    only: Option<(&'static str, &'static str)>,
    deal: Option<Vec<Hop>>,
    contact: Option<Vec<Hop>>,
    person: Option<Vec<Hop>>,
}

impl Row {
    fn of(party: Party) -> Self {
        let contact = |entity, kind| Self {
            entity,
            table: "contacts",
            only: Some(("typeid", kind)),
            deal: None,
            contact: Some(Vec::new()),
            person: None,
        };
        match party {
            Party::Deal => Self {
                entity: "deal",
                table: "deals",
                only: None,
                deal: Some(Vec::new()),
                contact: Some(vec![CONTACT]),
                person: Some(vec![PERSON_OF]),
            },
            Party::Organization => contact("organization", COMPANY),
            Party::Person => contact("person", PERSON),
        }
    }

    /// The columns that every derived table has; the identity is made of this key.
    fn mapping(&self, set: &CustomerX, key: Pick) -> Mapping {
        let of_deals = (self.table == "deals").then(|| won(set)).flatten();
        Mapping {
            table: self.table,
            only: self.only.or(of_deals),
            present: None,
            values: vec![
                ("ploomes_entity", Value::Text(self.entity)),
                ("ploomes_id", own("id")),
                (
                    "identity",
                    match set.key {
                        super::Key::Document => Value::Document(key),
                        super::Key::ExternalCode | super::Key::Email => Value::Trimmed(key),
                    },
                ),
            ],
        }
    }

    /// The row of `customerx_clients` that this one belongs to. Where the choice makes none of it there is none: an id that nobody knows is of no use.
    fn client(&self, set: &CustomerX) -> Value {
        Value::Client(self.of_client(set, place(&[], "id")))
    }

    /// What that row's identity is made of.
    fn key_of_client(&self, set: &CustomerX) -> Pick {
        self.of_client(set, place(data_of_client(set), set.key.column()))
    }

    fn of_client(&self, set: &CustomerX, then: Place) -> Pick {
        let candidate = |path: &Option<Vec<Hop>>, more: &[Hop], when| {
            path.as_ref().map(|path| Candidate {
                path: [path.as_slice(), more].concat(),
                when,
            })
        };
        let company = Some(("typeid", COMPANY));
        let person = Some(("typeid", PERSON));
        let candidates = match set.client {
            Party::Deal => [candidate(&self.deal, &[], won(set)), None],
            Party::Organization => [
                candidate(&self.contact, &[], company),
                candidate(&self.contact, &[COMPANY_OF], company),
            ],
            Party::Person => [candidate(&self.contact, &[], person), candidate(&self.person, &[], person)],
        };
        Pick {
            candidates: candidates.into_iter().flatten().collect(),
            then,
        }
    }
}

/// Where a client's data are, from the row that it is made of.
fn data_of_client(set: &CustomerX) -> &'static [Hop] {
    match set.client {
        Party::Deal => &[CONTACT],
        Party::Organization | Party::Person => &[],
    }
}

fn key_at(set: &CustomerX, path: &[Hop]) -> Pick {
    Pick::at(place(path, set.key.column()))
}

fn won(set: &CustomerX) -> Option<(&'static str, &'static str)> {
    (set.deals == Deals::Won).then_some(("statusid", WON))
}

fn place(path: &[Hop], column: &str) -> Place {
    Place {
        path: path.to_vec(),
        column: column.to_owned(),
    }
}

fn at(path: &[Hop], column: &str) -> Value {
    Value::Column(place(path, column))
}

fn own(column: &str) -> Value {
    at(&[], column)
}

impl Pick {
    /// A column of the one row at the end of this chain.
    pub fn at(place: Place) -> Self {
        let Place { path, column } = place;
        Self {
            candidates: vec![Candidate { path, when: None }],
            then: self::place(&[], &column),
        }
    }

    /// The column, if it is that of the first of these rows, if of the second, and so on.
    pub fn places(&self) -> Vec<Place> {
        let from = |candidate: &Candidate| place(&[candidate.path.as_slice(), &self.then.path].concat(), &self.then.column);
        self.candidates.iter().map(from).collect()
    }
}

impl Candidate {
    /// The columns that it is known by.
    pub fn tests(&self) -> Vec<Place> {
        let columns = std::iter::once("id").chain(self.when.map(|(column, _)| column));
        columns.map(|column| place(&self.path, column)).collect()
    }
}

impl Value {
    /// The columns that its cells come from.
    pub fn sources(&self) -> Vec<Place> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Column(place) | Self::Cep(place) | Self::DocumentType(place) => vec![place.clone()],
            Self::First(places) => places.clone(),
            Self::Trimmed(pick) | Self::Document(pick) | Self::Client(pick) => pick.places(),
        }
    }

    /// The rows among which it picks.
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::Trimmed(pick) | Self::Document(pick) | Self::Client(pick) => &pick.candidates,
            _ => &[],
        }
    }

    /// The columns it reads.
    pub fn places(&self) -> Vec<Place> {
        let tests = self.candidates().iter().flat_map(Candidate::tests);
        self.sources().into_iter().chain(tests).collect()
    }
}
