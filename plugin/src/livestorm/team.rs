//! Who belongs to the customer's team. The legacy body does not say it, so `GET /users` is read, at most once a day
//! (RULES 14). Remembered as digests: nothing personal is kept for people who are left out anyway.

use super::{
    calls::USERS,
    errors::{Read, person, read_all},
};
use crate::{
    domain::email::Email,
    host::{DAY, Entry, HOUR, Instant},
    plain::{from_text, to_text},
    stop::{Doing, Stop},
    text,
    work::Work,
};

const KEY: &str = "team";
/// An entry of the state has at most 64 KiB, a digest 19 bytes of it.
const MEMBERS_MAX: usize = 3_000;

/// The team as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Team {
    read_again_at: Instant,
    members: Vec<String>,
}

plain!(Team { read_again_at, members });

impl Team {
    pub fn has(&self, email: &Email) -> bool {
        self.members.contains(&mark(email))
    }
}

fn mark(email: &Email) -> String {
    text::digest([email.as_str()])[..16].to_string()
}

/// The team as of today. Where it may not be read: one warning, and nobody is known to belong to it.
pub async fn today(work: &Work<'_>) -> Result<Team, Stop> {
    let now = work.now();
    let known = work.host.get(KEY).and_then(|text| from_text::<Team>(&text).ok());
    if let Some(team) = known.filter(|team| now < team.read_again_at) {
        return Ok(team);
    }
    let doing = Doing { what: "see who belongs to the team", whom: "the Livestorm workspace" };
    let team = match read_all(work, &USERS, &[], &[], &doing).await? {
        Ok(rows) => {
            let members: Vec<String> = rows.iter().filter_map(person).map(|(email, _)| mark(&email)).collect();
            if members.len() > MEMBERS_MAX {
                let message = format!("The team has {} members; the first {MEMBERS_MAX} are left out.", members.len());
                work.warn("team-cut", &message, None);
            }
            Team { read_again_at: now + DAY, members: members.into_iter().take(MEMBERS_MAX).collect() }
        }
        Err(Read::NotAllowed(said)) => without(work, &said, now + DAY),
        Err(Read::SignedOut(_)) => without(work, "the token was refused", now + HOUR),
        Err(other) => return Err(other.stop(now, &doing)),
    };
    let value = to_text(&team);
    work.host.set(Entry { key: KEY.into(), value, subject: None });
    Ok(team)
}

fn without(work: &Work<'_>, said: &str, read_again_at: Instant) -> Team {
    let said = said.trim_end_matches('.');
    let message = format!(
        "The team members of the Livestorm workspace cannot be read: {said}. Team members who register are not left out \
         until then. Give the token read access to Admin, or list addresses or domains under /left_out in the settings."
    );
    work.warn("team-unknown", &message, None);
    Team { read_again_at, members: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{HttpError, Level},
        story::state::{sample, says},
        test_host::{TestHost, answer, ok, on_host},
    };
    use serde_json::json;

    #[test]
    fn the_team_is_read_page_by_page_and_once_a_day() {
        let host = TestHost::new(1_000, |request| {
            let page = &request.query[0];
            assert_eq!(page.0, "page[number]");
            let email = format!("Member{}@Example.org", page.1);
            let next = (page.1 == "0").then_some(1);
            ok(&json!({"data": [{"attributes": {"email": email}}, {"attributes": {"email": null}}, {}],
                "meta": {"next_page": next}})
            .to_string())
        });
        for _ in 0..2 {
            let team = on_host(&host, async |work| today(work).await).unwrap();
            assert!(["member0@example.org", "member1@example.org"].iter().all(|e| team.has(&Email::parse(e).unwrap())));
            assert!(!team.has(&Email::parse("ana@example.org").unwrap()));
        }
        assert_eq!(host.requests().len(), 2);
        host.set_now(1_000 + DAY);
        on_host(&host, async |work| today(work).await).unwrap();
        assert_eq!(host.requests().len(), 4);
        assert!(!host.state(KEY).unwrap().contains("example.org"));
    }

    #[test]
    fn a_team_that_may_not_be_read_is_one_warning_a_day() {
        let host = TestHost::new(0, |_| answer(403, "{}"));
        on_host(&host, async |work| today(work).await).unwrap();
        on_host(&host, async |work| today(work).await).unwrap();
        assert_eq!(host.lines(Level::Warning), ["team-unknown"]);
        let host = TestHost::new(0, |_| Err(HttpError::Unauthorized("no scope".into())));
        assert!(on_host(&host, async |work| today(work).await).is_ok());
        let host = TestHost::new(0, |_| answer(503, "<html>"));
        assert!(matches!(on_host(&host, async |work| today(work).await), Err(Stop::Later(_))));
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_the_team_is_still_read() {
        let boss = Email::parse("boss@example.org").unwrap();
        let team = Team { read_again_at: 1_644_932_400_000, members: vec![mark(&boss)] };
        says("people", KEY, &team);
        assert!(from_text::<Team>(sample("people", KEY)).unwrap().has(&boss));
    }
}
