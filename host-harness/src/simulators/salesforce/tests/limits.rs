//! What an org tells of its limits.

use super::*;
use crate::simulators::unknowns::LimitInfo;

#[test]
fn limits_are_told_by_the_names_of_their_version() {
    let (simulators, _) = started();
    let (status, told) = call(&simulators, "GET", "/limits", None);
    assert_eq!(status, 200);
    let rows = [
        "DailyAsyncApexExecutions",
        "DataStorageMB",
        "FileStorageMB",
        "SingleEmail",
        "HourlyTimeBasedWorkflow",
        "DailyBulkApiBatches",
    ];
    for name in rows {
        assert!(told[name]["Max"].is_u64() && told[name]["Remaining"].is_u64(), "{name}");
    }
    for (name, limit) in told.as_object().unwrap() {
        assert!(limit["Remaining"].as_u64().unwrap() <= limit["Max"].as_u64().unwrap(), "{name}");
    }
    assert_eq!(told["DailyApiRequests"], json!({ "Max": 101_000, "Remaining": 100_999 }));
    let token = simulators.world().options.salesforce.access_token.clone();
    let (_, _, old) = ask(&simulators, "GET", "/services/data/v36.0/limits", &token, None);
    assert!(old.get("DailyBulkApiBatches").is_none() && old["DailyBulkApiRequests"]["Max"].is_u64());
    assert!(old["DailyStreamingApiEvents"]["Max"].is_u64() && told.get("DailyStreamingApiEvents").is_none());
    assert_eq!(call(&simulators, "POST", "/limits", None).0, 405);
}

#[test]
fn every_answer_tells_the_usage_and_a_switch_tells_more() {
    let (simulators, _) = started();
    let token = simulators.world().options.salesforce.access_token.clone();
    let rows = [
        (LimitInfo::OrgAlone, "api-usage=1/101000"),
        (LimitInfo::WithApp, "api-usage=2/101000; per-app-api-usage=2/101000(appName=simulated-connected-app)"),
        (LimitInfo::WithBursts, "api-usage=3/101000; api-bursts=1/750"),
    ];
    for (side, expected) in rows {
        simulators.world().options.unknowns.salesforce.limit_info = side;
        let (status, headers, _) = ask(&simulators, "GET", "/services/data/v62.0/nothing", &token, None);
        assert_eq!((status, headers["sforce-limit-info"].to_str().unwrap()), (404, expected));
    }
    simulators.world().options.unknowns.salesforce.limit_info = LimitInfo::WithApp;
    let told = call(&simulators, "GET", "/limits", None).1;
    assert_eq!(told["DailyApiRequests"]["simulated-connected-app"]["Max"], 101_000);
}

#[test]
fn records_are_counted_by_object() {
    let (simulators, _) = started();
    campaign(&simulators, json!({ "Name": "x" }));
    let (status, told) = call(&simulators, "GET", "/limits/recordCount?sObjects=campaign,Nothing,Lead", None);
    let counts = json!({ "sObjects": [{ "count": 1, "name": "Campaign" }, { "count": 0, "name": "Lead" }] });
    assert_eq!((status, told), (200, counts));
    let (_, all) = call(&simulators, "GET", "/limits/recordCount", None);
    assert!(all["sObjects"].as_array().unwrap().len() > 8);
}

#[test]
fn a_version_names_its_composite_resources() {
    let (simulators, _) = started();
    let (_, told) = call(&simulators, "GET", "/", None);
    for name in ["sobjects", "query", "queryAll", "limits", "tooling", "composite"] {
        assert_eq!(told[name], format!("/services/data/v62.0/{name}"));
    }
}
