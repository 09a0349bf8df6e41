//! What orgs are like beside: duplicate rules, records that the user may not see, person accounts, locked rows, lost answers.

use super::*;
use host_harness::simulators::{
    Api,
    faults::{Fault, FaultPlan, FaultRule, Selector},
    salesforce::{DuplicateAction, DuplicateMatch, DuplicateRule},
    unknowns::CaseMatch,
};
use host_harness::{clock::Timestamp, durable::LogLine, stage::INSTALLATION};

fn rule(object: &str, by: DuplicateMatch, action: DuplicateAction) -> DuplicateRule {
    DuplicateRule {
        name: "Standard_Rule".into(),
        entity: object.into(),
        against: vec!["Lead".into(), "Contact".into()],
        by: vec![by],
        action,
        message: "Somebody of that kind is there".into(),
    }
}

/// RULES 18: whoever has another address is saved beside, where the rule allows it, and it is told.
#[tokio::test]
async fn past_a_rule_that_alerts_somebody_is_saved_beside_whom_it_takes_for_the_same() {
    let fields = owned(&[("FirstName", "Ana"), ("LastName", "Lima"), ("Company", "Lima")]);
    let before =
        Salesforce { leads: vec![PriorLead { fields, ..lead("ana.old@example.org", HOUR) }], ..Salesforce::default() };
    let answers = [("first_name", "Ana"), ("last_name", "Lima"), ("company", "Lima")];
    let story = webinar(LEADS, before, vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])]);
    let theatre = Theatre::set(&story).await;
    let alert = rule("Lead", DuplicateMatch::NameAndCompany, DuplicateAction::Alert);
    theatre.stage.simulators.world().salesforce.setup.duplicate_rules = vec![alert];
    let host = theatre.open().await;
    theatre.stage.play(&story).await;
    assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    let told = log(&host).await;
    assert!(told.iter().any(|l| l.line.message.contains("duplicate rule")), "{told:#?}");
}

/// The same where the customer wants such people reported: nobody is saved.
#[tokio::test]
async fn where_the_customer_says_so_such_a_person_is_reported_instead() {
    let fields = owned(&[("FirstName", "Ana"), ("LastName", "Lima"), ("Company", "Lima")]);
    let before =
        Salesforce { leads: vec![PriorLead { fields, ..lead("ana.old@example.org", HOUR) }], ..Salesforce::default() };
    let answers = [("first_name", "Ana"), ("last_name", "Lima"), ("company", "Lima")];
    let story = webinar(LEADS, before, vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])]);
    let theatre = Theatre::with(&story, Options::default(), r#"{"salesforce": {"duplicates": "report"}}"#).await;
    let alert = rule("Lead", DuplicateMatch::NameAndCompany, DuplicateAction::Alert);
    theatre.stage.simulators.world().salesforce.setup.duplicate_rules = vec![alert];
    let host = theatre.open().await;
    theatre.stage.play(&story).await;
    let dead = dead_letters(&host).await;
    assert_eq!((dead.len(), records(&theatre, "Lead").len()), (1, 1));
    assert!(dead[0].failure.as_ref().unwrap().problem.contains("Somebody of that kind is there"), "{dead:#?}");
}

/// S3-4: where the org compares addresses to the letter, a duplicate rule still knows who it is, and they are used.
#[tokio::test]
async fn a_match_of_a_duplicate_rule_with_the_same_address_is_used() {
    for destination in BOTH {
        let before = match destination {
            CONTACTS => Salesforce { contacts: vec![contact("ANA@Example.org", HOUR)], ..Salesforce::default() },
            _ => Salesforce { leads: vec![lead("ANA@Example.org", HOUR)], ..Salesforce::default() },
        };
        let answers = [("first_name", "Ana"), ("last_name", "Lima")];
        let story = webinar(destination, before, vec![registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)])]);
        let mut options = lagging();
        options.unknowns.salesforce.email_match = CaseMatch::Sensitive;
        let theatre = Theatre::with(&story, options, "{}").await;
        let object = if destination == LEADS { "Lead" } else { "Contact" };
        let block = rule(object, DuplicateMatch::Email, DuplicateAction::Block);
        theatre.stage.simulators.world().salesforce.setup.duplicate_rules = vec![block];
        let host = theatre.open().await;
        theatre.stage.play(&story).await;
        assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new(), "{destination:?}");
    }
}

