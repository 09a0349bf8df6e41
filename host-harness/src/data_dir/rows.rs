//! Streams that the host reads by itself, as lines of files: `rows/INSTALLATION/STREAM.jsonl` in the data directory, each with a note
//! beside the other notes of the directory.
//!
//! Promises: on return a page is on the disk, once: what was written of it before is cut off first, and what a death left half-written
//! too. A file may be moved away at any time; a new one begins then. Only their owner may read them. Not here: when what is read
//! (`runtime/page.rs`).

use super::{DataDirError, private, private_folder, read, unusable, write};
use crate::{
    clock::Timestamp,
    disk,
    operate::{RowGiven, When},
    runtime::contract::Page,
    sync::{Keeper, Pass},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};
use utoipa::ToSchema;

const FOLDER: &str = "rows";
const LINES: &str = "jsonl";

#[derive(Clone)]
pub struct Rows {
    data: PathBuf,
    /// Held while a file or its note changes.
    changing: Arc<Mutex<()>>,
}

/// What is known of a stream that is read by itself, or was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Note {
    /// Which passes are wanted: those that began with the keeping, at this moment. 0: none.
    since: u64,
    /// The page that was written last: when its pass began, and its number.
    page: Option<(Timestamp, u64)>,
    /// How long the file was before that page, and after it.
    before: u64,
    after: u64,
    /// Where it stands after that page.
    cursor: Option<String>,
    more: bool,
    rows: u64,
    at: Timestamp,
    next_at: Option<Timestamp>,
    trouble: Option<String>,
}

/// How the host's own reading of a stream stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Keeping {
    /// The file that its rows are added to. Move it away whenever you like.
    pub file: String,
    /// Rows that were written, in all. Those of a page that was written again, after a death, count again.
    pub rows: u64,
    /// When the last page was written. Nothing: none was yet.
    pub last_page_at: Option<When>,
    /// In the middle of a pass.
    pub more: bool,
    /// When it reads on.
    pub next_at: Option<When>,
    /// Why it reads no sooner, if that is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
}

/// What is gone of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    pub rows: u64,
    /// Rows of somebody else that name them.
    pub still_named: u64,
}

impl Rows {
    pub(super) fn of(data: &Path) -> Rows {
        Rows { data: data.into(), changing: Arc::default() }
    }

    /// From here on it is kept. Answers since when, and where it stood.
    pub fn begin(
        &self,
        installation: &str,
        stream: &str,
        now: Timestamp,
    ) -> Result<(u64, Option<String>), DataDirError> {
        let _changing = self.changing();
        let mut note = self.note(installation, stream)?;
        if note.since == 0 {
            note = Note { since: now.0.max(1), trouble: None, ..note };
            write(&self.note_file(installation, stream), &note)?;
        }
        Ok((note.since, note.cursor))
    }

    /// It is kept no more. What was written stays.
    pub fn end(&self, installation: &str, stream: &str) -> Result<(), DataDirError> {
        let _changing = self.changing();
        let note = self.note(installation, stream)?;
        match note.since {
            0 => Ok(()),
            _ => write(&self.note_file(installation, stream), &Note { since: 0, ..note }),
        }
    }

    /// Nothing: it is not kept.
    pub fn keeping(&self, installation: &str, stream: &str) -> Result<Option<Keeping>, DataDirError> {
        let note = self.note(installation, stream)?;
        let keeping = |note: Note| Keeping {
            file: self.file(installation, stream).display().to_string(),
            rows: note.rows,
            last_page_at: note.page.map(|_| When(note.at)),
            more: note.more,
            next_at: note.next_at.map(When),
            trouble: note.trouble,
        };
        Ok(Some(note).filter(|note| note.since != 0).map(keeping))
    }

    /// No pass of it may begin before, as far as those go that were read by themselves.
    pub fn next_at(&self, installation: &str, stream: &str) -> Result<Option<Timestamp>, DataDirError> {
        Ok(self.note(installation, stream)?.next_at)
    }

