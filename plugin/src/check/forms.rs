//! What is looked at where people register by forms of Account Engagement: which form belongs to which session (S2-46), and that
//! what they do afterwards is written somewhere, since nobody gets activities (RULES 19, S2-57).

use super::{Unread, body, fine, not_read, rows, text};
use crate::{
    account_engagement::{
        calls::{CAMPAIGNS, FORM_HANDLERS, FORMS},
        campaign::short,
    },
    call::{ACCOUNT_ENGAGEMENT, LIVESTORM, SALESFORCE},
    host::{Answer, Finding, Host, Severity},
    mapping::{self, target_field::Object},
    salesforce::{calls::QUERY, campaign::session_of, soql},
    settings::Settings,
};
use serde_json::Value;

/// As many of each kind as are told one by one.
const TOLD_MAX: usize = 50;
/// Campaigns of Salesforce that are asked for at once.
const CAMPAIGNS_MAX: usize = 200;
const REMEDY: &str = "Edit the form (Content > Forms, or Form Handlers) and choose, as its campaign, the one that the connector has made \
                      for the session.";

struct Form {
    /// `form 31`
    what: String,
    name: String,
    campaign: String,
}

/// A campaign that forms belong to.
struct Campaign {
    id: String,
    name: String,
    salesforce_id: String,
}

/// Each form with its campaign and session.
pub fn ties(host: &dyn Host) -> Vec<Finding> {
    let code = "forms";
    let unread = |what: &str, why: &Unread| {
        let remedy = "Give the connected user's role in Account Engagement the abilities to view forms, form handlers and campaigns; then \
                      check again.";
        vec![not_read(code, ACCOUNT_ENGAGEMENT, what, why, remedy)]
    };
    let fields = ("fields", "id,name,campaignId");
    let of = |call: &crate::call::Call| call.request(&[], &[fields, ("orderBy", "id DESC"), ("limit", "1000")], None);
    let campaigns = [("fields", "id,name,salesforceId"), ("orderBy", "id DESC"), ("limit", "1000")];
    let answers = host.send_all(vec![of(&FORMS), of(&FORM_HANDLERS), CAMPAIGNS.request(&[], &campaigns, None)]);
    let read = |place: usize| body(ACCOUNT_ENGAGEMENT, answers.get(place));
    let (forms, handlers, campaigns) = match (read(0), read(1), read(2)) {
        (Ok(forms), Ok(handlers), Ok(campaigns)) => (forms, handlers, campaigns),
        (Err(why), ..) => return unread("Forms", &why),
        (_, Err(why), _) => return unread("Form handlers", &why),
        (.., Err(why)) => return unread("Campaigns", &why),
    };
    let form = |what: &str, row: &Value| Form {
        what: format!("{what} {}", text(row, "id")),
        name: text(row, "name"),
        campaign: text(row, "campaignId"),
    };
    let mut all: Vec<Form> = rows(&forms, "values").map(|row| form("form", row)).collect();
    all.extend(rows(&handlers, "values").map(|row| form("form handler", row)));
    let campaigns: Vec<Campaign> = rows(&campaigns, "values")
        .map(|row| Campaign { id: text(row, "id"), name: text(row, "name"), salesforce_id: text(row, "salesforceId") })
        .filter(|campaign| all.iter().any(|form| form.campaign == campaign.id))
        .collect();
    match sessions(host, &campaigns) {
        Ok(sessions) => told(&all, &campaigns, &sessions),
        Err(why) => unread("Campaigns of forms in Salesforce", &why),
    }
}

/// Id in Salesforce (its first 15 characters) and session, of those campaigns that are ours.
fn sessions(host: &dyn Host, campaigns: &[Campaign]) -> Result<Vec<(String, String)>, Unread> {
    let ids: Vec<&str> = campaigns
        .iter()
        .map(|one| one.salesforce_id.as_str())
        .filter(|id| !id.is_empty())
        .take(CAMPAIGNS_MAX)
        .collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = format!("SELECT Id, Description FROM Campaign WHERE Id IN ({})", soql::list(ids));
    let answer: Vec<Answer> = host.send_all(vec![QUERY.request(&[], &[("q", &query)], None)]);
    let body = body(SALESFORCE, answer.first())?;
    let session = |row: &Value| {
        let session = session_of(row.get("Description")?.as_str()?)?.to_string();
        Some((short(&text(row, "Id"))?.to_string(), session))
    };
    Ok(rows(&body, "records").filter_map(session).collect())
}

