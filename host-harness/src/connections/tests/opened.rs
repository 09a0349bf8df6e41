//! What a server does with an envelope is what the host read in it: the parts, sent one by one, make the same world.

use super::*;
use crate::simulators::{Options, Simulators};
use Method::{Delete, Patch, Post};
use proptest::prelude::*;
use serde_json::{Value, json};

const ROOT: &str = "/services/data/v62.0/";

fn org() -> Simulators {
    let clock = SimulatedClock::new(Timestamp::parse("2026-11-23T09:00:00Z").unwrap());
    let org = Simulators::new(Arc::new(clock), Options::default());
    for n in 0..3 {
        sent(&org, &asked(Post, "sobjects/Lead", &json!({ "LastName": format!("L{n}"), "Company": "x" })));
    }
    org
}

fn asked(method: Method, below: &str, body: &Value) -> Request {
    let (path, query) = below.split_once('?').unwrap_or((below, ""));
    Request {
        method,
        path: format!("{ROOT}{path}").split('/').skip(1).map(str::to_owned).collect(),
        query: query.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
        body: (!body.is_null())
            .then(|| Body { content_type: "application/json".into(), bytes: body.to_string().into() }),
        ..request("crm", Repeat::Once)
    }
}

fn sent(org: &Simulators, request: &Request) -> Value {
    let path: String = request.path.iter().map(|segment| format!("/{}", pipeline::encode(segment))).collect();
    let query: Vec<String> = request.query.iter().map(|(n, v)| format!("{n}={}", pipeline::encode(v))).collect();
    let token = org.world().options.salesforce.access_token.clone();
    let call = http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("https://example.my.salesforce.com{path}?{}", query.join("&")))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(request.body.as_ref().map(|body| body.bytes.clone()).unwrap_or_default())
        .unwrap();
    serde_json::from_slice(org.handle(call).unwrap().body()).unwrap_or_default()
}

fn all(org: &Simulators) -> Vec<Value> {
    let soql = |soql: &str| sent(org, &asked(Method::Get, &format!("query?q={soql}"), &Value::Null))["records"].clone();
    vec![
        soql("SELECT Id, LastName, Company, City FROM Lead ORDER BY Id"),
        soql("SELECT Id, Name FROM Account ORDER BY Id"),
        soql("SELECT Id, LastName, AccountId FROM Contact ORDER BY Id"),
    ]
}

fn leaves(parts: Vec<Part>) -> Vec<Request> {
    let of = |part: Part| if part.parts.is_empty() { vec![part.request] } else { leaves(part.parts) };
    parts.into_iter().flat_map(of).collect()
}

/// A method, an address and a body, that write one record or a list.
fn write() -> impl Strategy<Value = (Method, String, Value)> {
    let leads = all(&org()).remove(0);
    let ids: Vec<String> = leads.as_array().unwrap().iter().map(|l| l["Id"].as_str().unwrap().to_owned()).collect();
    let id = proptest::sample::select(ids);
    let record = (proptest::sample::select(vec!["Lead", "Account"]), any::<bool>()).prop_map(|(kind, whole)| {
        let mut fields = if kind == "Lead" { json!({ "LastName": "new" }) } else { json!({ "Name": "new" }) };
        if kind == "Lead" && whole {
            fields["Company"] = "y".into();
        }
        (kind, fields)
    });
    let typed = |(kind, mut fields): (&str, Value)| {
        fields["attributes"] = json!({ "type": kind });
        fields
    };
    prop_oneof![
        record.clone().prop_map(|(kind, fields)| (Post, format!("sobjects/{kind}"), fields)),
        id.clone().prop_map(|id| (Patch, format!("sobjects/Lead/{id}"), json!({ "City": "Lyon" }))),
        id.clone().prop_map(|id| (Delete, format!("sobjects/Lead/{id}"), Value::Null)),
        proptest::collection::vec(record.prop_map(typed), 1..4).prop_map(|records| (
            Post,
            "composite/sobjects".to_owned(),
            json!({ "records": records })
        )),
        proptest::collection::vec(id.clone(), 1..3).prop_map(|ids| {
            let record = |id: &String| json!({ "attributes": { "type": "Lead" }, "id": id, "City": "Nice" });
            (Patch, "composite/sobjects".to_owned(), json!({ "records": ids.iter().map(record).collect::<Vec<_>>() }))
        }),
        id.prop_map(|id| (Delete, format!("composite/sobjects?ids={id}"), Value::Null)),
    ]
}

fn check(envelope: &Request) -> Result<(), TestCaseError> {
    let (whole, apart) = (org(), org());
    let before = all(&whole);
    let told = sent(&whole, envelope);
    leaves(Provider::Salesforce.open(envelope).unwrap()).iter().for_each(|part| drop(sent(&apart, part)));
    prop_assert_eq!(all(&whole), all(&apart), "{}", told);
    prop_assert!(
        all(&whole) != before || told.to_string().contains("rrorCode") || told.to_string().contains("statusCode"),
        "{}",
        told
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_parts_one_by_one_do_what_the_whole_does(writes in proptest::collection::vec(write(), 1..5)) {
        let part = |(n, (method, below, body)): (usize, &(Method, String, Value))| {
            json!({ "method": method.as_str(), "url": format!("{ROOT}{below}"), "body": body, "referenceId": format!("p{n}") })
        };
        let parts: Vec<Value> = writes.iter().enumerate().map(part).collect();
        check(&asked(Post, "composite", &json!({ "compositeRequest": parts })))?;
        // Batches carry no lists.
        let single = writes.iter().filter(|(_, below, _)| below.starts_with("sobjects"));
        let parts: Vec<Value> = single
            .map(|(method, below, body)| {
                json!({ "method": method.as_str(), "url": format!("v62.0/{below}"), "richInput": body })
            })
            .collect();
        if !parts.is_empty() {
            check(&asked(Post, "composite/batch", &json!({ "batchRequests": parts })))?;
        }
        for (method, below, body) in writes.iter().filter(|(_, below, _)| below.starts_with("composite")) {
            check(&asked(*method, below, body))?;
        }
    }
}

#[test]
fn a_tree_and_a_graph_are_read_to_their_last_record() {
    let child = json!({ "attributes": { "type": "Contact", "referenceId": "c" }, "LastName": "c" });
    let root = json!({ "attributes": { "type": "Account", "referenceId": "a" }, "Name": "a", "Contacts": { "records": [child] } });
    let org = org();
    let tree = asked(Post, "composite/tree/Account", &json!({ "records": [root] }));
    assert_eq!(sent(&org, &tree)["hasErrors"], false);
    let made: Vec<usize> = all(&org).iter().map(|records| records.as_array().unwrap().len()).collect();
    assert_eq!(made, [3, 1, 1]);
    let opened = leaves(Provider::Salesforce.open(&tree).unwrap());
    let objects: Vec<&str> = opened.iter().map(|part| part.path[4].as_str()).collect();
    assert_eq!(objects, ["Account", "Contact"]);
    let part = |n: u8| json!({ "method": "POST", "url": format!("{ROOT}sobjects/Account"), "body": { "Name": "g" }, "referenceId": format!("p{n}") });
    let graph = |id: &str| json!({ "graphId": id, "compositeRequest": [part(1), part(2)] });
    check(&asked(Post, "composite/graph", &json!({ "graphs": [graph("g"), graph("h")] }))).unwrap();
}
