//! Providers with a dialect of their own: asked and understood through pure functions.

use std::collections::VecDeque;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::exchange::Sent;
use super::streaming::EventReader;
use super::translate::ask::Target;
use super::translate::chunks::Writer;
use super::translate::vectors::{Vectors, Wanted};
use super::translate::{Event, TranslateError, answer};
use super::{
    Answer, ChatCall, Chunk, Prepared, Provider, ProviderError, Summary, Whole, anthropic, cohere, exchange,
    gemini, streaming, vertex,
};
use crate::gateway::body::Fields;
use crate::gateway::clock;
use crate::gateway::ledger::record::Tokens;
use crate::sse;

/// Anthropic.
pub static ANTHROPIC: Translated = Translated {
    name: "Anthropic",
    request: anthropic::request,
    reply: anthropic::reply,
    embeddings: None,
    reader: || Box::new(anthropic::Reader::default()),
};

/// Gemini.
pub static GEMINI: Translated = Translated {
    name: "Gemini",
    request: gemini::request,
    reply: gemini::reply,
    embeddings: Some(Embedder { request: gemini::embeddings_request, reply: gemini::embeddings_reply }),
    reader: || Box::new(gemini::Reader::default()),
};

/// Gemini's models at Vertex.
pub static VERTEX: Translated = Translated {
    name: "Vertex",
    request: vertex::request,
    embeddings: Some(Embedder { request: vertex::embeddings::request, reply: vertex::embeddings::reply }),
    ..GEMINI
};

/// Cohere.
pub static COHERE: Translated = Translated {
    name: "Cohere",
    request: cohere::request,
    reply: cohere::reply,
    embeddings: Some(Embedder { request: cohere::embeddings_request, reply: cohere::embeddings_reply }),
    reader: || Box::new(cohere::Reader::default()),
};

