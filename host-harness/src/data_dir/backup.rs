//! A copy of a data directory, made while others go on with it.
//!
//! Promises: each store as of one moment, everything else as it stood after that; the copy stands where it was wanted whole, or not
//! at all, and only its owner may read it. The key is not in it: what is sealed and its key do not travel together. Not here:
//! what was done between the copy and the loss of what it is a copy of.

use super::{DataDirError, KEY, private_folder, unusable};
use crate::{disk, durable::sqlite};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// By their names.
    pub files: Vec<String>,
    /// The key stands in the directory that was copied.
    pub own_key: bool,
}

/// `to`: where nothing is yet. The lock of `from` is not needed.
pub fn backup(from: &Path, to: &Path) -> Result<Backup, DataDirError> {
    let refused = |why| Err(DataDirError::NoPlace { path: to.into(), why });
    if to.exists() {
        return refused("something is there already");
    }
    if is_within(from, to).map_err(|e| unusable(from, e))? {
        return refused("it lies in the data directory itself");
    }
    let beside = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_folder(beside)?;
    let mut part = tempfile::Builder::new();
    part.prefix(".backup");
    #[cfg(unix)]
    part.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let part = part.tempdir_in(beside).map_err(|e| unusable(beside, e))?;
    let mut names: Vec<(PathBuf, String)> = vec![];
    for entry in fs::read_dir(from).map_err(|e| unusable(from, e))? {
        let entry = entry.map_err(|e| unusable(from, e))?;
        names.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
    }
    names.retain(|(_, name)| is_kept(name));
    // Stores first: a token that is renewed meanwhile is in the copy, and a registration is not in it twice.
    names.sort_by_key(|(_, name)| (!is_store(name), name.clone()));
    for (path, name) in &names {
        let copy = part.path().join(name);
        match is_store(name) {
            true => sqlite::backup(path, &copy).map_err(|e| unusable(path, e))?,
            false => copied(path, &copy).map_err(|e| unusable(path, e))?,
        }
    }
    let files = names.into_iter().map(|(_, name)| name).collect();
    let own_key = from.join(KEY).exists();
    disk::sync_folder(part.path()).and_then(|()| fs::rename(part.path(), to)).map_err(|e| unusable(to, e))?;
    // It has another name now, and is not taken away.
    let _ = part.keep();
    disk::sync_folder(beside).map_err(|e| unusable(beside, e))?;
    Ok(Backup { files, own_key })
}

/// By what is there so far of the way to `to`, whatever links and dots lead there.
fn is_within(folder: &Path, to: &Path) -> io::Result<bool> {
    let above = to.ancestors().skip(1).find(|above| above.exists()).unwrap_or(Path::new("."));
    Ok(above.canonicalize()?.starts_with(folder.canonicalize()?))
}

fn is_store(name: &str) -> bool {
    name.ends_with(".sqlite")
}

/// What a start makes anew, or belongs to the process that runs, is not.
fn is_kept(name: &str) -> bool {
    is_store(name) || name == "key-check" || name.ends_with(".json") && name != "admin.json"
}

fn copied(from: &Path, to: &Path) -> io::Result<()> {
    // With its rights.
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{SimulatedClock, Timestamp},
        data_dir::DataDir,
        durable::{
            Engine, EngineLimits, NoProbe, TaskFilter,
            conformance::task,
            sqlite::{Durability, SqliteEngine},
        },
    };
    use std::sync::Arc;

    fn engine(data: &DataDir) -> SqliteEngine {
        let clock = Arc::new(SimulatedClock::new(Timestamp(0)));
        let store = data.made_store().unwrap();
        SqliteEngine::open(&store, clock, EngineLimits::default(), Durability::Full, Arc::new(NoProbe)).unwrap()
    }

    #[tokio::test]
    async fn what_runs_is_copied_whole_and_opens_again_with_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("data"), folder.path().join("backups/today"));
        let data = DataDir::open(&from).unwrap();
        let sealed = data.vault(None).unwrap().seal("a use", b"something");
        data.note_activation("acme", Timestamp(1000)).unwrap();
        let running = engine(&data);
        running.accept("acme", vec![task("a", "k", "1")]).await.unwrap();
        for left in ["admin.json", "admin-token", "credentials.json.new", "half.sqlite-wal"] {
            fs::write(from.join(left), "left").unwrap();
        }
        let copy = backup(&from, &to).unwrap();
        assert_eq!(copy.files, ["harness.sqlite", "activations.json", "key-check"]);
        assert!(copy.own_key && !to.join(KEY).exists());
        // What comes afterwards is not in it.
        running.accept("acme", vec![task("a", "k", "2")]).await.unwrap();

        let restored = DataDir::open(&to).unwrap();
        assert_eq!(restored.installations().unwrap(), ["acme"]);
        assert!(restored.vault(None).unwrap_err().to_string().contains("its key is not here"));
        fs::copy(from.join(KEY), to.join(KEY)).unwrap();
        assert!(restored.vault(None).unwrap().open("a use", &sealed).is_ok());
        assert_eq!(engine(&restored).tasks("acme", TaskFilter::default(), None).await.unwrap().len(), 1);
        assert_eq!(running.tasks("acme", TaskFilter::default(), None).await.unwrap().len(), 2);

        let said = backup(&from, &to).unwrap_err().to_string();
        assert!(said.contains("something is there already. Give it another place with --to"), "{said}");
        assert!(fs::read_dir(folder.path().join("backups")).unwrap().count() == 1, "nothing half is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for path in [to.clone(), to.join("harness.sqlite")] {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_copy_is_made_within_what_is_copied_by_whatever_way() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("data");
        drop(DataDir::open(&from).unwrap());
        let way = |way: &str| folder.path().join(way);
        std::os::unix::fs::symlink(&from, way("link")).unwrap();
        for to in ["data/copy", "data/new/copy", "data/../data/copy", "link/copy"] {
            let said = backup(&from, &way(to)).unwrap_err().to_string();
            assert!(said.contains("it lies in the data directory itself"), "{to}: {said}");
        }
        assert!(!from.join("new").exists(), "nothing is made on the way");
        for to in ["copy", "data/../another", "database/copy"] {
            assert!(backup(&from, &way(to)).is_ok(), "{to}");
        }
    }
}
