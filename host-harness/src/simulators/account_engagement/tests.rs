//! Gate, queries, pages, read lag and Connected Campaigns. Writes: `tests/writes.rs`.

mod form_objects;
mod form_page;
mod import_rows;
mod imports;
mod objects;
mod paging;
mod refusals;
mod shapes;
mod submitting;
mod writes;

use super::*;
use crate::{
    clock::SimulatedClock,
    simulators::{
        Options, Simulators,
        ids::salesforce_id,
        options::CampaignDelay,
        request::{InFlight, encode},
        unknowns::{ErrorBody, IdLength},
    },
};
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

const START: &str = "2026-11-23T09:00:00Z";
const LAG: Duration = Duration::from_secs(60);

struct Unit {
    simulators: Simulators,
    clock: SimulatedClock,
}

fn started_with(change: impl FnOnce(&mut Options)) -> Unit {
    let clock = SimulatedClock::new(Timestamp::parse(START).unwrap());
    let mut options = Options { session_timeout: Duration::from_secs(1_000_000), ..Options::default() };
    change(&mut options);
    let simulators = Simulators::new(Arc::new(clock.clone()), options);
    let types = ["people_registered", "session_attended"];
    simulators.world().set_extension(Extension::ready("Livestorm", &types));
    simulators.world().account_engagement.add_custom_field(NewCustomField::new("Attendance__c", CustomKind::Number));
    simulators.world().account_engagement.add_custom_field(NewCustomField::new("Topics__c", CustomKind::MultiSelect));
    Unit { simulators, clock }
}

fn started() -> Unit {
    started_with(|_| {})
}

impl Unit {
    fn wait(&self, time: Duration) {
        futures_util::FutureExt::now_or_never(self.clock.run_for(time)).unwrap();
    }

    fn request(&self, method: &str, path: &str, body: Option<Value>) -> http::Request<Vec<u8>> {
        let world = self.simulators.world();
        http::Request::builder()
            .method(method)
            .uri(format!("http://x.test/api/v5/{path}"))
            .header("authorization", format!("Bearer {}", world.options.salesforce.access_token))
            .header("pardot-business-unit-id", world.options.business_unit_id.clone())
            .header("content-type", "application/json")
            .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
            .unwrap()
    }

    fn answer(&self, request: http::Request<Vec<u8>>) -> (u16, HeaderMap, Value) {
        let answer = self.simulators.handle(request).unwrap();
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status().as_u16(), answer.headers().clone(), body)
    }

    fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, _, body) = self.answer(self.request(method, path, body));
        (status, body)
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None)
    }

    fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, Some(body))
    }

    fn id(&self, path: &str, body: Value) -> u64 {
        let (status, answer) = self.post(path, body);
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_u64().unwrap()
    }

    fn salesforce_campaign(&self, fields: Value) -> String {
        let mut request = self.request("POST", "x", Some(fields));
        *request.uri_mut() = "http://x.test/services/data/v62.0/sobjects/Campaign".parse().unwrap();
        let (status, _, body) = self.answer(request);
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap().to_owned()
    }

    fn names(&self, query: &str) -> Vec<String> {
        let (status, body) = self.get(query);
        assert_eq!(status, 200, "{query}: {body}");
        let names = body["values"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned());
        names.collect()
    }
}

