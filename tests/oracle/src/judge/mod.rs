//! The difference between what should be and what is, a thing at a time, in words. Things of Salesforce: `salesforce.rs`.

mod salesforce;

use crate::{
    destination::Destination,
    world::{Activity, Campaign, List, Membership, Prospect, Registrant, World},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Difference {
    pub kind: Kind,
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It should be there.
    Lost,
    /// It is there more often than it should be.
    Twice,
    /// Nothing in the story says that it should be there.
    Invented,
    /// It is there, with other values.
    Differs,
    /// The story was too small for a verdict.
    NotEnough,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Lost => "lost",
            Kind::Twice => "there twice",
            Kind::Invented => "invented",
            Kind::Differs => "otherwise",
            Kind::NotEnough => "too little happened",
        };
        write!(f, "{kind}: {}", self.what)
    }
}

/// Empty when all is well.
pub fn differences(expected: &World, observed: &World) -> Vec<Difference> {
    let mut found = vec![];
    compare(&expected.campaigns, &observed.campaigns, &mut found);
    compare(&expected.lists, &observed.lists, &mut found);
    compare(&expected.memberships, &observed.memberships, &mut found);
    compare(&expected.activities, &observed.activities, &mut found);
    prospects(&expected.prospects, &observed.prospects, &mut found);
    if expected.destination == Destination::AccountEngagementForms {
        compare(&expected.registrants, &observed.registrants, &mut found);
    }
    salesforce::differences(expected, observed, &mut found);
    found.sort();
    found
}

/// A verdict on a world in which next to nothing was to happen is none.
pub fn enough(expected: &World) -> Vec<Difference> {
    let mut found = vec![];
    let mut least = |name: &str, count: usize| {
        if count == 0 {
            found.push(Difference { kind: Kind::NotEnough, what: format!("the story brings about no {name}") });
        }
    };
    least("campaign", expected.campaigns.len());
    if expected.destination.is_salesforce() {
        least("lead or contact", expected.leads.len() + expected.contacts.len());
        least("campaign member", expected.members.len());
    } else {
        least("prospect", expected.prospects.len());
        least("list membership", expected.memberships.len());
        match expected.destination {
            Destination::AccountEngagementForms => least("registrant", expected.registrants.len()),
            _ => least("external activity", expected.activities.len()),
        }
    }
    found
}

/// Each kind of thing as a multiset.
fn compare<T: Ord + Named>(expected: &[T], observed: &[T], found: &mut Vec<Difference>) {
    let mut count: BTreeMap<&T, (usize, usize)> = BTreeMap::new();
    expected.iter().for_each(|t| count.entry(t).or_default().0 += 1);
    observed.iter().for_each(|t| count.entry(t).or_default().1 += 1);
    for (thing, (should, is)) in count {
        let kind = match (should, is) {
            (s, i) if s == i => continue,
            (s, i) if i < s => Kind::Lost,
            (0, _) => Kind::Invented,
            _ => Kind::Twice,
        };
        found.push(Difference { kind, what: thing.name() });
    }
}

fn prospects(expected: &[Prospect], observed: &[Prospect], found: &mut Vec<Difference>) {
    let key = |p: &Prospect| (p.email.clone(), p.nth);
    let seen: BTreeMap<_, _> = observed.iter().map(|p| (key(p), p)).collect();
    let wanted: BTreeMap<_, _> = expected.iter().map(|p| (key(p), p)).collect();
    for (k, should) in &wanted {
        let Some(is) = seen.get(k) else {
            found.push(Difference { kind: Kind::Lost, what: should.name() });
            continue;
        };
        let mut differs = |what: String| {
            found.push(Difference { kind: Kind::Differs, what: format!("{}: {what}", should.name()) });
        };
        for (field, value) in &should.fields {
            let there = is.fields.get(field).map_or("", String::as_str);
            if there != value {
                differs(format!("{field} is {there:?} and should be {value:?}"));
            }
        }
        for field in is.fields.keys().filter(|f| !should.fields.contains_key(*f)) {
            differs(format!("{field} should be empty"));
        }
        let source_is_right = should.source_campaigns.is_empty() == is.source_campaigns.is_empty()
            && is.source_campaigns.is_subset(&should.source_campaigns);
        if !source_is_right {
            differs(format!(
                "the source campaign is {:?} and should be one of {:?}",
                is.source_campaigns, should.source_campaigns
            ));
        }
    }
    for (k, is) in &seen {
        if !wanted.contains_key(k) {
            let kind = if k.1 > 0 { Kind::Twice } else { Kind::Invented };
            found.push(Difference { kind, what: is.name() });
        }
    }
}

