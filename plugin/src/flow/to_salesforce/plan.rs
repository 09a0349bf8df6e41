//! What is to be made or changed of each, from what they say, what is remembered and what stands there.
//!
//! Promises: nothing that changes nothing (RULES 28); of several values the newest by its source time (RULES 3); what Salesforce
//! wants and nobody gave has a fallback (S3-31); a text that is too long is cut and told, but for the address: a cut one is
//! somebody else's (RULES 18).

use super::{
    super::people::Told,
    Run,
    said::{mapped, news, said, standing, typed, update_of},
    somebody::{Membership, Somebody, doing},
};
use crate::{
    host::{Action, FailureClass, Subject},
    json::scalar,
    ledger,
    mapping::{
        newest::{self, Fields, Held, Known},
        target_field::{Object, salesforce::COMPANY},
    },
    salesforce::{
        account,
        field::{Described, Fitted},
        member::{self, Standing},
        operations::Operation,
        person::{self, note_key},
    },
    settings::NewPeople,
    stop::Stop,
    values::Values,
    work::Work,
};
use serde_json::Value;

/// Names that stand on the account of a person account, and not on its contact.
const PERSON_ACCOUNT_NAMES: [&str; 3] = ["FirstName", "LastName", "Salutation"];

#[derive(Default)]
pub struct Plan {
    pub operations: Vec<Operation>,
    /// What each operation is about.
    pub targets: Vec<Target>,
}

pub enum Target {
    Account { name: String },
    Person { place: usize, object: Object, after: Fields },
    Member { place: usize, number: usize, after: member::Memory },
}

impl Plan {
    fn push(&mut self, operation: Operation, target: Target) -> usize {
        self.operations.push(operation);
        self.targets.push(target);
        self.operations.len() - 1
    }

    pub fn add(&mut self, run: &Run<'_>, place: usize, one: &mut Somebody) {
        let mut made_by = None;
        // Nobody is made, or made a member, to be removed.
        let is_removal_alone = one.tasks.iter().all(|told| told.is_removal);
        if is_removal_alone && one.memory.record.is_none() {
            one.end = Some(Ok(()));
            one.memberships.iter_mut().for_each(|membership| membership.end = Some(Ok(())));
            return;
        }
        if one.end.is_none() {
            match one.memory.record.clone() {
                Some(record) => self.change(run, place, one, record.object(), &record.id),
                None => match self.make(run, place, one) {
                    Ok(operation) => made_by = Some(operation),
                    Err(stop) => one.end = Some(Err(stop)),
                },
            }
        }
        if matches!(one.end, Some(Err(_))) {
            return;
        }
        for number in 0..one.memberships.len() {
            if one.memberships[number].end.is_none() {
                self.member(run, place, number, one, made_by);
            }
        }
    }

    /// Somebody who is there. Nothing where nothing changes.
    fn change(&mut self, run: &Run<'_>, place: usize, one: &mut Somebody, object: Object, id: &str) {
        let (work, described) = (run.work, run.org.of(object));
        let is_person_account = one.memory.record.as_ref().is_some_and(|record| record.is_person_account == Some(true));
        let mut notes = Vec::new();
        let mut said =
            said(run, object, one.tasks.iter(), &one.mended.refused, &one.mended.lengths, &mut |code, text| {
                notes.push((code, text));
            });
        if is_person_account {
            said.iter_mut().for_each(|said| said.values.retain(|field| !PERSON_ACCOUNT_NAMES.contains(&field)));
        }
        notes.into_iter().for_each(|(code, text)| one.note(code, text));
        let is_made_by_us = one.memory.record.as_ref().is_some_and(|record| record.made_at.is_some());
        let theirs = one.memory.theirs.clone().unwrap_or_default();
        let there = one.found.as_ref().map(|found| standing(described, &found.values, &said));
        let unread = match &one.found {
            Some(found) if !found.is_read => mapped(work, &run.org, object),
            _ => Vec::new(),
        };
        let known = match &there {
            Some(standing) => Known::Read { standing, unread: &unread, is_made_by_us },
            None => Known::Remembered { theirs: &theirs, is_made_by_us },
        };
        let update = |field: &str| update_of(work, object, field);
        let (after, writes) = newest::decide_all(&one.memory.fields, &news(&said), &known, &update, work.now());
        if writes.is_empty() {
            one.memory.fields = after;
            one.end = Some(Ok(()));
            person::remember(work, &one.email, &one.memory);
            return;
        }
        self.try_it(work, one, &after, &writes);
        let operation = Operation {
            object: object.name(),
            id: Some(id.into()),
            fields: typed(run, object, &writes),
            allow_save: one.allow_save,
            subject: Some(one.subject()),
            ..Operation::default()
        };
        self.push(operation, Target::Person { place, object, after });
    }

