//! A JSON object whose fields are kept as they came, in their order: what is not understood is passed on untouched.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// More fields than any API has: looking one up is a walk over all of them.
const MAX_FIELDS: usize = 256;

/// The fields of an object. A name that comes twice keeps its last value, as most parsers do, so that what is
/// checked here and what the provider reads are the same.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The raw value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| &**value)
    }

    /// Takes a field out.
    pub fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        let index = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.remove(index).1)
    }

    /// Sets a field, in its old place if it has one.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(field, _)| field == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// The fields by name, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// The fields read as JSON. One that cannot be held, such as the number `1e999`, stands as its text: whoever reads it
    /// finds it wrong, and it is not lost silently.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        let read = |(name, value): &(String, Box<RawValue>)| {
            let held = serde_json::from_str(value.get());
            (name.clone(), held.unwrap_or_else(|_| Value::from(value.get())))
        };
        self.0.iter().map(read).collect()
    }

    /// Writes the object.
    #[must_use]
    pub fn write_alone(&self) -> Bytes {
        let mut out = self.begin(0);
        if out.last() == Some(&b',') {
            out.pop();
        }
        out.push(b'}');
        Bytes::from(out)
    }

    /// The object up to its last comma, with room for `more` bytes.
    fn begin(&self, more: usize) -> Vec<u8> {
        let size: usize = self.0.iter().map(|(name, value)| name.len() + value.get().len() + 8).sum();
        let mut out = Vec::with_capacity(size + more + 2);
        out.push(b'{');
        for (name, value) in &self.0 {
            // Writing a string to a `Vec` cannot fail.
            let _ = serde_json::to_writer(&mut out, name);
            out.push(b':');
            out.extend_from_slice(value.get().as_bytes());
            out.push(b',');
        }
        out
    }

    /// Writes the object with `messages` as its list of messages.
    #[must_use]
    pub fn write(&self, messages: &[Box<RawValue>]) -> Bytes {
        let text: usize = messages.iter().map(|message| message.get().len() + 1).sum();
        let mut out = self.begin(text + 30);
        out.extend_from_slice(b"\"messages\":[");
        for (index, message) in messages.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(message.get().as_bytes());
        }
        out.extend_from_slice(b"]}");
        Bytes::from(out)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields(Vec::with_capacity(8));
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    fields.set(&name, value);
                    if fields.0.len() > MAX_FIELDS {
                        return Err(serde::de::Error::custom(format_args!(
                            "an object of at most {MAX_FIELDS} fields is wanted"
                        )));
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_and_odd_numbers_come_through_as_they_were() {
        let text = r#"{"model":"m","x":1.0000000000000000001,"y":{"a":[1e400,"\u00e9"]},"messages":[{"role":"user"}]}"#;
        let mut fields: Fields = serde_json::from_str(text).expect("an object");
        let messages: Vec<Box<RawValue>> =
            serde_json::from_str(fields.take("messages").expect("messages").get()).expect("a list");
        assert_eq!(fields.write(&messages), text.as_bytes());
        assert_eq!(fields.write_alone(), text.replace(r#","messages":[{"role":"user"}]"#, "").as_bytes());
        assert_eq!(Fields::default().write_alone(), &b"{}"[..]);
    }

    #[test]
    fn a_number_that_cannot_be_held_is_not_lost() {
        let fields: Fields = serde_json::from_str(r#"{"temperature":1e999,"n":1}"#).expect("an object");
        assert_eq!(Value::from(fields.to_map()), serde_json::json!({"temperature": "1e999", "n": 1}));
    }

    #[test]
    fn an_object_of_too_many_fields_is_refused() {
        let fields: Vec<String> = (0..=MAX_FIELDS).map(|index| format!("\"f{index}\":1")).collect();
        let read = |fields: &[String]| serde_json::from_str::<Fields>(&format!("{{{}}}", fields.join(",")));
        assert!(read(&fields).is_err());
        assert!(read(&fields[1..]).is_ok());
    }

    #[test]
    fn the_last_of_two_values_counts_and_only_it_is_sent() {
        let fields: Fields =
            serde_json::from_str(r#"{"model":"allowed","model":"other"}"#).expect("an object");
        assert_eq!(fields.get("model").map(RawValue::get), Some("\"other\""));
        assert_eq!(fields.write(&[]), &br#"{"model":"other","messages":[]}"#[..]);
    }
}
