//! Stories in a few words, and what must come of them: every row through one `check`. `S2-n` are sentences of the documents.

mod salesforce;

use crate::*;
use std::collections::BTreeMap;

/// 2026-11-22T12:00:00Z.
const NOON: u64 = 1_795_348_800;
/// When the session of the rows ends.
const END: u64 = 5000;

const REST: Delivery = Delivery { dialect: Dialect::Rest, after: 1 };
const NATIVE: Delivery = Delivery { dialect: Dialect::Native, after: 1 };
const TOLD: &[Delivery] = &[REST];
const SILENT: &[Delivery] = &[];

fn act(at: u64, what: Happening, deliveries: &[Delivery]) -> Act {
    Act { at, what, deliveries: deliveries.to_vec() }
}

fn event(on_demand: bool) -> Act {
    act(0, Happening::EventCreated { event: "e".into(), title: "Demo".into(), on_demand }, SILENT)
}

fn session(session: &str, starts: Option<i64>, deliveries: &[Delivery]) -> Act {
    act(1, Happening::SessionCreated { session: session.into(), event: "e".into(), starts }, deliveries)
}

fn registers(at: u64, session: &str, who: &str, answers: &[(&str, &str)], deliveries: &[Delivery]) -> Act {
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let what = Happening::Registered {
        session: session.into(),
        email: address(who),
        answers: pairs(answers),
        utm: pairs(&[("source", "newsletter"), ("term", "")]),
        team_member: false,
    };
    act(at, what, deliveries)
}

fn attends(at: u64, who: &str, (seconds, messages, questions): (u64, u32, u32), deliveries: &[Delivery]) -> Act {
    act(at, Happening::Attends { session: "s".into(), email: address(who), seconds, messages, questions }, deliveries)
}

fn ends(at: u64, deliveries: &[Delivery]) -> Act {
    act(at, Happening::SessionEnded { session: "s".into() }, deliveries)
}

fn watches(at: u64, who: &str, deliveries: &[Delivery]) -> Act {
    act(at, Happening::WatchesReplay { session: "s".into(), email: address(who) }, deliveries)
}

fn leaves(at: u64, who: &str) -> Act {
    act(at, Happening::Leaves { session: "s".into(), email: address(who) }, SILENT)
}

fn address(who: &str) -> String {
    if who.contains('@') { who.into() } else { format!("{who}@example.org") }
}

fn story(acts: Vec<Act>, mapping: &[(&str, &str)]) -> Story {
    let mapping =
        mapping.iter().map(|(source, target)| MappedField { source: (*source).into(), target: (*target).into() });
    Story {
        begins_at: NOON,
        prospects: vec![],
        team: vec!["Erin@example.org".into()],
        mapping: mapping.collect(),
        acts,
        ..Story::default()
    }
}

fn world(story: &Story) -> World {
    let ids = ["s", "t"].map(|name| (name.to_string(), name.to_uppercase()));
    expected(story, &BTreeMap::from(ids))
}

/// A live event with one session, and more.
fn live(acts: Vec<Act>) -> Vec<Act> {
    [vec![event(false), session("s", Some(3600), SILENT)], acts].concat()
}

fn on_demand(acts: Vec<Act>) -> Vec<Act> {
    [vec![event(true), session("s", None, SILENT)], acts].concat()
}

/// `ana people_registered S 60` an activity, and `ana in 1` the lists that somebody is in.
fn check(row: &str, acts: Vec<Act>, expect: &[&str]) {
    let world = world(&story(acts, &[]));
    let who = |email: &str| email.split('@').next().unwrap_or_default().to_owned();
    let mut found: Vec<String> =
        world.activities.iter().map(|a| format!("{} {} {} {}", who(&a.email), a.kind, a.value, a.at - NOON)).collect();
    for prospect in &world.prospects {
        let lists = world.memberships.iter().filter(|m| m.email == prospect.email).count();
        found.push(format!("{} in {lists}", who(&prospect.email)));
        assert_eq!(prospect.source_campaigns.len(), lists, "{row}: new people come from where they registered");
    }
    if world.campaigns.len() != 1 || world.lists.len() != 1 {
        found.push(format!("{} campaigns, {} lists", world.campaigns.len(), world.lists.len()));
    }
    let mut wanted: Vec<_> = expect.iter().map(|line| (*line).to_owned()).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "{row}");
}

