//! Writes of many records in as few calls as the API allows, with an outcome for each.
//!
//! Up to 25 writes are parts of one composite call, and what is made first is referred to by the rest. More are collections of up
//! to 200 records: what others wait for goes first, what waits for it follows in the next call with the ids.
//!
//! Promises: one that fails fails alone, and those that wait for it are not written; a record that a second sending would make
//! twice is noted before it leaves. Sources: <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-composite-post.html>,
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-sobjects-collections-create.html>.

use super::{
    calls::{CREATE, WRITE},
    errors::{About, ApiError, Verdict},
};
use crate::{
    call::PLACEHOLDER,
    host::{HttpError, Instant, Response, Subject, Unusable},
    json,
    ledger::{self, Note, READ_LAG},
    stop::{Doing, Stop, for_http},
    work::Work,
};
use serde_json::{Map, Value};

/// Parts of a composite, and collections among them; records of a collection.
const PARTS_MAX: usize = 25;
const COLLECTIONS_MAX: usize = 5;
const RECORDS_MAX: usize = 200;
const DATA: &str = "/services/data/v62.0";

/// One record to be made or changed.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    pub object: &'static str,
    /// None: it is made.
    pub id: Option<String>,
    pub fields: Map<String, Value>,
    /// A field that takes the id of what another operation makes, by its place in the list: only of one before it.
    pub waits_for: Option<(&'static str, usize)>,
    /// Past a duplicate rule that allows it.
    pub allow_save: bool,
    /// Of what a second sending would make twice.
    pub note: Option<String>,
    pub subject: Option<Subject>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// Of a dry run: the placeholder.
    Written(String),
    Refused(ApiError),
    /// What it waits for failed.
    Halted,
    /// It was not written, or it is not known whether it was.
    Stopped(Stop),
}

/// All of them; what became of each, in their order.
pub async fn write(work: &Work<'_>, operations: &[Operation], doing: &Doing<'_>) -> Vec<Done> {
    let mut done: Vec<Option<Done>> = vec![None; operations.len()];
    if operations.len() <= PARTS_MAX {
        let parts: Vec<Part> = (0..operations.len()).map(Part::One).collect();
        send(work, operations, &parts, &mut done, doing).await;
    } else {
        let depths = depths(operations);
        for depth in 0..=depths.iter().copied().max().unwrap_or(0) {
            let ready = |place: &usize| {
                let waits_for = operations[*place].waits_for.map(|(_, other)| &done[other]);
                depths[*place] == depth && waits_for.is_none_or(|other| matches!(other, Some(Done::Written(_))))
            };
            let places: Vec<usize> = (0..operations.len()).filter(ready).collect();
            for parts in collections(operations, &places).chunks(COLLECTIONS_MAX) {
                let as_whole = send(work, operations, parts, &mut done, doing).await;
                // One record may have refused them all: each by itself says which.
                for places in as_whole.chunks(PARTS_MAX) {
                    let parts: Vec<Part> = places.iter().copied().map(Part::One).collect();
                    send(work, operations, &parts, &mut done, doing).await;
                }
            }
        }
    }
    done.into_iter().map(|one| one.unwrap_or(Done::Halted)).collect()
}

/// Of a composite call.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// A record in a request of its own, which may refer to one before it.
    One(usize),
    Many(Vec<usize>),
}

impl Part {
    fn places(&self) -> &[usize] {
        match self {
            Part::One(place) => std::slice::from_ref(place),
            Part::Many(places) => places,
        }
    }
}

/// How many calls must come before.
fn depths(operations: &[Operation]) -> Vec<usize> {
    let mut depths: Vec<usize> = Vec::new();
    for operation in operations {
        depths.push(operation.waits_for.map_or(0, |(_, other)| depths[other] + 1));
    }
    depths
}

/// Records that go together: made or changed, past duplicate rules or not, sorted by object, since a collection takes ten runs of
/// one object.
fn collections(operations: &[Operation], places: &[usize]) -> Vec<Part> {
    let kind = |place: usize| (operations[place].id.is_some(), operations[place].allow_save);
    let mut places = places.to_vec();
    places.sort_by_key(|place| (kind(*place), operations[*place].object));
    let same = places.chunk_by(|a, b| kind(*a) == kind(*b));
    same.flat_map(|places| places.chunks(RECORDS_MAX)).map(|places| Part::Many(places.to_vec())).collect()
}

