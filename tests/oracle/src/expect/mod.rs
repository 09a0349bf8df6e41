//! The rules, from the documents' side. Numbers like `S2-19` are sentences of the requirements.
//!
//! Here: which sessions count, who is met in them and what is known of them; what must come of it, a file a destination.

mod account_engagement;
mod salesforce;

use crate::{
    destination::Destination,
    happened::{self, Registrant, Session},
    story::Story,
    world::{self, Campaign, World},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

const NAME_LENGTH_MAX: usize = 80;

/// What must be so once everything that was heard is worked off. `ids`: the id that Livestorm gave each session.
pub fn expected(story: &Story, ids: &BTreeMap<String, String>) -> World {
    let mut world = World { destination: story.destination, ..World::default() };
    account_engagement::before(story, &mut world);
    salesforce::before(story, &mut world);
    let mut sessions = happened::sessions(story);
    if story.destination == Destination::AccountEngagementForms {
        world.registrants = registrants(&sessions, ids);
    }
    sessions.retain(|session| has_campaign(story, session));
    let mut all = vec![];
    for session in &sessions {
        let name = Name::of(story, session);
        // S2-16, S2-72, S3-15
        world.campaigns.push(Campaign { name: name.text.clone(), starts_on: name.day(), ends_on: name.day() });
        let id = ids.get(&session.name).cloned().unwrap_or_default();
        let registrants = session.registrants.iter().filter(|r| !is_left_out(story, r) && is_noticed(session, r));
        all.extend(registrants.map(|registrant| Met {
            session,
            registrant,
            id: id.clone(),
            campaign: name.text.clone(),
        }));
    }
    match story.destination {
        Destination::AccountEngagement | Destination::AccountEngagementForms => {
            account_engagement::after(story, &all, &mut world)
        }
        Destination::SalesforceLeads | Destination::SalesforceContacts => salesforce::after(story, &all, &mut world),
    }
    world
}

/// Every participant whom Livestorm has on a session, however they came.
fn registrants(sessions: &[Session], ids: &BTreeMap<String, String>) -> Vec<world::Registrant> {
    let of = |session: &Session| {
        let id = ids.get(&session.name).cloned().unwrap_or_default();
        let there = session.registrants.iter().filter(|person| person.left_at.is_none() && !person.team_member);
        there.map(|person| world::Registrant { session: id.clone(), email: person.email.clone() }).collect::<Vec<_>>()
    };
    sessions.iter().flat_map(of).collect()
}

/// Somebody in a session that has a campaign.
struct Met<'a> {
    session: &'a Session,
    registrant: &'a Registrant,
    /// Of the session.
    id: String,
    /// Its name.
    campaign: String,
}

/// Mapped fields, by the names of their targets.
#[derive(Default)]
struct Fields(BTreeMap<String, Newest>);

impl Fields {
    /// What is known of somebody in a session, where nothing newer is known.
    fn take<'a>(&mut self, met: &Met, mapping: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (source, target) in mapping {
            let Some((at, value)) = source_value(met, source) else { continue };
            if value.is_empty() {
                continue;
            }
            let newer = Newest { at, session_id: met.id.clone(), value };
            if self.0.get(target).is_none_or(|known| newer > *known) {
                self.0.insert(target.to_owned(), newer);
            }
        }
    }

    fn values(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter().map(|(target, newest)| (target, newest.value))
    }
}

/// The value with the newest source; of equals the one of the greater session, and then the greater one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Newest {
    at: u64,
    session_id: String,
    value: String,
}

/// What a source says of somebody in a session, and as of when. Nothing where it says nothing, or nobody was told.
fn source_value(met: &Met, source: &str) -> Option<(u64, String)> {
    let Met { session, registrant, id, .. } = met;
    let named = |pairs: &[(String, String)], name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let (group, name) = source.split_once('.')?;
    match (group, name) {
        ("fields", name) => Some((registrant.at, named(&registrant.answers, name)?)),
        ("utm", name) => Some((registrant.at, named(&registrant.utm, name)?)),
        ("event", "title") => Some((registrant.at, session.title.clone())),
        ("session", "id") => Some((registrant.at, id.clone())),
        ("attendance", name) if session.has_attendance(registrant) => {
            // Of who was not there Livestorm says no seconds and no messages, which is something.
            let (seconds, messages, questions) =
                registrant.attendance.map_or((0, 0, 0), |a| (a.seconds, a.messages, a.questions));
            let value = match name {
                "attended" => registrant.attendance.is_some().to_string(),
                "duration" => seconds.to_string(),
                "messages" => messages.to_string(),
                "questions" => questions.to_string(),
                _ => return None,
            };
            Some((session.ended_at?, value))
        }
        ("replay", "watched") if registrant.watching_is_told => Some((registrant.watched_at?, true.to_string())),
        _ => None,
    }
}

/// Word of a replay tells the registration too, as the reading at the end does.
fn is_noticed(session: &Session, registrant: &Registrant) -> bool {
    registrant.is_told || session.is_found(registrant) || registrant.watching_is_told
}

fn is_left_out(story: &Story, registrant: &Registrant) -> bool {
    registrant.team_member
        || story.team.iter().any(|t| t.to_lowercase() == registrant.email)
        || registrant.email.ends_with("@unknown.livestorm.co")
}

/// Whether it was heard of, by itself, by its end, or by somebody who registered or watched; and was not past when it was
/// made (S3-18).
fn has_campaign(story: &Story, session: &Session) -> bool {
    let created_at = i64::try_from(session.created_at).unwrap_or(i64::MAX);
    let was_past = session.starts.is_some_and(|starts| starts < created_at);
    let by_end = session.ended_at.is_some() && session.end_is_told;
    let by_somebody = session
        .registrants
        .iter()
        .any(|r| (r.is_told && !r.team_member) || (r.watching_is_told && !is_left_out(story, r)));
    !was_past && (session.is_told || by_end || by_somebody)
}

struct Name {
    text: String,
    at: Option<DateTime<Utc>>,
}

impl Name {
    fn of(story: &Story, session: &Session) -> Name {
        let at = session.starts.filter(|_| !session.on_demand).and_then(|starts| {
            let begins_at = i64::try_from(story.begins_at).ok()?;
            DateTime::from_timestamp(begins_at + starts, 0)
        });
        Name { text: name(&session.title, at), at }
    }

    fn day(&self) -> Option<String> {
        self.at.map(|at| at.format("%Y-%m-%d").to_string())
    }
}

/// S2-72: date and time in UTC. The title gives way, never the date.
fn name(title: &str, at: Option<DateTime<Utc>>) -> String {
    let date = at.map(|at| at.format(" - %Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    let cut: String = title.trim().chars().take(NAME_LENGTH_MAX - date.len()).collect();
    format!("{}{date}", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_348_800; // 2026-11-22T12:00:00Z

    #[test]
    fn the_title_gives_way_and_the_date_stays() {
        let at = DateTime::from_timestamp(NOON, 0);
        assert_eq!(name("Product demo", at), "Product demo - 2026-11-22 12:00 UTC");
        assert_eq!(name("Product demo", None), "Product demo");
        let long = name(&"ü".repeat(300), at);
        assert_eq!((long.chars().count(), long.ends_with(" - 2026-11-22 12:00 UTC")), (80, true));
    }
}
