//! Queries against an oracle of their own: what a naive reader finds in the records is what the pages, put together, show.

use super::*;
use crate::simulators::unknowns::Zone;

/// A list as the oracle keeps it. Times in whole seconds after [`START`].
#[derive(Clone, Debug)]
struct Kept {
    name: String,
    created: u64,
    updated: u64,
    deleted: bool,
}

fn kept() -> impl Strategy<Value = Kept> {
    ("[ab]", 0u64..6, 0u64..6, any::<bool>()).prop_map(|(name, created, later, deleted)| Kept {
        name,
        created,
        updated: created + later,
        deleted,
    })
}

/// A filter: its parameter, its bound, and whether a row fits.
type Fits = fn(u64, u64) -> bool;

const ENDS: [(&str, &str, Fits); 4] = [
    ("GreaterThan", "After", |found, wanted| found > wanted),
    ("GreaterThanOrEqualTo", "AfterOrEqualTo", |found, wanted| found >= wanted),
    ("LessThan", "Before", |found, wanted| found < wanted),
    ("LessThanOrEqualTo", "BeforeOrEqualTo", |found, wanted| found <= wanted),
];

#[derive(Clone, Debug)]
struct Asked {
    /// Index of an end of [`ENDS`], and the bound.
    id: Option<(usize, u64)>,
    created: Option<(usize, u64)>,
    updated: Option<(usize, u64)>,
    name: Option<String>,
    /// `id`, `createdAt` or `updatedAt`, and whether it falls.
    order: Option<(usize, bool)>,
    limit: Option<usize>,
    offset: Option<usize>,
    deleted: Option<&'static str>,
    by_url: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    use proptest::option::of;
    let ends = || of((0usize..4, 0u64..12));
    let deleted = prop_oneof![Just("true"), Just("false"), Just("all")];
    let filters = (of((0usize..4, 0u64..22)), ends(), ends(), of("[abc]"));
    let shape = (of((0usize..3, any::<bool>())), of(1usize..7), of(0usize..4), of(deleted), any::<bool>());
    (filters, shape).prop_map(|((id, created, updated, name), (order, limit, offset, deleted, by_url))| Asked {
        id,
        created,
        // Three fields at most may be filtered.
        updated: updated.filter(|_| id.is_none() || created.is_none() || name.is_none()),
        name,
        order,
        limit,
        offset,
        deleted,
        by_url,
    })
}

const ORDERS: [&str; 3] = ["id", "createdAt", "updatedAt"];
const FIRST: u64 = 3001;

fn at(seconds: u64) -> Timestamp {
    Timestamp::parse(START).unwrap().plus(Duration::from_secs(seconds))
}

impl Asked {
    fn query(&self) -> String {
        let mut query = "fields=id".to_owned();
        let mut put = |name: String, value: String| query.push_str(&format!("&{name}={}", encode(&value)));
        if let Some((end, bound)) = self.id {
            put(format!("id{}", ENDS[end].0), (FIRST + bound).to_string());
        }
        for (name, bound) in [("createdAt", self.created), ("updatedAt", self.updated)] {
            if let Some((end, bound)) = bound {
                put(format!("{name}{}", ENDS[end].1), zone::shown(at(bound), Zone::NewYork));
            }
        }
        if let Some(name) = &self.name {
            put("name".into(), name.clone());
        }
        if let Some((order, falls)) = self.order {
            put("orderBy".into(), format!("{}{}", ORDERS[order], if falls { " DESC" } else { "" }));
        }
        if let Some(limit) = self.limit {
            put("limit".into(), limit.to_string());
        }
        if let Some(offset) = self.offset {
            put("offset".into(), offset.to_string());
        }
        if let Some(deleted) = self.deleted {
            put("deleted".into(), deleted.into());
        }
        query
    }

