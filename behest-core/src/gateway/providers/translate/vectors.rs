//! Vectors from a provider, written as OpenAI's answer.

use bytes::Bytes;
use serde::Serialize;

use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::{ProviderError, Summary, Whole};
use crate::types::embeddings::{EncodingFormat, Vector};

/// More tokens than any call has: a provider's slip must not outgrow the ledger.
const MAX_TOKENS: u64 = 1 << 32;

/// What the answer to an embedding request is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The form of the vectors.
    pub encoding: EncodingFormat,
    /// How many there are to be.
    pub inputs: usize,
    /// How many tokens went in, estimated: for a provider that never says.
    pub prompt_tokens: u64,
}

/// What a provider gave.
#[derive(Debug, Default, PartialEq)]
pub struct Vectors {
    /// In the order of the texts.
    pub vectors: Vec<Vec<f32>>,
    /// How many tokens went in, if it said.
    pub tokens: Option<u64>,
}

#[derive(Serialize)]
struct Answer<'a> {
    object: &'a str,
    data: Vec<Row>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Row {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

impl Vectors {
    /// OpenAI's answer, with what is known of it.
    ///
    /// # Errors
    /// When there is not one vector for each text: then nobody could tell which is whose.
    pub fn answer(self, model: &str, wanted: &Wanted) -> Result<Whole, ProviderError> {
        if self.vectors.len() != wanted.inputs {
            return Err(ProviderError::Garbage("it has not one vector for each text"));
        }
        let row = |(index, numbers): (usize, Vec<f32>)| {
            let embedding = match wanted.encoding {
                EncodingFormat::Float => Vector::Float(numbers),
                EncodingFormat::Base64 => Vector::base64(&numbers),
            };
            Row { object: "embedding", index, embedding }
        };
        let prompt_tokens = self.tokens.unwrap_or(wanted.prompt_tokens);
        let answer = Answer {
            object: "list",
            data: self.vectors.into_iter().enumerate().map(row).collect(),
            model,
            usage: Usage { prompt_tokens, total_tokens: prompt_tokens },
        };
        // Text keys and numbers: writing them cannot fail.
        let body = Bytes::from(serde_json::to_vec(&answer).unwrap_or_default());
        Ok(Whole { body, summary: summary(self.tokens) })
    }
}

/// What is known of an answer of vectors: nothing comes out, so only what went in is counted.
#[must_use]
pub fn summary(input: Option<u64>) -> Summary {
    let tokens = input.map(|input| Tokens {
        input: Some(input.min(MAX_TOKENS)),
        output: Some(0),
        ..Tokens::default()
    });
    Summary { tokens, ..Summary::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wanted(encoding: EncodingFormat) -> Wanted {
        Wanted { encoding, inputs: 2, prompt_tokens: 9 }
    }

    fn vectors(tokens: Option<u64>) -> Vectors {
        Vectors { vectors: vec![vec![0.1, 1.0], vec![-0.25, 0.0]], tokens }
    }

    #[test]
    fn both_forms_are_openais_and_numbers_keep_their_shortest_form() {
        let whole = vectors(Some(5)).answer("m", &wanted(EncodingFormat::Float)).expect("an answer");
        insta::assert_snapshot!(String::from_utf8_lossy(&whole.body), @r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,1.0]},{"object":"embedding","index":1,"embedding":[-0.25,0.0]}],"model":"m","usage":{"prompt_tokens":5,"total_tokens":5}}"#);
        assert_eq!(
            whole.summary.tokens.map(|tokens| (tokens.input, tokens.output)),
            Some((Some(5), Some(0)))
        );
        let whole = vectors(Some(5)).answer("m", &wanted(EncodingFormat::Base64)).expect("an answer");
        let read: Value = serde_json::from_slice(&whole.body).expect("json");
        assert_eq!(read["data"][0]["embedding"], json!("zczMPQAAgD8="));
    }

    #[test]
    fn tokens_that_nobody_told_are_estimated_for_the_client_and_unknown_to_the_ledger() {
        let whole = vectors(None).answer("m", &wanted(EncodingFormat::Float)).expect("an answer");
        let read: Value = serde_json::from_slice(&whole.body).expect("json");
        assert_eq!(read["usage"], json!({ "prompt_tokens": 9, "total_tokens": 9 }));
        assert_eq!(whole.summary.tokens, None);
    }

    #[test]
    fn a_vector_that_is_missing_is_an_error() {
        let one = Vectors { vectors: vec![vec![1.0]], tokens: None };
        assert!(matches!(one.answer("m", &wanted(EncodingFormat::Float)), Err(ProviderError::Garbage(_))));
    }
}
