//! The offline model `local/echo`: deterministic, free, and not a language model.
//!
//! Its rules, so that a test or a first look needs no provider:
//! - the answer is `You said: ` and the text of the last user message; after a tool's result it is `The tool said: `
//!   and that result;
//! - with `response_format` of JSON it is `{"echo": TEXT}`;
//! - with tools (and no `tool_choice` of `none`), a last message of the user is answered by a call to the named tool,
//!   or to the first, with its required parameters filled: texts with the user's text, numbers 0, booleans false;
//! - a token is a run of white space with the word that follows, in the prompt as in the answer, and each is a chunk
//!   of the stream; `max_tokens` and `max_completion_tokens` cut the answer with the finish reason `length`, and so
//!   does its own limit of 4,096 tokens or 64 KiB.

mod embeddings;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::translate::TranslateError;
use super::translate::ask::Target;
use super::translate::vectors::Wanted;
use super::{Answer, ChatCall, Chunk, ECHO, Prepared, Provider, ProviderError, Summary, Whole};
use crate::gateway::body::Fields;
use crate::gateway::clock;
use crate::gateway::ledger::record::Tokens;
use crate::types::chat::{ChatRequest, Message};

/// The longest answer, in tokens and in bytes: what is echoed may be as large as a request.
const MAX_PIECES: usize = 4_096;
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// The adapter.
pub struct Local;

#[async_trait]
impl Provider for Local {
    fn body(
        &self,
        fields: &mut Fields,
        messages: &[Box<RawValue>],
        _: &Target<'_>,
    ) -> Result<Prepared, TranslateError> {
        Ok(Prepared { body: fields.write(messages), dropped: Vec::new() })
    }

    fn embeddings_body(&self, fields: &mut Fields, _: &str) -> Result<Prepared, TranslateError> {
        Ok(Prepared { body: embeddings::body(fields)?, dropped: Vec::new() })
    }

    async fn embed(&self, call: ChatCall<'_>, wanted: &Wanted) -> Result<Whole, ProviderError> {
        embeddings::answer(&call.body, wanted)
    }

    async fn chat(&self, call: ChatCall<'_>) -> Result<Answer, ProviderError> {
        let request: ChatRequest =
            serde_json::from_slice(&call.body).map_err(|error| rejected("a message", "messages", &error))?;
        let echo = Echo::of(&request);
        let head =
            Head { id: format!("chatcmpl-{}", uuid::Uuid::new_v4().simple()), created: clock::now_seconds() };
        if call.stream {
            Ok(Answer::Stream(stream::iter(echo.chunks(&head)).map(Ok).fuse().boxed()))
        } else {
            Ok(Answer::Whole(echo.whole(&head)))
        }
    }
}

fn rejected(what: &str, param: &str, error: &serde_json::Error) -> ProviderError {
    ProviderError::Rejected {
        status: 400,
        message: format!("{what} is not of OpenAI's form: {error}"),
        param: Some(param.to_owned()),
    }
}

struct Head {
    id: String,
    created: i64,
}

/// What the model answers, before it is put on the wire.
#[derive(Debug, PartialEq)]
struct Echo {
    prompt_tokens: u64,
    /// The pieces of the text, or of the tool call's arguments.
    pieces: Vec<String>,
    tool: Option<String>,
    finish_reason: &'static str,
}

impl Echo {
    fn of(request: &ChatRequest) -> Self {
        let prompt_tokens =
            request.messages.iter().map(|message| pieces(&text_of(message)).count() as u64).sum();
        let said = request.messages.iter().rev().find(|message| message.role == "user").map(text_of);
        let said = said.unwrap_or_default();
        if let Some((tool, parameters)) = tool_to_call(request) {
            let arguments = fill(parameters, &said).to_string();
            return Self {
                prompt_tokens,
                pieces: cut(&arguments, usize::MAX).0,
                tool: Some(tool),
                finish_reason: "tool_calls",
            };
        }
        let answer = match request.messages.last() {
            Some(message) if message.role == "tool" => format!("The tool said: {}", text_of(message)),
            _ if wants_json(request) => json!({ "echo": said }).to_string(),
            _ => format!("You said: {said}"),
        };
        let limit = ["max_completion_tokens", "max_tokens"]
            .iter()
            .find_map(|name| request.extra.get(*name).and_then(Value::as_u64))
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let (pieces, is_cut) = cut(&answer, limit);
        let finish_reason = if is_cut { "length" } else { "stop" };
        Self { prompt_tokens, pieces, tool: None, finish_reason }
    }

    fn tokens(&self) -> Tokens {
        Tokens {
            input: Some(self.prompt_tokens),
            output: Some(self.pieces.len() as u64),
            ..Tokens::default()
        }
    }

