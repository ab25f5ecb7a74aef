//! The conversation so far: stored turns in front of the request's messages, as many as fit the model.

use http::HeaderName;
use serde_json::value::{RawValue, to_raw_value};

use crate::gateway::Gateway;
use crate::gateway::clock;
use crate::gateway::context::{Caller, Choice, Model, ModelRequest, Selected, Turn};
use crate::gateway::ledger::estimate;
use crate::gateway::memory::{MAX_RECALLED, Memory};
use crate::gateway::refusal::{Refusal, Refuse};
use crate::gateway::store::rows::{ConversationKey, ConversationKind, History, MessageRow};
use crate::types::chat::Message;
use crate::types::ids::{BadId, ThreadId};
use crate::types::problem::Code;

const THREAD: HeaderName = HeaderName::from_static("x-thread-id");

/// Why the conversation cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecallError {
    /// The header holds no thread id.
    #[error("X-Thread-Id: {0}")]
    Id(#[source] BadId),
    /// Threads belong to end users, and there is none.
    #[error(
        "a thread belongs to an end user: send X-End-User-Id with the API key, or call with a user's token"
    )]
    NoUser,
}

impl Refuse for RecallError {
    fn code(&self) -> Code {
        Code::ValidationError
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Id(_) => Some("X-Thread-Id"),
            Self::NoUser => Some("X-End-User-Id"),
        }
    }
}

/// Puts the system prompt and the stored turns in front.
pub async fn recall(gateway: &Gateway, selected: Selected) -> Result<Turn, Refusal> {
    let Selected { mut request, choice } = selected;
    let settings = request.caller.settings.clone();
    let mut recalled = None;
    let mut memory = None;
    if let Some(key) = conversation(&request)? {
        let new = new_messages(&request, settings.store_tool_calls);
        // A client that sends the conversation itself needs no help with it.
        let sends_it_all = request.roles.iter().any(|role| role == "assistant");
        let limit = match key.kind {
            _ if sends_it_all => 0,
            ConversationKind::Thread => MAX_RECALLED,
            ConversationKind::Session => settings.memory_window,
        };
        let history = gateway.store().history(key.clone(), limit, clock::now_ms()).await?;
        memory = Some(Memory {
            key,
            deletions: history.deletions,
            new,
            store_tool_calls: settings.store_tool_calls,
            window: settings.memory_window,
        });
        let room = room(&request, &settings.system_prompt, context_length(&choice));
        let answers_tools =
            request.roles.iter().find(|role| !is_instruction(role)).is_some_and(|role| role == "tool");
        let stored = answered(fitting(history, room), answers_tools);
        recalled = Some(stored.len());
        insert(&mut request, stored);
    }
    if let Some(prompt) = &settings.system_prompt
        && let Ok(message) = to_raw_value(&Message::system(prompt))
    {
        request.messages.insert(0, message);
    }
    Ok(Turn { request, choice, memory, recalled })
}

/// Of what is no conversation, nothing is remembered.
pub fn nothing(selected: Selected) -> Turn {
    let Selected { request, choice } = selected;
    Turn { request, choice, memory: None, recalled: None }
}

/// The thread that the client named, else its session where the project lets sessions remember.
fn conversation(request: &ModelRequest) -> Result<Option<ConversationKey>, RecallError> {
    let caller = &request.caller;
    let key = |kind, user: &str, id: String| ConversationKey {
        kind,
        project_id: caller.principal.project,
        user_id: user.to_owned(),
        id,
    };
    if let Some(thread) = thread_id(&request.head, caller)? {
        let user = caller.principal.user.as_deref().ok_or(RecallError::NoUser)?;
        return Ok(Some(key(ConversationKind::Thread, user, thread.as_str().to_owned())));
    }
    let session = caller.principal.session.as_ref().filter(|_| caller.settings.memory_enabled);
    let user = caller.principal.user.as_deref().unwrap_or_default();
    Ok(session.map(|session| key(ConversationKind::Session, user, session.as_str().to_owned())))
}

/// The thread in `X-Thread-Id`.
///
/// # Errors
/// When the header holds no thread id, or the caller has no end user.
pub fn thread_id(head: &http::request::Parts, caller: &Caller) -> Result<Option<ThreadId>, RecallError> {
    let Some(value) = head.headers.get(&THREAD).filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.to_str().map_err(|_| RecallError::Id(BadId::Thread { length: value.len() }))?;
    let thread = ThreadId::parse(text).map_err(RecallError::Id)?;
    if caller.principal.user.is_none() {
        return Err(RecallError::NoUser);
    }
    Ok(Some(thread))
}

fn is_instruction(role: &str) -> bool {
    matches!(role, "system" | "developer")
}

/// What this call adds to the conversation: the messages after the last answer. Instructions belong to the call and
/// not to the conversation.
fn new_messages(request: &ModelRequest, store_tool_calls: bool) -> Vec<Box<RawValue>> {
    let start = request.roles.iter().rposition(|role| role == "assistant").map_or(0, |at| at + 1);
    let kept = |role: &str| !is_instruction(role) && (role != "tool" || store_tool_calls);
    let new = request.messages.iter().zip(&request.roles).skip(start);
    new.filter(|(_, role)| kept(role)).map(|(message, _)| message.clone()).collect()
}

/// What fits every model that may be chosen. Fallbacks do not count: one that is too small is not asked.
fn context_length(choice: &Choice) -> Option<u64> {
    choice.models.iter().filter_map(Model::context_length).min()
}

