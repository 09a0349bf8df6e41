//! Who has submitted a form of Account Engagement, or one that posts to a form handler (RULES 19): each submission is a task, told
//! once. Polled, since Account Engagement has no webhook for it; every two minutes, so that with the lag of its reads a registrant
//! is in Livestorm well within 10 minutes (S2-47).
//!
//! Promises: a submission that comes to be seen late, with a lower id than those told before, is found for an hour; what was
//! submitted before the connector was switched on registers nobody. Not here: whether the form's campaign is a session's
//! (`flow/form_submitted.rs`): a page has no state of `people`.

use super::{Asked, Halt, cursor};
use crate::{
    account_engagement::{
        calls::VISITOR_ACTIVITIES,
        errors::{ApiError, Verdict},
        id_of, time,
    },
    calendar,
    call::ACCOUNT_ENGAGEMENT,
    domain::email::Email,
    host::{Cost, Entry, HOUR, Instant, MINUTE, Page, SECOND, Source},
    json,
    stop::{Doing, for_http},
    task::{self, FormSubmitted},
    text,
    work::Work,
};
use serde_json::Value;

pub const NAME: &str = "form-submissions";

/// Twice this and twice the lag of reads are six minutes of the ten.
const INTERVAL: u64 = 2 * MINUTE;
/// How far each pass reads back: reads lag 60 seconds, and whether an activity may come to be seen after younger ones is unknown.
/// An hour of submissions is one request, as two minutes of them are.
const OVERLAP: u64 = HOUR;
/// As many as a page of ours may have tasks.
const ROWS_MAX: usize = 1_000;
/// A form was submitted. `object-field-references.md` of the v4 documentation, confirmed.
const SUCCESS: &str = "4";
const FIELDS: &str = "id,type,campaignId,formId,formHandlerId,prospectId,createdAt,prospect.email";

pub fn source() -> Source {
    Source {
        name: NAME.into(),
        title: "Submitted forms of Account Engagement".into(),
        schema: String::new(),
        primary_key: Vec::new(),
        min_interval_ms: INTERVAL,
        parameters: String::new(),
        scheduled: true,
    }
}

/// Of a pass with less than a thousand submissions in the last hour. What each of them costs is paced as any task is: nobody
/// knows before how many there are.
pub fn cost() -> Vec<Cost> {
    vec![Cost { connection: ACCOUNT_ENGAGEMENT.into(), least: 1, most: 1 }]
}

/// Where a pass stands.
#[derive(Debug, PartialEq)]
struct Place {
    /// Reads what was submitted since.
    since: Instant,
    /// The last id of the page before, and when the pass began.
    after: Option<String>,
    begun_at: Option<Instant>,
}

plain!(Place { since, after, begun_at });

pub async fn page(work: &Work<'_>, asked: &Asked<'_>) -> Result<Page, Halt> {
    let (now, activated_at) = (work.now(), work.context.activated_at);
    let place = cursor::read(NAME, now, asked.cursor)?;
    let place = place.unwrap_or(Place { since: activated_at, after: None, begun_at: None });
    let begun_at = place.begun_at.unwrap_or(now);
    let rows = rows(work, &place).await?;
    let is_full = rows.len() >= ROWS_MAX;
    let last = rows.last().and_then(id_of);
    let mut seen: Vec<(FormSubmitted, String)> = Vec::new();
    for submitted in rows.iter().filter_map(|row| submission(row, now)) {
        if submitted.submitted_at / SECOND >= activated_at / SECOND {
            let key = seen_key(&submitted.activity);
            seen.push((submitted, key));
        }
    }
    let keys: Vec<String> = seen.iter().map(|(_, key)| key.clone()).collect();
    let noted = work.host.get_many(&keys);
    let mut tasks = Vec::new();
    for ((submitted, key), _) in seen.into_iter().zip(noted).filter(|(_, noted)| noted.is_none()) {
        work.host.set(Entry { key, value: submitted.submitted_at.to_string(), subject: None });
        tasks.push(task::form_submitted(&submitted));
    }
    let next = match last.filter(|_| is_full) {
        Some(last) => Place { after: Some(last), begun_at: Some(begun_at), ..place },
        None => {
            let since = begun_at.saturating_sub(OVERLAP).max(activated_at).max(place.since);
            forget(work, since);
            Place { since, after: None, begun_at: None }
        }
    };
    let more = next.after.is_some();
    // What a submission brings about is counted as no pass of ours: people brought it about, as they do by a webhook, and a next pass
    // that waited for it to be paid back would keep the ones after them waiting.
    let costs = Vec::new();
    Ok(Page { rows: Vec::new(), tasks, cursor: cursor::write(NAME, begun_at, &next), more, costs })
}

