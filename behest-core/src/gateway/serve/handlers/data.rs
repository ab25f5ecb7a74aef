//! The data plane: chat, threads, models.

use axum::extract::{Request, State};
use axum::response::Response;

use crate::gateway::context::{Caller, Incoming};
use crate::gateway::control::ControlError;
use crate::gateway::providers::LOCAL;
use crate::gateway::refusal::Refusal;
use crate::gateway::serve::extract::{Captured, Query};
use crate::gateway::serve::respond;
use crate::gateway::stages::recall::RecallError;
use crate::gateway::stages::select;
use crate::gateway::store::rows::{ConversationKey, ConversationKind, ConversationRow, MessageRow};
use crate::gateway::{Gateway, clock, pipeline};
use crate::types::chat::{ChatCompletion, ChatCompletionChunk, ChatRequest};
use crate::types::embeddings::{Embeddings, EmbeddingsRequest};
use crate::types::ids::ThreadId;
use crate::types::model::{Model, ModelList};
use crate::types::problem::Problem;
use crate::types::thread::{Thread, ThreadMessage};

/// Answers a conversation
///
/// OpenAI chat completions. `model` absent, empty or `default` is the project's own; unknown fields are passed on.
/// With `stream` the answer is a stream of server-sent events: chunks, then `data: [DONE]`; an error after the first
/// byte is one event with an `error` object, and then the end.
#[utoipa::path(
    post, path = "/v1/chat/completions", tag = "data plane", operation_id = "createChatCompletion",
    request_body = ChatRequest,
    params(
        ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key; ignored with a token"),
        ("X-Session-Id" = Option<String>, Header, description = "The session to charge, and to remember where the project does"),
        ("X-Thread-Id" = Option<String>, Header, description = "The thread to remember"),
        ("X-Behest-Tags" = Option<String>, Header, description = "Labels for the cost reports, with an API key: name=value,name=value"),
    ),
    responses(
        (status = 200, description = "The answer", content(
            (ChatCompletion = "application/json"),
            (ChatCompletionChunk = "text/event-stream"),
        )),
        (status = "4XX", description = "Refused", body = Problem),
        (status = "5XX", description = "Failed", body = Problem),
    ),
    security(("bearer" = []))
)]
pub async fn create_chat_completion(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<Response, Refusal> {
    // On the heap at once: every layer in front would move it there once more.
    Box::pin(pipeline::chat(&gateway, Incoming::from_request(request))).await
}

/// Turns texts into vectors
///
/// OpenAI embeddings, one vector for each text, in their order. `model` absent, empty or `default` is the project's own,
/// which must then be one that embeds; unknown fields are passed on.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "data plane", operation_id = "createEmbeddings",
    request_body = EmbeddingsRequest,
    params(
        ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key; ignored with a token"),
        ("X-Session-Id" = Option<String>, Header, description = "The session to charge"),
        ("X-Behest-Tags" = Option<String>, Header, description = "Labels for the cost reports, with an API key: name=value,name=value"),
    ),
    responses(
        (status = 200, description = "The vectors", body = Embeddings),
        (status = "4XX", description = "Refused", body = Problem),
        (status = "5XX", description = "Failed", body = Problem),
    ),
    security(("bearer" = []))
)]
pub async fn create_embeddings(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<Response, Refusal> {
    Box::pin(pipeline::embeddings(&gateway, Incoming::from_request(request))).await
}

/// Lists the models that the project may call
#[utoipa::path(
    get, path = "/v1/models", tag = "data plane", operation_id = "listModels",
    responses((status = 200, description = "The models", body = ModelList), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn list_models(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let caller = caller(&gateway, request).await?.0;
    let data = select::models(&gateway, &caller).await?.into_iter().map(model).collect();
    Ok(respond::ok(&ModelList { object: "list".to_owned(), data }))
}

/// Finds one model; its id is the rest of the path
#[utoipa::path(
    get, path = "/v1/models/{id}", tag = "data plane", operation_id = "getModel",
    params(("id" = String, Path, description = "The model's name, slashes and all")),
    responses((status = 200, description = "The model", body = Model), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn get_model(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = caller(&gateway, request).await?.0;
    let found =
        select::models(&gateway, &caller).await?.into_iter().find(|listed| listed.id == captured.at(0));
    Ok(respond::ok(&model(found.ok_or(ControlError::NotFound("model for this project"))?)))
}

fn model(listed: crate::gateway::routing::catalogue::Listed) -> Model {
    let owned_by = if listed.provider == LOCAL { "behest".to_owned() } else { listed.provider };
    let entry = listed.entry.as_deref();
    Model {
        id: listed.id,
        object: "model".to_owned(),
        created: 0,
        owned_by,
        context_length: entry.and_then(|entry| entry.context),
        max_output_tokens: entry.and_then(|entry| entry.max_output),
        capabilities: entry.map(|entry| entry.capabilities),
    }
}

/// Lists the user's threads, newest first
#[utoipa::path(
    get, path = "/v1/threads", tag = "data plane", operation_id = "listThreads",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1,000; 100 when absent"),
        ("before" = Option<String>, Query, description = "Only threads last used before this instant"),
        ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key"),
    ),
    responses((status = 200, description = "The threads", body = Vec<Thread>), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn list_threads(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let (caller, query) = caller(&gateway, request).await?;
    let user = user(&caller)?;
    let limit = query.number("limit", 1..=1_000)?.unwrap_or(100);
    let rows =
        gateway.store().threads(caller.principal.project, user, limit, query.instant("before")?).await?;
    Ok(respond::ok(&rows.into_iter().map(thread).collect::<Vec<_>>()))
}

/// Finds one of the user's threads
#[utoipa::path(
    get, path = "/v1/threads/{id}", tag = "data plane", operation_id = "getThread",
    params(("id" = String, Path, description = "The thread's id"), ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key")),
    responses((status = 200, description = "The thread", body = Thread), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn get_thread(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = caller(&gateway, request).await?.0;
    let row = gateway.store().conversation(key(&caller, captured.at(0))?).await?;
    Ok(respond::ok(&thread(row.ok_or(ControlError::NotFound("thread"))?)))
}

/// Reads all messages of a thread, oldest first
#[utoipa::path(
    get, path = "/v1/threads/{id}/messages", tag = "data plane", operation_id = "listThreadMessages",
    params(("id" = String, Path, description = "The thread's id"), ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key")),
    responses((status = 200, description = "The messages", body = Vec<ThreadMessage>), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn list_thread_messages(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = caller(&gateway, request).await?.0;
    let key = key(&caller, captured.at(0))?;
    if gateway.store().conversation(key.clone()).await?.is_none() {
        return Err(ControlError::NotFound("thread").into());
    }
    let rows = gateway.store().messages(key).await?;
    Ok(respond::ok(&rows.iter().map(message).collect::<Vec<_>>()))
}

/// Deletes a thread for good
#[utoipa::path(
    delete, path = "/v1/threads/{id}", tag = "data plane", operation_id = "deleteThread",
    params(("id" = String, Path, description = "The thread's id"), ("X-End-User-Id" = Option<String>, Header, description = "The end user, with an API key")),
    responses((status = 204, description = "Deleted"), (status = "4XX", description = "Refused", body = Problem)),
    security(("bearer" = []))
)]
pub async fn delete_thread(
    State(gateway): State<Gateway>,
    captured: Captured,
    request: Request,
) -> Result<Response, Refusal> {
    let caller = caller(&gateway, request).await?.0;
    if gateway.store().delete_conversation(key(&caller, captured.at(0))?).await? {
        Ok(respond::gone())
    } else {
        Err(ControlError::NotFound("thread").into())
    }
}

/// Recognises the caller; these requests have no body.
pub(super) async fn caller(gateway: &Gateway, request: Request) -> Result<(Caller, Query), Refusal> {
    let configured = pipeline::caller(gateway, Incoming::from_request(request)).await?;
    let query = Query::of(&configured.incoming.head);
    Ok((configured.caller, query))
}

fn user(caller: &Caller) -> Result<&str, RecallError> {
    caller.principal.user.as_deref().ok_or(RecallError::NoUser)
}

/// The key of the user's own thread: another user's is not there, whatever its id.
fn key(caller: &Caller, id: &str) -> Result<ConversationKey, Refusal> {
    let user = user(caller)?.to_owned();
    let id = ThreadId::parse(id).map_err(|_| ControlError::NotFound("thread"))?;
    Ok(ConversationKey {
        kind: ConversationKind::Thread,
        project_id: caller.principal.project,
        user_id: user,
        id: id.as_str().to_owned(),
    })
}

fn thread(row: ConversationRow) -> Thread {
    Thread {
        id: row.id,
        title: row.title,
        created_at: clock::rfc3339(row.created_at),
        last_message_at: clock::rfc3339(row.last_message_at),
        messages_count: row.messages,
    }
}

fn message(row: &MessageRow) -> ThreadMessage {
    // Stored by us from checked messages; one that cannot be read back shows as empty rather than hiding the rest.
    let body: crate::types::chat::Message = serde_json::from_str(row.body.get()).unwrap_or_default();
    let mut extra = body.extra;
    for ours in ["id", "created_at", "incomplete"] {
        extra.shift_remove(ours);
    }
    ThreadMessage {
        id: row.id.to_string(),
        role: body.role,
        content: body.content,
        created_at: clock::rfc3339(row.created_at),
        incomplete: row.incomplete,
        extra,
    }
}
