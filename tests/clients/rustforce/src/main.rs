//! rustforce, a Salesforce client from crates.io whose types name each key of a describe and take nothing less, reads and
//! writes the simulators. Each call is one that Salesforce would have answered in the same way.

use rustforce::{
    Client, Error,
    response::{DescribeResponse, QueryResponse},
};
use serde::Deserialize;
use serde_json::{Value, json};

const OBJECTS: [&str; 7] = ["Lead", "Contact", "Account", "Campaign", "CampaignMember", "CampaignMemberStatus", "User"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lead {
    id: String,
    last_name: String,
    title: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let file = std::env::args().nth(1).expect("the file with the simulators' whereabouts is the argument");
    let simulated: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let text = |pointer: &str| simulated.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let secret = Some(text("/salesforce/client_secret"));

    let mut stranger = Client::new(Some("made-up-and-unknown".into()), secret.clone());
    stranger.set_login_endpoint(&text("/base_url"));
    let refused = stranger.refresh(&text("/salesforce/refresh_token")).await.err();
    assert!(matches!(refused, Some(Error::TokenError(_))), "{refused:?}");

    let mut client = Client::new(Some(text("/salesforce/client_id")), secret);
    client.set_login_endpoint(&text("/base_url")).set_version("v62.0");
    client.refresh(&text("/salesforce/refresh_token")).await.unwrap();
    println!("ok      refresh");

    assert!(client.versions().await.unwrap().iter().any(|known| known.version == "62.0"));
    let global = client.describe_global().await.unwrap();
    for object in OBJECTS {
        assert!(global.sobjects.iter().any(|known| known.name == object), "{object} is not told");
        let described = client.describe(object).await.unwrap();
        let strict: DescribeResponse = serde_json::from_value(described).unwrap_or_else(|e| panic!("{object}: {e}"));
        assert_eq!(strict.name, object);
        assert!(strict.fields.iter().any(|field| field.name == "Id" && field.field_type == "id"));
    }
    println!("ok      describe, of all and of each");

    let made = client.create("Lead", json!({ "LastName": "Strict", "Company": "C" })).await.unwrap();
    client.update("Lead", &made.id, json!({ "Title": "Typed" })).await.unwrap();
    let lead: Lead = client.find_by_id("Lead", &made.id).await.unwrap();
    assert_eq!((lead.last_name.as_str(), lead.title.as_deref()), ("Strict", Some("Typed")));
    let soql = "SELECT Id, LastName, Title FROM Lead WHERE LastName = 'Strict'";
    let found: QueryResponse<Lead> = client.query(soql).await.unwrap();
    assert_eq!((found.total_size, found.done, found.records[0].id.as_str()), (1, true, made.id.as_str()));
    client.destroy("Lead", &made.id).await.unwrap();
    assert_eq!(client.query::<Lead>(soql).await.unwrap().total_size, 0);
    assert_eq!(client.query_all::<Lead>(soql).await.unwrap().total_size, 1);
    println!("ok      create, update, find, query, destroy, query all");

    let refused = client.create("Lead", json!({ "Company": "Nobody" })).await.err();
    match refused {
        Some(Error::ErrorResponses(told)) => assert_eq!(told[0].error_code, "REQUIRED_FIELD_MISSING"),
        other => panic!("{other:?}"),
    }
    client.set_access_token("made-up-and-wrong");
    match client.query::<Lead>(soql).await.err() {
        Some(Error::ErrorResponses(told)) => assert_eq!(told[0].error_code, "INVALID_SESSION_ID"),
        other => panic!("{other:?}"),
    }
    println!("ok      refusals are read by their codes");
}
