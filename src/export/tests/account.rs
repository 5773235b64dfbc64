//! A random account: few rows of few tables, as the sandbox simulates them, and how it is exported.

use std::sync::OnceLock;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use fastrand::Rng;

use crate::config::{Connection, TableConfig};
use crate::sandbox::{Change, Options, Sandbox};
use crate::schema::{Access, Catalog, Mode, Pagination};

/// What a row's time tells, and so which changes a refresh can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// When the row changed.
    Change,
    /// When something happened.
    Event,
    /// When something is to happen.
    Appointment,
    /// Nothing: it is read whole.
    Nothing,
    /// Nothing, and its rows stay what they are.
    Still,
}

#[derive(Debug, Clone, Copy)]
pub struct Subject {
    pub source: &'static str,
    pub table: &'static str,
    pub tells: Tells,
    /// The table that brings its rows, where that is another.
    with: Option<&'static str>,
}

const fn table(source: &'static str, table: &'static str, tells: Tells) -> Subject {
    Subject {
        source,
        table,
        tells,
        with: None,
    }
}

const fn along(source: &'static str, table: &'static str, with: &'static str) -> Subject {
    Subject {
        source,
        table,
        tells: Tells::Nothing,
        with: Some(with),
    }
}

const SUBJECTS: [Subject; 37] = [
    table("ploomes", "contacts", Tells::Change),
    table("ploomes", "users", Tells::Change),
    table("ploomes", "deals", Tells::Change),
    table("ploomes", "orders", Tells::Change),
    table("ploomes", "quotes", Tells::Change),
    table("ploomes", "products", Tells::Change),
    table("ploomes", "tasks", Tells::Change),
    table("ploomes", "documents", Tells::Change),
    table("ploomes", "cities", Tells::Nothing),
    table("ploomes", "deals_stages", Tells::Nothing),
    table("ploomes", "deals_loss_reasons", Tells::Still),
    along("ploomes", "orders_products", "ploomes.orders"),
    along("ploomes", "quotes_products", "ploomes.quotes"),
    table("nectarcrm", "contatos", Tells::Change),
    table("nectarcrm", "oportunidades", Tells::Change),
    table("nectarcrm", "qualificacoes", Tells::Change),
    table("nectarcrm", "compromissos", Tells::Nothing),
    table("nectarcrm", "tarefas", Tells::Nothing),
    table("nectarcrm", "produtos", Tells::Nothing),
    table("nectarcrm", "pipelines", Tells::Still),
    along("nectarcrm", "oportunidades_propostas", "nectarcrm.oportunidades"),
    table("sensedata", "customers", Tells::Change),
    table("sensedata", "contacts", Tells::Nothing),
    table("sensedata", "tasks", Tells::Change),
    table("sensedata", "contracts", Tells::Nothing),
    table("exactsales", "leads", Tells::Change),
    along("exactsales", "leadspersons", "exactsales.leads"),
    table("exactsales", "qualifications", Tells::Event),
    table("exactsales", "callshistory", Tells::Event),
    table("exactsales", "leadssold", Tells::Event),
    table("exactsales", "tasks", Tells::Appointment),
    table("exactsales", "meetings", Tells::Appointment),
    table("exactsales", "boxes", Tells::Appointment),
    table("exactsales", "sources", Tells::Nothing),
    table("customerx", "clients", Tells::Nothing),
    table("customerx", "contacts", Tells::Nothing),
    table("customerx", "contracts", Tells::Nothing),
];

impl Subject {
    pub fn name(&self) -> String {
        format!("{}.{}", self.source, self.table)
    }
}

pub struct Account {
    pub sandbox: Sandbox,
    pub subjects: Vec<Subject>,
    /// Without the sandbox's rows before this day.
    pub start: Option<NaiveDate>,
    pub connections: Vec<Connection>,
    /// Rows that were put in one by one: place of the subject, id.
    inserted: Vec<(usize, u64)>,
    /// Rows that the sandbox began with.
    table_rows: Vec<(String, u64)>,
}

