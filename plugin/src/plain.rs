//! Payloads and memories as JSON. Two macros list the fields of a type; what they make is a small part of what a derive for
//! every type would add to the component, and says the same.
//!
//! Promises: what is written is read again; a name that is absent reads like null, so old memories stay readable when a field
//! is added as an `Option`.

use crate::json;
use serde_json::{Map, Value};

pub trait Plain: Sized {
    fn write(&self) -> Value;
    /// The value, or the name of the field that is wrong (empty where it is the value itself).
    fn read(value: &Value) -> Result<Self, &'static str>;
}

pub fn to_text(value: &impl Plain) -> String {
    json::text(&value.write())
}

pub fn from_text<T: Plain>(text: &str) -> Result<T, String> {
    let value = json::parse(text.as_bytes())?;
    T::read(&value)
        .map_err(|field| if field.is_empty() { "wrong kind of value".into() } else { format!("`{field}` is wrong") })
}

pub fn put(map: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        map.insert(name.into(), value);
    }
}

pub fn field<T: Plain>(value: &Value, name: &'static str) -> Result<T, &'static str> {
    T::read(value.get(name).unwrap_or(&Value::Null)).map_err(|inner| if inner.is_empty() { name } else { inner })
}

/// A type with named fields.
macro_rules! plain {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::plain::Plain for $name {
            fn write(&self) -> serde_json::Value {
                let mut map = serde_json::Map::new();
                $($crate::plain::put(&mut map, stringify!($field), $crate::plain::Plain::write(&self.$field));)*
                serde_json::Value::Object(map)
            }
            fn read(value: &serde_json::Value) -> Result<Self, &'static str> {
                Ok(Self { $($field: $crate::plain::field(value, stringify!($field))?,)* })
            }
        }
    };
}

/// A type with several forms: `{"<word>": {...}}`.
macro_rules! plain_forms {
    ($name:ident { $($form:ident $word:literal { $($field:ident),* $(,)? }),* $(,)? }) => {
        impl $crate::plain::Plain for $name {
            fn write(&self) -> serde_json::Value {
                let mut map = serde_json::Map::new();
                let word = match self {
                    $(Self::$form { $($field),* } => {
                        $($crate::plain::put(&mut map, stringify!($field), $crate::plain::Plain::write($field));)*
                        $word
                    })*
                };
                let mut outer = serde_json::Map::new();
                $crate::plain::put(&mut outer, word, serde_json::Value::Object(map));
                serde_json::Value::Object(outer)
            }
            fn read(value: &serde_json::Value) -> Result<Self, &'static str> {
                $(if let Some(inner) = value.get($word) {
                    return Ok(Self::$form { $($field: $crate::plain::field(inner, stringify!($field))?,)* });
                })*
                Err("")
            }
        }
    };
}

/// A type that is one text.
macro_rules! plain_text {
    ($name:ident) => {
        impl $crate::plain::Plain for $name {
            fn write(&self) -> serde_json::Value {
                serde_json::Value::String(self.clone().into())
            }
            fn read(value: &serde_json::Value) -> Result<Self, &'static str> {
                match value {
                    serde_json::Value::String(text) => text.clone().try_into().map_err(|_| ""),
                    _ => Err(""),
                }
            }
        }
    };
}

impl Plain for String {
    fn write(&self) -> Value {
        Value::String(self.clone())
    }
    fn read(value: &Value) -> Result<Self, &'static str> {
        value.as_str().map(str::to_string).ok_or("")
    }
}

impl Plain for u64 {
    fn write(&self) -> Value {
        Value::from(*self)
    }
    fn read(value: &Value) -> Result<Self, &'static str> {
        value.as_u64().ok_or("")
    }
}

impl Plain for bool {
    fn write(&self) -> Value {
        Value::Bool(*self)
    }
    fn read(value: &Value) -> Result<Self, &'static str> {
        value.as_bool().ok_or("")
    }
}

impl<T: Plain> Plain for Option<T> {
    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write)
    }
    fn read(value: &Value) -> Result<Self, &'static str> {
        if value.is_null() { Ok(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Plain> Plain for Vec<T> {
    fn write(&self) -> Value {
        Value::Array(self.iter().map(T::write).collect())
    }
    fn read(value: &Value) -> Result<Self, &'static str> {
        let mut read = Vec::new();
        for item in value.as_array().ok_or("")? {
            read.push(T::read(item)?);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Small {
        name: String,
        at: Option<u64>,
        list: Vec<bool>,
    }
    plain!(Small { name, at, list });

    #[derive(Debug, PartialEq)]
    enum Form {
        First { small: Small },
        Second { name: String },
    }
    plain_forms!(Form { First "first" { small }, Second "second" { name } });

    #[test]
    fn what_is_written_is_read_again() {
        let small = Small { name: "é\"\n".into(), at: None, list: vec![true, false] };
        for form in [Form::First { small: small.clone() }, Form::Second { name: String::new() }] {
            assert_eq!(from_text(&to_text(&form)), Ok(form));
        }
        assert_eq!(to_text(&small), r#"{"list":[true,false],"name":"é\"\n"}"#);
        assert_eq!(
            from_text::<Small>(r#"{"name":"a","at":null,"list":[],"more":1}"#).map(|small| small.name),
            Ok("a".into())
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let why = |text: &str| from_text::<Form>(text).unwrap_err();
        assert_eq!(why(r#"{"first":{"small":{"list":[]}}}"#), "`name` is wrong");
        assert_eq!(why(r#"{"first":{}}"#), "`name` is wrong");
        assert_eq!(why(r#"{"first":{"small":{"name":"a","list":[1]}}}"#), "`list` is wrong");
        assert_eq!(why(r#"{"third":{}}"#), "wrong kind of value");
        assert!(why("{").contains("it ends too early"));
    }
}
