//! Somebody of a batch: their tasks, what is remembered and found of them, and how far they have come.

use super::{
    super::people::{Ends, Told},
    said,
};
use crate::{
    call::SALESFORCE,
    domain::{email::Email, session::SessionId},
    host::{Action, Completion, Instant, MINUTE, Subject},
    ledger::{self, READ_LAG},
    mapping::{
        self, newest,
        target_field::{Object, salesforce::COMPANY},
    },
    salesforce::{
        describe::Org,
        errors::{About, ApiError},
        member,
        person::{self, Found, Memory, Record, note_key, same_id},
    },
    settings::Duplicates,
    stop::{Doing, Stop},
    text::fit,
    work::Work,
};
use serde_json::Value;

pub struct Somebody {
    pub email: Email,
    pub tasks: Vec<Told>,
    pub memory: Memory,
    pub memberships: Vec<Membership>,
    /// By the search of this run.
    pub found: Option<Found>,
    /// Ids that are there no more, whatever a read says.
    pub gone: Vec<String>,
    /// Whom a duplicate rule takes for the same.
    pub candidates: Vec<String>,
    /// They were looked at, and none has the address.
    pub allow_save: bool,
    pub mended: Mended,
    is_sought: bool,
    /// They were looked up in this run.
    pub was_sought: bool,
    pub times_sought: u32,
    /// Of the person; memberships have ends of their own.
    pub end: Option<Result<(), Stop>>,
    notes: Vec<(&'static str, String)>,
}

/// In one session's campaign.
pub struct Membership {
    pub session: SessionId,
    pub campaign: String,
    /// Of the campaign, for people.
    pub name: String,
    pub memory: Option<member::Memory>,
    /// What stands there, where it was read.
    pub row: Option<Value>,
    pub mended: Mended,
    /// It was answered that it is there no more.
    pub is_gone: bool,
    /// It was answered that it is there already.
    pub is_there: bool,
    pub is_status_mended: bool,
    pub end: Option<Result<(), Stop>>,
}

/// What Salesforce did not take, and what it says of it.
#[derive(Default)]
pub struct Mended {
    pub refused: Vec<String>,
    pub lengths: Vec<(String, usize)>,
    pub last: Option<ApiError>,
}

pub fn doing(email: &Email) -> Doing<'_> {
    Doing { what: "write the person", whom: email.as_str() }
}

impl Somebody {
    pub fn new(work: &Work<'_>, tasks: Vec<Told>) -> Somebody {
        let email = tasks[0].email.clone();
        let (memory, end) = match person::remembered(work, &email, &doing(&email)) {
            Ok(memory) => (memory, None),
            Err(stop) => (Memory::default(), Some(Err(stop))),
        };
        let in_doubt = ledger::in_doubt_until(work, &note_key(&email)).map(|sure_at| {
            let why = "whether an earlier attempt took effect is not known, it is looked up then";
            Err(doing(&email).later(sure_at, why))
        });
        let mut memberships: Vec<Membership> = Vec::new();
        for told in &tasks {
            if !memberships.iter().any(|other| other.session == *told.session()) {
                memberships.push(Membership::new(work, told));
            }
        }
        let is_young = memory.record.as_ref().is_some_and(|record| record.is_young(work.now()));
        let is_known = memory.record.is_some()
            && tasks.iter().all(Told::is_known)
            && memberships.iter().all(|one| one.memory.is_some());
        Somebody {
            email,
            tasks,
            memory,
            memberships,
            found: None,
            gone: Vec::new(),
            candidates: Vec::new(),
            allow_save: false,
            mended: Mended::default(),
            is_sought: !is_young && !is_known,
            was_sought: false,
            times_sought: 0,
            end: end.or(in_doubt),
            notes: Vec::new(),
        }
    }

    pub fn subject(&self) -> Subject {
        Subject::person(self.email.as_str())
    }

    pub fn is_open(&self) -> bool {
        match &self.end {
            Some(Err(_)) => false,
            Some(Ok(())) => self.memberships.iter().any(|one| one.end.is_none()),
            None => true,
        }
    }

    pub fn is_sought(&self) -> bool {
        self.is_sought && self.is_open()
    }

    /// Is to be looked up once more.
    pub fn seek(&mut self) {
        self.is_sought = true;
        if self.end == Some(Ok(())) {
            self.end = None;
        }
    }

    pub fn campaigns(&self) -> impl Iterator<Item = &str> {
        self.memberships.iter().map(|one| one.campaign.as_str())
    }