impl Account {
    pub async fn new(rng: &mut Rng) -> Self {
        let mut subjects = Vec::new();
        for _ in 0..rng.usize(1..=3) {
            let subject = SUBJECTS[rng.usize(..SUBJECTS.len())];
            if !subjects.iter().any(|other: &Subject| other.name() == subject.name()) {
                subjects.push(subject);
            }
        }
        let mut table_rows = Vec::new();
        for subject in &subjects {
            // Events and appointments lie in a folder for each month: nearly a file for each row.
            let most = if matches!(subject.tells, Tells::Event | Tells::Appointment) {
                15
            } else {
                60
            };
            let rows = if rng.u8(..10) == 0 { rng.u64(..3) } else { rng.u64(3..most) };
            table_rows.push((subject.with.map_or_else(|| subject.name(), str::to_owned), rows));
        }
        let sandbox = Sandbox::start(Options {
            seed: rng.u64(..),
            rows: 20,
            table_rows: table_rows.clone(),
            ..Options::default()
        });
        let sandbox = sandbox.await.unwrap();
        let start = (rng.u8(..4) == 0).then(|| NaiveDate::from_ymd_opt(2026, 10, 31).unwrap() - Days::new(rng.u64(..1200)));
        let mut account = Self {
            sandbox,
            subjects,
            start,
            connections: Vec::new(),
            inserted: Vec::new(),
            table_rows,
        };
        account.connections = account.connect(rng);
        account
    }

