//! What an engine's records say of each session: its campaign and list, its people, its tasks, and why it has no campaign.
//!
//! Promises: it goes by the words of the contract alone, and knows no payload and no state. A task, a line or a change whose
//! subject is a session is about that one; a person's task belongs to the session that its dedupe key names; a person is
//! where a membership says so, by the name of what was joined. Not here: how records are read, and how this is shown.

use super::super::When;
use crate::{
    clock::Timestamp,
    durable::{KeptChange, KeptTask, LogLine, TaskStatus},
    effect::{Action, RunId, Subject},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// The providers' words.
const CAMPAIGN: &str = "Campaign";
const LIST: &str = "List";
const MEMBERSHIPS: [&str; 2] = ["ListMembership", "CampaignMember"];
/// Where people register.
const SESSION: &str = "Session";
/// The field of a line that says what a person may do about it.
const REMEDY: &str = "remedy";
/// For a line that says nothing of it.
const AS_YOU_LIKE: &str = "Nothing, if that is as you want it; docs/admin-guide.md says under \"Which sessions have a campaign\" \
                           what would change it.";

/// A session that the connector has met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionShown)]
pub struct Session {
    pub id: String,
    /// When the connector heard of it first.
    pub met_at: When,
    /// One where the connector made one; two where another system has taken it over.
    pub campaigns: Vec<Made>,
    pub lists: Vec<Made>,
    pub people: People,
    /// How many had registered when the sessions were last listed, the hosts included. Nothing: they were not.
    pub registrants: Option<u64>,
    pub tasks: Tasks,
    /// Why it has no campaign, or what is not done although it has one. Empty when all is well.
    pub why: Vec<Why>,
}

/// A record at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionRecord)]
pub struct Made {
    pub connection: String,
    pub id: Option<String>,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionPeople)]
pub struct People {
    /// In the destination: in the session's list or campaign.
    pub there: usize,
    pub waiting: usize,
    pub failed: usize,
}

/// The session's own, and those of its people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionTasks)]
pub struct Tasks {
    pub waiting: usize,
    pub done: usize,
    pub failed: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionWhy)]
pub struct Why {
    pub kind: Kind,
    pub problem: String,
    pub remedy: String,
    /// The run that ended so, if one did.
    #[serde(skip)]
    pub(super) run: Option<RunId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = SessionWhyKind)]
pub enum Kind {
    /// It ended as a dead letter: a person must do something.
    Failed,
    /// It goes on by itself.
    Waiting,
    /// Nothing is to be done, by the connector's own word: it is left out, or not asked for yet.
    LeftOut,
}

impl Session {
    pub fn has_campaign(&self) -> bool {
        !self.campaigns.is_empty()
    }

    /// It has no campaign, and gets none before somebody does something.
    pub fn needs_a_person(&self) -> bool {
        !self.has_campaign() && self.why.iter().any(|why| why.kind == Kind::Failed)
    }
}

/// Takes records in, the changes oldest first, and keeps of them what is needed.
#[derive(Debug, Default)]
pub(super) struct Records {
    sessions: BTreeMap<String, Gathered>,
    of_people: Vec<PersonsTask>,
    /// Who joined what.
    joined: BTreeSet<(String, String)>,
}

#[derive(Debug, Default)]
struct Gathered {
    met_at: Option<Timestamp>,
    campaigns: Vec<Made>,
    lists: Vec<Made>,
    /// The last run that made one of them.
    made_by: Option<RunId>,
    registrants: Option<u64>,
    tasks: Tasks,
    why: Vec<Why>,
    /// The newest word of it, for where nothing else is known.
    said: Option<(Timestamp, Why)>,
}

#[derive(Debug)]
struct PersonsTask {
    person: String,
    dedupe_key: String,
    status: TaskStatus,
}

impl Records {
    pub fn task(&mut self, kept: KeptTask) {
        let KeptTask { task, status, admitted_at, due, waiting_for, failure, run, .. } = kept;
        let Some(Subject { kind, id }) = task.subject else { return };
        match kind.as_str() {
            Subject::PERSON => self.of_people.push(PersonsTask { person: id, dedupe_key: task.dedupe_key, status }),
            "session" => {
                let session = self.met(id, admitted_at);
                session.tasks.count(status);
                let why = match status {
                    TaskStatus::Done => return,
                    TaskStatus::Dead => {
                        let failure = failure.map(|f| (f.problem, f.remedy)).unwrap_or_default();
                        Why { kind: Kind::Failed, problem: failure.0, remedy: failure.1, run }
                    }
                    TaskStatus::Waiting | TaskStatus::Running => Why {
                        kind: Kind::Waiting,
                        problem: waiting_for.unwrap_or_else(|| format!("This is still to be done: {}.", task.title)),
                        remedy: format!("Nothing yet: it goes on by itself, no sooner than {due}."),
                        run,
                    },
                };
                session.why.push(why);
            }
            _ => {}
        }
    }

