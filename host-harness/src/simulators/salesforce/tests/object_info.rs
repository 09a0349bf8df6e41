//! What the org tells of its objects and versions, and what the web server in front of it refuses.

use super::*;
use serde::Deserialize;

const TOKEN: &str = "simulated-access-token-0";

/// What clients of typed languages read of an object in the list of all: each key is there, and of its type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
struct InShort {
    activateable: bool,
    associate_entity_type: Option<String>,
    associate_parent_entity: Option<String>,
    createable: bool,
    custom: bool,
    custom_setting: bool,
    deep_cloneable: bool,
    deletable: bool,
    deprecated_and_hidden: bool,
    feed_enabled: bool,
    has_subtypes: bool,
    is_interface: bool,
    is_subtype: bool,
    key_prefix: Option<String>,
    label: String,
    label_plural: String,
    layoutable: bool,
    mergeable: bool,
    mru_enabled: bool,
    name: String,
    queryable: bool,
    replicateable: bool,
    retrieveable: bool,
    searchable: bool,
    triggerable: bool,
    undeletable: bool,
    updateable: bool,
    urls: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct All {
    encoding: String,
    max_batch_size: u16,
    sobjects: Vec<InShort>,
}

fn get(simulators: &Simulators, path: &str) -> Value {
    let (status, _, body) = ask(simulators, "GET", path, TOKEN, None);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

#[test]
fn all_objects_are_told_in_short_with_addresses_that_answer() {
    let (simulators, _) = started();
    for version in ["v62.0", "v31.0"] {
        let all: All =
            serde_json::from_value(get(&simulators, &format!("/services/data/{version}/sobjects/"))).unwrap();
        assert_eq!((all.encoding.as_str(), all.max_batch_size), ("UTF-8", 200));
        let names: Vec<_> = all.sobjects.iter().map(|object| object.name.as_str()).collect();
        for name in ["Account", "Campaign", "CampaignMember", "CampaignMemberStatus", "Contact", "Lead", "User"] {
            assert!(names.contains(&name), "{name}");
        }
        assert!(names.is_sorted());
        for object in &all.sobjects {
            for url in ["sobject", "describe"] {
                assert!(object.urls[url].starts_with(&format!("/services/data/{version}/")), "{}", object.urls[url]);
                get(&simulators, &object.urls[url]);
            }
            assert!(object.urls.keys().all(|key| !key.starts_with("ui")));
        }
    }
    let tooling = get(&simulators, "/services/data/v62.0/tooling/sobjects");
    let names: Vec<_> = tooling["sobjects"].as_array().unwrap().iter().map(|object| &object["name"]).collect();
    assert!(names.contains(&&json!("CustomField")) && !names.contains(&&json!("Lead")), "{names:?}");
    let url = &tooling["sobjects"][0]["urls"]["sobject"];
    assert!(url.as_str().unwrap().starts_with("/services/data/v62.0/tooling/sobjects/"), "{url}");
}

#[test]
fn what_a_user_may_not_know_is_not_among_all_objects() {
    let (simulators, _) = started();
    simulators.world().salesforce.set_marketing_user(false);
    let all: All = serde_json::from_value(get(&simulators, "/services/data/v62.0/sobjects")).unwrap();
    assert!(all.sobjects.iter().all(|object| object.name != "CampaignMemberStatus"));
    assert!(!all.sobjects.iter().find(|object| object.name == "Campaign").unwrap().createable);
}

#[test]
fn one_object_is_told_in_short_with_the_records_that_came_last() {
    let (simulators, clock) = started();
    let ids: Vec<_> = (0..7).map(|n| campaign(&simulators, json!({ "Name": format!("Demo {n}") }))).collect();
    assert_eq!(call(&simulators, "DELETE", &format!("/sobjects/Campaign/{}", ids[6]), None).0, 204);
    simulators.world().salesforce.setup.hidden.insert(ids[5].clone());
    let told = get(&simulators, "/services/data/v50.0/sobjects/campaign");
    let short: InShort = serde_json::from_value(told["objectDescribe"].clone()).unwrap();
    assert_eq!((short.name.as_str(), short.key_prefix.as_deref()), ("Campaign", Some("701")));
    let recent: Vec<_> = told["recentItems"].as_array().unwrap().iter().map(|item| item["Id"].clone()).collect();
    assert_eq!(recent, [4, 3, 2, 1, 0].map(|n: usize| json!(ids[n])));
    let first = &told["recentItems"][0];
    assert_eq!(first["Name"], "Demo 4");
    assert_eq!(
        first["attributes"],
        json!({ "type": "Campaign", "url": format!("/services/data/v50.0/sobjects/Campaign/{}", ids[4]) })
    );
    simulators.world().options.read_lag.salesforce = Duration::from_secs(60);
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(30)));
    assert_eq!(get(&simulators, "/services/data/v50.0/sobjects/Campaign")["recentItems"], json!([]));
}

