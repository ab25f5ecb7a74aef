//! Events written as OpenAI's chunks.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::event::Event;
use crate::gateway::ledger::record::Tokens;

/// Writes the events of one answer. Every chunk of it has the same head.
#[derive(Debug)]
pub struct Writer {
    id: String,
    model: String,
    created: i64,
    /// Answers whose role was told.
    begun: Vec<u32>,
    /// How many citations each answer has. Clients that put a stream together tell entries of a list apart by `index`.
    citations: BTreeMap<u32, u32>,
    usage: Option<Tokens>,
}

impl Writer {
    /// For an answer of `model`, begun at `created` in Unix seconds. `id` is ours; the provider's takes its place.
    #[must_use]
    pub fn new(id: String, model: String, created: i64) -> Self {
        Self { id, model, created, begun: Vec::new(), citations: BTreeMap::new(), usage: None }
    }

    /// The chunk of an event; `None` for one that is only remembered.
    pub fn write(&mut self, event: Event) -> Option<Value> {
        match event {
            Event::Start { id, model } => {
                self.id = id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
                None
            }
            Event::Text { choice, text } => Some(self.delta(choice, json!({ "content": text }))),
            Event::Reasoning { choice, text } => {
                Some(self.delta(choice, json!({ "reasoning_content": text })))
            }
            Event::ReasoningDetail { choice, detail } => {
                Some(self.delta(choice, json!({ "reasoning_details": [detail] })))
            }
            Event::Refusal { choice, text } => Some(self.delta(choice, json!({ "refusal": text }))),
            Event::Call { choice, index, id, name, signature } => {
                let function = json!({ "name": name, "arguments": "" });
                let mut call = json!({ "index": index, "id": id, "type": "function", "function": function });
                sign(&mut call, signature);
                Some(self.delta(choice, json!({ "tool_calls": [call] })))
            }
            Event::Arguments { choice, index, text } => {
                let call = json!({ "index": index, "function": { "arguments": text } });
                Some(self.delta(choice, json!({ "tool_calls": [call] })))
            }
            Event::Citation { choice, mut citation } => {
                let index = self.citations.entry(choice).or_default();
                if let Some(citation) = citation.as_object_mut() {
                    citation.insert("index".to_owned(), Value::from(*index));
                }
                *index += 1;
                Some(self.delta(choice, json!({ "annotations": [citation] })))
            }
            Event::Logprobs { choice, tokens } => {
                let mut chunk = self.delta(choice, json!({}));
                chunk["choices"][0]["logprobs"] = json!({ "content": tokens });
                Some(chunk)
            }
            Event::Finish { choice, reason } => {
                let mut chunk = self.delta(choice, json!({}));
                chunk["choices"][0]["finish_reason"] = Value::from(reason.as_str());
                Some(chunk)
            }
            Event::Usage(tokens) => {
                self.usage = Some(tokens);
                None
            }
        }
    }

    /// The chunk with the usage, which comes after all others; `None` where the provider never said.
    pub fn usage(&self) -> Option<Value> {
        let usage = usage(self.usage.as_ref()?);
        Some(self.chunk(json!([]), Some(usage)))
    }

    /// What the provider says it used.
    #[must_use]
    pub fn tokens(&self) -> Option<Tokens> {
        self.usage
    }

    fn delta(&mut self, choice: u32, mut delta: Value) -> Value {
        if !self.begun.contains(&choice) {
            self.begun.push(choice);
            let mut first = Map::new();
            first.insert("role".to_owned(), Value::from("assistant"));
            if let Value::Object(rest) = delta {
                first.extend(rest);
            }
            delta = Value::Object(first);
        }
        self.chunk(json!([{ "index": choice, "delta": delta, "finish_reason": null }]), None)
    }

    fn chunk(&self, choices: Value, usage: Option<Value>) -> Value {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        chunk
    }
}

/// Puts the signature of a call where Google's own OpenAI-compatible service does.
pub fn sign(call: &mut Value, signature: Option<String>) {
    if let Some(signature) = signature {
        call["extra_content"] = json!({ "google": { "thought_signature": signature } });
    }
}

/// Tokens as OpenAI counts them: the prompt's include cached ones, the completion's include reasoning.
#[must_use]
pub fn usage(tokens: &Tokens) -> Value {
    let (prompt, completion) = (tokens.total_input(), tokens.total_output());
    let mut usage = json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
    });
    let mut details = Map::new();
    if let Some(cached) = tokens.cache_read {
        details.insert("cached_tokens".to_owned(), Value::from(cached));
    }
    if tokens.cache_write.is_some() || tokens.cache_write_1h.is_some() {
        let written = tokens.cache_write.unwrap_or(0) + tokens.cache_write_1h.unwrap_or(0);
        details.insert("cache_write_tokens".to_owned(), Value::from(written));
    }
    if !details.is_empty() {
        usage["prompt_tokens_details"] = Value::Object(details);
    }
    if let Some(reasoning) = tokens.reasoning {
        usage["completion_tokens_details"] = json!({ "reasoning_tokens": reasoning });
    }
    usage
}
