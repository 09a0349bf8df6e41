//! Where one person's story stands: what weighs most of all that is open, in a few sentences, and what to do. Pure.

use super::{Open, Searched, Told, ToldKind};
use std::fmt;

pub(super) struct Standing<'a> {
    pub person: &'a str,
    pub told: &'a [Told],
    pub open: &'a [Open],
    /// What keeps one of their runs from its provider.
    pub broken: Option<String>,
    pub is_paused: bool,
    /// Deliveries that nobody has read yet.
    pub unread: usize,
}

impl Standing<'_> {
    /// And whether nothing goes on before somebody does something.
    pub fn said(&self) -> (String, bool) {
        let for_a_person = self.failed().or_else(|| self.broken()).or_else(|| self.paused());
        match for_a_person {
            Some(said) => (said, true),
            None => (self.waits().unwrap_or_else(|| self.done()), false),
        }
    }

    fn of(&self, kind: ToldKind) -> impl DoubleEndedIterator<Item = &Open> {
        self.open.iter().filter(move |open| open.told.kind == kind)
    }

    fn failed(&self) -> Option<String> {
        // The last one is what would happen again.
        let last = &self.of(ToldKind::Failed).next_back()?.told;
        let count = match self.of(ToldKind::Failed).count() {
            1 => "Something waits for somebody".to_owned(),
            count => format!("{count} things wait for somebody, the last of them"),
        };
        let remedy = last.remedy.as_deref().unwrap_or_default();
        Some(format!("{count}: {}. What to do: {remedy}", said(&last.what)))
    }

    fn broken(&self) -> Option<String> {
        let why = said(self.broken.as_deref()?);
        Some(format!(
            "It waits for a connection that does not work: {why}. Sign it in again; nothing is lost, and it goes on then."
        ))
    }

    fn paused(&self) -> Option<String> {
        let holds = self.holds().map(|open| format!(", and this waits: {}", said(&open.told.what)));
        if !self.is_paused || holds.is_none() && self.unread == 0 {
            return None;
        }
        let (holds, unread) = (holds.unwrap_or_default(), unread(self.unread, self.person));
        Some(format!(
            "The installation is paused, so nothing goes on{holds}.{unread} Nothing is lost; `harness resume` lets it go on."
        ))
    }

    /// What the person waits for first: their own, then what one of their sessions waits for.
    fn holds(&self) -> Option<&Open> {
        self.of(ToldKind::Waits).min_by_key(|open| (!open.is_theirs, open.told.until))
    }

    fn waits(&self) -> Option<String> {
        let Open { told: holds, is_theirs } = self.holds()?;
        let (what, until) = (said(&holds.what), holds.until?);
        if !holds.wakes {
            return Some(format!("Nothing is to be done: it goes on by itself, no sooner than {until} ({what})."));
        }
        let first = self.of(ToldKind::Waits).filter(|open| *is_theirs && !open.is_theirs);
        let first = first.min_by_key(|open| open.told.until).and_then(|open| Some((&open.told.what, open.told.until?)));
        let first = first.map(|(what, until)| format!(" Before that: {}, no sooner than {until}.", said(what)));
        Some(format!(
            "Nothing is to be done: it goes on by itself as soon as what it waits for is there, and is looked at again at {until} \
             ({what}).{}",
            first.unwrap_or_default()
        ))
    }

    fn done(&self) -> String {
        let left = self.told.iter().rev().find(|one| one.kind == ToldKind::NotDone);
        match (left, self.told.iter().any(|one| one.kind == ToldKind::Done)) {
            (Some(left), false) => {
                let remedy = left.remedy.clone().unwrap_or_else(|| {
                    "Nothing is to be done, if that is as you want it; docs/admin-guide.md says under \"What is left out\" what would \
                     change it.".into()
                });
                format!("Nothing is written: {}. {remedy}", said(&left.what))
            }
            _ => match self.told.iter().all(|one| one.kind == ToldKind::Noted).then(|| self.told.last()).flatten() {
                Some(noted) => format!("Nothing has arrived of {}. {}", self.person, noted.what),
                None => format!("All that arrived of {} is done; nothing is to be done.", self.person),
            },
        }
    }
}

/// Of an address of which nothing is kept.
pub(super) struct Unknown<'a> {
    pub person: &'a str,
    pub searched: Searched,
    pub alike: Option<&'a str>,
    pub is_forgotten: bool,
    pub unread: usize,
}

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unknown { person, searched: Searched { tasks, lines, changes }, alike, is_forgotten, unread } = self;
        if *is_forgotten {
            return write!(
                f,
                "{person} was forgotten here: what named them is deleted, and what comes about them is dropped. If they are to be known \
                 again: `harness forget {person} --allow-again`, then `harness resync --person {person}`."
            );
        }
        let alike = alike.map(|other| format!(" Did you mean {other}?")).unwrap_or_default();
        write!(
            f,
            "Nothing is known of {person}: {tasks} tasks, {lines} lines of the log and {changes} changes of records were looked \
             through.{alike}{} If they registered in Livestorm, have them read again: `harness resync --person {person}`.",
            self::unread(*unread, person)
        )
    }
}

fn unread(count: usize, person: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!(" 1 delivery waits unread, and may be about {person}."),
        count => format!(" {count} deliveries wait unread, and may be about {person}."),
    }
}

