//! The rules of the line, in times that are given.

use super::{
    super::learned::TooMany,
    Lane::{Bulk, Prompt},
    *,
};
use Method::{Get, Post};
use proptest::prelude::*;

const RATES: &[Rate] = &[Rate { per_second: 5, applies: |_, _| true }];
const TWO: &[Rate] =
    &[Rate { per_second: 5, applies: |_, _| true }, Rate { per_second: 2, applies: |method, _| method == Post }];

fn book(in_flight_max: usize, rates: &'static [Rate]) -> Book {
    Book::new(Pace { in_flight_max, rates })
}

/// A request that comes, and what it may wait and takes.
#[derive(Clone, Copy, Debug)]
struct Comes {
    at: u64,
    lane: Lane,
    method: Method,
    patience: u64,
    send_before: u64,
    takes: u64,
}

fn comes(at: u64, lane: Lane) -> Comes {
    Comes { at, lane, method: Get, patience: 5_000, send_before: u64::MAX, takes: 0 }
}

/// What became of each: when it was told, and when it started or may come again.
#[derive(Debug, PartialEq, Eq)]
enum Became {
    Started(u64),
    Later { told: u64, until: u64 },
    Over,
}
use Became::{Later, Over, Started};

/// Lets them come, each at its time. In between nothing happens but what the book says itself.
fn play(book: &mut Book, all: &[Comes]) -> Vec<Became> {
    let mut became: Vec<Option<Became>> = all.iter().map(|_| None).collect();
    let mut tickets: Vec<(Ticket, usize)> = vec![];
    let mut ends: Vec<(u64, Start)> = vec![];
    let mut now = 0;
    loop {
        for place in ends.extract_if(.., |(at, _)| *at <= now).map(|(_, start)| start) {
            book.ended(place);
        }
        for (place, came) in all.iter().enumerate().filter(|(_, came)| came.at == now) {
            let patience =
                Patience { held_until: Timestamp(now + came.patience), send_before: Timestamp(came.send_before) };
            if !tickets.iter().any(|(_, known)| *known == place) {
                tickets.push((book.join(came.lane, came.method, &[], patience), place));
            }
        }
        while let Some((ticket, answer)) = book.call(Timestamp(now)) {
            let (_, place) = *tickets.iter().find(|(known, _)| *known == ticket).unwrap();
            let answer = match answer {
                Ok(start) => {
                    ends.push((now + all[place].takes, start));
                    Started(now)
                }
                Err(NoStart::Later { until, .. }) => Later { told: now, until: until.0 },
                Err(NoStart::Over) => Over,
            };
            assert_eq!(became[place].replace(answer), None, "told once");
        }
        let next = ends.iter().map(|(at, _)| *at).chain(all.iter().map(|came| came.at).filter(|at| *at > now));
        match next.chain(book.look_again(Timestamp(now)).map(|at| at.0)).min() {
            Some(at) => now = at,
            None => return became.into_iter().map(|became| became.expect("each is told")).collect(),
        }
    }
}

/// When each started.
fn starts(book: &mut Book, all: &[Comes]) -> Vec<u64> {
    let started = |became| match became {
        Started(at) => at,
        other => panic!("{other:?}"),
    };
    play(book, all).into_iter().map(started).collect()
}

#[test]
fn requests_are_spread_evenly_and_whoever_would_wait_too_long_is_told_until_when() {
    for lane in [Prompt, Bulk] {
        let mut all = vec![comes(1_000, lane); 27];
        all.push(comes(2_000, lane));
        let became = play(&mut book(5, RATES), &all);
        let times: Vec<Became> = (0..26).map(|nth| Started(1_000 + 200 * nth)).collect();
        assert_eq!(became[..26], times);
        assert_eq!(became[26], Later { told: 1_000, until: 6_200 });
        assert_eq!(became[27], Started(6_200), "who is refused takes nobody's turn");
    }
}

#[test]
fn a_rate_of_its_own_holds_its_kind_back_and_no_other() {
    let post = |at| Comes { method: Post, ..comes(at, Prompt) };
    let all = [post(1_000), comes(1_000, Prompt), post(1_000), comes(1_000, Prompt), comes(3_000, Prompt)];
    assert_eq!(starts(&mut book(5, TWO), &all), [1_000, 1_200, 1_600, 1_400, 3_000]);
}

