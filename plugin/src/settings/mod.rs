//! What a customer may set.
//!
//! Promises: a mistake is told with its JSON pointer and the corrected form; settings without a blocker always parse; what is
//! left out takes its default. `settings.schema.json` is generated from these structs; a test fails where it is stale.
//! Not here: what a schema can say (`schema.rs`), what fields and transforms do (`mapping/`).

mod registration;
mod salesforce;
mod schema;

pub use registration::{Answer, Answers, EMAIL, Registration};
pub use salesforce::{Duplicates, NewPeople, Salesforce};

use crate::{
    account_engagement::activity::Activity,
    domain::email::Email,
    host::{Finding, Severity},
    json,
    mapping::{self, Mapping, source_path::Occasion, target_field::Object, template},
    values::Values,
};
use serde::Deserialize;
use serde_json::Value;

pub const SCHEMA: &str = include_str!("settings.schema.json");

/// # Livestorm to Salesforce
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct Settings {
    /// # Destination
    ///
    /// account_engagement: prospects, lists and external activities. salesforce: leads, contacts and campaign members.
    pub destination: Destination,
    /// # How people register
    ///
    /// livestorm_forms: by Livestorm's own forms. account_engagement_forms: also by forms and form handlers of Account Engagement
    /// whose campaign is the one of a session; then nobody gets external activities, and attendance and replays are told by mapped
    /// fields alone.
    pub registration: Registration,
    pub answers: Answers,
    pub account_engagement: AccountEngagement,
    pub salesforce: Salesforce,
    pub salesforce_campaign: SalesforceCampaign,
    pub events: Events,
    pub left_out: LeftOut,
    /// # Who is removed from a session
    ///
    /// In Livestorm, before the session or without having attended. leave: stays where they are, which is told. remove: is taken off the
    /// session's list in Account Engagement, or gets the member status "Removed" in Salesforce. Registering again brings them back.
    pub removed_registrants: RemovedRegistrants,
    pub webhooks: Webhooks,
    pub mapping: Mapping,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RemovedRegistrants {
    #[default]
    Leave,
    Remove,
}

/// # Webhooks at Livestorm
///
/// They are made when the connector is switched on, where the host has an address that Livestorm can reach.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct Webhooks {
    /// # Signed
    ///
    /// Whether Livestorm signs what it sends to them: then its secret must be entered, and what is not signed is refused.
    pub signed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    #[default]
    AccountEngagement,
    Salesforce,
}

/// # Account Engagement
///
/// Only where Account Engagement is the destination.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct AccountEngagement {
    /// # Marketing app extension
    ///
    /// DeveloperName of the extension in Salesforce Setup > Marketing App Extensions that is assigned to the business unit.
    #[cfg_attr(test, schemars(length(min = 1, max = 80)))]
    pub extension: String,
    pub activity_types: ActivityTypes,
    pub activity_values: ActivityValues,
}

impl Default for AccountEngagement {
    fn default() -> Self {
        Self { extension: "Livestorm".into(), activity_types: Default::default(), activity_values: Default::default() }
    }
}

/// Texts by activity, with their defaults.
macro_rules! by_activity {
    ($(#[$doc:meta])* $name:ident, $max:literal { $($(#[$field_doc:meta])* $field:ident = $default:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
        #[serde(default)]
        pub struct $name {
            $($(#[$field_doc])* #[cfg_attr(test, schemars(length(min = 1, max = $max)))] pub $field: String,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default.into(),)* }
            }
        }

        impl $name {
            /// In the order of the form.
            pub fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($field), self.$field.as_str()),)*]
            }
        }
    };
}

by_activity! {
    /// # Activity types
    ///
    /// DeveloperNames of the extension's activity types. Each must be active in automations.
    ActivityTypes, 80 {
        /// # People registered
        registered = "people_registered",
        /// # Session attended
        attended = "session_attended",
        /// # Session not attended
        not_attended = "session_not_attended",
        /// # Attendance duration (in seconds)
        attendance_duration = "attendance_duration",
        /// # Number of messages sent during the session
        messages_sent = "messages_sent",
        /// # Number of questions asked during the session
        questions_asked = "questions_asked",
        /// # Has watched replay (live events)
        watched_replay = "watched_replay",
        /// # Has watched on-demand (on-demand events)
        watched_on_demand = "watched_on_demand",
    }
}

