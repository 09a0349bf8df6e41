//! The check of an org that is in order, and of one in which one thing is otherwise.

mod org;

use crate::{
    call::{LIVESTORM, SALESFORCE},
    check::check,
    host::{Answer, Context, Finding, Request, Severity},
    test_host::{TestHost, answer, context, ok},
};
use org::{field_of, in_order, picklist, records, right, user};
use serde_json::{Value, json};

const LEADS: &str = r#"{"destination": "salesforce"}"#;
const CONTACTS: &str = r#"{"destination": "salesforce", "salesforce": {"new_people": "contacts"}}"#;

fn findings(settings: &str, spoil: impl Fn(&Request, &mut Value) -> Option<Answer> + 'static) -> Vec<Finding> {
    let host = TestHost::new(0, move |request| {
        let mut body = in_order(request);
        spoil(request, &mut body).unwrap_or_else(|| ok(&body.to_string()))
    });
    let connections = vec![LIVESTORM.to_string(), SALESFORCE.to_string()];
    let findings = check(&host, &Context { settings: settings.into(), connections, ..context() });
    assert!(host.wave_sizes().len() <= 2 && host.requests().len() <= 15, "{:?}", host.wave_sizes());
    findings
}

fn wrong(findings: &[Finding]) -> Vec<(&str, Severity, &str, bool)> {
    let told = findings.iter().filter(|finding| finding.severity != Severity::Fine);
    told.map(|finding| (finding.code.as_str(), finding.severity, finding.place.as_str(), finding.fixable)).collect()
}

/// S3-8: with nothing set but the destination; and nothing of Account Engagement is asked for or missed.
#[test]
fn an_org_in_order_is_fine_in_every_point() {
    let codes = |settings: &str| -> Vec<String> {
        let findings = findings(settings, |_, _| None);
        assert_eq!(wrong(&findings), [], "{settings}");
        findings.into_iter().map(|finding| finding.code).collect()
    };
    let start =
        ["livestorm-reached", "livestorm-scopes", "livestorm-webhooks", "company-on-form", "salesforce-reached"];
    let org = ["campaign-createable", "other-flow", "duplicate-rules"];
    let people = ["lead-writable", "contact-writable", "campaign-member-writable"];
    let fields = ["required-fields", "mapped-fields", "replay-field"];
    let user = ["system-administrator", "marketing-user", "view-all"];
    assert_eq!(codes(LEADS), [&start[..], &org, &people, &fields, &user].concat());
    // Contacts need no company, and an account besides.
    let start = ["livestorm-reached", "livestorm-scopes", "livestorm-webhooks", "salesforce-reached"];
    assert_eq!(codes(CONTACTS), [&start[..], &org, &people, &["account-writable"], &fields, &user].concat());
    let tied = r#"{"destination": "salesforce",
        "salesforce_campaign": {"record_type_id": "012000000000001AAA", "parent_id": "701000000000001AAA"}}"#;
    assert_eq!(codes(tied)[11..], [&["record-type", "parent-campaign"], &fields[..], &user].concat());
}

type Spoil = Box<dyn Fn(&Request, &mut Value)>;

