//! Connecting an account: a person signs in at the provider, and a grant comes of it. OAuth 2 with a code (RFC 6749, section
//! 4.1), proved by PKCE (RFC 7636).
//!
//! Promises: a code is worth something to this sign-in alone, since the verifier never leaves it; an answer that was not asked for
//! is told from one that was; nothing here prints a code, a verifier, a token or a secret of the app. Not here: how the person
//! is led there and back (`cli/connect.rs`), where the grant is kept (`credentials.rs`), how it is refreshed (`oauth.rs`).

use super::{
    credentials::{Known, OAuth, Secret},
    oauth::{self, Refused, Tokens},
    pipeline::encode,
    profile::Provider,
    scrub,
    transport::{Transport, TransportError},
};
use crate::vault;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, net::IpAddr};
use subtle::ConstantTimeEq;

/// The app that a person signs in to, as its owner registered it at the provider.
#[derive(Clone, Debug)]
pub struct App {
    pub client_id: String,
    /// A public app has none; the proof alone stands for it.
    pub client_secret: Option<SecretString>,
    /// As in [`OAuth::token_url`].
    pub token_url: String,
    /// Where one signs in. Left out: beside the token address.
    pub authorize_url: Option<String>,
}

/// Why an account is not connected. `account` is the operator's word for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    #[error(
        "it is not said where one signs in for the account `{account}`, and its token_url does not end in /token. Give \
         authorize_url under secrets.{account}"
    )]
    NoPage { account: String },
    #[error(
        "the callback address cannot be used: {problem}. Give the one that the app has, like https://example.org/return"
    )]
    Callback { problem: &'static str },
    #[error("the token_url of the account `{account}` cannot be used: {problem}")]
    Address { account: String, problem: String },
    #[error(
        "this is not the answer to the link that was shown: another sign-in was begun since, or somebody else sent it. Use the \
         last link"
    )]
    NotTheAnswer,
    #[error(
        "there is no code in it. Give the address to which the sign-in led, from http on, or the value behind code= in it"
    )]
    NoCode,
    #[error("the account `{account}` is not connected: {said}. {remedy}")]
    Refused { account: String, said: String, remedy: String },
    #[error("the account `{account}` is not connected: {problem}. Its code may be used up: begin again")]
    NoAnswer { account: String, problem: String },
    #[error(
        "the account `{account}` is not connected: the provider gave no refresh token, and without one the sign-in ends within \
         hours. Allow the app the scope refresh_token (\"perform requests at any time\"), then begin again"
    )]
    NotForLong { account: String },
}

/// A sign-in under way.
#[derive(Debug)]
pub struct SignIn {
    account: String,
    app: App,
    page: String,
    scopes: BTreeSet<&'static str>,
    callback: String,
    allow_private: bool,
    /// Comes back with the answer.
    state: SecretString,
    verifier: SecretString,
}

impl SignIn {
    /// `callback`: where the provider leads the person afterwards, to the letter as the app has it. `allow_private`: the operator's
    /// word, as in a binding.
    pub fn begin(
        account: &str,
        app: App,
        providers: impl IntoIterator<Item = Provider>,
        callback: &str,
        allow_private: bool,
    ) -> Result<SignIn, SignInError> {
        is_callback(callback).map_err(|problem| SignInError::Callback { problem })?;
        let page = app.page().ok_or_else(|| SignInError::NoPage { account: account.into() })?;
        let drawn = || SecretString::from(URL_SAFE_NO_PAD.encode(*vault::drawn()));
        Ok(SignIn {
            account: account.into(),
            app,
            page,
            scopes: providers.into_iter().flat_map(Provider::scopes).copied().collect(),
            callback: callback.into(),
            allow_private,
            state: drawn(),
            verifier: drawn(),
        })
    }

    /// By this the answer is known.
    pub fn state(&self) -> &SecretString {
        &self.state
    }

