//! What tasks say of people, whatever the destination: who is left out, whose session is not linked yet, when they registered,
//! what is known of them at which occasion. *Register*, *attendance* and *replay* are one rule, since each tells of the
//! registration too: whose registration webhook was lost is caught up by the next word of them.
//!
//! Promises: whose session is not linked yet is held and lost to nobody (S2-44). Not here: what becomes of it
//! (`to_account_engagement.rs`, `to_salesforce.rs`).

use super::{form_campaign, left_out, removed, session_scheduled, to_account_engagement, to_salesforce, webhooks};
use crate::{
    calendar::{day, iso},
    domain::{
        email::Email,
        registrant::{Registration, Role},
        session::SessionId,
    },
    executor::Flow,
    host::{Completion, Entry, HOUR, Instant, MINUTE, Subject, Task, Wait},
    livestorm::{
        registration_time::{self, Told as Time},
        team::{self, Team},
    },
    mapping::source_path::{ENDED_AT, Occasion},
    plain::{from_text, to_text},
    settings::Destination,
    stop::{Doing, Stop},
    task::{self, Link, Person, REMOVED, SessionReady},
    text::{self, fit},
    values::Values,
    work::Work,
};
use std::cell::RefCell;

pub type Ends = Vec<(u32, Result<Completion, Stop>)>;

/// One task of the batch.
pub struct One {
    pub id: u32,
    pub task: Task,
    pub person: Person,
    pub admitted_at: Instant,
}

fn link_key(session: &SessionId) -> String {
    text::state_key("session", &[session.as_str()])
}

/// The session is linked, or left out for good: noted, and those who wait for it go on.
pub fn session_ready(work: &Work<'_>, ready: &SessionReady) -> Completion {
    let value = to_text(&ready.link);
    let subject = Some(Subject::session(ready.session.as_str()));
    work.host.set(Entry { key: link_key(&ready.session), value, subject });
    if let Link::Linked { campaign, .. } = &ready.link {
        form_campaign::note(work, campaign, Some(&ready.session));
    }
    Completion { follow_ups: Vec::new(), wakes: vec![task::session_key(&ready.session)] }
}

/// All tasks of a batch.
pub fn all(work: &Work<'_>, batch: Vec<One>) -> Ends {
    let mut ends: Ends = Vec::new();
    let team = team_if_needed(work, &batch);
    let mut asked: Vec<SessionId> = Vec::new();
    let mut ready: Vec<(One, Ready)> = Vec::new();
    let mut gone: Vec<(One, Option<Ready>)> = Vec::new();
    for one in batch {
        let registration = &one.person.registration;
        let team = match &team {
            Some(Ok(team)) => Some(team),
            Some(Err(stop)) if registration.role.is_none() => {
                ends.push((one.id, Err(stop.clone())));
                continue;
            }
            _ => None,
        };
        if let Some(why) = left_out::why(registration, &work.settings.left_out, team) {
            left_out::tell(work, registration, &why);
            ends.push((one.id, Ok(Completion::default())));
            continue;
        }
        match link(work, &registration.session) {
            Err(stop) => ends.push((one.id, Err(stop))),
            // Nothing was made of them.
            Ok(Some(Link::LeftOut { .. })) if one.task.kind == REMOVED => {
                ends.push((one.id, Ok(Completion::default())))
            }
            Ok(Some(Link::LeftOut { reason })) => {
                let reason = format!("session {} gets no campaign: {reason}", registration.session);
                left_out::tell(work, registration, &left_out::Why { code: "left-out-session", reason });
                ends.push((one.id, Ok(Completion::default())));
            }
            Ok(link) => match link.and_then(|link| with(work, &one, link)) {
                // Linked or not: a registration of theirs may be held.
                with if one.task.kind == REMOVED => gone.push((one, with)),
                Some(with) => ready.push((one, with)),
                // Not linked yet, or in another destination, which was chosen before.
                None => ends.push((one.id, unlinked(work, &one, &mut asked))),
            },
        }
    }
    let (mut ready, stopped) = resolved(work, ready);
    ends.extend(stopped);
    let (back, left) = removed::to_take_back(work, gone);
    ends.extend(left);
    ready.extend(back);
    ends.extend(write(work, ready));
    ends
}

