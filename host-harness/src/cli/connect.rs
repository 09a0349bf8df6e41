//! `harness connect`: a person signs in for an account, or brings its token.
//!
//! Promises: no token, code or secret is printed, or given on a command line; only the answer to the link that was shown is
//! taken; what is connected is sealed and durable when the command ends well. Not here: what a sign-in asks and proves
//! (`connections/sign_in.rs`).

use super::{
    exit_codes,
    installed::{desk, engine, who_serves},
};
use crate::{
    admin::{
        Accounts, Connected, Needs, RETURN, SignInLink,
        client::{Client, ClientError, segment},
    },
    connections::{
        App, Binding, Declared, NetworkTransport, Secret, SignIn, SignInError, SocketTimes, credentials::connected_name,
    },
    data_dir::DataDir,
    installation::InstallationFile,
    vault::Vault,
};
use anyhow::{Context, anyhow, bail};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    routing::get,
};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde_json::json;
use std::{
    collections::BTreeSet,
    io::{IsTerminal, Read},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

/// How long the browser has to fetch the last page.
const PAGE_TIME: Duration = Duration::from_secs(2);

/// Connects an account: signs in at the provider in a browser, or takes a token, and keeps what comes of it, sealed
///
/// For accounts of the installation file that have no secret there. Where an app is named (client_id, token_url) you sign in:
/// the page is opened in the browser where there is one, and its link is printed. The app must have the callback address, to
/// the letter. On a server say --no-browser: open the link anywhere, sign in, and give the address to which it led, or the code
/// in it, on stdin.
///
/// Of any other account the token is read from stdin; what is typed is not shown.
///
/// Given again it replaces what was connected. What waited for the account goes on with the next `harness run`, or with the
/// `harness serve` that is running.
///
/// Examples:
///   harness connect salesforce --installation acme.toml
///   harness connect salesforce --installation acme.toml --no-browser
///   harness connect livestorm --installation acme.toml < livestorm-token
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    of: AccountOf,
    /// Neither open a browser nor listen: print the link, and take the answer from stdin
    #[arg(long)]
    no_browser: bool,
    /// The app's callback address; without --no-browser one of this machine
    #[arg(long, value_name = "URL", default_value = "http://localhost:1717/OauthRedirect")]
    callback: String,
}

/// Which account, and where it is kept.
#[derive(Debug, clap::Args)]
pub(super) struct AccountOf {
    /// The account, as the installation file calls it under [secrets]
    pub account: String,
    /// The installation file
    #[arg(long, value_name = "FILE")]
    pub installation: PathBuf,
    /// Where it is kept; one process at a time may use it
    #[arg(long, value_name = "DIR", default_value = "harness-data")]
    pub data: PathBuf,
    /// The key that seals it [default: of HARNESS_KEY, else made in DIR]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.of.installation)?;
    let account = &arguments.of.account;
    if let Some(client) = who_serves(&arguments.of.data)? {
        return over_there(&arguments, &file.id, &client).await;
    }
    let Some(declared) = file.account(account)? else {
        let bound: BTreeSet<&str> = file.connections.values().map(|binding| binding.account.as_str()).collect();
        return Err(not_bound(account, bound));
    };
    // Before anybody signs in: what could not be kept is not asked for.
    let given = Vault::given(arguments.of.key_file.as_deref())?;
    let data = DataDir::open(&arguments.of.data)?;
    let credentials = data.credentials(&data.vault(given)?)?;
    let secret = match declared {
        Declared::Given(_) => return Err(given_by_the_file(account)),
        Declared::Token => Secret::Token(token(account).await?),
        Declared::App(app) => signed_in(&arguments, &file, app).await?,
    };
    let at = match &secret {
        Secret::OAuth(grant) => grant.instance_url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default(),
        Secret::Token(_) => String::new(),
    };
    credentials.put(&connected_name(&file.id, account), secret)?;
    if data.store().exists() {
        // With the next `run` or `serve`.
        desk(engine(&data.store())?)?.goes_on(&file.id).await?;
    }
    Ok(finished(&arguments, &at))
}

fn finished(arguments: &Arguments, at: &str) -> ExitCode {
    let (account, shown, data) =
        (&arguments.of.account, arguments.of.installation.display(), arguments.of.data.display());
    println!("{account} is connected{at}. Whether all is there: harness check --installation {shown} --data {data}");
    ExitCode::from(exit_codes::WELL)
}

