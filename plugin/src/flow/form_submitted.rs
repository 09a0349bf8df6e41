//! Somebody submitted a form of Account Engagement whose campaign is the one of a session: they are registered for that session in
//! Livestorm, with the answers that stand on the prospect (RULES 19, S2-35, S2-54 to S2-56). From there on they are a registrant
//! like any other: what follows is the task that the registration webhook brings about, with the same dedupe key. So the webhook
//! that our own registration causes, if it causes one, is the same news, and nothing of `people` ever registers anybody.
//!
//! Promises: a form of another campaign registers nobody; whose session is not linked yet is held and lost to nobody; whoever is
//! left out of the destinations is not registered. Not here: which submissions there are (`sync/form_submissions.rs`).

use super::{
    form_campaign,
    left_out::{self, Why},
    people::{self, Ends, Unlinked},
    refused,
};
use crate::{
    account_engagement::{answers, prospect as memory},
    call::LIVESTORM,
    domain::{email::Email, registrant::Registration, session::SessionId},
    executor::Flow,
    host::{Action, Completion, FailureClass, Instant, SECOND, Subject, Task},
    json,
    livestorm::{
        admit::Wanted,
        registration::{self, Answers, Registered},
        team::{self, Team},
    },
    mapping::source_path,
    settings::Answer,
    stop::{Doing, Stop},
    task::{self, FormSubmitted, Link},
    text::{self, fit},
    values::Values,
    work::Work,
};
use serde_json::{Map, Value};

/// Side by side; what one prospect has submitted is handled one after another.
const PEOPLE_MAX: usize = 50;
/// After so long no more of them are begun: what is begun has the rest of the call's time.
const BEGIN_WITHIN: u64 = 20 * SECOND;
/// Fields of prospects that cannot be read, until they are tried again.
const UNREAD_KEY: &str = "unread-answers";

/// One task of the batch.
pub struct One {
    pub id: u32,
    pub task: Task,
    pub submitted: FormSubmitted,
    pub admitted_at: Instant,
}

/// A submission whose session is linked to the form's campaign.
struct Ready {
    one: One,
    session: SessionId,
    event_id: Option<String>,
    title: Option<String>,
}

/// All tasks of a batch.
pub fn all(work: &Work<'_>, batch: Vec<One>) -> Ends {
    let mut ends = Ends::new();
    if batch.is_empty() {
        return ends;
    }
    if !work.settings.registers_from_forms() {
        let message = "A submitted form of Account Engagement registers nobody: the settings say \"registration\": \"livestorm_forms\".";
        work.info("form-left-alone", message, None);
        ends.extend(batch.iter().map(|one| (one.id, Ok(Completion::default()))));
        return ends;
    }
    let owners = owners(work, &batch);
    let (mut ready, mut asked): (Vec<Vec<Ready>>, Vec<SessionId>) = (Vec::new(), Vec::new());
    for one in batch {
        let id = one.id;
        let owner = owners.iter().find(|(campaign, _)| *campaign == one.submitted.campaign);
        let placed = match owner {
            Some((_, Ok(Some(session)))) => place(work, one, session, &mut asked),
            Some((_, Err(stop))) => Err(Err(stop.clone())),
            Some((campaign, Ok(None))) => {
                alone(work, &one.submitted, &format!("the campaign {campaign} is not one that the connector made"));
                Err(Ok(Completion::default()))
            }
            None => Err(Ok(Completion::default())),
        };
        match placed {
            Err(end) => ends.push((id, end)),
            Ok(one) => match ready.iter_mut().find(|other| is_same_person(&other[0].one.submitted, &one.one.submitted))
            {
                Some(same) => same.push(one),
                None => ready.push(vec![one]),
            },
        }
    }
    ends.extend(register_all(work, ready));
    ends
}

fn is_same_person(one: &FormSubmitted, other: &FormSubmitted) -> bool {
    one.prospect == other.prospect || one.email.is_some() && one.email == other.email
}

type Owners = Vec<(String, Result<Option<SessionId>, Stop>)>;

