//! Imports: what each row does, and why one fails.

use super::*;
use crate::simulators::unknowns::CampaignLeftOut;

/// Why each row of an errors' file failed.
fn codes(errors: &str) -> Vec<&str> {
    errors.lines().skip(1).map(|line| line.rsplit("(code ").next().unwrap().trim_end_matches([')', '"'])).collect()
}

#[test]
fn a_row_matches_by_one_column_or_makes_somebody() {
    let unit = started();
    let add = |email: &str, salesforce_id: Option<&str>, is_deleted| {
        let mut new = NewProspect::new(email);
        new.is_deleted = is_deleted;
        new.fields.extend(salesforce_id.map(|id| ("salesforceId".to_owned(), json!(id))));
        unit.simulators.world().account_engagement.add_prospect(new)
    };
    let (ana, bo, cy) = (
        add("ana@example.org", None, false),
        add("bo@example.org", Some("003X"), false),
        add("cy@example.org", None, false),
    );
    add("gone@example.org", None, true);
    let csv = format!(
        "matchId,matchSalesforceId,matchEmail,email,firstName,isReviewed,score,Attendance__c,Topics__c,city\n\
         {ana},,,,Ana,true,7,12,a;b,\"Porto, PT\"\n\
         ,003X,,,Bo,0,,,,\n\
         ,,cy@example.org,cyrus@example.org,Cy,,,,,\n\
         ,,,new@example.org,New,,,,,\n\
         ,,nobody@example.org,nobody@example.org,No,,,,,\n\
         {ana},003X,,,Both,,,,,\n\
         9,,,,Unknown,,,,,\n\
         ,,gone@example.org,,Gone,,,,,\n\
         ,,,,Nameless,,,,,\n\
         ,,,bad,Bad,,,,,\n\
         {bo},,,,Late,maybe,,,,\n\
         {bo},,,,Late,,x,,,\n\
         {bo},,,,Late,,,soon,,\n"
    );
    let (import, counts) = unit.imported(json!({}), &csv);
    assert_eq!(counts, [json!(2), json!(3), json!(8)]);
    let world = unit.simulators.world();
    let prospects: Vec<_> = world.account_engagement.prospects.all().cloned().collect();
    drop(world);
    let told = |id: u64| prospects.iter().find(|prospect| prospect.id == id).unwrap();
    let fields = json!({ "firstName": "Ana", "isReviewed": true, "score": 7, "Attendance__c": "12", "Topics__c": ["a", "b"], "city": "Porto, PT" });
    assert_eq!(json!(told(ana).fields), fields);
    assert_eq!(json!(told(bo).fields), json!({ "firstName": "Bo", "isReviewed": false, "salesforceId": "003X" }));
    assert_eq!(
        (told(cy).email.as_str(), json!(told(cy).fields)),
        ("cyrus@example.org", json!({ "firstName": "Cy", "isReviewed": false }))
    );
    let made: Vec<_> = prospects[4..].iter().map(|prospect| prospect.email.as_str()).collect();
    assert_eq!(made, ["new@example.org", "nobody@example.org"]);

    let errors = unit.errors(import);
    assert_eq!(codes(&errors), ["154", "153", "132", "153", "4", "50", "56", "56"], "{errors}");
    assert!(errors.starts_with("matchId,matchSalesforceId,matchEmail,email,"), "{errors}");
    let (_, body) = unit.get(&format!("imports/{import}?fields=errorRef"));
    assert_eq!(body["errorRef"], format!("http://simulators.test/api/v5/imports/{import}/errors"));
}

