//! Custom fields, tags, dynamic lists, connecting a campaign, the recycle bin: what is done to records beside making them.

use super::*;
use crate::simulators::unknowns::{CaseMatch, Reconnect, UpdateStatus, UpsertTakes};

#[test]
fn a_custom_field_is_changed_and_its_id_and_kind_stay() {
    let unit = started();
    let new = json!({ "name": "Colour", "fieldId": "Colour", "type": "Dropdown", "isUseValues": true,
        "valuesPrefill": "red\nblue", "salesforceId": "Colour__c" });
    let id = unit.id("objects/custom-fields", new);
    let path = format!("objects/custom-fields/{id}");
    let shown =
        format!("{path}?fields=name,isRequired,isRecordMultipleResponses,isUseValues,valuesPrefill,salesforceId");
    let seen = |name: &str, required, multiple, values: Value, salesforce_id: Value| {
        json!({ "name": name, "isRequired": required, "isRecordMultipleResponses": multiple,
            "isUseValues": !values.is_null(), "valuesPrefill": values, "salesforceId": salesforce_id })
    };
    let kept = || json!("red\nblue");
    let rows = [
        (json!({}), seen("Colour", false, false, kept(), json!("Colour__c"))),
        (json!({ "name": "Paint" }), seen("Paint", false, false, kept(), json!("Colour__c"))),
        (json!({ "isRequired": true }), seen("Paint", true, false, kept(), json!("Colour__c"))),
        (json!({ "isRecordMultipleResponses": true }), seen("Paint", true, true, kept(), json!("Colour__c"))),
        (json!({ "valuesPrefill": "green" }), seen("Paint", true, true, json!("green"), json!("Colour__c"))),
        (json!({ "isUseValues": false }), seen("Paint", true, true, json!(null), json!("Colour__c"))),
        (json!({ "salesforceId": null }), seen("Paint", true, true, json!(null), json!(null))),
    ];
    for (body, expected) in rows {
        assert_eq!(unit.call("PATCH", &shown, Some(body.clone())), (200, expected), "{body}");
    }
    unit.wait(Duration::from_secs(5));
    unit.call("PATCH", &path, Some(json!({ "name": "Hue" })));
    unit.wait(LAG);
    let (_, body) = unit.get(&format!("{path}?fields=createdAt,updatedAt"));
    assert_eq!(body, json!({ "createdAt": "2026-11-23T04:00:00-05:00", "updatedAt": "2026-11-23T04:00:05-05:00" }));
    let refused = [
        (json!({ "fieldId": "Other" }), 180),
        (json!({ "type": "Text" }), 180),
        (json!({ "createdAt": "x" }), 180),
        (json!({ "colour": 1 }), 154),
        (json!({ "name": "" }), 153),
        (json!({ "isRequired": 1 }), 50),
    ];
    for (body, code) in refused {
        assert_eq!(unit.call("PATCH", &path, Some(body.clone())).1["code"], code, "{body}");
    }
    assert_eq!(unit.call("PATCH", "objects/custom-fields/9", Some(json!({}))).1["code"], 109);
    // To name values is to use them.
    let patched = unit.call("PATCH", &format!("{path}?fields=isUseValues"), Some(json!({ "valuesPrefill": "a" })));
    assert_eq!(patched, (200, json!({ "isUseValues": true })));
}

#[test]
fn a_custom_field_has_values_where_they_are_named_and_not_switched_off() {
    let unit = started();
    let rows = [
        (json!({}), json!(null)),
        (json!({ "valuesPrefill": "a\nb" }), json!("a\nb")),
        (json!({ "valuesPrefill": "a\nb", "isUseValues": true }), json!("a\nb")),
        (json!({ "valuesPrefill": "a\nb", "isUseValues": false }), json!(null)),
        (json!({ "isUseValues": true }), json!(null)),
    ];
    for (number, (extra, values)) in rows.into_iter().enumerate() {
        let mut new = json!({ "name": "x", "fieldId": format!("x{number}"), "type": "Dropdown" });
        new.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let (_, body) = unit.post("objects/custom-fields?fields=isUseValues,valuesPrefill", new);
        assert_eq!(body, json!({ "isUseValues": !values.is_null(), "valuesPrefill": values }), "{extra}");
    }
}

