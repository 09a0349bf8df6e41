//! What each write takes and refuses, object by object.

use super::*;
use crate::simulators::unknowns::{
    ActivityWithoutProspect, CaseMatch, DeletedMembership, EqualActivity, OptedOutMembership, UnlistedValue, Zone,
};

#[test]
fn a_list_is_refused_by_its_properties_and_switches() {
    let unit = started();
    unit.id("objects/lists", json!({ "name": "Demo", "isPublic": true }));
    let long = "x".repeat(51);
    let rows = [
        (json!({}), 153, false),
        (json!({ "name": " " }), 153, false),
        (json!({ "name": "x", "campaignId": 9 }), 38, false),
        (json!({ "name": "x", "folderId": 9 }), 97, false),
        (json!({ "name": "x", "isPublic": "yes" }), 50, false),
        (json!({ "name": "x", "isDynamic": true }), 180, false),
        (json!({ "name": "x", "colour": "red" }), 154, false),
        (json!({ "name": "x", "title": 5 }), 154, false),
        (json!({ "name": "Demo" }), 245, true),
        (json!({ "name": long }), 138, true),
    ];
    for strict in [false, true] {
        let mut world = unit.simulators.world();
        world.options.unknowns.account_engagement.list_names_unique = strict;
        world.options.unknowns.account_engagement.list_name_limit = strict;
        drop(world);
        for (body, code, by_switch) in rows.iter().filter(|(.., by_switch)| *by_switch == strict) {
            let (status, answer) = unit.post("objects/lists", body.clone());
            assert_eq!((status, &answer["code"]), (400, &json!(code)), "{body} {by_switch}");
        }
        if !strict {
            unit.id("objects/lists", json!({ "name": "Demo" }));
            unit.id("objects/lists", json!({ "name": long }));
        } else {
            let other = unit.id("objects/lists", json!({ "name": "x".repeat(50) }));
            let own = unit.call("PATCH", &format!("objects/lists/{other}"), Some(json!({ "name": "x".repeat(50) })));
            assert_eq!(own.0, 200, "its own name is not taken");
        }
    }
    let mut request = unit.request("POST", "objects/lists", Some(json!({ "name": "x" })));
    request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(unit.answer(request).2["code"], 151);
    assert_eq!(unit.call("POST", "objects/lists", None).1["code"], 152);
    assert_eq!(unit.post("objects/lists", json!([])).1["code"], 150);
}

#[test]
fn a_create_answers_201_its_address_and_what_was_asked_for() {
    let unit = started();
    let request = unit.request("POST", "objects/lists?fields=id,name,createdAt", Some(json!({ "name": "Demo" })));
    let (status, headers, body) = unit.answer(request);
    assert_eq!((status, headers["location"].to_str().unwrap()), (201, "/api/v5/objects/lists/3001"));
    assert_eq!(body, json!({ "id": 3001, "name": "Demo", "createdAt": "2026-11-23T04:00:00-05:00" }));
    unit.simulators.world().options.unknowns.account_engagement.user_zone = Zone::Utc;
    let (_, body) = unit.post("objects/lists?fields=createdAt", json!({ "name": "Demo" }));
    assert_eq!(body["createdAt"], "2026-11-23T09:00:00+00:00");

    unit.simulators.world().account_engagement.missing_abilities.insert(Ability::ViewLists);
    assert_eq!(unit.post("objects/lists", json!({ "name": "Unseen" })), (204, Value::Null));
    assert_eq!(unit.simulators.world().account_engagement.lists.len(), 3);
    assert_eq!(unit.get("objects/lists?fields=id").1["code"], 46);
    let upsert = json!({ "prospect": { "email": "ana@example.org" } });
    let answers = [201, 200].map(|status| {
        let request = unit.request("POST", "objects/prospects/do/upsertLatestByEmail", Some(upsert.clone()));
        let (answered, headers, _) = unit.answer(request);
        (answered == status, headers.contains_key("location"))
    });
    assert_eq!(answers, [(true, true), (true, false)], "what was there has no new address");
}

