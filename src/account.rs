//! Whose rows a connection's tables hold: `<connection>/_connection.json`.
//!
//! A connection is one account at a vendor. The object keeps what tells that account again: the vendor's own id of it, where its API has one, and an HMAC of every token that it was
//! read with. Each account has a *name* in the object, a random one that says nothing, and every manifest bears the name of the account whose rows it lists. So a table is
//! held against its own manifest, whichever tables a run chose and wherever it was cut.
//!
//! | the run | the object | what follows |
//! |---|---|---|
//! | has an id | knows the id | that account; an unknown token is added to it |
//! | has an id | knows the token of an account without a comparable id | that account; the id is added to it |
//! | has no id | knows the token | that account |
//! | anything else | | another account, see [`Claim`] |
//!
//! The object is written under the connection's lease, after the vendor has answered and before the first manifest that bears the name, and only when its content changes. Fields that
//! a later program adds stay in it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::commit::{self, Manifest};
use crate::error::{Error, Result};
use crate::hash_key::HashKey;
use crate::rename;
use crate::secret::Secret;
use crate::store::{Lake, PutIfAbsent, random_id};

/// The version of the object's form that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Tokens of an account that are remembered: the newest.
const TOKENS: usize = 20;

/// Hex digits of a token's HMAC that stand in messages.
const SHOWN: usize = 12;

/// The content of `_connection.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The vendor's API.
    pub source: String,
    /// The host that was asked when the account was recorded.
    #[serde(default)]
    pub host: Option<String>,
    /// What the tokens are hashed with.
    pub salt: String,
    /// The name of the account that runs go on with.
    pub account: String,
    /// The name of the account whose rows the manifests list that bear none: they are older than the object.
    #[serde(default)]
    pub unnamed: Option<String>,
    /// Every account that was recorded.
    pub accounts: Vec<Account>,
    /// When the object was written.
    pub written_at: DateTime<Utc>,
    /// By which run.
    pub run_id: String,
    /// What a later program keeps here.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Its name in manifests.
    pub name: String,
    /// The vendor's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<VendorId>,
    /// HMAC-SHA-256 of its tokens under the salt, the newest last.
    pub tokens: Vec<String>,
    /// What a later program keeps here.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A vendor's id of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorId {
    /// As the vendor writes it.
    pub value: String,
    /// Where it was read: ids from two places are not compared.
    pub read_from: String,
}

/// Who a run asks.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The vendor's API.
    pub source: &'a str,
    /// Its host.
    pub host: Option<&'a str>,
    /// The vendor's id of the account, if it told one.
    pub id: Option<&'a VendorId>,
    /// The token.
    pub token: &'a Secret,
    /// The run.
    pub run_id: &'a str,
}

/// What the user says of an account that the object does not know, or that is not the one to go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: that is an error.
    Nothing,
    /// It is the account of the lake's rows: its token is another one by now.
    Same,
    /// It is another account, whose rows take the place of those that are there.
    Another,
}

/// The account that a run asks, as the lake knows it or is to know it.
#[derive(Debug, Clone)]
pub struct Settled {
    /// What stood in the lake.
    found: Option<Record>,
    /// What is to stand there.
    record: Record,
}

/// The object's path in the lake.
pub fn path(connection: &str) -> String {
    format!("{connection}/_connection.json")
}

/// What the lake knows of a connection's accounts; nothing if it was never recorded.
///
/// # Errors
/// `Store` when the lake cannot be read, or the object is not what this program writes.
pub async fn read(lake: &Lake, connection: &str) -> Result<Option<Record>> {
    let path = path(connection);
    let Some(bytes) = lake.get(&path).await? else {
        return Ok(None);
    };
    let corrupt = |what: &dyn std::fmt::Display| {
        Error::store(format!("`{}`, which tells whose rows the connection holds, is corrupt: {what}", lake.url(&path))).hint(
            "restore it from a copy of the lake; or delete it, and export once with --same-account if all tables are of the account that the token is for, else with --full-refresh",
        )
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| corrupt(&error))?;
    match value.get("format_version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(FORMAT_VERSION) => {}
        Some(version) => {
            return Err(Error::store(format!(
                "`{}` has format_version {version}, expected {FORMAT_VERSION}",
                lake.url(&path)
            ))
            .hint("a newer afluente wrote it: use that version or a later one"));
        }
        None => return Err(corrupt(&"it has no format_version")),
    }
    let record: Record = serde_json::from_value(value).map_err(|error| corrupt(&error))?;
    if record.current().is_none() {
        return Err(corrupt(&format_args!(
            "it names the account `{}` and does not tell of it",
            record.account
        )));
    }
    HashKey::new(&record.salt).map_err(|error| corrupt(&format_args!("its salt cannot be used: {error}")))?;
    Ok(Some(record))
}

