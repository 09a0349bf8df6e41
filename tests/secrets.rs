//! A story with everything in use, and then a search for every credential in every byte that the host has kept or told: as it is, as
//! base64, percent-encoded. And for every byte of somebody who was forgotten.

use crate::support::*;
use host_harness::{
    durable::TaskStatus,
    effect::Subject,
    ingress::Refusal,
    simulators::{
        Api, Options,
        faults::{Fault, FaultPlan, FaultRule, Selector},
    },
    stage::{
        INSTALLATION,
        story::{salesforce_story, story as demo_story},
    },
};
use oracle::{Destination, Story};
use std::{
    fmt::Debug,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Looked for as long as it takes to read a session and to renew a token many times.
const LOOKS_FOR: Duration = Duration::from_secs(12 * HOUR);

/// What a process would write to its log.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<String>>);

impl Visit for Heard {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?}\n"));
    }
}

impl Subscriber for Heard {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// A provider that repeats what it was sent, in a refusal that no retry helps.
fn echoes(options: &Options) -> Fault {
    let said = format!("{} {}", options.salesforce.client_secret, options.salesforce.refresh_token);
    let body = format!(r#"[{{"errorCode":"MADE_UP","code":1,"message":"not with {said}"}}]"#);
    Fault::Answer { status: 400, headers: vec![("x-echo".into(), said)], body }
}

/// Tokens that are made on the way begin as these do.
fn secrets(options: &Options) -> Vec<String> {
    let made = ["simulated-access-token-", "simulated-refresh-token-"].map(str::to_owned);
    let given = [options.livestorm_token.clone(), options.salesforce.client_secret.clone()];
    let doors = ["simulated-address-secret", "simulated-signing-secret", "a key that everybody may know"];
    made.into_iter().chain(given).chain(doors.map(str::to_owned)).collect()
}

/// As it is, percent-encoded, as hex, and as base64, wherever in what was encoded it begins.
fn forms(secret: &str) -> Vec<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let percent: String = secret
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = (0..3).map(|before| {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        let whole = bytes.chunks_exact(3).flat_map(|three| {
            let bits = three.iter().fold(0usize, |bits, byte| bits << 8 | usize::from(*byte));
            [18, 12, 6, 0].map(|shift| ALPHABET[bits >> shift & 63] as char)
        });
        // What the bytes before it have a part in is left out.
        whole.skip(if before == 0 { 0 } else { 4 }).collect::<String>()
    });
    [secret.to_owned(), percent, hex].into_iter().chain(base64).collect()
}

#[test]
fn each_form_of_a_secret_is_known() {
    let found = forms("made-up/secret");
    assert_eq!(found[1], "made%2Dup%2Fsecret");
    // Of "x:made-up/secret" and its like.
    for (form, whole) in
        found[3..].iter().zip(["bWFkZS11cC9zZWNyZXQ=", "eG1hZGUtdXAvc2VjcmV0", "eDptYWRlLXVwL3NlY3JldA=="])
    {
        assert!(form.len() > 10 && whole.contains(form), "{form} {whole}");
    }
}

/// All that was kept and told, by where.
async fn everything(theatre: &Theatre, host: &host_harness::host::Host, heard: &Heard) -> Vec<(String, Vec<u8>)> {
    let mut all = files(theatre.folder.path());
    let mut after = None;
    loop {
        let runs = host.engine.runs(INSTALLATION, after).await.unwrap();
        let Some(last) = runs.last() else { break };
        after = Some(last.id);
        for run in runs {
            let tape = host.engine.tape(INSTALLATION, run.id).await.unwrap();
            all.push((format!("run {} of {}", run.id, run.key), serde_json::to_vec(&tape).unwrap()));
        }
    }
    let mut after = None;
    loop {
        let changes = host.engine.changes(INSTALLATION, after).await.unwrap();
        let Some(last) = changes.last() else { break };
        after = Some(last.id);
        all.push(("the changes".into(), serde_json::to_vec(&changes).unwrap()));
    }
    all.push(("the run log".into(), serde_json::to_vec(&log(host).await).unwrap()));
    all.push(("the tasks".into(), serde_json::to_vec(&tasks(host).await).unwrap()));
    all.push(("the counts of refusals".into(), format!("{:?}", host.ingress.refused()).into_bytes()));
    all.push(("what the process tells".into(), heard.0.lock().unwrap().clone().into_bytes()));
    all
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

fn holders(all: &[(String, Vec<u8>)], what: &str) -> Vec<String> {
    // What is no text is changed by this, and nothing that is looked for is that.
    let holds = |(_, bytes): &&(String, Vec<u8>)| String::from_utf8_lossy(bytes).contains(what);
    all.iter().filter(holds).map(|(place, _)| place.clone()).collect()
}

async fn nothing_is_found(story: Story, refused_at: &str) {
    let mut options = Options { session_timeout: Duration::from_secs(20 * 60), ..Options::default() };
    let api = if story.destination.is_salesforce() { Api::Salesforce } else { Api::AccountEngagement };
    let on = Selector { api: Some(api), ..Selector::path(refused_at) };
    options.faults = FaultPlan::rules([FaultRule { on, skip: 2, times: 1, what: echoes(&options) }]);
    let on = Selector { api: Some(Api::Livestorm), method: Some("GET".into()), path: None };
    options.faults.rules.push(FaultRule { on, skip: 5, times: 1, what: Fault::CutBeforeEffect });
    let mut theatre = Theatre::with(&story, options.clone(), "{}").await;
    theatre.stage = theatre.stage.in_turn().looking_for(LOOKS_FOR);
    let heard = Heard::default();
    let _listening = tracing::subscriber::set_default(heard.clone());
    let host = theatre.open().await;
    for (secret, refusal) in [("guessed", Refusal::NoSuchAddress), ("simulated-address-secret", Refusal::BadSignature)]
    {
        let taken = host.ingress.receive(INSTALLATION, "livestorm-signed", secret, &[], b"{}".to_vec()).await;
        assert_eq!(taken, Err(refusal));
    }
    theatre.stage.play(&story).await;

    // Enough happened.
    let all = everything(&theatre, &host, &heard).await;
    let hooks =
        theatre.stage.simulators.world().livestorm.subscriptions.all().map(|hook| hook.url.clone()).collect::<Vec<_>>();
    assert!(hooks.iter().all(|url| url.ends_with("/simulated%2Daddress%2Dsecret")) && !hooks.is_empty(), "{hooks:?}");
    let renewed = theatre.stage.simulators.world().salesforce.tokens.refresh_token().unwrap_or_default().to_owned();
    assert!(
        renewed.len() > "simulated-refresh-token-".len() && renewed != options.salesforce.refresh_token,
        "{renewed}"
    );
    assert!(!holders(&all, "not with [secret] [secret]").is_empty(), "the provider's echo is in no tape");
    assert!(tasks(&host).await.iter().any(|task| task.status == TaskStatus::Dead), "nothing failed");
    assert!(!holders(&all, "the run ends").is_empty() && !holders(&all, "{address-secret}").is_empty());

    let keys = theatre.stage.simulators.world().livestorm.password_keys();
    assert!(keys.len() > 3, "{keys:?}");
    let mut found = vec![];
    for secret in secrets(&options).iter().chain(&keys) {
        for form in forms(secret) {
            found.extend(holders(&all, &form).into_iter().map(|place| format!("{secret:.40}, as {form:.40}: {place}")));
        }
    }
    assert_eq!(found, Vec::<String>::new());

    // And nothing at all of who was forgotten.
    let gone =
        host.engine.forget(INSTALLATION, &Subject { kind: "person".into(), id: "faye@example.org".into() }).await;
    assert_eq!(gone.unwrap().still_named, 0);
    for theirs in ["faye", "Faye"] {
        assert_eq!(holders(&files(theatre.folder.path()), theirs), Vec::<String>::new(), "{theirs}");
    }
    assert!(!holders(&files(theatre.folder.path()), "gus@example.org").is_empty(), "the search finds who is there");
}

#[tokio::test]
async fn no_credential_is_in_anything_that_is_kept_or_told_where_account_engagement_is_the_destination() {
    nothing_is_found(demo_story(), "/api/v5/objects/prospects/do/upsertLatestByEmail").await;
}

#[tokio::test]
async fn no_credential_is_in_anything_that_is_kept_or_told_where_salesforce_is_the_destination() {
    let story = salesforce_story(Destination::SalesforceLeads);
    nothing_is_found(story, "/services/data/*/composite").await;
}