    /// Remembered before it leaves, so that what stands there after a lost answer is known to be ours.
    fn try_it(&self, work: &Work<'_>, one: &mut Somebody, after: &[Held], writes: &Values) {
        one.memory.tried = Some(after.iter().filter(|held| writes.get(&held.field).is_some()).cloned().collect());
        person::remember(work, &one.email, &one.memory);
    }

    /// Somebody new: a lead, or a contact with the account of their company.
    fn make(&mut self, run: &Run<'_>, place: usize, one: &mut Somebody) -> Result<usize, Stop> {
        let work = run.work;
        let object = match work.settings.salesforce.new_people {
            NewPeople::Leads => Object::Lead,
            NewPeople::Contacts => Object::Contact,
        };
        let described = run.org.of(object);
        let (longest, length) = (described.length("Email"), one.email.as_str().chars().count());
        if let Some(longest) = longest.filter(|longest| length > *longest) {
            let why = format!(
                "The address has {length} characters, and Salesforce takes {longest}: a cut one is somebody else's."
            );
            let remedy = "Nothing is written of this person. Correct the address in Livestorm, where the person can register again.";
            return Err(doing(&one.email).failed(FailureClass::Invalid, &why, remedy));
        }
        if one.email.as_str().contains("@{") {
            let why = "Salesforce takes \"@{\" in an address for a reference to another record.";
            let remedy = "Nothing is written of this person. Correct the address in Livestorm, where the person can register again.";
            return Err(doing(&one.email).failed(FailureClass::Invalid, why, remedy));
        }
        let mut notes = Vec::new();
        let said = said(run, object, one.tasks.iter(), &one.mended.refused, &one.mended.lengths, &mut |code, text| {
            notes.push((code, text));
        });
        let update = |field: &str| update_of(work, object, field);
        let (mut after, mut writes) =
            newest::decide_all(&one.memory.fields, &news(&said), &Known::New, &update, work.now());
        // A new one gets all that is newest, also what was once written to one that is gone.
        let mapped = mapped(work, &run.org, object);
        for held in
            after.iter().filter(|held| mapped.contains(&held.field) && !one.mended.refused.contains(&held.field))
        {
            if let (None, Some(text)) = (writes.get(&held.field), held.text()) {
                writes.insert(&held.field, text.into());
            }
        }
        let settings = &work.settings.salesforce;
        let company = (COMPANY, &settings.fallback_company);
        let fallbacks = [("LastName", &settings.fallback_last_name), company];
        for (field, text) in fallbacks.into_iter().filter(|(field, _)| *field != COMPANY || object == Object::Lead) {
            if writes.get(field).is_none() {
                notes.push(("fallback-value", format!("{field}: {text}")));
                writes.insert(field, text.clone());
                // Of our writing, and older than anything that anybody says.
                let (field, value, is_ours) = (field.to_string(), text.clone(), Some(true));
                let held =
                    Held { field, value, at: 0, session: String::new(), read_at: None, written_at: None, is_ours };
                newest::hold(&mut after, &held.field.clone(), Some(held));
            }
        }
        notes.into_iter().for_each(|(code, text)| one.note(code, text));
        let mut fields = typed(run, object, &writes);
        fields.insert("Email".into(), one.email.as_str().into());
        let mut waits_for = None;
        if let Some(name) = one.company(work).filter(|_| object == Object::Contact) {
            match self.account(run, &name, one)? {
                Account::There(id) => {
                    one.changed(work, "Account", &id, Action::Linked, &name);
                    fields.insert("AccountId".into(), id.into());
                }
                Account::Made(operation) => waits_for = Some(("AccountId", operation)),
            }
        }
        self.try_it(work, one, &after, &writes);
        let operation = Operation {
            object: object.name(),
            id: None,
            fields,
            waits_for,
            allow_save: one.allow_save,
            note: Some(note_key(&one.email)),
            subject: Some(one.subject()),
        };
        Ok(self.push(operation, Target::Person { place, object, after }))
    }

