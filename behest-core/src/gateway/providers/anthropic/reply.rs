//! A whole answer as events.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::complaint::{self, MAX_TOKENS};
use crate::gateway::providers::translate::{Event, Finish, text_of};

/// A message, whole or at its beginning.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    content: Option<Vec<Map<String, Value>>>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Option<Value>,
    /// Read on its own: a report that cannot be read is none, and the answer goes on.
    #[serde(default)]
    pub(super) usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

/// How an answer ends.
#[derive(Debug)]
pub(super) struct End {
    pub(super) stop_reason: Option<String>,
    pub(super) stop_details: Option<Value>,
}

/// `input_tokens` leaves out what a cache held or took, and the three together are the whole input. `output_tokens` is
/// the whole output, `thinking_tokens` among it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

/// What a cache took, by how long it keeps it; together they are `cache_creation_input_tokens`.
#[derive(Debug, Default, Deserialize)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

/// Reads a whole answer.
///
/// # Errors
/// [`ProviderError::InStream`] for an error in place of an answer, [`ProviderError::Garbage`] for what is neither.
pub fn reply(body: &[u8]) -> Result<Vec<Event>, ProviderError> {
    let message: Message =
        serde_json::from_slice(body).map_err(|_| ProviderError::Garbage("it is not a message"))?;
    if let Some(error) = &message.error {
        return Err(failure(error));
    }
    let content = message.content.ok_or(ProviderError::Garbage("it has no content"))?;
    let mut events = vec![Event::Start { id: message.id, model: message.model }];
    let mut calls = 0;
    for (index, block) in content.into_iter().enumerate() {
        read_block(block, index, &mut calls, &mut events)?;
    }
    let mut usage = Usage::default();
    usage.update(message.usage);
    events.extend(usage.tokens().map(Event::Usage));
    let end = End { stop_reason: message.stop_reason, stop_details: message.stop_details };
    events.extend(end.events());
    Ok(events)
}

/// Blocks of other kinds belong to Anthropic's own tools, of which OpenAI's dialect knows nothing.
fn read_block(
    mut block: Map<String, Value>,
    index: usize,
    calls: &mut u32,
    events: &mut Vec<Event>,
) -> Result<(), ProviderError> {
    let text = |name| text_of(block.get(name)).filter(|text| !text.is_empty()).map(str::to_owned);
    match text_of(block.get("type")) {
        Some("text") => {
            events.extend(text("text").map(|text| Event::Text { choice: 0, text }));
            if let Some(Value::Array(citations)) = block.remove("citations") {
                events.extend(citations.into_iter().map(|citation| Event::Citation { choice: 0, citation }));
            }
        }
        Some("thinking") => {
            events.extend(text("thinking").map(|text| Event::Reasoning { choice: 0, text }));
            events.extend(thought(block, index));
        }
        Some("redacted_thinking") => events.extend(thought(block, index)),
        Some("tool_use") => {
            let (id, name) = text("id").zip(text("name")).ok_or(NO_CALL)?;
            let input = block.remove("input").unwrap_or_else(|| json!({}));
            events.push(Event::Call { choice: 0, index: *calls, id, name, signature: None });
            events.push(Event::Arguments { choice: 0, index: *calls, text: input.to_string() });
            *calls += 1;
        }
        _ => {}
    }
    Ok(())
}

pub(super) const NO_CALL: ProviderError = ProviderError::Garbage("it calls a tool without an id or a name");

/// A thought in Anthropic's own form with its place in the answer, to be given back. Without a proof it is of no use
/// to Anthropic again.
pub(super) fn thought(mut block: Map<String, Value>, index: usize) -> Option<Event> {
    let is_proof = |name| text_of(block.get(name)).is_some_and(|proof| !proof.is_empty());
    let is_proven = is_proof("signature") || is_proof("data");
    is_proven.then(|| {
        block.insert("index".to_owned(), Value::from(index));
        Event::ReasoningDetail { choice: 0, detail: Value::Object(block) }
    })
}

impl End {
    pub(super) fn events(self) -> Vec<Event> {
        let Some(reason) = self.stop_reason else { return Vec::new() };
        let explanation = self.stop_details.as_ref().and_then(|details| text_of(details.get("explanation")));
        let refusal = explanation.map(|text| Event::Refusal { choice: 0, text: text.to_owned() });
        let reason = match &*reason {
            "end_turn" | "stop_sequence" => Finish::Stop,
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "tool_use" => Finish::ToolCalls,
            "refusal" => Finish::ContentFilter,
            _ => Finish::Other(reason),
        };
        refusal.into_iter().chain([Event::Finish { choice: 0, reason }]).collect()
    }
}

