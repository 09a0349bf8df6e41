//! Waits until Connected Campaigns has brought campaigns over from Salesforce: one poll for all that wait (RULES 12), by time
//! and matched by id. Usually 10 minutes, at times 30 (S2-43); nobody is given up before the host's bound.

use crate::{
    account_engagement::campaign::{LATE, made_since, next_look, short},
    calendar::moment,
    call::{ACCOUNT_ENGAGEMENT, PLACEHOLDER},
    host::{Action, Completion, Entry, Instant, MINUTE, Subject, Wait},
    stop::{Doing, Stop},
    task::{self, AwaitCampaign},
    text::fit,
    work::Work,
};

/// One outcome for each that waits.
pub async fn all(work: &Work<'_>, waiting: Vec<(u32, AwaitCampaign)>) -> Vec<(u32, Result<Completion, Stop>)> {
    let Some(earliest) = waiting.iter().map(|(_, one)| one.made_at).min() else { return Vec::new() };
    let doing = Doing { what: "look for the campaigns", whom: "the sessions that wait" };
    let found = made_since(work, earliest, &doing).await;
    let end = |one: &AwaitCampaign| {
        let found = found.as_ref().map_err(Stop::clone)?;
        match short(&one.salesforce_id).and_then(|id| found.get(id)) {
            Some(campaign) => Ok(arrived(work, one, campaign)),
            // RULES 26: in a dry run the waiting is shown and taken as over.
            None if work.context.dry_run => {
                let message = format!("Dry run: the wait for the campaign {} is taken as over", one.name);
                work.info("dry-run-campaign", &message, Some(Subject::session(one.session.as_str())));
                Ok(arrived(work, one, PLACEHOLDER))
            }
            None => Err(not_yet(work, one)),
        }
    };
    waiting.iter().map(|(id, one)| (*id, end(one))).collect()
}

fn told_key(one: &AwaitCampaign) -> String {
    crate::text::state_key("late", &[one.session.as_str()])
}

fn arrived(work: &Work<'_>, one: &AwaitCampaign, campaign: &str) -> Completion {
    let subject = Subject::session(one.session.as_str());
    work.changed(ACCOUNT_ENGAGEMENT, "Campaign", Some(campaign), Action::Linked, &subject, &one.name);
    work.host.delete(&told_key(one));
    let found = task::CampaignFound {
        session: one.session.clone(),
        salesforce_id: one.salesforce_id.clone(),
        campaign: campaign.into(),
    };
    Completion { follow_ups: vec![task::campaign_found(&found)], wakes: Vec::new() }
}

fn not_yet(work: &Work<'_>, one: &AwaitCampaign) -> Stop {
    let now = work.now();
    let age = now.saturating_sub(one.made_at);
    if age >= LATE && work.host.get(&told_key(one)).is_none() {
        let message = format!(
            "The campaign {} (Salesforce {}) has not come to Account Engagement for a day. See there whether the Salesforce \
             connector is paused, whether its user may see the campaign, and whether this record type of campaigns is synced.",
            one.name, one.salesforce_id
        );
        let subject = Some(Subject::session(one.session.as_str()));
        work.warn("campaign-late", &message, subject.clone());
        work.host.set(Entry { key: told_key(one), value: "{}".into(), subject });
    }
    let until = next_look(now, one.made_at);
    Stop::Later(Box::new(Wait { until, reason: reason(&one.name, age, until), wake_on: None, pause: None }))
}

/// What, whom, why, remedy, in 300 bytes: the name gives way.
fn reason(name: &str, age: u64, until: Instant) -> String {
    let rest = format!(
        "\". Account Engagement has not shown the campaign for {} min (usually 10, at times 30). See there whether the \
         Salesforce connector is paused; nothing is lost, next look {}",
        age / MINUTE,
        moment(until)
    );
    let begin = "Held: registrants of \"";
    format!("{begin}{}{rest}", fit(name, 300usize.saturating_sub(begin.len() + rest.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::session::SessionId,
        host::{Host, Level},
        story::state::sample,
        test_host::{TestHost, on_host},
    };

    #[test]
    fn a_reason_fits_and_says_when_the_next_look_is() {
        let said = reason("Product demo - 2026-11-22 15:00 UTC", 34 * MINUTE, 1_795_359_600_000);
        assert_eq!(
            said,
            "Held: registrants of \"Product demo - 2026-11-22 15:00 UTC\". Account Engagement has not shown the campaign for \
             34 min (usually 10, at times 30). See there whether the Salesforce connector is paused; nothing is lost, next look \
             2026-11-22 15:00 UTC"
        );
        let long = reason(&"🎉".repeat(80), 99_999 * MINUTE, 0);
        assert!(long.len() <= 300 && long.ends_with("next look 1970-01-01 00:00 UTC"), "{long}");
    }

    /// What an earlier version remembers is read by every later one.
    #[test]
    fn what_the_first_version_has_told_of_a_late_campaign_is_not_told_again() {
        let one = AwaitCampaign {
            session: SessionId::parse("S1").unwrap(),
            salesforce_id: "701000000000001AAA".into(),
            made_at: 0,
            name: "Product demo".into(),
        };
        let host = TestHost::new(2 * LATE, |_| panic!("nothing is asked"));
        let (key, value) = (told_key(&one), sample("campaigns", &told_key(&one)).into());
        host.set(Entry { key, value, subject: None });
        on_host(&host, async |work| not_yet(work, &one));
        assert!(host.lines(Level::Warning).is_empty());
    }
}
