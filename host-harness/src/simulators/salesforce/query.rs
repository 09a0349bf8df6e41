//! `GET /query?q=` and `GET /queryAll?q=`, and `GET /tooling/query?q=` over the objects of that API.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-query.html>
//!
//! Text compares without regard to case [inferred], in LIKE too [inferred from public clients].
//! A page has up to 2000 rows; the next is at `nextRecordsUrl`, which the last page does not have [confirmed]. That address
//! has `query` in it after `queryAll` too, and both lead to the rest [confirmed].
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_queryall_more_results.htm>
//! It leads there for two days [confirmed].
//! <https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-apicursors.html>
//!
//! Children come as an object like the page itself, or null [confirmed]; all of them at once, however many. FIELDS, of
//! which ALL and CUSTOM need a LIMIT of at most 200, and OFFSET, at most 2000: [confirmed]
//! <https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm>. What a query
//! in a condition may be, and the words of refusals: [inferred from public clients].

use super::{
    Record, Salesforce,
    describe::{Field, Kind, ObjectType, Side},
    errors::Refusal,
    offers,
    soql::{self, Among, Column, Comparison, Condition, Function, Group, Literal, Path},
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        account_engagement::zone,
        ids::long_salesforce_id,
        request::{Answer, Call, json},
        unknowns::Zone,
    },
};
use chrono::{DateTime, NaiveDate};
use serde_json::{Value, json};
use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    time::Duration,
};

const ROWS_MAX: usize = 2000;
const ROWS_MIN: usize = 200;

const OFFSET_MAX: u32 = 2000;
/// Of a query for FIELDS(ALL).
const ALL_FIELDS_ROWS_MAX: u32 = 200;
/// Queries for children in one another.
const LEVELS_MAX: usize = 5;
const SEMI_JOINS_MAX: usize = 2;
const CURSOR_LIFE: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The rest of an answer, waiting to be fetched.
#[derive(Clone, Debug)]
pub struct Cursor {
    made_at: Timestamp,
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
    let reader = Reader {
        world,
        salesforce: &world.salesforce,
        when: world.now().minus(world.options.read_lag.salesforce),
        today: today(world),
        version,
        among,
    };
    let object = reader.object(side, &query.from)?;
    if let [Column::Aggregate { function: Function::Count, field: None, .. }] = query.select[..] {
        let size = reader.plan(object, &query, 1)?.rows(&reader).len();
        return Ok(json(200, super::errors::CONTENT_TYPE, &json!({ "totalSize": size, "done": true, "records": [] })));
    }
    let plan = reader.plan(object, &query, 1)?;
    let rows = plan.shown(&reader);
    let asked = call.header("sforce-query-options").and_then(|options| {
        let option = options.split([',', ';']).filter_map(|option| option.split_once('='));
        let mut size = option.filter(|(name, _)| name.trim().eq_ignore_ascii_case("batchSize"));
        size.next()?.1.trim().parse::<usize>().ok()
    });
    let rows_a_page = asked.unwrap_or(ROWS_MAX).clamp(ROWS_MIN, ROWS_MAX);
    let cursor = world.salesforce.cursors.len();
    let page = page(&rows, version, cursor, rows_a_page, 0);
    if rows.len() > rows_a_page {
        let made_at = world.now();
        world.salesforce.cursors.push(Cursor { made_at, rows, rows_a_page });
    }
    Ok(json(200, super::errors::CONTENT_TYPE, &page))
}

/// `GET /query/01gSIM…-2000`
pub(super) fn next_page(world: &World, version: &str, locator: &str) -> Result<Answer, Refusal> {
    let dead = || Refusal::new(404, "INVALID_QUERY_LOCATOR", "invalid query locator");
    let (id, from) = locator.split_once('-').ok_or_else(dead)?;
    let number: usize = id.strip_prefix("01gSIM").and_then(|number| number.parse().ok()).ok_or_else(dead)?;
    let from: usize = from.parse().map_err(|_| dead())?;
    let lives = |cursor: &&Cursor| from < cursor.rows.len() && world.now() < cursor.made_at.plus(CURSOR_LIFE);
    let cursor = world.salesforce.cursors.get(number).filter(lives).ok_or_else(dead)?;
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

/// The calendar day where the API's user is, as far as zones are simulated: New York's, or else UTC.
fn today(world: &World) -> (NaiveDate, Zone) {
    let user = world.salesforce.records.now(&Salesforce::user_id());
    let new_york = user.is_some_and(|user| user.value("TimeZoneSidKey") == json!("America/New_York"));
    let zone = if new_york { Zone::NewYork } else { Zone::Utc };
    (zone::day(world.now(), zone), zone)
}

/// Who asks, and when.
struct Reader<'a> {
    world: &'a World,
    salesforce: &'a Salesforce,
    when: Timestamp,
    today: (NaiveDate, Zone),
    version: &'a str,
    among: Rows,
}

