//! What the schema of the settings says, held against a value: with a pointer to each mistake and its correction.
//!
//! Knows the words that our own schema uses and no others; a test holds the two together.

use crate::text::nearest;
use crate::{host::Finding, json};
use serde_json::{Map, Value};

pub fn against(schema: &Value, value: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk(schema, value, "", &mut findings);
    findings
}

fn walk(schema: &Value, value: &Value, place: &str, findings: &mut Vec<Finding>) {
    let here = if place.is_empty() { "/" } else { place };
    if let Some(alternatives) = schema["oneOf"].as_array() {
        return one_of(alternatives, value, place, findings);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.iter().any(|wanted| is(value, wanted)) {
        let problem = format!("{here}: {} was found where this is wanted: {}.", json::kind(value), types.join(" or "));
        findings.push(Finding::wrong(
            here,
            &problem,
            "Write a value of that kind, or leave the setting out to take its default.",
        ));
        return;
    }
    let bound = |word: &str| schema[word].as_u64().and_then(|most| usize::try_from(most).ok());
    match value {
        Value::String(text) => {
            if let Some(words) = schema["enum"].as_array() {
                let known: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                if !known.contains(&text.as_str()) {
                    findings.push(unknown_word(here, text, &known));
                }
            }
            if let Some(most) = bound("maxLength").filter(|most| text.chars().count() > *most) {
                findings.push(Finding::wrong(here, &format!("{here}: longer than {most} characters."), "Shorten it."));
            }
            if text.is_empty() && bound("minLength").is_some() {
                findings.push(Finding::wrong(
                    here,
                    &format!("{here} is empty."),
                    "Fill it, or leave it out to take its default.",
                ));
            }
        }
        Value::Number(number) => {
            if let Some(least) = schema["minimum"].as_f64().filter(|least| number.as_f64().is_some_and(|n| n < *least))
            {
                findings.push(Finding::wrong(
                    here,
                    &format!("{here}: {number} is too small."),
                    &format!("Write at least {least}."),
                ));
            }
            if let Some(most) = schema["maximum"].as_f64().filter(|most| number.as_f64().is_some_and(|n| n > *most)) {
                findings.push(Finding::wrong(
                    here,
                    &format!("{here}: {number} is too large."),
                    &format!("Write at most {most}."),
                ));
            }
        }
        Value::Array(items) => {
            if let Some(most) = bound("maxItems").filter(|most| items.len() > *most) {
                findings.push(Finding::wrong(here, &format!("{here}: more than {most} entries."), "Remove some."));
            }
            for (number, item) in items.iter().enumerate() {
                walk(&schema["items"], item, &format!("{place}/{number}"), findings);
            }
        }
        Value::Object(map) => object(schema, map, place, findings),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Null => wanted == "null",
        Value::Bool(_) => wanted == "boolean",
        Value::Number(number) => wanted == "number" || wanted == "integer" && (number.is_u64() || number.is_i64()),
        Value::String(_) => wanted == "string",
        Value::Array(_) => wanted == "array",
        Value::Object(_) => wanted == "object",
    }
}

fn object(schema: &Value, map: &Map<String, Value>, place: &str, findings: &mut Vec<Finding>) {
    let here = if place.is_empty() { "/" } else { place };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !map.contains_key(name) {
            findings.push(Finding::wrong(here, &format!("{here}: \"{name}\" is missing."), "Add it."));
        }
    }
    let properties = &schema["properties"];
    for (key, inner) in map {
        let inner_place = format!("{place}/{}", pointer(key));
        match (properties.get(key), &schema["additionalProperties"]) {
            (Some(inner_schema), _) => walk(inner_schema, inner, &inner_place, findings),
            (None, any @ Value::Object(_)) => walk(any, inner, &inner_place, findings),
            (None, _) => {
                let known = properties.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
                findings.push(unknown_name(&inner_place, key, &known.collect::<Vec<_>>()));
            }
        }
    }
}