    fn account(&mut self, run: &Run<'_>, name: &str, one: &Somebody) -> Result<Account, Stop> {
        let work = run.work;
        if let Some(id) = account::young(work, name).or_else(|| account::oldest(&run.accounts, name)) {
            ledger::settled(work, &account::note_key(name));
            return Ok(Account::There(id));
        }
        let is_it =
            |target: &Target| matches!(target, Target::Account { name: other } if account::is_same(other, name));
        if let Some(operation) = self.targets.iter().position(is_it) {
            return Ok(Account::Made(operation));
        }
        let note = account::note_key(name);
        if let Some(sure_at) = ledger::in_doubt_until(work, &note) {
            let why = format!("whether the account {name} was made is not known, it is looked up then");
            return Err(doing(&one.email).later(sure_at, &why));
        }
        let operation = Operation {
            object: "Account",
            fields: [("Name".to_string(), Value::from(name))].into_iter().collect(),
            allow_save: run.past_duplicates.iter().any(|other| account::is_same(other, name)),
            note: Some(note),
            subject: Some(Subject { kind: "account".into(), id: crate::text::fit(name, 320) }),
            ..Operation::default()
        };
        Ok(Account::Made(self.push(operation, Target::Account { name: name.into() })))
    }

    /// Their membership in one campaign. `made_by`: the operation that makes the person.
    fn member(&mut self, run: &Run<'_>, place: usize, number: usize, one: &mut Somebody, made_by: Option<usize>) {
        let (work, described, object) = (run.work, &run.org.member, Object::CampaignMember);
        let membership = &one.memberships[number];
        let mine: Vec<&Told> = one.tasks.iter().filter(|told| told.session() == &membership.session).collect();
        let (mut notes, mended) = (Vec::new(), &membership.mended);
        let said = said(run, object, mine.iter().copied(), &mended.refused, &mended.lengths, &mut |code, text| {
            notes.push((code, text));
        });
        let before = membership.memory.clone().or_else(|| read(work, described, membership));
        let is_removal = mine.iter().any(|told| told.is_removal);
        if before.is_none() && mine.iter().all(|told| told.is_removal) {
            one.memberships[number].end = Some(Ok(()));
            return;
        }
        let there = membership.row.as_ref().map(|row| standing(described, &person::values(row), &said));
        let (fields, theirs) = match &before {
            Some(memory) => (memory.fields.clone(), memory.theirs.clone()),
            None => (Fields::new(), None),
        };
        let theirs = theirs.unwrap_or_default();
        let is_made_by_us = membership.memory.is_some();
        let known = match (&there, &before) {
            (Some(standing), _) => Known::Read { standing, unread: &[], is_made_by_us },
            (None, Some(_)) => Known::Remembered { theirs: &theirs, is_made_by_us },
            (None, None) => Known::New,
        };
        let update = |field: &str| update_of(work, object, field);
        let (after_fields, writes) = newest::decide_all(&fields, &news(&said), &known, &update, work.now());
        let mut sent = typed(run, object, &writes);
        let seen = membership.row.as_ref().and_then(|row| row.get("Status").and_then(scalar));
        let seen = seen.map_or(Standing::Other, |label| Standing::of(&label, work.settings));
        let stood = before.as_ref().map(|memory| memory.standing.max(seen));
        let wanted = mine.iter().map(|told| standing_of(told)).max().unwrap_or(Standing::Registered);
        if stood.is_none_or(|stood| wanted > stood) {
            sent.insert("Status".into(), wanted.label(work.settings).into());
        }
        let was_removed = before.as_ref().is_some_and(|memory| memory.is_removed == Some(true));
        let is_removed =
            is_removal && stood.is_none_or(|stood| stood < Standing::Attended) && wanted < Standing::Attended;
        if is_removed && !was_removed {
            sent.insert("Status".into(), work.settings.salesforce.member_statuses.removed.as_str().into());
        } else if was_removed && !is_removal {
            let label = stood.map_or(wanted, |stood| stood.max(wanted)).label(work.settings);
            sent.insert("Status".into(), label.into());
        }
        if stood == Some(Standing::Attended) && mine.iter().any(|told| standing_of(told) == Standing::NotAttended) {
            notes.push((
                "attendance-kept",
                format!("stays attended in {}, though a later read says otherwise", membership.name),
            ));
        }
        let mut replay = before.as_ref().and_then(|memory| memory.replay.clone());
        if let (Some(field), Some(text)) = (&described.replay, watched(work, &mine)) {
            match described.fit(field, text, &mended.lengths) {
                Fitted::Value { text, .. } if !mended.refused.contains(field) && replay.as_ref() != Some(&text) => {
                    sent.insert(field.clone(), text.as_str().into());
                    replay = Some(text);
                }
                Fitted::Value { .. } => {}
                Fitted::LeftOut(why) => notes.push(("value-not-written", format!("CampaignMember.{field} ({why})"))),
            }
        }
        let id = before.as_ref().map(|memory| memory.id.clone());
        let theirs = match &there {
            Some(there) => {
                let mapped = mapped(work, &run.org, object);
                newest::theirs(&fields, there, &[], &mapped.iter().map(String::as_str).collect::<Vec<_>>())
            }
            None => theirs,
        };
        let after = member::Memory {
            id: id.clone().unwrap_or_default(),
            campaign: membership.campaign.clone(),
            standing: stood.map_or(wanted, |stood| stood.max(wanted)),
            replay,
            fields: after_fields,
            theirs: (!theirs.is_empty()).then_some(theirs),
            is_gone: None,
            is_removed: is_removed.then_some(true),
        };
        if id.is_some() && sent.is_empty() {
            let membership = &mut one.memberships[number];
            member::remember(work, &membership.session, &one.email, &after);
            (membership.memory, membership.end) = (Some(after), Some(Ok(())));
        } else {
            let mut operation = Operation {
                object: object.name(),
                id,
                fields: sent,
                subject: Some(one.subject()),
                ..Operation::default()
            };
            if operation.id.is_none() {
                operation.fields.insert("CampaignId".into(), membership.campaign.as_str().into());
                match (&one.memory.record, made_by) {
                    (Some(record), None) => {
                        operation.fields.insert(tie(record.object()).into(), record.id.as_str().into());
                    }
                    (_, Some(maker)) => operation.waits_for = Some((tie_to(self.operations[maker].object), maker)),
                    (None, None) => return,
                }
            }
            self.push(operation, Target::Member { place, number, after });
        }
        notes.into_iter().for_each(|(code, text)| one.note(code, text));
    }
}