/// One call. Told back: whose collection was refused as a whole.
async fn send(
    work: &Work<'_>,
    operations: &[Operation],
    parts: &[Part],
    done: &mut [Option<Done>],
    doing: &Doing<'_>,
) -> Vec<usize> {
    let mut as_whole = Vec::new();
    let places: Vec<usize> = parts.iter().flat_map(|part| part.places().to_vec()).collect();
    if places.is_empty() {
        return as_whole;
    }
    let requests = parts.iter().map(|part| request(work, operations, part, done)).collect::<Vec<_>>();
    let body = json::object(vec![("allOrNone", false.into()), ("compositeRequest", requests.into())]);
    let noted = |place: &usize| {
        let operation = &operations[*place];
        operation.note.clone().map(|key| Note { key, subject: operation.subject.clone() })
    };
    let notes: Vec<Note> = places.iter().filter_map(noted).collect();
    let answer = if notes.is_empty() {
        work.send(WRITE.request(&[], &[], Some(&body))).await
    } else {
        ledger::together(work, &CREATE, &body, &notes).await
    };
    let answers = match answer {
        Ok(response) if response.is_success() => answers(&response, parts),
        Ok(response) => {
            let error = ApiError::of(&response);
            let stop = error.stop(work.now(), doing, About::Person);
            if error.verdict() != Verdict::NotKnown {
                notes.iter().for_each(|note| ledger::settled(work, &note.key));
            }
            places.iter().for_each(|place| done[*place] = Some(Done::Stopped(stop.clone())));
            return as_whole;
        }
        Err(HttpError::DryRun) => {
            let planned = |place: &usize| operations[*place].id.clone().unwrap_or_else(|| PLACEHOLDER.into());
            places.iter().for_each(|place| done[*place] = Some(Done::Written(planned(place))));
            return as_whole;
        }
        Err(error) => {
            let stop = match &error {
                HttpError::Unknown(why) | HttpError::Unusable(Unusable { problem: why, .. }) if !notes.is_empty() => {
                    let why = format!("whether it took effect is not known ({why}), it is looked up then");
                    doing.later(work.now() + READ_LAG, &why)
                }
                _ => for_http(&error, work.now(), doing),
            };
            places.iter().for_each(|place| done[*place] = Some(Done::Stopped(stop.clone())));
            return as_whole;
        }
    };
    for (place, (answer, is_of_all)) in places.iter().zip(answers) {
        let operation = &operations[*place];
        let whom = operation.subject.as_ref().map_or(doing.whom, |subject| subject.id.as_str());
        let (end, is_in_doubt) = ended(answer, operation, work.now(), &Doing { whom, ..*doing });
        match operation.note.as_ref() {
            Some(key) if is_in_doubt => {
                let note = Note { key: key.clone(), subject: operation.subject.clone() };
                ledger::in_doubt(work, &note);
            }
            // Who remembers the id settles it.
            Some(_) if matches!(end, Done::Written(_)) => {}
            Some(key) => ledger::settled(work, key),
            None => {}
        }
        if is_of_all && matches!(end, Done::Refused(_)) {
            as_whole.push(*place);
        }
        done[*place] = Some(end);
    }
    as_whole
}

/// What an answer means, and whether it leaves open what was written.
fn ended(
    answer: Result<Option<String>, ApiError>,
    operation: &Operation,
    now: Instant,
    doing: &Doing<'_>,
) -> (Done, bool) {
    match answer {
        Ok(id) => match id.or_else(|| operation.id.clone()) {
            Some(id) => (Done::Written(id), false),
            None => (Done::Stopped(doing.later(now + READ_LAG, "it was written, and its id was not told")), true),
        },
        Err(error) => match error.verdict() {
            // Without one that it waits for, that is a refusal like another.
            Verdict::Halted if operation.waits_for.is_some() => (Done::Halted, false),
            verdict @ (Verdict::SignIn | Verdict::LimitReached | Verdict::Locked | Verdict::NotKnown) => {
                (Done::Stopped(error.stop(now, doing, About::Person)), verdict == Verdict::NotKnown)
            }
            _ => (Done::Refused(error), false),
        },
    }
}

/// What is answered of a record: the id where one is told, or the refusal; and whether that is of all that went with it.
type Answered = (Result<Option<String>, ApiError>, bool);

