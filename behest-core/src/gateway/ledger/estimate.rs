//! Token counts that nobody reported, from bytes alone.

use serde_json::value::RawValue;

use super::media;

/// Bytes of JSON that make one token, on the cautious side: English has about 4 characters to a token.
const BYTES_PER_TOKEN: u64 = 4;
/// What an answer is taken to be until it is known, when the client set no bound.
pub const UNBOUNDED_ANSWER: u64 = 1_024;
/// No answer is taken to be longer than this, whatever bound the client sent.
pub const LONGEST_ANSWER: u64 = 32_768;

/// How large something is that a model reads, from its bytes alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// What it is likely to be, in tokens.
    pub tokens: u64,
    /// What its text cannot be above, in tokens: the tokenizers in use make at least one byte of each. Pictures, sound and
    /// documents count what is usual.
    pub bound: u64,
}

impl Size {
    /// What it hardly is below: texts of which a tokenizer makes less are not written by people.
    #[must_use]
    pub const fn least(self) -> u64 {
        self.tokens / 4
    }

    /// Text of so many bytes.
    #[must_use]
    pub fn of_text(bytes: usize) -> Self {
        Self { tokens: text(bytes), bound: bytes as u64 }
    }
}

impl std::ops::AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.bound = self.bound.saturating_add(other.bound);
    }
}

/// The size of a prompt.
#[must_use]
pub fn prompt(messages: &[Box<RawValue>]) -> Size {
    let mut size = Size::default();
    messages.iter().for_each(|message| size += sized(message));
    size
}

/// The size of a message in tokens, as it is likely to be.
#[must_use]
pub fn message(message: &RawValue) -> u64 {
    sized(message).tokens
}

/// The size of a message: its JSON as text, and as much as is usual for each picture in it.
fn sized(message: &RawValue) -> Size {
    let json = message.get().as_bytes();
    let (mut data, mut bytes) = (0, 0);
    for string in strings(json).filter(|string| media::is_data(string)) {
        data += 1;
        bytes += string.len();
    }
    let Size { tokens, bound } = Size::of_text(json.len() - bytes);
    Size { tokens: tokens + data * media::TOKENS, bound: bound + data * media::TOKENS }
}

/// The strings in JSON, as they stand there. It was parsed before, and so each quote has its partner.
fn strings(mut json: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let begin = memchr::memchr(b'"', json)? + 1;
        let mut end = begin;
        loop {
            end += memchr::memchr2(b'"', b'\\', json.get(end..)?)?;
            if json[end] == b'"' {
                break;
            }
            end += 2;
        }
        let string = &json[begin..end];
        json = &json[end + 1..];
        Some(string)
    })
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json, value::to_raw_value};

    use super::*;

    fn counted(message: &Value) -> u64 {
        super::message(&to_raw_value(message).expect("json"))
    }

    fn url(size: usize) -> String {
        format!("data:image/png;base64,{}", "iVBO".repeat(size / 4))
    }

    fn part(url: &str) -> Value {
        json!({ "type": "image_url", "image_url": { "url": url } })
    }

    #[test]
    fn a_picture_counts_the_same_whatever_its_size() {
        let one = |url: &str| json!({ "role": "user", "content": [{ "type": "text", "text": "what?" }, part(url)] });
        let without = counted(&one(""));
        assert_eq!(counted(&one(&url(40))), without + media::TOKENS);
        assert_eq!(counted(&one(&url(4 << 20))), without + media::TOKENS);
        let three =
            json!({ "role": "user", "content": [part(&url(400)), part(&url(500_000)), part(&url(8))] });
        let empty = json!({ "role": "user", "content": [part(""), part(""), part("")] });
        assert_eq!(counted(&three), counted(&empty) + 3 * media::TOKENS);
        let tool = |url: &str| json!({ "role": "tool", "tool_call_id": "c", "content": [part(url)] });
        assert_eq!(counted(&tool(&url(500_000))), counted(&tool("")) + media::TOKENS);
        let sound = |data: &str| json!({ "role": "user", "content": [{ "type": "input_audio", "input_audio": { "data": data, "format": "wav" } }] });
        assert_eq!(counted(&sound(&"UklG".repeat(100_000))), counted(&sound("")) + media::TOKENS);
    }

    #[test]
    fn whoever_escapes_slashes_says_the_same() {
        let json = format!(r#"{{"url":"data:image\/png;base64,{}"}}"#, r"ab\/c".repeat(10_000));
        let raw = RawValue::from_string(json).expect("json");
        assert_eq!(super::message(&raw), text(10) + media::TOKENS);
    }

    #[test]
    fn text_that_speaks_of_data_is_text() {
        for content in [
            "data: 1, 2, 3".to_owned(),
            format!("see {}", url(4_000)),
            format!("{} is broken, why?", url(4_000)),
            // A tool's result as text: the model gets all of it.
            json!({ "image": url(4_000), "path": "C:\\" }).to_string(),
            "\"data:image/png;base64,iVBO\"".to_owned(),
            "\\\"".repeat(1_000),
        ] {
            let message = json!({ "role": "user", "content": content });
            assert_eq!(counted(&message), text(message.to_string().len()), "{content}");
        }
    }
}
