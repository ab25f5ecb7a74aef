//! The conversation as Gemini takes it: the instructions apart, the rest in two roles.

use serde_json::{Map, Value, json};

use super::NAME;
use super::parts::{self, Signatures};
use super::thinking::Family;
use crate::gateway::providers::translate::ask::{Call, Said};
use crate::gateway::providers::translate::parts::{Part, PartKind};
use crate::gateway::providers::translate::{Message, TranslateError};

/// What Gemini's documents offer for a call that has lost its signature or never had one, as in a conversation that
/// another provider began: without, Gemini 3 and after answer 400.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The conversation.
pub(super) struct Conversation {
    /// The parts of `systemInstruction`.
    pub(super) instructions: Vec<Value>,
    /// `contents`.
    pub(super) contents: Vec<Value>,
}

/// Writes the conversation.
pub(super) fn write(messages: &[Message], family: Family) -> Result<Conversation, TranslateError> {
    let mut writer = Writer { family, instructions: vec![], turns: vec![], calls: vec![], results: vec![] };
    for (index, message) in messages.iter().enumerate() {
        writer.message(message, &format!("messages[{index}]"))?;
    }
    writer.end_results();
    if writer.turns.is_empty() {
        return Err(TranslateError::unsupported(
            "messages",
            NAME,
            "it wants a message beside the instructions; send one with the role user",
        ));
    }
    let content = |(role, parts): (&str, Vec<Value>)| json!({ "role": role, "parts": parts });
    let contents = writer.turns.into_iter().map(content).collect();
    Ok(Conversation { instructions: writer.instructions, contents })
}

struct Writer<'m> {
    family: Family,
    instructions: Vec<Value>,
    turns: Vec<(&'static str, Vec<Value>)>,
    /// Every call so far. A result names its function, which only the call knows.
    calls: Vec<&'m Call>,
    /// Results that came one after the other, each with the place of its call.
    results: Vec<(usize, Value, Vec<Value>)>,
}

impl<'m> Writer<'m> {
    fn message(&mut self, message: &'m Message, place: &str) -> Result<(), TranslateError> {
        if !matches!(message, Message::Tool { .. } | Message::System(_)) {
            self.end_results();
        }
        match message {
            Message::System(parts) => {
                for part in parts {
                    if !matches!(part.kind, PartKind::Text(_) | PartKind::Refusal(_)) {
                        let reason = "its instructions are text; send the rest with the role user";
                        return Err(TranslateError::unsupported(place, NAME, reason));
                    }
                    self.instructions.extend(parts::write(part, place)?);
                }
            }
            Message::User(parts) => {
                let parts = write_all(parts, place)?;
                self.say("user", parts);
            }
            Message::Assistant(said) => {
                let parts = self.said(said, place)?;
                self.say("model", parts);
            }
            Message::Tool { id, parts } => {
                // Ids may come again in a later answer: the latest call is meant.
                let call = self.calls.iter().rposition(|call| call.id == *id).ok_or_else(|| {
                    TranslateError::malformed(format!("{place}.tool_call_id"), "names no call before it")
                })?;
                let name = &self.calls[call].name;
                let (result, media) = parts::result(name, parts, self.family.is_third(), place)?;
                self.results.push((call, result, media));
            }
        }
        Ok(())
    }

    /// One content for all that comes from one side.
    fn say(&mut self, role: &'static str, parts: Vec<Value>) {
        if parts.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some((last, before)) if *last == role => before.extend(parts),
            _ => self.turns.push((role, parts)),
        }
    }

    /// Results go in the order of their calls: Gemini tells two calls of one function apart by it. There is an `id` for that,
    /// too, but Vertex answers 400 to it.
    fn end_results(&mut self) {
        let mut results = std::mem::take(&mut self.results);
        results.sort_by_key(|(call, ..)| *call);
        let (results, media): (Vec<Value>, Vec<Vec<Value>>) =
            results.into_iter().map(|(_, result, media)| (result, media)).unzip();
        self.say("user", results.into_iter().chain(media.into_iter().flatten()).collect());
    }

    fn said(&mut self, said: &'m Said, place: &str) -> Result<Vec<Value>, TranslateError> {
        let signatures = Signatures::read(&said.reasoning_details);
        let mut texts = write_all(&said.parts, place)?;
        if let Some(signature) = signatures.text {
            // A stream may bring it in a part of its own with an empty text, which may go back as such.
            if texts.is_empty() {
                texts.push(json!({ "text": "" }));
            }
            if let Some(last) = texts.last_mut() {
                last["thoughtSignature"] = Value::from(signature);
            }
        }
        let mut parts = signatures.thoughts.clone();
        parts.extend(texts);
        for (index, call) in said.calls.iter().enumerate() {
            let mut part = json!({ "functionCall": { "name": call.name, "args": arguments(call, place)? } });
            // Of calls made at once only the first is signed.
            let missing = (index == 0 && self.family.is_third()).then_some(NO_SIGNATURE);
            if let Some(signature) = signatures.of_call(&call.id).or(call.signature.as_deref()).or(missing) {
                part["thoughtSignature"] = Value::from(signature);
            }
            parts.push(part);
            self.calls.push(call);
        }
        Ok(parts)
    }
}

fn write_all(parts: &[Part], place: &str) -> Result<Vec<Value>, TranslateError> {
    let write = |part| parts::write(part, &format!("{place}.content")).transpose();
    parts.iter().filter_map(write).collect()
}

fn arguments(call: &Call, place: &str) -> Result<Value, TranslateError> {
    if call.arguments.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_str(&call.arguments) {
        Ok(arguments @ Value::Object(_)) => Ok(arguments),
        _ => Err(TranslateError::malformed(
            format!("{place}.tool_calls"),
            "must have arguments that are the text of a JSON object",
        )),
    }
}
