//! What can be done to a value on its way. Pure; each either answers, or says why it cannot.

use super::{source_path, target_field::Kind};
use crate::{calendar, host::Finding, text::lower, values::Values};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How the answers of a question with several choices are joined in one text.
pub const CHOICES: &str = "; ";

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// The value and those of more sources, one after another.
    Join(Join),
    /// One part of the value.
    Split(Split),
    /// Other words for the choices of the form.
    Choices(Choices),
    /// A date or time in another form, in UTC.
    Date(Date),
    /// A number: without blanks and thousands separators, divided, rounded.
    Number(Number),
    /// true or false.
    Boolean(Boolean),
    /// At most this many characters.
    Truncate(#[cfg_attr(test, schemars(range(min = 1, max = 65000)))] u32),
    /// What is written where there is nothing.
    Default(String),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub struct Join {
    pub sources: Vec<String>,
    /// What stands between two values.
    #[serde(default = "blank")]
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub struct Split {
    #[serde(default = "blank")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub by: String,
    /// 1 is the first part, -1 the last.
    pub part: i32,
}

fn blank() -> String {
    " ".into()
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub struct Choices {
    /// Choice of the form, upper or lower case, to what is written.
    pub map: BTreeMap<String, String>,
    /// What becomes of a choice that is not in the map.
    #[serde(default)]
    pub otherwise: Otherwise,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    #[default]
    Keep,
    LeaveOut,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub struct Date {
    /// YYYY, MM, DD, hh, mm and ss stand for year, month, day, hour, minute and second.
    pub format: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct Number {
    /// The decimal separator of the form.
    pub decimal: Decimal,
    /// E.g. 60 to make minutes of seconds.
    #[cfg_attr(test, schemars(range(min = 1, max = 1_000_000)))]
    pub divide_by: u32,
    /// Digits after the point. Empty: as many as there are.
    #[cfg_attr(test, schemars(range(max = 9)))]
    pub decimals: Option<u32>,
}

impl Default for Number {
    fn default() -> Self {
        Self { decimal: Decimal::Point, divide_by: 1, decimals: None }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
pub enum Decimal {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(default)]
pub struct Boolean {
    /// More words for true than true, yes, on, 1.
    pub yes: Vec<String>,
    /// More words for false than false, no, off, 0.
    pub no: Vec<String>,
}

impl Transform {
    /// Sources that it reads besides the value.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let sources: &[String] = if let Transform::Join(join) = self { &join.sources } else { &[] };
        sources.iter().map(String::as_str)
    }

    /// As what its value is sent. None: as what it was.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Transform::Number(_) => Some(Kind::Number),
            Transform::Boolean(_) => Some(Kind::Boolean),
            Transform::Join(_) | Transform::Split(_) | Transform::Choices(_) | Transform::Date(_) => Some(Kind::Text),
            Transform::Truncate(_) | Transform::Default(_) => None,
        }
    }

    pub fn apply(&self, value: Option<String>, sources: &Values) -> Result<Option<String>, String> {
        match (self, value) {
            (Transform::Join(join), value) => {
                let more = join.sources.iter().filter_map(|source| sources.get(source).cloned());
                let parts: Vec<String> = value.into_iter().chain(more).filter(|part| !part.is_empty()).collect();
                Ok((!parts.is_empty()).then(|| parts.join(&join.by)))
            }
            (Transform::Default(text), value) => {
                Ok(Some(value.filter(|value| !value.is_empty()).unwrap_or_else(|| text.clone())))
            }
            (_, None) => Ok(None),
            (Transform::Split(split), Some(value)) => Ok(split.part_of(&value)),
            (Transform::Choices(choices), Some(value)) => {
                let chosen: Vec<String> = value.split(CHOICES).filter_map(|choice| choices.of(choice)).collect();
                Ok((!chosen.is_empty()).then(|| chosen.join(CHOICES)))
            }
            (Transform::Date(date), Some(value)) => {
                let at = calendar::parse(&value).or_else(|| calendar::parse(&format!("{value}T00:00:00")));
                at.map(|at| Some(date.write(at))).ok_or_else(|| format!("\"{value}\" is no date"))
            }
            (Transform::Number(number), Some(value)) => {
                number.write(&value).map(Some).ok_or_else(|| format!("\"{value}\" is no number"))
            }
            (Transform::Boolean(boolean), Some(value)) => boolean
                .read(&value)
                .map(|yes| Some(yes.to_string()))
                .ok_or_else(|| format!("\"{value}\" is neither yes nor no")),
            (Transform::Truncate(most), Some(value)) => Ok(Some(value.chars().take(*most as usize).collect())),
        }
    }

    /// What a schema cannot say.
    pub fn problems(&self, place: &str) -> Vec<Finding> {
        match self {
            Transform::Join(join) => {
                let each = join.sources.iter().enumerate();
                each.filter_map(|(number, source)| {
                    source_path::problem(&format!("{place}/join/sources/{number}"), source)
                })
                .collect()
            }
            Transform::Split(split) if split.part == 0 => {
                let place = format!("{place}/split/part");
                vec![Finding::wrong(
                    &place,
                    &format!("{place}: there is no part 0."),
                    "1 is the first part, -1 the last.",
                )]
            }
            Transform::Date(date) if !TOKENS.iter().any(|token| date.format.contains(token)) => {
                let place = format!("{place}/date/format");
                let remedy = format!("Write it with {}, e.g. YYYY-MM-DD.", TOKENS.join(", "));
                vec![Finding::wrong(&place, &format!("{place}: \"{}\" holds no part of a date.", date.format), &remedy)]
            }
            _ => Vec::new(),
        }
    }
}

impl Split {
    fn part_of(&self, value: &str) -> Option<String> {
        let parts: Vec<&str> = value.split(&self.by).map(str::trim).filter(|part| !part.is_empty()).collect();
        let back = usize::try_from(self.part.unsigned_abs()).ok()?.checked_sub(1)?;
        let part = if self.part > 0 { parts.get(back) } else { parts.iter().rev().nth(back) };
        part.map(|part| part.to_string())
    }
}

impl Choices {
    fn of(&self, choice: &str) -> Option<String> {
        let known = self.map.iter().find(|(from, _)| lower(from) == lower(choice.trim())).map(|(_, to)| to.clone());
        known.or_else(|| (self.otherwise == Otherwise::Keep).then(|| choice.to_string())).filter(|to| !to.is_empty())
    }
}

const TOKENS: [&str; 6] = ["YYYY", "MM", "DD", "hh", "mm", "ss"];

impl Date {
    fn write(&self, at: crate::host::Instant) -> String {
        // `2026-11-22T15:00:00`
        let iso = calendar::iso(at);
        let parts = [&iso[..4], &iso[5..7], &iso[8..10], &iso[11..13], &iso[14..16], &iso[17..19]];
        TOKENS.iter().zip(parts).fold(self.format.clone(), |text, (token, part)| text.replace(token, part))
    }
}

impl Number {
    fn write(&self, value: &str) -> Option<String> {
        let (point, thousands) = match self.decimal {
            Decimal::Point => ('.', ','),
            Decimal::Comma => (',', '.'),
        };
        let plain: String = value
            .chars()
            .filter(|letter| *letter != thousands && !letter.is_whitespace() && *letter != '\'')
            .map(|letter| if letter == point { '.' } else { letter })
            .collect();
        let (sign, digits) = match plain.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", plain.strip_prefix('+').unwrap_or(&plain)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || all.len() > 15 || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // In whole numbers: floats would bring 40 KB of tables, and would round where a person sees no reason.
        let places = self.decimals.unwrap_or(9).min(9);
        let below = 10u128.pow(u32::try_from(fraction.len()).ok()?) * u128::from(self.divide_by.max(1));
        let above = all.parse::<u128>().ok()? * 10u128.pow(places);
        // Half away from zero, as people round.
        let rounded = (above + below / 2) / below;
        let (whole, rest) = (rounded / 10u128.pow(places), rounded % 10u128.pow(places));
        let mut text =
            if places == 0 { whole.to_string() } else { format!("{whole}.{rest:0>width$}", width = places as usize) };
        if self.decimals.is_none() {
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        }
        Some(if rounded == 0 { text } else { format!("{sign}{text}") })
    }
}

impl Boolean {
    fn read(&self, value: &str) -> Option<bool> {
        let value = lower(value.trim());
        let says = |own: &[String], words: [&str; 4]| {
            words.contains(&value.as_str()) || own.iter().any(|word| lower(word.trim()) == value)
        };
        match (says(&self.yes, ["true", "yes", "on", "1"]), says(&self.no, ["false", "no", "off", "0"])) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn apply(transform: &Value, value: Option<&str>) -> Result<Option<String>, String> {
        let transform: Transform = serde_json::from_value(transform.clone()).unwrap();
        let sources = [("fields.last_name", "Lund"), ("fields.empty", "")].into_iter().collect();
        transform.apply(value.map(str::to_string), &sources)
    }

    #[test]
    fn each_does_what_its_row_says() {
        let rows = [
            (
                json!({"join": {"sources": ["fields.last_name", "fields.empty", "fields.none"]}}),
                Some("Ana"),
                Ok(Some("Ana Lund")),
            ),
            (json!({"join": {"sources": ["fields.last_name"], "by": ", "}}), None, Ok(Some("Lund"))),
            (json!({"join": {"sources": ["fields.none"]}}), None, Ok(None)),
            (json!({"split": {"part": 1}}), Some("Ana Maria Lund"), Ok(Some("Ana"))),
            (json!({"split": {"part": -1}}), Some("Ana Maria Lund "), Ok(Some("Lund"))),
            (json!({"split": {"by": "/", "part": 2}}), Some("a / b"), Ok(Some("b"))),
            (json!({"split": {"part": 4}}), Some("Ana Lund"), Ok(None)),
            (json!({"choices": {"map": {"Red": "Rot"}}}), Some("red; blue"), Ok(Some("Rot; blue"))),
            (json!({"choices": {"map": {"Red": "Rot"}, "otherwise": "leave_out"}}), Some("RED; blue"), Ok(Some("Rot"))),
            (json!({"choices": {"map": {}, "otherwise": "leave_out"}}), Some("blue"), Ok(None)),
            (
                json!({"date": {"format": "DD.MM.YYYY hh:mm:ss"}}),
                Some("2026-11-22T15:01:02Z"),
                Ok(Some("22.11.2026 15:01:02")),
            ),
            (json!({"date": {"format": "YYYY-MM-DD"}}), Some("2026-11-22"), Ok(Some("2026-11-22"))),
            (json!({"date": {"format": "YYYY-MM-DD"}}), Some("soon"), Err("\"soon\" is no date")),
            (json!({"number": {}}), Some("1,234.50"), Ok(Some("1234.5"))),
            (json!({"number": {"decimal": ","}}), Some("1.234,5"), Ok(Some("1234.5"))),
            (json!({"number": {"divide_by": 60, "decimals": 0}}), Some("181"), Ok(Some("3"))),
            (json!({"number": {"divide_by": 60, "decimals": 0}}), Some("150"), Ok(Some("3"))),
            (json!({"number": {"divide_by": 60, "decimals": 1}}), Some("-1"), Ok(Some("0.0"))),
            (json!({"number": {"divide_by": 3}}), Some("-10"), Ok(Some("-3.333333333"))),
            (json!({"number": {}}), Some(".5"), Ok(Some("0.5"))),
            (json!({"number": {}}), Some("1.2.3"), Err("\"1.2.3\" is no number")),
            (json!({"number": {"decimals": 2}}), Some("-7"), Ok(Some("-7.00"))),
            (json!({"number": {}}), Some("1e9"), Err("\"1e9\" is no number")),
            (json!({"number": {}}), Some("."), Err("\".\" is no number")),
            (json!({"boolean": {"yes": ["Ja"]}}), Some("JA"), Ok(Some("true"))),
            (json!({"boolean": {}}), Some("0"), Ok(Some("false"))),
            (json!({"boolean": {}}), Some("maybe"), Err("\"maybe\" is neither yes nor no")),
            (json!({"truncate": 3}), Some("ééééé"), Ok(Some("ééé"))),
            (json!({"default": "none"}), None, Ok(Some("none"))),
            (json!({"default": "none"}), Some(""), Ok(Some("none"))),
            (json!({"default": "none"}), Some("x"), Ok(Some("x"))),
            (json!({"truncate": 3}), None, Ok(None)),
        ];
        for (transform, value, expected) in rows {
            let expected = expected.map(|value: Option<&str>| value.map(str::to_string)).map_err(str::to_string);
            assert_eq!(apply(&transform, value), expected, "{transform} of {value:?}");
        }
    }

    #[test]
    fn what_a_schema_cannot_say_is_told() {
        let problems = |transform: Value| serde_json::from_value::<Transform>(transform).unwrap().problems("/t");
        assert_eq!(problems(json!({"split": {"part": 0}}))[0].place, "/t/split/part");
        assert_eq!(problems(json!({"split": {"part": 1}})), vec![]);
        assert_eq!(problems(json!({"date": {"format": "YYYY"}})), vec![]);
        assert_eq!(problems(json!({"join": {"sources": ["nope"]}}))[0].place, "/t/join/sources/0");
    }

    proptest! {
        #[test]
        fn no_value_ends_any_of_them(value in ".{0,40}", number in -9i32..9) {
            for transform in [json!({"split": {"part": number}}), json!({"number": {"divide_by": 7, "decimals": 3}}),
                json!({"date": {"format": "YYYYMMDDhhmmss"}}), json!({"boolean": {}}), json!({"truncate": 5}),
                json!({"choices": {"map": {"a": "b"}}})] {
                let _ = apply(&transform, Some(&value));
            }
        }

        #[test]
        fn a_number_that_was_written_is_read_again(number in -1_000_000i64..1_000_000) {
            let once = apply(&json!({"number": {}}), Some(&number.to_string())).unwrap().unwrap();
            prop_assert_eq!(apply(&json!({"number": {}}), Some(&once)), Ok(Some(once.clone())));
        }
    }
}
