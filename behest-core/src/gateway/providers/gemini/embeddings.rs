//! Gemini's embeddings: `POST models/{model}:batchEmbedContents`, one request in it for each text.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::NAME;
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::Rule::{Dropped, Passed, Translated};
use crate::gateway::providers::translate::embed::{ENCODED_HERE, Embed};
use crate::gateway::providers::translate::vectors::Vectors;
use crate::gateway::providers::translate::{Rules, TranslateError};

/// How many texts it takes in one call.
const MOST_TEXTS: usize = 100;

/// What becomes of each parameter. What goes on goes with every text.
pub const EMBEDDINGS_RULES: Rules = &[
    ("dimensions", Translated("`outputDimensionality`")),
    ("encoding_format", ENCODED_HERE),
    ("input", Translated("`requests`, one for each text, at most 100; it takes no token ids")),
    ("model", Translated("in the address and in each of the `requests`")),
    ("taskType", Passed),
    ("title", Passed),
    ("user", Dropped),
];

/// The body, and the names of what was left out.
///
/// # Errors
/// What breaks OpenAI's dialect, and what Gemini has nothing like.
pub fn embeddings_request(
    parameters: Map<String, Value>,
    model: &str,
) -> Result<(Value, Vec<String>), TranslateError> {
    let Embed { texts, dimensions, passed, dropped, .. } =
        Embed::read(NAME, EMBEDDINGS_RULES, MOST_TEXTS, parameters)?;
    let model = format!("models/{}", model.strip_prefix("models/").unwrap_or(model));
    let request = |text: String| {
        let mut request = Map::new();
        request.insert("model".to_owned(), Value::from(model.as_str()));
        request.insert("content".to_owned(), json!({ "parts": [{ "text": text }] }));
        if let Some(dimensions) = dimensions {
            request.insert("outputDimensionality".to_owned(), Value::from(dimensions));
        }
        request.extend(passed.clone());
        Value::Object(request)
    };
    let requests: Vec<Value> = texts.into_iter().map(request).collect();
    Ok((json!({ "requests": requests }), dropped))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    embeddings: Vec<Embedding>,
    #[serde(default)]
    usage_metadata: Usage,
}

#[derive(Deserialize)]
pub(super) struct Embedding {
    pub(super) values: Vec<f32>,
}

/// Older models leave it out.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    #[serde(default)]
    pub(super) prompt_token_count: Option<u64>,
}

/// Reads an answer.
///
/// # Errors
/// When it is none.
pub fn embeddings_reply(body: &[u8]) -> Result<Vectors, ProviderError> {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|_| ProviderError::Garbage("it has no embeddings"))?;
    let vectors = reply.embeddings.into_iter().map(|embedding| embedding.values).collect();
    Ok(Vectors { vectors, tokens: reply.usage_metadata.prompt_token_count })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(request: Value) -> Result<(Value, Vec<String>), TranslateError> {
        let Value::Object(parameters) = request else { panic!("an object") };
        embeddings_request(parameters, "gemini-embedding-001")
    }

    #[test]
    fn each_text_is_a_request_with_everything_in_it() {
        let asked = json!({
            "input": ["a", "b"], "dimensions": 768, "encoding_format": "base64", "taskType": "RETRIEVAL_QUERY",
            "user": "u",
        });
        let (body, dropped) = request(asked).expect("a request");
        insta::assert_snapshot!(body, @r#"{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"outputDimensionality":768,"taskType":"RETRIEVAL_QUERY"},{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b"}]},"outputDimensionality":768,"taskType":"RETRIEVAL_QUERY"}]}"#);
        assert_eq!(dropped, ["user"]);
        let error = request(json!({ "input": vec!["a"; 101] })).expect_err("a refusal");
        assert_eq!(
            error.to_string(),
            "`input` has 101 texts, and Gemini takes at most 100 in one call: send them in several calls"
        );
    }

    #[test]
    fn an_answer_gives_its_vectors_and_its_tokens_where_it_tells_them() {
        let answer = br#"{"embeddings":[{"values":[0.013168523,-0.5]},{"values":[1,0]}]}"#;
        let vectors = vec![vec![0.013_168_523, -0.5], vec![1.0, 0.0]];
        assert_eq!(embeddings_reply(answer).expect("an answer"), Vectors { vectors, tokens: None });
        let telling = br#"{"embeddings":[],"usageMetadata":{"promptTokenCount":3}}"#;
        assert_eq!(embeddings_reply(telling).expect("an answer").tokens, Some(3));
        for garbage in ["{}", "<html>", r#"{"embedding":{"values":[1]}}"#] {
            assert!(
                matches!(embeddings_reply(garbage.as_bytes()), Err(ProviderError::Garbage(_))),
                "{garbage}"
            );
        }
    }
}
