//! The rules, from the documents' side. Numbers like `S2-19` are sentences of the requirements.

use crate::{
    story::{Happening, Prior, Story},
    world::{Activity, Campaign, List, Membership, Prospect, World},
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

const NAME_LENGTH_MAX: usize = 80;
const REGISTERED: &str = "people_registered";

/// Livestorm's answers and the prospect's fields that they fill, unless the customer maps otherwise.
const DEFAULT_MAPPING: [(&str, &str); 8] = [
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("company", "company"),
    ("job_title", "jobTitle"),
    ("phone_number", "phone"),
    ("city", "city"),
    ("country", "country"),
    ("website", "website"),
];

/// What must be so once everything that was heard is worked off. `ids`: the id that Livestorm gave each session.
pub fn expected(story: &Story, ids: &BTreeMap<String, String>) -> World {
    let sessions = sessions(story);
    let mut world = World::default();
    for name in sessions.values() {
        // S2-16, S2-17, S2-49, S2-72
        world.campaigns.push(Campaign { name: name.text.clone(), starts_on: name.day(), ends_on: name.day() });
        world.lists.push(List { name: name.text.clone(), campaign: Some(name.text.clone()) });
    }
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    for act in story.acts.iter().filter(|a| Story::is_heard(a)) {
        let Happening::Registered { session, email, answers, team_member } = &act.what else { continue };
        let email = email.trim().to_lowercase();
        let left_out = *team_member
            || story.team.iter().any(|t| t.to_lowercase() == email)
            || email.ends_with("@unknown.livestorm.co");
        let (Some(name), false) = (sessions.get(session), left_out) else { continue };
        let person = people.entry(email).or_default();
        let at = story.begins_at + act.at;
        // One registration is one fact, however often it is told.
        person.registered.entry(session.clone()).or_insert((at, name.text.clone()));
        for (source, target) in DEFAULT_MAPPING {
            for (_, value) in answers.iter().filter(|(k, v)| k == source && !v.is_empty()) {
                let stamp = (at, ids.get(session).cloned().unwrap_or_default(), value.clone());
                let newest = person.fields.entry(target.into()).or_insert_with(|| stamp.clone());
                if stamp > *newest {
                    *newest = stamp;
                }
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
        let fields = person.fields.into_iter().map(|(k, (_, _, v))| (k, v));
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
                source_campaigns: person.registered.values().map(|(_, name)| name.clone()).collect(),
            }),
        }
        let nth = nth.unwrap_or(0);
        for (session, (at, list)) in person.registered {
            // S2-33, S2-69; S2-21, S2-60
            world.memberships.push(Membership { list, email: email.clone(), nth });
            world.activities.push(Activity {
                kind: REGISTERED.into(),
                email: email.clone(),
                nth,
                value: ids.get(&session).cloned().unwrap_or_default(),
                at,
            });
        }
    }
    world
}

#[derive(Default)]
struct Person {
    /// Session -> when, and the name of its list.
    registered: BTreeMap<String, (u64, String)>,
    /// Field -> (when, session id, value): the newest is the greatest.
    fields: BTreeMap<String, (u64, String, String)>,
}

struct Name {
    text: String,
    at: Option<DateTime<Utc>>,
}

impl Name {
    fn day(&self) -> Option<String> {
        self.at.map(|at| at.format("%Y-%m-%d").to_string())
    }
}

/// The sessions that have a campaign: those that were heard of, by themselves or by somebody who registered.
fn sessions(story: &Story) -> BTreeMap<String, Name> {
    let mut events = BTreeMap::new();
    let mut sessions = BTreeMap::new();
    let heard_by_registration = |name: &str| {
        story.acts.iter().filter(|a| Story::is_heard(a)).any(|a| match &a.what {
            Happening::Registered { session, team_member, .. } => session == name && !team_member,
            _ => false,
        })
    };
    for act in &story.acts {
        match &act.what {
            Happening::EventCreated { event, title, on_demand } => {
                events.insert(event.clone(), (title.clone(), *on_demand));
            }
            Happening::SessionCreated { session, event, starts } => {
                let (title, on_demand) = events.get(event).cloned().unwrap_or_default();
                // S3-18 and the rule on sessions that were past when they were made.
                let was_past = starts.is_some_and(|s| s < i64::try_from(act.at).unwrap_or(i64::MAX));
                if was_past || !(Story::is_heard(act) || heard_by_registration(session)) {
                    continue;
                }
                let at = starts.filter(|_| !on_demand).and_then(|s| {
                    let begins_at = i64::try_from(story.begins_at).ok()?;
                    DateTime::from_timestamp(begins_at + s, 0)
                });
                sessions.insert(session.clone(), Name { text: name(&title, at), at });
            }
            Happening::Registered { .. } => {}
        }
    }
    sessions
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
    use crate::story::{Act, Delivery, Dialect};

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

    #[test]
    fn a_story_told_twice_is_the_same_world() {
        let once = vec![Delivery { dialect: Dialect::Rest, after: 1 }];
        let act = |at, what, deliveries| Act { at, what, deliveries };
        let story = |deliveries: Vec<Delivery>| Story {
            begins_at: NOON as u64,
            prospects: vec![],
            team: vec![],
            acts: vec![
                act(0, Happening::EventCreated { event: "e".into(), title: "Demo".into(), on_demand: false }, vec![]),
                act(
                    1,
                    Happening::SessionCreated { session: "s".into(), event: "e".into(), starts: Some(900) },
                    once.clone(),
                ),
                act(
                    2,
                    Happening::Registered {
                        session: "s".into(),
                        email: "Ana@Example.org".into(),
                        answers: vec![("first_name".into(), "Ana".into()), ("company".into(), String::new())],
                        team_member: false,
                    },
                    deliveries,
                ),
            ],
        };
        let ids = BTreeMap::from([("s".to_string(), "S1".to_string())]);
        let world = expected(&story(once.clone()), &ids);
        let twice = [once.clone(), once.clone()].concat();
        assert_eq!(world, expected(&story(twice), &ids));
        assert_eq!(world.activities.len(), 1);
        assert_eq!(world.activities[0].email, "ana@example.org");
        assert_eq!(world.prospects[0].fields.len(), 1);
        assert!(expected(&story(vec![]), &ids).activities.is_empty());
    }
}
