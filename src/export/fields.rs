//! The custom fields of an account: asked for once in a run, and the tables with them as columns.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use indexmap::IndexMap;
use serde::Serialize;
use tokio::sync::{OnceCell, mpsc};

use super::step::differs;
use super::{Export, Family, Run, intake};
use crate::commit::{self, Manifest, ManifestSchema};
use crate::decode::Decoder;
use crate::error::{Error, Kind, Result};
use crate::fields::{Listed, State, apart, compare, is_read, synchronise};
use crate::http::{Client, Meter};
use crate::read::{self, ReadOptions};
use crate::schema::{Access, Column, ColumnPath, ColumnType, CustomFields, Fetch, Field, Origin, Source, Table};
use crate::views;

/// Pages of the list that wait to be decoded.
const PAGES_AHEAD: usize = 2;

/// What the vendor of a connection tells of its custom fields, once it was asked; or why it does not.
pub(super) type Account = OnceCell<Result<Vec<Listed>>>;

/// A custom field of a table, and how it goes together with the vendor's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableField {
    /// The connection.
    pub connection: String,
    /// The table.
    pub table: String,
    /// The field, as the lake has it; as the vendor has it where it is new.
    #[serde(flatten)]
    pub field: Field,
    /// How it goes together with the vendor's.
    pub state: State,
}

/// What a synchronisation did to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synchronised {
    /// The lake does not have the table yet.
    NotExported,
    /// Columns that it has now and had not before.
    Added(Vec<String>),
}

impl Export {
    /// The custom fields of the chosen tables: those that the lake has as columns, and those that the vendor tells of. Tables that can have none are left out.
    ///
    /// # Errors
    /// When the vendor does not tell, or the lake cannot be read.
    pub async fn fields(&self) -> Result<Vec<TableField>> {
        let mut fields = Vec::new();
        for family in &self.families {
            let Some(listed) = family.listed(&self.run).await.transpose()? else {
                continue;
            };
            let base = family.newest(&self.run).await?;
            let exported = base.map_or_else(Vec::new, |base| base.schema.fields);
            fields.extend(compare(&exported, &listed).into_iter().map(|(field, state)| TableField {
                connection: family.connection.name.clone(),
                table: family.table.id.clone(),
                field,
                state,
            }));
        }
        Ok(fields)
    }

    /// Gives the chosen tables the columns of fields that are new at the vendor, and lets their next export read everything. The leases are to be held.
    /// A table that fails stops no other. Tables that can have no custom fields are left out.
    ///
    /// # Errors
    /// When the vendor does not tell of its fields, or the views over the lake cannot be written. Of a table: when the vendor refuses to give the values; when the lake cannot be read or written;
    /// `Conflict` when another run commits meanwhile.
    pub async fn synchronise_fields(self) -> Result<Vec<(String, Result<Synchronised>)>> {
        let synchronised = self.synchronise_each().await;
        let is_changed = |(_, one): &(String, Result<Synchronised>)| matches!(one, Ok(Synchronised::Added(columns)) if !columns.is_empty());
        let written = match &synchronised {
            Ok(all) if all.iter().any(is_changed) => match commit::content(&self.run.lake).await {
                Ok(content) => views::write(&self.run.lake, &content).await,
                Err(error) => Err(error),
            },
            _ => Ok(()),
        };
        self.run.release().await;
        written.and(synchronised)
    }

    async fn synchronise_each(&self) -> Result<Vec<(String, Result<Synchronised>)>> {
        for family in &self.families {
            // What the vendor does not tell it tells of no table.
            family.listed(&self.run).await.transpose()?;
        }
        let mut all = Vec::new();
        for family in &self.families {
            let name = format!("{}.{}", family.connection.name, family.table.id);
            match family.synchronise(&self.run).await.transpose() {
                Some(Err(error)) if matches!(error.kind(), Kind::Auth | Kind::Stopped) => return Err(error.context(name)),
                synchronised => all.extend(synchronised.map(|synchronised| (name, synchronised))),
            }
        }
        Ok(all)
    }
}

