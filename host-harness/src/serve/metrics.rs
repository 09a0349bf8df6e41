//! What is measured, in Prometheus' text form. Promises: no name of a person, no secret; labels are installations, names of
//! connections, and words of ours.

use super::fleet::Fleet;
use crate::{connections::Usage, durable::EngineError};
use std::fmt::Write;

pub(super) async fn text(fleet: &Fleet) -> Result<String, EngineError> {
    let mut out = String::new();
    let standings = fleet.standings();
    head(&mut out, "harness_installations", "gauge", "Installation files, by how they stand.");
    for word in ["running", "held", "broken"] {
        let count = standings.iter().filter(|standing| standing.status.word() == word).count();
        line(&mut out, "harness_installations", &[("status", word)], count as u64);
    }
    let mut stand = vec![];
    for installation in fleet.kept() {
        let counts = fleet.host.engine.counts(&installation).await?;
        stand.push((installation, counts));
    }
    head(&mut out, "harness_tasks", "gauge", "Tasks that are not done; dead are those that wait for a person.");
    for (installation, counts) in &stand {
        for (status, count) in [("waiting", counts.waiting), ("running", counts.running), ("dead", counts.dead)] {
            line(&mut out, "harness_tasks", &[("installation", installation), ("status", status)], count);
        }
    }
    let help = "When the first of the tasks that wait is or was due. Long past: it is late.";
    head(&mut out, "harness_next_due_timestamp_seconds", "gauge", help);
    for (installation, counts) in &stand {
        if let Some(due) = counts.next_due {
            line(&mut out, "harness_next_due_timestamp_seconds", &[("installation", installation)], due.seconds());
        }
    }
    head(&mut out, "harness_paused", "gauge", "1 where somebody has paused the installation.");
    for (installation, counts) in &stand {
        line(&mut out, "harness_paused", &[("installation", installation)], counts.paused.into());
    }
    let used: Vec<_> =
        stand.iter().map(|(installation, _)| (installation, fleet.host.connections.usage(installation))).collect();
    let each = || used.iter().flat_map(|(of, all)| all.iter().map(move |usage| (of.as_str(), usage)));
    let help =
        "1 where the account does not work, as its answers last showed, and for which reason. Not there: it works.";
    head(&mut out, "harness_account_closed", "gauge", help);
    for (installation, usage) in each() {
        if let Some(why) = usage.closed_for {
            let labels = [("installation", installation), ("connection", &usage.connection), ("why", why.word())];
            line(&mut out, "harness_account_closed", &labels, 1);
        }
    }
    for Account { name, kind, help, value } in ACCOUNTS {
        head(&mut out, name, kind, help);
        for (installation, usage) in each() {
            if let Some(value) = value(usage) {
                line(&mut out, name, &[("installation", installation), ("connection", &usage.connection)], value);
            }
        }
    }
    head(&mut out, "harness_deliveries_taken_total", "counter", "Deliveries that were taken since the process began.");
    for (installation, count) in fleet.host.ingress.taken() {
        line(&mut out, "harness_deliveries_taken_total", &[("installation", &installation)], count);
    }
    head(&mut out, "harness_deliveries_refused_total", "counter", "Deliveries that were not taken, by reason.");
    for ((installation, refusal), count) in fleet.host.ingress.refused() {
        let labels = [("installation", installation.as_str()), ("reason", refusal.word())];
        line(&mut out, "harness_deliveries_refused_total", &labels, count);
    }
    Ok(out)
}

/// What is measured of the account behind each connection. Accounts that are shared show the same everywhere.
struct Account {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Usage) -> Option<u64>,
}

const ACCOUNTS: [Account; 5] = [
    Account {
        name: "harness_account_calls_left",
        kind: "gauge",
        help: "Requests left in the provider's window, as its last answer said.",
        value: |usage| usage.left,
    },
    Account {
        name: "harness_account_rate_percent",
        kind: "gauge",
        help: "Of the rate that such accounts have; less after the provider asked to slow down.",
        value: |usage| Some(usage.pace.rate_percent),
    },
    Account {
        name: "harness_account_slots",
        kind: "gauge",
        help: "Requests that may be in flight; fewer after the provider said that there are too many at once.",
        value: |usage| Some(usage.pace.slots as u64),
    },
    Account {
        name: "harness_account_in_flight",
        kind: "gauge",
        help: "Requests in flight.",
        value: |usage| Some(usage.pace.in_flight as u64),
    },
    Account {
        name: "harness_account_slow_downs_total",
        kind: "counter",
        help: "How often the provider asked to slow down since the process began.",
        value: |usage| Some(usage.pace.refusals),
    },
];

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &[(&str, &str)], value: u64) {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let _ = writeln!(out, "{name}{{{}}} {value}", labels.join(","));
}