#[test]
fn options_decide_who_is_made_restored_and_written_over() {
    let kept = |extra: Value, csv: &str| {
        let unit = started();
        let mut ana = NewProspect::new("ana@example.org");
        ana.fields = BTreeMap::from([("city".to_owned(), json!("Porto"))]);
        let mut gone = NewProspect::new("gone@example.org");
        gone.is_deleted = true;
        for new in [ana, gone] {
            unit.simulators.world().account_engagement.add_prospect(new);
        }
        let (_, counts) = unit.imported(extra, csv);
        let world = unit.simulators.world();
        let live = world.account_engagement.prospects.all().filter(|prospect| !prospect.is_deleted);
        let live: Vec<_> =
            live.map(|p| (p.email.clone(), p.fields.get("city").cloned(), p.fields.get("state").cloned())).collect();
        (counts.map(|count| count.as_u64().unwrap()), live)
    };
    let ana = |city: Option<&str>, state: Option<&str>| {
        ("ana@example.org".to_owned(), city.map(Value::from), state.map(Value::from))
    };
    let plain = |email: &str| (email.to_owned(), None, None);
    let columns =
        |city: Value| json!({ "fields": [{ "field": "matchEmail" }, city, { "field": "state", "overwrite": false }] });
    let csv = "matchEmail,city,state\nana@example.org,Lisboa,X\n";
    let blank = "matchEmail,city,state\nana@example.org,,\n";
    type Row<'a> = (Value, &'a str, [u64; 3], Vec<(String, Option<Value>, Option<Value>)>);
    let rows: [Row<'_>; 10] = [
        (json!({}), csv, [0, 1, 0], vec![ana(Some("Lisboa"), Some("X"))]),
        (json!({}), blank, [0, 1, 0], vec![ana(None, None)]),
        (columns(json!({ "field": "city" })), csv, [0, 1, 0], vec![ana(Some("Lisboa"), Some("X"))]),
        (columns(json!({ "field": "city", "overwrite": false })), csv, [0, 1, 0], vec![ana(Some("Porto"), Some("X"))]),
        (columns(json!({ "field": "city", "nullOverwrite": false })), blank, [0, 1, 0], vec![ana(Some("Porto"), None)]),
        (
            json!({ "restoreDeleted": true }),
            "matchEmail\ngone@example.org\n",
            [0, 1, 0],
            vec![ana(Some("Porto"), None), plain("gone@example.org")],
        ),
        (
            json!({ "restoreDeleted": false }),
            "matchEmail\ngone@example.org\n",
            [0, 0, 1],
            vec![ana(Some("Porto"), None)],
        ),
        (
            json!({ "createOnNoMatch": true }),
            "matchEmail,email\nx@example.org,x@example.org\n",
            [1, 0, 0],
            vec![ana(Some("Porto"), None), plain("x@example.org")],
        ),
        (
            json!({ "createOnNoMatch": false }),
            "matchEmail,email\nx@example.org,x@example.org\n",
            [0, 0, 1],
            vec![ana(Some("Porto"), None)],
        ),
        (
            json!({ "createOnNoMatch": false }),
            "email\nx@example.org\n",
            [1, 0, 0],
            vec![ana(Some("Porto"), None), plain("x@example.org")],
        ),
    ];
    for (extra, csv, counts, live) in rows {
        assert_eq!(kept(extra.clone(), csv), (counts, live), "{extra} {csv}");
    }
    for (creates, counts) in [(true, [json!(1), json!(0), json!(0)]), (false, [json!(0), json!(0), json!(1)])] {
        let unit = started_with(|options| options.unknowns.account_engagement.import_creates_on_no_match = creates);
        assert_eq!(unit.imported(json!({}), "matchEmail,email\nx@example.org,x@example.org\n").1, counts);
    }
}

