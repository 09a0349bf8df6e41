//! Forms that Account Engagement hosts. <https://developer.salesforce.com/docs/marketing/pardot/guide/form-v5.html>:
//! made, read, queried, deleted and undeleted, never changed; what a create must say, and the abilities, are
//! [confirmed]; that `undelete` takes `{"id": …}` is [inferred]. Fields and filters [confirmed, second-hand]; none by
//! campaign [confirmed by absence].
//!
//! Not here: `copyToCms`, `reorderFormFields`, layout templates (there is the one that every form names) and
//! tracker domains. A form's fields: `form_fields`. What a submission does: `submissions`.

use super::{
    AccountEngagement,
    account::ACCOUNT_ID,
    body::Body,
    campaigns::{DEFAULT_CAMPAIGN, mirror},
    errors::Refusal,
    folders::FORMS_FOLDER,
    form_fields::NewField,
    lists::campaign_exists,
    record::{Field, Filter, Kind, Object},
    users,
};
use crate::{clock::Timestamp, simulators::World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) static FORM: Object = Object {
    path: "objects/forms",
    fields: &[
        "id",
        "name",
        "campaignId",
        "salesforceId",
        "layoutTemplateId",
        "folderId",
        "trackerDomainId",
        "embedCode",
        "url",
        "isUseRedirectLocation",
        "redirectLocation",
        "isAlwaysDisplay",
        "beforeFormContent",
        "afterFormContent",
        "submitButtonText",
        "thankYouContent",
        "thankYouCode",
        "fontSize",
        "fontFamily",
        "fontColor",
        "checkboxAlignment",
        "radioAlignment",
        "labelAlignment",
        "requiredCharacter",
        "isDeleted",
        "salesforceCmsId",
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
    filters: &[Filter::Exact("name"), Filter::Number("id")],
    sorts: &["id", "createdAt", "updatedAt"],
};

const TEXTS: [&str; 13] = [
    "redirectLocation",
    "beforeFormContent",
    "afterFormContent",
    "submitButtonText",
    "thankYouContent",
    "thankYouCode",
    "fontSize",
    "fontFamily",
    "fontColor",
    "checkboxAlignment",
    "radioAlignment",
    "labelAlignment",
    "requiredCharacter",
];
const FLAGS: [&str; 2] = ["isUseRedirectLocation", "isAlwaysDisplay"];
const WRITABLE: [&str; 20] = [
    "name",
    "campaignId",
    "layoutTemplateId",
    "folderId",
    "trackerDomainId",
    "requiredCharacter",
    "redirectLocation",
    "beforeFormContent",
    "afterFormContent",
    "submitButtonText",
    "thankYouContent",
    "thankYouCode",
    "fontSize",
    "fontFamily",
    "fontColor",
    "checkboxAlignment",
    "radioAlignment",
    "labelAlignment",
    "isUseRedirectLocation",
    "isAlwaysDisplay",
];
/// The one that is there.
pub const LAYOUT_TEMPLATE: u64 = 9001;

#[derive(Clone, Debug)]
pub struct Form {
    pub id: u64,
    pub name: String,
    pub campaign_id: u64,
    pub(super) folder_id: u64,
    /// Texts and flags of how it looks and what it says, by API names.
    pub settings: BTreeMap<String, Value>,
    pub is_deleted: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Form {
    pub(super) fn field(&self, name: &str, base_url: &str) -> Field {
        match name {
            "id" => Field::Int(self.id),
            "name" => Field::text(&self.name),
            "campaignId" => Field::Int(self.campaign_id),
            "layoutTemplateId" => Field::Int(LAYOUT_TEMPLATE),
            "folderId" => Field::Int(self.folder_id),
            "url" => Field::text(self.url(base_url)),
            "embedCode" => {
                let url = self.url(base_url);
                Field::text(format!(
                    "<iframe src=\"{url}\" width=\"100%\" height=\"500\" type=\"text/html\" frameborder=\"0\" \
                     allowTransparency=\"true\" style=\"border: 0\"></iframe>"
                ))
            }
            "isDeleted" => Field::Bool(self.is_deleted),
            "createdAt" => Field::time(self.created_at),
            "updatedAt" => Field::time(self.updated_at),
            "createdById" | "updatedById" => Field::Int(users::USER_ID),
            _ => match self.settings.get(name) {
                Some(value) => Field::from(value),
                None if FLAGS.contains(&name) => Field::Bool(false),
                None => Field::Null,
            },
        }
    }

    /// Where people find it: an address like those of `go.pardot.com` [inferred from public sites].
    pub fn path(&self) -> String {
        public_path(self.created_at, &format!("{:x}f", self.id))
    }

    pub fn url(&self, base_url: &str) -> String {
        format!("{base_url}{}", self.path())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).and_then(Value::as_str)
    }

    /// Where who submits it is sent on to, if anywhere.
    pub(super) fn redirect(&self) -> Option<&str> {
        let on = self.settings.get("isUseRedirectLocation") == Some(&json!(true));
        self.text("redirectLocation").filter(|_| on)
    }
}

/// `/l/<account>/<day of creation>/<hash>`.
pub(super) fn public_path(created_at: Timestamp, hash: &str) -> String {
    format!("/l/{ACCOUNT_ID}/{}/{hash}", created_at.utc().date_naive())
}

/// What somebody sets up in Account Engagement, or has set up before the story.
#[derive(Clone, Debug)]
pub struct NewForm {
    pub name: String,
    /// Nothing: the default campaign.
    pub campaign_id: Option<u64>,
    pub fields: Vec<NewField>,
    pub settings: BTreeMap<String, Value>,
}

impl NewForm {
    /// Asks for an address, which it needs, and for a name.
    pub fn new(name: &str) -> NewForm {
        NewForm { name: name.to_owned(), campaign_id: None, fields: NewField::usual(), settings: BTreeMap::new() }
    }
}

impl World {
    /// Somebody makes a form in Account Engagement's pages. Gives its id.
    pub fn add_form(&mut self, new: NewForm) -> u64 {
        mirror(self);
        let now = self.now();
        let unit = &mut self.account_engagement;
        let form = Form {
            id: 0,
            name: new.name,
            campaign_id: new.campaign_id.unwrap_or(DEFAULT_CAMPAIGN),
            folder_id: FORMS_FOLDER,
            settings: new.settings,
            is_deleted: false,
            created_at: now,
            updated_at: now,
        };
        let id = unit.insert_form(form, now);
        for field in new.fields {
            unit.insert_form_field(field.of(id, now), now);
        }
        id
    }
}

impl AccountEngagement {
    fn insert_form(&mut self, mut form: Form, at: Timestamp) -> u64 {
        let id = 7001 + self.forms.len() as u64;
        form.id = id;
        self.forms.insert(id, at, form);
        id
    }
}

pub(super) fn create(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let body = body.writes(&FORM, &WRITABLE)?;
    let name = body.required_text("name")?;
    body.required("campaignId")?;
    body.required("layoutTemplateId")?;
    let campaign_id = body.id("campaignId", 38)?.ok_or(Refusal::code(38))?;
    campaign_exists(world, campaign_id)?;
    if body.id("layoutTemplateId", 154)? != Some(LAYOUT_TEMPLATE) {
        return Err(Refusal::about(154, "layoutTemplateId"));
    }
    if body.id("trackerDomainId", 154)?.is_some() {
        return Err(Refusal::about(154, "trackerDomainId"));
    }
    let folder_id = body.id("folderId", 97)?.unwrap_or(FORMS_FOLDER);
    world.account_engagement.folders.checked(folder_id, None)?;
    let mut settings = BTreeMap::new();
    for name in TEXTS {
        settings.extend(body.text(name)?.map(|text| (name.to_owned(), json!(text))));
    }
    for name in FLAGS {
        settings.extend(body.flag(name)?.map(|flag| (name.to_owned(), json!(flag))));
    }
    let now = world.now();
    let form =
        Form { id: 0, name, campaign_id, folder_id, settings, is_deleted: false, created_at: now, updated_at: now };
    Ok(world.account_engagement.insert_form(form, now))
}

/// To the recycle bin.
pub(super) fn delete(world: &mut World, id: u64) {
    let now = world.now();
    world.account_engagement.forms.change(&id, now, |form| {
        form.is_deleted = true;
        form.updated_at = now;
    });
}

/// `POST /objects/forms/do/undelete`.
pub(super) fn undelete(world: &mut World, body: Body) -> Result<u64, Refusal> {
    let body = body.only(&["id", "fields"])?;
    body.required("id")?;
    let id = body.id("id", 16)?.ok_or(Refusal::code(16))?;
    let now = world.now();
    let forms = &mut world.account_engagement.forms;
    if !forms.now(&id).is_some_and(|form| form.is_deleted) {
        return Err(Refusal::code(109));
    }
    forms.change(&id, now, |form| {
        form.is_deleted = false;
        form.updated_at = now;
    });
    Ok(id)
}
