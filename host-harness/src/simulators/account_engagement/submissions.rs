//! What happens when somebody submits a form or posts to a form handler.
//!
//! The prospect is found by the address, the latest of several, and made where there is none, with the form's campaign
//! as its source; an old one keeps its own [inferred]. Then there is a visitor activity: 4 for a success, 3 where a
//! field that must be filled in is not, or looks wrong, and then nothing else is done [the codes confirmed, the rest
//! inferred]. A field that the prospect will not take is left out [inferred].
//!
//! Not here: completion actions, and what whoever submits is answered (`form_pages`).

use super::{
    campaigns::mirror,
    form_fields::FormField,
    prospect_submits::{Submitted as Person, submitted},
    prospects,
    visitor_activities::{ERROR, SUCCESS, VisitorActivity},
};
use crate::simulators::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asset {
    Form(u64),
    FormHandler(u64),
}

/// By the id of the form's or the handler's field, in the order in which they came.
pub(super) type Values = BTreeMap<u64, Vec<String>>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The visitor activity's id.
    pub activity: u64,
    /// Nothing, where nobody knows who it was.
    pub prospect: Option<u64>,
    pub visitor: Option<u64>,
    /// What was wrong, in the words of the form. Empty: it was a success.
    pub errors: Vec<String>,
}

/// Who submits, as far as their browser says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Browser {
    /// The visitor of its cookie.
    pub cookie: Option<u64>,
}

impl World {
    /// Somebody fills a form in and sends it off. `fields` by the prospect's API names. Nothing where there is no such
    /// form.
    pub fn submit_form(&mut self, form: u64, email: &str, fields: &BTreeMap<String, String>) -> Option<Submitted> {
        self.submit_by_names(Asset::Form(form), email, fields)
    }

    /// The same, with a form of the customer's own that posts to a form handler.
    pub fn submit_form_handler(
        &mut self,
        handler: u64,
        email: &str,
        fields: &BTreeMap<String, String>,
    ) -> Option<Submitted> {
        self.submit_by_names(Asset::FormHandler(handler), email, fields)
    }

    fn submit_by_names(&mut self, asset: Asset, email: &str, fields: &BTreeMap<String, String>) -> Option<Submitted> {
        mirror(self);
        let value = |field: &FormField| match field.api_field.as_str() {
            "email" => Some(email.to_owned()),
            name => fields.get(name).cloned(),
        };
        let values = self.fields_of(asset).into_iter().filter_map(|field| Some((field.id, vec![value(&field)?])));
        let values = values.collect();
        submit(self, asset, &values, Browser::default())
    }

    /// In the order of the page.
    pub(super) fn fields_of(&self, asset: Asset) -> Vec<FormField> {
        let unit = &self.account_engagement;
        let (table, owner) = match asset {
            Asset::Form(id) => (&unit.form_fields, id),
            Asset::FormHandler(id) => (&unit.form_handler_fields, id),
        };
        table.all().filter(|field| field.owner == owner && !field.is_deleted).cloned().collect()
    }
}

/// Nothing where there is no such form or handler, or it is in the recycle bin.
pub(super) fn submit(world: &mut World, asset: Asset, values: &Values, browser: Browser) -> Option<Submitted> {
    let unit = &world.account_engagement;
    let (name, campaign_id, cookieless) = match asset {
        Asset::Form(id) => {
            let form = unit.forms.now(&id).filter(|form| !form.is_deleted)?;
            (form.name.clone(), form.campaign_id, false)
        }
        Asset::FormHandler(id) => {
            let handler = unit.form_handlers.now(&id).filter(|handler| !handler.is_deleted)?;
            (handler.name.clone(), handler.campaign_id, handler.is_cookieless)
        }
    };
    let fields = world.fields_of(asset);
    let now = world.now();
    let visitor = (!cookieless).then(|| world.account_engagement.visit(browser.cookie, campaign_id, now));
    let errors = errors(&fields, values);
    let mut activity = VisitorActivity::new(if errors.is_empty() { SUCCESS } else { ERROR }, &name);
    match asset {
        Asset::Form(id) => activity.form_id = Some(id),
        Asset::FormHandler(id) => activity.form_handler_id = Some(id),
    }
    activity.campaign_id = Some(campaign_id);
    activity.visitor_id = visitor;
    let known = visitor.and_then(|visitor| world.account_engagement.visitors.now(&visitor)?.prospect_id);
    activity.prospect_id = match errors.is_empty() {
        true => person(world, &fields, values, campaign_id, known),
        false => known,
    };
    if let (Some(visitor), Some(prospect)) = (visitor, activity.prospect_id) {
        world.account_engagement.identify(visitor, prospect, now);
    }
    let prospect = activity.prospect_id;
    let activity = world.add_visitor_activity(activity);
    Some(Submitted { activity, prospect, visitor, errors })
}

/// Whom the submission is of, with what it says of them written down. Without an address, whose browser it is.
fn person(
    world: &mut World,
    fields: &[FormField],
    values: &Values,
    campaign_id: u64,
    known: Option<u64>,
) -> Option<u64> {
    let filled = |field: &FormField| {
        let given: Vec<&String> = values.get(&field.id)?.iter().filter(|value| !value.trim().is_empty()).collect();
        (!given.is_empty()).then_some(given)
    };
    let email = fields.iter().filter(|field| field.api_field == "email").find_map(filled);
    let email = email.and_then(|given| given.last().map(|email| email.trim().to_owned()));
    let others = fields.iter().filter(|field| field.api_field != "email");
    let written = others.filter_map(|field| {
        let value = match &filled(field)?[..] {
            [one] => json!(one),
            several => json!(several),
        };
        Some((field.api_field.clone(), value, field.keeps_first))
    });
    let written: Vec<(String, Value, bool)> = written.collect();
    match (email, known) {
        (Some(email), _) => submitted(world, Person::Address { email, campaign_id }, written),
        (None, Some(prospect)) => submitted(world, Person::Known(prospect), written),
        (None, None) => None,
    }
}

/// One for each field that is wrong. What is left blank may look as it likes, unless it must be filled in.
fn errors(fields: &[FormField], values: &Values) -> Vec<String> {
    let wrong = |field: &FormField| {
        let given = values.get(&field.id).and_then(|values| values.iter().rfind(|value| !value.trim().is_empty()));
        match given {
            None => field.is_required.then_some("This field is required"),
            // An address is one whatever the field says: there is no prospect without.
            Some(value) if field.api_field == "email" && !prospects::is_address(value.trim()) => {
                Some("Please enter a valid email address")
            }
            Some(value) => (!field.format.fits(value.trim())).then_some("Please enter a valid value"),
        }
    };
    let told = fields
        .iter()
        .filter_map(|field| wrong(field).map(|text| field.error_message.clone().unwrap_or_else(|| text.to_owned())));
    told.collect()
}
