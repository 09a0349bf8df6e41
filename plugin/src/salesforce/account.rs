//! The account of a company, for new contacts (S3-12, S3-13): matched by its name, whatever the case; of several the oldest; person
//! accounts are nobody's company. What we made is remembered (`account/<digest of the name>` of the key `people`), so that two
//! people of one company who come before a read shows it have one account.

use super::person::id;
use crate::{
    calendar,
    host::{Entry, Instant, MINUTE},
    json::scalar,
    plain::{from_text, to_text},
    text,
    work::Work,
};
use serde_json::Value;

const TRUSTED: u64 = 2 * MINUTE;

#[derive(Clone, Debug, PartialEq)]
struct Made {
    id: String,
    at: Instant,
}

plain!(Made { id, at });

fn state_key(name: &str) -> String {
    format!("account/{}", text::digest([comparable(name).as_str()]))
}

/// Of the note that stands while it is not known whether the account was made.
pub fn note_key(name: &str) -> String {
    format!("once/account/{}", text::digest([comparable(name).as_str()]))
}

fn comparable(name: &str) -> String {
    text::lower(name.trim())
}

pub fn is_same(one: &str, other: &str) -> bool {
    comparable(one) == comparable(other)
}

/// One of ours that a read may not show yet.
pub fn young(work: &Work<'_>, name: &str) -> Option<String> {
    let made: Made = work.host.get(&state_key(name)).and_then(|text| from_text(&text).ok())?;
    (work.now() < made.at + TRUSTED).then_some(made.id)
}

pub fn made(work: &Work<'_>, name: &str, id: &str) {
    let value = to_text(&Made { id: id.into(), at: work.now() });
    work.host.set(Entry { key: state_key(name), value, subject: None });
}

/// Of these rows the one with the name that was made first.
pub fn oldest(rows: &[Value], name: &str) -> Option<String> {
    let has_name = |row: &&Value| row.get("Name").and_then(scalar).is_some_and(|other| is_same(&other, name));
    let age = |row: &&Value| (row.get("CreatedDate").and_then(Value::as_str).and_then(calendar::parse), id(row));
    rows.iter().filter(has_name).min_by_key(age).and_then(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        story::state::says,
        test_host::{TestHost, on_host},
    };
    use serde_json::json;

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_remembers_of_an_account_is_still_read() {
        let key = "account/0123456789abcdef0123456789abcdef";
        says("people", key, &Made { id: "001000000000001AAA".into(), at: 1_645_000_000_000 });
    }

    /// S3-12.
    #[test]
    fn a_company_is_the_oldest_account_of_its_name() {
        let row = |id: &str, name: &str, day: u32| json!({"Id": id, "Name": name, "CreatedDate": format!("2026-01-{day:02}T10:00:00.000+0000")});
        let rows = [row("001B", "Example", 2), row("001A", " EXAMPLE", 1), row("001C", "Example Ltd", 1)];
        assert_eq!(oldest(&rows, "example ").as_deref(), Some("001A"));
        assert_eq!(oldest(&rows, "Other"), None);
    }

    #[test]
    fn what_we_made_is_used_while_a_read_may_not_show_it() {
        let host = TestHost::new(1_000, |_| panic!("nothing is asked"));
        let told = |host: &TestHost| on_host(host, async |work| young(work, "EXAMPLE"));
        on_host(&host, async |work| made(work, "Example", "001A"));
        assert_eq!(told(&host).as_deref(), Some("001A"));
        host.set_now(1_000 + TRUSTED);
        assert_eq!(told(&host), None);
    }
}
