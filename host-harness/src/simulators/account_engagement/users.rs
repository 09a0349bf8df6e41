//! What is only reached through a relation: the API's user, and the folder that holds what has no other.

use super::record::{Field, Object};

/// The API's user.
pub const USER_ID: u64 = 1001;
pub(super) const FOLDER_ID: u64 = 2001;

pub(super) static USER: Object = Object {
    path: "",
    fields: &["id", "username", "email", "firstName", "lastName"],
    relations: &[],
    filters: &[],
    sorts: &[],
};

pub(super) static FOLDER: Object =
    Object { path: "", fields: &["id", "name"], relations: &[], filters: &[], sorts: &[] };

pub(super) fn user_field(name: &str) -> Field {
    match name {
        "id" => Field::Int(USER_ID),
        "username" | "email" => Field::text("integration@salesforce-customer.example"),
        "firstName" => Field::text("Ida"),
        "lastName" => Field::text("Integration"),
        _ => Field::Null,
    }
}

pub(super) fn folder_field(name: &str) -> Field {
    match name {
        "id" => Field::Int(FOLDER_ID),
        "name" => Field::text("Uncategorized Lists"),
        _ => Field::Null,
    }
}
