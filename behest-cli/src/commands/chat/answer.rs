//! One answer: asked for, shown as it comes, cancelled by Ctrl-C.

use std::pin::pin;
use std::time::{Duration, Instant};

use behest_core::client::{CallOptions, ChatStream};
use behest_core::types::chat::{ChatCompletion, ChatRequest, Usage};
use behest_core::{Client, Error};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::conversation::Conversation;
use crate::commands::tally::Tally;
use crate::identity::Identity;
use crate::printer::{LiveText, Printer};
use crate::report::Report;

/// How a question ended.
pub enum Outcome {
    /// With the whole answer.
    Whole(Answer),
    /// With Ctrl-C; what had come by then.
    Cancelled(String),
}

/// A whole answer.
pub struct Answer {
    /// What the model said.
    pub text: String,
    /// What it used.
    pub tally: Tally,
    model: String,
    finish_reason: Option<String>,
    took: Duration,
}

impl Answer {
    /// Model, tokens, cost and time on one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let took = self.took.as_secs_f64();
        let ended = match self.finish_reason.as_deref() {
            None | Some("stop") => String::new(),
            Some(reason) => format!(", ended by {reason}"),
        };
        format!("{}: {}, {took:.1} s{ended}", self.model, self.tally)
    }
}

/// Asks one gateway for answers.
pub struct Asker {
    client: Client,
    /// Whether calls carry the API key itself, which is told what they cost, as a minted token is not.
    as_api_key: bool,
    model: Option<String>,
    session: Option<String>,
    stream: bool,
    printer: Printer,
}

impl Asker {
    /// Asks as `identity`.
    #[must_use]
    pub fn new(
        identity: Identity,
        model: Option<String>,
        session: Option<String>,
        stream: bool,
        printer: Printer,
    ) -> Self {
        Self { as_api_key: identity.has_api_key(), client: identity.client, model, session, stream, printer }
    }

    /// The client itself.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The model that is asked; `None` is the project's own.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Asks another model from now on.
    pub fn set_model(&mut self, model: String) {
        self.model = Some(model);
    }

    /// Asks, and shows the answer.
    ///
    /// # Errors
    /// [`Report`] when the gateway refuses, or the answer breaks off.
    pub async fn ask(&mut self, conversation: &Conversation, prompt: &str) -> Result<Outcome, Report> {
        let started = Instant::now();
        let request = ChatRequest {
            model: self.model.clone(),
            messages: conversation.messages(prompt),
            ..ChatRequest::default()
        };
        // One listener for the whole answer, so that no Ctrl-C falls between two of them.
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        let answered = tokio::select! {
            opened = self.open(conversation, &request) => opened?,
            _ = &mut interrupted => return Ok(Outcome::Cancelled(String::new())),
        };
        let whole = match answered {
            Answered::Whole(answer) => answer,
            Answered::Stream(mut stream) => {
                let mut shown = Shown::new(self.printer, &stream);
                loop {
                    let chunk = tokio::select! {
                        chunk = stream.next() => chunk,
                        _ = &mut interrupted => return shown.cancel(),
                    };
                    match chunk {
                        Some(Ok(chunk)) => shown.push(&chunk)?,
                        Some(Err(error)) => return shown.fail(error),
                        None => break shown.finish()?,
                    }
                }
            }
        };
        Ok(Outcome::Whole(Answer { took: started.elapsed(), ..whole }))
    }

    /// Opens the stream, or waits for the whole answer. Where the project refuses API keys on the data plane, a
    /// minted token does it.
    async fn open(&mut self, conversation: &Conversation, request: &ChatRequest) -> Result<Answered, Report> {
        match self.call(conversation, request).await {
            Err(Failed::Call(error)) if self.as_api_key && error.status() == Some(401) => {
                self.as_api_key = false;
                Ok(self.call(conversation, request).await?)
            }
            answered => Ok(answered?),
        }
    }

