//! Rows of another table for which the vendor gives nothing any more, although the lake has rows of them: an answer of 404, or that nothing was found, may be a blip.
//! What the lake has of them stays until a run a day later is answered so again, or the other table has the row no more.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, SecondsFormat, TimeDelta};

use super::step::Step;
use super::{Family, Run};
use crate::commit::Manifest;
use crate::error::Result;
use crate::merge::{Merge, Missing};
use crate::read::ReadSummary;

/// How long an answer has to last before it is believed.
const LASTS: TimeDelta = TimeDelta::days(1);

/// Ids that a manifest remembers. The rows of others stay until there is room.
const MOST: usize = 10_000;

impl Family {
    /// The column that names the row of the other table, where the table is read row by row and has one.
    pub(super) fn column_of_parent(&self) -> Option<&str> {
        let for_each = self.table.fetch()?.for_each.as_ref()?;
        let named = format!("{}.{}", for_each.table, for_each.column);
        let mut columns = self.table.columns.iter();
        let column = columns.find(|column| column.references.as_ref() == Some(&named) && column.treatment.is_none())?;
        Some(&column.name)
    }

    /// Lets the rows stay that are not to go yet; the ids to remember, and since when.
    ///
    /// # Errors
    /// `Store` when the lake cannot be read.
    pub(super) fn let_stay(
        &self,
        run: &Run,
        parent: Option<&Manifest>,
        step: &Step,
        summary: &ReadSummary,
        merge: &mut Merge,
    ) -> Result<BTreeMap<String, String>> {
        let mut remembered = BTreeMap::new();
        let (Some(column), Some(parent)) = (self.column_of_parent(), parent) else {
            return Ok(remembered);
        };
        let is_asked = step.compare && step.missing == Missing::Go && !self.max_shrink(run, &self.table.id).lets_all_pass();
        if !is_asked || summary.nothing_for.is_empty() || parent.rows == 0 {
            return Ok(remembered);
        }
        let ids: HashSet<&str> = summary.nothing_for.iter().map(String::as_str).collect();
        for (id, rows) in merge.unread_rows(column, &ids)? {
            let since = parent.absent.get(&id).and_then(|since| DateTime::parse_from_rfc3339(since).ok());
            let since = since.map_or(run.started_at, |since| since.to_utc());
            if run.started_at - since >= LASTS {
                continue;
            }
            tracing::warn!(
                table = self.table.id,
                id,
                "the vendor gives nothing for a row that had some; they stay for a day"
            );
            merge.keep(&rows);
            if remembered.len() < MOST {
                remembered.insert(id, since.to_rfc3339_opts(SecondsFormat::Secs, true));
            }
        }
        Ok(remembered)
    }
}
