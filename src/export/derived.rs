//! Tables that are made of others of the lake, once these are what the run makes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::identity::common_account;
use super::intake::Decoded;
use super::progress::State;
use super::report::{Failure, Status};
use super::{Export, Family, Options, Run, Selection, intake};
use crate::commit::{self, Manifest};
use crate::config::Connection;
use crate::decode::{Counts, Reject};
use crate::derive::{CustomerX, Derivation, Lookup, Survey, inputs};
use crate::error::{Error, Result};
use crate::read::ReadSummary;
use crate::schema::Table;
use crate::store::Lake;

/// What a derived table is made of.
#[derive(Debug)]
pub(super) struct Sources {
    derivation: Derivation,
    manifests: BTreeMap<String, Manifest>,
    /// The account whose rows these list.
    pub account: Option<String>,
}

/// `<connection>/_derived/<table>.json`: that a version is also what other versions of its inputs give. The manifest says of which it was made; where these moved on and
/// the rows stayed the same, no version is committed, and the next run would find that out again.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Confirmed {
    version: u64,
    #[serde(flatten)]
    made: Made,
}

/// Of what a derived table was made, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Made {
    pub derived_from: BTreeMap<String, u64>,
    /// A table that was deleted and exported anew has the same versions again.
    pub derived_runs: BTreeMap<String, String>,
    pub derived_by: String,
}

impl Sources {
    /// Of what the table is made, and how.
    pub fn made(&self) -> Made {
        let inputs = || self.manifests.iter();
        Made {
            derived_from: inputs().map(|(table, manifest)| (table.clone(), manifest.version)).collect(),
            derived_runs: inputs().map(|(table, manifest)| (table.clone(), manifest.run_id.clone())).collect(),
            derived_by: self.derivation.by().to_owned(),
        }
    }

    /// Whether what this manifest lists was made of personal data as it is now.
    pub fn protects_as(&self, manifest: &Manifest) -> bool {
        self.derivation.protects_as(manifest.derived_by.as_deref().unwrap_or_default())
    }
}

impl Made {
    /// As the manifest of a derived table tells.
    fn of(manifest: &Manifest) -> Option<Self> {
        Some(Self {
            derived_from: manifest.derived_from.clone(),
            derived_runs: manifest.derived_runs.clone(),
            derived_by: manifest.derived_by.clone()?,
        })
    }
}

/// What a derived table would be.
#[derive(Debug)]
pub enum Surveyed {
    /// Every column is there. Rows can be counted once the lake has these tables.
    Without(Vec<String>),
    /// Every column will be there, but the lake has tables otherwise than the next export makes them.
    Otherwise,
    /// Of what the lake holds.
    Rows(Survey),
}

impl Export {
    /// What this derived table of the connection would be.
    ///
    /// # Errors
    /// `Config` when a column or a table that it needs is not there; when the vendor does not tell of its custom fields; `Store` when the lake cannot be read.
    pub async fn survey(&self, connection: &Connection, set: &CustomerX, table: &Table) -> Result<Surveyed> {
        let latest = latest(&self.run.lake, connection, table, inputs(&table.id, set)).await?;
        // The next export makes them so, whatever the lake has.
        Derivation::new(table, set, &self.expected(&latest).await?)?;
        let absent = latest.iter().filter(|(_, manifest)| manifest.is_none());
        let absent: Vec<String> = absent.map(|(input, _)| input.clone()).collect();
        if !absent.is_empty() {
            return Ok(Surveyed::Without(absent));
        }
        let manifests = latest.into_iter().filter_map(|(input, manifest)| Some((input, manifest?)));
        let manifests: BTreeMap<String, Manifest> = manifests.collect();
        let tables = manifests.values().map(|manifest| held(manifest, connection));
        let Ok(derivation) = Derivation::new(table, set, &tables.collect::<Result<_>>()?) else {
            return Ok(Surveyed::Otherwise);
        };
        let (lake, stop) = (self.run.lake.clone(), self.stop.clone());
        let surveyed = spawn_blocking(move || {
            derivation.survey(&Lookup {
                lake: &lake,
                handle: Handle::current(),
                manifests: &manifests,
                memory: Options::default().memory / 8,
                go_on: &|| stop.check(),
            })
        });
        surveyed.await?.map(Surveyed::Rows)
    }

    /// Tables as the next export makes them, by name: with the custom fields that they have in the lake, or that the account gives one which is not there yet, and with what
    /// is to become of personal data. `latest`: their newest manifests.
    ///
    /// # Errors
    /// When the vendor does not tell of its custom fields.
    async fn expected(&self, latest: &[(String, Option<Manifest>)]) -> Result<BTreeMap<String, Table>> {
        let mut expected = BTreeMap::new();
        for (table, latest) in latest {
            if let Some(family) = self.families.iter().find(|family| family.table.id == *table) {
                let family = family.with_fields(&self.run, latest.as_ref(), &mut Vec::new()).await?;
                expected.insert(table.clone(), family.table.clone());
            }
        }
        Ok(expected)
    }
}

