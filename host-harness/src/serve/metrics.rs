//! What is measured, in Prometheus' text form. Promises: no name of a person, no secret; labels are installations and words of ours.

use super::fleet::Fleet;
use crate::durable::EngineError;
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

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &[(&str, &str)], value: u64) {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let _ = writeln!(out, "{name}{{{}}} {value}", labels.join(","));
}