    /// Takes the lines of a person out of every file of the installation.
    pub fn forget(&self, installation: &str, person: &str) -> Result<Gone, DataDirError> {
        let _changing = self.changing();
        let folder = self.folder(installation);
        let mut gone = Gone::default();
        let files = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(gone),
            files => files.map_err(|e| unusable(&folder, e))?,
        };
        for file in files {
            let path = file.map_err(|e| unusable(&folder, e))?.path();
            let stream = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            if path.extension().is_some_and(|extension| extension == LINES) {
                let note = self.note(installation, &stream)?;
                let (of_file, after) = without(&path, person, &note).map_err(|e| unusable(&path, e))?;
                gone.rows += of_file.rows;
                gone.still_named += of_file.still_named;
                if after != note {
                    write(&self.note_file(installation, &stream), &after)?;
                }
            }
        }
        Ok(gone)
    }

    fn add(
        &self,
        installation: &str,
        pass: &Pass,
        page: &Page,
        at: Timestamp,
        next_at: Option<Timestamp>,
    ) -> Result<(), DataDirError> {
        let _changing = self.changing();
        let (stream, path) = (&pass.source, self.file(installation, &pass.source));
        let note_file = self.note_file(installation, stream);
        let mut note = self.note(installation, stream)?;
        let number = Some((pass.began_at, pass.pages));
        let base = if note.page == number { note.before } else { note.after };
        let mut lines = vec![];
        for row in &page.rows {
            let row = RowGiven::of(row).map_err(|e| unusable(&path, e))?;
            serde_json::to_writer(&mut lines, &row.record(at)).map_err(|e| unusable(&path, e))?;
            lines.push(b'\n');
        }
        let length = fs::metadata(&path).ok().map(|metadata| metadata.len());
        let base = match length {
            Some(length) if length >= base => base,
            // It was moved away. Whatever happens now, nothing of the new one is cut off by what is known of the old one.
            other => {
                let start = other.unwrap_or_default();
                note = Note { before: start, after: start, ..note };
                write(&note_file, &note)?;
                start
            }
        };
        if !lines.is_empty() || length.is_some_and(|length| length > base) {
            private_folder(&self.folder(installation))?;
            append(&path, base, &lines).map_err(|e| unusable(&path, e))?;
        }
        let note = Note {
            page: number,
            before: base,
            after: base + lines.len() as u64,
            cursor: Some(page.cursor.clone()),
            more: page.more,
            rows: note.rows + page.rows.len() as u64,
            at,
            next_at,
            trouble: None,
            ..note
        };
        write(&note_file, &note)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn note(&self, installation: &str, stream: &str) -> Result<Note, DataDirError> {
        Ok(read(&self.note_file(installation, stream))?.unwrap_or_default())
    }

    fn note_file(&self, installation: &str, stream: &str) -> PathBuf {
        self.data.join(format!("{installation}.{stream}.rows.json"))
    }

    fn folder(&self, installation: &str) -> PathBuf {
        self.data.join(FOLDER).join(installation)
    }

    fn file(&self, installation: &str, stream: &str) -> PathBuf {
        self.folder(installation).join(format!("{stream}.{LINES}"))
    }
}

impl Keeper for Rows {
    fn wants(&self, installation: &str, pass: &Pass) -> bool {
        let note = self.note(installation, &pass.source);
        // What cannot be read now is said where something is to be kept.
        pass.kept.is_some_and(|since| note.map_or(true, |note| note.since == since))
    }

    fn keep(
        &self,
        installation: &str,
        pass: &Pass,
        page: &Page,
        at: Timestamp,
        next_at: Option<Timestamp>,
    ) -> Result<(), String> {
        let kept = self.add(installation, pass, page, at, next_at);
        kept.map_err(|e| format!("its rows could not be kept: {e}"))
    }

