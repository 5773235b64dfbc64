//! `afluente tables`: the catalogue, generated from the declarations.

use super::Done;
use super::args::{TablesArgs, TablesFormat};
use super::inventory::inventory;
use super::printer::Printer;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::glob::distance;
use crate::schema::{Access, Catalog, Source, Table};

pub(super) fn run(args: &TablesArgs, printer: &Printer) -> Result<Done> {
    let catalog = Config::load(args.config.as_deref())?.catalog(args.schemas.as_deref())?;
    let (sources, table) = select(&catalog, args.name.as_deref())?;
    if args.personal {
        printer.lines(&inventory(args, &catalog, &sources, table)?)?;
        return Ok(Done::All);
    }
    let text = match (args.output, table) {
        (TablesFormat::Text, None) => sources.iter().map(|source| list(source)).collect::<Vec<_>>().join("\n"),
        (TablesFormat::Text, Some(table)) => {
            let terminal = terminal_size::terminal_size_of(std::io::stdout());
            detail(sources[0], table, terminal.map(|(width, _)| usize::from(width.0)))
        }
        (TablesFormat::Json, None) => pretty(&serde_json::Value::Array(
            sources.iter().map(|source| json_source(source)).collect(),
        )),
        (TablesFormat::Json, Some(table)) => pretty(&json_table(table)),
        (TablesFormat::Markdown, None) => sources.iter().map(|source| markdown_source(source)).collect::<Vec<_>>().join("\n"),
        (TablesFormat::Markdown, Some(table)) => markdown_table(table),
        (TablesFormat::Mermaid, table) => mermaid(&sources, table),
    };
    // Names and meanings are as declared, in a folder of the user's or in the binary; JSON has texts that are seen as well.
    printer.lines(&text)?;
    Ok(Done::All)
}

fn select<'a>(catalog: &'a Catalog, name: Option<&str>) -> Result<(Vec<&'a Source>, Option<&'a Table>)> {
    let Some(name) = name else {
        return Ok((catalog.sources().collect(), None));
    };
    let (source, table) = match name.split_once('.') {
        Some((source, table)) => (catalog.source(source)?, Some(table)),
        None => (catalog.source(name)?, None),
    };
    let Some(table) = table else { return Ok((vec![source], None)) };
    match source.tables.get(table) {
        Some(table) => Ok((vec![source], Some(table))),
        None => {
            let nearest = source.tables.keys().min_by_key(|known| distance(table, known));
            let error = Error::config(format!("unknown table `{name}`"));
            Err(match nearest {
                Some(nearest) => error.hint(format!(
                    "did you mean `{}.{nearest}`? `afluente tables {}` lists them all",
                    source.id, source.id
                )),
                None => error,
            })
        }
    }
}

fn list(source: &Source) -> String {
    let (derived, read): (Vec<&Table>, Vec<&Table>) = source.tables.values().partition(|table| table.is_derived());
    let columns: usize = read.iter().map(|table| table.columns.len()).sum();
    let derived = match derived.len() {
        0 => String::new(),
        many => format!("; {many} derived from them, if the configuration asks for it"),
    };
    let width = source.tables.keys().map(|id| id.chars().count()).max().unwrap_or(0);
    let mut text = format!(
        "{} ({}): {} tables, {columns} columns{derived}\n",
        source.id,
        source.title,
        read.len()
    );
    text.push_str(&format!("  {:width$}  cols  {:11}  title\n", "table", "mode"));
    for table in source.tables.values() {
        text.push_str(&format!(
            "  {:width$}  {:>4}  {:11}  {}{}\n",
            table.id,
            table.columns.len(),
            if table.is_derived() {
                "derived"
            } else {
                table.replication.mode.name()
            },
            table.title,
            if table.experimental { " (experimental)" } else { "" }
        ));
    }
    text
}

/// Descriptions are folded to the terminal's width; elsewhere each stands on one line.
fn detail(source: &Source, table: &Table, terminal: Option<usize>) -> String {
    let mut text = format!("{}.{}: {}\n{}\n\n", source.id, table.id, table.title, table.description);
    for (name, value) in facts(table) {
        text.push_str(&format!("  {name:12} {value}\n"));
    }
    text.push('\n');
    let width = table.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    let indent = 2 + width + 2 + 9 + 2;
    for column in &table.columns {
        let references = column.references.as_ref().map(|target| format!(" → {target}")).unwrap_or_default();
        let description = fold(&format!("{}{references}", column.description), terminal, indent);
        text.push_str(&format!("  {:width$}  {:9}  {description}\n", column.name, column.kind.name()));
    }
    text
}

/// Breaks a text between words, so that no line reaches beyond the terminal; later lines are indented. Too narrow a column is left as it is.
fn fold(text: &str, terminal: Option<usize>, indent: usize) -> String {
    let Some(room) = terminal.and_then(|width| width.checked_sub(indent)).filter(|room| *room >= 20) else {
        return text.to_owned();
    };
    let mut folded = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            folded.push('\n');
            folded.push_str(&" ".repeat(indent));
            used = 0;
        } else if used > 0 {
            folded.push(' ');
            used += 1;
        }
        folded.push_str(word);
        used += length;
    }
    folded
}

