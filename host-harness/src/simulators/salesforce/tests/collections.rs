//! sObject Collections, from their pages and from captures of public clients.

use super::*;

const ALL: &str = "/composite/sobjects";

fn lead(last: Option<&str>, email: &str) -> Value {
    json!({ "attributes": { "type": "Lead" }, "LastName": last, "Company": "Acme", "Email": email })
}

fn external_ids(simulators: &Simulators) {
    let field = CustomField {
        object: "Lead".into(),
        name: "Key__c".into(),
        label: "Key".into(),
        kind: CustomKind::Text(40),
        required: false,
        unique: false,
        external_id: true,
    };
    assert!(simulators.world().salesforce.add_custom_field(&field));
}

#[test]
fn a_collection_answers_each_record_in_order_and_counts_once() {
    let (simulators, _) = started();
    let sent = json!({ "allOrNone": false, "records": [lead(Some("A"), "a@x.test"), lead(None, "b@x.test"), lead(Some("C"), "c")] });
    let used = simulators.world().salesforce.requests_used();
    let (status, body) = call(&simulators, "POST", ALL, Some(sent));
    assert_eq!((status, simulators.world().salesforce.requests_used()), (200, used + 1));
    assert_eq!((&body[0]["success"], &body[0]["errors"]), (&json!(true), &json!([])));
    let missing = json!({
        "statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [LastName]", "fields": ["LastName"],
    });
    assert_eq!(body[1], json!({ "success": false, "errors": [missing] }));
    assert_eq!(body[2]["errors"][0]["statusCode"], "INVALID_EMAIL_ADDRESS");
    assert_eq!(total(&simulators, "Lead"), 1);
}

