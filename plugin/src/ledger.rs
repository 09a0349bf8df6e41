//! Makes a write happen once that the provider itself would do twice. The four steps are those of `wit/state.wit`.
//!
//! Promises: what was sent is not sent again; after an unknown outcome the provider is looked at first, and not before its
//! reads are sure to show what was written.
//! Invariant: nothing else builds a `once` request.

use crate::{
    call::Shape,
    executor::Flow,
    host::{Answer, Entry, HttpError, Instant, MINUTE, Repeat, Response, Subject},
    json,
    plain::{from_text, to_text},
    stop::{Doing, Stop, for_http},
    work::Work,
};
use serde_json::Value;

/// How far reads may lag behind writes (Account Engagement: up to 60 seconds).
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>, confirmed.
pub const READ_LAG: u64 = MINUTE;

/// A call that a second sending would write twice.
pub struct OnceCall {
    pub shape: Shape,
}

impl OnceCall {
    pub const fn new(shape: Shape) -> Self {
        Self { shape }
    }
}

/// What is remembered of one such write.
#[derive(Clone, Debug, PartialEq)]
enum Noted {
    /// About to be sent, or sent and not answered: `at` is when it may have taken effect, at the latest. `since` is the first attempt
    /// that is still in doubt, `bodies` what was sent since then: the next attempt may be about other values.
    Sending { at: Instant, since: Instant, bodies: Option<Vec<String>> },
    /// `at`: when it was written, at the earliest.
    Sent { at: Instant, id: Option<String> },
}

plain_forms!(Noted { Sending "sending" { at, since, bodies }, Sent "sent" { at, id } });

/// What is in doubt: when it may have taken place, and what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubt {
    pub since: Instant,
    pub until: Instant,
    /// Bodies that were sent; the one of this attempt where none was noted.
    pub bodies: Vec<Value>,
}

/// What a look at the provider showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    There(Option<String>),
    NotThere,
}

/// What the provider's answer means.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    Written(Option<String>),
    /// Certainly not written.
    Refused,
    /// The answer does not tell, e.g. *internal error*.
    InDoubt(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Once {
    /// It is so now. `fresh`: it was not noted before. `at`: when it was written, at the earliest.
    Written {
        id: Option<String>,
        fresh: bool,
        at: Instant,
    },
    Refused(Response),
    /// A dry run: it would have been sent.
    Planned,
}

/// Where the entry stands, and whose it is.
pub struct Fact<'a> {
    pub key: String,
    pub subject: Option<Subject>,
    pub doing: Doing<'a>,
}

/// The write itself.
pub struct Sending<'a> {
    pub call: &'a OnceCall,
    pub query: &'a [(&'a str, &'a str)],
    pub body: &'a Value,
}

/// Asks the provider whether the write in doubt took place.
pub type Look<'a> = &'a dyn Fn(Doubt) -> Flow<'a, Result<Seen, Stop>>;

/// Does it, unless it is done. `look` is asked only after an unknown outcome.
pub async fn once(
    work: &Work<'_>,
    fact: &Fact<'_>,
    look: Look<'_>,
    sending: &Sending<'_>,
    judge: fn(&Response) -> Judged,
) -> Result<Once, Stop> {
    let (since, bodies) = match begin(work, fact, sending.body)? {
        Begin::Done(once) => return Ok(once),
        Begin::Send { since } => (since, Vec::new()),
        Begin::Look(doubt) => match look(doubt.clone()).await? {
            Seen::There(id) => return Ok(found(work, fact, doubt.since, id)),
            Seen::NotThere => (doubt.since, doubt.bodies),
        },
    };
    send(work, fact, sending, judge, since, bodies).await
}

/// The note of one of several writes that leave in one request.
pub struct Note {
    pub key: String,
    pub subject: Option<Subject>,
}

/// Until when the outcome of an earlier attempt cannot be looked up. Nothing: there is none in doubt, or a look shows it by now.
pub fn in_doubt_until(work: &Work<'_>, key: &str) -> Option<Instant> {
    match work.host.get(key).and_then(|text| from_text(&text).ok())? {
        Noted::Sending { at, .. } => Some(at + READ_LAG).filter(|sure_at| work.now() < *sure_at),
        Noted::Sent { .. } => None,
    }
}

