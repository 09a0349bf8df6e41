//! A field of the org, and a value that is made to fit it, or left out with the reason (RULES 18): cut where it is too long, turned
//! into its code where the org has picklists of states and countries. Pure. Not here: asking the org (`describe.rs`).

use crate::{
    calendar,
    host::Instant,
    json::{self, scalar},
    mapping::target_field::Kind,
    text::fit,
};
use serde_json::Value;

/// What is remembered under one key has 64 KiB; more values than that are not checked.
const VALUES_BYTES_MAX: usize = 30_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    pub name: String,
    pub(super) kind: String,
    pub(super) length: Option<u64>,
    pub(super) is_writable: bool,
    /// Of a picklist that takes no other: value and label.
    pub(super) values: Option<Vec<Choice>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    pub(super) value: String,
    pub(super) label: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    pub(super) until: Instant,
    pub(super) asked: Vec<String>,
    /// The org has told of it.
    pub(super) is_known: bool,
    pub(super) fields: Vec<Field>,
    /// Of campaign members: where replays are noted.
    pub replay: Option<String>,
    /// Labelled like it, under a name that the settings would have to say.
    pub(super) labelled: Option<String>,
}

plain!(Choice { value, label });
plain!(Field { name, kind, length, is_writable, values });
plain!(Described { until, asked, is_known, fields, replay, labelled });

/// A value as its field takes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fitted {
    /// Under its field, which may be another: `CountryCode` for `Country`.
    Value {
        field: String,
        text: String,
        is_cut: bool,
    },
    LeftOut(String),
}

/// The field that stands for it where the org has picklists of states and countries.
/// `FIELD_INTEGRITY_EXCEPTION` on text, confirmed by measurements of public clients.
pub fn code_of(field: &str) -> String {
    let has_code = ["Country", "State"].iter().any(|part| field.strip_prefix("Mailing").unwrap_or(field) == *part);
    if has_code { format!("{field}Code") } else { String::new() }
}

/// As a describe tells it.
pub(super) fn field(field: &Value) -> Field {
    let text = |name: &str| field.get(name).and_then(scalar).unwrap_or_default();
    let is = |name: &str| field.get(name).and_then(Value::as_bool) == Some(true);
    let name = text("name");
    let kind = match text("type").as_str() {
        "double" | "currency" | "percent" => "number",
        "int" | "long" => "whole",
        "boolean" => "boolean",
        "date" => "date",
        "datetime" => "time",
        _ => "text",
    };
    let is_address_code = name.ends_with("StateCode") || name.ends_with("CountryCode");
    let is_picklist = text("type") == "picklist" && (is("restrictedPicklist") || is_address_code);
    let choice = |row: &Value| {
        let text = |name: &str| row.get(name).and_then(scalar);
        let value = text("value").filter(|_| row.get("active").and_then(Value::as_bool) != Some(false))?;
        Some(Choice { label: text("label").unwrap_or_else(|| value.clone()), value })
    };
    let rows = field.get("picklistValues").and_then(Value::as_array).into_iter().flatten();
    let values: Vec<Choice> = rows.filter_map(choice).collect();
    let bytes: usize = values.iter().map(|choice| choice.value.len() + choice.label.len() + 24).sum();
    Field {
        kind: kind.into(),
        length: field.get("length").and_then(Value::as_u64).filter(|length| *length > 0 && kind == "text"),
        is_writable: is("createable") && is("updateable"),
        values: Some(values).filter(|_| is_picklist && bytes <= VALUES_BYTES_MAX),
        name,
    }
}

