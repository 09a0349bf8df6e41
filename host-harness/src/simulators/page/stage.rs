//! The clock, the scenario with what has happened and what is to come, the requests, and what is not as usual.

use super::{
    EMPTY, MOVES, NEXT,
    markup::{
        Cell, Tone, badge, bare_table, card, code, counted, escaped, grouped, lasting, shown, table, text, time,
        unbroken,
    },
};
use crate::{
    clock::Timestamp,
    simulators::{
        control::{OnStage, settings::Settings},
        faults::Fault,
        options::Options,
        request::Api,
        scenario::{Act, SCENARIOS, Scenario},
        unknowns::Unknowns,
        world::{SeenRequest, World},
    },
};
use serde::Serialize;
use serde_json::Value;
use std::sync::LazyLock;

/// By name, as people know them.
static TITLES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let title = |name: &str| Scenario::named(name).map_or_else(|_| name.to_owned(), |scenario| scenario.title);
    SCENARIOS.iter().map(|(name, _)| (*name, title(name))).collect()
});

pub fn clock(on_stage: &OnStage, now: Timestamp, query: &str) -> String {
    let mut moves: String = MOVES
        .iter()
        .map(|(seconds, label)| {
            let said = label.trim_start_matches('+');
            format!(
                "<button name=\"seconds\" value=\"{seconds}\" aria-label=\"Move the clock by {said}\">{label}</button>"
            )
        })
        .collect();
    let next = on_stage.due.front();
    let disabled = if next.is_none() { " disabled" } else { "" };
    moves +=
        &format!("<button class=\"first\" name=\"seconds\" value=\"{NEXT}\"{disabled}>To the next happening</button>");
    let next = match next {
        None => "Nothing more is to happen by itself.".into(),
        Some((at, happening)) => format!("Next, in {}: {}", lasting(at.since(now)), shown(&said(&happening.what))),
    };
    format!(
        "<div class=\"clock\"><p class=\"now\"><time datetime=\"{}\">{} <b>{}</b> <small>UTC</small></time></p>\
         <form method=\"post\" action=\"/simulators/page/clock{query}\" aria-label=\"Move the clock\">{moves}</form>\
         <p class=\"next\">{next}</p></div>",
        escaped(&now.to_string()),
        now.utc().format("%a %d %b %Y"),
        now.utc().format("%H:%M:%S"),
    )
}

pub fn scenario(on_stage: &OnStage, now: Timestamp, query: &str) -> String {
    let playing = on_stage.scenario.as_ref();
    let (title, about) = playing.map_or(
        ("No scenario", "The world began empty. Choose a scenario below, or let your own clients fill it."),
        |scenario| (scenario.title.as_str(), scenario.about.as_str()),
    );
    let options: String = TITLES
        .iter()
        .map(|(name, known)| {
            let selected = if playing.is_some_and(|scenario| scenario.title == *known) { " selected" } else { "" };
            format!("<option value=\"{name}\"{selected}>{}</option>", escaped(known))
        })
        .collect();
    let none = if playing.is_none() { " selected" } else { "" };
    let form = format!(
        "<form method=\"post\" action=\"/simulators/page/scenario{query}\" class=\"choose\"><label for=\"scenario\">Scenario</label>\
         <select id=\"scenario\" name=\"name\">{options}<option value=\"{EMPTY}\"{none}>None, an empty world</option></select>\
         <button>Begin anew with it</button></form>"
    );
    let to_come: Vec<_> = on_stage.due.iter().collect();
    let to_come = match to_come.is_empty() {
        true => {
            "<p class=\"empty\">Nothing. Acts by <code>POST /simulators/livestorm/…</code> happen at once.</p>".into()
        }
        false => bare_table("Still to come, soonest first", &["When", "In", "What"], &to_come, |(at, happening)| {
            vec![time(Some(*at)), unbroken(lasting(at.since(now))), text(said(&happening.what))]
        }),
    };
    let happened: Vec<_> = on_stage.happened.iter().rev().collect();
    let happened = match happened.is_empty() {
        true => "<p class=\"empty\">Nothing yet. Move the clock, or wait.</p>".into(),
        false => bare_table("Happened, newest first", &["When", "What"], &happened, |past| {
            let what = text(said(&past.what));
            let what = match &past.failed {
                None => what,
                Some(why) => Cell(format!("{} {} {}", what.0, badge(Tone::Bad, "could not be").0, shown(why))),
            };
            vec![time(Some(past.at)), what]
        }),
    };
    let body = format!(
        "<p class=\"lead\">{}</p><p class=\"about\">{}</p>{form}<h4>Still to come <span class=\"count\">{}</span></h4>\
         {to_come}<h4>Happened <span class=\"count\">{}</span></h4>{happened}",
        shown(title),
        shown(about),
        grouped(on_stage.due.len()),
        grouped(on_stage.happened.len()),
    );
    card("Scenario", "scenario", None, &body)
}

