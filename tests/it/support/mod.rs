//! What the suite stands on: the program as a user runs it, a sandbox, a scripted vendor, snapshots.

mod bucket;
pub mod lake;
mod process;
mod schemas;
mod scripted;
mod setup;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use afluente::sandbox::{Options, Sandbox};

pub use bucket::Bucket;
pub use process::Running;
pub use schemas::{copy_schemas, quick_schemas, quickened};
pub use scripted::{Answer, Scripted};
pub use setup::Setup;

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Everything that was printed.
    pub fn text(&self) -> String {
        format!(
            "exit code: {}\n----- stdout\n{}----- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

/// The program in a folder of its own, with nothing of this machine's environment but what is given.
pub fn command(folder: &Path, environment: &[(&str, &str)], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_afluente"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(folder: &Path, environment: &[(&str, &str)], args: &[&str]) -> Outcome {
    let output = command(folder, environment, args).output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A sandbox served by threads of its own until it is dropped.
pub struct World {
    runtime: tokio::runtime::Runtime,
    sandbox: Option<Sandbox>,
}

impl World {
    pub fn start(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        Self {
            runtime,
            sandbox: Some(sandbox),
        }
    }

    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// The rows that a complete export has, by `source.table`: of all tables but those that are left out unless they are named.
    pub fn rows(&self) -> BTreeMap<String, u64> {
        let catalog = afluente::schema::Catalog::embedded().unwrap();
        let experimental = |name: &str| {
            let (source, table) = name.split_once('.').unwrap();
            catalog.source(source).unwrap().tables[table].experimental
        };
        let counts = self.sandbox().row_counts().into_iter();
        counts.filter(|(name, _)| !experimental(name)).collect()
    }

    /// What the sandbox counted of a source: `requests`, `answered_429`, `max_in_window`.
    pub fn counted(&self, source: &str, member: &str) -> u64 {
        let (_, body) = self.ask("/_sandbox/requests", "");
        let counts: serde_json::Value = serde_json::from_str(&body).unwrap();
        counts[source][member].as_u64().unwrap()
    }

    /// The body of a GET below a source's address, with its token; nothing where the answer is 404.
    pub fn get(&self, source: &str, path_and_query: &str) -> Option<String> {
        let base = self.sandbox().base_url(source).trim_start_matches(&self.sandbox().url()).to_owned();
        let (head, body) = self.ask(&format!("{base}{path_and_query}"), Sandbox::token(source));
        assert!(head.contains(" 200 ") || head.contains(" 404 "), "{path_and_query}: {head}{body}");
        head.contains(" 200 ").then_some(body)
    }

    /// The head and the body of an answer.
    fn ask(&self, path_and_query: &str, token: &str) -> (String, String) {
        use std::io::{Read, Write};
        let address = self.sandbox().url().trim_start_matches("http://").to_owned();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        // Every vendor's header at once: each reads its own.
        let request = format!(
            "GET {path_and_query} HTTP/1.0\r\nHost: localhost\r\nUser-Key: {token}\r\nAccess-Token: {token}\r\ntoken_exact: {token}\r\nAuthorization: Bearer {token}\r\nAuthorization: {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// The variables that point an export at this sandbox.
    pub fn environment(&self) -> Vec<(String, String)> {
        let catalog = afluente::schema::Catalog::embedded().unwrap();
        catalog
            .sources()
            .flat_map(|source| {
                [
                    (
                        format!("{}_BASE_URL", source.id.to_uppercase()),
                        self.sandbox().base_url(&source.id),
                    ),
                    (source.token_env.clone(), Sandbox::token(&source.id).to_owned()),
                ]
            })
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(sandbox.shutdown());
        }
    }
}

/// Borrowed pairs, as [`command`] takes them.
pub fn pairs(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Compares a text with the file of this name under `tests/`; `AFLUENTE_ACCEPT=1` writes the file instead.
pub fn assert_recorded(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    if std::env::var_os("AFLUENTE_ACCEPT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("tests/{file}: {error}; `make golden` records it"));
    let differs = recorded
        .lines()
        .zip(text.lines())
        .position(|(a, b)| a != b)
        .unwrap_or(recorded.lines().count().min(text.lines().count()));
    assert!(
        recorded == text,
        "tests/{file} differs from line {}:\n  recorded: {:?}\n  found:    {:?}\n`make golden` accepts what is found; read the diff before committing it",
        differs + 1,
        recorded.lines().nth(differs),
        text.lines().nth(differs)
    );
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
