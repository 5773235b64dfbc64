//! A folder to run in, quick declarations in it, and a sandbox to export from.

use std::path::{Path, PathBuf};

use afluente::sandbox::Options;

use super::{Outcome, Running, World, pairs, quick_schemas, run};

/// What an export needs.
pub struct Setup {
    pub world: World,
    pub environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Setup {
    /// A sandbox of these options, its sources in the environment, and declarations without limits.
    pub fn new(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        quick_schemas(folder.path());
        let world = World::start(options);
        let environment = world.environment();
        Self {
            world,
            environment,
            folder,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The lake that is exported to unless the arguments name another.
    pub fn lake(&self) -> PathBuf {
        self.folder().join("lake")
    }

    /// Writes a file into the folder.
    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder().join(path), text).unwrap();
    }

    /// Runs `afluente export` with the quick declarations.
    pub fn export(&self, args: &[&str]) -> Outcome {
        run(self.folder(), &pairs(&self.environment), &export(args))
    }

    /// As [`Setup::export`], without waiting for the end.
    pub fn start(&self, args: &[&str]) -> Running {
        Running::start(self.folder(), &pairs(&self.environment), &export(args))
    }
}

fn export<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["export", "--schemas", "schemas"];
    all.extend(args);
    all
}