/// A relation's name, what is asked of its rows, and the rows of each parent.
type Children<'a> = (String, Plan<'a>, HashMap<String, Vec<&'a Record>>);

/// A query whose names have been checked and whose inner queries have been answered.
struct Plan<'a> {
    object: &'static ObjectType,
    paths: Vec<Path>,
    /// By the name of the relation: the plan, the field that leads to the parent, and the rows of each parent.
    children: Vec<Children<'a>>,
    aggregates: Vec<(Function, Path, String)>,
    group: Vec<Path>,
    condition: Option<Condition>,
    order: Vec<soql::Order>,
    limit: usize,
    offset: usize,
}

impl<'a> Reader<'a> {
    fn object(&self, side: Side, name: &str) -> Result<&'static ObjectType, Refusal> {
        let object = ObjectType::named(side, name).filter(|object| offers(self.world, object)).ok_or_else(|| {
            let message = format!("\nsObject type '{name}' is not supported.");
            Refusal::new(400, "INVALID_TYPE", message)
        })?;
        Ok(self.salesforce.own(object))
    }

    /// All names are checked before any row is looked at, so an empty table refuses what a full one does.
    fn plan(&self, object: &'static ObjectType, query: &soql::Query, level: usize) -> Result<Plan<'a>, Refusal> {
        let mut plan = Plan {
            object,
            paths: vec![],
            children: vec![],
            aggregates: vec![],
            group: query.group.clone(),
            condition: None,
            order: query.order.clone(),
            limit: query.limit.map_or(usize::MAX, |limit| limit as usize),
            offset: query.offset.unwrap_or(0) as usize,
        };
        let mut inner = vec![];
        for selected in &query.select {
            match selected {
                Column::Field(path) => {
                    column(object, path)?;
                    plan.paths.push(path.clone());
                }
                Column::Fields(group) => {
                    if *group != Group::Standard && query.limit.is_none_or(|limit| limit > ALL_FIELDS_ROWS_MAX) {
                        return Err(Refusal::malformed_query(
                            "The SOQL FIELDS function must have a LIMIT of at most 200",
                        ));
                    }
                    let wanted = object.all_fields().filter(|field| match group {
                        Group::All => true,
                        Group::Standard => !field.name.ends_with("__c"),
                        Group::Custom => field.name.ends_with("__c"),
                    });
                    plan.paths.extend(wanted.map(|field| vec![field.name.to_owned()]));
                }
                Column::Aggregate { function, field: Some(path), alias } => {
                    let field = column(object, path)?;
                    let sums = matches!(function, Function::Sum | Function::Avg);
                    let numeric = matches!(field.kind, Kind::Integer | Kind::Double);
                    if field.kind == Kind::Boolean || !field.filterable() || (sums && !numeric) {
                        let message = format!("\nfield {} does not support aggregate operator {selected}", field.name);
                        return Err(Refusal::malformed_query(message));
                    }
                    let name = alias.clone().unwrap_or_else(|| format!("expr{}", plan.aggregates.len()));
                    plan.aggregates.push((*function, path.clone(), name));
                }
                Column::Aggregate { field: None, .. } if query.select.len() == 1 && level == 1 => {}
                Column::Aggregate { field: None, .. } => {
                    return Err(Refusal::malformed_query("\nunexpected token: 'COUNT()'"));
                }
                Column::Children(query) => inner.push(query),
            }
        }
        plan.checked(query)?;
        for query in inner {
            plan.children.push(self.children(object, query, level)?);
        }
        if let Some(condition) = &query.condition {
            let joins = semi_joins(condition, true)?;
            if joins > SEMI_JOINS_MAX {
                return Err(Refusal::malformed_query("Maximum 2 semi join sub-selects are allowed in a query"));
            }
            plan.condition = Some(self.resolved(object, condition)?);
        }
        Ok(plan)
    }

    fn children(
        &self,
        object: &'static ObjectType,
        query: &soql::Query,
        level: usize,
    ) -> Result<Children<'a>, Refusal> {
        let (relation, child, field) = object.child(&query.from).filter(|row| offers(self.world, row.1)).ok_or_else(|| {
            let message = format!(
                "\nDidn't understand relationship '{}' in FROM part of query call. If you are attempting to use a custom \
                 relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL \
                 or the describe call for the appropriate names.",
                query.from
            );
            Refusal::new(400, "INVALID_TYPE", message)
        })?;
        if level >= LEVELS_MAX {
            return Err(Refusal::malformed_query("SOQL relationship queries have at most five levels"));
        }
        let mut plan = self.plan(self.salesforce.own(child), query, level + 1)?;
        if plan.is_aggregate() {
            return Err(Refusal::malformed_query("aggregates are not allowed in a sub-query"));
        }
        // Limit and offset are each parent's.
        let (limit, offset) = (plan.limit, plan.offset);
        (plan.limit, plan.offset) = (usize::MAX, 0);
        let mut rows: HashMap<String, Vec<&Record>> = HashMap::new();
        for record in plan.rows(self) {
            if let Some(parent) = record.fields.get(field).and_then(Value::as_str) {
                rows.entry(parent.to_owned()).or_default().push(record);
            }
        }
        for rows in rows.values_mut() {
            *rows = rows.drain(..).skip(offset).take(limit).collect();
        }
        Ok((relation.to_owned(), plan, rows))
    }

    /// The condition, with its names checked and each list of values known.
    fn resolved(&self, object: &'static ObjectType, condition: &Condition) -> Result<Condition, Refusal> {
        let all = |parts: &[Condition]| -> Result<Vec<Condition>, Refusal> {
            parts.iter().map(|part| self.resolved(object, part)).collect()
        };
        Ok(match condition {
            Condition::And(parts) => Condition::And(all(parts)?),
            Condition::Or(parts) => Condition::Or(all(parts)?),
            Condition::Not(inner) => Condition::Not(Box::new(self.resolved(object, inner)?)),
            Condition::Compare(path, _, value) => {
                suits(column(object, path)?, value)?;
                condition.clone()
            }
            Condition::In { field, negated, among } => {
                let outer = column(object, field)?;
                let known = match among {
                    Among::Literals(among) => {
                        among.iter().try_for_each(|value| suits(outer, value))?;
                        let texts = among.iter().map(|value| match value {
                            Literal::Text(text) => Some(plain(outer, text)),
                            _ => None,
                        });
                        match texts.collect::<Option<HashSet<String>>>() {
                            Some(known) => Among::Known(known),
                            None => Among::Literals(among.clone()),
                        }
                    }
                    Among::Query(query) => Among::Known(self.semi_joined(object, outer, query)?),
                    Among::Known(known) => Among::Known(known.clone()),
                };
                Condition::In { field: field.clone(), negated: *negated, among: known }
            }
        })
    }

    /// What a query within a condition finds.
    fn semi_joined(
        &self,
        outer: &'static ObjectType,
        field: &'static Field,
        query: &soql::Query,
    ) -> Result<HashSet<String>, Refusal> {
        let object = self.object(outer.side(), &query.from)?;
        let [Column::Field(path)] = &query.select[..] else {
            return Err(Refusal::malformed_query("semi join sub-selects must select exactly one field"));
        };
        let is_id = |field: &Field| matches!(field.kind, Kind::Id | Kind::Reference(..));
        if let Some(wrong) = [field, column(object, path)?].into_iter().find(|field| !is_id(field)) {
            let message = format!("semi join sub-selects can only query id fields, cannot use: '{}'", wrong.name);
            return Err(Refusal::malformed_query(message));
        }
        if object.name == outer.name {
            let message = "The inner and outer selects should not be on the same object type";
            return Err(Refusal::malformed_query(message));
        }
        if let Some(condition) = &query.condition
            && semi_joins(condition, true)? > 0
        {
            return Err(Refusal::malformed_query("Nesting of semi join sub-selects is not supported"));
        }
        let plan = self.plan(object, query, 1)?;
        let view = View { salesforce: self.salesforce, when: self.when, today: self.today };
        let found = plan.rows(self).into_iter().map(|record| view.value(object, record, path));
        Ok(found.filter_map(|id| id.as_str().map(str::to_owned)).collect())
    }
}

