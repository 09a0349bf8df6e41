//! SOQL, as far as clients of this org's objects go: text to tree, and back.
//!
//! `SELECT … FROM object [alias] [WHERE …] [GROUP BY … [HAVING …]] [ORDER BY …] [LIMIT n] [OFFSET n]`, where a column is a field, a query of
//! children in parentheses, `FIELDS(…)` or an aggregate, and `IN` takes values or a query; from the SOQL and SOSL reference
//! (<https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql.htm>). Promises:
//! never panics; a printed tree reads back as itself. `AND` and `OR` side by side without parentheses are an error, as
//! in the real thing. Not here: how a tree is printed (`soql/print.rs`), and which fields exist (`plan.rs`).

mod print;

use super::dates::Relative;
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashSet;
use winnow::{
    Result as Parsed,
    ascii::{Caseless, digit1, multispace0},
    combinator::{alt, delimited, eof, fail, not, opt, peek, preceded, repeat, separated, terminated},
    error::ContextError,
    prelude::*,
    token::{any, one_of, take_while},
};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub select: Vec<Column>,
    pub from: String,
    /// Another name for the object, before its fields.
    pub alias: Option<String>,
    pub condition: Option<Condition>,
    pub group: Vec<Path>,
    /// All must hold of a group.
    pub having: Vec<Having>,
    pub order: Vec<Order>,
    pub limit: Option<u32>,
    pub offset: Option<u32>,
}

/// Dotted where it goes through a relation.
pub(super) type Path = Vec<String>;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    Field(Path),
    /// Of what hangs on the record: its FROM is a relation.
    Children(Box<Query>),
    Fields(Group),
    /// Without a field, COUNT counts rows, and is no column at all.
    Aggregate {
        function: Function,
        field: Option<Path>,
        alias: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    All,
    Standard,
    Custom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
    Avg,
}

const FUNCTIONS: [(&str, Function); 6] = [
    ("COUNT_DISTINCT", Function::CountDistinct),
    ("COUNT", Function::Count),
    ("MIN", Function::Min),
    ("MAX", Function::Max),
    ("SUM", Function::Sum),
    ("AVG", Function::Avg),
];
const GROUPS: [(&str, Group); 3] = [("ALL", Group::All), ("STANDARD", Group::Standard), ("CUSTOM", Group::Custom)];

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// Two or more.
    And(Vec<Condition>),
    /// Two or more.
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Path, Comparison, Literal),
    In {
        field: Path,
        negated: bool,
        among: Among,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Among {
    /// One or more.
    Literals(Vec<Literal>),
    Query(Box<Query>),
    /// What either comes to before rows are looked at, in the form in which `query.rs` compares. Never read from a text.
    Known(HashSet<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    /// After LIKE, `\%` and `\_` are still escaped in it.
    Text(String),
    Number(f64),
    Date(NaiveDate),
    DateTime(DateTime<Utc>),
    Relative(Relative),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    /// Of each group's values.
    pub function: Option<Function>,
    pub field: Path,
    pub descending: bool,
    /// Left out: first when ascending, last when descending.
    pub nulls_last: Option<bool>,
}

/// Such as `COUNT(Id) > 1`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Having {
    pub function: Function,
    pub field: Path,
    pub operator: Comparison,
    pub value: Literal,
}

/// Conditions in one another. More would be a way to exhaust the stack.
const DEPTH_MAX: usize = 50;
/// Characters [inferred].
const LENGTH_MAX: usize = 100_000;

/// Reads a query, or says near what it broke off.
pub(super) fn parse(text: &str) -> Result<Query, String> {
    if text.chars().count() > LENGTH_MAX {
        return Err("SOQL statements cannot be longer than 100000 characters.".into());
    }
    if nesting(text) > DEPTH_MAX {
        return Err("conditions are nested too deeply".into());
    }
    (multispace0, query, eof).map(|(_, query, _)| query).parse(text).map_err(|error| {
        let rest = text.get(error.offset()..).unwrap_or_default();
        let (row, column) = text.get(..error.offset()).map_or((1, 1), |read| {
            let line = read.rsplit('\n').next().unwrap_or_default();
            (read.matches('\n').count() + 1, line.chars().count() + 1)
        });
        let token: String = rest.split_whitespace().next().unwrap_or("<EOF>").chars().take(40).collect();
        format!(
            "\n{}\n^\nERROR at Row:{row}:Column:{column}\nunexpected token: '{token}'",
            rest.chars().take(60).collect::<String>()
        )
    })
}

fn query(input: &mut &str) -> Parsed<Query> {
    let select = preceded(word("SELECT"), separated(1.., column, comma)).parse_next(input)?;
    let from = preceded(word("FROM"), name).parse_next(input)?;
    let alias =
        opt(name.verify(|name: &str| !FOLLOWING.contains(&name.to_ascii_lowercase().as_str()))).parse_next(input)?;
    let condition = clause("WHERE", conditions).parse_next(input)?;
    let group = clause("GROUP", preceded(word("BY"), separated(1.., path, comma))).parse_next(input)?;
    let having = clause("HAVING", separated(1.., having, word("AND"))).parse_next(input)?;
    let order = clause("ORDER", preceded(word("BY"), separated(1.., order, comma))).parse_next(input)?;
    let limit = clause("LIMIT", count).parse_next(input)?;
    let offset = clause("OFFSET", count).parse_next(input)?;
    let (group, having, order) = (group.unwrap_or_default(), having.unwrap_or_default(), order.unwrap_or_default());
    Ok(Query { select, from, alias, condition, group, having, order, limit, offset })
}

/// What may follow, and once it has begun must be whole: so a refusal tells what is wrong in it.
fn clause<'a, T>(
    keyword: &'static str,
    mut rest: impl Parser<&'a str, T, ContextError>,
) -> impl Parser<&'a str, Option<T>, ContextError> {
    move |input: &mut &'a str| match opt(word(keyword)).parse_next(input)? {
        Some(()) => rest.parse_next(input).map(Some),
        None => Ok(None),
    }
}

