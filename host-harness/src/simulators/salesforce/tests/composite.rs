//! Composite, graph, batch and tree, from their pages and from captures of public clients.

use super::*;

fn part(method: &str, url: &str, reference: &str, body: Value) -> Value {
    let url = format!("/services/data/v62.0{url}");
    json!({ "method": method, "url": url, "referenceId": reference, "body": body })
}

fn composite(simulators: &Simulators, all_or_none: bool, parts: &[Value]) -> (u16, Value) {
    let sent = json!({ "allOrNone": all_or_none, "compositeRequest": parts });
    let (status, body) = call(simulators, "POST", "/composite", Some(sent));
    (status, if status == 200 { body["compositeResponse"].clone() } else { body })
}

fn account(reference: &str, name: Value) -> Value {
    part("POST", "/sobjects/Account", reference, json!({ "Name": name }))
}

#[test]
fn later_parts_use_what_earlier_ones_answered_and_the_whole_counts_once() {
    let (simulators, _) = started();
    let used = simulators.world().salesforce.requests_used();
    let contact = json!({ "LastName": "Doe", "AccountId": "@{acme.id}", "Title": "of @{acme.id} alone" });
    let soql = encode("SELECT Id, Name FROM Account WHERE Id = ").replace("%3D", "=");
    let parts = [
        account("acme", json!("Acme")),
        part("POST", "/sobjects/Contact", "doe", contact),
        part("GET", &format!("/query?q={soql}'@{{acme.id}}'"), "found", Value::Null),
        part("PATCH", "/sobjects/Contact/@{doe.id}", "renamed", json!({ "FirstName": "@{found.records[0].Name}" })),
        part("GET", "/sobjects/Contact/@{doe.id}?fields=Name,Title,AccountId", "read", Value::Null),
        part("GET", "/query?q=SELECT Id FROM Account", "spaces", Value::Null),
    ];
    let (status, told) = composite(&simulators, false, &parts);
    assert_eq!((status, simulators.world().salesforce.requests_used()), (200, used + 1));
    let statuses: Vec<_> = told.as_array().unwrap().iter().map(|part| part["httpStatusCode"].clone()).collect();
    assert_eq!(statuses, [201, 201, 200, 204, 200, 200].map(|status| json!(status)), "{told}");
    let id = told[0]["body"]["id"].as_str().unwrap();
    let first = json!({
        "body": { "id": id, "success": true, "errors": [] },
        "httpHeaders": { "Location": format!("/services/data/v62.0/sobjects/Account/{id}") },
        "httpStatusCode": 201, "referenceId": "acme",
    });
    assert_eq!(told[0], first);
    assert_eq!((&told[3]["body"], &told[3]["httpHeaders"]), (&Value::Null, &json!({})));
    assert_eq!((&told[4]["body"]["Name"], &told[4]["body"]["AccountId"]), (&json!("Acme Doe"), &json!(id)));
    assert_eq!(told[4]["body"]["Title"], format!("of {id} alone"));
    assert_eq!(told[5]["body"]["totalSize"], 1);
}

#[test]
fn a_reference_without_a_value_halts_its_part_alone() {
    let (simulators, _) = started();
    let rows = [
        "found.records[0].Id",
        "found.records[x].Id",
        "found.records",
        "found.nothing",
        "failed.id",
        "failed[0].message",
        "nobody.id",
        "found",
        "",
        "found.",
        "found[",
    ];
    for path in rows {
        let parts = [
            part("GET", "/query?q=SELECT+Id+FROM+Lead", "found", Value::Null),
            account("failed", Value::Null),
            account("used", json!(format!("@{{{path}}}"))),
            part("GET", &format!("/sobjects/Account/@{{{path}}}"), "in_url", Value::Null),
            account("after", json!("x")),
        ];
        let (status, told) = composite(&simulators, false, &parts);
        assert_eq!((status, &told[1]["body"][0]["errorCode"]), (200, &json!("REQUIRED_FIELD_MISSING")));
        let reference = path.split(['.', '[']).next().unwrap();
        let message = format!("Invalid reference specified. No value for {path} found in {reference}");
        let halted = json!([{ "message": message, "errorCode": "PROCESSING_HALTED" }]);
        for n in [2, 3] {
            assert_eq!((&told[n]["httpStatusCode"], &told[n]["body"]), (&json!(400), &halted), "{path}");
        }
        assert_eq!(told[4]["httpStatusCode"], 201);
    }
}