/// Words of a list, or objects with one name of a list: `{"truncate": 40}`.
fn one_of(alternatives: &[Value], value: &Value, place: &str, findings: &mut Vec<Finding>) {
    let here = if place.is_empty() { "/" } else { place };
    let words: Vec<&str> = alternatives.iter().filter_map(|one| one["const"].as_str()).collect();
    let named = alternatives.iter().filter_map(|one| one["properties"].as_object()?.iter().next());
    let named: Vec<(&str, &Value)> = named.map(|(name, schema)| (name.as_str(), schema)).collect();
    let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
    match value {
        Value::String(word) if words.contains(&word.as_str()) => {}
        Value::String(word) if !words.is_empty() => findings.push(unknown_word(here, word, &words)),
        Value::Object(map) if !named.is_empty() => {
            for (key, inner) in map {
                let inner_place = format!("{place}/{}", pointer(key));
                match named.iter().find(|(name, _)| name == key) {
                    Some((_, schema)) => walk(schema, inner, &inner_place, findings),
                    None => findings.push(unknown_name(&inner_place, key, &names)),
                }
            }
            if map.len() != 1 {
                let problem = format!("{here}: {} names where one is wanted.", map.len());
                findings.push(Finding::wrong(
                    here,
                    &problem,
                    &format!("Write one at a time. Known here: {}.", names.join(", ")),
                ));
            }
        }
        other => {
            let known = [words, names].concat().join(", ");
            let problem = format!("{here}: {} was found where one of these is wanted: {known}.", json::kind(other));
            findings.push(Finding::wrong(here, &problem, "Write one of them."));
        }
    }
}

/// A name as a part of a JSON pointer.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unknown_name(place: &str, name: &str, known: &[&str]) -> Finding {
    Finding::wrong(place, &format!("{place}: there is no setting \"{name}\"."), &meant(name, known))
}

fn unknown_word(place: &str, word: &str, known: &[&str]) -> Finding {
    let problem = format!("{place}: \"{word}\" is none of {}.", known.join(", "));
    Finding::wrong(place, &problem, &meant(word, known))
}

fn meant(word: &str, known: &[&str]) -> String {
    nearest(word, known.iter().copied())
        .map_or_else(|| format!("Known here: {}.", known.join(", ")), |near| format!("Did you mean \"{near}\"?"))
}

/// The generated schema as it is checked in: compact, since the component carries it, without what a form does not need.
#[cfg(test)]
pub fn tidied(mut schema: Value) -> String {
    fn tidy(schema: &mut Value) {
        if let Some(map) = schema.as_object_mut() {
            // Words of the schema, not settings of the same name.
            if map.get("format").is_some_and(Value::is_string) {
                map.remove("format");
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if map.get("type").and_then(Value::as_str) == Some("object") && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".into(), false.into());
            }
            // The defaults stand at the leaves.
            if map.contains_key("properties") && map.contains_key("default") {
                map.insert("default".into(), Value::Object(Map::new()));
            }
            map.values_mut().for_each(tidy);
        } else if let Some(list) = schema.as_array_mut() {
            list.iter_mut().for_each(tidy);
        }
    }
    tidy(&mut schema);
    format!("{schema}\n")
}

/// Places of the schema that a value has nothing at.
#[cfg(test)]
pub fn unused(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if value.is_null() {
        return vec![place.into()];
    }
    let each = |schema: &Value, value: &Value, name: &str| unused(schema, value, &format!("{place}/{name}"));
    if let Some(properties) = schema["properties"].as_object() {
        return properties.iter().flat_map(|(name, inner)| each(inner, &value[name.as_str()], name)).collect();
    }
    let items = value.as_array().cloned().unwrap_or_default();
    if let Some(alternatives) = schema["items"]["oneOf"].as_array() {
        let names = alternatives.iter().filter_map(|one| one["properties"].as_object()?.keys().next());
        return names
            .filter(|name| !items.iter().any(|item| item.get(name.as_str()).is_some()))
            .map(|name| format!("{place}/{name}"))
            .collect();
    }
    match items.first() {
        Some(first) if schema["items"]["properties"].is_object() => {
            // Some rule of the list uses it.
            let mut missing = each(&schema["items"], first, "0");
            for item in &items[1..] {
                let more = each(&schema["items"], item, "0");
                missing.retain(|place| more.contains(place));
            }
            missing
        }
        _ => Vec::new(),
    }
}
