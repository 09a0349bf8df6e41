//! An org in order, as its answers; and what makes one thing of it otherwise.

use crate::{call::SALESFORCE, host::Request};
use serde_json::{Value, json};

pub fn writable(name: &str, more: Value) -> Value {
    let mut field = json!({"name": name, "label": name, "type": "string", "length": 80, "createable": true,
        "updateable": true, "nillable": true, "custom": name.ends_with("__c")});
    more.as_object().unwrap().iter().for_each(|(key, value)| field[key] = value.clone());
    field
}

pub fn picklist(values: &[&str], restricted: bool) -> Value {
    let rows: Vec<Value> = values.iter().map(|value| json!({"value": value, "label": value, "active": true})).collect();
    json!({"type": "picklist", "restrictedPicklist": restricted, "picklistValues": rows})
}

pub fn described(object: &str) -> Value {
    let names: &[&str] = match object {
        "Lead" => &["FirstName", "LastName", "Company", "Email", "Title", "Phone", "City", "Country", "Website"],
        "Contact" => &["FirstName", "LastName", "Email", "Title", "Phone", "MailingCity", "MailingCountry"],
        "CampaignMember" => &["Status", "Livestorm_Replay_Status__c", "Minutes__c"],
        _ => &["Name"],
    };
    let mut fields: Vec<Value> = names.iter().map(|name| writable(name, json!({}))).collect();
    if object == "Campaign" {
        fields.push(writable("Type", picklist(&["Conference", "Webinar"], true)));
    }
    if object == "CampaignMember" {
        fields[2]["type"] = json!("double");
    }
    json!({"createable": true, "updateable": true, "fields": fields})
}

pub fn in_order(request: &Request) -> Value {
    let soql = request.query.first().map(|(_, value)| value.as_str()).unwrap_or_default();
    match request.purpose.as_str() {
        "read webhooks" => {
            let told =
                ["session.created", "people.registered", "session.ended", "people.watched_replay", "event.published"];
            json!({"data": told.map(|event| json!({"attributes": {"event": event}}))})
        }
        "read events" => json!({"data": [
            {"attributes": {"title": "Demo", "scheduling_status": "upcoming", "fields": [{"id": "company", "required": true}]}},
            {"attributes": {"title": "Long ago", "scheduling_status": "ended", "fields": []}},
        ]}),
        "test the connection" if request.connection == SALESFORCE => {
            json!({"DailyApiRequests": {"Max": 15000, "Remaining": 14998}})
        }
        "read own user" => json!({"user_id": "005000000000001AAA"}),
        "describe campaign" => described("Campaign"),
        "describe" => described(&request.path[4]),
        "query" if soql.contains("FROM User") => {
            json!({"records": [{"Username": "a@example.org", "UserPermissionsMarketingUser": true,
                "Profile": {"Name": "System Administrator", "PermissionsModifyAllData": true}}]})
        }
        "query" if soql.contains("FROM RecordType") => {
            json!({"records": [{"Id": "012000000000001AAA", "Name": "Webinars", "SobjectType": "Campaign", "IsActive": true}]})
        }
        "query" if soql.contains("FROM Campaign WHERE") => json!({"records": [{"Id": "701", "Name": "All webinars"}]}),
        _ => json!({"data": [], "records": []}),
    }
}

/// One field of an object otherwise; `None` takes it out.
pub fn field_of(object: &'static str, name: &'static str, change: Option<Value>) -> impl Fn(&Request, &mut Value) {
    move |request, body| {
        let of_campaign = object == "Campaign" && request.purpose == "describe campaign";
        if !(of_campaign || request.purpose == "describe" && request.path[4] == object) {
            return;
        }
        let fields = body["fields"].as_array_mut().unwrap();
        let there = fields.iter().position(|field| field["name"] == name);
        match (&change, there) {
            (None, Some(at)) => drop(fields.remove(at)),
            (Some(change), Some(at)) => {
                change.as_object().unwrap().iter().for_each(|(key, value)| fields[at][key] = value.clone());
            }
            (Some(change), None) => fields.push(writable(name, change.clone())),
            (None, None) => panic!("{object} has no {name} to take out"),
        }
    }
}

pub fn right(object: &'static str, right: &'static str) -> impl Fn(&Request, &mut Value) {
    move |request, body| {
        if request.purpose == "describe" && request.path[4] == object {
            body[right] = json!(false);
        }
    }
}

pub fn user(profile: Value) -> impl Fn(&Request, &mut Value) {
    move |request, body| {
        if request.query.iter().any(|(_, query)| query.contains("FROM User")) {
            body["records"][0]["Profile"] = profile.clone();
        }
    }
}

pub fn records(of: &'static str, rows: Value) -> impl Fn(&Request, &mut Value) {
    move |request, body| {
        if request.query.iter().any(|(_, query)| query.contains(of)) {
            body["records"] = rows.clone();
        }
    }
}
