//! What people do in Livestorm and with Account Engagement's forms, as scenarios and the desk say it.
//!
//! Promises: an act that cannot be changes nothing, and says why and what would help. Not here: when it is done
//! (`control`), what comes of it (each API's own folder).

use super::Time;
use crate::simulators::{
    World,
    account_engagement::{NewField, NewForm, NewFormHandler, campaigns::mirror},
    livestorm::{Attendance, FormField, NewEvent, NewRegistrant, NewSession, Role, Utm},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// People of one act.
const CROWD_MAX: u32 = 5000;

/// What somebody does in Livestorm, or with a form of Account Engagement. An event, a session and a form are called by the
/// name that their act gave them, or by id.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    CreateEvent(CreateEvent),
    Publish(OfEvent),
    ScheduleSession(ScheduleSession),
    CancelSession(OfSession),
    Register(Register),
    Crowd(Crowd),
    Start(OfSession),
    Attend(Attend),
    End(OfSession),
    Watch(Watch),
    AddForm(AddForm),
    AddFormHandler(AddForm),
    SubmitForm(SubmitForm),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateEvent {
    /// For later acts to call it by.
    pub name: Option<String>,
    pub title: String,
    #[serde(default)]
    pub on_demand: bool,
    /// Its form does not ask for an address.
    #[serde(default)]
    pub public: bool,
    /// Questions on its form.
    #[serde(default)]
    pub fields: Vec<String>,
    #[serde(default)]
    pub publish: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfEvent {
    pub event: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfSession {
    pub session: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSession {
    pub name: Option<String>,
    pub event: String,
    pub starts_at: Option<Time>,
    /// Seconds from this act on, instead of `starts_at`. Neither: on demand.
    pub starts_after: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    pub session: String,
    pub email: String,
    #[serde(default)]
    pub first_name: String,
    #[serde(default)]
    pub last_name: String,
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
    #[serde(default)]
    pub utm: BTreeMap<String, String>,
    pub referrer: Option<String>,
    #[serde(default)]
    pub team_member: bool,
}

/// Made-up people, as many as `count`, who register at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crowd {
    pub session: String,
    pub count: u32,
    /// The number of the first one: the same number is the same person.
    #[serde(default)]
    pub from: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attend {
    pub session: String,
    pub email: String,
    pub seconds: u64,
    #[serde(default)]
    pub messages: u32,
    #[serde(default)]
    pub questions: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    pub session: String,
    pub email: String,
}

/// A form, or a form handler. Each asks for the address, which it needs, for first and last name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddForm {
    /// For later acts to call it by.
    pub name: Option<String>,
    pub title: String,
    /// By the name or the id that Account Engagement has for it. Left out: the default campaign.
    pub campaign: Option<String>,
    /// API names of further prospect fields.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// Of a form or of a form handler.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitForm {
    /// Its name, or `forms/7001` and `form-handlers/8001`.
    pub form: String,
    #[serde(default)]
    pub email: String,
    /// API name -> what is typed in.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// Name -> id, of events, sessions and forms.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    fn note(&mut self, name: &Option<String>, id: &str) {
        if let Some(name) = name {
            self.0.insert(name.clone(), id.to_owned());
        }
    }

    fn id(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    fn event(&self, world: &World, name: &str) -> Result<String, String> {
        let id = self.id(name);
        world.livestorm.events.now(&id).is_some().then_some(id).ok_or_else(|| {
            format!("there is no event {name:?}; give the name from its create-event, or an id from GET /v1/events")
        })
    }

    fn session(&self, world: &World, name: &str) -> Result<String, String> {
        let id = self.id(name);
        world.livestorm.sessions.now(&id).is_some().then_some(id).ok_or_else(|| {
            format!(
                "there is no session {name:?}; give the name from its schedule-session, or an id from GET /v1/sessions"
            )
        })
    }
}

fn person(world: &World, email: &str) -> Result<String, String> {
    world.livestorm.person_id(email).ok_or_else(|| format!("nobody has registered as {email:?}; register them first"))
}

impl Act {
    /// Does it now. What there is to know of it, or why it cannot be.
    pub fn perform(&self, world: &mut World, names: &mut Names) -> Result<Value, String> {
        world.livestorm.follow(&world.options);
        match self {
            Act::CreateEvent(new) => {
                let fields = new.fields.iter().map(|id| FormField::text(id)).collect();
                let made = NewEvent {
                    title: new.title.clone(),
                    on_demand: new.on_demand,
                    asks_for_email: !new.public,
                    fields,
                    ..NewEvent::default()
                };
                let id = world.livestorm.create_event(made);
                names.note(&new.name, &id);
                if new.publish {
                    world.livestorm.publish(&id);
                }
                Ok(json!({ "event": id }))
            }
            Act::Publish(of) => {
                let event = names.event(world, &of.event)?;
                world.livestorm.publish(&event);
                Ok(json!({ "event": event }))
            }
            Act::ScheduleSession(new) => {
                let event = names.event(world, &new.event)?;
                let after = new.starts_after.map(|seconds| world.now().plus(Duration::from_secs(seconds)));
                let starts_at = new.starts_at.map(|Time(at)| at).or(after);
                let id = world.livestorm.create_session(&event, NewSession { starts_at, ..NewSession::default() });
                names.note(&new.name, &id);
                Ok(json!({ "event": event, "session": id }))
            }
            Act::Register(new) => {
                let session = names.session(world, &new.session)?;
                let registered = world.livestorm.register(&session, new.registrant()).map_err(|e| e.to_string())?;
                Ok(json!({ "session": session, "person": registered }))
            }
            Act::Crowd(crowd) => {
                let session = names.session(world, &crowd.session)?;
                if crowd.count > CROWD_MAX {
                    return Err(format!("a crowd has at most {CROWD_MAX} people"));
                }
                let numbers = (0..crowd.count).map(|n| crowd.from.saturating_add(n));
                let new = numbers.filter(|n| world.livestorm.register(&session, somebody(*n)).is_ok()).count();
                Ok(json!({ "session": session, "registered": new }))
            }
            Act::CancelSession(of) => step(world, names, of, "canceled: it has begun, or is on demand", |world, id| {
                world.livestorm.cancel_session(id)
            }),
            Act::Start(of) => {
                step(world, names, of, "started: it was started before, canceled, or is on demand", |world, id| {
                    world.livestorm.start_session(id)
                })
            }
            Act::End(of) => step(world, names, of, "ended: it is over, canceled, or on demand", |world, id| {
                let unknowns = world.options.unknowns.livestorm.clone();
                world.livestorm.end_session(id, &unknowns)
            }),
            Act::Attend(new) => {
                let (session, who) = (names.session(world, &new.session)?, person(world, &new.email)?);
                let unknowns = world.options.unknowns.livestorm.clone();
                let attendance = Attendance {
                    seconds: new.seconds,
                    messages: new.messages,
                    questions: new.questions,
                    ..Attendance::default()
                };
                match world.livestorm.attend(&session, &who, attendance, &unknowns) {
                    true => Ok(json!({ "session": session, "person": who })),
                    false => Err("they are not registered for this session, or it is on demand".into()),
                }
            }
            Act::Watch(new) => {
                let (session, who) = (names.session(world, &new.session)?, person(world, &new.email)?);
                let unknowns = world.options.unknowns.livestorm.clone();
                match world.livestorm.watch_replay(&session, &who, &unknowns) {
                    true => Ok(json!({ "session": session, "person": who })),
                    false => {
                        Err("there is no replay: the session has not ended, or they are not registered for it".into())
                    }
                }
            }
            Act::AddForm(new) => {
                let (campaign_id, fields) = new.checked(world)?;
                let id = world.add_form(NewForm { campaign_id, fields, ..NewForm::new(&new.title) });
                let form = format!("forms/{id}");
                names.note(&new.name, &form);
                let path = world.account_engagement.forms.now(&id).map(|form| form.path());
                Ok(json!({ "form": form, "path": path }))
            }
            Act::AddFormHandler(new) => {
                let (campaign_id, fields) = new.checked(world)?;
                let id =
                    world.add_form_handler(NewFormHandler { campaign_id, fields, ..NewFormHandler::new(&new.title) });
                let form = format!("form-handlers/{id}");
                names.note(&new.name, &form);
                let path = world.account_engagement.form_handlers.now(&id).map(|handler| handler.path());
                Ok(json!({ "form": form, "path": path }))
            }
            Act::SubmitForm(new) => {
                let form = names.id(&new.form);
                let id = |id: &str| id.parse().unwrap_or_default();
                let done = match form.split_once('/') {
                    Some(("forms", form)) => world.submit_form(id(form), &new.email, &new.fields),
                    Some(("form-handlers", handler)) => world.submit_form_handler(id(handler), &new.email, &new.fields),
                    _ => None,
                };
                let done = done.ok_or_else(|| {
                    format!(
                        "there is no form {:?}; give the name from its add-form or add-form-handler, or forms/<id>",
                        new.form
                    )
                })?;
                Ok(json!({ "form": form, "activity": done.activity, "prospect": done.prospect, "errors": done.errors }))
            }
        }
    }
}

fn step(
    world: &mut World,
    names: &Names,
    of: &OfSession,
    cannot: &str,
    step: impl FnOnce(&mut World, &str) -> bool,
) -> Result<Value, String> {
    let session = names.session(world, &of.session)?;
    match step(world, &session) {
        true => Ok(json!({ "session": session })),
        false => Err(format!("the session cannot be {cannot}")),
    }
}

impl AddForm {
    /// The campaign's id, and what the form asks for.
    fn checked(&self, world: &mut World) -> Result<(Option<u64>, Vec<NewField>), String> {
        mirror(world);
        let campaigns = &world.account_engagement.campaigns;
        let campaign = match &self.campaign {
            None => None,
            Some(wanted) => {
                let mut known = campaigns.all().rev();
                let found = known.find(|known| known.name == *wanted || known.id.to_string() == *wanted);
                Some(found.map(|found| found.id).ok_or_else(|| {
                    format!("Account Engagement has no campaign {wanted:?}, or not yet; see campaigns in GET /simulators/world")
                })?)
            }
        };
        if let Some(unknown) = self.fields.iter().find(|name| !world.has_prospect_field(name)) {
            return Err(format!("prospects have no field {unknown:?} that a form could fill; custom ones end in __c"));
        }
        let further = self.fields.iter().map(|name| NewField::text(name));
        Ok((campaign, NewField::usual().into_iter().chain(further).collect()))
    }
}

impl Register {
    fn registrant(&self) -> NewRegistrant {
        let utm = |name: &str| self.utm.get(name).cloned();
        NewRegistrant {
            email: self.email.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            fields: self.fields.clone().into_iter().collect(),
            role: if self.team_member { Role::TeamMember } else { Role::Participant },
            referrer: self.referrer.clone(),
            utm: Utm {
                source: utm("source"),
                medium: utm("medium"),
                term: utm("term"),
                content: utm("content"),
                campaign: utm("campaign"),
            },
            ..NewRegistrant::default()
        }
    }
}

/// The made-up person of a number.
fn somebody(number: u32) -> NewRegistrant {
    const FIRST: [&str; 12] =
        ["Ada", "Bo", "Chiara", "Deniz", "Edith", "Farid", "Greta", "Hugo", "Inès", "Jonas", "Kenji", "Lúcia"];
    const LAST: [&str; 11] =
        ["Abel", "Brandt", "Costa", "Dupont", "Evans", "Fischer", "García", "Hansen", "Ito", "Jansen", "Kowalski"];
    let index = number as usize;
    NewRegistrant {
        email: format!("person{number}@example.org"),
        first_name: FIRST[index % FIRST.len()].into(),
        last_name: LAST[index % LAST.len()].into(),
        ..NewRegistrant::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        simulators::account_engagement::{CustomKind, NewCustomField},
    };

    #[test]
    fn a_crowd_has_its_bound_and_the_same_number_is_the_same_person() {
        let clock = std::sync::Arc::new(crate::clock::SimulatedClock::new(Timestamp::from_seconds(1_795_420_800)));
        let (mut world, mut names) = (World::new(clock, Default::default()), Names::default());
        let event = world.livestorm.create_event(NewEvent::default());
        let session = world.livestorm.create_session(&event, NewSession::default());
        let crowd = |from, count| Act::Crowd(Crowd { session: session.clone(), from, count });
        assert_eq!(crowd(0, 10).perform(&mut world, &mut names).unwrap()["registered"], 10);
        assert_eq!(crowd(5, 10).perform(&mut world, &mut names).unwrap()["registered"], 5);
        assert!(crowd(0, CROWD_MAX + 1).perform(&mut world, &mut names).unwrap_err().contains("5000"));
    }

    #[test]
    fn a_public_event_asks_for_no_address() {
        let clock = std::sync::Arc::new(crate::clock::SimulatedClock::new(Timestamp::from_seconds(1_795_420_800)));
        let (mut world, mut names) = (World::new(clock, Default::default()), Names::default());
        for arguments in [json!({ "title": "Open house", "public": true }), json!({ "title": "Demo" })] {
            let act: Act = serde_json::from_value(json!({ "create-event": arguments })).unwrap();
            act.perform(&mut world, &mut names).unwrap();
        }
        let asks: Vec<bool> = world.livestorm.events.all().map(|event| event.asks_for_email).collect();
        assert_eq!(asks, [false, true]);
    }

    #[test]
    fn a_form_of_a_campaign_is_added_and_submitted_by_its_name() {
        let clock = crate::clock::SimulatedClock::new(Timestamp::from_seconds(1_795_420_800));
        let (mut world, mut names) = (World::new(std::sync::Arc::new(clock), Default::default()), Names::default());
        world.add_connected_campaign("Launch");
        world.account_engagement.add_custom_field(NewCustomField::new("Topic__c", CustomKind::Text));
        let act = |name: &str, arguments: Value| serde_json::from_value::<Act>(json!({ name: arguments })).unwrap();
        let form = json!({ "name": "f", "title": "Register", "campaign": "Launch", "fields": ["Topic__c"] });
        for (kind, id) in [("add-form", "forms/7001"), ("add-form-handler", "form-handlers/8001")] {
            let told = act(kind, form.clone()).perform(&mut world, &mut names).unwrap();
            assert_eq!(told["form"], id);
            let submit = json!({ "form": "f", "email": "ana@example.org", "fields": { "Topic__c": id } });
            let told = act("submit-form", submit).perform(&mut world, &mut names).unwrap();
            assert_eq!(told["errors"], json!([]));
            let seen = world.snapshot();
            let activity = seen.visitor_activities.last().unwrap();
            assert_eq!((activity.kind, activity.prospect_email.as_deref()), (4, Some("ana@example.org")));
            assert_eq!(activity.campaign_id, Some(seen.forms[0].campaign_id));
            assert_eq!(seen.forms[0].campaign_name.as_deref(), Some("Launch"));
            assert_eq!(seen.prospects[0].fields["Topic__c"], id);
        }
        let told = act("submit-form", json!({ "form": "forms/7001" })).perform(&mut world, &mut names).unwrap();
        assert_eq!(told["errors"], json!(["This field is required"]));
        let seen = world.snapshot();
        assert_eq!(seen.form_handlers[0].path, "/l/900001/2026-11-23/1f41h");
        assert_eq!(serde_json::from_value::<crate::simulators::Snapshot>(json!(seen)).unwrap(), seen);
        let rows = [
            ("add-form", json!({ "title": "x", "campaign": "Lunch" }), "no campaign \"Lunch\""),
            ("add-form", json!({ "title": "x", "fields": ["Other__c"] }), "no field \"Other__c\""),
            ("submit-form", json!({ "form": "g" }), "no form \"g\""),
            ("submit-form", json!({ "form": "forms/x" }), "no form \"forms/x\""),
        ];
        for (name, arguments, wanted) in rows {
            let told = act(name, arguments).perform(&mut world, &mut names).unwrap_err();
            assert!(told.contains(wanted), "{told}");
        }
    }
}