#[test]
fn a_deleted_custom_field_is_gone_with_its_values_and_its_name_is_free_again() {
    let unit = started();
    let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org", "Attendance__c": 5 }));
    let id = unit.simulators.world().account_engagement.custom_field("Attendance__c").unwrap().id;
    let path = format!("objects/custom-fields/{id}");
    unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([Ability::DeleteCustomFields]);
    assert_eq!(unit.call("DELETE", &path, None).1["code"], 46);
    unit.simulators.world().account_engagement.missing_abilities.clear();
    assert_eq!(unit.call("DELETE", &path, None), (204, Value::Null));
    assert_eq!(unit.call("DELETE", &path, None).1["code"], 109);
    assert_eq!(unit.get(&format!("objects/prospects/{ana}?fields=Attendance__c")).1["code"], 180);
    assert_eq!(unit.post("objects/prospects", json!({ "email": "b@example.org", "Attendance__c": 5 })).1["code"], 180);
    let new = json!({ "name": "Attendance", "fieldId": "Attendance", "type": "Number" });
    let again = unit.id("objects/custom-fields", new);
    assert_ne!(again, id);
    unit.wait(LAG);
    assert_eq!(unit.get(&format!("objects/prospects/{ana}?fields=Attendance__c")).1, json!({ "Attendance__c": null }));
    let (_, body) = unit.get("objects/custom-fields?fields=id&name=Attendance&deleted=all");
    assert_eq!(body["values"], json!([{ "id": again }]));
}

#[test]
fn there_are_so_many_lists_and_fields_and_none_that_is_used_is_deleted() {
    let unit = started();
    let list = unit.id("objects/lists", json!({ "name": "a" }));
    let field = unit.id("objects/custom-fields", json!({ "name": "x", "fieldId": "x", "type": "Text" }));
    {
        let unit = &mut unit.simulators.world().account_engagement;
        unit.most = BTreeMap::from([(Asset::List, 1), (Asset::CustomField, 3)]);
        unit.in_use = BTreeSet::from([(Asset::List, list), (Asset::CustomField, field)]);
    }
    let text = "You have reached or exceeded the limit of how many of this type of object you may have.";
    let (status, refused) = unit.post("objects/lists", json!({ "name": "b" }));
    assert_eq!((status, refused), (400, json!({ "code": 67, "message": text })));
    let another = json!({ "name": "y", "fieldId": "y", "type": "Text" });
    assert_eq!(unit.post("objects/custom-fields", another.clone()).1["code"], 67);
    let text = "This Asset cannot be deleted because it is being used in other places.";
    for path in [format!("objects/lists/{list}"), format!("objects/custom-fields/{field}")] {
        assert_eq!(unit.call("DELETE", &path, None), (405, json!({ "code": 108, "message": text })));
    }
    unit.simulators.world().account_engagement.in_use.clear();
    for path in [format!("objects/lists/{list}"), format!("objects/custom-fields/{field}")] {
        assert_eq!(unit.call("DELETE", &path, None).0, 204);
    }
    // What is in the recycle bin takes no place.
    unit.id("objects/lists", json!({ "name": "b" }));
    unit.id("objects/custom-fields", another);
}

#[test]
fn a_list_is_changed_deleted_and_no_longer_written() {
    let unit = started();
    let list = unit.id("objects/lists", json!({ "name": "a", "description": "d", "campaignId": 5000 }));
    let path = format!("objects/lists/{list}");
    let shown = format!("{path}?fields=name,title,description,isPublic,campaignId");
    let patch = json!({ "title": "A", "description": null, "isPublic": true, "campaignId": null });
    let expected = json!({ "name": "a", "title": "A", "description": null, "isPublic": true, "campaignId": null });
    assert_eq!(unit.call("PATCH", &shown, Some(patch)), (200, expected.clone()));
    assert_eq!(unit.call("PATCH", &shown, Some(json!({}))), (200, expected));
    unit.simulators.world().account_engagement.folders.closed.insert(7);
    for (folder, code) in [(7, 96), (8, 97)] {
        let (status, refused) = unit.call("PATCH", &path, Some(json!({ "folderId": folder })));
        assert_eq!((status, &refused["code"]), (400, &json!(code)));
    }
    unit.simulators.world().account_engagement.folders.full.insert(2001);
    for body in [json!({ "name": "b" }), json!({ "name": "b", "folderId": 2001 })] {
        assert_eq!(unit.post("objects/lists", body).1["code"], 216);
    }
    let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
    assert_eq!(unit.call("DELETE", &path, None), (204, Value::Null));
    assert_eq!(unit.call("DELETE", &path, None).1["code"], 109);
    assert_eq!(unit.call("PATCH", &path, Some(json!({ "name": "b" }))).1["code"], 219);
    assert_eq!(unit.post("objects/list-memberships", json!({ "listId": list, "prospectId": ana })).1["code"], 55);
    unit.wait(LAG);
    let ids = |deleted: &str| unit.get(&format!("objects/lists?fields=id&deleted={deleted}")).1["values"].clone();
    assert_eq!((ids("false"), ids("true"), ids("all")), (json!([]), json!([{ "id": list }]), json!([{ "id": list }])));
    let (status, headers, _) = unit.answer(unit.request("GET", &format!("{path}?fields=id"), None));
    assert_eq!((status, headers["pardot-warning"].to_str().unwrap().starts_with("201;")), (200, true));
}

