//! What is read from an answer; the answer itself goes on as it came.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::gateway::ledger::record::Tokens;
use crate::gateway::providers::complaint::{self, MAX_TOKENS};
use crate::gateway::providers::{Chunk, ProviderError, Summary};

#[derive(Deserialize)]
struct Reply<'r> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'r>>>,
    #[serde(borrow, default)]
    usage: Option<&'r RawValue>,
    #[serde(borrow, default)]
    error: Option<&'r RawValue>,
}

#[derive(Deserialize)]
struct Choice<'r> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'r, str>>,
    #[serde(borrow, default)]
    delta: Option<Delta<'r>>,
}

#[derive(Deserialize)]
struct Delta<'r> {
    #[serde(borrow, default)]
    content: Option<&'r RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'r RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'r RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'r RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'r RawValue>,
    #[serde(borrow, default)]
    audio: Option<&'r RawValue>,
}

impl Delta<'_> {
    /// Its words: the text, or else thoughts or a refusal. Some servers give thoughts under both names.
    fn words(&self) -> impl Iterator<Item = &RawValue> {
        [self.content, self.reasoning_content.or(self.reasoning), self.refusal].into_iter().flatten()
    }

    /// How much of an answer it brings, for an estimate if the provider never says.
    fn bytes(&self) -> usize {
        self.words().chain(self.audio).chain(self.tool_calls).map(length).sum()
    }
}

/// Without the quotes; an empty text and `null` bring nothing.
fn length(raw: &RawValue) -> usize {
    if raw.get() == "null" { 0 } else { raw.get().len().saturating_sub(2) }
}

/// OpenAI's `prompt_tokens` includes cached ones and `completion_tokens` includes reasoning.
#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl Usage {
    /// In disjoint buckets; `None` for an object without numbers, which is no report at all.
    fn tokens(&self) -> Option<Tokens> {
        let cached = self.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens);
        let reasoning = self.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens);
        if self.prompt_tokens.is_none() && self.completion_tokens.is_none() {
            return None;
        }
        Some(Tokens {
            input: self.prompt_tokens.map(|all| all.min(MAX_TOKENS).saturating_sub(cached.unwrap_or(0))),
            cache_read: cached.map(|cached| cached.min(MAX_TOKENS)),
            cache_write: None,
            cache_write_1h: None,
            output: self
                .completion_tokens
                .map(|all| all.min(MAX_TOKENS).saturating_sub(reasoning.unwrap_or(0))),
            reasoning: reasoning.map(|reasoning| reasoning.min(MAX_TOKENS)),
        })
    }
}

/// What the provider says it used. A report that cannot be read is none: the answer is paid for and goes on.
fn tokens(usage: Option<&RawValue>) -> Option<Tokens> {
    serde_json::from_str::<Option<Usage>>(usage?.get()).ok().flatten().as_ref().and_then(Usage::tokens)
}

/// Reads a whole answer.
pub(super) fn summary(body: &[u8]) -> Result<Summary, ProviderError> {
    let reply: Reply<'_> =
        serde_json::from_slice(body).map_err(|_| ProviderError::Garbage("it is not a chat completion"))?;
    if let Some(error) = reply.error.filter(|error| error.get() != "null") {
        return Err(ProviderError::InStream { message: complaint::of_body(error.get().as_bytes()).0 });
    }
    let Some(choices) = &reply.choices else {
        return Err(ProviderError::Garbage("it has no choices"));
    };
    let finish_reason = choices.first().and_then(|choice| choice.finish_reason.as_deref()).map(str::to_owned);
    Ok(Summary { tokens: tokens(reply.usage), finish_reason, so_far: None })
}