#[test]
fn a_member_is_added_once_and_a_deleted_one_by_its_switch() {
    let unit = started();
    let list = unit.id("objects/lists", json!({ "name": "Demo" }));
    let prospect = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
    let both = json!({ "listId": list, "prospectId": prospect });
    let rows = [
        (json!({ "listId": list }), 153),
        (json!({ "prospectId": prospect }), 153),
        (json!({ "listId": 1, "prospectId": prospect }), 55),
        (json!({ "listId": list, "prospectId": 1 }), 3),
        (json!({ "listId": list, "prospectId": prospect, "x": 1 }), 154),
    ];
    for (body, code) in rows {
        assert_eq!(unit.post("objects/list-memberships", body.clone()).1["code"], code, "{body}");
    }
    let membership = unit.id("objects/list-memberships", both.clone());
    assert_eq!(unit.post("objects/list-memberships", both.clone()).1["code"], 58);
    let path = format!("objects/list-memberships/{membership}");
    assert_eq!(unit.call("PATCH", &path, Some(json!({ "listId": 1 }))).1["code"], 180);
    let patched = unit.call("PATCH", &format!("{path}?fields=optedOut"), Some(json!({ "optedOut": true })));
    assert_eq!(patched, (200, json!({ "optedOut": true })));
    assert_eq!(unit.call("DELETE", &path, None).0, 204);
    assert_eq!(unit.call("DELETE", &path, None).1["code"], 109);
    assert_eq!(unit.call("PATCH", &path, Some(json!({ "optedOut": false }))).1["code"], 219);
    assert_eq!(unit.post("objects/list-memberships", both.clone()).1["code"], 58);
    unit.wait(LAG);
    let filter = format!("listId={list}&prospectId={prospect}");
    let count = |query: &str| unit.get(query).1["values"].as_array().unwrap().len();
    assert_eq!(count(&format!("objects/list-memberships?fields=id&{filter}")), 0);
    assert_eq!(count(&format!("objects/list-memberships?fields=id&{filter}&deleted=all")), 1);
    let read = unit.answer(unit.request("GET", &format!("{path}?fields=isDeleted"), None));
    assert!(read.1["pardot-warning"].to_str().unwrap().starts_with("201;"));
    unit.simulators.world().options.unknowns.account_engagement.deleted_membership = DeletedMembership::MakeAnother;
    assert_ne!(unit.id("objects/list-memberships", both), membership);
}

#[test]
fn a_prospect_is_refused_by_its_properties() {
    let unit = started();
    let rows = [
        (json!({ "firstName": "Ana" }), 153),
        (json!({ "email": "ana" }), 4),
        (json!({ "email": "ana@example" }), 4),
        (json!({ "email": "ana b@example.org" }), 4),
        (json!({ "email": format!("{}@example.org", "a".repeat(250)) }), 4),
        (json!({ "email": "a@example.org", "campaignId": 9 }), 38),
        (json!({ "email": "a@example.org", "campaignId": "x" }), 38),
        (json!({ "email": "a@example.org", "campaignId": null }), 38),
        (json!({ "email": "a@example.org", "Shoe__c": "44" }), 180),
        (json!({ "email": "a@example.org", "lastActivityAt": "x" }), 180),
        (json!({ "email": "a@example.org", "Attendance__c": "long" }), 56),
        (json!({ "email": "a@example.org", "optedOut": "no" }), 50),
        (json!({ "email": "a@example.org", "firstName": { "a": 1 } }), 154),
        (json!({ "email": "a@example.org", "userId": 1, "salesforceOwnerId": "x" }), 125),
    ];
    for (body, code) in rows {
        let (status, answer) = unit.post("objects/prospects", body.clone());
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{body}");
    }
    let fields = "fields=email,campaign.name,Attendance__c,Topics__c,optedOut,city,lastActivityAt";
    let (_, body) = unit.post(
        &format!("objects/prospects?{fields}"),
        json!({ "email": "Ana@example.org", "Attendance__c": 90, "Topics__c": ["a"], "city": "" }),
    );
    let expected = json!({ "email": "Ana@example.org", "campaign": { "name": "Website Tracking" }, "Attendance__c": 90,
        "Topics__c": ["a"], "optedOut": false, "city": null, "lastActivityAt": null });
    assert_eq!(body, expected);
    assert_eq!(unit.get("objects/prospects?fields=Topics__c").1["code"], 224);
}