by_activity! {
    /// # Values of activities
    ///
    /// The value of each activity that is no number: text with sources in braces, e.g. `{event.title}`. What is longer than
    /// 100 characters is cut. The session's id is what the value is by default.
    ActivityValues, 300 {
        /// # People registered
        registered = "{session.id}",
        /// # Session attended
        attended = "{session.id}",
        /// # Session not attended
        not_attended = "{session.id}",
        /// # Has watched replay
        watched_replay = "{session.id}",
        /// # Has watched on-demand
        watched_on_demand = "{session.id}",
    }
}

impl ActivityTypes {
    pub fn of(&self, activity: Activity) -> &str {
        match activity {
            Activity::Registered => &self.registered,
            Activity::Attended => &self.attended,
            Activity::NotAttended => &self.not_attended,
            Activity::AttendanceDuration => &self.attendance_duration,
            Activity::MessagesSent => &self.messages_sent,
            Activity::QuestionsAsked => &self.questions_asked,
            Activity::WatchedReplay => &self.watched_replay,
            Activity::WatchedOnDemand => &self.watched_on_demand,
        }
    }
}

impl ActivityValues {
    /// None: its value is a number, and no text of the customer's.
    pub fn of(&self, activity: Activity) -> Option<&str> {
        match activity {
            Activity::Registered => Some(&self.registered),
            Activity::Attended => Some(&self.attended),
            Activity::NotAttended => Some(&self.not_attended),
            Activity::WatchedReplay => Some(&self.watched_replay),
            Activity::WatchedOnDemand => Some(&self.watched_on_demand),
            Activity::AttendanceDuration | Activity::MessagesSent | Activity::QuestionsAsked => None,
        }
    }
}

/// # Campaigns in Salesforce
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct SalesforceCampaign {
    /// # When a session gets its campaign
    ///
    /// A session whose event is a draft waits for it; whoever registers before that brings it about too. Empty: session_created
    /// for Account Engagement, event_published for Salesforce.
    pub campaign_when: Option<CampaignWhen>,
    /// # Record type of new campaigns
    ///
    /// A campaign of a record type that the Account Engagement connector does not sync never arrives there. Empty: the user's
    /// default record type.
    #[cfg_attr(test, schemars(length(max = 18)))]
    pub record_type_id: Option<String>,
    /// # Parent of new campaigns
    #[cfg_attr(test, schemars(length(max = 18)))]
    pub parent_id: Option<String>,
    /// # When a session is cancelled
    ///
    /// leave: its campaign stays as it is, and that it was cancelled is told. abort: its campaign gets the status Aborted and is
    /// made inactive.
    pub when_cancelled: WhenCancelled,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenCancelled {
    #[default]
    Leave,
    Abort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CampaignWhen {
    SessionCreated,
    EventPublished,
}

/// # Which events take part
///
/// Every event does where all three are empty. Judged when a session is first seen and again at its first registration; a
/// session that has its campaign keeps it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct Events {
    /// # Words of the title
    ///
    /// One of them must stand in the title, upper or lower case.
    #[cfg_attr(test, schemars(length(max = 100), inner(length(min = 1, max = 255))))]
    pub titles: Vec<String>,
    /// # Tags
    ///
    /// The event must have one of them.
    #[cfg_attr(test, schemars(length(max = 100), inner(length(min = 1, max = 255))))]
    pub tags: Vec<String>,
    /// # Owners
    ///
    /// The event's owner must be one of these addresses.
    #[cfg_attr(test, schemars(length(max = 100), inner(length(max = 255))))]
    pub owners: Vec<String>,
}

/// # People who are left out
///
/// Team members and anonymous addresses are left out in any case.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct LeftOut {
    /// # Addresses
    #[cfg_attr(test, schemars(length(max = 1000), inner(length(max = 255))))]
    pub addresses: Vec<String>,
    /// # Domains
    ///
    /// Everybody whose address ends with one of these, e.g. example.org.
    #[cfg_attr(test, schemars(length(max = 1000), inner(length(max = 255))))]
    pub domains: Vec<String>,
    /// # Guest speakers
    ///
    /// Leaves out whoever speaks as a guest. Otherwise they are participants like any other.
    pub guest_speakers: bool,
}

