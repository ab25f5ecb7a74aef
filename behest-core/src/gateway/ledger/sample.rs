//! Text to be counted: as much of it as is kept, and how much there was.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{estimate, media, tokenizer};

/// What is kept of a text. The rest is taken to be like it.
const MAX_KEPT: usize = 4 << 10;
/// A larger body is not looked into.
const MAX_BODY: usize = 1 << 20;
/// Bytes of prose that hardly make more than one token.
const SPARSEST: u64 = 6;
/// What OpenAI's guide to counting adds to each message, its role included, and to the whole.
const TOKENS_PER_MESSAGE: u64 = 4;
const TOKENS_PER_PROMPT: u64 = 3;
/// Fields whose texts are no words of anybody's.
const NO_WORDS: [&str; 8] =
    ["role", "type", "id", "model", "tool_call_id", "tool_use_id", "format", "signature"];

/// Families of models whose tokenizers are not OpenAI's, by a part of the name: how many tokens they make of a text of
/// which OpenAI's makes a hundred. Rough, and on the cautious side. Claude: published comparisons find 16 (prose) to 30
/// (code) more. Gemini: Google says 100 tokens to 60 to 80 English words, OpenAI to 75. Mistral: its vocabulary has two
/// thirds of the size; Cohere's is larger.
const FAMILIES: [(&str, u64); 9] = [
    ("claude", 125),
    ("gemini", 107),
    ("mistral", 110),
    ("mixtral", 110),
    ("ministral", 110),
    ("magistral", 110),
    ("codestral", 110),
    ("devstral", 110),
    ("command", 100),
];

/// A text's beginning and its length.
#[derive(Debug, Default)]
pub struct Sample {
    kept: String,
    bytes: usize,
    /// What is counted without being text.
    beside: u64,
}

impl Sample {
    /// Adds `bytes` bytes of an answer, `text` among them.
    pub fn add(&mut self, text: Option<&str>, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        let room = MAX_KEPT - self.kept.len();
        if let Some(text) = text.filter(|_| room > 0) {
            self.kept.push_str(&text[..text.floor_char_boundary(room)]);
        }
    }

    /// The words in a whole answer of OpenAI's dialect. Its messages take nothing beside them.
    #[must_use]
    pub fn of_answer(body: &[u8]) -> Self {
        let mut sample = Self::default();
        match parse(body) {
            Some(answer) => {
                let choices = answer["choices"].as_array().into_iter().flatten();
                let messages = choices.filter_map(|choice| choice["message"].as_object());
                messages.for_each(|message| sample.read_fields(message));
            }
            None => sample.bytes = body.len(),
        }
        sample
    }

    /// The words in a request, in whatever dialect.
    #[must_use]
    pub fn of_request(body: &[u8]) -> Self {
        let mut sample = Self { beside: TOKENS_PER_PROMPT, ..Self::default() };
        match parse(body) {
            Some(request) => sample.read(&request),
            None => sample.bytes = body.len(),
        }
        sample
    }

    fn read(&mut self, value: &Value) {
        match value {
            Value::String(text) if media::is_data(text.as_bytes()) => self.beside += media::TOKENS,
            Value::String(text) => self.add(Some(text), text.len()),
            Value::Array(items) => items.iter().for_each(|item| self.read(item)),
            Value::Object(fields) => {
                if fields.contains_key("role") {
                    self.beside += TOKENS_PER_MESSAGE;
                }
                self.read_fields(fields);
            }
            _ => {}
        }
    }

    fn read_fields(&mut self, fields: &Map<String, Value>) {
        let words = fields.iter().filter(|(name, _)| !NO_WORDS.contains(&name.as_str()));
        words.for_each(|(_, value)| self.read(value));
    }

    /// What no tokenizer makes less of it than, as far as is known: OpenAI's count, and that of prose while it is not
    /// ready.
    #[must_use]
    pub fn at_least(&self) -> u64 {
        let counted = if self.kept.is_empty() { None } else { tokenizer::count(&self.kept) };
        let Some(counted) = counted else { return self.as_prose() };
        counted.saturating_mul(self.bytes.max(self.kept.len()) as u64) / self.kept.len() as u64
    }

    /// What it is if it is like prose.
    #[must_use]
    pub const fn as_prose(&self) -> u64 {
        self.bytes as u64 / SPARSEST
    }

    /// How many tokens `model` makes of it. Counted by bytes while the tokenizer is not ready, and where no text was kept.
    #[must_use]
    pub fn tokens(&self, model: &str) -> u64 {
        let counted = if self.kept.is_empty() { None } else { tokenizer::count(&self.kept) };
        let Some(counted) = counted else { return estimate::text(self.bytes) + self.beside };
        let kept = self.kept.len() as u64;
        let scaled = counted.saturating_mul(self.bytes.max(self.kept.len()) as u64).div_ceil(kept);
        scaled.saturating_mul(percent(model)).div_ceil(100) + self.beside
    }
}

