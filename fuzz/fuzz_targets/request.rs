//! Whatever a client asks is said in the provider's words, as JSON, or refused with a reason.
//!
//! The first byte picks the provider and whether the answer is streamed; the rest is the request.
#![no_main]

use behest_core::gateway::body::Fields;
use behest_core::gateway::providers::compatible::Compatible;
use behest_core::gateway::providers::translate::Target;
use behest_core::gateway::providers::{Dialect, adapter};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

/// One dialect, and models whose rules differ.
const PROVIDERS: [(Dialect, &str); 11] = [
    (Dialect::OpenAi, "gpt-5.2"),
    (Dialect::Compatible(Compatible::Mistral), "mistral-medium-latest"),
    (Dialect::Compatible(Compatible::OpenRouter), "anthropic/claude-sonnet-4.5"),
    (Dialect::Compatible(Compatible::Azure), "deployment"),
    (Dialect::Anthropic, "claude-opus-5-5"),
    (Dialect::Anthropic, "claude-sonnet-4-5"),
    (Dialect::Anthropic, "claude-3-5-haiku-20241022"),
    (Dialect::Gemini, "gemini-3.5-flash"),
    (Dialect::Gemini, "gemini-2.5-pro"),
    (Dialect::Gemini, "gemini-2.0-flash"),
    (Dialect::Cohere, "command-a-plus-05-2026"),
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, request)) = input.split_first() else { return };
    let Ok(mut fields) = serde_json::from_slice::<Fields>(request) else { return };
    let Some(messages) = fields.take("messages") else { return };
    let Ok(messages) = serde_json::from_str::<Vec<Box<RawValue>>>(messages.get()) else { return };
    let (dialect, model) = PROVIDERS[usize::from(choice >> 1) % PROVIDERS.len()];
    let target = Target { model, max_output: (choice > 127).then_some(64_000), stream: choice & 1 == 1 };
    match adapter(dialect).body(&mut fields, &messages, &target) {
        Ok(prepared) => {
            // As text: a number that no machine can hold goes on as it came to those who speak OpenAI's dialect.
            serde_json::from_slice::<Fields>(&prepared.body).expect("a request is an object of JSON");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal has a reason"),
    }
});
