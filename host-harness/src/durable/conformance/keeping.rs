//! What is kept, how long, and who is forgotten.

use super::{
    super::{Accepted, DELIVERY, EngineError, LogLine, Phase, Retention, Swept, TaskStatus::*},
    *,
};
use crate::effect::{Action, Change, Entry, Level, Line, Note, Outcome, Repeat, Subject, Write};
use guest::{Guests, Imports, done, followed_by, later, register, request};

const ANA: &str = "ana@example.org";
const BEN: &str = "ben@example.org";

pub fn subject(id: &str) -> Subject {
    Subject { kind: "person".into(), id: id.into() }
}

pub fn about(id: &str, task: Task) -> Task {
    Task { subject: Some(subject(id)), ..task }
}

/// One of everything that a run can leave about somebody.
fn tell(imports: &Imports, id: &str) {
    let whom = Some(subject(id));
    imports.note(Note::Write(Write::Set(Entry { key: format!("p/{id}"), value: id.into(), subject: whom.clone() })));
    let (message, fields) = (format!("{id} is told"), vec![]);
    imports.note(Note::Log(Line { level: Level::Info, code: "told".into(), message, subject: whom.clone(), fields }));
    let (connection, object, detail) = ("crm".into(), "Lead".into(), None);
    imports.note(Note::Changes(vec![Change {
        connection,
        object,
        id: Some("00Q1".into()),
        action: Action::Created,
        subject: whom,
        detail,
    }]));
}

/// `person` tells of whom its payload names, `later` is put off, `bring` and a delivery of a bare name give a task about them, others fail.
pub fn tellers() -> Guests {
    Guests::each(|a, imports| async move {
        let id = a.task.payload.clone();
        Ok::<Outcome, String>(match a.task.kind.as_str() {
            "person" => {
                tell(&imports, &id);
                done()
            }
            "bring" | DELIVERY if !id.starts_with('{') => {
                followed_by(vec![about(&id, task("person", "people", id.as_str()))])
            }
            "later" => later(imports.now().plus(DAY), None),
            _ => breaking::failed(FailureClass::Invalid),
        })
    })
}

async fn codes(engine: &dyn Engine) -> Vec<String> {
    let lines: Vec<LogLine> = engine.log(INSTALLATION, None).await.unwrap();
    let mut codes: Vec<_> = lines.into_iter().map(|line| line.line.code).collect();
    codes.sort();
    codes
}

/// All that an engine shows of the installation, in lower case.
pub async fn everything(engine: &dyn Engine) -> String {
    let mut all = serde_json::to_string(&tasks(engine).await).unwrap();
    for run in engine.runs(INSTALLATION, None).await.unwrap() {
        all += &serde_json::to_string(&engine.tape(INSTALLATION, run.id).await.unwrap()).unwrap();
    }
    all += &serde_json::to_string(&engine.log(INSTALLATION, None).await.unwrap()).unwrap();
    all += &serde_json::to_string(&engine.changes(INSTALLATION, None).await.unwrap()).unwrap();
    all += &serde_json::to_string(&engine.state(INSTALLATION, "people", "", None).await.unwrap()).unwrap();
    all.to_lowercase()
}

pub async fn what_is_over_goes_after_its_time_and_nothing_else(harness: &dyn Harness) {
    let bench = Bench::new(harness, tellers());
    let up = bench.up();
    let start = bench.clock.now();
    let waits = Task { not_before: Some(start.plus(DAY * 300)), ..task("person", "people", "late") };
    let ids = up.accept([task("person", "people", ANA), task("bad", "k", BEN), waits]).await;
    bench.clock.run_for(MINUTE).await;
    let keep = Retention::default();
    let sweep = async || up.engine.sweep(INSTALLATION, &keep).await.unwrap();

    assert_eq!(sweep().await, Swept::default());
    bench.clock.run_until(start.plus(DAY * 14).minus(MINUTE)).await;
    assert_eq!(sweep().await, Swept::default(), "not before its time");
    bench.clock.run_until(start.plus(DAY * 14)).await;
    assert_eq!(up.engine.sweep("other", &keep).await.unwrap(), Swept::default(), "not of another installation");
    assert_eq!(sweep().await, Swept { done: 1, runs: 2, ..Swept::default() });
    let kept = up.tasks().await;
    assert_eq!(kept.iter().map(|k| (k.id, k.status)).collect::<Vec<_>>(), [(ids[1], Dead), (ids[2], Waiting)]);
    assert!(kept[0].run.is_some(), "in which order things happened is known still");
    assert!(up.engine.runs(INSTALLATION, None).await.unwrap().is_empty());
    assert_eq!(codes(up.engine.as_ref()).await, ["dead-letter", "told"]);

    bench.clock.run_until(start.plus(DAY * 180)).await;
    assert_eq!(sweep().await, Swept { dead: 1, lines: 2, changes: 1, ..Swept::default() });
    assert_eq!(up.engine.state(INSTALLATION, "people", "", None).await.unwrap().len(), 1, "state is never swept");
    bench.clock.run_until(start.plus(DAY * 301)).await;
    assert_eq!(statuses(&up.tasks().await), [Done]);
    up.down().await;
}

