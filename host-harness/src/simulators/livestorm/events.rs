//! Events. <https://developers.livestorm.co/docs/objects>; attributes as in the vendor's OpenAPI and in answers that
//! public clients recorded [confirmed]. Times are whole epoch seconds, and 0 means "not yet".

use super::{
    Livestorm,
    errors::Refusal,
    filters::{self, Span},
    paging::page,
    resource,
};
use crate::{
    clock::Timestamp,
    simulators::{World, request::Call},
};
use serde_json::{Value, json};

/// What a story says about a new event. The rest is as Livestorm sets it.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub title: String,
    pub on_demand: bool,
    pub description: Option<String>,
    pub language: String,
    pub estimated_duration_minutes: u32,
    /// Questions on the registration form besides email, first name and last name.
    pub fields: Vec<FormField>,
}

impl Default for NewEvent {
    fn default() -> Self {
        NewEvent {
            title: "Product demo".into(),
            on_demand: false,
            description: None,
            language: "en".into(),
            estimated_duration_minutes: 30,
            fields: vec![],
        }
    }
}

/// A question on the registration form.
#[derive(Clone, Debug)]
pub struct FormField {
    pub id: String,
    /// `text`, `file` or `multiple`.
    pub kind: String,
    pub required: bool,
    pub custom: bool,
}

impl FormField {
    pub fn text(id: &str) -> FormField {
        FormField { id: id.to_owned(), kind: "text".into(), required: false, custom: true }
    }
}

#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub title: String,
    pub slug: String,
    pub description: Option<String>,
    pub language: String,
    pub on_demand: bool,
    pub estimated_duration_minutes: u32,
    pub fields: Vec<FormField>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub published_at: Option<Timestamp>,
}

impl Event {
    pub(super) fn registration_link(&self) -> String {
        format!("https://app.livestorm.co/p/{}", self.id)
    }
}

impl Livestorm {
    /// `scheduling_status` follows from the event and its sessions. Values [confirmed]; how they follow [inferred].
    pub(super) fn scheduling_status(&self, event: &Event, when: Timestamp) -> &'static str {
        if event.published_at.is_none() {
            return "draft";
        }
        if event.on_demand {
            return "on_demand";
        }
        let statuses: Vec<_> = self.sessions_of(&event.id, when).map(|s| self.session_status(s, when)).collect();
        let rows = [
            ("live", "live"),
            ("upcoming", "upcoming"),
            ("past", "ended"),
            ("past_not_started", "not_started"),
            ("canceled", "cancelled"),
        ];
        rows.iter().find(|(session, _)| statuses.contains(session)).map_or("not_scheduled", |(_, event)| event)
    }

    pub(super) fn event_attributes(&self, event: &Event, when: Timestamp) -> Value {
        let standard = ["email", "first_name", "last_name"].into_iter().map(|id| (id, "text", true, false));
        let asked =
            event.fields.iter().map(|field| (field.id.as_str(), field.kind.as_str(), field.required, field.custom));
        let fields: Vec<Value> = standard
            .chain(asked)
            .enumerate()
            .map(|(order, (id, kind, required, custom))| {
                let mut field = json!({ "id": id, "type": kind, "order": order, "required": required });
                if custom {
                    field["custom"] = json!(true);
                }
                field
            })
            .collect();
        let owner = self.owner();
        json!({
            "title": event.title,
            "slug": event.slug,
            "registration_link": event.registration_link(),
            "estimated_duration": event.estimated_duration_minutes,
            "registration_page_enabled": true,
            "light_registration_page_enabled": true,
            "detailed_registration_page_enabled": false,
            "everyone_can_speak": false,
            "description": event.description,
            "status": if event.published_at.is_some() { "published" } else { "draft" },
            "recording_enabled": true,
            "recording_public": true,
            "show_in_company_page": false,
            "chat_enabled": true,
            "polls_enabled": true,
            "questions_enabled": true,
            "language": event.language,
            "published_at": event.published_at.map_or(0, Timestamp::seconds),
            "scheduling_status": self.scheduling_status(event, when),
            "created_at": event.created_at.seconds(),
            "updated_at": event.updated_at.seconds(),
            "owner": {
                "id": owner.id,
                "type": "people",
                "attributes": {
                    "role": "team_member",
                    "created_at": owner.created_at.seconds(),
                    "updated_at": owner.created_at.seconds(),
                    "timezone": "Europe/Paris",
                    "first_name": owner.first_name,
                    "last_name": owner.last_name,
                    "email": owner.email,
                    "avatar_link": null,
                },
            },
            "sessions_count": self.sessions_of(&event.id, when).filter(|s| s.breakout_room_of.is_none()).count(),
            "fields": fields,
        })
    }

    pub(super) fn event_resource(&self, event: &Event, when: Timestamp) -> Value {
        resource("events", &event.id, self.event_attributes(event, when))
    }

    /// With `include=sessions`: the relationship, and the sessions themselves [inferred from public clients].
    fn with_sessions(&self, event: &Event, when: Timestamp, included: &mut Vec<Value>) -> Value {
        let sessions: Vec<_> = self.sessions_of(&event.id, when).filter(|s| s.breakout_room_of.is_none()).collect();
        let mut row = self.event_resource(event, when);
        let links: Vec<_> = sessions.iter().map(|s| json!({ "id": s.id, "type": "sessions" })).collect();
        row["relationships"] = json!({ "sessions": { "data": links } });
        included.extend(sessions.iter().map(|s| self.session_resource(s, when)));
        row
    }
}