impl Settings {
    /// RULES 19: people register by forms of Account Engagement too, and nobody gets activities.
    pub fn registers_from_forms(&self) -> bool {
        self.destination == Destination::AccountEngagement && self.registration == Registration::AccountEngagementForms
    }

    /// What is written to: each object has a mapping of its own.
    pub fn objects(&self) -> &'static [Object] {
        match self.destination {
            Destination::AccountEngagement => &[Object::Prospect],
            Destination::Salesforce => &[Object::Lead, Object::Contact, Object::CampaignMember],
        }
    }

    /// RULES 8: for Account Engagement at once, for Salesforce when the event is published.
    pub fn campaign_when(&self) -> CampaignWhen {
        self.salesforce_campaign.campaign_when.unwrap_or(match self.destination {
            Destination::AccountEngagement => CampaignWhen::SessionCreated,
            Destination::Salesforce => CampaignWhen::EventPublished,
        })
    }

    /// Names and values of all that is written at an occasion, for telling news from repeats.
    pub fn written(&self, sources: &Values, occasion: Occasion) -> Vec<String> {
        let of = |object: &Object| mapping::values(&self.mapping, *object, sources, occasion).0;
        let pair = |(field, value): &(String, String)| [field.clone(), value.clone()];
        self.objects().iter().flat_map(|object| of(object).iter().flat_map(pair).collect::<Vec<_>>()).collect()
    }

    /// Whether anything that is written reads this source.
    pub fn reads(&self, source: &str) -> bool {
        let values = match self.destination {
            Destination::AccountEngagement => self.account_engagement.activity_values.all(),
            Destination::Salesforce => Vec::new(),
        };
        mapping::reads(&self.mapping, self.objects(), source)
            || values.iter().any(|(_, text)| template::sources(text).any(|read| read == source))
    }
}

/// The settings, or everything that is wrong with them. A notice or a warning keeps nobody from working.
pub fn parse(text: &str) -> Result<Settings, Vec<Finding>> {
    let (settings, findings) = read(text);
    match settings {
        Some(settings) if findings.iter().all(|finding| finding.severity < Severity::Blocker) => Ok(settings),
        _ => Err(findings),
    }
}

/// Everything worth saying about the settings. Nothing: fine.
pub fn findings(text: &str) -> Vec<Finding> {
    read(text).1
}

fn read(text: &str) -> (Option<Settings>, Vec<Finding>) {
    let value = match json::parse(text.as_bytes()) {
        Ok(value) => value,
        Err(why) => {
            return (
                None,
                vec![Finding::wrong("/", &format!("These settings are not JSON: {why}."), "Correct the text.")],
            );
        }
    };
    // A test reads it: it is JSON.
    let schema = json::parse(SCHEMA.as_bytes()).unwrap_or(Value::Null);
    let mut findings = schema::against(&schema, &value);
    if !findings.is_empty() {
        return (None, findings);
    }
    match Settings::deserialize(&value) {
        Ok(settings) => {
            meant(&settings, &mut findings);
            (Some(settings), findings)
        }
        Err(error) => {
            (None, vec![Finding::wrong("/", &format!("These settings cannot be read: {error}."), "Correct the text.")])
        }
    }
}

