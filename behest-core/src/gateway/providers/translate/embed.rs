//! What an embedding request asks, read from OpenAI's dialect once for all the others.

use serde_json::{Map, Value};

use super::rules::{Rules, Sorted, sort};
use super::{Rule, TranslateError};
use crate::types::embeddings::EmbeddingInput;

/// The rule of `encoding_format` where the provider gives numbers alone.
pub const ENCODED_HERE: Rule =
    Rule::Translated("left out: it gives numbers, and the gateway writes them as base64 where that is asked");

/// A request in our own words.
#[derive(Debug, Default, PartialEq)]
pub struct Embed {
    /// What is to be embedded.
    pub texts: Vec<String>,
    /// How long the vectors are to be.
    pub dimensions: Option<u64>,
    /// Every other parameter that the provider translates itself.
    pub other: Map<String, Value>,
    /// What goes on as it is.
    pub passed: Map<String, Value>,
    /// What was left out, by name.
    pub dropped: Vec<String>,
}

impl Embed {
    /// Reads a request for a provider that takes texts alone, at most `most` in one call.
    ///
    /// # Errors
    /// What breaks OpenAI's dialect, and what the provider has nothing like.
    pub fn read(
        provider: &'static str,
        rules: Rules,
        most: usize,
        parameters: Map<String, Value>,
    ) -> Result<Self, TranslateError> {
        let Sorted { asked: mut other, passed, dropped } = sort(provider, rules, parameters)?;
        // The address and the caller name the model, and the encoding is the answer's business.
        for ours in ["model", "encoding_format"] {
            other.shift_remove(ours);
        }
        let texts = match input(other.shift_remove("input"))? {
            EmbeddingInput::Text(text) => vec![text],
            EmbeddingInput::Texts(texts) => texts,
            EmbeddingInput::Tokens(_) | EmbeddingInput::TokenLists(_) => {
                let reason = "it takes texts, not token ids; send the text";
                return Err(TranslateError::unsupported("input", provider, reason));
            }
        };
        if texts.len() > most {
            return Err(TranslateError::TooMany { texts: texts.len(), provider, most });
        }
        let dimensions = other.shift_remove("dimensions").map(|value| dimensions(&value)).transpose()?;
        Ok(Self { texts, dimensions, other, passed, dropped })
    }
}

/// Reads what is to be embedded.
///
/// # Errors
/// When it is none of the four forms, or nothing at all.
pub fn input(value: Option<Value>) -> Result<EmbeddingInput, TranslateError> {
    let malformed = |problem| TranslateError::malformed("input", problem);
    let value = value.ok_or_else(|| malformed("is missing"))?;
    let input: EmbeddingInput = serde_json::from_value(value).map_err(|_| {
        malformed("must be a text, a list of texts, a list of token ids, or a list of such lists")
    })?;
    let is_empty = match &input {
        EmbeddingInput::Text(_) => false,
        EmbeddingInput::Texts(texts) => texts.is_empty(),
        EmbeddingInput::Tokens(tokens) => tokens.is_empty(),
        EmbeddingInput::TokenLists(lists) => lists.iter().any(Vec::is_empty),
    };
    if is_empty { Err(malformed("must not be empty")) } else { Ok(input) }
}

/// Reads how long the vectors are to be.
///
/// # Errors
/// When it is no whole number above 0.
pub fn dimensions(value: &Value) -> Result<u64, TranslateError> {
    let wrong = || TranslateError::malformed("dimensions", "must be a whole number, 1 or more");
    value.as_u64().filter(|dimensions| *dimensions > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULES: Rules = &[
        ("dimensions", Rule::Translated("`size`")),
        ("encoding_format", ENCODED_HERE),
        ("input", Rule::Translated("`texts`, at most 2")),
        ("user", Rule::Dropped),
    ];

    fn read(request: Value) -> Result<Embed, TranslateError> {
        let Value::Object(parameters) = request else { panic!("an object") };
        Embed::read("somebody", RULES, 2, parameters)
    }

    #[test]
    fn one_text_is_a_list_of_one() {
        let request =
            json!({ "input": "a", "dimensions": 8, "encoding_format": "base64", "user": "u", "task": "t" });
        let read = read(request).expect("read");
        assert_eq!((read.texts, read.dimensions), (vec!["a".to_owned()], Some(8)));
        assert_eq!((Value::from(read.passed), read.dropped), (json!({"task": "t"}), vec!["user".to_owned()]));
        assert!(read.other.is_empty());
    }

    #[test]
    fn what_cannot_be_embedded_is_refused_in_plain_words() {
        for (request, wanted) in [
            (json!({}), "`input` is missing"),
            (json!({ "input": [] }), "`input` must not be empty"),
            (json!({ "input": [[]] }), "`input` must not be empty"),
            (
                json!({ "input": [1, 2] }),
                "`input` cannot be sent to somebody: it takes texts, not token ids; send the text",
            ),
            (
                json!({ "input": ["a", "b", "c"] }),
                "`input` has 3 texts, and somebody takes at most 2 in one call: send them in several calls",
            ),
            (json!({ "input": "a", "dimensions": 0 }), "`dimensions` must be a whole number, 1 or more"),
            (
                json!({ "input": { "image": "x" } }),
                "`input` must be a text, a list of texts, a list of token ids, or a list of such lists",
            ),
        ] {
            assert_eq!(read(request).expect_err("a refusal").to_string(), wanted);
        }
    }
}