fn facts(table: &Table) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    match &table.access {
        Access::Fetch(fetch) => facts.push(("endpoint", fetch.endpoints.join(" or "))),
        Access::Explode(explode) => facts.push(("exploded", format!("from `{}` of {}", explode.path, explode.table))),
        Access::Derived => facts.push((
            "derived",
            "from other tables of the lake, if the connection's `customerx` block asks for it".to_owned(),
        )),
    }
    if !table.primary_key.is_empty() {
        facts.push(("primary key", table.primary_key.join(", ")));
    }
    if !table.nullable_key.is_empty() {
        facts.push(("nullable key", table.nullable_key.join(", ")));
    }
    if let Some(partition) = &table.partition {
        facts.push(("partition", partition.name()));
    }
    if table.experimental {
        facts.push((
            "experimental",
            format!("left out of a run unless it is named: --tables {}", table.id),
        ));
    }
    if !table.is_derived() {
        facts.push(("replication", table.replication.mode.name().to_owned()));
    }
    if let Some(cursor) = &table.replication.cursor {
        facts.push(("cursor", cursor.clone()));
    }
    if !table.children.is_empty() {
        facts.push(("with it", table.children.join(", ")));
    }
    facts
}

fn json_source(source: &Source) -> serde_json::Value {
    serde_json::json!({
        "source": source.id,
        "title": source.title,
        "description": source.description,
        "tables": source.tables.values().map(json_table).collect::<Vec<_>>(),
    })
}

fn json_table(table: &Table) -> serde_json::Value {
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|column| {
            let mut object = serde_json::json!({ "name": column.name, "type": column.kind.name(), "description": column.description });
            if let Some(personal) = column.personal {
                object["personal"] = personal.name().into();
            }
            if let Some(references) = &column.references {
                object["references"] = references.as_str().into();
            }
            object
        })
        .collect();
    let mut object = serde_json::json!({ "id": table.id, "title": table.title, "description": table.description });
    for (name, value) in facts(table) {
        object[name.replace(' ', "_")] = value.into();
    }
    object["primary_key"] = table.primary_key.clone().into();
    if !table.nullable_key.is_empty() {
        object["nullable_key"] = table.nullable_key.clone().into();
    }
    if table.experimental {
        object["experimental"] = true.into();
    }
    object["columns"] = columns.into();
    object
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn markdown_source(source: &Source) -> String {
    let mut text = format!("# {}\n\n{}\n", source.title, source.description);
    for table in source.tables.values() {
        text.push('\n');
        text.push_str(&markdown_table(table));
    }
    text
}

fn markdown_table(table: &Table) -> String {
    let mut text = format!("## {} (`{}`)\n\n{}\n\n", cell(&table.title), table.id, table.description);
    for (name, value) in facts(table) {
        text.push_str(&format!("- {name}: `{value}`\n"));
    }
    text.push_str("\n| column | type | description | references |\n|---|---|---|---|\n");
    for column in &table.columns {
        let references = column.references.as_ref().map(|target| format!("`{target}`")).unwrap_or_default();
        text.push_str(&format!(
            "| `{}` | {} | {} | {references} |\n",
            column.name,
            column.kind.name(),
            cell(&column.description)
        ));
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// One line per reference: from the column's table to the one it names.
fn mermaid(sources: &[&Source], only: Option<&Table>) -> String {
    let mut text = String::from("erDiagram\n");
    for source in sources {
        let name = |table: &str| {
            if sources.len() > 1 {
                format!("{}__{table}", source.id)
            } else {
                table.to_owned()
            }
        };
        for table in source.tables.values() {
            let concerns = |other: &str| only.is_none_or(|only| only.id == table.id || only.id == other);
            if let Some(parent) = table.exploded_from().filter(|parent| concerns(parent)) {
                text.push_str(&format!("    {} ||--o{{ {} : explodes\n", name(parent), name(&table.id)));
            }
            for column in &table.columns {
                let Some((target, _)) = column.references.as_deref().and_then(|target| target.split_once('.')) else {
                    continue;
                };
                if concerns(target) {
                    text.push_str(&format!("    {} ||--o{{ {} : {}\n", name(target), name(&table.id), column.name));
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_is_one_line_of_the_diagram() {
        let catalog = Catalog::embedded().unwrap();
        let sources: Vec<&Source> = catalog.sources().collect();
        let references = sources
            .iter()
            .flat_map(|source| source.tables.values())
            .flat_map(|table| &table.columns)
            .filter(|column| column.references.is_some());
        let exploded = sources
            .iter()
            .flat_map(|source| source.tables.values())
            .filter(|table| table.exploded_from().is_some());
        assert_eq!(mermaid(&sources, None).lines().count(), 1 + references.count() + exploded.count());
    }

    #[test]
    fn descriptions_are_folded_to_the_terminal() {
        let text = "Identificador interno da venda; o número visível está em ordernumber.";
        assert_eq!(fold(text, None, 10), text);
        assert_eq!(fold(text, Some(25), 10), text, "too narrow");
        let folded = fold(text, Some(40), 10);
        assert!(folded.lines().all(|line| line.trim_start().chars().count() <= 30), "{folded}");
        assert_eq!(folded.split_whitespace().collect::<Vec<_>>().join(" "), text);
        assert!(folded.lines().skip(1).all(|line| line.starts_with("          ")), "{folded}");
    }

    #[test]
    fn an_unknown_table_gets_the_nearest_name() {
        let catalog = Catalog::embedded().unwrap();
        let error = select(&catalog, Some("ploomes.dels")).unwrap_err();
        assert!(error.advice().unwrap().contains("`ploomes.deals`"), "{error:?}");
    }
}
