//! Refusals, the bodies they come in, and what is said beside an answer.

use super::*;
use crate::simulators::unknowns::{
    ApiUsage, CampaignLeftOut, EqualActivity, OptedOutMembership, SecondarySearch, ShortUnitId, UndocumentedProperty,
    UpsertTakes, ZuluTime,
};

fn with(mut request: http::Request<Vec<u8>>, name: &'static str, value: &str) -> http::Request<Vec<u8>> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[test]
fn refusals_of_path_identity_and_quota_come_as_json_or_xml_and_others_as_json() {
    let unit = started();
    let good = || unit.request("GET", "objects/lists?fields=id", None);
    let crowded = || {
        let mut request = good();
        request.extensions_mut().insert(InFlight(6));
        request
    };
    let used_up = || {
        unit.simulators.world().options.limits.account_engagement_calls_per_day = 0;
        good()
    };
    type Row<'a> = (Box<dyn Fn() -> http::Request<Vec<u8>> + 'a>, u16, u16, &'static str);
    let rows: [Row<'_>; 7] = [
        (
            Box::new(|| unit.request("GET", "objects/lists", None)),
            400,
            13,
            "One or more required parameters are missing: fields",
        ),
        (Box::new(|| unit.request("GET", "objects/webinars", None)), 404, 192, "The object does not exist: webinars"),
        (Box::new(|| unit.request("PUT", "objects/lists", None)), 405, 60, "Invalid HTTP request method"),
        (
            Box::new(|| with(good(), "authorization", "Bearer x")),
            401,
            184,
            "access_token is invalid, unknown, or malformed",
        ),
        (
            Box::new(|| with(good(), "pardot-business-unit-id", "<a&b>")),
            400,
            182,
            "A header value is invalid: Pardot-Business-Unit-Id",
        ),
        (
            Box::new(crowded),
            400,
            66,
            "You have exceeded your concurrent request limit.  Please wait, before trying again",
        ),
        (Box::new(used_up), 400, 122, "Daily API rate limit met"),
    ];
    for body in [ErrorBody::Json, ErrorBody::Xml] {
        unit.simulators.world().options.unknowns.account_engagement.auth_error_body = body;
        unit.simulators.world().options.limits.account_engagement_calls_per_day = 1000;
        for (request, status, code, message) in &rows {
            let answer = unit.simulators.handle(request()).unwrap();
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            let is_xml = body == ErrorBody::Xml && *code != 13;
            assert_eq!(answer.status().as_u16(), *status, "{text}");
            let kind = if is_xml { "text/xml; charset=utf-8" } else { "application/json; charset=utf-8" };
            assert_eq!(answer.headers()["content-type"], kind, "{text}");
            match is_xml {
                true => assert!(text.contains(&format!("<err code=\"{code}\">{message}</err>")), "{text}"),
                false => {
                    let json: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(json, json!({ "code": code, "message": message }));
                }
            }
        }
    }
}

#[test]
fn a_unit_is_known_at_its_own_host_by_its_long_id_and_without_a_key() {
    let unit = started();
    let good = || unit.request("GET", "objects/lists?fields=id", None);
    let code = |request| unit.answer(request).2["code"].clone();
    let hosts = [
        ("pi.pardot.com", Host::Production, true),
        ("pi.demo.pardot.com", Host::Production, false),
        ("PI.demo.pardot.com:443", Host::Demo, true),
        ("pi.pardot.com:443", Host::Demo, false),
        ("127.0.0.1:8080", Host::Production, true),
        ("127.0.0.1:8080", Host::Demo, true),
    ];
    for (host, own, answers) in hosts {
        unit.simulators.world().account_engagement.host = own;
        let expected = if answers { Value::Null } else { json!(201) };
        assert_eq!(code(with(good(), "host", host)), expected, "{host} {own:?}");
    }
    let short = unit.simulators.world().options.business_unit_id[..15].to_owned();
    for (side, expected) in [(ShortUnitId::Refuse, json!(182)), (ShortUnitId::Accept, Value::Null)] {
        unit.simulators.world().options.unknowns.account_engagement.short_unit_id = side;
        assert_eq!(code(with(good(), "pardot-business-unit-id", &short)), expected, "{side:?}");
    }
    for key in ["api_key", "user_key"] {
        let (status, body) = unit.get(&format!("objects/lists?fields=id&{key}=x"));
        assert_eq!((status, &body["code"]), (401, &json!(199)), "{key}");
    }
    for status in [401, 400, 403] {
        unit.simulators.world().options.unknowns.account_engagement.bad_token_status = status;
        for token in ["Bearer x", "Basic x", "x"] {
            let (answered, _, body) = unit.answer(with(good(), "authorization", token));
            assert_eq!((answered, &body["code"]), (status, &json!(184)), "{token}");
        }
    }
    unit.simulators.world().account_engagement.has_admin = false;
    assert_eq!(unit.answer(good()).2["code"], 203);
    unit.simulators.world().account_engagement.api_enabled = false;
    let (status, _, body) = unit.answer(good());
    assert_eq!((status, body), (400, json!({ "code": 76, "message": "API access was disabled" })));
}

#[test]
fn an_older_version_is_refused_and_a_version_that_never_was_is_no_endpoint() {
    let unit = started();
    let rows = [
        ("prospect/version/4/do/query", 400, 89),
        ("login/version/3", 400, 89),
        ("v4/objects/lists", 400, 89),
        ("v6/objects/lists", 404, 198),
        ("prospect/version/5/do/query", 404, 198),
    ];
    for (path, status, code) in rows {
        let mut request = unit.request("GET", "", None);
        *request.uri_mut() = format!("http://x.test/api/{path}").parse().unwrap();
        let (answered, _, body) = unit.answer(request);
        assert_eq!((answered, &body["code"]), (status, &json!(code)), "{path}");
    }
}

#[test]
fn a_token_without_the_scope_is_refused_as_a_bad_one() {
    let unit = started();
    unit.simulators.world().salesforce.scopes.remove("pardot_api");
    let (status, body) = unit.get("objects/lists?fields=id");
    assert_eq!((status, &body["code"]), (401, &json!(184)));
}

#[test]
fn each_object_asks_its_ability() {
    let unit = started();
    let rows = [
        ("GET", "objects/prospects?fields=id", Ability::ViewProspects),
        ("GET", "objects/prospects/1?fields=id", Ability::ViewProspects),
        ("POST", "objects/prospects", Ability::CreateProspects),
        ("PATCH", "objects/prospects/1", Ability::CreateProspects),
        ("DELETE", "objects/prospects/1", Ability::DeleteProspects),
        ("POST", "objects/prospects/do/upsertLatestByEmail", Ability::CreateProspects),
        ("POST", "objects/prospects/do/undelete", Ability::DeleteProspects),
        ("POST", "objects/prospects/1/do/addTag", Ability::CreateProspects),
        ("GET", "objects/lists?fields=id", Ability::ViewLists),
        ("POST", "objects/lists", Ability::CreateLists),
        ("PATCH", "objects/lists/1", Ability::CreateLists),
        ("DELETE", "objects/lists/1", Ability::DeleteLists),
        ("GET", "objects/list-memberships?fields=id", Ability::ViewLists),
        ("POST", "objects/list-memberships", Ability::CreateLists),
        ("GET", "objects/campaigns?fields=id", Ability::ViewCampaigns),
        ("POST", "objects/campaigns/5000/do/addTag", Ability::CreateCampaigns),
        ("GET", "objects/custom-fields?fields=id", Ability::ViewCustomFields),
        ("PATCH", "objects/custom-fields/1", Ability::CreateCustomFields),
        ("DELETE", "objects/custom-fields/1", Ability::DeleteCustomFields),
        ("GET", "objects/tags?fields=id", Ability::ViewTags),
        ("POST", "objects/tags", Ability::CreateTags),
        ("GET", "external-activities?fields=id", Ability::ViewExternalActivities),
        ("GET", "external-activities/1?fields=id", Ability::ViewExternalActivities),
        ("POST", "external-activities", Ability::CreateExternalActivities),
    ];
    for (method, path, ability) in rows {
        let body = (method != "GET" && method != "DELETE").then(|| json!({}));
        unit.simulators.world().account_engagement.missing_abilities.clear();
        assert_ne!(unit.call(method, path, body.clone()).1["code"], 46, "{method} {path}");
        unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([ability]);
        let (status, refused) = unit.call(method, path, body);
        assert_eq!((status, &refused["code"]), (400, &json!(46)), "{method} {path} without {ability:?}");
    }
}

#[test]
fn giving_a_prospect_to_a_user_or_an_account_is_checked() {
    let unit = started();
    unit.simulators.world().account_engagement.prospect_accounts.insert(77);
    let made = |property: &str, value: Value| {
        let (status, body) = unit.post("objects/prospects", json!({ "email": "ana@example.org", property: value }));
        if status == 201 { Value::Null } else { body["code"].clone() }
    };
    assert_eq!(made("prospectAccountId", json!(77)), Value::Null);
    let text = json!({ "email": "ana@example.org", "prospectAccountId": "77" });
    assert_eq!(unit.post("objects/prospects?fields=prospectAccountId", text).1["prospectAccountId"], 77);
    assert_eq!(made("prospectAccountId", Value::Null), Value::Null);
    assert_eq!(made("prospectAccountId", json!(78)), 61);
    assert_eq!(made("prospectAccountId", json!("x")), 61);
    assert_eq!(made("userId", json!(USER_ID)), Value::Null);
    assert_eq!(made("userId", json!("x")), 56);
    unit.simulators.world().account_engagement.missing_abilities.insert(Ability::AssignProspects);
    assert_eq!(made("userId", json!(USER_ID)), 46);
    assert_eq!(made("salesforceOwnerId", json!("005SIM000000001")), 46);
    assert_eq!(made("score", json!(5)), Value::Null);
}

#[test]
fn without_ampsea_an_address_is_one_prospects() {
    for code in [9, 54] {
        let unit = started_with(|options| {
            options.ampsea = false;
            options.unknowns.account_engagement.taken_address_code = code;
        });
        let upsert = "objects/prospects/do/upsertLatestByEmail";
        let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
        let bo = unit.id("objects/prospects", json!({ "email": "bo@example.org" }));
        let (status, body) = unit.post("objects/prospects", json!({ "email": "ana@example.org" }));
        assert_eq!((status, &body["code"]), (400, &json!(code)));
        let path = format!("objects/prospects/{bo}");
        let taken = unit.call("PATCH", &path, Some(json!({ "email": "ana@example.org" })));
        assert_eq!(taken, (400, json!({ "code": 54, "message": "Email address is already in use" })));
        assert_eq!(unit.call("PATCH", &path, Some(json!({ "email": "bo@example.org", "city": "Porto" }))).0, 200);
        for match_email in ["bo@example.org", "nobody@example.org"] {
            let body = json!({ "matchEmail": match_email, "prospect": { "email": "ana@example.org" } });
            assert_eq!(unit.post(upsert, body).1["code"], 54, "{match_email}");
        }
        assert_eq!(unit.post(upsert, json!({ "prospect": { "email": "ana@example.org" } })).1["id"], ana);
        // With AMPSEA, several may have it.
        unit.simulators.world().options.ampsea = true;
        assert_eq!(unit.call("PATCH", &path, Some(json!({ "email": "ana@example.org" }))).0, 200);
    }
}

#[test]
fn a_second_search_among_the_deleted_belongs_to_ampsea() {
    let body = || json!({ "prospect": { "email": "ana@example.org" }, "secondaryDeletedSearch": true });
    let upsert = "objects/prospects/do/upsertLatestByEmail";
    let rows = [
        (true, SecondarySearch::Ignore, 200),
        (true, SecondarySearch::Refuse, 200),
        (false, SecondarySearch::Ignore, 201),
        (false, SecondarySearch::Refuse, 400),
    ];
    for (ampsea, side, status) in rows {
        let unit = started_with(|options| {
            options.ampsea = ampsea;
            options.unknowns.account_engagement.secondary_search_without_ampsea = side;
        });
        let mut new = NewProspect::new("ana@example.org");
        new.is_deleted = true;
        unit.simulators.world().account_engagement.add_prospect(new);
        let (answered, answer) = unit.post(upsert, body());
        assert_eq!(answered, status, "{ampsea} {side:?}: {answer}");
        assert_eq!(answer["code"], if status == 400 { json!(154) } else { Value::Null });
        for said in [Some(false), None] {
            let unit = started_with(|options| {
                options.ampsea = ampsea;
                options.unknowns.account_engagement.secondary_search_without_ampsea = side;
            });
            let mut new = NewProspect::new("ana@example.org");
            new.is_deleted = true;
            unit.simulators.world().account_engagement.add_prospect(new);
            let mut plain = body();
            match said {
                Some(said) => plain["secondaryDeletedSearch"] = json!(said),
                None => drop(plain.as_object_mut().unwrap().remove("secondaryDeletedSearch")),
            }
            assert_eq!(unit.post(upsert, plain).0, 201, "{ampsea} {side:?} {said:?}");
        }
    }
}

#[test]
fn an_upsert_takes_by_activity_or_by_update_as_its_switch_says() {
    for (side, taken) in [(UpsertTakes::LatestActivity, 0), (UpsertTakes::LatestUpdate, 1)] {
        let unit = started_with(|options| options.unknowns.account_engagement.upsert_takes = side);
        let mut active = NewProspect::new("ana@example.org");
        active.last_activity_at = Some(Timestamp::from_seconds(1_800_000_000));
        let mut updated = NewProspect::new("ana@example.org");
        updated.created_at = Timestamp::from_seconds(1_750_000_000);
        let ids = [active, updated].map(|new| unit.simulators.world().account_engagement.add_prospect(new));
        let upsert = json!({ "prospect": { "email": "ana@example.org" } });
        let (_, body) = unit.post("objects/prospects/do/upsertLatestByEmail", upsert);
        assert_eq!(body["id"], ids[taken], "{side:?}");
    }
}

#[test]
fn a_campaign_left_out_is_the_default_or_refused_when_somebody_is_made() {
    for (side, made) in [(CampaignLeftOut::Default, true), (CampaignLeftOut::Refuse, false)] {
        let unit = started_with(|options| options.unknowns.account_engagement.campaign_left_out = side);
        unit.simulators.world().account_engagement.add_prospect(NewProspect::new("old@example.org"));
        let upsert = |email: &str| json!({ "prospect": { "email": email }, "fields": ["campaignId"] });
        let path = "objects/prospects/do/upsertLatestByEmail";
        assert_eq!(unit.post(path, upsert("old@example.org")), (200, json!({ "campaignId": 5000 })));
        let rows = [
            unit.post(path, upsert("new@example.org")),
            unit.post("objects/prospects?fields=campaignId", json!({ "email": "a@example.org" })),
        ];
        for (status, body) in rows {
            match made {
                true => assert_eq!((status, &body["campaignId"]), (201, &json!(5000))),
                false => assert_eq!((status, &body["code"]), (400, &json!(153))),
            }
        }
    }
}

#[test]
fn a_body_above_fifty_megabytes_is_refused_before_it_is_read() {
    let unit = started();
    let sized = |bytes: usize| {
        let mut request = unit.request("POST", "objects/lists", Some(json!({ "name": "x" })));
        let blanks = bytes - request.body().len();
        request.body_mut().extend(std::iter::repeat_n(b' ', blanks));
        unit.answer(request)
    };
    assert_eq!(sized(50 << 20).0, 201);
    let (status, _, body) = sized((50 << 20) + 1);
    assert_eq!((status, &body["code"]), (400, &json!(204)));
}

#[test]
fn what_was_not_changed_since_is_not_sent_again() {
    let unit = started_with(|options| options.read_lag.account_engagement = Duration::ZERO);
    let list = unit.id("objects/lists", json!({ "name": "a" }));
    let path = format!("objects/lists/{list}?fields=name");
    let asked = |path: &str, since: &str| {
        let answer = unit.simulators.handle(with(unit.request("GET", path, None), "if-modified-since", since)).unwrap();
        (answer.status().as_u16(), answer.body().is_empty())
    };
    let rows = [
        ("Mon, 23 Nov 2026 08:59:59 GMT", (200, false)),
        ("Mon, 23 Nov 2026 09:00:00 GMT", (304, true)),
        ("Mon, 23 Nov 2026 09:00:01 GMT", (304, true)),
        ("2026-11-23T04:00:00-05:00", (304, true)),
        ("2026-11-23T03:59:59-05:00", (200, false)),
        ("yesterday", (200, false)),
    ];
    for (since, expected) in rows {
        assert_eq!(asked(&path, since), expected, "{since}");
    }
    unit.wait(Duration::from_secs(1));
    unit.call("PATCH", &path, Some(json!({ "name": "b" })));
    assert_eq!(asked(&path, "Mon, 23 Nov 2026 09:00:00 GMT"), (200, false));
    // A query, and what tells no time of its own, are sent whole.
    assert_eq!(asked("objects/lists?fields=name", "Mon, 23 Nov 2026 10:00:00 GMT").0, 200);
    assert_eq!(asked("objects/account?fields=id", "Mon, 23 Nov 2026 10:00:00 GMT").0, 200);
}

#[test]
fn a_time_that_ends_in_z_is_taken_by_its_switch() {
    let unit = started();
    unit.simulators.world().account_engagement.add_custom_field(NewCustomField::new("Seen__c", CustomKind::Date));
    unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
    let codes = || {
        let time = "2026-11-22T15:00:00Z";
        let activity = json!({ "extension": "Livestorm", "type": "people_registered", "email": "ana@example.org",
            "value": "s1", "activityDate": time });
        [
            unit.get(&format!("objects/lists?fields=id&createdAtAfter={time}")),
            unit.post("external-activities", activity),
            unit.post("objects/prospects", json!({ "email": "bo@example.org", "Seen__c": time })),
        ]
        .map(|(_, body)| body["code"].clone())
    };
    assert_eq!(codes(), [json!(7), json!(7), json!(57)]);
    unit.simulators.world().options.unknowns.account_engagement.zulu_time = ZuluTime::Accept;
    assert_eq!(codes(), [Value::Null, Value::Null, Value::Null]);
}

#[test]
fn usage_is_told_with_answers_and_refusals_when_asked() {
    let unit = started();
    let asked = |path: &str, ask: &str| {
        let (status, headers, _) = unit.answer(with(unit.request("GET", path, None), "x-return-api-usage", ask));
        (status, headers.get("x-api-usage").map(|value| value.to_str().unwrap().to_owned()))
    };
    assert_eq!(asked("objects/lists?fields=id", "1"), (200, Some("1/50000".into())));
    assert_eq!(asked("objects/lists?fields=id", "0"), (200, None));
    assert_eq!(asked("objects/lists", "1"), (400, Some("3/50000".into())));
    unit.simulators.world().options.unknowns.account_engagement.api_usage = ApiUsage::Labelled;
    assert_eq!(asked("objects/lists?fields=id", "1"), (200, Some("api-usage=4/50000".into())));
    unit.simulators.world().options.limits.account_engagement_calls_per_day = 4;
    assert_eq!(asked("objects/lists?fields=id", "1"), (400, Some("api-usage=4/4".into())));
}

#[test]
fn switches_decide_how_activities_are_refused_and_what_equal_ones_are() {
    let unit = started();
    unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
    let activity = |extra: Value| {
        let mut body = json!({ "extension": "Livestorm", "type": "people_registered", "email": "ana@example.org",
            "value": "s1", "activityDate": "2026-11-20T10:00:00+01:00" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        unit.post("external-activities", body)
    };
    for code in [154, 51, 109] {
        unit.simulators.world().options.unknowns.account_engagement.activity_refused_code = code;
        let wrong = [json!({ "extension": "Zoom" }), json!({ "type": "x" }), json!({ "value": "x".repeat(101) })];
        for extra in wrong {
            let (status, body) = activity(extra);
            assert_eq!((status, &body["code"]), (400, &json!(code)));
        }
    }
    assert_eq!(activity(json!({ "typeSalesforceId": "x" })).1["code"], 154);
    let ids = UndocumentedProperty::Ignore;
    unit.simulators.world().options.unknowns.account_engagement.activity_salesforce_ids = ids;
    let (status, first) = activity(json!({ "typeSalesforceId": "x", "extensionSalesforceId": "x" }));
    assert_eq!(status, 201);
    assert_ne!(activity(json!({})).1["id"], first["id"]);
    let equal = EqualActivity::AnswerTheFirst;
    unit.simulators.world().options.unknowns.account_engagement.equal_activity = equal;
    assert_eq!(activity(json!({})), (201, first.clone()));
    assert_ne!(activity(json!({ "value": "s2" })).1["id"], first["id"]);
    assert_eq!(unit.simulators.world().account_engagement.external_activities.len(), 3);

    let mut world = unit.simulators.world();
    world.options.unknowns.account_engagement.activities_per_minute = 4;
    world.options.unknowns.account_engagement.concurrency_status = 429;
    drop(world);
    assert_eq!(activity(json!({ "value": "s3" })).0, 201);
    let (status, body) = activity(json!({ "value": "s4" }));
    assert_eq!((status, &body["code"]), (429, &json!(66)));
    unit.wait(Duration::from_secs(60));
    assert_eq!(activity(json!({ "value": "s4" })).0, 201);
}

#[test]
fn a_lists_name_may_be_refused_by_its_characters() {
    let unit = started();
    for name in ["<b>", "a\"b", "a\\b", "a\nb"] {
        unit.id("objects/lists", json!({ "name": name }));
    }
    unit.simulators.world().options.unknowns.account_engagement.list_name_characters = true;
    for name in ["<b>", "a\"b", "a\\b", "a\nb"] {
        let refused = json!({ "code": 139, "message": "The supplied name is not valid." });
        assert_eq!(unit.post("objects/lists", json!({ "name": name })), (400, refused));
    }
    unit.id("objects/lists", json!({ "name": "Démo – 2026/11, 3 o'clock & more" }));
}

#[test]
fn who_opted_out_is_a_member_still_or_comes_in_again() {
    for (side, again) in [(OptedOutMembership::AlreadyMember, false), (OptedOutMembership::InAgain, true)] {
        let unit = started_with(|options| options.unknowns.account_engagement.opted_out_membership = side);
        let list = unit.id("objects/lists", json!({ "name": "a" }));
        let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
        let body = json!({ "listId": list, "prospectId": ana });
        let id = unit.id("objects/list-memberships", json!({ "listId": list, "prospectId": ana, "optedOut": true }));
        let (status, answer) = unit.post("objects/list-memberships?fields=id,optedOut", body.clone());
        match again {
            true => assert_eq!((status, answer), (201, json!({ "id": id, "optedOut": false }))),
            false => assert_eq!((status, &answer["code"]), (400, &json!(58))),
        }
        let text = "That prospect is already a member of that list. Update the membership instead.";
        if again {
            assert_eq!(unit.post("objects/list-memberships", body), (400, json!({ "code": 58, "message": text })));
        }
    }
}