/// How many queries a condition holds. They may not stand beside an OR.
fn semi_joins(condition: &Condition, allowed: bool) -> Result<usize, Refusal> {
    let all = |parts: &[Condition], allowed: bool| -> Result<usize, Refusal> {
        parts.iter().try_fold(0, |sum, part| Ok(sum + semi_joins(part, allowed)?))
    };
    match condition {
        Condition::And(parts) => all(parts, allowed),
        Condition::Or(parts) => all(parts, false),
        Condition::Not(inner) => semi_joins(inner, allowed),
        Condition::In { among: Among::Query(_), .. } if !allowed => {
            Err(Refusal::malformed_query("Semi join sub-selects are not allowed with the 'OR' operator"))
        }
        Condition::In { among: Among::Query(_), .. } => Ok(1),
        Condition::In { .. } | Condition::Compare(..) => Ok(0),
    }
}

impl<'a> Plan<'a> {
    fn is_aggregate(&self) -> bool {
        !self.aggregates.is_empty() || !self.group.is_empty()
    }

    /// What must be so of a query beside its names.
    fn checked(&self, query: &soql::Query) -> Result<(), Refusal> {
        if query.offset.is_some_and(|offset| offset > OFFSET_MAX) {
            let message = "Maximum SOQL offset allowed is 2000";
            return Err(Refusal::new(400, "NUMBER_OUTSIDE_VALID_RANGE", message));
        }
        for path in &self.group {
            sortable(column(self.object, path)?, "grouped")?;
        }
        for order in &self.order {
            sortable(column(self.object, &order.field)?, "sorted")?;
        }
        if !self.is_aggregate() {
            return Ok(());
        }
        let grouped = |path: &Path| self.group.iter().any(|group| same_path(group, path));
        if let Some(path) = self.paths.iter().find(|path| !grouped(path)) {
            let message = format!("\nField must be grouped or aggregated: {}", path.join("."));
            return Err(Refusal::malformed_query(message));
        }
        if let Some(order) = self.order.iter().find(|order| !grouped(&order.field)) {
            let message = format!("\nOrdered field must be grouped or aggregated: {}", order.field.join("."));
            return Err(Refusal::malformed_query(message));
        }
        if self.group.is_empty() && query.limit.is_some() {
            let message = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT";
            return Err(Refusal::malformed_query(message));
        }
        Ok(())
    }

