//! Leads, contacts, accounts and campaign members: what they take, refuse and fill in.

use super::*;
use crate::simulators::unknowns::{DuplicateKey, UndefinedMemberStatus};

fn refused(simulators: &Simulators, method: &str, path: &str, fields: Value) -> (u16, String, String) {
    let (status, body) = call(simulators, method, path, Some(fields));
    let text = |name: &str| body[0][name].as_str().unwrap_or_default().to_owned();
    (status, text("errorCode"), text("message"))
}

fn read(simulators: &Simulators, object: &str, id: &str) -> Value {
    call(simulators, "GET", &format!("/sobjects/{object}/{id}"), None).1
}

fn lead(simulators: &Simulators, email: &str) -> String {
    made(simulators, "Lead", json!({ "FirstName": "Lea", "LastName": "Doe", "Company": "Acme", "Email": email }))
}

#[test]
fn people_and_accounts_are_refused_by_their_fields() {
    let (simulators, _) = started();
    let long = |n: usize| "x".repeat(n);
    let rows = [
        ("Lead", json!({}), "REQUIRED_FIELD_MISSING"),
        ("Lead", json!({ "LastName": "x" }), "REQUIRED_FIELD_MISSING"),
        ("Lead", json!({ "LastName": long(81), "Company": "x" }), "STRING_TOO_LONG"),
        ("Lead", json!({ "LastName": "x", "Company": "x", "City": long(41) }), "STRING_TOO_LONG"),
        ("Lead", json!({ "LastName": "x", "Company": "x", "Email": "x" }), "INVALID_EMAIL_ADDRESS"),
        ("Lead", json!({ "LastName": "x", "Company": "x", "Email": "a b@x.test" }), "INVALID_EMAIL_ADDRESS"),
        ("Lead", json!({ "LastName": "x", "Company": "x", "Email": "a@b@x.test" }), "INVALID_EMAIL_ADDRESS"),
        ("Contact", json!({ "LastName": "x", "Email": "a@" }), "INVALID_EMAIL_ADDRESS"),
        ("Contact", json!({ "LastName": "x", "Email": format!("{}@x.test", long(74)) }), "STRING_TOO_LONG"),
        ("Lead", json!({ "LastName": "x", "Company": "x", "IsConverted": true }), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Contact", json!({ "FirstName": "x" }), "REQUIRED_FIELD_MISSING"),
        ("Contact", json!({ "LastName": "x", "Company": "x" }), "INVALID_FIELD"),
        ("Contact", json!({ "LastName": "x", "Website": "x" }), "INVALID_FIELD"),
        ("Account", json!({ "Name": "" }), "REQUIRED_FIELD_MISSING"),
        ("Account", json!({ "Name": long(256) }), "STRING_TOO_LONG"),
    ];
    for (object, sent, code) in rows {
        let (status, told, _) = refused(&simulators, "POST", &format!("/sobjects/{object}"), sent.clone());
        assert_eq!((status, told.as_str()), (400, code), "{object} {sent}");
    }
    let account = made(&simulators, "Account", json!({ "Name": "Acme" }));
    let contact = made(&simulators, "Contact", json!({ "LastName": "Doe", "AccountId": account }));
    assert_eq!(read(&simulators, "Contact", &contact)["Name"], "Doe");
    lead(&simulators, "a@x.test");
    let id = lead(&simulators, "a@x.test");
    let known = read(&simulators, "Lead", &id);
    assert_eq!((&known["Name"], &known["Status"]), (&json!("Lea Doe"), &json!("Open - Not Contacted")));
}

#[test]
fn texts_are_as_long_as_describe_tells_and_no_longer() {
    let (simulators, _) = started();
    let address = [("City", 40), ("State", 80), ("Country", 80), ("PostalCode", 20), ("Street", 255)];
    let person = [("LastName", 80), ("FirstName", 40), ("Title", 128), ("Phone", 40), ("Description", 32_000)];
    let of_lead = person.into_iter().chain(address).chain([("Company", 255), ("Website", 255)]);
    let of_contact = person.into_iter().chain([("MailingCity", 40), ("MailingState", 80), ("MailingCountry", 80)]);
    let rows = [
        ("Lead", of_lead.collect::<Vec<_>>()),
        ("Contact", of_contact.collect()),
        ("Account", vec![("Name", 255)]),
        ("Campaign", vec![("Name", 80), ("Description", 32_000)]),
    ];
    for (object, fields) in rows {
        let (_, described) = call(&simulators, "GET", &format!("/sobjects/{object}/describe"), None);
        for (name, most) in fields {
            let field = described["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap();
            assert_eq!(field["length"], most, "{object}.{name}");
            for (length, expected) in [(most, 201), (most + 1, 400)] {
                let mut sent = json!({ "LastName": "x", "Company": "x", "Name": "x" });
                sent.as_object_mut().unwrap().retain(|key, _| match object {
                    "Lead" => key != "Name",
                    "Contact" => key == "LastName",
                    _ => key == "Name",
                });
                sent[name] = json!("x".repeat(length));
                let (status, told) = call(&simulators, "POST", &format!("/sobjects/{object}"), Some(sent));
                assert_eq!(status, expected, "{object}.{name} {length}");
                assert!(status == 201 || told[0]["errorCode"] == "STRING_TOO_LONG", "{told}");
            }
        }
    }
}

#[test]
fn a_member_is_one_for_a_campaign_and_a_person_and_mirrors_it() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let lead = lead(&simulators, "a@x.test");
    let account = made(&simulators, "Account", json!({ "Name": "Acme" }));
    let contact = made(&simulators, "Contact", json!({ "LastName": "Roe", "AccountId": account }));
    let member = made(&simulators, "CampaignMember", json!({ "CampaignId": campaign, "LeadId": lead }));
    let again =
        refused(&simulators, "POST", "/sobjects/CampaignMember", json!({ "CampaignId": campaign, "LeadId": lead }));
    assert_eq!(again, (400, "DUPLICATE_VALUE".into(), "Already a campaign member.".into()));
    let both = json!({ "CampaignId": campaign, "LeadId": lead, "ContactId": contact, "Status": "responded" });
    let other = made(&simulators, "CampaignMember", both);
    let rows = [
        (&member, "Status", json!("Sent")),
        (&member, "HasResponded", json!(false)),
        (&member, "FirstRespondedDate", json!(null)),
        (&member, "Type", json!("Lead")),
        (&member, "Email", json!("a@x.test")),
        (&member, "CompanyOrAccount", json!("Acme")),
        (&member, "LeadOrContactId", json!(lead)),
        (&other, "LeadId", json!(null)),
        (&other, "Type", json!("Contact")),
        (&other, "Name", json!("Roe")),
        (&other, "CompanyOrAccount", json!("Acme")),
        (&other, "Status", json!("Responded")),
        (&other, "HasResponded", json!(true)),
        (&other, "FirstRespondedDate", json!("2026-11-23")),
    ];
    for (id, name, value) in rows {
        assert_eq!(read(&simulators, "CampaignMember", id)[name], value, "{name}");
    }
    let renamed = json!({ "Email": "new@x.test", "LastName": "New" });
    assert_eq!(call(&simulators, "PATCH", &format!("/sobjects/Lead/{lead}"), Some(renamed)).0, 204);
    let followed = read(&simulators, "CampaignMember", &member);
    assert_eq!((&followed["Email"], &followed["Name"]), (&json!("new@x.test"), &json!("Lea New")));
    let known = read(&simulators, "Campaign", &campaign);
    for (name, count) in [("NumberOfLeads", 1), ("NumberOfContacts", 1), ("NumberOfResponses", 1)] {
        assert_eq!(known[name], count, "{name}");
    }
    for name in ["CampaignId", "LeadId", "ContactId", "HasResponded"] {
        let path = format!("/sobjects/CampaignMember/{member}");
        assert_eq!(
            refused(&simulators, "PATCH", &path, json!({ name: campaign })).1,
            "INVALID_FIELD_FOR_INSERT_UPDATE"
        );
    }
    assert_eq!(simulators.world().snapshot().campaign_members.len(), 2);
    assert_eq!(call(&simulators, "DELETE", &format!("/sobjects/Campaign/{campaign}"), None).0, 204);
    let snapshot = simulators.world().snapshot();
    assert_eq!((snapshot.campaign_members.len(), snapshot.member_statuses.len(), snapshot.leads.len()), (0, 0, 1));
}

#[test]
fn a_status_that_the_campaign_does_not_have_is_a_switch() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let rows = [
        (UndefinedMemberStatus::Refused, None),
        (UndefinedMemberStatus::Default, Some("Sent")),
        (UndefinedMemberStatus::Stored, Some("Attended")),
    ];
    for (side, expected) in rows {
        simulators.world().options.unknowns.salesforce.undefined_member_status = side;
        let sent = json!({ "CampaignId": campaign, "LeadId": lead(&simulators, "a@x.test"), "Status": "Attended" });
        let (status, body) = call(&simulators, "POST", "/sobjects/CampaignMember", Some(sent));
        match expected {
            None => assert_eq!(status, 400, "{side:?}"),
            Some(label) => {
                let id = body["id"].as_str().unwrap();
                assert_eq!(read(&simulators, "CampaignMember", id)["Status"], label);
            }
        }
    }
}