impl Query {
    /// `SELECT COUNT() FROM …`
    pub fn counts_alone(&self) -> bool {
        matches!(self.select[..], [Column::Aggregate { function: Function::Count, field: None, .. }])
    }

    /// The same, its fields without the object's name or alias before them. A relation of that name stays.
    pub fn local(&self, is_relation: impl Fn(&str) -> bool) -> Query {
        let own = |name: &str| {
            let alias = self.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(name));
            alias || (self.from.eq_ignore_ascii_case(name) && !is_relation(name))
        };
        let strip = |path: &mut Path| {
            if path.len() > 1 && own(&path[0]) {
                path.remove(0);
            }
        };
        let mut local = self.clone();
        for column in &mut local.select {
            match column {
                Column::Field(path) | Column::Aggregate { field: Some(path), .. } => strip(path),
                Column::Children(_) | Column::Fields(_) | Column::Aggregate { field: None, .. } => {}
            }
        }
        local.condition.iter_mut().for_each(|condition| condition.each_field(&strip));
        local.group.iter_mut().for_each(strip);
        local.having.iter_mut().for_each(|having| strip(&mut having.field));
        local.order.iter_mut().for_each(|order| strip(&mut order.field));
        local
    }
}

impl Condition {
    /// Those of queries within it left out.
    fn each_field(&mut self, change: &impl Fn(&mut Path)) {
        match self {
            Condition::And(parts) | Condition::Or(parts) => parts.iter_mut().for_each(|part| part.each_field(change)),
            Condition::Not(inner) => inner.each_field(change),
            Condition::Compare(field, ..) | Condition::In { field, .. } => change(field),
        }
    }
}

fn column(input: &mut &str) -> Parsed<Column> {
    let children =
        delimited(('(', multispace0), query, (')', multispace0)).map(|query| Column::Children(Box::new(query)));
    alt((children, fields, aggregate, path.map(Column::Field))).parse_next(input)
}

/// One of the names of a table.
fn named<T: Copy>(input: &mut &str, table: &[(&str, T)]) -> Parsed<T> {
    let name = name.parse_next(input)?;
    match table.iter().find(|row| row.0.eq_ignore_ascii_case(&name)) {
        Some(row) => Ok(row.1),
        None => fail.parse_next(input),
    }
}