#[test]
fn of_all_or_none_one_failure_takes_the_others_back_and_ids_are_given_anew() {
    let (simulators, _) = started();
    let sent = |second: Option<&str>| json!({ "allOrNone": true, "records": [lead(Some("A"), "a@x.test"), lead(second, "b@x.test")] });
    let (status, body) = call(&simulators, "POST", ALL, Some(sent(None)));
    let rolled_back = json!({
        "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
        "fields": [],
    });
    assert_eq!((status, &body[0]), (200, &json!({ "success": false, "errors": [rolled_back] })));
    assert_eq!((&body[1]["errors"][0]["statusCode"], body[1].get("id")), (&json!("REQUIRED_FIELD_MISSING"), None));
    assert_eq!(total(&simulators, "Lead"), 0);
    let (_, body) = call(&simulators, "POST", ALL, Some(sent(Some("B"))));
    let ids: Vec<_> = body.as_array().unwrap().iter().map(|told| told["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [crate::simulators::ids::salesforce_id("00Q", 1), crate::simulators::ids::salesforce_id("00Q", 2)]);
    let changes = json!({ "allOrNone": true, "records": [
        { "attributes": { "type": "Lead" }, "id": ids[0], "LastName": "Z" },
        { "attributes": { "type": "Lead" }, "id": ids[1], "Nothing": 1 },
    ] });
    let (_, body) = call(&simulators, "PATCH", ALL, Some(changes));
    assert_eq!(body[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(body[1]["errors"][0]["message"], "No such column 'Nothing' on sobject of type Lead");
    assert_eq!(call(&simulators, "GET", &format!("/sobjects/Lead/{}", ids[0]), None).1["LastName"], "A");
    let gone = format!("{ALL}?ids={},001000000000000AAA&allOrNone=true", ids[0]);
    assert_eq!(call(&simulators, "DELETE", &gone, None).1[1]["errors"][0]["statusCode"], "INVALID_CROSS_REFERENCE_KEY");
    assert_eq!(total(&simulators, "Lead"), 2);
}

#[test]
fn records_are_changed_and_deleted_by_their_ids() {
    let (simulators, _) = started();
    let records = json!({ "records": [lead(Some("A"), "a@x.test"), lead(Some("B"), "b@x.test")] });
    let (_, made) = call(&simulators, "POST", ALL, Some(records));
    let (a, b) = (made[0]["id"].as_str().unwrap(), made[1]["id"].as_str().unwrap());
    let of = |id: Value, city: &str| json!({ "attributes": { "type": "Lead" }, "Id": id, "City": city });
    let changes = json!({ "records": [of(json!(a), "Paris"), of(Value::Null, "x"), of(json!("00Q000000000000EAA"), "x"), of(json!("?"), "x")] });
    let (status, body) = call(&simulators, "PATCH", ALL, Some(changes));
    assert_eq!((status, &body[0]), (200, &json!({ "id": a, "success": true, "errors": [] })));
    let refused = [
        (1, "MISSING_ARGUMENT", "Id not specified in an update call"),
        (2, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        (3, "MALFORMED_ID", "malformed id ?"),
    ];
    for (n, code, message) in refused {
        assert_eq!(body[n]["errors"], json!([{ "statusCode": code, "message": message, "fields": [] }]));
    }
    assert_eq!(call(&simulators, "GET", &format!("/sobjects/Lead/{a}"), None).1["City"], "Paris");
    let gone = format!("{ALL}?ids={a},nothing,{}&allOrNone=false", &b[..15]);
    let (status, body) = call(&simulators, "DELETE", &gone, None);
    assert_eq!((status, &body[0]["id"], &body[2]["id"]), (200, &json!(a), &json!(b)));
    assert_eq!(body[1]["errors"][0]["statusCode"], "MALFORMED_ID");
    assert_eq!(total(&simulators, "Lead"), 0);
    let field = json!({ "FullName": "Lead.Key__c", "Metadata": { "label": "Key", "type": "Text", "length": 40 } });
    let (status, field) = call(&simulators, "POST", "/tooling/sobjects/CustomField", Some(field));
    assert_eq!(status, 201, "{field}");
    let (_, of_tooling) = call(&simulators, "DELETE", &format!("{ALL}?ids={}", field["id"].as_str().unwrap()), None);
    assert_eq!(of_tooling[0]["errors"][0]["statusCode"], "INVALID_CROSS_REFERENCE_KEY");
    let (status, told) = call(&simulators, "DELETE", &format!("{ALL}?ids={}", vec![a; 201].join(",")), None);
    assert_eq!((status, &told[0]["errorCode"]), (400, &json!("EXCEEDED_ID_LIMIT")));
    let (_, again) = call(&simulators, "DELETE", &format!("{ALL}?ids={a}"), None);
    assert_eq!(again[0]["errors"][0]["statusCode"], "ENTITY_IS_DELETED");
}

#[test]
fn an_upsert_of_several_tells_which_were_created() {
    let (simulators, _) = started();
    external_ids(&simulators);
    let keyed = |key: Value, city: &str| {
        let mut record = lead(Some("A"), "a@x.test");
        record["City"] = json!(city);
        record["Key__c"] = key;
        record
    };
    let upsert = |records: Value| {
        call(&simulators, "PATCH", "/composite/sobjects/Lead/Key__c", Some(json!({ "records": records })))
    };
    let (status, first) = upsert(json!([keyed(json!("k1"), "Paris"), keyed(Value::Null, "x")]));
    assert_eq!((status, &first[0]["created"]), (200, &json!(true)));
    assert_eq!(first[1]["errors"][0]["statusCode"], "MISSING_ARGUMENT");
    let (_, second) = upsert(json!([
        keyed(json!("k1"), "Rome"),
        keyed(json!("k2"), "Oslo"),
        keyed(json!("k3"), "x"),
        keyed(json!("K3"), "x")
    ]));
    assert_eq!((&second[0]["created"], &second[0]["id"]), (&json!(false), &first[0]["id"]));
    assert_eq!(second[1]["created"], true);
    assert_eq!(second[2]["errors"][0]["message"], "Duplicate external id specified: k3");
    let id = first[0]["id"].as_str().unwrap();
    assert_eq!(call(&simulators, "GET", &format!("/sobjects/Lead/{id}"), None).1["City"], "Rome");
    let double = json!({ "records": [keyed(json!("k1"), "x")] });
    assert_eq!(call(&simulators, "POST", ALL, Some(double)).0, 200);
    assert_eq!(upsert(json!([keyed(json!("k1"), "x")])).1[0]["errors"][0]["statusCode"], "DUPLICATE_EXTERNAL_ID");
    let rows = [("Lead/City", 404, "NOT_FOUND"), ("Contact/Id", 400, "INVALID_TYPE"), ("Nothing/Id", 404, "NOT_FOUND")];
    for (path, status, code) in rows {
        let sent = json!({ "records": [keyed(json!("k1"), "x")] });
        let (told, body) = call(&simulators, "PATCH", &format!("{ALL}/{path}"), Some(sent));
        assert_eq!((told, &body[0]["errorCode"]), (status, &json!(code)), "{path}");
    }
    let (_, by_id) = call(
        &simulators,
        "PATCH",
        &format!("{ALL}/Lead/Id"),
        Some(json!({ "records": [lead(Some("N"), "n@x.test")] })),
    );
    assert_eq!(by_id[0]["created"], true);
}

#[test]
fn several_are_read_in_the_order_asked_for_and_null_where_there_is_none() {
    let (simulators, _) = started();
    let records = json!({ "records": [lead(Some("A"), "a@x.test"), lead(Some("B"), "b@x.test")] });
    let (_, made) = call(&simulators, "POST", ALL, Some(records));
    let (a, b) = (made[0]["id"].as_str().unwrap(), made[1]["id"].as_str().unwrap());
    let path = format!("{ALL}/Lead");
    let by_get = call(&simulators, "GET", &format!("{path}?ids={b},nothing,{a}&fields=lastname,Email"), None);
    let sent = json!({ "ids": [b, "nothing", a], "fields": ["lastname", "Email"] });
    assert_eq!(by_get, call(&simulators, "POST", &path, Some(sent)));
    let (status, body) = by_get;
    assert_eq!((status, &body[0]["LastName"], &body[1], &body[2]["Id"]), (200, &json!("B"), &Value::Null, &json!(a)));
    assert_eq!(body[0]["attributes"]["type"], "Lead");
    let rows = [
        ("GET", format!("{path}?ids={a}&fields=Nothing"), None, "INVALID_FIELD"),
        ("GET", format!("{path}?ids={a}"), None, "REQUIRED_FIELD_MISSING"),
        ("GET", format!("{path}?fields=Id"), None, "REQUIRED_FIELD_MISSING"),
        ("POST", path.clone(), Some(json!({ "ids": a, "fields": ["Id"] })), "JSON_PARSER_ERROR"),
    ];
    for (method, path, body, code) in rows {
        let (status, told) = call(&simulators, method, &path, body);
        assert_eq!((status, &told[0]["errorCode"]), (400, &json!(code)), "{path}");
    }
}

#[test]
fn what_is_no_collection_is_refused_as_a_whole_and_nothing_is_written() {
    let (simulators, _) = started();
    let many =
        |n: usize| json!({ "records": (0..n).map(|n| lead(Some("A"), &format!("{n}@x.test"))).collect::<Vec<_>>() });
    let mixed = |n: usize| {
        let record = |n: usize| match n % 2 {
            0 => lead(Some("A"), "a@x.test"),
            _ => json!({ "attributes": { "type": "Account" }, "Name": "x" }),
        };
        json!({ "records": (0..n).map(record).collect::<Vec<_>>() })
    };
    let rows = [
        (json!({}), "REQUIRED_FIELD_MISSING", "At least 1 record is required"),
        (json!({ "records": [] }), "REQUIRED_FIELD_MISSING", "At least 1 record is required"),
        (many(201), "EXCEEDED_ID_LIMIT", "record limit reached"),
        (mixed(11), "LIMIT_EXCEEDED", "more than 10 chunks"),
        (json!({ "records": [lead(Some("A"), "a@x.test"), { "LastName": "x" }] }), "INVALID_TYPE", "''"),
        (json!({ "records": [{ "attributes": { "type": "Webinar" } }] }), "INVALID_TYPE", "'Webinar'"),
        (json!({ "records": {} }), "JSON_PARSER_ERROR", "records"),
        (json!({ "records": [1] }), "JSON_PARSER_ERROR", "records"),
        (json!({ "allOrNone": "yes", "records": [] }), "JSON_PARSER_ERROR", "allOrNone"),
        (json!([]), "JSON_PARSER_ERROR", ""),
    ];
    for (sent, code, text) in rows {
        let (status, body) = call(&simulators, "POST", ALL, Some(sent));
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!(code)), "{body}");
        assert!(body[0]["message"].as_str().unwrap().contains(text), "{body}");
    }
    assert_eq!((total(&simulators, "Lead"), total(&simulators, "Account")), (json!(0), json!(0)));
    for (method, path) in [("GET", ""), ("PUT", "/Lead"), ("POST", "/Lead/Id")] {
        assert_eq!(call(&simulators, method, &format!("{ALL}{path}"), None).0, 405, "{method} {path}");
    }
    assert_eq!(call(&simulators, "POST", ALL, Some(mixed(10))).0, 200);
    assert_eq!(call(&simulators, "POST", ALL, Some(many(200))).0, 200);
}
