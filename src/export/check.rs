//! What a run would find before it reads: `afluente check`.

use std::sync::Arc;

use super::gone::{named, paths};
use super::{Export, Family, Run};
use crate::commit::{self, Manifest};
use crate::config::Connection;
use crate::decode::Decoder;
use crate::error::{Error, Kind, Result};
use crate::page::Page;
use crate::read::{self, Probe};

/// Records that are asked for of each table: more than a few, because a note tells of members that none of them has.
const PAGE_ROWS: u32 = 50;

/// Records from which on it is worth a note that none of them has a member.
const ENOUGH: u64 = 20;

/// What a table answers.
#[derive(Debug)]
pub struct Checked {
    /// To a request for some of its rows.
    pub probe: Probe,
    /// What its next export would have to say, such as that it has no custom fields, and what the rows have no member for.
    pub warnings: Vec<String>,
}

impl Export {
    /// Asks for some rows of a planned table, as its next export would: with its custom fields, and with what the configuration makes of personal data. `looks`: into the lake,
    /// for what the table is there.
    ///
    /// # Errors
    /// Those for which its next export would fail before it reads.
    pub async fn check(&self, connection: &Connection, table: &str, looks: bool) -> Result<Checked> {
        let is_meant = |family: &&Arc<Family>| family.connection.name == connection.name && family.table.id == table;
        let Some(family) = self.families.iter().find(is_meant) else {
            return Err(Error::defect(format!("table `{table}` is checked and was not planned")));
        };
        let latest = if looks {
            let latest = commit::latest(&self.run.lake, &connection.name, table);
            self.stop.race(latest).await?
        } else {
            None
        };
        let mut warnings = Vec::new();
        let family = family.expected(&self.run, latest.as_ref(), &mut warnings).await?;
        let meter = &self.run.progress.tables[family.places[0]].meter;
        let endpoint = family.endpoint();
        let probe = read::probe(
            &family.client,
            &family.connection.source,
            &family.table,
            endpoint.as_deref(),
            PAGE_ROWS,
            meter,
        )
        .await?;
        match &probe.without {
            None => {
                warnings.extend(probe.page.as_ref().and_then(|page| family.unheard_of(page)));
                Ok(Checked { probe, warnings })
            }
            Some(member) => Err(Error::new(
                Kind::Data,
                format!("the records come without `{member}`, which was asked for and holds the custom fields"),
            )),
        }
    }
}

impl Family {
    /// The columns whose member none of the records of a page has, in words.
    fn unheard_of(&self, page: &Page) -> Option<String> {
        // What cannot be decoded is told by an export.
        let mut decoder = Decoder::new(&self.connection.source, &self.table, 0).ok()?;
        decoder.decode(page).ok()?;
        let noticed = decoder.noticed();
        let tables = self.tables();
        let notes = tables.iter().zip(noticed).filter(|(_, noticed)| noticed.rows >= ENOUGH);
        let notes = notes.filter(|(_, noticed)| !noticed.absent.is_empty()).map(|(table, noticed)| {
            let owner = if table.id == self.table.id {
                String::new()
            } else {
                format!("{}.", table.id)
            };
            let columns = noticed
                .absent
                .iter()
                .map(|column| format!("`{owner}{column}` ({})", paths(table, column)));
            format!("none of {} records has the member of {}", noticed.rows, named(columns))
        });
        let notes: Vec<String> = notes.collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// The family as its next run goes on with it, from this manifest.
    ///
    /// # Errors
    /// When it cannot: the vendor does not tell of its custom fields, a choice of what becomes of personal data is for no column, or the lake has rows of another host or account.
    pub(super) async fn expected(self: &Arc<Self>, run: &Run, parent: Option<&Manifest>, warnings: &mut Vec<String>) -> Result<Arc<Self>> {
        self.check_origin(run, parent).await?;
        let family = self.with_fields(run, parent, warnings).await?;
        self.connection.policies.check_columns(&family.table)?;
        Ok(family)
    }

    /// # Errors
    /// `Config` when the lake's rows came from another host or are of another account, and the run is not to replace them.
    pub(super) async fn check_origin(&self, run: &Run, parent: Option<&Manifest>) -> Result<()> {
        if let Some(host) = self.other_host(parent).filter(|_| !run.options.full_refresh) {
            return Err(Error::config(format!(
                "its rows in the lake were read from `{host}`, and connection `{}` asks `{}`",
                self.connection.name,
                self.host().unwrap_or_default()
            ))
            .hint("two accounts in one table would be neither: choose another lake (`--to`) or name the connection otherwise; `--full-refresh` replaces what is there"));
        }
        self.check_account(run, parent).await
    }
}
