//! Both sides of the switches that no other subject turns.

use super::*;
use crate::simulators::unknowns::{
    CaseMatch, ConvertedMembers, MissingRecord, PersonContact, SalesforceUnknowns, SecondDefaultStatus,
    SecondStatusLabel,
};

/// A world with a switch turned.
fn turned(turn: impl Fn(&mut SalesforceUnknowns)) -> Simulators {
    let (simulators, _) = started();
    turn(&mut simulators.world().options.unknowns.salesforce);
    simulators
}

#[test]
fn a_halted_part_has_the_status_of_its_switch() {
    for expected in [400, 412] {
        let simulators = turned(|unknowns| unknowns.halted_part_status = expected);
        let part = |reference: &str, name: Value| {
            json!({
                "method": "POST", "url": "/services/data/v62.0/sobjects/Account", "referenceId": reference,
                "body": { "Name": name },
            })
        };
        for (all_or_none, wrong) in [(true, Value::Null), (false, json!("@{nobody.id}"))] {
            let parts = [part("a", json!("A")), part("b", wrong)];
            let sent = json!({ "allOrNone": all_or_none, "compositeRequest": parts });
            let (_, told) = call(&simulators, "POST", "/composite", Some(sent));
            let halted = told["compositeResponse"].as_array().unwrap().iter();
            let mut halted = halted.filter(|part| part["body"][0]["errorCode"] == "PROCESSING_HALTED");
            assert_eq!(halted.next().unwrap()["httpStatusCode"], expected, "{told}");
        }
    }
}

#[test]
fn a_record_that_is_not_there_is_refused_as_its_switch_says() {
    let sides = [
        (MissingRecord::NotFound, "NOT_FOUND"),
        (MissingRecord::InvalidCrossReferenceKey, "INVALID_CROSS_REFERENCE_KEY"),
    ];
    for (side, code) in sides {
        let simulators = turned(|unknowns| unknowns.missing_record = side);
        let path = format!("/sobjects/Lead/{}", crate::simulators::ids::salesforce_id("00Q", 7));
        for (method, body) in [("GET", None), ("PATCH", Some(json!({ "City": "x" }))), ("DELETE", None)] {
            let (status, told) = call(&simulators, method, &path, body);
            assert_eq!((status, &told[0]["errorCode"]), (404, &json!(code)), "{method}");
        }
    }
}

#[test]
fn addresses_of_email_are_compared_as_their_switch_says() {
    let rows = [
        ("Email = 'A@x.test'", 1, 1),
        ("Email = 'a@x.test'", 1, 0),
        ("Email != 'a@x.test'", 0, 1),
        ("Email IN ('a@x.test')", 1, 0),
        ("Email IN ('a@x.test', 'A@x.test')", 1, 1),
        ("Email NOT IN ('a@x.test', null)", 0, 1),
        ("Email LIKE 'a@%'", 1, 1),
        ("LastName = 'doe'", 1, 1),
    ];
    for (side, sensitive) in [(CaseMatch::Insensitive, false), (CaseMatch::Sensitive, true)] {
        let simulators = turned(|unknowns| unknowns.email_match = side);
        made(&simulators, "Contact", json!({ "LastName": "Doe", "Email": "A@x.test" }));
        for (condition, usual, exact) in rows {
            let found = total(&simulators, &format!("Contact WHERE {condition}"));
            assert_eq!(found, if sensitive { exact } else { usual }, "{side:?} {condition}");
        }
    }
}

#[test]
fn a_converted_leads_rows_go_where_their_switch_says() {
    for (side, is_contacts) in [(ConvertedMembers::MoveToContact, true), (ConvertedMembers::StayWithLead, false)] {
        let simulators = turned(|unknowns| unknowns.converted_members = side);
        let campaign = campaign(&simulators, json!({ "Name": "x" }));
        let lead = made(&simulators, "Lead", json!({ "LastName": "x", "Company": "x" }));
        made(&simulators, "CampaignMember", json!({ "CampaignId": campaign, "LeadId": lead }));
        let contact = simulators.world().convert_lead(&lead, None).unwrap();
        let (_, rows) = query(&simulators, "SELECT LeadId, ContactId, Type FROM CampaignMember");
        let row = &rows["records"][0];
        let expected = if is_contacts { (json!(contact), json!("Contact")) } else { (Value::Null, json!("Lead")) };
        assert_eq!((&row["LeadId"], &row["ContactId"], &row["Type"]), (&json!(lead), &expected.0, &expected.1));
        let (_, told) = call(&simulators, "GET", &format!("/sobjects/Campaign/{campaign}"), None);
        assert_eq!(
            (&told["NumberOfConvertedLeads"], &told["NumberOfContacts"]),
            (&json!(1), &json!(is_contacts as u8))
        );
    }
}

#[test]
fn a_person_accounts_contact_takes_what_its_switch_says() {
    let rows =
        [(PersonContact::NameRefused, 400, 204), (PersonContact::Refused, 400, 400), (PersonContact::Taken, 204, 204)];
    for (side, name, phone) in rows {
        let simulators = turned(|unknowns| unknowns.person_contact = side);
        let (_, contact) = simulators.world().salesforce.add_person_account("Pat", "Doe", "pat@x.test");
        let path = format!("/sobjects/Contact/{contact}");
        for (sent, expected) in [(json!({ "LastName": "Roe" }), name), (json!({ "Phone": "1" }), phone)] {
            let (status, told) = call(&simulators, "PATCH", &path, Some(sent.clone()));
            assert_eq!(status, expected, "{side:?} {sent}");
            assert!(status == 204 || told[0]["errorCode"] == "INVALID_PERSON_ACCOUNT_OPERATION", "{told}");
        }
    }
}

#[test]
fn a_second_label_or_default_among_statuses_is_met_as_its_switch_says() {
    let labels = [(SecondStatusLabel::Refused, 400), (SecondStatusLabel::Taken, 201)];
    let defaults = [(SecondDefaultStatus::Refused, 400, "Sent"), (SecondDefaultStatus::TakesOver, 201, "New")];
    for (label, label_status) in labels {
        for (default, default_status, default_label) in defaults {
            let simulators = turned(|unknowns| {
                unknowns.second_status_label = label;
                unknowns.second_default_status = default;
            });
            let campaign = campaign(&simulators, json!({ "Name": "x" }));
            let rows = [
                (json!({ "CampaignId": campaign, "Label": "sent", "SortOrder": 10 }), label_status),
                (json!({ "CampaignId": campaign, "Label": "New", "SortOrder": 11, "IsDefault": true }), default_status),
            ];
            for (sent, expected) in rows {
                let (status, told) = call(&simulators, "POST", "/sobjects/CampaignMemberStatus", Some(sent.clone()));
                assert_eq!(status, expected, "{label:?} {default:?} {sent}");
                assert!(status == 201 || told[0]["errorCode"] == "DUPLICATE_VALUE", "{told}");
            }
            let (_, found) = query(&simulators, "SELECT Label FROM CampaignMemberStatus WHERE IsDefault = true");
            assert_eq!((&found["totalSize"], &found["records"][0]["Label"]), (&json!(1), &json!(default_label)));
        }
    }
}
