//! What the chosen key is worth: how many rows of a derived table it leaves without a name, and how many it calls by the same.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use super::follow::texts;
use super::resolve::Derivation;
use super::rows::Lookup;
use crate::error::Result;

/// Identities held at a time, as hashes: 64 MiB, with the room that a hash map leaves. Beyond, the rows are passed more than once.
const MOST_HELD: u64 = 2 << 20;

/// What was found of a derived table's identities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// Rows of the derived table.
    pub rows: u64,
    /// Rows whose identity is null.
    pub without: u64,
    /// Rows whose identity is another row's, too.
    pub shared: u64,
    /// Documents that are none.
    pub bad: u64,
}

impl Derivation {
    /// Passes all rows and writes none.
    ///
    /// # Errors
    /// `Store` when a file cannot be read.
    pub fn survey(&self, lookup: &Lookup<'_>) -> Result<Survey> {
        let most: u64 = self
            .parts
            .iter()
            .map(|part| lookup.manifest(part.mapping.table).map(|manifest| manifest.rows))
            .sum::<Result<u64>>()?;
        self.survey_in(lookup, most.div_ceil(MOST_HELD).max(1))
    }

    /// The same in so many passes, each for a share of the identities.
    pub(crate) fn survey_in(&self, lookup: &Lookup<'_>, passes: u64) -> Result<Survey> {
        let mut survey = Survey::default();
        for pass in 0..passes {
            let mut seen: HashMap<u128, bool> = HashMap::new();
            self.rows(lookup, 0, |batch, bad| {
                let Some(identities) = batch.column_by_name("identity") else {
                    return Ok(false);
                };
                if pass == 0 {
                    survey.rows += batch.num_rows() as u64;
                    survey.bad += bad.len() as u64;
                }
                for identity in texts(identities)? {
                    let Some(identity) = identity else {
                        survey.without += u64::from(pass == 0);
                        continue;
                    };
                    let hash = hash(identity);
                    if hash % u128::from(passes) != u128::from(pass) {
                        continue;
                    }
                    match seen.get_mut(&hash) {
                        None => drop(seen.insert(hash, false)),
                        Some(is_shared) => {
                            // The first of them was not known to share it until now.
                            survey.shared += if *is_shared { 1 } else { 2 };
                            *is_shared = true;
                        }
                    }
                }
                Ok(true)
            })?;
        }
        Ok(survey)
    }
}

fn hash(text: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(text.as_bytes());
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