fn told(forms: &[Form], campaigns: &[Campaign], sessions: &[(String, String)]) -> Vec<Finding> {
    let (mut tied, mut elsewhere) = (Vec::new(), Vec::new());
    for Form { what, name, campaign } in forms {
        let known = campaigns.iter().find(|one| one.id == *campaign);
        let session = known.and_then(|one| sessions.iter().find(|(id, _)| short(&one.salesforce_id) == Some(id)));
        let campaign = known.map_or_else(|| campaign.clone(), |one| format!("\"{}\" ({campaign})", one.name));
        let place = format!("{ACCOUNT_ENGAGEMENT}/{what}");
        match session {
            Some((_, session)) => {
                let seen = format!(
                    "The {what}, \"{name}\", registers people for session {session}: its campaign is {campaign}."
                );
                tied.push(fine("form", &place, &seen));
            }
            None => {
                let problem = format!(
                    "The {what}, \"{name}\", registers nobody: its campaign {campaign} is not the one of a session."
                );
                let remedy = format!("If that is meant, nothing is to be done. Otherwise: {REMEDY}");
                elsewhere.push(Finding::new("form-elsewhere", Severity::Notice, &place, &problem, &remedy));
            }
        }
    }
    let mut findings = Vec::new();
    if tied.is_empty() {
        let problem =
            "No form or form handler belongs to the campaign of a session, so nobody can register by one yet.";
        findings.push(Finding::new("forms", Severity::Notice, ACCOUNT_ENGAGEMENT, problem, REMEDY));
    }
    for (code, severity, kind) in [("form", Severity::Fine, tied), ("form-elsewhere", Severity::Notice, elsewhere)] {
        let more = kind.len().saturating_sub(TOLD_MAX);
        findings.extend(kind.into_iter().take(TOLD_MAX));
        if more > 0 {
            let problem = format!("And {more} more forms and form handlers of which the same can be said.");
            let remedy = if severity == Severity::Fine { "" } else { "Nothing is to be done." };
            findings.push(Finding::new(code, severity, ACCOUNT_ENGAGEMENT, &problem, remedy));
        }
    }
    findings
}

/// S2-57: attendance and replays are in mapped fields or nowhere.
pub fn results(settings: &Settings) -> Finding {
    let (code, place) = ("attendance-fields", "/mapping/prospect");
    let rules = mapping::rules(&settings.mapping, Object::Prospect);
    let is_read = |group: &str| rules.iter().any(|rule| rule.reads().any(|source| source.starts_with(group)));
    let groups = [("attendance.", "who attended"), ("replay.", "who watched the replay")];
    let missing: Vec<&str> = groups.iter().filter(|(group, _)| !is_read(group)).map(|(_, what)| *what).collect();
    if missing.is_empty() {
        return fine(code, place, "Attendance and replays are written to fields of the prospect.");
    }
    let problem = format!(
        "No field of the prospect is mapped that tells {}. Where people register by forms of Account Engagement there are no external \
         activities, so it is told nowhere.",
        missing.join(", nor ")
    );
    let remedy = "Make custom fields for prospects and map them: attendance.attended, attendance.duration, attendance.messages, \
                  attendance.questions, replay.watched.";
    Finding::new(code, Severity::Warning, place, &problem, remedy)
}

