//! The streams of a workspace with ten thousand people: whole, cut and gone on with, and silent where nothing is new. What a record
//! must say is told here from what was put in, by plain sorting.

use crate::support::*;
use host_harness::{
    clock::Clock,
    host::Host,
    runtime::{
        Taken,
        contract::{Interruption, Page, RowChange, Source},
    },
    simulators::{
        Options,
        livestorm::{Attendance, NewEvent, NewRegistrant, NewSession},
    },
    stage::INSTALLATION,
    sync::Pass,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

const SESSIONS: usize = 50;
const PEOPLE: usize = 10_000;
/// Longer than any page takes that is not put off.
const A_PAGE: Duration = Duration::from_secs(120);

/// What a person's record must say.
#[derive(Clone, Debug, Default, PartialEq)]
struct Expected {
    first_name: String,
    sessions: BTreeSet<String>,
    /// Of the latest registration.
    status: String,
    attended: BTreeSet<String>,
}

struct Workspace {
    theatre: Theatre,
    people: BTreeMap<String, Expected>,
}

/// Each person registers for one session, every tenth for two more, with the address in other letters; half of the sessions are over.
async fn workspace(people: usize, sessions: usize) -> Workspace {
    let theatre = Theatre::with(&story(vec![]), Options::default(), "{}").await;
    let clock = theatre.stage.clock.clone();
    let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
    let mut ids = vec![];
    {
        let mut world = theatre.stage.simulators.world();
        for number in 0..sessions {
            let event =
                world.livestorm.create_event(NewEvent { title: format!("Event {number}"), ..NewEvent::default() });
            world.livestorm.publish(&event);
            let starts_at = Some(clock.now().plus(Duration::from_secs(3_600 + 60 * number as u64)));
            ids.push(world.livestorm.create_session(&event, NewSession { starts_at, ..NewSession::default() }));
        }
    }
    let is_over = |number: usize| number.is_multiple_of(2);
    for round in 0..3 {
        // Registrations of one second have no order.
        clock.run_for(Duration::from_secs(60)).await;
        let mut world = theatre.stage.simulators.world();
        for person in (0..people).filter(|person| round == 0 || person.is_multiple_of(10)) {
            let email = format!("person{person}@example.org");
            let typed = [email.clone(), email.to_uppercase(), email.replacen('p', "P", 1)][round].clone();
            let first_name = format!("Name{round}");
            let number = (person + 7 * round) % sessions;
            let new = NewRegistrant { email: typed, first_name: first_name.clone(), ..NewRegistrant::default() };
            if world.livestorm.register(&ids[number], new).is_err() {
                continue;
            }
            let expected = expected.entry(email).or_default();
            expected.first_name = first_name;
            expected.sessions.insert(ids[number].clone());
            let attends = is_over(number) && person.is_multiple_of(3);
            if attends {
                expected.attended.insert(ids[number].clone());
            }
            expected.status = match (is_over(number), attends) {
                (true, true) => "attended".into(),
                (true, false) => "not_attended".into(),
                (false, _) => "registered".into(),
            };
        }
    }
    {
        let mut world = theatre.stage.simulators.world();
        let unknowns = world.options.unknowns.livestorm.clone();
        for id in ids.iter().step_by(2) {
            assert!(world.livestorm.start_session(id));
        }
        for (email, expected) in &expected {
            let person = world.livestorm.person_id(email).unwrap();
            for session in &expected.attended {
                let attendance = Attendance { seconds: 95, ..Attendance::default() };
                assert!(world.livestorm.attend(session, &person, attendance, &unknowns));
            }
        }
    }
    clock.run_for(Duration::from_secs(120)).await;
    {
        let mut world = theatre.stage.simulators.world();
        let unknowns = world.options.unknowns.livestorm.clone();
        for id in ids.iter().step_by(2) {
            assert!(world.livestorm.end_session(id, &unknowns));
        }
    }
    // Attendance is ready ten minutes after the end.
    clock.run_for(Duration::from_secs(3_600)).await;
    Workspace { theatre, people: expected }
}

/// Whoever takes the pages of a stream, as `harness sync` does.
struct Taker<'a> {
    theatre: &'a Theatre,
    host: Arc<Host>,
    source: Source,
    cursor: Option<String>,
}