fn fields(input: &mut &str) -> Parsed<Column> {
    let group = |input: &mut &str| named(input, &GROUPS);
    let group = delimited(('(', multispace0), group, (')', multispace0));
    preceded(word("FIELDS"), group).map(Column::Fields).parse_next(input)
}

fn aggregate(input: &mut &str) -> Parsed<Column> {
    let function = named(input, &FUNCTIONS)?;
    let field = delimited(('(', multispace0), opt(path), (')', multispace0)).parse_next(input)?;
    if field.is_none() && function != Function::Count {
        return fail.parse_next(input);
    }
    let alias = if field.is_some() { opt(name).parse_next(input)? } else { None };
    Ok(Column::Aggregate { function, field, alias })
}

/// How deep parentheses stand in one another, those within quotes left out.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A keyword in any case, and the space after it.
fn word<'a>(keyword: &'static str) -> impl Parser<&'a str, (), ContextError> {
    (Caseless(keyword), not(name_character), multispace0).void()
}

fn comma(input: &mut &str) -> Parsed<()> {
    (',', multispace0).void().parse_next(input)
}

fn name_character(input: &mut &str) -> Parsed<char> {
    one_of(|c: char| c.is_ascii_alphanumeric() || c == '_').parse_next(input)
}

const KEYWORDS: [&str; 14] =
    ["select", "from", "where", "order", "by", "limit", "offset", "and", "or", "not", "in", "like", "asc", "desc"];

/// Words that follow an object's name and are none of it.
const FOLLOWING: [&str; 7] = ["group", "having", "using", "with", "for", "update", "all"];

/// The characters of a name, without the space after it.
fn bare_name(input: &mut &str) -> Parsed<String> {
    let first = one_of(|c: char| c.is_ascii_alphabetic());
    let rest = take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_');
    let name: &str = (first, rest).take().parse_next(input)?;
    match KEYWORDS.contains(&name.to_ascii_lowercase().as_str()) {
        true => fail.parse_next(input),
        false => Ok(name.to_owned()),
    }
}

fn name(input: &mut &str) -> Parsed<String> {
    terminated(bare_name, multispace0).parse_next(input)
}

fn path(input: &mut &str) -> Parsed<Path> {
    terminated(separated(1..=5, bare_name, '.'), multispace0).parse_next(input)
}

fn count(input: &mut &str) -> Parsed<u32> {
    terminated(digit1.parse_to(), multispace0).parse_next(input)
}

/// A function, and the field in its parentheses.
fn function(input: &mut &str) -> Parsed<(Function, Path)> {
    let function = named(input, &FUNCTIONS)?;
    let field = delimited(('(', multispace0), path, (')', multispace0)).parse_next(input)?;
    Ok((function, field))
}

fn having(input: &mut &str) -> Parsed<Having> {
    let ((function, field), operator, value) = (function, operator, literal).parse_next(input)?;
    Ok(Having { function, field, operator, value })
}

fn order(input: &mut &str) -> Parsed<Order> {
    let aggregate = function.map(|(function, field)| (Some(function), field));
    let (function, field) = alt((aggregate, path.map(|field| (None, field)))).parse_next(input)?;
    let descending = opt(alt((word("ASC").value(false), word("DESC").value(true)))).parse_next(input)?;
    let nulls = preceded(word("NULLS"), alt((word("FIRST").value(false), word("LAST").value(true))));
    let nulls_last = opt(nulls).parse_next(input)?;
    Ok(Order { function, field, descending: descending.unwrap_or(false), nulls_last })
}

/// One condition, or several joined by one and the same word.
fn conditions(input: &mut &str) -> Parsed<Condition> {
    let first = condition.parse_next(input)?;
    let joined = opt(peek(alt((word("AND").value(true), word("OR").value(false))))).parse_next(input)?;
    let Some(all) = joined else { return Ok(first) };
    let join = if all { "AND" } else { "OR" };
    let more: Vec<Condition> = repeat(1.., preceded(word(join), condition)).parse_next(input)?;
    let parts = std::iter::once(first).chain(more).collect();
    Ok(if all { Condition::And(parts) } else { Condition::Or(parts) })
}