    /// For the person's browser.
    pub fn link(&self) -> String {
        let scopes: Vec<&str> = self.scopes.iter().copied().collect();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose_secret()));
        let pairs = [
            ("response_type", "code"),
            ("client_id", &self.app.client_id),
            ("redirect_uri", &self.callback),
            ("scope", &scopes.join(" ")),
            ("state", self.state.expose_secret()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let joint = if self.page.contains('?') { '&' } else { '?' };
        format!("{}{joint}{}", self.page, pairs.join("&"))
    }

    /// The code in what came back: the whole address, its query, or the code alone. Whoever gives the code alone has taken it from
    /// the answer by hand; that it belongs to this sign-in is then proved by the verifier alone.
    pub fn code(&self, answer: &str) -> Result<SecretString, SignInError> {
        let answer = answer.trim();
        if answer.is_empty() || answer.contains(char::is_whitespace) {
            return Err(SignInError::NoCode);
        }
        let (_, query) = answer.split_once('?').unwrap_or(("", answer));
        let query = query.split('#').next().unwrap_or_default();
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
        let sent = |name: &str| pairs().find(|(own, _)| *own == name).map(|(_, value)| decoded(value));
        if !answer.contains('?') && sent("code").is_none() && sent("error").is_none() {
            // A code as it stands in an address.
            return match answer.contains("://") {
                true => Err(SignInError::NoCode),
                false => Ok(percent_decode_str(answer).decode_utf8_lossy().into_owned().into()),
            };
        }
        let state = sent("state").unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(self.state.expose_secret().as_bytes())) {
            return Err(SignInError::NotTheAnswer);
        }
        if let Some(error) = sent("error") {
            let refused = Refused { error, error_description: sent("error_description").unwrap_or_default() };
            let scopes = || self.scopes.iter().copied().collect::<Vec<_>>().join(", ");
            let remedy = match refused.error.as_str() {
                "access_denied" => "Whoever signs in has to allow it: begin again".into(),
                "invalid_scope" => format!("Allow the app these scopes: {}", scopes()),
                _ => refused.remedy().unwrap_or("Mend it, then begin again").to_owned(),
            };
            return Err(self.refused(refused.said(&self.known(None)), remedy));
        }
        sent("code").filter(|code| !code.is_empty()).map(Into::into).ok_or(SignInError::NoCode)
    }

    /// The grant for the code. Asked once: a code is used up by whoever shows it.
    pub async fn finish(self, code: SecretString, transport: &dyn Transport) -> Result<Secret, SignInError> {
        let known = self.known(Some(&code));
        let App { client_id, client_secret, token_url, .. } = &self.app;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("client_id", client_id.as_str()),
            ("redirect_uri", &self.callback),
            ("code_verifier", self.verifier.expose_secret()),
        ];
        let request = oauth::request(token_url, &form, client_secret.as_ref(), self.allow_private)
            .map_err(|problem| SignInError::Address { account: self.account.clone(), problem })?;
        let no_answer = |problem| SignInError::NoAnswer { account: self.account.clone(), problem };
        let answer =
            transport.send(request, oauth::ANSWER_BYTES_MAX).await.map_err(|e| {
                let (TransportError::NotSent(e)
                | TransportError::Unknown(e)
                | TransportError::Unusable { problem: e, .. }) = e;
                no_answer(format!("the login server does not answer: {}", scrub::text(&e, &known)))
            })?;
        let status = answer.status().as_u16();
        if !answer.status().is_success() {
            let Some(refused) = Refused::of(&answer) else {
                return Err(no_answer(format!("the login server answered {status}")));
            };
            let remedy = refused.remedy().map_or_else(
                || match refused.error.as_str() {
                    "redirect_uri_mismatch" => {
                        format!("Give the app the callback address {}, to the letter", self.callback)
                    }
                    _ => "The code is used up, too old, or of another sign-in. Begin again".into(),
                },
                Into::into,
            );
            return Err(self.refused(refused.said(&known), remedy));
        }
        let Ok(tokens) = serde_json::from_slice::<Tokens>(answer.body()) else {
            return Err(no_answer(format!("the login server answered {status} without a token")));
        };
        let Some(refresh_token) = tokens.refresh_token else {
            return Err(SignInError::NotForLong { account: self.account });
        };
        Ok(Secret::OAuth(Box::new(OAuth {
            token_url: self.app.token_url,
            client_id: self.app.client_id,
            client_secret: self.app.client_secret,
            refresh_token: refresh_token.into(),
            access_token: Some(tokens.access_token.into()),
            instance_url: tokens.instance_url,
        })))
    }

    fn refused(&self, said: String, remedy: String) -> SignInError {
        SignInError::Refused { account: self.account.clone(), said, remedy }
    }

    fn known(&self, code: Option<&SecretString>) -> Known {
        let own = [&self.state, &self.verifier].into_iter().chain(&self.app.client_secret);
        Known::of(own.chain(code).cloned())
    }
}

