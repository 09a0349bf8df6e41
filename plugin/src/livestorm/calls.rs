//! Every call to Livestorm, as data. All of them read.

use crate::call::{Call, LIVESTORM};

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

pub const SESSION_PEOPLE: Call = Call::read(
    LIVESTORM,
    "/v1/sessions/{id}/people",
    "read registration times",
    "Reads when somebody registered, where the webhook does not say. The session's id and the address leave.",
);

pub const USERS: Call = Call::read(
    LIVESTORM,
    "/v1/users",
    "read team members",
    "Reads who belongs to the team, so that they are left out. Nothing leaves.",
);

pub const ALL: [&Call; 5] = [&PING, &SESSION, &EVENT, &SESSION_PEOPLE, &USERS];
