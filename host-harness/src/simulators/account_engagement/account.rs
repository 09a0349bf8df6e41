//! The business unit itself: one record, read only, without an id in its path [inferred from public clients].

use super::{
    record::{Field, Kind, Object},
    users,
};
use crate::{clock::Timestamp, simulators::World};

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
        "id" => Field::Int(900_001),
        "company" => Field::text("Example Customer"),
        "level" => Field::text("Plus"),
        "website" => Field::text("https://www.example.org"),
        "adminId" | "createdById" | "updatedById" => Field::Int(users::USER_ID),
        "maximumDailyApiCalls" => Field::Int(world.options.limits.account_engagement_calls_per_day),
        "apiCallsUsed" => Field::Int(world.account_engagement.calls.used),
        "createdAt" | "updatedAt" => Field::time(Timestamp::from_seconds(1_700_000_000)),
        _ => Field::Null,
    }
}
