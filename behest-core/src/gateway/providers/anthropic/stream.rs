//! A streamed answer as events.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::reply::{End, Message, NO_CALL, Usage, failure, thought};
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::{Event, text_of};
use crate::sse::DONE;

/// Reads a stream, event by event.
#[derive(Debug, Default)]
pub struct Reader {
    /// The blocks that are open, by their place in the answer.
    blocks: BTreeMap<usize, Block>,
    calls: u32,
    usage: Usage,
    complete: bool,
}

#[derive(Debug)]
enum Block {
    Text,
    /// Gathered, since it is given back as a whole.
    Thought(Map<String, Value>),
    Call {
        index: u32,
        /// Whether any of its arguments came.
        argued: bool,
    },
    /// Of a kind that has no words in OpenAI's dialect.
    Other,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    content_block: Option<Map<String, Value>>,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(default)]
    citation: Option<Value>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Option<Value>,
}

const NO_BLOCK: ProviderError = ProviderError::Garbage("a piece of its stream belongs to no block");

impl Reader {
    /// The events in one server-sent event.
    ///
    /// # Errors
    /// [`ProviderError::InStream`] for an error of the provider's, [`ProviderError::Garbage`] for what is no event.
    pub fn read(&mut self, event: &crate::sse::Event) -> Result<Vec<Event>, ProviderError> {
        if event.data.trim_ascii() == DONE {
            return Ok(Vec::new());
        }
        let frame: Frame = serde_json::from_slice(&event.data)
            .map_err(|_| ProviderError::Garbage("an event of its stream cannot be read"))?;
        match frame.kind.as_deref() {
            Some("message_start") => {
                let message =
                    frame.message.ok_or(ProviderError::Garbage("its stream begins with no message"))?;
                self.usage.update(message.usage);
                let start = Event::Start { id: message.id, model: message.model };
                Ok(std::iter::once(start).chain(self.used()).collect())
            }
            Some("content_block_start") => {
                let (index, block) = frame.index.zip(frame.content_block).ok_or(NO_BLOCK)?;
                self.begin(index, block)
            }
            Some("content_block_delta") => {
                let (index, delta) = frame.index.zip(frame.delta).ok_or(NO_BLOCK)?;
                self.go_on(index, delta)
            }
            Some("content_block_stop") => {
                let index = frame.index.ok_or(NO_BLOCK)?;
                Ok(self.end(index).into_iter().collect())
            }
            Some("message_delta") => {
                self.usage.update(frame.usage);
                let end =
                    |delta: Delta| End { stop_reason: delta.stop_reason, stop_details: delta.stop_details };
                let end = frame.delta.map(end).map(End::events).unwrap_or_default();
                Ok(self.used().into_iter().chain(end).collect())
            }
            Some("message_stop") => {
                self.complete = true;
                Ok(Vec::new())
            }
            Some("error") => Err(failure(&frame.error.unwrap_or_default())),
            _ if frame.error.is_some() => Err(failure(&frame.error.unwrap_or_default())),
            Some(_) => Ok(Vec::new()),
            None => Err(ProviderError::Garbage("an event of its stream has no type")),
        }
    }

    /// Whether the answer is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    fn used(&self) -> Option<Event> {
        self.usage.tokens().map(Event::Usage)
    }

    fn begin(&mut self, index: usize, block: Map<String, Value>) -> Result<Vec<Event>, ProviderError> {
        let text = |name| text_of(block.get(name)).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut events = Vec::new();
        let begun = match text_of(block.get("type")) {
            Some("text") => {
                events.extend(text("text").map(|text| Event::Text { choice: 0, text }));
                Block::Text
            }
            Some("thinking" | "redacted_thinking") => {
                events.extend(text("thinking").map(|text| Event::Reasoning { choice: 0, text }));
                // Its signature comes later, and stands here empty.
                let filled = |(_, value): &(String, Value)| value != "";
                Block::Thought(block.into_iter().filter(filled).collect())
            }
            Some("tool_use") => {
                let (id, name) = text("id").zip(text("name")).ok_or(NO_CALL)?;
                let call = self.calls;
                self.calls += 1;
                events.push(Event::Call { choice: 0, index: call, id, name, signature: None });
                // Some servers give all arguments at once.
                let input =
                    block.get("input").filter(|input| input.as_object().is_some_and(|it| !it.is_empty()));
                let whole = input.map(Value::to_string);
                let argued = whole.is_some();
                events.extend(whole.map(|text| Event::Arguments { choice: 0, index: call, text }));
                Block::Call { index: call, argued }
            }
            _ => Block::Other,
        };
        self.blocks.insert(index, begun);
        Ok(events)
    }

    fn go_on(&mut self, index: usize, delta: Delta) -> Result<Vec<Event>, ProviderError> {
        let block = self.blocks.get_mut(&index).ok_or(NO_BLOCK)?;
        let event = match (delta.kind.as_deref(), block) {
            (Some("text_delta"), Block::Text) => delta.text.map(|text| Event::Text { choice: 0, text }),
            (Some("citations_delta"), Block::Text) => {
                delta.citation.map(|citation| Event::Citation { choice: 0, citation })
            }
            (Some("thinking_delta"), Block::Thought(thought)) => {
                append(thought, "thinking", delta.thinking.as_deref().unwrap_or_default());
                delta.thinking.map(|text| Event::Reasoning { choice: 0, text })
            }
            (Some("signature_delta"), Block::Thought(thought)) => {
                append(thought, "signature", delta.signature.as_deref().unwrap_or_default());
                None
            }
            (Some("input_json_delta"), Block::Call { index, argued }) => {
                let text = delta.partial_json.filter(|text| !text.is_empty());
                *argued |= text.is_some();
                text.map(|text| Event::Arguments { choice: 0, index: *index, text })
            }
            _ => None,
        };
        let is_empty = |event: &Event| match event {
            Event::Text { text, .. } | Event::Reasoning { text, .. } => text.is_empty(),
            _ => false,
        };
        Ok(event.into_iter().filter(|event| !is_empty(event)).collect())
    }

    fn end(&mut self, index: usize) -> Option<Event> {
        match self.blocks.remove(&index)? {
            Block::Thought(mut block) => {
                if block.get("type").is_some_and(|kind| kind == "thinking") {
                    // Thoughts that are not shown must still be given back, as empty text.
                    block.entry("thinking").or_insert(Value::from(""));
                }
                thought(block, index)
            }
            // Arguments are JSON, and no arguments are an empty object.
            Block::Call { index, argued: false } => {
                Some(Event::Arguments { choice: 0, index, text: json!({}).to_string() })
            }
            _ => None,
        }
    }
}

fn append(block: &mut Map<String, Value>, name: &str, more: &str) {
    match block.get_mut(name) {
        Some(Value::String(text)) => text.push_str(more),
        _ => {
            block.insert(name.to_owned(), Value::from(more));
        }
    }
}
