//! Forms of Account Engagement in a story: the customer makes one when somebody is to submit it, tied to the campaign of a session or to
//! one of their own, which Salesforce does not know.

use crate::simulators::{
    World,
    account_engagement::{NewField, NewForm, NewFormHandler},
};
use std::collections::BTreeMap;

/// What the forms of the stories ask for besides address and name.
const ASKED: [&str; 3] = ["company", "jobTitle", "phone"];

/// The campaign of a session, once Connected Campaigns has brought it over: told by its description, as `check` tells it.
pub(super) fn campaign_of(world: &mut World, session: &str) -> Option<u64> {
    let description = format!("Livestorm session {session}, made by the Livestorm connector");
    let campaigns = world.snapshot().campaigns;
    campaigns.into_iter().find(|campaign| campaign.description.as_ref() == Some(&description))?.account_engagement_id
}

/// Nothing where it was not taken.
pub(super) fn submit(
    world: &mut World,
    campaign: Option<u64>,
    email: &str,
    fields: &[(String, String)],
    by_handler: bool,
) -> Option<()> {
    let campaign_id = Some(campaign.unwrap_or_else(|| world.own_campaign()));
    let fields: BTreeMap<String, String> = fields.iter().cloned().collect();
    let asked = || NewField::usual().into_iter().chain(ASKED.map(NewField::text)).collect();
    let unit = &world.account_engagement;
    let done = if by_handler {
        let there = unit.form_handlers.all().find(|handler| Some(handler.campaign_id) == campaign_id).map(|one| one.id);
        let new = || NewFormHandler { campaign_id, fields: asked(), ..NewFormHandler::new("Webinar, own site") };
        let handler = there.unwrap_or_else(|| world.add_form_handler(new()));
        world.submit_form_handler(handler, email, &fields)
    } else {
        let there = unit.forms.all().find(|form| Some(form.campaign_id) == campaign_id).map(|form| form.id);
        let new = || NewForm { campaign_id, fields: asked(), ..NewForm::new("Webinar") };
        let form = there.unwrap_or_else(|| world.add_form(new()));
        world.submit_form(form, email, &fields)
    };
    done.filter(|done| done.errors.is_empty()).map(|_| ())
}

impl World {
    /// One that Salesforce does not know.
    fn own_campaign(&mut self) -> u64 {
        const NAME: &str = "Spring fair";
        let there = self.account_engagement.campaigns.all().find(|campaign| campaign.name == NAME).map(|one| one.id);
        there.unwrap_or_else(|| self.add_unconnected_campaign(NAME))
    }
}