/// S3-8, S3-9, S3-17, S3-24 to S3-27, S3-31, S3-34, S2-45: each is exactly its finding, with words of what to do.
#[test]
fn each_broken_prerequisite_is_exactly_its_finding() {
    use Severity::{Blocker, Notice, Warning};
    let required = || Some(json!({"nillable": false}));
    let absent = || None;
    let ours = json!({"Description": "Livestorm session S1, made by the Livestorm connector"});
    let form = |fields: Value| -> Spoil {
        Box::new(move |request, body| {
            if request.purpose == "read events" {
                body["data"][0]["attributes"]["fields"] = fields.clone();
            }
        })
    };
    let replay = "/salesforce/replay_field";
    let rows: Vec<(&str, Severity, &str, bool, &str, Spoil)> = vec![
        ("company-on-form", Notice, LIVESTORM, false, "mandatory", form(json!([{"id": "company", "required": false}]))),
        ("company-on-form", Notice, LIVESTORM, false, "add Company", form(json!([{"id": "city", "required": true}]))),
        (
            "campaign-type",
            Notice,
            SALESFORCE,
            false,
            "Add Webinar",
            Box::new(field_of("Campaign", "Type", Some(picklist(&["Fair"], true)))),
        ),
        (
            "other-flow",
            Warning,
            SALESFORCE,
            false,
            "Leave one flow",
            Box::new(records("FROM Campaign ORDER", json!([ours, ours]))),
        ),
        (
            "duplicate-rules",
            Notice,
            "/salesforce/duplicates",
            false,
            "Duplicate Rules",
            Box::new(records("FROM DuplicateRule", json!([{"SobjectType": "Lead", "MasterLabel": "Same name"}]))),
        ),
        ("lead-writable", Blocker, SALESFORCE, false, "create and edit leads", Box::new(right("Lead", "createable"))),
        ("lead-writable", Blocker, SALESFORCE, false, "create and edit leads", Box::new(right("Lead", "updateable"))),
        ("contact-writable", Blocker, SALESFORCE, false, "contacts", Box::new(right("Contact", "updateable"))),
        (
            "campaign-member-writable",
            Blocker,
            SALESFORCE,
            false,
            "campaign members",
            Box::new(right("CampaignMember", "createable")),
        ),
        (
            "campaign-required-fields",
            Blocker,
            SALESFORCE,
            false,
            "make it optional",
            Box::new(field_of("Campaign", "Cost_Center__c", required())),
        ),
        (
            "lead-required-fields",
            Warning,
            "/mapping/lead",
            false,
            "Map something to it",
            Box::new(field_of("Lead", "Region__c", required())),
        ),
        (
            "campaign-member-required-fields",
            Warning,
            "/mapping/campaign_member",
            false,
            "Map something",
            Box::new(field_of("CampaignMember", "Origin__c", required())),
        ),
        (
            "mapped-field-missing",
            Warning,
            "/mapping/lead",
            false,
            "Object Manager",
            Box::new(field_of("Lead", "City", absent())),
        ),
        (
            "mapped-field-read-only",
            Warning,
            "/mapping/lead",
            false,
            "Field-Level Security",
            Box::new(field_of("Lead", "City", Some(json!({"updateable": false})))),
        ),
        (
            "person-accounts",
            Notice,
            SALESFORCE,
            false,
            "Nothing",
            Box::new(field_of("Contact", "IsPersonAccount", Some(json!({"createable": false})))),
        ),
        (
            "replay-field",
            Warning,
            replay,
            true,
            "check --fix",
            Box::new(field_of("CampaignMember", "Livestorm_Replay_Status__c", absent())),
        ),
        (
            "replay-field",
            Warning,
            replay,
            true,
            "Field-Level Security",
            Box::new(field_of("CampaignMember", "Livestorm_Replay_Status__c", Some(json!({"updateable": false})))),
        ),
        (
            "replay-field",
            Warning,
            replay,
            false,
            "Write Replay__c into",
            Box::new(field_of(
                "CampaignMember",
                "Livestorm_Replay_Status__c",
                Some(json!({"name": "Replay__c", "label": "Livestorm Replay Status"})),
            )),
        ),
        (
            "replay-values",
            Warning,
            "/salesforce/replay_values/watched_on_demand",
            false,
            "values",
            Box::new(field_of(
                "CampaignMember",
                "Livestorm_Replay_Status__c",
                Some(picklist(&["Watched replay"], true)),
            )),
        ),
        (
            "replay-values",
            Warning,
            "/salesforce/replay_values/watched_replay",
            false,
            "shorter",
            Box::new(field_of("CampaignMember", "Livestorm_Replay_Status__c", Some(json!({"length": 10})))),
        ),
        (
            "system-administrator",
            Notice,
            SALESFORCE,
            false,
            "another user",
            Box::new(user(json!({"Name": "Marketing", "PermissionsViewAllData": true}))),
        ),
        (
            "marketing-user",
            Blocker,
            SALESFORCE,
            false,
            "tick Marketing User",
            Box::new(|request, body| {
                if request.query.iter().any(|(_, query)| query.contains("FROM User")) {
                    body["records"][0]["UserPermissionsMarketingUser"] = json!(false);
                }
            }),
        ),
        (
            "livestorm-webhooks",
            Notice,
            LIVESTORM,
            false,
            "webhook",
            Box::new(|request, body| {
                if request.purpose == "read webhooks" {
                    body["data"].as_array_mut().unwrap().pop();
                }
            }),
        ),
    ];
    for (code, severity, place, fixable, said, spoil) in rows {
        let findings = findings(LEADS, move |request, body| {
            spoil(request, body);
            None
        });
        assert_eq!(wrong(&findings), [(code, severity, place, fixable)]);
        let finding = findings.iter().find(|finding| finding.code == code).unwrap();
        assert!(finding.remedy.contains(said), "{finding:?}");
    }
}

