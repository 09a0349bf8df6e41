//! The records as a reader sees them: the value behind a path, whether a condition holds, and a row as it is told.
//!
//! Text compares without regard to case [inferred], in LIKE too [inferred from public clients]; for `=` on an address of
//! email that is a switch. An id is equal in both its lengths.

use super::{
    Record, Salesforce,
    describe::{Field, Kind, ObjectType},
    errors::Refusal,
    soql::{Among, Comparison, Condition, Literal, Path},
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        account_engagement::zone,
        ids::long_salesforce_id,
        unknowns::{CaseMatch, Zone},
    },
};
use chrono::{DateTime, NaiveDate};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// The calendar day where the API's user is, as far as zones are simulated: New York's, or else UTC.
fn today(world: &World) -> (NaiveDate, Zone) {
    let user = world.salesforce.records.now(&Salesforce::user_id());
    let new_york = user.is_some_and(|user| user.value("TimeZoneSidKey") == json!("America/New_York"));
    let zone = if new_york { Zone::NewYork } else { Zone::Utc };
    (zone::day(world.now(), zone), zone)
}

/// The field at the end of a path.
pub(super) fn column(object: &'static ObjectType, path: &[String]) -> Result<&'static Field, Refusal> {
    match path {
        [name] => object.field(name).ok_or_else(|| {
            let message = format!(
                "\nNo such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure to append the \
                 '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
                object.name
            );
            Refusal::new(400, "INVALID_FIELD", message)
        }),
        [relation, rest @ ..] => match object.relation(relation) {
            Some((_, target)) => column(target, rest),
            None => {
                let message = format!("\nDidn't understand relationship '{relation}' in field path.");
                Err(Refusal::new(400, "INVALID_FIELD", message))
            }
        },
        [] => Err(Refusal::malformed_query("unexpected token: '<EOF>'")),
    }
}

pub(super) fn sortable(field: &Field, what: &str) -> Result<(), Refusal> {
    match field.filterable() {
        true => Ok(()),
        false => {
            let message = format!("\nfield '{}' can not be {what} in a query call", field.name);
            Err(Refusal::new(400, "INVALID_FIELD", message))
        }
    }
}

/// Whether a literal is written as the field's kind wants it.
pub(super) fn suits(field: &Field, value: &Literal) -> Result<(), Refusal> {
    sortable(field, "filtered")?;
    let (kind, quoted, fits) = match field.kind {
        Kind::Boolean => ("boolean", false, matches!(value, Literal::Boolean(_))),
        Kind::Integer | Kind::Double => ("double", false, matches!(value, Literal::Number(_))),
        Kind::Date => ("date", false, matches!(value, Literal::Date(_) | Literal::Relative(_))),
        Kind::DateTime => ("dateTime", false, matches!(value, Literal::DateTime(_) | Literal::Relative(_))),
        Kind::Id | Kind::Reference(..) => {
            if let Literal::Text(id) = value
                && long_salesforce_id(id).is_none()
            {
                let message = format!("\ninvalid ID field: {id}");
                return Err(Refusal::new(400, "INVALID_QUERY_FILTER_OPERATOR", message));
            }
            ("ID", true, matches!(value, Literal::Text(_)))
        }
        _ => ("string", true, matches!(value, Literal::Text(_))),
    };
    if fits || *value == Literal::Null {
        return Ok(());
    }
    let quotes = if quoted { "should be enclosed in quotes" } else { "should not be enclosed in quotes" };
    let message = format!("\nvalue of filter criterion for field '{}' must be of type {kind} and {quotes}", field.name);
    Err(Refusal::new(400, "INVALID_FIELD", message))
}

/// The records as a reader sees them.
pub(super) struct View<'a> {
    pub salesforce: &'a Salesforce,
    pub when: Timestamp,
    today: (NaiveDate, Zone),
    email_match: CaseMatch,
}

