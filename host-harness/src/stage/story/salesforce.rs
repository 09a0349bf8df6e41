//! The demo's story as it goes where Salesforce is the destination: the same people and what they do, in an org that knows some of
//! them already, and in the ways that must be told apart.

use super::{HOUR, MINUTE, Registers, by, owned, story};
use oracle::{Destination, Dialect, MappedField, Object, PriorAccount, PriorContact, PriorLead, Salesforce, Story};

const DAY: u64 = 24 * HOUR;

pub fn salesforce_story(destination: Destination) -> Story {
    let mut story = Story { destination, prospects: vec![], mapping: vec![], salesforce: org(), ..story() };
    // Without a last name, and of a company that is there in another spelling.
    let hana = Registers::new("hana@example.org", "Hana", "", "Okafor LTD");
    story.acts.push(hana.at(52 * MINUTE, "morning", &[by(Dialect::Native, 1)]));
    story
}

fn org() -> Salesforce {
    let ben = [("FirstName", "Benjamin"), ("LastName", "Okafor"), ("MailingCity", "Lagos")];
    let mapped =
        |object, source: &str, target: &str| (object, MappedField { source: source.into(), target: target.into() });
    Salesforce {
        contacts: vec![
            // Ben is a contact, and a lead that somebody has forgotten.
            PriorContact { account: Some("Okafor Ltd".into()), ..contact("ben@example.org", &ben, 9) },
            // What Faye has become keeps another address.
            contact("faye.ito@ito.example", &[("FirstName", "Faye"), ("LastName", "Ito")], 20),
        ],
        leads: vec![
            lead("ben@example.org", &[("LastName", "Okafor"), ("Company", "unknown")], 300),
            // Carla is two leads, of which the older one counts.
            lead("carla@example.org", &[("FirstName", "Carla"), ("LastName", "Moreau"), ("Company", "Moreau SA")], 3),
            lead("carla@example.org", &[("FirstName", "C."), ("LastName", "Moreau-Roux"), ("Company", "Moreau")], 40),
            PriorLead {
                converted_to: Some("faye.ito@ito.example".into()),
                ..lead("faye@example.org", &[("LastName", "Ito"), ("Company", "Ito KK")], 30)
            },
        ],
        accounts: vec![account("Okafor Ltd", 9), account("LIMA & SÖHNE", 700), account("Lima & Söhne", 5)],
        mapping: vec![
            mapped(Object::Lead, "fields.topics", "Topics__c"),
            mapped(Object::Contact, "fields.topics", "Topics__c"),
            mapped(Object::Lead, "utm.source", "Livestorm_Source__c"),
            mapped(Object::Contact, "utm.source", "Livestorm_Source__c"),
            mapped(Object::CampaignMember, "attendance.duration", "Livestorm_Seconds__c"),
        ],
    }
}

fn lead(email: &str, fields: &[(&str, &str)], days_ago: u64) -> PriorLead {
    PriorLead { email: email.into(), fields: owned(fields), made_before: days_ago * DAY, converted_to: None }
}

fn contact(email: &str, fields: &[(&str, &str)], days_ago: u64) -> PriorContact {
    PriorContact { email: email.into(), fields: owned(fields), made_before: days_ago * DAY, account: None }
}

fn account(name: &str, days_ago: u64) -> PriorAccount {
    PriorAccount { name: name.into(), made_before: days_ago * DAY }
}
