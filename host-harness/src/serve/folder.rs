//! The folder of installation files. Promises: what stands in it is told whole or as unreadable, and a file that an editor leaves
//! beside it is none. Not here: what a file means (`installation`).

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The texts of the files, or why one cannot be read.
pub type Files = BTreeMap<PathBuf, Result<String, String>>;

const DANGLING: &str = "it is a link, and where it leads there is nothing. Put the file there, or remove the link";

/// Every `*.toml` of the folder that is not hidden.
pub fn read(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_none_or(|ending| ending != "toml") || is_hidden {
            continue;
        }
        match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                // Else it is gone between the two looks.
                if fs::symlink_metadata(&path).is_ok_and(|entry| entry.is_symlink()) {
                    files.insert(path, Err(DANGLING.into()));
                }
            }
            read => drop(files.insert(path, read.map_err(|e| format!("it cannot be read: {e}")))),
        }
    }
    Ok(files)
}

/// Whether a file is another one than before, as far as can be told without reading it. Nothing: it is not there.
pub type Stamps = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

pub fn stamps(files: impl IntoIterator<Item = PathBuf>) -> Stamps {
    let stamp = |path: &Path| {
        let told = fs::metadata(path).ok()?;
        Some((told.modified().ok()?, told.len()))
    };
    files
        .into_iter()
        .map(|path| {
            let stamp = stamp(&path);
            (path, stamp)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_files_are_read_and_what_an_editor_leaves_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.toml", ".a.toml", "a.toml~", "b.txt"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::write(folder.path().join("c.toml"), [0xff]).unwrap();
        std::os::unix::fs::symlink("a.toml", folder.path().join("d.toml")).unwrap();
        std::os::unix::fs::symlink("none.toml", folder.path().join("e.toml")).unwrap();
        let files = read(folder.path()).unwrap();
        let names: Vec<_> = files.keys().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["a.toml", "c.toml", "d.toml", "e.toml"]);
        assert_eq!(files[&folder.path().join("a.toml")], Ok("a.toml".into()));
        assert!(files[&folder.path().join("c.toml")].is_err());
        assert_eq!(files[&folder.path().join("d.toml")], Ok("a.toml".into()));
        assert_eq!(files[&folder.path().join("e.toml")], Err(DANGLING.into()));
        assert!(read(&folder.path().join("none")).is_err());
    }
}
