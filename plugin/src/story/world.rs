//! What lies behind the three APIs, as small as the stories allow. Reads lag 60 seconds behind writes. The simulators of
//! `host-harness` are the thorough ones; this one exists so that the connector can be tested without them.

use super::livestorm::Webhook;
use crate::host::HttpError;
use crate::{
    calendar::parse as iso,
    host::{Answer, EgressRule, Instant, MINUTE, Method, Repeat, Request},
    test_host::{answer, ok, unknown},
};
use serde_json::{Map, Value, json};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// What goes wrong with the next request of a purpose.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It took effect and the answer was lost.
    AnswerLost,
    /// Lost on the way there.
    RequestLost,
    Answer(u16, &'static str),
    Error(HttpError),
}

#[derive(Clone, Debug)]
pub struct Row {
    pub at: Instant,
    pub value: Value,
}

pub struct World {
    pub now: Instant,
    pub faults: Vec<(&'static str, Fault)>,
    /// What goes wrong with the request that comes after so many others.
    pub fault_at: Option<(usize, Fault)>,
    pub sessions: BTreeMap<String, Value>,
    pub event_title: Option<String>,
    pub people: BTreeMap<String, Vec<Value>>,
    pub page_size: usize,
    pub leaves_after_page: Option<(usize, usize)>,
    /// Who registers at the same moment.
    pub comes_instead: Option<Value>,
    pub page_reads: BTreeMap<usize, u32>,
    pub cut_second_reading_at: Option<usize>,
    pub event_attributes: Value,
    pub users: Vec<&'static str>,
    /// What the registration form asks; registering by the API knows no other questions.
    pub questions: Vec<&'static str>,
    /// Webhooks of registrations by the API, to be delivered, where Livestorm sends them.
    pub told: Option<Vec<Value>>,
    /// Salesforce.
    pub campaigns: Vec<Row>,
    pub webinar_is_a_type: bool,
    /// How long Connected Campaigns takes.
    pub connected_after: u64,
    /// Account Engagement.
    pub lists: Vec<Row>,
    pub prospects: Vec<Row>,
    pub memberships: Vec<Row>,
    /// Those that were deleted, and when.
    pub deleted_memberships: Vec<(Instant, Row)>,
    /// Whose membership was deleted is refused like somebody who has one: whether that is so is not known.
    pub refuses_deleted_members: bool,
    pub activities: Vec<Row>,
    /// Visitor activities of forms; a read shows each from its time on.
    pub submissions: Vec<Row>,
    pub list_name_max: usize,
    pub names_in_use: Vec<String>,
    pub dry_run: bool,
    /// Those of the installation: they grant what may leave.
    pub settings: String,
    pub(super) next_id: u64,
    /// In Livestorm: id, event and address of each.
    pub webhooks: Vec<Webhook>,
    /// Those that a read still shows.
    pub webhooks_shown: Option<Vec<Webhook>>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            now: 0,
            faults: Vec::new(),
            fault_at: None,
            sessions: BTreeMap::new(),
            event_title: Some("Product demo".into()),
            people: BTreeMap::new(),
            page_size: 50,
            leaves_after_page: None,
            comes_instead: None,
            page_reads: BTreeMap::new(),
            cut_second_reading_at: None,
            event_attributes: json!({}),
            users: Vec::new(),
            questions: vec!["email", "first_name", "last_name", "company"],
            told: None,
            campaigns: Vec::new(),
            webinar_is_a_type: true,
            connected_after: 11 * MINUTE,
            lists: Vec::new(),
            prospects: Vec::new(),
            memberships: Vec::new(),
            deleted_memberships: Vec::new(),
            refuses_deleted_members: false,
            activities: Vec::new(),
            submissions: Vec::new(),
            list_name_max: 255,
            names_in_use: Vec::new(),
            dry_run: false,
            settings: "{}".into(),
            next_id: 1_000,
            webhooks: Vec::new(),
            webhooks_shown: None,
        }
    }
}

const LAG: u64 = MINUTE;

