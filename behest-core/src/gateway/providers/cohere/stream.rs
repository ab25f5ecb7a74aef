//! A streamed answer as events.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::reply::{self, Message, OneOrMany};
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::translate::Event;
use crate::sse::DONE;

/// An event, of which only the outside is read until its type is known.
#[derive(Deserialize)]
struct Envelope<'e> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'e, str>>,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    index: Option<Value>,
    #[serde(borrow, default)]
    delta: Option<&'e RawValue>,
    #[serde(borrow, default)]
    logprobs: Option<&'e RawValue>,
    #[serde(borrow, default)]
    message: Option<&'e RawValue>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<String>,
}

/// Reads the events of one answer.
#[derive(Debug, Default)]
pub struct Reader {
    /// Cohere's index of each call that began, in their order. It counts other things as well.
    calls: Vec<Option<Value>>,
    complete: bool,
}

impl Reader {
    /// What one event says. One of a type that is not known says nothing.
    ///
    /// # Errors
    /// [`ProviderError::InStream`] for an error, [`ProviderError::Garbage`] for what is no event.
    pub fn read(&mut self, event: &crate::sse::Event) -> Result<Vec<Event>, ProviderError> {
        let data = event.data.trim_ascii();
        if data.is_empty() || data == DONE {
            return Ok(Vec::new());
        }
        let envelope: Envelope<'_> = serde_json::from_slice(data)
            .map_err(|_| ProviderError::Garbage("an event of the stream is not one of a chat"))?;
        let kind = match (envelope.kind.as_deref(), envelope.message) {
            (None | Some("error"), Some(message)) => {
                let words: Option<Cow<'_, str>> = serde_json::from_str(message.get()).ok();
                return Err(reply::failure(words.as_deref()));
            }
            (Some("error"), None) => return Err(reply::failure(None)),
            (Some(kind), _) => kind,
            (None, None) => return Err(ProviderError::Garbage("an event of the stream has no type")),
        };
        match kind {
            "message-start" => {
                let id = envelope.id.as_ref().and_then(Value::as_str).map(str::to_owned);
                Ok(vec![Event::Start { id, model: None }])
            }
            "content-start" | "content-delta" => {
                let blocks = envelope.delta()?.message.unwrap_or_default().content;
                let mut events: Vec<Event> = blocks.into_iter().flatten().filter_map(reply::said).collect();
                events.extend(reply::logprobs(envelope.logprobs()));
                Ok(events)
            }
            "tool-plan-delta" => {
                let plan = envelope.delta()?.message.unwrap_or_default().tool_plan;
                Ok(reply::plan(plan).into_iter().collect())
            }
            "tool-call-start" => self.begin(envelope),
            "tool-call-delta" => self.go_on(envelope),
            "citation-start" => {
                let citations = envelope.delta()?.message.unwrap_or_default().citations;
                Ok(citations.into_iter().flatten().filter_map(reply::citation).collect())
            }
            "message-end" => {
                let delta = envelope.delta()?;
                let finish = reply::finish(delta.finish_reason.as_deref(), delta.error.as_deref())?;
                self.complete = true;
                let mut events: Vec<Event> =
                    reply::tokens(delta.usage.as_ref()).map(Event::Usage).into_iter().collect();
                events.extend(finish.map(|reason| Event::Finish { choice: 0, reason }));
                Ok(events)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether the answer is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    fn begin(&mut self, envelope: Envelope<'_>) -> Result<Vec<Event>, ProviderError> {
        let mut events = Vec::new();
        for call in envelope.delta()?.message.unwrap_or_default().tool_calls.into_iter().flatten() {
            let index = u32::try_from(self.calls.len())
                .map_err(|_| ProviderError::Garbage("it makes more calls than can be counted"))?;
            events.extend(reply::begun(index, call)?);
            self.calls.push(envelope.index.clone());
        }
        Ok(events)
    }

    fn go_on(&mut self, envelope: Envelope<'_>) -> Result<Vec<Event>, ProviderError> {
        let begun = self.calls.iter().rposition(|index| *index == envelope.index);
        let index = begun
            .and_then(|index| u32::try_from(index).ok())
            .ok_or(ProviderError::Garbage("a call has arguments before it begins"))?;
        let calls = envelope.delta()?.message.unwrap_or_default().tool_calls;
        let more = |call: reply::Call| reply::arguments(index, call.function?.arguments);
        Ok(calls.into_iter().flatten().filter_map(more).collect())
    }
}

impl Envelope<'_> {
    /// What it adds; an event of a known type that adds nothing is well.
    fn delta(&self) -> Result<Delta, ProviderError> {
        let Some(delta) = self.delta else { return Ok(Delta::default()) };
        let delta: Option<Delta> = serde_json::from_str(delta.get())
            .map_err(|_| ProviderError::Garbage("an event of the stream does not fit its type"))?;
        Ok(delta.unwrap_or_default())
    }

    fn logprobs(&self) -> Vec<Value> {
        let read = |raw: &RawValue| serde_json::from_str::<OneOrMany<Value>>(raw.get()).ok();
        self.logprobs.and_then(read).into_iter().flatten().collect()
    }
}
