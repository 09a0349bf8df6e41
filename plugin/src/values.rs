//! Names and their texts, sorted by name: answers of a form, fields of a prospect. A sorted list, since nowhere are there
//! more than a few dozen, and a tree of its own type would add 5 KB to the component.

use crate::plain::Plain;
use serde_json::{Map, Value};
use std::ops::Index;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(Vec<(String, String)>);

impl Values {
    pub fn get(&self, name: &str) -> Option<&String> {
        self.iter().find(|(other, _)| other == name).map(|(_, text)| text)
    }

    /// Puts the text in the place of what the name had.
    pub fn insert(&mut self, name: &str, text: String) {
        self.retain(|other| other != name);
        let place = self.0.partition_point(|(other, _)| other.as_str() < name);
        self.0.insert(place, (name.into(), text));
    }

    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    pub fn iter(&self) -> std::slice::Iter<'_, (String, String)> {
        self.0.iter()
    }

    pub fn names(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of a name that is there for sure.
impl Index<&str> for Values {
    type Output = String;

    fn index(&self, name: &str) -> &String {
        self.get(name).expect("the name is one that is always there")
    }
}

impl Plain for Values {
    fn write(&self) -> Value {
        let mut map = Map::new();
        for (name, text) in self.iter() {
            map.insert(name.clone(), Value::String(text.clone()));
        }
        Value::Object(map)
    }

    fn read(value: &Value) -> Result<Self, &'static str> {
        let mut read = Values::default();
        for (name, text) in value.as_object().ok_or("")? {
            read.insert(name, String::read(text)?);
        }
        Ok(read)
    }
}

#[cfg(test)]
impl<A: AsRef<str>, B: Into<String>> FromIterator<(A, B)> for Values {
    fn from_iter<I: IntoIterator<Item = (A, B)>>(rows: I) -> Self {
        let mut values = Values::default();
        rows.into_iter().for_each(|(name, text)| values.insert(name.as_ref(), text.into()));
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::{from_text, to_text};

    #[test]
    fn a_name_has_one_text_whatever_the_order() {
        let values: Values = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
        assert_eq!(values, [("a", "2"), ("b", "3")].into_iter().collect());
        assert_eq!((values.names(), values.get("b").map(String::as_str)), (vec!["a", "b"], Some("3")));
        assert_eq!(to_text(&values), r#"{"a":"2","b":"3"}"#);
        assert_eq!(from_text(&to_text(&values)), Ok(values));
    }
}