impl World {
    pub fn answer(&mut self, request: &Request) -> Answer {
        assert_granted(request, &self.settings);
        if self.dry_run && request.repeat != Repeat::Read {
            return Err(HttpError::DryRun);
        }
        if let Some((others @ 1.., _)) = &mut self.fault_at {
            *others -= 1;
        } else if let Some((_, fault)) = self.fault_at.take() {
            return self.go_wrong(request, Some(fault));
        }
        let fault = self.faults.iter().position(|(purpose, _)| *purpose == request.purpose);
        let fault = fault.map(|place| self.faults.remove(place).1);
        self.go_wrong(request, fault)
    }

    fn go_wrong(&mut self, request: &Request, fault: Option<Fault>) -> Answer {
        match fault {
            None => self.serve(request),
            Some(Fault::AnswerLost) => {
                let _ = self.serve(request);
                unknown()
            }
            Some(Fault::RequestLost) => unknown(),
            Some(Fault::Answer(status, body)) => answer(status, body),
            Some(Fault::Error(error)) => Err(error),
        }
    }

    fn serve(&mut self, request: &Request) -> Answer {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let body: Value =
            request.body.as_ref().map_or(Value::Null, |body| serde_json::from_slice(&body.bytes).unwrap());
        let query = |name: &str| request.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        match (request.method, &path[..]) {
            (Method::Get, ["v1", "sessions"]) => self.list_sessions(&query),
            (_, ["v1", "webhooks", ..]) => self.serve_webhooks(request.method, &path[2..], &body),
            (Method::Patch, ["services", "data", "v62.0", "sobjects", "Campaign", id]) => {
                let row = self.campaigns.iter_mut().find(|row| row.value["Id"] == *id);
                if let Some(row) = row {
                    write(&mut row.value, &body);
                }
                answer(204, "")
            }
            (Method::Get, ["api", "v5", "objects", "lists", id]) => {
                match self.lists.iter().find(|row| is_id(&row.value["id"], id)) {
                    Some(row) => ok(&row.value.to_string()),
                    None => answer(404, r#"{"code":109,"message":"The requested record was not found."}"#),
                }
            }
            (Method::Patch, ["api", "v5", "objects", "lists", id]) => {
                let row = self.lists.iter_mut().find(|row| is_id(&row.value["id"], id));
                if let Some(row) = row {
                    write(&mut row.value, &body);
                }
                answer(200, "{}")
            }
            (Method::Get, ["v1", "sessions", id]) => match self.sessions.get(*id) {
                Some(attributes) => {
                    ok(&json!({"data": {"id": id, "type": "sessions", "attributes": attributes}}).to_string())
                }
                None => answer(404, r#"{"errors":[{"detail":"Session not found"}]}"#),
            },
            (Method::Get, ["v1", "events", id]) => match &self.event_title {
                Some(title) => {
                    let mut attributes = self.event_attributes.clone();
                    attributes["title"] = json!(title);
                    let tags: Vec<Value> = query("include")
                        .filter(|included| *included == "tags")
                        .map(|_| vec![json!({"id": "T1", "type": "tags", "attributes": {"title": "Marketing"}})])
                        .unwrap_or_default();
                    ok(&json!({"data": {"id": id, "type": "events", "attributes": attributes}, "included": tags})
                        .to_string())
                }
                None => answer(404, "{}"),
            },
            (Method::Get, ["v1", "users"]) => {
                let rows: Vec<Value> = self.users.iter().map(|email| json!({"attributes": {"email": email}})).collect();
                ok(&json!({"data": rows, "meta": {"next_page": null}}).to_string())
            }
            (Method::Get, ["v1", "sessions", id, "people"]) => {
                let rows = self.people.get(*id).cloned().unwrap_or_default();
                let rows: Vec<Value> = rows
                    .into_iter()
                    .filter(|row| query("filter[email]").is_none_or(|email| row["attributes"]["email"] == email))
                    .collect();
                let (size, page) = (self.page_size, query("page[number]").unwrap().parse::<usize>().unwrap());
                let (records, pages) = (rows.len(), rows.len().div_ceil(size));
                let times = self.page_reads.entry(page).or_default();
                *times += 1;
                if *times > 1 && self.cut_second_reading_at == Some(page) {
                    return Err(HttpError::Stopped("the call's time is used up".into()));
                }
                if page > 0 && page >= pages {
                    return answer(400, r#"{"errors":[{"detail":"there is no such page"}]}"#);
                }
                let shown: Vec<Value> = rows.into_iter().skip(page * size).take(size).collect();
                // Somebody is taken out of the session right after a page was read.
                if let Some((_, row)) = self.leaves_after_page.take_if(|(after, _)| *after == page) {
                    let rows = self.people.get_mut(*id).unwrap();
                    rows.remove(row);
                    rows.extend(self.comes_instead.take());
                }
                let next = (page + 1 < pages).then_some(page + 1);
                let meta =
                    json!({"current_page": page, "next_page": next, "page_count": pages, "record_count": records});
                ok(&json!({"data": shown, "meta": meta}).to_string())
            }
            (Method::Get, ["v1", "events", id, "sessions"]) => {
                let rows: Vec<Value> = self
                    .sessions
                    .iter()
                    .filter(|(_, attributes)| attributes["event_id"] == *id)
                    .map(|(id, attributes)| self.session_row(id, attributes))
                    .collect();
                ok(&json!({"data": rows, "meta": {"next_page": null}}).to_string())
            }
            (Method::Post, ["services", "data", "v62.0", "sobjects", "Campaign"]) => self.create_campaign(body),
            (Method::Post, ["v1", "sessions", id, "people"]) => self.register(id, &body),
            (Method::Get, ["services", "data", "v62.0", "query"]) => {
                let soql = query("q").unwrap();
                if let Some(id) = soql.split("WHERE Id = '").nth(1) {
                    let id = id.trim_end_matches('\'');
                    let rows = self.campaigns.iter().filter(|row| row.value["Id"] == id).map(|row| row.value.clone());
                    return ok(&json!({"done": true, "records": rows.collect::<Vec<_>>()}).to_string());
                }
                let name = soql.split("Name = '").nth(1).unwrap().split("' AND").next().unwrap().replace("\\'", "'");
                let rows =
                    self.campaigns.iter().filter(|row| row.value["Name"] == name.as_str()).map(|row| row.value.clone());
                ok(&json!({"done": true, "records": rows.collect::<Vec<_>>()}).to_string())
            }
            (Method::Get, ["api", "v5", "objects", "campaigns"]) => {
                let after = iso(query("createdAtAfterOrEqualTo").unwrap()).unwrap();
                let shown =
                    |row: &&Row| row.at + self.connected_after <= self.now && row.at + self.connected_after >= after;
                let rows = self
                    .campaigns
                    .iter()
                    .filter(shown)
                    .map(|row| json!({"id": row.value["number"], "salesforceId": row.value["Id"]}));
                ok(&json!({"values": rows.collect::<Vec<_>>(), "nextPageToken": null}).to_string())
            }
            (Method::Get, ["api", "v5", "objects", "campaigns", id]) => self.campaign(id),
            (Method::Get, ["api", "v5", "objects", "visitor-activities"]) => self.submitted(&query),
            (Method::Get, ["api", "v5", "objects", "prospects", id]) => {
                match self.prospects.iter().find(|row| is_id(&row.value["id"], id)) {
                    Some(row) => ok(&row.value.to_string()),
                    None => answer(404, r#"{"code":109,"message":"The requested record was not found."}"#),
                }
            }
            (Method::Post, ["api", "v5", "objects", "lists"]) => self.create_list(body),
            (Method::Get, ["api", "v5", "objects", "lists"]) => self.values(&self.lists),
            (Method::Get, ["api", "v5", "objects", "prospects"]) => {
                let email = query("email").unwrap();
                let rows: Vec<Row> = self
                    .prospects
                    .iter()
                    .filter(|row| row.value["email"] == email && row.value["isDeleted"] != true)
                    .cloned()
                    .collect();
                self.values(&rows)
            }
            (Method::Patch, ["api", "v5", "objects", "prospects", id]) => {
                let now = self.now;
                match self
                    .prospects
                    .iter_mut()
                    .find(|row| is_id(&row.value["id"], id) && row.value["isDeleted"] != true)
                {
                    Some(row) => {
                        write(&mut row.value, &body);
                        row.at = row.at.min(now);
                        answer(204, "")
                    }
                    None => answer(404, r#"{"code":109,"message":"The requested record was not found."}"#),
                }
            }
            (Method::Post, ["api", "v5", "objects", "prospects", "do", "upsertLatestByEmail"]) => {
                let prospect = &body["prospect"];
                let live = |row: &&mut Row| row.value["email"] == prospect["email"] && row.value["isDeleted"] != true;
                if let Some(row) = self.prospects.iter_mut().find(live) {
                    write(&mut row.value, prospect);
                    return ok(&json!({"id": row.value["id"]}).to_string());
                }
                let mut made = prospect.clone();
                let id = self.id();
                made["id"] = id.into();
                self.prospects.push(Row { at: self.now, value: made });
                answer(201, &json!({"id": id}).to_string())
            }
            (Method::Post, ["api", "v5", "objects", "list-memberships"]) => self.join(&body),
            (Method::Get, ["api", "v5", "objects", "list-memberships"]) => self.members(&query),
            (Method::Delete, ["api", "v5", "objects", "list-memberships", id]) => {
                let Some(place) = self.memberships.iter().position(|row| is_id(&row.value["id"], id)) else {
                    return answer(404, r#"{"code":109,"message":"The requested record was not found."}"#);
                };
                self.deleted_memberships.push((self.now, self.memberships.remove(place)));
                answer(204, "")
            }
            (Method::Post, ["api", "v5", "external-activities"]) => {
                let id = self.id();
                let mut made = body;
                made["id"] = id.into();
                self.activities.push(Row { at: self.now, value: made });
                answer(201, &json!({"id": id}).to_string())
            }
            (Method::Get, ["api", "v5", "external-activities"]) => {
                let after = iso(query("createdAtAfterOrEqualTo").unwrap()).unwrap();
                let before = iso(query("createdAtBeforeOrEqualTo").unwrap()).unwrap();
                let rows: Vec<Row> =
                    self.activities.iter().filter(|row| (after..=before).contains(&row.at)).cloned().collect();
                self.values(&rows)
            }
            other => panic!("no such call: {other:?}"),
        }
    }

    pub fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Rows that a read shows already.
    fn values(&self, rows: &[Row]) -> Answer {
        let rows: Vec<&Value> = rows.iter().filter(|row| row.at + LAG <= self.now).map(|row| &row.value).collect();
        ok(&json!({"values": rows, "nextPageToken": null}).to_string())
    }

    fn create_campaign(&mut self, mut body: Value) -> Answer {
        if body.get("Type").is_some() && !self.webinar_is_a_type {
            return answer(
                400,
                r#"[{"message":"Type: bad value for restricted picklist field: Webinar","errorCode":"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST","fields":["Type"]}]"#,
            );
        }
        let number = self.id();
        let id = format!("70100000000{number:04}AAA");
        body["Id"] = id.clone().into();
        body["number"] = number.into();
        self.campaigns.push(Row { at: self.now, value: body });
        answer(201, &json!({"id": id, "success": true, "errors": []}).to_string())
    }

    fn create_list(&mut self, mut body: Value) -> Answer {
        let name = body["name"].as_str().unwrap().to_string();
        if name.chars().count() > self.list_name_max {
            return answer(400, r#"{"code":138,"message":"Name must be 50 characters or less."}"#);
        }
        if self.names_in_use.contains(&name) {
            return answer(400, r#"{"code":245,"message":"name already in use"}"#);
        }
        let id = self.id();
        body["id"] = id.into();
        self.lists.push(Row { at: self.now, value: body });
        answer(201, &json!({"id": id}).to_string())
    }

    fn join(&mut self, body: &Value) -> Answer {
        let known =
            self.prospects.iter().any(|row| row.value["id"] == body["prospectId"] && row.value["isDeleted"] != true);
        if !known {
            return answer(400, r#"{"code":3,"message":"Invalid prospect ID"}"#);
        }
        if !self.lists.iter().any(|row| row.value["id"] == body["listId"]) {
            return answer(400, r#"{"code":55,"message":"Invalid list ID"}"#);
        }
        let same = |row: &Row| row.value["listId"] == body["listId"] && row.value["prospectId"] == body["prospectId"];
        let was_deleted = self.deleted_memberships.iter().any(|(_, row)| same(row));
        if self.memberships.iter().any(same) || was_deleted && self.refuses_deleted_members {
            return answer(400, r#"{"code":58,"message":"That prospect is already a memeber of that list."}"#);
        }
        let id = self.id();
        let mut made = body.clone();
        made["id"] = id.into();
        self.memberships.push(Row { at: self.now, value: made });
        answer(201, &json!({"id": id}).to_string())
    }

    /// A read shows neither a membership nor its deletion at once.
    fn members<'a>(&self, query: &dyn Fn(&str) -> Option<&'a str>) -> Answer {
        let wanted = |row: &Row| {
            row.at + LAG <= self.now
                && is_id(&row.value["listId"], query("listId").unwrap())
                && is_id(&row.value["prospectId"], query("prospectId").unwrap())
        };
        let deleted = self.deleted_memberships.iter().filter(|(_, row)| wanted(row)).map(|(at, row)| {
            let mut value = row.value.clone();
            value["isDeleted"] = json!(at + LAG <= self.now);
            value
        });
        let live = self.memberships.iter().filter(|row| wanted(row)).map(|row| row.value.clone());
        let all = query("deleted") == Some("all");
        let rows: Vec<Value> = live.chain(deleted).filter(|value| all || value["isDeleted"] != true).collect();
        ok(&json!({"values": rows, "nextPageToken": null}).to_string())
    }

    pub fn add_prospect(&mut self, value: Value) {
        self.prospects.push(Row { at: 0, value });
    }

    /// All that counts when two worlds are compared (RULES 3): no ids, no creation times.
    pub fn told(&self) -> Value {
        let name_of = |rows: &[Row], id: &Value, field: &str| {
            rows.iter().find(|row| &row.value["id"] == id).map_or(Value::Null, |row| row.value[field].clone())
        };
        let campaign = |id: &Value| {
            self.campaigns.iter().find(|row| &row.value["number"] == id).map(|row| row.value["Name"].clone())
        };
        let mut prospects: Vec<Value> = Vec::new();
        for row in &self.prospects {
            let mut fields: Map<String, Value> = row.value.as_object().unwrap().clone();
            fields.remove("id");
            fields.insert("campaignId".into(), campaign(&row.value["campaignId"]).unwrap_or(Value::Null));
            prospects.push(Value::Object(fields));
        }
        let lists = self
            .lists
            .iter()
            .map(|row| json!([row.value["name"], row.value["description"], campaign(&row.value["campaignId"])]));
        let members = self.memberships.iter().map(|row| {
            json!([
                name_of(&self.lists, &row.value["listId"], "name"),
                name_of(&self.prospects, &row.value["prospectId"], "email")
            ])
        });
        let activities = self
            .activities
            .iter()
            .map(|row| json!([row.value["type"], row.value["email"], row.value["value"], row.value["activityDate"]]));
        let sorted = |mut rows: Vec<Value>| {
            rows.sort_by_key(Value::to_string);
            Value::from(rows)
        };
        json!({
            "campaigns": sorted(self.campaigns.iter().map(|row| row.value["Name"].clone()).collect()),
            "lists": sorted(lists.collect()),
            "prospects": sorted(prospects),
            "members": sorted(members.collect()),
            "activities": sorted(activities.collect()),
        })
    }
}

thread_local! {
    /// The last settings, and what they grant: stories ask it of each request.
    static GRANTED: RefCell<(String, Rc<Vec<EgressRule>>)> = RefCell::default();
}

fn rules(settings: &str) -> Rc<Vec<EgressRule>> {
    GRANTED.with_borrow_mut(|(of, rules)| {
        if of != settings {
            (*of, *rules) = (settings.into(), Rc::new(crate::manifest::egress(settings).unwrap()));
        }
        rules.clone()
    })
}

/// Nothing is sent that the manifest does not ask for.
fn assert_granted(request: &Request, settings: &str) {
    let body: Value = request.body.as_ref().map_or(Value::Null, |body| serde_json::from_slice(&body.bytes).unwrap());
    let names: Vec<String> = body.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let granted = rules(settings).iter().any(|rule| {
        let path = rule.path.iter().zip(&request.path).all(|(pattern, segment)| pattern == "*" || pattern == segment);
        rule.connection == request.connection
            && rule.methods == [request.method]
            && rule.path.len() == request.path.len()
            && path
            && names.iter().all(|name| rule.body_fields.contains(name))
    });
    assert!(granted, "{:?} {:?} {names:?}", request.method, request.path);
}

pub fn is_id(value: &Value, id: &str) -> bool {
    value.as_u64().is_some_and(|number| id.parse() == Ok(number))
}

pub fn write(row: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().unwrap() {
        row[name.as_str()] = value.clone();
    }
}
