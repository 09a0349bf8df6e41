//! One in a hundred is refused, each for another reason: those, and only those, end as dead letters, in Salesforce's own words.

use super::{calls::counted, *};
use host_harness::{
    durable::LogLine,
    simulators::salesforce::{
        CustomField, CustomKind, DuplicateAction, DuplicateMatch, DuplicateRule, ValidationRule, ValidationTest,
        ValidationWhen,
    },
};
use std::collections::BTreeMap;

const PEOPLE: u64 = 500;
const REGION: &str = "Region__c";

/// Who is refused, and what Salesforce says of it.
fn refused(destination: Destination) -> BTreeMap<String, &'static str> {
    let known = if destination == LEADS { "Leads of that kind are closed" } else { "Contacts of that kind are closed" };
    BTreeMap::from([
        ("rule@example.org".to_owned(), "Nobody of that name is taken"),
        ("region@example.org".to_owned(), "Required fields are missing: [Region__c]"),
        (long_address(), "81 characters"),
        ("again@example.org".to_owned(), "Somebody of that name is there"),
        (KNOWN.to_owned(), known),
    ])
}

fn long_address() -> String {
    format!("{}@example.org", "a".repeat(69))
}

fn told(destination: Destination) -> Story {
    let mut acts = vec![];
    let mut one = |n: u64, email: &str, last_name: &str, more: &[(&str, &str)]| {
        let answers = [&[("first_name", "Pat"), ("last_name", last_name), ("company", "Same Company")], more].concat();
        acts.push(registers(HOUR + n % 60, "s", email, &answers, &[rest(1)]));
    };
    for n in 0..PEOPLE - 5 {
        one(n, &format!("p{n}@example.org"), &format!("Person{n}"), &[("region", "North")]);
    }
    let region = ("region", "North");
    one(5, "rule@example.org", "Closed", &[region]);
    one(15, "region@example.org", "Person", &[]);
    one(35, &long_address(), "Person", &[region]);
    one(45, "again@example.org", "Double", &[region]);
    one(55, KNOWN, "Person", &[region, ("job_title", "Closed")]);

    let double = owned(&[("FirstName", "Pat"), ("LastName", "Double")]);
    let mut before = Salesforce {
        mapping: vec![mapped(Object::Lead, "fields.region", REGION), mapped(Object::Contact, "fields.region", REGION)],
        ..Salesforce::default()
    };
    if destination == LEADS {
        let company = owned(&[("Company", "Same Company")]);
        before.leads = vec![
            PriorLead { fields: [double, company].concat(), ..lead("double@example.org", HOUR) },
            lead(KNOWN, HOUR),
        ];
    } else {
        let account = Some("Same Company".to_owned());
        before.accounts = vec![oracle::PriorAccount { name: "Same Company".into(), made_before: HOUR }];
        before.contacts =
            vec![PriorContact { fields: double, account, ..contact("double@example.org", HOUR) }, contact(KNOWN, HOUR)];
    }
    webinar(destination, before, acts)
}

/// What the customer's admin has set up beside.
fn strict(theatre: &Theatre, destination: Destination) {
    let object = if destination == LEADS { "Lead" } else { "Contact" };
    let mut world = theatre.stage.simulators.world();
    let added = world.salesforce.add_custom_field(&CustomField {
        object: object.into(),
        name: REGION.into(),
        label: "Region".into(),
        kind: CustomKind::Text(80),
        required: true,
        unique: false,
        external_id: false,
    });
    assert!(added);
    let rule = |field: &str, is, message: &str| ValidationRule {
        object: object.into(),
        when: ValidationWhen { field: field.into(), is },
        message: message.into(),
        field: None,
    };
    let closed = ValidationTest::Equals("Closed".into());
    let of_kind = format!("{object}s of that kind are closed");
    world.salesforce.setup.validation_rules =
        vec![rule("LastName", closed.clone(), "Nobody of that name is taken"), rule("Title", closed, &of_kind)];
    world.salesforce.setup.duplicate_rules = vec![DuplicateRule {
        name: "Standard_Rule".into(),
        entity: object.into(),
        against: vec![object.into()],
        by: vec![DuplicateMatch::NameAndCompany],
        action: DuplicateAction::Block,
        message: "Somebody of that name is there".into(),
    }];
}

/// Whose change is refused is a member all the same: only the new are nobody.
const KNOWN: &str = "known@example.org";

