//! Cohere's dialect: `POST /v2/chat`.
//!
//! It is near OpenAI's in the shape of messages, and stricter: a field that it does not know is refused, so everything is
//! written anew. Two things differ in kind. Documents stand beside the conversation, and what the answer takes from them
//! is cited. And a model that calls tools tells its plan first, in `tool_plan`, where others think.

mod embeddings;
mod messages;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;

use super::translate::Rule::{Dropped, Passed, Refused, Translated};
use super::translate::Rules;

pub use embeddings::{EMBEDDINGS_RULES, embeddings_reply, embeddings_request};
pub use reply::reply;
pub use request::request;
pub use stream::Reader;

/// The name in errors.
const NAME: &str = "Cohere";

/// What becomes of each parameter. What a request says in Cohere's own words wins over what is translated.
pub const RULES: Rules = &[
    ("audio", Refused("only text comes back; leave it out")),
    ("citation_options", Passed),
    ("documents", Translated("`documents`, after them the text files that messages hold")),
    ("frequency_penalty", Translated("the same from 0 to 1; what is above is 1, what is below 0 is dropped")),
    ("function_call", Refused("OpenAI has replaced it; send `tool_choice`")),
    ("functions", Refused("OpenAI has replaced it; send `tools`")),
    ("k", Passed),
    ("logit_bias", Dropped),
    ("logprobs", Passed),
    ("max_completion_tokens", Translated("`max_tokens`")),
    ("max_tokens", Translated("the same; `max_completion_tokens` wins")),
    (
        "messages",
        Translated(
            "`messages`; `developer` is `system`, text files go to `documents`, `reasoning_content` goes back as \
             `tool_plan` before calls and as `thinking` else; `cache_control` is dropped, since Cohere caches by itself; `name` is dropped",
        ),
    ),
    ("metadata", Dropped),
    ("modalities", Refused("only text comes back; leave it out")),
    ("model", Translated("the same")),
    ("n", Refused("it gives one answer; ask again for another")),
    ("p", Passed),
    ("parallel_tool_calls", Translated("`true` is what happens anyway, `false` is dropped")),
    ("prediction", Dropped),
    ("presence_penalty", Translated("the same from 0 to 1; what is above is 1, what is below 0 is dropped")),
    ("priority", Passed),
    ("prompt_cache_key", Dropped),
    ("prompt_cache_retention", Dropped),
    (
        "reasoning_effort",
        Translated(
            "`thinking`: disabled for `none`, without a budget from `high` on as Cohere advises, else with a \
             `token_budget` of 512 (`minimal`), 2048 (`low`) or 8192 (`medium`), at most half of the answer's bound",
        ),
    ),
    (
        "response_format",
        Translated(
            "`response_format` of type `json_object`, with the schema as `json_schema`, always enforced",
        ),
    ),
    ("safety_identifier", Dropped),
    ("safety_mode", Passed),
    ("seed", Translated("the same")),
    ("service_tier", Dropped),
    ("stop", Translated("`stop_sequences`, of which Cohere takes 5")),
    ("store", Dropped),
    ("stream", Translated("the same")),
    ("stream_options", Translated("usage comes in any case")),
    ("strict_tools", Passed),
    ("temperature", Translated("the same")),
    ("thinking", Passed),
    (
        "tool_choice",
        Translated(
            "`tool_choice`: REQUIRED, NONE or nothing; for one function or some allowed ones the others are left out",
        ),
    ),
    ("tools", Translated("`tools`; one that is `strict` makes all of them so, by `strict_tools`")),
    ("top_k", Translated("`k`")),
    ("top_logprobs", Dropped),
    ("top_p", Translated("`p`, which goes from 0.01 to 0.99")),
    ("user", Dropped),
    ("verbosity", Dropped),
    ("web_search_options", Refused("it does not search; give it a tool that does")),
];
