//! What Salesforce must hold: people once each, as leads or contacts, and a member of the campaign for each session that they
//! registered for.

use super::{Fields, Met};
use crate::{
    destination::{Destination, Object, PriorLead, Salesforce},
    story::Story,
    world::{Account, Member, MemberStatus, Person, World},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

const REGISTERED: &str = "Registered";
const NOT_ATTENDED: &str = "Not attended";
const ATTENDED: &str = "Attended";
const WATCHED_REPLAY: &str = "Watched replay";
const WATCHED_ON_DEMAND: &str = "Watched on-demand";

/// What every new campaign has in Salesforce, and then ours; whether it counts as a response.
const STATUSES: [(&str, bool); 5] =
    [("Sent", false), ("Responded", true), (REGISTERED, false), (ATTENDED, true), (NOT_ATTENDED, false)];

/// S3-31: where a new record must have something and nobody has said what.
const FALLBACK: &str = "[not provided]";

/// Livestorm's answers and the fields that they fill, unless the customer maps otherwise. The address is not among them: it
/// says who somebody is.
const OF_A_LEAD: [(&str, &str); 8] = [
    ("fields.first_name", "FirstName"),
    ("fields.last_name", "LastName"),
    ("fields.company", "Company"),
    ("fields.job_title", "Title"),
    ("fields.phone_number", "Phone"),
    ("fields.city", "City"),
    ("fields.country", "Country"),
    ("fields.website", "Website"),
];
const OF_A_CONTACT: [(&str, &str); 6] = [
    ("fields.first_name", "FirstName"),
    ("fields.last_name", "LastName"),
    ("fields.job_title", "Title"),
    ("fields.phone_number", "Phone"),
    ("fields.city", "MailingCity"),
    ("fields.country", "MailingCountry"),
];

/// Characters, in a new org. A longer value is cut; a longer address is nobody's, since a cut one is somebody else's.
const EMAIL_LENGTH_MAX: usize = 80;
const COMPANY_LENGTH_MAX: usize = 255;

fn length_max(field: &str) -> usize {
    match field {
        "FirstName" | "Phone" | "City" | "MailingCity" => 40,
        "LastName" | "Country" | "MailingCountry" => 80,
        "Title" => 128,
        _ => COMPANY_LENGTH_MAX,
    }
}

fn cut(value: &str, length_max: usize) -> String {
    value.chars().take(length_max).collect()
}

pub(super) fn before(story: &Story, world: &mut World) {
    let Salesforce { leads, contacts, accounts, .. } = &story.salesforce;
    let leads = oldest_first(leads, |lead| lead.made_before);
    let contacts = oldest_first(contacts, |contact| contact.made_before);
    world.leads = numbered(leads.iter().map(|l| (l.email.as_str(), l.fields.as_slice(), None)));
    world.contacts = numbered(contacts.iter().map(|c| (c.email.as_str(), c.fields.as_slice(), c.account.as_deref())));
    world.accounts = accounts.iter().map(|a| Account { name: a.name.to_lowercase() }).collect();
}

/// Address, fields and account.
type Before<'a> = (&'a str, &'a [(String, String)], Option<&'a str>);

fn numbered<'a>(people: impl Iterator<Item = Before<'a>>) -> Vec<Person> {
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    let numbered = people.map(|(email, fields, account)| {
        let email = email.to_lowercase();
        let next = count.entry(email.clone()).or_default();
        let nth = std::mem::replace(next, *next + 1);
        let accounts = BTreeSet::from([account.unwrap_or_default().to_lowercase()]);
        Person { email, nth, fields: fields.iter().cloned().collect(), accounts }
    });
    numbered.collect()
}

fn oldest_first<T>(records: &[T], made_before: impl Fn(&T) -> u64) -> Vec<&T> {
    let mut records: Vec<&T> = records.iter().collect();
    records.sort_by_key(|record| Reverse(made_before(record)));
    records
}

/// A record, as the world numbers them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    is: Object,
    email: String,
    nth: u32,
}

/// Who there was, by address in lower case.
struct Directory<'a> {
    contacts: BTreeSet<String>,
    /// The oldest first.
    leads: BTreeMap<String, Vec<&'a PriorLead>>,
    new_people: Object,
}

impl Directory<'_> {
    fn of(story: &Story) -> Directory<'_> {
        let Salesforce { leads, contacts, .. } = &story.salesforce;
        let mut directory = Directory {
            contacts: contacts.iter().map(|contact| contact.email.to_lowercase()).collect(),
            leads: BTreeMap::new(),
            new_people: match story.destination {
                Destination::SalesforceContacts => Object::Contact,
                _ => Object::Lead,
            },
        };
        for lead in oldest_first(leads, |lead| lead.made_before) {
            directory.leads.entry(lead.email.to_lowercase()).or_default().push(lead);
        }
        directory
    }

    /// Who is meant by an address, and whether there is such a record. S3-3, S3-4
    fn who(&self, email: &str) -> (Record, bool) {
        let record = |is, email: &str, nth| Record { is, email: email.to_owned(), nth };
        // S3-5, S3-28, S3-30
        if self.contacts.contains(email) {
            return (record(Object::Contact, email, 0), true);
        }
        let leads = || self.leads.get(email).into_iter().flatten().zip(0u32..);
        // S3-6, S3-29
        if let Some((_, nth)) = leads().find(|(lead, _)| lead.converted_to.is_none()) {
            return (record(Object::Lead, email, nth), true);
        }
        // S3-32
        if let Some(contact) = leads().find_map(|(lead, _)| lead.converted_to.as_ref()) {
            return (record(Object::Contact, &contact.to_lowercase(), 0), true);
        }
        // S3-7, S3-10, S3-11
        (record(self.new_people, email, 0), false)
    }
}