/// Could be tried by registering somebody alone.
pub fn may_register() -> Finding {
    let problem = "Whether the Livestorm token may register people (scope events:write) cannot be read.";
    let remedy = "See in Livestorm (Account settings > Apps > API) that the token has write access to Events. Without it, who submits a \
                  form is listed as needing attention, and nobody is lost.";
    Finding::new("livestorm-register", Severity::Notice, LIVESTORM, problem, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::Request,
        settings,
        test_host::{TestHost, answer, ok},
    };
    use serde_json::json;

    fn shown(spoil: fn(&Request, &mut Value) -> Option<Answer>) -> Vec<(String, Severity, String)> {
        let host = TestHost::new(0, move |request| {
            let mut body = match request.purpose.as_str() {
                "read forms" => {
                    json!({"values": [{"id": 31, "name": "Demo", "campaignId": 7}, {"id": 33, "name": "Fair", "campaignId": 8}]})
                }
                "read form handlers" => json!({"values": [{"id": 32, "name": "Own site", "campaignId": 7}]}),
                "look for campaigns" => {
                    json!({"values": [{"id": 7, "name": "Demo - 2026", "salesforceId": "701000000000001AAA"},
                    {"id": 8, "name": "Spring", "salesforceId": null}, {"id": 9, "name": "Other", "salesforceId": "701000000000002AAA"}]})
                }
                _ => {
                    assert!(request.query[0].1.ends_with("IN ('701000000000001AAA')"), "{:?}", request.query);
                    json!({"records": [{"Id": "701000000000001", "Description": "Livestorm session S1, made by the Livestorm connector"}]})
                }
            };
            spoil(request, &mut body).unwrap_or_else(|| ok(&body.to_string()))
        });
        let findings = ties(&host);
        assert!(findings.iter().all(|one| one.severity == Severity::Fine || !one.remedy.is_empty()));
        findings.into_iter().map(|one| (format!("{} {}", one.code, one.place), one.severity, one.problem)).collect()
    }

    /// S2-46.
    #[test]
    fn each_form_is_listed_with_its_campaign_and_session_and_the_others_as_what_they_are() {
        let shown = shown(|_, _| None);
        let places: Vec<_> = shown.iter().map(|(place, severity, _)| (place.as_str(), *severity)).collect();
        assert_eq!(
            places,
            [
                ("form account-engagement/form 31", Severity::Fine),
                ("form account-engagement/form handler 32", Severity::Fine),
                ("form-elsewhere account-engagement/form 33", Severity::Notice),
            ]
        );
        assert!(shown[0].2.contains("session S1") && shown[0].2.contains("\"Demo - 2026\" (7)"), "{shown:?}");
        assert!(shown[2].2.contains("\"Spring\" (8)"), "{shown:?}");
    }

    #[test]
    fn there_is_a_cap_and_no_form_of_a_session_is_told() {
        let many = shown(|request, body| {
            let form = |id: usize| json!({"id": id, "name": "Fair", "campaignId": 8});
            if request.purpose.starts_with("read form") {
                body["values"] = (0..40).map(form).collect();
            }
            None
        });
        assert_eq!(many.len(), 1 + TOLD_MAX + 1);
        assert!(many[0].2.contains("nobody can register") && many.last().unwrap().2.contains("30 more"), "{many:?}");
    }

    #[test]
    fn what_cannot_be_read_is_a_finding() {
        for purpose in ["read forms", "read form handlers", "look for campaigns", "query"] {
            let spoil: fn(&Request, &mut Value) -> Option<Answer> = match purpose {
                "read forms" => |r, _| (r.purpose == "read forms").then(|| answer(403, r#"{"code":46}"#)),
                "read form handlers" => {
                    |r, _| (r.purpose == "read form handlers").then(|| answer(403, r#"{"code":46}"#))
                }
                "look for campaigns" => |r, _| (r.purpose == "look for campaigns").then(|| answer(503, "")),
                _ => |r, _| (r.purpose == "query").then(|| answer(403, "[]")),
            };
            let shown = shown(spoil);
            assert_eq!((shown.len(), shown[0].1), (1, Severity::Warning), "{purpose}: {shown:?}");
        }
    }

    /// S2-57.
    #[test]
    fn attendance_that_is_written_nowhere_is_told() {
        let result =
            |rules: Value| results(&settings::parse(&json!({"mapping": {"prospect": rules}}).to_string()).unwrap());
        let attended = json!({"source": "attendance.attended", "target": "Attended__c"});
        let replay = json!({"source": "replay.watched", "target": "Replay__c"});
        let none = result(json!([]));
        assert!(none.severity == Severity::Warning && none.problem.contains("attended, nor who watched"), "{none:?}");
        assert!(result(json!([attended])).problem.contains("tells who watched the replay"));
        assert_eq!(result(json!([attended, replay])).severity, Severity::Fine);
    }
}
