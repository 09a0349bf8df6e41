//! Events. <https://developers.livestorm.co/docs/objects>; attributes as in the vendor's OpenAPI and in answers that
//! public clients recorded [confirmed]. Times are whole epoch seconds, and 0 means "not yet".

use super::{
    Livestorm, Tag,
    errors::Refusal,
    filters::{self, Span},
    includes::Includes,
    paging::page,
    people_attributes::is_builtin,
    resource, times,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        request::Call,
        unknowns::{LivestormUnknowns, TitleFilter},
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is on or off, and how it stands in a new event. `recording_public` was met null in production [confirmed].
pub(super) const FLAGS: [(&str, Option<bool>); 10] = [
    ("registration_page_enabled", Some(true)),
    ("light_registration_page_enabled", Some(true)),
    ("detailed_registration_page_enabled", Some(false)),
    ("everyone_can_speak", Some(false)),
    ("recording_enabled", Some(true)),
    ("recording_public", Some(true)),
    ("show_in_company_page", Some(false)),
    ("chat_enabled", Some(true)),
    ("polls_enabled", Some(true)),
    ("questions_enabled", Some(true)),
];

/// By name.
pub type Flags = BTreeMap<&'static str, Option<bool>>;

/// `scheduling_status` of an event, with two l in "cancelled".
const STATUSES: [&str; 8] =
    ["live", "upcoming", "on_demand", "ended", "not_started", "draft", "cancelled", "not_scheduled"];

/// What every form asks, which is no part of an event's own questions.
pub(super) const USUAL_QUESTIONS: [&str; 3] = ["email", "first_name", "last_name"];

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
    /// Not so for a public event, which anybody may join without one.
    pub asks_for_email: bool,
    /// Left out: from the title.
    pub slug: Option<String>,
    /// A team member. Left out: the owner of the workspace.
    pub owner_id: Option<String>,
    /// Those that stand otherwise than in a new event.
    pub flags: Flags,
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
            asks_for_email: true,
            slug: None,
            owner_id: None,
            flags: Flags::new(),
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
    /// What may be chosen.
    pub options: Vec<String>,
    pub multiple_answers: bool,
}

impl FormField {
    pub fn text(id: &str) -> FormField {
        FormField {
            id: id.to_owned(),
            kind: "text".into(),
            required: false,
            custom: !is_builtin(id),
            options: vec![],
            multiple_answers: false,
        }
    }

    pub fn choice(id: &str, options: &[&str], multiple_answers: bool) -> FormField {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        FormField { kind: "multiple".into(), options, multiple_answers, ..FormField::text(id) }
    }

    fn asked(&self, order: usize) -> Value {
        let mut field = json!({ "id": self.id, "type": self.kind, "order": order, "required": self.required });
        if self.custom {
            field["custom"] = json!(true);
        }
        if self.kind == "multiple" {
            let items: Vec<_> = self.options.iter().map(|option| json!({ "value": option })).collect();
            field["options"] = json!({ "items": items, "multiple_answers": self.multiple_answers });
        }
        field
    }
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
    pub asks_for_email: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub published_at: Option<Timestamp>,
    pub flags: Flags,
    /// A `scheduling_status` that no page names, instead of the one that follows.
    pub said_status: Option<String>,
}

impl Event {
    pub(super) fn registration_link(&self) -> String {
        format!("https://app.livestorm.co/p/{}", self.id)
    }

    /// Of the questions of every form, those that this one has.
    pub(super) fn usual_questions(&self) -> impl Iterator<Item = &'static str> {
        USUAL_QUESTIONS.into_iter().filter(|id| self.asks_for_email || *id != "email")
    }
}

impl Livestorm {
    /// Hands an event over. `false` where there is no such event, or no such team member.
    pub fn set_event_owner(&mut self, event: &str, member: &str) -> bool {
        let now = self.clock.now();
        self.team.now(member).is_some()
            && self.events.change(event, now, |event| {
                event.owner_id = member.to_owned();
                event.updated_at = now;
            })
    }

    /// `false` where there is no such event, or no such flag.
    pub fn set_event_flag(&mut self, event: &str, flag: &str, value: Option<bool>) -> bool {
        let now = self.clock.now();
        let Some((flag, _)) = FLAGS.iter().find(|(name, _)| *name == flag) else { return false };
        self.events.change(event, now, |event| {
            event.flags.insert(flag, value);
            event.updated_at = now;
        })
    }

