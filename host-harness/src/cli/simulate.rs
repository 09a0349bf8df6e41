//! `harness simulate`: the three simulated APIs by themselves, for whatever client there is.

use super::{exit_codes, interrupt::Interrupt};
use crate::{
    clock::{Clock, MovableClock, SystemClock, Timestamp},
    simulators::{Options, Simulators},
};
use anyhow::{Context, bail};
use serde_json::json;
use std::{io::Write, net::SocketAddr, process::ExitCode, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Serves simulated APIs of Livestorm, Salesforce and Account Engagement, all on one address, until it is stopped
///
/// They are told apart by their paths: /v1 is Livestorm's, /services and /id are Salesforce's, /api/v5 is Account Engagement's.
/// Everything is kept in memory and made up, the printed tokens too. /simulators/ looks at the world and moves it: its clock,
/// its switches, its faults.
///
/// Examples:
///   harness simulate
///   harness simulate --listen 127.0.0.1:0 --json
///   curl -d '{"move_by_seconds":600}' http://127.0.0.1:8400/simulators/clock
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Where to listen, on this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8400")]
    listen: SocketAddr,
    /// The time at which the world begins [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    starts_at: Option<Timestamp>,
    /// One JSON object with address and credentials instead of text
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "a time is written as 2026-11-23T08:00:00Z".into())
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let address = arguments.listen;
    if !address.ip().is_loopback() {
        bail!(
            "{address} can be reached from other machines, and the credentials of the simulators are known to all. Listen on 127.0.0.1"
        );
    }
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on; --listen 127.0.0.1:0 takes a free port"))?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let clock = MovableClock::new(arguments.starts_at.unwrap_or_else(|| SystemClock.now()));
    let options = Options { base_url, ..Options::default() };
    let told = if arguments.json { format!("{}\n", credentials(&options)) } else { text(&options) };
    let simulators = Simulators::new(Arc::new(clock.clone()), options);
    let mut out = std::io::stdout().lock();
    out.write_all(told.as_bytes())?;
    out.flush()?;
    drop(out);

    let stop = CancellationToken::new();
    let interrupt = Interrupt::heard_by(stop.clone());
    simulators.listen_controlled(listener, stop, clock).await?;
    Ok(ExitCode::from(if interrupt.was_heard() { exit_codes::INTERRUPTED } else { exit_codes::WELL }))
}

fn credentials(options: &Options) -> serde_json::Value {
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

/// For a person: what is where, and an installation that can be copied.
fn text(options: &Options) -> String {
    let Options { base_url, livestorm_token, salesforce, business_unit_id, .. } = options;
    let (access, refresh) = (&salesforce.access_token, &salesforce.refresh_token);
    let (id, secret) = (&salesforce.client_id, &salesforce.client_secret);
    format!(
        r#"Simulated APIs at {base_url}, until Ctrl-C. Nothing of it is real.

  Livestorm           {base_url}/v1                      Authorization: {livestorm_token}
  Salesforce          {base_url}/services/data/v62.0     Authorization: Bearer {access}
                      {base_url}/services/oauth2/token   refresh_token={refresh}
                      client_id={id} client_secret={secret}
  Account Engagement  {base_url}/api/v5                  Pardot-Business-Unit-Id: {business_unit_id}
  the world           {base_url}/simulators/world        .../clock .../requests .../switches .../faults

For `harness check` and `harness run`, set
  LIVESTORM_TOKEN={livestorm_token} SALESFORCE_CLIENT_SECRET={secret} SALESFORCE_REFRESH_TOKEN={refresh}
and write into an installation file:

id = "simulated"
[connections]
livestorm = {{ provider = "livestorm", account = "livestorm", address = "{base_url}", allow_private_addresses = true }}
salesforce = {{ provider = "salesforce", account = "salesforce", address = "{base_url}", allow_private_addresses = true }}
account-engagement = {{ provider = "account-engagement", account = "salesforce", business_unit = "{business_unit_id}", address = "{base_url}", allow_private_addresses = true }}
[secrets.livestorm]
token = {{ env = "LIVESTORM_TOKEN" }}
[secrets.salesforce]
client_id = "{id}"
client_secret = {{ env = "SALESFORCE_CLIENT_SECRET" }}
refresh_token = {{ env = "SALESFORCE_REFRESH_TOKEN" }}
token_url = "{base_url}/services/oauth2/token"
"#
    )
}
