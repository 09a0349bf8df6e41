//! The program, the three APIs as it reaches them on this machine, and an installation of them.

use host_harness::{
    clock::{Clock, SystemClock, Timestamp},
    simulators::{
        Options, Simulators, Snapshot,
        account_engagement::Extension,
        livestorm::{Dialect, NewEvent, NewRegistrant, NewSession, Occurrence},
    },
    stage::{ACTIVITY_TYPES, EXTENSION},
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub fn harness(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(arguments).stdin(Stdio::null()).env_remove("HARNESS_KEY").env_remove("HARNESS_ADMIN_TOKEN");
    command
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The last line, as JSON.
pub fn object(output: &Output) -> Value {
    let text = stdout(output);
    serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|e| panic!("{e}: {text}\n{}", stderr(output)))
}

/// The APIs behind one loopback port, and a folder with the installation and whatever else a test needs.
pub struct Bench {
    pub simulators: Simulators,
    pub folder: TempDir,
    address: String,
    stop: CancellationToken,
    /// Serves them.
    _threads: tokio::runtime::Runtime,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bench {
    pub fn new() -> Bench {
        Bench::with(Arc::new(SystemClock), Options::default())
    }

    pub fn with(clock: Arc<dyn Clock>, options: Options) -> Bench {
        let simulators = Simulators::new(clock, options);
        simulators.world().set_extension(Extension::ready(EXTENSION, &ACTIVITY_TYPES));
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = threads.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        simulators.world().options.base_url = address.clone();
        let stop = CancellationToken::new();
        threads.spawn({
            let (simulators, stop) = (simulators.clone(), stop.clone());
            async move { simulators.listen(listener, stop).await }
        });
        let bench = Bench { simulators, folder: tempfile::tempdir().unwrap(), address, stop, _threads: threads };
        let options = bench.simulators.world().options.clone();
        bench.file("livestorm-token", &options.livestorm_token);
        bench.file("client-secret", &options.salesforce.client_secret);
        bench.file("refresh-token", &options.salesforce.refresh_token);
        bench.file("installation.toml", bench.installation());
        bench
    }

    /// The text of an installation file that reaches the APIs.
    pub fn installation(&self) -> String {
        let options = self.simulators.world().options.clone();
        let connection = |name: &str, account: &str, more: &str| {
            let at = format!("address = \"{}\"\nallow_private_addresses = true", self.address);
            format!("[connections.{name}]\nprovider = \"{name}\"\naccount = \"{account}\"\n{at}\n{more}\n")
        };
        [
            "id = \"acme\"\n".to_owned(),
            connection("livestorm", "livestorm", ""),
            connection("salesforce", "salesforce", ""),
            connection(
                "account-engagement",
                "salesforce",
                &format!("business_unit = \"{}\"", options.business_unit_id),
            ),
            "[secrets.livestorm]\ntoken = { file = \"livestorm-token\" }\n".into(),
            format!(
                "[secrets.salesforce]\nclient_id = \"{}\"\nclient_secret = {{ file = \"client-secret\" }}\n\
                 refresh_token = {{ file = \"refresh-token\" }}\ntoken_url = \"{}\"\n",
                options.salesforce.client_id, self.address
            ),
        ]
        .concat()
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command about this installation, with a data directory in the folder and an activation an hour ago.
    pub fn about<'a>(&self, command: &[&'a str], more: &[&'a str]) -> Command {
        let an_hour_ago = SystemClock.now().minus(Duration::from_secs(3600));
        let mut whole = program(command);
        whole.arg("--installation").arg(self.path("installation.toml")).arg("--data").arg(self.path("data"));
        if !self.path("data/activations.json").exists() {
            whole.arg("--activated-at").arg(Timestamp::from_seconds(an_hour_ago.seconds()).to_string());
        }
        whole.args(more);
        whole
    }

    /// Ana registers for a session tomorrow; the webhook's body as a file.
    pub fn registration(&self, file: &str, email: &str, dialect: Dialect) -> String {
        let body = {
            let mut world = self.simulators.world();
            let tomorrow = SystemClock.now().plus(Duration::from_secs(86_400));
            let title = "Product demo".to_owned();
            let event = world.livestorm.create_event(NewEvent { title, ..NewEvent::default() });
            world.livestorm.publish(&event);
            let session = world
                .livestorm
                .create_session(&event, NewSession { starts_at: Some(tomorrow), ..NewSession::default() });
            let person = NewRegistrant { email: email.into(), ..NewRegistrant::default() };
            let person = world.livestorm.register(&session, person).unwrap();
            let unknowns = world.options.unknowns.livestorm.clone();
            world.livestorm.webhook_body(&Occurrence::Registered { session, person }, dialect, &unknowns).unwrap()
        };
        self.file(file, body)
    }

    pub fn snapshot(&self) -> Snapshot {
        self.simulators.world().snapshot()
    }
}

/// Every file of a folder with its bytes.
pub fn bytes_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}
