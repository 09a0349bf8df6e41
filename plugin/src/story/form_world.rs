//! What registering by forms needs of the world: who submits, what Account Engagement shows of it, and Livestorm taking
//! registrations by its API.

use super::world::{Row, World, is_id, write};
use crate::{
    account_engagement::time,
    calendar::parse as iso,
    host::Answer,
    test_host::{answer, ok},
};
use serde_json::{Value, json};

impl World {
    /// The campaign of a session, as Account Engagement knows it.
    pub fn campaign_of(&self, session: &str) -> u64 {
        let description = format!("Livestorm session {session}, made by the Livestorm connector");
        let of = |row: &&Row| row.value["Description"] == description;
        self.campaigns.iter().find(of).and_then(|row| row.value["number"].as_u64()).unwrap()
    }

    /// A campaign that an administrator has made.
    pub fn add_campaign(&mut self, description: &str) -> u64 {
        let number = self.id();
        let value = json!({"Id": format!("70100000000{number:04}AAA"), "number": number, "Name": format!("Campaign {number}"),
            "Description": description});
        self.campaigns.push(Row { at: 0, value });
        number
    }

    /// Somebody submits a form of that campaign: their prospect has the answers, the latest of several. The activity's id.
    pub fn submit(&mut self, campaign: u64, email: &str, answers: Value) -> u64 {
        let is_theirs = |row: &&mut Row| row.value["email"] == email && row.value["isDeleted"] != true;
        let prospect = match self.prospects.iter_mut().rfind(is_theirs) {
            Some(row) => {
                write(&mut row.value, &answers);
                row.value["id"].clone()
            }
            None => {
                let mut made = json!({"id": self.id(), "email": email, "campaignId": campaign});
                write(&mut made, &answers);
                self.prospects.push(Row { at: self.now, value: made.clone() });
                made["id"].clone()
            }
        };
        let id = self.id();
        let activity = json!({"id": id, "type": 4, "campaignId": campaign, "formId": 31, "formHandlerId": null,
            "prospectId": prospect, "createdAt": time(self.now), "prospect": {"email": email}});
        self.submissions.push(Row { at: self.now, value: activity });
        id
    }

    pub fn campaign(&self, id: &str) -> Answer {
        match self.campaigns.iter().find(|row| is_id(&row.value["number"], id)) {
            Some(row) => {
                ok(&json!({"id": row.value["number"], "name": row.value["Name"], "salesforceId": row.value["Id"]})
                    .to_string())
            }
            None => answer(404, r#"{"code":109,"message":"The requested record was not found."}"#),
        }
    }

    pub fn submitted<'a>(&self, query: &impl Fn(&str) -> Option<&'a str>) -> Answer {
        let since = iso(query("createdAtAfterOrEqualTo").unwrap()).unwrap();
        let shown = |row: &&Row| row.at <= self.now && iso(row.value["createdAt"].as_str().unwrap()).unwrap() >= since;
        let mut rows: Vec<&Value> = self.submissions.iter().filter(shown).map(|row| &row.value).collect();
        rows.sort_by_key(|row| row["id"].as_u64());
        assert!(rows.len() < 1_000 && query("type") == Some("4"));
        ok(&json!({"values": rows, "nextPageToken": null}).to_string())
    }

    /// Livestorm, as its page has it: 404, 422, 409, and a question that is not asked.
    pub fn register(&mut self, session: &str, body: &Value) -> Answer {
        let refused = |status, detail: &str| answer(status, &json!({"errors": [{"detail": detail}]}).to_string());
        let Some(attributes) = self.sessions.get(session) else { return refused(404, "Session not found") };
        if ["past", "canceled"].contains(&attributes["status"].as_str().unwrap()) {
            return refused(422, "This session doesn't accept registrations anymore");
        }
        let fields = body["data"]["attributes"]["fields"].as_array().unwrap();
        let id = |field: &Value| field["id"].as_str().unwrap().to_string();
        if let Some(unasked) = fields.iter().map(id).find(|id| !self.questions.contains(&id.as_str())) {
            return refused(422, &format!("The field '{unasked}' doesn't exist"));
        }
        let said = |id: &str| {
            fields.iter().find(|field| field["id"] == id).map_or(Value::Null, |field| field["value"].clone())
        };
        let people = self.people.entry(session.into()).or_default();
        if people.iter().any(|row| row["attributes"]["email"] == said("email")) {
            return refused(409, "has already been registered");
        }
        let email = said("email");
        let data = json!({"id": format!("P-{}", email.as_str().unwrap()), "type": "people", "attributes": {"role": "participant",
            "email": email, "first_name": said("first_name"), "last_name": said("last_name"),
            "registrant_detail": {"event_id": "E1", "session_id": session, "created_at": self.now / 1_000,
                "fields": fields, "connection_link": "https://app.livestorm.co/p/E1/live?key=secret"}}});
        people.push(data.clone());
        if let Some(webhooks) = &mut self.told {
            let mut told = data.clone();
            told["meta"] = json!({"webhook": {"id": "W2", "event": "people.registered", "organization_id": "O1"}});
            webhooks.push(json!({ "data": told }));
        }
        answer(201, &json!({ "data": data }).to_string())
    }

    /// Who is registered for a session.
    pub fn registrants(&self, session: &str) -> Vec<String> {
        let rows = self.people.get(session).map(Vec::as_slice).unwrap_or_default();
        rows.iter().map(|row| row["attributes"]["email"].as_str().unwrap().to_string()).collect()
    }
}
