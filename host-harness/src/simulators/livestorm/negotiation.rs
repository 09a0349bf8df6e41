//! What the headers of a request say about bodies. Answers are `application/vnd.api+json`; bodies are that, or
//! `application/json` (<https://developers.livestorm.co/docs/requests>) [confirmed]. Everything else, and a missing or
//! odd `Accept`, is a switch.

use super::errors::{CONTENT_TYPE, Refusal};
use crate::simulators::{
    request::Call,
    unknowns::{LivestormUnknowns, OddAccept, OtherContentType},
};

const READ: [&str; 2] = [CONTENT_TYPE, "application/json"];

pub(super) fn settle(call: &Call, unknowns: &LivestormUnknowns) -> Result<(), Refusal> {
    if unknowns.odd_accept == OddAccept::Refuse && !takes_ours(call.header("accept").unwrap_or_default()) {
        return Err(Refusal::not_acceptable());
    }
    let sent = media_type(call.header("content-type").unwrap_or_default());
    let is_read = call.body.is_empty() || call.method == http::Method::GET || READ.contains(&sent.as_str());
    match unknowns.other_content_type {
        OtherContentType::Refuse if !is_read => Err(Refusal::unsupported_media_type()),
        OtherContentType::Refuse | OtherContentType::Read => Ok(()),
    }
}

fn takes_ours(accept: &str) -> bool {
    accept.split(',').map(media_type).any(|kind| kind == CONTENT_TYPE || kind == "application/*" || kind == "*/*")
}

/// Without its parameters.
fn media_type(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