pub async fn of_too_much_the_oldest_goes(harness: &dyn Harness) {
    let bench = Bench::new(harness, tellers());
    let up = bench.up();
    for i in 0..5u8 {
        let long = task("person", "people", "x".repeat(10_000));
        up.accept([Task { dedupe_key: i.to_string(), title: "long".into(), ..long }]).await;
        bench.clock.run_for(MINUTE).await;
    }
    let left = async |keep: Retention| {
        up.engine.sweep(INSTALLATION, &keep).await.unwrap();
        let runs = up.engine.runs(INSTALLATION, None).await.unwrap();
        let log = up.engine.log(INSTALLATION, None).await.unwrap();
        let changes = up.engine.changes(INSTALLATION, None).await.unwrap();
        (runs.into_iter().map(|run| run.id.0).collect::<Vec<_>>(), log.len(), changes.len())
    };
    let all = up.engine.tape(INSTALLATION, crate::effect::RunId(5)).await.unwrap();
    let entries = all.entries.iter().map(|e| serde_json::to_string(e).unwrap().len());
    let bytes = (entries.sum::<usize>() + serde_json::to_string(&all.lead.input).unwrap().len()) as u64;
    let keep = |journal_bytes_max, lines_max| Retention { journal_bytes_max, lines_max, ..Retention::default() };
    assert_eq!(left(keep(bytes * 5, 5)).await, (vec![1, 2, 3, 4, 5], 5, 5));
    assert_eq!(left(keep(bytes * 5 - 1, 4)).await, (vec![2, 3, 4, 5], 4, 4));
    assert_eq!(left(keep(bytes * 2, 1)).await, (vec![4, 5], 1, 1));
    assert_eq!(left(keep(bytes - 1, 0)).await, (vec![], 0, 0));
    assert_eq!(statuses(&up.tasks().await), [Done; 5], "how the same work is known again");

    let put_off = up.accept([task("later", "k", "1")]).await[0];
    bench.clock.run_for(MINUTE).await;
    assert!(up.task(put_off).await.run.is_some());
    assert!(left(keep(0, 0)).await.0.is_empty());
    let kept = up.task(put_off).await;
    assert_eq!((kept.status, kept.run), (Waiting, None), "there is nothing to look at any more");
    up.down().await;
}

pub async fn a_sweep_touches_nothing_that_waits_or_runs(harness: &dyn Harness) {
    let nothing = Retention {
        runs: Duration::ZERO,
        journal_bytes_max: 0,
        log: Duration::ZERO,
        lines_max: 0,
        dead: Duration::ZERO,
    };
    let mut bench = Bench::new(harness, Guests::new(register).batches_of(2));
    bench.limits.dedupe_retention = Duration::ZERO;
    bench.world.takes_at_once(1);
    let up = bench.up_until(Arc::new(DieWhere(|p: &Point| p.phase == Phase::Answered && p.place == 1)));
    up.accept((0..3).map(|i| task("register", "people", format!("p{i}")))).await;
    bench.clock.run_for(Duration::from_millis(30)).await;
    up.engine.sweep(INSTALLATION, &nothing).await.unwrap();
    assert_eq!(statuses(&up.tasks().await), [Running, Running, Waiting]);
    bench.clock.run_for(MINUTE).await;
    up.died().await;

    let engine = bench.closed();
    assert_eq!(engine.sweep(INSTALLATION, &nothing).await.unwrap(), Swept::default(), "it was cut off and goes on");
    drop(engine);
    let up = bench.up();
    bench.clock.run_for(DAY).await;
    assert_eq!(statuses(&up.tasks().await), [Done; 3]);
    let effects = bench.world.effects();
    assert_eq!((effects.len(), effects.values().max()), (3, Some(&1)));
    up.down().await;
}

/// What there is of two people, in every place, and what comes of it when one is forgotten.
pub async fn one_of_two_is_forgotten(bench: &Bench) -> Up {
    let up = bench.up();
    let tomorrow = Some(bench.clock.now().plus(DAY));
    for who in [ANA, BEN] {
        let upper = who.to_uppercase();
        let body = serde_json::json!({"body": serde_json::json!({"email": upper}).to_string()}).to_string();
        let late = |task: Task| Task { not_before: tomorrow, ..task };
        up.accept([
            about(who, task("person", "people", who)),
            about(&upper, task("bad", "people", who)),
            about(who, late(task("person", "people", format!("{who} later")))),
            task("bring", "k", who),
            delivery(&format!("refused {}", who.len() + usize::from(who == ANA)), &body),
            late(delivery(&format!("late {}", usize::from(who == ANA)), &body)),
        ])
        .await;
    }
    bench.clock.run_for(MINUTE).await;
    let before = everything(up.engine.as_ref()).await;
    let times = |all: &str, who: &str| all.matches(who).count();
    assert!(times(&before, ANA) > 20 && times(&before, ANA) == times(&before, BEN), "enough names both");

    let gone = up.engine.forget(INSTALLATION, &subject("Ana@Example.ORG")).await.unwrap();
    let after = everything(up.engine.as_ref()).await;
    assert_eq!(times(&after, ANA), 0, "{after}");
    assert!(times(&after, BEN) > 10, "{gone}");
    assert_eq!((gone.tasks, gone.changes, gone.state, gone.still_named), (6, 1, 1, 0), "{gone}");
    assert!(gone.runs >= 2 && gone.lines >= 2, "{gone}");
    up
}