#[test]
fn checks_come_in_the_order_of_the_reference() {
    let unit = started();
    let world = || unit.simulators.world();
    let good = || unit.request("GET", "objects/lists?fields=id", None);
    let with = |mut request: http::Request<Vec<u8>>, name: &'static str, value: Option<&str>| {
        request.headers_mut().remove(name);
        if let Some(value) = value {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    };
    let unit_header = "pardot-business-unit-id";
    let elsewhere = salesforce_id("0Uv", 2);
    let rows = [
        (with(unit.request("GET", "objects/webinars", None), "authorization", None), 404, 192),
        (with(unit.request("GET", "objects/webinars/1", None), "authorization", None), 404, 192),
        (with(unit.request("GET", "elsewhere", None), "authorization", None), 404, 198),
        (with(unit.request("PUT", "objects/lists", None), "authorization", None), 405, 60),
        (unit.request("PATCH", "objects/campaigns/1", None), 405, 60),
        (unit.request("POST", "objects/campaigns", None), 405, 128),
        (unit.request("DELETE", "external-activities/1", None), 405, 60),
        (with(with(good(), "authorization", None), unit_header, None), 401, 49),
        (with(with(good(), "authorization", Some("Bearer x")), unit_header, None), 401, 184),
        (with(good(), "authorization", Some("Pardot user_key=x")), 400, 126),
        (with(good(), unit_header, None), 400, 181),
        (with(good(), unit_header, Some("0Uv1")), 400, 182),
        (with(good(), unit_header, Some(&elsewhere)), 400, 201),
        (unit.request("GET", "objects/lists", None), 400, 13),
        (unit.request("GET", "objects/lists/x?fields=id", None), 400, 16),
        (unit.request("GET", "objects/lists/1?fields=id", None), 404, 109),
    ];
    for (request, status, code) in rows {
        let said = format!("{} {} {:?}", request.method(), request.uri(), request.headers().keys().collect::<Vec<_>>());
        let (answered, _, body) = unit.answer(request);
        assert_eq!((answered, &body["code"]), (status, &json!(code)), "{said}");
    }
    let message = "A required header is missing: Pardot-Business-Unit-Id header not found on request.";
    assert_eq!(unit.answer(with(good(), unit_header, None)).2["message"], message);
    assert_eq!(unit.get("objects/lists").1["message"], "One or more required parameters are missing: fields");

    world().account_engagement.has_user = false;
    assert_eq!((unit.answer(good()).0, unit.answer(good()).2["code"].clone()), (401, json!(49)));
    world().account_engagement.is_active = false;
    assert_eq!(unit.answer(good()).2["code"], 201);
    world().expire_tokens();
    assert_eq!(unit.answer(good()).2["code"], 184);
    world().options.unknowns.account_engagement.auth_error_body = ErrorBody::Xml;
    let xml = unit.simulators.handle(good()).unwrap();
    assert_eq!(xml.headers()["content-type"], "text/xml; charset=utf-8");
    assert!(String::from_utf8_lossy(xml.body()).contains(r#"<err code="184">"#));
}

#[test]
fn the_sixth_request_in_flight_is_refused_with_the_status_of_its_switch() {
    let unit = started_with(|options| options.unknowns.account_engagement.concurrency_status = 429);
    for (in_flight, status) in [(5, 200), (6, 429)] {
        let mut request = unit.request("GET", "objects/lists?fields=id", None);
        request.extensions_mut().insert(InFlight(in_flight));
        assert_eq!(unit.answer(request).0, status);
    }
}

#[test]
fn the_day_of_the_account_has_its_calls_and_usage_is_told_when_asked() {
    let unit = started_with(|options| {
        options.limits.account_engagement_calls_per_day = 2;
        options.unknowns.account_engagement.daily_limit_status = 403;
    });
    let mut request = unit.request("GET", "objects/lists?fields=id", None);
    request.headers_mut().insert("x-return-api-usage", "1".parse().unwrap());
    assert_eq!(unit.answer(request).1["x-api-usage"], "1/2");
    let (_, body) = unit.get("objects/account?fields=maximumDailyApiCalls,apiCallsUsed,company");
    assert_eq!(body, json!({ "maximumDailyApiCalls": 2, "apiCallsUsed": 2, "company": "Example Customer" }));
    let (status, body) = unit.get("objects/lists?fields=id");
    assert_eq!((status, &body["code"]), (403, &json!(122)));
    // Midnight in New York is at five in the morning UTC.
    unit.wait(Timestamp::parse("2026-11-24T04:59:59Z").unwrap().since(unit.clock.now()));
    assert_eq!(unit.get("objects/lists?fields=id").0, 403);
    unit.wait(Duration::from_secs(1));
    assert_eq!(unit.get("objects/lists?fields=id").0, 200);
}

#[test]
fn writes_act_at_once_and_reads_are_sixty_seconds_behind_exactly() {
    let unit = started();
    let list = unit.id("objects/lists", json!({ "name": "Demo" }));
    let read = format!("objects/lists/{list}?fields=name");
    let seen = || (unit.get(&read).0, unit.names("objects/lists?fields=name"));
    assert_eq!(seen(), (404, vec![]));
    unit.wait(LAG - Duration::from_millis(1));
    assert_eq!(seen(), (404, vec![]));
    unit.wait(Duration::from_millis(1));
    assert_eq!(seen(), (200, vec!["Demo".to_owned()]));

    assert_eq!(
        unit.call("PATCH", &format!("objects/lists/{list}?fields=name"), Some(json!({ "name": "New" }))).1["name"],
        "New"
    );
    assert_eq!(unit.get(&read).1["name"], "Demo");
    let prospect = unit.id("objects/prospects", json!({ "email": "ana@example.org" }));
    unit.id("objects/list-memberships", json!({ "listId": list, "prospectId": prospect }));
    unit.wait(LAG);
    assert_eq!(unit.get(&read).1["name"], "New");
    let (_, body) = unit.get("objects/list-memberships?fields=prospect.email,list.name");
    assert_eq!(body["values"], json!([{ "prospect": { "email": "ana@example.org" }, "list": { "name": "New" } }]));
}

#[test]
fn a_salesforce_campaign_comes_over_after_its_delay() {
    let unit = started();
    let id = unit.salesforce_campaign(json!({ "Name": "Demo" }));
    let query = "objects/campaigns?fields=id,name,salesforceId,createdAt&idGreaterThan=5000";
    unit.wait(Duration::from_secs(600) + LAG - Duration::from_millis(1));
    assert_eq!(unit.names(query), [] as [&str; 0]);
    unit.wait(Duration::from_millis(1));
    let row = json!([{ "id": 5001, "name": "Demo", "salesforceId": id, "createdAt": "2026-11-23T04:10:00-05:00" }]);
    assert_eq!(unit.get(query).1["values"], row);
    unit.simulators.world().options.unknowns.account_engagement.salesforce_id_length = IdLength::Fifteen;
    assert_eq!(unit.get(query).1["values"][0]["salesforceId"], json!(&id[..15]));

    unit.simulators.world().salesforce.edit_campaign(&id, "Name", json!("Renamed"));
    unit.wait(Duration::from_secs(120));
    assert_eq!(unit.names(query), ["Demo"]);
    unit.wait(LAG);
    assert_eq!(unit.names(query), ["Renamed"]);
}

#[test]
fn a_rename_before_the_arrival_has_arrived_with_it() {
    let unit = started();
    let id = unit.salesforce_campaign(json!({ "Name": "First" }));
    for (wait, name) in [(500, "Second"), (70, "Third")] {
        unit.wait(Duration::from_secs(wait));
        unit.simulators.world().salesforce.edit_campaign(&id, "Name", json!(name));
    }
    unit.wait(Duration::from_secs(30) + LAG);
    let arrived = "2026-11-23T04:10:00-05:00";
    let row = json!([{ "name": "Third", "createdAt": arrived, "updatedAt": arrived }]);
    for _ in 0..20 {
        let (_, body) = unit.get("objects/campaigns?fields=name,createdAt,updatedAt&idGreaterThan=5000");
        assert_eq!(body["values"], row, "at {}", unit.clock.now());
        unit.wait(Duration::from_secs(10));
    }
}

#[test]
fn a_paused_connector_or_another_record_type_holds_a_campaign_back() {
    let unit = started();
    let webinars = unit.simulators.world().salesforce.add_campaign_record_type("Webinars");
    unit.simulators.world().options.synced_record_types = Some(vec![webinars.clone()]);
    unit.simulators.world().pause_campaign_sync();
    unit.salesforce_campaign(json!({ "Name": "Never" }));
    unit.salesforce_campaign(json!({ "Name": "Later", "RecordTypeId": webinars }));
    unit.wait(Duration::from_secs(3600));
    let query = "objects/campaigns?fields=name,createdAt&idGreaterThan=5000";
    assert_eq!(unit.names(query), [] as [&str; 0]);
    unit.simulators.world().resume_campaign_sync();
    unit.wait(LAG);
    assert_eq!(unit.names(query), ["Later"]);
    assert_eq!(unit.get(query).1["values"][0]["createdAt"], "2026-11-23T05:00:00-05:00");
}

#[test]
fn without_connected_campaigns_no_campaign_comes_and_an_old_one_stays() {
    let unit = started();
    let old = unit.simulators.world().add_connected_campaign("Spring fair");
    unit.simulators.world().switch_connected_campaigns_off();
    unit.salesforce_campaign(json!({ "Name": "Never" }));
    unit.wait(Duration::from_secs(3600));
    let (_, body) = unit.get("objects/campaigns?fields=name,salesforceId&idGreaterThan=5000");
    assert_eq!(body["values"], json!([{ "name": "Spring fair", "salesforceId": old }]));
}

#[test]
fn drawn_delays_lie_within_their_bounds_and_come_again_from_the_seed() {
    let (from, to) = (Duration::from_secs(120), Duration::from_secs(1800));
    let arrivals = |seed| {
        let unit = started_with(|options| options.campaign_delay = CampaignDelay::Drawn { seed, from, to });
        for n in 0..20 {
            unit.salesforce_campaign(json!({ "Name": n.to_string() }));
        }
        unit.wait(to);
        unit.simulators.world().snapshot();
        let world = unit.simulators.world();
        world
            .account_engagement
            .campaigns
            .all()
            .skip(1)
            .map(|c| c.created_at.since(Timestamp::parse(START).unwrap()))
            .collect::<Vec<_>>()
    };
    let first = arrivals(1);
    assert_eq!(first.len(), 20);
    assert!(first.iter().all(|delay| (from..=to).contains(delay)) && first.is_sorted());
    assert_eq!(first, arrivals(1));
    assert_ne!(first, arrivals(2));
}

#[test]
fn a_prospect_is_found_changed_deleted_and_brought_back() {
    let unit = started();
    let mut new = NewProspect::new("ana+1@example.org");
    new.last_activity_at = Timestamp::parse("2026-11-01T00:00:00Z");
    let early = unit.simulators.world().account_engagement.add_prospect(new);
    let late = unit.simulators.world().account_engagement.add_prospect(NewProspect::new("ana+1@example.org"));
    let ids = |query: &str| -> Vec<u64> {
        let (status, body) = unit.get(&format!("objects/prospects?fields=id&{query}"));
        assert_eq!(status, 200, "{query}: {body}");
        body["values"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
    };
    let rows = [
        ("email=ana%2B1@example.org&orderBy=lastActivityAt%20DESC".to_owned(), vec![early, late]),
        ("email=ana%2B1@example.org&orderBy=lastActivityAt+ASC".to_owned(), vec![late, early]),
        ("email=ana+1@example.org".to_owned(), vec![]),
        ("email=ANA%2B1@example.org".to_owned(), vec![]),
        (format!("idList={late},{early},7"), vec![early, late]),
        (format!("idGreaterThan={early}"), vec![late]),
        ("lastActivityAtAfterOrEqualTo=2026-11-01T00:00:00%2B00:00".to_owned(), vec![early]),
        ("lastActivityAtAfter=2026-11-01T00:00:00%2B00:00".to_owned(), vec![]),
        ("orderBy=id%20DESC&limit=1".to_owned(), vec![late]),
        ("offset=1".to_owned(), vec![late]),
    ];
    for (query, expected) in rows {
        assert_eq!(ids(&query), expected, "{query}");
    }
    let path = format!("objects/prospects/{early}");
    let patch = json!({ "city": "Lisboa", "campaignId": 5000 });
    assert_eq!(unit.call("PATCH", &format!("{path}?fields=city"), Some(patch)), (200, json!({ "city": "Lisboa" })));
    assert_eq!(unit.call("DELETE", &path, None), (204, Value::Null));
    assert_eq!(unit.call("PATCH", &path, Some(json!({ "city": "Porto" }))).1["code"], 219);
    unit.wait(LAG);
    assert_eq!(ids("email=ana%2B1@example.org"), [late]);
    let undelete = unit.post("objects/prospects/do/undelete", json!({ "email": "ana+1@example.org" }));
    assert_eq!(undelete, (200, json!({ "id": early })));
    assert_eq!(unit.post("objects/prospects/do/undelete", json!({ "email": "x@example.org" })).1["code"], 109);
}

#[test]
fn a_time_is_compared_as_it_is_shown() {
    let unit = started_with(|options| options.read_lag.account_engagement = Duration::ZERO);
    unit.wait(Duration::from_millis(700));
    let first = unit.id("objects/lists", json!({ "name": "first" }));
    unit.wait(Duration::from_millis(200));
    unit.id("objects/lists", json!({ "name": "second" }));
    unit.call("PATCH", &format!("objects/lists/{first}"), Some(json!({ "name": "first" })));
    let shown = unit.get(&format!("objects/lists/{first}?fields=createdAt")).1["createdAt"].clone();
    assert_eq!(shown, "2026-11-23T04:00:00-05:00");
    let shown = encode(shown.as_str().unwrap());
    let rows = [
        (format!("createdAtAfter={shown}"), vec![]),
        (format!("createdAtBefore={shown}"), vec![]),
        (format!("createdAtAfterOrEqualTo={shown}"), vec!["first", "second"]),
        (format!("createdAtBeforeOrEqualTo={shown}"), vec!["first", "second"]),
        ("createdAtAfterOrEqualTo=2026-11-23T04:00:00.950-05:00".to_owned(), vec!["first", "second"]),
        ("orderBy=createdAt%20DESC".to_owned(), vec!["first", "second"]),
    ];
    for (query, names) in rows {
        assert_eq!(unit.names(&format!("objects/lists?fields=name&{query}")), names, "{query}");
    }
}

#[test]
fn a_page_token_ends_after_four_hours_and_belongs_to_its_object() {
    let unit = started_with(|options| options.read_lag.account_engagement = Duration::ZERO);
    for name in ["a", "b", "c"] {
        unit.id("objects/lists", json!({ "name": name }));
    }
    let (_, body) = unit.get("objects/lists?fields=name&limit=2");
    let token = encode(body["nextPageToken"].as_str().unwrap());
    assert_eq!(unit.names(&format!("objects/lists?fields=name&nextPageToken={token}")), ["c"]);
    assert_eq!(unit.get(&format!("objects/prospects?fields=id&nextPageToken={token}")).1["code"], 211);
    unit.wait(Duration::from_secs(4 * 60 * 60));
    assert_eq!(unit.get(&format!("objects/lists?fields=name&nextPageToken={token}")).1["code"], 210);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn looking_changes_nothing_that_is_seen_later(
        mut renames in proptest::collection::vec(1u64..1500, 0..6),
        pause in proptest::option::of((1u64..1000, 1u64..500)),
        looks in proptest::collection::btree_set(1u64..1800, 0..20),
    ) {
        renames.sort_unstable();
        let told = |looks: &BTreeSet<u64>| {
            let unit = started();
            let id = unit.salesforce_campaign(json!({ "Name": "as made" }));
            for second in 1..=1800 {
                unit.wait(Duration::from_secs(1));
                let mut world = unit.simulators.world();
                if renames.contains(&second) {
                    world.salesforce.edit_campaign(&id, "Name", json!(format!("renamed at {second}")));
                }
                match pause {
                    Some((from, _)) if second == from => world.pause_campaign_sync(),
                    Some((from, seconds)) if second == from + seconds => world.resume_campaign_sync(),
                    _ => {}
                }
                if looks.contains(&second) {
                    world.snapshot();
                }
            }
            // A reader who lags more and more is shown the whole history.
            let history = (0..180).map(|step| {
                unit.simulators.world().options.read_lag.account_engagement = Duration::from_secs(10 * step);
                unit.get("objects/campaigns?fields=id,name,createdAt,updatedAt").1["values"].clone()
            });
            history.collect::<Vec<_>>()
        };
        for (step, (looked, unlooked)) in told(&looks).into_iter().zip(told(&BTreeSet::new())).enumerate() {
            prop_assert_eq!(looked, unlooked, "{} s ago", 10 * step);
        }
    }

    #[test]
    fn whoever_follows_the_pages_sees_every_row_once(
        activity in proptest::collection::vec(proptest::option::of(0u64..5), 0..40),
        limit in 1usize..12,
        by_activity in any::<bool>(),
        descending in any::<bool>(),
        by_url in any::<bool>(),
    ) {
        let unit = started_with(|options| options.base_url = "http://x.test".into());
        for at in &activity {
            let mut new = NewProspect::new("ana@example.org");
            new.last_activity_at = at.map(Timestamp::from_seconds);
            unit.simulators.world().account_engagement.add_prospect(new);
        }
        let order = format!("{}%20{}", if by_activity { "lastActivityAt" } else { "id" }, if descending { "DESC" } else { "ASC" });
        let mut request = unit.request("GET", &format!("objects/prospects?fields=id&orderBy={order}&limit={limit}"), None);
        let mut seen = vec![];
        loop {
            let (status, _, body) = unit.answer(request);
            prop_assert_eq!(status, 200, "{}", body);
            seen.extend(body["values"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()));
            prop_assert_eq!(body["nextPageToken"].is_null(), body["nextPageUrl"].is_null());
            let Some(token) = body["nextPageToken"].as_str() else { break };
            request = unit.request("GET", &format!("objects/prospects?fields=id&nextPageToken={}", encode(token)), None);
            if by_url {
                *request.uri_mut() = body["nextPageUrl"].as_str().unwrap().parse().unwrap();
            }
        }
        let mut rows: Vec<_> = activity.iter().enumerate().map(|(n, at)| (at, 1_000_001 + n as u64)).collect();
        rows.sort_by(|a, b| {
            let by_value = if by_activity { a.0.cmp(b.0) } else { a.1.cmp(&b.1) };
            let by_value = if descending { by_value.reverse() } else { by_value };
            by_value.then(a.1.cmp(&b.1))
        });
        prop_assert_eq!(seen, rows.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    }
}