    fn broke(&self, installation: &str, pass: &Pass, why: &str, again_at: Option<Timestamp>) {
        let _changing = self.changing();
        // Whoever cannot note it has said it in the log.
        let _ = self.note(installation, &pass.source).and_then(|note| {
            let note = Note { trouble: Some(why.into()), next_at: again_at, ..note };
            write(&self.note_file(installation, &pass.source), &note)
        });
    }
}

/// The file has these lines from there on, and nothing else.
fn append(path: &Path, from: u64, lines: &[u8]) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = private(path).map_err(io::Error::other)?;
    file.set_len(from)?;
    file.seek(SeekFrom::Start(from))?;
    file.write_all(lines)?;
    file.sync_all()?;
    match path.parent().filter(|_| is_new) {
        Some(folder) => disk::sync_folder(folder),
        None => Ok(()),
    }
}

/// The file without the lines of a person, and what is known of it then.
fn without(path: &Path, person: &str, note: &Note) -> io::Result<(Gone, Note)> {
    let (mut gone, mut after, mut at) = (Gone::default(), note.clone(), 0);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut part = tempfile::NamedTempFile::new_in(folder)?;
    let mut lines = BufReader::new(File::open(path)?);
    {
        let mut kept = BufWriter::new(part.as_file_mut());
        let mut line = vec![];
        while lines.read_until(b'\n', &mut line)? > 0 {
            let length = line.len() as u64;
            // What is half-written is cut off with the next page anyway.
            let is_theirs = !line.ends_with(b"\n") || is_about(&line, person);
            if is_theirs {
                gone.rows += 1;
                after.before -= if at < note.before { length } else { 0 };
                after.after -= if at < note.after { length } else { 0 };
            } else {
                gone.still_named += u64::from(String::from_utf8_lossy(&line).to_lowercase().contains(person));
                kept.write_all(&line)?;
            }
            at += length;
            line.clear();
        }
        kept.flush()?;
    }
    if gone.rows == 0 {
        return Ok((gone, note.clone()));
    }
    part.as_file().sync_all()?;
    part.persist(path)?;
    disk::sync_folder(folder)?;
    Ok((gone, after))
}

