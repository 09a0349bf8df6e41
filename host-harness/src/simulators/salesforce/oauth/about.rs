//! What a token is worth and whose it is.
//!
//! Promises: a token is taken from the `Authorization` header, from the address, or from a form, under the name
//! `access_token`, and as `oauth_token` for the identity. A bad one is told in plain text with status 403 [inferred from
//! public clients]. Left out: JSONP and answers in XML.

use super::{App, Form, identity_url, refused, tokens::Known, unkept, wrong_verb};
use crate::simulators::{
    World,
    ids::long_salesforce_id,
    request::{Answer, Call, answer, json},
    salesforce::{Record, Salesforce, errors, errors::Refusal, time},
};
use http::Method;
use serde_json::{Value, json};

/// `POST /services/oauth2/introspect` (RFC 7662): whether a token is worth something, and for how long.
/// <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oidc_token_introspection.htm>
pub(in crate::simulators::salesforce) fn introspect(world: &World, call: &Call) -> Answer {
    if call.method != Method::POST {
        return refused("invalid_request", "HTTP POST is required");
    }
    let (form, options, tokens) = (Form::of(call), &world.options, &world.salesforce.tokens);
    if let Err(refused) = App::check(call, &form, options, true) {
        return *refused;
    }
    let (kind, scopes, issued) = match tokens.known(form.sent("token"), world.clock.now(), options) {
        Some(Known::Access(scopes, issued)) => ("access_token", scopes, Some(issued)),
        Some(Known::Refresh(scopes)) => ("refresh_token", scopes, None),
        None => return unkept(json(200, errors::CONTENT_TYPE, &json!({ "active": false }))),
    };
    let mut body = json!({
        "active": true,
        "scope": scopes.told(&world.salesforce.scopes),
        "client_id": options.salesforce.client_id,
        "username": world.salesforce.records.now(&Salesforce::user_id()).map(|user| user.value("Username")),
        "sub": identity_url(options),
        "token_type": kind,
    });
    if let Some(issued) = issued {
        body["iat"] = json!(issued.seconds());
        body["nbf"] = json!(issued.seconds());
        body["exp"] = json!(issued.plus(options.session_timeout).seconds());
    }
    unkept(json(200, errors::CONTENT_TYPE, &body))
}

/// `POST /services/oauth2/revoke`, or GET with `token` in the address: a refresh token takes its access tokens with it.
/// <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_revoke_token.htm>
pub(in crate::simulators::salesforce) fn revoke(world: &mut World, call: &Call) -> Answer {
    if !matches!(call.method, Method::GET | Method::POST) {
        return wrong_verb("GET,POST");
    }
    let form = Form::of(call);
    let token = form.sent("token");
    if token.is_empty() {
        return refused("invalid_request", "missing required parameter: token");
    }
    if !world.salesforce.tokens.end(token) {
        return refused("unsupported_token_type", "this token type is not supported");
    }
    answer(200, errors::CONTENT_TYPE, vec![])
}

/// `GET` or `POST /services/oauth2/userinfo`.
/// <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_userinfo_endpoint.htm>
pub(in crate::simulators::salesforce) fn userinfo(world: &World, call: &Call) -> Answer {
    let user = match asker(world, call) {
        Ok(user) => user,
        Err(refused) => return *refused,
    };
    let url = identity_url(&world.options);
    let photos = photos(world);
    let body = json!({
        "sub": url,
        "user_id": user.id,
        "organization_id": Salesforce::organization_id(),
        "preferred_username": user.value("Username"),
        "nickname": nickname(user),
        "name": user.value("Name"),
        "email": user.value("Email"),
        "email_verified": true,
        "given_name": user.value("FirstName"),
        "family_name": user.value("LastName"),
        "zoneinfo": user.value("TimeZoneSidKey"),
        "photos": photos,
        "profile": format!("{}/{}", world.options.base_url, user.id),
        "picture": photos["picture"],
        "address": {},
        "is_salesforce_integration_user": false,
        "urls": urls(world),
        "active": true,
        "user_type": "STANDARD",
        "language": LANGUAGE,
        "locale": LANGUAGE,
        "utcOffset": UTC_OFFSET,
        "updated_at": time(user.modified_at),
    });
    json(200, errors::CONTENT_TYPE, &body)
}

