//! The file: one writer, one reader, each a thread with a connection, or both in the caller's thread. Promises: what `write` has answered is durable; a
//! write is whole or not at all; writes that come together share one commit; after [`Store::close`] no thread and no
//! lock is left. Not here: what is written.

use super::Durability;
use crate::{
    disk,
    durable::{EngineError, Point},
};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, mpsc},
    thread::JoinHandle,
};
use tokio::sync::oneshot;

const MIGRATIONS: [M<'static>; 2] = [M::up(include_str!("001.sql")), M::up(include_str!("002.sql"))];

/// Writes that share a commit at most. More would make the first of them wait for the last.
const GROUP_MAX: usize = 256;

/// Does its part in the open transaction, if there is one; what it returns is told, after that, whether the commit went through.
type Job = Box<dyn FnOnce(Result<&Connection, String>) -> Settle + Send>;
type Settle = Box<dyn FnOnce(&Connection, &Result<(), String>) + Send>;

pub(super) struct Store {
    writer: Worker,
    reader: Worker,
    halted: Arc<OnceLock<Point>>,
    lock: Mutex<Option<File>>,
}

impl Store {
    pub fn open(path: &Path, durability: Durability) -> Result<Store, EngineError> {
        let lock = lock_file(path)?;
        let mut connection = Connection::open(path)?;
        configure(&connection, durability)?;
        Migrations::from_slice(&MIGRATIONS)
            .to_latest(&mut connection)
            .map_err(|e| EngineError::Store(format!("{}: {e}", path.display())))?;
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reading = Connection::open_with_flags(path, read_only)?;
        for connection in [&connection, &reading] {
            connection.set_prepared_statement_cache_capacity(128);
        }
        let halted = Arc::new(OnceLock::new());
        let in_turn = durability == Durability::ProcessCrashInTurn;
        Ok(Store {
            writer: Worker::start("durable-write", connection, write_group, in_turn)?,
            reader: Worker::start("durable-read", reading, read_group, in_turn)?,
            halted,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Durable on return.
    pub async fn write<T, F>(&self, f: F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    {
        self.write_then(f, |value| value).await
    }

    /// `then` follows the commit, and before the answer: a caller that is dropped cannot keep it from happening.
    pub async fn write_then<T, U, F, G>(&self, f: F, then: G) -> Result<U, EngineError>
    where
        T: Send + 'static,
        U: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
        G: FnOnce(T) -> U + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let halted = self.halted.clone();
        self.writer.send(Box::new(move |connection| {
            let connection = connection.map_err(EngineError::Store);
            let result = connection.and_then(|c| alive(&halted).and_then(|()| savepoint(c, f)));
            Box::new(move |_, committed| {
                let committed = committed.clone().map_err(EngineError::Store);
                let answer = result.and_then(|value| committed.map(|()| then(value)));
                // Nobody hears it where the caller was dropped.
                let _ = reply.send(answer);
            })
        }))?;
        answer.await.map_err(|_| closed())?
    }

    /// Sees every write that was answered before.
    pub async fn read<T, F>(&self, f: F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, EngineError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.reader.send(Box::new(move |connection| {
            let result = connection.map_err(EngineError::Store).and_then(f);
            Box::new(move |_, _| {
                let _ = reply.send(result);
            })
        }))?;
        answer.await.map_err(|_| closed())?
    }

    /// What was overwritten or deleted before is in no file any more. False where somebody reads the store just now: ask again.
    pub async fn truncate_log(&self) -> Result<bool, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.writer.send(Box::new(move |_| {
            Box::new(move |connection, _| {
                let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
                let _ = reply.send(busy.map(|busy| !busy).map_err(EngineError::from));
            })
        }))?;
        answer.await.map_err(|_| closed())?
    }

    /// From here on every write is refused, as if the process had died.
    pub fn halt(&self, point: &Point) {
        let _ = self.halted.set(point.clone());
    }

    pub fn close(&self) {
        self.reader.stop();
        // The last to go puts the log into the file and removes it, which one that only reads cannot.
        self.writer.stop();
        // Last: until here the file belongs to this process.
        drop(guard(&self.lock).take());
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Copies the store at `from`, if there is one, to `to`, where there is none yet. Refused while somebody has it open: at rest,
/// the file and its log are all of it.
pub fn copy(from: &Path, to: &Path) -> Result<(), EngineError> {
    let file = |path: &Path, suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    if !from.exists() {
        return Ok(());
    }
    let _lock = lock_file(from)?;
    for suffix in ["", "-wal"] {
        let part = file(from, suffix);
        if part.exists() {
            std::fs::copy(&part, file(to, suffix))
                .map_err(|e| EngineError::Store(format!("{} cannot be copied: {e}", part.display())))?;
        }
    }
    Ok(())
}

/// Writes the store at `from` to `to`, where there is none yet, as it is at this moment. Others may have it open and write
/// meanwhile, in this process or another; what was accepted before is in it, and nothing of what was deleted. A copy that
/// breaks off does not stand at `to`.
pub fn backup(from: &Path, to: &Path) -> Result<(), EngineError> {
    let failed = |e: &dyn std::fmt::Display| EngineError::Store(format!("no backup of {}: {e}", from.display()));
    if to.exists() {
        return Err(EngineError::Invalid(format!("{} is there already; give the backup another name", to.display())));
    }
    // A reader does not make a file where there is none.
    let reading = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let store = Connection::open_with_flags(from, reading).map_err(|e| failed(&e))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // For its owner's eyes, and gone where something fails.
    let part = tempfile::Builder::new().prefix(".backup").tempfile_in(folder).map_err(|e| failed(&e))?;
    store.execute("VACUUM INTO ?", [part.path().to_string_lossy()]).map_err(|e| failed(&e))?;
    part.as_file().sync_all().map_err(|e| failed(&e))?;
    part.persist_noclobber(to).map_err(|e| failed(&e))?;
    disk::sync_folder(folder).map_err(|e| failed(&e))
}

fn alive(halted: &OnceLock<Point>) -> Result<(), EngineError> {
    halted.get().map_or(Ok(()), |point| Err(EngineError::Stopped(point.clone())))
}

fn closed() -> EngineError {
    EngineError::Store("it is closed".into())
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn lock_file(path: &Path) -> Result<File, EngineError> {
    let name = PathBuf::from(format!("{}.lock", path.display()));
    let failed = |e: std::io::Error| EngineError::Store(format!("{}: {e}", name.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EngineError::Store(format!(
            "{} is in use by another process. One process at a time may use it: end the other one, or choose another \
             directory",
            path.display()
        ))),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

fn configure(connection: &Connection, durability: Durability) -> Result<(), EngineError> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::ProcessCrash | Durability::ProcessCrashInTurn => "OFF",
    };
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    // A forgotten person's text shall not stay behind in free pages.
    connection.pragma_update(None, "secure_delete", "ON")?;
    Ok(())
}

struct Worker(Mutex<Option<Hands>>);

enum Hands {
    Thread { jobs: mpsc::Sender<Job>, thread: JoinHandle<()> },
    Caller { connection: Connection, work: Work },
}

/// Does jobs that came together.
type Work = fn(&Connection, &mut dyn Iterator<Item = Job>);

impl Worker {
    fn start(name: &str, connection: Connection, work: Work, in_turn: bool) -> Result<Worker, EngineError> {
        let hands = if in_turn {
            Hands::Caller { connection, work }
        } else {
            let (jobs, given) = mpsc::channel();
            let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
                while let Ok(first) = given.recv() {
                    work(&connection, &mut std::iter::once(first).chain(given.try_iter().take(GROUP_MAX - 1)));
                }
            });
            Hands::Thread { jobs, thread: thread.map_err(|e| EngineError::Store(e.to_string()))? }
        };
        Ok(Worker(Mutex::new(Some(hands))))
    }

    fn send(&self, job: Job) -> Result<(), EngineError> {
        match guard(&self.0).as_ref().ok_or_else(closed)? {
            Hands::Thread { jobs, .. } => jobs.send(job).map_err(|_| closed()),
            Hands::Caller { connection, work } => {
                work(connection, &mut std::iter::once(job));
                Ok(())
            }
        }
    }

    fn stop(&self) {
        let hands = guard(&self.0).take();
        if let Some(Hands::Thread { jobs, thread }) = hands {
            drop(jobs);
            // A panic in there has already been answered: every later call hears that the store is closed.
            let _ = thread.join();
        }
    }
}

fn read_group(connection: &Connection, jobs: &mut dyn Iterator<Item = Job>) {
    jobs.for_each(|job| job(Ok(connection))(connection, &Ok(())));
}

fn write_group(connection: &Connection, jobs: &mut dyn Iterator<Item = Job>) {
    let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(|e| e.to_string());
    let settle: Vec<Settle> = jobs
        .map(|job| match &begun {
            Err(problem) => job(Err(problem.clone())),
            // A file that fails takes the whole transaction back by itself; without one, a write would stand alone.
            Ok(()) if connection.is_autocommit() => job(Err("the transaction was taken back".into())),
            Ok(()) => job(Ok(connection)),
        })
        .collect();
    let committed = begun.and_then(|()| connection.execute_batch("COMMIT").map_err(|e| e.to_string()));
    if committed.is_err() && !connection.is_autocommit() {
        // Where even this fails, the next BEGIN says so.
        let _ = connection.execute_batch("ROLLBACK");
    }
    settle.into_iter().for_each(|settle| settle(connection, &committed));
}

/// One caller's error takes back that caller's writes alone.
fn savepoint<T>(
    connection: &Connection,
    f: impl FnOnce(&Connection) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    connection.execute_batch("SAVEPOINT one")?;
    let result = f(connection);
    let over = if result.is_ok() { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" };
    match (connection.execute_batch(over), result) {
        (Ok(()), result) => result,
        // The file itself failed and took the whole transaction back; the first error says why.
        (Err(_), Err(error)) => Err(error),
        (Err(error), Ok(_)) => Err(error.into()),
    }
}

impl From<rusqlite::Error> for EngineError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => EngineError::Corrupt(error.to_string()),
            // The file is well; what was to be written does not fit what is in it.
            error if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                EngineError::Corrupt(error.to_string())
            }
            error => EngineError::Store(error.to_string()),
        }
    }
}

/// A store as the first version made it.
#[cfg(test)]
pub(super) fn of_the_first_version(path: &Path) -> Connection {
    let mut connection = Connection::open(path).expect("a test's file opens");
    configure(&connection, Durability::ProcessCrash).expect("a test's file is set up");
    Migrations::from_slice(&MIGRATIONS[..1]).to_latest(&mut connection).expect("the first migration is sound");
    connection
}