/// Without its full stop, so that a sentence can go on.
fn said(what: &str) -> &str {
    what.trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::{
        super::{When, plain},
        *,
    };
    use crate::clock::Timestamp;

    fn when(seconds: u64) -> When {
        When(Timestamp::from_seconds(seconds))
    }

    fn waits(until: u64, is_theirs: bool, wakes: bool) -> Open {
        let told = plain(when(1), ToldKind::Waits, format!("until {until}"));
        Open { told: Told { until: Some(when(until)), wakes, ..told }, is_theirs }
    }

    fn failed() -> Open {
        let told = plain(when(1), ToldKind::Failed, "the campaign: no.".into());
        Open { told: Told { remedy: Some("Mend it.".into()), ..told }, is_theirs: false }
    }

    struct Row {
        told: Vec<Told>,
        open: Vec<Open>,
        broken: bool,
        is_paused: bool,
        unread: usize,
        said: &'static str,
        needs_a_person: bool,
    }

    #[test]
    fn where_it_stands_is_said_by_what_weighs_most() {
        let done = || plain(when(1), ToldKind::Done, "ana joins".into());
        let left = || plain(when(1), ToldKind::NotDone, "ana is left out: a member of the team.".into());
        let row = |told, open, said, needs_a_person| Row {
            told,
            open,
            broken: false,
            is_paused: false,
            unread: 0,
            said,
            needs_a_person,
        };
        let rows = [
            Row {
                broken: true,
                ..row(
                    vec![done()],
                    vec![waits(9, true, false), failed()],
                    "Something waits for somebody: the campaign: no. What to do: Mend it.",
                    true,
                )
            },
            row(vec![done()], vec![failed(), failed()], "2 things wait for somebody", true),
            Row {
                broken: true,
                is_paused: true,
                ..row(vec![done()], vec![waits(9, true, false)], "waits for a connection that does not work", true)
            },
            Row {
                is_paused: true,
                unread: 2,
                ..row(
                    vec![done()],
                    vec![waits(9, true, false)],
                    "is paused, so nothing goes on, and this waits: until 9. 2 deliveries wait unread, and may be about ana. Nothing is lost; \
                     `harness resume`",
                    true,
                )
            },
            Row {
                is_paused: true,
                unread: 1,
                ..row(vec![done()], vec![], "paused, so nothing goes on. 1 delivery waits unread", true)
            },
            Row { is_paused: true, ..row(vec![done()], vec![], "All that arrived of ana is done", false) },
            Row { unread: 3, ..row(vec![done()], vec![], "All that arrived of ana is done", false) },
            row(
                vec![left()],
                vec![waits(9, false, false), waits(5, false, false)],
                "by itself, no sooner than 1970-01-01T00:00:05Z (until 5)",
                false,
            ),
            row(
                vec![left()],
                vec![waits(5, false, false), waits(9, true, false)],
                "no sooner than 1970-01-01T00:00:09Z (until 9).",
                false,
            ),
            row(
                vec![],
                vec![waits(5, false, false), waits(4, false, true), waits(9, true, true)],
                "as soon as what it waits for is there, and is looked at again at 1970-01-01T00:00:09Z (until 9). Before that: until 4, no \
                 sooner than 1970-01-01T00:00:04Z.",
                false,
            ),
            row(vec![], vec![waits(9, true, true)], "looked at again at 1970-01-01T00:00:09Z (until 9).", false),
            row(
                vec![left()],
                vec![],
                "Nothing is written: ana is left out: a member of the team. Nothing is to be done, if",
                false,
            ),
            row(
                vec![plain(when(1), ToldKind::Noted, "ana is in none of 3 sessions.".into())],
                vec![],
                "Nothing has arrived of ana. ana is in none of 3 sessions.",
                false,
            ),
            row(vec![left(), done()], vec![], "All that arrived of ana is done", false),
        ];
        for Row { told, open, broken, is_paused, unread, said, needs_a_person } in rows {
            let broken = broken.then(|| "the connection needs a person".to_owned());
            let standing = Standing { person: "ana", told: &told, open: &open, broken, is_paused, unread };
            let (stands, needs) = standing.said();
            assert!(stands.contains(said) && needs == needs_a_person, "{said}: {stands}");
        }
    }

    #[test]
    fn of_whom_nothing_is_known_it_says_why_as_far_as_it_knows() {
        let unknown = |alike, is_forgotten, unread| {
            let searched = Searched { tasks: 3, lines: 2, changes: 1 };
            Unknown { person: "ana@example.org", searched, alike, is_forgotten, unread }.to_string()
        };
        let rows = [
            (unknown(None, false, 0), "1 changes of records were looked through. If they registered"),
            (unknown(Some("ann@example.org"), false, 0), "through. Did you mean ann@example.org? If"),
            (unknown(None, false, 1), "through. 1 delivery waits unread, and may be about ana@example.org. If"),
            (unknown(None, true, 1), "was forgotten here"),
            (unknown(None, true, 1), "`harness forget ana@example.org --allow-again`"),
        ];
        for (said, expected) in rows {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        assert!(!unknown(None, true, 0).contains("Nothing is known"));
    }
}
