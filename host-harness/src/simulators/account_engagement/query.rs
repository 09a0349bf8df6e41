//! Queries: `fields`, filters, `orderBy`, `limit`, `deleted`, pages by token, [confirmed] unless said otherwise.
//! <https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html>
//!
//! A page token carries the whole query, so beside it only `fields` may be sent. Sorted by id where nothing else is
//! asked, and by id among equals [inferred], so a chain shows every row once.

use super::{
    errors::Refusal,
    record::{Field, Filter, Kind, Path, Reading, View, paths},
    visitor_activities, zone,
};
use crate::{
    clock::Timestamp,
    simulators::{
        request::{Call, encode},
        unknowns::ZuluTime,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{cmp::Ordering, collections::BTreeSet, time::Duration};

const LIMIT_DEFAULT: usize = 200;
const LIMIT_MAX: usize = 1000;
const OFFSET_MAX: usize = 2000;
/// Different fields in the filters of one query. One more: code 209.
const FILTERED_FIELDS_MAX: usize = 3;
/// Records in a chain of pages, after which there is no further token.
const CHAIN_MAX: usize = 100_000;
const TOKEN_LIFE: Duration = Duration::from_secs(4 * 60 * 60);

/// How a field stands to a filter's value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    Above,
    AboveOrEqual,
    Below,
    BelowOrEqual,
}

impl Relation {
    fn holds(self, found_to_wanted: Ordering) -> bool {
        match self {
            Relation::Equal => found_to_wanted.is_eq(),
            Relation::Above => found_to_wanted.is_gt(),
            Relation::AboveOrEqual => found_to_wanted.is_ge(),
            Relation::Below => found_to_wanted.is_lt(),
            Relation::BelowOrEqual => found_to_wanted.is_le(),
        }
    }
}

/// Suffixes of a number's name.
const RANGES: [(&str, Relation); 4] = [
    ("GreaterThanOrEqualTo", Relation::AboveOrEqual),
    ("LessThanOrEqualTo", Relation::BelowOrEqual),
    ("GreaterThan", Relation::Above),
    ("LessThan", Relation::Below),
];
/// Suffixes of a time's name.
const SPANS: [(&str, Relation); 4] = [
    ("AfterOrEqualTo", Relation::AboveOrEqual),
    ("BeforeOrEqualTo", Relation::BelowOrEqual),
    ("After", Relation::Above),
    ("Before", Relation::Below),
];

/// Where a chain of pages goes on. Opaque to clients.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    object: String,
    parameters: Vec<(String, String)>,
    resume_value: Field,
    resume_id: u64,
    page: usize,
    record_count: usize,
    expire_time: Timestamp,
}

struct Query {
    paths: Vec<Path>,
    /// As they were sent, for the next token.
    parameters: Vec<(String, String)>,
    tests: Vec<Test>,
    order_by: String,
    descending: bool,
    limit: usize,
    offset: usize,
    /// `None` shows all.
    deleted: Option<bool>,
    token: Option<Token>,
}

/// One filter: a record fits when its field stands so to the value.
struct Test {
    field: &'static str,
    against: Against,
}

enum Against {
    Value(Field, Relation),
    Among(BTreeSet<u64>),
}

