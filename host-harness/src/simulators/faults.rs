//! What goes wrong, as data: rules that name a request and a fault, and a plan drawn from a seed.
//!
//! Promises: the first live rule that fits a request is used up by it; the same plan on the same requests does the
//! same. Not here: what an API does by itself when a quota is gone or a token is old (its own folder).

use super::{
    ids::draw,
    request::{Answer, Api, answer, with_header},
};
use serde::{Deserialize, Serialize};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Answered so, and never handled.
    Answer {
        status: u16,
        #[serde(default)]
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: String,
    },
    /// No connection comes about, and the caller knows it: nothing was sent. Over HTTP the request is already here when
    /// its rule is found, so there it is what `CutBeforeEffect` is.
    RefuseConnection,
    /// The connection ends before anything is done, which the caller cannot know.
    CutBeforeEffect,
    /// It is done, and the connection ends before the answer. To the caller the same as `CutBeforeEffect`.
    CutAfterEffect,
    /// The caller's token is worth nothing from here on; then the request is handled.
    ExpireToken,
}

impl Fault {
    /// Of its kind.
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Answer { status: 429, .. } => "too-many-requests",
            Fault::Answer { status: 500.., .. } => "server-error",
            Fault::Answer { .. } => "refusal",
            Fault::RefuseConnection => "refuse-connection",
            Fault::CutBeforeEffect => "cut-before-effect",
            Fault::CutAfterEffect => "cut-after-effect",
            Fault::ExpireToken => "expire-token",
        }
    }
}

/// Which requests. What is left out fits every request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selector {
    pub api: Option<Api>,
    pub method: Option<String>,
    /// By segments: `/api/v5/objects/*/12`, `/v1/sessions/*/people`; `*` is any one segment.
    pub path: Option<String>,
}

impl Selector {
    pub fn path(path: &str) -> Selector {
        Selector { path: Some(path.to_owned()), ..Selector::default() }
    }

    pub fn call(method: &str, path: &str) -> Selector {
        Selector { method: Some(method.to_owned()), ..Selector::path(path) }
    }

    pub fn api(api: Api) -> Selector {
        Selector { api: Some(api), ..Selector::default() }
    }

    pub fn fits(&self, api: Api, method: &str, path: &str) -> bool {
        self.api.is_none_or(|wanted| wanted == api)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|wanted| path_fits(wanted, path))
    }
}

fn path_fits(glob: &str, path: &str) -> bool {
    let (mut glob, mut path) = (segments(glob), segments(path));
    loop {
        match (glob.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(segment)) if wanted == "*" || wanted == segment => {}
            _ => return false,
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// After `skip` requests that fit, the next `times` meet the fault; then the rule is over and the next rule is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    #[serde(flatten)]
    pub on: Selector,
    #[serde(default)]
    pub skip: u32,
    #[serde(default = "once")]
    pub times: u32,
    pub what: Fault,
}

fn once() -> u32 {
    1
}

impl FaultRule {
    pub fn once(on: Selector, what: Fault) -> FaultRule {
        FaultRule { on, skip: 0, times: 1, what }
    }
}

/// How many of a thousand requests meet each kind of fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Odds {
    pub server_error_per_mille: u16,
    pub slow_down_per_mille: u16,
    pub cut_before_effect_per_mille: u16,
    pub cut_after_effect_per_mille: u16,
    pub expire_token_per_mille: u16,
    pub refuse_connection_per_mille: u16,
}

/// Draws a fault for each request, from a seed and the request's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeded {
    pub seed: u64,
    pub odds: Odds,
    /// Never met by a fault.
    #[serde(default)]
    pub except: Vec<Selector>,
    /// Requests seen so far.
    #[serde(default)]
    pub drawn: u64,
}

/// The rules are asked first, the seed where no rule fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultPlan {
    pub rules: Vec<FaultRule>,
    pub seeded: Option<Seeded>,
}

