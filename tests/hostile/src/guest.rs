wit_bindgen::generate!({ path: "../../wit", world: "connector" });

use exports::ipaas::connector::{manifest, on_trigger, preflight, sync};
use ipaas::connector::{clock, http, report, state, types::*};

struct Hostile;
export!(Hostile);

impl manifest::Guest for Hostile {
    fn describe() -> manifest::Manifest {
        manifest::Manifest {
            name: "hostile".into(),
            version: "0.1.0".into(),
            title: "Hostile".into(),
            description: String::new(),
            connections: vec![],
            webhooks: vec![],
            settings_schema: "{}".into(),
            batch_tasks: 10,
            batch_bytes: 1 << 20,
            give_up_ms: 1,
            exclusive: vec![],
        }
    }

    fn validate(settings: String) -> Vec<Finding> {
        if settings == "clock" {
            clock::now();
        }
        vec![]
    }

    fn egress(_: String) -> Result<Vec<manifest::EgressRule>, Vec<Finding>> {
        Ok(vec![])
    }

    fn fix_egress(_: String, _: String) -> Result<Vec<manifest::EgressRule>, Vec<Finding>> {
        Ok(vec![])
    }
}

impl preflight::Guest for Hostile {
    /// Tries to write where only looking is allowed, and says what it was answered.
    fn check(_: Context) -> Vec<Finding> {
        let answer = http::send(&request(http::Repeat::Once));
        vec![Finding {
            code: "tried".into(),
            severity: Severity::Notice,
            place: String::new(),
            problem: format!("{answer:?}"),
            remedy: String::new(),
            fixable: false,
        }]
    }

    fn options(_: Context, _: String) -> Result<Vec<preflight::Choice>, Finding> {
        state::get("anything");
        Ok(vec![])
    }

    fn fix(_: Context, _: String) -> Result<Vec<Finding>, Finding> {
        Ok(vec![])
    }
}

impl sync::Guest for Hostile {
    fn sources(_: Context) -> Vec<sync::Source> {
        vec![]
    }

    fn estimate(_: Context, _: String, _: String) -> Result<Vec<sync::Cost>, sync::Interruption> {
        Ok(vec![])
    }

    fn run(_: Context, source: String, _: String, _: Option<String>) -> Result<sync::Page, sync::Interruption> {
        let row = || sync::Row { change: sync::Change::Upsert, value: "{}".into() };
        let page = |rows: usize, cursor: usize| sync::Page {
            rows: (0..rows).map(|_| row()).collect(),
            tasks: vec![],
            cursor: "c".repeat(cursor),
            more: false,
            costs: vec![],
        };
        match source.as_str() {
            "rows" => Ok(page(1, 1)),
            "many" => Ok(page(1_001, 1)),
            "cursor" => Ok(page(0, 8_193)),
            _ => {
                let answer = http::send(&request(http::Repeat::Once));
                Err(sync::Interruption::BadCursor(format!("{answer:?}")))
            }
        }
    }
}

fn request(repeat: http::Repeat) -> http::Request {
    http::Request {
        connection: "crm".into(),
        method: Method::Post,
        path: vec!["x".into()],
        query: vec![],
        headers: vec![],
        body: None,
        repeat,
        purpose: "attack".into(),
    }
}

fn line(message: String) -> report::Line {
    report::Line { level: report::Level::Info, code: "attack".into(), message, subject: None, fields: vec![] }
}

fn entry(key: String, value: String) -> state::Entry {
    state::Entry { key, value, subject: None }
}

/// Sends once, as the contract tells to, and cannot do it for one of them.
fn effect(name: &str) {
    if name == "trap" {
        panic!("nobody can digest this one");
    }
    if state::get(name).is_none() {
        state::set(&entry(name.into(), "sending".into()));
        let mut once = request(http::Repeat::Once);
        once.path = vec![name.into()];
        let _ = http::send(&once);
        state::set(&entry(name.into(), "sent".into()));
    }
}

impl on_trigger::Guest for Hostile {
    fn preview(_: Context, _: on_trigger::Delivery) -> Result<Vec<on_trigger::MappedValue>, Finding> {
        Ok(vec![])
    }

    fn admit(_: Context, trigger: on_trigger::Trigger) -> on_trigger::Admission {
        if let on_trigger::Trigger::Webhook(d) = trigger
            && d.body == b"send"
        {
            let _ = http::send(&request(http::Repeat::Read));
        }
        on_trigger::Admission::Ignored("hostile".into())
    }

    fn handle(_: Context, batch: Vec<on_trigger::Assignment>) -> Vec<(u32, on_trigger::Outcome)> {
        std::panic::set_hook(Box::new(|info| {
            report::log(&report::Line { level: report::Level::Error, ..line(info.to_string()) });
        }));
        let Some(first) = batch.first() else { return vec![] };
        let far: usize = first.task.payload.parse().unwrap_or(0);
        let mut wave = 0;
        match first.task.kind.as_str() {
            "spin" => loop {
                core::hint::black_box(far);
            },
            // Each question would forgive it a tick, if asking counted as waiting.
            "spin-asking" => loop {
                (0..100_000).for_each(|n| drop(core::hint::black_box(n)));
                state::get("k");
            },
            "memory" => {
                core::hint::black_box(vec![1u8; far]);
            }
            "log" => (0..far).for_each(|i| report::log(&line(i.to_string()))),
            "log-bytes" => report::log(&line("x".repeat(far))),
            "line-code" => report::log(&report::Line { code: "x".repeat(far), ..line(String::new()) }),
            "subject" => {
                let subject = Some(Subject { kind: "person".into(), id: "x".repeat(far) });
                state::set(&state::Entry { subject, ..entry("k".into(), String::new()) });
            }
            "state-value" => state::set(&entry("k".into(), "x".repeat(far))),
            "state-key" => state::set(&entry("k".repeat(far), String::new())),
            "state-batch" => drop(state::get_many(&vec!["k".to_string(); far])),
            "state-flood" => (0..far).for_each(|i| state::set(&entry(i.to_string(), "x".repeat(60_000)))),
            "hostcall" => {
                let mut r = request(http::Repeat::Read);
                r.body = Some(http::Body { content_type: "x".into(), bytes: vec![0; far] });
                let _ = http::send(&r);
            }
            "wave" => {
                let answers = http::send_all(&vec![request(http::Repeat::Read); far]);
                wave = answers.iter().filter(|a| matches!(a, Err(http::Error::Denied(_)))).count();
            }
            "requests" => {
                let answers = (0..far).map(|_| http::send(&request(http::Repeat::Read)));
                wave = answers.filter(|a| matches!(a, Err(http::Error::Stopped(_)))).count();
            }
            "panic" => panic!("on purpose"),
            "effect" => batch.iter().for_each(|a| effect(&a.task.payload)),
            "silence" => return vec![],
            _ => {}
        }
        state::set(&entry("refused".into(), wave.to_string()));
        let done = || on_trigger::Outcome::Done(on_trigger::Completion { follow_ups: vec![], wakes: vec![] });
        batch.iter().map(|a| (a.id, done())).collect()
    }
}
