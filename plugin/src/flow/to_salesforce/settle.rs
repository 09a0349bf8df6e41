//! What was answered of each record: it is so now, it failed, or it is tried once more in another way.
//!
//! | answered                            | then                                                                  |
//! |-------------------------------------|-----------------------------------------------------------------------|
//! | a field or value is not taken       | left out and told; what Salesforce insists on is a failure            |
//! | a text is too long                  | cut to the length that is told; an address is a failure               |
//! | deleted, merged, converted          | looked up anew                                                        |
//! | a duplicate rule                    | who has the same address is used; else saved once past it, or reported|
//! | a member already                    | looked up, and changed where something is new                         |
//! | the status is not the campaign's    | made again once                                                       |
//! | locked, limits, signed out          | later                                                                 |
//! | anything else                       | a failure in Salesforce's words                                       |

use super::{
    Run,
    plan::{Plan, Target},
    somebody::{Mended, Somebody, doing},
};
use crate::{
    call::PLACEHOLDER,
    host::{Action, FailureClass, MINUTE},
    ledger::{self, READ_LAG},
    mapping::{self, newest::Fields, target_field::Object},
    salesforce::{
        account, describe,
        errors::{About, ApiError, Verdict},
        member, member_status,
        operations::{Done, Operation},
        person::{self, Record},
    },
    settings::Duplicates,
    stop::{Doing, Stop},
    work::Work,
};

pub async fn all(run: &mut Run<'_>, everybody: &mut [Somebody], plan: &Plan, done: &[Done]) {
    for (number, target) in plan.targets.iter().enumerate() {
        let operation = &plan.operations[number];
        match target {
            Target::Account { name } => account(run, name, &done[number]),
            Target::Person { place, object, after } => {
                let one = &mut everybody[*place];
                match (&done[number], operation.waits_for) {
                    (Done::Halted, Some((_, maker))) => without_account(run, one, plan, maker, &done[maker]),
                    (done, _) => person(run.work, one, operation, *object, after, done),
                }
            }
            Target::Member { place, number: membership, after } => {
                member(run.work, &mut everybody[*place], *membership, operation, after, &done[number]).await;
            }
        }
    }
}

fn account(run: &mut Run<'_>, name: &str, done: &Done) {
    match done {
        Done::Written(id) => {
            account::made(run.work, name, id);
            ledger::settled(run.work, &account::note_key(name));
            let subject = crate::host::Subject { kind: "account".into(), id: crate::text::fit(name, 320) };
            let id = (id != PLACEHOLDER).then_some(id.as_str());
            run.work.changed(crate::call::SALESFORCE, "Account", id, Action::Created, &subject, name);
        }
        Done::Refused(error) if error.verdict() == Verdict::Duplicates && saves_past(run, name) => {
            run.past_duplicates.push(name.into());
        }
        _ => {}
    }
}

/// No account of that name is there, whatever the rule takes for the same.
fn saves_past(run: &Run<'_>, name: &str) -> bool {
    let was_tried = run.past_duplicates.iter().any(|other| account::is_same(other, name));
    run.work.settings.salesforce.duplicates == Duplicates::Save && !was_tried
}

/// The account was not made: nor is the contact.
fn without_account(run: &Run<'_>, one: &mut Somebody, plan: &Plan, maker: usize, done: &Done) {
    let Target::Account { name } = &plan.targets[maker] else { return };
    let what = format!("make the account {name}");
    let doing = Doing { what: &what, whom: one.email.as_str() };
    let stop = match done {
        // It is tried past the rule in the next round.
        Done::Refused(error)
            if error.verdict() == Verdict::Duplicates && was_just_allowed(run, name, &plan.operations[maker]) =>
        {
            return;
        }
        Done::Refused(error) => error.stop(run.work.now(), &doing, About::Person),
        Done::Stopped(stop) => stop.clone(),
        Done::Written(_) | Done::Halted => doing.later(run.work.now() + MINUTE, "it was halted"),
    };
    one.end = Some(Err(stop));
}

fn was_just_allowed(run: &Run<'_>, name: &str, operation: &Operation) -> bool {
    !operation.allow_save && run.past_duplicates.iter().any(|other| account::is_same(other, name))
}