/// By time and id, each page asked for by the last id of the one before: that survives what a token, which lasts four hours, does
/// not. Three filters are as many as a query may have.
async fn rows(work: &Work<'_>, place: &Place) -> Result<Vec<Value>, Halt> {
    let doing = Doing { what: "look for submitted forms", whom: "the business unit" };
    let (since, limit) = (time(place.since), ROWS_MAX.to_string());
    let mut query = vec![
        ("fields", FIELDS),
        ("type", SUCCESS),
        ("createdAtAfterOrEqualTo", since.as_str()),
        ("orderBy", "id ASC"),
        ("limit", limit.as_str()),
    ];
    query.extend(place.after.as_deref().map(|last| ("idGreaterThan", last)));
    let answer = work.send(VISITOR_ACTIVITIES.request(&[], &query, None)).await;
    let now = work.now();
    let response = answer.map_err(|error| for_http(&error, now, &doing))?;
    if !response.is_success() {
        let error = ApiError::of(&response);
        let stop = match error.verdict() {
            Verdict::Ability => doing.needs_attention(
                &format!("{}.", error.said()),
                "Give the connected user's role in Account Engagement the ability to view visitors (Prospects > Visitors > View). \
                 Nobody who submits a form is registered until then; it goes on by itself.",
            ),
            _ => error.stop(now, &doing),
        };
        return Err(stop.into());
    }
    let body = json::parse(&response.body)
        .map_err(|why| doing.later(now + MINUTE, &format!("Account Engagement's answer is not JSON ({why})")))?;
    match body.get("values") {
        Some(Value::Array(rows)) => Ok(rows.clone()),
        other => {
            let found = other.map_or("nothing", json::kind);
            Err(doing.bug(&format!("Account Engagement's answer: /values is {found}")).into())
        }
    }
}

/// None: it is not of a form, or belongs to no campaign.
fn submission(row: &Value, now: Instant) -> Option<FormSubmitted> {
    let text = |name: &str| row.get(name).and_then(json::scalar).filter(|text| !text.is_empty());
    let (form, handler) = (text("formId"), text("formHandlerId"));
    if form.is_none() && handler.is_none() {
        return None;
    }
    let email = row.get("prospect").and_then(|prospect| prospect.get("email")).and_then(json::scalar);
    Some(FormSubmitted {
        activity: id_of(row)?,
        campaign: text("campaignId")?,
        form,
        handler,
        prospect: text("prospectId"),
        email: email.and_then(|email| Email::parse(&email).ok()),
        submitted_at: text("createdAt").and_then(|at| calendar::parse(&at)).unwrap_or(now),
        held: false,
    })
}

const SEEN: &str = "seen/";

fn seen_key(activity: &str) -> String {
    text::state_key("seen", &[activity])
}

