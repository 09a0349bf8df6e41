//! SOQL beyond single fields: counts, children, queries within conditions, dates by their distance, all fields, pages.

use super::*;

fn lead(simulators: &Simulators, last: &str, city: Option<&str>) -> String {
    made(simulators, "Lead", json!({ "LastName": last, "Company": "x", "City": city }))
}

fn refused(simulators: &Simulators, soql: &str) -> (u16, String, String) {
    let (status, body) = query(simulators, soql);
    let text = |name: &str| body[0][name].as_str().unwrap_or_default().to_owned();
    (status, text("errorCode"), text("message"))
}

fn wait(clock: &SimulatedClock, hours: u64) {
    futures_util::FutureExt::now_or_never(clock.run_for(Duration::from_secs(hours * 60 * 60)));
}

/// The last names found, in order.
fn names(simulators: &Simulators, rest: &str) -> Vec<String> {
    let (status, body) = query(simulators, &format!("SELECT LastName FROM Lead {rest}"));
    assert_eq!(status, 200, "{rest}: {body}");
    body["records"].as_array().unwrap().iter().map(|row| row["LastName"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_count_has_no_records_and_aggregates_are_rows_of_their_own() {
    let (simulators, _) = started();
    for (name, city) in [("A", Some("Paris")), ("B", Some("paris")), ("C", Some("Rome")), ("D", None)] {
        lead(&simulators, name, city);
    }
    let (status, body) = query(&simulators, "SELECT COUNT() FROM Lead WHERE City = 'Paris'");
    assert_eq!((status, body), (200, json!({ "totalSize": 2, "done": true, "records": [] })));
    assert_eq!(query(&simulators, "SELECT count() FROM Lead LIMIT 3").1["totalSize"], 3);
    let all = "SELECT COUNT(Id), COUNT(City) cities, COUNT_DISTINCT(City), MIN(LastName), MAX(LastName) last FROM Lead";
    let row = json!({
        "attributes": { "type": "AggregateResult" }, "expr0": 4, "cities": 3, "expr2": 2, "expr3": "A", "last": "D",
    });
    assert_eq!(query(&simulators, all).1, json!({ "totalSize": 1, "done": true, "records": [row] }));
    let (_, grouped) =
        query(&simulators, "SELECT City, COUNT(Id) n FROM Lead GROUP BY City ORDER BY City NULLS LAST LIMIT 2");
    let row = |city: &str, n: u32| json!({ "attributes": { "type": "AggregateResult" }, "City": city, "n": n });
    assert_eq!(grouped["records"], json!([row("Paris", 2), row("Rome", 1)]));
    let summed = "SELECT SUM(NumberOfEmployees) s, AVG(NumberOfEmployees) a FROM Lead";
    assert_eq!(query(&simulators, summed).1["records"][0]["s"], Value::Null);
    made(&simulators, "Lead", json!({ "LastName": "E", "Company": "x", "NumberOfEmployees": 3 }));
    assert_eq!(query(&simulators, summed).1["records"][0]["s"], 3.0);
    let by_count = "SELECT City FROM Lead GROUP BY City HAVING COUNT(City) > 0 ORDER BY COUNT(Id) DESC, MIN(LastName)";
    let cities: Vec<_> =
        query(&simulators, by_count).1["records"].as_array().unwrap().iter().map(|row| row["City"].clone()).collect();
    assert_eq!(cities, [json!("Paris"), json!("Rome")]);
    let none = "SELECT City FROM Lead GROUP BY City HAVING COUNT(Id) >= 2 AND MAX(LastName) = 'A'";
    assert_eq!(query(&simulators, none).1["totalSize"], 0);
    let rows = [
        ("SELECT City FROM Lead HAVING COUNT(Id) > 1", "must be grouped"),
        ("SELECT City FROM Lead GROUP BY City HAVING COUNT(Id) > 'x'", "must be a number"),
        ("SELECT City FROM Lead ORDER BY COUNT(Id)", "GROUP BY"),
        ("SELECT COUNT(), Id FROM Lead", "COUNT()"),
        ("SELECT City, COUNT(Id) FROM Lead", "must be grouped or aggregated: City"),
        ("SELECT COUNT(Id) FROM Lead GROUP BY City ORDER BY LastName", "Ordered field must be grouped"),
        ("SELECT COUNT(Id) FROM Lead LIMIT 1", "cannot also use LIMIT"),
        ("SELECT SUM(City) FROM Lead", "does not support aggregate operator"),
        ("SELECT MIN(IsConverted) FROM Lead", "does not support aggregate operator"),
        ("SELECT Id, (SELECT COUNT(Id) FROM CampaignMembers) FROM Lead", "sub-query"),
    ];
    for (soql, text) in rows {
        let (status, code, message) = refused(&simulators, soql);
        assert_eq!((status, code.as_str()), (400, "MALFORMED_QUERY"), "{soql}");
        assert!(message.contains(text), "{soql}: {message}");
    }
    for rest in ["GROUP BY City HAVING MAX(LastName) > 5", "GROUP BY Description"] {
        assert_eq!(refused(&simulators, &format!("SELECT COUNT(Id) FROM Lead {rest}")).1, "INVALID_FIELD", "{rest}");
    }
}

#[test]
fn a_field_may_have_its_objects_name_or_alias_before_it() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let lead = lead(&simulators, "A", Some("Paris"));
    made(&simulators, "CampaignMember", json!({ "CampaignId": campaign, "LeadId": lead }));
    let rows = [
        "SELECT Lead.LastName, Lead.Owner.Name FROM Lead WHERE Lead.City = 'Paris' ORDER BY Lead.LastName",
        "SELECT l.LastName, l.Owner.Name FROM Lead l WHERE l.Id IN (SELECT m.LeadId FROM CampaignMember m WHERE m.Campaign.Name = 'x')",
        "SELECT LastName, Owner.Name, (SELECT m.Id FROM CampaignMembers m WHERE m.Status = 'Sent') FROM Lead",
    ];
    for soql in rows {
        let (status, body) = query(&simulators, soql);
        let row = &body["records"][0];
        assert_eq!(
            (status, &row["LastName"], &row["Owner"]["Name"]),
            (200, &json!("A"), &json!("Ida Integration")),
            "{body}"
        );
    }
    let (_, counted) = query(&simulators, "SELECT l.City, COUNT(l.Id) n FROM Lead l GROUP BY l.City");
    assert_eq!((&counted["records"][0]["City"], &counted["records"][0]["n"]), (&json!("Paris"), &json!(1)));
    assert_eq!(refused(&simulators, "SELECT x.Id FROM Lead l").1, "INVALID_FIELD");
}

#[test]
fn children_come_within_their_parents_or_null() {
    let (simulators, _) = started();
    let busy = campaign(&simulators, json!({ "Name": "busy" }));
    campaign(&simulators, json!({ "Name": "empty" }));
    for name in ["A", "B", "C"] {
        let lead = lead(&simulators, name, None);
        made(&simulators, "CampaignMember", json!({ "CampaignId": busy, "LeadId": lead }));
    }
    let soql = "SELECT Name, (SELECT Lead.LastName FROM campaignmembers WHERE LastName != 'A' ORDER BY LastName DESC LIMIT 1), \
                (SELECT Label FROM CampaignMemberStatuses) FROM Campaign ORDER BY Name";
    let (status, body) = query(&simulators, soql);
    let records = &body["records"];
    assert_eq!((status, &body["totalSize"]), (200, &json!(2)), "{body}");
    let members = &records[0]["CampaignMembers"];
    assert_eq!((&members["totalSize"], &members["done"]), (&json!(1), &json!(true)));
    assert_eq!(members["records"][0]["Lead"]["LastName"], "C");
    assert_eq!(members["records"][0]["attributes"]["type"], "CampaignMember");
    assert_eq!(records[0]["CampaignMemberStatuses"]["totalSize"], 2);
    assert_eq!(records[1]["CampaignMembers"], Value::Null);
    let (status, code, message) = refused(&simulators, "SELECT Id, (SELECT Id FROM Members) FROM Campaign");
    assert_eq!((status, code.as_str()), (400, "INVALID_TYPE"));
    assert!(message.contains("Didn't understand relationship 'Members' in FROM part of query call."), "{message}");
    assert_eq!(
        refused(&simulators, "SELECT Id, (SELECT Nothing FROM CampaignMembers) FROM Campaign").1,
        "INVALID_FIELD"
    );
    let deep = (0..6)
        .fold("SELECT Id FROM ChildAccounts".to_owned(), |inner, _| format!("SELECT Id, ({inner}) FROM ChildAccounts"));
    let deep = format!("SELECT Id, ({deep}) FROM Account");
    assert_eq!(refused(&simulators, &deep).1, "MALFORMED_QUERY");
}

#[test]
fn too_many_children_come_in_pages_of_their_own() {
    let (simulators, _) = started();
    let account = made(&simulators, "Account", json!({ "Name": "x" }));
    let contact =
        |n: usize| json!({ "attributes": { "type": "Contact" }, "LastName": format!("{n:03}"), "AccountId": account });
    for from in [0, 150] {
        let records: Vec<_> = (from..from + 150).map(contact).collect();
        call(&simulators, "POST", "/composite/sobjects", Some(json!({ "records": records })));
    }
    let soql = "SELECT Id, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account";
    let part = json!({
        "method": "GET", "url": format!("/services/data/v62.0/query?q={}", encode(soql)), "referenceId": "q",
        "httpHeaders": { "Sforce-Query-Options": "batchSize=200" },
    });
    let (_, told) = call(&simulators, "POST", "/composite", Some(json!({ "compositeRequest": [part] })));
    let contacts = &told["compositeResponse"][0]["body"]["records"][0]["Contacts"];
    assert_eq!((&contacts["totalSize"], &contacts["done"]), (&json!(300), &json!(false)));
    assert_eq!(contacts["records"].as_array().map(Vec::len), Some(200));
    let next = contacts["nextRecordsUrl"].as_str().unwrap().strip_prefix("/services/data/v62.0").unwrap();
    let (_, rest) = call(&simulators, "GET", next, None);
    assert_eq!((&rest["done"], &rest["records"][99]["LastName"]), (&json!(true), &json!("299")));
}

#[test]
fn a_condition_may_ask_another_object() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    for (name, status) in [("A", Some("Sent")), ("B", Some("Responded")), ("C", None)] {
        let lead = lead(&simulators, name, None);
        if let Some(status) = status {
            made(&simulators, "CampaignMember", json!({ "CampaignId": campaign, "LeadId": lead, "Status": status }));
        }
    }
    let members = "SELECT LeadId FROM CampaignMember";
    let rows = [
        (format!("WHERE Id IN ({members})"), vec!["A", "B"]),
        (format!("WHERE Id NOT IN ({members} WHERE Status = 'Sent')"), vec!["B", "C"]),
        (format!("WHERE LastName > 'A' AND Id IN ({members})"), vec!["B"]),
        (format!("WHERE Id IN ({members} WHERE Status = 'nothing')"), vec![]),
        ("WHERE Id IN (SELECT ContactId FROM CampaignMember)".to_owned(), vec![]),
    ];
    for (rest, expected) in rows {
        assert_eq!(names(&simulators, &format!("{rest} ORDER BY LastName")), expected, "{rest}");
    }
    let rows = [
        (format!("LastName = 'A' OR Id IN ({members})"), "'OR' operator"),
        (format!("LastName IN ({members})"), "can only query id fields, cannot use: 'LastName'"),
        ("Id IN (SELECT Status FROM CampaignMember)".to_owned(), "cannot use: 'Status'"),
        ("Id IN (SELECT Id, LeadId FROM CampaignMember)".to_owned(), "exactly one field"),
        ("Id IN (SELECT Id FROM Lead)".to_owned(), "same object type"),
        (format!("Id IN ({members}) AND Id IN ({members}) AND Id NOT IN ({members})"), "Maximum 2"),
        (format!("Id IN ({members} WHERE CampaignId IN (SELECT Id FROM Campaign))"), "Nesting"),
    ];
    for (condition, text) in rows {
        let (status, code, message) = refused(&simulators, &format!("SELECT Id FROM Lead WHERE {condition}"));
        assert_eq!((status, code.as_str()), (400, "MALFORMED_QUERY"), "{condition}");
        assert!(message.contains(text), "{condition}: {message}");
    }
    assert_eq!(refused(&simulators, "SELECT Id FROM Lead WHERE Id IN (SELECT Id FROM Nothing)").1, "INVALID_TYPE");
}

#[test]
fn a_day_is_the_users_own() {
    // Ten in the evening of the 22nd in New York.
    let clock = SimulatedClock::new(Timestamp::parse("2026-11-23T03:00:00Z").unwrap());
    let simulators = Simulators::new(Arc::new(clock.clone()), Options::default());
    simulators.world().options.session_timeout = Duration::from_secs(24 * 60 * 60);
    lead(&simulators, "late", None);
    wait(&clock, 6);
    lead(&simulators, "now", None);
    let rows = [
        ("CreatedDate = TODAY", vec!["now"]),
        ("CreatedDate = YESTERDAY", vec!["late"]),
        ("CreatedDate < today", vec!["late"]),
        ("CreatedDate >= TODAY", vec!["now"]),
        ("CreatedDate = LAST_N_DAYS:1", vec!["late", "now"]),
        ("CreatedDate = THIS_MONTH", vec!["late", "now"]),
        ("CreatedDate > TODAY", vec![]),
        ("CreatedDate != YESTERDAY", vec!["now"]),
        ("CreatedDate <= YESTERDAY", vec!["late"]),
        ("ConvertedDate = TODAY", vec![]),
        ("ConvertedDate != TODAY", vec!["late", "now"]),
        ("CreatedDate IN (TODAY, YESTERDAY)", vec!["late", "now"]),
    ];
    for (condition, expected) in rows {
        assert_eq!(names(&simulators, &format!("WHERE {condition} ORDER BY LastName")), expected, "{condition}");
    }
    assert_eq!(refused(&simulators, "SELECT Id FROM Lead WHERE LastName = TODAY").1, "INVALID_FIELD");
}

#[test]
fn a_refused_name_is_told_with_its_place() {
    let (simulators, _) = started();
    let rows = [
        (
            "SELECT Bacon FROM Account LIMIT 2",
            "\nSELECT Bacon FROM Account LIMIT 2\n       ^\nERROR at Row:1:Column:8\nNo such column 'Bacon' on entity 'Account'. If",
        ),
        (
            "SELECT Id FROM Accountz LIMIT 2",
            "\nSELECT Id FROM Accountz LIMIT 2\n               ^\nERROR at Row:1:Column:16\nsObject type 'Accountz' is not supported. If",
        ),
        (
            "SELECT Id\nFROM Lead\nORDER BY Id, Idx",
            "\nORDER BY Id, Idx\n             ^\nERROR at Row:3:Column:14\nNo such column 'Idx'",
        ),
        (
            "SELECT Boss.Name FROM Lead",
            "\nSELECT Boss.Name FROM Lead\n       ^\nERROR at Row:1:Column:8\nDidn't understand relationship 'Boss'",
        ),
        (
            "SELECT COUNT(Bacon) FROM Lead",
            "\nSELECT COUNT(Bacon) FROM Lead\n             ^\nERROR at Row:1:Column:14\nInvalid field: 'Bacon'",
        ),
    ];
    for (soql, expected) in rows {
        let (status, _, message) = refused(&simulators, soql);
        assert_eq!(status, 400);
        assert!(message.starts_with(expected), "{soql}: {message}");
    }
    let long = format!("SELECT {} Idx FROM Lead", "Id, ".repeat(50));
    let (_, code, message) = refused(&simulators, &long);
    assert_eq!(code, "INVALID_FIELD");
    assert!(message.contains("\nERROR at Row:1:Column:209\n") && message.len() < 400, "{message}");
}

#[test]
fn fields_may_be_asked_for_by_their_kind() {
    let (simulators, _) = started();
    let custom = CustomField {
        object: "Lead".into(),
        name: "Key__c".into(),
        label: "Key".into(),
        kind: CustomKind::Text(40),
        required: false,
        unique: false,
        external_id: false,
    };
    assert!(simulators.world().salesforce.add_custom_field(&custom));
    lead(&simulators, "A", None);
    let row =
        |columns: &str| query(&simulators, &format!("SELECT {columns} FROM Lead LIMIT 200")).1["records"][0].clone();
    let keys = |row: &Value| row.as_object().unwrap().len();
    let (all, standard, own) = (row("FIELDS(ALL)"), row("fields(standard)"), row("FIELDS(CUSTOM), Id"));
    assert_eq!((keys(&all), keys(&own)), (keys(&standard) + 1, 3));
    assert!(
        standard.get("Key__c").is_none() && own.get("Key__c").is_some() && standard.get("SystemModstamp").is_some()
    );
    assert_eq!(query(&simulators, "SELECT FIELDS(STANDARD) FROM Lead").0, 200);
    for rest in ["", " LIMIT 201"] {
        let (status, code, message) = refused(&simulators, &format!("SELECT FIELDS(ALL) FROM Lead{rest}"));
        assert_eq!((status, code.as_str()), (400, "MALFORMED_QUERY"));
        assert_eq!(message, "The SOQL FIELDS function must have a LIMIT of at most 200");
    }
}

#[test]
fn rows_are_sorted_by_several_keys_with_nulls_where_they_were_asked_for() {
    let (simulators, _) = started();
    for (name, city) in [("A", Some("Rome")), ("B", None), ("C", Some("Paris")), ("D", Some("rome"))] {
        lead(&simulators, name, city);
    }
    let rows = [
        ("ORDER BY City, LastName DESC", vec!["B", "C", "D", "A"]),
        ("ORDER BY City NULLS LAST, LastName", vec!["C", "A", "D", "B"]),
        ("ORDER BY City DESC, LastName ASC", vec!["A", "D", "C", "B"]),
        ("ORDER BY City DESC NULLS FIRST, LastName LIMIT 2 OFFSET 1", vec!["A", "D"]),
        ("ORDER BY LastName OFFSET 2000", vec![]),
        ("LIMIT 0", vec![]),
    ];
    for (rest, expected) in rows {
        assert_eq!(names(&simulators, rest), expected, "{rest}");
    }
    let told = refused(&simulators, "SELECT Id FROM Lead OFFSET 2001");
    assert_eq!(told, (400, "NUMBER_OUTSIDE_VALID_RANGE".into(), "Maximum SOQL offset allowed is 2000".into()));
    assert_eq!(refused(&simulators, "SELECT Id FROM Lead LIMIT 99999999999").1, "MALFORMED_QUERY");
}

#[test]
fn a_page_has_the_size_asked_for_and_the_rest_is_there_for_two_days() {
    let (simulators, clock) = started();
    let records: Vec<_> =
        (0..200).map(|n| json!({ "attributes": { "type": "Account" }, "Name": format!("{n:03}") })).collect();
    for _ in 0..11 {
        call(&simulators, "POST", "/composite/sobjects", Some(json!({ "records": records })));
    }
    let first = |options: Option<&str>| {
        let token = simulators.world().options.salesforce.access_token.clone();
        let path = format!("/services/data/v62.0/query?q={}", encode("SELECT Name FROM Account"));
        let mut request =
            http::Request::get(format!("http://x.test{path}")).header("authorization", format!("Bearer {token}"));
        if let Some(options) = options {
            request = request.header("sforce-query-options", options);
        }
        let answer = simulators.handle(request.body(vec![]).unwrap()).unwrap();
        serde_json::from_slice::<Value>(answer.body()).unwrap()
    };
    let rows = [
        (None, 2000),
        (Some("batchSize=250"), 250),
        (Some("BATCHSIZE = 250"), 250),
        (Some("other=1; batchSize=300"), 300),
        (Some("batchSize=1"), 200),
        (Some("batchSize=99999"), 2000),
        (Some("batchSize=x"), 2000),
        (Some("nonsense"), 2000),
    ];
    for (options, size) in rows {
        assert_eq!(first(options)["records"].as_array().unwrap().len(), size, "{options:?}");
    }
    let next = first(Some("batchSize=200"))["nextRecordsUrl"].as_str().unwrap().to_owned();
    let next = next.strip_prefix("/services/data/v62.0").unwrap();
    simulators.world().options.session_timeout = Duration::from_secs(30 * 24 * 60 * 60);
    wait(&clock, 47);
    let (status, rest) = call(&simulators, "GET", next, None);
    assert_eq!((status, rest["records"].as_array().map(Vec::len)), (200, Some(200)), "{rest}");
    wait(&clock, 1);
    let (status, dead) = call(&simulators, "GET", next, None);
    assert_eq!((status, &dead[0]["errorCode"]), (404, &json!("INVALID_QUERY_LOCATOR")));
    for locator in
        ["01gSIM000000000000-400", "01gSIM000000000000-99999999999999999999", "01gSIM-1", "x", "01gSIM000000000000"]
    {
        assert_eq!(call(&simulators, "GET", &format!("/query/{locator}"), None).0, 404, "{locator}");
    }
}

#[test]
fn a_page_may_be_shorter_than_asked_and_leads_on_all_the_same() {
    let (simulators, _) = started();
    for name in ["a", "b", "c", "d", "e"] {
        lead(&simulators, name, None);
    }
    simulators.world().options.unknowns.salesforce.query_page_rows_max = 2;
    let (_, mut page) = query(&simulators, "SELECT LastName FROM Lead ORDER BY LastName");
    let mut pages = vec![];
    loop {
        let rows = page["records"].as_array().unwrap().iter();
        pages.push(rows.map(|row| row["LastName"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        assert_eq!(page["totalSize"], 5);
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        page = call(&simulators, "GET", next.strip_prefix("/services/data/v62.0").unwrap(), None).1;
    }
    assert_eq!(pages, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
}