fn person(work: &Work<'_>, one: &mut Somebody, operation: &Operation, object: Object, after: &Fields, done: &Done) {
    match done {
        Done::Written(id) => {
            let is_new = operation.id.is_none();
            one.memory.fields = after.clone();
            one.memory.tried = None;
            if is_new {
                let now = work.now();
                for held in one.memory.fields.iter_mut().filter(|held| held.at > 0) {
                    (held.written_at, held.is_ours) = (Some(now), Some(true));
                }
                one.memory.record = Some(Record {
                    kind: object.name().into(),
                    id: id.clone(),
                    made_at: Some(now),
                    is_person_account: None,
                });
                one.memory.theirs = None;
            }
            person::remember(work, &one.email, &one.memory);
            ledger::settled(work, &person::note_key(&one.email));
            one.end = Some(Ok(()));
            let fields: Vec<&str> = operation.fields.keys().map(String::as_str).collect();
            match is_new {
                true => one.changed(work, object.name(), id, Action::Created, ""),
                false => one.changed(work, object.name(), id, Action::Updated, &fields.join(", ")),
            }
        }
        Done::Stopped(stop) => one.end = Some(Err(stop.clone())),
        Done::Halted => {}
        Done::Refused(error) => {
            if operation.id.is_none() {
                // Certainly nothing was made.
                one.memory.tried = None;
                person::remember(work, &one.email, &one.memory);
            }
            one.end = refused(work, one, operation, error).err().map(Err);
        }
    }
}

/// Ok: it is tried once more.
fn refused(work: &Work<'_>, one: &mut Somebody, operation: &Operation, error: &ApiError) -> Result<(), Stop> {
    let error = &told(work, operation, error);
    one.mended.last = Some(error.clone());
    let failed = |one: &Somebody| Err(error.stop(work.now(), &doing(&one.email), About::Person));
    match (error.verdict(), &operation.id) {
        (Verdict::Gone, Some(_)) if one.times_sought >= 2 => {
            let why = format!("what was read of the record is older than the refusal ({})", error.said());
            Err(doing(&one.email).later(work.now() + READ_LAG, &why))
        }
        (Verdict::Gone, Some(id)) => {
            if error.code != "CANNOT_UPDATE_CONVERTED_LEAD" {
                one.gone.push(id.clone());
            }
            one.seek();
            Ok(())
        }
        (Verdict::Duplicates, _) if one.allow_save => failed(one),
        (Verdict::Duplicates, None) if !error.candidates.is_empty() => {
            one.candidates = error.candidates.clone();
            one.seek();
            Ok(())
        }
        (Verdict::Duplicates, _) if work.settings.salesforce.duplicates == Duplicates::Save => {
            one.allow_save = true;
            Ok(())
        }
        (Verdict::TooLong, _) if error.is_about("Email") => {
            let remedy = "A cut address is somebody else's, so nothing is written. Correct it in Livestorm, where the person can \
                          register again.";
            Err(doing(&one.email).failed(FailureClass::Invalid, &format!("{}.", error.said()), remedy))
        }
        _ => match one.mended.mend(error, operation, &["LastName", "Company", "Email"]) {
            Some(fields) => {
                one.note("field-refused", format!("{fields} ({})", error.said()));
                Ok(())
            }
            None => failed(one),
        },
    }
}

/// The refusal as it may be quoted: of a field whose value lets anybody join as that person, without the value. What is known of the
/// fields is asked anew where one of them is there no more.
fn told(work: &Work<'_>, operation: &Operation, error: &ApiError) -> ApiError {
    if error.code.starts_with("INVALID_FIELD") {
        describe::forget(work);
    }
    let object =
        [Object::Lead, Object::Contact, Object::CampaignMember].into_iter().find(|one| one.name() == operation.object);
    let is_secret = |field: &String| {
        object.is_some_and(|object| mapping::is_secret(&work.settings.mapping, object, field)) && error.is_about(field)
    };
    let mut error = error.clone();
    if operation.fields.keys().any(is_secret) {
        error.message = "(not quoted, since the value is a secret)".into();
    }
    error
}

