//! What whoever starts the simulators may set. Credentials are made up, and say so.

use super::{faults::FaultPlan, ids::salesforce_id, unknowns::Unknowns};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Options {
    /// Where the simulators are reached, without a slash at the end. Answered as `instance_url`, and in addresses of
    /// next pages. May be set anew once a port is known.
    pub base_url: String,
    pub livestorm_token: String,
    pub salesforce: SalesforceCredentials,
    /// Begins `0Uv`, 18 characters (<https://developer.salesforce.com/docs/marketing/pardot/guide/authentication.html>).
    pub business_unit_id: String,
    pub read_lag: ReadLag,
    pub campaign_delay: CampaignDelay,
    /// Record types of campaigns that the Salesforce connector syncs; `None` syncs all [inferred].
    pub synced_record_types: Option<Vec<String>>,
    /// Several prospects may share an address (AMPSEA).
    /// <https://help.salesforce.com/apex/HTViewHelpDoc?id=mktg.pardot_sf_connector_considerations_for_ampsea.htm>
    pub ampsea: bool,
    /// How long an access token lives: the org's session time-out [inferred].
    pub session_timeout: Duration,
    /// Each refresh token may be used once [confirmed].
    /// <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm>
    pub rotate_refresh_tokens: bool,
    pub limits: ApiLimits,
    pub livestorm_webhooks: WebhookOptions,
    pub unknowns: Unknowns,
    pub faults: FaultPlan,
}

#[derive(Clone, Debug)]
pub struct SalesforceCredentials {
    pub client_id: String,
    pub client_secret: String,
    /// Valid when the world begins.
    pub refresh_token: String,
    /// Valid when the world begins, for `session_timeout`.
    pub access_token: String,
}

/// How far reads are behind writes.
#[derive(Clone, Copy, Debug)]
pub struct ReadLag {
    pub livestorm: Duration,
    pub salesforce: Duration,
    /// Up to 60 s (<https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>), and the whole
    /// of it here.
    pub account_engagement: Duration,
}

/// How long Connected Campaigns takes with a campaign: usually 10 minutes, at times 30
/// (<https://support.livestorm.co/article/275-connect-livestorm-and-pardot>), at best 2
/// (<https://help.salesforce.com/apex/HTViewHelpDoc?id=mktg.pardot_sf_connector_considerations.htm>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CampaignDelay {
    Fixed(Duration),
    /// Drawn anew for each campaign, to the second, both ends included.
    Drawn {
        seed: u64,
        from: Duration,
        to: Duration,
    },
}

/// How Livestorm posts webhooks. <https://developers.livestorm.co/docs/webhooks-1> promises neither when nor in what order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookOptions {
    /// From an occurrence to its webhooks.
    pub lag: Duration,
    /// Each comes later by a drawn part of this besides, so that they change places.
    pub spread: Duration,
    /// Each comes twice.
    pub doubled: bool,
    /// How long an answer is waited for [unknown].
    pub timeout: Duration,
    /// Signs those of the REST API. `None`: they come unsigned. Where the secret is issued is [unknown].
    pub secret: Option<String>,
    /// Addresses of this machine may be plain HTTP, which Livestorm itself does not take.
    pub loopback_http: bool,
    /// Webhooks of the native app that are there from the beginning, for all that it tells. What is no address for a webhook
    /// is left out.
    pub native: Vec<String>,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        WebhookOptions {
            lag: Duration::ZERO,
            spread: Duration::ZERO,
            doubled: false,
            timeout: Duration::from_secs(5),
            secret: None,
            loopback_http: true,
            native: vec![],
        }
    }
}

/// What the three accounts may do. Each figure is the vendor's unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct ApiLimits {
    /// 5, not raisable. <https://developers.livestorm.co/docs/rate-limits-and-quotas>
    pub livestorm_calls_per_second: u32,
    /// 10,000; same page.
    pub livestorm_calls_per_month: u64,
    /// People who may register in a calendar month, each counted once: a plan's allowance of active contacts. `None`: no
    /// end. One more is answered 402 (<https://developers.livestorm.co/docs/requests>); what counts is [inferred].
    pub livestorm_contacts_per_month: Option<u64>,
    /// In rolling 24 hours: 100,000 and 1,000 a licence.
    /// <https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-api.html>
    pub salesforce_calls_per_day: u64,
    /// 50,000 in the edition Plus. <https://developer.salesforce.com/docs/marketing/pardot/guide/overview.html>
    pub account_engagement_calls_per_day: u64,
    /// 5; same page. One more is answered with code 66.
    pub account_engagement_calls_in_flight: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            base_url: "http://simulators.test".into(),
            livestorm_token: "simulated-livestorm-token".into(),
            salesforce: SalesforceCredentials {
                client_id: "simulated-client-id".into(),
                client_secret: "simulated-client-secret".into(),
                refresh_token: "simulated-refresh-token-0".into(),
                access_token: "simulated-access-token-0".into(),
            },
            business_unit_id: salesforce_id("0Uv", 1),
            read_lag: ReadLag {
                livestorm: Duration::ZERO,
                salesforce: Duration::ZERO,
                account_engagement: Duration::from_secs(60),
            },
            campaign_delay: CampaignDelay::Fixed(Duration::from_secs(10 * 60)),
            synced_record_types: None,
            ampsea: true,
            session_timeout: Duration::from_secs(2 * 60 * 60),
            rotate_refresh_tokens: true,
            limits: ApiLimits {
                livestorm_calls_per_second: 5,
                livestorm_calls_per_month: 10_000,
                livestorm_contacts_per_month: None,
                salesforce_calls_per_day: 101_000,
                account_engagement_calls_per_day: 50_000,
                account_engagement_calls_in_flight: 5,
            },
            livestorm_webhooks: WebhookOptions::default(),
            unknowns: Unknowns::default(),
            faults: FaultPlan::default(),
        }
    }
}
