//! Values of a row as a record shows them: times in ISO 8601 UTC, numbers as numbers, null for what is not there.

use crate::{
    calendar,
    host::Instant,
    json::{self, At},
    livestorm::time,
    text::fit,
};
use serde_json::{Map, Value};

/// Titles and their like: far above what a form takes, far below what an entry of the state may hold.
const TEXT_BYTES_MAX: usize = 1_000;

#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    Time,
    /// A whole number.
    Count,
    /// As `Count`; 0 where nothing is said.
    Sum,
    /// A number as given, be it as text.
    Number,
    Flag,
    /// As `Flag`; false where nothing is said.
    Is,
}

/// Of the record, of the row.
pub type Field = (&'static str, &'static str, Kind);

pub fn fields(row: &At<'_>, fields: &[Field]) -> Map<String, Value> {
    let mut shown = Map::new();
    put(&mut shown, row, fields);
    shown
}

pub fn put<'a>(into: &mut Map<String, Value>, row: &At<'_>, fields: impl IntoIterator<Item = &'a Field>) {
    for (name, source, kind) in fields {
        into.insert((*name).into(), value(row, source, *kind));
    }
}

fn value(row: &At<'_>, name: &str, kind: Kind) -> Value {
    if let Kind::Time = kind {
        return time(time::parse(row.get(name)).ok().flatten());
    }
    let text = row.text_or_none(name).unwrap_or_default();
    match kind {
        Kind::Text if !text.is_empty() => fit(&text, TEXT_BYTES_MAX).into(),
        Kind::Text | Kind::Time => Value::Null,
        Kind::Count | Kind::Sum => {
            let whole = text.split('.').next().and_then(|whole| whole.parse::<u64>().ok());
            whole.or(matches!(kind, Kind::Sum).then_some(0)).map_or(Value::Null, Value::from)
        }
        Kind::Number => json::parse(text.as_bytes()).ok().filter(Value::is_number).unwrap_or_default(),
        Kind::Flag | Kind::Is => match text.as_str() {
            "true" => true.into(),
            "false" => false.into(),
            _ if matches!(kind, Kind::Is) => false.into(),
            _ => Value::Null,
        },
    }
}

pub fn time(at: Option<Instant>) -> Value {
    at.map_or(Value::Null, |at| format!("{}Z", calendar::iso(at)).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_value_is_shown_in_one_way_whatever_it_came_as() {
        let rows = [
            (Kind::Text, json!(" a "), json!("a")),
            (Kind::Text, json!(7), json!("7")),
            (Kind::Text, json!(""), json!(null)),
            (Kind::Text, json!([]), json!(null)),
            (Kind::Time, json!(1_645_459_200), json!("2022-02-21T16:00:00Z")),
            (Kind::Time, json!("2022-02-21T17:00:00+01:00"), json!("2022-02-21T16:00:00Z")),
            (Kind::Time, json!(0), json!(null)),
            (Kind::Time, json!("soon"), json!(null)),
            (Kind::Count, json!("30"), json!(30)),
            (Kind::Count, json!(1.9), json!(1)),
            (Kind::Count, json!(-1), json!(null)),
            (Kind::Count, json!(null), json!(null)),
            (Kind::Sum, json!(null), json!(0)),
            (Kind::Number, json!("12.5"), json!(12.5)),
            (Kind::Number, json!(100), json!(100)),
            (Kind::Number, json!("many"), json!(null)),
            (Kind::Flag, json!(true), json!(true)),
            (Kind::Flag, json!("false"), json!(false)),
            (Kind::Flag, json!(null), json!(null)),
            (Kind::Is, json!(null), json!(false)),
        ];
        for (kind, given, expected) in rows {
            let row = json!({"given": given});
            let shown = fields(&At::root(&row).unwrap(), &[("shown", "given", kind)]);
            assert_eq!(shown["shown"], expected, "{row}");
        }
    }
}
