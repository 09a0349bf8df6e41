//! Requests that carry requests: the rules see through them, and so does a dry run.

use super::*;
use crate::effect::Denial;
use Method::{Delete, Get, Patch, Post};
use proptest::prelude::*;
use serde_json::{Value, json};

const ROOT: [&str; 3] = ["services", "data", "v62.0"];

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn rule(methods: &[Method], path: &str, fields: &str, headers: &str) -> EgressRule {
    EgressRule {
        connection: "crm".into(),
        methods: methods.to_vec(),
        path: ["services", "data", "*"].into_iter().map(str::to_owned).chain(words(path)).collect(),
        body_fields: words(fields),
        headers: words(headers),
        reason: "a test".into(),
    }
}

/// What carries others may leave, by names of its own.
fn outer() -> Vec<EgressRule> {
    vec![
        rule(&[Post], "composite", "compositeRequest allOrNone", ""),
        rule(&[Post], "composite batch", "batchRequests haltOnError", ""),
        rule(&[Post], "composite graph", "graphs", ""),
        rule(&[Post, Patch, Delete], "composite sobjects", "records allOrNone", ""),
        rule(&[Patch], "composite sobjects Lead *", "records allOrNone", ""),
        rule(&[Post], "composite tree *", "records", ""),
    ]
}

fn with_outer(rules: &[EgressRule]) -> Vec<EgressRule> {
    [outer(), rules.to_vec()].concat()
}

fn send(method: Method, path: &str, body: &Value, repeat: Repeat) -> Request {
    Request {
        method,
        path: ROOT.into_iter().map(str::to_owned).chain(words(path)).collect(),
        body: (!body.is_null())
            .then(|| Body { content_type: "application/json".into(), bytes: body.to_string().into() }),
        ..request("crm", repeat)
    }
}

fn composite(parts: Value) -> Request {
    send(Post, "composite", &json!({ "compositeRequest": parts }), Repeat::Once)
}

fn part(method: &str, below: &str, body: Value) -> Value {
    json!({ "referenceId": "p", "method": method, "url": format!("/services/data/v62.0/{below}"), "body": body })
}

fn judged(w: &World, rules: &[EgressRule], request: Request) -> Result<Vec<Part>, Denial> {
    w.connections.install("one", bindings(), rules.to_vec(), CallLimits::default(), Withheld::default()).unwrap();
    w.connections.judge("one", request).map_err(|refused| match refused {
        SendError::Denied(denial) => denial,
        other => panic!("{other}"),
    })
}

fn check(request: Request, expect: Result<(), (&str, &str, &str)>) {
    let rules = with_outer(&[
        rule(&[Get], "query", "", ""),
        rule(&[Post], "sobjects Lead", "Company LastName", "sforce-auto-assign"),
        rule(&[Patch], "sobjects Lead *", "City", ""),
    ]);
    let got = judged(&world(|_, _| fine()), &rules, request).map(|_| ());
    let got = got.as_ref().map_err(|d| (d.layer.as_str(), d.rule.as_str(), d.remedy.as_str()));
    assert_eq!(got.copied(), expect);
}

