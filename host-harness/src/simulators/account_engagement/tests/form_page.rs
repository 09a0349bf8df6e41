//! The public addresses of forms and form handlers.

use super::*;
use http::header::{ALLOW, LOCATION, SET_COOKIE};

const PLAIN: &str = "application/x-www-form-urlencoded";

struct Page {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION).map(|value| value.to_str().unwrap())
    }

    /// The pair that a browser would send back.
    fn cookie(&self) -> Option<String> {
        let set = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        Some(set.split(';').next().unwrap().to_owned())
    }
}

/// Without a token, as browsers come.
fn browse(unit: &Unit, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
    let mut request = http::Request::builder().method(method).uri(format!("http://x.test{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = unit.simulators.handle(request.body(body.as_bytes().to_vec()).unwrap()).unwrap();
    let text = String::from_utf8(answer.body().clone()).unwrap();
    Page { status: answer.status().as_u16(), headers: answer.headers().clone(), text }
}

fn post(unit: &Unit, path: &str, body: &str) -> Page {
    browse(unit, "POST", path, &[("content-type", PLAIN)], body)
}

fn handler(unit: &Unit, change: impl FnOnce(&mut NewFormHandler)) -> String {
    let mut new = NewFormHandler::new("Own form");
    change(&mut new);
    let mut world = unit.simulators.world();
    let id = world.add_form_handler(new);
    world.account_engagement.form_handlers.now(&id).unwrap().path()
}

/// Type, prospect's address and visitor of the last activity.
fn last(unit: &Unit) -> (u64, Option<String>, Option<u64>) {
    let world = unit.simulators.world();
    let activity = world.account_engagement.visitor_activities.all().last().unwrap();
    let prospect = activity.prospect_id.and_then(|id| world.account_engagement.prospects.now(&id));
    (activity.kind, prospect.map(|prospect| prospect.email.clone()), activity.visitor_id)
}

#[test]
fn a_form_is_shown_and_taken_back() {
    let unit = started();
    let mut new = NewForm::new("Ask & <tell>");
    new.settings = [
        ("thankYouContent".to_owned(), json!("<p>See you</p>")),
        ("redirectLocation".to_owned(), json!("https://x.example/thanks")),
        ("submitButtonText".to_owned(), json!("Go")),
    ]
    .into();
    let id = unit.simulators.world().add_form(new);
    let path = unit.simulators.world().account_engagement.forms.now(&id).unwrap().path();
    let shown = browse(&unit, "GET", &path, &[], "");
    assert_eq!((shown.status, shown.location()), (200, None));
    assert!(shown.text.contains("<title>Ask &amp; &lt;tell&gt;</title>"), "{}", shown.text);
    assert!(shown.text.contains("<button>Go</button>"), "{}", shown.text);
    assert_eq!(last(&unit), (2, None, Some(60_000_001)));
    let mut names = vec![];
    for piece in shown.text.split(" name=\"").skip(1) {
        names.push(piece.split('"').next().unwrap().to_owned());
    }
    assert_eq!(names.len(), 3);
    assert_eq!(names[0], "900001_8501pi_900001_8501");

    let wrong = post(&unit, &path, &format!("{}=&{}=Ana", names[0], names[1]));
    assert_eq!(wrong.status, 200);
    assert!(wrong.text.contains("<p class=\"error\">This field is required</p>"), "{}", wrong.text);
    assert_eq!(last(&unit).0, 3);
    let right = post(&unit, &path, &format!("{}=ana%40example.org&{}=Ana+Maria", names[0], names[1]));
    assert_eq!((right.status, right.location()), (200, None), "the redirect is not switched on");
    assert!(right.text.contains("<p>See you</p>"), "{}", right.text);
    assert_eq!(last(&unit).1.as_deref(), Some("ana@example.org"));
    let world = unit.simulators.world();
    assert_eq!(world.account_engagement.prospects.all().last().unwrap().fields["firstName"], "Ana Maria");
    drop(world);

    let switched_on = |form: &mut Form| {
        form.settings.insert("isUseRedirectLocation".into(), json!(true));
    };
    unit.simulators.world().account_engagement.forms.change(&id, Timestamp::MAX, switched_on);
    let cookie = shown.cookie().unwrap();
    let headers = [("content-type", PLAIN), ("cookie", cookie.as_str())];
    let right = browse(&unit, "POST", &path, &headers, &format!("{}=ana%40example.org", names[0]));
    assert_eq!(last(&unit).2, Some(60_000_001), "the browser that was shown it");
    let views = unit.simulators.world().account_engagement.visitors.now(&60_000_001).unwrap().page_views;
    assert_eq!(views, 2);
    assert_eq!((right.status, right.location()), (302, Some("https://x.example/thanks")));
}

#[test]
fn a_form_is_not_shown_again_for_ten_minutes_unless_it_always_is() {
    for always in [false, true] {
        let unit = started();
        let mut new = NewForm::new("Register");
        new.settings = [("isAlwaysDisplay".to_owned(), json!(always))].into();
        let mut world = unit.simulators.world();
        let ids = [world.add_form(new), world.add_form(NewForm::new("Other"))];
        let [path, other] = ids.map(|id| world.account_engagement.forms.now(&id).unwrap().path());
        drop(world);
        let cookie = browse(&unit, "GET", &path, &[], "").cookie().unwrap();
        let own = [("content-type", PLAIN), ("cookie", cookie.as_str())];
        let is_shown =
            |path: &str, headers: &[(&str, &str)]| browse(&unit, "GET", path, headers, "").text.contains("<form");
        browse(&unit, "POST", &path, &own, "900001_8501pi_900001_8501=");
        assert!(is_shown(&path, &own), "an error is no submission");
        browse(&unit, "POST", &path, &own, "900001_8501pi_900001_8501=ana%40example.org");
        assert!(is_shown(&path, &[]) && is_shown(&other, &own), "of another browser, and another form");
        unit.wait(Duration::from_secs(599));
        assert_eq!(is_shown(&path, &own), always);
        browse(&unit, "POST", &path, &own, "900001_8501pi_900001_8501=");
        assert_eq!(last(&unit).0, 3, "a post is taken all the same");
        unit.wait(Duration::from_secs(1));
        assert!(is_shown(&path, &own));
    }
}

#[test]
fn a_browser_is_known_by_its_cookie() {
    let unit = started();
    let path = handler(&unit, |_| {});
    let form = unit.simulators.world().add_form(NewForm::new("Register"));
    let form_path = unit.simulators.world().account_engagement.forms.now(&form).unwrap().path();
    let cookie = browse(&unit, "GET", &form_path, &[], "").cookie().unwrap();
    assert_eq!(cookie, "visitor_id900001=60000001");
    let with = |cookie: &str, path: &str, method: &str, body: &str| {
        browse(&unit, method, path, &[("content-type", PLAIN), ("cookie", &format!("a=b; {cookie}"))], body).cookie()
    };
    assert_eq!(with(&cookie, &path, "POST", "email=ana%40example.org"), Some(cookie.clone()));
    assert_eq!(last(&unit), (4, Some("ana@example.org".to_owned()), Some(60_000_001)));
    with(&cookie, &form_path, "GET", "");
    assert_eq!(last(&unit), (2, Some("ana@example.org".to_owned()), Some(60_000_001)), "a view of somebody known");
    with(&cookie, &path, "POST", "email=");
    assert_eq!(last(&unit), (3, Some("ana@example.org".to_owned()), Some(60_000_001)), "an error of somebody known");
    with(&cookie, &path, "POST", "email=bo%40example.org");
    assert_eq!(last(&unit), (4, Some("bo@example.org".to_owned()), Some(60_000_001)), "the browser is another's now");
    for strange in ["visitor_id900001=1", "visitor_id900001=x", "visitor_id1=60000001"] {
        assert_ne!(with(strange, &path, "POST", "email=cy%40example.org"), Some(cookie.clone()), "{strange}");
    }
    for (base, secure) in [("http://x.test", false), ("https://x.test", true)] {
        unit.simulators.world().options.base_url = base.to_owned();
        let set = browse(&unit, "GET", &form_path, &[], "").headers[SET_COOKIE].clone();
        assert_eq!(set.to_str().unwrap().ends_with("; SameSite=None; Secure"), secure, "{base}");
    }
    let kiosk = handler(&unit, |new| new.is_cookieless = true);
    assert_eq!(with(&cookie, &kiosk, "POST", "email=ana%40example.org"), None);
    assert_eq!(last(&unit), (4, Some("ana@example.org".to_owned()), None));
}

#[test]
fn without_an_address_field_the_submission_is_the_browsers() {
    let unit = started();
    let path = handler(&unit, |new| new.fields = vec![NewField::text("city")]);
    let known = handler(&unit, |_| {});
    let first = post(&unit, &path, "city=Lisbon");
    assert_eq!(last(&unit), (4, None, Some(60_000_001)));
    let cookie = first.cookie().unwrap();
    let headers = [("content-type", PLAIN), ("cookie", cookie.as_str())];
    browse(&unit, "POST", &known, &headers, "email=ana%40example.org");
    browse(&unit, "POST", &path, &headers, "city=Porto");
    assert_eq!(last(&unit), (4, Some("ana@example.org".to_owned()), Some(60_000_001)));
    let world = unit.simulators.world();
    assert_eq!(world.account_engagement.prospects.all().last().unwrap().fields["city"], "Porto");
}

#[test]
fn a_handler_sends_the_browser_where_it_was_told_to() {
    let unit = started();
    let (good, bad) = ("email=ana%40example.org", "email=");
    let errors = "errors=true&errorMessage=Please%20correct%20the%20following%20errors%3A%7E%7E%7E%20%2D%20This%20field%20is\
        %20required%7E%7E%7E";
    let placed = |new: &mut NewFormHandler| {
        new.success_location = Some("https://x.example/ok".into());
        new.error_location = Some("https://x.example/no?a=b#top".into());
    };
    let (set, bare) = (handler(&unit, placed), handler(&unit, |_| {}));
    let referer: &[(&str, &str)] = &[("content-type", PLAIN), ("referer", "https://from.example/page")];
    let nowhere: &[(&str, &str)] = &[("content-type", PLAIN)];
    let own = "&success_location=https%3A%2F%2Fy.example%2Fok&error_location=https%3A%2F%2Fy.example%2Fno";
    let rows = [
        (&set, nowhere, good.to_owned(), Some("https://x.example/ok".to_owned())),
        (&set, referer, good.to_owned(), Some("https://x.example/ok".to_owned())),
        (&set, nowhere, format!("{good}{own}"), Some("https://y.example/ok".to_owned())),
        (&bare, referer, good.to_owned(), Some("https://from.example/page".to_owned())),
        (&bare, nowhere, good.to_owned(), None),
        (&bare, nowhere, format!("{good}&success_location=javascript%3Aalert(1)"), None),
        (&bare, nowhere, format!("{good}&success_location=https%3A%2F%2Fx%0D%0Aset-cookie%3A"), None),
        (&set, nowhere, bad.to_owned(), Some(format!("https://x.example/no?a=b&{errors}#top"))),
        (&set, nowhere, format!("{bad}{own}"), Some(format!("https://y.example/no?{errors}"))),
        (&bare, referer, bad.to_owned(), Some(format!("https://from.example/page?{errors}"))),
        (&bare, nowhere, bad.to_owned(), None),
    ];
    for (path, headers, body, to) in rows {
        let page = browse(&unit, "POST", path, headers, &body);
        assert_eq!(page.location(), to.as_deref(), "{body}");
        assert_eq!(page.status, if to.is_some() { 302 } else { 200 }, "{body}");
        if to.is_none() {
            let which = if body.starts_with(good) { "success" } else { "error" };
            let text = format!("Cannot find {which} page to redirect to. Please use your browser back button.");
            assert!(page.text.starts_with(&text), "{}", page.text);
            let told = page.text.contains("Please correct the following errors:~~~ - This field is required~~~");
            assert_eq!(told, which == "error", "{}", page.text);
        }
    }
    // By the query of a GET too, and each time again.
    assert_eq!(browse(&unit, "GET", &format!("{set}?{good}"), &[], "").location(), Some("https://x.example/ok"));
    let id = unit.simulators.world().account_engagement.form_handlers.all().next().unwrap().id;
    let forwards = |handler: &mut FormHandler| handler.is_data_forwarded = true;
    unit.simulators.world().account_engagement.form_handlers.change(&id, Timestamp::MAX, forwards);
    assert_eq!(post(&unit, &set, good).status, 307);
    assert_eq!(post(&unit, &set, bad).status, 302);
}

#[test]
fn a_handler_reads_plain_forms_by_its_own_names_and_no_others() {
    let unit = started();
    let new = |new: &mut NewFormHandler| {
        new.fields[0].name = "mail".into();
        new.fields.push(NewField { name: "topics".into(), ..NewField::text("Topics__c") });
    };
    let path = handler(&unit, new);
    let other = "multipart/form-data; boundary=x";
    let rows = [
        (Some(PLAIN), "mail=ana%40example.org", 4),
        (Some("application/x-www-form-urlencoded; charset=UTF-8"), "mail=ana%40example.org", 4),
        (None, "mail=ana%40example.org", 4),
        (Some(other), "mail=ana%40example.org", 3),
        (Some("application/json"), "{\"mail\":\"ana@example.org\"}", 3),
        (Some(PLAIN), "email=ana%40example.org", 3),
        (Some(PLAIN), "mail=&mail=ana%40example.org&nonsense=%FF%00&=&&topics%5B%5D=a&topics[]=b", 4),
    ];
    for (kind, body, activity) in rows {
        let headers: Vec<(&str, &str)> = kind.into_iter().map(|kind| ("content-type", kind)).collect();
        assert_eq!(browse(&unit, "POST", &path, &headers, body).status, 200, "{kind:?} {body}");
        assert_eq!(last(&unit).0, activity, "{kind:?} {body}");
    }
    let world = unit.simulators.world();
    assert_eq!(world.account_engagement.prospects.all().last().unwrap().fields["Topics__c"], json!(["a", "b"]));
}

#[test]
fn a_handler_speaks_in_the_fields_own_words() {
    let unit = started();
    let path = handler(&unit, |_| {});
    let words = json!({ "errorMessage": "<b>Who</b> & where?" });
    assert_eq!(unit.call("PATCH", "objects/form-handler-fields/8501", Some(words)).0, 200);
    let page = post(&unit, &path, "firstName=Ana");
    assert!(page.text.contains(":~~~ - &lt;b&gt;Who&lt;/b&gt; &amp; where?~~~"), "{}", page.text);
    assert_eq!(unit.call("DELETE", "objects/form-handler-fields/8501", None).0, 204);
    post(&unit, &path, "firstName=Ana");
    assert_eq!(last(&unit), (4, None, Some(60_000_002)), "nothing must be filled in any more");
}

#[test]
fn a_body_counts_where_it_is_posted() {
    let unit = started();
    let path = handler(&unit, |_| {});
    browse(&unit, "GET", &path, &[("content-type", PLAIN)], "email=ana%40example.org");
    assert_eq!(last(&unit).0, 3);
    browse(&unit, "POST", &format!("{path}?email=ana%40example.org"), &[], "");
    assert_eq!(last(&unit).0, 4);
}

#[test]
fn an_address_is_there_for_what_is_there() {
    let unit = started();
    let path = handler(&unit, |_| {});
    for wrong in ["/l/900001/2026-11-23/0", "/l/1/2026-11-23/1f41h", "/l/900001/2026-11-24/1f41h", "/l/%00/%FF/x"] {
        assert_eq!(browse(&unit, "GET", wrong, &[], "").status, 404, "{wrong}");
    }
    assert_eq!(path, "/l/900001/2026-11-23/1f41h");
    for method in ["PUT", "DELETE", "PATCH", "HEAD"] {
        let page = browse(&unit, method, &path, &[], "");
        assert_eq!((page.status, page.headers[ALLOW].to_str().unwrap()), (405, "GET, POST"), "{method}");
    }
    let used = unit.simulators.world().account_engagement.calls.used;
    assert_eq!(post(&unit, &path, "email=ana%40example.org").status, 200);
    assert_eq!(unit.simulators.world().account_engagement.calls.used, used, "no call of the day");
    let id = unit.simulators.world().account_engagement.form_handlers.all().next().unwrap().id;
    assert_eq!(unit.call("DELETE", &format!("objects/form-handlers/{id}"), None).0, 204);
    assert_eq!(post(&unit, &path, "email=ana%40example.org").status, 404);
    assert_eq!(browse(&unit, "PUT", &path, &[], "").status, 404);
    let form = unit.simulators.world().add_form(NewForm::new("Gone"));
    let path = unit.simulators.world().account_engagement.forms.now(&form).unwrap().path();
    let activities = || unit.simulators.world().account_engagement.visitor_activities.len();
    assert_eq!((browse(&unit, "GET", &path, &[], "").status, activities()), (200, 2));
    assert_eq!(unit.call("DELETE", &format!("objects/forms/{form}"), None).0, 204);
    assert_eq!((browse(&unit, "GET", &path, &[], "").status, activities()), (404, 2));
    assert_eq!((post(&unit, &path, "").status, activities()), (404, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is posted, there is a page or a way on, one activity more, and never anything unescaped.
    #[test]
    fn whatever_is_posted_is_a_submission(body in "\\PC{0,40}", kind in prop::sample::select(vec![PLAIN, "text/plain", ""]), email in "\\PC{0,12}") {
        let unit = started();
        let path = handler(&unit, |_| {});
        let body = format!("email={}&{body}", encode(&email));
        let page = browse(&unit, "POST", &path, &[("content-type", kind)], &body);
        prop_assert_eq!(page.status, 200);
        prop_assert!(!page.text.contains('<'));
        prop_assert_eq!(unit.simulators.world().account_engagement.visitor_activities.len(), 1);
    }
}
