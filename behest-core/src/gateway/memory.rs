//! Memory: what a thread or a session keeps of a turn.

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::store::rows::{ConversationKey, ConversationKind, NewTurn};

/// A session forgets after this long without use.
pub const SESSION_LIFETIME_MS: i64 = 24 * 3_600_000;
/// At most this many messages of a thread are read back; older ones would not fit any model.
pub const MAX_RECALLED: u32 = 1_000;
/// At most this much of a conversation is read back.
pub const MAX_RECALLED_BYTES: usize = 8 << 20;
/// A title is the beginning of the first user message.
const TITLE_CHARACTERS: usize = 80;
/// An answer's text is kept up to here; a longer one is stored marked incomplete.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// So many tool calls of one answer are kept.
const MAX_TOOL_CALLS: usize = 128;

/// What will be stored when an answer has come.
#[derive(Debug)]
pub struct Memory {
    /// Where.
    pub key: ConversationKey,
    /// The mark that the history gave.
    pub deletions: i64,
    /// The new messages of the request.
    pub new: Vec<Box<RawValue>>,
    /// Whether tool calls are kept.
    pub store_tool_calls: bool,
    /// How many messages a session keeps.
    pub window: u32,
}

/// An answer as it is gathered for memory.
#[derive(Debug, Default)]
pub struct Gathered {
    text: String,
    tool_calls: Vec<Value>,
    cut: bool,
}

