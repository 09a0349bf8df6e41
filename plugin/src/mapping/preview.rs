//! What the settings would make of one person, value by value, for whoever maps fields. Looks nowhere.

use super::{Applied, Mapping, Occasion, Update, rules, target_field::Object};
use crate::{host::MappedValue, values::Values};

/// One row a rule of these objects. `occasions`: what the sample tells of.
pub fn rows(mapping: &Mapping, objects: &[Object], sources: &Values, occasions: &[Occasion]) -> Vec<MappedValue> {
    let of =
        |object: &Object| rules(mapping, *object).iter().map(|rule| row(rule, sources, occasions)).collect::<Vec<_>>();
    objects.iter().flat_map(of).collect()
}

fn row(rule: &Applied<'_>, sources: &Values, occasions: &[Occasion]) -> MappedValue {
    // Of alternatives, the one that counts; else all that could.
    let there = rule.sources.iter().find(|source| sources.get(source).is_some());
    let names: Vec<&str> = match there {
        Some(source) => vec![source],
        None => rule.sources.clone(),
    };
    let more: Vec<&str> = rule.transforms.iter().flat_map(|transform| transform.sources()).collect();
    let given: Vec<&str> = there.into_iter().chain(&more).filter_map(|s| sources.get(s)).map(String::as_str).collect();
    let occasion = rule.occasion();
    let (written, mut notes) = match occasions.contains(&occasion) {
        false => (None, vec![when(occasion).to_string()]),
        true => match rule.value(sources) {
            Err(_) if rule.is_secret() => (None, vec!["its value is not of that kind".to_string()]),
            Err(why) => (None, vec![format!("{why}, so the field is left as it is")]),
            Ok(None) if rule.reads().any(|source| is_told_later(source) && sources.get(source).is_none()) => {
                (None, vec![])
            }
            Ok(None) => (None, vec!["nothing is there, and an empty value never overwrites".to_string()]),
            Ok(Some(value)) => (Some(value), Vec::new()),
        },
    };
    if names.iter().chain(&more).any(|source| is_told_later(source) && sources.get(source).is_none()) {
        notes.push("read when it is written; a sample does not tell it".into());
    }
    match rule.update {
        Update::Always => {}
        Update::WhenEmpty => notes.push("only where the field is empty or was written by the connector".into()),
        Update::Never => notes.push("only where the connector makes the record".into()),
    }
    let hidden = |text: String| if rule.is_secret() { "(secret)".to_string() } else { text };
    MappedValue {
        source: [vec![names.join(" or ")], more.iter().map(|source| source.to_string()).collect()].concat().join(" + "),
        given: (!given.is_empty()).then(|| hidden(given.join(" + "))),
        target: format!("{}.{}", rule.object.name(), rule.target),
        written: written.map(hidden),
        note: notes.join("; "),
    }
}

fn when(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Registered => "written when somebody registers",
        Occasion::Ended => "written when the session has ended",
        Occasion::Watched => "written when the replay was watched",
    }
}

fn is_told_later(source: &str) -> bool {
    ["event.", "session."].iter().any(|group| source.starts_with(group))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn every_rule_is_a_row_that_says_what_is_written_or_why_not() {
        let text = serde_json::json!({"mapping": {"defaults": false, "prospect": [
            {"source": "fields.company", "target": "company", "transforms": [{"truncate": 3}]},
            {"source": "fields.first_name", "target": "Name__c", "transforms": [{"join": {"sources": ["fields.last_name"]}}]},
            {"source": "fields.size", "target": "Size__c", "transforms": [{"number": {}}], "update": "when_empty"},
            {"source": "fields.none", "target": "None__c"},
            {"source": "event.title", "target": "Event__c"},
            {"source": "attendance.duration", "target": "Seconds__c"}]}});
        let mapping = settings::parse(&text.to_string()).unwrap().mapping;
        let sources = [
            ("fields.company", "Example"),
            ("fields.first_name", "Ana"),
            ("fields.last_name", "Lund"),
            ("fields.size", "many"),
        ];
        let rows = rows(&mapping, &[Object::Prospect], &sources.into_iter().collect(), &[Occasion::Registered]);
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.source.as_str(), row.given.as_deref(), row.target.as_str(), row.written.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("fields.company", Some("Example"), "Prospect.company", Some("Exa")),
                ("fields.first_name + fields.last_name", Some("Ana + Lund"), "Prospect.Name__c", Some("Ana Lund")),
                ("fields.size", Some("many"), "Prospect.Size__c", None),
                ("fields.none", None, "Prospect.None__c", None),
                ("event.title", None, "Prospect.Event__c", None),
                ("attendance.duration", None, "Prospect.Seconds__c", None),
            ]
        );
        assert!(rows[2].note.contains("no number") && rows[2].note.contains("only where the field is empty"));
        assert!(rows[3].note.contains("never overwrites") && rows[4].note.contains("read when it is written"));
        assert!(rows[5].note.contains("when the session has ended"));
    }
}