#[test]
fn custom_fields_are_listed_read_made_and_paged() {
    let unit = started();
    let new = json!({ "name": "Livestorm minutes", "fieldId": "Livestorm_Minutes", "type": "Number" });
    let made = unit.id("objects/custom-fields", new.clone());
    let rows = [
        (new, 245),
        (json!({ "name": "x", "fieldId": "X" }), 153),
        (json!({ "name": "x", "fieldId": "X", "type": "Colour" }), 154),
        (json!({ "name": "x", "fieldId": "X Y", "type": "Text" }), 154),
        (json!({ "name": "x", "fieldId": "X", "type": "Text", "isRequired": "yes" }), 50),
    ];
    for (body, code) in rows {
        assert_eq!(unit.post("objects/custom-fields", body.clone()).1["code"], code, "{body}");
    }
    let all = "id,name,fieldId,apiFieldId,type,isRequired,isRecordMultipleResponses,isUseValues,valuesPrefill";
    assert_eq!(unit.get(&format!("objects/custom-fields/{made}?fields={all}")).0, 404, "the read cache is behind");
    unit.wait(LAG);
    let expected = json!({ "id": made, "name": "Livestorm minutes", "fieldId": "Livestorm_Minutes",
        "apiFieldId": "Livestorm_Minutes__c", "type": "number", "isRequired": false, "isRecordMultipleResponses": false,
        "isUseValues": false, "valuesPrefill": null });
    assert_eq!(unit.get(&format!("objects/custom-fields/{made}?fields={all}")).1, expected);
    let names = |query: &str| unit.names(&format!("objects/custom-fields?fields=name{query}"));
    assert_eq!(names(""), ["Attendance", "Topics", "Livestorm minutes"]);
    assert_eq!(names("&name=Topics"), ["Topics"]);
    assert_eq!(names("&idGreaterThan=4001&orderBy=id%20DESC"), ["Livestorm minutes", "Topics"]);
    let (_, page) = unit.get("objects/custom-fields?fields=name&limit=2");
    let token = encode(page["nextPageToken"].as_str().unwrap());
    assert_eq!(names(&format!("&nextPageToken={token}")), ["Livestorm minutes"]);
    for (ability, post) in [(Ability::ViewCustomFields, false), (Ability::CreateCustomFields, true)] {
        unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([ability]);
        let (_, refused) = match post {
            true => unit.post("objects/custom-fields", json!({ "name": "x", "fieldId": "X", "type": "Text" })),
            false => unit.get("objects/custom-fields?fields=id"),
        };
        assert_eq!(refused["code"], 46, "without {ability:?}");
    }
}

