//! Events, sessions, who registered and was there, and webhooks with what is posted to them.

use super::markup::{
    Cell, Tone, above, address, badge, badges, bare_table, card, code, counted, empty_card, escaped, fields, folded,
    grouped, lasting, maybe, nothing, shown, strong, table, text, time,
};
use crate::{
    clock::Timestamp,
    simulators::{
        lagged::Lagged,
        livestorm::DeliveryOutcome,
        livestorm::{
            Livestorm, Registration, Role, Session,
            deliveries::{DeliverySeen, End},
        },
        world::World,
    },
};
use std::time::Duration;

/// Sessions whose people are listed.
const ROOMS_MAX: usize = 20;

pub fn cards(world: &World, now: Timestamp) -> Vec<String> {
    let livestorm = &world.livestorm;
    vec![
        events(livestorm, now),
        sessions(livestorm, now),
        registrants(livestorm, now),
        webhooks(livestorm),
        deliveries(world),
    ]
}

fn status(status: &str) -> Cell {
    let tone = match status {
        "live" => Tone::Good,
        "upcoming" | "on_demand" => Tone::Info,
        "canceled" | "cancelled" => Tone::Bad,
        "past_not_started" => Tone::Warn,
        _ => Tone::Quiet,
    };
    badge(tone, status.replace('_', "\u{a0}"))
}

fn people<'a>(livestorm: &'a Livestorm, session: &str) -> impl DoubleEndedIterator<Item = &'a Lagged<Registration>> {
    let all = livestorm.registrations.get(session).map_or(&[][..], Vec::as_slice);
    all.iter()
}

fn registered(livestorm: &Livestorm, session: &str) -> usize {
    people(livestorm, session).filter(|person| !person.now().is_removed).count()
}

fn were_there(livestorm: &Livestorm, session: &str) -> usize {
    people(livestorm, session).filter(|person| person.now().attendance.is_some()).count()
}

fn events(livestorm: &Livestorm, now: Timestamp) -> String {
    let all: Vec<_> = livestorm.events.all().rev().collect();
    let columns = ["Event", "Status", "Sessions", "Asks for", "Published"];
    let empty = "No events. A scenario brings some, or <code>POST /v1/events</code>.";
    table("Events", "", empty, &columns, &all, |event| {
        let sessions = livestorm.sessions.all().filter(|session| session.event_id == event.id).count();
        let asks = event.fields.iter().map(|field| field.id.as_str()).collect::<Vec<_>>().join(", ");
        let tags = event.tags.iter().map(|tag| badge(Tone::Quiet, &tag.title));
        let title = above(strong(&event.title), &event.id);
        let title = if event.tags.is_empty() { title } else { Cell(format!("{} {}", title.0, badges(tags).0)) };
        let published = match event.published_at {
            None => badge(Tone::Quiet, "draft"),
            at => time(at),
        };
        vec![title, status(livestorm.scheduling_status(event, now)), text(sessions), text(asks), published]
    })
}

fn title(livestorm: &Livestorm, session: &Session) -> String {
    livestorm.events.now(&session.event_id).map(|event| event.title.clone()).unwrap_or_default()
}

fn sessions(livestorm: &Livestorm, now: Timestamp) -> String {
    let all: Vec<_> = livestorm.sessions.all().rev().collect();
    let columns = ["Session of", "Status", "Planned", "Began", "Ended", "Registered", "Attended"];
    let empty = "No sessions. An event has some once they are scheduled: <code>POST /v1/events/{id}/sessions</code>.";
    table("Sessions", "", empty, &columns, &all, |session| {
        vec![
            above(strong(title(livestorm, session)), session.name.as_deref().unwrap_or_default()),
            status(livestorm.session_status(session, now)),
            time(session.estimated_started_at),
            time(session.started_at),
            time(session.ended_at),
            text(grouped(registered(livestorm, &session.id))),
            text(grouped(were_there(livestorm, &session.id))),
        ]
    })
}

