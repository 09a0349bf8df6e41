//! `/services/oauth2/authorize`, the first half of the web server flow, by GET or by POST of a form.
//! <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm>
//!
//! Nobody is there to click: the user has signed in already, and says yes at once, or no where the world says so.
//!
//! Promises: what is wrong with the app, its callback address or its PKCE is told on a page, since nobody can be trusted
//! with the answer; everything else goes back to the callback address, with `state` as it came. The page is the bare
//! text that public clients have met [inferred]; its status is 400 [inferred].

use super::{App, scopes::Scopes};
use crate::simulators::{
    World,
    request::{Answer, Call, answer, with_header},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A SHA-256 in base64url without padding.
const CHALLENGE_CHARACTERS: usize = 43;

pub(in crate::simulators::salesforce) fn authorize(world: &mut World, call: &Call) -> Answer {
    if !matches!(call.method, http::Method::GET | http::Method::POST) {
        return super::wrong_verb("GET,POST");
    }
    let form = super::Form::of(call);
    let sent = |name: &str| Some(form.sent(name)).filter(|value| !value.is_empty());
    let (now, options, allowed) = (world.clock.now(), &world.options, &world.salesforce.scopes);
    let tokens = &mut world.salesforce.tokens;
    let sign_in = &tokens.sign_in;

    match sent("client_id") {
        None => return page("invalid_request", "missing required parameter: client_id"),
        Some(id) if !App::is(id, options) => return page("invalid_client_id", "client identifier invalid"),
        Some(_) => {}
    }
    let Some(back) = sent("redirect_uri") else {
        return page("redirect_uri_missing", "missing required parameter: redirect_uri");
    };
    if !sign_in.leads_back_to(back) {
        return page("redirect_uri_mismatch", "redirect_uri must match configuration");
    }
    let challenge = sent("code_challenge").map(str::to_owned);
    if sign_in.requires_pkce && challenge.is_none() {
        return page("invalid_request", "missing required code challenge");
    }
    let state = sent("state");
    let refused =
        |error: &str, description: &str| redirect(back, &[("error", error), ("error_description", description)], state);
    match sent("response_type") {
        Some("code") => {}
        None => return refused("invalid_request", "missing required parameter: response_type"),
        Some(_) => return refused("unsupported_response_type", "response type not supported"),
    }
    let is_hash = |text: &str| {
        let characters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        characters && text.len() == CHALLENGE_CHARACTERS
    };
    // Another method than S256 is not offered.
    if challenge.as_deref().is_some_and(|text| !is_hash(text))
        || sent("code_challenge_method").unwrap_or("S256") != "S256"
    {
        return refused("invalid_request", "invalid code challenge");
    }
    let scopes = match Scopes::asked(sent("scope").unwrap_or_default(), allowed) {
        Ok(scopes) => scopes,
        Err(description) => return refused("invalid_scope", description),
    };
    if let Some((error, description)) = sign_in.refusal.map(|refusal| refusal.told()) {
        return refused(error, description);
    }
    if sign_in.refuses_authorization {
        return refused("access_denied", "end-user denied authorization");
    }
    let code = tokens.add_code(back, scopes, challenge, now);
    redirect(back, &[("code", &code)], state)
}

/// For the person at the browser.
fn page(error: &str, description: &str) -> Answer {
    let text = format!("error={error}&error_description={}", utf8_percent_encode(description, UNRESERVED));
    answer(400, "text/html;charset=UTF-8", text.into_bytes())
}

/// An address may have a query of its own, which stays.
fn redirect(back: &str, told: &[(&str, &str)], state: Option<&str>) -> Answer {
    let pairs = told.iter().copied().chain(state.map(|state| ("state", state)));
    let pairs: Vec<_> =
        pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED))).collect();
    let joint = match back.find('?') {
        None => "?",
        Some(at) if at + 1 == back.len() || back.ends_with('&') => "",
        Some(_) => "&",
    };
    let to = format!("{back}{joint}{}", pairs.join("&"));
    with_header(
        with_header(answer(302, "text/html;charset=UTF-8", vec![]), "location", &to),
        "cache-control",
        "no-store",
    )
}