pub(super) fn not_bound<'a>(account: &str, bound: impl IntoIterator<Item = &'a str>) -> anyhow::Error {
    let names = bound.into_iter().collect::<Vec<_>>().join(", ");
    anyhow!("no connection is bound to an account \"{account}\". Give one of these: {names}")
}

pub(super) fn given_by_the_file(account: &str) -> anyhow::Error {
    anyhow!(
        "the installation file says itself where the secret of `{account}` is, and that would be used. Leave `token` or \
         `refresh_token` out of [secrets.{account}] first"
    )
}

/// Where another process has the directory: it keeps what the person brings here.
async fn over_there(arguments: &Arguments, id: &str, client: &Client) -> anyhow::Result<ExitCode> {
    let (account, callback) = (&arguments.of.account, arguments.callback.as_str());
    let accounts = format!("/v1/installations/{}/accounts", segment(id));
    let known: Accounts = client.get(&accounts).await?;
    let Some(shown) = known.accounts.iter().find(|shown| shown.account == *account) else {
        return Err(not_bound(account, known.accounts.iter().map(|shown| shown.account.as_str())));
    };
    let path = |what: &str| format!("{accounts}/{}/{what}", segment(account));
    let connected: Connected = match shown.needs {
        Needs::Nothing => return Err(given_by_the_file(account)),
        Needs::Token => {
            let token = token(account).await?;
            client.post(&path("token"), json!({"token": token.expose_secret()})).await?
        }
        Needs::SignIn => {
            let begun: SignInLink = client.post(&path("sign-in"), json!({"callback": callback})).await?;
            let returned = async |query: &str| client.get::<Connected>(&format!("{RETURN}?{query}")).await;
            match arguments.no_browser {
                true => returned(&as_query(&by_hand(&begun.link).await?, &begun.link)).await?,
                false => {
                    let take = async |query: &str| match returned(query).await {
                        Err(ClientError::Refused {
                            status: StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST,
                            problem,
                        }) => Came::Other(problem.to_string()),
                        returned => Came::Ended(returned.map_err(Into::into)),
                    };
                    by_browser(&begun.link, callback, take).await?
                }
            }
        }
    };
    let at = connected.at.map(|url| format!(" at {url}")).unwrap_or_default();
    Ok(finished(arguments, &at))
}