/// Nothing: it is linked to another destination than the settings name now.
fn with(work: &Work<'_>, one: &One, link: Link) -> Option<Ready> {
    let registration = &one.person.registration;
    let (campaign, list, name, starts_at, linked_at, event_id, title, on_demand) =
        match (link, work.settings.destination) {
            (
                Link::Linked { campaign, list, name, starts_at, linked_at, event_id, title, on_demand },
                Destination::AccountEngagement,
            ) => (campaign, list, name, starts_at, linked_at, event_id, title, on_demand),
            (Link::InSalesforce { campaign, name, starts_at, event_id, title, on_demand }, Destination::Salesforce) => {
                (campaign, String::new(), name, starts_at, 0, event_id, title, on_demand)
            }
            _ => return None,
        };
    Some(Ready {
        campaign,
        list,
        name,
        starts_at,
        linked_at,
        event_id: event_id.or_else(|| registration.event_id.clone()),
        title,
        is_on_demand: on_demand == Some(true),
        asks_on_demand: on_demand.is_none() && one.person.watched.is_some(),
    })
}

/// Whether a session is on demand is asked once for each that was a draft when it was seen first, and noted.
fn resolved(work: &Work<'_>, mut ready: Vec<(One, Ready)>) -> (Vec<(One, Ready)>, Ends) {
    let mut sessions: Vec<(SessionId, Option<String>)> = Vec::new();
    for (one, with) in ready.iter().filter(|(_, with)| with.asks_on_demand) {
        let session = &one.person.registration.session;
        if !sessions.iter().any(|(other, _)| other == session) {
            sessions.push((session.clone(), with.event_id.clone()));
        }
    }
    if sessions.is_empty() {
        return (ready, Ends::new());
    }
    let flow = |(session, event_id): (SessionId, Option<String>)| -> Flow<'_, (SessionId, Result<bool, Stop>)> {
        Box::pin(async move {
            let read = session_scheduled::is_on_demand(work, &session, event_id).await;
            (session, read)
        })
    };
    let flows = sessions.into_iter().map(flow).collect();
    let told = work.waves.run(work.host, work.context.limits.wave, flows);
    for (session, read) in &told {
        if let (Ok(answer), Ok(Some(link))) = (read, link(work, session)) {
            let value = to_text(&link.with_on_demand(*answer));
            let subject = Some(Subject::session(session.as_str()));
            work.host.set(Entry { key: link_key(session), value, subject });
        }
    }
    let mut stopped = Ends::new();
    ready.retain_mut(|(one, with)| {
        let read = told.iter().find(|(session, _)| *session == one.person.registration.session);
        match read.filter(|_| with.asks_on_demand) {
            Some((_, Ok(answer))) => with.is_on_demand = *answer,
            Some((_, Err(stop))) => {
                stopped.push((one.id, Err(stop.clone())));
                return false;
            }
            None => {}
        }
        true
    });
    (ready, stopped)
}

/// All that a task needs of the session that it is about.
pub struct Ready {
    /// In the destination.
    pub campaign: String,
    /// In Account Engagement; empty in Salesforce.
    pub list: String,
    /// Of campaign and list, for people.
    pub name: String,
    starts_at: Option<Instant>,
    pub linked_at: Instant,
    event_id: Option<String>,
    title: Option<String>,
    pub is_on_demand: bool,
    /// It was a draft when it was seen first, and somebody has watched it: the event is to be read.
    asks_on_demand: bool,
}

impl Ready {
    /// Under the words of `mapping::source_path`.
    fn put(&self, session: &SessionId, values: &mut Values) {
        values.insert("session.id", session.as_str().into());
        values.insert("session.campaign", self.name.clone());
        if let Some(at) = self.starts_at {
            values.insert("session.starts_at", format!("{}Z", iso(at)));
        }
        for (source, text) in [("event.id", &self.event_id), ("event.title", &self.title)] {
            if let Some(text) = text {
                values.insert(source, text.clone());
            }
        }
    }
}

/// Asked only where a delivery does not say the role.
fn team_if_needed(work: &Work<'_>, batch: &[One]) -> Option<Result<Team, Stop>> {
    if batch.iter().all(|one| one.person.registration.role.is_some() || one.person.registration.email.is_none()) {
        return None;
    }
    let flow: Flow<'_, _> = Box::pin(team::today(work));
    work.waves.run(work.host, work.context.limits.wave, vec![flow]).pop()
}

