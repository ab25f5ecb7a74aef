//! A conversation as Anthropic wants it: instructions apart, turns of user and assistant that alternate.

use serde_json::{Map, Value, json};

use super::model::Model;
use super::{NAME, blocks};
use crate::gateway::providers::translate::TranslateError;
use crate::gateway::providers::translate::ask::{Message, Said};
use crate::gateway::providers::translate::parts::{Part, PartKind};

/// The conversation.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The top-level instructions.
    pub(super) system: Vec<Value>,
    /// The names of all tools that were called.
    pub(super) called: Vec<String>,
    /// What could not be said.
    pub(super) dropped: Vec<&'static str>,
    turns: Vec<Turn>,
    /// Instructions that wait for the end of a user's turn: only there may a message of the role `system` stand.
    later: Vec<Value>,
}

#[derive(Debug)]
struct Turn {
    role: Role,
    content: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    User,
    Assistant,
    System,
}

impl Conversation {
    pub(super) fn read(messages: &[Message], model: Model) -> Result<Self, TranslateError> {
        let mut conversation = Self::default();
        for (index, message) in messages.iter().enumerate() {
            let place = format!("messages[{index}].content");
            match message {
                Message::System(parts) => conversation.instruct(parts, model, &place)?,
                Message::User(parts) => {
                    for part in parts {
                        conversation.note_detail(part);
                        let block = blocks::block(part, &place)?;
                        conversation.add(Role::User, block.into_iter().collect());
                    }
                }
                Message::Assistant(said) => conversation.assistant(said, &place)?,
                Message::Tool { id, parts } => {
                    parts.iter().for_each(|part| conversation.note_detail(part));
                    conversation.add_result(blocks::tool_result(id, parts, &place)?);
                }
            }
        }
        conversation.finish()?;
        Ok(conversation)
    }

    /// Whether the model is in the middle of a turn that it began without a thought: then Anthropic refuses a budget of
    /// thinking.
    pub(super) fn goes_on_unthought(&self) -> bool {
        let is = |block: Option<&Value>, kinds: &[&str]| {
            block.and_then(|block| block["type"].as_str()).is_some_and(|kind| kinds.contains(&kind))
        };
        let talk: Vec<&Turn> = self.turns.iter().filter(|turn| turn.role != Role::System).collect();
        match talk.as_slice() {
            [.., last] if last.role == Role::Assistant => true,
            [.., said, results] if is(results.content.first(), &["tool_result"]) => {
                !is(said.content.first(), &["thinking", "redacted_thinking"])
            }
            _ => false,
        }
    }

    pub(super) fn into_messages(self) -> Value {
        let write = |turn: Turn| {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::System => "system",
            };
            json!({ "role": role, "content": turn.content })
        };
        self.turns.into_iter().map(write).collect()
    }

    fn instruct(&mut self, parts: &[Part], model: Model, place: &str) -> Result<(), TranslateError> {
        let waits = model.takes_later_instructions() && !self.turns.is_empty();
        let list = if waits { &mut self.later } else { &mut self.system };
        for part in parts {
            list.extend(blocks::text_block(part, place, "its instructions hold text alone")?);
        }
        Ok(())
    }

    fn assistant(&mut self, said: &Said, place: &str) -> Result<(), TranslateError> {
        let mut spoken = Vec::new();
        for part in &said.parts {
            spoken.extend(blocks::text_block(part, place, "what the model said holds text alone")?);
        }
        spoken.extend(said.calls.iter().map(blocks::tool_use));
        self.called.extend(said.calls.iter().map(|call| call.name.clone()));
        let thoughts: Vec<_> = said.reasoning_details.iter().filter_map(thought).collect();
        if thoughts.is_empty() && said.reasoning.is_some() {
            // Thoughts without a signature are refused.
            self.dropped.push("reasoning_content");
        }
        if self.turns.last().is_some_and(|turn| turn.role == Role::User) {
            self.settle_later();
        }
        self.add(Role::Assistant, in_order(thoughts, spoken));
        Ok(())
    }

    fn add(&mut self, role: Role, content: Vec<Value>) {
        if content.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.extend(content),
            _ => self.turns.push(Turn { role, content }),
        }
    }

    /// Results stand before whatever else the turn holds.
    fn add_result(&mut self, result: Value) {
        match self.turns.last_mut() {
            Some(turn) if turn.role == Role::User => {
                let results = turn.content.iter().take_while(|block| block["type"] == "tool_result").count();
                turn.content.insert(results, result);
            }
            _ => self.turns.push(Turn { role: Role::User, content: vec![result] }),
        }
    }

    fn settle_later(&mut self) {
        let content = std::mem::take(&mut self.later);
        self.add(Role::System, content);
    }

    fn finish(&mut self) -> Result<(), TranslateError> {
        match self.turns.last().map(|turn| turn.role) {
            Some(Role::User) => self.settle_later(),
            _ => self.system.append(&mut self.later),
        }
        self.trim_beginning_of_answer();
        if !self.turns.iter().any(|turn| turn.role == Role::User) {
            return Err(TranslateError::unsupported("messages", NAME, "it needs a message of the user's"));
        }
        Ok(())
    }

    /// A conversation that ends with the assistant gives the beginning of the answer, which must not end in white space.
    fn trim_beginning_of_answer(&mut self) {
        let Some(turn) = self.turns.last_mut().filter(|turn| turn.role == Role::Assistant) else { return };
        let Some(last) = turn.content.last_mut() else { return };
        if let Some(text) = last["text"].as_str() {
            let trimmed = text.trim_end().to_owned();
            if trimmed.is_empty() {
                turn.content.pop();
            } else {
                last["text"] = Value::from(trimmed);
            }
        }
        if turn.content.is_empty() {
            self.turns.pop();
        }
    }

    fn note_detail(&mut self, part: &Part) {
        if matches!(&part.kind, PartKind::Image { detail: Some(detail), .. } if detail != "auto") {
            self.dropped.push("image_url.detail");
        }
    }
}

