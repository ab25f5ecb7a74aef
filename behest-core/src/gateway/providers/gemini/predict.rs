//! Vertex's embeddings: `POST .../publishers/google/models/{model}:predict`, one instance for each text. Models of Gemini's
//! name are called otherwise: see [`super::embed_content`].

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::Rule::{Dropped, Passed, Translated};
use crate::gateway::providers::translate::embed::{ENCODED_HERE, Embed};
use crate::gateway::providers::translate::vectors::Vectors;
use crate::gateway::providers::translate::{Rules, TranslateError};

/// The name in errors.
pub(super) const NAME: &str = "Vertex";
/// How many texts it takes in one call; some of its models take fewer, and say so.
pub(super) const MOST_TEXTS: usize = 250;

/// What becomes of each parameter. What stands beside each text is said of all; what else goes on is a parameter of the
/// call, and all of it stands in `embedContentConfig` for models of Gemini's name.
pub const PREDICT_RULES: Rules = &[
    ("autoTruncate", Passed),
    ("dimensions", Translated("`outputDimensionality`")),
    ("encoding_format", ENCODED_HERE),
    (
        "input",
        Translated(
            "`instances`, or the `requests` of Gemini's models, one for each text, at most 250; it takes no token ids",
        ),
    ),
    ("model", Translated("in the address")),
    ("task_type", Translated("the same beside each text, or `taskType` for Gemini's models")),
    ("title", Translated("the same beside each text")),
    ("user", Dropped),
];

/// The body, and the names of what was left out.
///
/// # Errors
/// What breaks OpenAI's dialect, and what Vertex has nothing like.
pub fn predict_request(parameters: Map<String, Value>) -> Result<(Value, Vec<String>), TranslateError> {
    let Embed { texts, dimensions, other, mut passed, dropped } =
        Embed::read(NAME, PREDICT_RULES, MOST_TEXTS, parameters)?;
    let instance = |text: String| {
        let mut instance = Map::from_iter([("content".to_owned(), Value::from(text))]);
        instance.extend(other.clone());
        Value::Object(instance)
    };
    let instances: Vec<Value> = texts.into_iter().map(instance).collect();
    if let Some(dimensions) = dimensions {
        passed.insert("outputDimensionality".to_owned(), Value::from(dimensions));
    }
    Ok((json!({ "instances": instances, "parameters": passed }), dropped))
}

#[derive(Deserialize)]
struct Reply {
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
struct Prediction {
    embeddings: Embedding,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
    #[serde(default)]
    statistics: Statistics,
}

#[derive(Default, Deserialize)]
struct Statistics {
    #[serde(default)]
    token_count: Option<f64>,
}

/// Reads an answer.
///
/// # Errors
/// When it is none.
pub fn predict_reply(body: &[u8]) -> Result<Vectors, ProviderError> {
    let reply: Reply =
        serde_json::from_slice(body).map_err(|_| ProviderError::Garbage("it has no embeddings"))?;
    // Whole numbers, which Vertex may write as floats; casting saturates, and no count is negative. One that is
    // missing makes the sum unknown.
    let count = |prediction: &Prediction| prediction.embeddings.statistics.token_count;
    let tokens = reply.predictions.iter().map(|prediction| count(prediction).map(|count| count as u64)).sum();
    let vectors = reply.predictions.into_iter().map(|prediction| prediction.embeddings.values).collect();
    Ok(Vectors { vectors, tokens })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_an_instance_with_its_task() {
        let asked = json!({
            "model": "x", "input": ["a", "b"], "dimensions": 256, "task_type": "RETRIEVAL_QUERY", "autoTruncate": false,
        });
        let Value::Object(asked) = asked else { panic!("an object") };
        let (body, dropped) = predict_request(asked).expect("a request");
        insta::assert_snapshot!(body, @r#"{"instances":[{"content":"a","task_type":"RETRIEVAL_QUERY"},{"content":"b","task_type":"RETRIEVAL_QUERY"}],"parameters":{"autoTruncate":false,"outputDimensionality":256}}"#);
        assert!(dropped.is_empty());
    }

    #[test]
    fn an_answer_gives_its_vectors_and_the_sum_of_their_tokens() {
        let row = |count: Value| json!({ "embeddings": { "values": [0.5], "statistics": { "truncated": false, "token_count": count } } });
        let told = json!({ "predictions": [row(json!(4)), row(json!(3.0))], "metadata": { "billableCharacterCount": 9 } });
        let read = predict_reply(told.to_string().as_bytes()).expect("an answer");
        assert_eq!(read, Vectors { vectors: vec![vec![0.5], vec![0.5]], tokens: Some(7) });
        let half = json!({ "predictions": [row(json!(4)), row(Value::Null)] });
        assert_eq!(predict_reply(half.to_string().as_bytes()).expect("an answer").tokens, None);
        assert!(matches!(predict_reply(b"{}"), Err(ProviderError::Garbage(_))));
    }
}
