//! What is looked at in Livestorm: the token, what it may read, and which webhooks are set up.

use super::{Part, Unread, body, fine, not_read, readable, rows, text};
use crate::{
    call::LIVESTORM,
    host::{Answer, Finding, Response, Severity},
    livestorm::calls::{EVENTS, PING, USERS, WEBHOOKS},
    settings::Settings,
};

pub const SIGN_IN: &str = "Make an API token in Livestorm (Account settings > Apps > API) with read access to Events and Admin, \
                           and enter it for this connection.";
const WEBHOOKS_REMEDY: &str = "Set up a webhook for each of these in Livestorm. In the \"Webhooks\" card of Account settings > \
                               Apps they are called Session created, New registrant and Event ends; replays are told by webhooks \
                               of the REST API alone.";

/// What the connector waits to be told.
const NEEDED: [&str; 4] = ["session.created", "people.registered", "session.ended", "people.watched_replay"];

pub fn part() -> Part {
    let one = [("page[number]", "0"), ("page[size]", "1")];
    Part {
        connection: LIVESTORM,
        requests: vec![
            PING.request(&[], &[], None),
            EVENTS.request(&[], &one, None),
            USERS.request(&[], &one, None),
            WEBHOOKS.request(&[], &[], None),
        ],
        judge,
    }
}

pub fn seen(_: &Response) -> String {
    "The token is taken.".into()
}

fn judge(_: &Settings, answers: &[Answer]) -> Vec<Finding> {
    let [events, users, webhooks] = answers else { return Vec::new() };
    vec![scopes(events, users), hooks(webhooks)]
}

fn scopes(events: &Answer, users: &Answer) -> Finding {
    let refused = |answer| readable(LIVESTORM, answer).err().map(Unread::why);
    if let Some(Unread::NotReached(why)) =
        [events, users].into_iter().find_map(|answer| readable(LIVESTORM, answer).err())
    {
        let remedy = "Check again in a few minutes.";
        return not_read("livestorm-scopes", LIVESTORM, "What the token may read", &why, remedy);
    }
    match (refused(events), refused(users)) {
        (Some(why), _) => Finding::new(
            "livestorm-scopes",
            Severity::Blocker,
            LIVESTORM,
            &format!("The token may not read events and sessions: {why}."),
            SIGN_IN,
        ),
        (None, Some(why)) => Finding::new(
            "livestorm-scopes",
            Severity::Warning,
            LIVESTORM,
            &format!(
                "The token may not read who belongs to the team ({why}), so team members who register are not left out."
            ),
            "Give the token read access to Admin, or list the team's addresses or domains in /left_out.",
        ),
        (None, None) => {
            fine("livestorm-scopes", LIVESTORM, "The token may read events, sessions, people and the team.")
        }
    }
}

/// Webhooks of the native app are shown nowhere, so what is missing here may be set up there.
fn hooks(webhooks: &Answer) -> Finding {
    let notice =
        |problem: &str| Finding::new("livestorm-webhooks", Severity::Notice, LIVESTORM, problem, WEBHOOKS_REMEDY);
    let body = match body(LIVESTORM, Some(webhooks)) {
        Ok(body) => body,
        Err(why) => {
            return notice(&format!(
                "Which webhooks are set up cannot be read: {why}. Needed are {}.",
                NEEDED.join(", ")
            ));
        }
    };
    let set_up: Vec<String> =
        rows(&body, "data").map(|row| text(row.get("attributes").unwrap_or(row), "event")).collect();
    let missing: Vec<&str> = NEEDED.into_iter().filter(|event| !set_up.iter().any(|name| name == event)).collect();
    if missing.is_empty() {
        return fine(
            "livestorm-webhooks",
            LIVESTORM,
            "Webhooks for sessions, registrants, ends and replays are set up.",
        );
    }
    notice(&format!(
        "Livestorm's REST API shows no webhook for {}. Those of its \"Webhooks\" card are not shown there.",
        missing.join(", ")
    ))
}
