//! What is inside, in the words of the request that carries it, and what is not opened.

use super::*;
use crate::effect::Repeat;
use Method::{Delete, Get, Patch, Post, Put};
use serde_json::json;

fn request(method: Method, path: &str, body: &Value) -> Request {
    Request {
        connection: "crm".into(),
        method,
        path: ["services", "data", "v62.0"].into_iter().chain(path.split('/')).map(str::to_owned).collect(),
        query: vec![],
        headers: vec![],
        body: (!body.is_null()).then(|| super::json(body)),
        repeat: Repeat::Once,
        purpose: "p".into(),
    }
}

fn shown(parts: &[Part], out: &mut Vec<String>) {
    for Part { place, request, parts, .. } in parts {
        let mut text = format!("{place}: {} {}", request.method, request.path[3..].join("|"));
        request.query.iter().chain(&request.headers).for_each(|(name, value)| text += &format!(" {name}={value}"));
        if let Some(body) = &request.body {
            text += &format!(" {}", String::from_utf8_lossy(&body.bytes));
        }
        out.push(text);
        shown(parts, out);
    }
}

fn check(request: &Request, expect: &[&str]) {
    let mut got = vec![];
    shown(&open(request).unwrap(), &mut got);
    assert_eq!(got, expect);
}

fn check_refused(request: &Request, place: &str, why: &str) {
    let refused = open(request).expect_err(&format!("must be refused: {request:?}"));
    assert_eq!((refused.place.as_str(), refused.why.as_str()), (place, why));
}

fn composite_of(part: Value) -> Request {
    request(Post, "composite", &json!({ "compositeRequest": [part] }))
}