    /// Row by row over all there is.
    fn naively(&self, lists: &[Kept]) -> Vec<u64> {
        let holds =
            |asked: Option<(usize, u64)>, found: u64| asked.is_none_or(|(end, bound)| ENDS[end].2(found, bound));
        let mut rows: Vec<(u64, &Kept)> = (0..).zip(lists).collect();
        rows.retain(|(number, list)| {
            holds(self.id, *number)
                && holds(self.created, list.created)
                && holds(self.updated, list.updated)
                && self.name.as_ref().is_none_or(|name| *name == list.name)
                && match self.deleted.unwrap_or("false") {
                    "all" => true,
                    wanted => (wanted == "true") == list.deleted,
                }
        });
        let (order, falls) = self.order.unwrap_or((0, false));
        let key = |(number, list): &(u64, &Kept)| [*number, list.created, list.updated][order];
        // Stable: equals stay by id.
        rows.sort_by(|a, b| if falls { key(b).cmp(&key(a)) } else { key(a).cmp(&key(b)) });
        rows.into_iter().skip(self.offset.unwrap_or(0)).map(|(number, _)| FIRST + number).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn pages_put_together_are_what_a_naive_reader_finds(lists in proptest::collection::vec(kept(), 0..20), asked in asked()) {
        let unit = started();
        for (number, kept) in (0..).zip(&lists) {
            let list = List {
                id: FIRST + number,
                name: kept.name.clone(),
                title: None,
                description: None,
                is_public: false,
                is_dynamic: false,
                folder_id: folders::FOLDER_ID,
                campaign_id: None,
                is_deleted: kept.deleted,
                created_at: at(kept.created),
                updated_at: at(kept.updated),
            };
            unit.simulators.world().account_engagement.lists.insert(list.id, Timestamp(0), list);
        }
        let mut request = unit.request("GET", &format!("objects/lists?{}", asked.query()), None);
        let mut seen: Vec<u64> = vec![];
        let limit = asked.limit.unwrap_or(200);
        loop {
            let (status, _, body) = unit.answer(request);
            prop_assert_eq!(status, 200, "{}: {}", asked.query(), body);
            let page = body["values"].as_array().unwrap();
            prop_assert!(page.len() <= limit);
            seen.extend(page.iter().map(|row| row["id"].as_u64().unwrap()));
            prop_assert_eq!(body["nextPageToken"].is_null(), body["nextPageUrl"].is_null());
            let Some(token) = body["nextPageToken"].as_str() else { break };
            prop_assert_eq!(page.len(), limit, "only the last page is short");
            request = unit.request("GET", &format!("objects/lists?fields=id&nextPageToken={}", encode(token)), None);
            if asked.by_url {
                *request.uri_mut() = body["nextPageUrl"].as_str().unwrap().parse().unwrap();
            }
        }
        prop_assert_eq!(seen, asked.naively(&lists), "{}", asked.query());
    }
}

#[test]
fn beside_a_token_stands_nothing_but_fields() {
    let unit = started_with(|options| options.read_lag.account_engagement = Duration::ZERO);
    for name in ["a", "b", "c"] {
        unit.id("objects/lists", json!({ "name": name }));
    }
    let (_, body) = unit.get("objects/lists?fields=name&limit=2&orderBy=id%20DESC&name=a&deleted=all");
    assert!(body["nextPageToken"].is_null());
    let (_, body) = unit.get("objects/lists?fields=name&limit=2&orderBy=id%20DESC");
    let token = encode(body["nextPageToken"].as_str().unwrap());
    let text = "nextPageToken cannot be combined with orderBy, limit, deleted, offset, or filter parameters.";
    for extra in ["orderBy=id", "limit=2", "deleted=false", "offset=0", "name=a", "idGreaterThan=1", "nextPageToken=x"]
    {
        let (status, body) = unit.get(&format!("objects/lists?fields=name&nextPageToken={token}&{extra}"));
        assert_eq!((status, body), (400, json!({ "code": 154, "message": text })), "{extra}");
    }
    for code in [5, 51] {
        unit.simulators.world().options.unknowns.account_engagement.token_combined_code = code;
        assert_eq!(unit.get(&format!("objects/lists?fields=id&limit=2&nextPageToken={token}")).1["code"], code);
    }
    assert_eq!(unit.get(&format!("objects/lists?nextPageToken={token}")).1["code"], 13);
    // Other fields may be asked for on the way.
    let (_, last) = unit.get(&format!("objects/lists?fields=id,isPublic&nextPageToken={token}"));
    let expected = json!({ "values": [{ "id": 3001, "isPublic": false }], "nextPageToken": null, "nextPageUrl": null });
    assert_eq!(last, expected);
    let url = unit.get("objects/lists?fields=name&limit=2").1["nextPageUrl"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://simulators.test/api/v5/objects/lists?fields=name&nextPageToken="), "{url}");
}

#[test]
fn a_page_has_two_hundred_records_where_nothing_is_said_and_a_thousand_at_most() {
    let unit = started();
    for n in 0..1001 {
        unit.simulators.world().account_engagement.add_prospect(NewProspect::new(&format!("p{n}@example.org")));
    }
    let page = |limit: &str| unit.get(&format!("objects/prospects?fields=id{limit}")).1;
    for (limit, records) in [("", 200), ("&limit=1", 1), ("&limit=1000", 1000)] {
        let page = page(limit);
        assert_eq!(page["values"].as_array().unwrap().len(), records, "{limit}");
        assert!(page["nextPageToken"].is_string());
    }
    for limit in ["&limit=1001", "&limit=0", "&limit=-1", "&limit=x", "&limit="] {
        assert_eq!(page(limit), json!({ "code": 23, "message": "Invalid value specified for limit" }), "{limit}");
    }
    assert_eq!(page("&offset=2001")["code"], 21);
    assert_eq!(page("&offset=2000")["values"], json!([]));
    let empty = page("&email=nobody@example.org");
    assert_eq!(empty, json!({ "values": [], "nextPageToken": null, "nextPageUrl": null }));
}

#[test]
fn a_chain_of_pages_ends_after_a_hundred_thousand_records_and_says_so() {
    let unit = started();
    {
        let unit = &mut unit.simulators.world().account_engagement;
        for _ in 0..100_001 {
            unit.add_prospect(NewProspect::new("ana@example.org"));
        }
    }
    // A chain that is far along: its token is opaque, but not signed.
    let (_, body) = unit.get("objects/prospects?fields=id&limit=1000");
    let token = body["nextPageToken"].as_str().unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, token).unwrap();
    let mut token: Value = serde_json::from_slice(&bytes).unwrap();
    token["recordCount"] = json!(99_500);
    token["resumeId"] = json!(1_000_000 + 99_500);
    token["resumeValue"]["Int"] = json!(1_000_000 + 99_500);
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, token.to_string());
    let path = format!("objects/prospects?fields=id&nextPageToken={}", encode(&text));
    let (status, headers, last) = unit.answer(unit.request("GET", &path, None));
    assert_eq!((status, last["values"].as_array().unwrap().len()), (200, 500));
    assert_eq!((&last["nextPageToken"], &last["nextPageUrl"]), (&Value::Null, &Value::Null));
    assert!(headers["pardot-warning"].to_str().unwrap().starts_with("203;"));
    // By id it goes on.
    let (_, _, rest) = unit.answer(unit.request("GET", "objects/prospects?fields=id&idGreaterThan=1100000", None));
    assert_eq!(rest["values"], json!([{ "id": 1_100_001 }]));
}