impl Usage {
    /// Takes a later report in: its numbers are totals, and what it leaves out stays.
    pub(super) fn update(&mut self, report: Option<Value>) {
        let Some(later) = report.and_then(|report| serde_json::from_value::<Self>(report).ok()) else {
            return;
        };
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens =
            later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_creation = later.cache_creation.or(self.cache_creation.take());
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details.take());
    }

    /// In disjoint buckets; `None` for a report without numbers, which is none.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        if self.input_tokens.is_none() && self.output_tokens.is_none() {
            return None;
        }
        let capped = |tokens: Option<u64>| tokens.map(|tokens| tokens.min(MAX_TOKENS));
        let output = capped(self.output_tokens);
        let thought = self.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens);
        // It is counted anew and may be a little off; the total is what is billed.
        let reasoning = thought.map(|thought| thought.min(output.unwrap_or(0)));
        let written = capped(self.cache_creation_input_tokens);
        let for_an_hour =
            self.cache_creation.as_ref().and_then(|creation| creation.ephemeral_1h_input_tokens);
        let for_an_hour = for_an_hour.map(|tokens| tokens.min(written.unwrap_or(0)));
        Some(Tokens {
            input: capped(self.input_tokens),
            cache_read: capped(self.cache_read_input_tokens),
            cache_write: written.map(|written| written - for_an_hour.unwrap_or(0)),
            cache_write_1h: for_an_hour.filter(|tokens| *tokens > 0),
            output: output.map(|output| output - reasoning.unwrap_or(0)),
            reasoning,
        })
    }
}

/// An error in place of an answer, or in its middle.
pub(super) fn failure(error: &Value) -> ProviderError {
    ProviderError::InStream { message: complaint::of_value(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_add_up_to_the_providers_totals() {
        let mut usage = Usage::default();
        usage.update(Some(json!({
            "input_tokens": 21, "cache_read_input_tokens": 188_086, "cache_creation_input_tokens": 0,
            "output_tokens": 393, "output_tokens_details": {"thinking_tokens": 300},
            "service_tier": "standard", "cache_creation": {"ephemeral_5m_input_tokens": 0},
        })));
        let tokens = usage.tokens().expect("tokens");
        assert_eq!((tokens.total_input(), tokens.total_output()), (21 + 188_086, 393));
        assert_eq!((tokens.output, tokens.reasoning, tokens.cache_write), (Some(93), Some(300), Some(0)));
    }

    #[test]
    fn what_a_cache_keeps_for_an_hour_is_told_apart() {
        let mut usage = Usage::default();
        usage.update(Some(json!({
            "input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 556,
            "cache_creation": {"ephemeral_5m_input_tokens": 456, "ephemeral_1h_input_tokens": 100},
        })));
        let tokens = usage.tokens().expect("tokens");
        assert_eq!((tokens.cache_write, tokens.cache_write_1h), (Some(456), Some(100)));
        assert_eq!(tokens.total_input(), 557);
    }

    #[test]
    fn what_is_not_reported_is_unknown_and_not_zero() {
        for report in [json!(null), json!({}), json!("many"), json!({"input_tokens": -1})] {
            let mut usage = Usage::default();
            usage.update(Some(report.clone()));
            assert_eq!(usage.tokens(), None, "{report}");
        }
        let mut usage = Usage::default();
        usage.update(Some(json!({"input_tokens": 3})));
        let tokens = usage.tokens().expect("tokens");
        assert_eq!((tokens.input, tokens.output, tokens.cache_read), (Some(3), None, None));
    }

    #[test]
    fn every_stop_reason_has_its_word() {
        for (reason, word) in [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("tool_use", "tool_calls"),
            ("refusal", "content_filter"),
            ("pause_turn", "pause_turn"),
            ("from_tomorrow", "from_tomorrow"),
        ] {
            let end = End { stop_reason: Some(reason.to_owned()), stop_details: None };
            let events = end.events();
            let [Event::Finish { reason, .. }] = events.as_slice() else { panic!("{events:?}") };
            assert_eq!(reason.as_str(), word);
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for garbage in
            [&b"<html>"[..], b"{}", b"[]", b"\xff\xfe", br#"{"content":"text"}"#, br#"{"content":[7]}"#]
        {
            assert!(matches!(reply(garbage), Err(ProviderError::Garbage(_))), "{garbage:?}");
        }
        let nameless = br#"{"content":[{"type":"tool_use","id":"toolu_1","input":{}}]}"#;
        assert!(matches!(reply(nameless), Err(ProviderError::Garbage(_))));
        let error = reply(br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
        assert!(matches!(error, Err(ProviderError::InStream { message }) if message == "Overloaded"));
    }
}
