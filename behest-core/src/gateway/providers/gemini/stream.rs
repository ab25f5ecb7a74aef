//! The state of an answer while its pieces come.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::reply::{self, Candidate, FunctionCall, Part, PromptFeedback, Response};
use super::{FORMAT, cite};
use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::ProviderError;
use crate::gateway::providers::complaint::{self, MAX_TOKENS};
use crate::gateway::providers::translate::{Event, Finish};

/// Characters of an answer's id in the ids of its calls. OpenAI takes ids of 40 characters at most, and the conversation
/// may go on there.
const ID_CHARACTERS: usize = 24;

/// Reads the events of a stream. It has no mark at its end: every candidate says why it ends, and then the body is over.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    /// The answer's id.
    id: String,
    choices: BTreeMap<u32, Choice>,
    usage: Usage,
}

/// One of several answers.
#[derive(Debug, Default)]
struct Choice {
    /// For the places of citations, which Gemini counts in bytes.
    text: String,
    calls: u32,
    details: u32,
    citations: Vec<Value>,
    finished: bool,
}

impl Reader {
    /// The events in one server-sent event.
    ///
    /// # Errors
    /// [`ProviderError::InStream`] for an error, [`ProviderError::Garbage`] for what cannot be read.
    pub fn read(&mut self, event: &crate::sse::Event) -> Result<Vec<Event>, ProviderError> {
        let garbage = ProviderError::Garbage("an event of the stream is not a piece of an answer");
        let mut events = Vec::new();
        for response in reply::read(&event.data).ok_or(garbage)? {
            events.extend(self.take(response)?);
        }
        Ok(events)
    }

    /// Whether the answer is complete: every candidate that began has said why it ended.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.has_answer() && self.choices.values().all(|choice| choice.finished)
    }

    /// Whether there is any answer, be it a refusal.
    pub(super) fn has_answer(&self) -> bool {
        !self.choices.is_empty()
    }

    /// Takes the next piece in.
    pub(super) fn take(&mut self, response: Response) -> Result<Vec<Event>, ProviderError> {
        if let Some(error) = response.error.filter(|error| !error.is_null()) {
            return Err(ProviderError::InStream { message: complaint::of_value(&error) });
        }
        let mut events = Vec::new();
        if !self.started {
            self.started = true;
            let id = response.response_id.filter(|id| !id.is_empty());
            self.id = id.iter().flat_map(|id| id.chars()).filter(is_plain).take(ID_CHARACTERS).collect();
            events.push(Event::Start { id, model: response.model_version });
        }
        for (place, candidate) in (0..).zip(response.candidates.unwrap_or_default()) {
            self.candidate(candidate.index.unwrap_or(place), candidate, &mut events)?;
        }
        if let Some(feedback) = response.prompt_feedback {
            self.blocked(feedback, &mut events);
        }
        if let Some(usage) = response.usage_metadata {
            self.usage.take(&usage);
            events.extend(self.usage.tokens(self.is_complete()).map(Event::Usage));
        }
        Ok(events)
    }

    fn candidate(
        &mut self,
        choice: u32,
        candidate: Candidate,
        events: &mut Vec<Event>,
    ) -> Result<(), ProviderError> {
        let state = self.choices.entry(choice).or_default();
        for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
            state.part(choice, part, &self.id, events);
        }
        let citations = cite::citations(
            candidate.grounding_metadata.as_ref(),
            candidate.citation_metadata.as_ref(),
            &state.text,
        );
        for citation in citations {
            // A later piece may repeat the sources of an earlier one.
            if !state.citations.contains(&citation) {
                state.citations.push(citation.clone());
                events.push(Event::Citation { choice, citation });
            }
        }
        let tokens = candidate.logprobs_result.as_ref().map(cite::logprobs).unwrap_or_default();
        if !tokens.is_empty() {
            events.push(Event::Logprobs { choice, tokens });
        }
        let reason = candidate.finish_reason.filter(|reason| reason != "FINISH_REASON_UNSPECIFIED");
        if let Some(reason) = reason.filter(|_| !state.finished) {
            state.finished = true;
            let reason = finish(reason, state.calls > 0);
            if let (Finish::ContentFilter, Some(text)) = (&reason, candidate.finish_message) {
                events.push(Event::Refusal { choice, text });
            }
            events.push(Event::Finish { choice, reason });
        }
        Ok(())
    }

    /// A prompt that was blocked has no candidates: the refusal is the answer.
    fn blocked(&mut self, feedback: PromptFeedback, events: &mut Vec<Event>) {
        let reason = feedback.block_reason.filter(|reason| reason != "BLOCK_REASON_UNSPECIFIED");
        if reason.is_none() || self.has_answer() {
            return;
        }
        self.choices.entry(0).or_default().finished = true;
        events.extend(feedback.block_reason_message.map(|text| Event::Refusal { choice: 0, text }));
        events.push(Event::Finish { choice: 0, reason: Finish::ContentFilter });
    }
}