    async fn call(&self, conversation: &Conversation, request: &ChatRequest) -> Result<Answered, Failed> {
        let options = self.options(conversation);
        if self.stream {
            let request = request.clone().with("stream_options", json!({ "include_usage": true }));
            return Ok(Answered::Stream(self.client.chat().stream(&request, &options).await?));
        }
        let reply = self.client.chat().create(request, &options).await?;
        let cost_usd = reply.meta.cost_usd;
        let text = reply.data.text().to_owned();
        if self.printer.json() {
            self.printer.answer(&with_cost(&reply.data, cost_usd), |_| String::new())?;
        } else {
            let mut live = LiveText::new(self.printer);
            live.push(&text)?;
            live.finish()?;
        }
        Ok(Answered::Whole(Answer {
            text,
            tally: Tally::of(reply.data.usage.as_ref(), cost_usd),
            model: reply.data.model.clone(),
            finish_reason: reply.data.choices.first().and_then(|choice| choice.finish_reason.clone()),
            took: Duration::ZERO,
        }))
    }

    fn options(&self, conversation: &Conversation) -> CallOptions {
        CallOptions {
            user_id: Some(self.client.config().default_user_id.clone()),
            session_id: self.session.clone(),
            thread_id: conversation.thread().map(str::to_owned),
            as_api_key: self.as_api_key,
            ..CallOptions::default()
        }
    }
}

enum Answered {
    Whole(Answer),
    Stream(ChatStream),
}

/// A call that failed, kept apart from output that did.
enum Failed {
    Call(Error),
    Output(crate::printer::OutputError),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<crate::printer::OutputError> for Failed {
    fn from(error: crate::printer::OutputError) -> Self {
        Self::Output(error)
    }
}

impl From<Failed> for Report {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Call(error) => error.into(),
            Failed::Output(error) => error.into(),
        }
    }
}

/// A streamed answer as far as it has come.
struct Shown {
    live: LiveText,
    text: String,
    model: String,
    usage: Option<Usage>,
    cost_usd: Option<f64>,
    finish_reason: Option<String>,
}

impl Shown {
    fn new(printer: Printer, stream: &ChatStream) -> Self {
        Self {
            live: LiveText::new(printer),
            text: String::new(),
            model: stream.meta().model.clone().unwrap_or_default(),
            usage: None,
            cost_usd: stream.meta().cost_usd,
            finish_reason: None,
        }
    }

    fn push(&mut self, chunk: &behest_core::types::chat::ChatCompletionChunk) -> Result<(), Report> {
        if !chunk.model.is_empty() {
            self.model.clone_from(&chunk.model);
        }
        if let Some(usage) = &chunk.usage {
            self.usage = Some(usage.clone());
        }
        if let Some(cost) = chunk.extra.get("behest").and_then(|behest| behest.get("cost_usd")) {
            self.cost_usd = cost.as_f64();
        }
        if let Some(reason) = chunk.choices.first().and_then(|choice| choice.finish_reason.as_ref()) {
            self.finish_reason = Some(reason.clone());
        }
        let piece = chunk.text();
        if !piece.is_empty() {
            self.text.push_str(piece);
            self.live.push(piece)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Answer, Report> {
        self.live.finish()?;
        Ok(Answer {
            text: self.text,
            tally: Tally::of(self.usage.as_ref(), self.cost_usd),
            model: self.model,
            finish_reason: self.finish_reason,
            took: Duration::ZERO,
        })
    }

    fn cancel(self) -> Result<Outcome, Report> {
        self.live.abandon()?;
        Ok(Outcome::Cancelled(self.text))
    }

    fn fail(self, error: Error) -> Result<Outcome, Report> {
        self.live.abandon()?;
        Err(error.into())
    }
}

/// The answer as it came, with its cost where a stream's last chunk would carry it.
fn with_cost(completion: &ChatCompletion, cost_usd: Option<f64>) -> ChatCompletion {
    let mut completion = completion.clone();
    if let Some(cost_usd) = cost_usd {
        let behest = completion.extra.entry("behest").or_insert_with(|| json!({}));
        if let Value::Object(behest) = behest {
            behest.insert("cost_usd".to_owned(), json!(cost_usd));
        }
    }
    completion
}