/// Each row: kind, what is sent, and what is kept or the code that refuses it.
#[test]
fn a_custom_field_takes_values_of_its_kind() {
    let kept: fn(Value) -> Result<Value, u16> = Ok;
    let rows = [
        (CustomKind::Text, json!("a"), kept(json!("a"))),
        (CustomKind::Text, json!(7), kept(json!("7"))),
        (CustomKind::Text, json!(""), kept(json!(null))),
        (CustomKind::Text, json!(true), Err(154)),
        (CustomKind::Text, json!(["a"]), Err(154)),
        (CustomKind::Number, json!(38.5), kept(json!(38.5))),
        (CustomKind::Number, json!(" 38"), kept(json!(" 38"))),
        (CustomKind::Number, json!("long"), Err(56)),
        (CustomKind::Number, json!(true), Err(56)),
        (CustomKind::Date, json!("2026-11-23"), kept(json!("2026-11-23"))),
        (CustomKind::Date, json!("23.11.2026"), Err(57)),
        (CustomKind::Date, json!(5), Err(57)),
        (CustomKind::MultiSelect, json!(["a", "b"]), kept(json!(["a", "b"]))),
        (CustomKind::Checkbox, json!("a"), kept(json!("a"))),
        (CustomKind::MultiSelect, json!([1]), Err(154)),
        (CustomKind::Dropdown, json!("red"), kept(json!("red"))),
        (CustomKind::Dropdown, json!("blue"), Err(154)),
    ];
    for (kind, sent, expected) in rows {
        let unit = started();
        let values = if kind == CustomKind::Dropdown { vec!["red".to_owned()] } else { vec![] };
        let field = NewCustomField { values, ..NewCustomField::new("F__c", kind) };
        unit.simulators.world().account_engagement.add_custom_field(field);
        let body = json!({ "email": "ana@example.org", "F__c": sent });
        let (status, answer) = unit.post("objects/prospects?fields=F__c", body.clone());
        match &expected {
            Ok(value) => assert_eq!((status, &answer["F__c"]), (201, value), "{kind:?} {body}"),
            Err(code) => assert_eq!((status, &answer["code"]), (400, &json!(code)), "{kind:?} {body}"),
        }
        if expected == Err(154) && kind == CustomKind::Dropdown {
            unit.simulators.world().options.unknowns.account_engagement.unlisted_value = UnlistedValue::Accept;
            assert_eq!(unit.post("objects/prospects?fields=F__c", body).1["F__c"], "blue", "by its switch");
        }
    }
    for code in [180, 154] {
        let unit = started_with(|options| options.unknowns.account_engagement.unknown_field_code = code);
        let (status, answer) = unit.post("objects/prospects", json!({ "email": "a@example.org", "Gone__c": "x" }));
        assert_eq!((status, &answer["code"]), (400, &json!(code)));
    }
}

#[test]
fn what_records_several_answers_is_read_with_one_prospect_and_not_queried() {
    let unit = started();
    let several = NewCustomField { records_multiple_responses: true, ..NewCustomField::new("A__c", CustomKind::Text) };
    unit.simulators.world().account_engagement.add_custom_field(several);
    let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org", "A__c": ["x", "y"] }));
    unit.wait(LAG);
    assert_eq!(unit.get("objects/prospects?fields=id,A__c").1["code"], 224);
    assert_eq!(unit.get(&format!("objects/prospects/{ana}?fields=A__c")).1, json!({ "A__c": ["x", "y"] }));
    // Through a relation it is not read, with one record neither.
    let list = unit.id("objects/lists", json!({ "name": "a" }));
    let member = unit.id("objects/list-memberships", json!({ "listId": list, "prospectId": ana }));
    let path = format!("objects/list-memberships/{member}?fields=prospect.A__c");
    assert_eq!(unit.get(&path).1["code"], 224);
}

