//! What all objects share: which fields, relations, filters and sortings one has, and how a record is shown by the
//! `fields` that were asked for (<https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>).
//! Each object says it of itself, in its own file.

use super::{
    account, campaigns, custom_fields, errors::Refusal, external_activities, folders, form_fields, form_handlers,
    forms, imports, list_memberships, lists, prospects, tags, users, visitor_activities, visitors, zone::shown,
};
use crate::{clock::Timestamp, simulators::World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Form,
    FormField,
    FormHandler,
    FormHandlerField,
    Account,
    Campaign,
    CustomField,
    /// What has no records here.
    Elsewhere,
    ExternalActivity,
    Folder,
    Import,
    List,
    ListMembership,
    Prospect,
    Tag,
    User,
    Visitor,
    VisitorActivity,
}

/// An object, as its vendor page tells it.
#[derive(Debug)]
pub(super) struct Object {
    /// Below `/api/v5/`. Empty for what can only be reached through a relation.
    pub path: &'static str,
    pub fields: &'static [&'static str],
    /// Name, target, and the field with its id.
    pub relations: &'static [(&'static str, Kind, &'static str)],
    pub filters: &'static [Filter],
    pub sorts: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// By its value alone.
    Exact(&'static str),
    /// By its value, and by `…GreaterThan` and the like.
    Number(&'static str),
    /// By `…After`, `…Before` and the like.
    Time(&'static str),
    /// A comma list of ids, under a name of its own.
    IdList(&'static str),
}

/// A field's value. Ordered within a kind; nothing is lowest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Field {
    Null,
    Bool(bool),
    Int(u64),
    Text(String),
    /// Made by [`Field::time`].
    Time(Timestamp),
    Other(Value),
}

impl Field {
    pub fn text(text: impl Into<String>) -> Field {
        Field::Text(text.into())
    }

    /// In whole seconds: filters and orders know no more of it than what is shown [inferred].
    pub fn time(at: Timestamp) -> Field {
        Field::Time(Timestamp::from_seconds(at.seconds()))
    }

    pub fn of(value: Option<impl Into<Field>>) -> Field {
        value.map_or(Field::Null, Into::into)
    }

    pub fn compare(&self, other: &Field) -> Ordering {
        match (self, other) {
            (Field::Null, Field::Null) => Ordering::Equal,
            (Field::Null, _) => Ordering::Less,
            (_, Field::Null) => Ordering::Greater,
            (Field::Bool(a), Field::Bool(b)) => a.cmp(b),
            (Field::Int(a), Field::Int(b)) => a.cmp(b),
            (Field::Text(a), Field::Text(b)) => a.cmp(b),
            (Field::Time(a), Field::Time(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

impl From<Timestamp> for Field {
    fn from(at: Timestamp) -> Field {
        Field::time(at)
    }
}

impl From<u64> for Field {
    fn from(number: u64) -> Field {
        Field::Int(number)
    }
}

impl From<String> for Field {
    fn from(text: String) -> Field {
        Field::Text(text)
    }
}

impl From<&Value> for Field {
    fn from(value: &Value) -> Field {
        match value {
            Value::Null => Field::Null,
            Value::Bool(value) => Field::Bool(*value),
            Value::String(text) => Field::Text(text.clone()),
            Value::Number(number) => number.as_u64().map_or_else(|| Field::Other(value.clone()), Field::Int),
            other => Field::Other(other.clone()),
        }
    }
}

pub(super) type Path = Vec<String>;

/// Names in a path. `prospect.campaign.name` is as deep as it goes [inferred from "up to 3 levels"].
const LEVELS_MAX: usize = 3;

impl Kind {
    pub fn object(self) -> &'static Object {
        match self {
            Kind::Form => &forms::FORM,
            Kind::FormField => &form_fields::FORM_FIELD,
            Kind::FormHandler => &form_handlers::FORM_HANDLER,
            Kind::FormHandlerField => &form_fields::FORM_HANDLER_FIELD,
            Kind::Account => &account::ACCOUNT,
            Kind::Campaign => &campaigns::CAMPAIGN,
            Kind::CustomField => &custom_fields::CUSTOM_FIELD,
            Kind::ExternalActivity => &external_activities::EXTERNAL_ACTIVITY,
            Kind::Elsewhere => &visitor_activities::ELSEWHERE,
            Kind::Folder => &folders::FOLDER,
            Kind::Import => &imports::IMPORT,
            Kind::List => &lists::LIST,
            Kind::ListMembership => &list_memberships::LIST_MEMBERSHIP,
            Kind::Prospect => &prospects::PROSPECT,
            Kind::Tag => &tags::TAG,
            Kind::User => &users::USER,
            Kind::Visitor => &visitors::VISITOR,
            Kind::VisitorActivity => &visitor_activities::VISITOR_ACTIVITY,
        }
    }

    /// Its address, to which a new record's `Location` leads.
    pub fn path(self) -> String {
        format!("/api/v5/{}", self.object().path)
    }
}

/// Whether one record is read, or many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    One,
    Many,
}

/// Reads `fields`, and checks every name in it before any record is looked at.
pub(super) fn paths(world: &World, kind: Kind, fields: &str, reading: Reading) -> Result<Vec<Path>, Refusal> {
    let paths: Vec<Path> = fields
        .split(',')
        .map(|path| path.trim().split('.').map(str::to_owned).collect())
        .filter(|path: &Path| path.iter().any(|name| !name.is_empty()))
        .collect();
    if paths.is_empty() {
        return Err(Refusal::about(13, "fields"));
    }
    paths.iter().try_for_each(|path| known(world, kind, path, reading, path))?;
    Ok(paths)
}

fn known(world: &World, kind: Kind, path: &[String], reading: Reading, whole: &[String]) -> Result<(), Refusal> {
    let unknown = || Refusal::about(world.options.unknowns.account_engagement.unknown_field_code, &whole.join("."));
    if whole.len() > LEVELS_MAX {
        return Err(unknown());
    }
    match path {
        [name] if kind.object().fields.contains(&name.as_str()) => Ok(()),
        [name] if kind == Kind::Prospect => match world.account_engagement.custom_field(name) {
            None => Err(unknown()),
            Some(field) if field.holds_several() && (reading == Reading::Many || whole.len() > 1) => {
                Err(Refusal::about(224, name))
            }
            Some(_) => Ok(()),
        },
        [relation, rest @ ..] if !rest.is_empty() => {
            let relation = kind.object().relations.iter().find(|(name, ..)| name == relation);
            relation.map_or_else(|| Err(unknown()), |(_, target, _)| known(world, *target, rest, reading, whole))
        }
        _ => Err(unknown()),
    }
}

/// The business unit as a reader sees it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub world: &'a World,
    pub when: Timestamp,
}

impl<'a> View<'a> {
    /// What a query or a read is shown: up to 60 s old [confirmed].
    pub fn lagging(world: &'a World) -> View<'a> {
        View { world, when: world.now().minus(world.options.read_lag.account_engagement) }
    }

    /// What of a kind is shown. How far a job is, is told as it is [inferred].
    pub fn of(world: &'a World, kind: Kind) -> View<'a> {
        if kind == Kind::Import { View::truth(world) } else { View::lagging(world) }
    }

    /// What the answer to a write shows.
    pub fn truth(world: &'a World) -> View<'a> {
        View { world, when: world.now() }
    }

    /// Nothing where the record does not exist, or not yet.
    pub fn field(&self, kind: Kind, id: u64, name: &str) -> Option<Field> {
        let (unit, when) = (&self.world.account_engagement, self.when);
        match kind {
            Kind::Form => unit.forms.at(&id, when).map(|form| form.field(name, &self.world.options.base_url)),
            Kind::FormField => unit.form_fields.at(&id, when).map(|field| field.field(name)),
            Kind::FormHandler => {
                unit.form_handlers.at(&id, when).map(|handler| handler.field(name, &self.world.options.base_url))
            }
            // It has no recycle bin.
            Kind::FormHandlerField => {
                unit.form_handler_fields.at(&id, when).filter(|field| !field.is_deleted).map(|field| field.field(name))
            }
            Kind::Account => Some(account::field(self.world, name)),
            Kind::Campaign => unit.campaigns.at(&id, when).map(|c| c.field(name, &self.world.options)),
            Kind::CustomField => {
                let field = unit.custom_fields.at(&id, when).filter(|field| !field.is_deleted);
                field.map(|field| field.field(name))
            }
            Kind::ExternalActivity => unit.external_activities.at(&id, when).map(|activity| activity.field(name)),
            Kind::Elsewhere => None,
            Kind::Folder => folders::field(id, name),
            Kind::Import => unit.imports.at(&id, when).map(|import| import.field(name, &self.world.options)),
            Kind::List => unit.lists.at(&id, when).map(|list| list.field(name)),
            Kind::ListMembership => unit.list_memberships.at(&id, when).map(|membership| membership.field(name)),
            Kind::Prospect => {
                let prospect = unit.prospects.at(&id, when).filter(|prospect| unit.sees(prospect));
                prospect.map(|prospect| prospect.field(name, self, when))
            }
            Kind::Tag => unit.tags.at(&id, when).map(|tag| tag.field(name)),
            Kind::User => (id == users::USER_ID).then(|| users::user_field(name)),
            Kind::Visitor => unit.visitors.at(&id, when).map(|visitor| visitor.field(name)),
            Kind::VisitorActivity => {
                unit.visitor_activities.at(&id, when).map(|activity| activity.field(name, &self.world.options))
            }
        }
    }

    pub fn exists(&self, kind: Kind, id: u64) -> bool {
        self.field(kind, id, "id").is_some()
    }

    pub fn is_deleted(&self, kind: Kind, id: u64) -> bool {
        self.field(kind, id, "isDeleted") == Some(Field::Bool(true))
    }

    /// Whether a record was changed after that second. What tells no time counts as changed.
    pub fn changed_after(&self, kind: Kind, id: u64, at: Timestamp) -> bool {
        match self.field(kind, id, "updatedAt") {
            Some(Field::Time(updated)) => updated.seconds() > at.seconds(),
            _ => true,
        }
    }

    /// A record by the fields that were asked for; a related one is an object of its own, or null.
    pub fn show(&self, kind: Kind, id: u64, paths: &[Path]) -> Value {
        let mut shown = json!({});
        for path in paths {
            let name = &path[0];
            shown[name] = if path.len() == 1 {
                self.field(kind, id, name).map_or(Value::Null, |field| self.value(field))
            } else {
                let below: Vec<Path> =
                    paths.iter().filter(|p| p.len() > 1 && p[0] == *name).map(|p| p[1..].to_vec()).collect();
                match self.related(kind, id, name) {
                    Some((target, id)) => self.show(target, id, &below),
                    None => Value::Null,
                }
            };
        }
        shown
    }

    fn related(&self, kind: Kind, id: u64, name: &str) -> Option<(Kind, u64)> {
        let (_, target, by) = kind.object().relations.iter().find(|(relation, ..)| *relation == name)?;
        match self.field(kind, id, by)? {
            Field::Int(related) if self.exists(*target, related) => Some((*target, related)),
            _ => None,
        }
    }

    fn value(&self, field: Field) -> Value {
        match field {
            Field::Null => Value::Null,
            Field::Bool(value) => json!(value),
            Field::Int(number) => json!(number),
            Field::Text(text) => json!(text),
            Field::Time(at) => json!(shown(at, self.world.options.unknowns.account_engagement.user_zone)),
            Field::Other(value) => value,
        }
    }
}
