//! Whatever is sent, an answer of a documented shape comes; and queries find what a plain look at the rows finds.

use super::*;
use proptest::prelude::*;
use std::cmp::Ordering;

/// Neither a panic nor a 5xx; a refusal is an array of faults with a code and a message.
fn shaped(status: u16, body: &Value) -> Result<(), TestCaseError> {
    prop_assert!(status < 500, "{status} {body}");
    if status >= 400 && body.get("hasErrors").is_none() {
        let faults = body.as_array().filter(|faults| !faults.is_empty());
        prop_assert!(faults.is_some(), "{status} {body}");
        for fault in faults.into_iter().flatten() {
            prop_assert!(fault["errorCode"].is_string() && fault["message"].is_string(), "{body}");
        }
    }
    Ok(())
}

fn is_page(body: &Value) -> Result<(), TestCaseError> {
    let rows = body["records"].as_array().map(Vec::len);
    prop_assert!(rows.is_some() && body["totalSize"].is_u64() && body["done"].is_boolean(), "{body}");
    prop_assert_eq!(body["done"] == true, body.get("nextRecordsUrl").is_none());
    Ok(())
}

/// An org with something of everything.
fn peopled() -> Simulators {
    let (simulators, _) = started();
    let campaign = campaign(&simulators, json!({ "Name": "x", "StartDate": "2026-11-23" }));
    for n in 0..3 {
        let lead = json!({ "LastName": format!("L{n}"), "Company": "x", "NumberOfEmployees": n, "Email": "a@x.test" });
        let (_, lead) = call(&simulators, "POST", "/sobjects/Lead", Some(lead));
        let member = json!({ "CampaignId": campaign, "LeadId": lead["id"] });
        assert_eq!(call(&simulators, "POST", "/sobjects/CampaignMember", Some(member)).0, 201);
    }
    simulators
}

const WORDS: [&str; 67] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "BY",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "NULLS",
    "FIRST",
    "LAST",
    "ASC",
    "DESC",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "(",
    ")",
    ",",
    ".",
    "=",
    "!=",
    "<",
    ">=",
    "'",
    "''",
    "'x%'",
    "'\\",
    "null",
    "true",
    "0",
    "1",
    "-1.5",
    "99999999999999999999",
    "2026-11-23",
    "2026-11-23T09:00:00Z",
    "TODAY",
    "LAST_N_DAYS:3",
    "LAST_N_DAYS:4294967295",
    "N_YEARS_AGO:9999",
    "COUNT()",
    "COUNT(Id)",
    "SUM(NumberOfEmployees)",
    "MAX(CreatedDate)",
    "FIELDS(ALL)",
    "FIELDS(CUSTOM)",
    "Id",
    "LastName",
    "Owner.Name",
    "Campaign.Owner.Profile.Name",
    "Lead.Id",
    "LeadId",
    "Description",
    "CreatedDate",
    "StartDate",
    "Lead",
    "Campaign",
    "CampaignMember",
    "CampaignMembers",
    "CampaignMemberStatuses",
    "User",
    "n",
    "é",
    "\u{0}",
];

fn wordy() -> impl Strategy<Value = String> {
    let words = proptest::collection::vec((0..WORDS.len(), any::<bool>()), 0..24);
    let text = words.prop_map(|words| {
        words.into_iter().map(|(n, glued)| format!("{}{}", WORDS[n], if glued { "" } else { " " })).collect::<String>()
    });
    (any::<bool>(), text).prop_map(|(begun, text)| if begun { format!("SELECT Id FROM Lead {text}") } else { text })
}