/// An act in a sentence.
fn said(act: &Act) -> String {
    match act {
        Act::CreateEvent(new) => {
            let published = if new.publish { " and published" } else { "" };
            format!("Event “{}” is made{published}", new.title)
        }
        Act::Publish(of) => format!("Event {} is published", of.event),
        Act::ScheduleSession(new) => match &new.name {
            Some(name) => format!("Session {name} of {} is scheduled", new.event),
            None => format!("A session of {} is scheduled", new.event),
        },
        Act::CancelSession(of) => format!("Session {} is canceled", of.session),
        Act::Register(new) => {
            let name = format!("{} {}", new.first_name, new.last_name);
            let who = if name.trim().is_empty() { new.email.as_str() } else { name.trim() };
            format!("{who} registers for {}", new.session)
        }
        Act::Crowd(crowd) => {
            let count = usize::try_from(crowd.count).unwrap_or(usize::MAX);
            let register = if count == 1 { "registers" } else { "register" };
            format!("{} {register} for {}", counted(count, "person", "people"), crowd.session)
        }
        Act::Start(of) => format!("Session {} begins", of.session),
        Act::Attend(new) => {
            let long = lasting(std::time::Duration::from_secs(new.seconds));
            format!("{} joins {} for {long}", new.email, new.session)
        }
        Act::End(of) => format!("Session {} ends", of.session),
        Act::Watch(new) => format!("{} watches the replay of {}", new.email, new.session),
        Act::AddForm(new) => format!("Form “{}” is made", new.title),
        Act::AddFormHandler(new) => format!("Form handler “{}” is made", new.title),
        Act::SubmitForm(new) if new.email.is_empty() => format!("Somebody submits {}", new.form),
        Act::SubmitForm(new) => format!("{} submits {}", new.email, new.form),
    }
}

fn named(api: Api) -> &'static str {
    match api {
        Api::Livestorm => "Livestorm",
        Api::Salesforce => "Salesforce",
        Api::AccountEngagement => "Account Engagement",
    }
}

fn outcome(seen: &SeenRequest) -> (Tone, String) {
    match seen.status {
        None => (Tone::Bad, "cut".into()),
        Some(status @ 500..) => (Tone::Bad, status.to_string()),
        Some(status @ 400..) => (Tone::Warn, status.to_string()),
        Some(status @ 300..) => (Tone::Info, status.to_string()),
        Some(status) => (Tone::Good, status.to_string()),
    }
}