/// Of each record, in the order of the parts.
fn answers(response: &Response, parts: &[Part]) -> Vec<Answered> {
    let body = json::parse(&response.body).unwrap_or(Value::Null);
    let told = |place: usize| body.get("compositeResponse").and_then(|all| all.get(place)).unwrap_or(&Value::Null);
    let mut all = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let told = told(place);
        let status = told.get("httpStatusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
        // A part of which nothing is told may have taken effect.
        let status = status.unwrap_or(500);
        let body = told.get("body").unwrap_or(&Value::Null);
        let id = |body: &Value| body.get("id").and_then(json::scalar);
        let is_success = (200..300).contains(&status);
        match part {
            Part::One(_) if is_success => all.push((Ok(id(body)), false)),
            Part::Many(places) if is_success => all.extend((0..places.len()).map(|place| {
                let record = body.get(place).unwrap_or(&Value::Null);
                let answer = match record.get("success").and_then(Value::as_bool) {
                    Some(true) => Ok(id(record)),
                    Some(false) => Err(ApiError::in_body(400, record.get("errors").unwrap_or(&Value::Null))),
                    None => Err(ApiError::in_body(500, &Value::Null)),
                };
                (answer, false)
            })),
            part => {
                let is_of_all = part.places().len() > 1;
                all.extend(part.places().iter().map(|_| (Err(ApiError::in_body(status, body)), is_of_all)));
            }
        }
    }
    all
}

/// A part as the API reads it.
fn request(work: &Work<'_>, operations: &[Operation], part: &Part, done: &[Option<Done>]) -> Value {
    let first = &operations[part.places()[0]];
    let (url, reference, body) = match part {
        Part::One(place) => {
            let mut fields = written_apart(&first.fields);
            if let Some((field, other)) = first.waits_for {
                let made = match &done[other] {
                    Some(Done::Written(id)) => id.clone(),
                    _ => format!("@{{o{other}.id}}"),
                };
                fields.insert(field.into(), made.into());
            }
            let id = first.id.as_ref().map_or(String::new(), |id| format!("/{id}"));
            (format!("sobjects/{}{id}", first.object), format!("o{place}"), Value::Object(fields))
        }
        Part::Many(places) => {
            let records: Vec<Value> = places.iter().map(|place| record(&operations[*place], done)).collect();
            let body = json::object(vec![("allOrNone", false.into()), ("records", records.into())]);
            ("composite/sobjects".to_string(), format!("c{}", places[0]), body)
        }
    };
    let is_change = first.id.is_some();
    let mut request = vec![
        ("method", if is_change { "PATCH" } else { "POST" }.into()),
        ("url", format!("{DATA}/{url}").into()),
        ("referenceId", reference.into()),
        ("body", body),
    ];
    let mut headers = Vec::new();
    if is_change && !work.settings.salesforce.assignment_rules {
        headers.push((AUTO_ASSIGN, "FALSE".into()));
    }
    if first.allow_save {
        headers.push((DUPLICATE_RULE, "allowSave=true".into()));
    }
    if !headers.is_empty() {
        request.push(("httpHeaders", json::object(headers)));
    }
    json::object(request)
}

/// A record of a collection.
fn record(operation: &Operation, done: &[Option<Done>]) -> Value {
    let mut record = written_apart(&operation.fields);
    record.insert("attributes".into(), json::object(vec![("type", operation.object.into())]));
    if let Some(id) = &operation.id {
        record.insert("id".into(), id.as_str().into());
    }
    if let Some((field, other)) = operation.waits_for
        && let Some(Done::Written(id)) = &done[other]
    {
        record.insert(field.into(), id.as_str().into());
    }
    Value::Object(record)
}

/// The API takes `@{` in any text of a composite call for a reference to another part.
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-composite-composite-post.html>, confirmed.
pub fn harmless(text: &str) -> String {
    text.replace("@{", "@ {")
}

fn written_apart(fields: &Map<String, Value>) -> Map<String, Value> {
    let apart = |(name, value): (&String, &Value)| match value {
        Value::String(text) => (name.clone(), harmless(text).into()),
        other => (name.clone(), other.clone()),
    };
    fields.iter().map(apart).collect()
}

