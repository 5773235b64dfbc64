//! Embeds `schemas/` in the binary: the folder is the list, so a new file needs no line of code.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=schemas");
    let mut table = String::from("const EMBEDDED: &[(&str, &str)] = &[\n");
    for source in sorted(Path::new("schemas"))? {
        if !source.is_dir() {
            continue;
        }
        for file in sorted(&source)? {
            if file.extension().is_some_and(|extension| extension == "toml") {
                let name = file.strip_prefix("schemas").unwrap_or(&file).to_string_lossy().replace('\\', "/");
                let absolute = fs::canonicalize(&file)?;
                let _ = writeln!(table, "    ({name:?}, include_str!({:?})),", absolute.display().to_string());
            }
        }
    }
    table.push_str("];\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&out).join("schemas.rs"), table)
}

fn sorted(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut entries: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    Ok(entries)
}