impl<'a> View<'a> {
    pub fn new(world: &'a World) -> View<'a> {
        let when = world.now().minus(world.options.read_lag.salesforce);
        let email_match = world.options.unknowns.salesforce.email_match;
        View { salesforce: &world.salesforce, when, today: today(world), email_match }
    }

    pub fn value(&self, object: &'static ObjectType, record: &Record, path: &[String]) -> Value {
        match path {
            [name] => object.field(name).map_or(Value::Null, |field| record.value(field.name)),
            [relation, rest @ ..] => match self.related(object, record, relation) {
                Some((target, record)) => self.value(target, record, rest),
                None => Value::Null,
            },
            [] => Value::Null,
        }
    }

    fn related(
        &self,
        object: &ObjectType,
        record: &Record,
        relation: &str,
    ) -> Option<(&'static ObjectType, &'a Record)> {
        let (field, target) = object.relation(relation)?;
        let id = record.value(field.name);
        let id = id.as_str().filter(|id| self.salesforce.visible(id))?;
        Some((self.salesforce.own(target), self.salesforce.records.at(id, self.when)?))
    }

    pub fn fits(&self, object: &'static ObjectType, record: &Record, condition: &Condition) -> bool {
        match condition {
            Condition::And(parts) => parts.iter().all(|part| self.fits(object, record, part)),
            Condition::Or(parts) => parts.iter().any(|part| self.fits(object, record, part)),
            Condition::Not(inner) => !self.fits(object, record, inner),
            Condition::Compare(path, operator, literal) => {
                let value = self.value(object, record, path);
                self.compares(object, path, &value, *operator, literal)
            }
            Condition::In { field, negated, among } => {
                let value = self.value(object, record, field);
                let there = match among {
                    Among::Literals(among) => {
                        let equal = |literal| self.compares(object, field, &value, Comparison::Equal, literal);
                        among.iter().any(equal)
                    }
                    Among::Known(known) => match (value.as_str(), column(object, field)) {
                        (Some(text), Ok(field)) => known.contains(&self.plain(field, text)),
                        _ => false,
                    },
                    // Answered before any row is looked at.
                    Among::Query(_) => false,
                };
                there != *negated
            }
        }
    }

    /// A text as it is compared: ids in their long form, and other text without regard to case.
    pub fn plain(&self, field: &Field, text: &str) -> String {
        match field.kind {
            Kind::Id | Kind::Reference(..) => long_salesforce_id(text).unwrap_or_else(|| text.to_owned()),
            Kind::Email if self.email_match == CaseMatch::Sensitive => text.to_owned(),
            _ => long_salesforce_id(text).unwrap_or_else(|| text.to_lowercase()),
        }
    }

    /// Whether the value at the end of a path holds, by the switch for addresses of email.
    fn compares(
        &self,
        object: &'static ObjectType,
        path: &[String],
        value: &Value,
        operator: Comparison,
        literal: &Literal,
    ) -> bool {
        let is_email = || column(object, path).is_ok_and(|field| field.kind == Kind::Email);
        match (literal, operator) {
            (Literal::Text(wanted), Comparison::Equal | Comparison::NotEqual)
                if self.email_match == CaseMatch::Sensitive && is_email() =>
            {
                (value == wanted) == (operator == Comparison::Equal)
            }
            _ => self.holds(value, operator, literal),
        }
    }

    /// A row: the fields asked for, each relation as an object of its own or null.
    pub fn show(&self, object: &'static ObjectType, record: &Record, paths: &[Path], version: &str) -> Value {
        let mut row = record.attributes(version);
        for path in paths {
            match &path[..] {
                [name] => {
                    if let Some(field) = object.field(name) {
                        row[field.name] = record.value(field.name);
                    }
                }
                [relation, ..] => {
                    let below: Vec<Path> =
                        paths.iter().filter(|p| p.len() > 1 && p[0] == *relation).map(|p| p[1..].to_vec()).collect();
                    let related = self.related(object, record, relation);
                    let name = object.relation(relation).map_or(relation.as_str(), |(field, _)| match field.kind {
                        Kind::Reference(_, name) => name,
                        _ => field.name,
                    });
                    row[name] = related.map_or(Value::Null, |(target, r)| self.show(target, r, &below, version));
                }
                [] => {}
            }
        }
        row
    }
}

impl View<'_> {
    pub fn holds(&self, value: &Value, operator: Comparison, literal: &Literal) -> bool {
        let Literal::Relative(relative) = literal else { return holds(value, operator, literal) };
        let (today, zone) = self.today;
        let days = relative.days(today);
        let day = value.as_str().and_then(|text| match text.parse::<NaiveDate>() {
            Ok(day) => Some(day),
            Err(_) => {
                let at = u64::try_from(instant(text)?).ok()?;
                Some(zone::day(Timestamp(at), zone))
            }
        });
        let Some(day) = day else { return operator == Comparison::NotEqual };
        match operator {
            Comparison::Equal | Comparison::Like => days.contains(&day),
            Comparison::NotEqual => !days.contains(&day),
            Comparison::Less => day < days.start,
            Comparison::LessOrEqual => day < days.end,
            Comparison::Greater => day >= days.end,
            Comparison::GreaterOrEqual => day >= days.start,
        }
    }
}

