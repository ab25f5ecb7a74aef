//! Azure OpenAI: `model` is the name of a deployment, and the address holds the API's version. `content_filter_results`,
//! `prompt_filter_results` and whatever else is Azure's own stays in the answer.

use crate::gateway::providers::translate::Rule::{Passed, Translated};
use crate::gateway::providers::translate::Rules;

/// What becomes of each parameter. What a version of the API or a deployment does not know, Azure refuses itself.
pub const RULES: Rules = &[
    ("audio", Passed),
    ("data_sources", Passed),
    ("frequency_penalty", Passed),
    ("function_call", Passed),
    ("functions", Passed),
    ("logit_bias", Passed),
    ("logprobs", Passed),
    ("max_completion_tokens", Passed),
    ("max_tokens", Passed),
    ("messages", Passed),
    ("metadata", Passed),
    ("modalities", Passed),
    ("model", Translated("the name of the deployment")),
    ("n", Passed),
    ("parallel_tool_calls", Passed),
    ("prediction", Passed),
    ("presence_penalty", Passed),
    ("prompt_cache_key", Passed),
    ("prompt_cache_retention", Passed),
    ("reasoning_effort", Passed),
    ("response_format", Passed),
    ("safety_identifier", Passed),
    ("seed", Passed),
    ("service_tier", Passed),
    ("stop", Passed),
    ("store", Passed),
    ("stream", Passed),
    ("stream_options", Translated("the same, with `include_usage`")),
    ("temperature", Passed),
    ("tool_choice", Passed),
    ("tools", Passed),
    ("top_logprobs", Passed),
    ("top_p", Passed),
    ("user", Passed),
    ("user_security_context", Passed),
    ("verbosity", Passed),
    ("web_search_options", Passed),
];

/// What becomes of each parameter of a request for embeddings.
pub const EMBEDDINGS_RULES: Rules = &[
    ("dimensions", Passed),
    ("encoding_format", Passed),
    ("input", Passed),
    ("input_type", Passed),
    ("model", Translated("the name of the deployment")),
    ("user", Passed),
];
