//! `afluente init`: a commented afluente.toml, asked for on a terminal, with everything commented out elsewhere.

use std::fmt::Write as _;
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
    printer.info(&format!(
        "wrote {}; next: set the tokens it names, then `afluente check`",
        args.config.display()
    ));
    Ok(Done::All)
}

#[derive(Default)]
struct Answers {
    lake: Option<String>,
    /// Name and source of each connection.
    connections: Vec<(String, String)>,
}

fn ask(catalog: &Catalog, printer: &Printer) -> Result<Answers> {
    let mut answers = Answers {
        lake: Some(question(printer, "Where is the lake, a path or s3://bucket/prefix?", DEFAULT_LAKE)?),
        ..Answers::default()
    };
    for source in catalog.sources() {
        let answer = question(
            printer,
            &format!("Export {}? A name for the connection, or nothing", source.title),
            "",
        )?;
        if !answer.is_empty() {
            answers.connections.push((answer, source.id.clone()));
        }
    }
    Ok(answers)
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
    let mut text = String::from(
        "# afluente.toml: what `afluente export` reads. `afluente check` tests it. A token is never written here.\n\n[lake]\n",
    );
    let lake = answers.lake.as_deref().unwrap_or(DEFAULT_LAKE);
    let _ = writeln!(
        text,
        "url = {}                # a path, file:// or s3://bucket/prefix; --to overrides it",
        quoted(lake)
    );
    text.push_str("# [lake.s3]                    # credentials come from the usual AWS_* variables\n# endpoint = \"https://s3.example.com\"\n# region = \"sa-east-1\"\n");
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
    format!(
        "\n{mark}[connections.{name}]        # {title}: the name becomes a folder of the lake\n\
         {mark}source = \"{id}\"\n\
         {mark}token = {{ env = \"{variable}\" }}   # or {{ file = \"/run/secrets/{id}\" }}\n\
         # include = [\"*\"]              # tables, as globs: `afluente tables {id}` lists them\n\
         # exclude = []\n\
         # start = \"2022-01-01\"         # tables with a cursor begin here\n\
         # rate_limit = {{ requests = {requests}, per = \"{per}s\", in_flight = {in_flight} }}   # the declared limit; less where others use the account too\n",
        title = source.title,
        id = source.id,
        variable = source.token_env,
        requests = source.rate_limit.requests,
        per = source.rate_limit.per.as_secs().max(1),
        in_flight = source.rate_limit.in_flight,
    )
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