/// Whose each campaign of the batch is.
fn owners(work: &Work<'_>, batch: &[One]) -> Owners {
    let mut campaigns: Vec<(&str, Instant)> = Vec::new();
    for FormSubmitted { campaign, submitted_at, .. } in batch.iter().map(|one| &one.submitted) {
        if !campaigns.iter().any(|(other, _)| other == campaign) {
            campaigns.push((campaign, *submitted_at));
        }
    }
    let flow = |(campaign, submitted_at): (&str, Instant)| -> Flow<'_, (String, Result<Option<SessionId>, Stop>)> {
        let campaign = campaign.to_string();
        Box::pin(async move {
            let session = form_campaign::session(work, &campaign, submitted_at).await;
            (campaign, session)
        })
    };
    work.waves.run(work.host, work.context.limits.wave, campaigns.into_iter().map(flow).collect())
}

/// The session with what is needed of it, or how this task ends without.
fn place(
    work: &Work<'_>,
    one: One,
    session: &SessionId,
    asked: &mut Vec<SessionId>,
) -> Result<Ready, Result<Completion, Stop>> {
    let FormSubmitted { campaign, held, .. } = &one.submitted;
    match people::link(work, session).map_err(Err)? {
        Some(Link::Linked { campaign: own, event_id, title, .. }) if own == *campaign => {
            Ok(Ready { one, session: session.clone(), event_id, title })
        }
        Some(Link::Linked { .. }) => {
            form_campaign::is_a_copy(work, campaign, session);
            let why = format!("the campaign {campaign} is a copy of the one of session {session}");
            alone(work, &one.submitted, &why);
            Err(Ok(Completion::default()))
        }
        Some(Link::LeftOut { reason }) => {
            let reason = format!("session {session} has no part in this: {reason}");
            left_out(work, &one.submitted, session, &Why { code: "left-out-session", reason });
            Err(Ok(Completion::default()))
        }
        // Of another destination, which was chosen before; or not linked yet.
        Some(Link::InSalesforce { .. }) | None => {
            let waiting = Unlinked {
                session,
                event_id: None,
                person: &one.submitted.person(),
                event: format!("session {session} by {}", one.submitted.what()),
                title: session.as_str(),
                held: *held,
                admitted_at: one.admitted_at,
                again: &|| task::form_held(&one.task, &one.submitted),
            };
            Err(people::hold(work, &waiting, asked))
        }
    }
}

/// Of somebody of whom no more is known than the submission says.
fn left_out(work: &Work<'_>, submitted: &FormSubmitted, session: &SessionId, why: &Why) {
    let person = submitted.person();
    let message =
        format!("{person} submitted {} of session {session} and is not registered: {}", submitted.what(), why.reason);
    work.info(why.code, &message, Some(Subject::person(&person)));
}

/// The campaign has its line once, and whoever asks after a person needs one of theirs.
fn alone(work: &Work<'_>, submitted: &FormSubmitted, why: &str) {
    let person = submitted.person();
    let message = format!(
        "{person} submitted {} and is registered for no session: {why}. To register people by a form, choose the campaign of a \
         session as the form's campaign in Account Engagement; this person can be registered in Livestorm.",
        submitted.what(),
    );
    work.info("left-out-campaign", &message, Some(Subject::person(&person)));
}

