//! What a call may be asked in its query. Promises: a parameter that a call does not know is refused, and named with those that it knows;
//! they are those of the description, so a call has nothing to do for it. Not here: what a parameter may be (`answers::Asked`), and the
//! page that ends a sign-in, to which a provider adds what it likes.

use super::answers::Refused;
use axum::{
    extract::{MatchedPath, Query, Request},
    http::{Method, StatusCode},
};
use std::{collections::BTreeMap, sync::LazyLock};
use utoipa::openapi::{
    RefOr,
    path::{Operation, Parameter, ParameterIn, PathItem},
};

type Parameters = BTreeMap<Method, Vec<String>>;

/// By path, as it is described.
static KNOWN: LazyLock<BTreeMap<String, Parameters>> =
    LazyLock::new(|| super::description().paths.paths.into_iter().map(|(path, item)| (path, of_item(item))).collect());

fn of_item(item: PathItem) -> Parameters {
    let PathItem { get, put, post, delete, .. } = item;
    let calls = [(Method::GET, get), (Method::PUT, put), (Method::POST, post), (Method::DELETE, delete)];
    calls.into_iter().filter_map(|(method, call)| Some((method, of_call(call?)))).collect()
}

fn of_call(call: Operation) -> Vec<String> {
    let all = call.parameters.unwrap_or_default().into_iter();
    let name = |one| match one {
        RefOr::T(Parameter { parameter_in: ParameterIn::Query, name, .. }) => Some(name),
        _ => None,
    };
    all.filter_map(name).collect()
}

/// What is at no path, or not asked by this method, is refused as that.
pub(super) fn known(request: &Request) -> Result<(), Refused> {
    let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
    let known = match KNOWN.get(path.as_str()).map(|calls| calls.get(request.method())) {
        Some(None) => return Ok(()),
        Some(Some(known)) => known.as_slice(),
        None => &[],
    };
    let asked = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).map(|Query(pairs)| pairs);
    let mut names = asked.unwrap_or_default().into_iter().map(|(name, _)| name);
    names.find(|name| !known.contains(name)).map_or(Ok(()), |name| Err(unknown(&name, known)))
}

fn unknown(name: &str, known: &[String]) -> Refused {
    let remedy = match known {
        [] => "Leave it out: this call knows none".to_owned(),
        known => format!("Known here: {}", known.join(", ")),
    };
    let text = format!("there is no parameter `{}` of the query here. {remedy}", name.escape_default());
    Refused::new(StatusCode::BAD_REQUEST, text)
}