#[test]
fn members_of_a_dynamic_list_are_not_written() {
    for code in [55, 154] {
        let unit = started_with(|options| options.unknowns.account_engagement.dynamic_list_code = code);
        let list = unit.simulators.world().account_engagement.add_dynamic_list("by rule");
        let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
        let body = json!({ "listId": list, "prospectId": ana });
        let (status, refused) = unit.post("objects/list-memberships", body.clone());
        assert_eq!((status, &refused["code"]), (400, &json!(code)));
        let now = unit.clock.now();
        unit.simulators.world().account_engagement.lists.change(&list, now, |list| list.is_dynamic = false);
        let path = format!("objects/list-memberships/{}", unit.id("objects/list-memberships", body));
        unit.simulators.world().account_engagement.lists.change(&list, now, |list| list.is_dynamic = true);
        assert_eq!(unit.call("PATCH", &path, Some(json!({ "optedOut": true }))).1["code"], code);
        assert_eq!(unit.call("DELETE", &path, None).1["code"], code);
        unit.wait(LAG);
        let (_, shown) = unit.get(&format!("{path}?fields=optedOut,list.isDynamic"));
        assert_eq!(shown, json!({ "optedOut": false, "list": { "isDynamic": true } }));
    }
}

#[test]
fn a_tag_is_added_once_and_removed() {
    let unit = started();
    let tag = unit.id("objects/tags", json!({ "name": "webinar" }));
    assert_eq!(unit.post("objects/tags", json!({ "name": "webinar" })).1["code"], 245);
    let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
    let list = unit.id("objects/lists", json!({ "name": "a" }));
    let rows = [("prospects", ana, "Prospect"), ("lists", list, "List"), ("campaigns", 5000, "Campaign")];
    for (objects, id, kind) in rows {
        let path = |action: &str| format!("objects/{objects}/{id}/do/{action}");
        let tagged = json!({ "objectType": kind, "objectId": id, "tagId": tag });
        for _ in 0..2 {
            assert_eq!(unit.post(&path("addTag"), json!({ "tagId": tag })), (200, tagged.clone()));
        }
        let refused = [(json!({}), 153), (json!({ "tagId": "x" }), 16), (json!({ "tagId": 1 }), 109)];
        for (body, code) in refused.iter().chain(&[(json!({ "tagId": tag, "x": 1 }), 154)]) {
            assert_eq!(unit.post(&path("addTag"), body.clone()).1["code"], *code, "{objects} {body}");
        }
        if objects == "prospects" {
            assert_eq!(unit.simulators.world().account_engagement.tags_of_prospect(ana), [tag]);
        }
        assert_eq!(unit.post(&path("removeTag"), json!({ "tagId": tag })), (204, Value::Null));
        assert_eq!(unit.post(&path("removeTag"), json!({ "tagId": tag })).1["code"], 109);
        assert_eq!(
            unit.call("GET", &path("addTag"), None),
            (405, json!({ "code": 60, "message": "Invalid HTTP request method" }))
        );
        assert_eq!(unit.post(&format!("objects/{objects}/1/do/addTag"), json!({ "tagId": tag })).1["code"], 109);
    }
    assert_eq!(unit.simulators.world().account_engagement.tags_of_prospect(ana), [0; 0]);
    unit.simulators.world().options.unknowns.account_engagement.action_status = UpdateStatus::NoContent;
    let path = format!("objects/prospects/{ana}/do/addTag");
    assert_eq!(unit.post(&path, json!({ "tagId": tag })), (204, Value::Null));
    for ability in [Ability::CreateProspects, Ability::CreateTags] {
        unit.simulators.world().account_engagement.missing_abilities = BTreeSet::from([ability]);
        assert_eq!(unit.post(&path, json!({ "tagId": tag })).1["code"], 46, "without {ability:?}");
    }
    unit.simulators.world().account_engagement.missing_abilities.clear();
    unit.wait(LAG);
    assert_eq!(unit.names("objects/tags?fields=name"), ["webinar"]);
}

