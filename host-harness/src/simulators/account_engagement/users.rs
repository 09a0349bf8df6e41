//! The API's user. <https://developer.salesforce.com/docs/marketing/pardot/guide/user-v5.html>: read and query only,
//! its fields and the ability "Admin > User > View" are [confirmed]; its filters are those of the other objects
//! [inferred]. There is one user here, whom every record names as its maker.

use super::record::{Field, Filter, Kind, Object};
use crate::{clock::Timestamp, simulators::ids::salesforce_id};

/// The API's user.
pub const USER_ID: u64 = 1001;

pub(super) static USER: Object = Object {
    path: "objects/users",
    fields: &[
        "id",
        "username",
        "email",
        "firstName",
        "lastName",
        "jobTitle",
        "role",
        "roleName",
        "salesforceId",
        "isDeleted",
        "tagReplacementLanguage",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[("createdBy", Kind::User, "createdById"), ("updatedBy", Kind::User, "updatedById")],
    filters: &[Filter::Number("id"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

pub(super) fn user_field(name: &str) -> Field {
    match name {
        "id" | "createdById" | "updatedById" => Field::Int(USER_ID),
        "username" | "email" => Field::text("integration@salesforce-customer.example"),
        "firstName" => Field::text("Ida"),
        "lastName" => Field::text("Integration"),
        "jobTitle" => Field::text("API user"),
        // "Role ID of the user", and yet text.
        "role" => Field::text("1"),
        "roleName" => Field::text("Administrator"),
        "salesforceId" => Field::text(salesforce_id("005", 1)),
        "isDeleted" => Field::Bool(false),
        "tagReplacementLanguage" => Field::text("HML"),
        "createdAt" | "updatedAt" => Field::time(Timestamp::from_seconds(1_700_000_000)),
        _ => Field::Null,
    }
}
