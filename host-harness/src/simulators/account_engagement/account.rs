//! The business unit itself: one record, read only, without an id in its path, under the ability "Admin > Account > Edit
//! Settings" [confirmed]. <https://developer.salesforce.com/docs/marketing/pardot/guide/account-v5.html>

use super::{
    record::{Field, Kind, Object},
    users,
};
use crate::{clock::Timestamp, simulators::World};
use serde::{Deserialize, Serialize};

/// What the customer has bought. External activities begin with Plus [confirmed].
/// <https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/tooling_api_objects_marketingappextactivity.htm>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edition {
    Growth,
    Plus,
    Advanced,
    Premium,
}

impl Edition {
    pub(super) fn name(self) -> &'static str {
        match self {
            Edition::Growth => "Growth",
            Edition::Plus => "Plus",
            Edition::Advanced => "Advanced",
            Edition::Premium => "Premium",
        }
    }

    pub fn has_external_activities(self) -> bool {
        self != Edition::Growth
    }

    /// Calls of a day [confirmed]. <https://developer.salesforce.com/docs/marketing/pardot/guide/overview.html>
    pub fn calls_per_day(self) -> u64 {
        match self {
            Edition::Growth => 25_000,
            Edition::Plus => 50_000,
            Edition::Advanced | Edition::Premium => 100_000,
        }
    }
}

impl World {
    /// The customer buys another edition, and with it its calls of a day.
    pub fn set_edition(&mut self, edition: Edition) {
        self.account_engagement.edition = edition;
        self.options.limits.account_engagement_calls_per_day = edition.calls_per_day();
    }
}

/// Also in the addresses of its forms.
pub(super) const ACCOUNT_ID: u64 = 900_001;

pub(super) static ACCOUNT: Object = Object {
    path: "objects/account",
    fields: &[
        "id",
        "company",
        "level",
        "website",
        "pluginCampaignId",
        "addressOne",
        "addressTwo",
        "city",
        "state",
        "zip",
        "territory",
        "country",
        "phone",
        "fax",
        "adminId",
        "maximumDailyApiCalls",
        "apiCallsUsed",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[("createdBy", Kind::User, "createdById"), ("updatedBy", Kind::User, "updatedById")],
    filters: &[],
    sorts: &[],
};

pub(super) fn field(world: &World, name: &str) -> Field {
    match name {
        "id" => Field::Int(ACCOUNT_ID),
        "company" => Field::text("Example Customer"),
        "level" => Field::text(world.account_engagement.edition.name()),
        "website" => Field::text("https://www.example.org"),
        "adminId" | "createdById" | "updatedById" => Field::Int(users::USER_ID),
        "maximumDailyApiCalls" => Field::Int(world.options.limits.account_engagement_calls_per_day),
        "apiCallsUsed" => Field::Int(world.account_engagement.calls.used),
        "createdAt" | "updatedAt" => Field::time(Timestamp::from_seconds(1_700_000_000)),
        _ => Field::Null,
    }
}
