//! The counts of a campaign, against a count of its members; and how they bear a crowd.

use super::*;
use proptest::prelude::*;

/// What the campaign says of its members, and what its members say.
fn counts(simulators: &Simulators, campaign: &str) -> (Vec<u64>, Vec<u64>) {
    let world = simulators.world();
    let told = world.salesforce.records.now(campaign).unwrap();
    let names = ["NumberOfLeads", "NumberOfConvertedLeads", "NumberOfContacts", "NumberOfResponses"];
    let told = names.map(|name| told.value(name).as_u64().unwrap()).to_vec();
    let all = world.salesforce.records.all();
    let members: Vec<&Record> = all
        .filter(|r| r.object == "CampaignMember" && !r.is_deleted && r.value("CampaignId") == json!(campaign))
        .collect();
    let count = |is: &dyn Fn(&Record) -> bool| members.iter().filter(|member| is(member)).count() as u64;
    let converted = |member: &Record| {
        let lead = member.value("LeadId");
        let lead = lead.as_str().and_then(|lead| world.salesforce.records.now(lead));
        lead.is_some_and(|lead| lead.value("IsConverted") == true)
    };
    let counted = vec![
        count(&|member| !member.value("LeadId").is_null()),
        count(&converted),
        count(&|member| !member.value("ContactId").is_null()),
        count(&|member| member.value("HasResponded") == true),
    ];
    (told, counted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Steps are (what, which member or person, on which side).
    #[test]
    fn a_campaign_counts_its_members_whatever_becomes_of_them(steps in proptest::collection::vec((0u8..7, 0usize..4, any::<bool>()), 1..24)) {
        let (simulators, _) = started();
        let campaign = campaign(&simulators, json!({ "Name": "x" }));
        let people: Vec<_> = (0..4).map(|n| match n % 2 {
            0 => ("LeadId", made(&simulators, "Lead", json!({ "LastName": "x", "Company": "x" }))),
            _ => ("ContactId", made(&simulators, "Contact", json!({ "LastName": "x" }))),
        }).collect();
        let statuses = query(&simulators, "SELECT Id FROM CampaignMemberStatus WHERE Label = 'Sent'").1;
        let sent = statuses["records"][0]["Id"].as_str().unwrap().to_owned();
        let members = |simulators: &Simulators| {
            let found = query(simulators, "SELECT Id FROM CampaignMember").1;
            let found = found["records"].as_array().unwrap().iter().map(|row| row["Id"].as_str().unwrap().to_owned());
            found.collect::<Vec<_>>()
        };
        for (what, n, side) in steps {
            let status = if side { "Responded" } else { "Sent" };
            let member = members(&simulators).into_iter().nth(n);
            match (what, member) {
                (0 | 1, _) => {
                    let (name, person) = &people[n];
                    call(&simulators, "POST", "/sobjects/CampaignMember", Some(json!({ "CampaignId": campaign, *name: person, "Status": status })));
                }
                (2, Some(member)) => {
                    call(&simulators, "PATCH", &format!("/sobjects/CampaignMember/{member}"), Some(json!({ "Status": status })));
                }
                (3, Some(member)) => {
                    call(&simulators, "DELETE", &format!("/sobjects/CampaignMember/{member}"), None);
                }
                (4, _) => {
                    let contact = side.then_some(people[1].1.as_str());
                    simulators.world().convert_lead(&people[n].1, contact);
                }
                (5, _) => {
                    call(&simulators, "PATCH", &format!("/sobjects/CampaignMemberStatus/{sent}"), Some(json!({ "HasResponded": side })));
                }
                (6, _) if n == 3 => {
                    call(&simulators, "DELETE", &format!("/sobjects/Lead/{}", people[0].1), None);
                }
                _ => {}
            }
            let (told, counted) = counts(&simulators, &campaign);
            prop_assert_eq!(told, counted);
        }
    }
}

/// With a look through all records for each, this would take minutes.
#[test]
fn a_crowd_of_members_is_written_in_no_time() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let begun = std::time::Instant::now();
    for chunk in 0..10 {
        let leads: Vec<_> = (0..200)
            .map(|n| json!({ "attributes": { "type": "Lead" }, "LastName": format!("{chunk} {n}"), "Company": "x" }))
            .collect();
        let (_, leads) = call(&simulators, "POST", "/composite/sobjects", Some(json!({ "records": leads })));
        let members: Vec<_> = leads.as_array().unwrap().iter().map(|lead| {
            json!({ "attributes": { "type": "CampaignMember" }, "CampaignId": campaign, "LeadId": lead["id"], "Status": "Responded" })
        }).collect();
        let (status, told) = call(&simulators, "POST", "/composite/sobjects", Some(json!({ "records": members })));
        assert_eq!((status, &told[199]["success"]), (200, &json!(true)));
    }
    assert_eq!(counts(&simulators, &campaign).0, [2000, 0, 0, 2000]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_membership_that_moved_to_a_contact_is_the_contacts_in_everything() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let lead = made(&simulators, "Lead", json!({ "LastName": "x", "Company": "x" }));
    let member = made(&simulators, "CampaignMember", json!({ "CampaignId": campaign, "LeadId": lead }));
    let contact = simulators.world().convert_lead(&lead, None).unwrap();
    let again = json!({ "CampaignId": campaign, "ContactId": contact });
    let (status, told) = call(&simulators, "POST", "/sobjects/CampaignMember", Some(again));
    assert_eq!((status, &told[0]["errorCode"]), (400, &json!("DUPLICATE_VALUE")));
    call(&simulators, "PATCH", &format!("/sobjects/Contact/{contact}"), Some(json!({ "LastName": "New" })));
    let (_, told) = call(&simulators, "GET", &format!("/sobjects/CampaignMember/{member}"), None);
    assert_eq!((&told["LastName"], &told["Type"]), (&json!("New"), &json!("Contact")));
    assert_eq!(call(&simulators, "DELETE", &format!("/sobjects/Contact/{contact}"), None).0, 204);
    assert_eq!(query(&simulators, "SELECT Id FROM CampaignMember").1["totalSize"], 0);
}