#[test]
fn each_part_needs_a_rule_of_its_own_and_its_denial_says_which_and_what_would_allow_it() {
    check(
        composite(json!([
            part("GET", "query?q=SELECT+Id", Value::Null),
            part("POST", "sobjects/Lead", json!({ "Company": "x" })),
            part("PATCH", "sobjects/Lead/@{p.id}", json!({ "City": "Lyon" })),
        ])),
        Ok(()),
    );
    check(
        composite(json!([part("GET", "query", Value::Null), part("DELETE", "sobjects/Lead/1", Value::Null)])),
        Err((
            "manifest",
            "part `p`: PATCH crm /services/data/*/sobjects/Lead/* does not cover method DELETE",
            "To allow it, in that rule: methods += DELETE",
        )),
    );
    check(
        composite(json!([part("POST", "sobjects/Lead", json!({ "Company": "x", "VIP__c": true }))])),
        Err((
            "manifest",
            r#"part `p`: POST crm /services/data/*/sobjects/Lead does not cover body field "VIP__c""#,
            r#"To allow it, in that rule: body-fields += "VIP__c""#,
        )),
    );
    check(
        composite(json!([part("POST", "sobjects/User", json!({ "Email": "x" }))])),
        Err((
            "manifest",
            "part `p`: no egress rule covers POST crm /services/data/v62.0/sobjects/User",
            r#"To allow it: a rule with connection `crm`, methods [POST], path ["services", "data", "v62.0", "sobjects", "User"], body-fields ["Email"], headers []"#,
        )),
    );
    let mut headed = part("PATCH", "sobjects/Lead/1", json!({ "City": "x" }));
    headed["httpHeaders"] = json!({ "Sforce-Auto-Assign": "FALSE" });
    check(
        composite(json!([headed])),
        Err((
            "manifest",
            r#"part `p`: PATCH crm /services/data/*/sobjects/Lead/* does not cover header "sforce-auto-assign""#,
            r#"To allow it, in that rule: headers += "sforce-auto-assign""#,
        )),
    );
    let records = json!({ "records": [
        { "attributes": { "type": "Lead" }, "Company": "x" },
        { "attributes": { "type": "Lead" }, "Email": "x" },
    ]});
    let denied = (
        "manifest",
        r#"record 2: POST crm /services/data/*/sobjects/Lead does not cover body field "Email""#,
        r#"To allow it, in that rule: body-fields += "Email""#,
    );
    check(send(Post, "composite sobjects", &records, Repeat::Once), Err(denied));
    let inside = format!("part `p`, {}", denied.1);
    check(composite(json!([part("POST", "composite/sobjects", records)])), Err(("manifest", &inside, denied.2)));
}

#[test]
fn the_whole_needs_its_own_rule_as_well() {
    let w = world(|_, _| fine());
    let parts = [rule(&[Post], "**", "*", "")];
    let denial = judged(&w, &parts, composite(json!([part("POST", "sobjects/Lead", json!({}))]))).unwrap_err();
    assert_eq!(denial.rule, "no egress rule covers POST crm /services/data/v62.0/composite");
    let carried = [outer()[0].clone(), rule(&[Post], "sobjects Lead", "Company", "")];
    let records = json!({ "records": [{ "attributes": { "type": "Lead" }, "Company": "x" }] });
    let inside = composite(json!([part("POST", "composite/sobjects", records)]));
    let denial = judged(&w, &carried, inside.clone()).unwrap_err();
    assert_eq!(denial.rule, "part `p`: no egress rule covers POST crm /services/data/v62.0/composite/sobjects");
    let all = with_outer(&carried);
    assert_eq!(judged(&w, &all, inside).unwrap()[0].parts.len(), 1);
}

#[test]
fn the_form_of_a_part_is_that_of_a_request() {
    for (below, headers, says) in [
        ("sobjects/%2e%2E/Lead", json!({}), "part `p`: a path segment is `..`"),
        ("sobjects//Lead", json!({}), "part `p`: a path segment is ``"),
        ("sobjects/Lead%0a", json!({}), "part `p`: a path segment has a control character"),
        (
            "sobjects/Lead?_HttpMethod=DELETE",
            json!({}),
            "part `p`: the query has `_HttpMethod`, which would change the method",
        ),
        ("sobjects/Lead", json!({ "Authorization": "x" }), "part `p`: header `authorization` belongs to the host"),
        (
            "sobjects/Lead",
            json!({ "X-HTTP-Method-Override": "x" }),
            "part `p`: header `x-http-method-override` belongs to the host",
        ),
    ] {
        let mut part = part("POST", below, json!({ "Company": "x" }));
        part["httpHeaders"] = headers;
        let request = composite(json!([part]));
        let denial = judged(&world(|_, _| fine()), &everything_spelt_out(), request).unwrap_err();
        assert_eq!((denial.layer.as_str(), denial.rule.as_str()), ("form", says));
    }
}

