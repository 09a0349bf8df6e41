//! What becomes of one person in one session in Account Engagement: a prospect with the mapped fields, in the session's list, with
//! the activities of what they did (S2-18 to S2-24).
//!
//! Promises: one person's tasks are handled one after another, different people's side by side. Not here: which activities
//! (`activities.rs`).

use super::{
    activities,
    people::{Ends, Told},
};
use crate::{
    account_engagement::{
        activity::Activity,
        external_activity,
        list_membership::{self, Joined, Place},
        prospect::{self, Chosen, Wanted},
    },
    domain::{email::Email, session::SessionId},
    executor::{self, Flow},
    host::{Completion, Instant, MINUTE, SECOND, Subject},
    mapping::{self, newest::News, source_path::Occasion, target_field::Object},
    stop::{Doing, Stop},
    text::fit,
    values::Values,
    work::Work,
};

/// People side by side: 50 are some 250 requests, which the pace of a business unit lets out within a run.
const PEOPLE_MAX: usize = 50;
/// After so long no more of them are begun: what is begun has the rest of the call's time.
const BEGIN_WITHIN: u64 = 20 * SECOND;

/// All tasks of these people, each person's together.
pub fn write(work: &Work<'_>, people: Vec<Vec<Told>>) -> Ends {
    let begun_at = work.now();
    let (mut ends, mut people) = (Ends::new(), people.into_iter().peekable());
    while people.peek().is_some() {
        let some: Vec<Vec<Told>> = people.by_ref().take(PEOPLE_MAX).collect();
        if work.now() < begun_at + BEGIN_WITHIN {
            ends.extend(side_by_side(work, some));
            continue;
        }
        for told in some.iter().flatten() {
            let doing = Doing { what: "write the prospect", whom: told.email.as_str() };
            ends.push((told.id, Err(doing.later(work.now() + SECOND, "others are written first"))));
        }
    }
    ends
}

/// Whether a registration was told before.
pub fn is_known(work: &Work<'_>, session: &SessionId, email: &Email) -> bool {
    list_membership::is_noted(work, session, email)
}

pub fn has_attended(work: &Work<'_>, session: &SessionId, email: &Email) -> bool {
    external_activity::was_told(work, session, email, Activity::Attended)
}

fn side_by_side(work: &Work<'_>, people: Vec<Vec<Told>>) -> Ends {
    let flow = |tasks: Vec<Told>| -> Flow<'_, Ends> {
        Box::pin(async move {
            let mut ends = Vec::new();
            for told in tasks {
                ends.push((told.id, person(work, &told).await));
            }
            ends
        })
    };
    let flows = people.into_iter().map(flow).collect();
    work.waves.run(work.host, work.context.limits.wave, flows).into_iter().flatten().collect()
}

/// The whole rule for one task: prospect, list, activities. At most four calls for a registration, five for somebody who
/// attended and two for an absent person (RULES 25), where the prospect is known and nothing is refused.
async fn person(work: &Work<'_>, told: &Told) -> Result<Completion, Stop> {
    let (session, email, with) = (told.session(), &told.email, &told.with);
    if told.is_removal {
        let place = Place { session, list: &with.list, name: &with.name, linked_at: with.linked_at };
        list_membership::leave(work, &place, email).await?;
        return Ok(Completion::default());
    }
    let mapped: Vec<(Values, Instant)> =
        told.occasions.iter().map(|(occasion, at)| (mapped(work, email, &told.sources, *occasion), *at)).collect();
    let read_at = told.read_at();
    let news = mapped.iter().map(|(values, at)| News { values, at: *at, session: session.as_str(), read_at }).collect();
    let typed = told.person.registration.email_as_typed.as_deref();
    let wanted = Wanted { email, typed, news, campaign: &with.campaign, is_known: told.is_known() };
    let place = Place { session, list: &with.list, name: &with.name, linked_at: with.linked_at };
    let doing = Doing { what: "add to the session's list", whom: email.as_str() };
    // RULES 19: where people register by forms of Account Engagement nobody gets any, whichever form they came by.
    let activities = match work.settings.registers_from_forms() {
        true => Vec::new(),
        false => activities::of(work, &told.person, told.registered_at, &told.sources, email, with.is_on_demand),
    };
    let mut gone = Vec::new();
    let not_back = loop {
        let chosen = prospect::ensure(work, &wanted, &mut gone).await?;
        let not_back = match list_membership::join(work, &place, email, &chosen.id).await? {
            Joined::Yes => None,
            Joined::NotBack(stop) => Some(stop),
            Joined::ProspectGone(error) if chosen.is_young => {
                return Err(doing.later(work.now() + MINUTE, &format!("the prospect is very young ({})", error.said())));
            }
            Joined::ProspectGone(error) if !gone.is_empty() => return Err(error.stop(work.now(), &doing)),
            Joined::ProspectGone(_) => {
                gone.push(chosen.id);
                continue;
            }
        };
        if tell(work, session, email, &activities, &chosen, gone.is_empty()).await? {
            break not_back;
        }
        gone.push(chosen.id);
    };
    if let Some(stop) = not_back {
        return Err(stop);
    }
    // The activity's entry is the fact from here on.
    told.forget_time(work);
    Ok(Completion::default())
}

/// All activities side by side. False: the prospect is there no more.
async fn tell(
    work: &Work<'_>,
    session: &SessionId,
    email: &Email,
    told: &[activities::Told],
    prospect: &Chosen,
    may_be_gone: bool,
) -> Result<bool, Stop> {
    let one = |told: &activities::Told| -> Flow<'_, Result<external_activity::Told, Stop>> {
        let activities::Told { activity, value, at } = told.clone();
        Box::pin(async move {
            let Chosen { address, is_young: prospect_is_young, .. } = prospect;
            let prospect_is_young = *prospect_is_young;
            let one =
                external_activity::One { session, email, address, activity, value: &value, at, prospect_is_young };
            external_activity::tell(work, &one, may_be_gone && !prospect_is_young).await
        })
    };
    let ends = executor::all(told.iter().map(one).collect()).await;
    let ends = ends.into_iter().collect::<Result<Vec<_>, Stop>>()?;
    Ok(ends.iter().all(|end| *end == external_activity::Told::Yes))
}

/// What is written at an occasion. What cannot be used is told, and the rest is written.
fn mapped(work: &Work<'_>, email: &Email, sources: &Values, occasion: Occasion) -> Values {
    let (values, unwritten) = mapping::values(&work.settings.mapping, Object::Prospect, sources, occasion);
    // One line a person: a run may have a thousand.
    if !unwritten.is_empty() {
        let fields: Vec<String> = unwritten.iter().map(|one| format!("{} ({})", one.target, one.why)).collect();
        let message = format!(
            "Of {email} is left as it is: {}. Correct the mapping, or the answer in Livestorm.",
            fit(&fields.join(", "), 700)
        );
        work.warn("value-not-written", &message, Some(Subject::person(email.as_str())));
    }
    values
}
