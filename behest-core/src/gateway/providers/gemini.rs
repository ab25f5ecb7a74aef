//! Gemini's dialect: `generateContent` and `streamGenerateContent?alt=sse`. Vertex takes and gives the same bodies for
//! Gemini models, so this serves both, and leaves out what only one of them knows.
//!
//! Three things differ from OpenAI's dialect in kind. The conversation has two roles only, `user` and `model`, and what
//! comes from one is one content. A result names its function and not its call. And parts of an answer carry a
//! `thoughtSignature`, which Gemini 3 demands back on the very part that it came with: it travels in `reasoning_details`,
//! whose entries say which call they belong to (see [`FORMAT`]).

mod cite;
mod contents;
mod embed_content;
mod embeddings;
mod parts;
mod predict;
mod reply;
mod request;
mod schema;
mod stream;
#[cfg(test)]
mod tests;
mod thinking;

use super::translate::Rule::{Dropped, Passed, Refused, Translated};
use super::translate::Rules;

pub use embed_content::{embed_content_reply, embed_content_request};
pub use embeddings::{EMBEDDINGS_RULES, embeddings_reply, embeddings_request};
pub use predict::{PREDICT_RULES, predict_reply, predict_request};
pub use reply::reply;
pub use request::{request, write};
pub use stream::Reader;

/// The name in errors.
const NAME: &str = "Gemini";

/// The `format` of our entries in `reasoning_details`; OpenRouter gives Gemini's signatures the same form. An entry is
/// `{"type":"reasoning.encrypted","data":...,"id":...}` for the signature of a call, the same without `id` for that of the
/// text, or `{"type":"reasoning.text","text":...,"signature":...}` for a signed thought.
const FORMAT: &str = "google-gemini-v1";

/// The rules of Google's two services, with what only one of them knows.
macro_rules! rules {
    (labels: $labels:expr, service_tier: $tier:expr $(,)?) => {
        &[
    ("audio", Refused("only text comes back; leave it out")),
    ("cachedContent", Passed),
    ("frequency_penalty", Translated("`generationConfig.frequencyPenalty`")),
    ("function_call", Refused("OpenAI has replaced it; send `tool_choice`")),
    ("functions", Refused("OpenAI has replaced it; send `tools`")),
    ("generationConfig", Translated("goes on, and wins over what is translated into it")),
    ("labels", $labels),
    ("logit_bias", Dropped),
    ("logprobs", Translated("`generationConfig.responseLogprobs`")),
    ("max_completion_tokens", Translated("`generationConfig.maxOutputTokens`, which includes thoughts")),
    ("max_tokens", Translated("the same as `max_completion_tokens`")),
    (
        "messages",
        Translated(
            "`contents`, with all instructions in their order as `systemInstruction`; `cache_control` is dropped, since \
             Gemini caches by itself; `name` is dropped",
        ),
    ),
    ("metadata", Dropped),
    ("modalities", Refused("only text comes back; leave it out")),
    ("model", Translated("in the address")),
    ("n", Translated("`generationConfig.candidateCount`")),
    ("parallel_tool_calls", Translated("`true` is what happens anyway, `false` is dropped")),
    ("prediction", Dropped),
    ("presence_penalty", Translated("`generationConfig.presencePenalty`")),
    ("prompt_cache_key", Dropped),
    ("prompt_cache_retention", Dropped),
    (
        "reasoning_effort",
        Translated(
            "`thinkingConfig`, with `includeThoughts` unless it is `none`: Gemini 3 and after by `thinkingLevel`, 2.5 by \
             `thinkingBudget`; `none` is as little as the model can; dropped for models that do not think",
        ),
    ),
    (
        "response_format",
        Translated("`generationConfig.responseMimeType` and `responseJsonSchema`, always enforced"),
    ),
    ("safetySettings", Passed),
    ("safety_identifier", Dropped),
    ("seed", Translated("`generationConfig.seed`; dropped if it has more than 32 bits")),
    ("serviceTier", $tier),
    ("service_tier", Dropped),
    ("stop", Translated("`generationConfig.stopSequences`")),
    ("store", Dropped),
    ("stream", Translated("in the address")),
    ("stream_options", Translated("usage comes in any case")),
    ("temperature", Translated("`generationConfig.temperature`, on the same scale from 0 to 2")),
    (
        "tool_choice",
        Translated(
            "`toolConfig.functionCallingConfig`: AUTO, NONE, ANY; allowed tools without `required` are VALIDATED",
        ),
    ),
    ("tools", Translated("`functionDeclarations` with `parametersJsonSchema`; `strict` is dropped")),
    ("top_k", Translated("`generationConfig.topK`")),
    ("top_logprobs", Translated("`generationConfig.logprobs`")),
    ("top_p", Translated("`generationConfig.topP`")),
    ("user", Dropped),
    ("verbosity", Dropped),
    ("web_search_options", Translated("the tool `googleSearch`; what the options say is dropped")),
        ]
    };
}

/// What becomes of each parameter at Gemini's own service.
pub const RULES: Rules = rules!(labels: Dropped, service_tier: Passed);

/// What becomes of each at Vertex, where labels stand on the bill, and a tier is no part of the request.
pub const VERTEX_RULES: Rules = rules!(labels: Passed, service_tier: Dropped);
