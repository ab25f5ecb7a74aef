//! Embeddings as they come and go; only the model's name is patched, and the form of the vectors where a server
//! does not know the one that was asked for.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::gateway::body::Fields;
use crate::gateway::providers::translate::vectors::{Wanted, summary};
use crate::gateway::providers::{ProviderError, Whole, complaint};
use crate::types::embeddings::{EncodingFormat, Vector};

/// Writes the request with the provider's name for the model.
pub(super) fn write(fields: &mut Fields, model: &str) -> Bytes {
    if let Ok(model) = to_raw_value(model) {
        fields.set("model", model);
    }
    fields.write_alone()
}

#[derive(Deserialize)]
struct Reply<'r> {
    #[serde(borrow, default)]
    data: Option<Vec<Row<'r>>>,
    #[serde(borrow, default)]
    usage: Option<&'r RawValue>,
    #[serde(borrow, default)]
    error: Option<&'r RawValue>,
}

#[derive(Deserialize)]
struct Row<'r> {
    #[serde(borrow, default)]
    embedding: Option<&'r RawValue>,
}

/// Nothing comes out, so a server may tell one of the two numbers only.
#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    total_tokens: Option<u64>,
}

/// Reads an answer, which goes on as it came where it has the form that was asked for.
pub(super) fn reply(body: Bytes, wanted: &Wanted) -> Result<Whole, ProviderError> {
    let reply: Reply<'_> =
        serde_json::from_slice(&body).map_err(|_| ProviderError::Garbage("it is no list of embeddings"))?;
    if let Some(error) = reply.error.filter(|error| error.get() != "null") {
        return Err(ProviderError::InStream { message: complaint::of_body(error.get().as_bytes()).0 });
    }
    let data = reply.data.ok_or(ProviderError::Garbage("it has no embeddings"))?;
    // A report that cannot be read is none: the answer is paid for and goes on.
    let usage =
        reply.usage.and_then(|usage| serde_json::from_str::<Option<Usage>>(usage.get()).ok().flatten());
    let summary = summary(usage.and_then(|usage| usage.prompt_tokens.or(usage.total_tokens)));
    let is_list = |row: &Row<'_>| row.embedding.is_some_and(|embedding| embedding.get().starts_with('['));
    let encode = wanted.encoding == EncodingFormat::Base64 && data.iter().any(is_list);
    let body = if encode {
        encoded(&body).ok_or(ProviderError::Garbage("its vectors are no numbers"))?
    } else {
        body
    };
    Ok(Whole { body, summary })
}

/// The answer with its lists of numbers as base64; everything else stays.
fn encoded(body: &[u8]) -> Option<Bytes> {
    let mut answer: Fields = serde_json::from_slice(body).ok()?;
    let mut rows: Vec<Fields> = serde_json::from_str(answer.get("data")?.get()).ok()?;
    for row in &mut rows {
        if let Ok(numbers) = serde_json::from_str::<Vec<f32>>(row.get("embedding")?.get()) {
            row.set("embedding", to_raw_value(&Vector::base64(&numbers)).ok()?);
        }
    }
    answer.set("data", to_raw_value(&rows.iter().map(AsJson).collect::<Vec<_>>()).ok()?);
    Some(answer.write_alone())
}

struct AsJson<'f>(&'f Fields);

impl Serialize for AsJson<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"object":"list","data":[{"object":"embedding","embedding":[1.0,0],"index":0,"new":1.50}],"model":"m-1","usage":{"prompt_tokens":2,"total_tokens":2},"more":{"a":[]}}"#;

    fn read(answer: &'static str, encoding: EncodingFormat) -> Result<Whole, ProviderError> {
        reply(Bytes::from_static(answer.as_bytes()), &Wanted { encoding, inputs: 1, prompt_tokens: 7 })
    }

    #[test]
    fn only_the_models_name_changes_on_the_way_out() {
        let text = r#"{"model":"default","input":["a",  "b"],"dimensions":3,"future":{"a":1.50}}"#;
        let mut fields: Fields = serde_json::from_str(text).expect("an object");
        assert_eq!(write(&mut fields, "m-1"), text.replace("default", "m-1").as_bytes());
    }

    #[test]
    fn an_answer_of_the_form_that_was_asked_for_goes_on_as_it_came() {
        let whole = read(ANSWER, EncodingFormat::Float).expect("an answer");
        assert_eq!(whole.body, ANSWER.as_bytes());
        assert_eq!(
            whole.summary.tokens.map(|tokens| (tokens.input, tokens.output)),
            Some((Some(2), Some(0)))
        );
        let base64 = r#"{"data":[{"embedding":"AACAPwAAAAA="}],"usage":{"total_tokens":3}}"#;
        let whole = read(base64, EncodingFormat::Base64).expect("an answer");
        assert_eq!(whole.body, base64.as_bytes());
        assert_eq!(whole.summary.tokens.and_then(|tokens| tokens.input), Some(3));
    }

    #[test]
    fn numbers_become_base64_where_that_was_asked_and_nothing_else_changes() {
        let whole = read(ANSWER, EncodingFormat::Base64).expect("an answer");
        assert_eq!(whole.body, ANSWER.replace("[1.0,0]", r#""AACAPwAAAAA=""#).as_bytes());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for garbage in ["<html>", "{}", "[]", r#"{"data":{}}"#] {
            assert!(
                matches!(read(garbage, EncodingFormat::Float), Err(ProviderError::Garbage(_))),
                "{garbage}"
            );
        }
        let error = read(r#"{"error":{"message":"overloaded"}}"#, EncodingFormat::Float);
        assert!(matches!(error, Err(ProviderError::InStream { message }) if message == "overloaded"));
    }
}