/// Finds out which account is asked. Nothing is written.
///
/// # Errors
/// `Config` when it is not the one that the connection's tables are of, and the claim does not say what that means; `Store` when the lake cannot be read.
pub async fn settle(lake: &Lake, connection: &str, asked: &Asked<'_>, claim: Claim) -> Result<Settled> {
    rename::check_not_moving(lake, connection).await?;
    let found = match read(lake, connection).await? {
        Some(found) => Some(found),
        None => {
            // In this order: the object is older than every manifest that bears a name.
            let names = names(lake, connection).await?;
            match read(lake, connection).await? {
                Some(found) => Some(found),
                None => return adopt(lake, connection, asked, claim, &names),
            }
        }
    };
    let Some(found) = found else {
        return Err(Error::defect("an account that is neither there nor adopted"));
    };
    match found.clone().with(connection, asked, claim) {
        Ok(record) => Ok(Settled {
            found: Some(found),
            record,
        }),
        // A token that was wrong in the first run is no reason to refuse the right one.
        Err(error) if claim == Claim::Nothing => match names(lake, connection).await?.is_empty() {
            true => {
                let record = found.clone().with(connection, asked, Claim::Another)?;
                Ok(Settled {
                    found: Some(found),
                    record,
                })
            }
            false => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// The account of tables that are older than the object, or whose object is gone.
fn adopt(lake: &Lake, connection: &str, asked: &Asked<'_>, claim: Claim, names: &BTreeSet<Option<String>>) -> Result<Settled> {
    let named: Vec<&String> = names.iter().flatten().collect();
    let (name, unnamed) = match (&named[..], claim) {
        ([], _) => {
            let name = new_name();
            (name.clone(), Some(name))
        }
        ([name], Claim::Same) => ((*name).clone(), Some((*name).clone())),
        (_, Claim::Another) => (new_name(), None),
        (several, _) => {
            let gone = Error::config(format!(
                "`{}` is gone, which told whose rows the connection holds: its manifests name {}",
                lake.url(&path(connection)),
                match several.len() {
                    1 => "an account".to_owned(),
                    many => format!("{many} accounts"),
                }
            ));
            return Err(gone.hint(match several.len() {
                1 => "restore it from a copy of the lake; or say --same-account if the rows are of the account that the token is for, --full-refresh if they are not",
                _ => "restore it from a copy of the lake; or say --full-refresh, with which every table is read anew",
            }));
        }
    };
    let mut record = Record {
        format_version: FORMAT_VERSION,
        source: asked.source.to_owned(),
        host: asked.host.map(str::to_owned),
        salt: Uuid::now_v7().simple().to_string(),
        account: name.clone(),
        unnamed,
        accounts: Vec::new(),
        written_at: Utc::now(),
        run_id: asked.run_id.to_owned(),
        rest: Map::new(),
    };
    let mut account = Account::new(name);
    account.learn(asked, &record.hash(asked.token)?);
    record.accounts.push(account);
    Ok(Settled { found: None, record })
}

/// The names of accounts in the newest manifests of a connection; `None` for one that bears none.
async fn names(lake: &Lake, connection: &str) -> Result<BTreeSet<Option<String>>> {
    let content = commit::content_of(lake, &lake.list(connection).await?).await?;
    // Exploded tables and histories are of their parent's account.
    let below: BTreeSet<&String> = content
        .iter()
        .flat_map(|one| one.children.keys().chain(one.histories.keys()))
        .collect();
    let read = content.iter().filter(|one| !below.contains(&one.table));
    Ok(read.map(|one| one.account.clone()).collect())
}

fn new_name() -> String {
    random_id() + &random_id()
}

impl Record {
    /// The account that runs go on with.
    pub fn current(&self) -> Option<&Account> {
        self.named(&self.account)
    }

    /// The name of the account whose rows a manifest lists.
    pub fn account_of<'a>(&'a self, manifest: &'a Manifest) -> Option<&'a str> {
        manifest.account.as_deref().or(self.unnamed.as_deref())
    }

    /// An account in words that reveal no token.
    pub fn describe(&self, name: Option<&str>) -> String {
        name.and_then(|name| self.named(name))
            .map_or_else(|| "an account that is not known any more".to_owned(), Account::describe)
    }

    fn named(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }

    fn hash(&self, token: &Secret) -> Result<String> {
        Ok(token.fingerprint(&HashKey::new(&self.salt)?))
    }

    /// The place of the account that is asked; nothing if it is not known.
    fn find(&self, asked: &Asked<'_>, token: &str) -> Option<usize> {
        if self.source != asked.source {
            return None;
        }
        let by_id = asked
            .id
            .and_then(|id| self.accounts.iter().position(|account| account.id.as_ref() == Some(id)));
        by_id.or_else(|| {
            self.accounts
                .iter()
                .position(|account| account.tokens.iter().any(|known| known == token) && !account.contradicts(asked.id))
        })
    }

    /// The record with what this run knows.
    fn with(mut self, connection: &str, asked: &Asked<'_>, claim: Claim) -> Result<Self> {
        let token = self.hash(asked.token)?;
        let place = match (self.find(asked, &token), claim) {
            (Some(place), _) if self.accounts[place].name == self.account => place,
            (Some(place), Claim::Same | Claim::Another) => place,
            (None, Claim::Same) => {
                let same = self.accounts.iter().position(|account| account.name == self.account);
                match same.filter(|place| self.source == asked.source && !self.accounts[*place].contradicts(asked.id)) {
                    Some(place) => place,
                    None => return Err(self.other(connection, asked, &token)),
                }
            }
            (None, Claim::Another) => {
                self.accounts.push(Account::new(new_name()));
                self.accounts.len() - 1
            }
            (_, Claim::Nothing) => return Err(self.other(connection, asked, &token)),
        };
        if self.accounts[place].name != self.account {
            self.account.clone_from(&self.accounts[place].name);
            (self.source, self.host) = (asked.source.to_owned(), asked.host.map(str::to_owned));
        }
        self.accounts[place].learn(asked, &token);
        Ok(self)
    }

    /// Why the account that is asked is not the one to go on with.
    fn other(&self, connection: &str, asked: &Asked<'_>, token: &str) -> Error {
        let was = self.describe(Some(&self.account));
        if self.source != asked.source {
            return Error::config(format!(
                "connection `{connection}` asks {}, and its rows in the lake are of {}, of {was}",
                asked.source, self.source
            ))
            .hint("name the connection otherwise or choose another lake (`--to`); `--full-refresh` replaces what is there");
        }
        let place = self.find(asked, token);
        let is_other = self.current().is_some_and(|current| current.contradicts(asked.id));
        let mut asks = Account::new(String::new());
        asks.learn(asked, token);
        let error = Error::config(format!(
            "connection `{connection}` asks {}, and its rows in the lake are of {was}",
            asks.describe()
        ));
        if is_other && place.is_none() {
            // The vendor says so itself.
            return error.hint(
                "two accounts in one table would be neither: choose another lake (`--to`) or name the connection otherwise; `--full-refresh` replaces what is there with the rows of the account that is asked now",
            );
        }
        error.hint(
            "if it is the same account with a new token, say `--same-account` once; if it is another account, choose another lake (`--to`) or name the connection otherwise; `--full-refresh` replaces what is there",
        )
    }
}

impl Account {
    fn new(name: String) -> Self {
        Self {
            name,
            id: None,
            tokens: Vec::new(),
            rest: Map::new(),
        }
    }

    /// Whether the vendor's ids say that it is another one.
    fn contradicts(&self, id: Option<&VendorId>) -> bool {
        matches!((&self.id, id), (Some(own), Some(other)) if own.read_from == other.read_from && own.value != other.value)
    }

    fn learn(&mut self, asked: &Asked<'_>, token: &str) {
        if let Some(id) = asked.id {
            self.id = Some(id.clone());
        }
        if !self.tokens.iter().any(|known| known == token) {
            self.tokens.push(token.to_owned());
            self.tokens.drain(..self.tokens.len().saturating_sub(TOKENS));
        }
    }

    /// `account 4321`, or `the account with the token 3f9c0a1b2c3d`, which are digits of its hash.
    pub fn describe(&self) -> String {
        match (&self.id, self.tokens.last()) {
            (Some(id), _) => format!("account {}", id.value.escape_default()),
            (None, Some(token)) => format!("the account with the token of fingerprint {}", token.get(..SHOWN).unwrap_or(token)),
            (None, None) => "an account without a token".to_owned(),
        }
    }
}

impl Settled {
    /// The record as it is to be.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The name of the account that is asked.
    pub fn account(&self) -> &str {
        &self.record.account
    }

    /// Whether the lake knows it so already.
    pub fn is_recorded(&self) -> bool {
        self.found.as_ref() == Some(&self.record)
    }

    /// Writes the record. False if somebody else was faster: settle it again.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read or written.
    pub async fn write(&mut self, lake: &Lake, connection: &str, run_id: &str) -> Result<bool> {
        if self.is_recorded() {
            return Ok(true);
        }
        (self.record.written_at, self.record.run_id) = (Utc::now(), run_id.to_owned());
        let path = path(connection);
        let mut document =
            serde_json::to_vec_pretty(&self.record).map_err(|error| Error::defect(format!("cannot write `{path}`: {error}")))?;
        document.push(b'\n');
        let written = match &self.found {
            None => {
                let created = lake.put_if_absent(&path, document).await;
                // An answer that was lost may have been ours.
                matches!(created, Ok(PutIfAbsent::Created)) || read(lake, connection).await?.as_ref() == Some(&self.record) || {
                    let _ = created?;
                    false
                }
            }
            Some(found) if read(lake, connection).await?.as_ref() == Some(found) => {
                lake.put(&path, document).await?;
                true
            }
            Some(_) => false,
        };
        if written {
            self.found = Some(self.record.clone());
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests;
