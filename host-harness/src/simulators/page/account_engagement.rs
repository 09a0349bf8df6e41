//! Campaigns, lists with their members, prospects with their fields, activities, forms and form handlers.

use super::markup::{
    Tone, above, badge, badges, bare_table, card, code, counted, empty_card, fields, folded, grouped, maybe, nothing,
    shown, strong, table, text, time,
};
use crate::simulators::{
    snapshot::{FormSeen, Snapshot},
    world::World,
};

/// Lists whose members are shown.
const LISTS_MAX: usize = 20;

pub fn cards(world: &World, snapshot: &Snapshot) -> Vec<String> {
    vec![
        campaigns(world, snapshot),
        lists(snapshot),
        prospects(snapshot),
        external_activities(snapshot),
        forms(snapshot),
        visitor_activities(world, snapshot),
    ]
}

fn campaigns(world: &World, snapshot: &Snapshot) -> String {
    let all: Vec<_> = world.account_engagement.campaigns.all().rev().collect();
    let empty = "None. Connected Campaigns brings those of Salesforce after some minutes.";
    table("Campaigns", "", empty, &["Campaign", "Id", "Of Salesforce", "Lists", "Since"], &all, |campaign| {
        let lists = snapshot.lists.iter().filter(|list| list.campaign_id == Some(campaign.id)).count();
        vec![
            strong(&campaign.name),
            text(campaign.id),
            campaign.salesforce_id.as_ref().map_or_else(nothing, code),
            text(lists),
            time(Some(campaign.created_at)),
        ]
    })
}

fn lists(snapshot: &Snapshot) -> String {
    if snapshot.lists.is_empty() {
        return empty_card("Lists", "None. <code>POST /api/v5/objects/lists</code> makes one.");
    }
    let all = snapshot.lists.iter().rev().take(LISTS_MAX).enumerate().map(|(index, list)| {
        let of_it = snapshot.list_memberships.iter().rev().filter(|member| member.list_id == list.id);
        let members: Vec<_> = of_it.collect();
        let campaign = list.campaign_name.as_deref().map_or("no campaign", |name| name);
        let summary = format!(
            "<strong>{}</strong> <span class=\"soft\">{} · {campaign} · {}</span>",
            shown(&list.name),
            list.id,
            counted(members.len(), "member", "members"),
            campaign = shown(campaign),
        );
        let body = match members.is_empty() {
            true => {
                "<p class=\"empty\">Nobody yet. <code>POST /api/v5/objects/list-memberships</code> adds a prospect.</p>"
                    .into()
            }
            false => {
                let caption = format!("Members of {}, newest first", list.name);
                bare_table(&caption, &["Prospect", "Id", "Opted out"], &members, |member| {
                    let opted_out = match member.opted_out {
                        true => badge(Tone::Warn, "opted out"),
                        false => nothing(),
                    };
                    vec![text(&member.prospect_email), text(member.prospect_id), opted_out]
                })
            }
        };
        folded(&format!("list-{}", list.id), index == 0 && !members.is_empty(), &summary, &body)
    });
    let all: String = all.collect();
    let left_out = match snapshot.lists.len().saturating_sub(LISTS_MAX) {
        0 => String::new(),
        more => format!(
            "<p class=\"more\">And {}, which are not shown.</p>",
            counted(more, "earlier list", "earlier lists")
        ),
    };
    card("Lists", "", Some(snapshot.lists.len()), &format!("{all}{left_out}"))
}

fn prospects(snapshot: &Snapshot) -> String {
    let all: Vec<_> = snapshot.prospects.iter().rev().collect();
    let empty = "None. <code>POST /api/v5/objects/prospects</code> makes one, and so does a submitted form.";
    let columns = ["Prospect", "Source campaign", "Lists", "Fields"];
    table("Prospects", "", empty, &columns, &all, |prospect| {
        let of_them = snapshot.list_memberships.iter().filter(|member| member.prospect_id == prospect.id);
        let lists = of_them.map(|member| badge(Tone::Quiet, &member.list_name));
        let mut who = above(strong(&prospect.email), prospect.id);
        if prospect.opted_out {
            who.0 += &badge(Tone::Warn, "opted out").0;
        }
        vec![who, maybe(prospect.source_campaign_name.as_ref()), badges(lists), fields(&prospect.fields)]
    })
}

fn external_activities(snapshot: &Snapshot) -> String {
    let all: Vec<_> = snapshot.external_activities.iter().rev().collect();
    let empty = "None. <code>POST /api/v5/external-activities</code> notes one, once an extension has its type.";
    let columns = ["At", "Type", "Prospect", "Value"];
    table("External activities", "", empty, &columns, &all, |activity| {
        let mut who = text(&activity.email);
        if activity.prospect_id.is_none() {
            who = badges([who, badge(Tone::Warn, "taken and lost")]);
        }
        let kind = above(strong(&activity.kind), &activity.extension);
        vec![time(Some(activity.activity_date)), kind, who, text(&activity.value)]
    })
}

fn forms(snapshot: &Snapshot) -> String {
    let forms = snapshot.forms.iter().map(|form| (form, true));
    let all: Vec<(&FormSeen, bool)> = forms.chain(snapshot.form_handlers.iter().map(|form| (form, false))).collect();
    let empty = "None. <code>POST /api/v5/objects/forms</code> or <code>…/form-handlers</code> makes one.";
    let columns = ["Name", "Kind", "Campaign", "Posted to", "Submissions"];
    table("Forms and form handlers", "", empty, &columns, &all, |(form, is_form)| {
        let submissions = snapshot.visitor_activities.iter().filter(|activity| {
            let of_it = if *is_form { activity.form_id } else { activity.form_handler_id };
            of_it == Some(form.id) && activity.kind == SUCCESS
        });
        vec![
            above(strong(&form.name), form.id),
            text(if *is_form { "form" } else { "form handler" }),
            maybe(form.campaign_name.as_ref()),
            code(&form.path),
            text(grouped(submissions.count())),
        ]
    })
}

/// The type of a visitor activity that says that a form was submitted.
const SUCCESS: u64 = crate::simulators::account_engagement::visitor_activities::SUCCESS;

fn visitor_activities(world: &World, snapshot: &Snapshot) -> String {
    let all: Vec<_> = snapshot.visitor_activities.iter().rev().collect();
    let empty = "None. Looking at a form and submitting it leave some.";
    let columns = ["At", "Type", "Prospect", "Details"];
    table("Visitor activities", "", empty, &columns, &all, |activity| {
        let known = world.account_engagement.visitor_activities.now(&activity.id);
        let name = known.and_then(|known| known.type_name(&world.options));
        let form = activity.form_id.map(|id| format!("form {id}"));
        let handler = activity.form_handler_id.map(|id| format!("form handler {id}"));
        let tone = if activity.kind == SUCCESS { Tone::Good } else { Tone::Quiet };
        vec![
            time(Some(activity.created_at)),
            above(badge(tone, name.unwrap_or("Other")), format!("type {}", activity.kind)),
            maybe(activity.prospect_email.as_ref()),
            above(text(&activity.details), form.or(handler).unwrap_or_default()),
        ]
    })
}