#[test]
fn rows_put_people_into_lists_and_take_them_out() {
    let unit = started();
    let lists: Vec<u64> = (0..21).map(|n| unit.id("objects/lists", json!({ "name": n.to_string() }))).collect();
    let by_rule = unit.simulators.world().account_engagement.add_dynamic_list("by rule");
    let (first, second) = (lists[0], lists[1]);
    let ana = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
    unit.id("objects/list-memberships", json!({ "listId": first, "prospectId": ana }));
    let twenty = lists[..20].iter().map(u64::to_string).collect::<Vec<_>>().join(";");
    let all = lists.iter().map(u64::to_string).collect::<Vec<_>>().join(";");
    let csv = format!(
        "matchEmail,email,addToList,removeFromList\n\
         ana@example.org,,{second},{first}\n\
         ,bo@example.org,\"{first},{second}\",\n\
         ,cy@example.org,{twenty},\n\
         ,dan@example.org,{all},\n\
         ,eve@example.org,{by_rule},\n\
         ,fay@example.org,1,\n\
         ,gus@example.org,x,\n\
         ana@example.org,,{second},\n"
    );
    let (import, counts) = unit.imported(json!({}), &csv);
    let errors = unit.errors(import);
    assert_eq!(counts, [json!(2), json!(2), json!(4)], "{errors}");
    assert_eq!(codes(&errors), ["154", "55", "55", "55"], "{errors}");
    let world = unit.simulators.world();
    let unit_then = &world.account_engagement;
    assert_eq!(unit_then.prospects.len(), 3, "a row is taken whole or not at all");
    let in_list = |list: u64| -> Vec<String> {
        let members = unit_then.list_memberships.all().filter(|m| m.list_id == list && !m.is_deleted);
        members.map(|m| unit_then.prospects.now(&m.prospect_id).unwrap().email.clone()).collect()
    };
    assert_eq!(in_list(first), ["bo@example.org", "cy@example.org"]);
    assert_eq!(in_list(second), ["ana@example.org", "bo@example.org", "cy@example.org"]);
    assert_eq!(in_list(lists[20]), [""; 0]);
    drop(world);
    // Whom a row took out, another one brings back.
    unit.imported(json!({}), &format!("matchEmail,addToList\nana@example.org,{first}\n"));
    let world = unit.simulators.world();
    let back = world.account_engagement.list_memberships.all().filter(|m| m.list_id == first && m.prospect_id == ana);
    assert_eq!(back.map(|m| m.is_deleted).collect::<Vec<_>>(), [false]);
}

#[test]
fn an_empty_cell_says_nothing_of_address_and_campaign_nor_of_a_new_ones_flags() {
    let unit = started();
    let campaign = unit.simulators.world().add_unconnected_campaign("Fair");
    let ana = json!({ "email": "ana@example.org", "campaignId": campaign, "isStarred": true, "city": "Porto" });
    let ana = unit.id("objects/prospects", ana);
    let csv = format!(
        "matchId,email,campaignId,isStarred,city\n{ana},,,,\n,bo@example.org,,,\n,cy@example.org,{campaign},1,x\n"
    );
    assert_eq!(unit.imported(json!({}), &csv).1, [json!(2), json!(1), json!(0)]);
    let world = unit.simulators.world();
    let kept = world.account_engagement.prospects.all().map(|p| (p.email.clone(), p.campaign_id, json!(p.fields)));
    let expected = [
        ("ana@example.org".to_owned(), campaign, json!({ "isStarred": false })),
        ("bo@example.org".to_owned(), 5000, json!({})),
        ("cy@example.org".to_owned(), campaign, json!({ "isStarred": true, "city": "x" })),
    ];
    assert_eq!(kept.collect::<Vec<_>>(), expected);
}

#[test]
fn rows_are_refused_as_single_writes_are() {
    let unit = started_with(|options| options.ampsea = false);
    for email in ["ana@example.org", "bo@example.org"] {
        unit.id("objects/prospects", json!({ "email": email }));
    }
    let csv = "matchEmail,email,campaignId\n,ana@example.org,\nana@example.org,bo@example.org,\n,cy@example.org,9\n\
        x@example.org,dan@example.org,\n";
    let (import, _) = unit.imported(json!({ "createOnNoMatch": false }), csv);
    assert_eq!(codes(&unit.errors(import)), ["9", "54", "38", "92"]);
    unit.simulators.world().options.unknowns.account_engagement.campaign_left_out = CampaignLeftOut::Refuse;
    let (import, _) = unit.imported(json!({}), "matchEmail,email\n,cy@example.org\nana@example.org,\n");
    assert_eq!(codes(&unit.errors(import)), ["153"]);
}