fn includes_sessions(call: &Call) -> bool {
    call.param("include").is_some_and(|list| list.split(',').any(|name| name == "sessions"))
}

/// `GET /v1/events`
pub(super) fn list(world: &World, call: &Call, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    let known = [
        "title",
        "everyone_can_speak",
        "scheduling_status",
        "created_since",
        "created_until",
        "updated_since",
        "updated_until",
        "tag",
    ];
    filters::known(call, &known, unknowns)?;
    let created = Span::read(call, "created_since", "created_until", unknowns)?;
    let updated = Span::read(call, "updated_since", "updated_until", unknowns)?;
    let everyone_can_speak = filters::flag(call, "everyone_can_speak")?;
    let fits = |event: &&Event| {
        filters::text(call, "title").is_none_or(|title| event.title.eq_ignore_ascii_case(title))
            && everyone_can_speak.is_none_or(|wanted| !wanted)
            && filters::text(call, "scheduling_status").is_none_or(|s| s == livestorm.scheduling_status(event, when))
            // Nothing here puts a tag on an event yet.
            && filters::text(call, "tag").is_none()
            && created.holds(event.created_at)
            && updated.holds(event.updated_at)
    };
    let (events, meta) = page(call, livestorm.events.all_at(when).filter(fits).collect(), unknowns)?;
    let mut included = vec![];
    let rows: Vec<Value> = match includes_sessions(call) {
        true => events.into_iter().map(|event| livestorm.with_sessions(event, when, &mut included)).collect(),
        false => events.into_iter().map(|event| livestorm.event_resource(event, when)).collect(),
    };
    let mut body = json!({ "data": rows, "meta": meta });
    if includes_sessions(call) {
        body["included"] = json!(included);
    }
    Ok(body)
}

/// `GET /v1/events/{id}`
pub(super) fn one(world: &World, call: &Call, id: &str, when: Timestamp) -> Result<Value, Refusal> {
    let livestorm = &world.livestorm;
    let event = livestorm.events.at(id, when).ok_or_else(Refusal::not_found)?;
    if !includes_sessions(call) {
        return Ok(json!({ "data": livestorm.event_resource(event, when) }));
    }
    let mut included = vec![];
    let row = livestorm.with_sessions(event, when, &mut included);
    Ok(json!({ "data": row, "included": included }))
}