/// What somebody gave by hand: an address, its query, or the code alone, which is one of the link's own sign-in.
fn as_query(given: &SecretString, link: &str) -> Zeroizing<String> {
    let given = given.expose_secret();
    let query = given.split_once('?').map_or(given, |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let is_code = !given.contains('?') && !["code=", "error="].iter().any(|name| query.contains(name));
    let state = link.split(['?', '&']).find_map(|pair| pair.strip_prefix("state=")).unwrap_or_default();
    Zeroizing::new(match is_code && !given.contains("://") {
        true => format!("code={query}&state={state}"),
        false => query.to_owned(),
    })
}

async fn token(account: &str) -> anyhow::Result<SecretString> {
    asked(format!("The token of {account} (it is not shown): "), true).await
}

/// A line of a terminal, or all that stdin holds.
async fn asked(prompt: String, hidden: bool) -> anyhow::Result<SecretString> {
    let read = move || -> std::io::Result<Zeroizing<String>> {
        if hidden && std::io::stdin().is_terminal() {
            return rpassword::prompt_password(prompt).map(Zeroizing::new);
        }
        eprint!("{prompt}");
        let mut text = Zeroizing::new(String::new());
        match std::io::stdin().is_terminal() {
            true => std::io::stdin().read_line(&mut text).map(drop)?,
            false => std::io::stdin().lock().read_to_string(&mut text).map(drop)?,
        }
        Ok(text)
    };
    let text = tokio::task::spawn_blocking(read).await?.context("stdin cannot be read")?;
    match text.trim() {
        "" => bail!("nothing was given on stdin. Give it there, and nothing else"),
        text => Ok(text.into()),
    }
}

async fn signed_in(arguments: &Arguments, file: &InstallationFile, app: App) -> anyhow::Result<Secret> {
    let (account, callback) = (&arguments.of.account, arguments.callback.as_str());
    let bound: Vec<&Binding> = file.connections.values().filter(|binding| binding.account == *account).collect();
    let allow_private = bound.iter().any(|binding| binding.allow_private_addresses);
    let providers = bound.iter().map(|binding| binding.provider);
    let sign_in = SignIn::begin(account, app, providers, callback, allow_private)?;
    let code = match arguments.no_browser {
        true => sign_in.code(by_hand(&sign_in.link()).await?.expose_secret())?,
        false => {
            let take = async |query: &str| match sign_in.code(&format!("?{query}")) {
                Err(why @ (SignInError::NotTheAnswer | SignInError::NoCode)) => Came::Other(why.to_string()),
                code => Came::Ended(code.map_err(Into::into)),
            };
            by_browser(&sign_in.link(), callback, take).await?
        }
    };
    Ok(sign_in.finish(code, &NetworkTransport::new(SocketTimes::default())).await?)
}

async fn by_hand(link: &str) -> anyhow::Result<SecretString> {
    println!("Open this in a browser and sign in:\n\n{link}\n");
    asked("The address to which it led, or the code in it: ".to_owned(), false).await
}

/// What was sent to the callback address.
enum Came<T> {
    /// Anybody can send something to this machine's own port, or a page of theirs in its browser.
    Other(String),
    Ended(anyhow::Result<T>),
}

/// Listens at the callback address of this machine until the answer to this sign-in comes.
async fn by_browser<T>(link: &str, callback: &str, take: impl AsyncFn(&str) -> Came<T>) -> anyhow::Result<T> {
    let (port, path) = on_this_machine(callback)?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.with_context(|| {
        format!("nothing can listen at 127.0.0.1:{port}, where {callback} leads. End what does, or say --no-browser")
    })?;
    println!("Sign in here; the app must have the callback address {callback}:\n\n{link}\n");
    if std::io::stdout().is_terminal() && open::that_detached(link).is_err() {
        eprintln!("no browser could be opened: open the link yourself, on this machine");
    }
    let (answers, mut answered) = mpsc::channel::<Answer>(1);
    let router = Router::new().route(&path, get(answer)).with_state(answers);
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let serving = tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
    let ended = loop {
        let Some(Answer { query, page }) = answered.recv().await else {
            bail!("nobody listens at {callback} any more")
        };
        let came = take(&query).await;
        let said = match &came {
            Came::Ended(Ok(_)) => {
                (StatusCode::OK, "Signed in. Close this page; harness goes on by itself.\n".to_owned())
            }
            Came::Ended(Err(why)) => (StatusCode::BAD_REQUEST, format!("{why}\n")),
            Came::Other(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")),
        };
        // The page is the browser's; that it has gone away changes nothing.
        let _ = page.send(said);
        if let Came::Ended(ended) = came {
            break ended;
        }
    };
    stop.cancel();
    let _ = tokio::time::timeout(PAGE_TIME, serving).await;
    ended
}

/// What came to the callback address, and where its page is waited for.
struct Answer {
    query: String,
    page: oneshot::Sender<(StatusCode, String)>,
}

async fn answer(State(answers): State<mpsc::Sender<Answer>>, uri: Uri) -> (StatusCode, String) {
    let (page, said) = oneshot::channel();
    let query = uri.query().unwrap_or_default().to_owned();
    let over = || (StatusCode::GONE, "This sign-in is over.\n".to_owned());
    match answers.send(Answer { query, page }).await {
        Ok(()) => said.await.unwrap_or_else(|_| over()),
        Err(_) => over(),
    }
}

/// Port and path, where it leads to this machine.
fn on_this_machine(callback: &str) -> anyhow::Result<(u16, String)> {
    let uri: http::Uri = callback.parse().unwrap_or_default();
    let is_here = matches!(uri.host(), Some("localhost" | "127.0.0.1")) && uri.scheme_str() == Some("http");
    match (is_here, uri.port_u16(), uri.query()) {
        (true, Some(port), None) if !uri.path().contains(['{', '}']) => Ok((port, uri.path().to_owned())),
        _ => Err(anyhow!(
            "{callback} is no address of this machine at which harness could listen. Give one such as \
             http://localhost:1717/OauthRedirect, or say --no-browser"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_address_of_this_machine_has_a_port_and_a_path() {
        let check = |callback: &str, expect: Option<(u16, &str)>| {
            let got = on_this_machine(callback).ok();
            assert_eq!(got.as_ref().map(|(port, path)| (*port, path.as_str())), expect, "{callback}");
        };
        check("http://localhost:1717/OauthRedirect", Some((1717, "/OauthRedirect")));
        check("http://127.0.0.1:8080", Some((8080, "/")));
        for callback in [
            "https://localhost:1717/cb",
            "http://localhost/cb",
            "http://example.org:1717/cb",
            "http://localhost.example.org:1717/cb",
            "http://localhost:1717/cb?x=1",
            "http://localhost:1717/{cb}",
            "nonsense",
        ] {
            check(callback, None);
        }
    }
}