pub async fn a_person_who_was_forgotten_is_named_nowhere_and_does_not_come_back(harness: &dyn Harness) {
    let bench = Bench::new(harness, tellers());
    let up = one_of_two_is_forgotten(&bench).await;
    let kept = up.tasks().await.len();
    let again = || up.engine.accept(INSTALLATION, vec![about(ANA, task("person", "people", ANA))]);
    assert_eq!(again().await.unwrap(), [Accepted::Forgotten]);
    assert_eq!(again().await.unwrap(), [Accepted::Forgotten]);
    // A delivery that names them is about nobody yet and is taken: what comes of it is not, and is not written down.
    up.accept([delivery("again", ANA)]).await;
    bench.clock.run_for(DAY * 2).await;
    let now = up.tasks().await;
    assert_eq!((now.len(), now[kept].status), (kept + 1, Done));
    assert!(!everything(up.engine.as_ref()).await.contains(ANA));
    let log = up.engine.log(INSTALLATION, None).await.unwrap();
    let told: Vec<_> = log.iter().filter(|l| l.line.code == "forgotten").collect();
    assert_eq!(told.len(), 2, "when they were forgotten, and when the first came back: {told:?}");
    assert!(!serde_json::to_string(&told).unwrap().contains(ANA));
    up.engine.sweep(INSTALLATION, &Retention { log: Duration::ZERO, ..Retention::default() }).await.unwrap();
    up.down().await;

    let up = bench.up();
    let accept = |who: &'static str| {
        up.engine.accept(INSTALLATION, vec![about(who, task("person", "people", format!("{who} anew")))])
    };
    assert_eq!(accept(ANA).await.unwrap(), [Accepted::Forgotten], "it survives a restart and a sweep");
    let known = async |who: &str| up.engine.is_forgotten(INSTALLATION, &subject(who)).await.unwrap();
    assert_eq!((known(ANA).await, known(BEN).await), (true, false));
    assert!(!up.engine.is_forgotten("other", &subject(ANA)).await.unwrap(), "not across installations");
    up.engine.allow_again(INSTALLATION, &subject(ANA)).await.unwrap();
    assert!(matches!(accept(ANA).await.unwrap()[..], [Accepted::New(_)]));
    assert!(!known(ANA).await);
    assert!(matches!(up.engine.allow_again(INSTALLATION, &subject(ANA)).await, Err(EngineError::Unknown(_))));
    let nobody = up.engine.forget(INSTALLATION, &subject(" ")).await;
    assert!(matches!(nobody, Err(EngineError::Invalid(_))), "{nobody:?}");
    up.down().await;
}

pub async fn nobody_is_forgotten_while_a_run_may_have_seen_them(harness: &dyn Harness) {
    // Only the guest knows whom it is about: nothing that is durable yet says so.
    let whom = |a: &str| if a == "1" { ANA } else { BEN };
    let guests = Guests::each(move |a, imports| async move {
        tell(&imports, whom(&a.task.payload));
        let _ = imports.send(request(Repeat::Read, "slow")).await;
        Ok(done())
    });
    let bench = Bench::new(harness, guests);
    bench.world.answers_after(MINUTE / 2);
    let up = bench.up();
    up.accept([task("a", "people", "1")]).await;
    bench.clock.run_for(MINUTE / 4).await;
    let ana = subject(ANA);
    let forget = || up.engine.forget(INSTALLATION, &ana);
    match forget().await {
        Err(EngineError::Busy(why)) => assert!(why.contains("run 1 is under way") && !why.contains(ANA), "{why}"),
        other => panic!("{other:?}"),
    }
    let again = up.engine.accept(INSTALLATION, vec![about(ANA, task("person", "people", ANA))]).await.unwrap();
    assert_eq!(again, [Accepted::Forgotten], "nothing new from the first time on");
    // Later runs have seen nothing and are not waited for, but for those that may have read what was still there.
    up.accept([task("a", "l", "2")]).await;
    bench.clock.run_for(MINUTE / 3).await;
    up.accept([task("a", "m", "3")]).await;
    bench.clock.run_for(Duration::from_millis(1)).await;
    assert!(matches!(forget().await, Err(EngineError::Busy(_))), "the run left something in its memory");
    bench.clock.run_for(MINUTE / 2).await;
    up.accept([task("a", "n", "4")]).await;
    bench.clock.run_for(Duration::from_millis(1)).await;
    let gone = forget().await.unwrap();
    assert_eq!((gone.runs, gone.lines, gone.changes), (1, 1, 1), "{gone}");
    assert!(!everything(up.engine.as_ref()).await.contains(ANA));
    bench.clock.run_for(DAY).await;
    assert_eq!(statuses(&up.tasks().await), [Done; 4]);
    up.down().await;
}