/// Several writes in one request, each of which a second sending would do twice. Who sends has looked first whether an earlier
/// attempt took effect, and settles each note by what was answered of it.
pub async fn together(work: &Work<'_>, call: &OnceCall, body: &Value, notes: &[Note]) -> Answer {
    notes.iter().for_each(|note| in_doubt_by(work, note, if_cut_off(work)));
    let answer = work.send(call.shape.build(&[], &[], Some(body), Repeat::Once)).await;
    match answer {
        Ok(_) => {}
        // It may have taken effect as late as now.
        Err(HttpError::Unknown(_) | HttpError::Unusable(_)) => notes.iter().for_each(|note| in_doubt(work, note)),
        Err(_) => notes.iter().for_each(|note| work.host.delete(&note.key)),
    }
    answer
}

/// What was answered leaves open whether it was written: from now on a read may show it.
pub fn in_doubt(work: &Work<'_>, note: &Note) {
    in_doubt_by(work, note, work.now());
}

fn in_doubt_by(work: &Work<'_>, note: &Note, at: Instant) {
    let noted = Noted::Sending { at, since: work.now(), bodies: None };
    work.host.set(Entry { key: note.key.clone(), value: to_text(&noted), subject: note.subject.clone() });
}

/// What was answered of one of them: its note is needed no more, unless its outcome is still in doubt.
pub fn settled(work: &Work<'_>, key: &str) {
    if work.host.get(key).is_some() {
        work.host.delete(key);
    }
}

/// The id of what was written, where it is known.
pub fn id_of(work: &Work<'_>, key: &str) -> Option<String> {
    match work.host.get(key).and_then(|text| from_text(&text).ok())? {
        Noted::Sent { id, .. } => id,
        Noted::Sending { .. } => None,
    }
}

/// What is to be done first.
enum Begin {
    Done(Once),
    Look(Doubt),
    Send { since: Instant },
}

/// 1. What is noted?
fn begin(work: &Work<'_>, fact: &Fact<'_>, body: &Value) -> Result<Begin, Stop> {
    match noted(work, fact)? {
        None => Ok(Begin::Send { since: work.now() }),
        Some(Noted::Sent { id, at }) => Ok(Begin::Done(Once::Written { id, fresh: false, at })),
        Some(Noted::Sending { at, since, bodies }) => {
            let sure_at = at + READ_LAG;
            if work.now() >= sure_at {
                let noted = bodies.unwrap_or_default();
                let mut bodies: Vec<Value> =
                    noted.iter().filter_map(|text| json::parse(text.as_bytes()).ok()).collect();
                if bodies.is_empty() {
                    bodies.push(body.clone());
                }
                return Ok(Begin::Look(Doubt { since, until: at, bodies }));
            }
            Err(fact.doing.later(sure_at, "an earlier attempt did not come back, its outcome is looked up then"))
        }
    }
}

fn found(work: &Work<'_>, fact: &Fact<'_>, since: Instant, id: Option<String>) -> Once {
    note(work, fact, &Noted::Sent { at: since, id: id.clone() });
    Once::Written { id, fresh: true, at: since }
}

/// 2. Note it. 3. Send it. 4. Note what came of it.
async fn send(
    work: &Work<'_>,
    fact: &Fact<'_>,
    sending: &Sending<'_>,
    judge: fn(&Response) -> Judged,
    since: Instant,
    mut bodies: Vec<Value>,
) -> Result<Once, Stop> {
    if !bodies.contains(sending.body) {
        bodies.push(sending.body.clone());
    }
    let bodies = Some(bodies.iter().map(json::text).collect());
    note(work, fact, &Noted::Sending { at: if_cut_off(work), since, bodies });
    let request = sending.call.shape.build(&[], sending.query, Some(sending.body), Repeat::Once);
    let answer = work.send(request).await;
    settle(work, fact, answer, judge, since)
}

/// By when it was sent if nobody comes back to say so: in a wave of many it may be the last, and a run sends nothing after its time.
fn if_cut_off(work: &Work<'_>) -> Instant {
    work.now() + u64::from(work.context.limits.run_ms)
}

