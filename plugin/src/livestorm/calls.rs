//! Every call to Livestorm, as data. Those for webhooks write, and the one that registers somebody.

use crate::{
    call::{Call, LIVESTORM, Shape},
    host::Method,
    ledger::OnceCall,
};

pub const PING: Call =
    Call::read(LIVESTORM, "/v1/ping", "test the connection", "Tests the connection. Nothing leaves.");

pub const SESSION: Call = Call::read(
    LIVESTORM,
    "/v1/sessions/{id}",
    "read session",
    "Reads a session somebody registered for. Its id leaves.",
);

pub const EVENT: Call = Call::read(
    LIVESTORM,
    "/v1/events/{id}",
    "read event",
    "Reads the title that campaign and list are named after. The event's id leaves.",
);

pub const EVENT_SESSIONS: Call = Call::read(
    LIVESTORM,
    "/v1/events/{id}/sessions",
    "read sessions of event",
    "Reads which sessions a published event has, and which past ones where they are asked for. Its id leaves.",
);

pub const SESSION_PEOPLE: Call = Call::read(
    LIVESTORM,
    "/v1/sessions/{id}/people",
    "read people of session",
    "Reads who took part when the session has ended, when somebody registered where the webhook does not say, and who is \
     in it for the stream of people. The session's id leaves, and the address that is looked for.",
);

pub const WEBHOOKS: Call = Call::read(
    LIVESTORM,
    "/v1/webhooks",
    "read webhooks",
    "Reads which webhooks are set up, when the connection is checked, and once a day. Nothing leaves.",
);

pub const MAKE_WEBHOOK: OnceCall = OnceCall::new(Shape::new(
    LIVESTORM,
    Method::Post,
    "/v1/webhooks",
    "make webhook",
    &["data"],
    "Makes the webhooks that tell of sessions and registrations. The host's address for them leaves, which is a secret.",
));

/// What is deleted already is not there.
pub const DELETE_WEBHOOK: Call = Call::idempotent(Shape::new(
    LIVESTORM,
    Method::Delete,
    "/v1/webhooks/{id}",
    "delete webhook",
    &[],
    "Removes webhooks that the connector made: when it is switched off, and before they are made anew. Their ids leave.",
));

pub const EVENTS: Call = Call::read(
    LIVESTORM,
    "/v1/events",
    "read events",
    "Reads the events for the stream of events, and one of them when the connection is checked. Nothing leaves.",
);

pub const SESSIONS: Call = Call::read(
    LIVESTORM,
    "/v1/sessions",
    "read sessions",
    "Lists the sessions, so that what no webhook told is found, for the streams, and the past ones where they are asked for. \
     Times leave.",
);

pub const PEOPLE_ATTRIBUTES: Call = Call::read(
    LIVESTORM,
    "/v1/people_attributes",
    "read questions",
    "Reads which questions a form can have, for the list of what can be mapped. Nothing leaves.",
);

pub const USERS: Call = Call::read(
    LIVESTORM,
    "/v1/users",
    "read team members",
    "Reads who belongs to the team, so that they are left out. Nothing leaves.",
);

/// A second sending is answered with *already registered* (409 or 422) and changes nothing, so it is idempotent.
/// <https://developers.livestorm.co/reference/post_sessions-id-people>, confirmed.
pub const REGISTER: Call = Call::idempotent(Shape::new(
    LIVESTORM,
    Method::Post,
    "/v1/sessions/{id}/people",
    "register",
    &["data"],
    "Registers somebody who submitted a form of the session's campaign in Account Engagement. The address and the answers that the \
     settings name leave.",
));

pub const ALL: [&Shape; 12] = [
    &PING.shape,
    &SESSION.shape,
    &SESSIONS.shape,
    &EVENT.shape,
    &EVENT_SESSIONS.shape,
    &SESSION_PEOPLE.shape,
    &USERS.shape,
    &WEBHOOKS.shape,
    &MAKE_WEBHOOK.shape,
    &DELETE_WEBHOOK.shape,
    &EVENTS.shape,
    &PEOPLE_ATTRIBUTES.shape,
];