#[test]
fn statuses_have_one_order_one_default_and_are_kept_while_used() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let unknown = "duplicate value found: <unknown> duplicates value on record with id: <unknown>";
    let status = |label: &str, order: u32| json!({ "CampaignId": campaign, "Label": label, "SortOrder": order });
    for sent in [status("New", 1), status("sent", 9)] {
        let told = refused(&simulators, "POST", "/sobjects/CampaignMemberStatus", sent);
        assert_eq!(told, (400, "DUPLICATE_VALUE".into(), unknown.into()));
    }
    let attended = made(&simulators, "CampaignMemberStatus", status("Attended", 10));
    let (_, found) = query(&simulators, "SELECT Id, Label, IsDefault FROM CampaignMemberStatus ORDER BY SortOrder");
    let ids: Vec<String> =
        found["records"].as_array().unwrap().iter().map(|row| row["Id"].as_str().unwrap().to_owned()).collect();
    let path = |id: &str| format!("/sobjects/CampaignMemberStatus/{id}");
    assert_eq!(refused(&simulators, "PATCH", &path(&ids[0]), json!({ "IsDefault": false })).2, unknown);
    assert_eq!(refused(&simulators, "PATCH", &path(&ids[1]), json!({ "HasResponded": false })).2, unknown);
    assert_eq!(
        refused(&simulators, "PATCH", &path(&ids[1]), json!({ "Label": "x" })).1,
        "INVALID_FIELD_FOR_INSERT_UPDATE"
    );
    assert_eq!(call(&simulators, "DELETE", &path(&ids[0]), None).0, 400, "the default");
    let person = lead(&simulators, "a@x.test");
    let member =
        made(&simulators, "CampaignMember", json!({ "CampaignId": campaign, "LeadId": person, "Status": "Attended" }));
    assert_eq!(call(&simulators, "DELETE", &path(&attended), None).0, 400, "in use");
    assert_eq!(
        call(&simulators, "PATCH", &path(&attended), Some(json!({ "IsDefault": true, "HasResponded": true }))).0,
        204
    );
    assert_eq!(read(&simulators, "CampaignMember", &member)["HasResponded"], true);
    assert_eq!(query(&simulators, "SELECT Id FROM CampaignMemberStatus WHERE IsDefault = true").1["totalSize"], 1);
    assert_eq!(call(&simulators, "DELETE", &path(&ids[0]), None).0, 204);
    simulators.world().salesforce.set_marketing_user(false);
    assert_eq!(call(&simulators, "GET", "/sobjects/CampaignMemberStatus/describe", None).0, 404);
}

