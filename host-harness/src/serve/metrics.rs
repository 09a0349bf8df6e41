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