impl Gathered {
    /// From a whole answer: the first choice's message.
    #[must_use]
    pub fn whole(body: &[u8]) -> Self {
        let message = serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|mut body| body.pointer_mut("/choices/0/message").map(Value::take))
            .unwrap_or_default();
        Self {
            text: message.get("content").and_then(Value::as_str).unwrap_or_default().to_owned(),
            tool_calls: message.get("tool_calls").and_then(Value::as_array).cloned().unwrap_or_default(),
            cut: false,
        }
    }

    /// Adds a piece of streamed text.
    pub fn add_text(&mut self, text: &str) {
        if self.text.len() + text.len() > MAX_ANSWER_BYTES {
            self.cut = true;
        } else {
            self.text.push_str(text);
        }
    }

    /// Adds pieces of streamed tool calls, put together by their index.
    pub fn add_tool_calls(&mut self, pieces: &RawValue) {
        let Ok(pieces) = serde_json::from_str::<Vec<Value>>(pieces.get()) else { return };
        for piece in pieces {
            let index = piece.get("index").and_then(Value::as_u64).unwrap_or(0);
            let known =
                self.tool_calls.iter().position(|call| call.get("index") == Some(&Value::from(index)));
            match known {
                Some(at) => append_arguments(&mut self.tool_calls[at], &piece),
                None if self.tool_calls.len() < MAX_TOOL_CALLS => self.tool_calls.push(piece),
                None => self.cut = true,
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tool_calls.is_empty()
    }

    /// The message to store; `None` when nothing of it is kept.
    fn message(self, store_tool_calls: bool) -> Option<Box<RawValue>> {
        let mut message = serde_json::Map::new();
        message.insert("role".to_owned(), "assistant".into());
        let content = if self.text.is_empty() { Value::Null } else { Value::String(self.text) };
        let tool_calls: Vec<Value> = self
            .tool_calls
            .into_iter()
            .map(|mut call| {
                if let Some(call) = call.as_object_mut() {
                    call.shift_remove("index");
                }
                call
            })
            .collect();
        let keeps_calls = store_tool_calls && !tool_calls.is_empty();
        if content.is_null() && !keeps_calls {
            return None;
        }
        message.insert("content".to_owned(), content);
        if keeps_calls {
            message.insert("tool_calls".to_owned(), Value::Array(tool_calls));
        }
        to_raw_value(&message).ok()
    }
}

fn append_arguments(call: &mut Value, piece: &Value) {
    let Some(more) = piece.pointer("/function/arguments").and_then(Value::as_str) else { return };
    match call.pointer_mut("/function/arguments") {
        Some(Value::String(arguments)) if arguments.len() + more.len() <= MAX_ANSWER_BYTES => {
            arguments.push_str(more);
        }
        _ => {}
    }
}

impl Memory {
    /// The turn to store; `None` when no content came, since a failed call stores nothing.
    #[must_use]
    pub fn turn(self, answer: Gathered, incomplete: bool, now: i64) -> Option<NewTurn> {
        if answer.is_empty() {
            return None;
        }
        let incomplete = incomplete || answer.cut;
        let title = self.new.iter().find_map(|message| title(message));
        let mut messages: Vec<_> = self.new.into_iter().map(|message| (message, false)).collect();
        // A call whose arguments were cut off can never be answered by a result.
        let keeps_calls = self.store_tool_calls && !incomplete;
        messages.extend(answer.message(keeps_calls).map(|message| (message, incomplete)));
        let window = matches!(self.key.kind, ConversationKind::Session).then_some(self.window);
        Some(NewTurn {
            key: self.key,
            turn: Uuid::now_v7(),
            deletions: self.deletions,
            title,
            messages,
            window,
            now,
        })
    }
}

fn title(message: &RawValue) -> Option<String> {
    let message: Value = serde_json::from_str(message.get()).ok()?;
    if message.get("role")? != "user" {
        return None;
    }
    let text = match message.get("content")? {
        Value::String(text) => text.as_str(),
        Value::Array(parts) => parts.iter().find_map(|part| part.get("text"))?.as_str()?,
        _ => return None,
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| line.chars().take(TITLE_CHARACTERS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(value: Value) -> Box<RawValue> {
        to_raw_value(&value).expect("json")
    }

    fn memory(store_tool_calls: bool) -> Memory {
        Memory {
            key: ConversationKey {
                kind: ConversationKind::Thread,
                project_id: Uuid::nil(),
                user_id: "u".into(),
                id: "t".into(),
            },
            deletions: 0,
            new: vec![raw(serde_json::json!({"role": "user", "content": "  hello\n world "}))],
            store_tool_calls,
            window: 20,
        }
    }

    #[test]
    fn a_turn_is_the_new_messages_and_the_answer() {
        let answer = Gathered::whole(br#"{"choices":[{"message":{"role":"assistant","content":"hi"}}]}"#);
        let turn = memory(false).turn(answer, false, 7).expect("a turn");
        assert_eq!(turn.title.as_deref(), Some("hello world"));
        let bodies: Vec<&str> = turn.messages.iter().map(|(body, _)| body.get()).collect();
        assert_eq!(bodies[1], r#"{"role":"assistant","content":"hi"}"#);
    }

    #[test]
    fn no_content_means_no_turn() {
        let answer = Gathered::whole(br#"{"choices":[{"message":{"role":"assistant","content":null}}]}"#);
        assert!(memory(false).turn(answer, false, 7).is_none());
        assert!(memory(false).turn(Gathered::whole(b"garbage"), false, 7).is_none());
    }

    #[test]
    fn streamed_tool_calls_are_put_together_and_kept_only_on_request() {
        let gather = || {
            let mut gathered = Gathered::default();
            for piece in [
                r#"[{"index":0,"id":"c1","function":{"name":"f","arguments":""}}]"#,
                r#"[{"index":0,"function":{"arguments":"{\"a\""}},{"index":1,"id":"c2","function":{"name":"g","arguments":"{}"}}]"#,
                r#"[{"index":0,"function":{"arguments":":1}"}}]"#,
            ] {
                gathered.add_tool_calls(&RawValue::from_string(piece.to_owned()).expect("json"));
            }
            gathered
        };
        let kept = memory(true).turn(gather(), false, 7).expect("a turn");
        assert_eq!(
            kept.messages[1].0.get(),
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"c2","function":{"name":"g","arguments":"{}"}}]}"#
        );
        // Without them the user's words are kept all the same, for the answer that follows the tools' results.
        assert_eq!(memory(false).turn(gather(), false, 7).expect("a turn").messages.len(), 1);
    }
}
