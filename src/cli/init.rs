//! `afluente init`: a commented afluente.toml, asked for on a terminal, with everything commented out elsewhere.

use std::io::{IsTerminal, Write as _};

use super::Done;
use super::args::InitArgs;
use super::printer::Printer;
use crate::config::{Config, DEFAULT_LAKE};
use crate::error::{Error, Result};
use crate::schema::{Catalog, Source};

pub(super) fn run(args: &InitArgs, printer: &Printer) -> Result<Done> {
    if args.config.exists() && !args.force {
        return Err(
            Error::config(format!("`{}` is already there", args.config.display())).hint("--force replaces it; --config names another file")
        );
    }
    let catalog = Catalog::embedded()?;
    let answers = if std::io::stdin().is_terminal() {
        ask(&catalog, printer)?
    } else {
        Answers::default()
    };
    let text = render(&catalog, &answers);
    // What is written must be what is read.
    Config::parse("afluente.toml", &text)?;
    std::fs::write(&args.config, &text).map_err(|error| Error::config(format!("cannot write `{}`: {error}", args.config.display())))?;
    printer.info(&format!("Wrote {}. {}", args.config.display(), next(&catalog, &answers)));
    Ok(Done::All)
}

fn next(catalog: &Catalog, answers: &Answers) -> String {
    let variables: Vec<String> = catalog
        .sources()
        .filter(|source| answers.connections.iter().any(|(_, id)| *id == source.id))
        .map(|source| format!("{}=...", source.token_env))
        .collect();
    if variables.is_empty() {
        return "Next: uncomment a connection, set the token it names, and run `afluente check`.".to_owned();
    }
    format!("Next: export {}, then run `afluente check`.", variables.join(" "))
}

#[derive(Default)]
struct Answers {
    lake: Option<String>,
    /// Name and source of each connection.
    connections: Vec<(String, String)>,
}

fn ask(catalog: &Catalog, printer: &Printer) -> Result<Answers> {
    let mut answers = Answers {
        lake: Some(question(printer, "Lake: a path or s3://bucket/prefix", DEFAULT_LAKE)?),
        ..Answers::default()
    };
    for source in catalog.sources() {
        let prompt = format!("{}: a name for the connection (Enter leaves it out)", source.title);
        let name = loop {
            let name = question(printer, &prompt, "")?;
            match refused(&name, &answers) {
                Some(reason) => printer.warning(&reason, None),
                None => break name,
            }
        };
        if !name.is_empty() {
            answers.connections.push((name, source.id.clone()));
        }
    }
    Ok(answers)
}

