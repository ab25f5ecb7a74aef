//! The parts that a message is made of.

use serde_json::{Map, Value};

use super::{TranslateError, text_of};

/// One part of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// A mark that the prompt up to here is to be kept by the provider's cache, as it came: Anthropic's
    /// `cache_control`, which others who know it take as well.
    pub cache_control: Option<Value>,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub enum PartKind {
    /// Text.
    Text(String),
    /// What a model would not say.
    Refusal(String),
    /// A picture.
    Image {
        /// Where it is.
        source: Source,
        /// `low`, `high` or `auto`.
        detail: Option<String>,
    },
    /// A document.
    File {
        /// Where it is.
        source: Source,
        /// Its name.
        filename: Option<String>,
    },
    /// Sound.
    Audio {
        /// base64.
        data: String,
        /// `wav`, `mp3`.
        format: String,
    },
}

/// Where a picture or a document is. The gateway never fetches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Here.
    Data {
        /// Such as `image/png`.
        media_type: String,
        /// base64.
        base64: String,
    },
    /// At an address that the provider may fetch.
    Url(String),
    /// With the provider, under this id.
    Id(String),
}

impl Part {
    /// A text without a mark.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: PartKind::Text(text.into()), cache_control: None }
    }

    /// The parts of a message's `content`: text, a list of parts, or nothing. `place` names it in errors.
    ///
    /// # Errors
    /// [`TranslateError::Malformed`] for what is no part.
    pub fn read_all(content: Option<&Value>, place: &str) -> Result<Vec<Self>, TranslateError> {
        match content {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![Self::text(text)]),
            Some(Value::Array(parts)) => {
                let read = |(index, part)| Self::read(part, &format!("{place}[{index}]"));
                parts.iter().enumerate().map(read).collect()
            }
            Some(_) => Err(TranslateError::malformed(place, "must be text or a list of parts")),
        }
    }

    fn read(part: &Value, place: &str) -> Result<Self, TranslateError> {
        let malformed = |problem| TranslateError::malformed(place, problem);
        if let Value::String(text) = part {
            return Ok(Self::text(text));
        }
        let part = part.as_object().ok_or_else(|| malformed("must be a part of a message"))?;
        let kind = match text_of(part.get("type")) {
            Some("text" | "input_text" | "output_text") => {
                let text = text_of(part.get("text")).ok_or_else(|| malformed("has no `text`"))?;
                PartKind::Text(text.to_owned())
            }
            Some("refusal") => {
                let text = text_of(part.get("refusal")).ok_or_else(|| malformed("has no `refusal`"))?;
                PartKind::Refusal(text.to_owned())
            }
            Some("image_url") => image(part).ok_or_else(|| malformed("has no `image_url`"))?,
            Some("file") => file(part).ok_or_else(|| malformed("has no `file` with data, id or url"))?,
            Some("input_audio") => audio(part).ok_or_else(|| malformed("has no `input_audio`"))?,
            _ => return Err(malformed("has a `type` that is none of text, image_url, file and input_audio")),
        };
        Ok(Self { kind, cache_control: part.get("cache_control").cloned() })
    }
}

/// The text of all parts that are text, one after the other; `None` when another kind is among them.
#[must_use]
pub fn only_text(parts: &[Part]) -> Option<String> {
    let text = |part: &Part| match &part.kind {
        PartKind::Text(text) | PartKind::Refusal(text) => Some(text.clone()),
        _ => None,
    };
    parts.iter().map(text).collect()
}

impl Source {
    /// An address, or the data in a data URI.
    #[must_use]
    pub fn read(url: &str) -> Self {
        Self::from_data_uri(url).unwrap_or_else(|| Self::Url(url.to_owned()))
    }

    /// RFC 2397; only base64 data, since that is what providers take.
    fn from_data_uri(url: &str) -> Option<Self> {
        let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
        let media_type = head.strip_suffix(";base64")?.split(';').next()?;
        let media_type = if media_type.is_empty() { "text/plain" } else { media_type };
        Some(Self::Data { media_type: media_type.to_owned(), base64: data.to_owned() })
    }
}

fn image(part: &Map<String, Value>) -> Option<PartKind> {
    let image = part.get("image_url")?;
    let url = text_of(Some(image)).or_else(|| text_of(image.get("url")))?;
    let detail = text_of(image.get("detail")).map(str::to_owned);
    Some(PartKind::Image { source: Source::read(url), detail })
}

fn file(part: &Map<String, Value>) -> Option<PartKind> {
    let file = part.get("file")?;
    let source = if let Some(id) = text_of(file.get("file_id")) {
        Source::Id(id.to_owned())
    } else {
        Source::read(text_of(file.get("file_data")).or_else(|| text_of(file.get("file_url")))?)
    };
    Some(PartKind::File { source, filename: text_of(file.get("filename")).map(str::to_owned) })
}

fn audio(part: &Map<String, Value>) -> Option<PartKind> {
    let audio = part.get("input_audio")?;
    let (data, format) = (text_of(audio.get("data"))?, text_of(audio.get("format"))?);
    Some(PartKind::Audio { data: data.to_owned(), format: format.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_one_part_and_a_list_keeps_its_order_and_its_marks() {
        let content = json!([
            {"type": "text", "text": "see", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "image_url", "image_url": "https://example.com/a.png"},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf"}},
            {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}},
        ]);
        let parts = Part::read_all(Some(&content), "content").expect("parts");
        assert_eq!(parts[0].cache_control, Some(json!({"type": "ephemeral"})));
        let png = Source::Data { media_type: "image/png".to_owned(), base64: "AAAA".to_owned() };
        assert_eq!(parts[1].kind, PartKind::Image { source: png, detail: Some("low".to_owned()) });
        let url = Source::Url("https://example.com/a.png".to_owned());
        assert_eq!(parts[2].kind, PartKind::Image { source: url, detail: None });
        assert_eq!(parts.len(), 5);
        assert_eq!(only_text(&parts), None);
        assert_eq!(only_text(&parts[..1]).as_deref(), Some("see"));
        assert_eq!(Part::read_all(Some(&json!("hi")), "content"), Ok(vec![Part::text("hi")]));
        assert_eq!(Part::read_all(Some(&Value::Null), "content"), Ok(vec![]));
    }

    #[test]
    fn what_is_no_part_is_told_by_its_place() {
        for (content, wanted) in [
            (json!(7), "`content` must be text or a list of parts"),
            (json!([7]), "`content[0]` must be a part of a message"),
            (json!([{"type": "text"}]), "`content[0]` has no `text`"),
            (
                json!(["a", {"type": "video"}]),
                "`content[1]` has a `type` that is none of text, image_url, file and input_audio",
            ),
        ] {
            let error = Part::read_all(Some(&content), "content").expect_err("a refusal");
            assert_eq!(error.to_string(), wanted);
        }
    }
}