    /// The newest that was given.
    pub fn company(&self, work: &Work<'_>) -> Option<String> {
        let given = self.tasks.iter().filter_map(|told| Some((told.registered_at, said::company(work, told)?)));
        given.max_by_key(|(at, _)| *at).map(|(_, name)| name)
    }

    pub fn stop(&mut self, stop: &Stop) {
        if self.is_open() {
            self.end = Some(Err(stop.clone()));
        }
    }

    /// A line for people, once a person and kind.
    pub fn note(&mut self, code: &'static str, text: String) {
        if !self.notes.iter().any(|(_, other)| *other == text) {
            self.notes.push((code, text));
        }
    }

    /// What the search says of them.
    pub fn looked_up(&mut self, work: &Work<'_>, org: &Org, contacts: &[Value], leads: &[Value]) {
        (self.is_sought, self.was_sought) = (false, true);
        self.times_sought += 1;
        self.found = person::choose(contacts, leads, &self.email, &self.gone);
        match self.found.clone() {
            Some(found) => {
                // An attempt whose outcome was not known: it is known now.
                ledger::settled(work, &note_key(&self.email));
                self.is(work, org, &found);
            }
            // Made a moment ago, whatever a read says.
            None if self.young_until(work).is_some() => {
                let until = self.young_until(work).unwrap_or_default();
                self.end = Some(Err(doing(&self.email).later(until, "no read shows yet what was made a moment ago")));
            }
            None => {
                let seen =
                    |id: &String| contacts.iter().chain(leads).filter_map(person::id).any(|row| same_id(&row, id));
                let is_unseen = self.candidates.iter().any(|id| !seen(id));
                self.is_nobody(work, is_unseen);
            }
        }
        person::remember(work, &self.email, &self.memory);
    }

    fn young_until(&self, work: &Work<'_>) -> Option<Instant> {
        let record = self.memory.record.as_ref().filter(|record| !self.gone.contains(&record.id))?;
        record.young_until().filter(|until| work.now() < *until)
    }

    fn is(&mut self, work: &Work<'_>, org: &Org, found: &Found) {
        self.memory.unseen_since = None;
        let before = self.memory.record.take();
        let is_same = before.as_ref().is_some_and(|record| same_id(&record.id, &found.id));
        if before.as_ref().is_some_and(|record| record.object() != found.object) {
            // Their fields have other names.
            (self.memory.fields, self.memory.tried) = (Vec::new(), None);
        }
        let made_at = before.filter(|_| is_same).and_then(|record| record.made_at);
        self.memory.record = Some(Record {
            kind: found.object.name().into(),
            id: found.id.clone(),
            made_at,
            is_person_account: found.is_person_account.then_some(true),
        });
        for held in self.memory.tried.take().unwrap_or_default() {
            if found.values.get(&held.field).map(String::as_str) == held.text() {
                newest::hold(&mut self.memory.fields, &held.field.clone(), Some(held));
            }
        }
        let mapped = said::mapped(work, org, found.object);
        let mapped: Vec<&str> = mapped.iter().map(String::as_str).collect();
        let unread = if found.is_read { Vec::new() } else { mapped.iter().map(|field| field.to_string()).collect() };
        let theirs = newest::theirs(&self.memory.fields, &found.values, &unread, &mapped);
        self.memory.theirs = (!theirs.is_empty()).then_some(theirs);
        let mut notes = Vec::new();
        for one in &mut self.memberships {
            let in_campaign = |row: &&Value| {
                row.get("CampaignId").and_then(Value::as_str).is_some_and(|id| same_id(id, &one.campaign))
            };
            one.row = found.members.iter().find(in_campaign).cloned();
            let row_id = one.row.as_ref().and_then(person::id);
            match (&mut one.memory, row_id) {
                // What we remember is there no more; whoever merged two people has left this one.
                (Some(memory), Some(id)) if one.is_gone && !same_id(&memory.id, &id) => one.memory = None,
                (Some(memory), _) if one.is_gone => {
                    memory.is_gone = Some(true);
                    member::remember(work, &one.session, &self.email, memory);
                    notes.push(format!("is no member of the campaign {} any more, and is left so", one.name));
                    one.end = Some(Ok(()));
                }
                // Ours goes before another: RULES 18.
                (Some(memory), Some(id)) if !same_id(&memory.id, &id) => one.row = None,
                _ => {}
            }
        }
        notes.into_iter().for_each(|text| self.note("membership-deleted", text));
    }