    fn usage(&self) -> Value {
        let (prompt, completion) = (self.prompt_tokens, self.pieces.len() as u64);
        json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion })
    }

    fn whole(&self, head: &Head) -> Whole {
        let text = self.pieces.concat();
        let message = match &self.tool {
            None => json!({ "role": "assistant", "content": text, "refusal": null }),
            Some(name) => json!({
                "role": "assistant",
                "content": null,
                "tool_calls": [{ "id": "call_echo", "type": "function", "function": { "name": name, "arguments": text } }],
            }),
        };
        let body = json!({
            "id": head.id,
            "object": "chat.completion",
            "created": head.created,
            "model": ECHO,
            "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason }],
            "usage": self.usage(),
        });
        Whole { body: Bytes::from(body.to_string()), summary: self.summary() }
    }

    fn chunks(&self, head: &Head) -> Vec<Chunk> {
        let event = |delta: Value, finish_reason: Option<&str>| {
            let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish_reason }]);
            Bytes::from(chunk_body(head, choices, None).to_string())
        };
        let first = match &self.tool {
            None => json!({ "role": "assistant", "content": "" }),
            Some(name) => json!({
                "role": "assistant",
                "content": null,
                "tool_calls": [{ "index": 0, "id": "call_echo", "type": "function", "function": { "name": name, "arguments": "" } }],
            }),
        };
        let opening =
            Chunk { tool_calls: raw(first.get("tool_calls")), data: event(first, None), ..Chunk::default() };
        let mut chunks = vec![opening];
        chunks.extend(self.pieces.iter().map(|piece| match &self.tool {
            None => Chunk {
                data: event(json!({ "content": piece }), None),
                answered_bytes: piece.len(),
                text: Some(piece.clone()),
                ..Chunk::default()
            },
            Some(_) => {
                let delta = json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] });
                Chunk {
                    tool_calls: raw(delta.get("tool_calls")),
                    data: event(delta, None),
                    ..Chunk::default()
                }
            }
        }));
        chunks.push(Chunk {
            data: event(json!({}), Some(self.finish_reason)),
            summary: Summary { finish_reason: Some(self.finish_reason.to_owned()), ..Summary::default() },
            ..Chunk::default()
        });
        chunks.push(Chunk {
            data: Bytes::from(chunk_body(head, json!([]), Some(self.usage())).to_string()),
            summary: Summary { tokens: Some(self.tokens()), ..Summary::default() },
            usage_only: true,
            ..Chunk::default()
        });
        chunks
    }

    fn summary(&self) -> Summary {
        Summary {
            tokens: Some(self.tokens()),
            finish_reason: Some(self.finish_reason.to_owned()),
            so_far: None,
        }
    }
}

fn chunk_body(head: &Head, choices: Value, usage: Option<Value>) -> Value {
    json!({
        "id": head.id,
        "object": "chat.completion.chunk",
        "created": head.created,
        "model": ECHO,
        "choices": choices,
        "usage": usage,
    })
}

fn raw(value: Option<&Value>) -> Option<Box<RawValue>> {
    value.and_then(|value| serde_json::value::to_raw_value(value).ok())
}

/// A message's text: its content, or the text parts of it.
fn text_of(message: &Message) -> String {
    match &message.content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// White space and the word behind it: together they give the text back.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.find(|character: char| !character.is_whitespace()).unwrap_or(rest.len());
        let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |end| word + end);
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The first pieces of `text`, at most `limit` and within the model's own bounds, and whether something was left out.
fn cut(text: &str, limit: usize) -> (Vec<String>, bool) {
    let mut bytes = 0;
    let mut kept = Vec::new();
    for piece in pieces(text) {
        bytes += piece.len();
        if kept.len() >= limit.min(MAX_PIECES) || bytes > MAX_ANSWER_BYTES {
            return (kept, true);
        }
        kept.push(piece.to_owned());
    }
    (kept, false)
}

fn wants_json(request: &ChatRequest) -> bool {
    let format = request.extra.get("response_format").and_then(|format| format.get("type"));
    matches!(format.and_then(Value::as_str), Some("json_object" | "json_schema"))
}

fn tool_to_call(request: &ChatRequest) -> Option<(String, &Value)> {
    if request.messages.last()?.role != "user" {
        return None;
    }
    let tools = request.extra.get("tools")?.as_array()?;
    let choice = request.extra.get("tool_choice");
    if choice.and_then(Value::as_str) == Some("none") {
        return None;
    }
    let wanted = choice.and_then(|choice| choice.pointer("/function/name"));
    let functions = tools.iter().filter_map(|tool| tool.get("function"));
    let function = functions
        .clone()
        .find(|function| wanted.is_none_or(|wanted| function.get("name") == Some(wanted)))?;
    Some((function.get("name")?.as_str()?.to_owned(), function.get("parameters").unwrap_or(&Value::Null)))
}