fn registrants(livestorm: &Livestorm, now: Timestamp) -> String {
    let rooms: Vec<_> =
        livestorm.sessions.all().rev().filter(|session| people(livestorm, &session.id).next().is_some()).collect();
    let total: usize = rooms.iter().map(|session| registered(livestorm, &session.id)).sum();
    let room = |(index, session): (usize, &&Session)| {
        let all: Vec<_> = people(livestorm, &session.id).rev().collect();
        let title = title(livestorm, session);
        let begins = session
            .estimated_started_at
            .map_or_else(|| "on demand".to_owned(), |at| at.utc().format("%d %b %H:%M").to_string());
        let summary = format!(
            "<strong>{}</strong> <span class=\"soft\">{begins} · {} registered, {} attended</span>",
            shown(&title),
            grouped(registered(livestorm, &session.id)),
            grouped(were_there(livestorm, &session.id))
        );
        let columns = ["Person", "Registered", "Answers", "Attendance", "Replay"];
        let caption = format!("Registrants of {title}, {begins}, newest first");
        let body = bare_table(&caption, &columns, &all, |known| {
            let person = known.now();
            let name = format!("{} {}", person.first_name, person.last_name);
            let mut who =
                above(strong(if name.trim().is_empty() { &person.email } else { name.trim() }), &person.email);
            if person.role == Role::TeamMember {
                who.0 += &badge(Tone::Quiet, "team member").0;
            }
            if person.is_removed {
                who.0 += &badge(Tone::Bad, "removed").0;
            }
            let answers = person.fields.iter().filter(|(name, value)| {
                !value.is_null() && !matches!(name.as_str(), "email" | "first_name" | "last_name")
            });
            vec![
                who,
                time(Some(person.created_at)),
                fields(answers.map(|(name, value)| (name, value))),
                attendance(livestorm, session, known, now),
                time(person.replay_watched_at),
            ]
        });
        folded(&format!("people-{}", session.id), index == 0, &summary, &body)
    };
    let body: String = rooms.iter().take(ROOMS_MAX).enumerate().map(room).collect();
    let left_out = match rooms.len().saturating_sub(ROOMS_MAX) {
        0 => String::new(),
        more => format!(
            "<p class=\"more\">And those of {}, which are not shown.</p>",
            counted(more, "earlier session", "earlier sessions")
        ),
    };
    if rooms.is_empty() {
        let empty =
            "Nobody has registered. A scenario lets people, and so does <code>POST /v1/sessions/{id}/people</code>.";
        return empty_card("Registrants", empty);
    }
    card("Registrants", "", Some(total), &format!("{body}{left_out}"))
}

fn attendance(livestorm: &Livestorm, session: &Session, known: &Lagged<Registration>, now: Timestamp) -> Cell {
    let person = known.now();
    let Some(there) = &person.attendance else {
        return match session.ended_at {
            _ if livestorm.is_in_the_room(person) => badge(Tone::Good, "in the room"),
            Some(_) => badge(Tone::Quiet, "not there"),
            None => nothing(),
        };
    };
    let rate = person.attendance_rate.map_or(String::new(), |rate| format!(" · {rate} %"));
    let said = badge(Tone::Good, format!("{}{rate}", lasting(Duration::from_secs(there.seconds))));
    let counts = [
        (there.messages, "message", "messages"),
        (there.questions, "question", "questions"),
        (there.votes, "vote", "votes"),
    ];
    let counts = counts.iter().filter(|(count, ..)| *count > 0);
    let mut more: Vec<_> =
        counts.map(|(count, one, many)| counted(usize::try_from(*count).unwrap_or(usize::MAX), one, many)).collect();
    if known.at(now).is_none_or(|told| told.attendance.is_none()) {
        more.push("the API does not tell it yet".into());
    }
    above(said, more.join(", "))
}