fn note(work: &Work<'_>, fact: &Fact<'_>, noted: &Noted) {
    work.host.set(Entry { key: fact.key.clone(), value: to_text(noted), subject: fact.subject.clone() });
}

/// What cannot be read is never written over: that could be a second activity.
fn noted(work: &Work<'_>, fact: &Fact<'_>) -> Result<Option<Noted>, Stop> {
    let Some(text) = work.host.get(&fact.key) else { return Ok(None) };
    from_text(&text).map(Some).map_err(|why| fact.doing.bug(&format!("The note {} cannot be read ({why})", fact.key)))
}

/// The note after the answer: gone where certainly nothing was written, left where that is not known.
fn settle(
    work: &Work<'_>,
    fact: &Fact<'_>,
    answer: Answer,
    judge: fn(&Response) -> Judged,
    since: Instant,
) -> Result<Once, Stop> {
    let in_doubt = match answer {
        Ok(response) => match judge(&response) {
            Judged::Written(id) => {
                note(work, fact, &Noted::Sent { at: since, id: id.clone() });
                return Ok(Once::Written { id, fresh: true, at: since });
            }
            Judged::Refused => {
                work.host.delete(&fact.key);
                return Ok(Once::Refused(response));
            }
            Judged::InDoubt(why) => why,
        },
        Err(HttpError::DryRun) => {
            work.host.delete(&fact.key);
            return Ok(Once::Planned);
        }
        Err(HttpError::Unknown(why)) => why,
        Err(HttpError::Unusable(unusable)) => unusable.problem,
        Err(
            error @ (HttpError::NotSent(_)
            | HttpError::Denied(_)
            | HttpError::Throttled(_)
            | HttpError::Stopped(_)
            | HttpError::Unauthorized(_)),
        ) => {
            work.host.delete(&fact.key);
            return Err(for_http(&error, work.now(), &fact.doing));
        }
    };
    // It may have taken effect as late as now: a wave is sent one after the other.
    let now = work.now();
    if let Some(Noted::Sending { since, bodies, .. }) = noted(work, fact)? {
        note(work, fact, &Noted::Sending { at: now, since, bodies });
    }
    let why = format!("whether it took effect is not known ({in_doubt}), it is looked up then");
    Err(fact.doing.later(now + READ_LAG, &why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::ACCOUNT_ENGAGEMENT,
        domain::{
            self,
            fact::Fact::{
                AttendanceDuration, Attended, MessagesSent, NotAttended, QuestionsAsked, Registered, WatchedOnDemand,
                WatchedReplay,
            },
            session::SessionId,
        },
        host::{Denial, Method, Throttle, Unusable},
        story::state::says,
        test_host::{TestHost, answer, on_host},
    };
    use std::{cell::RefCell, rc::Rc};

    const POST: OnceCall = OnceCall::new(Shape::new(
        ACCOUNT_ENGAGEMENT,
        Method::Post,
        "/api/v5/external-activities",
        "send",
        &["email"],
        "test",
    ));
    const START: Instant = 1_700_000_000_000;

    /// Sends once against these answers and looks; says what came of it and how often was sent and looked.
    struct Provider {
        host: Rc<TestHost>,
        seen: RefCell<Vec<Seen>>,
    }

    impl Provider {
        fn new(answers: Vec<Answer>) -> Self {
            let answers = RefCell::new(answers.into_iter());
            Self {
                host: Rc::new(TestHost::new(START, move |_| {
                    answers.borrow_mut().next().expect("one answer a request")
                })),
                seen: RefCell::default(),
            }
        }

        fn once(&self, seen: Seen) -> Result<Once, Stop> {
            let subject = Some(Subject::person("ana@example.org"));
            let fact = Fact { key: "f".into(), subject, doing: Doing { what: "send", whom: "ana@example.org" } };
            on_host(&self.host, async |work| {
                let body = serde_json::json!({"email": "ana@example.org"});
                let sending = Sending { call: &POST, query: &[], body: &body };
                let look = |_| -> Flow<'_, _> {
                    self.seen.borrow_mut().push(seen.clone());
                    Box::pin(std::future::ready(Ok(seen.clone())))
                };
                once(work, &fact, &look, &sending, |response| match response.status {
                    201 => Judged::Written(Some("7".into())),
                    500 => Judged::InDoubt("500".into()),
                    _ => Judged::Refused,
                })
                .await
            })
        }
    }

    #[test]
    fn what_was_sent_is_never_sent_again() {
        let provider = Provider::new(vec![answer(201, "")]);
        assert_eq!(provider.once(Seen::NotThere), Ok(Once::Written { id: Some("7".into()), fresh: true, at: START }));
        assert_eq!(provider.once(Seen::NotThere), Ok(Once::Written { id: Some("7".into()), fresh: false, at: START }));
        assert_eq!(provider.host.requests().len(), 1);
        assert_eq!(provider.host.requests()[0].repeat, Repeat::Once);
    }

    #[test]
    fn after_an_unknown_outcome_it_looks_no_sooner_than_reads_are_sure() {
        let provider = Provider::new(vec![Err(HttpError::Unknown("reset".into()))]);
        let Err(Stop::Later(wait)) = provider.once(Seen::NotThere) else { panic!("must wait") };
        assert_eq!(wait.until, START + READ_LAG);
        provider.host.set_now(START + READ_LAG - 1);
        let Err(Stop::Later(wait)) = provider.once(Seen::NotThere) else { panic!("must wait") };
        assert_eq!((wait.until, provider.seen.borrow().len()), (START + READ_LAG, 0));
        provider.host.set_now(START + READ_LAG);
        assert_eq!(provider.once(Seen::There(None)), Ok(Once::Written { id: None, fresh: true, at: START }));
        assert_eq!((provider.host.requests().len(), provider.seen.borrow().len()), (1, 1));
        assert_eq!(provider.once(Seen::NotThere), Ok(Once::Written { id: None, fresh: false, at: START }));
    }

    #[test]
    fn not_found_after_a_proper_look_is_sent_again_and_the_doubt_reaches_back_to_the_first_attempt() {
        let provider = Provider::new(vec![Err(HttpError::Unknown("reset".into())), answer(500, ""), answer(201, "")]);
        assert!(provider.once(Seen::NotThere).is_err());
        provider.host.set_now(START + 2 * MINUTE);
        assert!(provider.once(Seen::NotThere).is_err());
        let noted: Noted = from_text(&provider.host.state("f").unwrap()).unwrap();
        let bodies = Some(vec![r#"{"email":"ana@example.org"}"#.to_string()]);
        assert_eq!(noted, Noted::Sending { at: START + 2 * MINUTE, since: START, bodies });
        provider.host.set_now(START + 4 * MINUTE);
        assert!(provider.once(Seen::NotThere).is_ok());
        assert_eq!(provider.host.requests().len(), 3);
    }

    #[test]
    fn what_certainly_was_not_written_leaves_no_note() {
        let errors = [
            HttpError::NotSent(String::new()),
            HttpError::Denied(Denial { layer: String::new(), rule: String::new(), remedy: String::new() }),
            HttpError::Throttled(Throttle { until: START + 9, reason: String::new() }),
            HttpError::Stopped(String::new()),
            HttpError::Unauthorized(String::new()),
            HttpError::DryRun,
        ];
        for error in errors {
            let provider = Provider::new(vec![Err(error.clone())]);
            let end = provider.once(Seen::NotThere);
            assert_eq!(end == Ok(Once::Planned), error == HttpError::DryRun, "{error:?}");
            assert_eq!(provider.host.state("f"), None, "{error:?}");
        }
        let provider = Provider::new(vec![answer(400, "")]);
        assert!(matches!(provider.once(Seen::NotThere), Ok(Once::Refused(_))));
        assert_eq!(provider.host.state("f"), None);
    }

    #[test]
    fn what_may_have_been_written_keeps_its_note() {
        for error in
            [HttpError::Unknown(String::new()), HttpError::Unusable(Unusable { status: None, problem: String::new() })]
        {
            let provider = Provider::new(vec![Err(error)]);
            assert!(matches!(provider.once(Seen::NotThere), Err(Stop::Later(_))));
            assert!(provider.host.state("f").is_some());
        }
    }

    /// Nobody came back to say when it was sent, and the run may have sent it with its last breath.
    #[test]
    fn what_was_cut_off_is_looked_up_a_read_lag_after_its_run_could_send_at_the_latest() {
        const RUN: u64 = MINUTE;
        let noted: Rc<RefCell<Option<String>>> = Rc::default();
        let host = Rc::new_cyclic(|host: &std::rc::Weak<TestHost>| {
            let (host, noted) = (host.clone(), noted.clone());
            TestHost::new(START, move |_| {
                *noted.borrow_mut() = host.upgrade().expect("it asks").state("f");
                Err(HttpError::Unknown("nobody hears it".into()))
            })
        });
        let provider = Provider { host, seen: RefCell::default() };
        assert!(provider.once(Seen::NotThere).is_err());
        let value = noted.take().expect("it is noted before it is sent");
        let subject = Some(Subject::person("ana@example.org"));
        crate::host::Host::set(&*provider.host, Entry { key: "f".into(), value, subject });
        provider.host.set_now(START + RUN + READ_LAG - 1);
        assert!(matches!(provider.once(Seen::NotThere), Err(Stop::Later(_))));
        assert!(provider.seen.borrow().is_empty(), "it is looked at too soon");
        provider.host.set_now(START + RUN + READ_LAG);
        assert!(provider.once(Seen::There(None)).is_ok());
        assert_eq!(provider.seen.borrow().len(), 1);
    }

    /// In a wave of many it is sent long after it was noted: looked at any sooner, a read might not show it yet.
    #[test]
    fn what_is_in_doubt_is_looked_up_a_read_lag_after_the_answer_that_did_not_come() {
        const WAITED: u64 = 20 * crate::host::SECOND;
        let host = Rc::new_cyclic(|host: &std::rc::Weak<TestHost>| {
            let host = host.clone();
            TestHost::new(START, move |_| {
                host.upgrade().expect("it asks").set_now(START + WAITED);
                Err(HttpError::Unknown("the connection was reset".into()))
            })
        });
        let provider = Provider { host, seen: RefCell::default() };
        assert!(matches!(provider.once(Seen::NotThere), Err(Stop::Later(_))));
        provider.host.set_now(START + WAITED + READ_LAG - 1);
        assert!(matches!(provider.once(Seen::NotThere), Err(Stop::Later(_))));
        assert!(provider.seen.borrow().is_empty(), "it is looked at too soon");
        provider.host.set_now(START + WAITED + READ_LAG);
        assert_eq!(
            provider.once(Seen::There(None)),
            Ok(Once::Written { id: None, fresh: true, at: START }),
            "as of the first attempt"
        );
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_has_sent_is_never_sent_again() {
        let sent = |at, id: Option<&str>| Noted::Sent { at, id: id.map(String::from) };
        let bodies = Some(vec![r#"{"email":"ana@example.org"}"#.to_string()]);
        let key = |fact: domain::fact::Fact| fact.state_key(&SessionId::parse("S1").unwrap(), "ana@example.org");
        let doubt = Noted::Sending { at: 1_644_846_000_120, since: 1_644_846_000_000, bodies };
        says("people", &key(Registered), &doubt);
        says("people", &key(NotAttended), &sent(1_645_461_600_000, None));
        for (fact, at, id) in [
            (Attended, 1_645_461_600_001, "2001"),
            (AttendanceDuration, 1_645_461_600_002, "2002"),
            (MessagesSent, 1_645_461_600_003, "2003"),
            (QuestionsAsked, 1_645_461_600_004, "2004"),
            (WatchedReplay, 1_645_547_400_005, "2005"),
            (WatchedOnDemand, 1_645_547_400_006, "2006"),
        ] {
            says("people", &key(fact), &sent(at, Some(id)));
        }
        says("session/S1", "once/campaign", &sent(1_644_845_100_000, Some("701000000000001AAA")));
        says("session/S1", "once/list", &sent(1_644_845_800_000, Some("9")));
    }
}