/// Reads one event of a stream.
pub(super) fn chunk(data: bytes::Bytes) -> Result<Chunk, ProviderError> {
    let reply: Reply<'_> = serde_json::from_slice(&data)
        .map_err(|_| ProviderError::Garbage("an event of the stream is not a chunk"))?;
    if let Some(error) = reply.error.filter(|error| error.get() != "null") {
        return Err(ProviderError::InStream { message: complaint::of_body(error.get().as_bytes()).0 });
    }
    let choices = reply.choices.unwrap_or_default();
    let first = choices.iter().find(|choice| choice.index.unwrap_or(0) == 0);
    let delta = first.and_then(|choice| choice.delta.as_ref());
    let present = |value: &&RawValue| value.get() != "null";
    let finish_reason = choices.iter().find_map(|choice| choice.finish_reason.as_deref()).map(str::to_owned);
    // Some servers tell the usage with every piece; only the one that comes at the end is the whole.
    let (tokens, so_far) = match tokens(reply.usage) {
        tokens if choices.is_empty() || finish_reason.is_some() => (tokens, None),
        so_far => (None, so_far.map(Box::new)),
    };
    let decode = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    let text = delta.and_then(|delta| delta.content).and_then(decode);
    let mut answered_bytes: usize =
        choices.iter().filter_map(|choice| choice.delta.as_ref()).map(Delta::bytes).sum();
    let spoken = delta.and_then(|delta| delta.words().find(|raw| length(raw) > 0));
    let other_text = spoken.filter(|_| text.as_deref().is_none_or(str::is_empty)).and_then(decode);
    if let (Some(words), Some(raw)) = (other_text.as_ref().or(text.as_ref()), spoken) {
        // The words themselves: escapes make their JSON longer.
        answered_bytes = (answered_bytes + words.len()).saturating_sub(length(raw));
    }
    let chunk = Chunk {
        summary: Summary { tokens, finish_reason, so_far },
        text,
        other_text,
        tool_calls: delta.and_then(|delta| delta.tool_calls).filter(present).map(ToOwned::to_owned),
        answered_bytes,
        usage_only: choices.is_empty() && reply.usage.is_some_and(|usage| usage.get() != "null"),
        data: bytes::Bytes::new(),
    };
    Ok(Chunk { data, ..chunk })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_falls_into_disjoint_buckets_that_add_up() {
        let body = br#"{"model":"gpt-x","choices":[{"index":0,"finish_reason":"stop","message":{}}],"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":20}}}"#;
        let summary = summary(body).expect("an answer");
        let tokens = summary.tokens.expect("usage");
        assert_eq!((tokens.total_input(), tokens.total_output()), (100, 50));
        assert_eq!((tokens.input, tokens.cache_read, tokens.cache_write), (Some(40), Some(60), None));
        assert_eq!((tokens.output, tokens.reasoning), (Some(30), Some(20)));
        assert_eq!(summary.finish_reason.as_deref(), Some("stop"));
    }

    #[test]
    fn missing_usage_is_unknown_and_not_zero() {
        for usage in
            ["", r#","usage":null"#, r#","usage":{}"#, r#","usage":"""#, r#","usage":{"prompt_tokens":-1}"#]
        {
            let body = format!(r#"{{"choices":[]{usage}}}"#);
            assert_eq!(summary(body.as_bytes()).expect("an answer").tokens, None, "{usage}");
        }
        let zero = summary(br#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#);
        assert_eq!(zero.expect("an answer").tokens.map(|tokens| tokens.input), Some(Some(0)));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for garbage in [&b"<html>"[..], b"{}", b"[]", b"\xff\xfe", br#"{"choices":{}}"#] {
            assert!(matches!(summary(garbage), Err(ProviderError::Garbage(_))), "{garbage:?}");
        }
        let error = summary(br#"{"error":{"message":"overloaded"}}"#);
        assert!(matches!(error, Err(ProviderError::InStream { message }) if message == "overloaded"));
    }

    #[test]
    fn a_chunk_gives_its_text_and_goes_on_as_it_came() {
        let data = bytes::Bytes::from_static(
            br#"{"id":"x","choices":[{"index":0,"delta":{"content":"h\u00e9"},"finish_reason":null}],"new":1}"#,
        );
        let read = chunk(data.clone()).expect("a chunk");
        assert_eq!(read.text.as_deref(), Some("hé"));
        assert_eq!(read.data, data);
        assert!(!read.usage_only);
        let usage = chunk(bytes::Bytes::from_static(
            br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        ));
        assert!(usage.expect("a chunk").usage_only);
    }
}
