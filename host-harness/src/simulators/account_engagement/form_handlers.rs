//! Form handlers: addresses that somebody else's form is posted to.
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/form-handler-v5.html>: verbs, fields, what a create
//! must say, and the abilities are [confirmed]; filters [confirmed, second-hand]. `url` is [inferred from public
//! clients].
//!
//! Not here: tracker domains, autoresponders and the throttling that `isAlwaysEmail` turns off. A handler's
//! fields: `form_fields`. What a submission does: `submissions`; what it is answered: `form_pages`.

use super::{
    AccountEngagement,
    body::Body,
    campaigns::{DEFAULT_CAMPAIGN, mirror},
    errors::Refusal,
    folders::FORM_HANDLERS_FOLDER,
    form_fields::NewField,
    forms::public_path,
    lists::campaign_exists,
    record::{Field, Filter, Kind, Object},
    users,
};
use crate::{clock::Timestamp, simulators::World};

pub(super) static FORM_HANDLER: Object = Object {
    path: "objects/form-handlers",
    fields: &[
        "id",
        "name",
        "folderId",
        "campaignId",
        "trackerDomainId",
        "isDataForwarded",
        "successLocation",
        "errorLocation",
        "isAlwaysEmail",
        "isCookieless",
        "salesforceId",
        "embedCode",
        "url",
        "isDeleted",
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
    filters: &[Filter::Exact("name"), Filter::Number("id"), Filter::Time("createdAt")],
    sorts: &["id", "createdAt", "updatedAt"],
};

const WRITABLE: [&str; 9] = [
    "name",
    "folderId",
    "campaignId",
    "trackerDomainId",
    "isDataForwarded",
    "successLocation",
    "errorLocation",
    "isAlwaysEmail",
    "isCookieless",
];

#[derive(Clone, Debug)]
pub struct FormHandler {
    pub id: u64,
    pub name: String,
    pub campaign_id: u64,
    pub(super) folder_id: u64,
    pub success_location: Option<String>,
    pub error_location: Option<String>,
    pub is_data_forwarded: bool,
    pub is_always_email: bool,
    /// Kiosk/Data Entry Mode: no browser is tied to whoever submits.
    pub is_cookieless: bool,
    pub is_deleted: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl FormHandler {
    pub(super) fn field(&self, name: &str, base_url: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "name" => Field::text(&self.name),
            "folderId" => Field::Int(self.folder_id),
            "campaignId" => Field::Int(self.campaign_id),
            "isDataForwarded" => Field::Bool(self.is_data_forwarded),
            "successLocation" => Field::of(self.success_location.clone()),
            "errorLocation" => Field::of(self.error_location.clone()),
            "isAlwaysEmail" => Field::Bool(self.is_always_email),
            "isCookieless" => Field::Bool(self.is_cookieless),
            "url" => Field::text(self.url(base_url)),
            "embedCode" => Field::text(format!("<form action=\"{}\" method=\"post\"></form>", self.url(base_url))),
            "isDeleted" => Field::Bool(self.is_deleted),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => Field::Null,
        }
    }

    pub fn path(&self) -> String {
        public_path(self.created_at, &format!("{:x}h", self.id))
    }

    pub fn url(&self, base_url: &str) -> String {
        format!("{base_url}{}", self.path())
    }
}

/// What somebody sets up in Account Engagement, or has set up before the story.
#[derive(Clone, Debug)]
pub struct NewFormHandler {
    pub name: String,
    /// Nothing: the default campaign.
    pub campaign_id: Option<u64>,
    pub fields: Vec<NewField>,
    pub success_location: Option<String>,
    pub error_location: Option<String>,
    pub is_cookieless: bool,
}

impl NewFormHandler {
    /// Takes an address, which it needs, and a name.
    pub fn new(name: &str) -> NewFormHandler {
        NewFormHandler {
            name: name.to_owned(),
            campaign_id: None,
            fields: NewField::usual(),
            success_location: None,
            error_location: None,
            is_cookieless: false,
        }
    }
}

impl World {
    /// Somebody makes a form handler in Account Engagement's pages. Gives its id.
    pub fn add_form_handler(&mut self, new: NewFormHandler) -> u64 {
        mirror(self);
        let now = self.now();
        let unit = &mut self.account_engagement;
        let handler = FormHandler {
            name: new.name,
            campaign_id: new.campaign_id.unwrap_or(DEFAULT_CAMPAIGN),
            success_location: new.success_location,
            error_location: new.error_location,
            is_cookieless: new.is_cookieless,
            ..blank(now)
        };
        let id = unit.insert_form_handler(handler, now);
        for field in new.fields {
            unit.insert_form_handler_field(field.of(id, now), now);
        }
        id
    }
}

impl AccountEngagement {
    fn insert_form_handler(&mut self, mut handler: FormHandler, at: Timestamp) -> u64 {
        let id = 8001 + self.form_handlers.len() as u64;
        handler.id = id;
        self.form_handlers.insert(id, at, handler);
        id
    }
}

fn blank(now: Timestamp) -> FormHandler {
    FormHandler {
        id: 0,
        name: String::new(),
        campaign_id: DEFAULT_CAMPAIGN,
        folder_id: FORM_HANDLERS_FOLDER,
        success_location: None,
        error_location: None,
        is_data_forwarded: false,
        is_always_email: false,
        is_cookieless: false,
        is_deleted: false,
        created_at: now,
        updated_at: now,
    }
}

pub(super) fn create(world: &mut World, body: Body) -> Result<u64, Refusal> {
    for name in ["name", "folderId", "campaignId"] {
        body.required(name)?;
    }
    let now = world.now();
    let mut handler = blank(now);
    written(world, &mut handler, body)?;
    Ok(world.account_engagement.insert_form_handler(handler, now))
}

pub(super) fn update(world: &mut World, id: u64, body: Body) -> Result<(), Refusal> {
    let mut handler = world.account_engagement.form_handlers.now(&id).cloned().ok_or(Refusal::code(109))?;
    written(world, &mut handler, body)?;
    let now = world.now();
    handler.updated_at = now;
    world.account_engagement.form_handlers.change(&id, now, |old| *old = handler);
    Ok(())
}

/// To the recycle bin.
pub(super) fn delete(world: &mut World, id: u64) {
    let now = world.now();
    world.account_engagement.form_handlers.change(&id, now, |handler| {
        handler.is_deleted = true;
        handler.updated_at = now;
    });
}

/// What a body says, checked. What it leaves out stays as it is.
fn written(world: &World, handler: &mut FormHandler, body: Body) -> Result<(), Refusal> {
    let body = body.writes(&FORM_HANDLER, &WRITABLE)?;
    if body.has("name") {
        handler.name = body.required_text("name")?;
    }
    if body.has("campaignId") {
        handler.campaign_id = body.id("campaignId", 38)?.ok_or(Refusal::code(38))?;
        campaign_exists(world, handler.campaign_id)?;
    }
    if body.has("folderId") {
        let (wanted, own) = (body.id("folderId", 97)?.ok_or(Refusal::code(97))?, handler.folder_id);
        handler.folder_id = world.account_engagement.folders.checked(wanted, (handler.id > 0).then_some(own))?;
    }
    if body.id("trackerDomainId", 154)?.is_some() {
        return Err(Refusal::about(154, "trackerDomainId"));
    }
    if body.has("successLocation") {
        handler.success_location = body.text("successLocation")?;
    }
    if body.has("errorLocation") {
        handler.error_location = body.text("errorLocation")?;
    }
    handler.is_data_forwarded = body.flag("isDataForwarded")?.unwrap_or(handler.is_data_forwarded);
    handler.is_always_email = body.flag("isAlwaysEmail")?.unwrap_or(handler.is_always_email);
    handler.is_cookieless = body.flag("isCookieless")?.unwrap_or(handler.is_cookieless);
    Ok(())
}
