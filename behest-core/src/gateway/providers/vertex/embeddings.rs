//! Which call turns texts into vectors: models of Gemini's name have calls of their own, in a version of their own.

use serde_json::{Map, Value};

use crate::gateway::providers::translate::TranslateError;
use crate::gateway::providers::translate::vectors::Vectors;
use crate::gateway::providers::{ProviderError, gemini};

/// The version in which Google's own package calls them.
const GEMINI_VERSION: &str = "v1beta1";

fn is_gemini(model: &str) -> bool {
    model.contains("gemini")
}

/// The version and the call, for so many texts.
#[must_use]
pub fn call(model: &str, inputs: usize) -> (&'static str, &'static str) {
    match inputs {
        _ if !is_gemini(model) => (super::VERSION, "predict"),
        1 => (GEMINI_VERSION, "embedContent"),
        _ => (GEMINI_VERSION, "batchEmbedContents"),
    }
}

/// The body, and the names of what was left out.
///
/// # Errors
/// What breaks OpenAI's dialect, and what Vertex has nothing like.
pub fn request(parameters: Map<String, Value>, model: &str) -> Result<(Value, Vec<String>), TranslateError> {
    if is_gemini(model) {
        gemini::embed_content_request(parameters)
    } else {
        gemini::predict_request(parameters)
    }
}

/// Reads an answer of either form.
///
/// # Errors
/// When it is none.
pub fn reply(body: &[u8]) -> Result<Vectors, ProviderError> {
    gemini::predict_reply(body).or_else(|_| gemini::embed_content_reply(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_has_its_call() {
        assert_eq!(call("text-embedding-005", 1), ("v1", "predict"));
        assert_eq!(call("text-embedding-005", 2), ("v1", "predict"));
        assert_eq!(call("gemini-embedding-001", 1), ("v1beta1", "embedContent"));
        assert_eq!(call("gemini-embedding-2", 2), ("v1beta1", "batchEmbedContents"));
    }
}
