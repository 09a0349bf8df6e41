//! Which tokens and codes are worth something.
//!
//! Promises: a connection is a family of one refresh token and the access tokens that came of it; several of one user
//! and app live side by side. With rotation each refresh token may be used once, and using an old one again ends its
//! family [confirmed], and no other. <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm>
//! Of five approvals with refresh tokens the oldest ends when a sixth comes [confirmed]; its access tokens end with it
//! [inferred]. <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_request_manage.htm>
//! A code is worth something once, for 15 minutes. <https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm>

use super::{
    scopes::Scopes,
    sign_in::{SignIn, SignInRefusal},
};
use crate::{clock::Timestamp, simulators::options::Options};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// Approvals of one user and app.
const APPROVALS_MAX: usize = 5;
const CODE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Until then a code that is over is told from one that never was.
const CODE_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// All tokens of the org's one user.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// In the order of their approvals.
    families: Vec<Family>,
    codes: HashMap<String, Code>,
    issued: u64,
    codes_issued: u64,
    /// Refreshes yet to be refused because another one is under way.
    races_due: u32,
    /// The app, and who may sign in to it.
    pub sign_in: SignIn,
}

/// A connection: what one approval, or one sign-in by the app's own name, has brought.
#[derive(Clone, Debug)]
struct Family {
    scopes: Scopes,
    /// With the time of issue.
    access: HashMap<String, Timestamp>,
    /// Nothing where none was asked for.
    refresh: Option<String>,
    /// Refresh tokens that were used.
    spent: HashSet<String>,
}

/// What waits for the app to fetch its tokens.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub redirect_uri: String,
    pub scopes: Scopes,
    /// Of PKCE, by the method S256.
    pub challenge: Option<String>,
    pub made_at: Timestamp,
    used: bool,
}

/// What a grant has brought.
#[derive(Debug)]
pub(super) struct Granted {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub scopes: Scopes,
}