/// A thought as it came from Anthropic, and its place in the answer. Others' thoughts are none of its own.
fn thought(detail: &Value) -> Option<(usize, Value)> {
    let mut detail: Map<String, Value> = detail.as_object()?.clone();
    let proof = match detail.get("type")?.as_str()? {
        "thinking" => "signature",
        "redacted_thinking" => "data",
        _ => return None,
    };
    detail.get(proof)?.as_str()?;
    let index = detail.remove("index").and_then(|index| index.as_u64());
    Some((index.and_then(|index| usize::try_from(index).ok()).unwrap_or(0), Value::Object(detail)))
}

/// Thoughts at their places among what was said: Anthropic refuses an order that the model did not give.
fn in_order(thoughts: Vec<(usize, Value)>, spoken: Vec<Value>) -> Vec<Value> {
    let mut content = Vec::with_capacity(thoughts.len() + spoken.len());
    let mut spoken = spoken.into_iter();
    for (index, thought) in thoughts {
        while content.len() < index
            && let Some(block) = spoken.next()
        {
            content.push(block);
        }
        content.push(thought);
    }
    content.extend(spoken);
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(model: &str, messages: Value) -> (Vec<Value>, Value) {
        let raw: Vec<Box<serde_json::value::RawValue>> =
            serde_json::from_str(&messages.to_string()).expect("a list");
        let ask = crate::gateway::providers::translate::Ask::read(&raw, &mut Default::default());
        let read =
            Conversation::read(&ask.expect("an ask").messages, Model::of(model)).expect("a conversation");
        (read.system.clone(), read.into_messages())
    }

    fn text(text: &str) -> Value {
        json!([{ "type": "text", "text": text }])
    }

    #[test]
    fn a_later_instruction_stands_after_the_users_turn_beside_it() {
        let conversation = json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b"},
            {"role": "system", "content": "rhyme"},
            {"role": "assistant", "content": "c"},
            {"role": "user", "content": "d"},
            {"role": "assistant", "content": "e"},
            {"role": "user", "content": "f"},
            {"role": "assistant", "content": "g"},
            {"role": "system", "content": "stop"},
        ]);
        let (system, turns) = messages("claude-opus-5-5", conversation.clone());
        assert_eq!(Value::from(system), text("stop"));
        assert_eq!(turns[2], json!({"role": "user", "content": text("d")}));
        assert_eq!(turns[3], json!({"role": "system", "content": text("rhyme")}));
        assert_eq!(turns[4]["role"], "assistant");
        let (system, turns) = messages("claude-sonnet-5", conversation);
        assert_eq!(system.len(), 2);
        assert!(turns.as_array().expect("turns").iter().all(|turn| turn["role"] != "system"));
    }

    #[test]
    fn results_come_before_all_else_in_their_turn() {
        let call =
            |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let (_, turns) = messages(
            "claude-opus-5-5",
            json!([
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": null, "tool_calls": [call("1"), call("2")]},
                {"role": "tool", "tool_call_id": "1", "content": "one"},
                {"role": "user", "content": "hurry"},
                {"role": "tool", "tool_call_id": "2", "content": "two"},
            ]),
        );
        let kinds: Vec<&str> = turns[2]["content"]
            .as_array()
            .expect("blocks")
            .iter()
            .filter_map(|b| b["type"].as_str())
            .collect();
        assert_eq!(kinds, ["tool_result", "tool_result", "text"]);
        assert_eq!(turns[2]["content"][1]["tool_use_id"], "2");
    }

    #[test]
    fn thoughts_go_back_to_the_places_that_they_came_from() {
        let thought =
            |index: usize| json!({"type": "thinking", "thinking": "", "signature": "s", "index": index});
        let (_, turns) = messages(
            "claude-opus-5-5",
            json!([
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b", "reasoning_details": [thought(0), thought(2)], "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "1", "content": "one"},
            ]),
        );
        let blocks = turns[1]["content"].as_array().expect("blocks");
        let kinds: Vec<&str> = blocks.iter().filter_map(|block| block["type"].as_str()).collect();
        assert_eq!(kinds, ["thinking", "text", "thinking", "tool_use"]);
        assert_eq!(blocks[0], json!({"type": "thinking", "thinking": "", "signature": "s"}));
    }

    #[test]
    fn a_conversation_without_a_user_is_refused() {
        for conversation in [
            vec![],
            vec![Message::System(vec![Part::text("x")])],
            vec![Message::User(vec![Part::text("")])],
            vec![Message::Assistant(Said { parts: vec![Part::text(" ")], ..Said::default() })],
        ] {
            let error =
                Conversation::read(&conversation, Model::of("claude-opus-5-5")).expect_err("a refusal");
            let wanted = "`messages` cannot be sent to anthropic: it needs a message of the user's";
            assert_eq!(error.to_string(), wanted);
        }
    }
}