pub fn link(work: &Work<'_>, session: &SessionId) -> Result<Option<Link>, Stop> {
    let Some(value) = work.host.get(&link_key(session)) else { return Ok(None) };
    let doing = Doing { what: "find campaign and list", whom: session.as_str() };
    let link = from_text(&value);
    link.map(Some).map_err(|error| doing.bug(&format!("What is remembered of the session cannot be read ({error})")))
}

/// What a held registration waits for.
fn missing(work: &Work<'_>) -> &'static str {
    match work.settings.destination {
        Destination::AccountEngagement => "its campaign and list are not in Account Engagement",
        Destination::Salesforce => "its campaign is not in Salesforce",
    }
}

/// Somebody whose session is not linked yet.
pub struct Unlinked<'a> {
    pub session: &'a SessionId,
    pub event_id: Option<String>,
    pub person: &'a str,
    /// What they registered for, in a sentence and by itself.
    pub event: String,
    pub title: &'a str,
    /// It waited already for its session once.
    pub held: bool,
    pub admitted_at: Instant,
    /// The same task, held.
    pub again: &'a dyn Fn() -> Task,
}

fn unlinked(work: &Work<'_>, one: &One, asked: &mut Vec<SessionId>) -> Result<Completion, Stop> {
    let registration = &one.person.registration;
    let waiting = Unlinked {
        session: &registration.session,
        event_id: registration.event_id.clone(),
        person: registration.person(),
        event: registration.event(),
        title: registration.event_title.as_deref().unwrap_or(registration.session.as_str()),
        held: one.person.held,
        admitted_at: one.admitted_at,
        again: &|| task::held(&one.task, one.person.clone()),
    };
    hold(work, &waiting, asked)
}

/// Nothing is known of the session: asked for once, then held until its key answers.
pub fn hold(work: &Work<'_>, one: &Unlinked<'_>, asked: &mut Vec<SessionId>) -> Result<Completion, Stop> {
    let (session, now) = (one.session, work.now());
    if one.held {
        let until = now + 6 * HOUR;
        let reason = format!(
            "Held: {}, registered for \"{}\": {} since {} min{}. See what session {session} waits for; nothing is lost, goes on by \
             itself",
            fit(one.person, 80),
            fit(one.title, 40),
            missing(work),
            now.saturating_sub(one.admitted_at) / MINUTE,
            match work.settings.destination {
                Destination::AccountEngagement => " (usually 10, at times 30)",
                Destination::Salesforce => "",
            },
        );
        let wake_on = Some(task::session_key(session));
        return Err(Stop::Later(Box::new(Wait { until, reason: fit(&reason, 300), wake_on, pause: None })));
    }
    let mut follow_ups: Vec<Task> = Vec::new();
    if !asked.contains(session) {
        asked.push(session.clone());
        // Asked anew where the destination is another one since.
        let question = match work.settings.destination {
            Destination::AccountEngagement => day(now),
            Destination::Salesforce => format!("{}/salesforce", day(now)),
        };
        follow_ups.push(task::ensure_session(session, one.event_id.clone(), &question));
    }
    let message = format!(
        "{} registered for {} and is held: {} yet. It goes on by itself when that is so",
        one.person,
        one.event,
        missing(work),
    );
    work.info("held", &message, Some(Subject::person(one.person)));
    follow_ups.push((one.again)());
    Ok(Completion { follow_ups, wakes: Vec::new() })
}

/// One task with all that is known for it, whatever the destination.
pub struct Told {
    pub id: u32,
    pub person: Person,
    /// They are not in the session any more.
    pub is_removal: bool,
    pub email: Email,
    pub with: Ready,
    pub registered_at: Instant,
    /// Under the words of `mapping::source_path`.
    pub sources: Values,
    /// What it tells of, with the times of the source.
    pub occasions: Vec<(Occasion, Instant)>,
}

impl Told {
    pub fn session(&self) -> &SessionId {
        &self.person.registration.session
    }

    /// What was read back from Livestorm after the end corrects what was read before.
    pub fn read_at(&self) -> Option<Instant> {
        self.person.ended.as_ref().map(|_| self.person.registration.received_at)
    }

