//! Anthropic's Messages interface, version 2023-06-01, as its documents describe it in November 2026.
//!
//! What a request may hold differs from model to model: [`model`] knows which takes what. Instructions at the beginning
//! are the top-level `system`. A later one becomes a message of the role `system` after the user's turn that it stands
//! beside, on the models that know that role; on the others it joins the top-level `system`, in its order.

mod blocks;
mod conversation;
mod model;
mod parameters;
mod reply;
mod request;
mod schema;
mod stream;
#[cfg(test)]
mod tests;

use super::translate::{Rule, Rules};

pub use reply::reply;
pub use request::request;
pub use stream::Reader;

/// The name in errors.
const NAME: &str = "anthropic";

/// What becomes of each parameter.
pub const RULES: Rules = &[
    (
        "messages",
        Rule::Translated(
            "`system` and `messages`; consecutive messages of one role become one; `name` is dropped",
        ),
    ),
    ("model", Rule::Translated("the same")),
    ("stream", Rule::Translated("the same")),
    ("stream_options", Rule::Translated("a stream always reports its usage")),
    ("max_completion_tokens", Rule::Translated("`max_tokens`; without one, the model's limit, or else 4096")),
    ("max_tokens", Rule::Translated("the same; `max_completion_tokens` goes before it")),
    (
        "temperature",
        Rule::Translated(
            "the same up to 1, and 1 above; dropped by models that take none (Opus 4.7 and all from 5 on), and \
             while thinking",
        ),
    ),
    (
        "top_p",
        Rule::Translated(
            "the same; dropped by models that take none (Opus 4.7 and all from 5 on), beside `temperature` from 4.1 \
             on, and below 0.95 while thinking",
        ),
    ),
    ("top_k", Rule::Translated("the same; dropped by models that take none, and while thinking")),
    ("stop", Rule::Translated("`stop_sequences`; white space alone is dropped")),
    ("tools", Rule::Translated("`tools`; `strict` from 4.5 on")),
    (
        "tool_choice",
        Rule::Translated(
            "`tool_choice`; `allowed_tools` leaves the other tools out; models that cannot be made to call a tool \
             (Opus and Sonnet 5.5, Fable and Mythos 5.1) refuse `required` and a function",
        ),
    ),
    ("parallel_tool_calls", Rule::Translated("`tool_choice.disable_parallel_tool_use`")),
    (
        "response_format",
        Rule::Translated(
            "`output_config.format` for a schema, whose limits that cannot be enforced move to its descriptions; an \
             instruction for `json_object`",
        ),
    ),
    (
        "reasoning_effort",
        Rule::Translated(
            "adaptive `thinking` and `output_config.effort`; a budget of `thinking` before 4.6; dropped where the \
             model cannot think, or cannot stop",
        ),
    ),
    ("thinking", Rule::Translated("the same; `reasoning_effort` then sets the effort alone")),
    ("output_config", Rule::Translated("the same, joined with what other parameters make")),
    ("user", Rule::Translated("`metadata.user_id`")),
    ("safety_identifier", Rule::Translated("`metadata.user_id`; it goes before `user`")),
    ("metadata", Rule::Translated("its `user_id`; the rest is dropped")),
    (
        "service_tier",
        Rule::Translated("`auto` is the same, `default` becomes `standard_only`, others are dropped"),
    ),
    ("cache_control", Rule::Passed),
    ("container", Rule::Passed),
    ("context_management", Rule::Passed),
    ("inference_geo", Rule::Passed),
    ("mcp_servers", Rule::Passed),
    ("speed", Rule::Passed),
    ("seed", Rule::Dropped),
    ("frequency_penalty", Rule::Dropped),
    ("presence_penalty", Rule::Dropped),
    ("logit_bias", Rule::Dropped),
    ("prediction", Rule::Dropped),
    ("prompt_cache_key", Rule::Dropped),
    ("prompt_cache_retention", Rule::Dropped),
    ("store", Rule::Dropped),
    ("verbosity", Rule::Dropped),
    ("n", Rule::Refused("it gives one answer to a request; ask again for another")),
    ("logprobs", Rule::Refused("it tells no probabilities")),
    ("top_logprobs", Rule::Refused("it tells no probabilities")),
    ("modalities", Rule::Refused("it answers in text alone")),
    ("audio", Rule::Refused("it answers in text alone")),
    ("web_search_options", Rule::Refused("it searches only as a tool of its own kind")),
    ("functions", Rule::Refused("they are out of date; send `tools`")),
    ("function_call", Rule::Refused("it is out of date; send `tool_choice`")),
    ("system", Rule::Refused("instructions stand in `messages`")),
];