fn register_all(work: &Work<'_>, people: Vec<Vec<Ready>>) -> Ends {
    let mut ends = Ends::new();
    if people.is_empty() {
        return ends;
    }
    let begun_at = work.now();
    let flow: Flow<'_, Result<Team, Stop>> = Box::pin(team::today(work));
    let team = match work.waves.run(work.host, work.context.limits.wave, vec![flow]).pop() {
        Some(Ok(team)) => team,
        Some(Err(stop)) => {
            ends.extend(people.iter().flatten().map(|ready| (ready.one.id, Err(stop.clone()))));
            return ends;
        }
        None => Team::default(),
    };
    let mut people = people.into_iter().peekable();
    while people.peek().is_some() {
        let some: Vec<Vec<Ready>> = people.by_ref().take(PEOPLE_MAX).collect();
        if work.now() >= begun_at + BEGIN_WITHIN {
            for ready in some.iter().flatten() {
                let person = ready.one.submitted.person();
                let doing = Doing { what: "register", whom: &person };
                ends.push((ready.one.id, Err(doing.later(work.now() + SECOND, "others are registered first"))));
            }
            continue;
        }
        let flow = |tasks: Vec<Ready>| -> Flow<'_, Ends> {
            let team = &team;
            Box::pin(async move {
                let mut ends = Ends::new();
                for ready in tasks {
                    ends.push((ready.one.id, register(work, &ready, team).await));
                }
                ends
            })
        };
        let flows = some.into_iter().map(flow).collect();
        ends.extend(work.waves.run(work.host, work.context.limits.wave, flows).into_iter().flatten());
    }
    ends
}

/// The whole rule for one submission: two calls, where nothing is refused.
async fn register(work: &Work<'_>, ready: &Ready, team: &Team) -> Result<Completion, Stop> {
    let Ready { one: One { submitted, .. }, session, .. } = ready;
    let person = submitted.person();
    let whom = format!("{person}, who submitted {}, for session {session}", submitted.what());
    let doing = Doing { what: "register", whom: &whom };
    let Some(row) = prospect(work, submitted, &doing).await? else {
        let reason = "Account Engagement does not know who it was".to_string();
        left_out(work, submitted, session, &Why { code: "left-out-no-address", reason });
        return Ok(Completion::default());
    };
    let email = match row.get("email").and_then(json::scalar).map(|text| Email::parse(&text)) {
        Some(Ok(email)) => email,
        // None on the prospect: what the activity said of it.
        other => submitted.email.clone().ok_or_else(|| {
            let why = other.and_then(Result::err).map_or("there is none".into(), |why| why.to_string());
            let remedy = "Correct the prospect's address in Account Engagement, then retry.";
            doing.failed(FailureClass::Invalid, &format!("The prospect has no usable e-mail address: {why}."), remedy)
        })?,
    };
    let own = of_the_prospect(work, ready, &email, &row);
    if let Some(why) = left_out::why(&own, &work.settings.left_out, Some(team)) {
        left_out::tell(work, &own, &why);
        return Ok(Completion::default());
    }
    // Livestorm is told the address in lower case and tells it so, whichever of its webhook and ours is handled first; and this
    // prospect is the one that is meant.
    if let Some(spelled) = row.get("email").and_then(json::scalar).map(|text| text.trim().to_owned()) {
        memory::note_spelling(work, &email, &spelled, &doing)?;
    }
    let key = unasked_key(session);
    let refused = |field: &str, said: &str| {
        if refused::note(work, &key, field) {
            let message = format!(
                "The answer {field} is not sent to session {session}: {said}. Add the question to the event's registration form in \
                 Livestorm, or take it out of /answers; nobody is kept from registering by it."
            );
            work.warn("answer-left-out", &message, Some(Subject::session(session.as_str())));
        }
    };
    let (secrets, mut answers) = (Wanted::new(work.settings).secrets, answers_of(work, &row));
    let unasked = refused::fields(work, &key);
    answers.retain(|(question, _)| !unasked.contains(question));
    let whom = format!("{email}, who submitted {}, for session {session}", submitted.what());
    let doing = Doing { whom: &whom, ..doing };
    let registered = registration::register(work, session, &email, answers, secrets, &refused, &doing).await?;
    let (action, detail) = match registered {
        Registered::Now(_) | Registered::Planned => (Action::Created, submitted.what()),
        Registered::Before(_) => (Action::Unchanged, "registered already".into()),
    };
    let told = match registered {
        Registered::Now(told) | Registered::Before(told) => told.map(|told| *told),
        Registered::Planned => None,
    };
    // What Livestorm says is what its webhook says; else what we know.
    let registration = told.unwrap_or(own);
    let id = registration.person_id.clone();
    work.changed(LIVESTORM, "Registrant", id.as_deref(), action, &Subject::person(email.as_str()), &detail);
    Ok(Completion { follow_ups: vec![task::register(registration, work.settings)], wakes: Vec::new() })
}

