//! Which tables a lake has, and what they hold at one moment.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::{StreamExt, TryStreamExt};

use super::{Manifest, latest, manifest_of, read};
use crate::error::{Error, Result};
use crate::store::{Lake, Object};

/// Manifests read at a time.
const READ_AT_A_TIME: usize = 16;

/// What a lake holds: a manifest of every table, by connection and table, each followed by those exploded from it.
///
/// | table | manifest |
/// |---|---|
/// | read by itself | the newest |
/// | exploded, or a history | the version that its parent's newest manifest names: what belongs together. The newest where that one is gone |
///
/// # Errors
/// `Store` when the lake cannot be read, or a manifest cannot be understood.
pub async fn content(lake: &Lake) -> Result<Vec<Manifest>> {
    content_of(lake, &lake.list("").await?).await
}

/// The same of a listing that the caller has, of the whole lake or of some connections' folders.
///
/// # Errors
/// As [`content`].
pub async fn content_of(lake: &Lake, listing: &[Object]) -> Result<Vec<Manifest>> {
    // The listing is ordered, so that the last version of a table stays.
    let mut newest: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for object in listing {
        if let Some((folder, version)) = manifest_of(&object.path)
            && let Some((connection, table)) = folder.split_once('/')
            && !table.contains('/')
        {
            newest.insert((connection, table), version);
        }
    }
    let newest: Vec<Manifest> = futures::stream::iter(newest)
        .map(|((connection, table), version)| async move {
            match read(lake, connection, table, version).await? {
                Some(manifest) => Ok(Some(manifest)),
                // It was superseded and vacuumed since the listing.
                None => latest(lake, connection, table).await,
            }
        })
        .buffered(READ_AT_A_TIME)
        .try_filter_map(|manifest| async { Ok(manifest) })
        .try_collect()
        .await?;
    let newest = belonging_together(lake, newest).await?;
    Ok(by_family(newest))
}

/// Puts, for each exploded table, the version that its parent names in the place of its newest.
async fn belonging_together(lake: &Lake, mut newest: Vec<Manifest>) -> Result<Vec<Manifest>> {
    let places: HashMap<(&str, &str), usize> = newest
        .iter()
        .enumerate()
        .map(|(place, manifest)| ((manifest.connection.as_str(), manifest.table.as_str()), place))
        .collect();
    let mut other = Vec::new();
    for parent in &newest {
        for (child, version) in parent.children.iter().chain(&parent.histories) {
            if let Some(place) = places.get(&(parent.connection.as_str(), child.as_str()))
                && newest[*place].version != *version
            {
                other.push((*place, parent.connection.clone(), child.clone(), *version));
            }
        }
    }
    let named: Vec<(usize, Option<Manifest>)> = futures::stream::iter(other)
        .map(|(place, connection, table, version)| async move {
            let manifest = read(lake, &connection, &table, version).await?;
            Ok::<_, Error>((place, manifest))
        })
        .buffered(READ_AT_A_TIME)
        .try_collect()
        .await?;
    for (place, manifest) in named {
        if let Some(manifest) = manifest {
            newest[place] = manifest;
        }
    }
    Ok(newest)
}

/// Each parent followed by its children; the order of the others stays.
fn by_family(manifests: Vec<Manifest>) -> Vec<Manifest> {
    let exploded: HashSet<(String, String)> = manifests
        .iter()
        .flat_map(|parent| parent.children.keys().map(|child| (parent.connection.clone(), child.clone())))
        .collect();
    let name = |manifest: &Manifest| (manifest.connection.clone(), manifest.table.clone());
    let (children, parents): (Vec<_>, Vec<_>) = manifests.into_iter().partition(|manifest| exploded.contains(&name(manifest)));
    let mut children: BTreeMap<_, _> = children.into_iter().map(|manifest| (name(&manifest), manifest)).collect();
    let mut ordered = Vec::with_capacity(children.len() + parents.len());
    for parent in parents {
        let names: Vec<_> = parent
            .children
            .keys()
            .map(|child| (parent.connection.clone(), child.clone()))
            .collect();
        ordered.push(parent);
        ordered.extend(names.iter().filter_map(|name| children.remove(name)));
    }
    // Two tables that name each other are nobody's children; they are there all the same.
    ordered.extend(children.into_values());
    ordered
}