fn webhooks(livestorm: &Livestorm) -> String {
    let by_rest = livestorm.subscriptions.all().filter(|known| !known.is_deleted);
    let by_rest = by_rest.map(|known| (&known.url, Some(known.event.as_str()), "REST", known.is_disabled));
    let native = livestorm.native_webhooks().iter();
    let native = native.map(|known| (&known.url, known.event.as_deref(), "by hand", known.is_disabled));
    let all: Vec<_> = by_rest.chain(native).collect();
    let empty = "None. <code>POST /v1/webhooks</code> subscribes; <code>POST /simulators/livestorm/native_webhooks</code> \
                 sets one up as by hand in Livestorm’s own app.";
    table("Webhooks", "", empty, &["Event", "Goes to", "Set up", "State"], &all, |(url, event, how, is_disabled)| {
        let state = match is_disabled {
            true => badge(Tone::Bad, "disabled"),
            false => badge(Tone::Good, "active"),
        };
        vec![code(event.unwrap_or("all events")), code(address(url)), text(how), state]
    })
}

fn deliveries(world: &World) -> String {
    let seen = world.deliveries_seen();
    let pending = seen.pending.len();
    let all: Vec<_> = seen.pending.iter().chain(seen.ended.iter().rev()).collect();
    let columns = ["Event", "Goes to", "Happened", "Attempts", "Outcome"];
    let empty = "None. What happens is written down here for each webhook that hears of it.";
    let mut html = table("Webhook deliveries", "", empty, &columns, &all, |delivery| {
        vec![
            code(delivery.event),
            code(address(&delivery.url)),
            time(Timestamp::parse(&delivery.happened_at)),
            attempts(delivery),
            delivered(delivery),
        ]
    });
    if pending > 0 || seen.not_kept > 0 {
        let dropped = match seen.not_kept {
            0 => String::new(),
            count => format!(", {} could not be kept", grouped(count)),
        };
        let said = format!(
            "</h3><p class=\"soft\">{} pending{dropped}; those first, then the ended, newest first.</p>",
            grouped(pending)
        );
        html = html.replacen("</h3>", &said, 1);
    }
    html
}

fn attempts(delivery: &DeliverySeen) -> Cell {
    let one = |attempt: &crate::simulators::livestorm::deliveries::Attempt| {
        let at = Timestamp::parse(&attempt.at).map(|at| at.utc().format("%H:%M:%S").to_string());
        let at = format!("<time datetime=\"{}\">{}</time>", escaped(&attempt.at), at.unwrap_or_default());
        let (tone, what) = match attempt.outcome {
            None => (Tone::Info, "under way".into()),
            Some(DeliveryOutcome::Answered(status @ 200..=299)) => (Tone::Good, status.to_string()),
            Some(DeliveryOutcome::Answered(status)) => (Tone::Bad, status.to_string()),
            Some(DeliveryOutcome::TimedOut) => (Tone::Bad, "timed out".into()),
            Some(DeliveryOutcome::NoAnswer) => (Tone::Bad, "no answer".into()),
        };
        Cell(format!("<span class=\"attempt\">{at} {}</span>", badge(tone, what).0))
    };
    badges(delivery.attempts.iter().map(one))
}

fn delivered(delivery: &DeliverySeen) -> Cell {
    match delivery.end {
        Some(End::Delivered) => badge(Tone::Good, "delivered"),
        Some(End::GivenUp) => badge(Tone::Warn, "given up"),
        Some(End::Failed) => above(badge(Tone::Bad, "failed"), "its webhook is disabled"),
        Some(End::Dropped) => above(badge(Tone::Quiet, "dropped"), "with its webhook"),
        None if delivery.attempts.last().is_some_and(|last| last.outcome.is_none()) => badge(Tone::Info, "under way"),
        None => {
            let due = maybe(
                delivery
                    .due_at
                    .as_deref()
                    .and_then(Timestamp::parse)
                    .map(|at| at.utc().format("%d %b %H:%M:%S").to_string()),
            );
            Cell(format!(
                "{}<small>due {}</small>",
                badge(if delivery.attempts.is_empty() { Tone::Info } else { Tone::Warn }, "pending").0,
                due.0
            ))
        }
    }
}
