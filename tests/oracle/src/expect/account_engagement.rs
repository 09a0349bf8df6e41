//! What Account Engagement must hold: a list a session, prospects, and external activities.

use super::{Fields, Met};
use crate::{
    destination::Destination,
    happened::{Attendance, plain},
    story::{Happening, Prior, Story},
    world::{Activity, List, Membership, Prospect, World},
};
use std::collections::{BTreeMap, BTreeSet};

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

pub(super) fn before(story: &Story, world: &mut World) {
    for prior in &story.prospects {
        let nth = world.prospects.iter().filter(|p| p.email == prior.email).count();
        world.prospects.push(Prospect {
            email: prior.email.clone(),
            nth: u32::try_from(nth).unwrap_or(u32::MAX),
            fields: prior.fields.iter().cloned().collect(),
            source_campaigns: BTreeSet::new(),
        });
    }
}

/// What hangs on the campaigns of a world that holds the prospects of before.
pub(super) fn after(story: &Story, all: &[Met], world: &mut World) {
    let tied = world.campaigns.iter().map(|c| List { name: c.name.clone(), campaign: Some(c.name.clone()) });
    // S2-17, S2-49
    world.lists = tied.collect();
    submissions(story, all, world);
    let mapping = mapping(story);
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    for met in all {
        people.entry(met.registrant.email.clone()).or_default().take(story, met, &mapping);
    }
    for (email, person) in people {
        // A prospect that a form has made is the only one with its address.
        let made = || world.prospects.iter().find(|p| p.email == email).map(|p| p.nth);
        let nth = most_recently_active(&story.prospects, &email).or_else(made);
        let fields = person.fields.values();
        match nth {
            // S2-19, S2-74
            Some(nth) => {
                let prospect = world.prospects.iter_mut().find(|p| p.email == email && p.nth == nth);
                let prospect = prospect.expect("it was put there before");
                prospect.fields.extend(fields);
                // Of a form that came after a registration, the registration's will do.
                if !prospect.source_campaigns.is_empty() {
                    prospect.source_campaigns.extend(person.lists.iter().cloned());
                }
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
        // Where people register by forms of Account Engagement, nobody gets any: S2-57.
        if story.destination == Destination::AccountEngagementForms {
            continue;
        }
        world.activities.extend(person.activities.into_iter().map(|((kind, _), (at, value))| Activity {
            kind: kind.to_owned(),
            email: email.clone(),
            nth,
            value,
            at,
        }));
    }
}

/// What Account Engagement itself makes of the forms that people submit, whether somebody is registered by them or not: the prospect
/// has what was filled in, and one that is new has the form's campaign as its source. One of the customer's own, which Salesforce does
/// not know, counts for none.
fn submissions(story: &Story, all: &[Met], world: &mut World) {
    let mut acts: Vec<_> = story.acts.iter().collect();
    acts.sort_by_key(|act| act.at);
    for act in acts {
        let Happening::SubmitsForm { session, email, fields, .. } = &act.what else { continue };
        let email = plain(email);
        let campaign = session.as_ref().and_then(|session| all.iter().find(|met| met.session.name == *session));
        let made = || world.prospects.iter().find(|p| p.email == email).map(|p| p.nth);
        let nth = most_recently_active(&story.prospects, &email).or_else(made);
        match world.prospects.iter_mut().find(|p| p.email == email && Some(p.nth) == nth) {
            Some(prospect) => prospect.fields.extend(fields.iter().cloned()),
            None => world.prospects.push(Prospect {
                email,
                nth: 0,
                fields: fields.iter().cloned().collect(),
                source_campaigns: campaign.map(|met| met.campaign.clone()).into_iter().collect(),
            }),
        }
    }
}

/// Somebody by their address, over all sessions.
#[derive(Default)]
struct Person {
    lists: BTreeSet<String>,
    /// (Type, session id) -> (when, value). One registration is one fact, however often somebody leaves and comes back.
    activities: BTreeMap<(&'static str, String), (u64, String)>,
    fields: Fields,
}

impl Person {
    fn take(&mut self, story: &Story, met: &Met, mapping: &[(&str, &str)]) {
        let Met { session, registrant, id, campaign } = met;
        self.lists.insert(campaign.clone());
        let mut happens = |kind, at: u64, value: String| {
            self.activities.entry((kind, id.clone())).or_insert((story.begins_at + at, value));
        };
        // S2-21, S2-60
        happens(REGISTERED, registrant.at, id.clone());
        if let Some(end) = session.ended_at.filter(|_| session.has_attendance(registrant)) {
            match registrant.attendance {
                // S2-26, S2-28 to S2-30, S2-60 to S2-62
                Some(Attendance { seconds, messages, questions }) => {
                    happens(ATTENDED, end, id.clone());
                    happens(DURATION, end, seconds.to_string());
                    for (kind, count) in [(MESSAGES, messages), (QUESTIONS, questions)] {
                        if count > 0 {
                            happens(kind, end, count.to_string());
                        }
                    }
                }
                // S2-27
                None => happens(NOT_ATTENDED, end, id.clone()),
            }
        }
        if let Some(at) = registrant.watched_at.filter(|_| registrant.watching_is_told) {
            // S2-31, S2-32
            happens(if session.on_demand { WATCHED_ON_DEMAND } else { WATCHED_REPLAY }, at, id.clone());
        }
        self.fields.take(met, mapping.iter().copied());
    }
}

/// The defaults, and what the customer maps beyond them.
fn mapping(story: &Story) -> Vec<(&str, &str)> {
    let own = story.mapping.iter().map(|mapped| (mapped.source.as_str(), mapped.target.as_str()));
    DEFAULT_MAPPING.into_iter().chain(own).collect()
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
