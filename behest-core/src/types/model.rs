//! Models, as OpenAI lists them.

use serde::{Deserialize, Serialize};

use super::catalogue::Capability;

/// One model that the project may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct Model {
    /// The name to put in `model`.
    pub id: String,
    /// Always `model`.
    pub object: String,
    /// Unix seconds; 0 where the list does not say.
    pub created: i64,
    /// The provider.
    pub owned_by: String,
    /// How many tokens fit, input and output together, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// How many tokens an answer may have, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// What it can do; absent for a model that the catalogue does not list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
}

/// What a model can do, as far as the catalogue says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Capabilities {
    /// Calls tools.
    pub tools: bool,
    /// Calls several tools in one turn.
    pub parallel_tools: bool,
    /// Reads images.
    pub images: bool,
    /// Hears sound.
    pub audio: bool,
    /// Reads documents such as PDF.
    pub documents: bool,
    /// Answers in the form of a JSON schema.
    pub json_schema: bool,
    /// Reasons before it answers.
    pub reasoning: bool,
    /// Keeps the beginning of prompts at a lower price.
    pub prompt_caching: bool,
}

impl Capabilities {
    /// Whether it can do this.
    #[must_use]
    pub fn has(mut self, capability: Capability) -> bool {
        *self.place(capability)
    }

    fn place(&mut self, capability: Capability) -> &mut bool {
        match capability {
            Capability::Tools => &mut self.tools,
            Capability::ParallelTools => &mut self.parallel_tools,
            Capability::Images => &mut self.images,
            Capability::Audio => &mut self.audio,
            Capability::Documents => &mut self.documents,
            Capability::JsonSchema => &mut self.json_schema,
            Capability::Reasoning => &mut self.reasoning,
            Capability::PromptCaching => &mut self.prompt_caching,
        }
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(those: I) -> Self {
        let mut capabilities = Self::default();
        for capability in those {
            *capabilities.place(capability) = true;
        }
        capabilities
    }
}

/// The answer of `GET /v1/models`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "gateway", derive(utoipa::ToSchema))]
pub struct ModelList {
    /// Always `list`.
    pub object: String,
    /// The models.
    pub data: Vec<Model>,
}
