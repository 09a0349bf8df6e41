//! What submitting a form does, and how it is found afterwards.

use super::*;
use crate::simulators::unknowns::{DeletedSubmitter, FormFilters, Lateness};
use std::collections::BTreeMap;

fn said(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn ids(unit: &Unit, query: &str) -> Vec<u64> {
    let (status, body) = unit.get(&format!("objects/visitor-activities?fields=id{query}"));
    assert_eq!(status, 200, "{query}: {body}");
    body["values"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_submission_makes_the_prospect_and_is_found_after_the_lag_with_whose_it_was() {
    let unit = started();
    let campaign = unit.salesforce_campaign(json!({ "Name": "Launch", "StartDate": "2026-12-01" }));
    unit.wait(Duration::from_secs(11 * 60));
    let mut new = NewForm::new("Register");
    new.campaign_id = Some({
        let mut world = unit.simulators.world();
        campaigns::mirror(&mut world);
        world.account_engagement.campaign_of(&campaign).unwrap().id
    });
    let campaign_id = new.campaign_id.unwrap();
    let form = unit.simulators.world().add_form(new);
    let fields = said(&[("firstName", "Ana"), ("lastName", "Lima"), ("company", "not on this form")]);
    let done = unit.simulators.world().submit_form(form, "ana@example.org", &fields).unwrap();
    let (prospect, visitor) = (done.prospect.unwrap(), done.visitor.unwrap());
    assert!(done.errors.is_empty());

    // The reference's own polling query.
    let asked = "objects/visitor-activities?fields=id,type,typeName,details,campaignId,formId,formHandlerId,prospectId,\
        visitorId,createdAt,prospect.email,prospect.firstName,prospect.lastName,prospect.company,form.name,\
        campaign.salesforceId,emailId,email.name,visitor.isIdentified&type=4&idGreaterThan=0&orderBy=id%20ASC&limit=1000";
    assert_eq!(unit.get(asked).1["values"], json!([]), "the read cache is behind");
    unit.wait(LAG);
    let expected = json!([{
        "id": done.activity,
        "type": 4,
        "typeName": "Form",
        "details": "Register",
        "campaignId": campaign_id,
        "formId": form,
        "formHandlerId": null,
        "prospectId": prospect,
        "visitorId": visitor,
        "createdAt": "2026-11-23T04:11:00-05:00",
        "prospect": { "email": "ana@example.org", "firstName": "Ana", "lastName": "Lima", "company": null },
        "form": { "name": "Register" },
        "campaign": { "salesforceId": campaign },
        "emailId": null,
        "email": null,
        "visitor": { "isIdentified": true },
    }]);
    assert_eq!(unit.get(asked).1["values"], expected);
    let (_, body) = unit.get(&format!("objects/prospects/{prospect}?fields=campaignId,lastActivityAt,firstActivityAt"));
    let at = "2026-11-23T04:11:00-05:00";
    assert_eq!(body, json!({ "campaignId": campaign_id, "lastActivityAt": at, "firstActivityAt": at }));
    let (_, body) = unit.get(&format!("objects/visitors/{visitor}?fields=prospectId,pageViewCount,campaignId"));
    assert_eq!(body, json!({ "prospectId": prospect, "pageViewCount": 1, "campaignId": campaign_id }));
}

#[test]
fn a_form_without_what_it_needs_leaves_an_error_and_nothing_else() {
    let unit = started();
    let mut new = NewForm::new("Register");
    new.fields.push(NewField { is_required: true, ..NewField::text("company") });
    new.fields.push(NewField { format: DataFormat::Number, ..NewField::text("Attendance__c") });
    let form = unit.simulators.world().add_form(new);
    const REQUIRED: &str = "This field is required";
    type Row = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
    let rows: [Row; 6] = [
        ("", &[("company", "Acme")], &[REQUIRED]),
        ("  ", &[], &[REQUIRED, REQUIRED]),
        ("ana", &[("company", "Acme")], &["Please enter a valid email address"]),
        ("ana@example.org", &[("company", " ")], &[REQUIRED]),
        ("ana@example.org", &[("company", "Acme"), ("Attendance__c", "many")], &["Please enter a valid value"]),
        ("ana@example.org", &[("company", "Acme"), ("Attendance__c", "")], &[]),
    ];
    for (email, fields, errors) in rows {
        let before = unit.simulators.world().account_engagement.prospects.len();
        let done = unit.simulators.world().submit_form(form, email, &said(fields)).unwrap();
        assert_eq!(done.errors, errors, "{email:?} {fields:?}");
        let world = unit.simulators.world();
        let activity = world.account_engagement.visitor_activities.now(&done.activity).unwrap();
        let made = usize::from(errors.is_empty());
        assert_eq!(world.account_engagement.prospects.len() - before, made, "{email:?} {fields:?}");
        assert_eq!(
            (activity.kind, activity.prospect_id.is_some()),
            if errors.is_empty() { (4, true) } else { (3, false) }
        );
    }
    assert_eq!(unit.simulators.world().submit_form(form + 1, "ana@example.org", &said(&[])), None);
    unit.simulators.world().account_engagement.forms.change(&form, Timestamp::MAX, |form| form.is_deleted = true);
    assert_eq!(unit.simulators.world().submit_form(form, "ana@example.org", &said(&[])), None);
}

/// Data format, a value, and whether it is taken.
#[test]
fn a_data_format_refuses_what_does_not_look_like_it() {
    let rows = [
        (DataFormat::Text, "anything", true),
        (DataFormat::Number, "12.5", true),
        (DataFormat::Number, "twelve", false),
        (DataFormat::Number, "inf", false),
        (DataFormat::Email, "ana@gmail.com", true),
        (DataFormat::Email, "ana", false),
        (DataFormat::BusinessEmail, "ana@GMAIL.com", false),
        (DataFormat::BusinessEmail, "ana@example.org", true),
        (DataFormat::BusinessEmail, "ana", false),
        (DataFormat::DeliverableEmail, "ana@no.invalid", false),
        (DataFormat::DeliverableEmail, "ana@example.org", true),
        (DataFormat::DeliverableEmail, "ana", false),
    ];
    for (format, value, taken) in rows {
        assert_eq!(format.fits(value), taken, "{format:?} {value}");
    }
}

#[test]
fn a_known_address_is_updated_and_keeps_its_first_touch() {
    let unit = started();
    let mut old = NewProspect::new("ana@example.org");
    old.fields = [("firstName".to_owned(), json!("Anna")), ("company".to_owned(), json!("Acme"))].into();
    let ana = unit.simulators.world().account_engagement.add_prospect(old);
    let mut latest = NewProspect::new("ana@example.org");
    latest.last_activity_at = Timestamp::parse("2026-11-01T00:00:00Z");
    latest.fields = [("firstName".to_owned(), json!("Anna")), ("company".to_owned(), json!("Acme"))].into();
    let second = unit.simulators.world().account_engagement.add_prospect(latest);
    let mut new = NewForm::new("Register");
    new.fields.push(NewField { keeps_first: true, ..NewField::text("company") });
    new.fields.push(NewField { keeps_first: true, ..NewField::text("city") });
    for name in ["optedOut", "score", "Topics__c", "Attendance__c"] {
        new.fields.push(NewField::text(name));
    }
    let form = unit.simulators.world().add_form(new);
    let fields = [
        ("firstName", "Ana"),
        ("lastName", ""),
        ("company", "Other"),
        ("city", "Lisbon"),
        ("optedOut", "Yes"),
        ("score", "12"),
        ("Topics__c", "a"),
        ("Attendance__c", "not a number"),
    ];
    let done = unit.simulators.world().submit_form(form, "ana@example.org", &said(&fields)).unwrap();
    assert_eq!(done.prospect, Some(second), "the one with the latest activity");
    let world = unit.simulators.world();
    let found = world.account_engagement.prospects.now(&second).unwrap();
    let expected = [
        ("firstName", json!("Ana")),
        ("company", json!("Acme")),
        ("city", json!("Lisbon")),
        ("optedOut", json!(true)),
        ("score", json!(12)),
        ("Topics__c", json!("a")),
    ];
    let expected: BTreeMap<String, Value> = expected.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(found.fields, expected);
    assert_eq!(found.campaign_id, campaigns::DEFAULT_CAMPAIGN);
    assert_eq!(world.account_engagement.prospects.now(&ana).unwrap().fields["firstName"], "Anna");
}

#[test]
fn submitting_twice_leaves_two_activities_of_one_prospect() {
    let unit = started();
    let form = unit.simulators.world().add_form(NewForm::new("Register"));
    let submit = || unit.simulators.world().submit_form(form, " ana@example.org ", &said(&[])).unwrap();
    let (first, second) = (submit(), submit());
    assert!(first.prospect.is_some() && first.prospect == second.prospect);
    assert!(first.activity < second.activity);
    let world = unit.simulators.world();
    assert_eq!(world.account_engagement.prospects.now(&first.prospect.unwrap()).unwrap().email, "ana@example.org");
}

#[test]
fn who_is_in_the_recycle_bin_comes_back_or_is_made_anew() {
    for (side, restored) in [(DeletedSubmitter::Restore, true), (DeletedSubmitter::MakeAnother, false)] {
        let unit = started_with(|options| options.unknowns.account_engagement.deleted_submitter = side);
        let old = NewProspect { is_deleted: true, ..NewProspect::new("ana@example.org") };
        let ana = unit.simulators.world().account_engagement.add_prospect(old);
        let form = unit.simulators.world().add_form(NewForm::new("Register"));
        let done = unit.simulators.world().submit_form(form, "ana@example.org", &said(&[])).unwrap();
        assert_eq!(done.prospect == Some(ana), restored);
        let world = unit.simulators.world();
        assert_eq!(!world.account_engagement.prospects.now(&ana).unwrap().is_deleted, restored);
        assert!(!world.account_engagement.prospects.now(&done.prospect.unwrap()).unwrap().is_deleted);
    }
}

#[test]
fn a_handler_in_kiosk_mode_ties_no_browser_to_the_prospect() {
    for is_cookieless in [true, false] {
        let unit = started();
        let new = NewFormHandler { is_cookieless, ..NewFormHandler::new("Own form") };
        let handler = unit.simulators.world().add_form_handler(new);
        let done = unit.simulators.world().submit_form_handler(handler, "ana@example.org", &said(&[])).unwrap();
        assert_eq!(done.visitor.is_none(), is_cookieless);
        assert!(done.prospect.is_some());
        unit.wait(LAG);
        let asked =
            "objects/visitor-activities?fields=typeName,details,formId,formHandlerId,formHandler.name,visitorId";
        let expected = json!([{
            "typeName": "Form Handler",
            "details": "Own form",
            "formId": null,
            "formHandlerId": handler,
            "formHandler": { "name": "Own form" },
            "visitorId": done.visitor,
        }]);
        assert_eq!(unit.get(asked).1["values"], expected);
    }
}

#[test]
fn a_filter_by_form_or_campaign_is_refused_taken_or_of_no_effect() {
    for (side, found) in [(FormFilters::Refuse, None), (FormFilters::Accept, Some(1)), (FormFilters::Ignore, Some(3))] {
        let unit = started_with(|options| options.unknowns.account_engagement.activity_form_filters = side);
        let form = unit.simulators.world().add_form(NewForm::new("Register"));
        let handler = unit.simulators.world().add_form_handler(NewFormHandler::new("Own form"));
        unit.simulators.world().submit_form(form, "ana@example.org", &said(&[])).unwrap();
        unit.simulators.world().submit_form_handler(handler, "ana@example.org", &said(&[])).unwrap();
        unit.simulators.world().add_visitor_activity(VisitorActivity::new(11, "Newsletter"));
        unit.wait(LAG);
        for (filter, count) in
            [(format!("formId={form}"), 1), (format!("formHandlerId={handler}"), 1), ("campaignId=5000".to_owned(), 2)]
        {
            let (status, body) = unit.get(&format!("objects/visitor-activities?fields=id&{filter}"));
            match found {
                None => assert_eq!((status, &body["code"]), (400, &json!(5)), "{filter}"),
                Some(1) => assert_eq!(body["values"].as_array().unwrap().len(), count, "{filter}"),
                Some(all) => assert_eq!(body["values"].as_array().unwrap().len(), all, "{filter}"),
            }
        }
        // Of no other object, and of no other name.
        assert_eq!(unit.get("objects/lists?fields=id&campaignId=5000").1["code"], 5);
        assert_eq!(unit.get("objects/visitor-activities?fields=id&emailId=1").1["code"], 5);
    }
}

#[test]
fn a_late_activity_is_seen_after_younger_ones() {
    for (side, first) in [(Lateness::None, vec![0, 1, 2]), (Lateness::EverySecond, vec![1])] {
        let unit = started_with(|options| options.unknowns.account_engagement.activity_lateness = side);
        let form = unit.simulators.world().add_form(NewForm::new("Register"));
        let made: Vec<u64> = ["a@x.example", "b@x.example", "c@x.example"]
            .map(|email| unit.simulators.world().submit_form(form, email, &said(&[])).unwrap().activity)
            .to_vec();
        unit.wait(LAG);
        assert_eq!(ids(&unit, ""), first.iter().map(|n| made[*n]).collect::<Vec<_>>());
        unit.wait(Duration::from_secs(15 * 60));
        assert_eq!(ids(&unit, ""), made);
    }
}

#[test]
fn a_type_is_named_by_the_asset_or_by_itself() {
    let unit = started();
    let form = unit.simulators.world().add_form(NewForm::new("Register"));
    unit.simulators.world().submit_form(form, "", &said(&[])).unwrap();
    unit.simulators.world().add_visitor_activity(VisitorActivity::new(34, "Film"));
    unit.simulators.world().add_visitor_activity(VisitorActivity::new(99, "?"));
    unit.wait(LAG);
    let names = || {
        let (_, body) = unit.get("objects/visitor-activities?fields=typeName");
        body["values"].as_array().unwrap().iter().map(|row| row["typeName"].clone()).collect::<Vec<_>>()
    };
    let watched = json!("Video Watched (>= 75% watched)");
    assert_eq!(names(), [json!("Form"), watched.clone(), Value::Null]);
    unit.simulators.world().options.unknowns.account_engagement.activity_type_name =
        crate::simulators::unknowns::ActivityTypeName::Type;
    assert_eq!(names(), [json!("Error"), watched, Value::Null]);
}

#[test]
fn every_type_of_activity_has_its_name() {
    let unit = started();
    let mut names = BTreeSet::new();
    for kind in 1..=39 {
        unit.simulators.world().add_visitor_activity(VisitorActivity::new(kind, "x"));
    }
    unit.wait(LAG);
    let (_, body) = unit.get("objects/visitor-activities?fields=type,typeName");
    for (row, kind) in body["values"].as_array().unwrap().iter().zip(1u64..) {
        assert_eq!((&row["type"], row["typeName"].is_string()), (&json!(kind), kind <= 38));
        names.extend(row["typeName"].as_str().map(str::to_owned));
    }
    assert_eq!(names.len(), 38, "no two are named alike");
    let rows =
        [(4, "Success"), (6, "Sent"), (11, "Open"), (25, "Registered for Webinar"), (38, "Opportunity Unlinked")];
    for (kind, name) in rows {
        assert_eq!(body["values"][kind - 1]["typeName"], name);
    }
}

#[test]
fn a_visitor_is_given_to_a_prospect() {
    let unit = started();
    let form = unit.simulators.world().add_form(NewForm::new("Register"));
    let visitor = unit.simulators.world().submit_form(form, "", &said(&[])).unwrap().visitor.unwrap();
    let bo = unit.simulators.world().account_engagement.add_prospect(NewProspect::new("bo@example.org"));
    let gone = NewProspect { is_deleted: true, ..NewProspect::new("gone@example.org") };
    let gone = unit.simulators.world().account_engagement.add_prospect(gone);
    let path = format!("objects/visitors/{visitor}/do/assignToProspect");
    let rows = [
        (json!({}), 153),
        (json!({ "prospectId": "x" }), 3),
        (json!({ "prospectId": 1 }), 3),
        (json!({ "prospectId": gone }), 3),
        (json!({ "prospectId": bo, "x": 1 }), 154),
    ];
    for (body, code) in rows {
        assert_eq!(unit.post(&path, body.clone()).1["code"], code, "{body}");
    }
    assert_eq!(unit.get(&path).1["code"], 60);
    assert_eq!(unit.post("objects/visitors/1/do/assignToProspect", json!({ "prospectId": bo })).1["code"], 109);
    assert_eq!(unit.post("objects/visitors/x/do/assignToProspect", json!({ "prospectId": bo })).1["code"], 16);
    let unseen = BTreeSet::from([Ability::ViewProspectsNotAssignedToSelf]);
    unit.simulators.world().account_engagement.missing_abilities = unseen;
    assert_eq!(unit.post(&path, json!({ "prospectId": bo })).1["code"], 3, "nobody whom the user sees");
    unit.simulators.world().account_engagement.missing_abilities.clear();
    let (status, body) = unit.post(&format!("{path}?fields=isIdentified,prospect.email"), json!({ "prospectId": bo }));
    assert_eq!((status, body), (200, json!({ "isIdentified": true, "prospect": { "email": "bo@example.org" } })));
}

/// What a query of visitor activities asks for.
#[derive(Clone, Debug)]
enum Asked {
    Number(&'static str, &'static str, u64),
    Time(&'static str, &'static str, u64),
}

fn asked() -> impl Strategy<Value = Asked> {
    let relations =
        prop::sample::select(vec!["", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]);
    let spans = prop::sample::select(vec!["After", "AfterOrEqualTo", "Before", "BeforeOrEqualTo"]);
    prop_oneof![
        (prop::sample::select(vec!["type", "prospectId", "visitorId", "id"]), relations, 0u64..8)
            .prop_map(|(field, relation, value)| Asked::Number(field, relation, value)),
        (prop::sample::select(vec!["createdAt", "updatedAt"]), spans, 0u64..8)
            .prop_map(|(field, span, seconds)| Asked::Time(field, span, seconds)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The oracle knows the activities as they were added, and compares plain numbers.
    #[test]
    fn filters_orders_and_pages_give_what_a_plain_search_gives(
        made in prop::collection::vec((1u64..4, prop::option::of(1u64..4), prop::option::of(1u64..4), 0u64..3), 0..14),
        filters in prop::collection::vec(asked(), 0..4),
        limit in 1usize..5,
        descending: bool,
    ) {
        let unit = started();
        let begin = Timestamp::parse(START).unwrap();
        let mut added = vec![];
        for (kind, prospect, visitor, wait) in &made {
            unit.wait(Duration::from_secs(*wait));
            let mut activity = VisitorActivity::new(*kind, "x");
            (activity.prospect_id, activity.visitor_id) = (*prospect, *visitor);
            let mut world = unit.simulators.world();
            let seconds = (world.now().0 - begin.0) / 1000;
            let id = world.add_visitor_activity(activity);
            added.push((id, *kind, *prospect, *visitor, seconds));
        }
        unit.wait(LAG);
        let first = 700_000_001u64;
        let compare = |relation: &str, found: u64, wanted: u64| match relation {
            "" => found == wanted,
            "GreaterThan" | "After" => found > wanted,
            "GreaterThanOrEqualTo" | "AfterOrEqualTo" => found >= wanted,
            "LessThan" | "Before" => found < wanted,
            _ => found <= wanted,
        };
        let fits = |row: &(u64, u64, Option<u64>, Option<u64>, u64)| filters.iter().all(|asked| match asked {
            Asked::Number("type", relation, value) => compare(relation, row.1, *value),
            Asked::Number("prospectId", relation, value) => row.2.is_some_and(|found| compare(relation, found, *value)),
            Asked::Number("visitorId", relation, value) => row.3.is_some_and(|found| compare(relation, found, *value)),
            Asked::Number(_, relation, value) => compare(relation, row.0, first + value),
            Asked::Time(_, span, seconds) => compare(span, row.4, *seconds),
        });
        let mut expected: Vec<u64> = added.iter().filter(|row| fits(row)).map(|row| row.0).collect();
        if descending {
            expected.reverse();
        }
        let named: BTreeSet<&str> =
            filters.iter().map(|asked| match asked { Asked::Number(field, ..) | Asked::Time(field, ..) => *field }).collect();
        let sent: Vec<String> = filters.iter().map(|asked| match asked {
            Asked::Number("id", relation, value) => format!("&id{relation}={}", first + value),
            Asked::Number(field, relation, value) => format!("&{field}{relation}={value}"),
            Asked::Time(field, span, seconds) => {
                format!("&{field}{span}={}", encode(&format!("2026-11-23T09:00:{seconds:02}+00:00")))
            }
        }).collect();
        let order = if descending { "DESC" } else { "ASC" };
        let query = format!("objects/visitor-activities?fields=id&limit={limit}&orderBy=id%20{order}{}", sent.concat());
        let (status, mut body) = unit.get(&query);
        if named.len() > 3 {
            prop_assert_eq!((status, &body["code"]), (400, &json!(209)));
            return Ok(());
        }
        prop_assert_eq!(status, 200, "{}: {}", query, body);
        let mut found = vec![];
        loop {
            let page = body["values"].as_array().unwrap();
            prop_assert!(page.len() <= limit);
            found.extend(page.iter().map(|row| row["id"].as_u64().unwrap()));
            let Some(token) = body["nextPageToken"].as_str() else { break };
            body = unit.get(&format!("objects/visitor-activities?fields=id&nextPageToken={}", encode(token))).1;
        }
        prop_assert_eq!(found, expected, "{}", query);
    }
}

#[test]
fn a_snapshot_tells_of_forms_where_there_are_any() {
    let unit = started();
    let lists = ["forms", "form_handlers", "visitor_activities"];
    let written = |unit: &Unit| json!(unit.simulators.world().snapshot());
    assert!(lists.iter().all(|list| written(&unit).get(list).is_none()));
    let form = unit.simulators.world().add_form(NewForm::new("Register"));
    unit.simulators.world().add_form_handler(NewFormHandler::new("Own form"));
    unit.simulators.world().submit_form(form, "ana@example.org", &said(&[])).unwrap();
    assert!(lists.iter().all(|list| written(&unit)[list].as_array().unwrap().len() == 1));
    assert_eq!(written(&unit)["visitor_activities"][0]["prospect_email"], "ana@example.org");
    assert_eq!(unit.call("DELETE", &format!("objects/forms/{form}"), None).0, 204);
    assert_eq!(unit.call("DELETE", "objects/form-handlers/8001", None).0, 204);
    let now = written(&unit);
    assert_eq!(lists.map(|list| now.get(list).is_some()), [false, false, true]);
}