/// What comes of the story: nothing of the refused, but that somebody who was there is a member.
fn of_the_others(story: &Story, refused: &BTreeMap<String, &str>) -> Story {
    let mut rest = story.clone();
    rest.acts.retain_mut(|act| match &mut act.what {
        oracle::Happening::Registered { email, answers, .. } if email == KNOWN => {
            answers.clear();
            true
        }
        oracle::Happening::Registered { email, .. } => !refused.contains_key(email),
        _ => true,
    });
    rest
}

#[tokio::test]
async fn who_is_refused_is_told_in_salesforces_words_and_nobody_else_is_lost() {
    for destination in BOTH {
        let story = told(destination);
        // The fields are made by hand, since one is required: the stage would make it one that is not.
        let mapping = story.salesforce.mapping.clone();
        let scene = Story { salesforce: Salesforce { mapping: vec![], ..story.salesforce.clone() }, ..story.clone() };
        let rules = |object| -> Vec<Value> {
            let of = mapping.iter().filter(|(of, _)| *of == object);
            of.map(|(_, rule)| serde_json::json!({ "source": rule.source, "target": rule.target })).collect()
        };
        let object = if destination == LEADS { Object::Lead } else { Object::Contact };
        let name = object.name().to_lowercase();
        let settings = serde_json::json!({ "mapping": { name: rules(object) } }).to_string();
        let theatre = Theatre::with(&scene, lagging(), &settings).await;
        strict(&theatre, destination);
        let host = theatre.open().await;
        let registration = counted(&theatre, &host, &story).await.registration;

        let refused = refused(destination);
        let dead = dead_letters(&host).await;
        let whom = |task: &KeptTask| task.task.subject.clone().map(|subject| subject.id).unwrap_or_default();
        let told: BTreeMap<String, String> = dead
            .iter()
            .map(|task| (whom(task), task.failure.as_ref().map(|f| f.problem.clone()).unwrap_or_default()))
            .collect();
        assert_eq!((dead.len(), told.keys().collect::<Vec<_>>()), (refused.len(), refused.keys().collect()));
        for (email, words) in &refused {
            assert!(told[email].contains(words), "{destination:?} {email}: {}", told[email]);
        }
        let rest = of_the_others(&story, &refused);
        let problems = theatre.problems(&rest, &host).await;
        let others: Vec<_> = problems.iter().filter(|problem| !problem.starts_with("Dead: ")).collect();
        assert_eq!(others, Vec::<&String>::new(), "{destination:?}");

        let batches = PEOPLE.div_ceil(200);
        let of_a_batch = if destination == LEADS { 3 } else { 4 };
        // Two more a batch where something may be mended.
        let most = batches * (of_a_batch + 2);
        println!("{destination:?}: {registration} calls of {most}, {} of them for what may be mended", batches * 2);
        assert!(registration <= most, "{destination:?}: {registration} calls, and {most} are the most");
    }
}

/// A picklist takes its own values alone: the field is left out and told, and the person is saved.
#[tokio::test]
async fn a_value_that_a_restricted_picklist_does_not_know_is_left_out_and_told() {
    let answers = |size: &'static str| [("last_name", "Lima"), ("company", "Lima"), ("size", size)];
    let story = webinar(
        LEADS,
        Salesforce::default(),
        vec![
            registers(HOUR, "s", "ana@example.org", &answers("enormous"), &[rest(1)]),
            registers(HOUR, "s", "ben@example.org", &answers("small"), &[rest(1)]),
        ],
    );
    let settings = r#"{"mapping": {"lead": [{"source": "fields.size", "target": "Size__c"}]}}"#;
    let theatre = Theatre::with(&story, Options::default(), settings).await;
    theatre.stage.simulators.world().salesforce.add_custom_field(&CustomField {
        object: "Lead".into(),
        name: "Size__c".into(),
        label: "Size".into(),
        kind: CustomKind::Picklist(vec!["small".into(), "large".into()], true),
        required: false,
        unique: false,
        external_id: false,
    });
    let host = theatre.open().await;
    theatre.stage.play(&story).await;
    let sizes: BTreeMap<String, Value> = records(&theatre, "Lead")
        .into_iter()
        .map(|lead| (lead["Email"].as_str().unwrap().to_owned(), lead["Size__c"].clone()))
        .collect();
    let expected = [("ana@example.org", Value::Null), ("ben@example.org", "small".into())];
    assert_eq!(sizes, expected.map(|(email, size)| (email.to_owned(), size)).into());
    assert_eq!(records(&theatre, "CampaignMember").len(), 2);
    let is_told = |line: &LogLine| line.line.message.contains("Size__c") && line.line.message.contains("ana@");
    assert!(log(&host).await.iter().any(is_told), "{:#?}", log(&host).await);
}
