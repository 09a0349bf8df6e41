//! What a query means for an org: its names are checked, its inner queries answered, and its rows found, put in order and
//! told.
//!
//! Children come as an object like the page itself, or null [confirmed]. FIELDS, of
//! which ALL and CUSTOM need a LIMIT of at most 200, and OFFSET, at most 2000: [confirmed]
//! <https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm>. What a query
//! in a condition may be, and the words of refusals: [inferred from public clients].

use super::{
    Record,
    describe::{Field, Kind, ObjectType, Side},
    errors::Refusal,
    offers,
    soql::{self, Among, Column, Condition, Function, Group, Literal, Path},
    view::{View, column, compare, sortable, suits},
};
use crate::simulators::World;
use serde_json::{Value, json};
use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

const OFFSET_MAX: u32 = 2000;
/// Of a query for FIELDS(ALL).
const ALL_FIELDS_ROWS_MAX: u32 = 200;
/// Queries for children in one another.
const LEVELS_MAX: usize = 5;
const SEMI_JOINS_MAX: usize = 2;

/// Which rows a query looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    Live,
    /// The deleted too.
    All,
}

/// Who asks, and when.
pub(super) struct Reader<'a> {
    world: &'a World,
    view: View<'a>,
    version: &'a str,
    among: Rows,
}

/// A query whose names have been checked and whose inner queries have been answered.
pub(super) struct Plan<'a> {
    object: &'static ObjectType,
    paths: Vec<Path>,
    children: Vec<Children<'a>>,
    aggregates: Vec<(Function, Path, String)>,
    group: Vec<Path>,
    having: Vec<soql::Having>,
    condition: Option<Condition>,
    order: Vec<soql::Order>,
    limit: usize,
    offset: usize,
}

/// What hangs on the records of a plan.
struct Children<'a> {
    relation: &'static str,
    plan: Plan<'a>,
    /// By the id of the parent.
    rows: HashMap<String, Vec<&'a Record>>,
}

