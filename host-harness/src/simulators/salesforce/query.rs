//! `GET /query?q=` and `GET /queryAll?q=`, and `GET /tooling/query?q=` over the objects of that API.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-query.html>
//!
//! A page has up to 2000 rows; the next is at `nextRecordsUrl`, which the last page does not have [confirmed]. That address
//! has `query` in it after `queryAll` too, and both lead to the rest [confirmed].
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_queryall_more_results.htm>
//! It leads there for two days [confirmed].
//! <https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-apicursors.html>
//!
//! A count without a field is told by `totalSize` alone [confirmed]. Not here: which rows there are (`plan.rs`).

use super::{
    CONTENT_TYPE,
    describe::Side,
    errors::Refusal,
    plan::{Reader, Rows},
    soql,
};
use crate::{
    clock::Timestamp,
    simulators::{
        World,
        request::{Answer, Call, json},
    },
};
use serde_json::{Value, json};
use std::time::Duration;

const ROWS_MAX: usize = 2000;
const ROWS_MIN: usize = 200;

/// Characters of a line that are told of a refused query, before the place and in all [inferred].
const LINE_BEFORE: usize = 40;
const LINE_SHOWN: usize = 80;

const CURSOR_LIFE: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// The rest of an answer, waiting to be fetched.
#[derive(Clone, Debug)]
pub struct Cursor {
    made_at: Timestamp,
    rows: Vec<Value>,
    rows_a_page: usize,
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
    let reader = Reader::new(world, version, among);
    let plan = reader.object(side, &query.from).and_then(|object| reader.plan(object, &query, 1));
    let plan = plan.map_err(|refusal| placed(refusal, text))?;
    if query.counts_alone() {
        let told = json!({ "totalSize": plan.rows(&reader).len(), "done": true, "records": [] });
        return Ok(json(200, CONTENT_TYPE, &told));
    }
    let rows = plan.shown(&reader);
    let asked = call.header("sforce-query-options").and_then(|options| {
        let option = options.split([',', ';']).filter_map(|option| option.split_once('='));
        let mut size = option.filter(|(name, _)| name.trim().eq_ignore_ascii_case("batchSize"));
        size.next()?.1.trim().parse::<usize>().ok()
    });
    let shorter = world.options.unknowns.salesforce.query_page_rows_max.max(1);
    let rows_a_page = asked.unwrap_or(ROWS_MAX).clamp(ROWS_MIN, ROWS_MAX).min(shorter);
    let made_at = world.now();
    let page = cut(&mut world.salesforce.cursors, rows, version, rows_a_page, made_at);
    Ok(json(200, CONTENT_TYPE, &page))
}

/// With the place of the name that the refusal is about, as public clients captured it: the line, a caret below the name,
/// and its row and column.
fn placed(mut refusal: Refusal, text: &str) -> Refusal {
    for fault in refusal.faults.iter_mut().filter(|fault| matches!(fault.code, "INVALID_FIELD" | "INVALID_TYPE")) {
        // The first word in quotes; an apostrophe within a word begins none.
        let name = fault.message.split_once(" '").and_then(|(_, rest)| rest.split('\'').next());
        let name = name.filter(|name| !name.is_empty());
        let Some((at, told)) = name.and_then(|name| whole_word(text, name)).zip(fault.message.strip_prefix('\n'))
        else {
            continue;
        };
        let before = &text[..at];
        let (row, line) = (before.matches('\n').count() + 1, text.lines().nth(before.matches('\n').count()));
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let from = column.saturating_sub(LINE_BEFORE);
        let line: String = line.unwrap_or_default().chars().skip(from).take(LINE_SHOWN).collect();
        let caret = " ".repeat(column - from);
        fault.message = format!("\n{line}\n{caret}^\nERROR at Row:{row}:Column:{}\n{told}", column + 1);
    }
    refusal
}

/// Where a name stands in a text and is no part of a longer one.
fn whole_word(text: &str, name: &str) -> Option<usize> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name)
        .map(|(at, _)| at)
        .find(|at| !text[..*at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

/// The first page of rows; what is too much waits, and so do too many children of a row.
fn cut(
    cursors: &mut Vec<Cursor>,
    mut rows: Vec<Value>,
    version: &str,
    rows_a_page: usize,
    made_at: Timestamp,
) -> Value {
    for children in rows.iter_mut().filter_map(Value::as_object_mut).flat_map(|row| row.values_mut()) {
        if let Some(below) = children.get_mut("records").and_then(Value::as_array_mut) {
            let below = std::mem::take(below);
            *children = cut(cursors, below, version, rows_a_page, made_at);
        }
    }
    let page = page(&rows, version, cursors.len(), rows_a_page, 0);
    if rows.len() > rows_a_page {
        cursors.push(Cursor { made_at, rows, rows_a_page });
    }
    page
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
    Ok(json(200, CONTENT_TYPE, &page))
}

fn page(rows: &[Value], version: &str, cursor: usize, rows_a_page: usize, from: usize) -> Value {
    let to = rows.len().min(from + rows_a_page);
    let mut page = json!({ "totalSize": rows.len(), "done": to == rows.len(), "records": rows[from..to] });
    if to < rows.len() {
        page["nextRecordsUrl"] = json!(format!("/services/data/{version}/query/01gSIM{cursor:012}-{to}"));
    }
    page
}
