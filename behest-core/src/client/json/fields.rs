//! The fields of a JSON object, taken out one by one. What is wrong is told by name and kind, never by value: a value
//! may be a key or a prompt.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::types::mint::{Role, Tags, Tier};

/// What is left of an object.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads an object; empty text is one without fields. `null` is the same as leaving a field out.
    pub fn read(text: &[u8]) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(text) {
            Ok(Value::Object(mut fields)) => {
                fields.retain(|_, value| !value.is_null());
                Ok(Self(fields))
            }
            _ => Err(Error::request("parameters", "they must be a JSON object")),
        }
    }

    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, Error> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(name, "text", &other)),
        }
    }

    /// The `id` that a call is about.
    pub fn id(&mut self) -> Result<String, Error> {
        self.text("id")?.ok_or_else(|| Error::request("id", "it is missing"))
    }

    pub fn whole(&mut self, name: &'static str) -> Result<Option<u64>, Error> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(value) if value.is_number() => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| Error::request(name, "it must be a whole number, 0 or more")),
            Some(other) => Err(wrong(name, "a whole number", &other)),
        }
    }

    pub fn count(&mut self, name: &'static str) -> Result<Option<u32>, Error> {
        let number = self.whole(name)?;
        number.map(u32::try_from).transpose().map_err(|_| Error::request(name, "it is too large"))
    }

    pub fn seconds(&mut self, name: &'static str) -> Result<Option<Duration>, Error> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        let rule = "a positive number of seconds";
        let seconds = value.as_f64().ok_or_else(|| wrong(name, rule, &value))?;
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if !time.is_zero() => Ok(Some(time)),
            _ => Err(Error::request(name, format!("it must be {rule}; {seconds} is not"))),
        }
    }

    pub fn flag(&mut self, name: &'static str) -> Result<bool, Error> {
        match self.0.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(wrong(name, "true or false", &other)),
        }
    }

    pub fn tier(&mut self, name: &'static str) -> Result<Option<Tier>, Error> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(Tier::Name(text))),
            Some(value) => {
                let number = value.as_u64().ok_or_else(|| wrong(name, "a tier's number or name", &value))?;
                Ok(Some(Tier::Number(number)))
            }
        }
    }

    pub fn role(&mut self, name: &'static str) -> Result<Option<Role>, Error> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let unknown = || Error::request(name, "it must be `user`, `admin` or `dashboard-service`");
        Role::parse(&text).map(Some).ok_or_else(unknown)
    }

    pub fn tags(&mut self, name: &'static str) -> Result<Tags, Error> {
        Ok(self.pairs(name)?.into_iter().collect())
    }

    /// An object whose values are all text.
    pub fn pairs(&mut self, name: &'static str) -> Result<Vec<(String, String)>, Error> {
        let pairs = match self.0.remove(name) {
            None => return Ok(Vec::new()),
            Some(Value::Object(pairs)) => pairs,
            Some(other) => return Err(wrong(name, "an object of texts", &other)),
        };
        let pair = |(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            _ => Err(Error::request(name, "each of its values must be text")),
        };
        pairs.into_iter().map(pair).collect()
    }

    /// Refuses what nobody asked for.
    pub fn end(self) -> Result<(), Error> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(Error::request("parameters", format!("there is none named `{}`", name.escape_debug())))
            }
        }
    }
}

fn wrong(name: &'static str, rule: &str, value: &Value) -> Error {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Error::request(name, format!("it must be {rule}, not {kind}"))
}
