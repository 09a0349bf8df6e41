//! Whatever is sent, what comes back is documented.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is asked, the answer is a page, a record, nothing, or a refusal with its code and text.
    #[test]
    fn whatever_is_asked_the_answer_has_a_documented_shape(
        method in prop_oneof![8 => Just("GET"), 3 => Just("POST"), 3 => Just("PATCH"), 1 => Just("DELETE"), 1 => Just("PUT"), 1 => Just("HEAD")],
        path in path(),
        query in proptest::collection::vec((parameter(), value()), 0..5),
        body in proptest::option::of(body()),
    ) {
        let unit = started();
        let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
        let list = unit.id("objects/lists", json!({ "name": "a" }));
        unit.id("objects/list-memberships", json!({ "listId": list, "prospectId": ana }));
        unit.id("imports", json!({ "operation": "Upsert", "object": "Prospect" }));
        unit.wait(LAG);
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let mut request = unit.request(method, &format!("{path}?{}", query.join("&")), None);
        if let Some(body) = body {
            *request.body_mut() = body;
        }
        let said = format!("{method} {} {}", request.uri(), String::from_utf8_lossy(request.body()));
        let (status, _, body) = unit.answer(request);
        match status {
            200 | 201 => prop_assert!(body.is_object(), "{} answered {}", said, body),
            204 => prop_assert_eq!(&body, &Value::Null, "{}", said),
            400 | 401 | 403 | 404 | 405 => {
                prop_assert!(body["code"].is_u64() && body["message"].is_string(), "{} answered {}", said, body);
                prop_assert_eq!(body.as_object().unwrap().len(), 2);
                prop_assert_ne!(&body["message"], "Invalid request", "{} has a code without a text", said);
            }
            _ => prop_assert!(false, "{} answered {} {}", said, status, body),
        }
        if let Some(values) = body.get("values") {
            prop_assert!(values.is_array() && body.as_object().unwrap().len() == 3, "{} answered {}", said, body);
        }
    }
}

fn path() -> impl Strategy<Value = String> {
    let objects = prop_oneof![
        Just("objects/lists"),
        Just("objects/list-memberships"),
        Just("objects/prospects"),
        Just("objects/campaigns"),
        Just("objects/custom-fields"),
        Just("objects/tags"),
        Just("objects/account"),
        Just("external-activities"),
        Just("imports"),
        Just("objects/webinars"),
    ];
    let below = prop_oneof![
        4 => Just(String::new()),
        1 => Just("/1000001".into()),
        1 => Just("/3001".into()),
        1 => Just("/4001".into()),
        1 => Just("/5000".into()),
        1 => Just("/1000001/do/addTag".into()),
        1 => Just("/5000/do/connectSalesforceCampaign".into()),
        1 => Just("/do/upsertLatestByEmail".into()),
        1 => Just("/do/undelete".into()),
        1 => Just("/800001/batches".into()),
        1 => Just("/800001/do/cancel".into()),
        1 => "/[0-9a-z%]{1,22}".prop_map(|text: String| text.replace('%', "%25")),
        1 => Just("/99999999999999999999999".into()),
    ];
    (objects, below).prop_map(|(object, below)| format!("{object}{below}"))
}

fn parameter() -> impl Strategy<Value = String> {
    let known = [
        "fields",
        "fields",
        "fields",
        "limit",
        "offset",
        "orderBy",
        "deleted",
        "nextPageToken",
        "id",
        "idList",
        "idGreaterThan",
        "idLessThanOrEqualTo",
        "email",
        "name",
        "salesforceId",
        "listId",
        "prospectId",
        "createdAtAfter",
        "createdAtBeforeOrEqualTo",
        "updatedAtAfterOrEqualTo",
        "lastActivityAtBefore",
        "userId",
        "assignedToIdLessThan",
    ];
    prop_oneof![9 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn value() -> impl Strategy<Value = String> {
    let known = [
        "id",
        "id,name",
        "id,email,campaign.name",
        "campaign.folder.name.x",
        "prospect.campaign.createdBy",
        "Topics__c",
        "",
        ",",
        ".",
        "0",
        "1",
        "1000",
        "1001",
        "-1",
        "18446744073709551616",
        "1.5",
        "true",
        "false",
        "all",
        "id ASC",
        "id DESC",
        "-id",
        "createdAt desc",
        "lastActivityAt DESC",
        "2026-11-22T15:00:00+00:00",
        "2026-11-22T15:00:00Z",
        "0000-01-01T00:00:00+00:00",
        "9999-12-31T23:59:59-23:59",
        "2026-02-30T00:00:00+00:00",
        "eyJhIjoxfQ==",
        "ana@example.org",
        "1000001,1000001",
    ];
    prop_oneof![6 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,20}"]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let name = proptest::sample::select(vec![
        "name",
        "email",
        "campaignId",
        "prospect",
        "matchEmail",
        "fields",
        "listId",
        "prospectId",
        "optedOut",
        "extension",
        "type",
        "value",
        "activityDate",
        "fieldId",
        "tagId",
        "salesforceId",
        "Attendance__c",
        "Topics__c",
        "isPublic",
        "folderId",
        "id",
        "isUseValues",
        "valuesPrefill",
        "secondaryDeletedSearch",
        "operation",
        "object",
        "state",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(vec![
            "",
            "a",
            "ana@example.org",
            "Text",
            "Upsert",
            "Prospect",
            "Ready",
            "Livestorm",
            "people_registered",
            "id"
        ])
        .prop_map(Value::from),
        proptest::sample::select(vec![3001u64, 4001, 5000, 1_000_001, u64::MAX]).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "2026-11-2[0-9]T15:00:00[+-]0[0-9]:00".prop_map(Value::from),
    ];
    let object = |value: BoxedStrategy<Value>| proptest::collection::vec((name.clone(), value), 0..5);
    let object = object(
        prop_oneof![
            6 => leaf.clone(),
            1 => proptest::collection::vec(leaf.clone(), 0..3).prop_map(Value::from),
            2 => object(leaf.boxed()).prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()),
        ]
        .boxed(),
    );
    let json = object.prop_map(|pairs| {
        Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            .to_string()
            .into_bytes()
    });
    prop_oneof![9 => json, 1 => proptest::collection::vec(any::<u8>(), 0..30)]
}
