//! What the org says of its fields: which there are, how long, of what kind, who may write them. Asked once a day (once an hour while
//! there is no field for replays), and again when other fields are mapped; of each object the mapped fields alone are remembered.
//!
//! Promise: an object that cannot be described is written to as it is mapped. Not here: what fits a field (`field.rs`).
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-sobject-describe.html>

use super::{
    calls::DESCRIBE,
    errors::{About, ApiError, Verdict},
    field::{Described, Field, code_of, field},
};
use crate::{
    executor::{self, Flow},
    host::{DAY, Entry, HOUR, HttpError, Instant, MINUTE},
    json::{self, scalar},
    mapping::{
        self,
        target_field::{Object, salesforce::COMPANY},
    },
    plain::{from_text, to_text},
    stop::{Doing, Stop, for_http},
    work::Work,
};
use serde_json::Value;

/// In lower case.
pub const REPLAY_LABEL: &str = "livestorm replay status";
/// As Salesforce names the field by itself, and as people shorten that. What goes out is granted by name, so a field of another
/// name has to stand in the settings.
pub const REPLAY_NAMES: [&str; 2] = ["Livestorm_Replay_Status__c", "LivestormReplayStatus__c"];
pub struct Org {
    pub lead: Described,
    pub contact: Described,
    pub member: Described,
}

impl Org {
    pub fn of(&self, object: Object) -> &Described {
        match object {
            Object::Lead => &self.lead,
            Object::Contact => &self.contact,
            Object::CampaignMember | Object::Prospect => &self.member,
        }
    }
}

/// As it is remembered, or asked now.
pub async fn org(work: &Work<'_>) -> Result<Org, Stop> {
    let ask = |object: Object| -> Flow<'_, Result<Described, Stop>> { Box::pin(described(work, object)) };
    let all = executor::all([Object::Lead, Object::Contact, Object::CampaignMember].map(ask).into()).await;
    let mut all = all.into_iter();
    let mut next = || all.next().unwrap_or(Ok(Described::default()));
    Ok(Org { lead: next()?, contact: next()?, member: next()? })
}

fn key(object: Object) -> String {
    format!("describe/{}", object.name())
}

/// Something is otherwise than it was told: asked again, but not all the time. False: it was forgotten just now, and that did not
/// help.
pub fn forget(work: &Work<'_>) -> bool {
    const FORGOTTEN: &str = "describe/forgotten";
    let at: Option<Instant> = work.host.get(FORGOTTEN).and_then(|text| text.parse().ok());
    if at.is_some_and(|at| work.now() < at + 10 * MINUTE) {
        return false;
    }
    [Object::Lead, Object::Contact, Object::CampaignMember].iter().for_each(|object| work.host.delete(&key(*object)));
    work.host.set(Entry { key: FORGOTTEN.into(), value: work.now().to_string(), subject: None });
    true
}

/// The fields that matter to us.
fn wanted(work: &Work<'_>, object: Object) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for field in mapping::fields(&work.settings.mapping, object) {
        if object != Object::Contact || field != COMPANY {
            names.extend([field.to_string(), code_of(field)].into_iter().filter(|name| !name.is_empty()));
        }
    }
    names.extend(
        match object {
            Object::Lead => vec!["Email", "LastName", COMPANY],
            Object::Contact => vec!["Email", "LastName", "IsPersonAccount"],
            Object::CampaignMember | Object::Prospect => vec!["Status"],
        }
        .into_iter()
        .map(str::to_string),
    );
    names.extend(work.settings.salesforce.replay_field.clone().filter(|_| object == Object::CampaignMember));
    names.sort_unstable();
    names.dedup();
    names
}