/// Null equals null alone, and is neither more nor less than anything.
fn holds(value: &Value, operator: Comparison, literal: &Literal) -> bool {
    if let (Comparison::Like, Literal::Text(pattern)) = (operator, literal) {
        return value.as_str().is_some_and(|text| like(&text.to_lowercase(), &pattern.to_lowercase()));
    }
    let ordering = match literal {
        Literal::Null => return value.is_null() == (operator == Comparison::Equal),
        _ if value.is_null() => return operator == Comparison::NotEqual,
        Literal::Boolean(wanted) => compare(value, &json!(wanted)),
        Literal::Number(wanted) => compare(value, &json!(wanted)),
        // `View::holds` compares these.
        Literal::Relative(_) => return false,
        Literal::Date(wanted) => compare(value, &json!(wanted.to_string())),
        Literal::DateTime(wanted) => compare(value, &json!(wanted.to_rfc3339())),
        // An id is equal in both its lengths.
        Literal::Text(wanted) => match (value.as_str().and_then(long_salesforce_id), long_salesforce_id(wanted)) {
            (Some(id), Some(wanted)) => id.cmp(&wanted),
            _ => compare(value, &json!(wanted)),
        },
    };
    match operator {
        Comparison::Equal | Comparison::Like => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}

pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default())
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => match (instant(a), instant(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.to_lowercase().cmp(&b.to_lowercase()),
        },
        _ => Ordering::Equal,
    }
}

/// Times are written in two ways: as answers write them, with `+0000`, and as a literal was read.
fn instant(text: &str) -> Option<i64> {
    if let Ok(at) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(at.timestamp_millis());
    }
    let day: NaiveDate = text.parse().ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

/// `%` is any text, `_` any one character, a backslash takes its meaning from the next.
fn like(text: &str, pattern: &str) -> bool {
    let mut symbols = vec![];
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        symbols.push(match c {
            '%' => None,
            '_' => Some(None),
            '\\' => Some(characters.next()),
            c => Some(Some(c)),
        });
    }
    // Which beginnings of the text the symbols so far can be.
    let text: Vec<char> = text.chars().collect();
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for symbol in symbols {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match symbol {
                None => reached[at] || (at > 0 && next[at - 1]),
                Some(wanted) => at > 0 && reached[at - 1] && wanted.is_none_or(|wanted| wanted == text[at - 1]),
            };
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn like_knows_any_text_any_character_and_their_escapes() {
        let rows = [
            ("demo", "demo", true),
            ("demo", "de%", true),
            ("demo", "%mo", true),
            ("demo", "d_mo", true),
            ("demo", "d_o", false),
            ("demo", "", false),
            ("", "%", true),
            ("100%", "100\\%", true),
            ("100x", "100\\%", false),
            ("a_b", "a\\_b", true),
            ("axb", "a\\_b", false),
            ("aXbXc", "a%b%c", true),
        ];
        for (text, pattern, fits) in rows {
            assert_eq!(like(text, pattern), fits, "{text} like {pattern}");
        }
    }
}
