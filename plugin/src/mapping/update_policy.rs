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
pub struct Standing<'a> {
    /// None: empty, as far as is known.
    pub value: Option<&'a str>,
    /// That value was written by us, and nobody has changed it since.
    pub is_ours: bool,
    /// The prospect is being made at this moment.
    pub is_being_made: bool,
}

impl Update {
    pub fn allows(self, standing: &Standing<'_>) -> bool {
        match self {
            Update::Always => true,
            Update::WhenEmpty => standing.is_being_made || standing.is_ours || standing.value.is_none_or(str::is_empty),
            Update::Never => standing.is_being_made || standing.is_ours,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_row_by_row() {
        // value, ours, being made -> always, when empty, never
        let rows = [
            (None, false, false, [true, true, false]),
            (Some(""), false, false, [true, true, false]),
            (Some("theirs"), false, false, [true, false, false]),
            (Some("ours"), true, false, [true, true, true]),
            (None, false, true, [true, true, true]),
        ];
        for (value, is_ours, is_being_made, expected) in rows {
            let standing = Standing { value, is_ours, is_being_made };
            let allowed = [Update::Always, Update::WhenEmpty, Update::Never].map(|update| update.allows(&standing));
            assert_eq!(allowed, expected, "{value:?} {is_ours} {is_being_made}");
        }
    }
}