type Request =
    fn(&[Box<RawValue>], Map<String, Value>, &Target<'_>) -> Result<(Value, Vec<String>), TranslateError>;

type EmbeddingsRequest = fn(Map<String, Value>, &str) -> Result<(Value, Vec<String>), TranslateError>;

/// What a dialect that has embeddings brings for them.
pub struct Embedder {
    /// The provider's request, and the parameters that it cannot say.
    pub request: EmbeddingsRequest,
    /// An answer.
    pub reply: fn(&[u8]) -> Result<Vectors, ProviderError>,
}

/// What a dialect brings.
pub struct Translated {
    /// The name in errors.
    pub name: &'static str,
    /// The provider's request, and the parameters that it cannot say.
    pub request: Request,
    /// A whole answer.
    pub reply: fn(&[u8]) -> Result<Vec<Event>, ProviderError>,
    /// A reader of one stream.
    pub reader: fn() -> Box<dyn DialectReader>,
    /// Embeddings, where it has them.
    pub embeddings: Option<Embedder>,
}

/// Reads one stream of a dialect.
pub trait DialectReader: Send {
    /// The events in one server-sent event.
    ///
    /// # Errors
    /// When it cannot be read, or says that the answer failed.
    fn read(&mut self, event: &sse::Event) -> Result<Vec<Event>, ProviderError>;

    /// Whether the answer is complete.
    fn is_complete(&self) -> bool;
}

impl DialectReader for anthropic::Reader {
    fn read(&mut self, event: &sse::Event) -> Result<Vec<Event>, ProviderError> {
        self.read(event)
    }

    fn is_complete(&self) -> bool {
        self.is_complete()
    }
}

impl DialectReader for gemini::Reader {
    fn read(&mut self, event: &sse::Event) -> Result<Vec<Event>, ProviderError> {
        self.read(event)
    }

    fn is_complete(&self) -> bool {
        self.is_complete()
    }
}

impl DialectReader for cohere::Reader {
    fn read(&mut self, event: &sse::Event) -> Result<Vec<Event>, ProviderError> {
        self.read(event)
    }

    fn is_complete(&self) -> bool {
        self.is_complete()
    }
}

impl Translated {
    fn embedder(&self) -> Result<&Embedder, TranslateError> {
        let reason = "it has no embeddings; name a model of a provider that has";
        self.embeddings.as_ref().ok_or_else(|| TranslateError::unsupported("model", self.name, reason))
    }
}

#[async_trait]
impl Provider for Translated {
    fn body(
        &self,
        fields: &mut Fields,
        messages: &[Box<RawValue>],
        target: &Target<'_>,
    ) -> Result<Prepared, TranslateError> {
        // What the gateway itself has read of it.
        for ours in ["model", "stream", "stream_options"] {
            fields.take(ours);
        }
        let (body, dropped) = (self.request)(messages, fields.to_map(), target)?;
        Ok(Prepared { body: bytes(&body), dropped })
    }

    fn embeddings_body(&self, fields: &mut Fields, model: &str) -> Result<Prepared, TranslateError> {
        let embedder = self.embedder()?;
        let (body, dropped) = (embedder.request)(fields.to_map(), model)?;
        Ok(Prepared { body: bytes(&body), dropped })
    }

    async fn embed(&self, call: ChatCall<'_>, wanted: &Wanted) -> Result<Whole, ProviderError> {
        let model = call.model;
        let embedder = self.embedder().map_err(|error| ProviderError::Unreachable(error.to_string()))?;
        let (body, _) = exchange::ask(call).await?;
        (embedder.reply)(&body)?.answer(model, wanted)
    }

    async fn chat(&self, call: ChatCall<'_>) -> Result<Answer, ProviderError> {
        let (stream, timeouts, model) = (call.stream, call.timeouts, call.model.to_owned());
        let Sent { response, key } = exchange::send(call).await?;
        let (id, created) = (format!("chatcmpl-{}", uuid::Uuid::new_v4().simple()), clock::now_seconds());
        if stream {
            let reader =
                Reader { dialect: (self.reader)(), writer: Writer::new(id, model, created), told: None };
            return Ok(Answer::Stream(streaming::chunks(response.into_body(), reader, timeouts, key)));
        }
        let body = exchange::whole(response.into_body(), timeouts).await?;
        let events = (self.reply)(&body).map_err(|error| error.without_key(&key))?;
        let (completion, summary) = answer::assemble(events, id, model, created);
        Ok(Answer::Whole(Whole { body: bytes(&completion), summary }))
    }
}

/// Writes a dialect's events as OpenAI's chunks.
struct Reader {
    dialect: Box<dyn DialectReader>,
    writer: Writer,
    /// The usage that went with the last chunk that had some.
    told: Option<Tokens>,
}

impl EventReader for Reader {
    fn read(&mut self, event: sse::Event, chunks: &mut VecDeque<Chunk>) -> Result<bool, ProviderError> {
        if event.data.trim_ascii() == sse::DONE {
            return Ok(true);
        }
        for event in self.dialect.read(&event)? {
            chunks.extend(chunk(&mut self.writer, event));
        }
        let so_far = self.writer.tokens();
        if let Some(last) = chunks.back_mut().filter(|_| so_far != self.told) {
            last.summary.so_far = so_far.map(Box::new);
            self.told = so_far;
        }
        Ok(false)
    }

    fn finish(&mut self, chunks: &mut VecDeque<Chunk>) -> bool {
        if !self.dialect.is_complete() {
            return false;
        }
        // Only now: what is told in the middle counts a part of the answer.
        let tokens = self.writer.tokens();
        let summary = Summary { tokens, ..Summary::default() };
        let usage = self.writer.usage();
        chunks.extend(usage.map(|usage| Chunk {
            data: bytes(&usage),
            summary,
            usage_only: true,
            ..Chunk::default()
        }));
        true
    }
}

/// The chunk of an event, with what the gateway wants to know of it.
fn chunk(writer: &mut Writer, event: Event) -> Option<Chunk> {
    let mut chunk = Chunk::default();
    match &event {
        Event::Text { choice, text } => {
            chunk.answered_bytes = text.len();
            chunk.text = (*choice == 0).then(|| text.clone());
        }
        Event::Reasoning { text, .. } | Event::Refusal { text, .. } | Event::Arguments { text, .. } => {
            chunk.answered_bytes = text.len();
            chunk.other_text = Some(text.clone());
        }
        Event::Call { name, .. } => chunk.answered_bytes = name.len(),
        Event::Finish { reason, .. } => chunk.summary.finish_reason = Some(reason.as_str().to_owned()),
        _ => {}
    }
    let written = writer.write(event)?;
    let calls =
        written.pointer("/choices/0/delta/tool_calls").filter(|_| written["choices"][0]["index"] == 0);
    chunk.tool_calls = calls.and_then(|calls| to_raw_value(calls).ok());
    chunk.data = bytes(&written);
    Some(chunk)
}

fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
