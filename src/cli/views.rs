//! `afluente views`: SQL for other engines.

use super::args::{EngineName, ViewsArgs};
use super::printer::Printer;
use super::{Done, lake};
use crate::commit;
use crate::error::{Error, Result};
use crate::views::{self, Engine};

pub(super) async fn run(args: &ViewsArgs, printer: &Printer) -> Result<Done> {
    let (lake, _) = lake::open(&args.lake)?;
    let engine = match args.engine {
        EngineName::Duckdb => Engine::DuckDb,
        EngineName::Spark => Engine::Spark,
        EngineName::Athena if views::in_bucket(&lake) => Engine::Athena,
        EngineName::Athena => {
            return Err(Error::config(format!("Athena cannot read `{}`", lake.url("")))
                .hint("it reads buckets only: name the lake with --to s3://bucket/prefix"));
        }
    };
    let listing = lake::list(&lake, &args.lake.connections).await?;
    let manifests = commit::content_of(&lake, &listing).await?;
    if manifests.is_empty() {
        printer.warning(&lake::empty(&lake), None);
    }
    printer.data(&views::sql(engine, &manifests, &lake)).map(|()| Done::All)
}
