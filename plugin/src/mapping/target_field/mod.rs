//! Which fields of an object can be written, as what, and from what where the customer has chosen nothing (RULES 15).

mod prospect;
pub mod salesforce;

use super::did_you_mean;

/// What is written to, and has a mapping of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    Prospect,
    Lead,
    Contact,
    CampaignMember,
}

impl Object {
    /// As its API calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Object::Prospect => "Prospect",
            Object::Lead => "Lead",
            Object::Contact => "Contact",
            Object::CampaignMember => "CampaignMember",
        }
    }

    /// The setting under `/mapping`.
    pub const fn setting(self) -> &'static str {
        match self {
            Object::Prospect => "prospect",
            Object::Lead => "lead",
            Object::Contact => "contact",
            Object::CampaignMember => "campaign_member",
        }
    }

    const fn article(self) -> &'static str {
        match self {
            Object::Prospect => "a prospect",
            Object::Lead => "a lead",
            Object::Contact => "a contact",
            Object::CampaignMember => "a campaign member",
        }
    }

    /// Standard fields that a mapping may write.
    pub const fn standard(self) -> &'static [Field] {
        match self {
            Object::Prospect => prospect::STANDARD,
            Object::Lead => salesforce::LEAD,
            Object::Contact => salesforce::CONTACT,
            Object::CampaignMember => salesforce::CAMPAIGN_MEMBER,
        }
    }

    /// What is written where the customer has chosen nothing.
    pub const fn defaults(self) -> &'static [Default] {
        match self {
            Object::Prospect => prospect::DEFAULTS,
            Object::Lead => salesforce::LEAD_DEFAULTS,
            Object::Contact => salesforce::CONTACT_DEFAULTS,
            Object::CampaignMember => &[],
        }
    }

    /// Fields that exist and are none of the mapping's business, with the reason.
    const fn not_mapped(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Object::Prospect => prospect::NOT_MAPPED,
            Object::Lead | Object::Contact => salesforce::NOT_MAPPED,
            Object::CampaignMember => salesforce::MEMBER_NOT_MAPPED,
        }
    }

    const fn read_only(self) -> &'static [&'static str] {
        match self {
            Object::Prospect => prospect::READ_ONLY,
            Object::Lead | Object::Contact | Object::CampaignMember => salesforce::READ_ONLY,
        }
    }
}

/// As what the API takes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Boolean,
}

pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

const fn text(name: &'static str) -> Field {
    Field { name, kind: Kind::Text }
}

const fn flag(name: &'static str) -> Field {
    Field { name, kind: Kind::Boolean }
}

pub fn standard(object: Object, name: &str) -> Option<&'static Field> {
    object.standard().iter().find(|field| field.name == name)
}

/// Custom fields carry `__c`, in Account Engagement since v5 (the field's id in the user interface does not).
pub fn is_custom(name: &str) -> bool {
    name.strip_suffix("__c").is_some_and(|id| {
        id.starts_with(|first: char| first.is_ascii_alphabetic())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// What is wrong with a target that somebody wrote, and what to do.
pub fn problem(object: Object, name: &str) -> Option<(String, String)> {
    if standard(object, name).is_some() || is_custom(name) {
        return None;
    }
    if let Some((_, why)) = object.not_mapped().iter().find(|(other, _)| *other == name) {
        return Some((format!("{name} cannot be mapped: {why}"), "Choose another field.".into()));
    }
    if object.read_only().contains(&name) {
        return Some((format!("{name} cannot be written through the API."), "Choose another field.".into()));
    }
    let remedy = did_you_mean(name, object.standard().iter().map(|field| field.name))
        .unwrap_or_else(|| format!("A custom field is written with its ending: {}__c.", name.trim_end_matches("__c")));
    Some((format!("{} has no field \"{name}\".", object.article()), remedy))
}

/// One field of the destination and the sources it is filled from, the first that is there.
pub struct Default {
    pub target: &'static str,
    pub sources: &'static [&'static str],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_writable_or_told_why_not() {
        let rows = [
            (Object::Lead, "Company", None),
            (Object::Lead, "company", Some("Did you mean \"Company\"?")),
            (Object::Lead, "Email", Some("another field")),
            (Object::Lead, "ConvertedContactId", Some("another field")),
            (Object::Contact, "MailingCity", None),
            (Object::Contact, "Website", Some("ending")),
            (Object::CampaignMember, "Status", Some("another field")),
            (Object::CampaignMember, "Minutes__c", None),
            (Object::Prospect, "company", None),
            (Object::Prospect, "Livestorm_Minutes__c", None),
            (Object::Prospect, "compny", Some("Did you mean \"company\"?")),
            (Object::Prospect, "Livestorm_Minutes", Some("Livestorm_Minutes__c")),
            (Object::Prospect, "email", Some("another field")),
            (Object::Prospect, "optedOut", Some("another field")),
            (Object::Prospect, "grade", Some("another field")),
            (Object::Prospect, "1st__c", Some("ending")),
            (Object::Prospect, "__c", Some("ending")),
        ];
        for (object, name, said) in rows {
            let problem = problem(object, name).map(|(_, remedy)| remedy);
            match said {
                None => assert_eq!(problem, None, "{name}"),
                Some(said) => {
                    assert!(problem.as_ref().is_some_and(|remedy| remedy.contains(said)), "{name}: {problem:?}")
                }
            }
        }
    }

    #[test]
    fn every_default_writes_a_standard_field() {
        for object in [Object::Prospect, Object::Lead, Object::Contact, Object::CampaignMember] {
            assert!(object.defaults().iter().all(|default| standard(object, default.target).is_some()), "{object:?}");
        }
    }
}