#[test]
fn an_action_that_an_object_does_not_have_is_no_endpoint() {
    for code in [198, 2] {
        let unit = started_with(|options| options.unknowns.account_engagement.unknown_action_code = code);
        let paths = [
            "objects/custom-fields/4001/do/addTag",
            "objects/lists/1/do/connectSalesforceCampaign",
            "objects/prospects/do/upsert",
            "objects/lists/do/undelete",
            "imports/1/do/start",
        ];
        for path in paths {
            let (status, refused) = unit.post(path, json!({}));
            assert_eq!((status, &refused["code"]), (404, &json!(code)), "{path}");
        }
        for path in ["objects/webinars/1/do/addTag", "objects/webinars/do/undelete"] {
            assert_eq!(unit.post(path, json!({})).1["code"], 192, "{path}");
        }
    }
}

#[test]
fn a_campaign_is_connected_with_one_of_salesforce_and_follows_it() {
    let unit = started();
    let here = unit.simulators.world().add_unconnected_campaign("Old name");
    let arrived = unit.simulators.world().add_connected_campaign("Taken");
    let there = unit.salesforce_campaign(json!({ "Name": "Spring fair" }));
    let path = format!("objects/campaigns/{here}/do/connectSalesforceCampaign");
    let refused = [
        (json!({}), 153),
        (json!({ "salesforceId": "701" }), 154),
        (json!({ "salesforceId": salesforce_id("701", 99) }), 154),
        (json!({ "salesforceId": arrived }), 154),
        (json!({ "salesforceId": there, "name": "x" }), 154),
    ];
    for (body, code) in refused {
        assert_eq!(unit.post(&path, body.clone()).1["code"], code, "{body}");
    }
    unit.wait(Duration::from_secs(5));
    let at = "2026-11-23T04:00:05-05:00";
    let asked = format!("{path}?fields=id,salesforceId,updatedAt");
    let connected = json!({ "id": here, "salesforceId": there, "updatedAt": at });
    assert_eq!(unit.post(&asked, json!({ "salesforceId": &there[..15] })), (200, connected.clone()));
    assert_eq!(unit.post(&asked, json!({ "salesforceCampaignId": there })), (200, connected), "again is the same");
    unit.wait(Duration::from_secs(3600));
    let (_, body) = unit.get("objects/campaigns?fields=id,name&idGreaterThan=5000");
    let rows = json!([{ "id": here, "name": "Spring fair" }, { "id": here + 1, "name": "Taken" }]);
    assert_eq!(body["values"], rows, "and does not arrive a second time");

    let other = unit.salesforce_campaign(json!({ "Name": "Autumn fair" }));
    assert_eq!(unit.post(&path, json!({ "salesforceId": other })).1["code"], 154);
    unit.simulators.world().options.unknowns.account_engagement.reconnect_campaign = Reconnect::Replace;
    assert_eq!(unit.post(&asked, json!({ "salesforceId": other })).1["salesforceId"], json!(other));
    unit.wait(Duration::from_secs(3600));
    let (_, body) = unit.get(&format!("objects/campaigns/{here}?fields=name"));
    assert_eq!(body["name"], "Autumn fair", "whichever was changed first");
    unit.simulators.world().switch_connected_campaigns_off();
    let (status, body) = unit.post(&path, json!({ "salesforceId": other }));
    assert_eq!((status, &body["code"]), (400, &json!(218)));
    unit.simulators.world().account_engagement.missing_abilities.insert(Ability::CreateCampaigns);
    assert_eq!(unit.post(&path, json!({ "salesforceId": other })).1["code"], 46);
}