#[test]
fn who_was_there_has_what_they_did_at_the_second_of_the_end() {
    let ana = || registers(60, "s", "ana", &[], TOLD);
    check(
        "S2-26, S2-28, S2-29, S2-30, S2-60 to S2-63",
        live(vec![ana(), attends(4000, "ana", (2280, 3, 1), SILENT), ends(END, TOLD)]),
        &[
            "ana people_registered S 60",
            "ana session_attended S 5000",
            "ana attendance_duration 2280 5000",
            "ana messages_sent 3 5000",
            "ana questions_asked 1 5000",
            "ana in 1",
        ],
    );
    check(
        "S2-62: counts, if any",
        live(vec![ana(), attends(4000, "ana", (60, 0, 0), SILENT), ends(END, &[NATIVE])]),
        &["ana people_registered S 60", "ana session_attended S 5000", "ana attendance_duration 60 5000", "ana in 1"],
    );
    check(
        "S2-27",
        live(vec![ana(), ends(END, TOLD)]),
        &["ana people_registered S 60", "ana session_not_attended S 5000", "ana in 1"],
    );
    check("nobody was told", live(vec![ana(), ends(END, SILENT)]), &["ana people_registered S 60", "ana in 1"]);
    check(
        "people.attended brings the reading about too, of everybody",
        live(vec![
            ana(),
            registers(61, "s", "bo", &[], TOLD),
            attends(4000, "ana", (60, 0, 0), TOLD),
            ends(END, SILENT),
        ]),
        &[
            "ana people_registered S 60",
            "ana session_attended S 5000",
            "ana attendance_duration 60 5000",
            "ana in 1",
            "bo people_registered S 61",
            "bo session_not_attended S 5000",
            "bo in 1",
        ],
    );
    check(
        "the native app does not tell people.attended",
        live(vec![ana(), attends(4000, "ana", (60, 0, 0), &[NATIVE]), ends(END, SILENT)]),
        &["ana people_registered S 60", "ana in 1"],
    );
    check(
        "who attends after the end does not",
        live(vec![ana(), ends(END, TOLD), attends(END + 1, "ana", (60, 0, 0), SILENT), ends(END + 2, TOLD)]),
        &["ana people_registered S 60", "ana session_not_attended S 5000", "ana in 1"],
    );
}

#[test]
fn the_reading_at_the_end_finds_whom_no_webhook_told_of() {
    check(
        "a lost webhook; session and end heard of by the end alone",
        live(vec![registers(60, "s", "ana", &[], SILENT), ends(END, TOLD)]),
        &["ana people_registered S 60", "ana session_not_attended S 5000", "ana in 1"],
    );
    check(
        "at the end is in time, and after it is not",
        live(vec![registers(END, "s", "ana", &[], TOLD), registers(END + 1, "s", "bo", &[], TOLD), ends(END, TOLD)]),
        &[
            "ana people_registered S 5000",
            "ana session_not_attended S 5000",
            "ana in 1",
            "bo people_registered S 5001",
            "bo in 1",
        ],
    );
    check(
        "S2-69: found until the reading, untold after it",
        live(vec![
            registers(END + 600, "s", "ana", &[], SILENT),
            registers(END + 601, "s", "bo", &[], SILENT),
            ends(END, TOLD),
        ]),
        &["ana people_registered S 5600", "ana in 1"],
    );
    check(
        "who has left is not found, but what was told is not taken back",
        live(vec![
            registers(60, "s", "ana", &[], SILENT),
            registers(61, "s", "bo", &[], TOLD),
            registers(62, "s", "cy", &[], TOLD),
            leaves(70, "ana"),
            leaves(70, "bo"),
            leaves(END + 601, "cy"),
            ends(END, TOLD),
        ]),
        &[
            "bo people_registered S 61",
            "bo in 1",
            "cy people_registered S 62",
            "cy session_not_attended S 5000",
            "cy in 1",
        ],
    );
    check(
        "who leaves and comes back registered once",
        live(vec![
            registers(60, "s", "ana", &[], TOLD),
            leaves(70, "ana"),
            registers(80, "s", "ana", &[], TOLD),
            ends(END, TOLD),
        ]),
        &["ana people_registered S 60", "ana session_not_attended S 5000", "ana in 1"],
    );
    let mut erin = registers(60, "s", "erin", &[], TOLD);
    let Happening::Registered { team_member, .. } = &mut erin.what else {
        unreachable!("a registration was made above")
    };
    *team_member = true;
    check(
        "who is left out stays out",
        live(vec![
            erin,
            registers(61, "s", "erin@example.org", &[], SILENT),
            registers(61, "s", "1795+a@unknown.livestorm.co", &[], SILENT),
            ends(END, TOLD),
        ]),
        &[],
    );
}

