//! What is looked at in Salesforce: for both destinations the user's rights and whether campaigns can be made; for Account
//! Engagement what external activities need.

use super::{Part, Unread, body, fine, not_read, rows, text};
use crate::{
    account_engagement::activity::Activity,
    call::SALESFORCE,
    host::{Answer, Finding, Host, Response, Severity},
    json,
    salesforce::{
        calls::{DESCRIBE_CAMPAIGN, LIMITS, QUERY, TOOLING_QUERY, USERINFO},
        campaign, soql,
    },
    settings::{Destination, Settings},
};
use serde_json::Value;

pub const SIGN_IN: &str =
    "Sign in again as a user with API access; a Salesforce administrator gives it by the permission API Enabled.";
const USER_REMEDY: &str = "Sign in as another user, or let a Salesforce administrator change this one (Setup > Users).";

pub const EXTENSIONS: &str = "SELECT Id, DeveloperName, MasterLabel, IsActive FROM MarketingAppExtension";
pub const ASSIGNMENTS: &str = "SELECT Id, MarketingAppExtensionId, ParentId FROM MarketingAppExtAssignment";
pub const ACTIVITY_TYPES: &str =
    "SELECT Id, DeveloperName, MasterLabel, MarketingAppExtensionId, IsActive FROM MarketingAppExtActivity";
pub const TENANTS: &str = "SELECT Id, PardotTenantId, PardotTenantName FROM PardotTenant";
pub const CAMPAIGNS: &str = "SELECT Id, Name, Description FROM Campaign ORDER BY CreatedDate DESC LIMIT 500";

pub fn part(settings: &Settings) -> Part {
    let tooling = |soql: &&str| TOOLING_QUERY.request(&[], &[("q", soql)], None);
    let mut requests = vec![
        LIMITS.request(&[], &[], None),
        USERINFO.request(&[], &[], None),
        DESCRIBE_CAMPAIGN.request(&[], &[], None),
        QUERY.request(&[], &[("q", CAMPAIGNS)], None),
    ];
    // What activities need is asked where there are any.
    if !settings.registers_from_forms() {
        requests.extend([EXTENSIONS, ASSIGNMENTS, ACTIVITY_TYPES, TENANTS].iter().map(tooling));
    }
    Part { connection: SALESFORCE, requests, judge }
}

pub fn seen(response: &Response) -> String {
    let body = json::parse(&response.body).unwrap_or(Value::Null);
    let number = |name: &str| body["DailyApiRequests"].get(name).and_then(json::scalar);
    match (number("Remaining"), number("Max")) {
        (Some(left), Some(most)) => format!("{left} of {most} API calls are left today."),
        _ => "The sign-in is taken.".into(),
    }
}

fn judge(settings: &Settings, answers: &[Answer]) -> Vec<Finding> {
    let [_, describe, campaigns, tooling @ ..] = answers else { return Vec::new() };
    let mut findings = vec![createable(describe), other_flow(campaigns)];
    if settings.registers_from_forms() {
        return findings;
    }
    findings.extend(match SetUp::read(tooling) {
        Ok(set_up) => set_up.findings(settings),
        Err(why) => vec![not_read(
            "extension",
            SALESFORCE,
            "Marketing app extension, assignment and activity types",
            &why,
            "Let a System Administrator sign in, or compare Setup > Marketing App Extensions with the settings by hand.",
        )],
    });
    findings
}

/// Rights of the user, who is known by the first answers only.
pub fn user(host: &dyn Host, destination: Destination, answers: &[Answer]) -> Vec<Finding> {
    let unread = |why: &Unread| {
        vec![not_read("salesforce-user", SALESFORCE, "The connected user's profile", why, "See Setup > Users by hand.")]
    };
    let id = match body(SALESFORCE, answers.first()) {
        Ok(body) => text(&body, "user_id"),
        Err(why) => return unread(&why),
    };
    let view_all = match destination {
        Destination::AccountEngagement => "",
        Destination::Salesforce => ", Profile.PermissionsViewAllData",
    };
    let query = format!(
        "SELECT Id, Username, UserPermissionsMarketingUser, Profile.Name, Profile.PermissionsModifyAllData{view_all} FROM User \
         WHERE Id = {}",
        soql::quoted(&id)
    );
    let answer = host.send_all(vec![QUERY.request(&[], &[("q", &query)], None)]);
    let body = match body(SALESFORCE, answer.first()) {
        Ok(body) => body,
        Err(why) => return unread(&why),
    };
    let Some(user) = rows(&body, "records").next() else {
        return unread(&Unread::Unclear("Salesforce does not show it".into()));
    };
    let mut findings = vec![profile(user, destination), marketing_user(user)];
    if destination == Destination::Salesforce {
        findings.push(view_all_data(user));
    }
    findings
}

