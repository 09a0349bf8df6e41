//! What of a person's values is written to which field: source path -> transforms -> target field, under an update policy.
//!
//! A rule belongs to the latest occasion that one of its sources is known at: a registration's answers are written when they
//! register, attendance when the session has ended, the replay when it was watched. So a registration that comes late never
//! touches what attendance wrote (RULES 3).
//!
//! Invariant: an empty source value never overwrites (RULES 15); of several values the newest source time wins, whatever
//! the order of handling (`newest.rs`). Not here: how a value is sent.

pub mod newest;
pub mod preview;
pub mod source_path;
pub mod target_field;
pub mod template;
pub mod transform;
pub mod update_policy;

pub use transform::Transform;
pub use update_policy::Update;

use crate::{host::Finding, text::nearest, values::Values};
use serde::Deserialize;
use source_path::Occasion;
use target_field::{Kind, Object};

/// # Mapped fields
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct Mapping {
    /// # Standard fields without any set-up
    ///
    /// First and last name, company, job title, phone, city, country and website, unless a rule below says otherwise of a field.
    pub defaults: bool,
    /// # Fields of the prospect
    ///
    /// In Account Engagement.
    #[cfg_attr(test, schemars(length(max = 200)))]
    pub prospect: Vec<Rule>,
    /// # Fields of the lead
    ///
    /// In Salesforce.
    #[cfg_attr(test, schemars(length(max = 200)))]
    pub lead: Vec<Rule>,
    /// # Fields of the contact
    ///
    /// In Salesforce. The target `Company` is the name of the account that a new contact is linked to.
    #[cfg_attr(test, schemars(length(max = 200)))]
    pub contact: Vec<Rule>,
    /// # Fields of the campaign member
    ///
    /// In Salesforce: what somebody did in one session.
    #[cfg_attr(test, schemars(length(max = 200)))]
    pub campaign_member: Vec<Rule>,
}

impl Mapping {
    pub fn of(&self, object: Object) -> &[Rule] {
        match object {
            Object::Prospect => &self.prospect,
            Object::Lead => &self.lead,
            Object::Contact => &self.contact,
            Object::CampaignMember => &self.campaign_member,
        }
    }
}

impl Default for Mapping {
    fn default() -> Self {
        Self { defaults: true, prospect: vec![], lead: vec![], contact: vec![], campaign_member: vec![] }
    }
}

/// # One field
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub struct Rule {
    /// # Source
    ///
    /// Where the value comes from: `fields.<id>` for a question of the form, `utm.source`, `attendance.duration`, `event.title`, ...
    #[cfg_attr(test, schemars(length(min = 1, max = 255)))]
    pub source: String,
    /// # Field
    ///
    /// API name: a standard one, e.g. `company` of a prospect and `Company` of a lead, or a custom one, e.g. `Livestorm_Minutes__c`.
    #[cfg_attr(test, schemars(length(min = 1, max = 255)))]
    pub target: String,
    /// # Transforms
    ///
    /// Done to the value in this order.
    #[serde(default)]
    #[cfg_attr(test, schemars(length(max = 20)))]
    pub transforms: Vec<Transform>,
    /// # When it is written
    ///
    /// always: the newest value wins. when_empty: a value that somebody else wrote stays. never: only where the connector makes the record.
    #[serde(default)]
    pub update: Update,
}

/// A rule as it is applied: the customer's, or a default.
pub struct Applied<'a> {
    pub object: Object,
    /// The first that is there counts.
    pub sources: Vec<&'a str>,
    pub transforms: &'a [Transform],
    pub target: &'a str,
    pub update: Update,
}

impl Applied<'_> {
    /// Every source that it reads.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().copied().chain(self.transforms.iter().flat_map(Transform::sources))
    }

    fn is_secret(&self) -> bool {
        self.reads().any(source_path::is_secret)
    }

    fn occasion(&self) -> Occasion {
        self.reads().map(source_path::occasion).max().unwrap_or(Occasion::Registered)
    }

    /// What is written, nothing where the sources say nothing, or why it cannot be written.
    pub fn value(&self, sources: &Values) -> Result<Option<String>, String> {
        let mut value = self.sources.iter().find_map(|source| sources.get(source)).cloned();
        for transform in self.transforms {
            value = transform.apply(value, sources)?;
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    fn kind(&self) -> Kind {
        let said = self.transforms.iter().rev().find_map(Transform::kind);
        target_field::standard(self.object, self.target).map(|field| field.kind).or(said).unwrap_or(Kind::Text)
    }
}

/// The customer's rules, and the defaults for the fields that they say nothing of.
pub fn rules(mapping: &Mapping, object: Object) -> Vec<Applied<'_>> {
    let own = mapping.of(object).iter().map(|rule| Applied {
        object,
        sources: vec![&rule.source],
        transforms: &rule.transforms,
        target: &rule.target,
        update: rule.update,
    });
    let is_own = |target: &str| mapping.of(object).iter().any(|rule| rule.target == target);
    let defaults = object.defaults().iter().filter(|default| mapping.defaults && !is_own(default.target));
    let defaults = defaults.map(|default| Applied {
        object,
        sources: default.sources.to_vec(),
        transforms: &[],
        target: default.target,
        update: Update::Always,
    });
    own.chain(defaults).collect()
}

