//! How connections, records and what became of them are called.

use crate::effect::{Action, Change, Subject};

/// What became of a record, as somebody in marketing would say it. What was left out or failed is said by the connector's lines.
pub fn sentence(change: &Change) -> Option<String> {
    let whom = about(&change.subject).unwrap_or_default();
    let detail = change.detail.as_deref().unwrap_or_default();
    Some(match (change.object.as_str(), change.action) {
        (_, Action::Unchanged | Action::LeftOut | Action::Failed) => return None,
        ("Campaign", Action::Created) => format!("campaign \"{detail}\" is made"),
        ("Campaign", _) => format!("campaign \"{detail}\" has arrived"),
        ("List", _) => format!("list \"{detail}\" is made"),
        ("Prospect", Action::Created) => format!("{whom} is a new prospect"),
        ("Prospect", _) => format!("prospect {whom} is updated: {detail}"),
        ("Registrant", _) => format!("{whom} is registered by {detail}"),
        ("ListMembership", _) => format!("{whom} joins the list \"{detail}\""),
        ("ExternalActivity", _) => format!("{whom} has the activity {detail}"),
        ("CampaignMemberStatus", _) => format!("campaign \"{detail}\" has its statuses of members"),
        ("Lead" | "Contact", Action::Created) => format!("{whom} is a new {}", change.object.to_lowercase()),
        ("Lead" | "Contact", _) => format!("{} {whom} is updated: {detail}", change.object.to_lowercase()),
        ("Account", Action::Created) => format!("account \"{detail}\" is made"),
        ("Account", _) => format!("{whom} belongs to the account \"{detail}\""),
        ("CampaignMember", Action::Created) => format!("{whom} is a member of the campaign \"{detail}\""),
        ("CampaignMember", _) => format!("member {whom} of {detail}"),
        ("Webhook", Action::Created) => format!("the webhook {detail} is made"),
        ("Webhook", _) => format!("a webhook is {detail}"),
        (object, action) => format!("{object} {whom} {action:?} {detail}"),
    })
}

pub fn about(subject: &Option<Subject>) -> Option<&str> {
    subject.as_ref().filter(|s| s.is_person()).map(|s| s.id.as_str())
}

/// A connection, as people call it.
pub fn title(connection: &str) -> &str {
    match connection {
        "livestorm" => "Livestorm",
        "salesforce" => "Salesforce",
        "account-engagement" => "Account Engagement",
        other => other,
    }
}

/// What waits, and for what: a title that ends in ", held" and a reason that begins with "Held: " say the same, and the reason says
/// more.
pub fn waiting(what: &str, why: Option<&str>) -> String {
    let Some(why) = why else { return what.into() };
    let begin = why.split_once(": ").map(|(begin, _)| begin.to_lowercase());
    match what.rsplit_once(", ") {
        Some((_, last)) if begin.as_deref() == Some(last) => why.into(),
        _ => format!("{what}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_says_once_that_it_is_held() {
        let rows = [
            (
                "ana registered for session S1, held",
                Some("Held: ana, registered for S1"),
                "Held: ana, registered for S1",
            ),
            (
                "ana registered for session S1",
                Some("the provider said wait"),
                "ana registered for session S1: the provider said wait",
            ),
            ("ana registered for session S1, held", Some("later"), "ana registered for session S1, held: later"),
            ("ana registered for session S1, held", None, "ana registered for session S1, held"),
        ];
        for (what, why, expected) in rows {
            assert_eq!(waiting(what, why), expected);
        }
    }
}
