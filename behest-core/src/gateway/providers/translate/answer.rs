//! Events put together as OpenAI's completion.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::chunks::{sign, usage};
use super::event::Event;
use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::Summary;

#[derive(Default)]
struct Choice {
    text: Option<String>,
    reasoning: Option<String>,
    details: Vec<Value>,
    refusal: Option<String>,
    calls: BTreeMap<u32, Value>,
    citations: Vec<Value>,
    logprobs: Vec<Value>,
    finish: Option<String>,
}

/// The completion that the events make, and what is known of it. `id`, `model` and `created` are ours, where the provider
/// says nothing of the kind.
#[must_use]
pub fn assemble(events: Vec<Event>, id: String, model: String, created: i64) -> (Value, Summary) {
    let (mut id, mut model) = (id, model);
    let mut choices: BTreeMap<u32, Choice> = BTreeMap::new();
    let mut tokens: Option<Tokens> = None;
    for event in events {
        match event {
            Event::Start { id: theirs, model: called } => {
                id = theirs.unwrap_or(id);
                model = called.unwrap_or(model);
            }
            Event::Usage(used) => tokens = Some(used),
            Event::Text { choice, text } => append(&mut at(&mut choices, choice).text, &text),
            Event::Reasoning { choice, text } => append(&mut at(&mut choices, choice).reasoning, &text),
            Event::ReasoningDetail { choice, detail } => at(&mut choices, choice).details.push(detail),
            Event::Refusal { choice, text } => append(&mut at(&mut choices, choice).refusal, &text),
            Event::Call { choice, index, id, name, signature } => {
                let function = json!({ "name": name, "arguments": "" });
                let mut call = json!({ "id": id, "type": "function", "function": function });
                sign(&mut call, signature);
                at(&mut choices, choice).calls.insert(index, call);
            }
            Event::Arguments { choice, index, text } => {
                let call = at(&mut choices, choice).calls.get_mut(&index);
                if let Some(Value::String(arguments)) = call.map(|call| &mut call["function"]["arguments"]) {
                    arguments.push_str(&text);
                }
            }
            Event::Citation { choice, citation } => at(&mut choices, choice).citations.push(citation),
            Event::Logprobs { choice, tokens } => at(&mut choices, choice).logprobs.extend(tokens),
            Event::Finish { choice, reason } => {
                at(&mut choices, choice).finish = Some(reason.as_str().to_owned());
            }
        }
    }
    let finish_reason = choices.values().next().and_then(|choice| choice.finish.clone());
    let summary = Summary { tokens, finish_reason, so_far: None };
    let choices: Vec<Value> = choices.into_iter().map(|(index, choice)| choice.write(index)).collect();
    let mut completion = json!({
        "id": id, "object": "chat.completion", "created": created, "model": model, "choices": choices,
    });
    if let Some(tokens) = &summary.tokens {
        completion["usage"] = usage(tokens);
    }
    (completion, summary)
}

impl Choice {
    fn write(self, index: u32) -> Value {
        let mut message = Map::new();
        message.insert("role".to_owned(), Value::from("assistant"));
        message.insert("content".to_owned(), self.text.map_or(Value::Null, Value::from));
        if let Some(reasoning) = self.reasoning {
            message.insert("reasoning_content".to_owned(), Value::from(reasoning));
        }
        if !self.details.is_empty() {
            message.insert("reasoning_details".to_owned(), Value::from(self.details));
        }
        if let Some(refusal) = self.refusal {
            message.insert("refusal".to_owned(), Value::from(refusal));
        }
        if !self.calls.is_empty() {
            let call = |mut call: Value| {
                if call["function"]["arguments"] == "" {
                    call["function"]["arguments"] = Value::from("{}");
                }
                call
            };
            message.insert("tool_calls".to_owned(), self.calls.into_values().map(call).collect());
        }
        if !self.citations.is_empty() {
            message.insert("annotations".to_owned(), Value::from(self.citations));
        }
        let mut choice = json!({ "index": index, "message": message, "finish_reason": self.finish });
        if !self.logprobs.is_empty() {
            choice["logprobs"] = json!({ "content": self.logprobs });
        }
        choice
    }
}

fn at(choices: &mut BTreeMap<u32, Choice>, index: u32) -> &mut Choice {
    choices.entry(index).or_default()
}

fn append(text: &mut Option<String>, more: &str) {
    text.get_or_insert_default().push_str(more);
}