/// A value that no transform could make anything of.
#[derive(Debug, PartialEq)]
pub struct Unwritten {
    pub target: String,
    pub why: String,
}

/// Target field to value for what is known at this occasion and not before.
pub fn values(mapping: &Mapping, object: Object, sources: &Values, occasion: Occasion) -> (Values, Vec<Unwritten>) {
    let (mut mapped, mut unwritten) = (Values::default(), Vec::new());
    for rule in rules(mapping, object).iter().filter(|rule| rule.occasion() == occasion) {
        match rule.value(sources) {
            Ok(Some(value)) => mapped.insert(rule.target, value),
            Ok(None) => {}
            // What lets anybody join as that person is quoted nowhere.
            Err(_) if rule.is_secret() => {
                unwritten.push(Unwritten { target: rule.target.into(), why: "its value is not of that kind".into() });
            }
            Err(why) => unwritten.push(Unwritten { target: rule.target.into(), why }),
        }
    }
    (mapped, unwritten)
}

/// The target fields of all rules.
pub fn fields(mapping: &Mapping, object: Object) -> Vec<&str> {
    rules(mapping, object).iter().map(|rule| rule.target).collect()
}

pub fn update_of(mapping: &Mapping, object: Object, field: &str) -> Update {
    mapping.of(object).iter().find(|rule| rule.target == field).map_or(Update::Always, |rule| rule.update)
}

/// As what the API takes the field.
pub fn kind_of(mapping: &Mapping, object: Object, field: &str) -> Kind {
    rules(mapping, object).iter().find(|rule| rule.target == field).map_or(Kind::Text, Applied::kind)
}

/// Whether what is written to the field lets anybody join as that person: it is quoted nowhere.
pub fn is_secret(mapping: &Mapping, object: Object, field: &str) -> bool {
    rules(mapping, object).iter().any(|rule| rule.target == field && rule.is_secret())
}

/// Whether a rule of one of these objects reads this source.
pub fn reads(mapping: &Mapping, objects: &[Object], source: &str) -> bool {
    let read_by = |object: &Object| rules(mapping, *object).iter().any(|rule| rule.reads().any(|read| read == source));
    objects.iter().any(read_by)
}

/// What a schema cannot say of the rules.
pub fn problems(mapping: &Mapping) -> Vec<Finding> {
    let objects = [Object::Prospect, Object::Lead, Object::Contact, Object::CampaignMember];
    objects.iter().flat_map(|object| problems_of(mapping.of(*object), *object)).collect()
}

fn problems_of(rules: &[Rule], object: Object) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        let place = format!("/mapping/{}/{number}", object.setting());
        findings.extend(source_path::problem(&format!("{place}/source"), &rule.source));
        let target = format!("{place}/target");
        if let Some(other) = rules[..number].iter().position(|other| other.target == rule.target) {
            let problem = format!("{target}: {} is written by rule {other} too.", rule.target);
            findings.push(Finding::wrong(
                &target,
                &problem,
                "Keep one of the two; `join` brings several sources into one field.",
            ));
        } else if let Some((problem, remedy)) = target_field::problem(object, &rule.target) {
            findings.push(Finding::wrong(&target, &format!("{target}: {problem}"), &remedy));
        } else if let Some(problem) = kind_problem(object, rule) {
            let remedy = "Add the transform of that kind, or map another source.";
            findings.push(Finding::wrong(&place, &format!("{place}: {problem}"), remedy));
        }
        let reads = || std::iter::once(rule.source.as_str()).chain(rule.transforms.iter().flat_map(Transform::sources));
        let is_read_at = |occasion| reads().any(|source| source_path::occasion(source) == occasion);
        if is_read_at(Occasion::Ended) && is_read_at(Occasion::Watched) {
            let problem =
                format!("{place}: attendance and replay are known at different times, and this rule reads both.");
            findings.push(Finding::wrong(&place, &problem, "Map them to two fields."));
        }
        for (step, transform) in rule.transforms.iter().enumerate() {
            findings.extend(transform.problems(&format!("{place}/transforms/{step}")));
        }
    }
    findings
}

/// A standard field that is no text wants a value of its kind.
fn kind_problem(object: Object, rule: &Rule) -> Option<String> {
    let wanted = target_field::standard(object, &rule.target)?.kind;
    let made = rule.transforms.iter().rev().find_map(Transform::kind);
    let made = made.unwrap_or_else(|| source_path::kind(&rule.source));
    let word = match wanted {
        Kind::Text => return None,
        Kind::Number => "a number",
        Kind::Boolean => "a boolean",
    };
    let default_fits = |text: &str| match wanted {
        Kind::Number => text.parse::<i64>().is_ok(),
        _ => ["true", "false"].contains(&text),
    };
    let default = rule.transforms.iter().find_map(|transform| match transform {
        Transform::Default(text) if !default_fits(text) => Some(text),
        _ => None,
    });
    match default {
        Some(text) => Some(format!("{} is {word}, and its default \"{text}\" is none.", rule.target)),
        None => (made != wanted)
            .then(|| format!("{} is {word}, and what comes from {} need not be one.", rule.target, rule.source)),
    }
}