impl Described {
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Those of these fields that a query can show; all where nothing is known.
    pub fn readable<'a>(&self, names: Vec<&'a str>) -> Vec<String> {
        let shown = |name: &'a str| {
            let code = code_of(name);
            if self.has(&code) {
                Some(code)
            } else {
                Some(name.to_string()).filter(|name| !self.is_known || self.has(name))
            }
        };
        names.into_iter().filter_map(shown).collect()
    }

    pub fn length(&self, name: &str) -> Option<usize> {
        self.field(name)?.length.and_then(|length| usize::try_from(length).ok())
    }

    /// `lengths`: what Salesforce has said of fields since.
    pub fn fit(&self, target: &str, text: &str, lengths: &[(String, usize)]) -> Fitted {
        let value = |field: &str, text: String, is_cut| Fitted::Value { field: field.into(), text, is_cut };
        let cut = |text: &str| {
            let told = lengths.iter().find(|(field, _)| field == target).map(|(_, most)| *most);
            let (text, is_cut) = cut(text, told.or(self.length(target)).unwrap_or(usize::MAX));
            value(target, text, is_cut)
        };
        if !self.is_known {
            return cut(text);
        }
        let code = code_of(target);
        if let Some(field) = self.field(&code) {
            return match field.code(text) {
                Some(text) => value(&code, text, false),
                None => Fitted::LeftOut(format!("{} is none of the org's values", quoted(text))),
            };
        }
        let Some(field) = self.field(target) else {
            return Fitted::LeftOut("the connected user sees no such field".into());
        };
        if !field.is_writable {
            return Fitted::LeftOut("the connected user may not write it".into());
        }
        match field.kind.as_str() {
            kind @ ("number" | "whole" | "boolean" | "date" | "time") => match formed(kind, text.trim()) {
                Some(text) => value(target, text, false),
                None => Fitted::LeftOut(format!("{} is no {kind}", quoted(text))),
            },
            _ => match &field.values {
                Some(values) if !values.iter().any(|choice| choice.value == text) => match field.code(text) {
                    Some(text) => value(target, text, false),
                    None => Fitted::LeftOut(format!("{} is none of the values that it takes", quoted(text))),
                },
                _ => cut(text),
            },
        }
    }

    /// As what the API takes it.
    pub fn typed(&self, name: &str, text: &str, made: Kind) -> Value {
        let kind = match self.field(name).map(|field| field.kind.as_str()) {
            Some("number" | "whole") => Kind::Number,
            Some("boolean") => Kind::Boolean,
            Some(_) => Kind::Text,
            None => made,
        };
        let parsed = || json::parse(text.as_bytes()).ok().filter(|value| value.is_number() || value.is_boolean());
        match kind {
            Kind::Text => text.into(),
            Kind::Number | Kind::Boolean => parsed().unwrap_or_else(|| text.into()),
        }
    }

    /// Two texts of a field say the same: numbers and times are told in several forms.
    pub fn is_same(&self, name: &str, one: &str, other: &str) -> bool {
        let kind = self.field(name).map(|field| field.kind.as_str());
        one == other
            || match kind {
                Some(kind @ ("number" | "time")) => {
                    formed(kind, one).is_some_and(|one| formed(kind, other) == Some(one))
                }
                Some("whole") => formed("number", one).is_some_and(|one| formed("number", other) == Some(one)),
                _ => false,
            }
    }
}

impl Field {
    /// The value that is meant, by value or by label, whatever the case; nothing where several are.
    fn code(&self, text: &str) -> Option<String> {
        let values = self.values.as_ref()?;
        let text = text.trim().to_lowercase();
        let of = |is: &dyn Fn(&Choice) -> bool| -> Vec<&Choice> { values.iter().filter(|choice| is(choice)).collect() };
        let by_value = of(&|choice| choice.value.to_lowercase() == text);
        let by_label = of(&|choice| choice.label.to_lowercase() == text);
        match (&by_value[..], &by_label[..]) {
            ([choice], _) | ([], [choice]) => Some(choice.value.clone()),
            _ => None,
        }
    }
}

/// In the form in which the API reads it; one value of another form refuses a whole call of many records.
fn formed(kind: &str, text: &str) -> Option<String> {
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite());
    match kind {
        "number" => number().map(|number| number.to_string()),
        "whole" => {
            number().filter(|number| number.fract() == 0.0 && number.abs() < 1e15).map(|number| number.to_string())
        }
        "boolean" => ["true", "false"].contains(&text).then(|| text.to_string()),
        "date" => calendar::parse(text).or_else(|| calendar::parse(&format!("{text}T00:00:00Z"))).map(calendar::day),
        _ => calendar::parse(text).map(|at| format!("{}Z", calendar::iso(at))),
    }
}

/// Enough to know it again.
fn quoted(text: &str) -> String {
    format!("\"{}\"", fit(text, 60))
}

