//! Is a delivery from who it says it is from? Pure: the scheme is data of the connector's manifest.
//!
//! Livestorm signs REST-managed webhooks with `<unix seconds>,<hex>` where the digest is a plain SHA-256 over timestamp, secret
//! and body (<https://developers.livestorm.co/docs/webhook-signatures>). Whether the body is signed as sent or as compact
//! JSON is not documented, so both are tried, in this order.

use crate::{
    clock::Timestamp,
    runtime::contract::{Algorithm, Encoding, Part, Signature, SignatureDigest},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("there is no signature, or not in this form")]
    Missing,
    #[error("it was signed too long ago, or in the future")]
    Stale,
    #[error("no known secret gives this signature")]
    Wrong,
}

/// Whether the delivery is verified: `Ok(false)` where the source does not sign.
pub fn verify(
    scheme: &Signature,
    secrets: &[SecretString],
    headers: &[(String, String)],
    body: &[u8],
    now: Timestamp,
) -> Result<bool, SignatureError> {
    let Signature::Digest(scheme) = scheme else { return Ok(false) };
    let header = headers.iter().find(|(name, _)| *name == scheme.header).ok_or(SignatureError::Missing)?;
    let (timestamp, given) = taken_apart(&scheme.format, &header.1).ok_or(SignatureError::Missing)?;
    if scheme.parts.contains(&Part::Timestamp) {
        let seconds = timestamp.parse().map_err(|_| SignatureError::Missing)?;
        let at = Timestamp::from_seconds(seconds);
        let tolerance = Duration::from_millis(scheme.tolerance_ms.into());
        if now.since(at) > tolerance || at.since(now) > tolerance {
            return Err(SignatureError::Stale);
        }
    }
    let compact = compact(body);
    let bodies = [body, &compact];
    let known = bodies.into_iter().flat_map(|b| secrets.iter().map(move |s| (b, s)));
    // Every candidate is looked at: how many there are is no secret, which one fits is nobody's business.
    let fits = known.fold(false, |fits, (body, secret)| {
        let wanted = signed(scheme, timestamp, secret.expose_secret(), body);
        fits | bool::from(wanted.as_bytes().ct_eq(given.as_bytes()))
    });
    if fits { Ok(true) } else { Err(SignatureError::Wrong) }
}

/// The header that a sender would give: for whoever plays one.
pub fn sign(scheme: &SignatureDigest, secret: &SecretString, body: &[u8], now: Timestamp) -> (String, String) {
    let timestamp = now.seconds().to_string();
    let digest = signed(scheme, &timestamp, secret.expose_secret(), body);
    let value = scheme.format.replace("{timestamp}", &timestamp).replace("{digest}", &digest);
    (scheme.header.clone(), value)
}

/// JSON without the blanks between its parts, everything else as it was and in its order.
fn compact(body: &[u8]) -> Vec<u8> {
    let (mut inside, mut escaped) = (false, false);
    let mut keep = |byte: &u8| {
        match *byte {
            b'"' if !escaped => inside = !inside,
            b' ' | b'\t' | b'\r' | b'\n' if !inside => return false,
            _ => {}
        }
        escaped = inside && *byte == b'\\' && !escaped;
        true
    };
    body.iter().copied().filter(|byte| keep(byte)).collect()
}

/// Finds `{timestamp}` and `{digest}` in a header's text.
fn taken_apart<'a>(format: &str, text: &'a str) -> Option<(&'a str, &'a str)> {
    const TIMESTAMP: &str = "{timestamp}";
    const DIGEST: &str = "{digest}";
    let Some((before, after)) = format.split_once(TIMESTAMP) else {
        let (before, after) = format.split_once(DIGEST)?;
        return Some(("", text.strip_prefix(before)?.strip_suffix(after)?));
    };
    let (between, end) = after.split_once(DIGEST)?;
    let text = text.strip_prefix(before)?.strip_suffix(end)?;
    if between.is_empty() { None } else { text.split_once(between) }
}

