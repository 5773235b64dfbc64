//! `afluente rename`: a connection moved to another name inside its lake.

use uuid::Uuid;

use super::args::{LakeArgs, RenameArgs};
use super::printer::{Printer, count};
use super::{Done, lake, stop_on_signals};
use crate::error::Result;
use crate::rename::rename;

/// What becomes of a rename that is stopped.
const CUT: &str = "stopping: the connection is whole under one of its names; the same command goes on with it";

pub(super) async fn run(args: &RenameArgs, printer: &Printer) -> Result<Done> {
    let (_stopper, stop) = stop_on_signals(printer, Some(CUT));
    let of_lake = LakeArgs {
        connections: Vec::new(),
        place: args.place.clone(),
    };
    let (lake, config) = lake::open(&of_lake)?;
    let renamed = stop.race(rename(&lake, &args.old, &args.new, &Uuid::now_v7().to_string())).await?;
    printer.info(&format!(
        "`{}` is `{}` in {}: {}, {} copied",
        args.old,
        args.new,
        lake.url(""),
        count(renamed.tables, "table"),
        count(renamed.copied, "object")
    ));
    if config.connections.contains_key(&args.old) {
        printer.warning(
            &format!(
                "the configuration still has `[connections.{}]`: an export would begin it anew",
                args.old
            ),
            Some(&format!("name it `[connections.{}]`", args.new)),
        );
    }
    Ok(Done::All)
}
