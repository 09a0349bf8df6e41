//! What a submitted form writes on a prospect: who is found or made, which fields take what was posted as text. All of it
//! is [inferred from public sites and clients]; what becomes of one in the recycle bin is [unknown; a switch]. Not here:
//! whether a submission is a success, and the activity that it leaves (`submissions`).

use super::prospects::{Changes, FLAGS, NUMBERS, TEXTS, stored};
use crate::simulators::{World, unknowns::DeletedSubmitter};
use serde_json::{Value, json};

/// Whom a submitted form is of.
pub(super) enum Submitted {
    Address { email: String, campaign_id: u64 },
    Known(u64),
}

/// What a form writes: a field, its value, and whether one that is there already stays. Gives whom it was written to;
/// nothing where a known one is gone.
pub(super) fn submitted(world: &mut World, who: Submitted, fields: Vec<(String, Value, bool)>) -> Option<u64> {
    let unknowns = &world.options.unknowns.account_engagement;
    let (email_match, restores) = (unknowns.email_match, unknowns.deleted_submitter == DeletedSubmitter::Restore);
    let unit = &world.account_engagement;
    let found = match &who {
        Submitted::Known(id) => Some(*id).filter(|id| unit.prospects.now(id).is_some()),
        Submitted::Address { email, .. } => unit
            .latest_with(email, email_match, false)
            .or_else(|| restores.then(|| unit.latest_with(email, email_match, true)).flatten()),
    };
    let has = |name: &str| found.and_then(|id| unit.prospects.now(&id)).is_some_and(|p| p.fields.contains_key(name));
    let fields = fields.into_iter().filter(|(name, _, keeps_first)| !(*keeps_first && has(name)));
    // What the field will not take is left out: a form does not fail for it.
    let fields: Vec<_> = fields
        .filter_map(|(name, value, _)| stored(world, &name, from_form(&name, value)).ok().map(|value| (name, value)))
        .collect();
    let now = world.now();
    let unit = &mut world.account_engagement;
    let id = match (found, who) {
        (Some(id), _) => {
            Changes { email: None, campaign_id: None, fields }.apply(unit, id, now);
            id
        }
        (None, Submitted::Address { email, campaign_id }) => {
            Changes { email: None, campaign_id: Some(campaign_id), fields }.make(unit, email, now)
        }
        (None, Submitted::Known(_)) => return None,
    };
    unit.prospects.change(&id, now, |prospect| {
        prospect.is_deleted = false;
        prospect.first_activity_at.get_or_insert(now);
        prospect.last_activity_at = Some(now);
    });
    Some(id)
}

/// A form posts text; some fields hold something else.
fn from_form(name: &str, value: Value) -> Value {
    let text = value.as_str().map(str::trim);
    match text {
        Some(text) if FLAGS.contains(&name) => {
            json!(["true", "1", "yes", "on"].iter().any(|yes| text.eq_ignore_ascii_case(yes)))
        }
        Some(text) if NUMBERS.contains(&name) => text.parse::<u64>().map_or(value, |number| json!(number)),
        _ => value,
    }
}

/// Whether a form may have a field for it.
pub(super) fn can_be_submitted(world: &World, name: &str) -> bool {
    name == "email"
        || TEXTS.contains(&name)
        || NUMBERS.contains(&name)
        || FLAGS.contains(&name)
        || world.account_engagement.custom_field(name).is_some()
}
