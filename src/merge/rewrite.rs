//! The base's files: indexed before a read, rewritten after it.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::index::Index;
use super::key::KeySet;
use super::{Member, Merge, Missing, Range, instants, key};
use crate::commit::Entry;
use crate::error::Result;
use crate::scan::{DataFileReader, conform};
use crate::schema::arrow_schema;
use crate::store::{PartitionValue, bound};

/// Keys beyond which a bloom filter is not asked: it would let one of them through.
const MOST_BLOOM_KEYS: usize = 256;

impl Merge {
    /// The base's rows inside the range; nothing if they do not fit in memory.
    pub(super) fn build_index(&self) -> Result<Option<Index>> {
        let mut index = Index::default();
        let parent = &self.members[0];
        let schema = arrow_schema(&parent.table);
        let names = parent.key_names();
        let columns = self.options.keys_only.then_some(&names[..]);
        for entry in parent.entries().iter().filter(|entry| self.may_be_inside(entry)) {
            let reader = self.open(parent, entry)?;
            for group in 0..reader.row_groups() {
                let Some(selection) = self.select(&reader, group, &schema)? else {
                    continue;
                };
                for batch in reader.read(group, columns, selection)? {
                    let (keys, digests) = if self.options.keys_only {
                        let batch = batch?;
                        let keys = self.hashing.keys(&batch, &places(&batch, &names))?;
                        (keys, vec![0; batch.num_rows()])
                    } else {
                        let batch = conform(&batch?, &schema)?;
                        (
                            self.hashing.keys(&batch, &parent.key)?,
                            self.hashing.digests(&batch, parent.columns)?,
                        )
                    };
                    for (key, digest) in keys.into_iter().zip(digests) {
                        if !index.add(key, digest, self.options.memory) {
                            return Ok(None);
                        }
                    }
                }
            }
        }
        index.seal();
        if !self.options.keys_only {
            for member in &self.members[1..] {
                self.index_exploded(member, &mut index)?;
            }
        }
        Ok(Some(index))
    }

    /// A run that was cut between two commits leaves exploded tables newer than the table: what was exploded from rows that this one does not hold goes,
    /// because such a row may never be read again.
    pub(super) fn touch_orphans(&mut self) -> Result<()> {
        let Some(named) = self.members[0].base.as_ref().map(|base| &base.children) else {
            return Ok(());
        };
        let is_cut = |member: &&Member| {
            let newest = member.base.as_ref().map(|base| base.version);
            newest.is_some() && newest != named.get(&member.table.id).copied()
        };
        let cut: Vec<&Member> = self.members[1..].iter().filter(is_cut).collect();
        if cut.is_empty() {
            return Ok(());
        }
        let mut held = KeySet::default();
        self.each_key(&self.members[0], |key| {
            held.insert(key);
        })?;
        let mut orphans = KeySet::default();
        let mut found = 0;
        for member in cut {
            self.each_key(member, |key| found += u64::from(!held.contains(key) && orphans.insert(key)))?;
        }
        // Nothing else is touched yet.
        self.tally.vanish_all(&orphans);
        (self.touched, self.changed) = (orphans, self.changed + found);
        self.texts = None;
        Ok(())
    }

    /// The key of the table that is read, of each row of this one.
    pub(super) fn each_key(&self, member: &Member, mut told: impl FnMut(key::Key)) -> Result<()> {
        let names = member.key_names();
        for entry in member.entries() {
            for batch in self.open(member, entry)?.batches(Some(&names)) {
                let batch = batch?;
                self.hashing.keys(&batch, &places(&batch, &names))?.into_iter().for_each(&mut told);
            }
        }
        Ok(())
    }

