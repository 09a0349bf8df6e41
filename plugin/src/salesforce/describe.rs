//! What the org says of its fields: which there are, how long, of what kind, who may write them. Asked once a day (once an hour while
//! there is no field for replays), and again when other fields are mapped; of each object the mapped fields alone are remembered.
//!
//! Promises: a value is made to fit its field, or left out with the reason (RULES 18): cut where it is too long, turned into its code
//! where the org has picklists of states and countries. An object that cannot be described is written to as it is mapped.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-sobject-describe.html>

use super::{
    calls::DESCRIBE,
    errors::{About, ApiError, Verdict},
};
use crate::{
    executor::{self, Flow},
    host::{DAY, Entry, HOUR, HttpError, Instant},
    json::{self, scalar},
    mapping::{
        self,
        target_field::{Kind, Object, salesforce::COMPANY},
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
/// What is remembered under one key has 64 KiB; more values than that are not checked.
const VALUES_BYTES_MAX: usize = 30_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    pub name: String,
    kind: String,
    length: Option<u64>,
    is_writable: bool,
    /// Of a picklist that takes no other: value and label.
    values: Option<Vec<Choice>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    value: String,
    label: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    until: Instant,
    asked: Vec<String>,
    /// The org has told of it.
    is_known: bool,
    fields: Vec<Field>,
    /// Of campaign members: where replays are noted.
    pub replay: Option<String>,
    /// Labelled like it, under a name that the settings would have to say.
    labelled: Option<String>,
}

plain!(Choice { value, label });
plain!(Field { name, kind, length, is_writable, values });
plain!(Described { until, asked, is_known, fields, replay, labelled });

/// A value as its field takes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fitted {
    /// Under its field, which may be another: `CountryCode` for `Country`.
    Value {
        field: String,
        text: String,
        is_cut: bool,
    },
    LeftOut(String),
}

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