/// A token refreshed without an answer is a connection lost for good where refresh tokens rotate: that is a story of
/// its own, never chance.
const TOKEN_PATH: &str = "/services/oauth2/token";

impl FaultPlan {
    pub fn rules(rules: impl IntoIterator<Item = FaultRule>) -> FaultPlan {
        FaultPlan { rules: rules.into_iter().collect(), seeded: None }
    }

    /// Refreshing a token meets no fault by chance, and `except` neither.
    pub fn seeded(seed: u64, odds: Odds, except: impl IntoIterator<Item = Selector>) -> FaultPlan {
        let mut except: Vec<_> = except.into_iter().collect();
        except.push(Selector::path(TOKEN_PATH));
        FaultPlan { rules: vec![], seeded: Some(Seeded { seed, odds, except, drawn: 0 }) }
    }

    /// What this request meets. To be asked once a request.
    pub fn next(&mut self, api: Api, method: &str, path: &str) -> Option<Fault> {
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.times > 0 && rule.on.fits(api, method, path)) {
            if rule.skip > 0 {
                rule.skip -= 1;
                return None;
            }
            rule.times -= 1;
            return Some(rule.what.clone());
        }
        self.seeded.as_mut()?.next(api, method, path)
    }
}

impl Seeded {
    fn next(&mut self, api: Api, method: &str, path: &str) -> Option<Fault> {
        if self.except.iter().any(|selector| selector.fits(api, method, path)) {
            return None;
        }
        self.drawn += 1;
        let mut drawn = draw(self.seed, self.drawn) % 1000;
        let odds = [
            (self.odds.server_error_per_mille, server_error(api)),
            (self.odds.slow_down_per_mille, slow_down(api)),
            (self.odds.cut_before_effect_per_mille, Fault::CutBeforeEffect),
            (self.odds.cut_after_effect_per_mille, Fault::CutAfterEffect),
            (self.odds.expire_token_per_mille, Fault::ExpireToken),
            (self.odds.refuse_connection_per_mille, Fault::RefuseConnection),
        ];
        for (per_mille, fault) in odds {
            match drawn.checked_sub(u64::from(per_mille)) {
                None => return Some(fault),
                Some(rest) => drawn = rest,
            }
        }
        None
    }
}

fn plain(status: u16, content_type: &str, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = [("content-type", content_type)].into_iter().chain(headers.iter().copied());
    Fault::Answer {
        status,
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: body.to_owned(),
    }
}

