//! By which forms people register, and what Livestorm is told of whoever registers by a form of Account Engagement (RULES 19).

use super::Settings;
use crate::{
    host::Finding,
    mapping::target_field::{self, Object},
    settings::Destination,
    text::nearest,
};
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    #[default]
    LivestormForms,
    AccountEngagementForms,
}

/// # Answers that Livestorm is told
///
/// Of whoever submits a form of Account Engagement: which field of the prospect answers which question of the event's form. The
/// address is told in any case. A list given here takes the place of the default one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub struct Answers(#[cfg_attr(test, schemars(length(max = 50)))] pub Vec<Answer>);

/// # One answer
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub struct Answer {
    /// # Field of the prospect
    ///
    /// API name: a standard one, e.g. `jobTitle`, or a custom one, e.g. `Diet__c`.
    #[cfg_attr(test, schemars(length(min = 1, max = 255)))]
    pub source: String,
    /// # Question
    ///
    /// Its id in Livestorm, e.g. `job_title`.
    #[cfg_attr(test, schemars(length(min = 1, max = 255)))]
    pub target: String,
}

/// The questions that every new event of Livestorm offers; the first two are on each form.
const DEFAULTS: [(&str, &str); 5] = [
    ("firstName", "first_name"),
    ("lastName", "last_name"),
    ("company", "company"),
    ("jobTitle", "job_title"),
    ("phone", "phone_number"),
];

impl Default for Answers {
    fn default() -> Self {
        let answer = |(source, target): (&str, &str)| Answer { source: source.into(), target: target.into() };
        Self(DEFAULTS.map(answer).into())
    }
}

/// The question that is answered in any case.
pub const EMAIL: &str = "email";

/// What a schema cannot say.
pub fn problems(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_chosen = settings.registration == Registration::AccountEngagementForms;
    if is_chosen && settings.destination != Destination::AccountEngagement {
        let problem = "/registration: forms of Account Engagement register people only where it is the destination.";
        let remedy = "Set \"destination\" to \"account_engagement\", or \"registration\" to \"livestorm_forms\".";
        findings.push(Finding::wrong("/registration", problem, remedy));
    }
    let answers = &settings.answers.0;
    for (number, Answer { source, target }) in answers.iter().enumerate() {
        let place = format!("/answers/{number}/target");
        if let Some(other) = answers[..number].iter().position(|other| other.target == *target) {
            let problem = format!("{place}: {target} is answered by entry {other} too.");
            findings.push(Finding::wrong(&place, &problem, "Keep one of the two."));
        } else if target == EMAIL {
            let problem = format!("{place}: the address is told in any case, from the prospect's email.");
            findings.push(Finding::wrong(&place, &problem, "Remove this entry."));
        } else if target.trim() != target {
            let problem = format!("{place}: \"{target}\" begins or ends with a blank.");
            findings.push(Finding::wrong(&place, &problem, "Copy the question's id from Livestorm."));
        }
        let place = format!("/answers/{number}/source");
        if target_field::standard(Object::Prospect, source).is_none() && !target_field::is_custom(source) {
            let known = Object::Prospect.standard().iter().map(|field| field.name);
            let remedy = nearest(source, known).map_or_else(
                || format!("A custom field is written with its ending: {}__c.", source.trim_end_matches("__c")),
                |near| format!("Did you mean \"{near}\"?"),
            );
            let problem = format!("{place}: no answer can be taken from a field \"{source}\" of the prospect.");
            findings.push(Finding::wrong(&place, &problem, &remedy));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::settings::{findings, parse};
    use serde_json::json;

    #[test]
    fn what_is_wrong_with_the_way_in_is_told_with_its_place() {
        let answers = |rows: &[(&str, &str)]| {
            let rows: Vec<_> =
                rows.iter().map(|(source, target)| json!({"source": source, "target": target})).collect();
            json!({ "registration": "account_engagement_forms", "answers": rows })
        };
        let rows = [
            (
                json!({"registration": "account_engagement_forms", "destination": "salesforce"}),
                "/registration",
                "destination",
            ),
            (json!({"registration": "account_engagement"}), "/registration", "account_engagement_forms"),
            (answers(&[("compny", "company")]), "/answers/0/source", "Did you mean \"company\"?"),
            (answers(&[("Diet", "diet")]), "/answers/0/source", "Diet__c"),
            (answers(&[("email", "address")]), "/answers/0/source", "ending"),
            (answers(&[("company", "email")]), "/answers/0/target", "Remove"),
            (answers(&[("company", " company")]), "/answers/0/target", "blank"),
            (answers(&[("company", "company"), ("Firm__c", "company")]), "/answers/1/target", "entry 0"),
            (answers(&[("company", "")]), "/answers/0/target", "is empty"),
        ];
        for (settings, place, said) in rows {
            let findings = findings(&settings.to_string());
            let [finding] = &findings[..] else { panic!("one finding for {settings}: {findings:?}") };
            assert_eq!(finding.place, place);
            assert!(format!("{} {}", finding.problem, finding.remedy).contains(said), "{finding:?}");
        }
    }

    #[test]
    fn a_list_of_answers_takes_the_place_of_the_default_one() {
        let of = |text: &str| parse(text).unwrap().answers.0.len();
        assert_eq!([of("{}"), of(r#"{"answers": []}"#)], [5, 0]);
        assert_eq!(of(r#"{"answers": [{"source": "Diet__c", "target": "diet"}]}"#), 1);
        assert!(!parse("{}").unwrap().registers_from_forms());
        assert!(parse(r#"{"registration": "account_engagement_forms"}"#).unwrap().registers_from_forms());
    }
}