/// How many tokens the stored turns may take; `None` where the model's context is not known.
fn room(request: &ModelRequest, system_prompt: &Option<String>, context: Option<u64>) -> Option<u64> {
    let prompt = estimate::prompt(&request.messages)
        .tokens
        .saturating_add(estimate::text(system_prompt.as_ref().map_or(0, String::len)))
        .saturating_add(estimate::answer(request.max_tokens));
    context.map(|context| context.saturating_sub(prompt))
}

/// The last turns that fit, whole ones only, beginning with a word of the user.
fn fitting(history: History, room: Option<u64>) -> Vec<MessageRow> {
    let messages = history.messages;
    let mut start = messages.len();
    let mut used = 0;
    while start > 0 {
        let turn = messages[start - 1].turn;
        let begin = messages[..start].iter().rposition(|message| message.turn != turn).map_or(0, |at| at + 1);
        used += messages[begin..start].iter().map(|message| estimate::message(&message.body)).sum::<u64>();
        if room.is_some_and(|room| used > room) {
            break;
        }
        start = begin;
    }
    // A window may have cut the oldest turn: an answer or a tool's result without its question is no conversation.
    let is_user = |message: &MessageRow| {
        serde_json::from_str::<Message>(message.body.get()).is_ok_and(|message| message.role == "user")
    };
    let mut kept: Vec<_> = messages.into_iter().skip(start).collect();
    let first = kept.iter().position(is_user).unwrap_or(kept.len());
    kept.drain(..first);
    kept
}

/// Without calls of tools that nobody answered: providers refuse a conversation with such. The last call may be
/// answered by the request itself.
fn answered(messages: Vec<MessageRow>, answers_tools: bool) -> Vec<MessageRow> {
    let mut kept = Vec::with_capacity(messages.len());
    let mut rest = messages.into_iter().peekable();
    while let Some(message) = rest.next() {
        let head = Head::of(&message);
        let results: Vec<_> =
            std::iter::from_fn(|| rest.next_if(|next| Head::of(next).role == "tool")).collect();
        let calls = head.tool_calls.map_or(0, |calls| calls.len());
        let answered_by_request = answers_tools && rest.peek().is_none();
        if head.role == "tool" || (calls > results.len() && !answered_by_request) {
            continue;
        }
        kept.push(message);
        if calls > 0 {
            kept.extend(results);
        }
    }
    kept
}

/// What tells calls of tools from their results.
#[derive(Default, serde::Deserialize)]
struct Head {
    role: String,
    #[serde(default)]
    tool_calls: Option<Vec<serde::de::IgnoredAny>>,
}

impl Head {
    fn of(message: &MessageRow) -> Self {
        serde_json::from_str(message.body.get()).unwrap_or_default()
    }
}

/// Behind the request's own instructions, in front of everything else.
fn insert(request: &mut ModelRequest, stored: Vec<MessageRow>) {
    let at = request.roles.iter().position(|role| !is_instruction(role)).unwrap_or(request.roles.len());
    let stored = stored.into_iter().map(|message| RawValue::to_owned(&message.body));
    request.messages.splice(at..at, stored);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;

    fn row(role: &str, text: &str, turn: u128) -> MessageRow {
        let body = to_raw_value(&Message::text(role, text)).expect("json");
        MessageRow {
            id: Uuid::nil(),
            body: Arc::from(body),
            incomplete: false,
            turn: Uuid::from_u128(turn),
            created_at: 0,
        }
    }

    fn texts(messages: &[MessageRow]) -> Vec<String> {
        let text = |message: &MessageRow| {
            let message: Message = serde_json::from_str(message.body.get()).expect("json");
            message.content.as_str().unwrap_or_default().to_owned()
        };
        messages.iter().map(text).collect()
    }

    #[test]
    fn whole_turns_are_left_out_oldest_first() {
        let messages = vec![
            row("user", "a", 1),
            row("assistant", "b", 1),
            row("user", "c", 2),
            row("assistant", "d", 2),
        ];
        let history = |messages: &Vec<MessageRow>| History { messages: messages.clone(), deletions: 0 };
        assert_eq!(texts(&fitting(history(&messages), None)), ["a", "b", "c", "d"]);
        let one_turn = estimate::message(&messages[2].body) + estimate::message(&messages[3].body);
        assert_eq!(texts(&fitting(history(&messages), Some(one_turn))), ["c", "d"]);
        assert_eq!(texts(&fitting(history(&messages), Some(one_turn * 2 - 1))), ["c", "d"]);
        assert!(fitting(history(&messages), Some(0)).is_empty());
    }

    #[test]
    fn calls_that_nobody_answered_are_left_out_unless_the_request_does() {
        let body = serde_json::json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c"}]});
        let call = MessageRow { body: Arc::from(to_raw_value(&body).expect("json")), ..row("", "", 1) };
        let unanswered = vec![row("user", "a", 1), call.clone()];
        assert_eq!(answered(unanswered.clone(), true).len(), 2);
        assert_eq!(texts(&answered(unanswered, false)), ["a"]);
        let done = vec![row("user", "a", 1), call.clone(), row("tool", "r", 1), row("assistant", "b", 1)];
        assert_eq!(answered(done, false).len(), 4);
        let earlier = vec![row("user", "a", 1), call, row("user", "c", 2), row("assistant", "d", 2)];
        assert_eq!(texts(&answered(earlier, true)), ["a", "c", "d"]);
    }

    #[test]
    fn a_turn_cut_by_the_window_is_left_out() {
        let messages = vec![
            row("tool", "x", 1),
            row("assistant", "b", 1),
            row("user", "c", 2),
            row("assistant", "d", 2),
        ];
        assert_eq!(texts(&fitting(History { messages, deletions: 0 }, None)), ["c", "d"]);
    }
}
