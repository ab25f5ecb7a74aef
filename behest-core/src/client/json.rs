//! The client for programs whose values are JSON text already, such as those of another language.
//!
//! What is asked and what is answered stays text, so that it is read once, where it is used. The typed groups of the
//! [`Client`] are the same calls with Rust's own types around them.

mod fields;
mod options;
mod stream;

use bytes::Bytes;
use http::Method;

use super::Client;
use super::options::{CallOptions, check_thread};
use super::reply::{Meta, Reply};
use super::send::{Outgoing, read_text};
use super::threads::ThreadQuery;
use super::usage::UsageQuery;
use crate::error::Error;

pub(crate) use self::fields::Fields;
pub(crate) use self::options::in_configuration;
pub use self::options::resolve_config;
pub use self::stream::JsonStream;

/// Everything that a client can ask of a gateway but a token, for which there is [`Auth`](super::Auth).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonCall {
    /// A chat completion. The body is sent as it is.
    Chat(Bytes),
    /// Vectors of texts. The body is sent as it is.
    Embeddings(Bytes),
    /// The user's threads.
    Threads(ThreadQuery),
    /// One thread.
    Thread(String),
    /// What was said in a thread.
    ThreadMessages(String),
    /// Deletes a thread; the answer is `null`.
    DeleteThread(String),
    /// What was used.
    Usage(Box<UsageQuery>),
    /// What it cost.
    Billing {
        /// First instant, RFC 3339, included.
        from: Option<String>,
        /// Last instant, RFC 3339, excluded.
        to: Option<String>,
    },
    /// The models that the project may call.
    Models,
    /// One model.
    Model(String),
}

impl JsonCall {
    /// The call of this name. `parameters` is a JSON object; what is absent, `null` or empty text is left out.
    ///
    /// | name | parameters |
    /// |---|---|
    /// | `chat.completions.create` | the body, sent as it is, `stream` too |
    /// | `embeddings.create` | the body, sent as it is |
    /// | `threads.list` | `limit`, `before` |
    /// | `threads.get`, `threads.messages`, `threads.delete` | `id` |
    /// | `usage.get` | `from`, `to`, `granularity`, `user_id`, `session_id`, `thread_id`, `model`, `provider`, `tier`, `api_key_id`, `status`, `tag`, `group_by`, `limit`, `cursor` |
    /// | `usage.billing` | `from`, `to` |
    /// | `models.list` | |
    /// | `models.get` | `id` |
    ///
    /// # Errors
    /// [`Error::Request`] for a name that is none, and for a parameter that is unknown or of the wrong type.
    pub fn parse(name: &str, parameters: impl Into<Bytes>) -> Result<Self, Error> {
        let parameters = parameters.into();
        match name {
            "chat.completions.create" => return Ok(Self::Chat(parameters)),
            "embeddings.create" => return Ok(Self::Embeddings(parameters)),
            _ => {}
        }
        let mut fields = Fields::read(&parameters)?;
        let call = match name {
            "threads.list" => {
                Self::Threads(ThreadQuery { limit: fields.count("limit")?, before: fields.text("before")? })
            }
            "threads.get" => Self::Thread(fields.id()?),
            "threads.messages" => Self::ThreadMessages(fields.id()?),
            "threads.delete" => Self::DeleteThread(fields.id()?),
            "usage.get" => Self::Usage(Box::new(UsageQuery {
                from: fields.text("from")?,
                to: fields.text("to")?,
                granularity: fields.text("granularity")?,
                user_id: fields.text("user_id")?,
                session_id: fields.text("session_id")?,
                thread_id: fields.text("thread_id")?,
                model: fields.text("model")?,
                provider: fields.text("provider")?,
                tier: fields.text("tier")?,
                api_key_id: fields.text("api_key_id")?,
                status: fields.text("status")?,
                tag: fields.text("tag")?,
                group_by: fields.text("group_by")?,
                limit: fields.count("limit")?,
                cursor: fields.text("cursor")?,
            })),
            "usage.billing" => Self::Billing { from: fields.text("from")?, to: fields.text("to")? },
            "models.list" => Self::Models,
            "models.get" => Self::Model(fields.id()?),
            _ => return Err(Error::request("call", "there is no call of this name")),
        };
        fields.end()?;
        Ok(call)
    }