/// One page: its body, and whether the chain was cut short (`Pardot-Warning: 203`).
pub(super) fn run(view: View<'_>, kind: Kind, call: &Call) -> Result<(Value, bool), Refusal> {
    let query = Query::read(view, kind, call)?;
    let key = |id: u64| view.field(kind, id, &query.order_by).unwrap_or(Field::Null);
    let order = |a: &(Field, u64), b: &(Field, u64)| {
        let by_value = if query.descending { b.0.compare(&a.0) } else { a.0.compare(&b.0) };
        // Ids follow the direction of an order by id, and rise otherwise.
        by_value.then(a.1.cmp(&b.1))
    };
    let mut rows: Vec<(Field, u64)> = candidates(view, kind, &query.tests)
        .into_iter()
        .filter(|id| query.fits(view, kind, *id))
        .map(|id| (key(id), id))
        .collect();
    rows.sort_by(order);
    if let Some(token) = &query.token {
        let last = (token.resume_value.clone(), token.resume_id);
        rows.retain(|row| order(row, &last) == Ordering::Greater);
    }
    let before = query.token.as_ref().map_or(0, |token| token.record_count);
    let room = CHAIN_MAX.saturating_sub(before);
    let left = rows.len().saturating_sub(query.offset);
    let page: Vec<_> = rows.into_iter().skip(query.offset).take(query.limit.min(room)).collect();
    let more = left > page.len();
    let capped = more && before + page.len() >= CHAIN_MAX;
    let values: Vec<Value> = page.iter().map(|(_, id)| view.show(kind, *id, &query.paths)).collect();
    let mut body = json!({ "values": values, "nextPageToken": null, "nextPageUrl": null });
    if let Some((resume_value, resume_id)) = page.last().filter(|_| more && !capped) {
        let token = Token {
            object: kind.object().path.to_owned(),
            parameters: query.parameters,
            resume_value: resume_value.clone(),
            resume_id: *resume_id,
            page: query.token.as_ref().map_or(2, |token| token.page.saturating_add(1)),
            record_count: before + page.len(),
            expire_time: view.world.now().plus(TOKEN_LIFE),
        };
        let token = STANDARD.encode(serde_json::to_vec(&token).unwrap_or_default());
        let fields = encode(call.param("fields").unwrap_or_default());
        let url =
            format!("{}{}?fields={fields}&nextPageToken={}", view.world.options.base_url, kind.path(), encode(&token));
        body["nextPageToken"] = json!(token);
        body["nextPageUrl"] = json!(url);
    }
    Ok((body, capped))
}

impl Query {
    fn read(view: View<'_>, kind: Kind, call: &Call) -> Result<Query, Refusal> {
        let fields = call.param("fields").ok_or_else(|| Refusal::about(13, "fields"))?;
        let paths = paths(view.world, kind, fields, Reading::Many)?;
        let sent: Vec<_> = call.query.iter().filter(|(name, _)| name != "fields").cloned().collect();
        let token = match call.param("nextPageToken") {
            None => None,
            Some(_) if sent.len() > 1 => {
                let message =
                    "nextPageToken cannot be combined with orderBy, limit, deleted, offset, or filter parameters.";
                let code = view.world.options.unknowns.account_engagement.token_combined_code;
                return Err(Refusal::message(code, message));
            }
            Some(text) => Some(Token::read(text, kind, view.world.now())?),
        };
        // The offset belongs to the first page alone.
        let parameters = match &token {
            Some(token) => token.parameters.clone(),
            None => sent.iter().filter(|(name, _)| name != "offset").cloned().collect(),
        };
        let mut query = Query {
            paths,
            parameters: parameters.clone(),
            tests: vec![],
            order_by: "id".into(),
            descending: false,
            limit: LIMIT_DEFAULT,
            offset: 0,
            deleted: Some(false),
            token,
        };
        let offset = sent.iter().filter(|(name, _)| name == "offset");
        for (name, value) in parameters.iter().chain(offset) {
            query.take(view, kind, name, value)?;
        }
        let filtered: BTreeSet<_> = query.tests.iter().map(|test| test.field).collect();
        if filtered.len() > FILTERED_FIELDS_MAX {
            return Err(Refusal::code(209));
        }
        Ok(query)
    }

