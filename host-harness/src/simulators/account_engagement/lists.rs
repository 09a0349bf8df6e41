//! Lists. <https://developer.salesforce.com/docs/marketing/pardot/guide/list-v5.html>. Whether names are
//! unique (245), limited to 50 characters (138) or without some of them (139): [unknown; a switch each].

use super::{
    AccountEngagement, Asset,
    body::Body,
    campaigns::DEFAULT_CAMPAIGN,
    errors::Refusal,
    folders::FOLDER_ID,
    record::{Field, Filter, Kind, Object},
    users,
};
use crate::{clock::Timestamp, simulators::World};

pub(super) static LIST: Object = Object {
    path: "objects/lists",
    fields: &[
        "id",
        "name",
        "title",
        "description",
        "isPublic",
        "isDynamic",
        "isDeleted",
        "isSalesforceVisible",
        "folderId",
        "campaignId",
        "createdAt",
        "updatedAt",
        "createdById",
        "updatedById",
    ],
    relations: &[
        ("campaign", Kind::Campaign, "campaignId"),
        ("folder", Kind::Folder, "folderId"),
        ("createdBy", Kind::User, "createdById"),
        ("updatedBy", Kind::User, "updatedById"),
    ],
    filters: &[Filter::Exact("name"), Filter::Number("id"), Filter::Time("createdAt"), Filter::Time("updatedAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

const WRITABLE: [&str; 6] = ["name", "title", "description", "isPublic", "folderId", "campaignId"];
const NAME_CHARACTERS_MAX: usize = 50;

#[derive(Clone, Debug)]
pub struct List {
    pub id: u64,
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub is_public: bool,
    /// Filled by rules: nobody writes its members [confirmed].
    /// <https://developer.salesforce.com/docs/marketing/pardot/guide/list-membership-v5.html>
    pub is_dynamic: bool,
    pub(super) folder_id: u64,
    pub campaign_id: Option<u64>,
    pub is_deleted: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl List {
    pub(super) fn field(&self, name: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "name" => Field::text(&self.name),
            "title" => Field::of(self.title.clone()),
            "description" => Field::of(self.description.clone()),
            "isPublic" => Field::Bool(self.is_public),
            "isDynamic" => Field::Bool(self.is_dynamic),
            "isSalesforceVisible" => Field::Bool(false),
            "isDeleted" => Field::Bool(self.is_deleted),
            "folderId" => Field::Int(self.folder_id),
            "campaignId" => Field::of(self.campaign_id),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => Field::Null,
        }
    }
}

pub(super) fn create(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let body = checked(world, body, None)?;
    let name = body.required_text("name")?;
    let live = world.account_engagement.lists.all().filter(|list| !list.is_deleted).count();
    world.account_engagement.has_room(Asset::List, live)?;
    let folder_id = body.id("folderId", 97)?.unwrap_or(FOLDER_ID);
    world.account_engagement.folders.checked(folder_id, None)?;
    let now = world.now();
    let list = List {
        id: 0,
        name,
        title: body.text("title")?,
        description: body.text("description")?,
        is_public: body.flag("isPublic")?.unwrap_or(false),
        is_dynamic: false,
        folder_id,
        campaign_id: body.id("campaignId", 38)?,
        is_deleted: false,
        created_at: now,
        updated_at: now,
    };
    Ok(world.account_engagement.insert_list(list, now))
}

impl AccountEngagement {
    /// A list that a rule fills, from before the story. Gives its id.
    pub fn add_dynamic_list(&mut self, name: &str) -> u64 {
        let list = List {
            id: 0,
            name: name.to_owned(),
            title: None,
            description: None,
            is_public: false,
            is_dynamic: true,
            folder_id: FOLDER_ID,
            campaign_id: None,
            is_deleted: false,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        };
        self.insert_list(list, Timestamp(0))
    }

    fn insert_list(&mut self, mut list: List, at: Timestamp) -> u64 {
        list.id = 3001 + self.lists.len() as u64;
        let id = list.id;
        self.lists.insert(id, at, list);
        id
    }
}

/// To the recycle bin. One that is used elsewhere stays: code 108.
pub(super) fn delete(world: &mut World, id: u64) -> Result<(), Refusal> {
    let now = world.now();
    let unit = &mut world.account_engagement;
    unit.is_free(Asset::List, id)?;
    unit.lists.change(&id, now, |list| {
        list.is_deleted = true;
        list.updated_at = now;
    });
    Ok(())
}

pub(super) fn update(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    let body = checked(world, body, Some(id))?;
    let (name, title, description) = (body.text("name")?, body.text("title")?, body.text("description")?);
    let (is_public, campaign_id) = (body.flag("isPublic")?, body.id("campaignId", 38)?);
    let folder_id = body.id("folderId", 97)?;
    let own_folder = world.account_engagement.lists.now(&id).map(|list| list.folder_id);
    folder_id.map_or(Ok(0), |folder| world.account_engagement.folders.checked(folder, own_folder))?;
    let now = world.now();
    world.account_engagement.lists.change(&id, now, |list| {
        list.name = name.unwrap_or_else(|| list.name.clone());
        list.is_public = is_public.unwrap_or(list.is_public);
        list.folder_id = folder_id.unwrap_or(list.folder_id);
        if body.has("title") {
            list.title = title;
        }
        if body.has("description") {
            list.description = description;
        }
        if body.has("campaignId") {
            list.campaign_id = campaign_id;
        }
        list.updated_at = now;
    });
    Ok(())
}

/// Everything that may be wrong with a list, `own` being the one that is changed.
fn checked(world: &World, body: Body, own: Option<u64>) -> Result<Body, Refusal> {
    let unknowns = &world.options.unknowns.account_engagement;
    let body = body.writes(&LIST, &WRITABLE)?;
    if body.has("name") {
        let name = body.required_text("name")?;
        if unknowns.list_name_limit && name.chars().count() > NAME_CHARACTERS_MAX {
            return Err(Refusal::code(138));
        }
        let odd = |c: char| c.is_control() || "<>\"\\".contains(c);
        if unknowns.list_name_characters && name.contains(odd) {
            return Err(Refusal::code(139));
        }
        let mut others = world.account_engagement.lists.all().filter(|list| !list.is_deleted && Some(list.id) != own);
        if unknowns.list_names_unique && others.any(|list| list.name == name) {
            return Err(Refusal::code(245));
        }
    }
    if let Some(campaign) = body.id("campaignId", 38)? {
        campaign_exists(world, campaign)?;
    }
    Ok(body)
}

/// In truth, not as the read cache shows it.
pub(super) fn campaign_exists(world: &World, id: u64) -> Result<(), Refusal> {
    let found = id == DEFAULT_CAMPAIGN || world.account_engagement.campaigns.now(&id).is_some();
    if found { Ok(()) } else { Err(Refusal::code(38)) }
}