#[test]
fn each_part_is_what_it_would_be_alone() {
    let parts = json!([
        { "method": "GET", "referenceId": "found", "url": "/services/data/v62.0/query?q=SELECT+Id+FROM+Lead" },
        { "method": "PATCH", "referenceId": "lead", "url": "/services/data/v62.0/sobjects/Lead/@{found.records[0].Id}",
          "body": { "City": "Lyon" }, "httpHeaders": { "Sforce-Auto-Assign": "FALSE" } },
        { "method": "DELETE", "url": "/services/data/v62.0/sobjects/Lead/a%2Fb", "body": null, "httpHeaders": null },
    ]);
    let expect = [
        "part `found`: GET query q=SELECT Id FROM Lead",
        r#"part `lead`: PATCH sobjects|Lead|@{found.records[0].Id} sforce-auto-assign=FALSE {"City":"Lyon"}"#,
        "part 3: DELETE sobjects|Lead|a/b",
    ];
    check(
        &request(
            Post,
            "composite",
            &json!({ "allOrNone": true, "collateSubrequests": false, "compositeRequest": parts }),
        ),
        &expect,
    );
    check(&request(Post, "Composite", &json!({ "compositeRequest": parts })), &expect);
    check(&request(Post, "tooling/composite", &json!({ "compositeRequest": parts })), &expect);
    let graph = json!({ "graphs": [{ "graphId": "g", "compositeRequest": parts }, { "graphId": "h", "compositeRequest": [parts[0]] }] });
    let graphs: Vec<String> = expect.iter().map(|part| format!("graph 1, {part}")).collect();
    let mut graphs: Vec<&str> = graphs.iter().map(String::as_str).collect();
    graphs.push("graph 2, part `found`: GET query q=SELECT Id FROM Lead");
    check(&request(Post, "composite/graph", &graph), &graphs);
    let batch = json!({ "haltOnError": true, "batchRequests": [
        { "method": "GET", "url": "v62.0/sobjects/Lead/1?fields=Id" },
        { "method": "POST", "url": "/services/data/v62.0/sobjects/Lead", "richInput": { "Company": "x" } },
    ]});
    check(
        &request(Post, "composite/batch", &batch),
        &["part 1: GET sobjects|Lead|1 fields=Id", r#"part 2: POST sobjects|Lead {"Company":"x"}"#],
    );
    // The path is read in both ways.
    let mut disguised = composite_of(json!({ "method": "GET", "url": "/services/data/v62.0/query" }));
    disguised.path = vec![disguised.path.join("/")];
    check(&disguised, &["part 1: GET query"]);
    for plain in ["sobjects/Lead", "sobjects/Lead/composite/x", "query"] {
        check(&request(Post, plain, &json!({ "compositeRequest": parts })), &[]);
    }
}

#[test]
fn each_record_is_written_alone() {
    let lead = |fields: Value| {
        let mut record = json!({ "attributes": { "type": "Lead" } });
        record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        record
    };
    let made = json!({ "allOrNone": false, "records": [
        lead(json!({ "Company": "x" })),
        { "attributes": { "type": "Contact" }, "LastName": "y", "Account": { "Number__c": "1" } },
    ]});
    let expect = [
        r#"record 1: POST sobjects|Lead {"Company":"x"}"#,
        r#"record 2: POST sobjects|Contact {"Account":{"Number__c":"1"},"LastName":"y"}"#,
    ];
    check(&request(Post, "composite/sobjects", &made), &expect);
    let part = json!({ "method": "POST", "url": "/services/data/v62.0/composite/sobjects", "referenceId": "all", "body": made });
    let own = format!("part `all`: POST composite|sobjects {made}");
    let inside: Vec<String> = expect.iter().map(|record| format!("part `all`, {record}")).collect();
    check(&composite_of(part), &[&own, &inside[0], &inside[1]]);

    let changed = json!({ "records": [lead(json!({ "ID": "00Q1", "City": "Lyon" })), lead(json!({ "id": "@{x.id}", "City": null }))] });
    check(
        &request(Patch, "composite/sobjects", &changed),
        &[
            r#"record 1: PATCH sobjects|Lead|00Q1 {"City":"Lyon"}"#,
            r#"record 2: PATCH sobjects|Lead|@{x.id} {"City":null}"#,
        ],
    );
    let upserted = json!({ "records": [lead(json!({ "number__c": 7, "City": "Lyon" }))] });
    check(
        &request(Patch, "composite/sobjects/Lead/Number__c", &upserted),
        &[r#"record 1: PATCH sobjects|Lead|Number__c|7 {"City":"Lyon"}"#],
    );
    let removed = Request {
        query: vec![("ids".into(), "00Q1, 00v2".into()), ("allOrNone".into(), "true".into())],
        ..request(Delete, "composite/sobjects", &Value::Null)
    };
    check(&removed, &["record 1: DELETE sobjects|Lead|00Q1", "record 2: DELETE sobjects|CampaignMember|00v2"]);
    let tree = json!({ "records": [{
        "attributes": { "type": "Account", "referenceId": "a" }, "Name": "x",
        "Contacts": { "records": [{ "attributes": { "type": "Contact", "referenceId": "c" }, "LastName": "y" }] },
    }]});
    let mut got = vec![];
    shown(&open(&request(Post, "composite/tree/Account", &tree)).unwrap(), &mut got);
    assert!(got[0].starts_with("record 1: POST sobjects|Account {\"Contacts\":"), "{got:?}");
    assert_eq!(got[1..], [r#"record 1, Contacts 1: POST sobjects|Contact {"LastName":"y"}"#]);
    check(&request(Post, "composite/sobjects/Lead", &json!({ "ids": ["00Q1"], "fields": ["Id"] })), &[]);
    check(&request(Get, "composite/sobjects/Lead", &Value::Null), &[]);
}

#[test]
fn what_cannot_be_opened_is_refused_and_says_where_and_why() {
    let part = |change: Value| {
        let mut part = json!({ "method": "GET", "url": "/services/data/v62.0/query", "referenceId": "x" });
        part.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        composite_of(part)
    };
    for (change, why) in [
        (json!({ "method": "get" }), "`get` is none of GET, POST, PUT, PATCH, DELETE"),
        (json!({ "method": "HEAD" }), "`HEAD` is none of GET, POST, PUT, PATCH, DELETE"),
        (json!({ "method": 1 }), "its `method` is no text"),
        (json!({ "url": null }), "its `url` is no text"),
        (
            json!({ "url": "https://evil.example/" }),
            "its url `https://evil.example/` is not below /services/data/ and a version",
        ),
        (json!({ "url": "v62.0/query" }), "its url `v62.0/query` is not below /services/data/ and a version"),
        (json!({ "httpHeaders": [] }), "its httpHeaders are no object of texts"),
        (json!({ "httpHeaders": { "x": 1 } }), "its httpHeaders are no object of texts"),
        (json!({ "URL": "x" }), "the host does not know `URL` here, only method, url, referenceId, body, httpHeaders"),
        (json!({ "method": "POST", "url": "/services/data/v62.0/composite" }), "an envelope within an envelope"),
        (json!({ "method": "POST", "url": "/services/data/v62.0/composite/batch" }), "an envelope within an envelope"),
        (
            json!({ "method": "POST", "url": "/services/data/v62.0/composite%2Fgraph" }),
            "an envelope within an envelope",
        ),
        (json!({ "method": "POST", "url": "/services/data/v62.0/composite/sobjects" }), "it has no body"),
        (
            json!({ "method": "POST", "url": "/services/data/v62.0/sobjects/Lead/@{x.Name}" }),
            "`@{x.Name}` is not a whole segment that refers to an id, like `@{lead.id}`",
        ),
    ] {
        check_refused(&part(change), "part `x`", why);
    }
    let of = |body: Value| request(Post, "composite", &body);
    check_refused(&of(json!({ "compositeRequest": [1] })), "part 1", "it is no JSON object");
    check_refused(&of(json!({ "compositeRequest": {} })), "", "`compositeRequest` is no list");
    check_refused(&of(json!({})), "", "`compositeRequest` is no list");
    check_refused(&of(json!([])), "", "it is no JSON object");
    check_refused(&of(Value::Null), "", "it has no body");
    check_refused(
        &of(json!({ "CompositeRequest": [], "compositeRequest": [] })),
        "",
        "the host does not know `CompositeRequest` here, only compositeRequest, allOrNone, collateSubrequests",
    );
    for method in [Put, Patch, Delete] {
        let why = format!("{method} on this address under `composite` is nothing that the host knows");
        check_refused(&request(method, "composite", &json!({})), "", &why);
    }
    check_refused(
        &request(Post, "composite/sobjects/Lead", &json!({ "ids": [], "fields": [], "records": [] })),
        "",
        "the host does not know `records` here, only ids, fields",
    );
    let mut twice = of(json!({}));
    twice.body = Some(Body {
        content_type: "application/json".into(),
        bytes: br#"{"compositeRequest":[],"compositeRequest":[]}"#.to_vec(),
    });
    let said = open(&twice).unwrap_err().why;
    assert!(said.contains("the name `compositeRequest` stands twice"), "{said}");
    for content_type in ["text/xml", "application/json; charset=utf-16", "application/json; charset=utf-7"] {
        let mut other = part(json!({}));
        other.body.as_mut().unwrap().content_type = content_type.into();
        check_refused(&other, "", "its body is not JSON in UTF-8");
    }
}

#[test]
fn a_record_that_cannot_be_told_is_refused() {
    let one = |record: Value| json!({ "records": [record] });
    for (method, path, record, why) in [
        (Post, "composite/sobjects", json!({ "Company": "x" }), "it has no `attributes`"),
        (Post, "composite/sobjects", json!({ "attributes": 1 }), "its `attributes` are no JSON object"),
        (
            Post,
            "composite/sobjects",
            json!({ "attributes": {} }),
            "its attributes have no `type` that is an object's name",
        ),
        (
            Post,
            "composite/sobjects",
            json!({ "attributes": { "type": "Lead/x" } }),
            "its attributes have no `type` that is an object's name",
        ),
        (
            Post,
            "composite/sobjects",
            json!({ "attributes": { "type": "@{x.id}" } }),
            "its attributes have no `type` that is an object's name",
        ),
        (
            Post,
            "composite/sobjects",
            json!({ "attributes": { "type": "Lead", "Type": "User" } }),
            "the host does not know `Type` here, only type",
        ),
        (
            Post,
            "composite/sobjects",
            json!({ "attributes": { "type": "Lead" }, "Attributes": { "type": "User" } }),
            "it has `attributes` more than once",
        ),
        (Patch, "composite/sobjects", json!({ "attributes": { "type": "Lead" } }), "it has no `id`"),
        (
            Patch,
            "composite/sobjects",
            json!({ "attributes": { "type": "Lead" }, "id": "1", "Id": "2" }),
            "it has `id` more than once",
        ),
        (
            Patch,
            "composite/sobjects",
            json!({ "attributes": { "type": "Lead" }, "id": ["1"] }),
            "its `id` is neither a text nor a number",
        ),
        (
            Patch,
            "composite/sobjects",
            json!({ "attributes": { "type": "Lead" }, "id": "@{x.Name}" }),
            "`@{x.Name}` is not a whole segment that refers to an id, like `@{lead.id}`",
        ),
        (
            Patch,
            "composite/sobjects/Lead/N__c",
            json!({ "attributes": { "type": "User" }, "N__c": 1 }),
            "its type `User` is not that of the address, `Lead`",
        ),
        (Patch, "composite/sobjects/Lead/N__c", json!({ "attributes": { "type": "Lead" } }), "it has no `N__c`"),
        (
            Post,
            "composite/tree/Lead",
            json!({ "attributes": { "type": "User" } }),
            "its type `User` is not that of the address, `Lead`",
        ),
    ] {
        check_refused(&request(method, path, &one(record)), "record 1", why);
    }
    for hidden in
        [json!([{ "LastName": "x" }]), json!({ "Children": { "records": [] } }), json!({ "attributes": {}, "x": [1] })]
    {
        let hidden = json!({ "attributes": { "type": "Account" }, "Contacts": hidden });
        let why = "what it holds is nothing that the host knows; children are under `records`";
        check_refused(&request(Post, "composite/tree/Account", &one(hidden)), "record 1, Contacts", why);
    }
    let linked = json!({ "attributes": { "type": "Contact" }, "Account": { "attributes": { "type": "Account" }, "Number__c": 1 } });
    assert_eq!(open(&request(Post, "composite/tree/Contact", &one(linked))).unwrap().len(), 1);
    let hidden = json!({ "attributes": { "type": "Account" }, "Contacts": { "Records": [] } });
    check_refused(
        &request(Post, "composite/tree/Account", &one(hidden)),
        "record 1, Contacts",
        "the host does not know `Records` here, only records",
    );
    let ids = |query: &[(&str, &str)]| Request {
        query: query.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        ..request(Delete, "composite/sobjects", &Value::Null)
    };
    check_refused(&ids(&[]), "", "its query has not one `ids`");
    check_refused(&ids(&[("ids", "00Q1"), ("ids", "0051")]), "", "its query has not one `ids`");
    check_refused(
        &ids(&[("ids", "00Q1"), ("IDS", "0051")]),
        "",
        "its query may have `ids`, of which 200 are allowed, and `allOrNone`",
    );
    check_refused(
        &ids(&[("ids", "00Q1,a0X1")]),
        "record 2",
        "which object `a0X1` is of cannot be told. Delete it alone",
    );
}

#[test]
fn one_over_each_bound_is_refused() {
    let part = json!({ "method": "GET", "url": "/services/data/v62.0/query", "referenceId": "x" });
    let parts = |n: usize| Value::Array(vec![part.clone(); n]);
    let composite = |n: usize| request(Post, "composite", &json!({ "compositeRequest": parts(n) }));
    assert_eq!(open(&composite(25)).unwrap().len(), 25);
    check_refused(&composite(26), "", "`compositeRequest` has 26 items, 1 to 25 are allowed here");
    check_refused(&composite(0), "", "`compositeRequest` has 0 items, 1 to 25 are allowed here");
    let batch = request(Post, "composite/batch", &json!({ "batchRequests": parts(26) }));
    check_refused(&batch, "", "`batchRequests` has 26 items, 1 to 25 are allowed here");
    let graphs = |n: usize, each: usize| {
        let graph = json!({ "graphId": "g", "compositeRequest": parts(each) });
        request(Post, "composite/graph", &json!({ "graphs": vec![graph; n] }))
    };
    assert_eq!(open(&graphs(2, 250)).unwrap().len(), 500);
    check_refused(&graphs(2, 251), "graph 2", "`compositeRequest` has 251 items, 1 to 249 are allowed here");
    check_refused(&graphs(76, 1), "", "`graphs` has 76 items, 1 to 75 are allowed here");
    let records = |n: usize| {
        request(Post, "composite/sobjects", &json!({ "records": vec![json!({ "attributes": { "type": "Lead" } }); n] }))
    };
    assert_eq!(open(&records(200)).unwrap().len(), 200);
    check_refused(&records(201), "", "`records` has 201 items, 1 to 200 are allowed here");
    let mut tree = json!({ "attributes": { "type": "Account" } });
    for levels in 1..=6 {
        let planted = request(Post, "composite/tree/Account", &json!({ "records": [tree] }));
        match open(&planted) {
            Ok(parts) => assert!(levels <= 5 && parts.len() == levels),
            Err(refused) => {
                assert_eq!((levels, refused.why.as_str()), (6, "a tree has at most 200 records and 5 levels"));
            }
        }
        tree = json!({ "attributes": { "type": "Account" }, "ChildAccounts": { "records": [tree] } });
    }
    let children = vec![json!({ "attributes": { "type": "Contact" } }); 200];
    let wide = json!({ "records": [{ "attributes": { "type": "Account" }, "Contacts": { "records": children } }] });
    check_refused(
        &request(Post, "composite/tree/Account", &wide),
        "record 1, Contacts 200",
        "a tree has at most 200 records and 5 levels",
    );
    let ids = vec!["00Q1"; 201].join(",");
    let removed = Request { query: vec![("ids".into(), ids)], ..request(Delete, "composite/sobjects", &Value::Null) };
    check_refused(&removed, "", "its query may have `ids`, of which 200 are allowed, and `allOrNone`");
}