/// S3-4: whom somebody else has made a moment ago no search shows yet, and a duplicate rule names them already: they are waited for.
#[tokio::test]
async fn somebody_whom_no_read_shows_yet_is_waited_for_and_used() {
    for action in [DuplicateAction::Block, DuplicateAction::Alert] {
        let answers = [("first_name", "Ana"), ("last_name", "Lima"), ("company", "Lima")];
        let registration = registers(HOUR, "s", "ana@example.org", &answers, &[rest(1)]);
        let story = webinar(LEADS, Salesforce::default(), vec![registration]);
        let theatre = Theatre::with(&story, lagging(), "{}").await;
        theatre.stage.simulators.world().salesforce.setup.duplicate_rules =
            vec![rule("Lead", DuplicateMatch::Email, action)];
        let host = theatre.open().await;
        theatre.stage.begin(&story);
        theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + HOUR - 5)).await;
        {
            let mut world = theatre.stage.simulators.world();
            let now = world.now();
            let fields = serde_json::json!({"Email": "ana@example.org", "LastName": "L.", "Company": "Lima"});
            world.add_salesforce_record("Lead", fields.as_object().unwrap().clone(), now).unwrap();
        }
        theatre.stage.clock.run_until(Timestamp::MAX).await;
        let leads = records(&theatre, "Lead");
        assert_eq!(leads.len(), 1, "{action:?}: {leads:#?}");
        assert_eq!((&leads[0]["LastName"], records(&theatre, "CampaignMember").len()), (&"Lima".into(), 1));
        assert_eq!(dead_letters(&host).await.len(), 0, "{action:?}");
    }
}

/// S3-32, RULES 28: what a converted lead became is read whatever its address, so nothing is sent that changes nothing.
#[tokio::test]
async fn a_contact_that_a_lead_became_is_not_written_where_nothing_changes() {
    let known = [("first_name", "Ana"), ("last_name", "Lima")];
    let contact = PriorContact {
        email: "a.lima@example.com".into(),
        fields: owned(&[("FirstName", "Ana"), ("LastName", "Lima")]),
        made_before: HOUR,
        account: None,
    };
    let converted_to = Some(contact.email.clone());
    let before = Salesforce {
        contacts: vec![contact],
        leads: vec![PriorLead { converted_to, ..lead("ana@example.org", 2 * HOUR) }],
        ..Salesforce::default()
    };
    let story = webinar(LEADS, before, vec![registers(HOUR, "s", "ana@example.org", &known, &[rest(1)])]);
    let (_theatre, host) = plays_well(&story, lagging()).await;
    let changes = host.engine.changes(INSTALLATION, None).await.unwrap();
    let objects: Vec<&str> = changes.iter().map(|change| change.change.object.as_str()).collect();
    assert_eq!(objects, ["Campaign", "CampaignMemberStatus", "CampaignMember"]);
}

/// A person account is no company, and its mirror is a contact like another.
#[tokio::test]
async fn a_person_account_is_no_company_and_its_contact_a_person() {
    let answers = [("first_name", "Ben"), ("last_name", "Okafor"), ("company", "Ana Lima")];
    let story =
        webinar(CONTACTS, Salesforce::default(), vec![registers(HOUR, "s", "ben@example.org", &answers, &[rest(1)])]);
    let theatre = Theatre::set(&story).await;
    {
        let mut world = theatre.stage.simulators.world();
        world.salesforce.switch_on_person_accounts();
        world.salesforce.add_person_account("Ana", "Lima", "ana@example.org");
    }
    let _host = theatre.open().await;
    theatre.stage.play(&story).await;
    let accounts = records(&theatre, "Account");
    let company =
        accounts.iter().find(|account| account["IsPersonAccount"] != true).unwrap_or_else(|| panic!("{accounts:#?}"));
    let contacts = records(&theatre, "Contact");
    let ben = contacts.iter().find(|contact| contact["Email"] == "ben@example.org").unwrap();
    assert_eq!((&company["Name"], &ben["AccountId"]), (&"Ana Lima".into(), &company["Id"]));
}

