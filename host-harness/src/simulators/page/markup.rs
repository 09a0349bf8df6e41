//! HTML put together: cells, tables, what is folded away. Promises: whatever comes in as text is escaped; a table has a bound,
//! and says how many rows it leaves out; an empty one says what would fill it.

use crate::clock::Timestamp;
use serde_json::Value;
use std::{fmt::Display, time::Duration};

/// Rows of a table; the rest is told by number.
pub const ROWS_MAX: usize = 100;
/// Characters of one value. Descriptions and answers may be long.
const TEXT_MAX: usize = 300;

pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Escaped, and cut where it is too long to be looked at.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        None => escaped(text),
        Some((end, _)) => format!("{}…", escaped(&text[..end])),
    }
}

/// What a colour says besides the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Warn,
    Info,
    Quiet,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Warn => "warn",
            Tone::Info => "info",
            Tone::Quiet => "quiet",
        }
    }
}

/// What stands in a cell, as HTML.
pub struct Cell(pub String);

pub fn nothing() -> Cell {
    Cell("<span class=\"none\" aria-label=\"nothing\">–</span>".into())
}

pub fn text(value: impl Display) -> Cell {
    match value.to_string() {
        empty if empty.trim().is_empty() => nothing(),
        text => Cell(shown(&text)),
    }
}

pub fn maybe(value: Option<impl Display>) -> Cell {
    value.map_or_else(nothing, text)
}

pub fn strong(value: impl Display) -> Cell {
    Cell(format!("<strong>{}</strong>", shown(&value.to_string())))
}

pub fn code(value: impl Display) -> Cell {
    Cell(format!("<code>{}</code>", shown(&value.to_string())))
}

pub fn badge(tone: Tone, value: impl Display) -> Cell {
    Cell(format!("<span class=\"badge {}\">{}</span>", tone.class(), shown(&value.to_string())))
}

pub fn badges(all: impl IntoIterator<Item = Cell>) -> Cell {
    match all.into_iter().map(|Cell(html)| html).collect::<Vec<_>>() {
        none if none.is_empty() => nothing(),
        some => Cell(some.join(" ")),
    }
}

/// One below the other, the lower ones less loud.
pub fn above(Cell(first): Cell, second: impl Display) -> Cell {
    match second.to_string() {
        empty if empty.is_empty() => Cell(first),
        second => Cell(format!("{first}<small>{}</small>", shown(&second))),
    }
}

pub fn time(at: Option<Timestamp>) -> Cell {
    at.map_or_else(nothing, |at| {
        Cell(format!("<time datetime=\"{}\">{}</time>", escaped(&at.to_string()), at.utc().format("%d %b %H:%M:%S")))
    })
}

/// Names and values in one cell, what is most of a record.
pub fn fields<'a>(all: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Cell {
    let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pair = |(name, value): (&String, &Value)| {
        format!("<span class=\"field\"><span>{}</span> {}</span>", shown(name), shown(&said(value)))
    };
    match all.into_iter().map(pair).collect::<Vec<_>>() {
        none if none.is_empty() => nothing(),
        some => Cell(some.join(" ")),
    }
}

/// `2 h 5 min`
pub fn lasting(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut said = vec![];
    for (unit, name) in parts {
        let count = rest / unit;
        rest %= unit;
        if count > 0 && said.len() < 2 {
            said.push(format!("{count} {name}"));
        }
    }
    if said.is_empty() { "0 s".into() } else { said.join(" ") }
}

/// In one line.
pub fn unbroken(value: impl Display) -> Cell {
    Cell(format!("<span class=\"unbroken\">{}</span>", shown(&value.to_string())))
}

/// Where something is posted to, without what may be secret in it: no name and password, not the path's last segment, by
/// which receivers often know the sender, and no query.
pub fn address(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = bare.split_once("://").unwrap_or(("", bare));
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    let path = path.trim_end_matches('/');
    let (shown, last) = path.rsplit_once('/').unwrap_or_default();
    let more = if last.is_empty() && bare.len() == url.len() { "" } else { "…" };
    format!("{scheme}{host}{shown}/{more}")
}

/// `1 person`, `12 people`
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

pub fn grouped(count: impl Display) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn left_out(count: usize) -> String {
    match count.checked_sub(ROWS_MAX) {
        None | Some(0) => String::new(),
        Some(more) => format!(
            "<p class=\"more\">And {} more, which are not shown; <code>GET /simulators/world</code> and the APIs have all.</p>",
            grouped(more)
        ),
    }
}