impl<'a> Taker<'a> {
    fn of(theatre: &'a Theatre, host: Arc<Host>, stream: &str, cursor: Option<String>) -> Taker<'a> {
        let source = host.sources(INSTALLATION).into_iter().find(|source| source.name == stream).unwrap();
        Taker { theatre, host, source, cursor }
    }

    async fn page(&mut self, name: &str) -> Result<Page, Interruption> {
        let clock = &self.theatre.stage.clock;
        let mut pages = self.host.runtime.take_pages(name);
        let pass = Pass::taken(&self.source.name, String::new(), self.cursor.clone(), Some(name.into()), clock.now());
        self.host.engine.accept(INSTALLATION, vec![pass.task(None)]).await.unwrap();
        clock.run_for(A_PAGE).await;
        let Taken { page, .. } = pages.try_recv().unwrap();
        if let Ok(page) = &page {
            self.cursor = Some(page.cursor.clone());
        }
        page
    }

    /// Pages to the end of the pass, or so many; rows in their order, page by page.
    async fn pages(&mut self, name: &str, max: usize) -> (Vec<Vec<(RowChange, Value)>>, bool) {
        let schema = serde_json::from_str(&self.source.schema).unwrap();
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        compiler.add_resource("row.json", schema).unwrap();
        let schema = compiler.compile("row.json", &mut schemas).unwrap();
        let mut pages = vec![];
        for number in 0..max {
            let page = self.page(&format!("{name}-{number}")).await.unwrap();
            let row = |row: &host_harness::runtime::contract::Row| {
                let value: Value = serde_json::from_str(&row.value).unwrap();
                if row.change == RowChange::Upsert {
                    schemas.validate(&value, schema).unwrap_or_else(|why| panic!("{value}: {why}"));
                }
                (row.change, value)
            };
            pages.push(page.rows.iter().map(row).collect());
            if !page.more {
                return (pages, true);
            }
        }
        (pages, false)
    }
}

fn says(row: &Value) -> Expected {
    let registrations = row["registrations"].as_array().unwrap();
    let session = |one: &Value| one["session_id"].as_str().unwrap().to_owned();
    let attended = registrations.iter().filter(|one| one["registration_status"] == "attended");
    Expected {
        first_name: row["first_name"].as_str().unwrap_or_default().into(),
        sessions: registrations.iter().map(session).collect(),
        status: row["registration_status"].as_str().unwrap_or_default().into(),
        attended: attended.map(session).collect(),
    }
}

/// S0-2 to S0-10, S0-13, S0-26 to S0-30, S0-34.
#[tokio::test]
async fn ten_thousand_people_are_told_once_whatever_is_cut_and_then_nothing_more() {
    let Workspace { theatre, people } = workspace(PEOPLE, SESSIONS).await;
    let host = theatre.open().await;
    let mut taker = Taker::of(&theatre, host, "people", None);
    // Killed in the middle of gathering, and in the middle of telling.
    let mut told: Vec<Vec<(RowChange, Value)>> = vec![];
    for (life, pages) in [60, 220].into_iter().enumerate() {
        let (mut pages, over) = taker.pages(&format!("life{life}"), pages).await;
        assert!(!over);
        // The page that was cut: told, and its cursor is lost.
        let before = taker.cursor.clone();
        let cut = taker.page(&format!("cut{life}")).await.unwrap();
        pages.push(cut.rows.iter().map(|r| (r.change, serde_json::from_str(&r.value).unwrap())).collect());
        told.extend(pages);
        drop(taker);
        theatre.stage.close_host().await;
        let host = theatre.open().await;
        taker = Taker::of(&theatre, host, "people", before);
    }
    let (rest, over) = taker.pages("rest", 10_000).await;
    assert!(over);
    let cut: BTreeSet<String> =
        told.last().into_iter().flatten().map(|(_, row)| row["email"].as_str().unwrap().to_owned()).collect();
    let rows: Vec<Value> = told.into_iter().chain(rest).flatten().map(|(_, row)| row).collect();
    let mut last: BTreeMap<String, Expected> = BTreeMap::new();
    for row in &rows {
        let email = row["email"].as_str().unwrap().to_owned();
        let before = last.insert(email.clone(), says(row));
        assert!(before.is_none() || cut.contains(&email), "{email} is told twice");
        assert!(!row.to_string().contains("connection_link") && !row.to_string().contains("password_key"), "{row}");
    }
    assert_eq!(last.len(), PEOPLE);
    for (email, expected) in &people {
        assert_eq!(last.get(email), Some(expected), "{email}");
    }

    theatre.stage.clock.run_for(Duration::from_secs(3_600)).await;
    let (again, over) = taker.pages("again", 10_000).await;
    assert!(over);
    assert_eq!(again.into_iter().flatten().count(), 0);
}

/// S0-14 to S0-25, S0-31, S0-32.
#[tokio::test]
async fn events_and_sessions_are_told_once_and_then_what_changed() {
    let Workspace { theatre, .. } = workspace(60, 6).await;
    let host = theatre.open().await;
    for (stream, key) in [("events", "id"), ("sessions", "id")] {
        let mut taker = Taker::of(&theatre, host.clone(), stream, None);
        let (pages, over) = taker.pages(stream, 100).await;
        let rows: Vec<Value> = pages.into_iter().flatten().map(|(_, row)| row).collect();
        let keys: BTreeSet<&str> = rows.iter().filter_map(|row| row[key].as_str()).collect();
        assert!(over && rows.len() == 6 && keys.len() == 6, "{stream}: {rows:#?}");
        theatre.stage.clock.run_for(Duration::from_secs(3_600)).await;
        let (again, _) = taker.pages(&format!("{stream}-again"), 100).await;
        assert_eq!(again.into_iter().flatten().count(), 0, "{stream}");
    }
}

#[tokio::test]
async fn a_cursor_that_cannot_be_used_reads_nothing_and_says_what_to_do() {
    let Workspace { theatre, .. } = workspace(6, 2).await;
    let host = theatre.open().await;
    let mut taker = Taker::of(&theatre, host.clone(), "people", None);
    let (_, over) = taker.pages("first", 100).await;
    let good = taker.cursor.clone().unwrap();
    assert!(over);
    let mut future: Value = serde_json::from_str(&good).unwrap();
    future["at"] = json!(theatre.stage.clock.now().plus(Duration::from_secs(86_400)).0);
    let foreign = good.replace("\"people\"", "\"events\"");
    let before = theatre.stage.simulators.world().snapshot().requests;
    for (number, (cursor, why)) in [
        (future.to_string(), "it lies in the future"),
        (foreign, "it is of the source events"),
        (good[..good.len() - 3].to_string(), "it is not JSON"),
    ]
    .into_iter()
    .enumerate()
    {
        taker.cursor = Some(cursor);
        let Err(Interruption::BadCursor(said)) = taker.page(&format!("bad-{number}")).await else { panic!("{why}") };
        assert!(said.contains(why) && said.contains("full pass"), "{said}");
    }
    assert_eq!(theatre.stage.simulators.world().snapshot().requests, before, "nothing is read");
}