    /// The records, in order, as many as were asked for.
    fn rows(&self, reader: &Reader<'a>) -> Vec<&'a Record> {
        let view = View { salesforce: reader.salesforce, when: reader.when, today: reader.today };
        let mut rows: Vec<&Record> = reader
            .salesforce
            .records
            .all_at(reader.when)
            .filter(|record| record.object == self.object.name && (reader.among == Rows::All || !record.is_deleted))
            // What the user may not see is left out without a word [inferred].
            .filter(|record| reader.salesforce.visible(&record.id))
            .filter(|record| self.condition.as_ref().is_none_or(|condition| view.fits(self.object, record, condition)))
            .collect();
        rows.sort_by(|a, b| {
            let one_by_one = self.order.iter().map(|order| {
                let (a, b) = (view.value(self.object, a, &order.field), view.value(self.object, b, &order.field));
                ordered(order, &a, &b)
            });
            one_by_one.fold(Ordering::Equal, Ordering::then)
        });
        match self.is_aggregate() {
            true => rows,
            false => rows.into_iter().skip(self.offset).take(self.limit).collect(),
        }
    }

    /// As they are told.
    fn shown(&self, reader: &Reader<'a>) -> Vec<Value> {
        let rows = self.rows(reader);
        if self.is_aggregate() {
            return self.aggregated(reader, &rows);
        }
        rows.into_iter().map(|record| self.show(reader, record)).collect()
    }

    fn show(&self, reader: &Reader<'a>, record: &Record) -> Value {
        let view = View { salesforce: reader.salesforce, when: reader.when, today: reader.today };
        let mut row = view.show(self.object, record, &self.paths, reader.version);
        for (relation, plan, rows) in &self.children {
            row[relation.as_str()] = rows.get(&record.id).filter(|rows| !rows.is_empty()).map_or(Value::Null, |rows| {
                let shown: Vec<Value> = rows.iter().map(|record| plan.show(reader, record)).collect();
                json!({ "totalSize": rows.len(), "done": true, "records": shown })
            });
        }
        row
    }

    /// One row for each group, in the order of the query; one for all where there is no group.
    fn aggregated(&self, reader: &Reader<'a>, rows: &[&Record]) -> Vec<Value> {
        let view = View { salesforce: reader.salesforce, when: reader.when, today: reader.today };
        let mut groups: Vec<(Vec<Value>, Vec<&Record>)> = vec![];
        let mut known: HashMap<String, usize> = HashMap::new();
        if self.group.is_empty() {
            groups.push((vec![], rows.to_vec()));
        } else {
            for record in rows {
                let key: Vec<Value> = self.group.iter().map(|path| view.value(self.object, record, path)).collect();
                // Groups take no notice of case, as comparisons do not.
                let at = *known.entry(json!(key).to_string().to_lowercase()).or_insert(groups.len());
                if at == groups.len() {
                    groups.push((key, vec![]));
                }
                groups[at].1.push(record);
            }
        }
        let told = groups.into_iter().skip(self.offset).take(self.limit).map(|(key, rows)| {
            let mut row = json!({ "attributes": { "type": "AggregateResult" } });
            for (path, value) in self.group.iter().zip(key) {
                if self.paths.iter().any(|shown| same_path(shown, path))
                    && let Ok(field) = column(self.object, path)
                {
                    row[field.name] = value;
                }
            }
            for (function, path, name) in &self.aggregates {
                let values = rows.iter().map(|record| view.value(self.object, record, path));
                row[name.as_str()] = aggregate(*function, values.filter(|value| !value.is_null()).collect());
            }
            row
        });
        told.collect()
    }
}

fn same_path(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// Of values that are not null.
fn aggregate(function: Function, mut values: Vec<Value>) -> Value {
    let numbers = || values.iter().filter_map(Value::as_f64);
    match function {
        Function::Count => json!(values.len()),
        Function::CountDistinct => {
            let distinct: HashSet<String> = values.iter().map(|value| value.to_string().to_lowercase()).collect();
            json!(distinct.len())
        }
        Function::Sum => {
            if values.is_empty() {
                Value::Null
            } else {
                json!(numbers().sum::<f64>())
            }
        }
        Function::Avg => {
            if values.is_empty() {
                Value::Null
            } else {
                json!(numbers().sum::<f64>() / values.len() as f64)
            }
        }
        Function::Min | Function::Max => {
            values.sort_by(compare);
            let found = if function == Function::Min { values.into_iter().next() } else { values.pop() };
            found.unwrap_or(Value::Null)
        }
    }
}

fn ordered(order: &soql::Order, a: &Value, b: &Value) -> Ordering {
    let nulls_last = order.nulls_last.unwrap_or(order.descending);
    let null_first = if nulls_last { Ordering::Greater } else { Ordering::Less };
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => null_first,
        (false, true) => null_first.reverse(),
        (false, false) if order.descending => compare(b, a),
        (false, false) => compare(a, b),
    }
}

/// A text as it is compared: ids in their long form, and other text without regard to case.
fn plain(field: &Field, text: &str) -> String {
    match field.kind {
        Kind::Id | Kind::Reference(..) => long_salesforce_id(text).unwrap_or_else(|| text.to_owned()),
        _ => long_salesforce_id(text).unwrap_or_else(|| text.to_lowercase()),
    }
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

/// Whether a literal is written as the field's kind wants it.
fn suits(field: &Field, value: &Literal) -> Result<(), Refusal> {
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
struct View<'a> {
    salesforce: &'a Salesforce,
    when: Timestamp,
    today: (NaiveDate, Zone),
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
            Condition::Compare(path, operator, literal) => {
                self.holds(&self.value(object, record, path), *operator, literal)
            }
            Condition::In { field, negated, among } => {
                let value = self.value(object, record, field);
                let there = match among {
                    Among::Literals(among) => {
                        among.iter().any(|literal| self.holds(&value, Comparison::Equal, literal))
                    }
                    Among::Known(known) => match (value.as_str(), column(object, field)) {
                        (Some(text), Ok(field)) => known.contains(&plain(field, text)),
                        _ => false,
                    },
                    // Answered before any row is looked at.
                    Among::Query(_) => false,
                };
                there != *negated
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

impl View<'_> {
    fn holds(&self, value: &Value, operator: Comparison, literal: &Literal) -> bool {
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
