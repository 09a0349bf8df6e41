//! What may leave: whether the rules that the connector declared, and the customer approved, cover a request. Pure.
//!
//! A request is covered by one rule as a whole: its connection, method, path, body fields and headers; rules do not add
//! up. A segment that contains a slash is read in both ways, encoded and split, because servers do: both must be covered.
//! An envelope (a request that carries other requests) is covered only where a rule spells its path out: a wildcard
//! never means it. What it carries is judged here as well, each part as a request of its own (`envelope.rs`).
//!
//! Invariant: what cannot be read is not covered. Not here: addresses (`addresses.rs`), form (`pipeline.rs`).

pub use crate::effect::EgressRule;
use crate::effect::{Body, Denial, Method, Request};
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with the rule itself.
pub(super) fn problem(rule: &EgressRule) -> Option<String> {
    let rest = rule.path.iter().position(|p| p == "**");
    if rest.is_some_and(|at| at + 1 < rule.path.len()) {
        return Some(format!("{}: `**` may only stand last", show(&rule.methods, &rule.connection, &rule.path)));
    }
    if rule.methods.is_empty() {
        return Some(format!("{}: no method", show(&rule.methods, &rule.connection, &rule.path)));
    }
    None
}

/// What a request carries, as far as a rule can judge it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    None,
    Fields(BTreeSet<String>),
    /// Not JSON, or JSON without names.
    Opaque,
}

pub(super) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
}

fn content(body: Option<&Body>) -> Content {
    let Some(body) = body else { return Content::None };
    if !is_json(&body.content_type) {
        return Content::Opaque;
    }
    type Record = BTreeMap<String, IgnoredAny>;
    if let Ok(record) = serde_json::from_slice::<Record>(&body.bytes) {
        return Content::Fields(record.into_keys().collect());
    }
    match serde_json::from_slice::<Vec<Record>>(&body.bytes) {
        Ok(records) => Content::Fields(records.into_iter().flat_map(Record::into_keys).collect()),
        Err(_) => Content::Opaque,
    }
}

/// The smallest change of the rules that would cover a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    /// To the rule at this place.
    Widen {
        rule: usize,
        methods: Vec<Method>,
        fields: Vec<String>,
        headers: Vec<String>,
    },
    New(Box<EgressRule>),
}

fn matches(pattern: &[String], path: &[String], literal_from: usize) -> bool {
    let mut i = 0;
    for p in pattern {
        match (p.as_str(), path.get(i)) {
            ("**", _) => return i + 1 == pattern.len() && path.len() <= literal_from.max(i),
            (_, None) => return false,
            ("*", Some(_)) if i < literal_from => {}
            (literal, Some(segment)) if literal == segment && !is_reference(segment) => {}
            _ => return false,
        }
        i += 1;
    }
    i == path.len()
}

/// What stands for a part of another answer (`@{lead.id}`): only a wildcard says that it may be anything.
fn is_reference(segment: &str) -> bool {
    segment.starts_with("@{")
}

/// What a rule for this path lacks. Nothing: it covers the request.
fn lack(rule: &EgressRule, request: &Request, content: &Content) -> (Vec<Method>, Vec<String>, Vec<String>) {
    let methods = if rule.methods.contains(&request.method) { vec![] } else { vec![request.method] };
    let every = rule.body_fields.iter().any(|f| f == "*");
    let fields = match content {
        _ if every => vec![],
        Content::None => vec![],
        Content::Opaque => vec!["*".to_owned()],
        Content::Fields(names) => names.iter().filter(|n| !rule.body_fields.contains(n)).cloned().collect(),
    };
    let headers: BTreeSet<&String> = request.headers.iter().map(|(name, _)| name).collect();
    let headers = headers.into_iter().filter(|h| !rule.headers.iter().any(|r| r.eq_ignore_ascii_case(h)));
    (methods, fields, headers.cloned().collect())
}