    /// Takes in what was exploded from the rows of the index.
    pub(super) fn index_exploded(&self, member: &Member, index: &mut Index) -> Result<()> {
        let schema = arrow_schema(&member.table);
        for entry in member.entries() {
            if let Some((least, greatest)) = member.bounds(entry)
                && !index.has_numbers_in(least, greatest)
            {
                continue;
            }
            let reader = self.open(member, entry)?;
            for group in 0..reader.row_groups() {
                let mask = self.mask(member, &reader, group, |key| index.contains(key))?;
                if let Some(selection) = selection(&mask) {
                    for batch in reader.read(group, None, selection)? {
                        let batch = conform(&batch?, &schema)?;
                        for (key, digest) in member.digests(&self.hashing, &batch)? {
                            index.add_exploded(key, digest);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The read is over: whether it leaves the lake as it is. Asked once, before [`Merge::rewrite`].
    pub fn is_unchanged(&mut self) -> bool {
        let is_unchanged = match (&self.index, self.options.missing) {
            (Some(index), Missing::Go) => {
                self.tally.held = index.len();
                for key in index.unmet().filter(|key| !self.stays.contains(*key)) {
                    // Of a vanished row the index has no text.
                    self.texts = None;
                    self.touched.insert(key);
                    self.tally.vanish(key);
                    self.changed += 1;
                }
                self.changed == 0
            }
            (_, Missing::Stay) => self.changed == 0,
            // What vanished shows only when the files are passed.
            (None, Missing::Go) => false,
        };
        self.sum_up();
        is_unchanged
    }

    /// Passes the base's files of each table and tells which stay as they are. The rows that stay of the others go to `write`, with the number of their table.
    /// `new_rows`: what was written of each table, by partition; small files beside it are taken in.
    ///
    /// # Errors
    /// `Store` when a file of the base cannot be read; those of `write`.
    pub fn rewrite(
        &mut self,
        new_rows: Vec<Vec<(Option<PartitionValue>, u64)>>,
        mut write: impl FnMut(usize, &RecordBatch) -> Result<()>,
    ) -> Result<Vec<Vec<Entry>>> {
        self.new_rows = new_rows;
        let by_range = self.index.is_none() && self.options.missing == Missing::Go;
        // Its memory is better spent on what follows.
        self.index = None;
        let mut outcome = Vec::with_capacity(self.members.len());
        let members = std::mem::take(&mut self.members);
        for (at, member) in members.iter().enumerate() {
            let mut kept = Vec::new();
            for entry in member.entries() {
                if !self.replaces_all && self.rewrite_file(at, member, entry, by_range && at == 0, &mut write)? {
                    kept.push(entry.clone());
                }
            }
            self.absorb(at, member, &mut kept, &mut write)?;
            outcome.push(kept);
        }
        self.members = members;
        self.sum_up();
        Ok(outcome)
    }

    /// Whether the file stays as it is. If not, its rows that stay were written.
    fn rewrite_file(
        &mut self,
        at: usize,
        member: &Member,
        entry: &Entry,
        by_range: bool,
        write: &mut impl FnMut(usize, &RecordBatch) -> Result<()>,
    ) -> Result<bool> {
        let ranged = by_range && self.may_be_inside(entry);
        let bounds = member.bounds(entry);
        let may_be_touched = match (bounds, self.texts_in(member, entry)) {
            (_, Some(texts)) => texts.take(1).count() > 0,
            (Some((least, greatest)), _) => !self.touched.is_numeric() || self.touched.numbers_in(least, greatest).next().is_some(),
            (None, None) => !self.touched.is_empty(),
        };
        if entry.meta.record_count == 0 || !(ranged || may_be_touched) {
            return Ok(true);
        }
        let reader = self.open(member, entry)?;
        let schema = arrow_schema(&member.table);
        let mut stays: Vec<Option<Vec<bool>>> = Vec::with_capacity(reader.row_groups());
        for group in 0..reader.row_groups() {
            if !ranged && at == 0 && self.bloom_excludes(member, entry, &reader, group)? {
                stays.push(None);
                continue;
            }
            let mut removed = self.tally.removed_from(at);
            let mut mask = self.mask(member, &reader, group, |key| {
                let is_touched = self.touched.contains(key);
                if is_touched {
                    removed.add(&self.tally, key);
                }
                !is_touched
            })?;
            self.tally.add_removed(at, removed);
            if ranged {
                self.leave_range(member, &reader, group, &mut mask)?;
            }
            stays.push(mask.contains(&false).then_some(mask));
        }
        if stays.iter().all(Option::is_none) {
            return Ok(true);
        }
        for (group, mask) in stays.into_iter().enumerate() {
            let selection = match &mask {
                None => None,
                Some(mask) => match selection(mask) {
                    Some(selection) => selection,
                    None => continue,
                },
            };
            for batch in reader.read(group, None, selection)? {
                write(at, &conform(&batch?, &schema)?)?;
            }
        }
        Ok(false)
    }

    /// Takes the rows inside the range out of the mask, but for those whose keys are known to be read; their keys are touched, so that what was exploded from them goes too.
    fn leave_range(&mut self, member: &Member, reader: &DataFileReader, group: usize, mask: &mut [bool]) -> Result<()> {
        let all = self.options.range == Range::default();
        let cursor = self.cursor.as_ref().filter(|_| !all).map(|(_, name)| name.as_str());
        let mut names = member.key_names();
        names.extend(cursor.filter(|cursor| !names.contains(cursor)));
        let mut row = 0;
        for batch in reader.read(group, Some(&names), None)? {
            let batch = batch?;
            let keys = self.hashing.keys(&batch, &places(&batch, &member.key_names()))?;
            let at = cursor.and_then(|cursor| batch.schema().index_of(cursor).ok());
            let instants = at.map_or_else(|| Ok(vec![None; keys.len()]), |at| instants(batch.column(at).as_ref()))?;
            for (key, instant) in keys.into_iter().zip(instants) {
                let is_inside = all || instant.is_some_and(|at| self.options.range.contains(at));
                self.tally.held += u64::from(is_inside);
                if is_inside
                    && !self.read.contains(key)
                    && !self.stays.contains(key)
                    && let Some(stays) = mask.get_mut(row)
                {
                    *stays = false;
                    self.texts = None;
                    if self.touched.insert(key) {
                        self.tally.vanish(key);
                    }
                }
                row += 1;
            }
        }
        Ok(())
    }

    /// For each row of a group, whether its key is wanted.
    fn mask(&self, member: &Member, reader: &DataFileReader, group: usize, mut wanted: impl FnMut(key::Key) -> bool) -> Result<Vec<bool>> {
        let names = member.key_names();
        let mut mask = Vec::new();
        for batch in reader.read(group, Some(&names), None)? {
            let batch = batch?;
            let keys = self.hashing.keys(&batch, &places(&batch, &names))?;
            mask.extend(keys.into_iter().map(&mut wanted));
        }
        Ok(mask)
    }

    /// The rows of a group inside the range: all for `Some(None)`, none for `None`.
    fn select(&self, reader: &DataFileReader, group: usize, schema: &SchemaRef) -> Result<Option<Option<RowSelection>>> {
        let range = self.options.range;
        let (false, Some((cursor, _))) = (range == Range::default(), &self.cursor) else {
            return Ok(Some(None));
        };
        let name = schema.field(*cursor).name().as_str();
        let mut mask = Vec::new();
        for batch in reader.read(group, Some(&[name]), None)? {
            let instants = instants(batch?.column(0).as_ref())?;
            mask.extend(instants.into_iter().map(|at| at.is_some_and(|at| range.contains(at))));
        }
        Ok(selection(&mask))
    }

    /// Whether a file may hold rows inside the range, by its cursor's bounds.
    fn may_be_inside(&self, entry: &Entry) -> bool {
        let range = self.options.range;
        let (false, Some((_, cursor))) = (range == Range::default(), &self.cursor) else {
            return true;
        };
        let bound =
            |bounds: &serde_json::Map<String, serde_json::Value>| bounds.get(cursor).map(|bound| bound.as_str().and_then(bound::instant));
        match (bound(&entry.meta.min), bound(&entry.meta.max)) {
            (Some(Some(least)), Some(Some(greatest))) => {
                range.from.is_none_or(|from| greatest >= from) && range.until.is_none_or(|until| least < until)
            }
            // No row has a cursor.
            (None, None) => false,
            // Bounds that cannot be read say nothing.
            _ => true,
        }
    }

    /// Whether the bloom filter of a group is sure that it holds no touched key.
    fn bloom_excludes(&self, member: &Member, entry: &Entry, reader: &DataFileReader, group: usize) -> Result<bool> {
        let [name] = &member.key_names()[..] else { return Ok(false) };
        if let Some(texts) = self.texts_in(member, entry) {
            let candidates: Vec<&String> = texts.take(MOST_BLOOM_KEYS + 1).collect();
            if candidates.len() > MOST_BLOOM_KEYS {
                return Ok(false);
            }
            let bloom = reader.bloom(group, name)?;
            return Ok(bloom.is_some_and(|bloom| candidates.iter().all(|text| !bloom.check(text.as_str()))));
        }
        let (Some((least, greatest)), true) = (member.bounds(entry), self.touched.is_numeric()) else {
            return Ok(false);
        };
        let candidates: Vec<u64> = self.touched.numbers_in(least, greatest).take(MOST_BLOOM_KEYS + 1).collect();
        // Minus zero is zero, but not to a bloom filter.
        if candidates.len() > MOST_BLOOM_KEYS || candidates.contains(&0) {
            return Ok(false);
        }
        let Some(bloom) = reader.bloom(group, name)? else {
            return Ok(false);
        };
        let is_float = reader
            .schema()
            .field_with_name(name)
            .is_ok_and(|field| *field.data_type() == DataType::Float64);
        let may_hold = |number: &u64| {
            if is_float {
                bloom.check(&(*number as f64))
            } else {
                bloom.check(&number.cast_signed())
            }
        };
        Ok(!candidates.iter().any(may_hold))
    }

    /// The touched keys within a file's bounds, where they and the bounds are texts.
    fn texts_in(&self, member: &Member, entry: &Entry) -> Option<impl Iterator<Item = &String>> {
        let (texts, [name]) = (self.texts.as_ref()?, &member.key_names()[..]) else {
            return None;
        };
        let least = entry.meta.min.get(*name)?.as_str()?.to_owned();
        let greatest = entry.meta.max.get(*name)?.as_str()?.to_owned();
        // Bounds of a corrupt manifest may be the wrong way round.
        (least <= greatest).then(|| texts.range(least..=greatest))
    }

    pub(super) fn open(&self, member: &Member, entry: &Entry) -> Result<DataFileReader> {
        let path = member.base.as_ref().map(|base| base.path_of(entry)).unwrap_or_default();
        DataFileReader::open(&self.lake, &path, entry.meta.content_length, self.handle.clone())
    }
}

impl Member {
    pub(super) fn entries(&self) -> &[Entry] {
        self.base.as_ref().map_or(&[], |base| &base.entries)
    }

    pub(super) fn key_names(&self) -> Vec<&str> {
        self.key.iter().map(|at| self.table.columns[*at].name.as_str()).collect()
    }

    /// The least and greatest key of a file, where the key is one number; widened to whole numbers from 0 on.
    fn bounds(&self, entry: &Entry) -> Option<(u64, u64)> {
        let [name] = &self.key_names()[..] else { return None };
        bound::whole_numbers(entry.meta.min.get(*name)?, entry.meta.max.get(*name)?)
    }
}

impl Range {
    /// Whether an instant is inside.
    pub fn contains(self, at: i64) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }
}

/// The places of these columns in a batch that has only some of the table's, in its own order.
pub(super) fn places(batch: &RecordBatch, names: &[&str]) -> Vec<usize> {
    names.iter().filter_map(|name| batch.schema_ref().index_of(name).ok()).collect()
}

/// The rows whose bit is set: all for `Some(None)`, none for `None`.
pub(super) fn selection(mask: &[bool]) -> Option<Option<RowSelection>> {
    if !mask.contains(&true) {
        return None;
    }
    if !mask.contains(&false) {
        return Some(None);
    }
    let runs = mask.chunk_by(|a, b| a == b).map(|run| match run.first() {
        Some(true) => RowSelector::select(run.len()),
        _ => RowSelector::skip(run.len()),
    });
    Some(Some(runs.collect::<Vec<_>>().into()))
}