    /// The call's name: see [`parse`](Self::parse).
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Chat(_) => "chat.completions.create",
            Self::Embeddings(_) => "embeddings.create",
            Self::Threads(_) => "threads.list",
            Self::Thread(_) => "threads.get",
            Self::ThreadMessages(_) => "threads.messages",
            Self::DeleteThread(_) => "threads.delete",
            Self::Usage(_) => "usage.get",
            Self::Billing { .. } => "usage.billing",
            Self::Models => "models.list",
            Self::Model(_) => "models.get",
        }
    }

    /// The request that the call makes.
    pub(super) fn outgoing(&self, client: &Client) -> Result<Outgoing, Error> {
        let get = |path: &[&str], query: &[(&str, Option<&str>)]| {
            client.address(path, query).map(|url| Outgoing::get(self.name(), url))
        };
        let post = |path: &[&str], body: &Bytes| {
            client.address(path, &[]).map(|url| Outgoing::post(self.name(), url, body.clone()))
        };
        match self {
            Self::Chat(body) => post(&["v1", "chat", "completions"], body),
            Self::Embeddings(body) => post(&["v1", "embeddings"], body),
            Self::Threads(query) => {
                let limit = query.limit.map(|limit| limit.to_string());
                let query = [("limit", limit.as_deref()), ("before", query.before.as_deref())];
                get(&["v1", "threads"], &query)
            }
            Self::Thread(id) => get(&["v1", "threads", &check_thread(id)?], &[]),
            Self::ThreadMessages(id) => get(&["v1", "threads", &check_thread(id)?, "messages"], &[]),
            Self::DeleteThread(id) => {
                let outgoing = get(&["v1", "threads", &check_thread(id)?], &[])?;
                Ok(Outgoing { method: Method::DELETE, ..outgoing })
            }
            Self::Usage(query) => {
                let limit = query.limit.map(|limit| limit.to_string());
                let query = [
                    ("from", query.from.as_deref()),
                    ("to", query.to.as_deref()),
                    ("granularity", query.granularity.as_deref()),
                    ("user_id", query.user_id.as_deref()),
                    ("session_id", query.session_id.as_deref()),
                    ("thread_id", query.thread_id.as_deref()),
                    ("model", query.model.as_deref()),
                    ("provider", query.provider.as_deref()),
                    ("tier", query.tier.as_deref()),
                    ("api_key_id", query.api_key_id.as_deref()),
                    ("status", query.status.as_deref()),
                    ("tag", query.tag.as_deref()),
                    ("group_by", query.group_by.as_deref()),
                    ("limit", limit.as_deref()),
                    ("cursor", query.cursor.as_deref()),
                ];
                get(&["v1", "usage"], &query)
            }
            Self::Billing { from, to } => {
                get(&["v1", "billing", "usage"], &[("from", from.as_deref()), ("to", to.as_deref())])
            }
            Self::Models => get(&["v1", "models"], &[]),
            // An empty name, or dots, would be read as part of the path and answer with the list.
            Self::Model(id) if matches!(id.as_str(), "" | "." | "..") => {
                Err(Error::request("model", "this is no model's name"))
            }
            Self::Model(id) => get(&["v1", "models", id], &[]),
        }
    }
}

impl Client {
    /// Asks, and gives the answer's JSON text; `null` for a deletion.
    ///
    /// # Errors
    /// When the gateway or its provider refuses, when no answer comes in time, or when it is not JSON.
    pub async fn call_json(&self, call: &JsonCall, options: &CallOptions) -> Result<Reply<Bytes>, Error> {
        let answer = self.send(&call.outgoing(self)?, options).await?;
        if matches!(call, JsonCall::DeleteThread(_)) {
            return Ok(Reply::new(Bytes::from_static(b"null"), Meta::read(&answer.headers)));
        }
        read_text(answer).await
    }

    /// Asks for a chat completion whose body says `"stream": true`, and gives its chunks as they arrive.
    ///
    /// The call is made at once: what goes wrong before the first byte is an error here. After it nothing is tried
    /// again, and what goes wrong ends the stream.
    ///
    /// # Errors
    /// When the gateway or its provider refuses, or when the answer does not begin in time.
    pub async fn stream_json(&self, call: &JsonCall, options: &CallOptions) -> Result<JsonStream, Error> {
        let outgoing = Outgoing { streamed: true, ..call.outgoing(self)? };
        let answer = self.send(&outgoing, options).await?;
        Ok(JsonStream::new(answer))
    }
}
