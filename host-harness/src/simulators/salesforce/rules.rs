//! What an object asks beyond its fields, before and after a write. One place, so that single records, collections and
//! composites all meet the same rules.

use super::{
    Salesforce,
    campaign_member_statuses::STATUS,
    campaign_members::MEMBER,
    campaigns::{self, CAMPAIGN},
    contacts::CONTACT,
    custom_fields::FIELD_PERMISSIONS,
    describe::ObjectType,
    errors::Refusal,
    leads::{self, LEAD},
};
use crate::simulators::World;
use serde_json::{Map, Value, json};

/// Before a record is made, `own` nothing, or changed. Fills in what follows from what was sent.
pub(super) fn before(
    world: &World,
    object: &ObjectType,
    fields: &mut Map<String, Value>,
    own: Option<&str>,
) -> Result<(), Refusal> {
    let (salesforce, unknowns) = (&world.salesforce, &world.options.unknowns.salesforce);
    let record = own.and_then(|id| salesforce.records.now(id));
    if object.name == CAMPAIGN.name && own.is_none() {
        campaigns::defaults(fields);
    } else if object.name == LEAD.name {
        if own.is_some_and(|id| salesforce.is_converted(id)) {
            return Err(leads::converted(400));
        }
        if own.is_none() {
            leads::defaults(fields);
        }
    } else if object.name == MEMBER.name {
        salesforce.member_checked(fields, record, unknowns.undefined_member_status)?;
    } else if object.name == STATUS.name {
        salesforce.status_checked(fields, record, unknowns)?;
    }
    salesforce.features_checked(object, fields, record, unknowns.person_contact)?;
    if object.name == LEAD.name || object.name == CONTACT.name {
        let mut merged = record.map(|record| record.fields.clone()).unwrap_or_default();
        merged.extend(fields.clone());
        fields.insert("Name".into(), json!(leads::full_name(&merged)));
    }
    salesforce.assign(object, fields);
    let mut merged = record.map(|record| record.fields.clone()).unwrap_or_default();
    merged.extend(fields.clone());
    salesforce.validated(object.name, &merged)?;
    if own.is_none() {
        salesforce.no_duplicate(object, &merged, unknowns)?;
    }
    Ok(())
}

/// After a record was made or changed.
pub(super) fn after(salesforce: &mut Salesforce, object: &ObjectType, id: &str, made: bool) {
    if object.name == CAMPAIGN.name && made {
        salesforce.add_first_statuses(id);
    } else if object.name == FIELD_PERMISSIONS.name {
        salesforce.field_permitted(id);
    } else if object.name == MEMBER.name {
        salesforce.member_written(id);
    } else if object.name == STATUS.name {
        salesforce.status_written(id);
        let campaign = salesforce.records.now(id).map_or(Value::Null, |status| status.value("CampaignId"));
        let campaign = campaign.as_str().unwrap_or_default();
        let members: Vec<_> = salesforce.members_of(campaign).map(|member| member.id.clone()).collect();
        members.iter().for_each(|member| salesforce.member_written(member));
    } else if !made && (object.name == LEAD.name || object.name == CONTACT.name) {
        salesforce.memberships(id).iter().for_each(|member| salesforce.member_written(member));
    }
}

pub(super) fn before_removal(salesforce: &Salesforce, object: &ObjectType, id: &str) -> Result<(), Refusal> {
    if object.name == STATUS.name { salesforce.status_removable(id) } else { Ok(()) }
}

/// What goes with a record, and the counts that change.
pub(super) fn after_removal(salesforce: &mut Salesforce, object: &ObjectType, id: &str) {
    let with: Vec<String> = if object.name == CAMPAIGN.name {
        salesforce.members_of(id).chain(salesforce.statuses_of(id)).map(|record| record.id.clone()).collect()
    } else if object.name == LEAD.name || object.name == CONTACT.name {
        salesforce.memberships(id)
    } else {
        vec![]
    };
    let now = salesforce.clock.now();
    for gone in with.iter().map(String::as_str).chain([id]) {
        salesforce.records.change(gone, now, |record| {
            record.is_deleted = true;
            record.modified_at = now;
        });
        if salesforce.records.now(gone).is_some_and(|record| record.object == MEMBER.name) {
            salesforce.count_member(gone);
        }
    }
}