/// `GET` or `POST /id/<organization>/<user>`, the `id` of a token's answer. `{version}` is for the client to fill in
/// [confirmed]. <https://developer.salesforce.com/docs/platform/mobile-sdk/guide/oauth-using-identity-urls.html>
pub(in crate::simulators::salesforce) fn identity(
    world: &World,
    call: &Call,
    organization: &str,
    user: &str,
) -> Answer {
    let asker = match asker(world, call) {
        Ok(asker) => asker,
        Err(refused) => return *refused,
    };
    let (organization, user) = (long_salesforce_id(organization), long_salesforce_id(user));
    if organization != Some(Salesforce::organization_id()) || user.as_ref() != Some(&asker.id) {
        return Refusal::not_found().answer();
    }
    let body = json!({
        "id": identity_url(&world.options),
        "asserted_user": true,
        "user_id": asker.id,
        "organization_id": Salesforce::organization_id(),
        "username": asker.value("Username"),
        "nick_name": nickname(asker),
        "display_name": asker.value("Name"),
        "email": asker.value("Email"),
        "email_verified": true,
        "first_name": asker.value("FirstName"),
        "last_name": asker.value("LastName"),
        "timezone": asker.value("TimeZoneSidKey"),
        "photos": photos(world),
        "addr_street": null,
        "addr_city": null,
        "addr_state": null,
        "addr_country": null,
        "addr_zip": null,
        "mobile_phone": null,
        "mobile_phone_verified": false,
        "is_lightning_login_user": false,
        "status": { "created_date": null, "body": null },
        "urls": urls(world),
        "active": true,
        "user_type": "STANDARD",
        "language": LANGUAGE,
        "locale": LANGUAGE,
        "utcOffset": UTC_OFFSET,
        "last_modified_date": time(asker.modified_at),
    });
    json(200, errors::CONTENT_TYPE, &body)
}

const LANGUAGE: &str = "en_US";
/// Milliseconds from UTC, of the user's zone in winter [inferred].
const UTC_OFFSET: i64 = -18_000_000;

/// What stands before the `@` of the user name, as Salesforce proposes it.
fn nickname(user: &Record) -> Value {
    let username = user.value("Username");
    json!(username.as_str().and_then(|name| name.split('@').next()))
}

fn photos(world: &World) -> Value {
    let photo = |size: &str| format!("{}/profilephoto/005/{size}", world.options.base_url);
    json!({ "picture": photo("F"), "thumbnail": photo("T") })
}

fn urls(world: &World) -> Value {
    let base = &world.options.base_url;
    let rest = format!("{base}/services/data/v{{version}}/");
    let soap = |kind: &str| format!("{base}/services/Soap/{kind}/{{version}}/{}", Salesforce::organization_id());
    json!({
        "enterprise": soap("c"),
        "metadata": soap("m"),
        "partner": soap("u"),
        "rest": rest,
        "sobjects": format!("{rest}sobjects/"),
        "search": format!("{rest}search/"),
        "query": format!("{rest}query/"),
        "recent": format!("{rest}recent/"),
        "tooling_soap": soap("T"),
        "tooling_rest": format!("{rest}tooling/"),
        "profile": format!("{base}/{}", Salesforce::user_id()),
        "feeds": format!("{rest}chatter/feeds"),
        "groups": format!("{rest}chatter/groups"),
        "users": format!("{rest}chatter/users"),
        "feed_items": format!("{rest}chatter/feed-items"),
        "feed_elements": format!("{rest}chatter/feed-elements"),
        "custom_domain": base,
    })
}

/// Whose token it is.
fn asker<'a>(world: &'a World, call: &Call) -> Result<&'a Record, Box<Answer>> {
    if !matches!(call.method, Method::GET | Method::POST) {
        return Err(Box::new(wrong_verb("GET,HEAD,POST")));
    }
    let form = Form::of(call);
    let sent = ["access_token", "oauth_token"].map(|name| form.sent(name)).into_iter().find(|token| !token.is_empty());
    let token = call.bearer().or(sent);
    let known = token.is_some_and(|t| world.salesforce.tokens.opens(t, world.clock.now(), &world.options));
    let user = world.salesforce.records.now(&Salesforce::user_id()).filter(|_| known);
    user.ok_or_else(|| Box::new(answer(403, "text/html;charset=UTF-8", b"Bad_OAuth_Token".to_vec())))
}
