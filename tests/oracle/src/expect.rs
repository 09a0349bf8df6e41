//! The rules, from the documents' side. Numbers like `S2-19` are sentences of the requirements.

use crate::{
    happened::{self, Attendance, Registrant, Session},
    story::{Prior, Story},
    world::{Activity, Campaign, List, Membership, Prospect, World},
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

const NAME_LENGTH_MAX: usize = 80;
const REGISTERED: &str = "people_registered";
const ATTENDED: &str = "session_attended";
const NOT_ATTENDED: &str = "session_not_attended";
const DURATION: &str = "attendance_duration";
const MESSAGES: &str = "messages_sent";
const QUESTIONS: &str = "questions_asked";
const WATCHED_REPLAY: &str = "watched_replay";
const WATCHED_ON_DEMAND: &str = "watched_on_demand";

/// Livestorm's answers and the prospect's fields that they fill, unless the customer maps otherwise.
const DEFAULT_MAPPING: [(&str, &str); 8] = [
    ("fields.first_name", "firstName"),
    ("fields.last_name", "lastName"),
    ("fields.company", "company"),
    ("fields.job_title", "jobTitle"),
    ("fields.phone_number", "phone"),
    ("fields.city", "city"),
    ("fields.country", "country"),
    ("fields.website", "website"),
];

/// What must be so once everything that was heard is worked off. `ids`: the id that Livestorm gave each session.
pub fn expected(story: &Story, ids: &BTreeMap<String, String>) -> World {
    let mut world = World::default();
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    let mapping = mapping(story);
    for session in happened::sessions(story).iter().filter(|session| has_campaign(story, session)) {
        let name = Name::of(story, session);
        // S2-16, S2-17, S2-49, S2-72
        world.campaigns.push(Campaign { name: name.text.clone(), starts_on: name.day(), ends_on: name.day() });
        world.lists.push(List { name: name.text.clone(), campaign: Some(name.text.clone()) });
        let id = ids.get(&session.name).cloned().unwrap_or_default();
        for registrant in session.registrants.iter().filter(|r| !is_left_out(story, r)) {
            // Word of a replay tells the registration too, as the reading at the end does.
            if registrant.is_told || session.is_found(registrant) || registrant.watching_is_told {
                let person = people.entry(registrant.email.clone()).or_default();
                person.take(story, session, registrant, &id, &name.text, &mapping);
            }
        }
    }
    for prior in &story.prospects {
        let nth = world.prospects.iter().filter(|p| p.email == prior.email).count();
        world.prospects.push(Prospect {
            email: prior.email.clone(),
            nth: u32::try_from(nth).unwrap_or(u32::MAX),
            fields: prior.fields.iter().cloned().collect(),
            source_campaigns: BTreeSet::new(),
        });
    }
    for (email, person) in people {
        let nth = most_recently_active(&story.prospects, &email);
        let fields = person.fields.into_iter().map(|(k, newest)| (k, newest.value));
        match nth {
            // S2-19, S2-74
            Some(nth) => {
                let prospect = world.prospects.iter_mut().find(|p| p.email == email && p.nth == nth);
                prospect.expect("it was put there above").fields.extend(fields);
            }
            // S2-20, S2-70
            None => world.prospects.push(Prospect {
                email: email.clone(),
                nth: 0,
                fields: fields.collect(),
                source_campaigns: person.lists.clone(),
            }),
        }
        let nth = nth.unwrap_or(0);
        // S2-33, S2-69
        world.memberships.extend(person.lists.into_iter().map(|list| Membership { list, email: email.clone(), nth }));
        world.activities.extend(person.activities.into_iter().map(|((kind, _), (at, value))| Activity {
            kind: kind.to_owned(),
            email: email.clone(),
            nth,
            value,
            at,
        }));
    }
    world
}

/// Somebody by their address, over all sessions.
#[derive(Default)]
struct Person {
    lists: BTreeSet<String>,
    /// (Type, session id) -> (when, value). One registration is one fact, however often somebody leaves and comes back.
    activities: BTreeMap<(&'static str, String), (u64, String)>,
    fields: BTreeMap<String, Newest>,
}

/// The value with the newest source; of equals the one of the greater session, and then the greater one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Newest {
    at: u64,
    session_id: String,
    value: String,
}

impl Person {
    fn take(
        &mut self,
        story: &Story,
        session: &Session,
        registrant: &Registrant,
        id: &str,
        list: &str,
        mapping: &[(&str, &str)],
    ) {
        self.lists.insert(list.to_owned());
        let mut happens = |kind, at: u64, value: String| {
            self.activities.entry((kind, id.to_owned())).or_insert((story.begins_at + at, value));
        };
        // S2-21, S2-60
        happens(REGISTERED, registrant.at, id.to_owned());
        if let Some(end) = session.ended_at.filter(|_| session.has_attendance(registrant)) {
            match registrant.attendance {
                // S2-26, S2-28 to S2-30, S2-60 to S2-62
                Some(Attendance { seconds, messages, questions }) => {
                    happens(ATTENDED, end, id.to_owned());
                    happens(DURATION, end, seconds.to_string());
                    for (kind, count) in [(MESSAGES, messages), (QUESTIONS, questions)] {
                        if count > 0 {
                            happens(kind, end, count.to_string());
                        }
                    }
                }
                // S2-27
                None => happens(NOT_ATTENDED, end, id.to_owned()),
            }
        }
        if let Some(at) = registrant.watched_at.filter(|_| registrant.watching_is_told) {
            // S2-31, S2-32
            happens(if session.on_demand { WATCHED_ON_DEMAND } else { WATCHED_REPLAY }, at, id.to_owned());
        }
        for (source, target) in mapping {
            let Some((at, value)) = source_value(session, registrant, id, source) else { continue };
            if value.is_empty() {
                continue;
            }
            let newer = Newest { at, session_id: id.to_owned(), value };
            if self.fields.get(*target).is_none_or(|known| newer > *known) {
                self.fields.insert((*target).to_owned(), newer);
            }
        }
    }
}

/// The defaults, and what the customer maps beyond them.
fn mapping(story: &Story) -> Vec<(&str, &str)> {
    let own = story.mapping.iter().map(|mapped| (mapped.source.as_str(), mapped.target.as_str()));
    DEFAULT_MAPPING.into_iter().chain(own).collect()
}

/// What a source says of somebody in a session, and as of when. Nothing where it says nothing, or nobody was told.
fn source_value(session: &Session, registrant: &Registrant, id: &str, source: &str) -> Option<(u64, String)> {
    let named = |pairs: &[(String, String)], name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let (group, name) = source.split_once('.')?;
    match (group, name) {
        ("fields", name) => Some((registrant.at, named(&registrant.answers, name)?)),
        ("utm", name) => Some((registrant.at, named(&registrant.utm, name)?)),
        ("event", "title") => Some((registrant.at, session.title.clone())),
        ("session", "id") => Some((registrant.at, id.to_owned())),
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

/// S2-74. Never active counts as longest ago; of equals the one made last.
fn most_recently_active(prospects: &[Prior], email: &str) -> Option<u32> {
    prospects
        .iter()
        .filter(|p| p.email == email)
        .enumerate()
        .max_by_key(|(nth, p)| (p.last_active_before.map(|before| u64::MAX - before), *nth))
        .and_then(|(nth, _)| u32::try_from(nth).ok())
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

    #[test]
    fn of_several_prospects_the_most_recently_active_is_meant() {
        let prior = |before| Prior { email: "a@example.org".into(), fields: vec![], last_active_before: before };
        let check = |list: &[Option<u64>], expect| {
            let list: Vec<Prior> = list.iter().map(|b| prior(*b)).collect();
            assert_eq!(most_recently_active(&list, "a@example.org"), expect);
        };
        check(&[], None);
        check(&[Some(10), Some(5), None], Some(1));
        check(&[None, None], Some(1));
    }
}