impl Mended {
    /// Leaves out or shortens what is refused; the fields, or nothing where that does not help.
    fn mend(&mut self, error: &ApiError, operation: &Operation, insisted_on: &[&str]) -> Option<String> {
        let is_named = |field: &&String| match error.fields.is_empty() {
            true => error.is_about(field),
            false => error.fields.contains(field),
        };
        let named: Vec<String> = operation.fields.keys().filter(is_named).cloned().collect();
        match (error.verdict(), error.length_max()) {
            (Verdict::TooLong, Some(most)) => {
                let is_news =
                    |field: &String| !self.lengths.iter().any(|(other, length)| other == field && *length <= most);
                let longer: Vec<String> = named.into_iter().filter(is_news).collect();
                self.lengths.retain(|(field, _)| !longer.contains(field));
                self.lengths.extend(longer.iter().map(|field| (field.clone(), most)));
                (!longer.is_empty()).then(|| longer.join(", "))
            }
            (Verdict::FieldRefused, _) => {
                let droppable: Vec<String> =
                    named.into_iter().filter(|field| !insisted_on.contains(&field.as_str())).collect();
                self.refused.extend(droppable.iter().cloned());
                (!droppable.is_empty()).then(|| droppable.join(", "))
            }
            _ => None,
        }
    }
}

fn status<'a>(work: &'a Work<'_>, memory: &member::Memory) -> &'a str {
    match memory.is_removed {
        Some(true) => &work.settings.salesforce.member_statuses.removed,
        _ => memory.standing.label(work.settings),
    }
}

async fn member(
    work: &Work<'_>,
    one: &mut Somebody,
    number: usize,
    operation: &Operation,
    after: &member::Memory,
    done: &Done,
) {
    let (email, now) = (one.email.clone(), work.now());
    let doing = Doing { what: "write the campaign member", whom: email.as_str() };
    let was_sought = one.was_sought;
    let membership = &mut one.memberships[number];
    let error = match done {
        Done::Written(id) => {
            let memory = member::Memory { id: id.clone(), ..after.clone() };
            member::remember(work, &membership.session, &email, &memory);
            let (name, status) = (membership.name.clone(), status(work, &memory));
            let replay = memory.replay.as_ref().map_or(String::new(), |text| format!(", {text}"));
            let told = format!("{name}: {status}{replay}");
            (membership.memory, membership.end) = (Some(memory), Some(Ok(())));
            // The name of the campaign alone says of which the person is a member (`report.wit`).
            return match operation.id {
                None => one.changed(work, Object::CampaignMember.name(), id, Action::Created, &name),
                Some(_) => one.changed(work, Object::CampaignMember.name(), id, Action::Updated, &told),
            };
        }
        Done::Stopped(stop) => {
            membership.end = Some(Err(stop.clone()));
            return;
        }
        // The person failed, and is tried again or told.
        Done::Halted => return,
        Done::Refused(error) => &told(work, operation, error),
    };
    membership.mended.last = Some(error.clone());
    let is_new = operation.id.is_none();
    match error.verdict() {
        // A field of the org's own that must be unique.
        Verdict::AlreadyThere if error.message.contains("duplicate value found") => {
            membership.end = Some(Err(error.stop(now, &doing, About::Member)));
        }
        Verdict::AlreadyThere if is_new && membership.is_there => {
            let why = "is a member already, and no read shows it yet";
            membership.end = Some(Err(doing.later(now + READ_LAG, why)));
        }
        Verdict::AlreadyThere if is_new => {
            membership.is_there = true;
            one.seek();
        }
        Verdict::Gone if !is_new && !membership.is_gone => {
            membership.is_gone = true;
            one.seek();
        }
        // Whoever it was to be is there no more.
        Verdict::Gone if is_new && !was_sought => one.seek(),
        Verdict::FieldRefused if error.is_about("Status") && !membership.is_status_mended => {
            membership.is_status_mended = true;
            let (session, campaign, name) = (&membership.session, &membership.campaign, &membership.name);
            if let Err(stop) = member_status::ensure(work, session, campaign, name).await {
                membership.end = Some(Err(stop));
            }
        }
        _ => match membership.mended.mend(error, operation, &["Status", "CampaignId", "LeadId", "ContactId"]) {
            Some(fields) => one.note("field-refused", format!("{fields} ({})", error.said())),
            None => membership.end = Some(Err(error.stop(now, &doing, About::Member))),
        },
    }
}
