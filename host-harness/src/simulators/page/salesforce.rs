//! Campaigns with their members and statuses, leads, contacts and accounts.

use super::markup::{
    Cell, Tone, above, badge, badges, bare_table, card, counted, empty_card, fields, folded, grouped, maybe, nothing,
    shown, strong, table, text,
};
use crate::simulators::snapshot::{RecordSeen, Snapshot};
use serde_json::Value;
use std::collections::HashMap;

/// Campaigns whose members are listed.
const CAMPAIGNS_MAX: usize = 20;

/// What every record has, and what has a column of its own.
const USUAL: [&str; 27] = [
    "Id",
    "Name",
    "FirstName",
    "LastName",
    "Email",
    "Company",
    "Status",
    "AccountId",
    "Title",
    "Website",
    "Industry",
    "OwnerId",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
    "IsDeleted",
    "IsConverted",
    "ConvertedDate",
    "ConvertedAccountId",
    "ConvertedContactId",
    "ConvertedOpportunityId",
    "MasterRecordId",
    "LastActivityDate",
    "LastViewedDate",
    "LastReferencedDate",
];

pub fn cards(snapshot: &Snapshot) -> Vec<String> {
    vec![campaigns(snapshot), members(snapshot), leads(snapshot), contacts(snapshot), accounts(snapshot)]
}

fn said<'a>(record: &'a RecordSeen, name: &str) -> &'a str {
    record.fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is(record: &RecordSeen, name: &str) -> bool {
    record.fields.get(name) == Some(&Value::Bool(true))
}

fn more(record: &RecordSeen) -> Cell {
    let not_told = |value: &Value| matches!(value, Value::Bool(false)) || value.is_object();
    fields(record.fields.iter().filter(|(name, value)| !USUAL.contains(&name.as_str()) && !not_told(value)))
}

/// Looked at once, however many campaigns there are.
struct ByCampaign<'a>(HashMap<&'a str, Vec<&'a RecordSeen>>);

