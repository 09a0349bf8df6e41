//! A row of an import, made into what a body would have said of a prospect. Which columns there are is [confirmed]
//! (<https://developer.salesforce.com/docs/marketing/pardot/guide/import-v5.html>); how a cell writes a flag (`true`, `1`) or
//! several values (`a;b`) is [inferred]. Not here: whom a row is about, and its lists (`imports.rs`).

use super::{
    errors::Refusal,
    prospects::{Changes, FLAGS, NUMBERS, TEXTS, has_campaign, is_free},
};
use crate::{clock::Timestamp, simulators::World};
use serde_json::{Value, json};

/// A cell of an import's row.
pub(super) struct Cell<'a> {
    pub name: &'a str,
    pub text: &'a str,
    /// Whether it is written over what is there.
    pub overwrites: bool,
}

/// Whether a prospect may be written by that name.
pub(super) fn is_writable(world: &World, name: &str) -> bool {
    ["email", "campaignId", "prospectAccountId", "salesforceOwnerId"].contains(&name)
        || TEXTS.contains(&name)
        || NUMBERS.contains(&name)
        || FLAGS.contains(&name)
        || world.account_engagement.custom_field(name).is_some()
}

/// A row of an import: changes the target, which comes out of the recycle bin, or makes somebody. Gives the id.
pub(super) fn put(world: &mut World, target: Option<u64>, cells: Vec<Cell<'_>>, at: Timestamp) -> Result<u64, Refusal> {
    let known = target.and_then(|id| world.account_engagement.prospects.now(&id));
    let is_empty = |name: &str| match (known, name) {
        (None, _) => true,
        (Some(_), "email" | "campaignId") => false,
        (Some(known), name) => !known.fields.contains_key(name),
    };
    let written = cells.into_iter().filter(|cell| cell.overwrites || is_empty(cell.name));
    // An empty address or campaign is nothing said, not an address of nothing; nor is anything said of a new one's flag.
    let says = |cell: &Cell<'_>| match cell.text {
        "" => !(["email", "campaignId"].contains(&cell.name) || target.is_none() && FLAGS.contains(&cell.name)),
        _ => true,
    };
    let written = written.filter(says);
    let properties = written.map(|cell| (cell.name.to_owned(), typed(world, cell.name, cell.text)));
    let changes = Changes::read(world, properties.collect())?;
    let Some(id) = target else {
        let email = changes.email.clone().ok_or_else(|| Refusal::about(153, "email"))?;
        let email_match = world.options.unknowns.account_engagement.email_match;
        if !world.options.ampsea && world.account_engagement.latest_with(&email, email_match, false).is_some() {
            return Err(Refusal::code(world.options.unknowns.account_engagement.taken_address_code));
        }
        has_campaign(world, &changes)?;
        return Ok(changes.make(&mut world.account_engagement, email, at));
    };
    is_free(world, &changes, id)?;
    let unit = &mut world.account_engagement;
    unit.prospects.change(&id, at, |prospect| prospect.is_deleted = false);
    changes.apply(unit, id, at);
    Ok(id)
}

/// A cell's text as a body would have it.
fn typed(world: &World, name: &str, text: &str) -> Value {
    let several = world.account_engagement.custom_field(name).is_some_and(|field| field.holds_several());
    match text {
        "" if FLAGS.contains(&name) => json!(false),
        "" => Value::Null,
        "true" | "1" if FLAGS.contains(&name) => json!(true),
        "false" | "0" if FLAGS.contains(&name) => json!(false),
        _ if NUMBERS.contains(&name) => text.parse::<u64>().map_or_else(|_| json!(text), Value::from),
        _ if several => json!(text.split(';').map(str::trim).collect::<Vec<_>>()),
        _ => json!(text),
    }
}
