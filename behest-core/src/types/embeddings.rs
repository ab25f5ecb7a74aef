//! Embeddings in OpenAI's dialect. Unknown fields are kept, so nothing that a newer API adds is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is to be embedded: one text or several, or the same as token ids for providers that take them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub enum EmbeddingInput {
    /// One text.
    Text(String),
    /// Several texts; the vectors come in their order.
    Texts(Vec<String>),
    /// One text as token ids.
    Tokens(Vec<u64>),
    /// Several texts as token ids.
    TokenLists(Vec<Vec<u64>>),
}

impl Default for EmbeddingInput {
    fn default() -> Self {
        Self::Texts(Vec::new())
    }
}

impl From<&str> for EmbeddingInput {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for EmbeddingInput {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<String>> From<Vec<T>> for EmbeddingInput {
    fn from(texts: Vec<T>) -> Self {
        Self::Texts(texts.into_iter().map(Into::into).collect())
    }
}

/// The form of the vectors in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub enum EncodingFormat {
    /// Lists of numbers.
    Float,
    /// Base64 of 32-bit floats, the lowest byte first.
    Base64,
}

/// The body of `POST /v1/embeddings`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct EmbeddingsRequest {
    /// The model; absent, empty or `default` is the project's own, which must then be one that embeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What is to be embedded.
    pub input: EmbeddingInput,
    /// The form of the vectors; numbers when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding_format: Option<EncodingFormat>,
    /// How long the vectors are to be, for models that can shorten them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// The caller's own name for its end user, for providers that want one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Every other parameter, passed on as it is.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl EmbeddingsRequest {
    /// A request for the vectors of `input`, from the project's own model.
    #[must_use]
    pub fn new(input: impl Into<EmbeddingInput>) -> Self {
        Self { input: input.into(), ..Self::default() }
    }

    /// Names the model.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets any other parameter, such as a provider's own.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }
}

/// A vector, in the form that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub enum Vector {
    /// Numbers.
    Float(Vec<f32>),
    /// Base64 of 32-bit floats, the lowest byte first.
    Base64(String),
}

impl Vector {
    /// The numbers, whatever the form; `None` for text that is not base64 of floats.
    #[must_use]
    pub fn to_floats(&self) -> Option<Vec<f32>> {
        let text = match self {
            Self::Float(numbers) => return Some(numbers.clone()),
            Self::Base64(text) => text,
        };
        let bytes = STANDARD.decode(text).ok()?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        rest.is_empty().then(|| numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    /// `numbers` as base64.
    #[must_use]
    pub fn base64(numbers: &[f32]) -> Self {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self::Base64(STANDARD.encode(bytes))
    }
}

/// The vector of one text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Embedding {
    /// `embedding`.
    #[serde(default)]
    pub object: String,
    /// Which text, counted from 0.
    #[serde(default)]
    pub index: u32,
    /// The vector.
    pub embedding: Vector,
    /// Whatever else it carries.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Tokens of one call; nothing comes out, so the two are the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct EmbeddingsUsage {
    /// Tokens that went in.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// All of them.
    #[serde(default)]
    pub total_tokens: u64,
    /// Details, where a provider gives some.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The vectors of a request's texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Embeddings {
    /// `list`.
    #[serde(default)]
    pub object: String,
    /// One for each text, in their order.
    #[serde(default)]
    pub data: Vec<Embedding>,
    /// The model that answered.
    #[serde(default)]
    pub model: String,
    /// Tokens, when the provider said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<EmbeddingsUsage>,
    /// Whatever else it carries.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_input_is_read_as_itself() {
        for (text, wanted) in [
            (json!("a"), EmbeddingInput::from("a")),
            (json!(["a", "b"]), EmbeddingInput::from(vec!["a", "b"])),
            (json!([1, 2]), EmbeddingInput::Tokens(vec![1, 2])),
            (json!([[1], [2, 3]]), EmbeddingInput::TokenLists(vec![vec![1], vec![2, 3]])),
        ] {
            let read: EmbeddingInput = serde_json::from_value(text.clone()).expect("an input");
            assert_eq!(read, wanted);
            assert_eq!(serde_json::to_value(&read).expect("json"), text);
        }
        assert!(serde_json::from_value::<EmbeddingInput>(json!({ "text": "a" })).is_err());
    }

    #[test]
    fn both_forms_of_a_vector_hold_the_same_numbers() {
        let numbers = vec![0.1, -1.0, f32::MIN_POSITIVE];
        let vector = Vector::base64(&numbers);
        assert_eq!(Vector::base64(&[1.0]), Vector::Base64("AACAPw==".to_owned()));
        assert_eq!(vector.to_floats(), Some(numbers.clone()));
        assert_eq!(Vector::Float(numbers.clone()).to_floats(), Some(numbers));
        for broken in ["AAA=", "not base64!"] {
            assert_eq!(Vector::Base64(broken.to_owned()).to_floats(), None, "{broken}");
        }
    }
}
