//! The questions that a workspace knows: those of Livestorm and those that its team has made. The vendor's OpenAPI, as public
//! clients carry it [confirmed]; which of them are built in [inferred].

use super::{
    FormField, Livestorm,
    errors::Refusal,
    filters,
    paging::{page, page_of_sorted},
    resource,
};
use crate::{
    clock::Timestamp,
    simulators::{World, ids::uuid, request::Call},
};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// Slug, name and type.
const BUILTIN: [(&str, &str, &str); 11] = [
    ("email", "Email", "email"),
    ("first_name", "First name", "text"),
    ("last_name", "Last name", "text"),
    ("avatar", "Avatar", "avatar"),
    ("company", "Company", "text"),
    ("job_title", "Job title", "text"),
    ("phone_number", "Phone number", "text"),
    ("website", "Website", "url"),
    ("city", "City", "text"),
    ("country", "Country", "text"),
    ("company_size", "Company size", "text"),
];

const KINDS: [&str; 7] = ["text", "email", "avatar", "url", "consent", "unique_select", "multiple_select"];

#[derive(Clone, Debug)]
pub struct PeopleAttribute {
    pub slug: String,
    pub name: String,
    /// One of `KINDS`.
    pub kind: String,
    pub builtin: bool,
    pub description: Option<String>,
    pub placeholder: Option<String>,
    /// What may be chosen.
    pub options: Vec<String>,
    pub created_at: Timestamp,
}

/// Whether a question is Livestorm's own.
pub(super) fn is_builtin(slug: &str) -> bool {
    BUILTIN.iter().any(|(builtin, ..)| *builtin == slug)
}

impl Livestorm {
    pub(super) fn add_builtin_attributes(&mut self) {
        for (slug, name, kind) in BUILTIN {
            self.add_attribute(slug, name, kind);
        }
    }

    /// A question that a form asks is one that the workspace knows.
    pub(super) fn know(&mut self, field: &FormField) {
        if self.people_attributes.now(&field.id).is_none() {
            let kind = if field.kind == "multiple" { "multiple_select" } else { "text" };
            self.add_attribute(&field.id, &field.id.replace('_', " "), kind);
        }
    }

    /// A question of that slug that is there already is replaced.
    pub fn add_attribute(&mut self, slug: &str, name: &str, kind: &str) {
        let now = self.clock.now();
        let attribute = PeopleAttribute {
            slug: slug.to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            builtin: is_builtin(slug),
            description: None,
            placeholder: None,
            options: vec![],
            created_at: now,
        };
        self.people_attributes.insert(slug.to_owned(), now, attribute);
    }

    /// What the form says about a question. `false` where the workspace does not know it.
    pub fn describe_attribute(
        &mut self,
        slug: &str,
        description: Option<&str>,
        placeholder: Option<&str>,
        options: &[&str],
    ) -> bool {
        let now = self.clock.now();
        self.people_attributes.change(slug, now, |attribute| {
            attribute.description = description.map(str::to_owned);
            attribute.placeholder = placeholder.map(str::to_owned);
            attribute.options = options.iter().map(|option| (*option).to_owned()).collect();
        })
    }
}

/// `GET /v1/people_attributes`
pub(super) fn list(world: &World, call: &Call, when: Timestamp) -> Result<Value, Refusal> {
    let (livestorm, unknowns) = (&world.livestorm, &world.options.unknowns.livestorm);
    let owner = &livestorm.owner().id;
    let known = ["builtin", "description", "name", "placeholder", "slug", "type", "user_id"];
    filters::known_with(call, &known, &["sort"], unknowns)?;
    let builtin = filters::flag(call, "builtin")?;
    let is = |name: &str, value: &str| filters::text(call, name).is_none_or(|wanted| wanted == value);
    filters::one_of(call, "type", &KINDS, unknowns)?;
    let fits = |attribute: &&PeopleAttribute| {
        builtin.is_none_or(|builtin| builtin == attribute.builtin)
            && is("slug", &attribute.slug)
            && is("name", &attribute.name)
            && is("type", &attribute.kind)
            && (filters::text(call, "user_id").is_none() || !attribute.builtin && is("user_id", owner))
            && is("description", attribute.description.as_deref().unwrap_or_default())
            && is("placeholder", attribute.placeholder.as_deref().unwrap_or_default())
    };
    let mut rows: Vec<_> = livestorm.people_attributes.all_at(when).filter(fits).collect();
    let sorted_by = call.param("sort");
    sort(&mut rows, sorted_by)?;
    let (rows, meta) =
        if sorted_by.is_some() { page_of_sorted(call, rows, unknowns)? } else { page(call, rows, unknowns)? };
    let rows = rows.into_iter().map(|attribute| {
        let made = attribute.created_at.seconds();
        let choices = attribute.options.iter().enumerate();
        let options: Vec<_> =
            choices.map(|(place, choice)| json!({ "label": choice, "position": place, "value": choice })).collect();
        let attributes = json!({
            "slug": attribute.slug,
            "name": attribute.name,
            "type": attribute.kind,
            "builtin": attribute.builtin,
            "description": attribute.description,
            "placeholder": attribute.placeholder,
            "options": options,
            "user_id": (!attribute.builtin).then_some(owner),
            "created_at": made,
            "updated_at": made,
        });
        resource("people_attributes", &uuid("people-attribute", &attribute.slug), attributes)
    });
    Ok(json!({ "data": rows.collect::<Vec<_>>(), "meta": meta }))
}

fn sort(rows: &mut [&PeopleAttribute], by: Option<&str>) -> Result<(), Refusal> {
    let Some(by) = by else { return Ok(()) };
    let (name, reversed) = by.strip_prefix('-').map_or((by, false), |name| (name, true));
    let order: fn(&PeopleAttribute, &PeopleAttribute) -> Ordering = match name {
        "slug" => |a, b| a.slug.cmp(&b.slug),
        "name" => |a, b| a.name.cmp(&b.name),
        "placeholder" => |a, b| a.placeholder.cmp(&b.placeholder),
        "created_at" | "updated_at" => |a, b| a.created_at.cmp(&b.created_at),
        _ => return Err(Refusal::bad_request(format!("{name} is nothing to sort by"))),
    };
    rows.sort_by(|a, b| if reversed { order(b, a) } else { order(a, b) });
    Ok(())
}
