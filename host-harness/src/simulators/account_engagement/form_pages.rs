//! The public side of forms and form handlers: addresses like `go.pardot.com/l/<account>/<day>/<hash>` [inferred from
//! public sites], which nobody signs in to and no quota counts.
//!
//! A form's address shows the form, and takes it back. A handler's takes what any form posts
//! (<https://help.salesforce.com/apex/HTViewHelpDoc?id=mktg.pardot_considerations_for_using_form_handlers.htm>): as
//! `application/x-www-form-urlencoded` and not as `multipart/form-data` [confirmed], also in the query of a GET
//! [inferred from public sites]. It sends the browser on: to the success or the error location, `success_location` and
//! `error_location` in the post coming first, else back to the page it came from; and where it knows no page, it
//! answers 200 with a text that says so, for a mistake too [inferred from public clients]. The status 302, the query
//! `errors=true&errorMessage=…` and 307 for forwarded data are [inferred].
//!
//! Promises: whatever is posted is a submission or a page; everything shown is escaped. Not here: what a submission
//! does (`submissions`), scripts, bot protection.

use super::{
    account::ACCOUNT_ID,
    campaigns::mirror,
    form_fields::FormField,
    submissions::{Asset, Browser, Submitted, Values, submit},
    visitor_activities::{SUCCESS, VIEW, VisitorActivity},
};
use crate::simulators::{
    World,
    request::{Answer, Call, answer, encode, with_header},
};
use http::Method;
use serde_json::json;
use std::time::Duration;

/// How long a browser that has submitted a form is not shown it again, unless it is always displayed [confirmed].
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/form-v5.html>
const WAITS: Duration = Duration::from_secs(10 * 60);
const HTML: &str = "text/html; charset=utf-8";
const BACK: &str = "Please use your browser back button.";

pub(super) fn handle(world: &mut World, call: &Call) -> Answer {
    mirror(world);
    let Some(asset) = asset_at(world, call) else {
        return page(404, "Page not found", "<p>The page you requested was not found.</p>");
    };
    match (asset, &call.method) {
        (Asset::Form(id), &Method::GET) => show_form(world, call, id),
        (Asset::Form(id), &Method::POST) => form_posted(world, call, id),
        (Asset::FormHandler(id), &Method::GET | &Method::POST) => handler_posted(world, call, id),
        _ => with_header(page(405, "Method not allowed", ""), "allow", "GET, POST"),
    }
}

/// What is there, outside the recycle bin.
fn asset_at(world: &World, call: &Call) -> Option<Asset> {
    let path = format!("/{}", call.segments().join("/"));
    let unit = &world.account_engagement;
    let form = unit.forms.all().find(|form| !form.is_deleted && form.path() == path);
    let handler = unit.form_handlers.all().find(|handler| !handler.is_deleted && handler.path() == path);
    form.map(|form| Asset::Form(form.id)).or_else(|| handler.map(|handler| Asset::FormHandler(handler.id)))
}

/// The name of a field in what a form posts.
pub(super) fn input_name(field: &FormField) -> String {
    let id = field.id;
    format!("{ACCOUNT_ID}_{id}pi_{ACCOUNT_ID}_{id}")
}

fn show_form(world: &mut World, call: &Call, id: u64) -> Answer {
    let Some(form) = world.account_engagement.forms.now(&id) else { return page(404, "Page not found", "") };
    let (name, campaign_id, now) = (form.name.clone(), form.campaign_id, world.now());
    let visitor = world.account_engagement.visit(cookie(call), campaign_id, now);
    let mut view = VisitorActivity::new(VIEW, &name);
    (view.form_id, view.campaign_id, view.visitor_id) = (Some(id), Some(campaign_id), Some(visitor));
    view.prospect_id = world.account_engagement.visitors.now(&visitor).and_then(|visitor| visitor.prospect_id);
    world.add_visitor_activity(view);
    let answer = if waits(world, id, visitor) { thanks(world, id) } else { form_page(world, id, &[]) };
    with_cookie(world, answer, Some(visitor))
}

/// Whether this browser has submitted the form so lately that it is thanked again. A post is taken all the same [inferred].
fn waits(world: &World, id: u64, visitor: u64) -> bool {
    let unit = &world.account_engagement;
    let always = unit.forms.now(&id).is_some_and(|form| form.settings.get("isAlwaysDisplay") == Some(&json!(true)));
    let lately = |activity: &VisitorActivity| {
        let same = activity.form_id == Some(id) && activity.visitor_id == Some(visitor);
        same && activity.kind == SUCCESS && world.now() < activity.created_at.plus(WAITS)
    };
    !always && unit.visitor_activities.all().any(lately)
}

/// The customer's own words and code, as the customer wrote them.
fn thanks(world: &World, id: u64) -> Answer {
    let Some(form) = world.account_engagement.forms.now(&id) else { return page(404, "Page not found", "") };
    let thanks = form.text("thankYouContent").unwrap_or("<p>Thank you.</p>");
    page(200, &form.name, &format!("{thanks}{}", form.text("thankYouCode").unwrap_or_default()))
}

fn form_posted(world: &mut World, call: &Call, id: u64) -> Answer {
    let asset = Asset::Form(id);
    let values = values(world, asset, &posted(call), input_name);
    let Some(done) = submit(world, asset, &values, Browser { cookie: cookie(call) }) else {
        return page(404, "Page not found", "");
    };
    let form = world.account_engagement.forms.now(&id);
    let answer = match form.filter(|_| done.errors.is_empty()) {
        None => form_page(world, id, &done.errors),
        Some(form) => form.redirect().and_then(|to| sent_on(302, to)).unwrap_or_else(|| thanks(world, id)),
    };
    with_cookie(world, answer, done.visitor)
}

