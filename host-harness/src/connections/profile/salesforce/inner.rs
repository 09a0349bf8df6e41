//! The address of a part, as the server reads it: split, then decoded; and what another part's answer may stand for in it.
//!
//! A reference (`@{lead.id}`) becomes what an earlier part answered. Which texts an answer can hold is anybody's guess, and
//! whether Salesforce encodes what it fills in is nowhere said, so in a path it may only be a whole segment behind the object,
//! and only an id, which is letters and digits; a rule covers it by `*` alone (`policy.rs`).

use crate::effect::Method;
use percent_encoding::percent_decode_str;

type Address = (Vec<String>, Vec<(String, String)>);

/// The segments before the first that a reference may be: services, data, version, sobjects, object.
const OBJECT_ENDS: usize = 5;

/// Where the parts of a request may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `/services/data/v62.0/…`
    Whole,
    /// That, or `v62.0/…`
    WholeOrVersion,
}

/// Path and query, decoded, or what is wrong.
pub fn address(url: &str, root: Root, method: Method) -> Result<Address, String> {
    let shown = || format!("`{}`", url.chars().take(120).collect::<String>().escape_default());
    let elsewhere = || format!("its url {} is not below /services/data/ and a version", shown());
    if url.chars().any(char::is_control) || url.contains('#') {
        return Err(format!("its url {} has a control character or a `#`", shown()));
    }
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let below = path.strip_prefix("/services/data/");
    let below = below.or((root == Root::WholeOrVersion).then_some(path)).ok_or_else(elsewhere)?;
    let mut segments = vec!["services".to_owned(), "data".to_owned()];
    for segment in below.split('/') {
        segments.push(decoded(segment).ok_or_else(|| format!("its url {} cannot be decoded", shown()))?);
    }
    if !segments.get(2).is_some_and(|version| is_version(version)) {
        return Err(elsewhere());
    }
    for (place, segment) in segments.iter().enumerate() {
        reference(segment)?;
        if segment.contains("@{") && place < OBJECT_ENDS {
            return Err(format!("its url {} has a reference where the object belongs", shown()));
        }
    }
    let mut pairs = vec![];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let read = |text: &str| decoded(&text.replace('+', " "));
        let (Some(name), Some(value)) = (read(name), read(value)) else {
            return Err(format!("its url {} cannot be decoded", shown()));
        };
        // An answer's text could bring a name of its own along, and with it another method.
        if name.contains("@{") || value.contains("@{") && method != Method::Get {
            return Err(format!("its url {} has a reference in the query of what may write", shown()));
        }
        pairs.push((name, value));
    }
    Ok((segments, pairs))
}

/// What stands for an answer has to be an id, and the whole of its segment.
pub fn reference(segment: &str) -> Result<(), String> {
    if !segment.contains("@{") || is_reference(segment) {
        return Ok(());
    }
    let shown: String = segment.chars().take(60).collect();
    Err(format!("`{}` is not a whole segment that refers to an id, like `@{{lead.id}}`", shown.escape_default()))
}

/// `@{name.field[0].Id}`
fn is_reference(segment: &str) -> bool {
    let Some(steps) = segment.strip_prefix("@{").and_then(|rest| rest.strip_suffix('}')) else { return false };
    let plain = steps.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.[]".contains(&b));
    let last = steps.rsplit_once('.').map_or("", |(_, last)| last);
    plain && last.get(last.len().saturating_sub(2)..).is_some_and(|end| end.eq_ignore_ascii_case("id"))
}

/// `v62.0`
fn is_version(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.strip_prefix('v').and_then(|number| number.split_once('.'));
    number.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

/// Nothing where servers would differ.
fn decoded(text: &str) -> Option<String> {
    let whole = |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(whole) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Root::*, *};
    use Method::{Get, Post};

    #[test]
    fn an_address_is_read_as_a_server_reads_it() {
        let check = |url: &str, root, expect: Option<&[&str]>| {
            let got = address(url, root, Post).map(|(path, _)| path);
            assert_eq!(
                got.as_ref().ok().map(|p| p.iter().map(String::as_str).collect::<Vec<_>>()).as_deref(),
                expect,
                "{url}: {got:?}"
            );
        };
        check("/services/data/v62.0/sobjects/Lead", Whole, Some(&["services", "data", "v62.0", "sobjects", "Lead"]));
        check("v62.0/sobjects/Lead", WholeOrVersion, Some(&["services", "data", "v62.0", "sobjects", "Lead"]));
        check("/services/data/v62.0/query", WholeOrVersion, Some(&["services", "data", "v62.0", "query"]));
        check("/services/data/v62.0/a%2Fb/%C3%A9", Whole, Some(&["services", "data", "v62.0", "a/b", "\u{e9}"]));
        // The form refuses these, as it does when they are sent alone.
        check("/services/data/v62.0//%2e%2E", Whole, Some(&["services", "data", "v62.0", "", ".."]));
        for elsewhere in [
            "",
            "/",
            "v62.0/sobjects/Lead",
            "services/data/v62.0/sobjects/Lead",
            "//evil.example/services/data/v62.0/x",
            "https://evil.example/services/data/v62.0/x",
            "/services/apexrest/v62.0",
            "/Services/data/v62.0/x",
            "/services/data",
            "/services/data/",
            "/services/data/x/sobjects",
            "/services/data/v62/sobjects",
            "/services/data/../apexrest",
            "/services/data/v62.0%2F../x",
            " /services/data/v62.0/x",
            "/services/data/v62.0/x#y",
            "/services/data/v62.0/x\n",
            "/services/data/v62.0/100%",
            "/services/data/v62.0/%ff",
            "/services/data/v62.0/%+1",
        ] {
            check(elsewhere, Whole, None);
            assert!(elsewhere.starts_with('v') || address(elsewhere, WholeOrVersion, Post).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn a_query_is_decoded_once() {
        let (_, query) = address("/services/data/v62.0/query?q=SELECT+Id%2BX&&a&%61=%3D", Whole, Get).unwrap();
        let pairs: Vec<(&str, &str)> = query.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("q", "SELECT Id+X"), ("a", ""), ("a", "=")]);
    }

    #[test]
    fn a_reference_is_an_id_behind_the_object() {
        for (below, fine) in [
            ("sobjects/Lead/@{lead.id}", true),
            ("sobjects/Lead/@{found.records[0].ConvertedContactId}", true),
            ("sobjects/Lead/@{made[0].id}", true),
            ("sobjects/Lead/%40%7Blead.Description%7D", false),
            ("sobjects/Lead/@{lead.Description}", false),
            ("sobjects/Lead/@{id}", false),
            ("sobjects/Lead/x@{lead.id}", false),
            ("sobjects/Lead/@{lead.id}@{lead.id}", false),
            ("sobjects/Lead/@{a/b.id}", false),
            ("sobjects/@{lead.id}/x", false),
            ("@{lead.id}", false),
        ] {
            assert_eq!(address(&format!("/services/data/v62.0/{below}"), Whole, Post).is_ok(), fine, "{below}");
        }
        let query = "/services/data/v62.0/query?q=@{lead.Email}";
        assert!(address(query, Whole, Get).is_ok());
        assert!(address(query, Whole, Post).is_err());
        assert!(address("/services/data/v62.0/query?@{lead.id}=1", Whole, Get).is_err());
    }
}