/// The word that was meant, as a sentence.
fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|near| format!("Did you mean \"{near}\"?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use serde_json::json;

    fn map(rows: &[(&str, &str)]) -> Values {
        rows.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
    }

    fn check(given: &[(&str, &str)], expected: &[(&str, &str)]) {
        let mapping = Mapping::default();
        assert_eq!(values(&mapping, Object::Prospect, &map(given), Occasion::Registered), (map(expected), vec![]));
    }

    fn mapping(rules: serde_json::Value) -> Mapping {
        let text = json!({"mapping": {"prospect": rules}}).to_string();
        crate::settings::parse(&text).map(|settings: Settings| settings.mapping).unwrap()
    }

    #[test]
    fn standard_fields_are_written_without_any_set_up() {
        check(&[], &[]);
        check(
            &[
                ("fields.first_name", "Ana"),
                ("fields.last_name", "Lund"),
                ("fields.company", "Example"),
                ("fields.job_title", "CTO"),
                ("fields.phone_number", "+47 1"),
                ("fields.city", "Oslo"),
                ("fields.country", "Norway"),
                ("fields.website", "https://example.org"),
                ("fields.favourite_colour", "red"),
                ("utm.source", "mail"),
            ],
            &[
                ("firstName", "Ana"),
                ("lastName", "Lund"),
                ("company", "Example"),
                ("jobTitle", "CTO"),
                ("phone", "+47 1"),
                ("city", "Oslo"),
                ("country", "Norway"),
                ("website", "https://example.org"),
            ],
        );
    }

    #[test]
    fn an_empty_value_is_no_value() {
        check(&[("fields.company", "")], &[]);
    }

    #[test]
    fn of_two_spellings_of_a_source_the_first_that_is_there_counts() {
        check(&[("fields.phone", "2"), ("fields.phone_number", "1")], &[("phone", "1")]);
        check(&[("fields.phone", "2")], &[("phone", "2")]);
    }

    #[test]
    fn a_rule_of_the_customer_goes_before_the_default_of_its_field() {
        let mapping =
            mapping(json!([{"source": "fields.employer", "target": "company", "transforms": [{"truncate": 3}]}]));
        let sources = map(&[("fields.company", "Example"), ("fields.employer", "Other"), ("fields.city", "Oslo")]);
        let (written, _) = values(&mapping, Object::Prospect, &sources, Occasion::Registered);
        assert_eq!(written, map(&[("company", "Oth"), ("city", "Oslo")]));
        assert_eq!(fields(&mapping, Object::Prospect).iter().filter(|field| **field == "company").count(), 1);
        let bare = Mapping { defaults: false, ..mapping };
        assert_eq!(values(&bare, Object::Prospect, &sources, Occasion::Registered).0, map(&[("company", "Oth")]));
    }

    #[test]
    fn a_rule_belongs_to_the_latest_occasion_that_it_reads() {
        let mapping = mapping(json!([
            {"source": "fields.team", "target": "Team__c"},
            {"source": "attendance.duration", "target": "Minutes__c", "transforms": [{"number": {"divide_by": 60, "decimals": 0}}]},
            {"source": "fields.team", "target": "Both__c", "transforms": [{"join": {"sources": ["attendance.attended"], "by": "/"}}]},
            {"source": "replay.watched", "target": "Replay__c"},
            {"source": "attendance.rate", "target": "Rate__c", "transforms": [{"default": "0"}]}]));
        let sources = map(&[
            ("fields.team", "A"),
            ("attendance.duration", "150"),
            ("attendance.attended", "true"),
            ("replay.watched", "true"),
        ]);
        let at = |occasion| values(&mapping, Object::Prospect, &sources, occasion).0;
        assert_eq!(at(Occasion::Registered), map(&[("Team__c", "A")]));
        assert_eq!(at(Occasion::Ended), map(&[("Minutes__c", "3"), ("Both__c", "A/true"), ("Rate__c", "0")]));
        assert_eq!(at(Occasion::Watched), map(&[("Replay__c", "true")]));
        assert_eq!(kind_of(&mapping, Object::Prospect, "Minutes__c"), Kind::Number);
        assert_eq!(kind_of(&mapping, Object::Prospect, "Team__c"), Kind::Text);
    }

    #[test]
    fn what_no_transform_can_use_is_told_and_the_rest_is_written() {
        let mapping = mapping(json!([{"source": "fields.size", "target": "Size__c", "transforms": [{"number": {}}]}]));
        let (written, unwritten) = values(
            &mapping,
            Object::Prospect,
            &map(&[("fields.size", "many"), ("fields.city", "Oslo")]),
            Occasion::Registered,
        );
        assert_eq!(written, map(&[("city", "Oslo")]));
        assert_eq!(unwritten, [Unwritten { target: "Size__c".into(), why: "\"many\" is no number".into() }]);
    }
}