    /// Nobody has the address: they are made. Whoever was known is deleted, and their memberships with them. `is_unseen`: somebody
    /// whom a duplicate rule takes for the same is not shown by the read; it may be them, made a moment ago.
    fn is_nobody(&mut self, work: &Work<'_>, is_unseen: bool) {
        self.memory.record = None;
        self.memory.theirs = None;
        for one in &mut self.memberships {
            (one.memory, one.row) = (None, None);
        }
        if std::mem::take(&mut self.candidates).is_empty() {
            return;
        }
        let now = work.now();
        let unseen_since = *self.memory.unseen_since.get_or_insert(now);
        if is_unseen && now < unseen_since + READ_LAG {
            let why = "a duplicate rule names somebody whom no read shows yet, and it may be them";
            self.end = Some(Err(doing(&self.email).later(unseen_since + READ_LAG, why)));
            return;
        }
        self.memory.unseen_since = None;
        match (work.settings.salesforce.duplicates, self.mended.last.as_ref()) {
            (Duplicates::Report, Some(error)) => {
                let stop = error.stop(now, &doing(&self.email), About::Person);
                self.end = Some(Err(stop));
            }
            _ => {
                self.allow_save = true;
                let text =
                    "is saved beside others whom a duplicate rule takes for the same; none of them has this address";
                self.note("duplicate-saved", text.into());
            }
        }
    }

    /// What became of each task, told once.
    pub fn ends(mut self, work: &Work<'_>) -> Ends {
        let subject = self.subject();
        let mut codes: Vec<&'static str> = self.notes.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            let texts: Vec<&str> =
                self.notes.iter().filter(|(other, _)| *other == code).map(|(_, text)| text.as_str()).collect();
            work.warn(code, &format!("{} {}", self.email, fit(&texts.join("; "), 800)), Some(subject.clone()));
        }
        let tasks = std::mem::take(&mut self.tasks);
        let end = |told: Told| {
            let end = self.end_of(work, &told);
            if end.is_ok() {
                told.forget_time(work);
            }
            (told.id, end.map(|()| Completion::default()))
        };
        tasks.into_iter().map(end).collect()
    }

    fn end_of(&self, work: &Work<'_>, told: &Told) -> Result<(), Stop> {
        let unfinished = |mended: &Mended, about| match &mended.last {
            Some(error) => Err(error.stop(work.now(), &doing(&self.email), about)),
            None => Err(doing(&self.email).later(work.now() + MINUTE, "it is written in the next run")),
        };
        match &self.end {
            Some(end) => end.clone()?,
            None => unfinished(&self.mended, About::Person)?,
        }
        match self.memberships.iter().find(|one| one.session == *told.session()) {
            Some(Membership { end: Some(end), .. }) => end.clone(),
            Some(one) => unfinished(&one.mended, About::Member),
            None => Ok(()),
        }
    }

    pub fn changed(&self, work: &Work<'_>, object: &str, id: &str, action: Action, detail: &str) {
        let id = (id != crate::call::PLACEHOLDER).then_some(id);
        work.changed(SALESFORCE, object, id, action, &self.subject(), detail);
    }
}

/// The address in lower case and as it was typed: some orgs compare with regard to case.
pub fn spellings(tasks: &[Told]) -> Vec<&str> {
    let typed = tasks.iter().filter_map(|told| told.person.registration.email_as_typed.as_deref());
    let mut all: Vec<&str> = tasks.iter().map(|told| told.email.as_str()).chain(typed).collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl Membership {
    fn new(work: &Work<'_>, told: &Told) -> Membership {
        let remembered = member::remembered(work, told.session(), &told.email, &doing(&told.email));
        let (memory, end) = match remembered {
            // Of a campaign that was made anew it says nothing.
            Ok(memory) => (memory.filter(|memory| memory.campaign == told.with.campaign), None),
            Err(stop) => (None, Some(Err(stop))),
        };
        let is_left = memory.as_ref().is_some_and(|memory| memory.is_gone == Some(true));
        Membership {
            session: told.session().clone(),
            campaign: told.with.campaign.clone(),
            name: told.with.name.clone(),
            memory,
            row: None,
            mended: Mended::default(),
            is_gone: false,
            is_there: false,
            is_status_mended: false,
            end: end.or(is_left.then_some(Ok(()))),
        }
    }
}

/// The fields of a mapping that go to the object itself.
pub fn own_fields<'a>(work: &'a Work<'_>, object: Object) -> Vec<&'a str> {
    let mut mapped = mapping::fields(&work.settings.mapping, object);
    mapped.retain(|field| object != Object::Contact || *field != COMPANY);
    mapped
}
