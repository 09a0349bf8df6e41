//! What the exit code says. Documented, so that a script can rely on them.

/// All is well.
pub const WELL: u8 = 0;
/// The command could not do what it was asked for; stderr says why.
pub const FAILED: u8 = 1;
/// The command line is wrong: clap's own code.
pub const USAGE: u8 = 2;
/// It was done, and what came of it is not as it should be: `demo` and `run` found problems, `check` a blocker, `map` a delivery
/// that is not understood, `sessions` one without a campaign that a person must see to, `inspect` a component that is refused,
/// `runs` dead letters, `why` somebody unknown or whose story needs a person, `retry` and `resync` a refusal,
/// `forget` texts of somebody else's that still name the person, `replay` a difference.
pub const NOT_WELL: u8 = 3;
/// Ended by Ctrl-C: what was under way has ended, the rest waits for the next call.
pub const INTERRUPTED: u8 = 130;

pub const HELP: &str = "Exit codes: 0 all is well; 1 it could not be done; 2 the command line is wrong; \
                        3 it was done, and what came of it is not as it should be; 130 ended by Ctrl-C.";