/// Of a full describe, what clients of typed languages read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct InFull {
    action_overrides: Vec<Value>,
    child_relationships: Vec<Child>,
    compact_layoutable: bool,
    fields: Vec<FieldTold>,
    listviewable: Option<bool>,
    lookup_layoutable: Option<bool>,
    named_layout_infos: Vec<Value>,
    network_scope_field_name: Option<String>,
    record_type_infos: Vec<Value>,
    search_layoutable: bool,
    sobject_describe_option: String,
    supported_scopes: Vec<Value>,
    urls: Urls,
    label: String,
    label_plural: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct Child {
    cascade_delete: bool,
    #[serde(rename = "childSObject")]
    child_sobject: String,
    deprecated_and_hidden: bool,
    field: String,
    junction_id_list_names: Vec<String>,
    junction_reference_to: Vec<String>,
    relationship_name: Option<String>,
    restricted_delete: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct Urls {
    compact_layouts: String,
    row_template: String,
    approval_layouts: String,
    ui_detail_template: String,
    ui_edit_template: String,
    default_values: String,
    listviews: String,
    describe: String,
    ui_new_record: String,
    quick_actions: String,
    layouts: String,
    sobject: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct FieldTold {
    aggregatable: bool,
    ai_prediction_field: bool,
    auto_number: bool,
    byte_length: u32,
    calculated: bool,
    cascade_delete: bool,
    case_sensitive: bool,
    createable: bool,
    custom: bool,
    defaulted_on_create: bool,
    dependent_picklist: bool,
    deprecated_and_hidden: bool,
    digits: u8,
    display_location_in_decimal: bool,
    encrypted: bool,
    external_id: bool,
    filterable: bool,
    formula_treat_null_number_as_zero: bool,
    groupable: bool,
    high_scale_number: bool,
    html_formatted: bool,
    id_lookup: bool,
    label: String,
    length: u32,
    name: String,
    name_field: bool,
    name_pointing: bool,
    nillable: bool,
    permissionable: bool,
    picklist_values: Vec<Value>,
    polymorphic_foreign_key: bool,
    precision: u8,
    query_by_distance: bool,
    reference_to: Vec<String>,
    restricted_delete: bool,
    restricted_picklist: bool,
    scale: u8,
    search_prefilterable: bool,
    soap_type: String,
    sortable: bool,
    #[serde(rename = "type")]
    field_type: String,
    unique: bool,
    updateable: bool,
    write_requires_master_read: bool,
}

/// These may be null, and must be there all the same.
const NULLABLE: [&str; 14] = [
    "calculatedFormula",
    "compoundFieldName",
    "controllerName",
    "defaultValue",
    "defaultValueFormula",
    "extraTypeInfo",
    "filteredLookupInfo",
    "inlineHelpText",
    "mask",
    "maskType",
    "referenceTargetField",
    "relationshipName",
    "relationshipOrder",
    "picklistValues",
];

#[test]
fn every_describe_has_what_clients_of_typed_languages_read() {
    let (simulators, _) = started();
    simulators.world().options.base_url = "https://org.example".into();
    for side in ["", "tooling/"] {
        let all = get(&simulators, &format!("/services/data/v58.0/{side}sobjects"));
        for object in all["sobjects"].as_array().unwrap() {
            let told = get(&simulators, object["urls"]["describe"].as_str().unwrap());
            let full: InFull =
                serde_json::from_value(told.clone()).unwrap_or_else(|e| panic!("{}: {e}", object["name"]));
            assert_eq!(full.urls.row_template, format!("/services/data/v58.0/{side}sobjects/{}/{{ID}}", full.name));
            assert_eq!(full.urls.ui_detail_template, "https://org.example/{ID}");
            assert!(!told.to_string().contains("v62.0"), "{}", full.name);
            for field in told["fields"].as_array().unwrap() {
                assert!(NULLABLE.iter().all(|key| field.get(key).is_some()), "{}: {}", full.name, field["name"]);
            }
            // What is told in short is told in full, and the same.
            for (key, value) in object.as_object().unwrap().iter().filter(|(key, _)| *key != "urls") {
                assert_eq!(&told[key], value, "{}: {key}", full.name);
            }
        }
    }
    let labels = ["CampaignMember", "CampaignMemberStatus", "FieldPermissions"].map(|name| {
        let told = get(&simulators, &format!("/services/data/v58.0/sobjects/{name}/describe"));
        (told["label"].clone(), told["labelPlural"].clone())
    });
    assert_eq!(
        labels,
        [
            ("Campaign Member", "Campaign Members"),
            ("Campaign Member Status", "Campaign Member Statuses"),
            ("Field Permissions", "Field Permissions")
        ]
        .map(|(label, plural)| (json!(label), json!(plural)))
    );
}

#[test]
fn a_head_is_a_get_without_its_body() {
    let (simulators, _) = started();
    let id = campaign(&simulators, json!({ "Name": "Demo" }));
    for path in [
        "/services/data".to_owned(),
        "/services/data/v62.0".into(),
        "/services/data/v62.0/".into(),
        "/services/data/v62.0/limits".into(),
        "/services/data/v62.0/sobjects".into(),
        "/services/data/v62.0/sobjects/Campaign".into(),
        "/services/data/v62.0/sobjects/Campaign/describe".into(),
        format!("/services/data/v62.0/sobjects/Campaign/{id}"),
        format!("/services/data/v62.0/query?q={}", encode("SELECT Id FROM Campaign")),
        "/services/data/v62.0/query?q=nonsense".into(),
        "/services/data/v62.0/sobjects/Campaign/701000000000000".into(),
        "/services/oauth2/userinfo".into(),
    ] {
        let answer = |method: &str| {
            let request = http::Request::builder().method(method).uri(format!("http://x.test{path}"));
            let request = request.header("authorization", format!("Bearer {TOKEN}")).body(vec![]).unwrap();
            simulators.handle(request).unwrap()
        };
        let (get, head) = (answer("GET"), answer("HEAD"));
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(head.headers().get("content-type"), get.headers().get("content-type"), "{path}");
        assert!(head.body().is_empty() && !get.body().is_empty(), "{path}");
    }
    let head = http::Request::head("http://x.test/services/oauth2/revoke?token=simulated-access-token-0");
    assert_eq!(simulators.handle(head.body(vec![]).unwrap()).unwrap().status(), 405, "a look must not end a token");
}

#[test]
fn the_versions_are_named_after_their_seasons() {
    let (simulators, _) = started();
    let versions = get(&simulators, "/services/data");
    let of = |number: &str| versions.as_array().unwrap().iter().find(|version| version["version"] == number).cloned();
    let rows = [
        ("31.0", "Summer '14"),
        ("50.0", "Winter '21"),
        ("60.0", "Spring '24"),
        ("62.0", "Winter '25"),
        ("66.0", "Spring '26"),
        ("68.0", "Winter '27"),
    ];
    for (number, label) in rows {
        let url = format!("/services/data/v{number}");
        assert_eq!(of(number), Some(json!({ "label": label, "url": url, "version": number })));
    }
    assert_eq!(of("30.0"), None);
    assert_eq!(ask(&simulators, "POST", "/services/data", TOKEN, None).0, 405);
}

#[test]
fn an_address_may_have_so_many_bytes_and_no_more() {
    let (simulators, _) = started();
    let address = |bytes: usize| {
        let start = "/services/data/v62.0/limits?x=";
        format!("{start}{}", "a".repeat(bytes - start.len()))
    };
    let status = |bytes: usize| ask(&simulators, "GET", &address(bytes), TOKEN, None).0;
    assert_eq!((status(16_384), status(16_385)), (200, 414));
    // A percent sign and its two digits are three bytes.
    let encoded = format!("/services/data/v62.0/limits?x={}", "%20".repeat(5_500));
    assert_eq!(ask(&simulators, "GET", &encoded, TOKEN, None).0, 414);
    assert_eq!(ask(&simulators, "GET", &encoded, "a bad one", None).0, 414, "before the token is looked at");
    simulators.world().options.unknowns.salesforce.long_address_status = 431;
    assert_eq!(status(16_385), 431);
    assert_eq!(simulators.world().salesforce.requests_used(), 1, "what was not read is not counted");
}

#[test]
fn a_wrong_verb_is_told_the_right_ones() {
    let (simulators, _) = started();
    let id = campaign(&simulators, json!({ "Name": "Demo" }));
    let record = format!("/sobjects/Campaign/{id}");
    let rows = [
        ("POST", "/", "GET,HEAD"),
        ("DELETE", "/limits", "GET,HEAD"),
        ("PATCH", "/sobjects", "GET,HEAD"),
        ("PUT", "/tooling/sobjects", "GET,HEAD"),
        ("DELETE", "/sobjects/Campaign", "GET,POST,HEAD"),
        ("PUT", &record, "GET,PATCH,DELETE,HEAD"),
    ];
    for (method, path, allowed) in rows {
        let (status, headers, body) =
            ask(&simulators, method, &format!("/services/data/v62.0{path}"), TOKEN, Some(json!({})));
        assert_eq!((status, &body[0]["errorCode"]), (405, &json!("METHOD_NOT_ALLOWED")), "{method} {path}");
        assert_eq!(headers["allow"], allowed, "{method} {path}");
    }
}

#[test]
fn a_body_that_is_no_json_is_an_unsupported_media_type() {
    let (simulators, _) = started();
    let rows = [
        ("application/json", 201),
        ("application/json;charset=UTF-8", 201),
        ("application/xml", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ];
    for (kind, status) in rows {
        let request = http::Request::post("http://x.test/services/data/v62.0/sobjects/Campaign")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", kind)
            .body(br#"{"Name":"Demo"}"#.to_vec());
        assert_eq!(simulators.handle(request.unwrap()).unwrap().status(), status, "{kind}");
    }
}
