//! What of a registration is written to which field. Shaped for what comes next: `source_path` -> transform ->
//! `target_field`, under an update policy; today every value is written as it is, whenever it is the newest.
//!
//! Invariant: an empty source value never overwrites (RULES 15); of several values the newest source time wins, whatever
//! the order of handling (RULES 3).

pub mod newest;
pub mod source_path;
pub mod target_field;

use crate::values::Values;
use target_field::PROSPECT_DEFAULTS;

/// Target field to value, for what the registration says something about.
pub fn prospect_values(values: &Values) -> Values {
    let mut mapped = Values::default();
    for rule in PROSPECT_DEFAULTS {
        let value = rule.sources.iter().find_map(|source| values.get(source)).filter(|value| !value.is_empty());
        if let Some(value) = value {
            mapped.insert(rule.target, value.clone());
        }
    }
    mapped
}

/// The target fields of all rules.
pub fn prospect_fields() -> Vec<&'static str> {
    PROSPECT_DEFAULTS.iter().map(|rule| rule.target).collect()
}

/// Whether any rule reads this source.
pub fn reads(source: &str) -> bool {
    PROSPECT_DEFAULTS.iter().any(|rule| rule.sources.contains(&source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[(&str, &str)], expected: &[(&str, &str)]) {
        let map = |rows: &[(&str, &str)]| rows.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        assert_eq!(prospect_values(&map(values)), map(expected));
    }

    #[test]
    fn standard_fields_are_written_without_any_set_up() {
        check(&[], &[]);
        check(
            &[
                ("fields.first_name", "Ana"),
                ("fields.last_name", "Lund"),
                ("fields.company", "Example"),
                ("fields.job_title", "CTO"),
                ("fields.phone_number", "+47 1"),
                ("fields.city", "Oslo"),
                ("fields.country", "Norway"),
                ("fields.website", "https://example.org"),
                ("fields.favourite_colour", "red"),
                ("utm.source", "mail"),
            ],
            &[
                ("firstName", "Ana"),
                ("lastName", "Lund"),
                ("company", "Example"),
                ("jobTitle", "CTO"),
                ("phone", "+47 1"),
                ("city", "Oslo"),
                ("country", "Norway"),
                ("website", "https://example.org"),
            ],
        );
    }

    #[test]
    fn an_empty_value_is_no_value() {
        check(&[("fields.company", "")], &[]);
    }

    #[test]
    fn of_two_spellings_of_a_source_the_first_that_is_there_counts() {
        check(&[("fields.phone", "2"), ("fields.phone_number", "1")], &[("phone", "1")]);
        check(&[("fields.phone", "2")], &[("phone", "2")]);
    }
}
