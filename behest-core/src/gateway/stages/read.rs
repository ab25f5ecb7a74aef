//! The body, read now that its sender is known, within a bound for it and one for all of them together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::OwnedSemaphorePermit;

use crate::gateway::Gateway;
use crate::gateway::body::Fields;
use crate::gateway::context::{Admitted, ModelRequest, Operation};
use crate::gateway::idempotency::{BadKey, IdempotencyKey};
use crate::gateway::inputs::{self, Inputs, TooMuch};
use crate::gateway::providers::translate::vectors::Wanted;
use crate::gateway::refusal::{Refusal, Refuse};
use crate::types::embeddings::EncodingFormat;
use crate::types::problem::Code;

/// The longest model name.
const MAX_MODEL_BYTES: usize = 256;
/// The memory for all bodies is handed out in pieces of this size.
const PIECE: usize = 1024;

/// Why the body was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Above the limit.
    #[error("the body is above {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// All bodies together are above theirs.
    #[error("the gateway is reading as many bodies as it has memory for; try again")]
    Busy,
    /// It did not arrive.
    #[error("the body did not arrive within {seconds} s")]
    Slow {
        /// The limit.
        seconds: u64,
    },
    /// The connection broke.
    #[error("the body broke off")]
    BrokeOff,
    /// Not JSON, or not of the right form.
    #[error("the body is not the JSON that is wanted here: {0}")]
    Json(String),
    /// The header holds no key.
    #[error(transparent)]
    Key(BadKey),
    /// A field is wrong.
    #[error("`{field}` {problem}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it should be.
        problem: &'static str,
    },
    /// A field holds more than can be read.
    #[error("`{field}` {problem}")]
    TooMuch {
        /// Which.
        field: String,
        /// Of what.
        problem: TooMuch,
    },
}

impl Refuse for ReadError {
    fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::RequestTooLarge,
            Self::Busy => Code::Unavailable,
            Self::Slow { .. }
            | Self::BrokeOff
            | Self::Json(_)
            | Self::Key(_)
            | Self::Field { .. }
            | Self::TooMuch { .. } => Code::ValidationError,
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::TooMuch { field, .. } => Some(field),
            Self::Key(_) => Some("Idempotency-Key"),
            _ => None,
        }
    }
}

/// Reads a chat request.
pub async fn read(gateway: &Gateway, admitted: Admitted) -> Result<ModelRequest, Refusal> {
    let Admitted { incoming, caller, admission } = admitted;
    let (bytes, body_permit) = collect(gateway, incoming.body).await?;
    let idempotency = IdempotencyKey::of(&incoming.head, &bytes).map_err(ReadError::Key)?;
    let mut fields: Fields = serde_json::from_slice(&bytes).map_err(not_json)?;
    let (messages, roles) = messages(fields.take("messages"))?;
    let model = model(&fields)?;
    let stream = optional::<bool>(&fields, "stream", "must be true or false")?.unwrap_or(false);
    let include_usage = stream && includes_usage(&fields)?;
    // Servers know one name of it or the other: of two the larger may be the one that counts. None means 0 alike.
    let bounds = [
        optional::<u64>(&fields, "max_completion_tokens", WHOLE)?,
        optional::<u64>(&fields, "max_tokens", WHOLE)?,
    ];
    let max_tokens = bounds.into_iter().flatten().max().filter(|bound| *bound > 0);
    let answers = optional(&fields, "n", "must be a whole number, 1 or more")?.unwrap_or(1);
    Ok(ModelRequest {
        caller,
        admission,
        operation: Operation::Chat,
        head: incoming.head,
        fields,
        messages,
        roles,
        model,
        stream,
        include_usage,
        max_tokens,
        answers,
        idempotency,
        body_permit,
    })
}

/// Reads a request for embeddings.
pub async fn read_embeddings(gateway: &Gateway, admitted: Admitted) -> Result<ModelRequest, Refusal> {
    let Admitted { incoming, caller, admission } = admitted;
    let (bytes, body_permit) = collect(gateway, incoming.body).await?;
    let idempotency = IdempotencyKey::of(&incoming.head, &bytes).map_err(ReadError::Key)?;
    let fields: Fields = serde_json::from_slice(&bytes).map_err(not_json)?;
    let model = model(&fields)?;
    let encoding = optional(&fields, "encoding_format", "must be `float` or `base64`")?;
    let inputs = inputs(&fields)?;
    let wanted = Wanted {
        encoding: encoding.unwrap_or(EncodingFormat::Float),
        inputs: inputs.number(),
        prompt_tokens: inputs.tokens(),
    };
    Ok(ModelRequest {
        caller,
        admission,
        operation: Operation::Embeddings(wanted),
        head: incoming.head,
        fields,
        messages: Vec::new(),
        roles: Vec::new(),
        model,
        stream: false,
        include_usage: false,
        max_tokens: None,
        answers: 1,
        idempotency,
        body_permit,
    })
}

