//! Plays a story: what people do happens in the simulated Livestorm, and word of it is sent as Livestorm sends it.

use super::{ADDRESS_SECRET, INSTALLATION, Live, SIGNING_SECRET, Stage, forms};
use crate::{
    clock::{Clock, SimulatedClock, Timestamp, Work, sleep},
    connections::{Transport, to_private},
    ingress::Refusal,
    simulators::{
        Simulators,
        livestorm::{
            Attendance, Dialect, FormField, NewEvent, NewRegistrant, NewSession, Occurrence, Role, Utm,
            webhooks::signature,
        },
    },
};
use oracle::{Act, Delivery, Happening, Story};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use tokio::sync::RwLock;

pub(super) const UNSIGNED_SOURCE: &str = "livestorm";
pub(super) const SIGNED_SOURCE: &str = "livestorm-signed";

/// How long Livestorm waits before each further try (<https://developers.livestorm.co/docs/webhooks-1>).
const RETRIES: [u64; 5] = [30, 60, 150, 360, 720];

/// What came of playing.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// The ids that Livestorm gave, by the story's names.
    pub sessions: BTreeMap<String, String>,
    events: BTreeMap<String, String>,
    pub happened: Vec<Happened>,
    pub deliveries: u64,
    /// Deliveries that were given up.
    pub undelivered: Vec<String>,
}

/// Something for the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub at: Timestamp,
    pub what: String,
}

impl Stage {
    /// Lets the story begin. Nothing happens before the clock runs.
    pub fn begin(&self, story: &Story) {
        let player = Player {
            clock: self.clock.clone(),
            simulators: self.simulators.clone(),
            transport: self.transport.clone(),
            ingress_port: self.http.as_ref().map(|h| h.ingress_port),
            live: self.live.clone(),
            played: self.played.clone(),
            begins_at: Timestamp::from_seconds(story.begins_at),
            questions: questions(story),
        };
        let mut acts = story.acts.clone();
        acts.sort_by_key(|a| a.at);
        let work = self.clock.begin();
        tokio::spawn(async move { player.play(acts, work).await });
    }

    /// Plays a story to its end: until nothing is due any more.
    pub async fn play(&self, story: &Story) {
        self.begin(story);
        self.end(story).await;
    }

    /// Runs a story that has begun to its end. What repeats by itself has none: the customer switches the installation off when all
    /// is long over.
    pub async fn end(&self, story: &Story) {
        self.end_by(story, Timestamp::MAX).await;
    }

    /// The same, up to a time; false where something is due after it.
    pub async fn end_by(&self, story: &Story, until: Timestamp) -> bool {
        if let Some(after) = self.looks_for {
            let last = story.acts.iter().map(|act| act.at).max().unwrap_or_default();
            let over = Timestamp::from_seconds(story.begins_at + last).plus(after);
            self.clock.run_until(over).await;
            self.is_over.store(true, Ordering::SeqCst);
            if let Some(live) = &*self.live.read().await {
                let _ = live.host.switch_off(INSTALLATION).await;
            }
        }
        self.clock.settles_by(until).await
    }

    pub fn played(&self) -> Played {
        self.played.lock().unwrap_or_else(|p| p.into_inner()).clone()
    }
}

/// Every question that anybody in the story answers stands on the form.
fn questions(story: &Story) -> BTreeSet<String> {
    let answers = story.acts.iter().flat_map(|a| match &a.what {
        Happening::Registered { answers, .. } => answers.as_slice(),
        _ => &[],
    });
    answers.map(|(name, _)| name.clone()).filter(|n| !["first_name", "last_name"].contains(&n.as_str())).collect()
}

fn by_name(utm: &[(String, String)]) -> Utm {
    let named = |name: &str| utm.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Utm {
        source: named("source"),
        medium: named("medium"),
        term: named("term"),
        content: named("content"),
        campaign: named("campaign"),
    }
}

#[derive(Clone)]
struct Player {
    clock: SimulatedClock,
    simulators: Simulators,
    transport: Arc<dyn Transport>,
    ingress_port: Option<u16>,
    live: Arc<RwLock<Option<Live>>>,
    played: Arc<Mutex<Played>>,
    begins_at: Timestamp,
    questions: BTreeSet<String>,
}

/// One webhook on its way.
struct Webhook {
    source: &'static str,
    body: Vec<u8>,
    name: &'static str,
}

