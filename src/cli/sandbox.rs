//! `afluente sandbox`: stdout gets what a shell needs to point an export at it.

use std::time::Duration;

use super::args::SandboxArgs;
use super::printer::Printer;
use super::{Done, stop_on_signals};
use crate::error::{Error, Result};
use crate::sandbox::{Options, Sandbox};
use crate::schema::Catalog;

pub(super) async fn run(args: &SandboxArgs, printer: &Printer) -> Result<Done> {
    if !args.listen.ip().is_loopback() {
        return Err(Error::config(format!(
            "--listen {}: the sandbox speaks plain HTTP and listens on this machine only",
            args.listen
        ))
        .hint("expected an address such as 127.0.0.1:8321"));
    }
    let catalog = Catalog::embedded()?;
    let (_stopper, stop) = stop_on_signals(printer, None);
    let sandbox = Sandbox::start(Options {
        address: args.listen,
        seed: args.world.seed,
        rows: args.world.rows,
        table_rows: args.world.table_rows.clone(),
        limits: !args.no_limits,
        faults: args.faults.clone(),
        page_delay: Duration::from_millis(args.delay_ms),
        churn: args.churn,
        custom_fields: args.custom_fields,
        refuse_custom_fields: args.refuse_custom_fields.clone(),
    })
    .await
    .map_err(|error| {
        Error::config(format!("the sandbox cannot listen on {}: {error}", args.listen)).hint("--listen 127.0.0.1:0 takes any free port")
    })?;
    let mut lines = String::new();
    for source in catalog.sources() {
        lines.push_str(&format!(
            "export {}_BASE_URL={}\n",
            source.id.to_uppercase(),
            sandbox.base_url(&source.id)
        ));
        lines.push_str(&format!("export {}={}\n", source.token_env, Sandbox::token(&source.id)));
    }
    printer.data(&lines)?;
    let url = sandbox.url();
    printer.info(&format!(
        "The sandbox answers at {url} until Ctrl-C; {url}/_sandbox/row_counts tells what it holds."
    ));
    printer.info("The lines on stdout, pasted into another shell, point `afluente export` at it.");
    stop.requested().await;
    sandbox.shutdown().await;
    Ok(Done::All)
}
