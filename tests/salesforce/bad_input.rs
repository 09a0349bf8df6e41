//! What people type, and what a webhook repeats.

use super::*;
use host_harness::durable::LogLine;

/// Quotes, backslashes and what SOQL and JSON read otherwise: all of it arrives whole, and finds who is there already.
#[tokio::test]
async fn odd_addresses_and_names_arrive_whole_and_find_who_is_there() {
    let emails = [
        "o'neill@example.org",
        "\"quoted\\\"@example.org",
        "back\\slash@example.org",
        "plus+tag@example.org",
        "percent%40&x=y@example.org",
        "100%_like@example.org",
    ];
    for destination in BOTH {
        let known = emails.iter().step_by(2);
        let before = Salesforce {
            contacts: known.clone().map(|email| contact(email, HOUR)).collect(),
            leads: known.map(|email| lead(email, 9 * HOUR)).collect(),
            accounts: vec![oracle::PriorAccount { name: "O'Neill \\ \"Sons\" & <Co>".into(), made_before: HOUR }],
            ..Salesforce::default()
        };
        let answers = [
            ("first_name", "Zoë \"Z\" \\"),
            ("last_name", "O'Neill\\"),
            ("company", "o'neill \\ \"sons\" & <co>"),
            ("city", "' OR Email != '"),
        ];
        let acts = (0..).zip(emails).map(|(n, email)| registers(HOUR + n, "s", email, &answers, &[rest(1)]));
        let (theatre, _host) = plays_well(&webinar(destination, before, acts.collect()), Options::default()).await;
        assert_eq!(theatre.observed().accounts.len(), 1, "{destination:?}");
    }
}

/// RULES 18: longer than the field is cut and told; of a company too, and the account is the one of the cut name.
#[tokio::test]
async fn what_is_too_long_is_cut_and_told() {
    let company = "Very Long Company ".repeat(30)[..400].to_owned();
    let name = "Ana-Maria ".repeat(12);
    for destination in BOTH {
        let answers = [("first_name", name.as_str()), ("last_name", &name), ("company", &company), ("city", &name)];
        let story = webinar(
            destination,
            Salesforce::default(),
            vec![
                registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)]),
                registers(2 * HOUR, "s", "ben@example.org", &answers, &[rest(1)]),
            ],
        );
        let theatre = Theatre::set(&story).await;
        let host = theatre.open().await;
        theatre.stage.play(&story).await;
        let told = log(&host).await;
        let is_told = |field: &str| told.iter().any(|l: &LogLine| l.line.message.contains(field));
        assert!(["FirstName", "LastName"].into_iter().all(is_told), "{told:#?}");
        let world = theatre.observed();
        let person = world.leads.iter().chain(&world.contacts).next().unwrap();
        assert_eq!(person.fields["FirstName"].trim_end(), name[..40].trim_end());
        assert_eq!(world.members.len(), 2, "{told:#?}");
        let companies = match destination {
            CONTACTS => {
                assert_eq!(world.accounts.len(), 1);
                vec![world.accounts[0].name.clone()]
            }
            _ => world.leads.iter().map(|lead| lead.fields["Company"].to_lowercase()).collect(),
        };
        for found in companies {
            assert_eq!(found.trim_end(), company[..255].to_lowercase().trim_end());
        }
        assert_eq!(dead_letters(&host).await.len(), 0);
    }
}

/// S3-31, and RULES 18 of the address: a cut one is somebody else's, so nobody is written.
#[tokio::test]
async fn an_address_that_is_too_long_is_nobodys() {
    for destination in BOTH {
        let long = format!("{}@example.org", "a".repeat(69));
        let fits = format!("{}@example.org", "a".repeat(68));
        let answers = [("first_name", "Ana")];
        let story = webinar(
            destination,
            Salesforce::default(),
            vec![registers(HOUR, "s", &long, &answers, &[rest(1)]), registers(HOUR, "s", &fits, &answers, &[rest(1)])],
        );
        let theatre = Theatre::set(&story).await;
        let host = theatre.open().await;
        theatre.stage.play(&story).await;
        let dead = dead_letters(&host).await;
        assert_eq!(dead.len(), 1, "{destination:?}");
        let failure = dead[0].failure.as_ref().unwrap();
        assert!(failure.problem.contains("81") && failure.problem.contains("80"), "{failure:?}");
        let problems = theatre.problems(&story, &host).await;
        assert_eq!(problems.len(), 1, "besides the dead letter all is well: {problems:#?}");
    }
}

/// S3-4: a webhook that comes twenty times at once, and twenty registrations of one address.
#[tokio::test]
async fn one_address_twenty_times_at_once_is_one_person() {
    for destination in BOTH {
        let twenty: Vec<_> = (0..20).map(|n| if n % 2 == 0 { rest(1) } else { native(1) }).collect();
        let answers = [("last_name", "Lima"), ("company", "Lima")];
        let again = (0..20).flat_map(|n| {
            let leaves = oracle::Happening::Leaves { session: "s".into(), email: "ben@example.org".into() };
            let leaves = oracle::Act { at: HOUR, what: leaves, deliveries: vec![] };
            let email = if n % 2 == 0 { "ben@example.org" } else { "Ben@Example.org" };
            [registers(HOUR, "s", email, &answers, &[rest(1)]), leaves]
        });
        let acts = std::iter::once(registers(HOUR, "s", "ana@example.org", &answers, &twenty)).chain(again);
        let (theatre, _host) =
            plays_well(&webinar(destination, Salesforce::default(), acts.collect()), lagging()).await;
        let world = theatre.observed();
        assert_eq!((world.leads.len() + world.contacts.len(), world.members.len()), (2, 2), "{destination:?}");
    }
}

/// S3-28, S3-32: whoever has the address in three ways is the contact.
#[tokio::test]
async fn an_address_of_a_contact_a_lead_and_a_converted_lead_is_the_contacts() {
    for destination in BOTH {
        let converted =
            PriorLead { converted_to: Some("other@example.org".into()), ..lead("ana@example.org", 9 * HOUR) };
        let before = Salesforce {
            contacts: vec![contact("ana@example.org", HOUR), contact("other@example.org", 5 * HOUR)],
            leads: vec![converted, lead("ana@example.org", 7 * HOUR)],
            ..Salesforce::default()
        };
        let answers = [("first_name", "Ana"), ("company", "Lima")];
        let story = webinar(destination, before, vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])]);
        let (theatre, _host) = plays_well(&story, Options::default()).await;
        let members = theatre.observed().members;
        assert_eq!((members.len(), members[0].is, members[0].email.as_str()), (1, Object::Contact, "ana@example.org"));
    }
}