/// Covers the request read with this path, or says what would.
fn covered(rules: &[EgressRule], request: &Request, path: &[String], envelope: Option<usize>) -> Result<(), Change> {
    let content = content(request.body.as_ref());
    let mut nearest: Option<(usize, Change)> = None;
    for (place, rule) in rules.iter().enumerate() {
        if rule.connection != request.connection || !matches(&rule.path, path, envelope.unwrap_or(usize::MAX)) {
            continue;
        }
        let (methods, fields, headers) = lack(rule, request, &content);
        // A method more says more than a field more.
        let distance = methods.len() * 1_000 + fields.len() + headers.len();
        if distance == 0 {
            return Ok(());
        }
        if nearest.as_ref().is_none_or(|(d, _)| distance < *d) {
            nearest = Some((distance, Change::Widen { rule: place, methods, fields, headers }));
        }
    }
    Err(nearest.map_or_else(
        || {
            let none = EgressRule {
                connection: request.connection.clone(),
                methods: vec![],
                path: path.iter().map(|s| if is_reference(s) { "*" } else { s.as_str() }.to_owned()).collect(),
                body_fields: vec![],
                headers: vec![],
                reason: String::new(),
            };
            let (methods, body_fields, headers) = lack(&none, request, &content);
            Change::New(Box::new(EgressRule { methods, body_fields, headers, ..none }))
        },
        |(_, change)| change,
    ))
}

/// Both readings of a path whose segments contain slashes.
pub(super) fn readings(path: &[String]) -> Vec<Vec<String>> {
    let mut readings = vec![path.to_vec()];
    if path.iter().any(|s| s.contains(['/', '\\'])) {
        readings.push(path.iter().flat_map(|s| s.split(['/', '\\'])).map(str::to_owned).collect());
    }
    readings
}

fn check(rules: &[EgressRule], request: &Request, envelope: &dyn Fn(&[String]) -> Option<usize>) -> Result<(), Change> {
    readings(&request.path).iter().try_for_each(|path| covered(rules, request, path, envelope(path)))
}

/// Whether the rules cover the request. `envelope` is the provider's: from which segment on a path must be spelt out.
pub fn decide(
    rules: &[EgressRule],
    request: &Request,
    envelope: &dyn Fn(&[String]) -> Option<usize>,
) -> Result<(), Denial> {
    check(rules, request, envelope).map_err(|change| {
        let (rule, remedy) = match &change {
            Change::New(rule) => (
                format!("no egress rule covers {}", show(&rule.methods, &rule.connection, &rule.path)),
                format!(
                    "To allow it: a rule with connection `{}`, methods [{}], path [{}], body-fields [{}], headers [{}]",
                    rule.connection,
                    join(&rule.methods),
                    quoted(&rule.path),
                    quoted(&rule.body_fields),
                    quoted(&rule.headers)
                ),
            ),
            Change::Widen { rule, methods, fields, headers } => {
                let rule = &rules[*rule];
                let name = show(&rule.methods, &rule.connection, &rule.path);
                let opaque = fields.iter().any(|f| f == "*");
                let mut over = vec![];
                let mut add = vec![];
                if !methods.is_empty() {
                    over.push(format!("method {}", join(methods)));
                    add.push(format!("methods += {}", join(methods)));
                }
                if opaque {
                    over.push("a body that is not JSON with named fields".to_owned());
                } else if !fields.is_empty() {
                    over.push(format!("body field {}", quoted(fields)));
                }
                if !fields.is_empty() {
                    add.push(format!("body-fields += {}", quoted(fields)));
                }
                if !headers.is_empty() {
                    over.push(format!("header {}", quoted(headers)));
                    add.push(format!("headers += {}", quoted(headers)));
                }
                (
                    format!("{name} does not cover {}", over.join(", ")),
                    format!("To allow it, in that rule: {}", add.join(", ")),
                )
            }
        };
        Denial { layer: "manifest".into(), rule, remedy }
    })
}

