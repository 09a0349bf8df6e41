//! Whatever the order and size of pages, and wherever whoever takes them is cut: the last row of each address says what a
//! direct look at all registrations says.

use super::*;
use proptest::prelude::*;

/// Written for the test alone: sorts all there is, and takes the end of it.
fn direct(livestorm: &Livestorm) -> BTreeMap<String, Value> {
    let mut by_address: BTreeMap<String, Vec<(u64, String, Value)>> = BTreeMap::new();
    for (session, rows) in &livestorm.people {
        for row in rows {
            let attributes = &row["attributes"];
            let email = attributes["email"].as_str().unwrap_or_default().trim().to_ascii_lowercase();
            if attributes["role"] == "participant" && email.contains('@') {
                let at = attributes["registrant_detail"]["created_at"].as_u64().unwrap();
                by_address.entry(email).or_default().push((at, session.clone(), attributes.clone()));
            }
        }
    }
    let unify = |mut all: Vec<(u64, String, Value)>| {
        all.sort_by_key(|(at, session, _)| (*at, session.clone()));
        let (at, session, last) = all.last().unwrap();
        let sessions: Vec<&String> = all.iter().map(|(_, session, _)| session).collect();
        json!({"first_name": last["first_name"], "created_at": at, "session": session, "sessions": sessions})
    };
    by_address.into_iter().map(|(email, all)| (email, unify(all))).collect()
}

fn told(taker: &Taker) -> BTreeMap<String, Value> {
    let rows = last_rows("people", &taker.rows).into_iter().filter(|(_, row)| !row.is_null());
    let shown = rows.map(|(email, row)| {
        let sessions: Vec<&Value> =
            row["registrations"].as_array().unwrap().iter().map(|one| &one["session_id"]).collect();
        let at = crate::calendar::parse(row["created_at"].as_str().unwrap()).unwrap();
        let shown = json!({"first_name": row["first_name"], "created_at": seconds(at),
            "session": row["registrant_detail"]["session_id"], "sessions": sessions});
        (email, shown)
    });
    shown.collect()
}

#[derive(Clone, Debug)]
struct Registers {
    session: usize,
    who: usize,
    spelling: u8,
    is_host: bool,
}

fn registers() -> impl Strategy<Value = Registers> {
    (0..3usize, 0..7usize, 0..3u8, prop::bool::weighted(0.1)).prop_map(|(session, who, spelling, is_host)| Registers {
        session,
        who,
        spelling,
        is_host,
    })
}

fn add(livestorm: &mut Livestorm, number: usize, one: &Registers) {
    let session = ["S1", "S2", "S3"][one.session];
    let address = format!("who{}@example.org", one.who);
    let email = match one.spelling {
        0 => address,
        1 => address.to_uppercase(),
        _ => format!(" Who{}@Example.org", one.who),
    };
    // No two at the same moment.
    let mut row = person(&format!("N{number}"), &email, session, NOW - 9 * DAY + number as u64 * MINUTE);
    row["attributes"]["first_name"] = format!("Name {number}").into();
    if one.is_host {
        row["attributes"]["role"] = "team_member".into();
    }
    livestorm.register(row);
    livestorm.set(session, "updated_at", seconds(NOW) + number as u64);
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    Not,
    StateKept,
    StateLost,
    PassGivenUp,
}

/// Takes a pass to its end, cut here and there.
fn take(taker: &mut Taker, cuts: &mut impl Iterator<Item = Cut>) {
    let (begin, rows) = (taker.cursor.clone(), taker.rows.len());
    loop {
        let (cursor, state) = (taker.cursor.clone(), taker.state());
        let more = taker.page().unwrap();
        match cuts.next().unwrap_or(Cut::Not) {
            Cut::Not if more => {}
            Cut::Not => return,
            Cut::StateKept => taker.cursor = cursor,
            Cut::StateLost => {
                taker.host.swap_state(state);
                taker.cursor = cursor;
            }
            Cut::PassGivenUp => {
                taker.cursor.clone_from(&begin);
                taker.rows.truncate(rows);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// S0-3, S0-5.
    #[test]
    fn the_last_row_of_each_address_is_what_a_direct_look_says(
        first in prop::collection::vec(registers(), 0..14),
        then in prop::collection::vec(registers(), 0..5),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        page_size in 1usize..6,
        turned in 0usize..5,
        cuts in prop::collection::vec(prop_oneof![
            6 => Just(Cut::Not), 1 => Just(Cut::StateKept), 1 => Just(Cut::StateLost), 1 => Just(Cut::PassGivenUp)
        ], 0..40),
    ) {
        let mut livestorm = Livestorm::new();
        livestorm.page_size = page_size;
        livestorm.people.clear();
        first.iter().enumerate().for_each(|(number, one)| add(&mut livestorm, number, one));
        for rows in livestorm.people.values_mut() {
            let by = turned % rows.len().max(1);
            rows.rotate_left(by);
        }
        let mut taker = Taker::of("people", livestorm);
        let mut cuts = cuts.into_iter();
        take(&mut taker, &mut cuts);
        prop_assert_eq!(told(&taker), direct(&taker.livestorm.borrow()));

        taker.now_is(NOW + HOUR);
        taker.change(|livestorm| {
            let all: Vec<(String, String)> = livestorm.people.iter().flat_map(|(session, rows)| {
                rows.iter().map(move |row| (session.clone(), row["id"].as_str().unwrap().to_string()))
            }).collect();
            for index in removed.iter().filter(|_| !all.is_empty()) {
                let (session, id) = index.get(&all);
                livestorm.unregister(session, id);
                livestorm.set(session, "updated_at", seconds(NOW + HOUR));
            }
            then.iter().enumerate().for_each(|(number, one)| add(livestorm, 100 + number, one));
        });
        take(&mut taker, &mut cuts);
        prop_assert_eq!(told(&taker), direct(&taker.livestorm.borrow()));

        taker.now_is(NOW + 2 * HOUR);
        prop_assert_eq!(taker.keys(), Vec::<String>::new());
    }
}
