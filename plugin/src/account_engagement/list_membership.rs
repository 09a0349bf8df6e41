//! Everybody who registered is in the session's list (S2-69). Promises: `optedOut` is never touched, and who was taken off
//! the list stays off it (RULES 17).

use super::{
    Written,
    calls::{JOIN_LIST, LEAVE_LIST, MEMBERSHIPS},
    errors::{ApiError, Verdict},
    id_of, id_value, query, written,
};
use crate::{
    call::ACCOUNT_ENGAGEMENT,
    domain::{email::Email, fact, session::SessionId},
    host::{Action, Entry, Instant, MINUTE, Subject},
    json,
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    work::Work,
};
use serde_json::Value;

/// What is remembered, so that a repeat sends nothing.
#[derive(Debug, PartialEq)]
struct Noted {
    prospect: String,
    list: String,
}

plain!(Noted { prospect, list });

pub struct Place<'a> {
    pub session: &'a SessionId,
    pub list: &'a str,
    /// The list's, as it was made: for people.
    pub name: &'a str,
    /// When the list became known here: reads of a younger one may not show it yet.
    pub linked_at: Instant,
}

#[derive(Debug, PartialEq)]
pub enum Joined {
    Yes,
    /// That prospect is there no more: look the person up anew.
    ProspectGone(ApiError),
}

pub async fn join(work: &Work<'_>, place: &Place<'_>, email: &Email, prospect: &str) -> Result<Joined, Stop> {
    let key = fact::Fact::Listed.state_key(place.session, email.as_str());
    let subject = Subject::person(email.as_str());
    let noted = Noted { prospect: prospect.into(), list: place.list.into() };
    let before = work.host.get(&key).and_then(|text| from_text::<Noted>(&text).ok());
    if before.as_ref() == Some(&noted) {
        return Ok(Joined::Yes);
    }
    let doing = Doing { what: "add to the session's list", whom: email.as_str() };
    let body = json::object(vec![("listId", id_value(place.list)), ("prospectId", id_value(prospect))]);
    let answer = work.send(JOIN_LIST.request(&[], &[], Some(&body))).await;
    let now = work.now();
    match written(answer, now, &doing)? {
        Written::Planned => {}
        Written::Answer(response) if response.is_success() => {}
        Written::Answer(response) => {
            let error = ApiError::of(&response);
            match error.verdict() {
                Verdict::Done => already(work, place, email, prospect, &doing).await?,
                Verdict::LookUpAnew => return Ok(Joined::ProspectGone(error)),
                Verdict::ListGone if now < place.linked_at + 2 * MINUTE => {
                    return Err(
                        doing.later(now + MINUTE, "the list is so young that Account Engagement does not know it yet")
                    );
                }
                _ => return Err(error.stop(now, &doing)),
            }
        }
    }
    let value = to_text(&noted);
    work.host.set(Entry { key, value, subject: Some(subject.clone()) });
    work.changed(ACCOUNT_ENGAGEMENT, "ListMembership", None, Action::Linked, &subject, place.name);
    Ok(Joined::Yes)
}

/// Whether they are in the session's list, as far as is remembered.
pub fn is_noted(work: &Work<'_>, session: &SessionId, email: &Email) -> bool {
    work.host.get(&fact::Fact::Listed.state_key(session, email.as_str())).is_some()
}

/// They are not in the session any more: the membership that we made is deleted. Whoever opted out stays so.
pub async fn leave(work: &Work<'_>, place: &Place<'_>, email: &Email) -> Result<(), Stop> {
    let key = fact::Fact::Listed.state_key(place.session, email.as_str());
    let noted = work.host.get(&key).and_then(|text| from_text::<Noted>(&text).ok());
    let Some(noted) = noted else { return Ok(()) };
    let doing = Doing { what: "take off the session's list", whom: email.as_str() };
    let filter = [("listId", noted.list.as_str()), ("prospectId", noted.prospect.as_str())];
    let rows = query(work, &MEMBERSHIPS, "id,optedOut,isDeleted", &filter, 1, &doing).await?;
    let rows = rows.map_err(|error| error.stop(work.now(), &doing))?;
    let is = |row: &Value, name: &str| row.get(name).and_then(Value::as_bool) == Some(true);
    let live = rows.iter().filter(|row| !is(row, "isDeleted") && !is(row, "optedOut"));
    let subject = Subject::person(email.as_str());
    for id in live.filter_map(id_of) {
        let answer = work.send(LEAVE_LIST.request(&[&id], &[], None)).await;
        let now = work.now();
        match written(answer, now, &doing)? {
            Written::Answer(response) if !response.is_success() => {
                let error = ApiError::of(&response);
                // It is gone.
                if error.verdict() != Verdict::LookUpAnew {
                    return Err(error.stop(now, &doing));
                }
            }
            Written::Planned | Written::Answer(_) => {}
        }
        let detail = format!("taken off {}", place.name);
        work.changed(ACCOUNT_ENGAGEMENT, "ListMembership", Some(&id), Action::Updated, &subject, &detail);
    }
    work.host.delete(&key);
    Ok(())
}

/// Code 58: a member already, or one who left. Read, told, and left as it is.
async fn already(
    work: &Work<'_>,
    place: &Place<'_>,
    email: &Email,
    prospect: &str,
    doing: &Doing<'_>,
) -> Result<(), Stop> {
    let filter = [("listId", place.list), ("prospectId", prospect), ("deleted", "all")];
    let rows = match query(work, &MEMBERSHIPS, "id,optedOut,isDeleted", &filter, 1, doing).await? {
        Ok(rows) => rows,
        // What cannot be read is not needed: code 58 said that nothing is to be done.
        Err(_) => return Ok(()),
    };
    let is = |name: &str| rows.iter().any(|row| row.get(name).and_then(Value::as_bool) == Some(true));
    let live = rows.iter().any(|row| row.get("isDeleted").and_then(Value::as_bool) != Some(true));
    let told = if is("optedOut") {
        Some(("membership-opted-out", "opted out of the session's list and is left so"))
    } else if is("isDeleted") && !live {
        Some(("membership-deleted", "was taken off the session's list and is left so"))
    } else {
        None
    };
    if let Some((code, what)) = told {
        let subject = Subject::person(email.as_str());
        work.warn(code, &format!("{email} {what}, list {}", place.list), Some(subject.clone()));
        work.changed(ACCOUNT_ENGAGEMENT, "ListMembership", None, Action::LeftOut, &subject, what);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::says;

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_membership_is_still_read() {
        let key = fact::Fact::Listed.state_key(&SessionId::parse("S1").unwrap(), "ana@example.org");
        says("people", &key, &Noted { prospect: "1007".into(), list: "9".into() });
    }
}
