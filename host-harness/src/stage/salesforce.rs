//! The Salesforce org of a story, as the customer's admin has it before the connector comes.

use super::{StageError, settings::is_number};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        salesforce::{CustomField, CustomKind},
    },
};
use oracle::{Object, Story};
use serde_json::{Map, Value};
use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

/// The field that says who watched later, as the admin has made it: found by its label.
pub const REPLAY_FIELD: &str = "Livestorm_Replay_Status__c";
const REPLAY_LABEL: &str = "Livestorm Replay Status";

/// Accounts first, then contacts, then leads: each may name the one before. The oldest of each first, so that the order of the
/// records is that of their ages.
pub(super) fn set(world: &mut World, story: &Story) -> Result<(), StageError> {
    if story.destination.is_salesforce() {
        add_field(world, Object::CampaignMember, REPLAY_FIELD, REPLAY_LABEL, CustomKind::Text(255));
    }
    for (object, mapped) in story.salesforce.mapping.iter().filter(|(_, mapped)| mapped.target.ends_with("__c")) {
        let kind = if is_number(&mapped.source) { CustomKind::Number } else { CustomKind::Text(255) };
        add_field(world, *object, &mapped.target, &mapped.target.trim_end_matches("__c").replace('_', " "), kind);
    }
    let before = &story.salesforce;
    let begins_at = Timestamp::from_seconds(story.begins_at);
    let add = |world: &mut World, object: &str, fields: Vec<(String, String)>, made_before: u64| {
        let fields: Map<String, Value> = fields.into_iter().map(|(name, value)| (name, value.into())).collect();
        let made_at = begins_at.minus(Duration::from_secs(made_before));
        world.add_salesforce_record(object, fields, made_at).map_err(StageError::Other)
    };
    let mut accounts: BTreeMap<String, String> = BTreeMap::new();
    for account in oldest_first(&before.accounts, |account| account.made_before) {
        let fields = vec![("Name".to_owned(), account.name.clone())];
        let id = add(world, "Account", fields, account.made_before)?;
        accounts.entry(account.name.clone()).or_insert(id);
    }
    let mut contacts: BTreeMap<String, String> = BTreeMap::new();
    for contact in oldest_first(&before.contacts, |contact| contact.made_before) {
        let account = contact.account.as_ref().and_then(|name| accounts.get(name));
        let of_account = account.map(|id| ("AccountId".to_owned(), id.clone()));
        let id = add(world, "Contact", person(&contact.email, &contact.fields, of_account), contact.made_before)?;
        contacts.entry(contact.email.to_lowercase()).or_insert(id);
    }
    for lead in oldest_first(&before.leads, |lead| lead.made_before) {
        let id = add(world, "Lead", person(&lead.email, &lead.fields, None), lead.made_before)?;
        if let Some(email) = &lead.converted_to {
            let contact = contacts.get(&email.to_lowercase());
            let contact = contact.ok_or_else(|| StageError::Other(format!("no contact has the address {email}")))?;
            world.convert_lead(&id, Some(contact));
        }
    }
    Ok(())
}

/// When the oldest record was made, in seconds before the story; and long enough before it for every reader to know of it.
pub(super) fn reaches_back(story: &Story) -> u64 {
    const READ_LAG_MAX: u64 = 5 * 60;
    let before = &story.salesforce;
    let ages = before.leads.iter().map(|lead| lead.made_before);
    let ages = ages.chain(before.contacts.iter().map(|contact| contact.made_before));
    let oldest = ages.chain(before.accounts.iter().map(|account| account.made_before)).max();
    oldest.map_or(0, |oldest| oldest.max(READ_LAG_MAX))
}

fn person(email: &str, fields: &[(String, String)], more: Option<(String, String)>) -> Vec<(String, String)> {
    let own = std::iter::once(("Email".to_owned(), email.to_owned()));
    own.chain(fields.iter().cloned()).chain(more).collect()
}

fn oldest_first<T>(records: &[T], made_before: impl Fn(&T) -> u64) -> Vec<&T> {
    let mut records: Vec<&T> = records.iter().collect();
    records.sort_by_key(|record| Reverse(made_before(record)));
    records
}