/// Something is otherwise than it was told: asked again.
pub fn forget(work: &Work<'_>) {
    [Object::Lead, Object::Contact, Object::CampaignMember].iter().for_each(|object| work.host.delete(&key(*object)));
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

/// The field that stands for it where the org has picklists of states and countries.
/// `FIELD_INTEGRITY_EXCEPTION` on text, confirmed by measurements of public clients.
pub fn code_of(field: &str) -> String {
    let has_code = ["Country", "State"].iter().any(|part| field.strip_prefix("Mailing").unwrap_or(field) == *part);
    if has_code { format!("{field}Code") } else { String::new() }
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
                Verdict::SignIn | Verdict::LimitReached | Verdict::NotKnown => {
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

fn field(field: &Value) -> Field {
    let text = |name: &str| field.get(name).and_then(scalar).unwrap_or_default();
    let is = |name: &str| field.get(name).and_then(Value::as_bool) == Some(true);
    let name = text("name");
    let kind = match text("type").as_str() {
        "int" | "long" | "double" | "currency" | "percent" => "number",
        "boolean" => "boolean",
        _ => "text",
    };
    let is_address_code = name.ends_with("StateCode") || name.ends_with("CountryCode");
    let is_picklist = text("type") == "picklist" && (is("restrictedPicklist") || is_address_code);
    let choice = |row: &Value| {
        let text = |name: &str| row.get(name).and_then(scalar);
        let value = text("value").filter(|_| row.get("active").and_then(Value::as_bool) != Some(false))?;
        Some(Choice { label: text("label").unwrap_or_else(|| value.clone()), value })
    };
    let rows = field.get("picklistValues").and_then(Value::as_array).into_iter().flatten();
    let values: Vec<Choice> = rows.filter_map(choice).collect();
    let bytes: usize = values.iter().map(|choice| choice.value.len() + choice.label.len() + 24).sum();
    Field {
        kind: kind.into(),
        length: field.get("length").and_then(Value::as_u64).filter(|length| *length > 0 && kind == "text"),
        is_writable: is("createable") && is("updateable"),
        values: Some(values).filter(|_| is_picklist && bytes <= VALUES_BYTES_MAX),
        name,
    }
}

impl Described {
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Those of these fields that a query can show; all where nothing is known.
    pub fn readable<'a>(&self, names: Vec<&'a str>) -> Vec<String> {
        let shown = |name: &'a str| {
            let code = code_of(name);
            if self.has(&code) {
                Some(code)
            } else {
                Some(name.to_string()).filter(|name| !self.is_known || self.has(name))
            }
        };
        names.into_iter().filter_map(shown).collect()
    }

    pub fn length(&self, name: &str) -> Option<usize> {
        self.field(name)?.length.and_then(|length| usize::try_from(length).ok())
    }

    /// `lengths`: what Salesforce has said of fields since.
    pub fn fit(&self, target: &str, text: &str, lengths: &[(String, usize)]) -> Fitted {
        let value = |field: &str, text: String, is_cut| Fitted::Value { field: field.into(), text, is_cut };
        let cut = |text: &str| {
            let told = lengths.iter().find(|(field, _)| field == target).map(|(_, most)| *most);
            let (text, is_cut) = cut(text, told.or(self.length(target)).unwrap_or(usize::MAX));
            value(target, text, is_cut)
        };
        if !self.is_known {
            return cut(text);
        }
        let code = code_of(target);
        if let Some(field) = self.field(&code) {
            return match field.code(text) {
                Some(text) => value(&code, text, false),
                None => Fitted::LeftOut(format!("\"{text}\" is none of the org's values")),
            };
        }
        let Some(field) = self.field(target) else {
            return Fitted::LeftOut("the connected user sees no such field".into());
        };
        if !field.is_writable {
            return Fitted::LeftOut("the connected user may not write it".into());
        }
        match field.kind.as_str() {
            "number" => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => value(target, text.trim().into(), false),
                _ => Fitted::LeftOut(format!("\"{text}\" is no number")),
            },
            "boolean" => match text {
                "true" | "false" => value(target, text.into(), false),
                _ => Fitted::LeftOut(format!("\"{text}\" is neither true nor false")),
            },
            _ => match &field.values {
                Some(values) if !values.iter().any(|choice| choice.value == text) => match field.code(text) {
                    Some(text) => value(target, text, false),
                    None => Fitted::LeftOut(format!("\"{text}\" is none of the values that it takes")),
                },
                _ => cut(text),
            },
        }
    }

    /// As what the API takes it.
    pub fn typed(&self, name: &str, text: &str, made: Kind) -> Value {
        let kind = match self.field(name).map(|field| field.kind.as_str()) {
            Some("number") => Kind::Number,
            Some("boolean") => Kind::Boolean,
            Some(_) => Kind::Text,
            None => made,
        };
        let parsed = || json::parse(text.as_bytes()).ok().filter(|value| value.is_number() || value.is_boolean());
        match kind {
            Kind::Text => text.into(),
            Kind::Number | Kind::Boolean => parsed().unwrap_or_else(|| text.into()),
        }
    }

    /// Two texts of a field say the same: numbers are told in several forms.
    pub fn is_same(&self, name: &str, one: &str, other: &str) -> bool {
        let is_number = self.field(name).is_some_and(|field| field.kind == "number");
        one == other || is_number && one.parse::<f64>().is_ok_and(|number| other.parse() == Ok(number))
    }
}

impl Field {
    /// The value that is meant, by value or by label, whatever the case; nothing where several are.
    fn code(&self, text: &str) -> Option<String> {
        let values = self.values.as_ref()?;
        let text = text.trim().to_lowercase();
        let of = |is: &dyn Fn(&Choice) -> bool| -> Vec<&Choice> { values.iter().filter(|choice| is(choice)).collect() };
        let by_value = of(&|choice| choice.value.to_lowercase() == text);
        let by_label = of(&|choice| choice.label.to_lowercase() == text);
        match (&by_value[..], &by_label[..]) {
            ([choice], _) | ([], [choice]) => Some(choice.value.clone()),
            _ => None,
        }
    }
}

