//! The vendors' APIs simulated on loopback over real HTTP: same paths, tokens, pages, filters, limits and error bodies,
//! with their documented oddities. For the demo, the tests and a user's dry runs.
//! It does not read the table declarations, so a wrong path there cannot agree with itself here.
//!
//! Rows are a pure function of (seed, table, row number): an account of any size costs no memory and answers the same
//! for the same seed. What [`Sandbox::churn`] changes is kept beside it, and is reproducible too.

mod absent;
mod ask;
mod changes;
mod churn;
mod clock;
mod customerx;
mod exactsales;
mod faults;
mod json;
mod meter;
mod nectarcrm;
mod odata;
mod people;
mod places;
mod ploomes;
mod sensedata;
mod server;
mod silence;
mod splice;
mod stamp;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

pub use churn::{Change, Changed, Counts};
pub use faults::{Faults, FaultsError, WORDS as FAULT_WORDS};
pub use ploomes::{FieldChange, FieldKind, FieldRef};
pub use silence::Silence;

use ask::{Answer, Ask};
use churn::Subject;
use meter::Limit;
use server::Unrest;
use world::World;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes any free one.
    pub address: SocketAddr,
    /// The same seed gives the same account.
    pub seed: u64,
    /// Rows of a large table such as Ploomes' contacts; others in proportion, lookup tables small and fixed.
    pub rows: u64,
    /// Exact rows of single tables: `("ploomes.contacts", 300)`.
    pub table_rows: Vec<(String, u64)>,
    /// Answer 429 beyond the vendor's limit.
    pub limits: bool,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Added before every reply of a vendor.
    pub page_delay: Duration,
    /// Changes after every reply of a vendor, so that tables move while they are being paged; 0.1 is one change in ten
    /// replies. Drawn from the seed. 0 leaves the account alone.
    pub churn: f64,
    /// Custom fields of each entity of Ploomes that has them.
    pub custom_fields: u64,
    /// Tables of Ploomes whose custom fields the vendor refuses, and the status: `("ploomes.deals", 403)`; `ploomes.fields` is the list
    /// of all.
    pub refuse_custom_fields: Vec<(String, u16)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            rows: 1000,
            table_rows: Vec::new(),
            limits: false,
            faults: Faults::default(),
            page_delay: Duration::ZERO,
            churn: 0.0,
            custom_fields: world::USUAL_FIELDS,
            refuse_custom_fields: Vec::new(),
        }
    }
}

/// A running simulation. Dropping it stops the server.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    world: Arc<RwLock<World>>,
    unrest: Arc<Mutex<Unrest>>,
    listener: tokio::task::JoinHandle<()>,
}

