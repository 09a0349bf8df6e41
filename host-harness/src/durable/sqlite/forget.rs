//! A person is forgotten: first what could still bring them up, then, when no run is left that has seen it, what is recorded.
//! Read page by page and deleted page by page, so that others write in between.

use super::{
    Shared,
    columns::Count,
    memory,
    sweep::delete_run,
    tasks::{self, tell},
};
use crate::{
    clock::Timestamp,
    durable::{
        EngineError, Forgotten, TaskFilter, TaskId,
        drive::Scope,
        engine_line,
        forget::{self, Named, Verdict},
        schedule::Key,
    },
    effect::{Level, RunId, Subject, Write},
};
use rusqlite::{Connection, OptionalExtension, params};
use std::{collections::BTreeMap, sync::Arc};

/// Rows of a page.
const ROWS: u64 = 500;

/// Drops what is about somebody who was forgotten, and counts it. The first is told.
pub(super) fn turned_away(
    c: &Connection,
    installation: &str,
    subject: Option<&Subject>,
    now: Timestamp,
) -> Result<bool, EngineError> {
    let anybody = c
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM forgotten WHERE installation = ?)")?
        .query_row([installation], |row| row.get::<_, bool>(0))?;
    let Some(subject) = subject.filter(|_| anybody) else { return Ok(false) };
    let dropped = c
        .prepare_cached(
            "UPDATE forgotten SET dropped = dropped + 1 WHERE installation = ? AND hash = ? RETURNING dropped",
        )?
        .query_row([installation, &hash(c, installation, subject)?], |row| row.get::<_, Count>(0))
        .optional()?;
    if dropped.is_some_and(|dropped| dropped.0 == 1) {
        tell(c, installation, None, now, &engine_line(Level::Info, "forgotten", forget::CAME_BACK.into(), None))?;
    }
    Ok(dropped.is_some())
}

fn hash(c: &Connection, installation: &str, subject: &Subject) -> Result<String, EngineError> {
    let salt: Vec<u8> = c.prepare_cached("SELECT salt FROM salt")?.query_row([], |row| row.get(0))?;
    Ok(forget::hash(&salt, installation, subject))
}

pub(super) fn is_forgotten(c: &Connection, installation: &str, subject: &Subject) -> Result<bool, EngineError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM forgotten WHERE installation = ? AND hash = ?)";
    Ok(c.prepare_cached(sql)?.query_row([installation, &hash(c, installation, subject)?], |row| row.get(0))?)
}

pub(super) fn allow_again(c: &Connection, installation: &str, subject: &Subject) -> Result<(), EngineError> {
    let allowed = c
        .prepare_cached("DELETE FROM forgotten WHERE installation = ? AND hash = ?")?
        .execute([installation, &hash(c, installation, subject)?])?;
    match allowed {
        0 => Err(EngineError::Unknown("person who was forgotten".into())),
        _ => Ok(()),
    }
}

pub(super) async fn forget(shared: &Shared, installation: &str, subject: &Subject) -> Result<Forgotten, EngineError> {
    let named = Named::new(subject).ok_or_else(|| EngineError::Invalid(forget::NOBODY.into()))?;
    let forgetting = Forgetting { shared, name: installation.to_string(), named: Arc::new(named) };
    let (name, of) = (installation.to_string(), subject.clone());
    let hash = shared.store.write(move |c| {
        let hash = hash(c, &name, &of)?;
        c.prepare_cached("INSERT OR IGNORE INTO forgotten (installation, hash, dropped) VALUES (?, ?, 0)")?
            .execute([&name, &hash])?;
        Ok(hash)
    });
    let hash = hash.await?;
    let mut gone = Forgotten::default();
    forgetting.tasks(&mut gone).await?;
    forgetting.state(&mut gone).await?;
    forgetting.nobody_is_under_way(hash.clone(), gone.tasks + gone.state > 0).await?;
    gone.runs = forgetting.runs().await?;
    gone.lines = forgetting.told("log", "line").await?;
    gone.changes = forgetting.told("change", "change").await?;
    let (name, now, message) = (installation.to_string(), shared.drive.clock.now(), gone.to_string());
    let told = shared.store.write(move |c| {
        c.prepare_cached("UPDATE forgotten SET runs_until = NULL WHERE installation = ? AND hash = ?")?
            .execute([&name, &hash])?;
        tell(c, &name, None, now, &engine_line(Level::Info, "forgotten", message, None))
    });
    told.await?;
    match shared.store.truncate_log().await? {
        true => Ok(gone),
        false => Err(EngineError::Busy(
            "the person is forgotten, but the store is being read just now (by a backup?), so what was deleted still stands \
             in its log. Ask again in a moment"
                .into(),
        )),
    }
}