#[test]
fn at_most_three_fields_are_filtered_and_both_ends_of_one_are_one() {
    let unit = started();
    let times = "createdAtAfter=2026-11-22T15:00:00%2B00:00&updatedAtBefore=2026-11-22T15:00:00%2B00:00";
    let rows = [
        (format!("listId=1&prospectId=2&{times}"), 400),
        (format!("listId=1&{times}"), 200),
        ("listId=1&prospectId=2&idGreaterThan=1&idLessThan=9".into(), 200),
        ("listId=1&prospectId=2&id=3&createdAtAfter=2026-11-22T15:00:00%2B00:00".into(), 400),
    ];
    for (query, status) in rows {
        let (answered, body) = unit.get(&format!("objects/list-memberships?fields=id&{query}"));
        assert_eq!(answered, status, "{query}: {body}");
        assert_eq!(body["code"], if status == 400 { json!(209) } else { Value::Null });
    }
}

/// What the vendor's pages name for each object: its filters and sortings, and one that it does not have.
#[test]
fn a_query_is_refused_by_its_parameters() {
    let unit = started();
    let rows = [
        ("fields=id&limit=1001", 23),
        ("fields=id&limit=0", 23),
        ("fields=id&offset=2001", 21),
        ("fields=id,nam", 180),
        ("fields=", 13),
        ("fields=,.", 13),
        ("fields=campaign.folder.name.x", 180),
        // Each name is there, and there is one too many.
        ("fields=campaign.folder.createdBy.id", 180),
        ("fields=campaign", 180),
        ("fields=id&orderBy=-id", 180),
        ("fields=id&orderBy=name", 180),
        ("fields=id&orderBy=id%20UP", 20),
        ("fields=id&deleted=yes", 27),
        ("fields=id&salesforceId=x", 5),
        ("fields=id&idGreaterThan=x", 16),
        ("fields=id&createdAtAfter=2026-11-22T15:00:00Z", 7),
        ("fields=id&createdAtAfter=2026-11-22T15:00:00+00:00", 7),
        (
            "fields=id&name=x&idGreaterThan=1&createdAtAfter=2026-11-22T15:00:00%2B00:00&updatedAtAfter=2026-11-22T15:00:00%2B00:00",
            209,
        ),
        ("fields=id&nextPageToken=x", 211),
        ("fields=id&nextPageToken=x&limit=5", 154),
        ("", 13),
    ];
    for (query, code) in rows {
        let (status, body) = unit.get(&format!("objects/lists?{query}"));
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{query}");
    }
    // Two ends of one field are one field.
    let span = "idGreaterThan=1&idLessThan=9&createdAtAfter=2026-11-22T15:00:00%2B00:00&name=x";
    assert_eq!(unit.get(&format!("objects/lists?fields=id,campaign.folder.name&{span}")).0, 200);
}

