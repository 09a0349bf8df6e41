//! The product's own files, for tests that read them.

use std::{
    fs,
    path::{Path, PathBuf},
};

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub fn read(file: impl AsRef<Path>) -> String {
    let path = Path::new(WORKSPACE).join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The product's own, by their paths in the workspace.
pub fn files(ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["plugin", "host-harness", "tests", "docs", "wit", "fixtures"]
        .iter()
        .flat_map(|top| under(Path::new(top), ending))
        .collect();
    found.extend(Some(PathBuf::from("README.md")).filter(|_| ending == "md"));
    assert!(found.len() > 5, "{found:?}");
    found
}

fn under(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(Path::new(WORKSPACE).join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if !path.ends_with("target") {
                found.extend(under(&path, ending));
            }
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}
