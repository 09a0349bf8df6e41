//! Duplicate rules. An alert refuses an API's create unless the request allows saving, and a block refuses it always
//! [confirmed] <https://developer.salesforce.com/docs/platform/api-rest/guide/headers-duplicaterules.html>. The answer is as
//! public clients captured it, `duplicateResut` included; which spelling comes, and the status in alert mode, are switches.
//! Matching is exact here, without regard to case, where the real thing is fuzzy.

use super::{
    Record, Salesforce,
    describe::ObjectType,
    errors::{Fault, Refusal},
};
use crate::simulators::unknowns::{DuplicateKey, SalesforceUnknowns};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRule {
    /// Such as `Standard_Lead_Duplicate_Rule`.
    pub name: String,
    /// The object whose new records are compared.
    pub entity: String,
    /// The objects that they are compared with.
    pub against: Vec<String>,
    /// Any of these is enough.
    pub by: Vec<DuplicateMatch>,
    pub action: DuplicateAction,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateMatch {
    Email,
    NameAndCompany,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateAction {
    Alert,
    Block,
}

impl Salesforce {
    pub(super) fn no_duplicate(
        &self,
        object: &ObjectType,
        fields: &Map<String, Value>,
        unknowns: &SalesforceUnknowns,
    ) -> Result<(), Refusal> {
        for rule in self.setup.duplicate_rules.iter().filter(|rule| rule.entity.eq_ignore_ascii_case(object.name)) {
            let alert = rule.action == DuplicateAction::Alert;
            if alert && self.setup.request.allow_save {
                continue;
            }
            let matches = |other: &&Record| {
                !other.is_deleted
                    && rule.against.iter().any(|name| name.eq_ignore_ascii_case(other.object))
                    && rule
                        .by
                        .iter()
                        .any(|by| self.key(*by, fields).is_some_and(|key| self.key(*by, &other.fields) == Some(key)))
            };
            let found: Vec<&Record> = self.records.all().filter(matches).collect();
            if found.is_empty() {
                continue;
            }
            let result = |name: &String| {
                let of_it = found.iter().filter(|record| name.eq_ignore_ascii_case(record.object));
                let records: Vec<Value> = of_it.map(|record| {
                    let mut shown = record.attributes("v62.0");
                    shown["Id"] = json!(record.id);
                    json!({ "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": shown })
                }).collect();
                json!({
                    "entityType": name, "errors": [], "matchEngine": "FuzzyMatchEngine", "matchRecords": records,
                    "rule": format!("Standard_{name}_Match_Rule_v1_0"), "size": records.len(), "success": true,
                })
            };
            let results: Vec<Value> =
                rule.against.iter().map(result).filter(|result| result["size"] != json!(0)).collect();
            let told = json!({
                "allowSave": alert, "duplicateRule": rule.name, "duplicateRuleEntityType": object.name,
                "errorMessage": rule.message, "matchResults": results,
            });
            let key = match unknowns.duplicate_key {
                DuplicateKey::DuplicateResut => "duplicateResut",
                DuplicateKey::DuplicateResult => "duplicateResult",
            };
            let mut fault = Fault::new("DUPLICATES_DETECTED", rule.message.clone(), &[]);
            fault.more = Some((key, told));
            let status = if alert { unknowns.duplicate_alert_status } else { 400 };
            return Err(Refusal { status, faults: vec![fault] });
        }
        Ok(())
    }

    fn key(&self, by: DuplicateMatch, fields: &Map<String, Value>) -> Option<String> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_lowercase);
        match by {
            DuplicateMatch::Email => text("Email"),
            DuplicateMatch::NameAndCompany => {
                let account = || {
                    let account = self.records.now(fields.get("AccountId")?.as_str()?)?;
                    Some(account.value("Name").as_str()?.to_lowercase())
                };
                let person = super::leads::full_name(fields).to_lowercase();
                match person.is_empty() {
                    true => text("Name"),
                    false => Some(format!("{person}\n{}", text("Company").or_else(account)?)),
                }
            }
        }
    }
}