struct Forgetting<'a> {
    shared: &'a Shared,
    name: String,
    named: Arc<Named>,
}

impl Forgetting<'_> {
    async fn tasks(&self, gone: &mut Forgotten) -> Result<(), EngineError> {
        let mut after = None;
        loop {
            let name = self.name.clone();
            let page = self.shared.store.read(move |c| tasks::list(c, &name, TaskFilter::default(), after)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            let judged: Vec<_> = page.iter().map(|kept| (kept.id, self.named.judge(kept))).collect();
            let of = |verdict| judged.iter().filter(move |(_, v)| *v == verdict).map(|(id, _)| *id);
            gone.still_named += of(Verdict::StaysAndNames).count() as u64;
            let goes: Vec<TaskId> = of(Verdict::Goes).collect();
            if goes.is_empty() {
                continue;
            }
            let name = self.name.clone();
            let deleted = self.shared.change(self.shared.drive.clock.begin(), move |c| {
                let sql = "DELETE FROM task WHERE installation = ? AND id = ? AND status <> 'running' \
                           RETURNING ordering_key";
                let mut delete = c.prepare_cached(sql)?;
                let key = |id| delete.query_row(params![name, id], |row| row.get::<_, String>(0)).optional();
                let keys = goes.into_iter().map(key).collect::<Result<Vec<_>, _>>()?;
                let keys = keys.into_iter().flatten().map(|key| Key { installation: name.clone(), key });
                let keys: Vec<Key> = keys.collect();
                Ok((keys.len() as u64, Scope::Keys(keys.into_iter().collect())))
            });
            gone.tasks += deleted.await?;
        }
    }

    async fn state(&self, gone: &mut Forgotten) -> Result<(), EngineError> {
        let mut after = (String::new(), String::new());
        loop {
            let (name, from) = (self.name.clone(), after.clone());
            let page = self.shared.store.read(move |c| memory::page(c, &name, &from, ROWS)).await?;
            let Some((key, last)) = page.last() else { return Ok(()) };
            after = (key.clone(), last.key.clone());
            let mut theirs: BTreeMap<String, Vec<Write>> = BTreeMap::new();
            for (key, entry) in page {
                if self.named.is(entry.subject.as_ref()) {
                    gone.state += 1;
                    theirs.entry(key).or_default().push(Write::Delete(entry.key));
                } else if self.named.within(&entry.key) || self.named.within(&entry.value) {
                    gone.still_named += 1;
                }
            }
            let name = self.name.clone();
            let deleted = self
                .shared
                .store
                .write(move |c| theirs.iter().try_for_each(|(key, deletes)| memory::apply(c, &name, key, deletes)));
            deleted.await?;
        }
    }

    /// What a run that is open has seen is in its memory, and is written down when it ends: those that were open when
    /// the last was deleted that could bring them up are waited for, by the one who asks. Later ones have seen nothing.
    async fn nobody_is_under_way(&self, hash: String, anew: bool) -> Result<(), EngineError> {
        let (name, named) = (self.name.clone(), self.named.clone());
        let open = self.shared.store.write(move |c| {
            let last = "SELECT COALESCE(MAX(id), 0) FROM run WHERE installation = ?1 AND ended_at IS NULL";
            let sql = format!(
                "UPDATE forgotten SET runs_until = ({last}) WHERE installation = ?1 AND hash = ?2 \
                 AND (?3 OR runs_until IS NULL)"
            );
            c.prepare_cached(&sql)?.execute(params![name, hash, anew])?;
            let until: Count = c
                .prepare_cached("SELECT runs_until FROM forgotten WHERE installation = ? AND hash = ?")?
                .query_row([&name, &hash], |row| row.get(0))?;
            let mut query = c.prepare_cached("SELECT id FROM run WHERE installation = ? AND ended_at IS NULL")?;
            let open: Vec<RunId> = query.query_map([&name], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for run in open {
                if run.0 <= until.0 || texts(c, &name, run)?.iter().any(|text| named.within(text)) {
                    return Ok(Some(run));
                }
            }
            Ok(None)
        });
        match open.await? {
            Some(run) => Err(EngineError::Busy(forget::under_way(run))),
            None => Ok(()),
        }
    }

    /// Whole recordings of runs that have ended.
    async fn runs(&self) -> Result<u64, EngineError> {
        self.pages("run", |c, name, named, after, until| {
            let sql = "SELECT id, input || COALESCE(ending, '') || COALESCE(cancelled, '') FROM run \
                       WHERE installation = ?1 AND id > ?2 AND id <= ?3 AND ended_at IS NOT NULL \
                       UNION ALL SELECT run, record FROM journal WHERE installation = ?1 AND run > ?2 AND run <= ?3";
            which(c, sql, name, named, after, until)
        })
        .await
    }

    async fn told(&self, table: &'static str, text: &'static str) -> Result<u64, EngineError> {
        self.pages(table, move |c, name, named, after, until| {
            let sql = format!("SELECT id, {text} FROM {table} WHERE installation = ? AND id > ? AND id <= ?");
            which(c, &sql, name, named, after, until)
        })
        .await
    }

    /// Deletes those of a table's rows that `find` finds between two ids.
    async fn pages<F>(&self, table: &'static str, find: F) -> Result<u64, EngineError>
    where
        F: Fn(&Connection, &str, &Named, u64, u64) -> Result<Vec<u64>, EngineError> + Clone + Send + 'static,
    {
        let (mut after, mut all) = (0, 0);
        loop {
            let (name, named, find) = (self.name.clone(), self.named.clone(), find.clone());
            let page = self.shared.store.read(move |c| {
                let sql = format!(
                    "SELECT MAX(id) FROM (SELECT id FROM {table} WHERE installation = ? AND id > ? ORDER BY id LIMIT ?)"
                );
                let last = c
                    .prepare_cached(&sql)?
                    .query_row(params![name, Count(after), Count(ROWS)], |row| row.get::<_, Option<Count>>(0))?;
                let Some(until) = last else { return Ok(None) };
                Ok(Some((until.0, find(c, &name, &named, after, until.0)?)))
            });
            let Some((until, found)) = page.await? else { return Ok(all) };
            after = until;
            all += found.len() as u64;
            let name = self.name.clone();
            let deleted = self.shared.store.write(move |c| {
                for id in found {
                    match table {
                        "run" => delete_run(c, &name, id)?,
                        _ => {
                            let sql = format!("DELETE FROM {table} WHERE installation = ? AND id = ?");
                            c.prepare_cached(&sql)?.execute(params![name, Count(id)])?;
                        }
                    }
                }
                Ok(())
            });
            deleted.await?;
        }
    }
}

/// Ids of the rows whose text names the person, each once.
fn which(
    c: &Connection,
    sql: &str,
    installation: &str,
    named: &Named,
    after: u64,
    until: u64,
) -> Result<Vec<u64>, EngineError> {
    let mut query = c.prepare_cached(sql)?;
    let mut rows = query.query(params![installation, Count(after), Count(until)])?;
    let mut found = std::collections::BTreeSet::new();
    while let Some(row) = rows.next()? {
        let id = row.get::<_, Count>(0)?.0;
        if !found.contains(&id) && named.within(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?) {
            found.insert(id);
        }
    }
    Ok(found.into_iter().collect())
}

/// What is durable of a run that is open.
fn texts(c: &Connection, installation: &str, run: RunId) -> Result<Vec<String>, EngineError> {
    let sql = "SELECT input FROM run WHERE installation = ?1 AND id = ?2 \
               UNION ALL SELECT record FROM journal WHERE installation = ?1 AND run = ?2 \
               UNION ALL SELECT payload FROM task WHERE installation = ?1 AND run = ?2 AND status = 'running'";
    let mut query = c.prepare_cached(sql)?;
    Ok(query.query_map(params![installation, run], |row| row.get(0))?.collect::<Result<_, _>>()?)
}
