//! Vertex's embeddings of models that bear Gemini's name: `POST .../models/{model}:embedContent` for one text, and
//! `:batchEmbedContents` for several, as Google's own package calls them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::embeddings::{Embedding, Usage};
use super::predict::{MOST_TEXTS, NAME, PREDICT_RULES};
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::TranslateError;
use crate::gateway::providers::translate::embed::Embed;
use crate::gateway::providers::translate::vectors::Vectors;

/// The body, and the names of what was left out.
///
/// # Errors
/// What breaks OpenAI's dialect, and what Vertex has nothing like.
pub fn embed_content_request(parameters: Map<String, Value>) -> Result<(Value, Vec<String>), TranslateError> {
    let Embed { texts, dimensions, mut other, passed: mut config, dropped } =
        Embed::read(NAME, PREDICT_RULES, MOST_TEXTS, parameters)?;
    for (ours, theirs) in [("task_type", "taskType"), ("title", "title")] {
        if let Some(value) = other.shift_remove(ours) {
            config.insert(theirs.to_owned(), value);
        }
    }
    if let Some(dimensions) = dimensions {
        config.insert("outputDimensionality".to_owned(), Value::from(dimensions));
    }
    let request = |text: &String| json!({ "content": { "role": "user", "parts": [{ "text": text }] }, "embedContentConfig": config });
    let body = match texts.as_slice() {
        [text] => request(text),
        texts => json!({ "requests": texts.iter().map(request).collect::<Vec<_>>() }),
    };
    Ok((body, dropped))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    embedding: Option<Embedding>,
    #[serde(default)]
    embeddings: Vec<Embedding>,
    #[serde(default)]
    usage_metadata: Usage,
}

/// Reads an answer to one text or to several.
///
/// # Errors
/// When it is none.
pub fn embed_content_reply(body: &[u8]) -> Result<Vectors, ProviderError> {
    let none = ProviderError::Garbage("it has no embeddings");
    let Ok(reply) = serde_json::from_slice::<Reply>(body) else { return Err(none) };
    let vectors: Vec<_> =
        reply.embedding.into_iter().chain(reply.embeddings).map(|each| each.values).collect();
    if vectors.is_empty() {
        return Err(none);
    }
    Ok(Vectors { vectors, tokens: reply.usage_metadata.prompt_token_count })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(input: &Value) -> Value {
        let asked = json!({ "model": "x", "input": input, "dimensions": 256, "task_type": "CLUSTERING", "user": "u" });
        let Value::Object(asked) = asked else { panic!("an object") };
        let (body, dropped) = embed_content_request(asked).expect("a request");
        assert_eq!(dropped, ["user"]);
        body
    }

    #[test]
    fn one_text_is_a_content_and_several_are_requests() {
        insta::assert_snapshot!(request(&json!("a")), @r#"{"content":{"role":"user","parts":[{"text":"a"}]},"embedContentConfig":{"taskType":"CLUSTERING","outputDimensionality":256}}"#);
        insta::assert_snapshot!(request(&json!(["a", "b"])), @r#"{"requests":[{"content":{"role":"user","parts":[{"text":"a"}]},"embedContentConfig":{"taskType":"CLUSTERING","outputDimensionality":256}},{"content":{"role":"user","parts":[{"text":"b"}]},"embedContentConfig":{"taskType":"CLUSTERING","outputDimensionality":256}}]}"#);
    }

    #[test]
    fn an_answer_gives_its_vectors_and_its_tokens() {
        let one =
            br#"{"embedding":{"values":[0.5]},"usageMetadata":{"promptTokenCount":3},"truncated":false}"#;
        let read = embed_content_reply(one).expect("an answer");
        assert_eq!(read, Vectors { vectors: vec![vec![0.5]], tokens: Some(3) });
        let several = br#"{"embeddings":[{"values":[0.5]},{"values":[1]}]}"#;
        let read = embed_content_reply(several).expect("an answer");
        assert_eq!(read, Vectors { vectors: vec![vec![0.5], vec![1.0]], tokens: None });
        for garbage in ["{}", "<html>"] {
            assert!(matches!(embed_content_reply(garbage.as_bytes()), Err(ProviderError::Garbage(_))));
        }
    }
}
