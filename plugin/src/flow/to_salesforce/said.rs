//! What tasks say of the fields of an object, made to fit them, and what stands there in the same words.

use super::{super::people::Told, Run, somebody::own_fields};
use crate::{
    host::Instant,
    mapping::{
        self, Update,
        newest::News,
        source_path::Occasion,
        target_field::{Object, salesforce::COMPANY},
    },
    salesforce::describe::Org,
    salesforce::field::{Described, Fitted, cut},
    salesforce::operations::harmless,
    values::Values,
    work::Work,
};
use serde_json::{Map, Value};

/// Of a company's name.
const ACCOUNT_NAME_MAX: usize = 255;

/// The company that a task names, as an account would be called.
pub fn company(work: &Work<'_>, told: &Told) -> Option<String> {
    let (values, _) = mapping::values(&work.settings.mapping, Object::Contact, &told.sources, Occasion::Registered);
    let name = harmless(values.get(COMPANY)?);
    let name = name.trim();
    (!name.is_empty()).then(|| cut(name, ACCOUNT_NAME_MAX).0)
}

/// The mapped fields, as the org has them.
pub fn mapped(work: &Work<'_>, org: &Org, object: Object) -> Vec<String> {
    org.of(object).readable(own_fields(work, object))
}

/// Under the rule of the field, or of the text that its code stands for.
pub fn update_of(work: &Work<'_>, object: Object, field: &str) -> Update {
    let mapping = &work.settings.mapping;
    let is_mapped = mapping.of(object).iter().any(|rule| rule.target == field);
    let base = field.strip_suffix("Code").filter(|_| !is_mapped).unwrap_or(field);
    mapping::update_of(mapping, object, base)
}

/// What all tasks say of the fields of an object, made to fit them.
pub struct Said {
    session: String,
    at: Instant,
    read_at: Option<Instant>,
    pub values: Values,
}

pub fn said<'a>(
    run: &Run<'_>,
    object: Object,
    tasks: impl Iterator<Item = &'a Told>,
    refused: &[String],
    lengths: &[(String, usize)],
    note: &mut dyn FnMut(&'static str, String),
) -> Vec<Said> {
    let (mapping, described) = (&run.work.settings.mapping, run.org.of(object));
    let mut all = Vec::new();
    for told in tasks {
        for (occasion, at) in &told.occasions {
            let (values, unwritten) = mapping::values(mapping, object, &told.sources, *occasion);
            for one in unwritten {
                note("value-not-written", format!("{} ({})", one.target, one.why));
            }
            let mut fitted = Values::default();
            for (target, text) in values.iter() {
                let harmless = harmless(text);
                if harmless != *text {
                    note("value-changed", format!("{}.{target}: \"@{{\" is written apart", object.name()));
                }
                if object == Object::Contact && target == COMPANY || refused.contains(target) {
                    continue;
                }
                match described.fit(target, &harmless, lengths) {
                    Fitted::Value { field, .. } if refused.contains(&field) => {}
                    Fitted::Value { field, text, is_cut } => {
                        if is_cut {
                            note("value-cut", format!("{}.{field}", object.name()));
                        }
                        fitted.insert(&field, text);
                    }
                    Fitted::LeftOut(_) if mapping::is_secret(mapping, object, target) => {
                        note(
                            "value-not-written",
                            format!("{}.{target} (its value is not of that kind)", object.name()),
                        );
                    }
                    Fitted::LeftOut(why) => note("value-not-written", format!("{}.{target} ({why})", object.name())),
                }
            }
            let (session, read_at) = (told.session().to_string(), told.read_at());
            all.push(Said { session, at: *at, read_at, values: fitted });
        }
    }
    all
}

pub fn news(said: &[Said]) -> Vec<News<'_>> {
    let mut all = Vec::new();
    for Said { session, at, read_at, values } in said {
        all.push(News { values, at: *at, session, read_at: *read_at });
    }
    all
}

/// What stands there, in the words of what is said of it, where both say the same.
pub fn standing(described: &Described, there: &Values, said: &[Said]) -> Values {
    let mut standing = there.clone();
    for (field, text) in said.iter().flat_map(|said| said.values.iter()) {
        if there.get(field).is_some_and(|other| described.is_same(field, text, other)) {
            standing.insert(field, text.clone());
        }
    }
    standing
}

pub fn typed(run: &Run<'_>, object: Object, writes: &Values) -> Map<String, Value> {
    let mapping = &run.work.settings.mapping;
    let typed = |(field, text): &(String, String)| {
        (field.clone(), run.org.of(object).typed(field, text, mapping::kind_of(mapping, object, field)))
    };
    writes.iter().map(typed).collect()
}