    /// From here on an event has a status that no page names: clients are told to be ready for one.
    pub fn say_event_status(&mut self, event: &str, status: Option<&str>) -> bool {
        let now = self.clock.now();
        self.events.change(event, now, |event| event.said_status = status.map(str::to_owned))
    }

    /// `scheduling_status` follows from the event and its sessions. Values [confirmed]; how they follow [inferred].
    pub(in crate::simulators) fn scheduling_status<'a>(&self, event: &'a Event, when: Timestamp) -> &'a str {
        if let Some(said) = &event.said_status {
            return said;
        }
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

    pub(super) fn event_attributes(&self, event: &Event, when: Timestamp, unknowns: &LivestormUnknowns) -> Value {
        let usual = event.usual_questions().map(|id| FormField { required: true, ..FormField::text(id) });
        let asked = usual.chain(event.fields.iter().cloned());
        let fields: Vec<Value> = asked.enumerate().map(|(order, field)| field.asked(order)).collect();
        let owner = self.team.now(&event.owner_id).unwrap_or_else(|| self.owner());
        let mut attributes = json!({
            "title": event.title,
            "slug": event.slug,
            "registration_link": event.registration_link(),
            "estimated_duration": event.estimated_duration_minutes,
            "description": event.description,
            "status": if event.published_at.is_some() { "published" } else { "draft" },
            "language": event.language,
            "published_at": times::written(event.published_at, unknowns),
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
        });
        for (flag, value) in &event.flags {
            attributes[*flag] = json!(value);
        }
        attributes
    }

    pub(super) fn event_resource(&self, event: &Event, when: Timestamp, unknowns: &LivestormUnknowns) -> Value {
        resource("events", &event.id, self.event_attributes(event, when, unknowns))
    }

    /// With what is asked for: the relationship, and the related themselves [inferred from public clients].
    pub(super) fn event_with(
        &self,
        event: &Event,
        when: Timestamp,
        includes: &mut Includes,
        unknowns: &LivestormUnknowns,
    ) -> Value {
        let mut row = self.event_resource(event, when, unknowns);
        if includes.has("sessions") {
            let sessions = self.sessions_of(&event.id, when).filter(|s| s.breakout_room_of.is_none());
            let sessions = sessions.map(|session| self.session_resource(session, when, unknowns)).collect();
            includes.relate_many(&mut row, "sessions", sessions);
        }
        if includes.has("tags") {
            includes.relate_many(&mut row, "tags", event.tags.iter().map(Tag::resource).collect());
        }
        row
    }
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
    let status = filters::one_of(call, "scheduling_status", &STATUSES, unknowns)?;
    let mut includes = Includes::read(call, &["sessions", "tags"], unknowns)?;
    let titled = |event: &Event, title: &str| match unknowns.title_filter {
        TitleFilter::Whole => event.title.to_lowercase() == title.to_lowercase(),
        TitleFilter::Part => event.title.to_lowercase().contains(&title.to_lowercase()),
    };
    let fits = |event: &&Event| {
        filters::text(call, "title").is_none_or(|title| titled(event, title))
            && everyone_can_speak.is_none_or(|wanted| event.flags.get("everyone_can_speak") == Some(&Some(wanted)))
            && status.is_none_or(|status| status == livestorm.scheduling_status(event, when))
            && filters::text(call, "tag").is_none_or(|titles| has_tag(event, titles))
            && created.holds(event.created_at)
            && updated.holds(event.updated_at)
    };
    let (events, meta) = page(call, livestorm.events.all_at(when).filter(fits).collect(), unknowns)?;
    let rows: Vec<_> =
        events.into_iter().map(|event| livestorm.event_with(event, when, &mut includes, unknowns)).collect();
    Ok(includes.body(json!(rows), Some(meta)))
}

/// `GET /v1/events/{id}`
pub(super) fn one(world: &World, call: &Call, id: &str, when: Timestamp) -> Result<Value, Refusal> {
    let unknowns = &world.options.unknowns.livestorm;
    let event = world.livestorm.events.at(id, when).ok_or_else(Refusal::not_found)?;
    filters::of_one(call, unknowns)?;
    let mut includes = Includes::read(call, &["sessions", "tags"], unknowns)?;
    let row = world.livestorm.event_with(event, when, &mut includes, unknowns);
    Ok(includes.body(row, None))
}
