//! `harness backup`: the data directory as it is at this moment, while others go on with it.

use super::exit_codes;
use crate::data_dir::{self, Backup};
use anyhow::bail;
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Copies a data directory as it is at this moment, also while `harness serve` runs on it
///
/// The copy is a data directory: to restore it, put it where the lost one was, with the same key, and start. What is sealed stays sealed;
/// the key is not in the copy, so keep HARNESS_KEY, the key file, or the file `key` of the directory elsewhere. What was done
/// between the copy and the loss is not known to the copy: admin-guide.md says what that means, and what to do.
///
/// Examples:
///   harness backup --data /var/lib/harness --to /backups/harness-2026-11-27
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The data directory
    #[arg(long, value_name = "DIR", default_value = "harness-data")]
    data: PathBuf,
    /// Where the copy is made; nothing is there yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

pub async fn run(Arguments { data, to, json }: Arguments) -> anyhow::Result<ExitCode> {
    if !data.is_dir() {
        bail!("there is no data directory {}; give the one that is to be copied with --data", data.display());
    }
    let Backup { files, own_key } = data_dir::backup(&data, &to)?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::json!({"to": to, "files": files, "own_key": own_key}))?;
        return Ok(ExitCode::from(exit_codes::WELL));
    }
    writeln!(out, "{} files are copied to {}.", files.len(), to.display())?;
    if own_key {
        writeln!(
            out,
            "Their key is {}, and is not among them: keep it elsewhere. Without it nobody can read credentials or deliveries that wait.",
            data.join(data_dir::KEY).display()
        )?;
    }
    Ok(ExitCode::from(exit_codes::WELL))
}