/// What there is to do for a derived table.
enum Work {
    /// Nothing can be done in this run, for this reason.
    Skip(String),
    /// This version is of these inputs already.
    Nothing(Box<Manifest>),
    Derive(Arc<Family>),
}

impl Family {
    /// Derives the table, if what it is made of changed, and tells the outcome in the progress.
    pub(super) async fn derive(self: &Arc<Self>, run: &Arc<Run>) -> Result<(), ()> {
        let place = &run.progress.tables[self.places[0]];
        place.set(State::Reading);
        match self.work(run).await {
            Ok(Work::Skip(reason)) => {
                self.skip(run, Some(&reason));
                Err(())
            }
            Ok(Work::Nothing(manifest)) => {
                let mut report = self.report(run, 0);
                report.status = Status::Unchanged;
                report.version = Some(manifest.version);
                (report.rows, report.bytes) = (manifest.rows, manifest.bytes);
                report.files = manifest.entries.len() as u64;
                place.set(State::Ended(Box::new(report)));
                Ok(())
            }
            Ok(Work::Derive(family)) => {
                family.export(run).await?;
                let State::Ended(mut report) = place.state() else { return Ok(()) };
                if let (Status::Unchanged, Some(version)) = (report.status, report.version)
                    && let Err(error) = family.confirm(&run.lake, version).await
                {
                    let what = format!(
                        "unchanged, but that could not be noted, so the next run derives it again: {}",
                        error.message()
                    );
                    report.warning = Some(report.warning.map_or(what.clone(), |before| format!("{before}; {what}")));
                    place.set(State::Ended(report));
                }
                Ok(())
            }
            Err(error) => {
                let mut report = self.report(run, 0);
                report.error = Some(Failure::from(&error));
                place.set(State::Ended(Box::new(report)));
                Err(())
            }
        }
    }

    async fn work(self: &Arc<Self>, run: &Arc<Run>) -> Result<Work> {
        let Some(set) = &self.connection.customerx else {
            return Err(Error::defect("a derived table without its configuration"));
        };
        let inputs = inputs(&self.table.id, set);
        if let Some(reason) = self.hindered(run, &inputs) {
            return Ok(Work::Skip(reason));
        }
        let manifests = input_manifests(&run.lake, &self.connection, &self.table, inputs);
        let manifests = self.client.stop().race(manifests).await?;
        let tables = manifests.values().map(|manifest| held(manifest, &self.connection));
        let derivation = Derivation::new(&self.table, set, &tables.collect::<Result<_>>()?)?;
        let account = common_account(&run.lake, &self.connection.name, &manifests);
        let account = self.client.stop().race(account).await?;
        let family = Arc::new(Self {
            table: derivation.table().clone(),
            derivation: Some(Arc::new(Sources {
                derivation,
                manifests,
                account,
            })),
            ..Self::clone(self)
        });
        if !run.options.full_refresh
            && let Some(manifest) = self.client.stop().race(family.current(&run.lake)).await?
        {
            return Ok(Work::Nothing(Box::new(manifest)));
        }
        Ok(Work::Derive(family))
    }

    /// Why this run has not made the inputs what they are to be.
    fn hindered(&self, run: &Run, inputs: &[String]) -> Option<String> {
        let tables = run.progress.tables.iter();
        let mut of_inputs = tables.filter(|table| table.connection == self.connection.name && inputs.contains(&table.table));
        of_inputs.find_map(|table| match table.state() {
            State::Ended(report) if report.status.is_done() => None,
            State::Ended(report) => Some(format!(
                "left as it was: `{}`, which it is made of, {}",
                table.table,
                match report.status {
                    Status::Failed => "failed",
                    _ => "was not reached",
                }
            )),
            State::Waiting | State::Reading => Some(format!("left as it was: `{}`, which it is made of, was not reached", table.table)),
        })
    }

    /// The newest manifest, if it is of these inputs.
    async fn current(&self, lake: &Lake) -> Result<Option<Manifest>> {
        let Some(sources) = &self.derivation else { return Ok(None) };
        let base = intake::base(lake, &self.connection.name, &self.tables()).await?;
        if self.is_other(&base).is_some() {
            return Ok(None);
        }
        let Some(Some(newest)) = base.into_iter().next() else {
            return Ok(None);
        };
        let made = sources.made();
        if Made::of(&newest).as_ref() == Some(&made) {
            return Ok(Some(newest));
        }
        let now = Confirmed {
            version: newest.version,
            made,
        };
        let noted = lake.get(&self.confirmed_path()).await?;
        // What cannot be read is made anew.
        let noted = noted.and_then(|bytes| serde_json::from_slice::<Confirmed>(&bytes).ok());
        Ok((noted == Some(now)).then_some(newest))
    }