/// S2-8, S3-34. Its name is translated; the right to change all data is not. What leads and contacts need is looked at object by
/// object, so another profile is told there and blocks nothing.
fn profile(user: &Value, destination: Destination) -> Finding {
    let profile = user.get("Profile").unwrap_or(&Value::Null);
    let (name, all) = (text(profile, "Name"), text(profile, "PermissionsModifyAllData"));
    if name == "System Administrator" || all == "true" {
        return fine("system-administrator", SALESFORCE, &format!("The connected user has the profile {name}."));
    }
    let problem =
        format!("The connected user {} has the profile {name}, not System Administrator.", text(user, "Username"));
    match destination {
        Destination::AccountEngagement => {
            Finding::new("system-administrator", Severity::Blocker, SALESFORCE, &problem, USER_REMEDY)
        }
        Destination::Salesforce => {
            let problem = format!(
                "{problem} Livestorm asks for that; what is really needed are the rights that the other lines tell."
            );
            Finding::new("system-administrator", Severity::Notice, SALESFORCE, &problem, USER_REMEDY)
        }
    }
}

/// Who is hidden cannot be matched. The profile's right alone can be read; one object's could be given otherwise.
fn view_all_data(user: &Value) -> Finding {
    let code = "view-all";
    let profile = user.get("Profile").unwrap_or(&Value::Null);
    if ["PermissionsModifyAllData", "PermissionsViewAllData"].iter().any(|name| text(profile, name) == "true") {
        return fine(
            code,
            SALESFORCE,
            "The connected user sees every lead and contact, so nobody is made a second time.",
        );
    }
    let problem = "The profile of the connected user does not have View All Data: whoever registers and is a lead or contact that this \
                   user does not see is made a second time.";
    let remedy = "Give the user View All Data, or View All for leads, contacts and accounts (Salesforce Setup > Profiles, or a \
                  permission set, which is not seen here).";
    Finding::new(code, Severity::Warning, SALESFORCE, problem, remedy)
}

fn marketing_user(user: &Value) -> Finding {
    if text(user, "UserPermissionsMarketingUser") == "true" {
        return fine("marketing-user", SALESFORCE, "The connected user is a Marketing User.");
    }
    let problem = "The connected user is no Marketing User, and only those may make campaigns.";
    let remedy = "In Salesforce Setup > Users, edit the user and tick Marketing User.";
    Finding::new("marketing-user", Severity::Blocker, SALESFORCE, problem, remedy)
}

pub fn createable(describe: &Answer) -> Finding {
    let code = "campaign-createable";
    let remedy = "Give the user's profile the right to create campaigns (Setup > Profiles > Campaigns), and make it a Marketing User.";
    match body(SALESFORCE, Some(describe)) {
        Ok(body) if text(&body, "createable") == "true" => fine(code, SALESFORCE, "Campaigns can be made."),
        Ok(_) => {
            Finding::new(code, Severity::Blocker, SALESFORCE, "The connected user may not make campaigns.", remedy)
        }
        Err(why @ Unread::NotReached { .. }) => not_read(code, SALESFORCE, "What the user may make", &why, ""),
        Err(why) => {
            let problem = format!("Campaigns are not shown to the connected user: {why}.");
            Finding::new(code, Severity::Blocker, SALESFORCE, &problem, remedy)
        }
    }
}

/// S2-45: our campaigns are told by their description; two for one session are two flows.
pub fn other_flow(campaigns: &Answer) -> Finding {
    let code = "other-flow";
    let body = match body(SALESFORCE, Some(campaigns)) {
        Ok(body) => body,
        Err(why) => return not_read(code, SALESFORCE, "Campaigns", &why, "See that one flow alone is active."),
    };
    let mut sessions: Vec<&str> =
        rows(&body, "records").filter_map(|row| campaign::session_of(row.get("Description")?.as_str()?)).collect();
    let made = sessions.len();
    sessions.sort_unstable();
    let twice = sessions.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_string());
    match twice {
        Some(session) => {
            let problem = format!(
                "Session {session} has two campaigns of this connector: another flow is, or was, active beside this one, or \
                 somebody has cloned a campaign."
            );
            let remedy = "Leave one flow active alone. Of a cloned campaign, change the description.";
            Finding::new(code, Severity::Warning, SALESFORCE, &problem, remedy)
        }
        None => {
            fine(code, SALESFORCE, &format!("No session has two campaigns ({made} of the connector's were looked at)."))
        }
    }
}

/// What external activities need, as Salesforce has it.
pub struct SetUp {
    pub extensions: Value,
    pub assignments: Value,
    pub types: Value,
    pub tenants: Value,
}

impl SetUp {
    pub fn read(answers: &[Answer]) -> Result<SetUp, Unread> {
        let body = |place: usize| body(SALESFORCE, answers.get(place));
        Ok(SetUp { extensions: body(0)?, assignments: body(1)?, types: body(2)?, tenants: body(3)? })
    }

    pub fn extension(&self, name: &str) -> Option<&Value> {
        rows(&self.extensions, "records").find(|row| text(row, "DeveloperName") == name)
    }