/// S3-34: who sees not everybody makes doubles of whom they do not see.
#[test]
fn a_profile_that_sees_less_is_warned_of_doubles() {
    let sees_less = user(json!({"Name": "Marketing"}));
    let findings = findings(LEADS, move |request, body| {
        sees_less(request, body);
        None
    });
    let told: Vec<_> = wrong(&findings).into_iter().map(|(code, severity, ..)| (code, severity)).collect();
    assert_eq!(told, [("system-administrator", Severity::Notice), ("view-all", Severity::Warning)]);
}

/// S3-10 to S3-14: what contacts and accounts need matters where contacts are made, and what leads need does not.
#[test]
fn what_is_looked_at_follows_from_what_new_people_become() {
    let told = |settings: &str, spoil: Spoil| -> Vec<String> {
        let findings = findings(settings, move |request, body| {
            spoil(request, body);
            None
        });
        wrong(&findings).into_iter().map(|(code, ..)| code.to_string()).collect()
    };
    type Case = (fn() -> Spoil, &'static [&'static str], &'static [&'static str]);
    let cases: [Case; 5] = [
        (|| Box::new(right("Lead", "createable")), &["lead-writable"], &[]),
        (|| Box::new(right("Contact", "createable")), &[], &["contact-writable"]),
        (|| Box::new(right("Account", "createable")), &[], &["account-writable"]),
        (
            || Box::new(field_of("Account", "Tax__c", Some(json!({"nillable": false})))),
            &[],
            &["account-required-fields"],
        ),
        (|| Box::new(field_of("Lead", "Tax__c", Some(json!({"nillable": false})))), &["lead-required-fields"], &[]),
    ];
    for (spoil, leads, contacts) in cases {
        assert_eq!(told(LEADS, spoil()), leads);
        assert_eq!(told(CONTACTS, spoil()), contacts);
    }
}

#[test]
fn a_required_field_that_fills_itself_or_that_a_rule_fills_is_no_finding() {
    let filled = [
        json!({"nillable": false, "defaultedOnCreate": true}),
        json!({"nillable": false, "defaultValue": "EMEA"}),
        json!({"nillable": false, "defaultValueFormula": "'EMEA'"}),
        json!({"nillable": false, "type": "boolean"}),
        json!({"nillable": false, "createable": false}),
        json!({"nillable": false, "type": "picklist", "picklistValues": [{"value": "EMEA", "defaultValue": true}]}),
    ];
    for change in filled {
        let required = field_of("Lead", "Region__c", Some(change.clone()));
        let findings = findings(LEADS, move |request, body| {
            required(request, body);
            None
        });
        assert_eq!(wrong(&findings), [], "{change}");
    }
    let mapped =
        r#"{"destination": "salesforce", "mapping": {"lead": [{"source": "utm.source", "target": "Region__c"}]}}"#;
    let required = field_of("Lead", "Region__c", Some(json!({"nillable": false})));
    let findings = findings(mapped, move |request, body| {
        required(request, body);
        None
    });
    assert_eq!(wrong(&findings), []);
}

#[test]
fn a_rule_that_does_not_fit_its_field_is_told_with_its_place() {
    let settings = json!({"destination": "salesforce", "mapping": {
        "lead": [
            {"source": "fields.colour", "target": "Colour__c", "transforms": [{"default": "blue"}]},
            {"source": "fields.colour", "target": "Color__c"},
            {"source": "fields.tint", "target": "Tint__c", "transforms": [{"default": "RED"}]},
        ],
        "contact": [{"source": "fields.size", "target": "Score__c"}, {"source": "fields.firm", "target": "Company"}],
        "campaign_member": [{"source": "attendance.duration", "target": "Minuts__c"},
            {"source": "attendance.attended", "target": "Was_There__c"}],
    }});
    let changes = [
        field_of("Lead", "Colour__c", Some(picklist(&["red"], true))),
        field_of("Lead", "Tint__c", Some(picklist(&["red"], true))),
        field_of("Contact", "Score__c", Some(json!({"createable": false}))),
        field_of("CampaignMember", "Was_There__c", Some(json!({"type": "boolean"}))),
    ];
    let findings = findings(&settings.to_string(), move |request, body| {
        changes.iter().for_each(|change| change(request, body));
        None
    });
    let told: Vec<_> = wrong(&findings).into_iter().map(|(code, _, place, _)| (code, place)).collect();
    assert_eq!(
        told,
        [
            ("mapped-field-value", "/mapping/lead/0/target"),
            ("mapped-field-missing", "/mapping/lead/1/target"),
            ("mapped-field-read-only", "/mapping/contact/0/target"),
            ("mapped-field-missing", "/mapping/campaign_member/0/target"),
            ("mapped-field-kind", "/mapping/campaign_member/1/target"),
        ]
    );
    for said in ["Did you mean \"Colour__c\"?", "Did you mean \"Minutes__c\"?", "transform `boolean`"] {
        assert!(findings.iter().any(|finding| finding.remedy.contains(said)), "{said}: {findings:#?}");
    }
}

