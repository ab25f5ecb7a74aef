//! Providers that speak OpenAI's dialect but for some words. What they share with it goes on as it came; here is the rest.

mod azure;
mod mistral;
mod openrouter;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::translate::rules::is_default;
use super::translate::{Rule, Rules, Target, TranslateError};
use crate::gateway::body::Fields;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatible {
    /// Mistral, which refuses what it does not know.
    Mistral,
    /// OpenRouter, which knows more.
    OpenRouter,
    /// Azure OpenAI, whose models are deployments.
    Azure,
}

impl Compatible {
    /// The name in errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mistral => "Mistral",
            Self::OpenRouter => "OpenRouter",
            Self::Azure => "Azure OpenAI",
        }
    }

    /// What becomes of each parameter.
    #[must_use]
    pub const fn rules(self) -> Rules {
        match self {
            Self::Mistral => mistral::RULES,
            Self::OpenRouter => openrouter::RULES,
            Self::Azure => azure::RULES,
        }
    }

    /// The body, and the names of what was left out.
    ///
    /// # Errors
    /// What breaks OpenAI's dialect, and what the provider has nothing like.
    pub fn request(
        self,
        mut fields: Fields,
        messages: &[Box<RawValue>],
        target: &Target<'_>,
    ) -> Result<(Bytes, Vec<String>), TranslateError> {
        let mut dropped = leave_out(self.name(), self.rules(), &mut fields)?;
        set(&mut fields, "model", target.model);
        match self {
            Self::Mistral => {
                let mut lost = mistral::Lost::default();
                mistral::patch(&mut fields, &mut lost)?;
                let messages = mistral::messages(messages, &mut lost)?;
                dropped.extend(lost.names());
                return Ok((fields.write(&messages), dropped));
            }
            Self::OpenRouter => openrouter::patch(&mut fields),
            Self::Azure => {}
        }
        if target.stream {
            ask_for_usage(&mut fields);
        }
        let body = match self {
            Self::OpenRouter => fields.write(&openrouter::messages(messages)),
            _ => fields.write(messages),
        };
        Ok((body, dropped))
    }

    /// What becomes of each parameter of a request for embeddings.
    #[must_use]
    pub const fn embeddings_rules(self) -> Rules {
        match self {
            Self::Mistral => mistral::EMBEDDINGS_RULES,
            Self::OpenRouter => openrouter::EMBEDDINGS_RULES,
            Self::Azure => azure::EMBEDDINGS_RULES,
        }
    }

    /// Patches a request for embeddings; gives the names of what was left out.
    ///
    /// # Errors
    /// What the provider has nothing like.
    pub fn patch_embeddings(self, fields: &mut Fields) -> Result<Vec<String>, TranslateError> {
        let dropped = leave_out(self.name(), self.embeddings_rules(), fields)?;
        if self == Self::Mistral {
            mistral::patch_embeddings(fields);
        }
        Ok(dropped)
    }

    /// An answer, or a chunk of one, in OpenAI's words; `None` where it is so already. For before it is read.
    #[must_use]
    pub fn mend(self, answer: &[u8]) -> Option<Bytes> {
        match self {
            Self::Mistral => mistral::mend(answer),
            Self::OpenRouter => openrouter::mend(answer),
            Self::Azure => None,
        }
    }
}

/// Gives the annotations in a chunk the places that clients need who put a stream together; `None` where there are none.
/// `counts` holds how many each choice has had.
pub fn number_annotations(chunk: &[u8], counts: &mut BTreeMap<u64, u64>) -> Option<Bytes> {
    memchr::memmem::find(chunk, b"\"annotations\"")?;
    let mut chunk: Value = serde_json::from_slice(chunk).ok()?;
    for choice in chunk.get_mut("choices")?.as_array_mut()? {
        let count = counts.entry(choice["index"].as_u64().unwrap_or(0)).or_default();
        let annotations = choice.pointer_mut("/delta/annotations").and_then(Value::as_array_mut);
        for annotation in annotations.into_iter().flatten().filter_map(Value::as_object_mut) {
            annotation.entry("index").or_insert(Value::from(*count));
            *count += 1;
        }
    }
    Some(Bytes::from(chunk.to_string()))
}

/// Takes out what the rules drop, and refuses what they refuse. What asks for nothing goes silently.
fn leave_out(
    provider: &'static str,
    rules: Rules,
    fields: &mut Fields,
) -> Result<Vec<String>, TranslateError> {
    let mut dropped = Vec::new();
    for (name, rule) in rules {
        if !matches!(rule, Rule::Dropped | Rule::Refused(_)) {
            continue;
        }
        let Some(value) = fields.take(name).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok())
        else {
            continue;
        };
        match rule {
            _ if value.is_null() || is_default(name, &value) => {}
            Rule::Refused(reason) => return Err(TranslateError::unsupported(*name, provider, reason)),
            _ => dropped.push((*name).to_owned()),
        }
    }
    Ok(dropped)
}

/// Without it a stream would cost nothing in our books.
fn ask_for_usage(fields: &mut Fields) {
    let mut options = object(fields, "stream_options");
    options.insert("include_usage".to_owned(), Value::Bool(true));
    set(fields, "stream_options", &options);
}

/// A field that is an object; an empty one in place of everything else.
fn object(fields: &Fields, name: &str) -> Map<String, Value> {
    fields.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn set<T: serde::Serialize + ?Sized>(fields: &mut Fields, name: &str, value: &T) {
    if let Ok(value) = to_raw_value(value) {
        fields.set(name, value);
    }
}

/// Gives a field another name, unless that one is there.
fn rename(fields: &mut Fields, from: &str, to: &str) {
    if let Some(value) = fields.take(from).filter(|value| value.get() != "null" && fields.get(to).is_none()) {
        fields.set(to, value);
    }
}

/// Takes a field out of an object, and says whether it was there.
fn remove(object: &mut Value, name: &str) -> bool {
    object.as_object_mut().is_some_and(|object| object.shift_remove(name).is_some())
}

/// The messages of all choices, or what a chunk adds to them.
fn said(answer: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let choices = answer.get_mut("choices").and_then(Value::as_array_mut);
    choices.into_iter().flatten().filter_map(|choice| {
        let choice = choice.as_object_mut()?;
        let part = if choice.contains_key("delta") { "delta" } else { "message" };
        choice.get_mut(part)?.as_object_mut()
    })
}

#[cfg(test)]
mod tests;