fn join(methods: &[Method]) -> String {
    methods.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(", ")
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|w| format!("\"{}\"", w.escape_default())).collect::<Vec<_>>().join(", ")
}

fn show(methods: &[Method], connection: &str, path: &[String]) -> String {
    let path: String = path.iter().flat_map(|s| ['/'].into_iter().chain(s.escape_default())).collect();
    format!("{} {connection} {path}", methods.iter().map(|m| m.as_str()).collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Repeat;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn rule(connection: &str, methods: &[Method], path: &str, fields: &str, headers: &str) -> EgressRule {
        EgressRule {
            connection: connection.into(),
            methods: methods.to_vec(),
            path: words(path),
            body_fields: words(fields),
            headers: words(headers),
            reason: "to keep people true".into(),
        }
    }

    fn request(method: Method, path: &str, body: Option<&str>, headers: &[&str]) -> Request {
        Request {
            connection: "crm".into(),
            method,
            path: words(path),
            query: vec![],
            headers: headers.iter().map(|h| (h.to_string(), "x".to_owned())).collect(),
            body: body.map(|b| Body { content_type: "application/json".into(), bytes: b.into() }),
            repeat: Repeat::Idempotent,
            purpose: "p".into(),
        }
    }

    fn no_envelope(_: &[String]) -> Option<usize> {
        None
    }

    fn check_one(rule: &EgressRule, request: &Request, expect: Result<(), (&str, &str)>) {
        let got = decide(std::slice::from_ref(rule), request, &no_envelope);
        match expect {
            Ok(()) => assert_eq!(got, Ok(()), "{request:?}"),
            Err((says, remedy)) => {
                let denial = got.expect_err(&format!("must be refused: {request:?}"));
                assert_eq!(denial.layer, "manifest");
                assert_eq!((denial.rule.as_str(), denial.remedy.as_str()), (says, remedy));
            }
        }
    }

    use Method::{Delete, Get, Patch, Post};

    #[test]
    fn a_denial_names_the_rule_and_the_smallest_change_that_would_allow_it() {
        let r = rule("crm", &[Get, Patch], "sobjects Lead *", "Email Company", "sforce-auto-assign");
        check_one(&r, &request(Get, "sobjects Lead 1", None, &[]), Ok(()));
        check_one(&r, &request(Patch, "sobjects Lead 1", Some(r#"{"Email":"a"}"#), &["sforce-auto-assign"]), Ok(()));
        check_one(&r, &request(Patch, "sobjects Lead 1", Some(r#"[{"Email":1},{"Company":{"x":1}}]"#), &[]), Ok(()));
        check_one(
            &r,
            &request(Delete, "sobjects Lead 1", None, &[]),
            Err((
                "GET|PATCH crm /sobjects/Lead/* does not cover method DELETE",
                "To allow it, in that rule: methods += DELETE",
            )),
        );
        check_one(
            &r,
            &request(Patch, "sobjects Lead 1", Some(r#"[{"Email":1},{"VIP__c":1}]"#), &["x-a"]),
            Err((
                r#"GET|PATCH crm /sobjects/Lead/* does not cover body field "VIP__c", header "x-a""#,
                r#"To allow it, in that rule: body-fields += "VIP__c", headers += "x-a""#,
            )),
        );
        check_one(
            &r,
            &request(Post, "sobjects Contact", Some(r#"{"Email":1}"#), &[]),
            Err((
                "no egress rule covers POST crm /sobjects/Contact",
                r#"To allow it: a rule with connection `crm`, methods [POST], path ["sobjects", "Contact"], body-fields ["Email"], headers []"#,
            )),
        );
        let foreign = EgressRule { connection: "mail".into(), ..r };
        assert!(decide(&[foreign], &request(Get, "sobjects Lead 1", None, &[]), &no_envelope).is_err());
    }

    #[test]
    fn a_body_that_cannot_be_read_leaves_only_under_a_rule_for_all_fields() {
        let narrow = rule("crm", &[Post], "a", "x", "");
        let wide = rule("crm", &[Post], "a", "*", "");
        for body in
            ["", "x=1", "1", "null", "\"x\"", "[1]", "[{\"x\":1},2]", "{\"x\":1", "\u{feff}{\"x\":1}", "{\"x\":1}{}"]
        {
            let r = request(Post, "a", Some(body), &[]);
            assert!(decide(std::slice::from_ref(&narrow), &r, &no_envelope).is_err(), "{body}");
            check_one(&wide, &r, Ok(()));
        }
        let mut form = request(Post, "a", Some(r#"{"x":1}"#), &[]);
        check_one(&narrow, &form, Ok(()));
        for (content_type, fine) in [
            ("application/vnd.api+json", true),
            ("application/json; charset=utf-8", true),
            ("text/csv", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            form.body = Some(Body { content_type: content_type.into(), bytes: br#"{"x":1}"#.to_vec() });
            assert_eq!(decide(std::slice::from_ref(&narrow), &form, &no_envelope).is_ok(), fine, "{content_type}");
        }
    }

    #[test]
    fn patterns_match_segment_by_segment() {
        for (pattern, path, expect) in [
            ("a b", "a b", true),
            ("a b", "a", false),
            ("a b", "a b c", false),
            ("a *", "a b", true),
            ("a *", "a", false),
            ("a *", "a b c", false),
            ("a **", "a", true),
            ("a **", "a b c", true),
            ("a **", "b", false),
            ("** a", "x a", false),
            ("**", "anything at all", true),
            ("", "", true),
            ("A", "a", false),
        ] {
            let r = rule("crm", &[Get], pattern, "", "");
            let got = decide(&[r], &request(Get, path, None, &[]), &no_envelope).is_ok();
            assert_eq!(got, expect, "{pattern} on {path}");
        }
    }

    #[test]
    fn a_segment_with_a_slash_must_be_covered_in_both_readings() {
        let one = rule("crm", &[Get], "sobjects *", "", "");
        let more = rule("crm", &[Get], "sobjects **", "", "");
        let r = request(Get, "sobjects Lead/describe", None, &[]);
        assert!(decide(std::slice::from_ref(&one), &r, &no_envelope).is_err());
        assert!(decide(&[one, more], &r, &no_envelope).is_ok());
    }

    #[test]
    fn a_wildcard_never_means_an_envelope() {
        let envelope = |path: &[String]| path.iter().position(|s| s == "composite");
        let r = request(Post, "data v62.0 composite", None, &[]);
        let wide = [rule("crm", &[Post], "data **", "*", ""), rule("crm", &[Post], "data * *", "*", "")];
        assert!(decide(&wide, &r, &envelope).is_err());
        assert!(decide(&[rule("crm", &[Post], "data * composite", "*", "")], &r, &envelope).is_ok());
    }

    #[test]
    fn a_broken_rule_says_so() {
        assert!(problem(&rule("crm", &[Get], "a ** b", "", "")).unwrap().contains("`**` may only stand last"));
        assert!(problem(&rule("crm", &[], "a", "", "")).unwrap().contains("no method"));
        assert_eq!(problem(&rule("crm", &[Get], "a **", "", "")), None);
    }

    fn methods() -> impl Strategy<Value = Method> {
        prop_oneof![Just(Get), Just(Post), Just(Patch), Just(Delete)]
    }

    fn rules() -> impl Strategy<Value = Vec<EgressRule>> {
        let segment = prop_oneof![Just("a"), Just("b"), Just("*")];
        let path = (proptest::collection::vec(segment, 0..3), any::<bool>()).prop_map(|(mut p, rest)| {
            if rest {
                p.push("**");
            }
            p.into_iter().map(str::to_owned).collect::<Vec<_>>()
        });
        let names = |all: &'static [&'static str]| {
            proptest::sample::subsequence(all, 0..=all.len())
                .prop_map(|n| n.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let one = (
            prop_oneof![Just("crm"), Just("mail")],
            proptest::collection::vec(methods(), 1..3),
            path,
            names(&["x", "y", "*"]),
            names(&["h", "i"]),
        );
        proptest::collection::vec(
            one.prop_map(|(connection, methods, path, body_fields, headers)| EgressRule {
                connection: connection.into(),
                methods,
                path,
                body_fields,
                headers,
                reason: String::new(),
            }),
            0..4,
        )
    }

    fn requests() -> impl Strategy<Value = Request> {
        let body = prop_oneof![
            Just(None),
            Just(Some("{}")),
            Just(Some(r#"{"x":1}"#)),
            Just(Some(r#"{"x":1,"y":2}"#)),
            Just(Some(r#"[{"y":1},{"z":2}]"#)),
            Just(Some("not json")),
        ];
        let segment = prop_oneof![Just("a"), Just("b"), Just("c"), Just("a/b")];
        (
            methods(),
            proptest::collection::vec(segment, 0..4),
            body,
            proptest::sample::subsequence(vec!["h", "i"], 0..=2),
        )
            .prop_map(|(method, path, body, headers)| Request {
                path: path.into_iter().map(str::to_owned).collect(),
                ..request(method, "", body, &headers)
            })
    }

    /// The rule's words, said in another way than the code above.
    fn oracle(rules: &[EgressRule], request: &Request) -> bool {
        fn path_fits(pattern: &[String], path: &[String]) -> bool {
            match (pattern.split_first(), path.split_first()) {
                (None, None) => true,
                (Some((p, rest)), _) if p == "**" => rest.is_empty(),
                (Some((p, rest)), Some((s, tail))) => (p == "*" || p == s) && path_fits(rest, tail),
                _ => false,
            }
        }
        fn names(body: Option<&Body>) -> Option<Vec<String>> {
            let Some(body) = body else { return Some(vec![]) };
            let of = |v: &serde_json::Value| Some(v.as_object()?.keys().cloned().collect::<Vec<_>>());
            match serde_json::from_slice(&body.bytes).ok()? {
                serde_json::Value::Array(list) => Some(list.iter().map(of).collect::<Option<Vec<_>>>()?.concat()),
                one => of(&one),
            }
        }
        let joined = request.path.join("/");
        let split: Vec<String> =
            if request.path.is_empty() { vec![] } else { joined.split('/').map(str::to_owned).collect() };
        [&request.path, &split].into_iter().all(|path| {
            rules.iter().any(|r| {
                r.connection == request.connection
                    && r.methods.contains(&request.method)
                    && path_fits(&r.path, path)
                    && request.headers.iter().all(|(h, _)| r.headers.contains(h))
                    && (r.body_fields.contains(&"*".to_owned())
                        || names(request.body.as_ref()).is_some_and(|n| n.iter().all(|n| r.body_fields.contains(n))))
            })
        })
    }

    proptest! {
        #[test]
        fn what_is_denied_is_never_covered_and_what_passes_always_is(rules in rules(), request in requests()) {
            prop_assert_eq!(decide(&rules, &request, &no_envelope).is_ok(), oracle(&rules, &request));
        }

        #[test]
        fn the_change_that_a_denial_asks_for_allows_the_request(mut rules in rules(), request in requests()) {
            // One change for each reading of the path.
            for _ in 0..2 {
                match check(&rules, &request, &no_envelope) {
                    Ok(()) => break,
                    Err(Change::New(rule)) => rules.push(*rule),
                    Err(Change::Widen { rule, methods, fields, headers }) => {
                        rules[rule].methods.extend(methods);
                        rules[rule].body_fields.extend(fields);
                        rules[rule].headers.extend(headers);
                    }
                }
            }
            prop_assert!(decide(&rules, &request, &no_envelope).is_ok());
        }
    }
}
