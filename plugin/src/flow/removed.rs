//! Somebody was taken out of a session, or has left it. By a setting that is told alone, or taken back: in Account Engagement they leave
//! the session's list, in Salesforce their membership gets a status for it.
//!
//! Promises: who attended is never removed; Livestorm is asked first, since a list that was read is old by now; a registration that comes
//! later brings them back, and one that is older does not (RULES 3).

use super::{
    people::{Ends, One, Ready, Told},
    to_account_engagement, to_salesforce,
};
use crate::{
    call::{ACCOUNT_ENGAGEMENT, SALESFORCE},
    domain::{email::Email, fact::Fact, session::SessionId},
    executor::Flow,
    host::{Action, Completion, Entry, Instant, Subject},
    livestorm::{
        calls::SESSION_PEOPLE,
        errors::{Read, person, read_all},
    },
    plain::{from_text, to_text},
    settings::{Destination, RemovedRegistrants},
    stop::{Doing, Stop},
    work::Work,
};

/// What is remembered of a removal.
#[derive(Clone, Debug, PartialEq)]
struct Removal {
    at: Instant,
    /// Of the registration that is gone.
    registered_at: Option<Instant>,
}

plain!(Removal { at, registered_at });

fn key(session: &SessionId, email: &Email) -> String {
    Fact::Removed.state_key(session, email.as_str())
}

fn removal(work: &Work<'_>, session: &SessionId, email: &Email) -> Option<Removal> {
    from_text(&work.host.get(&key(session, email))?).ok()
}

/// What it tells of happened before the person was removed, and brings them not back.
pub fn is_older(work: &Work<'_>, told: &Told) -> bool {
    let Some(removal) = removal(work, told.session(), &told.email) else { return false };
    let person = &told.person;
    let has_attended = person.ended.as_ref().is_some_and(|ended| ended.attendance.attended);
    let is_registered_anew = removal.registered_at.is_none_or(|at| told.registered_at > at);
    let is_seen_since = person.found == Some(true) && person.registration.received_at > removal.at;
    !(has_attended || is_registered_anew || is_seen_since)
}

/// They are back, and all of it is written.
pub fn forget(work: &Work<'_>, session: &SessionId, email: &Email) {
    let key = key(session, email);
    if work.host.get(&key).is_some() {
        work.host.delete(&key);
    }
}

/// What is to be taken back in the destination, and the ends of the others. Where the session is not linked nothing was
/// made of them; that they are gone is remembered, since a registration that waits for it is older.
pub fn to_take_back(work: &Work<'_>, gone: Vec<(One, Option<Ready>)>) -> (Vec<(One, Ready)>, Ends) {
    let removes = work.settings.removed_registrants == RemovedRegistrants::Remove;
    let (mut ends, mut asked) = (Ends::new(), Vec::new());
    for (one, with) in gone {
        let Some(email) = one.person.registration.email.clone() else { continue };
        let session = one.person.registration.session.clone();
        match (removes, &with) {
            // Nothing of them is there, and nothing is to be remembered.
            (false, None) => ends.push((one.id, Ok(Completion::default()))),
            _ => asked.push((one, with, session, email)),
        }
    }
    let flow = |session: SessionId, email: Email| -> Flow<'_, Result<bool, Stop>> {
        Box::pin(async move { is_there(work, &session, &email).await })
    };
    let flows = asked.iter().map(|(_, _, session, email)| flow(session.clone(), email.clone())).collect();
    let told = work.waves.run(work.host, work.context.limits.wave, flows);
    let mut back = Vec::new();
    for ((one, with, session, email), there) in asked.into_iter().zip(told) {
        let was_seen = one.person.ended.as_ref().is_some_and(|ended| ended.attendance.attended);
        let attended = || match work.settings.destination {
            Destination::AccountEngagement => to_account_engagement::has_attended(work, &session, &email),
            Destination::Salesforce => to_salesforce::has_attended(work, &session, &email),
        };
        let is_known = || match work.settings.destination {
            Destination::AccountEngagement => to_account_engagement::is_known(work, &session, &email),
            Destination::Salesforce => to_salesforce::is_known(work, &session, &email),
        };
        let end = match there {
            Err(stop) => Err(stop),
            // Whoever slipped from one page to another while a list was read.
            Ok(true) => Ok(Completion::default()),
            Ok(false) if was_seen || attended() => Ok(left(work, &session, &email, with, "attended, and stays")),
            Ok(false) if !removes => Ok(left(work, &session, &email, with, "is left there, as the settings say")),
            Ok(false) => {
                let removal = Removal { at: work.now(), registered_at: one.person.registration.registered_at };
                let subject = Some(Subject::person(email.as_str()));
                work.host.set(Entry { key: key(&session, &email), value: to_text(&removal), subject });
                if let Some(with) = with.filter(|_| is_known()) {
                    back.push((one, with));
                    continue;
                }
                Ok(Completion::default())
            }
        };
        ends.push((one.id, end));
    }
    (back, ends)
}

/// `with`: what there is of them. Nothing: then nothing is left.
fn left(work: &Work<'_>, session: &SessionId, email: &Email, with: Option<Ready>, what: &str) -> Completion {
    let Some(Ready { name, .. }) = with else { return Completion::default() };
    let subject = Subject::person(email.as_str());
    let message = format!("{email} is not in session {session} any more in Livestorm; in {name} {email} {what}");
    work.info("registrant-removed", &message, Some(subject.clone()));
    let (connection, object) = match work.settings.destination {
        Destination::AccountEngagement => (ACCOUNT_ENGAGEMENT, "ListMembership"),
        Destination::Salesforce => (SALESFORCE, "CampaignMember"),
    };
    work.changed(connection, object, None, Action::LeftOut, &subject, "removed from the session in Livestorm");
    Completion::default()
}

/// Whether Livestorm has them in the session now.
async fn is_there(work: &Work<'_>, session: &SessionId, email: &Email) -> Result<bool, Stop> {
    let doing = Doing { what: "see whether they are still registered", whom: email.as_str() };
    match read_all(work, &SESSION_PEOPLE, &[session.as_str()], &[("filter[email]", email.as_str())], &doing).await? {
        Ok(rows) => Ok(rows.iter().filter_map(person).any(|(other, _)| other == *email)),
        Err(Read::Unknown) => Ok(false),
        Err(other) => Err(other.stop(work.now(), &doing)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::says;

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_removal_is_still_read() {
        let (session, email) = (SessionId::parse("S1").unwrap(), Email::parse("ana@example.org").unwrap());
        let removal = Removal { at: 1_645_547_400_000, registered_at: Some(1_644_845_990_000) };
        says("people", &key(&session, &email), &removal);
    }
}