#[test]
fn a_campaign_connected_anew_has_the_name_of_the_one_it_is_connected_with_now() {
    let unit = started_with(|options| options.unknowns.account_engagement.reconnect_campaign = Reconnect::Replace);
    let here = unit.simulators.world().add_unconnected_campaign("Old name");
    let older = unit.salesforce_campaign(json!({ "Name": "Autumn fair" }));
    unit.wait(Duration::from_secs(5));
    let newer = unit.salesforce_campaign(json!({ "Name": "Spring fair" }));
    for (there, name) in [(newer, "Spring fair"), (older, "Autumn fair")] {
        let path = format!("objects/campaigns/{here}/do/connectSalesforceCampaign");
        assert_eq!(unit.post(&path, json!({ "salesforceId": there })).0, 200);
        unit.wait(Duration::from_secs(120) + LAG);
        assert_eq!(unit.get(&format!("objects/campaigns/{here}?fields=name")).1["name"], name);
    }
}

#[test]
fn a_prospect_comes_out_of_the_recycle_bin_by_its_id_or_address() {
    let unit = started();
    let deleted = || {
        let mut new = NewProspect::new("ana@example.org");
        new.is_deleted = true;
        unit.simulators.world().account_engagement.add_prospect(new)
    };
    let (first, second) = (deleted(), deleted());
    let path = "objects/prospects/do/undelete?fields=id,isDeleted";
    assert_eq!(unit.post(path, json!({ "id": first })), (200, json!({ "id": first, "isDeleted": false })));
    let refused = [(json!({ "id": first }), 109), (json!({ "id": 1 }), 109), (json!({ "id": "x" }), 3)];
    for (body, code) in refused.into_iter().chain([(json!({}), 153), (json!({ "email": "x@example.org" }), 109)]) {
        assert_eq!(unit.post(path, body.clone()).1["code"], code, "{body}");
    }
    unit.simulators.world().options.ampsea = false;
    assert_eq!(unit.post(path, json!({ "id": second })).1["code"], 54, "the address is taken");
    unit.simulators.world().options.ampsea = true;
    assert_eq!(
        unit.post(path, json!({ "email": "ana@example.org" })),
        (200, json!({ "id": second, "isDeleted": false }))
    );
    assert_eq!(unit.call("GET", path, None).1["code"], 60);
}

#[test]
fn the_account_is_one_record_that_is_only_read() {
    let unit = started();
    let fields = "id,company,level,website,pluginCampaignId,addressOne,addressTwo,city,state,zip,territory,country,phone,fax,\
        adminId,maximumDailyApiCalls,apiCallsUsed,createdAt,updatedAt,createdById,updatedById";
    let (status, body) = unit.get(&format!("objects/account?fields={}", fields.replace(' ', "")));
    assert_eq!((status, body.as_object().unwrap().len()), (200, 21));
    assert_eq!((&body["values"], &body["apiCallsUsed"]), (&Value::Null, &json!(1)));
    assert_eq!(unit.get("objects/account").1["code"], 13);
    assert_eq!(unit.get("objects/account?fields=id,name").1["code"], 180);
    assert_eq!(unit.get("objects/account/900001?fields=id").1["code"], 192);
    for method in ["POST", "PATCH", "DELETE"] {
        assert_eq!(unit.call(method, "objects/account?fields=id", Some(json!({}))).1["code"], 60, "{method}");
    }
    let editions =
        [(Edition::Growth, 25_000), (Edition::Plus, 50_000), (Edition::Advanced, 100_000), (Edition::Premium, 100_000)];
    for (edition, calls) in editions {
        unit.simulators.world().set_edition(edition);
        let (_, body) = unit.get("objects/account?fields=level,maximumDailyApiCalls");
        assert_eq!(body, json!({ "level": format!("{edition:?}"), "maximumDailyApiCalls": calls }));
    }
    let limits = Options::default().limits;
    assert_eq!((limits.account_engagement_calls_per_day, limits.account_engagement_calls_in_flight), (50_000, 5));
}