/// A value for each required property of a JSON schema.
fn fill(parameters: &Value, said: &str) -> Value {
    let required =
        parameters.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut arguments = Map::new();
    for name in required.iter().filter_map(Value::as_str) {
        let property = parameters.pointer("/properties").and_then(|properties| properties.get(name));
        let kind = property.and_then(|property| property.get("type")).and_then(Value::as_str);
        let allowed = property.and_then(|property| property.get("enum")).and_then(Value::as_array);
        let value = match (allowed.and_then(|allowed| allowed.first()), kind) {
            (Some(first), _) => first.clone(),
            (None, Some("number" | "integer")) => json!(0),
            (None, Some("boolean")) => json!(false),
            (None, Some("array")) => json!([]),
            (None, Some("object")) => property.map_or_else(|| json!({}), |property| fill(property, said)),
            _ => json!(said),
        };
        arguments.insert(name.to_owned(), value);
    }
    Value::Object(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(request: Value) -> Echo {
        Echo::of(&serde_json::from_value(request).expect("a request"))
    }

    fn user(text: &str) -> Value {
        json!([{ "role": "user", "content": text }])
    }

    #[test]
    fn it_says_what_the_user_said() {
        let answer = echo(json!({ "messages": user("one  two\nthrée") }));
        assert_eq!(answer.pieces.concat(), "You said: one  two\nthrée");
        assert_eq!((answer.prompt_tokens, answer.pieces.len(), answer.finish_reason), (3, 5, "stop"));
        let parts = json!([{ "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "image_url" }] }]);
        assert_eq!(echo(json!({ "messages": parts })).pieces.concat(), "You said: a");
    }

    #[test]
    fn it_honours_max_tokens_and_json_mode() {
        let answer = echo(json!({ "messages": user("a b c"), "max_tokens": 3 }));
        assert_eq!((answer.pieces.concat().as_str(), answer.finish_reason), ("You said: a", "length"));
        let answer =
            echo(json!({ "messages": user("a \"b\""), "response_format": { "type": "json_object" } }));
        assert_eq!(answer.pieces.concat(), r#"{"echo":"a \"b\""}"#);
    }

    #[test]
    fn a_long_echo_is_cut_at_the_models_own_bounds() {
        let answer = echo(json!({ "messages": user(&"a ".repeat(100_000)) }));
        assert_eq!((answer.pieces.len(), answer.finish_reason), (MAX_PIECES, "length"));
        assert_eq!(answer.prompt_tokens, 100_001);
        let answer = echo(json!({ "messages": user(&"a".repeat(100_000)) }));
        assert_eq!((answer.pieces.concat().as_str(), answer.finish_reason), ("You said:", "length"));
    }

    #[test]
    fn it_calls_tools_and_reads_their_results() {
        let tools = json!([
            { "type": "function", "function": { "name": "first" } },
            { "type": "function", "function": { "name": "weather", "parameters": {
                "type": "object", "required": ["city", "days", "unit"],
                "properties": { "city": { "type": "string" }, "days": { "type": "integer" }, "unit": { "enum": ["c", "f"] } } } } },
        ]);
        let choice = json!({ "type": "function", "function": { "name": "weather" } });
        let answer = echo(json!({ "messages": user("Oslo"), "tools": tools, "tool_choice": choice }));
        assert_eq!(answer.tool.as_deref(), Some("weather"));
        assert_eq!(answer.pieces.concat(), r#"{"city":"Oslo","days":0,"unit":"c"}"#);
        let after = json!([{ "role": "user", "content": "Oslo" }, { "role": "tool", "content": "rain" }]);
        assert_eq!(echo(json!({ "messages": after, "tools": tools })).pieces.concat(), "The tool said: rain");
    }

    #[test]
    fn the_assembled_stream_is_the_plain_answer() {
        let answer = echo(json!({ "messages": user("a b  c") }));
        let head = Head { id: "x".into(), created: 0 };
        let chunks = answer.chunks(&head);
        let text: String = chunks.iter().filter_map(|chunk| chunk.text.clone()).collect();
        let whole: Value = serde_json::from_slice(&answer.whole(&head).body).expect("json");
        assert_eq!(whole["choices"][0]["message"]["content"], text);
        assert_eq!(chunks.last().and_then(|chunk| chunk.summary.tokens), Some(answer.tokens()));
    }
}
