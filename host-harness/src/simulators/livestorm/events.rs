//! Events. <https://developers.livestorm.co/docs/objects>; attributes as in the vendor's OpenAPI and in answers that
//! public clients recorded [confirmed]. Times are whole epoch seconds, and 0 means "not yet".

use super::{
    Livestorm,
    errors::Refusal,
    filters::{self, Span},
    paging::page,
    people_attributes::is_builtin,
    resource,
};
use crate::{
    clock::Timestamp,
    simulators::{World, ids::uuid, request::Call},
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
        FormField { id: id.to_owned(), kind: "text".into(), required: false, custom: !is_builtin(id) }
    }
}

/// What a workspace sorts its events by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub id: String,
    pub title: String,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    /// A team member.
    pub owner_id: String,
    pub tags: Vec<Tag>,
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
    /// `false` where there is no such event. A tag given twice is there once, whatever its case.
    pub fn tag_event(&mut self, event: &str, title: &str) -> bool {
        let now = self.clock.now();
        let tag = Tag { id: uuid("tag", &title.to_lowercase()), title: title.to_owned() };
        self.events.change(event, now, |event| {
            if event.tags.iter().all(|known| known.id != tag.id) {
                event.tags.push(tag);
            }
            event.updated_at = now;
        })
    }

    /// Hands an event over. `false` where there is no such event, or no such team member.
    pub fn set_event_owner(&mut self, event: &str, member: &str) -> bool {
        let now = self.clock.now();
        self.team.now(member).is_some()
            && self.events.change(event, now, |event| {
                event.owner_id = member.to_owned();
                event.updated_at = now;
            })
    }

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
        let owner = self.team.now(&event.owner_id).unwrap_or_else(|| self.owner());
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

    /// With what `include` asks for: the relationship, and the related themselves [inferred from public clients].
    fn with_included(&self, event: &Event, call: &Call, when: Timestamp, included: &mut Vec<Value>) -> Value {
        let mut row = self.event_resource(event, when);
        let mut relate = |name: &str, related: Vec<Value>| {
            let links: Vec<_> = related.iter().map(|r| json!({ "id": r["id"], "type": r["type"] })).collect();
            row["relationships"][name] = json!({ "data": links });
            included.extend(related);
        };
        if includes(call, "sessions") {
            let sessions = self.sessions_of(&event.id, when).filter(|s| s.breakout_room_of.is_none());
            relate("sessions", sessions.map(|session| self.session_resource(session, when)).collect());
        }
        if includes(call, "tags") {
            let tags = event.tags.iter().map(|tag| resource("tags", &tag.id, json!({ "title": tag.title })));
            relate("tags", tags.collect());
        }
        row
    }
}

fn includes(call: &Call, what: &str) -> bool {
    call.param("include").is_some_and(|list| list.split(',').any(|name| name == what))
}

/// Whether `include` asks for anything that an event has.
fn includes_any(call: &Call) -> bool {
    includes(call, "sessions") || includes(call, "tags")
}

/// One of the titles in a comma list, whatever the case [confirmed].
fn has_tag(event: &Event, titles: &str) -> bool {
    let mut titles = titles.split(',').map(|title| title.trim().to_lowercase());
    titles.any(|title| event.tags.iter().any(|tag| tag.title.to_lowercase() == title))
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
            && filters::text(call, "tag").is_none_or(|titles| has_tag(event, titles))
            && created.holds(event.created_at)
            && updated.holds(event.updated_at)
    };
    let (events, meta) = page(call, livestorm.events.all_at(when).filter(fits).collect(), unknowns)?;
    let mut included = vec![];
    let rows = events.into_iter().map(|event| livestorm.with_included(event, call, when, &mut included));
    let mut body = json!({ "data": rows.collect::<Vec<_>>(), "meta": meta });
    if includes_any(call) {
        body["included"] = json!(included);
    }
    Ok(body)
}

/// `GET /v1/events/{id}`
pub(super) fn one(world: &World, call: &Call, id: &str, when: Timestamp) -> Result<Value, Refusal> {
    let event = world.livestorm.events.at(id, when).ok_or_else(Refusal::not_found)?;
    let mut included = vec![];
    let mut body = json!({ "data": world.livestorm.with_included(event, call, when, &mut included) });
    if includes_any(call) {
        body["included"] = json!(included);
    }
    Ok(body)
}
