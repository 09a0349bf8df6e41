//! What must come of stories in Salesforce: every row through one `check`. `S3-n` are sentences of the documents.

use super::*;

const LEADS: Destination = Destination::SalesforceLeads;
const CONTACTS: Destination = Destination::SalesforceContacts;

fn lead(who: &str, made_before: u64) -> PriorLead {
    PriorLead { email: address(who), made_before, ..PriorLead::default() }
}

fn contact(who: &str, made_before: u64) -> PriorContact {
    PriorContact { email: address(who), made_before, ..PriorContact::default() }
}

fn before(leads: Vec<PriorLead>, contacts: Vec<PriorContact>) -> Salesforce {
    Salesforce { leads, contacts, ..Salesforce::default() }
}

fn ends_with(destination: Destination, salesforce: Salesforce, acts: Vec<Act>) -> World {
    world(&Story { destination, salesforce, ..story(acts, &[]) })
}

/// `ana lead 1 Attended, Watched replay` a member: the first lead of that address. Then how many leads, contacts and accounts.
fn check(row: &str, destination: Destination, salesforce: Salesforce, acts: Vec<Act>, expect: (&[&str], [usize; 3])) {
    let world = ends_with(destination, salesforce, acts);
    let who = |email: &str| email.split('@').next().unwrap_or_default().to_owned();
    let mut members: Vec<String> = world
        .members
        .iter()
        .map(|m| {
            let is = m.is.name().to_lowercase();
            let replay = m.replay.as_ref().map(|replay| format!(", {replay}")).unwrap_or_default();
            format!("{} {is} {} {}{replay}", who(&m.email), m.nth + 1, m.status)
        })
        .collect();
    members.sort();
    let numbers = [world.leads.len(), world.contacts.len(), world.accounts.len()];
    assert_eq!((members.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), numbers), expect, "{row}");
    assert!(world.prospects.is_empty() && world.lists.is_empty() && world.activities.is_empty(), "{row}");
}

fn ana() -> Act {
    registers(60, "s", "ana", &[], TOLD)
}

#[test]
fn an_address_is_a_contact_then_a_lead_then_who_the_lead_became_then_somebody_new() {
    let nobody = Salesforce::default;
    let registered = || live(vec![ana()]);
    let check = |row, destination, salesforce, expect, numbers| {
        check(row, destination, salesforce, registered(), (&[expect], numbers));
    };
    check("S3-7", LEADS, nobody(), "ana lead 1 Registered", [1, 0, 0]);
    check("S3-10, S3-11, S3-14", CONTACTS, nobody(), "ana contact 1 Registered", [0, 1, 0]);
    for destination in [LEADS, CONTACTS] {
        let known = before(vec![lead("ana", 9)], vec![]);
        check("S3-6", destination, known, "ana lead 1 Registered", [1, 0, 0]);
        let known = before(vec![], vec![contact("Ana", 9)]);
        check("S3-5", destination, known, "ana contact 1 Registered", [0, 1, 0]);
        let known = before(vec![lead("ana", 99)], vec![contact("ana", 9)]);
        check("S3-28", destination, known, "ana contact 1 Registered", [1, 1, 0]);
        let converted = PriorLead { converted_to: Some(address("ana.lima")), ..lead("ana", 99) };
        let known = before(vec![converted.clone()], vec![contact("ana.lima", 9)]);
        check("S3-32", destination, known, "ana.lima contact 1 Registered", [1, 1, 0]);
        let known = before(vec![converted, lead("ana", 9)], vec![contact("ana.lima", 9)]);
        check("a lead that is still one comes first", destination, known, "ana lead 2 Registered", [2, 1, 0]);
    }
}

#[test]
fn of_several_the_oldest_is_meant() {
    let registers = || live(vec![registers(60, "s", "ana", &[("city", "Lisboa")], TOLD)]);
    let known = before(vec![lead("ana", 3), lead("ana", 9), lead("bo", 99)], vec![]);
    let world = ends_with(LEADS, known, registers());
    let filled: Vec<_> = world.leads.iter().filter(|l| !l.fields.is_empty()).map(|l| (&*l.email, l.nth)).collect();
    assert_eq!(filled, [("ana@example.org", 0)], "S3-29: the one of nine seconds before");
    let known = before(vec![], vec![contact("ana", 3), contact("ana", 3)]);
    let world = ends_with(LEADS, known, registers());
    let filled: Vec<u32> = world.contacts.iter().filter(|c| !c.fields.is_empty()).map(|c| c.nth).collect();
    assert_eq!((filled.as_slice(), world.members[0].nth), (&[0][..], 0), "S3-30: of two of one time the first");
}

