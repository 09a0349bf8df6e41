//! What is over goes after its time, and a person is forgotten: each object is gone through.

use super::{
    Directory,
    object::{Now, Object},
};
use crate::{
    clock::Timestamp,
    durable::{
        EngineError, Forgotten, Retention, Swept, TaskId,
        TaskStatus::{self, Dead, Done},
        drive::guard,
        engine_line,
        forget::{self, Named, Verdict},
        journal::written,
    },
    effect::{Level, RunId, Subject},
};

/// How many are taken away.
fn retain<T>(all: &mut Vec<T>, stays: impl Fn(&T) -> bool) -> u64 {
    let before = all.len();
    all.retain(stays);
    (before - all.len()) as u64
}

/// The id of the newest that is one too many.
fn beyond(mut ids: Vec<u64>, max: u64) -> u64 {
    ids.sort_unstable_by(|a, b| b.cmp(a));
    usize::try_from(max).ok().and_then(|max| ids.get(max).copied()).unwrap_or(0)
}

impl Directory {
    pub(super) fn sweep(&self, installation: &str, keep: &Retention, now: Now) -> Result<Swept, EngineError> {
        let all = self.all(Some(installation));
        let of_no_key = {
            let notes = guard(&self.notes);
            let lines = notes.get(installation).into_iter().flat_map(|note| &note.lines);
            lines.map(|line| line.id).collect::<Vec<_>>()
        };
        let line_ids = |object: &Object| object.lines.iter().map(|line| line.id).collect::<Vec<_>>();
        let lines = all.iter().flat_map(|object| line_ids(&guard(object))).chain(of_no_key);
        let lines = beyond(lines.collect(), keep.lines_max);
        let change_ids = |object: &Object| object.changes.iter().map(|change| change.id).collect::<Vec<_>>();
        let changes = beyond(all.iter().flat_map(|o| change_ids(&guard(o))).collect(), keep.lines_max);

        let mut ended: Vec<(Timestamp, RunId, u64)> = vec![];
        for object in &all {
            for (id, run) in &guard(object).runs {
                if let Some((at, _)) = &run.ended {
                    ended.push((*at, *id, run.bytes()?));
                }
            }
        }
        ended.sort();
        let mut bytes = 0;
        let too_much = ended.iter().rev().find(|(.., size)| {
            bytes += size;
            bytes > keep.journal_bytes_max
        });
        let runs = now.at.minus(keep.runs).max(too_much.map_or(Timestamp(0), |(at, ..)| *at));

        let told = now.at.minus(keep.log);
        let mut swept = Swept::default();
        for object in &all {
            let mut object = guard(object);
            swept.done += object.drop_tasks(Done, now.at.minus(now.limits.dedupe_retention));
            swept.dead += object.drop_tasks(Dead, now.at.minus(keep.dead));
            swept.runs += object.drop_runs(|_, run| run.ended.as_ref().is_some_and(|(at, _)| *at <= runs));
            swept.lines += retain(&mut object.lines, |line| line.at > told && line.id > lines);
            swept.changes += retain(&mut object.changes, |change| change.at > told && change.id > changes);
        }
        if let Some(note) = guard(&self.notes).get_mut(installation) {
            swept.lines += retain(&mut note.lines, |line| line.at > told && line.id > lines);
        }
        Ok(swept)
    }

    pub(super) fn forget(&self, installation: &str, subject: &Subject, now: Now) -> Result<Forgotten, EngineError> {
        let named = Named::new(subject).ok_or_else(|| EngineError::Invalid(forget::NOBODY.into()))?;
        let hash = self.hash(installation, subject);
        guard(&self.notes).entry(installation.into()).or_default().forgotten.entry(hash.clone()).or_default();
        let all = self.all(Some(installation));
        let mut gone = Forgotten::default();
        all.iter().for_each(|object| guard(object).forget_work(&named, &mut gone));

        let open: Vec<RunId> = all.iter().filter_map(|object| guard(object).open_run()).collect();
        let last = open.iter().max().copied().unwrap_or(RunId(0));
        let until = {
            let mut notes = guard(&self.notes);
            let forgot = notes.entry(installation.into()).or_default().forgotten.entry(hash.clone()).or_default();
            if gone.tasks + gone.state > 0 || forgot.runs_until.is_none() {
                forgot.runs_until = Some(last);
            }
            forgot.runs_until.unwrap_or(last)
        };
        for object in &all {
            if let Some(run) = guard(object).may_have_seen(&named, until)? {
                return Err(EngineError::Busy(forget::under_way(run)));
            }
        }
        for object in &all {
            guard(object).forget_recordings(&named, &mut gone)?;
        }
        let mut notes = guard(&self.notes);
        let note = notes.entry(installation.into()).or_default();
        note.forgotten.entry(hash).or_default().runs_until = None;
        let line = engine_line(Level::Info, "forgotten", gone.to_string(), None);
        note.lines.push(self.ids.line(None, now.at, line));
        Ok(gone)
    }
}

impl Object {
    fn drop_tasks(&mut self, status: TaskStatus, until: Timestamp) -> u64 {
        let before = self.items.len();
        self.items.retain(|_, item| item.status() != status || !item.ended_by(until));
        (before - self.items.len()) as u64
    }

    /// What could still bring them up.
    fn forget_work(&mut self, named: &Named, gone: &mut Forgotten) {
        let judged: Vec<(TaskId, Verdict)> =
            self.items.iter().map(|(id, item)| (*id, named.judge(&item.shown()))).collect();
        for (id, verdict) in judged {
            match verdict {
                Verdict::Goes => {
                    self.items.remove(&id);
                    gone.tasks += 1;
                }
                Verdict::StaysAndNames => gone.still_named += 1,
                Verdict::Stays => {}
            }
        }
        self.state.retain(|_, entry| {
            let theirs = named.is(entry.subject.as_ref());
            let names = !theirs && (named.within(&entry.key) || named.within(&entry.value));
            gone.state += u64::from(theirs);
            gone.still_named += u64::from(names);
            !theirs
        });
    }

    fn may_have_seen(&self, named: &Named, until: RunId) -> Result<Option<RunId>, EngineError> {
        let Some(run) = self.open_run() else { return Ok(None) };
        let tape = written(&self.tape(run)?)?;
        Ok((run <= until || named.within(&tape)).then_some(run))
    }

    fn forget_recordings(&mut self, named: &Named, gone: &mut Forgotten) -> Result<(), EngineError> {
        let mut naming = std::collections::BTreeSet::new();
        for id in self.runs.keys() {
            if named.within(&written(&self.tape(*id)?)?) {
                naming.insert(*id);
            }
        }
        gone.runs += self.drop_runs(|id, _| naming.contains(&id));
        let names = |text: Result<String, EngineError>| text.is_ok_and(|text| named.within(&text));
        gone.lines += retain(&mut self.lines, |line| !names(written(line)));
        gone.changes += retain(&mut self.changes, |change| !names(written(change)));
        Ok(())
    }
}