fn everything_spelt_out() -> Vec<EgressRule> {
    let by_ids = rule(&[Post], "composite sobjects Lead", "ids fields", "");
    with_outer(&[by_ids, rule(&[Get, Post, Patch, Delete], "**", "*", "sforce-auto-assign")])
}

#[test]
fn what_cannot_be_opened_is_refused_whatever_the_rules_say() {
    let rules = with_outer(&[rule(&[Post], "composite", "*", ""), rule(&[Post], "**", "*", "")]);
    let mut text = composite(json!([]));
    text.body = Some(Body { content_type: "text/plain".into(), bytes: b"x".to_vec() });
    let far = composite(json!([{ "referenceId": "p", "method": "GET", "url": "https://evil.example/x" }]));
    for (request, says) in [
        (text, "the request carries others: its body is not JSON in UTF-8"),
        (far, "part `p`: its url `https://evil.example/x` is not below /services/data/ and a version"),
    ] {
        let denial = judged(&world(|_, _| fine()), &rules, request).unwrap_err();
        assert_eq!((denial.layer.as_str(), denial.rule.as_str()), ("form", says));
        assert!(denial.remedy.contains("one by one"));
    }
}

#[test]
fn a_reference_is_covered_by_a_wildcard_alone() {
    let w = world(|_, _| fine());
    let request = || composite(json!([part("PATCH", "sobjects/Lead/@{p.id}", json!({ "City": "x" }))]));
    let literal = with_outer(&[rule(&[Patch], "sobjects Lead @{p.id}", "City", "")]);
    let denial = judged(&w, &literal, request()).unwrap_err();
    assert!(denial.remedy.contains(r#"path ["services", "data", "v62.0", "sobjects", "Lead", "*"]"#), "{denial:?}");
    for any in ["sobjects Lead *", "sobjects Lead **"] {
        assert!(judged(&w, &with_outer(&[rule(&[Patch], any, "City", "")]), request()).is_ok());
    }
}

#[tokio::test]
async fn a_secret_in_a_part_is_not_sent_on() {
    let w = world(|_, _| fine());
    w.connections
        .install("one", bindings(), everything_spelt_out(), CallLimits::default(), Withheld::default())
        .unwrap();
    // As the server reads it: each character of its own is written in another way.
    let encoded: String = ACCESS.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let records = json!({ "records": [{ "attributes": { "type": "Lead" }, "Company": ACCESS }] });
    let text = composite(json!([part("POST", "composite/sobjects", records)])).body.unwrap().bytes;
    let text = String::from_utf8(text).unwrap().replace("00D", "\\u00300D");
    let mut escaped = composite(json!([]));
    escaped.body = Some(Body { content_type: "application/json".into(), bytes: text.into() });
    for request in [composite(json!([part("GET", &format!("query?q={encoded}"), Value::Null)])), escaped] {
        let Err(SendError::Denied(denial)) = w.one(request).await else { panic!("must be refused") };
        assert_eq!(denial.rule, "the request carries a credential of its account");
    }
    assert!(w.got().is_empty());
}

// Reads and dry runs

#[tokio::test]
async fn what_may_write_is_no_read_whatever_it_is_called() {
    let w = world(|_, _| fine());
    let mut rules = everything_spelt_out();
    rules.extend(everything());
    w.connections.install("one", bindings(), rules, CallLimits::default(), Withheld::default()).unwrap();
    let lead = json!({ "Company": "x" });
    let wave = |parts: Value| Request { repeat: Repeat::Read, ..composite(parts) };
    let read = |method, path: &str, body: &Value| send(method, path, body, Repeat::Read);
    let ae = |path: &str| Request { path: words(path), ..super::read("ae") };
    let post = |connection: &str| Request { method: Post, ..super::read(connection) };
    let runs = SimulatedClock::new(Timestamp::from_seconds(9_000_000));
    let rehearsal = Rehearsal::new(w.connections.clone(), Arc::new(runs.clone()));
    for (request, part) in [
        (post("crm"), ""),
        (post("ae"), ""),
        (post("events"), ""),
        (read(Patch, "sobjects Lead 1", &lead), ""),
        (read(Delete, "sobjects Lead 1", &Value::Null), ""),
        (read(Get, "tooling executeAnonymous", &Value::Null), ""),
        (ae("api prospect version 4 do update id 1"), ""),
        (wave(json!([part("POST", "sobjects/Lead", lead.clone())])), "part `p`: "),
        (wave(json!([part("GET", "query", Value::Null), part("POST", "sobjects/Lead", lead.clone())])), "part `p`: "),
        (wave(json!([part("GET", "tooling/executeAnonymous?anonymousBody=x", Value::Null)])), "part `p`: "),
        (
            wave(json!([part(
                "POST",
                "composite/sobjects",
                json!({ "records": [{ "attributes": { "type": "Lead" } }] })
            )])),
            "part `p`, record 1: ",
        ),
        (read(Post, "composite sobjects", &json!({ "records": [{ "attributes": { "type": "Lead" } }] })), "record 1: "),
        (
            Request { query: vec![("ids".into(), "00Q1".into())], ..read(Delete, "composite sobjects", &Value::Null) },
            "record 1: ",
        ),
    ] {
        for rehearsed in [false, true] {
            let answer = match rehearsed {
                true => rehearsal.perform(w.permit(0), request.clone(), runs.begin()).await.0,
                false => w.one(request.clone()).await,
            };
            let Err(SendError::Denied(denial)) = answer else { panic!("{request:?} was answered {answer:?}") };
            assert_eq!(denial.layer, "class");
            assert!(denial.rule.starts_with(part), "{}", denial.rule);
            assert!(denial.rule.ends_with(" is called a read, and it may write"), "{}", denial.rule);
        }
    }
    assert!(w.got().is_empty() && rehearsal.planned().is_empty());
}

#[tokio::test]
async fn an_envelope_of_reads_travels_in_a_dry_run_and_one_with_a_write_is_planned_with_its_parts() {
    let w = world(|_, _| fine());
    w.connections
        .install("one", bindings(), everything_spelt_out(), CallLimits::default(), Withheld::default())
        .unwrap();
    let runs = SimulatedClock::new(Timestamp::from_seconds(9_000_000));
    let rehearsal = Rehearsal::new(w.connections.clone(), Arc::new(runs.clone()));
    let ask = async |request: Request| rehearsal.perform(w.permit(0), request, runs.begin()).await.0;
    let look = part("GET", "query?q=SELECT+Id", Value::Null);
    let found = json!({ "batchRequests": [{ "method": "GET", "url": "v62.0/sobjects/Lead/1" }] });
    let by_ids = json!({ "ids": ["00Q1"], "fields": ["Id"] });
    for request in [
        composite(json!([look, part("POST", "composite/sobjects/Lead", by_ids.clone())])),
        send(Post, "composite batch", &found, Repeat::Read),
        send(Post, "composite sobjects Lead", &by_ids, Repeat::Read),
        send(Post, "parameterizedSearch", &json!({ "q": "x" }), Repeat::Read),
    ] {
        assert_eq!(status(&ask(Request { repeat: Repeat::Read, ..request }).await), 200);
    }
    assert_eq!(w.got().len(), 4);
    for repeat in [Repeat::Idempotent, Repeat::Once] {
        let write = part("POST", "sobjects/Lead", json!({ "Company": "x" }));
        let request = Request { repeat, ..composite(json!([look, write])) };
        assert_eq!(ask(request).await, Err(SendError::DryRun));
    }
    let refused = ask(composite(json!([{ "method": "POST" }]))).await;
    assert!(matches!(refused, Err(SendError::Denied(_))), "{refused:?}");
    assert_eq!(w.got().len(), 4, "no write was sent");
    let planned = rehearsal.planned();
    let parts = |planned: &PlannedWrite| -> Vec<(Method, String)> {
        planned.parts.iter().map(|p| (p.request.method, p.request.path[3..].join("/"))).collect()
    };
    assert_eq!(planned.len(), 2);
    for write in &planned {
        assert_eq!(parts(write), [(Get, "query".to_owned()), (Post, "sobjects/Lead".to_owned())]);
    }
}

// Answers

#[tokio::test]
async fn an_envelope_whose_parts_were_all_refused_for_the_token_is_sent_once_more_with_a_fresh_one() {
    let answered = |first: Value| {
        let w = world(move |got, _| match got.token() {
            _ if got.is_refresh() => tokens(2),
            "Bearer 00D!access-token-2" => answer(200, &[], r#"{"compositeResponse":[]}"#),
            _ => answer(200, &[], &first.to_string()),
        });
        w.connections
            .install("one", bindings(), everything_spelt_out(), CallLimits::default(), Withheld::default())
            .unwrap();
        w
    };
    let refused = json!({ "httpStatusCode": 401, "body": [{ "errorCode": "INVALID_SESSION_ID", "message": "x" }] });
    let made = json!({ "httpStatusCode": 201, "body": { "id": "00Q1" } });
    let request = || {
        let lead = part("POST", "sobjects/Lead", json!({ "Company": "x" }));
        composite(json!([lead, lead]))
    };
    let w = answered(json!({ "compositeResponse": [refused, refused] }));
    assert_eq!(w.one(request()).await.unwrap().body, br#"{"compositeResponse":[]}"#);
    assert_eq!((w.got().len(), w.refreshes()), (3, 1));
    let w = answered(json!({ "compositeResponse": [made, refused] }));
    assert!(String::from_utf8_lossy(&w.one(request()).await.unwrap().body).contains("00Q1"));
    assert_eq!(w.got().len(), 1, "one of the parts is done: it is not sent again");
}

// Alone and inside

/// A request that carries nothing, and rules: few words, so that they meet.
fn alone() -> impl Strategy<Value = (Vec<EgressRule>, Request)> {
    let names = |all: &'static [&'static str]| proptest::sample::subsequence(all, 0..=all.len());
    let of = proptest::sample::select::<&str>;
    let rule = (
        proptest::sample::subsequence(vec![Get, Post, Patch, Delete], 1..=4),
        of(vec!["sobjects Lead", "sobjects *", "sobjects Lead *", "sobjects User", "sobjects **", "**"]),
        names(&["x", "y", "*"]),
        names(&["h", "i"]),
    )
        .prop_map(|(methods, path, fields, headers)| rule(&methods, path, &fields.join(" "), &headers.join(" ")));
    let body = proptest::sample::select(vec![
        Value::Null,
        json!({}),
        json!({ "x": 1 }),
        json!({ "x": 1, "y": 2 }),
        json!([{ "y": 1 }]),
        json!("text"),
    ]);
    let odd = |usual: &'static str, odd: &'static str| prop_oneof![9 => Just(usual), 1 => Just(odd)];
    let request = (
        proptest::sample::select(vec![Get, Post, Patch, Delete]),
        of(vec![
            "sobjects Lead",
            "sobjects Lead 1",
            "sobjects Lead a/b",
            "sobjects User",
            "sobjects Lead a+%b%",
            "Lead \u{e9}",
        ]),
        odd("", "%2e%2e"),
        body,
        names(&["h", "i"]),
        odd("h", "host"),
        odd("q", "_HttpMethod"),
    )
        .prop_map(|(method, path, last, body, mut headers, header, query)| {
            headers.retain(|h| *h != "h" || header == "h");
            headers.extend((header == "host").then_some(header));
            Request {
                headers: headers.iter().map(|h| (h.to_string(), "v".to_owned())).collect(),
                query: vec![(query.to_owned(), "a+b &=%".to_owned())],
                ..send(method, &format!("{path} {last}"), &body, Repeat::Once)
            }
        });
    (proptest::collection::vec(rule, 0..5), request)
}

fn as_part(request: &Request, body: &str) -> Value {
    let path: String = request.path.iter().map(|s| format!("/{}", pipeline::encode(s))).collect();
    let query: Vec<String> =
        request.query.iter().map(|(n, v)| format!("{}={}", pipeline::encode(n), pipeline::encode(v))).collect();
    let sent = request.body.as_ref().map(|b| serde_json::from_slice::<Value>(&b.bytes).unwrap());
    json!({ "method": request.method.as_str(), "url": format!("{path}?{}", query.join("&")), body: sent })
}

proptest! {
    #[test]
    fn what_is_denied_alone_is_denied_inside_and_the_other_way_round((rules, request) in alone()) {
        let w = world(|_, _| fine());
        let rules = with_outer(&rules);
        let mut part = as_part(&request, "body");
        part["referenceId"] = "p".into();
        part["httpHeaders"] = request.headers.iter().map(|(n, v)| (n.to_uppercase(), json!(v))).collect::<serde_json::Map<_, _>>().into();
        let mut inside = vec![
            ("part `p`", composite(json!([part]))),
            ("graph 1, part `p`", send(Post, "composite graph", &json!({ "graphs": [{ "compositeRequest": [part] }] }), Repeat::Once)),
        ];
        // The parts of a batch have no headers of their own.
        if request.headers.is_empty() {
            let parts = json!({ "batchRequests": [as_part(&request, "richInput")] });
            inside.push(("part 1", send(Post, "composite batch", &parts, Repeat::Once)));
        }
        let expect = judged(&w, &rules, request).map(|_| ());
        for (place, envelope) in inside {
            let expect = expect.clone().map_err(|d| Denial { rule: format!("{place}: {}", d.rule), ..d });
            prop_assert_eq!(judged(&w, &rules, envelope).map(|_| ()), expect);
        }
    }

    #[test]
    fn a_record_is_denied_in_a_list_if_and_only_if_it_is_denied_alone(
        (rules, _) in alone(),
        kind in proptest::sample::select(vec!["Lead", "User"]),
        fields in proptest::sample::subsequence(vec!["x", "y", "z"], 0..=3),
        id in proptest::sample::select(vec!["1", "a/b", "..", "%2e%2e"]),
    ) {
        let w = world(|_, _| fine());
        let rules = with_outer(&rules);
        let body: serde_json::Map<String, Value> = fields.iter().map(|f| (f.to_string(), json!(1))).collect();
        let with = |more: &[(&str, &str)]| {
            let mut record = body.clone();
            record.insert("attributes".into(), json!({ "type": kind }));
            record.extend(more.iter().map(|(name, value)| (name.to_string(), json!(value))));
            json!({ "records": [record] })
        };
        let alone = |method, path: &[&str]| Request {
            path: ROOT.iter().chain(&["sobjects", kind]).chain(path).map(|s| s.to_string()).collect(),
            ..send(method, "", &Value::Object(body.clone()), Repeat::Once)
        };
        let mut pairs = vec![
            (alone(Post, &[]), send(Post, "composite sobjects", &with(&[]), Repeat::Once)),
            (alone(Post, &[]), send(Post, &format!("composite tree {kind}"), &with(&[]), Repeat::Once)),
            (alone(Patch, &[id]), send(Patch, "composite sobjects", &with(&[("Id", id)]), Repeat::Once)),
        ];
        if kind == "Lead" {
            pairs.push((alone(Patch, &["E__c", id]), send(Patch, "composite sobjects Lead E__c", &with(&[("E__c", id)]), Repeat::Once)));
        }
        for (alone, list) in pairs {
            let expect = judged(&w, &rules, alone).map(|_| ()).map_err(|d| Denial { rule: format!("record 1: {}", d.rule), ..d });
            prop_assert_eq!(judged(&w, &rules, list).map(|_| ()), expect);
        }
    }
}