#[test]
fn of_all_or_none_one_failed_part_takes_everything_back() {
    let (simulators, _) = started();
    let parts = [
        account("a", json!("A")),
        part("GET", "/query?q=SELECT+Id+FROM+Account", "found", Value::Null),
        part("POST", "/sobjects/Contact", "wrong", json!({ "LastName": "x", "Email": "x" })),
        account("b", json!("B")),
    ];
    let (status, told) = composite(&simulators, true, &parts);
    let message = "The transaction was rolled back since another operation in the same transaction failed.";
    let halted = json!([{ "errorCode": "PROCESSING_HALTED", "message": message }]);
    for n in [0, 1, 3] {
        assert_eq!((&told[n]["httpStatusCode"], &told[n]["body"]), (&json!(400), &halted));
        assert_eq!(told[n]["httpHeaders"], json!({}));
    }
    assert_eq!((status, &told[2]["body"][0]["errorCode"]), (200, &json!("INVALID_EMAIL_ADDRESS")));
    assert_eq!(total(&simulators, "Account"), 0);
    let (_, told) = composite(&simulators, false, &parts);
    assert_eq!(told[0]["body"]["id"], crate::simulators::ids::salesforce_id("001", 1));
    assert_eq!(total(&simulators, "Account"), 2);
}

#[test]
fn what_is_taken_back_leaves_neither_counts_nor_fields_behind() {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x" }));
    let (_, lead) = call(&simulators, "POST", "/sobjects/Lead", Some(json!({ "LastName": "x", "Company": "x" })));
    let member = json!({ "CampaignId": campaign, "LeadId": lead["id"], "Status": "Responded" });
    let metadata = json!({ "label": "Key", "type": "Text", "length": 40, "required": true });
    let field = json!({ "FullName": "Account.Key__c", "Metadata": metadata });
    let parts = [
        part("POST", "/sobjects/CampaignMember", "member", member.clone()),
        part("POST", "/tooling/sobjects/CustomField", "field", field.clone()),
        account("keyless", json!("x")),
    ];
    let (_, told) = composite(&simulators, true, &parts);
    assert_eq!(told[2]["body"][0]["message"], "Required fields are missing: [Key__c]", "{told}");
    assert_eq!(total(&simulators, "CampaignMember"), 0);
    assert_eq!(query(&simulators, "SELECT Key__c FROM Account").1[0]["errorCode"], "INVALID_FIELD");
    for time in 1..3 {
        let (_, made) = call(&simulators, "POST", "/sobjects/CampaignMember", Some(member.clone()));
        let (status, told) = call(&simulators, "GET", &format!("/sobjects/Campaign/{campaign}"), None);
        assert_eq!((status, &told["NumberOfLeads"], &told["NumberOfResponses"]), (200, &json!(1), &json!(1)), "{made}");
        let id = made["id"].as_str().unwrap_or_default();
        assert_eq!(call(&simulators, "DELETE", &format!("/sobjects/CampaignMember/{id}"), None).0, 204, "{time}");
    }
    assert_eq!(call(&simulators, "POST", "/tooling/sobjects/CustomField", Some(field)).0, 201);
}

#[test]
fn a_part_has_its_own_headers_and_leaves_none_behind() {
    let (simulators, _) = started();
    let rule = DuplicateRule {
        name: "Rule".into(),
        entity: "Lead".into(),
        against: vec!["Lead".into()],
        by: vec![DuplicateMatch::Email],
        action: DuplicateAction::Alert,
        message: "Use one of these records?".into(),
    };
    simulators.world().salesforce.setup.duplicate_rules.push(rule);
    let lead = |reference: &str, headers: Value| {
        let mut part =
            part("POST", "/sobjects/Lead", reference, json!({ "LastName": "x", "Company": "x", "Email": "a@x.test" }));
        part["httpHeaders"] = headers;
        part
    };
    let saving = json!({ "Sforce-Duplicate-Rule-Header": "allowSave=true" });
    let (_, told) = composite(&simulators, false, &[lead("a", json!({})), lead("b", saving), lead("c", Value::Null)]);
    let statuses: Vec<_> = told.as_array().unwrap().iter().map(|part| part["httpStatusCode"].clone()).collect();
    assert_eq!(statuses, [201, 201, 400].map(|status| json!(status)));
    for name in ["Accept", "authorization", "Content-Type"] {
        let (status, body) = composite(&simulators, false, &[lead("a", json!({ name: "x" }))]);
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!("INVALID_INPUT")));
    }
}

