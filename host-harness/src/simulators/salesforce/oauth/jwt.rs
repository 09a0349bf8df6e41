//! The JWT bearer flow: a server signs for a user who has approved the app before.
//! <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_jwt_flow.htm>; texts [inferred from public clients].
//!
//! Left out: the signature, for there is no certificate to check it by. It must be there, and is taken as it is.

use super::{App, Form, Grant, may_sign_in, refused, scopes::Scopes};
use crate::simulators::{
    World,
    request::{Answer, Call},
    salesforce::Salesforce,
    unknowns::FarExpiry,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Where an assertion may be meant for, beside the org's own address.
const AUDIENCES: [&str; 2] = ["https://login.salesforce.com", "https://test.salesforce.com"];

/// How far ahead an assertion may end.
const LIFE_SECONDS_MAX: u64 = 3 * 60;

pub(super) fn for_assertion(world: &mut World, _: &Call, form: &Form) -> Grant {
    let invalid = |text: &str| Box::new(refused("invalid_grant", text));
    let claims = claims(form.sent("assertion")).ok_or_else(|| invalid("invalid assertion"))?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let (now, options, allowed) = (world.clock.now(), &world.options, &world.salesforce.scopes);
    if !App::is(claim("iss"), options) {
        return Err(Box::new(refused("invalid_client_id", "client identifier invalid")));
    }
    let audience = claim("aud").trim_end_matches('/');
    let audience = audience.strip_suffix("/services/oauth2/token").unwrap_or(audience);
    if !AUDIENCES.contains(&audience) && audience != options.base_url {
        return Err(invalid("audience is invalid"));
    }
    let seconds = now.seconds();
    let end = claims.get("exp").and_then(seconds_of).ok_or_else(|| invalid("invalid assertion"))?;
    if end <= seconds {
        return Err(invalid("expired authorization code"));
    }
    let too_far = end - seconds > LIFE_SECONDS_MAX;
    if too_far && options.unknowns.salesforce.far_assertion_expiry == FarExpiry::Refused {
        return Err(invalid("invalid assertion"));
    }
    let user = world.salesforce.records.now(&Salesforce::user_id()).map(|user| user.value("Username"));
    let is_user = user.as_ref().and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(claim("sub")));
    let tokens = &mut world.salesforce.tokens;
    may_sign_in(tokens)?;
    if !is_user || tokens.approvals() == 0 {
        return Err(invalid("user hasn't approved this consumer"));
    }
    let scopes = Scopes::asked(form.sent("scope"), allowed)
        .map_err(|text| -> Box<Answer> { Box::new(refused("invalid_scope", text)) })?;
    // There is nothing to refresh: one asks again.
    Ok(tokens.begin(scopes.without("refresh_token"), false, now, options))
}

/// Of an assertion that has three parts and says that it is signed by RS256.
fn claims(assertion: &str) -> Option<Map<String, Value>> {
    let mut parts = assertion.split('.').map(|part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok());
    let (head, claims, signature) = (parts.next()??, parts.next()??, parts.next()??);
    let head: Map<String, Value> = serde_json::from_slice(&head).ok()?;
    let is_signed = head.get("alg").is_some_and(|name| name == "RS256") && !signature.is_empty();
    if parts.next().is_some() || !is_signed {
        return None;
    }
    serde_json::from_slice(&claims).ok()
}

/// Clients write it as a number or as a text.
fn seconds_of(value: &Value) -> Option<u64> {
    let number = value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64));
    number.or_else(|| value.as_str()?.parse().ok())
}
