//! `harness check`: is this installation able to work, and what is to be done where it is not?

use super::{
    exit_codes,
    installed::{Opened, Place, who_serves},
    timeline::table,
};
use crate::{
    activation::{self, CheckError},
    admin::{
        self,
        client::{Client, segment},
    },
    host::InstallError,
    installation::InstallationFile,
    runtime::contract::{EgressRule, Finding, Severity},
};
use comfy_table::{ColumnConstraint, Table};
use serde::Serialize;
use serde_json::json;
use std::{io::Write, process::ExitCode};

/// Looks whether an installation is able to work, and says what to do where it is not
///
/// Reads at each provider with the installation's own accounts, and changes nothing there. A blocker means: it cannot work like
/// this, and is not switched on. The first check or run that finds none switches it on.
///
/// With --fix, what the connector can mend is mended: every such finding, or the one that is named. What may leave for it is
/// shown first, and is allowed for that alone. Then it is checked again.
///
/// Examples:
///   harness check --installation acme.toml
///   harness check --installation acme.toml --fix activity-type-registered
///   harness check --installation acme.toml --json | tail -n 1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Mend what can be mended, or the finding with this code alone
    #[arg(long, value_name = "CODE", num_args = 0..=1)]
    fix: Option<Option<String>>,
    /// One JSON object instead of tables
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
pub(super) struct Checked {
    /// After the mending, if there was one.
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mended: Vec<Mended>,
    blockers: usize,
}

/// What came of mending one finding.
#[derive(Serialize)]
struct Mended {
    code: String,
    /// What was allowed to leave for it.
    allowed: Vec<EgressRule>,
    done: Vec<Finding>,
    /// Why it was not mended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Finding>,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let file = InstallationFile::read(&arguments.place.installation)?;
    let (fix, json) = (arguments.fix.as_ref(), arguments.json);
    let checked = match who_serves(&arguments.place.data)? {
        Some(client) => look(&At::There(client), &file, fix, json).await?,
        None => match arguments.place.open(&file, None).await {
            Ok(opened) => {
                let at = At::Here(Box::new(opened));
                let checked = look(&at, &file, fix, json).await?;
                if let (0, At::Here(opened)) = (checked.blockers, at) {
                    match opened.was_switched_off()? {
                        true => eprintln!("It was switched off, and stays so until: harness install"),
                        false => opened.switch_on()?,
                    }
                }
                checked
            }
            Err(e) => match e.downcast::<InstallError>()? {
                // What a check is for: shown like any other finding.
                InstallError::Settings(findings) => checked(findings, vec![]),
                e => return Err(e.into()),
            },
        },
    };
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&checked)?)?;
    } else {
        checked.print(&mut out)?;
    }
    let refused = checked.mended.iter().any(|m| !m.refused.is_empty());
    let code = if checked.blockers > 0 || refused { exit_codes::NOT_WELL } else { exit_codes::WELL };
    Ok(ExitCode::from(code))
}

/// Switches an installation on, or says what stands in the way.
pub(super) async fn switch_on(opened: &Opened, file: &InstallationFile) -> anyhow::Result<Result<(), Checked>> {
    if opened.was_switched_off()? {
        anyhow::bail!(
            "{} was switched off with `harness uninstall`, so nothing is taken in. Switch it on again with `harness install`",
            opened.id
        );
    }
    switch_on_again(opened, file).await
}

/// The same where it was switched off.
pub(super) async fn switch_on_again(opened: &Opened, file: &InstallationFile) -> anyhow::Result<Result<(), Checked>> {
    if opened.is_switched_on()? {
        return Ok(Ok(()));
    }
    let checked = checked(findings(opened, file).await?, vec![]);
    if checked.blockers > 0 {
        return Ok(Err(checked));
    }
    opened.switch_on()?;
    Ok(Ok(()))
}

impl Checked {
    pub fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(out, "{}", in_a_table(&self.findings))?;
        match self.blockers {
            0 => writeln!(out, "Nothing stands in the way."),
            1 => writeln!(out, "1 blocker: it cannot work until this is mended."),
            n => writeln!(out, "{n} blockers: it cannot work until these are mended."),
        }
    }
}

fn checked(findings: Vec<Finding>, mended: Vec<Mended>) -> Checked {
    let blockers = findings.iter().filter(|f| f.severity == Severity::Blocker).count();
    Checked { findings, mended, blockers }
}

async fn findings(opened: &Opened, file: &InstallationFile) -> Result<Vec<Finding>, CheckError> {
    activation::findings(&opened.host, file, &opened.accounts, &opened.manifest, &opened.data).await
}

/// Where it is looked. Whoever serves switches it on by itself once nothing is in its way.
enum At {
    Here(Box<Opened>),
    There(Client),
}

impl At {
    async fn findings(&self, file: &InstallationFile) -> anyhow::Result<Vec<Finding>> {
        match self {
            At::Here(opened) => Ok(findings(opened, file).await?),
            At::There(client) => {
                let checked: admin::Checked = client.post(&path(&file.id, "check"), json!({})).await?;
                Ok(checked.findings)
            }
        }
    }

    /// Or why it cannot be mended.
    async fn may_leave(&self, id: &str, code: &str) -> anyhow::Result<Result<Vec<EgressRule>, Vec<Finding>>> {
        match self {
            At::Here(opened) => Ok(opened.host.runtime.fix_egress(id, code).await?),
            At::There(client) => {
                let told: admin::MayLeave = client.get(&path(id, &format!("fixes/{}", segment(code)))).await?;
                Ok(if told.refused.is_empty() { Ok(told.allowed) } else { Err(told.refused) })
            }
        }
    }