#[test]
fn what_is_no_composite_is_refused_as_a_whole() {
    let (simulators, _) = started();
    let named = |name: &str| account(name, json!("x"));
    let queries = |n: usize| {
        let path =
            |n: usize| if n.is_multiple_of(2) { "/query?q=SELECT+Id+FROM+Lead" } else { "/composite/sobjects?ids=x" };
        (0..n).map(|n| part("GET", path(n), &format!("q{n}"), Value::Null)).collect::<Vec<_>>()
    };
    let many = |n: usize| (0..n).map(|n| named(&format!("a{n}"))).collect::<Vec<_>>();
    let rows = [
        (vec![], "INVALID_INPUT"),
        (many(26), "INVALID_INPUT"),
        (queries(6), "INVALID_INPUT"),
        (vec![named("a"), named("a")], "INVALID_INPUT"),
        (vec![named("a-b")], "INVALID_INPUT"),
        (vec![named("_a")], "INVALID_INPUT"),
        (vec![json!(1)], "JSON_PARSER_ERROR"),
        (vec![json!({ "method": "GET", "url": "/x" })], "REQUIRED_FIELD_MISSING"),
        (vec![part("get", "/sobjects", "a", Value::Null)], "JSON_PARSER_ERROR"),
        (vec![json!({ "method": "GET", "url": 1, "referenceId": "a" })], "JSON_PARSER_ERROR"),
    ];
    for (parts, code) in rows {
        let (status, body) = composite(&simulators, false, &parts);
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!(code)), "{parts:?}");
    }
    for sent in
        [json!({}), json!({ "compositeRequest": {} }), json!({ "allOrNone": 1, "compositeRequest": [named("a")] })]
    {
        assert_eq!(call(&simulators, "POST", "/composite", Some(sent)).0, 400);
    }
    assert_eq!(total(&simulators, "Account"), 0);
    assert_eq!((composite(&simulators, false, &many(25)).0, composite(&simulators, false, &queries(5)).0), (200, 200));
    assert_eq!(call(&simulators, "PUT", "/composite", None).0, 405);
    let (_, resources) = call(&simulators, "GET", "/composite", None);
    assert_eq!(resources["tree"], "/services/data/v62.0/composite/tree");
    let nested = ["/composite", "/composite/batch", "/composite/tree/Lead", "/limits", "/nothing"];
    let nested: Vec<_> =
        nested.iter().enumerate().map(|(n, url)| part("POST", url, &format!("n{n}"), json!({}))).collect();
    for wrong in [nested, vec![json!({ "method": "GET", "url": "://", "referenceId": "a" })]] {
        for told in composite(&simulators, false, &wrong).1.as_array().unwrap() {
            assert_eq!((&told["httpStatusCode"], &told["body"][0]["errorCode"]), (&json!(404), &json!("NOT_FOUND")));
        }
    }
}

#[test]
fn a_collection_may_be_a_part() {
    let (simulators, _) = started();
    let records = json!([{ "attributes": { "type": "Account" }, "Name": "A" }, { "attributes": { "type": "Account" }, "Name": "B" }]);
    let parts = [
        part("POST", "/composite/sobjects", "made", json!({ "records": records })),
        part("POST", "/sobjects/Contact", "doe", json!({ "LastName": "Doe", "AccountId": "@{made[1].id}" })),
    ];
    let (_, told) = composite(&simulators, true, &parts);
    assert_eq!(told[1]["httpStatusCode"], 201, "{told}");
    assert_eq!(query(&simulators, "SELECT Account.Name FROM Contact").1["records"][0]["Account"]["Name"], "B");
}

