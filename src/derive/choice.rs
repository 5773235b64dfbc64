//! `[connections.<name>.customerx]`: which Ploomes records become clients, contacts and contracts, and by what they are known.

use serde::Deserialize;

/// The keys of the block.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerX {
    /// What a client is made of.
    pub client: Party,
    /// What a contact is made of.
    pub contact: Party,
    /// What a contract is made of.
    pub contract: Contract,
    /// By what both systems know a client.
    pub key: Key,
    /// Which deals count where clients, contacts or contracts are made of deals.
    #[serde(default)]
    pub deals: Deals,
    /// Further columns of the table that a client is made of.
    #[serde(default)]
    pub client_fields: Vec<String>,
    /// The same of a contact.
    #[serde(default)]
    pub contact_fields: Vec<String>,
    /// The same of a contract.
    #[serde(default)]
    pub contract_fields: Vec<String>,
}

/// What a client or a contact is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A deal, with the data of its contact (client) or its person (contact).
    Deal,
    /// A contact that is a company.
    Organization,
    /// A contact that is a person.
    Person,
}

/// What a contract is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contract {
    /// A deal.
    Deal,
    /// A product of an order.
    Products,
}

/// By what both systems know a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// CPF or CNPJ.
    Document,
    /// The key of another system.
    ExternalCode,
    /// The e-mail.
    Email,
}

/// Which deals count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deals {
    /// Those that were won.
    #[default]
    Won,
    /// All.
    All,
}

impl CustomerX {
    /// Every choice of each kind, in a few blocks: for what a column can be made of.
    pub(super) fn each() -> Vec<Self> {
        let parties = [Party::Deal, Party::Organization, Party::Person];
        let others = [
            (Contract::Deal, Key::Document),
            (Contract::Products, Key::ExternalCode),
            (Contract::Deal, Key::Email),
        ];
        let block = |party, (contract, key)| Self {
            client: party,
            contact: party,
            contract,
            key,
            deals: Deals::All,
            client_fields: Vec::new(),
            contact_fields: Vec::new(),
            contract_fields: Vec::new(),
        };
        parties
            .into_iter()
            .flat_map(|party| others.map(|other| block(party, other)))
            .collect()
    }
}

impl Party {
    /// The word in the configuration and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deal => "deal",
            Self::Organization => "organization",
            Self::Person => "person",
        }
    }
}

impl Contract {
    /// The word in the configuration and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deal => "deal",
            Self::Products => "products",
        }
    }
}

impl Deals {
    /// The word in the configuration and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::All => "all",
        }
    }
}

impl Key {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::ExternalCode => "external_code",
            Self::Email => "email",
        }
    }

    /// The column of `contacts` that holds it.
    pub fn column(self) -> &'static str {
        match self {
            Self::Document => "register",
            Self::ExternalCode => "key",
            Self::Email => "email",
        }
    }
}