#[test]
fn a_converted_lead_takes_no_change_and_its_membership_is_the_contacts() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let person = lead(&simulators, "a@x.test");
    let member = made(&simulators, "CampaignMember", json!({ "CampaignId": campaign, "LeadId": person }));
    let contact = simulators.world().convert_lead(&person, None).unwrap();
    assert_eq!(simulators.world().convert_lead(&person, None), None);
    let told = refused(&simulators, "PATCH", &format!("/sobjects/Lead/{person}"), json!({ "City": "x" }));
    assert_eq!(told, (400, "CANNOT_UPDATE_CONVERTED_LEAD".into(), "cannot reference converted lead".into()));
    let known = read(&simulators, "CampaignMember", &member);
    assert_eq!((&known["LeadId"], &known["ContactId"]), (&json!(person), &json!(contact)));
    assert_eq!(read(&simulators, "Lead", &person)["ConvertedContactId"], json!(contact));
    let other = super::campaign(&simulators, json!({ "Name": "y" }));
    let sent = json!({ "CampaignId": other, "LeadId": person });
    assert_eq!(refused(&simulators, "POST", "/sobjects/CampaignMember", sent).1, "CANNOT_UPDATE_CONVERTED_LEAD");
}

#[test]
fn an_upsert_makes_changes_or_leaves_the_choice() {
    let (simulators, _) = started();
    let field = |name: &str, unique: bool| CustomField {
        object: "Lead".into(),
        name: name.into(),
        label: name.into(),
        kind: CustomKind::Text(20),
        required: false,
        unique,
        external_id: true,
    };
    assert!(simulators.world().salesforce.add_custom_field(&field("Key__c", false)));
    assert!(!simulators.world().salesforce.add_custom_field(&field("key__c", false)));
    assert!(simulators.world().salesforce.add_custom_field(&field("Only__c", true)));
    let sent = || Some(json!({ "LastName": "Doe", "Company": "Acme" }));
    let path = "/sobjects/Lead/Key__c/a%2Fb";
    assert_eq!(call(&simulators, "PATCH", &format!("{path}?updateOnly=true"), sent()).0, 404);
    let (status, body) = call(&simulators, "PATCH", path, sent());
    assert_eq!((status, &body["created"]), (201, &json!(true)), "{body}");
    let (status, again) = call(&simulators, "POST", &format!("{path}?_HttpMethod=PATCH"), sent());
    assert_eq!((status, &again["created"], &again["id"]), (200, &json!(false), &body["id"]));
    assert_eq!(call(&simulators, "GET", path, None).1["Key__c"], "a/b");
    simulators.world().options.unknowns.salesforce.upsert_updated_status = 204;
    assert_eq!(call(&simulators, "PATCH", path, sent()).0, 204);
    made(&simulators, "Lead", json!({ "LastName": "x", "Company": "x", "Key__c": "A/B", "Only__c": "1" }));
    let (status, several) = call(&simulators, "PATCH", path, sent());
    let addresses: Vec<_> = several.as_array().unwrap().iter().map(|address| address.as_str().unwrap()).collect();
    assert_eq!((status, addresses.len()), (300, 2));
    for address in addresses {
        let path = address.strip_prefix("/services/data/v62.0").unwrap();
        assert_eq!(call(&simulators, "GET", path, None).0, 200, "{address}");
    }
    let told = refused(&simulators, "PATCH", "/sobjects/Lead/Name/x", json!({}));
    let message = "Provided external ID field does not exist or is not accessible: Name";
    assert_eq!(told, (404, "NOT_FOUND".into(), message.into()));
    let told =
        refused(&simulators, "POST", "/sobjects/Lead", json!({ "LastName": "x", "Company": "x", "Only__c": "1" }));
    assert_eq!(told.1, "DUPLICATE_VALUE");
    assert!(told.2.starts_with("duplicate value found: Only__c duplicates value on record with id: 00Q"), "{}", told.2);
}