/// A token that is worth something.
#[derive(Debug)]
pub(super) enum Known<'a> {
    Access(&'a Scopes, Timestamp),
    Refresh(&'a Scopes),
}

impl Tokens {
    pub(in crate::simulators::salesforce) fn new(now: Timestamp, options: &Options) -> Tokens {
        let first = Family {
            scopes: Scopes::all(),
            access: HashMap::from([(options.salesforce.access_token.clone(), now)]),
            refresh: Some(options.salesforce.refresh_token.clone()),
            spent: HashSet::new(),
        };
        Tokens {
            families: vec![first],
            codes: HashMap::new(),
            issued: 0,
            codes_issued: 0,
            races_due: 0,
            sign_in: SignIn::default(),
        }
    }

    fn next_access_token(&mut self) -> String {
        self.issued += 1;
        format!("simulated-access-token-{}", self.issued)
    }

    fn next_refresh_token(&self) -> String {
        format!("simulated-refresh-token-{}", self.issued)
    }

    /// Forgets what the clock has ended.
    fn tidy(&mut self, now: Timestamp, options: &Options) {
        for family in &mut self.families {
            family.access.retain(|_, issued| now < issued.plus(options.session_timeout));
        }
        self.families.retain(|family| family.refresh.is_some() || !family.access.is_empty());
        self.codes.retain(|_, code| now < code.made_at.plus(CODE_MEMORY));
    }

    /// A family of its own. With a refresh token it is an approval, of which there are not many.
    pub(super) fn begin(&mut self, scopes: Scopes, refreshable: bool, now: Timestamp, options: &Options) -> Granted {
        self.tidy(now, options);
        let access_token = self.next_access_token();
        let refresh_token = refreshable.then(|| self.next_refresh_token());
        if refreshable {
            while self.families.iter().filter(|family| family.refresh.is_some()).count() >= APPROVALS_MAX {
                let Some(oldest) = self.families.iter().position(|family| family.refresh.is_some()) else { break };
                self.families.remove(oldest);
            }
        }
        self.families.push(Family {
            scopes: scopes.clone(),
            access: HashMap::from([(access_token.clone(), now)]),
            refresh: refresh_token.clone(),
            spent: HashSet::new(),
        });
        Granted { access_token, refresh_token, scopes }
    }

    /// Whether a refresh meets another one that is under way.
    pub(super) fn races(&mut self) -> bool {
        let due = self.races_due.checked_sub(1);
        self.races_due = due.unwrap_or(0);
        due.is_some()
    }

    /// Nothing where the token is worth nothing. One that was used before ends its family.
    pub(super) fn refresh(&mut self, token: &str, now: Timestamp, options: &Options) -> Option<Granted> {
        self.families.retain(|family| !family.spent.contains(token));
        self.tidy(now, options);
        let index = self.families.iter().position(|family| family.refresh.as_deref() == Some(token))?;
        let access_token = self.next_access_token();
        let refresh_token = options.rotate_refresh_tokens.then(|| self.next_refresh_token());
        let family = self.families.get_mut(index)?;
        family.access.insert(access_token.clone(), now);
        if let Some(next) = &refresh_token {
            family.spent.extend(family.refresh.replace(next.clone()));
        }
        Some(Granted { access_token, refresh_token, scopes: family.scopes.clone() })
    }

    pub(super) fn add_code(
        &mut self,
        redirect_uri: &str,
        scopes: Scopes,
        challenge: Option<String>,
        now: Timestamp,
    ) -> String {
        self.codes_issued += 1;
        let name = format!("simulated-authorization-code-{}", self.codes_issued);
        let redirect_uri = redirect_uri.to_owned();
        self.codes.insert(name.clone(), Code { redirect_uri, scopes, challenge, made_at: now, used: false });
        name
    }

    /// A code is worth nothing from here on, whatever becomes of the request that shows it. Else the text of
    /// `invalid_grant`.
    pub(super) fn use_code(&mut self, name: &str, now: Timestamp) -> Result<Code, &'static str> {
        let code = self.codes.get_mut(name).ok_or("invalid authorization code")?;
        let is_over = now >= code.made_at.plus(CODE_LIFE);
        if std::mem::replace(&mut code.used, true) || is_over {
            return Err("expired authorization code");
        }
        Ok(code.clone())
    }

    /// Ends a token: a refresh token takes its family with it, an access token goes alone. `false` where there is none.
    pub(super) fn end(&mut self, token: &str) -> bool {
        if let Some(index) = self.families.iter().position(|family| family.refresh.as_deref() == Some(token)) {
            self.families.remove(index);
            return true;
        }
        self.families.iter_mut().any(|family| family.access.remove(token).is_some())
    }

    pub(in crate::simulators::salesforce) fn expire(&mut self) {
        self.families.iter_mut().for_each(|family| family.access.clear());
    }

    /// All of them: the customer disconnects the app.
    pub(in crate::simulators::salesforce) fn revoke(&mut self) {
        self.families.clear();
    }

    pub(in crate::simulators::salesforce) fn refuse_next_refreshes(&mut self, times: u32) {
        self.races_due = times;
    }

    pub(super) fn known(&self, token: &str, now: Timestamp, options: &Options) -> Option<Known<'_>> {
        if self.sign_in.refusal.is_some_and(SignInRefusal::ends_sessions) {
            return None;
        }
        self.families.iter().find_map(|family| {
            let issued = family.access.get(token).filter(|issued| now < issued.plus(options.session_timeout));
            let access = issued.map(|issued| Known::Access(&family.scopes, *issued));
            access.or((family.refresh.as_deref() == Some(token)).then_some(Known::Refresh(&family.scopes)))
        })
    }

    /// Whether a bearer token opens a data call, here and in Account Engagement.
    pub(in crate::simulators) fn opens(&self, token: &str, now: Timestamp, options: &Options) -> bool {
        matches!(self.known(token, now, options), Some(Known::Access(..)))
    }

    /// Of an access token that is worth something.
    pub(super) fn scopes_of(&self, token: &str) -> Option<&Scopes> {
        self.families.iter().find(|family| family.access.contains_key(token)).map(|family| &family.scopes)
    }

    /// What a client would hold that has stored every answer so far, of the oldest connection.
    pub fn refresh_token(&self) -> Option<&str> {
        self.families.iter().find_map(|family| family.refresh.as_deref())
    }

    /// How many approvals there are that can be refreshed.
    pub fn approvals(&self) -> usize {
        self.families.iter().filter(|family| family.refresh.is_some()).count()
    }
}