#[test]
fn who_may_not_see_others_prospects_finds_none_and_makes_doubles() {
    let unit = started();
    let mut own = NewProspect::new("own@example.org");
    own.fields.insert("userId".into(), json!(USER_ID));
    unit.simulators.world().account_engagement.add_prospect(own);
    let ana = unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
    let found = || unit.get("objects/prospects?fields=email,assignedToId").1["values"].as_array().unwrap().clone();
    assert_eq!(found().len(), 2);
    let missing = BTreeSet::from([Ability::ViewProspectsNotAssignedToSelf]);
    unit.simulators.world().account_engagement.missing_abilities = missing;
    assert_eq!(found(), [json!({ "email": "own@example.org", "assignedToId": USER_ID })]);
    assert_eq!(unit.get(&format!("objects/prospects/{ana}?fields=id")).1["code"], 109);
    let patched = unit.call("PATCH", &format!("objects/prospects/{ana}"), Some(json!({ "firstName": "Ana" })));
    assert_eq!(patched.1["code"], 109);
    let list = unit.id("objects/lists", json!({ "name": "a" }));
    let member = json!({ "listId": list, "prospectId": ana });
    assert_eq!(unit.post("objects/list-memberships", member).1["code"], 3);
    let upsert = json!({ "prospect": { "email": "ana@example.org" } });
    assert_eq!(unit.post("objects/prospects/do/upsertLatestByEmail", upsert).0, 204, "made, and not to be seen");
    assert_eq!(unit.simulators.world().account_engagement.prospects.len(), 3);
}

#[test]
fn a_repeated_create_makes_another_prospect_only_with_ampsea() {
    for (ampsea, status) in [(true, 201), (false, 400)] {
        let unit = started_with(|options| options.ampsea = ampsea);
        let ana = || json!({ "email": "ana@example.org" });
        unit.id("objects/prospects", ana());
        assert_eq!(unit.post("objects/prospects", ana()).0, status);
    }
}

/// The rule of <https://developer.salesforce.com/docs/marketing/pardot/guide/prospect-v5.html> as a table: who is there
/// (address, last activity, in the recycle bin), and who is taken.
#[test]
fn an_upsert_takes_the_live_one_with_the_latest_activity() {
    let at = |seconds| Some(Timestamp::from_seconds(seconds));
    type Row = (&'static [(&'static str, Option<u64>, bool)], bool, Option<u64>);
    let rows: [Row; 8] = [
        (&[], false, None),
        (&[("ana@example.org", None, false)], false, Some(0)),
        (&[("ana@example.org", Some(5), false), ("ana@example.org", Some(3), false)], false, Some(0)),
        (
            &[("ana@example.org", None, false), ("ana@example.org", Some(3), false), ("ana@example.org", None, false)],
            false,
            Some(1),
        ),
        (&[("ana@example.org", None, false), ("ana@example.org", None, false)], false, Some(1)),
        (&[("ana@example.org", Some(9), true), ("ana@example.org", Some(3), false)], true, Some(1)),
        (&[("ana@example.org", Some(9), true), ("ana@example.org", Some(3), true)], true, Some(0)),
        (&[("Ana@example.org", Some(9), false), ("ana@example.org", Some(3), true)], false, None),
    ];
    for (there, search_deleted, taken) in rows {
        let unit = started();
        for (email, seconds, is_deleted) in there {
            let mut new = NewProspect::new(email);
            new.last_activity_at = seconds.and_then(at);
            new.is_deleted = *is_deleted;
            unit.simulators.world().account_engagement.add_prospect(new);
        }
        let body = json!({
            "prospect": { "email": "ana@example.org", "firstName": "Ana" },
            "fields": ["id", "firstName", "isDeleted"],
            "secondaryDeletedSearch": search_deleted,
        });
        let (status, answer) = unit.post("objects/prospects/do/upsertLatestByEmail", body);
        let id = 1_000_001 + taken.unwrap_or(there.len() as u64);
        assert_eq!(answer, json!({ "id": id, "firstName": "Ana", "isDeleted": false }), "{there:?}");
        assert_eq!(status, if taken.is_some() { 200 } else { 201 }, "{there:?}");
    }
}