fn condition(input: &mut &str) -> Parsed<Condition> {
    let negated = opt(word("NOT")).parse_next(input)?.is_some();
    let inner = alt((delimited(('(', multispace0), conditions, (')', multispace0)), comparison)).parse_next(input)?;
    Ok(if negated { Condition::Not(Box::new(inner)) } else { inner })
}

fn comparison(input: &mut &str) -> Parsed<Condition> {
    let field = path.parse_next(input)?;
    let negated = opt(word("NOT")).parse_next(input)?.is_some();
    if negated || opt(peek(word("IN"))).parse_next(input)?.is_some() {
        let values = separated(1.., literal, comma).map(Among::Literals);
        let among = alt((query.map(|query| Among::Query(Box::new(query))), values));
        let among = delimited(('(', multispace0), among, (')', multispace0));
        let among = preceded(word("IN"), among).parse_next(input)?;
        return Ok(Condition::In { field, negated, among });
    }
    let operator = alt((word("LIKE").value(Comparison::Like), operator)).parse_next(input)?;
    let value = match operator {
        Comparison::Like => terminated(quoted(true), multispace0).map(Literal::Text).parse_next(input)?,
        _ => literal.parse_next(input)?,
    };
    Ok(Condition::Compare(field, operator, value))
}

/// Those that are signs.
fn operator(input: &mut &str) -> Parsed<Comparison> {
    let sign = alt((
        "<=".value(Comparison::LessOrEqual),
        ">=".value(Comparison::GreaterOrEqual),
        "!=".value(Comparison::NotEqual),
        "<>".value(Comparison::NotEqual),
        "<".value(Comparison::Less),
        ">".value(Comparison::Greater),
        "=".value(Comparison::Equal),
    ));
    terminated(sign, multispace0).parse_next(input)
}

fn literal(input: &mut &str) -> Parsed<Literal> {
    let bare = take_while(1.., |c: char| c.is_ascii_alphanumeric() || "+-.:_".contains(c));
    let value = alt((quoted(false).map(Literal::Text), bare.verify_map(bare_literal))).parse_next(input)?;
    multispace0.parse_next(input)?;
    Ok(value)
}

fn bare_literal(text: &str) -> Option<Literal> {
    match text.to_ascii_lowercase().as_str() {
        "null" => return Some(Literal::Null),
        "true" => return Some(Literal::Boolean(true)),
        "false" => return Some(Literal::Boolean(false)),
        _ => {}
    }
    if let Some(relative) = Relative::read(text) {
        return Some(Literal::Relative(relative));
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        && text.len() == 10
    {
        return Some(Literal::Date(day));
    }
    // With a colon in the offset, and without, as answers tell times.
    let at = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    if let Ok(at) = at {
        return Some(Literal::DateTime(at.to_utc()));
    }
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain =
        number.starts_with(|c: char| c.is_ascii_digit()) && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if plain { text.parse().ok().map(Literal::Number) } else { None }
}

/// A text between single quotes. For LIKE, `\%` and `\_` stay as they are.
fn quoted<'a>(like: bool) -> impl Parser<&'a str, String, ContextError> {
    let character = move |input: &mut &'a str| -> Parsed<Vec<char>> {
        let c = any.parse_next(input)?;
        if c == '\'' {
            return fail.parse_next(input);
        }
        if c != '\\' {
            return Ok(vec![c]);
        }
        Ok(match any.parse_next(input)? {
            c @ ('\\' | '%' | '_') if like => vec!['\\', c],
            c @ ('\\' | '\'' | '"') => vec![c],
            'n' | 'N' => vec!['\n'],
            'r' | 'R' => vec!['\r'],
            't' | 'T' => vec!['\t'],
            'b' | 'B' => vec!['\u{8}'],
            'f' | 'F' => vec!['\u{c}'],
            _ => return fail.parse_next(input),
        })
    };
    let text = repeat(0.., character).fold(String::new, |mut text, characters| {
        text.extend(characters);
        text
    });
    delimited('\'', text, '\'')
}

#[cfg(test)]
mod tests;