#[test]
fn in_a_composite_that_is_all_or_nothing_a_collection_is_so_too() {
    let (simulators, _) = started();
    let records = |second: Value| json!([{ "attributes": { "type": "Account" }, "Name": "A" }, { "attributes": { "type": "Account" }, "Name": second }]);
    let parts = |inner: bool, second: Value| {
        let body = json!({ "allOrNone": inner, "records": records(second) });
        [
            part("POST", "/composite/sobjects", "made", body),
            part("POST", "/sobjects/Contact", "doe", json!({ "LastName": "x" })),
        ]
    };
    // Of the outer and the inner flag: accounts and contacts that are there in the end.
    let rows = [(false, false, 1, 1), (false, true, 1, 2), (true, true, 1, 2), (true, false, 1, 2)];
    for (outer, inner, accounts, contacts) in rows {
        let (_, told) = composite(&simulators, outer, &parts(inner, Value::Null));
        assert_eq!(told[0]["body"][1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
        assert_eq!(told[0]["body"][0]["success"], !(outer || inner), "{outer} {inner}");
        let halted = &told[1]["body"][0]["errorCode"];
        assert_eq!(halted == "PROCESSING_HALTED", outer, "{told}");
        assert_eq!((total(&simulators, "Account"), total(&simulators, "Contact")), (json!(accounts), json!(contacts)));
    }
    let (_, told) = composite(&simulators, true, &parts(false, json!("B")));
    let ids: Vec<_> = told[0]["body"].as_array().unwrap().iter().map(|told| told["id"].as_str().unwrap()).collect();
    let gone = format!("/composite/sobjects?allOrNone=false&ids={},nothing", ids[0]);
    let (_, told) = composite(&simulators, true, &[part("DELETE", &gone, "gone", Value::Null)]);
    assert_eq!(told[0]["body"][0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(total(&simulators, "Account"), 3);
}

#[test]
fn each_graph_is_all_or_nothing_by_itself() {
    let (simulators, _) = started();
    let graph = |id: &str, parts: Value| json!({ "graphId": id, "compositeRequest": parts });
    let good = graph(
        "1",
        json!([
            account("a", json!("A")),
            part("POST", "/sobjects/Contact", "c", json!({ "LastName": "x", "AccountId": "@{a.id}" }))
        ]),
    );
    let bad = graph("2", json!([account("a", json!("B")), account("b", Value::Null)]));
    let (status, body) = call(&simulators, "POST", "/composite/graph", Some(json!({ "graphs": [good, bad] })));
    let graphs = &body["graphs"];
    assert_eq!((status, &graphs[0]["graphId"], &graphs[0]["isSuccessful"]), (200, &json!("1"), &json!(true)));
    assert_eq!(graphs[1]["isSuccessful"], false);
    let halted = &graphs[1]["graphResponse"]["compositeResponse"][0];
    assert_eq!(
        (&halted["httpStatusCode"], &halted["body"][0]["errorCode"]),
        (&json!(400), &json!("PROCESSING_HALTED"))
    );
    assert_eq!(total(&simulators, "Account"), 1);
    let queried = graph("3", json!([part("GET", "/query?q=SELECT+Id+FROM+Lead", "q", Value::Null)]));
    let (_, body) = call(&simulators, "POST", "/composite/graph", Some(json!({ "graphs": [queried] })));
    assert_eq!(body["graphs"][0]["isSuccessful"], false);
    let graphs = |graphs: usize, nodes: usize| {
        let nodes: Vec<_> = (0..nodes).map(|n| account(&format!("n{n}"), json!("x"))).collect();
        json!({ "graphs": (0..graphs).map(|n| graph(&n.to_string(), json!(nodes))).collect::<Vec<_>>() })
    };
    let twice = json!([account("a", json!("A"))]);
    let twice = json!({ "graphs": [graph("1", twice.clone()), graph("1", twice)] });
    let rows = [
        json!({}),
        json!({ "graphs": [] }),
        json!({ "graphs": [1] }),
        graphs(76, 1),
        graphs(1, 501),
        graphs(2, 251),
        twice,
    ];
    for sent in rows {
        assert_eq!(call(&simulators, "POST", "/composite/graph", Some(sent)).0, 400);
    }
    assert_eq!(total(&simulators, "Account"), 1);
    assert_eq!(call(&simulators, "POST", "/composite/graph", Some(graphs(75, 1))).0, 200);
}

#[test]
fn a_reference_in_an_address_is_encoded_there() {
    let (simulators, _) = started();
    let soql = "SELECT Id FROM Account WHERE Name = '@{read.Name}'".replace(' ', "+");
    let parts = [
        account("a", json!("R&D + more = 100%")),
        part("GET", "/sobjects/Account/@{a.id}", "read", Value::Null),
        part("GET", &format!("/query?q={soql}"), "found", Value::Null),
    ];
    let (_, told) = composite(&simulators, false, &parts);
    assert_eq!((&told[2]["httpStatusCode"], &told[2]["body"]["totalSize"]), (&json!(200), &json!(1)), "{told}");
}

#[test]
fn a_batch_goes_on_or_halts_and_each_part_counts() {
    let (simulators, _) = started();
    let batch = |halts: bool, parts: Value| {
        let sent = json!({ "haltOnError": halts, "batchRequests": parts });
        call(&simulators, "POST", "/composite/batch", Some(sent))
    };
    let parts = json!([
        { "method": "POST", "url": "v62.0/sobjects/Account", "richInput": { "Name": "A" } },
        { "method": "GET", "url": "/services/data/v34.0/sobjects/Account/nothing" },
        { "method": "GET", "url": "v62.0/query?q=SELECT+Id+FROM+Account" },
    ]);
    let used = simulators.world().salesforce.requests_used();
    let (status, body) = batch(false, parts.clone());
    assert_eq!((status, &body["hasErrors"]), (200, &json!(true)));
    assert_eq!(
        (&body["results"][0]["statusCode"], &body["results"][0]["result"]["success"]),
        (&json!(201), &json!(true))
    );
    assert_eq!(
        (&body["results"][1]["statusCode"], &body["results"][2]["result"]["totalSize"]),
        (&json!(404), &json!(1))
    );
    assert_eq!(simulators.world().salesforce.requests_used(), used + 3);
    let (status, body) = batch(true, parts);
    let halted = &body["results"][2];
    assert_eq!((status, &halted["statusCode"]), (200, &json!(412)));
    assert_eq!(halted["result"][0]["errorCode"], "BATCH_PROCESSING_HALTED");
    assert_eq!(total(&simulators, "Account"), 2);
    let rows = [
        json!([{ "method": "GET", "url": "v62.0/limits" }, { "method": "LOOK", "url": "v62.0/limits" }]),
        json!([{ "method": "GET", "url": "v63.0/limits" }]),
        json!([{ "method": "GET", "url": "v33.0/limits" }]),
        json!([{ "method": "GET", "url": "limits" }]),
        json!(vec![json!({ "method": "GET", "url": "v62.0/limits" }); 26]),
        json!([]),
        json!({}),
        json!([1]),
    ];
    for parts in rows {
        assert_eq!(batch(false, parts.clone()).0, 400, "{parts}");
    }
    let nested = json!([{ "method": "GET", "url": "v62.0/composite" }]);
    assert_eq!(batch(false, nested).1["results"][0]["statusCode"], 404);
    let used = simulators.world().salesforce.requests_used();
    simulators.world().options.limits.salesforce_calls_per_day = used + 2;
    let limits = json!({ "method": "GET", "url": "v62.0/limits" });
    let (_, body) = batch(false, json!([limits, limits, limits]));
    let statuses: Vec<_> = body["results"].as_array().unwrap().iter().map(|part| part["statusCode"].clone()).collect();
    assert_eq!(statuses, [200, 200, 403].map(|status| json!(status)));
}

#[test]
fn the_parts_of_a_batch_have_the_headers_of_the_whole() {
    let (simulators, _) = started();
    let owner = Salesforce::organization_id();
    simulators.world().salesforce.setup.assigned_owner = Some(owner.clone());
    let lead = json!({ "LastName": "x", "Company": "x" });
    let part = json!({ "method": "POST", "url": "v62.0/sobjects/Lead", "richInput": lead });
    for (header, assigned) in [("TRUE", true), ("FALSE", false)] {
        let request = http::Request::post("http://x.test/services/data/v62.0/composite/batch")
            .header("authorization", "Bearer simulated-access-token-0")
            .header("content-type", "application/json")
            .header("sforce-auto-assign", header)
            .body(json!({ "batchRequests": [part] }).to_string().into_bytes())
            .unwrap();
        let answer: Value = serde_json::from_slice(simulators.handle(request).unwrap().body()).unwrap();
        let id = answer["results"][0]["result"]["id"].as_str().unwrap();
        let owned = call(&simulators, "GET", &format!("/sobjects/Lead/{id}"), None).1["OwnerId"] == owner;
        assert_eq!(owned, assigned, "{header}");
    }
}

#[test]
fn a_tree_is_made_whole_level_by_level_or_not_at_all() {
    let (simulators, _) = started();
    let record = |kind: &str, reference: &str, fields: Value| {
        let mut record = fields;
        record["attributes"] = json!({ "type": kind, "referenceId": reference });
        record
    };
    let tree =
        |records: Value| call(&simulators, "POST", "/composite/tree/Account", Some(json!({ "records": records })));
    let account = |reference: &str, email: &str| {
        // Whatever it says of its parent itself.
        let contact = json!({ "LastName": "x", "Email": email, "accountid": "001000000000000AAA" });
        let contact = record("Contact", &format!("{reference}c"), contact);
        record("Account", reference, json!({ "Name": "A", "Contacts": { "records": [contact] } }))
    };
    let (status, body) = tree(json!([account("a", "a@x.test"), account("b", "b@x.test")]));
    let references: Vec<_> =
        body["results"].as_array().unwrap().iter().map(|told| told["referenceId"].clone()).collect();
    assert_eq!((status, &body["hasErrors"]), (201, &json!(false)));
    assert_eq!(references, ["a", "b", "ac", "bc"].map(|reference| json!(reference)));
    let found = query(&simulators, "SELECT AccountId FROM Contact ORDER BY Id").1;
    assert_eq!(found["records"][0]["AccountId"], body["results"][0]["id"]);
    let (status, body) = tree(json!([account("a", "a@x.test"), account("b", "b")]));
    let errors = json!([{
        "statusCode": "INVALID_EMAIL_ADDRESS", "message": "Email: invalid email address: b", "fields": ["Email"],
    }]);
    assert_eq!(
        (status, body),
        (400, json!({ "hasErrors": true, "results": [{ "referenceId": "bc", "errors": errors }] }))
    );
    let (_, body) = tree(json!([account("a", "a@x.test"), account("a", "b@x.test")]));
    let told: Vec<_> =
        body["results"][0]["errors"].as_array().unwrap().iter().map(|told| told["statusCode"].clone()).collect();
    assert_eq!(told, ["INVALID_INPUT", "PROCESSING_HALTED"].map(|code| json!(code)));
    assert_eq!((total(&simulators, "Account"), total(&simulators, "Contact")), (json!(2), json!(2)));
    let many: Vec<_> = (0..201).map(|n| record("Account", &format!("r{n}"), json!({ "Name": "x" }))).collect();
    let levels = |n: usize| {
        (1..n).fold(record("Account", "r", json!({ "Name": "x" })), |below, n| {
            record("Account", &format!("r{n}"), json!({ "Name": "x", "ChildAccounts": { "records": [below] } }))
        })
    };
    let rows = [
        json!(many),
        json!([levels(6)]),
        json!([]),
        json!({}),
        json!([1]),
        json!([{ "Name": "x" }]),
        json!([record("Account", "a-b", json!({ "Name": "x" }))]),
        json!([record("Contact", "a", json!({ "LastName": "x" }))]),
        json!([record("Account", "a", json!({ "Name": "x", "Contacts": {} }))]),
        json!([record("Account", "a", json!({ "Name": "x", "Contacts": [] }))]),
        json!([record("Account", "a", json!({ "Name": "x", "Webinars": { "records": [] } }))]),
    ];
    simulators.world().salesforce.set_marketing_user(false);
    assert_eq!(
        call(&simulators, "POST", "/composite/tree/CampaignMemberStatus", Some(json!({ "records": [] }))).0,
        404
    );
    for records in rows {
        assert_eq!(tree(records.clone()).0, 400, "{records}");
    }
    assert_eq!(total(&simulators, "Account"), 2);
    assert_eq!(tree(json!([levels(5)])).0, 201);
    let quoted = json!([record("Account", "q", json!({ "name": "Q", "numberOfEmployees": "100" }))]);
    assert_eq!(tree(quoted).0, 201);
    let found = query(&simulators, "SELECT NumberOfEmployees FROM Account WHERE Name = 'Q'").1;
    assert_eq!(found["records"][0]["NumberOfEmployees"], 100);
    assert_eq!(tree(json!([record("Account", "q", json!({ "name": "Q", "numberOfEmployees": "many" }))])).0, 400);
    assert_eq!(call(&simulators, "POST", "/composite/tree/Nothing", Some(json!({ "records": [] }))).0, 404);
    assert_eq!(call(&simulators, "GET", "/composite/tree/Account", None).0, 405);
    assert_eq!(tree(json!(many[..200])).0, 201);
}
