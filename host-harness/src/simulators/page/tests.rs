use super::*;
use crate::{
    clock::{MovableClock, Timestamp},
    simulators::options::Options,
};
use serde_json::{Value, json};

const EVIL: &str = "<script>alert('x')</script><img src=x onerror=\"alert(1)\">";
/// In whatever nobody may see.
const SECRET: &str = "never-to-be-seen";

fn desk_with(options: Options) -> Desk {
    Desk::new(MovableClock::new(Timestamp::from_seconds(1_795_420_800)), options, ([127, 0, 0, 1], 8400).into())
}

fn desk() -> Desk {
    desk_with(Options::default())
}

fn send(desk: &Desk, method: &str, path: &str, body: &str) -> Answer {
    let mut call = Call::new(http::Request::builder().method(method).uri(path).body(body.as_bytes().to_vec()).unwrap());
    call.headers.insert("host", "127.0.0.1:8400".parse().unwrap());
    desk.answer(&call).unwrap()
}

fn page(desk: &Desk) -> String {
    let answer = send(desk, "GET", "/", "");
    assert_eq!(answer.status(), 200);
    String::from_utf8(answer.into_body()).unwrap()
}

fn act(desk: &Desk, name: &str, arguments: Value) -> Value {
    let api = if name.contains("form") { "account-engagement" } else { "livestorm" };
    let answer = send(desk, "POST", &format!("/simulators/{api}/{name}"), &arguments.to_string());
    assert_eq!(answer.status(), 200, "{name}: {}", String::from_utf8_lossy(answer.body()));
    serde_json::from_slice(answer.body()).unwrap()
}

/// As a client of an API does.
fn ask(desk: &Desk, method: &str, path: &str, body: Value) -> Value {
    let (options, livestorm) = (desk.simulators.world().options.clone(), path.starts_with("/v1/"));
    let token = match livestorm {
        true => options.livestorm_token,
        false => format!("Bearer {}", options.salesforce.access_token),
    };
    let content_type = if livestorm { "application/vnd.api+json" } else { "application/json" };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", token)
        .header("content-type", content_type)
        .header("pardot-business-unit-id", options.business_unit_id)
        .body(body.to_string().into_bytes())
        .unwrap();
    let answer = desk.simulators.handle(request).unwrap();
    let told = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(answer.status().is_success(), "{method} {path}: {} {told}", answer.status());
    serde_json::from_str(&told).unwrap_or_default()
}

