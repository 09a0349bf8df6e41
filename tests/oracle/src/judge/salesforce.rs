//! What of Salesforce is otherwise: people, their accounts, and the members of campaigns.

use super::{Difference, Kind, Named, compare};
use crate::{
    destination::Object,
    world::{Account, Member, MemberStatus, Person, World},
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn differences(expected: &World, observed: &World, found: &mut Vec<Difference>) {
    // Of a campaign that is to have no members nothing is promised of what they could be.
    if expected.destination.is_salesforce() {
        compare(&expected.member_statuses, &observed.member_statuses, found);
    }
    people("lead", &expected.leads, &observed.leads, found);
    people("contact", &expected.contacts, &observed.contacts, found);
    accounts(expected, observed, found);
    members(&expected.members, &observed.members, found);
}

fn people(what: &str, expected: &[Person], observed: &[Person], found: &mut Vec<Difference>) {
    let name = |p: &Person| format!("{what} {}{}", p.email, number(p.nth));
    let by_key = |people: &[Person]| -> BTreeMap<(String, u32), Person> {
        people.iter().map(|p| ((p.email.clone(), p.nth), p.clone())).collect()
    };
    let (wanted, seen) = (by_key(expected), by_key(observed));
    for (key, should) in &wanted {
        let Some(is) = seen.get(key) else {
            found.push(Difference { kind: Kind::Lost, what: name(should) });
            continue;
        };
        fields(&name(should), &should.fields, &is.fields, found);
        let (should_be, account) = (names(&should.accounts), names(&is.accounts));
        if !account.is_subset(&should_be) {
            let what = format!("{}: the account is {account:?} and should be one of {should_be:?}", name(should));
            found.push(Difference { kind: Kind::Differs, what });
        }
    }
    for (key, is) in seen.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
        // Another spelling of what was to be the first, or one more.
        let kind = if key.1 > 0 { Kind::Twice } else { Kind::Invented };
        found.push(Difference { kind, what: name(is) });
    }
}

/// No account at all is an account without a name.
fn names(accounts: &BTreeSet<String>) -> BTreeSet<&str> {
    match accounts.is_empty() {
        true => BTreeSet::from([""]),
        false => accounts.iter().map(String::as_str).collect(),
    }
}

/// An account that is not expected by itself may be that of somebody who named several companies: then it is theirs.
fn accounts(expected: &World, observed: &World, found: &mut Vec<Difference>) {
    let is_someones = |account: &Account| {
        let may = |p: &&Person| p.accounts.len() > 1 && p.accounts.contains(&account.name);
        let has = |p: &Person| p.accounts.contains(&account.name);
        expected.contacts.iter().filter(may).any(|should| {
            observed.contacts.iter().any(|is| (&is.email, is.nth) == (&should.email, should.nth) && has(is))
        })
    };
    let mut expected_accounts = expected.accounts.clone();
    for account in observed.accounts.iter().filter(|account| is_someones(account)) {
        if !expected_accounts.contains(account) {
            expected_accounts.push(account.clone());
        }
    }
    compare(&expected_accounts, &observed.accounts, found);
}

type MemberKey<'a> = (&'a str, Object, &'a str, u32);

fn members(expected: &[Member], observed: &[Member], found: &mut Vec<Difference>) {
    fn key(member: &Member) -> MemberKey<'_> {
        (&member.campaign, member.is, &member.email, member.nth)
    }
    fn by_key(members: &[Member]) -> BTreeMap<MemberKey<'_>, Vec<&Member>> {
        let mut all: BTreeMap<_, Vec<&Member>> = BTreeMap::new();
        members.iter().for_each(|member| all.entry(key(member)).or_default().push(member));
        all
    }
    let (wanted, seen) = (by_key(expected), by_key(observed));
    for key in wanted.keys().chain(seen.keys()).collect::<BTreeSet<_>>() {
        let [should, is] = [&wanted, &seen].map(|of| of.get(key).map(Vec::as_slice).unwrap_or_default());
        let kind = match (should.len(), is.len()) {
            (s, i) if i < s => Kind::Lost,
            (0, _) => Kind::Invented,
            (s, i) if i > s => Kind::Twice,
            _ => {
                should.iter().zip(is).for_each(|(should, is)| member(should, is, found));
                continue;
            }
        };
        found.push(Difference { kind, what: should.first().or(is.first()).map(|m| m.name()).unwrap_or_default() });
    }
}

fn member(should: &Member, is: &Member, found: &mut Vec<Difference>) {
    let what = |m: &Member| {
        let own = [("status", Some(m.status.clone())), ("replay status", m.replay.clone())];
        let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        own.chain(m.fields.clone()).collect()
    };
    fields(&should.name(), &what(should), &what(is), found);
}