/// A code that is led elsewhere than the app expects, or in clear across a network, is somebody else's.
fn is_callback(text: &str) -> Result<(), &'static str> {
    let whole = "it is no whole address that begins with https://";
    let uri: http::Uri = text.parse().map_err(|_| whole)?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(whole) };
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_here = host.eq_ignore_ascii_case("localhost") || literal.is_ok_and(|ip| ip.is_loopback());
    match scheme {
        "https" | "http" if text.contains('#') => Err("a fragment, from # on, is not sent back"),
        "https" | "http" if uri.authority().is_some_and(|a| a.as_str().contains('@')) => {
            Err("it holds the name of a user, or a password")
        }
        "http" if !is_here => Err("http:// is for addresses of this machine alone"),
        "https" | "http" if !host.is_empty() => Ok(()),
        _ => Err(whole),
    }
}

impl App {
    fn page(&self) -> Option<String> {
        if let Some(page) = &self.authorize_url {
            return Some(page.clone());
        }
        let (scheme, rest) = self.token_url.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = if path.is_empty() { oauth::TOKEN_PATH } else { path };
        path.strip_suffix("token").map(|folder| format!("{scheme}://{host}/{folder}authorize"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SimulatedClock,
        simulators::{Options, Simulators},
    };
    use async_trait::async_trait;
    use std::sync::{Arc, Mutex};

    const BACK: &str = "http://localhost:1717/OauthRedirect";
    const SECRET: &str = "made-up-client-secret";
    const CODE: &str = "aPrx.made-up-code==";

    fn app(token_url: &str) -> App {
        App {
            client_id: "an app".into(),
            client_secret: Some(SECRET.into()),
            token_url: token_url.into(),
            authorize_url: None,
        }
    }

    fn sign_in(app: App) -> SignIn {
        SignIn::begin("salesforce", app, [Provider::Salesforce, Provider::AccountEngagement], BACK, true).unwrap()
    }

    #[test]
    fn the_link_asks_for_what_the_connections_need_and_shows_the_challenge_alone() {
        let sign_in = sign_in(app("https://login.salesforce.com"));
        let link = sign_in.link();
        let state = sign_in.state.expose_secret();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(sign_in.verifier.expose_secret()));
        let expect = format!(
            "https://login.salesforce.com/services/oauth2/authorize?response_type=code&client_id=an%20app&redirect_uri=http%3A%2F%2F\
             localhost%3A1717%2FOauthRedirect&scope=api%20pardot_api%20refresh_token&state={state}&code_challenge={challenge}&\
             code_challenge_method=S256"
        );
        assert_eq!(link, expect);
        assert_eq!((state.len(), challenge.len()), (43, 43));
        assert!(!link.contains(sign_in.verifier.expose_secret()) && !link.contains(SECRET));
        let other = self::sign_in(app("https://login.salesforce.com"));
        assert!(other.link() != link, "each is drawn anew");
    }

    #[test]
    fn a_code_is_led_to_a_whole_address_and_in_clear_within_this_machine_alone() {
        for (callback, problem) in [
            (BACK, None),
            ("http://127.0.0.1:8081/v1/sign-in/return", None),
            ("http://[::1]:8081/return", None),
            ("https://hub.example.org/return?tenant=7", None),
            ("", Some("no whole address")),
            ("/return", Some("no whole address")),
            ("hub.example.org", Some("no whole address")),
            ("hub.example.org/return", Some("no whole address")),
            ("https:///return", Some("no whole address")),
            ("javascript:hush()", Some("no whole address")),
            ("ftp://hub.example.org/return", Some("no whole address")),
            ("https://hub.example.org/a b", Some("no whole address")),
            ("https://hub.example.org/return#here", Some("fragment")),
            ("https://ana:hush@hub.example.org/return", Some("a password")),
            ("http://hub.example.org/return", Some("of this machine alone")),
            ("http://localhost.example.org/return", Some("of this machine alone")),
        ] {
            let begun = SignIn::begin("salesforce", app("https://a.example"), [Provider::Salesforce], callback, true);
            let said = begun.map(drop).map_err(|e| e.to_string());
            match (problem, &said) {
                (None, Ok(())) => {}
                (Some(problem), Err(said)) if said.contains(problem) && !said.contains("hush") => {}
                _ => panic!("{callback}: {said:?}"),
            }
        }
    }

    #[test]
    fn the_page_stands_beside_the_token_address_or_is_given() {
        for (token_url, authorize_url, expect) in [
            ("https://a.example", None, Some("https://a.example/services/oauth2/authorize")),
            ("https://a.example/", None, Some("https://a.example/services/oauth2/authorize")),
            ("https://a.example/oauth/token", None, Some("https://a.example/oauth/authorize")),
            ("https://a.example/give", None, None),
            ("https://a.example/give", Some("https://b.example/in?x=1"), Some("https://b.example/in?x=1")),
        ] {
            let app = App { authorize_url: authorize_url.map(Into::into), ..app(token_url) };
            let begun = SignIn::begin("salesforce", app, [], BACK, false);
            match expect {
                Some(page) => {
                    let joint = if page.contains('?') { '&' } else { '?' };
                    assert!(begun.unwrap().link().starts_with(&format!("{page}{joint}response_type=")), "{token_url}");
                }
                None => assert!(begun.unwrap_err().to_string().contains("Give authorize_url under secrets.salesforce")),
            }
        }
    }

    #[test]
    fn the_code_is_found_in_what_came_back_and_a_foreign_answer_is_refused() {
        let sign_in = sign_in(app("https://a.example"));
        let state = sign_in.state.expose_secret().to_owned();
        let found = |answer: &str| sign_in.code(answer).map(|code| code.expose_secret().to_owned());
        let encoded = encode(CODE);
        for answer in [
            format!("{BACK}?code={encoded}&state={state}"),
            format!("  {BACK}?state={state}&code={encoded}#_=_\n"),
            format!("code={encoded}&state={state}"),
            CODE.to_owned(),
            encoded.clone(),
        ] {
            assert_eq!(found(&answer), Ok(CODE.to_owned()), "{answer}");
        }
        let rows = [
            (format!("{BACK}?code={encoded}&state=another"), SignInError::NotTheAnswer),
            (format!("{BACK}?code={encoded}"), SignInError::NotTheAnswer),
            (format!("{BACK}?error=access_denied"), SignInError::NotTheAnswer),
            (format!("{BACK}?state={state}"), SignInError::NoCode),
            (format!("{BACK}?code=&state={state}"), SignInError::NoCode),
            (BACK.to_owned(), SignInError::NoCode),
            (String::new(), SignInError::NoCode),
            ("the code is abc".to_owned(), SignInError::NoCode),
        ];
        for (answer, expect) in rows {
            assert_eq!(found(&answer), Err(expect), "{answer}");
        }
        let refused = |error: &str| found(&format!("{BACK}?error={error}&state={state}")).unwrap_err().to_string();
        let said = refused("access_denied&error_description=end-user+denied");
        assert!(
            said.contains("not connected: access_denied: end-user denied. Whoever signs in has to allow it"),
            "{said}"
        );
        assert!(refused("invalid_scope").ends_with("Allow the app these scopes: api, pardot_api, refresh_token"));
        assert!(refused("inactive_org").contains("Ask the administrator"));
    }

    /// Against Salesforce as it is simulated, which demands the proof and the callback address to the letter.
    #[tokio::test]
    async fn a_code_brings_a_grant_once_and_only_with_its_verifier() {
        let simulators = Simulators::new(Arc::new(SimulatedClock::new(crate::clock::Timestamp(0))), Options::default());
        let options = simulators.world().options.clone();
        {
            let mut world = simulators.world();
            let sign_in = &mut world.salesforce.tokens.sign_in;
            (sign_in.requires_pkce, sign_in.redirect_uris) = (true, vec![BACK.into()]);
        }
        let transport = simulators.transport();
        let app = App {
            client_id: options.salesforce.client_id.clone(),
            client_secret: Some(options.salesforce.client_secret.clone().into()),
            ..app(&options.base_url)
        };
        let answer_to = |sign_in: &SignIn| {
            let request = http::Request::get(sign_in.link()).body(vec![]).unwrap();
            simulators.handle(request).unwrap().headers()["location"].to_str().unwrap().to_owned()
        };
        let begin = || sign_in(app.clone());

        let sign_in = begin();
        let code = sign_in.code(&answer_to(&sign_in)).unwrap();
        let Secret::OAuth(grant) = sign_in.finish(code.clone(), &*transport).await.unwrap() else { panic!("a grant") };
        assert_eq!(grant.instance_url.as_deref(), Some(options.base_url.as_str()));
        assert!(
            grant.access_token.is_some() && grant.refresh_token.expose_secret() != options.salesforce.refresh_token
        );

        let said = begin().finish(code, &*transport).await.unwrap_err().to_string();
        assert!(said.contains("invalid_grant: expired authorization code. The code is used up, too old"), "{said}");

        // Somebody has got hold of the code, and not of what was drawn.
        let first = begin();
        let stolen = first.code(&answer_to(&first)).unwrap();
        let said = begin().finish(stolen, &*transport).await.unwrap_err().to_string();
        assert!(said.contains("invalid code verifier"), "{said}");

        let public = App { client_secret: None, ..app.clone() };
        let in_public = || self::sign_in(public.clone());
        let sign_in = in_public();
        let code = sign_in.code(&answer_to(&sign_in)).unwrap();
        let said = sign_in.finish(code, &*transport).await.unwrap_err().to_string();
        assert!(said.contains("Correct client id and secret"), "{said}");
        simulators.world().salesforce.tokens.sign_in.requires_secret = false;
        let sign_in = in_public();
        let code = sign_in.code(&answer_to(&sign_in)).unwrap();
        assert!(sign_in.finish(code, &*transport).await.is_ok(), "a public app has the proof alone");
    }

    /// Repeats what it was sent, in every place where an answer can.
    struct Echo(Mutex<usize>);

    #[async_trait]
    impl Transport for Echo {
        async fn send(
            &self,
            request: http::Request<Vec<u8>>,
            _: usize,
        ) -> Result<http::Response<Vec<u8>>, TransportError> {
            let said = String::from_utf8_lossy(request.body()).into_owned();
            let mut number = self.0.lock().unwrap();
            *number += 1;
            let answer = |status: u16, body: serde_json::Value| {
                Ok(http::Response::builder().status(status).body(body.to_string().into_bytes()).unwrap())
            };
            match *number {
                1 => Err(TransportError::NotSent(said)),
                2 => Err(TransportError::Unknown(said)),
                3 => Err(TransportError::Unusable { status: None, problem: said }),
                4 => answer(400, serde_json::json!({ "error": "odd", "error_description": said })),
                5 => answer(500, serde_json::json!([said])),
                6 => answer(200, serde_json::json!([said])),
                _ => answer(200, serde_json::json!({ "access_token": "made-up-access-token" })),
            }
        }
    }

    #[tokio::test]
    async fn nothing_prints_a_code_a_verifier_a_token_or_a_secret() {
        let echo = Echo(Mutex::new(0));
        let mut seen = format!("{:?}", app("https://a.example"));
        let mut hidden = vec![SECRET.to_owned(), CODE.to_owned(), encode(CODE), "made-up-access-token".into()];
        let mut kinds = BTreeSet::new();
        for _ in 0..7 {
            let sign_in = sign_in(app("https://a.example"));
            hidden.extend([&sign_in.state, &sign_in.verifier].map(|drawn| drawn.expose_secret().to_owned()));
            seen += &format!("{sign_in:?} {:?}", sign_in.code(&format!("{BACK}?state=x&code={CODE}")).unwrap_err());
            let said = sign_in.finish(CODE.into(), &echo).await.unwrap_err();
            kinds.insert(format!("{said:?}").split(' ').next().unwrap().to_owned());
            seen += &format!("{said} {said:?}");
        }
        assert_eq!(kinds.len(), 3, "enough happened: {kinds:?}");
        assert!(seen.contains("[secret]"));
        for text in hidden {
            let at = seen.find(&text);
            assert!(at.is_none(), "{text} in …{}…", &seen[at.unwrap_or(0).saturating_sub(200)..][..300]);
        }
    }
}