/// RULES 17 and 26: an answer that never came makes nobody twice and loses nobody.
#[tokio::test]
async fn an_answer_that_never_came_makes_nothing_twice_and_loses_nothing() {
    for destination in BOTH {
        for (path, what) in [
            ("/services/data/*/composite", Fault::CutAfterEffect),
            ("/services/data/*/composite", Fault::CutBeforeEffect),
            ("/services/data/*/composite/sobjects", Fault::CutAfterEffect),
            ("/services/data/*/sobjects/Campaign", Fault::CutAfterEffect),
        ] {
            for skip in [0, 1, 2, 5] {
                let on = Selector { api: Some(Api::Salesforce), ..Selector::call("POST", path) };
                let faults = FaultPlan::rules([FaultRule { on, skip, times: 2, what: what.clone() }]);
                let story = host_harness::stage::story::salesforce_story(destination);
                let (theatre, _host) = plays_well(&story, Options { faults, ..lagging() }).await;
                let world = theatre.stage.simulators.world();
                let cut = world.requests.iter().filter(|request| request.status.is_none()).count();
                assert!(cut > 0 || skip > 2, "{path} {what:?}: no request was cut");
            }
        }
    }
}

/// RULES 2: members whose answer was lost are there already, and no read shows yet whose they are: nobody is made a second time.
#[tokio::test]
async fn a_lost_answer_about_the_members_of_people_made_a_moment_ago_makes_nobody_twice() {
    for destination in BOTH {
        let answers = [("first_name", "Pat"), ("last_name", "Person"), ("company", "Example")];
        let people =
            (0..40).map(|n| registers(HOUR, "s", &format!("p{n}@example.org"), &answers, &[rest(1)])).collect();
        let story = webinar(destination, Salesforce::default(), people);
        for skip in 0..4 {
            let on = Selector { api: Some(Api::Salesforce), ..Selector::call("POST", "/services/data/*/composite") };
            let faults = FaultPlan::rules([FaultRule { on, skip, times: 1, what: Fault::CutAfterEffect }]);
            let theatre = Theatre::with(&story, Options { faults, ..lagging() }, "{}").await;
            let host = theatre.open().await;
            theatre.stage.begin(&story);
            // So that they are one batch: people, and then members.
            host.engine.pause(INSTALLATION, Some("people")).await.unwrap();
            theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + HOUR + 60)).await;
            host.engine.resume(INSTALLATION, Some("people")).await.unwrap();
            theatre.stage.clock.run_until(Timestamp::MAX).await;
            assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new(), "{destination:?}, call {skip}");
        }
    }
}

/// What the API would read as a reference to another record is written apart, and costs nobody else anything.
#[tokio::test]
async fn a_text_that_looks_like_a_reference_harms_nobody() {
    for destination in BOTH {
        for others in [1, 40] {
            let odd = [("first_name", "@{o0.id}"), ("last_name", "@{x.id}"), ("company", "@{o1.id} Ltd")];
            let usual = [("first_name", "Pat"), ("last_name", "Person"), ("company", "Example")];
            let mut acts: Vec<_> =
                (0..others).map(|n| registers(HOUR, "s", &format!("p{n}@example.org"), &usual, &[rest(1)])).collect();
            acts.push(registers(HOUR, "s", "odd@example.org", &odd, &[rest(1)]));
            let theatre =
                Theatre::with(&webinar(destination, Salesforce::default(), acts.clone()), lagging(), "{}").await;
            let host = theatre.open().await;
            theatre.stage.play(&webinar(destination, Salesforce::default(), acts)).await;
            assert_eq!(dead_letters(&host).await.len(), 0);
            let people = records(&theatre, if destination == LEADS { "Lead" } else { "Contact" });
            let odd = people.iter().find(|person| person["Email"] == "odd@example.org").unwrap();
            assert_eq!((&odd["FirstName"], &odd["LastName"]), (&"@ {o0.id}".into(), &"@ {x.id}".into()));
            assert_eq!((people.len(), records(&theatre, "CampaignMember").len()), (others + 1, others + 1));
        }
    }
}