/// A record of them: one of its own fields is their address.
fn is_about(line: &[u8], person: &str) -> bool {
    let Ok(Value::Object(record)) = serde_json::from_slice(line) else { return false };
    record.values().filter_map(Value::as_str).any(|text| text.to_lowercase() == person)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data_dir::DataDir,
        runtime::contract::{Row, RowChange},
    };

    struct Bench {
        folder: tempfile::TempDir,
        rows: Rows,
        pass: Pass,
    }

    impl Bench {
        fn new() -> Bench {
            let folder = tempfile::tempdir().unwrap();
            let rows = DataDir::open(folder.path()).unwrap().rows();
            let (since, cursor) = rows.begin("acme", "people", Timestamp(7)).unwrap();
            assert_eq!((since, cursor), (7, None));
            let pass = Pass::kept("people", None, 1_000, Timestamp(7), since);
            Bench { folder, rows, pass }
        }

        fn keep(&self, number: u64, emails: &[&str]) {
            let pass = Pass { pages: number, ..self.pass.clone() };
            let row = |email: &&str| Row { change: RowChange::Upsert, value: format!("{{\"email\":\"{email}\"}}") };
            let (rows, cursor) = (emails.iter().map(row).collect(), format!("c{number}"));
            let page = Page { rows, tasks: vec![], cursor, more: true, costs: vec![] };
            self.rows.keep("acme", &pass, &page, Timestamp(0), None).unwrap();
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("rows/acme/people.jsonl")
        }

        fn told(&self) -> Vec<String> {
            let text = fs::read_to_string(self.file()).unwrap();
            let email = |line: &str| serde_json::from_str::<Value>(line).unwrap()["email"].as_str().unwrap().to_owned();
            text.lines().map(email).collect()
        }

        fn append(&self, text: &str) {
            let mut file = File::options().append(true).open(self.file()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
    }

    #[test]
    fn a_page_that_is_read_again_stands_there_once_and_what_is_half_written_is_cut_off() {
        let bench = Bench::new();
        bench.keep(0, &["ana@example.org", "bo@example.org"]);
        bench.keep(1, &["cy@example.org"]);
        // It died after the page was noted, and before the engine knew of it: there is somebody more now.
        bench.keep(1, &["cy@example.org", "di@example.org"]);
        assert_eq!(bench.told(), ["ana@example.org", "bo@example.org", "cy@example.org", "di@example.org"]);
        // It died in the middle of writing.
        bench.append("{\"email\":\"ed@example.org\"}\n{\"ema");
        bench.keep(2, &["ed@example.org"]);
        bench.keep(3, &[]);
        assert_eq!(bench.told()[3..], ["di@example.org", "ed@example.org"]);
        assert_eq!(bench.rows.begin("acme", "people", Timestamp(9)).unwrap(), (7, Some("c3".into())), "it goes on");
    }

    #[test]
    fn a_file_may_be_moved_away_and_nothing_of_the_new_one_is_lost_by_that() {
        let bench = Bench::new();
        bench.keep(0, &["ana@example.org"]);
        for long in ["bo-of-whom-the-line-is-a-long-one@example.org", "cy@example.org"] {
            fs::rename(bench.file(), bench.folder.path().join(long)).unwrap();
            bench.keep(1, &[long]);
            assert_eq!(bench.told(), [long]);
            bench.keep(2, &["di@example.org"]);
            assert_eq!(bench.told(), [long, "di@example.org"]);
        }
        // Or emptied where it is.
        File::create(bench.file()).unwrap();
        bench.keep(3, &["ed@example.org"]);
        assert_eq!(bench.told(), ["ed@example.org"]);
    }

    #[test]
    fn a_person_is_taken_out_and_the_page_after_that_is_still_written_in_its_place() {
        let bench = Bench::new();
        bench.keep(0, &["ana@example.org", "bo@example.org"]);
        bench.keep(1, &["cy@example.org", "ana@example.org", "di@example.org"]);
        bench.append("{\"email\": \"ANA@example.org\", \"half");
        let gone = bench.rows.forget("acme", "ana@example.org").unwrap();
        assert_eq!(gone, Gone { rows: 3, still_named: 0 });
        assert_eq!(bench.told(), ["bo@example.org", "cy@example.org", "di@example.org"]);
        // The same page again, and the one after it.
        bench.keep(1, &["cy@example.org", "di@example.org"]);
        bench.keep(2, &["ed@example.org"]);
        assert_eq!(bench.told(), ["bo@example.org", "cy@example.org", "di@example.org", "ed@example.org"]);
        bench.append("{\"email\": \"fay@example.org\", \"by\": [\"Bo@Example.org\"]}\n");
        assert_eq!(bench.rows.forget("acme", "bo@example.org").unwrap(), Gone { rows: 1, still_named: 1 });
        assert_eq!(bench.rows.forget("acme", "bo@example.org").unwrap(), Gone { rows: 0, still_named: 1 });
        assert_eq!(bench.rows.forget("other", "bo@example.org").unwrap(), Gone::default());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&bench.file()), mode(bench.file().parent().unwrap())), (0o600, 0o700));
        }
    }

    #[test]
    fn a_pass_of_a_keeping_that_is_over_is_not_wanted() {
        let bench = Bench::new();
        assert!(bench.rows.wants("acme", &bench.pass) && bench.rows.keeping("acme", "people").unwrap().is_some());
        bench.rows.end("acme", "people").unwrap();
        assert!(!bench.rows.wants("acme", &bench.pass) && bench.rows.keeping("acme", "people").unwrap().is_none());
        bench.rows.begin("acme", "people", Timestamp(8)).unwrap();
        assert!(!bench.rows.wants("acme", &bench.pass), "a new one has begun");
    }
}