fn fields(whose: &str, should: &BTreeMap<String, String>, is: &BTreeMap<String, String>, found: &mut Vec<Difference>) {
    for field in should.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
        let value = |of: &BTreeMap<String, String>| of.get(field).cloned().unwrap_or_default();
        let (should, is) = (value(should), value(is));
        if should != is {
            let what = format!("{whose}: {field} is {is:?} and should be {should:?}");
            found.push(Difference { kind: Kind::Differs, what });
        }
    }
}

fn number(nth: u32) -> String {
    if nth == 0 { String::new() } else { format!(" (number {})", nth + 1) }
}

impl Named for Account {
    fn name(&self) -> String {
        format!("account \"{}\"", self.name)
    }
}

impl Named for MemberStatus {
    fn name(&self) -> String {
        let is_response = if self.is_response { "a response" } else { "no response" };
        format!("member status \"{}\" ({is_response}) of campaign \"{}\"", self.label, self.campaign)
    }
}

impl Named for Member {
    fn name(&self) -> String {
        let is = self.is.name().to_lowercase();
        format!("member of campaign \"{}\": {is} {}{}", self.campaign, self.email, number(self.nth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(status: &str) -> Member {
        Member {
            campaign: "Demo".into(),
            is: Object::Lead,
            email: "ana@example.org".into(),
            nth: 0,
            status: status.into(),
            replay: None,
            fields: BTreeMap::new(),
        }
    }

    fn contact(accounts: &[&str]) -> Person {
        let accounts = accounts.iter().map(|name| name.to_string()).collect();
        Person { email: "ana@example.org".into(), accounts, ..Person::default() }
    }

    fn check(row: &str, expected: &World, observed: &World, expect: &[Kind]) {
        let mut found = vec![];
        differences(expected, observed, &mut found);
        let kinds: Vec<Kind> = found.iter().map(|d| d.kind).collect();
        assert_eq!(kinds, expect, "{row}: {found:?}");
    }

    #[test]
    fn each_difference_of_members_has_its_name() {
        let with = |members: &[Member]| World { members: members.to_vec(), ..World::default() };
        let (none, one) = (with(&[]), with(&[member("Registered")]));
        check("the same", &one, &one, &[]);
        check("missing", &one, &none, &[Kind::Lost]);
        check("there twice", &one, &with(&[member("Registered"), member("Attended")]), &[Kind::Twice]);
        check("nobody asked for it", &none, &one, &[Kind::Invented]);
        check("with another status", &one, &with(&[member("Attended")]), &[Kind::Differs]);
        let watched = Member { replay: Some("Watched replay".into()), ..member("Registered") };
        check("with a replay", &one, &with(std::slice::from_ref(&watched)), &[Kind::Differs]);
        let mut mapped = member("Registered");
        mapped.fields.insert("A__c".into(), "x".into());
        check("with a field", &one, &with(&[mapped]), &[Kind::Differs]);
        let other = Member { is: Object::Contact, ..member("Registered") };
        check("as a contact", &one, &with(&[other]), &[Kind::Lost, Kind::Invented]);
    }

    #[test]
    fn each_difference_of_people_and_accounts_has_its_name() {
        let with = |contacts: &[Person], accounts: &[&str]| World {
            contacts: contacts.to_vec(),
            accounts: accounts.iter().map(|name| Account { name: name.to_string() }).collect(),
            ..World::default()
        };
        let lima = with(&[contact(&["lima"])], &["lima"]);
        check("the same", &lima, &lima, &[]);
        check("of no account", &lima, &with(&[contact(&[])], &["lima"]), &[Kind::Differs]);
        check("an account twice", &lima, &with(&[contact(&["lima"])], &["lima", "lima"]), &[Kind::Twice]);
        check("an account of nobody", &lima, &with(&[contact(&["lima"])], &["lima", "horn"]), &[Kind::Invented]);
        check("nothing", &lima, &with(&[], &[]), &[Kind::Lost, Kind::Lost]);
        let second = Person { nth: 1, ..contact(&["lima"]) };
        check("a contact twice", &lima, &with(&[contact(&["lima"]), second], &["lima"]), &[Kind::Twice]);

        let several = with(&[contact(&["", "horn", "lima"])], &[]);
        check("one of several", &several, &lima, &[]);
        check("none of several", &several, &with(&[contact(&[])], &[]), &[]);
        check("more than one of several", &several, &with(&[contact(&["horn"])], &["horn", "lima"]), &[Kind::Invented]);
        check("one of several, twice", &several, &with(&[contact(&["horn"])], &["horn", "horn"]), &[Kind::Twice]);
        check("another", &several, &with(&[contact(&["ito"])], &["ito"]), &[Kind::Differs, Kind::Invented]);
    }
}