    /// Another account behind the same host, with the same tables.
    pub async fn stranger(&self, rng: &mut Rng) -> Self {
        let options = Options {
            seed: rng.u64(..),
            rows: 20,
            table_rows: self.table_rows.clone(),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let mut connections = self.connections.clone();
        for connection in &mut connections {
            connection.base_url = sandbox.base_url(&connection.source.id).parse().unwrap();
        }
        Self {
            sandbox,
            connections,
            subjects: self.subjects.clone(),
            start: self.start,
            inserted: Vec::new(),
            table_rows: self.table_rows.clone(),
        }
    }

    /// A connection for each source of the tables, with only what they need of it.
    fn connect(&self, rng: &mut Rng) -> Vec<Connection> {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        let catalog = CATALOG.get_or_init(|| Catalog::embedded().unwrap());
        let mut sources: Vec<&str> = self.subjects.iter().map(|subject| subject.source).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut connections = Vec::new();
        for source in sources {
            let mut declared = catalog.source(source).unwrap().clone();
            declared.decl.retry.backoff = Duration::from_millis(1);
            if rng.u8(..3) == 0 {
                // A vendor that does not tell the account's id.
                declared.decl.account = None;
            }
            let wanted = |table: &str| {
                let subjects = || self.subjects.iter().filter(|subject| subject.source == source);
                subjects().any(|subject| subject.table == table || subject.with.is_some_and(|with| with == format!("{source}.{table}")))
            };
            declared.tables.retain(|table, declared| match &declared.access {
                Access::Fetch(_) => wanted(table),
                Access::Explode(explode) => wanted(&explode.table),
                Access::Derived => false,
            });
            let size = [None, Some(7), Some(13), Some(20)][rng.usize(..4)];
            for table in declared.tables.values_mut() {
                if let (Access::Fetch(fetch), Some(small)) = (&mut table.access, size) {
                    match &mut fetch.pagination {
                        Pagination::Keyset { size, .. } | Pagination::Offset { size, .. } => *size = small,
                        Pagination::Page { size, .. } => *size = size.map(|_| small),
                        Pagination::Single { .. } => {}
                    }
                }
            }
            let mut connection = Connection::to_sandbox(&declared, &self.sandbox.base_url(source), Sandbox::token(source)).unwrap();
            connection.start = self.start;
            connection.include.clear();
            if rng.bool() {
                connection.checkpoint = Duration::ZERO;
            }
            for subject in self.subjects.iter().filter(|subject| subject.source == source) {
                connection.include.push(subject.table.to_owned());
                connection.tables.insert(subject.table.to_owned(), settings(*subject, rng));
            }
            connections.push(connection);
        }
        connections
    }

    /// Other settings for one of the tables; what they are.
    pub fn reconfigure(&mut self, rng: &mut Rng) -> String {
        let subject = self.subjects[rng.usize(..self.subjects.len())];
        let settings = settings(subject, rng);
        let text = format!(
            "{}: mode {:?}, lookback {:?}, past {:?}",
            subject.name(),
            settings.mode,
            settings.lookback,
            settings.past
        );
        for connection in self.connections.iter_mut().filter(|one| one.source.id == subject.source) {
            connection.tables.insert(subject.table.to_owned(), settings.clone());
        }
        text
    }

    /// The connections, with tables that are not read whole looking for what is gone in each run.
    pub fn reconciling(&self) -> Vec<Connection> {
        let mut connections = self.connections.clone();
        for connection in &mut connections {
            for subject in self.subjects.iter().filter(|one| one.source == connection.source.id) {
                // Also what moved into a window and was deleted there before a run saw it: the lake has it where it was.
                connection.tables.entry(subject.table.to_owned()).or_default().reconcile = Some(Duration::ZERO);
            }
        }
        connections
    }

    /// The tables that change, as the sandbox calls them.
    pub fn changing(&self) -> Vec<String> {
        let changing = self.subjects.iter().filter(|subject| subject.tells != Tells::Still);
        changing.map(Subject::name).collect()
    }

    /// Puts a row in, or changes one that was put in, or deletes it: nothing that a refresh could not see.
    pub fn change_one(&mut self, rng: &mut Rng) -> Option<String> {
        let at = rng.usize(..self.subjects.len());
        let subject = self.subjects[at];
        if subject.tells == Tells::Still {
            return None;
        }
        let table = subject.with.map_or_else(|| subject.name(), str::to_owned);
        let known: Vec<u64> = self.inserted.iter().filter(|one| one.0 == at).map(|one| one.1).collect();
        let id = (rng.bool() && !known.is_empty()).then(|| known[rng.usize(..known.len())]);
        let sees_deletes = matches!(subject.tells, Tells::Appointment | Tells::Nothing) && subject.with.is_none();
        let change = match id.filter(|_| subject.tells != Tells::Event) {
            Some(id) if sees_deletes && rng.bool() => Change::Delete(id),
            Some(id) => Change::Update(id),
            None => Change::Insert,
        };
        // One that the random changes have deleted meanwhile cannot be changed.
        let id = self.sandbox.change(&table, change).ok()?;
        self.inserted.retain(|one| *one != (at, id));
        if !matches!(change, Change::Delete(_)) {
            self.inserted.push((at, id));
        }
        Some(format!("{table} {change:?} {id}"))
    }
}

/// How a table is refreshed: as declared, or in another way that sees the same changes.
fn settings(subject: Subject, rng: &mut Rng) -> TableConfig {
    const HOUR: Duration = Duration::from_secs(3600);
    let mut settings = TableConfig::default();
    if matches!(subject.tells, Tells::Change | Tells::Event | Tells::Appointment) && rng.u8(..6) == 0 {
        settings.mode = Some(Mode::Full);
    }
    match subject.tells {
        Tells::Change if rng.u8(..6) == 0 => {
            settings.mode = Some(Mode::Windowed);
            settings.past = Some(HOUR * rng.u32(..500));
        }
        Tells::Change if rng.u8(..3) == 0 => settings.lookback = Some(HOUR * rng.u32(..50)),
        Tells::Event if rng.u8(..3) == 0 => settings.lookback = Some(HOUR * rng.u32(24 * 30..24 * 60)),
        Tells::Appointment if rng.u8(..3) == 0 => settings.past = Some(HOUR * rng.u32(24 * 30..24 * 60)),
        _ => {}
    }
    settings
}
