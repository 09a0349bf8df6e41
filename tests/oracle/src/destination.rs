//! Where the customer sends people, and what Salesforce held before.

use crate::story::MappedField;
use serde::{Deserialize, Serialize};

/// What the customer has chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    #[default]
    AccountEngagement,
    /// The same, where people register by forms of Account Engagement too.
    AccountEngagementForms,
    /// New people become leads.
    SalesforceLeads,
    /// New people become contacts.
    SalesforceContacts,
}

impl Destination {
    pub fn is_salesforce(self) -> bool {
        !matches!(self, Destination::AccountEngagement | Destination::AccountEngagementForms)
    }
}

/// A Salesforce org before the story. Times are seconds before the story began: the greater, the older. Of records with one
/// time the one that stands first was made first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salesforce {
    pub leads: Vec<PriorLead>,
    pub contacts: Vec<PriorContact>,
    pub accounts: Vec<PriorAccount>,
    /// What the customer maps beyond the defaults, and to fields of which object.
    pub mapping: Vec<(Object, MappedField)>,
}

/// Objects whose fields may be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Object {
    Lead,
    Contact,
    CampaignMember,
}

impl Object {
    /// As Salesforce calls it.
    pub fn name(self) -> &'static str {
        match self {
            Object::Lead => "Lead",
            Object::Contact => "Contact",
            Object::CampaignMember => "CampaignMember",
        }
    }
}

/// Fields go by Salesforce's names, e.g. `FirstName`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorLead {
    pub email: String,
    pub fields: Vec<(String, String)>,
    pub made_before: u64,
    /// The address of the contact that it was converted to: the first with that address.
    pub converted_to: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorContact {
    pub email: String,
    pub fields: Vec<(String, String)>,
    pub made_before: u64,
    /// The name of its account: the first with that name.
    pub account: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorAccount {
    pub name: String,
    pub made_before: u64,
}