const QUERIES: [&str; 8] = [
    "SELECT Id, Name, (SELECT Id, Lead.Email FROM CampaignMembers WHERE Status = 'Sent' ORDER BY Id LIMIT 2) FROM Campaign WHERE Name LIKE '%x%' AND StartDate = TODAY ORDER BY Name DESC NULLS LAST LIMIT 5 OFFSET 0",
    "SELECT Id FROM Lead WHERE Id NOT IN (SELECT LeadId FROM CampaignMember WHERE CampaignId != null) OR (LastName IN ('L1', 'L2') AND NOT NumberOfEmployees > 1)",
    "SELECT LeadSource, COUNT(Id) n, MAX(CreatedDate) FROM Lead GROUP BY LeadSource ORDER BY LeadSource",
    "SELECT l.Email, COUNT(l.Id) n FROM Lead l GROUP BY l.Email HAVING COUNT(l.Id) > 1 AND MIN(l.LastName) != null ORDER BY COUNT(l.Id) DESC, MAX(l.LastName)",
    "SELECT COUNT() FROM CampaignMember WHERE CreatedDate = LAST_N_DAYS:3",
    "SELECT FIELDS(ALL) FROM Lead LIMIT 200",
    "SELECT Id, Campaign.Name, Lead.Owner.Profile.Name FROM CampaignMember WHERE Lead.Email = 'a@x.test'",
    "SELECT Label FROM CampaignMemberStatus WHERE IsDefault = true AND SortOrder <= 1",
];