impl Player {
    async fn play(self, acts: Vec<Act>, mut work: Work) {
        // By session: what Livestorm tells of who attended, once it is over.
        let mut after_the_end: BTreeMap<String, Vec<(Occurrence, Vec<Delivery>)>> = BTreeMap::new();
        for act in acts {
            let at = self.begins_at.plus(Duration::from_secs(act.at));
            work = sleep(&self.clock, work, at).await;
            let Some(occurrence) = self.act(&act.what) else { continue };
            match occurrence {
                Occurrence::Attended { ref session, .. } => {
                    after_the_end.entry(session.clone()).or_default().push((occurrence, act.deliveries));
                    continue;
                }
                Occurrence::SessionEnded { ref session } => {
                    for (occurrence, deliveries) in after_the_end.remove(session).unwrap_or_default() {
                        self.tell(&occurrence, &deliveries);
                    }
                }
                _ => {}
            }
            self.tell(&occurrence, &act.deliveries);
        }
        drop(work);
    }

    /// Sends word of what has just happened, each delivery at its time.
    fn tell(&self, occurrence: &Occurrence, deliveries: &[Delivery]) {
        for delivery in deliveries {
            let Some(webhook) = self.webhook(occurrence, delivery.dialect) else { continue };
            let (player, own) = (self.clone(), self.clock.begin());
            let at = self.clock.now().plus(Duration::from_secs(delivery.after));
            tokio::spawn(async move {
                let own = sleep(&player.clock, own, at).await;
                player.send(webhook, own).await
            });
        }
    }

    fn note(&self, what: String) {
        let at = self.clock.now();
        self.played.lock().unwrap_or_else(|p| p.into_inner()).happened.push(Happened { at, what });
    }

    /// What Livestorm tells of it. Nothing where it could not happen, e.g. because the person is registered already, and where
    /// nobody is told.
    fn act(&self, what: &Happening) -> Option<Occurrence> {
        let mut world = self.simulators.world();
        let unknowns = world.options.unknowns.livestorm.clone();
        let mut played = self.played.lock().unwrap_or_else(|p| p.into_inner());
        let (occurrence, told) = match what {
            Happening::EventCreated { event, title, on_demand } => {
                let fields = self.questions.iter().map(|q| FormField::text(q)).collect();
                let new = NewEvent { title: title.clone(), on_demand: *on_demand, fields, ..NewEvent::default() };
                let id = world.livestorm.create_event(new);
                world.livestorm.publish(&id);
                played.events.insert(event.clone(), id.clone());
                (Occurrence::EventCreated { event: id }, format!("event \"{title}\" is created"))
            }
            Happening::SessionCreated { session, event, starts } => {
                let starts_at = starts.map(|s| match u64::try_from(s) {
                    Ok(s) => self.begins_at.plus(Duration::from_secs(s)),
                    Err(_) => self.begins_at.minus(Duration::from_secs(s.unsigned_abs())),
                });
                let event = played.events.get(event)?.clone();
                let id = world.livestorm.create_session(&event, NewSession { starts_at, ..NewSession::default() });
                played.sessions.insert(session.clone(), id.clone());
                let when = starts_at.map_or("on demand".into(), |at| at.utc().format("%d %b %H:%M UTC").to_string());
                (Occurrence::SessionCreated { session: id }, format!("session \"{session}\" is scheduled ({when})"))
            }
            Happening::Registered { session, email, answers, utm, team_member } => {
                let id = played.sessions.get(session)?.clone();
                let answer =
                    |name: &str| answers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default();
                let fields = answers.iter().filter(|(n, _)| self.questions.contains(n));
                let new = NewRegistrant {
                    email: email.clone(),
                    first_name: answer("first_name"),
                    last_name: answer("last_name"),
                    fields: fields.map(|(n, v)| (n.clone(), serde_json::Value::from(v.as_str()))).collect(),
                    role: if *team_member { Role::TeamMember } else { Role::Participant },
                    utm: by_name(utm),
                    ..NewRegistrant::default()
                };
                let person = world.livestorm.register(&id, new).ok()?;
                (Occurrence::Registered { session: id, person }, format!("{email} registers for \"{session}\""))
            }
            Happening::SessionStarted { session } => {
                let id = played.sessions.get(session)?.clone();
                world.livestorm.start_session(&id).then_some(())?;
                (Occurrence::SessionStarted { session: id }, format!("session \"{session}\" begins"))
            }
            Happening::SessionEnded { session } => {
                let id = played.sessions.get(session)?.clone();
                world.livestorm.end_session(&id, &unknowns).then_some(())?;
                (Occurrence::SessionEnded { session: id }, format!("session \"{session}\" ends"))
            }
            Happening::Attends { session, email, seconds, messages, questions } => {
                let id = played.sessions.get(session)?.clone();
                // What is found out after the end is another story.
                world.livestorm.sessions.now(&id).filter(|session| session.ended_at.is_none())?;
                let person = world.livestorm.person_id(email)?;
                let attendance = Attendance {
                    seconds: *seconds,
                    messages: *messages,
                    questions: *questions,
                    ..Attendance::default()
                };
                world.livestorm.attend(&id, &person, attendance, &unknowns).then_some(())?;
                (Occurrence::Attended { session: id, person }, format!("{email} is in \"{session}\" for {seconds} s"))
            }
            Happening::WatchesReplay { session, email } => {
                let id = played.sessions.get(session)?.clone();
                let person = world.livestorm.person_id(email)?;
                world.livestorm.watch_replay(&id, &person, &unknowns).then_some(())?;
                (
                    Occurrence::WatchedReplay { session: id, person },
                    format!("{email} watches the recording of \"{session}\""),
                )
            }
            Happening::SubmitsForm { session, email, fields, by_handler } => {
                let campaign = match session {
                    Some(session) => Some(forms::campaign_of(&mut world, played.sessions.get(session)?)?),
                    None => None,
                };
                forms::submit(&mut world, campaign, email, fields, *by_handler)?;
                let of = session
                    .as_ref()
                    .map_or("a form of another campaign".into(), |name| format!("the form of \"{name}\""));
                played.happened.push(Happened { at: self.clock.now(), what: format!("{email} submits {of}") });
                return None;
            }
            Happening::Leaves { session, email } => {
                let id = played.sessions.get(session)?.clone();
                let person = world.livestorm.person_id(email)?;
                world.livestorm.remove_registrant(&id, &person).then_some(())?;
                let what = format!("{email} is taken off \"{session}\"");
                played.happened.push(Happened { at: self.clock.now(), what });
                return None;
            }
        };
        let at = self.clock.now();
        played.happened.push(Happened { at, what: told });
        Some(occurrence)
    }