    /// The task is about somebody whose registration was told before, as far as anybody can know.
    pub fn is_known(&self) -> bool {
        self.person.ended.is_some() || self.person.watched.is_some() || self.is_removal
    }

    /// It was found in a reading, and no webhook has told of it, though there was time for that.
    fn unheard(&self, work: &Work<'_>) -> Option<Unheard> {
        let is_found = self.person.found == Some(true) && !self.person.held && !self.is_removal;
        let is_late = self.registered_at + TOLD_WITHIN < work.now();
        let is_known = || match work.settings.destination {
            Destination::AccountEngagement => to_account_engagement::is_known(work, self.session(), &self.email),
            Destination::Salesforce => to_salesforce::is_known(work, self.session(), &self.email),
        };
        (is_found && is_late && !is_known()).then(|| (self.registered_at, self.id, self.session().clone()))
    }

    /// It is written: the time is needed no more.
    pub fn forget_time(&self, work: &Work<'_>) {
        if !self.is_removal {
            removed::forget(work, self.session(), &self.email);
        }
        let key = time_key(self.session(), &self.email);
        if work.host.get(&key).is_some() {
            work.host.delete(&key);
        }
    }
}

fn write(work: &Work<'_>, ready: Vec<(One, Ready)>) -> Ends {
    let times = registration_times(work, &ready);
    let (mut ends, mut people): (Ends, Vec<Vec<Told>>) = (Vec::new(), Vec::new());
    let mut unheard: Option<Unheard> = None;
    for (one, with) in ready {
        let id = one.id;
        match told(work, one, with, &times) {
            Ok(Some(told)) => {
                unheard = unheard.max(told.unheard(work));
                match people.iter_mut().find(|person| person[0].email == told.email) {
                    Some(person) => person.push(told),
                    None => people.push(vec![told]),
                }
            }
            Ok(None) => ends.push((id, Ok(Completion::default()))),
            Err(stop) => ends.push((id, Err(stop))),
        }
    }
    ends.extend(match work.settings.destination {
        Destination::AccountEngagement => to_account_engagement::write(work, people),
        Destination::Salesforce => to_salesforce::write(work, people),
    });
    if let Some((registered_at, id, session)) = unheard
        && let Some((_, Ok(done))) = ends.iter_mut().find(|(other, _)| *other == id)
    {
        done.follow_ups.push(webhooks::silence(&session, registered_at));
    }
    ends
}

/// The latest registration that was found, and of which nothing was known an hour after it.
type Unheard = (Instant, u32, SessionId);

/// Longer than Livestorm repeats a webhook.
const TOLD_WITHIN: u64 = HOUR;

/// Nothing: the person is left out, since what was read just now says that they belong to the team.
fn told(work: &Work<'_>, one: One, with: Ready, times: &Times) -> Result<Option<Told>, Stop> {
    let One { id, person, task, .. } = one;
    let is_removal = task.kind == REMOVED;
    let Person { registration, ended, watched, .. } = &person;
    // Who has none was left out before.
    let Some(email) = registration.email.clone() else { return Ok(None) };
    let (registered_at, role) = moment_of(work, registration, &email, times)?;
    if role == Some(Role::TeamMember) {
        left_out::tell(work, registration, &left_out::team_member());
        return Ok(None);
    }
    let mut sources = registration.values.clone();
    sources.insert("person.email", email.as_str().into());
    with.put(&registration.session, &mut sources);
    sources.insert("registration.registered_at", format!("{}Z", iso(registered_at)));
    let mut occasions = if is_removal { Vec::new() } else { vec![(Occasion::Registered, registered_at)] };
    if let Some(ended) = ended {
        ended.attendance.put(&mut sources);
        sources.insert(ENDED_AT, format!("{}Z", iso(ended.at)));
        occasions.push((Occasion::Ended, ended.at));
    }
    if let Some(watched) = watched {
        watched.put(&mut sources);
        occasions.push((Occasion::Watched, watched.watched_at.unwrap_or(registration.received_at)));
    }
    let told = Told { id, email, with, registered_at, sources, occasions, person, is_removal };
    if !is_removal && removed::is_older(work, &told) {
        let message = format!(
            "{} is not in session {} any more in Livestorm, and what is older than that is not written",
            told.email,
            told.session()
        );
        work.info("older-than-removal", &message, Some(Subject::person(told.email.as_str())));
        return Ok(None);
    }
    Ok(Some(told))
}

