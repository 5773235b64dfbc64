//! Copies of `schemas/` with other settings, for `--schemas`.

use std::path::Path;

use super::files_below;

/// Copies the declarations into `schemas/` of this folder: without the vendors' limits, and with retries that hardly wait.
pub fn quick_schemas(folder: &Path) {
    copy_schemas(folder, |path, text| {
        if path.ends_with("source.toml") {
            quickened(text)
        } else {
            text.to_owned()
        }
    });
}

/// Copies the declarations; `edited` gives the text of each file, named as `ploomes/deals.toml`.
pub fn copy_schemas(folder: &Path, edited: impl Fn(&str, &str) -> String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for path in files_below(&root) {
        let below = path.strip_prefix(&root).unwrap();
        if below.extension().is_some_and(|end| end == "toml") {
            let text = edited(below.to_str().unwrap(), &std::fs::read_to_string(&path).unwrap());
            let copy = folder.join("schemas").join(below);
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::write(copy, text).unwrap();
        }
    }
}

/// A source's text, quickened.
pub fn quickened(text: &str) -> String {
    let mut source: toml::Table = text.parse().unwrap();
    let limit = source["rate_limit"].as_table_mut().unwrap();
    limit.insert("requests".to_owned(), 1_000_000.into());
    limit.insert("per".to_owned(), "1s".into());
    let retry = source
        .entry("retry")
        .or_insert_with(|| toml::Table::new().into())
        .as_table_mut()
        .unwrap();
    retry.insert("backoff".to_owned(), "1ms".into());
    retry.insert("max_backoff".to_owned(), "20ms".into());
    source.to_string()
}