/// No more than `ROWS_MAX` rows of it are made.
pub fn bare_table<T>(caption: &str, columns: &[&str], items: &[T], row: impl Fn(&T) -> Vec<Cell>) -> String {
    let caption = escaped(caption);
    let head: String =
        columns.iter().map(|name| format!("<th scope=\"col\" role=\"columnheader\">{name}</th>")).collect();
    let cells = |item: &T| -> String {
        let cell = |(Cell(html), name): (Cell, &&str)| format!("<td role=\"cell\" data-label=\"{name}\">{html}</td>");
        row(item).into_iter().zip(columns).map(cell).collect()
    };
    let rows: String =
        items.iter().take(ROWS_MAX).map(|item| format!("<tr role=\"row\">{}</tr>", cells(item))).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table role=\"table\"><caption>{caption}</caption>\
         <thead role=\"rowgroup\"><tr role=\"row\">{head}</tr></thead><tbody role=\"rowgroup\">{rows}</tbody></table></div>{}",
        left_out(items.len())
    )
}

/// A card. `empty` is HTML of ours.
pub fn table<T>(
    title: &str,
    class: &str,
    empty: &str,
    columns: &[&str],
    items: &[T],
    row: impl Fn(&T) -> Vec<Cell>,
) -> String {
    match items.is_empty() {
        true => empty_card(title, empty),
        false => card(title, class, Some(items.len()), &bare_table(title, columns, items, row)),
    }
}

/// `empty` says what would fill it, and is HTML of ours.
pub fn empty_card(title: &str, empty: &str) -> String {
    card(title, EMPTY_CARD, Some(0), &format!("<p class=\"empty\">{empty}</p>"))
}

const EMPTY_CARD: &str = "bare";

/// By what `empty_card` made of it.
pub fn is_empty_card(html: &str) -> bool {
    html.starts_with("<section class=\"card bare\">")
}

pub fn card(title: &str, class: &str, count: Option<usize>, body: &str) -> String {
    let count = count.map_or(String::new(), |count| format!(" <span class=\"count\">{}</span>", grouped(count)));
    format!("<section class=\"card {class}\"><h3>{title}{count}</h3>{body}</section>")
}

/// Folded away until somebody opens it. The script keeps by `id` what is open.
pub fn folded(id: &str, open: bool, summary: &str, body: &str) -> String {
    let open = if open { " open" } else { "" };
    format!("<details id=\"{}\"{open}><summary>{summary}</summary>{body}</details>", escaped(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_secret_in_it() {
        let rows = [
            ("https://hooks.example.org/a/b?token=x#y", "https://hooks.example.org/a/…"),
            ("https://me:secret@hooks.example.org/a", "https://hooks.example.org/…"),
            (
                "https://hooks.example.org/hooks/acme/livestorm/secret/",
                "https://hooks.example.org/hooks/acme/livestorm/…",
            ),
            ("https://hooks.example.org?secret", "https://hooks.example.org/…"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000/"),
            ("?token=x", "/…"),
            ("", "/"),
        ];
        for (url, wanted) in rows {
            assert_eq!(address(url), wanted);
        }
    }

    #[test]
    fn times_and_numbers_are_said_as_people_say_them() {
        let rows = [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7500, "2 h 5 min"), (90_061, "1 d 1 h")];
        for (seconds, wanted) in rows {
            assert_eq!(lasting(Duration::from_secs(seconds)), wanted);
        }
        assert_eq!((grouped(1), grouped(999), grouped(1234567)), ("1".into(), "999".into(), "1,234,567".into()));
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let Cell(html) = text("é<".repeat(TEXT_MAX));
        assert!(html.ends_with("&lt;…") && html.chars().count() < 5 * TEXT_MAX);
    }

    #[test]
    fn a_table_has_its_bound_and_tells_what_it_leaves_out() {
        let rows = |count: usize| {
            let items: Vec<usize> = (0..count).collect();
            table("Things", "", "None.", &["Number"], &items, |n| vec![text(n)])
        };
        let html = rows(ROWS_MAX + 1234);
        assert_eq!(html.matches("<td").count(), ROWS_MAX);
        assert!(html.contains("And 1,234 more") && html.contains("<span class=\"count\">1,334</span>"));
        assert!(!rows(ROWS_MAX).contains("more, which") && rows(0).contains("<p class=\"empty\">None.</p>"));
    }
}
