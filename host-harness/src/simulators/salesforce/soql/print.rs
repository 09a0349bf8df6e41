//! A tree of SOQL as text, in one form: keywords in capitals, times in UTC. Promises: it reads back as itself.

use super::{Among, Column, Comparison, Condition, FUNCTIONS, Function, GROUPS, Literal, Query};
use std::fmt;

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let select: Vec<_> = self.select.iter().map(Column::to_string).collect();
        write!(f, "SELECT {} FROM {}", select.join(", "), self.from)?;
        if let Some(alias) = &self.alias {
            write!(f, " {alias}")?;
        }
        if let Some(condition) = &self.condition {
            write!(f, " WHERE {condition}")?;
        }
        for (n, field) in self.group.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { " GROUP BY " } else { ", " }, field.join("."))?;
        }
        for (n, having) in self.having.iter().enumerate() {
            let (name, field) = (having.function, having.field.join("."));
            write!(
                f,
                "{}{name}({field}) {} {}",
                if n == 0 { " HAVING " } else { " AND " },
                having.operator,
                having.value
            )?;
        }
        for (n, order) in self.order.iter().enumerate() {
            f.write_str(if n == 0 { " ORDER BY " } else { ", " })?;
            match order.function {
                Some(function) => write!(f, "{}({})", function, order.field.join("."))?,
                None => f.write_str(&order.field.join("."))?,
            }
            f.write_str(if order.descending { " DESC" } else { " ASC" })?;
            f.write_str(match order.nulls_last {
                None => "",
                Some(false) => " NULLS FIRST",
                Some(true) => " NULLS LAST",
            })?;
        }
        self.limit.map_or(Ok(()), |limit| write!(f, " LIMIT {limit}"))?;
        self.offset.map_or(Ok(()), |offset| write!(f, " OFFSET {offset}"))
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FUNCTIONS.iter().find(|row| row.1 == *self).map_or("", |row| row.0))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Field(path) => f.write_str(&path.join(".")),
            Column::Children(query) => write!(f, "({query})"),
            Column::Fields(group) => {
                let name = GROUPS.iter().find(|row| row.1 == *group).map_or("", |row| row.0);
                write!(f, "FIELDS({name})")
            }
            Column::Aggregate { function, field, alias } => {
                write!(f, "{function}({})", field.as_ref().map(|field| field.join(".")).unwrap_or_default())?;
                alias.as_ref().map_or(Ok(()), |alias| write!(f, " {alias}"))
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Condition], word: &str| {
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Condition::And(_) | Condition::Or(_) => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Condition::And(parts) => joined(f, parts, "AND"),
            Condition::Or(parts) => joined(f, parts, "OR"),
            Condition::Not(inner) => write!(f, "NOT ({inner})"),
            Condition::Compare(field, Comparison::Like, Literal::Text(text)) => {
                write!(f, "{} LIKE {}", field.join("."), escaped(text, true))
            }
            Condition::Compare(field, operator, value) => write!(f, "{} {operator} {value}", field.join(".")),
            Condition::In { field, negated, among } => {
                let not = if *negated { "NOT " } else { "" };
                write!(f, "{} {not}IN (", field.join("."))?;
                match among {
                    Among::Literals(among) => {
                        let among: Vec<_> = among.iter().map(Literal::to_string).collect();
                        f.write_str(&among.join(", "))?;
                    }
                    Among::Query(query) => write!(f, "{query}")?,
                    Among::Known(known) => write!(f, "{} values", known.len())?,
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Like => "LIKE",
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("null"),
            Literal::Boolean(value) => write!(f, "{value}"),
            Literal::Text(text) => f.write_str(&escaped(text, false)),
            Literal::Number(number) => write!(f, "{number}"),
            Literal::Relative(relative) => write!(f, "{relative}"),
            Literal::Date(day) => write!(f, "{}", day.format("%Y-%m-%d")),
            Literal::DateTime(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
        }
    }
}

/// In a LIKE text backslashes are pairs already.
fn escaped(text: &str, like: bool) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\\' if like => out.push('\\'),
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}