impl Choice {
    fn part(&mut self, choice: u32, part: Part, answer: &str, events: &mut Vec<Event>) {
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        if let Some(call) = part.function_call {
            let id = self.call(choice, call, signature.clone(), answer, events);
            if let Some(signature) = signature {
                let detail = json!({ "type": "reasoning.encrypted", "data": signature, "id": id });
                events.push(self.detail(choice, detail));
            }
            return;
        }
        let text = part.text.unwrap_or_default();
        if part.thought == Some(true) {
            if let Some(signature) = signature {
                let detail = json!({ "type": "reasoning.text", "text": text, "signature": signature });
                events.push(self.detail(choice, detail));
            }
            if !text.is_empty() {
                events.push(Event::Reasoning { choice, text });
            }
            return;
        }
        if !text.is_empty() {
            self.text.push_str(&text);
            events.push(Event::Text { choice, text });
        }
        if let Some(blob) = part.inline_data {
            // OpenAI's dialect has no place for pictures in an answer; Markdown with a data URI loses none.
            let media_type = blob.mime_type.as_deref().unwrap_or("application/octet-stream");
            events.push(Event::Text { choice, text: format!("![](data:{media_type};base64,{})", blob.data) });
        }
        if let Some(signature) = signature {
            let detail = json!({ "type": "reasoning.encrypted", "data": signature });
            events.push(self.detail(choice, detail));
        }
    }

    /// Calls come whole. Where Gemini gives no id we make one of the answer's id and the call's place: the same each time,
    /// and another in each answer.
    fn call(
        &mut self,
        choice: u32,
        call: FunctionCall,
        signature: Option<String>,
        answer: &str,
        events: &mut Vec<Event>,
    ) -> String {
        let index = self.calls;
        self.calls += 1;
        let id = call.id.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("call_{answer}_{choice}_{index}"));
        let arguments = call.args.filter(|arguments| !arguments.is_null());
        let arguments = arguments.unwrap_or_else(|| Value::Object(Map::new()));
        events.push(Event::Call { choice, index, id: id.clone(), name: call.name, signature });
        events.push(Event::Arguments { choice, index, text: arguments.to_string() });
        id
    }

    /// Clients that put a stream together need the `index` to tell entries apart.
    fn detail(&mut self, choice: u32, mut detail: Value) -> Event {
        detail["format"] = Value::from(FORMAT);
        detail["index"] = Value::from(self.details);
        self.details += 1;
        Event::ReasoningDetail { choice, detail }
    }
}

/// What may stand in an id everywhere.
fn is_plain(character: &char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

fn finish(reason: String, called: bool) -> Finish {
    match &*reason {
        "STOP" if called => Finish::ToolCalls,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::ContentFilter,
        _ => Finish::Other(reason.to_ascii_lowercase()),
    }
}

/// What was used so far. Of `usageMetadata` the documents say: `promptTokenCount` includes `cachedContentTokenCount`;
/// `candidatesTokenCount` does not include `thoughtsTokenCount`; `toolUsePromptTokenCount`, which Google's own tools bring in,
/// is in neither; `totalTokenCount` is the sum of prompt, tools, candidates and thoughts. Counts of 0 are left out.
#[derive(Debug, Default)]
struct Usage {
    prompt: Option<u64>,
    cached: Option<u64>,
    tools: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    total: Option<u64>,
}

impl Usage {
    /// Each piece of a stream may report; what a later one says counts.
    fn take(&mut self, report: &Value) {
        let count = |name: &str, before: Option<u64>| {
            report.get(name).and_then(Value::as_u64).map(|count| count.min(MAX_TOKENS)).or(before)
        };
        self.prompt = count("promptTokenCount", self.prompt);
        self.cached = count("cachedContentTokenCount", self.cached);
        self.tools = count("toolUsePromptTokenCount", self.tools);
        self.candidates = count("candidatesTokenCount", self.candidates);
        self.thoughts = count("thoughtsTokenCount", self.thoughts);
        self.total = count("totalTokenCount", self.total);
    }

    /// In disjoint buckets that add up to Gemini's total: what neither prompt nor tools nor thoughts account for is output,
    /// which is `candidatesTokenCount` wherever the report keeps to the documents. A count that is left out is 0 in the last
    /// report only; before, it is not known yet. `None` for a report without numbers.
    fn tokens(&self, last: bool) -> Option<Tokens> {
        if self.prompt.is_none() && self.total.is_none() && self.candidates.is_none() {
            return None;
        }
        let tools = self.tools.unwrap_or(0);
        let cached = self.cached.unwrap_or(0);
        let accounted = self.prompt.unwrap_or(0) + tools + self.thoughts.unwrap_or(0);
        Some(Tokens {
            input: self.prompt.map(|prompt| prompt.saturating_sub(cached) + tools),
            cache_read: self.cached,
            cache_write: None,
            cache_write_1h: None,
            output: match (self.total, self.prompt) {
                (Some(total), Some(_)) if last || self.candidates.is_some() => {
                    Some(total.saturating_sub(accounted))
                }
                _ => self.candidates,
            },
            reasoning: self.thoughts,
        })
    }
}
