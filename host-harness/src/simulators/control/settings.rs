//! Options that may be changed while the simulators run, as they are written in scenarios and at `/simulators/options`.
//! Promises: what is left out keeps its value.

use crate::simulators::options::{CampaignDelay, Options};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub livestorm_read_lag_seconds: Option<u64>,
    pub salesforce_read_lag_seconds: Option<u64>,
    pub account_engagement_read_lag_seconds: Option<u64>,
    /// Nothing in an answer: it is drawn anew for each campaign.
    pub campaign_delay_seconds: Option<u64>,
    pub session_timeout_seconds: Option<u64>,
    pub rotate_refresh_tokens: Option<bool>,
    pub ampsea: Option<bool>,
    pub livestorm_calls_per_second: Option<u32>,
    pub livestorm_calls_per_month: Option<u64>,
    /// Nothing in an answer: there is no end.
    pub livestorm_contacts_per_month: Option<u64>,
    pub salesforce_calls_per_day: Option<u64>,
    pub account_engagement_calls_per_day: Option<u64>,
    pub account_engagement_calls_in_flight: Option<usize>,
    /// From an occurrence to its webhooks.
    pub livestorm_webhook_lag_seconds: Option<u64>,
    /// Each comes later by a drawn part of this besides.
    pub livestorm_webhook_spread_seconds: Option<u64>,
    pub livestorm_webhooks_doubled: Option<bool>,
    pub livestorm_webhook_timeout_seconds: Option<u64>,
    /// Signs the REST API's webhooks. Nothing, or empty: they are unsigned.
    pub livestorm_webhook_secret: Option<String>,
    /// Whether a webhook may go to `http://` of this machine, which Livestorm itself would not take.
    pub livestorm_webhook_loopback_http: Option<bool>,
}

impl Settings {
    pub fn of(options: &Options) -> Settings {
        Settings {
            livestorm_read_lag_seconds: Some(options.read_lag.livestorm.as_secs()),
            salesforce_read_lag_seconds: Some(options.read_lag.salesforce.as_secs()),
            account_engagement_read_lag_seconds: Some(options.read_lag.account_engagement.as_secs()),
            campaign_delay_seconds: match options.campaign_delay {
                CampaignDelay::Fixed(delay) => Some(delay.as_secs()),
                CampaignDelay::Drawn { .. } => None,
            },
            session_timeout_seconds: Some(options.session_timeout.as_secs()),
            rotate_refresh_tokens: Some(options.rotate_refresh_tokens),
            ampsea: Some(options.ampsea),
            livestorm_calls_per_second: Some(options.limits.livestorm_calls_per_second),
            livestorm_calls_per_month: Some(options.limits.livestorm_calls_per_month),
            livestorm_contacts_per_month: options.limits.livestorm_contacts_per_month,
            salesforce_calls_per_day: Some(options.limits.salesforce_calls_per_day),
            account_engagement_calls_per_day: Some(options.limits.account_engagement_calls_per_day),
            account_engagement_calls_in_flight: Some(options.limits.account_engagement_calls_in_flight),
            livestorm_webhook_lag_seconds: Some(options.livestorm_webhooks.lag.as_secs()),
            livestorm_webhook_spread_seconds: Some(options.livestorm_webhooks.spread.as_secs()),
            livestorm_webhooks_doubled: Some(options.livestorm_webhooks.doubled),
            livestorm_webhook_timeout_seconds: Some(options.livestorm_webhooks.timeout.as_secs()),
            livestorm_webhook_secret: options.livestorm_webhooks.secret.clone(),
            livestorm_webhook_loopback_http: Some(options.livestorm_webhooks.loopback_http),
        }
    }

    pub fn set(&self, options: &mut Options) {
        fn put<T>(to: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *to = value;
            }
        }
        put(&mut options.read_lag.livestorm, self.livestorm_read_lag_seconds.map(Duration::from_secs));
        put(&mut options.read_lag.salesforce, self.salesforce_read_lag_seconds.map(Duration::from_secs));
        put(
            &mut options.read_lag.account_engagement,
            self.account_engagement_read_lag_seconds.map(Duration::from_secs),
        );
        let delay = self.campaign_delay_seconds.map(|seconds| CampaignDelay::Fixed(Duration::from_secs(seconds)));
        put(&mut options.campaign_delay, delay);
        put(&mut options.session_timeout, self.session_timeout_seconds.map(Duration::from_secs));
        put(&mut options.rotate_refresh_tokens, self.rotate_refresh_tokens);
        put(&mut options.ampsea, self.ampsea);
        put(&mut options.limits.livestorm_calls_per_second, self.livestorm_calls_per_second);
        put(&mut options.limits.livestorm_calls_per_month, self.livestorm_calls_per_month);
        let contacts = self.livestorm_contacts_per_month.map(Some);
        put(&mut options.limits.livestorm_contacts_per_month, contacts);
        put(&mut options.limits.salesforce_calls_per_day, self.salesforce_calls_per_day);
        put(&mut options.limits.account_engagement_calls_per_day, self.account_engagement_calls_per_day);
        put(&mut options.limits.account_engagement_calls_in_flight, self.account_engagement_calls_in_flight);
        let webhooks = &mut options.livestorm_webhooks;
        put(&mut webhooks.lag, self.livestorm_webhook_lag_seconds.map(Duration::from_secs));
        put(&mut webhooks.spread, self.livestorm_webhook_spread_seconds.map(Duration::from_secs));
        put(&mut webhooks.doubled, self.livestorm_webhooks_doubled);
        put(&mut webhooks.timeout, self.livestorm_webhook_timeout_seconds.map(Duration::from_secs));
        let secret = self.livestorm_webhook_secret.clone();
        put(&mut webhooks.secret, secret.map(|secret| Some(secret).filter(|secret| !secret.is_empty())));
        put(&mut webhooks.loopback_http, self.livestorm_webhook_loopback_http);
    }
}