impl<'a> ByCampaign<'a> {
    fn of(records: &'a [RecordSeen]) -> ByCampaign<'a> {
        let mut sorted = HashMap::<_, Vec<_>>::new();
        for record in records {
            sorted.entry(said(record, "CampaignId")).or_default().push(record);
        }
        ByCampaign(sorted)
    }

    /// In the order in which they were made.
    fn get(&self, campaign: &str) -> &[&'a RecordSeen] {
        self.0.get(campaign).map_or(&[], Vec::as_slice)
    }
}

fn named(record: &RecordSeen) -> String {
    let name = match said(record, "Name") {
        "" => format!("{} {}", said(record, "FirstName"), said(record, "LastName")),
        name => name.to_owned(),
    };
    name.trim().to_owned()
}

fn campaigns(snapshot: &Snapshot) -> String {
    let (statuses_of, members_of) =
        (ByCampaign::of(&snapshot.member_statuses), ByCampaign::of(&snapshot.campaign_members));
    let all: Vec<_> = snapshot.campaigns.iter().rev().collect();
    let columns = ["Campaign", "Begins", "Ends", "In Account Engagement", "Member statuses", "Members"];
    let empty = "None. <code>POST /services/data/v62.0/sobjects/Campaign</code> makes one.";
    table("Campaigns", "", empty, &columns, &all, |campaign| {
        let id = &campaign.salesforce_id;
        let statuses = statuses_of.get(id).iter().map(|status| {
            let tone = if is(status, "HasResponded") { Tone::Good } else { Tone::Quiet };
            let default = if is(status, "IsDefault") { " (default)" } else { "" };
            badge(tone, format!("{}{default}", said(status, "Label")))
        });
        let handed_over = match campaign.account_engagement_id {
            Some(id) => text(id),
            None => badge(Tone::Warn, "not yet"),
        };
        let name = above(strong(&campaign.name), id);
        let name = match &campaign.description {
            Some(description) if !description.is_empty() => above(name, description),
            _ => name,
        };
        vec![
            name,
            maybe(campaign.start_date.as_ref()),
            maybe(campaign.end_date.as_ref()),
            handed_over,
            badges(statuses),
            text(grouped(members_of.get(id).len())),
        ]
    })
}

fn members(snapshot: &Snapshot) -> String {
    let members_of = ByCampaign::of(&snapshot.campaign_members);
    let with: Vec<_> = snapshot
        .campaigns
        .iter()
        .rev()
        .filter(|campaign| !members_of.get(&campaign.salesforce_id).is_empty())
        .collect();
    let count = snapshot.campaign_members.len();
    if with.is_empty() {
        return empty_card("Campaign members", "None. A CampaignMember of a lead or a contact fills this.");
    }
    let lists = with.iter().take(CAMPAIGNS_MAX).enumerate().map(|(index, campaign)| {
        let all: Vec<_> = members_of.get(&campaign.salesforce_id).iter().rev().copied().collect();
        let responded = all.iter().filter(|member| is(member, "HasResponded")).count();
        let summary = format!(
            "<strong>{}</strong> <span class=\"soft\">{}, {} responded</span>",
            shown(&campaign.name),
            counted(all.len(), "member", "members"),
            grouped(responded)
        );
        let caption = format!("Members of {}, newest first", campaign.name);
        let columns = ["Member", "Is a", "Status", "Responded"];
        let body = bare_table(&caption, &columns, &all, |member| {
            let kind = if said(member, "ContactId").is_empty() { "Lead" } else { "Contact" };
            let name = match named(member) {
                empty if empty.is_empty() => text(said(member, "Email")),
                name => above(strong(name), said(member, "Email")),
            };
            let responded = is(member, "HasResponded");
            let tone = if responded { Tone::Good } else { Tone::Quiet };
            let since = match said(member, "FirstRespondedDate") {
                "" if responded => "yes",
                since => since,
            };
            vec![name, text(kind), badge(tone, said(member, "Status")), text(since)]
        });
        folded(&format!("members-{}", campaign.salesforce_id), index == 0, &summary, &body)
    });
    let lists: String = lists.collect();
    let left_out = match with.len().saturating_sub(CAMPAIGNS_MAX) {
        0 => String::new(),
        more => format!(
            "<p class=\"more\">And those of {}, which are not shown.</p>",
            counted(more, "earlier campaign", "earlier campaigns")
        ),
    };
    card("Campaign members", "", Some(count), &format!("{lists}{left_out}"))
}

fn leads(snapshot: &Snapshot) -> String {
    let all: Vec<_> = snapshot.leads.iter().rev().collect();
    let empty = "None. <code>POST /services/data/v62.0/sobjects/Lead</code> makes one.";
    table("Leads", "", empty, &["Lead", "Email", "Company", "Status", "More"], &all, |lead| {
        let status = match is(lead, "IsConverted") {
            true => badge(Tone::Good, "converted"),
            false => badge(Tone::Quiet, said(lead, "Status")),
        };
        vec![
            above(strong(named(lead)), &lead.salesforce_id),
            text(said(lead, "Email")),
            text(said(lead, "Company")),
            status,
            more(lead),
        ]
    })
}

fn contacts(snapshot: &Snapshot) -> String {
    let all: Vec<_> = snapshot.contacts.iter().rev().collect();
    let empty = "None. A Contact, or a lead that is converted, fills this.";
    table("Contacts", "", empty, &["Contact", "Email", "Account", "Title", "More"], &all, |contact| {
        let account = said(contact, "AccountId");
        let account = snapshot.accounts.iter().find(|known| known.salesforce_id == account);
        vec![
            above(strong(named(contact)), &contact.salesforce_id),
            text(said(contact, "Email")),
            account.map_or_else(nothing, |account| text(named(account))),
            text(said(contact, "Title")),
            more(contact),
        ]
    })
}

fn accounts(snapshot: &Snapshot) -> String {
    let all: Vec<_> = snapshot.accounts.iter().rev().collect();
    let empty = "None. An Account, or a lead that is converted, fills this.";
    table("Accounts", "", empty, &["Account", "Website", "Industry", "Contacts", "More"], &all, |account| {
        let id = &account.salesforce_id;
        let contacts = snapshot.contacts.iter().filter(|contact| said(contact, "AccountId") == id).count();
        vec![
            above(strong(named(account)), id),
            text(said(account, "Website")),
            text(said(account, "Industry")),
            text(contacts),
            more(account),
        ]
    })
}