/// A bad hour of each API. Livestorm's is a web page [inferred from public clients], the others speak JSON:
/// <https://developer.salesforce.com/docs/platform/api-rest/guide/errorcodes.html>,
/// <https://developer.salesforce.com/docs/marketing/pardot/guide/error-codes.html>.
pub fn server_error(api: Api) -> Fault {
    match api {
        Api::Livestorm => {
            plain(500, "text/html", &[], "<!DOCTYPE html><title>We're sorry, but something went wrong</title>")
        }
        Api::Salesforce => plain(
            503,
            "application/json",
            &[],
            r#"[{"message":"The REST API is not available at this time","errorCode":"SERVER_UNAVAILABLE"}]"#,
        ),
        Api::AccountEngagement => {
            plain(500, "application/json", &[], r#"{"code":183,"message":"An internal error occurred"}"#)
        }
    }
}

/// Too fast, for once. Salesforce knows no 429: its like is a row that somebody else has locked.
pub fn slow_down(api: Api) -> Fault {
    match api {
        Api::Livestorm => plain(
            429,
            "application/vnd.api+json",
            &[("retry-after", "1")],
            r#"{"errors":[{"title":"Too many requests","detail":"throttle limit reached","code":"429","status":"429"}]}"#,
        ),
        Api::Salesforce => plain(
            400,
            "application/json",
            &[],
            r#"[{"message":"unable to obtain exclusive access to this record","errorCode":"UNABLE_TO_LOCK_ROW","fields":[]}]"#,
        ),
        Api::AccountEngagement => plain(
            400,
            "application/json",
            &[],
            r#"{"code":66,"message":"You have exceeded your concurrent request limit.  Please wait, before trying again"}"#,
        ),
    }
}

/// The answer that a rule wrote down.
pub(super) fn written(status: u16, headers: &[(String, String)], body: &str) -> Answer {
    let plain = answer(status, "application/json", body.as_bytes().to_vec());
    headers.iter().fold(plain, |answer, (name, value)| with_header(answer, name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(on: Selector, skip: u32, times: u32, status: u16) -> FaultRule {
        FaultRule { on, skip, times, what: Fault::Answer { status, headers: vec![], body: String::new() } }
    }

    #[test]
    fn a_selector_fits_by_api_method_and_segments() {
        let rows = [
            (Selector::default(), true),
            (Selector::api(Api::Livestorm), true),
            (Selector::api(Api::Salesforce), false),
            (Selector::call("get", "/v1/sessions/*/people"), true),
            (Selector::call("POST", "/v1/sessions/*/people"), false),
            (Selector::path("/v1/sessions/*"), false),
            (Selector::path("/v1/sessions/*/people/*"), false),
            (Selector::path("v1/sessions/7/people/"), true),
        ];
        for (selector, fits) in rows {
            assert_eq!(selector.fits(Api::Livestorm, "GET", "/v1/sessions/7/people"), fits, "{selector:?}");
        }
    }

    #[test]
    fn the_first_live_rule_is_used_up_before_the_next_one_is_asked() {
        let mut plan = FaultPlan::rules([
            rule(Selector::path("/v1/ping"), 1, 2, 500),
            rule(Selector::api(Api::Livestorm), 0, 1, 503),
        ]);
        let seen: Vec<_> = (0..5)
            .map(|_| match plan.next(Api::Livestorm, "GET", "/v1/ping") {
                Some(Fault::Answer { status, .. }) => status,
                _ => 200,
            })
            .collect();
        assert_eq!(seen, [200, 500, 500, 503, 200]);
    }

    #[test]
    fn the_same_seed_draws_the_same_faults_near_the_odds_and_spares_what_is_excepted() {
        let odds = Odds { server_error_per_mille: 100, cut_after_effect_per_mille: 50, ..Odds::default() };
        let draw = |seed| {
            let mut plan = FaultPlan::seeded(seed, odds, [Selector::call("DELETE", "/v1/ping")]);
            (0..2000).map(|_| plan.next(Api::Livestorm, "GET", "/v1/ping")).collect::<Vec<_>>()
        };
        let first = draw(7);
        assert_eq!(first, draw(7));
        assert_ne!(first, draw(8));
        let met = first.iter().flatten().count();
        assert!((200..400).contains(&met), "{met} of 2000 at 150 in a thousand");

        let always = Odds { cut_after_effect_per_mille: 1000, ..Odds::default() };
        let mut plan = FaultPlan::seeded(7, always, [Selector::path("/v1/me")]);
        assert_eq!(plan.next(Api::Livestorm, "GET", "/v1/ping"), Some(Fault::CutAfterEffect));
        assert_eq!(plan.next(Api::Livestorm, "GET", "/v1/me"), None);
        assert_eq!(plan.next(Api::Salesforce, "POST", TOKEN_PATH), None);
    }

    #[test]
    fn a_plan_is_read_from_a_file() {
        let plan: FaultPlan = serde_json::from_str(
            r#"{"rules":[{"api":"account-engagement","method":"POST","path":"/api/v5/external-activities","skip":2,"what":"cut-after-effect"}]}"#,
        )
        .unwrap();
        assert_eq!(plan.rules[0].times, 1);
        assert_eq!(plan.rules[0].on.api, Some(Api::AccountEngagement));
        assert_eq!(serde_json::from_str::<FaultPlan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
    }
}