    async fn mend(&self, id: &str, code: &str) -> anyhow::Result<Result<Vec<Finding>, Vec<Finding>>> {
        match self {
            At::Here(opened) => Ok(activation::mend(&opened.host, id, code).await?),
            At::There(client) => {
                let path = path(id, &format!("fixes/{}", segment(code)));
                let told: admin::Mended = client.post(&path, json!({})).await?;
                Ok(if told.refused.is_empty() { Ok(told.done) } else { Err(told.refused) })
            }
        }
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/installations/{}/{rest}", segment(id))
}

async fn look(at: &At, file: &InstallationFile, fix: Option<&Option<String>>, json: bool) -> anyhow::Result<Checked> {
    let mut findings = at.findings(file).await?;
    let Some(wanted) = fix else { return Ok(checked(findings, vec![])) };
    let mut mended: Vec<Mended> = vec![];
    loop {
        // What is mended may show what else is missing: without an extension nobody sees its types.
        let fixable = findings.iter().filter(|f| f.fixable).map(|f| f.code.clone());
        let mut codes: Vec<String> = wanted.clone().map_or_else(|| fixable.collect(), |code| vec![code]);
        codes.sort();
        codes.dedup();
        codes.retain(|code| !mended.iter().any(|m| m.code == *code));
        if codes.is_empty() {
            break;
        }
        for code in codes {
            mended.push(mend(at, &file.id, code, json).await?);
        }
        findings = at.findings(file).await?;
    }
    if mended.is_empty() && !json {
        println!("Nothing of what was found can be mended from here.\n");
    }
    Ok(checked(findings, mended))
}

async fn mend(at: &At, id: &str, code: String, json: bool) -> anyhow::Result<Mended> {
    let mut mended = Mended { code, allowed: vec![], done: vec![], refused: vec![] };
    match at.may_leave(id, &mended.code).await? {
        Ok(rules) => mended.allowed = rules,
        Err(findings) => mended.refused = findings,
    }
    if !json {
        print_allowed(&mut std::io::stdout().lock(), &mended)?;
    }
    if mended.refused.is_empty() {
        match at.mend(id, &mended.code).await? {
            Ok(done) => mended.done = done,
            Err(why) => mended.refused = why,
        }
    }
    if !json {
        print_mended(&mut std::io::stdout().lock(), &mended)?;
    }
    Ok(mended)
}

/// Before anything leaves.
fn print_allowed(out: &mut impl Write, mended: &Mended) -> std::io::Result<()> {
    writeln!(out, "Mending {}:", mended.code)?;
    for rule in &mended.allowed {
        let methods: Vec<&str> = rule.methods.iter().map(|m| m.as_str()).collect();
        let fields = match rule.body_fields.as_slice() {
            [] => String::new(),
            fields => format!(", fields {}", fields.join(", ")),
        };
        let (methods, path) = (methods.join(" or "), rule.path.join("/"));
        writeln!(out, "  may leave: {} {methods} /{path}{fields}: {}", rule.connection, rule.reason)?;
    }
    out.flush()
}

fn print_mended(out: &mut impl Write, mended: &Mended) -> std::io::Result<()> {
    let lines = |out: &mut dyn Write, word: &str, findings: &[Finding]| {
        findings.iter().try_for_each(|f| writeln!(out, "  {word}: {} {}", f.problem, f.remedy))
    };
    lines(out, "done", &mended.done)?;
    lines(out, "not mended", &mended.refused)?;
    writeln!(out)
}

fn in_a_table(findings: &[Finding]) -> Table {
    let mut table = table(&["severity", "code and place", "problem", "what to do"]);
    // What is typed again, after --fix and in the settings, must not be broken.
    if let Some(column) = table.column_mut(1) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    for f in findings {
        let severity = match f.severity {
            Severity::Fine => "fine",
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Blocker => "BLOCKER",
        };
        let remedy = if f.fixable { format!("{} Or: --fix {}", f.remedy, f.code) } else { f.remedy.clone() };
        table.add_row([severity, &format!("{}\n{}", f.code, f.place), &f.problem, remedy.trim()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Method;

    fn finding(problem: &str) -> Finding {
        Finding {
            code: "activity-type-inactive".into(),
            severity: Severity::Blocker,
            place: "account-engagement".into(),
            problem: problem.into(),
            remedy: "Activate it.".into(),
            fixable: true,
        }
    }

    #[test]
    fn what_may_leave_stands_before_what_was_done() {
        let rule = EgressRule {
            connection: "salesforce".into(),
            methods: vec![Method::Post, Method::Patch],
            path: vec!["sobjects".into(), "*".into()],
            body_fields: vec!["Name".into(), "IsActive".into()],
            headers: vec![],
            reason: "activates the type".into(),
        };
        let mended = Mended {
            code: "activity-type-inactive".into(),
            allowed: vec![rule],
            done: vec![finding("It was inactive.")],
            refused: vec![],
        };
        let mut out = vec![];
        print_allowed(&mut out, &mended).unwrap();
        print_mended(&mut out, &mended).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Mending activity-type-inactive:\n  may leave: salesforce POST or PATCH /sobjects/*, fields Name, IsActive: activates \
             the type\n  done: It was inactive. Activate it.\n\n"
        );
    }

    #[test]
    fn a_finding_that_can_be_mended_says_how() {
        let shown = in_a_table(&[finding("It is inactive.")]).to_string();
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert!(words.contains(&"BLOCKER") && words.contains(&"--fix"), "{shown}");
        assert_eq!(checked(vec![finding("")], vec![]).blockers, 1);
    }
}
