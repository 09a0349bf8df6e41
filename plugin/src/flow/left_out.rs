//! Who is left out of the destinations (RULES 14), each with a line that says whom and why.

use crate::{
    call::ACCOUNT_ENGAGEMENT,
    domain::{
        email::Email,
        registrant::{Registration, Role},
    },
    host::{Action, Subject},
    livestorm::team::Team,
    settings::LeftOut,
    text::lower,
    work::Work,
};

/// Livestorm gives such addresses to people of public events.
const ANONYMOUS: &str = "unknown.livestorm.co";

#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    pub code: &'static str,
    pub reason: String,
}

/// `team`: none where it need not or could not be asked.
pub fn why(registration: &Registration, settings: &LeftOut, team: Option<&Team>) -> Option<Why> {
    let why = |code, reason: &str| Some(Why { code, reason: reason.into() });
    if registration.role == Some(Role::TeamMember) {
        return Some(team_member());
    }
    if settings.guest_speakers && registration.guest_speaker == Some(true) {
        return why("left-out-guest-speaker", "the settings leave out guest speakers");
    }
    let Some(email) = &registration.email else {
        let problem = registration.email_problem.as_deref().unwrap_or("there is none");
        return why("left-out-no-address", &format!("there is no usable e-mail address: {problem}"));
    };
    if email.domain() == ANONYMOUS {
        return why("left-out-anonymous", "the address is one that Livestorm made for an anonymous participant");
    }
    if settings.addresses.iter().any(|address| Email::parse(address).as_ref() == Ok(email)) {
        return why("left-out-address", "the settings leave out this address");
    }
    if let Some(domain) = settings.domains.iter().find(|domain| is_of(email, domain)) {
        return why("left-out-domain", &format!("the settings leave out {domain}"));
    }
    if registration.role.is_none() && team.is_some_and(|team| team.has(email)) {
        return Some(team_member());
    }
    None
}

/// Of the team: told by the delivery, by the list of users, or by the row that told the time.
pub fn team_member() -> Why {
    Why { code: "left-out-team-member", reason: "this is a member of the Livestorm team".into() }
}

/// A domain itself and everything below it.
fn is_of(email: &Email, domain: &str) -> bool {
    let domain = lower(domain.trim().trim_start_matches('@'));
    email.domain() == domain || email.domain().strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

pub fn tell(work: &Work<'_>, registration: &Registration, why: &Why) {
    let subject = Subject::person(registration.person());
    let message =
        format!("{} registered for {} and is left out: {}", registration.person(), registration.event(), why.reason);
    work.info(why.code, &message, Some(subject.clone()));
    work.changed(ACCOUNT_ENGAGEMENT, "Prospect", None, Action::LeftOut, &subject, &why.reason);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::registration;

    #[test]
    fn each_who_is_left_out_has_a_reason() {
        let settings = LeftOut {
            addresses: vec!["Boss@Example.com".into()],
            domains: vec!["@Staff.example.org".into()],
            guest_speakers: true,
        };
        let check = |change: fn(&mut Registration), code: Option<&str>| {
            let mut registration = registration("S1", "ana@example.org");
            change(&mut registration);
            assert_eq!(why(&registration, &settings, None).map(|why| why.code), code, "{registration:?}");
            let told = code
                .filter(|code| ["left-out-team-member", "left-out-no-address", "left-out-anonymous"].contains(code));
            assert_eq!(why(&registration, &LeftOut::default(), None).map(|why| why.code), told, "{registration:?}");
        };
        check(|_| {}, None);
        check(|r| r.role = None, None);
        check(|r| r.role = Some(Role::Other("guest_speaker".into())), None);
        check(|r| r.role = Some(Role::TeamMember), Some("left-out-team-member"));
        check(|r| r.guest_speaker = Some(false), None);
        check(|r| r.guest_speaker = Some(true), Some("left-out-guest-speaker"));
        check(|r| r.email = None, Some("left-out-no-address"));
        check(|r| r.email = Email::parse("1700000000+x@unknown.livestorm.co").ok(), Some("left-out-anonymous"));
        check(|r| r.email = Email::parse("boss@example.com").ok(), Some("left-out-address"));
        check(|r| r.email = Email::parse("eve@staff.example.org").ok(), Some("left-out-domain"));
        check(|r| r.email = Email::parse("eve@oslo.staff.example.org").ok(), Some("left-out-domain"));
        check(|r| r.email = Email::parse("eve@notstaff.example.org").ok(), None);
    }
}
