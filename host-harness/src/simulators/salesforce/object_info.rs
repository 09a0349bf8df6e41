//! What the org tells of its objects: all of them, one in short, one in full.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-describeglobal.html>,
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-sobject-basic-info.html>,
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-sobject-describe.html>
//!
//! Promises: every key that strict clients ask for; addresses of the version that was called; only objects that the org
//! offers to this user.

use super::{
    CONTENT_TYPE, campaigns,
    describe::{ObjectType, Side},
    offers,
};
use crate::simulators::{
    World,
    request::{Answer, json},
};
use serde_json::{Value, json};

/// Records that the user saw last. How many the API tells is not said; the user interface has as many [inferred].
const RECENT_MAX: usize = 5;

/// What describe tells of an object in the list of all too [confirmed].
const IN_SHORT: [&str; 28] = [
    "activateable",
    "associateEntityType",
    "associateParentEntity",
    "createable",
    "custom",
    "customSetting",
    "deepCloneable",
    "deletable",
    "deprecatedAndHidden",
    "feedEnabled",
    "hasSubtypes",
    "isInterface",
    "isSubtype",
    "keyPrefix",
    "label",
    "labelPlural",
    "layoutable",
    "mergeable",
    "mruEnabled",
    "name",
    "queryable",
    "replicateable",
    "retrieveable",
    "searchable",
    "triggerable",
    "undeletable",
    "updateable",
    "urls",
];

/// `GET /sobjects`
pub(super) fn all(world: &World, version: &str, side: Side) -> Answer {
    let offered = side.objects().iter().filter(|object| offers(world, object));
    let mut objects: Vec<_> = offered.map(|object| in_short(world, object, version)).collect();
    objects.sort_by_key(|object| object["name"].as_str().unwrap_or_default().to_owned());
    json(200, CONTENT_TYPE, &json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects }))
}

/// `GET /sobjects/<Obj>`
pub(super) fn one(world: &World, object: &'static ObjectType, version: &str) -> Answer {
    let when = world.now().minus(world.options.read_lag.salesforce);
    let seen =
        world.salesforce.records.all_at(when).rev().filter(|record| {
            record.object == object.name && !record.is_deleted && world.salesforce.visible(&record.id)
        });
    let recent = seen.take(RECENT_MAX).map(|record| {
        let mut told = record.attributes(version);
        told["Id"] = json!(record.id);
        if object.field("Name").is_some() {
            told["Name"] = record.value("Name");
        }
        told
    });
    let body = json!({ "objectDescribe": in_short(world, object, version), "recentItems": recent.collect::<Vec<_>>() });
    json(200, CONTENT_TYPE, &body)
}

/// `GET /sobjects/<Obj>/describe`
pub(super) fn in_full(world: &World, object: &'static ObjectType, version: &str) -> Answer {
    json(200, CONTENT_TYPE, &told(world, object, version))
}

fn told(world: &World, object: &'static ObjectType, version: &str) -> Value {
    let object = world.salesforce.own(object);
    let createable = object.name != campaigns::CAMPAIGN.name || world.salesforce.is_marketing_user();
    let mut told = object.describe(createable, version, &world.options.base_url);
    for field in told["fields"].as_array_mut().into_iter().flatten() {
        let full_name = format!("{}.{}", object.name, field["name"].as_str().unwrap_or_default());
        if world.salesforce.restricted_picklists.contains(&full_name) {
            field["restrictedPicklist"] = json!(true);
        }
    }
    told
}

fn in_short(world: &World, object: &'static ObjectType, version: &str) -> Value {
    let mut told = told(world, object, version);
    if let Some(keys) = told.as_object_mut() {
        keys.retain(|key, _| IN_SHORT.contains(&key.as_str()));
    }
    // The pages of the user interface are told in full only.
    if let Some(urls) = told["urls"].as_object_mut() {
        urls.retain(|key, _| !key.starts_with("ui"));
    }
    told
}
