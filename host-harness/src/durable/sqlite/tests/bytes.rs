//! What is gone is in no byte of any file.

use super::*;
use crate::durable::{Retention, conformance::keeping};

/// The files of the store that hold this, whatever the case.
fn holders(file: &InTemp, what: &str) -> Vec<String> {
    let all = std::fs::read_dir(file.0.path()).unwrap().map(|entry| entry.unwrap());
    let holds = |entry: &std::fs::DirEntry| {
        let bytes = std::fs::read(entry.path()).unwrap().to_ascii_lowercase();
        bytes.windows(what.len()).any(|window| window == what.as_bytes())
    };
    let mut names: Vec<_> = all.filter(holds).map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn no_byte_of_a_done_delivery_is_left_after_a_sweep() {
    let file = InTemp::new();
    let bench = Bench::new(&Here(file.path()), Guests::each(|_, _| async { Ok(done()) }));
    let up = bench.up();
    // Large and small: pages of their own, and a part of one.
    let bodies = [format!("made-up-link {}", "x".repeat(20_000)), "made-up-link".to_string()];
    for (i, body) in bodies.iter().enumerate() {
        up.accept([delivery(&i.to_string(), body)]).await;
    }
    assert!(!holders(&file, "made-up-link").is_empty(), "it is durable before it is done");
    bench.clock.run_for(MINUTE).await;
    up.engine.sweep(INSTALLATION, &Retention::default()).await.unwrap();
    assert_eq!(holders(&file, "made-up-link"), [""; 0]);
    assert!(!holders(&file, "inbox/1").is_empty(), "the search finds what is there");
    up.down().await;
}

#[tokio::test]
async fn an_engine_that_is_closed_leaves_no_log_behind() {
    let file = InTemp::new();
    let bench = Bench::new(&Here(file.path()), Guests::each(|_, _| async { Ok(done()) }));
    let up = bench.up();
    up.accept([delivery("1", "made-up-link")]).await;
    bench.clock.run_for(MINUTE).await;
    up.down().await;
    assert_eq!(holders(&file, "made-up-link"), [""; 0]);
}

#[tokio::test]
async fn no_byte_of_a_person_is_left_who_was_forgotten() {
    let file = InTemp::new();
    let bench = Bench::new(&Here(file.path()), keeping::tellers());
    let up = keeping::one_of_two_is_forgotten(&bench).await;
    assert_eq!(holders(&file, "ana@example.org"), [""; 0]);
    assert_eq!(holders(&file, "ben@example.org"), ["durable.db"], "the log is empty");
    let again = up.engine.accept(INSTALLATION, vec![keeping::about("ana@example.org", task("a", "k", "1"))]).await;
    assert_eq!(again.unwrap(), [Accepted::Forgotten]);
    up.down().await;
    assert_eq!(holders(&file, "ana@example.org"), [""; 0]);
}

#[tokio::test]
async fn what_does_not_fit_in_one_chunk_is_taken_away_all_the_same() {
    const EACH: u64 = 1_150;
    let file = InTemp::new();
    let bench = Bench::new(&Here(file.path()), keeping::tellers());
    let up = bench.up();
    for who in ["ana@example.org", "ben@example.org"] {
        let one = |i| {
            let task = keeping::about(who, task("person", "people", who));
            Task { dedupe_key: format!("{who} {i}"), ..task }
        };
        up.accept((0..EACH).map(one)).await;
        bench.clock.run_for(MINUTE).await;
    }
    let gone = up.engine.forget(INSTALLATION, &keeping::subject("ana@example.org")).await.unwrap();
    assert_eq!((gone.tasks, gone.lines, gone.changes, gone.state), (EACH, EACH, EACH, 1), "{gone}");
    assert_eq!(holders(&file, "ana@example.org"), [""; 0]);
    bench.clock.run_for(MINUTE * 60 * 24 * 14).await;
    let swept = up.engine.sweep(INSTALLATION, &Retention { lines_max: 0, ..Retention::default() }).await.unwrap();
    // And the line that somebody was forgotten.
    assert_eq!((swept.done, swept.lines, swept.changes), (EACH, EACH + 1, EACH), "{swept:?}");
    assert!(up.tasks().await.is_empty());
    up.down().await;
}

/// One that was made before bodies were deleted, with a delivery that is done, one that waits, and a run that is open.
#[tokio::test]
async fn a_store_of_the_first_version_opens_and_loses_the_bodies_it_need_not_keep() {
    let file = InTemp::new();
    let bench = Bench::new(&Here(file.path()), Guests::each(|_, _| async { Ok(done()) }));
    let input = |id: &str| {
        let task = delivery(id, &format!("made-up-link-{id}"));
        let assignment = crate::effect::Assignment { id: 1, task, attempt: 1, admitted_at: Timestamp(7) };
        let (component, context) = ("component-1".to_string(), serde_json::json!({}));
        let (started_at, assignments) = (Timestamp(8), vec![assignment]);
        serde_json::to_string(&crate::effect::RunInput { component, context, started_at, assignments }).unwrap()
    };
    let old = store::of_the_first_version(&file.path());
    for (run, (id, status, ended)) in (1..).zip([("done", "done", Some(9)), ("open", "running", None)]) {
        old.execute(
            "INSERT INTO task (installation, ordering_key, kind, payload, dedupe_key, lane, title, generation, admitted_at, \
             repeats, status, attempt, due, ended_at, run, assignment) VALUES ('inst-1', ?1, 'delivery', ?2, ?1, 0, \
             'a delivery', 0, 7, 0, ?3, 1, 7, ?4, ?5, 1)",
            rusqlite::params![format!("inbox/{id}"), format!("made-up-link-{id}"), status, ended, run],
        )
        .unwrap();
        old.execute(
            "INSERT INTO run (installation, ordering_key, tasks, input, started_at, ended_at, ending) \
             VALUES ('inst-1', ?, 1, ?, 8, ?, ?)",
            rusqlite::params![format!("inbox/{id}"), input(id), ended, ended.map(|_| r#"{"broken":"x"}"#)],
        )
        .unwrap();
    }
    drop(old);

    let up = bench.up();
    bench.clock.run_for(MINUTE).await;
    assert_eq!(bench.guests.payloads(), ["made-up-link-open"], "it goes on with its body");
    let kept = up.tasks().await;
    assert!(kept.iter().all(|k| (k.status, k.task.payload.as_str()) == (TaskStatus::Done, "")), "{kept:?}");
    let runs = up.engine.runs(INSTALLATION, None).await.unwrap();
    assert_eq!(runs.len(), 2);
    up.engine.sweep(INSTALLATION, &Retention { journal_bytes_max: 1_000_000, ..Retention::default() }).await.unwrap();
    assert_eq!(holders(&file, "made-up-link"), [""; 0]);
    up.down().await;
}