fn parse(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().filter(|_| body.len() <= MAX_BODY)
}

fn percent(model: &str) -> u64 {
    let model: Cow<'_, str> = match model.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => model.to_ascii_lowercase().into(),
        false => model.into(),
    };
    FAMILIES.iter().find(|(name, _)| model.contains(name)).map_or(100, |(_, percent)| *percent)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ready() {
        while tokenizer::count("a").is_none() {
            std::thread::yield_now();
        }
    }

    fn said(text: &str) -> Sample {
        let mut sample = Sample::default();
        sample.add(Some(text), text.len());
        sample
    }

    /// What another implementation of OpenAI's tokenizer counts.
    const COUNTED: [(&str, u64); 5] = [
        ("hello world", 2),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("fn main() { println!(\"{}\", 1 + 1); }", 13),
        ("漢字を数える。", 6),
        ("", 0),
    ];

    #[test]
    fn openais_texts_are_counted_exactly_and_others_by_their_family() {
        ready();
        for (text, wanted) in COUNTED {
            assert_eq!(said(text).tokens("gpt-5"), wanted, "{text}");
        }
        let text = "The quick brown fox jumps over the lazy dog. ".repeat(10);
        let openai = said(&text).tokens("some-model");
        assert_eq!(said(&text).tokens("anthropic/Claude-sonnet-4-5"), (openai * 125).div_ceil(100));
        assert_eq!(said(&text).tokens("gemini-2.5-flash"), (openai * 107).div_ceil(100));
    }

    #[test]
    fn a_text_in_pieces_counts_as_the_whole_one() {
        ready();
        let mut pieces = Sample::default();
        for piece in ["hel", "lo wo", "rld"] {
            pieces.add(Some(piece), piece.len());
        }
        assert_eq!(pieces.tokens("gpt-5"), 2);
        pieces.add(None, 11);
        assert_eq!(pieces.tokens("gpt-5"), 4, "what is not kept is like what is");
    }

    #[test]
    fn no_text_costs_much_however_long_and_however_strange_it_is() {
        ready();
        let sentence = "The quick brown fox jumps over the lazy dog. ";
        let long = said(&sentence.repeat(100_000));
        let exact = said(&sentence.repeat(91)).tokens("gpt-5") as f64 / 91.0 * 100_000.0;
        assert!((long.tokens("gpt-5") as f64 / exact - 1.0).abs() < 0.01);
        assert!(long.kept.len() <= MAX_KEPT);
        for strange in [" ", "\n", "a", "A", "a\u{301}", "'s", "\u{1F469}\u{200D}"] {
            assert!(said(&strange.repeat(1 << 20)).tokens("gpt-5") > 0, "{strange:?}");
        }
    }

    #[test]
    fn a_request_is_its_words_and_something_for_each_message_and_picture() {
        ready();
        let count = |request: Value| Sample::of_request(request.to_string().as_bytes()).tokens("gpt-5");
        let message = json!({ "role": "user", "content": "hello world" });
        assert_eq!(count(json!({ "model": "gpt-5", "messages": [message] })), 3 + 4 + 2);
        assert_eq!(count(json!({ "messages": [message, message], "stream": true })), 3 + 2 * (4 + 2));
        let url = format!("data:image/png;base64,{}", "A".repeat(300_000));
        let picture =
            json!({ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": url } }] });
        assert_eq!(count(json!({ "messages": [picture] })), 3 + 4 + media::TOKENS);
        assert_eq!(Sample::of_request(b"no JSON").tokens("gpt-5"), 2 + 3);
    }

    #[test]
    fn an_answer_is_its_words() {
        ready();
        let message = json!({ "role": "assistant", "content": "hello", "reasoning_content": " world" });
        let answer =
            json!({ "id": "x", "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }] });
        assert_eq!(Sample::of_answer(answer.to_string().as_bytes()).tokens("gpt-5"), 2);
    }

    #[test]
    fn text_without_spaces_is_text_and_an_answers_data_is_not_lost() {
        ready();
        let chinese = "漢字を数える。".repeat(100);
        let message = |content: &str| json!({ "role": "assistant", "content": content });
        let answered = |content: &str| {
            let answer = json!({ "choices": [{ "message": message(content) }] });
            Sample::of_answer(answer.to_string().as_bytes()).tokens("gpt-5")
        };
        let request = json!({ "messages": [message(&chinese)] });
        assert_eq!(answered(&chinese), said(&chinese).tokens("gpt-5"));
        assert!(answered(&chinese) >= 500);
        assert_eq!(
            Sample::of_request(request.to_string().as_bytes()).tokens("gpt-5"),
            3 + 4 + answered(&chinese)
        );
        assert_eq!(answered(&"QUJD".repeat(1_000)), media::TOKENS);
    }
}
