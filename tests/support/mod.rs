//! A story played to its end, and the checkers that run after each: nothing lost, twice or invented, nothing left undone, no
//! secret anywhere, and enough happened for a verdict.

pub mod sources;

use host_harness::{
    durable::{KeptTask, LogLine, Probe, TaskFilter, TaskStatus},
    effect::SYNC,
    host::Host,
    simulators::Options,
    stage::{INSTALLATION, Stage, Travel, observe},
};
use oracle::{Act, Delivery, Dialect, Happening, Story, World};
use std::{collections::BTreeSet, path::Path, sync::Arc};
use tempfile::TempDir;

/// 2026-11-23T08:00:00Z.
pub const BEGINS_AT: u64 = 1_795_420_800;
pub const HOUR: u64 = 3_600;

pub struct Theatre {
    pub stage: Stage,
    pub folder: TempDir,
}

impl Theatre {
    pub async fn set(story: &Story) -> Theatre {
        Theatre::with(story, Options::default(), "{}").await
    }

    pub async fn with(story: &Story, options: Options, settings: &str) -> Theatre {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("host.sqlite");
        let stage = Stage::set(story, file, options, Travel::InProcess).await.unwrap().with_settings(settings);
        Theatre { stage, folder }
    }

    pub async fn open(&self) -> Arc<Host> {
        self.stage.open_host(None).await.unwrap()
    }

    pub async fn open_with(&self, probe: Arc<dyn Probe>) -> Arc<Host> {
        self.stage.open_host(Some(probe)).await.unwrap()
    }

    pub fn observed(&self) -> World {
        observe(&self.stage.simulators.world().snapshot())
    }

    pub fn expected(&self, story: &Story) -> World {
        oracle::expected(story, &self.stage.played().sessions)
    }

    /// What the checkers find. Empty when all is well.
    pub async fn problems(&self, story: &Story, host: &Host) -> Vec<String> {
        let expected = self.expected(story);
        let found = [oracle::enough(&expected), oracle::differences(&expected, &self.observed())].concat();
        let mut problems: Vec<String> = found.iter().map(ToString::to_string).collect();
        // What repeats by itself is never done.
        let is_open = |t: &&KeptTask| t.status != TaskStatus::Done && t.task.kind != SYNC;
        for t in tasks(host).await.iter().filter(is_open) {
            problems.push(format!("{:?}: {}: {:?} {:?}", t.status, t.task.title, t.waiting_for, t.failure));
        }
        problems.extend(self.stage.played().undelivered.iter().map(|u| format!("undelivered: {u}")));
        problems.extend(secrets_in(self.folder.path(), &self.secrets()));
        problems
    }

    fn secrets(&self) -> Vec<String> {
        let o = self.stage.simulators.world().options.clone();
        vec![o.livestorm_token, o.salesforce.client_secret, o.salesforce.refresh_token, o.salesforce.access_token]
    }
}

/// Plays a story on a fresh stage and checks it.
pub async fn plays_well(story: &Story, options: Options) -> (Theatre, Arc<Host>) {
    let theatre = Theatre::with(story, options, "{}").await;
    let host = theatre.open().await;
    theatre.stage.play(story).await;
    let problems = theatre.problems(story, &host).await;
    assert!(problems.is_empty(), "{problems:#?}\n{:#?}", log(&host).await);
    (theatre, host)
}

pub async fn tasks(host: &Host) -> Vec<KeptTask> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let page = host.engine.tasks(INSTALLATION, TaskFilter::default(), after).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.id);
        all.extend(page);
    }
}

pub async fn log(host: &Host) -> Vec<LogLine> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let page = host.engine.log(INSTALLATION, after).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.id);
        all.extend(page);
    }
}

/// Searches every byte that the host has stored.
fn secrets_in(folder: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = vec![];
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        // What is no text is changed by this, and no secret is that.
        let text = String::from_utf8_lossy(&bytes);
        for secret in secrets {
            if text.contains(secret) {
                found.push(format!("{} holds the secret that begins {:.12}", path.display(), secret));
            }
        }
    }
    found
}

// Stories, in as few words as they have.

pub fn story(acts: Vec<Act>) -> Story {
    Story { begins_at: BEGINS_AT, acts, ..Story::default() }
}

pub fn event(at: u64, event: &str, title: &str) -> Act {
    let what = Happening::EventCreated { event: event.into(), title: title.into(), on_demand: false };
    Act { at, what, deliveries: vec![] }
}

pub fn session(at: u64, session: &str, event: &str, starts: Option<i64>, deliveries: &[Delivery]) -> Act {
    let what = Happening::SessionCreated { session: session.into(), event: event.into(), starts };
    Act { at, what, deliveries: deliveries.to_vec() }
}

pub fn registers(at: u64, session: &str, email: &str, answers: &[(&str, &str)], deliveries: &[Delivery]) -> Act {
    let what = Happening::Registered {
        session: session.into(),
        email: email.into(),
        answers: answers.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        utm: vec![],
        team_member: false,
    };
    Act { at, what, deliveries: deliveries.to_vec() }
}

/// A form of Account Engagement that belongs to the campaign of a session.
pub fn submits(at: u64, session: Option<&str>, email: &str, fields: &[(&str, &str)], by_handler: bool) -> Act {
    let fields = fields.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let what = Happening::SubmitsForm { session: session.map(str::to_owned), email: email.into(), fields, by_handler };
    Act { at, what, deliveries: vec![] }
}

pub fn rest(after: u64) -> Delivery {
    Delivery { dialect: Dialect::Rest, after }
}

pub fn native(after: u64) -> Delivery {
    Delivery { dialect: Dialect::Native, after }
}

/// The codes of the run log, each once.
pub async fn codes(host: &Host) -> BTreeSet<String> {
    log(host).await.into_iter().map(|l| l.line.code).collect()
}
