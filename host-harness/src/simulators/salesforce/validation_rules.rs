//! Validation rules, as an admin writes them: a record that fits is refused with the admin's own text [confirmed by public
//! clients]. Simple tests of one field stand in for formulas.

use super::{
    Salesforce,
    errors::{Fault, Refusal},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRule {
    pub object: String,
    pub when: ValidationWhen,
    pub message: String,
    /// Where the user interface would show the message.
    #[serde(default)]
    pub field: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationWhen {
    pub field: String,
    pub is: ValidationTest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidationTest {
    Blank,
    Equals(Value),
    Contains(String),
    /// Characters.
    LongerThan(usize),
}

impl ValidationTest {
    fn holds(&self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            ValidationTest::Blank => value.is_null(),
            ValidationTest::Equals(wanted) => value == wanted,
            ValidationTest::Contains(part) => text.is_some_and(|text| text.contains(part.as_str())),
            ValidationTest::LongerThan(most) => text.is_some_and(|text| text.chars().count() > *most),
        }
    }
}

impl Salesforce {
    /// `fields` is the record as it would be.
    pub(super) fn validated(&self, object: &str, fields: &Map<String, Value>) -> Result<(), Refusal> {
        let broken = |rule: &&ValidationRule| {
            rule.object.eq_ignore_ascii_case(object)
                && rule.when.is.holds(fields.get(&rule.when.field).unwrap_or(&Value::Null))
        };
        let faults: Vec<_> = self
            .setup
            .validation_rules
            .iter()
            .filter(broken)
            .map(|rule| {
                let at: Vec<&str> = rule.field.as_deref().into_iter().collect();
                Fault::new("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message.clone(), &at)
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Refusal { status: 400, faults }) }
    }
}