#[test]
fn every_kind_of_custom_field_is_made_and_named_in_small_letters() {
    let unit = started();
    let kinds = [
        "Text",
        "Radio Button",
        "Checkbox",
        "Dropdown",
        "Textarea",
        "Multi-Select",
        "Hidden",
        "Number",
        "Date",
        "CRM User",
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let new = json!({ "name": kind, "fieldId": format!("Kind_{number}"), "type": kind });
        let (status, body) = unit.post("objects/custom-fields?fields=type,fieldId,apiFieldId", new);
        let expected = json!({ "type": kind.to_lowercase(), "fieldId": format!("Kind_{number}"), "apiFieldId": format!("Kind_{number}__c") });
        assert_eq!((status, body), (201, expected));
    }
}

/// The page names what may be written and what may not.
#[test]
fn a_prospects_fields_are_writable_or_not_as_its_page_says() {
    let unit = started();
    unit.simulators.world().account_engagement.prospect_accounts.insert(1);
    let texts = "salutation,firstName,lastName,jobTitle,company,department,industry,website,phone,fax,addressOne,addressTwo,city,\
        state,zip,country,territory,annualRevenue,employees,yearsInBusiness,source,comments,notes,salesforceId,salesforceOwnerId";
    let flags = "isDoNotCall,isDoNotEmail,optedOut,isReviewed,isStarred";
    let read_only = "id,assignedToId,campaignParameter,contentParameter,mediumParameter,sourceParameter,termParameter,\
        convertedAt,convertedFromObjectName,convertedFromObjectType,createdAt,createdById,updatedAt,updatedById,doNotSell,\
        emailBouncedAt,emailBouncedReason,isEmailHardBounced,firstActivityAt,firstAssignedAt,firstReferrerQuery,\
        firstReferrerType,firstReferrerUrl,grade,isDeleted,lastActivityAt,lifecycleStageId,recentInteraction,\
        salesforceAccountId,salesforceCampaignId,salesforceContactId,salesforceLastSync,salesforceLeadId,salesforceUrl";
    let list = |names: &str| names.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
    let path = |name: &str| format!("objects/prospects/{ana}?fields={name}");
    let written = list(texts).into_iter().map(|name| (name, json!("x")));
    let written = written.chain(list(flags).into_iter().map(|name| (name, json!(true))));
    let written = written.chain(["score", "prospectAccountId", "userId"].map(|name| (name.to_owned(), json!(1))));
    for (name, value) in
        written.chain([("campaignId".to_owned(), json!(5000)), ("email".to_owned(), json!("b@example.org"))])
    {
        let patched = unit.call("PATCH", &path(&name), Some(json!({ name.as_str(): value })));
        assert_eq!(patched, (200, json!({ name.as_str(): value })));
    }
    for name in list(read_only) {
        assert_eq!(unit.call("PATCH", &path("id"), Some(json!({ name.as_str(): "x" }))).1["code"], 180, "{name}");
        assert_eq!(unit.call("PATCH", &path(&name), Some(json!({}))).0, 200, "{name}");
    }
}

#[test]
fn an_activity_goes_to_the_prospect_with_the_most_recent_activity() {
    // Whatever an upsert would take.
    for side in [UpsertTakes::LatestActivity, UpsertTakes::LatestUpdate] {
        let unit = started_with(|options| options.unknowns.account_engagement.upsert_takes = side);
        let add = |activity: Option<u64>, updated: u64, is_deleted| {
            let mut new = NewProspect::new("ana@example.org");
            new.last_activity_at = activity.map(Timestamp::from_seconds);
            new.created_at = Timestamp::from_seconds(updated);
            new.is_deleted = is_deleted;
            unit.simulators.world().account_engagement.add_prospect(new)
        };
        add(None, 1_700_000_300, false);
        let latest = add(Some(1_700_000_200), 1_700_000_100, false);
        add(Some(1_700_000_100), 1_700_000_200, false);
        add(Some(1_700_000_300), 1_700_000_400, true);
        let body =
            json!({ "extension": "Livestorm", "type": "people_registered", "email": "ana@example.org", "value": "s" });
        assert_eq!(unit.post("external-activities?fields=prospectId", body), (201, json!({ "prospectId": latest })));
    }
}

#[test]
fn a_prospect_is_changed_by_its_id_alone() {
    let unit = started();
    unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana@example.org"));
    let body = || Some(json!({ "email": "ana@example.org", "city": "Porto" }));
    assert_eq!(unit.call("PATCH", "objects/prospects", body()).1["code"], 60);
    assert_eq!(unit.call("PATCH", "objects/prospects?email=ana@example.org", body()).1["code"], 60);
    assert_eq!(unit.call("PATCH", "objects/prospects/ana@example.org", body()).1["code"], 16);
}