impl Family {
    /// The family with the custom fields of its table as columns: those that the manifest has, or in a table that is not there yet all that the vendor tells of.
    /// What there is to say of them goes to `warnings`.
    pub(super) async fn with_fields(
        self: &Arc<Self>,
        run: &Run,
        parent: Option<&Manifest>,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<Self>> {
        let exported = parent.map_or(&[][..], |parent| &parent.schema.fields);
        let plain = |listed: &[Listed]| Ok(Arc::new(self.extended_by(exported, listed)?));
        let listed = match self.listed(run).await {
            None => return plain(&[]),
            Some(Ok(listed)) => listed,
            Some(Err(error)) if matches!(error.kind(), Kind::Auth | Kind::Stopped) => return Err(error),
            // A value of a type that a field did not have stands in the same member: without the list nobody knows.
            Some(Err(error)) if !exported.is_empty() => {
                let refused = error.kind() == Kind::Refused;
                let error = error.context("what its custom fields are now is not known");
                return Err(if refused {
                    error.hint("the table stays as it was; the token's user needs the permission to see the list of fields")
                } else {
                    error
                });
            }
            // A table without columns that it should have would be a wrong one for ever.
            Some(Err(error)) if parent.is_none() && error.kind() != Kind::Refused => return Err(error),
            Some(Err(error)) => {
                warnings.push(format!("the custom fields of the account are not known: {}", error.message()));
                return plain(&[]);
            }
        };
        let Some(custom) = &self.connection.source.custom_fields else {
            return plain(&listed);
        };
        if parent.is_some() {
            let count = |wanted| compare(exported, &listed).into_iter().filter(|(_, state)| *state == wanted).count();
            let (new, retyped) = (count(State::New), count(State::Retyped));
            if new + retyped > 0 {
                warnings.push(format!(
                    "custom fields without columns: {new} new, {retyped} of another type than before; `afluente fields sync {}` adds them",
                    self.connection.name
                ));
            }
            return plain(&listed);
        }
        let family = Arc::new(self.extended_by(&synchronise(&[], &listed, &self.table, custom), &listed)?);
        match family.refusal(run).await? {
            None => Ok(family),
            Some(refusal) => {
                warnings.push(format!(
                    "exported without its custom fields, because the vendor refuses their values: {refusal}; once it gives them, `afluente fields sync {}` adds them",
                    self.connection.name
                ));
                Ok(self.clone())
            }
        }
    }

    /// The family with these custom fields as columns behind the declared ones; those that the vendor's values do not belong into, as its list tells, are null.
    pub(super) fn extended_by(&self, fields: &[Field], listed: &[Listed]) -> Result<Self> {
        let mut family = self.clone();
        let table = &mut family.table;
        let source = &self.connection.source;
        if let (Some(custom), false) = (&source.custom_fields, fields.is_empty()) {
            if let Some(field) = fields.iter().find(|field| !custom.knows(&field.kind)) {
                return Err(Error::config(format!(
                    "{}/source.toml: `[[custom_fields.types]]` has no type `{}`, of which custom field `{}` of `{}` is in the lake",
                    source.id, field.kind, field.name, self.table.id
                ))
                .hint("a type that tables were exported with stays declared under its name"));
            }
            let fields = &apart(fields, table, custom)[..];
            let columns = fields.iter().flat_map(|field| {
                let mut columns = custom.columns(field, source.timezone);
                if !is_read(field, fields, listed) {
                    columns.iter_mut().for_each(|column| column.origin = Origin::Path(Vec::new()));
                }
                columns
            });
            table.columns.extend(columns);
            self.connection.policies.apply(table)?;
            table.fields = fields.to_vec();
            if let Access::Fetch(fetch) = &mut table.access {
                for (name, value) in &custom.expand {
                    fetch
                        .params
                        .entry(name.clone())
                        .and_modify(|known| *known = format!("{known},{value}"))
                        .or_insert_with(|| value.clone());
                }
            }
        }
        Ok(family)
    }

    /// What the vendor tells of the table's fields; none where it can have none.
    async fn listed(&self, run: &Run) -> Option<Result<Vec<Listed>>> {
        let source = &self.connection.source;
        let (custom, of) = (source.custom_fields.as_ref()?, self.table.custom_fields.as_ref()?);
        // Counted with no table: which of them asks first is chance.
        let is_own = |(connection, _): &&(String, Meter)| *connection == self.connection.name;
        let (_, meter) = run.progress.accounts.iter().find(is_own)?;
        let listed = self.account.get_or_init(|| list(&self.client, source, custom, run, meter)).await;
        let is_own = |one: &&Listed| one.entity == of.entity;
        Some(match listed {
            Ok(listed) => Ok(listed.iter().filter(is_own).cloned().collect()),
            Err(error) => Err(error.clone()),
        })
    }

    /// Why the vendor does not give the values of the fields, if it does not, but gives the table without them.
    async fn refusal(&self, run: &Run) -> Result<Option<String>> {
        if self.table.fields.is_empty() {
            return Ok(None);
        }
        let meter = &run.progress.tables[self.places[0]].meter;
        let endpoint = self.endpoint();
        match read::probe(&self.client, &self.connection.source, &self.table, endpoint.as_deref(), 1, meter).await {
            Err(error) if error.kind() == Kind::Refused => Ok(Some(error.message().to_owned())),
            Err(error) => Err(error),
            Ok(probe) => Ok(probe
                .unavailable
                .or_else(|| Some(format!("the records come without `{}`, which was asked for", probe.without?)))),
        }
    }

    async fn newest(&self, run: &Run) -> Result<Option<Manifest>> {
        let base = intake::base(&run.lake, &self.connection.name, std::slice::from_ref(&self.table));
        Ok(self.client.stop().race(base).await?.into_iter().next().flatten())
    }

    async fn synchronise(&self, run: &Run) -> Result<Option<Synchronised>> {
        let (Some(listed), Some(custom)) = (self.listed(run).await.transpose()?, &self.connection.source.custom_fields) else {
            return Ok(None);
        };
        let Some(base) = self.newest(run).await? else {
            return Ok(Some(Synchronised::NotExported));
        };
        self.check_origin(run, Some(&base)).await?;
        // The files stay, and the next manifest says of them what this one does.
        if let Some(what) = differs(&base, &self.extended_by(&base.schema.fields, &listed)?.table) {
            return Err(Error::config(format!("it differs from what was exported: {what}"))
                .hint("export the table first, then synchronise its fields"));
        }
        let fields = synchronise(&base.schema.fields, &listed, &self.table, custom);
        if fields == base.schema.fields {
            return Ok(Some(Synchronised::Added(Vec::new())));
        }
        let family = self.extended_by(&fields, &listed)?;
        if let Some(refusal) = family.refusal(run).await? {
            return Err(Error::new(
                Kind::Refused,
                format!("the vendor refuses the values of its custom fields: {refusal}"),
            )
            .hint("the token's user needs the permission to see them; the table stays as it was"));
        }
        if let Some(lease) = run.leases.get(&self.connection.name) {
            lease.check().await?;
        }
        let added = family.table.columns.iter().map(|column| column.name.clone());
        let added: Vec<String> = added
            .filter(|name| !base.schema.columns.iter().any(|column| column.name == *name))
            .collect();
        let next = Manifest {
            schema: ManifestSchema::of(&family.table),
            read_again: base.read_again || !added.is_empty(),
            ..base.successor(&run.lake, &run.id, &[], Vec::new())
        };
        if let commit::Outcome::Conflict { version } = commit::commit(&run.lake, &next).await? {
            return Err(self.lost(version));
        }
        Ok(Some(Synchronised::Added(added)))
    }
}

/// Asks the vendor for the fields of all tables.
async fn list(client: &Client, source: &Source, custom: &CustomFields, run: &Run, meter: &Meter) -> Result<Vec<Listed>> {
    let table = table(source, custom)?;
    let mut decoder = Decoder::new(source, &table, 0)?;
    let (pages, mut queue) = mpsc::channel(PAGES_AHEAD);
    let options = ReadOptions::all(run.pages.clone(), run.seen_keys);
    let decoding = async {
        let mut listed = Vec::new();
        while let Some(page) = queue.recv().await {
            decoder.decode(&page)?;
            for (_, batch) in decoder.finish()? {
                listed_in(&batch, custom, &mut listed);
            }
        }
        Ok(listed)
    };
    let (read, listed) = futures::join!(read::read(client, source, &table, &options, meter, pages), decoding);
    read.map_err(|error| error.context("the list of custom fields"))?;
    listed
}

/// The list of fields as a table: a column for each member that is looked at, named by its path.
fn table(source: &Source, custom: &CustomFields) -> Result<Table> {
    let mut paths: Vec<&str> = vec![&custom.key, &custom.name, &custom.entity, &custom.multiple];
    paths.extend(custom.types.iter().filter_map(|kind| kind.member.as_deref()));
    let mut columns: IndexMap<&str, Column> = IndexMap::new();
    for path in paths {
        let origin: ColumnPath = path.parse().map_err(Error::config)?;
        columns.entry(path).or_insert(Column {
            zone: source.timezone,
            ..Column::of(path, ColumnType::Text, Origin::Path(vec![origin]))
        });
    }
    let access = Access::Fetch(Box::new(Fetch {
        endpoints: vec![custom.endpoint.clone()],
        params: custom.params.clone(),
        slices: None,
        for_each: None,
        unnest: None,
        optional: false,
        records: source.records.clone(),
        ends: source.ends.clone(),
        look_up: source.look_up.clone(),
        pagination: source.pagination.clone(),
    }));
    Ok(Table {
        primary_key: vec![custom.key.clone()],
        ..Table::of("custom_fields", access, columns.into_values().collect())
    })
}

/// The fields of a batch. One without a name or an entity is nobody's.
fn listed_in(batch: &RecordBatch, custom: &CustomFields, listed: &mut Vec<Listed>) {
    for row in 0..batch.num_rows() {
        let member = |path: &str| {
            let column = batch.column_by_name(path)?.as_string_opt::<i32>()?;
            (!column.is_null(row)).then(|| column.value(row))
        };
        let (Some(key), Some(name), Some(entity), Some(kind)) = (
            member(&custom.key),
            member(&custom.name),
            member(&custom.entity),
            custom.kind_of(member),
        ) else {
            continue;
        };
        listed.push(Listed {
            key: key.to_owned(),
            name: name.to_owned(),
            entity: entity.to_owned(),
            kind: kind.name.clone(),
            multiple: member(&custom.multiple) == Some("true"),
        });
    }
}