/// Somebody over all sessions.
#[derive(Default)]
struct Known {
    fields: Fields,
    /// As accounts are named; empty where none was given.
    companies: BTreeSet<String>,
}

/// Somebody in one session.
struct Membership {
    campaign: String,
    /// The furthest they have come: S3-21.
    status: Status,
    replay: Option<&'static str>,
    fields: Fields,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Registered,
    NotAttended,
    Attended,
}

impl Status {
    fn of(met: &Met) -> Status {
        match (met.session.has_attendance(met.registrant), met.registrant.attendance) {
            (false, _) => Status::Registered,
            (true, None) => Status::NotAttended,
            (true, Some(_)) => Status::Attended,
        }
    }

    fn label(self) -> String {
        let label = match self {
            Status::Registered => REGISTERED,
            Status::NotAttended => NOT_ATTENDED,
            Status::Attended => ATTENDED,
        };
        label.to_owned()
    }
}

/// What hangs on the campaigns of a world that holds the people and accounts of before.
pub(super) fn after(story: &Story, all: &[Met], world: &mut World) {
    // S3-22
    for campaign in &world.campaigns {
        world.member_statuses.extend(STATUSES.map(|(label, is_response)| MemberStatus {
            campaign: campaign.name.clone(),
            label: label.to_owned(),
            is_response,
        }));
    }
    let directory = Directory::of(story);
    let mut people: BTreeMap<Record, (bool, Known)> = BTreeMap::new();
    let mut members: BTreeMap<(String, Record), Membership> = BTreeMap::new();
    for met in all.iter().filter(|met| met.registrant.email.chars().count() <= EMAIL_LENGTH_MAX) {
        let (record, is_there) = directory.who(&met.registrant.email);
        let (_, known) = people.entry(record.clone()).or_insert_with(|| (is_there, Known::default()));
        known.fields.take(met, mapping(story, record.is));
        known.companies.insert(company(met));
        let member = members.entry((met.id.clone(), record)).or_insert_with(|| Membership {
            campaign: met.campaign.clone(),
            status: Status::Registered,
            replay: None,
            fields: Fields::default(),
        });
        member.status = member.status.max(Status::of(met));
        // S3-23
        if met.registrant.watched_at.is_some() && met.registrant.watching_is_told {
            member.replay = Some(if met.session.on_demand { WATCHED_ON_DEMAND } else { WATCHED_REPLAY });
        }
        member.fields.take(met, mapping(story, Object::CampaignMember));
    }
    for (record, (is_there, known)) in people {
        let person = person(world, &record, is_there);
        person.fields.extend(values(known.fields));
        if !is_there {
            for field in required(record.is) {
                person.fields.entry((*field).to_owned()).or_insert_with(|| FALLBACK.to_owned());
            }
            if record.is == Object::Contact {
                // S3-12 to S3-14
                person.accounts = known.companies;
                let certain = person.accounts.first().filter(|name| person.accounts.len() == 1 && !name.is_empty());
                let account = certain.map(|name| Account { name: name.clone() });
                world.accounts.extend(account.filter(|a| !world.accounts.contains(a)));
            }
        }
    }
    // S3-20
    world.members = members
        .into_iter()
        .map(|((_, record), member)| Member {
            campaign: member.campaign,
            is: record.is,
            email: record.email,
            nth: record.nth,
            status: member.status.label(),
            replay: member.replay.map(str::to_owned),
            fields: values(member.fields).collect(),
        })
        .collect();
}

/// The record in the world, made where it is new.
fn person<'a>(world: &'a mut World, record: &Record, is_there: bool) -> &'a mut Person {
    let people = if record.is == Object::Contact { &mut world.contacts } else { &mut world.leads };
    let known = people.iter().position(|p| is_there && p.email == record.email && p.nth == record.nth);
    let at = known.unwrap_or_else(|| {
        people.push(Person { email: record.email.clone(), nth: record.nth, ..Person::default() });
        people.len() - 1
    });
    &mut people[at]
}

/// S3-31
fn required(object: Object) -> &'static [&'static str] {
    match object {
        Object::Lead => &["LastName", "Company"],
        Object::Contact => &["LastName"],
        Object::CampaignMember => &[],
    }
}

fn values(fields: Fields) -> impl Iterator<Item = (String, String)> {
    fields.values().map(|(target, value)| {
        let value = cut(&value, length_max(&target));
        (target, value)
    })
}

/// The defaults, and what the customer maps beyond them.
fn mapping(story: &Story, object: Object) -> impl Iterator<Item = (&str, &str)> {
    let defaults: &[(&str, &str)] = match object {
        Object::Lead => &OF_A_LEAD,
        Object::Contact => &OF_A_CONTACT,
        Object::CampaignMember => &[],
    };
    let own = story.salesforce.mapping.iter().filter(move |(of, _)| *of == object);
    defaults.iter().copied().chain(own.map(|(_, mapped)| (mapped.source.as_str(), mapped.target.as_str())))
}

/// As accounts are named.
fn company(met: &Met) -> String {
    let given = met.registrant.answers.iter().find(|(name, _)| name == "company").map(|(_, value)| value.trim());
    cut(given.unwrap_or_default(), COMPANY_LENGTH_MAX).to_lowercase()
}
