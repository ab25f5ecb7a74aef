//! Vertex AI: Gemini's bodies at Google Cloud's addresses, under an access token that lasts an hour.
//!
//! The key is the JSON of a service account, or the metadata server of the machine that the gateway runs on. [`account`]
//! reads and signs, [`source`] asks for a token, [`tokens`] keeps it, [`place`] knows the addresses, and
//! [`embeddings`] which call gives vectors.

pub mod account;
pub mod embeddings;
pub mod place;
pub mod settings;
mod source;
pub mod tokens;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::gemini;
use super::translate::{Rules, Target, TranslateError};

/// The name of the provider.
pub const VERTEX: &str = "vertex";

/// The version of its interface.
pub const VERSION: &str = "v1";

/// What becomes of each parameter: Gemini's rules, but for what only one of the two services knows.
pub const RULES: Rules = gemini::VERTEX_RULES;

/// The body, and the names of what was left out.
///
/// # Errors
/// What breaks OpenAI's dialect, and what Gemini has nothing like.
pub fn request(
    messages: &[Box<RawValue>],
    parameters: Map<String, Value>,
    target: &Target<'_>,
) -> Result<(Value, Vec<String>), TranslateError> {
    gemini::write(RULES, messages, parameters, target)
}