    fn take(&mut self, view: View<'_>, kind: Kind, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "limit" => {
                self.limit = value.parse().ok().filter(|n| (1..=LIMIT_MAX).contains(n)).ok_or(Refusal::code(23))?;
            }
            "offset" => self.offset = value.parse().ok().filter(|n| *n <= OFFSET_MAX).ok_or(Refusal::code(21))?,
            "deleted" => {
                self.deleted = match value {
                    "true" => Some(true),
                    "false" => Some(false),
                    "all" => None,
                    _ => return Err(Refusal::code(27)),
                };
            }
            "orderBy" => {
                let (field, direction) = value.trim().split_once(' ').unwrap_or((value.trim(), "ASC"));
                if !kind.object().sorts.contains(&field) {
                    let code = view.world.options.unknowns.account_engagement.unknown_field_code;
                    return Err(Refusal::about(code, field));
                }
                self.order_by = field.to_owned();
                self.descending = match direction.trim().to_ascii_uppercase().as_str() {
                    "ASC" => false,
                    "DESC" => true,
                    _ => return Err(Refusal::code(20)),
                };
            }
            _ if visitor_activities::ignores(&view.world.options, kind, name) => {}
            _ => {
                let code = view.world.options.unknowns.account_engagement.unsupported_filter_code;
                let zulu = view.world.options.unknowns.account_engagement.zulu_time;
                let more = visitor_activities::more_filters(&view.world.options, kind);
                let mut filters = kind.object().filters.iter().chain(more);
                let test = filters.find_map(|filter| test(*filter, name, value, zulu));
                self.tests.push(test.unwrap_or_else(|| Err(Refusal::about(code, name)))?);
            }
        }
        Ok(())
    }

    fn fits(&self, view: View<'_>, kind: Kind, id: u64) -> bool {
        let email_match = view.world.options.unknowns.account_engagement.email_match;
        view.exists(kind, id)
            && self.deleted.is_none_or(|deleted| view.is_deleted(kind, id) == deleted)
            && self.tests.iter().all(|test| match (&test.against, view.field(kind, id, test.field)) {
                (_, None | Some(Field::Null)) => false,
                (Against::Among(ids), _) => ids.contains(&id),
                (Against::Value(Field::Text(wanted), _), Some(Field::Text(found))) if test.field == "email" => {
                    email_match.same(&found, wanted)
                }
                (Against::Value(wanted, relation), Some(found)) => relation.holds(found.compare(wanted)),
            })
    }
}

impl Token {
    fn read(text: &str, kind: Kind, now: Timestamp) -> Result<Token, Refusal> {
        let token: Option<Token> = STANDARD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match token {
            Some(token) if token.object != kind.object().path => Err(Refusal::code(211)),
            Some(token) if now >= token.expire_time => Err(Refusal::code(210)),
            Some(token) => Ok(token),
            None => Err(Refusal::code(211)),
        }
    }
}

/// What a parameter asks of a filter; nothing where it is another filter's.
fn test(filter: Filter, name: &str, value: &str, zulu: ZuluTime) -> Option<Result<Test, Refusal>> {
    let number = |relation: Relation| {
        let number = value.parse().map_err(|_| Refusal::about(16, name));
        number.map(|number| Against::Value(Field::Int(number), relation))
    };
    let (field, against) = match filter {
        Filter::Exact(field) if name == field => (field, Ok(Against::Value(Field::text(value), Relation::Equal))),
        Filter::Number(field) if name == field => (field, number(Relation::Equal)),
        Filter::Number(field) => {
            let suffix = name.strip_prefix(field)?;
            (field, number(RANGES.iter().find(|(range, _)| *range == suffix)?.1))
        }
        Filter::Time(field) => {
            let suffix = name.strip_prefix(field)?;
            let relation = SPANS.iter().find(|(span, _)| *span == suffix)?.1;
            let at = zone::read(value, zulu).ok_or_else(|| Refusal::message(7, "Invalid date time value"));
            (field, at.map(|at| Against::Value(Field::time(at), relation)))
        }
        Filter::IdList(list) if name == list => {
            let ids: Result<BTreeSet<u64>, _> = value.split(',').map(|id| id.trim().parse()).collect();
            ("id", ids.map(Against::Among).map_err(|_| Refusal::about(16, name)))
        }
        _ => return None,
    };
    Some(against.map(|against| Test { field, against }))
}

/// Records that may fit: all, unless a filter names a few. Keeps a look-up cheap among many thousands.
fn candidates(view: View<'_>, kind: Kind, tests: &[Test]) -> Vec<u64> {
    let unit = &view.world.account_engagement;
    for test in tests {
        match (kind, test.field, &test.against) {
            (_, "id", Against::Among(ids)) => return ids.iter().copied().collect(),
            (Kind::Prospect, "email", Against::Value(Field::Text(email), _)) => return unit.prospects_with(email),
            (Kind::ListMembership, "prospectId", Against::Value(Field::Int(prospect), Relation::Equal)) => {
                return unit.memberships_of(*prospect);
            }
            _ => {}
        }
    }
    unit.ids(kind)
}