#[test]
fn every_change_moves_the_time_of_the_last_one() {
    let unit = started_with(|options| options.read_lag.account_engagement = Duration::ZERO);
    let list = unit.id("objects/lists", json!({ "name": "a" }));
    let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
    let campaign = unit.simulators.world().add_unconnected_campaign("Fair");
    let member = unit.id("objects/list-memberships", json!({ "listId": list, "prospectId": ana }));
    let (list, path) = (format!("objects/lists/{list}"), format!("objects/prospects/{ana}"));
    let member = format!("objects/list-memberships/{member}");
    let undelete = "objects/prospects/do/undelete".to_owned();
    let upsert = "objects/prospects/do/upsertLatestByEmail".to_owned();
    let ana = || json!({ "prospect": { "email": "ana@example.org", "city": "Porto" } });
    let rows = [
        ("PATCH", &list, &list, json!({ "title": "A" })),
        ("PATCH", &member, &member, json!({ "optedOut": true })),
        ("PATCH", &path, &path, json!({ "campaignId": campaign })),
        ("POST", &upsert, &path, ana()),
        ("DELETE", &path, &path, Value::Null),
        ("POST", &undelete, &path, json!({ "email": "ana@example.org" })),
        ("DELETE", &member, &member, Value::Null),
        ("DELETE", &list, &list, Value::Null),
    ];
    for (number, (method, written, changed, body)) in (1..).zip(rows) {
        unit.wait(Duration::from_secs(1));
        assert!(unit.call(method, written, Some(body)).0 < 300, "{method} {written}");
        let (_, shown) = unit.get(&format!("{changed}?fields=createdAt,updatedAt"));
        let at = |second| format!("2026-11-23T04:00:{second:02}-05:00");
        assert_eq!(shown, json!({ "createdAt": at(0), "updatedAt": at(number) }), "{method} {written}");
    }
    assert_eq!(
        unit.get(&format!("{path}?fields=campaignId,city")).1,
        json!({ "campaignId": campaign, "city": "Porto" })
    );
}

#[test]
fn a_name_is_matched_to_the_letter_and_a_user_that_is_not_there_is_nothing() {
    let unit = started_with(|options| {
        options.read_lag.account_engagement = Duration::ZERO;
        options.unknowns.account_engagement.email_match = CaseMatch::Insensitive;
    });
    unit.id("objects/lists", json!({ "name": "Demo" }));
    assert_eq!(unit.names("objects/lists?fields=name&name=Demo"), ["Demo"]);
    assert_eq!(unit.names("objects/lists?fields=name&name=demo"), [""; 0]);
    let assigned = |user: u64| {
        let body = json!({ "email": "ana@example.org", "userId": user });
        unit.post("objects/prospects?fields=assignedTo.id", body).1["assignedTo"].clone()
    };
    assert_eq!((assigned(USER_ID), assigned(5)), (json!({ "id": USER_ID }), Value::Null));
}

#[test]
fn what_was_due_before_the_connector_stopped_has_come_though_nobody_looked() {
    let stops: [fn(&mut World); 2] = [World::pause_campaign_sync, World::switch_connected_campaigns_off];
    for stop in stops {
        let unit = started();
        unit.salesforce_campaign(json!({ "Name": "Demo" }));
        unit.wait(Duration::from_secs(600));
        stop(&mut unit.simulators.world());
        unit.wait(LAG);
        assert_eq!(unit.names("objects/campaigns?fields=name&idGreaterThan=5000"), ["Demo"]);
    }
}

#[test]
fn a_campaign_renamed_in_salesforce_was_changed_when_the_name_came_over() {
    let unit = started();
    let id = unit.salesforce_campaign(json!({ "Name": "Demo" }));
    unit.wait(Duration::from_secs(700));
    unit.simulators.world().salesforce.edit_campaign(&id, "Name", json!("Renamed"));
    unit.wait(Duration::from_secs(1000));
    let (_, body) = unit.get("objects/campaigns/5001?fields=name,createdAt,updatedAt");
    let expected = json!({ "name": "Renamed", "createdAt": "2026-11-23T04:10:00-05:00", "updatedAt": "2026-11-23T04:13:40-05:00" });
    assert_eq!(body, expected);
}