/// What a schema cannot say.
fn meant(settings: &Settings, findings: &mut Vec<Finding>) {
    let engagement = &settings.account_engagement;
    let types = engagement.activity_types.all();
    let places = types.iter().map(|(activity, name)| (format!("/account_engagement/activity_types/{activity}"), *name));
    for (place, name) in places.chain([("/account_engagement/extension".to_string(), engagement.extension.as_str())]) {
        if !is_developer_name(name) {
            let problem = format!("{place}: \"{name}\" cannot be a DeveloperName.");
            let remedy = "Copy the API name from Salesforce Setup > Marketing App Extensions: letters, digits and single \
                          underscores, beginning with a letter.";
            findings.push(Finding::wrong(&place, &problem, remedy));
        }
    }
    for (number, (activity, name)) in types.iter().enumerate() {
        if let Some((other, _)) = types[..number].iter().find(|(_, taken)| taken == name) {
            let place = format!("/account_engagement/activity_types/{activity}");
            let problem = format!("{place}: \"{name}\" is also the type of {other}, so the two cannot be told apart.");
            let remedy = "Give each activity a type of its own.";
            findings.push(Finding::new("activity-types-equal", Severity::Warning, &place, &problem, remedy));
        }
    }
    for (activity, template) in engagement.activity_values.all() {
        let place = format!("/account_engagement/activity_values/{activity}");
        let occasion = match activity {
            "registered" => Occasion::Registered,
            "watched_replay" | "watched_on_demand" => Occasion::Watched,
            _ => Occasion::Ended,
        };
        findings.extend(template::problem(&place, template, occasion));
    }
    let statuses = &settings.salesforce.member_statuses;
    for (name, label, others) in [
        ("attended", &statuses.attended, vec![&statuses.registered]),
        ("not_attended", &statuses.not_attended, vec![&statuses.registered, &statuses.attended]),
        ("removed", &statuses.removed, vec![&statuses.registered, &statuses.attended, &statuses.not_attended]),
    ] {
        if others.iter().any(|other| other.trim().eq_ignore_ascii_case(label.trim())) {
            let place = format!("/salesforce/member_statuses/{name}");
            let problem =
                format!("{place}: \"{label}\" is the label of another status too, so the two cannot be told apart.");
            findings.push(Finding::wrong(&place, &problem, "Give each status a label of its own."));
        }
    }
    let campaign = &settings.salesforce_campaign;
    for (place, id, prefix) in [
        ("/salesforce_campaign/record_type_id", &campaign.record_type_id, "012"),
        ("/salesforce_campaign/parent_id", &campaign.parent_id, "701"),
    ] {
        if let Some(id) = id.as_deref().filter(|id| !id.is_empty())
            && !(matches!(id.len(), 15 | 18)
                && id.starts_with(prefix)
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        {
            let problem = format!("{place}: \"{id}\" is not an id of that kind.");
            let remedy = format!("Copy the id from Salesforce: 15 or 18 letters and digits, beginning with {prefix}.");
            findings.push(Finding::wrong(place, &problem, &remedy));
        }
    }
    for (folder, addresses) in
        [("/events/owners", &settings.events.owners), ("/left_out/addresses", &settings.left_out.addresses)]
    {
        for (number, address) in addresses.iter().enumerate() {
            if let Err(why) = Email::parse(address) {
                let place = format!("{folder}/{number}");
                let problem = format!("{place}: \"{address}\" is no address: {why}.");
                findings.push(Finding::wrong(&place, &problem, "Correct or remove it."));
            }
        }
    }
    for (number, domain) in settings.left_out.domains.iter().enumerate() {
        let has_more = domain.contains([':', '/']);
        if has_more || Email::parse(&format!("x@{}", domain.trim().trim_start_matches('@'))).is_err() {
            let place = format!("/left_out/domains/{number}");
            findings.push(Finding::wrong(
                &place,
                &format!("{place}: \"{domain}\" is no domain."),
                "Write it like example.org.",
            ));
        }
    }
    findings.extend(registration::problems(settings));
    findings.extend(mapping::problems(&settings.mapping));
}

/// Letters, digits, underscore; begins with a letter, ends without underscore, none doubled.
/// `tooling_api_objects_marketingappextactivity`, confirmed.
fn is_developer_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.split('_').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// `UPDATE_SCHEMA=1 cargo test -p plugin schema` writes it anew.
    #[test]
    fn the_checked_in_schema_is_the_one_of_the_structs() {
        let generator = schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
        let generated = generator.into_generator().into_root_schema_for::<Settings>();
        let text = schema::tidied(serde_json::to_value(&generated).unwrap());
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/settings/settings.schema.json"), &text).unwrap();
        }
        assert_eq!(SCHEMA, text, "stale: run with UPDATE_SCHEMA=1");
    }

    #[test]
    fn no_settings_are_the_defaults() {
        let settings = parse("{}").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.account_engagement.activity_types.registered, "people_registered");
        assert_eq!(parse(&serde_json::to_string(&settings).unwrap()), Ok(settings));
    }

    /// Settings that were saved by earlier versions load in every later one, and mean the same.
    #[test]
    fn settings_of_the_first_version_still_load() {
        let first = parse(include_str!("../../../fixtures/settings/0.1.0.json")).unwrap();
        assert_eq!(first.account_engagement.extension, "Webinars");
        assert_eq!(first.account_engagement.activity_types.registered, "webinar_registered");
        assert_eq!(first.account_engagement.activity_types.attended, "session_attended");
        assert_eq!(first.salesforce_campaign.record_type_id.as_deref(), Some("012000000000001AAA"));
        assert_eq!(first.left_out.domains, ["example.com"]);
        assert!(first.mapping.defaults && first.mapping.prospect.is_empty());
    }

    fn check(settings: Value, place: &str, said: &str) {
        let findings = findings(&settings.to_string());
        let [finding] = &findings[..] else { panic!("one finding expected for {settings}: {findings:?}") };
        assert_eq!(finding.place, place);
        let all = format!("{} {}", finding.problem, finding.remedy);
        assert!(all.contains(said), "{all}");
        assert_eq!(parse(&settings.to_string()).is_err(), finding.severity == Severity::Blocker);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_the_corrected_form() {
        let rule = |rule: Value| json!({"mapping": {"prospect": [rule]}});
        let extra = |key: &str, value: Value| {
            let mut with = json!({"source": "fields.company", "target": "company"});
            with[key] = value;
            json!({"mapping": {"prospect": [with]}})
        };
        check(json!({"acount_engagement": {}}), "/acount_engagement", "Did you mean \"account_engagement\"?");
        check(json!({"account_engagement": {"extention": "X"}}), "/account_engagement/extention", "\"extension\"?");
        check(json!({"left_out": {"zzz": []}}), "/left_out/zzz", "Known here: addresses, domains, guest_speakers");
        check(json!({"left_out": {"domains": "example.org"}}), "/left_out/domains", "a text was found");
        check(json!({"left_out": {"domains": [7]}}), "/left_out/domains/0", "a number was found");
        check(json!({"left_out": {"domains": ["a b"]}}), "/left_out/domains/0", "is no domain");
        check(json!({"left_out": {"domains": ["http://example.org"]}}), "/left_out/domains/0", "is no domain");
        check(json!({"left_out": {"addresses": ["ana"]}}), "/left_out/addresses/0", "exactly one @");
        check(json!({"left_out": {"guest_speakers": "yes"}}), "/left_out/guest_speakers", "a text was found");
        check(json!({"events": {"owners": ["ana"]}}), "/events/owners/0", "exactly one @");
        check(json!({"events": {"titles": [""]}}), "/events/titles/0", "is empty");
        check(json!({"account_engagement": {"extension": ""}}), "/account_engagement/extension", "is empty");
        check(json!({"account_engagement": {"extension": "My App"}}), "/account_engagement/extension", "DeveloperName");
        check(
            json!({"account_engagement": {"activity_values": {"attended": "{event.titel}"}}}),
            "/account_engagement/activity_values/attended",
            "Did you mean \"event.title\"?",
        );
        check(
            json!({"salesforce_campaign": {"record_type_id": "701000000000001"}}),
            "/salesforce_campaign/record_type_id",
            "beginning with 012",
        );
        check(
            json!({"salesforce_campaign": {"campaign_when": "event_publish"}}),
            "/salesforce_campaign/campaign_when",
            "Did you mean \"event_published\"?",
        );
        check(
            json!({"account_engagement": {"activity_types": {"attended": "people_registered"}}}),
            "/account_engagement/activity_types/attended",
            "told apart",
        );
        check(json!([]), "/", "an array was found");
        check(rule(json!({"source": "fields.company"})), "/mapping/prospect/0", "\"target\" is missing");
        check(
            rule(json!({"source": "fields.company", "target": "compny"})),
            "/mapping/prospect/0/target",
            "Did you mean \"company\"?",
        );
        check(
            rule(json!({"source": "atendance.duration", "target": "Minutes__c"})),
            "/mapping/prospect/0/source",
            "Did you mean \"attendance.duration\"?",
        );
        check(
            rule(json!({"source": "fields.password_key", "target": "Key__c"})),
            "/mapping/prospect/0/source",
            "secret.password_key",
        );
        check(
            rule(json!({"source": "fields.company", "target": "lastActivityAt"})),
            "/mapping/prospect/0/target",
            "cannot be written",
        );
        check(rule(json!({"source": "fields.company", "target": "email"})), "/mapping/prospect/0/target", "told apart");
        check(extra("update", json!("sometimes")), "/mapping/prospect/0/update", "always, when_empty, never");
        check(extra("transform", json!([])), "/mapping/prospect/0/transform", "Did you mean \"transforms\"?");
        check(
            extra("transforms", json!([{"trunkate": 3}])),
            "/mapping/prospect/0/transforms/0/trunkate",
            "Did you mean \"truncate\"?",
        );
        check(
            extra("transforms", json!([{"truncate": "3"}])),
            "/mapping/prospect/0/transforms/0/truncate",
            "a text was found",
        );
        check(extra("transforms", json!([{"truncate": 0}])), "/mapping/prospect/0/transforms/0/truncate", "at least 1");
        check(
            extra("transforms", json!([{"truncate": 3, "default": "x"}])),
            "/mapping/prospect/0/transforms/0",
            "one at a time",
        );
        check(
            extra("transforms", json!([{"join": {"sources": ["fields.x", "utm.sorce"]}}])),
            "/mapping/prospect/0/transforms/0/join/sources/1",
            "Did you mean \"utm.source\"?",
        );
        check(
            extra("transforms", json!([{"date": {"format": "soon"}}])),
            "/mapping/prospect/0/transforms/0/date/format",
            "YYYY",
        );
        check(
            json!({"mapping": {"prospect": [{"source": "fields.a", "target": "X__c"}, {"source": "fields.b", "target": "X__c"}]}}),
            "/mapping/prospect/1/target",
            "is written by rule 0 too",
        );
        check(rule(json!({"source": "fields.agreed", "target": "isDoNotCall"})), "/mapping/prospect/0", "is a boolean");
    }

    #[test]
    fn an_id_that_is_right_makes_no_finding() {
        let settings = json!({"salesforce_campaign": {"record_type_id": "012000000000001AAA", "parent_id": null}});
        assert_eq!(findings(&settings.to_string()), vec![]);
    }

    #[test]
    fn every_option_can_be_set_at_once() {
        let text = include_str!("../../../fixtures/settings/every_option.json");
        assert_eq!(findings(text), vec![]);
        // Every place of the schema is used by the sample, so that a new setting comes with a line there.
        let (schema, value): (Value, Value) =
            (serde_json::from_str(SCHEMA).unwrap(), serde_json::from_str(text).unwrap());
        assert_eq!(schema::unused(&schema, &value, ""), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn settings_without_a_blocker_always_parse(text in ".{0,60}") {
            let _ = parse(&text);
            let wrapped = json!({"left_out": {"domains": [text]}, "events": {"titles": [text]},
                "mapping": {"prospect": [{"source": text, "target": text}]}}).to_string();
            let blocked = findings(&wrapped).iter().any(|finding| finding.severity == Severity::Blocker);
            prop_assert_eq!(parse(&wrapped).is_err(), blocked);
        }
    }
}
