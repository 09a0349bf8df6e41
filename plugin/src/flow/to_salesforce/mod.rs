//! What becomes of people in Salesforce: each is found by their address or made, their mapped fields are written, and they are
//! members of the campaigns of their sessions, with a status that tells what they did (spec 003).
//!
//! ```text
//! tasks of a batch -> somebody: one a person, with their sessions   (somebody.rs)
//!   round:  search    contacts, leads, accounts of all in one call
//!           plan      what is to be made or changed of each           (plan.rs)
//!           write     all of it, in one call if it is little, else one for each step that waits for another
//!           settle    what was answered of each: done, failed, or once more in another way   (settle.rs)
//! ```
//!
//! Promises: one that fails fails alone, with Salesforce's own words; one record a person and one membership a session, however
//! often and in whatever order they are told of (S3-4); at most the calls of RULES 24 where nothing is refused, and two more a
//! batch where something is mended.

mod plan;
mod said;
mod settle;
mod somebody;

use super::people::{Ends, Told};
use crate::{
    call::PLACEHOLDER,
    domain::{email::Email, session::SessionId},
    executor::Flow,
    salesforce::{
        account,
        describe::{self, Org},
        member, operations,
        search::{self, QUERY_BYTES_MAX, Rows, Wanted},
    },
    settings::NewPeople,
    stop::Doing,
    work::Work,
};
use plan::Plan;
use serde_json::Value;
use somebody::Somebody;
use std::collections::BTreeSet;

/// Tasks of one batch: as many records as a collection takes.
const TASKS_MAX: usize = 200;
/// Of the names of companies: two queries beside the three for people.
const COMPANIES_BYTES_MAX: usize = QUERY_BYTES_MAX * 3 / 2;
/// What is refused is mended and written once more: a field left out, a text cut, a duplicate looked into. Each round mends one
/// thing of a record at least.
const ROUNDS_MAX: usize = 6;

/// All tasks of these people, each person's together.
pub fn write(work: &Work<'_>, people: Vec<Vec<Told>>) -> Ends {
    let mut ends = Ends::new();
    for people in batches(work, people) {
        let flow: Flow<'_, Ends> = Box::pin(batch(work, people));
        ends.extend(work.waves.run(work.host, work.context.limits.wave, vec![flow]).into_iter().flatten());
    }
    ends
}

/// Whether somebody is a member already, as far as is remembered.
pub fn is_known(work: &Work<'_>, session: &SessionId, email: &Email) -> bool {
    let doing = Doing { what: "see whether they are a member", whom: email.as_str() };
    !matches!(member::remembered(work, session, email, &doing), Ok(None))
}

pub fn has_attended(work: &Work<'_>, session: &SessionId, email: &Email) -> bool {
    let doing = Doing { what: "see whether they attended", whom: email.as_str() };
    let member = member::remembered(work, session, email, &doing);
    matches!(member, Ok(Some(memory)) if memory.standing == member::Standing::Attended)
}

/// As many as fit one search and one collection.
fn batches(work: &Work<'_>, people: Vec<Vec<Told>>) -> Vec<Vec<Vec<Told>>> {
    let mut batches: Vec<Vec<Vec<Told>>> = Vec::new();
    let (mut tasks, mut emails, mut companies, mut campaigns) = (0, 0, 0, BTreeSet::new());
    for person in people {
        let named = person.iter().filter_map(|told| said::company(work, told));
        let company: usize = match work.settings.salesforce.new_people {
            NewPeople::Leads => 0,
            NewPeople::Contacts => named.map(|name| search::bytes(&name)).sum(),
        };
        let email: usize = somebody::spellings(&person).into_iter().map(search::bytes).sum();
        let of_person = || person.iter().map(|told| told.with.campaign.clone());
        campaigns.extend(of_person());
        let fits = tasks + person.len() <= TASKS_MAX
            && emails + email <= search::room(work, campaigns.len())
            && companies + company <= COMPANIES_BYTES_MAX;
        match batches.last_mut().filter(|_| fits) {
            Some(batch) => {
                (tasks, emails, companies) = (tasks + person.len(), emails + email, companies + company);
                batch.push(person);
            }
            None => {
                (tasks, emails, companies) = (person.len(), email, company);
                campaigns = of_person().collect();
                batches.push(vec![person]);
            }
        }
    }
    batches
}

/// What a batch has found out, round by round.
pub struct Run<'a> {
    pub work: &'a Work<'a>,
    pub org: Org,
    /// Accounts with the names of companies.
    pub accounts: Vec<Value>,
    /// Names of accounts that are saved past a duplicate rule.
    pub past_duplicates: Vec<String>,
}

async fn batch(work: &Work<'_>, people: Vec<Vec<Told>>) -> Ends {
    let mut everybody: Vec<Somebody> = people.into_iter().map(|tasks| Somebody::new(work, tasks)).collect();
    match describe::org(work).await {
        Ok(org) => rounds(&mut Run { work, org, accounts: vec![], past_duplicates: vec![] }, &mut everybody).await,
        Err(stop) => everybody.iter_mut().for_each(|one| one.stop(&stop)),
    }
    everybody.into_iter().flat_map(|one| one.ends(work)).collect()
}

async fn rounds(run: &mut Run<'_>, everybody: &mut [Somebody]) {
    for _ in 0..ROUNDS_MAX {
        search(run, everybody).await;
        let mut plan = Plan::default();
        for (place, one) in everybody.iter_mut().enumerate().filter(|(_, one)| one.is_open()) {
            plan.add(run, place, one);
        }
        if plan.operations.is_empty() {
            return;
        }
        let doing = Doing { what: "write people and members", whom: "the batch" };
        let done = operations::write(run.work, &plan.operations, &doing).await;
        settle::all(run, everybody, &plan, &done).await;
    }
}

/// One call for all who are to be looked up; what they need of it goes to each, accounts are everybody's.
async fn search(run: &mut Run<'_>, everybody: &mut [Somebody]) {
    let asked: Vec<usize> = (0..everybody.len()).filter(|place| everybody[*place].is_sought()).collect();
    if asked.is_empty() {
        return;
    }
    let work = run.work;
    let mut companies: Vec<String> = Vec::new();
    if work.settings.salesforce.new_people == NewPeople::Contacts {
        for name in asked.iter().filter_map(|place| everybody[*place].company(work)) {
            if !companies.iter().any(|other| account::is_same(other, &name)) && account::young(work, &name).is_none() {
                companies.push(name);
            }
        }
    }
    let mut campaigns: Vec<&str> = asked.iter().flat_map(|place| everybody[*place].campaigns()).collect();
    // In a dry run one that is still to be made has no members.
    campaigns.retain(|campaign| *campaign != PLACEHOLDER);
    campaigns.sort_unstable();
    campaigns.dedup();
    let wanted = Wanted {
        emails: asked.iter().flat_map(|place| somebody::spellings(&everybody[*place].tasks)).collect(),
        ids: asked.iter().flat_map(|place| everybody[*place].candidates.iter().map(String::as_str)).collect(),
        campaigns,
        companies: companies.iter().map(String::as_str).collect(),
    };
    let doing = Doing { what: "look up", whom: "the people of the batch" };
    match search::search(work, &run.org, &wanted, &doing).await {
        Ok(Rows { contacts, leads, accounts }) => {
            run.accounts.extend(accounts);
            for place in asked {
                everybody[place].looked_up(work, &run.org, &contacts, &leads);
            }
        }
        Err(stop) => asked.into_iter().for_each(|place| everybody[place].stop(&stop)),
    }
}