/// What no later pass reads again needs not be known.
fn forget(work: &Work<'_>, since: Instant) {
    let mut after: Option<String> = None;
    loop {
        let entries = work.host.scan(SEEN, after.as_deref(), 1_000);
        let Some(last) = entries.last() else { return };
        after = Some(last.key.clone());
        // Of a second, since the query's time has no more.
        let is_past = |entry: &&Entry| entry.value.parse().is_ok_and(|at: Instant| at / SECOND < since / SECOND);
        entries.iter().filter(is_past).for_each(|entry| work.host.delete(&entry.key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connector,
        host::{Context, Interruption},
        story::state::sample,
        test_host::{TestHost, answer, context, ok},
    };
    use serde_json::json;
    use std::{cell::RefCell, rc::Rc};

    /// 2026-11-22T15:00:00Z.
    const START: Instant = 1_795_359_600_000;

    fn row(id: u64, at: Instant) -> Value {
        json!({"id": id, "type": 4, "campaignId": 7, "formId": 31, "formHandlerId": null, "prospectId": 1007,
            "createdAt": time(at), "prospect": {"email": format!("p{id}@example.org")}})
    }

    /// What Account Engagement shows, and a host that reads it.
    struct Reader {
        rows: Rc<RefCell<Vec<Value>>>,
        host: TestHost,
        context: Context,
        cursor: Option<String>,
    }

    impl Reader {
        fn new() -> Self {
            let rows: Rc<RefCell<Vec<Value>>> = Rc::default();
            let shown = rows.clone();
            let host = TestHost::new(START, move |request| {
                let said =
                    |name: &str| request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
                let since = calendar::parse(&said("createdAtAfterOrEqualTo").unwrap()).unwrap();
                let after: u64 = said("idGreaterThan").map_or(0, |id| id.parse().unwrap());
                let (id, at) = (|row: &Value| row["id"].as_u64().unwrap(), |row: &Value| row["createdAt"].clone());
                let mut rows = shown.borrow().clone();
                rows.retain(|row| id(row) > after && calendar::parse(at(row).as_str().unwrap()).unwrap() >= since);
                rows.sort_by_key(id);
                rows.truncate(said("limit").unwrap().parse().unwrap());
                ok(&json!({"values": rows, "nextPageToken": null}).to_string())
            });
            let settings = r#"{"registration": "account_engagement_forms"}"#.to_string();
            let context = Context { settings, activated_at: START, ..context() };
            Self { rows, host, context, cursor: None }
        }

        fn page(&mut self) -> (Vec<String>, bool) {
            let page = connector::sync(&self.host, &self.context, NAME, "", self.cursor.as_deref()).unwrap();
            assert!(page.rows.is_empty() && page.cursor.len() < 8 * 1024);
            self.cursor = Some(page.cursor);
            (page.tasks.into_iter().map(|task| task.dedupe_key).collect(), page.more)
        }

        fn told(&mut self) -> Vec<String> {
            let (tasks, more) = self.page();
            assert!(!more);
            tasks
        }
    }

    fn key(id: u64) -> String {
        format!("form-submitted/{id}")
    }

    /// S2-47: polled every two minutes, and by whoever chose it alone.
    #[test]
    fn it_is_a_source_only_where_people_register_by_forms_of_account_engagement() {
        let of = |settings: &str| connector::sources(&Context { settings: settings.into(), ..context() });
        assert!(!of("{}").iter().any(|source| source.name == NAME));
        let sources = of(r#"{"registration": "account_engagement_forms"}"#);
        let own = sources.iter().find(|source| source.name == NAME).unwrap();
        assert_eq!((own.min_interval_ms, own.scheduled, own.schema.as_str()), (120_000, true, ""));
        let host = TestHost::new(START, |_| panic!("nothing is asked"));
        let refused = connector::sync(&host, &context(), NAME, "", None);
        assert!(matches!(refused, Err(Interruption::BadCursor(why)) if why.contains("no such source")));
    }

    #[test]
    fn each_submission_is_told_once_and_its_task_waits_for_the_answers() {
        let mut reader = Reader::new();
        reader.rows.borrow_mut().extend([row(5, START), row(6, START + SECOND)]);
        let page = connector::sync(&reader.host, &reader.context, NAME, "", None).unwrap();
        let [first, _] = &page.tasks[..] else { panic!("{:?}", page.tasks) };
        assert_eq!(first.not_before, Some(START + MINUTE));
        assert_eq!(first.subject.as_ref().map(|subject| subject.id.as_str()), Some("p5@example.org"));
        reader.cursor = Some(page.cursor);
        assert_eq!(reader.told(), Vec::<String>::new());
        reader.host.set_now(START + 2 * MINUTE);
        reader.rows.borrow_mut().push(row(7, START + 90 * SECOND));
        assert_eq!(reader.told(), [key(7)]);
    }

    /// A pass is over when a page is not full; each page begins after the last id of the one before.
    #[test]
    fn more_than_a_page_is_read_page_by_page_and_forgotten_when_no_pass_reads_it_again() {
        let mut reader = Reader::new();
        reader.rows.borrow_mut().extend((1..=2_000).map(|id| row(id, START + id)));
        let mut pass = |now: Instant| {
            reader.host.set_now(now);
            let pages: Vec<_> = (0..3).map(|_| reader.page()).map(|(tasks, more)| (tasks.len(), more)).collect();
            (pages, crate::host::Host::scan(&reader.host, SEEN, None, 1_000).len())
        };
        let now = START + 10 * MINUTE;
        assert_eq!(pass(now), (vec![(1_000, true), (1_000, true), (0, false)], 1_000));
        assert_eq!(pass(now), (vec![(0, true), (0, true), (0, false)], 1_000));
        assert_eq!(
            pass(now + 2 * HOUR),
            (vec![(0, true), (0, true), (0, false)], 0),
            "read once more, and then no more"
        );
        assert_eq!(reader.told(), Vec::<String>::new(), "what is forgotten is read no more");
    }

    #[test]
    fn a_submission_that_comes_to_be_seen_late_with_a_lower_id_is_found() {
        let mut reader = Reader::new();
        reader.rows.borrow_mut().push(row(8, START + SECOND));
        assert_eq!(reader.told(), [key(8)]);
        for minutes in (2..=16).step_by(2) {
            reader.host.set_now(START + minutes * MINUTE);
            assert_eq!(reader.told(), Vec::<String>::new());
        }
        reader.rows.borrow_mut().push(row(7, START));
        reader.host.set_now(START + 58 * MINUTE);
        assert_eq!(reader.told(), [key(7)]);
    }

    /// S2-41, S2-59 hold of submissions too.
    #[test]
    fn what_was_submitted_before_the_connector_was_switched_on_is_left_alone() {
        let mut reader = Reader::new();
        reader.rows.borrow_mut().extend([row(1, START - SECOND), row(2, START)]);
        reader.host.set_now(START + 30 * MINUTE);
        assert_eq!(reader.told(), [key(2)]);
    }

    #[test]
    fn what_is_no_form_or_of_no_campaign_gives_no_task() {
        let full = row(1, START);
        let without = |name: &str| {
            let mut row = full.clone();
            row[name] = Value::Null;
            submission(&row, 9)
        };
        assert_eq!(without("formId"), None);
        assert_eq!(without("campaignId"), None);
        assert_eq!(without("prospectId").map(|submitted| submitted.prospect), Some(None));
        assert_eq!(without("prospect").map(|submitted| submitted.email), Some(None));
        assert_eq!(without("createdAt").map(|submitted| submitted.submitted_at), Some(9));
        let mut handler = full.clone();
        (handler["formId"], handler["formHandlerId"]) = (Value::Null, json!(32));
        assert_eq!(submission(&handler, 9).map(|submitted| submitted.what()).as_deref(), Some("form handler 32"));
    }

    /// A page that did not become durable is asked for once more, with the state as it was.
    #[test]
    fn a_page_that_is_asked_for_once_more_says_the_same() {
        let mut reader = Reader::new();
        reader.rows.borrow_mut().push(row(5, START));
        let first = reader.told();
        reader.host.swap_state(Default::default());
        reader.cursor = None;
        assert_eq!(reader.told(), first);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        for (status, body, said) in [(403, r#"{"code":46}"#, "view visitors"), (200, "{}", "makers of the connector")] {
            let host = TestHost::new(START, move |_| answer(status, body));
            let context = Reader::new().context;
            let Err(Interruption::Failed(failure)) = connector::sync(&host, &context, NAME, "", None) else {
                panic!("{status} fails")
            };
            assert!(failure.remedy.contains(said), "{failure:?}");
        }
        let host = TestHost::new(START, |_| answer(503, ""));
        let waits = connector::sync(&host, &Reader::new().context, NAME, "", None);
        assert!(matches!(waits, Err(Interruption::Later(_))));
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_has_seen_is_not_told_again() {
        let mut reader = Reader::new();
        let (key, value) = (seen_key("700000001"), sample("sync/form-submissions", "seen/700000001").into());
        crate::host::Host::set(&reader.host, Entry { key, value, subject: None });
        reader.rows.borrow_mut().push(row(700_000_001, START));
        assert_eq!(reader.told(), Vec::<String>::new());
    }
}
