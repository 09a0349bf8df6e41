//! Which sessions get a campaign (RULES 7, 8). Judged once, by the session's own data, and remembered.
//!
//! | the session                                              | gets a campaign                |
//! |----------------------------------------------------------|--------------------------------|
//! | was made before the installation was switched on         | no, but on request (`fill.rs`) |
//! | is a breakout room                                       | no                             |
//! | was past when it was made                                | no                             |
//! | is cancelled, or was never started, when first seen      | no                             |
//! | any other, a draft and one on demand included            | yes                            |

use crate::{
    calendar::moment,
    domain::session::{Session, Status},
    host::{Instant, SECOND},
};

/// Why a session gets no campaign.
pub fn why_not(session: &Session, activated_at: Instant) -> Option<String> {
    let Some(created_at) = session.created_at else {
        return Some("Livestorm does not say when it was created".into());
    };
    if created_at / SECOND < activated_at / SECOND {
        let (created, activated) = (moment(created_at), moment(activated_at));
        return Some(format!("it was created {created}, before the connector was switched on ({activated})"));
    }
    if let Some(parent) = &session.breakout_of {
        return Some(format!("it is a breakout room of session {parent}"));
    }
    if let Some(starts_at) = session.estimated_started_at
        && session.status != Status::OnDemand
        && starts_at < created_at
    {
        return Some("it was past already when it was created".into());
    }
    match session.status {
        Status::Canceled => Some("it is cancelled".into()),
        Status::PastNotStarted => Some("its date went by and it was never started".into()),
        Status::Draft | Status::Upcoming | Status::Live | Status::OnDemand | Status::Past | Status::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::SessionId;

    /// S1-13, S2-41.
    #[test]
    fn the_table_holds_row_by_row() {
        let base = Session {
            id: SessionId::parse("S1").unwrap(),
            event_id: None,
            status: Status::Draft,
            created_at: Some(1_000_000),
            estimated_started_at: Some(2_000_000),
            ended_at: None,
            breakout_of: None,
            updated_at: None,
        };
        let check = |session: Session, activated_at: Instant, said: Option<&str>| {
            let why = why_not(&session, activated_at);
            match said {
                None => assert_eq!(why, None, "{session:?}"),
                Some(said) => assert!(why.as_ref().is_some_and(|why| why.contains(said)), "{session:?}: {why:?}"),
            }
        };
        check(base.clone(), 0, None);
        check(base.clone(), 1_000_999, None);
        check(base.clone(), 1_001_000, Some("before the connector was switched on"));
        check(Session { created_at: None, ..base.clone() }, 0, Some("does not say"));
        check(Session { breakout_of: Some("S0".into()), ..base.clone() }, 0, Some("breakout room of session S0"));
        check(Session { estimated_started_at: Some(999_999), ..base.clone() }, 0, Some("past already"));
        check(Session { estimated_started_at: Some(1_000_000), ..base.clone() }, 0, None);
        check(Session { estimated_started_at: Some(1), status: Status::OnDemand, ..base.clone() }, 0, None);
        check(Session { estimated_started_at: None, ..base.clone() }, 0, None);
        check(Session { status: Status::Canceled, ..base.clone() }, 0, Some("cancelled"));
        check(Session { status: Status::PastNotStarted, ..base.clone() }, 0, Some("never started"));
        // Past now, but not when it was made: the hour of handling decides nothing.
        check(Session { status: Status::Past, ..base.clone() }, 0, None);
        check(Session { status: Status::Other("rehearsal".into()), ..base }, 0, None);
    }
}