/// How a thing is called in a difference.
trait Named {
    fn name(&self) -> String;
}

impl Named for Campaign {
    fn name(&self) -> String {
        let day = |d: &Option<String>| d.clone().unwrap_or_else(|| "no date".into());
        format!("campaign \"{}\" ({} to {})", self.name, day(&self.starts_on), day(&self.ends_on))
    }
}

impl Named for List {
    fn name(&self) -> String {
        match &self.campaign {
            Some(campaign) => format!("list \"{}\" tied to campaign \"{campaign}\"", self.name),
            None => format!("list \"{}\" tied to no campaign", self.name),
        }
    }
}

impl Named for Prospect {
    fn name(&self) -> String {
        match self.nth {
            0 => format!("prospect {}", self.email),
            n => format!("prospect {} (number {})", self.email, n + 1),
        }
    }
}

impl Named for Membership {
    fn name(&self) -> String {
        format!("membership of {} (number {}) in list \"{}\"", self.email, self.nth + 1, self.list)
    }
}

impl Named for Registrant {
    fn name(&self) -> String {
        format!("registrant {} of session {} in Livestorm", self.email, self.session)
    }
}

impl Named for Activity {
    fn name(&self) -> String {
        let Activity { kind, email, nth, value, at } = self;
        format!("external activity {kind} of {email} (number {}), value {value}, at second {at}", nth + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(email: &str) -> Activity {
        Activity { kind: "people_registered".into(), email: email.into(), nth: 0, value: "S1".into(), at: 7 }
    }

    fn kinds(expected: &World, observed: &World) -> Vec<Kind> {
        differences(expected, observed).into_iter().map(|d| d.kind).collect()
    }

    #[test]
    fn each_difference_has_its_name() {
        let one = World { activities: vec![activity("a@example.org")], ..World::default() };
        let two = World { activities: vec![activity("a@example.org"); 2], ..World::default() };
        assert_eq!(kinds(&one, &one), []);
        assert_eq!(kinds(&one, &World::default()), [Kind::Lost]);
        assert_eq!(kinds(&one, &two), [Kind::Twice]);
        assert_eq!(kinds(&World::default(), &one), [Kind::Invented]);
    }

    #[test]
    fn a_prospect_with_another_value_differs_and_a_second_one_is_there_twice() {
        let prospect = |nth, name: &str| Prospect {
            email: "a@example.org".into(),
            nth,
            fields: BTreeMap::from([("firstName".to_string(), name.to_string())]),
            source_campaigns: Default::default(),
        };
        let world = |p: &[Prospect]| World { prospects: p.to_vec(), ..World::default() };
        assert_eq!(kinds(&world(&[prospect(0, "Ana")]), &world(&[prospect(0, "Eva")])), [Kind::Differs]);
        let doubled = world(&[prospect(0, "Ana"), prospect(1, "Ana")]);
        assert_eq!(kinds(&world(&[prospect(0, "Ana")]), &doubled), [Kind::Twice]);
    }

    #[test]
    fn a_world_in_which_nothing_was_to_happen_proves_nothing() {
        assert_eq!(enough(&World::default()).len(), 4);
        let destination = Destination::SalesforceLeads;
        assert_eq!(enough(&World { destination, ..World::default() }).len(), 3);
    }
}