#[test]
fn an_upsert_finds_by_the_one_address_and_sets_the_other() {
    let unit = started();
    let ana = unit.simulators.world().account_engagement.add_prospect(NewProspect::new("old@example.org"));
    let path = "objects/prospects/do/upsertLatestByEmail";
    let body = json!({ "matchEmail": "old@example.org", "prospect": { "email": "new@example.org" } });
    assert_eq!(unit.post(path, body), (200, json!({ "id": ana })));
    for fields in [Value::Null, json!([])] {
        let body = json!({ "prospect": { "email": "new@example.org" }, "fields": fields });
        assert_eq!(unit.post(path, body).1["id"], ana);
    }
    let refused = [
        (json!({}), 153),
        (json!({ "prospect": {} }), 153),
        (json!({ "prospect": 1 }), 154),
        (json!({ "prospect": { "email": "new@example.org" }, "fields": "id" }), 154),
        (json!({ "prospect": { "email": "new@example.org" }, "fields": [1] }), 154),
        (json!({ "prospect": { "email": "new@example.org" }, "fields": ["nam"] }), 180),
    ];
    for (body, code) in refused {
        assert_eq!(unit.post(path, body).1["code"], code);
    }
    unit.simulators.world().options.unknowns.account_engagement.email_match = CaseMatch::Insensitive;
    assert_eq!(unit.post(path, json!({ "prospect": { "email": "NEW@example.org" } })).1["id"], ana);
}

#[test]
fn an_activity_needs_its_extension_type_address_and_a_short_value() {
    let unit = started();
    let good = || {
        json!({ "extension": "Livestorm", "type": "people_registered", "email": "ana@example.org", "value": "s1",
            "activityDate": "2026-11-20T10:00:00+01:00" })
    };
    let with = |name: &str, value: Value| {
        let mut body = good();
        body[name] = value;
        body
    };
    assert_eq!(unit.post("external-activities", good()).1["code"], 4);
    let ana = unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
    let rows = [
        (with("extension", json!("Zoom")), 154),
        (with("type", json!("session_ended")), 154),
        (with("value", json!("x".repeat(101))), 154),
        (with("value", json!(null)), 153),
        (with("email", json!("bo@example.org")), 4),
        (with("activityDate", json!("2026-11-20T10:00:00Z")), 7),
        (with("typeSalesforceId", json!("x")), 154),
    ];
    for (body, code) in rows {
        assert_eq!(unit.post("external-activities", body.clone()).1["code"], code, "{body}");
    }
    let first = unit.id("external-activities", with("value", json!("x".repeat(100))));
    assert_ne!(
        unit.id("external-activities", with("value", json!("x".repeat(100)))),
        first,
        "nothing makes two posts one"
    );
    unit.wait(LAG);
    let (_, body) = unit.get(&format!("external-activities/{first}?fields=type,email,prospectId,activityDate"));
    let date = "2026-11-20T04:00:00-05:00";
    assert_eq!(
        body,
        json!({ "type": "people_registered", "email": "ana@example.org", "prospectId": ana, "activityDate": date })
    );
    let since = encode("2026-11-23T09:00:00+00:00");
    let (_, body) = unit.get(&format!("external-activities?fields=id&createdAtAfterOrEqualTo={since}"));
    assert_eq!(body["values"].as_array().unwrap().len(), 2);

    let spoilt: [fn(&mut Extension); 4] = [
        |extension| extension.is_active = false,
        |extension| extension.is_assigned = false,
        |extension| extension.types[0].is_active = false,
        |extension| extension.types.clear(),
    ];
    let ready = || Extension::ready("Livestorm", &["people_registered"]);
    for spoil in spoilt {
        let mut extension = ready();
        spoil(&mut extension);
        unit.simulators.world().set_extension(extension);
        assert_eq!(unit.post("external-activities", good()).1["code"], 154);
        unit.simulators.world().set_extension(ready());
        assert_eq!(unit.post("external-activities", good()).0, 201);
    }
    unit.simulators.world().account_engagement.edition = Edition::Growth;
    assert_eq!(unit.post("external-activities", good()).1["code"], 154);
    assert_eq!(unit.get("objects/account?fields=level").1["level"], "Growth");
    unit.simulators.world().account_engagement.edition = Edition::Plus;
    assert!(unit.simulators.world().remove_extension("Livestorm"));
    assert_eq!(unit.post("external-activities", good()).1["code"], 154);
}