pub fn requests(world: &World) -> String {
    let tiles: String = Api::ALL
        .iter()
        .map(|api| {
            let of_it = || world.requests.iter().filter(|seen| seen.api == *api);
            let bad = of_it().filter(|seen| matches!(outcome(seen).0, Tone::Bad | Tone::Warn)).count();
            let bad = match bad {
                0 => String::new(),
                bad => format!(" <span class=\"badge warn\">{} refused or failed</span>", grouped(bad)),
            };
            format!(
                "<div class=\"{}\"><dt>{}</dt><dd>{}{bad}</dd></div>",
                api.name(),
                named(*api),
                grouped(of_it().count())
            )
        })
        .collect();
    let rows: Vec<_> = world.requests.iter().rev().collect();
    let body = match rows.is_empty() {
        true => "<p class=\"empty\">None yet. Point a client at this address: <code>/v1/…</code> is Livestorm, \
                 <code>/services/…</code> Salesforce, <code>/api/v5/…</code> Account Engagement.</p>"
            .into(),
        false => bare_table("Requests, newest first", &["At", "API", "Method", "Path", "Status"], &rows[..], |seen| {
            let (tone, status) = outcome(seen);
            let api = Cell(format!("<span class=\"api {}\">{}</span>", seen.api.name(), named(seen.api)));
            vec![
                time(Some(seen.at)),
                api,
                code(&seen.method),
                Cell(format!("<code class=\"path\">{}</code>", shown(&seen.path))),
                badge(tone, status),
            ]
        }),
    };
    card("Requests", "requests", Some(rows.len()), &format!("<dl class=\"tiles\">{tiles}</dl>{body}"))
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// A fault in words. Not the body it answers with, which may be anything.
fn fault(what: &Fault) -> String {
    match what {
        Fault::Answer { status, .. } => format!("is answered {status}"),
        Fault::RefuseConnection => "finds no connection".into(),
        Fault::CutBeforeEffect => "is cut before it is done".into(),
        Fault::CutAfterEffect => "is done, and cut before its answer".into(),
        Fault::ExpireToken => "comes when its token has just expired".into(),
    }
}

/// Faults to come, switches and options that are not as they are by default.
pub fn in_force(world: &World) -> String {
    let mut rows: Vec<[Cell; 3]> = vec![];
    for rule in world.faults.rules.iter().filter(|rule| rule.times > 0) {
        let (api, on) = (rule.on.api.map_or("any API", named), &rule.on);
        let request = format!("{} {}", on.method.as_deref().unwrap_or("any method"), on.path.as_deref().unwrap_or("*"));
        let times = usize::try_from(rule.times).unwrap_or(usize::MAX);
        let after = match rule.skip {
            0 => String::new(),
            skip => format!(", after {skip} that pass"),
        };
        let how = format!("{}; {}{after}", fault(&rule.what), counted(times, "more time", "more times"));
        rows.push([badge(Tone::Bad, "fault"), code(format!("{api}: {request}")), text(how)]);
    }
    if let Some(seeded) = &world.faults.seeded {
        let odds = written(&seeded.odds);
        let odds = odds.as_object().into_iter().flatten().filter(|(_, per_mille)| **per_mille != 0);
        let said = |(name, per_mille): (&String, &Value)| {
            format!("{} in {per_mille}", name.trim_end_matches("_per_mille").replace('_', " "))
        };
        let odds = odds.map(said).collect::<Vec<_>>().join(", ");
        let how = format!("{odds} of 1,000; seed {}, {} drawn", seeded.seed, grouped(seeded.drawn));
        rows.push([badge(Tone::Bad, "chance"), text("any request without a rule"), text(how)]);
    }
    let (now, default) = (written(&world.options.unknowns), written(&Unknowns::default()));
    for (api, switches) in now.as_object().into_iter().flatten() {
        for (name, value) in switches.as_object().into_iter().flatten() {
            let usual = &default[api][name];
            if usual != value {
                let how = text(format!("{}, not {}", plainly(value), plainly(usual)));
                rows.push([badge(Tone::Info, "switch"), code(format!("{api}.{name}")), how]);
            }
        }
    }
    let (now, default) = (written(&Settings::of(&world.options)), written(&Settings::of(&Options::default())));
    for (name, value) in now.as_object().into_iter().flatten() {
        let usual = &default[name];
        if usual != value {
            let how = match name.contains("secret") {
                true => "set; not shown".into(),
                false => format!("{}, not {}", plainly(value), plainly(usual)),
            };
            rows.push([badge(Tone::Quiet, "option"), code(name), text(how)]);
        }
    }
    let columns = ["Kind", "Where", "How"];
    let empty = "All is as usual: no fault is planned, and every switch and option stands at its default. <code>POST \
                 /simulators/faults</code>, <code>PATCH /simulators/switches</code> and <code>PUT /simulators/options</code> \
                 change that.";
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|Cell(html)| html.clone())).collect();
    table("Not as usual", "force", empty, &columns, &rows, |row| row.iter().cloned().map(Cell).collect())
}

fn plainly(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Null => "none".into(),
        other => other.to_string(),
    }
}