/// At most so many characters, counted as Salesforce does: a rare character of two halves counts twice.
pub fn cut(text: &str, most: usize) -> (String, bool) {
    let mut length = 0;
    for (at, letter) in text.char_indices() {
        length += letter.len_utf16();
        if length > most {
            return (text[..at].trim_end().to_string(), true);
        }
    }
    (text.to_string(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::salesforce::describe::tests::told;
    use proptest::prelude::*;
    use serde_json::json;

    /// RULES 18.
    #[test]
    fn a_value_is_made_to_fit_its_field_or_left_out_with_the_reason() {
        let picklist = |values: &[(&str, &str)]| -> Value {
            values.iter().map(|(value, label)| json!({"value": value, "label": label, "active": true})).collect()
        };
        let org = told(json!([
            {"name": "LastName", "length": 5}, {"name": "Size__c", "type": "double"}, {"name": "Agreed__c", "type": "boolean"},
            {"name": "Hidden__c", "updateable": false}, {"name": "Whole__c", "type": "int"}, {"name": "Day__c", "type": "date"},
            {"name": "Time__c", "type": "datetime"},
            {"name": "Colour__c", "type": "picklist", "restrictedPicklist": true, "picklistValues": picklist(&[("red", "Red")])},
            {"name": "Free__c", "type": "picklist", "restrictedPicklist": false, "picklistValues": picklist(&[("red", "Red")])},
            {"name": "CountryCode", "type": "picklist", "picklistValues": picklist(&[("NO", "Norway"), ("GB", "United Kingdom")])},
            {"name": "StateCode", "type": "picklist", "picklistValues": picklist(&[("LI", "Limburg"), ("VLI", "Limburg")])},
        ]));
        type Row = (&'static str, &'static str, Result<(&'static str, &'static str, bool), &'static str>);
        let rows: [Row; 22] = [
            ("LastName", "Lund", Ok(("LastName", "Lund", false))),
            ("LastName", "Lundberg", Ok(("LastName", "Lundb", true))),
            ("Size__c", "12.5", Ok(("Size__c", "12.5", false))),
            ("Size__c", "many", Err("is no number")),
            ("Agreed__c", "true", Ok(("Agreed__c", "true", false))),
            ("Agreed__c", "yes", Err("is no boolean")),
            ("Size__c", "+05.50", Ok(("Size__c", "5.5", false))),
            ("Whole__c", "007", Ok(("Whole__c", "7", false))),
            ("Whole__c", "3.5", Err("is no whole")),
            ("Day__c", "2026-11-22T15:00:00Z", Ok(("Day__c", "2026-11-22", false))),
            ("Day__c", "2026-11-22", Ok(("Day__c", "2026-11-22", false))),
            ("Day__c", "soon", Err("is no date")),
            ("Time__c", "2026-11-22T16:00:00+01:00", Ok(("Time__c", "2026-11-22T15:00:00Z", false))),
            ("Time__c", "3 pm", Err("is no time")),
            ("Hidden__c", "x", Err("may not write it")),
            ("Gone__c", "x", Err("sees no such field")),
            ("Colour__c", "RED", Ok(("Colour__c", "red", false))),
            ("Colour__c", "blue", Err("none of the values")),
            ("Free__c", "blue", Ok(("Free__c", "blue", false))),
            ("Country", "norway", Ok(("CountryCode", "NO", false))),
            ("Country", "gb", Ok(("CountryCode", "GB", false))),
            ("State", "Limburg", Err("none of the org's values")),
        ];
        for (target, text, expected) in rows {
            match (org.fit(target, text, &[]), expected) {
                (Fitted::Value { field, text, is_cut }, Ok(expected)) => {
                    assert_eq!((field.as_str(), text.as_str(), is_cut), expected, "{target}");
                }
                (Fitted::LeftOut(why), Err(said)) => assert!(why.contains(said), "{target}: {why}"),
                (other, expected) => panic!("{target} {text}: {other:?}, not {expected:?}"),
            }
        }
        let told = [("LastName".to_string(), 3)];
        assert!(
            matches!(org.fit("LastName", "Lund", &told), Fitted::Value { text, is_cut: true, .. } if text == "Lun")
        );
        assert_eq!(org.readable(vec!["Country", "Gone__c", "LastName"]), ["CountryCode", "LastName"]);
        let unknown = Described::default();
        assert!(matches!(unknown.fit("Anything", "x", &[]), Fitted::Value { .. }));
    }

    #[test]
    fn values_go_as_their_fields_take_them_and_numbers_are_the_same_in_every_form() {
        let org =
            told(json!([{"name": "N__c", "type": "double"}, {"name": "B__c", "type": "boolean"}, {"name": "T__c"}]));
        assert_eq!(org.typed("N__c", "12", Kind::Text), json!(12));
        assert_eq!(org.typed("B__c", "true", Kind::Text), json!(true));
        assert_eq!(org.typed("T__c", "12", Kind::Number), json!("12"));
        assert_eq!(org.typed("X__c", "12", Kind::Number), json!(12));
        assert!(org.is_same("N__c", "12", "12.0") && !org.is_same("T__c", "12", "12.0"));
    }

    proptest! {
        #[test]
        fn what_is_cut_fits_and_is_a_beginning(text in ".{0,60}", most in 0usize..40) {
            let (short, is_cut) = cut(&text, most);
            prop_assert!(short.encode_utf16().count() <= most || !is_cut);
            prop_assert!(text.starts_with(&short));
            prop_assert_eq!(is_cut, text.encode_utf16().count() > most);
        }
    }
}