#[test]
fn what_new_campaigns_are_tied_to_must_be_there() {
    let settings = r#"{"destination": "salesforce",
        "salesforce_campaign": {"record_type_id": "012000000000001AAA", "parent_id": "701000000000001AAA"}}"#;
    let row =
        |of: &str, active: bool| json!([{"Id": "012", "Name": "Webinars", "SobjectType": of, "IsActive": active}]);
    let cases = [
        ("record-type", "FROM RecordType", json!([])),
        ("record-type", "FROM RecordType", row("Lead", true)),
        ("record-type", "FROM RecordType", row("Campaign", false)),
        ("parent-campaign", "FROM Campaign WHERE", json!([])),
    ];
    for (code, of, rows) in cases {
        let spoil = records(of, rows);
        let findings = findings(settings, move |request, body| {
            spoil(request, body);
            None
        });
        let told: Vec<_> = wrong(&findings).into_iter().map(|(code, severity, ..)| (code, severity)).collect();
        assert_eq!(told, [(code, Severity::Blocker)]);
    }
}

#[test]
fn what_is_not_shown_and_what_is_not_reached_are_told_apart() {
    let refused = |status: u16, body: &'static str| {
        findings(LEADS, move |request, _| {
            (request.purpose == "describe" && request.path[4] == "Lead").then(|| answer(status, body))
        })
    };
    let told = |findings: &[Finding]| -> Vec<(String, Severity)> {
        wrong(findings).into_iter().map(|(code, severity, ..)| (code.to_string(), severity)).collect()
    };
    let hidden = refused(404, r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#);
    assert_eq!(told(&hidden), [("lead-writable".to_string(), Severity::Blocker)]);
    assert_eq!(told(&refused(503, "")), [("lead-writable".to_string(), Severity::Warning)]);
    let unread = findings(LEADS, |request, _| {
        let is_asked = request.query.iter().any(|(_, query)| query.contains("FROM DuplicateRule"));
        is_asked.then(|| answer(400, r#"[{"errorCode":"INVALID_TYPE","message":"not supported"}]"#))
    });
    assert_eq!(told(&unread), [("duplicate-rules".to_string(), Severity::Notice)]);
}

/// What is asked is what the host lets out for this destination.
#[test]
fn everything_that_is_asked_is_granted() {
    let host = TestHost::new(0, |request| ok(&in_order(request).to_string()));
    let settings = r#"{"destination": "salesforce", "salesforce": {"new_people": "contacts"},
        "salesforce_campaign": {"record_type_id": "012000000000001AAA", "parent_id": "701000000000001AAA"}}"#;
    check(&host, &Context { settings: settings.into(), ..context() });
    let granted = crate::manifest::egress(settings).unwrap();
    for request in host.requests() {
        let fits = |path: &[String]| {
            path.len() == request.path.len()
                && path.iter().zip(&request.path).all(|(rule, segment)| rule == "*" || rule == segment)
        };
        let is_granted = granted
            .iter()
            .any(|rule| rule.connection == request.connection && rule.methods == [request.method] && fits(&rule.path));
        assert!(is_granted, "{:?}", request.path);
    }
    assert!(host.requests().iter().all(|request| request.connection != "account-engagement"));
}

#[test]
fn account_engagement_is_missed_only_where_it_is_the_destination() {
    let host = TestHost::new(0, |request| ok(&in_order(request).to_string()));
    let unbound = |settings: &str| -> Vec<String> {
        let findings = check(&host, &Context { settings: settings.into(), connections: vec![], ..context() });
        findings.into_iter().map(|finding| finding.code).collect()
    };
    assert_eq!(unbound(LEADS), ["livestorm-not-bound", "salesforce-not-bound"]);
    assert_eq!(unbound("{}"), ["livestorm-not-bound", "salesforce-not-bound", "account-engagement-not-bound"]);
}
