//! Commands that simulate the vendors: `sandbox`, `demo`.

use clap::Args;

use super::{ProgressMode, values};

/// How much a sandbox holds.
#[derive(Debug, Clone, Args)]
pub struct WorldArgs {
    /// Rows are made from this number
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Rows of a large table; the others follow in proportion
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub rows: u64,
    /// Rows of one table (`ploomes.contacts=3000000`); may be given several times
    #[arg(long, value_name = "TABLE=N", value_parser = values::table_rows)]
    pub table_rows: Vec<(String, u64)>,
}

/// `afluente sandbox`
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Where to listen: an address of this machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8321")]
    pub listen: std::net::SocketAddr,
    /// How much it holds
    #[command(flatten)]
    pub world: WorldArgs,
    /// Do not answer 429 beyond the vendors' limits
    #[arg(long)]
    pub no_limits: bool,
    /// Faults and their rates (`429=0.1,500=0.05,cut=0.02,slow=0.02,html=0.01`)
    #[arg(long, value_name = "FAULT=RATE,...", default_value = "")]
    pub faults: crate::sandbox::Faults,
    /// Delay before each answer, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub delay_ms: u64,
    /// Changes of the data per answer (0.1 is one in ten answers), so that tables move while they are read
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = values::rate)]
    pub churn: f64,
    /// Custom fields of each Ploomes entity that has them
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(0..=1000))]
    pub custom_fields: u64,
    /// Ploomes tables whose custom fields are refused, with 403 or another status (`ploomes.deals,ploomes.orders=400`; `ploomes.fields`: their list)
    #[arg(long, value_name = "TABLE[=STATUS],...", value_delimiter = ',', value_parser = values::refusal)]
    pub refuse_custom_fields: Vec<(String, u16)>,
}

/// `afluente demo`
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Lake
    #[arg(long, value_name = "URL", default_value = "./lake")]
    pub to: String,
    /// How much the sandbox holds
    #[command(flatten)]
    pub world: WorldArgs,
    /// How progress is shown
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressMode,
}