#[test]
fn a_replay_is_one_fact_at_its_first_second() {
    let ana = || registers(60, "s", "ana", &[], TOLD);
    check(
        "S2-31",
        live(vec![ana(), ends(END, SILENT), watches(9000, "ana", TOLD), watches(9500, "ana", TOLD)]),
        &["ana people_registered S 60", "ana watched_replay S 9000", "ana in 1"],
    );
    check(
        "S2-32: on demand has no attendance and no end",
        on_demand(vec![
            ana(),
            attends(70, "ana", (9, 9, 9), SILENT),
            ends(80, TOLD),
            watches(90, "ana", SILENT),
            watches(95, "ana", TOLD),
        ]),
        &["ana people_registered S 60", "ana watched_on_demand S 90", "ana in 1"],
    );
    check(
        "told of by REST alone, and not before the end",
        live(vec![ana(), watches(4000, "ana", TOLD), ends(END, SILENT), watches(9000, "ana", &[NATIVE])]),
        &["ana people_registered S 60", "ana in 1"],
    );
    check(
        "of a session and a person that nothing else told of",
        on_demand(vec![registers(60, "s", "ana", &[], SILENT), watches(90, "ana", TOLD)]),
        &["ana people_registered S 60", "ana watched_on_demand S 90", "ana in 1"],
    );
    check("who is not registered cannot watch", on_demand(vec![watches(90, "ana", TOLD)]), &["0 campaigns, 0 lists"]);
}

#[test]
fn a_session_has_its_campaign_if_it_was_heard_of_in_time() {
    check("never", live(vec![]), &["0 campaigns, 0 lists"]);
    check("by its end", live(vec![ends(END, TOLD)]), &[]);
    let started = || act(3600, Happening::SessionStarted { session: "s".into() }, TOLD);
    check("its beginning says nothing", live(vec![started()]), &["0 campaigns, 0 lists"]);
    check(
        "S3-18: it was past when it was made",
        vec![event(false), session("s", Some(0), TOLD), registers(2, "s", "ana", &[], TOLD), ends(3, TOLD)],
        &["0 campaigns, 0 lists"],
    );
}

/// What of Livestorm fills which field: the newest source wins, and nothing overwrites with nothing.
#[test]
fn mapped_fields_follow_the_newest_source() {
    let check = |row: &str, acts: Vec<Act>, mapping: &[(&str, &str)], expect: &[(&str, &str)]| {
        let world = world(&story(acts, mapping));
        let found: Vec<_> = world.prospects[0].fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expect, "{row}");
    };
    let ana = || registers(60, "s", "ana", &[("topics", "Webinars"), ("company", "Lima"), ("city", "")], TOLD);
    check(
        "as of the registration",
        live(vec![ana()]),
        &[
            ("fields.topics", "T__c"),
            ("utm.source", "U__c"),
            ("utm.term", "V__c"),
            ("event.title", "W__c"),
            ("session.id", "X__c"),
        ],
        &[("T__c", "Webinars"), ("U__c", "newsletter"), ("W__c", "Demo"), ("X__c", "S"), ("company", "Lima")],
    );
    let attendance = [
        ("attendance.attended", "A__c"),
        ("attendance.duration", "D__c"),
        ("attendance.messages", "M__c"),
        ("attendance.questions", "Q__c"),
    ];
    check(
        "as of the end, of who was there",
        live(vec![ana(), attends(4000, "ana", (2280, 3, 0), SILENT), ends(END, TOLD)]),
        &attendance,
        &[("A__c", "true"), ("D__c", "2280"), ("M__c", "3"), ("Q__c", "0"), ("company", "Lima")],
    );
    check(
        "as of the end, of who was not",
        live(vec![ana(), ends(END, TOLD)]),
        &attendance,
        &[("A__c", "false"), ("D__c", "0"), ("M__c", "0"), ("Q__c", "0"), ("company", "Lima")],
    );
    check("before the end", live(vec![ana()]), &attendance, &[("company", "Lima")]);
    check(
        "as of the watching",
        live(vec![ana(), ends(END, SILENT), watches(9000, "ana", TOLD)]),
        &[("replay.watched", "R__c")],
        &[("R__c", "true"), ("company", "Lima")],
    );
    check(
        "the newest wins, an empty one never does",
        vec![
            event(false),
            session("s", Some(3600), TOLD),
            session("t", Some(7200), TOLD),
            registers(90, "t", "ana", &[("company", "Lima AG"), ("city", "")], TOLD),
            registers(60, "s", "ana", &[("company", "Lima"), ("city", "Lisboa")], TOLD),
        ],
        &[("session.id", "X__c")],
        &[("X__c", "T"), ("city", "Lisboa"), ("company", "Lima AG")],
    );
    check(
        "fields of attendance are not touched by a registration that is heard of late",
        vec![
            event(false),
            session("s", Some(3600), TOLD),
            session("t", Some(72_000), TOLD),
            registers(60, "s", "ana", &[], TOLD),
            attends(4000, "ana", (60, 0, 0), SILENT),
            ends(END, TOLD),
            registers(END + 60, "t", "ana", &[], TOLD),
        ],
        &attendance[..1],
        &[("A__c", "true")],
    );
}