    /// Takes note that this version is what these inputs give.
    async fn confirm(&self, lake: &Lake, version: u64) -> Result<()> {
        let Some(sources) = &self.derivation else { return Ok(()) };
        let confirmed = Confirmed {
            version,
            made: sources.made(),
        };
        let text = serde_json::to_vec_pretty(&confirmed).map_err(|error| Error::defect(format!("it cannot be JSON: {error}")))?;
        lake.put(&self.confirmed_path(), text).await
    }

    fn confirmed_path(&self) -> String {
        format!("{}/_derived/{}.json", self.connection.name, self.table.id)
    }

    /// Makes the rows and hands them on as decoded ones are.
    pub(super) async fn make(&self, run: &Arc<Run>, decoded: mpsc::Sender<Decoded>) -> Result<(ReadSummary, Vec<Counts>)> {
        let Some(sources) = self.derivation.clone() else {
            return Err(Error::defect("a table that is neither fetched nor derived"));
        };
        let began = Utc::now();
        let (run, stop, table) = (run.clone(), self.client.stop().clone(), self.table.id.clone());
        let making = spawn_blocking(move || {
            let mut counts = Counts::default();
            let lookup = Lookup {
                lake: &run.lake,
                handle: Handle::current(),
                manifests: &sources.manifests,
                memory: run.options.memory / 8,
                go_on: &|| stop.check(),
            };
            sources.derivation.rows(&lookup, run.started_at.timestamp_micros(), |batch, bad| {
                counts.records += batch.num_rows() as u64;
                counts.bad_cells += bad.len() as u64;
                let reject = |bad: crate::derive::BadCell| Reject {
                    table: table.clone(),
                    key: Some(bad.key),
                    column: Some(bad.column),
                    raw: bad.raw,
                    reason: bad.reason.to_owned(),
                };
                let item = Decoded {
                    set: vec![vec![batch]],
                    rejects: bad.into_iter().map(reject).collect(),
                    counts: vec![counts],
                    resume: None,
                };
                // A writer that has gone away tells itself why.
                Ok(decoded.blocking_send(item).is_ok())
            })?;
            Ok::<_, Error>((counts.records, vec![counts]))
        });
        let (rows, counts) = making.await??;
        let summary = ReadSummary {
            rows,
            repeated: 0,
            counted: None,
            unavailable: None,
            began,
            pages: 0,
            ..ReadSummary::default()
        };
        Ok((summary, counts))
    }
}

/// The table as the lake has it, by its name, with the key of its hashes where that is the connection's.
fn held(manifest: &Manifest, connection: &Connection) -> Result<(String, Table)> {
    let mut table = manifest.as_table()?;
    for (column, of) in table.columns.iter_mut().zip(&manifest.schema.columns) {
        if let Some(treatment) = &mut column.treatment {
            let key = connection.policies.key().filter(|key| of.key_id.as_ref() == Some(&key.id()));
            treatment.key = key.cloned();
        }
    }
    Ok((manifest.table.clone(), table))
}

/// The newest manifests of what a table of the connection is made of.
async fn input_manifests(lake: &Lake, connection: &Connection, table: &Table, inputs: Vec<String>) -> Result<BTreeMap<String, Manifest>> {
    let mut manifests = BTreeMap::new();
    for (input, manifest) in latest(lake, connection, table, inputs).await? {
        let manifest = manifest.ok_or_else(|| {
            Error::config(format!(
                "`{}` is made of `{input}`, which the lake does not hold: it has never been exported",
                table.id
            ))
            .hint(format!("export `{input}` with it, or before it"))
        })?;
        if manifest.resume.is_some() {
            return Err(
                Error::config(format!("`{}` is made of `{input}`, whose first load is not finished", table.id))
                    .hint(format!("export `{input}` again: its load goes on from where it ended")),
            );
        }
        manifests.insert(input, manifest);
    }
    Ok(manifests)
}

/// Each of these with its newest manifest, if it has one. The configuration must have all of them exported: one that is left out for good would be derived from as it
/// once was.
async fn latest(lake: &Lake, connection: &Connection, table: &Table, inputs: Vec<String>) -> Result<Vec<(String, Option<Manifest>)>> {
    let exported = Selection::default().families(connection);
    if let Some(input) = inputs.iter().find(|input| !exported.iter().any(|table| table.id == **input)) {
        return Err(Error::config(format!(
            "`{}` is made of `{input}`, which the configuration of `{}` leaves out",
            table.id, connection.name
        ))
        .hint(format!(
            "let `include` and `exclude` of the connection have `{input}`, or exclude `{}`",
            table.id
        )));
    }
    let latest = inputs.iter().map(|input| commit::latest(lake, &connection.name, input));
    let latest = futures::future::try_join_all(latest).await?;
    Ok(inputs.into_iter().zip(latest).collect())
}
