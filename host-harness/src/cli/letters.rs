//! Which dead letters a command is about: those of a run, one of them, or all.

use crate::operate::Which;

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Letters {
    /// Those that this run left, as `harness runs` lists it
    run: Option<u64>,
    /// This one alone
    #[arg(long, value_name = "TASK")]
    task: Option<u64>,
    /// All that there are
    #[arg(long)]
    all_failed: bool,
}

impl Letters {
    pub fn which(&self) -> Which {
        match (self.run, self.task) {
            (Some(run), _) => Which::Run(run),
            (None, Some(task)) => Which::Task(task),
            (None, None) => Which::AllFailed,
        }
    }
}
