//! The vendors' APIs simulated on loopback over real HTTP: same paths, tokens, pages, filters, limits and error bodies,
//! with their documented oddities. For the demo, the tests and a user's dry runs.
//! It does not read the table declarations, so a wrong path there cannot agree with itself here.
//!
//! Rows are a pure function of (seed, table, row number): an account of any size costs no memory and answers the same
//! for the same seed.

mod ask;
mod clock;
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
mod stamp;
mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use faults::{Faults, FaultsError, WORDS as FAULT_WORDS};

use ask::{Answer, Ask};
use meter::Limit;
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
        }
    }
}

/// A running simulation. Dropping it stops the server.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    world: Arc<World>,
    listener: tokio::task::JoinHandle<()>,
}

impl Sandbox {
    /// Starts listening. Must be called inside a tokio runtime, which then serves it. Fails when the address cannot be bound
    /// or `table_rows` names a table that does not exist.
    pub async fn start(options: Options) -> std::io::Result<Sandbox> {
        let known = row_counts(&World::new(options.seed, 1, &[]));
        let named = |name: &String| known.iter().any(|(table, _)| table == name);
        if let Some((name, _)) = options.table_rows.iter().find(|(name, _)| !named(name)) {
            let message = format!("rows of `{name}`: the sandbox has no such table; tables are named like `ploomes.deals`");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, message));
        }
        let world = Arc::new(World::new(options.seed, options.rows, &options.table_rows));
        let socket = tokio::net::TcpListener::bind(options.address).await?;
        let address = socket.local_addr()?;
        let server = server::Server::new(Arc::clone(&world), options);
        let listener = tokio::spawn(server.run(socket));
        Ok(Sandbox { address, world, listener })
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

    /// The token a source accepts; empty for a source that is not simulated. Every other token is refused.
    pub fn token(source: &str) -> &'static str {
        Vendor::named(source).map_or("", |vendor| vendor.token)
    }

    /// The rows of every table (`ploomes.deals`), exploded ones too, as a complete export has them.
    pub fn row_counts(&self) -> Vec<(String, u64)> {
        row_counts(&self.world)
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

/// What the server knows of a vendor.
pub(crate) struct Vendor {
    pub source: &'static str,
    /// Path of the base address.
    pub base: &'static str,
    pub token: &'static str,
    pub limit: Limit,
    /// Whether the vendor says in a 429 how long to wait.
    pub says_when: bool,
    /// An error body as the vendor words it, for the fault that sends it with status 200.
    pub error_body: &'static str,
    pub answer: fn(&World, &Ask) -> Answer,
    pub row_counts: fn(&World) -> Vec<(&'static str, u64)>,
}

impl Vendor {
    pub(crate) fn named(source: &str) -> Option<&'static Vendor> {
        VENDORS.iter().find(|vendor| vendor.source == source)
    }
}

/// The simulated sources. The limits of NectarCRM and SenseData are not documented: theirs are made up, so that something
/// is enforced.
pub(crate) static VENDORS: [Vendor; 4] = [
    Vendor {
        source: "ploomes",
        base: "/ploomes",
        token: "sandbox-ploomes-key-not-a-secret",
        limit: Limit {
            most: 120,
            window: Duration::from_secs(60),
        },
        says_when: true,
        error_body: r#"{"value":"Erro interno"}"#,
        answer: ploomes::answer,
        row_counts: ploomes::row_counts,
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
        error_body: "Invalid token",
        answer: nectarcrm::answer,
        row_counts: nectarcrm::row_counts,
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
        error_body: r#"{"error":"internal error"}"#,
        answer: sensedata::answer,
        row_counts: sensedata::row_counts,
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
        error_body: r#"{"error":{"code":"","message":"An error has occurred."}}"#,
        answer: exactsales::answer,
        row_counts: exactsales::row_counts,
    },
];

/// The rows of every table of every vendor.
pub(crate) fn row_counts(world: &World) -> Vec<(String, u64)> {
    let of = |vendor: &Vendor| (vendor.row_counts)(world);
    let counts = VENDORS.iter().flat_map(of);
    counts.map(|(table, rows)| (table.to_owned(), rows)).collect()
}