#[test]
fn a_story_told_twice_or_in_another_order_is_the_same_world() {
    let told = |deliveries: &[Delivery]| {
        let acts = live(vec![
            registers(60, "s", "Ana@Example.org", &[("first_name", "Ana"), ("company", "")], deliveries),
            attends(4000, "ana", (60, 0, 0), SILENT),
            ends(END, deliveries),
            watches(9000, "ana", TOLD),
        ]);
        world(&story(acts, &[]))
    };
    let once = told(TOLD);
    assert_eq!(once, told(&[REST, NATIVE, Delivery { after: 7200, ..REST }]));
    assert_eq!((once.activities.len(), once.activities[0].email.as_str()), (4, "ana@example.org"));
    assert_eq!(once.prospects[0].fields.len(), 1);
    assert!(enough(&once).is_empty());
    let acts = live(vec![registers(60, "s", "ana", &[], SILENT), ends(END, SILENT)]);
    assert_eq!(enough(&world(&story(acts, &[]))).len(), 4, "nobody was told anything");
}

#[test]
fn what_has_no_webhook_is_never_heard() {
    let rows = [
        (ends(1, &[NATIVE]), true),
        (ends(1, SILENT), false),
        (watches(1, "ana", &[NATIVE]), false),
        (watches(1, "ana", &[NATIVE, REST]), true),
        (attends(1, "ana", (1, 0, 0), &[NATIVE]), false),
        (Act { deliveries: vec![NATIVE, REST], ..leaves(1, "ana") }, false),
    ];
    for (act, heard) in rows {
        assert_eq!(Story::is_heard(&act), heard, "{act:?}");
    }
}

fn submits(at: u64, session: Option<&str>, who: &str, fields: &[(&str, &str)]) -> Act {
    let fields = fields.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let session = session.map(str::to_owned);
    act(at, Happening::SubmitsForm { session, email: address(who), fields, by_handler: false }, SILENT)
}

/// S2-35, S2-46, S2-55 to S2-57.
#[test]
fn whoever_submits_a_form_of_a_session_is_its_registrant_and_nobody_has_activities() {
    let fields = [("firstName", "Ana"), ("city", "Oslo")];
    let acts = vec![
        event(false),
        session("s", Some(4000), TOLD),
        submits(2000, Some("s"), "Ana", &fields),
        submits(2001, Some("s"), "ana", &fields),
        submits(2002, None, "cy", &[]),
        submits(2003, Some("s"), "boss", &[]),
        registers(2004, "s", "ben", &[("first_name", "Ben")], TOLD),
        registers(2005, "s", "ana", &[], TOLD),
        ends(END, TOLD),
    ];
    let mut story = Story { begins_at: NOON, team: vec![address("boss")], acts, ..Story::default() };
    let ids = BTreeMap::from([("s".to_string(), "S1".to_string())]);
    let people = |world: &World| world.registrants.iter().map(|r| r.email.clone()).collect::<Vec<_>>();
    story.destination = Destination::AccountEngagementForms;
    let world = expected(&story, &ids);
    assert_eq!(
        (people(&world), world.memberships.len(), world.activities.len()),
        (vec![address("ana"), address("ben")], 2, 0)
    );
    let of = |who: &str| world.prospects.iter().find(|p| p.email == address(who)).unwrap();
    let ana = of("ana");
    assert_eq!((ana.fields["firstName"].as_str(), ana.fields["city"].as_str()), ("Ana", "Oslo"));
    assert_eq!((ana.source_campaigns.len(), of("cy").source_campaigns.len(), world.prospects.len()), (1, 0, 4));
    assert_eq!(enough(&world), vec![]);
    let missing = World { registrants: vec![], ..world.clone() };
    assert_eq!(differences(&world, &missing).len(), 2, "whom Livestorm has not registered is missed");
    // Where people register by Livestorm's forms alone, a form makes a prospect and nothing else.
    story.destination = Destination::AccountEngagement;
    let world = expected(&story, &ids);
    assert_eq!((people(&world).len(), world.memberships.len(), world.prospects.len()), (0, 2, 4));
    assert!(world.activities.iter().any(|a| a.email == address("ben")));
}
