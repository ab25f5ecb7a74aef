//! Token counts that nobody reported, from bytes alone.

use serde_json::value::RawValue;

/// Bytes of JSON that make one token, on the cautious side: English has about 4 characters to a token.
const BYTES_PER_TOKEN: u64 = 4;
/// What an answer is taken to be until it is known, when the client set no bound.
const UNBOUNDED_ANSWER: u64 = 1_024;
/// No answer is taken to be longer than this, whatever bound the client sent.
const LONGEST_ANSWER: u64 = 32_768;

/// The size of a prompt.
#[must_use]
pub fn prompt(messages: &[Box<RawValue>]) -> u64 {
    messages.iter().map(|message| text(message.get().len())).sum()
}

/// The size of `bytes` bytes of text.
#[must_use]
pub fn text(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES_PER_TOKEN)
}

/// The size of an answer that has not come yet: the client's bound, within reason.
#[must_use]
pub fn answer(max_tokens: Option<u64>) -> u64 {
    max_tokens.map_or(UNBOUNDED_ANSWER, |bound| bound.min(LONGEST_ANSWER))
}