/// At most so many characters, counted as Salesforce does: a rare character of two halves counts twice.
pub fn cut(text: &str, most: usize) -> (String, bool) {
    let mut length = 0;
    for (at, letter) in text.char_indices() {
        length += letter.len_utf16();
        if length > most {
            return (text[..at].trim_end().to_string(), true);
        }
    }
    (text.to_string(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::Unusable,
        story::state::says,
        test_host::{TestHost, answer, ok, on_host},
    };
    use proptest::prelude::*;
    use serde_json::json;

    fn told(fields: Value) -> Described {
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
        assert!(matches!(ask(|| answer(503, "")), Err(Stop::Later(_))));
    }

    /// RULES 18.
    #[test]
    fn a_value_is_made_to_fit_its_field_or_left_out_with_the_reason() {
        let picklist = |values: &[(&str, &str)]| -> Value {
            values.iter().map(|(value, label)| json!({"value": value, "label": label, "active": true})).collect()
        };
        let org = told(json!([
            {"name": "LastName", "length": 5}, {"name": "Size__c", "type": "double"}, {"name": "Agreed__c", "type": "boolean"},
            {"name": "Hidden__c", "updateable": false},
            {"name": "Colour__c", "type": "picklist", "restrictedPicklist": true, "picklistValues": picklist(&[("red", "Red")])},
            {"name": "Free__c", "type": "picklist", "restrictedPicklist": false, "picklistValues": picklist(&[("red", "Red")])},
            {"name": "CountryCode", "type": "picklist", "picklistValues": picklist(&[("NO", "Norway"), ("GB", "United Kingdom")])},
            {"name": "StateCode", "type": "picklist", "picklistValues": picklist(&[("LI", "Limburg"), ("VLI", "Limburg")])},
        ]));
        type Row = (&'static str, &'static str, Result<(&'static str, &'static str, bool), &'static str>);
        let rows: [Row; 14] = [
            ("LastName", "Lund", Ok(("LastName", "Lund", false))),
            ("LastName", "Lundberg", Ok(("LastName", "Lundb", true))),
            ("Size__c", "12.5", Ok(("Size__c", "12.5", false))),
            ("Size__c", "many", Err("is no number")),
            ("Agreed__c", "true", Ok(("Agreed__c", "true", false))),
            ("Agreed__c", "yes", Err("neither true nor false")),
            ("Hidden__c", "x", Err("may not write it")),
            ("Gone__c", "x", Err("sees no such field")),
            ("Colour__c", "RED", Ok(("Colour__c", "red", false))),
            ("Colour__c", "blue", Err("none of the values")),
            ("Free__c", "blue", Ok(("Free__c", "blue", false))),
            ("Country", "norway", Ok(("CountryCode", "NO", false))),
            ("Country", "gb", Ok(("CountryCode", "GB", false))),
            ("State", "Limburg", Err("none of the org's values")),
        ];
        for (target, text, expected) in rows {
            match (org.fit(target, text, &[]), expected) {
                (Fitted::Value { field, text, is_cut }, Ok(expected)) => {
                    assert_eq!((field.as_str(), text.as_str(), is_cut), expected, "{target}");
                }
                (Fitted::LeftOut(why), Err(said)) => assert!(why.contains(said), "{target}: {why}"),
                (other, expected) => panic!("{target} {text}: {other:?}, not {expected:?}"),
            }
        }
        let told = [("LastName".to_string(), 3)];
        assert!(
            matches!(org.fit("LastName", "Lund", &told), Fitted::Value { text, is_cut: true, .. } if text == "Lun")
        );
        assert_eq!(org.readable(vec!["Country", "Gone__c", "LastName"]), ["CountryCode", "LastName"]);
        let unknown = Described::default();
        assert!(matches!(unknown.fit("Anything", "x", &[]), Fitted::Value { .. }));
    }

    #[test]
    fn values_go_as_their_fields_take_them_and_numbers_are_the_same_in_every_form() {
        let org =
            told(json!([{"name": "N__c", "type": "double"}, {"name": "B__c", "type": "boolean"}, {"name": "T__c"}]));
        assert_eq!(org.typed("N__c", "12", Kind::Text), json!(12));
        assert_eq!(org.typed("B__c", "true", Kind::Text), json!(true));
        assert_eq!(org.typed("T__c", "12", Kind::Number), json!("12"));
        assert_eq!(org.typed("X__c", "12", Kind::Number), json!(12));
        assert!(org.is_same("N__c", "12", "12.0") && !org.is_same("T__c", "12", "12.0"));
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

    proptest! {
        #[test]
        fn what_is_cut_fits_and_is_a_beginning(text in ".{0,60}", most in 0usize..40) {
            let (short, is_cut) = cut(&text, most);
            prop_assert!(short.encode_utf16().count() <= most || !is_cut);
            prop_assert!(text.starts_with(&short));
            prop_assert_eq!(is_cut, text.encode_utf16().count() > most);
        }
    }
}