fn unasked_key(session: &SessionId) -> String {
    text::state_key("unasked", &[session.as_str()])
}

/// The prospect with its answers. None: nobody knows who it was.
async fn prospect(
    work: &Work<'_>,
    submitted: &FormSubmitted,
    doing: &Doing<'_>,
) -> Result<Option<Map<String, Value>>, Stop> {
    let Some(id) = &submitted.prospect else { return Ok(None) };
    let unread = refused::fields(work, UNREAD_KEY);
    let mut fields: Vec<String> = Vec::new();
    for Answer { source, .. } in &work.settings.answers.0 {
        if !unread.contains(source) && !fields.contains(source) {
            fields.push(source.clone());
        }
    }
    let refused = |field: &str, said: &str| {
        if refused::note(work, UNREAD_KEY, field) {
            let message = format!(
                "Livestorm is told nothing from the prospects' field {field}: {said}. Correct /answers, or the field; nobody is kept \
                 from registering by it."
            );
            work.warn("answer-unreadable", &message, None);
        }
    };
    if let Some(row) = answers::read(work, id, fields.clone(), &refused, doing).await? {
        return Ok(Some(row));
    }
    // Merged with another one of the same address, as far as anybody can tell.
    let other = match &submitted.email {
        Some(email) => answers::other(work, email, doing).await?.filter(|other| other != id),
        None => None,
    };
    if let Some(other) = other
        && let Some(row) = answers::read(work, &other, fields, &refused, doing).await?
    {
        return Ok(Some(row));
    }
    let remedy = "If this person is to take part, restore the prospect from the recycle bin of Account Engagement and retry, or register \
                  them in Livestorm. Otherwise discard this.";
    let why = format!("Prospect {id} was deleted in Account Engagement since.");
    Err(doing.failed(FailureClass::NeedsAttention, &why, remedy))
}

/// Empty answers are none.
fn answers_of(work: &Work<'_>, row: &Map<String, Value>) -> Answers {
    let answer = |Answer { source, target }: &Answer| {
        let value = match row.get(source)? {
            Value::Array(chosen) => {
                let chosen: Vec<Value> = chosen.iter().filter_map(json::scalar).map(Value::from).collect();
                (!chosen.is_empty()).then(|| chosen.into())
            }
            Value::Bool(yes) => Some(Value::from(*yes)),
            other => json::scalar(other).filter(|text| !text.trim().is_empty()).map(Value::from),
        };
        value.map(|value| (target.clone(), value))
    };
    work.settings.answers.0.iter().filter_map(answer).collect()
}

/// The registration as the prospect tells it.
fn of_the_prospect(work: &Work<'_>, ready: &Ready, email: &Email, row: &Map<String, Value>) -> Registration {
    let Ready { one, session, event_id, title } = ready;
    let mut values = Values::default();
    for (question, answer) in answers_of(work, row) {
        if let (Some(path), Some(text)) = (source_path::field(&question), json::scalar(&answer)) {
            values.insert(&path, text);
        }
    }
    Registration {
        session: session.clone(),
        event_id: event_id.clone(),
        event_title: title.as_deref().map(|title| fit(title, 255)),
        person_id: None,
        email: Some(email.clone()),
        email_problem: None,
        email_as_typed: None,
        role: None,
        guest_speaker: None,
        registered_at: Some(one.submitted.submitted_at),
        received_at: work.now(),
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flow::refused::Refused, story::state::says};

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_refused_answers_is_still_read() {
        let until = 1_644_932_400_000;
        let session = SessionId::parse("S1").unwrap();
        says("people", &unasked_key(&session), &Refused { until, fields: vec!["job_title".into()] });
        says("people", UNREAD_KEY, &Refused { until, fields: vec!["Diet__c".into()] });
    }
}