/// The field that ties a member to the person.
fn tie(object: Object) -> &'static str {
    if object == Object::Contact { "ContactId" } else { "LeadId" }
}

fn tie_to(object: &str) -> &'static str {
    tie(if object == Object::Contact.name() { Object::Contact } else { Object::Lead })
}

/// A membership that was read, and is not of our making.
fn read(work: &Work<'_>, described: &Described, membership: &Membership) -> Option<member::Memory> {
    let row = membership.row.as_ref()?;
    let text = |field: &str| row.get(field).and_then(scalar).unwrap_or_default();
    Some(member::Memory {
        id: person::id(row)?,
        campaign: membership.campaign.clone(),
        standing: Standing::of(&text("Status"), work.settings),
        replay: described.replay.as_ref().map(|field| text(field)),
        fields: Fields::new(),
        theirs: None,
        is_gone: None,
        is_removed: None,
    })
}

/// An on-demand session has no attendance (RULES 6).
fn standing_of(told: &Told) -> Standing {
    match &told.person.ended {
        Some(ended) if !told.with.is_on_demand => {
            if ended.attendance.attended {
                Standing::Attended
            } else {
                Standing::NotAttended
            }
        }
        _ => Standing::Registered,
    }
}

/// What is noted where somebody has watched (S3-23).
fn watched<'a>(work: &'a Work<'_>, mine: &[&Told]) -> Option<&'a str> {
    let values = &work.settings.salesforce.replay_values;
    let told = mine.iter().find(|told| told.person.watched.is_some())?;
    Some(if told.with.is_on_demand { &values.watched_on_demand } else { &values.watched_replay })
}

enum Account {
    There(String),
    Made(usize),
}