/// A name of a person account stands on the account: what else is mapped is written, and the membership, also at the end.
#[tokio::test]
async fn a_person_account_is_a_member_and_keeps_its_name_to_the_end() {
    let answers = [("first_name", "Anna"), ("last_name", "Lima-Roux"), ("job_title", "CTO")];
    let story = webinar(LEADS, Salesforce::default(), ana_from_the_beginning_to_the_end(&answers, 1));
    let theatre = Theatre::with(&story, lagging(), "{}").await;
    {
        let mut world = theatre.stage.simulators.world();
        world.salesforce.switch_on_person_accounts();
        world.salesforce.add_person_account("Ana", "Lima", "ana@example.org");
    }
    let host = theatre.open().await;
    theatre.stage.play(&story).await;
    assert_eq!(dead_letters(&host).await.len(), 0, "{:#?}", log(&host).await);
    let contacts = records(&theatre, "Contact");
    let [ana] = &contacts[..] else { panic!("{contacts:#?}") };
    assert_eq!((&ana["LastName"], &ana["Title"]), (&"Lima".into(), &"CTO".into()), "{ana:#}");
    assert_eq!(records(&theatre, "CampaignMember")[0]["Status"], "Attended");
}

/// What somebody deletes between the registration and the end: the person is made anew, a membership stays away and is told, and a
/// campaign that is gone is a matter for a person.
#[tokio::test]
async fn what_is_deleted_before_the_end_is_made_anew_left_or_told() {
    let answers = [("first_name", "Ana"), ("last_name", "Lima"), ("company", "Lima")];
    let acts = ana_from_the_beginning_to_the_end(&answers, 1);
    for destination in BOTH {
        let person = if destination == LEADS { "Lead" } else { "Contact" };
        for (deleted, people, attended, dead) in [(person, 1, 1, 0), ("CampaignMember", 1, 0, 0), ("Campaign", 1, 0, 1)]
        {
            let story = webinar(destination, Salesforce::default(), acts.clone());
            let theatre = Theatre::with(&story, lagging(), "{}").await;
            let host = theatre.open().await;
            theatre.stage.begin(&story);
            theatre.stage.clock.run_until(Timestamp::from_seconds(BEGINS_AT + 2 * HOUR)).await;
            let id = records(&theatre, deleted)[0]["Id"].as_str().unwrap().to_owned();
            assert!(theatre.stage.simulators.world().delete_salesforce_record(deleted, &id));
            theatre.stage.clock.run_until(Timestamp::MAX).await;
            let members = records(&theatre, "CampaignMember");
            let told = (records(&theatre, person).len(), members.len(), dead_letters(&host).await.len());
            assert_eq!(told, (people, attended, dead), "{destination:?}, {deleted} deleted: {:#?}", log(&host).await);
            assert!(members.iter().all(|member| member["Status"] == "Attended"), "{members:#?}");
            if deleted == "CampaignMember" {
                let is_told = |line: &LogLine| line.line.message.contains("is no member of the campaign");
                assert!(log(&host).await.iter().any(is_told), "{:#?}", log(&host).await);
            }
        }
    }
}

/// Rows that somebody else holds are waited for.
#[tokio::test]
async fn locked_rows_are_waited_for() {
    for destination in BOTH {
        let story = host_harness::stage::story::salesforce_story(destination);
        let theatre = Theatre::set(&story).await;
        theatre.stage.simulators.world().salesforce.setup.row_lock = Duration::from_secs(7);
        let host = theatre.open().await;
        theatre.stage.play(&story).await;
        assert_eq!(theatre.problems(&story, &host).await, Vec::<String>::new());
    }
}