    fn webhook(&self, occurrence: &Occurrence, dialect: oracle::Dialect) -> Option<Webhook> {
        let (source, dialect) = match dialect {
            oracle::Dialect::Native => (UNSIGNED_SOURCE, Dialect::Native),
            oracle::Dialect::Rest => (SIGNED_SOURCE, Dialect::RestManaged),
        };
        let world = self.simulators.world();
        let body = world.livestorm.webhook_body(occurrence, dialect, &world.options.unknowns.livestorm)?;
        Some(Webhook { source, body, name: occurrence.name() })
    }

    async fn send(&self, webhook: Webhook, mut work: Work) {
        for wait in RETRIES.into_iter().map(Some).chain([None]) {
            let refused = match self.attempt(&webhook).await {
                Ok(()) => {
                    self.played.lock().unwrap_or_else(|p| p.into_inner()).deliveries += 1;
                    return;
                }
                Err(refused) => refused,
            };
            let Some(seconds) = wait else {
                let given_up = format!("{}: {refused}", webhook.name);
                self.note(format!("webhook {given_up}"));
                self.played.lock().unwrap_or_else(|p| p.into_inner()).undelivered.push(given_up);
                return;
            };
            let at = self.clock.now().plus(Duration::from_secs(seconds));
            work = sleep(&self.clock, work, at).await;
        }
    }

    async fn attempt(&self, webhook: &Webhook) -> Result<(), String> {
        let mut headers = vec![("content-type".to_string(), "application/json".to_string())];
        if webhook.source == SIGNED_SOURCE {
            let signed = signature(SIGNING_SECRET, self.clock.now().seconds(), &webhook.body);
            headers.push(("x-livestorm-signature".into(), signed));
        }
        match self.ingress_port {
            Some(port) => self.post(port, webhook, &headers).await,
            None => {
                let live = self.live.read().await;
                // A host that has stopped is a process that is gone: nobody answers.
                let live = live.as_ref().filter(|l| !l.serving.is_finished()).ok_or("nobody answers")?;
                let body = webhook.body.clone();
                let taken =
                    live.host.ingress.receive(INSTALLATION, webhook.source, ADDRESS_SECRET, &headers, body).await;
                taken.map(|_| ()).map_err(|refusal: Refusal| refusal.to_string())
            }
        }
    }

    async fn post(&self, port: u16, webhook: &Webhook, headers: &[(String, String)]) -> Result<(), String> {
        let address = format!("http://127.0.0.1:{port}/hooks/{INSTALLATION}/{}/{ADDRESS_SECRET}", webhook.source);
        let mut request = http::Request::post(address);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(webhook.body.clone()).map_err(|e| e.to_string())?;
        const ANSWER_BYTES_MAX: usize = 4096;
        let answer = self.transport.send(to_private(request), ANSWER_BYTES_MAX).await.map_err(|e| e.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("answered {}", answer.status())) }
    }
}