#[test]
fn a_held_account_is_held_for_everybody_and_a_shorter_hold_does_not_end_it() {
    let mut book = book(5, RATES);
    book.hold(Timestamp(4_000), Why::Pace, "asked to slow down");
    book.hold(Timestamp(2_000), Why::Pace, "shorter");
    assert_eq!(starts(&mut book, &[comes(1_000, Bulk), comes(1_000, Prompt)]), [4_200, 4_000]);
    let patience = Patience { held_until: Timestamp(15_000), send_before: Timestamp::MAX };
    let waits = book.join(Prompt, Get, &[], patience);
    book.hold(Timestamp(90_000), Why::Quota, "quota gone");
    let later = NoStart::Later { until: Timestamp(90_000), reason: "quota gone".into() };
    assert_eq!(book.call(Timestamp(10_000)), Some((waits, Err(later))), "who waits already is told at once");
    assert_eq!(
        book.closed(Timestamp(10_000)),
        Some(Hold { until: Timestamp(90_000), why: Why::Quota, reason: "quota gone".into() })
    );
}

#[test]
fn nothing_starts_after_its_permit_ends() {
    let until = |at| Comes { send_before: 1_100, ..comes(at, Prompt) };
    let became = play(&mut book(5, RATES), &[until(1_000), until(1_000), until(1_101)]);
    assert_eq!(became, [Started(1_000), Over, Over]);
    let slow = Comes { takes: 500, ..until(1_000) };
    assert_eq!(play(&mut book(1, &[]), &[slow, until(1_000)]), [Started(1_000), Over]);
}

#[test]
fn after_three_failures_one_probe_goes_and_its_answer_decides() {
    let mut book = book(9, &[]);
    let one = |book: &mut Book, now| {
        let came = Comes { at: now, ..comes(0, Prompt) };
        play(book, &[came]).remove(0)
    };
    book.failed(Timestamp(0));
    book.failed(Timestamp(0));
    book.answered();
    book.failed(Timestamp(0));
    book.failed(Timestamp(0));
    assert_eq!(one(&mut book, 0), Started(0));
    book.failed(Timestamp(0));
    assert_eq!(one(&mut book, 0), Later { told: 0, until: 30_000 });
    assert_eq!(one(&mut book, 30_000), Started(30_000));
    assert_eq!(one(&mut book, 30_000), Later { told: 30_000, until: 90_000 }, "the probe is on its way");
    book.failed(Timestamp(31_000));
    assert_eq!(one(&mut book, 60_000), Later { told: 60_000, until: 61_000 });
    assert_eq!(one(&mut book, 61_000), Started(61_000));
    book.answered();
    assert_eq!(one(&mut book, 61_000), Started(61_000));
}

// Prompt before bulk

#[test]
fn a_prompt_request_takes_the_next_turn_however_many_of_bulk_wait() {
    let mut all = vec![comes(0, Bulk); 20];
    all.extend([comes(1_050, Prompt), comes(1_060, Prompt)]);
    let starts = starts(&mut book(5, RATES), &all);
    assert_eq!(starts[20..], [1_200, 1_400]);
    let bulk: Vec<u64> = (0..6).map(|nth| 200 * nth).chain((6..20).map(|nth| 200 * nth + 400)).collect();
    assert_eq!(starts[..20], bulk, "bulk goes on where it was, in its order");
}

#[test]
fn bulk_has_one_turn_in_five_however_many_prompt_ones_wait() {
    let patient = |lane| Comes { patience: 60_000, ..comes(0, lane) };
    let mut all = vec![patient(Prompt); 40];
    all.extend([patient(Bulk); 12]);
    let starts = starts(&mut book(5, RATES), &all);
    let turns: Vec<u64> = starts[40..].iter().map(|at| at / 200).collect();
    assert_eq!(turns, [4, 9, 14, 19, 24, 29, 34, 39, 44, 49, 50, 51]);
}

#[test]
fn who_of_bulk_is_pushed_back_beyond_its_patience_is_told_as_soon_as_that_can_be_foreseen() {
    let mut all = vec![comes(0, Bulk); 26];
    all.push(comes(1_000, Prompt));
    let became = play(&mut book(5, RATES), &all);
    assert_eq!(became[25], Later { told: 1_000, until: 5_200 });
    assert_eq!(became[24], Started(5_000));
}

#[test]
fn one_slot_is_kept_for_prompt_requests_where_there_is_more_than_one() {
    let long = |at, lane| Comes { takes: 10_000, ..comes(at, lane) };
    let all = [long(0, Bulk), long(0, Bulk), long(0, Bulk), long(1_000, Prompt), long(1_100, Prompt)];
    let became = play(&mut book(3, &[]), &all);
    assert_eq!(became[..4], [Started(0), Started(0), Later { told: 5_000, until: 6_000 }, Started(1_000)]);
    assert_eq!(became[4], Later { told: 6_100, until: 7_100 });
    assert_eq!(starts(&mut book(1, &[]), &[comes(0, Bulk)]), [0], "a lone slot is everybody's");
}