    pub fn activity_type(&self, extension: &str, name: &str) -> Option<&Value> {
        let same =
            |row: &&Value| text(row, "DeveloperName") == name && text(row, "MarketingAppExtensionId") == extension;
        rows(&self.types, "records").find(same)
    }

    /// Business units that the extension is not assigned to, and that it is.
    pub fn tenants(&self, extension: &str) -> (Vec<&Value>, Vec<&Value>) {
        let is_assigned = |tenant: &&Value| {
            let id = text(tenant, "Id");
            rows(&self.assignments, "records")
                .any(|row| text(row, "MarketingAppExtensionId") == extension && text(row, "ParentId") == id)
        };
        let (assigned, not): (Vec<&Value>, Vec<&Value>) = rows(&self.tenants, "records").partition(is_assigned);
        (not, assigned)
    }

    fn findings(&self, settings: &Settings) -> Vec<Finding> {
        let name = &settings.account_engagement.extension;
        let setup = "Make it in Salesforce Setup > Marketing App Extensions, or let `harness check --fix` do it.";
        let Some(extension) = self.extension(name) else {
            let problem = format!("There is no marketing app extension {name}; external activities need it.");
            return vec![mendable("extension", "/account_engagement/extension", &problem, setup)];
        };
        let mut findings = vec![if text(extension, "IsActive") == "true" {
            fine(
                "extension",
                "/account_engagement/extension",
                &format!("The marketing app extension {name} is active."),
            )
        } else {
            let problem = format!("The marketing app extension {name} is not active in automations.");
            mendable(
                "extension",
                "/account_engagement/extension",
                &problem,
                "Tick Active in Automations, or let `harness check --fix` do it.",
            )
        }];
        let id = text(extension, "Id");
        findings.push(self.assignment(&id, name));
        for (activity, type_name) in settings.account_engagement.activity_types.all() {
            findings.push(self.type_finding(&id, activity, type_name));
        }
        findings
    }

    fn assignment(&self, extension: &str, name: &str) -> Finding {
        let code = "extension-assignment";
        let names = |tenants: &[&Value]| {
            tenants.iter().map(|tenant| text(tenant, "PardotTenantName")).collect::<Vec<_>>().join(", ")
        };
        match self.tenants(extension) {
            (not, assigned) if assigned.is_empty() => {
                let problem = format!("The extension {name} is assigned to no business unit ({}).", names(&not));
                let one = not.len() == 1;
                let remedy = if one {
                    "Assign it in Salesforce Setup > Marketing App Extensions, or let `harness check --fix` do it."
                } else {
                    "Assign it to the business unit that you mean in Salesforce Setup > Marketing App Extensions."
                };
                let mut finding = Finding::new(code, Severity::Blocker, SALESFORCE, &problem, remedy);
                finding.fixable = one;
                finding
            }
            (not, assigned) if !not.is_empty() => {
                let problem =
                    format!("The extension {name} is assigned to {}, and not to {}.", names(&assigned), names(&not));
                let remedy = "See that the business unit of this connection is among the first.";
                Finding::new(code, Severity::Notice, SALESFORCE, &problem, remedy)
            }
            (_, assigned) => {
                fine(code, SALESFORCE, &format!("The extension {name} is assigned to {}.", names(&assigned)))
            }
        }
    }

    fn type_finding(&self, extension: &str, activity: &str, name: &str) -> Finding {
        let (code, place) = (type_code(activity), format!("/account_engagement/activity_types/{activity}"));
        match self.activity_type(extension, name) {
            Some(row) if text(row, "IsActive") == "true" => {
                fine(&code, &place, &format!("The activity type {name} is active."))
            }
            Some(_) => {
                let problem = format!("The activity type {name} is not active in automations.");
                mendable(&code, &place, &problem, "Tick Active in Automations, or let `harness check --fix` do it.")
            }
            None => {
                let problem = format!("The extension has no activity type {name}.");
                let remedy = "Make it in Salesforce Setup > Marketing App Extensions, name another in the settings, or let `harness check --fix` do it.";
                mendable(&code, &place, &problem, remedy)
            }
        }
    }
}

/// `activity-type-registered` and its like.
pub fn type_code(activity: &str) -> String {
    format!("activity-type-{}", activity.replace('_', "-"))
}

fn mendable(code: &str, place: &str, problem: &str, remedy: &str) -> Finding {
    let mut finding = Finding::new(code, Severity::Blocker, place, problem, remedy);
    finding.fixable = true;
    finding
}

/// How an activity type is called in Salesforce, as the help page does.
pub fn label(activity: Activity) -> &'static str {
    match activity {
        Activity::Registered => "People registered",
        Activity::Attended => "Session attended",
        Activity::NotAttended => "Session not attended",
        Activity::AttendanceDuration => "Attendance duration (in seconds)",
        Activity::MessagesSent => "Number of messages sent",
        Activity::QuestionsAsked => "Number of questions asked",
        Activity::WatchedReplay => "Has watched replay",
        Activity::WatchedOnDemand => "Has watched on-demand",
    }
}