/// What is to be embedded, within what a call may have.
fn inputs(fields: &Fields) -> Result<Inputs, ReadError> {
    let is_there = |input: &&RawValue| input.get() != "null";
    let input = fields.get("input").filter(is_there);
    let input = input.ok_or(ReadError::Field { field: "input", problem: "is missing" })?;
    let too_much = |field, problem| ReadError::TooMuch { field, problem };
    let inputs = Inputs::of(input).map_err(|problem| too_much("input".to_owned(), problem))?;
    inputs::check_others(fields).map_err(|(field, problem)| too_much(field, problem))?;
    match inputs.number() {
        0 => Err(ReadError::Field { field: "input", problem: "must not be empty" }),
        _ => Ok(inputs),
    }
}

/// The model's name; absent, empty and `default` are the project's own.
fn model(fields: &Fields) -> Result<Option<String>, ReadError> {
    let model = optional::<String>(fields, "model", "must be text")?
        .map(|model| model.trim().to_owned())
        .filter(|model| !model.is_empty() && model != "default");
    if model.as_ref().is_some_and(|model| model.len() > MAX_MODEL_BYTES) {
        return Err(ReadError::Field { field: "model", problem: "must be a name of at most 256 bytes" });
    }
    Ok(model)
}

const WHOLE: &str = "must be a whole number of tokens, 0 or more";

/// Reads a body within every bound.
///
/// # Errors
/// [`ReadError`] says which bound it broke.
pub async fn collect(
    gateway: &Gateway,
    body: Body,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), ReadError> {
    let limit = gateway.config().max_body_bytes;
    let announced = body.size_hint().exact().unwrap_or(0);
    if announced > limit as u64 {
        return Err(ReadError::TooLarge { limit });
    }
    // All of it, however slowly its sender types.
    let seconds = gateway.config().patience_seconds.body;
    tokio::time::timeout(Duration::from_secs(seconds), gather(gateway, body, limit))
        .await
        .map_err(|_| ReadError::Slow { seconds })?
}

async fn gather(
    gateway: &Gateway,
    mut body: Body,
    limit: usize,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), ReadError> {
    let mut permit: Option<OwnedSemaphorePermit> = None;
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ReadError::BrokeOff)?.into_data() else { continue };
        if first.as_ref().map_or(0, Bytes::len) + rest.len() + data.len() > limit {
            return Err(ReadError::TooLarge { limit });
        }
        // By the total, so that a body in many small frames takes no more than its size.
        let held = permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = (first.as_ref().map_or(0, Bytes::len) + rest.len() + data.len()).div_ceil(PIECE);
        if wanted > held {
            let pieces = u32::try_from(wanted - held).unwrap_or(u32::MAX);
            let more = Arc::clone(gateway.body_memory()).try_acquire_many_owned(pieces);
            let more = more.map_err(|_| ReadError::Busy)?;
            match &mut permit {
                Some(permit) => permit.merge(more),
                None => permit = Some(more),
            }
        }
        // Most bodies come in one piece, which then is not copied.
        match &first {
            None => first = Some(data),
            Some(_) => rest.extend_from_slice(&data),
        }
    }
    let first = first.unwrap_or_default();
    if rest.is_empty() {
        return Ok((first, permit));
    }
    let mut all = BytesMut::with_capacity(first.len() + rest.len());
    all.extend_from_slice(&first);
    all.extend_from_slice(&rest);
    Ok((all.freeze(), permit))
}

type Messages = (Vec<Box<RawValue>>, Vec<String>);

fn messages(raw: Option<Box<RawValue>>) -> Result<Messages, ReadError> {
    #[derive(Deserialize)]
    struct Role {
        role: String,
    }
    const FORM: ReadError =
        ReadError::Field { field: "messages", problem: "must be a list of objects, each with a `role`" };
    let raw = raw.ok_or(ReadError::Field { field: "messages", problem: "is missing" })?;
    let messages: Vec<Box<RawValue>> = serde_json::from_str(raw.get()).map_err(|_| FORM)?;
    if messages.is_empty() {
        return Err(ReadError::Field { field: "messages", problem: "must not be empty" });
    }
    let role = |message: &RawValue| serde_json::from_str::<Role>(message.get()).map(|read| read.role);
    let roles = messages.iter().map(|message| role(message)).collect::<Result<_, _>>().map_err(|_| FORM)?;
    Ok((messages, roles))
}

fn includes_usage(fields: &Fields) -> Result<bool, ReadError> {
    #[derive(Deserialize)]
    struct Options {
        #[serde(default)]
        include_usage: Option<bool>,
    }
    let options: Option<Options> =
        optional(fields, "stream_options", "must be an object, such as {\"include_usage\": true}")?;
    Ok(options.and_then(|options| options.include_usage).unwrap_or(false))
}

/// A field that may be absent or `null`.
fn optional<T: for<'de> Deserialize<'de>>(
    fields: &Fields,
    field: &'static str,
    problem: &'static str,
) -> Result<Option<T>, ReadError> {
    fields.get(field).map_or(Ok(None), |raw| {
        serde_json::from_str(raw.get()).map_err(|_| ReadError::Field { field, problem })
    })
}

/// Where the JSON breaks, without a word of what it says.
pub fn not_json(error: serde_json::Error) -> ReadError {
    let problem = match error.classify() {
        serde_json::error::Category::Data => "it is not of the right form",
        serde_json::error::Category::Eof => "it ends too early",
        _ => "it cannot be read",
    };
    ReadError::Json(format!("{problem}, at line {} column {}", error.line(), error.column()))
}
