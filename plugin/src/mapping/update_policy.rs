//! Whether a value may replace what stands in the field (RULES 15).

use serde::Deserialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// The newest value wins.
    #[default]
    Always,
    /// What somebody else wrote stays. Our own value follows the newest, else the order of handling would decide.
    WhenEmpty,
    /// Of a prospect that was there before, nothing is written; of one that the connector made, the newest wins.
    Never,
}

/// What is known of the field at the destination.
pub struct Standing {
    /// Nothing stands there, as far as is known.
    pub is_empty: bool,
    /// What stands there was written by us, and nobody has changed it since.
    pub is_ours: bool,
    /// The prospect was made by us, or is being made at this moment.
    pub is_made_by_us: bool,
}

impl Update {
    pub fn allows(self, standing: &Standing) -> bool {
        match self {
            Update::Always => true,
            Update::WhenEmpty => standing.is_ours || standing.is_empty,
            Update::Never => standing.is_ours || standing.is_empty && standing.is_made_by_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_row_by_row() {
        // empty, ours, made by us -> always, when empty, never
        let rows = [
            (true, false, false, [true, true, false]),
            (false, false, false, [true, false, false]),
            (false, true, false, [true, true, true]),
            (true, false, true, [true, true, true]),
            (false, false, true, [true, false, false]),
        ];
        for (is_empty, is_ours, is_made_by_us, expected) in rows {
            let standing = Standing { is_empty, is_ours, is_made_by_us };
            let allowed = [Update::Always, Update::WhenEmpty, Update::Never].map(|update| update.allows(&standing));
            assert_eq!(allowed, expected, "{is_empty} {is_ours} {is_made_by_us}");
        }
    }
}