/// Prompt ones never leave a slot free for longer than a moment.
#[test]
fn bulk_comes_to_a_slot_however_many_prompt_ones_wait() {
    for slots in 1..5 {
        let long = |at, lane| Comes { takes: 1_000, patience: 99_000, ..comes(at, lane) };
        let mut all: Vec<Comes> = (0..60).map(|nth| long(nth, Prompt)).collect();
        all.extend([long(100, Bulk), long(100, Bulk)]);
        let starts = starts(&mut book(slots, &[]), &all);
        let before = |bulk: usize| starts[..60].iter().filter(|at| **at < starts[bulk]).count();
        assert!(before(60) <= slots + 2 * 4, "{slots}: {starts:?}");
        assert!(before(61) <= slots + 4 * 4, "{slots}: {starts:?}");
    }
}

#[test]
fn who_waited_for_a_slot_takes_its_turn_with_it_and_not_before() {
    let long = |at| Comes { takes: 3_000, ..comes(at, Prompt) };
    let mut all = vec![long(0), long(0)];
    all.extend([comes(0, Prompt); 4]);
    assert_eq!(starts(&mut book(2, RATES), &all), [0, 200, 3_000, 3_200, 3_400, 3_600]);
}

#[test]
fn who_leaves_takes_nobodys_turn() {
    let mut book = book(5, RATES);
    let patience = Patience { held_until: Timestamp(5_000), send_before: Timestamp::MAX };
    let tickets: Vec<Ticket> = (0..3).map(|_| book.join(Prompt, Get, &[], patience)).collect();
    book.leave(tickets[0]);
    let mut called = |now| book.call(Timestamp(now)).map(|(ticket, start)| (ticket, start.is_ok()));
    assert_eq!([called(0), called(0)], [Some((tickets[1], true)), None]);
    assert_eq!([called(200), called(400)], [Some((tickets[2], true)), None]);
}

fn any_comes() -> impl Strategy<Value = Vec<Comes>> {
    let one = (0u64..400, any::<bool>(), any::<bool>(), 0u64..3_000, 0u64..6_000);
    proptest::collection::vec(one, 1..80).prop_map(|all| {
        let mut at = 10_000;
        let one = |(gap, bulk, post, takes, patience)| {
            at += gap;
            let (lane, method) = (if bulk { Bulk } else { Prompt }, if post { Post } else { Get });
            Comes { at, lane, method, patience, takes, send_before: u64::MAX }
        };
        all.into_iter().map(one).collect()
    })
}

fn started(became: &Became) -> Option<u64> {
    match became {
        Started(at) => Some(*at),
        _ => None,
    }
}

proptest! {
    #[test]
    fn no_second_has_more_starts_than_the_rate_and_no_moment_more_in_flight_than_slots(all in any_comes(), slots in 1usize..6) {
        let became = play(&mut book(slots, TWO), &all);
        let rows = || all.iter().zip(&became).filter_map(|(came, became)| Some((came, started(became)?)));
        for (method, most) in [(None, 5), (Some(Post), 2)] {
            let of = rows().filter(|(came, _)| method.is_none_or(|method| came.method == method));
            let mut times: Vec<u64> = of.map(|(_, at)| at).collect();
            times.sort_unstable();
            for (i, from) in times.iter().enumerate() {
                prop_assert!(times[i..].iter().filter(|t| **t < from + 1_000).count() <= most);
            }
        }
        for (came, at) in rows() {
            prop_assert!(at >= came.at && at <= came.at + came.patience);
            let flying = rows().filter(|(other, from)| *from <= at && at < from + other.takes.max(1));
            prop_assert!(flying.count() <= slots.max(1) + rows().filter(|(other, from)| other.takes == 0 && *from == at).count());
        }
    }

    #[test]
    fn who_starts_starts_when_it_was_foreseen_if_nobody_else_comes(lanes in proptest::collection::vec(any::<bool>(), 1..60)) {
        let mut book = book(99, RATES);
        let patience = Patience { held_until: Timestamp::MAX, send_before: Timestamp::MAX };
        for bulk in &lanes {
            book.join(if *bulk { Bulk } else { Prompt }, Get, &[], patience);
        }
        let mut now = Timestamp(7);
        while !book.line.is_empty() {
            let foreseen: Vec<_> = (0..book.line.len()).map(|place| (book.line[place].ticket, book.foreseen(place, now))).collect();
            let mut seen: Vec<_> = foreseen.iter().map(|(_, at)| *at).collect();
            seen.sort_unstable();
            let expect: Vec<_> = (0..seen.len() as u64).map(|nth| Timestamp(now.0 + 200 * nth)).collect();
            prop_assert_eq!(seen, expect);
            let (ticket, start) = book.call(now).unwrap();
            prop_assert!(start.is_ok() && foreseen.contains(&(ticket, now)));
            now = book.look_again(now).unwrap_or(now);
        }
    }
}

// What refusals teach