fn signed(scheme: &SignatureDigest, timestamp: &str, secret: &str, body: &[u8]) -> String {
    let parts = scheme.parts.iter().map(|part| match part {
        Part::Timestamp => timestamp.as_bytes(),
        Part::Secret => secret.as_bytes(),
        Part::Body => body,
    });
    let digest = match scheme.algorithm {
        Algorithm::Sha256 => parts.fold(Sha256::new(), |d, p| d.chain_update(p)).finalize().to_vec(),
        Algorithm::HmacSha256 => {
            let keyed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
            parts.fold(keyed, |d, p| d.chain_update(p)).finalize().into_bytes().to_vec()
        }
    };
    match scheme.encoding {
        Encoding::HexLower => hex::encode(digest),
        Encoding::Base64 => STANDARD.encode(digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn livestorm() -> Signature {
        Signature::Digest(SignatureDigest {
            header: "x-livestorm-signature".into(),
            format: "{timestamp},{digest}".into(),
            algorithm: Algorithm::Sha256,
            parts: vec![Part::Timestamp, Part::Secret, Part::Body],
            encoding: Encoding::HexLower,
            tolerance_ms: 30 * 60_000,
        })
    }

    /// A vector made by the documented rule.
    const BODY: &[u8] = br#"{"data":{"id":"x"}}"#;
    const SIGNED: &str = "1700000000,fd3ca61dda14c127d4019824da21936d03e2383be875930f47c94c6851dbea4c";

    fn check(header: &str, secrets: &[&str], body: &[u8], now: u64, expect: Result<bool, SignatureError>) {
        let headers = [("x-livestorm-signature".to_string(), header.to_string())];
        let secrets: Vec<SecretString> = secrets.iter().map(|s| SecretString::from(*s)).collect();
        let got = verify(&livestorm(), &secrets, &headers, body, Timestamp::from_seconds(now));
        assert_eq!(got, expect, "{header} {secrets:?} at {now}");
    }

    #[test]
    fn a_signature_is_valid_by_one_of_the_secrets_and_for_a_while() {
        const AT: u64 = 1_700_000_000;
        check(SIGNED, &["test-secret"], BODY, AT, Ok(true));
        check(SIGNED, &["new-secret", "test-secret"], BODY, AT, Ok(true));
        check(SIGNED, &["test-secret"], br#"{ "data": {"id": "x"} }"#, AT, Ok(true));
        check(SIGNED, &["test-secret"], BODY, AT + 30 * 60, Ok(true));
        check(SIGNED, &["test-secret"], BODY, AT + 30 * 60 + 1, Err(SignatureError::Stale));
        check(SIGNED, &["test-secret"], BODY, AT - 30 * 60 - 1, Err(SignatureError::Stale));
        check(SIGNED, &["other"], BODY, AT, Err(SignatureError::Wrong));
        check(SIGNED, &[], BODY, AT, Err(SignatureError::Wrong));
        check(SIGNED, &["test-secret"], br#"{"data":{"id":"y"}}"#, AT, Err(SignatureError::Wrong));
        check("nonsense", &["test-secret"], BODY, AT, Err(SignatureError::Missing));
        check("now,abc", &["test-secret"], BODY, AT, Err(SignatureError::Missing));
    }

    #[test]
    fn what_was_signed_here_is_valid_here() {
        let Signature::Digest(scheme) = livestorm() else { panic!("it signs") };
        let (name, value) = sign(&scheme, &"test-secret".into(), BODY, Timestamp::from_seconds(1_700_000_000));
        assert_eq!((name.as_str(), value.as_str()), ("x-livestorm-signature", SIGNED));
    }

    #[test]
    fn a_compact_body_keeps_its_order_and_its_texts() {
        let check = |body: &str, expect: &str| assert_eq!(compact(body.as_bytes()), expect.as_bytes());
        check("{ \"b\": 1,\n\t\"a\": [1, 2] }", r#"{"b":1,"a":[1,2]}"#);
        check(r#"{ "x y": "a \" b", "z": "\\" }"#, r#"{"x y":"a \" b","z":"\\"}"#);
        check("", "");
    }

    #[test]
    fn a_source_that_does_not_sign_is_never_verified() {
        assert_eq!(verify(&Signature::Unsigned, &[], &[], BODY, Timestamp(0)), Ok(false));
    }

    #[test]
    fn a_signed_source_without_a_signature_is_refused() {
        let secrets = [SecretString::from("test-secret")];
        assert_eq!(verify(&livestorm(), &secrets, &[], BODY, Timestamp(0)), Err(SignatureError::Missing));
    }
}
