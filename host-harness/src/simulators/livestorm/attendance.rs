//! Who was in the room, for how long, and what they did there. Tables 2.3 and 2.4 of the vendor's people
//! (<https://developers.livestorm.co/docs/objects>): attendance stands in `registrant_detail`, the counts beside it [confirmed].
//!
//! Promises: nobody is told before the session has ended; readers are told `attendance_ready_seconds` after that, as the
//! help page says "wait for a few minutes" (<https://support.livestorm.co/article/275-connect-livestorm-and-pardot>);
//! seconds are kept as given, and may exceed the session's [confirmed]. An on-demand session has no attendance [inferred].

use super::{Livestorm, Occurrence, Registration, Role};
use crate::{clock::Timestamp, simulators::unknowns::LivestormUnknowns};
use std::time::Duration;

/// What one person did in one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attendance {
    pub seconds: u64,
    /// Percent. Left out: the share of the session, at most 100.
    pub rate: Option<u32>,
    pub messages: u32,
    pub questions: u32,
    pub votes: u32,
    pub up_votes: u32,
}

impl Livestorm {
    /// Somebody is in the room, which readers learn after the end; after the end it corrects what is there. `false` where
    /// nobody of that id is registered, or the session is on demand.
    pub fn attend(
        &mut self,
        session: &str,
        person: &str,
        attendance: Attendance,
        unknowns: &LivestormUnknowns,
    ) -> bool {
        if self.is_on_demand(session) || self.registration(session, person).is_none() {
            return false;
        }
        let ended_at = self.sessions.now(session).and_then(|session| session.ended_at);
        self.in_the_room.insert((session.to_owned(), person.to_owned()), attendance);
        if let Some(ended_at) = ended_at {
            let ready_at = ended_at.plus(Duration::from_secs(unknowns.attendance_ready_seconds));
            self.tell_attendance(session, ready_at.max(self.clock.now()), unknowns);
        }
        true
    }

    /// Who has joined and is not told of yet.
    pub(in crate::simulators) fn is_in_the_room(&self, person: &Registration) -> bool {
        self.in_the_room.contains_key(&(person.session_id.clone(), person.person_id.clone()))
    }

    /// Of everybody who was in the room, from `ready_at` on.
    pub(super) fn tell_attendance(&mut self, session: &str, ready_at: Timestamp, unknowns: &LivestormUnknowns) {
        let now = self.clock.now();
        let length = self.sessions.now(session).and_then(|session| session.length()).unwrap_or(Duration::ZERO);
        let of_this = |(of, _): &(String, String)| of == session;
        let here: Vec<_> = self.in_the_room.extract_if(.., |key, _| of_this(key)).collect();
        for ((_, person), attendance) in here {
            self.change_registration(session, &person, ready_at, |registration| {
                registration.attendance_rate = Some(attendance.rate.unwrap_or(share(attendance.seconds, length)));
                registration.attendance = Some(attendance.clone());
                if unknowns.updated_at_moves {
                    registration.updated_at = now;
                }
            });
        }
    }

    /// The session's end, and from `ready_at` on who was there and who was not. A team member who stayed away is nobody who did
    /// not come [inferred].
    pub(super) fn end_happened(&mut self, session: &str, ready_at: Timestamp) {
        self.happened(&Occurrence::SessionEnded { session: session.to_owned() });
        let people: Vec<_> = self
            .people_of(session, Timestamp::MAX)
            .filter(|person| person.attendance.is_some() || person.role == Role::Participant)
            .map(|person| (person.person_id.clone(), person.attendance.is_some()))
            .collect();
        for (person, attended) in people {
            let session = session.to_owned();
            let occurrence = match attended {
                true => Occurrence::Attended { session, person },
                false => Occurrence::NotAttended { session, person },
            };
            self.happened_told_from(&occurrence, ready_at);
        }
    }

    /// `false` where there is no such registrant any more.
    pub(super) fn change_registration(
        &mut self,
        session: &str,
        person: &str,
        at: Timestamp,
        change: impl FnMut(&mut Registration),
    ) -> bool {
        let mut people = self.registrations.get_mut(session).into_iter().flatten();
        let found = people.find(|known| known.now().person_id == person && !known.now().is_removed);
        found.map(|registration| registration.change_from(at, change)).is_some()
    }
}

fn share(seconds: u64, length: Duration) -> u32 {
    let percent = (seconds * 100).checked_div(length.as_secs()).unwrap_or(100);
    u32::try_from(percent.min(100)).unwrap_or(100)
}