type Times = Vec<(SessionId, Result<Vec<Time>, Stop>)>;

/// Those of one session whose time is missing, and the earliest receipt.
struct Missing {
    session: SessionId,
    emails: Vec<Email>,
    received_at: Instant,
}

/// Kept beside the fact, so that a repeat asks no more and writes the same date.
fn time_key(session: &SessionId, email: &Email) -> String {
    text::state_key("time", &[session.as_str(), email.as_str()])
}

/// When they registered, for those whose deliveries do not say it: one read a session (RULES 4).
fn registration_times(work: &Work<'_>, ready: &[(One, Ready)]) -> Times {
    let mut missing: Vec<Missing> = Vec::new();
    for (one, _) in ready {
        let Registration { session, registered_at, received_at, email, .. } = &one.person.registration;
        let Some(email) = email.clone() else { continue };
        if registered_at.is_some() || noted_time(work, session, &email).is_some() {
            continue;
        }
        match missing.iter_mut().find(|missing| missing.session == *session) {
            Some(missing) => {
                missing.received_at = missing.received_at.min(*received_at);
                if !missing.emails.contains(&email) {
                    missing.emails.push(email);
                }
            }
            None => missing.push(Missing { session: session.clone(), emails: vec![email], received_at: *received_at }),
        }
    }
    let times = RefCell::new(Times::new());
    let flow = |missing: Missing| -> Flow<'_, ()> {
        let times = &times;
        Box::pin(async move {
            let told =
                registration_time::of_session(work, &missing.session, &missing.emails, missing.received_at).await;
            times.borrow_mut().push((missing.session, told));
        })
    };
    let flows = missing.into_iter().map(flow).collect();
    work.waves.run(work.host, work.context.limits.wave, flows);
    times.into_inner()
}

fn noted_time(work: &Work<'_>, session: &SessionId, email: &Email) -> Option<Instant> {
    work.host.get(&time_key(session, email)).and_then(|text| text.parse().ok())
}

/// What is known of the moment: told by the delivery, noted before, read just now, or else the receipt. Beside it the role,
/// which a row tells where the delivery does not.
fn moment_of(
    work: &Work<'_>,
    registration: &Registration,
    email: &Email,
    times: &Times,
) -> Result<(Instant, Option<Role>), Stop> {
    let session = &registration.session;
    let role = registration.role.clone();
    if let Some(at) = registration.registered_at.or_else(|| noted_time(work, session, email)) {
        return Ok((at, role));
    }
    let read = match times.iter().find(|(other, _)| other == session) {
        Some((_, Err(stop))) => return Err(stop.clone()),
        Some((_, Ok(told))) => told.iter().find(|told| told.email == *email),
        None => None,
    };
    let at = read.and_then(|told| told.registered_at).unwrap_or(registration.received_at);
    let subject = Some(Subject::person(email.as_str()));
    work.host.set(Entry { key: time_key(session, email), value: at.to_string(), subject });
    Ok((at, role.or_else(|| read.and_then(|told| told.role.clone()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::Host,
        story::state::{sample, says},
        test_host::{TestHost, on_host},
    };

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_for_people_is_still_read() {
        let [s1, s2] = ["S1", "S2"].map(|id| SessionId::parse(id).unwrap());
        let linked = Link::Linked {
            campaign: "7".into(),
            list: "9".into(),
            name: "Product demo - 2022-02-21 16:00 UTC".into(),
            starts_at: Some(1_645_459_200_000),
            linked_at: 1_644_845_800_000,
            event_id: Some("E1".into()),
            title: Some("Product demo".into()),
            on_demand: Some(true),
        };
        says("people", &link_key(&s1), &linked);
        says("people", &link_key(&s2), &Link::LeftOut { reason: "it is cancelled".into() });
        let email = Email::parse("ana@example.org").unwrap();
        let host = TestHost::new(0, |_| panic!("nothing is asked"));
        let (key, value) = (time_key(&s1, &email), sample("people", &time_key(&s1, &email)).into());
        host.set(Entry { key, value, subject: None });
        assert_eq!(on_host(&host, async |work| noted_time(work, &s1, &email)), Some(1_644_845_990_000));
    }
}