#[test]
fn each_object_is_filtered_and_sorted_by_what_its_page_names() {
    let unit = started();
    let time = "2026-11-22T15:00:00%2B00:00";
    let span = |name: &str| {
        ["After", "AfterOrEqualTo", "Before", "BeforeOrEqualTo"].map(|end| format!("{name}{end}={time}")).to_vec()
    };
    let range = |name: &str| {
        ["", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]
            .map(|end| format!("{name}{end}=1"))
            .to_vec()
    };
    let common = || [range("id"), span("createdAt"), span("updatedAt")].concat();
    let name = || vec!["name=x".to_owned()];
    type Row = (&'static str, Vec<String>, Vec<&'static str>, Vec<&'static str>);
    let rows: [Row; 6] = [
        (
            "objects/campaigns",
            [common(), name()].concat(),
            vec!["id", "createdAt", "updatedAt"],
            vec!["salesforceId=x", "folderId=1"],
        ),
        (
            "objects/lists",
            [common(), name()].concat(),
            vec!["id", "createdAt", "updatedAt"],
            vec!["campaignId=1", "title=x"],
        ),
        (
            "objects/list-memberships",
            [common(), range("listId"), range("prospectId")].concat(),
            vec!["id", "createdAt", "updatedAt", "listId"],
            vec!["optedOut=true", "name=x"],
        ),
        (
            "objects/prospects",
            [
                common(),
                span("lastActivityAt"),
                range("userId"),
                range("assignedToId"),
                vec!["email=x".into(), "salesforceId=x".into(), "idList=1,2".into()],
            ]
            .concat(),
            vec!["id", "lastActivityAt", "createdAt", "updatedAt"],
            vec!["firstName=x", "campaignId=1"],
        ),
        ("objects/custom-fields", [common(), name()].concat(), vec!["id", "createdAt", "updatedAt"], vec!["fieldId=x"]),
        ("external-activities", span("createdAt"), vec!["id", "createdAt"], vec!["email=x", "type=x"]),
    ];
    for (path, filters, sorts, others) in rows {
        for query in filters.into_iter().chain(sorts.iter().map(|sort| format!("orderBy={sort}"))) {
            let (status, body) = unit.get(&format!("{path}?fields=id&{query}"));
            assert_eq!(status, 200, "{path} {query}: {body}");
        }
        for query in others {
            assert_eq!(unit.get(&format!("{path}?fields=id&{query}")).1["code"], 5, "{path} {query}");
        }
        for code in [180, 154] {
            unit.simulators.world().options.unknowns.account_engagement.unknown_field_code = code;
            for sort in ["-id", "colour", ""] {
                assert_eq!(unit.get(&format!("{path}?fields=id&orderBy={sort}")).1["code"], code, "{path} {sort}");
            }
        }
        unit.simulators.world().options.unknowns.account_engagement.unknown_field_code = 180;
    }
    for list in ["1,x", "", "1;2"] {
        assert_eq!(unit.get(&format!("objects/prospects?fields=id&idList={list}")).1["code"], 16, "{list}");
    }
    for code in [51, 154] {
        unit.simulators.world().options.unknowns.account_engagement.unsupported_filter_code = code;
        assert_eq!(unit.get("objects/campaigns?fields=id&salesforceId=x").1["code"], code);
    }
}

#[test]
fn a_filter_shows_those_that_fit_and_no_others() {
    let unit = started();
    let lists = ["a", "b"].map(|name| unit.id("objects/lists", json!({ "name": name })));
    let person = |n: u64, more: Value| {
        let mut new = NewProspect::new(&format!("p{n}@example.org"));
        new.fields = more.as_object().unwrap().clone().into_iter().collect();
        new.last_activity_at = Some(Timestamp::from_seconds(1_750_000_000 + n));
        unit.simulators.world().account_engagement.add_prospect(new)
    };
    let ana = person(1, json!({ "userId": USER_ID, "salesforceId": "003A" }));
    let bo = person(2, json!({ "userId": 1002, "salesforceId": "003B" }));
    for (list, prospect) in [(lists[0], ana), (lists[0], bo), (lists[1], ana)] {
        unit.id("objects/list-memberships", json!({ "listId": list, "prospectId": prospect }));
    }
    unit.wait(LAG);
    let second = encode(&zone::shown(Timestamp::from_seconds(1_750_000_002), Zone::NewYork));
    let (members, people) = ("list-memberships?fields=prospectId&", "prospects?fields=id&");
    let rows = [
        (members, format!("listId={}&prospectId={ana}", lists[0]), vec![ana]),
        (members, format!("listId={}", lists[0]), vec![ana, bo]),
        (members, format!("listId={}&prospectId={bo}", lists[1]), vec![]),
        (members, format!("listIdGreaterThan={}", lists[0]), vec![ana]),
        (members, format!("prospectIdLessThan={bo}"), vec![ana, ana]),
        (people, "salesforceId=003B".into(), vec![bo]),
        (people, format!("userId={USER_ID}"), vec![ana]),
        (people, format!("assignedToIdGreaterThan={USER_ID}"), vec![bo]),
        (people, format!("idList={bo},{ana},1&idLessThan={bo}"), vec![ana]),
        (people, format!("lastActivityAtBefore={second}"), vec![ana]),
        (people, format!("lastActivityAtAfterOrEqualTo={second}"), vec![bo]),
        (people, "orderBy=lastActivityAt%20DESC".into(), vec![bo, ana]),
        (members, "orderBy=listId%20DESC&limit=1".into(), vec![ana]),
    ];
    for (path, query, expected) in rows {
        let (_, body) = unit.get(&format!("objects/{path}{query}"));
        let found = body["values"].as_array().unwrap().iter();
        let found: Vec<u64> = found.filter_map(|row| row.as_object()?.values().next()?.as_u64()).collect();
        assert_eq!(found, expected, "{query}");
    }
}
