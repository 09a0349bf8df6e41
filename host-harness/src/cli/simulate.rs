//! `harness simulate`: the simulators over HTTP, for anybody's client. Promises: nothing but made-up credentials is printed;
//! no other machine reaches them unless the operator says so. Not here: how they are driven (`simulators/control`).

use super::{exit_codes, interrupt::Interrupt};
use crate::{
    clock::{Clock, MovableClock, SystemClock},
    connections::{AnyAddress, NetworkTransport, SocketTimes},
    simulators::{Options, control::Desk, livestorm::subscriptions::refused_url, scenario::Scenario},
};
use anyhow::{Context, bail};
use serde_json::json;
use std::{io::Write, net::SocketAddr, path::Path, process::ExitCode, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// To a webhook, whatever the simulators' options say.
const ANSWER_WAITED_FOR_MAX: Duration = Duration::from_secs(10 * 60);

/// Serves simulated Livestorm, Salesforce and Account Engagement on one port, until Ctrl-C
///
/// Prints where they are and the made-up credentials that they take. The page at / shows what they hold; the paths below
/// /simulators/ drive them: their clock, faults, switches, and what people do in Livestorm. Livestorm's webhooks are posted
/// to whoever subscribes, by POST /v1/webhooks or, for its native app, POST /simulators/livestorm/native_webhooks.
///
/// Examples:
///   harness simulate
///   harness simulate --scenario one_session
///   harness simulate --scenario late_webhooks --webhooks http://127.0.0.1:9000/livestorm
///   harness simulate --listen 127.0.0.1:0 --scenario ./mine.toml --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Address and port; port 0 takes one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8400")]
    listen: SocketAddr,
    /// What happens: one_session, late_webhooks, busy_monday, bad_day, or a file [default: an empty world]
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<String>,
    /// Where webhooks of Livestorm's native app are posted from the beginning; may be given several times
    #[arg(long, value_name = "URL")]
    webhooks: Vec<String>,
    /// Let other machines reach them: whoever does may do anything in this made-up world, and have its webhooks posted to any address that this machine reaches
    #[arg(long)]
    allow_remote: bool,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { listen, scenario, webhooks, allow_remote, json } = arguments;
    if !listen.ip().is_loopback() && !allow_remote {
        bail!("other machines could reach {listen}; listen on 127.0.0.1, or say --allow-remote");
    }
    let mut options = Options::default();
    for url in &webhooks {
        if let Some(why) = refused_url(url, &options) {
            bail!("no webhook can go to {url}: {why}, or http:// on this machine");
        }
    }
    options.livestorm_webhooks.native = webhooks;
    let scenario = scenario.as_deref().map(read).transpose()?;
    let listener = tokio::net::TcpListener::bind(listen).await.with_context(|| {
        format!("nothing can listen at {listen}; give another address with --listen, or port 0 for any that is free")
    })?;
    let listens_at = listener.local_addr()?;
    options.base_url = format!("http://{listens_at}");
    let desk = Arc::new(Desk::new(MovableClock::new(SystemClock.now()), options.clone(), listens_at));
    desk.begin(scenario);
    {
        let mut out = std::io::stdout().lock();
        match json {
            true => writeln!(out, "{}", whereabouts(&options))?,
            false => out.write_all(text(&options).as_bytes())?,
        }
        out.flush()?;
    }
    let stop = CancellationToken::new();
    let interrupt = Interrupt::heard_by(stop.clone());
    // How long an answer to a webhook is waited for is an option of the simulators.
    let times = SocketTimes { total: ANSWER_WAITED_FOR_MAX, ..SocketTimes::default() };
    let posting = tokio::spawn({
        let (desk, stop) = (desk.clone(), stop.clone());
        async move { desk.post_webhooks(Arc::new(AnyAddress(NetworkTransport::new(times))), stop).await }
    });
    let served = desk.listen(listener, stop.clone()).await;
    stop.cancel();
    posting.await?;
    served?;
    Ok(ExitCode::from(if interrupt.was_heard() { exit_codes::INTERRUPTED } else { exit_codes::WELL }))
}

/// A name of ours, else a file.
fn read(scenario: &str) -> anyhow::Result<Scenario> {
    if !scenario.contains(['/', '\\', '.']) {
        return Scenario::named(scenario).map_err(anyhow::Error::msg);
    }
    let text = std::fs::read_to_string(Path::new(scenario))
        .with_context(|| format!("the scenario {scenario} cannot be read"))?;
    Scenario::parse(&text)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("the scenario {scenario} is not understood"))
}

fn whereabouts(options: &Options) -> serde_json::Value {
    json!({
        "base_url": options.base_url,
        "livestorm_token": options.livestorm_token,
        "salesforce": {
            "access_token": options.salesforce.access_token,
            "refresh_token": options.salesforce.refresh_token,
            "client_id": options.salesforce.client_id,
            "client_secret": options.salesforce.client_secret,
        },
        "business_unit_id": options.business_unit_id,
    })
}

fn text(options: &Options) -> String {
    let (url, salesforce) = (&options.base_url, &options.salesforce);
    let connection = |name: &str, account: &str, more: &str| {
        format!(
            "[connections.{name}]\nprovider = \"{name}\"\naccount = \"{account}\"\naddress = \"{url}\"\n\
             allow_private_addresses = true\n{more}\n"
        )
    };
    [
        format!("# Simulated Livestorm, Salesforce and Account Engagement: {url} (a page to look at), until Ctrl-C.\n"),
        "# All of it is made up, the credentials too. For harness check and harness run:\n#\n".into(),
        format!("#   export LIVESTORM_TOKEN={}\n", options.livestorm_token),
        format!("#   export SALESFORCE_CLIENT_SECRET={}\n", salesforce.client_secret),
        format!("#   export SALESFORCE_REFRESH_TOKEN={}\n", salesforce.refresh_token),
        format!(
            "#\n# Salesforce access token: {}\n# The installation file:\n\nid = \"simulated\"\n\n",
            salesforce.access_token
        ),
        connection("livestorm", "livestorm", ""),
        connection("salesforce", "salesforce", ""),
        connection("account-engagement", "salesforce", &format!("business_unit = \"{}\"\n", options.business_unit_id)),
        "[secrets.livestorm]\ntoken = { env = \"LIVESTORM_TOKEN\" }\n\n".into(),
        format!(
            "[secrets.salesforce]\nclient_id = \"{}\"\nclient_secret = {{ env = \"SALESFORCE_CLIENT_SECRET\" }}\n\
             refresh_token = {{ env = \"SALESFORCE_REFRESH_TOKEN\" }}\ntoken_url = \"{url}/services/oauth2/token\"\n",
            salesforce.client_id
        ),
    ]
    .concat()
}
