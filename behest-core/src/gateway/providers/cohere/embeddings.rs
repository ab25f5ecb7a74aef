//! Cohere's embeddings: `POST /v2/embed`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::NAME;
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::Rule::{Dropped, Passed, Refused, Translated};
use crate::gateway::providers::translate::embed::{ENCODED_HERE, Embed};
use crate::gateway::providers::translate::vectors::Vectors;
use crate::gateway::providers::translate::{Rules, TranslateError};

/// How many texts it takes in one call.
const MOST_TEXTS: usize = 96;
/// Cohere must be told what the vectors are for. Most are of documents that are to be found, and whoever embeds
/// queries says so.
const INPUT_TYPE: &str = "search_document";

/// What becomes of each parameter.
pub const EMBEDDINGS_RULES: Rules = &[
    ("dimensions", Translated("`output_dimension`")),
    ("embedding_types", Refused("floats come back alone; leave it out")),
    ("encoding_format", ENCODED_HERE),
    ("input", Translated("`texts`, at most 96; it takes no token ids")),
    (
        "input_type",
        Translated(
            "the same; without one it is `search_document`, so send `search_query` with what is searched for",
        ),
    ),
    ("max_tokens", Passed),
    ("model", Translated("the same")),
    ("priority", Passed),
    ("truncate", Passed),
    ("user", Dropped),
];

/// The body, and the names of what was left out.
///
/// # Errors
/// What breaks OpenAI's dialect, and what Cohere has nothing like.
pub fn embeddings_request(
    parameters: Map<String, Value>,
    model: &str,
) -> Result<(Value, Vec<String>), TranslateError> {
    let Embed { texts, dimensions, mut other, passed, dropped } =
        Embed::read(NAME, EMBEDDINGS_RULES, MOST_TEXTS, parameters)?;
    let mut body = Map::new();
    body.insert("model".to_owned(), Value::from(model));
    body.insert("texts".to_owned(), Value::from(texts));
    let input_type = other.shift_remove("input_type").unwrap_or_else(|| Value::from(INPUT_TYPE));
    body.insert("input_type".to_owned(), input_type);
    body.insert("embedding_types".to_owned(), json!(["float"]));
    if let Some(dimensions) = dimensions {
        body.insert("output_dimension".to_owned(), Value::from(dimensions));
    }
    body.extend(passed);
    Ok((Value::Object(body), dropped))
}

#[derive(Deserialize)]
struct Reply {
    embeddings: Floats,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize)]
struct Floats {
    float: Vec<Vec<f32>>,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    billed_units: Billed,
}

#[derive(Default, Deserialize)]
struct Billed {
    #[serde(default)]
    input_tokens: Option<f64>,
}

/// Reads an answer.
///
/// # Errors
/// When it is none.
pub fn embeddings_reply(body: &[u8]) -> Result<Vectors, ProviderError> {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|_| ProviderError::Garbage("it has no embeddings of floats"))?;
    // Cohere writes whole numbers as floats now and then; casting saturates, and no count is negative.
    let tokens = reply.meta.billed_units.input_tokens.map(|tokens| tokens as u64);
    Ok(Vectors { vectors: reply.embeddings.float, tokens })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(request: Value) -> Result<(Value, Vec<String>), TranslateError> {
        let Value::Object(parameters) = request else { panic!("an object") };
        embeddings_request(parameters, "embed-v4.0")
    }

    #[test]
    fn a_request_says_what_cohere_must_be_told() {
        let (body, dropped) = request(json!({ "model": "x", "input": "a", "user": "u" })).expect("a request");
        insta::assert_snapshot!(body, @r#"{"model":"embed-v4.0","texts":["a"],"input_type":"search_document","embedding_types":["float"]}"#);
        assert_eq!(dropped, ["user"]);
        let asked = json!({
            "input": ["a", "b"], "dimensions": 512, "encoding_format": "base64", "input_type": "search_query",
            "truncate": "END",
        });
        let (body, dropped) = request(asked).expect("a request");
        insta::assert_snapshot!(body, @r#"{"model":"embed-v4.0","texts":["a","b"],"input_type":"search_query","embedding_types":["float"],"output_dimension":512,"truncate":"END"}"#);
        assert!(dropped.is_empty());
    }

    #[test]
    fn what_it_does_not_take_is_refused() {
        for (asked, wanted) in [
            (
                json!({ "input": [[1, 2]] }),
                "`input` cannot be sent to Cohere: it takes texts, not token ids; send the text",
            ),
            (
                json!({ "input": vec!["a"; 97] }),
                "`input` has 97 texts, and Cohere takes at most 96 in one call: send them in several calls",
            ),
            (
                json!({ "input": "a", "embedding_types": ["int8"] }),
                "`embedding_types` cannot be sent to Cohere: floats come back alone; leave it out",
            ),
        ] {
            assert_eq!(request(asked).expect_err("a refusal").to_string(), wanted);
        }
    }

    #[test]
    fn an_answer_gives_its_vectors_and_what_is_billed() {
        let answer = br#"{"id":"1","embeddings":{"float":[[0.5,-0.25],[1,0]]},"texts":["a","b"],"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":4}},"response_type":"embeddings_by_type"}"#;
        let wanted = Vectors { vectors: vec![vec![0.5, -0.25], vec![1.0, 0.0]], tokens: Some(4) };
        assert_eq!(embeddings_reply(answer).expect("an answer"), wanted);
        let silent = embeddings_reply(br#"{"embeddings":{"float":[]}}"#).expect("an answer");
        assert_eq!(silent.tokens, None);
        for garbage in ["{}", "<html>", r#"{"embeddings":{"int8":[[1]]}}"#] {
            assert!(
                matches!(embeddings_reply(garbage.as_bytes()), Err(ProviderError::Garbage(_))),
                "{garbage}"
            );
        }
    }
}
