//! `GET /query?q=` and `GET /queryAll?q=`, and `GET /tooling/query?q=` over the objects of that API.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-query.html>
//!
//! Text compares without regard to case [inferred], in LIKE too [inferred from public clients].
//! A page has up to 2000 rows; the next is at `nextRecordsUrl`, which the last page does not have [confirmed]. That address
//! has `query` in it after `queryAll` too, and both lead to the rest [confirmed].
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_queryall_more_results.htm>

use super::{
    Record, Salesforce,
    describe::{Field, Kind, ObjectType, Side},
    errors::Refusal,
    offers,
    soql::{self, Comparison, Condition, Literal, Path},
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        ids::long_salesforce_id,
        request::{Answer, Call, json},
    },
};
use chrono::{DateTime, NaiveDate};
use serde_json::{Value, json};
use std::cmp::Ordering;

const ROWS_MAX: usize = 2000;
const ROWS_MIN: usize = 200;

/// The rest of an answer, waiting to be fetched. Lives two days in the real thing, as long as the world here.
#[derive(Clone, Debug)]
pub struct Cursor {
    rows: Vec<Value>,
    rows_a_page: usize,
}

/// Which rows a query looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    Live,
    /// The deleted too.
    All,
}

/// `GET /query?q=…`, `GET /queryAll?q=…`
pub(super) fn first_page(
    world: &mut World,
    call: &Call,
    version: &str,
    among: Rows,
    side: Side,
) -> Result<Answer, Refusal> {
    let text = call.param("q").ok_or_else(|| Refusal::malformed_query("A query string has to be specified"))?;
    let query = soql::parse(text).map_err(Refusal::malformed_query)?;
    let when = world.now().minus(world.options.read_lag.salesforce);
    let object = ObjectType::named(side, &query.from).filter(|object| offers(world, object)).ok_or_else(|| {
        let message = format!("\nsObject type '{}' is not supported.", query.from);
        Refusal::new(400, "INVALID_TYPE", message)
    })?;
    let object = world.salesforce.own(object);
    let rows = evaluate(&world.salesforce, object, &query, version, when, among)?;
    let asked = call.header("sforce-query-options").and_then(|options| {
        let (_, size) = options.split_once("batchSize=")?;
        size.split([',', ';', ' ']).next()?.parse::<usize>().ok()
    });
    let rows_a_page = asked.unwrap_or(ROWS_MAX).clamp(ROWS_MIN, ROWS_MAX);
    let cursor = world.salesforce.cursors.len();
    let page = page(&rows, version, cursor, rows_a_page, 0);
    if rows.len() > rows_a_page {
        world.salesforce.cursors.push(Cursor { rows, rows_a_page });
    }
    Ok(json(200, super::errors::CONTENT_TYPE, &page))
}

/// `GET /query/01gSIM…-2000`
pub(super) fn next_page(world: &World, version: &str, locator: &str) -> Result<Answer, Refusal> {
    let dead = || Refusal::new(404, "INVALID_QUERY_LOCATOR", "invalid query locator");
    let (id, from) = locator.split_once('-').ok_or_else(dead)?;
    let number: usize = id.strip_prefix("01gSIM").and_then(|number| number.parse().ok()).ok_or_else(dead)?;
    let from: usize = from.parse().map_err(|_| dead())?;
    let cursor = world.salesforce.cursors.get(number).filter(|cursor| from < cursor.rows.len()).ok_or_else(dead)?;
    let page = page(&cursor.rows, version, number, cursor.rows_a_page, from);
    Ok(json(200, super::errors::CONTENT_TYPE, &page))
}

fn page(rows: &[Value], version: &str, cursor: usize, rows_a_page: usize, from: usize) -> Value {
    let to = rows.len().min(from + rows_a_page);
    let mut page = json!({ "totalSize": rows.len(), "done": to == rows.len(), "records": rows[from..to] });
    if to < rows.len() {
        page["nextRecordsUrl"] = json!(format!("/services/data/{version}/query/01gSIM{cursor:012}-{to}"));
    }
    page
}