/// Why this cannot be the name of one more connection.
fn refused(name: &str, answers: &Answers) -> Option<String> {
    if answers.connections.iter().any(|(taken, _)| taken == name) {
        return Some(format!("`{name}` is taken: each connection has a folder of its own"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (name.starts_with(['_', '.']) || !name.chars().all(fits))
        .then(|| format!("`{name}` becomes a folder: expected ASCII letters, digits, `-`, `_` or `.`, not starting with `_` or `.`"))
}

fn question(printer: &Printer, text: &str, default: &str) -> Result<String> {
    let shown = if default.is_empty() {
        String::new()
    } else {
        format!(" [{default}]")
    };
    let mut answer = String::new();
    let mut stderr = std::io::stderr();
    write!(stderr, "{}{shown}: ", printer.strong(text))
        .and_then(|()| stderr.flush())
        .and_then(|()| std::io::stdin().read_line(&mut answer).map(drop))
        .map_err(|error| Error::config(format!("cannot ask on this terminal: {error}")))?;
    let answer = answer.trim();
    Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
}

fn render(catalog: &Catalog, answers: &Answers) -> String {
    let mut text = String::from("# For `afluente export`; `afluente check` tests it. A token is never in here.\n\n[lake]\n");
    let lake = answers.lake.as_deref().unwrap_or(DEFAULT_LAKE);
    text.push_str(&commented(
        &format!("url = {}", quoted(lake)),
        "a path from this file, s3://bucket/prefix, gs://, az://",
    ));
    text.push_str(&commented("# retention = \"10m\"", "for readers that run during exports"));
    text.push_str(&commented("# [lake.s3]", "credentials: the usual AWS_* variables"));
    text.push_str("# endpoint = \"https://s3.example.com\"\n# region = \"sa-east-1\"\n");
    text.push('\n');
    for (line, comment) in [
        ("# [personal]", "LGPD: `afluente tables --personal` lists the columns"),
        ("# default = \"keep\"", "keep, drop, null, hash or mask"),
        ("# key = { env = \"AFLUENTE_PERSONAL_KEY\" }", "what hashes are made with"),
        ("# kinds = { email = \"hash\" }", "of one kind, before the default"),
    ] {
        text.push_str(&commented(line, comment));
    }
    for source in catalog.sources() {
        let chosen: Vec<&str> = answers
            .connections
            .iter()
            .filter(|(_, id)| *id == source.id)
            .map(|(name, _)| name.as_str())
            .collect();
        if chosen.is_empty() {
            text.push_str(&connection(source, &source.id, "# "));
        }
        for name in chosen {
            text.push_str(&connection(source, name, ""));
        }
    }
    text
}

/// One connection; `mark` comments it out.
fn connection(source: &Source, name: &str, mark: &str) -> String {
    let name = if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        name.to_owned()
    } else {
        quoted(name)
    };
    let limit = format!(
        "# rate_limit = {{ requests = {}, per = \"{}s\", in_flight = {} }}",
        source.rate_limit.requests,
        source.rate_limit.per.as_secs().max(1),
        source.rate_limit.in_flight
    );
    [
        (
            format!("{mark}[connections.{name}]"),
            format!("{}; the name of its folder", source.title),
        ),
        (format!("{mark}source = \"{}\"", source.id), String::new()),
        (
            format!("{mark}token = {{ env = \"{}\" }}", source.token_env),
            "or { file = \"/run/secrets/token\" }".to_owned(),
        ),
        ("# include = [\"*\"]".to_owned(), format!("globs; `afluente tables {}`", source.id)),
        ("# exclude = []".to_owned(), String::new()),
        ("# start = \"2022-01-01\"".to_owned(), "where tables with a cursor begin".to_owned()),
        ("# reconcile = \"7d\"".to_owned(), "how often to look for deletions".to_owned()),
        (limit, "less where shared".to_owned()),
    ]
    .iter()
    .fold("\n".to_owned(), |text, (line, comment)| text + &commented(line, comment))
}

/// A line, and what it means in a column of its own.
fn commented(line: &str, comment: &str) -> String {
    if comment.is_empty() {
        format!("{line}\n")
    } else {
        format!("{line:38} # {comment}\n")
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let catalog = Catalog::embedded().unwrap();
        let answers = Answers {
            lake: Some("s3://acme-lake/crm".to_owned()),
            connections: vec![
                ("acme".to_owned(), "ploomes".to_owned()),
                ("acme-2".to_owned(), "ploomes".to_owned()),
            ],
        };
        let config = Config::parse("afluente.toml", &render(&catalog, &answers)).unwrap();
        assert_eq!(config.lake.url.as_deref(), Some("s3://acme-lake/crm"));
        assert_eq!(config.connections.keys().collect::<Vec<_>>(), ["acme", "acme-2"]);

        let text = render(&catalog, &Answers::default());
        assert!(Config::parse("afluente.toml", &text).unwrap().connections.is_empty());
        // Every commented line is valid once its mark is gone.
        let all: String = text
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(['=', '['])).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        let uncommented: String = all.lines().skip(1).map(|line| format!("{line}\n")).collect();
        let config = Config::parse("afluente.toml", &uncommented).unwrap();
        assert_eq!(config.connections.len(), catalog.sources().count());
    }
}