#[test]
fn a_status_never_steps_back_and_a_replay_stands_beside_it() {
    let nobody = Salesforce::default;
    let check = |row, acts, expect: &[&str]| check(row, LEADS, nobody(), acts, (expect, [expect.len(), 0, 0]));
    check("S3-21", live(vec![ana(), ends(END, TOLD)]), &["ana lead 1 Not attended"]);
    check(
        "S3-21, and an order in which nothing steps back",
        live(vec![
            ana(),
            attends(4000, "ana", (60, 0, 0), SILENT),
            leaves(4500, "ana"),
            registers(4600, "s", "ana", &[], TOLD),
            attends(4700, "ana", (60, 0, 0), SILENT),
            ends(END, TOLD),
        ]),
        &["ana lead 1 Attended"],
    );
    check(
        "after the end",
        live(vec![registers(END + 1, "s", "ana", &[], TOLD), ends(END, TOLD)]),
        &["ana lead 1 Registered"],
    );
    check(
        "S3-23",
        live(vec![ana(), ends(END, TOLD), watches(9000, "ana", TOLD)]),
        &["ana lead 1 Not attended, Watched replay"],
    );
    check(
        "S3-23: on demand",
        on_demand(vec![ana(), watches(90, "ana", TOLD)]),
        &["ana lead 1 Registered, Watched on-demand"],
    );
    check(
        "found at the end",
        live(vec![registers(60, "s", "ana", &[], SILENT), ends(END, TOLD)]),
        &["ana lead 1 Not attended"],
    );
    check("a cut address is somebody else's", live(vec![registers(60, "s", &"a".repeat(70), &[], TOLD)]), &[]);
}

/// S3-12 to S3-14, S3-31
#[test]
fn a_new_contact_has_its_company_for_an_account_and_a_new_lead_what_must_be_there() {
    let registers = |at, session: &str, company: &str| registers(at, session, "ana", &[("company", company)], TOLD);
    let of = |world: &World| {
        let accounts = world.contacts[0].accounts.iter().cloned().collect::<Vec<_>>();
        (accounts, world.accounts.iter().map(|a| a.name.clone()).collect::<Vec<_>>())
    };
    let row = |accounts: &[&str], all: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        (owned(accounts), owned(all))
    };
    let world = ends_with(CONTACTS, Salesforce::default(), live(vec![registers(60, "s", " Lima ")]));
    assert_eq!(of(&world), row(&["lima"], &["lima"]));
    assert_eq!(world.contacts[0].fields["LastName"], "[not provided]");

    let account = |name: &str| PriorAccount { name: name.into(), made_before: 9 };
    let known = Salesforce { accounts: vec![account("LIMA"), account("Lima")], ..Salesforce::default() };
    let world = ends_with(CONTACTS, known, live(vec![registers(60, "s", "Lima")]));
    assert_eq!(of(&world), row(&["lima"], &["lima", "lima"]));

    let world = ends_with(CONTACTS, Salesforce::default(), live(vec![registers(60, "s", "")]));
    assert_eq!(of(&world), row(&[""], &[]));

    let both = vec![
        event(false),
        session("s", Some(3600), TOLD),
        session("t", Some(7200), TOLD),
        registers(60, "s", "Lima"),
        registers(61, "t", ""),
    ];
    let world = ends_with(CONTACTS, Salesforce::default(), both.clone());
    assert_eq!(of(&world), row(&["", "lima"], &[]), "either was handled first");
    let world = ends_with(LEADS, Salesforce::default(), both);
    assert_eq!((world.leads.len(), world.accounts.len(), world.members.len()), (1, 0, 2));
    let fields: Vec<_> = world.leads[0].fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(fields, [("Company", "Lima"), ("LastName", "[not provided]")], "nothing overwrites with nothing");

    let known = before(vec![lead("ana", 9)], vec![]);
    let world = ends_with(LEADS, known, live(vec![registers(60, "s", "")]));
    assert!(world.leads[0].fields.is_empty(), "what is there stays as it is");
}

/// S3-20, S3-22; rules 15 and 18 of what is mapped.
#[test]
fn fields_go_to_the_object_that_they_are_mapped_to_and_long_values_are_cut() {
    let mapped =
        |object, source: &str, target: &str| (object, MappedField { source: source.into(), target: target.into() });
    let salesforce = Salesforce {
        mapping: vec![
            mapped(Object::Lead, "utm.source", "Source__c"),
            mapped(Object::Contact, "utm.source", "Other__c"),
            mapped(Object::CampaignMember, "attendance.duration", "Seconds__c"),
            mapped(Object::CampaignMember, "fields.topics", "Topics__c"),
        ],
        ..Salesforce::default()
    };
    let answers = [("first_name", "Ana".repeat(20)), ("topics", "Webinars".into())];
    let answers = answers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let acts = live(vec![
        registers(60, "s", "ana", &answers, TOLD),
        attends(4000, "ana", (2280, 0, 0), SILENT),
        ends(END, TOLD),
    ]);
    let world = ends_with(LEADS, salesforce, acts);
    let lead = &world.leads[0].fields;
    assert_eq!((lead["FirstName"].chars().count(), lead["Source__c"].as_str(), lead.len()), (40, "newsletter", 4));
    let member: Vec<_> = world.members[0].fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(member, [("Seconds__c", "2280"), ("Topics__c", "Webinars")]);
    let labels: Vec<_> = world.member_statuses.iter().map(|s| (s.label.as_str(), s.is_response)).collect();
    let expect =
        [("Sent", false), ("Responded", true), ("Registered", false), ("Attended", true), ("Not attended", false)];
    assert_eq!(labels, expect);
    assert!(enough(&world).is_empty());
}