#[test]
fn duplicate_rules_alert_or_block() {
    let (simulators, _) = started();
    let contact = made(&simulators, "Contact", json!({ "LastName": "Doe", "Email": "A@x.test" }));
    let token = simulators.world().options.salesforce.access_token.clone();
    for action in [DuplicateAction::Alert, DuplicateAction::Block] {
        simulators.world().salesforce.setup.duplicate_rules = vec![DuplicateRule {
            name: "Standard_Lead_Duplicate_Rule".into(),
            entity: "Lead".into(),
            against: vec!["Lead".into(), "Contact".into()],
            by: vec![DuplicateMatch::Email],
            action,
            message: "Use one of these records?".into(),
        }];
        for (key, name) in
            [(DuplicateKey::DuplicateResut, "duplicateResut"), (DuplicateKey::DuplicateResult, "duplicateResult")]
        {
            simulators.world().options.unknowns.salesforce.duplicate_key = key;
            let sent = json!({ "LastName": "x", "Company": "x", "Email": "a@x.test" });
            let (status, body) = call(&simulators, "POST", "/sobjects/Lead", Some(sent.clone()));
            assert_eq!((status, &body[0]["errorCode"]), (400, &json!("DUPLICATES_DETECTED")));
            let found = &body[0][name]["matchResults"][0]["matchRecords"][0]["record"]["Id"];
            assert_eq!(found, &json!(contact), "{body}");
            assert_eq!(body[0][name]["allowSave"], action == DuplicateAction::Alert);
        }
        let request = http::Request::post("http://x.test/services/data/v62.0/sobjects/Lead")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("sforce-duplicate-rule-header", "allowSave=true; runAsCurrentUser=true")
            .body(br#"{"LastName":"x","Company":"x","Email":"a@x.test"}"#.to_vec())
            .unwrap();
        let status = simulators.handle(request).unwrap().status().as_u16();
        assert_eq!(status, if action == DuplicateAction::Alert { 201 } else { 400 });
        simulators.world().salesforce.records.forget_last();
    }
}

#[test]
fn a_validation_rule_refuses_in_the_admins_words() {
    let (simulators, _) = started();
    let rows = [
        (json!("blank"), json!(null), json!("1")),
        (json!({ "equals": "0" }), json!("0"), json!("1")),
        (json!({ "contains": "#" }), json!("1#2"), json!("1")),
        (json!({ "longer-than": 3 }), json!("1234"), json!("123")),
    ];
    for (test, breaks, keeps) in rows {
        let rule = json!({
            "object": "Lead", "when": { "field": "Phone", "is": test }, "message": "We call people.", "field": "Phone"
        });
        simulators.world().salesforce.setup.validation_rules = vec![serde_json::from_value(rule).unwrap()];
        let sent = |phone: Value| json!({ "LastName": "x", "Company": "x", "Phone": phone });
        let told = refused(&simulators, "POST", "/sobjects/Lead", sent(breaks.clone()));
        assert_eq!(told, (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION".into(), "We call people.".into()), "{test}");
        let id = made(&simulators, "Lead", sent(keeps));
        let told = refused(&simulators, "PATCH", &format!("/sobjects/Lead/{id}"), json!({ "Phone": breaks }));
        assert_eq!(told.1, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "{test}");
    }
}

#[test]
fn a_member_write_holds_its_campaign_for_a_while() {
    let (simulators, clock) = started();
    simulators.world().salesforce.setup.row_lock = Duration::from_secs(10);
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let [one, two] = ["a@x.test", "b@x.test"].map(|email| lead(&simulators, email));
    made(&simulators, "CampaignMember", json!({ "CampaignId": campaign, "LeadId": one }));
    let sent = || json!({ "CampaignId": campaign, "LeadId": two });
    let told = refused(&simulators, "POST", "/sobjects/CampaignMember", sent());
    let message = format!("unable to obtain exclusive access to this record or 1 records: {campaign}");
    assert_eq!(told, (400, "UNABLE_TO_LOCK_ROW".into(), message));
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(10)));
    made(&simulators, "CampaignMember", sent());

    // Whoever writes two members in one request does not stand in its own way.
    let mut world = simulators.world();
    let fields = json!({ "CampaignId": campaign });
    world.salesforce.clock = std::sync::Arc::new(SimulatedClock::new(world.now().plus(Duration::from_secs(20))));
    for _ in 0..2 {
        world.salesforce.lock(&campaign_members::MEMBER, fields.as_object().unwrap(), None).unwrap();
    }
}

#[test]
fn a_record_that_the_user_may_not_see_is_not_there() {
    let (simulators, _) = started();
    let id = lead(&simulators, "a@x.test");
    simulators.world().salesforce.setup.hidden.insert(id.clone());
    assert_eq!(call(&simulators, "GET", &format!("/sobjects/Lead/{id}"), None).0, 404);
    let found = call(&simulators, "GET", "/query?q=SELECT+Id+FROM+Lead", None);
    assert_eq!((found.0, &found.1["totalSize"]), (200, &json!(0)));
}

#[test]
fn describe_tells_children_and_who_may_write_what() {
    let (simulators, _) = started();
    let (_, told) = call(&simulators, "GET", "/sobjects/CampaignMember/describe", None);
    let field =
        |name: &str| told["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap().clone();
    assert_eq!((&field("LeadId")["createable"], &field("LeadId")["updateable"]), (&json!(true), &json!(false)));
    assert_eq!(field("Name")["createable"], false);
    let (_, told) = call(&simulators, "GET", "/sobjects/Campaign/describe", None);
    let children = told["childRelationships"].as_array().unwrap();
    let members = children.iter().find(|child| child["relationshipName"] == "CampaignMembers").unwrap();
    assert_eq!((&members["childSObject"], &members["field"]), (&json!("CampaignMember"), &json!("CampaignId")));
}

#[test]
fn the_assignment_rule_gives_a_lead_to_another_unless_the_request_says_no() {
    let (simulators, _) = started();
    let token = simulators.world().options.salesforce.access_token.clone();
    let other = crate::simulators::ids::salesforce_id("005", 77);
    simulators.world().salesforce.setup.assigned_owner = Some(other.clone());
    for (header, owner) in [("TRUE", other.as_str()), ("FALSE", &Salesforce::user_id())] {
        let request = http::Request::post("http://x.test/services/data/v62.0/sobjects/Lead")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("sforce-auto-assign", header)
            .body(br#"{"LastName":"x","Company":"x"}"#.to_vec())
            .unwrap();
        let body: Value = serde_json::from_slice(simulators.handle(request).unwrap().body()).unwrap();
        assert_eq!(read(&simulators, "Lead", body["id"].as_str().unwrap())["OwnerId"], owner, "{header}");
    }
}

#[test]
fn a_unique_fields_breach_names_nothing_that_the_user_may_not_see() {
    let (simulators, _) = started();
    simulators.world().salesforce.add_custom_field(&CustomField {
        object: "Lead".into(),
        name: "Only__c".into(),
        label: "Only".into(),
        kind: CustomKind::Picklist(vec!["a".into()], true),
        required: false,
        unique: true,
        external_id: false,
    });
    let sent = || json!({ "LastName": "x", "Company": "x", "Only__c": "a" });
    let id = made(&simulators, "Lead", sent());
    simulators.world().salesforce.setup.hidden.insert(id);
    let told = refused(&simulators, "POST", "/sobjects/Lead", sent());
    assert_eq!(told.2, "duplicate value found: <unknown> duplicates value on record with id: <unknown>");
    let (_, described) = call(&simulators, "GET", "/sobjects/Lead/describe", None);
    let field = described["fields"].as_array().unwrap().iter().find(|field| field["name"] == "Only__c").unwrap();
    assert_eq!((&field["restrictedPicklist"], &field["unique"]), (&json!(true), &json!(true)));
}