async fn described(work: &Work<'_>, object: Object) -> Result<Described, Stop> {
    let (key, asked) = (key(object), wanted(work, object));
    let noted = work.host.get(&key).and_then(|text| from_text::<Described>(&text).ok());
    if let Some(noted) = noted.filter(|noted| work.now() < noted.until && noted.asked == asked) {
        return Ok(noted);
    }
    let doing = Doing { what: "read the fields", whom: object.name() };
    let answer = work.send(DESCRIBE.request(&[object.name()], &[], None)).await;
    let now = work.now();
    let body = match answer {
        Ok(response) if response.is_success() => json::parse(&response.body).ok(),
        Ok(response) => {
            let error = ApiError::of(&response);
            match error.verdict() {
                Verdict::SignIn | Verdict::LimitReached | Verdict::Locked | Verdict::NotKnown => {
                    return Err(error.stop(now, &doing, About::Person));
                }
                // Hidden from the user.
                _ => None,
            }
        }
        // Larger than an answer may be.
        Err(HttpError::Unusable(_)) => None,
        Err(error) => return Err(for_http(&error, now, &doing)),
    };
    let described = match body {
        Some(body) => {
            let chosen = work.settings.salesforce.replay_field.as_deref();
            let described = read(&body, asked, object, chosen);
            // Somebody may be about to make the field.
            let is_missing = object == Object::CampaignMember && described.replay.is_none();
            Described { until: now + if is_missing { HOUR } else { DAY }, ..described }
        }
        None => Described { until: now + HOUR, asked, ..Described::default() },
    };
    told(work, object, &described);
    work.host.set(Entry { key, value: to_text(&described), subject: None });
    Ok(described)
}

/// Once a day, or once an hour where something is missing, and not once a person.
fn told(work: &Work<'_>, object: Object, described: &Described) {
    if !described.is_known {
        let message =
            format!("Salesforce does not tell the fields of {}: they are written as they are mapped.", object.name());
        work.warn("not-described", &message, None);
        return;
    }
    if object == Object::CampaignMember && described.replay.is_none() {
        let message = match &described.labelled {
            Some(name) => format!(
                "The field \"Livestorm Replay Status\" of campaign members is called {name}: write that into the setting \
                 /salesforce/replay_field. Until then nobody's replay is noted there; all else is written."
            ),
            None => "Campaign members have no field \"Livestorm Replay Status\" that the connected user may edit, so who watches a \
                     replay is not noted there. `harness check --fix` makes it; all else is written."
                .into(),
        };
        work.warn("replay-field-missing", &message, None);
    }
}

