//! Everybody who registered is in the session's list (S2-69). Promises: `optedOut` is never touched, and who was taken off
//! the list by somebody else stays off it (RULES 17); whom we have taken off it and who registers again is brought back.

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
    ledger::READ_LAG,
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    work::Work,
};
use serde_json::Value;

/// What is remembered, so that a repeat sends nothing.
#[derive(Clone, Debug, PartialEq)]
struct Noted {
    prospect: String,
    list: String,
    /// When it was answered that they are in the list: a read shows it a while later.
    joined_at: Option<Instant>,
    /// When we have sent last that they leave it: what is deleted is our doing, and not somebody else's.
    left_at: Option<Instant>,
    /// True: that was done.
    is_off: Option<bool>,
}

plain!(Noted { prospect, list, joined_at, left_at, is_off });

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
    /// We have taken them off it, and Account Engagement does not take them again: a person is to add them.
    NotBack(Stop),
    /// That prospect is there no more: look the person up anew.
    ProspectGone(ApiError),
}

pub async fn join(work: &Work<'_>, place: &Place<'_>, email: &Email, prospect: &str) -> Result<Joined, Stop> {
    let key = fact::Fact::Listed.state_key(place.session, email.as_str());
    let subject = Subject::person(email.as_str());
    let same = |noted: &Noted| noted.prospect == prospect && noted.list == place.list;
    let before = remembered(work, &key).filter(same);
    if before.as_ref().is_some_and(|noted| noted.left_at.is_none()) {
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
                Verdict::Done => {
                    if let Some(stop) = already(work, place, email, prospect, before, &doing).await? {
                        return Ok(Joined::NotBack(stop));
                    }
                }
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
    let (prospect, list) = (prospect.into(), place.list.into());
    note(work, email, key, &Noted { prospect, list, joined_at: Some(now), left_at: None, is_off: None });
    work.changed(ACCOUNT_ENGAGEMENT, "ListMembership", None, Action::Linked, &subject, place.name);
    Ok(Joined::Yes)
}

fn remembered(work: &Work<'_>, key: &str) -> Option<Noted> {
    from_text(&work.host.get(key)?).ok()
}

fn note(work: &Work<'_>, email: &Email, key: String, noted: &Noted) {
    work.host.set(Entry { key, value: to_text(noted), subject: Some(Subject::person(email.as_str())) });
}

/// Whether they are in the session's list, as far as is remembered.
pub fn is_noted(work: &Work<'_>, session: &SessionId, email: &Email) -> bool {
    let noted = remembered(work, &fact::Fact::Listed.state_key(session, email.as_str()));
    noted.is_some_and(|noted| noted.is_off != Some(true))
}

/// They are not in the session any more: the membership that we made is deleted. Whoever opted out stays so.
pub async fn leave(work: &Work<'_>, place: &Place<'_>, email: &Email) -> Result<(), Stop> {
    let key = fact::Fact::Listed.state_key(place.session, email.as_str());
    let Some(mut noted) = remembered(work, &key) else { return Ok(()) };
    let doing = Doing { what: "take off the session's list", whom: email.as_str() };
    let shown_at = noted.joined_at.unwrap_or_default() + READ_LAG;
    if work.now() < shown_at {
        return Err(doing.later(shown_at, "they joined it just now, and no read may show it yet"));
    }
    let filter = [("listId", noted.list.as_str()), ("prospectId", noted.prospect.as_str())];
    let rows = query(work, &MEMBERSHIPS, "id,optedOut,isDeleted", &filter, 1, &doing).await?;
    let rows = rows.map_err(|error| error.stop(work.now(), &doing))?;
    let is = |row: &Value, name: &str| row.get(name).and_then(Value::as_bool) == Some(true);
    let live = rows.iter().filter(|row| !is(row, "isDeleted") && !is(row, "optedOut"));
    let subject = Subject::person(email.as_str());
    for id in live.filter_map(id_of) {
        // Before it leaves: the answer may be lost.
        noted.left_at = Some(work.now());
        note(work, email, key.clone(), &noted);
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
    match noted.left_at {
        Some(_) => note(work, email, key, &Noted { is_off: Some(true), ..noted }),
        // Somebody else did, or they opted out.
        None => work.host.delete(&key),
    }
    Ok(())
}

/// Code 58: a member already, or one who left. Read, told, and left as it is. `before`: we have taken them off, and whoever
/// is still off is to be brought back by a person, since the API has no undelete for memberships.
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/list-membership-v5.html>
async fn already(
    work: &Work<'_>,
    place: &Place<'_>,
    email: &Email,
    prospect: &str,
    before: Option<Noted>,
    doing: &Doing<'_>,
) -> Result<Option<Stop>, Stop> {
    let now = work.now();
    let is_ours = before.is_some();
    if let Some(noted) = before {
        // A membership that was made just now, by a request whose answer was lost, is not shown yet.
        let told_at = noted.joined_at.filter(|at| noted.left_at < Some(*at)).unwrap_or(now);
        if now < told_at + READ_LAG {
            let key = fact::Fact::Listed.state_key(place.session, email.as_str());
            note(work, email, key, &Noted { joined_at: Some(told_at), is_off: None, ..noted });
            return Err(doing.later(told_at + READ_LAG, "whether they are in it already is not shown yet"));
        }
    }
    let filter = [("listId", place.list), ("prospectId", prospect), ("deleted", "all")];
    let rows = match query(work, &MEMBERSHIPS, "id,optedOut,isDeleted", &filter, 1, doing).await? {
        Ok(rows) => rows,
        Err(error) if is_ours => return Ok(Some(error.stop(work.now(), doing))),
        // What cannot be read is not needed: code 58 said that nothing is to be done.
        Err(_) => return Ok(None),
    };
    let is = |name: &str| rows.iter().any(|row| row.get(name).and_then(Value::as_bool) == Some(true));
    let live = rows.iter().any(|row| row.get("isDeleted").and_then(Value::as_bool) != Some(true));
    let told = if is("optedOut") {
        Some(("membership-opted-out", "opted out of the session's list and is left so"))
    } else if is_ours && !live {
        let why = format!(
            "They were taken off the list {} when they were removed from the session in Livestorm, have registered again, and Account \
             Engagement does not let the connector add them once more.",
            place.name
        );
        let remedy = format!(
            "Add {email} to the list {} in Account Engagement by hand, and retry a minute later. All else of them is written meanwhile.",
            place.name
        );
        return Ok(Some(doing.needs_attention(&why, &remedy)));
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
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::state::says;

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_a_membership_is_still_read() {
        let key = fact::Fact::Listed.state_key(&SessionId::parse("S1").unwrap(), "ana@example.org");
        let (prospect, list) = ("1007".into(), "9".into());
        says("people", &key, &Noted { prospect, list, joined_at: None, left_at: None, is_off: None });
    }
}