#[test]
fn the_first_activity_stays_the_first_and_the_last_moves() {
    let unit = started();
    let ana = unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
    let at = |day: u32| format!("2026-11-{day}T09:00:00+00:00");
    for day in [20, 21] {
        let body = json!({ "extension": "Livestorm", "type": "people_registered", "email": "ana@example.org",
            "value": "s1", "activityDate": at(day) });
        unit.id("external-activities", body);
    }
    let seen = |prospect: u64| {
        let world = unit.simulators.world();
        let found = world.account_engagement.prospects.now(&prospect).unwrap();
        (found.first_activity_at, found.last_activity_at)
    };
    assert_eq!(seen(ana), (Timestamp::parse(&at(20)), Timestamp::parse(&at(21))));

    let bo = unit.simulators.world().account_engagement.add_prospect(NewProspect::new("bo@example.org"));
    let elsewhere = Timestamp::parse(&at(22)).unwrap();
    unit.simulators.world().account_engagement.set_last_activity(bo, elsewhere);
    assert_eq!(seen(bo), (Some(elsewhere), Some(elsewhere)));
}

#[test]
fn switches_decide_what_an_activity_does_and_whether_it_can_be_read() {
    let good =
        json!({ "extension": "Livestorm", "type": "people_registered", "email": "ana@example.org", "value": "s1" });
    for moves in [true, false] {
        let unit = started_with(|options| {
            let unknowns = &mut options.unknowns.account_engagement;
            unknowns.activity_moves_last_activity = moves;
            unknowns.activities_readable = false;
            unknowns.activity_without_prospect = ActivityWithoutProspect::TakeAndLose;
        });
        unit.id("external-activities", good.clone());
        let ana = unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
        assert_eq!(unit.post("external-activities", good.clone()).0, 201);
        let mut world = unit.simulators.world();
        let found = world.account_engagement.prospects.now(&ana).unwrap();
        let moved = moves.then(|| world.now());
        assert_eq!((found.first_activity_at, found.last_activity_at), (moved, moved));
        let prospects: Vec<_> = world.snapshot().external_activities.iter().map(|a| a.prospect_id).collect();
        assert_eq!(prospects, [None, Some(ana)]);
        drop(world);
        assert_eq!(unit.get("external-activities?fields=id").1["code"], 60);
    }
}

#[test]
fn an_activity_without_a_date_of_its_own_is_never_the_first_again() {
    let unit = started();
    unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
    unit.simulators.world().options.unknowns.account_engagement.equal_activity = EqualActivity::AnswerTheFirst;
    let mut body = json!({ "extension": "Livestorm", "type": "people_registered", "email": "ana@example.org",
        "value": "s1" });
    let first = unit.id("external-activities", body.clone());
    assert_eq!(unit.id("external-activities", body.clone()), first + 1);
    body["activityDate"] = Value::Null;
    assert_eq!(unit.id("external-activities", body), first + 2);
}

#[test]
fn a_deleted_membership_that_was_opted_out_goes_by_the_switch_of_the_deleted() {
    let unit = started_with(|options| {
        options.unknowns.account_engagement.opted_out_membership = OptedOutMembership::InAgain;
    });
    let list = unit.id("objects/lists", json!({ "name": "a" }));
    let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
    let body = json!({ "listId": list, "prospectId": ana, "optedOut": true });
    let member = unit.id("objects/list-memberships", body.clone());
    assert_eq!(unit.call("DELETE", &format!("objects/list-memberships/{member}"), None).0, 204);
    assert_eq!(unit.post("objects/list-memberships", body.clone()).1["code"], 58);
    unit.simulators.world().options.unknowns.account_engagement.deleted_membership = DeletedMembership::MakeAnother;
    assert_eq!(unit.id("objects/list-memberships", body), member + 1);
}