fn read(body: &Value, asked: Vec<String>, object: Object, replay_field: Option<&str>) -> Described {
    let all: Vec<&Value> = body.get("fields").and_then(Value::as_array).into_iter().flatten().collect();
    let text = |field: &Value, name: &str| field.get(name).and_then(scalar).unwrap_or_default();
    let chosen = replay_field.filter(|name| !name.is_empty());
    let named = |field: &&&Value| match chosen {
        Some(chosen) => text(field, "name") == chosen,
        None => REPLAY_NAMES.contains(&text(field, "name").as_str()),
    };
    let is_labelled = |field: &&&Value| {
        text(field, "name").ends_with("__c") && text(field, "label").trim().to_lowercase() == REPLAY_LABEL
    };
    let all_members = || all.iter().filter(|_| object == Object::CampaignMember);
    let replay = all_members().find(named).map(|field| self::field(field)).filter(|field| field.is_writable);
    let labelled = all_members().find(is_labelled).map(|field| text(field, "name"));
    let is_asked = |field: &&&Value| asked.contains(&text(field, "name"));
    let mut fields: Vec<Field> = all.iter().filter(is_asked).map(|field| self::field(field)).collect();
    let name = replay.map(|field| {
        let name = field.name.clone();
        if !fields.iter().any(|other| other.name == name) {
            fields.push(field);
        }
        name
    });
    Described { until: 0, asked, is_known: true, fields, replay: name, labelled }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{
        host::Unusable,
        salesforce::field::Choice,
        story::state::says,
        test_host::{TestHost, answer, ok, on_host},
    };
    use serde_json::json;

    pub fn told(fields: Value) -> Described {
        let fields: Vec<Value> = fields
            .as_array()
            .unwrap()
            .iter()
            .map(|field| {
                let mut whole =
                    json!({"type": "string", "label": "", "length": 0, "createable": true, "updateable": true});
                field.as_object().unwrap().iter().for_each(|(name, value)| whole[name] = value.clone());
                whole
            })
            .collect();
        let asked = fields.iter().map(|field| field["name"].as_str().unwrap().to_string()).collect();
        read(&json!({"fields": fields}), asked, Object::CampaignMember, None)
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_fields_is_still_read() {
        let values = Some(vec![Choice { value: "sent".into(), label: "Sent".into() }]);
        let status = Field { name: "Status".into(), kind: "text".into(), length: Some(40), is_writable: true, values };
        let told = Described {
            until: 1_645_086_400_000,
            asked: vec!["Status".into()],
            is_known: true,
            fields: vec![status],
            replay: Some("Livestorm_Replay_Status__c".into()),
            labelled: Some("Replay__c".into()),
        };
        says("people", &key(Object::CampaignMember), &told);
    }

    /// S3-24: whoever makes the field waits an hour and not a day.
    #[test]
    fn a_missing_field_for_replays_is_looked_for_every_hour() {
        let asked_again = |fields: &'static str, later: u64| {
            let host = TestHost::new(0, move |_| ok(&format!(r#"{{"fields":[{fields}]}}"#)));
            for now in [0, later] {
                host.set_now(now);
                on_host(&host, async |work| assert!(org(work).await.is_ok()));
            }
            let requests: Vec<String> =
                host.requests().into_iter().skip(3).map(|request| request.path[4].clone()).collect();
            requests
        };
        let there = r#"{"name":"Livestorm_Replay_Status__c","createable":true,"updateable":true}"#;
        assert_eq!(asked_again("", HOUR - 1), [""; 0]);
        assert_eq!(asked_again("", HOUR + 1), ["CampaignMember"]);
        assert_eq!(asked_again(there, HOUR + 1), [""; 0]);
        assert_eq!(asked_again(there, DAY + 1), ["Lead", "Contact", "CampaignMember"]);
    }

    #[test]
    fn an_object_that_cannot_be_described_is_written_as_it_is_mapped_and_a_disturbance_is_waited_for() {
        let hidden = || answer(404, r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#);
        let large = || Err(HttpError::Unusable(Unusable { status: Some(200), problem: "5 MiB".into() }));
        let ask = |told: fn() -> crate::host::Answer| {
            let host = TestHost::new(0, move |_| told());
            on_host(&host, async |work| described(work, Object::Lead).await)
        };
        for told in [hidden as fn() -> _, large] {
            assert_eq!(ask(told).map(|described| (described.is_known, described.until)), Ok((false, HOUR)));
        }
        let locked =
            || answer(400, r#"[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"unable to obtain exclusive access"}]"#);
        for told in [(|| answer(503, "")) as fn() -> _, locked] {
            assert!(matches!(ask(told), Err(Stop::Later(_))));
        }
    }

    /// S3-23.
    #[test]
    fn the_field_for_replays_is_found_by_label_or_name() {
        let rows: [(Value, Option<&str>, Option<&str>); 4] = [
            (json!([{"name": "Livestorm_Replay_Status__c"}]), Some("Livestorm_Replay_Status__c"), None),
            (json!([{"name": "Replay__c", "label": " Livestorm replay STATUS"}]), None, Some("Replay__c")),
            (json!([{"name": "Livestorm_Replay_Status__c", "updateable": false}]), None, None),
            (json!([{"name": "Other__c", "label": "Replay"}]), None, None),
        ];
        for (fields, replay, labelled) in rows {
            let org = told(fields.clone());
            assert_eq!((org.replay.as_deref(), org.labelled.as_deref()), (replay, labelled), "{fields}");
        }
        let chosen = read(
            &json!({"fields": [{"name": "Mine__c", "createable": true, "updateable": true}]}),
            vec![],
            Object::CampaignMember,
            Some("Mine__c"),
        );
        assert_eq!(chosen.replay.as_deref(), Some("Mine__c"));
    }
}
