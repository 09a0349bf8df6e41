//! Fields that a provider has refused: left out for a day, then tried again, and told once in that time.

use crate::{
    host::{DAY, Entry, Instant},
    plain::{from_text, to_text},
    work::Work,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refused {
    pub until: Instant,
    pub fields: Vec<String>,
}

plain!(Refused { until, fields });

pub fn fields(work: &Work<'_>, key: &str) -> Vec<String> {
    let noted = work.host.get(key).and_then(|text| from_text::<Refused>(&text).ok());
    noted.filter(|noted| work.now() < noted.until).map(|noted| noted.fields).unwrap_or_default()
}

/// True: it was not noted yet.
pub fn note(work: &Work<'_>, key: &str, field: &str) -> bool {
    let mut fields = fields(work, key);
    if fields.iter().any(|noted| noted == field) {
        return false;
    }
    fields.push(field.into());
    let value = to_text(&Refused { until: work.now() + DAY, fields });
    work.host.set(Entry { key: key.into(), value, subject: None });
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{TestHost, on_host};

    #[test]
    fn what_is_refused_is_left_out_for_a_day_and_told_once() {
        let host = TestHost::new(0, |_| panic!("nothing is asked"));
        let noted = |field: &'static str| on_host(&host, async |work| note(work, "unasked/S1", field));
        let fields = || on_host(&host, async |work| fields(work, "unasked/S1"));
        assert_eq!([noted("company"), noted("company"), noted("job_title")], [true, false, true]);
        assert_eq!(fields(), ["company", "job_title"]);
        host.set_now(DAY);
        assert_eq!(fields(), Vec::<String>::new());
        assert!(noted("company"));
    }
}
