//! Folders. <https://developer.salesforce.com/docs/marketing/pardot/guide/folder-v5.html>: read and query only, its
//! fields and the ability "Admin > Folders > View" are [confirmed]; its filters are those of the other objects
//! [inferred]. There is one for each kind of asset, and none below another. Codes 96, 97 and 216 are [confirmed]
//! (<https://developer.salesforce.com/docs/marketing/pardot/guide/error-codes.html>); that any asset may go into any folder
//! is [inferred]. Not here: their contents.

use super::{
    errors::Refusal,
    record::{Field, Filter, Kind, Object},
    users::USER_ID,
};
use crate::clock::Timestamp;
use std::collections::BTreeSet;

pub(super) static FOLDER: Object = Object {
    path: "objects/folders",
    fields: &[
        "id",
        "name",
        "parentFolderId",
        "path",
        "usePermissions",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[
        ("parentFolder", Kind::Folder, "parentFolderId"),
        ("createdBy", Kind::User, "createdById"),
        ("updatedBy", Kind::User, "updatedById"),
    ],
    filters: &[Filter::Exact("name"), Filter::Number("id"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

/// Where lists and campaigns are.
pub(super) const FOLDER_ID: u64 = 2001;
pub(super) const FORMS_FOLDER: u64 = 2002;
pub(super) const FORM_HANDLERS_FOLDER: u64 = 2003;

const FOLDERS: [(u64, &str); 3] = [
    (FOLDER_ID, "Uncategorized Lists"),
    (FORMS_FOLDER, "Uncategorized Forms"),
    (FORM_HANDLERS_FOLDER, "Uncategorized Form Handlers"),
];

pub(super) fn ids() -> Vec<u64> {
    FOLDERS.map(|(id, _)| id).to_vec()
}

/// Nothing where there is no such folder.
pub(super) fn field(id: u64, name: &str) -> Option<Field> {
    let (_, title) = FOLDERS.iter().find(|(known, _)| *known == id)?;
    Some(match name {
        "id" => Field::Int(id),
        // At the root, the path is the name alone.
        "name" | "path" => Field::text(*title),
        "usePermissions" => Field::Bool(false),
        "createdById" | "updatedById" => Field::Int(USER_ID),
        "createdAt" | "updatedAt" => Field::time(Timestamp::from_seconds(1_700_000_000)),
        _ => Field::Null,
    })
}

/// What may not go into which.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// Folders that are there and that the API's user may not enter: code 96.
    pub closed: BTreeSet<u64>,
    /// Folders that take nothing more: code 216.
    pub full: BTreeSet<u64>,
}

impl Folders {
    /// Whether an asset may be in it. One that is in it already, `own`, needs no more room.
    pub(super) fn checked(&self, folder: u64, own: Option<u64>) -> Result<u64, Refusal> {
        if self.closed.contains(&folder) {
            return Err(Refusal::code(96));
        }
        if FOLDERS.iter().all(|(id, _)| *id != folder) {
            return Err(Refusal::code(97));
        }
        let full = self.full.contains(&folder) && own != Some(folder);
        if full { Err(Refusal::code(216)) } else { Ok(folder) }
    }
}