fn add_field(world: &mut World, object: Object, name: &str, label: &str, kind: CustomKind) {
    world.salesforce.add_custom_field(&CustomField {
        object: object.name().into(),
        name: name.into(),
        label: label.into(),
        kind,
        required: false,
        unique: false,
        external_id: false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        simulators::Options,
        stage::{Stage, Travel, observe},
    };
    use oracle::{Destination, MappedField, PriorAccount, PriorContact, PriorLead, Salesforce};

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn lead(last_name: &str, made_before: u64) -> PriorLead {
        let fields = owned(&[("LastName", last_name), ("Company", "Lima")]);
        PriorLead { email: "Ana@example.org".into(), fields, made_before, converted_to: None }
    }

    fn org() -> Salesforce {
        let contact = |email: &str, account: Option<&str>| PriorContact {
            email: email.into(),
            fields: owned(&[("LastName", "Lima")]),
            made_before: 7,
            account: account.map(str::to_owned),
        };
        let mapped =
            |object, source: &str, target: &str| (object, MappedField { source: source.into(), target: target.into() });
        Salesforce {
            leads: vec![
                lead("Younger", 10),
                lead("Older", 900),
                PriorLead { converted_to: Some("bo@example.org".into()), ..lead("Converted", 4000) },
            ],
            contacts: vec![contact("ana@example.org", Some("Lima")), contact("Bo@example.org", None)],
            accounts: vec![
                PriorAccount { name: "Lima".into(), made_before: 8 },
                PriorAccount { name: "LIMA".into(), made_before: 80 },
            ],
            mapping: vec![
                mapped(Object::CampaignMember, "attendance.duration", "Seconds__c"),
                mapped(Object::Lead, "utm.source", "Source__c"),
                mapped(Object::Lead, "fields.city", "City"),
            ],
        }
    }

    async fn set(salesforce: Salesforce) -> Result<(Story, Stage), StageError> {
        let destination = Destination::SalesforceLeads;
        let story = Story { begins_at: 1_795_420_800, destination, salesforce, ..Story::default() };
        let file = std::env::temp_dir().join("no-host-opens-this.sqlite");
        let stage = Stage::set(&story, file, Options::default(), Travel::InProcess).await?;
        Ok((story, stage))
    }

    #[tokio::test]
    async fn the_org_before_a_story_is_as_the_oracle_has_it() {
        let (story, stage) = set(org()).await.unwrap();
        let observed = observe(&stage.simulators.world().snapshot());
        let expected = oracle::expected(&story, &BTreeMap::new());
        assert_eq!(oracle::differences(&expected, &observed), []);
        assert_eq!((observed.leads.len(), observed.contacts.len(), observed.accounts.len()), (3, 2, 2));
        let names: Vec<&str> = observed.leads.iter().map(|lead| lead.fields["LastName"].as_str()).collect();
        assert_eq!(names, ["Converted", "Older", "Younger"]);
    }

    #[tokio::test]
    async fn records_are_as_old_as_the_story_says_and_a_converted_lead_is_its_contact() {
        let (story, stage) = set(org()).await.unwrap();
        let world = stage.simulators.world();
        let leads: Vec<_> = world.salesforce.records.all().filter(|record| record.object == "Lead").collect();
        let ages: Vec<u64> = leads.iter().map(|lead| story.begins_at - lead.created_at.seconds()).collect();
        assert_eq!(ages, [4000, 900, 10]);
        let contact = leads[0].value("ConvertedContactId");
        let contact = world.salesforce.records.now(contact.as_str().unwrap()).unwrap();
        assert_eq!(contact.value("Email"), "Bo@example.org");
    }

    #[tokio::test]
    async fn what_no_org_would_hold_is_told_before_the_story() {
        let without_company = PriorLead { fields: owned(&[("LastName", "Lima")]), ..lead("", 1) };
        let told = |salesforce| async { set(salesforce).await.err().map(|e| e.to_string()).unwrap_or_default() };
        let found = told(Salesforce { leads: vec![without_company], ..Salesforce::default() }).await;
        assert!(found.contains("Company"), "{found}");
        let of_nobody = PriorLead { converted_to: Some("nobody@example.org".into()), ..lead("Lima", 1) };
        let found = told(Salesforce { leads: vec![of_nobody], ..Salesforce::default() }).await;
        assert!(found.contains("nobody@example.org"), "{found}");
    }
}
