//! The offline model's embeddings: hashed words, so that texts with words in common are near each other.
//!
//! Its rules, so that a test or a first look needs no provider:
//! - a text's words are its runs of letters and digits, in lower case; token ids are words, too;
//! - each word adds 1 or -1 at one place of the vector: the place is its 64-bit FNV-1a hash modulo the dimensions, the
//!   sign is the hash's highest bit; then the vector is scaled to the length 1, and one of zeros alone is 1 at its
//!   first place;
//! - a vector has 256 dimensions, or as many as `dimensions` says, 1 to 1,536;
//! - a call takes up to 2,048 texts, and costs one token for each run of white space with the word that follows.

use bytes::Bytes;

use super::pieces;
use crate::gateway::body::Fields;
use crate::gateway::providers::translate::vectors::{Vectors, Wanted};
use crate::gateway::providers::translate::{TranslateError, embed};
use crate::gateway::providers::{ECHO, ProviderError, Whole};
use crate::types::embeddings::{EmbeddingInput, EmbeddingsRequest};

const DIMENSIONS: u32 = 256;
/// Bounds, since vectors are far larger than the texts that they come from.
const MOST_DIMENSIONS: u64 = 1_536;
const MOST_TEXTS: usize = 2_048;

/// Checks the request, which the model then gets as it came.
pub(super) fn body(fields: &Fields) -> Result<Bytes, TranslateError> {
    let parameters = fields.to_map();
    let texts = match embed::input(parameters.get("input").cloned())? {
        EmbeddingInput::Text(_) | EmbeddingInput::Tokens(_) => 1,
        EmbeddingInput::Texts(texts) => texts.len(),
        EmbeddingInput::TokenLists(lists) => lists.len(),
    };
    if texts > MOST_TEXTS {
        return Err(TranslateError::TooMany { texts, provider: ECHO, most: MOST_TEXTS });
    }
    if let Some(asked) = parameters.get("dimensions").filter(|value| !value.is_null())
        && embed::dimensions(asked)? > MOST_DIMENSIONS
    {
        return Err(TranslateError::malformed("dimensions", "must be at most 1,536 for the offline model"));
    }
    Ok(fields.write_alone())
}

/// Answers a request that [`body`] has checked.
pub(super) fn answer(body: &[u8], wanted: &Wanted) -> Result<Whole, ProviderError> {
    let request: EmbeddingsRequest =
        serde_json::from_slice(body).map_err(|error| super::rejected("the request", "input", &error))?;
    let dimensions = request.dimensions.unwrap_or(DIMENSIONS) as usize;
    let of_text = |text: &String| (vector(words(text), dimensions), pieces(text).count());
    let of_tokens = |tokens: &Vec<u64>| (vector(tokens.iter().map(u64::to_string), dimensions), tokens.len());
    let (vectors, counts): (Vec<_>, Vec<usize>) = match &request.input {
        EmbeddingInput::Text(text) => std::iter::once(text).map(of_text).unzip(),
        EmbeddingInput::Texts(texts) => texts.iter().map(of_text).unzip(),
        EmbeddingInput::Tokens(tokens) => std::iter::once(tokens).map(of_tokens).unzip(),
        EmbeddingInput::TokenLists(lists) => lists.iter().map(of_tokens).unzip(),
    };
    let tokens = counts.iter().map(|count| *count as u64).sum();
    Vectors { vectors, tokens: Some(tokens) }.answer(ECHO, wanted)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

fn vector(words: impl Iterator<Item = String>, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    for word in words {
        let hash = fnv1a(word.as_bytes());
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        // A remainder by `dimensions` is below it, and so fits.
        vector[(hash % dimensions as u64) as usize] += sign;
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    } else if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}

fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::types::embeddings::EncodingFormat;

    fn checked(request: &Value) -> Result<Bytes, TranslateError> {
        body(&serde_json::from_value(request.clone()).expect("an object"))
    }

    fn embedded(request: Value, inputs: usize) -> Value {
        let body = checked(&request).expect("a request");
        let wanted = Wanted { encoding: EncodingFormat::Float, inputs, prompt_tokens: 0 };
        serde_json::from_slice(&answer(&body, &wanted).expect("an answer").body).expect("json")
    }

    fn near(a: &Value, b: &Value) -> f64 {
        let numbers = |vector: &Value| -> Vec<f64> {
            vector.as_array().expect("a list").iter().filter_map(Value::as_f64).collect()
        };
        numbers(a).iter().zip(numbers(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_with_words_in_common_are_near_each_other() {
        let texts = json!(["The sky is blue.", "the SKY is grey", "Bake at 200 degrees", ""]);
        let answer = embedded(json!({ "input": texts }), 4);
        let vector = |index: usize| &answer["data"][index]["embedding"];
        assert_eq!(vector(0).as_array().expect("a list").len(), 256);
        for index in 0..4 {
            assert!((near(vector(index), vector(index)) - 1.0).abs() < 1e-6, "{index}");
        }
        assert!(near(vector(0), vector(1)) > near(vector(0), vector(2)) + 0.5);
        assert_eq!(answer["usage"], json!({ "prompt_tokens": 12, "total_tokens": 12 }));
        assert_eq!(answer["model"], ECHO);
    }

    #[test]
    fn the_same_text_has_the_same_vector_for_ever() {
        let answer = embedded(json!({ "input": "one two", "dimensions": 4 }), 1);
        insta::assert_snapshot!(answer["data"][0]["embedding"], @"[0.0,0.70710677,0.0,0.70710677]");
        let tokens = embedded(json!({ "input": [[1, 2], [3]], "dimensions": 8 }), 2);
        assert_eq!(tokens["data"].as_array().map(Vec::len), Some(2));
        assert_eq!(tokens["usage"]["prompt_tokens"], 3);
    }

    #[test]
    fn it_has_bounds() {
        for (request, wanted) in [
            (
                json!({ "input": "a", "dimensions": 1_537 }),
                "`dimensions` must be at most 1,536 for the offline model",
            ),
            (
                json!({ "input": vec!["a"; 2_049] }),
                "`input` has 2049 texts, and local/echo takes at most 2048 in one call: send them in several calls",
            ),
        ] {
            assert_eq!(checked(&request).expect_err("a refusal").to_string(), wanted);
        }
    }
}