impl Sandbox {
    /// Starts listening. Must be called inside a tokio runtime, which then serves it. Fails when the address cannot be bound
    /// or a table is named that does not exist, or that has no custom fields to refuse.
    pub async fn start(options: Options) -> std::io::Result<Sandbox> {
        let known = row_counts(&World::new(options.seed, 1, &[]));
        let named = |name: &String| known.iter().any(|(table, _)| table == name);
        if let Some((name, _)) = options.table_rows.iter().find(|(name, _)| !named(name)) {
            let message = format!("rows of `{name}`: the sandbox has no such table; tables are named like `ploomes.deals`");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, message));
        }
        let mut world = World::new(options.seed, options.rows, &options.table_rows).with_fields(options.custom_fields);
        for (table, status) in &options.refuse_custom_fields {
            let (table, status) = (table.clone(), *status);
            world.change_field(&FieldChange::Refuse { table, status }).map_err(refused)?;
        }
        let world = Arc::new(RwLock::new(world));
        let socket = tokio::net::TcpListener::bind(options.address).await?;
        let address = socket.local_addr()?;
        let unrest = Arc::new(Mutex::new(Unrest {
            rate: options.churn,
            tables: Vec::new(),
            rng: fastrand::Rng::with_seed(options.seed),
            silence: None,
        }));
        let server = server::Server::new(Arc::clone(&world), Arc::clone(&unrest), options);
        let listener = tokio::spawn(server.run(socket));
        Ok(Sandbox {
            address,
            world,
            unrest,
            listener,
        })
    }

    /// The address without any path: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base address of a source, to be used in place of the vendor's. A source that is not simulated gets the path of
    /// its name, which answers 404.
    pub fn base_url(&self, source: &str) -> String {
        match Vendor::named(source) {
            Some(vendor) => format!("{}{}", self.url(), vendor.base),
            None => format!("{}/{source}", self.url()),
        }
    }

    /// The token a source accepts; empty for a source that is not simulated. Every other token but [`Sandbox::later_token`] is refused.
    pub fn token(source: &str) -> &'static str {
        Vendor::named(source).map_or("", |vendor| vendor.token)
    }

    /// Another token that a source accepts, as after the first one was replaced.
    pub fn later_token(source: &str, number: u32) -> String {
        format!("{}{LATER}{number}", Sandbox::token(source))
    }

    /// The rows of every table (`ploomes.deals`), exploded ones too, as an export of all of them has them.
    pub fn row_counts(&self) -> Vec<(String, u64)> {
        row_counts(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes so many random changes (inserts, updates, deletes), spread over the tables that are named (`ploomes.deals`) or,
    /// when none is, over all that change. The same seed makes the same changes of the same account. Fails when a name is no
    /// table that changes.
    pub fn churn(&self, seed: u64, changes: u64, tables: &[&str]) -> std::io::Result<Changed> {
        let changed = self.world_mut().churn(seed, changes, tables, false);
        changed.map_err(refused)
    }

    /// The same as bulk updates: dozens of rows of a table get the same moment. Fails also when none of the tables has a time of
    /// its last change.
    pub fn churn_in_bulk(&self, seed: u64, changes: u64, tables: &[&str]) -> std::io::Result<Changed> {
        let changed = self.world_mut().churn(seed, changes, tables, true);
        changed.map_err(refused)
    }

    /// From now on so many changes follow every reply of a vendor, as [`Options::churn`] has it, in the tables that are named or in all that change; 0 ends
    /// it. Fails when a name is no table that changes.
    pub fn churn_replies(&self, seed: u64, rate: f64, tables: &[&str]) -> std::io::Result<()> {
        self.churn(seed, 0, tables)?;
        let mut unrest = self.unrest.lock().unwrap_or_else(PoisonError::into_inner);
        *unrest = Unrest {
            rate,
            tables: tables.iter().map(|&table| table.to_owned()).collect(),
            rng: fastrand::Rng::with_seed(seed),
            silence: unrest.silence,
        };
        Ok(())
    }

    /// From now on the vendors are silent in this way; `None` ends it.
    pub fn fall_silent(&self, silence: Option<Silence>) {
        self.unrest.lock().unwrap_or_else(PoisonError::into_inner).silence = silence;
    }

    /// Changes one row of a table (`ploomes.deals`) and returns its id. Fails when the table does not change, or has no such
    /// row.
    pub fn change(&self, table: &str, change: Change) -> std::io::Result<u64> {
        self.world_mut().change(table, change).map_err(refused)
    }

    /// Changes the custom fields of Ploomes; the field as `/Fields` tells it now. No row's time of its last change moves. Fails when
    /// there is no such field.
    pub fn change_field(&self, change: &FieldChange) -> std::io::Result<serde_json::Value> {
        let told = self.world_mut().change_field(change).map_err(refused)?;
        Ok(serde_json::from_slice(&told)?)
    }

    /// The simulated present, in RFC 3339 and UTC. It goes on with the changes only; no row was changed later.
    pub fn now(&self) -> String {
        stamp::text(self.world.read().unwrap_or_else(PoisonError::into_inner).now, 7, "Z")
    }

    fn world_mut(&self) -> std::sync::RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the server and waits until it has let go of its port.
    pub async fn shutdown(mut self) {
        self.listener.abort();
        // The only error is the cancellation asked for.
        let _ = (&mut self.listener).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn refused(why: String) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidInput, why)
}

/// What stands between a token and the number of a later one.
const LATER: &str = "-later-";

/// What the server knows of a vendor.
pub(crate) struct Vendor {
    pub source: &'static str,
    /// Path of the base address.
    pub base: &'static str,
    pub token: &'static str,
    pub limit: Limit,
    /// Whether the vendor says in a 429 how long to wait.
    pub says_when: bool,
    /// Whether every reply says how many requests are left, and until when.
    pub says_left: bool,
    /// An error body as the vendor words it, for the fault that sends it with status 200.
    pub error_body: &'static str,
    pub answer: fn(&World, &Ask) -> Answer,
    pub row_counts: fn(&World) -> Vec<(&'static str, u64)>,
    /// The tables that change.
    pub churning: fn(&World) -> Vec<Subject>,
}

impl Vendor {
    pub(crate) fn named(source: &str) -> Option<&'static Vendor> {
        VENDORS.iter().find(|vendor| vendor.source == source)
    }
}

/// The simulated sources. The limits of NectarCRM and SenseData are not documented: theirs are made up, so that something
/// is enforced.
pub(crate) static VENDORS: [Vendor; 5] = [
    Vendor {
        source: "ploomes",
        base: "/ploomes",
        token: "sandbox-ploomes-key-not-a-secret",
        limit: Limit {
            most: 120,
            window: Duration::from_secs(60),
        },
        says_when: true,
        says_left: false,
        error_body: r#"{"value":"Erro interno"}"#,
        answer: ploomes::answer,
        row_counts: ploomes::row_counts,
        churning: ploomes::churning,
    },
    Vendor {
        source: "nectarcrm",
        base: "/nectarcrm/crm/api/1",
        token: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzYW5kYm94LW5lY3RhcmNybS1ub3QtYS1zZWNyZXQifQ.c2FuZGJveC1ub3QtYS1zaWduYXR1cmU",
        limit: Limit {
            most: 10,
            window: Duration::from_secs(1),
        },
        says_when: false,
        says_left: false,
        error_body: "Invalid token",
        answer: nectarcrm::answer,
        row_counts: nectarcrm::row_counts,
        churning: nectarcrm::churning,
    },
    Vendor {
        source: "sensedata",
        base: "/sensedata/v2",
        token: "sandbox-sensedata-token-not-a-secret",
        limit: Limit {
            most: 10,
            window: Duration::from_secs(1),
        },
        says_when: true,
        says_left: false,
        error_body: r#"{"error":"internal error"}"#,
        answer: sensedata::answer,
        row_counts: sensedata::row_counts,
        churning: sensedata::churning,
    },
    Vendor {
        source: "exactsales",
        base: "/exactsales/v3",
        token: "sandbox-exactsales-token-not-a-secret",
        limit: Limit {
            most: 30,
            window: Duration::from_secs(20),
        },
        says_when: false,
        says_left: false,
        error_body: r#"{"error":{"code":"","message":"An error has occurred."}}"#,
        answer: exactsales::answer,
        row_counts: exactsales::row_counts,
        churning: exactsales::churning,
    },
    Vendor {
        source: "customerx",
        base: "/customerx/api/v1",
        token: "sandbox-customerx-token-not-a-secret",
        limit: Limit {
            most: 60,
            window: Duration::from_secs(60),
        },
        says_when: false,
        says_left: true,
        error_body: r#"{"error":"Internal Server Error"}"#,
        answer: customerx::answer,
        row_counts: customerx::row_counts,
        churning: customerx::churning,
    },
];

/// The rows of every table of every vendor.
pub(crate) fn row_counts(world: &World) -> Vec<(String, u64)> {
    let of = |vendor: &Vendor| (vendor.row_counts)(world);
    let counts = VENDORS.iter().flat_map(of);
    counts.map(|(table, rows)| (table.to_owned(), rows)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of every table of every vendor, in several orders and ranges.
    fn pages(world: &World) -> Vec<Answer> {
        let asked = [
            (
                "ploomes",
                "user-key",
                "",
                "Deals Contacts Orders Quotes Orders@Products Users Tasks Cities Deals@Stages Products",
                [
                    "",
                    "$top=300&$skip=40&$expand=Products,OtherProperties&$count=true",
                    "$filter=Id+gt+5000&$orderby=Id+desc&$top=50",
                    "$orderby=Name&$top=20",
                ],
            ),
            (
                "ploomes",
                "user-key",
                "",
                "Deals Contacts Orders Quotes Users Tasks Documents Products InteractionRecords",
                [
                    "$filter=LastUpdateDate+ge+2025-06-01T00:00:00Z&$orderby=LastUpdateDate,Id&$top=300",
                    "$filter=LastUpdateDate+lt+2025-06-01T00:00:00Z+and+Id+gt+7&$top=80",
                    "$orderby=LastUpdateDate+desc&$skip=90",
                    "$filter=LastUpdateDate+ge+2025-06-01T00:00:00Z&$count=true&$top=0",
                ],
            ),
            (
                "exactsales",
                "token_exact",
                "",
                "Leads LeadsAndPersons LeadsCustomFields Sources Sellers Losts LeadStages PainPoints Stages",
                ["", "$top=90&$skip=30&$count=true", "$top=400&$orderby=id+desc", "$select=id,leadId"],
            ),
            (
                "exactsales",
                "token_exact",
                "",
                "Tasks?dueDate Meetings?startTime Boxes?start LeadsSold?saleDate CallsHistory?startDate QualificationHistories?qualificationDate Leads?updateDate",
                [
                    "",
                    "$orderby=@+desc&$top=200&$skip=10",
                    "$filter=@+ge+2026-01-01&$count=true",
                    "$filter=@+ge+'2026-01-01'&$orderby=@",
                ],
            ),
            (
                "nectarcrm",
                "access-token",
                "",
                "contatos oportunidades qualificacoes compromissos tarefas produtos pipelines proposta",
                [
                    "displayLength=200",
                    "page=-1&status=2",
                    "page=3",
                    "dataInicioAtualizacao=10/03/2026&dataFimAtualizacao=20/08/2026",
                ],
            ),
            (
                "sensedata",
                "authorization",
                "Bearer ",
                "customers contacts contracts users playbooks tasks customer_billing",
                [
                    "limit=1000",
                    "page=2&limit=70&order_by=updated_at&sort=desc",
                    "updated_at:start=2026-05-01&order_by=updated_at",
                    "created_at:end=2022-01-01&updated_at:start=2026-02-01&limit=500",
                ],
            ),
            (
                "customerx",
                "authorization",
                "",
                "clients contacts contracts contract_additives contract_plans tasks tickets financials net_promoter_scores \
                 clients/journeys_clients groups timelines segments services type_contacts users board_csm_steps",
                ["", "page=3&per_page=7", "updated_at=2026-05-01", "created_at=2022-01-01&page=2"],
            ),
        ];
        let mut pages = Vec::new();
        for (source, header, scheme, paths, queries) in asked {
            let vendor = Vendor::named(source).unwrap();
            let token = format!("{scheme}{}", vendor.token);
            for path in paths.split_whitespace() {
                let (path, cursor) = path.split_once('?').unwrap_or((path, "id"));
                for query in queries {
                    let query = query.replace('@', cursor);
                    pages.push((vendor.answer)(world, &Ask::of(&format!("/{path}"), &query, &[(header, &token)])));
                }
            }
        }
        pages
    }

    #[test]
    fn without_churn_the_account_of_a_seed_never_changes() {
        use sha2::{Digest, Sha256};
        let mut digest = Sha256::new();
        for rows in [3, 700, 2500] {
            let world = World::new(11, rows, &[("sensedata.users".to_owned(), 40)]);
            for page in pages(&world) {
                digest.update(page.status.to_string());
                digest.update(&page.body);
            }
            for (table, rows) in row_counts(&world) {
                digest.update(format!("{table}={rows}"));
            }
        }
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "3e4c8e5de90d77da17b2d5651a44ae401c8b79d0d05b26b92cbd4981c9b65261");
    }
}