impl<'a> Reader<'a> {
    pub fn new(world: &'a World, version: &'a str, among: Rows) -> Reader<'a> {
        Reader { world, view: View::new(world), version, among }
    }

    pub fn object(&self, side: Side, name: &str) -> Result<&'static ObjectType, Refusal> {
        let object = ObjectType::named(side, name).filter(|object| offers(self.world, object)).ok_or_else(|| {
            let message = format!(
                "\nsObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the \
                 '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
            );
            Refusal::new(400, "INVALID_TYPE", message)
        })?;
        Ok(self.view.salesforce.own(object))
    }

    /// All names are checked before any row is looked at, so an empty table refuses what a full one does.
    pub fn plan(&self, object: &'static ObjectType, query: &soql::Query, level: usize) -> Result<Plan<'a>, Refusal> {
        let query = &query.local(|name| object.relation(name).is_some());
        let mut plan = Plan {
            object,
            paths: vec![],
            children: vec![],
            aggregates: vec![],
            group: query.group.clone(),
            having: query.having.clone(),
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
                    aggregable(object, *function, path)?;
                    let name = alias.clone().unwrap_or_else(|| format!("expr{}", plan.aggregates.len()));
                    plan.aggregates.push((*function, path.clone(), name));
                }
                Column::Aggregate { field: None, .. } if query.counts_alone() && level == 1 => {}
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
        let mut plan = self.plan(self.view.salesforce.own(child), query, level + 1)?;
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
        Ok(Children { relation, plan, rows })
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
                            Literal::Text(text) => Some(self.view.plain(outer, text)),
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
        let query = &query.local(|name| object.relation(name).is_some());
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
        let found = plan.rows(self).into_iter().map(|record| self.view.value(object, record, path));
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
        !self.aggregates.is_empty() || !self.group.is_empty() || !self.having.is_empty()
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
            match order.function {
                Some(function) if self.is_aggregate() => aggregable(self.object, function, &order.field)?,
                Some(_) => return Err(Refusal::malformed_query("\naggregates need a GROUP BY to sort by")),
                None => sortable(column(self.object, &order.field)?, "sorted")?,
            }
        }
        for having in &self.having {
            aggregable(self.object, having.function, &having.field)?;
            let field = column(self.object, &having.field)?;
            match having.function {
                Function::Min | Function::Max => suits(field, &having.value)?,
                _ if matches!(having.value, Literal::Number(_) | Literal::Null) => {}
                _ => return Err(Refusal::malformed_query("\nvalue of an aggregate must be a number")),
            }
        }
        if !self.is_aggregate() {
            return Ok(());
        }
        let grouped = |path: &Path| self.group.iter().any(|group| same_path(group, path));
        if let Some(path) = self.paths.iter().find(|path| !grouped(path)) {
            let message = format!("\nField must be grouped or aggregated: {}", path.join("."));
            return Err(Refusal::malformed_query(message));
        }
        if let Some(order) = self.order.iter().find(|order| order.function.is_none() && !grouped(&order.field)) {
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
    pub fn rows(&self, reader: &Reader<'a>) -> Vec<&'a Record> {
        let view = &reader.view;
        let mut rows: Vec<&Record> = view
            .salesforce
            .records
            .all_at(view.when)
            .filter(|record| record.object == self.object.name && (reader.among == Rows::All || !record.is_deleted))
            // What the user may not see is left out without a word [inferred].
            .filter(|record| view.salesforce.visible(&record.id))
            .filter(|record| self.condition.as_ref().is_none_or(|condition| view.fits(self.object, record, condition)))
            .collect();
        // Groups are put in order when they are known.
        if self.is_aggregate() {
            return rows;
        }
        rows.sort_by(|a, b| {
            let one_by_one = self.order.iter().map(|order| {
                let (a, b) = (view.value(self.object, a, &order.field), view.value(self.object, b, &order.field));
                ordered(order, &a, &b)
            });
            one_by_one.fold(Ordering::Equal, Ordering::then)
        });
        rows.into_iter().skip(self.offset).take(self.limit).collect()
    }

    /// As they are told.
    pub fn shown(&self, reader: &Reader<'a>) -> Vec<Value> {
        let rows = self.rows(reader);
        if self.is_aggregate() {
            return self.aggregated(reader, &rows);
        }
        rows.into_iter().map(|record| self.show(reader, record)).collect()
    }

    fn show(&self, reader: &Reader<'a>, record: &Record) -> Value {
        let view = &reader.view;
        let mut row = view.show(self.object, record, &self.paths, reader.version);
        for Children { relation, plan, rows } in &self.children {
            row[*relation] = rows.get(&record.id).filter(|rows| !rows.is_empty()).map_or(Value::Null, |rows| {
                let shown: Vec<Value> = rows.iter().map(|record| plan.show(reader, record)).collect();
                json!({ "totalSize": rows.len(), "done": true, "records": shown })
            });
        }
        row
    }

    /// One row for each group, in the order of the query; one for all where there is no group.
    fn aggregated(&self, reader: &Reader<'a>, rows: &[&Record]) -> Vec<Value> {
        let view = &reader.view;
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
        let of = |function: Function, path: &Path, rows: &[&Record]| {
            let values = rows.iter().map(|record| view.value(self.object, record, path));
            aggregate(function, values.filter(|value| !value.is_null()).collect())
        };
        groups.retain(|(_, rows)| {
            self.having.iter().all(|h| view.holds(&of(h.function, &h.field, rows), h.operator, &h.value))
        });
        let mut groups: Vec<_> = groups
            .into_iter()
            .map(|(key, rows)| {
                let by = self.order.iter().map(|order| match order.function {
                    Some(function) => of(function, &order.field, &rows),
                    None => rows.first().map_or(Value::Null, |record| view.value(self.object, record, &order.field)),
                });
                (by.collect::<Vec<_>>(), key, rows)
            })
            .collect();
        groups.sort_by(|(a, ..), (b, ..)| {
            let one_by_one = self.order.iter().zip(a.iter().zip(b)).map(|(order, (a, b))| ordered(order, a, b));
            one_by_one.fold(Ordering::Equal, Ordering::then)
        });
        let told = groups.into_iter().skip(self.offset).take(self.limit).map(|(_, key, rows)| {
            let mut row = json!({ "attributes": { "type": "AggregateResult" } });
            for (path, value) in self.group.iter().zip(key) {
                if self.paths.iter().any(|shown| same_path(shown, path))
                    && let Ok(field) = column(self.object, path)
                {
                    row[field.name] = value;
                }
            }
            for (function, path, name) in &self.aggregates {
                row[name.as_str()] = of(*function, path, &rows);
            }
            row
        });
        told.collect()
    }
}

fn same_path(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// Whether a function takes the values of a field.
fn aggregable(object: &'static ObjectType, function: Function, path: &Path) -> Result<(), Refusal> {
    let field = match &path[..] {
        // In other words than of a plain column [confirmed by public clients].
        [name] if object.field(name).is_none() => {
            return Err(Refusal::new(400, "INVALID_FIELD", format!("\nInvalid field: '{name}'")));
        }
        _ => column(object, path)?,
    };
    let sums = matches!(function, Function::Sum | Function::Avg);
    let numeric = matches!(field.kind, Kind::Integer | Kind::Double);
    if field.kind == Kind::Boolean || !field.filterable() || (sums && !numeric) {
        let message = format!("\nfield {} does not support aggregate operator {function}", field.name);
        return Err(Refusal::malformed_query(message));
    }
    Ok(())
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