fn handler_posted(world: &mut World, call: &Call, id: u64) -> Answer {
    let asset = Asset::FormHandler(id);
    let posted = posted(call);
    let values = values(world, asset, &posted, |field| field.name.clone());
    let Some(done) = submit(world, asset, &values, Browser { cookie: cookie(call) }) else {
        return page(404, "Page not found", "");
    };
    let handler = world.account_engagement.form_handlers.now(&id);
    let said = |name: &str| posted.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.clone());
    let forwards = handler.is_some_and(|handler| handler.is_data_forwarded);
    let (said, set) = match done.errors.is_empty() {
        true => (said("success_location"), handler.and_then(|handler| handler.success_location.clone())),
        false => (said("error_location"), handler.and_then(|handler| handler.error_location.clone())),
    };
    let to = said.or(set).or_else(|| call.header("referer").map(str::to_owned));
    let answer = match done.errors.is_empty() {
        true => to.and_then(|to| sent_on(if forwards { 307 } else { 302 }, &to)),
        false => to.and_then(|to| sent_on(302, &with_errors(&to, &done))),
    };
    let answer = answer.unwrap_or_else(|| {
        let text = match done.errors.is_empty() {
            true => format!("Cannot find success page to redirect to. {BACK}\n"),
            false => format!("Cannot find error page to redirect to. {BACK}\n{}\n", escaped(&told(&done))),
        };
        self::answer(200, HTML, text.into_bytes())
    });
    with_cookie(world, answer, done.visitor)
}

/// What was sent, the query first. What is neither a query nor a plain form says nothing.
fn posted(call: &Call) -> Vec<(String, String)> {
    let plain = call.header("content-type").is_none_or(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    let body = if plain && call.method == Method::POST { call.form() } else { vec![] };
    call.query.iter().cloned().chain(body).collect()
}

fn values(world: &World, asset: Asset, posted: &[(String, String)], name: impl Fn(&FormField) -> String) -> Values {
    let mut values = Values::new();
    for field in world.fields_of(asset) {
        let name = name(&field);
        let given = posted.iter().filter(|(key, _)| *key == name || key.strip_suffix("[]") == Some(&*name));
        values.insert(field.id, given.map(|(_, value)| value.clone()).collect());
    }
    values
}

/// The visitor whose cookie the browser brings.
fn cookie(call: &Call) -> Option<u64> {
    let name = format!("visitor_id{ACCOUNT_ID}");
    let cookies = call.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok())
}

/// For a form on another site a cookie must be `Secure`, which over plain HTTP it cannot be.
fn with_cookie(world: &World, answer: Answer, visitor: Option<u64>) -> Answer {
    let Some(id) = visitor else { return answer };
    let elsewhere = if world.options.base_url.starts_with("https:") { "; SameSite=None; Secure" } else { "" };
    let cookie = format!("visitor_id{ACCOUNT_ID}={id}; Path=/; Max-Age=31536000{elsewhere}");
    with_header(answer, "set-cookie", &cookie)
}

/// Nothing, where the place is none that a header can name.
fn sent_on(status: u16, to: &str) -> Option<Answer> {
    let sends = ["http://", "https://"].iter().any(|scheme| to.starts_with(scheme));
    let answer = with_header(answer(status, HTML, vec![]), "location", to);
    (sends && answer.headers().contains_key("location")).then_some(answer)
}

fn told(done: &Submitted) -> String {
    let each: Vec<String> = done.errors.iter().map(|error| format!(" - {error}~~~")).collect();
    format!("Please correct the following errors:~~~{}", each.concat())
}

/// Before the fragment, behind what is asked there already.
fn with_errors(to: &str, done: &Submitted) -> String {
    let (page, fragment) = to.split_once('#').map_or((to, String::new()), |(page, rest)| (page, format!("#{rest}")));
    let joint = if page.contains('?') { '&' } else { '?' };
    format!("{page}{joint}errors=true&errorMessage={}{fragment}", encode(&told(done)))
}

/// The form, with what was wrong above it.
fn form_page(world: &World, id: u64, errors: &[String]) -> Answer {
    let Some(form) = world.account_engagement.forms.now(&id) else { return page(404, "Page not found", "") };
    let wrong: Vec<String> = errors.iter().map(|error| format!("<p class=\"error\">{}</p>", escaped(error))).collect();
    let inputs = world.fields_of(Asset::Form(id)).into_iter().map(|field| {
        let (name, label) = (input_name(&field), escaped(&field.name));
        let required = if field.is_required { " required" } else { "" };
        format!("<p><label for=\"{name}\">{label}</label> <input id=\"{name}\" name=\"{name}\"{required}></p>")
    });
    let inputs: Vec<String> = inputs.collect();
    let button = escaped(form.text("submitButtonText").unwrap_or("Submit"));
    let body = format!(
        "{}{}<form method=\"post\" action=\"{}\">{}<p><button>{button}</button></p></form>{}",
        form.text("beforeFormContent").unwrap_or_default(),
        wrong.concat(),
        form.path(),
        inputs.concat(),
        form.text("afterFormContent").unwrap_or_default(),
    );
    page(200, &form.name, &body)
}

fn page(status: u16, title: &str, body: &str) -> Answer {
    let title = escaped(title);
    let html = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{body}</body></html>\n");
    answer(status, HTML, html.into_bytes())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