/// Creating or updating a lead runs the org's assignment rule otherwise, so its owner may change.
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/headers-autoassign.html>, confirmed.
pub const AUTO_ASSIGN: &str = "Sforce-Auto-Assign";
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/headers-duplicaterules.html>, confirmed.
pub const DUPLICATE_RULE: &str = "Sforce-Duplicate-Rule-Header";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::{Answer, Repeat, Request, Subject},
        test_host::{TestHost, ok, on_host},
    };
    use serde_json::json;

    fn lead(name: &str) -> Operation {
        let fields = json!({"LastName": name}).as_object().unwrap().clone();
        let (note, subject) = (Some(format!("once/{name}")), Some(Subject::person(name)));
        Operation { object: "Lead", fields, note, subject, ..Operation::default() }
    }

    fn member(of: usize) -> Operation {
        Operation { object: "CampaignMember", waits_for: Some(("LeadId", of)), ..Operation::default() }
    }

    fn change(id: &str) -> Operation {
        Operation { object: "Contact", id: Some(id.into()), ..Operation::default() }
    }

    fn body(request: &Request) -> Value {
        serde_json::from_slice(&request.body.as_ref().unwrap().bytes).unwrap()
    }

    /// Every part succeeds, but for records whose last name is `bad`.
    fn salesforce(request: &Request) -> Answer {
        let refused = json!([{"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "no"}]);
        let mut failed: Vec<String> = Vec::new();
        let told = |part: &Value| {
            let (body, reference) = (&part["body"], part["referenceId"].as_str().unwrap());
            let waits_for = body["LeadId"].as_str().and_then(|text| text.strip_prefix("@{")?.strip_suffix(".id}"));
            let (status, body) = match body["records"].as_array() {
                Some(records) => {
                    let told = |record: &Value| match record["LastName"] == "bad" {
                        true => json!({"success": false, "errors": refused}),
                        false => {
                            json!({"success": true, "id": format!("id-{}", record["LastName"].as_str().unwrap_or("m"))})
                        }
                    };
                    (200, Value::from(records.iter().map(told).collect::<Vec<_>>()))
                }
                None if body["LastName"] == "bad" => {
                    failed.push(reference.to_string());
                    (400, refused.clone())
                }
                None if waits_for.is_some_and(|other| failed.iter().any(|name| name == other)) => {
                    (400, json!([{"errorCode": "PROCESSING_HALTED", "message": "no value"}]))
                }
                None if part["method"] == "PATCH" => (204, Value::Null),
                None => {
                    (201, json!({"id": format!("id-{}", body["LastName"].as_str().unwrap_or("m")), "success": true}))
                }
            };
            json!({"httpStatusCode": status, "referenceId": reference, "body": body})
        };
        let told: Vec<Value> = body(request)["compositeRequest"].as_array().unwrap().iter().map(told).collect();
        ok(&json!({"compositeResponse": told}).to_string())
    }

    fn write(operations: &[Operation], answer: impl Fn(&Request) -> Answer + 'static) -> (Vec<Done>, TestHost) {
        let host = TestHost::new(1_000_000, answer);
        let doing = Doing { what: "write people", whom: "the batch" };
        let done = on_host(&host, async |work| super::write(work, operations, &doing).await);
        (done, host)
    }

    /// RULES 24, 28.
    #[test]
    fn a_few_go_in_one_call_and_one_that_fails_takes_along_who_waits_for_it_alone() {
        let (done, host) = write(&[lead("a"), lead("bad"), change("003"), member(0), member(1)], salesforce);
        assert!(matches!(&done[1], Done::Refused(error) if error.message == "no"), "{done:?}");
        let others = [&done[0], &done[2], &done[3], &done[4]];
        let written = |id: &str| Done::Written(id.into());
        assert_eq!(others, [&written("id-a"), &written("003"), &written("id-m"), &Done::Halted]);
        let sent = host.requests();
        assert_eq!((sent.len(), sent[0].repeat), (1, Repeat::Once));
        let parts = body(&sent[0])["compositeRequest"].clone();
        assert_eq!(parts[2]["httpHeaders"], json!({"Sforce-Auto-Assign": "FALSE"}));
        assert_eq!((&parts[0]["httpHeaders"], &parts[3]["body"]["LeadId"]), (&Value::Null, &json!("@{o0.id}")));
        assert_eq!(host.state("once/bad"), None);
    }

    /// RULES 24: whatever their number, as many calls as something waits for something.
    #[test]
    fn many_go_in_collections_in_the_order_in_which_they_wait() {
        let mut operations: Vec<Operation> = (0..199).map(|n| lead(if n == 7 { "bad" } else { "x" })).collect();
        operations.extend((0..199).map(member));
        operations.push(change("003"));
        let (done, host) = write(&operations, salesforce);
        let sent: Vec<Value> = host.requests().iter().map(body).collect();
        assert_eq!(sent.len(), 2);
        let sizes = |call: &Value| -> Vec<usize> {
            let parts = call["compositeRequest"].as_array().unwrap().iter();
            parts.map(|part| part["body"]["records"].as_array().unwrap().len()).collect()
        };
        assert_eq!((sizes(&sent[0]), sizes(&sent[1])), (vec![199, 1], vec![198]));
        assert_eq!(sent[1]["compositeRequest"][0]["body"]["records"][0]["LeadId"], "id-x");
        let count = |is: fn(&Done) -> bool| done.iter().filter(|one| is(one)).count();
        assert_eq!(count(|one| matches!(one, Done::Refused(_))), 1);
        assert_eq!((count(|one| *one == Done::Halted), done[199 + 7].clone()), (1, Done::Halted));
        assert_eq!(host.requests()[1].repeat, Repeat::Idempotent, "members alone may be sent again");
    }

    /// One record may have refused them all.
    #[test]
    fn a_collection_that_is_refused_as_a_whole_is_sent_one_by_one_and_the_others_are_written() {
        let operations: Vec<Operation> = (0..60).map(|n| lead(if n == 7 { "bad" } else { "x" })).collect();
        let (done, host) = write(&operations, |request| {
            let parts = body(request)["compositeRequest"].clone();
            if parts[0]["body"]["records"].is_array() {
                let refused = json!([{"errorCode": "JSON_PARSER_ERROR", "message": "no"}]);
                let told = json!({"httpStatusCode": 400, "referenceId": "c0", "body": refused});
                return ok(&json!({"compositeResponse": [told]}).to_string());
            }
            salesforce(request)
        });
        assert_eq!(host.requests().len(), 1 + 3);
        assert_eq!(done.iter().filter(|one| matches!(one, Done::Written(_))).count(), 59);
        assert!(matches!(&done[7], Done::Refused(error) if error.message == "no"));
    }

    #[test]
    fn what_would_be_read_as_a_reference_is_written_apart() {
        let mut operation = lead("@{o0.id}");
        operation.fields.insert("Score__c".into(), json!(1));
        let (_, host) = write(&[operation], salesforce);
        let fields = body(&host.requests()[0])["compositeRequest"][0]["body"].clone();
        assert_eq!(fields, json!({"LastName": "@ {o0.id}", "Score__c": 1}));
    }

    #[test]
    fn what_may_have_been_made_keeps_its_note_and_what_certainly_was_not_leaves_none() {
        let unknown = |_: &Request| Err(HttpError::Unknown("reset".into()));
        let unsent = |_: &Request| Err(HttpError::NotSent("refused".into()));
        let refused = |_: &Request| crate::test_host::answer(400, r#"[{"errorCode":"JSON_PARSER_ERROR"}]"#);
        let silent = |_: &Request| ok("{}");
        let dry = |_: &Request| Err(HttpError::DryRun);
        type Row = (&'static str, bool, (Vec<Done>, TestHost));
        let rows: [Row; 5] = [
            ("unknown", true, write(&[lead("a"), member(0)], unknown)),
            ("not sent", false, write(&[lead("a"), member(0)], unsent)),
            ("refused as a whole", false, write(&[lead("a"), member(0)], refused)),
            ("nothing told", true, write(&[lead("a"), member(0)], silent)),
            ("dry run", false, write(&[lead("a"), member(0)], dry)),
        ];
        for (name, is_kept, (done, host)) in rows {
            assert_eq!(host.state("once/a").is_some(), is_kept, "{name}");
            let is_planned = done.iter().all(|one| *one == Done::Written(PLACEHOLDER.into()));
            let is_stopped = done.iter().all(|one| matches!(one, Done::Stopped(_)));
            assert_eq!((is_planned, is_stopped), (name == "dry run", name != "dry run"), "{name}: {done:?}");
        }
    }
}