/// What became of an account that is asked all the time, and really allows only so many requests in ten seconds.
struct Learnt {
    /// In each minute.
    refused: Vec<u64>,
    /// Of what it allowed from the second minute on.
    used_percent: u64,
}

const MINUTES: u64 = 20;

fn learns(allowed_in_ten_seconds: usize) -> Learnt {
    let mut book = book(5, RATES);
    let patience = Patience { held_until: Timestamp::MAX, send_before: Timestamp::MAX };
    let (mut allowed, mut refused): (Vec<u64>, Vec<u64>) = (vec![], vec![0; MINUTES as usize]);
    let (mut flying, mut now): (Vec<(u64, Start)>, u64) = (vec![], 0);
    while now < MINUTES * 60_000 {
        for (_, start) in flying.extract_if(.., |(answered, _)| *answered <= now) {
            book.ended(start);
            // It is judged when it is answered, as the network has it.
            if allowed.iter().rev().take_while(|at| **at + 10_000 > now).count() < allowed_in_ten_seconds {
                allowed.push(now);
            } else {
                refused[(now / 60_000) as usize] += 1;
                book.refused(start, TooMany::InTime, Timestamp(now));
                book.hold(Timestamp(now + 2_000), Why::Pace, "asked to slow down");
            }
        }
        while book.line.len() < 5 {
            book.join(Bulk, Get, &[], patience);
        }
        while let Some((_, start)) = book.call(Timestamp(now)) {
            flying.push((now + 300, start.unwrap()));
        }
        let next = flying.iter().map(|(at, _)| *at).chain(book.look_again(Timestamp(now)).map(|at| at.0));
        now = next.min().unwrap();
    }
    let counted = allowed.iter().filter(|at| **at >= 60_000).count() as u64;
    let available = (MINUTES - 1) * 6 * allowed_in_ten_seconds as u64;
    Learnt { refused, used_percent: counted * 100 / available }
}

/// The profile says fifty in ten seconds.
#[test]
fn an_account_that_allows_half_is_refused_seldom_after_the_first_minute_and_used_well() {
    for (allowed, refused_max, used_min) in [(50, 0, 99), (45, 2, 80), (25, 2, 80), (15, 2, 80), (10, 3, 80)] {
        let Learnt { refused, used_percent } = learns(allowed);
        let most = refused[1..].iter().max().unwrap();
        assert!(*most <= refused_max && used_percent >= used_min, "{allowed}: {refused:?}, {used_percent} % used");
    }
}

#[test]
fn where_no_rate_holds_a_refusal_lowers_the_slots() {
    for (rates, too_many, percent, slots) in [
        (RATES, TooMany::InTime, 80, 4),
        (RATES, TooMany::AtOnce, 100, 3),
        (&[], TooMany::InTime, 100, 3),
        (&[], TooMany::AtOnce, 100, 3),
    ] {
        let mut book = book(4, rates);
        let patience = Patience { held_until: Timestamp::MAX, send_before: Timestamp::MAX };
        book.join(Prompt, Get, &[], patience);
        let (_, start) = book.call(Timestamp(1)).unwrap();
        book.refused(start.unwrap(), too_many, Timestamp(2));
        assert_eq!((book.learned().rate_percent(Timestamp(2)), book.slots(Timestamp(2))), (percent, slots));
    }
}

/// As with other tools of the customer that hold slots of theirs.
#[test]
fn an_account_that_allows_two_at_once_and_not_four_is_refused_seldom() {
    let mut book = book(4, &[]);
    let patience = Patience { held_until: Timestamp::MAX, send_before: Timestamp::MAX };
    let (mut flying, mut refused, mut answered): (Vec<(u64, Start)>, Vec<u64>, u64) = (vec![], vec![], 0);
    let mut now = 0;
    while now < 20 * 60_000 {
        for (_, start) in flying.extract_if(.., |(at, _)| *at <= now) {
            book.ended(start);
            answered += 1;
        }
        while book.line.len() < 4 {
            book.join(Bulk, Get, &[], patience);
        }
        while let Some((_, start)) = book.call(Timestamp(now)) {
            let start = start.unwrap();
            if flying.len() < 2 {
                flying.push((now + 500, start));
                continue;
            }
            refused.push(now);
            book.ended(start);
            book.refused(start, TooMany::AtOnce, Timestamp(now));
            book.hold(Timestamp(now + 2_000), Why::Pace, "asked to slow down");
        }
        let next = flying.iter().map(|(at, _)| *at).chain(book.look_again(Timestamp(now)).map(|at| at.0));
        now = next.min().unwrap();
    }
    let late = refused.iter().filter(|at| **at >= 60_000).count();
    assert!(late <= 19, "{refused:?}");
    assert!(answered * 100 >= 80 * 20 * 60 * 2, "{answered}");
}
