//! The page at `/`: what the three accounts hold, what was asked of them, and the few buttons to go on with.
//!
//! Promises: rendered here, nothing is loaded from elsewhere and no script runs; whatever people wrote is escaped. Not
//! here: who may see it (`control`).

use super::{
    control::Desk,
    request::{self, Answer, Api, Call, with_header},
    scenario::{SCENARIOS, Scenario},
    snapshot::Snapshot,
    unknowns::Unknowns,
    world::World,
};
use crate::clock::{Clock, Timestamp};
use serde_json::Value;
use std::time::Duration;

/// Rows of a table; the rest is told by number.
const ROWS_MAX: usize = 200;
const DAY: u64 = 24 * 60 * 60;
const MOVES: [(u64, &str); 4] = [(60, "+1 min"), (600, "+10 min"), (3600, "+1 h"), (DAY, "+1 day")];
const STYLE: &str = include_str!("page.css");

pub fn answer(desk: &Desk, call: &Call) -> Answer {
    let form = || call.form();
    let field = |name: &str| form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value);
    match (call.method.as_str(), &call.segments()[..]) {
        ("GET", []) => html(desk, call.param("still").is_some()),
        ("GET", ["simulators", "page", "style.css"]) => plain(200, "text/css; charset=utf-8", STYLE.to_owned()),
        ("POST", ["simulators", "page", "clock"]) => {
            let seconds = field("seconds").and_then(|text| text.parse::<u64>().ok());
            match seconds.filter(|seconds| MOVES.iter().any(|(known, _)| known == seconds)) {
                Some(seconds) => {
                    desk.move_to(desk.clock.now().plus(Duration::from_secs(seconds)));
                    back()
                }
                None => plain(400, TEXT, "The page moves the clock by its buttons only.".into()),
            }
        }
        ("POST", ["simulators", "page", "scenario"]) => match Scenario::named(&field("name").unwrap_or_default()) {
            Ok(scenario) => {
                desk.begin(Some(scenario));
                back()
            }
            Err(why) => plain(404, TEXT, why),
        },
        _ => plain(404, TEXT, "The page is at /.".into()),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn back() -> Answer {
    with_header(plain(303, TEXT, String::new()), "location", "/")
}

fn plain(status: u16, content_type: &str, body: String) -> Answer {
    let headers = [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    let bare = answer_of(status, content_type, body);
    headers.iter().fold(bare, |answer, (name, value)| with_header(answer, name, value))
}

fn answer_of(status: u16, content_type: &str, body: String) -> Answer {
    request::answer(status, content_type, body.into_bytes())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A cell, as HTML.
struct Cell(String);

fn text(value: impl ToString) -> Cell {
    Cell(escaped(&value.to_string()))
}

fn code(value: impl ToString) -> Cell {
    Cell(format!("<code>{}</code>", escaped(&value.to_string())))
}

fn time(at: Option<Timestamp>) -> Cell {
    Cell(at.map_or("–".into(), |at| format!("<span class=\"time\">{}</span>", at.utc().format("%d %b %H:%M:%S"))))
}

fn maybe(value: Option<impl ToString>) -> Cell {
    text(value.map_or("–".into(), |value| value.to_string()))
}

fn table(title: &str, wide: bool, columns: &[&str], rows: Vec<Vec<Cell>>) -> String {
    let count = rows.len();
    let body = match count {
        0 => "<p class=\"soft\">Nothing yet.</p>".into(),
        _ => {
            let head: String = columns.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
            let row = |row: &Vec<Cell>| {
                format!("<tr>{}</tr>", row.iter().map(|Cell(cell)| format!("<td>{cell}</td>")).collect::<String>())
            };
            let shown: String = rows.iter().take(ROWS_MAX).map(row).collect();
            let more = match count.checked_sub(ROWS_MAX) {
                None | Some(0) => String::new(),
                Some(more) => format!("<p class=\"soft\">And {more} more.</p>"),
            };
            format!(
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table><thead><tr>{head}</tr>\
                 </thead><tbody>{shown}</tbody></table></div>{more}"
            )
        }
    };
    let wide = if wide { " class=\"wide\"" } else { "" };
    format!("<section{wide}><h2>{title}<small>{count}</small></h2>{body}</section>")
}

fn html(desk: &Desk, still: bool) -> Answer {
    let (playing, failed) = {
        let on_stage = desk.on_stage();
        (on_stage.scenario.clone(), on_stage.failed.clone())
    };
    let mut world = desk.simulators.world();
    let snapshot = world.snapshot();
    let now = desk.clock.now();
    let parts = [
        counts(&snapshot),
        scenario(playing.as_ref(), &failed),
        sessions(&world),
        requests(&world),
        campaigns(&snapshot),
        lists(&snapshot),
        prospects(&snapshot),
        members(&snapshot),
        activities(&snapshot),
        in_force(&world),
    ];
    let moves: String = MOVES
        .iter()
        .map(|(seconds, label)| {
            format!(
                "<form method=\"post\" action=\"/simulators/page/clock\"><button name=\"seconds\" value=\"{seconds}\">\
                 {label}</button></form>"
            )
        })
        .collect();
    let (refresh, other) = match still {
        true => ("", "<a href=\"/\">Follow along</a>"),
        false => {
            ("<meta http-equiv=\"refresh\" content=\"5\">", "Every 5 seconds anew. <a href=\"/?still\">Hold still</a>")
        }
    };
    let shown = now.utc().format("%a %d %b %Y, %H:%M:%S");
    let body = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Simulators</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{refresh}\
         <link rel=\"stylesheet\" href=\"/simulators/page/style.css\"></head><body><header><div><h1>Simulated Livestorm, \
         Salesforce and Account Engagement</h1><p class=\"soft\">All of it is made up. {other}</p></div>\
         <div><div class=\"clock\">{shown} UTC</div>{moves}</div></header><main>{}</main></body></html>",
        parts.concat()
    );
    plain(200, "text/html; charset=utf-8", body)
}

fn counts(snapshot: &Snapshot) -> String {
    let counts: String = snapshot
        .requests
        .iter()
        .map(|(api, count)| format!("<div><dt>{}</dt><dd>{count}</dd></div>", escaped(api)))
        .collect();
    format!("<section><h2>Requests by API</h2><dl class=\"counts\">{counts}</dl></section>")
}

fn scenario(playing: Option<&Scenario>, failed: &[String]) -> String {
    let (title, about) = playing.map_or(("No scenario", "An empty world."), |s| (s.title.as_str(), s.about.as_str()));
    let options: String = SCENARIOS.iter().map(|(name, _)| format!("<option>{name}</option>")).collect();
    let failed: String = failed.iter().map(|why| format!("<p class=\"bad\">{}</p>", escaped(why))).collect();
    format!(
        "<section><h2>Scenario</h2><p><strong>{}</strong></p><p class=\"soft\">{}</p>{failed}<form method=\"post\" \
         action=\"/simulators/page/scenario\"><select name=\"name\" aria-label=\"Scenario\">{options}</select>\
         <button>Begin anew with it</button></form></section>",
        escaped(title),
        escaped(about)
    )
}

fn sessions(world: &World) -> String {
    let rows = world.livestorm.sessions.all().map(|session| {
        let title = world.livestorm.events.now(&session.event_id).map(|event| event.title.clone()).unwrap_or_default();
        let people = world.livestorm.registrations.get(&session.id).map_or(&[][..], Vec::as_slice);
        let people: Vec<&str> = people.iter().map(|p| p.now()).filter(|p| !p.is_removed).map(|p| &*p.email).collect();
        let first = people.iter().take(8).copied().collect::<Vec<_>>().join(", ");
        let more = people.len().checked_sub(8).filter(|more| *more > 0).map(|more| format!(" and {more} more"));
        vec![
            text(title),
            time(session.estimated_started_at),
            time(session.started_at),
            time(session.ended_at),
            text(people.len()),
            text(format!("{first}{}", more.unwrap_or_default())),
        ]
    });
    let columns = ["Event", "Planned", "Started", "Ended", "People", "Who"];
    table("Livestorm sessions", true, &columns, rows.collect())
}

fn requests(world: &World) -> String {
    let rows = world.requests.iter().rev().map(|seen| {
        let status = match seen.status {
            None => "<span class=\"bad\">cut</span>".into(),
            Some(status @ 400..) => format!("<span class=\"bad\">{status}</span>"),
            Some(status) => format!("<span class=\"good\">{status}</span>"),
        };
        vec![time(Some(seen.at)), text(seen.api), code(&seen.method), code(&seen.path), Cell(status)]
    });
    table("Requests, newest first", true, &["At", "API", "Method", "Path", "Status"], rows.collect())
}

fn campaigns(snapshot: &Snapshot) -> String {
    let rows = snapshot.campaigns.iter().map(|c| {
        vec![text(&c.name), code(&c.salesforce_id), maybe(c.account_engagement_id), maybe(c.start_date.as_ref())]
    });
    table("Salesforce campaigns", false, &["Name", "Id", "In Account Engagement", "Begins"], rows.collect())
}

fn lists(snapshot: &Snapshot) -> String {
    let rows = snapshot.lists.iter().map(|l| vec![text(l.id), text(&l.name), maybe(l.campaign_name.as_ref())]);
    table("Lists", false, &["Id", "Name", "Campaign"], rows.collect())
}

fn prospects(snapshot: &Snapshot) -> String {
    let rows = snapshot.prospects.iter().map(|p| {
        let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fields = p.fields.iter().map(|(name, value)| format!("{name}: {}", said(value))).collect::<Vec<_>>();
        vec![text(p.id), text(&p.email), maybe(p.source_campaign_name.as_ref()), text(fields.join(", "))]
    });
    table("Prospects", true, &["Id", "Email", "Source campaign", "Fields"], rows.collect())
}

fn members(snapshot: &Snapshot) -> String {
    let rows = snapshot.list_memberships.iter().map(|m| vec![text(&m.list_name), text(&m.prospect_email)]);
    table("List members", false, &["List", "Prospect"], rows.collect())
}

fn activities(snapshot: &Snapshot) -> String {
    let rows = snapshot
        .external_activities
        .iter()
        .rev()
        .map(|a| vec![time(Some(a.activity_date)), text(&a.kind), text(&a.email), text(&a.value)]);
    table("External activities", false, &["At", "Type", "Email", "Value"], rows.collect())
}

/// Faults to come, and switches that are not as they are by default.
fn in_force(world: &World) -> String {
    let faults = world.faults.rules.iter().filter(|rule| rule.times > 0).map(|rule| {
        let api = rule.on.api.map_or("any API", Api::name);
        let (method, path) =
            (rule.on.method.as_deref().unwrap_or("any method"), rule.on.path.as_deref().unwrap_or("*"));
        let what = serde_json::to_string(&rule.what).unwrap_or_default();
        vec![text("fault"), code(format!("{api}, {method} {path}")), text(format!("{what}, {} more times", rule.times))]
    });
    let seeded = world.faults.seeded.iter().map(|seeded| {
        let odds = serde_json::to_string(&seeded.odds).unwrap_or_default();
        vec![text("faults by chance"), text(format!("seed {}", seeded.seed)), code(odds)]
    });
    let written = |unknowns: &Unknowns| serde_json::to_value(unknowns).unwrap_or_default();
    let (now, default) = (written(&world.options.unknowns), written(&Unknowns::default()));
    let mut rows: Vec<_> = faults.chain(seeded).collect();
    for (api, switches) in now.as_object().into_iter().flatten() {
        for (name, value) in switches.as_object().into_iter().flatten() {
            if default[api][name] != *value {
                rows.push(vec![text("switch"), code(format!("{api}.{name}")), code(value)]);
            }
        }
    }
    table("Faults and switches in force", true, &["What", "Where", "How"], rows)
}
