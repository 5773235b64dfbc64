//! Paths in the configuration are relative to its file: a scheduler starts the program in another folder than its user does.

use std::path::{Component, Path, PathBuf};

use super::{Config, DEFAULT_LAKE};
use crate::error::{Error, Result};
use crate::secret::SecretFrom;
use crate::store;

impl Config {
    /// The address of the lake: the flag's, relative to the working directory; else the configuration's; else [`DEFAULT_LAKE`] in the working directory.
    ///
    /// # Errors
    /// When it is misspelled; when the path in the configuration leads to no lake from its file, but to one from the working directory, as it once was read.
    pub fn lake_address(&self, flag: Option<&str>) -> Result<String> {
        let address = match (flag, &self.lake.url) {
            (Some(address), _) => address,
            (None, Some(written)) => written,
            (None, None) => DEFAULT_LAKE,
        };
        store::check_spelling(address)?;
        let is_path = !address.contains("://") && Path::new(address).is_relative();
        match &self.folder {
            Some(folder) if flag.is_none() && self.lake.url.is_some() && is_path => {
                let found = found(folder, Path::new(address), "the lake", "url", holds_lake)?;
                Ok(found.to_string_lossy().into_owned())
            }
            _ => Ok(address.to_owned()),
        }
    }

    /// Makes the paths in it relative to its file.
    ///
    /// # Errors
    /// When something is not where a path leads to from the file, but where it leads to from the working directory, as it once was read.
    pub(super) fn found_in(mut self, file: &Path) -> Result<Self> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Some(folder) = folder else { return Ok(self) };
        let is_there = |path: &Path| path.exists();
        if let Some(dir) = &mut self.schemas.dir {
            *dir = found(folder, dir, "the folder of declarations", "dir", is_there)?;
        }
        let tokens = self.connections.values_mut().filter_map(|connection| connection.token.as_mut());
        for from in tokens.chain(self.personal.key.as_mut()) {
            if let SecretFrom::File(path) = from {
                *path = found(folder, path, "the token or key", "file", is_there)?;
            }
        }
        self.folder = Some(folder.to_owned());
        Ok(self)
    }
}

/// Where a path that is written in a file in this folder leads to.
fn found(folder: &Path, written: &Path, what: &str, key: &str, is_there: impl Fn(&Path) -> bool) -> Result<PathBuf> {
    if written.is_absolute() {
        return Ok(written.to_owned());
    }
    let plain: PathBuf = written.components().filter(|part| *part != Component::CurDir).collect();
    let place = folder.join(&plain);
    // Never a guess between the two: a second lake would be begun beside the first.
    if !is_there(&place) && is_there(&plain) {
        let meant = from_folder(folder, &plain);
        return Err(Error::config(format!(
            "{what} is at `{}`, relative to the working directory, and not at `{}`, relative to the configuration",
            plain.display(),
            place.display()
        ))
        .hint(format!(
            "paths in the configuration are relative to its file: write {key} = \"{}\", or move {what} to `{}`",
            meant.display(),
            place.display()
        )));
    }
    Ok(place)
}

/// The way from this folder to a path that is relative to the working directory.
fn from_folder(folder: &Path, path: &Path) -> PathBuf {
    let parts: Vec<Component> = folder.components().filter(|part| *part != Component::CurDir).collect();
    match parts.iter().all(|part| matches!(part, Component::Normal(_))) {
        true => parts.iter().map(|_| "..").collect::<PathBuf>().join(path),
        false => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// Whether a folder is a lake with a table in it: `<connection>/<table>/_manifest`.
fn holds_lake(folder: &Path) -> bool {
    let folders = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path()))
    };
    let mut connections = folders(folder);
    connections.any(|connection| folders(&connection).any(|table| table.join("_manifest").is_dir()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_the_file_to_what_the_working_directory_holds() {
        for (folder, path, expected) in [
            ("conf", "lake", "../lake"),
            ("./conf/prod", "data/lake", "../../data/lake"),
            (".", "lake", "lake"),
        ] {
            assert_eq!(
                from_folder(Path::new(folder), Path::new(path)),
                Path::new(expected),
                "{folder} {path}"
            );
        }
        let absolute = from_folder(Path::new("/etc/afluente"), Path::new("lake"));
        assert_eq!(absolute, std::env::current_dir().unwrap().join("lake"));
    }

    #[test]
    fn paths_lead_from_the_file_and_what_is_no_path_stays() {
        let text = "[lake]\nurl = \"URL\"\n[schemas]\ndir = \"./mine\"\n";
        let address = |url: &str, file: &str, flag: Option<&str>| {
            let config = Config::parse("x", &text.replace("URL", url))
                .unwrap()
                .found_in(Path::new(file))
                .unwrap();
            (config.lake_address(flag).unwrap(), config.schemas.dir.unwrap())
        };
        let at = |lake: &str, dir: &str| (lake.to_owned(), PathBuf::from(dir));
        assert_eq!(
            address("./lake", "/etc/afluente/x.toml", None),
            at("/etc/afluente/lake", "/etc/afluente/mine")
        );
        assert_eq!(address("../lake", "absent/x.toml", None), at("absent/../lake", "absent/mine"));
        assert_eq!(address("./lake", "x.toml", None), at("./lake", "./mine"));
        assert_eq!(address("./lake", "absent/x.toml", Some("./other")), at("./other", "absent/mine"));
        assert_eq!(address("/data/lake", "absent/x.toml", None), at("/data/lake", "absent/mine"));
        assert_eq!(address("s3://bucket/x", "absent/x.toml", None), at("s3://bucket/x", "absent/mine"));
        assert_eq!(
            address("file:///data/lake", "absent/x.toml", None),
            at("file:///data/lake", "absent/mine")
        );
        let unsaid = Config::parse("x", "").unwrap().found_in(Path::new("absent/x.toml")).unwrap();
        assert_eq!(
            unsaid.lake_address(None).unwrap(),
            DEFAULT_LAKE,
            "beside the caller where no file names it"
        );
    }
}
