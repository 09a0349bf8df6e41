//! The story as Livestorm has it: which acts could happen at all, and what each session and each registrant came to.
//!
//! Not here: what must come of it (`expect.rs`), and which way word of it went beyond whether any came.

use crate::{
    destination::Destination,
    story::{Happening, Story},
};

/// Seconds between the end of a session and the reading of who was there.
pub const READ_AFTER_END: u64 = 10 * 60;

#[derive(Debug)]
pub struct Session {
    pub name: String,
    pub title: String,
    pub on_demand: bool,
    /// Seconds since the story began, as all times here.
    pub created_at: u64,
    pub starts: Option<i64>,
    pub is_told: bool,
    pub ended_at: Option<u64>,
    /// Of the end, or of one person who attended: both bring the reading about.
    pub end_is_told: bool,
    pub registrants: Vec<Registrant>,
}

#[derive(Debug)]
pub struct Registrant {
    /// Without the case and the space that somebody typed.
    pub email: String,
    pub at: u64,
    pub answers: Vec<(String, String)>,
    pub utm: Vec<(String, String)>,
    pub team_member: bool,
    pub is_told: bool,
    pub left_at: Option<u64>,
    pub attendance: Option<Attendance>,
    /// The first time.
    pub watched_at: Option<u64>,
    /// Any time: word of a later one names the first.
    pub watching_is_told: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Attendance {
    pub seconds: u64,
    pub messages: u32,
    pub questions: u32,
}

impl Session {
    /// Whoever is found when it is read who was there.
    pub fn is_found(&self, person: &Registrant) -> bool {
        self.is_read_at().is_some_and(|read| person.at <= read && person.left_at.is_none_or(|left| left > read))
    }

    /// Attendance belongs to who registered in time.
    pub fn has_attendance(&self, person: &Registrant) -> bool {
        self.is_found(person) && self.ended_at.is_some_and(|end| person.at <= end)
    }

    fn is_read_at(&self) -> Option<u64> {
        self.ended_at.filter(|_| self.end_is_told).map(|end| end + READ_AFTER_END)
    }

    /// Who is registered now.
    fn registrant(&mut self, email: &str) -> Option<&mut Registrant> {
        let email = plain(email);
        self.registrants.iter_mut().find(|known| known.email == email && known.left_at.is_none())
    }
}

/// What Livestorm is told of whoever submits a form: the prospect's field and the question that it answers.
const TOLD: [(&str, &str); 5] = [
    ("firstName", "first_name"),
    ("lastName", "last_name"),
    ("company", "company"),
    ("jobTitle", "job_title"),
    ("phone", "phone_number"),
];

pub fn plain(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Sessions in the order in which they were made.
pub fn sessions(story: &Story) -> Vec<Session> {
    let mut acts: Vec<_> = story.acts.iter().collect();
    acts.sort_by_key(|act| act.at);
    let mut events: Vec<(&str, &str, bool)> = vec![];
    let mut sessions: Vec<Session> = vec![];
    for act in acts {
        let (at, is_told) = (act.at, Story::is_heard(act));
        let found = |name: &str| sessions.iter().position(|known| known.name == name);
        match &act.what {
            Happening::EventCreated { event, title, on_demand } => events.push((event, title, *on_demand)),
            Happening::SessionCreated { session, event, starts } => {
                let Some((_, title, on_demand)) = events.iter().rev().find(|(known, ..)| known == event) else {
                    continue;
                };
                sessions.push(Session {
                    name: session.clone(),
                    title: (*title).to_owned(),
                    on_demand: *on_demand,
                    created_at: at,
                    starts: *starts,
                    is_told,
                    ended_at: None,
                    end_is_told: false,
                    registrants: vec![],
                });
            }
            Happening::Registered { session, email, answers, utm, team_member } => {
                let Some(session) = found(session).map(|n| &mut sessions[n]) else { continue };
                if session.registrant(email).is_none() {
                    session.registrants.push(Registrant {
                        email: plain(email),
                        at,
                        answers: answers.clone(),
                        utm: utm.clone(),
                        team_member: *team_member,
                        is_told,
                        left_at: None,
                        attendance: None,
                        watched_at: None,
                        watching_is_told: false,
                    });
                }
            }
            // S2-55, S2-56: registered by the connector, which knows of it by itself; but for the team.
            Happening::SubmitsForm { session: Some(session), email, fields, .. }
                if story.destination == Destination::AccountEngagementForms =>
            {
                let Some(session) = found(session).map(|n| &mut sessions[n]) else { continue };
                let is_of_the_team = story.team.iter().any(|member| plain(member) == plain(email));
                if is_of_the_team || session.registrant(email).is_some() {
                    continue;
                }
                let told = |(field, value): &(String, String)| {
                    let question = TOLD.iter().find(|(known, _)| known == field)?.1;
                    Some((question.to_owned(), value.clone()))
                };
                session.registrants.push(Registrant {
                    email: plain(email),
                    at,
                    answers: fields.iter().filter_map(told).collect(),
                    utm: vec![],
                    team_member: false,
                    is_told: true,
                    left_at: None,
                    attendance: None,
                    watched_at: None,
                    watching_is_told: false,
                });
            }
            Happening::SubmitsForm { .. } => {}
            // It makes nothing come about that its end does not.
            Happening::SessionStarted { .. } => {}
            Happening::SessionEnded { session } => {
                let Some(session) = found(session).map(|n| &mut sessions[n]) else { continue };
                if !session.on_demand && session.ended_at.is_none() {
                    session.ended_at = Some(at);
                    session.end_is_told |= is_told;
                }
            }
            Happening::Attends { session, email, seconds, messages, questions } => {
                let Some(session) = found(session).map(|n| &mut sessions[n]) else { continue };
                if session.on_demand || session.ended_at.is_some() {
                    continue;
                }
                let Some(person) = session.registrant(email) else { continue };
                person.attendance = Some(Attendance { seconds: *seconds, messages: *messages, questions: *questions });
                session.end_is_told |= is_told;
            }
            Happening::WatchesReplay { session, email } => {
                let Some(session) = found(session).map(|n| &mut sessions[n]) else { continue };
                if !session.on_demand && session.ended_at.is_none() {
                    continue;
                }
                let Some(person) = session.registrant(email) else { continue };
                person.watched_at.get_or_insert(at);
                person.watching_is_told |= is_told;
            }
            Happening::Leaves { session, email } => {
                let Some(session) = found(session).map(|n| &mut sessions[n]) else { continue };
                if let Some(person) = session.registrant(email) {
                    person.left_at = Some(at);
                }
            }
        }
    }
    sessions
}
