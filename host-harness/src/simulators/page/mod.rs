//! The page at `/`: what the three accounts hold, what was asked of them, what has happened and what is to come, and the few
//! buttons to go on with.
//!
//! Promises: rendered here, nothing is loaded from elsewhere; it says all there is and does all it can without a script,
//! and its one script only looks again; whatever people wrote is escaped; no token, secret or password is shown. Shown is
//! the truth, not what a lagging reader sees. Not here: who may see it (`control`).

mod account_engagement;
mod livestorm;
mod markup;
mod salesforce;
mod stage;

#[cfg(test)]
mod tests;

use super::{
    control::Desk,
    request::{self, Answer, Call, with_header},
    scenario::Scenario,
};
use crate::clock::Clock;
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;
const MOVES: [(u64, &str); 4] = [(60, "+1 min"), (15 * 60, "+15 min"), (3600, "+1 h"), (DAY, "+1 day")];
/// In the place of seconds: to whatever the scenario lets happen next.
const NEXT: &str = "next";
/// In the place of a scenario's name: none.
const EMPTY: &str = "empty";
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const TEXT: &str = "text/plain; charset=utf-8";

pub fn answer(desk: &Desk, call: &Call) -> Answer {
    let field = |name: &str| call.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let still = call.param("still").is_some();
    match (call.method.as_str(), &call.segments()[..]) {
        ("GET" | "HEAD", []) => html(desk, still),
        ("GET" | "HEAD", ["simulators", "page", "style.css"]) => {
            plain(200, "text/css; charset=utf-8", STYLE.to_owned())
        }
        ("GET" | "HEAD", ["simulators", "page", "script.js"]) => {
            plain(200, "text/javascript; charset=utf-8", SCRIPT.to_owned())
        }
        ("POST", ["simulators", "page", "clock"]) => {
            let wanted = field("seconds").unwrap_or_default();
            let known = MOVES.iter().map(|(seconds, _)| *seconds).find(|seconds| seconds.to_string() == wanted);
            let now = desk.clock.now();
            let to = match known {
                Some(seconds) => Some(now.plus(Duration::from_secs(seconds))),
                // With nothing to come the page is as it was.
                None if wanted == NEXT => Some(desk.next_happening_at().unwrap_or(now)),
                None => None,
            };
            match to {
                Some(at) => {
                    desk.move_to(at);
                    back(still)
                }
                None => plain(400, TEXT, "The page moves the clock by its buttons only.".into()),
            }
        }
        ("POST", ["simulators", "page", "scenario"]) => {
            let name = field("name").unwrap_or_default();
            let scenario = (name != EMPTY).then(|| Scenario::named(&name)).transpose();
            match scenario {
                Ok(scenario) => {
                    desk.begin(scenario);
                    back(still)
                }
                Err(why) => plain(404, TEXT, why),
            }
        }
        _ => plain(404, TEXT, "The page is at /.".into()),
    }
}

/// So that to look again is not to do it again.
fn back(still: bool) -> Answer {
    with_header(plain(303, TEXT, String::new()), "location", if still { "/?still" } else { "/" })
}

fn plain(status: u16, content_type: &str, body: String) -> Answer {
    let headers = [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    let bare = request::answer(status, content_type, body.into_bytes());
    headers.iter().fold(bare, |answer, (name, value)| with_header(answer, name, value))
}

fn html(desk: &Desk, still: bool) -> Answer {
    let now = desk.clock.now();
    let query = if still { "?still" } else { "" };
    // The desk's own state first, then the world.
    let (clock, scenario) = {
        let on_stage = desk.on_stage();
        (stage::clock(&on_stage, now, query), stage::scenario(&on_stage, now, query))
    };
    let main = {
        let mut world = desk.simulators.world();
        let snapshot = world.snapshot();
        [
            part("stage", "On stage", &[scenario, stage::requests(&world), stage::in_force(&world)]),
            part("livestorm", "Livestorm", &livestorm::cards(&world, now)),
            part("salesforce", "Salesforce", &salesforce::cards(&snapshot)),
            part("account-engagement", "Account Engagement", &account_engagement::cards(&world, &snapshot)),
        ]
        .concat()
    };
    let (head, follow) = match still {
        true => ("", "It holds still. <a href=\"/\">Follow along</a>"),
        false => (
            "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\
             <script src=\"/simulators/page/script.js\" defer></script>",
            "It looks again every few seconds. <a href=\"/?still\">Hold still</a>",
        ),
    };
    plain(
        200,
        "text/html; charset=utf-8",
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Simulators</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\">{head}\
             <link rel=\"stylesheet\" href=\"/simulators/page/style.css\"></head><body>\
             <a class=\"skip\" href=\"#stage\">To the content</a><header><div class=\"title\"><h1>Simulators</h1>\
             <p>Livestorm, Salesforce and Account Engagement, all of it made up. {follow}</p></div>{clock}\
             <nav aria-label=\"Parts of the page\"><a href=\"#stage\">On stage</a><a href=\"#livestorm\">Livestorm</a>\
             <a href=\"#salesforce\">Salesforce</a><a href=\"#account-engagement\">Account Engagement</a></nav></header>\
             <main>{main}</main><footer><p>The same as data: <code>GET /simulators</code> lists what there is.</p>\
             </footer></body></html>"
        ),
    )
}

/// What holds something comes first.
fn part(id: &str, title: &str, cards: &[String]) -> String {
    let (empty, full): (Vec<_>, Vec<_>) =
        cards.iter().map(String::as_str).partition(|card| markup::is_empty_card(card));
    let cards = [full, empty].concat();
    format!(
        "<section class=\"part\" id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}</h2>\
         <div class=\"cards\">{}</div></section>",
        cards.concat()
    )
}