    pub fn change(&mut self, kept: KeptChange) {
        let KeptChange { run, at, change, .. } = kept;
        let Some(Subject { kind, id }) = change.subject else { return };
        let detail = change.detail.unwrap_or_default();
        let is_there = !matches!(change.action, Action::LeftOut | Action::Failed);
        if kind == Subject::PERSON {
            if is_there && MEMBERSHIPS.contains(&change.object.as_str()) {
                self.joined.insert((id, detail));
            }
            return;
        }
        if kind != "session" {
            return;
        }
        let session = self.met(id, at);
        let made = match change.object.as_str() {
            SESSION => {
                session.registrants = detail.parse().ok();
                return;
            }
            CAMPAIGN => &mut session.campaigns,
            LIST => &mut session.lists,
            _ => return,
        };
        if !is_there {
            if change.object == CAMPAIGN {
                session.say(at, Why::left_out(detail, None));
            }
            return;
        }
        let new = Made { connection: change.connection, id: change.id, name: detail };
        // One that is told of again may have got another name; the old one is how its members are known.
        if !made.contains(&new) {
            made.push(new);
        }
        session.made_by = session.made_by.max(Some(run));
    }

    pub fn line(&mut self, kept: LogLine) {
        let LogLine { at, line, .. } = kept;
        let Some(Subject { kind, id }) = line.subject else { return };
        if kind == "session" {
            let remedy = line.fields.into_iter().find(|(name, _)| name == REMEDY).map(|(_, remedy)| remedy);
            self.met(id, at).say(at, Why::left_out(line.message, remedy));
        }
    }

    fn met(&mut self, id: String, at: Timestamp) -> &mut Gathered {
        let session = self.sessions.entry(id).or_default();
        session.met_at = Some(session.met_at.map_or(at, |before| before.min(at)));
        session
    }

    /// The newest first.
    pub fn sessions(self) -> Vec<Session> {
        let Records { mut sessions, of_people, joined } = self;
        let mut people: BTreeMap<String, BTreeMap<String, Tasks>> = BTreeMap::new();
        for PersonsTask { person, dedupe_key, status } in of_people {
            let Some(id) = dedupe_key.split('/').find(|part| sessions.contains_key(*part)) else { continue };
            if let Some(session) = sessions.get_mut(id) {
                session.tasks.count(status);
            }
            people.entry(id.into()).or_default().entry(person).or_default().count(status);
        }
        let mut sessions: Vec<Session> = sessions
            .into_iter()
            .map(|(id, session)| {
                let people = people.remove(&id).unwrap_or_default();
                session.told(id, &people, &joined)
            })
            .collect();
        sessions.sort_by(|a, b| b.met_at.cmp(&a.met_at).then_with(|| a.id.cmp(&b.id)));
        sessions
    }
}

impl Gathered {
    fn say(&mut self, at: Timestamp, why: Why) {
        // Of two in one moment, the later.
        if self.said.as_ref().is_none_or(|(before, _)| *before <= at) {
            self.said = Some((at, why));
        }
    }

    fn told(self, id: String, people: &BTreeMap<String, Tasks>, joined: &BTreeSet<(String, String)>) -> Session {
        let why = self.why();
        let Gathered { met_at, campaigns, lists, tasks, registrants, .. } = self;
        let names: BTreeSet<&String> = campaigns.iter().chain(&lists).map(|made| &made.name).collect();
        let is_there = |person: &String| names.iter().any(|name| joined.contains(&(person.clone(), (*name).clone())));
        let people = People {
            there: people.keys().filter(|person| is_there(person)).count(),
            waiting: people.values().filter(|tasks| tasks.waiting > 0).count(),
            failed: people.values().filter(|tasks| tasks.failed > 0).count(),
        };
        let met_at = When(met_at.unwrap_or_default());
        Session { id, met_at, campaigns: newest(campaigns), lists: newest(lists), people, registrants, tasks, why }
    }

    fn why(&self) -> Vec<Why> {
        let was_tried = |why: &&Why| why.kind == Kind::Failed || why.run.is_some();
        // What failed before it was made is over: somebody has mended it. In the same run, it failed after it.
        let is_left = |why: &&Why| why.kind == Kind::Failed && why.run >= self.made_by;
        let mut why: Vec<Why> = match (&self.said, self.campaigns.is_empty()) {
            (_, false) => self.why.iter().filter(is_left).cloned().collect(),
            (_, true) if self.why.iter().any(|why| was_tried(&why)) => {
                self.why.iter().filter(was_tried).cloned().collect()
            }
            (Some((_, said)), true) => vec![said.clone()],
            // It has not begun.
            (None, true) => self.why.clone(),
        };
        // Of several, the last is what would happen again.
        why.sort_by_key(|why| std::cmp::Reverse(why.run));
        let mut once: Vec<Why> = vec![];
        for one in why {
            if !once.iter().any(|other| (&other.problem, &other.remedy) == (&one.problem, &one.remedy)) {
                once.push(one);
            }
        }
        once
    }
}

/// Of each connection's records, the last that was told: it has the name of today.
fn newest(made: Vec<Made>) -> Vec<Made> {
    let mut newest: Vec<Made> = vec![];
    for one in made {
        newest.retain(|other| (&other.connection, &other.id) != (&one.connection, &one.id));
        newest.push(one);
    }
    newest
}

impl Tasks {
    fn count(&mut self, status: TaskStatus) {
        match status {
            TaskStatus::Waiting | TaskStatus::Running => self.waiting += 1,
            TaskStatus::Done => self.done += 1,
            TaskStatus::Dead => self.failed += 1,
        }
    }
}

impl Why {
    fn left_out(problem: String, remedy: Option<String>) -> Why {
        Why { kind: Kind::LeftOut, problem, remedy: remedy.unwrap_or_else(|| AS_YOU_LIKE.into()), run: None }
    }
}

#[cfg(test)]
mod tests;