/// Something of everything, called by `name`, which is in every text that people write.
fn fill(desk: &Desk, name: &str) {
    let said = |what: &str| format!("{what} {name}");
    send(desk, "POST", "/simulators/livestorm/native_webhooks", r#"{"url":"https://hooks.example.org/in/box"}"#);
    act(
        desk,
        "create-event",
        json!({ "name": "e", "title": said("Event"), "fields": [said("Question")], "publish": true }),
    );
    act(desk, "schedule-session", json!({ "name": "s", "event": "e", "starts_after": 60 }));
    let answers = json!({ said("Question"): said("Answer") });
    let ana = json!({ "session": "s", "email": "ana@example.org", "first_name": said("Ana"), "fields": answers });
    act(desk, "register", ana);
    act(desk, "register", json!({ "session": "s", "email": "bo@example.org", "first_name": "Bo" }));
    act(desk, "start", json!({ "session": "s" }));
    act(desk, "attend", json!({ "session": "s", "email": "ana@example.org", "seconds": 1500, "questions": 2 }));
    desk.move_to(desk.clock.now().plus(Duration::from_secs(3000)));
    act(desk, "end", json!({ "session": "s" }));
    act(desk, "watch", json!({ "session": "s", "email": "bo@example.org" }));

    let sobject = |object: &str, fields: Value| {
        let made = ask(desk, "POST", &format!("/services/data/v62.0/sobjects/{object}"), fields);
        made["id"].as_str().unwrap().to_owned()
    };
    let campaign = sobject("Campaign", json!({ "Name": said("Campaign"), "Description": said("About") }));
    // As long as a member's status may be.
    let came: String = said("Came").chars().take(40).collect();
    sobject("CampaignMemberStatus", json!({ "CampaignId": campaign, "Label": came, "HasResponded": true }));
    let account = sobject("Account", json!({ "Name": said("Account") }));
    let contact = json!({ "LastName": said("Contact"), "AccountId": account, "Department": said("Team") });
    sobject("Contact", contact);
    let lead = sobject("Lead", json!({ "LastName": said("Lead"), "Company": said("Company") }));
    sobject("CampaignMember", json!({ "CampaignId": campaign, "LeadId": lead, "Status": came }));
    desk.move_to(desk.clock.now().plus(Duration::from_secs(1200)));

    let object = |path: &str, fields: Value| ask(desk, "POST", &format!("/api/v5/objects/{path}?fields=id"), fields);
    let list = object("lists", json!({ "name": said("List") }));
    let prospect = object("prospects", json!({ "email": "ana@example.org", "firstName": said("First") }));
    object("list-memberships", json!({ "listId": list["id"], "prospectId": prospect["id"] }));
    act(desk, "add-form", json!({ "name": "f", "title": said("Form") }));
    act(desk, "add-form-handler", json!({ "name": "h", "title": said("Handler") }));
    act(desk, "submit-form", json!({ "form": "f", "email": "ana@example.org" }));
}

#[test]
fn each_kind_of_record_is_shown() {
    let desk = desk();
    fill(&desk, "One");
    let html = page(&desk);
    let records = [
        "Event One",
        "Question One",
        "Answer One",
        "Ana One",
        "25 min · 50 %",
        "2 questions",
        "not there",
        "https://hooks.example.org/in/…",
        "event.created",
        "people.registered",
        "pending",
        "Campaign One",
        "About One",
        "Came One",
        "1 member, 1 responded",
        "Account One",
        "Contact One",
        "Team One",
        "Lead One",
        "Company One",
        "List One",
        "First One",
        "Form One",
        "Handler One",
        "type 4",
        "/services/data/v62.0/sobjects/Lead",
        "badge good\">201",
        "ana@example.org submits f",
    ];
    for wanted in records {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert!(!html.contains("class=\"card bare\"><h3>Leads"));
}

#[test]
fn whatever_people_wrote_is_inert() {
    let desk = desk();
    fill(&desk, EVIL);
    let scenario = json!({ "inline": {
        "title": EVIL, "about": EVIL,
        "happening": [
            { "after": 9, "what": { "publish": { "event": EVIL } } },
            { "after": 9_000_000, "what": { "publish": { "event": EVIL } } },
        ],
    }});
    let filled = page(&desk);
    assert_eq!(send(&desk, "POST", "/simulators/scenario", &scenario.to_string()).status(), 200);
    desk.move_to(desk.clock.now().plus(Duration::from_secs(60)));
    let fault = json!({ "rules": [{ "path": EVIL, "method": EVIL, "what": "cut-after-effect" }] });
    send(&desk, "POST", "/simulators/faults", &fault.to_string());
    for html in [filled, page(&desk)] {
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)"));
        let (mut rest, mut scripts) = (html.as_str(), 0);
        while let Some((_, after)) = rest.split_once("<script") {
            scripts += 1;
            rest = after;
        }
        assert!(scripts == 1 && !html.contains("<img") && !html.contains("onerror=\""));
    }
}

#[test]
fn long_tables_tell_what_they_leave_out() {
    let desk = desk();
    act(&desk, "create-event", json!({ "name": "e", "title": "E", "publish": true }));
    act(&desk, "schedule-session", json!({ "name": "s", "event": "e", "starts_after": 60 }));
    act(&desk, "crowd", json!({ "session": "s", "count": 1500 }));
    for _ in 0..markup::ROWS_MAX + 7 {
        ask(&desk, "GET", "/services/data/v62.0/limits", Value::Null);
        act(&desk, "create-event", json!({ "title": "E" }));
    }
    let html = page(&desk);
    // The owner of the workspace is registered too.
    for wanted in ["And 1,401 more", "And 7 more", "And 8 more", "And 10 more"] {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert!(html.matches("<td").count() < 10 * 5 * markup::ROWS_MAX && html.len() < 1 << 20);
}

#[test]
fn nothing_secret_is_shown() {
    let mut options = Options { livestorm_token: format!("{SECRET}-1"), ..Options::default() };
    options.salesforce.client_secret = format!("{SECRET}-2");
    options.salesforce.access_token = format!("{SECRET}-3");
    options.salesforce.refresh_token = format!("{SECRET}-4");
    options.livestorm_webhooks.secret = Some(format!("{SECRET}-5"));
    options.livestorm_webhooks.native = vec![format!("https://me:{SECRET}@hooks.example.org/in/{SECRET}?key={SECRET}")];
    let desk = desk_with(options);
    fill(&desk, "One");
    let fault =
        json!({ "rules": [{ "what": { "answer": { "status": 500, "headers": [["x", SECRET]], "body": SECRET } } }] });
    assert_eq!(send(&desk, "POST", "/simulators/faults", &fault.to_string()).status(), 200);
    let html = page(&desk);
    assert!(html.contains("set; not shown") && html.contains("is answered 500") && html.contains("hooks.example.org"));
    assert!(!html.contains(SECRET));
}

#[test]
fn the_buttons_move_the_clock_and_lead_back() {
    let desk = desk();
    desk.begin(Some(Scenario::named("one_session").unwrap()));
    let before = desk.clock.now();
    let next = desk.next_happening_at().unwrap();
    let rows = [
        ("/simulators/page/clock", "seconds=next", "/", next),
        ("/simulators/page/clock?still", "seconds=60", "/?still", next.plus(Duration::from_secs(60))),
        ("/simulators/page/clock", "seconds=900", "/", next.plus(Duration::from_secs(960))),
        ("/simulators/page/clock", "seconds=3600", "/", next.plus(Duration::from_secs(4560))),
        ("/simulators/page/clock", "seconds=86400", "/", next.plus(Duration::from_secs(90_960))),
    ];
    for (path, body, location, at) in rows {
        let answer = send(&desk, "POST", path, body);
        assert_eq!((answer.status().as_u16(), &answer.headers()["location"]), (303, &location.parse().unwrap()));
        assert!(desk.clock.now() >= at && desk.clock.now().since(at) < Duration::from_secs(30), "{body}");
        assert!(page(&desk).contains(&format!("value=\"{}\"", body.trim_start_matches("seconds="))));
    }
    desk.move_to(before.plus(Duration::from_secs(30 * DAY)));
    assert_eq!(send(&desk, "POST", "/simulators/page/clock", "seconds=next").status(), 303);
    assert!(page(&desk).contains("value=\"next\" disabled"));
    for body in ["", "seconds=", "seconds=61", "seconds=-60", "seconds=99999999999999999999", "second=60"] {
        assert_eq!(send(&desk, "POST", "/simulators/page/clock", body).status(), 400, "{body}");
    }
}

#[test]
fn a_scenario_is_told_as_it_goes_and_the_page_begins_anew_with_any_or_none() {
    let desk = desk();
    for (name, title) in [("one_session", "One session"), ("busy_monday", "Busy Monday"), ("bad_day", "Bad day")] {
        assert_eq!(send(&desk, "POST", "/simulators/page/scenario", &format!("name={name}")).status(), 303);
        assert!(page(&desk).to_lowercase().contains(&format!("class=\"lead\">{}", title.to_lowercase())), "{name}");
    }
    desk.begin(Some(Scenario::named("one_session").unwrap()));
    let before = page(&desk);
    assert!(before.contains("Session morning begins") && before.contains("Still to come"));
    desk.move_to(desk.clock.now().plus(Duration::from_secs(30 * DAY)));
    assert!(page(&desk).contains("Nothing more is to happen by itself."));
    assert_eq!(send(&desk, "POST", "/simulators/page/scenario", "name=empty").status(), 303);
    let empty = page(&desk);
    assert!(empty.contains("No scenario") && empty.contains("Nothing yet. Move the clock"));
    assert_eq!(send(&desk, "POST", "/simulators/page/scenario", "name=none").status(), 404);
}

#[test]
fn what_cannot_happen_is_told_with_its_reason() {
    let desk = desk();
    let scenario =
        json!({ "inline": { "title": "T", "happening": [{ "what": { "start": { "session": "ghost" } } }] } });
    send(&desk, "POST", "/simulators/scenario", &scenario.to_string());
    let html = page(&desk);
    assert!(
        html.contains("Session ghost begins") && html.contains("could not be") && html.contains("there is no session")
    );
}

#[test]
fn an_empty_world_says_what_would_fill_it() {
    let html = page(&desk());
    let titles = [
        "Events",
        "Sessions",
        "Registrants",
        "Webhooks",
        "Webhook deliveries",
        "Campaign members",
        "Leads",
        "Contacts",
        "Accounts",
        "Lists",
        "Prospects",
        "External activities",
        "Forms and form handlers",
        "Visitor activities",
        "Not as usual",
    ];
    for title in titles {
        assert!(html.contains(&format!("class=\"card bare\"><h3>{title} ")), "{title}");
    }
}

#[test]
fn faults_switches_and_options_are_shown_once_they_are_not_as_usual() {
    let desk = desk();
    send(&desk, "PATCH", "/simulators/switches", r#"{"livestorm":{"attendance_ready_seconds":7}}"#);
    send(&desk, "PUT", "/simulators/options", r#"{"livestorm_calls_per_second":2}"#);
    let faults = r#"{"rules":[{"path":"/v1/me","times":2,"what":"cut-after-effect"}],"seeded":{"seed":41,"odds":{"slow_down_per_mille":9}}}"#;
    send(&desk, "POST", "/simulators/faults", faults);
    let html = page(&desk);
    for wanted in [
        "any API: any method /v1/me",
        "is done, and cut before its answer; 2 more times",
        "slow down in 9 of 1,000; seed 41",
        "livestorm.attendance_ready_seconds",
        "7, not ",
        "livestorm_calls_per_second",
        "2, not 5",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert!(!html.contains("server error"));
}

#[test]
fn it_says_all_without_a_script_and_loads_nothing_from_elsewhere() {
    let desk = desk();
    fill(&desk, "One");
    let following = page(&desk);
    assert!(following.contains("<noscript><meta http-equiv=\"refresh\""));
    let still = String::from_utf8(send(&desk, "GET", "/?still", "").into_body()).unwrap();
    assert!(!still.contains("<script") && !still.contains("http-equiv") && still.contains("Event One"));
    for path in ["/simulators/page/style.css", "/simulators/page/script.js"] {
        assert!(following.contains(&format!("\"{path}\"")), "{path}");
        let answer = send(&desk, "GET", path, "");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(answer.status() == 200 && policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert!(!String::from_utf8_lossy(answer.body()).contains("//cdn"));
    }
    assert!(
        !following.contains("src=\"http") && !following.contains("href=\"http") && !following.contains(" style=\"")
    );
}

#[test]
fn it_can_be_read_aloud() {
    let desk = desk();
    fill(&desk, "One");
    let html = page(&desk);
    let count = |what: &str| html.matches(what).count();
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">") && count("<h1>") == 1 && count("<h2 ") == 4);
    assert!(
        count("<table") > 10
            && count("<table") == count("<caption>")
            && count("<th") == count("<th scope=\"col\"") + count("<thead")
    );
    assert_eq!(count("<select"), count("<label for=\"scenario\""));
    assert_eq!(count("<details"), count("<summary"));
    assert!(!html.contains("<caption></caption>") && !html.contains("></button>"));
    for tag in ["section", "table", "tr", "td", "details", "div", "form", "p", "span", "code"] {
        let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
        assert_eq!(opened, count(&format!("</{tag}>")), "{tag}");
    }
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

/// <https://www.w3.org/TR/WCAG22/#contrast-minimum>
#[test]
fn every_text_has_the_contrast_of_wcag_aa_in_light_and_in_dark() {
    let schemes: Vec<&str> = STYLE.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(schemes.len(), 2);
    for scheme in schemes {
        let colour = |name: &str| -> f64 {
            let value = scheme.split(&format!("--{name}: #")).nth(1).unwrap().split(';').next().unwrap();
            let full = if value.len() == 3 { value.chars().flat_map(|c| [c, c]).collect() } else { value.to_owned() };
            let channel = |at: usize| {
                let c = f64::from(u8::from_str_radix(&full[at..at + 2], 16).unwrap()) / 255.0;
                if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
        };
        let mut pairs = vec![("on-accent", "accent")];
        for ground in ["ground", "card", "hover"] {
            pairs.extend([("ink", ground), ("soft", ground), ("accent", ground)]);
        }
        let tones = ["good", "bad", "warn", "info", "quiet"].map(|tone| (tone, format!("{tone}-bg")));
        pairs.extend(tones.iter().map(|(tone, ground)| (*tone, ground.as_str())));
        for (text, ground) in pairs {
            let (a, b) = (colour(text), colour(ground));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2}");
        }
    }
}

#[test]
fn each_attempt_at_a_delivery_is_shown_with_what_came_of_it() {
    use crate::simulators::livestorm::DeliveryOutcome::{Answered, NoAnswer, TimedOut};
    let rows = [
        (vec![], vec!["pending", "due 23 Nov"], vec![]),
        (vec![Some(Answered(204))], vec!["good\">204", "delivered"], vec![">pending<"]),
        (vec![None], vec!["under way"], vec![">pending<"]),
        (vec![Some(Answered(503)), Some(TimedOut)], vec!["bad\">503", "timed out", "pending"], vec!["under way"]),
        (vec![Some(Answered(503)); 6], vec!["failed", "its webhook is disabled", "bad\">disabled"], vec![">pending<"]),
        (vec![Some(NoAnswer)], vec!["no answer"], vec!["good\">delivered"]),
    ];
    for (outcomes, shown, hidden) in rows {
        let desk = desk();
        let webhook = r#"{"url":"https://hooks.example.org/","event":"event.created"}"#;
        send(&desk, "POST", "/simulators/livestorm/native_webhooks", webhook);
        act(&desk, "create-event", json!({ "title": "E" }));
        for outcome in &outcomes {
            let due = desk.simulators.world().deliveries_due(10);
            assert_eq!(due.len(), 1);
            if let Some(outcome) = outcome {
                desk.simulators.world().delivery_ended(due[0].id, *outcome);
                desk.move_to(desk.clock.now().plus(Duration::from_secs(3600)));
            }
        }
        let html = page(&desk);
        let html = html.split("<h3>Webhooks ").nth(1).unwrap().split("id=\"salesforce\"").next().unwrap();
        for wanted in shown {
            assert!(html.contains(wanted), "{outcomes:?}: {wanted}");
        }
        for not in hidden {
            assert!(!html.contains(not), "{outcomes:?}: {not}");
        }
    }
}