fn evaluate(
    salesforce: &Salesforce,
    object: &'static ObjectType,
    query: &soql::Query,
    version: &str,
    when: Timestamp,
    among: Rows,
) -> Result<Vec<Value>, Refusal> {
    // All names are checked before any row is looked at, so an empty table refuses what a full one does.
    for path in &query.select {
        column(object, path)?;
    }
    if let Some(condition) = &query.condition {
        check(object, condition)?;
    }
    for order in &query.order {
        sortable(column(object, &order.field)?, "sorted")?;
    }
    let view = View { salesforce, when };
    let mut rows: Vec<&Record> = salesforce
        .records
        .all_at(when)
        .filter(|record| record.object == object.name && (among == Rows::All || !record.is_deleted))
        // What the user may not see is left out without a word [inferred].
        .filter(|record| salesforce.visible(&record.id))
        .filter(|record| query.condition.as_ref().is_none_or(|condition| view.fits(object, record, condition)))
        .collect();
    rows.sort_by(|a, b| {
        let one_by_one = query.order.iter().map(|order| {
            let (a, b) = (view.value(object, a, &order.field), view.value(object, b, &order.field));
            let nulls_last = order.nulls_last.unwrap_or(order.descending);
            match (a.is_null(), b.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) => {
                    if nulls_last {
                        Ordering::Greater
                    } else {
                        Ordering::Less
                    }
                }
                (false, true) => {
                    if nulls_last {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    }
                }
                (false, false) if order.descending => compare(&b, &a),
                (false, false) => compare(&a, &b),
            }
        });
        one_by_one.fold(Ordering::Equal, Ordering::then)
    });
    let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
    let shown = rows.into_iter().skip(query.offset.unwrap_or(0) as usize).take(limit);
    Ok(shown.map(|record| view.show(object, record, &query.select, version)).collect())
}

/// The field at the end of a path.
fn column(object: &'static ObjectType, path: &[String]) -> Result<&'static Field, Refusal> {
    match path {
        [name] => object.field(name).ok_or_else(|| {
            let message = format!("\n{name}\n^\nNo such column '{name}' on sobject of type {}", object.name);
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

fn sortable(field: &Field, what: &str) -> Result<(), Refusal> {
    match field.filterable() {
        true => Ok(()),
        false => {
            let message = format!("\nfield '{}' can not be {what} in a query call", field.name);
            Err(Refusal::new(400, "INVALID_FIELD", message))
        }
    }
}

fn check(object: &'static ObjectType, condition: &Condition) -> Result<(), Refusal> {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().try_for_each(|part| check(object, part)),
        Condition::Not(inner) => check(object, inner),
        Condition::Compare(path, _, value) => suits(column(object, path)?, value),
        Condition::In { field, among, .. } => {
            let field = column(object, field)?;
            among.iter().try_for_each(|value| suits(field, value))
        }
    }
}

/// Whether a literal is written as the field's kind wants it.
fn suits(field: &Field, value: &Literal) -> Result<(), Refusal> {
    sortable(field, "filtered")?;
    let (kind, quoted, fits) = match field.kind {
        Kind::Boolean => ("boolean", false, matches!(value, Literal::Boolean(_))),
        Kind::Integer | Kind::Double => ("double", false, matches!(value, Literal::Number(_))),
        Kind::Date => ("date", false, matches!(value, Literal::Date(_))),
        Kind::DateTime => ("dateTime", false, matches!(value, Literal::DateTime(_))),
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
struct View<'a> {
    salesforce: &'a Salesforce,
    when: Timestamp,
}

impl View<'_> {
    fn value(&self, object: &'static ObjectType, record: &Record, path: &[String]) -> Value {
        match path {
            [name] => object.field(name).map_or(Value::Null, |field| record.value(field.name)),
            [relation, rest @ ..] => match self.related(object, record, relation) {
                Some((target, record)) => self.value(target, record, rest),
                None => Value::Null,
            },
            [] => Value::Null,
        }
    }

    fn related(&self, object: &ObjectType, record: &Record, relation: &str) -> Option<(&'static ObjectType, &Record)> {
        let (field, target) = object.relation(relation)?;
        let id = record.value(field.name);
        let id = id.as_str().filter(|id| self.salesforce.visible(id))?;
        Some((self.salesforce.own(target), self.salesforce.records.at(id, self.when)?))
    }

    fn fits(&self, object: &'static ObjectType, record: &Record, condition: &Condition) -> bool {
        match condition {
            Condition::And(parts) => parts.iter().all(|part| self.fits(object, record, part)),
            Condition::Or(parts) => parts.iter().any(|part| self.fits(object, record, part)),
            Condition::Not(inner) => !self.fits(object, record, inner),
            Condition::Compare(path, operator, literal) => holds(&self.value(object, record, path), *operator, literal),
            Condition::In { field, negated, among } => {
                let value = self.value(object, record, field);
                among.iter().any(|literal| holds(&value, Comparison::Equal, literal)) != *negated
            }
        }
    }

    /// A row: the fields asked for, each relation as an object of its own or null.
    fn show(&self, object: &'static ObjectType, record: &Record, paths: &[Path], version: &str) -> Value {
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

fn compare(a: &Value, b: &Value) -> Ordering {
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