/// A good query with a piece taken out, put in twice, or replaced.
fn mutated() -> impl Strategy<Value = String> {
    (0..QUERIES.len(), 0.0..1.0f64, 0.0..1.0f64, 0u8..3, 0..WORDS.len()).prop_map(|(n, a, b, how, word)| {
        let text: Vec<char> = QUERIES[n].chars().collect();
        let place = |part: f64| (part * text.len() as f64) as usize;
        let (from, to) = (place(a).min(place(b)), place(a).max(place(b)).min(place(a).min(place(b)) + 12));
        let piece = |range: std::ops::Range<usize>| text[range].iter().collect::<String>();
        let (head, middle, tail) = (piece(0..from), piece(from..to), piece(to..text.len()));
        match how {
            0 => format!("{head}{tail}"),
            1 => format!("{head}{middle}{middle}{tail}"),
            _ => format!("{head}{}{tail}", WORDS[word]),
        }
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        "[a-zA-Z0-9@{}.\\[\\]/_?=]{0,12}".prop_map(|value| json!(value)),
        prop_oneof![
            Just("POST"),
            Just("GET"),
            Just("Lead"),
            Just("Account"),
            Just("v62.0/limits"),
            Just("v62.0/sobjects/Lead"),
            Just("/services/data/v62.0/sobjects/Lead"),
            Just("/services/data/v62.0/query?q=SELECT Id FROM @{a}"),
            Just("@{a.id}"),
            Just("@{a.records[0].Id}"),
            Just("x@y.test")
        ]
        .prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let keys = prop_oneof![
            Just("records"),
            Just("attributes"),
            Just("type"),
            Just("referenceId"),
            Just("allOrNone"),
            Just("compositeRequest"),
            Just("batchRequests"),
            Just("graphs"),
            Just("graphId"),
            Just("method"),
            Just("url"),
            Just("body"),
            Just("richInput"),
            Just("httpHeaders"),
            Just("haltOnError"),
            Just("ids"),
            Just("fields"),
            Just("Id"),
            Just("LastName"),
            Just("Company"),
            Just("Name"),
            Just("Email"),
            Just("Contacts"),
            Just("CampaignMembers"),
            Just("")
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((keys, inner), 0..6).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

/// Bodies that are nearly right.
fn bodies() -> impl Strategy<Value = Value> {
    let named = |name: &'static str| {
        (any_json(), any::<Option<bool>>()).prop_map(move |(inner, all)| json!({ name: inner, "allOrNone": all }))
    };
    let part = (any_json(), any_json(), 0..4usize).prop_map(|(body, url, n)| {
        let urls = [
            json!("/services/data/v62.0/sobjects/Lead"),
            json!("/services/data/v62.0/composite/sobjects"),
            json!("v62.0/limits"),
            url,
        ];
        json!({ "method": "POST", "url": urls[n], "body": body, "richInput": body })
    });
    let parts = proptest::collection::vec(part, 0..4).prop_map(|mut parts| {
        for (n, part) in parts.iter_mut().enumerate() {
            part["referenceId"] = json!(format!("r{n}"));
        }
        json!({ "compositeRequest": parts, "batchRequests": parts, "graphs": [{ "graphId": "g", "compositeRequest": parts }], "haltOnError": true })
    });
    let records = proptest::collection::vec(any_json(), 0..4).prop_map(|mut records| {
        for (n, record) in records.iter_mut().enumerate().filter(|(_, record)| record.is_object()) {
            record["attributes"] = json!({ "type": "Account", "referenceId": format!("r{n}") });
        }
        json!({ "records": records })
    });
    prop_oneof![
        any_json(),
        named("records"),
        named("compositeRequest"),
        named("batchRequests"),
        named("graphs"),
        parts,
        records
    ]
}

proptest! {
    #[test]
    fn any_query_is_answered_or_refused_in_the_documented_shape(texts in proptest::collection::vec(prop_oneof![wordy(), mutated(), any::<String>()], 1..12)) {
        let simulators = peopled();
        for text in texts {
            for way in ["query", "queryAll", "tooling/query"] {
                let (status, body) = call(&simulators, "GET", &format!("/{way}?q={}", encode(&text)), None);
                prop_assert!(status == 200 || status == 400, "{} {} {}", status, text, body);
                shaped(status, &body)?;
                if status == 200 {
                    is_page(&body)?;
                }
            }
        }
    }

    #[test]
    fn any_parameter_of_a_query_is_answered_or_refused(q in "[ -~]{0,30}", name in "[a-zA-Z_]{0,10}", locator in "[0-9A-Za-z-]{0,24}", size in "[ -~]{0,24}") {
        let simulators = peopled();
        let token = simulators.world().options.salesforce.access_token.clone();
        let paths = [
            format!("/query?{name}={}", encode(&q)),
            format!("/query/{locator}"),
            format!("/query?q=SELECT+Id+FROM+Lead&{name}={}", encode(&q)),
        ];
        for path in paths {
            let request = http::Request::get(format!("http://x.test/services/data/v62.0{path}"))
                .header("authorization", format!("Bearer {token}"))
                .header("sforce-query-options", format!("batchSize={size}"))
                .body(vec![])
                .unwrap();
            let answer = simulators.handle(request).unwrap();
            shaped(answer.status().as_u16(), &serde_json::from_slice(answer.body()).unwrap())?;
        }
    }

    #[test]
    fn any_body_of_many_records_or_requests_is_answered_or_refused(sent in proptest::collection::vec((bodies(), 0usize..8), 1..8)) {
        let simulators = peopled();
        for (body, n) in sent {
            let ways = [
                ("POST", "/composite"), ("POST", "/composite/batch"), ("POST", "/composite/graph"), ("POST", "/composite/tree/Account"),
                ("POST", "/composite/sobjects"), ("PATCH", "/composite/sobjects"), ("PATCH", "/composite/sobjects/Lead/Id"),
                ("POST", "/composite/sobjects/Lead"),
            ];
            let (method, path) = ways[n];
            let (status, told) = call(&simulators, method, path, Some(body));
            shaped(status, &told)?;
        }
    }
}

/// A lead, as the oracle knows it.
#[derive(Clone, Debug)]
struct Row {
    last: String,
    city: Option<String>,
    employees: Option<i64>,
    opted_out: bool,
}

#[derive(Clone, Debug)]
enum Test {
    City(&'static str, Option<String>),
    Employees(&'static str, i64),
    OptedOut(bool),
    CityIn(bool, Vec<String>),
    LastLike(String),
    Not(Box<Test>),
    Both(Box<Test>, Box<Test>),
    Either(Box<Test>, Box<Test>),
}

impl Test {
    fn text(&self) -> String {
        match self {
            Test::City(operator, value) => {
                let value = value.as_ref().map_or("null".to_owned(), |value| format!("'{value}'"));
                format!("City {operator} {value}")
            }
            Test::Employees(operator, value) => format!("NumberOfEmployees {operator} {value}"),
            Test::OptedOut(value) => format!("HasOptedOutOfEmail = {value}"),
            Test::CityIn(negated, values) => {
                let values: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
                format!("City {}IN ({})", if *negated { "NOT " } else { "" }, values.join(","))
            }
            Test::LastLike(part) => format!("LastName LIKE '%{part}%'"),
            Test::Not(inner) => format!("NOT ({})", inner.text()),
            Test::Both(a, b) => format!("({}) AND ({})", a.text(), b.text()),
            Test::Either(a, b) => format!("({}) OR ({})", a.text(), b.text()),
        }
    }

    fn holds(&self, row: &Row) -> bool {
        let told = |ordering: Option<Ordering>, operator: &str| match (operator, ordering) {
            ("=", ordering) => ordering == Some(Ordering::Equal),
            ("!=", ordering) => ordering != Some(Ordering::Equal),
            (_, None) => false,
            ("<", Some(ordering)) => ordering == Ordering::Less,
            (">", Some(ordering)) => ordering == Ordering::Greater,
            ("<=", Some(ordering)) => ordering != Ordering::Greater,
            (_, Some(ordering)) => ordering != Ordering::Less,
        };
        let city = row.city.as_ref().map(|city| city.to_lowercase());
        match self {
            Test::City("=", None) => city.is_none(),
            Test::City(_, None) => city.is_some(),
            Test::City(operator, Some(value)) => told(city.map(|city| city.cmp(&value.to_lowercase())), operator),
            Test::Employees(operator, value) => told(row.employees.map(|employees| employees.cmp(value)), operator),
            Test::OptedOut(value) => row.opted_out == *value,
            Test::CityIn(negated, values) => {
                values.iter().any(|value| city.as_deref() == Some(value.to_lowercase().as_str())) != *negated
            }
            Test::LastLike(part) => row.last.to_lowercase().contains(&part.to_lowercase()),
            Test::Not(inner) => !inner.holds(row),
            Test::Both(a, b) => a.holds(row) && b.holds(row),
            Test::Either(a, b) => a.holds(row) || b.holds(row),
        }
    }
}

fn tests() -> impl Strategy<Value = Test> {
    let equal = || prop_oneof![Just("="), Just("!=")];
    let any_order = || prop_oneof![Just("="), Just("!="), Just("<"), Just(">"), Just("<="), Just(">=")];
    let city = || "[abAB]{1,2}";
    let leaf = prop_oneof![
        equal().prop_map(|operator| Test::City(operator, None)),
        (any_order(), city()).prop_map(|(operator, city)| Test::City(operator, Some(city))),
        (any_order(), -2i64..3).prop_map(|(operator, value)| Test::Employees(operator, value)),
        any::<bool>().prop_map(Test::OptedOut),
        (any::<bool>(), proptest::collection::vec(city(), 1..4))
            .prop_map(|(negated, values)| Test::CityIn(negated, values)),
        "[abxAB]{0,2}".prop_map(Test::LastLike),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            inner.prop_map(|inner| Test::Not(Box::new(inner))),
            two.clone().prop_map(|(a, b)| Test::Both(Box::new(a), Box::new(b))),
            two.prop_map(|(a, b)| Test::Either(Box::new(a), Box::new(b))),
        ]
    })
}

/// By which field, downwards or not, and where nulls are to go.
type Key = (bool, bool, Option<bool>);

fn ordered(a: &Row, b: &Row, (by_city, down, nulls_last): Key) -> Ordering {
    let nulls_last = nulls_last.unwrap_or(down);
    fn placed<T: Ord>(a: Option<T>, b: Option<T>, down: bool, nulls_last: bool) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if down => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) if nulls_last => a.is_none().cmp(&b.is_none()),
            (a, b) => b.is_none().cmp(&a.is_none()),
        }
    }
    let lower = |city: &Option<String>| city.as_ref().map(|city| city.to_lowercase());
    match by_city {
        true => placed(lower(&a.city), lower(&b.city), down, nulls_last),
        false => placed(a.employees, b.employees, down, nulls_last),
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = ("[abxAB]{1,3}", proptest::option::of("[abAB]{1,2}"), proptest::option::of(-2i64..3), any::<bool>())
        .prop_map(|(last, city, employees, opted_out)| Row { last, city, employees, opted_out });
    proptest::collection::vec(row, 0..24)
}

proptest! {
    /// The oracle looks at its own rows, and knows nothing of the simulator's.
    #[test]
    fn a_query_finds_what_a_plain_look_at_the_rows_finds(
        rows in rows(),
        asked in proptest::collection::vec((proptest::option::of(tests()), proptest::collection::vec(any::<Key>(), 0..3), proptest::option::of(0usize..12), proptest::option::of(0usize..12)), 1..6),
    ) {
        let (simulators, _) = started();
        let mut known = vec![];
        if !rows.is_empty() {
            let records: Vec<_> = rows.iter().map(|row| json!({
                "attributes": { "type": "Lead" }, "Company": "x", "LastName": row.last, "City": row.city,
                "NumberOfEmployees": row.employees, "HasOptedOutOfEmail": row.opted_out,
            })).collect();
            let (_, made) = call(&simulators, "POST", "/composite/sobjects", Some(json!({ "records": records })));
            for (row, made) in rows.iter().zip(made.as_array().unwrap()) {
                known.push((made["id"].as_str().unwrap().to_owned(), row));
            }
        }
        for (condition, keys, limit, offset) in asked {
            let mut soql = "SELECT Id FROM Lead".to_owned();
            let mut expected: Vec<_> = known.iter().filter(|(_, row)| condition.as_ref().is_none_or(|test| test.holds(row))).collect();
            if let Some(condition) = &condition {
                soql += &format!(" WHERE {}", condition.text());
            }
            // Ties are settled by the id, so that there is one right answer.
            let keys: Vec<_> = keys.into_iter().collect();
            let told: Vec<_> = keys.iter().map(|(by_city, down, nulls_last)| {
                let nulls = nulls_last.map_or("", |last| if last { " NULLS LAST" } else { " NULLS FIRST" });
                format!("{} {}{nulls}", if *by_city { "City" } else { "NumberOfEmployees" }, if *down { "DESC" } else { "ASC" })
            }).chain(["Id".to_owned()]).collect();
            soql += &format!(" ORDER BY {}", told.join(", "));
            expected.sort_by(|(a_id, a), (b_id, b)| {
                keys.iter().fold(Ordering::Equal, |so_far, key| so_far.then(ordered(a, b, *key))).then(a_id.cmp(b_id))
            });
            if let Some(limit) = limit {
                soql += &format!(" LIMIT {limit}");
            }
            if let Some(offset) = offset {
                soql += &format!(" OFFSET {offset}");
            }
            let expected: Vec<_> = expected.into_iter().skip(offset.unwrap_or(0)).take(limit.unwrap_or(usize::MAX)).map(|(id, _)| id.clone()).collect();
            let (status, body) = query(&simulators, &soql);
            prop_assert_eq!(status, 200, "{} {}", soql, body);
            let found: Vec<_> = body["records"].as_array().unwrap().iter().map(|row| row["Id"].as_str().unwrap().to_owned()).collect();
            prop_assert_eq!(found, expected, "{}", soql);
        }
    }
}
